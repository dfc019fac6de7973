"""Rows of a case chosen by a SQL condition, in the form that was asked for."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl
from polars import selectors

from sentinel import schema
from sentinel.cli._settings import current
from sentinel.errors import NoSuchRow, OutputError, Sentence, UsageError

BATCH = 65536
"""Rows that are in memory at once while a large table is written."""

BRIEF: dict[str, tuple[str, ...]] = {
    "captures": ("capture", "path", "format", "state", "frames", "first_time", "last_time", "cut", "duplicates",
                 "unread"),
    "flows": ("flow", "client", "client_port", "server", "server_port", "transport", "protocol", "confidence",
              "messages", "gaps", "faults"),
    "messages": ("message", "frame", "time", "src", "dst", "protocol", "kind", "operation", "unit", "object", "address",
                 "quantity", "status_name", "fault"),
    "items": ("message", "index", "object", "block", "address", "bit", "quantity", "dtype", "status", "name"),
    "points": ("frame", "time", "device", "unit", "protocol", "object", "block", "address", "value", "text", "access"),
    "facts": ("device", "unit", "kind", "value", "source", "confidence", "frame"),
    "assets": ("ips", "unit", "vendor", "model", "firmware", "name", "role", "level", "protocols"),
    "alerts": ("alert", "severity", "state", "title_en", "src", "dst", "unit", "count", "techniques", "first_time"),
    "faults": ("capture", "frame", "code", "count", "protocol", "detail", "offset"),
    "polls": ("capture", "time", "last_time", "src", "dst", "protocol", "kind", "operation", "unit", "object",
              "address", "quantity", "count", "unanswered"),
    "trends": ("capture", "device", "unit", "protocol", "object", "block", "address", "count", "changes", "first",
               "last", "min", "max"),
    "thinned": ("run", "table", "fate", "rows", "stood_for", "first_time", "last_time"),
    "journal": ("entry", "kind", "subject", "value", "author", "time", "source"),
    "assessments": ("assessment", "as_of", "saved", "profile", "packs"),
}  # fmt: skip
"""What a table on the screen shows where nobody chose columns."""

JSON_COLUMNS = {
    # The schema says in a column's sentence where its text is JSON.
    table.name: {c.name for c in table.columns if c.sentence.startswith("JSON")}
    for table in schema.TABLES.values()
}


def chosen(rows: pl.LazyFrame, where: str | None, columns: Iterable[str] | None) -> pl.LazyFrame:
    """The rows for which `where` holds, with those columns; UsageError names what is wrong and what comes near."""
    rows = _with_times(rows)
    known = rows.collect_schema()
    if where is not None:
        rows = rows.filter(_condition(where, known))
    if columns is not None:
        wanted = list(columns)
        for name in wanted:
            _must_know(name, known)
        rows = rows.select(wanted)
    try:
        rows.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise UsageError("--where {where!r}: {why}", where=where, why=_first_sentence(error)) from error
    return rows


def batches(rows: pl.LazyFrame, where: str | None) -> Iterator[pl.DataFrame]:
    """The rows in batches, in order; UsageError where the condition does not fit the values."""
    with _blaming(where):
        yield from rows.collect_batches(chunk_size=BATCH, maintain_order=True)


def write_json(tables: Iterable[pl.DataFrame], json_columns: set[str], out: BinaryIO) -> None:
    """One JSON array, a row a line; times are ISO 8601 in UTC, absent cells null."""
    opened = False
    for table in tables:
        table = _iso_times(table)
        embedded = [name for name in table.columns if name in json_columns]
        for row in table.iter_rows(named=True):
            for name in embedded:
                row[name] = json.loads(row[name]) if row[name] else None
            out.write(b",\n" if opened else b"[\n")
            out.write(_dumps(row))
            opened = True
    out.write(b"\n]\n" if opened else b"[]\n")


def write_csv(tables: Iterable[pl.DataFrame], columns: list[str], out: BinaryIO) -> None:
    """Comma-separated values with a header line; times are ISO 8601 in UTC."""
    out.write((",".join(columns) + "\n").encode())
    for table in tables:
        table = _iso_times(table)
        table = table.with_columns(selectors.binary().bin.encode("hex"))
        out.write(table.write_csv(include_header=False).encode())


def write_parquet(rows: pl.LazyFrame, where: str | None, out: Path | BinaryIO) -> None:
    """One Parquet file, written as it is read; OutputError where it cannot be written."""
    try:
        with _blaming(where):
            rows.sink_parquet(out)
    except OSError as error:
        raise OutputError("{path}: {why}", path=_place(out), why=error.strerror or error) from error
    except (pl.exceptions.ComputeError, UsageError) as error:
        # A full disk reaches us as an error of the Parquet writer, not as one of the system.
        if "parquet:" not in str(error):
            raise
        raise OutputError("{path} cannot be written: {why}", path=_place(out), why=_first_sentence(error)) from error


def unique_alert(rows: pl.LazyFrame, prefix: str) -> dict[str, object]:
    """The only alert whose id begins with `prefix`; NoSuchRow where there is none or more than one."""
    found = rows.filter(pl.col("alert").str.starts_with(prefix)).limit(6).collect()
    exact = found.filter(pl.col("alert") == prefix)
    if exact.height == 1:
        return exact.row(0, named=True)
    if found.height == 1:
        return found.row(0, named=True)
    if found.height == 0:
        raise NoSuchRow("the case has no alert whose id begins with {prefix!r}", prefix=prefix)
    several = ", ".join(str(value)[: len(prefix) + 8] for value in found["alert"])
    raise NoSuchRow(
        "several alerts begin with {prefix!r}: {several}; give more of the id", prefix=prefix, several=several
    )


@contextmanager
def _blaming(where: str | None) -> Iterator[None]:
    """What a condition does wrong only shows when it meets the values: then it is the condition's fault."""
    try:
        yield
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError) as error:
        if where is None:
            raise
        raise UsageError("--where {where!r}: {why}", where=where, why=_first_sentence(error)) from error


