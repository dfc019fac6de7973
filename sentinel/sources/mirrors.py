"""Mirror sessions that end at this machine: switches that send what they mirror in VXLAN, TZSP or ERSPAN.

Each datagram becomes a frame with the IP header around it, so who sent it, and in which tunnel it came, stays with it
(`wire/datagrams.py`). Nothing is ever sent, and since a socket takes the datagrams, the kernel has no reason to answer
that nobody listens. Source: udp(7), raw(7), socket(7), linux/sock_diag.h for SO_MEMINFO.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import mmap
import os
import socket
import struct
import sys
import urllib.parse
from dataclasses import dataclass

import numpy as np

from sentinel.errors import InputError
from sentinel.sources.live import Counters
from sentinel.wire.datagrams import CONTROL, HEAD, MESSAGE, NAME, SLOT, Sender, pack
from sentinel.wire.ring import Drained

KINDS = {"vxlan": 4789, "tzsp": 37008, "erspan": 0}
"""Scheme -> UDP port of the protocol (RFC 7348; TZSP's usual one); 0: inside GRE, which has none."""
GRE = 47
AT_ONCE = 64
"""Datagrams that one call takes from the kernel."""
MAX_SENDERS = 256
"""Senders that are told apart; what comes from others is counted together as `OTHERS`."""
OTHERS = "others"
LINKTYPE_RAW = 101
SO_RCVBUFFORCE, SO_TIMESTAMPNS, SO_MEMINFO = 33, 35, 55
IP_PKTINFO, IP_RECVTTL, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT = 8, 12, 49, 51
DROPS = 8
"""Place of the drops in what SO_MEMINFO tells: what SO_RXQ_OVFL would tell with the next datagram only."""
_HEAD = np.dtype({
    "names": ["name", "name_size", "parts", "part_count", "control", "control_size", "flags", "size"],
    "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
    "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
    "itemsize": MESSAGE,
})  # fmt: skip
"""struct mmsghdr of a 64-bit machine."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where datagrams are received. `allowed`: networks of the senders that are listened to, empty for all."""

    kind: str
    address: str
    port: int
    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, uri: str) -> Mirror:
        """Read `vxlan://ADDRESS[:PORT][?from=NETWORK,...]`, `tzsp://` likewise, or `erspan://ADDRESS`. InputError."""
        try:
            parts = urllib.parse.urlsplit(uri)
            query = urllib.parse.parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            address = ipaddress.ip_address(parts.hostname or "")
            usual = KINDS[parts.scheme]
            networks = ",".join(query.pop("from", [])).split(",") if "from" in query else []
            allowed = tuple(ipaddress.ip_network(name, strict=False) for name in networks)
            if query or parts.path or parts.fragment or parts.username is not None or (usual == 0 and parts.port):
                raise ValueError(uri)
            if parts.port == 0 or (usual == 0 and address.version == 6):
                raise ValueError(uri)
        except (ValueError, KeyError) as error:
            raise InputError(
                "{name}: write vxlan://ADDRESS[:PORT], tzsp://ADDRESS[:PORT] or erspan://IPV4-ADDRESS, and behind it "
                "?from=NETWORK,NETWORK where others than these senders shall be ignored",
                name=uri,
            ) from error
        return cls(parts.scheme, str(address), parts.port or usual, allowed)

    def allows(self, address: str) -> bool:
        """Whether this sender is listened to."""
        one = ipaddress.ip_address(address)
        return not self.allowed or any(one in network for network in self.allowed)


def is_mirror(name: str) -> bool:
    """Whether a source is a mirror session, and no interface or stream."""
    return name.partition("://")[0] in KINDS and "://" in name


