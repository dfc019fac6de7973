"""Streams that look like ports: a pipe, pcap over IP, a folder into which files are dropped."""

from __future__ import annotations

import io
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from waiting import PATIENCE, until

from sentinel.errors import InputError
from sentinel.sources import live, streams
from sentinel.sources.streams import StreamPort, is_stream
from sentinel.store.case import Case
from sentinel.store.evidence import read_frames
from sentinel.wire.capture import CaptureReader
from sentinel.wire.ring import Drained

ROOT = Path(__file__).resolve().parents[1]
NORMAL, ATTACK = ROOT / "pcaps" / "modbus-normal.pcap", ROOT / "pcaps" / "plant-attack.pcapng"


def gathered(port: StreamPort, wanted: int, room: int = 1 << 20) -> bytes:
    """The pcapng of so many frames, taken as the loop takes them."""
    out, found, frames = bytearray(room), b"", 0
    end = time.monotonic() + PATIENCE
    while frames < wanted:
        assert time.monotonic() < end, f"{frames} of {wanted} frames"
        if select.select([port], [], [], 0.1)[0]:
            done = Drained()
            port.drain(memoryview(out), done)
            found += bytes(out[: done.at])
            frames += done.frames
    return live.header([port], "test") + found


def frames_of(data: bytes) -> list[tuple[int, int, bytes]]:
    reader = CaptureReader(io.BytesIO(data))
    found = []
    while reader.next():
        found.append((reader.time, reader.wire, reader.data()))
    assert reader.fault == 0
    return found


def said(*paths: Path) -> list[tuple[int, int, bytes]]:
    return [(frame.time_ns, frame.wire, frame.data) for path in paths for frame in read_frames(path)]


@pytest.fixture
def server():
    """A server that sends a capture to everybody who connects."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(ATTACK.read_bytes())

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()


def test_pcap_over_ip_is_read_again_when_it_ended(server: str, monkeypatch) -> None:
    monkeypatch.setattr(streams, "AGAIN_SECONDS", 0.1)
    once = said(ATTACK)
    with StreamPort(server) as port:
        assert port.link == 1
        assert frames_of(gathered(port, len(once)))[: len(once)] == once
        assert len(frames_of(gathered(port, len(once)))) >= len(once)
        assert not port.over


def test_what_waits_is_bounded_and_nothing_is_lost(server: str, monkeypatch) -> None:
    monkeypatch.setattr(streams, "PIECE", 1000)
    monkeypatch.setattr(streams, "MAX_WAITING", 5000)
    once = said(ATTACK)
    with StreamPort(server) as port:
        until(lambda: port._waiting >= 5000)
        time.sleep(0.1)  # it would go on at once, if it did
        assert port._waiting < 5000 + 4000
        assert frames_of(gathered(port, len(once), room=8000))[: len(once)] == once


def test_dropped_files_are_read_when_they_are_complete(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(streams, "QUIET_SECONDS", 3600.0)
    with StreamPort(f"follow:{tmp_path}") as port:
        (tmp_path / "notes.txt").write_text("none")
        whole = NORMAL.read_bytes()
        (tmp_path / "a.pcap").write_bytes(whole[:3000])
        time.sleep(0.2)
        assert select.select([port], [], [], 0)[0] == []  # it may grow still
        (tmp_path / "a.pcap").write_bytes(whole)
        monkeypatch.setattr(streams, "QUIET_SECONDS", 0.5)
        first = said(NORMAL)
        assert frames_of(gathered(port, len(first))) == first
        for source, name in ((ATTACK, "b.pcapng"), (NORMAL, "c.pcap")):  # whole at once, however slow the disk
            shutil.copy(source, tmp_path / "part")
            os.replace(tmp_path / "part", tmp_path / name)
        both = said(ATTACK, NORMAL)
        assert frames_of(gathered(port, len(both))) == both
        assert port.counters.frames == len(first) + len(both)


def test_a_dropped_file_that_cannot_be_read_is_said_and_the_next_one_is(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.0)
    open_stream = streams.open_stream

    def opened(path: Path):
        if path.name == "a.pcap":
            path.unlink()
        return open_stream(path)

    monkeypatch.setattr(streams, "open_stream", opened)
    for name in ("a.pcap", "b.pcap"):
        shutil.copy(NORMAL, tmp_path / name)
    with StreamPort(f"follow:{tmp_path}") as port:
        assert frames_of(gathered(port, len(said(NORMAL)))) == said(NORMAL)
        assert f"{tmp_path}/a.pcap: cannot be read (No such file or directory)" in caplog.text and not port.over


@pytest.mark.parametrize("name", ["tcp://", "tcp://host", "tcp://host:x", "tcp://:1", "follow:/nowhere/at/all"])
def test_names_without_sense(name: str) -> None:
    assert is_stream(name)
    with pytest.raises(InputError):
        StreamPort(name)


def test_a_server_that_is_not_there_is_one_sentence(closed_port: int) -> None:
    with pytest.raises(InputError, match="no capture comes from there"):
        StreamPort(f"tcp://127.0.0.1:{closed_port}")


def test_the_sensor_reads_a_pipe_to_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sentinel", "sensor", "-i", "-", "--case", str(tmp_path / "case")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SENTINEL_LANG": "en"}
    with ATTACK.open("rb") as capture:
        run = subprocess.run(
            command, stdin=capture, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
    assert run.returncode == 0, run.stderr
    with Case.open(tmp_path / "case", "read") as case:
        (row,) = case.captures().to_dicts()
        assert (row["state"], row["frames"], row["dropped"]) == ("complete", len(said(ATTACK)), 0)
        assert said(Path(row["path"])) == said(ATTACK)
        assert case.alerts().height > 30
        assert not case.alerts()["rule"].str.starts_with("sensor_").any()
