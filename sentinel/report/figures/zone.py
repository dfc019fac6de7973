"""One zone of a plant that is too large for one drawing: its devices, and what leads into it and out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sentinel.assess.model import Assessment, Asset
from sentinel.report.figures import _svg as svg
from sentinel.report.figures._conduits import STATES, Passage, names, passages
from sentinel.report.figures._devices import ROW, chip, frame
from sentinel.report.texts import KINDS, look_up

DEVICES = 60
"""Devices on one sheet: those with most findings; the rest is counted, and stands in the asset table."""
PASSAGES = 10
"""Conduits drawn on each side; the rest is counted, and stands in the table of conduits."""
WIDTH = 460.0
SIDE = 96.0
"""Room for the neighbours on either side."""
STEP = 44.0
"""Height of one neighbour."""
CHIP = 76.0


def draw(assessment: Assessment, lang: str, zone: str) -> str:
    """The sheet of the zone with this id; KeyError where there is none."""
    zh = lang == "zh"
    place = {z.id: z for z in assessment.site.zones}[zone]
    members = [asset for asset in assessment.site.assets if asset.zone == zone]
    shown = chosen(assessment, members)
    here = [p for p in passages(assessment) if p.source != p.target and zone in (p.source, p.target)]
    left, right = [p for p in here if p.target == zone], [p for p in here if p.source == zone]
    x = SIDE if left else 2.0
    room = WIDTH - x - (SIDE if right else 2.0)
    columns = int((room - 8) // (CHIP + 4))
    width = (room - 8) / columns
    sides = max(min(len(left), PASSAGES), min(len(right), PASSAGES)) * STEP
    height = max(24 + -(-len(shown) // columns) * ROW, sides, 48)
    words = names(assessment, lang)
    parts = [frame(x, 4, room, height, words[zone], place.declared)]
    listed = any(asset.listed for asset in members)
    for index, asset in enumerate(shown):
        line, column = divmod(index, columns)
        below = " · ".join(filter(None, (look_up(KINDS, asset.kind, lang), *asset.ips[:1])))
        known = asset.kind != "unknown" and (asset.listed or not listed)
        parts.append(chip(x + 6 + column * width, 23 + line * ROW, width - 4, asset.name or asset.id, below, known))
    parts += [_neighbour(p, words[p.source], 2, 6 + k * STEP, x) for k, p in enumerate(left[:PASSAGES])]
    parts += [_neighbour(p, words[p.target], x + room, 6 + k * STEP, WIDTH - 2) for k, p in enumerate(right[:PASSAGES])]
    used = {p.state for p in (*left[:PASSAGES], *right[:PASSAGES])}
    keys = [(STATES[s][0], STATES[s][1], STATES[s][3 if zh else 4]) for s in STATES if s in used]
    legend, y = svg.line_legend(4, height + 20, keys, WIDTH - 10) if keys else ("", height + 18)
    for note in _notes(len(members) - len(shown), [len(left), len(right)], not members, zh):
        legend += svg.label(4, y, note, 7.5, fill=svg.QUIET)
        y += 11
    title = f"区域“{words[zone]}”" if zh else f"Zone {words[zone]}"
    return svg.drawing(WIDTH, y, "".join(parts) + legend, title)


def chosen(assessment: Assessment, members: Sequence[Asset]) -> list[Asset]:
    """The devices that a sheet shows, in the order in which it shows them."""
    findings = Counter(ident for finding in assessment.findings for ident in finding.assets)
    first = sorted(members, key=lambda a: (-findings[a.id], a.kind == "unknown", a.kind, a.name, a.id))[:DEVICES]
    return sorted(first, key=lambda a: (a.kind == "unknown", a.kind, a.name, a.id))


def _notes(devices: int, sides: Sequence[int], empty: bool, zh: bool) -> list[str]:
    notes = []
    if empty:
        notes.append("该区域没有已知设备" if zh else "no device of this zone is known")
    if devices > 0:
        notes.append(
            f"所绘为发现最多的 {DEVICES} 台；另有 {devices} 台见资产清单"
            if zh
            else f"the {DEVICES} devices with most findings; {devices} more are in the asset list"
        )
    more = sum(max(0, number - PASSAGES) for number in sides)
    if more:
        notes.append(f"另有 {more} 条管道见区域间通信表" if zh else f"{more} more conduits are in the table")
    return notes


def _neighbour(passage: Passage, name: str, x1: float, y: float, x2: float) -> str:
    """The other zone's name and the protocols over an arrow in the colour and dash of the verdict."""
    colour, dash, *_ = STATES[passage.state]
    room = x2 - x1 - 10
    said = passage.declared if passage.state == "unseen" else passage.seen
    return (
        svg.label(x1 + 4, y + 10, svg.fit(name, room, 7.5), 7.5, font_weight="bold")
        + svg.label(x1 + 4, y + 19, svg.fit(said, room, 6), 6, fill=svg.QUIET)
        + svg.arrow(x1 + 2, y + 26, x2 - 2, y + 26, colour, 1.6, dash)
    )
