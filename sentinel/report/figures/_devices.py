"""How a device and a zone are drawn, the same in the topology and on the sheet of a zone."""

from __future__ import annotations

from sentinel.report.figures import _svg as svg

ROW = 24.0
"""Height of a device with the gap below it."""


def chip(x: float, y: float, width: float, title: str, below: str, known: bool) -> str:
    """A device: its name, and smaller what it is; dashed where it is not identified or not on the client's list."""
    return (
        svg.rect(
            x, y, width, ROW - 4, fill="#EAF3FA" if known else svg.PAPER, stroke=svg.BLUE if known else svg.INK,
            stroke_width=0.7, stroke_dasharray=None if known else "2.5 2", rx=2,
        )
        + svg.label(x + 3, y + 8.5, svg.fit(title, width - 6, 7), 7, font_weight="bold")
        + svg.label(x + 3, y + 16.5, svg.fit(below, width - 6, 6), 6, fill=svg.QUIET)
    )  # fmt: skip


def frame(x: float, y: float, width: float, height: float, name: str, declared: bool) -> str:
    """A zone: dashed where it is only proposed."""
    dash = None if declared else "5 3"
    outline = svg.rect(x, y, width, height, fill=svg.PAPER, stroke=svg.INK, stroke_width=1, stroke_dasharray=dash, rx=3)
    # a name is set smaller before it is cut
    size = next((size for size in (8.5, 8, 7.5, 7, 6.5) if svg.width_of(name, size) <= width - 12), 6.5)
    return outline + svg.label(x + 6, y + 13, svg.fit(name, width - 12, size), size, font_weight="bold")
