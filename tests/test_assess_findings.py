"""Findings: forty alerts of one cause are one finding, ids that stay, history that only grows, numbers by risk."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from assess_risk_samples import (  # fmt: skip
    START,
    C,
    N,
    V,
    alert,
    answer,
    control,
    covered,
    download,
    frames,
    observation,
    pack,
    plant,
    result,
    text,
)

from sentinel.assess import remediation
from sentinel.assess.findings import MAX_EVIDENCE, finding_id, merge, numbered
from sentinel.assess.model import Contradiction, Entry, Observation, Risk, Site, Text, Zone  # noqa: I001
from sentinel.assess.model import Test as Ask
from sentinel.assess.profiles import load_profile
from sentinel.assess.risk import assess
from sentinel.assess.verdicts import compose, unmet
from sentinel.errors import AssessmentError


def attacks() -> list[Observation]:
    """Forty alerts: downloads, unauthorised writes and a scan."""
    kinds = (("T0843", "s7comm"), ("T0855", "modbus"), ("T0846", ""))
    return [
        observation(
            "TH-01", f"alert {n}", techniques=(kinds[n % 3][0],), protocol=kinds[n % 3][1], assets=("a-pc", "a-plc"),
            zones=("office", "cell-1"), evidence=(alert(f"al-{n:02}", n + 1),), first_time=START + n,
            last_time=START + n,
        )
        for n in range(40)
    ]  # fmt: skip


def test_forty_alerts_become_three_findings() -> None:
    found = merge([result("TH-01", *attacks())], plant())
    assert {f.root_cause for f in found} == {
        "engineering-unauthorised",
        "control-command-unauthorised",
        "reconnaissance",
    }
    assert sum(len(f.alerts) for f in found) == 40
    assert sum(len(f.observations) for f in found) == 40
    first = next(f for f in found if f.root_cause == "engineering-unauthorised")
    assert first.techniques == ("T0843",)
    assert (first.assets, first.zones) == (("a-pc", "a-plc"), ("cell-1", "office"))
    assert (first.first_time, first.last_time) == (START, START + 39)
    assert "14 处" in first.seen.zh
    assert "14 cases were seen on 2 devices in Press cell 1, Office." in first.seen.en
    assert first.remediation is not None
    assert first.remediation.verification_check == "CO-01"


def test_what_checks_and_alerts_say_of_one_cause_is_one_finding() -> None:
    found = merge([result("TH-01", attacks()[0]), result("CO-01", download())], plant())
    assert [f.root_cause for f in found] == ["engineering-unauthorised"]
    assert found[0].alerts == ("al-00", "al-1")


def test_what_a_ticket_explains_or_was_not_violated_is_no_finding() -> None:
    silent = observation("AU-03", "x", N), observation("SG-01", "y", C)
    assert merge([result("CO-01", download(ticket="CR-1")), result("AU-03", *silent)], plant()) == ()


def test_an_observation_of_several_runs_counts_once() -> None:
    twice = [result("CO-01", download()), result("CO-01", download(), params={"days": 3})]
    assert len(merge(twice, plant())[0].observations) == 1


def test_the_most_particular_lead_counts() -> None:
    scan = observation("TH-01", "scan", techniques=("T0846",))
    strange = observation("TH-01", "strange", techniques=("T9999",))
    causes = {f.root_cause for f in merge([result("TH-01", scan, strange)], plant())}
    assert causes == {"reconnaissance", "attack-activity"}


def test_a_check_that_the_catalogue_does_not_know_is_not_dropped() -> None:
    found = merge([result("ZZ-99", observation("ZZ-99", "new"))], plant())
    assert [f.root_cause for f in found] == ["other-deviation"]


def test_ids_depend_on_the_cause_alone() -> None:
    one = merge([result("CO-01", download())], plant())[0]
    other = merge([result("CO-01", download(id_="elsewhere"), download(id_="again"))], plant())[0]
    assert one.id == other.id == finding_id("engineering-unauthorised")
    assert one.id != finding_id("engineering-unauthorised", "cell-1")


def failing(site: Site) -> tuple[Any, ...]:
    controls = control("7.1", Ask(question="Q-HR-03")), control("7.2", Ask(check="CO-01"))
    plain = pack(*controls)
    results = {"CO-01": result("CO-01", download())}
    return plain, results, compose(plain, results, site, covered())


def test_answers_that_fail_a_requirement_become_findings_with_their_controls() -> None:
    site = plant(answers={"Q-HR-03": answer("Q-HR-03", "no")})
    plain, results, verdicts = failing(site)
    found = merge(results.values(), site, verdicts, unmet=unmet([plain], site))
    by_cause = {f.root_cause: f for f in found}
    assert set(by_cause) == {"governance-gaps", "engineering-unauthorised"}
    assert by_cause["governance-gaps"].controls == (("pack", "7.1"),)
    assert by_cause["governance-gaps"].evidence[0].ref == "Q-HR-03"
    assert "Q-HR-03" in by_cause["governance-gaps"].seen.zh
    assert by_cause["engineering-unauthorised"].controls == (("pack", "7.2"),)


def test_contradictions_are_a_finding_that_knows_where_they_are() -> None:
    tickets, seen_there = Text("有工单", "there are tickets"), Text("见到下装", "a download was seen")
    said = Contradiction("c-1", "Q-OPS-11", tickets, seen_there, ("o-1",), (frames(5120),))
    seen = download(id_="o-1")
    by_cause = {f.root_cause: f for f in merge([result("CO-01", seen)], plant(), contradictions=[said])}
    finding = by_cause["answers-contradicted"]
    assert "Q-OPS-11：有工单。流量显示：见到下装。" in finding.seen.zh
    assert "Q-OPS-11: there are tickets. The traffic shows: a download was seen." in finding.seen.en
    assert finding.assets == ("a-pc", "a-plc")
    assert finding.evidence == (frames(5120),)
    assert seen.id in finding.observations


def test_a_plant_without_declared_zones_has_no_zone_plan() -> None:
    proposed = (Zone("cell-1", text("cell"), "1", declared=False),)
    (finding,) = merge([], plant(zones=proposed))
    assert finding.root_cause == "zone-plan-missing"
    assert finding.evidence, "every statement rests on something"
    assert merge([], plant()) == ()
    assert merge([], plant(zones=())) == ()


def entry(number: int, status: Any, time: int, author: str = "Li Ming") -> Entry:
    value = None if status is None else {"status": status, "reason": "because"}
    return Entry(number, "finding", finding_id("engineering-unauthorised"), value, author, time, "edit")


def status_of(*entries: Entry) -> str:
    return merge([result("CO-01", download())], plant(), journal=entries)[0].status


def test_the_newest_entry_decides_and_history_keeps_all() -> None:
    early, late = START - 10, START + 10**18
    assert status_of() == "open"
    assert status_of(entry(1, "accepted", late)) == "accepted"
    assert status_of(entry(1, "accepted", early), entry(2, "false_positive", early)) == "false_positive"
    assert status_of(entry(1, "accepted", early), entry(2, None, late)) == "open"
    assert status_of(entry(1, "fixed", late)) == "fixed"
    assert status_of(entry(1, "fixed", early)) == "reopened", "it was seen after it was said to be fixed"
    entries = entry(1, "accepted", early), entry(2, "fixed", late)
    assert merge([result("CO-01", download())], plant(), journal=entries)[0].history == entries


@pytest.mark.parametrize("status", ["done", "", 3, None])
def test_an_entry_that_no_finding_can_be_is_refused(status: Any) -> None:
    bad = Entry(7, "finding", finding_id("engineering-unauthorised"), {"status": status}, "x", START, "edit")
    with pytest.raises(AssessmentError, match="journal entry 7: a finding cannot be"):
        status_of(bad)


def test_numbers_follow_the_risk_and_closed_findings_come_last() -> None:
    site = plant()
    results = {r.check: r for r in (result("CO-01", download()), result("TH-04", observation("TH-04", "scan")))}
    found = merge(results.values(), site)
    risks, _ = assess(found, site, results, load_profile("gb20984-ot-1"), covered())
    numbers = {f.root_cause: f.number for f in numbered(found, risks)}
    assert numbers == {"engineering-unauthorised": "F-01", "reconnaissance": "F-02"}
    fixed = merge(results.values(), site, journal=[entry(1, "fixed", START + 10**18)])
    assert {f.root_cause: f.number for f in numbered(fixed, risks)}["engineering-unauthorised"] == "F-02"


def test_findings_without_a_risk_are_numbered_too() -> None:
    no_risks: tuple[Risk, ...] = ()
    assert [f.number for f in numbered(merge([result("CO-01", download())], plant()), no_risks)] == ["F-01"]


def test_evidence_is_bounded_and_takes_turns() -> None:
    many = [
        observation("CO-01", f"{n:03}", evidence=tuple(frames(n, k) for k in range(5))) for n in range(MAX_EVIDENCE * 2)
    ]
    finding = merge([result("CO-01", *many)], plant())[0]
    assert len(finding.evidence) == MAX_EVIDENCE
    assert len({piece.frames[0] for piece in finding.evidence}) == MAX_EVIDENCE
    few = merge([result("CO-01", *many[:10])], plant())[0]
    assert len(few.evidence) == 50


def test_sentences_of_one_case_are_those_of_the_observation() -> None:
    seen = merge([result("CO-01", download())], plant())[0].seen
    assert seen.zh == "（198.51.100.77>192.0.2.10 s7comm, seen by CO-01）。"
    assert "cases" not in seen.en


def test_the_same_sentence_is_told_once() -> None:
    again = [dataclasses.replace(download(), id=f"o{n}", subject=f"{n}") for n in range(3)]
    seen = merge([result("CO-01", *again)], plant())[0].seen
    assert seen.en.count("seen by CO-01") == 1
    assert "list of evidence" not in seen.en


def test_the_result_does_not_depend_on_the_order_of_results() -> None:
    results = [result("TH-01", *attacks()), result("CO-01", download()), result("AU-03", observation("AU-03", "x"))]
    assert merge(results, plant()) == merge(results[::-1], plant())
    assert {f.root_cause for f in merge(results, plant())} <= set(remediation.shipped().causes)
    assert V in {o.outcome for r in results for o in r.observations}
