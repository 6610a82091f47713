"""The demo's second act: a week of clean-up by the janitor, six hours a turn; with an extension, a mistake and a restore.

It plays on a small cluster of its own, so that what the janitor deletes does not colour the downscaler's figures.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from janitor.apply import Outcome, Result
from janitor.commands import run_command
from janitor.config import Config
from janitor.flags import config_from, janitor_parser
from janitor.state import State
from janitor.tools import open_tools
from janitor.turn import run_once
from shared.cluster import Cluster, Connection
from shared.errors import NotFound, ThriftError
from shared.flags import connection_from
from shared.simcluster import SimCluster
from shared.simcluster.records import JsonObject
from shared.times import format_timestamp

STEP = timedelta(hours=6)
# What was there before the week began has to be created before it.
PAST = timedelta(days=10)
DAY = timedelta(days=1)
PROG = "kube-janitor"
# Outcomes of one kind that a turn of the story shows.
_SHOWN = 3

RULES = """\
rules:
  - id: require-app-label
    resources: [deployments, statefulsets]
    jmespath: "!(metadata.labels.app || metadata.labels.application || metadata.labels.\\"app.kubernetes.io/name\\")"
    ttl: 7d
  - id: unused-volume-claims
    resources: [persistentvolumeclaims]
    jmespath: "_context.pvc_is_not_referenced"
    ttl: 3d
"""
# Meant were the preview environments; written was everything that is older than an hour.
MISTAKE = """\
  - id: old-previews
    resources: [deployments]
    jmespath: "metadata.creationTimestamp < '{today}'"
    ttl: 1h
"""


@dataclass(frozen=True)
class Happening:
    """One line of the story: when, and what."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Cleanup:
    """What the week came to. `lost` names what is gone and should not be, `left` what should be gone and is not."""

    story: tuple[Happening, ...]
    deleted: int
    warned: int
    stopped: str
    restored: int
    lost: tuple[str, ...]
    left: tuple[str, ...]


@dataclass
class _Stage:
    """The cluster, the files, and what happened so far."""

    sim: SimCluster
    folder: Path
    story: list[Happening] = field(default_factory=list)
    deleted: int = 0
    warned: int = 0
    stopped: str = ""
    backups: dict[str, str] = field(default_factory=dict)

    @property
    def rules(self) -> Path:
        return self.folder / "rules.yaml"

    @property
    def flags(self) -> list[str]:
        return [
            f"--kubeconfig={self.sim.connection().kubeconfig}",
            f"--rules-file={self.rules}",
            f"--delete-notification={int(DAY.total_seconds())}",
            f"--backup={self.folder / 'backup'}",
            "--backup-secrets=skip",
            "--breaker-rule-deletions=10",
        ]

    def tell(self, text: str) -> None:
        self.story.append(Happening(self.sim.clock.now(), text))

    def command(self, name: str, *arguments: str) -> str:
        """Runs `kube-janitor NAME ...` as a user would, and tells what it printed. Raises ThriftError if it fails."""
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = run_command(name, [*arguments, *self.flags], self.sim.clock)
        if code:
            raise ThriftError(f"{PROG} {name}: exit code {code}: {said.getvalue().strip()}")
        lines = said.getvalue().strip().splitlines()
        self.tell(f"$ {PROG} {name} {' '.join(arguments)}")
        self.story += [Happening(self.sim.clock.now(), f"  {line}") for line in lines]
        return said.getvalue()


def clean_up(start: datetime, folder: Path, days: int = 7) -> Cleanup:
    """Lives *days* with the janitor acting. Backups and the rules file stay in *folder*."""
    with SimCluster(start=start - PAST, fleet=40) as sim:
        stage = _Stage(sim, folder)
        stage.rules.write_text(RULES, encoding="utf-8")
        _before(sim)
        sim.advance(PAST)
        _begin(sim)
        restored = _live(stage, start + days * DAY) if days else 0
        return Cleanup(
            story=tuple(stage.story),
            deleted=stage.deleted,
            warned=stage.warned,
            stopped=stage.stopped,
            restored=restored,
            lost=tuple(_missing(sim, _KEPT)) if days >= 7 else (),
            left=tuple(_present(sim, _GONE)) if days >= 7 else (),
        )


_SERVICES = (
    "basket",
    "billing",
    "catalog",
    "checkout",
    "coupons",
    "frontend",
    "images",
    "invoices",
    "mail",
    "orders",
    "payments",
    "prices",
)


def _before(sim: SimCluster) -> None:
    """What the week finds: a shop, an experiment without labels, and a claim that its pod has left behind."""
    for name in ("sandbox", "warehouse", "shop"):
        sim.namespace(name)
    for name in _SERVICES:
        sim.create(_deployment("shop", name, {"app": name}))
    sim.advance(4 * DAY)
    sim.create(_deployment("sandbox", "jupyter-test", {}))
    sim.create(_deployment("sandbox", "superset-trial", {"app": "superset"}))
    for name in ("export-2025", "export-current"):
        sim.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"namespace": "warehouse", "name": name},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "500Gi"}}},
            }
        )
    volumes: list[JsonObject] = [{"name": "data", "persistentVolumeClaim": {"claimName": "export-current"}}]
    sim.create(_deployment("warehouse", "exporter", {"app": "exporter"}, volumes))
    sim.advance(-4 * DAY)


