"""What a case gives up when its room is short: counts before anything is dropped, never what matters; sums agree."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from store_rows import SHA_A, SHA_B, SHA_C, T0, alert, asset, fact, frame

from sentinel.store import _thinning, outbox, retention
from sentinel.store.case import Case
from sentinel.store.outbox import Counts, Outbox
from sentinel.store.retention import DAY, Limits, Retention, compact
from sentinel.store.union import merge_cases

SECOND = 1_000_000_000
EVERYTHING = Limits(size=1)
"""A case that is always too large: all that may go, goes."""
READS = Limits(messages=0)
"""Reads of every run become counts, and nothing is dropped."""
LATER = T0 + 30 * DAY


def polling(case: Case, sha256: str, polls: int = 10, parts: int = 3, **said) -> int:
    """A run in which one device is polled and written to; each exchange is request and answer, a frame each.

    Of each part the last exchange is a write. The flow's number is that of the first message; returns it.
    """
    with case.begin_run([{"sha256": sha256, "path": f"/x/{sha256[0]}.pcap"}]) as run:
        capture = run.captures[0]["capture"]
        per = 2 * polls
        for part in range(parts):
            base = run.base + part * per
            number = pl.int_range(base, base + per, eager=True)
            request = pl.Series([True, False] * polls)
            write = pl.Series([False] * (per - 2) + [True] * 2)
            row = number - run.base
            kind = pl.Series(["request", "response"] * polls)
            run.write("messages", frame(
                "messages", per, message=number, capture=capture, frame=row + 1, time=(row * SECOND + T0).cast(
                    pl.Datetime("ns", "UTC")), flow=run.base, src=_either(request, "10.0.0.9", "10.0.0.1"),
                dst=_either(request, "10.0.0.1", "10.0.0.9"), protocol="modbus", kind=kind, unit=1, address=100,
                activity=_either(write, "write", "read"), quantity=2, length=12,
                pair=pl.Series([n + 1 if n % 2 == 0 else n - 1 for n in number], dtype=pl.Int64), pairing="answered",
                latency=pl.select(pl.when(~request).then(row + 1)).to_series(),
            ))  # fmt: skip
            answers = number.filter(~request)
            owner = pl.Series([n for n in answers for _ in range(2)], dtype=pl.Int64)
            run.write("points", frame(
                "points", len(owner), message=owner, object="holding_register",
                address=pl.Series([100, 101] * polls, dtype=pl.Int64), access="read",
                value=pl.Series([float(n) if k == 0 else 7.0 for n in answers for k in range(2)]),
            ))  # fmt: skip
            run.write("items", frame("items", per, message=number, object="holding_register", address=100))
            run.write_ext("modbus", pl.DataFrame({"message": number, "length": number % 3}))
            run._writer.flush()  # a part of its own
        flows = pl.Series([run.base, run.base + 1], dtype=pl.Int64)
        run.write("flows", frame("flows", 2, flow=flows, capture=capture, time=T0, last_time=T0 + SECOND))
        captures = [{**c, "frames": parts * per, "first_time": T0, "last_time": T0 + DAY} for c in run.captures]
        run.finish(captures, said.get("facts", []), said.get("assets", []), said.get("alerts", []), {})
        return run.base


def _either(mask: pl.Series, yes: str, no: str) -> pl.Series:
    return pl.select(pl.when(mask).then(pl.lit(yes)).otherwise(pl.lit(no))).to_series()


def total(case: Case, table: str, column: str = "count") -> int:
    return case.scan(table).select(pl.col(column).sum()).collect().item()


def rows(case: Case, table: str) -> int:
    return case.scan(table).select(pl.len()).collect().item()


def thin(case: Case, limits: Limits, now: int = LATER) -> retention.State:
    return list(compact(case, limits, now))[-1]


@pytest.fixture
def case(tmp_path):
    with Case.open(tmp_path / "c") as opened:
        polling(opened, SHA_A)
        yield opened


def test_reads_become_counts_and_writes_stay(case):
    thin(case, READS)
    left = case.scan("messages").collect()
    assert left["activity"].unique().to_list() == ["write"] and left.height == 6
    request, answer = case.scan("polls").sort("kind").collect().rows(named=True)
    assert (request["kind"], request["count"], request["answered"], request["unanswered"]) == ("request", 27, 27, 0)
    assert (request["src"], request["dst"], request["address"], request["quantity"]) == ("10.0.0.9", "10.0.0.1", 100, 2)
    assert (request["frame"], request["last_frame"], request["capture"]) == (1, 57, 1)
    assert request["time"].timestamp() == T0 / SECOND and request["bytes"] == 27 * 12
    assert request["latency_min"] is None and request["items"] == "holding_register 100"
    assert (answer["count"], answer["latency_min"], answer["latency_max"], answer["flows"]) == (27, 2, 58, 1)
    changing, steady = case.scan("trends").sort("address").collect().rows(named=True)
    assert (changing["device"], changing["address"], changing["count"], changing["changes"]) == (
        "10.0.0.1",
        100,
        27,
        26,
    )
    first, last = changing["first"], changing["last"]
    assert (first, last, changing["min"], changing["max"]) == (float((1 << 40) + 1), float((1 << 40) + 57), first, last)
    assert (steady["count"], steady["changes"], steady["min"], steady["max"]) == (27, 0, 7.0, 7.0)
    assert case.check() == []


def test_sums_agree(case):
    written = {table: rows(case, table) for table in ("messages", "points", "items", "ext/modbus")}
    thin(case, READS)
    assert rows(case, "messages") + total(case, "polls") == written["messages"]
    assert rows(case, "points") + total(case, "trends") == written["points"]
    gone = {row["table"]: row for row in case.thinned()}
    for table, before in written.items():
        assert rows(case, table) + gone[table]["rows"] == before, table
        assert gone[table]["fate"] == "counted" and gone[table]["first_time"] == T0
    assert dict(case.runs_of("messages")) == {1: 60}


def test_what_evidence_cites_stays_with_its_exchange(tmp_path):
    with Case.open(tmp_path / "c") as case:
        polling(
            case, SHA_A,
            alerts=[alert("a", frames=((1, 3),))], assets=[asset("x", evidence=[[1, 5]])], facts=[fact("M")],
        )  # fmt: skip
        thin(case, EVERYTHING)
        left = case.scan("messages").filter(pl.col("activity") == "read").collect()
        assert left["frame"].to_list() == [3, 4, 5, 6, 7, 8]  # the fact cites frame 7
        assert rows(case, "points") == 2 * (3 + 3)
        assert case.alerts().height == case.assets().height == case.facts().height == 1


def test_only_when_counts_are_not_enough_are_they_dropped_and_flows_with_them(case):
    base = case.scan("messages").select(pl.col("flow").first()).collect().item()
    state = thin(case, EVERYTHING)
    assert (rows(case, "polls"), rows(case, "trends"), state.stuck) == (0, 0, True)
    assert case.scan("flows").collect()["flow"].to_list() == [base]  # that of the writes
    gone = {(row["table"], row["fate"]): row for row in case.thinned()}
    assert rows(case, "messages") + gone["polls", "dropped"]["stood_for"] == 60
    assert gone["trends", "dropped"]["stood_for"] + rows(case, "points") == 60
    assert gone["flows", "dropped"]["rows"] == 1
    assert (state.counted, state.dropped) == (54, 2 + 2 + 1)
    assert case.scan("thinned").select("table", "fate", "rows").collect().height == len(gone)
    assert case.check() == []


def test_a_step_takes_the_oldest_run_and_stops_when_there_is_room(case):
    polling(case, SHA_B)
    used = Retention(case, Limits()).used()
    one = Limits(size=round((used - 100) / retention.HIGH))
    room = Retention(case, one)
    step = room.plan(LATER)
    assert step is not None and (step.run, step.kind) == (1, "count")
    step.make()
    room.commit(step)
    assert room.plan(LATER).run == 2  # it goes on until LOW
    assert Retention(case, Limits(size=used * 2)).plan(LATER) is None


def test_ages(case):
    end = T0 + DAY
    assert thin(case, Limits(messages=2 * DAY), end + DAY).counted == 0
    assert thin(case, Limits(messages=2 * DAY), end + 3 * DAY).counted == 54
    assert thin(case, Limits(trends=2 * DAY), end + 3 * DAY).dropped == 2
    assert (rows(case, "polls"), rows(case, "flows")) == (2, 2)
    assert not thin(case, Limits(polls=DAY, flows=DAY), end + 3 * DAY).stuck
    assert (rows(case, "polls"), rows(case, "flows")) == (0, 1)


def test_a_run_that_goes_on_is_left_alone(case, monkeypatch):
    with case.begin_run([{"path": "live:eth1"}]) as run:
        run.checkpoint(run.captures, summary={})
        thin(case, EVERYTHING)
        room = Retention(case, Limits(size=1000))
        assert not room.is_large(run.number) and not Retention(case, Limits()).is_large(1)
        monkeypatch.setattr(retention, "LEAST_RUN", 0)
        assert room.is_large(1) and not room.is_large(run.number)
        assert all(step.run != run.number for step in [room.plan(LATER)] if step)


def test_a_run_that_a_killed_sensor_may_still_finish_is_left_alone(case):
    with case.database.transaction() as db:
        db.execute("UPDATE runs SET state = 'interrupted', summary = json_set(summary, '$.marks', json('{}'))")
    assert Retention(case, EVERYTHING).plan(LATER) is None
    with case.database.transaction() as db:
        db.execute("UPDATE runs SET summary = json_remove(summary, '$.marks')")
    assert Retention(case, EVERYTHING).plan(LATER) is not None


def test_what_was_thinned_out_is_not_looked_at_again(case):
    thin(case, READS)
    before = case.summary()["rows"]
    assert Retention(case, READS).plan(LATER) is None
    thin(case, READS)
    assert case.summary()["rows"] == before


def test_values_of_several_parts_are_one_trend(tmp_path):
    with Case.open(tmp_path / "one") as one, Case.open(tmp_path / "many") as many:
        polling(one, SHA_A, polls=30, parts=1)
        polling(many, SHA_A, polls=10, parts=3)
        for case in (one, many):
            thin(case, READS)
        assert rows(one, "trends") == rows(many, "trends") == 2


def test_an_answer_without_activity_goes_with_its_request(tmp_path):
    with Case.open(tmp_path / "c") as case, case.begin_run([{"sha256": SHA_A, "path": "/x"}]) as run:
        said = pl.Series(["read", "other", "program", "other", "other"])
        kinds = pl.Series(["request", "response"] * 2 + ["response"])
        number = pl.Series([run.base + n for n in range(5)], dtype=pl.Int64)
        pair = pl.Series([run.base + n for n in (1, 0, 3, 2)] + [None], dtype=pl.Int64)
        run.write("messages", frame("messages", 5, message=number, capture=1, frame=number - run.base, activity=said,
                                    kind=kinds, pair=pair))  # fmt: skip
        run.finish([{**run.captures[0], "last_time": T0}], [], [], [], {})
        thin(case, READS)
        assert (case.scan("messages").collect()["message"] - run.base).to_list() == [2, 3, 4]


def test_malformed_messages_stay(tmp_path):
    with Case.open(tmp_path / "c") as case, case.begin_run([{"sha256": SHA_A, "path": "/x"}]) as run:
        number = pl.Series([run.base, run.base + 1, run.base + 2], dtype=pl.Int64)
        run.write("messages", frame("messages", 3, message=number, capture=1, activity="read",
                                    kind=pl.Series(["request", "malformed", "request"]),
                                    fault=pl.Series(["", "", "length"])))  # fmt: skip
        run.finish([{**run.captures[0], "last_time": T0}], [], [], [], {})
        thin(case, READS)
        assert (case.scan("messages").collect()["message"] - run.base).to_list() == [1, 2]


# -- receivers ------------------------------------------------------------------------------------------------------


def everything(box: Outbox, table: str, limit: int = 7) -> list[int]:
    found = []
    while (offer := box.offer(table, limit)) is not None:
        assert offer.rows
        found += [row["_row"] for row in offer.rows]
        box.done(offer)
    return found


@pytest.mark.parametrize("window", [3, 20_000])
def test_receivers_get_what_is_left_and_the_rest_is_counted_as_dropped(case, monkeypatch, window):
    monkeypatch.setattr(outbox, "WINDOW", window)
    with Outbox(case, "es") as box:
        offer = box.offer("messages", 5)
        box.done(offer)
        done = len(offer.rows)
        assert box.counts()["messages"] == Counts(sent=done, waiting=60 - done)
        thin(case, READS)
        box._windows.clear()
        writes = 6
        assert box.counts()["messages"] == Counts(sent=done, waiting=writes, dropped=60 - done - writes)
        assert everything(box, "messages") == [18, 19, 38, 39, 58, 59]
        assert box.counts()["messages"] == Counts(sent=done + writes, dropped=60 - done - writes)
        assert everything(box, "points") == [18, 19, 38, 39, 58, 59]
        assert box.counts()["points"] == Counts(sent=6, dropped=54)
        polling(case, SHA_B)
        assert len(everything(box, "messages")) == 60
        thin(case, EVERYTHING)
        assert box.counts()["messages"] == Counts(sent=done + writes + 60, dropped=60 - done - writes)
        assert box.counts()["flows"].total == 4


def test_rows_in_memory_are_sent_though_they_were_counted_meanwhile(case):
    with Outbox(case, "es") as box:
        box.done(box.offer("messages", 5))
        thin(case, READS)
        assert len(everything(box, "messages")) == 55
        assert box.counts()["messages"] == Counts(sent=60)


def test_rows_keep_their_numbers_so_their_ids_are_stable(case):
    before = {row["message"]: row["_row"] for row in case.scan_run("messages", 1).collect().iter_rows(named=True)}
    values = {(row["message"], row["address"]): row["_row"] for row in case.scan_run("points", 1).collect().to_dicts()}
    thin(case, READS)
    for row in case.scan_run("messages", 1).collect().to_dicts():
        assert before[row["message"]] == row["_row"]
    left = case.scan_run("points", 1).collect().to_dicts()
    assert left and all(values[row["message"], row["address"]] == row["_row"] for row in left)
    assert case.scan_run("messages", 1, 19, 20).collect()["_row"].to_list() == [19, 38]


def test_counts_are_not_offered():
    assert not {"polls", "trends", "thinned"} & set(outbox.OFFERED)


# -- whoever is killed ----------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from sentinel.store import _parts, _thinning, retention
from sentinel.store.case import Case
left = [int(sys.argv[3])]

def die(*args, real, **more):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return real(*args, **more)

def at(module, name):
    real = getattr(module, name)
    setattr(module, name, lambda *args, **more: die(*args, real=real, **more))

for module, name in {"write": [(_thinning, "write_parquet")], "list": [(_thinning, "insert_parts")],
                     "note": [(_thinning._spans, "put")], "done": [(retention, "delete_unlisted")]}[sys.argv[2]]:
    at(module, name)
with Case.open(sys.argv[1]) as case:
    list(retention.compact(case, retention.Limits(size=1), int(sys.argv[4])))
"""


