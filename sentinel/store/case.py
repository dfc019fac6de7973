"""The case: a folder that holds what was found in some captures, and needs no server.

    case.db                          SQLite (WAL): captures, facts, assets, alerts, runs, the list of parts
    flows/ messages/ items/ points/ faults/ ext/<protocol>/     Parquet parts, `r<run>-<sequence>.parquet`
    case.lock                        whoever analyses into it holds it locked: a sensor, for months
    decisions.lock                   whoever writes down what people say of it

A part counts only if `case.db` lists it, and it is listed in the one transaction that ends its run. One analysis at a
time, and beside it one who decides; any number of readers. Every failure is a `sentinel.errors.CaseError` and leaves
what was there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import polars as pl

from sentinel import schema
from sentinel.errors import CaseError, NoSuchRow, Sentence
from sentinel.store import _checkpoint, _commit, _journal, _spans, tables
from sentinel.store._database import Database, numbered
from sentinel.store._errors import damaged, explain
from sentinel.store._lock import Lock
from sentinel.store._parts import delete_unlisted
from sentinel.store.run import Run

DATABASE, LOCK, DECISIONS_LOCK = "case.db", "case.lock", "decisions.lock"
ALERT_STATES = ("open", "acknowledged", "suppressed")

_OWN_NAMES = {LOCK, DATABASE + ".new", DATABASE + ".new-journal", DATABASE + ".new-wal", DATABASE + ".new-shm"}
"""What a program that was killed while it made a case may leave in the folder."""

Mode = Literal["read", "write", "decide"]


class Case:
    """An open case; use it as a context manager, or call `close`."""

    def __init__(self, path: Path, database: Database, lock: Lock | None, mode: Mode = "read"):
        self.path = path
        self._database = database
        self._lock = lock
        self._mode = mode

    @classmethod
    def open(cls, path: str | Path, mode: Mode = "write", keep_open: bool = False) -> Case:
        """Open a case; for writing, make it where there is none, and clean up after runs that were killed.

        `decide`: to write down what people say (alert states, the journal, assessments), beside an analysis or a sensor
        that is writing: these rows are changed in transactions of their own, and touch nothing that a run keeps.

        `keep_open`: flows that were open in a run that was killed stay so, for it will be finished (`left`).
        CaseError where the folder is no case and not empty, the case is newer than this program or damaged, another
        program writes it, or the disk is full or read-only.
        """
        folder = Path(path)
        try:
            if mode == "write":
                return cls._open_to_write(folder, keep_open)
            return cls._open_to_read(folder) if mode == "read" else cls._open_to_decide(folder)
        except OSError as error:
            raise explain(error, folder) from error

    @classmethod
    def _open_to_read(cls, folder: Path) -> Case:
        if not (folder / DATABASE).is_file():
            raise CaseError(
                "{path}: there is no case here; make one with: sentinel analyze CAPTURE --case {path}", path=folder
            )
        return cls(folder, Database.open(folder / DATABASE, write=False), None)

    @classmethod
    def _open_to_write(cls, folder: Path, keep_open: bool) -> Case:
        if folder.exists() and not folder.is_dir():
            raise CaseError("{path}: a case is a folder, and this is a file; give another path.", path=folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / DATABASE).exists():
            foreign = sorted(p.name for p in folder.iterdir() if p.name not in _OWN_NAMES)
            if foreign:
                raise CaseError(
                    "{path}: no case, but not empty (it holds {name}); give a new folder.", path=folder, name=foreign[0]
                )
        lock = Lock(folder / LOCK)
        try:
            if not (folder / DATABASE).exists():
                Database.create(folder / DATABASE)
            database = Database.open(folder / DATABASE, write=True)
            try:
                with database.transaction() as db:
                    for statement in tables.thinned_sql():
                        db.execute(statement)
                    _commit.delete_running(db)
                    _checkpoint.recover(db, keep_open)
                delete_unlisted(folder, {row["file"] for row in database.all("SELECT file FROM parts")})
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(folder, database, lock, "write")

    @classmethod
    def _open_to_decide(cls, folder: Path) -> Case:
        if not (folder / DATABASE).exists():
            cls._open_to_write(folder, keep_open=False).close()
        lock = Lock(folder / DECISIONS_LOCK)
        try:
            return cls(folder, Database.open(folder / DATABASE, write=True), lock, "decide")
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Close the database and let the next writer in."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Case:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def begin_run(
        self, captures: Sequence[Mapping[str, Any]], drop_interrupted: bool = False, first: int | None = None
    ) -> Run:
        """Begin the analysis of captures: rows of `captures` as far as known, without numbers, each hash once.

        `first` is the number of the first of them where somebody else gives the numbers out (a shard's case).
        CaseError where a capture is in the case already (`known` tells), or where an interrupted run that would be
        replaced had read other captures too (`unfinished` tells which), unless `drop_interrupted`.
        """
        self._require_writer()
        hashes = [c["sha256"] for c in captures if c.get("sha256")]
        if len(set(hashes)) != len(hashes):
            raise ValueError("the same capture twice in one run")
        with self._database.transaction() as db:
            _commit.refuse_known(db, self.path, _commit.hashes_of(captures))
            _commit.replaceable(db, self.path, _commit.hashes_of(captures), drop_interrupted)
            number, rows = _commit.begin(db, captures, first)
        return Run(self.path, self._database, number, rows, drop_interrupted)

    def amend_capture(self, capture: int, changes: Mapping[str, Any]) -> None:
        """Change columns of a capture: where it lies, how large it is and what its hash is, or its detail."""
        self._require_writer()
        if not changes.keys() <= {"path", "sha256", "content_sha256", "bytes", "format", "detail"}:
            raise ValueError(f"no such change of a capture: {sorted(changes)}")
        names = ", ".join(f'"{name}" = ?' for name in changes)
        with self._database.transaction() as db:
            db.execute(f"UPDATE captures SET {names} WHERE capture = ?", (*changes.values(), capture))

    def set_alert_state(self, alert: str, state: str, reason: str, author: str, time_ns: int | None = None) -> None:
        """Add a person's decision to the alert's history and make it the alert's state; NoSuchRow for no such alert."""
        if self._mode == "read":
            raise ValueError("the case was opened to read")
        if state not in ALERT_STATES:
            raise ValueError(f"state {state!r} is none of {', '.join(ALERT_STATES)}")
        alert = self.alert(alert)["alert"]
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO alert_history (alert, state, reason, author, time) VALUES (?, ?, ?, ?, ?)",
                (alert, state, reason, author, time.time_ns() if time_ns is None else time_ns),
            )
            db.execute("UPDATE alerts SET state = ? WHERE alert = ?", (state, alert))

    def _require_writer(self) -> None:
        if self._mode != "write":
            raise ValueError(f"the case was opened to {self._mode}")

    # -- reading ------------------------------------------------------------------------------------------------

    def known(self, sha256: str, content_sha256: str = "") -> dict[str, Any] | None:
        """The row of the capture with one of these hashes, of the file or of what it holds behind its compression, if a
        complete run read it (to its end, or up to its fault)."""
        hashes = [hash_ for hash_ in (sha256, content_sha256) if hash_]
        rows = self._database.all(
            "SELECT captures.* FROM captures JOIN runs ON captures.run = runs.run WHERE runs.state = ?1"
            f" AND {_commit.HASHED} ORDER BY capture",
            numbered(_commit.COMPLETE, json.dumps(hashes)),
        )
        return dict(rows[0]) if rows else None

    def spans(self) -> list[tuple[int, int]]:
        """Time (ns) of the first and the last frame of each capture that holds any."""
        rows = self._database.all("SELECT first_time, last_time FROM captures WHERE first_time IS NOT NULL")
        return [(row["first_time"], row["last_time"]) for row in rows]

    def unfinished(self, sha256: str) -> list[dict[str, Any]]:
        """The captures of the interrupted runs that read this one, itself included: to be analysed together again."""
        rows = self._database.all(
            "SELECT * FROM captures WHERE run IN (SELECT runs.run FROM captures JOIN runs ON captures.run = runs.run"
            " WHERE sha256 = ? AND runs.state = ?) ORDER BY capture",
            (sha256, _commit.INTERRUPTED),
        )
        return [dict(row) for row in rows]

    def scan(self, table: str) -> pl.LazyFrame:
        """A table of the schema, or `ext/<protocol>`, with the schema's types; empty where nothing was found.

        NoSuchRow where there is no such table, CaseError where a part is missing or not as it was written.
        """
        if table.startswith("ext/"):
            return self._scan_parts(table, self._extension_schema(table))
        if table not in schema.TABLES:
            raise self._no_table(table)
        wanted = tables.polars_schema(table)
        if table in tables.PARQUET_TABLES:
            stored = self._scan_parts(table, tables.stored_schema(table))
            return stored if len(tables.stored_schema(table)) == len(wanted) else self._joined(stored, wanted)
        # Rows of state `running` belong to a run that is not part of the case yet.
        where = f" WHERE state <> '{_commit.RUNNING}'" if table == "captures" else ""
        names = ", ".join(f'"{name}"' for name in wanted)
        if table == schema.THINNED.name and not _spans.has(self._database):
            return pl.LazyFrame(schema=wanted)
        rows = [tuple(row) for row in self._database.all(f'SELECT {names} FROM "{table}"{where} ORDER BY rowid')]
        plain = {name: pl.Int64 if isinstance(dtype, pl.Datetime) else dtype for name, dtype in wanted.items()}
        return tables.cast(pl.DataFrame(rows, schema=plain, orient="row"), wanted).lazy()

    def runs_of(self, table: str) -> list[tuple[int, int]]:
        """(run, rows that were ever written) of a Parquet table, in the order in which the runs were begun."""
        return _spans.written(self._database, table)

    def gone(self, table: str, run: int, start: int) -> int:
        """How many of these rows, from number `start` of the run on, were given up for room."""
        return _spans.gone(self._database, self.path, table, run, start)

    def scan_run(self, table: str, run: int, start: int = 0, length: int | None = None) -> pl.LazyFrame:
        """The rows of a Parquet table that one run wrote, in the order of writing: of `length` of them from `start`
        those that are left. The column `_row` has the number of each in its run."""
        wanted = {**tables.polars_schema(table), _spans.ROW: pl.Int64}
        stored = self._numbered(table, run, start, length)
        if len(tables.stored_schema(table)) == len(tables.polars_schema(table)):
            return stored
        rows = stored.collect()  # first, so that only what their messages say is read, and not that of the whole run
        said = self._scan_parts("messages", tables.stored_schema("messages"), run)
        said = said.filter(pl.col("message").is_between(rows["message"].min(), rows["message"].max()))
        return self._joined(rows.lazy(), wanted, said)

    def _numbered(self, table: str, run: int, start: int, length: int | None) -> pl.LazyFrame:
        """What a table stores of these rows, and their numbers."""
        wanted = {**tables.stored_schema(table), _spans.ROW: pl.Int64}
        spans = [span for span in _spans.of(self._database, table, run) if span.file is not None and span.end > start]
        if length is not None:
            spans = [span for span in spans if span.first < start + length]
        frames = []
        for whole, group in groupby(spans, lambda span: span.left == span.rows):
            # parts of which nothing went are read as one: between them no number is missing, unless others stood there
            for some in _spans.neighbours(group) if whole else ([span] for span in group):
                frame = self._scan_files([(str(span.file), span.bytes) for span in some], wanted)
                if whole:
                    frame = frame.with_columns(
                        (pl.int_range(pl.len(), dtype=pl.Int64) + some[0].first).alias(_spans.ROW)
                    )
                    skip = max(0, start - some[0].first)
                    frame = frame.slice(skip, None if length is None else start + length - some[0].first - skip)
                else:
                    end = some[0].end if length is None else start + length
                    frame = frame.filter(pl.col(_spans.ROW) >= start, pl.col(_spans.ROW) < end)
                frames.append(frame)
        return pl.concat(frames) if frames else pl.LazyFrame(schema=wanted)

    def thinned(self) -> list[dict[str, Any]]:
        """What the case gave up for room, over all runs: table, fate, rows, stood_for, first_time, last_time (ns)."""
        if not _spans.has(self._database):
            return []
        rows = self._database.all(
            'SELECT "table", fate, sum(rows) AS rows, sum(stood_for) AS stood_for, min(first_time) AS first_time,'
            ' max(last_time) AS last_time FROM thinned GROUP BY "table", fate ORDER BY "table", fate'
        )
        return [dict(row) for row in rows]

    def parts(self, table: str, run: int) -> list[Path]:
        """The files that hold a table's rows of one run, in the order of writing; CaseError where one is damaged."""
        rows = self._database.all(
            'SELECT file, bytes FROM parts WHERE "table" = ? AND run = ? ORDER BY file', (table, run)
        )
        for row in rows:
            self._verify_part(self.path / row["file"], row["bytes"])
        return [self.path / row["file"] for row in rows]

    @property
    def database(self) -> Database:
        """The open database, for the other modules of the store."""
        return self._database

    def tables(self) -> list[str]:
        """Names that `scan` takes."""
        protocols = self._database.all("SELECT DISTINCT protocol FROM extensions ORDER BY protocol")
        return [*schema.TABLES, *(f"ext/{row['protocol']}" for row in protocols)]

    def captures(self) -> pl.DataFrame:
        """The captures that were read."""
        return self.scan("captures").collect()

    def facts(self) -> pl.DataFrame:
        """What devices said about themselves."""
        return self.scan("facts").collect()

    def assets(self) -> pl.DataFrame:
        """The devices."""
        return self.scan("assets").collect()

    def alerts(self) -> pl.DataFrame:
        """What rules and detectors claim."""
        return self.scan("alerts").collect()

    def alert(self, alert: str) -> dict[str, Any]:
        """One alert, lists in it as JSON, by its id or the beginning of it; NoSuchRow where none or several fit."""
        rows = self._database.all(
            "SELECT * FROM alerts WHERE substr(alert, 1, length(?1)) = ?1 ORDER BY alert <> ?1, alert LIMIT 2",
            numbered(alert),
        )
        if not rows or alert == "":
            raise NoSuchRow(
                "{path}: the case has no alert {alert}; list them with: sentinel show alerts.",
                path=self.path,
                alert=alert,
            )
        if len(rows) > 1 and rows[0]["alert"] != alert:
            raise NoSuchRow(
                "{path}: several alerts begin with {alert}; give more of the id.", path=self.path, alert=alert
            )
        return dict(rows[0])

    def alert_history(self, alert: str) -> list[dict[str, Any]]:
        """What people decided about an alert, oldest first: state, reason, author, time (ns)."""
        rows = self._database.all(
            "SELECT alert, state, reason, author, time FROM alert_history WHERE alert = ? ORDER BY entry", (alert,)
        )
        return [dict(row) for row in rows]

    def record(self, entries: Iterable[tuple[str, str, Any]], author: str, source: str = "edit") -> int:
        """Append (kind, subject, value) entries to the journal, all or none; the number of the last."""
        return _journal.append(self._database, entries, author, source)

    def journal(self, kind: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
        """Entries of the journal, oldest first; `value` is what was said, None where it was taken back."""
        return _journal.entries(self._database, kind, subject)

    def current(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Subject -> its newest entry of that kind."""
        return _journal.current(self.journal(kind))

    def save_assessment(self, row: Mapping[str, Any], content: bytes) -> None:
        """Keep a frozen assessment; the same one again changes nothing."""
        _journal.save_assessment(self._database, row, content)

    def assessments(self) -> list[dict[str, Any]]:
        """The frozen assessments, oldest first, without their content."""
        return _journal.assessments(self._database)

    def assessment(self, id_: str) -> bytes:
        """The JSON of one of them; NoSuchRow where there is none."""
        return _journal.assessment(self._database, id_)

    def summary(self) -> dict[str, Any]:
        """Numbers of rows by table, alerts by severity, and for each run its state, times (ns) and own summary."""
        runs = self._database.all("SELECT * FROM runs WHERE state <> ? ORDER BY run", (_commit.RUNNING,))
        counts = dict.fromkeys(schema.TABLES, 0)
        for row in self._database.all('SELECT "table", sum(rows) AS rows FROM parts GROUP BY "table"'):
            name = row["table"].removesuffix(_commit.OPEN)
            counts[name] = counts.get(name, 0) + row["rows"]
        for name in tables.MERGED_TABLES:
            counts[name] = self._database.one(f'SELECT count(*) FROM "{name}"')[0]
        counts["captures"] = self._database.one("SELECT count(*) FROM captures WHERE state <> ?", (_commit.RUNNING,))[0]
        severities = self._database.all("SELECT severity, count(*) AS n FROM alerts GROUP BY severity")
        return {
            "version": schema.SCHEMA_VERSION,
            "rows": counts,
            "alerts": {row["severity"]: row["n"] for row in severities},
            "runs": [{**dict(row), "summary": json.loads(row["summary"])} for row in runs],
        }

    def sizes(self) -> dict[str, int]:
        """Bytes of the parts of each table, and of the database with its log."""
        rows = self._database.all('SELECT "table", sum(bytes) AS bytes FROM parts GROUP BY "table" ORDER BY "table"')
        database = sum(path.stat().st_size for path in self.path.glob(DATABASE + "*"))
        return {**{row["table"]: row["bytes"] for row in rows}, DATABASE: database}

    def check(self) -> list[str]:
        """One sentence for each part that is missing, damaged or holds another number of rows than it should."""
        found = []
        for row in self._database.all("SELECT file, rows, bytes FROM parts ORDER BY file"):
            path = self.path / row["file"]
            try:
                self._verify_part(path, row["bytes"])
                rows = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
            except (CaseError, pl.exceptions.PolarsError) as error:
                found.append(str(error))
                continue
            if rows != row["rows"]:
                found.append(f"{path}: holds {rows} rows where {row['rows']} were written.")
        return found

    def _joined(self, points: pl.LazyFrame, wanted: dict[str, Any], said: pl.LazyFrame | None = None) -> pl.LazyFrame:
        """Points with what their messages say: where, when, and whose values they are (always the server's)."""
        asked = pl.col("kind") == "request"
        messages = (self.scan("messages") if said is None else said).select(
            "message",
            *(column.name for column in schema.POINTS.columns if column.via and column.name != "device"),
            pl.when(asked).then("dst").otherwise("src").alias("device"),
        )
        return points.join(messages, on="message", how="left", maintain_order="left").select(list(wanted))

    def _scan_parts(self, table: str, wanted: dict[str, Any], run: int | None = None) -> pl.LazyFrame:
        parts = self._database.all(
            'SELECT file, bytes FROM parts WHERE "table" = ?1 AND run = ?2 OR ?2 IS NULL AND "table" IN (?1, ?1 || ?3)'
            " ORDER BY file",
            numbered(table, run, _commit.OPEN),
        )
        return self._scan_files([(part["file"], part["bytes"]) for part in parts], wanted)

    def _scan_files(self, parts: Sequence[tuple[str, int]], wanted: dict[str, Any]) -> pl.LazyFrame:
        """Some parts of one table as one frame."""
        if not parts:
            return pl.LazyFrame(schema=wanted)
        paths = [self.path / file for file, _ in parts]
        for path, (_, size) in zip(paths, parts, strict=True):
            self._verify_part(path, size)
        frame = pl.scan_parquet(
            paths, schema=wanted, glob=False, hive_partitioning=False, missing_columns="insert", extra_columns="ignore"
        )
        # a part lacks the columns that said nothing in it (`_parts.slim`); text that says nothing is empty
        return frame.with_columns(pl.col(name).fill_null("") for name, dtype in wanted.items() if dtype == pl.String)

    def _verify_part(self, path: Path, size: int) -> None:
        try:
            actual = path.stat().st_size
        except FileNotFoundError as error:
            raise damaged(path, Sentence("the file is missing")) from error
        except OSError as error:
            raise explain(error, path) from error
        if actual != size:
            raise damaged(path, Sentence("{actual} bytes where {size} were written", actual=actual, size=size))

    def _no_table(self, table: str) -> NoSuchRow:
        names = ", ".join(self.tables())
        return NoSuchRow(
            "{path}: the case has no table {table}; it has {names}.", path=self.path, table=table, names=names
        )

    def _extension_schema(self, table: str) -> dict[str, Any]:
        rows = self._database.all(
            "SELECT name, type FROM extensions WHERE protocol = ? ORDER BY position", (table.removeprefix("ext/"),)
        )
        if not rows:
            raise self._no_table(table)
        return {row["name"]: tables.polars_type(row["type"]) for row in rows}
