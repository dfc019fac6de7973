"""What every way of finishing a killed run has in common: what becomes of a batch, and of the rows at the end."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.analysis import Analysis
from sentinel.plugins import Parsers
from sentinel.rules.alerts import Book
from sentinel.sensor.analysis import SUMS, Marks, Rules, since
from sentinel.sensor.segments import found_again
from sentinel.store.case import Case
from sentinel.store.resumed import Left, Resumed, open_flows
from sentinel.summary import Input, arp_facts, capture_row
from sentinel.wire.capture import CaptureReader

if TYPE_CHECKING:
    from sentinel.pairing import Batch
    from sentinel.wire.dissect import Engine

Tell = Callable[[str], None]
Given = tuple[Case, Resumed, Left, Parsers, Rules, Tell]
"""What a reading is made from."""
TELL_FRAMES = 200_000
"""Frames after which progress is told."""
EXTEND_USEC = 60_000_000
"""Microseconds that the service manager is asked to wait for more (sd_notify(3))."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Segment:
    """A segment to be read; `row`: its row of captures, which stands in the case unless it is `new`."""

    row: dict[str, Any]
    path: Path
    new: bool = False

    @property
    def over(self) -> bool:
        """Whether its row is final: it had ended, or its worker had."""
        if self.new:
            return False
        return self.row["state"] in ("complete", "faulty") or self.lost

    @property
    def lost(self) -> bool:
        """Whether the worker that wrote it had ended before the sensor did; the rest of it was counted as lost."""
        return "lost" in json.loads(self.row["detail"]).get("sensor", {})


class Replay:
    """One reading of segments; whoever inherits says in which order."""

    def __init__(
        self, texts: list[str], case: Case, run: Resumed, old: Left, parsers: Parsers, rules: Rules, tell: Tell
    ):
        """`texts`: the dictionary of what is read."""
        self._case = case
        self._run = run
        self._old = old
        self._parsers = parsers
        self._tell = tell
        self._marks = Marks.of(old.marks)
        self._rules = rules
        self._known = Book()
        """Takes the alerts that the case has."""
        self._analysis = Analysis(parsers, texts, run, rules)
        self._before = open_flows(case, old, ("flow", *SUMS))
        self._added = Counter[str]()

    def _progress(self, frames: int) -> None:
        """Tell how far it is."""
        self._tell(f"STATUS=reading again: {frames} frames\nEXTEND_TIMEOUT_USEC={EXTEND_USEC}")

    def _conclude(self, rows: Sequence[dict[str, Any]], engines: Iterable[Engine]) -> None:
        """Make what was added part of the case."""
        from sentinel.inventory import assets

        for engine in engines:
            self._analysis.learn(arp_facts(engine.arps.items()))
        facts, pairs = list(self._analysis.facts.values()), self._analysis.pairs
        devices = assets.build(pairs, facts, self._analysis.stats) if pairs is not None else []
        self._run.complete(rows, facts, devices, self._rules.book.rows(), self._summary())
        _log.warning(
            "what the last run had not stored is in the case: %d frames, %d messages",
            self._added["frames"], self._analysis.totals.messages.total(),
        )  # fmt: skip

    def _become(self, batch: Batch, place: tuple[int, int]) -> None:
        """Everything that becomes of a batch, as far as it has not become of it before; `place`: where it ends."""
        analysis, rules, marks = self._analysis, self._rules, self._marks
        frames = analysis.frames(batch)
        batch.before = None
        tables = analysis.for_rules(frames)
        rules.now.book = rules.book if place > marks.now[:2] else self._known
        rules.late.book = rules.book if place > marks.late[:2] else self._known
        rules.now.batch(tables)
        rules.late.batch(tables)
        if place > marks.stored[:2]:
            analysis.store(frames)
        if place > marks.summed[:2]:
            analysis.totals.add(frames)
        else:
            analysis.facts.clear()
        if place > marks.counted[:2]:
            analysis.inventory(tables["messages"], since(frames["flows"], self._before))

    def _add_seen(self, capture: int, engine: Engine) -> None:
        """Count what a segment holds beyond what the summary says of it."""
        frames, octets, duplicates = self._marks.seen.get(str(capture), (0, 0, 0))
        self._added += Counter(
            frames=engine.frames - frames, bytes=engine.bytes - octets, duplicates=engine.duplicates - duplicates
        )

    def _final(self, segment: Segment, engine: Engine, reader: CaptureReader) -> dict[str, Any]:
        """The row of a segment that was being written when the sensor was killed, as it lies there now."""
        row = segment.row
        kept = found_again(segment.path)
        one = Input(segment.path)
        if kept is not None:
            one.sha256, one.content_sha256, one.size = kept.sha256, kept.content_sha256, kept.bytes
        detail = json.loads(row["detail"])
        final = capture_row(one, row, engine, reader, "", False)
        said = {**json.loads(final["detail"]), "sensor": {**detail.get("sensor", {}), "killed": True}}
        return {**final, "dropped": row["dropped"], "detail": json.dumps(said, ensure_ascii=False)}

    def _summary(self) -> dict[str, Any]:
        """That of the run, with what was added to it."""
        old, totals = self._old.summary, self._analysis.totals
        added = self._added + Counter(points=totals.points, flows=totals.flows, gaps=totals.gaps)
        return {
            **old,
            **{name: old[name] + n for name, n in added.items()},
            "messages": dict(sorted((Counter(old["messages"]) + totals.messages).items())),
        }