@pytest.mark.parametrize("point, times", [("write", 0), ("write", 3), ("list", 0), ("note", 1), ("done", 0)])
def test_killed_at_any_step_it_is_done_or_not_and_done_again(tmp_path: Path, point: str, times: int):
    folder = tmp_path / "c"
    with Case.open(folder) as case:
        polling(case, SHA_A)
    with Case.open(tmp_path / "calm") as calm:
        polling(calm, SHA_A)
        thin(calm, EVERYTHING)
        wanted = calm.thinned()
    code = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), point, str(times), str(LATER)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False,
    ).returncode  # fmt: skip
    assert code == -signal.SIGKILL
    with Case.open(folder) as case:
        assert case.check() == []
        gone = {(row["table"], row["fate"]): row["stood_for"] for row in case.thinned()}
        dropped = gone.get(("polls", "dropped"), 0)
        assert rows(case, "messages") + total(case, "polls") + dropped == 60
        files = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.parquet*")}
        files |= {path.relative_to(folder).as_posix() for path in folder.glob("ext/*/*.parquet*")}
        assert files == {row["file"] for row in case.database.all("SELECT file FROM parts")}
        thin(case, EVERYTHING)
        assert case.thinned() == wanted
        assert case.check() == []


def test_a_disk_that_refuses_leaves_everything_as_it_was(case, monkeypatch):
    def refuse(df, path):
        raise OSError(28, "No space left on device")

    before = case.summary()["rows"]
    step = Retention(case, READS).plan(LATER)
    monkeypatch.setattr(_thinning, "write_parquet", refuse)
    with pytest.raises(OSError, match="No space"):
        step.make()
    assert case.summary()["rows"] == before and case.check() == []
    assert not list(case.path.glob("**/*-t*.parquet"))


