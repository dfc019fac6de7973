"""Evaluates rules over batches of rows: as masks, and mostly not at all.

Theory of operation. Most tests of most rules read columns of few distinct values (protocol, kind, operation, status
...: `fields.SELECTORS`). The rows of a batch have few distinct combinations of these. For a combination each rule has
one of three answers: no row that has it can match, every one does, or it depends on the other columns. That answer is
worked out once per combination ever seen, for all rules at once, and remembered. A batch then costs one numbering of
its combinations, and after that only the rules that can match cost anything, and only on their own rows.
`tests/test_rules_engine.py` proves on random tables and rules that this gives what evaluating row by row gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from sentinel.columns import Columns, distinct, is_text
from sentinel.rules._claims import claim_firing, claim_rows
from sentinel.rules.alerts import Book
from sentinel.rules.correlate import gather, make_window
from sentinel.rules.fields import SELECTORS
from sentinel.rules.ir import NUMBER_OPERATORS, Rule, text_predicate
from sentinel.rules.load import RuleSet

MAX_COMBINATIONS = 100_000
"""Combinations remembered per table; past it they are forgotten together and worked out again."""

Bounds = tuple[np.ndarray, np.ndarray]
"""Where a condition certainly holds, and where it may."""
Matched = dict[int, tuple[Columns, np.ndarray]]
"""Number of a rule -> the table that it read, and the rows that it matched, ascending."""


class Leaf:
    """One test, shared by all rules that make it."""

    __slots__ = ("column", "operator", "value", "_predicate", "_known")

    def __init__(self, column: str, operator: str, value: Any) -> None:
        self.column = column
        self.operator = operator
        self.value = value
        self._predicate = text_predicate(operator, value)
        self._known: dict[str, bool] = {}

    def over_texts(self, texts: Iterable[str]) -> np.ndarray:
        """The test on each of these texts; asked again, it remembers."""
        known = self._known
        if len(known) > MAX_COMBINATIONS:
            known.clear()
        for text in texts:
            if text not in known:
                known[text] = self._predicate(text)
        return np.array([known[text] for text in texts], bool)

    def over(self, frame: pl.DataFrame, rows: np.ndarray) -> np.ndarray:
        """The test on each of these rows."""
        if self.column not in frame.columns:  # a protocol's own column, and no row of that protocol
            return np.full(len(rows), self.operator == "absent")
        series = frame[self.column].gather(rows)
        if self.operator == "same":
            other = self.value in frame.columns
            return _same(series, frame[self.value].gather(rows)) if other else np.zeros(len(rows), bool)
        if is_text(series):
            ids, texts = distinct(series)
            return self.over_texts(texts).take(ids)
        if self.operator == "absent":
            return series.is_null().to_numpy()
        if self.operator not in NUMBER_OPERATORS:
            return np.zeros(len(rows), bool)
        if series.dtype == pl.Boolean:
            series = series.cast(pl.Int8)
        mask = _NUMBERS[self.operator](series.fill_null(0).to_numpy(), self.value)
        return mask & series.is_not_null().to_numpy() if series.null_count() else mask


_NUMBERS: dict[str, Callable[[np.ndarray, Any], np.ndarray]] = {
    "num": lambda values, wanted: values == wanted[0] if len(wanted) == 1 else np.isin(values, wanted),
    "lt": lambda values, limit: values < limit,
    "lte": lambda values, limit: values <= limit,
    "gt": lambda values, limit: values > limit,
    "gte": lambda values, limit: values >= limit,
}


def _same(one: pl.Series, other: pl.Series) -> np.ndarray:
    """Where both columns hold the same present value."""
    if is_text(one) != is_text(other) or (one.dtype == pl.Boolean) != (other.dtype == pl.Boolean):
        return np.zeros(one.len(), bool)
    if is_text(one):
        one, other = one.cast(pl.String), other.cast(pl.String)
        return ((one == other) & (one != "")).fill_null(False).to_numpy()
    return (one == other).fill_null(False).to_numpy()


def _shared(node: list[Any], leaves: dict[str, Leaf]) -> Any:
    """The condition with its tests replaced by shared leaves."""
    if node[0] == "test":
        return leaves.setdefault(json.dumps(node), Leaf(*node[1:]))
    if node[0] == "not":
        return ("not", _shared(node[1], leaves))
    return (node[0], [_shared(child, leaves) for child in node[1]])


def _bounds(node: Any, ask: Callable[[Leaf], Bounds]) -> Bounds:
    """Three-valued evaluation of a condition; `ask` answers for its tests."""
    if isinstance(node, Leaf):
        return ask(node)
    if node[0] == "not":
        certain, possible = _bounds(node[1], ask)
        return ~possible, ~certain
    join = np.logical_and if node[0] == "and" else np.logical_or
    certain, possible = _bounds(node[1][0], ask)
    for child in node[1][1:]:
        also_certain, also_possible = _bounds(child, ask)
        certain, possible = join(certain, also_certain), join(possible, also_possible)
    return certain, possible


class _Table:
    """The rules that read one table."""

    def __init__(self, name: str, rules: list[tuple[int, Rule]]) -> None:
        leaves: dict[str, Leaf] = {}
        self.rules = [(number, _shared(rule.condition or [], leaves)) for number, rule in rules]
        read = {leaf.column for leaf in leaves.values()}
        self.selectors = tuple(column for column in SELECTORS[name] if column in read)
        self.forgotten = 0
        self._answers: dict[tuple[Any, ...], tuple[list[int], list[int]]] = {}

    def match(self, batch: Columns) -> dict[int, np.ndarray]:
        """Position of each rule that matches -> its rows, ascending."""
        ids, where = batch.groups(self.selectors)
        combinations = batch.keys(self.selectors, where)
        distinct_ones = list(dict.fromkeys(combinations))
        unseen = [c for c in distinct_ones if c not in self._answers]
        if unseen and len(self._answers) + len(unseen) > MAX_COMBINATIONS:
            self.forgotten += len(self._answers)
            self._answers.clear()
            unseen = distinct_ones
        if unseen:
            self._learn(unseen)
        certain: dict[int, list[int]] = {}
        possible: dict[int, list[int]] = {}
        for combination, key in enumerate(combinations):
            yes, maybe = self._answers[key]
            for position in yes:
                certain.setdefault(position, []).append(combination)
            for position in maybe:
                possible.setdefault(position, []).append(combination)
        matches = {}
        for position in certain.keys() | possible.keys():
            answer = np.zeros(len(where), np.uint8)
            answer[certain.get(position, [])] = 1
            answer[possible.get(position, [])] = 2
            per_row = answer.take(ids)
            if position in possible:
                rows = np.flatnonzero(per_row == 2)
                per_row[rows] = self._exact(position, batch.frame, rows)
            rows = np.flatnonzero(per_row)
            if len(rows):
                matches[position] = rows
        return matches

    def _exact(self, position: int, frame: pl.DataFrame, rows: np.ndarray) -> np.ndarray:
        """Where the rule's condition holds among these rows."""

        def ask(leaf: Leaf) -> Bounds:
            mask = leaf.over(frame, rows)
            return mask, mask

        return _bounds(self.rules[position][1], ask)[0]

    def _learn(self, combinations: list[tuple[Any, ...]]) -> None:
        """Works out every rule's answer for combinations that were not seen before."""
        columns = dict(zip(self.selectors, zip(*combinations, strict=True), strict=True))
        unknown = np.zeros(len(combinations), bool), np.ones(len(combinations), bool)
        done: dict[int, Bounds] = {}

        def ask(leaf: Leaf) -> Bounds:
            if leaf.column not in columns or leaf.operator == "same":
                return unknown
            if id(leaf) not in done:
                mask = leaf.over_texts(columns[leaf.column])
                done[id(leaf)] = mask, mask
            return done[id(leaf)]

        answers: list[tuple[list[int], list[int]]] = [([], []) for _ in combinations]
        for position, (_, condition) in enumerate(self.rules):
            certain, possible = _bounds(condition, ask)
            for index in np.flatnonzero(possible).tolist():
                answers[index][0 if certain[index] else 1].append(position)
        self._answers.update(zip(combinations, answers, strict=True))


