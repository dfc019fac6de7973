"""`sentinel show`: conditions, columns, formats, and errors that name what comes near."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import fake_case
import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentinel import schema
from sentinel.cli import _query, main, show
from sentinel.errors import NoSuchRow, OutputError


@pytest.fixture(autouse=True)
def case(monkeypatch):
    fake_case.install(monkeypatch)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["--lang", "en", "show", *arguments, "--case", "acme"], prog_name="sentinel")


def rows(*arguments: str) -> list[dict]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_every_table_of_the_schema_can_be_shown():
    assert set(show.TABLES) == set(schema.TABLES)
    for table in show.TABLES:
        result = run(table)
        assert result.exit_code == 0, result.stderr
        assert f"{table}: {len(fake_case.ROWS[table])}" in result.stdout


def test_brief_columns_exist():
    for table, names in _query.BRIEF.items():
        for name in names:
            schema.TABLES[table].column(name)


def test_json_has_every_column_and_real_values():
    (first, *_) = rows("messages")
    assert set(first) == {column.name for column in schema.MESSAGES.columns}
    assert (first["unit"], first["address"], first["status"]) == (0, 0, None)
    assert first["time"] == "2024-03-01T08:00:00.000000000Z"


def test_json_in_text_columns_becomes_json():
    asset = rows("assets")[2]
    assert asset["ips"] == ["10.0.0.20", "10.0.1.20"] and asset["protocols"] == {"modbus": "client"}
    assert rows("assets")[0]["evidence"] == [[1, 1]]


def test_json_has_no_word_for_nan():
    assert [row["value"] for row in rows("points")] == [0.0, 1234.5, "nan"]


def test_json_of_nothing_is_an_empty_list():
    assert rows("messages", "--where", "unit = 99") == []


@pytest.mark.parametrize(
    ("where", "n"),
    [
        ("unit = 0", 2),
        ("activity = 'write'", 1),
        ("function in (3, 6) and dst like '10.0.0.1%'", 2),
        ("status is null", 3),
        ("time > timestamp '2024-03-01 08:00:00.001'", 2),
        ("time > timestamp '2025-01-01'", 0),
        ("fault <> ''", 1),
    ],
)
def test_conditions(where, n):
    assert len(rows("messages", "--where", where)) == n


def test_words_of_sql_are_quoted():
    assert len(rows("flows", "--where", "\"end\" = ''")) == 3
    result = run("flows", "--where", "end = ''")
    assert result.exit_code == 2 and '"end" in double quotes' in result.stderr


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("activty = 'write'", "no column 'activty'; did you mean activity"),
        ("zzz = 1", "no column 'zzz'; there are message"),
        ("unit =", "is not a SQL condition"),
        ("unit", "must be of type"),
        ("unit = 'x'", "cannot compare"),
        ("1", "must be of type"),
        ("select 1", "is not a SQL condition"),
    ],
)
def test_a_wrong_condition_is_one_sentence(where, said):
    for form in ("table", "json", "csv", "parquet"):
        result = run("messages", "--where", where, "--format", form)
        assert result.exit_code == 2, form
        assert said in result.stderr and result.stderr.count("\n") == 1


def test_a_protocols_own_table_shows_the_columns_that_hold_something(monkeypatch):
    own = pl.DataFrame({"message": [1, 2], "subfunction": [None, 0], "mei": [None, None]})
    monkeypatch.setattr(fake_case, "frame", lambda table: {"ext/modbus": own}[table])
    output = run("ext/modbus").stdout
    assert "subfunction" in output and "mei" not in output and "ext/modbus: 2" in output


def test_columns():
    assert rows("messages", "--columns", "frame, unit")[0] == {"frame": 4, "unit": 0}
    result = run("messages", "--columns", "frame,unti")
    assert result.exit_code == 2 and "did you mean unit" in result.stderr


def test_columns_all_on_the_screen():
    assert "transaction" in run("messages", "--columns", "all").stdout


def test_screen_has_the_title_in_the_language():
    output = CliRunner().invoke(main.cli, ["--lang", "zh", "show", "alerts", "-c", "acme"]).output
    assert "新主机写输出" in output and "Output written" not in output


def test_limit():
    assert len(rows("messages", "--limit", "1")) == 1
    assert "messages: 1 of 3; --limit 0 shows all." in run("messages", "--limit", "1").stdout
    assert "messages: 3\n" in run("messages", "--limit", "0").stdout


def test_text_from_the_wire_is_never_markup():
    assert "[bold]HMI-1" in run("assets").stdout


def test_csv():
    (head, *lines) = csv.reader(
        io.StringIO(run("messages", "--format", "csv", "--columns", "frame,unit,status").stdout)
    )
    assert head == ["frame", "unit", "status"]
    assert lines == [["4", "0", ""], ["5", "0", ""], ["6", "1", ""]]


def test_csv_of_nothing_has_its_header():
    assert run("faults", "--format", "csv", "--columns", "code", "--where", "frame = 0").stdout == "code\n"


@pytest.mark.parametrize("form", ["table", "json", "csv", "parquet"])
def test_files(tmp_path, form):
    path = tmp_path / f"out.{form}"
    result = run("points", "--format", form, "-o", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert path.stat().st_size > 0
    if form == "parquet":
        assert pl.read_parquet(path)["value"].to_list()[:2] == [0.0, 1234.5]


def test_parquet_to_a_pipe():
    assert pl.read_parquet(io.BytesIO(run("points", "--format", "parquet").stdout_bytes))["frame"].to_list() == [
        5,
        5,
        6,
    ]


def test_parquet_of_nothing_keeps_its_columns(tmp_path):
    path = tmp_path / "none.parquet"
    assert run("points", "--where", "unit = 77", "--format", "parquet", "-o", str(path)).exit_code == 0
    assert pl.read_parquet(path).columns == [column.name for column in schema.POINTS.columns]


@pytest.mark.parametrize("place", ["no/such/folder/x.csv", "."])
def test_a_place_that_cannot_be_written(place):
    assert run("points", "--format", "csv", "-o", place).exit_code == 7


def test_a_full_disk_is_an_output_error():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    rows_ = fake_case.frame("points").lazy()
    for where in (None, "unit = 0"):
        with pytest.raises(OutputError, match="standard output"), open("/dev/full", "wb") as out:
            _query.write_parquet(rows_, where, out)
    with pytest.raises(OutputError, match="/no/such/place"):
        _query.write_parquet(rows_, None, Path("/no/such/place.parquet"))


def test_unknown_table():
    result = run("mesages")
    assert result.exit_code == 2 and "messages" in result.stderr


def test_table_names_are_completed():
    command = main.cli.get_command(main.cli.make_context("sentinel", ["show", "x"]), "show")
    found = command.params[0].shell_complete(None, "fa")
    assert [item.value for item in found] == ["facts", "faults"]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [("3fa9", fake_case.STOP_ID), (fake_case.SCAN_ID, fake_case.SCAN_ID), ("3fa", None), ("zz", None)],
)
def test_rows_by_the_beginning_of_their_id(prefix, found):
    alerts = fake_case.frame("alerts").lazy()
    if found is None:
        with pytest.raises(NoSuchRow, match="begin"):
            _query.unique_alert(alerts, prefix)
    else:
        assert _query.unique_alert(alerts, prefix)["alert"] == found


def test_an_id_that_another_one_begins_with_is_itself():
    ids = pl.DataFrame({"alert": ["ab", "abc"]}).lazy()
    assert _query.unique_alert(ids, "ab")["alert"] == "ab"


def test_large_tables_are_written_in_batches(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(_query, "BATCH", 2)
    assert len(rows("messages")) == 3


def test_columns_that_are_none_or_named_twice():
    assert run("messages", "--columns", " , ").exit_code == 2
    assert run("messages", "--columns", "frame,frame").exit_code == 0
