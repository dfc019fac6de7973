"""Numbering of values and of their combinations, for every type of column and where the method changes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import columns
from sentinel.columns import Columns, distinct, is_text, plain

KINDS = {
    "text": (pl.String, st.sampled_from(["a", "b", "", None])),
    "category": (pl.Categorical, st.sampled_from(["a", "b", "", None])),
    "enum": (pl.Enum(["a", "b", ""]), st.sampled_from(["a", "b", "", None])),
    "flag": (pl.Boolean, st.sampled_from([True, False, None])),
    "number": (pl.Int64, st.sampled_from([None, 0, -1, 7, 1 << 62, -(1 << 62)])),
    "small": (pl.UInt8, st.sampled_from([None, 0, 255])),
    "real": (pl.Float64, st.sampled_from([None, 0.5, -1.0])),
}


def plain_of(name: str, cell: object) -> object:
    """The cell as groups tell it from others: absent text is empty text."""
    return "" if cell is None and name in ("text", "category", "enum") else cell


@settings(max_examples=80, deadline=None)
@given(
    data=st.data(),
    height=st.integers(1, 30),
    names=st.permutations(list(KINDS)),
    dense=st.sampled_from([2, 9, 1 << 18]),
)
def test_groups_are_the_combinations(data: st.DataObject, height: int, names: list[str], dense: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_DENSE", dense)
        names = names[:3]
        cells = {n: data.draw(st.lists(KINDS[n][1], min_size=height, max_size=height)) for n in names}
        batch = Columns(pl.DataFrame({n: pl.Series(n, cells[n], KINDS[n][0]) for n in names}))
        ids, where = batch.groups(tuple(names))
        told = {n: [plain_of(n, cell) for cell in cells[n]] for n in names}
        rows = list(zip(*told.values(), strict=True))
        seen: dict[int, tuple[object, ...]] = {}
        for row, number in zip(rows, ids.tolist(), strict=True):
            assert seen.setdefault(number, row) == row
        assert len(set(seen.values())) == len(seen) == len(where)
        assert [rows[row] for row in where.tolist()] == [seen[number] for number in range(len(where))]


def test_no_columns_is_one_group() -> None:
    ids, where = Columns(pl.DataFrame({"a": [1, 2]})).groups(())
    assert ids.tolist() == [0, 0] and len(where) == 1
    assert Columns(pl.DataFrame({"a": [1, 2]})).keys((), where) == [()]


def test_absent_text_reads_empty_and_numbers_stay_absent() -> None:
    frame = pl.DataFrame({"t": pl.Series([None, "a"], dtype=pl.Categorical), "n": [None, 0]})
    assert Columns(frame).keys(("t", "n"), np.array([0, 1])) == [("", None), ("a", 0)]
    assert plain(frame["t"]) == ["", "a"]
    assert distinct(frame["t"])[1] in (["", "a"], ["a", ""])
    assert is_text(frame["t"]) and not is_text(frame["n"])


def test_evidence_marks_what_has_no_flow() -> None:
    frame = pl.DataFrame({"capture": [1, 1], "frame": [3, 4], "flow": [None, 0]})
    assert Columns(frame).evidence(np.array([0, 1])).tolist() == [[1, 3, -1], [1, 4, 0]]
