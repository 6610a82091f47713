"""The output folder: whole files, only ours, nothing outside."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from resource_report.output import MANIFEST, OutputFolder
from shared.errors import ThriftError, UsageError


def _run(folder: Path, **files: str) -> OutputFolder:
    output = OutputFolder(folder)
    for name, text in files.items():
        output.write(name.replace("__", "/").replace("_html", ".html"), text.encode())
    output.finish()
    return output


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST}


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    _run(tmp_path, index_html="one", teams_html="same")
    before = (tmp_path / "teams.html").stat()

    second = _run(tmp_path, index_html="two", teams_html="same")

    assert (second.written, second.unchanged, second.removed) == (1, 1, 0)
    after = (tmp_path / "teams.html").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (tmp_path / "index.html").read_text() == "two"
    assert second.largest == ("teams.html", 4)


def test_stale_pages_go_and_foreign_files_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.html").write_text("mine")
    _run(tmp_path, index_html="one", team_old_html="x", tables__pods="y")
    second = _run(tmp_path, index_html="one")

    assert _names(tmp_path) >= {"notes.html", "index.html"}
    assert "tables/pods" not in _names(tmp_path)
    assert "team_old.html" not in _names(tmp_path)
    assert second.removed == 2


def test_a_stale_page_that_somebody_replaced_stays(tmp_path: Path) -> None:
    _run(tmp_path, index_html="one", old_html="ours")
    (tmp_path / "old.html").write_text("theirs now")

    assert _run(tmp_path, index_html="one").removed == 0
    assert (tmp_path / "old.html").read_text() == "theirs now"


@pytest.mark.parametrize(
    "name",
    [
        "../out.html",
        "/etc/passwd",
        "a/b.html",
        "tables/../../x",
        "tables/a/b",
        "..",
        "",
        ".hidden",
        "a\x00b",
        "a\n",
        "ü.html",
        "C:\\x",
    ],
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with OutputFolder(tmp_path) as output, pytest.raises(UsageError, match="not a name inside the output folder"):
        output.write(name, b"x")
    assert _names(tmp_path) == set()


@pytest.mark.parametrize("make", ["missing", "file"])
def test_the_folder_has_to_be_there(tmp_path: Path, make: str) -> None:
    path = tmp_path / "out"
    if make == "file":
        path.write_text("")
    with pytest.raises(UsageError, match=r"output_dir '.*out': not a folder; create it first"):
        OutputFolder(path)


def test_a_link_in_place_of_a_page_is_replaced_and_its_goal_left_alone(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "out"
    secret.write_text("untouched")
    folder.mkdir()
    (folder / "index.html").symlink_to(secret)

    _run(folder, index_html="page")

    assert secret.read_text() == "untouched"
    assert not (folder / "index.html").is_symlink()


def test_a_link_in_place_of_a_subfolder_is_refused(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "tables").symlink_to(elsewhere)

    with OutputFolder(folder) as output, pytest.raises(UsageError, match="tables is a link or no folder"):
        output.write("tables/pods-0.js", b"x")
    assert list(elsewhere.iterdir()) == []


def test_a_stale_file_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "out"
    folder.mkdir()
    _run(folder, tables__pods="x")
    (folder / "tables").rename(elsewhere)
    (folder / "tables").symlink_to(elsewhere)

    _run(folder, index_html="x")

    assert (elsewhere / "pods").exists()


@pytest.mark.parametrize(
    "manifest",
    [
        b"not json",
        b"[]",
        b'{"files": ["index.html"]}',
        json.dumps({"files": {"../victim": "x", "/etc/passwd": "x", "victim": 7}}).encode(),
    ],
)
def test_a_manifest_that_somebody_wrote_removes_nothing(tmp_path: Path, manifest: bytes) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for place in (tmp_path, folder):
        (place / "victim").write_text("x")
    (folder / MANIFEST).write_bytes(manifest)

    _run(folder, index_html="x")

    assert (tmp_path / "victim").exists()
    assert (folder / "victim").exists()


def test_what_a_killed_run_left_is_cleared_up(tmp_path: Path) -> None:
    leftover = tmp_path / f".kube-thrift-{'0' * 16}.tmp"
    leftover.write_text("half a page")
    lookalike = tmp_path / ".kube-thrift-notes.tmp"
    lookalike.write_text("mine")

    _run(tmp_path, index_html="x")

    assert not leftover.exists()
    assert lookalike.exists()


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()  # a folder cannot be replaced by a file

    with OutputFolder(tmp_path) as output, pytest.raises(ThriftError, match="index.html': Is a directory"):
        output.write("index.html", b"x")

    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        _run(tmp_path, index_html=str(number), tables__a="x")
    assert len(os.listdir("/proc/self/fd")) == before
