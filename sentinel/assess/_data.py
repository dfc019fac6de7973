"""Reads the assessment's own YAML files: every value is asked for by type, and what is wrong is told with its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sentinel.assess import _yaml
from sentinel.assess.model import Text
from sentinel.errors import AssessmentError, Sentence


@dataclass(frozen=True, slots=True)
class Item:
    """A value of a data file and where it stands there, as `causes[3].remedy.steps`."""

    file: str
    path: str
    value: Any

    def wrong(self, why: str | Sentence) -> AssessmentError:
        """The error that says that this value cannot be used, and why."""
        if not self.path:
            return AssessmentError("{file}: {why}", file=self.file, why=why)
        return AssessmentError("{file}: {place}: {why}", file=self.file, place=self.path, why=why)

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Item]:
        """The fields of a mapping that must have the required names and may have the optional ones, and no other."""
        found = self.members()
        for name in required:
            if name not in found:
                raise self.wrong(Sentence("{name} is missing", name=name))
        for name in found:
            if name not in required and name not in optional:
                raise self.wrong(Sentence("{name} is not known here", name=name))
        return found

    def members(self) -> dict[str, Item]:
        """The members of a mapping, by name."""
        if not isinstance(self.value, Mapping):
            raise self.wrong(Sentence("must be a mapping"))
        prefix = f"{self.path}." if self.path else ""
        return {str(key): Item(self.file, f"{prefix}{key}", value) for key, value in self.value.items()}

    def list(self) -> tuple[Item, ...]:
        """The elements of a list."""
        if not isinstance(self.value, list):
            raise self.wrong(Sentence("must be a list"))
        return tuple(Item(self.file, f"{self.path}[{i}]", value) for i, value in enumerate(self.value))

    def word(self, among: Collection[str] | None = None) -> str:
        """A text that is not empty, one of `among` where that is given."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong(Sentence("must be a text"))
        if among is not None and self.value not in among:
            raise self.wrong(Sentence("{value} is none of {names}", value=self.value, names=", ".join(sorted(among))))
        return self.value

    def words(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(item.word() for item in self.list())

    def both(self) -> Text:
        """A text in both languages."""
        found = self.fields(("zh", "en"))
        return Text(found["zh"].word(), found["en"].word())

    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not low <= self.value <= high:
            raise self.wrong(Sentence("must be an integer from {low} to {high}", low=low, high=high))
        return self.value

    def decimal(self) -> Decimal:
        """A number that stands in quotes, so that no binary fraction comes between the file and the arithmetic."""
        try:
            number = Decimal(self.word())
        except InvalidOperation as error:
            raise self.wrong(Sentence("must be a number in quotes")) from error
        if not number.is_finite():
            raise self.wrong(Sentence("must be a finite number"))
        return number

    def table(self, rows: int, columns: int, low: int, high: int) -> tuple[tuple[int, ...], ...]:
        """A table of integers of exactly this size."""
        found = tuple(tuple(cell.integer(low, high) for cell in row.list()) for row in self.list())
        if len(found) != rows or any(len(row) != columns for row in found):
            raise self.wrong(Sentence("must have {rows} rows of {columns} numbers", rows=rows, columns=columns))
        return found


def read(path: Path) -> Item:
    """What a YAML file holds; AssessmentError where it cannot be read."""
    return Item(str(path), "", _yaml.read(path))
