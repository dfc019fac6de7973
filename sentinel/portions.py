"""A part of the flows of a capture: what one of several processes makes tables of, each of which reads all of it.

Numbers of messages and flows, pairs, batches, copies, fragments and what bounds give up follow from all frames in their
order. So every process runs the whole core, which takes the smaller part of the time, and has the same batches; what
it then makes of a batch, which takes the greater part, it makes of its own flows alone. Flows between the same two
addresses stay together. The first of the processes also makes the tables that are small, and need no portions: flows,
faults, facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentinel.analysis import Analysis
from sentinel.pairing import Batch, Earlier
from sentinel.plugins import Parsers
from sentinel.wire import layout as L

if TYPE_CHECKING:
    import polars as pl

    from sentinel.columns import Columns
    from sentinel.store.run import Run

_MIX = np.uint64(0x9E3779B97F4A7C15)
_ASIDE = "aside-"
_BEYOND = 1 << 62
"""In place of the number of a message that stands in no batch which is at hand."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Which of `count` portions, from 0."""

    index: int
    count: int

    @property
    def leads(self) -> bool:
        """Whether it has the tables that are not divided."""
        return self.index == 0

    def of(self, idents: np.ndarray) -> np.ndarray:
        """Which of these identity rows (layout D_*) are its own: told by both addresses, whichever asks."""
        ends = (L.D_CLIENT_HIGH, L.D_CLIENT_LOW), (L.D_SERVER_HIGH, L.D_SERVER_LOW)
        mixed = sum(_mixed(idents[:, high], idents[:, low]) for high, low in ends)
        return (mixed >> np.uint64(32)) % np.uint64(self.count) == self.index


def _mixed(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """A hash of each address."""
    mixed = (high.astype(np.uint64) * _MIX ^ low.astype(np.uint64)) * _MIX
    return (mixed ^ mixed >> np.uint64(29)) * _MIX


@dataclass(slots=True)
class Own:
    """The messages of a batch that belong to a portion, as a batch of their own whose numbers are places in it.

    `numbers`, `pairs`: numbers in the run of each message and of its partner (-1: none); `first`: place of the first.
    """

    batch: Batch
    numbers: np.ndarray
    pairs: np.ndarray
    first: int

    @classmethod
    def of(cls, batch: Batch, flows: np.ndarray, base: int) -> Own:
        """Those whose flow is among `flows`: a mask over the numbers of flows, from `base` on."""
        mine = flows.take(batch.messages[:, L.M_FLOW] - base)
        rows = np.flatnonzero(mine)
        before = batch.before
        kept = np.zeros(0, bool) if before is None else flows.take(before.messages[:, L.M_FLOW] - base)
        first = int(kept.sum())
        place = np.cumsum(mine) - 1
        pairs = batch.pair[rows]
        local = np.full(len(rows), _BEYOND)
        local[pairs < 0] = -1
        here = (pairs >= batch.first) & (pairs < batch.first + len(mine))
        local[here] = place[pairs[here] - batch.first] + first
        earlier = None
        if before is not None:
            there = (pairs >= before.first) & (pairs < before.first + len(kept))
            place_before = np.cumsum(kept) - 1
            local[there] = place_before[pairs[there] - before.first]
            earlier = Earlier(0, before.messages[kept], _of_messages(before.items, L.I_MESSAGE, kept, place_before))
        own = replace(
            batch,
            first=first,
            messages=batch.messages[rows],
            items=_of_messages(batch.items, L.I_MESSAGE, mine, place),
            points=_of_messages(batch.points, L.P_MESSAGE, mine, place),
            pair=local,
            result=batch.result[rows],
            latency=batch.latency[rows],
            asking=batch.asking[rows],
            before=earlier,
        )
        return cls(own, rows + batch.first, pairs, first)


def _of_messages(cells: np.ndarray, column: int, mine: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The rows whose message is among `mine`, and stands at a new place."""
    kept = cells[mine[cells[:, column]]]
    kept[:, column] = place[kept[:, column]]
    return kept


class Bounded(Exception):
    """A bound of the rules was reached, which the whole reaches otherwise."""


class PortionAnalysis(Analysis):
    """What happens with a portion of each batch. Rows whose claims need all portions are put aside in a folder."""

    def __init__(self, portion: Portion, folder: Path, parsers: Parsers, texts: list[str], run: Run | None, rules: Any):
        from sentinel.rules.united import undecided

        super().__init__(parsers, texts, run, rules)
        self._portion = portion
        self._folder = folder
        self._undecided = undecided(rules.rules)
        self._base = 0 if run is None else run.base
        self._flows = np.zeros(1024, bool)
        """Which flows are the portion's, by number from the first one of the run."""
        self._batches = 0

    def frames(self, batch: Batch) -> dict[str, pl.DataFrame]:
        """The tables of the portion's messages; those that are not divided are empty where it does not lead."""
        import polars as pl

        self._learn_flows(batch.idents)
        own = Own.of(batch, self._flows, self._base)
        if not self._portion.leads:
            own.batch.flows, own.batch.faults, own.batch.facts = batch.flows[:0], batch.faults[:0], []
        frames = super().frames(own.batch)
        for name, frame in frames.items():
            if name in ("messages", "items", "points") or name.startswith("ext/"):
                places = frame["message"].to_numpy() - own.first
                frames[name] = frame.with_columns(pl.Series("message", own.numbers.take(places)))
        paired = pl.when(pl.col("pair") >= 0).then("pair")
        frames["messages"] = frames["messages"].with_columns(pl.Series("pair", own.pairs)).with_columns(paired)
        return frames

    def _learn_flows(self, idents: np.ndarray) -> None:
        """Note which of the flows that have messages in this batch are the portion's."""
        if not len(idents):
            return
        numbers = idents[:, L.D_NUMBER] - self._base
        more = int(numbers.max()) + 1 - len(self._flows)
        if more > 0:
            self._flows = np.concatenate([self._flows, np.zeros(max(more, len(self._flows)), bool)])
        self._flows[numbers] = self._portion.of(idents)

    def judge(self, tables: dict[str, Columns]) -> None:
        """Ask the rules; what needs the rows of all portions is put aside. Bounded where that would be in vain."""
        from sentinel.rules.united import put_aside

        matched = self.rules.match(tables)
        self.rules.claim({number: rows for number, rows in matched.items() if number not in self._undecided})
        if self.rules.book.folded:
            raise Bounded
        places = {name: np.arange(len(table)) for name, table in tables.items()}
        for name in ("messages", "points"):
            places[name] = tables[name].frame["message"].to_numpy()
        for name, frame in put_aside(self.rules.rules, self._undecided, matched, places).items():
            frame.write_parquet(self._folder / f"{_ASIDE}{self._batches:09d}-{name}.parquet", compression="lz4")
        self._batches += 1


def judge_together(folders: Sequence[Path], rules: Any) -> None:
    """Ask the rules what those of all portions could not say alone: the rows that they put aside, batch by batch."""
    import polars as pl

    from sentinel.rules.united import united

    batches: dict[str, list[dict[str, Path]]] = {}
    for place, folder in enumerate(folders):
        for path in folder.glob(f"{_ASIDE}*.parquet"):
            batch, _, table = path.stem.removeprefix(_ASIDE).partition("-")
            batches.setdefault(batch, [{} for _ in folders])[place][table] = path
    for _, aside in sorted(batches.items()):
        rules.claim(united([{name: pl.read_parquet(path, glob=False) for name, path in own.items()} for own in aside]))
