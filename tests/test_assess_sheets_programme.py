"""Sheets of the programme."""

from __future__ import annotations

from sentinel.assess.model import Asset, CheckResult, Coverage, Observation, Outcome, Pack, Site, Text
from sentinel.assess.sheets import programme
from sentinel.assess.sheets.registry import Material

WHY = Text("没有来源", "no source")


def material(**values) -> Material:
    given = {"site": Site(), "coverage": Coverage(), "results": {}}
    return Material(**{**given, **values})


def test_zones_show_how_far_they_were_seen() -> None:
    coverage = Coverage(zones=({"zone": "z", "seen": True, "hours": 1.234, "packets": 7, "visibility": 0.5},))
    sheet = programme.monitoring_coverage(material(coverage=coverage))
    assert sheet.rows == (("z", Text("见到", "seen"), Text("74 分钟", "74 min"), 7, "50%"),)
    assert programme.monitoring_coverage(material()).empty is not None


EXERCISE = {
    "file": "x.pcap", "captures": (1,),
    "steps": [
        {"kind": "attack", "zh": "停机", "en": "stop", "techniques": ["T0858"], "frames": [[5, 9]]},
        {"kind": "attack", "zh": "泛洪", "en": "flood", "techniques": ["T0814"], "frames": [[20, 30]]},
        {"kind": "background", "zh": "轮询", "en": "poll", "techniques": [], "frames": [[1, 99]]},
    ],
}  # fmt: skip


def alert(frame: int, technique: str, capture: int = 1) -> dict:
    return {"name": "rule", "techniques": f'["{technique}"]', "evidence": f"[[{capture}, {frame}]]"}


def test_the_scorecard_tells_detected_from_missed() -> None:
    sheet = programme.scorecard(material(exercises=(EXERCISE,), alerts=(alert(6, "T0858"), alert(25, "T0814", 2))))
    assert [row[-1].en for row in sheet.rows] == ["detected, technique matches", "missed"]
    assert sheet.notes[0].en == "1 of 2 attack steps raised an alert."


def test_an_alert_of_another_technique_is_said() -> None:
    sheet = programme.scorecard(material(exercises=(EXERCISE,), alerts=(alert(6, "T0846"),)))
    assert sheet.rows[0][-1].en == "detected, another technique"


def test_without_an_exercise_there_is_no_scorecard() -> None:
    assert "never in production" in programme.scorecard(material()).empty.en


def test_new_devices_have_an_acceptance_record() -> None:
    new = Asset("a1", "press", observed=True, listed=False)
    unlisted = Observation("o1", "AS-02", "a1", Outcome.VIOLATED, WHY, WHY, assets=("a1",))
    open_control = Observation("o2", "AU-03", "a1", Outcome.VIOLATED, WHY, WHY, assets=("a1",))
    results = {
        "AS-02": CheckResult("AS-02", Outcome.VIOLATED, WHY, (unlisted,)),
        "AU-03": CheckResult("AU-03", Outcome.VIOLATED, WHY, (open_control,)),
        "CO-04": CheckResult("CO-04", Outcome.NOT_OBSERVED, WHY),
    }
    sheet = programme.acceptance(material(site=Site(assets=(new,)), results=results))
    assert sheet.rows[0][0] == "press"
    assert [cell.en for cell in sheet.rows[0][4:6]] == ["problem found", "not seen within the coverage"]


def test_the_retrofit_needs_something_to_compare() -> None:
    assert programme.retrofit(material()).empty is not None
    sheet = programme.retrofit(material(previous={"assets_new": ({"name": "robot 4"},), "findings_closed": ("F-01",)}))
    assert (sheet.rows[0][1], sheet.rows[0][2]) == (1, "robot 4")


def test_indicators_say_until_when_the_programme_was_valid() -> None:
    title = Text("措施", "Measures")
    table = {"identifier_thresholds": ({"clause": "M17", "title": title, "queries_per_month": 100_000},)}
    pack = Pack("p", "programme", title, "1", "x", valid_from="2021-03-11", valid_to="2022-03-11", tables=table)
    sheet = programme.indicators(material(packs=(pack,)))
    assert sheet.rows[0][0] == "M17"
    assert any("2022-03-11" in note.en for note in sheet.notes)
    assert programme.indicators(material()).empty is not None
