"""Flags and environment variables as one frozen Config, checked once at the start. No network, no clock.

The flags are declared in `options.py`; `read_config` turns their texts into typed values or fails with one line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from downscaler.annotations import Context
from downscaler.calendars import Calendar, parse_calendar
from downscaler.customs import parse_generic
from downscaler.options import COMPONENT, OWN_NAMES, parser
from downscaler.policy import CONFIGURATION, Compat, Orphans, Overlap, Policy, RestorePolicy, Rules, Scope, Setting
from downscaler.prices import Price, Prices, parse_prices
from downscaler.safety import Safety
from downscaler.schedule import Spec
from downscaler.sizes import KINDS, Kind, generic_kind
from downscaler.stop import Controller, parse_controller
from downscaler.timespec import Defaults, check_weekframe, parse, zone_named
from downscaler.waves import Pace
from shared.cluster import Connection
from shared.errors import UsageError, ValueProblem
from shared.filters import Names, exact_names, label_matcher, regex_names, split_list
from shared.flags import FlagParser, Flags, connection_from
from shared.names import check_namespace
from shared.version import own_version

T = TypeVar("T")


@dataclass(frozen=True)
class Config:
    """What one process does, for its whole life. `notices` are lines to say once at the start."""

    connection: Connection
    kinds: tuple[Kind, ...]
    namespaces: tuple[str, ...]
    rules: Rules
    # What to do instead of scaling, one of `options.COMMAND_NAMES`; empty for scaling.
    command: str = ""
    # The downscaler that restore-all stops first.
    stops: Controller | None = None
    safety: Safety = Safety()
    pace: Pace = Pace()
    enable_events: bool = False
    once: bool = False
    debug: bool = False
    json_logs: bool = False
    interval: float = 30.0
    turn_timeout: float = 900.0
    metrics_port: int = 0
    # The longest that the process rests when it knows that nothing falls due; at least the interval.
    max_interval: float = 30.0
    late_after: float = 900.0
    # Whether the objects and what is decided about them are shown on the port of the metrics.
    status: bool = True
    prices: Prices = Prices()
    notices: tuple[str, ...] = ()


def read_config(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The Config that the command line and the environment describe.

    Exits with code 2 where argparse would; raises UsageError with one line that names the flag or variable otherwise.
    """
    declared = parser()
    config = config_from(declared, declared.read(argv, environ))
    unread = [name for name in _NOT_VARIABLES if (os.environ if environ is None else environ).get(name)]
    if unread:
        notice = f"environment variables {', '.join(unread)} have no effect: no downscaler reads them; see kube-downscaler --help"
        config = replace(config, notices=(*config.notices, notice))
    return config


def config_from(declared: FlagParser, flags: Flags) -> Config:
    """The Config that *flags*, read by *declared*, describe. Raises UsageError with one line."""
    return _Reading(declared, flags).config()


