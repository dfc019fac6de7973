"""Writes pcapng: enough of draft-ietf-opsawg-pcapng for evidence with comments, little-endian, nanoseconds."""

from __future__ import annotations

import struct
from typing import BinaryIO

MAX_COMMENT = 4000
"""Bytes of a comment; an option could hold 65,535."""

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_END, _COMMENT = (0, b""), 1
_SHB_USERAPPL, _IF_DESCRIPTION, _IF_TSRESOL, _EPB_PACKETID = 4, 3, 9, 5


class PcapngWriter:
    """One section: interfaces as they are needed, packets with their own comment and original frame number."""

    def __init__(self, file: BinaryIO, comment: str, application: str):
        self._file = file
        self._interfaces: dict[tuple[int, str], int] = {}
        # 4.1: byte-order magic, version 1.0, section length not given
        head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        self._block(_SECTION, head + _options((_COMMENT, _text(comment)), (_SHB_USERAPPL, _text(application))))

    def interface(self, link: int, description: str) -> int:
        """Number of the interface of that link type and description, described at its first use (4.2)."""
        key = (link, description)
        if key not in self._interfaces:
            self._interfaces[key] = len(self._interfaces)
            body = struct.pack("<HHI", link & 0xFFFF, 0, 0)  # a snap length of 0 is no limit
            self._block(_INTERFACE, body + _options((_IF_DESCRIPTION, _text(description)), (_IF_TSRESOL, b"\x09")))
        return self._interfaces[key]

    def packet(self, interface: int, time_ns: int, wire: int, data: bytes, frame: int, comment: str = "") -> None:
        """One packet (4.3): `wire` bytes long when it was captured, `frame` its number in the original capture."""
        ticks = max(time_ns, 0)
        head = struct.pack("<IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), max(wire, len(data)))
        options = [(_EPB_PACKETID, struct.pack("<Q", frame))]
        if comment:
            options.insert(0, (_COMMENT, _text(comment)))
        self._block(_PACKET, head + _padded(data) + _options(*options))

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + length + body + length)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in (*options, _END))


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def _text(text: str) -> bytes:
    """UTF-8, cut between characters."""
    return text.encode("utf-8", "replace")[:MAX_COMMENT].decode("utf-8", "ignore").encode("utf-8")
