# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Growing typed columns that every parser writes to.

A `Block` is one table in memory: a two-dimensional array of 64-bit cells, row after row, whose first column is the
validity mask of the row (bit k set: cell k was written). It is turned around, once, when a batch is taken. `Rows` is
what a parser sees: it starts rows and fills cells; who talks to whom, in which frame and when, the core has already
written.

How a parser uses it (one call a fact of the wire, in any order after `message`):

    out.message(REQUEST, function, operation)     # operation: a key of the parser's OPERATIONS
    out.unit(7); out.transaction(t)               # the cells that every protocol shares
    out.target(OBJECT, address, quantity)         # what is read or written, when it is one thing
    out.values(r, n, DTYPE, step)                 # n data bytes at the cursor are values of it (steps over them)
    out.item(OBJECT, block, address, quantity)    # or one row for each of several things ...
    out.item_values(r, n, DTYPE, step)            # ... with its own data
    out.point(OBJECT, address, value)             # a value that is already a number (DNP3)
    out.ext(k, v); out.ext_text(k, s)             # column k of the parser's TABLE
    out.fact("model", "CPU 315-2")                # what the sender says about itself
"""

import cython
import numpy as np

from sentinel.wire.buffers import Buffers
from sentinel.wire.layout import (
    F_CAPTURE,
    F_CODE,
    F_COUNT,
    F_DETAIL,
    F_FLOW,
    F_FRAME,
    F_OFFSET,
    F_PROTOCOL,
    F_TIME,
    F_WIDTH,
    I_ADDRESS,
    I_BIT,
    I_BLOCK,
    I_DATA,
    I_DATA_LENGTH,
    I_DTYPE,
    I_INDEX,
    I_MESSAGE,
    I_NAME,
    I_OBJECT,
    I_QUANTITY,
    I_STATUS,
    I_STEP,
    I_WIDTH,
    M_ADDRESS,
    M_BIT,
    M_BLOCK,
    M_CAPTURE,
    M_DATA,
    M_DATA_LENGTH,
    M_DETAIL,
    M_DIRECTION,
    M_DTYPE,
    M_EXT,
    M_FAULT,
    M_FIRST_FRAME,
    M_FLOW,
    M_FRAME,
    M_FUNCTION,
    M_IDENT,
    M_INDEX,
    M_KIND,
    M_LENGTH,
    M_NAME,
    M_OBJECT,
    M_OFFSET,
    M_OPERATION,
    M_PROTOCOL,
    M_QUANTITY,
    M_SHAPE,
    M_STATUS,
    M_STEP,
    M_TIME,
    M_TRANSACTION,
    M_UNIT,
    M_WIDTH,
    P_ACCESS,
    P_ADDRESS,
    P_BIT,
    P_ITEM,
    P_MESSAGE,
    P_OBJECT,
    P_QUALITY,
    P_STAMP,
    P_TEXT,
    P_VALUE,
    P_WIDTH,
)
from sentinel.wire.reader import Malformed

if cython.compiled:
    from cython.cimports.libc.string import memcpy, memset
    from cython.cimports.sentinel.wire.reader import Reader
else:
    from sentinel.wire.reader import Reader

_TOO_LARGE = 49  # Fault.TOO_LARGE; a literal so that this module imports no enumeration

MAX_KEPT = 64 << 20  # bytes of all flows that wait for a label, a missing segment or the rest of a message
MAX_TEXTS = 1 << 20
MAX_TEXT_SIZE = 1 << 25  # characters of all texts of a run together
MAX_TEXT = 1024
MAX_FACTS = 1 << 18
MAX_ITEMS = 4096  # items of one message that are kept; the quantity in the message is what the wire said
MAX_POINTS = 1 << 16  # points of one message that are kept


class Block:
    """One table in memory: `n` rows of `width` 64-bit cells; `a` as integers, `f` the same cells as floats."""

    def __init__(self, width, capacity=1024):
        self.width = width
        self.n = 0
        self.capacity = capacity
        self.buffers = Buffers()
        """Where large arrays come from; blocks may share it."""
        self.cells = np.zeros((capacity, width), dtype=np.int64)
        # views of the same memory: a memoryview gives plain ints and floats uncompiled, C values compiled
        self.a = memoryview(self.cells)
        self.f = memoryview(self.cells.view(np.float64))

    def add(self):
        """Start a row and return its number; all cells of it are zero and absent."""
        n = self.n
        if n == self.capacity:
            self.grow()
        if cython.compiled:
            memset(cython.address(self.a[n, 0]), 0, self.width * 8)
        else:
            self.cells[n] = 0
        self.n = n + 1
        return n

    def put(self, row, cell, value):
        """Write one cell of one row and mark it as present."""
        self.a[row, cell] = value
        self.a[row, 0] |= cython.cast(cython.longlong, 1) << cell

    def grow(self):
        """Double the capacity, keeping every row."""
        cells = self.buffers.array(self.capacity * 2, self.width)
        cells[: self.n] = self.cells[: self.n]
        self.capacity *= 2
        self.cells = cells
        self.a = memoryview(cells)
        self.f = memoryview(cells.view(np.float64))

    def clear(self):
        """Forget all rows; the memory stays."""
        self.n = 0

    def take(self):
        """A copy of the rows written so far, shape (n, width), int64, column after column; the block is empty then."""
        columns = self.buffers.array(self.width, self.n)
        if cython.compiled:
            into = columns  # a view of it, by rows.pxd
            with cython.nogil:
                self.turn(into)
        else:
            columns[:] = self.cells[: self.n].T
        self.n = 0
        return columns.T

    @cython.boundscheck(False)  # both arrays were made of this size
    def turn(self, into):
        """Write the rows as columns, some rows at a time: each stretch of memory is fetched once, not per column."""
        start = cython.cast(cython.Py_ssize_t, 0)
        while start < self.n:
            stop = start + 8 if start + 8 < self.n else self.n
            for column in range(self.width):
                for row in range(start, stop):
                    into[column, row] = self.a[row, column]
            start = stop
        return 0

    def weight(self):
        """Bytes of the rows written so far."""
        return self.n * self.width * 8


class Carrier:
    """What `Rows.hand` asks: gives the next n bytes of a reader to the parser of that name, or one that fits."""

    def carry(self, r: Reader, n, name):
        """Whether a parser was there and took the bytes; the reader stands behind them in any case."""
        r.skip(n)
        return False


class Rows:
    """What a parser writes to: rows of messages, items, points and facts of one batch."""

    def __init__(self):
        self.messages = Block(M_WIDTH, 4096)
        self.items = Block(I_WIDTH, 1024)
        self.points = Block(P_WIDTH, 1024)
        self.faults = Block(F_WIDTH, 256)
        self.extras = {}
        self.extra = None
        self.heap_bytes = np.zeros(1 << 16, dtype=np.uint8)
        self.heap = memoryview(self.heap_bytes)
        self.heap_n = 0
        self.texts = [""]
        self.text_ids = {"": 0}
        self.facts = []
        self.fact_keys = set()
        self.facts_dropped = 0
        self.texts_dropped = 0
        self.text_size = 0
        self.kept = 0
        self.grown = 0
        self.capture = 0
        self.frame = 0
        self.since = 0
        self.time = 0
        self.flow = 0
        self.ident = 0
        self.direction = 0
        self.protocol = 0
        self.index = 0
        self.offset = 0
        self.row = -1
        self.item_row = -1
        self.item_count = 0
        self.point_count = 0
        self.slot = None
        self.shared = None
        self.oriented = False
        self.carrier = None
        self.batch = 0

    # -- context, written by the core -------------------------------------------------------------------------

    def at(self, frame, since, time, flow, ident, direction, offset):
        """The place of the next message: set by the core before each call of a parser; flow -1 is none."""
        if frame != self.frame:
            self.index = 0
        self.frame = frame
        self.since = since
        self.time = time
        self.flow = flow
        self.ident = ident
        self.direction = direction
        self.offset = offset
        self.row = -1

    def use(self, protocol, extra):
        """The protocol whose parser is about to be called, and where its own columns are written (or None)."""
        self.protocol = protocol
        self.extra = extra

    # -- messages ---------------------------------------------------------------------------------------------

    @cython.boundscheck(False)  # the row was just made, and its cells are constants
    def message(self, kind, function, operation):
        """Start a message row; `function` is the protocol's code or -1 for none, `operation` a key of OPERATIONS."""
        block = self.messages
        n = block.add()
        block.a[n, M_CAPTURE] = self.capture
        block.a[n, M_FRAME] = self.frame
        block.a[n, M_FIRST_FRAME] = self.since
        block.a[n, M_TIME] = self.time
        block.a[n, M_FLOW] = self.flow
        block.a[n, M_IDENT] = self.ident
        block.a[n, M_DIRECTION] = self.direction
        block.a[n, M_PROTOCOL] = self.protocol
        block.a[n, M_KIND] = kind
        block.a[n, M_OPERATION] = operation
        block.a[n, M_OFFSET] = self.offset
        block.a[n, M_INDEX] = self.index
        self.index += 1
        if function >= 0:
            block.a[n, M_FUNCTION] = function
            block.a[n, 0] = cython.cast(cython.longlong, 1) << M_FUNCTION
        self.row = n
        self.item_count = 0
        self.point_count = 0
        self.item_row = -1
        if self.extra is not None:
            block.a[n, M_EXT] = self.extra.add()
        return n

    def unit(self, value):
        """Unit identifier, station or link address behind the network address."""
        self.messages.put(self.row, M_UNIT, value)

    def kind(self, value):
        """Change the kind of the message that was started."""
        self.messages.a[self.row, M_KIND] = value

    def operation(self, key):
        """Change the operation of the message that was started."""
        self.messages.a[self.row, M_OPERATION] = key

    def status(self, value):
        """Result code of an answer, as the protocol numbers it; 0 is success where the protocol says so."""
        self.messages.put(self.row, M_STATUS, value)

    def transaction(self, value):
        """The number that joins an answer to its request."""
        self.messages.put(self.row, M_TRANSACTION, value)

    @cython.boundscheck(False)  # one check of the row; the cells are constants
    def pairing(self, unit, transaction, shape):
        """Unit (-1: none), transaction and shape in one call: what joins an answer to its request."""
        row = self.row
        if row < 0 or row >= self.messages.n:
            raise IndexError("no message was begun")
        self.messages.a[row, M_TRANSACTION] = transaction
        self.messages.a[row, M_SHAPE] = shape
        mask = cython.cast(cython.longlong, 1) << M_TRANSACTION
        if unit >= 0:
            self.messages.a[row, M_UNIT] = unit
            mask |= cython.cast(cython.longlong, 1) << M_UNIT
        mask |= cython.cast(cython.longlong, 1) << M_SHAPE
        self.messages.a[row, 0] |= mask

    def shape(self, value):
        """What an answer and its request must share beside the transaction (a function code): see pairing.py.

        -1: the message has no partner (a request that nobody answers, a later fragment of an answer).
        """
        self.messages.put(self.row, M_SHAPE, value)

    def name(self, text):
        """The name of what the message is about: a file, block, service or program name (str or bytes)."""
        self.messages.put(self.row, M_NAME, self.text(text))

    def target(self, object, address, quantity):
        """What is addressed when it is one thing: a key of OBJECTS, first address, count (-1: absent)."""
        n = self.row
        mask = cython.cast(cython.longlong, 1) << M_OBJECT
        self.messages.a[n, M_OBJECT] = object
        if address >= 0:
            self.messages.a[n, M_ADDRESS] = address
            mask |= cython.cast(cython.longlong, 1) << M_ADDRESS
        if quantity >= 0:
            self.messages.a[n, M_QUANTITY] = quantity
            mask |= cython.cast(cython.longlong, 1) << M_QUANTITY
        self.messages.a[n, 0] |= mask

    def block(self, value):
        """The container of the address: data block or file number."""
        self.messages.put(self.row, M_BLOCK, value)

    def bit(self, value):
        """Bit number within the address of the target."""
        self.messages.put(self.row, M_BIT, value)

    def dtype(self, dtype, step):
        """How an answer's data are to be read (for requests): a DType and the address step from value to value."""
        self.messages.put(self.row, M_DTYPE, dtype)
        self.messages.a[self.row, M_STEP] = step

    @cython.boundscheck(False)  # one check of the row; the cells are constants
    def values(self, r: Reader, n, dtype, step):
        """Keep the n bytes at the cursor as values of the target, and step over them.

        `dtype` NONE: read as the paired request says. `step`: address distance from value to value.
        """
        at = self.keep(r, n)
        row = self.row
        block = self.messages
        if row < 0 or row >= block.n:
            raise IndexError("no message was begun")
        block.a[row, M_DTYPE] = dtype
        block.a[row, M_STEP] = step
        block.a[row, M_DATA] = at
        block.a[row, M_DATA_LENGTH] = n
        mask = cython.cast(cython.longlong, 1) << M_DATA
        block.a[row, 0] |= mask | cython.cast(cython.longlong, 1) << M_DTYPE

    def length(self, n):
        """Bytes of the message on the wire; the core fills it in where the parser does not."""
        self.messages.a[self.row, M_LENGTH] = n

    def fault(self, code, detail=""):
        """Mark the message as breaking its standard in one point, while the rest of it was read."""
        self.messages.put(self.row, M_FAULT, code)
        if detail:
            self.messages.put(self.row, M_DETAIL, self.text(detail))
        self.trouble(code, detail, self.offset)

    def trouble(self, code, detail, offset):
        """A fault row for the place that `at` set, without a message."""
        block = self.faults
        n = block.add()
        block.a[n, F_CAPTURE] = self.capture
        block.a[n, F_FRAME] = self.frame
        block.a[n, F_TIME] = self.time
        if self.flow >= 0:
            block.a[n, F_FLOW] = self.flow
            block.a[n, 0] = cython.cast(cython.longlong, 1) << F_FLOW
        block.a[n, F_CODE] = code
        block.a[n, F_COUNT] = 1
        block.a[n, F_DETAIL] = self.text(detail)
        block.a[n, F_PROTOCOL] = self.protocol
        block.a[n, F_OFFSET] = offset

    # -- items ------------------------------------------------------------------------------------------------

    @cython.boundscheck(False)  # the row was just made, and its cells are constants
    def item(self, object, block, address, quantity):
        """One of several things that the message addresses; -1 marks what is absent. Returns False past MAX_ITEMS."""
        self.item_count += 1
        if self.item_count > MAX_ITEMS:
            self.item_row = -1
            return False
        items = self.items
        n = items.add()
        mask = cython.cast(cython.longlong, 0)
        items.a[n, I_MESSAGE] = self.row
        items.a[n, I_INDEX] = self.item_count - 1
        if object >= 0:
            items.a[n, I_OBJECT] = object
            mask |= cython.cast(cython.longlong, 1) << I_OBJECT
        if block >= 0:
            items.a[n, I_BLOCK] = block
            mask |= cython.cast(cython.longlong, 1) << I_BLOCK
        if address >= 0:
            items.a[n, I_ADDRESS] = address
            mask |= cython.cast(cython.longlong, 1) << I_ADDRESS
        if quantity >= 0:
            items.a[n, I_QUANTITY] = quantity
            mask |= cython.cast(cython.longlong, 1) << I_QUANTITY
        items.a[n, 0] = mask
        self.item_row = n
        return True

    def item_bit(self, value):
        """Bit number within the item's address."""
        if self.item_row >= 0:
            self.items.put(self.item_row, I_BIT, value)

    def item_status(self, value):
        """Result code of this item."""
        if self.item_row >= 0:
            self.items.put(self.item_row, I_STATUS, value)

    def item_name(self, text):
        """Symbolic name of this item (str or bytes)."""
        if self.item_row >= 0:
            self.items.put(self.item_row, I_NAME, self.text(text))

    def item_dtype(self, dtype, step):
        """How the data of this item, here or in the answer, are read."""
        if self.item_row >= 0:
            self.items.put(self.item_row, I_DTYPE, dtype)
            self.items.a[self.item_row, I_STEP] = step

    def variable(self, object, block, address, bit, quantity, dtype, step):
        """`item`, `item_bit` and `item_dtype` in one call."""
        if not self.item(object, block, address, quantity):
            return False
        items = self.items
        n = self.item_row
        mask = cython.cast(cython.longlong, 1) << I_DTYPE
        if bit >= 0:
            items.a[n, I_BIT] = bit
            mask |= cython.cast(cython.longlong, 1) << I_BIT
        items.a[n, I_DTYPE] = dtype
        items.a[n, I_STEP] = step
        items.a[n, 0] |= mask
        return True

    @cython.boundscheck(False)  # one check of the row; the cells are constants
    def item_values(self, r: Reader, n, dtype, step):
        """Keep the n bytes at the cursor as values of the item, and step over them; see `values`."""
        row = self.item_row
        if row < 0:
            r.skip(n)
            return 0
        at = self.keep(r, n)
        items = self.items
        if row >= items.n:
            raise IndexError("no item was begun")
        items.a[row, I_DTYPE] = dtype
        items.a[row, I_STEP] = step
        items.a[row, I_DATA] = at
        items.a[row, I_DATA_LENGTH] = n
        mask = cython.cast(cython.longlong, 1) << I_DATA
        items.a[row, 0] |= mask | cython.cast(cython.longlong, 1) << I_DTYPE

    # -- points -----------------------------------------------------------------------------------------------

    @cython.boundscheck(False)  # the row was just made, and its cells are constants
    def point(self, object, address, value):
        """One process value with its own address, already a number. Returns False past MAX_POINTS."""
        self.point_count += 1
        if self.point_count > MAX_POINTS:
            return False
        points = self.points
        n = points.add()
        points.a[n, P_MESSAGE] = self.row
        points.a[n, P_OBJECT] = object
        points.a[n, P_ADDRESS] = address
        points.a[n, P_ITEM] = self.item_count - 1 if self.item_count > 0 else 0
        points.f[n, P_VALUE] = value
        points.a[n, 0] = (cython.cast(cython.longlong, 1) << P_ADDRESS) | (cython.cast(cython.longlong, 1) << P_VALUE)
        return True

    def measured(self, object, address, value, access, quality):
        """`point`, `point_access` and `point_quality` (-1: none) in one call."""
        if not self.point(object, address, value):
            return False
        points = self.points
        n = points.n - 1
        points.a[n, P_ACCESS] = access
        mask = cython.cast(cython.longlong, 1) << P_ACCESS
        if quality >= 0:
            points.a[n, P_QUALITY] = quality
            mask |= cython.cast(cython.longlong, 1) << P_QUALITY
        points.a[n, 0] |= mask
        return True

    def point_text(self, object, address, text):
        """One process value that is text or bytes (hex) instead of a number."""
        if not self.point(object, address, 0.0):
            return False
        points = self.points
        n = points.n - 1
        points.a[n, 0] = cython.cast(cython.longlong, 1) << P_ADDRESS
        points.put(n, P_TEXT, self.text(text))
        return True

    def point_quality(self, value):
        """Quality flags of the point just written, as the protocol numbers them."""
        if 0 < self.point_count <= MAX_POINTS:
            self.points.put(self.points.n - 1, P_QUALITY, value)

    def point_time(self, value):
        """Time stamp that the device gave to the point just written, ns since 1970-01-01 UTC."""
        if 0 < self.point_count <= MAX_POINTS:
            self.points.put(self.points.n - 1, P_STAMP, value)

    def point_bit(self, value):
        """Bit number within the address of the point just written."""
        if 0 < self.point_count <= MAX_POINTS:
            self.points.put(self.points.n - 1, P_BIT, value)

    def point_access(self, value):
        """Why the value was on the wire (Access); without it the message's kind and activity tell."""
        if 0 < self.point_count <= MAX_POINTS:
            self.points.put(self.points.n - 1, P_ACCESS, value)

    # -- the protocol's own columns ---------------------------------------------------------------------------

    def own(self):
        """The parser's own columns, of which the message at hand must be the last row."""
        extra = self.extra
        if extra is None:
            raise ValueError("the parser has no TABLE")
        if self.row < 0 or self.messages.a[self.row, M_EXT] + 1 != extra.n:
            raise IndexError("no message was begun, or what it handed on stands behind it")
        return extra

    def ext(self, column, value):
        """Column `column` (0-based) of the parser's TABLE for this message: a number."""
        self.own().put(column + 1, value)

    def ext4(self, column, a, b, c, d):
        """Four neighbouring columns from `column` on, in one call: numbers."""
        self.own().put4(column + 1, a, b, c, d)

    def ext_text(self, column, text):
        """Column `column` of the parser's TABLE for this message: text or bytes."""
        self.ext(column, self.text(text))

    def ext_float(self, column, value):
        """Column `column` of the parser's TABLE for this message: a float (type f64)."""
        self.own().put_float(column + 1, value)

    # -- facts ------------------------------------------------------------------------------------------------

    def fact(self, kind, value, unit=-1, confidence=0.9, about_peer=False):
        """What the sender (or, `about_peer`, the receiver) of the message is: see schema.FACT_KINDS for `kind`."""
        text = clean(value)
        if not text:
            return
        direction = self.direction if not about_peer else 1 - self.direction
        key = (self.flow, direction, unit, kind, text)
        if key in self.fact_keys:
            return
        if len(self.fact_keys) >= MAX_FACTS:
            self.facts_dropped += 1
            return
        self.fact_keys.add(key)
        said = (direction, unit, kind, text, confidence, self.protocol)
        self.facts.append(self.place() + said)

    def place(self):
        """Where the current message stands: capture, frame, time, flow, identity row."""
        return self.capture, self.frame, self.time, self.flow, self.ident

    # -- carriers ---------------------------------------------------------------------------------------------

    def grow(self, n):
        """Tell that the slot now keeps n bytes more (or, negative, fewer); Malformed where all flows keep too much.

        Every buffer in a slot is told this way: a cap for each of them is none for all of them together.
        """
        self.grown += n
        self.kept += n
        if n > 0 and self.kept > MAX_KEPT:
            raise Malformed(_TOO_LARGE, "all flows together keep too much")

    def hand(self, r: Reader, n, protocol):
        """Hand the n bytes at the cursor on to the parser named `protocol` and step over them.

        For a span that the carrier reassembled itself, pass a Reader over it. Returns True where such a parser is
        there and took the bytes; the rows that it wrote follow those of the carrier. The carrier's own row, if any,
        must be complete before the call.
        """
        carrier = self.carrier
        if carrier is None:
            r.skip(n)
            return False
        if isinstance(carrier, Carrier):
            # without a Python call; the test of the type is what lets the compiled build do so
            return cython.cast(Carrier, carrier).carry(r, n, protocol)
        return carrier(r, n, protocol)

    # -- helpers ----------------------------------------------------------------------------------------------

    def keep(self, r: Reader, n):
        """Copy the n bytes at the cursor to the heap, step over them, return their place."""
        p = r.pos
        r.skip(n)
        at = self.heap_n
        if at + n > self.heap.shape[0]:
            self.heap_grow(at + n)
        if n > 0:
            # both ranges were checked above
            if cython.compiled:
                memcpy(cython.address(self.heap[at]), cython.address(r.data[p]), n)
            else:
                self.heap_bytes[at : at + n] = np.frombuffer(r.data, dtype=np.uint8)[p : p + n]
        self.heap_n = at + n
        return at

    def heap_grow(self, n):
        """Make room for n bytes."""
        size = len(self.heap_bytes)
        while size < n:
            size *= 2
        bigger = np.zeros(size, dtype=np.uint8)
        bigger[: self.heap_n] = self.heap_bytes[: self.heap_n]
        self.heap_bytes = bigger
        self.heap = memoryview(bigger)

    def text(self, value):
        """The number of a text in this run's dictionary; equal texts get equal numbers."""
        got = self.text_ids.get(value)
        if got is not None:
            return got
        text = clean(value)
        got = self.text_ids.get(text)
        if got is None:
            if len(self.texts) >= MAX_TEXTS or self.text_size >= MAX_TEXT_SIZE:
                self.texts_dropped += 1
                return 0
            got = len(self.texts)
            self.text_size += len(text)
            self.texts.append(text)
            self.text_ids[text] = got
        if value is not text and len(self.text_ids) < 2 * MAX_TEXTS:
            self.text_ids[value] = got
        return got

    def rollback(self, messages, items, points, faults, heap):
        """Take back what a parser wrote before it found that bytes were missing."""
        while self.messages.n > messages:
            self.messages.n -= 1
            n = self.messages.n
            extra = self.extras.get(self.messages.a[n, M_PROTOCOL])
            if extra is not None:
                extra.cut(self.messages.a[n, M_EXT])
            if self.index > 0:
                self.index -= 1
        self.items.n = items
        self.points.n = points
        self.faults.n = faults
        self.heap_n = heap
        self.row = -1

    def forget(self):
        """Begin the dictionary of texts anew, and let facts be said again: for a run that follows another one.

        Only where no rows are held; rows that were taken keep the old dictionary.
        """
        self.texts = [""]
        self.text_ids = {"": 0}
        self.text_size = 0
        self.texts_dropped = 0
        self.fact_keys = set()
        self.facts_dropped = 0

    def clear(self):
        """Start a new batch."""
        self.messages.clear()
        self.items.clear()
        self.points.clear()
        self.faults.clear()
        for extra in self.extras.values():
            extra.clear()
        self.heap_n = 0
        self.facts = []
        self.row = -1


def clean(value):
    """Text fit for a report: bytes as UTF-8 or Latin-1, padding stripped, control characters escaped, capped."""
    if isinstance(value, (bytes, bytearray)):
        raw = bytes(value[:MAX_TEXT])
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
    else:
        text = str(value)[:MAX_TEXT]
    text = text.strip("\x00 \t\r\n")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
