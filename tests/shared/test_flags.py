"""Flags with environment fallbacks, the readers of their values, and the common set."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cluster import Connection
from shared.errors import UsageError, ValueProblem
from shared.filters import split_list
from shared.flags import (
    FlagParser,
    FlagRow,
    add_common_flags,
    boolean,
    connection_from,
    env_flag,
    flag_table,
    number,
    positive_seconds,
    seconds,
    switch,
    whole,
)
from shared.times import parse_duration


def parser() -> FlagParser:
    made = FlagParser("tool", "does things")
    env_flag(made, "--grace-period", env="GRACE_PERIOD", type=seconds, default=900.0, help="seconds of 100%")
    env_flag(made, "--names", env="NAMES", type=split_list, default=("a", "b"), help="which")
    env_flag(made, "--mode", env="MODE", choices=("up", "down"), default="up", help="how")
    env_flag(made, "-k", "--key", help="a key")
    env_flag(made, "--keep", type=parse_duration, default=timedelta(days=8), help="how long")
    switch(made, "--fast", env="FAST", help="hurry")
    switch(made, "--plain", help="no frills")
    made.exclusive("--mode", "--key")
    return made


@pytest.mark.parametrize(
    ("argv", "environ", "name", "value", "source"),
    [
        ([], {}, "grace_period", 900.0, "default"),
        ([], {"GRACE_PERIOD": ""}, "grace_period", 900.0, "default"),
        ([], {"GRACE_PERIOD": "  "}, "grace_period", 900.0, "default"),
        ([], {"GRACE_PERIOD": "15m"}, "grace_period", 900.0, "environment"),
        (["--grace-period=60"], {"GRACE_PERIOD": "15m"}, "grace_period", 60.0, "flag"),
        (["--grace-period", "2h"], {"GRACE_PERIOD": "broken"}, "grace_period", 7200.0, "flag"),
        ([], {}, "names", ("a", "b"), "default"),
        ([], {"NAMES": " c, d "}, "names", ("c", "d"), "environment"),
        (["--names", ""], {}, "names", (), "flag"),
        ([], {"MODE": "down"}, "mode", "down", "environment"),
        ([], {}, "key", None, "default"),
        (["-k", "x"], {}, "key", "x", "flag"),
        ([], {}, "fast", False, "default"),
        (["--fast"], {}, "fast", True, "flag"),
        ([], {"FAST": "yes"}, "fast", True, "environment"),
        (["--no-fast"], {"FAST": "yes"}, "fast", False, "flag"),
        (["--plain"], {}, "plain", True, "flag"),
        ([], {"PLAIN": "true"}, "plain", False, "default"),
    ],
)
def test_a_flag_wins_over_the_environment_and_that_over_the_default(
    argv: list[str], environ: dict[str, str], name: str, value: object, source: str
) -> None:
    flags = parser().read(argv, environ)
    assert getattr(flags, name) == value
    assert flags.sources[name] == source


@pytest.mark.parametrize(
    ("argv", "environ", "words"),
    [
        (["--grace-period", "soon"], {}, ["--grace-period", "'soon'", "1h30m"]),
        ([], {"GRACE_PERIOD": "soon"}, ["environment variable GRACE_PERIOD", "'soon'", "1h30m"]),
        (["--mode", "sideways"], {}, ["--mode", "up, down"]),
        ([], {"MODE": "sideways"}, ["MODE", "up, down"]),
        ([], {"FAST": "maybe"}, ["FAST", "true, false"]),
        (["--unknown"], {}, ["--unknown"]),
        (["--grace", "3"], {}, ["--grace"]),
        (["--grace-period"], {}, ["--grace-period"]),
        (["--mode", "up", "--key", "x"], {}, ["--mode and --key exclude each other"]),
        (["--names", "a\nb", "stray"], {}, ["stray"]),
    ],
)
def test_anything_wrong_is_one_line_and_exit_code_2(
    argv: list[str], environ: dict[str, str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().read(argv, environ)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("tool: error: ")
    assert err.endswith("see tool --help\n")
    for word in words:
        assert word in err


def test_environment_variables_of_flags_that_exclude_each_other_may_both_be_set() -> None:
    assert parser().read(["--key", "x"], {"MODE": "down"}).mode == "down"


def test_help_names_the_variable_and_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().read(["--help"], {})
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "seconds of 100% [env GRACE_PERIOD, default 900]" in text
    assert "which [env NAMES, default a,b]" in text
    assert "a key" in text


def test_the_table_lists_every_flag() -> None:
    assert flag_table(parser()) == [
        FlagRow("--grace-period", "GRACE_PERIOD", "900", "seconds of 100%"),
        FlagRow("--names", "NAMES", "a,b", "which"),
        FlagRow("--mode", "MODE", "up", "how"),
        FlagRow("-k, --key", "", "", "a key"),
        FlagRow("--keep", "", "1w1d", "how long"),
        FlagRow("--fast", "FAST", "", "hurry"),
        FlagRow("--plain", "", "", "no frills"),
    ]


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("Yes", True), (" on ", True), ("1", True), ("FALSE", False), ("0", False)]
)
def test_booleans(text: str, value: bool) -> None:
    assert boolean(text) is value


@pytest.mark.parametrize(("text", "value"), [("30", 30), ("0.5", 0.5), ("30s", 30), ("1h30m", 5400), ("0", 0), ("1e2", 100)])
def test_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "soon", "-1m"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueProblem):
        seconds(text)


@pytest.mark.parametrize("text", ["0", "0s", "-1", ""])
def test_zero_seconds_are_too_few_where_some_are_needed(text: str) -> None:
    with pytest.raises(ValueProblem):
        positive_seconds(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("+7", 7), (" 5 ", 5), ("100", 100)])
def test_whole_numbers(text: str, value: int) -> None:
    assert whole(0, 100)(text) == value


@pytest.mark.parametrize("text", ["", "-1", "101", "1.0", "1e1", "٣", "1_0", "--1", "+-1", "9" * 30])
def test_what_is_no_whole_number_in_the_range(text: str) -> None:
    with pytest.raises(ValueProblem):
        whole(0, 100)(text)


@given(st.text(max_size=20))
def test_readers_raise_nothing_but_problems(text: str) -> None:
    for read in (boolean, seconds, positive_seconds, number(1), whole(1), whole(0, 10)):
        with suppress(ValueProblem):
            read(text)


def common() -> FlagParser:
    made = FlagParser("kube-janitor", "cleans up")
    add_common_flags(made, component="kube-janitor")
    return made


def test_the_common_flags_make_a_connection() -> None:
    argv = ["--kubeconfig=/k", "--context=c", "--api-server-timeout=3", "--qps=20", "--burst=40", "--workers=4", "--page-size=50"]
    flags = common().read([*argv, "--dry-run", "--max-retries-on-conflict=1", "--max-retries-on-throttling=2"], {})
    assert connection_from(flags, component="kube-janitor", version="1.0") == Connection(
        kubeconfig="/k",
        context="c",
        timeout=3,
        qps=20,
        burst=40,
        workers=4,
        page_size=50,
        max_retries_on_conflict=1,
        max_retries_on_throttling=2,
        dry_run=True,
        user_agent="kube-janitor/1.0",
        field_manager="kube-janitor",
    )


def test_the_defaults_of_the_common_flags_are_those_of_a_connection() -> None:
    made = connection_from(common().read([], {}), component="kube-thrift")
    assert made == Connection()


def test_the_variables_of_the_common_flags() -> None:
    environ = {
        "API_SERVER_TIMEOUT": "5",
        "QPS": "9.5",
        "BURST": "11",
        "MAX_RETRIES_ON_CONFLICT": "7",
        "MAX_RETRIES_ON_THROTTLING": "8",
    }
    made = connection_from(common().read([], environ), component="x")
    assert (made.timeout, made.qps, made.burst) == (5, 9.5, 11)
    assert (made.max_retries_on_conflict, made.max_retries_on_throttling) == (7, 8)


@pytest.mark.parametrize(
    "argv", [["--burst", "3"], ["--server", "http://x", "--context", "c"], ["--server", "http://x", "--kubeconfig", "k"]]
)
def test_flags_that_contradict_each_other(argv: list[str]) -> None:
    flags = common().read(argv, {})
    with pytest.raises(UsageError):
        connection_from(flags, component="x")


def test_short_debug_and_the_interval() -> None:
    flags = common().read(["-d", "--once", "--json-logs", "--interval", "1m", "--metrics-port", "9000"], {})
    assert (flags.debug, flags.once, flags.json_logs, flags.interval, flags.metrics_port) == (True, True, True, 60.0, 9000)


@pytest.mark.parametrize("argv", [["--interval", "0"], ["--metrics-port", "70000"], ["--workers", "0"], ["--page-size", "x"]])
def test_common_flags_out_of_range(argv: list[str]) -> None:
    with pytest.raises(SystemExit):
        common().read(argv, {})
