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
    forget_open,
    insert_parts,
    keep_extension,
    key_of,
    merge_again,
    replace_captures,
)
from sentinel.store._parts import Part


@dataclass(slots=True)
class Said:
    """What is new since the last checkpoint. `rows`: merged table -> rows that are new or have changed; `gone`: ids of
    rows that the run takes back; `open`: parts that stand for what is still open, None where they stay as they are;
    `marks`: how far the run has come, as JSON."""

    run: int
    captures: Sequence[Mapping[str, Any]] = ()
    parts: Sequence[Part] = ()
    extensions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rows: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    gone: Mapping[str, Iterable[str]] = field(default_factory=dict)
    open: Sequence[Part] | None = None
    summary: str | None = None
    marks: str | None = None


def prepare(db: sqlite3.Connection, run: int) -> None:
    """Before the first checkpoint of a run: it now tells how far its program has come, earlier ones no longer do.

    Looking up what a run said of one id is made fast, because a checkpoint does it every few seconds.
    """
    forget_marks(db, run - 1)
    for table in tables.MERGED_TABLES:
        db.execute(f'CREATE INDEX IF NOT EXISTS "{table}_said" ON "{table}_by_run" ("{key_of(table)}")')


def checkpoint(db: sqlite3.Connection, folder: Path, said: Said) -> list[str]:
    """Make it part of the case; returns files that nothing lists any more."""
    db.execute("UPDATE runs SET state = ? WHERE run = ?", (LIVE, said.run))
    if said.summary is not None:
        db.execute("UPDATE runs SET summary = ? WHERE run = ?", (said.summary, said.run))
    if said.marks is not None:
        db.execute(
            "UPDATE runs SET summary = json_set(summary, '$.marks', json(?)) WHERE run = ?", (said.marks, said.run)
        )
    replace_captures(db, said.captures)
    insert_parts(db, said.run, said.parts)
    for protocol, columns in said.extensions.items():
        keep_extension(db, folder, protocol, columns)
    files: list[str] = []
    if said.open is not None:
        files = forget_open(db, said.run)
        insert_parts(db, said.run, [Part(p.table + OPEN, p.file, p.rows, p.bytes) for p in said.open])
    for table in tables.MERGED_TABLES:
        say(db, table, said.run, said.rows.get(table, []), said.gone.get(table, ()))
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


def forget_marks(db: sqlite3.Connection, last: int) -> None:
    """Runs up to this one are not to be finished by anybody any more."""
    db.execute(
        "UPDATE runs SET summary = json_remove(summary, '$.marks')"
        " WHERE run <= ? AND json_type(summary, '$.marks') IS NOT NULL",
        (last,),
    )


def recover(db: sqlite3.Connection, keep_open: bool = False) -> None:
    """Runs that were live when their program was killed become interrupted ones; only for the holder of the lock.

    What was open then counts as ended, unless `keep_open`: the caller finishes the run (`store.resumed`).
    """
    runs = [row[0] for row in db.execute("SELECT run FROM runs WHERE state = ?", (LIVE,))]
    for run in runs:
        db.execute("UPDATE runs SET state = ?, ended = ? WHERE run = ?", (INTERRUPTED, time.time_ns(), run))
        db.execute(
            "UPDATE captures SET state = ? WHERE run = ? AND state IN (?, ?)", (INTERRUPTED, str(run), LIVE, RUNNING)
        )
    if not keep_open:
        end_open(db)


def end_open(db: sqlite3.Connection) -> None:
    """What was still open in interrupted runs has ended there."""
    db.execute(
        'UPDATE parts SET "table" = substr("table", 1, length("table") - ?) WHERE "table" LIKE ?'
        " AND run IN (SELECT run FROM runs WHERE state = ?)",
        (len(OPEN), "%" + OPEN, INTERRUPTED),
    )


def say(db: sqlite3.Connection, table: str, run: int, rows: list[dict[str, Any]], gone: Iterable[str]) -> None:
    """A run says these rows of a merged table now, instead of what it said of their ids, and no longer those `gone`."""
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
