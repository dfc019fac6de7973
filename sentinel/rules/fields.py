"""The field names that rules may use, derived from sentinel/schema.py: ECS where ECS has a name, `ics.*` elsewhere."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache

from sentinel import schema

CATEGORIES = {"message": "messages", "flow": "flows", "point": "points", "fact": "facts", "fault": "faults"}
"""logsource.category of a rule -> the table that it reads."""

SUBJECTS = {
    "messages": ("src", "dst", "unit"),
    "flows": ("client", "server", ""),
    "points": ("", "device", "unit"),
    "facts": ("", "device", "unit"),
    "faults": ("", "", ""),
}
"""Table -> the columns that tell who did it, to whom, and to which unit; empty where a table does not tell."""

SELECTORS = {
    "messages": ("protocol", "kind", "operation", "activity", "object", "status_name", "fault", "pairing", "transport"),
    "flows": ("protocol", "transport", "state", "label_by", "direction_by", "carrier", "end"),
    "points": ("protocol", "object", "access"),
    "facts": ("kind",),
    "faults": ("code", "protocol"),
}
"""Table -> its text columns of few distinct values, on which rules are decided once per combination, not per row."""

_EXTENSION = re.compile(r"ics\.([a-z0-9_]+)\.([a-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field name leads: `type` is one of schema.TYPES, empty for a protocol's own column (its parser knows)."""

    column: str
    type: str


@cache
def fields(table: str) -> dict[str, Field]:
    """Every field name of a table, without the protocols' own columns."""
    prefix = "ics." if table == "messages" else f"ics.{table}."
    return {c.ecs or prefix + c.name: Field(c.name, c.type) for c in schema.TABLES[table].columns}


def resolve(table: str, name: str) -> Field:
    """The column that a rule's field name stands for; LookupError with a sentence where there is none."""
    known = fields(table).get(name)
    if known is not None:
        return known
    extension = _EXTENSION.fullmatch(name)
    if table == "messages" and extension is not None and extension[1] not in schema.TABLES:
        return Field(f"{extension[1]}.{extension[2]}", "")
    last = name.rsplit(".", 1)[-1]
    near = [field for field, target in fields(table).items() if target.column == last]
    near = near or difflib.get_close_matches(name, fields(table), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise LookupError(f"unknown field {name} of {table}{hint}")


def type_of(table: str, column: str) -> str:
    """schema.TYPES of a column, empty for a protocol's own column."""
    return "" if "." in column else schema.TABLES[table].column(column).type
