"""Small drawing helpers: every text is escaped, every number printed the same way, every colour has a hatch beside it.

Colours are those of Okabe and Ito, which people with colour-blindness tell apart; hatches tell them apart in grey
print. The drawing is plain SVG 1.1 without scripts, links or fonts of its own, so that browsers, Word and typst agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from sentinel.report.document import harmless

FONT = (
    "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, SimHei, PingFang SC, WenQuanYi Zen Hei, Arial, sans-serif"
)

INK = "#1B2733"
QUIET = "#5B6770"
LINE = "#B9C2CA"
PAPER = "#FFFFFF"
SHADE = "#F3F5F7"

BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"

HATCHES = ("none", "rise", "fall", "cross", "dots", "level")
"""Patterns that `hatch` draws over a ground."""


def n(value: float) -> str:
    """A number as SVG text: at most two decimals, never in exponents."""
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown in ("-0", "") else shown


def attributes(**values: object) -> str:
    """Attributes of an element: underscores become hyphens, None is left out, numbers are printed by `n`."""
    parts = []
    for name, value in values.items():
        if value is not None:
            shown = n(value) if isinstance(value, int | float) else str(value)
            parts.append(f" {name.rstrip('_').replace('_', '-')}={quoteattr(harmless(shown))}")
    return "".join(parts)


def element(name: str, content: str = "", /, **values: object) -> str:
    """An element around markup that is already safe."""
    return f"<{name}{attributes(**values)}>{content}</{name}>" if content else f"<{name}{attributes(**values)}/>"


def rect(x: float, y: float, width: float, height: float, **values: object) -> str:
    """A rectangle."""
    return element("rect", x=x, y=y, width=max(width, 0), height=max(height, 0), **values)


def line(x1: float, y1: float, x2: float, y2: float, **values: object) -> str:
    """A straight line, in the colour of rules unless told."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": LINE, **values})


def label(x: float, y: float, words: str, size: float = 11, **values: object) -> str:
    """A line of text; `y` is its base line."""
    return element(
        "text", escape(harmless(words)).replace("\n", " "), x=x, y=y, **{"font_size": size, "fill": INK, **values}
    )


def width_of(words: str, size: float = 11) -> float:
    """About how wide a text is: a Chinese character is as wide as high, a Latin one a good half of it."""
    return sum(size if ord(c) > 0x2E80 else size * 0.56 for c in words)


def fit(words: str, width: float, size: float = 11) -> str:
    """The text, cut with an ellipsis where it is wider than `width`."""
    if width_of(words, size) <= width:
        return words
    kept = ""
    for c in words:
        if width_of(kept + c + "…", size) > width:
            break
        kept += c
    return kept.rstrip() + "…"


def wrap(words: str, width: float, size: float = 11, lines: int = 2) -> list[str]:
    """The text in at most `lines` lines: broken at blanks, or between Chinese characters; the last one is cut."""
    pieces: list[str] = []
    for word in words.split():
        chunk = ""
        for c in word:
            if ord(c) > 0x2E80:
                pieces.extend([chunk, c] if chunk else [c])
                chunk = ""
            else:
                chunk += c
        pieces.append(f"{chunk} ")
    done: list[str] = []
    current = ""
    for index, piece in enumerate(pieces):
        if current and width_of((current + piece).rstrip(), size) > width:
            if len(done) == lines - 1:
                return [*done, fit(current + "".join(pieces[index:]).strip(), width, size)]
            done.append(current.rstrip())
            current = ""
        current += piece
    return [fit(part, width, size) for part in [*done, current.rstrip()] if part]


def hatch(name: str, ink: str = INK, strength: float = 0.35) -> str:
    """Definition of a pattern called `name` in `HATCHES`; use it as the fill `url(#name)`."""
    strokes = {
        "rise": '<path d="M0 6 L6 0" {0}/>',
        "fall": '<path d="M0 0 L6 6" {0}/>',
        "cross": '<path d="M0 6 L6 0 M0 0 L6 6" {0}/>',
        "dots": f'<circle cx="3" cy="3" r="1" fill="{ink}" fill-opacity="{n(strength)}"/>',
        "level": '<path d="M0 3 L6 3" {0}/>',
    }
    if name not in strokes:
        return ""
    stroke = f'stroke="{ink}" stroke-opacity="{n(strength)}" stroke-width="0.8" fill="none"'
    lines = strokes[name].format(stroke)
    return f'<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">{lines}</pattern>'


def patterned(
    x: float, y: float, width: float, height: float, fill: str, pattern: str = "none", **values: object
) -> str:
    """A rectangle with a ground and a hatch over it."""
    ground = rect(x, y, width, height, fill=fill, **values)
    return ground if pattern == "none" else ground + rect(x, y, width, height, fill=f"url(#{pattern})", stroke="none")


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.6, dash: str | None = None) -> str:
    """A line with a head at its end."""
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 0.01)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    head = 5 + width
    bx, by = x2 - ux * head, y2 - uy * head
    half = head / 2
    corners = ((x2, y2), (bx - uy * half, by + ux * half), (bx + uy * half, by - ux * half))
    points = " ".join(f"{n(x)},{n(y)}" for x, y in corners)
    return line(x1, y1, bx, by, stroke=colour, stroke_width=width, stroke_dasharray=dash) + element(
        "polygon", points=points, fill=colour
    )


def legend(
    x: float, y: float, items: Iterable[tuple[str, str, str]], width: float, size: float = 10
) -> tuple[str, float]:
    """Boxes with words (fill, hatch, words), wrapped at `width`; the markup and the y of the next free line."""
    parts = []
    left = x
    for fill, pattern, words in items:
        need = 18 + width_of(words, size) + 16
        if left > x and left + need > x + width:
            left, y = x, y + size + 8
        parts.append(patterned(left, y - size + 1, 13, size, fill, pattern, stroke=QUIET, stroke_width=0.6))
        parts.append(label(left + 18, y, words, size))
        left += need
    return "".join(parts), y + size + 8


def line_legend(
    x: float, y: float, items: Iterable[tuple[str, str | None, str]], width: float, size: float = 8
) -> tuple[str, float]:
    """Samples of lines with words (colour, dash, words), wrapped at `width`; the markup and the y of the next line."""
    parts = []
    left = x
    for colour, dash, words in items:
        need = 30 + width_of(words, size) + 16
        if left > x and left + need > x + width:
            left, y = x, y + size + 8
        middle = y - size * 0.35
        parts.append(line(left, middle, left + 24, middle, stroke=colour, stroke_width=2.2, stroke_dasharray=dash))
        parts.append(label(left + 30, y, words, size))
        left += need
    return "".join(parts), y + size + 8


def drawing(width: float, height: float, content: str, title: str, hatches: Iterable[str] = HATCHES) -> str:
    """A whole SVG document with its title for readers who do not see it."""
    definitions = "".join(hatch(name) for name in hatches)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{n(width)}" height="{n(height)}" '
        f'viewBox="0 0 {n(width)} {n(height)}" role="img" font-family={quoteattr(FONT)}>'
        f"<title>{escape(harmless(title))}</title><defs>{definitions}</defs>"
        f"{rect(0, 0, width, height, fill=PAPER)}{content}</svg>"
    )
