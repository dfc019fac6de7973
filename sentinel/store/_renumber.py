"""Rows of one run of a case as they stand in another case: other numbers of captures, messages and flows.

Messages and flows of a run count up from its first capture (`run.NUMBER_BITS`), so all of them move by one distance.
Captures that the other case holds already bring no rows: what follows from them is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sentinel.store.merge import parse
from sentinel.store.tables import stored_schema

_NUMBERED = ("message", "pair", "flow")
_OF_MESSAGE = ("items", "points")
"""Tables that name no capture of their own: their rows go with their message."""


def pieces(files: Iterable[Path], table: str, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """Some columns of a table of the schema, a part at a time; what a part lacks is null, or empty for text."""
    wanted = {name: stored_schema(table)[name] for name in columns}
    for file in files:
        frame = pl.scan_parquet(file, schema=wanted, glob=False, missing_columns="insert", extra_columns="ignore")
        text = [pl.col(name).fill_null("") for name, dtype in wanted.items() if dtype == pl.String]
        yield frame.with_columns(text).collect()


@dataclass(slots=True)
class Numbers:
    """What the numbers of one run become: `captures` old -> new, `distance` of messages and flows.

    `known` are those captures (old numbers) that the other case holds already. `learn` must have seen the messages
    before `rows` is asked, where there are any.
    """

    captures: Mapping[int, int]
    distance: int
    known: frozenset[int] = frozenset()
    _gone: np.ndarray = field(default_factory=lambda: np.zeros((2, 0), np.int64))
    """First and last number of each range of messages that stay away."""
    _flows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def learn(self, messages: Iterable[pl.DataFrame]) -> None:
        """Remember which messages (columns message, capture, flow) stay away, and which flows have others."""
        gone, flows = [self._gone], [self._flows]
        for piece in messages:
            away = piece["capture"].is_in(sorted(self.known))
            gone.append(_ranges(piece["message"].filter(away).sort().to_numpy()))
            flows.append(piece["flow"].filter(~away).unique().to_numpy())
        self._gone = np.concatenate(gone, axis=1)
        self._gone = self._gone[:, np.argsort(self._gone[0])]
        self._flows = np.unique(np.concatenate(flows))

    def _away(self, messages: pl.Series) -> pl.Series:
        """Which of these message numbers (null: none) stay away."""
        numbers = messages.fill_null(-1).to_numpy()
        first, last = self._gone
        place = np.searchsorted(first, numbers, side="right") - 1
        return pl.Series((place >= 0) & (numbers <= np.append(last, -1)[place]))

    def rows(self, table: str, df: pl.DataFrame) -> pl.DataFrame:
        """The rows of a Parquet table that go into the other case, with its numbers."""
        if self.known:
            df = self._kept(table, df)
        changes = [pl.col(name) + self.distance for name in _NUMBERED if name in df.columns]
        if "capture" in df.columns:
            changes.append(pl.col("capture").replace_strict(dict(self.captures), return_dtype=pl.Int32))
        return df.with_columns(changes)

    def _kept(self, table: str, df: pl.DataFrame) -> pl.DataFrame:
        """The rows that do not come from a known capture."""
        if table == "flows":
            goes_on = pl.Series(np.isin(df["flow"].to_numpy(), self._flows))
            return df.filter(~df["capture"].is_in(sorted(self.known)) | goes_on)
        if table in _OF_MESSAGE or table.startswith("ext/"):
            return df.filter(~self._away(df["message"]))
        df = df.filter(~df["capture"].is_in(sorted(self.known)))
        if "pair" in df.columns:
            df = df.with_columns(pl.when(self._away(df["pair"])).then(None).otherwise("pair").alias("pair"))
        return df

    def said(self, table: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """A row of facts, assets or alerts with the other case's numbers; None where known captures said it all."""
        row = dict(row)
        if table == "facts":
            if row["capture"] in self.known:
                return None
            row["capture"] = self.captures[row["capture"]]
            row["flow"] = None if row["flow"] is None else row["flow"] + self.distance
            return row
        evidence = parse(row["evidence"])
        if evidence and self.known.issuperset(capture for capture, _ in evidence):
            return None
        row["evidence"] = [[self.captures[capture], frame] for capture, frame in evidence]
        if table == "alerts":
            row["flows"] = [flow + self.distance for flow in parse(row["flows"])]
        return row


def _ranges(numbers: np.ndarray) -> np.ndarray:
    """Ascending numbers as ranges without a hole: firsts and lasts, shape (2, n)."""
    starts = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
    ends = np.append(starts, len(numbers))[1:] - 1
    return np.stack([numbers[starts], numbers[ends]])
