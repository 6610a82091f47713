"""The command lines of the pods, read by the controllers' own parsers, with the ConfigMaps where the pod has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from charts.generate import PARSERS
from downscaler.config import Config as DownscalerConfig
from downscaler.config import read_config as read_downscaler
from downscaler.stop import Controller
from janitor.flags import config_from, janitor_parser
from janitor.rules import Rule, parse_rules
from resource_report.config import Config as ReportConfig
from resource_report.config import read_config as read_report
from shared.filters import split_list
from shared.flags import boolean
from shared.kinds import CRON_JOBS, DEPLOYMENTS
from tests.charts.rendering import CASES, HOSTILE, NAMESPACE, Manifest, Rendered, own_argument, render, rendered

every_case = pytest.mark.parametrize("case", CASES)


@dataclass(frozen=True)
class Command:
    """What one container runs: its program, its arguments on this machine, its mode by its workload, and where /etc is."""

    where: str
    program: str
    arguments: list[str]
    root: Path

    @property
    def daemon(self) -> bool:
        return self.where.startswith("Deployment")


def commands(found: Rendered, root: Path) -> list[Command]:
    """Every command line, with the mounts of its pod made below *root*: ConfigMaps as files, all else as empty folders."""
    made = []
    for where, template, container in found.commands():
        home = root / where.replace(" ", "-")
        arguments = [own_argument(argument) for argument in container["args"]]
        for mount in container["volumeMounts"]:
            place = home / mount["mountPath"].lstrip("/")
            place.mkdir(parents=True)
            for name, text in mounted(found, template, mount["name"]).items():
                (place / name).write_text(text)
            arguments = [argument.replace(mount["mountPath"], str(place)) for argument in arguments]
        made.append(Command(where, container["command"][0], arguments, home))
    return made


def mounted(found: Rendered, template: Manifest, volume: str) -> dict[str, str]:
    (source,) = [each for each in template["spec"]["volumes"] if each["name"] == volume]
    if "configMap" not in source:
        return {}
    data: dict[str, str] = found.one("ConfigMap", source["configMap"]["name"])["data"]
    return data


def read(command: Command) -> tuple[Any, list[str]]:
    """The controller's configuration, and what it would complain of."""
    if command.program == "kube-downscaler":
        config = read_downscaler(command.arguments, {})
        return config, list(config.notices)
    if command.program == "kube-resource-report":
        return read_report(command.arguments, {"HOME": "/tmp"}), []
    flags = janitor_parser().read(command.arguments, {})
    config = config_from(flags, {"POD_NAMESPACE": NAMESPACE})
    if config.rules_file is None:
        return (flags, config), []
    rules = parse_rules(Path(config.rules_file).read_text(), config.rules_file)
    return (flags, config), [str(rule) for rule in rules.rules if not isinstance(rule, Rule)] + [
        str(each) for each in rules.problems
    ]


def only(values: dict[str, Any], program: str, root: Path) -> Any:
    """The configuration of the one *program* that *values* lead to."""
    (command,) = [each for each in commands(render(values), root) if each.program == program]
    return read(command)[0]


@every_case
def test_every_command_line_is_understood(case: str, tmp_path: Path) -> None:
    found = commands(rendered(case), tmp_path)
    assert len(found) == sum(1 for _ in rendered(case).commands())
    for command in found:
        _, complaints = read(command)
        assert complaints == [], command.where


@every_case
def test_the_mode_is_that_of_the_workload(case: str, tmp_path: Path) -> None:
    """A Deployment's process goes on and has probes, a Job's ends."""
    metrics = CASES[case].get("metrics", {})
    port = metrics.get("port", 7979) if metrics.get("enabled", True) else 0
    for command in commands(rendered(case), tmp_path):
        config, _ = read(command)
        config = config[0] if isinstance(config, tuple) else config
        once = config.interval == 0 if isinstance(config, ReportConfig) else config.once or bool(getattr(config, "command", ""))
        assert once is not command.daemon, command.where
        assert config.metrics_port == (port if command.daemon else 0), command.where


