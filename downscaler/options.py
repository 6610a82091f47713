"""Every flag of the controller, with its variable and default. What the texts mean is in `config.py`."""

from __future__ import annotations

import argparse
import re

from downscaler.amounts import LARGEST, parse_replicas
from downscaler.policy import Compat, Orphans, Overlap, RestorePolicy
from downscaler.sizes import KINDS
from shared.errors import ValueProblem
from shared.flags import FlagParser, add_common_flags, env_flag, number, positive_seconds, seconds, switch, whole

COMPONENT = "kube-downscaler"
COMMAND_NAMES = ("restore-all", "import-kube-green")
# Prints and ends, without asking the cluster anything.
RBAC = "rbac"
OWN_NAMES = "kube-downscaler,downscaler,py-kube-downscaler,kube-thrift-downscaler"
# Ten years: what is meant as "for ever" still fits a timedelta.
_LONGEST_GRACE = 315_360_000
_LONGEST_REST = 86_400


def parser(*, commands: bool = True) -> FlagParser:
    """Every flag of the controller; with *commands* also the word of one, anywhere among the flags."""
    flags = FlagParser(COMPONENT, "Switches Kubernetes workloads off outside working hours, and on again.")
    if commands:
        flags.add_argument(
            "command",
            nargs="?",
            type=_command,
            metavar="COMMAND",
            help="instead of scaling: restore-all brings back everything that was put down and ends, import-kube-green adopts "
            "what kube-green put to sleep and ends, rbac prints the roles that these flags need",
        )
    add_common_flags(flags, component=COMPONENT)
    _add_selection(flags)
    _add_schedule(flags)
    _add_outcome(flags)
    _add_return(flags)
    _add_safety(flags)
    _add_pace(flags)
    _add_watching(flags)
    return flags


def _add_outcome(flags: FlagParser) -> None:
    switch(flags, "--enable-events", help="write a Kubernetes Event for each change and for each broken annotation")
    switch(flags, "--scale-children", help="suspend and resume the unfinished Jobs of CronJobs with them")
    env_flag(
        flags,
        "--missed-runs",
        env="MISSED_RUNS",
        choices=["run", "skip"],
        default="run",
        help="what a CronJob that comes up does about the runs it missed: Kubernetes starts the last one at once (run), unless "
        "startingDeadlineSeconds is set, which is set to 60 and stays (skip)",
    )
    env_flag(
        flags,
        "--night-runs",
        env="NIGHT_RUNS",
        choices=["keep", "suspend"],
        default="keep",
        help="a CronJob whose every run lies in its downtime would never run: it is left on, with a hint (keep), or suspended "
        "all the same (suspend)",
    )
    env_flag(
        flags,
        "--max-lateness",
        env="MAX_LATENESS",
        type=grace_seconds,
        default=0.0,
        help="seconds after a change of the schedule in which it is still carried out, as in kube-green; later it is left out "
        "until the next change. 0: it is always caught up with",
    )


def _add_return(flags: FlagParser) -> None:
    switch(flags, "--upscale-target-only", help="leave excluded workloads as they are instead of bringing them back up")
    env_flag(
        flags,
        "--restore-policy",
        env="RESTORE_POLICY",
        choices=[policy.value for policy in RestorePolicy],
        help="the size of a workload that was changed in its sleep: the larger one (max, the default but for "
        "--compat=go), always the recorded one, or theirs",
    )
    env_flag(
        flags,
        "--orphans",
        env="ORPHANS",
        choices=[each.value for each in Orphans],
        default=Orphans.EXCLUDED.value,
        help="sleepers that are no longer ours: bring up what was excluded and report kinds left out (excluded), bring up all "
        "(restore), or leave all asleep and report them (report)",
    )
    env_flag(
        flags,
        "--force-uptime-scope",
        env="FORCE_UPTIME_SCOPE",
        choices=["cluster", "namespace"],
        default="cluster",
        help="what a pod annotated with downscaler/force-uptime=true keeps up: everything, or its own namespace",
    )
    env_flag(
        flags,
        "--admission-controller",
        env="ADMISSION_CONTROLLER",
        choices=["gatekeeper", "kyverno"],
        help="accepted for compatibility, without effect: jobs are suspended natively",
    )


