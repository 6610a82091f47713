"""What one process opens once and uses in every turn: clock, backups, webhook, metrics, audit log, hook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TextIO

from janitor.apply import Vault
from janitor.archive import Cipher
from janitor.config import Config
from janitor.hooks import Hook, load_hook
from janitor.metrics import JanitorMetrics
from janitor.notify import Teller
from janitor.sinks import open_sink
from shared.clock import Clock, SystemClock
from shared.cluster import Cluster


@dataclass
class Tools:
    """What outlives a turn beside the state: opened once per process. The defaults tell nobody and store nothing."""

    clock: Clock = field(default_factory=SystemClock)
    vault: Vault = field(default_factory=Vault)
    teller: Teller | None = None
    metrics: JanitorMetrics | None = None
    audit: TextIO | None = None
    hook: Hook | None = None


def open_tools(cluster: Cluster, config: Config, *, clock: Clock | None = None, metrics: JanitorMetrics | None = None) -> Tools:
    """Everything that the configuration names. Raises UsageError in one line."""
    tools = Tools(clock=clock or SystemClock(cluster.stop), metrics=metrics, teller=Teller(config.telling))
    if config.backup is not None:
        cipher = Cipher(config.backup.key) if config.backup.key else None
        tools.vault = Vault(open_sink(config.backup, cluster), cipher, config.backup.secrets == "skip")
    if config.hook:
        tools.hook = load_hook(config.hook)
    return tools
