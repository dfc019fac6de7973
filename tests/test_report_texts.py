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
