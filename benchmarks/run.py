"""Measures `sentinel analyze` against other programs on the same files in the same run (budgets: benchmarks/report.py).

    python benchmarks/run.py                      what `make bench` runs: about a quarter of an hour
    python benchmarks/run.py --large 20000000     flat memory at 20 million frames instead of 4
    python benchmarks/run.py --quick              100,000 frames, once: a smoke test, no page is written

Every figure of a program is the median over fresh processes, their start included; the programs take turns. The
captures are made under build/bench (traffic.py) and removed again. Writes benchmarks/results.json and
docs/benchmarks.md; with --quick, only results.json, under build/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import measure
import peers
import report

ROOT = Path(__file__).resolve().parents[1]
PROTOCOLS = ("modbus", "s7", "dnp3")
HELP_RUNS = 5


@dataclass(slots=True)
class Bench:
    """One run of the benchmarks: its options, and what was found so far."""

    given: argparse.Namespace
    folder: Path
    found: dict[str, Any] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """Progress, on standard error."""
        print(sentence, file=sys.stderr, flush=True)

    def python(self, *words: str) -> measure.Run:
        """Run this interpreter on this tree; the rule cache is the benchmark's own."""
        extra = {"PYTHONPATH": str(ROOT), "SENTINEL_CACHE": str(self.folder / "cache")}
        return measure.run([sys.executable, *words], self.folder, self.given.timeout, extra)

    def capture(self, name: str, *words: str) -> Path:
        """Have traffic.py make a capture, in a process of its own: this one stays small (see measure.run)."""
        path = self.folder / f"{name}.pcap"
        self.say(f"making {path.name}")
        command, *options = words
        self.python(str(ROOT / "benchmarks/traffic.py"), command, *options[:-2], str(path), *options[-2:])
        os.sync()  # no program shall wait for the disk to take what another one wrote
        return path

    def analyze(self, capture: Path) -> dict[str, Any]:
        """`sentinel analyze` into a new case: what the process took, and what it said of the capture."""
        case = self.folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        run = self.python("-m", "sentinel", "analyze", str(capture), "--case", str(case), "--json")
        shutil.rmtree(case, ignore_errors=True)
        said = json.loads(run.output)
        counted = {name: said[name] for name in ("frames", "flows", "points", "assets", "evicted_flows")}
        sums = {"messages": sum(said["messages"].values()), "alerts": sum(said["alerts"].values())}
        return {**_taken(run), **counted, **sums, "rate": said["frames"] / run.seconds}

    def peer(self, peer: peers.Peer, protocol: str, capture: Path, frames: int) -> dict[str, Any]:
        """One peer on a capture; the rate of one that reads a part of it is that of its reading alone."""
        run = measure.run(peers.command(peer, protocol, capture), self.folder, self.given.timeout)
        if peer.frames is None:
            return {**_taken(run), "frames": frames, "rate": frames / run.seconds}
        said = json.loads(run.output)
        return {**_taken(run), "frames": said["frames"], "rate": said["frames"] / said["seconds"]}

    # -- the parts -----------------------------------------------------------------------------------------------------

    def ratios(self) -> None:
        """Each program on each protocol's file, in turns."""
        others = peers.peers(self.given.scapy_frames, self.given.pyshark_frames)
        self.found["missing"] = [f"{peer.name}: {peer.missing}" for peer in others if peer.missing]
        self.found["files"] = []
        for protocol in PROTOCOLS:
            path = self.capture(protocol, "replicate", protocol, "--frames", str(self.given.frames))
            if protocol == PROTOCOLS[0]:
                self.say("sentinel analyze, first run ever: rules are parsed and cached")
                self.found["first"] = self.analyze(path)
            runs: dict[str, list[dict[str, Any]]] = {}
            stopped: dict[str, str] = {}
            for turn in range(self.given.repeat):
                mine = self.analyze(path)
                runs.setdefault(report.SENTINEL, []).append(mine)
                for peer in (peer for peer in others if not peer.missing and peer.name not in stopped):
                    self.say(f"{protocol}, turn {turn + 1} of {self.given.repeat}: {peer.name}")
                    try:
                        taken = self.peer(peer, protocol, path, mine["frames"])
                    except measure.Failed as failure:
                        stopped[peer.name] = str(failure)
                    else:
                        runs.setdefault(peer.name, []).append(taken)
            ours = measure.median(run["rate"] for run in runs[report.SENTINEL])
            version = {peer.name: peer.version for peer in others}
            programs = [_program(name, version.get(name, ""), several, ours) for name, several in runs.items()]
            file = {"protocol": protocol, "frames": mine["frames"], "bytes": path.stat().st_size}
            self.found["files"].append({**file, "programs": programs, "stopped": stopped})
            path.unlink()

    def plants(self) -> None:
        """As many frames of many small plants: each has its own devices, facts and alerts."""
        path = self.capture("plants", "replicate", "modbus-normal", "--frames", str(self.given.frames))
        self.say("sentinel analyze on many small plants")
        self.found["plants"] = {**self.analyze(path), "bytes": path.stat().st_size}
        path.unlink()

    def memory(self) -> None:
        """Peak memory on a file many times as long."""
        path = self.capture("large", "replicate", "modbus", "--frames", str(self.given.large))
        self.say(f"sentinel analyze on {self.given.large:,} frames")
        self.found["large"] = {**self.analyze(path), "bytes": path.stat().st_size}
        path.unlink()

    def flood(self) -> None:
        """A flow for every frame."""
        path = self.capture("flood", "flood", "--flows", str(self.given.flows))
        self.say(f"sentinel analyze on a flood of {self.given.flows:,} flows")
        self.found["flood"] = {**self.analyze(path), "bytes": path.stat().st_size}
        path.unlink()

    def start(self) -> None:
        """`sentinel --help`, and which build it is."""
        runs = [self.python("-m", "sentinel", "--help") for _ in range(HELP_RUNS)]
        self.found["help_seconds"] = measure.median(run.seconds for run in runs)
        self.found["sentinel"] = " ".join(self.python("-m", "sentinel", "--version").output.split())


