from __future__ import annotations

import pytest

from janitor.managed import is_release_record, manager_of, release_of
from shared.objects import Meta

HELM = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}
RECORD = Meta(name="sh.helm.release.v1.web.v2", namespace="shop", labels={"owner": "helm", "name": "web"})


@pytest.mark.parametrize(
    ("meta", "release", "manager"),
    [
        (Meta(name="a", namespace="x", annotations=HELM), ("shop", "web"), "Helm release shop/web"),
        (Meta(name="a", namespace="x", annotations={"meta.helm.sh/release-name": "web"}), ("x", "web"), "Helm release x/web"),
        (RECORD, ("shop", "web"), "Helm release shop/web"),
        (Meta(name="a", labels={"owner": "helm", "name": "web"}), None, None),
        (Meta(name="a", labels={"argocd.argoproj.io/instance": "shop"}), None, "Argo CD application shop"),
        (Meta(name="a", annotations={"argocd.argoproj.io/tracking-id": "shop:apps/D:x/y"}), None, "Argo CD application shop"),
        (Meta(name="a", labels={"kustomize.toolkit.fluxcd.io/name": "infra"}), None, "Flux kustomization infra"),
        (Meta(name="a"), None, None),
    ],
)
def test_who_manages_an_object(meta: Meta, release: tuple[str, str] | None, manager: str | None) -> None:
    assert (release_of(meta), manager_of(meta)) == (release, manager)


def test_release_records() -> None:
    assert is_release_record(RECORD)
    assert not is_release_record(Meta(name="sh.helm.release.v1.web.v2"))
