"""One step of thinning out a run: planned from the database, made from files, committed in one transaction.

Between `plan_*` and `commit` nothing of the case changes: `make` only writes parts that nothing lists yet, so it may
run in another thread than the one that owns the database, and whoever is killed leaves the case as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from sentinel.schema import COUNTS
from sentinel.store import _counting, _spans
from sentinel.store._commit import COMPLETE, INTERRUPTED, insert_parts
from sentinel.store._database import Database, numbered
from sentinel.store._errors import damaged
from sentinel.store._parts import Part, slim, sync_folder, write_parquet
from sentinel.store._spans import ROW, Span
from sentinel.store.tables import stored_schema

STEP_ROWS = 1 << 16
"""Messages that one step takes; whole parts, of which one may be larger."""
DROPPED_BYTES = 64 << 20
"""Bytes of counts or flows that one step drops."""
_ENDED = f"state IN ('{COMPLETE}', '{INTERRUPTED}') AND json_type(summary, '$.marks') IS NULL"
"""Of runs to which nothing is added any more, not even what a killed sensor had still to write (`resumed`)."""
DEPENDENT = ("items", "points")
"""Tables whose rows go with their message, beside those of the protocols."""

Bounds = dict[str, tuple[int, int]]
"""File -> numbers of its first and last message."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Rows of a table that a step takes away: how many, what they stood for, and from when until when (ns)."""

    table: str
    fate: str
    rows: int
    stood_for: int
    first_time: int
    last_time: int


@dataclass(slots=True)
class Change:
    """A part becomes another one (None: nothing is left of it)."""

    table: str
    span: Span
    part: Part | None


