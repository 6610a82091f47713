"""Logging: text or JSON lines on standard error. One message is one line, whatever a tenant has written into it."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

# Control characters (line breaks, terminal escapes) and the characters that reorder or break lines in terminals and viewers.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    r"""*text* with every control character escaped, so that it can neither break the line nor steer a terminal (`\n`, `\x1b`)."""
    return _UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


class TextFormatter(logging.Formatter):
    """`2026-04-05 10:00:00,123 INFO: message`, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{_instant(record):%Y-%m-%d %H:%M:%S},{int(record.msecs):03d} {record.levelname}: {_message(record)}"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and what was given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _instant(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            entry |= {key: value for key, value in fields.items() if key not in entry}
        return json.dumps(entry, default=str)


def setup_logging(debug: bool, json_lines: bool, stream: TextIO | None = None) -> None:
    """Makes the root logger write to *stream* (standard error) in one of the two forms, from INFO or from DEBUG up.

    The HTTP libraries stay quiet at WARNING: at DEBUG they write a line per request, and their warnings repeat what our errors
    say.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if json_lines else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in ("urllib3", "requests", "pykube", "botocore", "boto3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _instant(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return one_line(text)
