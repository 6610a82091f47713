"""Whatever a tenant writes, and whatever is put into flags: nothing is raised but our own error, and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downscaler.amounts import parse_replicas
from downscaler.annotations import Context, read_overrides
from downscaler.config import read_config
from downscaler.customs import parse_generic
from downscaler.explain import as_data, as_text, explain
from downscaler.keys import KEYS
from downscaler.patches import patch_of, patched
from downscaler.plan import Forced, Planner
from downscaler.savings import amount_of
from downscaler.schedule import Spec, next_change
from downscaler.sizes import KINDS
from downscaler.timespec import Defaults, parse
from downscaler.workloads import PodSpec
from shared.errors import ThriftError, ValueProblem
from shared.objects import Object
from shared.quantity import parse_quantity

# Pieces that a parser of specs knows, so that examples get beyond its first line.
PIECES = st.sampled_from(
    [
        "Mon",
        "Fri",
        "Sat-Mon",
        "Sun-Thu",
        "08:00-18:00",
        "22:00-06:00",
        "24:00",
        "25:99",
        "00:00-00:00",
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "PST",
        "Etc/GMT+5",
        "always",
        "never",
        "true",
        "from",
        "until",
        "2026-03-29T02:30:00Z",
        "2026-12-24",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "cron(",
        ")",
        "cron(*/5",
        "0",
        "20",
        "*",
        "*",
        "1-5",
        ")/10h",
        ")/366d",
        "holidays(",
        "DE-BE",
        ")",
        "holidays(DE)",
        "holidays(US-CA)",
        "XX",
        "-",
        ",",
        ",",
        "/",
        ":",
        "%",
        "-1",
        "0",
        "1",
        "3",
        "1e9",
        "50%",
        "101%",
        "3h",
        "1h30m",
        "0s",
        "31d",
        "99999999d",
        "true",
        "false",
        "yes",
        "shop/deployment/web",
    ]
)
SPECS = st.lists(PIECES, max_size=8).flatmap(lambda parts: st.sampled_from((" ", "", ", ")).map(lambda glue: glue.join(parts)))
TEXTS = SPECS | st.text(max_size=60)
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda each: each.replace(tzinfo=UTC))  # noqa: DTZ001 - UTC comes next
DEFAULTS = st.sampled_from([Defaults(), Defaults("Europe/Berlin", "Mon-Fri"), Defaults("America/St_Johns")])
FIELDS = st.sampled_from([key.name for key in KEYS] + ["downscaler/unknown", "downscaler/", "other.example.org/key"])
ANNOTATIONS = st.dictionaries(FIELDS, TEXTS, max_size=6)
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "", "x"]),
        "ports": st.lists(
            st.fixed_dictionaries({"port": st.integers(1, 99)}, optional={"nodePort": st.integers(0, 32767)}), max_size=2
        ),
        "ingressClassName": st.sampled_from(["nginx-internal", "kube-downscaler-ingress-class", "", "-1"]),
        "gatewayClassName": st.sampled_from(["aws-alb", "kube-downscaler-gateway-class", ""]),
        "schedule": st.sampled_from(["0 2 * * *", "@daily", "", "* * * * * *"]) | st.text(max_size=10),
        "timeZone": st.sampled_from(["UTC", "Asia/Tokyo", "Nowhere"]),
    },
)
SIZES = st.none() | st.integers(-5, 2**40) | st.sampled_from(["50%", "abc", "", "101%"])


@settings(max_examples=400, deadline=None)
@given(TEXTS, DEFAULTS, INSTANTS)
def test_time_specs(text: str, defaults: Defaults, now: datetime) -> None:
    try:
        spec = parse(text, defaults)
    except ValueProblem as problem:
        said = str(problem)
    else:
        _check(spec, now)
        return
    assert "accepted: " in said


def _check(spec: Spec, now: datetime) -> None:
    state, change = spec.matches(now), next_change(spec, now)
    if change is not None:
        assert change > now
        assert spec.matches(change) is not state
        # Up to a second before, it was as it is now.
        assert spec.matches(max(now, change - timedelta(seconds=1))) is state


@settings(max_examples=300, deadline=None)
@given(ANNOTATIONS)
def test_annotations(annotations: dict[str, str]) -> None:
    overrides = read_overrides(annotations, Context())
    for complaint in overrides.complaints:
        assert complaint.key in annotations
        assert complaint.text


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KINDS)), ANNOTATIONS, ANNOTATIONS, SIZES, WORDS, INSTANTS)
def test_decisions_and_explanations(
    kind_id: str, own: dict[str, str], space: dict[str, str], size: Any, words: dict[str, Any], now: datetime
) -> None:
    kind = KINDS[kind_id]
    fields = ("replicas", "minReplicas", "maxReplicas", "minAvailable", "minRunners", "numberOfInstances")
    spec = words | {field: size for field in fields if size is None or isinstance(size, int) or field == "minAvailable"}
    body = {"metadata": {"name": "web", "namespace": "shop", "annotations": own, "creationTimestamp": "garbage"}, "spec": spec}
    workload = msgspec.convert(body, kind.as_type)
    namespace = msgspec.convert({"metadata": {"name": "shop", "annotations": space}}, Object)
    planner = Planner(read_config([], {}).rules, {"shop": namespace}, Forced(), now)
    found = explain(planner, kind, workload)
    assert as_text(found)
    assert msgspec.json.encode(as_data(found))
    patch = patch_of(kind, workload, planner.plan(kind, workload).decision, planner.stamp)
    assert patch is None or isinstance(patched(workload, patch), kind.as_type)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[+-]?[0-9.]{1,8}(e[0-9+-]{1,4})?[numkMGTPEi%]{0,2}", fullmatch=True))
def test_quantities_and_sizes(text: str) -> None:
    for reader in (
        parse_quantity,
        parse_replicas,
        parse_generic,
        lambda each: [kind.parse_original(each) for kind in KINDS.values()],
    ):
        try:
            reader(text)
        except ValueProblem:
            continue
    assert amount_of(msgspec.convert({"containers": [{"resources": {"requests": {"cpu": text, "memory": text}}}]}, PodSpec))


FLAGS = ("default-uptime", "default-downtime", "exclude-namespaces", "exclude-deployments", "matching-labels", "namespace",
         "include-resources", "custom-kinds", "calendars", "default-timezone", "default-weekframe")  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FLAGS), TEXTS)
def test_flags(flag: str, text: str) -> None:
    try:
        read_config([f"--{flag}={text}"], {})
    except ThriftError as problem:
        said = str(problem)
    else:
        return
    assert said.startswith(f"--{flag}: ")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_objects_of_hardly_any_shape(kind: str) -> None:
    workload = msgspec.convert({}, KINDS[kind].as_type)
    KINDS[kind].read(workload)
    assert KINDS[kind].ready(workload) in (True, False)
