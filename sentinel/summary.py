"""What a run counted, and the rows and summaries that are made of it: see docs/cli.md for the shape of the JSON."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sentinel.errors import InputError
from sentinel.model import Fault
from sentinel.wire.capture import CaptureReader
from sentinel.wire.decode import LINK_TYPES
from sentinel.wire.dissect import Engine

if TYPE_CHECKING:
    import polars as pl

    from sentinel.store.case import Case


@dataclass(slots=True)
class Input:
    """One capture to be read; `known` is its row in the case where that holds it already."""

    path: Path | str
    sha256: str = ""
    size: int = 0
    first_time: int | None = None
    content_sha256: str = ""
    """SHA-256 behind the compression, as far as it is known before the capture is read."""
    latest: int = 0
    """The latest of its time stamps, ns, where it was looked up; of a capture without frames the first of all."""
    compressed: bool = False
    known: dict[str, Any] | None = None
    copy_of: str = ""
    """Path of the capture of the same run or case that holds the same and stands for this one; empty for an own one."""
    unreadable: InputError | None = None
    """Why the file could not be read at all; None where it could."""

    @property
    def name(self) -> str:
        """The path as text that can be stored and printed: bytes of a name that are no UTF-8 as `\\udcXX`."""
        return str(self.path).encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(slots=True)
class Label:
    """What is known of all flows with one label that was given for one reason."""

    flows: int = 0
    messages: int = 0
    confidence: float = 0.0
    bytes: int = 0


class Counted(Protocol):
    """What the engine counted of a capture."""

    @property
    def frames(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def unread(self) -> Mapping[str, int]: ...


@dataclass(slots=True)
class Totals:
    """What is counted over a whole run."""

    messages: Counter[str] = field(default_factory=Counter)
    points: int = 0
    flows: int = 0
    gaps: int = 0
    frames: int = 0
    bytes: int = 0
    duplicates: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    labels: dict[tuple[str, str], Label] = field(default_factory=dict)

    def add_capture(self, engine: Counted) -> None:
        """Add what the engine counted since its last `begin`."""
        self.frames += engine.frames
        self.bytes += engine.bytes
        self.duplicates += engine.duplicates
        self.unread.update(engine.unread)

    def add(self, frames: dict[str, pl.DataFrame]) -> None:
        """Add the tables of a batch."""
        import polars as pl

        for name, n in frames["messages"]["protocol"].value_counts().iter_rows():
            self.messages[name] += n
        self.points += frames["points"].height
        flows = frames["flows"]
        if not flows.height:
            return
        self.flows += flows.height
        self.gaps += int(flows["gaps"].sum())
        size = pl.col("bytes_client") + pl.col("bytes_server")
        labels = flows.group_by("protocol", "label_by").agg(
            pl.len(), pl.col("messages").sum(), pl.col("confidence").max(), size.sum().alias("bytes")
        )
        for protocol, by, n, messages, confidence, total in labels.iter_rows():
            label = self.labels.setdefault((protocol or "", by or ""), Label())
            label.flows += n
            label.messages += messages
            label.confidence = max(label.confidence, confidence)
            label.bytes += total

    def join(self, later: Totals) -> None:
        """Add what was counted of other captures."""
        for name in ("points", "flows", "gaps", "frames", "bytes", "duplicates"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.messages.update(later.messages)
        self.unread.update(later.unread)
        for key, more in later.labels.items():
            label = self.labels.setdefault(key, Label())
            label.flows += more.flows
            label.messages += more.messages
            label.confidence = max(label.confidence, more.confidence)
            label.bytes += more.bytes


@dataclass(slots=True)
class Limits:
    """What could not be read as it should, and which bounds were reached, in a run so far."""

    faults: dict[str, int] = field(default_factory=dict)
    evicted_flows: int = 0
    dropped_facts: int = 0
    rules: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, engine: Engine, rules: Any) -> Limits:
        """Those of an engine and of a rule engine."""
        faults = {Fault(code).name.lower().replace("_", "-"): n for code, n in engine.fault_counts.items()}
        reached = {k: n for k, n in rules.counters.items() if k not in ("batches", "rows", "matches")}
        return cls(dict(sorted(faults.items())), engine.table.evictions, engine.rows.facts_dropped, reached)

    def join(self, later: Limits) -> None:
        """Add those of other captures."""
        self.faults = dict(sorted((Counter(self.faults) + Counter(later.faults)).items()))
        self.evicted_flows += later.evicted_flows
        self.dropped_facts += later.dropped_facts
        self.rules = {name: n + later.rules.get(name, 0) for name, n in self.rules.items()}


def summary_of(
    totals: Totals, limits: Limits, facts: Sized, devices: Sized, alerts: Mapping[str, int]
) -> dict[str, Any]:
    """The numbers of a run, as its summary has them; `alerts`: name of the rule -> how many."""
    return {
        "frames": totals.frames,
        "bytes": totals.bytes,
        "seconds": 0.0,
        "flows": totals.flows,
        "messages": dict(sorted(totals.messages.items())),
        "points": totals.points,
        "facts": len(facts),
        "assets": len(devices),
        "alerts": dict(sorted(alerts.items())),
        "faults": limits.faults,
        "gaps": totals.gaps,
        "duplicates": totals.duplicates,
        "unread": dict(totals.unread),
        "evicted_flows": limits.evicted_flows,
        "dropped_facts": limits.dropped_facts,
        "rule_limits": limits.rules,
        "protocols": protocols(totals),
    }


def capture_row(
    one: Input, row: dict[str, Any], engine: Engine, reader: CaptureReader, compression: str, stopped: bool
) -> dict[str, Any]:
    """The row of `captures` for a capture that was read."""
    interfaces = [
        {**interface, "link_type": LINK_TYPES.get(interface["link"], f"{interface['link']} (not read)")}
        for interface in reader.interfaces
    ]
    detail = {
        "interfaces": interfaces[:64],
        "statistics": {str(k): v for k, v in reader.statistics.items()},
        "comments": reader.comments,
        "unread": engine.unread,
        "skipped_blocks": reader.skipped,
        "fault": fault_sentence(reader),
    }
    return {
        **row,
        "sha256": one.sha256,
        "content_sha256": one.content_sha256,
        "path": one.name,
        "format": reader.format + (f"+{compression}" if compression else ""),
        "state": "interrupted" if stopped else "faulty" if reader.fault else "complete",
        "bytes": one.size,
        "frames": engine.frames,
        "first_time": engine.first_time if engine.frames else None,
        "last_time": engine.latest_time if engine.frames else None,
        "cut": engine.cut,
        "duplicates": engine.duplicates,
        "unread": engine.unread_frames,
        "dropped": reader.dropped(),
        "backwards": engine.backwards,
        "detail": json.dumps(detail, ensure_ascii=False),
    }


def fault_sentence(reader: CaptureReader) -> str | None:
    """What ended the reading of a capture early, with the offset; None where nothing did."""
    if not reader.fault:
        return None
    return f"{reader.fault_detail} (at byte {reader.fault_offset} of the uncompressed file, after frame {reader.frame})"


def arp_facts(said: Iterable[tuple[bytes, tuple[int, int, int]]]) -> list[dict[str, Any]]:
    """What ARP said (items of `Engine.arps`): which MAC address answers for which network address."""
    facts = []
    for key, (capture, frame, stamp) in said:
        ip = str(ipaddress.IPv4Address(key[6:10]))
        if ip == "0.0.0.0":
            continue
        facts.append(
            {
                "capture": capture,
                "frame": frame,
                "time": stamp,
                "flow": None,
                "device": ip,
                "unit": None,
                "kind": "mac",
                "value": key[:6].hex(":"),
                "source": "arp",
                "confidence": 0.8,
            }
        )
    return facts


def protocols(totals: Totals) -> list[dict[str, Any]]:
    """Labels with how they were found, most bytes first."""
    rows = [
        {
            "protocol": name,
            "label_by": by,
            "confidence": label.confidence,
            "flows": label.flows,
            "messages": label.messages,
            "bytes": label.bytes,
        }
        for (name, by), label in totals.labels.items()
    ]
    return sorted(rows, key=lambda row: (-row["messages"], -row["bytes"], row["protocol"]))


def capture_summary(one: Input, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One entry of the summary's `captures`."""
    row = one.known or next(
        (r for r in rows if r["path"] == (one.copy_of or one.name)), None
    )
    said = {"path": one.name, "known": one.known is not None, "copy_of": one.copy_of or None}
    if row is None:
        return {**said, "sha256": one.sha256, "state": "not read", "fault": one.unreadable and str(one.unreadable)}
    names = "sha256 state format frames bytes first_time last_time cut dropped duplicates backwards unread".split()
    return {**said, **{name: row[name] for name in names}, "fault": json.loads(row["detail"]).get("fault")}


def known_summary(opened: Case, case: Path, inputs: list[Input]) -> dict[str, Any]:
    """The summary where the case holds every capture already: the sum of its runs, nothing changed."""
    numbers = (
        "frames",
        "bytes",
        "flows",
        "points",
        "facts",
        "assets",
        "gaps",
        "duplicates",
        "evicted_flows",
        "dropped_facts",
    )
    tallies = ("messages", "alerts", "faults", "unread", "rule_limits")
    summary: dict[str, Any] = {**dict.fromkeys(numbers, 0), **{name: {} for name in tallies}, "protocols": []}
    for run in opened.summary()["runs"]:
        for name in numbers:
            summary[name] += run["summary"][name]
        for name in tallies:
            for key, n in run["summary"][name].items():
                summary[name][key] = summary[name].get(key, 0) + n
        summary["protocols"] += run["summary"]["protocols"]
    captures = [capture_summary(one, []) for one in inputs]
    return {**summary, "captures": captures, "case": str(case), "interrupted": False}
