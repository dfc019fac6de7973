"""Process values around alerts: a step line for each value, the alert as a band, what was written as squares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg

LEFT, WIDE, HIGH = 52.0, 392.0, 46.0


def draw(assessment: Assessment, lang: str) -> str:
    """One strip a value, in the order of the alerts; time runs from left to right within each."""
    zh = lang == "zh"
    parts, y = [], 4.0
    for row in assessment.plots:
        parts.append(_strip(row, y, lang))
        y += HIGH + 34
    keys = [
        ("#F6D9C6", "rise", "告警期间" if zh else "alert"),
        (svg.BLUE, "none", "读到的值" if zh else "value read"),
        (svg.VERMILION, "none", "写入的值" if zh else "value written"),
    ]
    drawn, y = svg.legend(LEFT, y + 4, keys, WIDE, 7.5)
    return svg.drawing(460, y, "".join(parts) + drawn, "告警前后的过程值" if zh else "Process values around alerts")


def name(row: Mapping[str, Any]) -> str:
    """The tag of a value, or its device and address."""
    block = "" if row["block"] is None else f" {row['block']}"
    unit = "" if row["unit"] is None else f"/{row['unit']}"
    place = f"{row['device']}{unit} {row['object']}{block} {row['address']}"
    measure = f" [{row['unit_of_measure']}]" if row["unit_of_measure"] else ""
    return f"{row['tag']}{measure} · {place}" if row["tag"] else place


def _strip(row: Mapping[str, Any], y: float, lang: str) -> str:
    times, values = row["times"], row["values"]
    start = min([*times, row["alert_start"]])
    end = max([*times, row["alert_end"]])
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    across, up = WIDE / max(end - start, 1), (HIGH - 8) / ((high - low) or 1.0)
    top = y + 12

    def at(time: int) -> float:
        return LEFT + (time - start) * across

    def of(value: float) -> float:
        return top + HIGH - 4 - ((value - low) * up if high > low else (HIGH - 8) / 2)

    parts = [svg.label(LEFT, y + 7, svg.fit(f"{name(row)} — {row['title'].in_(lang)}", WIDE, 8), 8)]
    parts.append(svg.rect(LEFT, top, WIDE, HIGH, fill=svg.SHADE))
    width = max((row["alert_end"] - row["alert_start"]) * across, 1.5)
    parts.append(svg.patterned(at(row["alert_start"]), top, width, HIGH, "#F6D9C6", "rise"))
    path = ""
    for time, value in zip(times, values, strict=True):
        x, level = svg.n(at(time)), svg.n(of(value))
        path += f"H{x}V{level}" if path else f"M{x} {level}"
    if path:
        # made of numbers alone, so it needs no escape; an attribute as long as this would be cut
        parts.append(f'<path d="{path}" fill="none" stroke="{svg.BLUE}" stroke-width="1.2"/>')
    for time, value, written in zip(times, values, row["written"], strict=True):
        if written:
            parts.append(
                svg.rect(at(time) - 2, of(value) - 2, 4, 4, fill=svg.VERMILION, stroke=svg.INK, stroke_width=0.4)
            )
    for value, place in ((high, top + 8), (low, top + HIGH - 2)):
        parts.append(svg.label(LEFT - 4, place, f"{value:g}", 7, text_anchor="end", fill=svg.QUIET))
        if high == low:
            break
    for time, anchor in ((start, "start"), (end, "end")):
        moment = datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%H:%M:%S")
        parts.append(svg.label(at(time), top + HIGH + 9, moment, 7, text_anchor=anchor, fill=svg.QUIET))
    return "".join(parts)
