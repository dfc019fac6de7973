"""Root causes and what to do about them: the catalogue `rulesets/remediation` as data, the roadmap, what remains.

A root cause says which observations, answers and contradictions lead to it, how it is turned into a risk, and how it is
put right in a running plant: steps, window, rollback, owner, cost class, and the check that proves that it worked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sentinel import resources
from sentinel.assess import _data
from sentinel.assess._data import Item
from sentinel.assess.model import Finding, Observation, Remediation, Risk, Text
from sentinel.errors import AssessmentError, Sentence

HORIZONS = ("quick", "90-day", "shutdown", "project")
COSTS = ("A", "B", "C")
AFFECTS = ("first", "others", "all")
CONDITIONS = ("zones-proposed",)
"""Things about the site itself that are a root cause."""
TREATED = ("open", "reopened", "accepted")
"""Statuses of findings that still call for something; fixed ones and false positives do not."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What leads to a root cause: observations of a check that meet the conditions, or answers to questions.

    `question` is an id or the beginning of one. `protocols` and `techniques`: one of them must be the observation's.
    `values`: each named value of the observation must be one of these.
    """

    check: str = ""
    protocols: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    affects: str = "others"
    """Which devices of an observation are endangered: `first` of them, the `others`, or `all`."""
    question: str = ""
    condition: str = ""

    def fits(self, observation: Observation) -> bool:
        """Whether an observation of this check meets the conditions."""
        return (
            (not self.protocols or observation.protocol in self.protocols)
            and (not self.techniques or any(t in self.techniques for t in observation.techniques))
            and all(observation.values.get(name) in wanted for name, wanted in self.values.items())
        )

    @property
    def conditions(self) -> int:
        """How many conditions there are: a lead with more of them goes before one with fewer."""
        return bool(self.protocols) + bool(self.techniques) + len(self.values)


@dataclass(frozen=True, slots=True)
class Cause:
    """One root cause. `exposure` is a key of the profile's exposures, or `cvss`: the observation's own vector."""

    id: str
    title: Text
    why: Text
    leads: tuple[Lead, ...]
    threat: str
    capability: int
    exposure: str
    actor: Text
    scenario: Text
    """With {actor} and {target}."""
    remedy: Remediation
    weeks: int
    events: bool = False
    """Its observations are events of the threat's technique group, not a state."""
    settle: str = ""
    """The question whose answer tells how exploitable it is."""
    measures: tuple[str, ...] = ()
    """Checks and questions that prove, where confirmed or verified, that a measure against it is at work."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All root causes by id, and the leads of each check, the most particular first."""

    causes: Mapping[str, Cause]
    by_check: Mapping[str, tuple[tuple[Lead, str], ...]]
    questions: tuple[tuple[str, str], ...]
    """(question or the beginning of one, root cause), the longest first."""
    conditions: Mapping[str, str]
    fallback: str
    spans: Mapping[str, tuple[int, int]]
    """Horizon -> its first and last week."""

    def of(self, observation: Observation) -> str:
        """The root cause of an observation: never none, so that nothing that was seen is dropped."""
        found = self._lead(observation)
        return self.fallback if found is None else found[1]

    def affects(self, observation: Observation) -> str:
        """Which devices of an observation are endangered: first, others or all."""
        found = self._lead(observation)
        return "all" if found is None else found[0].affects

    def _lead(self, observation: Observation) -> tuple[Lead, str] | None:
        leads = self.by_check.get(observation.check, ())
        return next((each for each in leads if each[0].fits(observation)), None)

    def of_question(self, question: str) -> str:
        """The root cause of an answer that does not meet what is asked."""
        return next((cause for prefix, cause in self.questions if question.startswith(prefix)), self.fallback)


# --- what follows from findings ------------------------------------------------------------------------------------