@every_case
def test_nothing_is_written_without_being_switched_on(case: str, tmp_path: Path) -> None:
    for command in commands(rendered(case), tmp_path):
        values = CASES[case].get(command.program.removeprefix("kube-"), {})
        config, _ = read(command)
        if isinstance(config, ReportConfig) or getattr(config, "command", ""):
            continue
        dry_run = config[0].dry_run if isinstance(config, tuple) else config.connection.dry_run
        assert dry_run is values.get("dryRun", True), command.where


@every_case
def test_probes_ask_the_port_that_is_served(case: str) -> None:
    for where, template in rendered(case).pods():
        for container in template["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
            probes = [container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe") if name in container]
            assert len(probes) == (2 if ports else 0), where
            assert all(probe["port"] in ports for probe in probes), where
            if "metrics" in ports:
                assert [probe["path"] for probe in probes] == ["/healthz", "/readyz"]
                assert f"--metrics-port={ports['metrics']}" in container["args"]


def test_the_values_of_the_downscaler_arrive(tmp_path: Path) -> None:
    values = CASES["downscaler alone, switched on"]
    config: DownscalerConfig = only(values, "kube-downscaler", tmp_path)
    assert [kind.id for kind in config.kinds][:3] == ["deployments", "statefulsets", "cronjobs"]
    assert len(config.kinds) == 6
    assert config.enable_events
    assert (config.connection.qps, config.json_logs, config.debug) == (12.5, True, False)
    assert config.rules.policy.grace_period.value == timedelta(seconds=1_000_000)
    assert config.rules.scope.namespaces.matches("kube-public")
    assert {calendar.name for calendar in config.rules.context.defaults.calendars} == {"office", "plant"}


def test_listed_namespaces_arrive(tmp_path: Path) -> None:
    found = {command.program: read(command)[0] for command in commands(rendered("some namespaces"), tmp_path)}
    assert found["kube-downscaler"].namespaces == ("staging", "review")
    assert found["kube-janitor"][1].scope.named_namespaces == ("review", "staging")
    assert found["kube-janitor"][1].telling.context_name == "prod-eu"
    assert found["kube-resource-report"].discovery.default_name == "prod-eu"


def test_the_values_of_the_janitor_arrive(tmp_path: Path) -> None:
    (command,) = [each for each in commands(rendered("janitor switched on"), tmp_path) if each.program == "kube-janitor"]
    (_, config), _ = read(command)
    assert config.state == (NAMESPACE, "thrift-kube-thrift-janitor-state")
    assert config.deployment == "thrift-kube-thrift-janitor"
    assert (config.backup.target, config.evict, config.limits.percent) == ("s3://backups/janitor", True, 12.5)
    rules = parse_rules(Path(config.rules_file).read_text(), "rules")
    assert [rule.id for rule in rules.rules] == ["previews", "unlabelled"]


@pytest.mark.parametrize(("values", "state"), [({}, (NAMESPACE, "thrift-kube-thrift-janitor-state")), ({"state": "none"}, None)])
def test_the_janitor_remembers_unless_it_is_told_not_to(values: dict[str, str], state: object, tmp_path: Path) -> None:
    (_, config) = only({"janitor": {"config": values}}, "kube-janitor", tmp_path)
    assert config.state == state


def test_the_values_of_the_report_arrive(tmp_path: Path) -> None:
    config: ReportConfig = only(CASES["report with files"], "kube-resource-report", tmp_path)
    assert config.pages.links_file is not None
    assert config.pages.links_file.read_text() == "cluster: []\n"
    assert (config.interval, config.eks_fee, config.collect.alpha) == (3600.0, True, 0.5)
    assert config.figures.cost.default_overhead == 73
    assert config.output_dir not in (config.data_path, *config.data_path.parents)


@pytest.mark.parametrize("case", ["cronjobs, report to S3", "report to S3 from a daemon"])
def test_the_bucket_arrives(case: str, tmp_path: Path) -> None:
    config: ReportConfig = only(CASES[case], "kube-resource-report", tmp_path)
    assert str(config.publish) == "s3://reports/kubernetes/prod"
    (container,) = [each for _, _, each in rendered(case).commands() if each["command"] == ["kube-resource-report"]]
    assert {"name": "AWS_DEFAULT_REGION", "value": "eu-central-1"} in container["env"]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("restored on uninstall", Controller(DEPLOYMENTS, NAMESPACE, "thrift-kube-thrift-downscaler")),
        ("restored on uninstall, CronJob", Controller(CRON_JOBS, NAMESPACE, "thrift-kube-thrift-downscaler")),
    ],
)
def test_before_an_uninstall_the_controller_is_stopped_and_everything_restored(
    case: str, expected: Controller, tmp_path: Path
) -> None:
    """The hook names the workload that the chart makes, works on what it works on, and is no dry run."""
    found = rendered(case)
    (command,) = [each for each in commands(found, tmp_path) if each.where.startswith("Job ")]
    config: DownscalerConfig = read(command)[0]
    assert (config.command, config.stops, config.connection.dry_run) == ("restore-all", expected, False)
    assert config.namespaces == tuple(CASES[case].get("namespaces", ()))
    runner = found.one("CronJob" if expected.resource is CRON_JOBS else "Deployment", expected.name)
    assert runner["metadata"]["namespace"] == expected.namespace
    job = found.one("Job", f"{expected.name}-restore")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    labels = runner["spec"].get("jobTemplate", runner)["spec"]["template"]["metadata"]["labels"]
    assert not labels.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_what_means_something_to_somebody_arrives_as_it_is(tmp_path: Path) -> None:
    found = {command.program: command for command in commands(rendered("hostile texts"), tmp_path)}
    downscaler, janitor, report = (read(found[f"kube-{name}"])[0] for name in ("downscaler", "janitor", "resource-report"))
    assert downscaler.rules.context.deployment_time_key == HOSTILE
    assert downscaler.rules.scope.labels.matches({"team": "a"})
    assert janitor[1].telling.owner_key == HOSTILE
    assert parse_rules(Path(janitor[1].rules_file).read_text(), "rules").rules[0].resources.exact == {"pods"}
    assert report.collect.mapping.labels.team == split_list(HOSTILE)


