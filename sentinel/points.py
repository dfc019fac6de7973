"""Values: the data bytes that parsers kept, read as numbers at the addresses that the request named.

Parsers do not decode arrays of values; they keep bytes and say how they are to be read, or that the paired request
says it. All messages of a batch are expanded at once, data type by data type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sentinel.model import Access, DType, Kind
from sentinel.pairing import Batch, request_rows
from sentinel.wire import layout as L
from sentinel.wire.pair import ANSWERED

WIDTHS: dict[int, tuple[int, str]] = {
    DType.BOOL: (1, "u1"),
    DType.U8: (1, "u1"),
    DType.I8: (1, "i1"),
    DType.U16: (2, ">u2"),
    DType.I16: (2, ">i2"),
    DType.U32: (4, ">u4"),
    DType.I32: (4, ">i4"),
    DType.U64: (8, ">u8"),
    DType.I64: (8, ">i8"),
    DType.F32: (4, ">f4"),
    DType.F64: (8, ">f8"),
    DType.U16LE: (2, "<u2"),
    DType.I16LE: (2, "<i2"),
    DType.U32LE: (4, "<u4"),
    DType.I32LE: (4, "<i4"),
    DType.F32LE: (4, "<f4"),
    DType.F64LE: (8, "<f8"),
}
"""Bytes and numpy type of one value of each fixed-width DType."""

MAX_HEX = 256
"""Bytes of one TEXT or BYTES value that are kept as text."""

_ABSENT = np.int64(-(2**63))


@dataclass(slots=True)
class Points:
    """Some points of a batch: what is the same for all values of one span stands once, `which` spreads it.

    `row`, `object`, `block`, `bit` (shape (spans,)): message row and address parts, `_ABSENT` where absent; `access`
    (spans,). `which` (values,): the span of each value. `address`, `value` (values,). `text` (values,) or None;
    `text_index` (values,) counts in the run's dictionary, or is None. `quality`, `stamp` (values,) or None.
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


@dataclass(slots=True)
class _Spans:
    """Pieces of data that are to be read: one row each, already with the addresses of the request."""

    row: np.ndarray
    item: np.ndarray
    object: np.ndarray
    block: np.ndarray
    address: np.ndarray
    bit: np.ndarray
    quantity: np.ndarray
    dtype: np.ndarray
    step: np.ndarray
    data: np.ndarray
    length: np.ndarray


def _cell(cells: np.ndarray, column: int) -> np.ndarray:
    """A column with `_ABSENT` where the validity mask says that nothing was written."""
    values = cells[:, column].copy()
    values[(cells[:, 0] >> column) & 1 == 0] = _ABSENT
    return values


_MESSAGE_CELLS = {
    "object": L.M_OBJECT,
    "block": L.M_BLOCK,
    "address": L.M_ADDRESS,
    "bit": L.M_BIT,
    "quantity": L.M_QUANTITY,
}
_ITEM_CELLS = {
    "object": L.I_OBJECT,
    "block": L.I_BLOCK,
    "address": L.I_ADDRESS,
    "bit": L.I_BIT,
    "quantity": L.I_QUANTITY,
}


def _message_spans(batch: Batch) -> _Spans | None:
    """Data that stand in the message itself, with what the request says where the message does not."""
    cells = batch.messages
    rows = np.flatnonzero((cells[:, 0] >> L.M_DATA) & 1)
    if len(rows) == 0:
        return None
    own = cells[rows]
    fields = {name: _cell(own, column) for name, column in _MESSAGE_CELLS.items()}
    fields["dtype"] = own[:, L.M_DTYPE].copy()
    fields["step"] = own[:, L.M_STEP].copy()
    for at, source, found in _asking(batch, rows, fields["dtype"], "messages"):
        asked = source[found]
        for name, column in _MESSAGE_CELLS.items():
            fields[name][at] = _cell(asked, column)
        fields["dtype"][at] = asked[:, L.M_DTYPE]
        fields["step"][at] = asked[:, L.M_STEP]
    return _Spans(rows, np.zeros(len(rows), np.int64), data=own[:, L.M_DATA], length=own[:, L.M_DATA_LENGTH], **fields)


