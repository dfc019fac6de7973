"""Security levels: the examples of the method, the vector rules, and the interval between proven and possible."""

from __future__ import annotations

from typing import Any

import pytest
from assess_risk_samples import PLC, ZONES, C, N, V, X, answer, covered, download, frames, pack, plant, result, text
from hypothesis import given
from hypothesis import strategies as st

from sentinel.assess import levels, packs
from sentinel.assess.findings import merge
from sentinel.assess.levels import REQUIREMENTS, Target, requirement, residual_exponent, security_level, targets
from sentinel.assess.model import Asset, Control, ControlResult, Evidence, Outcome, SecurityLevel, Site, Text, Zone
from sentinel.assess.profiles import load_profile
from sentinel.assess.risk import assess
from sentinel.assess.verdicts import compose

IEC = load_profile("iec-order-1")


@pytest.mark.parametrize(
    ("likelihood", "consequence", "level"), [(4, 3, 2), (3, 4, 2), (4, 4, 3), (2, 3, 0), (5, 5, 4)]
)
def test_levels_by_order_of_magnitude(likelihood: int, consequence: int, level: int) -> None:
    assert security_level(IEC, likelihood, consequence) == level


@given(likelihood=st.integers(1, 5), consequence=st.integers(1, 5))
def test_levels_grow_with_likelihood_and_consequence(likelihood: int, consequence: int) -> None:
    level = security_level(IEC, likelihood, consequence)
    assert 0 <= level <= 4
    assert security_level(IEC, min(5, likelihood + 1), consequence) >= level
    assert security_level(IEC, likelihood, min(5, consequence + 1)) >= level


def test_each_verified_measure_takes_one_power_of_ten() -> None:
    assert [residual_exponent(IEC, 4, n) for n in range(3)] == [-1, -2, -3]


def by_zone(site: Site, **more: Any) -> dict[str, Target]:
    return {target.zone: target for target in targets(site, **more)}


def test_what_the_owner_set_counts() -> None:
    zone = Zone("cell-1", text("cell"), "1", sl_t=3)
    target = by_zone(plant(zones=(zone,)))["cell-1"]
    assert (target.level, target.reason.en) == (3, "set by the owner")


def test_a_zone_without_risks_is_taken_at_the_prior_likelihood() -> None:
    found = by_zone(plant())
    assert set(found) == {"cell-1", "ops", "office"}, "outside the plant there are no levels"
    assert (found["cell-1"].level, found["cell-1"].reason.en) == (2, "UL3, C4: CRRF = 10^2")
    assert found["ops"].level == 1
    assert by_zone(plant(zones=(Zone("empty", text("empty")),)))["empty"].level == 0


def test_the_worst_risk_of_a_zone_raises_its_level() -> None:
    site, seen = plant(), result("CO-01", download())
    risks, _ = assess(merge([seen], site), site, {"CO-01": seen}, load_profile("gb20984-ot-1"), covered())
    found = by_zone(site, risks=risks)["cell-1"]
    assert (found.level, found.reason.en) == (3, "UL4, C4: CRRF = 10^3")


def test_the_vector() -> None:
    sis = Zone("sis", text("SIS"), "1", "sis")
    cell = ZONES[0]

    def vector(level: int, zone: Zone = cell, **more: Any) -> dict[str, int]:
        return levels.vector(level, zone, plant(**more), IEC)

    none = {"Q-DAT-02": answer("Q-DAT-02", "na", note="only process values without classification")}
    assert set(vector(2).values()) == {2}
    assert vector(2, answers=none)["DC"] == 1
    assert vector(1, answers=none)["DC"] == 1
    assert vector(0, answers=none)["DC"] == 0
    assert vector(2, answers={"Q-DAT-02": answer("Q-DAT-02", "na")})["DC"] == 2, "without a reason it does not count"
    assert vector(2, continuous_process=True)["RA"] == 3
    assert vector(4, continuous_process=True)["RA"] == 4
    assert vector(1, sis)["RDF"] == 3
    assert vector(4, sis)["RDF"] == 4


def sr(id_: str, level: int) -> Control:
    all_levels = tuple(str(n) for n in range(level, 5))
    return Control("iec-62443-3-3", id_, text(id_), text(id_), text("FR"), all_levels)


def verdict(id_: str, outcome: Outcome, *evidence: Evidence, scope: str = "cell-1") -> ControlResult:
    return ControlResult("iec-62443-3-3", id_, scope, outcome, Text("", ""), evidence=evidence)


def cell(*controls: Control, verdicts: list[ControlResult], level: int = 2) -> dict[str, SecurityLevel]:
    target = Target("cell-1", level, text("t"), dict.fromkeys(REQUIREMENTS, level))
    found = levels.levels(pack(*controls, id_="iec-62443-3-3"), verdicts, plant(), [target])
    return {each.fr: each for each in found}


