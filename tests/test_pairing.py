"""Answers and requests over batches: latency, what is unanswered, what is held back until it is complete."""

from __future__ import annotations

import numpy as np
import pytest
from battery import see
from frames import MS, SECOND, Talk
from modbus_samples import mbap
from test_wire_pair import answer, ask, cells

from sentinel.pairing import NAMES, Batch, Pairing, chronological, request_rows
from sentinel.wire import layout as L
from sentinel.wire.pair import ANSWERED, MISMATCH, ORPHAN, UNANSWERED, UNPAIRED


def batch(first: int, *messages: dict) -> Batch:
    empty = np.zeros((0, L.I_WIDTH), np.int64)
    rows = cells(*messages)
    return Batch(1, first, rows, empty, empty, empty, empty, empty, np.zeros(0, np.uint8), {}, [])


def paired(*batches: Batch) -> list[Batch]:
    pairing = Pairing()
    done = [one for added in batches for one in pairing.add(added)] + pairing.finish()
    assert [one.first for one in done] == [one.first for one in batches] and pairing.finish() == []
    return done


def test_within_a_batch() -> None:
    (one,) = paired(batch(10, ask(1, time=5), ask(2), answer(1, time=9), answer(7)))
    assert one.pair.tolist() == [12, -1, 10, -1]
    assert one.result.tolist() == [ANSWERED, UNANSWERED, ANSWERED, ORPHAN]
    assert one.latency.tolist() == [0, 0, 4, 0]


def test_over_batches() -> None:
    one, two, three = paired(
        batch(10, ask(1, time=5), ask(2)),
        batch(12, answer(1, time=9), ask(3, time=20)),
        batch(14, answer(3, 4, time=21)),
    )
    assert (one.pair.tolist(), one.result.tolist()) == ([12, -1], [ANSWERED, UNANSWERED])
    assert (two.pair.tolist(), two.result.tolist()) == ([10, 14], [ANSWERED, MISMATCH])
    assert (two.latency.tolist(), three.latency.tolist()) == ([4, 0], [1])
    assert (three.pair.tolist(), three.result.tolist()) == ([13], [MISMATCH])
    found, earlier = request_rows(two, np.array([0, 1]))
    assert (found[0], earlier[0]) == (0, True)




def test_over_a_batch_without_messages() -> None:
    """A file with nothing but faults or ended flows stands between: its batch holds no message."""
    one, _, three = paired(batch(10, ask(time=5)), batch(11), batch(11, answer(time=9)))
    assert (one.pair.tolist(), one.result.tolist()) == ([11], [ANSWERED])
    assert (three.pair.tolist(), three.result.tolist(), three.latency.tolist()) == ([10], [ANSWERED], [4])


def test_over_a_capture_without_messages() -> None:
    talk = Talk().open()
    for n in range(3):
        talk.send(0, mbap("0300000001", transaction=n)).send(1, mbap("03020001", transaction=n))
    seen = see(talk.records[:-1], [(talk.time, b"short")], talk.records[-1:])
    assert set(seen.rows("messages", "pairing")) == {"answered"}


def test_requests_that_nobody_answers_are_not_unanswered() -> None:
    (one,) = paired(batch(0, ask(shape=UNPAIRED), ask()))
    assert one.result.tolist() == [0, UNANSWERED]


def test_request_rows() -> None:
    (one,) = paired(batch(5, ask(1), answer(1), answer(9)))
    found, earlier = request_rows(one, np.array([1, 2]))
    assert (found.tolist(), earlier.tolist()) == ([0, -1], [False, False])


def test_messages_are_put_in_the_order_of_their_frames() -> None:
    one = batch(0, ask(1), ask(2), ask(3))
    one.messages[:, L.M_FRAME] = [3, 1, 2]
    one.messages[:, L.M_FLOW] = [7, 8, 9]
    one.items = np.zeros((3, L.I_WIDTH), np.int64)
    one.items[:, L.I_MESSAGE] = [0, 0, 2]
    one.items[:, L.I_ADDRESS] = [30, 31, 20]
    one.points = np.zeros((1, L.P_WIDTH), np.int64)
    chronological(one)
    assert one.messages[:, L.M_TRANSACTION].tolist() == [2, 3, 1]
    assert one.items[:, [L.I_MESSAGE, L.I_ADDRESS]].tolist() == [[1, 20], [2, 30], [2, 31]]
    assert one.points[:, L.P_MESSAGE].tolist() == [2]


