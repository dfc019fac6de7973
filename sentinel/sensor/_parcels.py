"""What workers and the process with the case say to each other: a name, JSON, and arrays in memory that changes hands.

A message is one packet of a local socket. What is large goes beside it, in a file without a name (memfd) whose
descriptor is handed over: written once, read where it lies. The receiver gets a copy of its own where it writes.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SMALL = 1 << 15
"""Bytes of JSON that go into the packet itself."""


@dataclass(slots=True)
class Parcel:
    """One message."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def send(
    out: socket.socket, name: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
) -> None:
    """Send one; waits while the socket is full. OSError where the other side is gone."""
    text = json.dumps([name, values]).encode("ascii")
    if not arrays and len(text) <= SMALL:
        out.send(b"j" + text)
        return
    held = os.memfd_create("sentinel-parcel", os.MFD_CLOEXEC)
    try:
        with open(held, "wb", closefd=False) as file:
            places = [
                (key, array.dtype.str, array.shape, array.nbytes, "F" if _by_columns(array) else "C")
                for key, array in (arrays or {}).items()
            ]
            head = json.dumps([name, values, places]).encode("ascii")
            file.write(len(head).to_bytes(8, "little") + head + bytes(-len(head) % 8))
            for array in (arrays or {}).values():
                if array.size:  # as it lies, by columns or by rows
                    file.write(np.ascontiguousarray(array.T if _by_columns(array) else array).data)
                file.write(bytes(-array.nbytes % 8))
        socket.send_fds(out, [b"m"], [held])
    finally:
        os.close(held)


def _by_columns(array: np.ndarray) -> bool:
    """Whether the cells of a column lie together, and not those of a row."""
    return array.ndim == 2 and array.strides[0] < array.strides[1]


def receive(source: socket.socket) -> Parcel | None:
    """The next one; None where the other side has ended. Waits for it."""
    try:
        data, held, _, _ = socket.recv_fds(source, SMALL + 1024, 1)
    except ConnectionResetError:
        return None
    if not data:
        return None
    if not held:
        name, values = json.loads(data[1:])
        return Parcel(name, values)
    try:
        memory = mmap.mmap(held[0], 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        for one in held:
            os.close(one)
    size = int.from_bytes(memory[:8], "little")
    name, values, places = json.loads(memory[8 : 8 + size])
    at = 8 + size + -size % 8
    arrays = {}
    for key, dtype, shape, length, order in places:
        arrays[key] = np.frombuffer(memory, np.dtype(dtype), int(np.prod(shape)), at).reshape(shape, order=order)
        at += length + -length % 8
    return Parcel(name, values, arrays)
