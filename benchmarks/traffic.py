"""Large captures for the benchmarks: a capture of pcaps/ copied many times, and a flood of flows.

    python benchmarks/traffic.py replicate modbus build/bench/modbus.pcap --frames 1000000
    python benchmarks/traffic.py flood build/bench/flood.pcap --flows 5000000

Copy k follows copy k - 1 in time and is a plant of its own: k is added to the second and third octet of every IPv4
address and to the fourth and fifth of every unicast MAC address. Checksums of IPv4, TCP and UDP stay right where
they were.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PROTOCOLS = ("modbus", "s7", "dnp3")
SOURCES = {name: ROOT / f"pcaps/long/{name}-long.pcap.gz" for name in PROTOCOLS}
"""What is copied: five minutes of ordinary operation, so that no rule fires more often than it would in a plant."""
SOURCES |= {f"{name}-normal": ROOT / f"pcaps/{name}-normal.pcap" for name in PROTOCOLS}
"""Half a minute of the same: a million frames are then many small plants, and an engineer is at work in each."""
SOURCES["attack"] = ROOT / "pcaps/plant-attack.pcapng"
MAX_COPIES = 1 << 16
"""Two octets of the address number the copies."""
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
RECORD = 16
"""Bytes of a record header."""
FLOOD_CHUNK = 1 << 18


@dataclass(slots=True)
class Block:
    """One copy of a source as it lies in a pcap file; the arrays hold positions in `data`."""

    data: np.ndarray
    micros: np.ndarray
    """Time stamp of each frame."""
    frames: np.ndarray
    """Where each frame begins, behind its record header."""
    unicast: np.ndarray
    """Where each unicast MAC address begins."""
    sums: np.ndarray
    """(place of a checksum, frame that it is in, 1 for UDP) of each."""


def _ipv4_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """(time in microseconds, bytes) of every IPv4 frame without a VLAN tag."""
    from sentinel.sources.files import open_stream
    from sentinel.wire.capture import CaptureReader

    with open_stream(path) as file:
        reader = CaptureReader(file)
        while reader.next():
            data = reader.data()
            if len(data) >= 34 and data[12:14] == b"\x08\x00":
                yield reader.time // 1000, data


def block(source: Path) -> Block:
    """A source as one block of records."""
    data = bytearray()
    micros, frames, unicast, sums = [], [], [], []
    for time, frame in _ipv4_frames(source):
        at = len(data) + RECORD
        data += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
        micros.append(time)
        frames.append(at)
        unicast += [at + mac for mac in (0, 6) if not frame[mac] & 1]
        sums.append((at + 24, at, 0))
        transport = 14 + (frame[14] & 15) * 4
        if frame[23] == 6 and len(frame) >= transport + 18:
            sums.append((at + transport + 16, at, 0))
        elif frame[23] == 17 and len(frame) >= transport + 8 and frame[transport + 6 : transport + 8] != b"\0\0":
            sums.append((at + transport + 6, at, 1))
    octets = np.frombuffer(bytes(data), np.uint8)
    return Block(octets, np.array(micros), np.array(frames), np.array(unicast), np.array(sums))


def replicate(source: Path, target: Path, count: int, first: int = 0) -> int:
    """Write at least `count` frames made of whole copies of `source`, numbered from `first`; returns how many."""
    base = block(source)
    copies = -(-count // len(base.frames))
    if first + copies > MAX_COPIES:
        raise ValueError(f"{count} frames take {copies} copies; {MAX_COPIES} have addresses of their own")
    span = int(base.micros.max() - base.micros.min()) + 1000
    with target.open("wb") as out:
        out.write(PCAP_HEADER)
        for number in range(first, first + copies):
            out.write(_copy(base, number, number * span).tobytes())
    return copies * len(base.frames)


def kept(path: Path, protocol: str, frames: int) -> Path:
    """`path`, with copies of a protocol's ordinary operation; made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        replicate(SOURCES[protocol], path, frames)
    return path


