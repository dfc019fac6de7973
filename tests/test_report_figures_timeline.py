"""Alerts over time."""

from __future__ import annotations

import figure_checks as check


def test_one_line_a_kind_with_its_count():
    words = check.words(check.drawn("timeline", "zh"))
    assert "程序下装" in words and "61" in words and "抓包" in words and "06-01 00:00" in words


def test_harmless():
    check.harmless("timeline")
