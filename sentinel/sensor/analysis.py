"""What becomes of a batch while the sensor runs: rules at once, the case within seconds, the inventory now and then.

A batch is looked at twice. When it comes, with the answers that are known: its alerts are in the case within a second.
And when nothing can amend it any more (`HOLD`), with every answer: so its rows are those that a stored analysis of the
same frames writes. Rules that ask whether a request was answered look at the second time.

Everything here happens in one thread, which alone uses the case; the capturing thread sends it calls.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sentinel.analysis import Analysis
from sentinel.pairing import Batch, Pairing
from sentinel.plugins import Parsers
from sentinel.rules.alerts import Book
from sentinel.rules.engine import Engine as RuleEngine
from sentinel.rules.load import RuleSet
from sentinel.summary import Limits, summary_of
from sentinel.wire.buffers import Buffers
from sentinel.wire.layout import M_TIME

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from sentinel.sensor.thinning import Thinning
    from sentinel.sensor.turns import Turns
    from sentinel.store.case import Case
    from sentinel.store.run import Run

HOLD = 10_000_000_000
"""ns for which an answer may take: a request that waited longer is unanswered."""
MAX_WAITING = 6
"""Calls that may wait for the thread before the capturing one waits as well (and the kernel's ring fills)."""
IDLE = 0.1
"""Seconds without a call after which the thread looks whether something is due."""
LATE_COLUMNS = frozenset({"pair", "pairing", "latency"})
SUMS = (
    "packets_client", "packets_server", "bytes_client", "bytes_server", "payload_client", "payload_server", "messages",
)  # fmt: skip
"""Columns of flows that the inventory adds up."""
_log = logging.getLogger(__name__)


def split(ruleset: RuleSet) -> tuple[RuleSet, RuleSet]:
    """The rules that can be asked at once, and those that ask what only later answers tell."""
    late = {rule.id for rule in ruleset.rules if rule.table == "messages" and rule.columns() & LATE_COLUMNS}
    for rule in ruleset.rules:
        if rule.correlation is not None and late.intersection(rule.correlation.rules):
            late |= {rule.id, *rule.correlation.rules}
    return (
        RuleSet([rule for rule in ruleset.rules if rule.id not in late]),
        RuleSet([rule for rule in ruleset.rules if rule.id in late]),
    )


class Rules:
    """Both kinds of rules over one book."""

    def __init__(self, ruleset: RuleSet, book: Book):
        now, late = split(ruleset)
        self.now = RuleEngine(now, book)
        self.late = RuleEngine(late, book)
        self.book = book
        self.late_points = any(rule.table == "points" for rule in late.rules)
        """Whether values must be kept until the second time."""
        self.own_columns = {name: list(columns) for name, columns in self.now.own_columns.items()}
        """Protocol -> the columns of its own table that some rule reads."""
        for name, columns in self.late.own_columns.items():
            self.own_columns[name] = list(dict.fromkeys([*self.own_columns.get(name, []), *columns]))

    def begin(self, book: Book) -> None:
        """Write into another book from now on; what correlations remember stays."""
        self.book = self.now.book = self.late.book = book

    @property
    def counters(self) -> dict[str, int]:
        """As those of an engine."""
        now, late = self.now.counters, self.late.counters
        return {name: n if name == "claims_folded" else n + late[name] for name, n in now.items()}


@dataclass(slots=True)
class Latency:
    """From the frame that completed an alert to the alert in the case; seconds."""

    alerts: int = 0
    last: float = 0.0
    worst: float = 0.0
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """One alert more."""
        self.alerts += 1
        self.last = seconds
        self.worst = max(self.worst, seconds)
        self.total += seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """What the core counted of a segment."""

    frames: int = 0
    bytes: int = 0
    duplicates: int = 0
    unread: Mapping[str, int] = field(default_factory=Counter)


def since(flows: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
    """The flows, with the numbers of what they carried since they stood as in `before`."""
    import polars as pl

    if before is None or flows.height == 0:
        return flows
    known = before.select("flow", *(pl.col(name).alias(f"{name}_before") for name in SUMS))
    joined = flows.join(known, on="flow", how="left", maintain_order="left")
    return joined.with_columns(pl.col(name) - pl.col(f"{name}_before").fill_null(0) for name in SUMS).select(
        flows.columns
    )


class Place(NamedTuple):
    """A place in what the ports delivered: behind `frame` frames of `capture`, before that message and that flow."""

    capture: int
    frame: int
    message: int
    flow: int

    @classmethod
    def behind(cls, batch: Batch) -> Place:
        """Where a batch was cut."""
        return cls(batch.capture, batch.frame, batch.first + len(batch.messages), batch.flow)


@dataclass(slots=True)
class Marks:
    """How far the parts of a run have come in what the case has of it: a killed one is finished from there.

    `stored`: rows. `late`, `now`: alerts of rules that wait for answers, and of those that do not. `summed`: the
    numbers of the summary. `counted`: the inventory.
    """

    stored: Place
    late: Place
    now: Place
    summed: Place
    counted: Place
    seen: dict[str, list[int]] = field(default_factory=dict)
    """Of captures that had not ended: frames, bytes and duplicates as the summary counts them."""
    crew: dict[str, Any] = field(default_factory=dict)
    """With workers: `Turns.told`; places then count batches."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Marks:
        """From what the case keeps."""
        said: dict[str, Any] = {n: value if n in ("seen", "crew") else Place(*value) for n, value in told.items()}
        return cls(**said)


class LiveAnalysis:
    """Feeds the case of one sensor. `call` is for the capturing thread, all else happens in this one's own."""

    def __init__(
        self,
        case: Case,
        run: Run,
        parsers: Parsers,
        texts: list[str],
        rules: Rules,
        timing: Any,
        thinning: Thinning | None = None,
        turns: Turns | None = None,
        buffers: Buffers | None = None,
    ):
        """`turns`: where what it takes comes from several workers. `buffers`: memory of batches."""
        self.case = case
        self.thinning = thinning
        self.run = run
        self.parsers = parsers
        self.rules = rules
        self.timing = timing
        self.turns = turns
        self.latency = Latency()
        self.deepest = 0
        """Most calls that ever waited."""
        self.rows: dict[int, dict[str, Any]] = {row["capture"]: row for row in run.captures}
        self.limits = Limits()
        self.keep_values = True
        """Whether values that were only read are stored; the thread that captures changes it."""
        self.values_dropped = 0
        self.inventory_part = 1
        """Of what the inventory may count only one part in so many; the thread that captures changes it."""
        self._buffers = Buffers() if buffers is None else buffers
        self._analysis = Analysis(parsers, texts, run, rules)
        self._analysis.tables.buffers = self._buffers
        self._pairing = Pairing(HOLD)
        self._frames: deque[dict[str, pl.DataFrame]] = deque()
        self._told = 0
        self._latest = 0
        self._came = 0.0
        self._seen: dict[int, Seen] = {}
        """Of the captures that have not ended."""
        self._changed_rows = set(self.rows)
        self._open_flows: np.ndarray | None = None
        self._open_tables = self._analysis.tables
        """Has the dictionary of texts that these flows name: that of the run before, where they were told then."""
        self._before: pl.DataFrame | None = None
        """Flows that were open when the run began: what they had until then was said by the run before."""
        self._alerts = 0
        self._taken = self._completed = Place(run.captures[0]["capture"], 0, run.base, run.base)
        if turns is not None:
            self._taken = self._completed = Place(0, 0, run.base, 0)
            turns.began(run.captures[0]["capture"])
        begin = self._taken
        self._marks = Marks(begin, begin, begin, begin, begin)
        self._next_checkpoint = 0.0
        self._next_inventory = 0.0
        self._error: BaseException | None = None
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._loop, name="live-analysis", daemon=True)

    # -- for the capturing thread -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; the case belongs to the thread from now on."""
        self._thread.start()

    def call(self, step: Callable[..., None], *values: Any) -> None:
        """Let the thread do something; waits while MAX_WAITING calls wait. Raises what went wrong with earlier ones."""
        self.check()
        self._queue.put(lambda: step(*values))
        self.deepest = max(self.deepest, self._queue.qsize())

    def waiting(self) -> int:
        """Calls that wait."""
        return self._queue.qsize()

    def check(self) -> None:
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait until every call is done. Raises what went wrong."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self.check()

    def abandon(self) -> None:
        """Let the thread end without an error of its own: another one is on its way."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    # -- calls ----------------------------------------------------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """The next batch, unpaired."""
        if len(batch.messages):
            self._latest, self._came = int(batch.messages[-1, M_TIME]), time.monotonic()
        if self.turns is not None:
            self.turns.take(batch)
        done = self._pairing.add(batch)
        frames = self._analysis.frames(batch)
        batch.before = None
        self._analysis.totals.add(frames)
        tables = self._analysis.for_rules(frames)
        self.rules.now.batch(tables)
        flows = since(frames["flows"], self._before)
        self._analysis.inventory(tables["messages"], flows, self.inventory_part)
        if not self.keep_values and not self.rules.late_points:
            frames["points"] = self._without_reads(frames["points"])
        self._taken = self._behind(batch, self.turns.taken if self.turns is not None else 0)
        if batch in done:  # nothing to hold it for
            self._complete(frames, batch)
        else:
            self._frames.append(frames)
            self._release(done)
        self._alert()

    def began(self, row: Mapping[str, Any]) -> None:
        """A segment began; `row` has the number that comes next in the case."""
        given = self.run.next_capture({name: value for name, value in row.items() if name not in ("capture", "run")})
        if given["capture"] != row["capture"]:
            raise ValueError(f"capture {row['capture']} should be {given['capture']}")
        self._note_first(given)

    def progress(self, row: Mapping[str, Any], seen: Seen, limits: Limits) -> None:
        """How far the segment is, and which bounds were reached."""
        self.note(row)
        self._seen[row["capture"]] = seen
        self.limits = limits

    def open(self, flows: np.ndarray) -> None:
        """Cells of the flows that are open."""
        self._open_flows, self._open_tables = flows, self._analysis.tables

    def learn(self, facts: list[dict[str, Any]]) -> None:
        """Facts that came from no message."""
        self._analysis.learn(facts)

    def ended(self, row: Mapping[str, Any], seen: Seen) -> None:
        """A segment ended: its final row, and what it held."""
        self._analysis.totals.add_capture(seen)
        self._seen.pop(row["capture"], None)
        self.note(row)
        if self.turns is not None:
            self.turns.ended(row["capture"])
        self.checkpoint()
        self.run.tidy()

    def lost(self, batch: Batch, flows: np.ndarray, row: Mapping[str, Any], seen: Seen) -> None:
        """A worker ended: what it had last told of its flows, the flows that are still open, and its segment."""
        self.take(batch)
        self.open(flows)
        self.ended(row, seen)

    def amended(self, capture: int, changes: Mapping[str, Any]) -> None:
        """A segment was compressed, or deleted: what of its row has changed."""
        if capture in self.rows:
            self.rows[capture].update(changes)
        self.case.amend_capture(capture, changes)

    def reload(self, ruleset: RuleSet) -> None:
        """Go on with other rules; alerts stay, what correlations had gathered is forgotten."""
        self.rules = Rules(ruleset, self.rules.book)
        self._analysis.rules = self.rules

    def claim(self, step: Callable[[Book], None]) -> None:
        """Let something else than a rule add claims."""
        step(self.rules.book)
        self._alert()

    def next_run(self, row: Mapping[str, Any], texts: list[str]) -> None:
        """End the run; what comes now belongs to another one, with a dictionary of texts and a book of its own.

        Flows and correlations go on. What is still held was read by the old one and is written by the new one.
        """
        self._finish(goes_on=True)
        self.run = self.case.begin_run([row])
        given = self.run.captures[0]
        if given["capture"] != row["capture"]:
            raise ValueError(f"capture {row['capture']} should be {given['capture']}")
        self._analysis = Analysis(self.parsers, texts, self.run, self.rules)
        self._analysis.tables.buffers = self._buffers
        self.rules.begin(Book())
        self.rows = {}
        self._changed_rows.clear()
        self._note_first(given)
        self._seen.clear()
        self._alerts = self._told = 0
        self._before = self._open_frame()
        self._next_inventory = 0.0
        self.checkpoint()

    def finish(self) -> None:
        """The end: what is held, the inventory, everything in one transaction."""
        self._release(self._pairing.finish())
        self._finish()
        if self.thinning is not None:
            self.thinning.close()

    def _finish(self, goes_on: bool = False) -> None:
        facts, devices = self._said()
        summary = self._summary(facts, devices)
        # what is still held is lost if the program is killed before the next run has said where it is
        if goes_on:
            summary["marks"] = asdict(self._marks_now(whole=True))
        self.run.finish(list(self.rows.values()), facts, devices, self.rules.book.rows(), summary)

    # -- the thread -----------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            try:
                step = self._queue.get(timeout=IDLE)
            except queue.Empty:
                step = self._idle
            if step is None:
                return
            if self._error is not None:
                continue
            try:
                step()
                if self.run.over:  # that was the end: nothing can be added any more
                    continue
                if time.monotonic() >= self._next_checkpoint:
                    self.checkpoint()
                if self.thinning is not None:
                    self.thinning.turn(self.run.number)
            except BaseException as error:  # handed to the thread that captures
                self._error = error

    def _idle(self) -> None:
        # by the frames' own clock, which may be another machine's, or be set
        self._release(self._pairing.settle(self._latest + int((time.monotonic() - self._came) * 1e9)))
        self._alert()

    @property
    def needed(self) -> int:
        """The first capture of which rows are not in the case yet."""
        return self._marks.stored.capture

    def _note_first(self, row: Mapping[str, Any]) -> None:
        """The row of a segment that began."""
        self.note(row)
        if self.turns is not None:
            self.turns.began(row["capture"])

    def note(self, row: Mapping[str, Any]) -> None:
        """The row of a segment as it is now."""
        self.rows[row["capture"]] = dict(row)
        self._changed_rows.add(row["capture"])

    def _release(self, done: list[Batch]) -> None:
        """Store the batches that nothing can amend any more."""
        for batch in done:
            frames = self._frames.popleft()
            if frames["messages"].height:
                frames["messages"] = self._analysis.tables.amended(frames["messages"], batch)
            self._complete(frames, batch)

    def _complete(self, frames: dict[str, pl.DataFrame], batch: Batch) -> None:
        self.rules.late.batch(self._analysis.for_rules(frames))
        self._analysis.store(frames)
        if self.turns is not None:
            self.turns.completed += 1
        self._completed = self._behind(batch, self.turns.completed if self.turns is not None else 0)

    def _behind(self, batch: Batch, turn: int) -> Place:
        """Where a batch was cut: a place in the segments, or (with workers) after so many batches."""
        if self.turns is None:
            return Place.behind(batch)
        return Place(0, turn, batch.first + len(batch.messages), 0)

    def _marks_now(self, whole: bool, inventory: bool = False) -> Marks:
        """How far everything has come with what is being written: alerts alone, or (`whole`) a checkpoint."""
        self._marks.late, self._marks.now = self._completed, self._taken
        if whole:
            self._marks.stored, self._marks.summed = self._completed, self._taken
            self._marks.seen = {str(n): [one.frames, one.bytes, one.duplicates] for n, one in self._seen.items()}
            if self.turns is not None:
                self.turns.store()
                self._marks.stored = self._completed._replace(capture=self.turns.needed)
        if inventory:
            self._marks.counted = self._taken
        if self.turns is not None:
            self._marks.crew = self.turns.told()
        return self._marks

    def _without_reads(self, points: pl.DataFrame) -> pl.DataFrame:
        """The values that somebody wrote, or a device reported unasked."""
        kept = points.filter(points["access"] != "read")
        self.values_dropped += points.height - kept.height
        return kept

    def _alert(self) -> None:
        """Put new alerts into the case at once; those that only grow come with the next checkpoint."""
        book = self.rules.book
        if len(book) == self._alerts:
            return
        self._alerts = len(book)
        rows = book.changed()
        self.run.checkpoint(self._take_rows(), alerts=rows, marks=asdict(self._marks_now(whole=False)))
        now = time.time_ns()
        for row in rows:
            if row["count"] == 1 or now - row["last_time"] < 60_000_000_000:
                self.latency.add((now - row["last_time"]) / 1e9)

    def _take_rows(self) -> list[dict[str, Any]]:
        rows = [self.rows[capture] for capture in sorted(self._changed_rows)]
        self._changed_rows.clear()
        return rows

    def checkpoint(self) -> None:
        """Bring the case up to date: everything but what is still held."""
        began = time.monotonic()
        devices = None
        open_flows = None
        if began >= self._next_inventory:
            _, devices = self._said()
            open_flows = self._open_frame()
        # what was learnt stays in the order in which it was first said
        facts = list(islice(self._analysis.facts.values(), self._told, None))
        self._told += len(facts)
        self._alerts = len(self.rules.book)
        summary = self._summary(self._analysis.facts, devices if devices is not None else [])
        marks = asdict(self._marks_now(whole=True, inventory=devices is not None))
        self.run.checkpoint(self._take_rows(), self.rules.book.changed(), facts, devices, summary, open_flows, marks)
        took = time.monotonic() - began
        # a checkpoint takes a twentieth of the time at most, whatever the size of the plant
        self._next_checkpoint = began + max(self.timing.checkpoint_seconds, 20 * took)
        if devices is not None:
            self._next_inventory = began + max(self.timing.inventory_seconds, 20 * took)

    def _open_frame(self) -> pl.DataFrame | None:
        """The flows that are open, as rows of that table."""
        if self._open_flows is None or not len(self._open_flows):
            return None
        return self._open_tables.flow_rows(self._open_flows)

    def _said(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """All facts and the devices, those of open flows included."""
        from sentinel.inventory import assets
        from sentinel.shares import MAX_INVENTORY_FLOWS

        facts = list(self._analysis.facts.values())
        pairs = self._analysis.pairs
        flows = self._open_frame()
        if flows is not None:
            pairs = assets.accumulate_flows(
                pairs, since(flows, self._before), MAX_INVENTORY_FLOWS // self.inventory_part
            )
        return facts, assets.build(pairs, facts, self._analysis.stats) if pairs is not None else []

    def _summary(self, facts: Any, devices: Any) -> dict[str, Any]:
        summary = summary_of(self._analysis.totals, self.limits, facts, devices, self.rules.book.tally())
        now = self._seen.values()
        return summary | {
            "frames": summary["frames"] + sum(one.frames for one in now),
            "bytes": summary["bytes"] + sum(one.bytes for one in now),
            "duplicates": summary["duplicates"] + sum(one.duplicates for one in now),
            "unread": dict(sum((Counter(one.unread) for one in now), Counter(summary["unread"]))),
            "captures": [],
            "case": str(self.case.path),
            "interrupted": False,
        }
