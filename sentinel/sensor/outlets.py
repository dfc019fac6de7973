"""Where a running sensor's alerts and data go: a courier for each receiver, in a thread that nothing waits for.

The case is the spool, so the capture knows nothing of receivers: couriers read what checkpoints wrote. One that ended
(another program sends to its receiver, its places cannot be opened) is made anew after a while, for as long as the
sensor runs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentinel.errors import Sentence, SentinelError, SinkError
from sentinel.sinks.deliver import Courier
from sentinel.store.outbox import Counts, total

AGAIN_SECONDS = 60.0
"""Until a courier that ended is made anew."""
END_SECONDS = 10.0
"""How long receivers that are well may take for the rest when the sensor ends; what they do not get stays waiting."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlet:
    """How one receiver stands. `problem`: why it gets nothing, for `down` seconds and after so many `failures`;
    the next try comes `waiting` seconds after the last. `refused`: documents that it would not take so far. `idle`:
    seconds since it last took something, None before it did. `rows`: what became of the rows of all its tables, some
    seconds ago; None before the first count."""

    receiver: str
    problem: Sentence | None = None
    down: float = 0.0
    failures: int = 0
    waiting: float = 0.0
    refused: int = 0
    idle: float | None = None
    rows: Counts | None = None


class _Line:
    """One receiver: its courier, and since when it is in trouble."""

    def __init__(self, make: Callable[[], Courier]):
        self._make = make
        self.courier = make()
        self.receiver = self.courier.state.receiver
        self._failed_at: float | None = None
        self._ended_at: float | None = None
        self._refused = 0
        self._problem: Sentence | None = None
        self._success: float | None = None
        self._rows: Counts | None = None

    def look(self, now: float) -> Outlet:
        """How it stands; a courier that ended is replaced when its time has come."""
        state = self.courier.state
        refused = self._refused + state.refused
        self._problem = state.problem
        if self.courier.ident is not None and not self.courier.is_alive():
            self._ended(now)
        if self._problem is None:
            self._failed_at = None
        elif self._failed_at is None:
            self._failed_at = now
        down = 0.0 if self._failed_at is None else now - self._failed_at
        waiting = state.waiting if self._ended_at is None else AGAIN_SECONDS
        if state.success is not None:
            self._success = state.success
        if state.counts is not None:
            self._rows = total(state.counts.values())
        idle = None if self._success is None else max(0.0, time.monotonic() - self._success)
        return Outlet(self.receiver, self._problem, down, state.failures, waiting, refused, idle, self._rows)

    def _ended(self, now: float) -> None:
        error = self.courier.error
        self._problem = error.sentence if error is not None else self._problem
        if self._ended_at is None:
            self._ended_at = now
            _log.warning("%s: delivery ended: %s", self.receiver, error)
        if now - self._ended_at < AGAIN_SECONDS:
            return
        self._ended_at = now
        try:
            fresh = self._make()
        except SentinelError as why:  # a secret that only the user at the start could read, perhaps
            _log.warning("%s", why)
            return
        self._refused += self.courier.state.refused
        self._ended_at = None
        self.courier = fresh
        fresh.start()


class Outlets:
    """All receivers of a sensor. Making them checks every URI (SinkError) and touches no network."""

    def __init__(self, folder: Path, uris: Sequence[str], observer: str = ""):
        self._lines = [
            _Line(lambda uri=uri: Courier(folder, uri, follow=True, observer=observer))  # type: ignore[misc]
            for uri in uris
        ]
        names = [line.receiver for line in self._lines]
        for name in names:
            if names.count(name) > 1:
                raise SinkError("{uri}: is given twice; give one of them a name with name=.", uri=name)

    def start(self) -> None:
        """Begin to deliver; the case is there."""
        for line in self._lines:
            line.courier.start()

    def look(self, now: float) -> list[Outlet]:
        """How each receiver stands; `now` in seconds by the steady clock."""
        return [line.look(now) for line in self._lines]

    def close(self, seconds: float = END_SECONDS) -> None:
        """Send the rest to the receivers that are well, for `seconds` at most, and end; the rest of the rest waits."""
        running = [line.courier for line in self._lines if line.courier.is_alive()]
        for courier in running:
            if courier.state.problem is None:
                courier.finish()
            else:
                courier.stop()
        _join(running, seconds)
        for courier in running:
            courier.stop()
        _join(running, 1.0)
        for courier in running:
            if courier.is_alive():
                _log.warning("%s: still busy at the end; what it has not confirmed is sent again", courier.name)


def _join(couriers: Sequence[Courier], seconds: float) -> None:
    end = time.monotonic() + seconds
    for courier in couriers:
        courier.join(max(0.0, end - time.monotonic()))
