"""File names: safe on every disk, the same from run to run, never shared by two ids."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_report.files import FileNames, Id, stable_hash

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,249}")


@pytest.mark.parametrize(
    ("kind", "identity", "expected"),
    [
        pytest.param("cluster", ("prod",), "cluster-prod.html", id="safe-keeps-its-name"),
        pytest.param("team", ("DevOps",), "team-DevOps.html", id="capitals-are-kept"),
        pytest.param("node", ("prod", "ip-10-0-0-1.internal"), "node-prod.ip-10-0-0-1.internal.html", id="node-with-its-cluster"),
        pytest.param("application", ("a.b_c-d",), "application-a.b_c-d.html", id="dots-and-underscores"),
        pytest.param("cluster", ("arn:aws:eks:eu:1:cluster/x",), "cluster-arn-aws-eks-eu-1-cluster-x-*.html", id="arn"),
        pytest.param("application", ("../../etc/passwd",), "application-etc-passwd-*.html", id="path"),
        pytest.param("application", ("a..b",), "application-a-b-*.html", id="two-dots"),
        pytest.param("team", ("",), "team-unnamed-*.html", id="empty"),
        pytest.param("team", ("Größe 7",), "team-gr-e-7-*.html", id="not-ascii"),
        pytest.param("team", ("\x00\n/",), "team-unnamed-*.html", id="only-odd-characters"),
        pytest.param("application", ("metrics",), "application-metrics-*.html", id="name-of-an-aggregate"),
    ],
)
def test_names(kind: str, identity: Id, expected: str) -> None:
    names = FileNames({kind: [identity]})

    assert names.page(kind, *identity) == expected.replace("*", stable_hash(identity))


def test_names_that_differ_only_in_case_all_get_their_hash() -> None:
    one = FileNames({"team": [("Shop",), ("shop",), ("other",)]})
    other = FileNames({"team": [("shop",), ("other",), ("Shop",)]})

    assert one.of_kind("team") == other.of_kind("team")
    assert {name.lower() for name in one.of_kind("team").values()} == {
        f"team-shop-{stable_hash(('Shop',))}.html",
        f"team-shop-{stable_hash(('shop',))}.html",
        "team-other.html",
    }


def test_ids_whose_parts_join_to_the_same_text_do_not_meet() -> None:
    names = FileNames({"node": [("a.b", "c"), ("a", "b.c")]})

    assert len(set(names.of_kind("node").values())) == 2


def test_what_has_no_page_has_no_name() -> None:
    names = FileNames({"team": [("shop",)]})

    assert names.page("team", "gone") == ""
    assert names.page("pod", "shop") == ""
    assert ("team", ("shop",)) in names


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=300)), max_size=12))
def test_any_ids_get_different_safe_names(ids: list[Id]) -> None:
    pages = FileNames({"node": ids}).of_kind("node")

    assert len({name.lower() for name in pages.values()}) == len(set(ids))
    assert all(SAFE_NAME.fullmatch(name) and ".." not in name for name in pages.values())
