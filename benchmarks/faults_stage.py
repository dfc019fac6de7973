"""What every fault of `faults.py` needs: a sensor under load through a pipe, and a line of the table."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from injector import ANSWER, REQUEST, frame

from sentinel.store.case import Case

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 180.0
"""What is waited for happens within so long, or the run has failed."""


class Feed:
    """A sensor, and a thread that sends frames into its pipe; `sent` counts those that were written whole."""

    def __init__(self, case: Path, *options: str, rate: float = 1000, start: tuple[str, ...] = ("-m", "sentinel")):
        command = [sys.executable, *start, "sensor", "-i", "-", "--case", str(case), *options]
        own = {"PYTHONPATH": str(ROOT), "SENTINEL_LANG": "en", "SENTINEL_WEBHOOK_SECRET": "s"}
        self._environment = {**os.environ, **own}
        self.log = tempfile.TemporaryFile("w+")
        self.case = case
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stderr=self.log, bufsize=0
        )
        self.sent = 0
        self.offset_ns = 0
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        began = time.monotonic()
        with suppress(BrokenPipeError):
            pipe.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
            while not self._stop.is_set():
                due = int((time.monotonic() - began) * self._rate) - self.sent
                if due <= 0:
                    time.sleep(0.002)
                    continue
                data = b"".join(self._frame(self.sent + n) for n in range(min(due, 200)))
                whole = memoryview(data)
                while whole:
                    whole = whole[pipe.write(whole) :]
                self.sent += min(due, 200)

    def _frame(self, n: int) -> bytes:
        turn, client = n // 2, n % 2 == 0
        data = bytearray(frame(client, 0))
        mine, other = turn * REQUEST + 1000, turn * ANSWER + 1000
        seq, ack = (mine, other) if client else (other, mine + REQUEST)
        struct.pack_into(">II", data, 38, seq, ack)
        struct.pack_into(">H", data, 54, turn & 0xFFFF)
        now = time.time_ns() + self.offset_ns
        return struct.pack("<IIII", now // 10**9, now % 10**9, len(data), len(data)) + bytes(data)

    def pause(self) -> int:
        """Send no more; how many were sent."""
        self._stop.set()
        self._thread.join()
        return self.sent

    def end(self) -> int:
        """Send no more, close the pipe, and wait for the end in good order; the exit code."""
        self.pause()
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(SECONDS)

    def send_rest(self, uri: str, all_of_it: bool = True) -> None:
        """What the last ten seconds did not bring to a receiver waits in the case: send it, when it has ended."""
        command = [sys.executable, "-m", "sentinel", "send", "--case", str(self.case), "--sink", uri]
        subprocess.run(command, cwd=ROOT, env=self._environment, check=all_of_it, capture_output=True)

    def kill(self) -> None:
        """kill -9 while frames are on their way."""
        self.process.kill()
        self.process.wait()
        self.pause()

    def said(self) -> str:
        """What it wrote to standard error."""
        self.log.flush()
        with open(f"/proc/self/fd/{self.log.fileno()}", encoding="utf-8") as file:
            return file.read()

    def status(self) -> dict[str, Any]:
        """Its own view; empty where it did not look yet."""
        with suppress(FileNotFoundError):
            found = json.loads((self.case / "status.json").read_text())
            return found if found["pid"] == self.process.pid else {}
        return {}

    def listens(self) -> bool:
        """Whether its port is open and its case begun."""
        return self.status() != {} or "listening" in self.said()

    def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"it did not happen in {seconds:g} s; the sensor said: {self.said()[-500:]}")
            time.sleep(0.05)


class Row:
    """One line of the table: what was done, what came of it, and whether everything agreed."""

    def __init__(self, what: str):
        self.what = what
        self.found: list[str] = []
        self.wrong: list[str] = []

    def note(self, text: str) -> None:
        self.found.append(text)

    def expect(self, good: bool, text: str) -> None:
        """Something that must hold."""
        if not good:
            self.wrong.append(text)


def messages_of(folder: Path) -> dict[int, int]:
    """Capture -> messages in the case. ValueError where one stands twice, or the case is not good."""
    with Case.open(folder, "read") as case:
        numbers = case.scan("messages").select("message", "capture", "frame").collect()
        if numbers["message"].n_unique() != numbers.height or numbers.unique(["capture", "frame"]).height != len(
            numbers
        ):
            raise ValueError("a message stands twice")
        if case.check():
            raise ValueError(f"the case is damaged: {case.check()}")
        return dict(numbers.group_by("capture").len().iter_rows())


class Watch:
    """What a sensor says of itself, looked at every second: memory, latency of alerts, what stands in the case."""

    def __init__(self, feed: Feed):
        self._feed = feed
        self.memory: list[int] = []

    def wait(self, seconds: float) -> None:
        """Look on for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1)
            if found := self._feed.status():
                self.memory.append(found["memory"] >> 20)