@dataclass(slots=True)
class Step:
    """One step over a run. `cited`: capture and frame of evidence; `kept`: flows that stay."""

    folder: Path
    run: int
    kind: str
    spans: dict[str, list[Span]]
    cited: pl.DataFrame
    kept: pl.Series
    bounds: Bounds
    changes: list[Change] = field(default_factory=list)
    added: list[Part] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)

    def make(self) -> None:
        """Write what takes the place of the parts. CaseError where the disk refuses: then nothing is left behind."""
        try:
            {"count": self._count, "drop": self._drop, "flows": self._flows}[self.kind]()
            for above in {(self.folder / part.file).parent for part in self._written()}:
                sync_folder(above)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Delete what was written and will not be committed."""
        for part in self._written():
            with suppress(OSError):  # otherwise when the case is next opened
                (self.folder / part.file).unlink(missing_ok=True)

    def _written(self) -> list[Part]:
        changed = [c.part for c in self.changes if c.part is not None and c.part.file != c.span.file]
        return [*changed, *self.added]

    # -- messages become counts ---------------------------------------------------------------------------------------

    def _count(self) -> None:
        counted = self._messages()
        if counted.height == 0:
            return
        numbers = counted["message"]
        said = _counting.context(counted)
        told = pl.DataFrame(schema={"message": pl.Int64, "items": pl.String})
        pieces: list[pl.DataFrame] = []
        for table in self.spans:
            if table == "messages":
                continue
            went = 0
            for rows in self._with_messages(table, numbers):
                went += rows.height
                if table == "items":
                    told = pl.concat([told, _counting.items_text(rows)])
                elif table == "points":
                    pieces.append(_counting.trends(rows, said))
            self._note(table, "counted", went, went, said)
        # a message of which items lie in two parts has two rows here
        told = told.group_by("message", maintain_order=True).agg(pl.col("items").str.join("; "))
        counted = counted.join(told, on="message", how="left", maintain_order="left")
        self._add("polls", _counting.polls(counted.with_columns(pl.col("items").fill_null(""))))
        self._add("trends", _counting.trends_together(pieces))
        self._note("messages", "counted", counted.height, counted.height, said)

    def _messages(self) -> pl.DataFrame:
        """The messages that become counts; their parts are changed to what is left of them."""
        found = []
        numbers = pl.Series(dtype=pl.Int64)
        for span in self.spans["messages"]:
            rows = self._read("messages", span)
            goes = _counting.countable(rows, self.cited, numbers)
            self._keep("messages", span, rows, ~goes)
            found.append(rows.filter(goes))
            numbers = pl.concat([numbers, found[-1]["message"]])
        return pl.concat(found)

    def _with_messages(self, table: str, numbers: pl.Series) -> Iterator[pl.DataFrame]:
        """The rows of a table that belong to these messages, a part at a time; they leave their parts."""
        least, greatest = numbers.min(), numbers.max()
        wanted = numbers.implode()
        for span in self.spans[table]:
            if span.file is None:
                continue
            if span.file not in self.bounds:
                messages = pl.read_parquet(self.folder / span.file, columns=["message"], glob=False)["message"]
                self.bounds[span.file] = messages[0], messages[-1]
            first, last = self.bounds[span.file]
            if last < least:  # type: ignore[operator]
                continue
            if first > greatest:  # type: ignore[operator]
                break  # parts follow each other as their messages do
            rows = self._read(table, span)
            goes = rows["message"].is_in(wanted)
            if goes.any():
                self._keep(table, span, rows, ~goes)
                yield rows.filter(goes)

    # -- counts and flows are dropped ---------------------------------------------------------------------------------

    def _drop(self) -> None:
        for table, spans in self.spans.items():
            for span in spans:
                rows = pl.read_parquet(self.folder / str(span.file), columns=["count", "time", "last_time"], glob=False)
                self._note(table, "dropped", rows.height, int(rows["count"].sum()), rows)
                self.changes.append(Change(table, span, None))

    def _flows(self) -> None:
        for span in self.spans["flows"]:
            rows = self._read("flows", span)
            stays = rows["flow"].is_in(self.kept.implode())
            self._keep("flows", span, rows, stays)
            went = rows.filter(~stays)
            self._note("flows", "dropped", went.height, went.height, went)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _read(self, table: str, span: Span) -> pl.DataFrame:
        """A part with the numbers of its rows; of a table of the schema with all columns it stores."""
        path = self.folder / str(span.file)
        numbered = span.left == span.rows
        if table.startswith("ext/"):
            rows = pl.read_parquet(path, glob=False)
        else:
            wanted = stored_schema(table)
            frame = pl.scan_parquet(
                path,
                schema=wanted if numbered else {**wanted, ROW: pl.Int64},
                glob=False,
                missing_columns="insert",
                extra_columns="ignore",
            )
            rows = frame.with_columns(pl.col(n).fill_null("") for n, t in wanted.items() if t == pl.String).collect()
        if rows.height != span.left:
            raise damaged(path, f"{rows.height} rows where {span.left} were written")
        if numbered:
            rows = rows.with_columns(pl.int_range(span.first, span.end, dtype=pl.Int64).alias(ROW))
        return rows

    def _keep(self, table: str, span: Span, rows: pl.DataFrame, stays: pl.Series) -> None:
        """Let a part become what stays of its rows; one of which all stay is only noted."""
        left = rows.filter(stays)
        if left.height == rows.height:
            self.changes.append(Change(table, span, Part(table, str(span.file), span.left, span.bytes)))
            return
        file = _next_name(str(span.file))
        part = Part(table, file, left.height, write_parquet(slim(left), self.folder / file)) if left.height else None
        self.changes.append(Change(table, span, part))

    def _add(self, table: str, rows: pl.DataFrame) -> None:
        """A part of counts, named like the first part of messages that it stands for."""
        if rows.height:
            file = f"{table}/{Path(_next_name(str(self.spans['messages'][0].file))).name}"
            self.added.append(Part(table, file, rows.height, write_parquet(slim(rows), self.folder / file)))

    def _note(self, table: str, fate: str, rows: int, stood_for: int, when: pl.DataFrame) -> None:
        if rows:
            times = when.select(
                pl.col("time").cast(pl.Int64).min(),
                pl.col("last_time" if "last_time" in when.columns else "time").cast(pl.Int64).max().alias("last"),
            )
            self.gone.append(Gone(table, fate, rows, stood_for, *times.row(0)))


def _next_name(file: str) -> str:
    """The name of what takes the place of a part: it sorts where that stood."""
    stem = file.removesuffix(".parquet")
    place, mark, times = stem.partition("-t")
    return f"{place}-t{int(times) + 1 if mark else 1:03d}.parquet"


# -- what is to be done ---------------------------------------------------------------------------------------------


def plan_count(database: Database, folder: Path, run: int, bounds: Bounds) -> Step | None:
    """Turn the oldest messages of an ended run that were not looked at yet into counts; None where there are none."""
    fresh = [span for span in _spans.of(database, "messages", run) if not span.thin]
    if not fresh:
        return None
    taken = list(_first(fresh, lambda span: span.rows, STEP_ROWS))
    names = [
        row["table"] for row in database.all('SELECT DISTINCT "table" FROM parts WHERE run = ? ORDER BY 1', (run,))
    ]
    tables = [name for name in names if name in DEPENDENT or name.startswith("ext/")]
    spans = {"messages": taken, **{table: _spans.of(database, table, run) for table in tables}}
    return Step(folder, run, "count", spans, _cited(database, run), pl.Series(dtype=pl.Int64), bounds)


def plan_drop(database: Database, folder: Path, run: int, tables: Iterable[str]) -> Step | None:
    """Drop the oldest counts of an ended run, of these tables, else its flows; None where nothing can be dropped."""
    nothing = pl.DataFrame(schema={"capture": pl.Int32, "frame": pl.Int64})
    for table in tables:
        if table in COUNTS:
            spans = [span for span in _spans.of(database, table, run) if span.file is not None]
            if spans:
                taken = {table: list(_first(spans, lambda span: span.bytes, DROPPED_BYTES))}
                return Step(folder, run, "drop", taken, nothing, pl.Series(dtype=pl.Int64), {})
        else:
            spans = [span for span in _spans.of(database, "flows", run) if not span.thin]
            if spans:
                taken = {table: list(_first(spans, lambda span: span.bytes, DROPPED_BYTES))}
                kept = _flows_to_keep(database, folder, run)
                return Step(folder, run, "flows", taken, nothing, kept, {})
    return None


def _first(spans: list[Span], size: Callable[[Span], int], most: int) -> Iterator[Span]:
    """Spans from the first on until they are large enough; one at least."""
    total = 0
    for span in spans:
        yield span
        total += size(span)
        if total >= most:
            return


def _cited(database: Database, run: int) -> pl.DataFrame:
    """Capture and frame of all evidence in the captures of a run, each once: of alerts, facts and assets."""
    mine = "IN (SELECT capture FROM captures WHERE run = ?1)"
    lists = " UNION ALL ".join(
        f"SELECT json_extract(e.value, '$[0]') AS capture, json_extract(e.value, '$[1]') AS frame"
        f" FROM {table}_by_run, json_each({table}_by_run.evidence) AS e"
        for table in ("alerts", "assets")
    )
    sql = f"SELECT DISTINCT capture, frame FROM ({lists} UNION ALL SELECT capture, frame FROM facts_by_run)"
    found = [tuple(row) for row in database.all(f"{sql} WHERE capture {mine}", numbered(str(run)))]
    return pl.DataFrame(found, schema={"capture": pl.Int32, "frame": pl.Int64}, orient="row")


def _flows_to_keep(database: Database, folder: Path, run: int) -> pl.Series:
    """Flows that an alert, a fact or a message that is left speaks of."""
    said = database.all(
        "SELECT DISTINCT e.value FROM alerts_by_run, json_each(alerts_by_run.flows) AS e"
        " UNION SELECT flow FROM facts_by_run WHERE flow IS NOT NULL"
    )
    kept = [pl.Series("flow", [row[0] for row in said], dtype=pl.Int64)]
    for span in _spans.of(database, "messages", run):
        if span.file is not None:
            kept.append(pl.read_parquet(folder / span.file, columns=["flow"], glob=False)["flow"].unique())
    return pl.concat(kept).unique()


# -- the end of a step ----------------------------------------------------------------------------------------------


def commit(db: sqlite3.Connection, step: Step) -> list[str]:
    """Make a step part of the case; returns the files that nothing lists any more. ValueError where the run was changed
    in the meantime: nothing may be committed then."""
    files = []
    for change in step.changes:
        if change.part is not None and change.part.file == change.span.file:
            continue
        if db.execute("DELETE FROM parts WHERE file = ?", (change.span.file,)).rowcount != 1:
            raise ValueError(f"{change.span.file} is no part of the case any more")
        files.append(str(change.span.file))
    changed = [c.part for c in step.changes if c.part is not None and c.part.file != c.span.file]
    insert_parts(db, step.run, [*changed, *step.added])
    for table in {change.table for change in step.changes} - set(COUNTS):
        mine = [change for change in step.changes if change.table == table]
        spans = [(c.span.first, c.span.rows, c.part.file if c.part is not None else None) for c in mine]
        _spans.put(db, step.run, table, spans)
    for gone in step.gone:
        db.execute(
            'INSERT INTO thinned (run, "table", fate, rows, stood_for, first_time, last_time)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, stood_for = stood_for + excluded.stood_for,"
            " first_time = min(first_time, excluded.first_time), last_time = max(last_time, excluded.last_time)",
            (step.run, gone.table, gone.fate, gone.rows, gone.stood_for, gone.first_time, gone.last_time),
        )
    return files


def ended_runs(database: Database) -> list[int]:
    """Runs that nothing is added to any more, oldest first."""
    return [row["run"] for row in database.all(f"SELECT run FROM runs WHERE {_ENDED} ORDER BY run")]
