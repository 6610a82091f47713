"""Log lines: one per message, in both forms."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.logs import JsonFormatter, TextFormatter, one_line, setup_logging


def written(debug: bool, json_lines: bool, *messages: tuple[int, str]) -> list[str]:
    stream = io.StringIO()
    setup_logging(debug, json_lines, stream)
    for level, message in messages:
        logging.getLogger("some.module").log(level, "%s", message)
    return stream.getvalue().splitlines()


def test_text_lines_have_time_and_level() -> None:
    [line] = written(False, False, (logging.INFO, "hello"), (logging.DEBUG, "hidden"))
    assert line.endswith(" INFO: hello")
    assert line[4] == line[7] == "-"


def test_debug_shows_more() -> None:
    assert len(written(True, False, (logging.INFO, "hello"), (logging.DEBUG, "shown"))) == 2


def test_json_lines_have_the_same_and_more() -> None:
    [line] = written(False, True, (logging.WARNING, 'say "hi"'))
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("warning", "some.module", 'say "hi"')
    assert entry["time"].endswith("Z")


def test_extra_fields_appear_in_json_but_replace_nothing() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "hello", (), None)
    record.fields = {"namespace": "shop", "message": "forged", "odd": {1, 2}.__class__}
    entry = json.loads(JsonFormatter().format(record))
    assert (entry["namespace"], entry["message"]) == ("shop", "hello")


@pytest.mark.parametrize("json_lines", [True, False])
def test_what_a_tenant_wrote_cannot_start_a_line_of_its_own(json_lines: bool) -> None:
    lines = written(False, json_lines, (logging.INFO, "a\n2026-01-01 ERROR: forged\r\x1b[31m\u2028\u202eb"))
    assert len(lines) == 1
    assert "\x1b" not in lines[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [("plain ä €", "plain ä €"), ("a\nb", "a\\nb"), ("\x1b[0m", "\\x1b[0m"), ("\u202e", "\\u202e"), ("\t", "\\t")],
)
def test_control_characters_are_escaped(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text())
def test_every_text_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    line.encode()


def test_a_traceback_stays_on_one_line() -> None:
    stream = io.StringIO()
    setup_logging(False, False, stream)
    try:
        raise ZeroDivisionError("of all things")
    except ZeroDivisionError:
        logging.getLogger("x").exception("broken")
    [line] = stream.getvalue().splitlines()
    assert "ZeroDivisionError: of all things" in line


def test_a_message_without_arguments_is_left_as_it_is() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "100%", (), None)
    assert TextFormatter().format(record).endswith("INFO: 100%")


def test_the_http_library_is_silent() -> None:
    setup_logging(True, False, io.StringIO())
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.WARNING)
