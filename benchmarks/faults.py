"""What becomes of a sensor and its case when things go wrong, and whether the sums agree: writes docs/reliability.md.

    sudo make faults                             everything, about three minutes
    python benchmarks/faults.py --kills 5 kill disk

Frames come through a pipe (a Modbus request, its answer, and so on; each is a message with a number of its own), so
what was sent, what stands in the segments and what stands in the case can be compared one by one. Nothing leaves the
machine: receivers listen on loopback, the full disk is a tmpfs of a few MiB. The machine's clock is not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
from soak import ANSWER, REQUEST, frame

from sentinel.sinks.base import parse
from sentinel.store.case import Case
from sentinel.store.evidence import read_frames
from sentinel.store.outbox import Outbox
from sentinel.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
SECONDS = 60.0
"""What is waited for happens within so long, or the run has failed."""
CLOCK = """
import sys, time
from pathlib import Path
real, mark = time.time_ns, Path(sys.argv.pop(1))
def set_back():
    return real() - (3_600_000_000_000 if mark.exists() else 0)
time.time_ns = set_back
time.time = lambda: set_back() / 1e9
from sentinel.__main__ import main
sys.exit(main())
"""
"""A sensor whose clock is one hour behind from the moment that a file is there."""


class Feed:
    """A sensor, and a thread that sends frames into its pipe; `sent` counts those that were written whole."""

    def __init__(self, case: Path, *options: str, rate: float = 1000, start: tuple[str, ...] = ("-m", "sentinel")):
        command = [sys.executable, *start, "sensor", "-i", "-", "--case", str(case), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SENTINEL_LANG": "en", "SENTINEL_WEBHOOK_SECRET": "s"}
        self.log = tempfile.TemporaryFile("w+")
        self.case = case
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=self.log, bufsize=0
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

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it."""
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"it did not happen in {SECONDS:g} s; the sensor said: {self.said()[-500:]}")
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


def turns(path: Path) -> list[int]:
    """The transaction numbers in a segment, in order."""
    return [struct.unpack_from(">H", one.data, 54)[0] for one in read_frames(path)]


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


def kill(folder: Path, kills: int) -> Row:
    """kill -9 again and again."""
    row = Row(f"`kill -9` × {kills}, within 0.1 to 4 s or (each fifth) 12 to 16 s, while frames flow through a pipe")
    case = folder / "case"
    config = folder / "sentinel.toml"
    config.write_text("[store]\ncheckpoint_seconds = 1\n")
    chance = random.Random(5)
    sent = []
    for n in range(kills):
        feed = Feed(case, "--config", str(config))
        feed.until(feed.listens)
        # messages are held for ten seconds: some live long enough to have written some
        time.sleep(chance.uniform(12.0, 16.0) if n % 5 == 2 else chance.uniform(0.1, 4.0))
        feed.kill()
        sent.append(feed.sent)
        with Case.open(case, "read") as opened:
            row.expect(opened.check() == [], f"the case was damaged by kill {n + 1}: {opened.check()}")
    last = Feed(case)
    last.until(lambda: last.status().get("frame", 0) > 100)
    row.expect(last.end() == 0, "the last one did not end in good order")
    with Case.open(case, "read") as opened:
        captures = opened.captures().sort("capture").to_dicts()
        row.expect(opened.check() == [], "the case is damaged")
    kept = []
    for capture, count in zip(captures, [*sent, last.sent], strict=True):
        found = turns(Path(capture["path"])) if capture["path"].startswith("/") else []
        row.expect(found == [n // 2 & 0xFFFF for n in range(len(found))], f"a hole in {capture['path']}")
        row.expect(capture["frames"] <= len(found) <= count + 200, f"{capture['path']} holds {len(found)} of {count}")
        kept.append(len(found))
    stored = messages_of(case)
    in_case = [stored.get(capture["capture"], 0) for capture in captures]
    with Case.open(case, "read") as opened:
        last_frames = dict(opened.scan("messages").group_by("capture").agg(pl.col("frame").max()).collect().iter_rows())
    for capture, count in zip(captures, kept, strict=True):
        row.expect(last_frames.get(capture["capture"], 0) <= count, f"messages without frames: {capture['path']}")
    row.expect(kept[-1] == in_case[-1] == last.sent, f"the last: {last.sent} sent, {kept[-1]} kept, {in_case[-1]} read")
    row.note(
        f"sent {sum(sent):,} frames; segments hold {sum(kept[:-1]):,} of them without a hole, the other "
        f"{sum(sent) - sum(kept[:-1]):,} were still on their way; messages in the case {sum(in_case[:-1]):,}, each "
        "with its frame in a segment (the rest can be read from the segments)"
    )
    row.note(f"the sensor after the last kill: sent {last.sent:,} = kept {kept[-1]:,} = messages {in_case[-1]:,}")
    return row


def disk(folder: Path, _kills: int) -> Row:
    """A full disk under the case."""
    row = Row("The disk of the case (16 MiB) fills while frames flow; then there is room again")
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(small)], check=True)
    try:
        case = small / "case"
        feed = Feed(case, rate=20_000)
        code = feed.process.wait(SECONDS)
        feed.pause()
        sentence = feed.said().strip().splitlines()[-1].replace(str(small), "")
        row.expect(code in (4, 7) and "Traceback" not in feed.said(), f"exit code {code}: {sentence}")
        row.note(f"after {feed.sent:,} frames the sensor ended with exit code {code} (`{sentence}`)")
        subprocess.run(["mount", "-o", "remount,size=128m", str(small)], check=True)
        with Case.open(case, "read") as opened:
            row.expect(opened.check() == [], f"the case was damaged: {opened.check()}")
        before = sum(messages_of(case).values())
        row.expect(before > 0, "nothing was kept")
        again = Feed(case)
        again.until(lambda: again.status().get("frame", 0) > 1000)
        row.expect(again.end() == 0, "the next one did not end in good order")
        after = sum(messages_of(case).values())
        row.expect(after - before == again.sent, f"{again.sent} sent, {after - before} added")
        row.note(
            f"the case is good and holds {before:,} messages; the next sensor: sent {again.sent:,} = "
            f"added {after - before:,}"
        )
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    return row


