"""The roadmap."""

from __future__ import annotations

import dataclasses

import fake_assessment as fake
import figure_checks as check

from sentinel.assess.model import Text


def test_open_findings_only_in_the_order_of_the_phases():
    words = check.words(check.drawn("roadmap", "en"))
    assert "F-05" not in words
    assert words.index("F-02") < words.index("F-01") < words.index("F-03") < words.index("F-04")


def test_weeks_of_the_assessment_decide_where_it_has_them():
    row = {
        "number": "F-09",
        "title": Text("题", "title"),
        "horizon": "quick",
        "start_week": 1,
        "end_week": 2,
        "cost_class": "A",
    }
    words = check.words(check.drawn("roadmap", "zh", dataclasses.replace(fake.full(), roadmap=(row,))))
    assert "F-09 题" in words and "F-01" not in words


def test_harmless():
    check.harmless("roadmap")
