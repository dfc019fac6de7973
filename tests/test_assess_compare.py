"""What two assessments differ in, by ids and in the order of the newer one."""

from __future__ import annotations

import dataclasses
import json

from assess_risk_samples import (
    HISTORIAN,
    OFFICE,
    PLC,
    SWITCH,
    answer,
    control,
    covered,
    download,
    observation,
    pack,
    plant,
    result,
)

from sentinel.assess.compare import compare
from sentinel.assess.findings import merge, numbered
from sentinel.assess.model import Assessment, CheckResult, Coverage, Site
from sentinel.assess.model import Test as Ask
from sentinel.assess.profiles import load_profile
from sentinel.assess.risk import assess
from sentinel.assess.snapshot import dump, load
from sentinel.assess.verdicts import compose

PLAIN = pack(control("8.5", Ask(check="CO-01")), control("8.6", Ask(question="Q-PHY-02")))


def assessed(id_: str, site: Site, *results: CheckResult, status: str = "") -> Assessment:
    by_check = {each.check: each for each in results}
    found = merge(results, site)
    if status:
        found = tuple(dataclasses.replace(f, status=status) for f in found)
    risks, business = assess(found, site, by_check, load_profile("gb20984-ot-1"), covered())
    return Assessment(
        id=id_, as_of=1, program="t", profile="gb20984-ot-1", packs=(PLAIN,), site=site, coverage=Coverage(),
        captures=(), alerts=(), checks=results, controls=compose(PLAIN, by_check, site, covered()), contradictions=(),
        findings=numbered(found, risks), risks=risks, business=business, levels=(), sheets=(), questionnaire=(),
    )  # fmt: skip


SCAN = result("TH-04", observation("TH-04", "scan", assets=("a-pc", "a-plc"), zones=("office", "cell-1")))
DOWNLOAD = result("CO-01", download())


def test_nothing_changed() -> None:
    one = assessed("one", plant(), DOWNLOAD, SCAN)
    found = compare(one, one)
    assert [f["number"] for f in found["findings_unchanged"]] == ["F-01", "F-02"]
    rest = {k: v for k, v in found.items() if k not in ("findings_unchanged", "previous", "as_of", "business")}
    assert not any(rest.values())


def test_findings_that_came_went_and_came_back() -> None:
    old = assessed("old", plant(), DOWNLOAD)
    new = assessed("new", plant(), SCAN)
    found = compare(old, new)
    assert [f["title"].en for f in found["findings_new"]] == ["The control network was scanned"]
    assert [f["id"] for f in found["findings_closed"]] == [old.findings[0].id]
    fixed = assessed("fixed", plant(), DOWNLOAD, status="fixed")
    assert [f["status"] for f in compare(old, fixed)["findings_closed"]] == ["fixed"]
    assert [f["id"] for f in compare(fixed, old)["findings_reopened"]] == [old.findings[0].id]
    assert compare(fixed, fixed)["findings_closed"] == ()


def test_grades_and_business_risk() -> None:
    old = assessed("old", plant(), DOWNLOAD)
    milder = plant(dataclasses.replace(PLC, cia=(1, 1, 1), bearing=1), SWITCH, HISTORIAN, OFFICE)
    found = compare(old, assessed("new", milder, DOWNLOAD))
    (grade,) = found["grades"]
    assert (grade["before"], grade["after"]) == (4, 2)
    assert float(grade["score_after"]) < float(grade["score_before"])
    assert found["business"]["before"]["score"] == old.business["score"]


def test_devices_and_verdicts() -> None:
    old = assessed("old", plant(PLC, SWITCH), DOWNLOAD)
    upgraded = dataclasses.replace(PLC, firmware="V3.3.1")
    site = plant(upgraded, OFFICE, answers={"Q-PHY-02": answer("Q-PHY-02", "yes", "verified")})
    found = compare(old, assessed("new", site, result("CO-01")))
    assert [a["name"] for a in found["assets_new"]] == ["OFFICE-PC7"]
    assert [a["name"] for a in found["assets_gone"]] == ["SW-1"]
    assert [(a["id"], a["changes"]) for a in found["assets_changed"]] == [
        ("a-plc", {"firmware": {"before": "", "after": "V3.3.1"}})
    ]
    changes = [(c["control"], c["before"], c["after"]) for c in found["controls"]]
    assert changes == [("8.5", "violated", "not_observed"), ("8.6", "not_assessable", "confirmed")]


def test_a_comparison_is_part_of_a_snapshot() -> None:
    old, new = assessed("old", plant(), DOWNLOAD), assessed("new", plant(), SCAN)
    whole = dataclasses.replace(new, previous=compare(old, new))
    assert dump(load(dump(whole))) == dump(whole)
    assert json.loads(dump(whole))["previous"]["previous"] == "old"
