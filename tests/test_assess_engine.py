"""A whole assessment: from a real capture and a client's answers to verdicts that lead back to both."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from assessed_case import CAPTURE

from sentinel import pipeline, resources
from sentinel.assess import engine
from sentinel.assess.checks.registry import checks
from sentinel.assess.model import Assessment, Evidence, Outcome
from sentinel.assess.snapshot import dump, load
from sentinel.errors import AssessmentError
from sentinel.store.case import Case


def test_the_same_case_gives_the_same_bytes(client_case: Path, client_assessment: Assessment) -> None:
    with Case.open(client_case, mode="read") as case:
        again = engine.assess(case, detectable={"T0843", "T0858"})
    assert dump(again) == dump(client_assessment)
    assert load(dump(again)) == again


def test_every_check_has_a_result(client_assessment: Assessment) -> None:
    assert [result.check for result in client_assessment.checks] == list(checks())


def pieces(assessment: Assessment) -> list[tuple[str, Evidence]]:
    found = [(f.number, piece) for f in assessment.findings for piece in f.evidence]
    found += [(c.id, piece) for c in assessment.contradictions for piece in c.evidence]
    return found + [(f"{r.framework} {r.control}", piece) for r in assessment.controls for piece in r.evidence]


def test_every_piece_of_evidence_leads_to_frames_or_an_answer(client_assessment: Assessment) -> None:
    a = client_assessment
    frames = {row["capture"]: (row["sha256"], row["frames"]) for row in a.captures}
    alerts = {row["alert"] for row in a.alerts}
    seen = {"frames": 0, "answer": 0, "alert": 0, "record": 0, "coverage": 0}
    for name, piece in pieces(a):
        seen[piece.kind] += 1
        if piece.frames:
            sha256, count = frames[piece.capture]
            assert piece.sha256 == sha256, name
            assert 1 <= min(piece.frames) and max(piece.frames) <= count, name
        if piece.kind == "answer":
            assert piece.ref.partition(".")[0] in {q["id"] for q in a.questionnaire} | set(a.site.answers), name
        if piece.kind == "alert":
            assert piece.ref in alerts, name
        assert piece.frames or piece.ref or piece.kind == "coverage", name
    assert seen["frames"] and seen["answer"] and seen["alert"]


def test_every_verdict_that_is_more_than_silence_has_evidence(client_assessment: Assessment) -> None:
    for result in client_assessment.controls:
        if result.outcome in (Outcome.VIOLATED, Outcome.CONTRADICTED, Outcome.CONFIRMED):
            assert result.evidence, f"{result.framework} {result.control}: {result.outcome}"
            assert result.reasons


def test_findings_name_observations_that_are_in_the_snapshot(client_assessment: Assessment) -> None:
    known = {o.id for result in client_assessment.checks for o in result.observations}
    doubts = {c.id for c in client_assessment.contradictions}
    for finding in client_assessment.findings:
        assert set(finding.observations) <= known | doubts, finding.number
        assert finding.observations or finding.evidence, finding.number


def test_the_attack_is_found_and_answers_are_challenged(client_assessment: Assessment) -> None:
    causes = {finding.root_cause for finding in client_assessment.findings}
    assert len(causes) == len(client_assessment.findings) >= 5
    assert client_assessment.contradictions
    assert client_assessment.risks[0].grade >= 4
    states = {row["id"]: row["state"] for row in client_assessment.techniques}
    assert states["T0858"] == "tested", "the capture is one of an exercise"


def test_a_case_without_a_client_says_what_is_missing(tmp_path: Path) -> None:
    pipeline.analyze([resources.pcaps() / "modbus-normal.pcap"], tmp_path / "c")
    with Case.open(tmp_path / "c", mode="read") as case:
        bare = engine.assess(case, ("cn-miit-14",))
    assert not bare.contradictions
    outcomes = {result.outcome for result in bare.controls}
    assert Outcome.NOT_ASSESSABLE in outcomes
    assert Outcome.PASS_UNVERIFIED not in outcomes, "nobody has stated anything"
    assert all(zone.declared is False for zone in bare.site.zones)


def test_an_empty_case_is_assessed(tmp_path: Path) -> None:
    with Case.open(tmp_path / "c") as case:
        nothing = engine.assess(case)
    assert nothing.findings == () or all(f.observations or f.evidence for f in nothing.findings)
    assert not [r for r in nothing.controls if r.outcome in (Outcome.CONFIRMED, Outcome.VIOLATED)]


@pytest.mark.parametrize(("packs", "profile"), [(("no-such-pack",), engine.DEFAULT_PROFILE), ((), "no-such-profile")])
def test_an_unknown_pack_or_profile_is_one_sentence(client_case: Path, packs, profile) -> None:
    with Case.open(client_case, mode="read") as case, pytest.raises(AssessmentError) as error:
        engine.assess(case, packs, profile)
    assert "no-such" in str(error.value) and "\n" not in str(error.value)


def test_a_later_assessment_is_compared_with_an_earlier_one(client_case: Path, client_assessment: Assessment) -> None:
    earlier = dataclasses.replace(client_assessment, findings=client_assessment.findings[1:])
    with Case.open(client_case, mode="read") as case:
        later = engine.assess(case, previous=earlier)
    assert [f["id"] for f in later.previous["findings_new"]] == [client_assessment.findings[0].id]
    sheet = next(s for s in later.sheets if s.id == "retrofit")
    assert sheet.rows


def test_a_decision_of_a_person_stands_in_the_next_assessment(client_case: Path, tmp_path: Path) -> None:
    shutil.copytree(client_case, tmp_path / "c")
    with Case.open(tmp_path / "c") as case:
        first = engine.assess(case)
        worst = first.findings[0]
        case.record([("finding", worst.id, {"status": "false_positive", "reason": "test line"})], "Li")
        second = engine.assess(case)
    decided = next(f for f in second.findings if f.id == worst.id)
    assert decided.status == "false_positive"
    assert [entry.author for entry in decided.history] == ["Li"]
    assert worst.id not in {risk.finding for risk in second.risks}
    assert CAPTURE.is_file()
