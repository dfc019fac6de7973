"""Blocks of a packet socket's ring, made by hand after linux/if_packet.h, read as pcapng."""

from __future__ import annotations

import io
import struct

import pytest

from sentinel.wire import ring
from sentinel.wire.capture import CaptureReader

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
NANO = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
INTERFACE = struct.pack("<IIHHI", 1, 20 + len(NANO), 1, 0, 0) + NANO + struct.pack("<I", 20 + len(NANO))


def packet(data: bytes, second: int = 7, nano: int = 5, status: int = 0, tci: int = 0, tpid: int = 0) -> bytes:
    head = struct.pack("<IIIIIIHHIIHH8x", 0, second, nano, len(data), len(data) + 100, status, 68, 82, 0, tci, tpid, 0)
    raw = head + bytes(20) + data
    raw += bytes(-len(raw) % 16)
    return struct.pack("<I", len(raw)) + raw[4:]


def block(*packets: bytes) -> bytes:
    body = b"".join(packets)
    return struct.pack("<IIIIIIQQQ", 3, 0, 1, len(packets), 48, 48 + len(body), 0, 0, 0)[:48] + body


def drained(raw: bytes, room: int = 1 << 16, skip: int = 0):
    out = bytearray(b"\xee" * room)
    done = ring.Drained()
    ring.drain(memoryview(raw), memoryview(out), 0, done, skip)
    return done, bytes(out[: done.at])


def records(blocks: bytes) -> list[tuple[int, int, bytes]]:
    reader = CaptureReader(io.BytesIO(SECTION + INTERFACE + blocks))
    found = []
    while reader.next():
        found.append((reader.time, reader.wire, reader.data()))
    assert reader.fault == 0
    return found


def test_packets_come_out_as_they_were() -> None:
    frames = [bytes([n]) * (60 + n) for n in range(9)]
    done, raw = drained(block(*(packet(f, second=n) for n, f in enumerate(frames))))
    assert records(raw) == [(n * 1_000_000_000 + 5, len(f) + 100, f) for n, f in enumerate(frames)]
    assert (done.frames, done.damaged, done.left) == (9, 0, 0)
    assert done.bytes == sum(len(f) + 100 for f in frames)


def test_the_tag_that_the_kernel_took_out_is_put_back() -> None:
    frame = bytes(range(60))
    _, raw = drained(block(packet(frame, status=ring.VLAN_VALID | ring.VLAN_TPID_VALID, tci=0x2064, tpid=0x88A8)))
    ((_, wire, data),) = records(raw)
    assert data == frame[:12] + b"\x88\xa8\x20\x64" + frame[12:]
    assert wire == 60 + 100 + 4
    _, plain = drained(block(packet(frame, status=ring.VLAN_VALID, tci=5)))
    assert records(plain)[0][2][12:16] == b"\x81\x00\x00\x05"


def test_a_full_buffer_says_how_many_wait() -> None:
    raw = block(*(packet(bytes([n]) * 60) for n in range(5)))
    done, first = drained(raw, room=220)
    assert (done.frames, done.left) == (2, 3)
    again, rest = drained(raw, skip=2)
    assert [data[0] for _, _, data in records(first + rest)] == [0, 1, 2, 3, 4]
    assert (again.frames, again.left) == (3, 0)


def test_padding_holds_nothing_of_what_was_there_before() -> None:
    _, raw = drained(block(packet(b"x" * 61)))
    assert b"\xee" not in raw


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13])
def test_short_packets_are_packets(length: int) -> None:
    _, raw = drained(block(packet(b"y" * length, status=ring.VLAN_VALID)))
    assert records(raw)[0][2].startswith(b"y" * min(length, 12))


@pytest.mark.parametrize(
    ("place", "value"),
    [(16, 4), (16, 1 << 20), (48 + 12, 1 << 17), (48 + 12, 1 << 30), (48 + 24, 0xFFFF), (48 + 24, 0)],
)
def test_lengths_that_leave_the_block_end_it(place: int, value: int) -> None:
    raw = bytearray(block(packet(b"z" * 60), packet(b"z" * 60)))
    size = 2 if place == 48 + 24 else 4
    raw[place : place + size] = (value & 0xFFFFFFFF).to_bytes(4, "little")[:size]
    done, out = drained(bytes(raw))
    assert done.damaged == 1
    assert done.frames == 0
    assert out == b""


def test_a_block_without_an_end_is_read_once() -> None:
    raw = bytearray(block(packet(b"z" * 60), packet(b"z" * 60)))
    raw[48:52] = bytes(4)
    done, _ = drained(bytes(raw))
    assert done.frames == 1
