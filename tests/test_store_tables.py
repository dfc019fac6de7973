"""The tables of a case are those of the schema, in Parquet and in SQLite."""

from __future__ import annotations

import sqlite3

import polars as pl
import pytest
from store_rows import T0, frame

from sentinel import schema
from sentinel.store import tables


def test_every_type_of_the_schema_is_kept_and_named():
    for type_ in schema.TYPES:
        assert tables.type_name(tables.polars_type(type_)) == type_
    assert tables.type_name(pl.Categorical()) == tables.type_name(pl.Enum(["a"])) == "text"
    with pytest.raises(ValueError, match="no column type"):
        tables.type_name(pl.Duration("ns"))


def test_every_table_that_lies_in_sqlite_has_its_columns():
    db = sqlite3.connect(":memory:")
    db.executescript(tables.create_sql())
    for table in schema.TABLES.values():
        found = [row[1] for row in db.execute(f"PRAGMA table_info({table.name})")]
        assert found == ([c.name for c in table.columns] if table.store == "sqlite" else [])
    assert db.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)


def test_absence_and_zero_are_told_apart():
    (row,) = tables.as_rows("alerts", [{"alert": "x"}])
    assert (row["unit"], row["count"], row["protocol"]) == (None, 0, "")
    (zero, proof) = tables.as_values("alerts", [{"alert": "x", "unit": 0}, {"evidence": [[1, 2]]}])
    assert zero.count(None) == 0 and proof.count("[[1,2]]") == 1 and proof.count(None) == 1
    assert tables.as_values("alerts", []) == []
    with pytest.raises(ValueError, match="no column nonsense"):
        tables.as_values("alerts", [{"alert": "x"}, {"nonsense": 1}])


def test_rows_with_the_same_keys_and_with_different_ones_are_kept_alike():
    rows = [{"fact": f"f{k}", "device": "d", "kind": "name", "value": ["a", k], "confidence": 1} for k in range(3)]
    alike = tables.as_values("facts", rows)
    mixed = tables.as_values("facts", [*rows, {"fact": "f3"}])
    assert mixed[:3] == alike and mixed[3] == ("f3", 0, 0, 0, None, "", None, "", "", "", 0.0)
    assert alike[1] == ("f1", 0, 0, 0, None, "d", None, "name", '["a",1]', "", 1.0)
    assert all(type(row[-1]) is float for row in mixed)
    assert tables.as_values("facts", []) == []
    for wrong in ([{"facts": 1}], [{"fact": "f"}, {"facts": 1}]):
        with pytest.raises(ValueError, match="facts has no column facts"):
            tables.as_values("facts", wrong)


def test_frames_are_brought_into_the_shape_of_the_schema():
    wanted = frame("faults", 2, code="length", time=T0)
    other = wanted.select(reversed(wanted.columns)).with_columns(
        pl.col("code").cast(pl.Categorical), pl.col("time").dt.timestamp("ns"), pl.col("capture").cast(pl.Int64)
    )
    assert tables.conform("faults", other).equals(wanted)
    with pytest.raises(ValueError, match=r"missing \['code'\], surplus \['x'\]"):
        tables.conform("faults", wanted.rename({"code": "x"}))
    assert tables.as_rows("faults", wanted)[0]["time"] == T0
