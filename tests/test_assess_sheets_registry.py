"""The special sheets as a whole."""

from __future__ import annotations

import pytest

from sentinel.assess.model import Answer, Coverage, Site
from sentinel.assess.sheets import registry
from sentinel.assess.sheets.registry import Material


def nothing() -> Material:
    return Material(Site(), Coverage(), {})


def test_every_sheet_of_the_issue_is_there_in_order() -> None:
    assert list(registry.makers()) == [
        "data-flows", "cloud", "tenants", "identifier-node", "remote-access", "suppliers", "monitoring-coverage",
        "scorecard", "acceptance", "sme", "retrofit", "indicators",
    ]  # fmt: skip


def test_without_data_every_sheet_says_why_in_one_line() -> None:
    for sheet in registry.make(nothing()):
        assert sheet.rows == ()
        assert sheet.empty is not None and sheet.empty.zh and sheet.empty.en
        assert "\n" not in sheet.empty.en


def test_every_sheet_names_its_clauses() -> None:
    assert all(sheet.clauses for sheet in registry.make(nothing()))


def test_two_sheets_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two sheets"):
        registry.sheet("sme", 1)(lambda material: registry.make(material)[0])


def test_an_answer_is_shown_with_its_state() -> None:
    answers = (Answer("Q-1", ["a", "b"], "documented", "Li", 1), Answer("Q-0", 0, "wire", "", 1))
    site = Site(answers={answer.question: answer for answer in answers})
    material = Material(site, Coverage(), {})
    assert registry.said(material, "Q-1").en == "a, b (documented)"
    assert registry.said(material, "Q-0").zh == "0（流量实测）"
    assert "not answered" in registry.said(material, "Q-2").en


def test_an_answer_that_stands_alone_has_its_question():
    material = Material(Site(answers={}), Coverage(), {}, (), (), (), (), {})
    line = registry.told(material, "Q-SUP-04")
    assert line.en.endswith("Answer: not answered (Q-SUP-04).") and "?" in line.en and "答复：" in line.zh
