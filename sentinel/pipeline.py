"""The order of things: captures -> rows -> pairing -> tables -> inventory, rules -> case.

Captures become batches in `sentinel/reading.py`, batches become tables, inventory and alerts in `sentinel/analysis.py`:
the same for stored captures, live capture, and one shard of a cluster. The core fills a batch in this thread; what
becomes of it happens in a second one, and the case writes its parts in a third: the core holds no Python object per
frame, the others spend their time in code that lets go of the interpreter lock.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sentinel import memory
from sentinel.analysis import Analysis, Worker
from sentinel.errors import InputError, SentinelError
from sentinel.plugins import Parsers, load_parsers
from sentinel.reading import NEVER, Reading
from sentinel.shares import Share
from sentinel.sources import files
from sentinel.summary import (
    Input,
    Limits,
    arp_facts,
    capture_row,
    capture_summary,
    fault_sentence,
    known_summary,
    summary_of,
)
from sentinel.wire.buffers import Buffers
from sentinel.wire.capture import CaptureReader
from sentinel.wire.flows import IDLE_TCP

if TYPE_CHECKING:
    import polars as pl

    from sentinel.store.case import Case
    from sentinel.store.run import Run

_log = logging.getLogger(__name__)

OVERLAP = 1_000_000_000
"""ns by which a capture may begin before the one before it ended and still continue its conversations; one that begins
`IDLE_TCP` or more after it continues none, for every flow is idle by then."""
LARGE = 16 << 20
"""Bytes of captures that fill batches: the memory for them is made ready while modules are imported."""
WARM = (1 << 21, *[7 << 18] * 4)
"""Cells of the message rows of a batch, and of the columns of as many batches as are alive at a time."""
_NEEDED = ("sentinel.pairing", "sentinel.tables", "sentinel.rules.engine", "sentinel.inventory.assets")
"""Modules that reading a capture needs, and that a program which only dissects or opens a case does without."""


@dataclass(slots=True)
class Progress:
    """How far an analysis is: `bytes_done` of `bytes_total` (None where unknown) of the file `path`."""

    path: str
    bytes_done: int
    bytes_total: int | None
    frames: int
    messages: int
    alerts: int


class Spread(Protocol):
    """Other processes that read captures: `sentinel.cluster`. `lost`: whether they went away before the end."""

    lost: bool

    def look(self, inputs: Sequence[Input]) -> None:
        """Fill in the hashes of stored captures, and the latest of their time stamps."""

    def shares(
        self,
        run: Run,
        sets: Sequence[tuple[list[Given], int]],
        rules: Sequence[Path] | None,
        stopped: Callable[[], bool],
    ) -> Iterator[Share]:
        """The share of each set, in their order, after its rows were adopted by the run."""


# -- stored captures ------------------------------------------------------------------------------------------


def _inputs(paths: Sequence[Path | str]) -> list[Input]:
    """The captures that paths mean, in the order of their first frames; InputError where none of them can be read."""
    found = [Input(path) for path in files.find(paths)]
    for one in found:
        if isinstance(one.path, Path):
            try:
                one.first_time, one.compressed = _first_look(one.path)
                one.size = one.path.stat().st_size
            except InputError as error:
                one.unreadable = error
    errors = [one.unreadable for one in found if one.unreadable is not None]
    if errors and len(errors) == len(found):
        raise errors[0]
    return sorted(found, key=lambda one: (one.first_time is None, one.first_time or 0, str(one.path)))


def _first_look(path: Path) -> tuple[int | None, bool]:
    """Time stamp of the first frame (None where there is none), and whether the file is compressed.

    InputError where the file cannot be read.
    """
    opened = files.open_capture(path)
    with opened.stream as stream:
        reader = CaptureReader(_Small(stream))
        return reader.time if reader.next() else None, opened.compression != ""


def _look_inside(inputs: Sequence[Input], opened: Case) -> None:
    """Hash what captures hold behind their compression, where another one begins as they do and may hold the same.

    It takes as long as expanding them once more; of all others the hash is made while they are read.
    """
    starts = Counter(one.first_time for one in inputs)
    spans = opened.spans()
    for one in inputs:
        first = one.first_time
        if not one.compressed:
            one.content_sha256 = one.sha256
        elif isinstance(one.path, Path) and first is not None:
            if starts[first] > 1 or any(begin <= first <= end for begin, end in spans):
                one.content_sha256 = files.content_sha256(one.path)


class _Small:
    """A stream read in small pieces, for a look at its beginning."""

    def __init__(self, stream: files.Readable):
        self._stream = stream

    def read(self, n: int) -> bytes:
        return self._stream.read(min(n, 65536))


def analyze(
    paths: Sequence[Path | str],
    case: Path,
    *,
    rules: Sequence[Path] | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    spread: Spread | None = None,
) -> dict[str, Any]:
    """Analyse captures into a case; returns the summary that docs/cli.md describes.

    `spread` has the captures read by other processes; the case is the same, apart from how its rows lie in files.

    Raises InputError where nothing could be read, CaseError where the case cannot be used. What a capture held before
    a fault, and what was read before `stop` was set, is in the case.
    """
    began = time.monotonic()
    inputs = _inputs(paths)
    buffers = Buffers()
    stored = [one for one in inputs if isinstance(one.path, Path) and not one.unreadable]
    # one beside the imports of this thread where that suffices: a third would take turns with them on two cores
    with few_collections(), ThreadPoolExecutor(min(len(stored), 2) or 1) as pool:
        hashes: list[Future[str]] = []
        if spread is not None:
            spread.look(stored)
        else:
            hashes = [pool.submit(files.sha256, Path(one.path)) for one in stored]
            if sum(one.size for one in stored) >= LARGE:
                pool.submit(buffers.warm, WARM)
        from sentinel.store.case import Case

        if len(inputs) == 1 and isinstance(inputs[0].path, Path):
            _refuse_no_capture(inputs[0].path)
        with Case.open(case) as opened:
            if spread is None:
                for module in _NEEDED:  # it takes about as long as hashing a capture of a hundred megabytes
                    import_module(module)
            parsers = load_parsers()
            if spread is None:
                for one, hashed in zip(stored, hashes, strict=True):
                    one.sha256 = hashed.result()
                _look_inside(inputs, opened)
            fresh: dict[str, Input] = {}
            for one in inputs:
                if one.unreadable:
                    continue
                if isinstance(one.path, Path):
                    one.known = opened.known(one.sha256, one.content_sha256)
                if one.known is not None:
                    same = str(one.known["path"])
                else:
                    same = fresh.setdefault(one.content_sha256 or one.sha256 or one.name, one).name
                one.copy_of = same if same != one.name else ""
            if not fresh:
                summary = known_summary(opened, case, inputs)
            else:
                summary = _analyze_fresh(
                    opened, case, inputs, list(fresh.values()), parsers, rules, progress, stop, spread, buffers
                )
    summary["seconds"] = round(time.monotonic() - began, 3)
    return summary


@contextmanager
def few_collections() -> Iterator[None]:
    """Collect cyclic garbage rarely while it lasts, and none of what is there already.

    Flows, facts and rows are many, long-lived and free of cycles once they end.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def no_capture(path: Path | str, reader: CaptureReader) -> InputError:
    """The error for a file that is no capture."""
    return InputError(
        "{path}: {why} (offset {offset}); give a pcap or pcapng file, plain or compressed.",
        path=path,
        why=reader.fault_detail,
        offset=reader.fault_offset,
    )