def _taken(run: measure.Run) -> dict[str, float]:
    return {"seconds": run.seconds, "cpu_seconds": run.cpu_seconds, "peak_mb": run.peak_mb}


def _program(name: str, version: str, runs: list[dict[str, Any]], ours: float) -> dict[str, Any]:
    """The medians of one program's runs; `ratio`: how many times its rate Sentinel's is."""
    medians = {key: measure.median(run[key] for run in runs) for key in ("seconds", "cpu_seconds", "peak_mb", "rate")}
    counts = {"turns": len(runs), "frames": runs[0]["frames"]}
    return {"program": name, "version": version, **counts, **medians, "ratio": ours / medians["rate"]}


def options(arguments: list[str]) -> argparse.Namespace:
    """The command line above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100,000 frames, once, and no page")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of each protocol's file")
    parser.add_argument("--large", type=int, default=4_000_000, help="frames of the file for flat memory")
    parser.add_argument("--flows", type=int, default=5_000_000, help="of the flood")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each program")
    parser.add_argument("--scapy-frames", type=int, default=50_000, help="that scapy reads of each file")
    parser.add_argument("--pyshark-frames", type=int, default=3_000, help="that pyshark reads of each file")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for each process")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/bench", help="for captures and cases")
    given = parser.parse_args(arguments)
    if given.quick:
        small = {"frames": 100_000, "large": 400_000, "flows": 300_000, "repeat": 1}
        for name, value in {**small, "scapy_frames": 5_000, "pyshark_frames": 300}.items():
            if getattr(given, name) == parser.get_default(name):
                setattr(given, name, value)
    return given


def main(arguments: list[str]) -> int:
    """Measure, print the tables, write the results."""
    given = options(arguments)
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    bench = Bench(given, folder)
    bench.found["command"] = shlex.join(["python", "benchmarks/run.py", *arguments])
    bench.found["machine"] = measure.machine()
    try:
        for part in (bench.start, bench.ratios, bench.plants, bench.memory, bench.flood):
            part()
    except measure.Failed as failure:
        print(f"benchmarks: {failure}", file=sys.stderr)
        return 1
    text = report.page(bench.found)
    print(text)
    results = folder if given.quick else ROOT / "benchmarks"
    (results / "results.json").write_text(json.dumps(bench.found, indent=1) + "\n", encoding="utf-8")
    if not given.quick:
        (ROOT / "docs/benchmarks.md").write_text(report.HEAD + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
