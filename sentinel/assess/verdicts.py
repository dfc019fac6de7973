"""From checks and answers to a verdict on each requirement (specification, 4.2 and 6).

Pure functions. The tests of a control are combined in the order of truth: violated, contradicted, not applicable (a
person said so, with a reason), confirmed, pass_unverified, not_observed, not_assessable. Silence is never compliance:
`not_observed` is left to the check on site, and below the coverage that a test asks for it is no result at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sentinel.assess.model import (
    Answer,
    CheckResult,
    Contradiction,
    Control,
    ControlResult,
    Coverage,
    Evidence,
    Observability,
    Observation,
    Outcome,
    Pack,
    Site,
    Test,
    Text,
)

Run = Callable[[str, Mapping[str, Any]], CheckResult]
"""Runs a check with the parameters of a pack; asked once for the same ones."""

SITE = "site"
"""Scope of a verdict that no zone is told apart in."""
MAX_EVIDENCE = 20
"""Pieces of evidence that one verdict cites."""
MAX_REASONS = 8
"""Sentences of one verdict."""

ORDER = (
    Outcome.VIOLATED,
    Outcome.CONTRADICTED,
    Outcome.NOT_APPLICABLE,
    Outcome.CONFIRMED,
    Outcome.PASS_UNVERIFIED,
    Outcome.NOT_OBSERVED,
    Outcome.NOT_ASSESSABLE,
)
"""Which outcome of several tests holds, strongest first."""
_RANK = {outcome: rank for rank, outcome in enumerate(ORDER)}

MET = Text("符合", "met")
PARTLY = Text("部分符合", "partly met")
NOT_MET = Text("不符合", "not met")
NOT_APPLICABLE = Text("不适用", "not applicable")
ON_SITE = Text("待现场核查", "to be checked on site")

NA, UNKNOWN, PARTIAL = "na", "unknown", "partly"
"""Answers that mean the same to every question."""
COUNTED = (Outcome.VIOLATED, Outcome.CONTRADICTED)
"""Outcomes of an observation that weigh against a requirement, unless a ticket explains it."""


@dataclass(slots=True)
class _Said:
    """What one test says, for one scope."""

    outcome: Outcome
    subject: str
    """The check or question that says it."""
    reason: Text
    """Half a sentence, without its subject: what several say alike is told once."""
    evidence: tuple[Evidence, ...] = ()
    documented: bool = False
    """A document or a verified answer stands behind it."""
    traffic: bool = False
    """A check says it, not a person."""
    partly: bool = False
    """A person said that it is met in part."""
    verified: bool = False
    """A person said so, and somebody saw it with their own eyes."""
    visibility: float | None = None


@dataclass(slots=True)
class _Tests:
    """Answers the tests of a pack; what is asked of the same check and zone again is not computed twice."""

    results: Mapping[str, CheckResult]
    site: Site
    coverage: Coverage
    run: Run | None
    doubted: Mapping[str, Contradiction]
    runs: dict[str, CheckResult] = field(default_factory=dict)
    proofs: dict[tuple[int, str], tuple[Evidence, ...]] = field(default_factory=dict)

    def result(self, test: Test) -> CheckResult | None:
        """The result of the check under the parameters of the test; None where nobody ran it so."""
        found = self.results.get(test.check)
        if found is not None and all(found.params.get(key) == value for key, value in test.params.items()):
            return found
        if self.run is None:
            return None
        key = f"{test.check} {sorted(test.params.items())!r}"
        if key not in self.runs:
            self.runs[key] = self.run(test.check, test.params)
        return self.runs[key]

    def ask(self, test: Test, zone: str) -> _Said:
        """What a test says of a zone, or of the site where that is empty."""
        return self._question(test) if test.question else self._check(test, zone)

    def _check(self, test: Test, zone: str) -> _Said:
        result = self.result(test)
        if result is None:
            return _Said(Outcome.NOT_ASSESSABLE, test.check, _NOT_RUN, traffic=True)
        by_zone = bool(zone) and bool(result.by_zone)
        outcome = result.by_zone.get(zone, Outcome.NOT_ASSESSABLE) if by_zone else result.outcome
        visible = self.coverage.of_zone(zone) if by_zone else result.coverage
        if outcome is Outcome.NOT_OBSERVED and test.min_coverage is not None:
            if visible is None or visible < test.min_coverage:
                said = _uncovered(visible, test.min_coverage)
                return _Said(Outcome.NOT_ASSESSABLE, test.check, said, traffic=True)
        reason = _at_zone(result, zone, outcome) if by_zone else result.reason
        rests = outcome in (Outcome.CONFIRMED, Outcome.NOT_OBSERVED)
        seen = visible if rests else None
        proof = self._proof(result, zone if by_zone else "", outcome)
        return _Said(outcome, test.check, reason, proof, traffic=True, visibility=seen)

    def _proof(self, result: CheckResult, zone: str, outcome: Outcome) -> tuple[Evidence, ...]:
        """What stands behind an outcome: the observations of that outcome, in that zone where one is named."""
        key = (id(result), zone)
        if key not in self.proofs:
            pieces = dict.fromkeys(
                piece
                for observation in result.observations
                if observation.outcome is outcome and not observation.ticket and (not zone or zone in observation.zones)
                for piece in observation.evidence
            )
            self.proofs[key] = tuple(islice(pieces, MAX_EVIDENCE))
        return self.proofs[key]

    def _question(self, test: Test) -> _Said:
        answer = self.site.answers.get(test.question)
        if answer is None or answer.value is None or answer.value == UNKNOWN:
            return _Said(Outcome.NOT_ASSESSABLE, test.question, _UNANSWERED)
        outcome, reason = judged(test, answer)
        proof = (Evidence("answer", test.question), *answer.evidence)
        documented = answer.state in ("documented", "verified", "wire")
        doubt = self.doubted.get(test.question)
        if doubt is not None and outcome in (Outcome.CONFIRMED, Outcome.PASS_UNVERIFIED):
            return _Said(Outcome.CONTRADICTED, test.question, contradicted(doubt), (*doubt.evidence, *proof))
        partly = outcome is Outcome.VIOLATED and PARTIAL in _given(answer)
        verified = outcome is Outcome.CONFIRMED and answer.state == "verified"
        return _Said(outcome, test.question, reason, proof, documented, partly=partly, verified=verified)


def compose(
    pack: Pack,
    results: Mapping[str, CheckResult],
    site: Site,
    coverage: Coverage,
    run: Run | None = None,
    contradictions: Iterable[Contradiction] = (),
    compensations: Mapping[str, Mapping[str, Any]] | None = None,
    zones: Sequence[str] = (),
) -> tuple[ControlResult, ...]:
    """The verdict on each control of a pack that the engagement asks for, in the order of the pack.

    `results`: check id -> its result under its own parameters. `compensations`: `framework:control` -> what makes up
    for it (`measure`, and `document`: where that is written down). A control that applies to kinds of zone has one
    verdict for each such zone, if a check of it tells zones apart; else one for the site. `zones`: judge every control
    in each of these instead, as security levels need it; what checks or people say of the site holds in each of them.
    """
    doubted = {c.question: c for c in sorted(contradictions, key=lambda c: c.id, reverse=True)}
    tests = _Tests(results, site, coverage, run, doubted)
    found = []
    for control in asked(pack, site):
        made_up = (compensations or {}).get(f"{control.framework}:{control.id}")
        found += [_verdict(control, tests, zone, made_up) for zone in zones or _scopes(control, tests)]
    return tuple(found)


def chosen(pack: Pack, site: Site) -> set[str] | None:
    """The levels, classes or grades of a pack that the plant is judged at; None: all of them hold.

    `engagement["levels"]` maps a pack's id to one or several of them; else the answer to the question counts that the
    pack's tables name as `level_question`; else their `default_level`, which `assumed` tells the reader.
    """
    wanted = site.engagement.get("levels")
    value = wanted.get(pack.id) if isinstance(wanted, Mapping) else None
    if value is None:
        answer = site.answers.get(str(pack.tables.get("level_question", "")))
        value = None if answer is None or answer.value in (UNKNOWN, NA) else answer.value
    if value is None:
        value = pack.tables.get("default_level")
    if value is None:
        return None
    return {str(each) for each in (value if isinstance(value, list | tuple) else (value,))}


def assumed(pack: Pack, site: Site) -> Text | None:
    """What the reader must know of a pack that is judged at a level which nobody stated; None for any other."""
    level = pack.tables.get("default_level")
    if level is None:
        return None
    wanted = site.engagement.get("levels")
    said = site.answers.get(str(pack.tables.get("level_question", "")))
    stated = said is not None and said.value not in (None, UNKNOWN, NA)
    if stated or (isinstance(wanted, Mapping) and pack.id in wanted):
        return None
    return Text(
        f"未说明定级，{pack.title.zh}暂按第{level}级评估。",
        f"No level was stated: {pack.title.en} is judged at level {level}.",
    )


def asked(pack: Pack, site: Site) -> Iterable[Control]:
    """The controls of a pack that the plant must meet at its level."""
    levels = chosen(pack, site)
    return (c for c in pack.controls if levels is None or not c.levels or levels & set(c.levels))


def judged(test: Test, answer: Answer) -> tuple[Outcome, Text]:
    """What an answer says of the requirement that asks for it, traffic aside, and why in half a sentence.

    An answer that does not satisfy is an admission, and as good as proof. One that satisfies is believed only where
    somebody verified it, or where the capture itself gave it.
    """
    given = _given(answer)
    state = _state(answer)
    if NA in given:
        if answer.note.strip():
            return Outcome.NOT_APPLICABLE, Text.of(answer.note)
        return Outcome.NOT_ASSESSABLE, Text("答“不适用”而未说明理由", "answered “not applicable” without a reason")
    if not _satisfied(test, given):
        if answer.state == "wire" and PARTIAL in given:
            part = Text("未经验证，流量只说明了一部分", "unverified, the capture answers part of it")
            return Outcome.PASS_UNVERIFIED, part
        told = _TOLD.get(str(given[0])) if len(given) == 1 else None
        if told is None:
            return Outcome.VIOLATED, Text(f"答复不满足要求（{state.zh}）", f"the answer does not meet it ({state.en})")
        return Outcome.VIOLATED, Text(f"答“{told.zh}”（{state.zh}）", f"answered “{told.en}” ({state.en})")
    if answer.state in ("verified", "wire"):
        return Outcome.CONFIRMED, state
    if answer.state == "documented":
        return Outcome.PASS_UNVERIFIED, Text("未经验证，仅有文件", "unverified, a document only")
    return Outcome.PASS_UNVERIFIED, Text("未经验证，仅有访谈陈述", "unverified, an interview only")


def unmet(
    packs: Iterable[Pack], site: Site, contradictions: Iterable[Contradiction] = ()
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Questions whose answer does not meet a requirement -> the (framework, control) that it fails, sorted."""
    found: dict[str, dict[tuple[str, str], None]] = {}
    for pack in packs:
        for control in asked(pack, site):
            for test in control.tests:
                answer = site.answers.get(test.question) if test.question else None
                if answer is None or answer.value is None or answer.value == UNKNOWN:
                    continue
                if judged(test, answer)[0] is Outcome.VIOLATED:
                    found.setdefault(test.question, {})[control.framework, control.id] = None
    for contradiction in contradictions:
        found.pop(contradiction.question, None)
    return {question: tuple(found[question]) for question in sorted(found)}


