"""The order of an assessment: site -> coverage -> checks -> answers -> verdicts -> findings -> risks -> snapshot.

A pure function of what the case holds (tables and journal), the packs and the risk profile: equal cases give equal
snapshots. Nothing here looks at the clock; `as_of` is the time of the newest thing that went in.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from sentinel import resources
from sentinel.assess import (
    compare,
    coverage,
    findings,
    levels,
    packs,
    plots,
    questions,
    remediation,
    risk,
    techniques,
    traces,
    verdicts,
)
from sentinel.assess import site as sites
from sentinel.assess.checks.registry import checks
from sentinel.assess.model import (
    Answer,
    Assessment,
    CheckResult,
    ControlResult,
    Coverage,
    Entry,
    Observation,
    Pack,
    SecurityLevel,
    Site,
    Text,
)
from sentinel.assess.profiles import load_profile
from sentinel.assess.sheets import registry as sheets
from sentinel.assess.sheets.registry import Material
from sentinel.assess.snapshot import identify
from sentinel.assess.view import View
from sentinel.store.case import Case
from sentinel.version import VERSION

DEFAULT_PACKS = ("measures-bao-an-2021", "cn-miit-14", "cn-22239", "iec-62443-3-3")
"""What is assessed where nobody chose: the programme, the list that every plant is asked for, and the two standards."""
DEFAULT_PROFILE = "gb20984-ot-1"
REGISTERS = ("Q-DAT-04.rows",)
"""Answers whose rows say which data go where."""
LEVELS_PACK = "iec-62443-3-3"
"""The pack whose verdicts give the security levels."""

Told = Callable[[str], None]
"""Called with the name of each step as it begins, for a progress bar."""


class Runner:
    """Runs each check once for each set of parameters that somebody asks for."""

    def __init__(self, view: View):
        self._view = view
        self._known: dict[tuple[str, str], CheckResult] = {}

    def __call__(self, check: str, params: Mapping[str, Any]) -> CheckResult:
        """The result of a check under these parameters; KeyError for a check or parameter that does not exist."""
        key = (check, json.dumps(dict(params), sort_keys=True, default=list))
        if key not in self._known:
            self._known[key] = checks()[check].run(self._view, params)
        return self._known[key]

    def known(self) -> tuple[CheckResult, ...]:
        """Every result that was asked for so far, in that order."""
        return tuple(self._known.values())

    def all(self) -> dict[str, CheckResult]:
        """Every check of the library under its own parameters."""
        return {id_: self(id_, {}) for id_ in checks()}


@dataclasses.dataclass(frozen=True, slots=True)
class Looked:
    """What the wire and the client's lists say of a case, before any framework is asked."""

    view: View
    run: Runner
    results: dict[str, CheckResult]

    @property
    def site(self) -> Site:
        """The plant, with the answers that the wire gave."""
        return self.view.site


def look(case: Case, site: Site | None = None, told: Told = lambda step: None) -> Looked:
    """Run every check over a case; `site` replaces what the case itself knows of the plant (for a retest)."""
    told("site")
    known = _with_register(sites.build(case) if site is None else site)
    told("coverage")
    bare = View(case, known)
    measured = coverage.measure(bare)
    told("checks")
    view = bare.knowing(known, measured)
    run = Runner(view)
    results = run.all()
    answered = {**questions.prefill(results), **known.answers}
    return Looked(view.knowing(dataclasses.replace(known, answers=answered), measured), run, results)


