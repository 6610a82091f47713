"""What AWS charges for an EKS control plane, told from the versions of its nodes. Pure.

Source: the public EKS price list: 0.10 USD per hour for a cluster in standard support, 0.60 in extended support. The dates are
those of the public EKS release calendar; a version that is not in the table counts as in standard support.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

STANDARD_USD_PER_HOUR = 0.10
EXTENDED_USD_PER_HOUR = 0.60
# The last day of standard support, by minor version of Kubernetes 1.
STANDARD_SUPPORT_ENDS = {
    23: date(2023, 10, 11),
    24: date(2024, 1, 31),
    25: date(2024, 5, 1),
    26: date(2024, 6, 11),
    27: date(2024, 7, 24),
    28: date(2024, 11, 26),
    29: date(2025, 3, 23),
    30: date(2025, 7, 23),
    31: date(2025, 11, 26),
    32: date(2026, 3, 23),
    33: date(2026, 7, 29),
}

_EKS_VERSION = re.compile(r"v1\.(\d{1,3})\.\d+-eks-", re.ASCII)


def control_plane_fee(kubelet_versions: Iterable[str], today: date) -> float:
    """USD per hour for the control plane of a cluster whose nodes report these versions; 0 where no node is one of EKS.

    Nodes may lag behind their control plane and never run ahead of it, so the newest of them is the best witness.
    """
    minors = [int(match[1]) for version in kubelet_versions if (match := _EKS_VERSION.match(version))]
    if not minors:
        return 0.0
    ends = STANDARD_SUPPORT_ENDS.get(max(minors))
    # Everything older than the table has long left standard support.
    extended = max(minors) < min(STANDARD_SUPPORT_ENDS) or (ends is not None and today > ends)
    return EXTENDED_USD_PER_HOUR if extended else STANDARD_USD_PER_HOUR
