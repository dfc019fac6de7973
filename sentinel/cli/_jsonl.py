"""Messages as JSON Lines, a batch at a time: whole columns are turned into text, no object is made per message.

What a message does not have is not there: no nulls, no empty strings. Zero is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import polars as pl

Batch = Mapping[str, pl.DataFrame]

FIRST = (
    "frame", "time", "time_ns", "src", "dst", "sport", "dport", "transport", "protocol", "kind", "function",
    "operation", "activity", "status", "unit", "object", "address", "quantity", "values", "items", "transaction",
    "fault",
)  # fmt: skip
"""Keys in the order that every object keeps; the other columns of `messages` follow, then the protocol's own."""
INTERNAL = frozenset({"capture"})
"""Columns that mean something within a case only."""
EXT = "ext/"
_WHOLE = 2.0**53
"""Up to here a float that is whole is written as an integer without loss."""


def lines(batch: Batch) -> pl.Series:
    """One JSON object, as text, for every message of the batch, in the batch's order."""
    messages = batch["messages"]
    if messages.height == 0:
        return pl.Series("line", [], dtype=pl.String)
    table = messages.select("message")
    members = _members(messages)
    for name, part in _parts(batch):
        joined = table.join(part, on="message", how="left", maintain_order="left")
        members[name] = _prefixed(name, joined["json"])
    ordered = [members.pop(key) for key in FIRST if key in members]
    ordered += members.values()
    body = pl.DataFrame(ordered).select(pl.concat_str(pl.all(), ignore_nulls=True)).to_series()
    return ("{" + body.str.slice(1) + "}").alias("line")


def objects(table: pl.DataFrame, drop: tuple[str, ...] = ()) -> pl.Series:
    """One JSON object, as text, for every row; null where a row has nothing to say."""
    columns = [_prefixed(s.name, encoded(s)) for s in table.drop(drop, strict=False)]
    if not columns:
        return pl.Series("json", [None] * table.height, dtype=pl.String)
    body = pl.DataFrame(columns).select(pl.concat_str(pl.all(), ignore_nulls=True).alias("json")).to_series()
    filled = "{" + body.str.slice(1) + "}"
    return filled.set(body == "", None)


def encoded(column: pl.Series) -> pl.Series:
    """Each value as JSON text; null where it is absent, and for text where it is empty."""
    dtype = column.dtype
    if dtype.is_integer() or dtype == pl.Boolean:
        return column.cast(pl.String)
    if dtype.is_float():
        return _floats(column)
    if dtype.is_temporal():
        return column.dt.timestamp("ns").cast(pl.String)
    if dtype == pl.Binary:
        return _texts(column.bin.encode("hex"))
    return _texts(column.cast(pl.String))


def _members(messages: pl.DataFrame) -> dict[str, pl.Series]:
    """The members that the row of a message holds by itself, `,"key":value`, by key."""
    found = {}
    for column in messages:
        if column.name in INTERNAL:
            continue
        if column.name == "time":
            nanoseconds = column.cast(pl.Datetime("ns")).cast(pl.Int64)
            found["time"] = _prefixed("time", _seconds(nanoseconds))
            found["time_ns"] = _prefixed("time_ns", nanoseconds.cast(pl.String))
        else:
            found[column.name] = _prefixed(column.name, encoded(column))
    return found


def _parts(batch: Batch) -> Iterator[tuple[str, pl.DataFrame]]:
    """What hangs below a message, as (key, table of `message` and `json`)."""
    points = batch.get("points")
    if points is not None and points.height:
        values = pl.Series("json", _floats(points["value"]))
        if "text" in points.columns:
            values = values.zip_with(values.is_not_null(), _texts(points["text"].cast(pl.String)))
        yield "values", _lists(points["message"], values)
    items = batch.get("items")
    if items is not None and items.height:
        ordered = items.sort("message", "index", maintain_order=True)
        yield "items", _lists(ordered["message"], objects(ordered, ("message", "index")))
    for name, table in batch.items():
        if name.startswith(EXT) and table.height:
            own = pl.DataFrame({"message": table["message"], "json": objects(table, ("message", *INTERNAL))})
            # A message has one row of its protocol's own table; a second one would repeat the message.
            yield name.removeprefix(EXT), own.unique("message", keep="first", maintain_order=True)


def _lists(message: pl.Series, values: pl.Series) -> pl.DataFrame:
    """The JSON list of the values of each message."""
    table = pl.DataFrame({"message": message, "json": values})
    joined = table.group_by("message").agg(pl.col("json").fill_null("null").str.join(","))
    return joined.with_columns(json=pl.concat_str(pl.lit("["), "json", pl.lit("]")))


def _prefixed(key: str, values: pl.Series) -> pl.Series:
    return (f",{json.dumps(key)}:" + values.cast(pl.String)).alias(key)


def _seconds(nanoseconds: pl.Series) -> pl.Series:
    """Epoch seconds with all nine decimals."""
    table = pl.DataFrame({"ns": nanoseconds})
    size = pl.col("ns").abs()
    sign = pl.when(pl.col("ns") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole = (size // 1_000_000_000).cast(pl.String)
    rest = (size % 1_000_000_000).cast(pl.String).str.zfill(9)
    return table.select(pl.concat_str(sign, whole, pl.lit("."), rest)).to_series()


def number_texts(column: pl.Series) -> pl.Series:
    """Numbers as text, whole ones without a fraction; null stays null, NaN and infinity are named so."""
    v = pl.col("v")
    whole = (v == v.floor()) & (v.abs() < _WHOLE)
    integer = v.cast(pl.Int64, strict=False).cast(pl.String)
    table = pl.DataFrame({"v": column.cast(pl.Float64)})
    return table.select(pl.when(whole).then(integer).otherwise(v.cast(pl.String))).to_series()


def _floats(column: pl.Series) -> pl.Series:
    """Numbers as JSON, which has no word for NaN and infinity: those are text."""
    table = pl.DataFrame({"v": column.cast(pl.Float64), "text": number_texts(column)})
    odd = pl.format('"{}"', "text")
    return table.select(pl.when(pl.col("v").is_finite()).then("text").otherwise(odd)).to_series()


def _texts(column: pl.Series) -> pl.Series:
    """Quoted text; each different text is quoted once."""
    different = column.unique().drop_nulls()
    quoted = [json.dumps(text, ensure_ascii=False) if text else None for text in different]
    return column.replace_strict(different, pl.Series(quoted, dtype=pl.String), default=None)
