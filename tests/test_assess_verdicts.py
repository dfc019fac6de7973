"""Verdicts: the order of truth, coverage, answers and their states, zones, and the words of the 等保 view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from assess_risk_samples import C, N, V, X, answer, control, covered, download, frames, observation, pack, plant, result
from hypothesis import given
from hypothesis import strategies as st

from sentinel.assess import verdicts
from sentinel.assess.model import (
    CheckResult,
    Contradiction,
    ControlResult,
    Coverage,
    Observability,
    Outcome,
    Site,
    Text,
)
from sentinel.assess.model import (
    Test as Ask,
)
from sentinel.assess.verdicts import ORDER, compose, strongest, unmet


def one(
    *tests: Ask, results: Mapping[str, CheckResult] | None = None, site: Site | None = None, **more: Any
) -> ControlResult:
    observability = more.pop("observability", Observability.TRAFFIC)
    zones = more.pop("zones_of_control", ())
    control_ = control("8.5.3.1a", *tests, observability=observability, zones=zones)
    coverage = more.pop("coverage", covered())
    found = compose(pack(control_), results or {}, site or plant(), coverage, **more)
    assert len(found) == 1
    return found[0]


def test_a_violated_check_is_not_met_and_cites_its_frames() -> None:
    verdict = one(Ask(check="CO-01"), results={"CO-01": result("CO-01", download())})
    assert verdict.outcome is V
    assert verdict.display == Text("不符合", "not met")
    assert [piece.frames for piece in verdict.evidence] == [(5120,), (5120, 5133)]
    assert verdict.scope == "site"


def test_observations_that_a_ticket_explains_are_no_evidence_of_violation() -> None:
    results = {"CO-01": result("CO-01", download(ticket="CR-1"), outcome=V)}
    assert one(Ask(check="CO-01"), results=results).evidence == ()


@pytest.mark.parametrize(
    ("state", "outcome", "display"),
    [
        ("stated", Outcome.PASS_UNVERIFIED, "部分符合"),
        ("documented", Outcome.PASS_UNVERIFIED, "部分符合"),
        ("verified", C, "符合"),
        ("wire", C, "符合"),
    ],
)
def test_an_answer_is_worth_its_state(state: str, outcome: Outcome, display: str) -> None:
    verdict = one(Ask(question="Q-PHY-02"), site=plant(answers={"Q-PHY-02": answer("Q-PHY-02", "yes", state)}),
                  observability=Observability.INTERVIEW)  # fmt: skip
    assert (verdict.outcome, verdict.display.zh) == (outcome, display)
    if outcome is Outcome.PASS_UNVERIFIED:
        assert "未经验证" in verdict.reasons[0].zh
    assert verdict.evidence[0].ref == "Q-PHY-02"


@pytest.mark.parametrize(
    ("value", "state", "note", "outcome", "display"),
    [
        ("no", "stated", "", V, "不符合"),
        ("partly", "stated", "", V, "部分符合"),
        ("partly", "wire", "", Outcome.PASS_UNVERIFIED, "部分符合"),
        ("na", "stated", "no wireless here", Outcome.NOT_APPLICABLE, "不适用"),
        ("na", "stated", "", X, "待现场核查"),
        ("unknown", "stated", "", X, "待现场核查"),
        (None, "stated", "", X, "待现场核查"),
        (["yes", "other"], "verified", "", C, "符合"),
    ],
)
def test_what_an_answer_says(value: Any, state: str, note: str, outcome: Outcome, display: str) -> None:
    site = plant(answers={"Q-OPS-14": answer("Q-OPS-14", value, state, note)})
    verdict = one(Ask(question="Q-OPS-14"), site=site, observability=Observability.INTERVIEW)
    assert (verdict.outcome, verdict.display.zh) == (outcome, display)


def test_without_an_answer_or_a_run_there_is_no_verdict() -> None:
    verdict = one(Ask(check="SG-03"), Ask(question="Q-OPS-07"))
    assert verdict.outcome is X
    assert verdict.display.zh == "待现场核查"
    assert {reason.en for reason in verdict.reasons} == {"SG-03: not run", "Q-OPS-07: not answered yet"}


def test_what_several_tests_say_alike_is_told_once() -> None:
    results = {"SG-03": result("SG-03", coverage=0.004), "SG-05": result("SG-05", coverage=0.004)}
    asked = [Ask(check=name, min_coverage=0.9) for name in results] + [Ask(question=f"Q-OPS-0{n}") for n in (1, 2, 3)]
    verdict = one(*asked, results=results)
    assert [reason.en for reason in verdict.reasons] == [
        "SG-03, SG-05: nothing seen against it, but <1% was covered (90% needed); no result",
        "Q-OPS-01, Q-OPS-02, Q-OPS-03: not answered yet",
    ]


def test_an_admission_quotes_the_answer() -> None:
    site = plant(answers={"Q-OPS-14": answer("Q-OPS-14", "no", "stated")})
    (reason,) = one(Ask(question="Q-OPS-14"), site=site, observability=Observability.INTERVIEW).reasons
    assert reason.zh.startswith("Q-OPS-14：答“否”（访谈") and reason.en.startswith("Q-OPS-14: answered “no” (interview")


def test_a_control_without_a_test_is_left_to_the_site() -> None:
    verdict = one()
    assert (verdict.outcome, verdict.display.zh) == (X, "待现场核查")
    assert verdict.reasons


@pytest.mark.parametrize(("share", "outcome"), [(0.9, N), (0.89, X), (None, X)])
def test_silence_counts_only_within_the_coverage_that_is_asked(share: float | None, outcome: Outcome) -> None:
    results = {"SG-03": result("SG-03", coverage=share)}
    verdict = one(Ask(check="SG-03", min_coverage=0.9), results=results)
    assert verdict.outcome is outcome
    assert verdict.display.zh == "待现场核查", "silence is never compliance"
    assert verdict.confidence == (share if outcome is N else None)


def test_confirmation_needs_a_document_where_the_control_asks_for_one() -> None:
    results = {"SG-03": result("SG-03", outcome=C)}
    both = (Ask(check="SG-03"), Ask(question="Q-OPS-07"))
    assert one(both[0], results=results).display.zh == "符合"
    assert one(*both, results=results).display.zh == "部分符合"
    documented = plant(answers={"Q-OPS-07": answer("Q-OPS-07", "yes", "documented")})
    assert one(*both, results=results, site=documented).display.zh == "符合"
    partly = one(both[0], results=results, observability=Observability.PARTLY)
    assert partly.display.zh == "部分符合"


def test_a_check_that_could_not_see_keeps_a_confirmed_control_from_being_met() -> None:
    results = {"SG-01": result("SG-01", outcome=C), "SG-07": result("SG-07", outcome=X)}
    verdict = one(Ask(check="SG-01"), Ask(check="SG-07"), results=results)
    assert (verdict.outcome, verdict.display.zh) == (C, "部分符合")


def test_what_was_verified_on_site_makes_up_for_a_check_that_could_not_see_but_not_for_an_open_question() -> None:
    site = plant(answers={"Q-OPS-07": answer("Q-OPS-07", "yes", "verified")})
    results = {"SG-07": result("SG-07", outcome=X)}
    seen = Ask(check="SG-07"), Ask(question="Q-OPS-07")
    assert one(*seen, results=results, site=site).display.zh == "符合"
    assert one(*seen, Ask(question="Q-OPS-18"), results=results, site=site).display.zh == "部分符合"


def test_a_compensating_measure_counts_only_where_it_is_documented() -> None:
    results = {"CO-01": result("CO-01", download())}
    key = "pack:8.5.3.1a"
    claimed = one(Ask(check="CO-01"), results=results, compensations={key: {"measure": "guard"}})
    assert claimed.display.zh == "不符合"
    assert any("not documented" in reason.en for reason in claimed.reasons)
    proven = one(Ask(check="CO-01"), results=results, compensations={key: {"measure": "guard", "document": "P-12"}})
    assert (proven.outcome, proven.display.zh) == (V, "部分符合")


def doubt() -> Contradiction:
    return Contradiction("c", "Q-OPS-01", Text("无", "none"), Text("见到会话", "sessions"), ("o",), (frames(3),))


def test_an_answer_that_traffic_contradicts_is_contradicted() -> None:
    site = plant(answers={"Q-OPS-01": answer("Q-OPS-01", "yes", "verified")})
    verdict = one(Ask(question="Q-OPS-01"), site=site, contradictions=[doubt()])
    assert (verdict.outcome, verdict.display.zh) == (Outcome.CONTRADICTED, "不符合")
    assert [piece.kind for piece in verdict.evidence] == ["frames", "answer"]


def test_an_admission_stays_an_admission_whatever_the_traffic_says() -> None:
    site = plant(answers={"Q-OPS-01": answer("Q-OPS-01", "no")})
    assert one(Ask(question="Q-OPS-01"), site=site, contradictions=[doubt()]).outcome is V


def test_other_parameters_ask_for_a_run_of_their_own_once() -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def run(check: str, params: Mapping[str, Any]) -> CheckResult:
        asked.append((check, params))
        return result(check, outcome=C, params=params)

    same = result("SG-03", params={"services": ["http"], "days": 1})
    strict = Ask(check="SG-03", params={"services": ["http", "ftp"]})
    verdict = one(strict, Ask(check="SG-03", params={"days": 1}), results={"SG-03": same}, run=run)
    assert verdict.outcome is C
    assert asked == [("SG-03", {"services": ["http", "ftp"]})]
    controls = (control("a", strict), control("b", strict))
    asked.clear()
    compose(pack(*controls), {}, plant(), covered(), run)
    assert len(asked) == 1


def zoned() -> CheckResult:
    here = observation("SG-03", "198.51.100.77>192.0.2.10 http", assets=("a-pc", "a-plc"), zones=("office", "cell-1"))
    return result("SG-03", here, by_zone={"cell-1": V, "ops": N, "office": V, "net": X})


def test_a_control_of_a_kind_of_zone_has_a_verdict_for_each_such_zone() -> None:
    tests = control("8.5.3.1a", Ask(check="SG-03", min_coverage=0.9), zones=("ot",))
    found = compose(pack(tests), {"SG-03": zoned()}, plant(), covered())
    assert [(v.scope, v.outcome) for v in found] == [("cell-1", V), ("ops", N)]
    assert found[0].evidence
    assert not found[1].evidence
    assert "seen by SG-03" in found[0].reasons[0].en
    blind = compose(pack(tests), {"SG-03": zoned()}, plant(), covered(0.5))
    assert [(v.scope, v.outcome) for v in blind] == [("cell-1", V), ("ops", X)]


def test_a_control_of_zones_is_judged_for_the_site_where_no_check_tells_zones_apart() -> None:
    tests = control("a", Ask(question="Q-OPS-14"), zones=("wireless",))
    assert [v.scope for v in compose(pack(tests), {}, plant(), covered())] == ["site"]


def test_every_control_can_be_judged_in_given_zones() -> None:
    tests = control("SR 5.1", Ask(check="SG-03"), Ask(question="Q-OPS-07"))
    site = plant(answers={"Q-OPS-07": answer("Q-OPS-07", "yes", "verified")})
    found = compose(pack(tests), {"SG-03": zoned()}, site, covered(), zones=("cell-1", "ops"))
    assert [(v.scope, v.outcome) for v in found] == [("cell-1", V), ("ops", C)]


def test_levels_come_from_the_engagement_or_from_an_answer() -> None:
    controls = control("7.1", levels=("2",)), control("8.1", levels=("3",)), control("all")
    plain = pack(*controls, level_question="Q-BLD-03.level")

    def ids(site: Site) -> list[str]:
        return [v.control for v in compose(plain, {}, site, Coverage())]

    assert ids(plant()) == ["7.1", "8.1", "all"]
    assert ids(plant(levels={"pack": "3"})) == ["8.1", "all"]
    assert ids(plant(levels={"pack": [2, "3"]})) == ["7.1", "8.1", "all"]
    assert ids(plant(levels={"other": "3"})) == ["7.1", "8.1", "all"]
    level = "Q-BLD-03.level"
    assert ids(plant(answers={level: answer(level, "2")})) == ["7.1", "all"]
    assert ids(plant(answers={level: answer(level, "unknown")})) == ["7.1", "8.1", "all"]


def test_unmet_questions_name_the_controls_that_they_fail() -> None:
    tests = control("a", Ask(question="Q-HR-03")), control("b", Ask(question="Q-HR-03"), levels=("9",))
    site = plant(answers={"Q-HR-03": answer("Q-HR-03", "no"), "Q-HR-04": answer("Q-HR-04", "no")})
    assert unmet([pack(*tests)], site) == {"Q-HR-03": (("pack", "a"), ("pack", "b"))}
    assert unmet([pack(*tests)], plant(answers=site.answers, levels={"pack": "1"})) == {"Q-HR-03": (("pack", "a"),)}
    contradicted = Contradiction("c", "Q-HR-03", Text("", ""), Text("", ""), ())
    assert unmet([pack(*tests)], site, [contradicted]) == {}


def test_the_order_names_every_outcome_once() -> None:
    assert sorted(ORDER) == sorted(Outcome)
    assert strongest([]) is X


RANK = {outcome: rank for rank, outcome in enumerate(ORDER)}
WORDS = ["不符合", "部分符合", "待现场核查", "符合", "不适用"]
OUTCOMES = st.sampled_from([V, C, N, X, Outcome.CONTRADICTED])


@given(st.lists(OUTCOMES, max_size=5), st.sampled_from(sorted(Observability)))
def test_one_more_violated_test_never_improves_a_verdict(outcomes: list[Outcome], observability: Observability) -> None:
    results = {f"SG-{n:02}": result(f"SG-{n:02}", outcome=o) for n, o in enumerate(outcomes)}
    results["SG-99"] = result("SG-99", outcome=V)
    tests = [Ask(check=f"SG-{n:02}") for n in range(len(outcomes))]
    before = one(*tests, results=results, observability=observability)
    after = one(*tests, Ask(check="SG-99"), results=results, observability=observability)
    assert after.outcome is V
    assert after.display.zh == "不符合"
    assert RANK[after.outcome] <= RANK[before.outcome]
    assert before.outcome is strongest(outcomes)
    assert before.display.zh in WORDS
    if before.outcome in (N, X):
        assert before.display.zh == "待现场核查"


@given(st.permutations([V, C, N, X]))
def test_the_order_of_tests_does_not_matter(outcomes: list[Outcome]) -> None:
    results = {f"SG-{n:02}": result(f"SG-{n:02}", outcome=o) for n, o in enumerate(outcomes)}
    verdict = one(*(Ask(check=id_) for id_ in results), results=results)
    assert verdict.outcome is V


def test_evidence_and_reasons_are_bounded() -> None:
    many = [observation("CO-01", f"{n}", evidence=(frames(n),)) for n in range(500)]
    verdict = one(*(Ask(check="CO-01") for _ in range(50)), results={"CO-01": result("CO-01", *many)})
    assert len(verdict.evidence) == verdicts.MAX_EVIDENCE
    assert len(verdict.reasons) <= verdicts.MAX_REASONS