def _copy(base: Block, number: int, shift: int) -> np.ndarray:
    """Copy `number` of a block, `shift` microseconds later."""
    data = base.data.copy()
    stamps = np.stack(np.divmod(base.micros + shift, 1_000_000), 1).astype("<u4")
    data[(base.frames - RECORD)[:, None] + np.arange(8)] = stamps.view(np.uint8)
    high, low = np.uint8(number >> 8), np.uint8(number & 0xFF)
    for address in (26, 30):
        data[base.frames + address + 1] += high
        data[base.frames + address + 2] += low
    data[base.unicast + 3] += high
    data[base.unicast + 4] += low
    place, frame, udp = base.sums.T
    # RFC 1624: to the complement of the old sum, the complement of each word that left and each that came
    total = ~_words(base.data, place) & 0xFFFF
    for word in (26, 28, 30, 32):
        total += (~_words(base.data, frame + word) & 0xFFFF) + _words(data, frame + word)
    while (total >> 16).any():
        total = (total & 0xFFFF) + (total >> 16)
    total = ~total & 0xFFFF
    # RFC 768: a UDP sum of zero is sent as all ones, for zero says that there is none
    total[(udp == 1) & (total == 0)] = 0xFFFF
    data[place] = total >> 8
    data[place + 1] = total & 0xFF
    return data


def _words(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Big-endian 16 bits at each of the places."""
    return data[at].astype(np.int64) << 8 | data[at + 1]


def flood(target: Path, flows: int) -> int:
    """Write `flows` (at most 16 million) TCP SYN frames to one server, each from its own address; returns how many."""
    ethernet = bytes.fromhex("02aa00000001 001b1b000001 0800")
    ip = bytes.fromhex("4500002800004000400600000000000000000000")
    tcp = bytes.fromhex("000001f6000000010000000050022000") + bytes(4)
    head = struct.pack("<IIII", 0, 0, 54, 54) + ethernet + ip + tcp
    with target.open("wb") as out:
        out.write(PCAP_HEADER)
        for first in range(0, flows, FLOOD_CHUNK):
            number = np.arange(first, min(first + FLOOD_CHUNK, flows))
            data = np.tile(np.frombuffer(head, np.uint8), (len(number), 1))
            stamps = np.stack(np.divmod(1_700_000_000_000_000 + number * 2, 1_000_000), 1)
            data[:, 0:8] = stamps.astype("<u4").view(np.uint8)
            for at, values, width in (
                (RECORD + 18, number & 0xFFFF, 2),
                (RECORD + 26, 0x0A00_0001 + number, 4),
                (RECORD + 30, np.full(len(number), 0x0AFF_000A), 4),
                (RECORD + 34, 1024 + number % 50_000, 2),
            ):
                data[:, at : at + width] = values.astype(f">u{width}").view(np.uint8).reshape(-1, width)
            _sum(data, RECORD + 24, RECORD + 14, 20, 0)
            # the pseudo header (RFC 9293, 3.1): both addresses, the protocol, the length of the segment
            _sum(data, RECORD + 50, RECORD + 26, 28, 6 + 20)
            out.write(data.tobytes())
    return flows


def _sum(data: np.ndarray, place: int, start: int, length: int, more: int) -> None:
    """Write the internet checksum (RFC 1071) of `length` bytes of every row, and of `more`, to `place`."""
    words = data[:, start : start + length].astype(np.int64)
    total = (words[:, 0::2] << 8 | words[:, 1::2]).sum(axis=1) + more
    while (total >> 16).any():
        total = (total & 0xFFFF) + (total >> 16)
    total = ~total & 0xFFFF
    data[:, place] = total >> 8
    data[:, place + 1] = total & 0xFF


def main() -> None:
    """The command line above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    copies = commands.add_parser("replicate", help="copies of a capture")
    copies.add_argument("source", choices=SOURCES)
    copies.add_argument("target", type=Path)
    copies.add_argument("--frames", type=int, default=1_000_000, help="at least so many")
    copies.add_argument("--first", type=int, default=0, help="number of the first copy")
    floods = commands.add_parser("flood", help="one frame for each flow")
    floods.add_argument("target", type=Path)
    floods.add_argument("--flows", type=int, default=5_000_000)
    given = parser.parse_args()
    given.target.parent.mkdir(parents=True, exist_ok=True)
    if given.command == "replicate":
        written = replicate(SOURCES[given.source], given.target, given.frames, given.first)
    else:
        written = flood(given.target, given.flows)
    print(f"{given.target}: {written} frames, {given.target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
