"""`file:///var/log/sentinel/eve.json`: JSON lines, one document each, rotated by size.

A line is the ECS document with, at its front, what readers of Suricata's eve.json look for: `timestamp`, `event_type`,
`src_ip`, `src_port`, `dest_ip`, `dest_port`, `proto`, and `alert` for alerts. Lines are on disk before they count as
sent; one that was written half when the power went is ended by a line break before the next.

    size=100m      rotate when the file is larger; 0: never
    keep=5         so many old files (eve.json.1 is the newest of them)
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentinel.errors import SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable
from sentinel.sinks.documents import Document, compact
from sentinel.store.outbox import OFFERED

SCHEMES = ("file",)
DEFAULT_SIZE = 100 << 20
SURICATA_SEVERITY = {"critical": 1, "high": 1, "medium": 2, "low": 3, "informational": 4}


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; SinkError where the folder is not there or cannot be written."""
    path = Path(target.path)
    if target.host or not target.path.startswith("/") or target.path.endswith("/"):
        raise SinkError("{uri}: write the whole path of a file: file:///folder/file.json.", uri=target.name)
    if not path.parent.is_dir():
        raise SinkError("{uri}: there is no folder {path}; make it first.", uri=target.name, path=path.parent)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SinkError("{uri}: cannot be written: it is a folder, or permission is denied.", uri=target.name)
    return File(target, path, target.size("size", DEFAULT_SIZE, 0, 1 << 44), target.integer("keep", 5, 0, 1000))


class File(Sink):
    """One growing file and its older ones."""

    TABLES = OFFERED
    BATCH = 1000
    REFRESH = 300.0

    def __init__(self, target: Target, path: Path, size: int, keep: int):
        self._target = target
        self._path = path
        self._size = size
        self._keep = keep
        self._stream: io.FileIO | None = None

    def send(self, documents: Sequence[Document]) -> Sent:
        """Write one line each, and see them on disk."""
        lines = b"".join(_encoded(document) for document in documents)
        try:
            stream = self._opened(len(lines))
            start = stream.tell()
            try:
                _write_all(stream, lines)
                os.fsync(stream.fileno())
            except OSError:
                os.ftruncate(stream.fileno(), start)  # all of them come again
                raise
        except OSError as error:
            self.close()
            raise Unavailable("{uri}: cannot be written: {why}.", uri=self._target.name, why=error.strerror) from error
        return Sent(len(documents))

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _opened(self, coming: int) -> io.FileIO:
        """The file, after rotation where it would grow too large; also where somebody else moved it away."""
        if self._stream is not None and not self._is_mine(self._stream):
            self.close()
        if self._stream is None:
            self._stream = io.FileIO(self._path, "ab")
            self._end_half_a_line(self._stream)
        if self._size and self._stream.tell() and self._stream.tell() + coming > self._size:
            self.close()
            self._rotate()
            self._stream = io.FileIO(self._path, "ab")
        return self._stream

    def _is_mine(self, stream: io.FileIO) -> bool:
        try:
            return os.path.samestat(os.fstat(stream.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def _end_half_a_line(self, stream: io.FileIO) -> None:
        size = stream.seek(0, os.SEEK_END)
        if size:
            with self._path.open("rb") as old:
                old.seek(-1, os.SEEK_END)
                if old.read(1) != b"\n":
                    stream.write(b"\n")

    def _rotate(self) -> None:
        if self._keep == 0:
            self._path.unlink()
            return
        for number in range(self._keep - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def line(document: Document) -> dict[str, Any]:
    """A document as one line of the file."""
    body, row = document.body, document.row
    network = body.get("network", {})
    source, destination = body.get("source", {}), body.get("destination", {})
    front = {
        "timestamp": body["@timestamp"], "event_type": _event_type(document.table), "host": body["observer"]["name"],
        "src_ip": source.get("address"), "src_port": source.get("port"), "dest_ip": destination.get("address"),
        "dest_port": destination.get("port"), "proto": network.get("transport", "").upper() or None,
        "app_proto": network.get("protocol"), "community_id": network.get("community_id"),
    }  # fmt: skip
    if document.table == "alerts":
        front["alert"] = {
            "signature_id": row["rule"], "signature": row["title_en"] or row["name"], "category": row["name"],
            "severity": SURICATA_SEVERITY.get(row["severity"], 4), "action": "allowed",
        }  # fmt: skip
    return {**{name: value for name, value in front.items() if value is not None}, "id": document.id, **body}


def _event_type(table: str) -> str:
    return {"alerts": "alert", "flows": "flow", "faults": "anomaly", "held": "stats"}.get(table, f"ics_{table}")


def _encoded(document: Document) -> bytes:
    return compact(line(document)).encode() + b"\n"


def _write_all(stream: io.FileIO, data: bytes) -> None:
    """Write all of it: a disk that fills up takes a part and says so only at the next call."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) or 0 :]
