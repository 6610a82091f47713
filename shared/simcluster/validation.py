"""What is wrong with an object: every mistake as a cause, raised together as one 422. Pure.

The rules here are the ones that all types share and those that controllers and their users run into; `typerules.py` holds the
latter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.simcluster import schemas, typerules
from shared.simcluster.catalog import Type
from shared.simcluster.problems import bad_value, forbidden, required
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import Cause, invalid

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/%]+")
_KEY_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

# Types whose names are DNS labels rather than subdomains, and those whose names may be any path segment.
_LABEL_NAMES = frozenset({"namespaces", "services"})
_FREE_NAMES = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
# A CronJob's jobs get eleven more characters.
_LENGTHS = {"cronjobs": 52}
ANNOTATIONS_LIMIT = 256 * 1024

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def check_create(kind: Type, obj: JsonObject) -> None:
    """Raises Invalid naming every mistake in *obj*."""
    _raise(kind, obj, [*_name(kind, obj["metadata"]), *_metadata(obj["metadata"]), *_content(kind, obj)])


def check_update(kind: Type, old: JsonObject, new: JsonObject) -> None:
    """Raises Invalid naming every mistake in *new*, and every change of a field that must not change.

    A part that did not change is not looked at again: what was accepted once must not block an unrelated patch.
    """
    causes = [*_metadata(new["metadata"]), *_finalizers(old, new)] if new["metadata"] != old["metadata"] else []
    if {key: value for key, value in new.items() if key != "metadata"} != {
        key: value for key, value in old.items() if key != "metadata"
    }:
        causes += _content(kind, new)
        causes += _guarded(typerules.immutable(kind, old, new))
    _raise(kind, new, causes)


def _raise(kind: Type, obj: JsonObject, causes: list[Cause]) -> None:
    if causes:
        raise invalid(kind.resource.kind, kind.resource.group, str(obj["metadata"].get("name") or ""), causes)


def _content(kind: Type, obj: JsonObject) -> list[Cause]:
    if kind.custom:
        schema = kind.schemas.get(kind.resource.version) or {}
        return list(schemas.check(schema, obj))
    return _guarded(typerules.content(kind, obj))


def _guarded(causes: Iterator[Cause]) -> list[Cause]:
    """The causes; content of a shape that a rule cannot even look at becomes a cause of its own."""
    found: list[Cause] = []
    try:
        for each in causes:
            found.append(each)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        found.append(bad_value("spec", "", f"the content has a wrong type: {problem}"))
    return found


def _name(kind: Type, metadata: Mapping[str, Any]) -> Iterator[Cause]:
    name, plural = metadata.get("name"), kind.resource.plural
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    if not isinstance(name, str):
        yield bad_value("metadata.name", name, "must be a string")
        return
    if plural in _FREE_NAMES:
        if _PATH_SEGMENT.fullmatch(name) is None:
            yield bad_value("metadata.name", name, "may not contain '/' or '%' and may not be '.' or '..'")
        return
    if plural in _LABEL_NAMES:
        if _LABEL.fullmatch(name) is None:
            yield bad_value("metadata.name", name, _LABEL_TEXT)
        return
    limit = _LENGTHS.get(plural, 253)
    if len(name) > limit:
        yield bad_value("metadata.name", name, f"must be no more than {limit} characters")
    if _SUBDOMAIN.fullmatch(name) is None:
        yield bad_value("metadata.name", name, _SUBDOMAIN_TEXT)


def _metadata(metadata: Mapping[str, Any]) -> Iterator[Cause]:
    yield from _strings("metadata.labels", metadata.get("labels"), values=True)
    annotations = metadata.get("annotations")
    yield from _strings("metadata.annotations", annotations, values=False)
    if isinstance(annotations, dict):
        size = sum(len(str(key)) + len(str(value)) for key, value in annotations.items())
        if size > ANNOTATIONS_LIMIT:
            message = f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"
            yield Cause(reason="FieldValueTooLong", message=message, field="metadata.annotations")
    yield from _owners(metadata.get("ownerReferences") or ())
    for each in metadata.get("finalizers") or ():
        if not isinstance(each, str) or _key_problem(each):
            yield bad_value("metadata.finalizers", each, _KEY_TEXT)


def _owners(owners: Any) -> Iterator[Cause]:
    if not isinstance(owners, list | tuple):
        yield bad_value("metadata.ownerReferences", owners, "must be a list")
        return
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not (isinstance(owner, dict) and owner.get(field)):
                yield required(f"metadata.ownerReferences[{index}].{field}", f"{field} must not be empty")
    if sum(1 for owner in owners if isinstance(owner, dict) and owner.get("controller")) > 1:
        yield bad_value("metadata.ownerReferences", "", "Only one reference can have Controller set to true")


def _strings(field: str, values_by_key: Any, *, values: bool) -> Iterator[Cause]:
    """Labels (*values*: their values are restricted too) and annotations."""
    if values_by_key is None:
        return
    if not isinstance(values_by_key, dict):
        yield bad_value(field, values_by_key, "must be a map of strings")
        return
    for key, value in values_by_key.items():
        if _key_problem(key if values else key.lower()):
            yield bad_value(field, key, _KEY_TEXT)
        if not isinstance(value, str):
            yield bad_value(field, value, "must be a string")
        elif values and _LABEL_VALUE.fullmatch(value) is None:
            text = "must be no more than 63 characters" if len(value) > 63 else _VALUE_TEXT
            yield bad_value(field, value, text)


def _key_problem(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (_SUBDOMAIN.fullmatch(prefix) is None or len(prefix) > 253):
        return True
    return _KEY_NAME.fullmatch(name) is None


def _finalizers(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    if not old["metadata"].get("deletionTimestamp"):
        return
    before = set(old["metadata"].get("finalizers") or ())
    added = [each for each in new["metadata"].get("finalizers") or () if each not in before]
    if added:
        listed = ", ".join(f'"{each}"' for each in added)
        text = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
        yield forbidden("metadata.finalizers", text)
