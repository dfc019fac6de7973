"""Waiting for what happens elsewhere, as long as a slow machine needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 120.0
"""Seconds until a test calls an event missing. Long, since it costs nothing where the event comes."""


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait until it is true; AssertionError where that takes longer."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen in {seconds:.0f} s"
        time.sleep(0.02)
