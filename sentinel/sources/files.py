"""Stored captures: files, compressed files, folder trees, standard input; ordered by their first time stamp."""

from __future__ import annotations

import bz2
import hashlib
import lzma
import mmap
import os
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sentinel.errors import InputError

STDIN = "-"
_HASH_CHUNK = 1 << 20
_FILE_CHUNK = 4 << 20
"""Bytes of a plain file that are hashed at once: whoever waits for the interpreter lock waits 5 ms each time."""
CAPTURE_MAGICS = tuple(
    bytes.fromhex(magic)
    for magic in ("0a0d0d0a", "d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "34cdb2a1", "a1b2cd34")
)
"""First four bytes of a pcapng file, and of pcap files of either byte order, time unit and header size."""


SUFFIXES = (".pcap", ".pcapng", ".cap")
"""Names of files that mean to be captures."""


class Readable(Protocol):
    """What the core reads from: `read(n)` gives at most n bytes, none at the end."""

    def read(self, n: int = -1, /) -> bytes: ...


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


def _lz4() -> Any:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


_COMPRESSIONS: tuple[tuple[bytes, str, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", "gzip", lambda: zlib.decompressobj(31)),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMADecompressor),
    (b"\x04\x22\x4d\x18", "lz4", _lz4),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
)
"""First bytes, name, and what makes a decompressor with `decompress`, `eof` and `unused_data`."""

PIECE = 512
"""Compressed bytes that are expanded at once: the tightest format (zstd) makes 16 MiB of them at most."""


class Plain:
    """An uncompressed stream."""

    def __init__(self, raw: Any):
        self._raw = raw

    def read(self, n: int = -1, /) -> bytes:
        """At most n bytes."""
        return self._raw.read(n)

    def close(self) -> None:
        """Close the stream below."""
        self._raw.close()

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Expanded(Plain):
    """A compressed stream, expanded; one error for whatever its library raises, after all that could be read."""

    def __init__(self, raw: Any, magic: bytes, name: str, make: Callable[[], Any]):
        super().__init__(raw)
        self._magic = magic
        self._name = name
        self._make = make
        self._expander = make()
        self._waiting = b""
        self._ready = bytearray()
        self._end = False
        self._error: OSError | None = None

    def read(self, n: int = -1, /) -> bytes:
        """At most n bytes; OSError where the data are damaged or end early."""
        while not self._end and (n < 0 or len(self._ready) < n):
            self._step()
        if not self._ready and self._error is not None:
            raise self._error
        data = bytes(self._ready if n < 0 else self._ready[:n])
        del self._ready[: len(data)]
        return data

    def _step(self) -> None:
        """Expand one more piece."""
        piece = self._waiting[:PIECE]
        self._waiting = self._waiting[PIECE:]
        if not piece:
            self._waiting = self._raw.read(_HASH_CHUNK)
            if not self._waiting:
                self._stop("they end early")
            return
        try:
            self._ready += self._expander.decompress(piece)
        except Exception as error:  # each library has exceptions of its own, some of them not exported
            self._stop(str(error))
            return
        if self._expander.eof:
            rest = (self._expander.unused_data or b"") + self._waiting
            if not rest:
                rest = self._raw.read(_HASH_CHUNK)
            # several compressed files in a row are one; padding behind the last is none
            self._end = not rest.startswith(self._magic)
            self._waiting = rest
            self._expander = self._make()

    def _stop(self, why: str) -> None:
        self._end = True
        self._error = OSError(f"the {self._name} data are damaged or cut off ({why})")


class Hashing:
    """A stream that hashes and counts what passes, where a hash is not known before: of standard input, and of what a
    compressed capture holds."""

    def __init__(self, raw: Readable):
        self._raw = raw
        self._hash = hashlib.sha256()
        self.size = 0

    def read(self, n: int = -1, /) -> bytes:
        """At most n bytes."""
        data = self._raw.read(n)
        self._hash.update(data)
        self.size += len(data)
        return data

    def close(self) -> None:
        """Read what is left, so that the hash covers the whole stream."""
        while self.read(_HASH_CHUNK):
            pass

    def hexdigest(self) -> str:
        """SHA-256 of what has passed so far."""
        return self._hash.hexdigest()


class _Peeked:
    """A stream with its first bytes put back."""

    def __init__(self, head: bytes, raw: Any):
        self._head = head
        self._raw = raw

    def read(self, n: int = -1, /) -> bytes:
        if self._head:
            if n is None or n < 0:
                data, self._head = self._head + self._raw.read(), b""
                return data
            data, self._head = self._head[:n], self._head[n:]
            return data
        return self._raw.read(n)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self._raw.close()

    @property
    def closed(self) -> bool:
        return False


@dataclass(slots=True)
class Opened:
    """A capture that is open: its decompressed stream, how many bytes of the file were read, and what compresses it."""

    stream: Plain
    compression: str
    position: Callable[[], int]


def decompressed(raw: Any) -> tuple[Plain, str]:
    """The stream behind any compression, told by its first bytes, and the compression's name (or empty)."""
    head = raw.read(6)
    while len(head) < 6:
        more = raw.read(6 - len(head))
        if not more:
            break
        head += more
    if raw.seekable() if hasattr(raw, "seekable") else False:
        raw.seek(0)
    else:
        raw = _Peeked(head, raw)
    for magic, name, make in _COMPRESSIONS:
        if head.startswith(magic):
            return Expanded(raw, magic, name, make), name
    return Plain(raw), ""


def open_capture(path: Path) -> Opened:
    """Open a stored capture; InputError where the file cannot be read."""
    try:
        raw = path.open("rb", buffering=0) if path.suffix in (".pcap", ".pcapng", ".cap") else path.open("rb")
        stream, compression = decompressed(raw)
    except OSError as error:
        raise _unreadable(path, error) from error
    return Opened(stream, compression, lambda: raw.tell() if not raw.closed else 0)


def _unreadable(path: Path, error: OSError) -> InputError:
    why = error.strerror or error
    return InputError("{path}: cannot be read ({why}); check the path and its permissions.", path=path, why=why)


def open_stream(path: Path) -> Plain:
    """The decompressed bytes of a stored capture."""
    return open_capture(path).stream


def open_stdin() -> tuple[Plain, str, Hashing]:
    """Standard input, decompressed, and the hash that runs along."""
    hashing = Hashing(sys.stdin.buffer)
    stream, compression = decompressed(hashing)
    return stream, compression, hashing


def sha256(path: Path) -> str:
    """SHA-256 of a file as it lies on disk; InputError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            size = min(_FILE_CHUNK, os.fstat(file.fileno()).st_size + 1)
            # pages of its own: what the allocator keeps would add to the peak of the analysis that follows
            with mmap.mmap(-1, size) as pages, memoryview(pages) as piece:
                while n := file.readinto(piece):
                    digest.update(piece[:n])
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def content_sha256(path: Path) -> str:
    """SHA-256 of a capture behind its compression; empty where it cannot be expanded to its end."""
    digest = hashlib.sha256()
    with open_capture(path).stream as stream:
        try:
            while data := stream.read(_HASH_CHUNK):
                digest.update(data)
        except OSError:
            return ""
    return digest.hexdigest()


def is_capture(path: Path) -> bool:
    """Whether a file begins as a pcap or pcapng file, behind any compression."""
    try:
        with path.open("rb") as raw:
            head = raw.read(6)
            raw.seek(0)
            if head[:4] in CAPTURE_MAGICS:
                return True
            if any(head.startswith(magic) for magic, _, _ in _COMPRESSIONS):
                stream, _ = decompressed(raw)
                return stream.read(4) in CAPTURE_MAGICS
    except OSError:
        return False
    return False


def find(paths: Iterable[Path | str]) -> list[Path | str]:
    """The captures that paths mean: files as given, folders searched for captures (by content or name); each once.

    InputError where a path does not exist or a folder holds no capture.
    """
    found: list[Path | str] = []
    for given in paths:
        if given == STDIN:
            found.append(STDIN)
            continue
        path = Path(given)
        if path.is_dir():
            every = sorted(p for p in path.rglob("*") if p.is_file())
            # what is named as a capture and is none, or cannot be read, is not passed over in silence
            inside = [p for p in every if p.suffix.lower() in SUFFIXES or is_capture(p)]
            if not any(is_capture(p) or not os.access(p, os.R_OK) for p in inside):
                raise InputError(
                    "{path}: no capture in this folder or below it (pcap or pcapng, plain or compressed).", path=path
                )
            found.extend(inside)
        elif not path.exists():
            raise InputError("{path}: no such file or folder.", path=path)
        else:
            found.append(path)
    return list(dict.fromkeys(found))
