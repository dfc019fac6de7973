"""The results as OSCAL assessment-results 1.1 JSON: observations, findings by control, risks; ids made of content.

Source: NIST OSCAL 1.1.2, assessment-results model. A control that traffic cannot judge is not reported as satisfied.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.assess.model import Assessment, ControlResult, Evidence, Observation, Outcome
from sentinel.report._common import iso, label
from sentinel.report.evidence import EvidenceIndex
from sentinel.report.hashtree import leaves, root

VERSION = "1.1.2"
_SPACE = uuid.UUID("6f1d3a52-6f0c-5b3e-9d0e-5a2d3c1b4e7f")
"""Name space of the identifiers (RFC 9562, version 5): the same assessment gives the same document."""

_MET = (Outcome.CONFIRMED, Outcome.NOT_APPLICABLE)
_NOT_MET = (Outcome.VIOLATED, Outcome.CONTRADICTED)


def render(assessment: Assessment, lang: str) -> bytes:
    """The document as JSON, keys sorted."""
    return json.dumps(document(assessment, lang), ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def document(assessment: Assessment, lang: str) -> dict[str, Any]:
    """The document as plain values."""
    when = iso(assessment.as_of)
    cited = EvidenceIndex(assessment)
    seen = [o for result in assessment.checks for o in result.observations]
    judged = [r for r in assessment.controls if r.outcome in (*_MET, *_NOT_MET)]
    tool = _uuid("party", "sentinel")
    title = label(assessment)
    tree = root(digest for _, digest in leaves(assessment))
    selections = [_selection(assessment, pack.id) for pack in assessment.packs]
    result: dict[str, Any] = {
        "uuid": _uuid("result", assessment.id),
        "title": title,
        "description": " ".join(s.in_(lang) for s in assessment.coverage.statements) or title,
        "start": when,
        "props": _props({"hash-tree-root": tree, "risk-profile": assessment.profile}),
        "reviewed-controls": {"control-selections": selections or [{"include-all": {}}]},
    }
    if seen:
        result["observations"] = [_observation(o, lang, cited, when) for o in seen]
    if judged:
        rests: dict[Evidence, list[str]] = {}
        for o in seen:
            for piece in o.evidence:
                rests.setdefault(piece, []).append(o.id)
        result["findings"] = [_finding(r, rests, lang) for r in judged]
    if assessment.risks:
        result["risks"] = [_risk(assessment, k, lang, tool) for k in range(len(assessment.risks))]
    return {
        "assessment-results": {
            "uuid": _uuid("results", assessment.id),
            "metadata": {
                "title": title,
                "last-modified": when,
                "version": assessment.id,
                "oscal-version": VERSION,
                "parties": [{"uuid": tool, "type": "organization", "name": assessment.program}],
            },
            "import-ap": {"href": f"#{_uuid('plan', assessment.id)}"},
            "results": [result],
            "back-matter": {
                "resources": [
                    {
                        "uuid": _uuid("plan", assessment.id),
                        "title": title,
                        "description": f"Packs: {', '.join(pack.id for pack in assessment.packs) or 'none'}; "
                        f"risk profile {assessment.profile}",
                    }
                ]
            },
        }
    }


def token(text: str) -> str:
    """A control id as an OSCAL token: letters, digits, dot, hyphen and underscore, not beginning with a digit."""
    plain = re.sub(r"[^\w.\-]+", "-", text, flags=re.ASCII).strip("-").lower() or "x"
    return plain if plain[0].isalpha() or plain[0] == "_" else f"c-{plain}"


def _selection(assessment: Assessment, pack: str) -> dict[str, Any]:
    controls = sorted({token(r.control) for r in assessment.controls if r.framework == pack})
    chosen: dict[str, Any] = {"props": _props({"framework": pack})}
    if controls:
        return {**chosen, "include-controls": [{"control-id": control} for control in controls]}
    return {**chosen, "include-all": {}}


def _observation(o: Observation, lang: str, cited: EvidenceIndex, when: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "uuid": _uuid("observation", o.id),
        "title": o.title.in_(lang),
        "description": o.detail.in_(lang),
        "props": _props({"check": o.check, "outcome": o.outcome.value, "subject": o.subject}),
        "methods": ["INTERVIEW" if o.evidence and all(e.kind == "answer" for e in o.evidence) else "TEST"],
        "collected": when if o.last_time is None else iso(o.last_time),
    }
    relevant = [_relevant(piece, cited) for piece in o.evidence]
    if relevant:
        row["relevant-evidence"] = relevant
    return row


def _relevant(piece: Evidence, cited: EvidenceIndex) -> dict[str, Any]:
    number = cited.number(piece) if piece in cited else ""
    if piece.frames:
        frames = ", ".join(map(str, piece.frames))
        row: dict[str, Any] = {"description": f"{number} capture SHA-256 {piece.sha256}, frames {frames}".strip()}
        return {**row, "href": f"evidence/{number}.pcapng"} if number else row
    return {"description": f"{number} {piece.kind} {piece.ref}".strip()}


def _finding(result: ControlResult, rests: Mapping[Evidence, Sequence[str]], lang: str) -> dict[str, Any]:
    """`rests`: a piece of evidence -> the observations that rest on it."""
    name = f"{result.framework}:{result.control}"
    related = dict.fromkeys(o for piece in result.evidence for o in rests.get(piece, ()))
    row: dict[str, Any] = {
        "uuid": _uuid("finding", name, result.scope),
        "title": f"{name} ({result.scope})",
        "description": " ".join(reason.in_(lang) for reason in result.reasons) or result.display.in_(lang),
        "props": _props({"framework": result.framework, "scope": result.scope, "outcome": result.outcome.value}),
        "target": {
            "type": "objective-id",
            "target-id": token(result.control),
            "status": {"state": "satisfied" if result.outcome in _MET else "not-satisfied"},
        },
    }
    if related:
        row["related-observations"] = [{"observation-uuid": _uuid("observation", o)} for o in related]
    return row


def _risk(assessment: Assessment, k: int, lang: str, tool: str) -> dict[str, Any]:
    risk = assessment.risks[k]
    finding = next((f for f in assessment.findings if f.id == risk.finding), None)
    facets = {"score": risk.score, "grade": str(risk.grade), "low": risk.low, "high": risk.high}
    row: dict[str, Any] = {
        "uuid": _uuid("risk", risk.id),
        "title": f"{risk.number} {finding.title.in_(lang) if finding is not None else risk.asset}",
        "description": risk.scenario.in_(lang),
        "statement": risk.scenario.in_(lang),
        "status": "deviation-approved" if risk.accepted_by else "open",
        "characterizations": [
            {
                "origin": {"actors": [{"type": "tool", "actor-uuid": tool}]},
                "facets": [
                    {"name": name, "system": f"https://sentinel.invalid/profile/{assessment.profile}", "value": value}
                    for name, value in facets.items()
                ],
            }
        ],
    }
    if finding is not None and finding.observations:
        row["related-observations"] = [{"observation-uuid": _uuid("observation", o)} for o in finding.observations]
    return row


def _props(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items() if value] or [
        {"name": "empty", "value": "true"}
    ]


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))
