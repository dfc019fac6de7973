"""A cable between two namespaces, a sensor at one end, and frames that are sent at the other."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import PATIENCE, until  # noqa: F401  (whoever has a stage waits)

from sentinel.exercise.namespaces import Namespace, available
from sentinel.store.evidence import read_frames

ROOT = Path(__file__).resolve().parents[1]
REASON = available()
needs_namespaces = pytest.mark.skipif(bool(REASON), reason=f"no network namespaces: {REASON}")


class Cable:
    """Two namespaces; what is sent into `here` (w0) comes out of w1 in `there`."""

    def __init__(self) -> None:
        self.here, self.there = Namespace(), Namespace()
        self.here.ip(
            f"link add w0 type veth peer name w1 netns /proc/self/fd/{self.there.fd}",
            "link set w0 addrgenmode none up",
            keep=(self.there.fd,),
        )
        self.there.ip("link set w1 addrgenmode none up")
        self.running: list[subprocess.Popen[str]] = []

    def sensor(self, case: Path, *options: str, ready: bool = True) -> subprocess.Popen[str]:
        """A sensor at the far end; `ready`: wait until it listens."""
        command = [sys.executable, "-m", "sentinel", "sensor", "-i", "w1", "--case", str(case), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SENTINEL_LANG": "en"}
        process = self.there.call(
            lambda: subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        )
        self.running.append(process)
        if ready:
            assert process.stderr is not None
            said = [process.stderr.readline()]
            while said[-1] and not said[-1].startswith("listening at w1"):
                said.append(process.stderr.readline())
            assert said[-1], said
        return process

    def send(self, path: Path, pace: float = 0.0, first: int = 0, last: int | None = None) -> int:
        """Send frames of a capture, with its own pauses up to `pace` seconds; how many."""

        def work() -> int:
            sent = 0
            before = None
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
                out.bind(("w0", 0))
                for frame in list(read_frames(path))[first:last]:
                    if before is not None and pace:
                        time.sleep(min(max(0.0, (frame.time_ns - before) / 1e9), pace))
                    before = frame.time_ns
                    out.send(frame.data)
                    sent += 1
            return sent

        return self.here.call(work)

    def sent_by_sensor(self) -> int:
        """Frames that left the sensor's interface, as the kernel counted them."""

        def work() -> int:
            for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
                name, colon, numbers = line.partition(":")
                if colon and name.strip() == "w1":
                    return int(numbers.split()[9])
            raise AssertionError("no w1")

        return self.there.call(work)

    def close(self) -> None:
        """End every sensor that still runs, and let the namespaces go."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()
        self.here.close()
        self.there.close()


@contextmanager
def cable() -> Iterator[Cable]:
    """A cable that is taken away whatever happens."""
    made = Cable()
    try:
        yield made
    finally:
        made.close()


def status(case: Path) -> dict:
    """The sensor's own view; empty where it has not looked yet."""
    try:
        return json.loads((case / "status.json").read_text())
    except FileNotFoundError:
        return {}


def stop(process: subprocess.Popen[str]) -> None:
    """SIGTERM; it must end in good order."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0, process.stderr.read() if process.stderr is not None else ""
