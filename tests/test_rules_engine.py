"""The engine gives what evaluating row by row gives, however rows are cut and columns typed; and quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
import rules_naive
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import schema
from sentinel.rules import correlate
from sentinel.rules.alerts import AlertKind, Book
from sentinel.rules.engine import Engine
from sentinel.rules.ir import Correlation, Rule
from sentinel.rules.load import RuleSet

TEXT = ["", "read", "Read", "write", "stop", None]
OPERATIONS = ["read_coils", "Write_Coils", "stop", "", None]
ADDRESSES = ["10.0.0.1", "10.0.1.1", "aa:bb:cc:dd:ee:ff", "", "fe80::1"]
NUMBERS = [None, -1, 0, 1, 2, 255, 65535, 1 << 40]
COLUMNS: dict[str, list[Any]] = {
    "protocol": ["modbus", "dnp3", "", None],
    "kind": ["request", "response", "exception"],
    "operation": OPERATIONS,
    "activity": TEXT,
    "src": ADDRESSES,
    "dst": ADDRESSES,
    "unit": NUMBERS,
    "address": NUMBERS,
    "name": TEXT,
    "modbus.mode": [None, "", "a", "B"],
    "modbus.level": NUMBERS,
    "modbus.flag": [None, True, False],
}
TYPES = {"unit": pl.Int64, "address": pl.Int64, "modbus.level": pl.Int64, "modbus.flag": pl.Boolean}


def kind_of(number: int) -> AlertKind:
    text = {"en": "{src} did {operation}[ at {address}]", "zh": "{src} 执行 {operation}[，地址 {address}]"}
    return AlertKind(f"id-{number}", f"rule_{number}", "low", {"en": "t", "zh": "题"}, text, text, ["T0858"])


def rule_of(number: int, condition: list[Any], **more: Any) -> Rule:
    return Rule(kind_of(number), "x.yml", 1, "messages", "", condition, **more)


def frame_of(rows: list[dict[str, Any]], text: Any = pl.String) -> pl.DataFrame:
    data = {name: pl.Series(name, [row.get(name) for row in rows], TYPES.get(name, text)) for name in COLUMNS}
    for name in ("capture", "frame", "time", "flow"):
        data[name] = pl.Series(name, [row[name] for row in rows], pl.Int64)
    return pl.DataFrame(data)


@st.composite
def tables(draw: st.DrawFn, most: int = 30) -> list[dict[str, Any]]:
    row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in COLUMNS.items()})
    rows = draw(st.lists(row, min_size=1, max_size=most))
    steps = draw(st.lists(st.sampled_from([0, 1, 1, 5, 20, -3]), min_size=len(rows), max_size=len(rows)))
    now = 100
    for number, (row_, step) in enumerate(zip(rows, steps, strict=True)):
        now += step
        row_.update(capture=1, frame=number // 2 + 1, time=now, flow=None if number % 7 == 0 else number % 3)
    return rows


@st.composite
def leaves(draw: st.DrawFn) -> list[Any]:
    column = draw(st.sampled_from(list(COLUMNS)))
    if draw(st.integers(0, 9)) == 0:
        return ["test", column, "same", draw(st.sampled_from(list(COLUMNS)))]
    number = column in TYPES
    operator = draw(
        st.sampled_from(
            ["absent", "num", "lt", "lte", "gt", "gte"] if number else ["absent", "is", "exact", "re", "cidr"]
        )
    )
    values = [value for value in COLUMNS[column] if value is not None]
    some = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    value: Any = {
        "absent": True,
        "num": [int(v) for v in some] if number else [],
        "is": [str(v).casefold() for v in some],
        "exact": [str(v) for v in some],
        "re": [draw(st.sampled_from(["^r", "o", "C", ".$", r"\d"])), draw(st.sampled_from(["", "i", "is"]))],
        "cidr": draw(st.sampled_from(["10.0.0.0/24", "fe80::/10"])),
    }.get(operator, int(some[0]) if number else 0)
    return ["test", column, operator, value]


conditions = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        inner.map(lambda node: ["not", node]),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)).map(list),
    ),
    max_leaves=6,
)


def run(rules: list[Rule], frames: list[pl.DataFrame]) -> list[dict[str, Any]]:
    engine = Engine(RuleSet(rules))
    for frame in frames:
        engine.batch({"messages": frame})
    return engine.finish()


@settings(max_examples=120, deadline=None)
@given(
    rows=tables(), nodes=st.lists(conditions, min_size=1, max_size=4), text=st.sampled_from([pl.String, pl.Categorical])
)
def test_equals_the_naive_twin(rows: list[dict[str, Any]], nodes: list[list[Any]], text: Any) -> None:
    rules = [rule_of(number, node) for number, node in enumerate(nodes)]
    expected: Counter[tuple[Any, ...]] = Counter()
    for number, node in enumerate(nodes):
        for row in rows:
            if rules_naive.holds(node, row):
                key = (row["protocol"] or "", row["src"] or "", row["dst"] or "", row["unit"])
                expected[(f"id-{number}", *key)] += 1
    half = len(rows) // 2
    whole = run(rules, [frame_of(rows, text)])
    found = Counter({(a["rule"], a["protocol"], a["src"], a["dst"], a["unit"]): a["count"] for a in whole})
    assert found == expected
    assert run(rules, [frame_of(rows[:half], text), frame_of(rows[half:], text)]) == whole


@settings(max_examples=120, deadline=None)
@given(
    rows=tables(),
    kind=st.sampled_from(["event_count", "value_count", "temporal"]),
    threshold=st.integers(1, 5),
    span=st.sampled_from([0, 3, 10, 1000]),
    cuts=st.lists(st.integers(0, 30), max_size=3),
    sweep_from=st.sampled_from([0, 4, correlate.SWEEP_FROM]),
)
def test_correlations_equal_the_naive_twin(
    rows: list[dict[str, Any]], kind: str, threshold: int, span: int, cuts: list[int], sweep_from: int
) -> None:
    first, second = ["test", "kind", "is", ["request"]], ["test", "kind", "is", ["response"]]
    base = [rule_of(0, first, emit=False), rule_of(1, second, emit=False)]
    if kind == "temporal":
        threshold = min(threshold, 2)
    value = "operation" if kind == "value_count" else ""
    correlation = Correlation(kind, ["id-0", "id-1"], ["src", "unit"], span, threshold, value)
    counting = Rule(kind_of(2), "x.yml", 1, "messages", "", correlation=correlation)
    events = []
    origin = []
    for row in rows:
        group = (row["src"] or "", row["unit"])
        if row["kind"] in ("request", "response") and not (kind == "value_count" and not row["operation"]):
            shown = row["kind"] if kind == "temporal" else row["operation"]
            events.append((group, row["time"], shown))
            origin.append(row)
    expected = {group: len(own) for group, own in rules_naive.correlate(kind, threshold, span, events).items()}
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    frames = [frame_of(rows[a:b]) for a, b in zip(edges, edges[1:], strict=False) if b > a]
    with mock.patch.object(correlate, "SWEEP_FROM", sweep_from):
        alerts = run([*base, counting], frames)
    assert {(a["src"], a["unit"]): a["count"] for a in alerts} == expected
    assert run([*base, counting], [frame_of(rows)]) == alerts


def many_rows(height: int) -> pl.DataFrame:
    """Polling by one HMI of ten devices: what a sensor sees all day."""
    rng = np.random.default_rng(7)
    device = rng.integers(0, 10, height)
    request = np.arange(height) % 2 == 0
    names = pl.Series([f"10.0.0.{n}" for n in range(10)])
    hmi = pl.Series(["10.0.0.200"] * height)
    devices = names.gather(device)
    text = {
        "protocol": pl.Series(["modbus"] * height),
        "kind": pl.Series(np.where(request, "request", "response")),
        "operation": pl.Series(["read_holding_registers"] * height),
        "activity": pl.Series(["read"] * height),
        "src": devices.zip_with(pl.Series(~request), hmi),
        "dst": hmi.zip_with(pl.Series(~request), devices),
    }
    data: dict[str, pl.Series] = {name: series.cast(pl.Categorical) for name, series in text.items()}
    data["time"] = pl.Series(np.arange(height) * 10_000)
    data["frame"] = pl.Series(np.arange(height) + 1)
    full = {}
    for column in schema.MESSAGES.columns:
        dtype = pl.Categorical if column.type == "text" else pl.Int64
        empty = pl.Series([""] * height if column.type == "text" else [1] * height).cast(dtype)
        full[column.name] = data.get(column.name, empty)
    return pl.DataFrame(full)


def test_polling_raises_nothing() -> None:
    ruleset = RuleSet.load()
    frame = many_rows(130_000).select(sorted(c for c in ruleset.needed_columns("messages") if "." not in c))
    engine = Engine(ruleset)
    engine.batch({"messages": frame})
    engine.batch({"messages": frame})
    assert engine.finish() == []


def test_rules_of_other_tables_and_missing_tables() -> None:
    points = Rule(kind_of(0), "x.yml", 1, "points", "", ["test", "value", "gt", 5.0])
    engine = Engine(RuleSet([points, rule_of(1, ["test", "unit", "num", [0]])]))
    engine.batch({})
    frame = pl.DataFrame(
        {
            "capture": [1, 1], "frame": [1, 2], "time": [5, 6], "flow": [1, 1], "device": ["10.0.0.1", "10.0.0.1"],
            "unit": [0, 0], "protocol": ["modbus", "modbus"], "value": [5.0, 5.5],
        }
    )  # fmt: skip
    engine.batch({"points": frame})
    (alert,) = engine.finish()
    assert (alert["src"], alert["dst"], alert["unit"], alert["count"]) == ("", "10.0.0.1", 0, 1)


def test_a_needed_column_that_is_missing_is_an_error_only_where_its_protocol_must_bring_it() -> None:
    rules = [rule_of(0, ["or", [["test", "modbus.mode", "is", ["a"]], ["test", "modbus.level", "absent", True]]])]
    row = {name: values[0] for name, values in COLUMNS.items()} | {"capture": 1, "frame": 1, "time": 1, "flow": 1}
    frame = frame_of([row])
    assert run(rules, [frame.drop("modbus.mode", "modbus.level")])[0]["count"] == 1
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        run(rules, [frame.drop("time")])


def test_bounds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.rules.engine.MAX_COMBINATIONS", 3)
    monkeypatch.setattr("sentinel.rules.alerts.MAX_PAIRS", 2)
    rows = [
        {"operation": f"op{n}", "src": f"10.0.0.{n}", "capture": 1, "frame": n + 1, "time": n, "flow": 1, "unit": n}
        for n in range(8)
    ]
    engine = Engine(RuleSet([rule_of(0, ["test", "operation", "re", ["^op", ""]])]))
    for row in rows:
        engine.batch({"messages": frame_of([row])})
    counters = engine.counters
    assert counters["combinations_forgotten"] > 0 and counters["claims_folded"] == 6
    assert counters["matches"] == counters["rows"] == counters["batches"] == 8
    engine.batch({"messages": frame_of(rows)})  # known and unknown ones together, more than are remembered
    assert sum(alert["count"] for alert in engine.finish()) == 16


def test_answers_blame_the_one_that_asked() -> None:
    rule = rule_of(0, ["test", "kind", "is", ["exception"]], asker="destination")
    row = {"kind": "exception", "src": "10.0.0.1", "dst": "10.0.1.1", "capture": 1, "frame": 1, "time": 1, "flow": 1}
    (alert,) = run([rule], [frame_of([row])])
    assert (alert["src"], alert["dst"]) == ("10.0.1.1", "10.0.0.1")
    assert alert["why_en"] == "10.0.1.1 did not stated"


def test_live_capture_hears_of_an_alert_once_and_again_when_it_grows() -> None:
    engine = Engine(RuleSet([rule_of(0, ["test", "kind", "is", ["request"]])]), Book())
    row = {"kind": "request", "src": "10.0.0.1", "capture": 1, "frame": 1, "time": 1, "flow": 1}
    engine.batch({"messages": frame_of([row])})
    assert [alert["count"] for alert in engine.changed()] == [1]
    assert engine.changed() == []
    engine.batch({"messages": frame_of([row | {"frame": 2, "time": 2}])})
    (alert,) = engine.changed()
    assert alert["count"] == 2 and json.loads(alert["evidence"]) == [[1, 1], [1, 2]]


def test_importing_the_engine_is_cheap() -> None:
    names = "('sigma', 'yaml', 'click', 'pyarrow')"
    code = f"import sys, sentinel.rules.engine; print([m for m in {names} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
