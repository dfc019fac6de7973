"""The run that a killed sensor left behind, finished: what it had read, but not yet stored, is added to it.

A live run says at each checkpoint how far its parts have come (`marks` in its summary). Whoever reads the rest from the
recorded segments adds it in one transaction, after which the run is complete as if it had ended in good order. Killed
before that, nothing has happened, and the next one begins again.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from sentinel import schema
from sentinel.store import _checkpoint, _commit, tables
from sentinel.store._commit import COMPLETE, OPEN
from sentinel.store._renumber import pieces
from sentinel.store.case import Case
from sentinel.store.run import Rows, Run, with_ids

_SEQUENCE = re.compile(r"-(\d+)\.parquet$")


@dataclass(frozen=True, slots=True)
class Left:
    """What a killed sensor left: its run, what that said of how far it had come, and its captures from the first
    of which rows are missing (one of the run before, perhaps)."""

    run: int
    marks: dict[str, Any]
    summary: dict[str, Any]
    captures: list[dict[str, Any]]


def left(case: Case) -> Left | None:
    """The run that the last sensor could not end; None where it ended, or never said how far it was."""
    rows = case.database.all(
        "SELECT run, summary FROM runs WHERE json_type(summary, '$.marks') IS NOT NULL ORDER BY run DESC LIMIT 1"
    )
    if not rows:
        return None
    summary = json.loads(rows[0]["summary"])
    marks = summary.pop("marks")
    run = rows[0]["run"]
    captures = case.database.all(
        "SELECT * FROM captures WHERE capture >= ? AND CAST(run AS INTEGER) <= ? ORDER BY capture",
        (marks["stored"][0], run),
    )
    return Left(run, marks, summary, [dict(row) for row in captures])


def give_up(case: Case, old: Left, captures: Iterable[Mapping[str, Any]]) -> None:
    """Leave the run as its last checkpoint left it; `captures`: those of its rows that now say more."""
    with case.database.transaction() as db:
        _commit.replace_captures(db, captures)
        _checkpoint.end_open(db)
        _checkpoint.forget_marks(db, old.run)


def end_open(case: Case) -> None:
    """No run will be finished: what was open in interrupted ones has ended there."""
    with case.database.transaction() as db:
        _checkpoint.end_open(db)


class Resumed(Run):
    """The run, to be written to like any other; it ends with `complete`, and otherwise stays as it was left."""

    def __init__(self, case: Case, old: Left):
        super().__init__(case.path, case.database, old.run, list(old.captures), False)
        files = case.database.all("SELECT file FROM parts WHERE run = ?", (old.run,))
        numbers = [int(found[1]) for row in files if (found := _SEQUENCE.search(row["file"]))]
        self._writer.go_on_behind(max(numbers, default=0))
        self._live = True  # so that `abort` takes back no more than what was written now

    def complete(
        self, captures: Sequence[Mapping[str, Any]], facts: Rows, assets: Rows, alerts: Rows, summary: Mapping[str, Any]
    ) -> None:
        """Add what was written, and end the run. `captures`: its final rows, new ones included. CaseError leaves it."""
        try:
            parts = self._writer.close()
            said = {
                "facts": with_ids(tables.as_values("facts", facts)),
                "assets": tables.as_values("assets", assets),
                "alerts": tables.as_values("alerts", alerts),
            }
            with self._database.transaction() as db:
                _commit.replace_captures(db, captures)
                for protocol, columns in self._extensions.items():
                    _commit.keep_extension(db, self.folder, protocol, columns)
                unlisted = _commit.forget_open(db, self.number)
                _commit.insert_parts(db, self.number, parts)
                for table, rows in said.items():
                    _add(db, table, self.number, rows)
                db.execute(
                    "UPDATE runs SET state = ?, summary = ? WHERE run = ?",
                    (COMPLETE, json.dumps({**summary, **_counted(db, self.number)}, ensure_ascii=False), self.number),
                )
                _checkpoint.forget_marks(db, self.number)
                _commit.decide(db)
        except BaseException:
            self.abort()
            raise
        self.over = True
        self._delete(unlisted)


def _add(db: sqlite3.Connection, table: str, run: int, rows: list[tuple[Any, ...]]) -> None:
    """Add rows, as `tables.as_values` makes them, to what the run said of the same ids."""
    names = [column.name for column in schema.TABLES[table].columns]
    key = _commit.key_of(table)
    fresh = [dict(zip(names, row, strict=True)) for row in rows]
    columns = ", ".join(f'"{name}"' for name in names)
    said = db.execute(
        f'SELECT {columns} FROM "{table}_by_run" WHERE by_run = ? AND "{key}" IN (SELECT value FROM json_each(?))',
        (run, json.dumps(sorted({row[key] for row in fresh}))),
    )
    _checkpoint.say(db, table, run, _commit.merged(table, [*map(dict, said), *fresh]), ())


def _counted(db: sqlite3.Connection, run: int) -> dict[str, Any]:
    """How many facts, assets and alerts the run has said, as a summary tells it."""
    facts, assets = (
        db.execute(f'SELECT count(*) FROM "{table}_by_run" WHERE by_run = ?', (run,)).fetchone()[0]
        for table in ("facts", "assets")
    )
    names = "SELECT name, count(*) FROM alerts_by_run WHERE by_run = ? GROUP BY name ORDER BY name"
    return {"facts": facts, "assets": assets, "alerts": dict(map(tuple, db.execute(names, (run,))))}


def open_flows(case: Case, old: Left, columns: Sequence[str]) -> pl.DataFrame | None:
    """Some columns of the flows that were open when the run last looked; None where it had not looked."""
    found = case.database.all('SELECT file FROM parts WHERE run = ? AND "table" = ?', (old.run, "flows" + OPEN))
    frames = list(pieces([case.path / row["file"] for row in found], "flows", columns))
    return pl.concat(frames) if frames else None
