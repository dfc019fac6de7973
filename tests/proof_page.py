"""What a self-contained HTML page holds, for the tests that prove the report: elements, headings, tables, colours."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "col", "input", "base", "source", "wbr"}
_COLOUR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\b")


class Page(HTMLParser):
    """Reads a page once; `unclosed` names what was not closed in its order."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.headings: list[int] = []
        self.words: list[str] = []
        self.style = ""
        self.unclosed: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.unclosed += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unclosed.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style" and "svg" not in self._open:
            self.style += data
        elif self._open and self._open[-1] != "script":
            self.words.append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        """Attributes of every element of these names."""
        return [attributes for tag, attributes in self.elements if tag in tags]

    def text(self) -> str:
        """What a person reads, drawings included."""
        return " ".join(" ".join(self.words).split())


def contrast(one: str, other: str) -> float:
    """Ratio of two colours `#rrggbb` (WCAG 2.2, 1.4.3): 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours(style: str) -> list[tuple[str, str, str]]:
    """(selector, text colour, background) of each rule that names one of them; the other is that of the page."""
    variables = dict(re.findall(r"(--[\w-]+):\s*(#[0-9a-fA-F]{3,6})", style))
    for name, value in variables.items():
        style = style.replace(f"var({name})", value)
    found = []
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style):
        ink = re.search(r"(?<![-\w])color:\s*(#[0-9a-fA-F]{3,6})", body)
        paper = re.search(r"background(?:-color)?:\s*(#[0-9a-fA-F]{3,6})", body)
        if ink or paper:
            page = (variables["--ink"], "#ffffff")
            found.append((selector.strip(), ink[1] if ink else page[0], paper[1] if paper else page[1]))
    return found


def _luminance(colour: str) -> float:
    match = _COLOUR.fullmatch(colour)
    assert match, colour
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    parts = []
    for at in (0, 2, 4):
        share = int(digits[at : at + 2], 16) / 255
        parts.append(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
