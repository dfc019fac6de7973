"""The techniques as a layer of the ATT&CK Navigator (layer format 4.5): seen, tested, detectable, not observable."""

from __future__ import annotations

import json
from typing import Any

from sentinel.assess.model import Assessment
from sentinel.assess.techniques import STATES
from sentinel.report._common import label

LAYER = "4.5"


def render(assessment: Assessment, lang: str) -> bytes:
    """The layer as JSON."""
    techniques: list[dict[str, Any]] = []
    for row in assessment.techniques:
        state = STATES[row["state"]]
        techniques.append(
            {
                "techniqueID": row["id"],
                "score": state.score,
                "color": state.color,
                "enabled": True,
                "comment": "; ".join([state.text.in_(lang), *row["rules"]]),
            }
        )
    layer = {
        "name": label(assessment),
        "versions": {"layer": LAYER, "navigator": "5.1.0", "attack": "18"},
        "domain": "ics-attack",
        "description": _description(assessment, lang),
        "techniques": techniques,
        "legendItems": [{"label": state.text.in_(lang), "color": state.color} for state in STATES.values()],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
        "hideDisabled": False,
    }
    return json.dumps(layer, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _description(assessment: Assessment, lang: str) -> str:
    if lang == "zh":
        return f"评估 {assessment.id}：“未见”不等于“不存在”。"
    return f"Assessment {assessment.id}: 'not seen' does not mean 'not there'."
