"""Cases become one: numbered anew, each capture once, all or nothing, and what two taps saw is linked."""

from __future__ import annotations

import json
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest
from store_rows import SHA_A, SHA_B, SHA_C, alert, analyse, asset, fact

from sentinel import pipeline
from sentinel.errors import CaseError
from sentinel.store import union
from sentinel.store.case import Case
from sentinel.store.union import merge_cases

ROOT = Path(__file__).resolve().parent.parent
PCAPS = ROOT / "pcaps"
SHIFT = 3_700_000_000


def second_tap(source: Path, target: Path, shift: int, without: int = 0) -> None:
    """The same traffic as another tap's clock shows it, without each frame whose number `without` divides."""
    data = source.read_bytes()
    unit = 1000 if data[:4] == bytes.fromhex("d4c3b2a1") else 1
    out, at, n = [data[:24]], 24, 0
    while at < len(data):
        seconds, part, held, wire = struct.unpack_from("<IIII", data, at)
        n += 1
        if not without or n % without:
            seconds, part = divmod(seconds * 10**9 + part * unit + shift, 10**9)
            out.append(struct.pack("<IIII", seconds, part // unit, held, wire) + data[at + 16 : at + 16 + held])
        at += 16 + held
    target.write_bytes(b"".join(out))


def made(path: Path, *captures: Path) -> Path:
    pipeline.analyze(list(captures), path)
    return path


def merged(out: Path, *sources: Path, **more) -> union.Merged:
    opened = [Case.open(path, "read") for path in sources]
    try:
        with Case.open(out) as case:
            return merge_cases(case, opened, **more)
    finally:
        for case in opened:
            case.close()


def content(path: Path) -> dict[str, pl.DataFrame]:
    """All tables; JSON in them without spaces, which is written both ways."""
    with Case.open(path, "read") as case:
        found = {name: case.scan(name).collect() for name in case.tables()}
    for name in ("alerts", "assets"):
        lists = pl.col("evidence", "flows") if name == "alerts" else pl.col("evidence")
        found[name] = found[name].with_columns(lists.str.replace_all(" ", ""))
    return found


def dump(path: Path) -> list[str]:
    with Case.open(path, "read") as case:
        return [*case.database._connection.iterdump(), *sorted(str(p) for p in path.rglob("*.parquet"))]


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("two")
    return made(folder / "s7", PCAPS / "s7-attack.pcap"), made(folder / "dnp3", PCAPS / "dnp3-attack.pcap")


def test_a_merged_case_holds_what_analysing_into_one_case_gives(tmp_path, two):
    """One run after the other into one case is what a merge has to come to, run number and case path aside."""
    merged(tmp_path / "out", *two)
    made(made(tmp_path / "one", PCAPS / "s7-attack.pcap"), PCAPS / "dnp3-attack.pcap")
    one, out = content(tmp_path / "one"), content(tmp_path / "out")
    assert one.keys() == out.keys()
    for name, table in one.items():
        assert table.equals(out[name]), name
    with Case.open(tmp_path / "out", "read") as case:
        assert case.check() == []
        assert [origin["source"] for origin in union.origins(case)] == ["s7", "dnp3"]
        assert union.taps_of(case) == {1: "s7", 2: "dnp3"}


def test_the_same_merge_again_changes_nothing(tmp_path, two):
    decided = shutil.copytree(two[0], tmp_path / "s7")
    with Case.open(decided) as case:
        case.record([("zone", "z", {"a": 1})], "ann")
        case.set_alert_state(case.alerts()["alert"][0], "acknowledged", "known", "ann")
    merged(tmp_path / "out", decided, two[1])
    before = dump(tmp_path / "out")
    again = merged(tmp_path / "out", decided, two[1])
    assert (again.runs, again.captures, again.known, again.entries, again.decisions) == (0, 0, 2, 0, 0)
    assert dump(tmp_path / "out") == before


def test_numbers_are_those_of_the_case_everywhere(tmp_path):
    with Case.open(tmp_path / "a") as case:
        analyse(case, SHA_A)
    with Case.open(tmp_path / "b") as case:
        rows = {"alerts": [alert("x", flows=[1 << 40])], "assets": [asset("d")], "facts": [fact("v")]}
        analyse(case, SHA_B, **rows)
    merged(tmp_path / "a", tmp_path / "b")
    with Case.open(tmp_path / "a", "read") as case:
        assert case.captures()["capture"].to_list() == [1, 2]
        messages = case.scan("messages").collect()
        assert messages["message"].to_list() == [base + n for base in (1 << 40, 2 << 40) for n in range(3)]
        assert messages["flow"].to_list() == [1 << 40] * 3 + [2 << 40] * 3
        assert json.loads(case.alert("x")["evidence"]) == [[2, 1]]
        assert json.loads(case.alert("x")["flows"]) == [2 << 40]
        assert case.facts()["capture"].to_list() == [2]
        assert json.loads(case.assets()["evidence"][0]) == [[2, 1]]


def test_a_capture_that_is_known_brings_nothing_even_from_a_run_with_others(tmp_path):
    names = ("s7-normal.pcap", "modbus-attack.pcap")
    made(tmp_path / "a", PCAPS / names[0])
    made(tmp_path / "b", *(PCAPS / name for name in names))
    done = merged(tmp_path / "a", tmp_path / "b")
    assert (done.runs, done.captures, done.known) == (1, 1, 1)
    made(made(tmp_path / "one", PCAPS / names[0]), PCAPS / names[1])
    one, out = content(tmp_path / "one"), content(tmp_path / "a")
    # of faults the first ones of a run have rows, so there are as many only where they were read alike
    for name in ("captures", "flows", "messages", "items", "points", "ext/modbus", "ext/s7comm"):
        assert one[name].height == out[name].height, name
    numbers = out["messages"]["message"]
    assert numbers.n_unique() == len(numbers)
    assert out["points"]["message"].is_in(numbers.implode()).all()
    assert sorted(out["alerts"]["alert"]) == sorted(one["alerts"]["alert"])
    assert out["alerts"]["count"].sum() == one["alerts"]["count"].sum()


@pytest.mark.parametrize(("name", "without"), [("modbus-attack.pcap", 0), ("s7-attack.pcap", 9)])
def test_what_two_taps_saw_is_linked_and_counted_once(tmp_path, name, without):
    second_tap(PCAPS / name, tmp_path / "late.pcap", SHIFT, without)
    first = made(tmp_path / "first", PCAPS / name)
    done = merged(tmp_path / "out", first, made(tmp_path / "second", tmp_path / "late.pcap"))
    assert [(clock["other"], clock["tap"]) for clock in done.clocks] == [("first", "second")]
    assert done.clocks[0]["offset"] == SHIFT
    assert done.clocks[0]["error"] == 0
    one, out = content(first), content(tmp_path / "out")
    with Case.open(tmp_path / "out", "read") as case:
        linked = union.twins(case)
    with_id = one["flows"].filter(pl.col("id") != "")
    assert linked["flow"].n_unique() == with_id.height
    assert linked["twin"].n_unique() == linked.height
    both = linked.join(out["flows"].select("flow", "id"), on="flow").join(
        out["flows"].select(twin="flow", twin_id="id"), on="twin"
    )
    assert (both["id"] == both["twin_id"]).all()
    if not without:
        assert (
            out["alerts"]
            .select("alert", "count")
            .sort("alert")
            .equals(one["alerts"].select("alert", "count").sort("alert"))
        )
        # ARP has no Community ID: its frames are counted at each tap
        arp = one["flows"].filter(id="").select((pl.col("packets_client") + pl.col("packets_server")).sum()).item()
        both = one["assets"].filter(parent="").join(out["assets"], on="asset")
        assert 0 < both.height
        assert (both["packets_right"] - both["packets"]).is_between(0, arp).all()


def test_plants_that_number_their_networks_alike_are_not_linked(tmp_path):
    """The same addresses and ports at other times: nothing agrees, so nothing is linked."""
    first = made(tmp_path / "first", PCAPS / "modbus-normal.pcap")
    done = merged(tmp_path / "out", first, made(tmp_path / "second", PCAPS / "modbus-attack.pcap"))
    assert (done.clocks, done.twins) == ([], 0)


def test_cases_of_networks_apart_are_not_compared(tmp_path):
    second_tap(PCAPS / "modbus-attack.pcap", tmp_path / "late.pcap", SHIFT)
    first = made(tmp_path / "first", PCAPS / "modbus-attack.pcap")
    done = merged(tmp_path / "out", first, made(tmp_path / "second", tmp_path / "late.pcap"), taps=False)
    assert (done.runs, done.clocks, done.twins) == (2, [], 0)


def test_the_journal_says_where_an_entry_came_from_and_the_newest_stays_the_newest(tmp_path):
    with Case.open(tmp_path / "a") as case:
        case.record([("zone", "shared", "old"), ("zone", "mine", 1)], "ann")
    with Case.open(tmp_path / "b") as case:
        case.record([("zone", "shared", "new")], "bob", "import:zones.xlsx")
        case.save_assessment({"assessment": "x", "as_of": 1, "profile": "p", "packs": []}, b"{}")
    for order in ("ab", "ba"):
        out = tmp_path / f"out-{order}"
        for _ in range(2):
            merged(out, *(tmp_path / name for name in order))
        with Case.open(out, "read") as case:
            entries = case.journal()
            assert case.current("zone")["shared"]["value"] == "new"
            assert case.current("zone")["mine"]["author"] == "ann"
            assert {entry["source"].removeprefix("again:") for entry in entries} == {
                "merge:a:edit", "merge:b:import:zones.xlsx",
            }  # fmt: skip
            assert len(entries) == (3 if order == "ab" else 4)
            assert case.assessment("x") == b"{}"


def test_a_decision_about_an_alert_comes_along(tmp_path):
    for name, state, when in (("a", "suppressed", 200), ("b", "acknowledged", 100)):
        with Case.open(tmp_path / name) as case:
            analyse(case, SHA_A if name == "a" else SHA_B, alerts=[alert("x")])
            case.set_alert_state("x", state, "because", "ann", when)
    merged(tmp_path / "out", tmp_path / "a", tmp_path / "b")
    with Case.open(tmp_path / "out", "read") as case:
        assert case.alert("x")["state"] == "suppressed"
        assert case.alert("x")["count"] == 2
        assert [row["time"] for row in case.alert_history("x")] == [200, 100, 200]


def test_an_interrupted_run_gives_way_to_the_whole_one(tmp_path):
    with Case.open(tmp_path / "half") as case:
        analyse(case, SHA_A, 2, "interrupt", alerts=[alert("x")])
    with Case.open(tmp_path / "whole") as case:
        analyse(case, SHA_A, 5, alerts=[alert("x")])
    for order in (("half", "whole"), ("whole", "half")):
        out = tmp_path / "-".join(order)
        for _ in range(2):
            for name in order:
                merged(out, tmp_path / name)
        with Case.open(out, "read") as case:
            assert case.scan("messages").collect().height == 5
            assert case.alert("x")["count"] == 1
            assert case.check() == []


def test_a_damaged_source_leaves_the_case_as_it_was(tmp_path, two):
    with Case.open(tmp_path / "bad") as case:
        analyse(case, SHA_C)
    (part,) = (tmp_path / "bad" / "messages").iterdir()
    part.write_bytes(part.read_bytes()[:-9])
    with Case.open(tmp_path / "out") as case:
        analyse(case, SHA_A)
    before = dump(tmp_path / "out")
    with pytest.raises(CaseError, match="damaged"):
        merged(tmp_path / "out", two[0], tmp_path / "bad")
    assert dump(tmp_path / "out") == before


def test_cases_of_one_name_are_told_apart_and_the_same_twice_is_refused(tmp_path):
    for plant, sha256 in (("p1", SHA_A), ("p2", SHA_B)):
        with Case.open(tmp_path / plant / "case") as case:
            analyse(case, sha256)
    merged(tmp_path / "out", tmp_path / "p1" / "case", tmp_path / "p2" / "case")
    with Case.open(tmp_path / "out", "read") as case:
        assert sorted(union.taps_of(case).values()) == ["p1/case", "p2/case"]
    with pytest.raises(CaseError, match="twice"):
        merged(tmp_path / "out2", tmp_path / "out", tmp_path / "out")


def test_a_merge_that_is_killed_leaves_nothing(tmp_path, two):
    """SIGKILL at several moments: afterwards the case holds nothing of it, and the merge gives what it always gives."""
    code = textwrap.dedent(
        """
        import sys, threading
        from sentinel.store import _parts, union
        from sentinel.store.case import Case
        whole, left = _parts.write_parquet, int(sys.argv[1])
        def some(df, path):
            global left
            left -= 1
            if left < 0:
                print("here", flush=True)
                threading.Event().wait()
            return whole(df, path)
        _parts.write_parquet = some
        with Case.open(sys.argv[2]) as out:
            union.merge_cases(out, [Case.open(path, "read") for path in sys.argv[3:]])
        """
    )
    merged(tmp_path / "good", *two)
    expected = content(tmp_path / "good")
    for parts in (1, 4, 9):
        out = tmp_path / f"killed-{parts}"
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(parts), str(out), *map(str, two)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with Case.open(out) as case:
            assert case.summary()["rows"]["captures"] == 0
            assert case.check() == []
            assert not list(out.rglob("*.parquet"))
        merged(out, *two)
        for name, table in content(out).items():
            assert table.equals(expected[name]), name
