"""Captures into a case: the same again, other files, any order, damaged, stopped, in small batches."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import mmap
import sys
import threading
from itertools import permutations
from pathlib import Path
from typing import Any

import battery
import frames as f
import pytest
from frames import MS, SECOND, START, Talk
from modbus_samples import exchange, mbap

from sentinel import reading
from sentinel.errors import FaultyCapture, InputError
from sentinel.pipeline import analyze, dissect
from sentinel.store.case import Case
from sentinel.wire import buffers

TABLES = ("messages", "points", "items", "flows", "faults")


@pytest.fixture
def put(tmp_path):
    """Writes a file of records (or bytes) and returns its path."""

    def write(name: str, content) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else f.pcap(content))
        return path

    return write


def contents(case: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of a case that is not about when it was made."""
    with Case.open(case, "read") as opened:
        tables = {name: opened.scan(name).collect().to_dicts() for name in TABLES}
        tables["captures"] = opened.captures().drop("run").to_dicts()
        for name in ("facts", "assets", "alerts"):
            tables[name] = getattr(opened, name)().to_dicts()
    return tables


def said(case: Path) -> list[tuple]:
    """The conversation of a case, without its evidence."""
    with Case.open(case, "read") as opened:
        messages = opened.scan("messages").collect()
    return messages.select("time", "src", "dst", "kind", "transaction", "pairing", "latency").sort("time").rows()


# -- one capture -----------------------------------------------------------------------------------------------------


def test_the_summary_and_the_case_agree(put, tmp_case) -> None:
    path = put("a.pcap", exchange().close().records)
    summary = analyze([path], tmp_case)
    tables = contents(tmp_case)
    want = {
        "frames": 17, "flows": 1, "messages": {"modbus": 12}, "points": 12, "gaps": 0, "duplicates": 0, "unread": {},
        "faults": {}, "evicted_flows": 0, "interrupted": False, "case": str(tmp_case),
    }  # fmt: skip
    assert {name: summary[name] for name in want} == want
    assert summary["bytes"] == sum(len(frame) for _, frame in exchange().close().records)
    assert (len(tables["messages"]), len(tables["points"]), len(tables["flows"])) == (12, 12, 1)
    assert (summary["assets"], summary["facts"]) == (len(tables["assets"]), len(tables["facts"]))
    (capture,) = summary["captures"]
    assert (capture["path"], capture["state"], capture["fault"], capture["known"]) == (
        str(path),
        "complete",
        None,
        False,
    )
    (protocol,) = summary["protocols"]
    assert (protocol["protocol"], protocol["messages"], protocol["flows"]) == ("modbus", 12, 1)


def test_the_same_capture_again_changes_nothing(put, tmp_case) -> None:
    path = put("a.pcap", exchange().close().records)
    first = analyze([path], tmp_case)
    before = contents(tmp_case)
    again = analyze([path], tmp_case)
    assert contents(tmp_case) == before
    assert again["captures"][0]["known"] is True
    same = ("frames", "flows", "messages", "points", "facts", "assets", "alerts", "faults")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    copy = put("copy of a.pcap", path.read_bytes())
    analyze([copy, path], tmp_case)
    assert contents(tmp_case) == before


@pytest.mark.parametrize("first", ["a.pcap", "b.pcap.gz"])
def test_a_compressed_copy_is_the_same_capture(put, tmp_case, first) -> None:
    data = f.pcap(exchange().close().records)
    paths = {"a.pcap": put("a.pcap", data), "b.pcap.gz": put("b.pcap.gz", gzip.compress(data))}
    analyze([paths.pop(first)], tmp_case)
    before = contents(tmp_case)
    (second,) = paths.values()
    again = analyze([second], tmp_case)["captures"][0]
    assert contents(tmp_case) == before
    assert (again["known"], Path(again["copy_of"]).name) == (True, first)
    with Case.open(tmp_case, "read") as case:
        assert case.captures()["content_sha256"].to_list() == [hashlib.sha256(data).hexdigest()]


