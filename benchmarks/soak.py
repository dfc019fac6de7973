"""How much the sensor stands: an interface that receives at a rate, in a namespace of its own, and what was lost.

    sudo make soak                       300,000 frames/s for 60 s, then 1,000,000 frames/s for 20 s
    python benchmarks/soak.py 300000:600 1000000:60 --docs -- --no-record

A run is RATE:SECONDS; `--docs` writes the figures into docs/sensor.md; what stands behind `--` are options of the
sensor. The sensor gets the first processor for itself, the sender the last one; with one processor they share it.
`--both`, or workers: the sensor may use what the sender leaves of its processor as well.
The frames are Modbus/TCP polling of 256 connections, each a message (`injector.py`); what the kernel does to receive
them and to copy them to the sensor's ring happens on the sender's processor, as with the interrupts of a card.
What is printed per rate: frames sent, read, lost as the sensor counted them (the three must agree), the processor
seconds that the sensor took for a million frames, and its memory: first, last and at its peak.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from injector import Injector

from sentinel.exercise.namespaces import Namespace


def seconds_of(pid: int) -> float:
    """Processor seconds that a process took."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(case: Path) -> dict:
    """The sensor's own view."""
    return json.loads((case / "status.json").read_text())


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run gave; memory in MiB at its first second, its last and at its peak."""

    seconds: float
    sent: int
    read: int
    lost: int
    cpu: float
    memory: tuple[int, int, int]
    queue: int
    workers_cpu: float = 0.0
    """Of `cpu`, what workers took, where there are any."""

    @property
    def agrees(self) -> bool:
        """Whether every frame was read or counted as lost."""
        return self.sent == self.read + self.lost

    @property
    def rate(self) -> float:
        """Frames sent a second."""
        return self.sent / self.seconds

    @property
    def cost(self) -> float:
        """Processor seconds for a million frames that were read."""
        return 1e6 * self.cpu / max(self.read, 1)

    def __str__(self) -> str:
        first, last, peak = self.memory
        return (
            f"{self.rate:12,.0f} frames/s for {self.seconds:.0f} s: sent {self.sent:,}, read "
            f"{self.read:,}, lost {self.lost:,} ({100 * self.lost / max(self.sent, 1):.2f} %), sum "
            f"{'agrees' if self.agrees else 'DIFFERS'}; {self.cost:.2f} s of a processor for "
            f"a million frames{self._by_workers()}; memory {first} -> {last} MiB, peak {peak}; queue {self.queue}"
        )

    def _by_workers(self) -> str:
        return f" (workers {1e6 * self.workers_cpu / max(self.read, 1):.2f})" if self.workers_cpu else ""

    def row(self) -> str:
        """As a row of the table in docs/sensor.md."""
        first, last, peak = self.memory
        return (
            f"| {self.sent:,} in {self.seconds:.0f} s | {self.rate:,.0f} | {self.lost:,} | "
            f"{'yes' if self.agrees else 'NO'} | {self.cost:.2f} s | "
            f"{first} -> {last}, peak {peak} MiB |"
        )


class Memory(threading.Thread):
    """Looks at the memory that processes hold, twice a second."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.seen: list[int] = []

    def run(self) -> None:
        """Look until `end`."""
        while not self._over.wait(0.5):
            self.seen.append(sum(held(pid) for pid in family(self._pid)))

    def end(self) -> tuple[int, int, int]:
        """First, last and largest, in MiB."""
        self._over.set()
        self.join()
        return tuple(n >> 20 for n in (self.seen[0], self.seen[-1], max(self.seen))) if self.seen else (0, 0, 0)


def family(pid: int) -> list[int]:
    """A process and those that it began."""
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except OSError:
            continue
    return found


