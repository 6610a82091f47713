"""The mapping file of teams."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_report.rows import NamespaceRow, PodRow
from resource_report.teams import TeamMapping, assign_teams, load_team_mapping
from shared.errors import UsageError


def load(tmp_path: Path, text: str) -> TeamMapping:
    path = tmp_path / "teams.yaml"
    path.write_text(text, encoding="utf-8")
    return load_team_mapping(str(path))


def test_first_rule_that_matches_whole_names_decides(tmp_path: Path) -> None:
    mapping = load(
        tmp_path,
        """
        - {namespace: kube-.*, team: platform}
        - {namespace: shop, application: "pay.*", team: payments}
        - {namespace: shop, team: retail}
        """,
    )

    assert mapping.team("kube-system", "") == "platform"
    assert mapping.team("shop", "payroll") == "payments"
    assert mapping.team("shop", "") == "retail"
    assert mapping.team("shop-2", "") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a: b", "accepted: a list of entries", id="no list"),
        pytest.param("- {namespace: x}", "entry 1", id="no team"),
        pytest.param("- {team: x}", "entry 1", id="no condition"),
        pytest.param("- {namespace: x, team: [y]}", "entry 1", id="team is no text"),
        pytest.param("- {namespace: x, team: y, other: z}", "entry 1", id="unknown key"),
        pytest.param("- {namespace: x, team: y}\n- {namespace: '(', team: y}", "entry 2", id="no pattern"),
        pytest.param("- [", "teams.yaml", id="no YAML"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        load(tmp_path, text)

    assert "\n" not in str(raised.value)


def test_no_file_maps_nothing(tmp_path: Path) -> None:
    assert load_team_mapping(None) == TeamMapping()
    assert load(tmp_path, "") == TeamMapping()
    with pytest.raises(UsageError, match="nowhere"):
        load_team_mapping("/nowhere")


def test_a_pod_of_nobody_stays_without_a_team() -> None:
    pod = PodRow(cluster="prod", namespace="shop", pod="web")
    assign_teams([pod], {}, [NamespaceRow(cluster="prod", namespace="other", team="x", team_source="namespace")], TeamMapping())

    assert (pod.team, pod.team_source) == ("", "")
