"""How far the captures saw into each zone."""

from __future__ import annotations

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg
from sentinel.report.figures._conduits import names
from sentinel.report.texts import hours, visibility

ZONES = 30
LEFT = 120.0
BAR = 230.0


def draw(assessment: Assessment, lang: str) -> str:
    """One bar a zone: visibility from 0 to 100 %; a zone without traffic is hatched over its whole length."""
    zh = lang == "zh"
    words = names(assessment, lang)
    parts = []
    y = 16.0
    for mark in range(0, 101, 25):
        x = LEFT + BAR * mark / 100
        parts.append(svg.label(x, 9, f"{mark}%", 7, text_anchor="middle", fill=svg.QUIET))
    rows = list(assessment.coverage.zones)
    for row in rows[:ZONES]:
        share = min(max(float(row.get("visibility") or 0), 0.0), 1.0)
        name = words.get(str(row["zone"]), str(row["zone"]))
        parts.append(svg.label(LEFT - 6, y + 9, svg.fit(name, LEFT - 12, 8), 8, text_anchor="end"))
        if row.get("seen"):
            parts.append(svg.rect(LEFT, y, BAR, 12, fill=svg.SHADE, stroke=svg.LINE, stroke_width=0.5))
            parts.append(svg.rect(LEFT, y, BAR * share, 12, fill=svg.BLUE))
            told = f"{visibility(share, True)} · {hours(float(row.get('hours') or 0), lang)}"
        else:
            parts.append(svg.patterned(LEFT, y, BAR, 12, "#ECEEF0", "cross", stroke=svg.LINE, stroke_width=0.5))
            told = "未见流量" if zh else "no traffic seen"
        parts.append(svg.label(LEFT + BAR + 8, y + 9, told, 8))
        y += 17
    for mark in (25, 50, 75):
        x = LEFT + BAR * mark / 100
        parts.append(svg.line(x, 14, x, y - 3, stroke=svg.PAPER, stroke_width=0.8, stroke_dasharray="2 2"))
    if len(rows) > ZONES:
        rest = len(rows) - ZONES
        parts.append(
            svg.label(
                LEFT,
                y + 8,
                f"另有 {rest} 个区域见表" if zh else f"{rest} more zones are in the table",
                7.5,
                fill=svg.QUIET,
            )
        )
        y += 12
    return svg.drawing(460, y + 4, "".join(parts), "各区域可见度" if zh else "Visibility of each zone")
