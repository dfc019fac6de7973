"""How the tables of `sentinel.schema` lie in a case: Polars schemas of the Parquet parts, SQL of the database.

In Parquet a `time` is Datetime(ns, UTC), the same 64-bit integer as elsewhere with its unit written beside it, and a
`text` is a string column, which Parquet dictionary-encodes. In SQLite a `time` is an INTEGER, nanoseconds since
1970-01-01 UTC, and a `bool` is 0 or 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import polars as pl

from sentinel import schema

APPLICATION_ID = 0x53454E54
"""`SENT`: what SQLite keeps in byte 68 of the database, so that another program's `case.db` is recognised as such."""

PARQUET_TABLES = tuple(t.name for t in schema.TABLES.values() if t.store == "parquet")
MERGED_TABLES = ("facts", "assets", "alerts")
"""Tables whose rows of several runs become one row: `<table>_by_run` holds what each run said, `<table>` the sum."""

_POLARS: dict[str, Any] = {
    "bool": pl.Boolean,
    "u8": pl.UInt8,
    "u16": pl.UInt16,
    "i32": pl.Int32,
    "i64": pl.Int64,
    "f64": pl.Float64,
    "time": pl.Datetime("ns", "UTC"),
    "text": pl.String,
    "bytes": pl.Binary,
}
_SQL = {"f64": "REAL", "text": "TEXT", "bytes": "BLOB"}  # every other type is an INTEGER
_TYPE_OF = {dtype: name for name, dtype in _POLARS.items()}

_OWN_SQL = """
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, state TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, summary TEXT NOT NULL
) STRICT;
CREATE TABLE parts (
    "table" TEXT NOT NULL, file TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(run)
) STRICT;
CREATE TABLE extensions (
    protocol TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    PRIMARY KEY (protocol, name)
) STRICT;
CREATE TABLE alert_history (
    entry INTEGER PRIMARY KEY, alert TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_history_alert ON alert_history (alert);
"""

SPANS_SQL = """
CREATE TABLE IF NOT EXISTS spans (
    run INTEGER NOT NULL, "table" TEXT NOT NULL, first INTEGER NOT NULL, rows INTEGER NOT NULL, file TEXT,
    PRIMARY KEY (run, "table", first)
) STRICT;
"""
"""Which rows of its run a part stands for once it was thinned out (`_spans`)."""

