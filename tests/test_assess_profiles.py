"""The risk profiles: every number of the worked example, the tables, the arithmetic, and what a wrong file is told.

The example is section 3.2 of the specification that the profile implements. All of its numbers follow from the
formulae as written, with one thing to know: Rb is computed from the scores as they are printed, with two decimals
(14.6248, so 14.62); from the unrounded R it would be 14.6265, so 14.63.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel import resources
from sentinel.assess.profiles import clip, four, load, load_profile, profiles, rhu, two
from sentinel.errors import AssessmentError

OT = load_profile("gb20984-ot-1")
IDS = ("gb20984-2007-matrix", "gb20984-2007-mult", "gb20984-ot-1", "iec-order-1")
GRADES = st.integers(1, 5)

RISKS = {
    "R1": (5, 3, 4, 5, 4),
    "R2": (4, 3, 2, 4, 4),
    "R3": (4, 3, 4, 4, 3),
    "R4": (5, 2, 2, 2, 3),
}
WEIGHTS = (5, 5, 3, 5)


@pytest.mark.parametrize(
    ("cia", "bearing", "vc", "raw", "av"),
    [
        ((2, 5, 5), 5, "4.7225", "4.5541", 5),
        ((1, 4, 5), 5, "4.2928", "4.4115", 4),
        ((4, 4, 3), 3, "3.6781", "3.5340", 4),
    ],
    ids=("plc", "switch", "historian"),
)
def test_asset_values_of_the_worked_example(
    cia: tuple[int, int, int], bearing: int, vc: str, raw: str, av: int
) -> None:
    assert tuple(map(str, OT.asset_value(cia, bearing, 4))) == (vc, raw, str(av))


@pytest.mark.parametrize(
    ("name", "threat", "likelihood", "loss", "score", "steps", "grade"),
    [
        ("R1", "3.4641", "4.1618", "4.4721", "18.61", (4, 4), 4),
        ("R2", "2.4495", "3.1302", "4.0000", "12.52", (3, 4), 3),
        ("R3", "3.4641", "3.7224", "3.4641", "12.89", (4, 3), 3),
        ("R4", "2.0000", "2.0000", "3.8730", "7.75", (2, 4), 2),
    ],
)
def test_risks_of_the_worked_example(
    name: str, threat: str, likelihood: str, loss: str, score: str, steps: tuple[int, int], grade: int
) -> None:
    numbers = OT.numbers(*RISKS[name])
    assert (str(numbers.threat), str(numbers.likelihood), str(numbers.loss)) == (threat, likelihood, loss)
    assert (str(numbers.score), numbers.grade) == (score, grade)
    assert (numbers.likelihood_step, numbers.loss_step) == steps


def test_business_risk_of_the_worked_example_before_and_after_treatment() -> None:
    before = [(OT.numbers(*RISKS[name]).score, weight) for name, weight in zip(RISKS, WEIGHTS, strict=True)]
    assert OT.business_risk(before) == (Decimal("14.62"), 3)
    treated = (OT.numbers(5, 3, 2, 3, 4), OT.numbers(4, 3, 2, 2, 4))
    assert [(str(n.score), n.grade) for n in treated] == [("12.12", 3), ("8.85", 2)]
    assert str(treated[0].likelihood) == "2.7108"
    after = [(n.score, weight) for n, weight in zip(treated, WEIGHTS[:2], strict=True)] + before[2:]
    assert OT.business_risk(after) == (Decimal("10.74"), 3)


def test_rounding_happens_before_the_business_risk_not_after() -> None:
    """The trap of the example: fourth roots of unrounded risks would print 14.63."""
    exact = [Decimal("18.6121"), Decimal("12.5207"), Decimal("12.8948"), Decimal("7.7460")]
    power = sum(w * r**4 for r, w in zip(exact, WEIGHTS, strict=True)) / sum(WEIGHTS)
    assert two(power.sqrt().sqrt()) == Decimal("14.63")
    assert OT.business_risk(list(zip(exact, WEIGHTS, strict=True)))[0] == Decimal("14.62")


def test_intervals_of_the_worked_example() -> None:
    first = [OT.numbers(av, tc, 4, 5, 4) for av in (4, 5) for tc in (2, 3, 4)]
    assert (str(min(n.score for n in first)), str(max(n.score for n in first))) == ("15.04", "20.00")
    assert {n.grade for n in first} == {4}
    second = [OT.numbers(4, 3, 2, ve, 4) for ve in (3, 4, 5)]
    assert (str(min(n.score for n in second)), str(max(n.score for n in second))) == ("10.84", "14.00")
    assert {n.grade for n in second} == {3}
    # L is 3.4996 at Ve 5: rounded to one decimal first it would be 3.5, step 4 and grade 4
    assert str(second[-1].likelihood) == "3.4996"
    assert second[-1].likelihood_step == 3


@pytest.mark.parametrize(
    ("events", "days", "value"),
    [
        (0, "14", 2),
        (1, "14", 4),
        (1, "30", 3),
        (1, "31", 3),
        (10, "30", 4),
        (11, "30", 5),
        (1, "0.01", 5),
        (5, None, 2),
    ],
)
def test_threat_frequency_follows_the_events_of_thirty_days(events: int, days: str | None, value: int) -> None:
    assert OT.frequency(events, None if days is None else Decimal(days)) == value


@pytest.mark.parametrize(
    ("vector", "value"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 5),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:H/I:H/A:H", 3),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 2),
        ("CVSS:3.1/AV:P/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H", 1),
        ("nonsense", None),
    ],
)
def test_exposure_of_a_cvss_vector(vector: str, value: int | None) -> None:
    assert OT.exposure_of_vector(vector) == value


def test_exposure_of_a_score_and_exploitation() -> None:
    assert [OT.exposure_of_score(Decimal(s)) for s in ("9.8", "9.0", "8.9", "5.0", "1.0")] == [5, 5, 4, 3, 2]
    assert OT.exploited(True, None) == 1
    assert OT.exploited(False, Decimal("0.10")) == 1
    assert OT.exploited(False, Decimal("0.0999")) == 0


def test_a_consequence_of_safety_never_grades_below_medium() -> None:
    assert OT.numbers(1, 1, 1, 1, 5).grade == 1
    assert OT.numbers(1, 1, 1, 1, 5, safety=True).grade == 3
    assert OT.numbers(1, 1, 1, 1, 4, safety=True).grade == 1, "class 4 is not class 5"


def test_alternative_profiles_grade_the_example() -> None:
    grades = {id_: [profiles()[id_].numbers(*five).grade for five in RISKS.values()] for id_ in IDS}
    assert grades["gb20984-2007-mult"] == [4, 3, 3, 2]
    assert grades["gb20984-2007-matrix"] == [4, 3, 3, 2]
    assert grades["iec-order-1"] == [4, 3, 3, 1]


def test_the_old_matrices_are_read_by_row_and_column() -> None:
    matrix = profiles()["gb20984-2007-matrix"]
    numbers = matrix.numbers(2, 2, 2, 4, 3)
    # T 2, Ve 4 -> 13 -> level 3; AV 2, Vi 3 -> 9 -> level 2; loss 2, possibility 3 -> 11 -> grade 2
    assert (numbers.likelihood, numbers.likelihood_step) == (13, 3)
    assert (numbers.loss, numbers.loss_step) == (9, 2)
    assert (numbers.risk, numbers.grade) == (11, 2)


def test_rounding_is_half_up() -> None:
    assert [rhu(Decimal(x)) for x in ("3.4999", "3.5", "4.5", "0.5")] == [3, 4, 5, 1]
    assert four(Decimal("1.00005")) == Decimal("1.0001")
    assert two(Decimal("2.345")) == Decimal("2.35")
    assert [clip(n) for n in (-3, 0, 1, 5, 9)] == [1, 1, 1, 5, 5]


@pytest.mark.parametrize("id_", IDS)
@given(five=st.tuples(GRADES, GRADES, GRADES, GRADES, GRADES), place=st.integers(0, 4))
def test_risk_grows_with_each_input(id_: str, five: tuple[int, ...], place: int) -> None:
    profile = profiles()[id_]
    if five[place] == 5:
        return
    more = tuple(v + (n == place) for n, v in enumerate(five))
    less, greater = profile.numbers(*five), profile.numbers(*more)
    assert less.risk <= greater.risk
    assert less.grade <= greater.grade


@given(cia=st.tuples(GRADES, GRADES, GRADES), bearing=GRADES, business=GRADES, place=st.integers(0, 2))
def test_asset_value_grows_with_each_input(cia: tuple[int, int, int], bearing: int, business: int, place: int) -> None:
    vc, raw, av = OT.asset_value(cia, bearing, business)
    assert 1 <= vc <= 5
    assert 1 <= av <= 5
    if cia[place] < 5:
        more = tuple(v + (n == place) for n, v in enumerate(cia))
        assert OT.asset_value((more[0], more[1], more[2]), bearing, business)[1] >= raw


@given(st.lists(st.tuples(st.decimals("0.01", "25", places=2), GRADES), min_size=1, max_size=8))
def test_business_risk_lies_between_the_least_and_the_worst(risks: list[tuple[Decimal, int]]) -> None:
    value, grade = OT.business_risk(risks)
    assert min(score for score, _ in risks) <= value <= max(score for score, _ in risks)
    assert 1 <= grade <= 5


def test_no_risk_at_all_is_no_business_risk() -> None:
    assert OT.business_risk([]) == (Decimal("0.00"), 1)


def test_shipped_profiles_are_those_that_the_program_promises() -> None:
    assert tuple(profiles()) == IDS
    with pytest.raises(AssessmentError, match=r"no risk profile iso-1; there are .*gb20984-ot-1"):
        load_profile("iso-1")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('C: "0.2"', 'C: "0.3"', "weights: the weights must be positive and add up to 1"),
        ('C: "0.2"', "C: 0.2", "weights.C: must be a text"),
        ("method: product", "method: guess", "method: guess is none of"),
        ("business: 3", "business: 9", "business: must be an integer from 1 to 5"),
        ("  - [1, 1, 1, 2, 2]\n", "", "matrix: must have 5 rows of 5 numbers"),
        ("business_bins: [5, 10, 15, 20]", "business_bins: [5, 10, 9, 20]", "business_bins: must be four rising"),
        ("treatment: treat}", "treatment: hope}", "grades.5.treatment: hope is none of"),
        ("safety_floor: 3\n", "", "safety_floor is missing"),
        ("id: gb20984-ot-1", "id: gb20984-ot-1\ncolour: red", "colour is not known here"),
        ("{zh: 误操作, en: mistake}", "{zh: 误操作}", "meaning: en is missing"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    written = (resources.rulesets() / "profiles" / "gb20984-ot-1.yaml").read_text(encoding="utf-8")
    assert old in written
    path = tmp_path / "mine.yaml"
    path.write_text(written.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AssessmentError) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_a_profile_takes_over_what_it_does_not_say(tmp_path: Path) -> None:
    for name in ("gb20984-ot-1", "iec-order-1"):
        written = (resources.rulesets() / "profiles" / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(written, encoding="utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: gb20984-ot-1\nid: mine\nbusiness: 5\n", encoding="utf-8")
    assert load(mine).business == 5
    assert load(mine).weights == OT.weights
    mine.write_text("extends: iec-order-1\nid: mine\n", encoding="utf-8")
    with pytest.raises(AssessmentError, match="may not extend another one"):
        load(mine)
