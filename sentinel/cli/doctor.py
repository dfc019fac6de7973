"""Check the installation: build, dependencies, plugins, tools, disk; say what to do where something is wrong."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from sentinel.cli import _build
from sentinel.cli._format import size
from sentinel.cli._settings import Settings, cache_folder, current
from sentinel.version import VERSION

REQUIRED = ("click", "Cython", "lz4", "netaddr", "numpy", "polars", "pysigma", "pyyaml", "rich", "zstandard")
"""What the core install of setup.cfg requires."""
OPTIONAL = ("py1815", "pymodbus", "pyshark", "python-snap7", "scapy", "yadnp3")
"""What its extras add for people who use Sentinel."""
PYTHON = ((3, 11), (3, 13))
LOW_DISK = 1_000_000_000
"""Bytes below which an analysis may run out of space."""
GOOD, NOTE, BAD = "ok", "note", "bad"
MARKS = {GOOD: ("✓", "green"), NOTE: ("·", "yellow"), BAD: ("✗", "bold red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `state`: ok, note (works, but less of it) or bad (mend it)."""

    what: str
    state: str
    said: str


@click.command(
    "doctor",
    help="""Check the installation: build, dependencies, plugins, tools, disk; say what to do where something is wrong.

    Exit code 0: Sentinel can work; 1: something must be mended.
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Print every finding; exit 1 where one is bad."""
    from rich.table import Table
    from rich.text import Text

    settings = current()
    findings = [finding for check in CHECKS for finding in check(settings)]
    table = Table.grid(padding=(0, 2, 0, 0))
    for finding in findings:
        mark, style = MARKS[finding.state]
        if not settings.quiet or finding.state == BAD:
            table.add_row(Text(mark, style), Text(finding.what), Text(finding.said))
    settings.out().print(table)
    ctx.exit(1 if any(finding.state == BAD for finding in findings) else 0)


def python(settings: Settings) -> Iterator[Finding]:
    """The interpreter, and whether it is one that Sentinel is tested with."""
    oldest, newest = PYTHON
    version = sys.version_info[:2]
    said = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if version < oldest:
        yield Finding("Python", BAD, settings.say("{said}: 3.11 or later is needed", said=said))
    elif version > newest:
        yield Finding("Python", NOTE, settings.say("{said}: later than those that Sentinel is tested with", said=said))
    else:
        yield Finding("Python", GOOD, said)


def build(settings: Settings) -> Iterator[Finding]:
    """The core: compiled or not, and built from the sources that lie there."""
    if not _build.compiled():
        said = settings.say("{version}, uncompiled: right, but slow; install without SENTINEL_PURE=1", version=VERSION)
        yield Finding("Sentinel", NOTE, said)
        return
    stale = _build.stale()
    if stale:
        say, file = settings.say, stale[0]
        said = say("{version}: {file} changed after it was compiled; run make build", version=VERSION, file=file)
        yield Finding("Sentinel", BAD, said)
    else:
        yield Finding("Sentinel", GOOD, settings.say("{version}, compiled", version=VERSION))


def dependencies(settings: Settings) -> Iterator[Finding]:
    """Packages: those that must be there, and those that add something."""
    for name in REQUIRED:
        version = _version(name)
        if version is None:
            yield Finding(name, BAD, settings.say("not installed; install Sentinel again"))
        else:
            yield Finding(name, GOOD, version)
    for name in OPTIONAL:
        version = _version(name)
        yield Finding(name, GOOD if version else NOTE, version or settings.say("not installed (optional)"))


def tshark(settings: Settings) -> Iterator[Finding]:
    """tshark, for the second opinion of `sentinel explain`."""
    path = shutil.which("tshark")
    said = path or settings.say("not installed (optional; sentinel explain shows its opinion beside Sentinel's)")
    yield Finding("tshark", GOOD if path else NOTE, said)


def seccomp(settings: Settings) -> Iterator[Finding]:
    """libseccomp, with which the sensor gives up system calls."""
    from sentinel.sensor.confine import version

    said = version() or settings.say("not installed (optional; with it the sensor gives up system calls)")
    yield Finding("libseccomp", GOOD if version() else NOTE, said)


def plugins(settings: Settings) -> Iterator[Finding]:
    """Parsers that were found, and each that is broken with its reason."""
    from sentinel.plugins import load_parsers

    found = load_parsers()
    names = ", ".join(protocol.name for protocol in found.protocols)
    yield Finding(settings.say("parsers"), GOOD if names else BAD, names or settings.say("none was found"))
    for broken in found.broken:
        yield Finding(settings.say("parser {name}", name=broken.name), BAD, broken.reason)


def data(settings: Settings) -> Iterator[Finding]:
    """Rules and knowledge that came with the program, with their editions."""
    from sentinel import resources

    try:
        rulesets = resources.rulesets()
    except FileNotFoundError as error:
        yield Finding(settings.say("data"), BAD, str(error))
        return
    rules = sum(1 for _ in (rulesets / "sigma").rglob("*.yml"))
    yield Finding(settings.say("rules"), GOOD if rules else BAD, f"{rules:,}")
    for path in sorted((rulesets / "knowledge").glob("*.json")):
        yield Finding(settings.say("knowledge"), GOOD, f"{path.stem}{_edition(path)}")


def disk(settings: Settings) -> Iterator[Finding]:
    """Where Sentinel writes: its cache, the temporary folder, and how much room there is."""
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
        yield Finding(settings.say("cache"), GOOD, str(cache))
    except OSError as error:
        why = error.strerror
        said = settings.say(
            "{path}: {error}; set SENTINEL_CACHE to a folder that can be written", path=cache, error=why
        )
        yield Finding(settings.say("cache"), NOTE, said)
    for folder in dict.fromkeys((Path.cwd(), Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        state = NOTE if free < LOW_DISK or not os.access(folder, os.W_OK) else GOOD
        yield Finding(settings.say("free space"), state, f"{size(free)}, {folder}")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    python, build, dependencies, tshark, seccomp, plugins, data, disk,
)  # fmt: skip


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _edition(path: Path) -> str:
    """The edition that a knowledge file names, if it does."""
    import json

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return f" ({error})"
    edition = content.get("edition") or content.get("version") if isinstance(content, dict) else None
    return f" {edition}" if edition else ""
