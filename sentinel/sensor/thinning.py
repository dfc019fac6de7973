"""Keeps the case of a running sensor within its room, beside everything else.

A step is planned and committed by the thread that owns the case, between two batches, each in a few milliseconds; what
is read and written in between is the work of a thread of its own, which nothing waits for.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from sentinel.errors import CaseError
from sentinel.sensor.config import GIB, Disk
from sentinel.store.retention import DAY, Limits, Retention, State

if TYPE_CHECKING:
    from sentinel.store._thinning import Step
    from sentinel.store.case import Case

LOOK_SECONDS = 5.0
"""Until it is looked again whether there is anything to do."""
_log = logging.getLogger(__name__)


def limits_of(disk: Disk) -> Limits:
    """The bounds that a configuration sets; zero is none."""

    def days(value: float) -> int | None:
        return round(value * DAY) if value else None

    size = round(disk.case_gib * GIB) if disk.case_gib else None
    return Limits(size, days(disk.messages_days), days(disk.polls_days), days(disk.trends_days), days(disk.flows_days))


class Thinning:
    """Thins out the case of a sensor; `turn` and `close` are for the thread that owns the case."""

    def __init__(self, case: Case, disk: Disk):
        self.state = State()
        """How the case stands; read by other threads."""
        self.run_is_large = False
        """Whether the run that goes on takes so much room that another one should begin."""
        self._retention = Retention(case, limits_of(disk))
        self._step: Step | None = None
        self._worker: threading.Thread | None = None
        self._failure: CaseError | None = None
        self._next_look = 0.0

    def configure(self, disk: Disk) -> None:
        """Other bounds from now on."""
        self._retention.limits = limits_of(disk)

    def turn(self, run: int) -> None:
        """Go on with the work as far as it can go without waiting; `run` is the one that is being written."""
        if self._worker is not None:
            if self._worker.is_alive():
                return
            self._done()
        elif time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        self._step = self._retention.plan(time.time_ns())
        self.state = self._retention.state()
        self.run_is_large = self._retention.is_large(run)
        if self._step is not None:
            self._worker = threading.Thread(target=self._make, args=(self._step,), name="thinning", daemon=True)
            self._worker.start()

    def close(self) -> None:
        """Wait for the step that is under way, and commit it."""
        if self._worker is not None:
            self._worker.join()
            self._done()
        self.state = self._retention.state()

    def _make(self, step: Step) -> None:
        try:
            step.make()
        except CaseError as error:  # a disk without room for what shall make room: said, and tried again
            self._failure = error

    def _done(self) -> None:
        """Commit the step that was made, or say why it could not be."""
        step, failure = self._step, self._failure
        self._step = self._worker = self._failure = None
        if failure is not None:
            _log.warning("%s", failure)
            self._next_look = time.monotonic() + LOOK_SECONDS
        elif step is not None:
            self._retention.commit(step)