def held(pid: int) -> int:
    """Bytes of memory that a process alone holds; what it shares with others is counted in parts (smaps_rollup)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:")), 0)


def keep_apart(pid: int) -> None:
    """The first processor for the sensor, the last one for the sender; where there is one, both have it."""
    usable = sorted(os.sched_getaffinity(0))
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), usable[:1])
    os.sched_setaffinity(0, usable[-1:])


@contextmanager
def in_front() -> Iterator[None]:
    """Before what else this machine does: a box has nothing else to do, and a card does not wait.

    Where the scheduler groups processes by session, it is the group that has a priority towards others, sched(7).
    """
    group = Path("/proc/self/autogroup")
    before = group.read_text().split()[-1] if group.exists() else ""
    if before:
        group.write_text("-20")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, own)
        if before:
            group.write_text(before)


MARKS = "<!-- soak -->\n", "<!-- /soak -->\n"
DOCS = Path(__file__).resolve().parents[1] / "docs" / "sensor.md"


def write(figures: list[Figures], size: str, arguments: list[str]) -> None:
    """Replace the table of docs/sensor.md."""
    table = [
        f"`python benchmarks/soak.py {' '.join(arguments)}`:\n\n",
        "| sent | frames/s | lost | sent = read + lost | processor for a million | memory |\n",
        "| --- | --- | --- | --- | --- | --- |\n",
        *(one.row() + "\n" for one in figures),
        f"\n{size}\n",
    ]
    before, mark, rest = DOCS.read_text("utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        raise SystemExit(f"{DOCS}: there is no {MARKS[0].strip()} with its end")
    DOCS.write_text(before + mark + "".join(table) + end + after, "utf-8")


def soak(rates: list[tuple[int, float]], options: list[str], arguments: list[str], docs: bool, both: bool) -> int:
    """Run the sensor through all rates; 0 where the sums agree."""
    folder = Path(tempfile.mkdtemp(prefix="sentinel-soak-"))
    case = folder / "case"
    place = Namespace()
    try:
        place.ip(
            "link add w0 type veth peer name w1",
            "link set w0 addrgenmode none up",
            "link set w1 addrgenmode none up",
        )
        command = [sys.executable, "-m", "sentinel", "sensor", "-i", "w1", "--case", str(case), *options]
        sensor = place.call(lambda: subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        print(said := sensor.stderr.readline().strip())
        if not said.startswith("listening at w1"):
            return sensor.wait(60)
        if not both:
            keep_apart(sensor.pid)
        sender = place.call(lambda: Injector("w1", "w0"))
        figures: list[Figures] = []
        for rate, seconds in rates:
            time.sleep(2)
            before, cpu, sent = status(case), sum(map(seconds_of, family(sensor.pid))), sender.sent
            memory = Memory(sensor.pid)
            memory.start()
            began = time.perf_counter()
            place.call(lambda rate=rate, seconds=seconds: sender.run(rate, seconds))
            took = time.perf_counter() - began
            time.sleep(4)
            after = status(case)
            cpu = sum(map(seconds_of, family(sensor.pid))) - cpu
            port, was = after["ports"][0], before["ports"][0]
            read, lost = port["frames"] - was["frames"], port["dropped"] - was["dropped"]
            deepest = after["queue"]["deepest"]
            by_workers = sum(one["cpu_seconds"] for one in after["workers"])
            by_workers -= sum(one["cpu_seconds"] for one in before["workers"])
            figures.append(Figures(took, sender.sent - sent, read, lost, cpu, memory.end(), deepest, by_workers))
            print(figures[-1], flush=True)
        sensor.send_signal(signal.SIGTERM)
        print(f"the sensor ended with {sensor.wait(120)}", sensor.stderr.read())
        size = sum(p.stat().st_size for p in case.rglob("*") if p.is_file())
        segments = sum(p.stat().st_size for p in (case / "segments").rglob("*") if p.is_file())
        taken = f"The case took {size - segments:,} bytes, the segments {segments:,} bytes, for {sender.sent:,} frames."
        print(taken)
        if docs:
            write(figures, taken, arguments)
        return 0 if all(one.agrees for one in figures) else 1
    finally:
        place.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """RATE:SECONDS ..., `--docs`, then options of the sensor behind `--`."""
    given = sys.argv[1:]
    options = given[given.index("--") + 1 :] if "--" in given else []
    given = given[: given.index("--")] if "--" in given else given
    docs, both = "--docs" in given, "--both" in given or "--workers" in options
    runs = [one for one in given if not one.startswith("--")] or ["300000:60", "1000000:20"]
    with in_front():
        wanted = [(int(rate), float(seconds)) for rate, _, seconds in (one.partition(":") for one in runs)]
        return soak(wanted, options, sys.argv[1:], docs, both)


if __name__ == "__main__":
    sys.exit(main())
