"""Runs the containers of a rendered pod as processes, as a kubelet would: command, arguments, environment, volumes, account.

With the rights for it, each process has a root of its own in a mount namespace: the machine's root file system, read-only, with
the pod's volumes at their mount paths and nothing else to write on. Without them the mount paths in arguments are rewritten.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import NotFound
from shared.kubeconfig import SERVICE_ACCOUNT
from shared.simcluster import SimCluster
from tests.charts.rendering import CONTROLLERS, NAMESPACE, Manifest, Rendered, render
from tests.charts.roles import install
from tests.ports import free_port

REPOSITORY = Path(__file__).parents[2]
# What the image has on its PATH, and where nginx is on Debian.
PATH = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
# Seconds; nothing here is a matter of how many.
SECONDS = 60.0
_MIDDLE = {"Deployment": ("apps/v1", "ReplicaSet"), "CronJob": ("batch/v1", "Job")}
_OWN_ROOT = """set -e
mount -t tmpfs tmpfs {base}
mkdir -p {base}/root {base}/skeleton
for path in {points}; do mkdir -p "{base}/skeleton$path"; done
mount -t overlay overlay -o lowerdir={base}/skeleton:/ {base}/root
for path in proc dev sys; do mount --rbind /$path {base}/root/$path; done
{mounts}
exec chroot {user} {base}/root "$@"
"""


@cache
def can_isolate() -> bool:
    """Whether this process may make mount namespaces and mount an overlay of the root file system."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    probe = "mount -t tmpfs t /mnt && mkdir /mnt/a /mnt/b && mount -t overlay o -o lowerdir=/mnt/a:/ /mnt/b"
    return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", probe], capture_output=True).returncode == 0


