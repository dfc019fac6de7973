"""Rules over one batch whose rows lie in several places, each of which has the rows of other flows.

What a rule says of two addresses is complete where the rows of both stand together. Correlations may count rows of any
flows, and a device's points come by any flow: the rows that such rules matched are put aside, and judged when those of
all places stand in one order again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from sentinel.columns import Columns
from sentinel.rules.engine import Matched
from sentinel.rules.fields import SUBJECTS
from sentinel.rules.ir import Rule

ROW = "place"
"""Column of rows that were put aside: where each stands in its table, in the same order everywhere."""
_MATCHED = "matched:"
_EVIDENCE = ("time", "capture", "frame", "flow", "protocol")


def undecided(rules: Sequence[Rule]) -> frozenset[int]:
    """Numbers of the rules whose claims need the rows of all places."""
    counted = {id_ for rule in rules if rule.correlation is not None for id_ in rule.correlation.rules}
    return frozenset(n for n, rule in enumerate(rules) if rule.id in counted or rule.table == "points")


def put_aside(
    rules: Sequence[Rule], numbers: Collection[int], matched: Matched, places: Mapping[str, np.ndarray]
) -> dict[str, pl.DataFrame]:
    """Of each table the rows that any of these rules matched, with what the rules will want to know of them.

    `places`: table -> where each of its rows stands among those of all places.
    """
    found: dict[str, dict[int, tuple[Columns, np.ndarray]]] = {}
    for number in sorted(matched.keys() & set(numbers)):
        found.setdefault(rules[number].table, {})[number] = matched[number]
    aside = {}
    for table, own in found.items():
        batch = next(iter(own.values()))[0]
        rows = np.unique(np.concatenate([rows for _, rows in own.values()]))
        names = [name for name in batch.frame.columns if name in _columns(rules, table, own)]
        frame = batch.frame.select(names)[pl.Series(rows)]
        texts = [name for name, dtype in frame.schema.items() if dtype in (pl.Categorical, pl.Enum)]
        aside[table] = frame.cast(dict.fromkeys(texts, pl.String)).with_columns(
            pl.Series(ROW, places[table].take(rows)),
            *(pl.Series(f"{_MATCHED}{number}", np.isin(rows, which)) for number, (_, which) in own.items()),
        )
    return aside


def _columns(rules: Sequence[Rule], table: str, numbers: Collection[int]) -> set[str]:
    """What these rules, and the correlations that count them, read of a matched row."""
    ids = {rules[number].id for number in numbers}
    wanted = {*_EVIDENCE, *SUBJECTS[table]}
    for rule in rules:
        if rule.id in ids:
            wanted.update(rule.wanted())
        if rule.correlation is not None and ids.intersection(rule.correlation.rules):
            wanted.update(rule.wanted(), rule.correlation.group_by, (rule.correlation.value,))
    return wanted


def united(aside: Sequence[Mapping[str, pl.DataFrame]]) -> Matched:
    """What the rows that the places put aside of one batch are together, for `Engine.claim`."""
    matched: Matched = {}
    for table in dict.fromkeys(name for frames in aside for name in frames):
        parts = [frames[table] for frames in aside if table in frames]
        frame = pl.concat(parts, how="diagonal").sort(ROW, maintain_order=True)
        batch = Columns(frame)
        for name in frame.columns:
            if name.startswith(_MATCHED):
                rows = np.flatnonzero(frame[name].fill_null(False).to_numpy())
                matched[int(name.removeprefix(_MATCHED))] = batch, rows
    return matched