def _refuse_no_capture(path: Path) -> None:
    """InputError where the only file that was given is none at all, before a case is made for it."""
    with files.open_capture(path).stream as stream:
        reader = CaptureReader(_Small(stream))
        if not reader.open() and reader.format == "":
            raise no_capture(path, reader)


def _analyze_fresh(
    opened: Case,
    case: Path,
    inputs: list[Input],
    fresh: list[Input],
    parsers: Parsers,
    rule_paths: Sequence[Path] | None,
    progress: Callable[[Progress], None] | None,
    stop: threading.Event | None,
    spread: Spread | None,
    buffers: Buffers,
) -> dict[str, Any]:
    """Read the captures that the case does not hold yet, as one run."""
    for broken in parsers.broken:
        _log.warning("parser %s cannot be used: %s", broken.name, broken.reason)
    started = [
        {
            "sha256": one.sha256,
            "content_sha256": one.content_sha256,
            "path": one.name,
            "state": "running",
            "bytes": one.size,
            "format": "",
            "frames": 0,
            "detail": "{}",
        }
        for one in fresh
    ]
    with opened.begin_run(started) as run:
        left = deque(zip(fresh, run.captures, strict=True))
        stopped = stop.is_set if stop is not None else lambda: False
        if spread is not None:
            shares = spread.shares(run, _sets(left), rule_paths, stopped)
        else:
            shares = _shares(left, run, parsers, make_rules(rule_paths), progress, stopped, buffers)
        whole = next(shares, None)
        for share in shares:
            if whole is not None:
                whole.join(share)
        memory.give_back()  # what the end of a run needs comes from elsewhere than what the batches needed
        if whole is None:
            whole = Share.empty()
        lost = spread is not None and spread.lost
        summary = _finish(opened, case, inputs, run, whole, stopped() or lost)
    if lost:
        raise SentinelError("the scheduler went away; what was read before is in the case: analyse the same again.")
    return summary


