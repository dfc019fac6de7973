"""The stored captures: that file, hash, labels and manifest agree, and that a difference is noticed."""

import csv
import gzip
import json
import shutil
import struct
from pathlib import Path

import pytest

from sentinel.exercise import manifest
from sentinel.exercise.capture import Recording
from sentinel.exercise.scenario import Performance, Ran, Scenario, Step
from sentinel.exercise.scenarios import BOILER, HMI, INTRUDER, LONG_SCENARIOS, SCENARIOS

PCAPS = Path(__file__).resolve().parents[1] / "pcaps"
LONG = PCAPS / "long"
LINES = {PCAPS / line["file"]: line for line in manifest.read(PCAPS)}
LONG_LINES = {LONG / line["file"]: line for line in manifest.read(LONG)}


@pytest.mark.parametrize("folder", [PCAPS, LONG], ids=["short", "long"])
def test_the_shipped_captures_agree_with_their_manifest(folder):
    assert manifest.verify(folder) == []


def test_every_scenario_has_its_capture():
    assert {scenario.name + scenario.suffix for scenario in SCENARIOS.values()} == {path.name for path in LINES}
    assert {scenario.name + scenario.suffix for scenario in LONG_SCENARIOS.values()} == {p.name for p in LONG_LINES}


def test_the_manifest_says_what_the_scenarios_say():
    declared = SCENARIOS | LONG_SCENARIOS
    for path, line in (LINES | LONG_LINES).items():
        scenario = declared[path.name.partition(".")[0]]
        assert (line["en"], line["zh"]) == (scenario.en, scenario.zh)


@pytest.mark.parametrize("path", LINES | LONG_LINES, ids=lambda path: path.name)
def test_a_shipped_capture_is_small_and_labelled(path):
    line = (LINES | LONG_LINES)[path]
    long = path in LONG_LINES
    assert path.stat().st_size <= (1_500_000 if long else 320_000)
    assert float(line["seconds"]) <= (330 if long else 35)
    assert all(line[column] for column in manifest.COLUMNS)
    beside = path.with_name(path.name.partition(".")[0] + ".labels.json")
    labels = json.loads(beside.read_text(encoding="utf-8"))
    assert labels["ran_in"] == "namespaces" and labels["dropped"] == 0
    spans = [(step["label"], first, last) for step in labels["steps"] for first, last in step["frames"]]
    assert all(1 <= first <= last <= labels["frames"] for _, first, last in spans)
    with beside.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = sorted((int(row["frame"]), row["label"]) for row in rows)
    assert listed == sorted((frame, label) for label, first, last in spans for frame in range(first, last + 1))
    assert {row["kind"] for row in rows} <= {"maintenance", "attack"}
    data = path.read_bytes()
    assert frames_of(gzip.decompress(data) if long else data) == labels["frames"]


def frames_of(data):
    """How many frames a little-endian pcap or pcapng file holds, counted record by record."""
    count = 0
    if struct.unpack_from("<I", data)[0] == 0xA1B2C3D4:
        at = 24
        while at < len(data):
            at += 16 + struct.unpack_from("<I", data, at + 8)[0]
            count += 1
        return count
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        count += kind == 6
        at += length
    return count


@pytest.fixture
def stored(tmp_path):
    step = Step(0.0, "intruder", "modbus_identify", "boiler-plc", "attack", "It is identified.", "被识别。", ("T0888",))
    scenario = Scenario("s", ".pcap", 1.0, "A.", "甲。", (BOILER, HMI, INTRUDER), {"boiler-plc": "modbus"}, (step,))
    pytest.importorskip("pymodbus", reason="the lab extra is not installed")
    frames = Recording([(1, bytes(60)), (2, bytes(60))])
    done = Performance(scenario, "loopback", frames, [Ran(step, 1, 2, "ok", [(1, 2)])])
    manifest.store(done, tmp_path)
    return tmp_path


def test_what_is_stored_agrees(stored):
    assert manifest.verify(stored) == []
    labels = json.loads((stored / "s.labels.json").read_text(encoding="utf-8"))
    assert "rewritten" in labels["addresses"]
    row = (stored / "s.labels.csv").read_text(encoding="utf-8").splitlines()[1]
    assert row == "1,modbus-identify,attack,intruder -> boiler-plc: modbus_identify"


def test_storing_again_replaces_the_line(stored):
    done = Performance(SCENARIOS["s7-normal"], "loopback", Recording([(1, bytes(60))]), [])
    manifest.store(done, stored)
    manifest.store(done, stored)
    assert [line["file"] for line in manifest.read(stored)] == ["s.pcap", "s7-normal.pcap"]


def test_differences_are_noticed(stored):
    capture = stored / "s.pcap"
    whole = capture.read_bytes()
    capture.write_bytes(whole[:-1])
    assert any("SHA-256" in problem for problem in manifest.verify(stored))
    capture.write_bytes(whole)
    shutil.copy(capture, stored / "stray.pcap")
    assert manifest.verify(stored) == ["stray.pcap has no line in MANIFEST.tsv"]
    (stored / "stray.pcap").unlink()
    labels = json.loads((stored / "s.labels.json").read_text(encoding="utf-8"))
    labels["steps"][0]["frames"] = [[1, 3]]
    (stored / "s.labels.json").write_text(json.dumps(labels))
    assert any("outside the capture" in problem for problem in manifest.verify(stored))
    (stored / "s.labels.json").unlink()
    assert manifest.verify(stored) == ["s.labels.json is missing"]
    capture.unlink()
    assert manifest.verify(stored) == ["s.pcap is missing"]


def test_a_folder_without_manifest_is_a_problem(tmp_path):
    assert manifest.verify(tmp_path) == [f"{tmp_path / 'MANIFEST.tsv'} is missing or empty"]
