"""SVG drawings as PNG, for programs that cannot show SVG; drawn by typst, which needs no display and no browser."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sentinel.errors import MissingExtra

DPI = 300
_SIZE = re.compile(r'<svg [^>]*?width="([0-9.]+)" height="([0-9.]+)"')
_PAGE = b"""
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
    try:
        import typst
    except ImportError as error:
        raise MissingExtra("pictures of the figures need typst: pip install 'sentinel-ics[report]'") from error
    inputs = {"drawings": json.dumps([(drawing, size(drawing)[0]) for drawing in drawings])}
    pages = typst.compile(_PAGE, format="png", ppi=float(dpi), sys_inputs=inputs)
    return [pages] if isinstance(pages, bytes) else list(pages)
