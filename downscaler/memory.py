"""What a process keeps from one turn to the next. Nothing here is needed to restore a workload: that is on the objects. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from downscaler.sizes import Kind

# Kinds that are not scaled are looked through for forgotten sleepers this often, as that costs a list of each.
ORPHANS_EVERY = timedelta(hours=1)


@dataclass
class Memory:
    """One process's memory; a new one remembers nothing, and everything still works."""

    looked_for_orphans: datetime | None = None
    # The configured kinds that the server has, and when it was asked.
    kinds: tuple[Kind, ...] = ()
    probed: datetime | None = None

    def orphans_due(self, now: datetime) -> bool:
        """Whether to look for orphans at *now*; the answer yes is remembered."""
        due = self.looked_for_orphans is None or not timedelta(0) <= now - self.looked_for_orphans < ORPHANS_EVERY
        if due:
            self.looked_for_orphans = now
        return due
