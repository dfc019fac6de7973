"""Large captures for the benchmarks: one capture copied many times, each copy with other addresses and times.

    python benchmarks/traffic.py replicate pcaps/modbus-normal.pcap build/modbus-1m.pcap --frames 1000000
    python benchmarks/traffic.py flood build/flood.pcap --flows 5000000

The copies follow each other in blocks of interleaved conversations: copy k has the time stamps of the original
shifted by k times its duration, and its own pair of octets in every IPv4 address. Checksums of IPv4, TCP and UDP
are kept right.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path

import numpy as np


def _frames(path: Path) -> list[tuple[int, bytes]]:
    """(time in ns, bytes) of every frame of a little-endian pcap or of a pcapng file, by Sentinel's own reader."""
    from sentinel.wire.capture import CaptureReader

    with path.open("rb") as file:
        reader = CaptureReader(file)
        frames = []
        while reader.next():
            frames.append((reader.time, reader.data()))
    return frames


def replicate(source: Path, target: Path, count: int) -> int:
    """Write at least `count` frames made of copies of the IPv4 frames of `source`; returns how many."""
    frames = [(t, f) for t, f in _frames(source) if len(f) >= 34 and f[12:14] == b"\x08\x00"]
    start, end = frames[0][0], frames[-1][0]
    span = (end - start) // 1000 + 1000
    block = bytearray()
    records, sums = [], []
    for _, frame in frames:
        at = len(block) + 16
        records.append(at)
        block += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
        header = 14 + (frame[14] & 15) * 4
        sums.append((at + 24, at))
        if frame[23] == 6 and len(frame) >= header + 18:
            sums.append((at + header + 16, at))
        elif frame[23] == 17 and len(frame) >= header + 8 and frame[header + 6 : header + 8] != b"\0\0":
            sums.append((at + header + 6, at))
    base = np.frombuffer(bytes(block), dtype=np.uint8)
    stamps = np.array([(t - start) // 1000 for t, _ in frames], dtype=np.int64)
    record_at = np.array(records)
    time_at = (record_at - 16)[:, None] + np.arange(8)
    sum_at, sum_frame = np.array(sums).T
    copies = -(-count // len(frames))
    with target.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for copy in range(copies):
            data = base.copy()
            micros = start // 1000 + stamps + copy * span
            packed = np.empty((len(frames), 2), dtype="<u4")
            packed[:, 0] = micros // 1_000_000
            packed[:, 1] = micros % 1_000_000
            data[time_at] = packed.view(np.uint8)
            for address in (26, 30):
                data[record_at + address + 1] += np.uint8(copy >> 8 & 0xFF)
                data[record_at + address + 2] += np.uint8(copy & 0xFF)
            # RFC 1624: the new sum is the old one plus what left minus what came, in ones' complement
            total = (~_word(data, sum_at)) & 0xFFFF
            for word in (26, 28, 30, 32):
                total = total + (~_word(base, sum_frame + word) & 0xFFFF) + _word(data, sum_frame + word)
            while (total >> 16).any():
                total = (total & 0xFFFF) + (total >> 16)
            total = ~total & 0xFFFF
            data[sum_at] = total >> 8
            data[sum_at + 1] = total & 0xFF
            out.write(data.tobytes())
    return copies * len(frames)


def _word(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Big-endian 16 bits at each of the places."""
    return data[at].astype(np.int64) << 8 | data[at + 1]


def flood(target: Path, flows: int) -> int:
    """Write `flows` TCP SYN frames, each from another address and port to one server; returns how many."""
    head = bytes.fromhex(
        "001b1b00000102aa00000001080045000028000040004006000000000000000000000000000000000001000000005002200000000000"
    )
    size = 16 + len(head)
    with target.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for first in range(0, flows, 1 << 18):
            number = np.arange(first, min(first + (1 << 18), flows), dtype=np.int64)
            data = np.zeros((len(number), size), dtype=np.uint8)
            micros = number * 2
            data[:, 0:8] = (
                np.stack([1_700_000_000 + micros // 1_000_000, micros % 1_000_000], 1).astype("<u4").view(np.uint8)
            )
            data[:, 8:16] = np.array([len(head), len(head)], dtype="<u4").view(np.uint8)
            data[:, 16:] = np.frombuffer(head, dtype=np.uint8)
            source = (0x0A000000 + number // 50_000 * 7 + number % 251).astype(">u4")
            data[:, 16 + 26 : 16 + 30] = source.view(np.uint8).reshape(-1, 4)
            data[:, 16 + 30 : 16 + 34] = np.frombuffer(bytes((10, 255, 0, 10)), dtype=np.uint8)
            ports = np.stack([1024 + number % 50_000, np.full(len(number), 502)], 1).astype(">u2")
            data[:, 16 + 34 : 16 + 38] = ports.view(np.uint8).reshape(-1, 4)
            data[:, 16 + 18 : 16 + 20] = (number & 0xFFFF).astype(">u2").view(np.uint8).reshape(-1, 2)
            out.write(data.tobytes())
    return flows


def main() -> None:
    """The command line above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("replicate")
    one.add_argument("source", type=Path)
    one.add_argument("target", type=Path)
    one.add_argument("--frames", type=int, default=1_000_000)
    two = commands.add_parser("flood")
    two.add_argument("target", type=Path)
    two.add_argument("--flows", type=int, default=5_000_000)
    given = parser.parse_args()
    given.target.parent.mkdir(parents=True, exist_ok=True)
    written = (
        replicate(given.source, given.target, given.frames)
        if given.command == "replicate"
        else flood(given.target, given.flows)
    )
    print(f"{given.target}: {written} frames, {given.target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
