"""What a set of captures leaves for the end of a run, beside its rows: counts, facts, what the inventory needs, alerts.

Sets have no conversation in common, so each can be read by itself, in another process or on another machine. Their
shares, joined in the order of the captures, give what reading one after the other gives; `write` and `read` carry one
across as JSON and Parquet.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.summary import Label, Limits, Totals

if TYPE_CHECKING:
    import polars as pl

    from sentinel.rules.alerts import Book

MAX_INVENTORY_FLOWS = 1 << 15
"""Distinct pairs of addresses that the inventory is made from; beyond it, pairs without messages are left out."""

_NAME = "share.json"
_FRAMES = ("stats", "pairs")


@dataclass(slots=True)
class Share:
    """`captures`: final rows; `latest`: time (ns) of the latest frame; `stats`, `pairs`: of the inventory."""

    captures: list[dict[str, Any]]
    totals: Totals
    limits: Limits
    facts: dict[tuple, dict[str, Any]]
    book: Book
    stats: pl.DataFrame | None
    pairs: pl.DataFrame | None
    latest: int
    defects: list[tuple[str, int, str]] = field(default_factory=list)
    """Parser, frame and traceback, of parsers that failed."""

    @classmethod
    def empty(cls) -> Share:
        """The share of no capture."""
        from sentinel.rules.alerts import Book

        return cls([], Totals(), Limits(), {}, Book(), None, None, -(1 << 63))

    def join(self, later: Share) -> None:
        """Add the share of captures that come after these."""
        from sentinel.inventory import assets

        self.captures += later.captures
        self.totals.join(later.totals)
        self.limits.join(later.limits)
        for key, fact in later.facts.items():
            self.facts.setdefault(key, fact)
        self.book.join(later.book)
        if later.stats is not None:
            self.stats = assets.accumulate_counts(self.stats, later.stats)
        if later.pairs is not None:
            self.pairs = assets.accumulate_flows(self.pairs, later.pairs, MAX_INVENTORY_FLOWS)
        self.latest = max(self.latest, later.latest)
        self.defects += later.defects

    def unite(self, other: Share) -> None:
        """Add the share of other flows of the same captures; this one has what is not divided."""
        from sentinel.inventory import assets

        self.totals.messages.update(other.totals.messages)
        self.totals.points += other.totals.points
        self.limits.rules = {name: n + other.limits.rules.get(name, 0) for name, n in self.limits.rules.items()}
        self.book.join(other.book)
        if other.stats is not None:
            self.stats = assets.accumulate_counts(self.stats, other.stats)

    def bounded(self) -> bool:
        """Whether a bound was reached that divides the rows of one process otherwise than those of several."""
        from sentinel.inventory import assets

        return any(self.limits.rules.values()) or (self.stats is not None and self.stats.height >= assets.MAX_GROUPS)

    def write(self, folder: Path) -> None:
        """Keep the share in a folder."""
        labels = [[*key, *asdict(label).values()] for key, label in self.totals.labels.items()]
        content = {
            "captures": self.captures,
            "totals": {f.name: getattr(self.totals, f.name) for f in fields(Totals)} | {"labels": labels},
            "limits": asdict(self.limits),
            "facts": list(self.facts.values()),
            "book": self.book.dump(),
            "latest": self.latest,
            "defects": self.defects,
        }
        for name in _FRAMES:
            frame = getattr(self, name)
            if frame is not None:
                frame.write_parquet(folder / f"share-{name}.parquet", compression="lz4")
        (folder / _NAME).write_text(json.dumps(content, ensure_ascii=True), encoding="ascii")

    @classmethod
    def read(cls, folder: Path) -> Share:
        """The share that `write` kept in a folder."""
        import polars as pl

        from sentinel.rules.alerts import Book

        content = json.loads((folder / _NAME).read_text(encoding="ascii"))
        totals = Totals(**content["totals"] | {"labels": {}})
        totals.messages, totals.unread = Counter(totals.messages), Counter(totals.unread)
        totals.labels = {(row[0], row[1]): Label(*row[2:]) for row in content["totals"]["labels"]}
        paths = {name: folder / f"share-{name}.parquet" for name in _FRAMES}
        frames = {name: pl.read_parquet(path, glob=False) if path.exists() else None for name, path in paths.items()}
        return cls(
            captures=content["captures"],
            totals=totals,
            limits=Limits(**content["limits"]),
            facts={fact_key(fact): fact for fact in content["facts"]},
            book=Book.load(content["book"]),
            latest=content["latest"],
            defects=[(name, frame, trace) for name, frame, trace in content["defects"]],
            **frames,
        )


def fact_key(fact: dict[str, Any]) -> tuple:
    """What makes two facts the same."""
    return fact["device"], fact["unit"], fact["kind"], fact["value"], fact["source"]
