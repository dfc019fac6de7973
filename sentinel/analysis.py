"""Complete batches to tables, the case, the inventory and the rules, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

from sentinel.plugins import Parsers
from sentinel.shares import MAX_INVENTORY_FLOWS, fact_key
from sentinel.summary import Totals

if TYPE_CHECKING:
    import polars as pl

    from sentinel.columns import Columns
    from sentinel.pairing import Batch
    from sentinel.store.run import Run


class Analysis:
    """What happens with complete batches: tables, rules, inventory, case. Runs in a thread of its own."""

    def __init__(self, parsers: Parsers, texts: list[str], run: Run | None, rules: Any):
        from sentinel.tables import Tables

        self.parsers = parsers
        self.tables = Tables(parsers.protocols, texts)
        self.run = run
        self.rules = rules
        self.totals = Totals()
        self.facts: dict[tuple, dict[str, Any]] = {}
        self.stats: Any = None
        self.pairs: Any = None
        self.alerts = 0

    def frames(self, batch: Batch) -> dict[str, pl.DataFrame]:
        """The tables of a batch, by name; `ext/<protocol>` for the protocols' own columns."""
        from sentinel.tables import fact_frame

        sides = self.tables.sides(batch)
        frames = {
            "messages": self.tables.messages(batch, sides),
            "items": self.tables.items(batch),
            "points": self.tables.points(batch),
            "flows": self.tables.flows(batch),
            "faults": self.tables.faults(batch),
        }
        rows = self.tables.facts(batch, sides)
        if rows:
            frames["facts"] = fact_frame(rows)
            self.learn(rows)
        for protocol in self.parsers.protocols:
            extension = self.tables.extension(batch, protocol)
            if extension is not None:
                frames[f"ext/{protocol.name}"] = extension
        return frames

    def learn(self, facts: list[dict[str, Any]]) -> None:
        """Keep each fact once, as it was first said."""
        for fact in facts:
            self.facts.setdefault(fact_key(fact), fact)

    def take(self, batch: Batch) -> None:
        """Everything that becomes of one batch."""
        frames = self.frames(batch)
        self.totals.add(frames)
        self.store(frames)
        tables = self.for_rules(frames)
        if self.rules is not None:
            self.judge(tables)
            self.alerts = len(self.rules.book)
        self.inventory(tables["messages"], frames["flows"])
        # nothing asks for the requests of the batch before any more: without this, each batch would keep all others
        batch.before = None

    def judge(self, tables: dict[str, Columns]) -> None:
        """Ask the rules."""
        self.rules.batch(tables)

    def store(self, frames: dict[str, pl.DataFrame]) -> None:
        """Write the tables of a batch to the case, where there is one."""
        if self.run is None:
            return
        for name in ("messages", "items", "points", "flows", "faults"):
            if frames[name].height:
                self.run.write(name, frames[name])
        for name, frame in frames.items():
            if name.startswith("ext/"):
                self.run.write_ext(name[4:], frame)

    def for_rules(self, frames: dict[str, pl.DataFrame]) -> dict[str, Columns]:
        """The tables with the protocols' own columns beside those of the messages, as far as any rule asks for them."""
        from sentinel.columns import Columns
        from sentinel.tables import beside

        messages = frames["messages"]
        for protocol, columns in self.rules.own_columns.items() if self.rules is not None else ():
            if f"ext/{protocol}" in frames:
                messages = beside(messages, frames[f"ext/{protocol}"], protocol, columns)
        tables = {k: v for k, v in frames.items() if not k.startswith("ext/")}
        return {name: Columns(frame) for name, frame in {**tables, "messages": messages}.items()}

    def inventory(self, messages: Columns, flows: pl.DataFrame, part: int = 1) -> None:
        """Keep what the inventory will be made from, bounded; one `part` of what is kept otherwise."""
        from sentinel.inventory import assets

        self.stats = assets.accumulate(self.stats, messages, assets.MAX_GROUPS // part)
        self.pairs = assets.accumulate_flows(self.pairs, flows, MAX_INVENTORY_FLOWS // part)


class Worker:
    """Feeds batches to an Analysis in a thread; an exception there surfaces at the next `put` or at `close`.

    No batch waits in between: `put` returns when the one before is done, for the core is a batch ahead by then anyway.
    """

    def __init__(self, analysis: Analysis):
        self._analysis = analysis
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name="tables", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hand over a batch; waits while the thread is at work. Raises what went wrong with an earlier one."""
        self._idle.acquire()
        if self._error is not None:
            self._idle.release()
            raise self._error
        self._queue.put(batch)

    def close(self) -> None:
        """Wait until every batch is done. Raises what went wrong."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _loop(self) -> None:
        while (batch := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._analysis.take(batch)
                except BaseException as error:  # handed to the thread that owns the analysis
                    self._error = error
            del batch  # it would be kept until the next one comes
            self._idle.release()
