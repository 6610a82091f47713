"""Services, Ingresses and Gateways: down to nothing that costs, and back to exactly what they were. On the embedded cluster."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from downscaler.beside import NOTHING, Originals
from downscaler.exposure import AWS_TYPE, INGRESS_CLASS, SERVICE, SOURCE_RANGES
from downscaler.keys import ORIGINAL, ORIGINAL_FIELDS, TARGET
from downscaler.sizes import KINDS
from downscaler.workloads import Workload
from shared.errors import ValueProblem
from shared.kinds import INGRESSES
from shared.simcluster.faults import Fault

HTTP = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "web"}
HTTPS = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 8443, "appProtocol": "https"}
DNS = [{"name": f"dns-{each.lower()}", "port": 53, "protocol": each, "targetPort": 53} for each in ("TCP", "UDP")]
GATEWAYS = KINDS["gateways"].resource


def create(world: Any, api: str, kind: str, spec: dict[str, Any], name: str = "web", **annotations: str) -> dict[str, Any]:
    """The object as the server has completed it; annotations without a slash are the downscaler's."""
    own = {key if "/" in key else f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()}
    meta = {"name": name, "namespace": "shop", "annotations": own}
    made: dict[str, Any] = world.sim.create({"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec})
    return made


def service(world: Any, spec: dict[str, Any], name: str = "web", **annotations: str) -> dict[str, Any]:
    return create(world, "v1", "Service", {"selector": {"app": "web"}, "ports": [HTTP], **spec}, name, **annotations)


def ingress(world: Any, spec: dict[str, Any], name: str = "web", **annotations: str) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    return create(world, "networking.k8s.io/v1", "Ingress", {"defaultBackend": backend, **spec}, name, **annotations)


def gateway(world: Any, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
    served = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"plural": "gateways", "kind": "Gateway"}
    definition = {"group": GATEWAYS.group, "scope": "Namespaced", "names": names, "versions": [served]}
    meta = {"name": GATEWAYS.name}
    world.sim.create(
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": definition}
    )
    return create(world, GATEWAYS.api_version, "Gateway", spec, **annotations)


def night(world: Any, kinds: str, *flags: str) -> Any:
    world.pass_time(hours=1)
    return world.controller(f"--include-resources={kinds}", "--default-downtime=always", *flags)


def now(world: Any, kind: str = "services", name: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = world.sim.get(KINDS[kind].resource, "shop", name)
    return found


def annotations(world: Any, kind: str = "services", name: str = "web") -> dict[str, str]:
    found: dict[str, str] = now(world, kind, name)["metadata"].get("annotations") or {}
    return found


BALANCED = {"type": "LoadBalancer"}
LOCAL = {**BALANCED, "externalTrafficPolicy": "Local", "loadBalancerClass": "service.k8s.aws/nlb"}
PORTLESS = {**BALANCED, "allocateLoadBalancerNodePorts": False, "loadBalancerSourceRanges": ["10.0.0.0/8", "192.0.2.0/24"]}
EXPOSED: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("a load balancer", BALANCED, {}),
    ("its class, policy and port of health checks", LOCAL, {}),
    ("its source ranges, without ports on the nodes", PORTLESS, {}),
    ("its source ranges by annotation", BALANCED, {SOURCE_RANGES: "10.0.0.0/8", "example.org/other": "stays"}),
    ("its address", {**BALANCED, "loadBalancerIP": "192.0.2.1"}, {}),
    ("ports on the nodes that somebody chose", {**BALANCED, "ports": [{**HTTP, "nodePort": 30080}, HTTPS]}, {}),
    ("one number, two protocols", {**BALANCED, "ports": [{**DNS[0], "nodePort": 30053}, {**DNS[1], "nodePort": 30054}]}, {}),
    ("ports on the nodes", {"type": "NodePort", "ports": [{**HTTP, "nodePort": 30080}]}, {}),
    ("ports on the nodes, with a policy", {"type": "NodePort", "externalTrafficPolicy": "Local"}, {}),
]


@pytest.mark.parametrize(("spec", "own"), [row[1:] for row in EXPOSED], ids=[row[0] for row in EXPOSED])
def test_a_service_comes_back_as_it_was(world: Any, spec: dict[str, Any], own: dict[str, str]) -> None:
    before = service(world, spec, **own)

    assert night(world, "services").turn().ok

    asleep = now(world)
    assert asleep["spec"]["type"] == "ClusterIP"
    assert not asleep["spec"].keys() & {"externalTrafficPolicy", "loadBalancerClass", "loadBalancerSourceRanges"}
    assert all("nodePort" not in port for port in asleep["spec"]["ports"])
    assert (annotations(world)[ORIGINAL], annotations(world)[TARGET]) == (spec["type"], "ClusterIP")
    assert night(world, "services").turn().changed == 0

    assert world.controller("--include-resources=services").turn().ok
    assert now(world)["spec"] == before["spec"]
    assert annotations(world) == own


@pytest.mark.parametrize(
    "spec", [{}, {"clusterIP": "None"}, {"type": "ExternalName", "externalName": "db.example.org", "ports": []}]
)
def test_what_costs_nothing_is_left_alone(world: Any, spec: dict[str, Any]) -> None:
    before = service(world, spec)
    assert night(world, "services").turn().changed == 0
    assert now(world) == before


def test_only_what_would_not_come_by_itself_is_remembered(world: Any) -> None:
    before = service(world, LOCAL)
    night(world, "services").turn()
    assert json.loads(annotations(world)[ORIGINAL_FIELDS]) == {
        "externalTrafficPolicy": "Local",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "healthCheckNodePort": before["spec"]["healthCheckNodePort"],
        "nodePorts": {"80/TCP": before["spec"]["ports"][0]["nodePort"]},
    }


def test_ports_that_somebody_else_has_meanwhile_are_given_up(world: Any) -> None:
    before = service(world, {**LOCAL, "ports": [{**HTTP, "nodePort": 30080}]})
    night(world, "services").turn()
    world.sim.faults.add(Fault(verb="patch", resource="services", status=422, times=1))

    assert world.controller("--include-resources=services").turn().ok

    spec = now(world)["spec"]
    assert (spec["type"], spec["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert spec["ports"][0]["nodePort"] not in (None, before["spec"]["ports"][0]["nodePort"])
    assert annotations(world) == {}


def test_a_refusal_of_anything_else_is_a_failure(world: Any) -> None:
    service(world, BALANCED)
    night(world, "services").turn()
    world.sim.faults.add(Fault(verb="patch", resource="services", status=422))
    assert not world.controller("--include-resources=services").turn().ok
    assert now(world)["spec"]["type"] == "ClusterIP"
    assert annotations(world)[ORIGINAL] == "LoadBalancer"


def test_exposed_again_at_night_it_is_put_down_and_the_first_original_stays(world: Any) -> None:
    before = service(world, LOCAL)
    night(world, "services").turn()
    world.sim.patch("services", "shop", "web", {"spec": {"type": "NodePort", "ports": [{**HTTP, "nodePort": 30099}]}})
    night(world, "services").turn()
    assert now(world)["spec"]["type"] == "ClusterIP"
    assert annotations(world)[ORIGINAL] == "LoadBalancer"
    world.controller("--include-resources=services").turn()
    assert now(world)["spec"] == before["spec"]


def test_a_port_that_is_new_since_gets_a_port_of_its_own(world: Any) -> None:
    before = service(world, BALANCED)
    night(world, "services").turn()
    world.sim.patch("services", "shop", "web", {"spec": {"ports": [HTTP, HTTPS]}})
    assert world.controller("--include-resources=services").turn().ok
    first, second = now(world)["spec"]["ports"]
    assert first == before["spec"]["ports"][0]
    assert second["nodePort"] >= 30000


@pytest.mark.parametrize("text", ["[]", "{", '{"nodePorts":{"80/TCP":"x"}}', '{"maxReplicas":1.5}', ""])
def test_what_went_along_and_cannot_be_read_leaves_it_alone(world: Any, text: str, caplog: pytest.LogCaptureFixture) -> None:
    service(world, {}, **{ORIGINAL: "LoadBalancer", TARGET: "ClusterIP", ORIGINAL_FIELDS: text})
    world.controller("--include-resources=services").turn()
    assert now(world)["spec"]["type"] == "ClusterIP"
    assert f"annotation {ORIGINAL_FIELDS}={text!r} is not understood" in caplog.text


def test_what_somebody_else_writes_into_it_is_never_put_back(world: Any) -> None:
    text = json.dumps({"selector": {"app": "other"}, "externalIPs": ["192.0.2.9"], "externalTrafficPolicy": "Local"})
    service(world, {}, **{ORIGINAL: "LoadBalancer", ORIGINAL_FIELDS: text})
    world.controller("--include-resources=services").turn()
    spec = now(world)["spec"]
    assert (spec["type"], spec["externalTrafficPolicy"], spec["selector"]) == ("LoadBalancer", "Local", {"app": "web"})
    assert "externalIPs" not in spec


# ---- what GoKubeDownscaler has put down


@pytest.mark.parametrize("original", ["LoadBalancer", "NodePort"])
def test_a_service_of_the_other_tool_comes_up(world: Any, original: str) -> None:
    service(world, {}, original_replicas=original)
    assert world.controller("--include-resources=services").turn().ok
    assert now(world)["spec"]["type"] == original
    assert annotations(world) == {}


@pytest.mark.parametrize("original", ["nginx", "nginx-internal", "alb.v2"])
def test_an_ingress_of_the_other_tool_comes_up(world: Any, original: str) -> None:
    ingress(world, {"ingressClassName": "kube-downscaler-ingress-class"}, original_replicas=original)
    assert world.controller("--include-resources=ingresses").turn().ok
    assert now(world, "ingresses")["spec"]["ingressClassName"] == original


def test_a_gateway_of_the_other_tool_comes_up(world: Any) -> None:
    gateway(world, {"gatewayClassName": "kube-downscaler-gateway-class"}, original_replicas="aws-alb")
    assert world.controller("--include-resources=gateways").turn().ok
    assert now(world, "gateways")["spec"]["gatewayClassName"] == "aws-alb"


# ---- which Services


@pytest.mark.parametrize(
    ("kinds", "down"),
    [
        ("services", {"classic", "network", "external"}),
        ("awselbservices", {"classic", "external"}),
        ("awsnlbservices", {"network"}),
        ("awselbservices,awsnlbservices", {"classic", "network", "external"}),
        ("services,awsnlbservices", {"classic", "network", "external"}),
    ],
)
def test_which_services(world: Any, kinds: str, down: set[str]) -> None:
    service(world, BALANCED, "classic")
    service(world, BALANCED, "network", **{AWS_TYPE: "NLB"})
    service(world, BALANCED, "external", **{AWS_TYPE: "external"})

    result = night(world, kinds).turn()

    assert (result.ok, result.changed) == (True, len(down))
    assert {name for name in ("classic", "network", "external") if now(world, name=name)["spec"]["type"] == "ClusterIP"} == down


def test_everything_comes_back_once_whatever_is_included(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    for name, own in (("classic", {}), ("network", {AWS_TYPE: "nlb"})):
        service(world, BALANCED, name, **own)
    night(world, "services").turn()
    controller = world.controller("--include-resources=awsnlbservices", "--default-downtime=always", "--enable-events")
    controller.lasting_turn()
    assert caplog.text.count("is left asleep") == 1

    result = world.controller("--include-resources=awsnlbservices").command("restore-all")

    assert (result.ok, result.changed) == (True, 2)
    assert {now(world, name=name)["spec"]["type"] for name in ("classic", "network")} == {"LoadBalancer"}


# ---- Ingresses and Gateways


@pytest.mark.parametrize(
    ("spec", "own", "asleep"),
    [
        ({"ingressClassName": "nginx-internal"}, {}, ("kube-downscaler-ingress-class", None)),
        ({}, {INGRESS_CLASS: "alb"}, (None, "kube-downscaler-ingress-class")),
        ({}, {}, ("kube-downscaler-ingress-class", None)),
    ],
)
def test_an_ingress_comes_back_as_it_was(
    world: Any, spec: dict[str, Any], own: dict[str, str], asleep: tuple[str | None, str | None]
) -> None:
    before = ingress(world, spec, **own)
    assert night(world, "ingresses").turn().ok
    found = now(world, "ingresses")
    assert (found["spec"].get("ingressClassName"), annotations(world, "ingresses").get(INGRESS_CLASS)) == asleep
    assert night(world, "ingresses").turn().changed == 0

    assert world.controller("--include-resources=ingresses").turn().ok
    assert now(world, "ingresses")["spec"] == before["spec"]
    assert annotations(world, "ingresses") == own


def test_a_gateway_comes_back_as_it_was(world: Any) -> None:
    before = gateway(world, {"gatewayClassName": "aws-alb", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]})
    assert night(world, "gateways").turn().ok
    assert now(world, "gateways")["spec"] == before["spec"] | {"gatewayClassName": "kube-downscaler-gateway-class"}
    assert world.controller("--include-resources=gateways").turn().ok
    assert now(world, "gateways")["spec"] == before["spec"]


def test_gateways_are_passed_over_where_nobody_serves_them(world: Any) -> None:
    world.deployment()
    assert night(world, "deployments,gateways").turn().ok
    assert world.replicas() == 0


@pytest.mark.parametrize("policy", ["max", "always", "if-untouched"])
@pytest.mark.parametrize("by_hand", ["traefik", None])
def test_a_class_that_somebody_changed_at_night(world: Any, policy: str, by_hand: str | None) -> None:
    ingress(world, {"ingressClassName": by_hand}, original_replicas="nginx", downscaled_to="kube-downscaler-ingress-class")
    world.controller("--include-resources=ingresses", f"--restore-policy={policy}").turn()
    found = now(world, "ingresses")
    assert found["spec"].get("ingressClassName") == ("nginx" if policy == "always" else by_hand)
    assert annotations(world, "ingresses") == {}


def test_the_rights_of_the_manual_are_enough(world: Any) -> None:
    service(world, BALANCED)
    ingress(world, {"ingressClassName": "nginx"})
    rules = [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "patch"]},
        {"apiGroups": [INGRESSES.group], "resources": ["ingresses"], "verbs": ["get", "list", "patch"]},
    ]
    world.sim.add_user("narrow", rules=rules)
    world.pass_time(hours=1)
    controller = world.controller("--include-resources=services,ingresses", "--default-downtime=always", user="narrow")
    assert controller.turn().changed == 2


# ---- sizes in text


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("services", "LoadBalancer", "LoadBalancer"),
        ("services", " ExternalName ", "ExternalName"),
        ("services", "loadbalancer", None),
        ("services", "3", None),
        ("services", "", None),
        ("ingresses", "nginx-internal", "nginx-internal"),
        ("ingresses", "-1", "-1"),
        ("ingresses", "", None),
        ("ingresses", "a b", None),
        ("ingresses", "x" * 254, None),
        ("gateways", "istio", "istio"),
        ("gateways", "-1", None),
    ],
)
def test_recorded_originals(kind: str, text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueProblem, match="accepted"):
            KINDS[kind].parse_original(text)
    else:
        assert KINDS[kind].parse_original(text) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("LoadBalancer", "ClusterIP", 1),
        ("LoadBalancer", "NodePort", 1),
        ("ClusterIP", "NodePort", -1),
        ("NodePort", "NodePort", 0),
        ("ExternalName", "ClusterIP", 1),
        ("ClusterIP", "ExternalName", -1),
        ("ExternalName", "ExternalName", 0),
        ("ExternalName", "LoadBalancer", None),
    ],
)
def test_types_in_order(left: str, right: str, expected: int | None) -> None:
    assert KINDS["services"].compare(Workload(), left, right) == expected


def test_what_stays_as_it_is_has_nothing_to_remember() -> None:
    row = KINDS["services"]
    workload = msgspec.convert({"spec": {"type": "LoadBalancer", "ports": [{**HTTP, "nodePort": 30080}]}}, row.as_type)
    assert SERVICE.remember(workload, {}) == NOTHING
    assert SERVICE.remember(workload, {"spec": {}}) == Originals(node_ports={"80/TCP": 30080})
    assert not SERVICE.holds("ClusterIP", 1, NOTHING)


def test_a_gateway_without_a_class_has_no_size() -> None:
    row = KINDS["gateways"]
    assert row.read(msgspec.convert({"spec": {}}, row.as_type)) is None
