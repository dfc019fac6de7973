# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Finds the request of each answer, over the columns of one batch of messages after the other.

A message whose shape is UNPAIRED takes no part (a request that nobody answers, a later fragment of an answer). Any
other request waits under (flow, direction, protocol, unit, transaction). An answer takes the oldest waiting request of
its key whose shape (function code) fits, else the oldest. A request that waited longer than EXPIRE when another of
the same key arrives has lost its answer. What waits is bounded by what the caller still holds: older requests are
forgotten (`since`).
"""

import cython
import numpy as np

from sentinel.wire.layout import (
    M_DIRECTION,
    M_FLOW,
    M_FUNCTION,
    M_KIND,
    M_PROTOCOL,
    M_SHAPE,
    M_TIME,
    M_TRANSACTION,
    M_UNIT,
)

EXPIRE = 5_000_000_000
"""ns after which a waiting request gives way to a newer one of the same key."""

UNPAIRED = -1
"""The shape of a message that has no partner by its protocol's own rules."""

ANSWERED = 1
ORPHAN = 2
MISMATCH = 3
UNANSWERED = 4

_EXPIRE = cython.declare(cython.longlong, EXPIRE)
_SMALL = cython.declare(cython.longlong, 1 << 8)  # places of a table that few requests wait in
_MASK = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
_SEED = cython.declare(cython.longlong, 1469598103934665603)
_PRIME = cython.declare(cython.longlong, 1099511628211)
_ANY = cython.declare(cython.longlong, 1 << 40)  # an answer that names neither shape nor function fits any request
_UNPAIRED = cython.declare(cython.int, UNPAIRED)
_ANSWERED = cython.declare(cython.int, ANSWERED)
_ORPHAN = cython.declare(cython.int, ORPHAN)
_MISMATCH = cython.declare(cython.int, MISMATCH)
_REQUEST = cython.declare(cython.int, 1)
_RESPONSE = cython.declare(cython.int, 2)
_EXCEPTION = cython.declare(cython.int, 3)


