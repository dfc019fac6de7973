"""The loop between a case and one receiver: take what is offered, send it, mark it done; wait where it cannot be sent.

Rows of a table go out in the order in which the case has them, and are marked done only after the receiver answered,
so a program or a receiver that is killed at any moment loses nothing. What a receiver would not take is kept with the
reason. A receiver that cannot take anything is left alone for a while, longer each time, and the case is the spool.

    courier = Courier(case, "syslog+tls://siem:6514", follow=True)     # checks the URI, no network yet
    courier.start(); ...; courier.stop(); courier.join()
"""

from __future__ import annotations

import json
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sentinel.errors import Sentence, SentinelError, SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable, open_sink, parse
from sentinel.sinks.documents import SEVERITIES, Document, Writer
from sentinel.store import tables
from sentinel.store.case import Case
from sentinel.store.outbox import OFFERED, Counts, Offer, Outbox

ORDER = ("alerts", "assets", "facts", "faults", "flows", "messages", "items", "points")
"""What is urgent is offered first; each table once a turn, so none waits for the end of another."""
POLL = 0.5
"""Seconds between two looks into a case that has nothing new."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds that a receiver is left alone for after its first failure, and at most (unless it asks for more)."""
COUNT_SECONDS = 5.0
"""Seconds after which one that follows counts anew what became of the rows, and at most a twentieth of its time."""
LONGEST_ASKED = 600.0
"""No receiver is left alone for longer than so many seconds, whatever it asks for."""

