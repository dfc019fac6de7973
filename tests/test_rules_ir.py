"""The compiled form: what it reads, and that JSON carries it without loss."""

from __future__ import annotations

import json

import pytest

from sentinel.rules import ir
from sentinel.rules.ir import Rule, text_predicate
from sentinel.rules.load import RuleSet


def test_json_carries_every_shipped_rule() -> None:
    for rule in RuleSet.load().rules:
        assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


def test_columns_that_a_rule_reads() -> None:
    rules = {rule.name: rule for rule in RuleSet.load().rules}
    assert rules["modbus_broadcast_write"].columns() == {
        "protocol", "kind", "activity", "unit", "pairing", "operation", "address",
    }  # fmt: skip
    assert rules["modbus_function_scan"].columns() == {"dst", "src", "function"}
    assert "modbus.umas_function" in rules["modbus_umas_stop"].columns()


def test_tests_of_a_condition() -> None:
    leaf = ["test", "unit", "num", [0]]
    assert list(ir.tests(["and", [leaf, ["not", ["or", [leaf]]]]])) == [leaf, leaf]


@pytest.mark.parametrize(
    ("operator", "value", "yes", "no"),
    [
        ("is", ["stop"], ["stop", "STOP"], ["", "stops"]),
        ("is", [""], [""], [" "]),
        ("exact", ["Stop"], ["Stop"], ["stop", ""]),
        ("absent", True, [""], ["x"]),
        ("re", ["b+", "i"], ["aBc"], ["a", ""]),
        ("re", ["^$", ""], [], [""]),
        ("cidr", "10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "", "aa:bb:cc:dd:ee:ff", "::1"]),
        ("cidr", "fe80::/10", ["fe80::1"], ["10.0.0.1"]),
        ("gt", 3, [], ["4", ""]),
    ],
)
def test_text_predicates(operator: str, value: object, yes: list[str], no: list[str]) -> None:
    holds = text_predicate(operator, value)
    assert all(map(holds, yes)) and not any(map(holds, no))