def test_the_example_zone_of_the_method() -> None:
    """Cell-1, SL-T 2: RDF [0,0] since SR 5.1 is violated; IAC [0,2], 3 of 10 confirmed and a known gap at level 3."""
    first = [sr(f"SR 1.{n}", 1) for n in range(1, 11)]
    controls = [*first, sr("SR 1.1 RE2", 3), sr("SR 5.1", 1), sr("SR 5.2", 1)]
    verdicts = [verdict(c.id, C if n < 3 else X) for n, c in enumerate(first)]
    verdicts += [verdict("SR 1.1 RE2", V, Evidence("answer", "Q-OPS-05")), verdict("SR 5.1", V, frames(7))]
    found = cell(*controls, verdicts=verdicts)
    assert (found["RDF"].lower, found["RDF"].upper) == (0, 0)
    assert (found["RDF"].gaps, found["RDF"].disproved) == (("SR 5.1", "SR 5.2"), ("SR 5.1",))
    assert (found["IAC"].lower, found["IAC"].upper) == (0, 2)
    assert found["IAC"].gaps == tuple(f"SR 1.{n}" for n in range(4, 11))
    assert found["IAC"].disproved == ()


def test_gaps_name_what_traffic_disproves_first() -> None:
    controls = [sr("SR 3.1", 1), sr("SR 3.2", 1), sr("SR 3.3", 2), sr("SR 3.4", 3)]
    verdicts = [verdict("SR 3.1", N), verdict("SR 3.2", V, Evidence("answer", "Q")), verdict("SR 3.3", V, frames(1))]
    found = cell(*controls, verdicts=verdicts)["SI"]
    assert found.gaps == ("SR 3.3", "SR 3.2", "SR 3.1")
    assert found.disproved == ("SR 3.3",)
    assert cell(*controls, verdicts=verdicts, level=0)["SI"].gaps == ()


def test_confirmed_and_not_applicable_reach_the_level() -> None:
    controls = [sr("SR 6.1", 1), sr("SR 6.2", 2)]
    found = cell(*controls, verdicts=[verdict("SR 6.1", C), verdict("SR 6.2", Outcome.NOT_APPLICABLE)])["TRE"]
    assert (found.lower, found.upper, found.gaps) == (4, 4, ())


def test_a_verdict_on_the_site_holds_where_the_zone_has_none() -> None:
    assert cell(sr("SR 6.1", 1), verdicts=[verdict("SR 6.1", V, scope="site")])["TRE"].upper == 0
    both = [verdict("SR 6.1", V, scope="site"), verdict("SR 6.1", C)]
    assert cell(sr("SR 6.1", 1), verdicts=both)["TRE"].lower == 4
    assert cell(sr("SR 6.1", 1), verdicts=[verdict("SR 6.1", V, scope="office")])["TRE"].upper == 4


OUTCOMES = st.sampled_from([V, C, N, X, Outcome.CONTRADICTED, Outcome.PASS_UNVERIFIED, Outcome.NOT_APPLICABLE])


@given(st.lists(st.tuples(st.integers(1, 4), OUTCOMES), max_size=12), st.integers(0, 11))
def test_the_interval_is_one_and_only_shrinks_with_a_violation(items: list[tuple[int, Outcome]], place: int) -> None:
    controls = [sr(f"SR 2.{n}", level) for n, (level, _) in enumerate(items, 1)]
    verdicts = [verdict(c.id, outcome) for c, (_, outcome) in zip(controls, items, strict=True)]
    found = cell(*controls, verdicts=verdicts)["UC"]
    assert 0 <= found.lower <= found.upper <= 4
    if items:
        worse = list(verdicts)
        worse[place % len(items)] = verdict(controls[place % len(items)].id, V)
        after = cell(*controls, verdicts=worse)["UC"]
        assert after.lower <= found.lower
        assert after.upper <= found.upper


@pytest.mark.parametrize(
    ("id_", "place"),
    [("SR 1.1", ("IAC", 2)), ("SR 7.8", ("RA", 2)), ("SR 5.2 RE3", ("RDF", 2)), ("M01", None), ("SR 9.1", None)],
)
def test_controls_belong_to_a_requirement(id_: str, place: tuple[str, int] | None) -> None:
    assert requirement(sr(id_, 2)) == place


def test_the_shipped_pack_is_understood() -> None:
    if "iec-62443-3-3" not in packs.available():
        pytest.skip("the pack iec-62443-3-3 is not there")
    iec = packs.load("iec-62443-3-3")
    placed = [requirement(c) for c in iec.controls]
    assert None not in placed
    counts = [sum(1 for p in placed if p is not None and p[1] <= level) for level in range(1, 5)]
    assert counts == [37, 60, 90, 100]
    site = plant(PLC, Asset("a-x", "x", True, False, zone="ops"))
    verdicts = compose(iec, {}, site, covered(), zones=levels.zones(site))
    found = levels.levels(iec, verdicts, site, targets(site))
    assert len(found) == 3 * 7
    assert all((each.lower, each.upper) == (0, 4) for each in found), "nothing was looked at"