def test_messages_of_two_captures_keep_the_order_of_the_captures() -> None:
    one = batch(0, ask(1), ask(2), ask(3))
    one.messages[:, L.M_CAPTURE] = [1, 1, 2]
    one.messages[:, L.M_FRAME] = [8, 9, 1]
    chronological(one)
    assert one.messages[:, L.M_TRANSACTION].tolist() == [1, 2, 3]


def test_names() -> None:
    assert [NAMES[n] for n in range(5)] == ["", "answered", "orphan", "mismatch", "unanswered"]


# -- through the engine ----------------------------------------------------------------------------------------------


def exchanged(*pieces: tuple[int, str, int]) -> list[tuple]:
    """(kind, pairing, latency in ms) of Modbus messages: side, PDU, transaction; one a millisecond."""
    talk = Talk().open()
    for side, pdu, transaction in pieces:
        talk.send(side, mbap(pdu, transaction=transaction))
    rows = see(talk.records).rows("messages", "kind", "pairing", "latency")
    return [(kind, pairing, None if latency is None else latency // MS) for kind, pairing, latency in rows]


def test_kinds_of_answers() -> None:
    assert exchanged(
        (0, "0300000001", 1), (1, "03020001", 1),
        (0, "0300000001", 2), (0, "0300000001", 3), (1, "8302", 3), (1, "03020001", 2),
        (0, "0300000001", 4), (1, "04020001", 4),
        (1, "03020001", 99), (0, "0300000001", 5),
    ) == [
        ("request", "answered", None), ("response", "answered", 1),
        ("request", "answered", None), ("request", "answered", None), ("exception", "answered", 1),
        ("response", "answered", 3),
        ("request", "mismatch", None), ("response", "mismatch", 1),
        ("response", "orphan", None), ("request", "unanswered", None),
    ]  # fmt: skip


@pytest.mark.parametrize("waited", [SECOND, 60 * SECOND])
def test_latency(waited) -> None:
    talk = Talk().open().send(0, mbap("0300000001"))
    talk.time += waited - MS
    talk.send(1, mbap("03020001"))
    assert see(talk.records).rows("messages", "latency") == [None, waited]


def test_batches_are_held_until_answers_came_or_time_passed() -> None:
    """Live: batches are small, and an answer may come several of them later."""
    pairing = Pairing(hold=100)
    one = batch(10, ask(1, time=5), ask(2, time=6))
    two, three, four = batch(12, ask(3, time=50)), batch(13), batch(13, answer(1, time=90), answer(3, time=91))
    assert pairing.add(one) == pairing.add(two) == pairing.add(three) == pairing.add(four) == []
    assert four.before is not None and (four.before.first, len(four.before.messages)) == (10, 3)
    assert four.latency.tolist() == [85, 41]
    found, earlier = request_rows(four, np.array([0, 1]))
    assert (found.tolist(), earlier.tolist()) == ([0, 2], [True, True])
    assert pairing.settle(106) == []
    assert [done.first for done in pairing.settle(107)] == [10]
    assert (one.pair.tolist(), one.result.tolist()) == ([13, -1], [ANSWERED, UNANSWERED])
    five = batch(15, answer(2, time=160))
    assert [one.first for one in pairing.add(five)] == [12]  # what was given out is amended no more
    assert five.result.tolist() == [ORPHAN]
    assert (two.pair.tolist(), two.result.tolist()) == ([14], [ANSWERED])
    assert [len(one.messages) for one in pairing.finish()] == [0, 2, 1]


def test_many_messages_end_the_holding(monkeypatch) -> None:
    monkeypatch.setattr("sentinel.pairing.HELD_MESSAGES", 3)
    pairing = Pairing(hold=1 << 60)
    batches = [batch(2 * n, ask(n, time=n), ask(100 + n, time=n)) for n in range(4)]
    assert [[done.first for done in pairing.add(one)] for one in batches] == [[], [], [0], [2]]


def test_items_of_several_batches_keep_their_messages() -> None:
    first, second = (batch(n, ask(n)) for n in (10, 11))
    for one in (first, second):
        one.items = np.zeros((1, L.I_WIDTH), np.int64)
    pairing = Pairing(hold=100)
    third = batch(12, answer(10), answer(11))
    for one in (first, second, third):
        pairing.add(one)
    assert third.before is not None and third.before.items[:, L.I_MESSAGE].tolist() == [0, 1]
