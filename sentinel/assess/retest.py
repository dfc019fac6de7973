"""After the fix: the verification check of each finding runs on a new capture and closes or reopens it.

A finding is closed where its check saw nothing any more *and* looked well enough at the same zones; not looking is no
proof. The checks that had led to the finding run as well: what they see again keeps it open. Nothing is written here:
`entries` are what the case's journal is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sentinel.assess import remediation
from sentinel.assess.levels import OUTSIDE
from sentinel.assess.model import Assessment, CheckResult, Coverage, Evidence, Finding, Observation, Outcome, Text
from sentinel.assess.remediation import Catalogue
from sentinel.assess.verdicts import Run, counted

NEEDED = 0.8
"""Visibility that a zone must have had in the new capture for silence to count."""
MAX_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class Change:
    """What the retest says of one finding; `before` and `after` are statuses, equal where nothing changes."""

    finding: str
    number: str
    title: Text
    check: str
    before: str
    after: str
    reason: Text
    evidence: tuple[Evidence, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the finding has another status now."""
        return self.before != self.after


def retest(
    previous: Assessment, run: Run, coverage: Coverage, needed: float = NEEDED, catalogue: Catalogue | None = None
) -> tuple[Change, ...]:
    """What a new capture says of each finding of an assessment, in the order of its findings.

    `run`: runs a check over the new capture; `coverage`: what the new capture covers; `needed`: 0 to 1.
    """
    known = remediation.shipped() if catalogue is None else catalogue
    inside = {zone.id for zone in previous.site.zones if zone.kind not in OUTSIDE}
    origin = {o.id: o.check for result in previous.checks for o in result.observations}
    found = []
    for finding in previous.findings:
        led = tuple(sorted({origin[id_] for id_ in finding.observations if id_ in origin}))
        found.append(_change(finding, led, inside, run, coverage, needed, known))
    return tuple(found)


def entries(changes: Iterable[Change], previous: Assessment) -> list[tuple[str, str, dict[str, Any]]]:
    """Journal entries (kind, subject, value) for what changed."""
    return [
        (
            "finding",
            change.finding,
            {
                "status": change.after,
                "reason": {"zh": change.reason.zh, "en": change.reason.en},
                "check": change.check,
                "assessment": previous.id,
            },
        )
        for change in changes
        if change.changed
    ]


def _change(
    finding: Finding,
    led: tuple[str, ...],
    inside: set[str],
    run: Run,
    coverage: Coverage,
    needed: float,
    known: Catalogue,
) -> Change:
    def says(after: str, reason: Text, evidence: tuple[Evidence, ...] = ()) -> Change:
        check = "" if finding.remediation is None else finding.remediation.verification_check
        return Change(
            finding.id, finding.number, finding.title, check, finding.status, after, reason, evidence[:MAX_EVIDENCE]
        )

    if finding.status == "false_positive":
        return says(
            finding.status, Text("已由人员判定为误报，不复测", "judged a false positive by a person; not tested again")
        )
    if finding.remediation is None:
        return says(finding.status, Text("没有验证检查", "there is no check that verifies it"))
    if not finding.observations:
        return says(
            finding.status,
            Text(
                "该发现来自答复或企业资料，须更新资料而非重新抓包",
                "it rests on answers and lists: renew them, a capture cannot close it",
            ),
        )
    check = finding.remediation.verification_check
    result = run(check, finding.remediation.verification_params)
    seen = [o for o in result.observations if _same(o, finding, known)]
    for other in led:
        if other != check:
            seen += [o for o in run(other, {}).observations if counted(o) and known.of(o) == finding.root_cause]
    if seen:
        return _again(finding, seen, says)
    return _silent(finding, result, inside, coverage, needed, says)


def _same(observation: Observation, finding: Finding, known: Catalogue) -> bool:
    """Whether what the check saw belongs to the finding; all of it where the check leads to other causes only."""
    if not counted(observation):
        return False
    if observation.id in finding.observations or known.of(observation) == finding.root_cause:
        return True
    leads = known.by_check.get(observation.check, ())
    return all(cause != finding.root_cause for _, cause in leads)


def _again(finding: Finding, seen: list[Observation], says: Any) -> Change:
    first = seen[0].detail
    proof = tuple(dict.fromkeys(piece for o in seen for piece in o.evidence))
    often = "once" if len(seen) == 1 else f"{len(seen)} times"
    reason = Text(f"复测仍见 {len(seen)} 处，首例：{first.zh}", f"still seen, {often}; the first: {first.en}")
    if finding.status == "fixed":
        reopened = Text(f"整改后再次出现，{reason.zh}", f"it came back after it was fixed: {reason.en}")
        return says("reopened", reopened, proof)
    return says(finding.status, reason, proof)


def _silent(
    finding: Finding, result: CheckResult, inside: set[str], coverage: Coverage, needed: float, says: Any
) -> Change:
    """Nothing of the finding was seen: whether that is proof depends on the zones that it is about."""
    zones = [zone for zone in finding.zones if zone in inside]
    if zones and result.by_zone:
        outcomes = {zone: result.by_zone.get(zone, Outcome.NOT_ASSESSABLE) for zone in zones}
        visible: dict[str, float | None] = {zone: coverage.of_zone(zone) for zone in zones}
    else:
        outcomes = {"": result.outcome}
        visible = {"": coverage.share if result.coverage is None else result.coverage}
    # seen there, but of another root cause: for this one it is silence
    quiet = (Outcome.NOT_OBSERVED, Outcome.VIOLATED, Outcome.CONTRADICTED)
    blind = [
        zone
        for zone, outcome in outcomes.items()
        if outcome is not Outcome.CONFIRMED
        and (outcome not in quiet or (share := visible[zone]) is None or share < needed)
    ]
    if not blind:
        if finding.status == "fixed":
            return says("fixed", Text("覆盖范围内仍未再见", "still not seen within the coverage"))
        return says("fixed", Text("在足够的覆盖范围内未再出现", "not seen again within sufficient coverage"))
    if any(outcomes[zone] is Outcome.NOT_ASSESSABLE for zone in blind):
        why = Text(f"检查无法给出结论：{result.reason.zh}", f"the check could not tell: {result.reason.en}")
        return says(finding.status, why)
    where = "、".join(f"{zone} {_share(visible[zone])}" if zone else _share(visible[zone]) for zone in blind)
    where_en = ", ".join(f"{zone} {_share(visible[zone])}" if zone else _share(visible[zone]) for zone in blind)
    return says(
        finding.status,
        Text(
            f"未见，但覆盖度不足（{where}，需 {needed:.0%}），状态不变",
            f"not seen, but too little was covered ({where_en}; {needed:.0%} is needed), so nothing changes",
        ),
    )


def _share(visible: float | None) -> str:
    return "?" if visible is None else f"{visible:.0%}"
