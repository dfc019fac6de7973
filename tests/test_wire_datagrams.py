"""What recvmmsg leaves in memory, made by hand, becomes packet blocks; and the numbers of ERSPAN sessions."""

from __future__ import annotations

import io
import ipaddress
import struct

import frames as f
import pytest
from test_wire_ring import INTERFACE, SECTION

from sentinel.wire.capture import CaptureReader
from sentinel.wire.datagrams import CONTROL, HEAD, MESSAGE, NAME, RESTART, SLOT, WINDOW, Sender, Sequence, pack
from sentinel.wire.ring import Drained

FRAME = f.ethernet(f.ipv4(f.tcp(b"abc", 1111, 502)))


def cmsg(level: int, kind: int, data: bytes) -> bytes:
    raw = struct.pack("<Qii", 16 + len(data), level, kind) + data
    return raw + bytes(-len(raw) % 8)


def stamp(time_ns: int) -> bytes:
    return cmsg(1, 35, struct.pack("<qq", *divmod(time_ns, 1_000_000_000)))


class Received:
    """The memory of a call that returned these datagrams: (sender's sockaddr, control, data)."""

    def __init__(self, *datagrams: tuple[bytes, bytes, bytes]):
        self.count = len(datagrams)
        self.heads = b"".join(
            struct.pack("<QIIQQQQiIII", 0, NAME, 0, 0, 1, 0, len(control), 0, 0, len(data), 0)
            for _, control, data in datagrams
        )
        assert len(self.heads) == MESSAGE * self.count
        self.names = b"".join(name.ljust(NAME, b"\0") for name, _, _ in datagrams)
        self.controls = b"".join(control.ljust(CONTROL, b"\0")[:CONTROL] for _, control, _ in datagrams)
        self.data = bytearray(b"".join(bytes(HEAD) + data.ljust(SLOT - HEAD, b"\0") for _, _, data in datagrams))
        self.senders: dict = {}

    def meet(self, key):
        self.senders[key] = Sender(ipaddress.ip_address(key) != ipaddress.ip_address("192.0.2.66"))
        return self.senders[key]

    def pack(self, port: int, room: int = 1 << 20, first: int = 0) -> tuple[int, Drained, bytes]:
        out, done = bytearray(b"\xee" * room), Drained()
        n = pack(
            self.heads, self.names, self.controls, memoryview(self.data), first, self.count, port, 3, memoryview(out),
            done, self.senders, self.meet,
        )  # fmt: skip
        return n, done, bytes(out[: done.at])


def four(address: str = "192.0.2.1", port: int = 5000) -> bytes:
    return struct.pack("<H", 2) + struct.pack(">H", port) + ipaddress.ip_address(address).packed


def six(address: str = "2001:db8::1", port: int = 5000) -> bytes:
    return struct.pack("<H", 10) + struct.pack(">HI", port, 0) + ipaddress.ip_address(address).packed


def to_four(address: str = "192.0.2.9") -> bytes:
    return cmsg(0, 8, struct.pack("<i", 1) + bytes(4) + ipaddress.ip_address(address).packed)


def records(blocks: bytes) -> list[tuple[int, bytes]]:
    reader = CaptureReader(io.BytesIO(SECTION + INTERFACE * 4 + blocks))
    found = []
    while reader.next():
        found.append((reader.time, reader.data()))
    assert reader.fault == 0
    return found


def test_ip_and_udp_headers_are_written_again() -> None:
    control = stamp(7_000_000_005) + to_four() + cmsg(0, 2, struct.pack("<i", 61))
    received = Received((four(), control, b"payload"))
    n, done, blocks = received.pack(4789)
    ((time, data),) = records(blocks)
    assert (n, done.frames, done.bytes, time) == (1, 1, 35, 7_000_000_005)
    header = data[:20]
    assert (header[8], data[12:20]) == (61, bytes([192, 0, 2, 1, 192, 0, 2, 9]))
    total = sum(struct.unpack(">10H", header))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # RFC 1071
    assert data[20:] == struct.pack(">HHHH", 5000, 4789, 15, 0) + b"payload"
    (sender,) = received.senders.values()
    assert (sender.frames, sender.bytes) == (1, 35)


def test_the_same_over_ipv6() -> None:
    there = ipaddress.ip_address("2001:db8::9").packed
    control = cmsg(41, 50, there + struct.pack("<i", 1)) + cmsg(41, 52, struct.pack("<i", 7))
    _, _, blocks = Received((six(), control, b"xyz")).pack(37008)
    ((time, data),) = records(blocks)
    assert time == 0
    assert data[:8] == struct.pack(">IHBB", 6 << 28, 11, 17, 7)
    assert data[8:40] == ipaddress.ip_address("2001:db8::1").packed + there
    assert data[40:] == struct.pack(">HHHH", 5000, 37008, 11, 0) + b"xyz"


