"""When and between whom the frames were that an assessment cites: the tables are asked once for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import polars as pl

from sentinel.assess.model import Assessment, Evidence, Trace
from sentinel.assess.view import View

_KEYS = ["capture", "frame"]
_TUPLE = ["src", "dst", "src_port", "dst_port", "transport", "protocol"]


def cited(assessment: Assessment) -> Iterator[tuple[str, tuple[Evidence, ...]]]:
    """Everything that is cited, with the number or id of what cites it, in the order of the report."""
    for finding in assessment.findings:
        yield finding.number, finding.evidence
    for contradiction in assessment.contradictions:
        yield contradiction.question, contradiction.evidence
    for result in assessment.controls:
        yield f"{result.framework} {result.control}", result.evidence
    for question in assessment.questionnaire:
        yield str(question["id"]), tuple(piece for piece in question.get("proof") or () if isinstance(piece, Evidence))
    for sheet in assessment.sheets:
        yield sheet.id, sheet.evidence
    for asset in assessment.site.assets:
        yield asset.name, asset.evidence


def traces(view: View, pieces: Iterable[Evidence]) -> tuple[Trace, ...]:
    """Time and five-tuple of each cited frame, by capture and number.

    A frame that carries a message has the message's own, from sender to receiver; the first or last frame of a flow,
    and one that a fact, a fault or an alert names, has its flow's, from client to server. One that no table knows is
    left out.
    """
    wanted = sorted({(p.capture, frame) for p in pieces if p.capture is not None for frame in p.frames})
    left = pl.DataFrame(wanted, schema={"capture": pl.Int32, "frame": pl.Int64}, orient="row")
    found: list[pl.DataFrame] = []
    for known in _tables(view):
        rows = known.join(left.lazy(), on=_KEYS, how="semi").collect(engine="streaming")
        # one frame may carry several messages: the first of them, however the rows arrive
        rows = rows.sort(*_KEYS, "rank", nulls_last=True).unique(_KEYS, keep="first", maintain_order=True)
        found.append(rows.drop("rank"))
        left = left.join(rows, on=_KEYS, how="anti")
        if left.is_empty():
            break
    return tuple(Trace(*row) for row in pl.concat(found).sort(_KEYS).iter_rows())


def _tables(view: View) -> Iterator[pl.LazyFrame]:
    """What knows frames, the surest first."""
    ports = {"sport": "src_port", "dport": "dst_port"}
    yield _shaped(view.messages.rename(ports), "message")
    ends = {"client": "src", "server": "dst", "client_port": "src_port", "server_port": "dst_port"}
    proven = pl.col("label_by").cast(pl.String).str.starts_with("payload")
    flows = view.flows.lazy().rename(ends).with_columns(protocol=pl.when(proven).then(pl.col("protocol")))
    yield _shaped(flows, "flow")
    last = flows.drop("frame", "time", "end").rename({"last_frame": "frame", "last_time": "time"})
    # the last frame of a flow that goes on in the next capture is numbered there
    ended = view.captures.lazy().select("capture", end="last_time")
    yield _shaped(last.join(ended, on="capture").filter(pl.col("time") <= pl.col("end")), "flow")
    of_flow = flows.select("flow", *_TUPLE)
    for table in (view.facts.lazy(), view.scan("faults").drop("protocol")):
        yield _shaped(table.join(of_flow, on="flow", how="left"), "flow")
    yield _shaped(_alerts(view).join(of_flow, on="flow", how="inner"), "flow")


def _alerts(view: View) -> pl.LazyFrame:
    """Frames of alerts that come from one flow; their time only where the alert has no more than one."""
    rows = []
    for alert in view.alerts.sort("alert").iter_rows(named=True):
        flows = json.loads(alert["flows"] or "[]")
        if len(flows) == 1:
            time = alert["first_time"] if alert["first_time"] == alert["last_time"] else None
            rows += [(*at, flows[0], time) for at in json.loads(alert["evidence"] or "[]")]
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "capture": pl.Int32, "frame": pl.Int64, "flow": pl.Int64, "time": pl.Datetime("ns", "UTC"),
    }  # fmt: skip
    return pl.LazyFrame(rows, schema=types, orient="row")


def _shaped(table: pl.LazyFrame, rank: str) -> pl.LazyFrame:
    """The columns of a trace, and one to choose among several rows of a frame."""
    return table.select(
        *_KEYS, pl.col("time").cast(pl.Int64), pl.col("src", "dst").cast(pl.String),
        pl.col("src_port", "dst_port").cast(pl.Int32), pl.col("transport", "protocol").cast(pl.String),
        rank=pl.col(rank).cast(pl.Int64),
    )  # fmt: skip
