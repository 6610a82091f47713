"""Writes kube-thrift/files/rights.yaml, from which the chart computes roles: the rights tables of the three controllers, as data.

python -m charts.write_rights
"""

from __future__ import annotations

from pathlib import Path

import yaml

from downscaler.rights import RESTORE_RIGHTS
from downscaler.rights import RIGHTS as DOWNSCALER
from janitor.rights import RIGHTS as JANITOR
from resource_report.rights import RIGHTS as REPORT
from shared.rights import as_data

TABLES = {"downscaler": DOWNSCALER, "restore": RESTORE_RIGHTS, "janitor": JANITOR, "report": REPORT}
PATH = Path(__file__).parent / "kube-thrift" / "files" / "rights.yaml"
_HEAD = "# Made from downscaler/rights.py, janitor/rights.py and resource_report/rights.py by `make rights`. Not to be edited.\n"


def text() -> str:
    """The content of the file."""
    data = {name: as_data(table) for name, table in TABLES.items()}
    return _HEAD + yaml.safe_dump(data, sort_keys=False, width=2**16)


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
