"""What a report is before it is a file: blocks of text, tables and figures, numbered and linked in one place.

Chapters build blocks in one language; `number` gives headings, tables and figures their numbers, fills in the words of
cross references and makes hostile text harmless; renderers only draw. No block knows a file format.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 4000
"""Characters of one run of text; what is longer came from outside and is cut with an ellipsis."""
MAX_WORD = 400
"""Characters without a blank."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text. `ref` names an anchor that it leads to; an empty text then becomes that anchor's label."""

    text: str = ""
    bold: bool = False
    code: bool = False
    """Set in a fixed-width face: addresses, hashes, identifiers."""
    ref: str = ""


Runs = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 1 is a chapter. `kind` is numbered, annex or plain (in the contents, but without a number)."""

    level: int
    text: str
    anchor: str
    kind: str = "numbered"
    number: str = ""
    new_page: bool = False
    """Filled by `number`: a chapter starts on a new page where it or the one before it is long."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`style` is body, lead (larger, of the summary), note (smaller) or fine (smallest)."""

    runs: Runs
    style: str = "body"
    anchor: str = ""
    keep: bool = False
    """On the page of what follows."""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; `ordered` numbers its items."""

    items: tuple[Runs, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is a share of the table's width; `align` left, center or right."""

    title: str
    width: float = 1.0
    align: str = "left"


@dataclass(frozen=True, slots=True)
class Cell:
    """`tone` colours the cell's ground (`TONES`); its text always says the same in words."""

    runs: Runs = ()
    tone: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`group` marks a heading inside the table: one cell over the whole width."""

    cells: tuple[Cell, ...]
    group: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a numbered caption (none where `caption` is empty); its head is repeated on every page."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    anchor: str = ""
    note: str = ""
    compact: bool = False
    label: str = ""
    """Filled by `number`: 表 7-1 or Table 7-1."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels and what they stand for, without a caption: fact sheets and the sheet of a finding."""

    rows: tuple[tuple[str, Cell], ...]
    title: str = ""
    tone: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing; `alt` says in words what it shows, `width` is a share of the text's width."""

    svg: str
    alt: str
    caption: str = ""
    anchor: str = ""
    width: float = 1.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Callout:
    """A framed remark; `tone` as in `Cell`."""

    title: str
    runs: Runs
    tone: str = "info"


@dataclass(frozen=True, slots=True)
class SignOff:
    """Lines to sign: role, name where it is known; `columns` are the titles name, signature, date."""

    columns: tuple[str, str, str, str]
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """The first page: built from the document's `Meta`."""

    fields: tuple[tuple[str, str], ...]
    watermark: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """The place of the table of contents."""

    title: str


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows starts on a new page."""


Block = Heading | Paragraph | Bullets | Table | Fields | Figure | Callout | SignOff | Cover | Contents | PageBreak

TONES: Mapping[str, str] = {
    "": "",
    "info": "E8F1F8",
    "good": "D9EFE6",
    "bad": "F6D5C3",
    "warn": "FBEBC4",
    "unknown": "ECEEF0",
    "grade1": "E4EEF5",
    "grade2": "CFE6F5",
    "grade3": "FBEBC4",
    "grade4": "F3C9A8",
    "grade5": "E9A48A",
}
"""Grounds behind black text, as RRGGBB: all keep a contrast of 7:1 and differ in lightness when printed in grey."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What stands on the cover, in the header and in the file's properties."""

    lang: str
    variant: str
    title: str
    subtitle: str
    organisation: str
    client: str
    site: str
    number: str
    classification: str
    date: str
    """Day of the newest thing that went in, YYYY-MM-DD."""
    time: int
    """The same in nanoseconds since 1970."""
    author: str
    assessment: str
    root: str
    """Root of the hash tree over everything that the report rests on."""
    program: str
    page_of: str
    """Words of the footer, with {page} and {pages}."""
    keywords: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    """Words that renderers print themselves: search, sort, skip to content, ..."""


@dataclass(frozen=True, slots=True)
class Document:
    """A report in one language."""

    meta: Meta
    blocks: tuple[Block, ...]


def text(value: str, **style: Any) -> Runs:
    """Runs of one plain text; nothing where it is empty."""
    return (Run(value, **style),) if value else ()


def cell(value: str | Runs | Cell, tone: str = "") -> Cell:
    """A table's cell out of text, runs or a cell."""
    if isinstance(value, Cell):
        return value
    return Cell(text(value) if isinstance(value, str) else value, tone)


