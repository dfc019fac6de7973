"""What was said, counted: messages by pair of hosts, by the minute, by their cycle; and the alerts by pair.

Messages may be hundreds of millions. They are read lazily and only counted here, by few keys.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import polars as pl

MAX_TIMED = 1_000_000
"""Requests whose cycle is measured."""
MIN_TIMED = 20
"""Times that a request must repeat before it has a cycle."""
FRAME_BITS = 44
_SPOT = pl.col("capture").cast(pl.Int64) * (1 << FRAME_BITS) + pl.col("frame")
_SPOTS = (_SPOT.min().alias("spot"), _SPOT.max().alias("last_spot"))
"""Capture and frame in one number: of the lowest and highest the engine keeps two numbers a group, and no rows."""


class Exchanges:
    """The messages of a case, each counted table made once; client and server are those of the flows."""

    def __init__(self, flows: pl.DataFrame, messages: pl.LazyFrame, points: pl.LazyFrame, alerts: pl.DataFrame):
        self._flows = flows
        self._messages = messages
        self._points = points
        self._alerts = alerts

    @cached_property
    def exchanges(self) -> pl.DataFrame:
        """Messages counted by client, server, protocol, unit, operation, activity, kind, status and whether faulty.

        Client and server are those of the flow, whichever of them sent the message; `spot` and `last_spot` are the
        lowest and highest place of a message in the captures (`_SPOTS`).
        """
        key = ["talkers", "protocol", "unit", "operation", "activity", "kind", "status_name"]
        counted = (
            self._paired(self._messages)
            .group_by(*key, (pl.col("fault") != "").alias("faulty"))
            .agg(
                pl.len().cast(pl.Int64).alias("count"),
                pl.col("time").min().cast(pl.Int64).alias("first"),
                pl.col("time").max().cast(pl.Int64).alias("last"),
                *_SPOTS,
                pl.col("length").cast(pl.Int64).sum().alias("bytes"),
                (pl.col("pairing") == "unanswered").sum().cast(pl.Int64).alias("unanswered"),
            )
            .collect(engine="streaming")
        )
        return self._named_ends(counted).sort("client", "server", *key[1:], "faulty", "first", nulls_last=True)

    @cached_property
    def _pairs(self) -> pl.DataFrame:
        """Number of a pair of hosts, its client, its server."""
        return self._flows.select("client", "server").unique(maintain_order=True).with_row_index("talkers")

    def _paired(self, messages: pl.LazyFrame) -> pl.LazyFrame:
        """Messages with the number of their flow's pair: counting by it keeps the groups few, however many flows."""
        pairs = self._flows.select("flow", "client", "server").join(self._pairs, on=["client", "server"], how="inner")
        return messages.join(pairs.select("flow", "talkers").lazy(), on="flow", how="inner")

    def _named_ends(self, counted: pl.DataFrame) -> pl.DataFrame:
        return counted.join(self._pairs, on="talkers", how="inner").drop("talkers")

    def by_pair(self, rows: pl.DataFrame, *key: str) -> pl.DataFrame:
        """Rows of `exchanges` added up by client, server, protocol and further columns, first to last."""
        keys = ["client", "server", "protocol", *key]
        return (
            rows.group_by(keys)
            .agg(
                pl.col("count", "bytes", "unanswered").sum(),
                pl.col("first", "spot").min(),
                pl.col("last", "last_spot").max(),
            )
            .sort(keys, nulls_last=True)
        )

    def minutes(self, wanted: pl.Expr) -> pl.DataFrame:
        """Messages of a kind counted by the minute: client, server, protocol, unit, operation, activity, kind, name."""
        key = ["talkers", "protocol", "unit", "operation", "activity", "kind", "name"]
        counted = (
            self._paired(self._messages.filter(wanted))
            .group_by(*key, pl.col("time").dt.truncate("1m").alias("minute"))
            .agg(
                pl.len().cast(pl.Int64).alias("count"),
                pl.col("time").min().cast(pl.Int64).alias("first"),
                pl.col("time").max().cast(pl.Int64).alias("last"),
                *_SPOTS,
                pl.col("length").cast(pl.Int64).sum().alias("bytes"),
                (pl.col("pairing") == "answered").sum().cast(pl.Int64).alias("answered"),
            )
            .drop("minute")
            .collect(engine="streaming")
        )
        return self._named_ends(counted).sort("first", "client", "server", "operation", "kind", "name", nulls_last=True)

    @cached_property
    def cycles(self) -> pl.DataFrame:
        """Requests that repeat, one row each: client, server, protocol, n; cycle, mean, jitter, p99, pause (ns); where.

        `cycle` is the median time between two, `pause` the longest one, which ended at `resumed`. `jitter` is their
        interquartile range, or that of every second or third if it is less: a master may ask for the same thing
        several times a cycle. Of a very long case the first `MAX_TIMED` requests are measured.
        """
        key = ["talkers", "protocol", "unit", "operation", "object", "block", "address", "quantity"]
        requests = (
            self._paired(
                self._messages.filter(pl.col("kind") == "request", pl.col("activity") == "read").head(MAX_TIMED)
            )
            .select(*key, "capture", "frame", pl.col("time").cast(pl.Int64))
            .collect(engine="streaming")
        )
        often = requests.group_by(key).agg(pl.len().alias("n")).filter(pl.col("n") >= MIN_TIMED)
        apart = pl.col("time").diff()
        timed = (
            requests.join(often.select(key), on=key, how="semi", nulls_equal=True)
            .sort("time")
            .group_by(key)
            .agg(
                pl.len().cast(pl.Int64).alias("n"),
                apart.median().alias("cycle"),
                ((pl.col("time").max() - pl.col("time").min()) / (pl.len() - 1)).alias("mean"),
                pl.min_horizontal(_spread(1), _spread(2), _spread(3)).alias("jitter"),
                apart.quantile(0.99).alias("p99"),
                apart.max().alias("pause"),
                pl.col("time").get(apart.arg_max()).alias("resumed"),
                pl.col("capture", "frame").get(apart.arg_max()),
                pl.col("time").min().alias("first"),
                pl.col("time").max().alias("last"),
            )
        )
        return self._named_ends(timed).sort("client", "server", *key[1:], "first", nulls_last=True)

    @cached_property
    def peaks(self) -> dict[tuple[str, str], int]:
        """Client and server -> the most messages of their flows in one second, of the first `MAX_TIMED`."""
        counted = (
            self._paired(self._messages.head(MAX_TIMED))
            .group_by("talkers", pl.col("time").dt.truncate("1s").alias("second"))
            .agg(pl.len().cast(pl.Int64).alias("n"))
            .collect(engine="streaming")
        )
        most = self._named_ends(counted.group_by("talkers").agg(pl.col("n").max()))
        return {(client, server): n for client, server, n in most.select("client", "server", "n").iter_rows()}

    @property
    def messages(self) -> pl.LazyFrame:
        """The messages, lazily."""
        return self._messages

    @cached_property
    def points(self) -> int:
        """How many process values were decoded."""
        return int(self._points.select(pl.len()).collect(engine="streaming").item())

    @cached_property
    def alerts_of(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Who and to whom -> the alerts, times as numbers (`first`, `last`), oldest first."""
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        rows = self._alerts.with_columns(
            pl.col("first_time").cast(pl.Int64).alias("first"), pl.col("last_time").cast(pl.Int64).alias("last")
        ).sort("first", "alert")
        for row in rows.iter_rows(named=True):
            found.setdefault((row["src"], row["dst"]), []).append(row)
        return found

    @cached_property
    def protocols(self) -> frozenset[str]:
        """Protocols of which there are messages."""
        return frozenset(self.exchanges["protocol"].unique())


def _spread(lag: int) -> pl.Expr:
    """Interquartile range of the times between a request and the one `lag` later."""
    apart = pl.col("time").diff(lag)
    return apart.quantile(0.75) - apart.quantile(0.25)
