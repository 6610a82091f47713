"""How the commands of this package end: exit codes with one line each, and JSON as it is printed."""

from __future__ import annotations

import pytest

from kube_thrift.outlet import exit_code, json_text, rounded
from shared.errors import NotFound, UsageError


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (None, 7, ""),
        (UsageError("--days: no"), 2, "it: --days: no\n"),
        (NotFound("pods a/b: not found"), 1, "it: pods a/b: not found\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_exit_codes(raised: BaseException | None, code: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        if raised is not None:
            raise raised
        return 7

    assert exit_code("it", run) == code
    assert capsys.readouterr().err == line


def test_json_is_indented_and_ends_its_line() -> None:
    assert json_text({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}\n'


def test_an_amount_that_is_not_known_stays_so() -> None:
    assert (rounded(None), rounded(1.23456)) == (None, 1.2346)
