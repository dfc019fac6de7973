"""Answers find their requests: keys, shapes, time, and a naive twin that must agree on anything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.model import Kind
from sentinel.wire import layout as L
from sentinel.wire.pair import ANSWERED, EXPIRE, MISMATCH, ORPHAN, UNPAIRED, Matcher

ASK, ANSWER, REFUSAL, OTHER = Kind.REQUEST, Kind.RESPONSE, Kind.EXCEPTION, Kind.UNSOLICITED
COLUMNS = {
    "function": L.M_FUNCTION, "unit": L.M_UNIT, "transaction": L.M_TRANSACTION, "shape": L.M_SHAPE,
}  # fmt: skip


def cells(*messages: dict) -> np.ndarray:
    """Message rows; each message is kind, flow, time and what of COLUMNS is present."""
    rows = np.zeros((len(messages), L.M_WIDTH), dtype=np.int64)
    for row, message in zip(rows, messages, strict=True):
        row[L.M_KIND] = message["kind"]
        row[L.M_FLOW] = message.get("flow", 0)
        row[L.M_TIME] = message.get("time", 0)
        row[L.M_DIRECTION] = message.get("direction", 0 if message["kind"] == ASK else 1)
        row[L.M_PROTOCOL] = message.get("protocol", 0)
        for name, cell in COLUMNS.items():
            if name in message:
                row[cell] = message[name]
                row[0] |= 1 << cell
    return rows


def matched(*messages: dict, first: int = 100) -> tuple[list[int], list[int]]:
    pair, result, late = Matcher().match(cells(*messages), first)
    assert late == []
    return pair.tolist(), result.tolist()


def ask(transaction: int = 1, function: int = 3, **more) -> dict:
    return {"kind": ASK, "transaction": transaction, "function": function, "unit": 1, **more}


def answer(transaction: int = 1, function: int = 3, **more) -> dict:
    return ask(transaction, function, **{"kind": ANSWER, **more})


def test_an_answer_and_its_request_name_each_other() -> None:
    assert matched(ask(), answer()) == ([101, 100], [ANSWERED, ANSWERED])
    assert matched(ask(), answer(kind=REFUSAL)) == ([101, 100], [ANSWERED, ANSWERED])


def test_a_request_alone_and_an_answer_alone() -> None:
    assert matched(ask()) == ([-1], [0])
    assert matched(answer()) == ([-1], [ORPHAN])
    assert matched({"kind": OTHER, "function": 3}) == ([-1], [0])
    assert matched() == ([], [])


@pytest.mark.parametrize("other", [
    {"transaction": 2}, {"unit": 2}, {"flow": 1}, {"protocol": 1}, {"direction": 0},
])  # fmt: skip
def test_the_key_must_agree(other) -> None:
    assert matched(ask(), answer(**other))[1] == [0, ORPHAN]


def test_zero_is_a_value_of_the_key() -> None:
    """Unit 0 is not the same as no unit."""
    without = {"kind": ANSWER, "function": 3, "transaction": 1}
    assert matched(ask(unit=0), without)[1] == [0, ORPHAN]
    assert matched(ask(unit=0), answer(unit=0))[1] == [ANSWERED, ANSWERED]


def test_oldest_first_but_the_shape_goes_before() -> None:
    assert matched(ask(), ask(), answer(), answer())[0] == [102, 103, 100, 101]
    pair, result = matched(ask(function=3), ask(function=4), answer(function=4), answer(function=3))
    assert (pair, result) == ([103, 102, 101, 100], [ANSWERED] * 4)
    pair, result = matched(ask(function=3), ask(function=4), answer(function=9), answer(function=4))
    assert (pair, result) == ([102, 103, 100, 101], [MISMATCH, ANSWERED, MISMATCH, ANSWERED])


def test_an_answer_without_function_fits_any_request() -> None:
    bare = {"kind": ANSWER, "transaction": 1, "unit": 1}
    assert matched(ask(function=7), bare) == ([101, 100], [ANSWERED, ANSWERED])


def test_shape_stands_for_the_function() -> None:
    assert matched(ask(shape=9), answer(function=131, shape=9))[1] == [ANSWERED, ANSWERED]
    assert matched(ask(shape=UNPAIRED), answer())[1] == [0, ORPHAN]
    assert matched(ask(), answer(shape=UNPAIRED))[1] == [0, 0]


@pytest.mark.parametrize(("waited", "want"), [(EXPIRE, [103, 104]), (EXPIRE + 1, [-1, 103])])
def test_a_request_that_waited_too_long_gives_way(waited, want) -> None:
    late = waited
    pair, _ = matched(ask(), ask(time=late), ask(2, time=late), answer(time=late + 1), answer(time=late + 2))
    assert pair[:2] == want


def test_a_late_answer_alone_still_finds_its_request() -> None:
    assert matched(ask(), answer(time=20 * EXPIRE))[1] == [ANSWERED, ANSWERED]


def test_over_two_batches_and_no_more() -> None:
    matcher = Matcher()
    matcher.match(cells(ask(1), ask(2), ask(3)), 0)
    pair, result, late = matcher.match(cells(answer(2), ask(4)), 3)
    assert (pair.tolist(), result.tolist(), late) == ([1, -1], [ANSWERED, 0], [(1, 3, ANSWERED)])
    pair, result, late = matcher.match(cells(answer(1), answer(4)), 5)
    assert (pair.tolist(), result.tolist(), late) == ([-1, 4], [ORPHAN, ANSWERED], [(4, 6, ANSWERED)])


def test_an_empty_batch_between_forgets_nothing() -> None:
    matcher = Matcher()
    matcher.match(cells(ask()), 0)
    matcher.match(cells(), 1)
    assert matcher.match(cells(answer()), 1)[1].tolist() == [ANSWERED]


def naive(messages: list[dict]) -> list[int]:
    """The same rules over a list: partner of each message, or -1."""
    waiting: list[tuple[tuple, int, int, int]] = []
    pair = [-1] * len(messages)
    for n, m in enumerate(messages):
        key = (m.get("flow", 0), m.get("unit"), m.get("transaction"))
        if m["kind"] == ASK:
            mine = [w for w in waiting if w[0] == key]
            for w in mine:
                if m["time"] - w[2] <= EXPIRE:
                    break
                waiting.remove(w)
            waiting.append((key, n, m["time"], m["function"]))
        else:
            mine = [w for w in waiting if w[0] == key]
            fit = [w for w in mine if w[3] == m["function"]] or mine
            if fit:
                waiting.remove(fit[0])
                pair[n], pair[fit[0][1]] = fit[0][1], n
    return pair


MESSAGES = st.lists(
    st.fixed_dictionaries({
        "kind": st.sampled_from([ASK, ANSWER]),
        "function": st.integers(1, 3),
        "transaction": st.integers(0, 2),
        "unit": st.integers(0, 1),
        "flow": st.integers(0, 1),
        "gap": st.sampled_from([0, 1, EXPIRE // 2, EXPIRE + 1]),
    }),
    max_size=40,
)  # fmt: skip


@given(MESSAGES)
@settings(max_examples=150, deadline=None)
def test_the_naive_twin_agrees(messages) -> None:
    time = 0
    for message in messages:
        time += message.pop("gap")
        message["time"] = time
    assert matched(*messages, first=0)[0] == naive(messages)


@pytest.mark.parametrize("waiting", [3, 200, 2000])
def test_each_finds_its_own_however_many_wait(waiting) -> None:
    """So many wait at a time: the table grows, and keys move up when others leave."""
    rng = np.random.default_rng(waiting)
    messages, want, open_ = [], [], []
    for transaction in range(2 * waiting + 1000):
        if len(open_) > waiting or rng.random() < 0.2 and open_:
            of, number = open_.pop(int(rng.integers(len(open_))))
            want.append(number)
            want[number] = len(messages)
            messages.append(answer(of))
        open_.append((transaction, len(messages)))
        want.append(-1)
        messages.append(ask(transaction))
    assert matched(*messages, first=0)[0] == want
