"""Spans and their values: every number as numpy reads it, whose request tells, and in which order they stand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.model import Access, DType, Kind
from sentinel.wire import layout as L
from sentinel.wire.buffers import Buffers
from sentinel.wire.pair import ANSWERED
from sentinel.wire.values import (
    ABSENT,
    MAX_HEX,
    SOURCE_ITEM,
    SOURCE_MESSAGE,
    SOURCE_POINT,
    WIDTHS,
    Spans,
    textual,
)

ASK, ANSWER = Kind.REQUEST, Kind.RESPONSE


def cells(width: int, rows: list[dict[int, int]]) -> np.ndarray:
    """Rows of cells from what is written in each: cell -> value."""
    made = np.zeros((len(rows), width), dtype=np.int64)
    for row, written in zip(made, rows, strict=True):
        for cell, value in written.items():
            row[cell] = value
            row[0] |= 1 << cell
    return made


def message(kind: int = ASK, address: int = 100, dtype: int = DType.U16, **more: int) -> dict[int, int]:
    written = {L.M_KIND: kind, L.M_DTYPE: dtype, L.M_STEP: 1}
    if address >= 0:
        written[L.M_ADDRESS] = address
    return written | {getattr(L, f"M_{name.upper()}"): value for name, value in more.items()}


def item(of: int, index: int, address: int = 0, dtype: int = DType.U8, **more: int) -> dict[int, int]:
    written = {L.I_MESSAGE: of, L.I_INDEX: index, L.I_DTYPE: dtype, L.I_STEP: 1}
    if address >= 0:
        written[L.I_ADDRESS] = address
    return written | {getattr(L, f"I_{name.upper()}"): value for name, value in more.items()}


def spans(messages=(), items=(), points=(), heap=b"", pair=None, before=((), ()), first=10, before_first=0) -> Spans:
    n = len(messages)
    partners = np.full(n, -1, np.int64) if pair is None else np.array(pair, np.int64)
    return Spans(
        cells(L.M_WIDTH, list(messages)),
        cells(L.I_WIDTH, list(items)),
        cells(L.P_WIDTH, list(points)),
        np.frombuffer(heap, np.uint8),
        partners,
        np.where(partners >= 0, ANSWERED, 0),
        first,
        cells(L.M_WIDTH, list(before[0])),
        cells(L.I_WIDTH, list(before[1])),
        before_first,
        Buffers(),
    )


def values(source: Spans, table: np.ndarray | None = None) -> list[tuple[int, int, float]]:
    """Message row, address and value of everything, or of the rows of `table`, which `collect` gave."""
    table = source.collect() if table is None else table
    n = int(table[:, L.S_COUNT].sum())
    which, address, value = np.empty(n, np.uint32), np.empty(n, np.int64), np.empty(n, np.float64)
    numbers = np.empty(n, np.int64)
    source.fill(table, which, numbers, address, value)
    assert np.unique(numbers - table[which, L.S_ROW]).size <= 1  # all by the number of the first message
    return list(zip(table[which, L.S_ROW].tolist(), address.tolist(), value.tolist(), strict=True))


@given(st.sampled_from(sorted(WIDTHS)), st.binary(min_size=1, max_size=40), st.integers(0, 3))
def test_numbers_are_what_numpy_reads(dtype, data, start) -> None:
    width, kind = WIDTHS[dtype]
    count = len(data) // width
    with np.errstate(invalid="ignore"):
        want = np.frombuffer(data[: count * width], kind).astype(np.float64)
    if dtype == DType.BOOL:
        want = (want != 0).astype(np.float64)
    heap = bytes(start) + data
    got = values(spans([message(dtype=dtype, data=start, data_length=len(data))], heap=heap))
    assert np.array_equal([value for _, _, value in got], want, equal_nan=True)
    assert [address for _, address, _ in got] == list(range(100, 100 + count))


def test_data_beyond_the_heap_are_refused() -> None:
    with pytest.raises(IndexError):
        values(spans([message(data=0, data_length=4)], heap=b"\0\1\2"))


def test_an_answer_is_read_as_its_request_says() -> None:
    ask = message(address=7, quantity=1, object=3)
    answer = message(ANSWER, address=-1, dtype=DType.NONE, data=0, data_length=4)
    assert values(spans([ask, answer], heap=b"\0\5\0\6", pair=[11, 10])) == [(1, 7, 5.0)]
    assert values(spans([answer], heap=b"\0\5\0\6", pair=[4], before=([ask], ()), before_first=4)) == [(0, 7, 5.0)]
    for partner in (-1, 3, 5):
        assert values(spans([answer], heap=b"\0\5\0\6", pair=[partner], before=([ask], ()), before_first=4)) == []


def test_an_item_is_read_as_the_same_item_of_the_request_says() -> None:
    asks = [item(0, 0, 5), item(0, 1, 6, DType.U16), item(1, 0, 99)]
    told = [item(1, k, -1, DType.NONE, data=2 * k, data_length=2) for k in range(3)]
    two = [message(address=-1, dtype=DType.NONE), message(ANSWER, address=-1, dtype=DType.NONE)]
    got = values(spans(two[1:], told[:0], heap=bytes(6), pair=[0], before=(two[:1], asks)))
    assert got == []
    answers = [dict(row) | {L.I_MESSAGE: 0} for row in told]
    source = spans(two[1:], answers, heap=bytes(range(6)), pair=[0], before=(two[:1], asks[:2]))
    assert values(source) == [(0, 5, 0.0), (0, 6, 1.0), (0, 6, 515.0)]


def test_what_one_message_says_stands_together() -> None:
    data = {"data": 0, "data_length": 1}
    source = spans(
        [message(dtype=DType.U8, **data), message(dtype=DType.U8, **data)],
        [item(0, 0, 50, DType.I8, **data), item(0, 1, 60, DType.U8, **data), item(1, 0, 70, DType.U8, **data)],
        [{L.P_MESSAGE: 1, L.P_OBJECT: 2, L.P_ADDRESS: 9, L.P_VALUE: 0}],
        heap=b"\x04",
    )
    table = source.collect()
    assert table[:, L.S_ROW].tolist() == [0, 0, 0, 1, 1, 1]
    kinds = [SOURCE_MESSAGE, SOURCE_ITEM, SOURCE_ITEM, SOURCE_POINT, SOURCE_MESSAGE, SOURCE_ITEM]
    assert table[:, L.S_SOURCE].tolist() == kinds
    assert [address for _, address, _ in values(source, table)] == [100, 60, 50, 9, 100, 70]


def test_points_of_a_parser_share_a_span_while_only_address_and_value_change() -> None:
    def point(address: int, number: float, **more: int) -> dict[int, int]:
        bits = int(np.float64(number).view(np.int64))
        row = {L.P_MESSAGE: 0, L.P_OBJECT: 1, L.P_ADDRESS: address, L.P_VALUE: bits}
        return row | {getattr(L, f"P_{name.upper()}"): value for name, value in more.items()}

    rows = [point(3, 1.5), point(1, -2.0, quality=0), point(2, 7.0, bit=0), point(4, 0.0, access=Access.REPORT)]
    source = spans([message(ANSWER, dtype=DType.NONE)], (), rows)
    table = source.collect()
    assert table[:, L.S_COUNT].tolist() == [2, 1, 1] and source.direct
    assert table[:, L.S_BIT].tolist() == [ABSENT, 0, ABSENT]
    assert table[:, L.S_ACCESS].tolist() == [Access.READ, Access.READ, Access.REPORT]
    n = len(rows)
    quality, stamp, text = (np.full(n, fill, np.int64) for fill in (ABSENT, ABSENT, 0))
    has_value = np.ones(n, np.uint8)
    seen = source.details(table, quality, stamp, text, has_value)
    assert seen == 1 and quality.tolist() == [ABSENT, 0, ABSENT, ABSENT]
    assert values(source, table) == [(0, 3, 1.5), (0, 1, -2.0), (0, 2, 7.0), (0, 4, 0.0)]


def test_of_one_message_texts_stand_behind_numbers() -> None:
    data = {"data": 0, "data_length": 1}
    items = [item(0, 0, 50, DType.BYTES, **data), item(0, 1, 60, DType.U8, **data), item(0, 2, 70, DType.TEXT, **data)]
    source = spans([message(address=-1, dtype=DType.NONE), message(dtype=DType.U8, **data)], items, heap=b"\x04")
    table = source.collect()
    assert [address for _, address, _ in values(source, table)] == [60, 70, 50, 100]
    assert textual(table).tolist() == [False, True, True, False] and source.texts == 2


@given(st.lists(st.lists(st.sampled_from([DType.U8, DType.I8, DType.BYTES, DType.TEXT, 40]), max_size=30), max_size=4))
def test_items_stand_in_the_same_order_however_many_they_are(plan) -> None:
    data = {"data": 0, "data_length": 1}
    items = [item(of, k, k, dtype, **data) for of, dtypes in enumerate(plan) for k, dtype in enumerate(dtypes)]
    messages = [message(address=-1, dtype=DType.NONE) for _ in plan]
    table = spans(messages, items, heap=b"\x04").collect()
    want = [
        (of, dtype, k)
        for of, dtypes in enumerate(plan)
        for _, dtype, k in sorted((dtype not in (DType.U8, DType.I8), dtype, k) for k, dtype in enumerate(dtypes))
    ]
    assert list(zip(*(table[:, cell].tolist() for cell in (L.S_ROW, L.S_DTYPE, L.S_ADDRESS)), strict=True)) == want


def distinct(source: Spans) -> tuple[list[int], list[int]]:
    """The number of each span's text, and where the first of each begins."""
    table = source.collect()
    word = np.full(len(table), -1, np.int64)
    first = source.distinct(table, word)
    return word.tolist(), table[first, L.S_DATA].tolist()


