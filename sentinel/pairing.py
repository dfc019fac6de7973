"""Answers and their requests, joined on columns, for every protocol alike.

A batch is held until the next one has been matched, or (live, where batches are small) for some seconds, so that a
request whose answer came later is still amended; a request that has no answer by then is unanswered. The loop itself
is `sentinel/wire/pair.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sentinel.model import Kind
from sentinel.wire.layout import I_MESSAGE, M_CAPTURE, M_DIRECTION, M_FLOW, M_FRAME, M_KIND, M_SHAPE, M_TIME, P_MESSAGE
from sentinel.wire.pair import ANSWERED, MISMATCH, ORPHAN, UNANSWERED, UNPAIRED, Matcher

HELD_MESSAGES = 24_000
"""Messages behind a batch after which it is not held any longer, whatever the time: as many as a full batch has."""

NAMES = {0: "", ANSWERED: "answered", ORPHAN: "orphan", MISMATCH: "mismatch", UNANSWERED: "unanswered"}


@dataclass(slots=True)
class Batch:
    """The raw cells of one batch, as sentinel/wire wrote them, and what pairing adds.

    `messages` (n, M_WIDTH), `items`, `points`, `faults`, `flows`, `idents`: int64 cells by sentinel/wire/layout.py,
    whose columns lie together; `heap`: uint8; `extras`: protocol index -> cells as `Own.take` gives them; `facts`:
    tuples as Rows.fact writes them; `first`: number of the first message; `capture`: number of the capture; `pair`,
    `result`, `latency`: one each message. `frame`, `flow`: frames of the capture that had been read by then, and the
    number of the flow that would come next.
    """

    capture: int
    first: int
    messages: np.ndarray
    items: np.ndarray
    points: np.ndarray
    faults: np.ndarray
    flows: np.ndarray
    idents: np.ndarray
    heap: np.ndarray
    extras: dict[int, np.ndarray]
    facts: list[tuple]
    frame: int = 0
    flow: int = 0
    pair: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    result: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    latency: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    asking: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    """Which messages are requests that may have an answer."""
    before: Earlier | None = None
    """The batches before, as long as answers of this one may belong to requests of them."""


@dataclass(slots=True)
class Earlier:
    """Messages and items of batches that follow each other; `first` is the number of the first message."""

    first: int
    messages: np.ndarray
    items: np.ndarray


def _together(batches: list[Batch]) -> Earlier:
    """The batches as one; their items name the messages by their place in it."""
    if len(batches) == 1:
        return Earlier(batches[0].first, batches[0].messages, batches[0].items)
    first = batches[0].first
    items = []
    for batch in batches:
        cells = batch.items.copy()
        cells[:, I_MESSAGE] += batch.first - first
        items.append(cells)
    return Earlier(first, np.concatenate([batch.messages for batch in batches]), np.concatenate(items))


def chronological(batch: Batch) -> None:
    """Put the messages in the order of their frames, where segments that waited for a missing one came late.

    Within one direction of a flow the order of the stream stays: a message that waited stands behind the one for
    which it waited, although its own frame came first.
    """
    frames = batch.messages[:, M_CAPTURE] << 40 | batch.messages[:, M_FRAME]
    if len(frames) < 2 or not (frames[1:] < frames[:-1]).any():
        return
    streams = batch.messages[:, M_FLOW] << 1 | batch.messages[:, M_DIRECTION]
    by_stream = np.argsort(streams, kind="stable")
    turns = np.flatnonzero(np.diff(streams[by_stream])) + 1
    due = np.empty_like(frames)
    for rows in np.split(by_stream, turns):
        due[rows] = np.maximum.accumulate(frames[rows])
    order = np.argsort(due, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    batch.messages = _in_order(batch.messages, order)
    for name, column in (("items", I_MESSAGE), ("points", P_MESSAGE)):
        cells = getattr(batch, name)
        cells[:, column] = place[cells[:, column]]
        setattr(batch, name, _in_order(cells, np.argsort(cells[:, column], kind="stable")))


def _in_order(cells: np.ndarray, order: np.ndarray) -> np.ndarray:
    """These rows in this order; column after column, as they lie, which row after row takes three times as long."""
    return np.take(cells.T, order, axis=1).T


class Pairing:
    """Feeds batches through the matcher; gives each out again, in order, when nothing can amend it any more.

    `hold`: ns for which a batch stays amendable behind the newest message, unless `HELD_MESSAGES` came since; at 0 each
    is held until the next one has been matched.
    """

    def __init__(self, hold: int = 0) -> None:
        self._matcher = Matcher()
        self._hold = hold
        self._held: list[Batch] = []
        """The last batches that have messages, and those without any that followed them."""

    def add(self, batch: Batch) -> list[Batch]:
        """Match a batch; returns those that are complete now."""
        if len(batch.messages) == 0:
            # nothing of it can be amended, and it amends nothing: it only keeps its place
            if self._held:
                self._held.append(batch)
                return []
            return [batch]
        frames = batch.messages[:, M_FRAME]
        if (frames[1:] < frames[:-1]).any() or batch.messages[0, M_CAPTURE] != batch.messages[-1, M_CAPTURE]:
            chronological(batch)
        kind = batch.messages[:, M_KIND]
        earlier = [held for held in self._held if len(held.messages)]
        done = self._complete(int(batch.messages[-1, M_TIME]), len(batch.messages))
        kept = next((held.first for held in self._held if len(held.messages)), batch.first)
        batch.pair, batch.result, late = self._matcher.match(batch.messages, batch.first, kept)
        batch.latency = np.zeros(len(batch.pair), np.int64)
        batch.asking = kind == Kind.REQUEST
        shaped = batch.messages[:, 0] & 1 << M_SHAPE != 0
        if shaped.any():
            batch.asking &= ~(shaped & (batch.messages[:, M_SHAPE] == UNPAIRED))
        self._held.append(batch)
        if earlier:
            batch.before = _together(earlier)
            for number, partner, result in late:
                before = next(held for held in reversed(earlier) if held.first <= number)
                row = number - before.first
                if 0 <= row < len(before.pair):
                    before.pair[row] = partner
                    before.result[row] = result
        self._latencies(batch)
        for one in done:
            self._close(one)
        return done

    def settle(self, now: int) -> list[Batch]:
        """The batches that are complete by time alone, where no further message came; `now` in ns."""
        done = self._complete(now, 0)
        for one in done:
            self._close(one)
            # an answer that comes later finds no request
            self._matcher.forget(one.first + len(one.messages))
        return done

    def finish(self) -> list[Batch]:
        """The last batches, complete."""
        done, self._held = self._held, []
        for one in done:
            self._close(one)
        return done

    def _complete(self, now: int, behind: int) -> list[Batch]:
        """Take out the batches that need not be held beside `behind` more messages at the time `now`."""
        keep = len(self._held)
        while keep > 0 and self._hold:
            batch = self._held[keep - 1]
            if len(batch.messages):
                if behind >= HELD_MESSAGES or now - int(batch.messages[-1, M_TIME]) > self._hold:
                    break
                behind += len(batch.messages)
            keep -= 1
        done = self._held if not self._hold else self._held[:keep]
        self._held = [] if not self._hold else self._held[keep:]
        return done

    def _latencies(self, batch: Batch) -> None:
        """Time from each request to its answer, on the answer's row."""
        answers = np.flatnonzero((batch.pair >= 0) & (batch.messages[:, M_KIND] != Kind.REQUEST))
        if len(answers) == 0:
            return
        partners = batch.pair[answers]
        times = batch.messages[:, M_TIME]
        here = partners >= batch.first
        asked = np.zeros(len(answers), np.int64)
        asked[here] = times[partners[here] - batch.first]
        if batch.before is not None and not here.all():
            asked[~here] = batch.before.messages[partners[~here] - batch.before.first, M_TIME]
        batch.latency[answers] = times[answers] - asked

    def _close(self, batch: Batch) -> None:
        """Requests that nothing answered are unanswered."""
        batch.result[batch.asking & (batch.pair < 0)] = UNANSWERED


def request_rows(batch: Batch, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For answers `rows`: the row of each one's request, and whether that row is in the batch before (else here).

    The row is -1 where there is no request. Shapes: (n,), (n,).
    """
    partners = batch.pair[rows]
    missing = partners < 0
    earlier = (partners < batch.first) & ~missing
    found = partners - batch.first
    if batch.before is not None:
        found[earlier] = partners[earlier] - batch.before.first
    else:
        missing = missing | earlier
        earlier = np.zeros_like(earlier)
    found[missing] = -1
    return found, earlier
