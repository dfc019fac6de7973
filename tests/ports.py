"""Ports that a test names before anything listens at them."""

from __future__ import annotations

import itertools
import os
import socket
from pathlib import Path

_FIRST, _COUNT = 12_000, 12_000
_next = itertools.count(os.getpid() * 61)


def unclaimed_port(host: str = "127.0.0.1", kind: int = socket.SOCK_DGRAM) -> int:
    """A port where nothing listens, and which the kernel gives to nobody: those it gives out begin higher up.

    One that it had chosen itself could be another program's by the time it is opened. Two runs of the tests begin to
    look at different places.
    """
    given_out = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for n in itertools.islice(_next, _COUNT):
        number = _FIRST + n % _COUNT if given_out >= _FIRST + _COUNT else 0
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, number))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError(f"no port of {host} is free")
