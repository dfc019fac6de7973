"""Security levels per zone: what each zone should reach (SL-T) and what is proven and possible (SL-A).

SL-T follows from orders of magnitude (IEC 62443-3-2, ZCR 5; profile `iec-order-1`) unless the owner of the plant set
it. SL-A is an interval: its lower end counts what is confirmed, its upper end what is not disproved
(IEC 62443-3-3; specification, 3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentinel.assess.model import Control, ControlResult, Outcome, Pack, Risk, SecurityLevel, Site, Text, Zone
from sentinel.assess.profiles import Profile, load_profile, reduction
from sentinel.assess.risk import exploitability
from sentinel.assess.verdicts import SITE

PROFILE = "iec-order-1"
REQUIREMENTS = ("IAC", "UC", "SI", "DC", "RDF", "TRE", "RA")
"""The foundational requirements FR 1 to FR 7; `SR 5.1` belongs to the fifth."""
OUTSIDE = ("external", "cloud", "remote")
"""Kinds of zone that are no part of the plant and have no security level."""
HIGHEST = 4

_MET = (Outcome.CONFIRMED, Outcome.NOT_APPLICABLE)
_BROKEN = (Outcome.VIOLATED, Outcome.CONTRADICTED)
_SEEN = ("frames", "alert")


@dataclass(frozen=True, slots=True)
class Target:
    """SL-T of a zone and why."""

    zone: str
    level: int
    reason: Text
    vector: Mapping[str, int]
    """Foundational requirement -> SL-T."""


def zones(site: Site) -> tuple[str, ...]:
    """The zones that have security levels: give these to `verdicts.compose` to judge each of them."""
    return tuple(zone.id for zone in site.zones if zone.kind not in OUTSIDE)


def targets(site: Site, risks: Iterable[Risk] = (), profile: Profile | None = None) -> tuple[Target, ...]:
    """SL-T of each zone: what the owner set, else what its worst unmitigated risk asks for.

    A zone of which nothing is known but its devices is taken at the profile's prior likelihood.
    """
    table = load_profile(PROFILE) if profile is None else profile
    kinds: dict[str, set[str]] = {}
    where: dict[str, str] = {}
    for asset in site.assets:
        kinds.setdefault(asset.zone, set()).add(asset.kind)
        where[asset.id] = asset.zone
    of_zone: dict[str, list[Risk]] = {}
    for risk in risks:
        of_zone.setdefault(where.get(risk.asset, ""), []).append(risk)
    found = []
    for zone in site.zones:
        if zone.kind not in OUTSIDE:
            level, reason = _target(table, zone, kinds.get(zone.id, set()), of_zone.get(zone.id, ()))
            found.append(Target(zone.id, level, reason, vector(level, zone, site, table)))
    return tuple(found)


def security_level(profile: Profile, likelihood: int, consequence: int) -> int:
    """SL-T for the classes UL 1 to 5 and C 1 to 5: the order of magnitude of CRRF, from 0 to 4."""
    return min(HIGHEST, max(0, reduction(profile, likelihood, consequence)))


def residual_exponent(profile: Profile, likelihood: int, verified: int) -> int:
    """The likelihood, as a power of ten per year, that is left with so many independent measures verified.

    What is only declared counts for nothing.
    """
    order = profile.tables["order"]
    return int(order["likelihood"][likelihood - 1]) - int(order["measure"]) * verified


def vector(level: int, zone: Zone, site: Site, profile: Profile) -> dict[str, int]:
    """SL-T of each foundational requirement.

    DC one lower, but not below 1, where somebody said with a reason that there are no important data; RA one higher for
    a continuous process; RDF of a safety zone at least 3. Where nobody said anything, nothing is changed.
    """
    found = dict.fromkeys(REQUIREMENTS, level)
    data = site.answers.get(profile.questions.get("important_data", ""))
    if level > 1 and data is not None and data.value == "na" and data.note.strip():
        found["DC"] = level - 1
    if site.engagement.get("continuous_process") is True:
        found["RA"] = min(HIGHEST, level + 1)
    if zone.kind == "sis":
        found["RDF"] = max(found["RDF"], int(profile.tables["order"]["sis_segmentation"]))
    return found


def levels(
    pack: Pack, verdicts: Iterable[ControlResult], site: Site, wanted: Sequence[Target]
) -> tuple[SecurityLevel, ...]:
    """SL-T and SL-A of each zone and foundational requirement, with what stands between them.

    `verdicts`: those of the pack for each zone (`compose` with `zones`); a verdict on the site holds where a zone has
    none of its own. A requirement without a verdict is unknown.
    """
    by_scope = {(v.scope, v.control): v for v in verdicts if v.framework == pack.id}
    parts: dict[str, list[tuple[int, Control]]] = {name: [] for name in REQUIREMENTS}
    for control in pack.controls:
        placed = requirement(control)
        if placed is not None:
            parts[placed[0]].append((placed[1], control))
    found = []
    for target in wanted:
        for name in REQUIREMENTS:
            own = [
                (level, c.id, by_scope.get((target.zone, c.id)) or by_scope.get((SITE, c.id)))
                for level, c in parts[name]
            ]
            found.append(_interval(target.zone, name, target.vector[name], own))
    return tuple(found)


def requirement(control: Control) -> tuple[str, int] | None:
    """The foundational requirement of a control such as `SR 1.1 RE2`, and the level from which it is required."""
    kind, _, rest = control.id.partition(" ")
    number = rest.partition(".")[0]
    levels_ = [int(level) for level in control.levels if level.isdecimal()]
    if kind != "SR" or not number.isdecimal() or not 1 <= int(number) <= len(REQUIREMENTS) or not levels_:
        return None
    return REQUIREMENTS[int(number) - 1], min(levels_)


def _target(profile: Profile, zone: Zone, kinds: Iterable[str], risks: Iterable[Risk]) -> tuple[int, Text]:
    if zone.sl_t is not None:
        return zone.sl_t, Text("业主确定", "set by the owner")
    prior = int(profile.tables["order"]["prior_likelihood"])
    cases = [(prior, profile.kind(kind).impact) for kind in sorted(kinds)]
    cases += [(_unmitigated(profile, risk), risk.inputs["Vi"].value) for risk in risks]
    if not cases:
        return 0, Text("区域内没有已知设备", "no device of the zone is known")
    likelihood, consequence = max(cases, key=lambda case: (reduction(profile, *case), case))
    exponent = reduction(profile, likelihood, consequence)
    level = security_level(profile, likelihood, consequence)
    return level, Text(
        f"UL{likelihood}、C{consequence}，CRRF = 10^{exponent}", f"UL{likelihood}, C{consequence}: CRRF = 10^{exponent}"
    )


def _unmitigated(profile: Profile, risk: Risk) -> int:
    """The likelihood class of a risk as if there were no existing measure."""
    inputs = risk.inputs
    open_ = exploitability(inputs, measures=0)
    return profile.numbers(
        int(risk.values["AV"]), inputs["Tc"].value, inputs["Tf"].value, open_, inputs["Vi"].value
    ).likelihood_step


def _interval(zone: str, name: str, target: int, own: Sequence[tuple[int, str, ControlResult | None]]) -> SecurityLevel:
    outcomes = [(level, Outcome.NOT_ASSESSABLE if v is None else v.outcome) for level, _, v in own]
    lower = _reached([level for level, outcome in outcomes if outcome not in _MET])
    upper = _reached([level for level, outcome in outcomes if outcome in _BROKEN])
    gaps = [
        (0 if _disproved(v) else 1 if v is not None and v.outcome in _BROKEN else 2, level, place, id_)
        for place, (level, id_, v) in enumerate(own)
        if level <= target and (v is None or v.outcome not in _MET)
    ]
    ordered = sorted(gaps)
    return SecurityLevel(
        zone=zone,
        fr=name,
        target=target,
        lower=lower,
        upper=upper,
        gaps=tuple(id_ for _, _, _, id_ in ordered),
        disproved=tuple(id_ for rank, _, _, id_ in ordered if rank == 0),
    )


def _reached(missing: Sequence[int]) -> int:
    """The highest level below the first one at which something is missing."""
    return min((level - 1 for level in missing), default=HIGHEST)


def _disproved(verdict: ControlResult | None) -> bool:
    """Whether traffic, not an answer, says that it is not met."""
    return verdict is not None and verdict.outcome in _BROKEN and any(e.kind in _SEEN for e in verdict.evidence)