def row(*values: str | Runs | Cell) -> Row:
    """A table's row out of its cells."""
    return Row(tuple(cell(value) for value in values))


def group(title: str) -> Row:
    """A heading inside a table."""
    return Row((cell(text(title, bold=True)),), group=True)


# --- numbers, references and harmless text ----------------------------------------------------------------------------

_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\u00ad]")
_LONG_WORD = re.compile(rf"\S{{{MAX_WORD},}}")


def harmless(value: str) -> str:
    """Text that any format can hold: no control, bidirectional or invisible characters, no endless words.

    A line feed stays, a tabulator becomes a blank; what stands for a lone surrogate or a control becomes U+FFFD, so
    that a reader sees that something was there.
    """
    if value.isascii() and value.isprintable() and len(value) < MAX_WORD:
        return value
    value = _INVISIBLE.sub("\ufffd", value.replace("\r\n", "\n").replace("\t", " "))
    value = "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Cn", "Co") else "\ufffd" for c in value
    )
    value = _LONG_WORD.sub(lambda found: found.group()[: MAX_WORD - 1] + "…", value)
    return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"


_LABELS = {
    "zh": {"table": "表 {}", "figure": "图 {}", 1: "第 {} 章", 2: "{} 节", "annex": "附录 {}"},
    "en": {"table": "Table {}", "figure": "Figure {}", 1: "chapter {}", 2: "section {}", "annex": "annex {}"},
}


def number(meta: Meta, blocks: Iterable[Block]) -> Document:
    """The finished document: numbered headings and captions, references with words, harmless text.

    A reference to what this variant of the report does not hold stays as its words, without a link. KeyError where it
    has no words either, or where an anchor is used twice: chapters are to blame for that, not the input.
    """
    numbered: list[Block] = []
    labels: dict[str, str] = {}
    words = _LABELS[meta.lang]
    counters = [0, 0, 0]
    annexes = tables = figures = 0
    chapter = ""

    def name(anchor: str, label: str) -> None:
        if anchor in labels:
            raise KeyError(f"two places are called {anchor}")
        if anchor:
            labels[anchor] = label

    for block in blocks:
        if isinstance(block, Heading):
            label = block.text
            if block.kind == "plain":
                chapter = "" if block.level == 1 else chapter
            elif block.kind == "annex":
                annexes += 1
                chapter = chr(ord("A") + annexes - 1)
                label = words["annex"].format(chapter)
                block = dataclasses.replace(block, number=label[0].upper() + label[1:])
                counters[1:] = [0, 0]
            else:
                counters[block.level - 1] += 1
                counters[block.level :] = [0] * (3 - block.level)
                if block.level == 1:
                    chapter = str(counters[0])
                value = ".".join([chapter, *map(str, counters[1 : block.level])])
                block = dataclasses.replace(block, number=value)
                label = words[min(block.level, 2)].format(value)
            if block.level == 1:
                tables = figures = 0
            name(block.anchor, label)
        elif isinstance(block, Table):
            if block.caption and chapter:
                tables += 1
                block = dataclasses.replace(block, label=words["table"].format(f"{chapter}-{tables}"))
            name(block.anchor, block.label or block.caption)
            for line in block.rows:
                for item in line.cells:
                    name(item.anchor, _plain(item.runs))
        elif isinstance(block, Figure):
            if block.caption and chapter:
                figures += 1
                block = dataclasses.replace(block, label=words["figure"].format(f"{chapter}-{figures}"))
            name(block.anchor, block.label or block.caption)
        elif isinstance(block, Fields):
            name(block.anchor, block.title)
        elif isinstance(block, Paragraph) and block.anchor:
            name(block.anchor, _plain(block.runs))
        numbered.append(block)

    def finish(run: Run) -> Run:
        linked = run.ref in labels
        return dataclasses.replace(run, text=harmless(run.text or labels[run.ref]), ref=run.ref if linked else "")

    def clean(value: str) -> str:
        return harmless(value)

    finished = (_each(block, finish, clean) for block in _paged(numbered))
    return Document(_each(meta, finish, clean), tuple(_fitted(b) if isinstance(b, Table) else b for b in finished))


LONG_CHAPTER = 30
"""Lines from which on a chapter has pages of its own; short chapters of a small client follow each other."""


