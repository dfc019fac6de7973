"""Sigma to compiled rules: what is understood, and that whatever is not becomes a problem with its line."""

from __future__ import annotations

from typing import Any

import pytest
from rule_files import COUNTING, GOOD

from sentinel.rules.compile import compile_sources
from sentinel.rules.ir import Rule
from sentinel.rules.load import Problem


def compiled(text: str) -> Rule:
    rules, problems = compile_sources([("stopped.yml", text.encode())])
    assert problems == []
    return rules[-1]


def condition_of(selection: str, category: str = "message", condition: str = "selection") -> Any:
    lines = "\n".join(f"        {line}" for line in selection.splitlines())
    return compiled(
        "title: t\nid: 11111111-1111-4111-8111-111111111111\nname: t\n"
        f"logsource: {{product: ics, category: {category}}}\n"
        f"detection:\n    selection:\n{lines}\n    condition: {condition}\n"
    ).condition


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("event.action: PLC_Stop", ["test", "operation", "is", ["plc_stop"]]),
        ("event.action: [a, B]", ["test", "operation", "is", ["a", "b"]]),
        ("event.action|cased: Stop", ["test", "operation", "exact", ["Stop"]]),
        ("event.action|startswith: plc_", ["test", "operation", "re", [r"\Aplc_.*\Z", "is"]]),
        ("event.action|contains|cased: a.b", ["test", "operation", "re", [r"\A.*a\.b.*\Z", "s"]]),
        ("event.action: p?c*", ["test", "operation", "re", [r"\Ap.c.*\Z", "is"]]),
        ("ics.name|re: ^OB\\d+$", ["test", "name", "re", ["^OB\\d+$", ""]]),
        ("ics.name|re|i: ^ob", ["test", "name", "re", ["^ob", "i"]]),
        ("source.ip|cidr: 10.0.0.0/8", ["test", "src", "cidr", "10.0.0.0/8"]),
        ("ics.unit: 0", ["test", "unit", "num", [0]]),
        ("ics.unit: [0, 0x10]", ["test", "unit", "num", [0, 16]]),
        ("ics.unit|gte: 3", ["test", "unit", "gte", 3]),
        ("ics.name: 12", ["test", "name", "is", ["12"]]),
        ("ics.unit: null", ["test", "unit", "absent", True]),
        ("ics.unit|exists: true", ["not", ["test", "unit", "absent", True]]),
        ("ics.unit|exists: false", ["test", "unit", "absent", True]),
        ("ics.unit|neq: 3", ["not", ["test", "unit", "num", [3]]]),
        ("source.ip|fieldref: destination.ip", ["test", "src", "same", "dst"]),
        ("ics.modbus.subfunction: 4", ["test", "modbus.subfunction", "num", [4]]),
        ("ics.dnp3.broadcast: true", ["test", "dnp3.broadcast", "num", [1]]),
        ("ics.s7comm.pi_service: _INSE", ["test", "s7comm.pi_service", "is", ["_inse"]]),
        ("event.action|contains|all: [a, b]",
         ["and", [["test", "operation", "re", [rf"\A.*{x}.*\Z", "is"]] for x in "ab"]]),
        ("- event.action: a\n- ics.unit: 1",
         ["or", [["test", "operation", "is", ["a"]], ["test", "unit", "num", [1]]]]),
    ],
)  # fmt: skip
def test_fields_and_modifiers(selection: str, expected: Any) -> None:
    assert condition_of(selection) == expected


def test_other_tables_and_conditions() -> None:
    assert condition_of("ics.points.value|gt: 3", "point") == ["test", "value", "gt", 3.0]
    assert condition_of("ics.flows.gaps|gt: 3", "flow") == ["test", "gaps", "gt", 3]
    assert condition_of("ics.unit: 1", condition="not selection") == ["not", ["test", "unit", "num", [1]]]


def test_a_service_is_a_test_of_the_protocol() -> None:
    rule = compiled(GOOD)
    assert rule.condition is not None and rule.condition[1][0] == ["test", "protocol", "is", ["s7comm"]]
    assert (rule.table, rule.protocol, rule.name, rule.kind.techniques) == ("messages", "s7comm", "stopped", ["T0858"])
    assert rule.kind.title == {"en": "Controller stopped", "zh": "控制器被停止"}


def test_correlations() -> None:
    rules, problems = compile_sources([("many.yml", COUNTING.encode())])
    assert problems == []
    base, many = rules
    assert not base.emit and many.emit and many.correlation is not None
    assert many.correlation.threshold == 3 and many.correlation.span == 60_000_000_000
    assert many.correlation.group_by == ["src"] and many.correlation.rules == [base.id]
    generating = COUNTING.replace("    rules: many_read\n", "    rules: many_read\n    generate: true\n")
    assert compile_sources([("many.yml", generating.encode())])[0][0].emit


def test_a_plain_sigma_rule_gets_sentences_without_placeholders_of_its_own() -> None:
    text = GOOD[: GOOD.index("sentinel:")].replace("A test rule.", "Reads {x} [y].")
    kind = compiled(text).kind
    assert kind.why["en"] == "Reads (x) (y). ({src} > {dst})" and kind.action["zh"]


