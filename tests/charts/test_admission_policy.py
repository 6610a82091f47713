"""The admission policies against the controllers' own parsers: what those accept is let through, what is refused they refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from downscaler.annotations import Context, read_overrides
from downscaler.calendars import Calendar
from downscaler.timespec import Defaults
from janitor.annotations import DEFAULT_TTL, EXPIRES, EXTEND_UNTIL, TTL, keys_for, parse_defaults, read_marks
from shared.errors import ValueProblem
from shared.objects import Meta
from tests.charts.admission import CHART, Policy, policies, refused, render, workload
from tests.charts.annotations import DOWNSCALER, JANITOR, SPECS, TEXT, UNCHECKED, annotations

# A configuration under which as much as possible is accepted.
GENEROUS = Context(Defaults("UTC", "Mon-Fri", (Calendar("works.council_2"),)), grace_period=timedelta(days=9999))
MANUAL = CHART.parents[1] / "docs" / "admission-policy.md"


def complaint(key: str, value: str) -> str | None:
    """What the controller accepts in place of *value*; None if it understands it."""
    if key == DEFAULT_TTL:
        try:
            parse_defaults(value)
        except ValueProblem as problem:
            return problem.accepted
        return None
    if key in JANITOR:
        marks = read_marks(Meta(name="web", annotations={key: value}), keys_for())
        return marks.problems[0].accepted if marks.problems else None
    found = read_overrides({key: value}, GENEROUS).complaints
    return next((each.accepted for each in found if not each.effect.startswith("note that")), None)


ACCEPTED: Mapping[tuple[str, ...], tuple[str, ...]] = {
    SPECS: (
        "always",
        "NEVER",
        " True ",
        "false",
        "Mon-Fri 07:30-20:00 Europe/Berlin",
        "mon-fri 7:30-20:00 europe/berlin",
        "Fri 22:00-06:00 UTC",
        "Sat-Mon 00:00-24:00 Etc/GMT+5",
        "Sun 00:00-00:00 UTC",
        "Mon - Fri 08:00 - 18:00 America/Port-au-Prince",
        "Mon-Fri Europe/Berlin",
        "Fri",
        "08:00-18:00",
        "08:00-18:00 EST5EDT",
        "2026-12-24T00:00:00+01:00 - 2026-12-27T00:00:00+01:00",
        "2026-12-24T00:00:00Z-2026-12-27 00:00",
        "2026-12-24t00:00:00.123456789z - 2026-12-27T00:00",
        "from 2026-12-31",
        "2026-01-31T09:59:59Z - 2026-10-30T19:00:01-11:00",
        "UNTIL\t2026-12-27 10:00:00-03:30",
        "cron(0 20 * * 1-5)/10h Europe/Berlin",
        "CRON( */15\t8-18/2,20 1,15 jan,jul mon-fri ) / 1h30m",
        "cron(0 0 l * *)/1d UTC",
        "holidays(DE-BE) Europe/Berlin",
        "Holidays( works.council_2 )",
        "Mon-Fri 08:00-18:00 UTC, Sat 10:00-14:00 UTC,holidays(US),cron(0 2 * * 1,3)/2h UTC",
        "always\x0b\x85\u2003",
        ", ".join(["Mon-Fri 08:00-18:00 Europe/Berlin"] * 40),
    ),
    ("downscaler/force-uptime", "downscaler/force-downtime"): ("", "  ", "true", "Sat-Sun 00:00-24:00 UTC"),
    ("downscaler/exclude-until", "downscaler/up-until", EXPIRES, EXTEND_UNTIL): (
        "2026-04-05",
        "2026-04-05 10:00",
        "2026-04-05t10:00",
        " 2026-04-05T10:00:00Z ",
        "2026-04-05T10:00:00.5+02:00",
        "2028-02-29",
        "2026-12-31T23:59:59Z",
        "2026-10-30 20:07",
    ),
    (EXPIRES, EXTEND_UNTIL): ("", "2026-4-5", "2026-4-5T7:5", "2026-4-5T7:5:9Z", "2026-04- 5", "٢٠٢٦-4-5"),
    ("downscaler/downtime-replicas", "downscaler/downscale-replicas"): (
        "0",
        " 3 ",
        "0002147483",
        "2147483647",
        "50%",
        "100%",
    ),
    ("downscaler/downtime-max-replicas",): ("1", "000000010", " 7\x1f", "999999999"),
    ("downscaler/grace-period",): ("900", "10m", "000000001", " 1h30m "),
    ("downscaler/wave",): ("0", "-1000", "1000", "0999", " 7 "),
    ("downscaler/depends-on",): (
        "",
        "deployment/db",
        "shop/StatefulSet/db , deploy/cache,,",
        "data/postgresqls/main",
        "deployment /db",
        "kafkabridges/x",
    ),
    ("downscaler/up-for",): ("3h", "1h30m", "31d", " 0d1s "),
    ("downscaler/scale-children", "downscaler/allow-volume-deletion"): ("true", "False", " TRUE "),
    (TTL,): ("", "7d", "1w2d6h", "Forever", " 90s ", "0d5m"),
    (DEFAULT_TTL,): ("", "deployments=7d,jobs=1d", "*=30d", " jobs.batch = forever , ,cm=1w"),
}
REFUSED: Mapping[tuple[str, ...], tuple[str, ...]] = {
    SPECS: (
        "8-18",
        "Mon-Fri 8-18",
        "Mon-Fri 08:00-18:00 Europe/Berlin;",
        "Mon-Fri 08:00-25:00 UTC",
        "Mon-Fri 08:60-18:00 UTC",
        "24:00-08:00 UTC",
        "Monday-Friday 08:00-18:00 UTC",
        "Mon-Fri 08:00-18:00 Europe Berlin",
        "Mon-Fri08:00-18:00 UTC",
        "Mo-Fr 08:00-18:00 UTC",
        "weekdays",
        "yes",
        "Mon-Fri 08:00-18:00 UTC,",
        "Mon-Fri 08:00-18:00 UTC, garbage",
        "2026-12-24 - 2026-12-27",
        "2026-13-24T00:00:00Z - 2026-12-27T00:00:00Z",
        "from tomorrow",
        "until",
        "cron(0 20 * *)/10h UTC",
        "cron(0 20 * * 1-5)/10 UTC",
        "cron(0 20 * * 1-5) UTC",
        "cron(0 20 * * 1-5)/0h UTC",
        "cron(0 20 * * 1-5/10h UTC",
        "holidays() UTC",
        "holidays(DE BE)",
        "'always'",
    ),
    ("downscaler/uptime", "downscaler/downtime", "downscaler/upscale-period"): ("", " "),
    ("downscaler/exclude-until", "downscaler/up-until", EXPIRES, EXTEND_UNTIL): (
        "tomorrow",
        "05.04.2026",
        "2026-13-01",
        "2026-04-05T10",
        "2026-04-05T10:00:00 UTC",
        "2026-04-05T25:00",
        "1775383200",
    ),
    ("downscaler/exclude-until", "downscaler/up-until"): ("", "2026-4-5"),
    ("downscaler/downtime-replicas", "downscaler/downscale-replicas"): ("", "one", "-1", "1.5", "101%", "5 %", "99999999999"),
    ("downscaler/downtime-max-replicas",): ("", "0", "-1", "50%", "one"),
    ("downscaler/grace-period",): ("", "0", "0s", "15 minutes", "-5", "1.5h"),
    ("downscaler/wave",): ("", "first", "1001", "-1001", "1.0", "+1"),
    ("downscaler/depends-on",): ("db", "a/b/c/d", "deployment/", "deployment:db", "shop/deployment/db cache, web"),
    ("downscaler/up-for",): ("", "0h", "3", "3 hours", "3H", "PT3H", "-3h"),
    ("downscaler/scale-children", "downscaler/allow-volume-deletion"): ("", "yes", "1", "truee"),
    (TTL,): (" ", "7", "7 days", "0s", "never", "1y", "-1d", "1.5h", "2026-04-05"),
    (DEFAULT_TTL,): ("7d", "jobs", "jobs=", "=7d", "jobs=7", "jobs=7d;cm=1d"),
}


def _cases(table: Mapping[tuple[str, ...], tuple[str, ...]]) -> list[tuple[tuple[str, ...], str]]:
    return [(keys, value) for keys, values in table.items() for value in values]


@pytest.mark.parametrize(("keys", "value"), _cases(ACCEPTED))
def test_what_the_controllers_understand_is_let_through(keys: tuple[str, ...], value: str) -> None:
    assert [key for key in keys if complaint(key, value)] == []
    assert [message for key in keys for message in refused(key, value)] == []


@pytest.mark.parametrize(("keys", "value"), _cases(REFUSED))
def test_what_they_do_not_understand_is_refused_in_one_line(keys: tuple[str, ...], value: str) -> None:
    for key in keys:
        assert complaint(key, value) is not None
        (message,) = refused(key, value)
        assert message.startswith(f"Deployment shop/web: annotation {key}='{value}' is not understood; accepted: ")
        assert "\n" not in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("downscaler/uptime", "weekdays"),
        ("downscaler/force-uptime", "yes"),
        ("downscaler/exclude-until", "tomorrow"),
        ("downscaler/downtime-replicas", "one"),
        ("downscaler/scale-children", "yes"),
        ("downscaler/downtime-max-replicas", "0"),
        ("downscaler/wave", "first"),
        ("downscaler/depends-on", "db"),
        ("downscaler/up-for", "0h"),
        (TTL, "7"),
        (EXPIRES, "tomorrow"),
        (DEFAULT_TTL, "jobs"),
    ],
)
def test_the_accepted_forms_are_named_in_the_controllers_own_words(key: str, value: str) -> None:
    (message,) = refused(key, value)
    assert message.endswith(f"accepted: {complaint(key, value)}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("downscaler/uptime", "Mon-Fri 08:00-18:00 Europe/Hamburg"),
        ("downscaler/uptime", "Mon-Fri 08:00-18:00 CEST"),
        ("downscaler/uptime", "holidays(XX)"),
        ("downscaler/uptime", "2026-02-30T00:00:00Z - 2026-03-01T00:00:00Z"),
        ("downscaler/uptime", "cron(61 20 * * 1-5)/10h UTC"),
        ("downscaler/uptime", "cron(0 20 * * 1-5)/367d UTC"),
        ("downscaler/uptime", ",".join(["always"] * 101)),
        ("downscaler/uptime", "x" * 2001),
        ("downscaler/exclude-until", "2026-02-30"),
        ("downscaler/downtime-replicas", "2147483648"),
        ("downscaler/depends-on", "shop/configmap/db"),
        ("downscaler/up-for", "32d"),
        (TTL, "365001d"),
    ],
)
def test_it_leaves_to_the_controllers_what_an_expression_cannot_see(key: str, value: str) -> None:
    assert complaint(key, value) is not None
    assert refused(key, value) == []


def test_every_key_is_checked_or_known_to_be_left_alone() -> None:
    checked = {
        key
        for policy in policies().values()
        for each in policy.document["spec"]["variables"]
        for key in _keys(each["expression"])
    }
    assert checked == {*DOWNSCALER, *JANITOR}


def test_the_manual_lists_the_keys_that_are_checked() -> None:
    rows = [line.split("|")[1] for line in MANUAL.read_text().splitlines() if line.startswith(("| `downscaler/", "| `janitor/"))]
    assert {key for row in rows for key in re.findall(r"`([^`]+)`", row)} == {*DOWNSCALER, *JANITOR}


def _keys(expression: str) -> list[str]:
    return (
        re.findall(r'"([^"]+)"', expression.partition("].filter(k, k in variables.changed")[0])
        if expression.startswith("[")
        else []
    )


@settings(max_examples=1000)
@given(annotations())
@example(("downscaler/depends-on", "\u212aafkaConnects/x"))
@example((EXPIRES, "２０２６-1-3１T1２:3４"))
def test_whatever_the_controllers_understand_is_let_through(annotation: tuple[str, str]) -> None:
    if complaint(*annotation) is None:
        assert refused(*annotation) == []


@settings(max_examples=200)
@given(
    value=TEXT,
    key=st.sampled_from([*sorted(UNCHECKED), "downscaler/uptmie", "janitor/protected", "janitor/notified", "example.org/x"]),
)
def test_no_other_annotation_is_looked_at(key: str, value: str) -> None:
    assert refused(key, value) == []


OLD_MISTAKE = {"downscaler/uptime": "Mon-Fri 8-18", "janitor/ttl": "soon"}
FLAWED = workload(OLD_MISTAKE)


@pytest.mark.parametrize(
    ("new", "old", "looked_at", "keys"),
    [
        pytest.param(workload(), None, (), (), id="without annotations"),
        pytest.param(workload({}), None, (), (), id="with empty annotations"),
        pytest.param(workload({"example.org/x": "y"}), workload(), (), (), id="with annotations of others"),
        pytest.param(FLAWED, None, ("downscaler", "janitor"), ("downscaler/uptime", "janitor/ttl"), id="created with mistakes"),
        pytest.param(FLAWED, workload(), ("downscaler", "janitor"), ("downscaler/uptime", "janitor/ttl"), id="mistakes added"),
        pytest.param({**FLAWED, "spec": {"replicas": 9}}, FLAWED, (), (), id="old mistakes, scaled"),
        pytest.param(workload({**OLD_MISTAKE, "x/y": "z"}), FLAWED, (), (), id="old mistakes, another annotation"),
        pytest.param(workload({"janitor/ttl": "soon"}), FLAWED, (), (), id="one old mistake removed"),
        pytest.param(
            workload({**OLD_MISTAKE, "downscaler/uptime": "always"}), FLAWED, ("downscaler",), (), id="one old mistake corrected"
        ),
        pytest.param(
            workload({**OLD_MISTAKE, "downscaler/wave": "x"}),
            FLAWED,
            ("downscaler",),
            ("downscaler/wave",),
            id="a new mistake beside old ones",
        ),
        pytest.param(
            workload({**OLD_MISTAKE, "janitor/ttl": "later"}),
            FLAWED,
            ("janitor",),
            ("janitor/ttl",),
            id="a mistake changed to another",
        ),
    ],
)
def test_only_what_a_write_changes_is_looked_at(new: Any, old: Any, looked_at: tuple[str, ...], keys: tuple[str, ...]) -> None:
    assert tuple(name for name, policy in policies().items() if policy.matches(new, old)) == looked_at
    messages = [message for policy in policies().values() for message in policy.refusals(new, old)]
    assert [
        key for message in messages for key in OLD_MISTAKE | {"downscaler/wave": ""} if f"annotation {key}=" in message
    ] == list(keys)


def test_several_mistakes_of_one_form_are_told_together_and_cut_short() -> None:
    annotations = {"downscaler/uptime": "x" * 130, "downscaler/downtime": "a\nb"}
    (message,) = policies()["downscaler"].refusals(workload(annotations, namespace="", name="", generateName="web-"))
    assert f"downscaler/uptime='{'x' * 119}…'" in message
    assert "downscaler/downtime='a b'" in message


def test_a_namespace_is_named_without_one() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "annotations": {DEFAULT_TTL: "7d"}}}
    (message,) = policies()["janitor"].refusals(namespace)
    assert message.startswith("Namespace shop: annotation janitor/default-ttl='7d'")


VALUES: tuple[dict[str, Any], ...] = (
    {},
    {"admissionPolicy": {"action": ["Warn", "Audit"]}, "namespaces": ["shop", "cart"], "commonAnnotations": {"a/b": "c"}},
    {
        "downscaler": {
            "includeResources": ["deployments", "cronjobs"],
            "customKinds": ["example.org/v1/widgets:spec.size"],
        },
        "janitor": {"includeResources": ["configmaps", "widgets.example.org"]},
    },
)


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("values", VALUES, ids=["defaults", "warn in two namespaces", "other kinds"])
def test_kubernetes_accepts_the_manifests(values: dict[str, Any], version: str) -> None:
    documents = render(values)
    assert len(documents) == 4
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
        if document["kind"] == "ValidatingAdmissionPolicy":
            Policy(document)


def _rules(values: dict[str, Any], component: str) -> set[tuple[str, str]]:
    for document in render(values):
        if document["kind"] == "ValidatingAdmissionPolicy" and component in document["metadata"]["name"]:
            rules = document["spec"]["matchConstraints"]["resourceRules"]
            assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in rules)
            return {(group, plural) for rule in rules for group in rule["apiGroups"] for plural in rule["resources"]}
    return set()


@pytest.mark.parametrize(
    ("values", "component", "expected"),
    [
        ({}, "downscaler", {("*", "deployments"), ("", "namespaces")}),
        (VALUES[2], "downscaler", {("*", "deployments"), ("*", "cronjobs"), ("*", "widgets"), ("", "namespaces")}),
        (VALUES[2], "janitor", {("", "configmaps"), ("", "namespaces"), ("example.org", "widgets")}),
        ({"janitor": {"enabled": False}}, "janitor", set()),
        ({"downscaler": {"enabled": False}}, "downscaler", set()),
    ],
)
def test_the_kinds_in_use_are_checked_and_their_namespaces(
    values: dict[str, Any], component: str, expected: set[tuple[str, str]]
) -> None:
    assert _rules(values, component) == expected


def test_the_binding_says_what_happens_and_where() -> None:
    bindings = [document for document in render(VALUES[1]) if document["kind"] == "ValidatingAdmissionPolicyBinding"]
    for binding in bindings:
        assert binding["spec"]["policyName"] == binding["metadata"]["name"]
        assert binding["spec"]["validationActions"] == ["Warn", "Audit"]
        assert binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"] == [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "cart"]}
        ]
    assert render()[1]["spec"] == {"policyName": "kt-kube-thrift-downscaler-annotations", "validationActions": ["Deny"]}


def test_nothing_is_rendered_unless_asked_for() -> None:
    assert render({"admissionPolicy": {"enabled": False}}) == []
