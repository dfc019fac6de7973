"""Several workers, one case: their rows come here, to the one analysis that a sensor has.

Each worker captures, records and reads its part of the ports' pairs of addresses (`worker.py`). What they send is put
together as if one core had read it: the tables, alerts that need several flows, the inventory and the case are those
of a sensor without workers. A worker that dies is replaced; what it had read and not told of is counted as lost.
"""

from __future__ import annotations

import json
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentinel import memory
from sentinel.errors import SentinelError
from sentinel.pairing import Batch
from sentinel.sensor._nursery import Nursery
from sentinel.sensor._parcels import Parcel, receive, send
from sentinel.sensor._unify import Unifier
from sentinel.sensor.analysis import MAX_WAITING, LiveAnalysis, Seen
from sentinel.sensor.config import MIB, Config
from sentinel.sensor.health import Health, Moment
from sentinel.sensor.loop import Sensor
from sentinel.sensor.outlets import Outlets
from sentinel.sensor.relief import AGAIN_SECONDS, Short, mark
from sentinel.sensor.segments import found_again
from sentinel.sensor.snapshots import Snapshots
from sentinel.sensor.turns import GONE, Turns
from sentinel.sensor.upkeep import Orders, Upkeep
from sentinel.sensor.worker import Cells, own_config
from sentinel.sources.live import Counters, Opened
from sentinel.store.retention import State
from sentinel.summary import Limits
from sentinel.wire.layout import (
    D_WIDTH,
    F_WIDTH,
    I_WIDTH,
    L_WIDTH,
    M_WIDTH,
    P_WIDTH,
)

if TYPE_CHECKING:
    from sentinel.rules.load import RuleSet

