"""tshark's view of one frame, through pyshark: the second opinion of `sentinel explain`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.errors import InputError, MissingExtra

MAX_FIELDS = 400
"""Fields of one layer that are kept: one frame may carry thousands of values."""
DETAILED_BELOW = ("frame", "eth", "sll", "vlan", "ip", "ipv6", "tcp", "udp", "sctp")
"""Layers that are named but not spread out: Sentinel and tshark do not differ there."""


@dataclass(slots=True)
class Layer:
    """One protocol of a frame and its fields, in the order of their bytes, in tshark's words."""

    name: str
    fields: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Frame:
    """A frame as tshark decodes it; `ends` are its two (address, port) where it has such."""

    layers: list[Layer]
    ends: frozenset[tuple[str, int]]


def missing() -> MissingExtra | None:
    """None where tshark and pyshark are both there, otherwise what is missing."""
    if shutil.which("tshark") is None:
        return MissingExtra("tshark is not installed (Debian and Ubuntu: apt install tshark)")
    try:
        import pyshark  # noqa: F401
    except ImportError:
        return MissingExtra("pyshark is not installed (pip install 'sentinel-ics[oracle]')")
    return None


def frame(path: Path, number: int, decode_as: Mapping[str, str]) -> Frame | None:
    """Frame `number` (from 1) of a capture; None where tshark finds none.

    MissingExtra where tshark or pyshark is not installed, InputError where tshark cannot read the file.
    """
    lacking = missing()
    if lacking is not None:
        raise lacking
    import pyshark
    from pyshark.capture.capture import TSharkCrashException

    with _own_loop():
        capture = pyshark.FileCapture(
            str(path), display_filter=f"frame.number=={number}", keep_packets=False, decode_as=dict(decode_as),
            custom_parameters=["-n"],
        )  # fmt: skip
        try:
            packet = next(iter(capture), None)
            capture.close()
        except (TSharkCrashException, UnicodeDecodeError) as error:  # the latter: it complains of a name not in UTF-8
            # The process is gone; without this, pyshark complains about it again when the capture is collected.
            capture._running_processes.clear()
            raise InputError("tshark cannot read {path}: {why}", path=path, why=_last_line(str(error))) from error
    if packet is None:
        return None
    return Frame([_layer(layer) for layer in packet.layers], _ends(packet))


@contextmanager
def _own_loop() -> Iterator[None]:
    """An event loop for pyshark, which takes the thread's own and leaves it listening to the end of every process."""
    import asyncio

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _last_line(complaint: str) -> str:
    """What tshark itself said, out of pyshark's words around it."""
    lines = complaint.splitlines()
    said = [line.removeprefix("Last error line: ") for line in lines if line.startswith("Last error line: ")]
    return (said or lines or [""])[0][:200]


def _layer(layer) -> Layer:
    found = Layer(layer.layer_name)
    if layer.layer_name in DETAILED_BELOW:
        return found
    fields = [f for f in layer._get_all_fields_with_alternates() if not f.hide]
    # pyshark groups fields by name; their places bring back tshark's order, the wider field first.
    fields.sort(key=lambda f: (int(f.pos or 0), -int(f.size or 0)))
    found.fields = [str(f.showname or f.show) for f in fields[:MAX_FIELDS]]
    return found


def _ends(packet) -> frozenset[tuple[str, int]]:
    ip = getattr(packet, "ip", None) or getattr(packet, "ipv6", None)
    transport = getattr(packet, packet.transport_layer.lower(), None) if packet.transport_layer else None
    if ip is None or transport is None:
        return frozenset()
    return frozenset({(str(ip.src), int(transport.srcport)), (str(ip.dst), int(transport.dstport))})