def roadmap(findings: Iterable[Finding], catalogue_: Catalogue | None = None) -> tuple[Mapping[str, Any], ...]:
    """One row a finding that calls for something, in order of horizon, start and number; weeks count from 1.

    What one owner has to do within one horizon is done one after the other, and ends with the horizon at the latest.
    """
    known = shipped() if catalogue_ is None else catalogue_
    busy: dict[tuple[str, str], int] = {}
    rows = []
    for finding in sorted(findings, key=lambda f: (f.number, f.id)):
        remedy = finding.remediation
        if remedy is None or finding.status not in TREATED:
            continue
        first, last = known.spans[remedy.horizon]
        weeks = min(
            known.causes[finding.root_cause].weeks if finding.root_cause in known.causes else 1, last - first + 1
        )
        start = min(max(first, busy.get((remedy.owner, remedy.horizon), 0) + 1), last - weeks + 1)
        busy[remedy.owner, remedy.horizon] = start + weeks - 1
        rows.append(
            {
                "finding": finding.id, "number": finding.number, "title": finding.title, "horizon": remedy.horizon,
                "start_week": start, "end_week": start + weeks - 1, "owner": remedy.owner,
                "cost_class": remedy.cost_class, "window": remedy.window, "steps": remedy.steps,
                "rollback": remedy.rollback, "compensating": remedy.compensating,
                "verification_check": remedy.verification_check, "status": finding.status,
            }
        )  # fmt: skip
    order = {horizon: place for place, horizon in enumerate(HORIZONS)}
    return tuple(sorted(rows, key=lambda row: (order[row["horizon"]], row["start_week"], row["number"])))


def residual(risks: Iterable[Risk]) -> tuple[Mapping[str, Any], ...]:
    """One row a risk that somebody must sign for: what is left of it once the remediation is done and verified.

    Those whose grade then is accepted by the profile itself are left out, unless a person decided otherwise.
    """
    rows = []
    for risk in risks:
        grade = int(risk.after.get("grade", risk.grade))
        if risk.after.get("treatment", risk.treatment) == "accept" and not risk.accepted_by:
            continue
        rows.append(
            {
                "risk": risk.id, "number": risk.number, "finding": risk.finding, "scenario": risk.scenario,
                "before": {"score": risk.score, "grade": risk.grade},
                "after": {"score": risk.after.get("score", risk.score), "grade": grade},
                "note": risk.after.get("note"), "treatment": risk.treatment, "accepted_by": risk.accepted_by,
            }
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row["after"]["grade"], row["number"])))


# --- files ---------------------------------------------------------------------------------------------------------


@cache
def shipped() -> Catalogue:
    """The catalogue that comes with the program."""
    return load(resources.rulesets() / "remediation")


def load(folder: Path) -> Catalogue:
    """The catalogue of a folder; AssessmentError with file and place where it cannot be used."""
    causes: dict[str, Cause] = {}
    spans: dict[str, tuple[int, int]] = {}
    fallback = ""
    for path in sorted(folder.glob("*.yaml")):
        fields = _data.read(path).fields((), ("causes", "horizons", "fallback"))
        for item in fields["causes"].list() if "causes" in fields else ():
            cause = _cause(item)
            if cause.id in causes:
                raise item.wrong(Sentence("there is another root cause {name}", name=cause.id))
            causes[cause.id] = cause
        for name, span in (fields["horizons"].fields(HORIZONS) if "horizons" in fields else {}).items():
            weeks = [week.integer(1, 520) for week in span.list()]
            if len(weeks) != 2 or weeks[0] > weeks[1]:
                raise span.wrong(Sentence("must be the first and the last week"))
            spans[name] = weeks[0], weeks[1]
        if "fallback" in fields:
            fallback = fields["fallback"].word()
    if len(spans) != len(HORIZONS) or fallback not in causes:
        raise AssessmentError(
            "{folder}: no file says the horizons, or which root cause is the fallback.", folder=folder
        )
    return _indexed(causes, spans, fallback)