class Hook(ThreadingHTTPServer):
    """A webhook on loopback that can go away and come back."""

    def __init__(self, port: int, got: list[str]):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                got.extend(document["id"] for document in body["documents"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """Nothing."""

        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def leave(self) -> None:
        self.shutdown()
        self.server_close()


def sink(folder: Path, _kills: int) -> Row:
    """A receiver that is not there, comes, goes and comes back."""
    row = Row("A receiver is away for 4 s, there, away for 4 s, and there again, while frames flow")
    case = folder / "case"
    got: list[str] = []
    config = folder / "sentinel.toml"
    config.write_text("[store]\ncheckpoint_seconds = 1\n[health]\nsink_seconds = 2\n")
    hook = Hook(0, got)
    port = hook.server_port
    hook.leave()
    uri = f"webhook+http://127.0.0.1:{port}/in?tables=messages"
    feed = Feed(case, "--config", str(config), "--sink", uri, rate=300)

    def down() -> bool:
        return any(one["down"] > 2 for one in feed.status().get("sinks", ()))

    def more(before: int) -> bool:
        return len(got) > before

    for leaves in (True, False):
        feed.until(down)
        time.sleep(2)
        hook = Hook(port, got)
        feed.until(partial(more, len(got)))
        feed.until(lambda: not down())
        if leaves:
            hook.leave()
    row.expect(feed.end() == 0, "the sensor did not end in good order")
    hook.leave()
    stored = sum(messages_of(case).values())
    with Case.open(case, "read") as opened, Outbox(opened, parse(uri).receiver, look_only=True) as outbox:
        counts = outbox.counts()["messages"]
        alerts = set(opened.alerts()["rule"])
    row.expect(feed.sent == stored == counts.sent == len(set(got)), f"{feed.sent}, {stored}, {counts}, {len(set(got))}")
    row.expect("sensor_sink" in alerts, "nobody was told")
    row.note(
        f"sent {feed.sent:,} frames = messages {stored:,} = marked as sent {counts.sent:,} = arrived {len(set(got)):,} "
        f"({len(got) - len(set(got))} came twice, with the same id); `sensor_sink` was raised"
    )
    return row


def rules(folder: Path, _kills: int) -> Row:
    """Broken rules at a reload."""
    row = Row("Rules broken at reload (SIGHUP) three times, then mended, while frames flow")
    case, own = folder / "case", folder / "rules"
    own.mkdir()
    feed = Feed(case, "--rules", str(own))
    feed.until(lambda: feed.status().get("frame", 0) > 100)

    def refused(times: int) -> bool:
        return feed.said().count("broken0.yml") >= times

    for n in range(3):
        (own / f"broken{n}.yml").write_text("title: [")
        feed.process.send_signal(signal.SIGHUP)
        feed.until(partial(refused, n + 1))
    for path in own.iterdir():
        path.unlink()
    feed.process.send_signal(signal.SIGHUP)
    feed.until(lambda: "were read again" in feed.said())
    row.expect(feed.end() == 0, "the sensor did not end in good order")
    stored = sum(messages_of(case).values())
    row.expect(stored == feed.sent, f"{feed.sent} sent, {stored} messages")
    row.note(f"each time the file was named and the old rules stayed; sent {feed.sent:,} frames = messages {stored:,}")
    return row


def clock(folder: Path, _kills: int) -> Row:
    """A clock that is set back."""
    row = Row("The clock of sensor and frames is set back by an hour (in the process; the machine's own stays)")
    case, mark = folder / "case", folder / "mark"
    feed = Feed(case, start=("-c", CLOCK, str(mark)))
    feed.until(lambda: feed.status().get("frame", 0) > 1000)
    mark.touch()
    feed.offset_ns = -3_600_000_000_000
    before = feed.sent
    feed.until(lambda: feed.status().get("clock_steps", 0) == 1 and feed.status()["frame"] > before + 3000)
    row.expect(feed.end() == 0, "the sensor did not end in good order")
    stored = sum(messages_of(case).values())
    with Case.open(case, "read") as opened:
        alerts = set(opened.alerts()["rule"])
        row.expect(opened.check() == [], "the case is damaged")
    row.expect(stored == feed.sent, f"{feed.sent} sent, {stored} messages")
    row.expect("sensor_clock_step" in alerts, "nobody was told")
    row.note(f"`sensor_clock_step` was raised; sent {feed.sent:,} frames = messages {stored:,}")
    return row


FAULTS = {"kill": kill, "disk": disk, "sink": sink, "rules": rules, "clock": clock}


def page(rows: list[Row], command: str) -> str:
    """The page of the results."""
    said = [
        "<!-- Written by benchmarks/faults.py (make faults): edit that, not this file. -->",
        "# Reliability",
        "",
        f"`{command}` printed this (Sentinel {VERSION}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}). "
        "Frames come through a pipe, each is a message with a number of its own: what was sent, what the "
        "segments hold and what the case holds are compared one by one, "
        "and `Case.check` looks through the case after every fault.",
        "",
        "| what was done | what came of it | sums |",
        "| --- | --- | --- |",
    ]
    for row in rows:
        verdict = "agree" if not row.wrong else "**differ**: " + "; ".join(row.wrong)
        said.append(f"| {row.what} | {'; '.join(row.found)} | {verdict.replace('|', '/')} |")
    said += [
        "",
        "Elsewhere: a sensor killed on a port, pulled cables, and a disk that refuses segments alone "
        "(`tests/test_sensor_loop.py`, `tests/test_cli_sensor.py`); losses at rates beyond what the machine stands "
        "([the sensor](sensor.md#figures)); a real Elasticsearch that is killed, full or refuses "
        "(`tests/test_sinks_elasticsearch.py`).",
        "",
    ]
    return "\n".join(said)


def main() -> int:
    """Exit code 0 where all sums agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", choices=[*FAULTS, []], help="only these, and no page is written")
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    rows = []
    for name in given.faults or FAULTS:
        folder = Path(tempfile.mkdtemp(prefix=f"sentinel-{name}-"))
        try:
            row = FAULTS[name](folder, given.kills)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        rows.append(row)
        print(f"{row.what}\n  " + "\n  ".join(row.found + [f"WRONG: {text}" for text in row.wrong]), flush=True)
    if not given.faults:
        PAGE.write_text(page(rows, "make faults"), encoding="utf-8")
    return 1 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