FLOWS_BITS = 30
"""Flows of a worker are numbered in a range of so many bits; every replacement has a range of its own."""
MAX_STARTS = 1 << 9
"""Ranges that there are in a run's numbers."""
REPLACE_SECONDS = 1.0
"""Until a worker that ended is replaced."""
END_SECONDS = 60.0
WAIT_SECONDS = 0.2
"""Between two looks whether something went wrong, while one waits."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Worker:
    """One place in the crew, and the process that fills it now; `socket` is None while there is none."""

    slot: int
    cells: Cells
    socket: socket.socket | None = None
    row: dict[str, Any] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    limits: Limits = field(default_factory=Limits)
    flows: np.ndarray = field(default_factory=lambda: np.zeros((0, L_WIDTH), np.int64))
    fresh: bool = False
    """Whether it has told of its open flows in this run."""
    moment: dict[str, Any] = field(default_factory=dict)
    told: int = 0
    """Frames of its segment that it has told of, by whatever message."""
    ended: int = 0
    """Its last segment that is over."""
    handed: int = 0
    """The same of the segments before, of all processes that had this place."""
    lost: int = 0
    starts: int = 0
    ended_at: float = 0.0
    done: bool = False
    asked: bool = False
    """It has ended its part of the run and waits for a number in the next one."""
    turning: bool = False
    """It has that number, and has not begun with it."""


class Crew(Upkeep):
    """The process with the case: workers' rows in, everything else as in a sensor without workers."""

    def __init__(
        self,
        config: Config,
        ports: Sequence[Opened],
        cells: Sequence[Cells],
        nursery: Nursery,
        unifier: Unifier,
        analysis: LiveAnalysis,
        turns: Turns,
        base: int,
        health: Health,
        orders: Orders,
        again: Callable[[], tuple[Config, RuleSet]],
        outlets: Outlets,
    ):
        """`ports`: those of the first worker, for their names. `cells`: of each worker. `base`: the run's first
        number.
        """
        self.config = config
        self._record = config.record
        self.orders = orders
        self.ports = ports
        self._workers = [_Worker(slot, one) for slot, one in enumerate(cells)]
        self._nursery = nursery
        self._analysis = analysis
        self._turns = turns
        self._snapshots = Snapshots(analysis.case.path)
        self._unifier = unifier
        self._health = health
        self._again = again
        self._outlets = outlets
        self._base = base
        self._message = base
        self._number = analysis.run.captures[0]["capture"] - 1
        self._run_began = time.monotonic()
        self._relieved = float("-inf")
        self._turn = False
        self._starts = 0

    # -- the loop -------------------------------------------------------------------------------------------------

    def run(self, ready: Callable[[], None] = lambda: None, alive: Callable[[], None] = lambda: None) -> None:
        """As a sensor's."""
        self._analysis.start()
        self._analysis.call(self._outlets.start)
        try:
            for worker in self._workers:
                self._start(worker)
            ready()
            next_second = time.monotonic() + 1
            while not self.orders.stop:
                self._listen(max(0.0, next_second - time.monotonic()))
                if time.monotonic() >= next_second:
                    next_second = time.monotonic() + 1
                    self._second(time.monotonic())
                    alive()
            self._end(alive)
        except BaseException:
            self._analysis.abandon()
            self._outlets.close(0)
            raise

    def _listen(self, seconds: float) -> None:
        """Deal with one message of each worker that has any."""
        sockets = {one.socket: one for one in self._workers if one.socket is not None}
        ready, _, _ = select.select(list(sockets), [], [], seconds)
        for source in ready:
            worker = sockets[source]
            parcel = receive(source)
            if parcel is None:
                self._gone(worker)
            else:
                self._take(worker, parcel)

    def _take(self, worker: _Worker, parcel: Parcel) -> None:
        """Deal with a message."""
        if parcel.values["of"] != worker.ended:
            worker.told = parcel.values["at"]
        if parcel.name == "number":
            worker.asked = parcel.values["new_run"]
            if worker.asked:
                self._look_at_turn()
            else:
                self._answer(worker)
            return
        if parcel.name == "moment":
            worker.moment = parcel.values
            return
        if not (worker.turning and parcel.name in ("open", "learn")):  # of the old run, said before already
            getattr(self, f"_on_{parcel.name}")(worker, parcel)
        self._analysis.call(self._taken, worker)

    @staticmethod
    def _taken(worker: _Worker) -> None:
        worker.cells.taken += 1

    # -- messages ---------------------------------------------------------------------------------------------------

    def _on_take(self, worker: _Worker, parcel: Parcel) -> None:
        self._unifier.learn(worker.slot, parcel.values["texts"])
        arrays = parcel.arrays
        extras = {int(key[6:]): cells for key, cells in arrays.items() if key.startswith("extra-")}
        facts = [tuple(fact) for fact in parcel.values["facts"]]
        batch = Batch(
            capture=parcel.values["capture"],
            first=self._message,
            messages=arrays["messages"],
            items=arrays["items"],
            points=arrays["points"],
            faults=arrays["faults"],
            flows=arrays["flows"],
            idents=arrays["idents"],
            heap=arrays["heap"],
            extras=extras,
            facts=facts,
            frame=parcel.values["frame"],
            flow=parcel.values["flow"],
        )
        self._unifier.batch(worker.slot, batch)
        self._message += len(batch.messages)
        self._analysis.call(self._analysis.take, batch)

    def _on_open(self, worker: _Worker, parcel: Parcel) -> None:
        self._unifier.learn(worker.slot, parcel.values["texts"])
        worker.flows, worker.fresh = parcel.arrays["flows"].copy(order="K"), True
        self._unifier.flows(worker.slot, worker.flows)
        if all(one.fresh for one in self._workers if one.socket is not None):
            self._analysis.call(self._analysis.open, self._open_flows())

    def _on_note(self, worker: _Worker, parcel: Parcel) -> None:
        worker.row = parcel.values["row"]
        self._analysis.call(self._analysis.note, self._row(worker))

    def _on_progress(self, worker: _Worker, parcel: Parcel) -> None:
        worker.row = parcel.values["row"]
        worker.seen = Seen(**parcel.values["seen"])
        worker.limits = Limits(**parcel.values["limits"])
        limits = Limits()
        for one in self._workers:
            limits.join(one.limits)
        counters = self._analysis.rules.counters
        limits.rules = {name: n for name, n in counters.items() if name not in ("batches", "rows", "matches")}
        self._analysis.call(self._analysis.progress, self._row(worker), worker.seen, limits)

    def _on_ended(self, worker: _Worker, parcel: Parcel) -> None:
        worker.row = parcel.values["row"]
        self._ended(worker, Seen(**parcel.values["seen"]))

    def _ended(self, worker: _Worker, seen: Seen) -> None:
        self._analysis.call(self._analysis.ended, self._row(worker), seen)
        worker.ended = worker.row["capture"]
        worker.handed += worker.told
        worker.told = 0
        worker.seen = Seen()

    def _on_learn(self, worker: _Worker, parcel: Parcel) -> None:
        self._analysis.call(self._analysis.learn, parcel.values["facts"])

    def _on_amended(self, worker: _Worker, parcel: Parcel) -> None:
        self._analysis.call(self._analysis.amended, parcel.values["capture"], parcel.values["changes"])

    def _on_next_run(self, worker: _Worker, parcel: Parcel) -> None:
        worker.turning = False
        worker.row = parcel.values["row"]
        self._unifier.forget(worker.slot)

    def _on_finish(self, worker: _Worker, parcel: Parcel) -> None:
        worker.done = True

    def _row(self, worker: _Worker) -> dict[str, Any]:
        """The row of a worker's segment, with what is known here only."""
        detail = json.loads(worker.row["detail"])
        sensor = detail.get("sensor", {})
        if "frames_kept" in sensor:
            sensor |= self._health.detail(sensor["frames_kept"])
        detail["sensor"] = sensor | {"worker": worker.slot}
        return {**worker.row, "detail": json.dumps(detail, ensure_ascii=False)}

    def _open_flows(self) -> np.ndarray:
        return np.asfortranarray(np.concatenate([one.flows for one in self._workers]))

    # -- numbers, runs ------------------------------------------------------------------------------------------------

    def _new_row(self, worker: _Worker) -> dict[str, Any]:
        self._number += 1
        row = Sensor.new_row(self._number, self.ports)
        sensor = json.loads(row["detail"])["sensor"] | {"worker": worker.slot}
        return {**row, "detail": json.dumps({"sensor": sensor})}

    def _forget(self) -> None:
        """Let go of the snapshots that no finishing of this run needs any more."""
        self._snapshots.forget(self._analysis.needed)

    def _answer(self, worker: _Worker) -> None:
        """The number of the worker's next segment in this run."""
        row = self._new_row(worker)
        self._analysis.call(self._analysis.began, row)
        self._analysis.call(self._forget)
        self._tell(worker, "number", {"number": row["capture"]})

    def _look_at_turn(self) -> None:
        """Begin the next run when every worker has ended the last one."""
        at_work = [one for one in self._workers if one.socket is not None]
        if not self._turn or not at_work or not all(one.asked for one in at_work):
            return
        self._turn = False
        self._run_began = time.monotonic()
        self._unifier.begin()
        rows = [self._new_row(one) for one in at_work]
        self._analysis.call(self._analysis.next_run, rows[0], self._unifier.texts)
        for row in rows[1:]:
            self._analysis.call(self._analysis.began, row)
        self._analysis.call(self._forget)
        for worker, row in zip(at_work, rows, strict=True):
            worker.asked, worker.turning = False, True
            worker.flows, worker.fresh = worker.flows[:0], False  # they name texts of the old dictionary
            self._tell(worker, "number", {"number": row["capture"]})

    def _begin_turn(self) -> None:
        """Let all workers end their part of the run."""
        self._turn = True
        for worker in self._workers:
            self._tell(worker, "run", {})

    def _tell(self, worker: _Worker, name: str, values: dict[str, Any]) -> None:
        """Send an order; a worker that is gone is noticed when it is listened to."""
        if worker.socket is not None:
            try:
                send(worker.socket, name, values)
            except OSError as error:
                _log.warning("worker %d: %s", worker.slot, error)

    # -- processes ----------------------------------------------------------------------------------------------------

    def _start(self, worker: _Worker) -> None:
        """A process for this place."""
        if self._starts >= MAX_STARTS:
            raise SentinelError("workers were replaced {n} times; something is wrong with them", n=MAX_STARTS)
        row = self._new_row(worker)
        if self._number > self._analysis.run.captures[0]["capture"]:
            self._analysis.call(self._analysis.began, row)
        else:
            self._analysis.call(self._analysis.note, row)
        self._turns.flow = self._base + (self._starts + 1 << FLOWS_BITS)
        self._checkpoint()  # before the first frame: what follows is then part of a run that can be finished
        worker.row, worker.told, worker.done, worker.asked, worker.turning = row, 0, False, False, False
        worker.flows, worker.fresh = worker.flows[:0], True
        self._unifier.forget(worker.slot)
        order = {"row": row, "base": self._base + (self._starts << FLOWS_BITS), "record": self._record_of(worker)}
        self._starts += 1
        worker.starts += 1
        worker.socket = self._nursery.start(worker.slot, order)

    def _checkpoint(self) -> None:
        """Make one, and wait for it."""
        self._analysis.call(self._analysis.checkpoint)
        told = threading.Event()
        self._analysis.call(told.set)
        while not told.wait(WAIT_SECONDS):
            self._analysis.check()

    def _record_of(self, worker: _Worker) -> dict[str, Any]:
        """How a worker is to record."""
        return asdict(own_config(self.config, self._analysis.case.path, worker.slot, len(self._workers)).record)

    def _hand_on_record(self) -> None:
        """Let the workers record as the configuration says now."""
        self._record = self.config.record
        self._turns.recorded_in(self.config.record, self._analysis.case.path)
        self._checkpoint()  # before the first segment there: whoever finishes a killed run looks where the case says
        for worker in self._workers:
            self._tell(worker, "record", self._record_of(worker))

    def _gone(self, worker: _Worker) -> None:
        """The process has ended: in good order, or it is counted what it takes along."""
        assert worker.socket is not None
        worker.socket.close()
        worker.socket = None
        worker.moment = {}
        worker.ended_at = time.monotonic()
        if worker.done:
            return
        read = sum(worker.cells.counters(place).frames for place in range(len(self.ports)))
        told, worker.told = worker.told, 0
        worker.handed += told
        lost = max(0, read - worker.handed - worker.lost)
        worker.lost += lost
        _log.error("worker %d ended and is replaced; %d frames that it had read are lost", worker.slot, lost)
        # open flows are lost with it: what it had last told of them is what is known
        last = of_flows(worker.row["capture"], self._message, worker.flows)
        worker.flows = worker.flows[:0]
        dropped = (worker.row.get("dropped") or 0) + lost
        changes: dict[str, Any] = {"state": "interrupted", "frames": told, "dropped": dropped}
        kept = found_again(Path(worker.row["path"]))
        if kept is not None:
            changes |= {"sha256": kept.sha256, "content_sha256": kept.content_sha256, "bytes": kept.bytes}
        row = self._row(worker)
        detail = json.loads(row["detail"])
        detail["sensor"] = {**detail.get("sensor", {}), "lost": lost}
        worker.row = row | changes | {"detail": json.dumps(detail, ensure_ascii=False)}
        seen, worker.seen = worker.seen, Seen()
        self._analysis.call(self._analysis.lost, last, self._open_flows(), worker.row, seen)
        self._look_at_turn()

    # -- every second -------------------------------------------------------------------------------------------------

    def _second(self, now: float) -> None:
        """As a sensor's."""
        self._analysis.check()
        for worker in self._workers:
            if worker.socket is None and now - worker.ended_at >= REPLACE_SECONDS and not self._turn:
                self._start(worker)
        self._relieve(now)
        thinning = self._analysis.thinning
        if thinning is not None and thinning.run_is_large and not self._turn:
            thinning.run_is_large = False
            self._begin_turn()
        if now - self._run_began >= self.config.store.run_hours * 3600 and not self._turn:
            self._begin_turn()
        self._reload_if_asked()
        if self.config.record != self._record:
            self._hand_on_record()
        flows = self._open_flows() if self._health.wants_flows(now) else None
        one_sided = self._health.flows(flows) if flows is not None else None
        self._judge(self._moment(now), one_sided)

    def _moment(self, now: float) -> Moment:
        """What all workers saw, as if it were one."""
        workers = self._workers
        moments = [one.moment for one in workers if one.moment]
        latest = max((moment["latest"] for moment in moments), default=0)
        self._health.unrecorded = sum(moment["unrecorded"] for moment in moments)
        first = max(workers, key=lambda one: one.told)
        return Moment(
            now=now,
            time_ns=time.time_ns(),
            ports=[(port.name, self._counters(place)) for place, port in enumerate(self.ports)],
            latest_frame_ns=latest or time.time_ns(),
            frame=(first.row["capture"], first.told),
            waiting=self._analysis.waiting(),
            deepest=self._analysis.deepest,
            most=MAX_WAITING,
            latency=self._analysis.latency,
            open_flows=sum(moment["open_flows"] for moment in moments),
            evicted=sum(moment["evicted"] for moment in moments),
            segment=", ".join(moment["segment"] for moment in moments if moment["segment"]),
            deleted_segments=sum(moment["deleted"] for moment in moments),
            outlets=self._outlets.look(now),
            room=self._analysis.thinning.state if self._analysis.thinning is not None else State(),
            room_gib=self.config.disk.case_gib,
            short=Short(self._cap()),
            workers=[self._shown(one) for one in workers],
        )

    def _counters(self, place: int) -> Counters:
        """Of one port, over all workers; what was lost with a worker counts with the first port."""
        total = Counters()
        for worker in self._workers:
            own = worker.cells.counters(place)
            lost = worker.lost if place == 0 else 0
            total.frames += own.frames - lost
            total.bytes += own.bytes
            total.dropped += own.dropped + lost
            total.freezes += own.freezes
            total.damaged += own.damaged
        return total

    def _shown(self, worker: _Worker) -> dict[str, Any]:
        """A worker in the status."""
        return {
            "worker": worker.slot,
            "pid": worker.moment.get("pid", 0) if worker.socket is not None else 0,
            "frames": sum(worker.cells.counters(place).frames for place in range(len(self.ports))),
            "dropped": sum(worker.cells.counters(place).dropped for place in range(len(self.ports))),
            "lost": worker.lost,
            "restarts": worker.starts - 1,
            "memory": worker.moment.get("memory", 0),
            "cpu_seconds": round(worker.moment.get("cpu", 0.0), 2),
        }

    def _relieve(self, now: float) -> None:
        """As a sensor's, of all processes together."""
        cap = self._cap()
        taken = memory.held() + sum(one.moment.get("memory", 0) for one in self._workers)
        if not cap or taken < mark(cap) or now - self._relieved < AGAIN_SECONDS or self._turn:
            return
        self._relieved = now
        memory.give_back()
        _log.warning("the processes take %d MiB: a new run is begun to let go of the old one's memory", taken // MIB)
        self._begin_turn()

    def _cap(self) -> int:
        """Bytes that all processes together may use; 0: there is no bound."""
        return self.config.life.memory_mib * MIB or memory.allowed()

    def _end(self, alive: Callable[[], None]) -> None:
        """The end in good order: every worker hands on what it has."""
        until = time.monotonic() + END_SECONDS
        for worker in self._workers:
            self._tell(worker, "stop", {})
        next_alive = time.monotonic()
        while any(one.socket is not None for one in self._workers) and time.monotonic() < until:
            self._listen(0.2)
            if time.monotonic() >= next_alive:
                next_alive = time.monotonic() + 1
                alive()
        self._analysis.check()
        self._analysis.call(self._analysis.open, self._open_flows())
        self._health.look(self._moment(time.monotonic()))
        self._analysis.call(self._analysis.finish)
        self._analysis.close()
        self._outlets.close()


def of_flows(capture: int, first: int, flows: np.ndarray) -> Batch:
    """A batch that holds rows of flows alone, of a worker that ended; `first`: the number of the next message."""
    messages, items, points, faults, idents = (
        np.zeros((0, width), np.int64, order="F") for width in (M_WIDTH, I_WIDTH, P_WIDTH, F_WIDTH, D_WIDTH)
    )
    heap = np.zeros(0, np.uint8)
    return Batch(capture, first, messages, items, points, faults, flows, idents, heap, {}, [], frame=GONE)