def test_of_a_capture_and_its_copies_one_is_read(put, tmp_case) -> None:
    data = f.pcap(exchange().close().records)
    copies = [put("b.pcap.xz", lzma.compress(data)), put("c.pcap", data), put("d.pcap.gz", gzip.compress(data))]
    other = put("e.pcap.gz", gzip.compress(f.pcap(exchange(2, sport=41000).records)))
    summary = analyze([*copies, put("a.pcap.gz", gzip.compress(data)), other], tmp_case)
    assert (summary["messages"], summary["flows"]) == ({"modbus": 16}, 2)
    stands = {Path(c["path"]).name: c["copy_of"] and Path(c["copy_of"]).name for c in summary["captures"]}
    first = "a.pcap.gz"
    assert stands == {"a.pcap.gz": None, "b.pcap.xz": first, "c.pcap": first, "d.pcap.gz": first, "e.pcap.gz": None}


def test_a_copy_whose_compression_is_damaged_is_another_capture(put, tmp_case) -> None:
    data = f.pcap(exchange().close().records)
    summary = analyze([put("a.pcap", data), put("b.pcap.gz", gzip.compress(data)[:-9])], tmp_case)
    assert [(c["copy_of"], c["state"]) for c in summary["captures"]] == [(None, "complete"), (None, "faulty")]
    with Case.open(tmp_case, "read") as case:
        assert case.captures()["content_sha256"].to_list()[1] == ""


def test_a_compressed_copy_of_an_interrupted_capture_replaces_it(put, tmp_case, monkeypatch) -> None:
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 9)
    data = f.pcap(exchange(40).close().records)
    stop = threading.Event()
    analyze([put("a.pcap", data)], tmp_case, progress=lambda _: stop.set(), stop=stop)
    analyze([put("a.pcap.gz", gzip.compress(data))], tmp_case)
    with Case.open(tmp_case, "read") as case:
        assert case.captures()["state"].to_list() == ["complete"]


def test_another_capture_is_added(put, tmp_case) -> None:
    analyze([put("a.pcap", exchange().records)], tmp_case)
    before = contents(tmp_case)
    second = exchange(2, sport=41000, time=START + 3600 * SECOND)
    summary = analyze([put("a.pcap", exchange().records), put("b.pcap", second.records)], tmp_case)
    after = contents(tmp_case)
    assert [capture["known"] for capture in summary["captures"]] == [True, False]
    assert after["messages"][:12] == before["messages"] and len(after["messages"]) == 16
    assert len({row["message"] for row in after["messages"]}) == 16
    assert len({row["flow"] for row in after["flows"]}) == 2
    assert {row["capture"] for row in after["messages"]} == {1, 2}


def test_dissect_gives_the_tables_of_analyze(put, tmp_case) -> None:
    path = put("a.pcap", exchange().close().records)
    analyze([path], tmp_case)
    stored = contents(tmp_case)
    parts = list(dissect(path))
    shifted = ("message", "pair", "flow")
    with Case.open(tmp_case, "read") as opened:
        stored["points"] = opened.scan("points").select(parts[0]["points"].columns).collect().to_dicts()

    def plain(rows: list[dict], base: int = 0) -> list[dict]:
        return [{k: v - base if k in shifted and v is not None else v for k, v in row.items()} for row in rows]

    for name in TABLES:
        rows = battery.together([part[name] for part in parts]).to_dicts()
        assert rows == plain(stored[name], 1 << 40), name


