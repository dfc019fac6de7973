"""The exporter: what it says of a status, and that it answers this machine and no other."""

from __future__ import annotations

import http.client
import json
import math
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import PATIENCE

from sentinel import metrics
from sentinel.errors import InputError, UsageError

NOW = 1_700_000_000_000_000_000
PORT = {"port": "span0", "frames": 10, "bytes": 900, "dropped": 0, "freezes": 1, "damaged": 0, "silent": False}
STATUS = {
    "pid": 1, "started": NOW - 5_000_000_000, "time": NOW, "ports": [PORT, {**PORT, "port": 'a"\\\n', "dropped": 3}],
    "capture": 1, "frame": 10, "segment": "x", "deleted_segments": 0,
    "queue": {"waiting": 4, "deepest": 9, "most": 100},
    "latency": {"alerts": 2, "last": 0.1, "worst": 0.25, "total": 0.35, "mean": 0.175},
    "open_flows": 7, "evicted_flows": 0, "one_sided": None, "clock_steps": 0, "cpu": 0.01, "memory": 123,
}  # fmt: skip
LINE = re.compile(
    r"# (HELP sentinel_[a-z_]+ .+|TYPE sentinel_[a-z_]+ (gauge|counter))"
    r'|sentinel_[a-z_]+(\{[a-z]+="([^"\\\n]|\\[\\"n])*"\})? -?[0-9.e+-]+'
)


@pytest.fixture
def status(tmp_path: Path) -> Path:
    path = tmp_path / "status.json"
    path.write_text(json.dumps({**STATUS, "time": time.time_ns()}))
    return path


@pytest.fixture
def exporter(status: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[metrics.Exporter]:
    monkeypatch.setattr(metrics, "FRESH", PATIENCE)  # the status is of the moment when the test began
    with metrics.Exporter(status, 0) as exporter:
        yield exporter


def samples(text: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def ask(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_every_line_has_the_form_that_prometheus_reads() -> None:
    text = metrics.render(STATUS, NOW / 1e9)
    assert text.endswith("\n") and all(LINE.fullmatch(line) for line in text.splitlines())
    assert len(re.findall("# TYPE (\\S+)", text)) == len(set(re.findall("# TYPE (\\S+)", text)))


def test_zero_is_said_and_what_is_not_known_is_left_out() -> None:
    found = samples(metrics.render(STATUS, NOW / 1e9))
    assert found["sentinel_up"] == 1
    assert found['sentinel_dropped_frames_total{port="span0"}'] == 0
    assert found['sentinel_dropped_frames_total{port="a\\"\\\\\\n"}'] == 3
    assert found["sentinel_queue_frames"] == 4 and math.isclose(found["sentinel_alert_latency_seconds_sum"], 0.35)
    assert not any("one_sided" in name for name in found)


def test_a_status_that_is_old_or_missing_says_that_no_sensor_runs() -> None:
    assert samples(metrics.render(STATUS, NOW / 1e9 + 60))["sentinel_up"] == 0
    found = samples(metrics.render(None, NOW / 1e9))
    assert found["sentinel_up"] == 0 and len(found) == 2


def test_a_status_with_less_in_it_is_shown_as_far_as_it_goes() -> None:
    assert samples(metrics.render({"time": NOW, "memory": 5}, NOW / 1e9))["sentinel_memory_bytes"] == 5


def test_metrics_are_served(exporter: metrics.Exporter) -> None:
    code, text = ask(exporter.port)
    assert code == 200 and samples(text)["sentinel_up"] == 1
    assert ask(exporter.port, method="HEAD") == (200, "")


def test_nothing_else_is(exporter: metrics.Exporter) -> None:
    assert ask(exporter.port, "/")[0] == 404
    assert ask(exporter.port, "/metrics/../etc/passwd")[0] == 404
    assert ask(exporter.port, method="POST")[0] == 501
    assert ask(exporter.port, Host="attacker.example")[0] == 403
    assert ask(exporter.port, Host="[::1]:9820")[0] == 200


def test_a_damaged_status_is_an_answer_too(exporter: metrics.Exporter, status: Path) -> None:
    for content in ("{", "[]", '{"time": "now"}'):
        status.write_text(content)
        assert ask(exporter.port)[0] == 503
    status.unlink()
    assert samples(ask(exporter.port)[1])["sentinel_up"] == 0


def test_who_connects_and_says_nothing_does_not_block_it_for_long(
    status: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with metrics.Exporter(status, 0) as exporter, socket.create_connection(("127.0.0.1", exporter.port)) as silent:
        short = property(lambda self: 0.2 if self.client_address == silent.getsockname() else PATIENCE)
        monkeypatch.setattr(metrics._Handler, "timeout", short)
        silent.sendall(b"GET ")
        assert ask(exporter.port)[0] == 200


def test_other_addresses_and_taken_ports_are_refused(exporter: metrics.Exporter, status: Path) -> None:
    with pytest.raises(UsageError, match="not a loopback address"):
        metrics.Exporter(status, 0, "0.0.0.0")
    with pytest.raises(InputError, match="cannot be used"):
        metrics.Exporter(status, exporter.port)


def test_receivers_have_gauges_and_a_counter_for_each_outcome() -> None:
    rows = {"sent": 5, "refused": 1, "left_out": 0, "held": 0, "dropped": 2, "waiting": 7}
    sinks = [
        {"receiver": 'es"1', "problem": "away", "down": 3.5, "failures": 2, "idle": 4.0, "rows": rows},
        {"receiver": "young", "problem": "", "down": 0.0, "failures": 0, "idle": None, "rows": None},
    ]
    found = samples(metrics.render({"time": NOW, "sinks": sinks}, NOW / 1e9))
    one, young = r'{receiver="es\"1"}', '{receiver="young"}'
    assert found[f"sentinel_sink_up{one}"] == 0 and found[f"sentinel_sink_up{young}"] == 1
    assert found[f"sentinel_sink_down_seconds{one}"] == 3.5
    assert found[f"sentinel_sink_failed_attempts{one}"] == 2
    assert found[f"sentinel_sink_waiting_rows{one}"] == 7
    assert f"sentinel_sink_waiting_rows{young}" not in found
    assert found[f"sentinel_sink_last_success_timestamp_seconds{one}"] == pytest.approx(NOW / 1e9 - 4)
    del rows["waiting"]
    assert {name: found[f'sentinel_sink_rows_total{one[:-1]},outcome="{name}"}}'] for name in rows} == rows
