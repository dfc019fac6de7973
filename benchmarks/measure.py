"""One command in a fresh process: wall time, processor time, peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAID = 1 << 20
"""Characters of what a command prints that are read: a table of a million lines is not, see `run`."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took. A process that it waited for counts with it; of memory, the larger of the two."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str
    errors: str


class Failed(Exception):
    """A command that ended with an error or took too long: the sentence says which."""


def run(command: Sequence[str], cwd: Path, timeout: float, extra: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end. Raises Failed after `timeout` seconds, or where it ends with an error.

    The peak is that of the kernel (ru_maxrss), which begins with what the calling process held: keep that small.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **(extra or {})}
        )
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, errors = out.read(SAID), err.read(SAID)
    name = Path(command[0]).name
    if seconds >= timeout:
        raise Failed(f"{name} was stopped after {timeout:.0f} s")
    if process.returncode != 0:
        raise Failed(f"{name} ended with {process.returncode}: {errors.strip()[-300:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, usage.ru_maxrss / 1024, output, errors)


def median(values: Iterable[float]) -> float:
    """The median of at least one value."""
    return statistics.median(values)


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"processor": model, "cores": os.cpu_count() or 0, "load_before": f"{os.getloadavg()[0]:.2f}"}
