"""Two taps that saw the same traffic: how far their clocks are apart, and which flows are one flow seen twice.

A flow has the same Community ID at every tap. That alone proves nothing: plants number their networks alike, and ports
come again. So messages are compared that occur once in the flow at either tap; where the time between the two
views is the same for most of them, it is the offset of the clocks, and the flows are the same. Without that agreement
nothing is linked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from sentinel.store._renumber import pieces
from sentinel.store.tables import stored_schema

MIN_MATCHES = 5
"""Messages and beginnings of flows that two taps must share before an offset of their clocks is believed."""
TOLERANCE = 100_000_000
"""ns by which a message may reach two taps apart from the offset: switches, queues, batches of a mirror port."""
MIN_AGREEING = 0.5
"""Share of the matches that must lie within TOLERANCE of the median."""
SAMPLE_FLOWS = 256
"""Flows whose messages are compared; the ones with the most messages."""
SAMPLE_MESSAGES = 1 << 17
"""Messages of each tap that are compared."""
MAX_CANDIDATES = 1 << 20
"""Flows of each side that are looked at; those beyond it stay unlinked."""

_FLOW = (
    "flow", "id", "capture", "time", "last_time", "client", "server", "direction_by", "messages",
    "packets_client", "packets_server", "bytes_client", "bytes_server",
)  # fmt: skip
_SAME = (
    "src", "protocol", "kind", "function", "operation", "unit", "object", "block", "address", "quantity", "status",
    "transaction", "length", "name",
)  # fmt: skip
"""What two views of one message agree in."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What the clock of `tap` shows when that of `other` shows 0, ns; from how many matches, and their median error."""

    other: str
    tap: str
    offset: int
    matches: int
    error: int


@dataclass(frozen=True, slots=True)
class Side:
    """One run at one tap: the parts of its flows and of its messages, and the tap of each of its captures."""

    flows: Sequence[Path]
    messages: Sequence[Path]
    taps: Mapping[int, str]


def compare(before: Sequence[Side], new: Side) -> tuple[list[Clock], pl.DataFrame, int]:
    """The clocks of the taps of `new` against those of `before`, and the flows that both saw.

    One row for each pair of views: flow and twin (the new one), tap and twin_tap, client and server, and packets and
    bytes that both counted. The last number is that of candidates that were beyond MAX_CANDIDATES.
    """
    theirs, ours, beyond = _candidates(before, new)
    pairs = ours.join(theirs, on="id", suffix="_before").filter(pl.col("tap") != pl.col("tap_before"))
    if pairs.height == 0:
        return [], _links(pairs), beyond
    matches = _matches(pairs, before, new)
    clocks, linked = [], []
    for (other, tap), mine in pairs.partition_by("tap_before", "tap", as_dict=True).items():
        seen = matches.filter(pl.col("tap_before") == other, pl.col("tap") == tap)
        clock = _clock(str(other), str(tap), seen)
        if clock is not None:
            clocks.append(clock)
            linked.append(_same(mine, seen, clock.offset))
    return clocks, _links(pl.concat(linked) if linked else pairs.clear()), beyond


