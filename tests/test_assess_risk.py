"""Risks: the worked example from site and observations to the register, groups, provenance, intervals, decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from assess_risk_samples import (
    HISTORIAN,
    OFFICE,
    PLC,
    START,
    SWITCH,
    C,
    V,
    answer,
    covered,
    download,
    observation,
    plant,
    result,
    text,
)
from hypothesis import given
from hypothesis import strategies as st

from sentinel.assess.findings import merge
from sentinel.assess.model import Asset, CheckResult, Conduit, Coverage, Entry, Finding, Provenance, Risk, Site, Zone
from sentinel.assess.profiles import load_profile, profiles
from sentinel.assess.risk import MAX_GROUPS, assess
from sentinel.errors import AssessmentError

OT = load_profile("gb20984-ot-1")
DOCUMENTED = {"cia": "list", "bearing": "list"}
SWITCH_LISTED = dataclasses.replace(SWITCH, cia=(1, 4, 5), bearing=5, provenance=DOCUMENTED)
HISTORIAN_LISTED = dataclasses.replace(HISTORIAN, cia=(4, 4, 3), bearing=3, provenance=DOCUMENTED)


def registered(
    site: Site, *results: CheckResult, coverage: Coverage | None = None, **more: Any
) -> tuple[tuple[Finding, ...], tuple[Risk, ...], Mapping[str, Any]]:
    """Findings, risks and business of some results."""
    found = merge(results, site)
    by_check = {each.check: each for each in results}
    risks, business = assess(found, site, by_check, OT, covered() if coverage is None else coverage, **more)
    return found, risks, business


def advisory(asset: str, vector: str, match: str = "A") -> Any:
    return observation(
        "AS-06", f"{asset} CVE", assets=(asset,), zones=("cell-1",),
        values={"cvss_vector": vector, "cvss": 9.8, "kev": False, "match": match},
    )  # fmt: skip


def example() -> tuple[Site, list[CheckResult]]:
    """The plant of the worked example, but for what a consultant decides (`decided`)."""
    site = plant(
        PLC, SWITCH_LISTED, HISTORIAN_LISTED, OFFICE,
        business_importance=4, threat_capability={"access": 3},
        consequences=[{"zone": "cell-1", "output": 4, "safety": 3}, {"zone": "Operations", "output": 3}],
    )  # fmt: skip
    guest = observation(
        "AU-05", "guest", assets=("a-pc", "a-hist"), zones=("office", "ops"), values={"events": 4, "days": 14}
    )
    vulnerabilities = (
        advisory("a-switch", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "B"),
        advisory("a-plc", "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    )
    results = [result("CO-01", download()), result("AU-05", guest), result("AS-06", *vulnerabilities)]
    return dataclasses.replace(site, conduits=()), results


def decided(site: Site, results: Sequence[CheckResult]) -> tuple[Entry, ...]:
    """The local vulnerability is one for mistakes, with less impact; it and the historian's risk are accepted."""
    _, risks, _ = registered(site, *results)
    local = next(r for r in risks if r.asset == "a-plc" and r.threat == "access").id
    guest = next(r for r in risks if r.asset == "a-hist").id
    inputs = {"Tc": {"value": 2, "source": "local access only"}, "Vi": {"value": 3, "source": "one station"}}
    return (
        Entry(1, "treatment", local, {"inputs": inputs}, "Zhang", START, "edit"),
        Entry(2, "acceptance", local, {"by": "Wang"}, "Zhang", START, "edit"),
        Entry(3, "acceptance", guest, {"by": "Wang"}, "Zhang", START, "edit"),
    )


