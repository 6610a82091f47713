"""The pods that the chart renders, run for real: their own command line, environment, volumes, account and roles."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from shared.errors import NotFound
from shared.simcluster import SimCluster
from tests.aws import CREDENTIALS, moto_server, use_test_credentials
from tests.charts.plays import PAST, deployment, thing
from tests.charts.podrun import (
    PATH,
    SECONDS,
    Pod,
    answer,
    can_isolate,
    pod,
    probed,
    run_to_end,
    running,
    serve_and_stop,
    serving,
    until,
)
from tests.ports import free_port


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=datetime(2026, 3, 23, 12, tzinfo=UTC)) as cluster:
        cluster.namespace("shop", annotations={"downscaler/downtime": "always"})
        yield cluster


def replicas(sim: SimCluster, name: str = "web") -> int:
    return int(sim.get("deployments", "shop", name)["spec"]["replicas"])


def is_there(sim: SimCluster, plural: str, name: str) -> bool:
    try:
        sim.get(plural, "shop", name)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("isolated", [True, False])
def test_the_downscaler_as_a_deployment(sim: SimCluster, tmp_path: Path, isolated: bool) -> None:
    if isolated and not can_isolate():
        pytest.skip("mount namespaces need root")
    sim.create(deployment("web"))
    values = {"dryRun": False, "config": {"interval": 1}, "calendars": {"office": "2026-12-24\n"}}
    each = pod(sim, tmp_path, "Deployment", "downscaler", isolated=isolated, downscaler=values)

    serve_and_stop(each, "downscaler", tmp_path / "log", lambda: replicas(sim) == 0)

    assert each.refused() == []
    assert "guessed" not in (tmp_path / "log").read_text()


def test_the_downscaler_as_a_cronjob_in_named_namespaces(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(deployment("web"))
    values = {"dryRun": False, "mode": "cronjob"}
    each = pod(sim, tmp_path, "CronJob", "downscaler", namespaces=["shop"], downscaler=values)

    run_to_end(each, "downscaler", tmp_path / "log")

    assert replicas(sim) == 0
    assert each.refused() == []


@pytest.mark.parametrize(("dry_run", "expected"), [(True, 3), (False, 0)])
def test_the_downscaler_reads_its_calendars(sim: SimCluster, tmp_path: Path, dry_run: bool, expected: int) -> None:
    sim.create(deployment("web", annotations={"downscaler/downtime": "holidays(always)"}))
    calendar = "".join(f"{year}-{month:02}-{day:02}\n" for year in (2026, 2027) for month in range(1, 13) for day in range(1, 29))
    values = {"dryRun": dry_run, "calendars": {"always": calendar}, "config": {"default-downtime": "always"}}
    each = pod(sim, tmp_path, "Deployment", "downscaler", downscaler=values)

    with serving(each, "downscaler", tmp_path / "log"):
        port, _ = probed(each, "downscaler")[0]
        assert [answer(port, path)[0] for path in ("/healthz", "/metrics")] == [200, 200]
        assert replicas(sim) == expected


def test_the_downscaler_as_a_cronjob(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(deployment("web", annotations={"downscaler/downtime": "always"}))
    each = pod(sim, tmp_path, "CronJob", "downscaler", downscaler={"mode": "cronjob", "dryRun": False})

    run_to_end(each, "downscaler", tmp_path / "log")

    assert replicas(sim) == 0
    assert each.refused() == []


def test_a_dry_run_changes_nothing(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(deployment("web"))
    each = pod(sim, tmp_path, "CronJob", "downscaler", downscaler={"mode": "cronjob"})

    run_to_end(each, "downscaler", tmp_path / "log")

    assert replicas(sim) == 3
    assert "(dry run)" in (tmp_path / "log").read_text()
    assert each.refused() == []


RULES = [{"id": "temporary", "resources": ["configmaps"], "jmespath": "metadata.labels.temporary == 'true'", "ttl": "1h"}]


def arrange_config_maps(sim: SimCluster) -> None:
    sim.create(thing("v1", "ConfigMap", "by-rule", meta={"labels": {"temporary": "true"}}))
    sim.create(thing("v1", "ConfigMap", "by-annotation", meta={"annotations": {"janitor/expires": PAST}}))
    sim.create(thing("v1", "ConfigMap", "kept"))


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
def test_the_janitor_with_rules(sim: SimCluster, tmp_path: Path, kind: str) -> None:
    arrange_config_maps(sim)
    values = {"dryRun": False, "mode": "daemon" if kind == "Deployment" else "cronjob", "rules": RULES}
    each = pod(sim, tmp_path, kind, "janitor", janitor=values)

    def done() -> bool:
        return not is_there(sim, "configmaps", "by-rule") and not is_there(sim, "configmaps", "by-annotation")

    if kind == "Deployment":
        serve_and_stop(each, "janitor", tmp_path / "log", done)
    else:
        run_to_end(each, "janitor", tmp_path / "log")

    assert done()
    assert is_there(sim, "configmaps", "kept")
    assert each.refused() == []


@pytest.mark.parametrize(("dry_run", "left"), [(True, ["expired", "kept", "ruled"]), (False, ["kept"])])
@pytest.mark.parametrize("mode", ["daemon", "cronjob"])
def test_the_janitor_takes_its_rules_to_the_letter(
    sim: SimCluster, tmp_path: Path, mode: str, dry_run: bool, left: list[str]
) -> None:
    sim.create(deployment("expired", annotations={"janitor/expires": "2020-02-01"}))
    sim.create(deployment("ruled"))
    sim.create(deployment("kept", annotations={"janitor/ttl": "forever"}))
    rule = {"id": "named", "resources": ["deployments"], "jmespath": "metadata.name != '$(HOME)'", "ttl": "1d"}
    values = {"mode": mode, "dryRun": dry_run, "rules": [rule], "includeResources": ["deployments.apps"]}
    each = pod(
        sim,
        tmp_path,
        "Deployment" if mode == "daemon" else "CronJob",
        "janitor",
        janitor={**values, "config": {"breaker-percent": 0}},
    )

    if mode == "daemon":
        with serving(each, "janitor", tmp_path / "log"):
            pass
    else:
        run_to_end(each, "janitor", tmp_path / "log")

    assert sorted(found["metadata"]["name"] for found in sim.list("deployments", "shop")) == left
    assert each.refused() == []


def arrange_costs(sim: SimCluster) -> None:
    size = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    labels = {"node.kubernetes.io/instance-type": "m6i.xlarge", "topology.kubernetes.io/region": "eu-central-1"}
    sim.create(thing("v1", "Node", "n1", "", status={"capacity": size, "allocatable": size}, meta={"labels": labels}))
    container = {"name": "main", "image": "example.org/x:1", "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}
    spec = {"nodeName": "n1", "containers": [container]}
    sim.create(thing("v1", "Pod", "web", spec=spec, status={"phase": "Running"}, meta={"labels": {"app": "web", "team": "a"}}))


def test_the_report_as_a_cronjob_onto_a_claim(sim: SimCluster, tmp_path: Path) -> None:
    arrange_costs(sim)
    values = {"mode": "cronjob", "storage": {"type": "persistentVolumeClaim"}, "config": {"aws-prices": "off"}}
    each = pod(sim, tmp_path, "CronJob", "report", report=values)

    run_to_end(each, "report", tmp_path / "log")

    assert "m6i.xlarge" in (each.volumes["report"] / "pages" / "nodes.html").read_text()
    assert each.refused() == []


def test_the_report_as_a_deployment_and_nginx_beside_it(sim: SimCluster, tmp_path: Path) -> None:
    arrange_costs(sim)
    links = {"files": {"links.yaml": "cluster: []\n"}, "nginx": {"port": free_port()}}
    values = {**links, "config": {"aws-prices": "off", "links-file": "/etc/kube-thrift/report/links.yaml"}}
    each = pod(sim, tmp_path, "Deployment", "report", report=values)
    pages = each.volumes["report"] / "pages"

    serve_and_stop(each, "report", tmp_path / "log", (pages / "nodes.html").exists)

    assert each.refused() == []
    assert "n1" in (pages / "nodes.html").read_text()
    assert not (pages / "data").exists()
    serve_pages(each, pages, links["nginx"]["port"], tmp_path / "nginx.log")


def test_the_report_as_a_cronjob_to_s3(sim: SimCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrange_costs(sim)
    storage = {"type": "s3", "s3": {"bucket": "pages", "prefix": "prod", "region": "eu-central-1"}}
    values = {"mode": "cronjob", "storage": storage, "config": {"aws-prices": "off"}}
    each = pod(sim, tmp_path, "CronJob", "report", report=values)
    use_test_credentials(monkeypatch)
    with moto_server() as url:
        each.more = {"AWS_ENDPOINT_URL_S3": url, **CREDENTIALS}
        client = boto3.session.Session().client("s3", endpoint_url=url, region_name="us-east-1")
        client.create_bucket(Bucket="pages")

        run_to_end(each, "report", tmp_path / "log")

        assert b"n1" in client.get_object(Bucket="pages", Key="prod/nodes.html")["Body"].read()
    assert each.refused() == []


def serve_pages(each: Pod, pages: Path, port: int, log: Path) -> None:
    """nginx as the pod's second container: on the same volume, as its own user, with nothing else to write on."""
    if not can_isolate():
        pytest.skip("nginx's configuration names the mount paths, which need a mount namespace")
    if shutil.which("nginx", path=PATH) is None:
        pytest.skip("nginx is not installed")
    with running(each, "nginx", log) as process:
        for place, path in probed(each, "nginx"):
            until(lambda place=place, path=path: answer(place, path)[0] == 200, process, log)  # type: ignore[misc]
        status, headers, body = answer(port, "/")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert body == (pages / "index.html").read_bytes()
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-cache"
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Server"] == "nginx"
        for file in sorted(pages.rglob("*")):
            if file.is_file():
                path = f"/{file.relative_to(pages)}"
                hidden = any(part.startswith(".") for part in file.relative_to(pages).parts)
                status, headers, body = answer(port, path)
                assert status == (404 if hidden else 200), path
                if not hidden:
                    assert body == file.read_bytes()
                    assert headers["Content-Type"] != "application/octet-stream", path
        compressed = answer(port, "/nodes.html", **{"Accept-Encoding": "gzip"})
        assert compressed[1]["Content-Encoding"] == "gzip"
        assert [answer(port, path)[0] for path in ("/no-such-page.html", "/../etc/passwd", "/static/")] == [404, 400, 404]
        assert answer(port, "/", method="POST")[0] == 405
        process.send_signal(signal.SIGQUIT)
        assert process.wait(SECONDS) == 0, log.read_text()


def test_the_job_before_uninstall_brings_everything_back(sim: SimCluster, tmp_path: Path) -> None:
    record = {"downscaler/original-replicas": "3", "downscaler/downscaled-to": "0"}
    pods = {"selector": {"matchLabels": {"app": "web"}}, "template": deployment("x")["spec"]["template"]}
    sim.create(deployment("web", replicas=0, annotations=record))
    # A kind that the controller was not told to scale.
    spec = {"replicas": 0, "serviceName": "db", **pods}
    sim.create(thing("apps/v1", "StatefulSet", "db", spec=spec, meta={"annotations": record}))
    values = {"dryRun": False, "restoreOnUninstall": True, "config": {"default-downtime": "always"}}
    each = pod(sim, tmp_path, "Job", "downscaler-restore", downscaler=values)
    controller = each.found.one("Deployment", "thrift-kube-thrift-downscaler")
    sim.create(controller)

    run_to_end(each, "downscaler-restore", tmp_path / "log")

    assert replicas(sim) == 3
    assert sim.get("statefulsets", "shop", "db")["spec"]["replicas"] == 3
    assert sim.get("deployments", controller["metadata"]["namespace"], controller["metadata"]["name"])["spec"]["replicas"] == 0
    assert each.refused() == []
