"""The tables and enumerations are declared once, completely and consistently; the core writes exactly them."""

from __future__ import annotations

from enum import IntEnum

import polars as pl
import pytest
from battery import see
from frames import Talk
from modbus_samples import mbap

from sentinel import model, schema
from sentinel.schema import TABLES, TYPES, Column

EVERY = [(table.name, column) for table in TABLES.values() for column in table.columns]


@pytest.mark.parametrize(("table", "column"), EVERY, ids=[f"{t}.{c.name}" for t, c in EVERY])
def test_columns(table, column: Column) -> None:
    assert column.type in TYPES
    assert column.name.isidentifier() and column.name == column.name.lower()
    assert column.sentence.endswith(".")
    assert column.type not in ("text", "bytes") or not column.null, "an absent text is empty"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_tables(table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert table.store in ("parquet", "sqlite", "none") and table.sentence.endswith(".")
    assert set(table.key) <= set(names)
    for column in table.columns:
        assert not column.via or column.via in TABLES
        assert table.column(column.name) is column
    with pytest.raises(KeyError, match=table.name):
        table.column("no_such_column")


def test_ecs_names_have_one_meaning_in_a_table() -> None:
    for table in TABLES.values():
        used = [column.ecs for column in table.columns if column.ecs]
        assert len(set(used)) == len(used), table.name


@pytest.mark.parametrize(
    "members", [model.Kind, model.Activity, model.Direction, model.Verdict, model.DType, model.Access, model.Fault]
)
def test_numbers_are_unique_and_small(members: type[IntEnum]) -> None:
    values = [member.value for member in members]
    assert len(members.__members__) == len(set(values)) and max(values) < 64


def test_numbers_that_case_files_hold_stay() -> None:
    """Numbers are written to disk: a change here makes old cases unreadable."""
    assert [kind.name for kind in model.Kind] == (
        "OTHER REQUEST RESPONSE EXCEPTION UNSOLICITED CONFIRM LINK MALFORMED".split()
    )
    assert [activity.name for activity in model.Activity] == (
        "OTHER READ WRITE CONTROL PROGRAM MODE CONFIGURE IDENTIFY FILE TIME ALARM REPORT SESSION DIAGNOSE".split()
    )
    assert (model.Fault.FILE_TRUNCATED, model.Fault.STREAM_GAP, model.Fault.LENGTH, model.Fault.PARSER) == (
        1,
        20,
        40,
        52,
    )


POLARS = {
    "i32": (pl.Int32,), "i64": (pl.Int64,), "u8": (pl.UInt8,), "f64": (pl.Float64,),
    "text": (pl.String, pl.Categorical, pl.Enum),
    "time": (pl.Datetime("ns", "UTC"),),
}  # fmt: skip


@pytest.mark.parametrize("name", ["messages", "items", "points", "flows", "faults"])
def test_the_core_writes_what_is_declared(name) -> None:
    talk = Talk().open()
    for pdu in ("140e0600040001000206000300090002", "0300000001"):
        talk.send(0, mbap(pdu))
    talk.send(1, mbap("140c05060dfe0020050633cd0040")).send(0, mbap("ff")[:5]).close()
    frame = see(talk.records).tables[name]
    columns = [column for column in TABLES[name].columns if not column.via]
    assert frame.height > 0 and frame.columns == [column.name for column in columns]
    for column in columns:
        assert frame.schema[column.name] in POLARS[column.type], column.name
        assert column.null or frame[column.name].null_count() == 0, column.name


def test_facts_have_known_kinds_and_sentences() -> None:
    assert all(sentence.endswith(".") for sentence in schema.FACT_KINDS.values())
