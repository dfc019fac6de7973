"""Rows as documents: names, ids, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_case import row
from sink_documents import a_case, add, alerts, an_alert, of
from store_rows import SHA_A, SHA_B, T0, asset, fact

from sentinel import schema
from sentinel.sinks import documents
from sentinel.sinks.documents import HELD, Writer, fields, moment, path_of
from sentinel.store.case import Case
from sentinel.store.outbox import OFFERED, Offer, Outbox


def flat(body: dict[str, Any], before: str = "") -> dict[str, Any]:
    found = {}
    for name, value in body.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


def written(table: str, **values: Any) -> dict[str, Any]:
    extra = {"_row": 0, "_index": 0, "_nth": 0, "capture": 1, "frame": 1, "time": T0, "flow": 1, "protocol": "modbus"}
    whole = {**extra, **row(table, **values)} if table in ("items", "points") else {"_row": 0, **row(table, **values)}
    (document,) = Writer("tap-1", lambda number: SHA_A).documents(Offer(table, [whole]))
    return flat(document.body)


def test_columns_stand_under_the_names_that_rules_use() -> None:
    found = written("messages", time=T0, src="10.0.0.1", sport=0, unit=0, operation="read_coils", activity="read")
    assert found["source.ip"] == found["source.address"] == "10.0.0.1"
    assert found["event.action"] == "read_coils"
    assert found["ics.activity"] == "read"
    assert (found["ics.unit"], found["source.port"]) == (0, 0)  # zero is a value
    assert "ics.function" not in found  # null is not
    assert "ics.name" not in found  # nor is empty text
    assert found["@timestamp"] == "2023-11-14T22:13:20.000000000Z"
    assert found["event.dataset"] == "ics.messages"
    assert found["file.hash.sha256"] == SHA_A


def test_a_mac_address_is_no_ip() -> None:
    found = written("messages", src="00:80:f4:00:00:01", dst="fe80::1")
    assert "source.ip" not in found
    assert found["source.mac"] == "00-80-F4-00-00-01"
    assert found["source.address"] == "00:80:f4:00:00:01"
    assert found["destination.ip"] == "fe80::1"


@pytest.mark.parametrize("table", OFFERED)
def test_a_document_holds_no_field_that_the_mapping_does_not_know(table) -> None:
    columns = schema.TABLES[table].columns
    values: dict[str, Any] = {c.name: {"text": "x", "f64": 1.5, "bool": True}.get(c.type, 1) for c in columns}
    values |= {name: '["x"]' for name in ("techniques", "ips", "macs") if name in values}
    values |= {"flows": "[1]"} if "flows" in values else {}
    values |= {"protocols": '{"modbus": "server"}'} if "protocols" in values else {}
    values |= {"evidence": "[[1, 4]]"} if "evidence" in values else {}
    values |= {"severity": "high"} if "severity" in values else {}
    for address in ("10.0.0.1", "00:80:f4:00:00:01"):
        sides = {c.name: address for c in columns if c.ecs.endswith((".ip", ".mac"))}
        assert set(written(table, **{**values, **sides})) <= set(fields(table))


def test_every_column_is_in_the_mapping() -> None:
    for table in OFFERED:
        known = fields(table)
        assert {".".join(path_of(table, column)) for column in schema.TABLES[table].columns} <= set(known)


def test_a_value_that_is_no_number_is_text() -> None:
    found = written("points", value=float("nan"), address=3)
    assert "ics.points.value" not in found
    assert found["ics.points.text"] == "nan"


def test_a_time_before_1970_is_left_out() -> None:
    assert "ics.points.stamp" not in written("points", stamp=-5, address=3)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
        ((1 << 63) - 1, "2262-04-11T23:47:16.854775807Z"),
        (None, "1970-01-01T00:00:00.000000000Z"),
    ],
)
def test_times_keep_their_nanoseconds(ns, text) -> None:
    assert moment(ns) == text


def test_evidence_names_captures_by_their_hashes(tmp_path) -> None:
    (document,) = alerts(tmp_path / "c", an_alert(frames=((1, 7), (1, 9))))
    assert document.body["ics"]["alerts"]["evidence"] == [f"{SHA_A[:16]}:7", f"{SHA_A[:16]}:9"]
    assert document.body["file"]["hash"]["sha256"] == SHA_A
    assert document.body["event"]["severity"] == 73
    assert document.body["threat"]["technique"]["id"] == ["T0858"]


def test_the_same_capture_in_another_case_has_the_same_ids(tmp_path) -> None:
    one = a_case(tmp_path / "one", alerts=[an_alert()], facts=[fact("M340")])
    other = tmp_path / "other"
    with Case.open(other) as case:
        add(case, SHA_B, 3)
    with Case.open(other) as case:
        add(case, SHA_A, 5, facts=[fact("M340")])
    hashes = {1: SHA_B, 2: SHA_A}
    with Case.open(other, "read") as case, Outbox(case, "x", look_only=True) as outbox:
        writer = Writer("another-tap", hashes.__getitem__)
        offers = []
        while (offer := outbox.offer("messages", 100)) is not None:
            offers.append(offer)
            outbox.done(offer)
        found = [d for offer in offers for d in writer.documents(offer)]
    mine = [d for d in found if d.body["file"]["hash"]["sha256"] == SHA_A]
    assert [d.id for d in mine] == [d.id for d in of(one, "messages")]
    assert len({d.id for d in found}) == len(found) == 8


def test_a_changed_alert_is_another_document_of_the_same_event(tmp_path) -> None:
    (before,) = alerts(tmp_path / "a", an_alert(count=1))
    (after,) = alerts(tmp_path / "b", an_alert(count=5))
    assert before.id != after.id
    assert before.body["event"]["id"] == after.body["event"]["id"]


def test_protocols_own_columns_stand_with_their_message() -> None:
    writer = Writer("tap", lambda number: SHA_A)
    writer.expect({"s7comm": {"clock": "time", "raw": "bytes", "job": "u8"}})
    whole = {**row("messages", time=T0), "_row": 0, "s7comm.clock": T0, "s7comm.raw": b"\x00\xff", "s7comm.job": 0}
    (document,) = writer.documents(Offer("messages", [{**whole, "modbus.value": None}]))
    assert document.body["ics"]["s7comm"] == {"clock": moment(T0), "raw": "00ff", "job": 0}
    assert "modbus" not in document.body["ics"]
    assert fields("messages", {"s7comm": {"clock": "time"}})["ics.s7comm.clock"] == "date"


def test_a_summary_tells_what_was_held_back() -> None:
    held = [{"table": "alerts", "what": "plc_stop", "severity": "high", "count": 7},
            {"table": "alerts", "what": "scan", "severity": "low", "count": 2}]  # fmt: skip
    summary = Writer("tap", lambda number: SHA_A).summary(held, now=T0)
    assert summary.body["message"] == "9 held back by the rate limit: 7 x plc_stop high; 2 x scan low"
    assert summary.body["log"]["level"] == "high"
    assert set(flat(summary.body)) <= set(fields(HELD))


def test_assets_are_lists_of_words(tmp_path) -> None:
    folder = a_case(tmp_path / "c", assets=[asset("x", protocols={"modbus": "server"})])
    (document,) = of(folder, "assets")
    assert document.body["ics"]["assets"]["protocols"] == ["modbus:server"]
    assert json.loads(document.json()) == document.body
    assert documents.KINDS["assets"] == document.body["event"]["kind"]
