"""What of a case somebody else has not had yet: the spool is the case itself, and a place in it for each receiver.

`outbox.db` beside `case.db` keeps, for each receiver and table, how far it has read. Parquet tables are read in the
order in which they were written, run by run (a run's parts may be joined into fewer without changing that order).
Facts, assets and alerts change after they were first written: each is offered again when it differs from what was
sent. A row counts as sent only when `done` says so, so whoever is killed in between offers it again: receivers must
take the same row twice without harm, which the content-derived ids of `sentinel.sinks.documents` make possible.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sentinel import schema
from sentinel.store import tables
from sentinel.store._errors import explain
from sentinel.store.case import Case

FILE = "outbox.db"
CHANGING = tables.MERGED_TABLES
MAX_REFUSED = 100_000
"""Refused rows that are kept with their reason; beyond it only their number is."""

_SQL = """
CREATE TABLE IF NOT EXISTS places (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, run INTEGER NOT NULL, row INTEGER NOT NULL,
    sent INTEGER NOT NULL, refused INTEGER NOT NULL, PRIMARY KEY (receiver, "table")
) STRICT;
CREATE TABLE IF NOT EXISTS sent (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (receiver, "table", id)
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, id TEXT NOT NULL, reason TEXT NOT NULL, document TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """Some rows of one table, in order, for one receiver. `place`: where the next ones begin, for `done`."""

    table: str
    rows: list[dict[str, Any]]
    place: tuple[int, int] = (0, 0)
    digests: Mapping[str, str] = field(default_factory=dict)


class Outbox:
    """The places of one receiver in one case. Use it as a context manager, or call `close`."""

    def __init__(self, case: Case, receiver: str, folder: Path | None = None):
        """`folder` holds the places where the case's own folder cannot be written."""
        self._case = case
        self._receiver = receiver
        self._path = (case.path if folder is None else folder) / FILE
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=10)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SQL)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def offer(self, table: str, limit: int) -> Offer | None:
        """The next rows of a table, at most `limit`; None where the receiver has had all that there are."""
        try:
            return self._changed(table, limit) if table in CHANGING else self._next(table, limit)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def done(self, offer: Offer, refused: Iterable[tuple[str, str, Any]] = ()) -> None:
        """The offer was dealt with: move on. `refused`: (id, reason, document) of rows that the receiver refused."""
        gone = list(refused)
        now = time.time_ns()
        run, row = offer.place
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute(
                    'INSERT INTO places (receiver, "table", run, row, sent, refused) VALUES (?, ?, ?, ?, ?, ?) '
                    "ON CONFLICT DO UPDATE SET run = excluded.run, row = excluded.row, sent = sent + excluded.sent, "
                    "refused = refused + excluded.refused",
                    (self._receiver, offer.table, run, row, len(offer.rows) - len(gone), len(gone)),
                )
                self._db.executemany(
                    "INSERT INTO sent VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest",
                    [(self._receiver, offer.table, id_, digest) for id_, digest in offer.digests.items()],
                )
                kept = self._db.execute("SELECT count(*) FROM refused").fetchone()[0]
                self._db.executemany(
                    "INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (self._receiver, offer.table, id_, reason, json.dumps(document, ensure_ascii=False), now)
                        for id_, reason, document in gone[: max(0, MAX_REFUSED - kept)]
                    ],
                )
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def counts(self) -> dict[str, dict[str, int]]:
        """Table -> rows sent, refused, and waiting."""
        found = {}
        for table in schema.TABLES.values():
            if table.store != "parquet" and table.name not in CHANGING:
                continue
            place = self._place(table.name)
            waiting = self._waiting(table.name, place)
            found[table.name] = {"sent": place["sent"], "refused": place["refused"], "waiting": waiting}
        return found

    def refused(self, limit: int = 100) -> list[dict[str, Any]]:
        """Rows that the receiver would not take, newest first: table, id, reason, document, time (ns)."""
        rows = self._db.execute(
            'SELECT "table", id, reason, document, time FROM refused WHERE receiver = ? ORDER BY rowid DESC LIMIT ?',
            (self._receiver, limit),
        )
        return [{**dict(row), "document": json.loads(row["document"])} for row in rows]

    def close(self) -> None:
        """Close the places; the case stays open."""
        self._db.close()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _place(self, table: str) -> dict[str, int]:
        row = self._db.execute(
            'SELECT run, row, sent, refused FROM places WHERE receiver = ? AND "table" = ?', (self._receiver, table)
        ).fetchone()
        return dict(row) if row is not None else {"run": 0, "row": 0, "sent": 0, "refused": 0}

    def _next(self, table: str, limit: int) -> Offer | None:
        """Rows of a table that only grows: those of the run that was begun, then those of later runs."""
        place = self._place(table)
        for run, rows in self._case.runs_of(table):
            start = place["row"] if run == place["run"] else 0
            if run < place["run"] or start >= rows:
                continue
            part = self._case.scan_run(table, run).slice(start, limit).collect()
            return Offer(table, part.to_dicts(), (run, start + part.height))
        return None

    def _changed(self, table: str, limit: int) -> Offer | None:
        """Rows of a table whose rows change: those that the receiver has never had, or had otherwise."""
        had = self._had(table)
        key = schema.TABLES[table].key[0]
        rows, digests = [], {}
        for row in self._case.scan(table).collect().iter_rows(named=True):
            digest = _digest(row)
            if had.get(row[key]) != digest:
                rows.append(row)
                digests[row[key]] = digest
                if len(rows) == limit:
                    break
        return Offer(table, rows, (0, 0), digests) if rows else None

    def _had(self, table: str) -> dict[str, str]:
        rows = self._db.execute(
            'SELECT id, digest FROM sent WHERE receiver = ? AND "table" = ?', (self._receiver, table)
        )
        return dict(rows.fetchall())

    def _waiting(self, table: str, place: Mapping[str, int]) -> int:
        if table in CHANGING:
            had = self._had(table)
            key = schema.TABLES[table].key[0]
            rows = self._case.scan(table).collect().iter_rows(named=True)
            return sum(had.get(row[key]) != _digest(row) for row in rows)
        return sum(
            rows - (place["row"] if run == place["run"] else 0)
            for run, rows in self._case.runs_of(table)
            if run >= place["run"]
        )


def _digest(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(sorted(row.items())).encode("utf-8", "replace")).hexdigest()[:32]

