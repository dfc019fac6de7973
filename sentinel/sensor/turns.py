"""In which order the batches of several workers came: what finishing a killed run must know beside its segments.

Each worker's segments say what it read, but message numbers were given in the order in which batches of all workers
arrived. That order is kept with every checkpoint, as far back as an answer that is not stored yet may have a request.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from sentinel.pairing import Batch
from sentinel.sensor.config import Record

GONE = -1
"""The `frame` of a batch that says what a worker that ended had last told of its open flows."""


class Turn(NamedTuple):
    """One batch: read from its capture up to `frame`; so many `messages` from `first` on; the next flow's number."""

    number: int
    capture: int
    frame: int
    first: int
    messages: int
    flow: int


class Turns:
    """The batches of one analysis, counted from 1."""

    def __init__(self) -> None:
        self.folders: list[str] = []
        """Where the workers' folders of segments lie."""
        self.flow = 0
        """Behind all numbers that flows may have."""
        self.taken = 0
        self.completed = 0
        self._kept: deque[tuple[Turn, int]] = deque()
        """With each, the first batch that was held when it came: its answers may belong to requests of that one."""
        self._behind: dict[int, Turn] = {}
        """Of each capture, the last batch that is no longer kept."""
        self._open: set[int] = set()
        self._last = 0

    def recorded_in(self, record: Record, case: Path) -> None:
        """Segments may lie where the configuration says."""
        folder = str(segments_of(record, case))
        if record.enabled and folder not in self.folders:
            self.folders.append(folder)

    def began(self, capture: int) -> None:
        """A segment began."""
        self._open.add(capture)
        self._last = capture

    def ended(self, capture: int) -> None:
        """A segment ended."""
        self._open.discard(capture)

    def take(self, batch: Batch) -> None:
        """A batch came; before it is paired."""
        self.taken += 1
        turn = Turn(self.taken, batch.capture, batch.frame, batch.first, len(batch.messages), batch.flow)
        self._kept.append((turn, self.completed + 1))

    def store(self) -> None:
        """All that is complete is stored: let go of what nobody will ask for."""
        first = next((held for turn, held in self._kept if turn.number > self.completed), self.taken + 1)
        while self._kept and self._kept[0][0].number < first:
            turn, _ = self._kept.popleft()
            self._behind[turn.capture] = turn
        needed = self._captures()
        self._behind = {capture: turn for capture, turn in self._behind.items() if capture in needed}

    def _captures(self) -> set[int]:
        return self._open | {turn.capture for turn, _ in self._kept}

    @property
    def needed(self) -> int:
        """The first capture that must be read again if the program is killed now; the last one where none must."""
        return min(self._captures(), default=self._last)

    def told(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "turns": [list(turn) for turn, _ in self._kept],
            "behind": [list(turn) for turn in self._behind.values()],
            "captures": sorted(self._captures()),
            "flows": self.flow,
            "folders": list(self.folders),
        }


def segments_of(record: Record, case: Path) -> Path:
    """Where the workers' folders of segments lie, as the configuration says."""
    return (Path(record.folder) if record.folder else case / "segments").absolute()
