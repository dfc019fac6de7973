"""Rows of one batch that lie in several places give the alerts that they give together."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules_engine import frame_of, kind_of, rule_of, run, tables

from sentinel.rules.engine import Engine
from sentinel.rules.ir import Correlation, Rule
from sentinel.rules.load import RuleSet
from sentinel.rules.united import put_aside, undecided, united

RULES = [
    rule_of(0, ["test", "kind", "is", ["request"]], emit=False),
    rule_of(1, ["test", "activity", "is", ["write"]]),
    rule_of(2, ["test", "unit", "lt", 10]),
    Rule(kind_of(3), "x.yml", 1, "messages", "", correlation=Correlation("event_count", ["id-0"], ["src"], 20, 2)),
    Rule(
        kind_of(4), "x.yml", 1, "messages", "",
        correlation=Correlation("value_count", ["id-0", "id-1"], ["dst"], 1000, 2, "operation"),
    ),
]  # fmt: skip


def test_rules_that_are_counted_are_undecided():
    assert undecided(RULES) == {0, 1}


@settings(max_examples=100, deadline=None)
@given(rows=tables(), places=st.integers(1, 3), half=st.integers(0, 30))
def test_several_places_give_what_one_gives(rows: list[dict[str, Any]], places: int, half: int) -> None:
    ends = [sorted(row[end] or "" for end in ("src", "dst")) for row in rows]
    place = np.array([sum(map(ord, "".join(pair))) % places for pair in ends])
    numbers = undecided(RULES)
    engines = [Engine(RuleSet(RULES)) for _ in range(places)]
    together = Engine(RuleSet(RULES))
    batches = [part for part in (range(min(half, len(rows))), range(min(half, len(rows)), len(rows))) if len(part)]
    for batch in batches:
        aside = []
        for n, engine in enumerate(engines):
            own = np.array([row for row in batch if place[row] == n], np.int64)
            matched = engine.match({"messages": frame_of(rows)[pl.Series(own)]})
            aside.append(put_aside(RULES, numbers, matched, {"messages": own}))
            engine.claim({number: found for number, found in matched.items() if number not in numbers})
        together.claim(united(aside))
    for engine in engines:
        together.book.join(engine.book)
    whole = run(RULES, [frame_of([rows[row] for row in batch]) for batch in batches])
    assert together.finish() == whole
