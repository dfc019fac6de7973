"""Bars of the security levels."""

from __future__ import annotations

import figure_checks as check

from sentinel.report.figures import _svg as svg


def test_each_zone_has_its_seven_requirements():
    words = check.words(check.drawn("levels", "zh"))
    assert "一号压装单元" in words and words.count("IAC") == 2 and "目标 SL-T" in words


def test_a_target_out_of_reach_is_marked():
    assert check.drawn("levels", "en").count(svg.VERMILION) >= 3


def test_harmless():
    check.harmless("levels")
