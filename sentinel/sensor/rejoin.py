"""The end of a run whose sensor had workers and was killed: the segments of all of them are read again, side by side.

Three parts. Up to where rows may be missing, each worker's segment is read for what it leaves in memory: streams,
labels, what rules remember. Then the batches come in the order in which the sensor had taken them, cut where it had cut
them, so that every message has the number that it had (`sentinel.sensor.turns`). What no checkpoint told of any more
comes last, by time.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.errors import InputError
from sentinel.pairing import Pairing
from sentinel.reading import BATCH_BYTES, FRAMES_A_TURN, Reading
from sentinel.sensor._replay import TELL_FRAMES, Given, Replay, Segment
from sentinel.sensor._unify import Unifier
from sentinel.sensor.analysis import HOLD
from sentinel.sensor.crew import FLOWS_BITS, of_flows
from sentinel.sensor.segments import SUFFIX
from sentinel.sensor.snapshots import Snapshots
from sentinel.sensor.turns import GONE, Turn
from sentinel.sources import files
from sentinel.store.resumed import Left
from sentinel.wire.capture import CaptureReader

if TYPE_CHECKING:
    from sentinel.pairing import Batch
    from sentinel.plugins import Parsers

STEP_FRAMES = 50
"""Frames between two looks at the time."""
STEP, COARSE = 200_000_000, 2_000_000_000
"""ns of traffic that one worker's segment is read before it is another one's turn."""
_log = logging.getLogger(__name__)


Part = list[Segment]
"""The segments that one worker process wrote, in order."""


def segments(old: Left, taken: set[int]) -> list[Part]:
    """Those that hold frames of which rows are missing, or requests of answers of which rows are missing.

    `taken`: captures of the case. InputError where one of them is not there.
    """
    crew = old.marks["crew"]
    folders = [Path(folder) for folder in crew["folders"]]
    found: list[Segment] = []
    for row in old.captures:
        if row["capture"] not in crew["captures"]:
            continue
        path = _path(row, folders)
        if path is not None:
            found.append(Segment(row, path))
        elif not Segment(row, Path()).lost:
            raise InputError("{path}: the frames were not recorded", path=row["path"])
    if old.captures:
        last = old.captures[-1]
        oldest = min([one.path.name for one in found] or [Path(last["path"]).name])
        found += _begun_behind(last, max(taken), oldest, folders)
    parts: list[Part] = []
    at_work: dict[int, Part] = {}
    for one in found:
        slot = json.loads(one.row["detail"])["sensor"]["worker"]
        if slot not in at_work:
            at_work[slot] = []
            parts.append(at_work[slot])
        at_work[slot].append(one)
        if one.lost:  # another process follows
            del at_work[slot]
    return parts


def _path(row: dict[str, Any], folders: list[Path]) -> Path | None:
    """Where a segment lies; the case was told late what its file is called. None where it is not there."""
    if not row["path"].startswith("live:"):
        return path if (path := Path(row["path"])).is_file() else None
    return max(_in(folders, f"-{row['capture']:06d}"), key=lambda one: one.name, default=None)


def _in(folders: list[Path], end: str = "") -> list[Path]:
    return [path for folder in folders for path in folder.glob(f"worker-*/*{end}{SUFFIX}")]


def _begun_behind(last: dict[str, Any], number: int, oldest: str, folders: list[Path]) -> Iterator[Segment]:
    """Segments behind a number that were begun, but the case was not told any more; one without frames is none."""
    paths = {}
    for path in sorted(_in(folders), key=lambda one: one.name):
        told = path.stem.rpartition("-")[2]
        if told.isdecimal() and int(told) > number and path.name > oldest:
            paths[int(told)] = path
    for capture, path in sorted(paths.items()):
        with path.open("rb") as file:
            holds = CaptureReader(file).next()
        if holds:
            detail = json.dumps({"sensor": {"worker": int(path.parent.name.rpartition("-")[2])}})
            row = {**last, "capture": capture, "path": str(path), "detail": detail, "dropped": None, "state": "live"}
            yield Segment(row, path, new=True)


class _Core:
    """Reads the segments of one part, from the state that its worker had at the first of them."""

    def __init__(self, part: Part, parsers: Parsers, final: Callable[[Segment, _Core], None]):
        self.reading = Reading(parsers, 0)
        self.engine = self.reading.engine
        self.latest = 0
        """The time up to which it has read."""
        self.over = False
        self.told_texts = 1
        self.reader: CaptureReader | None = None
        self._segments = part
        self._final = final
        self._at = -1
        self._stream = ExitStack()
        self._batches: list[Batch] = []

    @property
    def first(self) -> Segment:
        """Where it begins."""
        return self._segments[0]

    @property
    def captures(self) -> set[int]:
        """All that it reads."""
        return {one.row["capture"] for one in self._segments}

    @property
    def lost(self) -> bool:
        """Whether its worker had ended before the sensor did."""
        return self._segments[-1].lost

    def open_next(self) -> None:
        """Open the next segment; it is over where there is none."""
        self.close()
        self._at += 1
        self.over = self._at == len(self._segments)
        if not self.over:
            one = self._segments[self._at]
            _log.warning("%s: reading what the last run had not stored", one.path)
            self.reader = CaptureReader(self._stream.enter_context(files.open_capture(one.path).stream))
            self.reading.start(one.row["capture"])

    def close(self) -> None:
        """Close the segment that is open."""
        self._stream.close()

    def to(self, capture: int, frame: int) -> list[Batch]:
        """Read up to a frame of a capture, and cut there: one batch, behind whatever earlier captures still held."""
        while not self.over and self.engine.capture < capture:
            while self._read(FRAMES_A_TURN):
                if self.engine.full():
                    self._cut()
            self._leave()
        if not self.over and self.engine.capture == capture:
            while self.engine.frames < frame and self._read(min(FRAMES_A_TURN, frame - self.engine.frames)):
                continue
        return self._taken()

    def step(self, length: int, frame: int | None = None) -> list[Batch]:
        """Read on for so many ns of traffic, or up to a frame of this capture, or to the end of the segment."""
        until = max(self.latest, self.engine.latest_time) + length
        while self.latest < until and (frame is None or self.engine.frames < frame):
            more = STEP_FRAMES if frame is None else min(STEP_FRAMES, frame - self.engine.frames)
            if not self._read(more):
                if frame is None:
                    self._leave()
                break
            if self.engine.full() or self.reading.weight() >= BATCH_BYTES:
                self._cut()
        return self._taken()

    def finish(self) -> list[Batch]:
        """The end: flows that are still open."""
        while not self.engine.finish():
            self._cut()
        return self._taken()

    def _read(self, frames: int) -> bool:
        assert self.reader is not None
        more = self.engine.read(self.reader, frames)
        self.latest = max(self.latest, self.engine.latest_time)
        return bool(more)

    def _leave(self) -> None:
        """The segment was read to its end."""
        assert self.reader is not None
        if self.reader.fault:
            self.engine.note_capture(self.reader.fault, self.reader.fault_detail, self.reader.fault_offset)
        self._cut()
        self._final(self._segments[self._at], self)
        self.open_next()

    def _cut(self) -> None:
        batch = self.reading.cut()
        if batch is not None:
            self._batches.append(batch)

    def _taken(self) -> list[Batch]:
        self._cut()
        found, self._batches = self._batches, []
        return found


class Rejoin(Replay):
    """One reading of all parts."""

    def __init__(self, *given: *Given):
        old, parsers = given[2:4]
        crew = old.marks["crew"]
        self._turns = [Turn(*turn) for turn in crew["turns"]]
        self._behind = {turn.capture: turn for turn in (Turn(*one) for one in crew["behind"])}
        self._flows = crew["flows"]
        self._cores: list[_Core] = []
        self._rows: list[dict[str, Any]] = []
        self._pairing = Pairing(HOLD)
        self._places: deque[int] = deque()
        """Of the batches that the pairing holds: which turn each is."""
        self._next = 0
        """The number of the next message while messages are paired: these begin at 0."""
        self._shift: int | None = None
        """What makes the number in the case of it, as soon as that matters."""
        self._anew = False
        """Whether messages were not those that the sensor had seen, so that numbers begin behind all that it gave."""
        self._told = 0
        # texts are those of one dictionary, as they were in the sensor
        self._unifier = Unifier(parsers.protocols, 0)
        super().__init__(self._unifier.texts, *given)
        self._marks.stored = self._marks.stored._replace(capture=0)  # places count batches

    def run(self, parts: list[Part]) -> None:
        """Read, and make the rest part of the case."""
        self._unifier.grow(len(parts))
        self._cores = [_Core(part, self._parsers, self._ended) for part in parts]
        try:
            for place, core in enumerate(self._cores):
                self._stand(place, core)
            self._before_turns()
            for turn in self._turns:
                self._turn(turn)
            self._after_turns()
        finally:
            for core in self._cores:
                core.close()
        self._conclude(self._rows, [core.engine for core in self._cores])

    def _stand(self, place: int, core: _Core) -> None:
        """Begin where the worker was when it began its first segment, as far as that is known."""
        capture = core.first.row["capture"]
        found = Snapshots(self._case.path).of(capture, [protocol.name for protocol in self._parsers.protocols])
        if found is not None:
            core.engine.table.restore(found.flows)
            flow = found.flow
        else:
            flow = self._last_flow(core) or self._flows + (place << FLOWS_BITS)
        core.engine.begin(capture, flow)
        core.reading.started = True
        core.open_next()

    def _last_flow(self, core: _Core) -> int:
        """The number of the next flow as the worker last told it; 0 where it told none."""
        told = [*self._behind.values(), *self._turns]
        return max((turn.flow for turn in told if turn.capture in core.captures), default=0)

    def _before_turns(self) -> None:
        """Read what brings nothing to the case any more."""
        until = {core.first.row["capture"]: 0 for core in self._cores}
        until |= {capture: turn.frame for capture, turn in self._behind.items()}
        waiting = [core for core in self._cores if until[core.first.row["capture"]] > 0]
        while waiting:
            core = min(waiting, key=lambda one: one.latest)
            frame, before = until[core.engine.capture], core.engine.frames
            self._add(core, core.step(COARSE, frame), 0)
            if core.engine.frames in (before, frame):
                waiting.remove(core)
                turn = self._behind[core.engine.capture]
                if core.engine.flow_number != turn.flow:  # one was cut in two by the beginning of the segment
                    core.engine.flow_number = max(self._last_flow(core), core.engine.flow_number)

    def _turn(self, turn: Turn) -> None:
        """One batch that the sensor had taken."""
        core = next((core for core in self._cores if turn.capture in core.captures), None)
        if core is None:  # a worker that had ended, and its segment is gone
            if self._shift is not None and turn.frame != GONE:
                self._restart()
                self._next += turn.messages
            return
        if turn.frame == GONE:
            if core.lost:
                cells = core.engine.open_flows()
                self._add(core, [of_flows(turn.capture, self._next, cells)], turn.number)
            return
        batches = core.to(turn.capture, turn.frame)
        if self._shift is None:
            self._shift = turn.first - self._next
        elif not self._anew and self._next + self._shift != turn.first:
            self._restart()
            self._anew = turn.number > self._marks.stored.frame + 1  # behind the first that is not stored
            self._shift = (self._marks.now.message if self._anew else turn.first) - self._next
        self._add(core, batches, turn.number)

    def _after_turns(self) -> None:
        """What no checkpoint told of, by time, and the end."""
        if self._shift is None:
            self._restart()
            self._shift = self._marks.now.message - self._next
        last = max(self._marks.now.frame, *(turn.number for turn in self._turns), 0) + 1
        at_work = [core for core in self._cores if not core.lost]
        while reading := [core for core in at_work if not core.over]:
            core = min(reading, key=lambda one: one.latest)
            self._add(core, core.step(STEP), last)
        for core in at_work:
            self._add(core, core.finish(), last)
        self._restart()

    def _restart(self) -> None:
        """Nothing that comes belongs to a request of before."""
        for batch in self._pairing.finish():
            self._complete(batch)
        self._pairing = Pairing(HOLD)

    def _add(self, core: _Core, batches: list[Batch], turn: int) -> None:
        """Put batches behind all others."""
        place = self._cores.index(core)
        for batch in batches:
            texts = core.engine.rows.texts
            self._unifier.learn(place, texts[core.told_texts :])
            core.told_texts = len(texts)
            self._unifier.batch(place, batch)
            batch.first = self._next
            self._next += len(batch.messages)
            self._places.append(turn)
            for done in self._pairing.add(batch):
                self._complete(done)
        frames = sum(core.engine.frames for core in self._cores)
        if frames - self._told >= TELL_FRAMES:
            self._told = frames
            self._progress(frames)

    def _complete(self, batch: Batch) -> None:
        shift = self._shift or 0
        batch.first += shift
        batch.pair[batch.pair >= 0] += shift
        if batch.before is not None:
            batch.before.first += shift
        self._become(batch, (0, self._places.popleft()))

    def _ended(self, segment: Segment, core: _Core) -> None:
        """A segment was read to its end."""
        if not segment.over:
            assert core.reader is not None
            self._add_seen(segment.row["capture"], core.engine)
            self._rows.append(self._final(segment, core.engine, core.reader))
