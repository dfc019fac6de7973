"""What happens to `case.db` within the transactions of a run: it is begun, becomes part of the case, or is deleted.

Facts, assets and alerts are kept twice: `<table>_by_run` holds what each run said, `<table>` one row for each id,
merged over all runs. So a run that is replaced takes away exactly what it had brought.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from sentinel import schema
from sentinel.errors import CaseError
from sentinel.store import merge, tables
from sentinel.store._database import numbered
from sentinel.store._parts import Part

RUNNING, LIVE, COMPLETE, INTERRUPTED = "running", "live", "complete", "interrupted"

OPEN = "/open"
"""What follows a table's name where a part holds rows that a live run will write again, complete, when they are."""

_IN_HASHES = "IN (SELECT value FROM json_each(?2))"
HASHED = f"(sha256 {_IN_HASHES} OR content_sha256 {_IN_HASHES})"
"""Condition on captures: one of the hashes of the second parameter, a JSON list, is theirs."""

_MERGE: dict[str, Callable[[Iterable[Mapping[str, Any]]], list[merge.Row]]] = {
    "facts": merge.merge_facts,
    "assets": merge.merge_assets,
    "alerts": merge.merge_alerts,
}


@dataclass(slots=True)
class Outcome:
    """All that a run leaves in the database.

    `rows`: table of `tables.MERGED_TABLES` -> rows of the run, as `tables.as_values` makes them.
    """

    run: int
    state: str
    captures: list[dict[str, Any]]
    parts: list[Part]
    extensions: dict[str, dict[str, str]]
    rows: dict[str, list[tuple[Any, ...]]]
    summary: str


