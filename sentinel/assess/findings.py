"""Findings: everything that was observed because of one root cause is one finding, with its history.

What weighs against the site (violated observations that no ticket explains, answers that do not meet a requirement,
answers that traffic contradicts) is given to the root causes of the catalogue; forty alerts of one cause are one
finding. Ids follow from the cause and stay the same between runs, so that decisions and retests find them again.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest

from sentinel.assess import remediation
from sentinel.assess.model import (
    CheckResult,
    Contradiction,
    ControlResult,
    Entry,
    Evidence,
    Finding,
    Observation,
    Outcome,
    Risk,
    Site,
    Text,
)
from sentinel.assess.remediation import Catalogue
from sentinel.assess.verdicts import MAX_EVIDENCE as MAX_CITED
from sentinel.assess.verdicts import contradicted, counted, ended
from sentinel.errors import AssessmentError

SITE = "site"
CONTRADICTED = "answers-contradicted"
STATUSES = ("open", "accepted", "fixed", "reopened", "false_positive")
MAX_EVIDENCE = 60
"""Pieces of evidence of one finding: of each observation the first piece, then the second, until there are so many."""
MAX_DETAILS = 3
"""Observations that the sentence of a finding tells."""


@dataclass(slots=True)
class _Heap:
    """What leads to one root cause."""

    observations: list[Observation] = field(default_factory=list)
    questions: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    contradictions: list[Contradiction] = field(default_factory=list)
    cited: list[Observation] = field(default_factory=list)
    """What the contradictions rest on: it tells where they are, and is told under its own root cause."""
    condition: str = ""


def merge(
    results: Iterable[CheckResult],
    site: Site,
    controls: Iterable[ControlResult] = (),
    contradictions: Iterable[Contradiction] = (),
    unmet: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
    journal: Iterable[Entry] = (),
    catalogue: Catalogue | None = None,
) -> tuple[Finding, ...]:
    """The findings of a site, sorted by id and not numbered yet (`numbered`).

    `results`: those under the checks' own parameters and those of the packs' runs; an observation that stands in
    several counts once. `unmet`: question -> controls that its answer fails (`verdicts.unmet`). `journal`: entries of
    kind `finding`, oldest first; AssessmentError where one says something that a finding cannot be.
    """
    known = remediation.shipped() if catalogue is None else catalogue
    heaps = _heaps(results, site, contradictions, unmet or {}, known)
    against = _Against(controls)
    history: dict[str, list[Entry]] = {}
    for entry in journal:
        history.setdefault(entry.subject, []).append(entry)
    names = {zone.id: zone.name for zone in site.zones}
    found = []
    for cause in sorted(heaps):
        id_ = finding_id(cause)
        found.append(_with_history(_finding(id_, cause, heaps[cause], known, against, names), history.get(id_, ())))
    return tuple(sorted(found, key=lambda finding: finding.id))


def finding_id(root_cause: str, scope: str = SITE) -> str:
    """The id of a finding: the same root cause in the same scope is the same finding, in whatever run."""
    return hashlib.sha256("\x1f".join(("finding", root_cause, scope)).encode()).hexdigest()[:16]


def numbered(findings: Iterable[Finding], risks: Iterable[Risk]) -> tuple[Finding, ...]:
    """The findings as F-01, F-02, ... in order of their worst risk; those that ask for nothing any more come last."""
    worst: dict[str, tuple[int, float]] = {}
    for risk in risks:
        worst[risk.finding] = max(worst.get(risk.finding, (0, 0.0)), (risk.grade, float(risk.score)))

    def rank(finding: Finding) -> tuple[bool, int, float, str]:
        grade, score = worst.get(finding.id, (0, 0.0))
        return finding.status not in remediation.TREATED, -grade, -score, finding.id

    ordered = sorted(findings, key=rank)
    width = max(2, len(str(len(ordered))))
    return tuple(dataclasses.replace(f, number=f"F-{n:0{width}}") for n, f in enumerate(ordered, 1))


# --- what leads to a root cause --------------------------------------------------------------------------------------


def _heaps(
    results: Iterable[CheckResult],
    site: Site,
    contradictions: Iterable[Contradiction],
    unmet: Mapping[str, tuple[tuple[str, str], ...]],
    known: Catalogue,
) -> dict[str, _Heap]:
    heaps: dict[str, _Heap] = {}
    seen: dict[str, Observation] = {}
    for result in results:
        for observation in result.observations:
            if observation.id not in seen and counted(observation):
                seen[observation.id] = observation
                heaps.setdefault(known.of(observation), _Heap()).observations.append(observation)
    for question in sorted(unmet):
        heaps.setdefault(known.of_question(question), _Heap()).questions[question] = unmet[question]
    for contradiction in sorted(contradictions, key=lambda c: c.id):
        heap = heaps.setdefault(CONTRADICTED, _Heap())
        heap.contradictions.append(contradiction)
        heap.cited += [seen[id_] for id_ in contradiction.observations if id_ in seen]
    # a plant of which nothing is known yet has no plan to miss
    if site.zones and not any(zone.declared for zone in site.zones) and "zones-proposed" in known.conditions:
        heaps.setdefault(known.conditions["zones-proposed"], _Heap()).condition = "zones-proposed"
    return heaps


class _Against:
    """Requirements that are not met, by what they were tested with."""

    def __init__(self, controls: Iterable[ControlResult]):
        self._by_source: dict[str, list[ControlResult]] = {}
        for control in controls:
            if control.outcome in (Outcome.VIOLATED, Outcome.CONTRADICTED):
                for source in chain(control.checks, control.questions):
                    self._by_source.setdefault(source, []).append(control)

    def of_check(self, check: str, seen: Collection[Evidence]) -> Iterator[tuple[str, str]]:
        """Those that fail because of what a check saw: they cite some of it, or as much as a verdict may cite."""
        for control in self._by_source.get(check, ()):
            if len(control.evidence) >= MAX_CITED or any(piece in seen for piece in control.evidence):
                yield control.framework, control.control

    def of_question(self, question: str) -> Iterator[tuple[str, str]]:
        """Those that an answer is a test of."""
        for control in self._by_source.get(question, ()):
            yield control.framework, control.control


# --- one finding -----------------------------------------------------------------------------------------------------


def _finding(
    id_: str,
    cause: str,
    heap: _Heap,
    known: Catalogue,
    against: _Against,
    names: Mapping[str, Text],
) -> Finding:
    about = known.causes[cause]
    seen = sorted(heap.observations, key=lambda o: (-o.count, o.first_time or 0, o.check, o.subject, o.id))
    answered = [Evidence("answer", question) for question in heap.questions]
    if heap.condition:
        answered.append(Evidence("coverage"))
    pieces = chain(_in_turn([o.evidence for o in seen]), answered, *(c.evidence for c in heap.contradictions))
    by_check: dict[str, set[Evidence]] = {}
    for observation in seen:
        by_check.setdefault(observation.check, set()).update(observation.evidence)
    controls: dict[tuple[str, str], None] = {}
    for check, proof in by_check.items():
        controls.update(dict.fromkeys(against.of_check(check, proof)))
    for contradiction in heap.contradictions:
        controls.update(dict.fromkeys(against.of_question(contradiction.question)))
    for failed in heap.questions.values():
        controls.update(dict.fromkeys(failed))
    places = [*seen, *heap.cited]
    times = [t for o in places for t in (o.first_time, o.last_time) if t is not None]
    return Finding(
        id=id_,
        number="",
        root_cause=cause,
        title=about.title,
        seen=_seen(seen, heap, names),
        why=about.why,
        observations=tuple(sorted({*(o.id for o in seen), *(o for c in heap.contradictions for o in c.observations)})),
        alerts=tuple(sorted({e.ref for o in seen for e in o.evidence if e.kind == "alert"})),
        assets=tuple(sorted({a for o in places for a in o.assets})),
        zones=tuple(sorted({z for o in places for z in o.zones})),
        controls=tuple(sorted(controls)),
        techniques=tuple(sorted({t for o in places for t in o.techniques})),
        first_time=min(times, default=None),
        last_time=max(times, default=None),
        remediation=about.remedy,
        evidence=tuple(islice(dict.fromkeys(pieces), MAX_EVIDENCE)),
    )


def _in_turn(groups: Sequence[Sequence[Evidence]]) -> Iterable[Evidence]:
    """The first of each, then the second of each, and so on: many observations are heard before one is told whole."""
    return (piece for layer in zip_longest(*groups) for piece in layer if piece is not None)


def _seen(observations: Sequence[Observation], heap: _Heap, names: Mapping[str, Text]) -> Text:
    """What was seen, in a few sentences: how much, where, and the first cases."""
    zh: list[str] = []
    en: list[str] = []
    if observations:
        assets = len({a for o in observations for a in o.assets})
        zones = sorted({z for o in observations for z in o.zones})
        several = len(observations) > 1
        if several:
            where_zh = f"，涉及 {assets} 台设备" if assets else ""
            where_en = f" on {_many(assets, 'device')}" if assets else ""
            if zones:
                shown, more = [names.get(z, Text(z, z)) for z in zones[:4]], len(zones) - 4
                where_zh += f"，区域：{'、'.join(z.zh for z in shown)}" + (f"等 {len(zones)} 个" if more > 0 else "")
                where_en += f" in {', '.join(z.en for z in shown)}" + (
                    f" and {_many(more, 'more zone')}" if more > 0 else ""
                )
            zh.append(f"共观察到 {len(observations)} 处{where_zh}。")
            en.append(f"{_many(len(observations), 'case')} were seen{where_en}.")
        details = list(dict.fromkeys(o.detail for o in observations))[:MAX_DETAILS]
        zh += [ended(detail.zh, "。") for detail in details]
        en += [ended(detail.en, ".") for detail in details]
        rest = sum(o.detail not in details for o in observations)
        if rest > 0:
            zh.append(f"其余 {rest} 处见证据清单。")
            en.append(f"{rest} more {'is' if rest == 1 else 'are'} in the list of evidence.")
    if heap.questions:
        listed = list(heap.questions)
        zh.append(f"以下问题的答复不满足要求：{'、'.join(listed)}。")
        en.append(f"The answers to these questions do not meet what is asked: {', '.join(listed)}.")
    for contradiction in heap.contradictions:
        told = contradicted(contradiction)
        zh.append(f"{contradiction.question}：{told.zh}")
        en.append(f"{contradiction.question}: {told.en}")
    if heap.condition:
        zh.append("业主未提供分区规划，本次使用的分区由程序根据流量推定。")
        en.append("The owner gave no zone plan; the zones used here were proposed by the program from the traffic.")
    return Text("".join(zh), " ".join(en))


def _many(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


# --- history ---------------------------------------------------------------------------------------------------------


def _with_history(finding: Finding, entries: Sequence[Entry]) -> Finding:
    """The finding with the status that the newest entry gives it.

    One that was said to be fixed is reopened where it was seen after that entry was made.
    """
    status = "open"
    made = 0
    for entry in entries:
        if entry.value is None:
            status = "open"
            continue
        given = entry.value.get("status") if isinstance(entry.value, Mapping) else None
        if given not in STATUSES:
            raise AssessmentError(
                "journal entry {entry}: a finding cannot be {status}; it is one of {names}.",
                entry=entry.entry, status=given, names=", ".join(STATUSES),
            )  # fmt: skip
        status, made = given, entry.time
    if status == "fixed" and finding.last_time is not None and finding.last_time > made:
        status = "reopened"
    return dataclasses.replace(finding, status=status, history=tuple(entries))
