from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from janitor.config import Backup, Config
from janitor.flags import config_from, janitor_parser, own_namespace
from shared.errors import UsageError
from shared.flags import flag_table
from shared.kinds import DEPLOYMENTS, EVENTS
from shared.objects import Meta, Object


def config(*argv: str, **environ: str) -> Config:
    return config_from(janitor_parser().read(argv, environ), environ)


# Flag, environment variable and default of every option that kube-janitor has.
OLD = [
    ("--dry-run", "", ""),
    ("-d, --debug", "", ""),
    ("--once", "", ""),
    ("--interval", "", "30"),
    ("--wait-after-delete", "", "0"),
    ("--delete-notification", "", "0"),
    ("--include-resources", "INCLUDE_RESOURCES", "all"),
    ("--exclude-resources", "EXCLUDE_RESOURCES", "events,controllerrevisions"),
    ("--include-namespaces", "INCLUDE_NAMESPACES", "all"),
    ("--exclude-namespaces", "EXCLUDE_NAMESPACES", "kube-system"),
    ("--rules-file", "RULES_FILE", ""),
    ("--deployment-time-annotation", "", ""),
    ("--resource-context-hook", "RESOURCE_CONTEXT_HOOK", ""),
    ("-q, --quiet", "", ""),
    ("--log-format", "", "%(asctime)s %(levelname)s: %(message)s"),
    ("--include-cluster-resources", "", ""),
    ("--webhook-url", "WEBHOOK_URL", ""),
    ("--context-name", "CONTEXT_NAME", ""),
]


@pytest.mark.parametrize(("flag", "env", "default"), OLD)
def test_every_old_flag_has_its_name_variable_and_default(flag: str, env: str, default: str) -> None:
    rows = {row.flag: row for row in flag_table(janitor_parser())}

    assert (rows[flag].env, rows[flag].default) == (env, default)


def test_the_defaults_are_those_of_a_config() -> None:
    assert config() == Config()


def test_a_full_command_line() -> None:
    found = config(
        "--delete-notification=3600",
        "--deployment-time-annotation=deployment-time",
        "--include-cluster-resources",
        "--wait-after-delete=2",
        "--protect=prod-*,*/vault",
        "--quarantine=7d",
        "--rule-soak=24h",
        "--max-lifetime=30d",
        "--include-owned",
        "--delete-managed",
        "--also-read=twin,kyverno",
        "--ttl-label=ttl",
        "--annotation-resources=deployments",
        "--breaker-rule-deletions=5",
        "--breaker-window=1h",
        "--max-deletes-per-minute=10",
        "--evict-pods",
        "--state=tools/state",
        "--backup=/backup",
        "--quiet",
        "--parallelism=2",
        "--namespace-selector=env=dev",
    )

    policy = found.policy
    assert (policy.notification, policy.quarantine, policy.soak) == (timedelta(hours=1), timedelta(days=7), timedelta(days=1))
    assert policy.longest_life == timedelta(days=30)
    assert (policy.include_owned, policy.delete_managed) == (True, True)
    assert (
        policy.keys.starts == ("deployment-time", "k8s-ttl-controller.twin.sh/refreshed-at")
        or "deployment-time" in policy.keys.starts
    )
    assert policy.keys.ttl_labels == ("ttl", "cleanup.kyverno.io/ttl")
    assert len(policy.protection.patterns) == 2
    assert (found.limits.per_rule, found.limits.window) == (5, timedelta(hours=1))
    assert found.state == ("tools", "state")
    assert found.backup == Backup("/backup")
    assert found.scope.annotated is not None
    assert found.scope.cluster_scoped
    assert (found.wait_after_delete, found.max_deletes_per_minute, found.evict, found.quiet, found.list_workers) == (
        2,
        10,
        True,
        True,
        2,
    )


