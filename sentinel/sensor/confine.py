"""What the process may never ask of the kernel any more, once its sockets are open: seccomp, by libseccomp.

A list of what a sensor never needs: other programs, other processes' memory, mounts, modules, clocks, namespaces, new
packet and raw sockets. All else goes on, for the libraries that read, compress and send are large and change. What is
refused fails with EPERM, and the kernel's log names the call (audit type 1326). Source: seccomp(2),
seccomp_rule_add(3), seccomp_attr_set(3). The library is asked through its C interface: what binds it to Python on
package registries has not been kept for years.
"""

from __future__ import annotations

import ctypes
import errno
import socket
from dataclasses import dataclass

LIBRARY = "libseccomp.so.2"
DENIED = (
    # other programs, other processes
    "execve", "execveat", "uselib", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd",
    "kcmp", "userfaultfd", "personality", "modify_ldt",
    # the machine: file systems, modules, kernels, clocks, names
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "mount_setattr", "open_tree", "fsopen",
    "fsconfig", "fsmount", "fspick", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct", "mknod", "mknodat",
    "open_by_handle_at", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "vhangup", "syslog", "iopl", "ioperm", "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime",
    "clock_adjtime64", "adjtimex", "stime", "sethostname", "setdomainname",
    # ways around: programs in the kernel, rings of calls, namespaces, keys
    "bpf", "perf_event_open", "lookup_dcookie", "io_uring_setup", "io_uring_enter", "io_uring_register", "setns",
    "unshare", "add_key", "request_key", "keyctl",
)  # fmt: skip
"""System calls that are refused; one that this machine's architecture has not is passed over."""
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
"""Sockets that may still be opened: receivers, names, the service manager. Raw ones of them may not."""
NAMESPACES = (0x80, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000)
"""CLONE_NEW* of clone(2)."""

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_BAD_ARCHITECTURE, _ALL_THREADS, _LOG = 2, 4, 6
_EQUAL, _AT_LEAST, _MASKED = 4, 5, 7


class _Compare(ctypes.Structure):
    """struct scmp_arg_cmp: argument, comparison, its one or two values."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


@dataclass(frozen=True, slots=True)
class Confinement:
    """Whether it is on; `why` it is not."""

    on: bool
    why: str = ""


def version() -> str:
    """The version of libseccomp on this machine; empty where there is none."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return ""
    library.seccomp_version.restype = ctypes.POINTER(ctypes.c_uint * 3)
    return ".".join(str(n) for n in library.seccomp_version().contents)


def confine(kill: bool = False) -> Confinement:
    """Give up what `DENIED` names for all threads of this process and all that come, for good.

    `kill`: what is refused ends the process. no_new_privs must be set, or the process be root's.
    """
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return Confinement(False, f"{LIBRARY} is not installed")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    if not context:
        return Confinement(False, "libseccomp has no memory")
    try:
        code = _load(library, context, _KILL if kill else _ERRNO | errno.EPERM)
    finally:
        library.seccomp_release(context)
    return Confinement(not code, errno.errorcode.get(-code, str(code)) if code else "")


def _load(library: ctypes.CDLL, context: ctypes.c_void_p, action: int) -> int:
    """Make the rules and hand them to the kernel; 0, or the negative error number of what was refused."""
    for attribute, value in ((_BAD_ARCHITECTURE, action), (_ALL_THREADS, 1), (_LOG, 1)):
        library.seccomp_attr_set(context, attribute, ctypes.c_uint32(value))  # an old kernel logs nothing

    def deny(name: str, *compared: _Compare, with_: int = action) -> int:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return 0
        values = (_Compare * len(compared))(*compared)
        return library.seccomp_rule_add_array(context, ctypes.c_uint32(with_), number, len(compared), values)

    codes = [deny(name) for name in DENIED]
    last = max(FAMILIES)
    codes += [deny("socket", _Compare(0, _EQUAL, family)) for family in range(last) if family not in FAMILIES]
    codes.append(deny("socket", _Compare(0, _AT_LEAST, last + 1)))
    for family in (socket.AF_INET, socket.AF_INET6):  # the type is in the low bits, flags above it
        codes.append(deny("socket", _Compare(0, _EQUAL, family), _Compare(1, _MASKED, 0xF, socket.SOCK_RAW)))
    codes += [deny("clone", _Compare(0, _MASKED, flag, flag)) for flag in NAMESPACES]
    # its flags lie in memory, where no filter looks; the C library then takes clone
    codes.append(deny("clone3", with_=_ERRNO | errno.ENOSYS))
    return next((code for code in codes if code), 0) or library.seccomp_load(context)
