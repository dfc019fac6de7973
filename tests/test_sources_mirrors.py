"""Mirror sessions over loopback and in a namespace: datagrams that a switch would send."""

from __future__ import annotations

import io
import socket
import struct
import time
from pathlib import Path

import frames as f
import pytest
from ports import unclaimed_port
from sensor_stage import needs_namespaces
from waiting import PATIENCE, until

from sentinel.errors import InputError
from sentinel.exercise.namespaces import Namespace
from sentinel.sources import live, mirrors
from sentinel.sources.mirrors import Mirror, MirrorPort, is_mirror
from sentinel.wire import decode
from sentinel.wire.capture import CaptureReader
from sentinel.wire.ring import Drained

FRAME = f.ethernet(f.ipv4(f.tcp(b"abc", 1111, 502)))


def payload(datagram: bytes) -> bytes:
    """What is behind the UDP header of a hand-made datagram."""
    return datagram[8:]


def gathered(port: MirrorPort, wanted: int, room: int = 1 << 20) -> list[tuple]:
    """Time, data, tunnel and ports of the frames that come."""
    found, done = b"", Drained()
    end = time.monotonic() + PATIENCE
    while done.frames < wanted and time.monotonic() < end:
        live.wait([port], 0.1)
        out = bytearray(room)
        done.at = 0
        port.drain(memoryview(out), done)
        found += bytes(out[: done.at])
    reader = CaptureReader(io.BytesIO(live.header([port], "test") + found))
    decoder, rows = decode.Decoder(), []
    while reader.next():
        data = reader.data()
        decoder.decode(data, 0, len(data), reader.link, reader.time, len(rows) + 1)
        rows.append((reader.time, data, decoder.tunnel, (decoder.sport, decoder.dport)))
    assert reader.fault == 0
    return rows


@pytest.mark.parametrize(("host", "kind", "datagram", "tunnel"), [
    ("127.0.0.1", "vxlan", f.vxlan(FRAME, 7), "vxlan:7"),
    ("127.0.0.1", "tzsp", f.tzsp(FRAME), "tzsp"),
    ("::1", "vxlan", f.vxlan(FRAME, 7), "vxlan:7"),
])  # fmt: skip
def test_datagrams_become_frames_in_their_tunnel(host: str, kind: str, datagram: bytes, tunnel: str) -> None:
    number = unclaimed_port(host)
    shown = f"[{host}]" if ":" in host else host
    before = time.time_ns()
    with MirrorPort(f"{kind}://{shown}:{number}") as port:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(200):  # more than are taken at once
                sender.sendto(payload(datagram), (host, number))
        rows = gathered(port, 200)
        counters = port.statistics()
    assert {(row[2], row[3]) for row in rows} == {(tunnel, (1111, 502))}
    assert len(rows) == 200 and all(before <= row[0] <= time.time_ns() for row in rows)
    assert all(row[1].endswith(FRAME) for row in rows)
    assert (counters.frames, counters.dropped, counters.refused) == (200, 0, 0)
    assert {name: one["frames"] for name, one in counters.senders.items()} == {host: 200}


def test_what_finds_no_room_waits() -> None:
    number = unclaimed_port()
    with MirrorPort(f"vxlan://127.0.0.1:{number}") as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(payload(f.vxlan(FRAME)), ("127.0.0.1", number))
        first = Drained()
        assert port.drain(memoryview(bytearray(1000)), first)
        assert 0 < first.frames < 10
        assert len(gathered(port, 100 - first.frames, room=1000)) == 100 - first.frames
        assert port.counters.frames == 100


def test_a_large_datagram_is_kept_whole() -> None:
    number = unclaimed_port()
    frame = f.ethernet(f.ipv4(f.udp(bytes(60_000), 5, 6), 17))
    with MirrorPort(f"vxlan://127.0.0.1:{number}") as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(payload(f.vxlan(frame)), ("127.0.0.1", number))
        ((_, data, tunnel, ports),) = gathered(port, 1)
    assert data.endswith(frame) and (tunnel, ports) == ("vxlan:100", (5, 6))


