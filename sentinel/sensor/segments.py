"""What the ports delivered, kept as captures: pcapng files that follow each other, each one a capture of the case.

The bytes are those that the core reads, so a segment that is analysed later gives the rows that the sensor gave. A
segment that was being written when the program was killed ends in the middle of a block, and is read up to there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sentinel.errors import OutputError

SUFFIX = ".pcapng"
COMPRESSED = SUFFIX + ".zst"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A segment as it lies on disk: `content_sha256` is that of the capture behind the compression."""

    path: Path
    sha256: str
    content_sha256: str
    bytes: int


class Segment:
    """One capture that grows. Without a folder nothing is kept, and only its bytes are counted."""

    def __init__(self, folder: Path | None, capture: int, header: bytes):
        """OutputError where the file cannot be made."""
        self.capture = capture
        self.bytes = 0
        self.began = time.monotonic()
        self.path: Path | None = None
        self._file = None
        self._hash = hashlib.sha256()
        if folder is not None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            self.path = folder / f"{stamp}-{capture:06d}{SUFFIX}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("xb", buffering=0)
            except OSError as error:
                raise _refused(self.path, error) from error
        self.write(header)

    def write(self, data: bytes | memoryview) -> None:
        """Add whole blocks. OutputError where the disk refuses; what was written until then stays."""
        if self._file is not None:
            self._hash.update(data)
            left = memoryview(data)
            try:
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                raise _refused(self._file.name, error) from error
        self.bytes += len(data)

    def end(self) -> Kept | None:
        """Close the file; what it is now, None where nothing is kept."""
        if self._file is None or self.path is None:
            return None
        try:
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _refused(self.path, error) from error
        digest = self._hash.hexdigest()
        return Kept(self.path, digest, digest, self.bytes)

    def give_up(self) -> None:
        """Keep nothing of it: the disk refused, and a part of a segment would be taken for the whole."""
        if self._file is not None and self.path is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._file = self.path = None


def compressed(kept: Kept, level: int = 3) -> Kept:
    """The segment, compressed with zstd in place of the plain file. OutputError leaves the plain one."""
    import zstandard

    target = kept.path.with_name(kept.path.name.removesuffix(SUFFIX) + COMPRESSED)
    temporary = target.with_name(target.name + ".tmp")
    digest = hashlib.sha256()
    size = 0
    packer = zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj()
    try:
        with kept.path.open("rb") as source, temporary.open("wb") as out:
            while True:
                data = source.read(_CHUNK)
                packed = packer.compress(data) if data else packer.flush()
                digest.update(packed)
                size += len(packed)
                out.write(packed)
                if not data:
                    break
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _refused(target, error) from error
    return Kept(target, digest.hexdigest(), kept.content_sha256, size)


def found_again(path: Path) -> Kept | None:
    """A segment whose writer was killed, hashed as it lies there; None where it is gone."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Kept(path, digest, digest, file.tell())
    except OSError:
        return None


def surplus(folder: Path, cap: int, keep: Iterable[Path] = ()) -> list[Path]:
    """The oldest segments of a folder that must go so that the rest is not larger than `cap` bytes."""
    spared = set(keep)
    sizes: dict[Path, int] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}*")):
        with suppress(FileNotFoundError):  # the compressor, in its own thread, renames and deletes meanwhile
            found = path.stat()
            if stat.S_ISREG(found.st_mode):
                sizes[path] = found.st_size
    total = sum(sizes.values())
    gone = []
    for path in sizes:
        if total <= cap:
            break
        if path not in spared:
            gone.append(path)
            total -= sizes[path]
    return gone


def _refused(path: Path | str, error: OSError) -> OutputError:
    why = error.strerror or error
    return OutputError("{path}: cannot be written ({why}); choose another place.", path=path, why=why)