class MirrorPort:
    """A mirror session as a port. Use it as a context manager, or call `close`."""

    def __init__(self, name: str, *, number: int = 0, queue_mib: int = 64):
        """Open the socket. InputError says, in one sentence, what is wrong: the URI, the address, the port, the right.

        `number`: the interface's number in the pcapng that comes out. `queue_mib`: memory in which the kernel lets
        datagrams wait; without the right to ask for it (CAP_NET_ADMIN), as much as net.core.rmem_max allows.
        """
        if sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != 8:
            raise InputError("mirror sessions are received on 64-bit little-endian machines only")
        self.name = name
        self.number = number
        self.link = LINKTYPE_RAW
        self.counters = Counters()
        self.mirror = Mirror.of(name)
        self._senders: dict[int | bytes, Sender] = {}
        self._names: dict[str, Sender] = {}
        self._kernel = self._told = 0
        self._first = self._count = 0
        try:
            self._socket = self._opened(queue_mib << 20)
        except OSError as error:
            raise _refusal(name, error) from error
        self._data = mmap.mmap(-1, AT_ONCE * SLOT)  # only pages that datagrams really fill take memory
        self._heads = np.zeros(AT_ONCE, _HEAD)
        self._addresses = np.zeros(AT_ONCE * NAME, np.uint8)
        self._controls = np.zeros(AT_ONCE * CONTROL, np.uint8)
        self._slots = np.frombuffer(self._data, np.uint8)
        # as memoryviews: uncompiled, the bytes of an array would be numbers that overflow
        self._views = [
            array.data for array in (self._heads.view(np.uint8), self._addresses, self._controls, self._slots)
        ]
        steps = np.arange(AT_ONCE, dtype=np.uint64)
        self._parts = np.empty((AT_ONCE, 2), np.uint64)
        self._parts[:, 0] = self._slots.ctypes.data + HEAD + steps * SLOT
        self._parts[:, 1] = SLOT - HEAD
        self._heads["name"] = self._addresses.ctypes.data + steps * NAME
        self._heads["parts"] = self._parts.ctypes.data + steps * 16
        self._heads["part_count"] = 1
        self._heads["control"] = self._controls.ctypes.data + steps * CONTROL
        self._receive = ctypes.CDLL(None, use_errno=True).recvmmsg

    def _opened(self, room: int) -> socket.socket:
        mirror = self.mirror
        family = socket.AF_INET6 if ":" in mirror.address else socket.AF_INET
        kind, protocol = (socket.SOCK_DGRAM, 0) if mirror.port else (socket.SOCK_RAW, GRE)
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        try:
            try:
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, room)
            except PermissionError:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
                sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            sock.bind((mirror.address, mirror.port))
        except OSError:
            sock.close()
            raise
        return sock

    @property
    def over(self) -> bool:
        """A mirror session never ends."""
        return False

    def fileno(self) -> int:
        """For select and poll: readable while a datagram waits."""
        return self._socket.fileno()

    def drain(self, out: memoryview, done: Drained, max_blocks: int = 1 << 30) -> bool:
        """Write waiting datagrams to `out` as pcapng packet blocks; True where some still wait for room."""
        frames, octets = done.frames, done.bytes
        for _ in range(max_blocks):
            if self._first == self._count and not self._take():
                break
            self._first = pack(
                *self._views, self._first, self._count, KINDS[self.mirror.kind], self.number, out, done,
                self._senders, self._meet,
            )  # fmt: skip
            if self._first < self._count:
                break
        self.counters.frames += done.frames - frames
        self.counters.bytes += done.bytes - octets
        return self._first < self._count

    def _take(self) -> bool:
        """Take some datagrams from the kernel; False where none waits, or an error does."""
        heads = self._heads
        heads["name_size"], heads["control_size"], heads["flags"] = NAME, CONTROL, 0
        count = self._receive(
            self._socket.fileno(), ctypes.c_void_p(heads.ctypes.data), AT_ONCE, socket.MSG_DONTWAIT, None
        )
        self._first, self._count = 0, max(0, count)
        return count > 0

    def _meet(self, key: int | bytes) -> Sender:
        """The counters of an address that was not heard before."""
        address = str(ipaddress.ip_address(key))
        name = address if len(self._names) < MAX_SENDERS else OTHERS
        if not self.mirror.allows(address):
            name = ""
        sender = self._names.get(name)
        if sender is None:
            sender = self._names[name] = Sender(name != "")
        if len(self._senders) < 16 * MAX_SENDERS:
            self._senders[key] = sender
        return sender

    def statistics(self) -> Counters:
        """The counters, brought up to date.

        `dropped`: what did not fit into the kernel's queue, or, where ERSPAN numbers what it sends and more of these
        numbers never came, as many; what the kernel dropped is missing there as well, and counted once.
        """
        raw = self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
        told = struct.unpack_from("I", raw, 4 * DROPS)[0]
        self._kernel += (told - self._told) & 0xFFFFFFFF
        self._told = told
        heard = {}
        missing = 0
        for name, sender in self._names.items():
            lost = 0
            for sequence in sender.sequences.values():
                sequence.settle_if_quiet()
                lost += sequence.missing
            missing += lost
            if sender.allowed:
                heard[name] = {"frames": sender.frames, "bytes": sender.bytes, "missing": lost}
            else:
                self.counters.refused = sender.frames
        self.counters.dropped = max(self.counters.dropped, self._kernel, missing)
        self.counters.senders = heard
        return self.counters

    def clear_error(self) -> int:
        """The error that waits at the socket, taken away; 0 for none."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def __enter__(self) -> MirrorPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refusal(name: str, error: OSError) -> InputError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return InputError(
            "{name}: no permission to open this socket; run as root, or grant it to the service with "
            "AmbientCapabilities=CAP_NET_RAW CAP_NET_BIND_SERVICE",
            name=name,
        )
    if error.errno == errno.EADDRINUSE:
        return InputError("{name}: another program receives at this port; choose another one, or stop it", name=name)
    if error.errno == errno.EADDRNOTAVAIL:
        return InputError("{name}: this machine has no such address; 0.0.0.0 stands for all it has", name=name)
    return InputError("{name}: cannot be received ({why})", name=name, why=os.strerror(error.errno or 0))
