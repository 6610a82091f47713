"""The end-to-end suite as the chart installs the controllers: each command under its own ServiceAccount and the rendered roles.

Arranging stays the administrator's, and so do the commands that people run and not pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from downscaler.rights import RIGHTS
from shared.simcluster import SimCluster
from tests.charts.rendering import NAMESPACE, render
from tests.charts.roles import account_of, install

CONTROLLERS = {"downscaler.main": "downscaler", "janitor.main": "janitor", "resource_report.main": "report"}
# What a person runs with rights of their own.
_BY_HAND = {"extend", "restore", "backups", "explain", "ack"}
_TYPES = ["configmaps", "cronjobs.batch", "namespaces", "persistentvolumeclaims", "pods", "secrets"]
_VALUES: dict[str, Any] = {
    "downscaler": {"dryRun": False, "includeResources": sorted(RIGHTS.types), "restoreOnUninstall": True},
    "janitor": {"dryRun": False, "includeResources": _TYPES, "config": {"delete-notification": "1h"}},
}


class Installed:
    """The chart on the embedded cluster, for the namespaces that the suite has made so far."""

    def __init__(self, sim: SimCluster, folder: Path) -> None:
        self._sim, self._folder = sim, folder
        self._namespaces: list[str] = []
        found = render(_VALUES)
        self._accounts = {module: account_of(found, component) for module, component in CONTROLLERS.items()}
        self.users = {f"system:serviceaccount:{NAMESPACE}:{account}" for account in self._accounts.values()}
        self.upgrade("default")
        for account in self._accounts.values():
            sim.service_account_token(NAMESPACE, account)
            sim.write_kubeconfig(folder / account, f"system:serviceaccount:{NAMESPACE}:{account}")

    def upgrade(self, namespace: str) -> None:
        """`helm upgrade` with one namespace more."""
        self._namespaces.append(namespace)
        install(self._sim, render({**_VALUES, "namespaces": [namespace]}))

    def kubeconfig(self, module: str, argv: Sequence[str]) -> Path | None:
        """That of the controller's account; None for a command that is not the controller's."""
        account = self._accounts.get(module)
        return None if account is None or _BY_HAND.intersection(argv[:1]) else self._folder / account

    def flags(self, module: str) -> list[str]:
        """What the chart tells the controller, before what the test does."""
        return [f"--include-resources={','.join(_TYPES)}"] if module == "janitor.main" else []

    def refused(self) -> list[str]:
        """The paths of what one of the accounts was refused."""
        return sorted(
            {f"{each.user}: {each.path}" for each in self._sim.requests if each.status == 403 and each.user in self.users}
        )