def test_the_worked_example_end_to_end() -> None:
    site, results = example()
    _, risks, business = registered(site, *results, decisions=decided(site, results))
    assert [(r.number, r.asset, r.score, r.grade) for r in risks] == [
        ("R-01", "a-plc", "18.61", 4),
        ("R-02", "a-hist", "12.89", 3),
        ("R-03", "a-switch", "12.52", 3),
        ("R-04", "a-plc", "7.75", 2),
    ]
    first, guest, switch, local = risks
    assert dict(first.values) == {
        "Vc": "4.7225", "AVraw": "4.5541", "AV": "5", "T": "3.4641", "Ve": "5", "L": "4.1618", "F": "4.4721",
        "R": "18.6120", "Lstar": "4", "Fstar": "4",
    }  # fmt: skip
    assert (first.low, first.high, first.grades, first.settle) == ("15.04", "20.00", (4,), "")
    assert (switch.low, switch.high, switch.grades) == ("10.84", "14.00", (3,))
    assert [switch.values[n] for n in ("Vc", "AVraw", "AV", "T", "Ve", "L", "F")] == [
        "4.2928", "4.4115", "4", "2.4495", "4", "3.1302", "4.0000",
    ]  # fmt: skip
    assert [guest.values[n] for n in ("Vc", "AVraw", "AV", "T", "Ve", "L", "F")] == [
        "3.6781", "3.5340", "4", "3.4641", "4", "3.7224", "3.4641",
    ]  # fmt: skip
    assert (business["score"], business["grade"]) == ("14.62", 3)
    assert (first.after["score"], first.after["grade"], first.after["L"]) == ("12.12", 3, "2.7108")
    assert (switch.after["score"], switch.after["grade"]) == ("8.85", 2)
    assert business["after"] == {"score": "10.74", "grade": 3}
    assert "后果程度没有改变" in first.after["note"].zh
    assert "note" not in switch.after
    assert (local.treatment, local.accepted_by, first.treatment) == ("accept", "Wang", "treat")


def test_every_input_says_where_it_comes_from() -> None:
    site, results = example()
    first = registered(site, *results)[1][0]
    provenance = {name: each.provenance.value for name, each in first.inputs.items()}
    assert provenance == {
        "C": "assumed", "I": "assumed", "A": "assumed", "bearing": "assumed", "business": "documented",
        "Tc": "assumed", "Tf": "measured", "e0": "measured", "x": "documented", "reach": "measured", "E": "measured",
        "Vi": "documented",
    }  # fmt: skip
    assert first.inputs["Tf"].source.zh == "14 天内 1 次无工单事件"
    assert first.inputs["Vi"].source.zh == "产量损失：停线 2 至 7 天"
    assert all(each.source.zh and each.source.en for each in first.inputs.values())


def test_the_scenario_says_who_can_do_what_to_which_device() -> None:
    site, results = example()
    first = registered(site, *results)[1][0]
    assert first.scenario.en == (
        "Host OFFICE-PC7 (198.51.100.77) can download programs to the PLC PRESS-PLC1 (192.0.2.10) in Press cell 1, "
        "change its mode or stop it without ticket or approval."
    )
    assert first.scenario.zh == (
        "主机 OFFICE-PC7（198.51.100.77）可以在没有工单和审批的情况下对"
        "“（Press cell 1）”区域的 PLC 控制器 PRESS-PLC1（192.0.2.10）下装程序、切换运行模式或停机。"
    )
    assert "{" not in first.scenario.zh + first.scenario.en


def test_events_that_a_ticket_explains_do_not_count() -> None:
    open_ = download(id_="one")
    explained = tuple(download(ticket=f"CR-{n}", id_=f"t{n}") for n in range(50))
    alone = registered(plant(), result("CO-01", open_))[1][0]
    among = registered(plant(), result("CO-01", open_, *explained))[1][0]
    assert alone.inputs["Tf"] == among.inputs["Tf"]
    assert among.inputs["Tf"].value == 4


def test_events_count_against_whom_they_endanger_not_against_their_source() -> None:
    stranger = observation("AS-02", "pc", assets=("a-pc",), zones=("office",))
    guest = observation("AU-05", "guest", assets=("a-pc", "a-hist"), zones=("office", "ops"), values={"events": 9})
    risks = registered(plant(), result("AS-02", stranger), result("AU-05", guest))[1]
    assert {r.asset: r.inputs["Tf"].value for r in risks} == {"a-pc": 2, "a-hist": 5}


