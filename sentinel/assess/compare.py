"""What is different between two assessments of one site: findings, grades, verdicts and devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sentinel.assess.model import Assessment, Asset, Finding, Risk
from sentinel.assess.remediation import TREATED


def compare(old: Assessment, new: Assessment) -> Mapping[str, Any]:
    """What changed from `old` to `new`, in the order of the newer one; ids decide what is the same thing.

    A finding is closed where it is gone or needs nothing any more, reopened where the older assessment had it closed.
    """
    before = {finding.id: finding for finding in old.findings}
    after = {finding.id: finding for finding in new.findings}
    live = [finding for finding in new.findings if finding.status in TREATED]
    known = {id_ for id_, finding in before.items() if finding.status in TREATED}
    return {
        "previous": old.id,
        "as_of": old.as_of,
        "findings_new": _findings(f for f in live if f.id not in before),
        "findings_reopened": _findings(f for f in live if f.id in before and f.id not in known),
        "findings_unchanged": _findings(f for f in live if f.id in known),
        "findings_closed": _findings(
            after.get(f.id, f) for f in old.findings if f.id in known and not _alive(after.get(f.id))
        ),
        "grades": _grades(old.risks, new.risks),
        "risks_new": _risks(r for r in new.risks if r.id not in {o.id for o in old.risks}),
        "risks_gone": _risks(r for r in old.risks if r.id not in {n.id for n in new.risks}),
        "business": {
            "before": {key: old.business.get(key) for key in ("score", "grade")},
            "after": {key: new.business.get(key) for key in ("score", "grade")},
        },
        "controls": _controls(old, new),
        "assets_new": _assets(new.site.assets, old.site.assets),
        "assets_gone": _assets(old.site.assets, new.site.assets),
        "assets_changed": _changed(old.site.assets, new.site.assets),
    }


def _alive(finding: Finding | None) -> bool:
    return finding is not None and finding.status in TREATED


def _findings(findings: Iterable[Finding]) -> tuple[Mapping[str, Any], ...]:
    return tuple({"id": f.id, "number": f.number, "title": f.title, "status": f.status} for f in findings)


def _risks(risks: Iterable[Risk]) -> tuple[Mapping[str, Any], ...]:
    return tuple({"id": r.id, "number": r.number, "scenario": r.scenario, "grade": r.grade} for r in risks)


def _grades(old: Iterable[Risk], new: Iterable[Risk]) -> tuple[Mapping[str, Any], ...]:
    """Risks whose grade changed, with both scores."""
    before = {risk.id: risk for risk in old}
    return tuple(
        {
            "id": risk.id, "number": risk.number, "scenario": risk.scenario, "before": before[risk.id].grade,
            "after": risk.grade, "score_before": before[risk.id].score, "score_after": risk.score,
        }
        for risk in new
        if risk.id in before and before[risk.id].grade != risk.grade
    )  # fmt: skip


def _controls(old: Assessment, new: Assessment) -> tuple[Mapping[str, Any], ...]:
    """Requirements whose verdict changed; those that one of the two did not ask for are left out."""
    before = {(c.framework, c.control, c.scope): c for c in old.controls}
    found = []
    for control in new.controls:
        earlier = before.get((control.framework, control.control, control.scope))
        if earlier is not None and earlier.outcome != control.outcome:
            found.append(
                {
                    "framework": control.framework, "control": control.control, "scope": control.scope,
                    "before": earlier.outcome.value, "after": control.outcome.value,
                    "display_before": earlier.display, "display_after": control.display,
                }
            )  # fmt: skip
    return tuple(found)


_IDENTITY = ("name", "kind", "vendor", "model", "firmware", "serial", "zone", "ips", "macs")
"""Attributes of a device whose change is worth a line."""


def _assets(of: Iterable[Asset], but: Iterable[Asset]) -> tuple[Mapping[str, Any], ...]:
    known = {asset.id for asset in but}
    return tuple({"id": a.id, "name": a.name, "kind": a.kind, "zone": a.zone} for a in of if a.id not in known)


def _changed(old: Iterable[Asset], new: Iterable[Asset]) -> tuple[Mapping[str, Any], ...]:
    before = {asset.id: asset for asset in old}
    found = []
    for asset in new:
        earlier = before.get(asset.id)
        if earlier is None:
            continue
        changes = {
            name: {"before": getattr(earlier, name), "after": getattr(asset, name)}
            for name in _IDENTITY
            if getattr(earlier, name) != getattr(asset, name)
        }
        if changes:
            found.append({"id": asset.id, "name": asset.name, "changes": changes})
    return tuple(found)
