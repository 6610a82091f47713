"""The declared tables fit the report's frames and the style sheet's alignment."""

from __future__ import annotations

import pytest

from resource_report.columns import PODS_TABLE, ROUTES, Column, Table
from resource_report.glossary import TERMS
from resource_report.views import Currency, Views
from tests.resource_report.sample_report import sample_report

TABLES = Views.tables()


@pytest.fixture(scope="module")
def views() -> Views:
    return Views(sample_report(), Currency())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_is_in_the_frame_and_has_its_glossary_entry(views: Views, table: Table) -> None:
    frame = views.frames[table.name]
    for column in table.columns:
        if column.kind != "links":
            assert set(column.parts or (column.key,)) <= set(frame.columns)
            assert set(column.ids) <= set(frame.columns)
        assert not column.term or column.term in TERMS
    assert {key.removeprefix("-") for key in table.sort} | set(table.extra) <= set(frame.columns)


@pytest.mark.parametrize(
    "table", [*TABLES, PODS_TABLE.light, PODS_TABLE.without("cluster", "node")], ids=lambda table: table.name
)
def test_numbers_stand_last_but_for_two_after_the_name(table: Table) -> None:
    kinds = ["text" if column.is_text else "number" for column in table.columns]
    border = int(table.style.split()[0][1:])

    assert kinds[0] == "text"
    assert set(kinds[border:]) <= {"number"}
    assert 1 <= border <= 12, "the style sheet has classes t1 to t12"
    inside = [position for position, kind in enumerate(kinds[:border]) if kind == "number"]
    assert inside == ([1, 2] if "cost-first" in table.style else [])


def test_a_table_without_some_columns() -> None:
    slim = PODS_TABLE.without("cluster", title="Other")

    assert [column.key for column in slim.columns] == [column.key for column in PODS_TABLE.columns if column.key != "cluster"]
    assert (slim.title, slim.name) == ("Other", "pods")
    assert "team" not in [column.key for column in PODS_TABLE.light.columns]


def test_a_table_of_texts_only_is_all_text() -> None:
    assert Table("t", "t", "T", (Column("a", "A"), Column("b", "B", "bool")), ("a",)).style == "t2"


def test_every_kind_of_route_has_its_table() -> None:
    assert [table.name for table in ROUTES.values()] == ["ingresses", "routegroups", "ingressroutes", "httproutes"]