def test_nobody_looked_is_not_nothing_seen() -> None:
    unlisted = observation("AU-03", "plc", assets=("a-plc",), zones=("cell-1",))
    looked = registered(plant(), result("AU-03", unlisted))[1][0].inputs["Tf"]
    blind = registered(plant(), result("AU-03", unlisted), coverage=Coverage())[1][0].inputs["Tf"]
    assert (looked.value, looked.provenance) == (2, Provenance.MEASURED)
    assert (blind.value, blind.provenance) == (2, Provenance.ASSUMED)


@pytest.mark.parametrize(
    ("zones", "conduits", "tables", "value", "provenance"),
    [
        (("cell-1",), (), (), -1, Provenance.MEASURED),
        (("office", "cell-1"), (), (), 0, Provenance.MEASURED),
        (("cell-1",), (Conduit("c", "office", "cell-1", ("*",)),), (), 0, Provenance.DOCUMENTED),
        (("cell-1",), (Conduit("c", "office", "cell-1", ()),), (), -1, Provenance.MEASURED),
        (("cell-1",), (Conduit("c", "office", "cell-1", ("*",), declared=False),), (), -1, Provenance.MEASURED),
        (("cell-1",), (), ({"source_zone": "office", "target_zone": "cell-1"},), 0, Provenance.MEASURED),
        (("cell-1",), (), ({"source_zone": "cell-1", "target_zone": "office"},), 0, Provenance.MEASURED),
    ],
)
def test_reach(
    zones: tuple[str, ...], conduits: tuple[Conduit, ...], tables: tuple[Any, ...], value: int, provenance: Provenance
) -> None:
    site = dataclasses.replace(plant(), conduits=conduits)
    seen = result("AU-03", observation("AU-03", "plc", assets=("a-plc",), zones=zones))
    matrix = result("SG-01", tables={"conduit_matrix": tables})
    reach = registered(site, seen, matrix)[1][0].inputs["reach"]
    assert (reach.value, reach.provenance) == (value, provenance)


def test_a_device_outside_all_zones_is_taken_as_reachable() -> None:
    lost = dataclasses.replace(PLC, zone="")
    reach = registered(plant(lost), result("AU-03", observation("AU-03", "plc", assets=("a-plc",))))[1][0].inputs[
        "reach"
    ]
    assert (reach.value, reach.provenance) == (0, Provenance.ASSUMED)


def test_proposed_zones_make_the_reach_an_assumption() -> None:
    proposed = tuple(dataclasses.replace(zone, declared=False) for zone in plant().zones)
    reach = registered(plant(zones=proposed), result("CO-01", download()))[1][0].inputs["reach"]
    assert (reach.value, reach.provenance) == (0, Provenance.ASSUMED)


def test_a_measure_counts_only_where_it_is_verified() -> None:
    seen = result("AU-05", observation("AU-05", "guest", assets=("a-hist",), zones=("ops",)))
    question = "Q-OPS-04"

    def measure(state: str, value: str = "yes") -> int:
        site = plant(answers={question: answer(question, value, state)})
        return registered(site, seen)[1][0].inputs["E"].value

    assert [measure("stated"), measure("documented"), measure("verified")] == [0, 0, 1]
    assert measure("verified", "no") == 0
    remote = result("RA-01", observation("RA-01", "rdp", assets=("a-hist",), zones=("ops",)))
    proven = result("RA-02", outcome=C, by_zone={"ops": C})
    site = plant(answers={"Q-OPS-01": answer("Q-OPS-01", "approved", "verified")})
    assert registered(site, remote, proven)[1][0].inputs["E"].value == 2


def test_a_tested_restore_lowers_the_impact_but_not_that_of_an_injury() -> None:
    drilled = {"Q-BCK-03": answer("Q-BCK-03", "yes", "verified")}
    worst = [{"asset": "PRESS-PLC1", "safety": 5}]
    seen = result("CO-01", download())

    def impact(**more: Any) -> int:
        return registered(plant(**more), seen)[1][0].inputs["Vi"].value

    assert impact() == 4
    assert impact(answers=drilled) == 3
    assert impact(answers={"Q-BCK-03": answer("Q-BCK-03", "yes", "documented")}) == 4
    assert impact(answers=drilled, consequences=worst) == 5


