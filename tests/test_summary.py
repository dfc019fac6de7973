"""What a run counted, and the rows and summaries that are made of it."""

from __future__ import annotations

import json

import frames as f
import pytest
from battery import see
from frames import SECOND, START, Pcapng, Talk
from modbus_samples import mbap

from sentinel import summary
from sentinel.summary import Input, Label, Totals


def exchange() -> Talk:
    talk = Talk().open()
    for n in range(3):
        talk.send(0, mbap("0300000002", transaction=n)).send(1, mbap("030400010002", transaction=n))
    return talk.close()


def test_totals_add_up_over_batches_and_captures() -> None:
    seen = see(exchange().records)
    totals = Totals()
    for _ in range(2):
        totals.add(seen.tables)
        totals.add_capture(seen.engine)
    assert (totals.messages, totals.points, totals.flows, totals.gaps) == ({"modbus": 12}, 12, 2, 0)
    assert totals.frames == 2 * seen.engine.frames and totals.bytes == 2 * seen.engine.bytes
    assert totals.labels == {("modbus", "payload of both sides"): Label(2, 12, 0.95, totals.bytes)}


def test_protocols_are_sorted_by_what_was_said() -> None:
    labels = {
        ("", ""): Label(9, 0, 0.0, 900), ("http", "x"): Label(1, 0, 0.9, 5000), ("dnp3", "y"): Label(1, 7, 0.9, 10),
    }  # fmt: skip
    rows = summary.protocols(Totals(labels=labels))
    assert [row["protocol"] for row in rows] == ["dnp3", "http", ""]
    assert rows[0] == {"protocol": "dnp3", "label_by": "y", "confidence": 0.9, "flows": 1, "messages": 7, "bytes": 10}


@pytest.mark.parametrize(
    ("stopped", "cut", "state"), [(False, 0, "complete"), (False, 3, "faulty"), (True, 3, "interrupted")]
)
def test_the_row_of_a_capture(stopped, cut, state) -> None:
    p = Pcapng()
    frame = f.ethernet(f.ipv4(f.tcp(b"x")))
    data = p.section((1, b"by hand")) + p.interface(1, (2, b"eth0")) + p.interface(147)
    data += p.packet(START // 1000, frame, wire=900) + p.packet(START // 1000 + 5, b"?", interface=1)
    data += p.statistics((5, p.number(4)))
    seen = see(data[: len(data) - cut])
    one = Input("/captures/a.pcapng", "ab" * 32, len(data))
    row = summary.capture_row(one, {"capture": 7, "run": "r"}, seen.engine, seen.reader, "gzip", stopped)
    detail = json.loads(row.pop("detail"))
    assert row == {
        "capture": 7, "run": "r", "sha256": "ab" * 32, "content_sha256": "", "path": "/captures/a.pcapng",
        "format": "pcapng+gzip", "state": state, "bytes": len(data), "frames": 2, "first_time": START,
        "last_time": START + 5000, "cut": 1, "duplicates": 0, "unread": 1, "dropped": None if cut else 4,
        "backwards": 0,
    }  # fmt: skip
    assert [i["link_type"] for i in detail["interfaces"]] == ["Ethernet", "147 (not read)"]
    assert (detail["comments"], detail["unread"]) == (["by hand"], {"link type 147": 1})
    assert bool(detail["fault"]) == bool(cut)
    shown = summary.capture_summary(one, [{**row, "detail": json.dumps(detail)}])
    assert (shown["path"], shown["state"], shown["known"]) == ("/captures/a.pcapng", state, False)


def test_a_capture_without_frames_has_no_times() -> None:
    seen = see(f.pcap([]))
    row = summary.capture_row(Input("x"), {}, seen.engine, seen.reader, "", False)
    assert (row["frames"], row["first_time"], row["last_time"]) == (0, None, None)


def test_a_fault_is_one_sentence_with_its_offset() -> None:
    data = f.pcap([(START, b"abc")])
    reader = see(data[:-1]).reader
    assert summary.fault_sentence(reader) == (
        "record 1 is cut off (at byte 24 of the uncompressed file, after frame 0)"
    )
    assert summary.fault_sentence(see(data).reader) is None


def test_a_capture_that_was_not_reached_says_so() -> None:
    assert summary.capture_summary(Input("later.pcap", "cd"), [])["state"] == "not read"


def test_arp_facts() -> None:
    frames = [f.ethernet(f.arp(ip, n), f.ARP, n, 2) for n, ip in ((5, "10.0.0.9"), (5, "10.0.0.9"), (6, "0.0.0.0"))]
    seen = see([(START + n * SECOND, frame) for n, frame in enumerate(frames)])
    (fact,) = summary.arp_facts(seen.engine.arps.items())
    assert {k: fact[k] for k in ("device", "kind", "value", "frame", "capture", "source", "unit", "flow")} == {
        "device": "10.0.0.9", "kind": "mac", "value": "02:00:00:00:00:05", "frame": 1, "capture": 1, "source": "arp",
        "unit": None, "flow": None,
    }  # fmt: skip