def _item_spans(batch: Batch) -> _Spans | None:
    """Data of items; item k of an answer is read as item k of its request says."""
    cells = batch.items
    chosen = np.flatnonzero((cells[:, 0] >> L.I_DATA) & 1)
    if len(chosen) == 0:
        return None
    own = cells[chosen]
    rows = own[:, L.I_MESSAGE]
    fields = {name: _cell(own, column) for name, column in _ITEM_CELLS.items()}
    fields["dtype"] = own[:, L.I_DTYPE].copy()
    fields["step"] = own[:, L.I_STEP].copy()
    for at, source, found in _asking(batch, rows, fields["dtype"], "items"):
        # items of one message stand together, in order: the k-th is k behind the first
        place = np.searchsorted(source[:, L.I_MESSAGE], found) + own[at, L.I_INDEX]
        inside = place < len(source)
        place[~inside] = 0
        good = inside & (source[place, L.I_MESSAGE] == found)
        asked, at = source[place[good]], at[good]
        for name, column in _ITEM_CELLS.items():
            fields[name][at] = _cell(asked, column)
        fields["dtype"][at] = asked[:, L.I_DTYPE]
        fields["step"][at] = asked[:, L.I_STEP]
    return _Spans(rows, own[:, L.I_INDEX], data=own[:, L.I_DATA], length=own[:, L.I_DATA_LENGTH], **fields)