def test_what_has_no_room_waits_and_what_is_not_allowed_is_passed_over() -> None:
    received = Received(*((four(f"192.0.2.{n}"), b"", bytes([n]) * 100) for n in (1, 66, 2, 3)))
    n, done, blocks = received.pack(4789, room=2 * 160 + 10)
    assert (n, done.frames) == (3, 2)
    again, rest, more = received.pack(4789, first=n)
    assert (again, rest.frames) == (4, 1)
    assert [data[-1] for _, data in records(blocks + more)] == [1, 2, 3]
    sums = {str(ipaddress.ip_address(key)): one.frames for key, one in received.senders.items()}
    assert sums == {"192.0.2.1": 1, "192.0.2.66": 1, "192.0.2.2": 1, "192.0.2.3": 1}


def test_no_byte_of_the_buffer_leaks_into_the_padding() -> None:
    _, _, blocks = Received((four(), b"", b"1")).pack(4789)
    assert b"\xee" not in blocks


@pytest.mark.parametrize("control", [
    struct.pack("<Qii", 1 << 40, 1, 35) + bytes(16),
    struct.pack("<Qii", 0, 1, 35) + bytes(16),
    cmsg(1, 35, b"\x01"),
    cmsg(0, 8, b"\x01"),
    bytes(CONTROL),
    bytes(CONTROL + 99),
], ids=["beyond", "empty", "short time", "short address", "zeros", "longer than its room"])  # fmt: skip
def test_what_the_kernel_tells_is_not_believed_beyond_its_end(control: bytes) -> None:
    _, done, blocks = Received((four(), control, b"abc")).pack(4789)
    ((time, data),) = records(blocks)
    assert (done.frames, time, data[16:20]) == (1, 0, bytes(4))


def erspan(payload: bytes) -> bytes:
    return f.ipv4(payload, 47, "192.0.2.1", "192.0.2.9")


def test_gre_comes_with_its_own_header_and_its_numbers_are_followed() -> None:
    numbers = [(2, 1, 5), (2, 2, 5), (2, 5, 5), (3, 9, 6), (3, 10, 6)]
    packets = [erspan(f.erspan(FRAME, kind, sequence, session)) for kind, sequence, session in numbers]
    packets += [erspan(f.erspan(FRAME, 1)), erspan(f.gre(f.ipv4(b"", 17), sequence=77)), b"\x45", bytes(20)]
    received = Received(*((four(), b"", packet) for packet in packets))
    _, done, blocks = received.pack(0)
    assert [data for _, data in records(blocks)] == packets
    (sender,) = received.senders.values()
    assert {session: one.newest for session, one in sender.sequences.items()} == {5: 5, 6: 10}
    for one in sender.sequences.values():
        one.settle()
    assert {session: one.missing for session, one in sender.sequences.items()} == {5: 2, 6: 0}
    assert done.frames == len(packets)


def test_the_time_of_the_sender_counts_where_it_is_absolute_and_near() -> None:
    now = 1_700_000_000_000_000_000
    near, far = now - 40_000_000, now - 3_600_000_000_000
    timed = [f.erspan_timed(FRAME, near), f.erspan_timed(FRAME, far), f.erspan_timed(FRAME, near, platform=3)]
    timed.append(f.erspan_timed(FRAME, near)[:18])
    _, _, blocks = Received(*((four(), stamp(now), erspan(packet)) for packet in timed)).pack(0)
    assert [time for time, _ in records(blocks)] == [near, now, now, now]


def missing(numbers) -> int:
    sequence = Sequence()
    for number in numbers:
        sequence.add(number & 0xFFFFFFFF)
    sequence.settle()
    return sequence.missing


def test_numbers_that_never_come_are_counted() -> None:
    assert missing(range(500)) == 0
    assert missing([1, 2, 5, 6]) == 2
    assert missing([n for n in range(1000) if n % 10]) == 99  # the first is not known to be missing
    assert missing([*range(10), *range(1000, 1010)]) == 990


def test_numbers_that_come_late_or_twice_are_not_lost() -> None:
    assert missing([1, 2, 4, 3, 5, 5, 4]) == 0
    assert missing([0, *range(WINDOW - 1, 0, -1), WINDOW]) == 0
    assert missing([*range(-5, 5)]) == 0
    assert missing([-3, 2, -2, -1, 0, 1]) == 0


def test_a_sender_that_begins_again_has_lost_nothing() -> None:
    assert missing([5000, 5001, 0, 1, 2]) == 0
    assert missing([1, 2, RESTART + 10, RESTART + 11]) == 0
    assert missing([1, 2, RESTART + 2]) == RESTART - 1


def test_what_may_still_come_is_not_counted_until_nothing_comes() -> None:
    sequence = Sequence()
    for number in (1, 3):
        sequence.add(number)
    sequence.settle_if_quiet()
    assert sequence.missing == 0
    sequence.settle_if_quiet()
    assert sequence.missing == 1
    for number in range(4, 400):
        sequence.add(number)
    sequence.settle()
    assert sequence.missing == 1
