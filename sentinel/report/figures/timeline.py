"""When alerts happened, beside when captures ran: one line a kind of alert."""

from __future__ import annotations

from datetime import UTC, datetime

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg
from sentinel.report.texts import SEVERITIES

LINES = 16
LEFT = 140.0
WIDE = 300.0
DAY = 86_400 * 10**9
LONG = 60 * DAY
"""From here on the year is told and the hour is not."""
COLOURS = {
    "critical": svg.VERMILION,
    "high": svg.ORANGE,
    "medium": svg.SKY,
    "low": svg.BLUE,
    "informational": "#7B8790",
}
_ORDER = tuple(COLOURS)


def draw(assessment: Assessment, lang: str) -> str:
    """Time runs from the first capture or alert to the last; grey bars above are the captures."""
    zh = lang == "zh"
    spans = [(row.get("first_time"), row.get("last_time")) for row in assessment.captures]
    known = [t for span in spans for t in span if t is not None]
    known += [t for alert in assessment.alerts for t in (alert["first_time"], alert["last_time"])]
    if not known:
        return svg.drawing(
            460,
            20,
            svg.label(4, 14, "没有时间信息" if zh else "no times are known", 9),
            "时间线" if zh else "Time line",
        )
    start, end = min(known), max(known)
    scale = WIDE / max(end - start, 1)
    parts = []
    for index in range(5):
        at = start + (end - start) * index // 4
        x = LEFT + (at - start) * scale
        moment = datetime.fromtimestamp(at // 1_000_000_000, UTC)
        form = "%Y-%m-%d" if end - start > LONG else "%m-%d %H:%M" if end - start > DAY else "%H:%M:%S"
        parts.append(svg.label(x, 9, moment.strftime(form), 7, text_anchor="middle", fill=svg.QUIET))
    y = 16.0
    parts.append(svg.label(LEFT - 6, y + 7, "抓包" if zh else "captures", 7.5, text_anchor="end", fill=svg.QUIET))
    for first, last in spans:
        if first is not None and last is not None:
            parts.append(
                svg.rect(
                    LEFT + (first - start) * scale,
                    y,
                    max((last - first) * scale, 1.5),
                    7,
                    fill="#C6CED5",
                    stroke=svg.PAPER,
                    stroke_width=0.5,
                )
            )
    y += 14
    kinds: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
    for alert in assessment.alerts:
        rank = _ORDER.index(alert["severity"]) if alert["severity"] in _ORDER else len(_ORDER) - 1
        title = alert["title_zh"] if zh else alert["title_en"]
        kinds.setdefault((rank, title), []).append((alert["first_time"], alert["last_time"], alert["count"]))
    ordered = sorted(kinds.items())
    for (rank, title), events in ordered[:LINES]:
        parts.append(svg.line(LEFT, y + 6, LEFT + WIDE, y + 6, stroke="#E3E7EA", stroke_width=0.6))
        parts.append(svg.label(LEFT - 6, y + 8.5, svg.fit(title, LEFT - 12, 7.5), 7.5, text_anchor="end"))
        colour = COLOURS[_ORDER[rank]]
        for first, last, _ in events[:400]:
            x, width = LEFT + (first - start) * scale, max((last - first) * scale, 0)
            if width < 5:
                parts.append(
                    svg.element("circle", cx=x, cy=y + 6, r=3.2, fill=colour, stroke=svg.INK, stroke_width=0.6)
                )
            else:
                parts.append(svg.rect(x, y + 2.5, width, 7, fill=colour, stroke=svg.INK, stroke_width=0.6, rx=2))
        parts.append(svg.label(LEFT + WIDE + 5, y + 8.5, f"{sum(count for *_, count in events):,}", 7, fill=svg.QUIET))
        y += 14
    if len(ordered) > LINES:
        rest = len(ordered) - LINES
        parts.append(
            svg.label(
                LEFT,
                y + 8,
                f"另有 {rest} 类告警见表" if zh else f"{rest} more kinds are in the table",
                7.5,
                fill=svg.QUIET,
            )
        )
        y += 12
    used = sorted({rank for rank, _ in kinds})
    keys = [(COLOURS[_ORDER[rank]], "none", SEVERITIES[_ORDER[rank]].in_(lang)) for rank in used]
    drawn, y = svg.legend(LEFT, y + 14, keys, WIDE, 7.5)
    drawn += svg.label(4, y - 14, "时间为 UTC；右侧为次数" if zh else "UTC; counts at the right", 7, fill=svg.QUIET)
    return svg.drawing(460, y, "".join(parts) + drawn, "告警时间线" if zh else "Alerts over time")
