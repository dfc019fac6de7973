"""Where a segment begins in the conversations that go on: the open flows and the next numbers, one small file each.

A sensor that was killed is finished by reading its last segments again (`sentinel.sensor.resume`). With these, flows
have the numbers, labels and counts that they had, however long ago they began.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "resume"
"""Folder in the case."""
MOST_FLOWS = 1 << 14
"""Flows that are kept, those that were used last: a flood is not worth the time that it would take."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`message`, `flow`: the numbers that come next. `flows`: `FlowTable.state`; `protocols`: names of their labels."""

    message: int
    flow: int
    protocols: list[str]
    flows: list[list[Any]]


class Snapshots:
    """The snapshots of one case."""

    def __init__(self, case: Path):
        self._folder = case / FOLDER

    def keep(self, capture: int, snapshot: Snapshot, needed: int) -> None:
        """Keep that of a capture, and let go of those before capture `needed`. A disk that refuses is no harm yet."""
        path = self._path(capture)
        temporary = path.with_suffix(".tmp")
        try:
            self._folder.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(asdict(snapshot)), encoding="ascii")
            temporary.replace(path)
            self.forget(needed)
        except OSError as error:
            _log.warning("%s: %s", path, error)

    def forget(self, needed: int) -> None:
        """Let go of those before capture `needed`."""
        for old in self._folder.glob("*.json"):
            if old.stem.isdecimal() and int(old.stem) < needed:
                old.unlink(missing_ok=True)

    def of(self, capture: int, protocols: list[str]) -> Snapshot | None:
        """That of a capture; None where there is none, it is damaged, or labels have other numbers by now."""
        with suppress(OSError, ValueError, TypeError):
            snapshot = Snapshot(**json.loads(self._path(capture).read_text(encoding="ascii")))
            if snapshot.protocols == protocols:
                return snapshot
        return None

    def _path(self, capture: int) -> Path:
        return self._folder / f"{capture:06d}.json"
