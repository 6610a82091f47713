"""The fee of an EKS control plane, from the versions of its nodes."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from resource_report.cost import CostSettings, overheads
from resource_report.eks import control_plane_fee

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("versions", "today", "fee"),
    [
        pytest.param([], TODAY, 0.0, id="no-nodes"),
        pytest.param(["v1.34.2", "v1.33.1-gke.100"], TODAY, 0.0, id="not-eks"),
        pytest.param(["v1.34.2-eks-ecaa3a6"], TODAY, 0.10, id="standard"),
        pytest.param(["v1.32.3-eks-473151a"], TODAY, 0.60, id="extended"),
        pytest.param(["v1.32.3-eks-473151a"], date(2026, 3, 23), 0.10, id="last-day-of-standard"),
        pytest.param(["v1.32.3-eks-473151a"], date(2026, 3, 24), 0.60, id="first-day-of-extended"),
        pytest.param(["v1.31.1-eks-1", "v1.34.2-eks-1"], TODAY, 0.10, id="the-newest-node-counts"),
        pytest.param(["v1.21.1-eks-1"], TODAY, 0.60, id="older-than-the-table"),
        pytest.param(["v1.99.0-eks-1"], TODAY, 0.10, id="newer-than-the-table"),
        pytest.param(["garbage", "", "v1.x-eks-"], TODAY, 0.0, id="unreadable"),
    ],
)
def test_the_fee(versions: list[str], today: date, fee: float) -> None:
    assert control_plane_fee(versions, today) == fee


def test_the_fee_is_overhead_on_top_of_what_the_operator_names() -> None:
    nodes = pd.DataFrame({"cluster": ["a", "a", "b"], "kubelet_version": ["v1.34.2-eks-1", "v1.34.1-eks-1", "v1.34.2"]})

    plain = overheads(nodes, ["a", "b"], CostSettings(default_overhead=5.0))
    with_fee = overheads(nodes, ["a", "b"], CostSettings(default_overhead=5.0, eks_fee_on=TODAY))

    assert plain == {"a": 5.0, "b": 5.0}
    assert with_fee == {"a": pytest.approx(5.0 + 73.05), "b": 5.0}
