"""Which version runs, whether its core is compiled, and whether that was compiled from the sources beside it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from sentinel.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
CORE = "sentinel.wire.reader"
"""A module of the core: compiled where the core is."""


def compiled() -> bool:
    """Whether the core that would be imported is the compiled one."""
    spec = importlib.util.find_spec(CORE)
    origin = spec.origin if spec is not None else None
    return origin is not None and origin.endswith(tuple(EXTENSION_SUFFIXES))


def stale() -> list[str]:
    """Sources that changed since the compiled core was built from them; empty for the uncompiled one."""
    record = ROOT / "sentinel" / "build.json"
    if not compiled() or not record.is_file():
        return []
    sources = json.loads(record.read_text(encoding="utf-8"))["sources"]
    return sorted(name for name, digest in sources.items() if _differs(ROOT / name, digest))


def line() -> str:
    """One line for `--version`."""
    build = "compiled" if compiled() else "uncompiled"
    return f"sentinel {VERSION} ({build}, {platform.python_implementation()} {platform.python_version()})"


def _differs(path: Path, digest: str) -> bool:
    # An installed wheel may leave a source out: then there is nothing to compare with.
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest
