"""What is on its way and since when, and how long the process may rest: as tables, and lived through on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from downscaler.config import read_config
from downscaler.decide import Cause, Decision, Keep, Problem, Restore, ScaleTo
from downscaler.pending import Outlook, Pending
from downscaler.plan import Planned
from downscaler.sizes import KINDS
from shared.errors import UsageError
from shared.health import Health
from shared.loop import Rhythm, TurnResult, run_loop

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def planned(decision: Decision, *, ready: int = 0, pods: int = 0, moment: datetime | None = None) -> Planned:
    kind = KINDS["deployments"]
    body = {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
        "spec": {"replicas": 2},
        "status": {"replicas": pods, "readyReplicas": ready},
    }
    return Planned(kind, msgspec.convert(body, kind.as_type), decision, moment=moment)


def keep(cause: Cause, held: int | None = None) -> Keep:
    return Keep(cause, "because", held)


UP, DOWN = Restore(0, 2, ""), ScaleTo(2, 0, 2, "")
# What is decided turn by turn, a minute apart, and since how many minutes it is on its way after the last one.
STORIES: list[tuple[str, list[Planned], tuple[str, int] | None]] = [
    ("told to wake", [planned(UP)], ("up", 0)),
    ("woken and starting", [planned(UP), planned(keep("up"))], ("up", 1)),
    ("woken and ready", [planned(UP), planned(keep("up"), ready=2)], None),
    ("never ready, but nobody woke it", [planned(keep("up")), planned(keep("up"))], None),
    ("waits for its wave, then is woken", [planned(keep("waiting", 2)), planned(UP), planned(keep("up"))], ("up", 2)),
    ("too many wake at once", [planned(keep("throttled", 2)), planned(keep("throttled", 2))], ("up", 1)),
    ("told to sleep, with pods left", [planned(DOWN), planned(keep("down", 2), pods=1)], ("down", 1)),
    ("asleep", [planned(DOWN), planned(keep("down", 2))], None),
    ("waits in the evening", [planned(keep("waiting")), planned(keep("waiting"))], ("down", 1)),
    ("held as a mass", [planned(keep("held")), planned(keep("held"))], ("down", 1)),
    ("held after a jump, put down before", [planned(keep("hold", 2))], ("down", 0)),
    ("left to somebody who fights", [planned(DOWN), planned(keep("fight", 2))], ("down", 1)),
    ("changed its mind", [planned(keep("waiting", 2)), planned(DOWN)], ("down", 0)),
    ("up on purpose", [planned(keep("grace")), planned(keep("grace"))], None),
    ("parked", [planned(keep("parked"))], None),
    ("excluded while it waited", [planned(keep("waiting", 2)), planned(keep("excluded"))], None),
    ("broken while it waited", [planned(keep("waiting", 2)), planned(Problem("broken"))], None),
]


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES])
def test_what_is_on_its_way(story: list[Planned], expected: tuple[str, int] | None) -> None:
    pending, now = Pending(), NOON
    for now in (NOON + MINUTE * index for index in range(len(story))):
        each = story[round((now - NOON) / MINUTE)]
        if isinstance(each.decision, ScaleTo | Restore):
            pending.told(each, each.decision, now)
        else:
            pending.kept(each, now)
        pending.end(complete=True)
    assert list(pending.waits(now)) == ([] if expected is None else [(expected[0], expected[1] * MINUTE)])


def test_what_is_gone_is_forgotten_unless_its_list_failed() -> None:
    pending = Pending()
    pending.told(planned(UP), UP, NOON)
    pending.end(complete=True)
    pending.end(complete=False)
    assert list(pending.waits(NOON + HOUR)) == [("up", HOUR)]
    pending.end(complete=True)
    assert list(pending.waits(NOON + HOUR)) == []


def test_a_clock_that_went_back_makes_nothing_late() -> None:
    pending = Pending()
    pending.told(planned(UP), UP, NOON)
    assert list(pending.waits(NOON - HOUR)) == [("up", timedelta(0))]


SOON, LATER = NOON + 5 * MINUTE, NOON + 2 * HOUR
RESTS: list[tuple[str, list[Planned], datetime | None, bool]] = [
    ("nothing is ahead", [planned(keep("up"), ready=2)], None, True),
    ("something waits", [planned(keep("waiting", 2))], None, False),
    ("something is throttled", [planned(keep("throttled", 2))], None, False),
    ("something is held", [planned(keep("held"))], None, False),
    ("something is held otherwise", [planned(keep("hold"))], None, False),
    ("a fight was given up just now", [planned(keep("fight", 2))], None, False),
    ("something was changed lately", [planned(keep("up"), ready=2)], NOON + MINUTE, False),
    ("something was changed long ago", [planned(keep("up"), ready=2)], NOON, True),
]


@pytest.mark.parametrize(("seen", "quiet", "expected"), [row[1:] for row in RESTS], ids=[row[0] for row in RESTS])
def test_whether_the_process_may_rest(seen: list[Planned], quiet: datetime | None, expected: bool) -> None:
    outlook, pending = Outlook(), Pending()
    for each in seen:
        outlook.see(each)
        pending.kept(each, NOON)
    assert outlook.idle(pending, NOON, quiet) is expected


def test_the_earliest_instant_counts() -> None:
    outlook = Outlook()
    for moment in (None, LATER, SOON, LATER, None):
        outlook.see(planned(keep("up"), moment=moment))
    assert outlook.next == SOON


def test_what_never_gets_ready_is_watched_for_an_hour() -> None:
    outlook, pending = Outlook(), Pending()
    pending.told(planned(UP), UP, NOON)
    assert not outlook.idle(pending, NOON + 59 * MINUTE, None)
    assert outlook.idle(pending, NOON + HOUR, None)


# ---- a whole process on a simulated clock


class Until:
    """The embedded cluster's clock, which asks for the end once it has come to *end*; something may happen on the way."""

    def __init__(self, world: Any, length: timedelta, health: Health) -> None:
        self._clock, self._health = world.sim.clock, health
        self._end = self._clock.now() + length
        self._plans: list[tuple[datetime, Callable[[], object]]] = []

    def then(self, at: datetime, act: Callable[[], object]) -> None:
        self._plans.append((at, act))

    def now(self) -> datetime:
        found: datetime = self._clock.now()
        return found

    def monotonic(self) -> float:
        return float(self._clock.monotonic())

    def sleep(self, seconds: float) -> None:
        self._clock.advance(timedelta(seconds=seconds))
        for plan in [plan for plan in self._plans if plan[0] <= self.now()]:
            self._plans.remove(plan)
            plan[1]()
        if self.now() >= self._end:
            self._health.stop.set()


