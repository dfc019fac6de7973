"""A live port: loopback, where packet sockets are allowed."""

from __future__ import annotations

import ctypes.util
import io
import socket
import struct
import time

import pytest

from sentinel.errors import InputError
from sentinel.sources import live
from sentinel.wire.capture import CaptureReader
from sentinel.wire.ring import Drained


@pytest.fixture
def port():
    try:
        opened = live.Port("lo", blocks=4, number=0)
    except InputError as error:
        pytest.skip(f"no packet sockets here: {error}")
    with opened:
        yield opened


def gathered(port: live.Port, wanted: int, room: int = 1 << 20) -> tuple[Drained, bytes]:
    """Wait until so many frames came, at most a few seconds."""
    out, done = bytearray(room), Drained()
    until = time.monotonic() + 5
    while done.frames < wanted and time.monotonic() < until:
        for ready in live.wait([port], 0.2):
            ready.drain(memoryview(out), done)
    return done, bytes(out[: done.at])


def send(payloads: list[bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for payload in payloads:
            sender.sendto(payload, ("127.0.0.1", 9))


def test_frames_of_the_port_are_read_as_pcapng(port: live.Port) -> None:
    before = time.time_ns()
    send([b"sentinel-live-%d" % n for n in range(5)])
    _, raw = gathered(port, 5)
    reader = CaptureReader(io.BytesIO(live.header([port], "test") + raw + live.statistics_block(port)))
    seen = []
    while reader.next():
        seen.append(reader.data())
        assert abs(reader.time - before) < 60_000_000_000
    assert reader.fault == 0
    assert [n for n in range(5) if any(b"sentinel-live-%d" % n in data for data in seen)] == [0, 1, 2, 3, 4]
    assert reader.statistics[0]["received"] == port.counters.frames


def test_a_small_buffer_is_filled_again_and_loses_nothing(port: live.Port) -> None:
    send([b"sentinel-room-%03d" % n for n in range(100)])
    time.sleep(0.3)
    found, waiting = b"", True
    until = time.monotonic() + 5
    while (waiting or b"room-099" not in found) and time.monotonic() < until:
        out, done = bytearray(2000), Drained()
        waiting = port.drain(memoryview(out), done)
        found += bytes(out[: done.at])
    assert [n for n in range(100) if b"sentinel-room-%03d" % n not in found] == []


def test_the_kernel_says_what_it_dropped(port: live.Port) -> None:
    payload = bytes(60_000)
    for _ in range(4):
        send([payload] * 50)
    counted = port.statistics()
    assert counted.dropped > 0, "a ring of 4 MiB cannot hold 12 MB that nobody reads"


def test_a_filter_is_applied_by_the_kernel() -> None:
    if ctypes.util.find_library("pcap") is None:
        pytest.skip("libpcap is not installed")
    try:
        opened = live.Port("lo", blocks=2, bpf="udp port 11")
    except InputError as error:
        pytest.skip(str(error))
    with opened as port:
        send([b"sentinel-not-this"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"sentinel-but-this", ("127.0.0.1", 11))
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
