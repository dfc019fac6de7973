"""Runs: what is finished is there once, what is interrupted is replaced, what is killed leaves nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
from operator import itemgetter
from pathlib import Path

import polars as pl
import pytest
from store_rows import SHA_A, SHA_B, SHA_C, alert, analyse, fact, messages

from sentinel.errors import CaseError
from sentinel.store import _parts, tables
from sentinel.store.case import Case
from sentinel.store.merge import merge_alerts

ROOT = Path(__file__).resolve().parent.parent


def test_frames_that_are_not_the_tables_are_refused_at_once(tmp_path):
    with Case.open(tmp_path / "case") as case, case.begin_run([{"sha256": SHA_A}]) as run:
        with pytest.raises(ValueError, match=r"missing \['unit'\]"):
            run.write("messages", messages(run, 1).drop("unit"))
        with pytest.raises(ValueError, match="no Parquet table"):
            run.write("alerts", pl.DataFrame())
        with pytest.raises(ValueError, match="message"):
            run.write_ext("modbus", pl.DataFrame({"x": [1]}))
        with pytest.raises(ValueError, match="protocol name"):
            run.write_ext("../x", pl.DataFrame({"message": [1]}))
        with pytest.raises(ValueError, match="no column type"):
            run.write_ext("modbus", pl.DataFrame({"message": [1], "x": [[1]]}))


def test_a_parsers_own_table_grows_columns_and_keeps_types(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}]) as run:
            run.write_ext(
                "s7comm", pl.DataFrame({"message": [1, 2], "pdu_type": pl.Series(["a", "b"]).cast(pl.Categorical)})
            )
            run.finish(run.captures, [], [], [], {})
        with case.begin_run([{"sha256": SHA_B}]) as run:
            run.write_ext("s7comm", pl.DataFrame({"message": [3], "pdu_type": ["c"], "rack": [0]}))
            run.finish(run.captures, [], [], [], {})
        back = case.scan("ext/s7comm").collect()
        assert back.to_dict(as_series=False) == {
            "message": [1, 2, 3],
            "pdu_type": ["a", "b", "c"],
            "rack": [None, None, 0],
        }
        assert "ext/s7comm" in case.tables()
        run = case.begin_run([{"sha256": SHA_C}])
        run.write_ext("s7comm", pl.DataFrame({"message": [3], "pdu_type": [1.5]}))
        with pytest.raises(CaseError, match="pdu_type of ext/s7comm was text"):
            run.finish(run.captures, [], [], [], {})
        assert case.scan("ext/s7comm").collect().height == 3


def test_small_frames_share_a_part(tmp_path, monkeypatch):
    monkeypatch.setattr(_parts, "PART_ROWS", 10)
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}]) as run:
            for _ in range(25):
                run.write("messages", messages(run, 2))
            run.write("messages", messages(run, 0))
            run.finish(run.captures, [], [], [], {})
        assert len(list((tmp_path / "case/messages").iterdir())) == 5
        assert case.scan("messages").collect().height == 50


def test_the_queue_is_bounded_by_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(_parts, "QUEUE_BYTES", 1)
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}]) as run:
            for _ in range(20):
                run.write("messages", messages(run, 100))
            run.finish(run.captures, [], [], [], {})
        assert case.scan("messages").collect().height == 2000


def test_numbers_are_unique_in_the_case(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}, {"sha256": SHA_B}]) as run:
            assert [c["capture"] for c in run.captures] == [1, 2]
            assert run.base == 1 << 40
            assert case.captures().height == 0
            run.finish(run.captures, [], [], [], {})
        with case.begin_run([{"sha256": SHA_C}]) as run:
            assert [c["capture"] for c in run.captures] == [3]
            assert run.base == 3 << 40


def test_the_same_capture_again_changes_nothing(tmp_path):
    with Case.open(tmp_path / "case") as case:
        assert analyse(case, SHA_A, alerts=[alert("x")])
        before = case.summary()
        with pytest.raises(CaseError, match="in the case already, as number 1"):
            case.begin_run([{"sha256": SHA_A}])
        # standard input: the hash is known at the end only
        run = case.begin_run([{"path": "-"}])
        run.write("messages", messages(run, 3))
        again = [{**c, "sha256": SHA_A} for c in run.captures]
        assert not run.finish(again, [], [], [alert("x")], {})
        assert case.summary() == before
        assert case.scan("messages").collect().height == 3
        assert len(list((tmp_path / "case/messages").iterdir())) == 1
        with pytest.raises(ValueError, match="over"):
            run.finish(again, [], [], [], {})


def test_a_faulty_capture_is_known_and_a_capture_left_out_leaves_no_trace(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}, {"sha256": SHA_B}]) as run:
            run.finish([{**run.captures[0], "state": "faulty"}], [], [], [], {})
        assert case.known(SHA_A)["state"] == "faulty"
        assert case.known(SHA_B) is None
        assert case.captures().height == 1
        with case.begin_run([{"sha256": SHA_B}]) as run, pytest.raises(ValueError, match="not given out"):
            run.finish([{**run.captures[0], "capture": 77}], [], [], [], {})


def test_an_interrupted_run_is_kept_and_then_replaced(tmp_path):
    with Case.open(tmp_path / "case") as case:
        analyse(case, SHA_B, 2, alerts=[alert("x", 10)], facts=[fact("m1")])
        analyse(case, SHA_A, 4, "interrupt", alerts=[alert("x", 5), alert("y", 1)], facts=[fact("m1"), fact("m2")])
        assert case.known(SHA_A) is None
        assert [c["sha256"] for c in case.unfinished(SHA_A)] == [SHA_A]
        assert case.scan("messages").collect().height == 6
        assert dict(case.alerts().select("alert", "count").iter_rows()) == {"x": 15, "y": 1}
        analyse(case, SHA_A, 9, alerts=[alert("x", 7)], facts=[fact("m1")])
        assert case.scan("messages").collect().height == 11
        assert dict(case.alerts().select("alert", "count").iter_rows()) == {"x": 17}
        assert case.facts()["value"].to_list() == ["m1"]
        assert case.captures()["state"].to_list() == ["complete", "complete"]
        assert case.unfinished(SHA_A) == []
        assert len(list((tmp_path / "case/messages").iterdir())) == 2


def test_replacing_an_interrupted_run_never_drops_another_capture_unasked(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A, "path": "a.pcap"}, {"sha256": SHA_B, "path": "b.pcap"}]) as run:
            run.interrupt([{**run.captures[0], "state": "complete"}, run.captures[1]], [], [], [], {})
        assert case.captures()["state"].to_list() == ["complete", "interrupted"]
        with pytest.raises(CaseError, match=r"had also read a\.pcap"):
            case.begin_run([{"sha256": SHA_B}])
        with case.begin_run([{"sha256": SHA_B}], drop_interrupted=True) as run:
            run.finish(run.captures, [], [], [], {})
        assert case.captures()["sha256"].to_list() == [SHA_B]


@pytest.mark.parametrize("seed", range(8))
def test_the_merged_table_is_what_all_runs_say_and_a_person_decided(tmp_path, seed):
    chance = random.Random(seed)
    said: dict[str, list[dict]] = {}
    decided: dict[str, str] = {}
    with Case.open(tmp_path / "case") as case:
        for _ in range(6):
            sha256 = chance.choice("abc") * 64
            if case.known(sha256) is not None:
                continue
            names = chance.sample("pqrst", chance.randrange(6))
            rows = [alert(name, count=chance.randrange(9), frames=[(1, chance.randrange(99))]) for name in names]
            said.pop(sha256, None)  # an interrupted run over the same capture is replaced, and what it said is gone
            said[sha256] = rows
            analyse(case, sha256, state=chance.choice(["finish", "interrupt", "interrupt"]), alerts=rows)
            wanted = merge_alerts(row for rows in said.values() for row in tables.as_rows("alerts", rows))
            for row in wanted:
                row["state"] = decided.get(row["alert"], "open")
            found = case.alerts().with_columns(pl.col("first_time", "last_time").cast(pl.Int64)).to_dicts()
            assert sorted(found, key=itemgetter("alert")) == sorted(wanted, key=itemgetter("alert"))
            for row in chance.sample(wanted, len(wanted) // 2):
                decided[row["alert"]] = chance.choice(["acknowledged", "suppressed"])
                case.set_alert_state(row["alert"], decided[row["alert"]], "", "ann")


def test_a_run_that_is_left_unfinished_leaves_nothing(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with pytest.raises(RuntimeError), case.begin_run([{"sha256": SHA_A}]) as run:
            run.write("messages", messages(run, 100_000))
            raise RuntimeError
        assert case.scan("messages").collect().height == 0
        assert list((tmp_path / "case").glob("messages/*")) == []
        assert case.summary()["runs"] == []
        assert analyse(case, SHA_A)


def test_a_killed_run_is_repeated_without_duplicate_or_loss(tmp_path):
    folder = tmp_path / "case"
    with Case.open(folder) as case:
        analyse(case, SHA_B, 2)
    program = f"""
        import sys, time
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
        from sentinel.store import _parts
        from sentinel.store.case import Case
        from store_rows import messages, SHA_A
        _parts.PART_ROWS = 1
        case = Case.open({str(folder)!r})
        run = case.begin_run([{{"sha256": SHA_A}}])
        while True:
            run.write("messages", messages(run, 10))
            print("written", flush=True)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in child.stdout:
        if len(list(folder.glob("messages/r000002-*.parquet"))) > 2:
            break
    with pytest.raises(CaseError, match=f"process {child.pid} is writing"):
        Case.open(folder)
    with Case.open(folder, "read") as case:
        assert case.scan("messages").collect().height == 2
        assert case.captures()["sha256"].to_list() == [SHA_B]
    child.send_signal(signal.SIGKILL)
    child.wait()
    (folder / "messages/r000002-000999.parquet.tmp").write_bytes(b"half")
    (folder / "messages/notes.txt").write_text("a person's")
    with Case.open(folder) as case:
        assert sorted(p.name for p in folder.glob("messages/*")) == ["notes.txt", "r000001-000000001.parquet"]
        with case.begin_run([{"sha256": SHA_A}]) as run:
            assert run.captures[0]["capture"] == 2
            run.write("messages", messages(run, 7))
            run.finish(run.captures, [], [], [], {})
        numbers = case.scan("messages").collect()["message"]
        assert numbers.n_unique() == len(numbers) == 9
        assert case.summary()["rows"]["captures"] == 2


def test_whoever_writes_faster_than_the_disk_waits_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(_parts, "QUEUE_BYTES", 1)
    with Case.open(tmp_path / "case") as case, case.begin_run([{"sha256": SHA_A}]) as run:
        batches = [messages(run, 65_536) for _ in range(6)]
        for batch in batches:
            run.write("messages", batch)
        run.finish(run.captures, [], [], [], {})
        assert case.scan("messages").select(pl.len()).collect().item() == 6 * 65_536
