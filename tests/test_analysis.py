"""What becomes of complete batches: nothing of them is kept, and an error in their thread surfaces."""

from __future__ import annotations

import gc
import io
import weakref

import battery
import frames as f
import pytest
from modbus_samples import exchange

from sentinel import reading as reading_module
from sentinel.analysis import Analysis, Worker
from sentinel.reading import Reading
from sentinel.wire import dissect as core


def batches(count: int) -> tuple[list, list[str]]:
    """The batches of a conversation, and the texts that they name."""
    reading = Reading(battery.shipped(), 0)
    found = list(reading.read(io.BytesIO(f.pcap(exchange(count).records)), 1, lambda: False))
    return [*(piece for piece in found if hasattr(piece, "messages")), *reading.finish()], reading.engine.rows.texts


def test_an_error_in_the_thread_surfaces_at_the_next_batch_or_at_the_end(monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("in the other thread")

    monkeypatch.setattr(Analysis, "take", fail)
    (batch, *_), texts = batches(2)
    for last in (Worker.close, lambda worker: worker.put(batch)):
        worker = Worker(Analysis(battery.shipped(), texts, None, None))
        worker.put(batch)
        with pytest.raises(RuntimeError, match="in the other thread"):
            last(worker)


def test_without_a_case_and_rules_the_tables_are_counted() -> None:
    found, texts = batches(5)
    analysis = Analysis(battery.shipped(), texts, None, None)
    worker = Worker(analysis)
    for batch in found:
        worker.put(batch)
    worker.close()
    assert analysis.totals.messages == {"modbus": 10} and analysis.totals.flows == 1
    assert analysis.pairs is not None and analysis.pairs["client"].len() == 1
    assert analysis.alerts == 0


def test_of_equal_facts_the_first_is_kept() -> None:
    analysis = Analysis(battery.shipped(), [""], None, None)
    fact = {"device": "10.0.0.1", "unit": None, "kind": "model", "value": "CPU", "source": "s7comm"}
    analysis.learn([{**fact, "frame": 3}, {**fact, "frame": 9}, {**fact, "value": "CP", "frame": 9}])
    assert [kept["frame"] for kept in analysis.facts.values()] == [3, 9]


def test_batches_are_let_go(monkeypatch, request) -> None:
    """Memory is flat: no batch keeps those before it."""
    monkeypatch.setattr(reading_module, "FRAMES_A_TURN", 4)
    monkeypatch.setattr(core, "BATCH_MESSAGES", 4)
    reading = Reading(battery.shipped(), 0)
    analysis = Analysis(battery.shipped(), reading.engine.rows.texts, None, None)
    analysis.inventory = lambda *_: None  # type: ignore[method-assign]
    alive: list = []
    gc.freeze()  # what other tests have left is not searched for garbage after each batch
    request.addfinalizer(gc.unfreeze)
    for piece in reading.read(io.BytesIO(f.pcap(exchange(60).records)), 1, lambda: False):
        if hasattr(piece, "messages"):
            alive.append(weakref.ref(piece.messages))
            analysis.take(piece)
            del piece
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 3
    assert len(alive) > 20
