"""What every chapter has at hand: the assessment, the language, and sentences that never have a hole in them."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any

from sentinel.assess.model import Assessment, Asset, CheckResult, Control, Evidence, Finding, Outcome, Pack, Risk, Text
from sentinel.assess.timezones import of_site
from sentinel.report.document import Block, Bullets, Cell, Column, Paragraph, Row, Run, Runs, Table, text
from sentinel.report.evidence import EvidenceIndex
from sentinel.report.texts import (
    GRADES,
    NOT_STATED,
    TONE_OF_OUTCOME,
    TONE_OF_VERDICT,
    UNKNOWN,
    hours,
    look_up,
    percent,
    side,
    visibility,
)

ROWS_IN_BODY = 120
"""Rows of a table in a chapter; the workbook holds all of them."""
ROWS_IN_ANNEX = 400
CITED = 6
"""Pieces of evidence named in one place."""


class _Number(int):
    """An integer in a sentence: thousands separated; `{n:finding|findings}` agrees with it in English."""

    def __format__(self, spec: str) -> str:
        shown = f"{int(self):,}"
        if "|" not in spec:
            return shown
        one, many = spec.split("|")
        return f"{shown} {one if self == 1 else many}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a variant of the report is about: ids of packs start with one of `frameworks`; empty means all."""

    frameworks: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    risks: bool = True
    """It has the register, so that the computation is explained."""


