"""Names on their way into a path."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ValueProblem
from shared.kinds import NODES, PODS
from shared.names import check_name, check_namespace, describe


@pytest.mark.parametrize("name", ["web", "web-1", "web.example.org", "system:node", "a" * 253, "UPPER", "a@b", "x_y"])
def test_names_of_real_objects_pass(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "a..b", "a%2fb", "a\\b", "a b", "a\nb", "a?b", "a#b", "\x00", "a" * 254, "\x7f"]
)
def test_names_that_could_leave_the_path_do_not(name: str) -> None:
    with pytest.raises(ValueProblem):
        check_name(name)


@pytest.mark.parametrize("name", ["shop", "a", "0", "kube-system", "a" * 63])
def test_namespaces_pass(name: str) -> None:
    assert check_namespace(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a" * 64, "a/b", "..", "ä", "a\n"])
def test_anything_else_is_no_namespace(name: str) -> None:
    with pytest.raises(ValueProblem):
        check_namespace(name)


@given(st.text(max_size=300))
def test_what_passes_is_one_segment_of_a_path(name: str) -> None:
    with suppress(ValueProblem):
        passed = check_name(name)
        assert not set("/%\\?#") & set(passed)
        assert passed not in (".", "..")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((PODS, "shop", "web"), "pods shop/web"),
        ((PODS, "shop", None), "pods in shop"),
        ((PODS, None, None), "pods"),
        ((NODES, None, "n1"), "nodes n1"),
    ],
)
def test_describe(arguments: tuple[object, ...], text: str) -> None:
    assert describe(*arguments) == text  # type: ignore[arg-type]