def test_memory_that_is_used_again_changes_nothing(put, monkeypatch) -> None:
    path = put("a.pcap", exchange(300).close().records)

    def rows() -> tuple[dict[str, list[dict]], int]:
        found: dict[str, list[dict]] = {}
        batches = 0
        for part in dissect(path):
            batches += 1
            for name, frame in part.items():
                found.setdefault(name, []).extend(frame.to_dicts())
        return found, batches

    want, once = rows()
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 40)
    monkeypatch.setattr(reading, "BATCH_BYTES", 1)
    monkeypatch.setattr(buffers, "LARGE", 64)
    taken: list[int] = []
    monkeypatch.setattr(buffers, "fresh", lambda cells: taken.append(cells) or mmap.mmap(-1, cells * 8))
    got, often = rows()
    assert often > 6 * once and got == want
    assert len(taken) <= 2 * often, "of six arrays of a batch, five lie where one of another batch lay"


def test_dissect_stops_after_enough(put) -> None:
    path = put("a.pcap", exchange(50).records)
    assert sum(part["messages"].height for part in dissect(path)) == 100
    pieces = list(dissect(path, limit=1))
    assert 1 <= sum(part["messages"].height for part in pieces) <= 100


# -- several files that are one conversation -------------------------------------------------------------------------


def rotated(put, *cuts: int, count: int = 6) -> tuple[list[Path], list]:
    records = exchange(count).close().records
    ends = [0, *cuts, len(records)]
    files = [put(f"ring_{n:05}.pcap", records[a:b]) for n, (a, b) in enumerate(zip(ends, ends[1:], strict=False))]
    return files, records


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_rotated_files_are_one_conversation_in_any_order(put, tmp_case, tmp_path, order) -> None:
    files, records = rotated(put, 6, 11)
    summary = analyze([files[n] for n in order], tmp_case)
    assert (summary["flows"], summary["messages"], summary["points"]) == (1, {"modbus": 12}, 12)
    assert summary["faults"] == {}
    analyze([put("whole.pcap", records)], tmp_path / "whole")
    assert said(tmp_case) == said(tmp_path / "whole")
    assert [row["capture"] for row in contents(tmp_case)["captures"]] == [1, 2, 3]


@pytest.mark.parametrize("at", range(1, 17))
def test_cut_between_any_two_frames(put, tmp_case, at) -> None:
    files, _ = rotated(put, at)
    summary = analyze(files, tmp_case)
    assert (summary["flows"], summary["messages"], summary["faults"]) == (1, {"modbus": 12}, {})


def test_rows_name_the_file_that_their_frame_is_in(put, tmp_case) -> None:
    files, _ = rotated(put, 9)
    analyze(files, tmp_case)
    rows = [(row["capture"], row["frame"]) for row in contents(tmp_case)["messages"]]
    assert rows == [(1, n) for n in range(4, 10)] + [(2, n) for n in range(1, 7)]


def test_payload_that_waited_names_the_file_that_its_frame_is_in(put, tmp_case) -> None:
    records = exchange(dport=47000).records
    analyze([put("1.pcap", records[:4]), put("2.pcap", records[4:])], tmp_case)
    assert [(row["capture"], row["frame"]) for row in contents(tmp_case)["messages"]][:2] == [(1, 4), (2, 1)]


def test_a_held_segment_names_the_file_that_its_frame_is_in(put, tmp_case) -> None:
    talk = exchange(2)
    late = talk.packet(0, mbap("0300070002", transaction=7))
    talk.seq[0] += 12
    talk.send(0, mbap("0300070002", transaction=8))
    talk.add(late)
    analyze([put("1.pcap", talk.records[:-1]), put("2.pcap", talk.records[-1:])], tmp_case)
    rows = {row["transaction"]: (row["capture"], row["frame"]) for row in contents(tmp_case)["messages"]}
    assert (rows[7], rows[8]) == ((2, 1), (1, 8))


def test_unrelated_captures_that_overlap_in_time_stay_apart(put, tmp_case) -> None:
    one, two = exchange(8), exchange(4, time=START + 5 * MS, seq=[70_000, 80_000])
    one.time += 10 * SECOND
    one.send(0, mbap("0300070002", transaction=99)).send(1, mbap("030400010002", transaction=99))
    summary = analyze([put("one.pcap", one.records), put("two.pcap", two.records)], tmp_case)
    flows = contents(tmp_case)["flows"]
    assert sorted(row["messages"] for row in flows) == [8, 18]
    assert summary["faults"] == {}


