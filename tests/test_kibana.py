"""The saved objects for Kibana: current, whole, and about fields that the documents have. No Kibana reads them here."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sentinel.sinks.documents import fields
from sentinel.store.outbox import OFFERED

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def kibana() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kibana", ROOT / "tools/kibana.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kibana"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_file_is_current(kibana) -> None:
    assert kibana.PATH.read_text(encoding="utf-8") == kibana.text(), "run `make kibana`"


def test_every_reference_leads_to_an_object_of_the_file(kibana) -> None:
    found = [json.loads(line) for line in kibana.PATH.read_text(encoding="utf-8").splitlines()]
    ids = {(one["type"], one["id"]) for one in found}
    assert len(ids) == len(found)
    for one in found:
        assert {(reference["type"], reference["id"]) for reference in one["references"]} <= ids
        for name in ("visState", "panelsJSON"):
            if name in one["attributes"]:
                json.loads(one["attributes"][name])


def test_there_is_a_view_of_every_table_and_panels_do_not_overlap(kibana) -> None:
    assert set(kibana.TITLES) == set(OFFERED)
    taken: set[tuple[int, int]] = set()
    for panel in kibana.PANELS:
        x, y, w, h = panel.where
        assert x + w <= 48
        cells = {(a, b) for a in range(x, x + w) for b in range(y, y + h)}
        assert not cells & taken
        taken |= cells


def test_columns_and_conditions_are_fields(kibana) -> None:
    search = kibana.list_of_alerts()["attributes"]
    assert set(search["columns"]) <= set(fields("alerts"))
    assert kibana.DANGEROUS.split(":")[0] in fields("messages")


def test_whatever_a_panel_counts_by_is_a_field_that_can_be_counted_by(kibana) -> None:
    """Text is not; a panel that orders by a number must show that number."""
    found = [json.loads(line) for line in kibana.PATH.read_text(encoding="utf-8").splitlines()]
    looked = 0
    for one in found:
        if one["type"] != "visualization":
            continue
        known = fields(one["references"][0]["id"].removeprefix("sentinel-ics-"))
        parts = json.loads(one["attributes"]["visState"])["aggs"]
        metrics = {part["id"] for part in parts if part["schema"] == "metric"}
        for part in parts:
            if field := part["params"].get("field"):
                looked += 1
                assert known[field] in {"keyword", "long", "double", "boolean", "date", "ip"}, (one["id"], field)
            if part["type"] == "date_histogram":
                assert known[part["params"]["field"]] == "date"
            assert part["params"].get("orderBy", part["id"]) in metrics | {part["id"]}
    assert looked > 20
