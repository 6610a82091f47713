"""Templates: overrides come first, and what is wrong with them or with a hook costs a notification, never a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resource_report.templating import CSP, Templates

CONTEXT: dict[str, Any] = {"title": "T", "navigation": [], "version": "1", "notifications": []}


def _page(
    overrides: Path | None = None, hook: Any = None, name: str = "notifications.html", fallback: str = ""
) -> tuple[str, list[str]]:
    templates = Templates(overrides, hook)
    html = templates.render(name, fallback, dict(CONTEXT))
    return html, [str(problem) for problem in templates.problems]


def test_everything_is_escaped_and_nothing_is_inline() -> None:
    html, problems = _page(hook=lambda name, context: context.update(title="<b>'\""))

    assert problems == []
    assert "<title>&lt;b&gt;&#39;&#34;" in html
    assert f'content="{CSP}"' in html
    assert "\n\n" not in html


@pytest.mark.parametrize("partial", ["extrahead", "navbar", "footer"])
def test_a_partial_is_overridden(tmp_path: Path, partial: str) -> None:
    (tmp_path / "partials").mkdir()
    (tmp_path / "partials" / f"{partial}.html").write_text("<!-- ours {{ title }} -->")

    assert "<!-- ours T -->" in _page(tmp_path)[0]


def test_a_page_is_overridden_by_its_own_name_even_where_it_shares_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "clusters.html").write_text("own clusters")

    assert _page(tmp_path, name="clusters.html", fallback="notifications.html")[0] == "own clusters"
    assert "none" in _page(tmp_path, name="nodes.html", fallback="notifications.html")[0]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% if %}", "TemplateSyntaxError"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% include 'gone.html' %}", "TemplateNotFound"),
    ],
)
def test_a_broken_override_is_told_and_the_built_in_page_made(tmp_path: Path, template: str, said: str) -> None:
    (tmp_path / "notifications.html").write_text(template)

    html, problems = _page(tmp_path)

    assert "<h1>Notifications</h1>" in html
    assert len(problems) == 1
    assert said in problems[0]
    assert "\n" not in problems[0]


def _raising(name: str, context: dict[str, Any]) -> None:
    context["notifications"] = 7
    raise RuntimeError("first\nsecond")


def _breaking(name: str, context: dict[str, Any]) -> None:
    context["notifications"] = 7


def _clearing(name: str, context: dict[str, Any]) -> None:
    context.clear()


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (_raising, "prerender hook: notifications.html: RuntimeError: first second"),
        (_breaking, "prerender hook: notifications.html: TypeError"),
    ],
)
def test_a_hook_that_fails_or_spoils_the_context_is_told_and_the_page_made(hook: Any, said: str) -> None:
    html, problems = _page(hook=hook)

    assert "There are none" in html
    assert said in problems[0]


def test_a_hook_may_empty_the_context() -> None:
    assert "<html" in _page(hook=_clearing)[0]


def test_a_problem_is_told_once() -> None:
    templates = Templates(None, _raising)
    for _ in range(3):
        templates.render("notifications.html", "", dict(CONTEXT))
    assert len(templates.problems) == 1
