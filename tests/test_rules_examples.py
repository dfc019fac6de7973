"""Rows of rule files become tables."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.rules.examples import START, TENTH, BadRow, failures, frame
from sentinel.rules.load import RuleSet


def test_defaults_and_repeats() -> None:
    rows = frame(
        "messages",
        [{"unit": 0}, {"dst": "10.0.0.{n}", "unit": 5, "repeat": 3, "step": {"unit": 2}, "after": 2}],
        "modbus",
    )
    assert rows["dst"].cast(str).to_list() == ["192.0.2.10", "10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert rows["unit"].to_list() == [0, 5, 7, 9]
    assert rows["frame"].to_list() == [1, 2, 3, 4]
    assert [time - START for time in rows["time"].to_list()] == [0, 20 * TENTH, 40 * TENTH, 60 * TENTH]
    assert set(rows["protocol"].cast(str)) == {"modbus"} and rows["address"].null_count() == 4


def test_own_columns_of_protocols_are_added() -> None:
    rows = frame("messages", [{"modbus.subfunction": 4}, {}])
    assert rows["modbus.subfunction"].to_list() == [4, None]


@pytest.mark.parametrize(
    "row",
    [
        {"untit": 1}, {"unit": "x"}, {"unit": 1 << 70}, {"repeat": 0}, {"repeat": 10**9}, {"step": {"unit": 1}},
        {"unit": 1, "step": {"unit": "a"}}, {"after": "soon"},
    ],
)  # fmt: skip
def test_bad_rows(row: dict[str, Any]) -> None:
    with pytest.raises(BadRow):
        frame("messages", [row])


def test_failures_are_told_apart() -> None:
    from dataclasses import replace

    ruleset = RuleSet.load()
    (rule,) = [rule for rule in ruleset.rules if rule.name == "s7comm_plc_stop"]
    assert failures(ruleset, rule) == []
    swapped = replace(rule, example=rule.counterexample, counterexample=rule.example)
    assert failures(ruleset, swapped) == ["the example does not fire", "the counterexample fires"]
    bare = replace(rule, example=[], counterexample=[{"untit": 1}])
    assert failures(ruleset, bare) == ["no example", "counterexample: untit is no column of messages"]
    assert failures(ruleset, replace(bare, emit=False)) == []
