"""How much data goes from zone to zone: the width of a band grows with the logarithm of its bytes."""

from __future__ import annotations

import math

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg
from sentinel.report.figures._conduits import STATES, bytes_in_words, names, passages

FLOWS = 20


def draw(assessment: Assessment, lang: str) -> str:
    """Sources at the left, targets at the right, the largest flows of those that were seen."""
    zh = lang == "zh"
    title = "区域间数据流" if zh else "Data flows between zones"
    seen = [p for p in passages(assessment) if p.bytes]
    seen = sorted(seen, key=lambda p: (-p.bytes, p.source, p.target))[:FLOWS]
    if not seen:
        words = "覆盖范围内未见区域间数据流" if zh else "no flow between zones was seen within the coverage"
        return svg.drawing(460, 20, svg.label(4, 14, words, 9), title)
    label = names(assessment, lang)
    left = {zone: i for i, zone in enumerate(dict.fromkeys(p.source for p in seen))}
    right = {zone: i for i, zone in enumerate(dict.fromkeys(p.target for p in seen))}
    rows = max(len(left), len(right))
    step = 44.0
    parts = []
    for places, x, anchor in ((left, 4.0, "source"), (right, 336.0, "target")):
        for zone, index in places.items():
            y = 20 + (index + (rows - len(places)) / 2) * step
            parts.append(svg.rect(x, y, 120, 30, fill=svg.SHADE, stroke=svg.INK, stroke_width=0.8, rx=3))
            for part, piece in enumerate(svg.wrap(label.get(zone, zone), 112, 8, 2)):
                parts.append(svg.label(x + 6, y + 13 + part * 10, piece, 8, font_weight="bold"))
        parts.append(
            svg.label(
                4.0 if anchor == "source" else 336.0,
                12,
                ("来源" if zh else "From") if anchor == "source" else ("去向" if zh else "To"),
                8,
                fill=svg.QUIET,
            )
        )
    bands, tags, used = [], [], set()
    fan: dict[tuple[str, str], int] = {}
    for passage in seen:
        source, target, kind = passage.source, passage.target, passage.state
        used.add(kind)
        out = fan[source, "out"] = fan.get((source, "out"), -1) + 1
        into = fan[target, "in"] = fan.get((target, "in"), -1) + 1
        y1 = 20 + (left[source] + (rows - len(left)) / 2) * step + 8 + out * 7 % 20
        y2 = 20 + (right[target] + (rows - len(right)) / 2) * step + 8 + into * 7 % 20
        width = 1 + math.log10(1 + passage.bytes) * 0.7
        colour, dash, *_ = STATES[kind]
        path = f"M124 {svg.n(y1)} C 220 {svg.n(y1)} 240 {svg.n(y2)} 326 {svg.n(y2)}"
        bands.append(
            svg.element(
                "path",
                d=path,
                fill="none",
                stroke=colour,
                stroke_width=width,
                stroke_dasharray=dash,
                stroke_opacity=0.75,
            )
        )
        bands.append(
            svg.element("polygon", points=f"336,{svg.n(y2)} 326,{svg.n(y2 - 4)} 326,{svg.n(y2 + 4)}", fill=colour)
        )
        words = " · ".join(filter(None, (passage.seen, bytes_in_words(passage.bytes))))
        near = y1 * 0.72 + y2 * 0.28
        size = svg.width_of(words, 6.5)
        tags.append(svg.rect(136, near - 7, min(size, 110) + 6, 9.5, fill=svg.PAPER, fill_opacity=0.85, rx=2))
        tags.append(svg.label(139, near, svg.fit(words, 110, 6.5), 6.5))
    keys = [(STATES[s][0], STATES[s][1], STATES[s][3 if zh else 4]) for s in STATES if s in used]
    drawn, y = svg.line_legend(4, 20 + rows * step + 12, keys, 450)
    return svg.drawing(460, y, "".join(bands) + "".join(parts) + "".join(tags) + drawn, title)