def test_worst_cases_come_from_the_questionnaire_with_the_state_of_the_answer() -> None:
    rows = ({"zone": "cell-1", "asset": "", "output": 2, "quality": 5}, {"zone": "ops", "output": "x"}, "broken")
    site = plant(answers={"Q-BLD-05.rows": answer("Q-BLD-05.rows", rows, "documented")})
    impact = registered(site, result("CO-01", download()))[1][0].inputs["Vi"]
    assert (impact.value, impact.provenance, impact.source.en) == (
        5, Provenance.DOCUMENTED, "Quality and equipment: machine destroyed",
    )  # fmt: skip
    guest = observation("AU-05", "guest", assets=("a-hist",), zones=("ops",))
    assert registered(site, result("AU-05", guest))[1][0].inputs["Vi"].provenance is Provenance.ASSUMED


def test_two_thousand_devices_make_a_register_that_a_person_reads() -> None:
    zones = tuple(Zone(f"z{n}", text(f"z{n}"), "1") for n in range(40))
    kinds = ("plc", "rtu", "hmi", "switch", "sensor")
    assets = tuple(
        Asset(f"a{n:04}", f"dev {n}", True, True, (f"10.0.{n // 256}.{n % 256}",), kind=kinds[n % 5], zone=f"z{n % 40}")
        for n in range(2000)
    )
    checks = ("AU-03", "HY-01", "AS-05", "AS-02")
    results = [
        result(check, *(observation(check, a.id, assets=(a.id,), zones=(a.zone,)) for a in assets)) for check in checks
    ]
    _, risks, _ = registered(plant(*assets, zones=zones), *results)
    assert len(risks) == len(checks) * len(kinds)
    assert all("399 more of its kind" in risk.scenario.en for risk in risks)
    few = [result("AU-03", *(observation("AU-03", a.id, assets=(a.id,), zones=(a.zone,)) for a in assets[:8]))]
    assert len(registered(plant(*assets, zones=zones), *few)[1]) == 8 <= MAX_GROUPS


def test_the_worst_device_stands_for_its_group() -> None:
    weak = dataclasses.replace(PLC, id="a-weak", name="PLC2", cia=(1, 1, 1), bearing=1, provenance=DOCUMENTED)
    seen = [observation("AU-03", a.id, assets=(a.id,), zones=("cell-1",)) for a in (weak, PLC)]
    (risk,) = registered(plant(weak, PLC), result("AU-03", *seen))[1]
    assert risk.asset == "a-plc"
    assert "等 2 台" in risk.scenario.zh


def test_a_finding_without_devices_bears_on_the_site() -> None:
    site = plant(answers={"Q-HR-03": answer("Q-HR-03", "no")})
    found = merge([], site, unmet={"Q-HR-03": (("pack", "7"),)})
    (risk,), business = assess(found, site, {}, OT, covered())
    assert risk.asset == ""
    assert risk.inputs["e0"].provenance is Provenance.STATED
    assert risk.scenario.en.startswith("A mistake of staff who do not know better can affect the control network")
    assert business["score"] == risk.score


def test_what_only_a_pack_asked_for_is_part_of_its_risk() -> None:
    run = result("AU-05", observation("AU-05", "guest", assets=("a-hist",), zones=("ops",)), params={"strict": True})
    found = merge([run], plant())
    (risk,), _ = assess(found, plant(), {}, OT, covered(), runs=[run])
    assert risk.inputs["e0"].provenance is Provenance.MEASURED
    assert risk.asset == "a-hist"


def test_closed_findings_make_no_risk_and_accepted_ones_are_signed() -> None:
    site, seen = plant(), result("CO-01", download())
    (finding,) = merge([seen], site)
    results = {"CO-01": seen}
    for status, count in (("fixed", 0), ("false_positive", 0), ("reopened", 1), ("accepted", 1)):
        risks, _ = assess([dataclasses.replace(finding, status=status)], site, results, OT, covered())
        assert len(risks) == count
    signed = Entry(1, "finding", finding.id, {"status": "accepted"}, "Wang", START, "edit")
    accepted = dataclasses.replace(finding, status="accepted", history=(signed,))
    (risk,), _ = assess([accepted], site, results, OT, covered())
    assert (risk.treatment, risk.accepted_by) == ("accept", "Wang")
    assert risk.after["score"] == risk.score, "what is accepted is not treated"


