"""Memory that is used again: only when nobody looks at it any more, and only so much of it is kept."""

from __future__ import annotations

import gc

import numpy as np

from sentinel.wire.buffers import KEPT, LARGE, Buffers, fresh

CELLS = LARGE // 8


def place(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_memory_is_given_out_again_when_the_last_view_is_gone() -> None:
    buffers = Buffers()
    first = buffers.array(4, CELLS)
    assert first.shape == (4, CELLS) and first.dtype == np.int64 and first.flags.c_contiguous
    where = place(first)
    view = first.T[5:, 1]
    view[:] = 7
    del first
    other = buffers.array(4, CELLS)
    assert place(other) != where and (view == 7).all()
    del view
    gc.collect()
    assert place(buffers.array(4, CELLS)) == where


def test_memory_that_is_too_small_or_far_too_large_is_not_given_out() -> None:
    buffers = Buffers()
    buffers.warm((2 * CELLS, 9 * CELLS))
    small, large = (place(np.frombuffer(memory, np.int64)) for memory in buffers.free)
    assert place(buffers.array(1, 3 * CELLS)) == large
    held = buffers.array(2, CELLS)
    assert place(held) == small
    assert place(buffers.array(2, CELLS)) not in (small, large)


def test_small_arrays_have_memory_of_their_own() -> None:
    buffers = Buffers()
    assert buffers.array(3, 5).shape == (3, 5)
    assert buffers.array(0, CELLS).shape == (0, CELLS)
    assert not buffers.free


def test_what_is_kept_is_bounded() -> None:
    buffers = Buffers()
    for memory in [fresh(KEPT // 8 // 4) for _ in range(6)]:
        buffers.back(memory)
    assert len(buffers.free) == 4


def test_nothing_is_kept_where_memory_is_short() -> None:
    buffers = Buffers()
    buffers.warm((CELLS,))
    buffers.keep(8 * CELLS)
    assert len(buffers.free) == 1
    buffers.keep(0)
    assert not buffers.free
    assert buffers.array(1, CELLS).shape == (1, CELLS)
    assert not buffers.free
    buffers.keep(KEPT)
    assert buffers.array(1, CELLS).shape == (1, CELLS)
    assert len(buffers.free) == 1


def test_what_nobody_uses_can_be_let_go() -> None:
    buffers = Buffers()
    buffers.warm((CELLS,))
    held = buffers.array(1, CELLS)
    buffers.warm((CELLS,))
    buffers.forget()
    assert not buffers.free and held.shape == (1, CELLS)
