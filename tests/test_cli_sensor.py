"""`sentinel sensor`: what cannot work is refused in one sentence; signals do what the page says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from sensor_stage import ROOT, cable, needs_namespaces, status, stop, until
from waiting import PATIENCE

from sentinel.store.case import Case


def refused(*options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "sentinel", "--lang", "en", "sensor", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    return run.returncode, run.stderr


def test_what_cannot_work_is_refused_before_anything_starts(tmp_path: Path) -> None:
    case = str(tmp_path / "case")
    bad = tmp_path / "bad.toml"
    bad.write_text("[capture]\ninterface = 'eth1'\n")
    code, said = refused("-i", "sentinel-none", "--case", case)
    assert (code, said.count("\n")) == (3, 1) and "no such interface" in said
    code, said = refused("--case", case)
    assert (code, said.count("\n")) == (2, 1) and "-i INTERFACE" in said
    code, said = refused("-i", "lo", "--case", case, "--config", str(bad))
    assert (code, said.count("\n")) == (2, 1) and "capture.interface" in said
    code, said = refused("-i", "lo", "--case", case, "--user", "nobody-of-that-name")
    assert (code, said.count("\n")) == (2, 1) and "nobody-of-that-name" in said
    code, said = refused("-i", "lo", "--case", case, "--sink", "gopher://x")
    assert (code, said.count("\n")) == (10, 1) and "gopher" in said
    bad.write_text('sinks = ["file:///tmp/eve.json?sise=1m"]\n')
    code, said = refused("-i", "lo", "--case", case, "--config", str(bad))
    assert (code, said.count("\n")) == (10, 1) and "sise" in said
    assert not Path(case).exists()


@needs_namespaces
def test_signals_and_a_case_that_is_in_use(tmp_path: Path) -> None:
    live, rules = tmp_path / "live", tmp_path / "rules"
    rules.mkdir()
    with cable() as wire:
        sensor = wire.sensor(live, "--rules", str(rules), "--no-record")
        until(lambda: status(live) != {})
        sensor.send_signal(signal.SIGUSR1)
        assert json.loads(sensor.stderr.readline())["pid"] == sensor.pid
        (rules / "broken.yml").write_text("title: [")
        sensor.send_signal(signal.SIGHUP)
        assert "broken.yml" in sensor.stderr.readline()
        (rules / "broken.yml").unlink()
        sensor.send_signal(signal.SIGHUP)
        until(lambda: "were read again" in sensor.stderr.readline())
        second = wire.sensor(live, ready=False)
        assert second.wait(PATIENCE) == 4 and f"process {sensor.pid} is writing" in second.stderr.read()
        stop(sensor)
    with Case.open(live, "read") as case:
        (capture,) = case.captures().to_dicts()
        assert (capture["path"], capture["sha256"]) == ("live:w1", "")
        assert json.loads(capture["detail"])["sensor"]["frames_kept"] is False
    assert not (live / "segments").exists()


@needs_namespaces
def test_a_cable_that_is_pulled_and_put_back(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with cable() as wire:
        sensor = wire.sensor(live)
        until(lambda: status(live) != {})
        wire.here.ip("link set w0 down")
        wire.there.ip("link set w1 down", "link set w1 up")
        wire.here.ip("link set w0 up")
        sent = wire.send(ROOT / "pcaps" / "modbus-normal.pcap", last=100)
        until(lambda: status(live).get("frame") == sent)
        until(lambda: status(live)["cpu"] < 0.9)  # it does not spin on the interface that went
        stop(sensor)
