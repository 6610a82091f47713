from __future__ import annotations

from pathlib import Path

import pytest

from janitor.config import Backup, Config
from janitor.hooks import random_dice
from janitor.tools import open_tools
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.simcluster import SimCluster


def test_everything_that_a_configuration_names(tmp_path: Path) -> None:
    config = Config(backup=Backup(str(tmp_path), key="k", secrets="skip"), hook="janitor.hooks.random_dice")
    with SimCluster() as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        tools = open_tools(cluster, config, clock=sim.clock)
        plain = open_tools(cluster, Config())

        assert tools.vault.sink is not None
        assert tools.vault.cipher is not None
        assert tools.vault.skip_secrets
        assert tools.hook is random_dice
        assert tools.clock is sim.clock
        assert (plain.vault.sink, plain.hook, plain.audit) == (None, None, None)
        with pytest.raises(UsageError):
            open_tools(cluster, Config(hook="nothing"))
