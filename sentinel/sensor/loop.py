"""The capturing thread: ports -> bytes -> segment and core -> batches -> the analysis thread.

What the ports deliver is one stream of pcapng, written to a segment and read by the core from the same memory. The
loop knows how many frames it wrote and lets the core read exactly so many, so nothing ever waits for bytes. A batch is
cut after GATHER seconds, whatever is in it; while the analysis is behind, it grows instead, and while it is full the
loop waits, the kernel's ring fills, and what no longer fits is dropped there and counted.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel import memory
from sentinel.errors import OutputError
from sentinel.reading import FRAMES_A_TURN, Reading
from sentinel.sensor.analysis import MAX_WAITING, LiveAnalysis, Seen
from sentinel.sensor.config import GIB, MIB, Config
from sentinel.sensor.health import Health, Moment
from sentinel.sensor.order import Order
from sentinel.sensor.outlets import Outlets
from sentinel.sensor.relief import (
    BATCHES,
    COUNTS,
    EVICTED_AT_ONCE,
    FEW_FLOWS,
    FEW_PAIRS,
    FLOWS,
    FREE,
    RUN,
    SAID,
    SMALL,
    VALUES,
    Relief,
    Short,
)
from sentinel.sensor.segments import COMPRESSED, Kept, Segment, compressed, surplus
from sentinel.sensor.snapshots import MOST_FLOWS, Snapshot, Snapshots
from sentinel.sensor.upkeep import Orders, Upkeep
from sentinel.sources import live
from sentinel.sources.streams import is_stream
from sentinel.store.retention import State
from sentinel.summary import Input, Limits, arp_facts, capture_row
from sentinel.version import VERSION
from sentinel.wire.buffers import KEPT
from sentinel.wire.capture import CaptureReader
from sentinel.wire.flows import MAX_FLOWS
from sentinel.wire.ring import Drained

if TYPE_CHECKING:
    from sentinel.rules.load import RuleSet
    from sentinel.store.case import Case

GATHER = 0.2
"""Seconds of traffic that become one batch: with the kernel's own 60 ms the largest part of the latency of an alert."""
ROOM = 8 << 20
"""Bytes that are taken from the rings at once."""
END_SECONDS = 10.0
"""For so long what waits in the rings is taken at the end, where more comes all the time."""
BUSY = 2
"""Calls waiting for the analysis from which on a batch grows instead of being cut."""
_log = logging.getLogger(__name__)