def counted(observation: Observation) -> bool:
    """Whether an observation weighs against a requirement: it does, unless a ticket explains it."""
    return observation.outcome in COUNTED and not observation.ticket


def contradicted(contradiction: Contradiction) -> Text:
    """What was said and what the traffic shows, in one line."""
    said, seen = contradiction.said, contradiction.seen
    return Text(
        f"{ended(said.zh, '。')}流量显示：{ended(seen.zh, '。')}",
        f"{ended(said.en, '.')} The traffic shows: {ended(seen.en, '.')}",
    )


def ended(sentence: str, stop: str) -> str:
    """A sentence with its full stop, if it has none yet."""
    return sentence if sentence.endswith(("。", ".", "！", "!")) else sentence + stop


def strongest(outcomes: Iterable[Outcome]) -> Outcome:
    """Which of several outcomes holds; not_assessable where there is none."""
    return min(outcomes, key=_RANK.__getitem__, default=Outcome.NOT_ASSESSABLE)


# --- one control -----------------------------------------------------------------------------------------------------


def _scopes(control: Control, tests: _Tests) -> Sequence[str]:
    """The zones that a control is judged in; one empty text: the site."""
    if not control.zones:
        return ("",)
    checks = [tests.result(test) for test in control.tests if test.check]
    if not any(result is not None and result.by_zone for result in checks):
        return ("",)
    return tuple(zone.id for zone in tests.site.zones if zone.kind in control.zones) or ("",)


