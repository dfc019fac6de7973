"""OSCAL assessment-results."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fake_assessment import empty, full

from sentinel.assess.model import Outcome
from sentinel.report import oscal

TOKEN = re.compile(r"^(\w|_)(\w|[.\-])*$")


def walk(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    yield key, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from walk(item, name)
    if isinstance(value, list):
        assert value, f"{key} is empty: OSCAL wants at least one member, or no list"
        for item in value:
            yield from walk(item, key)


@pytest.mark.parametrize("make", [empty, full])
def test_identifiers_are_uuids_and_lists_are_not_empty(make) -> None:
    document = oscal.document(make(), "en")
    defined = [v for k, v in walk(document) if k == "uuid"]
    assert all(uuid.UUID(v).version == 5 for v in defined)
    assert len(defined) == len(set(defined))
    references = [v for k, v in walk(document) if k in ("observation-uuid", "actor-uuid")]
    assert set(references) <= set(defined)


def test_the_required_members_are_there() -> None:
    results = oscal.document(full(), "zh")["assessment-results"]
    assert {"uuid", "metadata", "import-ap", "results"} <= results.keys()
    assert {"title", "last-modified", "version", "oscal-version"} <= results["metadata"].keys()
    (result,) = results["results"]
    assert {"uuid", "title", "description", "start", "reviewed-controls"} <= result.keys()
    assert results["import-ap"]["href"].removeprefix("#") == results["back-matter"]["resources"][0]["uuid"]


def test_only_what_was_judged_is_satisfied_or_not() -> None:
    (result,) = oscal.document(full(), "en")["assessment-results"]["results"]
    judged = [c for c in full().controls if c.outcome in (Outcome.VIOLATED, Outcome.CONTRADICTED, Outcome.CONFIRMED)]
    states = [f["target"]["status"]["state"] for f in result["findings"]]
    assert len(states) >= len(judged) > 0
    assert states.count("not-satisfied") == sum(c.outcome != Outcome.CONFIRMED for c in judged)


@pytest.mark.parametrize("control", ["8.5.3.1a", "SR 5.2 RE 1", "M01", "P-101", "六·1"])
def test_control_ids_become_tokens(control: str) -> None:
    assert TOKEN.match(oscal.token(control))


def test_equal_inputs_give_equal_bytes() -> None:
    assert oscal.render(full(), "zh") == oscal.render(full(), "zh")
    json.loads(oscal.render(full(), "en"))