def _candidates(before: Sequence[Side], new: Side) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Flows of both sides whose Community ID the other side has as well; of all others 8 bytes are held."""
    hashed = [_hashed(piece) for piece in pieces(new.flows, "flows", ["id"])]
    hashes = np.unique(np.concatenate(hashed)) if hashed else np.zeros(0, np.uint64)
    theirs, beyond = _gathered(before, lambda flows: pl.Series(np.isin(_hashed(flows), hashes)))
    ids = theirs["id"].unique().implode()
    ours, more = _gathered([new], lambda flows: flows["id"].is_in(ids))
    return theirs, ours, beyond + more


def _hashed(flows: pl.DataFrame) -> np.ndarray:
    return flows["id"].hash(seed=0).to_numpy()


def _gathered(sides: Iterable[Side], wanted: Callable[[pl.DataFrame], pl.Series]) -> tuple[pl.DataFrame, int]:
    """The flows with an id of which `wanted` is true, with their `tap`, and how many were too many."""
    schema = {**{name: stored_schema("flows")[name] for name in _FLOW}, "tap": pl.String}
    found = [pl.DataFrame(schema=schema).with_columns(pl.col("time", "last_time").cast(pl.Int64))]
    room, beyond = MAX_CANDIDATES, 0
    for side in sides:
        for piece in pieces(side.flows, "flows", _FLOW):
            piece = piece.filter(wanted(piece) & (piece["id"] != ""))
            piece = piece.with_columns(
                pl.col("capture").replace_strict(dict(side.taps), return_dtype=pl.String).alias("tap"),
                pl.col("time", "last_time").cast(pl.Int64),
            )
            found.append(piece.head(room))
            beyond += piece.height - found[-1].height
            room -= found[-1].height
    return pl.concat(found), beyond


def _matches(pairs: pl.DataFrame, before: Sequence[Side], new: Side) -> pl.DataFrame:
    """Times between two views of one message, or of one beginning of a connection: flow, flow_before, taps, apart."""
    by_handshake = (pl.col("direction_by") == "handshake") & (pl.col("direction_by_before") == "handshake")
    begun = pairs.filter(by_handshake).with_columns((pl.col("time") - pl.col("time_before")).alias("apart"))
    wanted = ["flow", "flow_before", "tap", "tap_before", "apart"]
    talking = pl.min_horizontal("messages", "messages_before")
    sample = pairs.filter(talking > 0).sort(talking, descending=True, maintain_order=True).head(SAMPLE_FLOWS)
    ours = _messages([new], sample["flow"])
    theirs = _messages(before, sample["flow_before"]).rename({"flow": "flow_before"})
    said = (
        sample.select("flow", "flow_before", "tap", "tap_before")
        .join(ours, on="flow")
        .join(theirs, on=["flow_before", *_SAME], nulls_equal=True, suffix="_before")
        .with_columns((pl.col("time") - pl.col("time_before")).alias("apart"))
    )
    return pl.concat([begun.select(wanted), said.select(wanted)])


def _messages(sides: Iterable[Side], flows: pl.Series) -> pl.DataFrame:
    """Messages that occur once in their flow, among the first SAMPLE_MESSAGES of these flows."""
    schema = {name: stored_schema("messages")[name] for name in ("flow", "time", *_SAME)}
    found, room, wanted = [pl.DataFrame(schema=schema)], SAMPLE_MESSAGES, flows.unique().implode()
    for side in sides:
        for piece in pieces(side.messages, "messages", schema) if room else ():
            found.append(piece.filter(piece["flow"].is_in(wanted)).head(room))
            room -= found[-1].height
    messages = pl.concat(found).with_columns(pl.col("time").cast(pl.Int64))
    return messages.filter(pl.len().over(["flow", *_SAME]) == 1)


def _clock(other: str, tap: str, matches: pl.DataFrame) -> Clock | None:
    """The offset that most matches agree on; None where they do not, or are too few."""
    apart = matches["apart"].to_numpy()
    if len(apart) < MIN_MATCHES:
        return None
    offset = int(np.median(apart))
    error = np.abs(apart - offset)
    if (error <= TOLERANCE).mean() < MIN_AGREEING:
        return None
    return Clock(other, tap, offset, len(apart), int(np.median(error)))


def _same(pairs: pl.DataFrame, matches: pl.DataFrame, offset: int) -> pl.DataFrame:
    """The pairs that are one flow: they overlap once the clocks agree, and what was compared of them agrees."""
    wrong = (pl.col("apart") - offset).abs().median() > TOLERANCE
    unlike = matches.group_by("flow", "flow_before").agg(wrong.alias("wrong")).filter("wrong")
    return pairs.filter(
        pl.col("time") - offset <= pl.col("last_time_before") + TOLERANCE,
        pl.col("time_before") <= pl.col("last_time") - offset + TOLERANCE,
    ).join(unlike, on=["flow", "flow_before"], how="anti")


def _links(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.select(
        pl.col("flow_before").alias("flow"),
        pl.col("flow").alias("twin"),
        pl.col("tap_before").alias("tap"),
        pl.col("tap").alias("twin_tap"),
        "client",
        "server",
        _both("packets"),
        _both("bytes"),
    )


def _both(name: str) -> pl.Expr:
    """What both views counted of a flow: the lesser of the two."""
    new = pl.col(f"{name}_client") + pl.col(f"{name}_server")
    old = pl.col(f"{name}_client_before") + pl.col(f"{name}_server_before")
    return pl.min_horizontal(new, old).alias(name)
