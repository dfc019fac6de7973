"""One of several processes that share the ports by flow: a sensor whose analysis is elsewhere.

It captures, records and reads as a sensor does; its rows go to the process with the case (`crew.py`). What it counts
stands in memory that both see, so a worker that is killed takes none of its counters along.
"""

from __future__ import annotations

import mmap
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any

import numpy as np

from sentinel import memory
from sentinel.errors import SentinelError
from sentinel.pairing import Batch
from sentinel.plugins import Parsers
from sentinel.reading import Reading
from sentinel.sensor._parcels import Parcel, receive, send
from sentinel.sensor.analysis import MAX_WAITING, Latency, Seen
from sentinel.sensor.config import Config, Record
from sentinel.sensor.health import Event, Moment
from sentinel.sensor.loop import Sensor
from sentinel.sensor.snapshots import Snapshot
from sentinel.sensor.turns import segments_of
from sentinel.sensor.upkeep import Orders
from sentinel.sources.live import Counters, Opened, Port
from sentinel.summary import Limits
from sentinel.wire.ring import Drained

NEVER_HOURS = 1e9
COUNTED = 5
"""Counters of a port that are shared: frames, bytes, dropped, freezes, damaged."""
SHARED = COUNTED + 2
"""Behind them, how far its ring was read when they were counted (`Port.read`)."""
BATCH_ARRAYS = ("messages", "items", "points", "faults", "flows", "idents", "heap")
WAIT = 0.002
"""Seconds between two looks whether the other process has taken something."""


class Cells:
    """Numbers that two processes see: how many messages were taken, and the counters of each port."""

    def __init__(self, ports: int):
        self._numbers = np.frombuffer(mmap.mmap(-1, 8 * (1 + SHARED * ports)), np.int64)

    @property
    def taken(self) -> int:
        """Messages of this worker that were dealt with."""
        return int(self._numbers[0])

    @taken.setter
    def taken(self, n: int) -> None:
        self._numbers[0] = n

    def counters(self, port: int) -> Counters:
        """Those of one port, of all workers that ever had this place."""
        return Counters(*self._of(port)[:COUNTED].tolist())

    def read(self, port: int) -> tuple[int, int]:
        """How far the ring of a port was read when its counters were shown."""
        sequence, packets = self._of(port)[COUNTED:].tolist()
        return sequence, packets

    def count(self, port: int, counters: Counters, read: tuple[int, int] = (0, 0)) -> None:
        """Show the counters of a port, and how far its ring was read: both at once, for a kill may come between."""
        self._of(port)[:] = (*astuple(counters)[:COUNTED], *read)

    def _of(self, port: int) -> np.ndarray:
        at = 1 + SHARED * port
        return self._numbers[at : at + SHARED]


class Counted:
    """A port that goes on counting where the worker before it ended."""

    def __init__(self, port: Opened, place: int, cells: Cells):
        self._port = port
        self._place = place
        self._cells = cells
        self.name, self.number, self.link = port.name, port.number, port.link
        port.counters = cells.counters(place)
        self._ring = port if isinstance(port, Port) else None
        if self._ring is not None:
            self._ring.resume(cells.read(place))
            self._ring.counted = self._show

    @property
    def counters(self) -> Counters:
        """The port's own."""
        return self._port.counters

    @property
    def over(self) -> bool:
        """Whether nothing can come any more."""
        return self._port.over

    def fileno(self) -> int:
        """For select and poll."""
        return self._port.fileno()

    def drain(self, out: memoryview, done: Drained, max_blocks: int = 1 << 30) -> bool:
        """As the port does."""
        left = self._port.drain(out, done, max_blocks)
        if self._ring is None:
            self._show()
        return left

    def statistics(self) -> Counters:
        """As the port does; what the kernel told is shown at once, for it tells it once."""
        counters = self._port.statistics()
        self._show()
        return counters

    def _show(self) -> None:
        self._cells.count(self._place, self._port.counters, self._ring.read if self._ring is not None else (0, 0))

    def clear_error(self) -> int:
        """As the port does."""
        return self._port.clear_error()


class _NoRules:
    """Rules are asked elsewhere."""

    counters: dict[str, int] = {}