_RATE = re.compile(r"(\d{1,9})/(s|m|h|d)")
_WINDOW = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a receiver wants of a case: the options that every URI may have."""

    tables: tuple[str, ...]
    severity: str
    rate: int
    window: int
    refresh: float | None

    @classmethod
    def of(cls, target: Target, sink: type[Sink] | Sink) -> Wishes:
        """The wishes in a URI; SinkError where one makes no sense."""
        tables_ = target.words("tables", OFFERED, sink.TABLES)
        severity = target.choice("severity", tuple(SEVERITIES), "informational")
        rate, window = 0, 0
        if text := target.text("rate"):
            match = _RATE.fullmatch(text)
            if match is None or int(match[1]) == 0:
                raise SinkError(
                    "{uri}: rate={value} is no rate; write so many per s, m, h or d, as in 100/m.", uri=target.name,
                    value=text,
                )  # fmt: skip
            rate, window = int(match[1]), _WINDOW[match[2]]
        refresh = sink.REFRESH
        if target.text("refresh"):
            refresh = float(target.seconds("refresh", 0, 0, 30 * 86400))
        return cls(tuple(t for t in ORDER if t in tables_), severity, rate, window, refresh)

    def wants(self, document: Document) -> bool:
        """Whether an alert is severe enough; other rows have no severity."""
        if document.table != "alerts":
            return True
        return SEVERITIES.get(document.row["severity"], 100) >= SEVERITIES[self.severity]


class Backoff:
    """How long to leave a receiver alone: doubling, with jitter so that many senders do not return at one moment."""

    def __init__(self, chance: Callable[[], float] = random.random):
        self._chance = chance
        self.failures = 0

    def wait(self, asked: float | None = None) -> float:
        """Seconds to wait after one more failure; at least what the receiver asked for, within reason."""
        limit = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.failures, 16))
        self.failures += 1
        return max(limit * (0.5 + 0.5 * self._chance()), min(asked or 0.0, LONGEST_ASKED))

    def reset(self) -> None:
        """The receiver took something."""
        self.failures = 0


class Delivery:
    """One receiver of one open case, one turn at a time; `Courier` is the loop around it."""

    def __init__(
        self,
        case: Case,
        outbox: Outbox,
        sink: Sink,
        wishes: Wishes,
        observer: str,
        patient: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`patient`: whether there is a later at which a sink may want documents rather than now (`Sink.due`)."""
        self._case = case
        self._outbox = outbox
        self._sink = sink
        self._wishes = wishes
        self._clock = clock
        self._patient = patient
        self._captures: dict[int, tuple[str, str]] = {}
        self._writer = Writer(observer, self._hash_of, self._name_of)
        self._expected: frozenset[str] | None = None
        self.refused = 0
        """Documents that the receiver would not take from this delivery."""
        outbox.want(wishes.tables)
        self._window_began = clock()
        self._admitted = 0

    def turn(self) -> bool:
        """Offer each table's next rows; whether there were any. Raises what the sink raises, and CaseError.

        What the receiver cannot take of one table alone is raised when the others had their turn.
        """
        moved = False
        failed: Unavailable | None = None
        if self._patient and self._sink.due() > 0:
            return False
        for table in self._wishes.tables:
            offer = self._outbox.offer(table, self._sink.BATCH)
            if offer is None:
                continue
            try:
                self._deal_with(offer)
                moved = True
            except Unavailable as error:
                if not error.of_table:
                    error.progressed |= moved
                    raise
                failed = failed or error
                failed.progressed |= error.progressed
        if failed is not None:
            failed.progressed |= moved
            raise failed
        if self._wishes.rate and self._clock() - self._window_began >= self._wishes.window:
            self.summarise()
        return moved

    def summarise(self) -> None:
        """Tell what was held back since the last summary, if anything was."""
        held = self._outbox.held()
        if held:
            self._sent([self._writer.summary(held)])
            self._outbox.summarised(held)
        self._window_began, self._admitted = self._clock(), 0

    def counts(self) -> dict[str, Counts]:
        """What became of the rows of the tables that the receiver wants."""
        return self._outbox.counts()

    def hasten(self) -> None:
        """There is no later: offer at once what changed in passing."""
        self._outbox.hasten()

    def note(self, problem: Sentence | None) -> None:
        """Keep why nothing goes out, for whoever asks from another process."""
        self._outbox.note(problem)

    def _deal_with(self, offer: Offer) -> None:
        if offer.table == "messages":
            self._announce(offer)
        documents = self._writer.documents(offer)
        wanted = [document for document in documents if self._wishes.wants(document)]
        room = self._room()
        now, over = (wanted, []) if room is None else (wanted[:room], wanted[room:])
        sent = self._sent(now) if now else Sent(0)
        # counted only now: what the receiver did not get is offered again and must not have used up the rate
        self._admitted += len(now)
        self.refused += len(sent.refused)
        self._outbox.done(
            offer, sent.refused, len(documents) - len(wanted), [(_what(d), d.row.get("severity", "")) for d in over]
        )

    def _sent(self, documents: Sequence[Document]) -> Sent:
        sent = self._sink.send(documents)
        if sent.accepted + len(sent.refused) != len(documents):
            raise ValueError(f"{self._sink}: {sent} does not account for {len(documents)} documents")
        return sent

    def _room(self) -> int | None:
        """Documents that the rate still allows in this window; None where there is no limit."""
        if not self._wishes.rate:
            return None
        if self._clock() - self._window_began >= self._wishes.window:
            self.summarise()
        return max(0, self._wishes.rate - self._admitted)

    def _announce(self, offer: Offer) -> None:
        """Tell writer and sink which columns of protocols will come, once for each set of them."""
        names = frozenset(name for name in offer.rows[0] if "." in name)
        if names == self._expected:
            return
        found: dict[str, dict[str, str]] = {}
        for protocol in sorted({name.split(".", 1)[0] for name in names}):
            columns = self._case.scan(f"ext/{protocol}").collect_schema()
            found[protocol] = {name: tables.type_name(type_) for name, type_ in columns.items() if name != "message"}
        self._writer.expect(found)
        self._sink.expect(found)
        self._expected = names

    def _hash_of(self, capture: int) -> str:
        """SHA-256 of a capture; path and time where there is none, or none yet (a live port)."""
        return self._capture(capture)[0]

    def _name_of(self, capture: int) -> str:
        """What tells a capture from others, from its first row on.

        That of a sensor has a hash when its segment ends, another one when that was compressed, and perhaps none at
        all; a row that is offered twice meanwhile must not become two documents. When it began stays.
        """
        return self._capture(capture)[1]

    def _capture(self, number: int) -> tuple[str, str]:
        if number not in self._captures:
            for row in self._case.captures().iter_rows(named=True):
                cited = row["sha256"] or f"{row['path']} {row['first_time']}"
                sensor = json.loads(row["detail"] or "{}").get("sensor")
                began = row["first_time"] if sensor is None else sensor.get("began", row["first_time"])
                grew = row["state"] == "live" or sensor is not None
                self._captures[row["capture"]] = cited, f"live {began}" if grew else cited
        return self._captures.get(number, (f"capture {number}",) * 2)


@dataclass(frozen=True, slots=True)
class State:
    """How a delivery stands, for whoever shows it.

    `problem`: why nothing goes out, after so many `failures` in a row; the next try comes `waiting` seconds after the
    last. `success`: when the receiver last took something, in seconds by the steady clock; None before it did. `counts`
    are those of some seconds ago while it follows, and final when it has ended.
    """

    receiver: str
    problem: Sentence | None = None
    failures: int = 0
    waiting: float = 0.0
    refused: int = 0
    remark: Sentence | None = None
    success: float | None = None
    counts: dict[str, Counts] | None = None


