"""Captures that come as streams: a pipe, pcap over IP, files that another program drops. Each looks like a port.

A thread reads the stream with the core's own reader and writes its frames as pcapng packet blocks; `drain` hands them
on as a live port does. So what comes this way is recorded, numbered and analysed like anything that a port delivers.
Nothing is lost on the way: while too much waits the thread does not read, and the sender has to wait.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from sentinel.errors import InputError
from sentinel.sources.files import SUFFIXES, Readable, open_stream
from sentinel.sources.live import Counters
from sentinel.wire.capture import CaptureReader
from sentinel.wire.ring import Drained

MAX_WAITING = 16 << 20
"""Bytes of blocks that wait to be taken."""
PIECE = 1 << 17
"""Bytes of blocks that are handed over together, at the latest when the stream pauses."""
FIRST_SECONDS = 10.0
"""How long the first frame may take: it tells the kind of link."""
AGAIN_SECONDS = 2.0
"""Until a server that ended, or was not there, is asked again."""
QUIET_SECONDS = 10.0
"""A dropped file that has not grown for so long is complete; one with a newer file behind it is at once."""
LOOK_SECONDS = 0.5
PREFIXES = ("tcp://", "follow:")
_log = logging.getLogger(__name__)

Opened = Iterator[Readable]


def is_stream(name: str) -> bool:
    """Whether a source is a stream, and no interface."""
    return name == "-" or name.startswith(PREFIXES)


class StreamPort:
    """A stream of captures as a port. Use it as a context manager, or call `close`."""

    def __init__(self, name: str, *, number: int = 0):
        """InputError where the source makes no sense, or tells no kind of link within FIRST_SECONDS."""
        self.name = name
        self.number = number
        self.link = -1
        self.counters = Counters()
        self.error: str = ""
        self._ended = threading.Event()
        self._known = threading.Event()
        self._pieces: deque[tuple[bytes, int, int]] = deque()
        self._waiting = 0
        self._parts: list[bytes] = []
        self._frames = self._octets = self._size = 0
        self._room = threading.Condition()
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        opened = _source(name, self._ended)
        self._thread = threading.Thread(target=self._work, args=(opened,), name=f"stream-{number}", daemon=True)
        self._thread.start()
        if name.startswith("follow:"):  # the first file may come in an hour; other kinds than Ethernet are counted
            self.link = 1
        elif not self._known.wait(FIRST_SECONDS) or self.link < 0:
            self.close()
            raise InputError("{name}: no capture comes from there ({why})", name=name, why=self.error or "silence")

    def fileno(self) -> int:
        """For select and poll: readable while frames wait."""
        return self._ready

    @property
    def over(self) -> bool:
        """Whether the source has ended, and everything of it was taken."""
        return not self._thread.is_alive() and not self._pieces

    def drain(self, out: memoryview, done: Drained, max_blocks: int = 1 << 30) -> bool:
        """Write waiting packet blocks to `out`; True where some still wait for room."""
        with self._room:
            while self._pieces and max_blocks > 0:
                data, frames, octets = self._pieces[0]
                if done.at + len(data) > len(out):
                    return True
                self._pieces.popleft()
                self._waiting -= len(data)
                max_blocks -= 1
                out[done.at : done.at + len(data)] = data
                done.at += len(data)
                done.frames += frames
                done.bytes += octets
                self.counters.frames += frames
                self.counters.bytes += octets
            if not self._pieces:
                _reset(self._ready)
            self._room.notify()
            return bool(self._pieces)

    def statistics(self) -> Counters:
        """The counters; `damaged` counts frames of another kind of link, and streams that ended in a fault."""
        return self.counters

    def clear_error(self) -> int:
        """A stream has no error that waits."""
        return 0

    def close(self) -> None:
        """Read no more."""
        if self._ended.is_set():
            return
        self._ended.set()
        with self._room:
            self._room.notify_all()
        self._thread.join(0.2)
        os.close(self._ready)

    def __enter__(self) -> StreamPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self, opened: Opened) -> None:
        """The thread: one capture after the other."""
        try:
            for stream in opened:
                self._copy(stream)
                if self._ended.is_set():
                    return
        except OSError as error:
            self.error = str(error.strerror or error)
        finally:
            self._known.set()

    def _copy(self, stream: Readable) -> None:
        """Hand on the frames of one capture."""
        reader = CaptureReader(_Prompt(stream, self._flush))
        while not self._ended.is_set() and reader.next():
            if self.link < 0:
                self.link = reader.link
                self._known.set()
            if reader.link != self.link:
                self.counters.damaged += 1
                continue
            data = reader.data()
            total = 32 + (len(data) + 3) // 4 * 4
            head = struct.pack(
                "<7I", 6, total, self.number, reader.time >> 32, reader.time & 0xFFFFFFFF, len(data), reader.wire
            )
            self._parts += (head, data, bytes(-len(data) % 4), struct.pack("<I", total))
            self._frames += 1
            self._octets += reader.wire
            self._size += total
            if self._size >= PIECE:
                self._flush()
        self._flush()
        if reader.fault:
            self.counters.damaged += 1
            self.error = reader.fault_detail

    def _flush(self) -> None:
        """Hand over what was gathered; waits while much waits already."""
        if not self._parts:
            return
        data = b"".join(self._parts)
        with self._room:
            self._room.wait_for(lambda: self._waiting < MAX_WAITING or self._ended.is_set())
            if self._ended.is_set():
                return
            self._pieces.append((data, self._frames, self._octets))
            self._waiting += len(data)
            os.eventfd_write(self._ready, 1)
        self._parts = []
        self._frames = self._octets = self._size = 0


class _Prompt:
    """A stream that hands on what was gathered before it waits for more."""

    def __init__(self, stream: Readable, flush: Callable[[], None]):
        self._stream = stream
        self._flush = flush

    def read(self, n: int = -1, /) -> bytes:
        self._flush()
        return self._stream.read(n)


class _Raw:
    """What a descriptor has, as soon as it has any: a buffered stream would wait for all that was asked for."""

    def __init__(self, read: Callable[[int], bytes]):
        self._read = read

    def read(self, n: int = -1, /) -> bytes:
        return self._read(min(n, 1 << 20) if n >= 0 else 1 << 20)


def _reset(eventfd: int) -> None:
    try:
        os.eventfd_read(eventfd)
    except BlockingIOError:  # it was not set
        return


def _source(name: str, ended: threading.Event) -> Opened:
    """The captures of a source, one after the other. InputError where its name makes no sense."""
    if name == "-":
        return iter([_Raw(lambda n: os.read(sys.stdin.fileno(), n))])
    if name.startswith("tcp://"):
        host, colon, port = name.removeprefix("tcp://").rpartition(":")
        if not colon or not host or not port.isdigit():
            raise InputError("{name}: write tcp://host:port", name=name)
        return _connections(host.strip("[]"), int(port), ended)
    folder = Path(name.removeprefix("follow:"))
    if not folder.is_dir():
        raise InputError("{path}: no such file or folder.", path=folder)
    return _dropped(folder, ended)


def _connections(host: str, port: int, ended: threading.Event) -> Opened:
    """Pcap over IP: what a server sends, again and again."""
    first = True
    while not ended.is_set():
        try:
            with socket.create_connection((host, port), timeout=FIRST_SECONDS) as connection:
                first = False
                connection.settimeout(None)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                yield _Raw(connection.recv)
        except OSError:
            if first:
                raise
        ended.wait(AGAIN_SECONDS)


def _dropped(folder: Path, ended: threading.Event) -> Opened:
    """The captures of a folder in the order of their names, each when it is complete."""
    done: set[tuple[str, int]] = set()
    while not ended.is_set():
        files = _captures(folder)
        for place, (path, inode, changed) in enumerate(files):
            complete = place < len(files) - 1 or time.time() - changed > QUIET_SECONDS
            if (path.name, inode) in done or not complete:
                continue
            done.add((path.name, inode))
            try:
                stream = open_stream(path)
            except InputError as error:  # taken away since it was listed, or somebody else's
                _log.warning("%s", error)
                continue
            with stream:
                yield stream
        done &= {(path.name, inode) for path, inode, _ in _captures(folder)}
        ended.wait(LOOK_SECONDS)


def _captures(folder: Path) -> list[tuple[Path, int, float]]:
    """The captures of a folder by name, each with its inode and when it changed; others may come and go meanwhile."""
    found = []
    for path in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and any(suffix in SUFFIXES for suffix in path.suffixes):
                found.append((path, status.st_ino, status.st_mtime))
    return found
