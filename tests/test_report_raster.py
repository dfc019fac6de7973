"""Drawings as pictures."""

from __future__ import annotations

import struct

import pytest

pytest.importorskip("typst")

from sentinel.errors import AssessmentError  # noqa: E402
from sentinel.report import raster  # noqa: E402
from sentinel.report.figures import _svg as svg  # noqa: E402

DRAWING = svg.drawing(144, 72, svg.rect(10, 10, 50, 20, fill="#D55E00"), "a box")


def test_one_picture_a_drawing_in_the_size_asked_for():
    pictures = raster.png([DRAWING, DRAWING], dpi=150)
    assert len(pictures) == 2 and pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG")
    assert struct.unpack(">II", pictures[0][16:24]) == (300, 150)
    assert len(raster.png([DRAWING])) == 1 and raster.png([]) == []


def test_size():
    assert raster.size(DRAWING) == (144, 72)
    with pytest.raises(ValueError, match="without a size"):
        raster.size("<svg></svg>")


def test_a_drawing_that_typst_does_not_take_is_an_error_of_the_report() -> None:
    with pytest.raises(AssessmentError, match="a figure could not be drawn: .*SVG"):
        raster.png(['<svg width="10" height="10"><'])