def _condition(where: str, known: pl.Schema) -> pl.Expr:
    try:
        condition = pl.sql_expr(where)
    except pl.exceptions.PolarsError as error:
        hint = _reserved_hint(where, known)
        why = _first_sentence(error) + hint
        raise UsageError("--where {where!r} is not a SQL condition: {why}", where=where, why=why) from error
    for name in condition.meta.root_names():
        _must_know(name, known)
    return condition


def _must_know(name: str, known: pl.Schema) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if near:
        raise UsageError("no column {name!r}; did you mean {names}?", name=name, names=" / ".join(near))
    raise UsageError("no column {name!r}; there are {names}", name=name, names=", ".join(known))


def _reserved_hint(where: str, known: pl.Schema) -> str:
    """Some column names are words of SQL: they are written in double quotes."""
    for name in ("end",):
        if name in known and re.search(rf'(?<!["\w]){name}(?!["\w])', where):
            return current().say(' (write "{name}" in double quotes)', name=name)
    return ""


def _place(out: Path | BinaryIO) -> Path | Sentence:
    return out if isinstance(out, Path) else Sentence("standard output")


def _first_sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    # A regular expression's parser draws a picture; what is wrong stands below it.
    below = [line.removeprefix("error:") for line in lines if line.startswith("error: ")]
    return (lines[0] + "".join(below[:1]))[:200]


def _with_times(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Times as times, dictionary-encoded text as text, whatever the store keeps them as."""
    columns = rows.collect_schema()
    times = {c.name for table in schema.TABLES.values() for c in table.columns if c.type == "time"}
    changes = []
    for name, dtype in columns.items():
        if name in times and (dtype.is_integer() or dtype.is_temporal()):
            changes.append(pl.col(name).cast(pl.Datetime("ns")))
        elif dtype in (pl.Categorical, pl.Enum):
            changes.append(pl.col(name).cast(pl.String))
    return rows.with_columns(changes)


def _iso_times(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ"))


def _dumps(row: dict[str, object]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain).encode()
    except ValueError:
        # A value on the wire may be NaN or infinite; JSON has no word for it.
        odd = {"nan", "inf", "-inf"}
        tame = {k: str(v) if isinstance(v, float) and str(v) in odd else v for k, v in row.items()}
        return json.dumps(tame, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)
