"""Who may do what: tokens, certificates, rules, and real RBAC objects."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.simcluster import SimCluster, tls
from shared.simcluster.client import Client

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RBAC = "rbac.authorization.k8s.io/v1"
READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


@pytest.fixture
def admin(sim: SimCluster) -> Iterator[Client]:
    with sim.client() as made:
        yield made


def status_of(sim: SimCluster, token: str, method: str, path: str, body: object = None) -> int:
    with Client(sim.url, tls.authority().pem.decode(), token) as client:
        return client.call(method, path, body).status


def role(kind: str, name: str, rules: list[dict[str, Any]], namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": RBAC, "kind": kind, "metadata": metadata, "rules": rules}


def binding(kind: str, role_kind: str, subject: dict[str, str], namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": "bound"} | ({"namespace": namespace} if namespace else {})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": "reader"}
    return {"apiVersion": RBAC, "kind": kind, "metadata": metadata, "roleRef": reference, "subjects": [subject]}


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "PATCH",
            f"{DEPLOYMENTS}/web",
            'deployments.apps "web" is forbidden: User "bob" cannot patch resource "deployments" in API group "apps" '
            'in the namespace "shop"',
        ),
        (
            "GET",
            DEPLOYMENTS,
            'deployments.apps is forbidden: User "bob" cannot list resource "deployments" in API group "apps" '
            'in the namespace "shop"',
        ),
        (
            "GET",
            "/api/v1/nodes?watch=1",
            'nodes is forbidden: User "bob" cannot watch resource "nodes" in API group "" at the cluster scope',
        ),
        (
            "GET",
            f"{DEPLOYMENTS}/web/scale",
            'deployments.apps "web" is forbidden: User "bob" cannot get resource "deployments/scale" in API group "apps" '
            'in the namespace "shop"',
        ),
        (
            "GET",
            "/apis/none.example.com/v1/things",
            'things.none.example.com is forbidden: User "bob" cannot list resource "things" in API group "none.example.com" '
            "at the cluster scope",
        ),
        ("GET", "/metrics", 'forbidden: User "bob" cannot get path "/metrics"'),
    ],
)
def test_refusals_are_worded_as_kubernetes_words_them(sim: SimCluster, method: str, path: str, message: str) -> None:
    sim.add_user("bob")
    with sim.client("bob") as client:
        reply = client.call(method, path, {} if method == "PATCH" else None)

    assert (reply.status, reply.json["reason"], reply.json["message"]) == (403, "Forbidden", message)


def test_credentials_that_are_wrong_or_expired(sim: SimCluster) -> None:
    short = sim.add_user("bob", expires=sim.clock.now() + timedelta(hours=1))
    before = status_of(sim, short, "GET", "/api")
    sim.clock.advance(timedelta(hours=2))

    assert before == 200
    assert status_of(sim, short, "GET", "/api") == 401
    assert status_of(sim, "nonsense", "GET", "/api") == 401


def test_without_credentials_only_health_and_version_are_open(sim: SimCluster) -> None:
    with sim.client(None) as nobody:
        assert [nobody.call("GET", path).status for path in ("/version", "/readyz", "/livez", "/healthz")] == [200] * 4
        refused = nobody.call("GET", "/api/v1/pods")

    assert refused.status == 403
    assert 'User "system:anonymous"' in refused.json["message"]


@pytest.mark.parametrize(
    ("rules", "method", "path", "status"),
    [
        ([READ_PODS], "GET", "/api/v1/pods", 200),
        ([READ_PODS], "GET", "/api/v1/pods?watch=1", 403),
        ([READ_PODS], "DELETE", "/api/v1/namespaces/shop/pods", 403),
        ([{**READ_PODS, "namespace": "shop"}], "GET", "/api/v1/namespaces/shop/pods", 200),
        ([{**READ_PODS, "namespace": "shop"}], "GET", "/api/v1/pods", 403),
        ([{**READ_PODS, "resources": ["*"]}], "GET", "/api/v1/configmaps", 200),
        ([{**READ_PODS, "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], "GET", "/apis/apps/v1/deployments", 200),
        ([{**READ_PODS, "resources": ["configmaps"], "resourceNames": ["kube-root-ca.crt"]}], "GET", "/api/v1/configmaps", 403),
        (
            [{**READ_PODS, "resources": ["configmaps"], "resourceNames": ["kube-root-ca.crt"]}],
            "GET",
            "/api/v1/namespaces/shop/configmaps/kube-root-ca.crt",
            200,
        ),
        (
            [{**READ_PODS, "resources": ["configmaps"], "resourceNames": ["kube-root-ca.crt"]}],
            "GET",
            "/api/v1/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt",
            200,
        ),
        ([{**READ_PODS, "resources": ["namespaces"], "namespace": "shop"}], "GET", "/api/v1/namespaces/shop", 200),
        ([{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}], "GET", "/metrics", 404),
    ],
)
def test_rules_given_to_a_user(sim: SimCluster, rules: list[dict[str, Any]], method: str, path: str, status: int) -> None:
    assert status_of(sim, sim.add_user("bob", rules=rules), method, path) == status


@pytest.mark.parametrize(
    ("objects", "here", "everywhere"),
    [
        ([], 403, 403),
        (
            [
                role("Role", "reader", [READ_PODS], "shop"),
                binding("RoleBinding", "Role", {"kind": "User", "name": "bob"}, "shop"),
            ],
            200,
            403,
        ),
        (
            [
                role("ClusterRole", "reader", [READ_PODS]),
                binding("RoleBinding", "ClusterRole", {"kind": "Group", "name": "devs"}, "shop"),
            ],
            200,
            403,
        ),
        (
            [
                role("ClusterRole", "reader", [READ_PODS]),
                binding("ClusterRoleBinding", "ClusterRole", {"kind": "User", "name": "bob"}),
            ],
            200,
            200,
        ),
        ([binding("ClusterRoleBinding", "ClusterRole", {"kind": "User", "name": "bob"})], 403, 403),
        (
            [
                role("ClusterRole", "reader", [READ_PODS]),
                binding("ClusterRoleBinding", "ClusterRole", {"kind": "User", "name": "ann"}),
            ],
            403,
            403,
        ),
    ],
    ids=["nothing", "role", "cluster role in one namespace", "cluster role", "role is missing", "somebody else"],
)
def test_rbac_objects(sim: SimCluster, objects: list[dict[str, Any]], here: int, everywhere: int) -> None:
    token = sim.add_user("bob", groups=["devs"])
    for obj in objects:
        sim.create(obj)

    assert status_of(sim, token, "GET", "/api/v1/namespaces/shop/pods") == here
    assert status_of(sim, token, "GET", "/api/v1/pods") == everywhere


def test_taking_a_binding_away_takes_effect_at_once(sim: SimCluster) -> None:
    token = sim.add_user("bob")
    sim.create(role("ClusterRole", "reader", [READ_PODS]))
    sim.create(binding("ClusterRoleBinding", "ClusterRole", {"kind": "User", "name": "bob"}))
    before = status_of(sim, token, "GET", "/api/v1/pods")
    sim.delete("clusterrolebindings", None, "bound")

    assert (before, status_of(sim, token, "GET", "/api/v1/pods")) == (200, 403)


def test_a_service_account_may_what_its_bindings_say(sim: SimCluster) -> None:
    token = sim.service_account_token("shop", "default")
    sim.create(role("ClusterRole", "reader", [READ_PODS]))
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "shop"}
    sim.create(binding("ClusterRoleBinding", "ClusterRole", subject))

    assert status_of(sim, token, "GET", "/api/v1/pods") == 200
    assert status_of(sim, token, "GET", "/api/v1/secrets") == 403


def test_tokens_asked_for_over_the_api_expire(sim: SimCluster, admin: Client) -> None:
    path = "/api/v1/namespaces/shop/serviceaccounts/default/token"
    made = admin.call("POST", path, {"spec": {"expirationSeconds": 600}})
    refused = admin.call("POST", path, {"spec": {"expirationSeconds": 5}})
    token = made.json["status"]["token"]
    before = status_of(sim, token, "GET", "/api")
    sim.clock.advance(timedelta(minutes=11))

    assert (made.status, refused.status, before) == (201, 422, 200)
    assert status_of(sim, token, "GET", "/api") == 401


def test_a_client_certificate_is_an_identity(sim: SimCluster, tmp_path: Path) -> None:
    certificate, key = sim.client_certificate("carol", ["devs"])
    (tmp_path / "crt").write_bytes(certificate)
    (tmp_path / "key").write_bytes(key)
    context = ssl.create_default_context(cafile=sim.ca_file)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")

    with Client(sim.url, "", context=context) as client:
        who = client.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}).json["status"]["userInfo"]

    assert who == {"username": "carol", "groups": ["devs", "system:authenticated"]}


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"), [("list", "pods", True), ("delete", "pods", False), ("list", "secrets", False)]
)
def test_access_reviews(sim: SimCluster, verb: str, resource: str, allowed: bool) -> None:
    sim.add_user("bob", rules=[READ_PODS])
    with sim.client("bob") as client:
        attributes = {"verb": verb, "resource": resource, "namespace": "shop"}
        reply = client.call("POST", ACCESS, {"spec": {"resourceAttributes": attributes}})

    assert (reply.status, reply.json["status"]["allowed"]) == (201, allowed)


def test_rules_reviews_list_what_is_allowed(sim: SimCluster) -> None:
    sim.add_user("bob", rules=[READ_PODS])
    with sim.client("bob") as client:
        reply = client.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": "shop"}})

    assert READ_PODS in reply.json["status"]["resourceRules"]
    assert any("/version" in rule["nonResourceURLs"] for rule in reply.json["status"]["nonResourceRules"])


def test_others_are_reviewed_by_name(admin: Client, sim: SimCluster) -> None:
    sim.add_user("bob", rules=[READ_PODS])
    spec = {"user": "bob", "resourceAttributes": {"verb": "list", "resource": "pods"}}

    assert admin.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}).json["status"]["allowed"]


def test_impersonation_needs_a_right_of_its_own(sim: SimCluster, admin: Client) -> None:
    sim.add_user("bob", rules=[READ_PODS])
    sim.add_user("ann", rules=[{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}])
    acting = {"Impersonate-User": "ann"}

    assert admin.call("GET", "/api/v1/pods", headers=acting).status == 403
    with sim.client("bob") as bob, sim.client("ann") as ann:
        assert bob.call("GET", "/api/v1/pods", headers=acting).status == 403
        assert ann.call("GET", "/api/v1/pods", headers={"Impersonate-User": "bob"}).status == 200
    assert sim.requests[-1].user == "bob"


def test_acting_as_a_service_account_brings_its_groups(sim: SimCluster, admin: Client) -> None:
    sim.create(role("ClusterRole", "reader", [READ_PODS]))
    sim.create(binding("ClusterRoleBinding", "ClusterRole", {"kind": "Group", "name": "system:serviceaccounts:shop"}))

    statuses = [
        admin.call("GET", "/api/v1/pods", headers={"Impersonate-User": f"system:serviceaccount:{account}"}).status
        for account in ("shop:default", "default:default")
    ]

    assert statuses == [200, 403]


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("view", "GET", "/api/v1/pods", 200),
        ("view", "GET", "/api/v1/secrets", 403),
        ("view", "DELETE", "/api/v1/namespaces/shop/pods", 403),
        ("edit", "GET", "/api/v1/secrets", 200),
        ("edit", "DELETE", "/api/v1/namespaces/shop/pods", 200),
        ("edit", "GET", "/api/v1/nodes", 403),
        ("cluster-admin", "GET", "/api/v1/nodes", 200),
    ],
)
def test_the_default_roles(sim: SimCluster, name: str, method: str, path: str, status: int) -> None:
    token = sim.add_user("bob")
    bound = binding("ClusterRoleBinding", "ClusterRole", {"kind": "User", "name": "bob"})
    bound["roleRef"]["name"] = name
    sim.create(bound)

    assert status_of(sim, token, method, path) == status


def test_rbac_can_be_switched_off() -> None:
    with SimCluster(rbac=False) as sim:
        assert status_of(sim, sim.add_user("bob"), "GET", "/api/v1/secrets") == 200
