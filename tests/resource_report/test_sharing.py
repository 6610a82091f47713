"""Spreading idle cost, overhead and the cost of shared pods: examples computed by hand, conservation, and where it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resource_report.cells import Cells
from resource_report.columns import APPLICATIONS, NAMESPACES, TEAMS
from resource_report.config import read_config
from resource_report.cost import Costed
from resource_report.kinds import Pod
from resource_report.labels import LabelSettings
from resource_report.links import CustomLinks
from resource_report.mapping import MapSettings, pod_row
from resource_report.rows import Snapshot
from resource_report.sharing import STRATEGIES, SharingSettings, apply_sharing
from resource_report.summary import summarise
from resource_report.tables import NODES, PODS, SHARED, conform
from resource_report.tsv import FILES, files
from resource_report.views import Currency, Views
from shared.errors import UsageError
from shared.filters import regex_names
from tests.resource_report.sample_report import sample_report

SYSTEM = regex_names(["kube-.*"])


def node(name: str, idle: float, *, cluster: str = "prod") -> dict[str, object]:
    return {"cluster": cluster, "node": name, "idle_cost": idle, "cost": idle}


def pod(name: str, cost: float, **more: object) -> dict[str, object]:
    facts = {"cluster": "prod", "namespace": "shop", "node": "n1", "team": "red", "application": "web", "component": "x"}
    return facts | {"workload_kind": "Deployment", "workload": name, "attached": True, "pod": name, "cost": cost} | more


def costed(nodes: list[dict[str, object]], pods: list[dict[str, object]], **overhead: float) -> Costed:
    frame = conform(pd.DataFrame(pods), PODS).drop(columns=list(SHARED))
    return Costed(conform(pd.DataFrame(nodes), NODES), frame, overhead or {"prod": 0.0}, "split")


def shares(read: Costed, column: str, **chosen: object) -> dict[str, float]:
    done, _ = apply_sharing(read, SharingSettings(**chosen))  # type: ignore[arg-type]
    return dict(zip(done.pods["pod"], done.pods[column], strict=True))


# Red pays 1 + 3 and blue 6 USD, of which 3 and 6 are on n2; the system's pod costs 20. n1 has 10 USD of idle cost, n2 18, n3 5.
CLUSTER = costed(
    [node("n1", 10), node("n2", 18), node("n3", 5), node("m1", 7, cluster="test")],
    [
        pod("a", 1),
        pod("b", 3, node="n2"),
        pod("c", 6, node="n2", team="blue"),
        pod("dns", 20, namespace="kube-system", team="platform", shared=True),
        pod("free", 0, team="green"),
        pod("t", 2, cluster="test", node="m1", namespace="kube-like"),
    ],
    prod=30.0,
    test=4.0,
)


@pytest.mark.parametrize(
    ("chosen", "column", "expected"),
    [
        pytest.param({"namespaces": regex_names(["kube-system"])}, "shared_cost", [2, 6, 12, 0, 0, 0], id="namespaces: by cost"),
        pytest.param({"namespaces": regex_names(["kube"])}, "shared_cost", [0, 0, 0, 0, 0, 0], id="namespaces: whole names"),
        pytest.param({"labels": True}, "shared_cost", [2, 6, 12, 0, 0, 0], id="labels"),
        pytest.param({"idle": "weighted"}, "shared_cost", [0, 0, 0, 0, 0, 0], id="a mark counts only where labels are asked for"),
        pytest.param(
            # n1: 10 for a, the only taker there. n2: 18 as 3 : 6. n3 has no pod: 5 as 1 : 3 : 6.
            {"idle": "weighted", "labels": True}, "shared_idle_cost", [10.5, 6 + 1.5, 12 + 3, 0, 0, 7], id="idle: by node"
        ),
        pytest.param(
            # n1: 10 as 1 : 20, n2 as before, n3: 5 as 1 : 3 : 6 : 20.
            {"idle": "weighted"}, "shared_idle_cost",
            [10 / 21 + 5 / 30, 6 + 15 / 30, 12 + 30 / 30, 200 / 21 + 100 / 30, 0, 7], id="idle: nothing is shared otherwise"
        ),
        pytest.param(
            # 33 USD: half for red as 1 : 3, half for blue; green costs nothing, platform is shared itself.
            {"idle": "even", "labels": True}, "shared_idle_cost", [33 / 8, 99 / 8, 33 / 2, 0, 0, 7], id="idle: even"
        ),
        pytest.param({"idle": "none", "labels": True}, "shared_idle_cost", [0, 0, 0, 0, 0, 0], id="idle: none"),
        pytest.param(
            {"overhead": "weighted", "labels": True}, "shared_overhead_cost", [3, 9, 18, 0, 0, 4], id="overhead: weighted"
        ),
        pytest.param({"overhead": "even"}, "shared_overhead_cost", [2.5, 7.5, 10, 10, 0, 4], id="overhead: even"),
    ],
)  # fmt: skip
def test_shares_by_hand(chosen: dict[str, object], column: str, expected: list[float]) -> None:
    assert list(shares(CLUSTER, column, **chosen).values()) == pytest.approx(expected)


def test_nothing_is_done_unless_asked_for() -> None:
    done, notes = apply_sharing(CLUSTER, SharingSettings())

    assert done is CLUSTER
    assert notes == []


def test_cost_itself_is_not_changed() -> None:
    done, _ = apply_sharing(CLUSTER, SharingSettings("weighted", "even", SYSTEM))

    pd.testing.assert_frame_equal(done.pods[CLUSTER.pods.columns], CLUSTER.pods)
    assert done.nodes is CLUSTER.nodes


def test_without_a_taker_it_stays_unshared_and_is_told() -> None:
    read = costed([node("n1", 10)], [pod("dns", 20, namespace="kube-system"), pod("free", 0)], prod=5.0, empty=1.0)
    done, notes = apply_sharing(read, SharingSettings("weighted", "even", SYSTEM))

    assert done.pods[list(SHARED)].to_numpy().sum() == 0
    assert [(note.cluster, note.message) for note in notes] == [
        ("prod", "20.00 USD/month of cost of shared pods stay unshared"),
        ("prod", "10.00 USD/month of idle cost stay unshared"),
        ("prod", "5.00 USD/month of overhead stay unshared"),
        ("empty", "1.00 USD/month of overhead stay unshared"),
    ]


def test_unknown_cost_takes_an_unknown_share() -> None:
    read = costed([node("n1", 10)], [pod("a", 5), pod("b", np.nan)], prod=5.0)

    assert shares(read, "shared_idle_cost", idle="weighted") == pytest.approx({"a": 10, "b": np.nan}, nan_ok=True)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_pods_and_no_nodes_at_all(strategy: str) -> None:
    empty = Costed(conform(pd.DataFrame(), NODES), conform(pd.DataFrame(), PODS), {}, "split")
    done, notes = apply_sharing(empty, SharingSettings(strategy, strategy, SYSTEM))

    assert (len(done.pods), notes) == (0, [])


def test_groups_have_the_sums_of_their_pods() -> None:
    done, _ = apply_sharing(CLUSTER, SharingSettings("weighted", "weighted", labels=True))
    snapshots = [Snapshot(cluster=name, name=name, api_server_url="") for name in ("prod", "test")]
    frames = summarise(done, snapshots, {}).frames

    for name in ("workloads", "namespaces", "teams", "applications", "team_applications", "components", "pods"):
        sums = frames[name][list(SHARED)].sum()
        assert sums.tolist() == pytest.approx([20, 33 + 7, 30 + 4]), name
    teams = frames["teams"].set_index("team")
    assert teams.loc["blue", list(SHARED)].tolist() == pytest.approx([12, 15, 18])
    unshared = summarise(CLUSTER, snapshots, {}).frames
    assert unshared["teams"][list(SHARED)].isna().all(axis=None)


MONEY = st.one_of(st.just(0.0), st.floats(0, 1e5), st.sampled_from([5e-324, 1e-12]))


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(
    pods=st.lists(
        st.tuples(
            MONEY, st.sampled_from("cd"), st.sampled_from(["kube-x", "shop"]), st.sampled_from(["", "r"]), st.sampled_from("mno")
        ),
        min_size=1,
        max_size=12,
    ),
    idle=st.lists(MONEY, min_size=4, max_size=4),
    overhead=MONEY,
    idle_by=st.sampled_from(STRATEGIES),
    overhead_by=st.sampled_from(STRATEGIES),
)
def test_what_is_shared_is_conserved(
    pods: list[tuple[float, str, str, str, str]], idle: list[float], overhead: float, idle_by: str, overhead_by: str
) -> None:
    nodes = [node(name, amount, cluster=cluster) for (cluster, name), amount in zip(("cm", "cn", "dm", "dn"), idle, strict=True)]
    rows = [
        pod(str(number), cost, cluster=cluster, namespace=namespace, team=team, node=where)
        for number, (cost, cluster, namespace, team, where) in enumerate(pods)
    ]
    read = costed(nodes, rows, c=overhead, d=1.0)
    done, _ = apply_sharing(read, SharingSettings(idle_by, overhead_by, SYSTEM))

    assert (done.pods[list(SHARED)] >= 0).all(axis=None)
    giving = done.pods["namespace"] == "kube-x"
    assert (done.pods.loc[giving, list(SHARED)] == 0).all(axis=None)
    for cluster in "cd":
        here = done.pods["cluster"] == cluster
        takes = done.pods.loc[here & ~giving, "cost"].sum() > 0
        whole = {
            "shared_cost": done.pods.loc[here & giving, "cost"].sum(),
            "shared_idle_cost": done.nodes.loc[done.nodes["cluster"] == cluster, "idle_cost"].sum() * (idle_by != "none"),
            "shared_overhead_cost": read.overhead[cluster] * (overhead_by != "none"),
        }
        taken = done.pods.loc[here, list(SHARED)].sum()
        assert taken.to_dict() == pytest.approx({name: amount if takes else 0.0 for name, amount in whole.items()})


# ---- where it comes from and where it is shown


@pytest.mark.parametrize(
    ("labels", "shared"),
    [
        pytest.param({"tier": "platform"}, True, id="the label"),
        pytest.param({"tier": "platform-2"}, False, id="whole values"),
        pytest.param({"layer": "platform"}, False, id="another key"),
        pytest.param({}, False, id="no label"),
    ],
)
def test_pods_are_marked_by_their_labels(labels: dict[str, str], shared: bool) -> None:
    chosen = MapSettings("prod", LabelSettings(), shared_labels=frozenset({("tier", "platform"), ("x", "y")}))
    found = msgspec.convert({"metadata": {"name": "p", "namespace": "shop", "labels": labels}}, Pod)

    assert pod_row(found, chosen, {}).shared is shared
    assert pod_row(found, MapSettings("prod", LabelSettings()), {}).shared is False


@pytest.mark.parametrize("sharing", [True, False])
def test_columns_are_shown_only_while_something_is_shared(sharing: bool) -> None:
    report = sample_report()
    report = replace(report, sharing=sharing, teams=report.teams.assign(shared_cost=1.0, shared_idle_cost=2.0))
    views = Views(report, Currency("EUR", 0.5))
    cells = Cells(views.names, CustomLinks(), sharing=sharing)

    for table in (TEAMS, NAMESPACES, APPLICATIONS):
        assert ("Shared" in [column.title for column in cells.columns_of(table)]) is sharing
    assert views.frames["teams"]["shared_total_cost"].tolist() == [1.5] * len(report.teams)
    headings = {name: content.decode().split("\n")[0].split("\t") for name, content in files(views, header=False)}
    added = ["Shared Cost [EUR]", "Shared Idle Cost [EUR]", "Shared Overhead Cost [EUR]"]
    for name, fields in FILES.items():
        more = added if sharing and name in {"teams", "namespaces", "applications", "workloads", "pods"} else []
        assert headings[f"{name}.tsv"] == [field.heading.format(currency="EUR") for field in fields] + more


def test_flags_and_variables(tmp_path: Path) -> None:
    config = read_config(
        [str(tmp_path), "--share-idle=even", "--share-namespaces= kube-.* ,x"],
        {"HOME": str(tmp_path), "SHARE_OVERHEAD": "weighted", "SHARE_LABELS": "a=b, c=d"},
    )
    sharing = config.figures.sharing

    assert (sharing.idle, sharing.overhead, sharing.labels, sharing.active) == ("even", "weighted", True, True)
    assert [sharing.namespaces.matches(name) for name in ("kube-system", "x", "xy", "my-kube-x")] == [True, True, False, False]
    assert config.collect.mapping.shared_labels == {("a", "b"), ("c", "d")}
    assert not read_config([str(tmp_path)], {"HOME": str(tmp_path)}).figures.sharing.active


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--share-namespaces=a,b("], "--share-namespaces: 'b(' is not understood; accepted: a comma", id="regex"),
        pytest.param(["--share-labels=a"], "--share-labels: 'a' is not understood; accepted: a comma-separated list of key=value",
                     id="label"),
        pytest.param(["--cost-model=max", "--share-idle=even"], "--share-idle even: not with --cost-model max", id="idle in max"),
        pytest.param(["--cost-model=max", "--share-overhead=even"], "--share-overhead even: not with", id="overhead in max"),
    ],
)  # fmt: skip
def test_errors_in_one_line(tmp_path: Path, flags: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_config([str(tmp_path), *flags], {"HOME": str(tmp_path)})

    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_an_unknown_strategy_ends_with_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_config([str(tmp_path), "--share-idle=odd"], {"HOME": str(tmp_path)})

    assert ended.value.code == 2
    assert "--share-idle" in capsys.readouterr().err
