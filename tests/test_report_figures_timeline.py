"""Alerts over time."""

from __future__ import annotations

import dataclasses
import re

import fake_assessment as fake
import figure_checks as check

from sentinel.report.figures import timeline


def test_one_line_a_kind_with_its_count():
    words = check.words(check.drawn("timeline", "zh"))
    assert "程序下装" in words and "61" in words and "抓包" in words and "06-01 00:00" in words


def test_harmless():
    check.harmless("timeline")


def test_years_are_told_where_captures_are_years_apart():
    given = fake.full()
    first = given.captures[0]
    late = {**first, **{key: first[key] + 800 * timeline.DAY for key in ("first_time", "last_time")}}
    words = check.words(check.drawn("timeline", "en", dataclasses.replace(given, captures=(first, late))))
    assert re.search(r"^20\d\d-\d\d-\d\d$", words, re.M) and "06-01 00:00" not in words
