# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Reads the data bytes that parsers kept, as numbers at the addresses that the request named.

Two steps over the cells of a paired batch. `collect` writes a table of spans: one row for each piece of data, with its
address and type, its own or those of the request it answers. `fill` writes the values, span after span. Neither
touches a Python object, so both run without the interpreter lock.
"""

import cython
import numpy as np

if cython.compiled:
    from cython.cimports.libc.string import memcmp

from sentinel.model import Access, DType, Kind
from sentinel.wire.layout import (
    I_ADDRESS,
    I_BIT,
    I_BLOCK,
    I_DATA,
    I_DATA_LENGTH,
    I_DTYPE,
    I_INDEX,
    I_MESSAGE,
    I_OBJECT,
    I_QUANTITY,
    I_STEP,
    M_ADDRESS,
    M_BIT,
    M_BLOCK,
    M_DATA,
    M_DATA_LENGTH,
    M_DTYPE,
    M_KIND,
    M_OBJECT,
    M_QUANTITY,
    M_STEP,
    P_ACCESS,
    P_ADDRESS,
    P_BIT,
    P_BLOCK,
    P_MESSAGE,
    P_OBJECT,
    P_QUALITY,
    P_STAMP,
    P_TEXT,
    P_VALUE,
    S_ACCESS,
    S_ADDRESS,
    S_BIT,
    S_BLOCK,
    S_COUNT,
    S_DATA,
    S_DTYPE,
    S_LENGTH,
    S_OBJECT,
    S_ROW,
    S_SOURCE,
    S_STEP,
    S_WIDTH,
)
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

ABSENT = -(2**63)
"""What stands where a cell was not written."""

SOURCE_POINT = 0
SOURCE_MESSAGE = 1
SOURCE_ITEM = 2
"""Where a span comes from; the values of one message stand in this order."""

MAX_HEX = 256
"""Bytes of one TEXT or BYTES value that are kept as text."""
MAX_PROBES = 32
"""Other values that one is compared with to find its like: so that nobody can choose values that make it slow."""

_ABSENT = cython.declare(cython.longlong, ABSENT)
_MAX_HEX = cython.declare(cython.int, MAX_HEX)
_MAX_PROBES = cython.declare(cython.int, MAX_PROBES)
_SEED = cython.declare(cython.longlong, 0x51ED270B)
_PRIME = cython.declare(cython.longlong, 0x9E3779B1)
_MASK = cython.declare(cython.longlong, (1 << 62) - 1)
_TWO32 = cython.declare(cython.longlong, 1 << 32)
_TWO31 = cython.declare(cython.longlong, 1 << 31)
_FEW = cython.declare(cython.int, 16)  # spans of one message that are put in order one by one
_POINT = cython.declare(cython.int, SOURCE_POINT)
_MESSAGE = cython.declare(cython.int, SOURCE_MESSAGE)
_ITEM = cython.declare(cython.int, SOURCE_ITEM)
_ANSWERED = cython.declare(cython.int, ANSWERED)
_REQUEST = cython.declare(cython.int, Kind.REQUEST)
_UNSOLICITED = cython.declare(cython.int, Kind.UNSOLICITED)
_READ = cython.declare(cython.int, Access.READ)
_WRITE = cython.declare(cython.int, Access.WRITE)
_REPORT = cython.declare(cython.int, Access.REPORT)
_NONE = cython.declare(cython.int, DType.NONE)
_BIT = cython.declare(cython.int, DType.BIT)
_BOOL = cython.declare(cython.int, DType.BOOL)
_TYPES = cython.declare(cython.int, 32)

# How a number is made of its bytes.
_UNSIGNED = cython.declare(cython.int, 0)
_SIGNED = cython.declare(cython.int, 1)
_FLOAT = cython.declare(cython.int, 2)


_NUMERIC = np.zeros(_TYPES + 1, dtype=bool)
_NUMERIC[[*WIDTHS, DType.BIT]] = True
"""Per DType whether it is a number."""


def _forms():
    """Per DType: bytes of one value (0: not a number), whether little-endian, and how they make a number."""
    forms = np.zeros((32, 3), dtype=np.int64)
    for dtype, (width, kind) in WIDTHS.items():
        forms[dtype] = width, kind[0] == "<", "uif".index(kind.lstrip("<>")[0])
    return forms


def textual(spans):
    """Which spans are one text each, or bytes that are shown as one; shape (n,)."""
    dtypes = spans[:, S_DTYPE]
    known = _NUMERIC.take(np.clip(dtypes, -1, len(_NUMERIC) - 1))  # the last, which -1 takes too, is no type
    return (spans[:, S_SOURCE] != SOURCE_POINT) & ~known


def in_order(spans):
    """The order of spans that come from several sources: message after message, of each its texts last."""
    key = spans[:, S_ROW] << 1 | textual(spans)
    key = key << 2 | spans[:, S_SOURCE]
    key = key << 6 | np.clip(spans[:, S_DTYPE], -1, 62) + 1
    # the rows of each source are in order already, and such stretches are merged
    return np.argsort(key, kind="stable")


class Spans:
    """The pieces of data of one batch; `before_messages`, `before_items` are cells of the batch before, or no rows."""

    def __init__(
        self, messages, items, points, heap, pair, result, first, before_messages, before_items, before_first, buffers
    ):
        self.messages = memoryview(messages)
        self.items = memoryview(items)
        self.points = memoryview(points)
        self.numbers = memoryview(points.view(np.float64))
        self.heap = memoryview(heap)
        self.pair = memoryview(pair)
        self.result = memoryview(result)
        self.first = first
        self.before_messages = memoryview(before_messages)
        self.before_items = memoryview(before_items)
        self.before_first = before_first
        self.table = buffers.array(len(messages) + len(items) + len(points), S_WIDTH)
        self.spans = memoryview(self.table)
        self.forms = memoryview(_forms())
        self.singles = memoryview(np.zeros(1, dtype=np.float32))
        self.single_bits = memoryview(np.asarray(self.singles).view(np.int32))
        self.doubles = memoryview(np.zeros(1, dtype=np.float64))
        self.double_bits = memoryview(np.asarray(self.doubles).view(np.int64))
        self.places = memoryview(np.full(len(messages) if len(items) else 0, -1, dtype=np.int64))
        self.n = 0
        self.texts = 0
        self.direct = False
        self.mixed = False

    def collect(self):
        """Write the table of spans; returns it, shape (n, S_WIDTH): message after message, of each its texts last."""
        with cython.nogil:
            self.collect_rows()
        spans = self.table[: self.n]
        return spans[in_order(spans)] if self.mixed else spans

    def collect_rows(self):
        """The spans of each message in turn: points and items stand in the order of their messages."""
        i = cython.cast(cython.Py_ssize_t, len(self.items))
        while i > 0:
            i -= 1
            self.places[self.items[i, I_MESSAGE]] = i
        point = cython.cast(cython.Py_ssize_t, 0)
        item = cython.cast(cython.Py_ssize_t, 0)
        for row in range(len(self.messages)):
            start = self.n
            while point < len(self.points) and self.points[point, P_MESSAGE] == row:
                self.collect_point(point, row)
                point += 1
            if self.messages[row, 0] >> M_DATA & 1:
                self.collect_message(row)
            while item < len(self.items) and self.items[item, I_MESSAGE] == row:
                if self.items[item, 0] >> I_DATA & 1:
                    self.collect_item(item, row)
                item += 1
            if self.n - start > 1:
                self.sort_row(start)
        return 0

    def collect_point(self, i, row):
        """A value that the parser wrote itself: neighbours that differ only in address and value are one span."""
        valid = self.points[i, 0]
        object = self.points[i, P_OBJECT]
        block = self.points[i, P_BLOCK] if valid >> P_BLOCK & 1 else _ABSENT
        bit = self.points[i, P_BIT] if valid >> P_BIT & 1 else _ABSENT
        access = self.points[i, P_ACCESS] if valid >> P_ACCESS & 1 else 0
        if access == 0:
            access = self.implied_access(row)
        s = self.n - 1
        if (
            s >= 0
            and self.spans[s, S_SOURCE] == _POINT
            and self.spans[s, S_ROW] == row
            and self.spans[s, S_OBJECT] == object
            and self.spans[s, S_BLOCK] == block
            and self.spans[s, S_BIT] == bit
            and self.spans[s, S_ACCESS] == access
        ):
            self.spans[s, S_COUNT] += 1
            return 0
        s = self.add(row, _POINT, _NONE)
        self.spans[s, S_OBJECT] = object
        self.spans[s, S_BLOCK] = block
        self.spans[s, S_BIT] = bit
        self.spans[s, S_ACCESS] = access
        self.spans[s, S_ADDRESS] = self.points[i, P_ADDRESS]
        self.spans[s, S_STEP] = 0
        self.spans[s, S_DATA] = i
        self.spans[s, S_LENGTH] = 0
        self.spans[s, S_COUNT] = 1
        self.direct = True
        return 0

    def collect_message(self, i):
        """Data that stand in the message itself, read as the message says or as its request does."""
        if self.messages[i, M_DTYPE] != _NONE:
            return self.message_span(self.messages, i, i, self.messages[i, M_DATA], self.messages[i, M_DATA_LENGTH])
        asked = self.request(i)
        if asked >= 0:
            return self.message_span(self.messages, asked, i, self.messages[i, M_DATA], self.messages[i, M_DATA_LENGTH])
        if asked < -1:
            return self.message_span(
                self.before_messages, -2 - asked, i, self.messages[i, M_DATA], self.messages[i, M_DATA_LENGTH]
            )
        return 0

    def collect_item(self, i, row):
        """Data of an item; item k of an answer is read as item k of its request says."""
        if self.items[i, I_DTYPE] != _NONE:
            return self.item_span(self.items, i, row, self.items[i, I_DATA], self.items[i, I_DATA_LENGTH])
        asked = self.request(row)
        if asked >= 0:
            # items of one message stand together, in order
            place = self.places[asked]
            if place >= 0:
                place += self.items[i, I_INDEX]
            if 0 <= place < len(self.items) and self.items[place, I_MESSAGE] == asked:
                return self.item_span(self.items, place, row, self.items[i, I_DATA], self.items[i, I_DATA_LENGTH])
        elif asked < -1:
            place = self.item_of(self.before_items, -2 - asked, self.items[i, I_INDEX])
            if place >= 0:
                return self.item_span(
                    self.before_items, place, row, self.items[i, I_DATA], self.items[i, I_DATA_LENGTH]
                )
        return 0

    def sort_row(self, start):
        """Put the spans of one message, those from `start` on, in the order of `in_order`, which many are left to."""
        for s in range(start + 1, self.n):
            at = s
            while at > start and self.turn(at) < self.turn(at - 1):
                if self.n - start > _FEW:
                    self.mixed = True
                    return 0
                for k in range(S_WIDTH):
                    cell = self.spans[at, k]
                    self.spans[at, k] = self.spans[at - 1, k]
                    self.spans[at - 1, k] = cell
                at -= 1
        return 0

    def turn(self, s):
        """When a span comes among those of its message: see `in_order`."""
        source = self.spans[s, S_SOURCE]
        dtype = self.spans[s, S_DTYPE]
        text = 1 if source != _POINT and self.wordy(dtype) else 0
        return (text << 2 | source) << 6 | (0 if dtype < 0 else dtype + 1 if dtype < 63 else 63)

    def request(self, row):
        """The row of the request that an answer fits: n in this batch, -2 - n in the one before, -1 for none."""
        if self.messages[row, M_KIND] == _REQUEST or self.result[row] != _ANSWERED:
            return -1
        partner = self.pair[row]
        if partner < 0:
            return -1
        if partner >= self.first:
            return partner - self.first
        partner -= self.before_first
        if partner < 0 or partner >= len(self.before_messages):
            return -1
        return -2 - partner

    def item_of(self, cells, row, index):
        """The place of item `index` of a message in other cells, or -1."""
        low = cython.cast(cython.Py_ssize_t, 0)
        high = cython.cast(cython.Py_ssize_t, len(cells))
        while low < high:
            middle = (low + high) // 2
            if cells[middle, I_MESSAGE] < row:
                low = middle + 1
            else:
                high = middle
        low += index
        if low < len(cells) and cells[low, I_MESSAGE] == row:
            return low
        return -1

    def message_span(self, cells, k, row, data, length):
        """Data of message `row`, read as row `k` of `cells` says; without an address nobody knows what they are."""
        valid = cells[k, 0]
        dtype = cells[k, M_DTYPE]
        if valid >> M_ADDRESS & 1 == 0 or cells[k, M_ADDRESS] < 0 or dtype == _NONE:
            return 0
        s = self.add(row, _MESSAGE, dtype)
        self.spans[s, S_OBJECT] = cells[k, M_OBJECT] if valid >> M_OBJECT & 1 else _ABSENT
        self.spans[s, S_BLOCK] = cells[k, M_BLOCK] if valid >> M_BLOCK & 1 else _ABSENT
        self.spans[s, S_BIT] = cells[k, M_BIT] if valid >> M_BIT & 1 else _ABSENT
        self.spans[s, S_ACCESS] = self.implied_access(row)
        self.spans[s, S_ADDRESS] = cells[k, M_ADDRESS]
        self.spans[s, S_STEP] = cells[k, M_STEP]
        self.spans[s, S_DATA] = data
        self.spans[s, S_LENGTH] = length
        self.spans[s, S_COUNT] = self.count(dtype, length, cells[k, M_QUANTITY] if valid >> M_QUANTITY & 1 else -1)
        return 0

    def item_span(self, cells, k, row, data, length):
        """Data of an item of message `row`, read as row `k` of `cells` says."""
        valid = cells[k, 0]
        dtype = cells[k, I_DTYPE]
        if valid >> I_ADDRESS & 1 == 0 or cells[k, I_ADDRESS] < 0 or dtype == _NONE:
            return 0
        s = self.add(row, _ITEM, dtype)
        self.spans[s, S_OBJECT] = cells[k, I_OBJECT] if valid >> I_OBJECT & 1 else _ABSENT
        self.spans[s, S_BLOCK] = cells[k, I_BLOCK] if valid >> I_BLOCK & 1 else _ABSENT
        self.spans[s, S_BIT] = cells[k, I_BIT] if valid >> I_BIT & 1 else _ABSENT
        self.spans[s, S_ACCESS] = self.implied_access(row)
        self.spans[s, S_ADDRESS] = cells[k, I_ADDRESS]
        self.spans[s, S_STEP] = cells[k, I_STEP]
        self.spans[s, S_DATA] = data
        self.spans[s, S_LENGTH] = length
        self.spans[s, S_COUNT] = self.count(dtype, length, cells[k, I_QUANTITY] if valid >> I_QUANTITY & 1 else -1)
        return 0

    def add(self, row, source, dtype):
        """Start a span and return its number."""
        n = self.n
        if source != _POINT and self.wordy(dtype):
            self.texts += 1
        self.spans[n, S_ROW] = row
        self.spans[n, S_SOURCE] = source
        self.spans[n, S_DTYPE] = dtype
        self.n = n + 1
        return n

    def wordy(self, dtype):
        """Whether data of this type are one text: see `textual`."""
        return dtype != _BIT and (dtype < 0 or dtype >= _TYPES or self.forms[dtype, 0] == 0)

    def implied_access(self, row):
        """Why the values of a message were on the wire, by its kind."""
        kind = self.messages[row, M_KIND]
        if kind == _REQUEST:
            return _WRITE
        return _REPORT if kind == _UNSOLICITED else _READ

    def count(self, dtype, length, quantity):
        """How many values to read: no more than fit the data, nor than were asked for where that is known."""
        if dtype == _BIT:
            held = length * 8
        else:
            width = self.forms[dtype, 0] if 0 <= dtype < _TYPES else 0
            if width == 0:
                return 1
            held = length // width
        return quantity if 0 <= quantity < held else held

    # -- values -----------------------------------------------------------------------------------------------

    def fill(self, spans, which, message, address, value):
        """Write the values of `spans` (rows of the table): number of the span and of the message, address and value,
        which is 0 for a text.
        """
        a, w, m = memoryview(spans), memoryview(which), memoryview(message)
        p, v = memoryview(address), memoryview(value)
        with cython.nogil:
            self.fill_places(a, w, m)
            self.fill_numbers(a, p, v)

    def fill_places(self, spans, which, message):
        """The span and the message of each value."""
        at = cython.cast(cython.Py_ssize_t, 0)
        for s in range(len(spans)):
            count = spans[s, S_COUNT]
            number = self.first + spans[s, S_ROW]
            for k in range(at, at + count):
                which[k] = s
                message[k] = number
            at += count
        return 0

    def fill_numbers(self, spans, address, value):
        """The loop over the values."""
        heap = self.heap
        at = cython.cast(cython.Py_ssize_t, 0)
        for s in range(len(spans)):
            count = spans[s, S_COUNT]
            start = spans[s, S_DATA]
            dtype = spans[s, S_DTYPE]
            if spans[s, S_SOURCE] == _POINT:
                for k in range(count):
                    address[at] = self.points[start + k, P_ADDRESS]
                    value[at] = self.numbers[start + k, P_VALUE]
                    at += 1
                continue
            first = spans[s, S_ADDRESS]
            step = spans[s, S_STEP]
            if dtype == _BIT:
                for k in range(count):
                    address[at] = first + k * step
                    value[at] = heap[start + (k >> 3)] >> (k & 7) & 1
                    at += 1
                continue
            if self.wordy(dtype):
                address[at] = first
                value[at] = 0
                at += 1
                continue
            width = self.forms[dtype, 0]
            little = self.forms[dtype, 1]
            form = self.forms[dtype, 2]
            if width == 2 and form == _UNSIGNED and not little:
                for k in range(count):
                    address[at] = first + k * step
                    value[at] = heap[start + 2 * k] << 8 | heap[start + 2 * k + 1]
                    at += 1
                continue
            for k in range(count):
                address[at] = first + k * step
                value[at] = self.number(start + k * width, width, little, form)
                if dtype == _BOOL and value[at] != 0:
                    value[at] = 1
                at += 1
        return 0

    def number(self, at, width, little, form):
        """The number that `width` bytes of the heap make."""
        high = cython.cast(cython.longlong, 0)
        low = cython.cast(cython.longlong, 0)
        for i in range(width):
            octet = cython.cast(cython.longlong, self.heap[at + width - 1 - i if little else at + i])
            if width - i > 4:
                high = high << 8 | octet
            else:
                low = low << 8 | octet
        if form == _FLOAT:
            if width == 4:
                self.single_bits[0] = low - _TWO32 if low >= _TWO31 else low
                return self.singles[0]
            self.double_bits[0] = (high - _TWO32 if high >= _TWO31 else high) * _TWO32 + low
            return self.doubles[0]
        if width == 8:
            if form == _SIGNED:
                high -= _TWO32 if high >= _TWO31 else 0
                return high * _TWO32 + low
            # two exact halves, one rounding: the same as rounding the whole
            return cython.cast(cython.double, high) * 4294967296.0 + low
        if form == _SIGNED and low >> (8 * width - 1):
            low -= cython.cast(cython.longlong, 1) << (8 * width)
        return low

    # -- texts ------------------------------------------------------------------------------------------------

    def distinct(self, spans, word):
        """Number the different texts among spans from 1, 0 for numbers, into `word`; the first span of each."""
        size = 16
        while size < 2 * len(spans):
            size *= 2
        kept = np.empty(self.texts, dtype=np.int64)
        a, w, k, h = memoryview(spans), memoryview(word), memoryview(kept), memoryview(np.full(size, -1, np.int64))
        with cython.nogil:
            n = self.find_distinct(a, w, k, h)
        return kept[:n]

    def find_distinct(self, spans, word, kept, heads):
        """The loop over the spans; `heads`: a table of the first spans by hash."""
        n = cython.cast(cython.Py_ssize_t, 0)
        for s in range(len(spans)):
            if spans[s, S_SOURCE] == _POINT or not self.wordy(spans[s, S_DTYPE]):
                word[s] = 0
                continue
            at = self.hash(spans, s) & (len(heads) - 1)
            tries = 0
            while heads[at] >= 0 and tries < _MAX_PROBES and not self.alike(spans, s, heads[at]):
                at = (at + 1) & (len(heads) - 1)
                tries += 1
            if heads[at] >= 0 and tries < _MAX_PROBES:
                word[s] = word[heads[at]]
                continue
            if heads[at] < 0:
                heads[at] = s
            kept[n] = s
            n += 1
            word[s] = n
        return n

    @cython.boundscheck(False)  # the bytes are checked once, and the span is one that the caller read
    def hash(self, spans, s):
        """A number that is the same for texts that are alike."""
        start = spans[s, S_DATA]
        length = spans[s, S_LENGTH]
        key = ((_SEED ^ length) * _PRIME) & _MASK
        if length > _MAX_HEX:
            length = _MAX_HEX
        if length > 0 and (start < 0 or start + length > len(self.heap)):
            raise IndexError("outside the heap")
        i = cython.cast(cython.Py_ssize_t, 0)
        while i + 4 <= length:
            four = cython.cast(cython.longlong, self.heap[start + i]) | self.heap[start + i + 1] << 8
            four |= self.heap[start + i + 2] << 16 | cython.cast(cython.longlong, self.heap[start + i + 3]) << 24
            key = ((key ^ four) * _PRIME) & _MASK
            i += 4
        while i < length:
            key = ((key ^ self.heap[start + i]) * _PRIME) & _MASK
            i += 1
        return key ^ key >> 29

    def alike(self, spans, s, other):
        """Whether two spans are the same text, as far as it is kept."""
        length = spans[s, S_LENGTH]
        if spans[other, S_LENGTH] != length or spans[other, S_DTYPE] != spans[s, S_DTYPE]:
            return False
        if length > _MAX_HEX:
            length = _MAX_HEX
        if length == 0:
            return True
        one = spans[s, S_DATA]
        two = spans[other, S_DATA]
        if one < 0 or two < 0 or one + length > len(self.heap) or two + length > len(self.heap):
            return False
        if cython.compiled:
            return memcmp(cython.address(self.heap[one]), cython.address(self.heap[two]), length) == 0
        return self.heap[one : one + length] == self.heap[two : two + length]

    # -- what parsers say of single points ----------------------------------------------------------------------

    def details(self, spans, quality, stamp, text, has_value):
        """Write what only points of a parser have, at the places of their values; other places keep what they hold.

        Returns a mask of what there is at all: 1 quality, 2 stamp, 4 text, 8 a point without a number.
        """
        a, q, t = memoryview(spans), memoryview(quality), memoryview(stamp)
        x, h = memoryview(text), memoryview(has_value)
        with cython.nogil:
            seen = self.fill_details(a, q, t, x, h)
        return seen

    def fill_details(self, spans, quality, stamp, text, has_value):
        """The loop over the points."""
        a = self.points
        seen = cython.cast(cython.int, 0)
        at = cython.cast(cython.Py_ssize_t, 0)
        for s in range(len(spans)):
            count = spans[s, S_COUNT]
            if spans[s, S_SOURCE] != _POINT:
                at += count
                continue
            start = spans[s, S_DATA]
            for k in range(count):
                i = start + k
                valid = a[i, 0]
                if valid >> P_QUALITY & 1:
                    quality[at] = a[i, P_QUALITY]
                    seen |= 1
                if valid >> P_STAMP & 1:
                    stamp[at] = a[i, P_STAMP]
                    seen |= 2
                if valid >> P_TEXT & 1 and a[i, P_TEXT] != 0:
                    text[at] = a[i, P_TEXT]
                    seen |= 4
                if valid >> P_VALUE & 1 == 0:
                    has_value[at] = 0
                    seen |= 8
                at += 1
        return seen