WRONG = [
    (
        GOOD.replace("event.action:", "event.acton:"),
        "event.acton",
        "unknown field event.acton of messages; did you mean",
    ),
    (GOOD.replace("ics.kind:", "ics.function:"), "ics.function", "ics.function is a number (i32)"),
    (GOOD.replace("ics.kind: request", "ics.unit: 1.5"), "ics.unit", "ics.unit is a whole number (i64)"),
    (GOOD.replace("ics.kind: request", "ics.unit: 100000000000000000000"), "ics.unit", "has more than 64 bits"),
    (GOOD.replace("ics.kind: request", "ics.kind|gt: 1"), "ics.kind", "ics.kind is text"),
    (GOOD.replace("ics.kind: request", "ics.unit: true"), "ics.unit", "ics.unit is not true or false"),
    (GOOD.replace("ics.kind: request", "ics.kind|fieldref: ics.knid"), "ics.kind", "unknown field ics.knid"),
    (GOOD.replace("ics.kind: request", "ics.time: 3"), "ics.time", "did you mean @timestamp?"),
    (GOOD.replace("ics.kind: request", "'@timestamp|hour': 3"), "hour", "SigmaTimestampPart is not understood"),
    (GOOD.replace("event.action: plc_stop", "event.action|shout: x"), "detection:", "Unknown modifier"),
    (GOOD.replace("event.action: plc_stop", "'|contains': x"), "detection:", "keywords without a field"),
    (GOOD.replace("condition: selection", "condition: selecton"), "condition:", "selecton"),
    (GOOD.replace("product: ics", "product: windows"), "logsource:", "logsource is product: ics"),
    (GOOD.replace("category: message", "category: process"), "logsource:", "logsource is product: ics"),
    (GOOD.replace("category: message", "category: fact"), "service:", "leave out service"),
    (GOOD.replace("level: high", "level: severe"), "level:", "severe"),
    (GOOD.replace("attack.t0858", "t0858"), "tags:", "tag"),
    (GOOD.replace("{src} stopped", "{source} stopped"), "why:", "placeholder {source} is no column of messages"),
    (GOOD.replace("{src} stopped", "{count} stopped"), "why:", "placeholder {count}"),
    (GOOD.replace("        zh: 询问 {src}。\n", ""), "    action:\n", "`action` has a text for each of en, zh"),
    (GOOD.replace("en: Ask {src}.", "en: ''"), "    action:\n", "a text of `action` is empty"),
    (GOOD.replace("title_zh:", "titel_zh:"), "sentinel:", "`sentinel` is a mapping of"),
    (GOOD.replace("    why:", "    asker: nobody\n    why:"), "asker:", "`asker` is source or destination"),
    (
        GOOD.replace("        - {kind: request, operation: plc_stop}", "        - 3"),
        "example:",
        "`example` is a list of rows",
    ),
    (GOOD.replace("id: 1", "id: x"), "id:", "UUID"),
    (GOOD.replace("id: 1", "idx: 1"), "title:", "a rule needs an id"),
    (GOOD.replace("level: high", "level: high\nlevel: low"), "level: low", "key level stands twice"),
    ("- 1\n", "- 1", "a rule is a mapping"),
    ("title: a\nb: [\n", "", "not YAML"),
    ("title: x\n", "title", "log source"),
    (COUNTING.replace("rules: many_read", "rules: nothing"), "rules:", "nothing is no rule that can be counted here"),
    (COUNTING.replace("gt: 2", "lt: 2"), "{lt", "the condition is gte or gt"),
    (COUNTING.replace("gt: 2", "gt: 20000"), "{gt", "out of reach"),
    (
        COUNTING.replace("event_count", "value_avg").replace("gt: 2", "gt: 2, field: ics.unit"),
        "correlation:",
        "only event_c",
    ),
    (COUNTING.replace("source.ip", "source.ap"), "correlation:", "unknown field source.ap"),
    (COUNTING.replace("1m", "1x"), "timespan:", "imespan"),
]


@pytest.mark.parametrize("content", [b"", b"\n# title: x\n"])
def test_a_file_without_a_rule_is_not_passed_over(content: bytes) -> None:
    assert compile_sources([("x.yml", content)]) == ([], [Problem("x.yml", 0, "no rule stands in it")])


@pytest.mark.parametrize(("text", "place", "message"), WRONG)
def test_problems_tell_path_line_and_reason(text: str, place: str, message: str) -> None:
    line = next(n for n, line in enumerate((text + "\n").split("\n"), 1) if place.rstrip("\n") in line)
    if place == "":
        line = text.count("\n") + 1  # where the parser gave up: the end
    _, problems = compile_sources([("x.yml", text.encode())])
    assert any(p.path == "x.yml" and p.line == line and message in p.message for p in problems), problems


def test_hostile_files_are_problems_and_never_tracebacks() -> None:
    for text in (
        b"\xff",
        b"a: !!python/object:x {}",
        b"[" * 5000,
        b"&a [*a]",
        b"x: 2024-99-99",
        b"? {a: b}\n: c",
        b"\0",
    ):
        rules, problems = compile_sources([("x.yml", text)])
        assert rules == [] and problems


def test_the_same_id_twice_is_a_problem() -> None:
    _, (problem,) = compile_sources([("a.yml", GOOD.encode()), ("b.yml", GOOD.encode())])
    assert problem.path == "b.yml" and problem.line == 2 and "is that of a.yml" in problem.message
