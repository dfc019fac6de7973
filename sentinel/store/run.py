"""One analysis of one or more captures, from its first row to the one transaction that makes it part of the case.

Until `finish`, `interrupt` or the first `checkpoint` nothing of a run can be read: its parts are listed nowhere. A run
that is killed before leaves parts that nobody lists and rows of state `running`; both are deleted when the case is next
opened for writing, so the run is repeated with the same numbers, without a duplicate and without a loss. A run that
goes on for months (a sensor's) makes what it has so far visible by checkpoints, and is left as the last one when it is
killed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import polars as pl

from sentinel.errors import CaseError
from sentinel.schema import FACTS
from sentinel.store import tables
from sentinel.store._checkpoint import Said, checkpoint, prepare, replace_parts
from sentinel.store._commit import COMPLETE, INTERRUPTED, RUNNING, Outcome, commit, delete_run, hashes_of, known_hashes
from sentinel.store._database import Database
from sentinel.store._ids import fact_id
from sentinel.store._parts import Part, PartWriter

if TYPE_CHECKING:
    from sentinel.store.case import Case

Rows = pl.DataFrame | Iterable[Mapping[str, Any]]

KEEP_JOINED = 60.0
"""Seconds for which the files of parts that were joined stay, for those who are just reading them."""

NUMBER_BITS = 40
"""Messages and flows of a run count up from the number of its first capture shifted by so many bits."""

_FACT_COLUMNS = [column.name for column in FACTS.columns]
"""The first of them is the id."""
_PROTOCOL = re.compile(r"[a-z0-9][a-z0-9_.-]*")


class Run:
    """A run that `Case.begin_run` began. As a context manager it is aborted where the block leaves it unfinished.

    `captures` are its rows with the capture numbers given out, in the order of `begin_run`; `base` is the number of
    its first message and of its first flow.
    """

    def __init__(self, folder: Path, database: Database, number: int, captures: list[dict[str, Any]], drop: bool):
        self.folder = folder
        self.number = number
        self.captures = captures
        self.base = (captures[0]["capture"] if captures else 0) << NUMBER_BITS
        self.over = False
        self._drop = drop
        self._database = database
        self._writer = PartWriter(folder, number)
        self._extensions: dict[str, dict[str, str]] = {}
        self._listed: set[str] = set()
        self._said: dict[str, dict[str, Any]] = {}
        self._gone: list[tuple[float, str]] = []
        self._live = False

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.over:
            self.abort()

    def write(self, table: str, df: pl.DataFrame) -> None:
        """Queue rows of a Parquet table of the schema.

        ValueError where the columns are not the table's, CaseError where this or an earlier write failed on disk.
        """
        if table not in tables.PARQUET_TABLES:
            raise ValueError(f"{table} is no Parquet table of the schema")
        self._writer.write(table, tables.conform(table, df))

    def write_ext(self, protocol: str, df: pl.DataFrame) -> None:
        """Queue rows of a parser's own table: `message`, then the columns of its TABLE. Raises as `write` does."""
        if not _PROTOCOL.fullmatch(protocol):
            raise ValueError(f"{protocol!r} is no protocol name")
        if df.columns[:1] != ["message"]:
            raise ValueError(f"ext/{protocol}: the first column must be message")
        known = self._extensions.setdefault(protocol, {})
        for name, dtype in df.schema.items():
            type_ = tables.type_name(dtype)
            if known.setdefault(name, type_) != type_:
                raise ValueError(f"ext/{protocol}: {name} was {known[name]} and is {type_}")
        self._writer.write(f"ext/{protocol}", df)

    def adopt(self, shard: Case) -> None:
        """Take over the parts of a shard's case, which has the numbers of this run; before anything is written."""
        for row in shard.database.all("SELECT protocol, name, type FROM extensions ORDER BY protocol, position"):
            known = self._extensions.setdefault(row["protocol"], {})
            if known.setdefault(row["name"], row["type"]) != row["type"]:
                raise ValueError(f"ext/{row['protocol']}: {row['name']} is not what it was in another shard")
        for row in shard.database.all('SELECT "table", file, rows, bytes FROM parts ORDER BY "table", file'):
            self._writer.adopt(shard.path, Part(*row))

    def finish(
        self, captures: Sequence[Mapping[str, Any]], facts: Rows, assets: Rows, alerts: Rows, summary: Mapping[str, Any]
    ) -> bool:
        """Make the run part of the case in one transaction; False where the case held all its captures already.

        `captures` are the final rows, each with a number from `self.captures`; those left out were not read and leave
        no trace. A hash may become known only here (standard input): a run whose captures are all in the case is then
        thrown away, so that analysing the same capture again changes nothing. CaseError leaves the case as it was.
        """
        return self._end(COMPLETE, captures, facts, assets, alerts, summary)

    def interrupt(
        self, captures: Sequence[Mapping[str, Any]], facts: Rows, assets: Rows, alerts: Rows, summary: Mapping[str, Any]
    ) -> bool:
        """Keep what was read until now, as `finish` does; replaced when its captures are analysed again."""
        return self._end(INTERRUPTED, captures, facts, assets, alerts, summary)

    def next_capture(self, capture: Mapping[str, Any]) -> dict[str, Any]:
        """Give out the number of one more capture; it becomes part of the case with the checkpoint that brings it."""
        row = {**capture, "capture": self.captures[-1]["capture"] + 1, "run": str(self.number)}
        self.captures.append(row)
        return row

    def checkpoint(
        self,
        captures: Sequence[Mapping[str, Any]] = (),
        alerts: Rows = (),
        facts: Rows = (),
        assets: Rows | None = None,
        summary: Mapping[str, Any] | None = None,
        open_flows: pl.DataFrame | None = None,
        marks: Mapping[str, Any] | None = None,
    ) -> None:
        """Make what was said so far part of the case while the run goes on, in one transaction: state `live`.

        `captures`, `alerts` and `facts`: those that are new or have changed. `assets`: all of them, None where nobody
        looked. With `summary` the rows that were written come along, and `open_flows`, which stand for the flows that
        have not ended, until the next such checkpoint. `marks`: how far the run has come in what it reads, for whoever
        finishes it after its program was killed (`store.resumed`). CaseError leaves the last checkpoint as it was.
        """
        said = Said(self.number, [self._final_capture("live", row) for row in captures])
        said.rows = {
            "alerts": tables.as_rows("alerts", alerts),
            "facts": [dict(zip(_FACT_COLUMNS, row, strict=True)) for row in with_ids(tables.as_values("facts", facts))],
        }
        if marks is not None:
            said.marks = json.dumps(marks)
        if assets is not None:
            now = {row["asset"]: row for row in tables.as_rows("assets", assets)}
            said.rows = {**said.rows, "assets": [row for id_, row in now.items() if self._said.get(id_) != row]}
            said.gone = {"assets": self._said.keys() - now.keys()}
        if summary is not None:
            parts = self._writer.flush()
            said.parts = [part for part in parts if part.file not in self._listed]
            said.extensions = self._extensions
            said.summary = json.dumps(summary, ensure_ascii=False)
            said.open = [self._extra("flows", open_flows)] if open_flows is not None and open_flows.height else []
        with self._database.transaction() as db:
            if not self._live:
                prepare(db, self.number)
            unlisted = checkpoint(db, self.folder, said)
        self._live = True
        if assets is not None:
            self._said = now
        self._listed.update(part.file for part in said.parts)
        self._forget(unlisted)

    def tidy(self) -> None:
        """Join the small parts of a run that goes on, without changing the order of rows; after a checkpoint."""
        joined = self._writer.join()
        if not joined:
            return
        with self._database.transaction() as db:
            unlisted = replace_parts(db, self.number, joined)
        self._listed.difference_update(unlisted)
        self._listed.update(part.file for _, part in joined)
        self._forget(unlisted)

    def _extra(self, table: str, df: pl.DataFrame) -> Part:
        return self._writer.extra(table, tables.conform(table, df))

    def _forget(self, files: Iterable[str]) -> None:
        """Delete files that nothing lists any more, a little later."""
        now = time.monotonic()
        self._gone += [(now, file) for file in files]
        while self._gone and now - self._gone[0][0] > KEEP_JOINED:
            with suppress(OSError):
                (self.folder / self._gone.pop(0)[1]).unlink(missing_ok=True)

    def abort(self) -> None:
        """Throw the run away, as if it had never been begun; a live one stays as its last checkpoint left it."""
        self.over = True
        if self._live:
            self._writer.abandon(self._listed)
            return
        self._writer.abort()
        with suppress(CaseError), self._database.transaction() as db:  # else deleted when the case is next opened
            delete_run(db, self.number)

    def _end(
        self,
        state: str,
        captures: Sequence[Mapping[str, Any]],
        facts: Rows,
        assets: Rows,
        alerts: Rows,
        summary: Mapping[str, Any],
    ) -> bool:
        if self.over:
            raise ValueError("the run is over")
        try:
            outcome = Outcome(
                run=self.number,
                state=state,
                captures=[self._final_capture(state, row) for row in captures],
                parts=self._writer.close(),
                extensions=self._extensions,
                rows={
                    "facts": with_ids(tables.as_values("facts", facts)),
                    "assets": tables.as_values("assets", assets),
                    "alerts": tables.as_values("alerts", alerts),
                },
                summary=json.dumps(summary, ensure_ascii=False),
            )
            with self._database.transaction() as db:
                known = known_hashes(db, hashes_of(outcome.captures))
                repeated = bool(known) and all(known.keys() & hashes_of([row]) for row in outcome.captures)
                unlisted = [] if repeated else commit(db, self.folder, outcome, self._drop)
        except BaseException:
            self.abort()
            raise
        if repeated:
            self.abort()
            return False
        self.over = True
        self._delete((*unlisted, *(file for _, file in self._gone)))
        return True

    def _delete(self, files: Iterable[str]) -> None:
        """Delete files that nobody lists any more; those that resist go when the case is next opened."""
        for file in files:
            with suppress(OSError):
                (self.folder / file).unlink(missing_ok=True)

    def _final_capture(self, state: str, capture: Mapping[str, Any]) -> dict[str, Any]:
        if capture["capture"] not in {row["capture"] for row in self.captures}:
            raise ValueError(f"capture {capture['capture']} was not given out to this run")
        row = {**capture, "run": str(self.number), "sha256": capture.get("sha256") or ""}
        if row.get("state") in (None, "", RUNNING):
            row["state"] = state
        return row


def with_ids(facts: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The facts, as `tables.as_values` makes them, with their content-derived ids where they came without."""
    told = itemgetter(*(_FACT_COLUMNS.index(name) for name in ("device", "unit", "kind", "value", "source")))
    return [row if row[0] else (fact_id(*told(row)), *row[1:]) for row in facts]
