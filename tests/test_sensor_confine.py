"""Seccomp: in a child process, for there is no way back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from waiting import PATIENCE

from sentinel.sensor import confine
from sentinel.sensor.confine import Confinement, version

ROOT = Path(__file__).resolve().parents[1]
needs_seccomp = pytest.mark.skipif(not version(), reason="libseccomp is not installed")


def child(code: str, *, kill: bool = False) -> subprocess.CompletedProcess[str]:
    begin = f"from sentinel.sensor.confine import confine\nprint(confine({kill}), flush=True)\n"
    return subprocess.run(
        [sys.executable, "-c", begin + code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


REFUSED = """
import ctypes, os, socket, subprocess
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)

def call(function, *values):
    if function(*values) < 0:
        raise OSError(ctypes.get_errno(), "")

tries = {
    "execve": lambda: os.execv("/bin/true", ["true"]),
    "a program": lambda: subprocess.run(["/bin/true"]),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
    "packet datagrams": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0),
    "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 47),
    "raw IPv6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 47),
    "AF_ALG": lambda: socket.socket(38, socket.SOCK_SEQPACKET, 0),
    "IPX": lambda: socket.socket(4, socket.SOCK_DGRAM, 0),
    "unshare": lambda: call(libc.unshare, 0x40000000),
    "clone": lambda: call(libc.syscall, 56 if os.uname().machine == "x86_64" else 220, 0x10000000 | 17, 0, 0, 0, 0),
    "mount": lambda: call(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None),
    "ptrace": lambda: call(libc.ptrace, 0, 0, 0, 0),
    "chroot": lambda: os.chroot("/"),
    "mknod": lambda: os.mknod("/tmp/sentinel-node"),
    "sethostname": lambda: socket.sethostname("x"),
}
for name, what in tries.items():
    try:
        what()
    except PermissionError:
        print(name)
"""


@needs_seccomp
def test_what_a_sensor_never_needs_is_refused() -> None:
    run = child(REFUSED)
    assert run.returncode == 0, run.stderr
    first, *refused = run.stdout.splitlines()
    assert first == "Confinement(on=True, why='')"
    wanted = [line.split('"')[1] for line in REFUSED.splitlines() if line.startswith('    "')]
    assert refused == wanted


GOES_ON = """
import signal, socket, sqlite3, sys, tempfile, threading
from pathlib import Path
import polars as pl
from sentinel.rules.load import RuleSet, shipped
from sentinel.store.case import Case

folder = Path(tempfile.mkdtemp())
frame = pl.DataFrame({"a": range(100_000)})
frame.write_parquet(folder / "a.parquet", compression="zstd")
assert pl.read_parquet(folder / "a.parquet").height == pl.scan_parquet(folder / "a.parquet").collect().height
with sqlite3.connect(folder / "a.db") as db:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE t (n)")
found = []
with socket.create_server(("127.0.0.1", 0)) as server:
    thread = threading.Thread(target=lambda: found.append(server.accept()[0].recv(9)))
    thread.start()
    with socket.create_connection(server.getsockname()) as out:
        out.sendall(b"tcp")
    thread.join()
assert found == [b"tcp"]
assert socket.getaddrinfo("localhost", 80)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close()
signal.signal(signal.SIGHUP, lambda *_: found.append(len(RuleSet.load([shipped()]).rules)))
signal.raise_signal(signal.SIGHUP)
assert found[1] > 20
with Case.open(folder / "case") as case:
    with case.begin_run([{"path": "x"}]) as run:
        run.finish(run.captures, [], [], [], {})
import os
if os.fork() == 0:
    os._exit(7)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
print("goes on")
"""


@needs_seccomp
def test_all_else_goes_on() -> None:
    run = child(GOES_ON)
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["goes on"]), run.stderr


@needs_seccomp
def test_threads_that_run_already_are_confined_as_well() -> None:
    code = """
import socket, threading
go, said = threading.Event(), []
def work():
    go.wait()
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        said.append("refused")
thread = threading.Thread(target=work)
thread.start()
confine()
go.set()
thread.join()
print(said)
"""
    begin = "from sentinel.sensor.confine import confine\n"
    run = subprocess.run(
        [sys.executable, "-c", begin + code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert run.stdout == "['refused']\n", run.stderr


@needs_seccomp
def test_it_may_end_the_process_instead() -> None:
    run = child("import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)\nprint('went on')", kill=True)
    assert run.returncode < 0 and "went on" not in run.stdout


def test_without_the_library_it_is_off_and_says_so(monkeypatch) -> None:
    monkeypatch.setattr(confine, "LIBRARY", "libseccomp-none.so")
    before = set(threading.enumerate())
    assert confine.confine() == Confinement(False, "libseccomp-none.so is not installed")
    assert version() == "" and set(threading.enumerate()) <= before


@needs_seccomp
def test_the_sensor_says_that_it_is_on(tmp_path: Path) -> None:
    code = """
import sys, threading, json
from pathlib import Path
from sentinel.sensor.config import Config
from sentinel.sensor.upkeep import Orders
from sentinel.sensor.start import run
config, orders, folder = Config(), Orders(), Path(sys.argv[1])
(folder / "dropped").mkdir()
config.capture.interfaces = [f"follow:{folder / 'dropped'}"]
config.life.seccomp = sys.argv[2]
def wait():
    while not (folder / "case/status.json").exists():
        threading.Event().wait(0.05)
    orders.stop = True
run(lambda: config, folder / "case", orders, lambda sensor: threading.Thread(target=wait, daemon=True).start())
"""
    said = {}
    for mode in ("auto", "off"):
        folder = tmp_path / mode
        folder.mkdir()
        run = subprocess.run(
            [sys.executable, "-c", code, str(folder), mode], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
        assert run.returncode == 0, run.stderr
        said[mode] = json.loads((folder / "case/status.json").read_text())["seccomp"]
    assert said == {"auto": "on", "off": "off"}
