"""The sensor's view of itself: what raises an alert, once, and what the status file says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from sentinel.errors import Sentence
from sentinel.rules.alerts import Book
from sentinel.sensor.analysis import Latency
from sentinel.sensor.config import Health as Limits
from sentinel.sensor.health import KINDS, Health, Moment
from sentinel.sensor.outlets import Outlet
from sentinel.sensor.relief import BATCHES, COUNTS, FLOWS, STEPS, Short
from sentinel.sources.live import Counters
from sentinel.store.retention import State
from sentinel.wire import layout as L

T0 = 1_700_000_000_000_000_000


class Watch:
    """A health that is looked at second by second."""

    def __init__(self, folder: Path, **limits) -> None:
        self.health = Health(Limits(**limits), folder, 30)
        self.book = Book()
        self.now = 0.0
        self.clock = T0

    def second(
        self, n: float = 1, frames: int = 0, dropped: int = 0, late: float = 0.0, set_by: float = 0.0, flows=None,
        outlets=(), room=None, short=None,
    ):  # fmt: skip
        self.now += n
        self.clock += int((n + set_by) * 1e9)
        moment = Moment(
            self.now, self.clock, [("eth1", Counters(frames, frames * 60, dropped))], self.clock - int(late * 1e9),
            (1, frames), 0, 1, 16, Latency(), 3, 0, "", 0, outlets, room or State(), short or Short(), 2.0,
        )  # fmt: skip
        claims = self.health.look(moment, flows)
        if claims is not None:
            claims(self.book)
        return {row["name"]: row for row in self.book.changed()}


def test_loss_is_counted_and_cites_the_frame(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    assert watch.second(frames=10) == {}
    row = watch.second(frames=20, dropped=7)["sensor_loss"]
    assert (row["count"], row["src"], json.loads(row["evidence"])) == (7, "eth1", [[1, 20]])
    assert "7 frames of port eth1" in row["why_en"] and "7 帧" in row["why_zh"]
    assert watch.second(frames=30, dropped=7) == {}
    assert watch.second(frames=40, dropped=8)["sensor_loss"]["count"] == 8


def test_silence_is_said_once_and_again_after_frames_came(tmp_path: Path) -> None:
    watch = Watch(tmp_path, silent_seconds=5)
    watch.second(frames=1)
    said = [list(watch.second(frames=1)) for _ in range(8)]
    assert said == [[]] * 4 + [["sensor_silent"]] + [[]] * 3
    assert watch.health.detail(True)["silent_seconds"] == {"eth1": 4.0}
    watch.second(frames=2)
    assert [list(watch.second(frames=2)) for _ in range(5)][-1] == ["sensor_silent"]


def test_a_clock_that_is_set_and_frames_that_are_old(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.second(frames=1)
    assert list(watch.second(frames=2, set_by=-3600.0)) == ["sensor_clock_step"]
    assert watch.second(frames=3) == {}
    assert list(watch.second(frames=4, late=9)) == ["sensor_overload"]
    assert watch.second(frames=5, late=9) == {}  # it lasts
    assert watch.second(frames=5, late=60) == {}  # nothing comes: the newest frame is old, and nothing waits
    assert watch.second(frames=0, late=1e9) == {}  # a segment that has just begun
    assert watch.health.detail(True)["clock_steps"] == 1


def flow(client: int, server: int, proto: int = 6) -> list[int]:
    cells = np.zeros(L.L_WIDTH, np.int64)
    cells[[L.L_PROTO, L.L_PACKETS_CLIENT, L.L_PACKETS_SERVER]] = proto, client, server
    cells[L.L_PAYLOAD_CLIENT] = 10
    return cells.tolist()


def test_one_sided(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    few = np.array([flow(1, 0)] * 4)
    assert watch.health.flows(few) is None
    assert watch.health.flows(np.array([flow(1, 1)] * 5 + [flow(1, 0, 17)] * 90)) is None
    event = watch.health.flows(np.array([flow(0, 2)] * 9 + [flow(2, 2)]))
    assert event is not None
    assert "9" in watch.second(frames=1, flows=event)["sensor_one_sided"]["why_en"]
    assert watch.health.flows(np.array([flow(0, 2)] * 10)) is None  # it lasts
    assert watch.health.wants_flows(0) and not watch.health.wants_flows(29) and watch.health.wants_flows(31)


def test_the_status_file(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.second(frames=10)
    watch.second(frames=110, dropped=2)
    status = json.loads((tmp_path / "status.json").read_text())
    (port,) = status["ports"]
    assert (port["frames"], port["frames_per_second"], port["dropped"], status["frame"]) == (110, 100, 2, 110)
    assert status["memory"] > 1 << 20 and status == watch.health.status


def test_a_disk_that_refuses_is_said_once_a_segment(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.health.unrecorded = 2
    assert watch.second(frames=1)["sensor_unrecorded"]["count"] == 2
    assert watch.second(frames=2) == {}


def test_a_receiver_that_is_down_is_said_once(tmp_path: Path) -> None:
    watch = Watch(tmp_path, sink_seconds=10)
    away = Outlet("syslog siem", Sentence("{uri}: away.", uri="siem"), 9.0, 3, 4.0, 2)
    assert watch.second(outlets=[Outlet("file /x"), away]) == {}
    (shown,) = [one for one in watch.health.status["sinks"] if one["problem"]]
    assert (shown["problem"], shown["failures"], shown["waiting"], shown["refused"]) == ("siem: away.", 3, 4.0, 2)
    longer = replace(away, down=10.0)
    row = watch.second(outlets=[longer])["sensor_sink"]
    assert row["src"] == "syslog siem" and "10 seconds" in row["why_en"] and "10 秒" in row["why_zh"]
    assert watch.second(outlets=[longer]) == {}
    assert watch.second(outlets=[replace(away, problem=None, down=0.0)]) == {}
    assert list(watch.second(outlets=[longer])) == ["sensor_sink"]


def test_every_alert_has_both_languages() -> None:
    for kind in KINDS:
        for texts in (kind.title, kind.why, kind.action):
            assert texts["en"] and any(ord(c) > 0x4E00 for c in texts["zh"]), kind.id


def test_a_case_that_cannot_be_made_smaller_is_said_once(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    assert watch.second(room=State(used=3 << 30, counted=5)) == {}
    assert "takes 3072 MiB" in watch.second(room=State(used=3 << 30, stuck=True))["sensor_full"]["why_en"]
    assert watch.second(room=State(used=3 << 30, stuck=True)) == {}
    room = json.loads((tmp_path / "status.json").read_text())["room"]
    assert (room["used"], room["most"], room["stuck"]) == (3 << 30, 2 << 30, True)


def test_steps_against_want_of_memory_are_said_when_they_lose_something(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    level = STEPS.index(BATCHES) + 1
    assert watch.second(short=Short(100 << 20, level)) == {}
    first = watch.second(short=Short(100 << 20, STEPS.index(COUNTS) + 1, {COUNTS: 1}))["sensor_memory"]
    assert "fewer pairs" in first["why_en"] and "100 MiB" in first["why_en"] and "通信对" in first["why_zh"]
    assert watch.second(short=Short(100 << 20, STEPS.index(COUNTS) + 1)) == {}
    second = watch.second(short=Short(100 << 20, STEPS.index(FLOWS) + 1, {COUNTS: 1, FLOWS: 1}, 9))["sensor_memory"]
    assert second["count"] == 2
    assert json.loads((tmp_path / "status.json").read_text())["relief"]["step"] == FLOWS
    detail = watch.health.detail(True)
    assert (detail["memory_steps"], detail["values_not_kept"]) == ({COUNTS: 1, FLOWS: 1}, 9)