def test_the_environment_is_read_and_trimmed() -> None:
    found = config(
        INCLUDE_RESOURCES=" deployments , pods", EXCLUDE_NAMESPACES="a, b", WEBHOOK_URL="https://x", CONTEXT_NAME="prod"
    )

    assert found.scope.allows_resource(DEPLOYMENTS)
    assert not found.scope.allows_resource(EVENTS)
    assert not found.scope.allows_namespace(Object(metadata=Meta(name="b")))
    assert (found.telling.webhook_url, found.telling.context_name) == ("https://x", "prod")


def test_an_empty_variable_is_the_default() -> None:
    found = config(EXCLUDE_NAMESPACES="", INCLUDE_RESOURCES="", RULES_FILE="")

    assert not found.scope.allows_namespace(Object(metadata=Meta(name="kube-system")))
    assert found.scope.include_resources is None
    assert found.rules_file is None


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--interval=0"], "--interval"),
        (["--delete-notification=soon"], "'soon' is not understood"),
        (["--protect=a/b/c/d"], "NAMESPACE/NAME"),
        (["--also-read=flux"], "cleaner, janitor.io, kyverno"),
        (["--state=tools"], "NAMESPACE/NAME of a ConfigMap, or none"),
        (["--backup-secrets=maybe"], "refuse, skip"),
        (["--rule-soak=1y"], "'1y' is not understood"),
        (["--namespace-selector=a b"], "label selector"),
        (["--breaker-percent=-1"], "at least 0"),
        (["--unknown"], "--unknown"),
    ],
)
def test_a_wrong_value_is_one_line_and_exit_code_2(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        janitor_parser().read(argv, {})

    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert says in error
    assert error.startswith("kube-janitor: error: ")
    assert error.count("\n") == 1


def test_where_the_state_is_kept() -> None:
    assert config(POD_NAMESPACE="tools").state == ("tools", "kube-janitor-state")
    assert config("--state=none", POD_NAMESPACE="tools").state is None
    assert config().state is None
    assert config(POD_NAMESPACE="tools").policy.protection.own_namespace == "tools"


def test_the_own_namespace(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("tools\n")

    assert own_namespace({}, str(tmp_path)) == "tools"
    assert own_namespace({"POD_NAMESPACE": "a"}, str(tmp_path)) == "a"
    assert own_namespace({}, str(tmp_path / "x")) == ""


def test_files_that_flags_name(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" secret \n")
    (tmp_path / "template").write_text("{{ text }}")

    found = config(
        "--backup=/b",
        f"--backup-key-file={tmp_path}/key",
        f"--webhook-template={tmp_path}/template",
        f"--webhook-secret-file={tmp_path}/key",
    )

    assert found.backup is not None
    assert (found.backup.key, found.telling.secret) == ("secret", "secret")
    assert (found.telling.form, found.telling.template) == ("template", "{{ text }}")


@pytest.mark.parametrize(
    "argv",
    [
        ["--backup=/b", "--backup-key-file=/nowhere/key"],
        ["--webhook-secret-file=/nowhere/key"],
        ["--webhook-format=template"],
        ["--webhook-template=/nowhere/t"],
    ],
)
def test_a_file_that_is_missing_is_one_line(argv: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        config(*argv)
    assert argv[-1].partition("=")[0] in str(caught.value)


def test_an_empty_key_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")

    with pytest.raises(UsageError, match="the file is empty"):
        config("--backup=/b", f"--backup-key-file={tmp_path}/key")


def test_the_documentation_names_every_flag_with_its_variable_and_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "janitor.md").read_text()

    for row in flag_table(janitor_parser()):
        name = row.flag.replace(", ", "`, `")
        line = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), None)
        assert line is not None, f"docs/janitor.md does not explain {row.flag}"
        cells: list[Any] = [cell.strip() for cell in line.strip().strip("|").split("|")]
        assert cells[1].strip("`") == row.env, row.flag
        assert cells[2].strip("`") == row.default, row.flag
