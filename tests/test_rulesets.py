"""The shipped rules: they pass lint, examples fire, counterexamples do not, and they speak both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.plugins import load_parsers
from sentinel.rules import attack
from sentinel.rules.alerts import LEVELS
from sentinel.rules.engine import Engine
from sentinel.rules.examples import alerts, failures, frame
from sentinel.rules.ir import Rule
from sentinel.rules.lint import lint
from sentinel.rules.load import RuleSet

RULESET = RuleSet.load()
EMITTING = [rule for rule in RULESET.rules if rule.emit]


def test_they_pass_lint() -> None:
    found = lint(RULESET, load_parsers())
    assert not found, "\n".join(map(str, found))


def test_there_are_as_many_as_promised() -> None:
    assert len(EMITTING) >= 25
    assert {rule.protocol for rule in EMITTING} == {"modbus", "s7comm", "dnp3", ""}


@pytest.mark.parametrize("rule", EMITTING, ids=lambda rule: rule.name)
def test_example_and_counterexample(rule: Rule) -> None:
    assert failures(RULESET, rule) == []


@pytest.mark.parametrize("rule", EMITTING, ids=lambda rule: rule.name)
def test_alerts_say_what_why_and_what_to_do_in_both_languages(rule: Rule) -> None:
    for alert in alerts(RULESET, rule, rule.example):
        texts = [alert[f"{what}_{language}"] for what in ("title", "why", "action") for language in ("en", "zh")]
        assert all(text and "None" not in text and not set(text) & set("{}[]") for text in texts)
        assert "not stated" not in alert["why_en"] and "未说明" not in alert["why_zh"]


@pytest.mark.parametrize("rule", EMITTING, ids=lambda rule: rule.name)
def test_the_asker_is_never_the_controller(rule: Rule) -> None:
    # In every example the controller has an address that ends in .10 or a number below 10; the asker ends in .66
    for alert in alerts(RULESET, rule, rule.example):
        if rule.name != "dnp3_authentication_failed":
            assert alert["src"] == "192.0.2.66" and alert["dst"] != "192.0.2.66"


def test_folders_are_protocols() -> None:
    for rule in RULESET.rules:
        assert Path(rule.path).parent.name == (rule.protocol or "any")


def test_techniques_have_chinese_names() -> None:
    used = {technique for rule in EMITTING for technique in rule.kind.techniques}
    assert used <= attack.chinese_names().keys()


def test_polling_is_quiet() -> None:
    """An HMI that polls and now and then writes raises nothing above low, and reading alone raises nothing."""
    poll = {"protocol": "modbus", "operation": "read_holding_registers", "activity": "read", "function": 3, "unit": 1}
    reading = [
        {**poll, "kind": "request", "address": 0, "pairing": "answered", "repeat": 500},
        {**poll, "kind": "response", "src": "192.0.2.10", "dst": "192.0.2.66", "pairing": "answered", "repeat": 500},
        {"protocol": "s7comm", "kind": "request", "operation": "read_var", "activity": "read", "repeat": 500},
        {"protocol": "s7comm", "kind": "request", "operation": "setup_communication", "activity": "session"},
        {"protocol": "dnp3", "kind": "request", "operation": "read", "activity": "read", "unit": 10, "repeat": 500},
        {"protocol": "dnp3", "kind": "unsolicited", "operation": "unsolicited_response", "activity": "report"},
        {"protocol": "dnp3", "kind": "confirm", "operation": "confirm", "activity": "session", "unit": 10},
    ]
    writing = [
        {
            "protocol": "modbus",
            "kind": "request",
            "operation": "write_multiple_registers",
            "activity": "write",
            "unit": 1,
        },
        {
            "protocol": "s7comm",
            "kind": "request",
            "operation": "write_var",
            "activity": "write",
            "object": "data_block",
        },
        {"protocol": "dnp3", "kind": "request", "operation": "operate", "activity": "control", "unit": 10},
        {"protocol": "dnp3", "kind": "request", "operation": "write_time", "activity": "time", "unit": 10},
    ]
    engine = Engine(RULESET)
    engine.batch({"messages": frame("messages", reading)})
    assert engine.finish() == []
    engine.batch({"messages": frame("messages", writing)})
    assert {alert["severity"] for alert in engine.finish()} == {"informational"}


def test_severities_are_sane() -> None:
    level = {rule.name: LEVELS.index(rule.kind.level) for rule in EMITTING}
    high, low = LEVELS.index("high"), LEVELS.index("low")
    assert all(
        level[name] >= high for name in ("s7comm_plc_stop", "s7comm_download", "dnp3_cold_restart", "modbus_umas_stop")
    )
    assert all(
        level[name] <= low
        for name in ("modbus_identification", "s7comm_identification", "modbus_write", "s7comm_write")
    )
