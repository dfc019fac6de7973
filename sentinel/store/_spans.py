"""Which rows of a run a part stands for, once it holds fewer than were written.

Receivers of rows know their place in a run by the number of a row in the order of writing (`outbox`). So these numbers
stay when rows go: `spans` says of each part that was thinned out which numbers it stands for, and its file keeps those
of the rows that are left in a column of its own. A case that was never thinned out may lack the table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sentinel.store._database import Database, numbered

ROW = "_row"
"""Column of a thinned part: the number of the row in its run."""


@dataclass(frozen=True, slots=True)
class Span:
    """Rows `first` ... `first + rows - 1` of a run. `file`: what holds the `left` ones of them, None where none is;
    `thin`: it was looked at when room was needed."""

    first: int
    rows: int
    file: str | None
    left: int
    bytes: int
    thin: bool

    @property
    def end(self) -> int:
        """The number behind the last."""
        return self.first + self.rows


def has(database: Database) -> bool:
    """Whether the case knows of thinning out: one of an older program learns it when it is opened for writing."""
    return bool(database.all("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'spans'"))


def of(database: Database, table: str, run: int) -> list[Span]:
    """The spans of a table of one run, in order, without a hole."""
    parts = database.all(
        'SELECT file, rows, bytes FROM parts WHERE "table" = ? AND run = ? ORDER BY file', (table, run)
    )
    thinned = _thinned(database, table, run)
    there = {row["file"]: row for row in parts}
    untouched = [row for row in parts if row["file"] not in {one["file"] for one in thinned}]
    found: list[Span] = []
    first, fresh, old = 0, 0, 0
    while fresh < len(untouched) or old < len(thinned):
        if old < len(thinned) and (thinned[old]["first"] == first or fresh == len(untouched)):
            row = thinned[old]
            part = there.get(row["file"])
            left, size = (part["rows"], part["bytes"]) if part is not None else (0, 0)
            found.append(Span(first, row["rows"], row["file"], left, size, True))
            old += 1
        else:
            row = untouched[fresh]
            found.append(Span(first, row["rows"], row["file"], row["rows"], row["bytes"], False))
            fresh += 1
        first = found[-1].end
    return found


def _thinned(database: Database, table: str, run: int) -> list[sqlite3.Row]:
    if not has(database):
        return []
    return database.all(
        'SELECT first, rows, file FROM spans WHERE "table" = ? AND run = ? ORDER BY first', (table, run)
    )


def written(database: Database, table: str) -> list[tuple[int, int]]:
    """(run, rows that were ever written) of a table, in the order of runs; a run may have none left."""
    sql = 'SELECT run, rows AS n FROM parts WHERE "table" = ?1'
    if has(database):
        sql += (
            " UNION ALL SELECT spans.run, spans.rows - coalesce(parts.rows, 0) FROM spans"
            ' LEFT JOIN parts ON parts.file = spans.file WHERE spans."table" = ?1'
        )
    rows = database.all(f"SELECT run, sum(n) AS n FROM ({sql}) GROUP BY run ORDER BY run", numbered(table))
    return [(row["run"], row["n"]) for row in rows]


def neighbours(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Spans as lists of those that follow each other without a number between them."""
    some: list[Span] = []
    for span in spans:
        if some and some[-1].end != span.first:
            yield some
            some = []
        some.append(span)
    if some:
        yield some


def gone(database: Database, folder: Path, table: str, run: int, start: int) -> int:
    """How many rows of a run, from number `start` on, are no longer there."""
    found = 0
    for span in of(database, table, run):
        if span.end <= start or span.left == span.rows:
            continue
        if span.first >= start or span.file is None:
            found += span.end - max(span.first, start) - span.left
        else:
            rows = pl.read_parquet(folder / span.file, columns=[ROW], glob=False)[ROW]
            found += span.end - start - int((rows >= start).sum())
    return found


def put(db: sqlite3.Connection, run: int, table: str, spans: Sequence[tuple[int, int, str | None]]) -> None:
    """Keep (first, rows, file) of parts that were thinned; neighbours of which nothing is left become one."""
    db.executemany("INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?)", [(run, table, *span) for span in spans])
    rows: list[Any] = db.execute(
        'SELECT first, rows, file FROM spans WHERE run = ? AND "table" = ? ORDER BY first', (run, table)
    ).fetchall()
    before: list[Any] | None = None
    for first, length, file in rows:
        if file is None and before is not None and before[0] + before[1] == first:
            before[1] += length
            db.execute('DELETE FROM spans WHERE run = ? AND "table" = ? AND first = ?', (run, table, first))
            db.execute(
                'UPDATE spans SET rows = ? WHERE run = ? AND "table" = ? AND first = ?',
                (before[1], run, table, before[0]),
            )
        else:
            before = [first, length] if file is None else None
