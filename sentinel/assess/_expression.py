"""The conditions of the questionnaire: `Q-CLD-01 != no and wire.remote_sessions > 0`.

A small language with a parser of its own: names (answers by question id, facts of the wire as `wire.<name>`), numbers,
words (bare or in quotes), comparisons, `in`, `and`, `or`, `not` and brackets. What is not known yet makes a comparison
unknown, and logic is that of Kleene: `unknown or yes` is yes. Nothing is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_LENGTH = 500
MAX_DEPTH = 20

_TOKEN = re.compile(
    r"\s*(?:(?P<name>Q-[A-Z]{2,3}-\d{2}(?:\.[a-z_]+)?|wire\.[a-z][a-z0-9_]*)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<quoted>'[^']*'|\"[^\"]*\")|(?P<word>[A-Za-z_][A-Za-z0-9_-]*)|(?P<sign>==|!=|<=|>=|<|>|\(|\)))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b or isinstance(a, tuple) and b in a,
    "!=": lambda a, b: not (a == b or isinstance(a, tuple) and b in a),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b if isinstance(b, tuple) else a == b,
}

Names = Mapping[str, Any]


class BadExpression(ValueError):
    """The condition cannot be read; says where."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that was read: the names that it needs, and its value."""

    text: str
    names: frozenset[str]
    _evaluate: Callable[[Names], Any]

    def __call__(self, names: Names) -> bool | None:
        """Whether it holds; None where that depends on a name that is not known."""
        found = self._evaluate(names)
        return None if found is None else bool(found)


def parse(text: str) -> Expression:
    """The condition in a text; BadExpression where it is none."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"longer than {MAX_LENGTH} characters")
    parser = _Parser(_tokens(text))
    evaluate = parser.either(0)
    parser.end()
    return Expression(text, frozenset(parser.names), evaluate)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadExpression(f"what stands at character {at + 1} is not understood: {text[at : at + 10].strip()}")
        kind = found.lastgroup
        assert kind is not None
        tokens.append((kind, found[kind]))
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent: or, and, not, comparison, value."""

    def __init__(self, tokens: list[tuple[str, str]]):
        self._tokens = tokens
        self._at = 0
        self.names: set[str] = set()

    def either(self, depth: int) -> Callable[[Names], Any]:
        if depth > MAX_DEPTH:
            raise BadExpression(f"more than {MAX_DEPTH} brackets in one another")
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else lambda names: _any([part(names) for part in parts])

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise BadExpression(f"{self._tokens[self._at][1]} is one thing too many")

    def _both(self, depth: int) -> Callable[[Names], Any]:
        parts = [self._negated(depth)]
        while self._take("and"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else lambda names: _all([part(names) for part in parts])

    def _negated(self, depth: int) -> Callable[[Names], Any]:
        if not self._take("not"):
            return self._compared(depth)
        inner = self._negated(depth + 1) if depth < MAX_DEPTH else self.either(depth + 1)
        return lambda names: None if (value := inner(names)) is None else not value

    def _compared(self, depth: int) -> Callable[[Names], Any]:
        if self._take("("):
            inner = self.either(depth + 1)
            if not self._take(")"):
                raise BadExpression("a bracket is not closed")
            return inner
        left = self._value()
        for sign, compare in _COMPARE.items():
            if self._take(sign):
                return _comparison(left, compare, self._value())
        return left

    def _value(self) -> Callable[[Names], Any]:
        if self._at >= len(self._tokens):
            raise BadExpression("it ends where a value is due")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "name":
            self.names.add(text)
            return lambda names: names.get(text)
        if kind == "sign" or text in ("and", "or", "not", "in"):
            raise BadExpression(f"{text} stands where a value is due")
        if kind == "number":
            number = float(text)
            return lambda names: number
        word = text[1:-1] if kind == "quoted" else text
        return lambda names: word

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens):
            kind, found = self._tokens[self._at]
            if found == text and kind in ("sign", "word"):
                self._at += 1
                return True
        return False


def _comparison(
    left: Callable[[Names], Any], compare: Callable[[Any, Any], bool], right: Callable[[Names], Any]
) -> Callable[[Names], Any]:
    def evaluate(names: Names) -> bool | None:
        a, b = left(names), right(names)
        if a is None or b is None:
            return None
        try:
            return compare(a, b)
        except TypeError:
            return None  # a word against a number: nothing can be said

    return evaluate


def _any(values: list[Any]) -> bool | None:
    if any(value is not None and value for value in values):
        return True
    return None if None in values else False


def _all(values: list[Any]) -> bool | None:
    if any(value is not None and not value for value in values):
        return False
    return None if None in values else True
