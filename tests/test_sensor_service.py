"""Life as a service: the manager is told, and privileges are gone for good."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.errors import UsageError
from sentinel.sensor.service import signals, tell, user_of
from sentinel.sensor.upkeep import Orders

ROOT = Path(__file__).resolve().parents[1]


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        tell("READY=1")
        assert manager.recv(100) == b"READY=1"
    tell("WATCHDOG=1")  # it has gone away
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell("READY=1")


def test_signals_become_orders() -> None:
    orders = Orders()
    before = signal.getsignal(signal.SIGHUP)
    with signals(orders):
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert orders == Orders(stop=True, reload=True, report=True)
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_user_that_cannot_be_become() -> None:
    assert user_of("") is None
    with pytest.raises(UsageError, match="no user"):
        user_of("nobody-of-that-name")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_privileges_are_gone_for_good() -> None:
    code = (
        "import os, socket\n"
        "from sentinel.sensor.service import give_up_privileges, user_of\n"
        "give_up_privileges(user_of('nobody'))\n"
        "lines = dict(l.split(':', 1) for l in open('/proc/self/status'))\n"
        "names = 'CapPrm', 'CapEff', 'CapAmb', 'NoNewPrivs'\n"
        "print(os.getuid(), *(lines[name].strip() for name in names), os.getgroups())\n"
        "try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)\n"
        "except PermissionError: print('refused')\n"
        "try: os.setuid(0)\n"
        "except PermissionError: print('refused')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    first, *rest = run.stdout.splitlines()
    assert first.split()[0] != "0" and first.split()[1:] == ["0" * 16] * 3 + ["1", "[]"]
    assert rest == ["refused", "refused"]