def _indexed(causes: Mapping[str, Cause], spans: Mapping[str, tuple[int, int]], fallback: str) -> Catalogue:
    by_check: dict[str, list[tuple[Lead, str]]] = {}
    questions: list[tuple[str, str]] = []
    conditions: dict[str, str] = {}
    for cause in causes.values():
        for lead in cause.leads:
            if lead.check:
                by_check.setdefault(lead.check, []).append((lead, cause.id))
            elif lead.question:
                questions.append((lead.question, cause.id))
            else:
                conditions[lead.condition] = cause.id
    return Catalogue(
        causes=causes,
        by_check={
            check: tuple(sorted(leads, key=lambda each: -each[0].conditions)) for check, leads in by_check.items()
        },
        questions=tuple(sorted(questions, key=lambda each: (-len(each[0]), each[0]))),
        conditions=conditions,
        fallback=fallback,
        spans=spans,
    )


def _cause(item: Item) -> Cause:
    fields = item.fields(
        ("id", "title", "why", "leads", "threat", "capability", "exposure", "actor", "scenario", "remedy"),
        ("events", "settle", "measures"),
    )
    scenario = fields["scenario"].both()
    for words in (scenario.zh, scenario.en):
        if "{target}" not in words or set(_names(words)) - {"actor", "target"}:
            raise fields["scenario"].wrong(Sentence("must name {{target}}, and may name {{actor}}, in both languages"))
    remedy, weeks = _remedy(fields["remedy"])
    return Cause(
        id=fields["id"].word(),
        title=fields["title"].both(),
        why=fields["why"].both(),
        leads=tuple(_lead(lead) for lead in fields["leads"].list()),
        threat=fields["threat"].word(),
        capability=fields["capability"].integer(1, 5),
        exposure=fields["exposure"].word(),
        actor=fields["actor"].both(),
        scenario=scenario,
        remedy=remedy,
        weeks=weeks,
        events="events" in fields and fields["events"].value is True,
        settle=fields["settle"].word() if "settle" in fields else "",
        measures=fields["measures"].words() if "measures" in fields else (),
    )


def _names(words: str) -> Sequence[str]:
    return [part.split("}", 1)[0] for part in words.split("{")[1:]]


def _lead(item: Item) -> Lead:
    fields = item.fields((), ("check", "protocols", "techniques", "values", "affects", "question", "condition"))
    if sum(name in fields for name in ("check", "question", "condition")) != 1:
        raise item.wrong(Sentence("must name one check, one question or one condition"))
    if "check" not in fields and len(fields) > 1:
        raise item.wrong(Sentence("conditions on observations belong to a check"))
    values = fields["values"].members() if "values" in fields else {}
    return Lead(
        check=fields["check"].word() if "check" in fields else "",
        protocols=fields["protocols"].words() if "protocols" in fields else (),
        techniques=fields["techniques"].words() if "techniques" in fields else (),
        values={name: tuple(each.value for each in value.list()) for name, value in values.items()},
        affects=fields["affects"].word(AFFECTS) if "affects" in fields else "others",
        question=fields["question"].word() if "question" in fields else "",
        condition=fields["condition"].word(CONDITIONS) if "condition" in fields else "",
    )


def _remedy(item: Item) -> tuple[Remediation, int]:
    fields = item.fields(
        ("steps", "horizon", "weeks", "window", "rollback", "owner", "cost", "verify"),
        ("compensating", "planned", "params"),
    )
    steps = tuple(step.both() for step in fields["steps"].list())
    if not steps:
        raise fields["steps"].wrong(Sentence("must not be empty"))
    owner = fields["owner"].both()
    remedy = Remediation(
        steps=steps,
        horizon=fields["horizon"].word(HORIZONS),
        window=fields["window"].both(),
        rollback=fields["rollback"].both(),
        owner=f"{owner.zh} / {owner.en}",
        cost_class=fields["cost"].word(COSTS),
        verification_check=fields["verify"].word(),
        verification_params=dict(fields["params"].members() and fields["params"].value) if "params" in fields else {},
        compensating=fields["compensating"].both() if "compensating" in fields else None,
        planned_e=fields["planned"].integer(0, 2) if "planned" in fields else 2,
    )
    return remedy, fields["weeks"].integer(1, 104)
