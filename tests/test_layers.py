"""The import contracts of pyproject.toml, run with the tests so that nobody can forget them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_import_contracts_hold() -> None:
    """Layers, pure decision modules, and who may import what."""
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_controller_module_is_listed_as_pure_or_as_shell() -> None:
    """A new module has to be put on one of the two lists, so that no decision module escapes the purity contract."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    pure = next(c for c in config["importlinter"]["contracts"] if c.get("id") == "pure")["source_modules"]
    listed = {*pure, *config["kube-thrift"]["shell_modules"]}

    found = {
        f"{package}.{path.stem}"
        for package in ("downscaler", "janitor", "resource_report")
        for path in (ROOT / package).glob("*.py")
        if path.stem != "__init__"
    }

    assert found - listed == set()
    assert listed - found - {name for name in listed if name.startswith("shared.")} == set()
