"""What a rule is once it is compiled: plain data that JSON can hold, without pySigma and without YAML.

A condition is a nested list:

    ["and", [node, ...]]   ["or", [node, ...]]   ["not", node]   ["test", column, operator, value]

Operators on text: `is` (one of these, case ignored), `exact` (one of these), `re` ([pattern, flags], searched), `cidr`.
Operators on numbers: `num` (one of these), `lt`, `lte`, `gt`, `gte`. On both: `absent` (null, or empty text) and `same`
(equals that other column). An absent value passes no test but `absent`; absent text and empty text are the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sentinel.rules.alerts import AlertKind, placeholders

FORMAT = 1
"""Raised when the meaning of the compiled form changes: older cached forms are then not read."""

TEXT_OPERATORS = ("is", "exact", "re", "cidr")
NUMBER_OPERATORS = ("num", "lt", "lte", "gt", "gte")

GIVEN = ("src", "dst", "unit", "protocol", "count", "seconds")
"""Placeholders that are no column of the first row: the subject, and for correlations the threshold and the span."""

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


@dataclass(frozen=True, slots=True)
class Correlation:
    """What several matches must add up to. `type`: event_count, value_count or temporal; `span` in nanoseconds."""

    type: str
    rules: list[str]
    """Ids of the rules whose matches are counted."""
    group_by: list[str]
    """Columns whose values the matches must share."""
    span: int
    threshold: int
    """How many matches (event_count), distinct values (value_count) or distinct rules (temporal) it takes."""
    value: str = ""
    """The column whose distinct values are counted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule. A correlation rule has no condition, any other rule has no correlation."""

    kind: AlertKind
    path: str
    line: int
    table: str
    protocol: str
    """Protocol that logsource.service names, or empty for any."""
    condition: list[Any] | None = None
    correlation: Correlation | None = None
    emit: bool = True
    """False for a rule that only feeds correlations."""
    asker: str = "source"
    """Which end of a matching message did it: `destination` for rules that match answers."""
    falsepositives: dict[str, list[str]] = field(default_factory=dict)
    example: list[dict[str, Any]] = field(default_factory=list)
    counterexample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.kind.id

    @property
    def name(self) -> str:
        return self.kind.name

    def wanted(self) -> list[str]:
        """Columns whose values the sentences of the rule show, beside those that tell the subject."""
        texts = [*self.kind.why.values(), *self.kind.action.values()]
        names = dict.fromkeys(name for text in texts for name in placeholders(text))
        if self.table == "points" and "value" in names:
            names["text"] = None  # where the value is text
        return [name for name in names if name not in GIVEN]

    def columns(self) -> set[str]:
        """Columns of its table that the rule reads, for whatever purpose."""
        found = set()
        for _, column, operator, value in tests(self.condition) if self.condition is not None else ():
            found |= {column, value} if operator == "same" else {column}
        if self.correlation is not None:
            found |= {*self.correlation.group_by, *filter(None, [self.correlation.value])}
        return found | set(self.wanted())

    def to_json(self) -> dict[str, Any]:
        """The rule as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Rule:
        """The rule that `to_json` described; TypeError or KeyError where the data are none."""
        data = dict(data)
        data["kind"] = AlertKind(**data["kind"])
        if data["correlation"] is not None:
            data["correlation"] = Correlation(**data["correlation"])
        return cls(**data)


def tests(node: list[Any]) -> Iterator[list[Any]]:
    """Every test of a condition."""
    if node[0] == "test":
        yield node
    elif node[0] == "not":
        yield from tests(node[1])
    else:
        for child in node[1]:
            yield from tests(child)


def text_predicate(operator: str, value: Any) -> Callable[[str], bool]:
    """The text operator as a function of one present or empty text; every number operator says no."""
    if operator == "is":
        wanted = frozenset(value)
        return lambda text: text.casefold() in wanted
    if operator == "exact":
        return frozenset(value).__contains__
    if operator == "absent":
        return lambda text: text == ""
    if operator == "re":
        pattern, flags = value
        search = re.compile(pattern, sum(_FLAGS[flag] for flag in flags)).search
        return lambda text: text != "" and search(text) is not None
    if operator == "cidr":
        network = ipaddress.ip_network(value)
        return lambda text: _inside(text, network)
    return lambda text: False


def _inside(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # a MAC address, or nothing: in no network
        return False
    return address.version == network.version and address in network
