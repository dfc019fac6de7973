"""What a sensor gives up when memory is short, in a stated order: what costs nothing first, what was alerted never.

The order is that of STEPS. Each look that finds the process above its mark takes the next step; far above it, steps
follow each other at once. The mark leaves room below the cap for what is under way at that moment. When memory has been
plenty for a while the last step is taken back, one at a time. The loop does what a step says; here it is decided when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sentinel import memory
from sentinel.wire.flows import MAX_FLOWS

FREE, BATCHES, RUN, COUNTS, FLOWS, VALUES = STEPS = ("free", "batches", "run", "counts", "flows", "values")
"""free: what is free is given back to the system, from now on always.
batches: they are smaller, and nothing is read until the analysis has done what was read; what does not fit into the
ring meanwhile is lost, and counted.
run: another run is begun, which lets go of texts, facts, counts and the book of alerts, all of them in the case.
counts: of who said what to whom the inventory counts the FEW_PAIRS-th part; those who said least are not in it.
flows: only the FEW_FLOWS busiest are followed, with their streams; the others are written as evicted.
values: values that were only read are not kept.
"""
LOSING = STEPS.index(COUNTS) + 1
"""The level from which on something is lost."""
MARK, FAR, EASE = 0.8, 0.95, 0.6
"""Parts of the memory that the process may use: above the first a step is taken, above the second the next one at once,
below the third steps are taken back. Where the cap is small, RESERVE lowers them."""
RESERVE = 192 << 20
"""Bytes below the cap that are not counted on: what is under way when a look finds too much takes as many. These are
batches that wait, the tables of one, and the end of a run. Of a small cap it is half."""
AGAIN_SECONDS = 300.0
"""Until the steps that lose nothing are taken again, where all have been taken and memory is still short."""
CALM_SECONDS = 60.0
"""For which memory must be plenty before a step is taken back."""
FEW_FLOWS = MAX_FLOWS >> 4
EVICTED_AT_ONCE = 1 << 11
"""Flows that are written with one batch, so that their rows are not what fills the memory."""
FEW_PAIRS = 16
SMALL = 8
"""A batch is so many times smaller when memory is short."""

SAID = {
    FREE: ("free memory is given back to the system", "把空闲内存归还系统"),
    BATCHES: ("batches are smaller, and read one after the other", "缩小批量，并逐批读取"),
    RUN: ("another run is begun", "另起一次运行"),
    COUNTS: ("the inventory counts fewer pairs", "资产清单统计更少的通信对"),
    FLOWS: ("only the busiest flows are followed", "只跟踪最活跃的流"),
    VALUES: ("values that were only read are not kept", "不再保存仅被读取的数值"),
}
"""What a step is in a sentence, in English and Chinese."""


def mark(cap: int) -> float:
    """The bytes above which a process that may use `cap` takes a step."""
    return min(MARK * cap, max(cap - RESERVE, cap / 2))


@dataclass(frozen=True, slots=True)
class Short:
    """How memory stands. `cap`: bytes that the process may use, 0: no bound; `level`: how many steps are in force;
    `taken`: how often each was taken; `values`: values that were not kept."""

    cap: int = 0
    level: int = 0
    taken: dict[str, int] = field(default_factory=dict)
    values: int = 0


class Relief:
    """Decides what is given up next. `measure` tells the bytes that the process holds."""

    def __init__(self, cap: int, measure: Callable[[], int] = memory.held):
        self.cap = cap
        self.level = 0
        self.taken = dict.fromkeys(STEPS, 0)
        self._measure = measure
        self._mark = mark(cap)
        self._far = max((self._mark + cap) / 2, min(FAR * cap, cap - RESERVE / 2))
        self._ease = self._mark * EASE / MARK
        self._calm_since: float | None = None
        self._all_at = 0.0

    def in_force(self, step: str) -> bool:
        """Whether a step was taken and not taken back."""
        return self.level > STEPS.index(step)

    def short(self) -> bool:
        """Whether a look would find too much."""
        return self.cap > 0 and self._measure() >= self._mark

    def steps(self, now: float) -> Iterator[str]:
        """The steps to take at this moment, in order; measured again between them. `now`: seconds, steady."""
        if not self.cap:
            return
        if not self.short():
            self._take_back(now)
            return
        self._calm_since = None
        while self.level < len(STEPS):
            self.level += 1
            self._all_at = now
            yield self._take(STEPS[self.level - 1])
            if self._measure() < self._far:
                return
        if now - self._all_at >= AGAIN_SECONDS:
            self._all_at = now
            yield self._take(FREE)
            if self.short():
                yield self._take(RUN)

    def _take(self, step: str) -> str:
        self.taken[step] += 1
        return step

    def _take_back(self, now: float) -> None:
        """Take the last step back where memory has been plenty for long enough."""
        if not self.level or self._measure() >= self._ease:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= CALM_SECONDS:
            self.level -= 1
            self._calm_since = now
