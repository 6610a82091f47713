"""Custom links: what may stand in the YAML, and that nothing in a cluster turns one into a script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_report.links import FIELDS, LinkTemplate, is_safe_href, make_link, parse_links
from shared.errors import UsageError


@pytest.mark.parametrize(
    ("href", "safe"),
    [
        ("https://example.org/x?y=1#z", True),
        ("HTTP://example.org", True),
        ("mailto:team@example.org", True),
        ("./teams.html", True),
        ("teams.html#a:b", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("java\tscript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
        ("//evil.example", False),
        ("\\\\evil.example", False),
        ("", False),
    ],
)
def test_which_addresses_are_safe(href: str, safe: bool) -> None:
    assert is_safe_href(href) is safe


@pytest.mark.parametrize(
    ("template", "row", "href"),
    [
        ("https://wiki/{name}", {"name": "a b/c?d#e"}, "https://wiki/a%20b/c%3Fd%23e"),
        ("https://x/?q={name}&z=1", {"name": 'a&b="<'}, "https://x/?q=a%26b%3D%22%3C&z=1"),
        ("{url}/api", {"url": "https://api.example"}, "https://api.example/api"),
        ("{url}/api", {"url": "javascript:alert(1)//"}, None),
        ("java{name}", {"name": "script:alert(1)"}, None),
        ("{a}{b}", {"a": "java", "b": "script:alert(1)"}, None),
        ("{name}", {"name": "//evil"}, None),
        ("https://x/{name}", {"name": None}, "https://x/"),
    ],
)
def test_a_row_fills_a_template(template: str, row: dict[str, object], href: str | None) -> None:
    link = make_link(LinkTemplate(template, "Title {name}"), row)

    assert (link and link.href) == href


@given(st.text(), st.text())
def test_no_value_makes_an_unsafe_link(one: str, two: str) -> None:
    for template in ("{name}", "{name}:{id}", "java{name}", "https://x/{name}", "/{name}"):
        link = make_link(LinkTemplate(template, ""), {"name": one, "id": two})
        assert link is None or is_safe_href(link.href)


def test_every_kind_and_the_old_second_name_of_routegroups() -> None:
    text = "\n".join(f"{kind}: [{{href: 'https://x/{{name}}', title: T, icon: search, class: is-small}}]" for kind in FIELDS)
    text = text.replace("routegroup:", "routegroups:")

    links = parse_links(text)

    assert links.problems == ()
    assert set(links.templates) == set(FIELDS)
    assert links.templates["routegroup"] == (LinkTemplate("https://x/{name}", "T", "search", "is-small"),)
    assert links.of("pod", {"name": "p"})[0].href == "https://x/p"
    assert links.of("pod", {"name": "p"})[0].css_class == "is-small"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("team: [{href: 'https://x/{nmae}'}]", "team link 1: unknown placeholder {nmae}; accepted: id, name"),
        ("team: [{href: 'https://x/{id.__class__}'}]", "unknown placeholder {id.__class__}"),
        ("team: [{title: x}]", "href is required"),
        (
            "team: [{href: 'javascript:alert(1)'}]",
            "href 'javascript:alert(1)' refused; accepted: an http, https or mailto address",
        ),
        ("team: x", "'team': accepted: a list of links"),
        ("flag: [{href: 'https://x'}]", "'flag': accepted: a list of links under application, cluster"),
    ],
)
def test_a_bad_entry_costs_only_itself(text: str, problem: str) -> None:
    links = parse_links(text + "\npod: [{href: 'https://ok/'}]")

    assert problem in links.problems[0]
    assert len(links.problems) == 1
    assert len(links.templates["pod"]) == 1


def test_a_title_and_a_class_that_are_no_such_thing() -> None:
    links = parse_links("pod: [{href: 'https://x', class: 'a\" onclick=\"x', icon: '<b>'}]")

    assert links.templates["pod"] == (LinkTemplate("https://x", "https://x"),)


@pytest.mark.parametrize("text", ["[1, 2]", "just text", "a: [\n"])
def test_what_is_no_mapping_is_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_links(text, source="links.yaml")
    assert str(caught.value).startswith("links.yaml: ")
    assert "\n" not in str(caught.value)


def test_an_empty_file_has_no_links() -> None:
    assert parse_links("").templates == {}