def lived(
    world: Any, *argv: str, hours: float, plans: dict[datetime, Callable[[], object]] | None = None
) -> tuple[list[datetime], Any]:
    """When each turn of a process with the flags *argv* began within *hours*, and its controller."""
    controller = world.controller(*argv)
    health = Health(controller.config.interval)
    clock = Until(world, timedelta(hours=hours), health)
    for at, act in (plans or {}).items():
        clock.then(at, act)
    turns: list[datetime] = []

    def turn() -> TurnResult:
        turns.append(clock.now())
        controller.memory.tick(clock.now(), clock.monotonic())
        result: TurnResult = controller.lasting_turn()
        return result

    run_loop(turn, rhythm=Rhythm(30, controller.config.max_interval), clock=clock, health=health, name="x")
    return turns, controller


def changes(world: Any) -> list[str]:
    """When the Events say that something was scaled, and which way."""
    said = sorted((event["firstTimestamp"], event["reason"]) for event in world.sim.list("events"))
    return [f"{at[11:19]} {reason}" for at, reason in said]


RESTING = ("--max-interval=1h", "--enable-events")


def test_edges_are_acted_on_at_their_second_and_most_turns_are_saved(world: Any) -> None:
    for name, ends in (("web", "18:00"), ("api", "18:07"), ("db", "18:30")):
        world.deployment(name, uptime=f"Mon-Fri 07:30-{ends} UTC")
    world.pass_time(minutes=17, seconds=23)
    turns, _ = lived(world, *RESTING, hours=20)
    assert changes(world) == [
        "18:00:00 ScaleDown",
        "18:07:00 ScaleDown",
        "18:30:00 ScaleDown",
        *["07:30:00 ScaleUp"] * 3,
    ]
    # Of 2,400 turns an hour's in the evening are left, one in the morning, as nothing gets ready here, and one each hour else.
    assert 200 < len(turns) < 280


