"""How a conduit is judged and drawn, the same in every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.assess.model import Assessment, Conduit
from sentinel.report.figures import _svg as svg

STATES: Mapping[str, tuple[str, str, str, str, str]] = {
    "undeclared": (svg.VERMILION, "none", "cross", "未声明而见到", "seen, not declared"),
    "surplus": (svg.ORANGE, "7 3", "rise", "超出声明", "more than declared"),
    "allowed": (svg.BLUE, "none", "none", "符合声明", "as declared"),
    "open": ("#4F5B66", "7 2 2 2", "level", "未判定（无分区规划）", "not judged (no plan)"),
    "unseen": ("#7B8790", "2 3", "dots", "已声明未见到", "declared, not seen"),
}
"""State -> colour, dash of a line, hatch of a field, words."""
GROUNDS = {"undeclared": "#F3C9A8", "surplus": "#FBE3B0", "allowed": "#CFE6F5", "open": "#E3E7EA", "unseen": "#F3F5F7"}
TONES = {"undeclared": "bad", "surplus": "warn", "allowed": "good", "open": "unknown", "unseen": "unknown"}
_VERDICTS = {
    "allowed": "allowed", "surplus": "surplus", "undeclared": "undeclared", "proposed": "open", "not judged": "open",
    "not seen": "unseen",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passage:
    """What passes from one zone to another, as the coverage and the conduit matrix (check SG-01) tell it."""

    source: str
    target: str
    state: str
    declared: str
    """Allowed protocols; empty where none is declared."""
    seen: str
    bytes: int
    packets: int
    encrypted: float | None


def passages(assessment: Assessment) -> tuple[Passage, ...]:
    """Every pair of zones that was declared or seen, once, in the order of the zones."""
    judged: dict[tuple[str, str], Mapping[str, Any]] = {}
    for result in assessment.checks:
        for row in result.tables.get("conduit_matrix", ()):
            judged.setdefault((str(row["source_zone"]), str(row["target_zone"])), row)
    measured = {(str(row["source"]), str(row["target"])): row for row in assessment.coverage.conduits}
    planned = {(c.source, c.target): c for c in assessment.site.conduits}
    places = {zone.id: place for place, zone in enumerate(assessment.site.zones)}
    pairs = sorted(
        judged.keys() | measured.keys() | planned.keys(),
        key=lambda pair: (places.get(pair[0], len(places)), places.get(pair[1], len(places)), pair),
    )
    return tuple(_passage(pair, judged.get(pair, {}), measured.get(pair, {}), planned.get(pair)) for pair in pairs)


def _passage(
    pair: tuple[str, str], judged: Mapping[str, Any], measured: Mapping[str, Any], planned: Conduit | None
) -> Passage:
    size = int(judged.get("bytes") or measured.get("bytes") or 0)
    packets = int(judged.get("packets") or measured.get("packets") or 0)
    state = _VERDICTS.get(str(judged.get("verdict") or ""))
    if state is None:
        # without the matrix nothing is judged: it was seen or not, that is all
        state = "open" if measured.get("seen") else "unseen"
    declared = str(judged.get("declared") or "") or ("" if planned is None else ", ".join(planned.protocols))
    return Passage(*pair, state, declared, str(judged.get("seen") or ""), size, packets, judged.get("encrypted_share"))


def names(assessment: Assessment, lang: str) -> dict[str, str]:
    """Zone -> what it is called in a figure; a star marks one that is only proposed."""
    return {z.id: (z.name.in_(lang) or z.id) + ("" if z.declared else " *") for z in assessment.site.zones}


def bytes_in_words(value: int | None) -> str:
    """A number of bytes, short."""
    size = float(value or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