Given = tuple[Input, dict[str, Any]]
"""A capture and its row in the case."""
Analysing = Callable[[Parsers, list[str], "Run | None", Any], Analysis]
"""Makes an analysis of what its constructor takes."""


def continues(one: Input, latest: int) -> bool:
    """Whether a capture may go on with the conversations of those before it, of which `latest` is the last time."""
    return one.first_time is None or latest == NEVER or latest - OVERLAP <= one.first_time < latest + IDLE_TCP


def _sets(captures: Iterable[Given]) -> list[tuple[list[Given], int]]:
    """Captures whose latest time is known, as the sets that `_shares` finds while it reads; with the latest before."""
    sets: list[tuple[list[Given], int]] = []
    latest = NEVER
    for given in captures:
        if not sets or not continues(given[0], latest):
            sets.append(([], latest))
        sets[-1][0].append(given)
        latest = max(latest, given[0].latest)
    return sets


def _shares(
    left: deque[Given],
    run: Run,
    parsers: Parsers,
    rules: Any,
    progress: Callable[[Progress], None] | None,
    stopped: Callable[[], bool],
    buffers: Buffers,
) -> Iterator[Share]:
    """The shares of captures, read one set after the other."""
    latest = NEVER
    while left and not stopped():
        share = read_set(left, run, parsers, rules, progress, stopped, latest, buffers=buffers)
        latest = share.latest
        yield share


def read_set(
    left: deque[Given],
    run: Run,
    parsers: Parsers,
    rules: Any,
    progress: Callable[[Progress], None] | None,
    stopped: Callable[[], bool],
    latest: int,
    analysing: Analysing | None = None,
    buffers: Buffers | None = None,
) -> Share:
    """Read the first of these captures and those that continue it, which are taken away; write their rows to the run.

    Messages and flows count up from the number of the first capture. `latest` is the last time of any capture before.
    `analysing` makes what is done with the batches, where that is another thing than `Analysis`. `buffers`: memory for
    the rows, where some is ready.
    """
    from sentinel.store.run import NUMBER_BITS

    rules.begin()
    reading = Reading(parsers, left[0][1]["capture"] << NUMBER_BITS, buffers)
    reading.latest = latest
    analysis = (analysing or Analysis)(parsers, reading.engine.rows.texts, run, rules)
    analysis.tables.buffers = reading.buffers
    worker = Worker(analysis)
    rows: list[dict[str, Any]] = []
    while left and not stopped() and (not rows or continues(left[0][0], reading.latest)):
        rows.append(_read_one(*left.popleft(), reading, analysis, worker, progress, stopped))
    for batch in reading.finish():
        worker.put(batch)
    worker.close()
    engine = reading.engine
    analysis.learn(arp_facts(engine.arps.items()))
    limits = Limits.of(engine, rules)
    return Share(
        rows, analysis.totals, limits, analysis.facts, rules.book, analysis.stats, analysis.pairs, reading.latest,
        list(engine.defects),
    )  # fmt: skip


def make_rules(paths: Sequence[Path] | None) -> Any:
    """The rule engine with the shipped rules, or those of `paths` beside them."""
    from sentinel.rules.engine import Engine as RuleEngine
    from sentinel.rules.load import RuleSet, shipped

    ruleset = RuleSet.load(None if not paths else [shipped(), *paths])
    for problem in ruleset.problems:
        _log.warning("%s", problem)
    return RuleEngine(ruleset)