def _verdict(control: Control, tests: _Tests, zone: str, made_up: Mapping[str, Any] | None) -> ControlResult:
    said = sorted((tests.ask(test, zone) for test in control.tests), key=lambda s: _RANK[s.outcome])
    outcome = strongest(s.outcome for s in said)
    deciding = [s for s in said if s.outcome is outcome]
    evidence = dict.fromkeys(piece for s in deciding for piece in s.evidence)
    reasons = _told(said) or [_NO_TEST]
    compensated = bool(made_up and str(made_up.get("document", "")).strip())
    if made_up is not None and outcome is Outcome.VIOLATED:
        reasons.insert(1, _compensation(made_up, compensated))
    seen = [s.visibility for s in deciding if s.visibility is not None]
    return ControlResult(
        framework=control.framework,
        control=control.id,
        scope=zone or SITE,
        outcome=outcome,
        display=_display(control, outcome, said, compensated),
        reasons=tuple(reasons[:MAX_REASONS]),
        checks=tuple(dict.fromkeys(test.check for test in control.tests if test.check)),
        questions=tuple(dict.fromkeys(test.question for test in control.tests if test.question)),
        evidence=tuple(islice(evidence, MAX_EVIDENCE)),
        confidence=round(min(seen), 4) if seen else None,
    )


