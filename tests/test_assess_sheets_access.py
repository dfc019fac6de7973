"""Sheets about who reaches what."""

from __future__ import annotations

from sentinel.assess.model import Answer, CheckResult, Coverage, Outcome, Site, Text, Zone
from sentinel.assess.sheets import access
from sentinel.assess.sheets.registry import Material

WHY = Text("没有来源", "no source")
SESSION = {
    "source": "203.0.113.9", "target": "10.0.0.5", "service": "rdp", "port": 3389, "first": "2026-06-01 08:00:00",
    "last": "2026-06-01 09:30:00", "hours": 1.5, "bytes": 4096, "jump_host": None,
}  # fmt: skip


def material(check: str, outcome: Outcome = Outcome.VIOLATED, site: Site | None = None, **tables) -> Material:
    result = CheckResult(check, outcome, WHY, tables=tables)
    return Material(Site() if site is None else site, Coverage(), {check: result})


def test_remote_sessions_are_listed() -> None:
    sheet = access.remote_access(material("RA-01", remote_sessions=(SESSION,)))
    assert sheet.empty is None
    assert sheet.rows[0][:4] == ("203.0.113.9", "10.0.0.5", "rdp", 3389)
    assert sheet.rows[0][-1].en == "not known"
    assert len(sheet.rows[0]) == len(sheet.columns)


def test_no_session_is_not_called_no_access() -> None:
    sheet = access.remote_access(material("RA-01", Outcome.NOT_OBSERVED))
    assert sheet.rows == ()
    assert "does not mean" in sheet.empty.en


def test_a_check_that_cannot_tell_gives_its_reason() -> None:
    assert access.cloud(material("CL-01", Outcome.NOT_ASSESSABLE)).empty == WHY


def test_suppliers_are_held_against_the_sessions_seen() -> None:
    value = [
        {"name": "甲公司", "addresses": "203.0.113.9"},
        {"name": "乙公司", "addresses": "198.51.100.1；198.51.100.2"},
    ]
    site = Site(answers={"Q-SUP-05.rows": Answer("Q-SUP-05.rows", value, "documented", "Li", 1)})
    sheet = access.suppliers(material("RA-01", site=site, remote_sessions=(SESSION,)))
    assert [row[0] for row in sheet.rows] == ["甲公司", "乙公司"]
    assert [row[-1].en for row in sheet.rows] == ["yes", "not seen"]


def test_suppliers_that_nobody_named_are_asked_for() -> None:
    assert "Q-SUP-05" in access.suppliers(material("RA-01")).empty.en


def test_the_tenant_matrix_needs_two_tenants() -> None:
    park = [Zone(id_, Text(id_, id_), kind="park") for id_ in ("t1", "t2")]
    flow = {"source_zone": "t1", "target_zone": "t2", "bytes": 700}
    one = access.tenants(material("SG-01", site=Site(zones=(park[0],)), conduit_matrix=(flow,)))
    assert one.empty is not None
    both = access.tenants(material("SG-01", site=Site(zones=tuple(park)), conduit_matrix=(flow,)))
    assert both.rows == ((park[0].name, "·", 700), (park[1].name, 0, "·"))