@given(st.lists(st.binary(max_size=3), max_size=60))
def test_texts_that_are_alike_get_one_number(texts) -> None:
    starts = np.cumsum([0, *map(len, texts)]).tolist()
    rows = [
        message(dtype=DType.BYTES, data=start, data_length=len(text))
        for start, text in zip(starts[:-1], texts, strict=True)
    ]
    numbers = {text: n for n, text in enumerate(dict.fromkeys(texts), start=1)}
    word, first = distinct(spans(rows, heap=b"".join(texts)))
    assert word == [numbers[text] for text in texts]
    assert first == [starts[texts.index(text)] for text in numbers]


def test_texts_differ_by_type_length_and_what_is_kept_of_them() -> None:
    def rows(*pieces: tuple[int, int, int]) -> list[dict[int, int]]:
        return [message(dtype=dtype, data=start, data_length=length) for dtype, start, length in pieces]

    heap = bytes(MAX_HEX) + b"\1" + bytes(MAX_HEX) + b"\2"
    long = MAX_HEX + 1
    beyond = [(DType.BYTES, 0, long), (DType.BYTES, long, long), (DType.BYTES, 0, MAX_HEX), (DType.TEXT, 0, long)]
    word, first = distinct(spans(rows(*beyond, (DType.U8, 0, 1), beyond[0]), heap=heap))
    assert word == [1, 1, 2, 3, 0, 1] and first == [0, 0, 0]
    with pytest.raises(IndexError):
        distinct(spans(rows((DType.BYTES, 0, 9)), heap=b"short"))