def _display(control: Control, outcome: Outcome, said: Sequence[_Said], compensated: bool) -> Text:
    """The word of the 等保 view for an outcome (specification, 4.2)."""
    if outcome is Outcome.VIOLATED:
        admitted = all(s.partly for s in said if s.outcome is Outcome.VIOLATED)
        return PARTLY if compensated or admitted else NOT_MET
    if outcome is Outcome.CONTRADICTED:
        return NOT_MET
    if outcome is Outcome.NOT_APPLICABLE:
        return NOT_APPLICABLE
    if outcome is Outcome.PASS_UNVERIFIED:
        return PARTLY
    if outcome is not Outcome.CONFIRMED:
        return ON_SITE
    # confirmed: met only where a document goes with it and nothing that bears on it is left open
    unknown = [s for s in said if s.outcome is Outcome.NOT_ASSESSABLE]
    unanswered = any(not s.traffic for s in unknown)
    blind = any(s.traffic for s in unknown) and not any(s.verified for s in said)
    asks = any(test.question for test in control.tests)
    traffic_tells = control.observability is Observability.TRAFFIC and not asks
    whole = not unanswered and not blind and (traffic_tells or any(s.documented for s in said))
    return MET if whole else PARTLY


def _given(answer: Answer) -> Sequence[Any]:
    return answer.value if isinstance(answer.value, list | tuple) else (answer.value,)


