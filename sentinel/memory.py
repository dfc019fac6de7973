"""Memory of the process: how much it holds and may hold, and how the C library treats what is free again.

What is free is kept between batches, and given back when the last one is done.

glibc returns arrays of the size of a column to the system as soon as they are free, and clearing fresh pages for the
next ones took a tenth of an analysis. Another C library has other ways, and is left alone.
Source: mallopt(3), malloc_trim(3), proc(5), cgroups(7).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

KEPT = 48 << 20
"""Bytes at the end of a thread's memory that are kept."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MAX_MMAP_THRESHOLD = 32 << 20
"""The largest that glibc takes."""
_MMAP_THRESHOLD = 128 << 10
"""That of glibc itself."""


def keep() -> None:
    """From now on keep what is freed, up to KEPT; for programs, not for libraries, since it holds to their end."""
    adjust = _function("mallopt")
    if adjust is not None:
        adjust(_M_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD)
        adjust(_M_TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """Return to the system what is free."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def spare() -> None:
    """Take `keep` back: from now on what is freed is returned at once, which takes time."""
    adjust = _function("mallopt")
    if adjust is not None:
        adjust(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
        adjust(_M_TRIM_THRESHOLD, _MMAP_THRESHOLD)


def held() -> int:
    """Bytes of memory that the process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def allowed(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that the service manager lets the process use, by its control group (version 2); 0: there is no bound."""
    try:
        place = next(line[3:] for line in groups.read_text(encoding="utf-8").splitlines() if line.startswith("0::"))
        said = (root / place.strip("/") / "memory.max").read_text(encoding="ascii").strip()
    except (OSError, StopIteration, ValueError):
        return 0
    return int(said) if said.isdecimal() else 0


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library; None where it has no such one."""
    if os.name != "posix":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
