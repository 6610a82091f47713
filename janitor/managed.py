"""Objects that a Helm release, Argo CD or Flux put there and would put there again. Pure.

Deleting one of them alone leaves the release broken, or lasts until the next sync; what has to go is the release or the
application.
"""

from __future__ import annotations

from shared.objects import Meta

RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"

# What the tools write on everything they apply: (label or annotation, what to call its value).
_LABELS = (
    ("argocd.argoproj.io/instance", "Argo CD application"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux kustomization"),
    ("helm.toolkit.fluxcd.io/name", "Flux Helm release"),
)
_ANNOTATIONS = (("argocd.argoproj.io/tracking-id", "Argo CD application"),)


def release_of(meta: Meta) -> tuple[str, str] | None:
    """The Helm release (namespace, name) that an object is part of, also for the Secrets in which Helm keeps the release
    itself.
    """
    name = meta.annotation(RELEASE_NAME)
    if name:
        return meta.annotation(RELEASE_NAMESPACE) or meta.namespace or "", name
    if meta.label("owner") == "helm" and meta.name.startswith("sh.helm.release.v1.") and meta.label("name"):
        return meta.namespace or "", meta.label("name") or ""
    return None


def is_release_record(meta: Meta) -> bool:
    """Whether this is one of the Secrets (or ConfigMaps) in which Helm keeps a revision of a release."""
    return meta.name.startswith("sh.helm.release.v1.") and meta.label("owner") == "helm"


def manager_of(meta: Meta) -> str | None:
    """`Helm release shop/web`, `Argo CD application shop`, or None."""
    release = release_of(meta)
    if release is not None:
        return f"Helm release {'/'.join(release)}"
    for key, what in _LABELS:
        if meta.label(key):
            return f"{what} {meta.label(key)}"
    for key, what in _ANNOTATIONS:
        value = meta.annotation(key)
        if value:
            return f"{what} {value.partition(':')[0]}"
    return None
