"""Zone by zone: what was declared and what was seen."""

from __future__ import annotations

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg
from sentinel.report.figures._conduits import GROUNDS, STATES, bytes_in_words, names, passages

ZONES = 12
"""Zones in the matrix: those with the most traffic; the table holds all."""


def draw(assessment: Assessment, lang: str) -> str:
    """Rows start a connection, columns accept it."""
    zh = lang == "zh"
    entries = {(p.source, p.target): p for p in passages(assessment)}
    words = names(assessment, lang)
    load: dict[str, int] = dict.fromkeys(words, 0)
    for (source, target), entry in entries.items():
        for zone in (source, target):
            if zone in load:
                load[zone] += 1 + entry.packets
    zones = sorted(sorted(load, key=lambda z: (-load[z], z))[:ZONES], key=lambda z: list(words).index(z))
    left, top = 92.0, 34.0
    wide = min((456 - left) / max(len(zones), 1), 92)
    high = 30.0
    parts = []
    for index, zone in enumerate(zones):
        x = left + index * wide
        for part, piece in enumerate(svg.wrap(words[zone], wide - 4, 7.5, 2)):
            parts.append(
                svg.label(x + wide / 2, top - 16 + part * 9, piece, 7.5, text_anchor="middle", font_weight="bold")
            )
        y = top + index * high
        for part, piece in enumerate(svg.wrap(words[zone], left - 10, 7.5, 2)):
            parts.append(svg.label(left - 6, y + 13 + part * 9, piece, 7.5, text_anchor="end", font_weight="bold"))
    used = set()
    for row, source in enumerate(zones):
        for column, target in enumerate(zones):
            x, y = left + column * wide, top + row * high
            seen = entries.get((source, target))
            if source == target:
                parts.append(svg.rect(x, y, wide - 1, high - 1, fill="#D5DADF"))
                continue
            if seen is None:
                parts.append(svg.rect(x, y, wide - 1, high - 1, fill=svg.PAPER, stroke=svg.LINE, stroke_width=0.5))
                continue
            kind = seen.state
            used.add(kind)
            parts.append(svg.rect(x, y, wide - 1, high - 1, fill=GROUNDS[kind], stroke=STATES[kind][0], stroke_width=1))
            if STATES[kind][2] != "none":
                parts.append(svg.rect(x + wide - 12, y + 1, 10, 10, fill=f"url(#{STATES[kind][2]})"))
            lines = [seen.seen, bytes_in_words(seen.bytes)] if kind != "unseen" else [seen.declared]
            for part, piece in enumerate([line for line in lines if line]):
                parts.append(
                    svg.label(x + 3, y + 12 + part * 10, svg.fit(piece, wide - 14 if part == 0 else wide - 6, 6.5), 6.5)
                )
    keys = [(GROUNDS[s], STATES[s][2], STATES[s][3 if zh else 4]) for s in STATES if s in used]
    drawn, y = svg.legend(4, top + len(zones) * high + 16, keys, 450, 8)
    note = "行：发起方；列：接受方；* 拟定的区域" if zh else "rows start, columns accept; * proposed zone"
    drawn += svg.label(4, y, note, 7.5, fill=svg.QUIET)
    return svg.drawing(460, y + 8, "".join(parts) + drawn, "管道矩阵" if zh else "Conduit matrix")
