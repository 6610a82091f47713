"""Which types are served: lookups by path, by kind and by the names people type. Holds no objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.kinds import Resource
from shared.simcluster.catalog import BUILT_IN, Type
from shared.simcluster.refusals import no_such_path


class Registry:
    """Types by key; custom types come and go with their CRDs. `generation` counts changes, so that documents may be cached."""

    def __init__(self, types: Iterable[Type] = BUILT_IN) -> None:
        self._types: dict[str, Type] = {}
        self._served: dict[tuple[str, str, str], Type] = {}
        self._by_plural: dict[tuple[str, str], Type] = {}
        self.generation = 0
        for each in types:
            self.add(each)

    def __iter__(self) -> Iterator[Type]:
        return iter(self._types.values())

    def add(self, new: Type) -> None:
        """Serve *new*, instead of a type of the same key if there is one."""
        self.remove(new.key)
        self._types[new.key] = new
        for group, version in new.served:
            self._served[group, version, new.resource.plural] = new
            self._by_plural[group, new.resource.plural] = new
        self.generation += 1

    def remove(self, key: str) -> None:
        old = self._types.pop(key, None)
        if old is None:
            return
        self._served = {path: each for path, each in self._served.items() if each is not old}
        self._by_plural = {path: each for path, each in self._by_plural.items() if each is not old}
        self.generation += 1

    def get(self, key: str) -> Type | None:
        return self._types.get(key)

    def served(self, group: str, version: str, plural: str) -> Type | None:
        """The type behind a URL path, or None."""
        return self._served.get((group, version, plural))

    def of(self, resource: Resource) -> Type:
        """The stored type that *resource* is a view of. NotFound where nobody serves it."""
        found = self._by_plural.get((resource.group, resource.plural))
        if found is None:
            raise no_such_path()
        return found

    def of_object(self, api_version: str, kind: str) -> tuple[Type, Resource]:
        """The type of an object by its own apiVersion and kind, and the view that these name. NotFound where nobody serves it."""
        group, _, version = api_version.rpartition("/")
        for each in self._types.values():
            if each.resource.kind == kind and (group, version) in each.served and not each.virtual:
                return each, each.view(group, version)
        raise no_such_path()

    def named(self, name: str, group: str | None = None) -> Resource:
        """The resource that a person means by *name*: plural, singular, short name or kind, with or without `.group`.

        The first match wins, in the order of the catalogue, so `events` and `pods` are those of the core group. NotFound
        otherwise.
        """
        wanted, _, dotted = name.lower().partition(".")
        group = dotted or None if group is None else group
        for each in self._types.values():
            known = (each.resource.plural, each.singular, each.resource.kind.lower(), *each.short_names)
            if wanted in known and (group is None or each.resource.group == group):
                return each.view(*each.served[0])
            if wanted in known and any(group == served for served, _ in each.served):
                return each.view(*next(pair for pair in each.served if pair[0] == group))
        raise no_such_path()
