"""`sentinel dissect`: JSON Lines without nulls, lines for people, limits, faults."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fake_case
import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentinel.cli import _jsonl, _listing, main
from sentinel.errors import FaultyCapture

CONTRACT = {
    "frame", "time", "src", "dst", "sport", "dport", "transport", "protocol", "kind", "function", "operation",
    "activity", "unit", "object", "address", "quantity", "transaction",
}  # fmt: skip


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "x.pcap"
    path.write_bytes(b"")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["--lang", "en", "dissect", *arguments], prog_name="sentinel")


def objects(*arguments: str) -> list[dict]:
    result = run(*arguments, "--jsonl")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_object_a_message(monkeypatch, capture):
    fake_case.install(monkeypatch)
    request, response, write = objects(capture)
    assert request.keys() >= CONTRACT
    assert request["time"] == 1709280000.0 and request["time_ns"] == fake_case.START
    assert (request["unit"], request["address"]) == (0, 0)
    assert response["values"] == [0, 1234.5]
    assert write["values"] == ["NaN"] and write["fault"] == "length"
    assert write["items"] == [{"object": "holding_register", "address": 5, "quantity": 1}]
    assert request["modbus"] == {"subfunction": 0, "raw": "00"}


def test_what_is_absent_has_no_key(monkeypatch, capture):
    fake_case.install(monkeypatch)
    for message in objects(capture):
        assert None not in message.values() and "" not in message.values()
        assert "capture" not in message
    request, response, write = objects(capture)
    assert not {"values", "items", "status", "fault", "pair", "latency"} & request.keys()
    assert "modbus" not in write and "object" not in response


def test_contract_keys_come_first(monkeypatch, capture):
    fake_case.install(monkeypatch)
    keys = list(objects(capture)[0])
    assert keys[:5] == ["frame", "time", "time_ns", "src", "dst"]


def test_time_keeps_all_nine_decimals(monkeypatch, capture):
    fake_case.install(monkeypatch)
    assert '"time":1709280000.001500000,' in run(capture, "--jsonl").stdout


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0.000000000"), (1, "0.000000001"), (-1_500_000_000, "-1.500000000"), (2**63 - 1, "9223372036.854775807")],
)
def test_seconds(nanoseconds, text):
    assert _jsonl._seconds(pl.Series([nanoseconds]))[0] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.5, "1.5"), (2.0**53, "9007199254740992.0"), (-7.0, "-7"), (1e300, "1e+300"),
        (float("inf"), '"inf"'), (float("-inf"), '"-inf"'), (float("nan"), '"NaN"'), (None, None),
    ],
)  # fmt: skip
def test_numbers_as_json(value, text):
    got = _jsonl.encoded(pl.Series([value], dtype=pl.Float64))[0]
    assert got == text
    assert got is None or json.loads(got) is not None


@pytest.mark.parametrize("text", ['a"b', "back\\slash", "\x01\x7f\u2028", "中文", "\U0001f600", "tab\tline\n"])
def test_text_from_the_wire_is_escaped(text):
    assert json.loads(_jsonl.encoded(pl.Series([text]))[0]) == text


def test_other_types():
    assert _jsonl.encoded(pl.Series([True, None, False])).to_list() == ["true", None, "false"]
    assert _jsonl.encoded(pl.Series([b"\x00\xff", b"", None])).to_list() == ['"00ff"', None, None]
    assert _jsonl.encoded(pl.Series([fake_case.START]).cast(pl.Datetime("ns", "UTC")))[0] == str(fake_case.START)
    assert _jsonl.encoded(pl.Series(["x", None], dtype=pl.Categorical)).to_list() == ['"x"', None]


def test_values_keep_their_order_and_text():
    batch = fake_case.batch()
    points = pl.DataFrame(
        {"message": [2, 0, 2, 2], "value": [3.0, 1.0, None, None], "text": ["", "", "abc", ""]},
        schema={"message": pl.Int64, "value": pl.Float64, "text": pl.String},
    )
    lines = [json.loads(line) for line in _jsonl.lines({**batch, "points": points})]
    assert [line.get("values") for line in lines] == [[1], None, [3, "abc", None]]


def test_items_follow_their_index():
    items = pl.DataFrame({"message": [1, 1], "index": [1, 0], "address": [9, 0]})
    lines = [json.loads(line) for line in _jsonl.lines({**fake_case.batch(), "items": items})]
    assert lines[1]["items"] == [{"address": 0}, {"address": 9}]


def test_an_empty_batch_has_no_lines():
    batch = {name: table.clear() for name, table in fake_case.batch().items()}
    assert _jsonl.lines(batch).to_list() == []


def test_only_messages_are_needed():
    assert len(_jsonl.lines({"messages": fake_case.frame("messages")})) == 3


def test_limit_is_handed_on_and_kept(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch)
    assert len(objects(capture, "--limit", "2")) == 2
    assert pipeline.asked == [{"path": Path(capture), "limit": 2}]


def test_limit_counts_messages_of_the_protocol(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch)
    other = fake_case.frame("messages").with_columns(protocol=pl.lit("dnp3"))
    pipeline.batches = [{"messages": other}, fake_case.batch(), fake_case.batch()]
    found = objects(capture, "--protocol", "modbus", "--limit", "4")
    assert [message["protocol"] for message in found] == ["modbus"] * 4
    assert pipeline.asked[0]["limit"] is None
    assert objects(capture, "--protocol", "s7comm") == []


def test_standard_input(monkeypatch):
    pipeline = fake_case.install(monkeypatch)
    assert run("-", "--jsonl").exit_code == 0
    assert pipeline.asked[0]["path"] == "-"


def test_lines_for_people(monkeypatch, capture):
    fake_case.install(monkeypatch)
    head, request, response, write = run(capture).stdout.splitlines()
    assert head.split()[:2] == ["FRAME", "TIME"]
    assert "10.0.0.20:40000" in request and "unit 0  holding_register 0 ×2" in request
    assert response.endswith("= 0 1234.5")
    assert "! length ([red]odd[/red])" in write


def test_the_header_stands_once(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch)
    pipeline.batches = [fake_case.batch(), fake_case.batch()]
    assert run(capture).stdout.count("FRAME") == 1


def test_many_values_are_cut():
    points = pl.DataFrame({"message": [1] * 9, "value": [float(n) for n in range(9)], "text": [""] * 9})
    line = _listing.listing({"messages": fake_case.frame("messages"), "points": points})[1]
    assert line.endswith("= 0 1 2 3 4 5 6 7 …")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"object": "db", "block": 1, "address": 0, "bit": 3}, "db 1:0.3"),
        ({"object": "coil", "address": 0, "quantity": 0}, "coil 0 ×0"),
        ({"object": "file", "block": 4}, "file 4"),
        ({}, ""),
    ],
)
def test_targets(row, text):
    assert _listing.target({"object": "", "block": None, "address": None, "bit": None, "quantity": None, **row}) == text


def test_sides():
    assert _listing._side("fe80::1", 502) == "[fe80::1]:502"
    assert _listing._side("00:80:f4:00:00:01", None) == "00:80:f4:00:00:01"
    assert _listing._side("10.0.0.1", 0) == "10.0.0.1:0"


@pytest.mark.parametrize("how", [(), ("--jsonl",)])
def test_a_fault_of_the_file_ends_with_5_after_what_was_read(monkeypatch, capture, how):
    pipeline = fake_case.install(monkeypatch)

    def faulty():
        yield fake_case.batch()
        raise FaultyCapture("x.pcap: ends inside a record")

    pipeline.batches = faulty()
    result = run(capture, *how)
    assert result.exit_code == 5 and result.stdout.count("\n") >= 3
    assert result.stderr == "sentinel: x.pcap: ends inside a record\n"


def test_faults_of_messages_do_not_change_the_exit_code(monkeypatch, capture):
    fake_case.install(monkeypatch)
    assert run(capture, "--jsonl").exit_code == 0


def test_missing_file(monkeypatch):
    fake_case.install(monkeypatch)
    assert run("no/such.pcap", "--jsonl").exit_code == 3


def test_a_protocol_that_nothing_speaks(monkeypatch, capture):
    fake_case.install(monkeypatch)
    result = run(capture, "--protocol", "modbuss")
    assert result.exit_code == 2 and "modbus" in result.stderr


def test_a_folder_is_no_capture(tmp_path):
    assert "a folder" in run(str(tmp_path)).stderr


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pcap")
    result = run(str(tmp_path / "pipe.pcap"))
    assert result.exit_code == 3 and "neither a file nor a folder" in result.stderr
