"""files/rights.yaml, from which the chart's templates compute roles: the rights tables of the controllers, as data."""

from __future__ import annotations

import yaml

from downscaler.rights import RESTORE_RIGHTS
from downscaler.rights import RIGHTS as DOWNSCALER
from janitor.rights import RIGHTS as JANITOR
from resource_report.rights import RIGHTS as REPORT
from shared.rights import as_data

TABLES = {"downscaler": DOWNSCALER, "restore": RESTORE_RIGHTS, "janitor": JANITOR, "report": REPORT}
_HEAD = "# Made by `python -m charts.generate` from the rights.py of each controller. Not to be edited.\n"


def text() -> str:
    """The content of the file."""
    data = {name: as_data(table) for name, table in TABLES.items()}
    return _HEAD + yaml.safe_dump(data, sort_keys=False, width=2**16)
