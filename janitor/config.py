"""The configuration of the janitor: frozen values, made from flags in `flags.py`. Reads neither flags nor environment itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from janitor.breaker import Limits
from janitor.names import ResourceNames, resource_names
from janitor.policy import Policy
from janitor.selectors import Selector
from shared.filters import Names, glob_names
from shared.kinds import NAMESPACES, Resource
from shared.objects import Object

DEFAULT_EXCLUDED_RESOURCES = ("events", "controllerrevisions")
DEFAULT_EXCLUDED_NAMESPACES = ("kube-system",)
ALL = "all"


@dataclass(frozen=True)
class Scope:
    """Which types and namespaces the janitor looks at. Exclude wins over include.

    An include of None is everything. `annotated` are the types on which annotations count (None: every one): with it set, a
    type that no
    rule covers and that is not named there is not even listed.
    """

    include_resources: ResourceNames | None = None
    exclude_resources: ResourceNames = resource_names(DEFAULT_EXCLUDED_RESOURCES)
    exclude_unnamed: bool = False
    include_namespaces: Names | None = None
    exclude_namespaces: Names = glob_names(DEFAULT_EXCLUDED_NAMESPACES)
    exclude_unnamed_namespaces: bool = False
    namespace_selector: Selector = Selector()
    cluster_scoped: bool = False
    annotated: ResourceNames | None = None

    def allows_resource(self, resource: Resource) -> bool:
        if self.exclude_resources.matches(resource):
            return False
        if self.include_resources is None:
            return not self.exclude_unnamed
        return self.include_resources.matches(resource)

    def allows_namespace(self, namespace: Object) -> bool:
        if self.exclude_namespaces.matches(namespace.name) or not self.namespace_selector.matches(namespace.metadata.labels):
            return False
        if self.include_namespaces is None:
            return not self.exclude_unnamed_namespaces
        return self.include_namespaces.matches(namespace.name)

    @property
    def named_namespaces(self) -> tuple[str, ...] | None:
        """The namespaces by name, where the include list holds no pattern: then nothing has to be listed cluster-wide. Else
        None.
        """
        if self.include_namespaces is None or self.include_namespaces.patterns:
            return None
        return tuple(sorted(self.include_namespaces.exact))

    def allows_type(self, resource: Resource) -> bool:
        """Whether objects of this type may be deleted at all: scope, and verbs that the server offers."""
        served = not resource.verbs or {"list", "delete"} <= set(resource.verbs)
        scoped = resource.namespaced or self.cluster_scoped or (resource.group, resource.plural) == ("", NAMESPACES.plural)
        return served and scoped and self.allows_resource(resource)


def scope_of(
    include_resources: tuple[str, ...],
    exclude_resources: tuple[str, ...],
    include_namespaces: tuple[str, ...],
    exclude_namespaces: tuple[str, ...],
) -> Scope:
    """The Scope of the four lists. `all` in an include list is everything, in an exclude list all that is not included."""
    return Scope(
        include_resources=None if ALL in include_resources else resource_names(include_resources),
        exclude_resources=resource_names(item for item in exclude_resources if item != ALL),
        exclude_unnamed=ALL in exclude_resources,
        include_namespaces=None if ALL in include_namespaces else glob_names(include_namespaces),
        exclude_namespaces=glob_names(item for item in exclude_namespaces if item != ALL),
        exclude_unnamed_namespaces=ALL in exclude_namespaces,
    )


@dataclass(frozen=True)
class Backup:
    """Where manifests go before their objects are deleted. `target` is a directory, `s3://bucket/prefix` or
    `configmap:NAMESPACE`.

    `key` encrypts Secrets. `secrets` says what happens without one: `refuse` (a Secret is not deleted) or `skip` (it is deleted
    and
    cannot be restored).
    """

    target: str
    retention: timedelta = timedelta(days=7)
    max_bytes: int = 64 * 1024 * 1024
    key: str = field(default="", repr=False)
    secrets: str = "refuse"


@dataclass(frozen=True)
class Telling:
    """Webhook and events. `form` is message, slack or template; `owner_key` the label or annotation that names who is told."""

    webhook_url: str = field(default="", repr=False)
    form: str = "message"
    template: str = ""
    secret: str = field(default="", repr=False)
    context_name: str = ""
    owner_key: str = ""
    timeout: float = 5.0


@dataclass(frozen=True)
class Config:
    """Everything that flags and environment decide. Lengths are timedeltas, rates per minute, 0 for off."""

    policy: Policy = Policy()
    scope: Scope = Scope()
    limits: Limits = Limits()
    backup: Backup | None = None
    telling: Telling = Telling()
    rules_file: str | None = None
    hook: str | None = None
    wait_after_delete: float = 0.0
    max_deletes_per_minute: float = 0.0
    evict: bool = False
    state: tuple[str, str] | None = None
    deployment: str = "kube-janitor"
    audit_log: str = ""
    quiet: bool = False
    list_workers: int = 4
    own_namespace: str = ""
