"""How much several processes gain, in wall and processor time, and what it costs; the cases are compared.

    python benchmarks/scale.py --copies 4 --frames 500000 --jobs 2 [--write]

Measured twice. Several captures: copies that hold the same traffic of the same hour, as several taps would, and differ
in a header field that nobody reads; each is a task of its own. One capture as large as all of them: each task makes the
tables of a portion of its flows. `--write` puts the numbers into docs/scale.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel.store.case import Case

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import traffic  # noqa: E402  (both folders must be on the path)

PAGE = ROOT / "docs/scale.md"
BEGIN, END = "<!-- written by make scale -->\n", "<!-- end -->\n"


def large(folder: Path, protocol: str, frames: int) -> Path:
    """One capture of so many frames."""
    return traffic.kept(folder / f"scale-{protocol}-{frames}.pcap", protocol, frames)


def copies(folder: Path, protocol: str, count: int, frames: int) -> list[Path]:
    """Captures of the same traffic that are not the same file; made where they are not there."""
    first = large(folder, protocol, frames)
    paths = [first, *(first.with_stem(f"{first.stem}-{n}") for n in range(1, count))]
    for n, path in enumerate(paths[1:], 1):
        if not path.exists():
            shutil.copyfile(first, path)
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


def core_seconds(path: Path) -> float:
    """Processor seconds of what every portion does again: reading, decoding, flows, parsers, pairing."""
    from sentinel.plugins import load_parsers
    from sentinel.reading import Reading
    from sentinel.sources import files

    reading = Reading(load_parsers(), 1 << 40)
    began = time.process_time()
    with files.open_stream(path) as stream:
        for _ in reading.read(stream, 1, lambda: False):
            pass
    for _ in reading.finish():
        pass
    return time.process_time() - began


def differences(one: Path, other: Path) -> list[str]:
    """Tables that do not hold the same rows, in whatever order."""
    from sentinel.store.case import Case

    with Case.open(one, "read") as first, Case.open(other, "read") as second:
        return [name for name in first.tables() if digest(first, name) != digest(second, name)]


def digest(case: Case, table: str) -> tuple[int, int]:
    """Number of rows of a table, and the sum of their hashes.

    A part lacks the columns that say nothing in it, and other processes make other parts: each row is hashed with all
    columns that the table has anywhere.
    """
    import polars as pl

    files = [path for run, _ in case.runs_of(table) for path in case.parts(table, run)]
    columns: dict[str, pl.DataType] = {}
    for path in files:
        columns |= pl.read_parquet_schema(path)
    texts = [name for name, dtype in columns.items() if dtype in (pl.String, pl.Categorical, pl.Enum)]
    frames = (pl.read_parquet(path, glob=False) for path in files) if files else iter([case.scan(table).collect()])
    rows, total = 0, 0
    for frame in frames:
        missing = (pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name not in frame.columns)
        whole = frame.with_columns(missing).with_columns(pl.col(texts).cast(pl.String).fill_null(""))
        rows += frame.height
        total += sum(whole.select(sorted(whole.columns)).hash_rows().to_list())
    return rows, total


def table(found: dict[str, dict[str, float]], core: float, given: argparse.Namespace) -> str:
    """The numbers as Markdown."""
    frames = given.copies * given.frames
    load = os.getloadavg()[0]
    lines = [
        f"    make scale SCALE='--protocol {given.protocol} --copies {given.copies} --frames {given.frames}"
        f" --jobs {given.jobs}'",
        "",
        f"| {frames:,} {given.protocol} frames, {os.cpu_count()} processors (load {load:.0f})"
        " | wall | processor time | largest process |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, values in found.items():
        lines.append(f"| {name} | {values['wall']:.1f} s | {values['cpu']:.1f} s | {values['mib']:.0f} MiB |")
    several, spread, one, portions, *_ = found.values()
    tables = max(one["cpu"] - core, 0.0)
    most = one["cpu"] / (core + tables / 16)
    lines += [
        "",
        f"Several captures: speed-up {several['wall'] / spread['wall']:.2f}, overhead"
        f" {spread['cpu'] / several['cpu'] - 1:.0%} of processor time. One capture: speed-up"
        f" {one['wall'] / portions['wall']:.2f}, overhead {portions['cpu'] / one['cpu'] - 1:.0%}. Every table of the"
        " cases was equal.",
        "",
        f"What each portion does again, the core, took {core:.1f} s of processor time: {core / one['cpu']:.0%} of the"
        f" {one['cpu']:.1f} s of one process. So n processors with nothing else to do need {core:.1f} s +"
        f" {tables:.1f} s / n for this capture, and 16 of them (`cluster.MAX_PORTIONS`) gain {most:.1f} times at most.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build/bench")
    parser.add_argument("--protocol", choices=traffic.PROTOCOLS, default="modbus")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--frames", type=int, default=500_000, help="of each copy")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the numbers into docs/scale.md")
    given = parser.parse_args()
    paths = [str(path) for path in copies(given.folder, given.protocol, given.copies, given.frames)]
    whole = large(given.folder, given.protocol, given.copies * given.frames)
    small = str(traffic.SOURCES[f"{given.protocol}-normal"])
    one, many = given.folder / "scale-one", given.folder / "scale-many"
    jobs = ("--jobs", str(given.jobs))
    found = {}
    for what, captures in ((f"{given.copies} captures", paths), ("one capture", [str(whole)])):
        found[f"{what}, one process"] = measured(one, *captures)
        found[f"{what}, `--jobs {given.jobs}`"] = measured(many, *jobs, *captures)
        if wrong := differences(one, many):
            raise SystemExit(f"{what}: the cases differ in {', '.join(wrong)}")
    found["start: one small capture, one process"] = measured(one, small)
    found[f"start: one small capture, `--jobs {given.jobs}`"] = measured(many, *jobs, small)
    text = table(found, core_seconds(whole), given)
    print(text, end="")
    if given.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + text + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