@dataclass
class Pod:
    """One pod of a workload of the chart, in the cluster and on this machine. `volumes` are the folders behind its volumes."""

    sim: SimCluster
    found: Rendered
    kind: str
    name: str
    folder: Path
    isolated: bool = field(default_factory=can_isolate)
    # Variables beside the manifest's, such as the way to a stand-in for AWS.
    more: Mapping[str, str] = field(default_factory=dict)
    volumes: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        install(self.sim, self.found)
        for manifest in self.found.of_kind("ConfigMap"):
            if manifest["metadata"]["name"] not in {each["metadata"]["name"] for each in self.sim.list("configmaps", NAMESPACE)}:
                self.sim.create(manifest)
        self.owner = self.found.one(self.kind, self.name)
        spec = self.owner["spec"]
        self.template: Manifest = (spec["jobTemplate"]["spec"] if self.kind == "CronJob" else spec)["template"]
        self.spec: dict[str, Any] = self.template["spec"]
        self.pod = self._appear()
        account = self.spec["serviceAccountName"]
        self.token = self.sim.service_account_token(NAMESPACE, account)
        self.user = f"system:serviceaccount:{NAMESPACE}:{account}"
        for volume in self.spec["volumes"]:
            self.volumes[volume["name"]] = self._volume(volume)

    def _appear(self) -> Manifest:
        """The pod as the API server has it, with the controllers that own it."""
        owner = self._reference(self._there() or self.sim.create(self.owner))
        if self.kind in _MIDDLE:
            api, kind = _MIDDLE[self.kind]
            spec = {**self.owner["spec"], "template": self.template}
            spec = {key: spec[key] for key in ("selector", "template") if key in spec}
            meta = {"name": f"{self.name}-1", "namespace": NAMESPACE, "ownerReferences": [owner]}
            owner = self._reference(self.sim.create({"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec}))
        meta = {**self.template["metadata"], "name": f"{owner['name']}-a", "namespace": NAMESPACE, "ownerReferences": [owner]}
        return self.sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": self.spec})

    def _there(self) -> Manifest | None:
        """The owner, where Helm has put it into the cluster already."""
        with suppress(NotFound):
            return self.sim.get(self.kind, NAMESPACE, self.name)
        return None

    def _reference(self, made: Manifest) -> dict[str, Any]:
        meta = made["metadata"]
        return {
            "apiVersion": made["apiVersion"],
            "kind": made["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }

    # ---- volumes

    def _volume(self, volume: Manifest) -> Path:
        place = self.folder / "volumes" / volume["name"]
        place.mkdir(parents=True)
        for source in volume.get("projected", {}).get("sources", [volume]):
            for path, content in self._files(source).items():
                (place / path).write_text(content)
        return place

    def _files(self, source: Manifest) -> dict[str, str]:
        if "serviceAccountToken" in source:
            return {source["serviceAccountToken"]["path"]: self.token}
        if "downwardAPI" in source:
            return {item["path"]: self._field(item["fieldRef"]["fieldPath"]) for item in source["downwardAPI"]["items"]}
        if source.get("configMap", {}).get("name") == "kube-root-ca.crt":
            return {"ca.crt": Path(self.sim.ca_file).read_text()}
        if "configMap" in source:
            return dict(self.sim.get("configmaps", NAMESPACE, source["configMap"]["name"])["data"])
        return {}

    def _field(self, path: str) -> str:
        return {"metadata.name": self.pod["metadata"]["name"], "metadata.namespace": NAMESPACE}[path]

    def _mounts(self, container: Manifest) -> dict[str, Path]:
        """The folder behind each mount path, the outer ones first."""
        found = {}
        for mount in container["volumeMounts"]:
            place = self.volumes[mount["name"]] / mount.get("subPath", "")
            place.mkdir(exist_ok=True)
            found[mount["mountPath"]] = place
        if self.spec.get("automountServiceAccountToken"):
            place = self.folder / "account"
            place.mkdir(exist_ok=True)
            files = {"token": self.token, "namespace": NAMESPACE, "ca.crt": Path(self.sim.ca_file).read_text()}
            for name, content in files.items():
                (place / name).write_text(content)
            found[SERVICE_ACCOUNT] = place
        return dict(sorted(found.items()))

    # ---- the process

    def _environment(self, container: Manifest) -> dict[str, str]:
        host, port = self.sim.url.removeprefix("https://").split(":")
        found = {"PATH": PATH, "PYTHONPATH": str(REPOSITORY), "HOME": "/tmp", "KUBERNETES_SERVICE_HOST": host}
        found |= {"KUBERNETES_SERVICE_PORT": port, "PYTHONDONTWRITEBYTECODE": "1"}
        for each in container.get("env", ()):
            source = each.get("valueFrom", {})
            if "fieldRef" in source:
                found[each["name"]] = self._field(source["fieldRef"]["fieldPath"])
            elif "configMapKeyRef" in source:
                reference = source["configMapKeyRef"]
                found[each["name"]] = self.sim.get("configmaps", NAMESPACE, reference["name"])["data"][reference["key"]]
            else:
                found[each["name"]] = _expanded(each["value"], found)
        return found | self.more

    def start(self, name: str, log: Path) -> subprocess.Popen[bytes]:
        """The process of container *name*. What it says goes to *log*."""
        (container,) = [each for each in self.spec["containers"] if each["name"] == name]
        environment = self._environment(container)
        words = [_expanded(each, environment) for each in (*container["command"], *container.get("args", ()))]
        assert shutil.which(words[0], path=PATH), f"{words[0]}: the image has no such command"
        mounts = self._mounts(container)
        if self.isolated:
            words = self._in_own_root(words, mounts, container)
        else:
            words = [_moved(each, mounts) for each in words]
            environment |= {"HOME": str(mounts["/tmp"]), "KUBECONFIG": str(self._kubeconfig())}
        log.touch(mode=0o666)
        log.chmod(0o666)
        with log.open("ab") as file:
            return subprocess.Popen(words, env=environment, stdout=file, stderr=file, cwd="/")

    def _in_own_root(self, words: list[str], mounts: Mapping[str, Path], container: Manifest) -> list[str]:
        needed = [str(each) for each in (REPOSITORY, Path(sys.prefix), Path(sys.base_prefix))]
        hidden = [each for each in needed if any(Path(each).is_relative_to(path) for path in mounts)]
        base = self.folder / f"root-{container['name']}"
        base.mkdir()
        lines = []
        for path, place in mounts.items():
            options = "bind,ro" if path in _read_only(container) else "bind"
            lines.append(f"mount -o {options} {place} {base}/root{path}")
        for path in hidden:
            lines += [f"mkdir -p {base}/root{path}", f"mount --rbind {path} {base}/root{path}"]
        user = self._user(container)
        script = _OWN_ROOT.format(base=base, points=" ".join(mounts), mounts="\n".join(lines), user=user)
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *words]

    def _user(self, container: Manifest) -> str:
        """nginx runs as the user that the pod names, who owns its volumes; Python may be where only we may read."""
        if container["command"][0] != "nginx":
            return ""
        context = self.spec["securityContext"] | container["securityContext"]
        for place in self.volumes.values():
            subprocess.run(["chown", "-R", f"{context['runAsUser']}:{context['runAsGroup']}", str(place)], check=True)
        return f"--userspec={context['runAsUser']}:{context['runAsGroup']}"

    def _kubeconfig(self) -> Path:
        return self.sim.write_kubeconfig(self.folder / "kubeconfig", self.user)

    def refused(self) -> list[str]:
        """The paths of what the pod's account was refused."""
        return sorted({each.path for each in self.sim.requests if each.status == 403 and each.user == self.user})


def _read_only(container: Manifest) -> set[str]:
    return {mount["mountPath"] for mount in container["volumeMounts"] if mount.get("readOnly")}


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """$(NAME) becomes the variable, $$ a dollar sign, as the kubelet does it."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else environment.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)", value, text)


def _moved(word: str, mounts: Mapping[str, Path]) -> str:
    """*word* with each mount path in it replaced by the folder behind it, once."""
    paths = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
    return re.sub(rf"(^|[=,])({paths})(?=/|,|$)", lambda match: f"{match[1]}{mounts[match[2]]}", word)


# ---- what is done with them


def pod(sim: SimCluster, folder: Path, kind: str, component: str, *, isolated: bool | None = None, **values: Any) -> Pod:
    """The pod of one controller with these values of its own; the others are off."""
    others: dict[str, Any] = {each: {"enabled": False} for each in CONTROLLERS}
    own = {"metrics": {"port": free_port()}} | others | values
    named = {"isolated": can_isolate() if isolated is None else isolated}
    return Pod(sim, render(own), kind, f"thrift-kube-thrift-{component}", folder, **named)


@contextmanager
def running(each: Pod, container: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = each.start(container, log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(true: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until *true*, or until the process has ended."""
    end = time.monotonic() + SECONDS
    while not true():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def answer(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    except OSError:
        return 0, {}, b""
    finally:
        connection.close()


def probed(each: Pod, container: str) -> list[tuple[int, str]]:
    """The port and path of every probe of a container."""
    (found,) = [one for one in each.spec["containers"] if one["name"] == container]
    ports = {port["name"]: port["containerPort"] for port in found["ports"]}
    probes = [found[name]["httpGet"] for name in ("livenessProbe", "readinessProbe", "startupProbe") if name in found]
    return [(ports.get(probe["port"], probe["port"]), probe["path"]) for probe in probes]


def run_to_end(each: Pod, container: str, log: Path) -> None:
    with running(each, container, log) as process:
        assert process.wait(SECONDS) == 0, log.read_text()


@contextmanager
def serving(each: Pod, container: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that answers its probes, and ends with 0 when it is told to."""
    with running(each, container, log) as process:
        for port, path in probed(each, container):
            until(lambda port=port, path=path: answer(port, path)[0] == 200, process, log)  # type: ignore[misc]
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0, log.read_text()


def serve_and_stop(each: Pod, container: str, log: Path, done: Callable[[], bool]) -> None:
    """A daemon that does its work, too."""
    with serving(each, container, log) as process:
        until(done, process, log)
