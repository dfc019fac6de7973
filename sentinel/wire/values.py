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


def _forms():
    """Per DType: bytes of one value (0: not a number), whether little-endian, and how they make a number."""
    forms = np.zeros((32, 3), dtype=np.int64)
    for dtype, (width, kind) in WIDTHS.items():
        forms[dtype] = width, kind[0] == "<", "uif".index(kind.lstrip("<>")[0])
    return forms


def textual(spans):
    """Which spans are one text each, or bytes that are shown as one; shape (n,)."""
    return (spans[:, S_SOURCE] != SOURCE_POINT) & ~np.isin(spans[:, S_DTYPE], [*WIDTHS, DType.BIT])


class Spans:
    """The pieces of data of one batch; `before_messages`, `before_items` are cells of the batch before, or no rows."""

    def __init__(self, messages, items, points, heap, pair, result, first, before_messages, before_items, before_first):
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
        self.table = np.empty((len(messages) + len(items) + len(points), S_WIDTH), dtype=np.int64)
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
            self.collect_points()
            self.collect_messages()
            self.collect_items()
        spans = self.table[: self.n]
        if self.mixed:
            spans = spans[np.lexsort((spans[:, S_DTYPE], spans[:, S_SOURCE], textual(spans), spans[:, S_ROW]))]
        return spans

    def collect_points(self):
        """Values that the parser wrote itself: neighbours that differ only in address and value are one span."""
        a = self.points
        for i in range(len(a)):
            valid = a[i, 0]
            row = a[i, P_MESSAGE]
            object = a[i, P_OBJECT]
            block = a[i, P_BLOCK] if valid >> P_BLOCK & 1 else _ABSENT
            bit = a[i, P_BIT] if valid >> P_BIT & 1 else _ABSENT
            access = a[i, P_ACCESS] if valid >> P_ACCESS & 1 else 0
            if access == 0:
                access = self.implied_access(row)
            if i > 0:
                s = self.n - 1
                if (
                    self.spans[s, S_ROW] == row
                    and self.spans[s, S_OBJECT] == object
                    and self.spans[s, S_BLOCK] == block
                    and self.spans[s, S_BIT] == bit
                    and self.spans[s, S_ACCESS] == access
                ):
                    self.spans[s, S_COUNT] += 1
                    continue
            s = self.add(row, _POINT, _NONE)
            self.spans[s, S_OBJECT] = object
            self.spans[s, S_BLOCK] = block
            self.spans[s, S_BIT] = bit
            self.spans[s, S_ACCESS] = access
            self.spans[s, S_ADDRESS] = a[i, P_ADDRESS]
            self.spans[s, S_STEP] = 0
            self.spans[s, S_DATA] = i
            self.spans[s, S_LENGTH] = 0
            self.spans[s, S_COUNT] = 1
            self.direct = True
        return 0

    def collect_messages(self):
        """Data that stand in the message itself, read as the message says or as its request does."""
        a = self.messages
        for i in range(len(a)):
            if a[i, 0] >> M_DATA & 1 == 0:
                continue
            dtype = a[i, M_DTYPE]
            if dtype == _NONE:
                asked = self.request(i)
                if asked >= 0:
                    self.message_span(self.messages, asked, i, a[i, M_DATA], a[i, M_DATA_LENGTH])
                elif asked < -1:
                    self.message_span(self.before_messages, -2 - asked, i, a[i, M_DATA], a[i, M_DATA_LENGTH])
            else:
                self.message_span(self.messages, i, i, a[i, M_DATA], a[i, M_DATA_LENGTH])
        return 0

    def collect_items(self):
        """Data of items; item k of an answer is read as item k of its request says."""
        a = self.items
        i = cython.cast(cython.Py_ssize_t, len(a))
        while i > 0:
            i -= 1
            self.places[a[i, I_MESSAGE]] = i
        for i in range(len(a)):
            if a[i, 0] >> I_DATA & 1 == 0:
                continue
            row = a[i, I_MESSAGE]
            if a[i, I_DTYPE] == _NONE:
                asked = self.request(row)
                if asked >= 0:
                    # items of one message stand together, in order
                    place = self.places[asked]
                    if place >= 0:
                        place += a[i, I_INDEX]
                    if 0 <= place < len(a) and a[place, I_MESSAGE] == asked:
                        self.item_span(self.items, place, row, a[i, I_DATA], a[i, I_DATA_LENGTH])
                elif asked < -1:
                    place = self.item_of(self.before_items, -2 - asked, a[i, I_INDEX])
                    if place >= 0:
                        self.item_span(self.before_items, place, row, a[i, I_DATA], a[i, I_DATA_LENGTH])
            else:
                self.item_span(self.items, i, row, a[i, I_DATA], a[i, I_DATA_LENGTH])
        return 0

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
        text = source != _POINT and self.wordy(dtype)
        if text:
            self.texts += 1
        if n > 0 and not self.mixed:
            p = n - 1
            if self.spans[p, S_ROW] > row:
                self.mixed = True
            elif self.spans[p, S_ROW] == row:
                if self.spans[p, S_SOURCE] == source:
                    self.mixed = self.spans[p, S_DTYPE] > dtype
                if not text and self.spans[p, S_SOURCE] != _POINT and self.wordy(self.spans[p, S_DTYPE]):
                    self.mixed = True
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

    def fill(self, spans, which, address, value):
        """Write the values of `spans` (rows of the table): span number, address and number, which is 0 for a text."""
        a, w, p, v = memoryview(spans), memoryview(which), memoryview(address), memoryview(value)
        with cython.nogil:
            self.fill_numbers(a, w, p, v)

    def fill_numbers(self, spans, which, address, value):
        """The loop over the values."""
        heap = self.heap
        at = cython.cast(cython.Py_ssize_t, 0)
        for s in range(len(spans)):
            count = spans[s, S_COUNT]
            start = spans[s, S_DATA]
            dtype = spans[s, S_DTYPE]
            if spans[s, S_SOURCE] == _POINT:
                for k in range(count):
                    which[at] = s
                    address[at] = self.points[start + k, P_ADDRESS]
                    value[at] = self.numbers[start + k, P_VALUE]
                    at += 1
                continue
            first = spans[s, S_ADDRESS]
            step = spans[s, S_STEP]
            if dtype == _BIT:
                for k in range(count):
                    which[at] = s
                    address[at] = first + k * step
                    value[at] = heap[start + (k >> 3)] >> (k & 7) & 1
                    at += 1
                continue
            if self.wordy(dtype):
                which[at] = s
                address[at] = first
                value[at] = 0
                at += 1
                continue
            width = self.forms[dtype, 0]
            little = self.forms[dtype, 1]
            form = self.forms[dtype, 2]
            if width == 2 and form == _UNSIGNED and not little:
                for k in range(count):
                    which[at] = s
                    address[at] = first + k * step
                    value[at] = heap[start + 2 * k] << 8 | heap[start + 2 * k + 1]
                    at += 1
                continue
            for k in range(count):
                which[at] = s
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
