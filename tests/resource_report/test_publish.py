"""What a copy sends, keeps and removes, against moto's server over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from resource_report.main import main
from resource_report.output import MANIFEST, OutputFolder
from resource_report.publish import Copied, Target, parse_target, publish
from shared.errors import ThriftError, ValueProblem
from shared.simcluster import SimCluster
from tests.aws import moto_server, use_test_credentials
from tests.resource_report.clusters import node, pod

TARGET = Target("pages", "reports/prod")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a server with the empty bucket `pages`; the code under test finds it by the environment alone."""
    use_test_credentials(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto_server() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        client = boto3.client("s3")
        client.create_bucket(Bucket="pages")
        yield client


def written(folder: Path, **files: str) -> Path:
    """A report of *files*; two underscores in a name stand for a dot, three for a slash."""
    folder.mkdir(exist_ok=True)
    with OutputFolder(folder) as output:
        for name, text in files.items():
            output.write(name.replace("___", "/").replace("__", "."), text.encode())
        output.finish()
    return folder


def keys(s3: Any) -> list[str]:
    return sorted(item["Key"] for item in s3.list_objects_v2(Bucket="pages").get("Contents", ()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://pages", Target("pages")),
        ("s3://pages/", Target("pages")),
        (" s3://my.pages-1/a/b=c/ ", Target("my.pages-1", "a/b=c")),
    ],
)
def test_a_target_is_read(text: str, expected: Target) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize(
    "text", ["", "pages", "s3://", "s3://P", "s3://a", "https://pages/x", "s3://pages/../x", "s3://pages/a b", "s3://pages/a//b"]
)
def test_anything_else_is_one_line(text: str) -> None:
    with pytest.raises(ValueProblem, match="accepted: s3://BUCKET"):
        parse_target(text)


def test_only_what_changed_is_sent_and_only_what_was_ours_is_removed(s3: Any, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (tmp_path / "out").mkdir()
    (folder / "data").mkdir()
    (folder / "data" / "usage").write_text("not for the world")
    s3.put_object(Bucket="pages", Key="reports/prod/theirs.html", Body=b"x")

    first = publish(written(folder, index__html="1", team_a__html="a", assets___report__js="js"), TARGET)
    again = publish(folder, TARGET)
    last = publish(written(folder, index__html="2", assets___report__js="js"), TARGET)

    assert (first, again, last) == (Copied(3, 0, 0), Copied(0, 3, 0), Copied(1, 1, 1))
    names = ["assets/report.js", "index.html", "theirs.html", MANIFEST]
    assert keys(s3) == sorted(f"reports/prod/{name}" for name in names)
    assert s3.get_object(Bucket="pages", Key="reports/prod/index.html")["Body"].read() == b"2"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index__html", "text/html; charset=utf-8"),
        ("pods__tsv", "text/tab-separated-values; charset=utf-8"),
        ("tables___pods_1__js", "text/javascript; charset=utf-8"),
        ("assets___icon__svg", "image/svg+xml"),
        ("metrics__json", "application/json"),
        ("usage__parquet", "application/octet-stream"),
    ],
)
def test_every_file_says_what_it_is(s3: Any, tmp_path: Path, name: str, kind: str) -> None:
    publish(written(tmp_path / "out", **{name: "x"}), Target("pages"))
    about = s3.head_object(Bucket="pages", Key=name.replace("___", "/").replace("__", "."))
    assert (about["ContentType"], about["CacheControl"]) == (kind, "no-cache")


def test_a_list_that_somebody_wrote_removes_nothing_outside(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="pages", Key="reports/secret", Body=b"x")
    s3.put_object(Bucket="pages", Key=f"reports/prod/{MANIFEST}", Body=b'{"files": {"../secret": "1", "a/../../secret": "1"}}')
    assert publish(written(tmp_path / "out", index__html="1"), TARGET).removed == 0
    assert "reports/secret" in keys(s3)


def test_a_bucket_that_is_not_there_is_one_line(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(ThriftError, match="^--publish s3://other: .*NoSuchBucket.*$") as problem:
        publish(written(tmp_path / "out", index__html="1"), Target("other"))
    assert "\n" not in str(problem.value)


def test_the_command_publishes_what_it_wrote(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with SimCluster() as sim:
        sim.namespace("shop")
        sim.create(node("n1", cpu="4", memory="16Gi"))
        sim.create(pod("shop", "web-1", cpu="1", memory="2Gi", labels={"application": "web"}))
        kubeconfig = str(sim.write_kubeconfig(tmp_path / "kubeconfig"))
        command = [str(folder), "--kubeconfig-path", kubeconfig, "--aws-prices=off"]
        assert main([*command, "--publish=s3://pages/prod"]) == 0
        assert main([*command, "--publish=s3://missing/prod"]) == 1

    there = {f"prod/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file() and "data" not in path.parts}
    assert set(keys(s3)) == there
    assert "--publish s3://missing/prod: " in capsys.readouterr().err


def test_a_target_that_cannot_be_read_ends_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), "--publish=gs://pages"])
    assert stopped.value.code == 2
    assert "--publish: 'gs://pages' is not understood" in capsys.readouterr().err
