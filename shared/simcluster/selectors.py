"""Label and field selectors: text to a predicate over records. Pure.

Source of the grammar: Kubernetes documentation, "Labels and Selectors" (equality- and set-based) and "Field Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from shared.simcluster.catalog import Type
from shared.simcluster.records import Record
from shared.simcluster.refusals import bad_request

Matcher = Callable[[Record], bool]
LabelMatcher = Callable[[Mapping[str, str]], bool]

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9._-]*"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(\s*([^()]*?)\s*\)\s*")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_NUMBER = re.compile(rf"\s*({_KEY})\s*(>|<)\s*(-?[0-9]+)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")


def parse_labels(text: str) -> LabelMatcher | None:
    """A predicate over labels, or None where *text* selects everything. Invalid (400) for what is no selector."""
    if not text.strip():
        return None
    tests: list[LabelMatcher] = []
    position = 0
    while position <= len(text):
        test, position = _requirement(text, position)
        tests.append(test)
        if position < len(text) and text[position] != ",":
            raise _unparsable(text)
        position += 1
    if len(tests) == 1:
        return tests[0]
    return lambda labels: all(test(labels) for test in tests)


def _unparsable(text: str) -> Exception:
    return bad_request(
        f"unable to parse requirement: found {text[:120]!r}, expected: key, !key, key=value, key!=value, key in (a,b)"
    )


def _requirement(text: str, position: int) -> tuple[LabelMatcher, int]:
    for pattern, build in ((_SET, _in_set), (_EQUAL, _equal), (_NUMBER, _compare), (_EXISTS, _exists)):
        match = pattern.match(text, position)
        if match is not None and (match.end() == len(text) or text[match.end()] == ","):
            return build(match), match.end()
    raise _unparsable(text)


def _in_set(match: re.Match[str]) -> LabelMatcher:
    key, operator, inside = match.groups()
    values = frozenset(part.strip() for part in inside.split(","))
    if operator == "in":
        return lambda labels: labels.get(key) in values
    return lambda labels: labels.get(key) not in values


def _equal(match: re.Match[str]) -> LabelMatcher:
    key, operator, value = match.groups()
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    return lambda labels: labels.get(key) == value


def _compare(match: re.Match[str]) -> LabelMatcher:
    key, operator, text = match.groups()
    bound = int(text)

    def test(labels: Mapping[str, str]) -> bool:
        value = labels.get(key, "")
        if not value.lstrip("-").isdigit():
            return False
        return int(value) > bound if operator == ">" else int(value) < bound

    return test


def _exists(match: re.Match[str]) -> LabelMatcher:
    absent, key = match.groups()
    if absent:
        return lambda labels: key not in labels
    return lambda labels: key in labels


def matches_selector(selector: Mapping[str, object] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) selects *labels*. None selects nothing, {} everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if not isinstance(wanted, Mapping) or any(labels.get(key) != value for key, value in wanted.items()):
        return False
    expressions = selector.get("matchExpressions") or ()
    return all(_expression(each, labels) for each in expressions)  # type: ignore[attr-defined]


def _expression(expression: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    key, operator = str(expression.get("key")), expression.get("operator")
    values = expression.get("values")
    value, options = labels.get(key), values if isinstance(values, Sequence) else ()
    return {
        "In": value in options,
        "NotIn": value not in options,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(str(operator), False)


def parse_fields(text: str, kind: Type) -> Matcher | None:
    """A predicate over records of *kind*. Invalid (400) for a field that the type does not offer."""
    if not text.strip():
        return None
    tests = [_field(part.strip(), kind) for part in text.split(",") if part.strip()]
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def _field(part: str, kind: Type) -> Matcher:
    match = re.fullmatch(r"([A-Za-z.]+)(==|=|!=)(.*)", part)
    if match is None:
        raise bad_request(
            f"invalid field selector {part[:120]!r}; accepted: field=value, field==value, field!=value, joined by commas"
        )
    path, operator, value = match.groups()
    wanted = operator != "!="
    # events.k8s.io names the same stored fields differently.
    path = path.replace("regarding.", "involvedObject.") if kind.key == "events" else path
    if path == "metadata.name":
        return lambda record: (record.name == value) is wanted
    if path == "metadata.namespace":
        return lambda record: (record.namespace == value) is wanted
    if path not in kind.fields:
        raise bad_request(f'field label not supported: {path} (resource "{kind.key}")')
    index = kind.fields.index(path)
    return lambda record: (record.fields[index] == value) is wanted


def both(labels: LabelMatcher | None, fields: Matcher | None) -> Matcher | None:
    """The two selectors of a request as one predicate; None where both are absent."""
    if labels is None:
        return fields
    if fields is None:
        return lambda record: labels(record.labels)
    return lambda record: labels(record.labels) and fields(record)