def _asking(
    batch: Batch, rows: np.ndarray, dtype: np.ndarray, table: str
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For spans whose request says how they are read: (which spans, cells of `table` of its batch, request's row).

    An answer that does not fit its request is not read by it.
    """
    open_ = (dtype == DType.NONE) & (batch.messages[rows, L.M_KIND] != Kind.REQUEST) & (batch.result[rows] == ANSWERED)
    asks = np.flatnonzero(open_)
    if len(asks) == 0:
        return
    found, earlier = request_rows(batch, rows[asks])
    for mask, owner in (((found >= 0) & ~earlier, batch), ((found >= 0) & earlier, batch.before)):
        if owner is None or not mask.any():
            continue
        source: np.ndarray = getattr(owner, table)
        if len(source):
            yield asks[mask], source, found[mask]


def _take(spans: _Spans, mask: np.ndarray) -> _Spans:
    """The spans where the mask is true."""
    return _Spans(*(getattr(spans, name)[mask] for name in _Spans.__slots__))


def _expand(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For spans with `counts` values each: the span of every value, and its position in the span."""
    which = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - starts[which]


def _asked_for(spans: _Spans, held: np.ndarray) -> np.ndarray:
    """How many values to read where so many fit the data: no more than were asked for, where that is known."""
    known = spans.quantity >= 0
    return np.where(known, np.minimum(held, np.where(known, spans.quantity, 0)), held)


def _fixed(batch: Batch, spans: _Spans, dtype: int) -> Points:
    """Values of a fixed width."""
    width, kind = WIDTHS[dtype]
    which, position = _expand(_asked_for(spans, spans.length // width))
    at = spans.data[which] + position * width
    raw = np.empty((len(at), width), dtype=np.uint8)
    for k in range(width):
        np.take(batch.heap, at + k, out=raw[:, k])
    value = raw.view(kind).reshape(-1).astype(np.float64)
    if dtype == DType.BOOL:
        value = (value != 0).astype(np.float64)
    return _numeric(spans, which, position, value)


def _bits(batch: Batch, spans: _Spans) -> Points:
    """Packed bits, least significant first; the quantity says where the padding begins."""
    which, position = _expand(_asked_for(spans, spans.length * 8))
    octet = batch.heap[spans.data[which] + (position >> 3)]
    return _numeric(spans, which, position, ((octet >> (position & 7).astype(np.uint8)) & 1).astype(np.float64))


def _numeric(spans: _Spans, which: np.ndarray, position: np.ndarray, value: np.ndarray) -> Points:
    """Numbers at the addresses that their spans count up to."""
    address = spans.address[which] + position * spans.step[which]
    access = np.zeros(len(spans.row), np.int64)
    return Points(spans.row, spans.object, spans.block, spans.bit, access, which, address, value)


def _texts(batch: Batch, spans: _Spans) -> Points:
    """One value a span: text, or bytes in hexadecimal."""
    texts = []
    for start, length, dtype in zip(spans.data.tolist(), spans.length.tolist(), spans.dtype.tolist(), strict=True):
        raw = batch.heap[start : start + min(length, MAX_HEX)].tobytes()
        text = raw.decode("latin-1").strip("\x00 ") if dtype == DType.TEXT else raw.hex()
        if dtype == DType.TEXT and not text.isprintable():
            text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
        texts.append(text + ("…" if length > MAX_HEX else ""))
    n = len(spans.row)
    return Points(
        row=spans.row,
        object=spans.object,
        block=spans.block,
        bit=spans.bit,
        access=np.zeros(n, np.int64),
        which=np.arange(n),
        address=spans.address,
        value=np.zeros(n),
        has_value=np.zeros(n, bool),
        text=texts,
    )


def _direct(batch: Batch) -> Points | None:
    """Points that the parser wrote with address and value."""
    cells = batch.points
    if len(cells) == 0:
        return None
    valid = cells[:, 0]
    has_value = (valid >> L.P_VALUE & 1).astype(bool)
    texts = np.where(valid >> L.P_TEXT & 1, cells[:, L.P_TEXT], 0)
    return Points(
        row=cells[:, L.P_MESSAGE],
        object=cells[:, L.P_OBJECT],
        block=_cell(cells, L.P_BLOCK),
        bit=_cell(cells, L.P_BIT),
        access=np.where(valid >> L.P_ACCESS & 1, cells[:, L.P_ACCESS], 0),
        which=np.arange(len(cells)),
        address=np.ascontiguousarray(cells[:, L.P_ADDRESS]),
        value=np.ascontiguousarray(cells[:, L.P_VALUE]).view(np.float64),
        has_value=None if has_value.all() else has_value,
        text_index=texts if texts.any() else None,
        quality=_cell(cells, L.P_QUALITY),
        stamp=_cell(cells, L.P_STAMP),
    )


def expand(batch: Batch) -> list[Points]:
    """All points of a paired batch, in groups of one way of reading each."""
    groups: list[Points] = []
    direct = _direct(batch)
    if direct is not None:
        groups.append(direct)
    for spans in (_message_spans(batch), _item_spans(batch)):
        if spans is None:
            continue
        # an answer whose request was not seen has values, but nobody knows of what
        spans = _take(spans, (spans.address >= 0) & (spans.dtype != DType.NONE))
        for dtype in np.unique(spans.dtype).tolist():
            some = _take(spans, spans.dtype == dtype)
            if dtype == DType.BIT:
                groups.append(_bits(batch, some))
            elif dtype in WIDTHS:
                groups.append(_fixed(batch, some, dtype))
            else:
                groups.append(_texts(batch, some))
    for group in groups:
        kinds = batch.messages[group.row, L.M_KIND]
        implied = np.where(
            kinds == Kind.REQUEST, Access.WRITE, np.where(kinds == Kind.UNSOLICITED, Access.REPORT, Access.READ)
        )
        group.access = np.where(group.access == 0, implied, group.access)
    return groups


def present(values: np.ndarray) -> np.ndarray:
    """Where a column of `Points` has a value."""
    return values != _ABSENT