class Remote:
    """Stands for the analysis in a worker: each call is a message. At most MAX_WAITING wait to be dealt with."""

    rules = _NoRules()
    thinning = None

    def __init__(self, out: socket.socket, cells: Cells, reading: Reading):
        self.latency = Latency()
        self.deepest = 0
        self.timing: Any = None
        self.values_dropped = 0
        self._out = out
        self._cells = cells
        self._reading = reading
        self._sent = cells.taken
        self._texts = reading.engine.rows.texts
        self._told = 1
        self._orders: list[Parcel] = []

    # -- what the sensor's loop asks for ----------------------------------------------------------------------------

    def start(self) -> None:
        """Nothing is to be begun."""

    def checkpoint(self) -> None:
        """They are made elsewhere."""

    def close(self) -> None:
        """Wait until everything was dealt with."""
        while self.waiting():
            time.sleep(WAIT)

    def abandon(self) -> None:
        """Nothing is to be ended."""

    def check(self) -> None:
        """Errors of the analysis end the other process, and this one with it."""

    def waiting(self) -> int:
        """Messages that wait."""
        return self._sent - self._cells.taken

    def call(self, step: Callable[..., None], *values: Any) -> None:
        """Send a message, or do at its turn what is none."""
        own = getattr(step, "__self__", None) is self
        while self.waiting() >= (MAX_WAITING if own else 1):
            time.sleep(WAIT)
        step(*values)
        self.deepest = max(self.deepest, self.waiting())

    def orders(self) -> list[Parcel]:
        """What the other process has asked for meanwhile."""
        while select.select([self._out], [], [], 0)[0]:
            self._orders.append(self._next())
        found, self._orders = self._orders, []
        return found

    def number(self, new_run: bool) -> int:
        """A number for the next capture; waits for it, at the turn of a run for all other workers."""
        self._send("number", {"new_run": new_run}, counts=False)
        while True:
            parcel = self._next()
            if parcel.name == "number":
                return parcel.values["number"]
            self._orders.append(parcel)

    def _next(self) -> Parcel:
        parcel = receive(self._out)
        if parcel is None:
            raise SentinelError("the process with the case is gone")
        return parcel

    def _send(
        self, name: str, values: dict[str, Any], arrays: dict[str, np.ndarray] | None = None, counts: bool = True
    ) -> None:
        engine = self._reading.engine
        send(self._out, name, {**values, "of": engine.capture, "at": engine.frames}, arrays)
        self._sent += counts

    # -- messages -----------------------------------------------------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """Rows, with the texts that are new in the dictionary."""
        arrays = {name: getattr(batch, name) for name in BATCH_ARRAYS}
        arrays |= {f"extra-{index}": cells for index, cells in batch.extras.items()}
        values = {"capture": batch.capture, "facts": batch.facts, "texts": self._new_texts()}
        values |= {"frame": batch.frame, "flow": batch.flow}
        self._send("take", values, arrays)

    def _new_texts(self) -> list[str]:
        new = self._texts[self._told :]
        self._told = len(self._texts)
        return new

    def open(self, flows: np.ndarray) -> None:
        """Cells of the flows that are open."""
        self._send("open", {"texts": self._new_texts()}, {"flows": flows})

    def note(self, row: dict[str, Any]) -> None:
        """The row of a capture as it is."""
        self._send("note", {"row": row})

    began = note

    def progress(self, row: dict[str, Any], seen: Seen, limits: Limits) -> None:
        """How far the segment is."""
        self._send("progress", {"row": row, "seen": _plain(seen), "limits": asdict(limits)})

    def ended(self, row: dict[str, Any], seen: Seen) -> None:
        """A segment ended."""
        self._send("ended", {"row": row, "seen": _plain(seen)})

    def learn(self, facts: list[dict[str, Any]]) -> None:
        """Facts that came from no message."""
        self._send("learn", {"facts": facts})

    def amended(self, capture: int, changes: dict[str, Any]) -> None:
        """A segment was compressed."""
        self._send("amended", {"capture": capture, "changes": changes})

    def next_run(self, row: dict[str, Any], texts: list[str]) -> None:
        """The first message of a new run."""
        self._texts, self._told = texts, 1
        self._send("next_run", {"row": row})

    def finish(self) -> None:
        """The last message."""
        self._send("finish", {})

    def moment(self, moment: Moment, unrecorded: int) -> None:
        """How the worker does, once a second."""
        values = {
            "latest": moment.latest_frame_ns, "open_flows": moment.open_flows, "evicted": moment.evicted,
            "segment": moment.segment, "deleted": moment.deleted_segments, "unrecorded": unrecorded,
            "memory": memory.held(), "cpu": time.process_time(), "pid": os.getpid(),
        }  # fmt: skip
        self._send("moment", values, counts=False)