def assess(
    case: Case,
    chosen: Sequence[str] = DEFAULT_PACKS,
    profile: str = DEFAULT_PROFILE,
    *,
    alternative: str | None = None,
    detectable: Collection[str] = (),
    previous: Assessment | None = None,
    told: Told = lambda step: None,
) -> Assessment:
    """Assess a case against some packs (ids or folders) under a risk profile; AssessmentError where one cannot be used.

    `alternative`: a second profile whose grades are shown beside. `detectable`: techniques that the rules which ran
    name. `previous`: an earlier assessment of the same site to compare with.
    """
    loaded = tuple(packs.load(name) for name in chosen)
    table = load_profile(profile)
    second = None if alternative is None else load_profile(alternative)
    looked = look(case, told=told)
    site, view = looked.site, looked.view
    told("verdicts")
    doubts = questions.contradictions(site, looked.results)
    treatments = [Entry(**entry) for entry in case.journal("treatment")]
    made_up = {entry.subject: entry.value for entry in treatments if entry.value and "measure" in entry.value}

    def compose(pack: Pack, zones: Sequence[str] = ()) -> tuple[ControlResult, ...]:
        return verdicts.compose(pack, looked.results, site, view.coverage, looked.run, doubts, made_up, zones)

    controls = tuple(result for pack in loaded for result in compose(pack))
    told("findings")
    alerts = tuple(_plain(row) for row in view.alerts.sort("first_time", "alert").iter_rows(named=True))
    captures = tuple(_plain(row) for row in view.captures.iter_rows(named=True))
    history = [Entry(**entry) for entry in case.journal("finding")]
    unmet = verdicts.unmet(loaded, site, doubts)
    found = findings.merge(looked.run.known(), site, controls, doubts, unmet, history)
    told("risks")
    decisions = [*treatments, *(Entry(**entry) for entry in case.journal("acceptance"))]
    risks, business = risk.assess(
        found, site, looked.results, table, view.coverage, decisions, second, runs=looked.run.known()
    )
    found = findings.numbered(found, risks)
    secured: tuple[SecurityLevel, ...] = ()
    standard = next((pack for pack in loaded if pack.id == LEVELS_PACK), None)
    if standard is not None:
        of_zones = compose(standard, levels.zones(site))
        secured = levels.levels(standard, of_zones, site, levels.targets(site, risks))
    told("sheets")
    exercised = tuple(exercises(captures))
    assessment = Assessment(
        id="",
        as_of=_as_of(captures, case),
        program=f"Sentinel {VERSION}",
        profile=profile,
        packs=loaded,
        site=site,
        coverage=_qualified(view.coverage, loaded, site),
        captures=captures,
        alerts=alerts,
        checks=_with_all(looked),
        controls=controls,
        contradictions=doubts,
        findings=found,
        risks=risks,
        business=business,
        levels=secured,
        sheets=(),
        questionnaire=questions.sheet(site, looked.results, _feeds(loaded)),
        calendar=_calendar(loaded, site),
        techniques=techniques.states(
            view,
            [o for result in looked.results.values() for o in result.observations],
            frozenset(number for exercise in exercised for number in exercise["captures"]),
            frozenset(detectable),
        ),
        roadmap=remediation.roadmap(found),
        plots=plots.around(view),
    )
    before = {} if previous is None else compare.compare(previous, assessment)
    material = Material(site, view.coverage, looked.results, alerts, captures, loaded, exercised, before)
    told("evidence")
    whole = dataclasses.replace(assessment, sheets=sheets.make(material), previous=before)
    named = (piece for _, pieces in traces.cited(whole) for piece in pieces)
    return identify(dataclasses.replace(whole, traces=traces.traces(view, named)))


def site_for_retest(previous: Assessment, case: Case) -> Site:
    """The plant as the earlier assessment knew it, with the devices that the new capture shows."""
    seen = sites.build(case)
    known = {address for asset in previous.site.assets for address in (*asset.ips, *asset.macs)}
    fresh = tuple(asset for asset in seen.assets if not known & {*asset.ips, *asset.macs})
    people = {id_: answer for id_, answer in previous.site.answers.items() if answer.state != "wire"}
    return dataclasses.replace(previous.site, assets=(*previous.site.assets, *fresh), answers=people)


