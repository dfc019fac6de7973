"""What rules and inventory ask of the columns of one batch, each computed once however many ask for it.

Rows are grouped by coding columns to small integers, never by making a Python object of each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

_DENSE = 1 << 18
"""Codes below this are counted in an array; above it they are sorted."""
_FEW = 16
"""So many rows of a column are looked up one by one in less time than it takes to gather them."""
_TEXT = (pl.String, pl.Categorical, pl.Enum)


class Columns:
    """One table's rows, in time order."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self._codes: dict[str, tuple[np.ndarray, int]] = {}
        self._groups: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
        self._integers: dict[str, np.ndarray] = {}

    @classmethod
    def of(cls, rows: pl.DataFrame | Columns) -> Columns:
        """The columns of a frame; of what is `Columns` already, itself, so that what is known of it is shared."""
        return rows if isinstance(rows, Columns) else cls(rows)

    def __len__(self) -> int:
        return self.frame.height

    def integers(self, column: str) -> np.ndarray:
        """An integer or time column as int64; null reads -1."""
        if column not in self._integers:
            series = self.frame[column].cast(pl.Int64)
            self._integers[column] = (series.fill_null(-1) if series.null_count() else series).to_numpy()
        return self._integers[column]

    def groups(self, columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """For each row the number of its combination of these columns, and for each combination one row that has it.

        Absent text and empty text are the same.
        """
        if columns not in self._groups:
            for column in columns:
                if column not in self._codes:
                    self._codes[column] = _code(self.frame[column])
            self._groups[columns] = _combine([self._codes[column] for column in columns], len(self))
        return self._groups[columns]

    def keys(self, columns: tuple[str, ...], rows: np.ndarray) -> list[tuple[Any, ...]]:
        """The values of these columns at these rows; absent text reads empty."""
        if not columns:
            return [()] * len(rows)
        if len(rows) <= _FEW:
            few = rows.tolist()
            return list(zip(*(_cells(self.frame[column], few) for column in columns), strict=True))
        which = pl.Series(rows)
        return list(zip(*(plain(self.frame[column][which]) for column in columns), strict=True))

    def evidence(self, rows: np.ndarray) -> np.ndarray:
        """Columns capture, frame and flow (-1 where there is none) of these rows."""
        return np.stack([self.integers(column).take(rows) for column in ("capture", "frame", "flow")], axis=1)


def is_text(series: pl.Series) -> bool:
    """Whether the column holds text, in whichever of the three ways."""
    return isinstance(series.dtype, _TEXT)


def plain(series: pl.Series) -> list[Any]:
    """The values as Python has them; absent text reads empty."""
    values = series.to_list()
    return ["" if value is None else value for value in values] if is_text(series) else values


def _cells(series: pl.Series, rows: list[int]) -> list[Any]:
    """`plain` of these rows."""
    values = [series[row] for row in rows]
    return ["" if value is None else value for value in values] if None in values and is_text(series) else values


def distinct(series: pl.Series) -> tuple[np.ndarray, list[Any]]:
    """For each row the number of its value, and the distinct values; absent text reads empty."""
    ids, where = _combine([_code(series)], series.len())
    return ids, plain(series[pl.Series(where)])


def _code(series: pl.Series) -> tuple[np.ndarray, int]:
    """Integer codes, equal where the values are equal, null among them (for text: as if empty); and their exclusive
    upper bound."""
    dtype = series.dtype  # made anew at each access
    if dtype == pl.String:
        series = series.cast(pl.Categorical(pl.Categories.random()))
    if isinstance(dtype, _TEXT):
        series = (series.fill_null("") if series.null_count() else series).to_physical()
    elif dtype == pl.Boolean:
        series = series.cast(pl.UInt8)
    if series.null_count() == series.len():
        return np.zeros(series.len(), np.int64), 1
    missing = series.is_null().to_numpy() if series.null_count() else None
    values = series.drop_nulls().to_numpy() if missing is not None else series.to_numpy()
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if low == high and missing is None:
            return np.zeros(series.len(), np.int64), 1
        if high - low < _DENSE:
            return _with_missing((values - values.dtype.type(low)).astype(np.int64), high - low + 1, missing)
    codes = np.unique(values, return_inverse=True)[1].reshape(-1)
    return _with_missing(codes, int(codes.max()) + 1, missing)


def _with_missing(codes: np.ndarray, bound: int, missing: np.ndarray | None) -> tuple[np.ndarray, int]:
    """The codes of the present values set among the missing ones, whose code is one of its own."""
    if missing is None:
        return codes, bound
    everything = np.full(len(missing), bound, np.int64)
    everything[~missing] = codes
    return everything, bound + 1


def _combine(coded: list[tuple[np.ndarray, int]], height: int) -> tuple[np.ndarray, np.ndarray]:
    """Dense numbers of the combinations, and one row of each."""
    ids, bound = np.zeros(height, np.int64), 1
    for codes, size in coded:
        if size == 1:  # the same value everywhere tells nothing apart
            continue
        if bound > 1 and bound * size > _DENSE:
            ids, where = _dense(ids, bound)
            bound = len(where)
        ids = codes if bound == 1 else ids * size + codes
        bound *= size
    return _dense(ids, bound)


def _dense(ids: np.ndarray, bound: int) -> tuple[np.ndarray, np.ndarray]:
    """Renumbers without gaps; also gives one row of each number."""
    if bound > _DENSE:
        _, where, dense = np.unique(ids, return_index=True, return_inverse=True)
        return dense.reshape(-1), where
    anywhere = np.full(bound, -1, np.int64)
    anywhere[ids] = np.arange(len(ids))
    used = np.flatnonzero(anywhere >= 0)
    number = np.zeros(bound, np.int64)
    number[used] = np.arange(len(used))
    return number.take(ids), anywhere[used]
