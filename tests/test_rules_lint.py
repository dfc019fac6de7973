"""Lint finds what a shipped rule lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_files import COUNTING, GOOD, write

from sentinel.model import Activity, Extra, Operation
from sentinel.plugins import Parsers, Protocol
from sentinel.rules.lint import lint
from sentinel.rules.load import RuleSet


def parsers() -> Parsers:
    operations = {n: Operation(name, name, Activity.MODE) for n, name in enumerate(("plc_stop", "plc_start"))}
    protocol = Protocol(
        name="s7comm", title="S7", index=0, parse=print, probe=int, orient=None, transports=("tcp",), ports={}, over=(),
        operations=operations, objects={1: "output"}, statuses={1: "Busy"}, table=(Extra("szl_id", "u16", "A list."),),
        stream_cap=1,
    )  # fmt: skip
    return Parsers([protocol])


def found(folder: Path, text: str, name: str = "stopped") -> list[str]:
    return [problem.message for problem in lint(RuleSet.load([write(folder, name, text)]), parsers())]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_good_rule_passes(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("attack.t0858", "attack.t0001", "T0001 is no technique of ATT&CK for ICS"),
        ("attack.t0858", "attack.t0833", "T0833 (Modify Control Logic) is deprecated or revoked"),
        ("attack.t0858", "attack.execution", "no ATT&CK for ICS technique (tags: attack.t0xxx)"),
        ("    title_zh: 控制器被停止\n", "", "no Chinese title"),
        ("{src} 停止了 {dst}[ 单元 {unit}]。", "{src} stopped {dst}", "no Chinese why"),
        ("询问 {src}。", "Ask {src}.", "no Chinese action"),
        ("        - 计划内作业。\n", "        - Planned.\n", "falsepositives and falsepositives_zh do not say"),
        ("operation: plc_stop}", "operation: plc_start}", "the example does not fire"),
        ("operation: plc_start}", "operation: plc_stop}", "the counterexample fires"),
        ("name: stopped", "name: halted", "name halted is not that of the file, stopped"),
        ("name: stopped", "name: Stopped", "name Stopped is not made of lower-case letters, digits and _"),
        ("event.action: plc_stop", "event.action: [plc_stop, plc_halt]", "operation is never plc_halt"),
        ("ics.kind: request", "ics.kind: [request, order]", "kind is never order"),
        ("ics.kind: request", "ics.kind: request\n        ics.object: [input, '']", "object is never input"),
        ("ics.kind: request", "ics.kind: request\n        ics.status_name: Lazy", "status_name is never lazy"),
        ("ics.kind: request", "ics.kind: request\n        ics.activity: [mode, dance]", "activity is never dance"),
        ("ics.kind: request", "ics.kind: request\n        ics.fault: odd", "fault is never odd"),
        ("ics.kind: request", "ics.kind: request\n        ics.s7comm.szl: 1", "no parser has a column s7comm.szl"),
        ("ics.kind: request", "ics.kind: request\n        ics.dnp3.iin: 1", "no parser has a column dnp3.iin"),
        ("service: s7comm", "service: s8comm", "no parser is named s8comm"),
    ],
)
def test_what_is_missing_or_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert any(sentence.startswith(message) for sentence in found(tmp_path, GOOD.replace(old, new)))


def test_a_rule_that_only_feeds_a_correlation_needs_no_texts(tmp_path: Path) -> None:
    sentences = found(tmp_path, COUNTING, "many")
    assert "no Chinese title" in sentences and sentences.count("no example") == 1


def test_duplicates_are_found(tmp_path: Path) -> None:
    write(tmp_path, "stopped", GOOD)
    other = GOOD.replace("11111111-1111-4111-8111-111111111111", "44444444-1111-4111-8111-111111111111")
    sentences = found(tmp_path, GOOD) + [
        str(p.message)
        for p in lint(RuleSet.load([tmp_path / "stopped.yml", write(tmp_path, "again", other)]), parsers())
    ]
    assert any(s.startswith("stopped has the name of") for s in sentences)
    assert any(s.startswith("stopped says the same as") for s in sentences)


def test_problems_of_loading_are_among_the_findings(tmp_path: Path) -> None:
    assert any("unknown field" in sentence for sentence in found(tmp_path, GOOD.replace("event.action", "event.act")))
