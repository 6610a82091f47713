"""`test-rules`: a rules file tried on manifests or on the live cluster. Prints a table of object, rule and end; changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import yaml

from janitor.annotations import Problem
from janitor.collect import Judge, Judged
from janitor.config import Config
from janitor.decide import Keep
from janitor.look import look
from janitor.policy import NamespaceView
from janitor.read import Namespaces, is_namespaces, plan_type
from janitor.state import State
from janitor.usage import Usage
from janitor.wholes import Document, object_of
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.kinds import Resource
from shared.objects import Meta, Object
from shared.times import format_timestamp

_CLUSTER_SCOPED = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "StorageClass",
        "PriorityClass",
    }
)


@dataclass(frozen=True)
class Row:
    """One object: the rule (or annotation) that decided, its end, and what would happen now."""

    resource: str
    key: str
    source: str
    end: str
    decision: str


def load_documents(texts: Mapping[str, str]) -> list[Document]:
    """The objects in YAML or JSON files, Lists opened. Raises UsageError naming the file."""
    documents = []
    for name, text in texts.items():
        try:
            for loaded in yaml.safe_load_all(text):
                documents += list(_objects(loaded, name))
        except yaml.YAMLError as error:
            raise UsageError(f"{name}: no valid YAML: {' '.join(str(error).split())}") from None
    return documents


def _objects(loaded: Any, name: str) -> Iterator[Document]:
    if loaded is None:
        return
    if not isinstance(loaded, dict) or not isinstance(loaded.get("kind"), str):
        raise UsageError(
            f"{name}: holds something that is no Kubernetes object; accepted: mappings with apiVersion, kind and metadata"
        )
    if loaded["kind"].endswith("List") and isinstance(loaded.get("items"), list):
        for item in loaded["items"]:
            yield from _objects(item, name)
        return
    # YAML reads an unquoted timestamp as a date; the API has only texts.
    yield msgspec.json.decode(msgspec.json.encode(loaded))


def resource_of(document: Document) -> Resource:
    """The type of a manifest. Without a cluster the plural is made from the kind, as English makes it."""
    group, sign, version = str(document.get("apiVersion", "v1")).partition("/")
    if not sign:
        group, version = "", group
    kind = document["kind"]
    return Resource(group, version, plural_of(kind), kind, kind not in _CLUSTER_SCOPED, ("get", "list", "delete"))


def plural_of(kind: str) -> str:
    """`NetworkPolicy` as `networkpolicies`, `Ingress` as `ingresses`, `Endpoints` as it is."""
    word = kind.lower()
    if word.endswith(("s", "x", "ch", "sh")):
        return word if word == "endpoints" else word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def evaluate(documents: Iterable[Document], state: State, config: Config, now: datetime) -> list[Row]:
    """Decides about manifests as if they were the whole cluster. One without a creation time counts as created now."""
    pairs = [(resource_of(document), document) for document in documents]
    usage = Usage()
    views: dict[str, NamespaceView] = {}
    for resource, document in pairs:
        metadata = document.setdefault("metadata", {})
        metadata.setdefault("creationTimestamp", format_timestamp(now))
        obj = _object(resource, document)
        usage.add_mentions(resource, document)
        usage.add_slice(document)
        usage.add_existing(resource, obj)
        if is_namespaces(resource):
            views[obj.name] = NamespaceView.of(obj)
    rows = []
    for resource, document in pairs:
        obj = _object(resource, document)
        views.setdefault(obj.namespace, NamespaceView(Object(metadata=Meta(name=obj.namespace))))
        judge = Judge(config, state, Namespaces(views), usage, now)
        plan = plan_type(resource, state.rules.about(resource))
        rows.append(row_of(Judged(resource, obj, judge.decide(plan, judge.subject(plan, obj, document)))))
    return rows


def _object(resource: Resource, document: Document) -> Object:
    try:
        return object_of(document)
    except msgspec.ValidationError as error:
        raise UsageError(f"a {resource.kind} in the manifests: {error}") from None


def evaluate_cluster(cluster: Cluster, state: State, config: Config, now: datetime) -> list[Row]:
    """Everything in scope that has an end. Raises ClusterError where the cluster cannot be read."""
    view = look(cluster, config, now, state, dated=True)
    return [row_of(one) for one in view.found.judged]


def row_of(one: Judged) -> Row:
    due, decision = one.due, one.decision
    text = "delete"
    if isinstance(decision, Keep):
        text = f"keep ({decision.why.value})" + (f": {decision.detail}" if decision.detail else "")
    elif hasattr(decision, "wait"):
        text = "warn, then delete"
    problems: tuple[Problem, ...] = decision.problems
    if problems:
        text += f"; {problems[0]}"
    return Row(one.resource.name, one.obj.key, due.source if due else "", format_timestamp(due.at) if due else "never", text)


def as_table(rows: Iterable[Row]) -> str:
    cells = [("RESOURCE", "OBJECT", "BY", "ENDS", "DECISION")]
    cells += [(row.resource, row.key, row.source or "-", row.end, row.decision) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[4]]) + "\n" for line in cells
    )
