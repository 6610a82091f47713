"""kubectl's command line as tables: flags in every spelling, objects in both forms, one line per mistake."""

from __future__ import annotations

import pytest

from kube_thrift.targets import Line, Target, read_line, read_targets
from shared.errors import UsageError


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["-n", "shop", "a"], Line(namespace="shop", words=["a"])),
        (["-nshop"], Line(namespace="shop")),
        (["-n=shop"], Line(namespace="shop")),
        (["--namespace=shop"], Line(namespace="shop")),
        (["a", "--namespace", "shop", "b"], Line(namespace="shop", words=["a", "b"])),
        (["--context", "x", "--kubeconfig=f"], Line(context="x", kubeconfig="f")),
        (["-A"], Line(everywhere=True)),
        (["--all-namespaces=false"], Line()),
        (["a", "--help"], Line(help=True, words=["a"])),
        (["--rules-file", "r.yaml", "--dry-run", "a"], Line(words=["a"], flags=["--rules-file", "r.yaml", "--dry-run"])),
        (["--rules-file=r.yaml", "a"], Line(words=["a"], flags=["--rules-file=r.yaml"])),
        (["--", "-n", "x"], Line(words=["-n", "x"])),
        (["-"], Line(words=["-"])),
    ],
)
def test_a_line_is_taken_apart(argv: list[str], line: Line) -> None:
    assert read_line(argv, {"--rules-file"}) == line


def test_every_command_is_led_to_the_same_cluster() -> None:
    assert read_line(["--context=x", "--kubeconfig", "f"]).connection() == ["--kubeconfig=f", "--context=x"]
    assert Line().connection() == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["-n"], "flag needs a value: -n"),
        (["--rules-file"], "flag needs a value: --rules-file"),
        (["-n", "Shop"], "--namespace: 'Shop' is not understood; accepted: a namespace"),
        (["-n", "../x"], "--namespace: '../x' is not understood"),
        (["-n="], "--namespace: '' is not understood"),
        (["-A=perhaps"], "-A=perhaps: accepted: true or false"),
    ],
)
def test_a_broken_line_is_one_line(argv: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_line(argv, {"--rules-file"})

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["deployment/web"], [("deployment", "web")]),
        (["deploy/web", "sts/db"], [("deploy", "web"), ("sts", "db")]),
        (["deploy", "web"], [("deploy", "web")]),
        (["deploy", "web", "api"], [("deploy", "web"), ("deploy", "api")]),
    ],
)
def test_objects_in_both_forms(words: list[str], targets: list[tuple[str, str]]) -> None:
    assert read_targets(words) == tuple(Target(*each) for each in targets)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which object? accepted: TYPE/NAME or TYPE NAME"),
        (["deploy"], "'deploy': the name is missing"),
        (["deploy/"], "'deploy/' is not understood"),
        (["/web"], "'/web' is not understood"),
        (["deploy/web", "api"], "'api' is not understood"),
        (["deploy", "a/b"], "deploy: 'a/b' is not understood; accepted: a name"),
        (["deploy/.."], "deploy: '..' is not understood"),
        (["deploy/we b"], "deploy: 'we b' is not understood"),
    ],
)
def test_what_names_no_object_is_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_targets(words)

    assert said in str(raised.value)
