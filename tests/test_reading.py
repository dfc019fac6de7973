"""Captures as batches: bounded by their weight, and of any size the same tables."""

from __future__ import annotations

import io

import battery
import frames as f
import pytest
from modbus_samples import exchange

from sentinel import reading
from sentinel.reading import Reading
from sentinel.wire import dissect as core
from sentinel.wire.layout import M_WIDTH


def small_batches(monkeypatch, messages: int) -> None:
    """Take a batch every few messages; works on both legs, because the loop that asks is not compiled."""
    monkeypatch.setattr(reading, "FRAMES_A_TURN", messages)
    monkeypatch.setattr(core, "BATCH_MESSAGES", messages)


def test_a_batch_is_bounded_by_its_weight(monkeypatch) -> None:
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 10)
    data = f.pcap(exchange(60).records)
    whole = [len(piece.messages) for piece in batches_of(data)]
    monkeypatch.setattr(reading, "BATCH_BYTES", 20 * 8 * M_WIDTH)
    parts = [len(piece.messages) for piece in batches_of(data)]
    assert max(whole) == sum(parts) == 120 and max(parts) <= 30


def batches_of(data: bytes) -> list:
    reading = Reading(battery.shipped(), 0)
    found = list(reading.read(io.BytesIO(data), 1, lambda: False))
    return [*(piece for piece in found if hasattr(piece, "messages")), *reading.finish()]


def mixed() -> bytes:
    """Several protocols, a gap, malformed messages and reordering."""
    records = []
    for n, name in enumerate(("modbus", "dnp3", "s7comm")):
        wire = battery.wire_of(name)
        talk = battery.talk(wire, n)
        for side, data in wire.samples:
            talk.send(side, data)
        talk.lose(0, 50).send(0, b"\xff" * 9)
        for side, data in wire.opening:
            talk.send(side, data, (3,))
        records += talk.close().records
    return f.pcap(sorted(records))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_small_batches_give_the_tables_of_large_ones(monkeypatch, size) -> None:
    data = mixed()
    want = battery.see(data)
    small_batches(monkeypatch, size)
    got = battery.see(data)
    assert set(got.tables) == set(want.tables)
    # the samples stand far from their answers: more than a batch apart they are not joined
    far = size < 50
    for name in got.tables.keys() - ({"points"} if far else set()):
        one, two = got.tables[name], want.tables[name]
        if name == "messages" and far:
            one, two = (frame.drop("pair", "latency", "pairing") for frame in (one, two))
        assert one.to_dicts() == two.to_dicts(), name


@pytest.mark.parametrize("size", [1, 2, 3])
def test_answers_find_their_requests_over_batches(monkeypatch, size) -> None:
    want = battery.see(exchange(20).records)
    small_batches(monkeypatch, size)
    got = battery.see(exchange(20).records)
    for name in ("messages", "points"):
        assert got.rows(name) == want.rows(name)
