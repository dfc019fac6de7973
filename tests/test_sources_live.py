"""A live port: loopback, where packet sockets are allowed."""

from __future__ import annotations

import ctypes.util
import io
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from waiting import PATIENCE

from sentinel.errors import InputError
from sentinel.exercise.namespaces import Namespace, available
from sentinel.sources import live
from sentinel.wire.capture import CaptureReader
from sentinel.wire.ring import Drained


@pytest.fixture
def place() -> Iterator[Namespace]:
    """A loopback interface of its own: on the machine's, other programs talk, and other runs of these tests."""
    if reason := available():
        pytest.skip(f"no network namespaces: {reason}")
    place = Namespace()
    place.ip("link set lo up")
    yield place
    place.close()


@pytest.fixture
def port(place: Namespace) -> Iterator[live.Port]:
    with place.call(lambda: live.Port("lo", blocks=4, number=0)) as opened:
        yield opened


def gathered(port: live.Port, wanted: int, room: int = 1 << 20) -> tuple[Drained, bytes]:
    """Wait until so many frames came."""
    out, done = bytearray(room), Drained()
    end = time.monotonic() + PATIENCE
    while done.frames < wanted:
        assert time.monotonic() < end, f"{done.frames} of {wanted} frames"
        for ready in live.wait([port], 0.2):
            ready.drain(memoryview(out), done)
    return done, bytes(out[: done.at])


def send(place: Namespace, payloads: list[bytes], to: int = 9) -> None:
    def work() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for payload in payloads:
                sender.sendto(payload, ("127.0.0.1", to))

    place.call(work)


def test_frames_of_the_port_are_read_as_pcapng(place: Namespace, port: live.Port) -> None:
    before = time.time_ns()
    send(place, [b"sentinel-live-%d" % n for n in range(5)])
    _, raw = gathered(port, 5)
    reader = CaptureReader(io.BytesIO(live.header([port], "test") + raw + live.statistics_block(port)))
    seen = []
    while reader.next():
        seen.append(reader.data())
        assert abs(reader.time - before) < 60_000_000_000
    assert reader.fault == 0
    assert [n for n in range(5) if any(b"sentinel-live-%d" % n in data for data in seen)] == [0, 1, 2, 3, 4]
    assert reader.statistics[0]["received"] == port.counters.frames


def test_a_small_buffer_is_filled_again_and_loses_nothing(place: Namespace, port: live.Port) -> None:
    send(place, [b"sentinel-room-%03d" % n for n in range(100)])
    found, waiting = b"", True
    end = time.monotonic() + PATIENCE
    while (waiting or b"room-099" not in found) and time.monotonic() < end:
        out, done = bytearray(2000), Drained()
        waiting = port.drain(memoryview(out), done)
        found += bytes(out[: done.at])
    assert [n for n in range(100) if b"sentinel-room-%03d" % n not in found] == []


def test_the_kernel_says_what_it_dropped(place: Namespace, port: live.Port) -> None:
    payload = bytes(60_000)
    for _ in range(4):
        send(place, [payload] * 50)
    counted = port.statistics()
    assert counted.dropped > 0, "a ring of 4 MiB cannot hold 12 MB that nobody reads"


def test_a_filter_is_applied_by_the_kernel(place: Namespace) -> None:
    if ctypes.util.find_library("pcap") is None:
        pytest.skip("libpcap is not installed")
    with place.call(lambda: live.Port("lo", blocks=2, bpf="udp port 11")) as port:
        send(place, [b"sentinel-not-this"])
        send(place, [b"sentinel-but-this"], to=11)
        _, raw = gathered(port, 1)
    assert b"but-this" in raw
    assert b"not-this" not in raw


def test_a_filter_without_sense_is_one_sentence() -> None:
    if ctypes.util.find_library("pcap") is None:
        pytest.skip("libpcap is not installed")
    with pytest.raises(InputError, match="makes no sense"):
        live.compile_filter("tcp port and", 1)


def test_an_interface_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InputError, match=r"no such interface; there are .*lo"):
        live.Port("sentinel-none")


def test_the_statistics_block_counts_received_and_dropped(port: live.Port) -> None:
    port.counters.frames, port.counters.dropped = 7, 3
    raw = live.statistics_block(port, now_ns=5 << 32)
    assert struct.unpack_from("<II", raw) == (5, len(raw))
    assert struct.unpack_from("<HHQ", raw, 20) == (4, 8, 10)
