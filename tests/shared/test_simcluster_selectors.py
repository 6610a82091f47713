"""Label and field selectors: the grammar as tables."""

from __future__ import annotations

import pytest

from shared.errors import Invalid
from shared.simcluster.catalog import BUILT_IN
from shared.simcluster.records import make_record
from shared.simcluster.selectors import both, matches_selector, parse_fields, parse_labels

LABELS = {"app": "web", "tier": "front", "app.kubernetes.io/name": "x", "size": "7", "empty": ""}
PODS = next(kind for kind in BUILT_IN if kind.key == "pods")
POD = make_record(
    {
        "metadata": {"name": "p", "namespace": "shop", "uid": "u", "labels": LABELS},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Running"},
    },
    1,
    PODS.fields,
)


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app!=web", False),
        ("other!=web", True),
        ("app=api", False),
        ("app", True),
        ("!app", False),
        ("! other", True),
        ("app in (web,api)", True),
        ("app in (web, api),tier=front", True),
        ("app notin (web)", False),
        ("other notin (web)", True),
        ("app in (api)", False),
        ("app=web,tier=back", False),
        ("app.kubernetes.io/name=x", True),
        ("size>6", True),
        ("size<7", False),
        ("empty=", True),
        ("empty in ()", True),
    ],
)
def test_labels(text: str, selected: bool) -> None:
    matcher = parse_labels(text)

    assert (matcher is None or matcher(LABELS)) == selected


@pytest.mark.parametrize("text", ["=web", "app in web", "app in (a", "app=web,", ",app", "a b", "app=we b", "app~web"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="unable to parse requirement"):
        parse_labels(text)


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("metadata.name=p", True),
        ("metadata.name!=p", False),
        ("metadata.namespace=shop", True),
        ("spec.nodeName=n1", True),
        ("spec.nodeName=", False),
        ("status.phase==Running,spec.nodeName=n1", True),
        ("status.phase!=Running", False),
        ("spec.hostNetwork=false", True),
    ],
)
def test_fields(text: str, selected: bool) -> None:
    matcher = parse_fields(text, PODS)

    assert (matcher is None or matcher(POD)) == selected


@pytest.mark.parametrize("text", ["spec.containers=x", "nothing", "spec.nodeName>1"])
def test_fields_that_are_not_offered_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_fields(text, PODS)
    assert refusal.value.status == 400


def test_both_selectors_must_match() -> None:
    labels, fields = parse_labels("app=web"), parse_fields("spec.nodeName=n2", PODS)

    for matcher, selected in ((both(labels, None), True), (both(None, fields), False), (both(labels, fields), False)):
        assert matcher is not None
        assert matcher(POD) == selected
    assert both(None, None) is None


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "x", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Like"}]}, False),
    ],
)
def test_selector_objects(selector: dict[str, object] | None, selected: bool) -> None:
    assert matches_selector(selector, LABELS) == selected
