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
from sentinel.wire.buffers import Buffers
from sentinel.wire.values import ABSENT, MAX_HEX, WIDTHS, Spans, textual

__all__ = ["MAX_HEX", "WIDTHS", "Points", "expand", "present"]


@dataclass(slots=True)
class Points:
    """Some points of a batch, in the order of their messages: what all values of one span share stands once.

    `row`, `object`, `block`, `bit` (shape (spans,)): message row and address parts, ABSENT where absent; `access`
    (spans,). `which` (values,), uint32: the span of each value. `message`, `address`, `value` (values,). `text_index`
    (values,) or None counts in `words`, or where that is None in the run's dictionary. `quality`, `stamp` (values,) or
    None.
    """

    row: np.ndarray
    object: np.ndarray
    block: np.ndarray
    bit: np.ndarray
    access: np.ndarray
    which: np.ndarray
    message: np.ndarray
    address: np.ndarray
    value: np.ndarray
    has_value: np.ndarray | None = None
    text_index: np.ndarray | None = None
    words: list[str] | None = None
    quality: np.ndarray | None = None
    stamp: np.ndarray | None = None


def expand(batch: Batch, buffers: Buffers) -> list[Points]:
    """All points of a paired batch in one group; texts in a second one where parsers wrote texts as well.

    What there is of each value lies in memory of `buffers`.
    """
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
        buffers,
    )
    spans = source.collect()
    if source.texts == 0:
        return _group(batch, buffers, source, spans)
    if not source.direct or not (batch.points[:, 0] & 1 << L.P_TEXT).any():
        return _group(batch, buffers, source, spans, True)
    texts = textual(spans)
    return [*_group(batch, buffers, source, spans[~texts]), *_group(batch, buffers, source, spans[texts], True)]


def _group(batch: Batch, buffers: Buffers, source: Spans, spans: np.ndarray, texts: bool = False) -> list[Points]:
    """The values of the spans, and what parsers said of single ones; `texts`: some of them are texts of the heap."""
    count = int(spans[:, L.S_COUNT].sum())
    if count == 0:
        return []
    points = Points(
        row=spans[:, L.S_ROW],
        object=spans[:, L.S_OBJECT],
        block=spans[:, L.S_BLOCK],
        bit=spans[:, L.S_BIT],
        access=spans[:, L.S_ACCESS],
        which=np.empty(count, np.uint32),
        message=buffers.array(1, count)[0],
        address=buffers.array(1, count)[0],
        value=buffers.array(1, count)[0].view(np.float64),
    )
    source.fill(spans, points.which, points.message, points.address, points.value)
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
    if texts:
        word = np.empty(len(spans), np.int64)
        first = source.distinct(spans, word)
        points.words = ["", *_words(batch.heap, spans[first])]
        points.text_index = word.take(points.which)
        numbers = points.text_index == 0
        points.has_value = numbers if points.has_value is None else points.has_value & numbers
    return [points]


def _words(heap: np.ndarray, spans: np.ndarray) -> list[str]:
    """The text of each span: text, or bytes in hexadecimal."""
    raw = heap.tobytes()
    starts, lengths, dtypes = (spans[:, cell] for cell in (L.S_DATA, L.S_LENGTH, L.S_DTYPE))
    ends = starts + np.minimum(lengths, MAX_HEX)
    words = [raw[start:end].hex() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    for row in np.flatnonzero(dtypes == DType.TEXT).tolist():
        words[row] = _text(raw[starts[row] : ends[row]])
    for row in np.flatnonzero(lengths > MAX_HEX).tolist():
        words[row] += "…"
    return words


def _text(raw: bytes) -> str:
    """Bytes as text, without padding; what cannot be printed is written as its code."""
    text = raw.decode("latin-1").strip("\x00 ")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def present(values: np.ndarray) -> np.ndarray:
    """Where a column of `Points` has a value."""
    return values != ABSENT
