"""Who met whom and what was said between them, counted: all that the inventory needs of flows and messages.

Both are gathered batch by batch and stay small whatever the number of flows and messages.
"""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import polars as pl

from sentinel.columns import Columns

MAX_ROWS = 1 << 16
"""Rows of several batches that are kept before those of one group become one."""
MAX_GROUPS = 1 << 18
"""Groups that are kept; beyond it, those with the fewest messages go (a flood with forged senders makes millions)."""

SCHEMA = {
    "client": pl.String,
    "server": pl.String,
    "protocol": pl.String,
    "unit": pl.Int64,
    "activity": pl.String,
    "kind": pl.String,
    "count": pl.Int64,
    "first_time": pl.Int64,
    "last_time": pl.Int64,
    "capture": pl.Int32,
    "frame": pl.Int64,
}
"""One row for each client, server, protocol, unit, activity and kind; times in ns; capture and frame of the first."""

ASKING = ("request", "confirm")
ANSWERING = ("response", "exception", "unsolicited")

_KEY = ["client", "server", "protocol", "unit", "activity", "kind"]
_ENDS = ["src", "dst", "protocol", "unit", "activity", "kind"]
_PAIR = ["client", "server", "client_mac", "server_mac", "transport", "protocol", "label_by"]
_SUMS = [
    "packets_client", "packets_server", "bytes_client", "bytes_server", "payload_client", "payload_server", "messages",
]  # fmt: skip
_log = logging.getLogger(__name__)


def accumulate_flows(pairs: pl.DataFrame | None, flows: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The pairs with those of a batch of flows added: flows of equal addresses, transport and label become one row.

    Columns as in `flows`, numbers added, the first frame kept. A pair may have a row for each batch until there are
    2 * `limit` rows; then they are joined and cut to `limit`: pairs without messages and with few frames go.
    """
    batch = _pairs(flows)
    if pairs is not None:
        batch = pl.concat([pairs, batch]) if batch.height > 0 else pairs
    if batch.height <= 2 * limit:
        return batch
    batch = _pairs(batch)
    if batch.height > limit:
        _warn_once(f"more than {limit} pairs of addresses: those that said least are not in the inventory")
        batch = batch.top_k(limit, by=["messages", pl.sum_horizontal("packets_client", "packets_server")])
    return batch


def _pairs(flows: pl.DataFrame) -> pl.DataFrame:
    """One row a pair."""
    first = pl.col("time").arg_min()
    return (
        flows.lazy()
        .group_by(_PAIR)
        .agg(
            pl.col("capture").get(first),
            pl.col("frame").get(first),
            pl.col("time").min(),
            pl.col("last_time").max(),
            pl.col(_SUMS).sum(),
        )
        .cast(dict.fromkeys(_PAIR, pl.String))
        .collect()
    )


@cache
def _warn_once(sentence: str) -> None:
    """A flood reaches a limit with every batch; that is said once."""
    _log.warning("%s", sentence)


def empty() -> pl.DataFrame:
    """The statistics of no messages."""
    return pl.DataFrame(schema=SCHEMA)


def accumulate(stats: pl.DataFrame | None, messages: pl.DataFrame | Columns) -> pl.DataFrame:
    """The statistics with those of a batch added; `messages` has the columns of that table, in any text type.

    Who asks and who answers follows from the kind; kinds that tell neither (link, malformed, other) are not counted.
    A key may have a row for each batch until there are MAX_ROWS rows; `joined` makes one of them.
    """
    batch = _counted(Columns.of(messages))
    if stats is not None:
        batch = pl.concat([stats, batch]) if batch.height > 0 else stats
    if batch.height > MAX_ROWS:
        batch = joined(batch)
    if batch.height > MAX_GROUPS:
        _warn_once(f"more than {MAX_GROUPS} pairs and activities: those with the fewest messages are not counted")
        batch = batch.top_k(MAX_GROUPS, by="count")
    return batch


def _counted(messages: Columns) -> pl.DataFrame:
    """The statistics of a batch."""
    if len(messages) == 0:
        return empty()
    group, _ = messages.groups((*_ENDS, "fault"))
    number = np.arange(len(group))
    count = np.bincount(group)
    first = np.empty(len(count), np.int64)
    first[group[::-1]] = number[::-1]
    time = messages.integers("time")
    earliest, latest = time[first], time[first]
    np.minimum.at(earliest, group, time)
    np.maximum.at(latest, group, time)
    rows = messages.frame.select(*_ENDS, "fault", "capture", "frame")[pl.Series(first)].with_columns(
        pl.Series("count", count), pl.Series("first_time", earliest), pl.Series("last_time", latest)
    )
    return (
        rows.filter(pl.col("fault") == "")  # which way a malformed message goes is a guess
        .cast({name: pl.String for name in _ENDS if name != "unit"})
        .filter(pl.col("kind").is_in([*ASKING, *ANSWERING]))
        .with_columns(
            pl.when(pl.col("kind").is_in(ASKING)).then("src").otherwise("dst").alias("client"),
            pl.when(pl.col("kind").is_in(ASKING)).then("dst").otherwise("src").alias("server"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    )


def joined(rows: pl.DataFrame) -> pl.DataFrame:
    """The statistics with one row a key; the evidence is that of the earliest."""
    return (
        rows.sort("first_time", maintain_order=True)
        .group_by(_KEY, maintain_order=True)
        .agg(
            pl.col("count").sum(),
            pl.col("first_time").first(),
            pl.col("last_time").max(),
            pl.col("capture", "frame").first(),
        )
    )
