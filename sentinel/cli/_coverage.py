"""What a capture could not show: the statement that keeps a reader from reading silence as safety."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sentinel.cli._format import duration, share, size
from sentinel.cli._settings import Settings

if TYPE_CHECKING:
    import polars as pl

GUESS = 0.2
"""Confidence of a label that the port alone gave (`flows.confidence`)."""

COVERS = "It covers {length}. What happens less often, or happened elsewhere in the network, is not in it."
CUT = "Frames cut by the snap length: {n}. What stood behind the cut was not read."
LOST = "Frames that the capturing host says it lost: {n}."
GAPS = "Gaps in streams: {n} ({size}). Messages in there were not seen."
ONE_SIDED = (
    "TCP flows of which only one direction was captured: {n} of {all}. An answer that was not seen may have refused."
)
MIDSTREAM = "Flows that began before the capture: {n}. How they were opened is unknown."
UNKNOWN = "Flows in protocols that were not recognised: {n} ({share} of the payload). Nothing is said about them."
GUESSED = "Flows labelled by their port alone: {n}. A guess: no message and no alert was made of it."
EVICTED = "Idle flows evicted to bound the memory: {n}. Each goes on as a new flow."

NOT_READ = "not read"
"""State of a capture that the analysis did not come to (`pipeline.analyze`)."""


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """What the flow table says about how well the traffic was seen."""

    flows: int = 0
    tcp: int = 0
    one_sided: int = 0
    midstream: int = 0
    gap_bytes: int = 0
    evicted: int = 0
    payload: int = 0
    unknown_flows: int = 0
    unknown_payload: int = 0
    guessed_flows: int = 0


def flow_counts(flows: pl.LazyFrame) -> FlowCounts:
    """One pass over the flow table, however large it is."""
    import polars as pl

    def number(condition: pl.Expr) -> pl.Expr:
        return condition.fill_null(False).sum()

    tcp = pl.col("transport") == "tcp"
    silent = (pl.col("packets_client") == 0) | (pl.col("packets_server") == 0)
    payload = pl.col("payload_client") + pl.col("payload_server")
    unknown = (pl.col("protocol") == "") & (payload > 0)
    row = flows.select(
        flows=pl.len(),
        tcp=number(tcp),
        one_sided=number(tcp & silent & (payload > 0)),
        midstream=number(pl.col("state") == "midstream"),
        gap_bytes=pl.col("gap_bytes").sum(),
        evicted=number(pl.col("end") == "evicted"),
        payload=payload.sum(),
        unknown_flows=number(unknown),
        unknown_payload=payload.filter(unknown).sum(),
        guessed_flows=number((pl.col("protocol") != "") & (pl.col("confidence") <= GUESS)),
    ).collect()
    values = row.row(0, named=True)
    return FlowCounts(**{f.name: values[f.name] or 0 for f in fields(FlowCounts)})


def read_captures(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The captures of a summary that were read; of those behind an interruption nothing but the path is known."""
    return [capture for capture in summary["captures"] if capture["state"] != NOT_READ]


def once(captures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the captures for which none of the others stands: what is summed counts copies once."""
    paths = {capture["path"] for capture in captures}
    return [capture for capture in captures if capture["copy_of"] not in paths]


def limits(summary: Mapping[str, Any], counts: FlowCounts, settings: Settings) -> list[str]:
    """Sentences, the general ones first."""
    say = settings.say
    captures = once(read_captures(summary))
    first = [c["first_time"] for c in captures if c["first_time"] is not None]
    last = [c["last_time"] for c in captures if c["last_time"] is not None]
    found = []
    if first:
        length = duration(max(last) - min(first), settings)
        found.append(say(COVERS, length=length))
    found.append(say("Nothing was probed: a device that stayed silent is missing, and so is what nobody asked it."))
    cut = sum(c["cut"] for c in captures)
    lost = sum(c["dropped"] or 0 for c in captures)
    unknown = share(counts.unknown_payload, counts.payload)
    for n, sentence, values in (
        (cut, CUT, {}),
        (lost, LOST, {}),
        (summary["gaps"], GAPS, {"size": size(counts.gap_bytes)}),
        (counts.one_sided, ONE_SIDED, {"all": f"{counts.tcp:,}"}),
        (counts.midstream, MIDSTREAM, {}),
        (counts.unknown_flows, UNKNOWN, {"share": unknown}),
        (counts.guessed_flows, GUESSED, {}),
        (counts.evicted, EVICTED, {}),
    ):
        if n:
            found.append(say(sentence, n=f"{n:,}", **values))
    unread = sum(summary["unread"].values())
    if unread:
        kinds = ", ".join(f"{what}: {n:,}" for what, n in sorted(summary["unread"].items(), key=lambda x: -x[1])[:4])
        found.append(say("Frames of kinds that are not read: {n} ({kinds}).", n=f"{unread:,}", kinds=kinds))
    return found
