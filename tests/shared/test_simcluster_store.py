"""The rules of writing and deleting, on the store itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import AlreadyExists, Conflict, Forbidden, Gone, Invalid, NotFound
from shared.kinds import CONFIG_MAPS, CRON_JOBS, DEPLOYMENTS, EVENTS, HORIZONTAL_POD_AUTOSCALERS, JOBS, NAMESPACES, PODS, Resource
from shared.simcluster import bootstrap
from shared.simcluster.clock import SimClock
from shared.simcluster.deletion import collect_garbage
from shared.simcluster.store import Store

SELECTOR = {"matchLabels": {"app": "web"}}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}


@pytest.fixture
def store() -> Store:
    made = Store(SimClock(datetime(2026, 3, 23, tzinfo=UTC)))
    bootstrap.install(made)
    made.create(NAMESPACES, {"metadata": {"name": "shop"}})
    return made


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    body = {"selector": SELECTOR, "template": TEMPLATE, **spec}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": body}


def config(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", **metadata}}


def owned_by(*owners: dict[str, Any], blocking: bool = False) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": blocking,
        }
        for owner in owners
    ]


def names(store: Store, resource: Resource = CONFIG_MAPS) -> list[str]:
    return [record.name for record in store.names(resource, "shop") if record.name != "kube-root-ca.crt"]


def test_create_fills_in_what_the_server_owns(store: Store) -> None:
    given = deployment()
    given["metadata"] |= {"uid": "mine", "generation": 9, "deletionTimestamp": "2020-01-01T00:00:00Z"}
    given["status"] = {"replicas": 7}

    made = store.create(DEPLOYMENTS, given)

    metadata = made["metadata"]
    assert metadata["uid"] != "mine"
    assert metadata["generation"] == 1
    assert metadata["creationTimestamp"] == "2026-03-23T00:00:00Z"
    assert "deletionTimestamp" not in metadata
    assert "status" not in made
    assert made["spec"]["replicas"] == 1
    assert given["metadata"]["uid"] == "mine", "the caller's object is not touched"


def test_generate_name_makes_distinct_names(store: Store) -> None:
    made = {
        store.create(CONFIG_MAPS, {"metadata": {"generateName": "run-", "namespace": "shop"}})["metadata"]["name"]
        for _ in range(20)
    }

    assert len(made) == 20
    assert all(name.startswith("run-") and len(name) == 9 for name in made)


def test_a_second_object_of_the_same_name_is_refused(store: Store) -> None:
    store.create(CONFIG_MAPS, config("one"))

    with pytest.raises(AlreadyExists, match=r'configmaps "one" already exists') as refusal:
        store.create(CONFIG_MAPS, config("one"))
    assert (refusal.value.status, refusal.value.reason) == (409, "AlreadyExists")


def test_a_namespace_must_exist(store: Store) -> None:
    with pytest.raises(NotFound, match=r'namespaces "nowhere" not found'):
        store.create(CONFIG_MAPS, {"metadata": {"name": "one", "namespace": "nowhere"}})


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        ({"spec": {"replicas": 3}}, 2),
        ({"spec": {"replicas": 1}}, 1),
        ({"metadata": {"labels": {"a": "b"}}}, 1),
        ({"metadata": {"annotations": {"a": "b"}}}, 1),
    ],
    ids=["spec", "same spec", "labels", "annotations"],
)
def test_generation_counts_changes_of_the_spec(store: Store, change: dict[str, Any], generation: int) -> None:
    store.create(DEPLOYMENTS, deployment())

    assert store.merge(DEPLOYMENTS, "shop", "web", change)["metadata"]["generation"] == generation


def test_a_write_that_changes_nothing_is_not_stored(store: Store) -> None:
    store.create(DEPLOYMENTS, deployment())
    before = store.rv

    store.merge(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 1}})

    assert store.rv == before


def test_status_and_spec_are_written_apart(store: Store) -> None:
    store.create(DEPLOYMENTS, deployment())

    through_spec = store.merge(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 5}, "status": {"replicas": 9}})
    through_status = store.merge(
        DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 8}, "status": {"replicas": 4}}, subresource="status"
    )

    assert (through_spec["spec"]["replicas"], through_spec.get("status")) == (5, None)
    assert (through_status["spec"]["replicas"], through_status["status"]) == (5, {"replicas": 4})
    assert through_status["metadata"]["generation"] == 2


def test_a_stale_resource_version_is_a_conflict(store: Store) -> None:
    old = store.create(DEPLOYMENTS, deployment())
    store.merge(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 2}})

    with pytest.raises(Conflict, match="the object has been modified"):
        store.update(DEPLOYMENTS, old)
    with pytest.raises(Conflict):
        store.merge(DEPLOYMENTS, "shop", "web", {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}})


def test_a_wrong_uid_in_a_patch_is_a_conflict(store: Store) -> None:
    store.create(DEPLOYMENTS, deployment())

    with pytest.raises(Conflict, match="Precondition failed: UID"):
        store.merge(DEPLOYMENTS, "shop", "web", {"metadata": {"uid": "another"}})


def test_what_comes_out_is_a_copy(store: Store) -> None:
    made = store.create(DEPLOYMENTS, deployment())
    made["spec"]["replicas"] = 99

    assert store.get(DEPLOYMENTS, "shop", "web")["spec"]["replicas"] == 1


@pytest.mark.parametrize("which", ["uid", "resource_version"])
def test_delete_preconditions(store: Store, which: str) -> None:
    store.create(CONFIG_MAPS, config("one"))

    with pytest.raises(Conflict, match="in the precondition"):
        store.delete(CONFIG_MAPS, "shop", "one", **{which: "12345"})  # type: ignore[arg-type]
    assert names(store) == ["one"]


def test_a_dry_run_delete_leaves_the_object(store: Store) -> None:
    store.create(CONFIG_MAPS, config("one"))

    store.delete(CONFIG_MAPS, "shop", "one", dry_run=True)

    assert names(store) == ["one"]


def test_finalizers_hold_a_deleted_object_until_they_are_taken_off(store: Store) -> None:
    store.create(CONFIG_MAPS, config("one", finalizers=["example.com/hold"]))

    held = store.delete(CONFIG_MAPS, "shop", "one")
    with pytest.raises(Invalid, match="no new finalizers can be added"):
        store.merge(CONFIG_MAPS, "shop", "one", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})
    store.merge(CONFIG_MAPS, "shop", "one", {"metadata": {"finalizers": None}})

    assert held is not None
    assert held["metadata"]["deletionTimestamp"] == "2026-03-23T00:00:00Z"
    assert names(store) == []


@pytest.mark.parametrize(
    ("propagation", "left"),
    [("Background", []), ("Foreground", []), ("Orphan", ["child"])],
    ids=["background", "foreground", "orphan"],
)
def test_dependents_follow_their_owner_unless_orphaned(store: Store, propagation: str, left: list[str]) -> None:
    owner = store.create(CONFIG_MAPS, config("owner"))
    store.create(CONFIG_MAPS, config("child", ownerReferences=owned_by(owner)))

    store.delete(CONFIG_MAPS, "shop", "owner", propagation=propagation)

    assert names(store) == left
    if left:
        assert "ownerReferences" not in store.get(CONFIG_MAPS, "shop", "child")["metadata"]


def test_a_dependent_with_another_living_owner_only_loses_the_reference(store: Store) -> None:
    first, second = store.create(CONFIG_MAPS, config("first")), store.create(CONFIG_MAPS, config("second"))
    store.create(CONFIG_MAPS, config("child", ownerReferences=owned_by(first, second)))

    store.delete(CONFIG_MAPS, "shop", "first")

    references = store.get(CONFIG_MAPS, "shop", "child")["metadata"]["ownerReferences"]
    assert [each["name"] for each in references] == ["second"]


def test_foreground_deletion_waits_for_a_blocking_dependent(store: Store) -> None:
    owner = store.create(CONFIG_MAPS, config("owner"))
    child = config("child", ownerReferences=owned_by(owner, blocking=True), finalizers=["example.com/hold"])
    store.create(CONFIG_MAPS, child)

    held = store.delete(CONFIG_MAPS, "shop", "owner", propagation="Foreground")
    both = names(store)
    store.merge(CONFIG_MAPS, "shop", "child", {"metadata": {"finalizers": None}})

    assert held is not None
    assert held["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert both == ["child", "owner"]
    assert names(store) == []


def test_jobs_leave_their_pods_behind_when_nobody_says_otherwise(store: Store) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    job = store.create(JOBS, {"metadata": {"name": "once", "namespace": "shop"}, "spec": {"template": template}})
    pod = {"metadata": {"name": "once-1", "namespace": "shop", "ownerReferences": owned_by(job)}, "spec": template["spec"]}
    store.create(PODS, pod)

    store.delete(JOBS, "shop", "once", propagation="")

    assert names(store, PODS) == ["once-1"]


def test_garbage_without_an_owner_is_collected(store: Store) -> None:
    ghost = {"metadata": {"name": "ghost", "uid": "never-was"}}
    store.create(CONFIG_MAPS, config("child", ownerReferences=owned_by(ghost)))

    assert collect_garbage(store) == 1
    assert names(store) == []


def test_a_deleted_namespace_takes_its_contents_with_it(store: Store) -> None:
    store.create(DEPLOYMENTS, deployment())

    assert store.delete(NAMESPACES, None, "shop") is None
    assert store.list(DEPLOYMENTS) == []
    with pytest.raises(NotFound):
        store.get(NAMESPACES, None, "shop")


def test_a_namespace_stays_terminating_while_something_in_it_holds_out(store: Store) -> None:
    store.create(CONFIG_MAPS, config("one", finalizers=["example.com/hold"]))

    held = store.delete(NAMESPACES, None, "shop")
    with pytest.raises(Forbidden, match="because it is being terminated"):
        store.create(CONFIG_MAPS, config("two"))
    store.merge(CONFIG_MAPS, "shop", "one", {"metadata": {"finalizers": None}})

    assert held is not None
    assert held["status"]["phase"] == "Terminating"
    with pytest.raises(NotFound):
        store.get(NAMESPACES, None, "shop")


def test_system_namespaces_cannot_be_deleted(store: Store) -> None:
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        store.delete(NAMESPACES, None, "kube-system")


def test_every_namespace_has_a_service_account(store: Store) -> None:
    assert store.get(bootstrap.SERVICE_ACCOUNTS, "shop", "default")["metadata"]["name"] == "default"


def test_two_versions_of_an_autoscaler_are_one_object(store: Store) -> None:
    first = Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 4, "targetCPUUtilizationPercentage": 60}
    store.create(first, {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

    second = store.get(HORIZONTAL_POD_AUTOSCALERS, "shop", "web")

    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    assert second["apiVersion"] == "autoscaling/v2"
    assert second["spec"]["metrics"] == [{"type": "Resource", "resource": cpu}]
    assert store.get(first, "shop", "web")["spec"]["targetCPUUtilizationPercentage"] == 60


def test_two_event_groups_share_their_storage(store: Store) -> None:
    there = Resource("events.k8s.io", "v1", "events", "Event")
    regarding = {"kind": "Pod", "name": "web", "namespace": "shop"}
    store.create(there, {"metadata": {"name": "e", "namespace": "shop"}, "regarding": regarding, "note": "hello"})

    here = store.get(EVENTS, "shop", "e")

    assert (here["involvedObject"], here["message"]) == (regarding, "hello")
    assert store.get(there, "shop", "e")["note"] == "hello"


def test_changes_since_tells_every_write_in_order(store: Store) -> None:
    start = store.rv
    store.create(CONFIG_MAPS, config("one"))
    store.create(DEPLOYMENTS, deployment())
    store.merge(CONFIG_MAPS, "shop", "one", {"data": {"a": "b"}})
    store.delete(CONFIG_MAPS, "shop", "one")

    changes = [(kind, resource.plural, name) for kind, resource, _, name in store.changes_since(start)]

    assert changes == [
        ("ADDED", "configmaps", "one"),
        ("ADDED", "deployments", "web"),
        ("MODIFIED", "configmaps", "one"),
        ("DELETED", "configmaps", "one"),
    ]


def test_changes_before_a_compaction_are_gone(store: Store) -> None:
    start = store.rv
    store.create(CONFIG_MAPS, config("one"))
    store.compact()

    with pytest.raises(Gone, match="too old resource version"):
        store.changes_since(start)
    assert store.changes_since(store.rv) == []


def test_trusted_writes_skip_the_rules_and_keep_the_status(store: Store) -> None:
    pod = {"metadata": {"name": "p", "namespace": "shop"}, "spec": {}, "status": {"phase": "Running"}}

    made = store.create(PODS, pod, trusted=True)
    made["spec"] = {"nodeName": "n1"}
    store.update(PODS, made, trusted=True)

    stored = store.get(PODS, "shop", "p")
    assert made is pod
    assert (stored["spec"], stored["status"]) == ({"nodeName": "n1"}, {"phase": "Running"})


@pytest.mark.parametrize("name", ["cronjobs", "CronJob", "cj", "cronjob", "cronjobs.batch"])
def test_resources_are_found_by_the_names_people_type(store: Store, name: str) -> None:
    assert store.resource_for(name) == CRON_JOBS


def test_the_same_seed_gives_the_same_uids() -> None:
    first, second = (Store(SimClock(datetime(2026, 3, 23, tzinfo=UTC)), seed=4) for _ in range(2))

    assert first.new_uid() == second.new_uid()


def test_a_finalizer_of_its_own_outlives_foreground_deletion(store: Store) -> None:
    owner = store.create(CONFIG_MAPS, config("owner", finalizers=["example.com/hold"]))
    store.create(CONFIG_MAPS, config("child", ownerReferences=owned_by(owner, blocking=True)))

    store.delete(CONFIG_MAPS, "shop", "owner", propagation="Foreground")

    assert names(store) == ["owner"]
    assert store.get(CONFIG_MAPS, "shop", "owner")["metadata"]["finalizers"] == ["example.com/hold"]
    assert store.delete(CONFIG_MAPS, "shop", "owner") is not None
    store.merge(CONFIG_MAPS, "shop", "owner", {"metadata": {"finalizers": []}})
    assert names(store) == []


def test_owners_of_owners(store: Store) -> None:
    top = store.create(CONFIG_MAPS, config("top"))
    middle = store.create(CONFIG_MAPS, config("middle", ownerReferences=owned_by(top)))
    store.create(CONFIG_MAPS, config("bottom", ownerReferences=owned_by(middle)))

    store.delete(CONFIG_MAPS, "shop", "top")

    assert names(store) == []


@pytest.mark.parametrize(("propagation", "match"), [("Sideways", "invalid propagation policy")])
def test_an_unknown_propagation_is_refused(store: Store, propagation: str, match: str) -> None:
    store.create(CONFIG_MAPS, config("one"))

    with pytest.raises(Invalid, match=match):
        store.delete(CONFIG_MAPS, "shop", "one", propagation=propagation)


def test_what_is_not_there_cannot_be_changed_or_deleted(store: Store) -> None:
    for change in (
        lambda: store.update(CONFIG_MAPS, config("none")),
        lambda: store.update(CONFIG_MAPS, config("none"), trusted=True),
        lambda: store.merge(CONFIG_MAPS, "shop", "none", {}),
        lambda: store.delete(CONFIG_MAPS, "shop", "none"),
    ):
        with pytest.raises(NotFound, match=r'configmaps "none" not found'):
            change()


def test_a_patch_cannot_move_an_object(store: Store) -> None:
    store.create(CONFIG_MAPS, config("one"))

    for metadata in ({"name": "two"}, {"namespace": "default"}, "text"):
        with pytest.raises(Invalid):
            store.merge(CONFIG_MAPS, "shop", "one", {"metadata": metadata})


def test_a_namespace_keeps_its_name_label(store: Store) -> None:
    changed = store.merge(NAMESPACES, None, "shop", {"metadata": {"labels": None}})

    assert changed["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}


def test_a_stale_trusted_write_is_a_conflict(store: Store) -> None:
    old = store.create(CONFIG_MAPS, config("one"))
    store.merge(CONFIG_MAPS, "shop", "one", {"data": {"a": "b"}})

    with pytest.raises(Conflict):
        store.update(CONFIG_MAPS, old, trusted=True)
    with pytest.raises(AlreadyExists):
        store.create(CONFIG_MAPS, config("one"), trusted=True)


def test_counting_and_listing_types(store: Store) -> None:
    assert store.count(NAMESPACES) == 5
    assert {CONFIG_MAPS, NAMESPACES, EVENTS} <= set(store.resources())
    assert not any(resource.group == "metrics.k8s.io" for resource in store.resources())


@pytest.mark.parametrize(
    ("name", "group", "found"),
    [
        ("events", None, ""),
        ("events", "events.k8s.io", "events.k8s.io"),
        ("events.events.k8s.io", None, "events.k8s.io"),
        ("pods", "", ""),
        ("pods", "metrics.k8s.io", "metrics.k8s.io"),
        ("hpa", "autoscaling", "autoscaling"),
    ],
)
def test_a_group_chooses_among_types_of_one_name(store: Store, name: str, group: str | None, found: str) -> None:
    assert store.resource_for(name, group).group == found


def test_a_type_that_nobody_serves(store: Store) -> None:
    with pytest.raises(NotFound, match="could not find the requested resource"):
        store.list(Resource("none.example.com", "v1", "things", "Thing"))
