"""What is given up when memory is short: in the stated order, taken back in the other one, and never without bound."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from frames import ethernet, ipv4, pcap, tcp
from modbus_samples import mbap

from sentinel.sensor import relief
from sentinel.sensor.relief import AGAIN_SECONDS, CALM_SECONDS, FREE, RUN, STEPS, Relief, Short
from sentinel.store.case import Case
from sentinel.wire import flows

MIB = 1 << 20
CAP = 1000 * MIB


class Process:
    """A process of which a test says what it holds, in MiB."""

    def __init__(self, held: int = 0):
        self.held = held

    def __call__(self) -> int:
        return self.held * MIB


def test_one_step_a_look_in_the_stated_order() -> None:
    process = Process(800)
    one = Relief(CAP, process)
    taken = [list(one.steps(now)) for now in range(len(STEPS) + 2)]
    assert taken == [*([step] for step in STEPS), [], []]
    assert one.taken == dict.fromkeys(STEPS, 1) and one.level == len(STEPS)
    assert all(one.in_force(step) for step in STEPS)


def test_far_above_the_mark_steps_follow_at_once_until_it_helps() -> None:
    process = Process(960)
    one = Relief(CAP, process)
    taken = []
    for step in one.steps(0.0):
        taken.append(step)
        if step == RUN:
            process.held = 900
    assert tuple(taken) == STEPS[:3] and one.level == 3


def test_below_the_mark_and_without_a_bound_nothing_is_given_up() -> None:
    assert list(Relief(CAP, Process(799)).steps(0.0)) == list(Relief(0, Process(10**12)).steps(0.0)) == []


def test_what_is_under_way_has_room_below_the_cap() -> None:
    reserve = relief.RESERVE // MIB
    for cap, mark in ((10_000, 8000), (600, 600 - reserve), (2 * reserve, reserve), (100, 50)):
        process = Process(mark - 1)
        one = Relief(cap * MIB, process)
        assert not one.short() and list(one.steps(0.0)) == []
        process.held = mark
        assert one.short() and list(one.steps(0.0)) == [FREE]
    assert not Relief(0, Process(10**9)).short()


def test_steps_are_taken_back_one_by_one_after_a_calm_while() -> None:
    process = Process(960)
    one = Relief(CAP, process)
    list(one.steps(0.0))
    process.held = 700  # neither short nor plenty
    list(one.steps(10 * CALM_SECONDS))
    assert one.level == len(STEPS)
    process.held = 500
    levels = []
    for n in range(len(STEPS) + 2):
        list(one.steps(20 * CALM_SECONDS + n * CALM_SECONDS))
        levels.append(one.level)
    assert levels == [6, 5, 4, 3, 2, 1, 0, 0]
    process.held = 700
    list(one.steps(40 * CALM_SECONDS))
    assert one.level == 0 and one.taken == dict.fromkeys(STEPS, 1)


def test_what_loses_nothing_is_tried_again_later() -> None:
    one = Relief(CAP, Process(960))
    assert tuple(one.steps(0.0)) == STEPS
    assert list(one.steps(AGAIN_SECONDS - 1)) == []
    assert list(one.steps(AGAIN_SECONDS)) == [FREE, RUN]
    assert one.taken[RUN] == 2 and one.level == len(STEPS)


def test_every_step_is_said_in_both_languages() -> None:
    assert set(relief.SAID) == set(STEPS) and all(en and zh for en, zh in relief.SAID.values())
    assert Short().level == 0


# -- a flood through a real sensor ----------------------------------------------------------------------------------

EXCHANGES = 100_000
CAP_MIB = 448
"""Without a bound this flood takes some 530 MiB."""
EAGER = "relief.MARK = 0.25  # a process holds as much before it has read a frame: each look takes a step"
SENSOR = """
import atexit, sys
from sentinel.cli.main import cli
from sentinel.sensor import relief
{eager}
most = lambda: next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
atexit.register(lambda: open("most", "w").write(most()))
cli(sys.argv[1:])
"""
flooded = pytest.mark.skipif(flows.__file__.endswith(".py"), reason="uncompiled, a flow takes several times the memory")


def flood(path: Path) -> None:
    """Connections without end, of each a request and its answer."""
    ask = ethernet(ipv4(tcp(mbap("0300000001")), src="10.0.0.0", dst="192.168.0.1"))
    answer = ethernet(ipv4(tcp(mbap("03020007"), 502, 40000), src="192.168.0.1", dst="10.0.0.0"), src=2, dst=1)
    with path.open("wb") as file:
        file.write(pcap([]))
        for n in range(EXCHANGES):
            client = (10 << 24 | n + 1).to_bytes(4, "big")
            for k, (frame, place) in enumerate(((ask, 26), (answer, 30))):
                made = frame[:place] + client + frame[place + 4 :]
                file.write(struct.pack("<IIII", 1_700_000_000, 2 * n + k, len(made), len(made)) + made)


def sense_flood(folder: Path, eager: str) -> str:
    """What a sensor said that read the flood and kept below its cap, into `case`."""
    flood(folder / "flood.pcap")
    (folder / "c.toml").write_text(f"[life]\nmemory_mib = {CAP_MIB}\n")
    program = SENSOR.format(eager=eager)
    command = [sys.executable, "-c", program, "sensor", "-i", "-", "--case", folder / "case"]
    with (folder / "flood.pcap").open("rb") as frames, (folder / "said").open("wb") as said:
        sensor = subprocess.run(
            [*map(str, command), "--config", str(folder / "c.toml"), "--no-record"], stdin=frames, stderr=said,
            cwd=folder, check=False,
            env={
                **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SENTINEL_LANG": "en", "POLARS_MAX_THREADS": "2",
            },
        )  # fmt: skip
    text = (folder / "said").read_text()
    assert sensor.returncode == 0, text
    # not what wait4 tells: that begins with the memory of this process
    assert int((folder / "most").read_text().split()[1]) < CAP_MIB * 1024, text
    with Case.open(folder / "case", "read") as opened:
        assert opened.scan("messages").select(pl.len()).collect().item() == 2 * EXCHANGES
    return text


@flooded
def test_a_flood_does_not_pass_the_cap_at_any_moment(tmp_path: Path) -> None:
    assert "MiB: free memory is given back" in sense_flood(tmp_path, "")


@flooded
def test_a_flood_takes_every_step_in_order(tmp_path: Path) -> None:
    text = sense_flood(tmp_path, EAGER)
    places = [text.index(f"MiB: {english}") for english, _ in relief.SAID.values()]
    assert places == sorted(places) and list(relief.SAID) == list(STEPS)
    with Case.open(tmp_path / "case", "read") as opened:
        assert opened.scan("flows").filter(pl.col("end") == "evicted").select(pl.len()).collect().item() > 0
        alerts = {row["rule"]: row["why_en"] for row in opened.alerts().to_dicts()}
        detail = json.loads(opened.captures()["detail"][-1])["sensor"]
        values = opened.scan("points").select(pl.len()).collect().item()
    assert "Alerts are never given up" in alerts["sensor_memory"]
    assert set(detail["memory_steps"]) == set(STEPS)
    assert 0 < detail["values_not_kept"] <= EXCHANGES - values
