"""`sentinel sensor`: what cannot work is refused in one sentence; signals do what the page says."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

from conftest import core_is_compiled
from frames import START, pcap
from sensor_stage import ROOT, cable, needs_namespaces, status, stop, until
from waiting import PATIENCE

from sentinel.store.case import Case
from sentinel.store.evidence import read_frames


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


def damaged(path: Path, count: int) -> Path:
    """So many frames of the plants, each with octets changed, cut off, repeated or written over, as a capture."""
    chance = random.Random(1815)
    whole = [frame.data for plant in sorted((ROOT / "pcaps").glob("*-attack.pcap*")) for frame in read_frames(plant)]
    records = []
    for n in range(count):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(12, len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        match n % 4:
            case 0:
                del data[chance.randrange(14, len(data)) :]
            case 1:
                data += data[chance.randrange(14, len(data)) :] * chance.randint(1, 3)
            case 2:
                at = chance.randrange(14, len(data))
                data[at : at + 4] = b"\xff\xff\xff\xff"
        records.append((START + n, bytes(data[:1514])))
    path.write_bytes(pcap(records))
    return path


@needs_namespaces
def test_hostile_frames_at_the_rate_of_the_line_neither_stop_it_nor_make_it_grow(tmp_path: Path) -> None:
    live = tmp_path / "live"
    many = 30_000 if core_is_compiled() else 3_000
    hostile = damaged(tmp_path / "hostile.pcap", many)

    def taken() -> int:
        (port,) = status(live).get("ports", [{}])
        return port.get("frames", 0) + port.get("dropped", 0)

    with cable() as wire:
        sensor = wire.sensor(live)
        held, sent = [], 0
        for _ in range(4):
            sent += wire.send(hostile)
            until(lambda: taken() == sent)  # noqa: B023
            fields = dict(line.split(":", 1) for line in Path(f"/proc/{sensor.pid}/status").read_text().splitlines())
            held.append(int(fields["VmRSS"].split()[0]) >> 10)
        read = status(live)["ports"][0]["frames"]
        stop(sensor)
    # flows, texts and batches are there after the first round; what follows brings nothing that is kept
    assert held[-1] - held[1] < 64, held
    with Case.open(live, "read") as case:
        assert case.check() == []
        assert sent == 4 * many and case.captures()["frames"].sum() == read > many
        assert case.scan("faults").collect().height > 0