def test_every_instant_that_time_alone_brings_ends_a_rest(world: Any) -> None:
    world.annotate_namespace(uptime="never")
    world.deployment("new")
    world.deployment(
        "asked", uptime="always", downtime="2026-03-23T14:00:00Z-2026-03-24T00:00:00Z", up_until="2026-03-23T15:20:00Z"
    )
    world.deployment("kept", exclude_until="2026-03-23T16:40:00Z")
    lived(world, *RESTING, hours=6)
    assert changes(world) == ["12:15:01 ScaleDown", "15:20:00 ScaleDown", "16:40:00 ScaleDown"]
    assert "downscaler/up-until" not in world.sim.get("deployments", "shop", "asked")["metadata"]["annotations"]


def test_the_share_of_the_jitter_is_waited_for(world: Any) -> None:
    world.deployment(uptime="Mon-Fri 08:00-18:00 UTC")
    _, controller = lived(world, *RESTING, "--jitter=1200", hours=8)
    late = controller.config.rules.lateness("shop")
    assert late > timedelta(0)
    assert changes(world) == [f"{NOON + timedelta(hours=6) + late:%H:%M:%S} ScaleDown"]


def test_waves_go_on_at_the_usual_interval(world: Any) -> None:
    world.deployment("database", 0, original_replicas="1")
    world.deployment("api", 0, original_replicas="1", depends_on="deployment/database")
    ready = {"status": {"replicas": 1, "readyReplicas": 1}}
    at = NOON + timedelta(minutes=3)
    plans = {at: lambda: world.sim.patch("deployments", "shop", "database", ready, subresource="status")}
    lived(world, *RESTING, hours=1, plans=plans)
    first, second = changes(world)
    assert first == "12:00:00 ScaleUp"
    assert "12:03:00" <= second[:8] <= "12:03:32"


def test_a_fight_is_noticed_as_soon_as_without_rests(world: Any) -> None:
    world.deployment(downtime="2026-03-23T14:00:00Z-2026-03-24T00:00:00Z")

    def set_back() -> None:
        if world.replicas() == 0:
            world.scale(3)

    plans = {NOON + timedelta(hours=2, minutes=4 * count): set_back for count in range(1, 9)}
    _, controller = lived(world, *RESTING, hours=3, plans=plans)
    assert world.replicas() == 3
    (fight,) = (each for each in changes(world) if each.endswith("Fight"))
    assert "14:20:00" <= fight[:8] <= "14:20:32"
    assert controller.metric("fights", kind="deployments") == 1


def test_what_others_change_is_seen_a_rest_late_and_no_later(world: Any) -> None:
    world.deployment()
    plans = {NOON + timedelta(minutes=30): lambda: world.annotate(downtime="always")}
    lived(world, *RESTING, hours=3, plans=plans)
    (only,) = changes(world)
    assert "12:57:00" <= only[:8] <= "13:03:00"


def test_savings_are_counted_over_rests(world: Any) -> None:
    world.deployment(replicas=0, downtime="always", original_replicas="4", downscaled_to="0")
    _, controller = lived(world, "--max-interval=3h", hours=12)
    assert controller.metric("saved_replica_hours_total", namespace="shop") == pytest.approx(4 * 10.5, abs=8)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--max-interval=10"], "--max-interval: 10 s is not possible; accepted: --interval (30 s) or more"),
        (["--interval=2h", "--max-interval=1h"], "--max-interval: 3600 s is not possible; accepted: --interval (7200 s) or more"),
    ],
)
def test_a_longest_interval_is_no_shorter_than_the_usual_one(argv: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_config(argv, {})
    assert str(caught.value) == said


def test_more_than_a_day_is_refused_and_the_default_is_the_interval(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_config(["--interval=45"], {}).max_interval == 45
    with pytest.raises(SystemExit):
        read_config(["--max-interval=2d"], {})
    assert "at most 86400 seconds" in capsys.readouterr().err