class Feed:
    """What the core reads: the bytes that were put in, as they came."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()

    def put(self, data: bytes) -> None:
        """More bytes; whole blocks."""
        self._parts.append(data)

    def read(self, n: int = -1, /) -> bytes:
        """The next bytes, however many; empty where none are there, which the core takes for the end."""
        return self._parts.popleft() if self._parts else b""


class Sensor(Upkeep):
    """Listens at ports until it is told to stop."""

    def __init__(
        self,
        config: Config,
        case: Case,
        ports: Sequence[live.Opened],
        reading: Reading,
        analysis: LiveAnalysis,
        first: dict[str, Any],
        health: Health,
        orders: Orders,
        again: Callable[[], tuple[Config, RuleSet]],
        outlets: Outlets,
    ):
        """`first`: row of the first capture. `again` reads configuration and rules once more, raising as at start."""
        self.config = config
        self.orders = orders
        self.ports = ports
        self._case = case
        self._reading = reading
        self._engine = reading.engine
        self._analysis = analysis
        self._health = health
        self._folder = self._where()
        self._out = bytearray(ROOM)
        self._order = Order() if len(ports) > 1 else None
        self._came = 0.0
        self._header = live.header(ports, f"Sentinel {VERSION}")
        self._snapshots = Snapshots(case.path)
        self._drops = [0] * len(ports)
        self._number = first["capture"]
        self._first = first
        self._run_began = time.monotonic()
        self._compressor: threading.Thread | None = None
        self._kept: list[tuple[int, Kept]] = []
        self._deleted = 0
        self._own_clock = not any(is_stream(port.name) for port in ports)
        self._arps = 0
        self._again = again
        self._outlets = outlets
        self._level = 0
        self._new_run = False
        self._relief = Relief(config.life.memory_mib * MIB or memory.allowed())

    def _where(self) -> Path | None:
        """The folder of the segments, as the configuration wants it now; None where nothing is to be recorded."""
        record = self.config.record
        if not record.enabled:
            return None
        return (Path(record.folder) if record.folder else self._case.path / "segments").absolute()

    # -- the loop -------------------------------------------------------------------------------------------------

    def run(self, ready: Callable[[], None] = lambda: None, alive: Callable[[], None] = lambda: None) -> None:
        """Capture until `orders.stop`; `ready` is called when the ports are listened to, `alive` every second.

        Raises what goes wrong with the disk or the case; what was captured until the last checkpoint is kept.
        """
        self._begin_segment(self._first)
        self._analysis.note(dict(self._row))
        self._analysis.checkpoint()  # before the first frame: what follows is then part of a run that can be finished
        self._analysis.start()
        self._analysis.call(self._outlets.start)
        ready()
        try:
            self._listen(alive)
        except BaseException:
            self._analysis.abandon()
            self._outlets.close(0)
            raise
        self._end()

    def _listen(self, alive: Callable[[], None]) -> None:
        now = time.monotonic()
        next_cut, next_second = now + GATHER, now + 1
        while not self.orders.stop:
            if live.wait(self.ports, max(0.0, min(next_cut, next_second) - time.monotonic())):
                self._gather()
            now = time.monotonic()
            if self._order and now - self._came > GATHER:
                self._take(*self._order.rest())
            if now >= next_cut:
                next_cut = now + GATHER
                if self._analysis.waiting() < BUSY:
                    self._cut()
            if now >= next_second:
                next_second = now + 1
                self._second(now)
                alive()
                if all(port.over for port in self.ports):
                    return

    def _gather(self) -> bool:
        """Take what waits at the ports, in turns, until nothing waits, or for a while: whether something still does."""
        waiting, until = True, time.monotonic() + GATHER
        while waiting and not self.orders.stop and time.monotonic() < until:
            waiting = False
            done = Drained()
            for port in self.ports:
                waiting = port.drain(memoryview(self._out), done) or waiting
            if done.frames:
                self._came = time.monotonic()
                data, frames = bytes(memoryview(self._out)[: done.at]), done.frames
                if self._order is not None:
                    data, frames = self._order.put(data)
                if frames:
                    self._take(data, frames)
            else:
                for port in self.ports:
                    port.clear_error()
            if self._segment_is_full():
                self._next_segment()
        return waiting

    def _take(self, data: bytes, frames: int) -> None:
        """Record whole packet blocks, and let the core read them."""
        self._record(data)
        self._feed.put(data)
        engine = self._engine
        end = engine.frames + frames
        while engine.frames < end:
            engine.read(self._reader, min(FRAMES_A_TURN, end - engine.frames))
            if engine.full() or self._reading.weight() >= self._reading.batch_bytes or self._must_look():
                self._cut()

    def _must_look(self) -> bool:
        """Whether memory is short and nobody has looked yet: not even a batch more is read before."""
        return not self._relief.in_force(BATCHES) and self._relief.short()

    def _cut(self) -> None:
        self._evict()
        batch = self._reading.cut()
        if batch is not None:
            self._analysis.call(self._analysis.take, batch)
            if self._relief.in_force(BATCHES):
                self._wait()
            self._relieve(time.monotonic())

    # -- segments and runs ------------------------------------------------------------------------------------------

    def _begin_segment(self, row: dict[str, Any]) -> None:
        self._row = row
        try:
            self._segment = Segment(self._folder, row["capture"], self._header)
        except OutputError as error:
            self._segment = Segment(None, row["capture"], self._header)
            self._refused(error)
        if self._segment.path is not None:
            row["path"] = str(self._segment.path)
        self._feed = Feed()
        self._feed.put(self._header)
        self._reader = CaptureReader(self._feed)
        reading, engine = self._reading, self._engine
        reading.start(row["capture"])
        if self._segment.path is not None:
            names = [protocol.name for protocol in reading.parsers.protocols]
            flows = engine.table.state(MOST_FLOWS)
            snapshot = Snapshot(reading.next_message, engine.flow_number, names, flows)
            self._analysis.call(self._keep, row["capture"], snapshot)
        self._lost_before = [port.statistics().dropped for port in self.ports]
        self._counted_before = [(port.counters.frames, port.counters.bytes) for port in self.ports]

    def _keep(self, capture: int, snapshot: Snapshot) -> None:
        self._snapshots.keep(capture, snapshot, self._analysis.needed)

    def _record(self, data: bytes) -> None:
        """Write to the segment. Where the disk refuses, the analysis goes on, and the next segment tries again."""
        try:
            self._segment.write(data)
        except OutputError as error:
            self._refused(error)

    def _refused(self, error: OutputError) -> None:
        _log.error("%s", error)
        self._segment.give_up()
        self._row["path"] = self.new_row(0, self.ports)["path"]
        self._health.unrecorded += 1

    def _segment_is_full(self) -> bool:
        record = self.config.record
        age = time.monotonic() - self._segment.began
        return self._new_run or self._segment.bytes >= record.max_mib * MIB or age >= record.max_minutes * 60

    def _relieve(self, now: float) -> None:
        """Where the process takes more memory than it may, take the next steps of `sentinel.sensor.relief`."""
        for step in self._relief.steps(now):
            _log.warning("the process takes %d MiB: %s", memory.held() // MIB, SAID[step][0])
            if step == RUN:
                self._new_run = True
            elif step == BATCHES:
                self._wait()
            memory.give_back()
        if self._relief.level != self._level:
            self._level = self._relief.level
            self._reading.buffers.keep(0 if self._relief.in_force(FREE) else KEPT)
            (memory.spare if self._relief.in_force(FREE) else memory.keep)()
            self._reading.small_batches(SMALL if self._relief.in_force(BATCHES) else 1)
            self._analysis.inventory_part = FEW_PAIRS if self._relief.in_force(COUNTS) else 1
            self._analysis.keep_values = not self._relief.in_force(VALUES)
            self._engine.table.limit = FEW_FLOWS if self._relief.in_force(FLOWS) else MAX_FLOWS

    def _evict(self) -> None:
        """Let flows go that are more than may be followed, some with each batch."""
        table = self._engine.table
        for _ in range(min(EVICTED_AT_ONCE, table.count - table.limit)):
            table.evict()

    def _wait(self) -> None:
        """Read nothing more until the analysis has done what was read."""
        done = threading.Event()
        self._analysis.call(done.set)
        while not done.wait(GATHER):
            self._analysis.check()

    def _end_segment(self) -> None:
        self._cut()
        for port, lost, (frames, octets) in zip(self.ports, self._lost_before, self._counted_before, strict=True):
            now = port.statistics()
            since = replace(now, frames=now.frames - frames, bytes=now.bytes - octets, dropped=now.dropped - lost)
            self._record(live.statistics_block(port, counters=since))
        try:
            kept = self._segment.end()
        except OutputError as error:
            kept = None
            self._refused(error)
        row = self._capture_row("complete")
        if kept is not None:
            row |= {"sha256": kept.sha256, "content_sha256": kept.content_sha256, "bytes": kept.bytes}
        self._analysis.call(self._analysis.ended, row, self._seen())
        if kept is not None and self.config.record.compress:
            self._compress(row["capture"], kept)

    def _next_segment(self, new_run: bool = False) -> None:
        """End the segment and begin another; of a run that is old enough, or takes too much, the run as well."""
        self._end_segment()
        folder = self._where()
        moved, self._folder = folder != self._folder, folder
        new_run = new_run or self._new_run or time.monotonic() - self._run_began >= self.config.store.run_hours * 3600
        self._number = self._following(new_run)
        row = self.new_row(self._number, self.ports)
        if new_run:
            self._run_began = time.monotonic()
            self._new_run = False
            self._tell_arp()
            self._analysis.call(self._analysis.open, self._engine.open_flows())
            rows = self._engine.rows
            rows.forget()
            self._engine.arps.clear()
            self._arps = 0
            self._begin_segment(row)
            self._analysis.call(self._analysis.next_run, dict(row), rows.texts)
        else:
            self._begin_segment(row)
            self._analysis.call(self._analysis.began, dict(row))
        if moved:  # whoever finishes a killed run looks where the case says
            self._analysis.call(self._analysis.checkpoint)
            self._wait()
        self._thin_out()

    def _following(self, new_run: bool) -> int:
        """The number of the next capture; `new_run`: it begins a run."""
        return self._number + 1

    @staticmethod
    def new_row(capture: int, ports: Sequence[live.Opened]) -> dict[str, Any]:
        """The row of a capture that begins."""
        return {
            "capture": capture,
            "sha256": "",
            "content_sha256": "",
            "path": "live:" + ",".join(port.name for port in ports),
            "state": "live",
            "bytes": 0,
            "format": "pcapng",
            "frames": 0,
            "detail": json.dumps({"sensor": {"began": time.time_ns()}}),
        }

    def _capture_row(self, state: str) -> dict[str, Any]:
        """The row of the segment as it stands."""
        one = Input(self._row["path"], size=self._segment.bytes)
        row = capture_row(one, self._row, self._engine, self._reader, "", False)
        dropped = sum(port.counters.dropped for port in self.ports) - sum(self._lost_before)
        sensor = json.loads(self._row["detail"])["sensor"] | self._health.detail(self._segment.path is not None)
        detail = json.loads(row["detail"]) | {"sensor": sensor}
        return row | {
            "state": state,
            "format": "pcapng",
            "dropped": dropped,
            "detail": json.dumps(detail, ensure_ascii=False),
        }

    def _seen(self) -> Seen:
        engine = self._engine
        return Seen(engine.frames, engine.bytes, engine.duplicates, dict(engine.unread))

    def _compress(self, capture: int, kept: Kept) -> None:
        """Compress a segment in a thread; one at a time, and none while frames are about to be lost."""
        behind = self._analysis.waiting() >= MAX_WAITING - 1 and not self.orders.stop
        if behind or (self._compressor is not None and self._compressor.is_alive()):
            return

        def work() -> None:
            try:
                self._kept.append((capture, compressed(kept)))
            except Exception as error:  # the plain file stays, which is all that is needed
                _log.warning("%s", error)

        self._compressor = threading.Thread(target=work, name="compress", daemon=True)
        self._compressor.start()

    def _after_compressing(self) -> None:
        while self._kept:
            capture, kept = self._kept.pop(0)
            changes = {"path": str(kept.path), "sha256": kept.sha256, "bytes": kept.bytes, "format": "pcapng+zstd"}
            self._analysis.call(self._analysis.amended, capture, changes)
            plain = kept.path.with_name(kept.path.name.removesuffix(COMPRESSED) + ".pcapng")
            self._analysis.call(plain.unlink, True)

    def _thin_out(self) -> None:
        """Delete the oldest segments where they take more room than they may."""
        if self._folder is None:
            return
        keep = [self._segment.path] if self._segment.path is not None else []
        for path in surplus(self._folder, int(self.config.record.disk_gib * GIB), keep):
            path.unlink(missing_ok=True)
            self._deleted += 1

    # -- every second -----------------------------------------------------------------------------------------------

    def _second(self, now: float) -> None:
        """Look after oneself: counters, health, what signals asked for."""
        self._analysis.check()
        self._after_compressing()
        thinning = self._analysis.thinning
        if thinning is not None and thinning.run_is_large:
            thinning.run_is_large = False
            self._new_run = True
        self._relieve(now)
        if self._segment_is_full() or self._where() != self._folder:
            self._next_segment()
        self._reload_if_asked()
        row = self._capture_row("live")
        flows = self._engine.open_flows() if self._health.wants_flows(now) else None
        one_sided = self._health.flows(flows) if flows is not None else None
        self._analysis.call(self._analysis.progress, row, self._seen(), Limits.of(self._engine, self._analysis.rules))
        if flows is not None:
            self._analysis.call(self._analysis.open, flows)
        self._tell_arp()
        moment = Moment(
            now=now,
            time_ns=time.time_ns(),
            ports=[(port.name, replace(port.statistics())) for port in self.ports],
            latest_frame_ns=self._engine.latest_time if self._own_clock else time.time_ns(),
            frame=(self._row["capture"], self._engine.frames),
            waiting=self._analysis.waiting(),
            deepest=self._analysis.deepest,
            most=MAX_WAITING,
            latency=replace(self._analysis.latency),
            open_flows=self._engine.table.count,
            evicted=self._engine.table.evictions,
            segment=str(self._segment.path or ""),
            deleted_segments=self._deleted,
            outlets=self._outlets.look(now),
            room=thinning.state if thinning is not None else State(),
            room_gib=self.config.disk.case_gib,
            short=Short(self._relief.cap, self._relief.level, dict(self._relief.taken), self._analysis.values_dropped),
        )
        self._judge(moment, one_sided)

    def _tell_arp(self) -> None:
        """Hand on what ARP said since the last time."""
        said = list(islice(self._engine.arps.items(), self._arps, None))
        if said:
            self._arps += len(said)
            self._analysis.call(self._analysis.learn, arp_facts(said))

    def _end(self) -> None:
        """The end in good order: what waits in the rings, open flows, the case."""
        self.orders.stop = False
        until = time.monotonic() + END_SECONDS
        while self._gather() and time.monotonic() < until:
            continue
        if self._order:
            self._take(*self._order.rest())
        self.orders.stop = True
        engine = self._engine
        while not engine.finish():
            self._cut()
        self._cut()
        self._tell_arp()
        self._analysis.call(self._analysis.open, engine.open_flows())
        self._end_segment()
        if self._compressor is not None:
            self._compressor.join()
        self._analysis.check()
        self._after_compressing()
        self._analysis.call(self._analysis.finish)
        self._analysis.close()
        self._outlets.close()
