"""SVG drawings as PNG, for programs that cannot show SVG; drawn by typst, which needs no display and no browser."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence

from sentinel.errors import AssessmentError, MissingExtra
from sentinel.report import _typst

DPI = 300
_SIZE = re.compile(r'<svg [^>]*?width="([0-9.]+)" height="([0-9.]+)"')
_PAGE = """
#set page(margin: 0pt, width: auto, height: auto)
#for (drawing, width) in json(bytes(sys.inputs.drawings)) {
  page(image(bytes(drawing), format: "svg", width: width * 1pt))
}
"""


def size(svg: str) -> tuple[float, float]:
    """Width and height of a drawing of this package, in points."""
    found = _SIZE.search(svg)
    if found is None:
        raise ValueError("a drawing without a size")
    return float(found[1]), float(found[2])


def png(drawings: Sequence[str], dpi: float = DPI) -> list[bytes]:
    """One PNG a drawing, in one run of typst. MissingExtra where typst is not installed."""
    if not drawings:
        return []
    if importlib.util.find_spec("typst") is None:
        raise MissingExtra("pictures of the figures need typst: pip install 'sentinel-ics[report]'")
    inputs = {"drawings": json.dumps([(drawing, size(drawing)[0]) for drawing in drawings])}
    try:
        return _typst.run({"template": _PAGE, "inputs": inputs, "format": "png", "ppi": float(dpi)})
    except _typst.Failed as error:
        raise AssessmentError("a figure could not be drawn: {reason}", reason=error) from error
