"""The embedded cluster: a small, faithful Kubernetes API server in this process, on a simulated clock."""

from shared.simcluster.api import Seen
from shared.simcluster.clock import SimClock
from shared.simcluster.cluster import SimCluster
from shared.simcluster.faults import Fault

__all__ = ["Fault", "Seen", "SimClock", "SimCluster"]
