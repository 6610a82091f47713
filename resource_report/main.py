"""The command: wiring, and one run on one screen: read, price, compute, write. Decides and computes nothing itself."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from resource_report.clusters import ClusterDiscovery
from resource_report.collect import Hooks
from resource_report.config import Config, PageSettings, read_config
from resource_report.fleet import Budget, Fleet, FleetSettings
from resource_report.frames import FigureSettings, Tables, figures, node_frame, pod_frame
from resource_report.hooks import HookRunner, map_nodes
from resource_report.links import CustomLinks, parse_links
from resource_report.node_prices import shapes, with_prices
from resource_report.notifications import Notification, Severity, ordered
from resource_report.output import OutputFolder
from resource_report.prices import load_price_book
from resource_report.probe import probe_hosts
from resource_report.publish import publish
from resource_report.registry import fetch_applications
from resource_report.render import RenderOptions, write_loading_page, write_report
from resource_report.report_flags import COMPONENT
from resource_report.report_metrics import ReportMetrics
from resource_report.rights import role_documents
from resource_report.rows import Snapshot
from resource_report.state import State
from resource_report.summary import Report
from shared.clock import Clock
from shared.cluster import Observer
from shared.errors import UsageError
from shared.flags import fail
from shared.loop import TurnResult
from shared.process import Process, Running
from shared.rights import as_yaml
from shared.version import own_version

LOG = logging.getLogger(__name__)


class Phases:
    """How long each part of a run took, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self.seconds: dict[str, float] = {}

    def done(self, name: str) -> None:
        now = self._clock.monotonic()
        self.seconds[name] = now - self._since
        self._since = now


