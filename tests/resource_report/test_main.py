"""The whole command against the embedded cluster: every flag of earlier versions, exit codes, files, and what must not leak."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from resource_report.main import main
from shared.simcluster import SimCluster
from tests.resource_report.clusters import add_type, ingress, node, pod
from tests.resource_report.registry_server import Registry, serve_registry

GIB = 2**30
NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOW) as made:
        made.namespace("shop")
        made.create(node("n1", cpu="4", memory="16Gi"))
        made.create(node("n2", cpu="2", memory="8Gi", aws__x="y"))
        made.create(node("master", cpu="2", memory="8Gi", **{"node-role.kubernetes.io__control-plane": ""}))
        made.create(
            pod("shop", "web-1", cpu="1", memory="2Gi", labels={"application": "web", "component": "front", "team": "retail"})
        )
        made.create(pod("shop", "db-1", on="n2", cpu="500m", memory="4Gi", labels={"app": "db", "owner": "data"}))
        made.create(pod("kube-system", "dns-1", cpu="100m", memory="128Mi"))
        made.create(ingress("shop", "web", "web.example.org", "web", labels={"application": "web"}))
        add_type(made, "routegroups")
        add_type(made, "ingressroutes")
        for name in ("web-1", "db-1", "dns-1"):
            namespace = "kube-system" if name == "dns-1" else "shop"
            made.set_usage("pods", namespace, name, {"main": {"cpu": 0.2, "memory": GIB}})
        for name in ("n1", "n2", "master"):
            made.set_usage("nodes", None, name, {"cpu": 0.5, "memory": 2 * GIB})
        yield made


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLUSTERS", "KUBECONFIG", "KUBECONFIG_CONTEXTS", "OAUTH2_ACCESS_TOKENS", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def kubeconfig(sim: SimCluster, tmp_path: Path) -> str:
    return str(sim.write_kubeconfig(tmp_path / "kubeconfig"))


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def report(out: Path, kubeconfig: str, *flags: str) -> int:
    return main([str(out), "--kubeconfig-path", kubeconfig, "--aws-prices=off", *flags])


def test_one_run_writes_the_pages(out: Path, kubeconfig: str) -> None:
    assert report(out, kubeconfig) == 0

    for name in ("index", "clusters", "nodes", "namespaces", "teams", "applications", "pods", "ingresses"):
        assert (out / f"{name}.html").is_file()
    assert [row["ID"] for row in table(out, "teams")] != []
    assert {row["Node"] for row in table(out, "nodes")} == {"n1", "n2", "master"}
    assert table(out, "clusters")[0]["Master Nodes"] == "1"


def test_shared_cost_reaches_pages_and_files(out: Path, kubeconfig: str) -> None:
    flags = ("--share-idle=weighted", "--share-overhead=even", "--additional-cost-per-cluster=73")
    assert report(out, kubeconfig, *flags) == 0

    idle = sum(float(row["Idle Cost [USD]"]) for row in table(out, "clusters"))
    assert idle > 0
    for name in ("teams", "pods", "namespaces", "applications"):
        rows = table(out, name)
        assert sum(float(row["Shared Idle Cost [USD]"]) for row in rows) == pytest.approx(idle, abs=0.05), name
        assert sum(float(row["Shared Overhead Cost [USD]"]) for row in rows) == pytest.approx(73, abs=0.05), name
    assert ">Shared" in (out / "teams.html").read_text(encoding="utf-8")
    assert "overhead shared" in (out / "index.html").read_text(encoding="utf-8")


# ---- every flag of earlier versions, through the real command line


OLD_FLAGS = (
    "--clusters",
    "--kubeconfig-contexts",
    "--use-cache",
    "--no-ingress-status",
    "--enable-routegroups",
    "--enable-ingressroute",
    "--system-namespaces",
    "--include-clusters",
    "--exclude-clusters",
    "--additional-cost-per-cluster",
    "--alpha-ema",
    "--update-interval-minutes",
    "--pricing-file",
    "--spot-pricing-file",
    "--links-file",
    "--node-labels",
    "--node-exclude-labels",
    "--debug",
    "--data-path",
    "--templates-path",
    "--prerender-hook",
    "--map-node-hook",
    "--map-pod-hook",
)  # --kubeconfig-path is used by every test here, the two registries have a test of their own


def old_flags(folder: Path) -> dict[str, list[str]]:
    """A use of each flag, with the files it needs in *folder*."""
    (folder / "prices.csv").write_text("eu-central-1,m5.xlarge,100.0\n")
    (folder / "spot.csv").write_text("eu-central-1,m5.xlarge,30.0\n")
    (folder / "links.yaml").write_text("cluster:\n- {href: 'https://example.org/{name}', title: Look, icon: search}\n")
    (folder / "templates").mkdir()
    (folder / "state").mkdir()
    hook = "tests.resource_report.sample_hooks"
    return {
        "--clusters": ["--clusters", ""],
        "--kubeconfig-contexts": ["--kubeconfig-contexts", "simcluster"],
        "--use-cache": ["--use-cache"],
        "--no-ingress-status": ["--no-ingress-status"],
        "--enable-routegroups": ["--enable-routegroups"],
        "--enable-ingressroute": ["--enable-ingressroute"],
        "--system-namespaces": ["--system-namespaces", "kube-system,shop"],
        "--include-clusters": ["--include-clusters", "sim"],
        "--exclude-clusters": ["--exclude-clusters", "prod"],
        "--additional-cost-per-cluster": ["--additional-cost-per-cluster", "75.5"],
        "--alpha-ema": ["--alpha-ema", "0.5"],
        "--update-interval-minutes": ["--update-interval-minutes", "0"],
        "--pricing-file": ["--pricing-file", str(folder / "prices.csv")],
        "--spot-pricing-file": ["--spot-pricing-file", str(folder / "spot.csv")],
        "--links-file": ["--links-file", str(folder / "links.yaml")],
        "--node-labels": ["--node-labels", "worker"],
        "--node-exclude-labels": ["--node-exclude-labels", "aws/x=y"],
        "--debug": ["--debug"],
        "--data-path": ["--data-path", str(folder / "state")],
        "--templates-path": ["--templates-path", str(folder / "templates")],
        "--prerender-hook": ["--prerender-hook", f"{hook}.prerender"],
        "--map-node-hook": ["--map-node-hook", f"{hook}.map_node"],
        "--map-pod-hook": ["--map-pod-hook", f"{hook}.map_pod"],
    }


def test_all_old_flags_together(tmp_path: Path, out: Path, kubeconfig: str) -> None:
    uses = old_flags(tmp_path)
    assert tuple(uses) == OLD_FLAGS
    arguments = [word for words in uses.values() for word in words]

    assert report(out, kubeconfig, *arguments) == 0

    cluster = table(out, "clusters")[0]
    # 100 USD by the price file, of which the node hook takes a tenth off, for the two nodes that are left; and the fixed cost.
    assert float(cluster["Cost [USD]"]) == pytest.approx(2 * 90 + 75.5)
    assert {row["Node"] for row in table(out, "nodes")} == {"n1", "master"}
    assert {row["Application"] for row in table(out, "pods") if row["Name"] == "dns-1"} == {"from-hook"}
    assert "https://example.org/simcluster" in (out / "cluster-simcluster.html").read_text(encoding="utf-8")
    assert list((tmp_path / "state").iterdir()) != []


def test_every_old_variable(monkeypatch: pytest.MonkeyPatch, out: Path, kubeconfig: str) -> None:
    for variable, value in {
        "OBJECT_LABEL_TEAM": "owner",
        "OBJECT_LABEL_APPLICATION": "app",
        "OBJECT_LABEL_COMPONENT": "nothing",
        "NODE_LABEL_SPOT": "aws/x",
        "NODE_LABEL_SPOT_VALUE": "y",
        "NODE_LABEL_PREEMPTIBLE": "aws/preemptible",
        "NODE_LABEL_ROLE": "aws/x",
        "NODE_LABEL_REGION": "aws/x",
        "NODE_LABEL_INSTANCE_TYPE": "aws/x",
        "DEFAULT_CLUSTER_NAME": "unused",
        "KUBECONFIG_CONTEXTS": "simcluster",
    }.items():
        monkeypatch.setenv(variable, value)

    assert report(out, kubeconfig) == 0

    assert {row["ID"] for row in table(out, "teams")} == {"data", ""}
    assert {row["Application"] for row in table(out, "pods")} & {"web", "db"} == {"db"}
    assert {row["Component"] for row in table(out, "pods")} == {""}
    nodes = {row["Node"]: row for row in table(out, "nodes")}
    assert {name: row["Spot Instance"] for name, row in nodes.items()} == {"n1": "No", "n2": "Yes", "master": "No"}
    assert (nodes["n2"]["Role"], nodes["n2"]["Instance Type"], nodes["n1"]["Instance Type"]) == ("y", "y", "m5.xlarge")
    assert [row["Cluster ID"] for row in table(out, "clusters")] == ["simcluster"]


def test_max_model_with_a_price_file_gives_the_old_figures(tmp_path: Path, out: Path, kubeconfig: str) -> None:
    """Three nodes of 100 USD and 12 USD on top: C = 312, 8 cores, 32 GiB: 39 USD a core, 9.75 USD a GiB."""
    prices = tmp_path / "prices.csv"
    prices.write_text("eu-central-1,m5.xlarge,100.0\n")

    flags = ("--cost-model=max", "--pricing-file", str(prices), "--additional-cost-per-cluster=12", "--recommendation-margin=1")
    assert report(out, kubeconfig, *flags) == 0

    costs = {row["Name"]: (float(row["Cost [USD]"]), float(row["Slack Cost [USD]"])) for row in table(out, "pods")}
    assert costs["web-1"] == pytest.approx((39.0, 39.0 - 9.75), abs=0.01)
    assert costs["db-1"] == pytest.approx((39.0, 39.0 - 9.75), abs=0.01)
    cluster = table(out, "clusters")[0]
    assert float(cluster["Cost [USD]"]) == pytest.approx(312)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["cost_per_user_request_hour"]["cpu"] == pytest.approx(0.5 * 312 / 730.5 / 1.5, rel=1e-3)
    assert metrics["cost_per_user_request_hour"]["memory"] == pytest.approx(0.5 * 312 / 730.5 / 6, rel=1e-3)


# ---- registries


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve_registry() as served:
        yield served


def test_clusters_and_teams_of_registries(
    sim: SimCluster, monkeypatch: pytest.MonkeyPatch, out: Path, kubeconfig: str, registry: Registry
) -> None:
    monkeypatch.setenv("OAUTH2_ACCESS_TOKENS", f"read-only={sim.token}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sim.ca_file)
    registry.clusters({"id": "aws:123:eu-central-1:kube-1", "alias": "live", "api_server_url": sim.url})
    registry.answers["/apps/web"] = (200, {"team_id": "from-registry", "active": True})

    flags = ("--cluster-registry", registry.url, "--application-registry", registry.url)
    assert report(out, kubeconfig, *flags) == 0

    assert [row["Cluster ID"] for row in table(out, "clusters")] == ["aws:123:eu-central-1:kube-1"]
    assert table(out, "clusters")[0]["Stale"] == "No"
    teams = {row["ID"]: row["Team"] for row in table(out, "applications")}
    assert (teams["web"], teams["db"]) == ("from-registry", "data")
    assert "1 of 2 applications were not answered for" in (out / "notifications.html").read_text(encoding="utf-8")
    assert registry.authorization == {f"Bearer {sim.token}"}
    for path in out.rglob("*"):
        assert not path.is_file() or sim.token.encode() not in path.read_bytes()

    registry.answers.clear()
    assert report(out, kubeconfig, "--cluster-registry", registry.url) == 0
    assert [row["Cluster ID"] for row in table(out, "clusters")] == ["aws:123:eu-central-1:kube-1"]
    assert "the last list of 1 clusters is used" in (out / "notifications.html").read_text(encoding="utf-8")


def test_no_cluster_at_all(out: Path, kubeconfig: str) -> None:
    assert report(out, kubeconfig, "--include-clusters", "nothing") == 1
    assert "no cluster was found" in (out / "notifications.html").read_text(encoding="utf-8")


# ---- failures


def test_a_cluster_out_of_reach_keeps_its_last_data(sim: SimCluster, tmp_path: Path, out: Path, kubeconfig: str) -> None:
    assert report(out, kubeconfig) == 0
    text = Path(kubeconfig).read_text(encoding="utf-8")
    Path(kubeconfig).write_text(text.replace(sim.url, "https://127.0.0.1:1"), encoding="utf-8")

    assert report(out, kubeconfig, "--api-server-timeout=1", "--cluster-timeout=2") == 1

    cluster = table(out, "clusters")[0]
    assert cluster["Stale"] == "Yes"
    assert len(table(out, "pods")) == 3
    assert "could not be read" in (out / "notifications.html").read_text(encoding="utf-8")


def test_one_bad_cluster_of_two(tmp_path: Path, out: Path, kubeconfig: str, sim: SimCluster) -> None:
    config = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    config["clusters"].append({"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}})
    config["contexts"].append(
        {"name": "arn:aws:eks:eu-central-1:1:cluster/gone", "context": {"cluster": "gone", "user": config["users"][0]["name"]}}
    )
    Path(kubeconfig).write_text(yaml.safe_dump(config), encoding="utf-8")

    assert report(out, kubeconfig, "--api-server-timeout=1", "--cluster-timeout=2") == 0

    rows = {row["Cluster ID"]: row for row in table(out, "clusters")}
    assert set(rows) == {"simcluster", "arn:aws:eks:eu-central-1:1:cluster/gone"}
    assert rows["simcluster"]["Stale"] == "No"


def test_no_secret_reaches_the_folder(sim: SimCluster, tmp_path: Path, out: Path, kubeconfig: str) -> None:
    assert report(out, kubeconfig) == 0

    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert sim.token.encode() not in content, path
            assert b"current-context" not in content, path


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        pytest.param(["--kubeconfig-path", "/nowhere"], "--kubeconfig-path /nowhere: no such file", id="kubeconfig"),
        pytest.param(["--alpha-ema", "2"], "a number above 0 and up to 1", id="alpha"),
        pytest.param(["--node-exclude-labels", "abc"], "--node-exclude-labels: 'abc' is not understood", id="exclude labels"),
        pytest.param(["--include-clusters", "("], "no regular expression", id="regular expression"),
        pytest.param(["--map-pod-hook", "no.such.module"], "--map-pod-hook no.such.module: ModuleNotFoundError", id="hook"),
        pytest.param(["--map-node-hook", "json.nothing"], "AttributeError", id="hook function"),
        pytest.param(["--data-path", "/nowhere"], "--data-path /nowhere: not a folder; create it first", id="data path"),
        pytest.param(["--links-file", "/nowhere"], "--links-file /nowhere: no such file", id="links"),
        pytest.param(["--cost-model", "other"], "split, max", id="cost model"),
        pytest.param(["--additional-cost", "prod=much"], "--additional-cost prod: 'much' is not understood", id="cost"),
        pytest.param(["--currency-rate", "0"], "a number above 0", id="currency rate"),
        pytest.param(["--burst", "4"], "--burst", id="burst"),
        pytest.param(["--kubeconfig-path", "/etc/hostname"], "kubeconfig /etc/hostname", id="no kubeconfig"),
        pytest.param(["--pricing-file", "/nowhere"], "/nowhere", id="price file"),
        pytest.param(["--frobnicate"], "unrecognized arguments", id="unknown flag"),
    ],
)
def test_usage_errors_are_one_line(out: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(out), *flags])

    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_missing_output_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "no")])

    assert stopped.value.code == 2
    assert re.search("output_dir .*: not a folder", capsys.readouterr().err)
