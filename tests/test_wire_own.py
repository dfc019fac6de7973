"""A parser's own columns: what was written stands in its row and column, and columns that nobody wrote are left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.wire.own import LAZY, MAX_WIDTH, Own, places

WIDTH = 9


@given(st.lists(st.dictionaries(st.integers(1, WIDTH - 1), st.integers(-(2**63), 2**63 - 1), max_size=4), max_size=40))
def test_every_value_stands_in_its_row_and_column(rows) -> None:
    own = Own(WIDTH, 1)
    for n, row in enumerate(rows):
        assert own.add() == n
        for cell, value in row.items():
            own.put(cell, value ^ 1)
            own.put(cell, value)  # what is written again counts
    every = own.cells
    assert every.shape == (len(rows), WIDTH) and own.weight() == 8 * len(rows) + 9 * own.used
    few = own.take()
    where = places(few)
    assert list(where) == sorted(set().union(*rows)) and few.shape == (len(rows), 1 + len(where))
    for row, all_cells, cells in zip(rows, every.tolist(), few.tolist(), strict=True):
        assert all_cells[0] == cells[0] == sum(1 << cell for cell in row)
        assert {cell: value for cell, value in enumerate(all_cells) if cell and value} == {
            cell: value for cell, value in row.items() if value
        }
        assert {cell: cells[place] for cell, place in where.items() if cell in row} == row
    assert (own.n, own.used, own.weight(), own.take().shape) == (0, 0, 0, (0, 1))


@pytest.mark.parametrize("seldom", [0, 40])
def test_columns_lie_together_and_can_be_written_to(seldom) -> None:
    own = Own(60)
    for n in range(30_000):
        own.add()
        own.put_float(2, n / 2)
        for cell in range(10, 10 + seldom if n == 7 else 0):
            own.put(cell, cell)
    rows = own.take()
    assert rows.strides[0] == rows.itemsize and rows.shape == (30_000, 2 + seldom)
    assert (rows.size > LAZY) == (seldom > 0)
    assert rows[:, 1].view(np.float64).tolist() == [n / 2 for n in range(30_000)]
    assert rows[7, 2:].tolist() == list(range(10, 10 + seldom)) and not rows[8:, 2:].any()
    rows[:, 1] = 1
    assert rows[:, 1].all(), "other numbers of texts can be put into it"


def test_four_neighbours() -> None:
    own = Own(6, 1)
    for _ in range(9):
        own.add()
        own.put4(2, 1, -2, 3, 0)
    assert own.cells.tolist() == [[0b111100, 0, 1, -2, 3, 0]] * 9
    with pytest.raises(IndexError):
        own.put4(3, 1, 1, 1, 1)
    assert own.used == 36


def test_rows_can_be_taken_back() -> None:
    own = Own(3)
    for n in range(5):
        own.add()
        own.put(1, n)
    own.cut(7)
    own.cut(2)
    assert own.cells.tolist() == [[2, 0, 0], [2, 1, 0]]
    assert own.add() == 2
    own.put(2, 9)
    assert own.take()[:, 1].tolist() == [0, 1, 0]


def test_what_is_no_column_is_refused() -> None:
    own = Own(5)
    with pytest.raises(IndexError, match="no row"):
        own.put(1, 1)
    own.add()
    for cell in (0, 5, -1):
        with pytest.raises(IndexError):
            own.put(cell, 1)
        with pytest.raises(IndexError):
            own.put_float(cell, 1.0)
    assert own.used == 0
    with pytest.raises(ValueError, match="62"):
        Own(MAX_WIDTH + 1)
    Own(MAX_WIDTH).add()
