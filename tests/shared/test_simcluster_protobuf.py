"""Reading Kubernetes' protobuf bodies. What kubectl itself sends is tested in test_simcluster_kubectl.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.simcluster import SimCluster
from shared.simcluster.protobuf import MAGIC, ProtobufError, read_object
from shared.simcluster.protobuf_types import MESSAGES


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


METADATA = field(1, field(1, "web") + field(3, "") + field(11, field(1, "app") + field(2, "x")) + field(8, field(1, 1774224000)))


def test_a_deployment() -> None:
    container = (
        field(1, "a")
        + field(2, "b")
        + field(6, field(2, 0) + field(3, 80))
        + field(8, field(2, field(1, "cpu") + field(2, field(1, "100m"))))
    )
    pod = field(2, container) + field(4, 0) + field(11, 0)
    rolling = field(1, field(1, 1) + field(2, 0) + field(3, "25%")) + field(2, field(1, 0) + field(2, 3))
    spec = field(1, 0) + field(3, field(2, pod)) + field(4, field(1, "RollingUpdate") + field(2, rolling)) + field(7, 0)

    obj = read_object(body("apps/v1", "Deployment", METADATA + field(2, spec)))

    assert obj == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "x"}, "creationTimestamp": "2026-03-23T00:00:00Z"},
        "spec": {
            "replicas": 0,
            "template": {
                "spec": {
                    "containers": [
                        {"name": "a", "image": "b", "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": "100m"}}}
                    ],
                    "terminationGracePeriodSeconds": 0,
                }
            },
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 3}},
        },
    }


def test_inlined_messages_negative_numbers_and_bytes() -> None:
    volume = field(1, "v") + field(2, field(19, field(1, field(1, "cm")) + field(3, 420)))
    pod = read_object(body("v1", "Pod", METADATA + field(2, field(1, volume) + field(25, -5))))
    secret = read_object(body("v1", "Secret", METADATA + field(2, field(1, "k") + field(2, b"\x00\xff"))))

    assert pod["spec"] == {"volumes": [{"name": "v", "configMap": {"name": "cm", "defaultMode": 420}}], "priority": -5}
    assert secret["data"] == {"k": "AP8="}


def test_unknown_fields_of_any_wire_type_are_skipped() -> None:
    extra = field(99, 7) + field(98, "text") + varint(97 << 3 | 1) + b"12345678" + varint(96 << 3 | 5) + b"1234"

    assert read_object(body("v1", "Namespace", METADATA + extra))["metadata"]["name"] == "web"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        MAGIC,
        body("v1", "Mystery", b""),
        body("v1", "Namespace", METADATA)[:-3],
        body("v1", "Namespace", b"\x0b"),
        body("v1", "Namespace", field(1, 5)),
        body("v1", "Namespace", field(1, field(1, b"\xff\xfe"))),
        MAGIC + b"\xff" * 12,
    ],
)
def test_what_cannot_be_read(damaged: bytes) -> None:
    with pytest.raises(ProtobufError):
        read_object(damaged)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(data: bytes) -> None:
    for kind in ("Deployment", "Secret", "SelfSubjectAccessReview"):
        try:
            read_object(body("v1", kind, data))
        except ProtobufError:
            continue


def test_every_message_that_is_named_is_defined() -> None:
    plain = {"string", "int", "bool", "bytes", "IntOrString", "Time", "Quantity"}

    assert {each.type for fields in MESSAGES.values() for each in fields.values()} - plain <= set(MESSAGES)


def test_an_unreadable_body_is_an_unsupported_media_type(sim: SimCluster) -> None:
    with sim.client() as client:
        reply = client.call("POST", "/api/v1/namespaces", b"k8s", {"Content-Type": "application/vnd.kubernetes.protobuf"})

    assert (reply.status, reply.json["reason"]) == (415, "UnsupportedMediaType")
