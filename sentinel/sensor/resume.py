"""The end of a run whose sensor was killed: the frames that stand in its segments but not in the case are read again.

What a batch brings is in the case ten seconds later, when no answer can amend it any more; a sensor that is killed
leaves that much behind in its segments. The next one begins here, with the segment that holds the first frame of which
rows are missing. It is read from its beginning, with the flows that were open there (`sentinel.sensor.snapshots`), so
that streams, labels and numbers are what they were. Nothing comes of a batch that the case has: each part of the work
begins behind its own mark (`sentinel.sensor.analysis.Marks`). The rest becomes part of the case in one transaction,
which also ends the run: whoever is killed before it begins again, and nothing is there twice. Segments of workers are
read side by side (`sentinel.sensor.rejoin`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.errors import InputError
from sentinel.pairing import Pairing
from sentinel.reading import BATCH_BYTES, FRAMES_A_TURN, Reading
from sentinel.rules.alerts import Book
from sentinel.sensor import rejoin
from sentinel.sensor._replay import TELL_FRAMES, Given, Replay, Segment, Tell
from sentinel.sensor.analysis import HOLD, Rules
from sentinel.sensor.segments import SUFFIX
from sentinel.sensor.snapshots import Snapshots
from sentinel.sources import files
from sentinel.store.resumed import Left, Resumed, end_open, give_up, left
from sentinel.wire.capture import CaptureReader

if TYPE_CHECKING:
    from sentinel.pairing import Batch
    from sentinel.plugins import Parsers
    from sentinel.rules.load import RuleSet
    from sentinel.store.case import Case

_log = logging.getLogger(__name__)


def resume(case: Case, parsers: Parsers, ruleset: RuleSet, tell: Tell = lambda state: None) -> None:
    """Finish the run that the last sensor could not end, if there is one; how far it is goes to the log and to `tell`.

    `case` was opened with `keep_open`. CaseError where the disk refuses; the run is then as it was.
    """
    old = left(case)
    if old is None:
        end_open(case)
        return
    taken = set(case.captures()["capture"])
    run = Resumed(case, old)
    given = case, run, old, parsers, Rules(ruleset, Book()), tell
    try:
        work = _work(old, taken, given)
    except InputError as error:
        _lose(case, old, str(error))
        return
    with run:
        work()


def _work(old: Left, taken: set[int], given: Given) -> Callable[[], None]:
    """What is to be done, with what it is `given`. InputError where a segment is not there."""
    if old.marks.get("crew"):
        return partial(rejoin.Rejoin(*given).run, rejoin.segments(old, taken))
    return partial(_Resume(*given).run, _segments(old, taken))


def _segments(old: Left, taken: set[int]) -> list[Segment]:
    """Those that hold frames of which rows are missing, in order; `taken`: captures of the case.

    InputError where one of them is not there.
    """
    found = []
    for row in old.captures:
        path = Path(row["path"])
        if row["path"].startswith("live:") or not path.is_file():
            raise InputError("{path}: the frames were not recorded", path=row["path"])
        found.append(Segment(row, path))
    if not found:
        raise InputError("{path}: the frames were not recorded", path=f"run {old.run}")
    while (begun := _begun_behind(found[-1], taken)) is not None:
        last = found[-1].row
        row = {**last, "capture": last["capture"] + 1, "path": str(begun), "detail": "{}", "dropped": None}
        found.append(Segment(row, begun, new=True))
    return found


def _begun_behind(segment: Segment, taken: set[int]) -> Path | None:
    """A segment that was begun, but the case was not told any more; one without frames is none."""
    number = segment.row["capture"] + 1
    if number in taken:
        return None
    for path in sorted(segment.path.parent.glob(f"*-{number:06d}{SUFFIX}"), reverse=True):
        with path.open("rb") as file:
            if path.name > segment.path.name and CaptureReader(file).next():
                return path
    return None


def _lose(case: Case, old: Left, why: str) -> None:
    """What was not stored cannot be read again: say how much that is, and keep it with the capture, as coverage."""
    import polars as pl

    rows = [row for row in old.captures if row["run"] == str(old.run)]
    if not rows:
        give_up(case, old, [])
        return
    ends = [row["last_time"] for row in rows if row["last_time"] is not None]
    begins = [row["first_time"] for row in rows if row["first_time"] is not None]
    said = case.scan("messages").filter(pl.col("capture") >= rows[0]["capture"])
    stored = said.select(pl.col("time").cast(pl.Int64).max()).collect().item()
    if stored is None:
        stored = min(begins, default=0)
    seconds = max(0, max(ends, default=0) - stored) / 1e9
    detail = json.loads(rows[-1]["detail"])
    detail["sensor"] = {**detail.get("sensor", {}), "lost_seconds": round(seconds, 1)}
    give_up(case, old, [{**rows[-1], "detail": json.dumps(detail, ensure_ascii=False)}])
    _log.warning("%s: what the last %.0f seconds before the sensor was killed held is lost", why, seconds)


class _Resume(Replay):
    """One reading of the segments, from the beginning of the first to the end of the last."""

    def __init__(self, *given: *Given):
        parsers = given[3]
        self._reading = Reading(parsers, 0)
        self._engine = self._reading.engine
        self._pairing = Pairing(HOLD)
        super().__init__(self._engine.rows.texts, *given)

    def run(self, segments: list[Segment]) -> None:
        """Read, and make the rest part of the case."""
        self._stand(segments[0].row["capture"])
        rows = [row for one in segments for row in self._read(one)]
        while not self._engine.finish():
            self._cut()
        self._cut()
        for batch in self._pairing.finish():
            self._complete(batch)
        self._conclude(rows, [self._engine])

    def _stand(self, capture: int) -> None:
        """Begin where the sensor was when it began this capture, as far as that is known."""
        reading, engine, marks = self._reading, self._engine, self._marks
        found = Snapshots(self._case.path).of(capture, [protocol.name for protocol in self._parsers.protocols])
        if found is not None:
            engine.table.restore(found.flows)
        engine.begin(capture, found.flow if found is not None else marks.now.flow)
        reading.next_message = found.message if found is not None else marks.stored.message
        reading.started = True

    def _read(self, segment: Segment) -> Iterator[dict[str, Any]]:
        """Read a segment; gives out its row where that is not final yet."""
        engine, row = self._engine, segment.row
        _log.warning("%s: reading what the last run had not stored", segment.path)
        source = files.open_capture(segment.path)
        with source.stream as stream:
            reader = CaptureReader(stream)
            self._reading.start(row["capture"])
            for stop in [*self._stops(row), None]:
                self._read_to(reader, stop)
                if (row["capture"], stop) == self._marks.stored[:2]:
                    self._meet()
            if reader.fault:
                engine.note_capture(reader.fault, reader.fault_detail, reader.fault_offset)
                self._cut()
        if not segment.over:
            self._add_seen(row["capture"], engine)
            yield self._final(segment, engine, reader)

    def _stops(self, row: dict[str, Any]) -> list[int]:
        """Frames of a capture at which something begins to count."""
        marks = self._marks
        places = (marks.stored, marks.late, marks.now, marks.summed, marks.counted)
        return sorted({place.frame for place in places if place.capture == row["capture"]})

    def _read_to(self, reader: CaptureReader, stop: int | None) -> None:
        """Read until so many frames of the capture were read, or (None) to its end."""
        engine, told = self._engine, 0
        more = True
        while more and (stop is None or engine.frames < stop):
            more = engine.read(reader, FRAMES_A_TURN if stop is None else min(FRAMES_A_TURN, stop - engine.frames))
            if engine.full() or self._reading.weight() >= BATCH_BYTES:
                self._cut()
            if engine.frames - told >= TELL_FRAMES:
                told = engine.frames
                self._progress(told)
        self._cut()

    def _cut(self) -> None:
        batch = self._reading.cut()
        if batch is not None:
            for done in self._pairing.add(batch):
                self._complete(done)

    def _meet(self) -> None:
        """Where rows begin to be missing, numbers must be those that the sensor had given.

        They are, unless a message or flow was cut in two by the beginning of the segment. Numbers then begin anew, and
        behind all that were given.
        """
        stored = self._marks.stored
        if self._reading.next_message != stored.message:
            for batch in self._pairing.finish():
                self._complete(batch)
            self._pairing = Pairing(HOLD)
            self._reading.next_message = stored.message
        if self._engine.flow_number != stored.flow:
            self._engine.flow_number = max(self._marks.now.flow, self._engine.flow_number)

    def _complete(self, batch: Batch) -> None:
        self._become(batch, (batch.capture, batch.frame))
