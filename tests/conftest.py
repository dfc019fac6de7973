"""What every test may use, and what stops a run before it misleads: stale extensions, or the wrong leg.

The suite runs twice (Makefile): compiled as it ships, and uncompiled. `SENTINEL_PURE` names the leg that is wanted:
0 the compiled one, 1 the uncompiled one; unset, whatever the tree holds is tested.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import hypothesis
import pytest
from assessed_case import client_assessment, client_case  # noqa: F401  (fixtures)
from update_files import Keys

ROOT = Path(__file__).resolve().parents[1]
CORE = ("sentinel/wire", "parsers")
SOURCES = (
    "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "sentinel", "parsers", "detectors",
    "rulesets", "pcaps",
)  # fmt: skip
"""What a wheel is made of."""
CAPTURES = Path(os.environ.get("SENTINEL_CAPTURES") or ROOT.parent / "shared" / "captures")
NO_CAPTURES = f"no shared captures at {CAPTURES} (SENTINEL_CAPTURES names the folder)"
NO_TSHARK = "tshark is not installed"
PERSONAL = ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "SENTINEL_LANG", "SENTINEL_CASE", "SENTINEL_OBSERVER",
            "SENTINEL_RULESETS", "SENTINEL_KEYS", "SENTINEL_WEBHOOK_SECRET")  # fmt: skip
"""Variables by which a person says what is usual here: tests that want one set it."""


# The same examples in every run, however slow the machine: a failure is a failure of the change that is tested. New
# examples are tried with `pytest --hypothesis-profile=default`, and by the fuzzers.
hypothesis.settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")


def core_is_compiled() -> bool:
    """Whether this tree holds extensions that this interpreter would import."""
    return any((ROOT / f"sentinel/wire/reader{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def stale_sources() -> list[str]:
    """Core sources that are new, gone or changed since the extensions were built; empty for an uncompiled tree."""
    if not core_is_compiled():
        return []
    stamp = ROOT / "sentinel/build.json"
    built = json.loads(stamp.read_text(encoding="utf-8"))["sources"] if stamp.exists() else {}
    files = [p for d in CORE for p in (ROOT / d).glob("*.p[yx]*") if p.name != "__init__.py"]
    now = {str(p.relative_to(ROOT)): hashlib.sha256(p.read_bytes()).hexdigest() for p in (*files, ROOT / "setup.py")}
    return sorted(name for name in built.keys() | now.keys() if built.get(name) != now.get(name))


def pytest_configure() -> None:
    # what an update put in place on this machine is not what is tested, nor are the settings of whoever runs the tests
    os.environ["SENTINEL_UPDATES"] = str(ROOT / "build/no-updates")
    for name in PERSONAL:
        os.environ.pop(name, None)
    os.environ["LANG"] = "C.UTF-8"
    stale = stale_sources()
    if stale:
        pytest.exit(f"The compiled core is older than {', '.join(stale)}: run `make build`.", returncode=4)
    wanted = os.environ.get("SENTINEL_PURE")
    if wanted == "0" and not core_is_compiled():
        pytest.exit("The compiled leg was asked for, but the core is not compiled: run `make build`.", returncode=4)
    if wanted == "1" and core_is_compiled():
        pytest.exit("The uncompiled leg was asked for, but extensions stand beside the sources.", returncode=4)


def pytest_report_header() -> list[str]:
    lines = [f"sentinel: {'compiled' if core_is_compiled() else 'uncompiled'} leg"]
    if not CAPTURES.is_dir():
        lines.append(f"skipped: tests on real captures: {NO_CAPTURES}")
    if not shutil.which("tshark"):
        lines.append(f"skipped: tests that ask tshark: {NO_TSHARK}")
    if not core_is_compiled():
        lines.append("skipped: tests of the wheel: they belong to the compiled leg")
    return lines


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("tshark") and not shutil.which("tshark"):
        pytest.skip(NO_TSHARK)
    if item.get_closest_marker("wheel") and not core_is_compiled():
        pytest.skip("a wheel is built on the compiled leg")


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures; skips where it is not there."""
    if not CAPTURES.is_dir():
        pytest.skip(NO_CAPTURES)
    return CAPTURES


@pytest.fixture(scope="session")
def pcaps() -> Path:
    """The captures that this project generated."""
    return ROOT / "pcaps"


@pytest.fixture
def tmp_case(tmp_path: Path) -> Path:
    """Where a case may be made; nothing is there yet."""
    return tmp_path / "case"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of loopback that refuses connections, and that no other program opens while the test runs.

    A server that allows its address to be used again (SO_REUSEADDR, as those of `http.server` do) may listen on it.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A pair of keys that signs."""
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def other_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A pair of keys that nobody trusts."""
    return Keys.make(tmp_path_factory.mktemp("other-keys"))


def copied(source: Path, target: Path) -> None:
    """Copy a file or folder with its times, and let it be written to."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        return
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, made in a copy; what the compiled leg built already is not compiled again."""
    tree, folder = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    translated, compiled = ROOT.glob("build/cython-*/**/*.[cj]*"), ROOT.glob("build/lib*/**/*.so")
    for source in (*(ROOT / name for name in SOURCES), *translated, *compiled):
        copied(source, tree / source.relative_to(ROOT))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True, env=os.environ | {"SENTINEL_PURE": "0"})
    assert run.returncode == 0, run.stdout + run.stderr
    (path,) = folder.glob("*.whl")
    return path
