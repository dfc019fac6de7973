"""How the C library treats memory that is free again: kept between batches, given back when the last one is done.

glibc returns arrays of the size of a column to the system as soon as they are free, and clearing fresh pages for the
next ones took a tenth of an analysis. Another C library has other ways, and is left alone.
Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import os
from collections.abc import Callable

KEPT = 48 << 20
"""Bytes at the end of a thread's memory that are kept."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MAX_MMAP_THRESHOLD = 32 << 20
"""The largest that glibc takes."""


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


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library; None where it has no such one."""
    if os.name != "posix":
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