def test_the_question_that_settles_is_the_one_that_leaves_fewest_grades() -> None:
    weak = observation("HY-01", "smb", assets=("a-hist",), zones=("ops",))
    (risk,) = registered(plant(), result("HY-01", weak))[1]
    assert len(risk.grades) > 1
    assert risk.settle in {"Q-BLD-05", "Q-BLD-12", "Q-IR-07", "Q-OPS-12"}
    settled = plant(
        dataclasses.replace(HISTORIAN, cia=(4, 4, 3), bearing=3, provenance=DOCUMENTED),
        business_importance=4, threat_capability={"lateral": 2}, consequences=[{"zone": "ops", "output": 3}],
    )  # fmt: skip
    (known,) = registered(settled, result("HY-01", weak))[1]
    assert (len(known.grades), known.settle) == (1, "")


def test_an_alternative_profile_stands_beside_and_changes_nothing() -> None:
    site, results = example()
    plain = registered(site, *results)[1]
    beside = registered(site, *results, alternative=profiles()["gb20984-2007-matrix"])[1]
    assert beside[0].alternative == {"profile": "gb20984-2007-matrix", "score": "23.00", "grade": 4}
    assert [dataclasses.replace(r, alternative={}) for r in beside] == list(plain)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"inputs": {"Vi": 9}}, "no risk has the input Vi of 9"),
        ({"inputs": {"colour": 1}}, "no risk has the input colour of 1"),
        ({"treatment": "pray"}, "there is no treatment pray"),
        (["accept"], "treatment must be a mapping"),
    ],
)
def test_decisions_that_make_no_sense_are_refused(value: Any, complaint: str) -> None:
    finding = merge([result("CO-01", download())], plant())[0]
    wrong = Entry(9, "treatment", finding.id, value, "Zhang", START, "edit")
    with pytest.raises(AssessmentError, match=f"journal entry 9: {complaint}"):
        registered(plant(), result("CO-01", download()), decisions=[wrong])


def test_a_treatment_by_finding_holds_for_its_risks_and_can_be_taken_back() -> None:
    finding = merge([result("CO-01", download())], plant())[0]
    moved = Entry(1, "treatment", finding.id, {"treatment": "transfer"}, "Zhang", START, "edit")
    back = Entry(2, "treatment", finding.id, None, "Zhang", START, "edit")
    assert registered(plant(), result("CO-01", download()), decisions=[moved])[1][0].treatment == "transfer"
    assert registered(plant(), result("CO-01", download()), decisions=[moved, back])[1][0].treatment == "treat"


def test_ids_stay_and_numbers_follow_the_grade() -> None:
    site, results = example()
    risks = registered(site, *results)[1]
    again = registered(site, *results[::-1])[1]
    assert [(r.id, r.number, r.score) for r in risks] == [(r.id, r.number, r.score) for r in again]
    assert all((a.grade, Decimal(a.score)) >= (b.grade, Decimal(b.score)) for a, b in pairwise(risks))


GRADES = st.integers(1, 5)


@given(cia=st.tuples(GRADES, GRADES, GRADES), bearing=GRADES, business=GRADES, impact=GRADES, events=st.integers(0, 20))
def test_an_interval_holds_its_value_and_the_grades_hold_the_grade(
    cia: tuple[int, int, int], bearing: int, business: int, impact: int, events: int
) -> None:
    device = dataclasses.replace(PLC, cia=cia, bearing=bearing, provenance={"cia": "stated", "bearing": "list"})
    seen = dataclasses.replace(download(), values={"events": events, "days": 14})
    site = plant(device, OFFICE, business_importance=business, consequences=[{"zone": "cell-1", "output": impact}])
    for risk in registered(site, result("CO-01", seen, outcome=V))[1]:
        assert Decimal(risk.low) <= Decimal(risk.score) <= Decimal(risk.high)
        assert risk.grade in risk.grades
        assert Decimal(risk.after["score"]) <= Decimal(risk.score)
        assert risk.after["grade"] <= risk.grade
