"""Which measure runs when, in weeks: one bar a finding, coloured and hatched by what it means for a running plant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg
from sentinel.report.texts import HORIZONS

ROWS = 40
LEFT = 186.0
WIDE = 262.0
LOOKS = {
    "quick": (svg.GREEN, "none"),
    "90-day": (svg.SKY, "dots"),
    "shutdown": (svg.ORANGE, "rise"),
    "project": (svg.PURPLE, "fall"),
}
"""Horizon -> colour, hatch."""
_SPANS = {"quick": (1, 2), "90-day": (1, 13), "shutdown": (9, 20), "project": (13, 52)}


def rows(assessment: Assessment) -> list[Mapping[str, Any]]:
    """The rows of the roadmap; where the assessment has none, one a finding over the whole of its horizon."""
    if assessment.roadmap:
        return list(assessment.roadmap)
    planned = [
        (f, f.remediation)
        for f in assessment.findings
        if f.remediation is not None and f.status in ("open", "reopened")
    ]
    places = list(_SPANS)
    return [
        {
            "number": f.number,
            "title": f.title,
            "horizon": remedy.horizon,
            "start_week": _SPANS.get(remedy.horizon, (1, 52))[0],
            "end_week": _SPANS.get(remedy.horizon, (1, 52))[1],
            "cost_class": remedy.cost_class,
        }
        for f, remedy in sorted(
            planned, key=lambda p: (places.index(p[1].horizon) if p[1].horizon in places else 9, p[0].number)
        )
    ]


def draw(assessment: Assessment, lang: str) -> str:
    """Weeks from the day of acceptance; the letter in a bar is its cost class."""
    zh = lang == "zh"
    planned = rows(assessment)
    shown = planned[:ROWS]
    last = max([int(row["end_week"]) for row in shown], default=4)
    last += -last % 4
    step = WIDE / last
    every = 2 if last <= 26 else 4
    high = 16 + len(shown) * 15
    parts = [svg.label(LEFT - 6, 10, "周" if zh else "week", 7.5, text_anchor="end", fill=svg.QUIET)]
    for week in range(0, last, every):
        x = LEFT + week * step
        fill = svg.SHADE if week // every % 2 else "#E9EDF0"
        parts.append(svg.rect(x, 0, min(every, last - week) * step, high, fill=fill))
        parts.append(svg.label(x + 2, 10, str(week + 1), 7, fill=svg.QUIET))
    y = 16.0
    for row in shown:
        colour, pattern = LOOKS.get(str(row["horizon"]), (svg.LINE, "none"))
        title = f"{row['number']} {row['title'].in_(lang)}"
        parts.append(svg.label(LEFT - 6, y + 9, svg.fit(title, LEFT - 10, 7), 7, text_anchor="end"))
        x = LEFT + (int(row["start_week"]) - 1) * step
        width = max((int(row["end_week"]) - int(row["start_week"]) + 1) * step - 1, 4)
        parts.append(svg.patterned(x, y + 2, width, 10, colour, pattern, stroke=svg.INK, stroke_width=0.5, rx=2))
        parts.append(
            svg.label(x + width + 3, y + 9.5, svg.fit(str(row["cost_class"]), 10, 6.5), 6.5, font_weight="bold")
        )
        y += 15
    used = {str(row["horizon"]) for row in shown}
    keys = [(*LOOKS[horizon], HORIZONS[horizon].in_(lang)) for horizon in LOOKS if horizon in used]
    drawn, y = svg.legend(4, y + 16, keys, 450, 8)
    note = (
        "横轴为自批准起的周数；条末字母为费用等级（A、B、C）"
        if zh
        else "weeks from approval; the letter is the cost class A, B or C"
    )
    if len(planned) > ROWS:
        rest = len(planned) - ROWS
        note += f"；另有 {rest} 项见表" if zh else f"; {rest} more are in the table"
    drawn += svg.label(4, y, note, 7.5, fill=svg.QUIET)
    return svg.drawing(460, y + 8, "".join(parts) + drawn, "整改路线图" if zh else "Roadmap")