class ReportService:
    """What lives from run to run: the discovery's last list, each cluster's smoothed usage, the state on disk.

    *observe* is told of every request, *metrics* of every report that was written.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        stop: threading.Event,
        *,
        metrics: ReportMetrics | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._state = State(config.data_path)
        self._discovery = ClusterDiscovery(config.discovery)
        self._discovery.remember(self._state.load_registry())
        settings = FleetSettings(config.collect, config.cluster_timeout, config.parallel_clusters, config.use_cache)
        self._fleet = Fleet(settings, self._state, clock, stop, observe)

    def check(self) -> None:
        """Raises UsageError for what the operator named and cannot be read, before anything is started."""
        config = self._config
        OutputFolder(config.output_dir)
        render_options(config.pages)
        load_price_book(replace(config.prices, live_aws=False), [], now=self._clock.now())
        if not config.discovery.registry:
            self._discovery.clusters(self._clock.monotonic())

    def run_once(self) -> TurnResult:
        """One report: read, price, compute, write. Raises UsageError for files of the operator that cannot be read."""
        config, phases = self._config, Phases(self._clock)
        folder, options = OutputFolder(config.output_dir), render_options(config.pages)
        write_loading_page(folder, own_version(), options)
        hooks = Hooks(HookRunner("--map-node-hook", config.node_hook), HookRunner("--map-pod-hook", config.pod_hook))
        snapshots, notes, budget = self._read(hooks)
        active = self._ask_registry(snapshots, notes)
        self._probe(snapshots)
        phases.done("read")

        nodes = self._priced(node_frame(snapshots), hooks, notes)
        phases.done("prices")

        pods = pod_frame(snapshots)
        notes += [note for snapshot in snapshots for note in snapshot.notifications]
        notes += [*hooks.node.notifications(), *hooks.pod.notifications()]
        for snapshot in snapshots:
            # The frame holds them now; at 50,000 pods keeping both would cost another 40 MB.
            snapshot.pods.clear()
        groups = figures(Tables(nodes, pods, snapshots, active), self._figure_settings())
        notes += groups.notifications
        phases.done("figures")

        for note in notes:
            LOG.debug("%s: %s", note.severity, note)
        report = Report(
            generated=self._clock.now(),
            version=own_version(),
            **groups.frames,
            totals=groups.totals,
            notifications=ordered(notes),
            samples=config.collect.samples,
            sharing=config.figures.sharing.active,
            settings=shown_settings(config),
            seconds=dict(phases.seconds),
        )
        del groups, pods, nodes
        write_report(report, folder, options)
        phases.done("write")
        if self._metrics is not None:
            self._metrics.update(report, phases.seconds)
        if config.publish is not None:
            copied = publish(config.output_dir, config.publish)
            LOG.info(
                "%s: %d files sent, %d there already, %d removed", config.publish, copied.sent, copied.unchanged, copied.removed
            )
            phases.done("publish")
        return turn_result(report, budget, phases, folder)

    def _figure_settings(self) -> FigureSettings:
        """The fee of a control plane depends on the day: a version leaves standard support while this process runs."""
        settings = self._config.figures
        if not self._config.eks_fee:
            return settings
        return replace(settings, cost=replace(settings.cost, eks_fee_on=self._clock.now().date()))

    def _read(self, hooks: Hooks) -> tuple[list[Snapshot], list[Notification], Budget]:
        refs, notes = self._discovery.clusters(self._clock.monotonic())
        if not refs:
            message = "no cluster was found" if not notes else "no cluster is known"
            notes.append(Notification(Severity.ERROR, "", "clusters", message, "check the flags that name clusters"))
        snapshots, budget = self._fleet.read(refs, hooks)
        if self._config.discovery.registry:
            try:
                self._state.save_registry(self._discovery.registered)
            except OSError as error:
                message = f"the registry's list could not be kept for later: {error.strerror or error}"
                notes.append(Notification(Severity.WARNING, "", "data path", message, "check --data-path"))
        return snapshots, notes, budget

    def _ask_registry(self, snapshots: Sequence[Snapshot], notes: list[Notification]) -> Mapping[str, bool]:
        """Lets the application registry name the teams; one that it does not know keeps the team of its labels."""
        url = self._config.application_registry
        if not url:
            return {}
        names = sorted({row.application for snapshot in snapshots for row in snapshot.pods if row.application})
        found, failures = fetch_applications(url, names, self._config.discovery.tokens)
        teams = {name: answer.team_id for name, answer in found.items() if answer.team_id}
        for snapshot in snapshots:
            for row in snapshot.pods:
                if team := teams.get(row.application):
                    row.team, row.team_source = team, "registry"
        if failures:
            first = next(iter(failures.values()))
            message = f"{len(failures)} of {len(names)} applications were not answered for; the first: {first}"
            notes.append(
                Notification(Severity.WARNING, "", "application registry", message, "their teams are those of the labels")
            )
        return {name: answer.active for name, answer in found.items() if answer.active is not None}

    def _probe(self, snapshots: Sequence[Snapshot]) -> None:
        rows = [row for snapshot in snapshots for row in snapshot.ingresses]
        statuses = probe_hosts((row.host for row in rows), self._config.probe)
        for row in rows:
            row.status = statuses.get(row.host, row.status)

    def _priced(self, nodes: pd.DataFrame, hooks: Hooks, notes: list[Notification]) -> pd.DataFrame:
        settings = self._config.prices
        if not (nodes["provider"] == "aws").any():
            settings = replace(settings, live_aws=False)
        book = load_price_book(settings, list(shapes(nodes)), now=self._clock.now())
        priced = with_prices(nodes, book)
        notes += [Notification(Severity(severity), "", "prices", text) for severity, text in book.problems]
        memories = self._fleet.memories.items()
        objects = {(cluster, name): found for cluster, memory in memories for name, found in memory.node_objects.items()}
        return map_nodes(priced, hooks.node, objects)


def turn_result(report: Report, budget: Budget, phases: Phases, folder: OutputFolder) -> TurnResult:
    """A run fails when clusters were there and none could be read; a report was written all the same."""
    seconds = ", ".join(f"{name} {took:.1f} s" for name, took in phases.seconds.items())
    calls = sum(budget.calls.values())
    summary = (
        f"{len(report.clusters)} clusters, {len(report.nodes)} nodes, {len(report.pods)} pods; "
        f"{calls} API calls, {budget.lists} lists, {budget.bytes / 2**20:.1f} MiB; {seconds}; "
        f"{folder.written} files written, {folder.unchanged} unchanged, "
        f"{folder.bytes / 2**20:.1f} MiB"
    )
    failures = [str(note) for note in report.notifications if note.severity is Severity.ERROR]
    nothing = budget.clusters == 0 and (budget.failed > 0 or len(report.clusters) == 0)
    return TurnResult(ok=not nothing, changed=folder.written, failures=tuple(failures), summary=summary)


def render_options(pages: PageSettings) -> RenderOptions:
    """The options of the pages, with the files of the operator read anew. Raises UsageError."""
    links = CustomLinks()
    if pages.links_file:
        try:
            text = pages.links_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--links-file {pages.links_file}: {error}") from None
        links = parse_links(text, source=f"--links-file {pages.links_file}")
    return RenderOptions(links, pages.templates_path, pages.prerender_hook, pages.tsv_header, pages.currency)


def shown_settings(config: Config) -> dict[str, str]:
    """The choices that a reader of the pages has to know."""
    cost, sharing = config.figures.cost, config.figures.sharing
    shared = {"idle cost shared": sharing.idle, "overhead shared": sharing.overhead} if sharing.active else {}
    return shared | {
        "cost model": cost.model,
        "cost basis": cost.basis,
        "additional cost per cluster": f"{cost.default_overhead:.2f} USD/month",
        "recommendation margin": f"{config.figures.recommend.margin:g}",
        "usage samples": str(config.collect.samples),
        "usage smoothing": f"{config.collect.alpha:g}",
        "system namespaces": ", ".join(sorted(config.collect.mapping.system_namespaces)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The `kube-resource-report` command. Returns 0, or 1 when a single run could read no cluster; usage errors exit with 2.

    `kube-resource-report rbac [FLAGS]` prints the role that the flags need instead.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["rbac"]:
            sys.stdout.write(as_yaml(role_documents(read_config([".", *arguments[1:]]))))
            return 0
        return _serve(read_config(arguments))
    except UsageError as problem:
        fail(COMPONENT, problem)


def _serve(config: Config) -> int:
    running = Running(
        interval=config.interval or 3600.0,
        once=config.interval == 0,
        turn_timeout=3600.0,
        metrics_port=config.metrics_port,
        debug=config.debug,
        json_logs=config.json_logs,
    )
    process = Process(running, component=COMPONENT)
    metrics = ReportMetrics(process.metrics.registry, teams=config.team_metrics)
    observe = process.metrics.observe_request
    service = ReportService(config, process.clock, process.health.stop, metrics=metrics, observe=observe)
    service.check()
    return process.run(service.run_once)


if __name__ == "__main__":
    sys.exit(main())