class Matcher:
    """Joins answers to requests; numbers are those of the messages in the whole run."""

    def __init__(self):
        self.waiting = np.zeros((0, 5), dtype=np.int64)
        self.first = 0
        self.base = 0
        self.size = 0
        self.most = 0
        self.filled = 0
        self.capacity = 0
        self.used = 0

    def match(self, cells, first, since=-1):
        """Join one batch: `cells` are its message rows, `first` the number of its first message; of what waits then,
        requests with a number before `since` (as it stands: those of earlier batches) are forgotten.

        Returns (pair, result, late): for each row the number of its partner or -1, and ANSWERED, ORPHAN, MISMATCH or
        0; and the list of (request, answer, result) for requests of earlier batches that were answered now.
        """
        if cells.shape[0] == 0:
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty, []
        n = cells.shape[0]
        old = self.waiting.shape[0]
        self.make_room(n + old)
        self.first = first
        pair = np.full(n, -1, dtype=np.int64)
        result = np.zeros(n, dtype=np.int64)
        # each takes one of the requests that waited
        late = np.empty((old, 3), dtype=np.int64)
        self.cells = memoryview(cells)
        self.pair = memoryview(pair)
        self.result = memoryview(result)
        self.late = memoryview(late)
        for key, number, time, shape, _ in self.waiting.tolist():
            self.wait(key, number, time, shape)
        with cython.nogil:
            count = self.walk()
        self.waiting = self.rest(first if since < 0 else since)
        return pair, result, [tuple(row) for row in late[:count].tolist()]

    def forget(self, before):
        """Let requests with a lower number wait no longer."""
        self.waiting = self.waiting[self.waiting[:, 1] >= before]

    def make_room(self, n):
        """An empty table for n requests; the memory of the batch before is used again where it suffices."""
        most = _SMALL
        while most < 2 * n:
            most *= 2
        if most > self.most:
            self.most = most
            # key, first node + 1 (0: the place is free), last node, nothing: a key's cells are fetched at once. As much
            # as the largest table and all smaller ones take; what is not used is never touched.
            self.table = memoryview(np.zeros((2 * most, 4), dtype=np.int64))
        if n + 1 > self.capacity:
            # key, number, time, shape, next
            self.capacity = n + 1
            self.nodes = memoryview(np.empty((n + 1, 5), dtype=np.int64))
        self.used = 0
        self.filled = 0
        self.base = 0
        self.size = _SMALL
        self.clear()
        return 0

    def clear(self):
        """Free the places of the table."""
        for at in range(self.base, self.base + self.size):
            self.table[at, 0] = 0
            self.table[at, 1] = 0
            self.table[at, 2] = 0
        return 0

    def grow(self):
        """Go on in a table twice as large, behind this one: few requests wait at a time, and a small table is fast."""
        base, size = self.base, self.size
        self.base = base + size
        self.size = 2 * size
        self.clear()
        for old in range(base, base + size):
            if self.table[old, 1] != 0:
                at = self.slot(self.table[old, 0])
                self.table[at, 0] = self.table[old, 0]
                self.table[at, 1] = self.table[old, 1]
                self.table[at, 2] = self.table[old, 2]
        return 0

    def walk(self):
        """The loop over the rows of a batch; returns how many requests of the batch before were answered."""
        first = self.first
        count = 0
        for i in range(self.cells.shape[0]):
            kind = self.cells[i, M_KIND]
            if self.cells[i, 0] >> M_SHAPE & 1:
                shape = self.cells[i, M_SHAPE]
            elif self.cells[i, 0] >> M_FUNCTION & 1:
                shape = self.cells[i, M_FUNCTION]
            else:
                shape = _ANY
            if shape == _UNPAIRED:
                continue
            if kind == _REQUEST:
                self.wait(self.mix(i, self.cells[i, M_DIRECTION]), first + i, self.cells[i, M_TIME], shape)
            elif kind == _RESPONSE or kind == _EXCEPTION:
                node = self.take(self.mix(i, 1 - self.cells[i, M_DIRECTION]), shape)
                if node < 0:
                    self.result[i] = _ORPHAN
                    continue
                number = self.nodes[node, 1]
                self.pair[i] = number
                verdict = _ANSWERED if shape == _ANY or self.nodes[node, 3] == shape else _MISMATCH
                self.result[i] = verdict
                if number >= first:
                    self.pair[number - first] = first + i
                    self.result[number - first] = verdict
                else:
                    self.late[count, 0] = number
                    self.late[count, 1] = first + i
                    self.late[count, 2] = verdict
                    count += 1
        return count

    def mix(self, i, direction):
        """The key under which a request waits, as a 63-bit number."""
        valid = self.cells[i, 0]
        key = _SEED
        key = ((key ^ self.cells[i, M_FLOW]) * _PRIME) & _MASK
        key = ((key ^ (self.cells[i, M_PROTOCOL] << 1 | direction)) * _PRIME) & _MASK
        key = ((key ^ (self.cells[i, M_UNIT] + 1 if valid >> M_UNIT & 1 else 0)) * _PRIME) & _MASK
        key = ((key ^ (self.cells[i, M_TRANSACTION] + 1 if valid >> M_TRANSACTION & 1 else 0)) * _PRIME) & _MASK
        return key ^ key >> 29

    def slot(self, key):
        """Where a key stands in the table, or the free place for it."""
        at = key & (self.size - 1)
        while self.table[self.base + at, 1] != 0 and self.table[self.base + at, 0] != key:
            at = (at + 1) & (self.size - 1)
        return self.base + at

    def leave(self, place):
        """Free a place; keys behind it that found theirs taken move up."""
        last = self.size - 1
        hole = place - self.base
        at = (hole + 1) & last
        while self.table[self.base + at, 1] != 0:
            home = self.table[self.base + at, 0] & last
            if (at - home) & last >= (at - hole) & last:
                self.table[self.base + hole, 0] = self.table[self.base + at, 0]
                self.table[self.base + hole, 1] = self.table[self.base + at, 1]
                self.table[self.base + hole, 2] = self.table[self.base + at, 2]
                hole = at
            at = (at + 1) & last
        self.table[self.base + hole, 1] = 0
        self.filled -= 1
        return 0

    def wait(self, key, number, time, shape):
        """Let a request wait; requests of the same key that waited too long give way."""
        if 2 * self.filled >= self.size:
            self.grow()
        at = self.slot(key)
        node = self.table[at, 1] - 1
        if node == -1:
            self.filled += 1
            self.table[at, 0] = key
        while node != -1 and time - self.nodes[node, 2] > _EXPIRE:
            self.nodes[node, 1] = -1
            node = self.nodes[node, 4]
        new = self.used
        self.used += 1
        self.nodes[new, 0] = key
        self.nodes[new, 1] = number
        self.nodes[new, 2] = time
        self.nodes[new, 3] = shape
        self.nodes[new, 4] = -1
        if node == -1:
            node = new
        else:
            self.nodes[self.table[at, 2], 4] = new
        self.table[at, 1] = node + 1
        self.table[at, 2] = new
        return 0

    def take(self, key, shape):
        """The waiting request that an answer belongs to, taken out of the queue; -1 where none waits."""
        at = self.slot(key)
        first = self.table[at, 1] - 1
        if first == -1:
            return -1
        before = cython.cast(cython.longlong, -1)
        node = first
        while node != -1 and shape != _ANY and self.nodes[node, 3] != shape:
            before = node
            node = self.nodes[node, 4]
        if node == -1:
            node = first
            before = -1
        if before != -1:
            self.nodes[before, 4] = self.nodes[node, 4]
            if self.table[at, 2] == node:
                self.table[at, 2] = before
        elif self.nodes[node, 4] != -1:
            self.table[at, 1] = self.nodes[node, 4] + 1
        else:
            self.leave(at)
        # a taken node is told from a waiting one by its sign when the batch ends
        self.nodes[node, 2] = -1 - self.nodes[node, 2]
        return node

    def rest(self, since):
        """The requests from number `since` on that still wait, for the next call; shape (n, 5)."""
        nodes = np.asarray(self.nodes)[: self.used]
        keep = (nodes[:, 2] >= 0) & (nodes[:, 1] >= since)
        return nodes[keep].copy()
