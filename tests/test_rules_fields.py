"""Field names of rules: derived from the schema, one name for one column."""

from __future__ import annotations

import pytest

from sentinel import schema
from sentinel.rules.fields import CATEGORIES, SELECTORS, SUBJECTS, Field, fields, resolve


@pytest.mark.parametrize("table", CATEGORIES.values())
def test_every_column_has_exactly_one_name(table: str) -> None:
    columns = [c.name for c in schema.TABLES[table].columns]
    assert [f.column for f in fields(table).values()] == columns


@pytest.mark.parametrize("table", CATEGORIES.values())
def test_the_tables_of_this_module_name_real_columns(table: str) -> None:
    types = {c.name: c.type for c in schema.TABLES[table].columns}
    assert all(types[column] == "text" for column in SELECTORS[table])
    assert set(SUBJECTS[table]) - {""} <= types.keys()


def test_names() -> None:
    assert resolve("messages", "source.ip") == Field("src", "text")
    assert resolve("messages", "ics.unit") == Field("unit", "i64")
    assert resolve("flows", "source.ip") == Field("client", "text")
    assert resolve("points", "ics.points.value") == Field("value", "f64")
    assert resolve("messages", "ics.modbus.subfunction") == Field("modbus.subfunction", "")


@pytest.mark.parametrize(
    ("table", "name", "hint"),
    [
        ("messages", "src", "source.ip"),
        ("messages", "ics.protocol", "network.protocol"),
        ("messages", "ics.unti", "ics.unit"),
        ("points", "ics.value", "ics.points.value"),
        ("messages", "ics.flows.gaps", ""),
        ("points", "ics.modbus.subfunction", ""),
        ("messages", "ics.a.b.c", ""),
    ],
)
def test_unknown_names(table: str, name: str, hint: str) -> None:
    with pytest.raises(LookupError, match=hint or "unknown field"):
        resolve(table, name)
