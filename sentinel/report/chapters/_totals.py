"""Verdicts counted by framework: for the summary and for chapter 6."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sentinel.assess.model import ControlResult, Pack
from sentinel.assess.verdicts import MET, NOT_APPLICABLE, NOT_MET, ON_SITE, PARTLY
from sentinel.report.chapters._context import Context
from sentinel.report.document import Block, cell, row, text

DISPLAYS = (NOT_MET, PARTLY, ON_SITE, NOT_APPLICABLE, MET)
"""Words of verdicts in the order of every table that counts them."""


def judged(c: Context) -> list[Pack]:
    """Packs of this variant that gave verdicts, other than programmes and techniques."""
    return [pack for pack in c.packs if pack.kind not in ("technique", "programme") and results_of(c, pack)]


def results_of(c: Context, pack: Pack) -> list[ControlResult]:
    """The verdicts of a pack."""
    return [result for result in c.a.controls if result.framework == pack.id]


def displays(c: Context, results: Iterable[ControlResult]) -> list[str]:
    """The words of these verdicts, each once, in the order of DISPLAYS; unknown ones behind."""
    given = dict.fromkeys(result.display for result in results)
    return [c.t(word) for word in (*(d for d in DISPLAYS if d in given), *(d for d in given if d not in DISPLAYS))]


def totals(c: Context, packs: list[Pack], anchor: str = "") -> Iterator[Block]:
    """Verdicts counted by framework."""
    words = displays(c, (result for pack in packs for result in results_of(c, pack)))
    lines = []
    for pack in packs:
        counts = c.outcomes(pack.id)
        lines.append(
            row(
                c.t(pack.title),
                *(c.count(counts[word]) for word in words),
                cell(text(c.count(sum(counts.values())), bold=True)),
            )
        )
    yield from c.table(
        ("各标准的结论计数", "Verdicts by framework"),
        (("标准", "Framework", 3.4), *((word, word, 1.1, "right") for word in words), ("合计", "Total", 0.8, "right")),
        lines,
        anchor=anchor,
        note=c.pick(
            "按结论计数；分区域给出结论的条款按区域各计一次。“待现场核查”不计入符合。",
            "Verdicts are counted; a requirement that is judged zone by zone counts once a zone. What is left to be"
            " checked on site does not count as met.",
        ),
    )