def exercises(captures: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The labels of those captures that an exercise of this project made, known by their SHA-256."""
    by_hash: dict[str, list[int]] = {}
    for row in captures:
        by_hash.setdefault(row["sha256"], []).append(row["capture"])
    for path in sorted(resources.pcaps().rglob("*.labels.json")):
        labels = json.loads(path.read_bytes())
        if labels["sha256"] in by_hash:
            yield {**labels, "captures": tuple(by_hash[labels["sha256"]])}


def _with_register(site: Site) -> Site:
    """The site with the register of data that the client filled in, where the checks look for it."""
    rows = [row for name in REGISTERS if (answer := site.answers.get(name)) is not None for row in answer.value or ()]
    if not rows or "data_register" in site.engagement:
        return site
    named = tuple(
        {**row, "recipient": row.get("address") or row.get("recipient") or "*", "protocol": row.get("protocol") or "*"}
        for row in rows
    )
    return dataclasses.replace(site, engagement={**site.engagement, "data_register": named})


def _with_all(looked: Looked) -> tuple[CheckResult, ...]:
    """The results of the checks; each with what it observed under the parameters of some pack as well."""
    more: dict[str, dict[str, Observation]] = {}
    for result in looked.run.known():
        for observation in result.observations:
            more.setdefault(result.check, {}).setdefault(observation.id, observation)
    return tuple(
        dataclasses.replace(result, observations=tuple(more.get(check, {}).values()))
        for check, result in looked.results.items()
    )


def _qualified(measured: Coverage, loaded: Sequence[Pack], site: Site) -> Coverage:
    """The coverage with what was assumed for want of an answer."""
    assumed = (verdicts.assumed(pack, site) for pack in loaded)
    said = tuple(text for text in assumed if text is not None)
    return dataclasses.replace(measured, statements=(*measured.statements, *said))


def _feeds(loaded: Sequence[Pack]) -> dict[str, list[str]]:
    """Question -> the controls that it serves."""
    found: dict[str, list[str]] = {}
    for pack in loaded:
        for control in pack.controls:
            for test in control.tests:
                if test.question:
                    found.setdefault(test.question, []).append(f"{pack.id} {control.id}")
    return found


def _as_of(captures: Sequence[Mapping[str, Any]], case: Case) -> int:
    """Time of the newest capture, list or answer."""
    times = [row["last_time"] for row in captures if row["last_time"] is not None]
    return max([*times, *(entry["time"] for entry in case.journal())], default=0)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table with times as nanoseconds, as JSON holds them."""
    return {name: _ns(value) if isinstance(value, datetime.datetime) else value for name, value in row.items()}


def _ns(value: datetime.datetime) -> int:
    seconds = int(value.replace(microsecond=0).timestamp())
    return seconds * 1_000_000_000 + value.microsecond * 1000


def _calendar(loaded: Sequence[Pack], site: Site) -> tuple[Mapping[str, Any], ...]:
    """When which duty falls due, by the rules of the packs and what was answered."""
    rows = []
    for pack in loaded:
        level = verdicts.chosen(pack, site)
        for rule in pack.tables.get("due_dates", ()):
            if level is not None and rule.get("levels") and not level & set(rule["levels"]):
                continue
            answer: Answer | None = site.answers.get(rule.get("question", ""))
            rows.append(
                {
                    "what": rule["title"],
                    "basis": Text(f"{pack.title.zh} {pack.edition}", f"{pack.title.en} {pack.edition}"),
                    "months": rule.get("months"),
                    "due": _due(answer, rule.get("months")),
                }
            )
    return tuple(rows)


def _due(answer: Answer | None, months: int | None) -> str:
    """The day so many months after the date that was answered; empty where no date was."""
    if answer is None or months is None:
        return ""
    value = answer.value.get("date") if isinstance(answer.value, Mapping) else answer.value
    try:
        day = datetime.date.fromisoformat(str(value))
    except ValueError:
        return ""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (datetime.date(year + (month == 11), (month + 1) % 12 + 1, 1) - datetime.timedelta(days=1)).day
    return datetime.date(year, month + 1, min(day.day, last)).isoformat()