def test_a_conversation_is_split_by_file_only_where_time_says_so(put, tmp_case) -> None:
    """Rings overlap by moments: the last frames of one file may be later than the first of the next."""
    records = exchange().close().records
    files = [put("1.pcap", [*records[:8], records[9]]), put("2.pcap", [records[8], *records[10:]])]
    assert analyze(files, tmp_case)["flows"] == 1


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b"MZ\0\0" * 20, "not a capture"), (b"\n", "shorter"),
])  # fmt: skip
def test_a_single_file_that_is_no_capture(put, tmp_case, data, words) -> None:
    path = put("x.bin", data)
    for call in (lambda: analyze([path], tmp_case), lambda: list(dissect(path))):
        with pytest.raises(InputError, match=words) as error:
            call()
        assert str(path) in str(error.value) and "offset" in str(error.value)
    assert not tmp_case.exists()


def test_among_captures_it_is_listed(put, tmp_case) -> None:
    summary = analyze([put("a.pcap", exchange().records), put("b.pcap", b"no capture")], tmp_case)
    states = {Path(c["path"]).name: (c["state"], c["fault"]) for c in summary["captures"]}
    assert states["a.pcap"] == ("complete", None)
    assert states["b.pcap"][0] == "faulty" and "not a capture" in states["b.pcap"][1]
    assert summary["messages"] == {"modbus": 12} and summary["faults"]["file-malformed"] == 1


@pytest.mark.parametrize("cut", [1, 17, 60])
def test_what_was_readable_is_in_the_case(put, tmp_case, cut) -> None:
    data = f.pcap(exchange().records)
    path = put("cut.pcap", data[:-cut])
    summary = analyze([path], tmp_case)
    assert summary["captures"][0]["state"] == "faulty" and "cut off" in summary["captures"][0]["fault"]
    assert summary["messages"] == {"modbus": 11}
    (fault,) = [row for row in contents(tmp_case)["faults"] if row["code"] == "file-truncated"]
    assert (fault["frame"], fault["capture"], fault["flow"]) == (0, 1, None) and 0 < fault["offset"] < len(data)
    with pytest.raises(FaultyCapture, match="cut off"):
        list(dissect(path))


