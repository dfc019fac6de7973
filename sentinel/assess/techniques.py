"""ATT&CK for ICS: for each technique whether it was seen, tested, could have been seen, or cannot be seen passively.

What "could have been seen" means is told by the rules that ran and by the network data components that the bundle names
for the technique; "not seen" is never "not there". Source: MITRE ATT&CK for ICS, edition in rulesets/knowledge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sentinel import resources
from sentinel.assess.model import Observation, Text
from sentinel.assess.view import View

SEEN, TESTED, DETECTABLE, NOT_OBSERVABLE = "seen", "tested", "detectable", "not_observable"


@dataclass(frozen=True, slots=True)
class State:
    """How a state is called and drawn: never green for what was not seen; each also has its own hatching."""

    text: Text
    color: str
    score: int


STATES = {
    SEEN: State(Text("已见", "seen"), "#d55e00", 100),
    TESTED: State(Text("演练中已检出", "detected in an exercise"), "#56b4e9", 60),
    DETECTABLE: State(Text("可检测，未见", "detectable, not seen"), "#f0e9c8", 30),
    NOT_OBSERVABLE: State(
        Text("本版本不可检测或被动流量不可见", "no rule for it here, or not observable passively"), "#d9d9d9", 0
    ),
}


@cache
def knowledge() -> Mapping[str, Any]:
    """What the project keeps of ATT&CK for ICS."""
    path = resources.rulesets() / "knowledge" / "attack-ics.json"
    return json.loads(path.read_bytes())


@cache
def chinese() -> Mapping[str, str]:
    """Technique -> its name in Chinese, where the project has one."""
    path = resources.rulesets() / "knowledge" / "attack-ics-zh.json"
    return json.loads(path.read_bytes())["techniques"]


def states(
    view: View, observations: Iterable[Observation], exercised: frozenset[int], detectable: frozenset[str]
) -> tuple[Mapping[str, Any], ...]:
    """One row a live technique, sorted by id: id, name, tactics, state, rules, alerts (number), evidence.

    `exercised`: captures that an exercise made; a technique seen there alone was tested, not seen. `detectable`:
    techniques that the rules or detectors of this run name.
    """
    rules: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    places: dict[str, dict[int, set[int]]] = {}
    for alert in view.alerts.iter_rows(named=True):
        for technique in json.loads(alert["techniques"] or "[]"):
            rules.setdefault(technique, set()).add(alert["name"])
            counts[technique] = counts.get(technique, 0) + 1
            for capture, frame in json.loads(alert["evidence"] or "[]"):
                places.setdefault(technique, {}).setdefault(capture, set()).add(frame)
    for observation in observations:
        for technique in observation.techniques:
            rules.setdefault(technique, set()).add(observation.check)
            for piece in observation.evidence:
                if piece.capture is not None:
                    places.setdefault(technique, {}).setdefault(piece.capture, set()).update(piece.frames)
    rows = []
    for technique in knowledge()["techniques"]:
        id_ = technique["id"]
        if technique["deprecated"] or technique["revoked"]:
            continue
        found = places.get(id_, {})
        if id_ in rules:
            state = TESTED if found and set(found) <= exercised else SEEN
        else:
            state = DETECTABLE if id_ in detectable else NOT_OBSERVABLE
        rows.append(
            {
                "id": id_,
                "name": Text(chinese().get(id_, technique["name"]), technique["name"]),
                "tactics": tuple(technique["tactics"]),
                "state": state,
                "rules": tuple(sorted(rules.get(id_, ()))),
                "alerts": counts.get(id_, 0),
                "evidence": tuple(_place(view, capture, frames) for capture, frames in sorted(found.items())),
            }
        )
    return tuple(rows)


def _place(view: View, capture: int, frames: Iterable[int]) -> Mapping[str, Any]:
    piece = view.frames(capture, frames)
    return {"capture": capture, "sha256": piece.sha256, "frames": piece.frames}