class _Health:
    """Stands for the sensor's health in a worker: what it sees is judged elsewhere, together with that of all."""

    def __init__(self, remote: Remote, flows_every: float):
        self._remote = remote
        self._every = flows_every
        self._next = 0.0
        self.limits: Any = None
        self.unrecorded = 0
        self.status: dict[str, Any] = {}

    def wants_flows(self, now: float) -> bool:
        """Whether it is time to tell of the open flows."""
        if now < self._next:
            return False
        self._next = now + self._every
        return True

    def flows(self, cells: np.ndarray) -> Event | None:
        """Judged elsewhere."""
        return None

    def look(self, moment: Moment, flows: Event | None = None) -> None:
        """Hand on what was seen."""
        self._remote.moment(moment, self.unrecorded)

    def detail(self, kept: bool) -> dict[str, Any]:
        """What only the worker knows; the rest is filled in elsewhere."""
        return {"frames_kept": kept}


class _NoOutlets:
    """Receivers are served elsewhere."""

    def start(self) -> None:
        """Nothing is to be begun."""

    def look(self, now: float) -> list[Any]:
        """None."""
        return []

    def close(self, seconds: float = 0.0) -> None:
        """Nothing is to be ended."""


class _Folder:
    """The case, as far as a worker knows it."""

    def __init__(self, path: Path):
        self.path = path


class Worker(Sensor):
    """A sensor that asks for its numbers, and ends runs when it is told to."""

    _analysis: Any

    def _following(self, new_run: bool) -> int:
        return self._analysis.number(new_run)

    def _next_segment(self, new_run: bool = False) -> None:
        if new_run:  # what belongs to the old run goes before the number is asked for
            self._tell_arp()
            self._analysis.call(self._analysis.open, self._engine.open_flows())
        super()._next_segment(new_run)

    def _relieve(self, now: float) -> None:
        """Memory is looked after by the other process, of all together."""

    def _must_look(self) -> bool:
        return False

    def _keep(self, capture: int, snapshot: Snapshot) -> None:
        self._snapshots.keep(capture, snapshot, needed=0)  # the other process knows which are not needed any more

    def look_at_orders(self) -> None:
        """Do what the other process asks for."""
        for parcel in self._analysis.orders():
            if parcel.name == "stop":
                self.orders.stop = True
            elif parcel.name == "run":
                self._next_segment(new_run=True)
            elif parcel.name == "record":
                self.config = replace(self.config, record=Record(**parcel.values))


def own_config(config: Config, folder: Path, slot: int, workers: int) -> Config:
    """The configuration of one worker: segments in a folder of its own, runs and memory are looked after elsewhere."""
    record = replace(
        config.record, folder=str(segments_of(config.record, folder) / f"worker-{slot}"),
        disk_gib=config.record.disk_gib / workers,
    )  # fmt: skip
    store = replace(config.store, run_hours=NEVER_HOURS)
    return replace(config, record=record, store=store, life=replace(config.life, memory_mib=0))


def work(
    config: Config,
    folder: Path,
    parsers: Parsers,
    ports: Sequence[Opened],
    cells: Cells,
    out: socket.socket,
    order: dict[str, Any],
) -> None:
    """What a worker process does, until it is told to stop.

    `order`: its first `row`, where its flows begin, and how it is to `record`.
    """
    config = replace(config, record=Record(**order["record"]))
    counted = [Counted(port, place, cells) for place, port in enumerate(ports)]
    reading = Reading(parsers, order["base"])
    remote = Remote(out, cells, reading)
    health = _Health(remote, config.store.inventory_seconds)
    sensor = Worker(
        config, _Folder(folder), counted, reading, remote, order["row"], health, Orders(), _never, _NoOutlets()  # type: ignore[arg-type]
    )  # fmt: skip
    sensor.run(alive=sensor.look_at_orders)


def _never() -> Any:
    raise SentinelError("a worker reads no configuration")


def _plain(seen: Seen) -> dict[str, Any]:
    return {"frames": seen.frames, "bytes": seen.bytes, "duplicates": seen.duplicates, "unread": dict(seen.unread)}
