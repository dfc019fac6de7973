"""Messages that repeat become counted rows, and their values trends: on columns, without knowing of any file.

`polls` and `trends` take the rows of one piece of a run; `together` and `trends_together` make one result of those of
several pieces, in the order in which they were written.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sentinel.store.tables import stored_schema

COUNTED = ("read", "report", "session", "diagnose")
"""Activities whose messages are counted when room is needed. All others stay: what changes, identifies or is odd."""
KINDS = ("request", "response", "exception", "unsolicited", "confirm", "link")
"""Kinds of messages that are counted; malformed and other ones stay."""
MAX_ITEMS_TEXT = 2000
"""Characters of `polls.items`."""

CONTEXT = ("message", "capture", "frame", "time", "device", "unit", "protocol")
"""What values are told of their message."""

_POLL = (
    "capture", "src", "dst", "transport", "protocol", "kind", "function", "operation", "activity", "unit", "object",
    "block", "address", "bit", "quantity", "status", "status_name", "name", "items",
)  # fmt: skip
"""Messages that agree in these are one row."""
_TREND = ("capture", "device", "unit", "protocol", "object", "block", "address", "bit", "access", "quality")


def countable(messages: pl.DataFrame, cited: pl.DataFrame, counted: pl.Series) -> pl.Series:
    """Which messages become counts, as a mask.

    `cited`: capture and frame of evidence; such messages stay, with the other half of their exchange. `counted`:
    numbers of messages before these that became counts: an answer that names no activity of its own (DNP3) goes with
    its request.
    """
    plain = pl.col("activity").is_in(COUNTED) & pl.col("kind").is_in(KINDS) & (pl.col("fault") == "")
    rows = messages.select("message", "capture", "frame", "pair", "activity", "kind", plain.alias("plain"), "fault")
    rows = rows.join(cited.with_columns(cited=pl.lit(True)), on=["capture", "frame"], how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("cited").fill_null(False))
    marked = rows.filter("cited")
    partners = pl.concat([marked["message"], marked["pair"].drop_nulls()]).unique()
    stays = pl.col("cited") | pl.col("message").is_in(partners.implode())
    stays |= pl.col("pair").is_in(partners.implode()).fill_null(False)
    rows = rows.with_columns(goes=pl.col("plain") & ~stays)
    asked = pl.concat([counted, rows.filter("goes")["message"]]).implode()
    answer = (pl.col("activity") == "other") & (pl.col("kind") == "response") & (pl.col("fault") == "")
    answer &= pl.col("pair").is_in(asked).fill_null(False) & ~stays
    return rows.select(pl.col("goes") | answer).to_series()


def context(messages: pl.DataFrame) -> pl.DataFrame:
    """The columns CONTEXT of messages; the device is the server, as for `points`."""
    device = pl.when(pl.col("kind") == "request").then("dst").otherwise("src").alias("device")
    return messages.select("message", "capture", "frame", "time", device, "unit", "protocol")


def items_text(items: pl.DataFrame) -> pl.DataFrame:
    """One row a message: `message`, and what its items address as `items`."""
    block = pl.when(pl.col("block").is_null()).then(pl.lit("")).otherwise(pl.format("{}:", "block"))
    bit = pl.when(pl.col("bit").is_null()).then(pl.lit("")).otherwise(pl.format(".{}", "bit"))
    place = pl.format(" {}{}{}", block, pl.col("address").cast(pl.String).fill_null(""), bit)
    quantity = pl.when(pl.col("quantity").is_null()).then(pl.lit("")).otherwise(pl.format(" x{}", "quantity"))
    status = pl.when(pl.col("status").is_null()).then(pl.lit("")).otherwise(pl.format(" = {}", "status"))
    named = pl.when(pl.col("name") == "").then(pl.lit("")).otherwise(pl.format(" {}", "name"))
    text = pl.concat_str("object", place, quantity, named, status).str.strip_chars()
    joined = text.str.join("; ").str.head(MAX_ITEMS_TEXT).alias("items")
    return items.group_by("message", maintain_order=True).agg(joined)


def polls(messages: pl.DataFrame) -> pl.DataFrame:
    """Rows of `polls` for messages that have `items` (empty where they address one thing) beside their columns."""
    return _conformed("polls", messages.group_by(_POLL, maintain_order=True).agg(
        pl.col("frame").min(),
        pl.col("time").min(),
        pl.col("frame").max().alias("last_frame"),
        pl.col("time").max().alias("last_time"),
        pl.col("flow").first(),
        pl.col("flow").n_unique().alias("flows"),
        pl.len().alias("count"),
        pl.col("length").sum().alias("bytes"),
        _how_many("answered"),
        _how_many("unanswered"),
        pl.col("latency").min().alias("latency_min"),
        pl.col("latency").max().alias("latency_max"),
    ))  # fmt: skip


def _how_many(pairing: str) -> pl.Expr:
    return ((pl.col("pairing") == pairing) & (pl.col("kind") == "request")).sum().alias(pairing)


def trends(points: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Rows of `trends` for values, in their order; `said` has CONTEXT of all their messages."""
    values = points.join(said, on="message", how="inner", maintain_order="left")
    value, text = pl.col("value"), pl.col("text")
    changed = value.ne_missing(value.shift(1)) | text.ne_missing(text.shift(1))
    return _conformed("trends", values.group_by(_TREND, maintain_order=True).agg(
        pl.col("frame").min(),
        pl.col("time").min(),
        pl.col("frame").max().alias("last_frame"),
        pl.col("time").max().alias("last_time"),
        pl.len().alias("count"),
        changed.slice(1).sum().alias("changes"),
        value.first().alias("first"),
        value.last().alias("last"),
        value.min().alias("min"),
        value.max().alias("max"),
        text.first().alias("first_text"),
        text.last().alias("last_text"),
    ))  # fmt: skip


def trends_together(pieces: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Trends of values that follow each other, as one."""
    if not pieces:
        return pl.DataFrame(schema=stored_schema("trends"))
    first, last = pl.col("first"), pl.col("last").shift(1)
    between = first.ne_missing(last) | pl.col("first_text").ne_missing(pl.col("last_text").shift(1))
    return _conformed("trends", pl.concat(pieces).group_by(_TREND, maintain_order=True).agg(
        pl.col("frame").min(),
        pl.col("time").min(),
        pl.col("last_frame").max(),
        pl.col("last_time").max(),
        pl.col("count").sum(),
        (pl.col("changes").sum() + between.slice(1).sum()).alias("changes"),
        pl.col("first").first(),
        pl.col("last").last(),
        pl.col("min").min(),
        pl.col("max").max(),
        pl.col("first_text").first(),
        pl.col("last_text").last(),
    ))  # fmt: skip


def _conformed(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    wanted = stored_schema(table)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