def test_a_folder_and_compressed_captures(put, tmp_case, tmp_path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    records = exchange().close().records
    put("in/1.pcap", records[:9])
    put("in/2.pcap.gz", gzip.compress(f.pcap(records[9:])))
    put("in/notes.txt", b"nothing")
    summary = analyze([folder], tmp_case)
    assert (summary["flows"], len(summary["captures"])) == (1, 2)
    assert [row["format"] for row in contents(tmp_case)["captures"]] == ["pcap", "pcap+gzip"]


@pytest.mark.parametrize("records", [[], [(START, b"unread")]], ids=["no frames", "unread frames"])
def test_a_capture_without_flows(put, tmp_case, records) -> None:
    summary = analyze([put("none.pcap", f.pcap(records, link=147))], tmp_case)
    assert (summary["frames"], summary["captures"][0]["state"]) == (len(records), "complete")


@pytest.mark.parametrize("data", [f.pcap([])[:20], f.Pcapng().section()[:20]], ids=["pcap", "pcapng"])
def test_a_header_that_is_cut_off_leaves_a_case_with_the_fault(put, tmp_case, data) -> None:
    path = put("cut", data)
    summary = analyze([path], tmp_case)
    assert (summary["frames"], summary["faults"]) == (0, {"file-truncated": 1})
    assert summary["captures"][0]["state"] == "faulty"
    (row,) = contents(tmp_case)["faults"]
    assert (row["code"], row["frame"], row["offset"]) == ("file-truncated", 0, 0)
    with pytest.raises(InputError, match="cut off"):
        list(dissect(path))


def test_a_folder_without_captures(tmp_case, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no capture"):
        analyze([empty], tmp_case)


def test_malformed_messages_in_connections_of_their_own_raise_an_alert(put, tmp_case) -> None:
    """Somebody tries a controller with messages that break the standard; it answers none and hangs up."""
    records = []
    for n in range(20):
        talk = Talk(sport=40000 + n, time=START + n * SECOND).open()
        records += talk.send(0, mbap("2b0e030100", transaction=n)).close().records
    summary = analyze([put("tried.pcap", records)], tmp_case)
    assert (summary["messages"], summary["faults"]) == ({"modbus": 20}, {"trailing": 20})
    assert summary["alerts"]["malformed_burst"] == 1
    assert summary["protocols"][0]["label_by"] == "framing only"


def test_time_that_goes_backwards(put, tmp_case) -> None:
    records = exchange().records
    records[8] = (records[8][0] - 60 * SECOND, records[8][1])
    summary = analyze([put("back.pcap", records)], tmp_case)
    assert summary["faults"] == {"time-backwards": 1} and summary["messages"] == {"modbus": 12}
    assert summary["captures"][0]["backwards"] == 1


def test_standard_input(monkeypatch, tmp_case) -> None:
    data = f.pcap(exchange().close().records)
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO(data)}))
    summary = analyze(["-"], tmp_case)
    assert (summary["messages"], summary["captures"][0]["path"]) == ({"modbus": 12}, "-")
    before = contents(tmp_case)
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO(data)}))
    analyze(["-"], tmp_case)
    assert contents(tmp_case) == before, "the hash is known at the end: nothing is added twice"
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO(gzip.compress(data))}))
    analyze(["-"], tmp_case)
    assert contents(tmp_case) == before, "nor a compressed copy"


# -- stopping --------------------------------------------------------------------------------------------------------


def test_ctrl_c_leaves_a_good_case_that_a_second_run_completes(put, tmp_case, monkeypatch) -> None:
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 9)
    path = put("a.pcap", exchange(40).close().records)
    stop = threading.Event()
    turns = []

    def progress(now) -> None:
        turns.append(now.frames)
        if len(turns) == 3:
            stop.set()

    summary = analyze([path], tmp_case, progress=progress, stop=stop)
    assert summary["interrupted"] and summary["captures"][0]["state"] == "interrupted"
    assert 0 < summary["messages"]["modbus"] < 80 and turns == [9, 18, 27]
    with Case.open(tmp_case, "read") as opened:
        assert opened.check() == []
        assert opened.scan("messages").collect().height == summary["messages"]["modbus"]
    again = analyze([path], tmp_case)
    assert (again["interrupted"], again["messages"]) == (False, {"modbus": 80})
    assert len(contents(tmp_case)["messages"]) == 80 and len(contents(tmp_case)["captures"]) == 1


def test_stopped_before_the_second_file(put, tmp_case, monkeypatch) -> None:
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 9)
    files = [put(f"{n}.pcap", exchange(sport=40000 + n, time=START + n * SECOND).records) for n in range(2)]
    stop = threading.Event()
    summary = analyze(files, tmp_case, progress=lambda now: stop.set(), stop=stop)
    assert [capture["state"] for capture in summary["captures"]][1] == "not read"
    assert len(contents(tmp_case)["captures"]) == 1


def test_progress_tells_how_far(put, tmp_case, monkeypatch) -> None:
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 10)
    path = put("a.pcap", exchange(40).records)
    told = []
    analyze([path], tmp_case, progress=told.append)
    assert [now.frames for now in told] == [10 * n for n in range(1, len(told) + 1)]
    assert {(now.path, now.bytes_total) for now in told} == {(str(path), path.stat().st_size)}
    assert all(0 < now.bytes_done <= path.stat().st_size for now in told)
    assert [now.messages for now in told] == sorted(now.messages for now in told)
