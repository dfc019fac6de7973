"""A sensor's case is thinned out beside the capture: steps in a thread, plans and commits in that of the case."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest
from store_rows import SHA_A, T0, frame

from sentinel.errors import CaseError
from sentinel.sensor import thinning
from sentinel.sensor.config import GIB, Disk
from sentinel.sensor.thinning import Thinning, limits_of
from sentinel.store import _thinning
from sentinel.store.case import Case
from sentinel.store.retention import DAY, Limits

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = Disk(case_gib=0, messages_days=0.001)
"""Reads of runs that ended are counted, however much room there is."""


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(thinning, "LOOK_SECONDS", 0.0)
    with Case.open(tmp_path / "c") as opened:
        with opened.begin_run([{"sha256": SHA_A, "path": "/x/a.pcap"}]) as run:
            number = pl.Series([run.base + n for n in range(100)], dtype=pl.Int64)
            row = number - run.base
            run.write("messages", frame("messages", 100, message=number, capture=1, frame=row + 1, kind="request",
                                        activity="read"))  # fmt: skip
            run.finish([{**run.captures[0], "last_time": T0}], [], [], [], {})
        yield opened


def counts(case: Case) -> tuple[int, int]:
    counted = case.scan("polls").select(pl.col("count").sum()).collect().item()
    return case.scan("messages").select(pl.len()).collect().item(), counted


def test_zero_is_no_bound() -> None:
    assert limits_of(Disk(case_gib=0)) == Limits()
    assert limits_of(Disk(case_gib=1.5, flows_days=2)) == Limits(size=3 * GIB // 2, flows=2 * DAY)


def test_turns_never_wait_and_the_end_waits_for_the_step(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    make = _thinning.Step.make

    def slowly(step):
        go.wait()
        make(step)

    monkeypatch.setattr(_thinning.Step, "make", slowly)
    one = Thinning(case, AT_ONCE)
    one.turn(2)
    one.turn(2)
    assert counts(case) == (100, 0)
    go.set()
    one.close()
    assert counts(case) == (0, 100) and one.state.counted == 100
    one.turn(2)
    one.close()
    assert counts(case) == (0, 100)


def test_a_disk_that_refuses_is_said_and_tried_again(case: Case, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    def refuse(step):
        raise CaseError("{path}: no room", path=case.path)

    one = Thinning(case, AT_ONCE)
    with monkeypatch.context() as patch:
        patch.setattr(_thinning.Step, "make", refuse)
        one.turn(2)
        one.close()
    assert counts(case) == (100, 0) and "no room" in caplog.text
    one.turn(2)
    one.close()
    assert counts(case) == (0, 100)


def test_other_bounds_and_a_run_that_is_too_large(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.store.retention.LEAST_RUN", 0)
    one = Thinning(case, Disk(case_gib=0))
    one.turn(1)
    assert not one.run_is_large and counts(case) == (100, 0)
    one.configure(Disk(case_gib=1 / GIB))
    one.turn(1)
    assert one.run_is_large
    one.close()
    assert counts(case) == (0, 100)
    for _ in range(3):
        one.turn(2)
        one.close()
    assert counts(case) == (0, 0) and one.state.stuck and one.state.dropped == 1


def test_a_sensor_thins_out_what_an_earlier_run_left(tmp_path: Path) -> None:
    config, case = tmp_path / "c.toml", tmp_path / "case"
    config.write_text("[disk]\nmessages_days = 0.00001\n")
    for name in ("modbus-normal", "dnp3-normal"):
        command = [sys.executable, "-m", "sentinel", "sensor", "-q", "-i", "-", "--case", case, "--config", config]
        with (ROOT / f"pcaps/{name}.pcap").open("rb") as frames:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            subprocess.run(list(map(str, command)), stdin=frames, env=environment, check=True, capture_output=True)
    with Case.open(case, "read") as opened:
        written = dict(opened.runs_of("messages"))
        left, counted = counts(opened)
        protocols = set(opened.scan("polls").collect()["protocol"])
        kept = opened.scan("messages").filter(pl.col("protocol") == "modbus").collect()
        assert counted > 0 and left + counted == sum(written.values())
        assert protocols == {"modbus"} and "read" not in kept["activity"].to_list() and opened.check() == []
    room = json.loads((case / "status.json").read_text())["room"]
    assert room["most"] == 20 * GIB