class Context:
    """One assessment in one language."""

    def __init__(self, assessment: Assessment, lang: str, variant: str = "full", scope: Scope | None = None):
        self.a = assessment
        self.lang = lang
        self.variant = variant
        self.scope = Scope() if scope is None else scope
        self.evidence = EvidenceIndex(assessment)
        self.cited: set[str] = set()
        """Numbers of the evidence that the chapters so far lead to, those behind `of 12` included."""

    # --- words --------------------------------------------------------------------------------------------------------

    def t(self, value: Text | str | None) -> str:
        """A text in this language; empty for None."""
        return "" if value is None else value if isinstance(value, str) else value.in_(self.lang)

    def pick(self, zh: str, en: str) -> str:
        """One of two words."""
        return zh if self.lang == "zh" else en

    def word(self, words: Mapping[Any, Text], key: Any) -> str:
        """A shared word by its key."""
        return look_up(words, key, self.lang)

    def runs(self, zh: str, en: str, **values: Any) -> Runs:
        """A sentence out of a template and values; nothing where one of its values is missing.

        A value is text, a number, a `Text`, a run or runs; None, an empty text and empty runs are missing, 0 is not.
        """
        parts: list[Run] = []
        for literal, name, spec, _ in string.Formatter().parse(self.pick(zh, en)):
            parts.extend(text(literal))
            if name is None:
                continue
            value = values[name]
            if isinstance(value, Text):
                value = self.t(value)
            if value is None or value in ("", ()):
                return ()
            if isinstance(value, Run):
                parts.append(value)
            elif isinstance(value, tuple):
                parts.extend(value)
            else:
                number = isinstance(value, int) and not isinstance(value, bool)
                parts.append(Run(format(_Number(value) if number else value, spec or "")))
        return _joined(parts)

    def say(self, zh: str, en: str, **values: Any) -> str:
        """The same as plain text."""
        return "".join(run.text for run in self.runs(zh, en, **values))

    def p(self, zh: str, en: str, style: str = "body", **values: Any) -> Iterator[Paragraph]:
        """A paragraph of one sentence or more, where nothing in it is missing."""
        runs = self.runs(zh, en, **values)
        if runs:
            yield Paragraph(runs, style)

    def bullets(self, items: Iterable[str | Runs], ordered: bool = False) -> Iterator[Bullets]:
        """A list of those items that are not empty."""
        kept = tuple(text(item) if isinstance(item, str) else item for item in items if item)
        if kept:
            yield Bullets(kept, ordered)

    def short(self, value: Text | str, limit: int) -> str:
        """A text cut at the end of a sentence or clause, for tables; with an ellipsis where something is left out.

        `limit` counts Latin characters; a Chinese one is two of them, so that both languages end at about the same.
        """
        words = self.t(value)
        width = kept = 0
        for c in words:
            width += 2 if ord(c) > 0x2E80 else 1
            kept += width <= limit
        if width <= limit:
            return words
        cut = max(words.rfind(mark, 0, kept) for mark in ("。", "；", ". ", "; ", "，", ", ", " "))
        return words[: cut if cut > kept // 2 else kept].rstrip(" ，,;；。.") + "…"

    def owner(self, value: str) -> str:
        """Who is responsible, in this language; `to be named` where nobody is."""
        return side(value, self.lang) or self.pick("待指定", "to be named")

    @property
    def unknown(self) -> str:
        """What stands in a cell whose value nobody knows."""
        return self.t(UNKNOWN)

    @property
    def not_stated(self) -> str:
        """What stands where the client has not said anything."""
        return self.t(NOT_STATED)

    def join(self, items: Iterable[str]) -> str:
        """Items of a list, as the language separates them."""
        return self.pick("、", ", ").join(item for item in items if item)

    # --- values -------------------------------------------------------------------------------------------------------

    def show(self, value: Any) -> str:
        """Any plain value of an assessment in words; `unknown` where it is missing."""
        if value is None or value == "" or value == ():
            return self.unknown
        if isinstance(value, Text):
            return self.t(value) or self.unknown
        if isinstance(value, bool):
            return self.pick("是", "yes") if value else self.pick("否", "no")
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float):
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        if isinstance(value, list | tuple):
            rows = any(isinstance(item, Mapping) for item in value)
            shown = [self.show(item) for item in value]
            return self.pick("；", "; ").join(shown) if rows else self.join(shown)
        if isinstance(value, Mapping):  # a row of a register: its columns have names for programs only
            return self.join(self.show(item) for _, item in sorted(value.items()) if item not in (None, "", ()))
        return {"yes": self.pick("是", "yes"), "no": self.pick("否", "no"), "partly": self.pick("部分", "partly")}.get(
            str(value), side(str(value), self.lang)
        )

    def count(self, value: int | None) -> str:
        """A number with thousands separated, or `unknown`."""
        return self.unknown if value is None else f"{value:,}"

    def percent(self, value: float | None) -> str:
        """A share as per cent, or `unknown`."""
        return self.unknown if value is None else percent(value)

    def visibility(self, value: float | None, seen: bool) -> str:
        """How much was seen, or `unknown`."""
        return self.unknown if value is None else visibility(value, seen)

    def hours(self, value: float | None) -> str:
        """A duration in the unit that suits it; `unknown` where it is."""
        return self.unknown if value is None else hours(value, self.lang)

    def time(self, nanoseconds: int | None) -> str:
        """A time to the second, UTC; empty where there is none."""
        return "" if nanoseconds is None else _date(nanoseconds).strftime("%Y-%m-%d %H:%M:%S")

    def day(self, nanoseconds: int | None) -> str:
        """A day, UTC; empty where there is none."""
        return "" if nanoseconds is None else _date(nanoseconds).strftime("%Y-%m-%d")

    def span(self, first: int | None, last: int | None) -> str:
        """From when to when, UTC; `unknown` where there is no time."""
        if first is None and last is None:
            return self.unknown
        ends = [self.time(t) for t in (first, last) if t is not None]
        shown = ends[0] if len(set(ends)) == 1 else self.pick(" 至 ", " to ").join(ends)
        return f"{shown} UTC"

    def grade(self, grade: int | None) -> str:
        """A grade with its word: 4 高."""
        return self.unknown if grade is None else f"{grade} {self.word(GRADES, grade)}"

    def grade_cell(self, grade: int | None) -> Cell:
        """The same as a coloured cell."""
        return Cell(text(self.grade(grade)), f"grade{grade}" if grade in GRADES else "")

    # --- things -------------------------------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> tuple[tzinfo | None, str]:
        """The time zone of the site and its name; None where nobody stated one or this machine lacks it."""
        return of_site(self.a.site.engagement)

    def times(self, first: int, last: int) -> str:
        """From when to when, UTC and as the client's clocks showed it: the day is not repeated."""
        zone = self.clock[0]
        shown = f"UTC {_between(_date(first), _date(last))}"
        if zone is None:
            return shown
        local = _between(*(_date(moment).astimezone(zone) for moment in (first, last)))
        return f"{shown}{self.pick('；当地 ', '; local ')}{local}"

    @cached_property
    def assets(self) -> dict[str, Asset]:
        """Id -> device."""
        return {asset.id: asset for asset in self.a.site.assets}

    @cached_property
    def zones(self) -> dict[str, Any]:
        """Id -> zone."""
        return {zone.id: zone for zone in self.a.site.zones}

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """Id -> finding."""
        return {finding.id: finding for finding in self.a.findings}

    @cached_property
    def checks(self) -> dict[str, CheckResult]:
        """Id -> result of a check; the first where packs asked it with several parameters."""
        found: dict[str, CheckResult] = {}
        for result in self.a.checks:
            found.setdefault(result.check, result)
        return found

    @cached_property
    def controls(self) -> dict[tuple[str, str], Control]:
        """Framework and id -> control."""
        return {(control.framework, control.id): control for pack in self.a.packs for control in pack.controls}

    @cached_property
    def ranked(self) -> tuple[Risk, ...]:
        """Risks, the gravest first."""
        return tuple(sorted(self.a.risks, key=lambda risk: (-risk.grade, -Decimal(risk.score), risk.number)))

    @cached_property
    def packs(self) -> tuple[Pack, ...]:
        """Packs that this variant is about."""
        wanted = self.scope.frameworks
        return tuple(p for p in self.a.packs if not wanted or p.id.startswith(wanted))

    @cached_property
    def chosen(self) -> tuple[Finding, ...]:
        """Findings that this variant is about: those that bear on one of its frameworks."""
        wanted = self.scope.frameworks
        return tuple(f for f in self.a.findings if not wanted or any(name.startswith(wanted) for name, _ in f.controls))

    def asset_name(self, ident: str) -> str:
        """A device by its name, with its address where the name is another."""
        asset = self.assets.get(ident)
        if asset is None:
            return ident
        name = asset.name or asset.id
        return name if not asset.ips or name in asset.ips else f"{name} ({asset.ips[0]})"

    def zone_name(self, ident: str) -> str:
        """A zone by its name, marked where it is only proposed."""
        zone = self.zones.get(ident)
        if zone is None:
            return ident or self.unknown
        name = self.t(zone.name) or zone.id
        return name if zone.declared else name + self.pick("（拟定）", " (proposed)")

    def outcomes(self, framework: str) -> Counter[str]:
        """How often each verdict was given in a framework, in this language's words."""
        return Counter(self.t(result.display) for result in self.a.controls if result.framework == framework)

    def verdict(self, display: Text, outcome: Outcome) -> Cell:
        """A verdict on a requirement as a coloured cell."""
        return Cell(text(self.t(display)), TONE_OF_VERDICT.get(display.zh, TONE_OF_OUTCOME[outcome]))

    def tone(self, outcome: Outcome) -> str:
        """Colour of a verdict."""
        return TONE_OF_OUTCOME[outcome]

    def cite(self, pieces: Iterable[Evidence], limit: int = CITED) -> Runs:
        """Links to the evidence index; the rest is counted."""
        numbers = self.evidence.numbers(pieces)
        self.cited.update(numbers)
        parts: list[Run] = []
        for number in numbers[:limit]:
            if parts:
                parts.append(Run(" "))
            parts.append(Run(f"[{number}]", ref=f"ev-{number}"))
        if len(numbers) > limit:
            parts.append(Run(self.pick(f" 等 {len(numbers)} 项", f" of {len(numbers)}")))
        return tuple(parts)

    # --- tables -------------------------------------------------------------------------------------------------------

    def table(
        self,
        caption: tuple[str, str],
        columns: Iterable[tuple[str, str, float] | tuple[str, str, float, str]],
        rows: Iterable[Row],
        anchor: str = "",
        note: str = "",
        limit: int = ROWS_IN_BODY,
        compact: bool = False,
    ) -> Iterator[Block]:
        """A table where it has rows; a long one is cut, with a note that says so. Columns: zh, en, width, align."""
        lines = list(rows)
        if not lines:
            return
        entries = sum(not line.group for line in lines)
        if entries > limit:
            kept, shown = [], 0
            for line in lines:
                shown += not line.group
                if shown > limit:
                    break
                kept.append(line)
            if kept and kept[-1].group:
                kept.pop()
            lines = kept
            cut = self.pick(
                f"共 {entries:,} 行，此处列出前 {limit:,} 行，其余见随附工作簿。",
                f"{entries:,} rows in all; the first {limit:,} are printed, the workbook holds the rest.",
            )
            note = " ".join(filter(None, (note, cut)))
        heads = tuple(Column(self.pick(c[0], c[1]), c[2], c[3] if len(c) == 4 else "left") for c in columns)
        yield Table(heads, tuple(lines), self.pick(*caption), anchor, note, compact)


def is_open(question: Mapping[str, Any]) -> bool:
    """Nobody has answered the question, and neither has the wire."""
    return question.get("status") == "open" or question.get("answer") is None


def _joined(parts: Iterable[Run]) -> Runs:
    """Neighbouring plain runs as one."""
    done: list[Run] = []
    for run in parts:
        if done and not any((run.bold, run.code, run.ref, done[-1].bold, done[-1].code, done[-1].ref)):
            done[-1] = Run(done[-1].text + run.text)
        elif run.text or run.ref:
            done.append(run)
    return tuple(done)


def _between(first: datetime, last: datetime) -> str:
    """Two moments to the second; one of them where they are the same, the second day where it is another."""
    start, end = (moment.strftime("%Y-%m-%d %H:%M:%S") for moment in (first, last))
    return start if start == end else f"{start}–{end.removeprefix(start[:11])}"


def _date(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
