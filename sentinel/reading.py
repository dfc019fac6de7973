"""Captures to batches: the core is fed a turn at a time, and gives out its rows as soon as they make a batch.

What becomes of a batch is `sentinel/analysis.py`; in which order captures are read is `sentinel/pipeline.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sentinel.identify import Identifier
from sentinel.plugins import Parsers
from sentinel.wire.buffers import Buffers
from sentinel.wire.capture import CaptureReader
from sentinel.wire.dissect import BATCH_FLOWS, BATCH_MESSAGES, BATCH_POINTS, Engine

if TYPE_CHECKING:
    from sentinel.pairing import Batch

FRAMES_A_TURN = 2_000
"""Frames that the core reads before it looks at the stop signal and at what its rows weigh."""
BATCH_BYTES = 20 << 20
"""Bytes of rows that make a batch, where the core has not found it full: protocols differ in what a row takes."""
NEVER = -(1 << 63)
"""Before every time stamp."""


class Reading:
    """Captures to batches: one engine, its pairing, and the numbers of what it writes."""

    def __init__(self, parsers: Parsers, base: int, buffers: Buffers | None = None):
        from sentinel.pairing import Pairing

        self.parsers = parsers
        self.engine = Engine(parsers.protocols, Identifier(parsers.protocols))
        self.buffers = Buffers() if buffers is None else buffers
        rows = self.engine.rows
        for block in (rows.messages, rows.items, rows.points, *rows.extras.values()):
            block.buffers = self.buffers
        self.pairing = Pairing()
        self.next_message = base
        self.base = base
        self.started = False
        self.latest = NEVER
        self.batch_bytes = BATCH_BYTES

    def read(self, source: Any, capture: int, stop: Callable[[], bool]) -> Iterator[Batch | CaptureReader]:
        """Batches of one capture as they are complete; its reader is the last thing given out."""
        engine = self.engine
        reader = CaptureReader(source)
        self.start(capture)
        while engine.read(reader, FRAMES_A_TURN):
            if engine.full() or self.weight() >= self.batch_bytes:
                yield from self.take()
            if stop():
                break
        self.latest = max(self.latest, engine.latest_time)
        yield from self.take()
        yield reader

    def start(self, capture: int) -> None:
        """The frames that come now are those of this capture, from 1."""
        self.engine.begin(capture, -1 if self.started else self.base)
        self.started = True
        self.capture = capture

    def small_batches(self, times: int) -> None:
        """Let batches be so many times smaller than usual from now on."""
        self.batch_bytes = BATCH_BYTES // times
        self.engine.batch_messages = BATCH_MESSAGES // times
        self.engine.batch_flows = BATCH_FLOWS // times
        self.engine.batch_points = BATCH_POINTS // times

    def weight(self) -> int:
        """Bytes of the rows that wait for a batch."""
        rows = self.engine.rows
        blocks = (rows.messages, rows.items, rows.points, *rows.extras.values())
        return sum(block.weight() for block in blocks) + rows.heap_n

    def finish(self) -> Iterator[Batch]:
        """The end: every flow that is still open, every batch that is still held."""
        while not self.engine.finish():
            yield from self.take()
        yield from self.take()
        yield from self.pairing.finish()

    def take(self) -> Iterator[Batch]:
        """Take the rows that are there as a batch; gives out those that are complete now."""
        batch = self.cut()
        if batch is not None:
            yield from self.pairing.add(batch)

    def cut(self) -> Batch | None:
        """The rows that are there as a batch that was not paired; None where there are none."""
        from sentinel.pairing import Batch

        engine, rows = self.engine, self.engine.rows
        if not (rows.messages.n or engine.flow_rows.n or rows.faults.n or rows.facts):
            return None
        batch = Batch(
            capture=self.capture,
            first=self.next_message,
            messages=rows.messages.take(),
            items=rows.items.take(),
            points=rows.points.take(),
            faults=rows.faults.take(),
            flows=engine.flow_rows.take(),
            idents=engine.idents.take(),
            heap=rows.heap_bytes[: rows.heap_n].copy(),
            extras={index: block.take() for index, block in rows.extras.items() if block.n},
            facts=rows.facts,
            frame=engine.frames,
            flow=engine.flow_number,
        )
        if not len(batch.messages):
            self.buffers.forget()  # flows fill the batches: memory that was made ready for messages would lie idle
        self.next_message += len(batch.messages)
        engine.next_batch()
        return batch
