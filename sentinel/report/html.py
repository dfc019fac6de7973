"""The report as one HTML file: nothing is loaded, tables can be searched and sorted, and it prints well."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentinel.errors import MissingExtra
from sentinel.report.document import TONES, Column, Document, Figure

_HERE = Path(__file__).parent


def render(document: Document) -> bytes:
    """The file, UTF-8. MissingExtra where jinja2 is not installed."""
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtra("HTML reports need jinja2: pip install 'sentinel-ics[report]'") from error

    class Block:
        """A block with the name of its class, by which the template chooses."""

        def __init__(self, block: Any):
            self._block = block
            self.kind_ = type(block).__name__

        def __getattr__(self, name: str) -> Any:
            return getattr(self._block, name)

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_read("report.html"))
    script = _read("report.js")
    tones = "".join(f".tone-{name}{{background:#{colour}}}" for name, colour in TONES.items() if name and colour)
    # a column of fields is only marked at its edge, which report.css draws: its rule must come after the tones
    css = tones + _read("report.css")
    numbers = itertools.count(1)
    page = template.render(
        meta=document.meta,
        blocks=[Block(block) for block in document.blocks],
        anchor=anchor,
        shares=shares,
        drawing=lambda figure: Markup(_drawing(figure, next(numbers))),
        css=Markup(css),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page.encode()


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def anchor(name: str) -> str:
    """An anchor as an id of HTML: without blanks, and never one of the page's own."""
    return "x-" + re.sub(r"[^A-Za-z0-9_.-]", lambda found: f"_{ord(found.group()):x}", name)


def shares(columns: Sequence[Column]) -> list[str]:
    """Widths of columns as per cent."""
    whole = sum(column.width for column in columns) or 1
    return [f"{column.width / whole * 100:.1f}" for column in columns]


def _drawing(figure: Figure, number: int) -> str:
    """The SVG inline; its description is read to those who do not see it. Its ids are its own by the number."""
    from markupsafe import escape

    svg = re.sub(r'(<pattern id="|url\(#)', rf"\g<1>drawing{number}-", figure.svg)
    return svg.replace("<svg ", f'<svg aria-label="{escape(figure.alt)}" style="width:{figure.width * 100:.0f}%" ', 1)
