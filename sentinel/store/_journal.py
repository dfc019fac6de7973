"""What people say of a case and what is concluded from it: the append-only journal and the frozen assessments."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import zstandard

from sentinel.errors import NoSuchRow
from sentinel.store._database import Database, numbered

MAX_ASSESSMENT = 1 << 30
"""Bytes of an assessment's JSON."""


def append(database: Database, entries: Iterable[tuple[str, str, Any]], author: str, source: str) -> int:
    """Write entries (kind, subject, value) in one transaction; the number of the last, 0 where there were none."""
    now = time.time_ns()
    rows = [
        (kind, subject, json.dumps(value, ensure_ascii=False, sort_keys=True), author, now, source)
        for kind, subject, value in entries
    ]
    with database.transaction() as db:
        db.executemany(
            "INSERT INTO journal (entry, kind, subject, value, author, time, source) "
            "VALUES ((SELECT coalesce(max(entry), 0) + 1 FROM journal), ?, ?, ?, ?, ?, ?)",
            rows,
        )
        last = db.execute("SELECT max(entry) FROM journal").fetchone()[0]
    return last if rows else 0


def entries(database: Database, kind: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
    """Every entry, oldest first, of one kind and one subject where they are given; `value` is parsed."""
    rows = database.all(
        "SELECT entry, kind, subject, value, author, time, source FROM journal "
        "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR subject = ?2) ORDER BY entry",
        numbered(kind, subject),
    )
    return [{**dict(row), "value": json.loads(row["value"])} for row in rows]


def current(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Subject -> its newest entry, of entries of one kind; subjects that were taken back are left out."""
    newest = {row["subject"]: row for row in rows}
    return {subject: row for subject, row in newest.items() if row["value"] is not None}


def save_assessment(database: Database, row: Mapping[str, Any], content: bytes) -> None:
    """Keep a snapshot: `row` has assessment, as_of, profile and packs. One that is there already is left as it is."""
    packed = zstandard.ZstdCompressor(level=3).compress(content)
    with database.transaction() as db:
        db.execute(
            "INSERT OR IGNORE INTO assessments (assessment, as_of, saved, profile, packs, content) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (row["assessment"], row["as_of"], time.time_ns(), row["profile"], json.dumps(list(row["packs"])), packed),
        )


def assessments(database: Database) -> list[dict[str, Any]]:
    """The snapshots, oldest first, without their content."""
    rows = database.all("SELECT assessment, as_of, saved, profile, packs FROM assessments ORDER BY saved, assessment")
    return [{**dict(row), "packs": json.loads(row["packs"])} for row in rows]


def assessment(database: Database, id_: str) -> bytes:
    """The JSON of one snapshot, by its id or the beginning of it; NoSuchRow where none or several fit."""
    begins = "SELECT content FROM assessments WHERE substr(assessment, 1, length(?1)) = ?1 LIMIT 2"
    rows = database.all(begins, numbered(id_))
    if len(rows) != 1 or not id_:
        raise NoSuchRow(
            "{path}: no assessment, or several, begin with {id!r}; list them with: sentinel assess --list",
            path=database.path.parent, id=id_,
        )  # fmt: skip
    return zstandard.ZstdDecompressor().decompress(rows[0]["content"], max_output_size=MAX_ASSESSMENT)
