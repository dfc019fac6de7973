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
MAX_CHUNKS = 64
"""Batches whose rows lie apart."""
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

    Columns as in `flows`, numbers added, the first frame kept. A pair may have several rows until there are 2 * `limit`
    of them; then they are joined and cut to `limit`: pairs without messages and with few frames go.
    """
    if flows.height == 0 and pairs is not None:
        return pairs
    rows = pl.DataFrame(
        [
            *(flows[name].cast(pl.String) for name in _PAIR),
            *(flows[name] for name in ("capture", "frame", "time", "last_time", *_SUMS)),
        ]
    )
    rows = _added(pairs, rows)
    if rows.height <= 2 * limit:
        return rows
    rows = joined_pairs(rows)
    if rows.height > limit:
        _warn_once(f"more than {limit} pairs of addresses: those that said least are not in the inventory")
        rows = rows.top_k(limit, by=["messages", pl.sum_horizontal("packets_client", "packets_server"), *_PAIR])
    return rows


def joined_pairs(flows: pl.DataFrame) -> pl.DataFrame:
    """One row a pair."""
    first = pl.col("time").arg_min()
    return flows.group_by(_PAIR).agg(
        pl.col("capture").get(first),
        pl.col("frame").get(first),
        pl.col("time").min(),
        pl.col("last_time").max(),
        pl.col(_SUMS).sum(),
    )


@cache
def _warn_once(sentence: str) -> None:
    """A flood reaches a limit with every batch; that is said once."""
    _log.warning("%s", sentence)


def accumulate(
    stats: pl.DataFrame | None, messages: pl.DataFrame | Columns, limit: int | None = None
) -> pl.DataFrame | None:
    """The counts with those of a batch added; `messages` has the columns of that table, in any text type.

    One row for each sender, receiver, protocol, unit, activity, kind and fault of a batch, until there are MAX_ROWS
    rows; `statistics` says what they come to. At most `limit` groups are kept (None: MAX_GROUPS).
    """
    columns = Columns.of(messages)
    if len(columns) == 0:
        return stats
    return accumulate_counts(stats, _counted(columns), limit)


def accumulate_counts(stats: pl.DataFrame | None, counts: pl.DataFrame, limit: int | None = None) -> pl.DataFrame:
    """The counts with others that `accumulate` made of later messages."""
    limit = MAX_GROUPS if limit is None else limit
    rows = _added(stats, counts)
    if rows.height > min(MAX_ROWS, limit):
        rows = _joined(rows, [*_ENDS, "fault"])
    if rows.height > limit:
        _warn_once(f"more than {limit} pairs and activities: those with the fewest messages are not counted")
        rows = rows.top_k(limit, by=["count", *_ENDS, "fault"])
    return rows


def _added(rows: pl.DataFrame | None, batch: pl.DataFrame) -> pl.DataFrame:
    """The rows with those of a batch behind them."""
    if rows is None:
        return batch
    rows = pl.concat([rows, batch])
    return rows.rechunk() if rows.n_chunks() > MAX_CHUNKS else rows


def _counted(messages: Columns) -> pl.DataFrame:
    """The counts of a batch; capture and frame are those of the first row of each group."""
    group, where = messages.groups((*_ENDS, "fault"))
    number = np.arange(len(group))
    first, last = np.empty(len(where), np.int64), np.empty(len(where), np.int64)
    first[group[::-1]] = number[::-1]
    last[group] = number
    time = messages.integers("time")
    earliest, latest = time[first], time[last]
    if (time[1:] < time[:-1]).any():
        np.minimum.at(earliest, group, time)
        np.maximum.at(latest, group, time)
    # column by column: each of a frame's own operations would be planned anew for these few rows
    chosen = pl.Series(first)
    named = [messages.frame[name][chosen] for name in (*_ENDS, "fault", "capture", "frame")]
    texts = {*_ENDS, "fault"} - {"unit"}
    return pl.DataFrame(
        [
            *(column.cast(pl.String) if column.name in texts else column for column in named),
            pl.Series("count", np.bincount(group, minlength=len(where))),
            pl.Series("first_time", earliest),
            pl.Series("last_time", latest),
        ]
    )


def statistics(counts: pl.DataFrame | None) -> pl.DataFrame:
    """What `accumulate` counted, by who asks and who answers: columns as SCHEMA.

    Who is who follows from the kind; kinds that tell neither (link, malformed, other) are left out, and so are
    malformed messages, for which way they go is a guess.
    """
    if counts is None:
        return pl.DataFrame(schema=SCHEMA)
    asking = pl.col("kind").is_in(ASKING)
    rows = counts.filter(pl.col("fault") == "", pl.col("kind").is_in([*ASKING, *ANSWERING])).with_columns(
        pl.when(asking).then("src").otherwise("dst").alias("client"),
        pl.when(asking).then("dst").otherwise("src").alias("server"),
    )
    return _joined(rows.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()), _KEY)


def _joined(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """One row a key; the evidence is that of the earliest."""
    return (
        rows.sort("first_time", maintain_order=True)
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("count").sum(),
            pl.col("first_time").first(),
            pl.col("last_time").max(),
            pl.col("capture", "frame").first(),
        )
        .select(rows.columns)
    )
