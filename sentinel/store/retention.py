"""The room that a case may take: what is old becomes counts, and only when that is not enough is anything dropped.

The order, each from the oldest run on: messages that read, with their items, values and protocols' own columns, become
rows of `polls` and `trends`; then those rows are dropped, and flows of which nothing speaks. Never touched are writes,
controls and all other messages that change or identify something, faults, alerts, facts, assets, what a person wrote,
and what an alert or a fact cites. `thinned` keeps what went, from when until when (decision 18).

Steps are small, each is one transaction, and only runs that have ended are touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.store import _thinning
from sentinel.store._parts import delete_unlisted
from sentinel.store._thinning import Step

if TYPE_CHECKING:
    from sentinel.store.case import Case

HIGH, LOW = 0.9, 0.8
"""Parts of the room: above the first thinning begins, below the second it ends."""
LIVE_PART = 4
"""A run that goes on may take one part in so many of the room; then the sensor begins another, and the old one can be
thinned out."""
LEAST_RUN = 1 << 20
"""Bytes below which a run is never too large."""
KEEP_FILES = 60.0
"""Seconds for which the files of parts that were replaced stay, for those who are just reading them."""
DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What may stay. `size`: bytes of the case without its segments. Ages in ns since the last frame of a run: when its
    messages become counts, and when its counts and its flows are dropped. None: no bound."""

    size: int | None = None
    messages: int | None = None
    polls: int | None = None
    trends: int | None = None
    flows: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How a case stands against its bounds: bytes used; messages counted, and rows dropped, since it was begun;
    `stuck`: nothing is left that may be given up, and the case is still too large."""

    used: int = 0
    counted: int = 0
    dropped: int = 0
    stuck: bool = False


class Retention:
    """Thins out a case that is open for writing. `plan` and `commit` are for the thread that owns the case, the `make`
    of the step between them may run in another."""

    def __init__(self, case: Case, limits: Limits, high: float = HIGH, low: float = LOW):
        self.case = case
        self.limits = limits
        self._high, self._low = high, low
        self.stuck = False
        self._relieving = False
        self._bounds: _thinning.Bounds = {}
        self._bounds_of = 0
        self._gone: list[tuple[float, str]] = []

    def used(self) -> int:
        """Bytes of all that the case holds but its segments: parts, database, places of receivers."""
        total = sum(self.case.sizes().values())
        for path in self.case.path.glob("outbox.db*"):
            with suppress(FileNotFoundError):  # the log of a receiver that just ended
                total += path.stat().st_size
        return total

    def state(self) -> State:
        """How the case stands."""
        said = dict.fromkeys(("counted", "dropped"), 0)
        for row in self.case.thinned():
            if row["fate"] == "dropped" or row["table"] == "messages":
                said[row["fate"]] += row["rows"]
        return State(self.used(), said["counted"], said["dropped"], self.stuck)

    def is_large(self, run: int) -> bool:
        """Whether a run that goes on takes so much of the room that another one should begin."""
        if self.limits.size is None:
            return False
        row = self.case.database.one("SELECT coalesce(sum(bytes), 0) FROM parts WHERE run = ?", (run,))
        return row[0] > max(LEAST_RUN, self.limits.size / LIVE_PART)

    def plan(self, now: int) -> Step | None:
        """The next step, None where there is nothing to do; `now` in ns since 1970-01-01 UTC."""
        self._forget()
        full = self._is_full()
        runs = _thinning.ended_runs(self.case.database)
        ends = self._ends()
        step = self._first_of(runs, ends, now, full)
        self.stuck = step is None and self.limits.size is not None and self.used() > self.limits.size
        return step

    def _first_of(self, runs: list[int], ends: dict[int, int], now: int, full: bool) -> Step | None:
        database, folder = self.case.database, self.case.path

        def old(run: int, age: int | None) -> bool:
            return age is not None and now - ends.get(run, now) > age

        for run in runs:
            if full or old(run, self.limits.messages):
                if run != self._bounds_of:
                    self._bounds_of, self._bounds = run, {}
                step = _thinning.plan_count(database, folder, run, self._bounds)
                if step is not None:
                    return step
        ages = {"trends": self.limits.trends, "polls": self.limits.polls, "flows": self.limits.flows}
        for run in runs:
            step = _thinning.plan_drop(database, folder, run, [t for t, age in ages.items() if full or old(run, age)])
            if step is not None:
                return step
        return None

    def commit(self, step: Step) -> None:
        """Make a step part of the case, once it was made."""
        try:
            with self.case.database.transaction() as db:
                files = _thinning.commit(db, step)
        except BaseException:
            step.discard()
            raise
        now = time.monotonic()
        self._gone += [(now, file) for file in files]

    def _is_full(self) -> bool:
        if self.limits.size is None:
            return False
        self._relieving = self.used() > self.limits.size * (self._low if self._relieving else self._high)
        return self._relieving

    def _ends(self) -> dict[int, int]:
        """Run -> time (ns) of the last frame of its captures."""
        sql = "SELECT CAST(run AS INTEGER) AS run, max(last_time) AS t FROM captures GROUP BY run"
        rows = self.case.database.all(sql)
        return {row["run"]: row["t"] for row in rows if row["t"] is not None}

    def _forget(self) -> None:
        """Delete files that nothing lists any more, a little later."""
        now = time.monotonic()
        while self._gone and now - self._gone[0][0] > KEEP_FILES:
            with suppress(OSError):  # otherwise when the case is next opened
                (self.case.path / self._gone.pop(0)[1]).unlink(missing_ok=True)


def compact(case: Case, limits: Limits, now: int) -> Iterator[State]:
    """Thin out a case that nobody else writes until it keeps its bounds; how it stands after each step."""
    retention = Retention(case, limits, 1.0, 1.0)
    while (step := retention.plan(now)) is not None:
        step.make()
        retention.commit(step)
        yield retention.state()
    delete_unlisted(case.path, {row["file"] for row in case.database.all("SELECT file FROM parts")})
    yield retention.state()
