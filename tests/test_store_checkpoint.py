"""Checkpoints: what a run that goes on has said is there at once, and stays when its program is killed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from store_rows import SHA_A, T0, alert, analyse, asset, fact, frame, messages

from sentinel.errors import CaseError, InputError
from sentinel.store import _parts, evidence
from sentinel.store import run as run_module
from sentinel.store.case import Case


def numbered(run, first: int, n: int) -> pl.DataFrame:
    return messages(run, n).with_columns(message=pl.int_range(run.base + first, run.base + first + n))


def flows(run, *numbers: int, packets: int = 1) -> pl.DataFrame:
    return frame("flows", len(numbers), flow=pl.Series(numbers, dtype=pl.Int64), packets_client=packets, time=T0)


def begun(case: Case):
    return case.begin_run([{"path": "live:eth1"}])


def test_alerts_are_there_at_once_and_grow(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case, begun(case) as run:
        with Case.open(tmp_path / "case", "read") as reader:
            run.checkpoint(run.captures, alerts=[alert("a"), alert("b")])
            assert reader.alerts()["alert"].to_list() == ["a", "b"]
            assert reader.captures()["state"].to_list() == ["live"]
            run.checkpoint(alerts=[alert("b", count=5)])
            assert dict(reader.alerts().select("alert", "count").rows()) == {"a": 1, "b": 5}
            assert reader.scan("messages").collect().height == 0
            run.finish(run.captures, [], [], [alert("a"), alert("b", count=6)], {})
            assert dict(reader.alerts().select("alert", "count").rows()) == {"a": 1, "b": 6}
            assert reader.captures()["state"].to_list() == ["complete"]


def test_a_live_run_adds_to_what_other_runs_said(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case:
        analyse(case, SHA_A, alerts=[alert("a", count=2)], assets=[asset("x", packets=10)], facts=[fact("M1")])
        with begun(case) as run:
            run.checkpoint(run.captures, [alert("a", count=3)], [fact("M1"), fact("M2")], [asset("x"), asset("y")], {})
            assert case.alerts()["count"].to_list() == [5]
            assert dict(case.assets().select("asset", "packets").rows()) == {"x": 11, "y": 1}
            run.checkpoint(assets=[asset("x", packets=2)])
            assert dict(case.assets().select("asset", "packets").rows()) == {"x": 12}
            run.finish(run.captures, [fact("M1"), fact("M2")], [asset("x", packets=4)], [alert("a", count=4)], {})
            assert case.alerts()["count"].to_list() == [6]
            assert dict(case.assets().select("asset", "packets").rows()) == {"x": 14}
            assert sorted(case.facts()["value"]) == ["M1", "M2"]


def test_a_decision_of_a_person_outlives_checkpoints(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case, begun(case) as run:
        run.checkpoint(run.captures, [alert("a")])
        case.set_alert_state("a", "acknowledged", "known", "me")
        run.checkpoint(alerts=[alert("a", count=9)])
        assert case.alerts().select("state", "count").rows() == [("acknowledged", 9)]


def test_rows_come_with_the_summary_and_open_flows_are_replaced(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case, begun(case) as run:
        run.write("messages", numbered(run, 0, 3))
        run.write("flows", flows(run, 1))
        run.checkpoint(run.captures, summary={"frames": 3}, open_flows=flows(run, 2, 3))
        assert (case.scan("messages").collect().height, case.summary()["rows"]["flows"]) == (3, 3)
        assert case.runs_of("flows") == [(1, 1)]  # what is sent on are flows that ended
        run.write("flows", flows(run, 2, packets=7))
        run.write("messages", numbered(run, 3, 2))
        run.checkpoint(summary={"frames": 5}, open_flows=flows(run, 3))
        found = case.scan("flows").collect().select("flow", "packets_client").sort("flow").rows()
        assert found == [(1, 1), (2, 7), (3, 1)]
        assert case.scan_run("flows", 1).collect()["flow"].to_list() == [1, 2]
        assert case.scan("messages").collect()["message"].to_list() == [run.base + n for n in range(5)]
        run.write("flows", flows(run, 3, packets=9))
        run.finish(run.captures, [], [], [], {})
        assert case.scan("flows").collect()["packets_client"].to_list() == [1, 7, 9]
        assert case.check() == []
        listed = {row["file"] for row in case._database.all("SELECT file FROM parts")}
        there = {str(p.relative_to(tmp_path / "case")) for p in (tmp_path / "case").glob("*/*.parquet")}
        assert listed == there


def test_a_killed_live_run_is_kept_as_it_was_last(tmp_path: Path) -> None:
    case = Case.open(tmp_path / "case")
    run = begun(case)
    run.write("messages", numbered(run, 0, 3))
    run.checkpoint(run.captures, [alert("a")], [fact("M1")], [asset("x")], {"frames": 3}, flows(run, 1, 2))
    run.write("messages", numbered(run, 3, 50))
    run._writer.flush()  # on disk, but nobody was told
    case._lock.release()  # what the kernel does for a killed program
    with Case.open(tmp_path / "case") as after:
        assert [r["state"] for r in after.summary()["runs"]] == ["interrupted"]
        assert after.captures()["state"].to_list() == ["interrupted"]
        assert after.scan("messages").collect().height == 3
        assert after.runs_of("flows") == [(1, 2)] and after.check() == []
        assert (after.alerts().height, after.facts().height, after.assets().height) == (1, 1, 1)
        with begun(after) as second:
            assert second.captures[0]["capture"] == 2
            second.checkpoint(second.captures, [alert("a")])
        assert after.alerts()["count"].to_list() == [2]


def test_leaving_a_live_run_unfinished_leaves_its_last_checkpoint(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case:
        with pytest.raises(RuntimeError), begun(case) as run:
            run.write("messages", numbered(run, 0, 3))
            run.checkpoint(run.captures, summary={})
            run.write("messages", numbered(run, 3, 3))
            raise RuntimeError("on purpose")
        assert case.scan("messages").collect().height == 3 and case.check() == []


def test_small_parts_are_joined_in_their_order(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_parts, "JOIN_ROWS", 5000)
    monkeypatch.setattr(run_module, "KEEP_JOINED", 0.0)
    with Case.open(tmp_path / "case") as case, begun(case) as run:
        for n in range(100):
            rows = numbered(run, 10 * n, 10)
            run.write("messages", rows if n % 3 else rows.with_columns(name=pl.lit(f"n{n}")))
            run.checkpoint(run.captures, summary={})
            run.tidy()
            assert case.scan_run("messages", run.number).collect().height == 10 * n + 10
        back = case.scan("messages").collect()
        assert back["message"].to_list() == [run.base + n for n in range(1000)]
        assert back["name"][30] == "n3" and back["name"][40] == ""
        run.finish(run.captures, [], [], [], {})
        assert case.check() == []
        assert case.scan("messages").collect()["message"].to_list() == [run.base + n for n in range(1000)]
    assert len(list((tmp_path / "case/messages").iterdir())) < 30


def test_captures_are_numbered_on(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case, begun(case) as run:
        second = run.next_capture({"path": "x"})
        assert second["capture"] == 2
        run.checkpoint([*run.captures])
        run.checkpoint([{**second, "frames": 5, "state": "complete", "sha256": SHA_A}])
        assert case.captures().select("capture", "state", "frames").rows() == [(1, "live", 0), (2, "complete", 5)]
        case.amend_capture(2, {"path": "y", "bytes": 7})
        assert case.captures()["path"].to_list() == ["live:eth1", "y"]
        with pytest.raises(InputError, match="read from eth1 without being recorded"):
            evidence.verified(case.captures().to_dicts()[0], [])
        with pytest.raises(ValueError, match="state"):
            case.amend_capture(2, {"state": "complete"})
        with pytest.raises(ValueError, match="not given out"):
            run.checkpoint([{"capture": 9}])


def test_a_checkpoint_that_fails_leaves_the_last_one(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case, begun(case) as run:
        run.checkpoint(run.captures, [alert("a")], summary={"frames": 1})
        case._database._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(CaseError):
            run.checkpoint(alerts=[alert("b")])
        case._database._connection.execute("PRAGMA query_only = OFF")
        assert case.alerts()["alert"].to_list() == ["a"]
        run.checkpoint(alerts=[alert("b")])
        assert case.alerts()["alert"].to_list() == ["a", "b"]