def _add_safety(flags: FlagParser) -> None:
    env_flag(
        flags,
        "--compat",
        env="COMPAT",
        choices=[each.value for each in Compat],
        default=Compat.ORIG.value,
        help="whose rules hold where kube-downscaler and its forks (orig) and GoKubeDownscaler (go) contradict each other",
    )
    switch(flags, "--allow-kube-system", help="also scale what is in kube-system, unless it is in --exclude-namespaces")
    env_flag(
        flags,
        "--max-unscheduled",
        env="MAX_UNSCHEDULED",
        type=_share,
        default="50%",
        help="share of all objects that may go down at once although no schedule of theirs changed; beyond it they are held",
    )
    env_flag(
        flags,
        "--fight-flips",
        env="FIGHT_FLIPS",
        type=whole(0, 100),
        default=5,
        help="how often within --fight-window an object is put down again before it is left to whoever sets it back; 0: always",
    )
    env_flag(
        flags,
        "--fight-window",
        env="FIGHT_WINDOW",
        type=positive_seconds,
        default=1800.0,
        help="seconds in which --fight-flips count",
    )
    switch(flags, "--allow-volume-deletion", help="scale StatefulSets down although that deletes their volumes")
    env_flag(
        flags,
        "--stop-controller",
        help="for restore-all: the downscaler to stop first, deployments/NAMESPACE/NAME or cronjobs/NAMESPACE/NAME; it stays "
        "stopped. Rights on kinds that are not included are then not needed",
    )


def _add_pace(flags: FlagParser) -> None:
    env_flag(
        flags,
        "--wave-timeout",
        env="WAVE_TIMEOUT",
        type=positive_seconds,
        default=600.0,
        help="seconds for which an object waits for one before it in the order of waves and dependencies to be ready, or gone",
    )
    env_flag(
        flags,
        "--wakes-per-minute",
        env="WAKES_PER_MINUTE",
        type=whole(0, 1_000_000),
        default=0,
        help="how many objects are brought up in a minute at most; 0: any number",
    )
    env_flag(
        flags,
        "--jitter",
        env="JITTER",
        type=grace_seconds,
        default=0.0,
        help="seconds by which the schedules of namespaces are late at most, each by its own share, not all at once",
    )


def _add_watching(flags: FlagParser) -> None:
    env_flag(
        flags,
        "--max-interval",
        env="MAX_INTERVAL",
        type=_rest_seconds,
        default=0.0,
        help="seconds from one turn to the next at most, where nothing is known to fall due before; what others change is seen "
        "that late; 0: always --interval",
    )
    env_flag(
        flags,
        "--late-after",
        env="LATE_AFTER",
        type=positive_seconds,
        default=900.0,
        help="seconds after which an object that is not yet what its schedule wants is counted as late",
    )
    switch(
        flags,
        "--status",
        default=True,
        help="show what is decided about each object on --metrics-port, at / and /status; --no-status does not",
    )
    for figure, meaning in (
        ("price", "USD that a {} is worth for an hour"),
        ("co2", "grams of CO2 equivalent that a {} causes in an hour"),
    ):
        for name, what in (("core", "core"), ("gib", "GiB of memory")):
            env_flag(
                flags,
                f"--{figure}-{name}-hour",
                env=f"{figure}_{name}_HOUR".upper(),
                type=number(0),
                default=0.0,
                help=f"{meaning.format(what)}, to count what is saved; 0: not counted",
            )
    env_flag(
        flags,
        "--prices-file",
        env="PRICES_FILE",
        help="YAML or JSON file with other prices and figures for some namespaces or node selectors",
    )


