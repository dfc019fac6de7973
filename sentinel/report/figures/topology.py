"""The plant on its Purdue levels: zones as boxes with their devices, conduits coloured and dashed by their verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sentinel.assess.model import Assessment, Asset, Zone
from sentinel.report.figures import _svg as svg
from sentinel.report.figures._conduits import STATES, names, passages
from sentinel.report.figures._devices import ROW, chip, frame
from sentinel.report.texts import KINDS, LEVELS, look_up

NODES = 60
"""Devices drawn one by one; beyond that each zone shows how many of which kind, and has a sheet (`zone.py`)."""
ZONES = 24
LEFT = 74.0
CHIP = 70.0
COUNTED = 109.0
"""Least width of a zone, and that of one whose devices are only counted: three of them stand side by side."""
GAP = 26.0


@dataclass(slots=True)
class _Box:
    zone: Zone
    chips: list[tuple[str, str, bool]]
    """Name, kind, and whether it is known; none where there are too many to draw."""
    counted: str = ""
    """Then how many devices of which kind."""
    x: float = 0
    y: float = 0
    columns: int = 1

    @property
    def width(self) -> float:
        return COUNTED if self.counted else max(COUNTED, self.columns * (CHIP + 4) + 8)

    @property
    def height(self) -> float:
        return 40 if self.counted else 20 + max(-(-len(self.chips) // self.columns), 1) * ROW + 4


def draw(assessment: Assessment, lang: str) -> str:
    """Levels from top to bottom; at most `ZONES` zones, the others are counted."""
    zh = lang == "zh"
    by_zone: dict[str, list[Asset]] = {}
    for asset in assessment.site.assets:
        by_zone.setdefault(asset.zone, []).append(asset)
    single = not crowded(assessment)
    zones = sorted(assessment.site.zones, key=lambda z: (not z.declared, z.id))
    shown = zones[:ZONES]
    lanes: dict[str, list[_Box]] = {}
    for zone in shown:
        level = zone.level if zone.level in LEVELS else ""
        members = by_zone.get(zone.id, [])
        box = _Box(zone, _chips(members, lang)) if single else _Box(zone, [], _counts(members, lang))
        lanes.setdefault(level, []).append(box)
    parts, boxes, y = [], {}, 6.0
    for level in LEVELS:
        if level not in lanes:
            continue
        bottom = _place(lanes[level], y + 12)
        parts.append(svg.rect(0, y, 460, bottom - y + 10, fill=svg.SHADE, rx=3))
        for index, piece in enumerate(svg.wrap(LEVELS[level].in_(lang), LEFT - 14, 8.5, 3)):
            parts.append(svg.label(6, y + 16 + index * 11, piece, 8.5, font_weight="bold", fill=svg.QUIET))
        boxes.update({box.zone.id: box for box in lanes[level]})
        y = bottom + 10 + GAP
    words = names(assessment, lang)
    lines, used = _lines(assessment, boxes)
    parts.append(lines)
    parts.extend(_box(box, words[box.zone.id]) for box in boxes.values())
    keys = [(STATES[s][0], STATES[s][1], STATES[s][3 if zh else 4]) for s in STATES if s in used]
    drawn, y = svg.line_legend(4, y - 6, keys, 450)
    notes = []
    if any(not z.declared for z in shown):
        notes.append("* 拟定的区域" if zh else "* proposed zone")
    if single and any(not known for box in boxes.values() for *_, known in box.chips):
        notes.append("虚线框：未识别或未列入清单的设备" if zh else "dashed: a device not identified or not on the list")
    if len(zones) > ZONES:
        rest = len(zones) - ZONES
        notes.append(f"另有 {rest} 个区域见表" if zh else f"{rest} more zones are in the table")
    drawn += svg.label(4, y, "；".join(notes) if zh else "; ".join(notes), 7.5, fill=svg.QUIET)
    title = "按普渡层级的拓扑" if zh else "Topology by Purdue level"
    return svg.drawing(460, y + 8, "".join(parts) + drawn, title)


def crowded(assessment: Assessment) -> bool:
    """There are too many devices to draw each of them in the one figure of the plant."""
    return sum(bool(asset.zone) for asset in assessment.site.assets) > NODES


def _chips(assets: list[Asset], lang: str) -> list[tuple[str, str, bool]]:
    ordered = sorted(assets, key=lambda a: (a.level, a.kind, a.name, a.id), reverse=True)
    listed = any(a.listed for a in assets)
    return [
        (a.name or a.id, look_up(KINDS, a.kind, lang), a.kind != "unknown" and (a.listed or not listed))
        for a in ordered
    ]


def _counts(assets: list[Asset], lang: str) -> str:
    """How many devices, and of which kinds, the most frequent first."""
    kinds = sorted(Counter(a.kind for a in assets).items(), key=lambda item: (-item[1], item[0]))
    words = [f"{look_up(KINDS, kind, lang)} {number}" for kind, number in kinds]
    if lang == "zh":
        return f"{len(assets)} 台：{'、'.join(words)}" if words else "0 台"
    return f"{len(assets)}: {', '.join(words)}" if words else "0"


def _place(boxes: list[_Box], top: float) -> float:
    """Puts the boxes of a lane side by side, in as many lines as they need; the lower end."""
    room = 460 - LEFT - 34
    x, y, lowest = LEFT, top, top
    for box in boxes:
        # a box as wide as its devices ask for, but so that neighbours of the same lane find a place beside it
        box.columns = max(1, min(max(len(box.chips), 2), int((room / min(len(boxes), 3) - 8) // (CHIP + 4))))
        if x > LEFT and x + box.width > LEFT + room + 1:
            x, y = LEFT, lowest + 10
        box.x, box.y = x, y
        x += box.width + 12
        lowest = max(lowest, y + box.height)
    return lowest


def _box(box: _Box, name: str) -> str:
    parts = [frame(box.x, box.y, box.width, box.height, name, box.zone.declared)]
    for index, piece in enumerate(svg.wrap(box.counted, box.width - 10, 6.5)):
        parts.append(svg.label(box.x + 6, box.y + 24 + index * 9, piece, 6.5, fill=svg.QUIET))
    wide = (box.width - 8) / box.columns - 4
    for index, (title, kind, known) in enumerate(box.chips):
        row, column = divmod(index, box.columns)
        parts.append(chip(box.x + 6 + column * (wide + 4), box.y + 19 + row * ROW, wide, title, kind, known))
    return "".join(parts)


def _lines(assessment: Assessment, boxes: dict[str, _Box]) -> tuple[str, set[str]]:
    """Conduits: straight where the boxes are neighbours, else along the right margin, each on a track of its own."""
    parts, used, tracks = [], set(), 0
    for passage in passages(assessment):
        one, two = boxes.get(passage.source), boxes.get(passage.target)
        if one is None or two is None or one is two:
            continue
        colour, dash, *_ = STATES[passage.state]
        used.add(passage.state)
        width = 2.2 if passage.state == "undeclared" else 1.5
        upper, lower = (one, two) if one.y <= two.y else (two, one)
        between = [
            b
            for b in boxes.values()
            if b is not one and b is not two and upper.y + upper.height < b.y + b.height and b.y < lower.y
        ]
        left, right = max(upper.x, lower.x), min(upper.x + upper.width, lower.x + lower.width)
        if not between and right - left > 16 and lower.y > upper.y + upper.height:
            x = left + (right - left) * (0.3 + 0.2 * (tracks % 3))
            ends = (x, upper.y + upper.height, x, lower.y)
            parts.append(
                svg.arrow(*(ends if one is upper else (ends[2], ends[3], ends[0], ends[1])), colour, width, dash)
            )
        else:
            track = 458 - (tracks % 5) * 5
            y1, y2 = one.y + 10 + (tracks % 4) * 4, two.y + 12 + (tracks % 4) * 4
            points = f"{svg.n(one.x + one.width)},{svg.n(y1)} {svg.n(track)},{svg.n(y1)} {svg.n(track)},{svg.n(y2)}"
            parts.append(
                svg.element(
                    "polyline", points=points, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dash
                )
            )
            parts.append(svg.arrow(track, y2, two.x + two.width, y2, colour, width, dash))
        tracks += 1
    return "".join(parts), used
