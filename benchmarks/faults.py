"""What becomes of a sensor and its case when things go wrong, and whether the sums agree: writes docs/reliability.md.

    sudo make faults                             everything at once, about ten minutes
    python benchmarks/faults.py --kills 5 kill disk
    python benchmarks/faults.py --outage 20 cluster

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
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import faults_cluster
from faults_stage import ROOT, SECONDS, Feed, Row, messages_of

from sentinel.sinks.base import parse
from sentinel.store.case import Case
from sentinel.store.evidence import read_frames
from sentinel.store.outbox import Outbox
from sentinel.version import VERSION

PAGE = ROOT / "docs" / "reliability.md"
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


def turns(path: Path) -> list[int]:
    """The transaction numbers in a segment, in order."""
    return [struct.unpack_from(">H", one.data, 54)[0] for one in read_frames(path)]


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
    sent.append(last.sent)
    with Case.open(case, "read") as opened:
        captures = opened.captures().sort("capture").to_dicts()
        row.expect(opened.check() == [], "the case is damaged")
        flows = opened.scan("flows").select("flow").collect()["flow"]
        row.expect(flows.n_unique() == len(flows), "a flow stands twice")
    stored = messages_of(case)
    kept = []
    for capture, count in zip(captures, sent, strict=True):
        found = turns(Path(capture["path"]))
        row.expect(found == [n // 2 & 0xFFFF for n in range(len(found))], f"a hole in {capture['path']}")
        row.expect(len(found) <= count + 200, f"{capture['path']} holds {len(found)} of {count}")
        row.expect(
            len(found) == capture["frames"] == stored.get(capture["capture"], 0),
            f"{capture['path']} holds {len(found)} frames, the case {stored.get(capture['capture'], 0)} messages of it",
        )
        kept.append(len(found))
    row.expect(kept[-1] == last.sent, f"the last: {last.sent} sent, {kept[-1]} kept")
    row.note(
        f"sent {sum(sent):,} frames = {sum(kept):,} in the segments, without a hole, + {sum(sent) - sum(kept):,} that "
        f"were still on their way; messages in the case {sum(stored.values()):,}, one for each frame in the segments, "
        "none twice, no flow twice"
    )
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
    feed.send_rest(uri)
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


FAULTS = {"kill": kill, "disk": disk, "sink": sink, **faults_cluster.FAULTS, "rules": rules, "clock": clock}


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
        "([the sensor](sensor.md#figures)); a real Elasticsearch whose certificate is another one "
        "(`tests/test_sinks_elasticsearch.py`); workers, and their head, that are killed "
        "(`tests/test_sensor_crew.py`, `tests/test_sensor_rejoin.py`).",
        "",
    ]
    return "\n".join(said)


def _made(name: str, kills: int) -> Row:
    """Make one fault in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix=f"sentinel-{name}-"))
    try:
        return FAULTS[name](folder, kills)
    except Exception as error:  # a row as well: the others are still being made
        row = Row(name)
        row.expect(False, f"{type(error).__name__}: {error}")
        return row
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Exit code 0 where all sums agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", choices=[*FAULTS, []], help="only these, and no page is written")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--outage", type=float, default=faults_cluster.OUTAGE, help="seconds for which Elasticsearch is away"
    )
    given = parser.parse_args()
    faults_cluster.OUTAGE = given.outage
    names = given.faults or list(FAULTS)
    rows = []
    with ThreadPoolExecutor(len(names)) as pool:  # each of them mostly waits
        for row in pool.map(partial(_made, kills=given.kills), names):
            rows.append(row)
            print(f"{row.what}\n  " + "\n  ".join(row.found + [f"WRONG: {text}" for text in row.wrong]), flush=True)
    if not given.faults:
        PAGE.write_text(page(rows, "make faults"), encoding="utf-8")
    return 1 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
