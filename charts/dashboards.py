"""Writes charts/kube-thrift/files/dashboards/*.json, the Grafana dashboards of the chart: `python -m charts.dashboards`.

What they show is in charts/panels/*.yaml; here is what Grafana wants around that, so that every panel has its unit, its
description and a place. A dashboard has no uid of its own: two releases on one Grafana would fight over it. They find each other
by their tag.

`$cluster` and `$namespace` are where a controller runs. Hours saved and deletions carry the namespace of the workload in the same
label, so that their panels use `$workload_namespace`, and targets have to be scraped with honor_labels.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

SOURCES = Path(__file__).parent / "panels"
FOLDER = Path(__file__).parent / "kube-thrift" / "files" / "dashboards"
TAG = "kube-thrift"
# Grafana 10.4; later ones read it and bring it up to theirs.
_SCHEMA_VERSION = 39
_COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_OK, _WARN, _BAD = "green", "orange", "red"
# What selectors say in short.
_HERE = 'cluster=~"$cluster",namespace=~"$namespace"'
SHORT = {
    "<here>": _HERE,
    "<workloads>": 'cluster=~"$cluster",namespace=~"$workload_namespace"',
    "<reported>": f'{_HERE},reported_cluster=~"$reported_cluster"',
}


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One expression as curves, figures or bars. *limits* are the values from which it turns orange and red.

    *unit* is one of Grafana's, *words* are shown in place of values, *nothing* where there is no value.
    """

    title: str
    description: str
    type: Literal["timeseries", "stat", "bargauge"]
    unit: str
    expr: str
    width: int = 12
    height: int = 8
    legend: str = ""
    stacked: bool = False
    limits: tuple[int | float, ...] = ()
    nothing: str = "-"
    words: dict[str, str] = {}


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    panels: tuple[Panel, ...]


class Variable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    label: str
    query: str


class Dashboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*since* is where its time range begins."""

    title: str
    description: str
    since: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]


def dashboards() -> dict[str, Dashboard]:
    """By the name of their file. Raises msgspec.ValidationError for a key that is unknown or missing."""
    return {
        path.stem: msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Dashboard) for path in sorted(SOURCES.glob("*.yaml"))
    }


def rendered(dashboard: Dashboard) -> str:
    """The JSON text of *dashboard*."""
    body: dict[str, Any] = {
        "annotations": {"list": []},
        "description": dashboard.description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [_link()],
        "panels": list(_placed(dashboard.rows)),
        "refresh": "1m",
        "schemaVersion": _SCHEMA_VERSION,
        "tags": [TAG],
        "templating": {"list": [_datasource(), *map(_variable, dashboard.variables)]},
        "time": {"from": dashboard.since, "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": dashboard.title,
        "version": 1,
        "weekStart": "",
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _link() -> dict[str, Any]:
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "",
        "type": "dashboards",
    }


def _datasource() -> dict[str, Any]:
    return {
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "type": "datasource",
    }


def _variable(variable: Variable) -> dict[str, Any]:
    """Any value by default, and also where the label is missing, as a single cluster mostly has no label of its own."""
    return {
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": _SOURCE,
        "definition": variable.query,
        "hide": 0,
        "includeAll": True,
        "label": variable.label,
        "multi": True,
        "name": variable.name,
        "options": [],
        "query": {"qryType": 1, "query": variable.query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "type": "query",
    }


def _placed(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """The panels from left to right and from top to bottom, each row under a heading."""
    number, top = 0, 0
    for row in rows:
        number += 1
        yield {
            "collapsed": False,
            "gridPos": {"h": 1, "w": _COLUMNS, "x": 0, "y": top},
            "id": number,
            "panels": [],
            "title": row.title,
            "type": "row",
        }
        top, left, height = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left, height = top + height, 0, 0
            number += 1
            place = {"h": panel.height, "w": panel.width, "x": left, "y": top}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    defaults = {"unit": panel.unit, "thresholds": _thresholds(panel), **_LOOKS[panel.type](panel)}
    if panel.words:
        mapped = {value: {"index": index, "text": text} for index, (value, text) in enumerate(panel.words.items())}
        defaults["mappings"] = [{"type": "value", "options": mapped}]
    return {
        "type": panel.type,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _OPTIONS[panel.type],
        "targets": [_target(panel)],
    }


def _target(panel: Panel) -> dict[str, Any]:
    expression, at_once = panel.expr, panel.type != "timeseries"
    for short, full in SHORT.items():
        expression = expression.replace(short, full)
    return {
        "datasource": _SOURCE,
        "editorMode": "code",
        "expr": expression,
        "instant": at_once,
        "legendFormat": panel.legend,
        "range": not at_once,
        "refId": "A",
    }


def _thresholds(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": _OK if panel.limits else "blue", "value": None}]
    steps += [{"color": color, "value": limit} for color, limit in zip((_WARN, _BAD), panel.limits, strict=False)]
    return {"mode": "absolute", "steps": steps}


def _curve(panel: Panel) -> dict[str, Any]:
    stacking = {"group": "A", "mode": "normal" if panel.stacked else "none"}
    custom = {"drawStyle": "line", "fillOpacity": 40 if panel.stacked else 10, "lineWidth": 1, "showPoints": "never"}
    return {"color": {"mode": "palette-classic"}, "custom": custom | {"stacking": stacking}, "min": 0}


def _figure(panel: Panel) -> dict[str, Any]:
    return {"color": {"mode": "thresholds"}, "noValue": panel.nothing}


_LOOKS = {"timeseries": _curve, "stat": _figure, "bargauge": _figure}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": _LAST,
        "textMode": "auto",
        "wideLayout": True,
    },
    "bargauge": {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": _LAST,
        "showUnfilled": True,
        "valueMode": "color",
    },
}


def main() -> int:
    """Writes all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, dashboard in dashboards().items():
        (FOLDER / f"{name}.json").write_text(rendered(dashboard), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
