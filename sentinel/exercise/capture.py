"""The sensor's ear: frames off the mirror port into memory, and from there into pcap or pcapng files."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

_ETH_P_ALL = 3
# asm-generic/socket.h: the value is the option and the type of its ancillary message alike
_SO_TIMESTAMPNS = 35
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_LINKTYPE_ETHERNET = 1
_SNAPLEN = 65535
_READ = 262144


@dataclass(slots=True)
class Recording:
    """Frames in the order of their time stamps (ns since 1970-01-01 UTC), and how many the sensor lost."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    dropped: int = 0

    def write(self, path: Path, comment: str) -> None:
        """Store as pcapng where the name ends so (with `comment` in the section header), as pcap otherwise.

        A pcap whose name ends in `.gz` is compressed.
        """
        if path.suffix == ".pcapng":
            path.write_bytes(self._pcapng(comment))
        elif path.suffix == ".gz":
            path.write_bytes(gzip.compress(self._pcap(), mtime=0))
        else:
            path.write_bytes(self._pcap())

    def _pcap(self) -> bytes:
        """Classic pcap, microseconds, little-endian (draft-ietf-opsawg-pcap section 4)."""
        out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _SNAPLEN, _LINKTYPE_ETHERNET))
        for stamp, frame in self.frames:
            seconds, rest = divmod(stamp, 1_000_000_000)
            out += struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)) + frame
        return bytes(out)

    def _pcapng(self, comment: str) -> bytes:
        """One section, one interface with nanosecond stamps, its statistics (draft-ietf-opsawg-pcapng section 4)."""
        out = bytearray()
        header = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        out += _block(0x0A0D0D0A, header + _options((1, comment.encode()), (4, b"sentinel exercise")))
        interface = struct.pack("<HHI", _LINKTYPE_ETHERNET, 0, _SNAPLEN)
        out += _block(1, interface + _options((2, b"span0"), (9, b"\x09")))
        for stamp, frame in self.frames:
            fixed = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
            out += _block(6, fixed + _padded(frame))
        last = self.frames[-1][0] if self.frames else 0
        counts = ((4, struct.pack("<Q", len(self.frames))), (5, struct.pack("<Q", self.dropped)))
        out += _block(5, struct.pack("<III", 0, last >> 32, last & 0xFFFFFFFF) + _options(*counts))
        return bytes(out)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return body + struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


class Recorder:
    """Reads every frame that reaches an interface of the namespace in which `listen` runs, until `stop`.

    The kernel's own time stamps are kept. Frames beyond `limit` are counted as dropped, so that a scenario that runs
    wild cannot fill the memory.
    """

    def __init__(self, interface: str, limit: int = 200_000) -> None:
        self.interface = interface
        self.limit = limit
        self.recording = Recording()
        self.ready = threading.Event()
        self._end = threading.Event()

    def listen(self) -> None:
        """Record until `stop` was called; run it as the work of a thread in the sensor's namespace."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as tap:
            tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            tap.bind((self.interface, 0))
            tap.settimeout(0.1)
            self.ready.set()
            while True:
                if self._end.is_set():
                    tap.settimeout(0)  # what the kernel still holds for us, and no more
                try:
                    frame, ancillary, _, _ = tap.recvmsg(_READ, 64)
                except TimeoutError:
                    continue
                except BlockingIOError:
                    break
                self._keep(frame, ancillary)
            lost = struct.unpack("II", tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
            self.recording.dropped += lost
        self.recording.frames.sort(key=lambda record: record[0])

    def _keep(self, frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        if len(self.recording.frames) >= self.limit:
            self.recording.dropped += 1
            return
        stamp = time.time_ns()
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= 16:
                seconds, rest = struct.unpack("qq", data[:16])
                stamp = seconds * 1_000_000_000 + rest
        self.recording.frames.append((stamp, frame))

    def stop(self) -> None:
        """Let `listen` return within a tenth of a second."""
        self._end.set()
