"""How much the sensor stands: a sender with a ring of its own, a cable between two namespaces, and what was lost.

    sudo make soak                       300,000 frames/s for 60 s, then 1,000,000 frames/s for 20 s
    python benchmarks/soak.py 300000:600

The frames are Modbus/TCP polling of 256 connections (a request, its answer), with numbers that go on as real ones do,
so each is a message. They are written to a ring that the kernel sends from (PACKET_TX_RING), changed in place by numpy.
What is printed per rate: frames sent, read, lost as the sensor counted them (the three must agree), the share of one
core that the sensor took, its memory at the beginning and at the end, and how old alerts were.
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
import time
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


def soak(rates: list[tuple[int, float]], options: list[str]) -> int:
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
        print(sensor.stderr.readline().strip())
        sender = here.call(lambda: Sender("w0"))
        agreed = True
        for rate, seconds in rates:
            time.sleep(2)
            before, cpu, sent = status(case), seconds_of(sensor.pid), sender.sent
            began = time.perf_counter()
            here.call(lambda rate=rate, seconds=seconds: sender.run(rate, seconds))
            took = time.perf_counter() - began
            time.sleep(4)
            after = status(case)
            sent = sender.sent - sent
            port, was = after["ports"][0], before["ports"][0]
            read, lost = port["frames"] - was["frames"], port["dropped"] - was["dropped"]
            agreed = agreed and sent == read + lost
            print(
                f"{sent / took:12,.0f} frames/s for {took:.0f} s: sent {sent:,}, read {read:,}, lost {lost:,} "
                f"({100 * lost / max(sent, 1):.2f} %), sum {'agrees' if sent == read + lost else 'DIFFERS'}; "
                f"cpu {(seconds_of(sensor.pid) - cpu) / took:.2f} of a core; memory {before['memory'] >> 20} -> "
                f"{after['memory'] >> 20} MiB; queue {after['queue']['deepest']}",
                flush=True,
            )
        sensor.send_signal(signal.SIGTERM)
        print(f"the sensor ended with {sensor.wait(120)}", sensor.stderr.read())
        size = sum(p.stat().st_size for p in case.rglob("*") if p.is_file())
        segments = sum(p.stat().st_size for p in (case / "segments").glob("*")) if (case / "segments").exists() else 0
        print(f"case {size - segments:,} bytes, segments {segments:,} bytes for {sender.sent:,} frames")
        return 0 if agreed else 1
    finally:
        here.close()
        there.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """RATE:SECONDS ..., then options of the sensor behind `--`."""
    given = sys.argv[1:]
    options = given[given.index("--") + 1 :] if "--" in given else []
    given = given[: given.index("--")] if "--" in given else given
    rates = [(int(rate), float(seconds)) for rate, _, seconds in (one.partition(":") for one in given)]
    return soak(rates or [(300_000, 60), (1_000_000, 20)], options)


if __name__ == "__main__":
    sys.exit(main())