def _read_one(
    one: Input,
    row: dict[str, Any],
    reading: Reading,
    analysis: Analysis,
    worker: Worker,
    progress: Callable[[Progress], None] | None,
    stopped: Callable[[], bool],
) -> dict[str, Any]:
    """Read one capture to its end; returns its final row of `captures`."""
    hashing: files.Hashing | None = None
    if isinstance(one.path, Path):
        source = files.open_capture(one.path)
        stream, compression, position = source.stream, source.compression, source.position
    else:
        stream, compression, hashing = files.open_stdin()
        position = lambda: 0 if hashing is None else hashing.size  # noqa: E731
    engine = reading.engine

    def turn() -> bool:
        if progress is not None:
            total = one.size if isinstance(one.path, Path) else None
            sent = reading.next_message - reading.base + engine.rows.messages.n
            progress(Progress(one.name, position(), total, engine.frames, sent, analysis.alerts))
        return stopped()

    expanded = files.Hashing(stream) if compression and not one.content_sha256 else None
    reader: CaptureReader | None = None
    for piece in reading.read(expanded or stream, row["capture"], turn):
        if isinstance(piece, CaptureReader):
            reader = piece
        else:
            worker.put(piece)
    assert reader is not None
    if reader.fault:
        engine.note_capture(reader.fault, reader.fault_detail, reader.fault_offset)
        for batch in reading.take():
            worker.put(batch)
    final = capture_row(one, row, engine, reader, compression, stopped())
    if expanded is not None:
        final["content_sha256"] = "" if stopped() else _rest_of(expanded)
    if hashing is not None:
        hashing.close()
        final["sha256"], final["bytes"] = hashing.hexdigest(), hashing.size
        if expanded is None:
            final["content_sha256"] = final["sha256"]
    stream.close()
    analysis.totals.add_capture(engine)
    return final


def _rest_of(expanded: files.Hashing) -> str:
    """SHA-256 of an expanded capture, to its end behind what was read of it; empty where that cannot be expanded."""
    try:
        expanded.close()
    except OSError:
        return ""
    return expanded.hexdigest()


def _finish(
    opened: Case,
    case: Path,
    inputs: list[Input],
    run: Run,
    whole: Share,
    stopped: bool,
) -> dict[str, Any]:
    """Commit the run and make its summary."""
    from sentinel.inventory import assets

    rows, facts = whole.captures, list(whole.facts.values())
    devices = assets.build(whole.pairs, facts, whole.stats) if whole.pairs is not None else []
    alerts = whole.book.rows()
    for name, frame, trace in whole.defects:
        _log.error("parser %s failed at frame %d:\n%s", name, frame, trace)
    names = Counter(alert["name"] for alert in alerts)
    summary = summary_of(whole.totals, whole.limits, facts, devices, names)
    summary |= {
        "captures": [capture_summary(one, rows) for one in inputs],
        "case": str(case),
        "interrupted": stopped,
    }
    commit = run.interrupt if stopped else run.finish
    commit(rows, facts, devices, alerts, summary)
    return summary


def dissect(path: Path | str, *, limit: int | None = None) -> Iterator[dict[str, pl.DataFrame]]:
    """The tables of one capture, batch by batch, without a case; ends after the batch that reaches `limit` messages.

    Raises InputError where the file is no capture, FaultyCapture after the last batch where it ended in a fault.
    """
    from sentinel.errors import FaultyCapture

    parsers = load_parsers()
    reading = Reading(parsers, 0)
    analysis = Analysis(parsers, reading.engine.rows.texts, None, None)
    reader: CaptureReader | None = None
    stream = files.open_stdin()[0] if path == files.STDIN else files.open_stream(Path(path))
    sent = 0

    def enough() -> bool:
        return limit is not None and reading.next_message + reading.engine.rows.messages.n >= limit

    with stream:
        for piece in reading.read(stream, 1, enough):
            if isinstance(piece, CaptureReader):
                reader = piece
                continue
            sent += len(piece.messages)
            yield analysis.frames(piece)
            piece.before = None
    for batch in reading.finish():
        yield analysis.frames(batch)
    assert reader is not None
    if reader.fault:
        if reader.frame == 0:
            raise no_capture(path, reader)
        raise FaultyCapture("{path}: {fault}", path=path, fault=fault_sentence(reader))
