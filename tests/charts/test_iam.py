"""The IAM policies that come with the chart: exactly the calls that the code makes, recorded as botocore makes them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.handlers
import pytest
from botocore import xform_name

from janitor.archive import Entry, Kept
from janitor.config import Backup
from janitor.sinks import open_sink, prune
from resource_report.output import OutputFolder
from resource_report.prices import NodeShape, PriceSettings, load_price_book
from resource_report.publish import Target, publish
from tests.aws import moto_server, use_test_credentials
from tests.charts.rendering import CHART
from tests.resource_report.pricing_standin import PricingStandIn, product

ROOT = CHART.parents[1]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NODE = NodeShape("aws", "eu-central-1", "eu-central-1b", "m6i.large", "spot", 2, 8 * 2**30, instance_id="i-0123456789abcdef0")
# Where the action that IAM knows has another name than the call.
ACTIONS = {"s3:ListObjectsV2": "s3:ListBucket"}
# Modules of each controller that reach AWS, with the services they use.
SERVICES = {"report": ("pricing", "ec2", "s3"), "janitor": ("s3",)}
MODULES = {
    "report": ["aws_prices", "aws_spot", "publish"],
    "janitor": ["sinks"],
}
PACKAGES = {"report": "resource_report", "janitor": "janitor"}


def policy(controller: str) -> list[dict[str, Any]]:
    document = json.loads((CHART / "files" / f"iam-policy-{controller}.json").read_text())
    assert document["Version"] == "2012-10-17"
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    statements: list[dict[str, Any]] = document["Statement"]
    return statements


def actions(controller: str) -> list[str]:
    found: list[str] = []
    for statement in policy(controller):
        action = statement["Action"]
        found += [action] if isinstance(action, str) else action
    return found


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The IAM actions of every call that any session makes, as they are made."""
    made: set[str] = set()

    def record(model: Any, **_: Any) -> None:
        call = f"{model.service_model.endpoint_prefix.replace('api.pricing', 'pricing')}:{model.name}"
        made.add(ACTIONS.get(call, call))

    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, ("before-call", record)])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    use_test_credentials(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto_server() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", url)
        boto3.client("s3").create_bucket(Bucket="bucket")
        made.clear()
        yield made


def test_the_report_may_do_what_it_does(calls: set[str], tmp_path: Path) -> None:
    with PricingStandIn([product("m6i.large", 0.1151)]) as pricing:
        settings = PriceSettings(live_aws=True, cache_dir=tmp_path / "cache", price_endpoint=pricing.url, timeout=120)
        load_price_book(settings, [NODE], now=NOW)
    (tmp_path / "out").mkdir()
    for name in ("a.html", "b.html"):
        with OutputFolder(tmp_path / "out") as folder:
            folder.write(name, b"x")
            folder.finish()
        publish(tmp_path / "out", Target("bucket", "prod"))

    assert calls == set(actions("report"))


def test_the_janitor_may_do_what_it_does(calls: set[str]) -> None:
    backup = Backup("s3://bucket/janitor")
    sink = open_sink(backup, None)  # type: ignore[arg-type]  # S3 needs no cluster
    sink.save(Entry(id="20260301t000000z.configmaps.a.1", reason="ttl", objects=[Kept(kind="ConfigMap", name="a", manifest={})]))
    sink.load(next(iter(sink.ids())))
    assert prune(sink, backup, NOW + timedelta(days=365)) == 1

    assert calls == set(actions("janitor"))


@pytest.mark.parametrize("controller", SERVICES)
def test_no_other_call_is_written_down_in_the_code(controller: str) -> None:
    """Every name of an AWS operation in a module that reaches boto3, also one that no test here leads to."""
    operations = {}
    for service in SERVICES[controller]:
        model = boto3.session.Session(region_name="us-east-1").client(service).meta.service_model
        operations |= {xform_name(name): f"{service}:{name}" for name in model.operation_names}
    words: set[str] = set()
    for module in MODULES[controller]:
        tree = ast.parse((ROOT / PACKAGES[controller] / f"{module}.py").read_text())
        words |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        words |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = {operations[word] for word in words & operations.keys()}
    assert {ACTIONS.get(call, call) for call in named} == set(actions(controller))


@pytest.mark.parametrize("controller", SERVICES)
def test_every_module_that_reaches_boto3_is_looked_at(controller: str) -> None:
    imports = re.compile(r"^\s*(?:import|from) boto", re.MULTILINE)
    found = [path.stem for path in (ROOT / PACKAGES[controller]).glob("*.py") if imports.search(path.read_text())]
    assert set(found) == set(MODULES[controller])


@pytest.mark.parametrize("controller", SERVICES)
def test_nothing_is_allowed_by_a_pattern(controller: str) -> None:
    """Prices and instances cannot be narrowed by resource; everything in S3 is."""
    assert len(actions(controller)) == len(set(actions(controller)))
    for statement in policy(controller):
        assert "*" not in json.dumps(statement["Action"])
        assert (statement["Resource"] == "*") is not ("s3:" in json.dumps(statement["Action"]))
