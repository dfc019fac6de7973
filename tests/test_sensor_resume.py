"""A killed sensor's run is finished by the next one: then the case is what its segments hold, exactly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from sensor_stage import PATIENCE, ROOT, status, until

from sentinel import pipeline
from sentinel.plugins import load_parsers
from sentinel.sensor.config import Config
from sentinel.sensor.resume import resume
from sentinel.sensor.snapshots import Snapshots
from sentinel.sensor.start import hash_again, rules_of
from sentinel.store.case import Case
from sentinel.store.evidence import read_frames
from sentinel.store.resumed import left
from sentinel.wire.capture import CaptureReader

ATTACK = ROOT / "pcaps" / "plant-attack.pcapng"
OWN = {"message", "flow", "flows", "pair", "capture", "evidence"}
"""Columns with numbers that another case gives otherwise."""


class Pipe:
    """A sensor that reads frames from a pipe, in pieces, so that it makes batches and checkpoints of them."""

    def __init__(self, case: Path, *options: str):
        command = [sys.executable, "-m", "sentinel", "sensor", "-i", "-", "--case", str(case), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SENTINEL_LANG": "en"}
        self.case = case
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def reads(self, frames: int) -> None:
        """Wait until it has read so many frames, in whatever segments they are."""

        def read() -> bool:
            assert self.process.poll() is None
            now = status(self.case)
            return now.get("pid") == self.process.pid and now["ports"][0]["frames"] >= frames

        until(read)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


def pcap(first: int, last: int | None = None) -> bytes:
    """Frames of the attack as a plain capture."""
    import struct

    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)]
    for frame in list(read_frames(ATTACK))[first:last]:
        size = len(frame.data)
        out.append(struct.pack("<IIII", frame.time_ns // 10**9, frame.time_ns % 10**9, size, size) + frame.data)
    return b"".join(out)


def killed(case: Path, config: Path, first: int, last: int, pieces: int = 8) -> None:
    """A sensor that is killed after it has read these frames, in so many pieces."""
    frames = recorded(case) + last - first
    pipe = Pipe(case, "--config", str(config))
    step = -(-(last - first) // pieces)
    for n in range(first, last, step):
        data = pcap(n, min(n + step, last))
        pipe.write(data if n == first else data[24:])
        if n % 2 == 0:
            pipe.reads(1)

    def read() -> bool:
        with Case.open(case, "read") as opened:
            return opened.captures().height > 0 and status(case).get("pid") == pipe.process.pid

    until(read)
    until(lambda: recorded(case) >= frames)
    until(lambda: any((case / "resume").glob("*.json")))  # the analysis writes it, which may be behind
    pipe.kill()


def segments(case: Path) -> list[Path]:
    return sorted((case / "segments").glob("*.pcapng"), key=lambda path: path.stem.rsplit("-")[-1])


def recorded(case: Path) -> int:
    """Frames in all segments; one that is being written may be cut off at its end."""
    count = 0
    for path in segments(case):
        with path.open("rb") as file:
            reader = CaptureReader(file)
            while reader.next():
                count += 1
    return count


def finished(folder: Path) -> None:
    """What the next sensor does before it listens."""
    with Case.open(folder, keep_open=True) as case:
        hash_again(case)
        resume(case, load_parsers(), rules_of(Config()))


def rows(case: Case, table: str, without: set[str]) -> Counter[str]:
    frame = case.scan(table).collect()
    return Counter(map(repr, frame.drop([name for name in frame.columns if name in without]).rows()))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "sentinel.toml"
    path.write_text("[store]\ncheckpoint_seconds = 1\ninventory_seconds = 5\n[record]\ncompress = false\n")
    return path


@pytest.mark.parametrize("last", [300, 900, 1500])
def test_the_case_is_what_an_analysis_of_the_segment_gives(
    tmp_path: Path, config: Path, caplog: pytest.LogCaptureFixture, last: int
) -> None:
    live, again = tmp_path / "live", tmp_path / "again"
    killed(live, config, 0, last)
    finished(live)
    assert "reading what the last run had not stored" in caplog.text
    (segment,) = segments(live)
    pipeline.analyze([segment], again)
    with Case.open(live, "read") as one, Case.open(again, "read") as other:
        assert left(one) is None and one.check() == []
        assert [run["state"] for run in one.summary()["runs"]] == ["complete"]
        for table in ("messages", "items", "points", "flows", "faults"):
            assert rows(one, table, OWN) == rows(other, table, OWN), table
        count = ["alert", "count", "first_time", "last_time"]
        own = one.alerts().filter(~pl.col("rule").str.starts_with("sensor_"))
        assert sorted(own.select(count).rows()) == sorted(other.alerts().select(count).rows())
        assert set(one.facts()["fact"]) == set(other.facts()["fact"])
        assert set(one.assets()["asset"]) == set(other.assets()["asset"])
        flows = one.scan("flows").collect()["flow"]
        assert set(one.scan("messages").collect()["flow"]) <= set(flows) and flows.n_unique() == len(flows)
        summary = one.summary()["runs"][0]["summary"]
        assert summary["frames"] == last == one.captures()["frames"][0]
        assert sum(summary["messages"].values()) == one.scan("messages").collect().height


def test_frames_that_only_an_alert_had_told_of_are_counted_once(tmp_path: Path, config: Path) -> None:
    """An alert tells how far the capture is; the summary, which counts frames as well, comes with a checkpoint."""
    live = tmp_path / "live"
    config.write_text(config.read_text().replace("checkpoint_seconds = 1", "checkpoint_seconds = 600"))
    pipe = Pipe(live, "--config", str(config))
    pipe.write(pcap(0, 200))
    pipe.reads(100)
    pipe.write(pcap(200, 900)[24:])

    def told() -> bool:
        with Case.open(live, "read") as case:
            return case.captures()["frames"].sum() >= 100

    until(lambda: told() and recorded(live) == 900)
    pipe.kill()
    finished(live)
    with Case.open(live, "read") as case:
        assert case.summary()["runs"][0]["summary"]["frames"] == 900 == case.captures()["frames"][0]


def test_killed_while_it_finishes_nothing_has_happened(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    killed(live, config, 0, 900)

    def stop(state: str) -> None:
        raise KeyboardInterrupt

    import sentinel.sensor.resume as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TELL_FRAMES", 1)
        with Case.open(live, keep_open=True) as case, pytest.raises(KeyboardInterrupt):
            resume(case, load_parsers(), rules_of(Config()), stop)
    with Case.open(live, keep_open=True) as case:
        old = left(case)
        assert old is not None and old.captures[0]["state"] == "interrupted"
        before = case.scan("messages").collect().height
        resume(case, load_parsers(), rules_of(Config()))
        assert left(case) is None
        messages = case.scan("messages").collect()
        assert messages.height > before and messages["message"].n_unique() == messages.height
        assert messages.unique(["capture", "frame", "index"]).height == messages.height


def test_segments_and_runs_that_rotate_are_finished_as_well(tmp_path: Path, config: Path) -> None:
    live, again = tmp_path / "live", tmp_path / "again"
    text = config.read_text().replace("[record]", "[record]\nmax_minutes = 0.02")
    config.write_text(text.replace("[store]", "[store]\nrun_hours = 0.01"))
    for n in range(3):
        killed(live, config, 550 * n, 550 * n + 550, pieces=40)
    finished(live)
    files = [path for path in segments(live) if any(True for _ in read_frames(path))]
    assert recorded(live) == 1650
    pipeline.analyze(files, again)
    with Case.open(live, "read") as one, Case.open(again, "read") as other:
        assert one.check() == [] and {run["state"] for run in one.summary()["runs"]} == {"complete"}
        assert one.captures()["frames"].sum() == 1650
        messages = one.scan("messages").collect()
        assert messages["message"].n_unique() == messages.height
        assert messages.height == other.scan("messages").collect().height
        flows = one.scan("flows").collect()["flow"]
        assert flows.n_unique() == len(flows) and set(messages["flow"]) <= set(flows)


def test_what_was_not_recorded_is_lost_and_said(tmp_path: Path, config: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = tmp_path / "live"
    config.write_text(config.read_text().replace("[record]", "[record]\nenabled = false"))
    pipe = Pipe(live, "--config", str(config))
    pipe.write(pcap(0, 900))
    pipe.reads(900)
    more = iter(range(900, 1600))

    def told() -> bool:
        # some seconds after the last frame everything would be stored, however late the case is told
        number = next(more)
        pipe.write(pcap(number, number + 1)[24:])
        time.sleep(0.3)
        with Case.open(live, "read") as case:
            return case.captures()["frames"].sum() >= 900

    until(told)
    pipe.kill()
    finished(live)
    assert "seconds before the sensor was killed" in caplog.text
    with Case.open(live, "read") as case:
        detail = case.captures().sort("capture")["detail"].str.json_path_match("$.sensor.lost_seconds")
        assert float(detail[0]) > 0 and left(case) is None
        assert case.summary()["runs"][0]["state"] == "interrupted"


def test_without_its_snapshot_a_segment_is_read_all_the_same(tmp_path: Path, config: Path) -> None:
    live = tmp_path / "live"
    killed(live, config, 0, 900)
    names = [protocol.name for protocol in load_parsers().protocols]
    assert Snapshots(live).of(1, names) is not None
    for path in (live / "resume").iterdir():
        path.unlink()
    finished(live)
    with Case.open(live, "read") as case:
        messages = case.scan("messages").collect()
        assert messages.unique(["capture", "frame", "index"]).height == messages.height
        assert case.summary()["runs"][0]["state"] == "complete"
