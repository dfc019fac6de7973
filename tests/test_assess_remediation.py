"""The catalogue of root causes: complete, bilingual, bound to profile and checks; the roadmap; what remains."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from assess_risk_samples import N, answer, covered, download, observation, plant, result

from sentinel import resources
from sentinel.assess import questions
from sentinel.assess.checks.registry import checks
from sentinel.assess.findings import CONTRADICTED, merge, numbered
from sentinel.assess.model import Finding, Text
from sentinel.assess.profiles import profiles
from sentinel.assess.remediation import HORIZONS, Cause, load, residual, roadmap, shipped
from sentinel.assess.risk import assess
from sentinel.errors import AssessmentError

CAUSES = shipped().causes.values()
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def texts(cause: Cause) -> list[Text]:
    remedy = cause.remedy
    some = [cause.title, cause.why, cause.actor, cause.scenario, remedy.window, remedy.rollback, *remedy.steps]
    return some if remedy.compensating is None else [*some, remedy.compensating]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_a_cause_can_be_turned_into_a_risk(cause: Cause) -> None:
    for profile in profiles().values():
        assert cause.threat in profile.threats
        assert cause.exposure == "cvss" or cause.exposure in profile.exposures
    assert cause.remedy.horizon in HORIZONS
    assert " / " in cause.remedy.owner


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_a_cause_speaks_both_languages(cause: Cause) -> None:
    for text in texts(cause):
        assert CHINESE.search(text.zh), text
        assert not CHINESE.search(text.en), text
        assert not re.search(r"[\u4e00-\u9fff][,;:!?]", text.zh), f"half-width punctuation: {text.zh}"
        assert not re.search(r"[，；：！？。（）“”]", text.en), text
    for sentence in (cause.why, cause.scenario, *cause.remedy.steps):
        assert sentence.zh.endswith("。")
        assert sentence.en.endswith((".", ")"))


def test_every_check_that_there_is_leads_somewhere() -> None:
    known = shipped()
    without = [id_ for id_ in checks() if all(lead.conditions for lead, _ in known.by_check.get(id_, ()))]
    assert not without, f"no root cause for whatever {', '.join(without)} may see"


def test_verification_and_leads_name_checks_of_the_library() -> None:
    """While the library grows this compares ids alone: two letters and two digits, as the specification lists them."""
    named = {cause.remedy.verification_check for cause in CAUSES} | set(shipped().by_check)
    assert all(re.fullmatch(r"[A-Z]{2}-\d{2}", id_) for id_ in named)
    for cause in CAUSES:
        check = checks().get(cause.remedy.verification_check)
        if check is not None:
            assert set(cause.remedy.verification_params) <= set(check.params)


def test_questions_are_those_of_the_questionnaire() -> None:
    known = questions.questions()
    for cause in CAUSES:
        for source in (cause.settle, *cause.measures):
            assert not source.startswith("Q-") or source in known, f"{cause.id}: {source}"
        for lead in cause.leads:
            asked = lead.question
            assert not asked or any(id_.startswith(asked) for id_ in known), f"{cause.id}: {asked}"
    for id_ in known:
        assert shipped().of_question(id_) != shipped().fallback, f"an answer to {id_} that fails has no root cause"
    for profile in profiles().values():
        for name, id_ in profile.questions.items():
            assert id_.partition(".")[0] in known, f"{profile.id}: {name}"


def test_causes_that_the_program_names_are_there() -> None:
    assert CONTRADICTED in shipped().causes
    assert shipped().fallback in shipped().causes


def findings(*checks_: str) -> tuple[Finding, ...]:
    results = [result(c, observation(c, "x", assets=("a-plc",), zones=("cell-1",))) for c in checks_]
    return numbered(merge(results, plant()), ())


def test_the_roadmap_orders_by_horizon_and_keeps_within_it() -> None:
    rows = roadmap(findings("CO-01", "SG-01", "AU-01", "AU-02", "CO-04", "AS-06", "SG-08", "HY-06", "HY-07"))
    order = [HORIZONS.index(row["horizon"]) for row in rows]
    assert order == sorted(order)
    for row in rows:
        first, last = shipped().spans[row["horizon"]]
        assert first <= row["start_week"] <= row["end_week"] <= last
        assert row["steps"]
        assert row["verification_check"]
    by_owner: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        by_owner.setdefault((row["owner"], row["horizon"]), []).append(row["start_week"])
    assert all(weeks == sorted(weeks) for weeks in by_owner.values())


def test_what_is_closed_needs_no_place_on_the_roadmap() -> None:
    (finding,) = findings("CO-01")
    assert len(roadmap([finding])) == 1
    assert len(roadmap([dataclasses.replace(finding, status="accepted")])) == 1
    assert roadmap([dataclasses.replace(finding, status="fixed")]) == ()
    assert roadmap([dataclasses.replace(finding, status="false_positive")]) == ()
    assert roadmap([dataclasses.replace(finding, remediation=None)]) == ()


def test_what_remains_is_what_somebody_must_sign() -> None:
    site, results = plant(answers={"Q-HR-03": answer("Q-HR-03", "no")}), {"CO-01": result("CO-01", download())}
    found = merge(results.values(), site, unmet={"Q-HR-03": ()})
    risks, _ = assess(found, site, results, profiles()["gb20984-ot-1"], covered())
    rows = residual(risks)
    assert [row["risk"] for row in rows] == [risks[0].id]
    assert (rows[0]["before"]["grade"], rows[0]["after"]["grade"]) == (4, 3)
    assert rows[0]["note"] is not None
    low = dataclasses.replace(risks[1], accepted_by="Wang")
    assert [row["accepted_by"] for row in residual([low])] == ["Wang"]


def copied(tmp_path: Path, name: str, old: str, new: str) -> Path:
    for path in (resources.rulesets() / "remediation").glob("*.yaml"):
        written = path.read_text(encoding="utf-8")
        if path.name == name:
            assert old in written
            written = written.replace(old, new, 1)
        (tmp_path / path.name).write_text(written, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("control.yaml", "horizon: 90-day", "horizon: someday", r"causes\[0\].remedy.horizon: someday is none of"),
        ("control.yaml", "{check: CO-01}", "{check: CO-01, question: Q-X}", r"causes\[0\].leads\[0\]: must name one"),
        ("control.yaml", "{question: Q-OPS-11}", "{question: Q-OPS-11, techniques: []}", "belong to a check"),
        ("control.yaml", "capability: 3", "capability: 6", r"causes\[0\].capability: must be an integer from 1 to 5"),
        ("control.yaml", "对{target}下装", "下装", "must name {target}"),
        ("control.yaml", "id: control-protocol-open", "id: engineering-unauthorised", "there is another root cause"),
        ("control.yaml", "  threat: engineering\n", "", r"causes\[0\]: threat is missing"),
        ("horizons.yaml", "quick: [1, 2]", "quick: [2, 1]", "horizons.quick: must be the first and the last week"),
        ("horizons.yaml", "fallback: other-deviation", "fallback: nothing", "which root cause is the fallback"),
        ("boundary.yaml", "condition: zones-proposed", "condition: moon", "condition: moon is none of"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_its_place(
    tmp_path: Path, name: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(AssessmentError, match=complaint):
        load(copied(tmp_path, name, old, new))


def test_leads_may_ask_for_protocol_and_values(tmp_path: Path) -> None:
    folder = copied(
        tmp_path, "control.yaml", "  - {check: CO-06}\n",
        "  - {check: CO-06}\n  - {check: AU-03, protocols: [s7comm], values: {write: [true]}}\n",
    )  # fmt: skip
    known = load(folder)
    s7 = observation("AU-03", "a", protocol="s7comm", values={"write": True})
    assert known.of(s7) == "engineering-unauthorised"
    assert known.of(dataclasses.replace(s7, protocol="modbus")) == "control-protocol-open"
    assert known.of(dataclasses.replace(s7, values={})) == "control-protocol-open"
    assert known.of(observation("AU-03", "a", N)) == "control-protocol-open"
