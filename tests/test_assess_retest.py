"""The retest: a finding closes only where its check looked well enough and saw nothing, and reopens where it saw."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from assess_risk_samples import C, N, V, X, answer, covered, download, observation, plant, result

from sentinel.assess.findings import finding_id, merge, numbered
from sentinel.assess.model import Assessment, CheckResult, Coverage, Entry, Finding, Outcome, Site
from sentinel.assess.retest import Change, entries, retest


def before(site: Site | None = None, *results: CheckResult, status: str = "open") -> Assessment:
    site = plant() if site is None else site
    found = numbered(merge(results or [result("CO-01", download())], site), ())
    found = tuple(dataclasses.replace(f, status=status) for f in found)
    return assessment(site, found)


def assessment(site: Site, findings: tuple[Finding, ...]) -> Assessment:
    return Assessment(
        id="old", as_of=0, program="t", profile="gb20984-ot-1", packs=(), site=site, coverage=Coverage(), captures=(),
        alerts=(), checks=(), controls=(), contradictions=(), findings=findings, risks=(), business={}, levels=(),
        sheets=(), questionnaire=(),
    )  # fmt: skip


def again(old: Assessment, now: CheckResult, coverage: Coverage | None = None) -> Change:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def run(check: str, params: Mapping[str, Any]) -> CheckResult:
        asked.append((check, params))
        return now

    (change,) = retest(old, run, covered() if coverage is None else coverage)
    assert asked in ([], [(now.check, {})])
    return change


SILENT = {"cell-1": N, "office": N, "ops": N}


@pytest.mark.parametrize("status", ["open", "reopened", "accepted", "fixed"])
def test_not_seen_again_within_coverage_is_fixed(status: str) -> None:
    change = again(before(status=status), result("CO-01", by_zone=SILENT))
    assert (change.before, change.after, change.check) == (status, "fixed", "CO-01")
    assert change.changed == (status != "fixed")


@pytest.mark.parametrize(
    ("status", "after"), [("open", "open"), ("accepted", "accepted"), ("fixed", "reopened"), ("reopened", "reopened")]
)
def test_seen_again_is_open_or_reopened(status: str, after: str) -> None:
    change = again(before(status=status), result("CO-01", download(id_="new"), by_zone={**SILENT, "cell-1": V}))
    assert change.after == after
    assert change.evidence
    assert "seen by CO-01" in change.reason.en


def test_too_little_coverage_changes_nothing_and_says_where() -> None:
    change = again(before(), result("CO-01", by_zone=SILENT), covered(0.5))
    assert change.after == "open"
    assert "cell-1 50%" in change.reason.en
    assert "需 80%" in change.reason.zh


@pytest.mark.parametrize(
    ("by_zone", "coverage", "after"),
    [
        ({"cell-1": C, "office": C}, covered(0.1), "fixed"),
        ({"cell-1": N, "office": X}, covered(), "open"),
        ({"cell-1": N}, covered(), "open"),
        ({}, covered(), "fixed"),
        ({}, Coverage(), "open"),
    ],
)
def test_each_zone_of_the_finding_must_have_been_looked_at(
    by_zone: Mapping[str, Outcome], coverage: Coverage, after: str
) -> None:
    now = result("CO-01", by_zone=by_zone, coverage=coverage.share)
    assert again(before(), now, coverage).after == after


def test_a_ticket_explains_in_the_new_capture_too() -> None:
    now = result("CO-01", download(ticket="CR-9", id_="new"), by_zone=SILENT)
    assert again(before(), now).after == "fixed"


def test_what_belongs_to_another_root_cause_does_not_keep_a_finding_open() -> None:
    scan = observation("TH-04", "scan", assets=("a-pc", "a-plc"), zones=("office", "cell-1"))
    old = before(None, result("TH-04", scan))
    strange = observation("TH-04", "other", id_="x")
    assert again(old, result("TH-04", strange, by_zone=SILENT)).after == "open", "the same check leads to it"
    attacks = before(None, result("TH-01", observation("TH-01", "strange", zones=("cell-1",))))
    download_alert = observation("TH-01", "download", techniques=("T0843",))
    now = result("TH-01", download_alert, by_zone={"cell-1": V})
    assert again(attacks, now).after == "fixed"


def test_what_a_person_judged_or_only_answers_tell_is_not_tested() -> None:
    change = again(before(status="false_positive"), result("CO-01", download()))
    assert (change.after, change.changed) == ("false_positive", False)
    site = plant(answers={"Q-HR-03": answer("Q-HR-03", "no")})
    governance = numbered(merge([], site, unmet={"Q-HR-03": (("pack", "a"),)}), ())
    assert "renew" in again(assessment(site, governance), result("SG-01")).reason.en
    no_check = dataclasses.replace(before().findings[0], remediation=None)
    assert again(assessment(plant(), (no_check,)), result("CO-01")).after == "open"


def test_entries_close_and_reopen_the_finding_in_the_next_assessment() -> None:
    old = before()
    change = again(old, result("CO-01", by_zone=SILENT))
    ((kind, subject, value),) = entries([change], old)
    assert (kind, subject) == ("finding", finding_id("engineering-unauthorised"))
    assert value["status"] == "fixed"
    assert value["assessment"] == "old"
    written = Entry(1, kind, subject, value, "retest", 10**19, "edit")
    assert merge([result("CO-01", download())], plant(), journal=[written])[0].status == "fixed"
    assert entries([again(before(status="fixed"), result("CO-01", by_zone=SILENT))], old) == []


def test_the_checks_that_led_to_a_finding_keep_it_open() -> None:
    """A guest account is gone, which is what the verification looks at, but passwords are still being guessed."""
    guess = observation("AU-04", "guess", assets=("a-pc", "a-hist"), zones=("office", "ops"))
    first = result("AU-04", guess)
    old = dataclasses.replace(before(None, first), checks=(first,))
    results = {"AU-05": result("AU-05", by_zone=SILENT), "AU-04": result("AU-04", dataclasses.replace(guess, id="new"))}
    (change,) = retest(old, lambda check, params: results[check], covered())
    assert (change.check, change.after) == ("AU-05", "open")
    assert "guess, seen by AU-04" in change.reason.en
    results["AU-04"] = result("AU-04", by_zone=SILENT)
    assert [c.after for c in retest(old, lambda check, params: results[check], covered())] == ["fixed"]


def test_a_stricter_need_of_coverage_is_heeded() -> None:
    def run(check: str, params: Mapping[str, Any]) -> CheckResult:
        return result(check, by_zone=SILENT)

    assert [c.after for c in retest(before(), run, covered(0.95), needed=0.99)] == ["open"]
