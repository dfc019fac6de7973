"""Frames of several ports in the order of time: a tap shows each direction at a port of its own.

The kernel hands over blocks of frames, so that what one port saw may come a little after what another one saw later.
An answer before its request has no request; so the newest frames wait until all ports had time to hand over older ones.
"""

from __future__ import annotations

import numpy as np

from sentinel.wire.ring import OVERHEAD, arrange, places

WAIT = 100_000_000
"""ns that a frame waits behind the newest one: more than the time after which the kernel hands over any block."""


class Order:
    """Takes packet blocks as they come, gives them out by time. A frame that comes later than WAIT stays late."""

    def __init__(self) -> None:
        self._held = b""
        self._newest = 0

    def __bool__(self) -> bool:
        """Whether frames wait."""
        return bool(self._held)

    def put(self, data: bytes) -> tuple[bytes, int]:
        """Add blocks; those that need not wait any longer, and how many frames they are."""
        data = self._held + data
        found = np.empty((len(data) // OVERHEAD, 3), np.int64)
        found = found[: places(data, found)]
        if len(found):
            self._newest = max(self._newest, int(found[:, 0].max()))
        found = found[np.argsort(found[:, 0], kind="stable")]
        ready = int(np.searchsorted(found[:, 0], self._newest - WAIT, side="right"))
        self._held = _arranged(data, found[ready:])
        return _arranged(data, found[:ready]), ready

    def rest(self) -> tuple[bytes, int]:
        """Everything that waits: nothing came for a while, or it is the end."""
        data, self._held = self._held, b""
        found = np.empty((len(data) // OVERHEAD, 3), np.int64)
        return data, places(data, found)


def _arranged(data: bytes, found: np.ndarray) -> bytes:
    out = bytearray(int(found[:, 2].sum()))
    arrange(data, np.ascontiguousarray(found), out)
    return bytes(out)