def test_a_run_that_vanished_meanwhile_is_not_touched(case):
    room = Retention(case, READS)
    step = room.plan(LATER)
    step.make()
    with case.database.transaction() as db:
        db.execute("DELETE FROM parts WHERE \"table\" = 'messages'")
    with pytest.raises(ValueError, match="no part of the case any more"):
        room.commit(step)
    assert not list(case.path.glob("**/*-t*.parquet")) and rows(case, "polls") == 0


# -- other cases ----------------------------------------------------------------------------------------------------


def test_a_merge_brings_the_counts_along(case, tmp_path):
    thin(case, READS)
    with Case.open(tmp_path / "out") as out:
        polling(out, SHA_B)
        merge_cases(out, [case])
        assert total(out, "polls") == 54 and rows(out, "messages") == 66
        assert out.scan("polls").collect()["capture"].unique().to_list() == [2]
        assert [row["rows"] for row in out.thinned() if row["table"] == "messages"] == [54]
        assert dict(out.runs_of("messages")) == {1: 60, 2: 6}
        assert "_row" not in pl.read_parquet(out.parts("messages", 2)[0]).columns


def test_a_run_that_is_replaced_takes_its_counts_along(tmp_path):
    with Case.open(tmp_path / "c") as case:
        polling(case, SHA_A)
        with case.database.transaction() as db:
            db.execute("UPDATE runs SET state = 'interrupted'")
        thin(case, READS)
        polling(case, SHA_A)
        assert (rows(case, "messages"), rows(case, "polls"), case.thinned()) == (60, 0, [])
        assert dict(case.runs_of("messages")) == {2: 60}


def test_a_case_of_before_is_read_and_learns_it_when_it_is_written(tmp_path):
    with Case.open(tmp_path / "c") as case:
        polling(case, SHA_C)
    with closing(sqlite3.connect(tmp_path / "c" / "case.db")) as db:
        db.executescript("DROP TABLE spans; DROP TABLE thinned;")
    with Case.open(tmp_path / "c", "read") as case:
        assert (rows(case, "thinned"), rows(case, "polls"), case.thinned()) == (0, 0, [])
        assert dict(case.runs_of("messages")) == {1: 60} and case.gone("messages", 1, 0) == 0
    with Case.open(tmp_path / "c") as case:
        assert thin(case, READS).counted == 54
