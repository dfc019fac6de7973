"""Fuzz input to traffic: bytes as pieces of a conversation, and pieces as frames with right headers around them.

A fuzzer that had to guess checksums and sequence numbers would never reach a parser, so what it mutates is a list of
pieces: one control byte, two bytes of length, then that many bytes (fewer where the input ends). Every input is a
list of pieces, and every list has an input (`joined`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

MAX_PIECES = 64

SIDE = 0x01
"""Sent by the server; without it, by the client."""
PORT = 0x06
"""Two bits: which of PORTS the server listens on."""
UDP = 0x08
GAP = 0x10
"""Bytes of the stream are missing before the piece."""
AGAIN = 0x20
"""The piece begins eight bytes too early: an overlap."""
MIDSTREAM = 0x40
"""No handshake, where it is the first piece of its connection; a FIN, where it is not."""
PAUSE = 0x80
"""Two seconds pass before the piece."""

PORTS = (502, 102, 20000, 40000)
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_FIN, _SYN, _PUSH, _ACK = 1, 2, 8, 16
_HOSTS = (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
_MACS = (bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))


def pieces(data: bytes) -> list[tuple[int, bytes]]:
    """(control, bytes) of each piece; at most MAX_PIECES."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < MAX_PIECES:
        length = int.from_bytes(data[at + 1 : at + 3], "big")
        found.append((data[at], data[at + 3 : at + 3 + length]))
        at += 3 + length
    return found


def joined(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """The input that `pieces` takes apart again; a piece holds at most 65535 bytes."""
    return b"".join(bytes([control]) + len(part).to_bytes(2, "big") + part for control, part in parts)


def pcap(frames: Iterable[tuple[int, bytes]]) -> bytes:
    """A capture of (time in microseconds, Ethernet frame)."""
    records = (struct.pack("<IIII", *divmod(t, 1_000_000), len(frame), len(frame)) + frame for t, frame in frames)
    return PCAP_HEADER + b"".join(records)


def conversation(data: bytes) -> bytes:
    """The capture of the conversations that the pieces of an input make."""
    clock = 1_700_000_000_000_000
    frames: list[tuple[int, bytes]] = []
    opened: dict[int, list[int]] = {}
    for control, part in pieces(data):
        clock += 2_000_000 if control & PAUSE else 1000
        side = control & SIDE
        ports = [49152, PORTS[(control & PORT) >> 1]]
        if control & UDP:
            length = 8 + len(part) if len(part) <= 65507 else 0
            frames.append((clock, _ip(side, 17, struct.pack(">HHHH", ports[side], ports[1 - side], length, 0) + part)))
            continue
        numbers = opened.get(ports[1])
        flags = _PUSH | _ACK
        if numbers is None:
            numbers = opened[ports[1]] = [1000, 5000]
            if not control & MIDSTREAM:
                frames.append((clock - 2, _tcp(0, ports, numbers, _SYN, b"")))
                numbers[0] += 1
                frames.append((clock - 1, _tcp(1, ports, numbers, _SYN | _ACK, b"")))
                numbers[1] += 1
        elif control & MIDSTREAM:
            flags |= _FIN
        if control & GAP:
            numbers[side] += 100
        if control & AGAIN:
            numbers[side] -= 8
        frames.append((clock, _tcp(side, ports, numbers, flags, part)))
        numbers[side] += len(part)
    return pcap(frames)


def _tcp(side: int, ports: list[int], numbers: list[int], flags: int, payload: bytes) -> bytes:
    """One TCP segment as a frame; the engine does not read its checksum, so it is zero."""
    sequence, acknowledged = numbers[side] & 0xFFFFFFFF, numbers[1 - side] & 0xFFFFFFFF if flags & _ACK else 0
    head = struct.pack(">HHIIBBHHH", ports[side], ports[1 - side], sequence, acknowledged, 0x50, flags, 8192, 0, 0)
    return _ip(side, 6, head + payload)


def _ip(side: int, protocol: int, body: bytes) -> bytes:
    """One Ethernet frame with an IPv4 packet; a total length that does not fit is zero, as offload leaves it."""
    total = 20 + len(body) if len(body) <= 65515 else 0
    head = struct.pack(">BBHHHBBH", 0x45, 0, total, 0, 0x4000, 64, protocol, 0) + _HOSTS[side] + _HOSTS[1 - side]
    return _MACS[1 - side] + _MACS[side] + b"\x08\x00" + head + body
