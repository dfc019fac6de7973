"""Before anything starts: the rules, and segments whose writer was killed."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from frames import vxlan
from ports import unclaimed_port
from sensor_stage import status
from waiting import PATIENCE, until

from sentinel.errors import InputError, RuleError, UsageError
from sentinel.pipeline import analyze
from sentinel.sensor import start
from sentinel.sensor.config import Config
from sentinel.sensor.confine import Confinement
from sentinel.sensor.start import hash_again, rules_of, run
from sentinel.sensor.upkeep import Orders
from sentinel.store.case import Case
from sentinel.store.evidence import read_frames


@pytest.fixture(autouse=True)
def unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sensor gives up system calls for good: in this process no later test could start a program."""
    monkeypatch.setattr(start, "confine", lambda kill: Confinement(False, "a test"))


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

    def shown() -> bool:
        with urlopen(f"http://127.0.0.1:{closed_port}/metrics", timeout=PATIENCE) as answer:
            said.append(answer.read().decode())
        return 'sentinel_frames_total{port="follow:' in said[-1] and "sentinel_up 1\n" in said[-1]

    def ask() -> None:
        try:
            until(shown)
        finally:
            orders.stop = True

    asking = threading.Thread(target=ask, daemon=True)
    run(lambda: config, tmp_path / "case", orders, lambda sensor: asking.start())
    asking.join(PATIENCE)
    assert 'sentinel_frames_total{port="follow:' in said[-1] and "sentinel_up 1\n" in said[-1]
    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{closed_port}/metrics", timeout=PATIENCE)


def test_a_mirror_session_is_recorded_and_analysed_like_a_port(tmp_path: Path, pcaps: Path) -> None:
    frames = [frame.data for frame in read_frames(pcaps / "modbus-normal.pcap")]
    case, config, orders = tmp_path / "case", Config(), Orders()
    config.record.compress = False
    port = unclaimed_port()
    config.capture.interfaces = [f"vxlan://127.0.0.1:{port}"]

    def send() -> None:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for n, frame in enumerate(frames):
                    sender.sendto(vxlan(frame, 7)[8:], ("127.0.0.1", port))
                    if n % 50 == 0:
                        time.sleep(0.01)
            until(lambda: status(case).get("frame") == len(frames))
        finally:
            orders.stop = True

    sending = threading.Thread(target=send, daemon=True)
    run(lambda: config, case, orders, lambda sensor: sending.start())
    analyze([pcaps / "modbus-normal.pcap"], tmp_path / "stored")
    columns = ["protocol", "function", "object", "address", "quantity", "unit"]
    with Case.open(case, "read") as live, Case.open(tmp_path / "stored", "read") as stored:
        found = [one.scan("messages").select(columns).collect().sort(columns) for one in (live, stored)]
        assert found[0].height > 0 and found[0].equals(found[1])
        assert set(live.scan("flows").collect()["tunnel"]) == {"vxlan:7"}
        (capture,) = live.captures().to_dicts()
    assert (capture["frames"], capture["dropped"], len(capture["sha256"])) == (len(frames), 0, 64)
    assert json.loads(capture["detail"])["sensor"]["senders"] == {config.capture.interfaces[0]: ["127.0.0.1"]}
    (segment,) = (case / "segments").iterdir()
    assert [frame.data[-len(sent):] for frame, sent in zip(read_frames(segment), frames, strict=True)] == frames


def test_a_mirror_session_that_cannot_be_received_is_refused_before_anything_starts(tmp_path: Path) -> None:
    config = Config()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config.capture.interfaces = [f"tzsp://127.0.0.1:{taken.getsockname()[1]}"]
        with pytest.raises(InputError, match="another program"):
            run(lambda: config, tmp_path / "case", Orders())
    assert not (tmp_path / "case").exists()


def test_a_taken_port_for_metrics_is_refused_before_anything_starts(tmp_path: Path) -> None:
    config = Config()
    (tmp_path / "dropped").mkdir()
    config.capture.interfaces = [f"follow:{tmp_path / 'dropped'}"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        config.life.metrics_port = server.getsockname()[1]
        with pytest.raises(InputError, match="cannot be used"):
            run(lambda: config, tmp_path / "case", Orders())
    assert not (tmp_path / "case").exists()
