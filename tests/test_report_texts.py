"""Shared words exist in both languages for everything that the model names."""

from __future__ import annotations

from sentinel.assess.model import Outcome, Provenance, Text
from sentinel.report import texts


def test_every_noun_has_its_words():
    assert set(texts.OUTCOMES) == set(texts.TONE_OF_OUTCOME) == set(Outcome)
    assert set(texts.PROVENANCE) == set(Provenance)
    assert set(texts.VARIANTS) == {"full", "gap", "miit", "iec", "sme", "indicators"}


def test_both_languages_say_something():
    tables = [value for value in vars(texts).values() if isinstance(value, dict)]
    found = [
        t for table in tables for entry in table.values() for t in (entry if isinstance(entry, tuple) else (entry,))
    ]
    for entry in (t for t in found if isinstance(t, Text)):
        assert entry.zh and entry.en


def test_what_was_not_seen_is_never_good():
    for outcome in (Outcome.NOT_OBSERVED, Outcome.NOT_ASSESSABLE, Outcome.PASS_UNVERIFIED):
        assert texts.TONE_OF_OUTCOME[outcome] != "good"


def test_an_unknown_key_is_shown_as_it_is():
    assert texts.look_up(texts.KINDS, "turbine", "zh") == "turbine"


def test_durations_have_a_unit_that_suits_them():
    told = [texts.hours(value, "en") for value in (0, 16 / 3600, 0.5, 1.25, 47, 22_417.8)]
    assert told == ["0 s", "16 s", "30.0 min", "1.2 h", "47.0 h", "934.1 days"]
    assert [texts.hours(value, "zh") for value in (0, 2, 72)] == ["0 秒", "2.0 小时", "3.0 天"]


def test_what_was_seen_is_never_nothing():
    assert texts.visibility(0.0, True) == "<0.01%" and texts.visibility(0.0, False) == "0%"
    assert texts.visibility(0.0044, True) == "0.44%"