class Courier(threading.Thread):
    """Delivers one case to one receiver, in a thread of its own, with a case and places of its own.

    Making one checks the URI (SinkError) and touches no network. `follow`: go on when everything was sent, through
    every failure, until `stop`. Otherwise it ends when everything was sent, when `patience` seconds went by without
    any success, or with an error that another try cannot mend; `state` then says how far it came.
    """

    def __init__(
        self,
        case: Path,
        uri: str,
        follow: bool = False,
        patience: float = 60.0,
        observer: str = "",
        places: Path | None = None,
    ):
        target = parse(uri)
        self._sink = open_sink_of(target)
        self._wishes = Wishes.of(target, self._sink)
        self._receiver = target.receiver
        target.finish()
        super().__init__(name=f"courier-{target.scheme}", daemon=True)
        self._folder = case
        self._follow = follow
        self._patience = patience
        self._observer = observer or socket.gethostname()
        self._places = places
        self._stop_asked = threading.Event()
        self._next_count = 0.0
        self.state = State(target.receiver)
        self.error: SentinelError | None = None
        """Why it gave up before everything was sent; None while it runs, and where everything was."""

    def stop(self) -> None:
        """Let it end after what it is sending now."""
        self._stop_asked.set()

    def finish(self) -> None:
        """Follow no longer: let it end when everything was sent, as one that never followed does."""
        self._follow = False

    def run(self) -> None:
        """The loop. Whatever goes wrong ends up in `error`, the log, or both."""
        try:
            self._deliver()
        except SentinelError as error:
            self.error = error
            _log.info("%s: %s", self._receiver, error)
        except Exception as error:
            _log.exception("%s: delivery ended", self._receiver)
            self.error = SinkError("{uri}: {why}.", uri=self._receiver, why=f"{type(error).__name__}: {error}")
        finally:
            self._sink.close()

    def _deliver(self) -> None:
        with (
            Case.open(self._folder, "read") as case,
            Outbox(case, self._receiver, self._places, self._wishes.refresh) as outbox,
        ):
            delivery = Delivery(case, outbox, self._sink, self._wishes, self._observer, self._follow)
            try:
                self._loop(delivery)
            except SentinelError as error:
                self._note(delivery, error)
                raise
            finally:
                self.state = replace(self.state, waiting=0.0, refused=delivery.refused, counts=delivery.counts())

    def _loop(self, delivery: Delivery) -> None:
        backoff = Backoff()
        success = time.monotonic()
        well = False
        while not self._stop_asked.is_set():
            follow = self._follow  # of before the turn: what came during it would be left behind
            if not follow:
                delivery.hasten()
            try:
                moved = delivery.turn()
                if not moved and not follow:
                    delivery.summarise()
                    return
                if moved and not well:
                    delivery.note(None)
                    _log.info("%s: takes documents", self._receiver)
                    well = True
            except Unavailable as error:
                if error.progressed:
                    success = time.monotonic()
                    backoff.reset()
                    self.state = replace(self.state, success=success)
                elif not follow and time.monotonic() - success >= self._patience:
                    raise
                well = False
                self._wait(delivery, backoff, error, error.retry_after)
                continue
            except SentinelError as error:
                if not follow:
                    raise
                well = False
                self._wait(delivery, backoff, error, None)
                continue
            except Exception as error:
                if not follow:
                    raise
                well = False
                _log.exception("%s: one turn failed", self._receiver)
                what = f"{type(error).__name__}: {error}"
                self._wait(delivery, backoff, SinkError("{uri}: {why}.", uri=self._receiver, why=what), None)
                continue
            success = time.monotonic()
            backoff.reset()
            self.state = replace(
                self.state, problem=None, failures=0, waiting=0.0, refused=delivery.refused, remark=self._sink.remark,
                success=success if moved else self.state.success,
            )  # fmt: skip
            self._count(delivery)
            if not moved:
                self._stop_asked.wait(POLL)
        try:
            delivery.summarise()
        except SentinelError as error:
            _log.info("%s: no summary at the end: %s", self._receiver, error)

    def _wait(self, delivery: Delivery, backoff: Backoff, error: SentinelError, asked: float | None) -> None:
        seconds = backoff.wait(asked)
        if backoff.failures == 1:
            _log.info("%s", error)
            self._note(delivery, error)
        self.state = replace(
            self.state, problem=error.sentence, failures=backoff.failures, waiting=seconds, refused=delivery.refused
        )
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stop_asked.wait(min(left, COUNT_SECONDS)):
            self._count(delivery)

    def _count(self, delivery: Delivery) -> None:
        """Count what became of the rows, where somebody looks on and it is due."""
        began = time.monotonic()
        if not self._follow or began < self._next_count:
            return
        try:
            self.state = replace(self.state, counts=delivery.counts())
        except SentinelError as error:  # what stands in the way of the next turn as well, and is told there
            _log.debug("%s: %s", self._receiver, error)
        now = time.monotonic()
        self._next_count = now + max(COUNT_SECONDS, 20 * (now - began))

    def _note(self, delivery: Delivery, error: SentinelError) -> None:
        """Keep why nothing goes out, if that can be kept."""
        try:
            delivery.note(error.sentence)
        except SentinelError as full:  # it is the disk that is full
            _log.info("%s: %s", self._receiver, full)


def open_sink_of(target: Target) -> Sink:
    """The sink of a URI, all of whose options are known; nothing is sent yet."""
    for name in ("name", "tables", "severity", "rate", "refresh"):
        target.text(name)
    return open_sink(target)


def _what(document: Document) -> str:
    """What kind of thing a held document is: the rule of an alert, else its table."""
    return document.row["name"] if document.table == "alerts" else document.table
