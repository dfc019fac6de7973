"""An assessment as JSON and back."""

from __future__ import annotations

import dataclasses
import json

import pytest
from fake_assessment import empty, full, hostile

from sentinel.assess import snapshot
from sentinel.assess.model import Outcome, Text


@pytest.mark.parametrize("make", [empty, full])
def test_it_comes_back_as_it_was(make) -> None:
    assessment = make()
    again = snapshot.load(snapshot.dump(assessment))
    assert again == assessment
    assert snapshot.dump(again) == snapshot.dump(assessment)


def test_equal_inputs_give_equal_bytes() -> None:
    assert snapshot.dump(full()) == snapshot.dump(full())
    assert full().id == full().id != empty().id


def test_the_id_is_that_of_the_content() -> None:
    other = dataclasses.replace(full(), profile="another")
    assert snapshot.identify(other).id != full().id
    assert snapshot.identify(dataclasses.replace(full(), id="x")).id == full().id


def test_texts_and_enumerations_are_found_again() -> None:
    again = snapshot.load(snapshot.dump(full()))
    assert isinstance(again.findings[0].title, Text)
    assert isinstance(again.checks[0].outcome, Outcome)
    assert isinstance(again.findings[0].controls, tuple)


def test_half_a_surrogate_pair_is_written() -> None:
    json.loads(snapshot.dump(hostile()))


@pytest.mark.parametrize("raw", [b"[]", b"{}", b'{"id": 1, "nonsense": 2}'])
def test_what_is_no_assessment_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not an assessment"):
        snapshot.load(raw)


def test_a_value_without_a_place_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        snapshot.content(object())
