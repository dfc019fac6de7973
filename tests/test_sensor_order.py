"""Frames of several ports come out by time, none is lost, and none waits for ever."""

from __future__ import annotations

import io
import random
import struct

from sentinel.sensor.order import WAIT, Order
from sentinel.sources import live
from sentinel.wire.capture import CaptureReader


class End:
    """A port, as far as a header asks."""

    def __init__(self, number: int):
        self.name, self.number, self.link = f"eth{number}", number, 1


def block(port: int, stamp: int, data: bytes) -> bytes:
    total = 32 + (len(data) + 3) // 4 * 4
    head = struct.pack("<7I", 6, total, port, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
    return head + data + bytes(-len(data) % 4) + struct.pack("<I", total)


def read(data: bytes) -> list[tuple[int, int, bytes]]:
    reader = CaptureReader(io.BytesIO(live.header([End(0), End(1)], "test") + data))
    found = []
    while reader.next():
        found.append((reader.interface, reader.time, reader.data()))
    assert reader.fault == 0
    return found


def test_two_ports_become_one_order() -> None:
    rng = random.Random(3)
    t0 = 1_700_000_000_000_000_000
    frames = [(n % 2, t0 + n * 1_000_000, bytes(rng.randrange(60))) for n in range(2000)]
    order, out, count = Order(), b"", 0
    for at in range(0, 2000, 40):  # each port hands over forty milliseconds at once
        for port in (1, 0):
            data, ready = order.put(b"".join(block(*one) for one in frames[at : at + 40] if one[0] == port))
            out += data
            count += ready
        assert count >= at + 40 - WAIT // 1_000_000 - 2
    assert order
    data, ready = order.rest()
    assert not order and order.rest() == (b"", 0)
    assert (count + ready, read(out + data)) == (2000, frames)


def test_equal_times_keep_the_order_in_which_they_came_and_late_ones_come_late() -> None:
    order = Order()
    assert order.put(block(0, 5, b"a") + block(1, 5, b"b")) == (b"", 0)
    data, ready = order.put(block(0, 6 + WAIT, b"c"))
    assert ready == 2 and [one[2] for one in read(data)] == [b"a", b"b"]
    assert read(order.put(block(1, 1, b"late"))[0])[0][2] == b"late"
    assert order.put(b"") == (b"", 0)
