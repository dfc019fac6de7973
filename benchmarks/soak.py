"""How much the sensor stands: a sender with a ring of its own, a cable between two namespaces, and what was lost.

    sudo make soak                       300,000 frames/s for 60 s, then 1,000,000 frames/s for 20 s
    python benchmarks/soak.py 300000:600 1000000:60 --docs -- --no-record

A run is RATE:SECONDS; `--docs` writes the figures into docs/sensor.md; what stands behind `--` are options of the
sensor. The sensor gets the first processor for itself, the sender the last one; with one processor they share it.
The frames are Modbus/TCP polling of 256 connections (a request, its answer), with numbers that go on as real ones do,
so each is a message. They are written to a ring that the kernel sends from (PACKET_TX_RING), changed in place by numpy.
What is printed per rate: frames sent, read, lost as the sensor counted them (the three must agree), the processor
seconds that the sensor took for a million frames, and its memory: first, last and at its peak.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentinel.exercise.namespaces import Namespace

SOL_PACKET, TX_RING, QDISC_BYPASS = 263, 13, 20
SLOT, SLOTS, DATA = 256, 8192, 32
"""Bytes and number of places of the ring; a frame lies behind the header (TPACKET2_HDRLEN - sizeof(sockaddr_ll))."""
VERSION, V2 = 10, 1
STATUS, LENGTH = 0, 4
CONNECTIONS = 256
REQUEST, ANSWER = 12, 29


def frame(client: bool, connection: int) -> bytes:
    """A read request of ten registers, or its answer."""
    host = 2 + connection % 200
    here, there = bytes([10, 9, 0, host]), bytes([10, 9, 1, 1 + connection % 50])
    ports = (40000 + connection, 502)
    if client:
        payload = struct.pack(">HHHBBHH", 0, 0, 6, 1, 3, 100, 10)
    else:
        here, there, ports = there, here, ports[::-1]
        payload = struct.pack(">HHHBBB", 0, 0, 23, 1, 3, 20) + bytes(range(20))
    tcp = struct.pack(">HHIIBBHHH", *ports, 0, 0, 0x50, 0x18, 8192, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, here, there)
    macs = bytes([2, 0, 0, 0, 1, there[3]]) + bytes([2, 0, 0, 0, 0, here[3]])
    return macs + b"\x08\x00" + ip + tcp + payload


class Sender:
    """Sends at a rate, and counts."""

    def __init__(self, interface: str):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, VERSION, V2)
        self.socket.setsockopt(SOL_PACKET, QDISC_BYPASS, 1)
        block = 1 << 16
        request = struct.pack("IIII", block, SLOT * SLOTS // block, SLOT, SLOTS)
        self.socket.setsockopt(SOL_PACKET, TX_RING, request)
        self.ring = mmap.mmap(self.socket.fileno(), SLOT * SLOTS)
        self.socket.bind((interface, 0))
        cells = np.frombuffer(self.ring, np.uint8).reshape(SLOTS, SLOT)
        self.status = cells[:, STATUS : STATUS + 4].view(np.uint32)[:, 0]
        for n in range(SLOTS):
            data = frame(n % 2 == 0, n // 2 % CONNECTIONS)
            cells[n, LENGTH : LENGTH + 4] = np.frombuffer(struct.pack("I", len(data)), np.uint8)
            cells[n, DATA : DATA + len(data)] = np.frombuffer(data, np.uint8)
        self.cells = cells
        self.turn = np.arange(SLOTS) // 2 // CONNECTIONS  # how many exchanges of its connection stand before it
        self.client = np.arange(SLOTS) % 2 == 0
        self.loops = np.zeros(SLOTS, np.int64)
        self.sent = 0
        self.at = 0
        self._number(slice(0, SLOTS))

    def _number(self, where: slice) -> None:
        """Write sequence numbers, acknowledgements and transactions of these places."""
        turn = self.turn[where] + self.loops[where] * (SLOTS // 2 // CONNECTIONS)
        client = self.client[where]
        mine, other = turn * REQUEST, turn * ANSWER
        seq = np.where(client, mine, other) + 1000
        ack = np.where(client, other, mine + REQUEST) + 1000
        for place, values in ((DATA + 38, seq), (DATA + 42, ack)):
            self.cells[where, place : place + 4] = (values & 0xFFFFFFFF).astype(">u4")[:, None].view(np.uint8)
        self.cells[where, DATA + 54 : DATA + 56] = (turn & 0xFFFF).astype(">u2")[:, None].view(np.uint8)

    def some(self, n: int) -> None:
        """Send the next n frames."""
        n = min(n, SLOTS - self.at)
        where = slice(self.at, self.at + n)
        self.status[where] = 1
        self.socket.send(b"")
        while (self.status[where] != 0).any():
            self.socket.send(b"")
        self.loops[where] += 1
        self._number(where)
        self.sent += n
        self.at = (self.at + n) % SLOTS

    def run(self, rate: int, seconds: float) -> None:
        """Send at that rate for so long, in bursts of a hundredth of a second at most; late ones are not made good."""
        began = now = time.perf_counter()
        done = 0
        while now - began < seconds:
            due = int((now - began) * rate) - done
            if due > 0:
                before = self.sent
                self.some(min(due, rate // 100 + 1))
                done += self.sent - before
                if due > rate // 10:
                    done += due - rate // 10  # the machine stood still: do not flood to catch up
            else:
                time.sleep(0.001)
            now = time.perf_counter()


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


def soak(rates: list[tuple[int, float]], options: list[str], arguments: list[str], docs: bool) -> int:
    """Run the sensor through all rates; 0 where the sums agree."""
    folder = Path(tempfile.mkdtemp(prefix="sentinel-soak-"))
    case = folder / "case"
    here, there = Namespace(), Namespace()
    try:
        here.ip(
            f"link add w0 type veth peer name w1 netns /proc/self/fd/{there.fd}",
            "link set w0 addrgenmode none up",
            keep=(there.fd,),
        )
        there.ip("link set w1 addrgenmode none up")
        command = [sys.executable, "-m", "sentinel", "sensor", "-i", "w1", "--case", str(case), *options]
        sensor = there.call(lambda: subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        os.setpriority(os.PRIO_PROCESS, sensor.pid, -20)  # a box has nothing else to do
        print(said := sensor.stderr.readline().strip())
        if not said.startswith("listening at w1"):
            return sensor.wait(60)
        if "--workers" not in options:
            keep_apart(sensor.pid)
        sender = here.call(lambda: Sender("w0"))
        figures: list[Figures] = []
        for rate, seconds in rates:
            time.sleep(2)
            before, cpu, sent = status(case), sum(map(seconds_of, family(sensor.pid))), sender.sent
            memory = Memory(sensor.pid)
            memory.start()
            began = time.perf_counter()
            here.call(lambda rate=rate, seconds=seconds: sender.run(rate, seconds))
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
        here.close()
        there.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """RATE:SECONDS ..., `--docs`, then options of the sensor behind `--`."""
    given = sys.argv[1:]
    options = given[given.index("--") + 1 :] if "--" in given else []
    given = given[: given.index("--")] if "--" in given else given
    docs = "--docs" in given
    wanted = [one.partition(":") for one in given if one != "--docs"] or [("300000", ":", "60"), ("1000000", ":", "20")]
    return soak([(int(rate), float(seconds)) for rate, _, seconds in wanted], options, sys.argv[1:], docs)


if __name__ == "__main__":
    sys.exit(main())
