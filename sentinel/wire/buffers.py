# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Memory of large arrays that live as long as a batch: what one batch has done with, a later one gets again.

A page that is touched for the first time costs many times what writing it does, most of all in a virtual machine: an
analysis of a million frames spent a tenth of its time there.
"""

import mmap
import weakref
from collections import deque
from contextlib import suppress

import numpy as np

LARGE = 1 << 20
"""Bytes from which on an array lies in memory that is used again."""
KEPT = 80 << 20
"""Bytes that are kept at most while nobody uses them."""
_HUGE = 4 << 20
"""Bytes from which on pages may be huge ones, as numpy has it."""
_ROOM = 4
"""Memory of up to so many times the size that is asked for will do."""


class Buffers:
    """Gives out arrays; the memory of one is given out again when it and every view of it are gone. Threads may share
    it.
    """

    def __init__(self):
        self.free = deque()
        self.most = KEPT

    def warm(self, sizes):
        """Have memory of these sizes (in cells) ready, its pages touched."""
        for cells in sizes:
            memory = fresh(cells)
            np.frombuffer(memory, np.int64)[:: mmap.PAGESIZE >> 3] = 0
            self.back(memory)

    def keep(self, most):
        """From now on keep at most so many bytes that nobody uses."""
        self.most = most
        if sum(map(len, tuple(self.free))) > most:
            self.forget()

    def forget(self):
        """Let go of the memory that nobody uses."""
        self.free.clear()

    def array(self, rows, columns):
        """An int64 array of this shape, in C order, whose cells hold anything."""
        cells = rows * columns
        if cells * 8 < LARGE:
            return np.empty((rows, columns), dtype=np.int64)
        memory = self.memory(cells)
        # views of this array have it as their base, so it is gone when the last of them is
        array = np.frombuffer(memory, np.int64, cells)
        weakref.finalize(array, self.back, memory).atexit = False
        return array.reshape(rows, columns)

    def memory(self, cells):
        """Memory of so many cells, or somewhat more: the next batch is seldom of exactly the same size."""
        for _ in range(len(self.free)):
            try:
                memory = self.free.popleft()
            except IndexError:  # another thread took the last one
                break
            if cells * 8 <= len(memory) <= _ROOM * cells * 8:
                return memory
            self.free.append(memory)
        return fresh(cells + cells // 8)

    def back(self, memory):
        """Take memory back, in whichever thread its last user was."""
        if len(memory) + sum(map(len, tuple(self.free))) <= self.most:
            self.free.append(memory)


def fresh(cells):
    """Memory of so many cells from the system, which has it back as soon as nobody holds it."""
    memory = mmap.mmap(-1, cells * 8)
    if cells * 8 >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages: it is a hint
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
