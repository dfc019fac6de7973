"""Chapter 8: the special sheets, each with its table or with the one line that says why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sentinel.assess.model import Sheet, Text
from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.document import Block, Cell, Column, Heading, Paragraph, Row, Run, Table, cell, text

SAMPLE = 30
"""Rows that are read to choose the widths of the columns."""
LINE, WIDEST, WIDEST_WORD, PADDING = 96, 60, 22, 3
"""Latin characters: of a line of a table, of a column and of a word in it at most, and what its margins take."""
_BREAK = re.compile(r"[\s\u2e80-\uffff]+")


def topics(c: Context) -> Iterator[Block]:
    """Chapter 8."""
    yield Heading(1, c.pick("专题", "Special subjects"), "topics")
    chosen = sheets(c)
    if not chosen:
        yield from c.p("本次评估没有专题表。", "There are no special sheets in this assessment.")
        return
    for sheet in chosen:
        yield from one(c, sheet)


def sheets(c: Context) -> list[Sheet]:
    """The sheets of this variant."""
    wanted = c.scope.sheets
    return [
        sheet for sheet in c.a.sheets if not wanted or sheet.id in wanted or set(sheet.clauses) & set(c.scope.clauses)
    ]


def one(c: Context, sheet: Sheet) -> Iterator[Block]:
    """One sheet."""
    yield Heading(2, c.t(sheet.title), f"sheet-{sheet.id}")
    if sheet.clauses:
        answers = c.runs("对应条款：{clauses}。", "Answers: {clauses}.", clauses=c.join(sheet.clauses))
        yield Paragraph(answers, "note", keep=True)
    if not sheet.rows:
        reason = c.t(sheet.empty) or c.pick("没有数据。", "There are no data.")
        yield Paragraph(text(reason))
        yield from _notes(c, sheet)
        return
    if sheet.id == "data-flows":
        yield figure(
            c,
            "flows",
            ("区域间数据流", "Data flows between zones"),
            (
                "区域间数据流，线宽表示字节数，数值见下表。",
                "Flows between zones; the width of a line stands for bytes, which the table below gives.",
            ),
        )
    rows = tuple(_row(c, line, len(sheet.columns)) for line in sheet.rows)
    numeric = [
        all(isinstance(line[i], int | float) or line[i] is None for line in sheet.rows if i < len(line))
        for i in range(len(sheet.columns))
    ]
    columns = tuple(
        Column(c.t(title), width, "right" if is_number else "left")
        for title, width, is_number in zip(sheet.columns, _widths(c, sheet, rows), numeric, strict=True)
    )
    for block in c.table((sheet.title.zh, sheet.title.en), (), rows, anchor=f"tab-sheet-{sheet.id}"):
        assert isinstance(block, Table)
        yield Table(columns, block.rows, block.caption, block.anchor, block.note, compact=len(columns) > 6)
    yield from _notes(c, sheet)
    if sheet.evidence:
        yield Paragraph((Run(c.pick("证据：", "Evidence: ")), *c.cite(sheet.evidence)), "note")


def _notes(c: Context, sheet: Sheet) -> Iterator[Block]:
    yield from c.bullets(c.t(note) for note in sheet.notes)


def _row(c: Context, line: tuple[Any, ...], width: int) -> Row:
    padded = [*line, *[None] * (width - len(line))][:width]
    return Row(tuple(_cell(c, value) for value in padded))


def _cell(c: Context, value: Any) -> Cell:
    return (
        cell(c.unknown, "unknown") if value is None else cell(c.t(value) if isinstance(value, Text) else c.show(value))
    )


def _widths(c: Context, sheet: Sheet, rows: tuple[Row, ...]) -> list[float]:
    """Shares of the width by what the columns hold: all of it where there is room, its longest word where not."""
    least, wanted = [], []
    for index, title in enumerate(sheet.columns):
        texts = [c.t(title), *("".join(r.text for r in line.cells[index].runs) for line in rows[:SAMPLE])]
        words = [word for some in texts for word in _BREAK.split(some)]
        least.append(float(min(max(4, *map(_width, words)) + PADDING, WIDEST_WORD)))
        wanted.append(max(least[-1], float(min(max(map(_width, texts)) + PADDING, WIDEST))))
    spare = max(0.0, LINE - sum(least))
    more = sum(wanted) - sum(least)
    share = min(1.0, spare / more) if more else 0.0
    return [low + (high - low) * share for low, high in zip(least, wanted, strict=True)]


def _width(words: str) -> int:
    return sum(2 if ord(ch) > 0x2E80 else 1 for ch in words)
