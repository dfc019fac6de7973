"""Puts figures into chapters: numbered, with a caption and the same thing in words."""

from __future__ import annotations

from importlib import import_module

from sentinel.report.chapters._context import Context
from sentinel.report.document import Figure


def figure(c: Context, name: str, caption: tuple[str, str], alt: tuple[str, str] | str, width: float = 1.0) -> Figure:
    """The drawing of `sentinel.report.figures.<name>`; its anchor is `fig-<name>`."""
    svg = import_module(f"sentinel.report.figures.{name}").draw(c.a, c.lang)
    return Figure(svg, alt if isinstance(alt, str) else c.pick(*alt), c.pick(*caption), f"fig-{name}", width)
