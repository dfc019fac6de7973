"""The tables of a risk profile, as the report prints them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sentinel import resources
from sentinel.assess._yaml import read
from sentinel.assess.model import Text

MAX_DEPTH = 4
"""Profiles that build upon each other."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def profile(ident: str) -> Mapping[str, Any]:
    """A profile of the rulesets with what it extends; empty where there is none of that name any more."""
    values: dict[str, Any] = {}
    for _ in range(MAX_DEPTH):
        if not _NAME.fullmatch(ident):
            return values
        place = resources.rulesets() / "profiles" / f"{ident}.yaml"
        if not place.is_file():
            return values
        values = {**read(place), **values}
        base = values.pop("extends", None)
        if base is None:
            return values
        ident = str(base)
    return values


def matrix(ident: str) -> dict[tuple[int, int], int]:
    """(L*, F*) -> grade; empty where the profile does not grade by a matrix."""
    rows = profile(ident).get("matrix") or ()
    return {(column, line): int(grade) for line, row in enumerate(rows, 1) for column, grade in enumerate(row, 1)}


def words(value: Any) -> Text:
    """A text of a profile in both languages."""
    return Text(str(value["zh"]), str(value["en"])) if isinstance(value, Mapping) else Text(str(value), str(value))
