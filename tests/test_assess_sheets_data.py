"""Sheets about data and identifiers."""

from __future__ import annotations

from sentinel.assess.model import Answer, CheckResult, Coverage, Outcome, Pack, Site, Text
from sentinel.assess.sheets import data
from sentinel.assess.sheets.registry import Material

WHY = Text("没有来源", "no source")
PACK = Pack(
    "p", "programme", WHY, "1", "here",
    tables={"identifier_thresholds": ({"clause": "M16", "title": WHY, "queries_per_month": 1_000_000},)},
)  # fmt: skip


def material(check: str, site: Site | None = None, **tables) -> Material:
    result = CheckResult(check, Outcome.NOT_ASSESSABLE, WHY, tables=tables)
    return Material(Site() if site is None else site, Coverage(), {check: result}, packs=(PACK,))


def test_flows_of_data_carry_level_and_register() -> None:
    row = {
        "source_zone": "cell", "target_zone": "office", "source": "10.0.0.5", "target": "10.1.0.9",
        "protocol": "modbus",
        "bytes": 12, "encrypted": False, "registered": None, "level": "",
    }  # fmt: skip
    sheet = data.data_flows(material("DA-01", data_flows=(row,)))
    assert [getattr(cell, "en", cell) for cell in sheet.rows[0]][4:] == [
        "modbus", 12, "no", "not known", "not classified",
    ]  # fmt: skip


def test_measured_queries_are_held_against_every_threshold() -> None:
    row = {
        "node": "10.0.0.1", "queries": 500, "per_month": 900_000, "success": 0.99, "p95_ms": 3.0, "clients": 2,
        "registrations": 0,
    }  # fmt: skip
    sheet = data.identifier_node(material("ID-01", resolution=(row,)))
    assert sheet.rows[0][1:5] == ("M16", 1_000_000, 900_000, Text("否", "no"))
    assert "this tap" in sheet.notes[0].en


def test_a_claim_alone_is_shown_as_a_claim() -> None:
    site = Site(answers={"Q-IDN-02": Answer("Q-IDN-02", "stated", "stated", "Li", 1)})
    sheet = data.identifier_node(material("ID-01", site=site))
    assert sheet.rows[0][3] is None
    assert sheet.rows[0][4].en == "not known"


def test_no_node_at_all_is_one_line() -> None:
    assert data.identifier_node(material("ID-01")).empty == WHY