def _paged(blocks: list[Block]) -> Iterator[Block]:
    starts = [i for i, b in enumerate(blocks) if isinstance(b, Heading) and b.level == 1]
    chapters = itertools.pairwise([*starts, len(blocks)])
    long = {start: sum(map(_lines, blocks[start:end])) >= LONG_CHAPTER for start, end in chapters}
    before = True
    for index, block in enumerate(blocks):
        if isinstance(block, Heading) and block.level == 1 and block.kind != "plain":
            block = dataclasses.replace(block, new_page=before or long[index])
            before = long[index]
        yield block


TEXT_WIDTH = 453.0
"""Width of the text of an A4 page, in points."""
SAMPLE = 60
"""Rows that are looked at to fit the columns."""
SHORT = 14
"""Characters of a word that has to stay in one piece."""


def _fitted(table: Table) -> Table:
    """The table with columns wide enough that neither a heading nor a short word breaks; the others give the room."""
    whole = sum(column.width for column in table.columns)
    wanted = [column.width / whole * TEXT_WIDTH for column in table.columns]
    least = []
    for index, column in enumerate(table.columns):
        heads = [_width(word, 5.3) for word in column.title.split()]
        body = [
            _width(word, 4.7)
            for line in table.rows[:SAMPLE]
            if not line.group
            for word in _plain(line.cells[index].runs).split()
            if len(word) <= SHORT
        ]
        least.append(max([*heads, *body, 12.0]) + 11)
    missing = sum(max(low - want, 0) for low, want in zip(least, wanted, strict=True))
    room = sum(max(want - low, 0) for low, want in zip(least, wanted, strict=True))
    share = min(missing / room, 1.0) if room else 0.0
    widths = [low if want < low else want - (want - low) * share for low, want in zip(least, wanted, strict=True)]
    columns = (dataclasses.replace(c, width=round(width, 2)) for c, width in zip(table.columns, widths, strict=True))
    return dataclasses.replace(table, columns=tuple(columns))


def _width(word: str, latin: float) -> float:
    """About how wide the widest piece of a word is: Chinese breaks anywhere, Latin nowhere."""
    return max((len(piece) * latin for piece in re.findall(r"[\u0000-\u2e80]+", word)), default=9.0)


def _lines(block: Block) -> int:
    """About how many lines of a page a block takes."""
    if isinstance(block, Figure):
        return 18
    if isinstance(block, Table):
        return 3 + sum(max(sum(len(r.text) for r in c.runs) // 30 + 1 for c in line.cells) for line in block.rows)
    if isinstance(block, Fields):
        return 2 + 2 * len(block.rows)
    return 2 + sum(map(len, block_text(block))) // 45


def _plain(runs: Runs) -> str:
    return "".join(run.text for run in runs)


def _each(value: Any, finish: Callable[[Run], Run], clean: Callable[[str], str]) -> Any:
    """The same tree with every run finished and every other text cleaned; drawings are left as they are."""
    if isinstance(value, Run):
        return finish(value)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(_each(item, finish, clean) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            f.name: _each(getattr(value, f.name), finish, clean) for f in dataclasses.fields(value) if f.name != "svg"
        }
        return dataclasses.replace(value, **changed)
    return value


def plain_text(document: Document) -> str:
    """Every word of a document, line by line: what tests and searches read."""
    lines: list[str] = []
    for block in document.blocks:
        lines.extend(block_text(block))
    return "\n".join(line for line in lines if line)


def block_text(block: Block) -> list[str]:
    """The lines of one block."""
    match block:
        case Heading():
            return [f"{block.number} {block.text}".strip()]
        case Paragraph():
            return [_plain(block.runs)]
        case Bullets():
            return [_plain(item) for item in block.items]
        case Table():
            head = " | ".join(column.title for column in block.columns)
            body = [" | ".join(_plain(item.runs) for item in line.cells) for line in block.rows]
            return [f"{block.label} {block.caption}".strip(), head, *body, block.note]
        case Fields():
            return [block.title, *(f"{label}: {_plain(item.runs)}" for label, item in block.rows)]
        case Figure():
            return [f"{block.label} {block.caption}".strip(), block.alt]
        case Callout():
            return [block.title, _plain(block.runs)]
        case SignOff():
            return [" | ".join(block.columns), *(" | ".join(line) for line in block.rows)]
        case Cover():
            return [*(f"{label}: {value}" for label, value in block.fields), block.watermark]
        case Contents():
            return [block.title]
    return []
