"""What is stored beside a capture: its labels, and its line in the manifest; and checking that they still agree."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from sentinel.exercise.scenario import Performance, Ran

MANIFEST = "MANIFEST.tsv"
COLUMNS = ("file", "sha256", "frames", "seconds", "origin", "licence", "en", "zh")
_STACKS = {"modbus": ("pymodbus",), "s7": ("python-snap7",), "dnp3": ("py1815", "yadnp3")}
_REWRITTEN = (
    "rewritten: run on loopback; payloads, order and times are real, addresses, server ports and TCP headers are not"
)


def store(performance: Performance, directory: Path) -> Path:
    """Write the capture, its labels (JSON and CSV) and its manifest line into `directory`; returns the capture."""
    scenario, recording = performance.scenario, performance.recording
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (scenario.name + scenario.suffix)
    recording.write(path, f"{scenario.en} Generated in a laboratory: no real plant.")
    labels = _labels(performance, path)
    text = json.dumps(labels, indent=1, ensure_ascii=False) + "\n"
    _labels_of(path, "json").write_text(text, encoding="utf-8")
    with _labels_of(path, "csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("frame", "label", "kind", "detail"))
        table.writerows(_rows(performance))
    _enter(directory, labels, scenario.zh)
    return path


def _labels_of(capture: Path, kind: str) -> Path:
    """Where the labels of a capture lie, whatever its own suffixes are."""
    return capture.with_name(f"{capture.name.partition('.')[0]}.labels.{kind}")


def _labels(performance: Performance, path: Path) -> dict[str, Any]:
    """Everything that is known of a capture because it was made on purpose."""
    scenario, frames = performance.scenario, performance.recording.frames
    servers = sorted(set(scenario.serves.values()))
    return {
        "file": path.name,
        "sha256": _sha256(path),
        "frames": len(frames),
        "seconds": round((frames[-1][0] - frames[0][0]) / 1e9, 3) if frames else 0.0,
        "dropped": performance.recording.dropped,
        "scenario": scenario.name,
        "en": scenario.en,
        "zh": scenario.zh,
        "ran_in": performance.mode,
        "addresses": "as on the wire" if performance.mode == "namespaces" else _REWRITTEN,
        "stacks": {name: metadata.version(name) for server in servers for name in _STACKS[server]},
        "hosts": [
            {
                "name": host.name,
                "ip": host.ip,
                "mac": host.mac,
                "role": host.role,
                "serves": scenario.serves.get(host.name, ""),
                "en": host.title_en,
                "zh": host.title_zh,
            }
            for host in scenario.hosts
        ],
        "steps": [_step(performance, done) for done in performance.ran],
    }


def _step(performance: Performance, done: Ran) -> dict[str, Any]:
    step = done.step
    addresses = {host.name: host.ip for host in performance.scenario.hosts}
    return {
        "label": step.label,
        "kind": step.kind,
        "who": step.actor,
        "who_ip": addresses[step.actor],
        "target": step.target,
        "target_ip": addresses[step.target],
        "action": step.action,
        "techniques": list(step.techniques),
        "en": step.en,
        "zh": step.zh,
        "start": done.start,
        "end": done.end,
        "outcome": done.outcome,
        "frames": [list(span) for span in done.frames],
    }


def _rows(performance: Performance) -> Iterator[tuple[int, str, str, str]]:
    """One row for each frame of a step; a frame without a row belongs to the background."""
    rows = [
        (number, done.step.label, done.step.kind, f"{done.step.actor} -> {done.step.target}: {done.step.action}")
        for done in performance.ran
        for first, last in done.frames
        for number in range(first, last + 1)
    ]
    yield from sorted(rows)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(directory: Path) -> list[dict[str, str]]:
    """The lines of the manifest; empty where there is none."""
    path = directory / MANIFEST
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _enter(directory: Path, labels: dict[str, Any], zh: str) -> None:
    """Put the capture's line into the manifest, in place of an older one of the same file."""
    stacks = ", ".join(f"{name} {version}" for name, version in labels["stacks"].items())
    line = {
        "file": labels["file"],
        "sha256": labels["sha256"],
        "frames": str(labels["frames"]),
        "seconds": str(labels["seconds"]),
        "origin": f"sentinel exercise run {labels['scenario']} ({labels['ran_in']}; {stacks})",
        "licence": "Apache-2.0",
        "en": labels["en"],
        "zh": zh,
    }
    lines = [old for old in read(directory) if old["file"] != line["file"]] + [line]
    with (directory / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(lines, key=lambda row: row["file"]))


def verify(directory: Path) -> list[str]:
    """What is wrong with the captures of a folder: one sentence each; empty where all agree."""
    problems = []
    lines = read(directory)
    if not lines:
        return [f"{directory / MANIFEST} is missing or empty"]
    for line in lines:
        problems += _faults(directory, line)
    named = {line["file"] for line in lines}
    for path in sorted(path for kind in ("pcap", "pcapng", "pcap.gz") for path in directory.glob(f"*.{kind}")):
        if path.name not in named:
            problems.append(f"{path.name} has no line in {MANIFEST}")
    return problems


def _faults(directory: Path, line: dict[str, str]) -> list[str]:
    """What is wrong with one manifest line, its capture and its labels."""
    path = directory / line["file"]
    if not path.exists():
        return [f"{line['file']} is missing"]
    problems = []
    if _sha256(path) != line["sha256"]:
        problems.append(f"{path.name} is not the file that the manifest names: its SHA-256 differs")
    beside = _labels_of(path, "json")
    if not beside.exists():
        return [*problems, f"{beside.name} is missing"]
    labels = json.loads(beside.read_text(encoding="utf-8"))
    if labels["sha256"] != line["sha256"]:
        problems.append(f"{beside.name} was made for another capture")
    for step in labels["steps"]:
        for first, last in step["frames"]:
            if not 1 <= first <= last <= int(line["frames"]):
                problems.append(f"{beside.name}: {step['label']}: frames {first} to {last} are outside the capture")
        if step["kind"] != "background" and not step["frames"]:
            problems.append(f"{beside.name}: {step['label']}: no frames")
    return problems
