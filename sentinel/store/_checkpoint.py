"""What a run that goes on for months has said so far: visible at once, replaced by what it says later.

Between `commit` of a run's end and nothing at all stands the checkpoint: one transaction that lists the parts written
since the last one, and brings the alerts, facts and assets of the run up to date. A run with checkpoints has the state
`live`; where its program was killed, whoever opens the case next makes it an interrupted one, with all it had said.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from sentinel import schema
from sentinel.store import tables
from sentinel.store._commit import (
    INTERRUPTED,
    LIVE,
    OPEN,
    RUNNING,
    decide,
    delete_ids,
    insert_captures,
    insert_parts,
    keep_extension,
    key_of,
    merge_again,
)
from sentinel.store._parts import Part


@dataclass(slots=True)
class Said:
    """What is new since the last checkpoint. `rows`: merged table -> rows that are new or have changed; `gone`: ids of
    rows that the run takes back; `open`: parts that stand for what is still open, None where they stay as they are."""

    run: int
    captures: Sequence[Mapping[str, Any]] = ()
    parts: Sequence[Part] = ()
    extensions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rows: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    gone: Mapping[str, Iterable[str]] = field(default_factory=dict)
    open: Sequence[Part] | None = None
    summary: str | None = None


def prepare(db: sqlite3.Connection) -> None:
    """Make looking up what a run said of one id fast: a checkpoint does it every few seconds."""
    for table in tables.MERGED_TABLES:
        db.execute(f'CREATE INDEX IF NOT EXISTS "{table}_said" ON "{table}_by_run" ("{key_of(table)}")')


def checkpoint(db: sqlite3.Connection, folder: Path, said: Said) -> list[str]:
    """Make it part of the case; returns files that nothing lists any more."""
    db.execute("UPDATE runs SET state = ? WHERE run = ?", (LIVE, said.run))
    if said.summary is not None:
        db.execute("UPDATE runs SET summary = ? WHERE run = ?", (said.summary, said.run))
    db.executemany("DELETE FROM captures WHERE capture = ?", [(row["capture"],) for row in said.captures])
    insert_captures(db, said.captures)
    insert_parts(db, said.run, said.parts)
    for protocol, columns in said.extensions.items():
        keep_extension(db, folder, protocol, columns)
    files: list[str] = []
    if said.open is not None:
        where = (said.run, "%" + OPEN)
        files = [row[0] for row in db.execute('SELECT file FROM parts WHERE run = ? AND "table" LIKE ?', where)]
        db.execute('DELETE FROM parts WHERE run = ? AND "table" LIKE ?', where)
        insert_parts(db, said.run, [Part(p.table + OPEN, p.file, p.rows, p.bytes) for p in said.open])
    for table in tables.MERGED_TABLES:
        _say(db, table, said.run, said.rows.get(table, []), said.gone.get(table, ()))
    if said.rows.get("alerts"):
        decide(db)
    return files


def replace_parts(db: sqlite3.Connection, run: int, joined: Iterable[tuple[list[Part], Part]]) -> list[str]:
    """List the parts that others were joined into instead of them; returns the files of those."""
    files = []
    for old, new in joined:
        files += [part.file for part in old]
        db.executemany("DELETE FROM parts WHERE file = ?", [(part.file,) for part in old])
        insert_parts(db, run, [new])
    return files


def recover(db: sqlite3.Connection) -> None:
    """Runs that were live when their program was killed become interrupted ones; only for the holder of the lock."""
    runs = [row[0] for row in db.execute("SELECT run FROM runs WHERE state = ?", (LIVE,))]
    for run in runs:
        db.execute("UPDATE runs SET state = ?, ended = ? WHERE run = ?", (INTERRUPTED, time.time_ns(), run))
        db.execute(
            "UPDATE captures SET state = ? WHERE run = ? AND state IN (?, ?)", (INTERRUPTED, str(run), LIVE, RUNNING)
        )
        db.execute(
            'UPDATE parts SET "table" = substr("table", 1, length("table") - ?) WHERE run = ? AND "table" LIKE ?',
            (len(OPEN), run, "%" + OPEN),
        )


def _say(db: sqlite3.Connection, table: str, run: int, rows: list[dict[str, Any]], gone: Iterable[str]) -> None:
    key = key_of(table)
    ids = {row[key] for row in rows} | set(gone)
    if not ids:
        return
    wanted = json.dumps(sorted(ids))
    db.execute(
        f'DELETE FROM "{table}_by_run" WHERE by_run = ? AND "{key}" IN (SELECT value FROM json_each(?))', (run, wanted)
    )
    names = [column.name for column in schema.TABLES[table].columns]
    db.executemany(
        tables.insert_sql(table, f"{table}_by_run", ("by_run",)),
        [(run, *values) for values in map(itemgetter(*names), rows)],
    )
    delete_ids(db, table, ids)
    merge_again(db, table, ids)
