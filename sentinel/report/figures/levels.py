"""Security levels of each zone: what is proven, what is possible, and what is asked for (IEC 62443-3-3)."""

from __future__ import annotations

from sentinel.assess.model import Assessment, SecurityLevel
from sentinel.report.figures import _svg as svg
from sentinel.report.texts import REQUIREMENTS

ZONES = 12
"""Zones in one figure; the table holds all of them."""
STEP = 30.0
ROW = 14.0


def draw(assessment: Assessment, lang: str) -> str:
    """One panel a zone; in it one bar a requirement, from the proven to the possible level, a line at the target."""
    zh = lang == "zh"
    zones: dict[str, list[SecurityLevel]] = {}
    for level in assessment.levels:
        zones.setdefault(level.zone, []).append(level)
    names = {zone.id: zone.name.in_(lang) for zone in assessment.site.zones}
    parts = []
    y = 4.0
    shown = list(zones.items())[:ZONES]
    for start in range(0, len(shown), 2):
        pair = shown[start : start + 2]
        for column, (zone, levels) in enumerate(pair):
            parts.append(_panel(4 + column * 230, y, names.get(zone, zone), levels, lang))
        y += 34 + ROW * max(len(levels) for _, levels in pair)
    words = (
        (svg.BLUE, "none", "已证实" if zh else "proven"),
        ("#CFE6F5", "rise", "可能（未证实，未否定）" if zh else "possible (neither proven nor disproved)"),
        (svg.VERMILION, "none", "低于目标" if zh else "cannot reach the target"),
        (svg.INK, "none", "目标 SL-T" if zh else "target SL-T"),
    )
    keys, y = svg.legend(4, y + 8, words, 450, 8)
    return svg.drawing(460, y, "".join(parts) + keys, "安全等级区间" if zh else "Intervals of the security level")


def _panel(x: float, y: float, name: str, levels: list[SecurityLevel], lang: str) -> str:
    left = x + 86
    parts = [svg.label(x, y + 10, svg.fit(name, 210, 9.5), 9.5, font_weight="bold")]
    for value in range(5):
        parts.append(svg.label(left + value * STEP, y + 21, str(value), 7, text_anchor="middle", fill=svg.QUIET))
    for index, level in enumerate(levels):
        top = y + 25 + index * ROW
        words = REQUIREMENTS[level.fr].in_(lang) if level.fr in REQUIREMENTS else level.fr
        pieces = svg.wrap(f"{level.fr} {words}", 84, 6, 2)
        for number, piece in enumerate(pieces):
            parts.append(svg.label(x, top + 8.3 + (number - (len(pieces) - 1) / 2) * 6.2, piece, 6))
        parts.append(svg.rect(left, top + 2, 4 * STEP, 8, fill=svg.SHADE, stroke=svg.LINE, stroke_width=0.5))
        missed = level.upper < level.target
        if level.upper > level.lower:
            width = (level.upper - level.lower) * STEP
            parts.append(svg.patterned(left + level.lower * STEP, top + 2, width, 8, "#CFE6F5", "rise"))
        if level.lower > 0:
            parts.append(svg.rect(left, top + 2, level.lower * STEP, 8, fill=svg.BLUE))
        if missed:
            gap = left + level.upper * STEP
            parts.append(svg.rect(gap, top + 4.5, (level.target - level.upper) * STEP, 3, fill=svg.VERMILION))
        parts.append(svg.rect(left + level.target * STEP - 1, top, 2, 12, fill=svg.INK))
    return "".join(parts)
