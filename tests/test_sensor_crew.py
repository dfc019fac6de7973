"""Workers as a whole: frames over a cable between two namespaces, and what the one case says of them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from sensor_stage import cable, needs_namespaces, status, stop, until
from test_sensor_loop import ATTACK, NUMBERS, TIMES, rows, tables

from sentinel import pipeline
from sentinel.errors import UsageError
from sentinel.sensor.config import Config
from sentinel.sensor.start import run
from sentinel.sensor.upkeep import Orders
from sentinel.store import evidence
from sentinel.store.case import Case


def read(case: Path) -> int:
    """Frames that the workers have told of, in rows and counts."""
    try:
        with Case.open(case, "read") as opened:
            return opened.captures()["frames"].sum()
    except Exception:
        return 0


def kill(case: Path, slot: int) -> int:
    """Kill the worker at a place as soon as there is one; its process id."""
    gone = []

    def done() -> bool:
        pid = next((one["pid"] for one in status(case).get("workers", []) if one["worker"] == slot), 0)
        if pid:
            with suppress(ProcessLookupError):  # the status is of the last second
                os.kill(pid, signal.SIGKILL)
                gone.append(pid)
        return bool(gone)

    until(done)
    return gone[0]


def running(pid: int) -> bool:
    """Whether there is such a process; one that ended, and that nobody has asked after, is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def captured(case: Path) -> tuple[int, int]:
    """Frames that were read, and that were lost."""
    (port,) = status(case).get("ports", [{"frames": 0, "dropped": 0}])
    return port["frames"], port["dropped"]


@needs_namespaces
def test_the_tables_are_those_of_one_process(tmp_path: Path) -> None:
    stored, live = tmp_path / "stored", tmp_path / "live"
    pipeline.analyze([ATTACK], stored)
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "2")
        before = wire.sent_by_sensor()
        sent = wire.send(ATTACK, pace=0.02)
        until(lambda: captured(live)[0] == sent)
        shown = status(live)["workers"]
        assert wire.sent_by_sensor() == before
        stop(sensor)
    assert [one["frames"] > 0 for one in shown] == [True, True]
    assert len({one["pid"] for one in shown}) == 2
    with Case.open(stored, "read") as one, Case.open(live, "read") as other:
        assert other.check() == []
        assert tables(one) == tables(other)
        for table in tables(one):
            assert rows(one, table, TIMES | NUMBERS) == rows(other, table, TIMES | NUMBERS), table
        captures = other.captures()
        assert captures["frames"].sum() == sent and set(captures["state"]) == {"complete"}
        assert captures.height == 2 and captures["sha256"].str.len_bytes().to_list() == [64, 64]
        for alert in other.alerts().filter(pl.col("severity") == "high").to_dicts()[:3]:
            cut = evidence.slice(other, alert["alert"], tmp_path / f"{alert['alert']}.pcapng")
            assert cut.evidence > 0 and cut.missing == []
        numbers = other.scan("messages").select("message").collect()["message"]
        assert numbers.n_unique() == len(numbers)
        flows = other.scan("flows").select("flow").collect()["flow"]
        assert flows.n_unique() == len(flows)


@needs_namespaces
def test_a_worker_that_is_killed_is_replaced_and_its_loss_is_counted(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "2")
        sent = wire.send(ATTACK, pace=0.002, last=600)
        until(lambda: captured(live)[0] == sent)
        gone = kill(live, 0)
        other = status(live)["workers"][1]["pid"]
        sent += wire.send(ATTACK, pace=0.002, first=600)
        until(lambda: sum(captured(live)) == sent and status(live)["workers"][0]["restarts"] == 1)
        until(lambda: status(live)["workers"][0]["pid"] not in (0, gone) and sum(captured(live)) == sent)
        frames, lost = captured(live)
        assert status(live)["workers"][1]["pid"] == other
        assert status(live)["workers"][0]["lost"] == lost
        stop(sensor)
    with Case.open(live, "read") as case:
        assert case.check() == []
        captures = case.captures()
        assert (captures["frames"].sum(), captures["dropped"].sum()) == (frames, lost)
        assert sorted(captures["state"]) == ["complete", "complete", "interrupted"]
        assert captures["sha256"].str.len_bytes().to_list() == [64] * 3
        flows = case.scan("flows").select("flow").collect()["flow"]
        assert flows.n_unique() == len(flows)


@needs_namespaces
def test_workers_that_are_killed_in_the_middle_lose_what_is_counted(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "3")
        sent = 0
        for part in range(4):
            sent += wire.send(ATTACK, pace=0.0005, first=400 * part, last=400 * part + 400)
            kill(live, part % 3)
        until(lambda: sum(captured(live)) == sent)
        stop(sensor)
        assert sum(captured(live)) == sent
    with Case.open(live, "read") as case:
        assert case.check() == []
        captures = case.captures()
        assert captures["frames"].sum() + captures["dropped"].sum() == sent