def test_more_arguments_come_last_and_are_expanded() -> None:
    found = render({"downscaler": {"extraArgs": ["--default-uptime=$(UPTIME)"]}})
    (container,) = [each for _, _, each in found.commands() if each["command"] == ["kube-downscaler"]]
    assert container["args"][-1] == "--default-uptime=$(UPTIME)"


@pytest.mark.parametrize(
    ("value", "argument"),
    [
        (1, "--interval=1"),
        (0.5, "--interval=0.5"),
        (1e6, "--interval=1000000"),
        (123456789, "--interval=123456789"),
        ("5m", "--interval=5m"),
        (["a", 2], "--interval=a,2"),
        ("", "--interval="),
    ],
)
def test_a_value_is_written_as_it_was(value: object, argument: str) -> None:
    found = render({"downscaler": {"config": {"interval": value}}})
    (container,) = [each for _, _, each in found.commands() if each["command"] == ["kube-downscaler"]]
    assert argument in container["args"]


@pytest.mark.parametrize(("value", "there"), [(True, True), (False, False)])
def test_a_switch_is_given_or_not(value: bool, there: bool) -> None:
    found = render({"janitor": {"config": {"evict-pods": value}}})
    (container,) = [each for _, _, each in found.commands() if each["command"] == ["kube-janitor"]]
    assert ("--evict-pods" in container["args"]) is there
    assert not any("evict-pods=" in argument for argument in container["args"])


ON_BY_DEFAULT = [
    (controller, declared.names[-1].removeprefix("--"))
    for controller, parser in PARSERS.items()
    for declared in parser().declared
    if declared.parse is boolean and declared.default
]


@pytest.mark.parametrize(("controller", "flag"), ON_BY_DEFAULT)
def test_what_is_on_by_default_can_be_switched_off(controller: str, flag: str) -> None:
    found = render({controller: {"config": {flag: False}}})
    (container,) = [each for where, _, each in found.commands() if where.endswith(f"-{controller}")]
    flags = PARSERS[controller]().read([own_argument(argument) for argument in container["args"]], {})
    assert getattr(flags, flag.replace("-", "_")) is False


def test_something_is_on_by_default() -> None:
    assert ("downscaler", "status") in ON_BY_DEFAULT