def _begin(sim: SimCluster) -> None:
    """Three pull requests with a preview environment each, and a load test with a date."""
    for number, ttl in ((101, "2d"), (102, "3d"), (103, "4d")):
        name = f"shop-pr-{number}"
        sim.namespace(name, labels={"team": "checkout"}, annotations={"janitor/ttl": ttl})
        sim.create(_deployment(name, "shop", {"app": "shop"}))
        sim.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"namespace": name, "name": "shop-settings"},
                "data": {"pr": str(number)},
            }
        )
    ends = format_timestamp(sim.clock.now() + 3 * DAY)
    sim.namespace("load-test", labels={"team": "platform"}, annotations={"janitor/expires": ends})
    sim.create(_deployment("load-test", "locust", {"app": "locust"}))


def _deployment(namespace: str, name: str, labels: dict[str, str], volumes: list[JsonObject] | None = None) -> JsonObject:
    pod = {"containers": [{"name": "main", "image": f"registry.example/{name}:1"}], "volumes": volumes or []}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"run": name}},
            "template": {"metadata": {"labels": {"run": name}}, "spec": pod},
        },
    }


def _live(stage: _Stage, end: datetime) -> int:
    """Turns until *end*; people act on the fourth, the fifth and the seventh day."""
    sim, state, start = stage.sim, State(), stage.sim.clock.now()
    config, connection = _config(stage)
    restored = 0
    with Cluster.connect(connection, clock=sim.clock) as cluster:
        tools = open_tools(cluster, config, clock=sim.clock)
        while sim.clock.now() < end:
            now = sim.clock.now()
            turn = run_once(cluster, config, now, state, tools)
            stage.story += [Happening(now, line) for line in _lines(turn.outcomes)]
            stage.backups |= {str(outcome.judged): outcome.backup for outcome in turn.outcomes if outcome.backup}
            stage.deleted += sum(outcome.result is Result.DELETED for outcome in turn.outcomes)
            stage.warned += sum(outcome.result is Result.NOTIFIED for outcome in turn.outcomes)
            for trip in turn.trips:
                if not stage.stopped:
                    stage.tell(str(trip))
                    stage.stopped = str(trip)
            restored += _people(stage, now - start)
            sim.advance(STEP)
    return restored


def _config(stage: _Stage) -> tuple[Config, Connection]:
    flags = janitor_parser().read(["--once", *stage.flags], {})
    return config_from(flags), connection_from(flags, component=PROG)


def _people(stage: _Stage, since: timedelta) -> int:
    """What the teams do at that hour of the week. Returns how many objects they brought back."""
    if since == 3 * DAY + STEP:
        stage.tell("the checkout team still needs the preview that it was warned about")
        stage.command("extend", "namespace", "-", "shop-pr-103", "5d")
    if since == 4 * DAY:
        stage.tell("somebody needs the first preview again")
        said = stage.command("restore", stage.backups["namespaces shop-pr-101"], "--extend=5d")
        return said.count(": restored")
    if since == 4 * DAY + STEP:
        stage.tell("a new rule is rolled out; it matches far more than was meant")
        mistake = MISTAKE.format(today=f"{stage.sim.clock.now():%Y-%m-%d}")
        stage.rules.write_text(RULES + mistake, encoding="utf-8")
    if since == 6 * DAY:
        stage.tell("the rule is taken back")
        stage.rules.write_text(RULES, encoding="utf-8")
    return 0


def _lines(outcomes: tuple[Outcome, ...]) -> Iterator[str]:
    """A line per outcome; many of the same kind are cut short."""
    seen: Counter[Result] = Counter()
    for outcome in outcomes:
        if outcome.result in (Result.STOPPED, Result.POSTPONED):
            continue
        seen[outcome.result] += 1
        if seen[outcome.result] <= _SHOWN:
            yield str(outcome)
    for result, count in seen.items():
        if count > _SHOWN:
            yield f"and {count - _SHOWN} more {result.value}"


_KEPT = (
    *(("deployments", "shop", name) for name in _SERVICES),
    ("namespaces", None, "shop-pr-101"),
    ("namespaces", None, "shop-pr-103"),
    ("deployments", "shop-pr-103", "shop"),
    ("deployments", "sandbox", "superset-trial"),
    ("deployments", "warehouse", "exporter"),
    ("persistentvolumeclaims", "warehouse", "export-current"),
)
_GONE = (
    ("namespaces", None, "shop-pr-102"),
    ("namespaces", None, "load-test"),
    ("deployments", "sandbox", "jupyter-test"),
    ("persistentvolumeclaims", "warehouse", "export-2025"),
)


def _missing(sim: SimCluster, wanted: tuple[tuple[str, str | None, str], ...]) -> Iterator[str]:
    present = set(_present(sim, wanted))
    for plural, namespace, name in wanted:
        if (key := _key(plural, namespace, name)) not in present:
            yield key


def _present(sim: SimCluster, wanted: tuple[tuple[str, str | None, str], ...]) -> Iterator[str]:
    for plural, namespace, name in wanted:
        try:
            sim.get(plural, namespace, name)
        except NotFound:
            continue
        yield _key(plural, namespace, name)


def _key(plural: str, namespace: str | None, name: str) -> str:
    return f"{plural} {namespace}/{name}" if namespace else f"{plural} {name}"