def test_others_than_the_senders_that_were_named_are_refused_and_counted() -> None:
    number = unclaimed_port()
    with MirrorPort(f"vxlan://127.0.0.1:{number}?from=127.0.0.2,10.0.0.0/8") as port:
        for source in ("127.0.0.2", "127.0.0.3", "127.0.0.3"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((source, 0))
                sender.sendto(payload(f.vxlan(FRAME)), ("127.0.0.1", number))
        (row,) = gathered(port, 1)

        def both_refused() -> bool:
            port.drain(memoryview(bytearray(1000)), Drained())
            return port.statistics().refused == 2

        until(both_refused)
        counters = port.statistics()
    assert row[1][12:16] == bytes([127, 0, 0, 2])
    assert (counters.frames, counters.refused, list(counters.senders)) == (1, 2, ["127.0.0.2"])


def test_what_the_queue_cannot_hold_is_counted() -> None:
    number = unclaimed_port()
    with MirrorPort(f"vxlan://127.0.0.1:{number}", queue_mib=1) as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(400):
                sender.sendto(bytes(30_000), ("127.0.0.1", number))
        # the last datagrams may still be on their way to the queue when the sender has sent them
        def all_counted() -> bool:
            port.drain(memoryview(bytearray(1 << 20)), Drained())
            counters = port.statistics()
            return counters.frames + counters.dropped == 400

        until(all_counted)
        assert 0 < port.counters.frames < 400


def test_senders_beyond_a_bound_are_counted_together(monkeypatch) -> None:
    monkeypatch.setattr(mirrors, "MAX_SENDERS", 2)
    number = unclaimed_port()
    with MirrorPort(f"vxlan://127.0.0.1:{number}") as port:
        for last in range(1, 6):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((f"127.0.0.{last}", 0))
                sender.sendto(payload(f.vxlan(FRAME)), ("127.0.0.1", number))
        gathered(port, 5)
        heard = {name: one["frames"] for name, one in port.statistics().senders.items()}
    assert heard == {"127.0.0.1": 1, "127.0.0.2": 1, "others": 3}


def sent_icmp() -> int:
    """ICMP messages that left this namespace."""
    lines = [line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()]
    names, values = (line for line in lines if line[0] == "Icmp:")
    return int(values[names.index("OutMsgs")])


@needs_namespaces
def test_erspan_is_received_numbered_and_never_answered() -> None:
    namespace = Namespace()
    try:
        namespace.ip("link set lo up")

        def work():
            with MirrorPort("erspan://127.0.0.1") as port:
                before = sent_icmp()
                with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
                    for number in (1, 2, 5, 4, 9):
                        packet = f.ipv4(f.erspan(FRAME, 2, number), 47, "127.0.0.1", "127.0.0.1")
                        sender.sendto(packet, ("127.0.0.1", 0))
                rows = gathered(port, 5)
                port.statistics()
                return rows, port.statistics(), sent_icmp() - before

        rows, counters, answers = namespace.call(work)
    finally:
        namespace.close()
    assert [(row[2], row[3]) for row in rows] == [("erspan2", (1111, 502))] * 5
    assert (counters.frames, counters.dropped) == (5, 4)  # 3, 6, 7 and 8 never came
    assert counters.senders["127.0.0.1"]["missing"] == 4
    assert answers == 0


@pytest.mark.parametrize("uri", [
    "vxlan://", "vxlan://somewhere:4789", "vxlan://127.0.0.1:0", "vxlan://127.0.0.1:99999", "vxlan://127.0.0.1/x",
    "vxlan://127.0.0.1?to=1.2.3.4", "vxlan://127.0.0.1?from=", "vxlan://127.0.0.1?from=somebody", "erspan://127.0.0.1:5",
    "erspan://[::1]", "gre://127.0.0.1", "tzsp://user@127.0.0.1", "vxlan://127.0.0.1#x",
])  # fmt: skip
def test_a_bad_uri_is_one_sentence(uri: str) -> None:
    with pytest.raises(InputError, match="write vxlan://ADDRESS"):
        Mirror.of(uri)


def test_what_cannot_be_opened_is_one_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match="another program"):
            MirrorPort(f"vxlan://127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(InputError, match="no such address"):
        MirrorPort("vxlan://198.51.100.77")


def test_uris_are_read() -> None:
    assert Mirror.of("vxlan://0.0.0.0") == Mirror("vxlan", "0.0.0.0", 4789)
    assert Mirror.of("tzsp://[::]:5") == Mirror("tzsp", "::", 5)
    mirror = Mirror.of("erspan://10.0.0.1?from=10.1.0.0/16,10.2.0.1")
    assert [mirror.allows(one) for one in ("10.1.2.3", "10.2.0.1", "10.2.0.2")] == [True, True, False]
    assert [is_mirror(name) for name in ("eth1", "tcp://a:1", "vxlan://x", "vxlan")] == [False, False, True, False]


def test_the_header_says_that_frames_begin_with_ip() -> None:
    with MirrorPort(f"vxlan://127.0.0.1:{unclaimed_port()}", number=2) as port:
        assert struct.pack("<HHI", 101, 0, live.SNAP) in live.header([port], "test")
        assert (port.over, port.clear_error()) == (False, 0)
