"""Risks: what a finding may lead to, for each group of devices, with every number and where it comes from.

One risk is about one finding and the devices of one kind in one zone; the worst of them stands for the group. A
finding that touches more than `MAX_GROUPS` such groups is split by kind alone, so that a plant of thousands of devices
has a register that a person reads. The steps are those of the profile (`profiles.py`, docs/risk.md).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

from sentinel.assess import remediation
from sentinel.assess._inputs import ASSUMED, STATED, UNCERTAINTY, Group, World, least_sure
from sentinel.assess.model import (
    Asset,
    CheckResult,
    Coverage,
    Entry,
    Finding,
    Input,
    Observation,
    Provenance,
    Remediation,
    Risk,
    Site,
    Text,
)
from sentinel.assess.profiles import Numbers, Profile, clip, four, two
from sentinel.assess.remediation import Catalogue, Cause
from sentinel.errors import AssessmentError

MAX_GROUPS = 12
"""Groups by kind and zone of one finding; with more of them its devices are grouped by kind."""
NAMES = ("AV", "Tc", "Tf", "Ve", "Vi")
"""The five numbers that the formulae take."""
LIVE = ("open", "reopened", "accepted")
TREATMENTS = ("treat", "decide", "accept", "transfer", "avoid")


@dataclass(frozen=True, slots=True)
class _Case:
    """One device (or the site) under one finding: its inputs, and what they come to."""

    asset: Asset | None
    inputs: Mapping[str, Input]
    values: Mapping[str, int]
    """AV, Tc, Tf, Ve, Vi."""
    vc: Decimal
    raw: Decimal
    safety: bool
    numbers: Numbers


def assess(
    findings: Sequence[Finding],
    site: Site,
    results: Mapping[str, CheckResult],
    profile: Profile,
    coverage: Coverage | None = None,
    decisions: Iterable[Entry] = (),
    alternative: Profile | None = None,
    catalogue: Catalogue | None = None,
    runs: Iterable[CheckResult] = (),
) -> tuple[tuple[Risk, ...], Mapping[str, Any]]:
    """The risk register, worst first, and the risk of the whole business.

    `decisions`: journal entries of kind `treatment` and `acceptance`, oldest first; their subject is the id of a risk
    or of its finding. A treatment may say `treatment` and `inputs` (name -> value, source), an acceptance `by`.
    Findings that are fixed or false positives make no risk. `alternative`: the profile of a second column. `runs`:
    results under the parameters of packs, whose observations stand in findings as well.
    """
    known = remediation.shipped() if catalogue is None else catalogue
    live = [finding for finding in findings if finding.status in LIVE]
    world = World(site, results, runs, live, profile, Coverage() if coverage is None else coverage, known)
    decided = _Decisions(decisions)
    found: list[tuple[Risk, int]] = []
    for finding in live:
        by_asset = _by_asset(world, finding)
        for group in _groups(world, by_asset, finding):
            found.append(_risk(world, finding, group, by_asset, decided, alternative))
    found.sort(key=lambda each: (-each[0].grade, -Decimal(each[0].score), each[0].id))
    width = max(2, len(str(len(found))))
    ordered = [(dataclasses.replace(r, number=f"R-{n:0{width}}"), weight) for n, (r, weight) in enumerate(found, 1)]
    return tuple(risk for risk, _ in ordered), _business(profile, ordered, world)


def risk_id(finding: str, group: Group) -> str:
    """The id of a risk: the same finding on the same kind of device in the same zone, in whatever run."""
    return hashlib.sha256("\x1f".join(("risk", finding, group.kind, group.zone)).encode()).hexdigest()[:16]


# --- groups --------------------------------------------------------------------------------------------------------


def _by_asset(world: World, finding: Finding) -> dict[str, list[Observation]]:
    """The devices that a finding endangers, each with the observations about it."""
    found: dict[str, list[Observation]] = {}
    for observation in world.of(finding):
        for id_ in world.affected(observation):
            found.setdefault(id_, []).append(observation)
    return found or {id_: [] for id_ in finding.assets if id_ in world.assets}


def _groups(world: World, by_asset: Iterable[str], finding: Finding) -> list[Group]:
    members: dict[tuple[str, str], list[Asset]] = {}
    for id_ in sorted(by_asset):
        asset = world.assets[id_]
        members.setdefault((asset.kind, asset.zone), []).append(asset)
    if len(members) > MAX_GROUPS:
        by_kind: dict[tuple[str, str], list[Asset]] = {}
        for (kind, _), assets in members.items():
            by_kind.setdefault((kind, ""), []).extend(assets)
        members = by_kind
    if not members:
        return [Group("site", finding.zones[0] if len(finding.zones) == 1 else "", ())]
    return [Group(kind, zone, tuple(assets)) for (kind, zone), assets in sorted(members.items())]


# --- one risk ------------------------------------------------------------------------------------------------------


def _risk(
    world: World,
    finding: Finding,
    group: Group,
    by_asset: Mapping[str, Sequence[Observation]],
    decided: _Decisions,
    alternative: Profile | None,
) -> tuple[Risk, int]:
    """The risk of a group, and its weight in the risk of the business."""
    profile = world.profile
    cause = world.cause(finding)
    id_ = risk_id(finding.id, group)
    threat = {"Tc": world.capability(cause), "Tf": world.frequency(cause, group)}
    given = decided.inputs(id_, finding.id)
    cases = [
        _case(world, cause, group.kind, asset, () if asset is None else by_asset.get(asset.id, ()), threat, given)
        for asset in (group.assets or (None,))
    ]
    worst = max(cases, key=lambda c: (c.numbers.risk, c.values["AV"], "" if c.asset is None else c.asset.id))
    values, provenance = worst.values, _provenance(worst.inputs)
    spread = _spread(profile, tuple(values.items()), tuple(sorted(_uncertain(provenance))), worst.safety)
    scores = [score for _, score, _ in spread]
    grades = tuple(sorted({grade for _, _, grade in spread}))
    numbers = worst.numbers
    treatment, accepted_by = decided.outcome(id_, finding, profile.treatments[numbers.grade])
    about = [o for asset in group.assets for o in by_asset.get(asset.id, ())] or world.of(finding)
    risk = Risk(
        id=id_,
        number="",
        finding=finding.id,
        asset="" if worst.asset is None else worst.asset.id,
        scenario=_scenario(world, cause, group, worst.asset, about),
        threat=cause.threat,
        inputs=worst.inputs,
        values={
            "Vc": str(worst.vc),
            "AVraw": str(worst.raw),
            "AV": str(values["AV"]),
            **_printed(numbers, values["Ve"]),
        },
        score=str(numbers.score),
        grade=numbers.grade,
        low=str(min(scores)),
        high=str(max(scores)),
        grades=grades,
        settle=_settle(profile, cause, provenance, spread) if len(grades) > 1 else "",
        # what a person accepted is not treated
        after=_after(profile, worst, None if accepted_by else finding.remediation),
        treatment=treatment,
        accepted_by=accepted_by,
        alternative={} if alternative is None else _alternative(alternative, worst),
    )
    return risk, worst.inputs["bearing"].value


def _case(
    world: World,
    cause: Cause,
    kind: str,
    asset: Asset | None,
    observations: Sequence[Observation],
    threat: Mapping[str, Input],
    given: Mapping[str, Input],
) -> _Case:
    zone = "" if asset is None else asset.zone
    impact, safety = world.impact(asset, kind)
    inputs = {
        **world.worth(asset, kind),
        **threat,
        **world.exposure(cause, observations),
        "reach": world.reach(zone, observations),
        "E": world.measure(cause, zone),
        "Vi": impact,
        **given,
    }
    cia = inputs["C"].value, inputs["I"].value, inputs["A"].value
    vc, raw, av = _asset_value(world.profile, cia, inputs["bearing"].value, inputs["business"].value)
    values = {
        "AV": av,
        "Tc": inputs["Tc"].value,
        "Tf": inputs["Tf"].value,
        "Ve": exploitability(inputs),
        "Vi": inputs["Vi"].value,
    }
    return _Case(asset, inputs, values, vc, raw, safety, _numbers(world.profile, values, safety))


@cache
def _asset_value(
    profile: Profile, cia: tuple[int, int, int], bearing: int, business: int
) -> tuple[Decimal, Decimal, int]:
    return profile.asset_value(cia, bearing, business)


def _numbers(profile: Profile, values: Mapping[str, int], safety: bool) -> Numbers:
    return profile.numbers(values["AV"], values["Tc"], values["Tf"], values["Ve"], values["Vi"], safety)


def exploitability(inputs: Mapping[str, Input], measures: int | None = None) -> int:
    """Ve = clip(e0 + x + reach - E), with another E where one is given."""
    e = inputs["E"].value if measures is None else measures
    return clip(inputs["e0"].value + inputs["x"].value + inputs["reach"].value - e)


def _printed(numbers: Numbers, ve: int) -> dict[str, str]:
    return {
        "T": str(four(numbers.threat)),
        "Ve": str(ve),
        "L": str(four(numbers.likelihood)),
        "F": str(four(numbers.loss)),
        "R": str(four(numbers.risk)),
        "Lstar": str(numbers.likelihood_step),
        "Fstar": str(numbers.loss_step),
    }


# --- uncertainty -----------------------------------------------------------------------------------------------------


def _provenance(inputs: Mapping[str, Input]) -> dict[str, Provenance]:
    """The provenance of the five numbers: that of the least sure of what each is made of."""
    return {
        "AV": least_sure(inputs[name] for name in ("C", "I", "A", "bearing", "business")),
        "Tc": inputs["Tc"].provenance,
        "Tf": inputs["Tf"].provenance,
        "Ve": least_sure(inputs[name] for name in ("e0", "x", "reach", "E")),
        "Vi": inputs["Vi"].provenance,
    }


def _uncertain(provenance: Mapping[str, Provenance]) -> list[str]:
    return [name for name in NAMES if UNCERTAINTY.index(provenance[name]) >= UNCERTAINTY.index(STATED)]


Spread = tuple[tuple[tuple[int, ...], Decimal, int], ...]
"""For each combination of the five numbers (in the order of `NAMES`): its score and grade."""


@cache
def _spread(profile: Profile, values: tuple[tuple[str, int], ...], uncertain: tuple[str, ...], safety: bool) -> Spread:
    """All combinations of the uncertain numbers one step up and down.

    The five numbers that the formulae take are varied, not what each is made of: C, I, A, bearing and importance that
    were all assumed are one doubt about the asset value, not five. So there are at most 3^5 combinations.
    """
    known = dict(values)
    options = [
        sorted({clip(known[name] + step) for step in (-1, 0, 1)}) if name in uncertain else [known[name]]
        for name in NAMES
    ]
    found = []
    for numbers in product(*options):
        av, tc, tf, ve, vi = numbers
        result = profile.numbers(av, tc, tf, ve, vi, safety)
        found.append((numbers, result.score, result.grade))
    return tuple(found)


def _settle(profile: Profile, cause: Cause, provenance: Mapping[str, Provenance], spread: Spread) -> str:
    """The question whose answer leaves the fewest grades open, whatever it is; the one named first where several do."""
    # how often and how easily hangs on the weakness; worth, capability and impact on the plant
    asked = {name: cause.settle if name in ("Tf", "Ve") else profile.questions.get(name, "") for name in NAMES}
    best: tuple[int, Decimal, int] | None = None
    question = ""
    for place, name in enumerate(NAMES):
        if not asked[name] or name not in _uncertain(provenance):
            continue
        left: dict[int, list[tuple[Decimal, int]]] = {}
        for numbers, score, grade in spread:
            left.setdefault(numbers[place], []).append((score, grade))
        open_grades = max(len({grade for _, grade in each}) for each in left.values())
        width = max(max(score for score, _ in each) - min(score for score, _ in each) for each in left.values())
        rank = open_grades, width, place
        if best is None or rank < best:
            best, question = rank, asked[name]
    return question


# --- treatment -------------------------------------------------------------------------------------------------------


def _after(profile: Profile, case: _Case, remedy: Remediation | None) -> Mapping[str, Any]:
    """The risk once the remediation is in place and its check proves it: E as planned, and, where that is full, no
    more events, so that the prior frequency is left. The impact does not change. Without a remediation nothing does.
    """
    now = case.inputs["E"].value
    planned = now if remedy is None else max(remedy.planned_e, now)
    prior = int(profile.tables["frequency"]["prior"])
    values = {
        **case.values,
        "Ve": exploitability(case.inputs, planned),
        "Tf": min(case.values["Tf"], prior) if remedy is not None and planned == 2 else case.values["Tf"],
    }
    numbers = _numbers(profile, values, case.safety)
    after: dict[str, Any] = {
        "score": str(numbers.score),
        "grade": numbers.grade,
        **_printed(numbers, values["Ve"]),
        "inputs": {"E": planned, "Tf": values["Tf"]},
        "treatment": profile.treatments[numbers.grade],
    }
    if remedy is not None and profile.treatments[numbers.grade] != "accept":
        title = profile.grades[numbers.grade]
        after["note"] = Text(
            f"整改后风险仍为“{title.zh}”：措施降低了可能性，后果程度没有改变。",
            f"It stays {title.en} after remediation: the measures lower the likelihood, the impact does not change.",
        )
    return after


def _alternative(profile: Profile, case: _Case) -> Mapping[str, Any]:
    numbers = _numbers(profile, case.values, case.safety)
    return {"profile": profile.id, "score": str(numbers.score), "grade": numbers.grade}


class _Decisions:
    """What people decided on risks: the newest entry of each kind and subject counts."""

    def __init__(self, entries: Iterable[Entry]):
        self._newest: dict[tuple[str, str], Entry] = {}
        for entry in entries:
            if entry.kind in ("treatment", "acceptance"):
                if entry.value is not None and not isinstance(entry.value, Mapping):
                    raise AssessmentError(
                        "journal entry {entry}: {kind} must be a mapping.", entry=entry.entry, kind=entry.kind
                    )
                self._newest[entry.kind, entry.subject] = entry

    def _of(self, kind: str, *subjects: str) -> Entry | None:
        found = (self._newest.get((kind, subject)) for subject in subjects)
        return next((entry for entry in found if entry is not None and entry.value is not None), None)

    def inputs(self, risk: str, finding: str) -> dict[str, Input]:
        """Inputs that a person set for this risk, or for all risks of its finding."""
        entry = self._of("treatment", risk, finding)
        found = {}
        for name, said in (entry.value.get("inputs") or {}).items() if entry is not None else ():
            assert entry is not None
            value = said.get("value") if isinstance(said, Mapping) else said
            low, high = _RANGES.get(name, (0, -1))
            if not isinstance(value, int) or not low <= value <= high:
                raise AssessmentError(
                    "journal entry {entry}: no risk has the input {name} of {value}.",
                    entry=entry.entry, name=name, value=value,
                )  # fmt: skip
            words = str(said.get("source") or "") if isinstance(said, Mapping) else ""
            words = words or entry.author
            documented = isinstance(said, Mapping) and said.get("provenance") in (None, "documented", "measured")
            found[name] = Input(value, Provenance.DOCUMENTED if documented else STATED, Text(words, words))
        return found

    def outcome(self, risk: str, finding: Finding, default: str) -> tuple[str, str]:
        """The treatment, and who accepted the risk."""
        accepted = self._of("acceptance", risk, finding.id)
        if accepted is not None:
            return "accept", str(accepted.value.get("by") or accepted.author)
        if finding.status == "accepted":
            return "accept", next((e.author for e in reversed(finding.history) if e.value is not None), "")
        entry = self._of("treatment", risk, finding.id)
        said = entry.value.get("treatment") if entry is not None else None
        if entry is not None and said is not None and said not in TREATMENTS:
            raise AssessmentError(
                "journal entry {entry}: there is no treatment {name}; there are {names}.",
                entry=entry.entry, name=said, names=", ".join(TREATMENTS),
            )  # fmt: skip
        return said or default, ""


_RANGES = dict.fromkeys(("C", "I", "A", "bearing", "business", "Tc", "Tf", "e0", "Vi"), (1, 5))
_RANGES |= {"x": (0, 4), "reach": (-2, 0), "E": (0, 2)}
"""Inputs that a person may set, and between what."""


def _business(profile: Profile, risks: Sequence[tuple[Risk, int]], world: World) -> Mapping[str, Any]:
    """The risk of the business, now and after treatment, and between what it lies."""

    def at(score: Any) -> tuple[Decimal, int]:
        return profile.business_risk([(two(Decimal(score(risk))), weight) for risk, weight in risks])

    value, grade = at(lambda risk: risk.score)
    then, grade_then = at(lambda risk: risk.after["score"])
    importance = world.worth(None, "site")["business"]
    return {
        "score": str(value),
        "grade": grade,
        "low": str(at(lambda risk: risk.low)[0]),
        "high": str(at(lambda risk: risk.high)[0]),
        "after": {"score": str(then), "grade": grade_then},
        "importance": importance.value,
        "assumed": importance.provenance is ASSUMED,
        "risks": len(risks),
    }


# --- words -----------------------------------------------------------------------------------------------------------


def _scenario(
    world: World, cause: Cause, group: Group, worst: Asset | None, observations: Sequence[Observation]
) -> Text:
    """Who can do what to which devices."""
    actor = _actor(world, cause, group, observations)
    target = _target(world, group, worst)
    zh = cause.scenario.zh.replace("{actor}", actor.zh).replace("{target}", target.zh)
    en = cause.scenario.en.replace("{actor}", actor.en).replace("{target}", target.en)
    return Text(zh, en[:1].upper() + en[1:])


def _actor(world: World, cause: Cause, group: Group, observations: Sequence[Observation]) -> Text:
    """The devices that were seen to do it; whoever could, where none was seen."""
    if not cause.events:
        return cause.actor
    own = {asset.id for asset in group.assets}
    names: dict[Text, int] = {}
    for observation in observations:
        targets = set(world.affected(observation))
        for id_ in observation.assets:
            if id_ not in own and id_ not in targets and id_ in world.assets:
                name = _name(world.assets[id_])
                names[name] = names.get(name, 0) + observation.count
    if not names:
        return cause.actor
    first = min(names, key=lambda name: (-names[name], name.en))
    more = len(names) - 1
    if not more:
        return Text(f"主机 {first.zh}", f"host {first.en}")
    return Text(f"主机 {first.zh}等 {more + 1} 台主机", f"host {first.en} and {more} more")


def _target(world: World, group: Group, worst: Asset | None) -> Text:
    title = world.profile.kind(group.kind).title
    zone = world.zones.get(group.zone)
    if worst is None:
        if zone is None:
            return Text(f"{title.zh}", f"the {title.en}")
        return Text(f"“{zone.name.zh}”区域的{title.zh}", f"the {title.en} of zone {zone.name.en}")
    where = Text("", "") if zone is None else Text(f"“{zone.name.zh}”区域的 ", f" in {zone.name.en}")
    more = len(group.assets) - 1
    many = Text("", "") if not more else Text(f"等 {more + 1} 台", f" and {more} more of its kind")
    name = _name(worst)
    return Text(f"{where.zh}{title.zh} {name.zh}{many.zh}", f"the {title.en} {name.en}{many.en}{where.en}")


def _name(asset: Asset) -> Text:
    """The name of a device, with its address where it has another name."""
    address = asset.ips[0] if asset.ips else asset.macs[0] if asset.macs else ""
    if not asset.name or asset.name == address:
        alone = address or asset.id
        return Text(f"{alone} ", alone)
    if not address:
        return Text(f"{asset.name} ", asset.name)
    return Text(f"{asset.name}（{address}）", f"{asset.name} ({address})")