class Engine:
    """Runs a rule set over the batches of one run. Memory is bounded whatever the traffic is.

    `tables` of a batch: name -> frame with at least `RuleSet.needed_columns(name)`, rows in time order. A protocol's
    own column may be left out where no row has it. Text columns may be Categorical, Enum (both cheap) or String.
    """

    def __init__(self, ruleset: RuleSet, book: Book | None = None) -> None:
        self.book = Book() if book is None else book
        """Detectors may add their claims to the same book."""
        self.rules = ruleset.rules
        self.own_columns: dict[str, list[str]] = {}
        """Protocol -> the columns of its own table that some rule over messages reads."""
        for column in sorted(ruleset.needed_columns("messages")):
            protocol, dot, name = column.partition(".")
            if dot:
                self.own_columns.setdefault(protocol, []).append(name)
        self._counted = {"batches": 0, "rows": 0, "matches": 0}
        plain = [(n, rule) for n, rule in enumerate(self.rules) if rule.condition is not None]
        self._tables = {
            name: _Table(name, own) for name in SELECTORS if (own := [(n, r) for n, r in plain if r.table == name])
        }
        self._windows = self._new_windows()

    def _new_windows(self) -> list[tuple[Rule, list[int], Any]]:
        """Rules that count over time: each with the numbers of the rules that it counts, and an empty window."""
        numbers = {rule.id: n for n, rule in enumerate(self.rules)}
        return [
            (rule, [numbers[i] for i in rule.correlation.rules], make_window(rule.correlation))
            for rule in self.rules
            if rule.correlation is not None
        ]

    def begin(self) -> None:
        """What follows has nothing to do with what was before: begin a new book, and count from nothing."""
        self.book = Book()
        self._windows = self._new_windows()
        self._counted = dict.fromkeys(self._counted, 0)
        for table in self._tables.values():
            table.forgotten = 0

    @property
    def counters(self) -> dict[str, int]:
        """What was done and what bounds were reached: every number but the first three is a bound that was reached."""
        return {
            **self._counted,
            "combinations_forgotten": sum(table.forgotten for table in self._tables.values()),
            "groups_evicted": sum(window.evicted for _, _, window in self._windows),
            "claims_folded": self.book.folded,
        }

    def batch(self, tables: Mapping[str, pl.DataFrame | Columns]) -> None:
        """Evaluates every rule over the next rows. Raises ColumnNotFoundError where a needed column is missing."""
        self.claim(self.match(tables))

    def match(self, tables: Mapping[str, pl.DataFrame | Columns]) -> Matched:
        """The rows that each rule matches, of which nothing is claimed yet. Raises as `batch` does."""
        self._counted["batches"] += 1
        matches: Matched = {}
        for name, table in self._tables.items():
            rows = tables.get(name)
            if rows is None:
                continue
            batch = Columns.of(rows)
            if not len(batch):
                continue
            self._counted["rows"] += len(batch)
            for position, matched_rows in table.match(batch).items():
                number = table.rules[position][0]
                matches[number] = batch, matched_rows
                self._counted["matches"] += len(matched_rows)
        return matches

    def claim(self, matches: Matched) -> None:
        """Adds to the book what these rows are to the rules that matched them, and to correlations."""
        for number in sorted(matches):
            if self.rules[number].emit:
                claim_rows(self.book, self.rules[number], *matches[number])
        for rule, numbers, window in self._windows:
            matched = {index: matches[number] for index, number in enumerate(numbers) if number in matches}
            if matched and rule.correlation is not None:
                batch = next(iter(matched.values()))[0]
                counted = {index: rows for index, (_, rows) in matched.items()}
                for firing in window.feed(gather(rule.correlation, batch, counted)):
                    claim_firing(self.book, rule, batch, firing)

    def changed(self) -> list[dict[str, Any]]:
        """Rows of the alerts that are new or have grown since the last call."""
        return self.book.changed()

    def finish(self) -> list[dict[str, Any]]:
        """Every alert of the run as a row of schema.ALERTS, worst first."""
        return self.book.rows()
