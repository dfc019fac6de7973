"""A small process from which workers come: it has the ports, no threads and no case, so it can fork at any time.

The process with the case has threads and must not fork; and since the ports stay open here, what arrives while a
worker is replaced waits in its ring, and no other worker gets its flows.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 0.5
Work = Callable[[int, socket.socket, dict[str, Any]], None]
_log = logging.getLogger(__name__)


class Nursery:
    """The process, as the one with the case sees it. Make it before any thread is started."""

    def __init__(self, work: Work):
        """`work(slot, socket, order)` is what a worker does."""
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            self._control.close()
            _serve(far, work)
            os._exit(0)
        far.close()

    def start(self, slot: int, order: dict[str, Any]) -> socket.socket:
        """A new worker; the socket to it. OSError where the nursery is gone."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            socket.send_fds(self._control, [json.dumps([slot, order]).encode("ascii")], [far.fileno()])
        return near

    def close(self) -> None:
        """End it and all workers that still run."""
        self._control.close()
        os.waitpid(self.pid, 0)


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that forked it ends, however."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _serve(control: socket.socket, work: Work) -> None:
    """The nursery: fork when told, until nobody is there to tell."""
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([control], [], [], LOOK_SECONDS)
        while _reaped():
            continue
        if not ready:
            continue
        data, held, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not data:
            return
        slot, order = json.loads(data)
        with socket.socket(fileno=held[0]) as near:
            if os.fork() == 0:
                control.close()
                _begin(work, slot, near, order)


def _begin(work: Work, slot: int, near: socket.socket, order: dict[str, Any]) -> None:
    """A worker, from its first moment to its last."""
    code = 1
    try:
        die_with_parent()
        work(slot, near, order)
        code = 0
    except BaseException:
        _log.exception("worker %d failed", slot)
    finally:
        os._exit(code)


def _reaped() -> bool:
    """Whether a worker that had ended was taken note of."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    if pid and status:
        _log.warning("worker process %d ended with %d", pid, os.waitstatus_to_exitcode(status))
    return pid != 0
