"""The inputs that fuzzing starts from: the tests' wire samples and the project's own captures, taken when it runs."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dnp3_samples
import lz4.frame
import modbus_samples
import s7comm_samples
import zstandard
from fuzz import wrap

from sentinel.plugins import Protocol
from sentinel.wire import decode
from sentinel.wire.capture import CaptureReader

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
MOST = 120
"""Inputs of one kind; captures repeat themselves."""
FRAMES_EACH = 12
"""Frames of one capture that stay together as one input."""


@cache
def frames() -> tuple[bytes, ...]:
    """Ethernet frames of the project's captures, spread evenly over each."""
    found: list[bytes] = []
    for path in sorted(PCAPS.glob("*.pcap*")):
        with path.open("rb") as file:
            reader = CaptureReader(file)
            mine = []
            while reader.next():
                mine.append(reader.data())
        found += mine[:: max(len(mine) // 20, 1)]
    return tuple(found)


def captures() -> list[bytes]:
    """The first bytes of every capture as it lies there, and small whole ones."""
    heads = [path.read_bytes()[:2000] for path in sorted(PCAPS.glob("*.pcap*"))]
    every = frames()
    groups = [every[k : k + FRAMES_EACH] for k in range(0, len(every), FRAMES_EACH)]
    return heads + [wrap.pcap((1_700_000_000_000_000 + n * 1000, f) for n, f in enumerate(group)) for group in groups]


def compressed() -> list[bytes]:
    """A small capture in every compression that is read."""
    content = captures()[-1]
    pack = (gzip.compress, zstandard.compress, lzma.compress, lz4.frame.compress, bz2.compress)
    return [compress(content) for compress in pack]


def payloads(protocol: Protocol) -> Iterator[tuple[int, bytes]]:
    """(to the client or not, payload) of the frames that go to or from a port of the protocol."""
    decoder = decode.Decoder()
    for number, frame in enumerate(frames()):
        kind = decoder.decode(frame, 0, len(frame), 1, number, number)
        ports = protocol.ports.get({decode.TCP: "tcp", decode.UDP: "udp"}.get(kind, ""), ())
        payload = frame[decoder.payload : decoder.payload_end]
        if payload and (decoder.sport in ports or decoder.dport in ports):
            yield int(decoder.sport in ports), payload


def _modbus() -> list[tuple[int, bytes]]:
    framings = (modbus_samples.mbap, modbus_samples.rtu, modbus_samples.ascii_frame)
    sides = ((0, modbus_samples.REQUESTS), (1, modbus_samples.ANSWERS))
    return [(side, frame(row[0])) for frame in framings for side, rows in sides for row in rows]


def _dnp3() -> list[tuple[int, bytes]]:
    d = dnp3_samples
    asked = [
        d.link(),
        d.request(1, d.header(60, 2, 6) + d.header(60, 3, 7, 5)),
        d.request(5, d.header(12, 1, 0x28, 2, 0, 1)[:5] + b"\0\0" + d.crob() + b"\1\0" + d.crob()),
        d.request(2, d.header(50, 1, 7, 1) + d.TIME),
        d.request(25, d.file_command()),
        d.request(32, d.sized(120, 3, bytes(8)) + d.sized(120, 9, bytes(20))),
    ]
    told = [
        d.answer(d.header(1, 2, 0, 0, 3) + bytes(4) + d.header(2, 2, 0x17, 1) + b"\1\x81" + d.TIME),
        d.answer(d.header(30, 5, 1, 0, 1) + bytes(10) + d.header(20, 1, 0, 0, 0) + bytes(5)),
        d.answer(d.attribute(252, b"maker") + d.header(110, 5, 0, 0, 0) + b"hello", function=130),
        b"".join(d.segments(d.LONG, 249, **d.BACK)),
    ]
    return [(0, frame) for frame in asked] + [(1, frame) for frame in told]


def tpkt(packet: bytes) -> bytes:
    """An S7 PDU in one COTP data TPDU (RFC 1006, 6; ISO 8073, 13.7)."""
    return b"\x03\x00" + (len(packet) + 7).to_bytes(2, "big") + b"\x02\xf0\x80" + packet


def _s7comm() -> list[tuple[int, bytes]]:
    return [(int(packet[1] in (2, 3)), packet) for packet in s7comm_samples.SAMPLES]


def _cotp() -> list[tuple[int, bytes]]:
    connect = bytes.fromhex("03000016 11e00000000100 c0010a c1020100 c2020102")
    return [(0, connect)] + [(side, tpkt(packet)) for side, packet in _s7comm()]


SAMPLES = {"modbus": _modbus, "dnp3": _dnp3, "s7comm": _s7comm, "cotp": _cotp}
"""Wire samples of the parsers that have some; a parser that has none starts from what the captures hold."""


def messages(protocol: Protocol) -> list[tuple[int, bytes]]:
    """(to the client or not, bytes) of messages of one protocol; at least one."""
    samples = SAMPLES[protocol.name]() if protocol.name in SAMPLES else []
    return (samples + list(payloads(protocol)))[:MOST] or [(0, b"\0")]


def dialogues(protocol: Protocol) -> list[bytes]:
    """Inputs of pieces: each message alone, and a few after each other."""
    known = messages(protocol)
    groups = [known[k : k + 4] for k in range(0, len(known), 4)]
    return [wrap.joined([one]) for one in known] + [wrap.joined(group) for group in groups]


def conversations(protocols: list[Protocol]) -> list[bytes]:
    """Inputs of pieces on the port of their protocol: a few messages each, and with all that a network does to them."""
    found = []
    for protocol in protocols:
        ports = protocol.ports.get("tcp", ())
        port = next((n for n, number in enumerate(wrap.PORTS) if number in ports), 3) << 1
        known = messages(protocol)
        for k in range(0, len(known), 4):
            group = [(side | port, part) for side, part in known[k : k + 4]]
            found.append(wrap.joined(group))
        for flag in (wrap.UDP, wrap.GAP, wrap.AGAIN, wrap.MIDSTREAM, wrap.PAUSE):
            found.append(wrap.joined((side | port | flag, part) for side, part in known[:4]))
    return found
