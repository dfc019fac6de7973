# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""A parser's own columns in memory, as a list of what was written: (cell, value), row after row.

A message fills few of its protocol's columns. Rows of all cells would be several times as large as what is in them,
and would be cleared for each message and turned into columns for each batch.
"""

import mmap

import cython
import numpy as np

from sentinel.wire.buffers import Buffers

MAX_WIDTH = 63
"""Cells of a row, the first of which is the mask: a mask has no room for more."""

LAZY = 1 << 20
"""Cells from which on columns that are mostly empty lie in memory of their own."""


def places(cells):
    """Where the columns of a TABLE (counted from 1) stand among `cells`, as `Own.take` gives them: column -> place.

    Columns that no row has are left out. Bit k of a row's mask says that the row has column k.
    """
    ever = int(np.bitwise_or.reduce(cells[:, 0])) if len(cells) else 0
    present = [column for column in range(1, MAX_WIDTH) if ever >> column & 1]
    return {column: place for place, column in enumerate(present, start=1)}


class Own:
    """The rows of one parser's TABLE; `width`: its columns and one for the mask."""

    def __init__(self, width, capacity=1024):
        if width > MAX_WIDTH:
            raise ValueError("a mask has room for 62 columns")
        self.width = width
        self.n = 0
        self.used = 0
        self.capacity = capacity
        self.buffers = Buffers()
        self.room = 4 * capacity
        self.first = memoryview(np.zeros(capacity + 1, dtype=np.int64))
        self.cell = memoryview(np.zeros(self.room, dtype=np.uint8))
        values = np.zeros(self.room, dtype=np.int64)
        # views of the same memory
        self.value = memoryview(values)
        self.number = memoryview(values.view(np.float64))

    @cython.boundscheck(False)  # there is room
    def add(self):
        """Start a row and return its number; all cells of it are absent."""
        n = self.n
        if n == self.capacity:
            self.grow_rows()
        self.first[n] = self.used
        self.n = n + 1
        return n

    @cython.boundscheck(False)  # `place` has looked
    def put(self, cell, value):
        """Write a cell of the last row; what is written again counts."""
        at = self.place(cell, 1)
        self.cell[at] = cell
        self.value[at] = value
        return 0

    @cython.boundscheck(False)  # `place` has looked
    def put4(self, cell, a, b, c, d):
        """The same for four neighbouring cells."""
        at = self.place(cell, 4)
        self.cell[at] = cell
        self.cell[at + 1] = cell + 1
        self.cell[at + 2] = cell + 2
        self.cell[at + 3] = cell + 3
        self.value[at] = a
        self.value[at + 1] = b
        self.value[at + 2] = c
        self.value[at + 3] = d
        return 0

    @cython.boundscheck(False)  # `place` has looked
    def put_float(self, cell, value):
        """The same for a cell that is read as a float."""
        at = self.place(cell, 1)
        self.cell[at] = cell
        self.number[at] = value
        return 0

    def place(self, cell, count):
        """Room for `count` cells of the last row from `cell` on; returns where."""
        if self.n == 0 or cell < 1 or cell + count > self.width:
            raise IndexError("no row was begun, or it has no such column")
        at = self.used
        if at + count > self.room:
            self.grow()
        self.used = at + count
        return at

    def grow_rows(self):
        """Make room for twice as many rows."""
        first = np.zeros(2 * self.capacity + 1, dtype=np.int64)
        first[: self.capacity] = np.asarray(self.first)[: self.capacity]
        self.first = memoryview(first)
        self.capacity *= 2

    def grow(self):
        """Make room for twice as many values."""
        cells = np.zeros(2 * self.room, dtype=np.uint8)
        values = np.zeros(2 * self.room, dtype=np.int64)
        cells[: self.room] = np.asarray(self.cell)
        values[: self.room] = np.asarray(self.value)
        self.cell = memoryview(cells)
        self.value = memoryview(values)
        self.number = memoryview(values.view(np.float64))
        self.room *= 2

    def cut(self, n):
        """Take back the rows from number n on."""
        if n < self.n:
            self.used = self.first[n]
            self.n = n

    def clear(self):
        """Forget all rows; the memory stays."""
        self.cut(0)

    def columns(self, every):
        """The rows written so far, int64, column after column: all columns, or those that any row has."""
        self.first[self.n] = self.used
        with cython.nogil:
            ever = self.ever()
        count = 1
        where = memoryview(np.zeros(self.width, dtype=np.int64))
        for cell in range(1, self.width):
            where[cell] = count
            if every or ever >> cell & 1:
                count += 1
        size = count * self.n
        if size > LAZY and 4 * self.used < size:
            # most of it stays empty: memory that the system gives anew takes no time before it is touched
            columns = np.frombuffer(mmap.mmap(-1, 8 * size), np.int64).reshape(count, self.n)
        else:
            columns = self.buffers.array(count, self.n)
            columns.fill(0)
        into = memoryview(columns)
        with cython.nogil:
            self.spread(into, where)
        return columns.T

    def ever(self):
        """The masks of all rows together."""
        mask = cython.cast(cython.longlong, 0)
        for at in range(self.used):
            mask |= cython.cast(cython.longlong, 1) << self.cell[at]
        return mask

    @cython.boundscheck(False)  # there is a place for each cell that was written, and a row for each
    def spread(self, into, where):
        """Write each value to the place of its cell."""
        for row in range(self.n):
            mask = cython.cast(cython.longlong, 0)
            for at in range(self.first[row], self.first[row + 1]):
                cell = self.cell[at]
                into[where[cell], row] = self.value[at]
                mask |= cython.cast(cython.longlong, 1) << cell
            into[0, row] = mask
        return 0

    @property
    def cells(self):
        """The rows written so far, shape (n, width); what was not written is zero."""
        return self.columns(True)

    def take(self):
        """A copy of the rows, column after column: the masks, then the columns that any row has; see `places`."""
        rows = self.columns(False)
        self.clear()
        return rows

    def weight(self):
        """Bytes of the rows written so far."""
        return self.n * 8 + self.used * 9
