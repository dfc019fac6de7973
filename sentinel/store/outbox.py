"""What of a case somebody else has not had yet: the spool is the case itself, and a place in it for each receiver.

`outbox.db` beside `case.db` keeps, for each receiver and table, how far it has read. Parquet tables are read in the
order in which they were written, run by run (a run's parts may be joined into fewer without changing that order).
Facts, assets and alerts change after they were first written: each is offered again when it differs from what was
sent. A row counts as sent only when `done` says so, so whoever is killed in between offers it again: receivers must
take the same row twice without harm, which the content-derived ids of `sentinel.sinks.documents` make possible.

Every row ends in one of six numbers (`Counts`), and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from sentinel import schema
from sentinel.errors import CaseError, Sentence
from sentinel.store import tables
from sentinel.store._database import numbered
from sentinel.store._errors import explain
from sentinel.store._lock import Lock
from sentinel.store.case import Case

FILE = "outbox.db"
CHANGING = tables.MERGED_TABLES
OFFERED = tuple(
    t.name
    for t in schema.TABLES.values()
    if (t.store == "parquet" or t.name in CHANGING) and t.name not in schema.COUNTS
)
"""Tables that a receiver can have."""
MAX_REFUSED = 100_000
"""Refused rows that are kept with their reason; beyond it only their number is."""
WINDOW = 20_000
"""Rows of a Parquet table that are read at once and handed out from memory."""

PASSING: dict[str, frozenset[str]] = {
    "alerts": frozenset({"count", "first_time", "last_time", "evidence", "flows", "why_en", "why_zh", "action_en",
                         "action_zh"}),
    "assets": frozenset({"first_time", "last_time", "packets", "bytes", "facts", "evidence"}),
    "facts": frozenset({"capture", "frame", "time", "flow", "confidence"}),
}  # fmt: skip
"""Columns that change with every frame that is seen: a row that differs in them alone is news only now and then."""

_SQL = """
CREATE TABLE IF NOT EXISTS places (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, run INTEGER NOT NULL, row INTEGER NOT NULL,
    sent INTEGER NOT NULL, refused INTEGER NOT NULL, left_out INTEGER NOT NULL, held INTEGER NOT NULL,
    dropped INTEGER NOT NULL, PRIMARY KEY (receiver, "table")
) STRICT;
CREATE TABLE IF NOT EXISTS receivers (
    receiver TEXT PRIMARY KEY, tables TEXT NOT NULL, problem TEXT NOT NULL, since INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS runs (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, run INTEGER NOT NULL, rows INTEGER NOT NULL,
    PRIMARY KEY (receiver, "table", run)
) STRICT;
CREATE TABLE IF NOT EXISTS sent (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, id TEXT NOT NULL, lasting TEXT NOT NULL, whole TEXT NOT NULL,
    time INTEGER NOT NULL, PRIMARY KEY (receiver, "table", id)
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, id TEXT NOT NULL, reason TEXT NOT NULL, document TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS held (
    receiver TEXT NOT NULL, "table" TEXT NOT NULL, what TEXT NOT NULL, severity TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (receiver, "table", what, severity)
) STRICT;
"""
PATIENCE = 10.0
"""Seconds to wait for another program that is writing the places."""
_FRESH = {"run": 0, "row": 0, "sent": 0, "refused": 0, "left_out": 0, "held": 0, "dropped": 0}


@dataclass(frozen=True, slots=True)
class Offer:
    """Some rows of one table, in order, for one receiver; times are nanoseconds since 1970-01-01 UTC.

    Beside its columns a row has `_row` (its number in its run) where the table only grows; points have `_nth` (their
    position among those of their message), items and points `_index` (their message's position in its frame), and
    messages a key `<protocol>.<column>` for what only their protocol has. `place`: where the next ones begin; `gone`:
    how many before it the case has given up.
    """

    table: str
    rows: list[dict[str, Any]]
    place: tuple[int, int] = (0, 0)
    digests: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one table; of one that changes, of the versions of its rows.

    `sent`: the receiver has them. `refused`: it would not take them. `left_out`: its filter does not want them.
    `held`: its rate was exceeded; a summary says so. `dropped`: the case gave them up before they could be sent (its
    room is bounded, or an interrupted analysis was repeated). `waiting`: still to be offered.
    """

    sent: int = 0
    refused: int = 0
    left_out: int = 0
    held: int = 0
    dropped: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(asdict(self).values())


def total(counts: Iterable[Counts]) -> Counts:
    """The sums of several tables."""
    return Counts(*map(sum, zip(*map(astuple, counts), strict=True))) if (counts := list(counts)) else Counts()


@dataclass(slots=True)
class _Window:
    """Rows `start` ... `end - 1` of one run, as far as the case has them, in memory."""

    run: int
    start: int
    end: int
    rows: pl.DataFrame

    def holds(self, run: int, row: int) -> bool:
        return run == self.run and self.start <= row < self.end


class Outbox:
    """The places of one receiver in one case. Use it as a context manager, or call `close`."""

    def __init__(
        self,
        case: Case,
        receiver: str,
        folder: Path | None = None,
        refresh: float | None = 0.0,
        look_only: bool = False,
    ):
        """`folder` holds the places where the case's own folder cannot be written.

        `refresh`: seconds after which a row is offered again that changed in its PASSING columns alone; None: never.
        `look_only`: for counts, beside whoever sends. CaseError where another program is sending to the same
        receiver, or the places cannot be kept.
        """
        self._case = case
        self._receiver = receiver
        self._refresh = refresh
        home = case.path if folder is None else folder
        self._path = home / FILE
        self._windows: dict[str, _Window] = {}
        self._changed_rows: dict[str, list[dict[str, Any]]] = {}
        self._lock = None if look_only else _locked(home, receiver)
        try:
            self._db = _connected(self._path)
        except sqlite3.Error as error:
            self._unlock()
            raise explain(error, self._path) from error

    def offer(self, table: str, limit: int) -> Offer | None:
        """The next rows of a table, at most `limit`; None where the receiver has had all that there are."""
        try:
            return self._changed(table, limit) if table in CHANGING else self._next(table, limit)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def done(
        self,
        offer: Offer,
        refused: Iterable[tuple[str, str, Any]] = (),
        left_out: int = 0,
        held: Iterable[tuple[str, str]] = (),
    ) -> None:
        """The offer was dealt with: move on, all or nothing.

        `refused`: (id, reason, document) of rows that the receiver refused. `left_out`: how many its filter did not
        want. `held`: (what, severity) of each row that its rate did not allow.
        """
        gone, over = list(refused), list(held)
        now = time.time_ns()
        run, row = offer.place
        sent = len(offer.rows) - len(gone) - left_out - len(over)
        key = (self._receiver, offer.table)
        with self._transaction() as db:
            db.execute(
                'INSERT INTO places (receiver, "table", run, row, sent, refused, left_out, held, dropped) '
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET run = excluded.run, row = excluded.row, "
                "sent = sent + excluded.sent, refused = refused + excluded.refused, "
                "left_out = left_out + excluded.left_out, held = held + excluded.held, "
                "dropped = dropped + excluded.dropped",
                (*key, run, row, sent, len(gone), left_out, len(over), offer.gone),
            )
            db.execute('DELETE FROM runs WHERE receiver = ? AND "table" = ? AND run < ?', (*key, run))
            db.executemany(
                "INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET lasting = excluded.lasting, "
                "whole = excluded.whole, time = excluded.time",
                [(*key, id_, lasting, whole, now) for id_, (lasting, whole) in offer.digests.items()],
            )
            kept = db.execute("SELECT count(*) FROM refused").fetchone()[0]
            db.executemany(
                "INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (*key, id_, reason, json.dumps(document, ensure_ascii=False), now)
                    for id_, reason, document in gone[: max(0, MAX_REFUSED - kept)]
                ],
            )
            db.executemany(
                "INSERT INTO held VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                [(*key, what, severity) for what, severity in over],
            )
        pending = self._changed_rows.get(offer.table)
        if pending:
            del pending[: len(offer.rows)]

    def held(self) -> list[dict[str, Any]]:
        """Rows held back that no summary has told of yet: table, what, severity, count."""
        rows = self._db.execute(
            'SELECT "table", what, severity, count FROM held WHERE receiver = ? ORDER BY "table", count DESC, what',
            (self._receiver,),
        )
        return [dict(row) for row in rows]

    def summarised(self, told: Iterable[Mapping[str, Any]]) -> None:
        """A summary of these was sent: forget them; what was held back since stays."""
        with self._transaction() as db:
            for row in told:
                key = (self._receiver, row["table"], row["what"], row["severity"])
                where = 'receiver = ? AND "table" = ? AND what = ? AND severity = ?'
                db.execute(f"UPDATE held SET count = count - ? WHERE {where}", (row["count"], *key))
            db.execute("DELETE FROM held WHERE count <= 0")

    def hasten(self) -> None:
        """Offer at once what waits for `refresh`, from now on; a receiver that never wants such changes gets none."""
        if self._refresh is not None:
            self._refresh = 0.0

    def want(self, wanted: Iterable[str]) -> None:
        """Note which tables the receiver is to have: those that `counts` tells about."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO receivers VALUES (?, ?, '', ?) ON CONFLICT DO UPDATE SET tables = excluded.tables",
                (self._receiver, json.dumps(list(wanted)), time.time_ns()),
            )

    def note(self, problem: Sentence | None) -> None:
        """Keep why nothing goes out (None: it does), for whoever asks from another process."""
        text = "" if problem is None else problem.kept()
        with self._transaction() as db:
            db.execute(
                "UPDATE receivers SET problem = ?1, since = ?2 WHERE receiver = ?3 AND (problem = '') <> (?1 = '')",
                numbered(text, time.time_ns(), self._receiver),
            )

    def problem(self) -> tuple[Sentence, int] | None:
        """Why nothing goes out, and since when (ns); None where nothing is known to be wrong."""
        row = self._db.execute(
            "SELECT problem, since FROM receivers WHERE receiver = ? AND problem <> ''", (self._receiver,)
        ).fetchone()
        return None if row is None else (Sentence.again(row["problem"]), row["since"])

    def wanted(self) -> tuple[str, ...]:
        """The tables that the receiver is to have; all where nobody said."""
        row = self._db.execute("SELECT tables FROM receivers WHERE receiver = ?", (self._receiver,)).fetchone()
        return OFFERED if row is None else tuple(json.loads(row["tables"]))

    def counts(self) -> dict[str, Counts]:
        """Table -> what became of its rows."""
        found = {}
        for table in self.wanted():
            waiting, gone = self._waiting(table)  # notes what runs are gone, so before the place is read
            place = self._place(table)
            said = {name: place[name] for name in ("sent", "refused", "left_out", "held")}
            found[table] = Counts(**said, dropped=place["dropped"] + gone, waiting=waiting - gone)
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
        self._unlock()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db, self._path)

    def _place(self, table: str) -> dict[str, int]:
        row = self._db.execute(
            'SELECT run, row, sent, refused, left_out, held, dropped FROM places WHERE receiver = ? AND "table" = ?',
            (self._receiver, table),
        ).fetchone()
        return dict(row) if row is not None else dict(_FRESH)

    # -- tables that only grow ----------------------------------------------------------------------------------

    def _next(self, table: str, limit: int) -> Offer | None:
        """Rows of a table that only grows: those of the run that was begun, then those of later runs."""
        place = self._place(table)
        window = self._windows.get(table)
        run, row = place["run"], place["row"]
        while True:
            if window is None or not window.holds(run, row):
                found = self._where(table, {**place, "run": run, "row": row})
                if found is None:
                    self._windows.pop(table, None)
                    return None
                run, row, end = found
                window = self._windows[table] = _Window(run, row, end, self._read(table, run, row, end))
            part = window.rows.filter(pl.col("_row") >= row)
            if part.height:
                end = window.end if part.height <= limit else int(part["_row"][limit - 1]) + 1
                rows = part.head(limit).to_dicts()
                return Offer(table, rows, (run, end), gone=end - row - len(rows))
            # none of these rows is left: go on behind them, for good
            self.done(Offer(table, [], (run, window.end), gone=window.end - row))
            row = window.end

    def _where(self, table: str, place: Mapping[str, int]) -> tuple[int, int, int] | None:
        """Run and number of the next row to offer, and the number behind the last one to read with it."""
        for run, rows in self._runs(table, place):
            start = place["row"] if run == place["run"] else 0
            if start < rows:
                return run, start, min(rows, start + WINDOW)
        return None

    def _runs(self, table: str, place: Mapping[str, int]) -> list[tuple[int, int]]:
        """(run, rows) from the place on, after noting those that the case gave up in the meantime."""
        runs = [(run, rows) for run, rows in self._case.runs_of(table) if run >= place["run"]]
        key = (self._receiver, table)
        known = dict(self._db.execute('SELECT run, rows FROM runs WHERE receiver = ? AND "table" = ?', key).fetchall())
        if known == dict(runs):
            return runs
        there = dict(runs)
        # of a run that is still there but shorter than it was, the rows from its end to where it ended are gone
        lost = sum(
            max(0, rows - max(there.get(run, 0), place["row"] if run == place["run"] else 0))
            for run, rows in known.items()
        )
        with self._transaction() as db:
            db.execute(
                'INSERT INTO places (receiver, "table", run, row, sent, refused, left_out, held, dropped) '
                "VALUES (?, ?, 0, 0, 0, 0, 0, 0, ?) ON CONFLICT DO UPDATE SET dropped = dropped + excluded.dropped",
                (*key, lost),
            )
            db.execute('DELETE FROM runs WHERE receiver = ? AND "table" = ?', key)
            db.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", [(*key, run, rows) for run, rows in runs])
        return runs

    def _read(self, table: str, run: int, start: int, end: int) -> pl.DataFrame:
        """Rows `start` ... `end - 1` of a run, with what `Offer` says about them."""
        rows = self._case.scan_run(table, run, start, end - start).collect()
        if rows.height == 0:
            return rows
        if table in ("points", "items"):
            rows = self._beside_its_message(table, run, start, rows)
        elif table == "messages":
            for extension in self._case.tables():
                if extension.startswith("ext/"):
                    rows = self._with_extension(extension, rows)
        times = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Datetime)]
        return rows.with_columns(pl.col(times).cast(pl.Int64))

    def _beside_its_message(self, table: str, run: int, start: int, rows: pl.DataFrame) -> pl.DataFrame:
        """Points and items with the place of their message, which makes them citable on their own."""
        wanted = [pl.col("message"), pl.col("index").alias("_index")]
        if table == "items":
            wanted += [pl.col(name) for name in ("capture", "frame", "time", "flow", "protocol")]
        said = _of(self._case.scan_run("messages", run), rows).select(wanted).collect()
        rows = rows.join(said, on="message", how="left", maintain_order="left")
        if table == "items":
            return rows
        first = rows["message"][0]
        before = self._rows_before(table, run, start, first)
        nth = pl.int_range(pl.len(), dtype=pl.Int64).over("message")
        return rows.with_columns((nth + pl.when(pl.col("message") == first).then(before).otherwise(0)).alias("_nth"))

    def _rows_before(self, table: str, run: int, start: int, message: int) -> int:
        """How many rows of a message stand right before `start`."""
        found = 0
        while start:
            length = min(start, WINDOW)
            numbers = self._case.scan_run(table, run, start - length, length).select("message").collect()["message"]
            if numbers.is_empty():
                break  # the rows of a message go together
            others = numbers.reverse() != message
            here = length if not others.any() else others.arg_max() or 0
            found += here
            if here < length:
                break
            start -= length
        return found

    def _with_extension(self, extension: str, rows: pl.DataFrame) -> pl.DataFrame:
        said = _of(self._case.scan(extension), rows).collect()
        protocol = extension.removeprefix("ext/")
        said = said.rename({name: f"{protocol}.{name}" for name in said.columns if name != "message"})
        return rows.join(said, on="message", how="left", maintain_order="left")

    # -- tables whose rows change -------------------------------------------------------------------------------

    def _changed(self, table: str, limit: int) -> Offer | None:
        """Rows of a table whose rows change: those that the receiver has never had, or had otherwise."""
        pending = self._changed_rows.get(table)
        if not pending:
            pending = self._changed_rows[table] = self._news(table)
        if not pending:
            return None
        rows = pending[:limit]
        key = schema.TABLES[table].key[0]
        return Offer(table, rows, (0, 0), {row[key]: _digests(table, row) for row in rows})

    def _news(self, table: str) -> list[dict[str, Any]]:
        """All rows of such a table that are to be offered now."""
        had = {
            row["id"]: row
            for row in self._db.execute(
                'SELECT id, lasting, whole, time FROM sent WHERE receiver = ? AND "table" = ?', (self._receiver, table)
            )
        }
        frame = self._case.scan(table).collect()
        times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
        now = time.time_ns()
        key = schema.TABLES[table].key[0]
        found = []
        for row in frame.with_columns(pl.col(times).cast(pl.Int64)).iter_rows(named=True):
            before = had.get(row[key])
            if before is not None:
                lasting, whole = _digests(table, row)
                passing = before["lasting"] == lasting
                if before["whole"] == whole or (passing and not self._due(now - before["time"])):
                    continue
            found.append(row)
        return found

    def _due(self, age: int) -> bool:
        """Whether a row may be offered again that was sent `age` ns ago and changed in passing only."""
        return self._refresh is not None and age >= self._refresh * 1e9

    def _waiting(self, table: str) -> tuple[int, int]:
        """How many rows are still to come, and how many of these the case has given up."""
        if table in CHANGING:
            return len(self._news(table)), 0
        place = self._place(table)
        waiting = gone = 0
        for run, rows in self._runs(table, place):
            start = place["row"] if run == place["run"] else 0
            if start < rows:
                waiting += rows - start
                gone += self._case.gone(table, run, start)
        return waiting, gone


class _Transaction:
    """All or nothing, with SQLite's errors as a CaseError."""

    def __init__(self, db: sqlite3.Connection, path: Path):
        self._db = db
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.Error as failed:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if kind is None:
                raise explain(failed, self._path) from failed
        if isinstance(error, sqlite3.Error):
            raise explain(error, self._path) from error


def receivers(folder: Path) -> list[str]:
    """Everybody who was ever sent something of the case whose places lie in `folder`."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        with closing(_connected(path)) as db:
            return [row[0] for row in db.execute("SELECT receiver FROM receivers ORDER BY receiver")]
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _connected(path: Path) -> sqlite3.Connection:
    """The database of places, made where there is none.

    Two that make it at one moment both want it for themselves to change its journal, and SQLite then refuses one of
    them at once, whatever its time limit says; so the time limit is kept here.
    """
    db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_SQL)
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
        db.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        db.close()
        raise
    db.row_factory = sqlite3.Row
    return db


def _locked(home: Path, receiver: str) -> Lock:
    """The receiver's own lock: two that send to it would send everything twice."""
    path = home / f"outbox-{hashlib.sha256(receiver.encode()).hexdigest()[:12]}.lock"
    try:
        return Lock(path)
    except CaseError as error:
        if "number" not in error.sentence.values:
            raise
        raise CaseError(
            "{path}: process {number} is sending this case to {receiver} already; wait until it ends, or stop it.",
            path=home,
            number=error.sentence.values["number"],
            receiver=receiver,
        ) from error


def _of(messages: pl.LazyFrame, rows: pl.DataFrame) -> pl.LazyFrame:
    """What a table says of the messages that these rows belong to: Parquet's own statistics skip all else."""
    return messages.filter(pl.col("message").is_between(rows["message"].min(), rows["message"].max()))


def _digests(table: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """Digest of the row without its PASSING columns, and of the whole row."""
    passing = PASSING[table]
    items = sorted(row.items())
    return _digest([item for item in items if item[0] not in passing]), _digest(items)


def _digest(items: list[tuple[str, Any]]) -> str:
    return hashlib.sha256(repr(items).encode("utf-8", "replace")).hexdigest()[:32]
