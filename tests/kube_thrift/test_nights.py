"""The demo's nights: a death in mid-flight, others that act on the same objects, and the stopwatch of the mornings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kube_thrift import week
from kube_thrift.demo import START
from kube_thrift.nights import IN_GIT, LATE_WORKER, RELEASE, Nights, Stopwatch
from shared.cluster import Cluster
from shared.simcluster import SimCluster

KEY = ("deployments", "shop", "web")
POD = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}}


def test_the_demo_starts_in_a_week_with_a_holiday_and_a_clock_change() -> None:
    from downscaler.timespec import parse

    days = [START + timedelta(days=day, hours=12) for day in range(7)]
    assert [day.weekday() for day in days if parse("holidays(DE-BE) Europe/Berlin").matches(day)] == [4]
    berlin = parse("Mon-Sun 12:00-13:00 Europe/Berlin")
    assert [day.replace(hour=11) for day in days if berlin.matches(day.replace(hour=11))] == [
        day.replace(hour=11) for day in days[:6]
    ]


def test_a_night_with_a_death_ends_with_everything_as_it_was() -> None:
    evening = datetime(2027, 3, 24, 18, 30, tzinfo=UTC)
    with SimCluster(start=evening, fleet="demo", live=True) as sim:
        config = week._config(sim)
        with week.listening() as heard, Cluster.connect(config.connection, clock=sim.clock) as cluster:
            originals = dict(week._sizes(cluster, config))
            nights = Nights(sim, cluster, config)

            def live(until: datetime) -> None:
                while sim.clock.now() < until:
                    assert nights.turn().ok
                    nights.others_act()
                    sim.advance(week.STEP)

            live(evening + timedelta(hours=3, minutes=30))
            asleep = sim.get("deployments", "catalog-staging", "catalog-indexer")["spec"]["replicas"]
            late = sim.get("deployments", *LATE_WORKER)
            # New York goes home at 23:00 UTC; only then the tool begins to fight.
            live(evening + timedelta(hours=7))
            stuck = week._switch_on(sim, cluster, nights, originals)
        git = sim.get("deployments", *IN_GIT[:2])

    assert nights.kills == 1
    assert asleep == 0
    assert late["metadata"]["annotations"]["downscaler/up-until"].startswith("2027-03-25T0")
    assert late["spec"]["replicas"] == 4
    assert git["spec"]["replicas"] == IN_GIT[2]
    assert "set back each time" in "".join(heard.lines)
    assert stuck == ()
    assert nights.story()[0].startswith("The controller was killed on 1 evenings, in the middle of its writes")


def test_a_saturday_has_its_death_too_because_a_team_releases() -> None:
    noon = datetime(2027, 3, 27, 16, tzinfo=UTC)
    with SimCluster(start=noon, fleet="demo", live=True) as sim:
        config = week._config(sim)
        with week.listening(), Cluster.connect(config.connection, clock=sim.clock) as cluster:
            originals = dict(week._sizes(cluster, config))
            nights = Nights(sim, cluster, config)
            sizes: list[int] = []
            while sim.clock.now() < noon + timedelta(hours=7):
                assert nights.turn().ok
                nights.others_act()
                sim.advance(nights.step(week.STEP))
                sizes.append(sim.get("deployments", RELEASE, "payment-gateway")["spec"]["replicas"])
            kills = nights.kills
            stuck = week._switch_on(sim, cluster, nights, originals)

    # Asleep, awake for the release, asleep again; and killed on the way up.
    assert [size for before, size in zip([None, *sizes], sizes, strict=False) if size != before] == [0, 4, 0]
    assert kills == 1
    assert stuck == ()


def test_the_stopwatch_takes_the_time_of_the_last_one_of_a_morning() -> None:
    watch, now = Stopwatch(), datetime(2027, 3, 22, 6, tzinfo=UTC)
    with SimCluster(start=now) as sim:
        sim.namespace("shop")
        spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": POD}
        sim.create(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
        )
        watch.called(now, KEY)
        watch.look(sim, now + timedelta(minutes=1))
        assert watch.awaited == {KEY}
        sim.patch("deployments", "shop", "web", {"status": {"readyReplicas": 2, "replicas": 2}}, subresource="status")
        watch.look(sim, now + timedelta(minutes=3))
        watch.look(sim, now + timedelta(minutes=9))
    assert (watch.slowest, watch.began) == ((timedelta(minutes=3), "deployments shop/web"), None)
