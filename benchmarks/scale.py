"""How much several processes gain: the same captures analysed by one and by `--jobs N`, wall and processor time.

    python benchmarks/scale.py --copies 4 --frames 500000 --jobs 2

The copies hold the same traffic of the same hour, as several taps would, and differ in a header field that nobody
reads; so each is a task of its own. The two cases are compared by their numbers of rows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import traffic  # noqa: E402  (both folders must be on the path)


def copies(folder: Path, protocol: str, count: int, frames: int) -> list[Path]:
    """The captures; made where they are not there."""
    paths = [folder / f"scale-{protocol}-{frames}-{n}.pcap" for n in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    if not paths[0].exists():
        source = traffic.SOURCES[protocol]
        traffic.replicate(source, paths[0], frames)
    for n, path in enumerate(paths[1:], 1):
        if not path.exists():
            shutil.copyfile(paths[0], path)
            with path.open("r+b") as file:
                file.seek(12)  # accuracy of time stamps, which every writer leaves at zero
                file.write(n.to_bytes(4, "little"))
    return paths


def measured(case: Path, *args: str) -> dict[str, float]:
    """Wall and processor seconds of an analysis with all its processes, and the memory of the largest, MiB."""
    shutil.rmtree(case, ignore_errors=True)
    command = [sys.executable, "-m", "sentinel", "-q", "analyze", "--case", str(case), *args]
    began = time.monotonic()
    child = os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": str(ROOT)})
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    cpu = used.ru_utime + used.ru_stime
    return {"wall": time.monotonic() - began, "cpu": cpu, "mib": used.ru_maxrss / 1024}


def rows(case: Path) -> dict[str, int]:
    """Rows by table."""
    from sentinel.store.case import Case

    with Case.open(case, "read") as opened:
        return opened.summary()["rows"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build/bench")
    parser.add_argument("--protocol", choices=traffic.SOURCES, default="modbus")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--frames", type=int, default=500_000, help="of each copy")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    paths = [str(path) for path in copies(given.folder, given.protocol, given.copies, given.frames)]
    small = str(traffic.SOURCES[given.protocol])
    one, many, tiny = (given.folder / name for name in ("scale-one", "scale-many", "scale-tiny"))
    jobs = ("--jobs", str(given.jobs))
    found = {
        "one process": measured(one, *paths),
        f"{given.jobs} processes": measured(many, *jobs, *paths),
        "start of one": measured(tiny, small),
        f"start of {given.jobs}": measured(tiny, *jobs, small),
    }
    if rows(one) != rows(many):
        raise SystemExit(f"the cases differ: {rows(one)} and {rows(many)}")
    if given.json:
        print(json.dumps(found))
        return
    print(f"{given.copies} captures of {given.frames:,} frames, {os.cpu_count()} processors")
    for name, values in found.items():
        print(f"{name:<14} {values['wall']:7.2f} s wall {values['cpu']:7.2f} s cpu {values['mib']:6.0f} MiB at most")
    first, second = list(found.values())[:2]
    print(f"speed-up {first['wall'] / second['wall']:.2f}, overhead {second['cpu'] / first['cpu'] - 1:.0%} cpu")


if __name__ == "__main__":
    main()
