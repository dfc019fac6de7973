"""Finds the special sheets: every function of this package that `sheet` marks, in the order of the report.

A sheet is a pure function from `Material` to a `Sheet`. One without data says in one line why, and never shows an empty
table. Clauses (M01 to M29) are those of the Bao'an measures; a pack's control names a sheet as `report: sheet:<id>`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sentinel.assess import questions
from sentinel.assess.model import Answer, Asset, CheckResult, Coverage, Evidence, Outcome, Pack, Sheet, Site, Text

Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What sheets are made of: the results of the assessment so far."""

    site: Site
    coverage: Coverage
    results: Mapping[str, CheckResult]
    alerts: Rows = ()
    captures: Rows = ()
    packs: tuple[Pack, ...] = ()
    exercises: Rows = ()
    """Label files of those captures that an exercise made: known by their hash, with who did what in which frames."""
    previous: Mapping[str, Any] = field(default_factory=dict)

    def table(self, check: str, name: str) -> Rows:
        """Rows that a check left for the sheets."""
        result = self.results.get(check)
        return () if result is None else tuple(result.tables.get(name, ()))

    def reason(self, check: str) -> Text | None:
        """Why a check could not tell; None where it could."""
        result = self.results.get(check)
        if result is None or result.outcome != Outcome.NOT_ASSESSABLE:
            return None
        return result.reason

    def answer(self, question: str) -> Answer | None:
        """The answer to a question."""
        return self.site.answers.get(question)

    def asset(self, address: str) -> Asset | None:
        """The device with that address."""
        return next((a for a in self.site.assets if address in a.ips or address in a.macs), None)

    def name(self, address: str) -> str:
        """The name of the device with that address, with the address; the address where it has no name."""
        asset = self.asset(address)
        return f"{asset.name} ({address})" if asset is not None and asset.name not in ("", address) else address


Function = Callable[[Material], Sheet]
_FOUND: dict[str, tuple[int, Function]] = {}


def sheet(id_: str, order: int) -> Callable[[Function], Function]:
    """Marks a function as the maker of the sheet of that id."""

    def mark(function: Function) -> Function:
        if id_ in _FOUND:
            raise ValueError(f"two sheets are called {id_}")
        _FOUND[id_] = (order, function)
        return function

    return mark


@cache
def makers() -> Mapping[str, Function]:
    """Every sheet's function by its id, in the order of the report."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return {id_: function for id_, (_, function) in sorted(_FOUND.items(), key=lambda item: item[1][0])}


def make(material: Material) -> tuple[Sheet, ...]:
    """All sheets."""
    return tuple(function(material) for function in makers().values())


def columns(*pairs: tuple[str, str]) -> tuple[Text, ...]:
    """Headings, from pairs of Chinese and English."""
    return tuple(Text(zh, en) for zh, en in pairs)


def evidence_of(material: Material, checks: Iterable[str], limit: int = 20) -> tuple[Evidence, ...]:
    """What the observations of some checks rest on, at most `limit` pieces."""
    found: dict[Evidence, None] = {}
    for check in checks:
        result = material.results.get(check)
        for observation in () if result is None else result.observations:
            for piece in observation.evidence:
                found.setdefault(piece)
                if len(found) >= limit:
                    return tuple(found)
    return tuple(found)


def not_answered(question: str) -> Text:
    """The line of a value that only a person can give, and nobody gave."""
    return Text(f"未答复（{question}）", f"not answered ({question})")


def said(material: Material, question: str) -> Text:
    """What was answered, with its state; or that it was not."""
    answer = material.answer(question)
    if answer is None or answer.value is None:
        return not_answered(question)
    words = _words(question, answer.value)
    state = STATES.get(answer.state)
    return words if state is None else Text(f"{words.zh}（{state.zh}）", f"{words.en} ({state.en})")


def told(material: Material, question: str) -> Text:
    """A question with what was answered to it, as a line that stands alone."""
    asked, words = questions.find(question), said(material, question)
    if asked is None:
        return Text(f"{question}：{words.zh}", f"{question}: {words.en}")
    return Text(f"{asked.text.zh}答复：{words.zh}。", f"{asked.text.en} Answer: {words.en}.")


def _words(question: str, value: Any) -> Text:
    """An answer as its question words it."""
    asked = questions.find(question)
    if asked is not None:
        return questions.words(asked, value)
    given = value if isinstance(value, list | tuple) else (value,)
    return Text("、".join(map(str, given)), ", ".join(map(str, given)))


YES, NO, UNKNOWN = Text("是", "yes"), Text("否", "no"), Text("未知", "not known")


def tri(value: Any) -> Text:
    """A yes, a no, or None for what could not be told."""
    return UNKNOWN if value is None else YES if value else NO


def zone_name(material: Material, zone: str) -> Text | str:
    """The name of a zone, and of what lies in none."""
    for known in material.site.zones:
        if known.id == zone:
            return known.name
    return PLACES.get(zone, zone)


_NOWHERE = Text("未划区", "in no zone")
PLACES = {"external": Text("外部", "outside"), "unzoned": _NOWHERE, "": _NOWHERE}


STATES = {
    "stated": Text("口述", "stated"),
    "documented": Text("有文件", "documented"),
    "verified": Text("已核实", "verified"),
    "wire": Text("流量实测", "from the wire"),
}
