"""Whatever a client sends, the server answers as an API server would: never with a failure of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.simcluster import bootstrap
from shared.simcluster.api import Api
from shared.simcluster.clock import SimClock
from shared.simcluster.rbac import MASTERS, Identity
from shared.simcluster.store import Store
from shared.simcluster.wire import Request

FIELDS = (
    *("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "resourceVersion", "uid", "managedFields"),
    *(
        "generateName",
        "replicas",
        "selector",
        "matchLabels",
        "template",
        "metadata",
        "spec",
        "status",
        "containers",
        "image",
        "ports",
    ),
    *("env", "resources", "requests", "limits", "strategy", "type", "schedule", "jobTemplate", "scaleTargetRef", "minReplicas"),
    *(
        "metrics",
        "target",
        "resource",
        "versions",
        "names",
        "group",
        "scope",
        "schema",
        "kind",
        "apiVersion",
        "$patch",
        "$retainKeys",
    ),
    *("involvedObject", "roleRef", "subjects", "rules", "data", "stringData", "conditions", "storage", "served", "plural"),
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "web", "%", "-1", "*/5 * * * *", "\u2028", "a/b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)
BODY = st.fixed_dictionaries(
    {}, optional={"metadata": ODD, "spec": ODD, "status": ODD, "data": ODD, "roleRef": ODD, "rules": ODD}
)
COLLECTIONS = (
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/default/services",
    "/api/v1/namespaces/default/secrets",
    "/api/v1/namespaces/default/events",
    "/apis/events.k8s.io/v1/namespaces/default/events",
    "/apis/apps/v1/namespaces/default/deployments",
    "/apis/apps/v1/namespaces/default/statefulsets",
    "/apis/batch/v1/namespaces/default/jobs",
    "/apis/batch/v1/namespaces/default/cronjobs",
    "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PATCHES = ("merge-patch+json", "json-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
DEPLOYMENT = {
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
    },
}


class Caller:
    """Requests straight into the API, as the administrator."""

    def __init__(self) -> None:
        store = Store(SimClock(datetime(2026, 3, 23, tzinfo=UTC)))
        bootstrap.install(store)
        self.api = Api(store)
        self.token = self.api.users.add_token(Identity("admin", (MASTERS,)))

    def __call__(self, method: str, path: str, body: Any = None, kind: str = "json", query: dict[str, str] | None = None) -> int:
        headers = {"authorization": f"Bearer {self.token}", "content-type": f"application/{kind}", "accept": TABLE}
        data = b"" if body is None else msgspec.json.encode(body)
        outcome = self.api.handle(Request(method=method, path=path, query=query or {}, headers=headers, body=data))
        assert outcome.response is not None
        return outcome.response.status


@pytest.fixture(scope="module")
def call() -> Caller:
    return Caller()


@settings(max_examples=300, deadline=None)
@given(body=BODY | ODD, path=st.sampled_from(COLLECTIONS), strict=st.sampled_from(["Strict", "Warn", "Ignore"]))
def test_create(call: Caller, body: Any, path: str, strict: str) -> None:
    assert call("POST", path, body, query={"fieldValidation": strict}) < 500
    assert call("GET", path) < 500


@settings(max_examples=300, deadline=None)
@given(body=BODY | ODD, kind=st.sampled_from(PATCHES), below=st.sampled_from(["", "/status", "/scale"]))
def test_patch(call: Caller, body: Any, kind: str, below: str) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    call("POST", path, DEPLOYMENT)

    assert call("PATCH", f"{path}/web{below}", body, kind, {"fieldManager": "me"}) < 500
    assert call("PUT", f"{path}/web{below}", body) < 500
    assert call("DELETE", f"{path}/web", body) < 500


@settings(max_examples=200, deadline=None)
@given(
    path=st.text(alphabet="/apisv1%2Fdeloymnt.", max_size=40),
    query=st.dictionaries(
        st.sampled_from(["limit", "continue", "labelSelector", "fieldSelector", "resourceVersion", "dryRun", "timeoutSeconds"]),
        st.text(max_size=8),
    ),
)
def test_paths_and_queries(call: Caller, path: str, query: dict[str, str]) -> None:
    assert call("GET", f"/{path}", query=query) < 500
    assert call("GET", "/api/v1/pods", query={key: value for key, value in query.items() if key != "resourceVersion"}) < 500
