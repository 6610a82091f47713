"""Notifications: their order and their words."""

from __future__ import annotations

from resource_report.notifications import Complaints, Notification, Severity, ordered


def test_the_worst_come_first_and_none_twice() -> None:
    info = Notification(Severity.INFO, "a", "x", "m")
    warning = Notification(Severity.WARNING, "b", "x", "m")
    error = Notification(Severity.ERROR, "c", "x", "m")

    assert ordered([info, warning, error, info]) == (error, warning, info)


def test_one_line_of_text() -> None:
    assert str(Notification(Severity.INFO, "prod", "metrics", "none", "install it")) == "prod: metrics: none (install it)"
    assert str(Notification(Severity.INFO, "", "prices", "old")) == "prices: old"


def test_single_objects_are_listed_up_to_a_limit() -> None:
    complaints = Complaints("prod", limit=2)
    for number in range(5):
        complaints.object("pods", f"shop/{number}", "bad")

    assert [note.subject for note in complaints.notifications()] == ["pods/shop/0", "pods/shop/1", "pods"]
    assert complaints.notifications()[-1].message == "3 more objects could not be read"