class _Reading:
    """Turns the texts of flags into values, naming the place a bad text came from."""

    def __init__(self, declared: FlagParser, flags: Flags) -> None:
        self._flags = flags
        self._variables = {each.dest: each.env for each in declared.declared}
        self._notices: list[str] = []
        self._go = flags.compat == Compat.GO.value

    def config(self) -> Config:
        flags = self._flags
        namespaces = self._read("namespace", _read_namespaces)
        return Config(
            connection=replace(connection_from(flags, component=COMPONENT, version=own_version()), events_in=namespaces),
            kinds=(*self._read("include_resources", _read_kinds), *self._read("custom_kinds", _read_generics)),
            namespaces=namespaces,
            rules=self._rules(),
            pace=Pace(timedelta(seconds=flags.wave_timeout), flags.wakes_per_minute),
            command=getattr(flags, "command", None) or "",
            stops=self._read("stop_controller", parse_controller),
            safety=Safety(
                max_unscheduled=int(flags.max_unscheduled.rstrip("%")) / 100,
                fight_flips=flags.fight_flips,
                fight_window=timedelta(seconds=flags.fight_window),
            ),
            enable_events=flags.enable_events,
            once=flags.once,
            debug=flags.debug,
            json_logs=flags.json_logs,
            interval=flags.interval,
            turn_timeout=flags.turn_timeout,
            metrics_port=flags.metrics_port,
            max_interval=self._max_interval(),
            late_after=flags.late_after,
            status=flags.status,
            prices=self._prices(),
            notices=(*self._notices, *_without_effect(flags)),
        )

    def _read(self, dest: str, reader: Callable[[str], T]) -> T:
        try:
            return reader(getattr(self._flags, dest) or "")
        except (ValueProblem, UsageError) as problem:
            raise UsageError(f"{self._place(dest)}: {problem}") from None

    def _max_interval(self) -> float:
        flags = self._flags
        longest: float = flags.max_interval or flags.interval
        if not flags.interval <= longest:
            place, least = self._place("max_interval"), f"--interval ({flags.interval:g} s) or more"
            raise UsageError(f"{place}: {longest:g} s is not possible; accepted: {least}")
        return longest

    def _prices(self) -> Prices:
        flags = self._flags
        usual = Price(flags.price_core_hour, flags.price_gib_hour, flags.co2_core_hour, flags.co2_gib_hour)
        if not flags.prices_file:
            return Prices(usual)
        return self._read("prices_file", lambda path: parse_prices(_content(path), usual))

    def _place(self, dest: str) -> str:
        if self._flags.sources[dest] == "environment":
            return f"environment variable {self._variables[dest]}"
        return f"--{dest.replace('_', '-')}"

    def _rules(self) -> Rules:
        context = self._context()
        scope = Scope(
            namespaces=self._read("exclude_namespaces", lambda text: regex_names(self._patterns(text))),
            names=self._read("exclude_deployments", lambda text: self._names(text)),
            no_owned=self._go,
            kube_system=self._flags.allow_kube_system,
            labels=self._read("matching_labels", lambda text: label_matcher(self._patterns(text))),
        )
        return Rules(
            policy=self._policy(context.defaults),
            scope=scope,
            context=context,
            forced_per_namespace=self._flags.force_uptime_scope == "namespace",
            orphans=Orphans(self._flags.orphans),
            version=own_version(),
            jitter=timedelta(seconds=self._flags.jitter),
            max_lateness=timedelta(seconds=self._flags.max_lateness) if self._flags.max_lateness else None,
        )

    def _patterns(self, text: str) -> tuple[str, ...]:
        """Regular expressions for the whole text, or for any part of it."""
        return tuple(f".*(?:{item}).*" if self._go else item for item in split_list(text))

    def _names(self, text: str) -> Names:
        return regex_names(self._patterns(text)) if self._go and text != OWN_NAMES else exact_names(split_list(text))

    def _context(self) -> Context:
        flags = self._flags
        kinds = self._read("custom_kinds", _read_generics)
        defaults = Defaults(
            timezone=self._read("default_timezone", lambda text: zone_named(text.strip()).key if text.strip() else None),
            weekframe=self._read("default_weekframe", lambda text: check_weekframe(text) if text.strip() else None),
            calendars=self._read("calendars", _read_calendars),
            end_excluded=self._go,
        )
        return Context(defaults, timedelta(seconds=flags.grace_period), flags.deployment_time_annotation or None, kinds)

    def _policy(self, defaults: Defaults) -> Policy:
        flags = self._flags
        return Policy(
            uptime=self._spec("default_uptime", defaults),
            downtime=self._spec("default_downtime", defaults),
            upscale_period=self._spec("upscale_period", defaults),
            downscale_period=self._spec("downscale_period", defaults),
            downtime_replicas=Setting(flags.downtime_replicas),
            downtime_max_replicas=Setting(flags.downtime_max_replicas),
            grace_period=Setting(timedelta(seconds=flags.grace_period)),
            upscale_target_only=flags.upscale_target_only or flags.orphans == Orphans.REPORT.value or self._go,
            compat=Compat(flags.compat),
            restore=RestorePolicy(flags.restore_policy or ("always" if self._go else "max")),
            scale_children=Setting(flags.scale_children),
            allow_volume_deletion=Setting(flags.allow_volume_deletion),
            overlap=Overlap(flags.overlap) if flags.overlap else None,
            skip_missed_runs=flags.missed_runs == "skip",
            suspend_night_runs=flags.night_runs == "suspend",
        )

    def _spec(self, dest: str, defaults: Defaults) -> Setting[Spec]:
        spec = self._read(dest, lambda text: parse(text, defaults))
        self._notices += [f"{self._place(dest)}: {warning}" for warning in spec.warnings]
        return Setting(spec, CONFIGURATION)


