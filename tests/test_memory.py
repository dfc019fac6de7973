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
