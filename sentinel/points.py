"""Values: the data bytes that parsers kept, read as numbers at the addresses that the request named.

Parsers do not decode arrays of values; they keep bytes and say how they are to be read, or that the paired request
says it. All messages of a batch are expanded at once by `sentinel/wire/values.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.model import DType
from sentinel.pairing import Batch
from sentinel.wire import layout as L
from sentinel.wire.values import ABSENT, SOURCE_POINT, WIDTHS, Spans

__all__ = ["MAX_HEX", "WIDTHS", "Points", "expand", "present"]

MAX_HEX = 256
"""Bytes of one TEXT or BYTES value that are kept as text."""

_NUMBERS = np.array([*WIDTHS, DType.BIT])


@dataclass(slots=True)
class Points:
    """Some points of a batch, in the order of their messages: what all values of one span share stands once.

    `row`, `object`, `block`, `bit` (shape (spans,)): message row and address parts, ABSENT where absent; `access`
    (spans,). `which` (values,), uint32: the span of each value. `address`, `value` (values,). `text` (values,) or
    None; `text_index` (values,) counts in the run's dictionary, or is None. `quality`, `stamp` (values,) or None.
    """

    row: np.ndarray
    object: np.ndarray
    block: np.ndarray
    bit: np.ndarray
    access: np.ndarray
    which: np.ndarray
    address: np.ndarray
    value: np.ndarray
    has_value: np.ndarray | None = None
    text: list[str] | None = None
    text_index: np.ndarray | None = None
    quality: np.ndarray | None = None
    stamp: np.ndarray | None = None


def expand(batch: Batch) -> list[Points]:
    """All points of a paired batch: the numbers in one group, texts in a second one; none without points."""
    earlier = batch.before
    source = Spans(
        batch.messages,
        batch.items,
        batch.points,
        batch.heap,
        batch.pair,
        batch.result,
        batch.first,
        earlier.messages if earlier is not None else batch.messages[:0],
        earlier.items if earlier is not None else batch.items[:0],
        earlier.first if earlier is not None else 0,
    )
    spans = source.collect()
    numeric = (spans[:, L.S_SOURCE] == SOURCE_POINT) | np.isin(spans[:, L.S_DTYPE], _NUMBERS)
    groups: list[Points] = []
    numbers = spans if numeric.all() else spans[numeric]
    count = int(numbers[:, L.S_COUNT].sum())
    if count:
        groups.append(_numbers(source, numbers, count))
    if len(numbers) < len(spans):
        groups.append(_texts(batch, spans[~numeric]))
    return groups


def _numbers(source: Spans, spans: np.ndarray, count: int) -> Points:
    """The `count` values of the spans, and what parsers said of single ones."""
    points = Points(
        row=spans[:, L.S_ROW],
        object=spans[:, L.S_OBJECT],
        block=spans[:, L.S_BLOCK],
        bit=spans[:, L.S_BIT],
        access=spans[:, L.S_ACCESS],
        which=np.empty(count, np.uint32),
        address=np.empty(count, np.int64),
        value=np.empty(count, np.float64),
    )
    source.fill(spans, points.which, points.address, points.value)
    if source.direct:
        quality = np.full(count, ABSENT, np.int64)
        stamp = np.full(count, ABSENT, np.int64)
        text = np.zeros(count, np.int64)
        has_value = np.ones(count, np.uint8)
        seen = source.details(spans, quality, stamp, text, has_value)
        points.quality = quality if seen & 1 else None
        points.stamp = stamp if seen & 2 else None
        points.text_index = text if seen & 4 else None
        points.has_value = has_value.view(bool) if seen & 8 else None
    return points


def _texts(batch: Batch, spans: np.ndarray) -> Points:
    """One value a span: text, or bytes in hexadecimal."""
    heap = batch.heap.tobytes()
    digits = heap.hex()
    starts, lengths, dtypes = (spans[:, cell] for cell in (L.S_DATA, L.S_LENGTH, L.S_DTYPE))
    ends = starts + np.minimum(lengths, MAX_HEX)
    # most are bytes: hundreds of thousands in a capture of S7, so this line is all that is done for each
    texts = [digits[start:end] for start, end in zip((2 * starts).tolist(), (2 * ends).tolist(), strict=True)]
    for row in np.flatnonzero(dtypes == DType.TEXT).tolist():
        texts[row] = _text(heap[starts[row] : ends[row]])
    for row in np.flatnonzero(lengths > MAX_HEX).tolist():
        texts[row] += "…"
    n = len(spans)
    return Points(
        row=spans[:, L.S_ROW],
        object=spans[:, L.S_OBJECT],
        block=spans[:, L.S_BLOCK],
        bit=spans[:, L.S_BIT],
        access=spans[:, L.S_ACCESS],
        which=np.arange(n, dtype=np.uint32),
        address=spans[:, L.S_ADDRESS].copy(),
        value=np.zeros(n),
        has_value=np.zeros(n, bool),
        text=texts,
    )


def _text(raw: bytes) -> str:
    """Bytes as text, without padding; what cannot be printed is written as its code."""
    text = raw.decode("latin-1").strip("\x00 ")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def present(values: np.ndarray) -> np.ndarray:
    """Where a column of `Points` has a value."""
    return values != ABSENT
