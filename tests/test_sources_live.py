"""A live port: loopback, where packet sockets are allowed."""

from __future__ import annotations

import ctypes.util
import io
import socket
import struct
import time
from collections.abc import Iterator

import frames as f
import pytest
from sensor_stage import cable, needs_namespaces
from waiting import PATIENCE, until

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


def gathered(port: live.Port, *wanted: bytes) -> bytes:
    """What came, when all of these were seen; the kernel's refusals, which cite them, come between."""
    out, done = bytearray(1 << 20), Drained()

    def all_there() -> bool:
        for ready in live.wait([port], 0.2):
            ready.drain(memoryview(out), done)
        return all(one in out[: done.at] for one in wanted)

    until(all_there)
    return bytes(out[: done.at])


def send(place: Namespace, payloads: list[bytes], to: int = 9) -> None:
    def work() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for payload in payloads:
                sender.sendto(payload, ("127.0.0.1", to))

    place.call(work)


def test_frames_of_the_port_are_read_as_pcapng(place: Namespace, port: live.Port) -> None:
    before = time.time_ns()
    wanted = [b"sentinel-live-%d" % n for n in range(5)]
    send(place, wanted)
    raw = gathered(port, *wanted)
    reader = CaptureReader(io.BytesIO(live.header([port], "test") + raw + live.statistics_block(port)))
    seen = []
    while reader.next():
        seen.append(reader.data())
        assert before <= reader.time <= time.time_ns()
    assert reader.fault == 0
    assert all(any(one in data for data in seen) for one in wanted)
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
    until(lambda: port.statistics().dropped > 0)  # a ring of 4 MiB cannot hold 12 MB that nobody reads
    assert port.counters.dropped < 400


def test_a_filter_is_applied_by_the_kernel(place: Namespace) -> None:
    if ctypes.util.find_library("pcap") is None:
        pytest.skip("libpcap is not installed")
    with place.call(lambda: live.Port("lo", blocks=2, bpf="udp port 11")) as port:
        send(place, [b"sentinel-not-this"])
        send(place, [b"sentinel-but-this"], to=11)
        raw = gathered(port, b"but-this")
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


def conversations() -> list[tuple[str, bytes]]:
    """Frames, each with the name of the pair that it belongs to."""
    found = []
    for n in range(40):
        here, there = f"10.0.{n}.1", f"10.1.{n}.{n + 1}"
        for source, target, port in ((here, there, 1000 + n), (there, here, 502), (here, there, 7)):
            packet = f.ipv4(f.udp(bytes(40), port, 9), 17, source, target)
            found += [(f"v4 {n}", f.ethernet(packet)), (f"v4 {n}", f.tagged(f.ethernet(packet), 7))]
            found.append((f"v4 {n}", f.tagged(f.tagged(f.ethernet(packet), 7), 8, 0x88A8)))
        for offset, more in ((0, True), (24, False)):
            fragment = f.ipv4(bytes(24), 17, here, there, ident=5, more=more, offset=offset)
            found.append((f"v4 {n}", f.ethernet(fragment)))
        six = f"2001:db8::{n + 1:x}", "2001:db8:1::9"
        for source, target in (six, six[::-1]):
            found.append((f"v6 {n}", f.ethernet(f.ipv6(f.udp(bytes(9), 5, 6), 17, source, target), f.IPV6)))
    found += [("none", f.ethernet(bytes(46), 0x88B8)), ("none", f.ethernet(b"\x45", 0x0800))]
    return found


@needs_namespaces
def test_ports_of_a_group_share_by_pairs_of_addresses_and_lose_nothing() -> None:
    frames = conversations()
    with cable() as wire:

        def listen() -> list[live.Port]:
            first = live.Port("w1", blocks=4, fanout=0)
            ports = [first, *(live.Port("w1", blocks=4, fanout=first.group) for _ in range(2))]
            for port in ports:
                port.admit()
            return ports

        ports = wire.there.call(listen)

        def send_all() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
                out.bind(("w0", 0))
                for _, frame in frames:
                    out.send(frame)

        wire.here.call(send_all)
        got: list[list[bytes]] = [[] for _ in ports]
        end = time.monotonic() + PATIENCE
        while sum(map(len, got)) < len(frames) and time.monotonic() < end:
            for port in live.wait(ports, 0.1):
                out, done = bytearray(1 << 20), Drained()
                port.drain(memoryview(out), done)
                reader = CaptureReader(io.BytesIO(live.header(ports, "test") + bytes(out[: done.at])))
                while reader.next():
                    got[ports.index(port)].append(reader.data())
        for port in ports:
            port.close()
    assert sorted(data for own in got for data in own) == sorted(frame for _, frame in frames)
    places: dict[str, set[int]] = {}
    for name, frame in frames:
        places.setdefault(name, set()).update(n for n, own in enumerate(got) if frame in own)
    assert {name: len(where) for name, where in places.items() if len(where) > 1} == {}
    assert all(len(own) > len(frames) // 10 for own in got)


@needs_namespaces
def test_a_ring_is_read_on_where_another_reader_ended() -> None:
    with cable() as wire:
        port = wire.there.call(lambda: live.Port("w1", blocks=4))

        def send_some(first: int, count: int) -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
                out.bind(("w0", 0))
                for n in range(first, first + count):
                    out.send(f.ethernet(f.ipv4(f.udp(b"n=%04d" % n, 5, 6), 17)))

        found: list[bytes] = []

        def read(until: int) -> None:
            end = time.monotonic() + PATIENCE
            while len(found) < until and time.monotonic() < end:
                out, done = bytearray(1 << 20), Drained()
                live.wait([port], 0.1)
                port.drain(memoryview(out), done)
                reader = CaptureReader(io.BytesIO(live.header([port], "test") + bytes(out[: done.at])))
                while reader.next():
                    found.append(reader.data()[-4:])

        for turn in range(7):  # once around the ring and more
            port._next = -1  # what the reader before knew is gone
            port.resume()
            wire.here.call(lambda turn=turn: send_some(turn * 5, 5))
            read(turn * 5 + 5)
        port.close()
    assert found == [b"%04d" % n for n in range(35)]


@needs_namespaces
def test_packets_of_a_reader_that_is_killed_are_counted_once() -> None:
    """Killed when it has counted, and before the kernel has the block back; or in the middle of a block."""

    def stop() -> None:
        raise KeyboardInterrupt

    with cable() as wire:
        port = wire.there.call(lambda: live.Port("w1", blocks=4))

        def send_ten() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
                out.bind(("w0", 0))
                for n in range(10):
                    out.send(f.ethernet(f.ipv4(f.udp(b"n=%04d" % n, 5, 6), 17)))

        sent = 0
        for room in (1 << 20, 300, 1 << 20):
            wire.here.call(send_ten)
            sent += 10
            until(lambda: live.wait([port], 0.1))
            port.counted = stop
            with pytest.raises(KeyboardInterrupt):
                port.drain(memoryview(bytearray(room)), Drained())
            port.counted, counted, read = lambda: None, port.counters.frames, port.read
            assert sent - 10 < counted <= sent - (room == 300)  # and some wait in the block
            port._next = port._skip = -1  # what the reader before knew is gone
            port.resume(read)

            def rest(sent: int = sent) -> bool:
                live.wait([port], 0.1)
                port.drain(memoryview(bytearray(1 << 20)), Drained())
                return port.counters.frames >= sent

            until(rest)
            assert port.counters.frames == sent
        port.close()
