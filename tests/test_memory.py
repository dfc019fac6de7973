"""The C library is asked for nothing that it cannot do; what it does with memory is measured by the benchmarks."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from sentinel import memory


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_what_was_freed_is_kept_and_given_back() -> None:
    code = """
import numpy as np
from sentinel import memory
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
def used_and_freed():
    del [np.ones(1 << 20) for _ in range(4)][:]
memory.keep()
used_and_freed()
kept = resident()
memory.give_back()
print(kept - resident() > 16 << 20)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


def test_another_c_library_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    memory.keep()
    memory.give_back()


def test_what_is_held_is_what_the_system_counts() -> None:
    before = memory.held()
    more = bytearray(os.urandom(32 << 20))
    assert before > 1 << 20 and memory.held() - before > len(more) // 2


@pytest.mark.parametrize(("said", "allowed"), [("1073741824\n", 1 << 30), ("max\n", 0), (None, 0)])
def test_the_bound_of_the_control_group(tmp_path, said, allowed) -> None:
    (tmp_path / "cgroup").write_text("1:cpu:/x\n0::/system.slice/sentinel.service\n")
    place = tmp_path / "system.slice" / "sentinel.service"
    place.mkdir(parents=True)
    if said is not None:
        (place / "memory.max").write_text(said)
    assert memory.allowed(tmp_path / "cgroup", tmp_path) == allowed
    assert memory.allowed(tmp_path / "none", tmp_path) == 0