def _satisfied(test: Test, given: Sequence[Any]) -> bool:
    """Whether one of the values given is among those that satisfy."""
    return any(value in test.satisfied_by for value in given)


# --- sentences -------------------------------------------------------------------------------------------------------

_NO_TEST = Text(
    "没有可用于本条的检查或问题，须现场核查", "No check or question bears on it; it is to be checked on site"
)


_NOT_RUN = Text("未运行", "not run")
_UNANSWERED = Text("尚未答复", "not answered yet")
_TOLD = {
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
    PARTIAL: Text("部分", "partly"),
    "none": Text("没有", "none"),
}
"""Answers that are words of every language."""


def _told(said: Iterable[_Said]) -> list[Text]:
    """The reasons in their order, each once, behind all that give it."""
    subjects: dict[Text, dict[str, None]] = {}
    for each in said:
        subjects.setdefault(each.reason, {})[each.subject] = None
    return [
        Text(f"{'、'.join(names)}：{reason.zh}", f"{', '.join(names)}: {reason.en}")
        for reason, names in subjects.items()
    ]


def _uncovered(visible: float | None, needed: float) -> Text:
    if visible is None:
        return Text(
            "未见违反，但覆盖度未知，不作结论",
            "nothing seen against it, but how much was covered is not known; no result",
        )
    share = "<1%" if 0 < visible < 0.01 else f"{visible:.0%}"
    return Text(
        f"未见违反，但只覆盖了 {share}（需 {needed:.0%}），不作结论",
        f"nothing seen against it, but {share} was covered ({needed:.0%} needed); no result",
    )


def _at_zone(result: CheckResult, zone: str, outcome: Outcome) -> Text:
    """The reason of a check for one zone: its first observation there, or what the outcome means."""
    if outcome in COUNTED:
        for observation in result.observations:
            if zone in observation.zones and counted(observation):
                return observation.detail
    if outcome is result.outcome:
        return result.reason
    return _MEANS[outcome]


_MEANS = {
    Outcome.VIOLATED: Text("本区域内不满足", "not met in this zone"),
    Outcome.CONTRADICTED: Text("本区域的流量与所述不符", "the traffic of this zone contradicts what was said"),
    Outcome.NOT_APPLICABLE: Text("对本区域不适用", "not applicable to this zone"),
    Outcome.CONFIRMED: Text("本区域的流量证实满足", "the traffic of this zone proves it"),
    Outcome.PASS_UNVERIFIED: Text("已说明，未经验证", "stated, not verified"),
    Outcome.NOT_OBSERVED: Text(
        "本区域覆盖范围内未见违反", "nothing against it was seen in what was covered of this zone"
    ),
    Outcome.NOT_ASSESSABLE: Text("抓包点看不到本区域", "the taps do not see this zone"),
}


def _state(answer: Answer) -> Text:
    who = Text.of(answer.author or "-")
    words = {
        "verified": (f"已核实，{who.zh}", f"verified, {who.en}"),
        "documented": (f"有文件，{who.zh}", f"documented, {who.en}"),
        "wire": ("由流量回答", "answered by the capture"),
    }
    return Text(*words.get(answer.state, (f"访谈，{who.zh}", f"interview, {who.en}")))


def _compensation(made_up: Mapping[str, Any], documented: bool) -> Text:
    measure = str(made_up.get("measure", "")).strip() or "-"
    if documented:
        document = made_up["document"]
        return Text(f"补偿措施：{measure}（{document}）", f"Compensated by: {measure} ({document})")
    return Text(
        f"声称有补偿措施（{measure}），但无文件，不予采信",
        f"A compensating measure is claimed ({measure}) but not documented",
    )