@needs_namespaces
def test_runs_turn_for_all_workers_at_once(tmp_path: Path) -> None:
    stored, live = tmp_path / "stored", tmp_path / "live"
    config = tmp_path / "sentinel.toml"
    config.write_text("[life]\nmemory_mib = 16\n")
    pipeline.analyze([ATTACK], stored)
    with cable() as wire:
        sensor = wire.sensor(live, "--config", str(config), "--workers", "2")

        def runs() -> list[str]:
            with Case.open(live, "read") as case:
                return [one["state"] for one in case.summary()["runs"]]

        half = wire.send(ATTACK, pace=0.0005, last=700)
        until(lambda: runs() == ["complete", "live"])
        sent = half + wire.send(ATTACK, pace=0.0005, first=700)
        until(lambda: captured(live)[0] == sent)
        stop(sensor)
        assert runs() == ["complete", "complete"]
    without = TIMES | NUMBERS | {"packets", "bytes", "facts", "count", "first_time", "role_by"}
    with Case.open(stored, "read") as one, Case.open(live, "read") as other:
        assert other.check() == [] and other.captures().height == 4
        assert other.captures()["frames"].sum() == sent
        for table in ("messages", "items", "flows"):
            assert rows(one, table, without) == rows(other, table, without), table
        every = set(other.alerts().columns) - {"alert"}
        assert rows(one, "alerts", every).keys() == rows(other, "alerts", every).keys()


@needs_namespaces
def test_a_crew_whose_head_is_killed_leaves_a_good_case_and_no_process(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "2")
        sent = wire.send(ATTACK, pace=0.001, last=500)
        until(lambda: captured(live)[0] == sent and read(live) == sent)
        until(lambda: all(one["pid"] for one in status(live)["workers"]))
        pids = [one["pid"] for one in status(live)["workers"]]
        sensor.kill()
        sensor.wait()
        until(lambda: not any(map(running, pids)))
        with Case.open(live, "read") as case:
            assert case.check() == []
            said = set(case.alerts()["alert"])
        second = wire.sensor(live, "--workers", "2")
        sent = wire.send(ATTACK, pace=0.001, first=500)
        until(lambda: captured(live)[0] == sent)
        stop(second)
    with Case.open(live, "read") as case:
        assert case.check() == [] and set(case.alerts()["alert"]) >= said
        assert case.captures()["sha256"].str.len_bytes().to_list() == [64] * 4


@needs_namespaces
def test_rules_are_read_again(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "2")
        sensor.send_signal(signal.SIGHUP)
        assert sensor.stderr is not None
        line = sensor.stderr.readline()
        assert "read again" in line, line
        stop(sensor)


@needs_namespaces
def test_recording_changes_while_it_runs(tmp_path: Path) -> None:
    live, other, config = tmp_path / "live", tmp_path / "other", tmp_path / "sentinel.toml"
    config.write_text("[record]\ncompress = false\n[store]\ncheckpoint_seconds = 1\n")
    with cable() as wire:
        sensor = wire.sensor(live, "--workers", "2", "--config", str(config))
        sent = wire.send(ATTACK, pace=0.001, last=500)
        until(lambda: captured(live)[0] == sent)
        config.write_text(f'[record]\ncompress = true\nfolder = "{other}"\n[store]\ncheckpoint_seconds = 1\n')
        sensor.send_signal(signal.SIGHUP)
        until(lambda: len(list(other.glob("worker-*/*.pcapng"))) == 2)
        sent += wire.send(ATTACK, pace=0.001, first=500, last=1000)
        until(lambda: captured(live)[0] == sent)
        kill(live, 1)  # who takes its place records as it did
        until(lambda: status(live)["workers"][1]["restarts"] == 1 and len(list(other.glob("worker-1/*.pcapng"))) == 2)
        lost = captured(live)[1]
        os.kill(sensor.pid, signal.SIGKILL)
        sensor.wait()
        second = wire.sensor(live, "--workers", "2", "--config", str(config))
        config.write_text("[record]\nenabled = false\n")
        second.send_signal(signal.SIGHUP)

        def paths() -> list[str]:
            with Case.open(live, "read") as case:
                return case.captures().sort("capture")["path"].to_list()

        until(lambda: [path.startswith("live:") for path in paths()[-2:]] == [True, True])
        stop(second)
    with Case.open(live, "read") as case:
        assert case.check() == []
        captures = case.captures().sort("capture")
        assert captures["frames"].sum() + lost == sent
        folders = [Path(path).parts[-3] for path in captures["path"] if not path.startswith("live:")]
        assert folders[:4] == ["segments"] * 2 + ["other"] * 2 and set(folders[4:]) == {"other"}
        assert case.summary()["runs"][0]["state"] == "complete"
        messages = case.scan("messages").collect()
        assert messages.unique(["capture", "frame", "index"]).height == messages.height


def test_a_stream_has_one_reader(tmp_path: Path) -> None:
    config = Config()
    config.capture.workers = 2
    config.capture.interfaces = [f"follow:{tmp_path}"]
    with pytest.raises(UsageError, match="cannot be shared by workers"):
        run(lambda: config, tmp_path / "case", Orders())
    assert not (tmp_path / "case").exists()
