"""The risk matrix before and after treatment: ids in the cells, so that a reader finds each risk in the register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.assess.model import Assessment
from sentinel.report.figures import _svg as svg
from sentinel.report.profile import matrix
from sentinel.report.texts import GRADES

CELL = 37.0
HEIGHT = 33.0
SHOWN = 6
"""Ids in one cell; more are counted."""

GROUNDS = {
    1: ("#E4EEF5", "none"),
    2: ("#BFDDF0", "dots"),
    3: ("#F7DE9A", "fall"),
    4: ("#EDB083", "rise"),
    5: ("#D98466", "cross"),
}


SMALLEST = 4.8
"""Size of the letters of a number that hardly fits."""


def draw(assessment: Assessment, lang: str) -> str:
    """Likelihood along, impact upwards; `±` marks a risk whose grade hangs on an input that nobody measured."""
    zh = lang == "zh"
    grades = matrix(assessment.profile)
    before: dict[tuple[int, int], list[str]] = {}
    after: dict[tuple[int, int], list[str]] = {}
    for risk in assessment.risks:
        mark = "±" if len(risk.grades) > 1 else ""
        _put(before, risk.values, risk.number + mark)
        # a risk that nothing is planned against stays where it is
        _put(after, {**risk.values, **risk.after}, risk.number)
    panels = [
        _panel(34, before, grades, "处置前" if zh else "Before treatment", zh),
        _panel(
            34 + 5 * CELL + 40,
            after,
            grades,
            "处置后（措施落实并验证）" if zh else "After treatment (done and verified)",
            zh,
        ),
    ]
    words = [(*GROUNDS[g], f"{g} {GRADES[g].in_(lang)}") for g in sorted(GROUNDS, reverse=True)]
    keys, y = svg.legend(34, 20 + 5 * HEIGHT + 40, words, 420, 8)
    note = "± 该风险的等级取决于尚未核实的输入" if zh else "± the grade hangs on an input that is not verified"
    if any(len(risk.grades) > 1 for risk in assessment.risks):
        keys += svg.label(34, y, note, 7.5, fill=svg.QUIET)
        y += 12
    title = "风险矩阵" if zh else "Risk matrix"
    return svg.drawing(460, y, "".join(panels) + keys, title)


def _put(cells: dict[tuple[int, int], list[str]], values: Mapping[str, Any], ident: str) -> None:
    place = (int(values["Lstar"]), int(values["Fstar"]))
    cells.setdefault(place, []).append(ident)


def _panel(
    x: float, cells: Mapping[tuple[int, int], list[str]], grades: Mapping[tuple[int, int], int], title: str, zh: bool
) -> str:
    top = 20.0
    parts = [svg.label(x, 12, title, 9.5, font_weight="bold")]
    for likelihood in range(1, 6):
        for impact in range(1, 6):
            left, upper = x + (likelihood - 1) * CELL, top + (5 - impact) * HEIGHT
            ground, pattern = GROUNDS[grades[likelihood, impact]] if grades else (svg.SHADE, "none")
            parts.append(svg.patterned(left, upper, CELL, HEIGHT, ground, pattern, stroke=svg.PAPER, stroke_width=1))
            parts.append(_ids(left, upper, sorted(cells.get((likelihood, impact), ()))))
    bottom = top + 5 * HEIGHT
    for step in range(1, 6):
        parts.append(svg.label(x + (step - 0.5) * CELL, bottom + 10, str(step), 8, text_anchor="middle"))
        parts.append(svg.label(x - 5, top + (5.5 - step) * HEIGHT + 3, str(step), 8, text_anchor="end"))
    parts.append(
        svg.label(x + 2.5 * CELL, bottom + 22, "可能性 L*" if zh else "Likelihood L*", 8.5, text_anchor="middle")
    )
    middle = top + 2.5 * HEIGHT
    parts.append(
        svg.label(
            x - 19,
            middle,
            "损失 F*" if zh else "Loss F*",
            8.5,
            text_anchor="middle",
            transform=f"rotate(-90 {svg.n(x - 19)} {svg.n(middle)})",
        )
    )
    return "".join(parts)


def _ids(left: float, top: float, idents: list[str]) -> str:
    shown = idents if len(idents) <= SHOWN else [*idents[: SHOWN - 1], f"+{len(idents) - SHOWN + 1}"]
    columns = 1 if len(shown) <= 2 else 2
    size = 8.0 if columns == 1 else 6.0
    wide = CELL / columns
    parts = []
    rows = -(-len(shown) // columns)
    for index, ident in enumerate(shown):
        row, column = divmod(index, columns)
        x = left + (column + 0.5) * wide
        y = top + HEIGHT / 2 + (row - (rows - 1) / 2) * 10
        while size > SMALLEST and svg.width_of(ident, size) > wide - 5:
            size -= 0.4
        box = min(wide - 2, svg.width_of(ident, size) + 4)
        parts.append(svg.rect(x - box / 2, y - 4.6, box, 9.2, fill=svg.PAPER, rx=1.5, stroke=svg.INK, stroke_width=0.5))
        parts.append(
            svg.label(x, y + size * 0.36, svg.fit(ident, wide, size), size, text_anchor="middle", font_weight="bold")
        )
    return "".join(parts)