def begin(
    db: sqlite3.Connection, captures: Sequence[Mapping[str, Any]], first: int | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Give out the number of a run and those of its captures, from `first`, and keep both as running."""
    run = db.execute("SELECT coalesce(max(run), 0) + 1 FROM runs").fetchone()[0]
    if first is None:
        first = db.execute("SELECT coalesce(max(capture), 0) + 1 FROM captures").fetchone()[0]
    db.execute("INSERT INTO runs (run, state, started, summary) VALUES (?, ?, ?, '{}')", (run, RUNNING, time.time_ns()))
    rows = [
        {**capture, "capture": first + k, "run": str(run), "state": RUNNING, "sha256": capture.get("sha256") or ""}
        for k, capture in enumerate(captures)
    ]
    insert_captures(db, rows)
    return run, rows


def commit(db: sqlite3.Connection, folder: Path, outcome: Outcome, drop: bool) -> list[str]:
    """Make a run part of the case; returns the files of the runs that it replaces, which nothing lists any more."""
    hashes = hashes_of(outcome.captures)
    refuse_known(db, folder, hashes)
    replaced = replaceable(db, folder, hashes, drop)
    files = [row[0] for run in replaced for row in db.execute("SELECT file FROM parts WHERE run = ?", (run,))]
    affected = {table: _ids(db, table, [*replaced, outcome.run]) for table in tables.MERGED_TABLES}
    for run in replaced:
        delete_run(db, run)
    files += forget_said(db, outcome.run)
    db.execute(
        "UPDATE runs SET state = ?, ended = ?, summary = ? WHERE run = ?",
        (outcome.state, time.time_ns(), outcome.summary, outcome.run),
    )
    db.execute("DELETE FROM captures WHERE run = ?", (str(outcome.run),))
    insert_captures(db, outcome.captures)
    db.execute("DELETE FROM parts WHERE run = ?", (outcome.run,))
    insert_parts(db, outcome.run, outcome.parts)
    for protocol, columns in outcome.extensions.items():
        keep_extension(db, folder, protocol, columns)
    for table, rows in outcome.rows.items():
        _keep_rows(db, table, outcome.run, rows, affected[table])
    decide(db)
    return files


def forget_said(db: sqlite3.Connection, run: int) -> list[str]:
    """Delete what a run said at its checkpoints, but for its share in the merged tables, and its rows of what was still
    open then; returns their files. A run without checkpoints has said nothing."""
    for table in tables.MERGED_TABLES:
        db.execute(f'DELETE FROM "{table}_by_run" WHERE by_run = ?', (run,))
    return forget_open(db, run)


def forget_open(db: sqlite3.Connection, run: int) -> list[str]:
    """List the rows no longer that stood for what was still open in a run; returns their files."""
    where = (run, "%" + OPEN)
    files = [row[0] for row in db.execute('SELECT file FROM parts WHERE run = ? AND "table" LIKE ?', where)]
    db.execute('DELETE FROM parts WHERE run = ? AND "table" LIKE ?', where)
    return files


def delete_run(db: sqlite3.Connection, run: int) -> None:
    """Delete all rows of a run but for its share in the merged tables (a run that is running has none)."""
    forget_said(db, run)
    for table in ("parts", "spans", "thinned"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
    db.execute("DELETE FROM captures WHERE run = ?", (str(run),))
    db.execute("DELETE FROM runs WHERE run = ?", (run,))


def delete_running(db: sqlite3.Connection) -> None:
    """Delete what killed runs left behind; only for the holder of the case's lock."""
    for (run,) in db.execute("SELECT run FROM runs WHERE state = ?", (RUNNING,)).fetchall():
        delete_run(db, run)


def hashes_of(captures: Iterable[Mapping[str, Any]]) -> list[str]:
    """The SHA-256 of the files and of what they hold behind their compression, as far as they are known."""
    rows = map(dict, captures)
    return [row[name] for row in rows for name in ("sha256", "content_sha256") if row.get(name)]


def known_hashes(db: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, int]:
    """SHA-256, of a file or of what it holds -> capture number, of those captures that a complete run read."""
    rows = db.execute(
        "SELECT sha256, content_sha256, capture FROM captures JOIN runs ON captures.run = runs.run"
        f" WHERE runs.state = ?1 AND {HASHED}",
        numbered(COMPLETE, json.dumps(list(hashes))),
    )
    return {hash_: row["capture"] for row in rows.fetchall() for hash_ in hashes_of([row])}


def refuse_known(db: sqlite3.Connection, folder: Path, hashes: Sequence[str]) -> None:
    """CaseError where a capture is in the case already, because its rows would stand there twice."""
    known = known_hashes(db, hashes)
    if known:
        sha256, capture = next(iter(known.items()))
        raise CaseError(
            "{path}: the capture with SHA-256 {sha256} is in the case already, as number {capture}; leave it out.",
            path=folder,
            sha256=sha256,
            capture=capture,
        )


def replaceable(db: sqlite3.Connection, folder: Path, hashes: Sequence[str], drop: bool) -> list[int]:
    """The interrupted runs that a run over these captures replaces.

    CaseError where such a run also read captures that this one does not, unless `drop`: they would vanish.
    """
    share = db.execute(
        "SELECT DISTINCT captures.run FROM captures JOIN runs ON captures.run = runs.run"
        f" WHERE runs.state = ?1 AND {HASHED}",
        numbered(INTERRUPTED, json.dumps(hashes)),
    ).fetchall()
    runs = [int(row[0]) for row in share]
    for run in runs:
        rows = db.execute(
            "SELECT path, sha256, content_sha256 FROM captures WHERE run = ? ORDER BY capture", (str(run),)
        ).fetchall()
        lost = [row["path"] for row in rows if not set(hashes).intersection(hashes_of([row]))]
        if lost and not drop:
            raise CaseError(
                "{path}: the interrupted analysis of these captures had also read {names}; analyse them together, so "
                "that nothing is lost.",
                path=folder,
                names=", ".join(lost[:3]) + (" ..." if len(lost) > 3 else ""),
            )
    return runs


def insert_captures(db: sqlite3.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows of captures."""
    db.executemany(tables.insert_sql("captures", "captures"), tables.as_values("captures", rows))


def replace_captures(db: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows of captures, or put them in the place of those with their numbers."""
    rows = list(rows)
    db.executemany("DELETE FROM captures WHERE capture = ?", [(row["capture"],) for row in rows])
    insert_captures(db, rows)


def insert_parts(db: sqlite3.Connection, run: int, parts: Iterable[Part]) -> None:
    """List parts of a run."""
    db.executemany(
        'INSERT INTO parts ("table", file, rows, bytes, run) VALUES (?, ?, ?, ?, ?)',
        [(part.table, part.file, part.rows, part.bytes, run) for part in parts],
    )


def keep_extension(db: sqlite3.Connection, folder: Path, protocol: str, columns: Mapping[str, str]) -> None:
    """Add the columns of a parser's own table to those that earlier runs wrote; CaseError where a type changed."""
    kept = dict(db.execute("SELECT name, type FROM extensions WHERE protocol = ?", (protocol,)).fetchall())
    for name, type_ in columns.items():
        if kept.get(name, type_) != type_:
            raise CaseError(
                "{path}: column {name} of ext/{protocol} was {before} when the case was begun and is {now} in this "
                "program; analyse the captures into a new folder.",
                path=folder,
                name=name,
                protocol=protocol,
                before=kept[name],
                now=type_,
            )
        if name not in kept:
            kept[name] = type_
            db.execute("INSERT INTO extensions VALUES (?, ?, ?, ?)", (protocol, len(kept), name, type_))


def key_of(table: str) -> str:
    """The column that tells rows of a merged table apart."""
    return schema.TABLES[table].key[0]


def _ids(db: sqlite3.Connection, table: str, runs: Iterable[int]) -> set[str]:
    """Ids of the merged table to which one of the runs contributed."""
    sql = f'SELECT "{key_of(table)}" FROM "{table}_by_run" WHERE by_run = ?'
    return {row[0] for run in runs for row in db.execute(sql, (run,))}


def _keep_rows(db: sqlite3.Connection, table: str, run: int, rows: list[tuple[Any, ...]], affected: set[str]) -> None:
    """Keep what a run said, and merge it with what the others said; `affected` are ids of which some run has gone."""
    key = key_of(table)
    names = [column.name for column in schema.TABLES[table].columns]
    own = set(map(itemgetter(names.index(key)), rows))
    if len(own) < len(rows):  # several rows speak of the same thing
        merged = _MERGE[table](dict(zip(names, row, strict=True)) for row in rows)
        rows = list(map(itemgetter(*names), merged))
    db.executemany(tables.insert_sql(table, f"{table}_by_run", ("by_run",)), ((run, *row) for row in rows))
    among_mine = f'IN (SELECT "{key}" FROM "{table}_by_run" WHERE by_run = ?)'
    sql = f'SELECT "{key}" FROM "{table}_by_run" WHERE by_run <> ? AND "{key}" {among_mine}'
    shared = {row[0] for row in db.execute(sql, (run, run))}
    delete_ids(db, table, affected | shared)
    merge_again(db, table, affected - own | shared)
    # rows of which no other run speaks, mostly all of them, are copied without becoming objects
    columns = ", ".join(f'"{name}"' for name in names)
    db.execute(
        f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM "{table}_by_run" WHERE by_run = ?'
        f' AND "{key}" NOT IN (SELECT value FROM json_each(?)) ORDER BY rowid',
        (run, json.dumps(sorted(shared))),
    )


def merged(table: str, rows: Iterable[Mapping[str, Any]]) -> list[merge.Row]:
    """One row an id of a merged table, from rows that may speak of the same."""
    return _MERGE[table](rows)


def delete_ids(db: sqlite3.Connection, table: str, ids: set[str]) -> None:
    """Delete merged rows."""
    db.execute(
        f'DELETE FROM "{table}" WHERE "{key_of(table)}" IN (SELECT value FROM json_each(?))', (json.dumps(sorted(ids)),)
    )


def merge_again(db: sqlite3.Connection, table: str, ids: set[str]) -> None:
    """Add the rows of these ids anew from what all runs said; ids of which no run speaks any more stay away."""
    names = [column.name for column in schema.TABLES[table].columns]
    columns = ", ".join(f'"{name}"' for name in names)
    said = db.execute(
        f'SELECT {columns} FROM "{table}_by_run" WHERE "{key_of(table)}" IN (SELECT value FROM json_each(?))'
        " ORDER BY by_run, rowid",
        (json.dumps(sorted(ids)),),
    )
    rows = _MERGE[table](dict(row) for row in said)
    db.executemany(tables.insert_sql(table, table), map(itemgetter(*names), rows))


def decide(db: sqlite3.Connection) -> None:
    """Give each alert the state that a person last gave it."""
    db.execute("UPDATE alerts SET state = 'open' WHERE state = ''")
    db.execute(
        "UPDATE alerts SET state = (SELECT said.state FROM alert_history AS said WHERE said.alert = alerts.alert"
        " ORDER BY said.entry DESC LIMIT 1) WHERE alert IN (SELECT alert FROM alert_history)"
    )
