"""The wheel holds everything that the program needs, and works where nothing else of the tree is."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from sentinel.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
DATA = {"rulesets": "sentinel/rulesets", "pcaps": "sentinel/pcaps"}
"""Folder of the tree -> where the wheel has it (setup.cfg, package_dir)."""


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def expected_in_wheel() -> set[str]:
    """Every file of the tree that a wheel must hold, by its name there."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    files = {"sentinel/py.typed", "sentinel/build.json", f"sentinel/_cyutility{suffix}"}
    for top in ("sentinel", "parsers", "detectors"):
        files |= {str(p.relative_to(ROOT)) for p in (ROOT / top).rglob("*.p[yx]*") if p.suffix in (".py", ".pxd")}
    for name in json.loads((ROOT / "sentinel/build.json").read_text("utf-8"))["compiled"]:
        files.add(name.removesuffix(".py") + suffix)
    files |= {f"sentinel/report/report.{suffix}" for suffix in ("css", "html", "js", "typ")}
    for folder, place in DATA.items():
        found = (p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        files |= {f"{place}/{p.relative_to(ROOT / folder)}" for p in found}
    return files


def without_network() -> list[str]:
    """Words before a command that take the network from it, where this user may do that."""
    words = ["unshare", "--net"]
    allowed = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0
    return words if allowed else []


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    return folder


def sentinel(installed: Path, cwd: Path, *arguments: str) -> str:
    """Run the installed command in an empty folder, without a network, and return what it printed."""
    command = [*without_network(), sys.executable, str(installed / "bin/sentinel"), *arguments]
    environment = os.environ | {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(cwd / "cache")}
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_every_package_is_listed() -> None:
    listed = setup_cfg()["options"]["packages"].split()
    tops = (ROOT / top for top in ("detectors", "parsers", "sentinel"))
    found = {str(p.parent.relative_to(ROOT)).replace("/", ".") for top in tops for p in top.rglob("__init__.py")}
    assert listed == sorted(found | {place.replace("/", ".") for place in DATA.values()})


def test_every_folder_with_modules_is_a_package() -> None:
    tops = (ROOT / top for top in ("detectors", "parsers", "sentinel"))
    bare = {str(p.parent) for top in tops for p in top.rglob("*.py") if not (p.parent / "__init__.py").exists()}
    assert not bare


def test_every_requirement_is_pinned() -> None:
    config = setup_cfg()
    wanted = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    lines = [line for text in wanted for line in text.split("\n") if line.strip() and "sentinel-ics" not in line]
    names = {line.split(";")[0].split(">")[0].strip().lower() for line in lines if not line.startswith("#")}
    pins = (ROOT / "constraints.txt").read_text("utf-8").split("\n")
    assert names <= {pin.split("==")[0].lower() for pin in pins}, "run `make constraints`"


def test_changelog_names_the_version() -> None:
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.wheel
def test_wheel_holds_all_files_and_no_other(wheel: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    expected = expected_in_wheel()
    assert not expected - names, "missing from the wheel"
    assert not names - expected, "in the wheel, but not in the tree"


@pytest.mark.wheel
def test_wheel_carries_licence_and_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    licences = {n.rpartition("/")[2] for n in archive.namelist() if "/licenses/" in n}
    assert licences == {"LICENSE", "NOTICE"}
    (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    lines = archive.read(metadata).decode().split("\n")
    assert "Name: sentinel-ics" in lines and f"Version: {VERSION}" in lines
    assert "License-Expression: Apache-2.0" in lines


@pytest.mark.wheel
def test_installed_command_is_the_compiled_build(installed: Path, tmp_path: Path) -> None:
    line = sentinel(installed, tmp_path, "--version")
    assert VERSION in line and "(compiled" in line


@pytest.mark.wheel
def test_installed_command_analyses_its_demo_capture(installed: Path, tmp_path: Path) -> None:
    capture = installed / "sentinel/pcaps/plant-attack.pcapng"
    summary = json.loads(sentinel(installed, tmp_path, "analyze", str(capture), "--case", "case", "--json"))
    assert summary["frames"] > 0
    assert summary["alerts"], "the rules of the wheel found nothing in a capture with an attack"
    assert (tmp_path / "case/case.db").exists()
