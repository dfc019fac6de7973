"""`sentinel status`: what a sensor wrote, and whether it still runs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from waiting import PATIENCE

from sentinel.cli import status as command
from sentinel.cli.main import cli
from sentinel.errors import Sentence
from sentinel.sensor.analysis import Latency
from sentinel.sensor.config import Health as Limits
from sentinel.sensor.health import Health, Moment
from sentinel.sensor.outlets import Outlet
from sentinel.sensor.relief import Short
from sentinel.sources.live import Counters
from sentinel.store.outbox import Counts
from sentinel.store.retention import State

AWAY = Sentence("{uri}: cannot be reached ({why}).", uri="tls://siem", why="no")


def written(folder: Path, silent: float = 60) -> dict:
    health = Health(Limits(silent_seconds=silent), folder, 30)
    health.seccomp = "on"
    sender = {"10.0.0.1": {"frames": 70, "bytes": 9000, "missing": 6}}
    for now in (1.0, 2.0, 200.0):
        health.look(
            Moment(
                now, time.time_ns(), [("eth1", Counters(1500, 90_000, 3, refused=8, senders=sender))], time.time_ns(),
                (1, 1500), 1, 4, 16, Latency(2, 0.2, 0.4, 0.5), 12, 5, "/x/segments/a.pcapng", 0,
                [
                    Outlet("siem", AWAY, 7, 2, 4, 3),
                    Outlet("young"),
                    Outlet("es", idle=2.0, rows=Counts(sent=12_345, waiting=678)),
                ],
                State(700 << 20, 12_000, 34, True), Short(300 << 20, 2, {"free": 1, "batches": 2}, 56), 1.0,
            )
        )  # fmt: skip
    return json.loads((folder / "status.json").read_text())


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["running", "3 lost", "silent", "for 7 s: tls://siem: cannot", "refused 3", "12,345 sent, 678 waiting",
                "10.0.0.1: 70 frames, 6 never", "8 from senders", "seccomp                 on",
                "700 MiB of 1,024", "12,000 messages became", "34 counts and flows", "batches 2 ×", "56 values"]),
        ("zh", ["运行中", "丢失 3 帧", "没有流量", "已有 7 秒未能接收：tls://siem", "拒收 3 条",
                "已发送 12,345，待发 678", "10.0.0.1：70 帧，6 帧", "8 个", "已启用",
                "700 MiB，上限 1,024", "12,000 条报文已合并为计数", "34 条计数和流", "批量大小 2 ×", "56 个数值"]),
    ],
)
def test_a_sensor_that_runs(tmp_path: Path, lang: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "FRESH_SECONDS", PATIENCE)
    written(tmp_path)
    run = CliRunner().invoke(cli, ["--lang", lang, "status", "--case", str(tmp_path)])
    assert run.exit_code == 0
    assert [word for word in [*words, "1,500", "0.25", "12"] if word not in run.output] == []


def test_one_that_does_not(tmp_path: Path) -> None:
    status = written(tmp_path)
    (tmp_path / "status.json").write_text(json.dumps({**status, "time": status["time"] - 10**11, "pid": os.getpid()}))
    run = CliRunner().invoke(cli, ["--lang", "en", "status", "--case", str(tmp_path)])
    assert (run.exit_code, "not running" in run.output) == (1, True)
    as_json = CliRunner().invoke(cli, ["status", "--case", str(tmp_path), "--json"])
    assert as_json.exit_code == 1 and json.loads(as_json.output)["frame"] == 1500


def test_no_sensor_ever(tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["--lang", "en", "status", "--case", str(tmp_path)])
    assert run.exit_code == 4
