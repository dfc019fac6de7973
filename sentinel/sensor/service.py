"""Life as a service: signals, privileges given away, the service manager told (systemd, by its own plain protocol)."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sentinel.errors import UsageError
from sentinel.sensor.upkeep import Orders

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _CLEAR_ALL = 38, 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63


def tell(state: str) -> None:
    """Tell the service manager (sd_notify(3)); nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        try:
            out.sendto(state.encode(), name)
        except OSError:  # a manager that went away must not end the capture
            return


def user_of(name: str) -> pwd.struct_passwd | None:
    """The user to become; None for nobody else. UsageError where there is no such user, or one may not change."""
    if not name:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError("there is no user {name} on this machine", name=name) from error
    if os.geteuid() not in (0, found.pw_uid):
        raise UsageError("only root can become the user {name}; start as root, or as that user", name=name)
    return found


def give_up_privileges(user: pwd.struct_passwd | None) -> None:
    """Become `user`, if one is given, and let go of every capability for good: the sockets are open, none is needed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if user is not None and os.geteuid() != user.pw_uid:
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if user is not None or os.geteuid() != 0:
        libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
        header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
        libc.capset(header, bytes(24))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


@contextmanager
def signals(orders: Orders) -> Iterator[None]:
    """While it lasts: SIGTERM and SIGINT end in good order, SIGHUP reloads, SIGUSR1 asks for the status."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        orders.stop = True

    def reload(_number: int, _frame: FrameType | None) -> None:
        orders.reload = True

    def report(_number: int, _frame: FrameType | None) -> None:
        orders.report = True

    wanted = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload, signal.SIGUSR1: report}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