def _read_kinds(text: str) -> tuple[Kind, ...]:
    ids = split_list(text)
    unknown = [each for each in ids if each not in KINDS]
    if unknown or not ids:
        raise ValueProblem(
            ", ".join(unknown), f"one or more of {', '.join(KINDS)}; any other kind is described by --custom-kinds"
        )
    return tuple(kind for kind in KINDS.values() if kind.id in ids and kind.part_of not in ids)


def _read_generics(text: str) -> tuple[Kind, ...]:
    return tuple(generic_kind(parse_generic(item)) for item in split_list(text))


def _read_calendars(text: str) -> tuple[Calendar, ...]:
    found = []
    for item in split_list(text):
        name, _, path = item.partition("=")
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", name.strip()) or not path.strip():
            raise ValueProblem(item, "NAME=FILE, where NAME is letters, digits, _ . or -")
        found.append(parse_calendar(name.strip(), _content(path.strip(), f"calendar {name}: ")))
    return tuple(found)


def _content(path: str, what: str = "") -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{what}{path}: {getattr(error, 'strerror', None) or error}") from None


def _read_namespaces(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(check_namespace(name) for name in split_list(text)))


# What users set although no downscaler reads it: said rather than passed over.
_NOT_VARIABLES = (
    "DEBUG",
    "DRY_RUN",
    "EXCLUDE_NAMESPACE",
    "FORCE_DOWNTIME",
    "FORCE_UPTIME",
    "INCLUDE_NAMESPACES",
    "INTERVAL",
    "JSON_LOGS",
    "ONCE",
    "DEPLOYMENT_TIME_ANNOTATION",
)


def _without_effect(flags: Flags) -> list[str]:
    """What was given and does nothing, one line each."""
    kinds = split_list(flags.include_resources)
    periods = any(str(getattr(flags, each)).strip().lower() != "never" for each in ("upscale_period", "downscale_period"))
    facts = (
        ("admission_controller", True, "jobs are suspended natively (include the kind jobs)"),
        ("default_uptime", periods, "a period is set, and where one is uptime and downtime do not count"),
        ("default_downtime", periods, "a period is set, and where one is uptime and downtime do not count"),
        ("scale_children", "cronjobs" not in kinds, "cronjobs are not included"),
        ("missed_runs", "cronjobs" not in kinds, "cronjobs are not included"),
        ("night_runs", "cronjobs" not in kinds, "cronjobs are not included"),
        ("downtime_max_replicas", "horizontalpodautoscalers" not in kinds, "horizontalpodautoscalers are not included"),
        ("allow_volume_deletion", "statefulsets" not in kinds, "statefulsets are not included"),
        ("fight_window", flags.once or not flags.fight_flips, "fights are not looked for"),
        ("fight_flips", flags.once, "a single run remembers nothing"),
        ("wave_timeout", flags.once, "a single run waits for nothing"),
        ("wakes_per_minute", flags.once, "a single run waits for nothing"),
        ("interval", flags.once, "there is one turn only"),
        ("stop_controller", getattr(flags, "command", None) != "restore-all", "only restore-all stops another controller"),
        ("max_interval", flags.once, "there is one turn only"),
        ("late_after", not flags.metrics_port, "there is no --metrics-port"),
    )
    notices = []
    for dest, idle, why in facts:
        if idle and flags.sources[dest] != "default":
            value = getattr(flags, dest)
            shown = "" if value is True else f" {value}"
            notices.append(f"--{dest.replace('_', '-')}{shown} has no effect: {why}")
    parts = [each for each in kinds if each in KINDS and KINDS[each].part_of in kinds]
    if parts:
        notices.append(f"{', '.join(parts)} in --include-resources has no effect: {KINDS[parts[0]].part_of} includes them")
    if 0 < flags.max_lateness < 2 * flags.interval and not flags.once:
        notices.append(f"--max-lateness {flags.max_lateness:g} is less than two turns: changes may be left out for that alone")
    if "horizontalpodautoscalers" in kinds and flags.downtime_replicas == 0:
        notices.append("horizontalpodautoscalers are scaled only where a downscaler/downtime-replicas of 1 or more is in force")
    return notices
