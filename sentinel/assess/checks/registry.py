"""Finds the checks: every function of this package that `check` marks; ids are stable and never used twice.

A check is a pure function from a view and parameters to a result. It answers `not_assessable`, with the reason, where
the source that it needs does not exist; never something else.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sentinel.assess.model import CheckResult, Text
from sentinel.assess.view import View

Function = Callable[[View, Mapping[str, Any]], CheckResult]

_FOUND: dict[str, Check] = {}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the library: what it is called, what it asks, its parameters with their defaults."""

    id: str
    title: Text
    question: Text
    """What it asks of the traffic, one sentence."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Name -> default; a pack may override each."""
    sources: tuple[str, ...] = ()
    """Tables, and protocols as `protocol:tls`, that it needs."""
    function: Function | None = None

    def run(self, view: View, params: Mapping[str, Any] | None = None) -> CheckResult:
        """Its result under the defaults and the parameters given; KeyError for a parameter that it does not have."""
        unknown = set(params or ()) - set(self.params)
        if unknown:
            raise KeyError(f"{self.id} has no parameter {', '.join(sorted(unknown))}")
        assert self.function is not None
        return self.function(view, {**self.params, **(params or {})})


def check(
    id_: str, title: Text, question: Text, params: Mapping[str, Any] | None = None, sources: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Marks a function as the check of that id."""

    def mark(function: Function) -> Function:
        if id_ in _FOUND:
            raise ValueError(f"two checks are called {id_}")
        _FOUND[id_] = Check(id_, title, question, dict(params or {}), sources, function)
        return function

    return mark


@cache
def checks() -> dict[str, Check]:
    """Every check by its id, sorted."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return dict(sorted(_FOUND.items()))


def observation_id(check_id: str, subject: str, kind: str = "") -> str:
    """The id of an observation: the same thing seen again, in whatever capture, is the same observation."""
    return hashlib.sha256("\x1f".join((check_id, subject, kind)).encode()).hexdigest()[:16]
