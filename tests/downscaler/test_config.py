"""Flags and variables: names, defaults, precedence, and one line for what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from downscaler.config import Config, read_config
from downscaler.options import COMPONENT, parser
from downscaler.policy import RestorePolicy
from shared.errors import UsageError
from shared.flags import flag_table


def read(*argv: str, **environ: str) -> Config:
    return read_config(list(argv), environ)


def test_defaults_are_those_of_the_existing_tools() -> None:
    config = read()
    assert [kind.id for kind in config.kinds] == ["deployments"]
    assert config.interval == 30
    assert config.rules.policy.grace_period.value == timedelta(seconds=900)
    assert (config.rules.policy.uptime.value.text, config.rules.policy.downtime.value.text) == ("always", "never")
    assert config.rules.policy.upscale_period.value.is_never
    assert config.rules.policy.downscale_period.value.is_never
    assert config.rules.policy.downtime_replicas.value == 0
    assert config.rules.policy.restore is RestorePolicy.MAX
    assert not config.rules.policy.upscale_target_only
    assert config.rules.scope.namespace_exclusion("kube-system")
    assert all(
        config.rules.scope.names.matches(name)
        for name in ("kube-downscaler", "downscaler", "py-kube-downscaler", "kube-thrift-downscaler")
    )
    assert config.namespaces == ()
    assert config.connection.timeout == 10
    assert config.connection.field_manager == COMPONENT
    assert config.notices == ()
    assert not any((config.once, config.connection.dry_run, config.enable_events, config.rules.forced_per_namespace))


VARIABLES = {
    "NAMESPACE": "--namespace",
    "INCLUDE_RESOURCES": "--include-resources",
    "GRACE_PERIOD": "--grace-period",
    "UPSCALE_PERIOD": "--upscale-period",
    "DEFAULT_UPTIME": "--default-uptime",
    "DOWNSCALE_PERIOD": "--downscale-period",
    "DEFAULT_DOWNTIME": "--default-downtime",
    "EXCLUDE_NAMESPACES": "--exclude-namespaces",
    "EXCLUDE_DEPLOYMENTS": "--exclude-deployments",
    "DOWNTIME_REPLICAS": "--downtime-replicas",
    "MATCHING_LABELS": "--matching-labels",
    "ADMISSION_CONTROLLER": "--admission-controller",
    "API_SERVER_TIMEOUT": "--api-server-timeout",
    "MAX_RETRIES_ON_CONFLICT": "--max-retries-on-conflict",
    "MAX_RETRIES_ON_THROTTLING": "--max-retries-on-throttling",
    "QPS": "--qps",
    "BURST": "--burst",
    "DEFAULT_TIMEZONE": "--default-timezone",
    "DEFAULT_WEEKFRAME": "--default-weekframe",
}


def test_every_variable_of_the_existing_tools_is_read() -> None:
    declared = {row.env: row.flag for row in flag_table(parser()) if row.env}
    assert declared.items() >= VARIABLES.items()


def test_every_flag_of_the_existing_tools_is_there() -> None:
    flags = {name for row in flag_table(parser()) for name in row.flag.split(", ")}
    assert flags >= {"--dry-run", "--debug", "-d", "--once", "--interval", "--deployment-time-annotation", "--enable-events"}
    assert flags >= {"--upscale-target-only", "--json-logs"}


def test_a_flag_wins_over_its_variable() -> None:
    assert [kind.id for kind in read(INCLUDE_RESOURCES="statefulsets").kinds] == ["statefulsets"]
    assert [kind.id for kind in read("--include-resources=cronjobs", INCLUDE_RESOURCES="statefulsets").kinds] == ["cronjobs"]


def test_lists_are_trimmed_and_an_empty_list_is_none() -> None:
    config = read(
        "--exclude-namespaces= kube-.* , shop ,", "--exclude-deployments=", "--namespace=a, b,a", "--matching-labels= a=b , c=d "
    )
    assert config.rules.scope.namespace_exclusion("shop")
    assert config.rules.scope.namespace_exclusion("kube-public")
    assert not config.rules.scope.namespace_exclusion("shop2")
    assert not config.rules.scope.names
    assert config.namespaces == ("a", "b")
    assert config.rules.scope.labels.matches({"c": "d"})


def test_kinds_come_in_the_tables_order() -> None:
    config = read("--include-resources=jobs, deployments,cronjobs,deployments")
    assert [kind.id for kind in config.kinds] == ["deployments", "cronjobs", "jobs"]


def test_values() -> None:
    config = read(
        *("--grace-period=5m", "--downtime-replicas=50%", "--restore-policy=if-untouched", "--force-uptime-scope=namespace"),
        *("--enable-events", "--upscale-target-only", "--once", "--dry-run", "-d", "--json-logs", "--metrics-port=9000"),
        *("--deployment-time-annotation=example.org/deployed", "--default-uptime=Mon-Fri 08:00-18:00"),
        DEFAULT_TIMEZONE="europe/berlin",
        DEFAULT_WEEKFRAME="Mon-Fri",
    )
    assert config.rules.policy.grace_period.value == config.rules.context.grace_period == timedelta(seconds=300)
    assert config.rules.policy.downtime_replicas.value == "50%"
    assert config.rules.policy.restore is RestorePolicy.IF_UNTOUCHED
    assert config.rules.context.deployment_time_key == "example.org/deployed"
    assert (config.rules.context.defaults.timezone, config.rules.context.defaults.weekframe) == ("Europe/Berlin", "Mon-Fri")
    assert config.connection.dry_run
    assert config.metrics_port == 9000
    assert all((config.rules.forced_per_namespace, config.enable_events, config.once, config.debug, config.json_logs))
    assert config.rules.policy.upscale_target_only


def test_the_admission_controller_is_reported_as_having_no_effect() -> None:
    (notice,) = read("--admission-controller=kyverno").notices
    assert "no effect" in notice


def test_autoscalers_with_the_default_target_are_noticed() -> None:
    (notice,) = read("--include-resources=deployments,horizontalpodautoscalers").notices
    assert "downscaler/downtime-replicas" in notice
    assert read("--include-resources=horizontalpodautoscalers", "--downtime-replicas=1").notices == ()


def test_a_default_that_can_never_match_is_noticed() -> None:
    (notice,) = read(DEFAULT_DOWNTIME="Mon-Fri 00:00-00:00 UTC").notices
    assert notice.startswith("environment variable DEFAULT_DOWNTIME: ")


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (
            ["--include-resources=deployment"],
            {},
            "--include-resources: 'deployment' is not understood; accepted: one or more of deployments",
        ),
        (["--include-resources="], {}, "--include-resources: '' is not understood"),
        (["--include-resources=deployments,widgets"], {}, "gateways; any other kind is described by --custom-kinds"),
        ([], {"INCLUDE_RESOURCES": "pods"}, "environment variable INCLUDE_RESOURCES: 'pods'"),
        (["--namespace=a/b"], {}, "--namespace: 'a/b'"),
        (["--exclude-namespaces=*"], {}, "--exclude-namespaces: '*'"),
        (["--matching-labels=["], {}, "--matching-labels: '['"),
        (["--default-uptime=rubbish"], {}, "--default-uptime: 'rubbish'"),
        ([], {"DEFAULT_DOWNTIME": "Mon-Fri 08:00-18:00"}, "environment variable DEFAULT_DOWNTIME"),
        (["--default-timezone=PST"], {}, "--default-timezone: 'PST'"),
        ([], {"DEFAULT_WEEKFRAME": "weekdays"}, "environment variable DEFAULT_WEEKFRAME: 'weekdays'"),
        (["--custom-kinds=widgets"], {}, "--custom-kinds: 'widgets' is not understood; accepted: group/version/plural:path"),
        (["--custom-kinds=example.org/v1/widgets:status.replicas"], {}, "neither with metadata nor with status"),
        (["--burst=5"], {}, "--qps"),
    ],
)
def test_usage_errors_name_the_place(argv: list[str], environ: dict[str, str], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*argv, **environ)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["--grace-period=soon"], {}, "--grace-period"),
        (["--grace-period=999999999999"], {}, "--grace-period"),
        (["--downtime-replicas=-1"], {}, "--downtime-replicas"),
        ([], {"DOWNTIME_REPLICAS": "few"}, "DOWNTIME_REPLICAS"),
        (["--restore-policy=maybe"], {}, "max, always, if-untouched"),
        (["--admission-controller=opa"], {}, "gatekeeper, kyverno"),
        (["--upscale-period=always", "--default-uptime=always"], {}, "exclude each other"),
        (["--downscale-period=always", "--default-downtime=always"], {}, "exclude each other"),
        (["--interval=0"], {}, "--interval"),
        (["--no-such-flag"], {}, "--no-such-flag"),
    ],
)
def test_wrong_flags_exit_with_two_and_one_line(
    argv: list[str], environ: dict[str, str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read(*argv, **environ)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_exclusive_flags_may_both_come_from_the_environment() -> None:
    config = read("--upscale-period=always", DEFAULT_UPTIME="never")
    assert config.rules.policy.uptime.value.is_never
