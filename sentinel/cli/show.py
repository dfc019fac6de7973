"""Show a table of a case: flows, messages, points, facts, assets, alerts, faults ..."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.cli._case import case_option, check_writable, opened
from sentinel.cli._format import tame
from sentinel.cli._settings import ENDLESS, Settings, current
from sentinel.errors import OutputError, UsageError

if TYPE_CHECKING:
    import polars as pl

TABLES = (
    "flows", "messages", "items", "points", "facts", "assets", "alerts", "faults", "captures", "polls", "trends",
    "thinned", "journal", "assessments",
)  # fmt: skip
EXT = "ext/"
SCREEN = 50
"""Rows that a table on the screen shows where nobody said how many."""
DIGITS = 3
"""Decimals of a confidence or value on the screen; the other formats have all of them."""


def _complete_table(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in TABLES if name.startswith(incomplete)]


@click.command(
    "show",
    help="""Show a table of a case, or the part of it for which a SQL condition holds.

    TABLE is flows, messages, items, points, facts, assets, alerts, faults or captures, or ext/PROTOCOL for what only
    one protocol has; polls and trends hold what was counted for want of room, thinned says how much that was. The
    condition is what stands behind WHERE in SQL; the columns are listed in docs/fields.md. Times
    are UTC.

    \b
    sentinel show alerts --case acme --where "severity in ('high', 'critical')"
    sentinel show messages --case acme --where "protocol = 'modbus' and activity = 'write'"
    sentinel show points --case acme --where "time > timestamp '2024-03-01 08:00:00'" --format csv
    """,
)
@click.argument("table", metavar="TABLE", shell_complete=_complete_table)
@case_option
@click.option("--where", metavar="EXPR", help="A SQL condition over the columns of the table.")
@click.option("--columns", metavar="A,B,...", help="Columns to show, or `all`.")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many rows; 0: all. (Screen: 50, otherwise all.)")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv", "parquet"]), default="table", show_default=True,
    help="How to write it.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file.")
def command(
    table: str, folder: Path, where: str | None, columns: str | None, limit: int | None, form: str, output: Path | None
) -> None:
    """Show one table of a case."""
    from sentinel.cli import _query

    if form == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is not for the screen; add -o FILE")
    if output is not None:
        check_writable(output)
    if limit is None:
        limit = SCREEN if form == "table" and output is None else 0
    if table not in TABLES and not table.startswith(EXT):
        raise UsageError("no table {table!r}; there are {names}", table=table, names=", ".join(TABLES))
    with opened(folder) as case, _blaming(output):
        everything = case.scan(table)
        rows = _query.chosen(everything, where, _column_names(columns, table, form))
        if form == "table":
            _screen(rows, table, where, limit, output)
            return
        if limit:
            rows = rows.limit(limit)
        if form == "parquet":
            _query.write_parquet(rows, where, output if output is not None else sys.stdout.buffer)
            return
        parts = _query.batches(rows, where)
        stream = output.open("wb") if output is not None else sys.stdout.buffer
        try:
            if form == "json":
                _query.write_json(parts, _query.JSON_COLUMNS.get(table, set()), stream)
            else:
                _query.write_csv(parts, rows.collect_schema().names(), stream)
        finally:
            if output is not None:
                stream.close()


@contextmanager
def _blaming(output: Path | None) -> Iterator[None]:
    """A failed write knows no name: it is that of the file that was asked for."""
    try:
        yield
    except OSError as error:
        if output is not None and error.filename is None:
            raise OutputError("{path}: {why}", path=output, why=error.strerror or error) from error
        raise


def _column_names(columns: str | None, table: str, form: str) -> tuple[str, ...] | None:
    from sentinel.cli import _query

    if columns is None:
        brief = _query.BRIEF.get(table) if form == "table" else None
        if brief is not None and current().lang == "zh":
            return tuple("title_zh" if name == "title_en" else name for name in brief)
        return brief
    if columns.strip() == "all":
        return None
    names = tuple(dict.fromkeys(name.strip() for name in columns.split(",") if name.strip()))
    if not names:
        raise UsageError("--columns names no column")
    return names


def _screen(rows: pl.LazyFrame, name: str, where: str | None, limit: int, output: Path | None) -> None:
    """A table for people; says how many rows there are beyond those shown."""
    import polars as pl
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from sentinel.cli import _query

    settings = current()
    parts = list(_query.batches(rows.limit(limit) if limit else rows, where))
    shown = pl.concat(parts) if parts else rows.clear().collect()
    total = rows.select(pl.len()).collect().item()
    if name not in _query.BRIEF:
        # A protocol's own table is wide, and most of its columns belong to other operations than those shown.
        shown = shown.select(column for column in shown if column.is_not_null().any())
    picture = Table(box=None, padding=(0, 1), header_style="bold")
    for column, dtype in shown.schema.items():
        picture.add_column(column, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in shown.iter_rows():
        picture.add_row(*(Text(tame(_cell(value)).replace("\n", "?")) for value in row))
    if output is not None:
        with output.open("w", encoding="utf-8") as stream:
            Console(file=stream, width=ENDLESS, highlight=False).print(picture)
        return
    console = settings.out(wide=True)
    console.print(picture)
    console.print(_footer(settings, name, shown.height, total), style="dim", markup=False)


def _footer(settings: Settings, name: str, shown: int, total: int) -> str:
    say = settings.say
    if shown < total:
        return say(
            "{name}: {shown} of {total}; --limit 0 shows all.", shown=f"{shown:,}", total=f"{total:,}", name=name
        )
    return say("{name}: {total}", total=f"{total:,}", name=name)


def _cell(value: object) -> str:
    """A cell for people: nothing where there is nothing, times without a zone, short floats."""
    import datetime

    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:g}"
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
