"""Before anything starts: the rules, and segments whose writer was killed."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from waiting import PATIENCE

from sentinel.errors import InputError, RuleError, UsageError
from sentinel.sensor.config import Config
from sentinel.sensor.loop import Orders
from sentinel.sensor.start import hash_again, rules_of, run
from sentinel.store.case import Case


def test_rules_come_with_those_of_the_configuration(tmp_path: Path) -> None:
    config = Config()
    shipped = rules_of(config)
    assert len(shipped.rules) > 20
    config.rules = [str(tmp_path / "none")]
    with pytest.raises(RuleError, match="none"):
        rules_of(config)
    (tmp_path / "bad.yml").write_text("title: [")
    config.rules = [str(tmp_path)]
    with pytest.raises(RuleError, match="bad.yml"):
        rules_of(config)


def test_no_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="-i INTERFACE"):
        run(Config, tmp_path / "case", Orders())
    assert not (tmp_path / "case").exists()


def test_segments_of_a_killed_sensor_are_hashed(tmp_path: Path) -> None:
    segment = tmp_path / "a.pcapng"
    segment.write_bytes(b"some blocks")
    rows = [{"path": str(segment)}, {"path": "live:eth1"}, {"path": str(tmp_path / "gone.pcapng")}]
    case = Case.open(tmp_path / "case")
    case.begin_run(rows).checkpoint([{**row, "capture": n, "state": "live"} for n, row in enumerate(rows, start=1)])
    case._lock.release()  # what the kernel does for a killed program
    with Case.open(tmp_path / "case") as after:
        hash_again(after)
        digest = hashlib.sha256(b"some blocks").hexdigest()
        assert after.captures()["sha256"].to_list() == [digest, "", ""]
        assert after.captures()["bytes"].to_list() == [11, 0, 0]


def test_metrics_are_served_while_the_sensor_runs(tmp_path: Path, pcaps: Path, closed_port: int) -> None:
    (tmp_path / "dropped").mkdir()
    shutil.copy(pcaps / "modbus-normal.pcap", tmp_path / "dropped/1.pcap")
    shutil.copy(pcaps / "modbus-normal.pcap", tmp_path / "dropped/2.pcap")
    config, orders = Config(), Orders()
    config.capture.interfaces = [f"follow:{tmp_path / 'dropped'}"]
    config.life.metrics_port = closed_port
    said: list[str] = []

    def ask() -> None:
        try:
            while 'sentinel_frames_total{port="follow:' not in "".join(said[-1:]):
                with urlopen(f"http://127.0.0.1:{closed_port}/metrics", timeout=PATIENCE) as answer:
                    said.append(answer.read().decode())
                time.sleep(0.1)
        finally:
            orders.stop = True

    asking = threading.Thread(target=ask, daemon=True)
    run(lambda: config, tmp_path / "case", orders, lambda sensor: asking.start())
    asking.join(PATIENCE)
    assert "sentinel_up 1\n" in said[-1]
    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{closed_port}/metrics", timeout=10)


def test_a_taken_port_for_metrics_is_refused_before_anything_starts(tmp_path: Path) -> None:
    config = Config()
    (tmp_path / "dropped").mkdir()
    config.capture.interfaces = [f"follow:{tmp_path / 'dropped'}"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        config.life.metrics_port = server.getsockname()[1]
        with pytest.raises(InputError, match="cannot be used"):
            run(lambda: config, tmp_path / "case", Orders())
    assert not (tmp_path / "case").exists()
