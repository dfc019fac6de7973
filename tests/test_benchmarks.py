"""The benchmarks run and say what they must: on a tiny file, without a word about speed (`make bench` measures)."""

from __future__ import annotations

import itertools
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benchmarks"))

import injector  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
import soak  # noqa: E402
import traffic  # noqa: E402
from sensor_stage import needs_namespaces  # noqa: E402
from waiting import until  # noqa: E402

from sentinel.exercise.namespaces import Namespace  # noqa: E402
from sentinel.pipeline import analyze  # noqa: E402
from sentinel.sources import live  # noqa: E402
from sentinel.store import _parts  # noqa: E402
from sentinel.wire.ring import Drained, places  # noqa: E402

SIZES = {"--frames": 1000, "--large": 3000, "--flows": 500, "--scapy-frames": 20, "--pyshark-frames": 5}
TINY = ("--quick", *(str(word) for option in SIZES.items() for word in option))


def records(path: Path) -> Iterator[tuple[int, bytes]]:
    """(time in microseconds, frame) of a little-endian pcap, read without Sentinel."""
    data = path.read_bytes()
    at = 24
    while at < len(data):
        seconds, micros, captured, _ = struct.unpack_from("<IIII", data, at)
        yield seconds * 1_000_000 + micros, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def ones_sum(data: bytes) -> int:
    """Sum of RFC 1071 over the bytes; 0xFFFF where a checksum among them is right."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def sums_are_right(frame: bytes) -> bool:
    """Whether the IPv4 and TCP checksums of an Ethernet frame are right."""
    header = (frame[14] & 15) * 4
    end = 14 + int.from_bytes(frame[16:18], "big")
    segment = frame[14 + header : end]
    pseudo = frame[26:34] + bytes([0, frame[23]]) + len(segment).to_bytes(2, "big")
    return ones_sum(frame[14 : 14 + header]) == ones_sum(pseudo + segment) == 0xFFFF


def test_copies_have_their_own_addresses_and_times_and_right_checksums(tmp_path: Path) -> None:
    path = tmp_path / "copies.pcap"
    written = traffic.replicate(traffic.SOURCES["dnp3-normal"], path, 700)
    found = list(records(path))
    one = written // 3
    assert len(found) == written >= 700 and written % 3 == 0
    assert all(sums_are_right(frame) for _, frame in found)
    plants = [{frame[26:30] for _, frame in found[k * one : (k + 1) * one]} for k in range(3)]
    stations = [{frame[6:12] for _, frame in found[k * one : (k + 1) * one]} for k in range(3)]
    for groups in (plants, stations):
        assert all(one.isdisjoint(other) for one, other in itertools.combinations(groups, 2))
    assert found[one - 1][0] < found[one][0], "a copy follows the one before"


def test_what_is_copied_is_there_and_long(tmp_path: Path) -> None:
    for name in traffic.PROTOCOLS:
        long, short = traffic.block(traffic.SOURCES[name]), traffic.block(traffic.SOURCES[f"{name}-normal"])
        assert len(long.frames) > 10 * len(short.frames)


def test_more_copies_than_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="65536 have addresses of their own"):
        traffic.replicate(traffic.SOURCES["dnp3-normal"], tmp_path / "x.pcap", 1 << 40)


def test_every_frame_of_a_flood_is_a_flow_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "flood.pcap"
    assert traffic.flood(path, 1000) == 1000
    frames = [frame for _, frame in records(path)]
    assert len({(frame[26:30], frame[34:36]) for frame in frames}) == 1000
    assert all(sums_are_right(frame) for frame in frames)


def test_a_process_is_measured_and_a_failing_or_slow_one_is_said(tmp_path: Path) -> None:
    busy = "x = bytes(50_000_000); print('done')"
    failing = "import sys; print('no luck', file=sys.stderr); sys.exit(3)"
    run = measure.run([sys.executable, "-c", busy], tmp_path, PATIENCE)
    assert run.output == "done\n" and run.seconds > 0 and run.cpu_seconds > 0 and run.peak_mb > 45
    with pytest.raises(measure.Failed, match="ended with 3: no luck"):
        measure.run([sys.executable, "-c", failing], tmp_path, PATIENCE)
    with pytest.raises(measure.Failed, match="stopped after 1 s"):
        measure.run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, 1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:
    """What a run on tiny files printed, and its results; no peer that asks tshark."""
    folder = tmp_path_factory.mktemp("bench")
    environment = {**os.environ, "PATH": str(folder)}
    command = [sys.executable, str(ROOT / "benchmarks/run.py"), *TINY, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("*.pcap")), "captures are removed"
    return done.stdout, json.loads((folder / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_run_measures_every_part(tiny: tuple[str, dict]) -> None:
    _, found = tiny
    assert [file["protocol"] for file in found["files"]] == ["modbus", "s7", "dnp3"]
    for file in found["files"]:
        assert file["frames"] >= 1000 and file["programs"][0]["program"] == report.SENTINEL
        assert all(program["rate"] > 0 and program["peak_mb"] > 0 for program in file["programs"])
    assert found["large"]["frames"] >= 3000 and found["first"]["messages"] > 0
    small, long = found["plants"], found["first"]
    assert small["flows"] / small["frames"] > 5 * long["flows"] / long["frames"], "plants are small"
    assert found["flood"]["flows"] == found["flood"]["frames"] == 500


@pytest.mark.slow
def test_a_missing_peer_is_said_and_small_files_are_not_judged(tiny: tuple[str, dict]) -> None:
    page, found = tiny
    assert "tshark -T fields: tshark is not installed" in page
    assert {program["program"] for file in found["files"] for program in file["programs"]} <= {report.SENTINEL, "scapy"}
    judged = [budget for budget, _, verdict in report.budgets(found) if verdict != "not judged"]
    assert all("--help" in budget for budget in judged)


def test_columns_of_a_table_line_up() -> None:
    lines = report.table(("name", "n"), [("a", "1,000"), ("long name", "2")]).splitlines()
    assert lines[:2] == ["| name      |     n |", "| --------- | ----: |"]
    assert lines[2:] == ["| a         | 1,000 |", "| long name |     2 |"]


def test_a_soak_says_whether_every_frame_is_accounted_for(tmp_path: Path, monkeypatch) -> None:
    good = soak.Figures(10.0, 3_000_000, 2_999_000, 1000, 6.0, (300, 310, 320), 2)
    bad = soak.Figures(10.0, 100, 98, 1, 1.0, (1, 1, 1), 0)
    assert good.agrees and "sum agrees; 2.00 s" in str(good) and "300 -> 310 MiB, peak 320" in str(good)
    assert not bad.agrees and "DIFFERS" in str(bad)
    page = tmp_path / "sensor.md"
    page.write_text(f"before\n{soak.MARKS[0]}old\n{soak.MARKS[1]}after\n")
    monkeypatch.setattr(soak, "DOCS", page)
    soak.write([good, bad], "The case took 5 bytes.", ["300000:10", "--docs"])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| 3,000,000 in 10 s | 300,000 | 1,000 | yes | 2.00 s | 300 -> 310, peak 320 MiB |" in text
    assert "soak.py 300000:10 --docs" in text and "| NO |" in text
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="there is no"):
        soak.write([good], "", [])


@needs_namespaces
def test_an_interface_receives_each_frame_once_and_with_its_own_numbers() -> None:
    wanted = 3 * injector.TEMPLATES + 5
    place = Namespace()
    place.ip("link add w0 type veth peer name w1", *(f"link set w{n} addrgenmode none up" for n in (0, 1)))
    try:
        with place.call(lambda: live.Port("w1", blocks=4)) as port:
            try:
                sender = place.call(lambda: injector.Injector("w1", "w0"))
            except OSError as error:
                pytest.skip(f"no such programs: {error}")
            place.call(lambda: [sender.some(n) for n in (1, wanted - 1)])
            assert sender.sent == wanted
            sender.close()
            out, done = bytearray(1 << 20), Drained()
            until(lambda: port.drain(memoryview(out), done) or done.frames >= wanted)
            found = np.zeros((wanted + 1, 3), np.int64)
            frames = [
                bytes(out[at + 28 : at + 28 + struct.unpack_from("<I", out, at + 20)[0]])
                for _, at, _ in found[: places(bytes(out[: done.at]), found)]
            ]
            assert port.statistics().dropped == 0
    finally:
        place.close()
    assert len(frames) == wanted == len(set(frames))
    for n, frame in enumerate(frames):
        client, connection, turn = n % 2 == 0, n // 2 % injector.CONNECTIONS, n // injector.TEMPLATES
        asked, answered = turn * injector.REQUEST, turn * injector.ANSWER
        numbers = (asked, answered) if client else (answered, asked + injector.REQUEST)
        expected = bytearray(injector.frame(client, connection))
        struct.pack_into(">II", expected, 38, *(1000 + one for one in numbers))
        struct.pack_into(">H", expected, 54, turn)
        assert frame == expected, n


def test_memory_of_a_process_is_seen() -> None:
    assert os.getpid() in soak.family(os.getpid()) and soak.held(os.getpid()) > 1 << 20 and soak.held(-1) == 0


def test_cases_are_compared_by_their_rows_and_not_by_their_files(tmp_path, monkeypatch):
    """Parts that are cut elsewhere lack other columns; a row that differs is found all the same."""
    attack, normal = (ROOT / "pcaps" / f"modbus-{kind}.pcap" for kind in ("attack", "normal"))
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    analyze([attack], one)
    with monkeypatch.context() as smaller:
        for bound in ("PART_ROWS", "JOIN_ROWS"):
            smaller.setattr(_parts, bound, 40)
        analyze([attack], same)
    analyze([normal], other)
    assert len(list(same.rglob("*.parquet"))) > len(list(one.rglob("*.parquet")))
    assert scale.differences(one, same) == []
    assert {"messages", "items", "points", "flows", "ext/modbus"} <= set(scale.differences(one, other))
