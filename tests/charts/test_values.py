"""What the schema refuses and accepts, that it knows every value, and that what is generated is current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import helm_python
import pytest
import yaml

from charts.generate import PARSERS, RESERVED, described, files, flags_of
from resource_report.templating import CSP
from tests.charts.rendering import CHART, CONTROLLERS, chart, render

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def nested(path: str, value: object) -> dict[str, Any]:
    """`{"a": {"b": value}}` for `a.b`."""
    result: Any = value
    for name in reversed(path.split(".")):
        result = {name: result}
    return dict(result)


REFUSED = [
    ("imagee", {}, "additional properties 'imagee'"),
    ("image.tagg", "1", "additional properties 'tagg'"),
    ("image.tag", "latest", "/image/tag"),
    ("image.tag", "a b", "/image/tag"),
    ("image.digest", "sha256:1", "/image/digest"),
    ("image.pullPolicy", "always", "/image/pullPolicy"),
    ("imagePullSecrets", ["name"], "/imagePullSecrets/0"),
    ("fullnameOverride", "Upper", "/fullnameOverride"),
    ("fullnameOverride", "1st", "/fullnameOverride"),
    ("fullnameOverride", "x" * 41, "/fullnameOverride"),
    ("commonLabels", {"app.kubernetes.io/component": "x"}, "/commonLabels"),
    ("commonLabels", {"a": "b c"}, "/commonLabels/a"),
    ("clusterName", "a,b", "/clusterName"),
    ("namespaces", ["Staging"], "/namespaces/0"),
    ("namespaces", ["kube-*"], "/namespaces/0"),
    ("namespaces", ["a", "a"], "/namespaces"),
    ("namespaces", "a,b", "/namespaces"),
    ("metrics.port", 80, "/metrics/port"),
    ("metrics.podMonitor.interval", "30", "/metrics/podMonitor"),
    ("metrics.podMonitor.intervall", "30s", "additional properties 'intervall'"),
    ("networkPolicy.egressCidrs", ["10.0.0.0"], "/networkPolicy/egressCidrs/0"),
    ("admissionPolicy.action", ["deny"], "/admissionPolicy/action/0"),
    ("admissionPolicy.action", ["Deny", "Warn"], "/admissionPolicy/action"),
    ("downscaler.replicas", 2, "/downscaler/replicas"),
    ("janitor.replicas", 2, "/janitor/replicas"),
    ("report.replicas", 2, "/report/replicas"),
    ("downscaler.mode", "deployment", "/downscaler/mode"),
    ("downscaler.dryRun", "false", "/downscaler/dryRun"),
    ("downscaler.schedule", "every 5m", "/downscaler/schedule"),
    ("downscaler.includeResources", [], "/downscaler/includeResources"),
    ("downscaler.includeResources", ["all,deployments"], "/downscaler/includeResources/0"),
    ("downscaler.customKinds", ["clusters"], "/downscaler/customKinds/0"),
    ("downscaler.config.defualt-uptime", "always", "additional properties 'defualt-uptime'"),
    ("downscaler.config.dry-run", False, "additional properties 'dry-run'"),
    ("downscaler.config.namespace", "a", "additional properties 'namespace'"),
    ("downscaler.config.json-logs", "true", "/downscaler/config/json-logs"),
    ("downscaler.config.default-uptime", True, "/downscaler/config/default-uptime"),
    ("downscaler.config.default-uptime", {"a": "b"}, "/downscaler/config/default-uptime"),
    ("downscaler.calendars", {"a/b": "x"}, "/downscaler/calendars"),
    ("downscaler.extraArgs", "--debug", "/downscaler/extraArgs"),
    ("downscaler.resources.limits.memory", "1 GB", "/downscaler/resources"),
    ("downscaler.resources.limit", {}, "additional properties 'limit'"),
    ("downscaler.cronJob.backoffLimit", -1, "/downscaler/cronJob"),
    ("downscaler.podLabels", {"app.kubernetes.io/name": "x"}, "/downscaler/podLabels"),
    ("downscaler.podDisruptionBudget.maxUnavailable", "120%", "/downscaler/podDisruptionBudget"),
    ("janitor.serviceAccount.annotations", {"eks.amazonaws.com/role-arn": "my-role"}, "role-arn"),
    ("janitor.includeResources", ["all"], "/janitor/includeResources/0"),
    ("janitor.includeResources", ["*"], "/janitor/includeResources/0"),
    ("janitor.excludeResources", ["all"], "/janitor/excludeResources/0"),
    ("janitor.rules", "rules: []", "/janitor/rules"),
    ("janitor.rules", [{"id": "A b", "resources": ["pods"]}], "/janitor/rules/0/id"),
    ("janitor.rules", [{"id": "a"}], "/janitor/rules/0"),
    ("report.mode", "cronjob", "/report/storage/type"),
    ("report.storage", {"type": "s3"}, "/report/storage/s3/bucket"),
    ("report.storage", {"type": "s3", "s3": {"bucket": "pages", "prefix": "/a/"}}, "/report/storage/s3/prefix"),
    ("report.storage.type", "nfs", "/report/storage/type"),
    ("report.files", {"../x": ""}, "/report/files"),
    ("report.nginx.port", 80, "/report/nginx/port"),
    ("report.nginx.runAsUser", 0, "/report/nginx/runAsUser"),
    ("report.nginx.image.tag", "latest", "/report/nginx/image/tag"),
    ("report.nginx.contentSecurityPolicy", 'x" always; root /', "/report/nginx/contentSecurityPolicy"),
    ("report.ingress.pathType", "prefix", "/report/ingress/pathType"),
    ("report.httpRoute", {"enabled": True}, "/report/httpRoute/parentRefs"),
    ("report", {"nginx": {"enabled": False}, "ingress": {"enabled": True}}, "/report/ingress/enabled"),
    (
        "report",
        {"storage": {"type": "s3", "s3": {"bucket": "pages"}}, "httpRoute": {"enabled": True}},
        "/report/httpRoute/enabled",
    ),
    ("report.config.data-path", "/x", "additional properties 'data-path'"),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED, ids=[f"{path}={str(value)[:40]}" for path, value, _ in REFUSED])
def test_it_refuses(path: str, value: object, message: str) -> None:
    with pytest.raises(helm_python.HelmValuesError) as problem:
        chart().validate_schema(nested(path, value))
    assert message in str(problem.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("global", {"anything": 1}),
        ("downscaler.replicas", 0),
        ("downscaler.schedule", "@hourly"),
        ("downscaler.schedule", "*/5 6-20 * * 1-5"),
        ("downscaler.cronJob.timeZone", "America/Argentina/Buenos_Aires"),
        ("downscaler.resources.limits.cpu", 1),
        ("downscaler.podDisruptionBudget.maxUnavailable", "50%"),
        ("downscaler.config.exclude-namespaces", ["kube-.*"]),
        ("janitor.serviceAccount.annotations", {"eks.amazonaws.com/role-arn": "arn:aws-cn:iam::123456789012:role/path/name"}),
        ("janitor.includeResources", ["certificates.cert-manager.io"]),
        ("admissionPolicy.action", ["Warn", "Audit"]),
        ("report.storage.s3.region", "us-gov-west-1"),
        ("image.registry", "localhost:5000"),
        ("commonLabels", {"example.org/cost-center": "42"}),
    ],
)
def test_it_accepts(path: str, value: object) -> None:
    chart().validate_schema(nested(path, value))
    assert render(nested(path, value)).documents


def leaves(values: Any, schema: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """Each key of values.yaml with whether the schema declares it, down to where the schema is free."""
    for reference in [schema, *schema.get("allOf", ())]:
        if "$ref" in reference:
            schema = SCHEMA["definitions"][reference["$ref"].rpartition("/")[2]]
    if not isinstance(values, dict) or "properties" not in schema or schema.get("additionalProperties") is not False:
        return
    for key, value in values.items():
        yield f"{path}{key}", key in schema["properties"]
        if key in schema["properties"]:
            yield from leaves(value, schema["properties"][key], f"{path}{key}.")
    for key in schema["properties"].keys() - values.keys():
        yield f"{path}{key}", key == "global" or path.endswith((".config.", ".resources."))


def test_the_schema_knows_every_value_and_no_other() -> None:
    found = list(leaves(VALUES, SCHEMA))
    assert [path for path, known in found if not known] == []
    assert len(found) > 250


def test_every_value_is_described_once() -> None:
    """A value has a comment of its own, or belongs to one that has (a security context, an affinity)."""
    text = (CHART / "values.yaml").read_text()
    paths = [value.path for value in described(text)]
    assert len(paths) == len(set(paths))
    known = set(paths)
    for path, _ in leaves(VALUES, SCHEMA):
        parts = path.split(".")
        above = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        below = any(other.startswith(f"{path}.") for other in known)
        assert above & known or below or path == "global" or ".config." in path or ".resources." in path, path


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_generated_files_are_current(path: Any) -> None:
    """`python -m charts.generate` writes them anew."""
    assert path.read_text() == files()[path]


def test_a_comment_that_describes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(described("# -- nothing\n\na: 1\n"))


def test_a_table_cell_keeps_its_bars() -> None:
    text = next(iter(files().values()))
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_flag_is_set_by_the_chart_or_by_the_user(controller: str) -> None:
    """And a reserved flag exists: one that was renamed would else be open to the user under its new name."""
    names = {name.removeprefix("--") for each in PARSERS[controller]().declared for name in each.names if name.startswith("--")}
    assert RESERVED[controller] <= names
    assert flags_of(controller)["properties"].keys() == names - RESERVED[controller]


def test_the_pages_get_the_policy_they_ask_for() -> None:
    assert VALUES["report"]["nginx"]["contentSecurityPolicy"] == f"{CSP}; frame-ancestors 'none'"


def test_the_limits_are_above_what_was_measured() -> None:
    """MiB of the runs in README.md, and what boto3 takes on top where it is loaded."""
    for controller, measured in {"downscaler": 47, "janitor": 47 + 60, "report": 313 + 60}.items():
        limit = VALUES[controller]["resources"]["limits"]["memory"]
        assert int(limit.removesuffix("Mi")) > 1.5 * measured