def _add_selection(flags: FlagParser) -> None:
    env_flag(
        flags,
        "--namespace",
        env="NAMESPACE",
        help="comma-separated namespaces to work in, where rights in those suffice; all if not given",
    )
    env_flag(
        flags,
        "--include-resources",
        env="INCLUDE_RESOURCES",
        default="deployments",
        help=f"comma-separated kinds to scale: {', '.join(KINDS)}",
    )
    env_flag(
        flags,
        "--custom-kinds",
        env="CUSTOM_KINDS",
        help="comma-separated kinds to scale beside those: group/version/plural:path of a count, path=value that means down, "
        "or scale",
    )
    env_flag(
        flags,
        "--exclude-namespaces",
        env="EXCLUDE_NAMESPACES",
        default="kube-system",
        help="comma-separated regular expressions, each for a whole name, of namespaces to leave alone; replaces the default",
    )
    env_flag(
        flags,
        "--exclude-deployments",
        env="EXCLUDE_DEPLOYMENTS",
        default=OWN_NAMES,
        help="comma-separated exact names to leave alone, of any kind and in any namespace; replaces the default",
    )
    env_flag(
        flags,
        "--matching-labels",
        env="MATCHING_LABELS",
        help="comma-separated regular expressions; a workload is scaled when one of its labels, as key=value, matches one wholly",
    )


def _add_schedule(flags: FlagParser) -> None:
    env_flag(flags, "--default-uptime", env="DEFAULT_UPTIME", default="always", help="when workloads are up that say nothing")
    env_flag(
        flags, "--default-downtime", env="DEFAULT_DOWNTIME", default="never", help="when workloads are down that say nothing"
    )
    env_flag(flags, "--upscale-period", env="UPSCALE_PERIOD", default="never", help="when sleeping workloads are switched on")
    env_flag(flags, "--downscale-period", env="DOWNSCALE_PERIOD", default="never", help="when running workloads are switched off")
    flags.exclusive("--upscale-period", "--default-uptime")
    flags.exclusive("--downscale-period", "--default-downtime")
    env_flag(
        flags,
        "--grace-period",
        env="GRACE_PERIOD",
        type=grace_seconds,
        default=900.0,
        help="seconds for which a new workload is left up",
    )
    env_flag(
        flags,
        "--downtime-replicas",
        env="DOWNTIME_REPLICAS",
        type=parse_replicas,
        default=0,
        help="the size of workloads that are down; a percentage works on PodDisruptionBudgets only",
    )
    env_flag(
        flags,
        "--downtime-max-replicas",
        env="DOWNTIME_MAX_REPLICAS",
        type=whole(1, LARGEST),
        help="the maxReplicas of HorizontalPodAutoscalers that are down; without it only their minReplicas is lowered",
    )
    env_flag(
        flags,
        "--deployment-time-annotation",
        help="annotation that holds a workload's last deployment time, from which the grace period counts if it is later",
    )
    env_flag(
        flags,
        "--overlap",
        env="OVERLAP",
        choices=[each.value for each in Overlap],
        help="what holds where uptime and downtime, or the two periods, overlap; without it downtime wins, periods do nothing",
    )
    env_flag(
        flags,
        "--calendars",
        env="CALENDARS",
        help="comma-separated NAME=FILE, calendars for holidays(NAME) in time specs: ICS, or lines of dates",
    )
    env_flag(flags, "--default-timezone", env="DEFAULT_TIMEZONE", help="time zone of time specs that name none")
    env_flag(flags, "--default-weekframe", env="DEFAULT_WEEKFRAME", help="weekdays of time specs that name none, such as Mon-Fri")


def _command(text: str) -> str:
    if text not in (*COMMAND_NAMES, RBAC):
        raise argparse.ArgumentTypeError(f"{text!r} is no command; accepted: {', '.join((*COMMAND_NAMES, RBAC))}")
    return text


def _share(text: str) -> str:
    match = re.fullmatch(r"(\d{1,3})%", text.strip(), re.ASCII)
    if match is None or int(match[1]) > 100:
        raise ValueProblem(text, "a percentage from 0% to 100%")
    return f"{int(match[1])}%"


def _rest_seconds(text: str) -> float:
    value = seconds(text)
    if value > _LONGEST_REST:
        raise ValueProblem(text, f"at most {_LONGEST_REST} seconds, a day")
    return value


def grace_seconds(text: str) -> float:
    value = seconds(text)
    if value > _LONGEST_GRACE:
        raise ValueProblem(text, f"at most {_LONGEST_GRACE} seconds")
    return value
