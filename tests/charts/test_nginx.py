"""The rendered nginx configuration in a real nginx, over the pages of a report."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from resource_report.output import MANIFEST, OutputFolder
from resource_report.templating import CSP
from tests.charts.rendering import render
from tests.ports import free_port

# Debian keeps it where the path of an ordinary user does not lead.
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
PAGE = "<!doctype html><title>Überblick</title>" + "<p>cost</p>" * 500

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx")


@dataclass
class Served:
    url: str
    pages: Path

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.url}/{path}", headers=headers, timeout=10)


@contextmanager
def serving(root: Path, **nginx: object) -> Iterator[Served]:
    """nginx as its container starts it, with every path of the pod below *root*; it reads and writes nothing else."""
    port = free_port()
    found = render({"report": {"nginx": {"port": port, **nginx}}})
    config = found.one("ConfigMap", "thrift-kube-thrift-report-nginx")["data"]["nginx.conf"]
    (command,) = [
        container["command"]
        for _, template in found.pods()
        for container in template["spec"]["containers"]
        if container["name"] == "nginx"
    ]
    for path in ("var/lib/kube-thrift/pages", "etc/kube-thrift/nginx", "tmp"):
        (root / path).mkdir(parents=True, exist_ok=True)
    config = config.replace(" /tmp/", f" {root}/tmp/").replace("/var/lib/kube-thrift", f"{root}/var/lib/kube-thrift")
    config = config.replace(f"listen {port};", f"listen 127.0.0.1:{port};")
    (root / "etc/kube-thrift/nginx/nginx.conf").write_text(config)
    arguments = [each.replace("/etc/kube-thrift", f"{root}/etc/kube-thrift") for each in command[1:]]
    # One process, so that a test run as root serves as root: the folder is its own.
    arguments[-1] += " master_process off;"
    process = subprocess.Popen([str(NGINX), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(port, process)
        yield Served(f"http://127.0.0.1:{port}", root / "var/lib/kube-thrift/pages")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Until the port answers; fails with nginx's own words when it ends instead."""
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    assert process.stderr is not None
    pytest.fail(process.stderr.read())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("nginx")) as site:
        with OutputFolder(site.pages) as output:
            output.write("index.html", PAGE.encode())
            output.write("pods.tsv", b"pod\tcost\n")
            output.write("metrics.json", b"{}")
            output.write("assets/report.js", b"'use strict';")
            output.finish()
        (site.pages.parent / "secret").write_text("not for the world")
        (site.pages / "link.html").symlink_to(site.pages.parent / "secret")
        yield site


def test_the_overview_is_the_first_page(served: Served) -> None:
    answer = served.get("")
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert served.get("index.html").text == PAGE


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pods.tsv", "text/tab-separated-values; charset=utf-8"),
        ("metrics.json", "application/json; charset=utf-8"),
        ("assets/report.js", "text/javascript; charset=utf-8"),
    ],
)
def test_every_file_says_what_it_is(served: Served, path: str, kind: str) -> None:
    assert served.get(path).headers["Content-Type"] == kind


@pytest.mark.parametrize("path", ["", "metrics.json", "missing.html"])
def test_every_answer_is_guarded(served: Served, path: str) -> None:
    headers = served.get(path).headers
    assert headers["Content-Security-Policy"] == f"{CSP}; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Server"] == "nginx"


def test_a_page_is_sent_again_only_when_it_changed(served: Served) -> None:
    first = served.get("")
    assert first.headers["Cache-Control"] == "no-cache"
    assert served.get("", **{"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_pages_are_compressed(served: Served) -> None:
    answer = requests.get(served.url, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10)
    body = answer.raw.read()
    assert gzip.decompress(body).decode() == PAGE
    assert len(body) < len(PAGE) / 5
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("healthz", 200),
        ("missing.html", 404),
        (MANIFEST, 404),
        ("assets/", 404),
        ("../secret", 400),
        ("%2e%2e/secret", 400),
        ("link.html", 404),
    ],
)
def test_nothing_but_pages_is_served(served: Served, path: str, status: int) -> None:
    request = requests.Request("GET", served.url).prepare()
    request.url = f"{served.url}/{path}"
    with requests.Session() as session:
        answer = session.send(request, timeout=10)
    assert answer.status_code == status
    assert "not for the world" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_changed(served: Served, method: str) -> None:
    assert requests.request(method, served.url, timeout=10).status_code == 405


def test_before_the_first_report_it_says_so_and_is_healthy(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        assert (site.get("").status_code, site.get("healthz").status_code) == (503, 200)


def test_another_policy_arrives(tmp_path: Path) -> None:
    with serving(tmp_path, contentSecurityPolicy="default-src 'self'; frame-ancestors https://grafana.example.org") as site:
        policy = site.get("healthz").headers["Content-Security-Policy"]
    assert policy == "default-src 'self'; frame-ancestors https://grafana.example.org"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 on this machine")
def test_it_listens_on_ipv6_if_told_to(tmp_path: Path) -> None:
    with serving(tmp_path, ipv6=True) as site:
        port = site.url.rpartition(":")[2]
        assert requests.get(f"http://[::1]:{port}/healthz", timeout=10).status_code == 200