APPEND_ONLY = ("alert_history", "journal", "assessments")
_APPEND_ONLY_SQL = "".join(
    f"""
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
    for table in APPEND_ONLY
    for verb in ("update", "delete")
)


def polars_schema(table: str) -> dict[str, Any]:
    """Column -> Polars type of a table of the schema, in its order; KeyError where there is no such table."""
    return {column.name: _POLARS[column.type] for column in schema.TABLES[table].columns}


@cache
def stored_schema(table: str) -> dict[str, Any]:
    """The columns of a table that lie in its own parts; the others are joined when it is read."""
    return {column.name: _POLARS[column.type] for column in schema.TABLES[table].columns if not column.via}


def polars_type(type_: str) -> Any:
    """Polars type of one of `schema.TYPES`."""
    return _POLARS[type_]


def type_name(dtype: Any) -> str:
    """The one of `schema.TYPES` that a column of this Polars type is kept as; ValueError where there is none."""
    if dtype in (pl.Categorical, pl.Enum):
        return "text"
    name = _TYPE_OF.get(dtype)
    if name is None:
        raise ValueError(f"no column type of a case holds {dtype}")
    return name


def create_sql() -> str:
    """The statements that make an empty case database, application id and schema version included."""
    statements = [f"PRAGMA application_id = {APPLICATION_ID};", f"PRAGMA user_version = {schema.SCHEMA_VERSION};"]
    for table in schema.TABLES.values():
        if table.store != "sqlite":
            continue
        statements.append(_create(table, table.name, table.key))
        if table.name in MERGED_TABLES:
            key = ("by_run", *table.key)
            statements.append(_create(table, f"{table.name}_by_run", key, extra="by_run INTEGER NOT NULL, "))
    return "\n".join(statements) + _OWN_SQL + SPANS_SQL + _APPEND_ONLY_SQL


def thinned_sql() -> tuple[str, ...]:
    """The statements that make what thinning out needs, where the case was made by a program that knew none."""
    table = schema.THINNED
    return _create(table, table.name, table.key).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"), SPANS_SQL


def _create(table: schema.Table, name: str, key: tuple[str, ...], extra: str = "") -> str:
    columns = ", ".join(
        f'"{c.name}" {_SQL.get(c.type, "INTEGER")}{"" if c.null else " NOT NULL"}' for c in table.columns
    )
    keys = ", ".join(f'"{k}"' for k in key)
    return f'CREATE TABLE "{name}" ({extra}{columns}, PRIMARY KEY ({keys})) STRICT;'


def insert_sql(table: str, name: str, extra: tuple[str, ...] = ()) -> str:
    """INSERT statement for a row of `table` as `as_values` makes it, into `name`, after the columns `extra`."""
    names = [*extra, *(c.name for c in schema.TABLES[table].columns)]
    columns = ", ".join(f'"{n}"' for n in names)
    return f'INSERT INTO "{name}" ({columns}) VALUES ({", ".join("?" * len(names))})'


def as_values(table: str, rows: pl.DataFrame | Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows in column order, as SQLite keeps them, whether they come as mappings or a frame.

    A column that a row lacks is null, or empty where it cannot be null; lists and dicts in text columns become JSON.
    A key that is no column of the table raises ValueError.
    """
    columns = schema.TABLES[table].columns
    if isinstance(rows, pl.DataFrame):
        times = [c.name for c in columns if c.type == "time" and c.name in rows.columns]
        rows = rows.with_columns(pl.col(times).cast(_POLARS["time"]).cast(pl.Int64)).to_dicts()
    return list(zip(*map(_sql_values, columns, _cells(table, list(rows))), strict=True))


def _cells(table: str, rows: list[Mapping[str, Any]]) -> Iterator[Sequence[Any]]:
    """The values of each column in turn, None where a row has none; ValueError for a key that is no column."""
    names = [column.name for column in schema.TABLES[table].columns]
    has = rows[0].keys() if rows else set()
    alike = all(row.keys() == has for row in rows)  # then they need not be asked cell by cell
    for row in rows[:1] if alike else rows:
        if not row.keys() <= set(names):
            raise ValueError(f"{table} has no column {', '.join(sorted(row.keys() - set(names)))}")
    for name in names:
        if not alike:
            yield [row.get(name) for row in rows]
        elif name in has:
            yield list(map(itemgetter(name), rows))
        else:
            yield [None] * len(rows)


def _sql_values(column: schema.Column, values: Sequence[Any]) -> Sequence[Any]:
    """The values of one column, as SQLite keeps them."""
    own: type = {"REAL": float, "TEXT": str, "BLOB": bytes}.get(_SQL.get(column.type, ""), int)
    types = set(map(type, values))
    if types <= {own} or column.null and types <= {own, type(None)}:
        return values
    absent = None if column.null else own()
    if own is str:
        return [v if isinstance(v, str) else absent if v is None else _json(v) for v in values]
    if own is bytes:
        return [absent if v is None else v for v in values]
    return [absent if v is None else own(v) for v in values]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_rows(table: str, rows: pl.DataFrame | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with every column in order, as SQLite keeps them (`as_values`)."""
    names = [column.name for column in schema.TABLES[table].columns]
    return [dict(zip(names, values, strict=True)) for values in as_values(table, rows)]


def conform(table: str, df: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns that the table stores, in its order and types; ValueError for one too few or many."""
    wanted = stored_schema(table)
    if df.columns != list(wanted):
        missing, surplus = wanted.keys() - set(df.columns), set(df.columns) - wanted.keys()
        if missing or surplus:
            raise ValueError(f"{table}: columns missing {sorted(missing)}, surplus {sorted(surplus)}")
        df = df.select(list(wanted))
    # categories are written as they are: a part's dictionaries hold them, and they are read as strings
    return cast(df, wanted, text=(pl.Categorical, pl.Enum))


def cast(df: pl.DataFrame, wanted: Mapping[str, Any], text: tuple[type, ...] = ()) -> pl.DataFrame:
    """The frame with these types; columns that have them already, or text of one of the types `text`, stay."""
    has = df.schema  # made anew at each access
    changes: dict[Any, Any] = {
        name: dtype
        for name, dtype in wanted.items()
        if not (dtype == pl.String and isinstance(has[name], text)) and has[name] != dtype
    }
    return df.cast(changes) if changes else df
