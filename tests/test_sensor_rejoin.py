"""A sensor with workers whose head is killed: the next one finishes the run, and the case is what the segments hold."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from sensor_stage import Cable, cable, needs_namespaces, status, stop, until
from test_sensor_crew import captured, kill
from test_sensor_loop import ATTACK
from test_sensor_resume import OWN, finished, rows

from sentinel import pipeline
from sentinel.plugins import load_parsers
from sentinel.rules.alerts import Book
from sentinel.sensor.analysis import Rules
from sentinel.sensor.config import Config
from sentinel.sensor.rejoin import Rejoin, segments
from sentinel.sensor.resume import resume
from sentinel.sensor.snapshots import Snapshots
from sentinel.sensor.start import rules_of
from sentinel.store.case import Case
from sentinel.store.evidence import read_frames
from sentinel.store.resumed import Resumed, left

TABLES = ("messages", "items", "points", "flows", "faults")


def files(case: Path) -> list[Path]:
    """The segments that hold frames, in the order of their numbers."""
    found = sorted((case / "segments").glob("worker-*/*"), key=lambda path: path.name.rpartition("-")[2])
    return [path for path in found if any(True for _ in read_frames(path))]


def recorded(case: Path) -> int:
    return sum(1 for path in files(case) for _ in read_frames(path))


def end_head(sensor, case: Path) -> None:
    """kill -9 of the process with the case; wait until no worker is left."""
    pids = [one["pid"] for one in status(case)["workers"] if one["pid"]]
    os.kill(sensor.pid, signal.SIGKILL)
    sensor.wait()
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids))


def killed(wire: Cable, case: Path, config: Path, first: int, last: int, pace: float = 0.005) -> None:
    """A sensor that is killed when it has read these frames."""
    sensor = wire.sensor(case, "--workers", "2", "--config", str(config))
    before = captured(case)[0] if status(case).get("pid") == sensor.pid else 0
    sent = wire.send(ATTACK, pace=pace, first=first, last=last)
    until(lambda: status(case).get("pid") == sensor.pid and captured(case)[0] >= before + sent)
    end_head(sensor, case)


def settled(case: Path, again: Path) -> None:
    """The case is what an analysis of its segments gives, and nothing is there twice."""
    pipeline.analyze(files(case), again)
    with Case.open(case, "read") as one, Case.open(again, "read") as other:
        assert left(one) is None and one.check() == []
        assert {run["state"] for run in one.summary()["runs"]} == {"complete"}
        for table in TABLES:
            assert rows(one, table, OWN) == rows(other, table, OWN), table
        own = one.alerts().filter(~pl.col("rule").str.starts_with("sensor_"))
        assert set(own["alert"]) == set(other.alerts()["alert"])
        assert set(one.facts()["fact"]) == set(other.facts()["fact"])
        assert set(one.assets()["asset"]) == set(other.assets()["asset"])
        once(one)


def once(case: Case) -> None:
    """No row twice; answers name the requests that name them."""
    messages, flows = case.scan("messages").collect(), case.scan("flows").collect()["flow"]
    assert messages["message"].n_unique() == messages.height
    assert messages.unique(["capture", "frame", "index"]).height == messages.height
    assert flows.n_unique() == len(flows) and set(messages["flow"]) <= set(flows)
    pairs = messages.filter(pl.col("pair").is_not_null()).select("message", "pair", "flow")
    both = pairs.join(pairs, left_on="pair", right_on="message")
    assert both.height == pairs.height > 0
    same = (pl.col("pair_right") == pl.col("message")) & (pl.col("flow") == pl.col("flow_right"))
    assert both.filter(~same).is_empty()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "sentinel.toml"
    path.write_text("[store]\ncheckpoint_seconds = 1\ninventory_seconds = 5\n[record]\ncompress = false\n")
    return path


@needs_namespaces
@pytest.mark.parametrize("pace", [0.0005, 0.02])
def test_what_was_not_stored_is_read_from_all_segments(
    tmp_path: Path, config: Path, caplog: pytest.LogCaptureFixture, pace: float
) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        killed(wire, live, config, 0, 1200, pace)
    with Case.open(live, "read") as case:
        before = case.scan("messages").collect()
        alerts = dict(case.alerts().select("alert", "count").iter_rows())
    finished(live)
    assert caplog.text.count("reading what the last run had not stored") == 2
    settled(live, tmp_path / "again")
    with Case.open(live, "read") as case:
        after = case.scan("messages").collect()
        assert after.height > before.height
        assert after.head(before.height).equals(before)
        found = dict(case.alerts().select("alert", "count").iter_rows())
        assert all(found[alert] >= count for alert, count in alerts.items())
        summary = case.summary()["runs"][0]["summary"]
        assert summary["frames"] == recorded(live) == case.captures()["frames"].sum()
        assert sum(summary["messages"].values()) == after.height
        assert case.captures()["sha256"].str.len_bytes().to_list() == [64, 64]


@needs_namespaces
def test_the_tables_are_those_of_the_stored_analysis(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        killed(wire, live, config, 0, 700)
        second = wire.sensor(live, "--workers", "3", "--config", str(config))
        sent = wire.send(ATTACK, pace=0.005, first=700)
        until(lambda: status(live).get("pid") == second.pid and captured(live)[0] == sent)
        stop(second)
    assert recorded(live) == 700 + sent
    with Case.open(live, "read") as case:
        assert case.check() == [] and case.captures()["frames"].sum() == 700 + sent
        assert [run["state"] for run in case.summary()["runs"]] == ["complete", "complete"]
        once(case)
        expected = {table: Counter[str]() for table in TABLES}
        for n, part in enumerate((files(live)[:2], files(live)[2:])):  # no flow goes on while nobody listens
            pipeline.analyze(part, tmp_path / str(n))
            with Case.open(tmp_path / str(n), "read") as stored:
                for table in TABLES:
                    expected[table] += rows(stored, table, OWN)
        for table in TABLES:
            assert rows(case, table, OWN) == expected[table], table


@needs_namespaces
def test_killed_again_and_again_while_segments_and_runs_rotate(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    text = config.read_text().replace("[record]", "[record]\nmax_minutes = 0.02")
    config.write_text(text.replace("[store]", "[store]\nrun_hours = 0.01"))
    with cable() as wire:
        for n in range(3):
            killed(wire, live, config, 550 * n, 550 * n + 550, pace=0.02)
    finished(live)
    assert recorded(live) == 1650
    pipeline.analyze(files(live), tmp_path / "again")
    with Case.open(live, "read") as one, Case.open(tmp_path / "again", "read") as other:
        assert one.check() == [] and {run["state"] for run in one.summary()["runs"]} == {"complete"}
        assert one.captures()["frames"].sum() == 1650
        once(one)
        assert one.scan("messages").collect().height == other.scan("messages").collect().height
        assert len(list((live / "resume").glob("*.json"))) < one.captures().height


@needs_namespaces
def test_a_worker_that_had_been_replaced_keeps_what_was_counted_as_lost(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "2", "--config", str(config))
        sent = wire.send(ATTACK, pace=0.002, last=600)
        until(lambda: captured(live)[0] == sent)
        kill(live, 0)
        until(lambda: status(live)["workers"][0]["restarts"] == 1 and status(live)["workers"][0]["pid"])
        sent += wire.send(ATTACK, pace=0.002, first=600, last=1200)
        until(lambda: sum(captured(live)) == sent)
        lost = captured(live)[1]
        end_head(sensor, live)
    finished(live)
    with Case.open(live, "read") as case:
        assert case.check() == [] and case.summary()["runs"][0]["state"] == "complete"
        captures = case.captures()
        assert captures.height == 3 and captures["dropped"].sum() == lost
        assert captures["frames"].sum() + lost == sent
        once(case)


@needs_namespaces
def test_killed_while_it_finishes_nothing_has_happened(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        killed(wire, live, config, 0, 900)

    def tell(state: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentinel.sensor.rejoin.TELL_FRAMES", 1)
        with Case.open(live, keep_open=True) as case, pytest.raises(KeyboardInterrupt):
            resume(case, load_parsers(), rules_of(Config()), tell)
    with Case.open(live, keep_open=True) as case:
        assert left(case) is not None and case.check() == []
    finished(live)
    settled(live, tmp_path / "again")


@needs_namespaces
def test_without_snapshots_segments_are_read_all_the_same(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        killed(wire, live, config, 0, 900)
    names = [protocol.name for protocol in load_parsers().protocols]
    assert Snapshots(live).of(1, names) is not None and Snapshots(live).of(2, names) is not None
    for path in (live / "resume").iterdir():
        path.unlink()
    finished(live)
    with Case.open(live, "read") as case:
        messages = case.scan("messages").collect()
        assert messages.unique(["capture", "frame", "index"]).height == messages.height
        assert case.summary()["runs"][0]["state"] == "complete"
        assert case.captures()["frames"].sum() == recorded(live)


@needs_namespaces
def test_a_segment_that_is_gone_is_said_to_be_lost(
    tmp_path: Path, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        killed(wire, live, config, 0, 900)
    files(live)[0].unlink()
    finished(live)
    assert "seconds before the sensor was killed held is lost" in caplog.text
    with Case.open(live, "read") as case:
        assert case.check() == [] and case.summary()["runs"][0]["state"] == "interrupted"


@needs_namespaces
def test_messages_that_are_not_those_of_before_get_numbers_behind_all_others(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        killed(wire, live, config, 0, 1200, pace=0.02)
    with Case.open(live, keep_open=True) as case:
        old = left(case)
        assert old is not None
        # as if a message had been cut in two by the beginning of a segment
        first = next(turn for turn in old.marks["crew"]["turns"] if turn[0] == old.marks["stored"][1] + 1)
        first[4] += 1
        for turn in old.marks["crew"]["turns"]:
            turn[3] += turn[0] > first[0]
        old.marks["now"][2] += 1
        parts = segments(old, set(case.captures()["capture"]))
        run = Resumed(case, old)
        with run:
            Rejoin(case, run, old, load_parsers(), Rules(rules_of(Config()), Book()), lambda state: None).run(parts)
        assert case.check() == []
        messages = case.scan("messages").collect()
        assert messages["message"].n_unique() == messages.height
        assert messages.unique(["capture", "frame", "index"]).height == messages.height
        assert messages["message"].max() >= old.marks["now"][2]
