"""What is asked at once and what later, and that the analysis thread hands on what goes wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from waiting import PATIENCE

from sentinel.plugins import load_parsers
from sentinel.rules.alerts import Book
from sentinel.rules.load import RuleSet
from sentinel.sensor.analysis import LATE_COLUMNS, LiveAnalysis, Rules, split
from sentinel.sensor.config import Store
from sentinel.sensor.loop import Sensor
from sentinel.store.case import Case


def test_rules_that_ask_for_answers_are_asked_later_with_those_they_feed() -> None:
    everything = RuleSet.load()
    now, late = split(everything)
    assert {rule.id for rule in now.rules} | {rule.id for rule in late.rules} == {rule.id for rule in everything.rules}
    assert not any(rule.columns() & LATE_COLUMNS for rule in now.rules if rule.table == "messages")
    names = {rule.name for rule in late.rules}
    assert {"modbus_broadcast_write"} <= names and len(late.rules) < len(now.rules) / 4
    for part in (now, late):
        inside = {rule.id for rule in part.rules}
        for rule in part.rules:
            assert rule.correlation is None or inside.issuperset(rule.correlation.rules), rule.name


def test_both_kinds_write_into_one_book() -> None:
    rules = Rules(RuleSet.load(), Book())
    assert rules.now.book is rules.late.book is rules.book
    fresh = Book()
    rules.begin(fresh)
    assert rules.now.book is rules.late.book is rules.book is fresh
    assert set(rules.own_columns) == set(rules.now.own_columns) | set(rules.late.own_columns)
    assert rules.counters["claims_folded"] == 0


def test_what_goes_wrong_reaches_the_capturing_thread(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    with Case.open(tmp_path / "case") as case, case.begin_run([Sensor.new_row(0, [])]) as run:
        rules = Rules(RuleSet([]), Book())
        analysis = LiveAnalysis(case, run, load_parsers(), [""], rules, Store())
        analysis.start()
        analysis.call(fail)
        with pytest.raises(RuntimeError, match="on purpose"):
            analysis.close()
        with pytest.raises(RuntimeError, match="on purpose"):
            analysis.call(fail)


def test_the_end_is_the_end_though_a_checkpoint_is_due(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case, case.begin_run([Sensor.new_row(0, [])]) as run:
        analysis = LiveAnalysis(case, run, load_parsers(), [""], Rules(RuleSet([]), Book()), Store())
        analysis.start()
        analysis.call(analysis.note, dict(run.captures[0]))
        analysis.call(setattr, analysis, "_next_checkpoint", float("inf"))
        analysis.call(analysis.finish)
        analysis.call(setattr, analysis, "_next_checkpoint", 0.0)
        analysis.close()
        assert run.over and case.captures()["state"].to_list() == ["complete"]


def test_nothing_is_written_behind_the_end_of_the_run(tmp_path: Path) -> None:
    """A checkpoint that falls due while the run ends would wait for a writer that has left, for ever."""
    with Case.open(tmp_path / "case") as case:
        run = case.begin_run([Sensor.new_row(0, [])])
        analysis = LiveAnalysis(case, run, load_parsers(), [""], Rules(RuleSet([]), Book()), Store())

        def end() -> None:
            analysis.finish()
            analysis._next_checkpoint = 0.0

        analysis.start()
        analysis.call(end)
        closing = threading.Thread(target=analysis.close, daemon=True)
        closing.start()
        closing.join(PATIENCE)
        assert not closing.is_alive()
        assert [one["state"] for one in case.summary()["runs"]] == ["complete"]
