"""A live port: a packet socket with a ring that the kernel fills (AF_PACKET, TPACKET_V3), read as pcapng.

Nothing is ever sent: the socket is bound to receive, the interface gets no address, and no frame leaves it. What the
kernel dropped because the ring was full is asked of it (PACKET_STATISTICS) and counted. Source: packet(7),
linux/if_packet.h, Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import fcntl
import mmap
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sentinel.errors import InputError
from sentinel.wire.ring import Drained, drain

SOL_PACKET = 263
ADD_MEMBERSHIP, RX_RING, STATISTICS, VERSION, TIMESTAMP, FANOUT, IGNORE_OUTGOING = 1, 5, 6, 10, 17, 18, 23
TPACKET_V3 = 2
MR_PROMISC = 1
FANOUT_DATA, FANOUT_CBPF, FANOUT_UNIQUE = 22, 6, 0x2000
ETH_P_ALL = 0x0003
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A filter that no frame passes."""
HARDWARE = 0x8927
"""SIOCGIFHWADDR: the kind of an interface and its address."""
STAMP_HARDWARE = 1 << 6
"""SOF_TIMESTAMPING_RAW_HARDWARE: the card's own time where it offers one, else the kernel's."""
STATUS_AT, USER = 8, 1
"""Where a block's status stands in it, and its value while the block is ours."""
PACKETS_AT, PACKETS = 12, struct.Struct("<I8xQ")
"""Where the number of its packets stands; behind it, its sequence number."""
LINKTYPES = {1: 1, 772: 1, 801: 105, 802: 119, 803: 127, 512: 9}
"""ARPHRD_* of an interface -> LINKTYPE_* of what it delivers; any other is not captured."""

BLOCK = 1 << 20
RETIRE_MS = 60
"""A block that is not full is handed over after so long: the largest part of the latency of an alert."""
SNAP = 1 << 16


@dataclass(slots=True)
class Counters:
    """What an interface saw since it was opened. `dropped`: lost in the kernel, or on the way to it where the sender
    numbers what it sends; `damaged`: blocks without sense; `refused`: from senders that are not listened to; `senders`:
    address -> frames, bytes and missing, of mirror sessions."""

    frames: int = 0
    bytes: int = 0
    dropped: int = 0
    freezes: int = 0
    damaged: int = 0
    refused: int = 0
    senders: dict[str, dict[str, int]] = field(default_factory=dict)


class Opened(Protocol):
    """What a port is for the loop that reads it: an interface, or a stream that looks like one."""

    name: str
    number: int
    link: int
    counters: Counters

    @property
    def over(self) -> bool: ...
    def fileno(self) -> int: ...
    def drain(self, out: memoryview, done: Drained, max_blocks: int = 1 << 30) -> bool: ...
    def statistics(self) -> Counters: ...
    def clear_error(self) -> int: ...


class Port:
    """An open interface. Use it as a context manager, or call `close`."""

    def __init__(
        self, name: str, *, number: int = 0, bpf: str = "", blocks: int = 64, fanout: int | None = None,
        promiscuous: bool = True,
    ):  # fmt: skip
        """Open an interface. InputError says, in one sentence, what is missing: the interface, the right, the filter.

        `number`: the interface's number in the pcapng that comes out. `blocks`: ring of so many MiB. `fanout`: id of a
        group of sockets that share the interface by the pair of addresses (`by_pair`); 0 makes a group, whose id is
        `group` then. Such a port takes no frame until `admit`: all of the group begin together.
        """
        if sys.byteorder != "little":
            raise InputError("live capture reads the ring of little-endian machines only; capture with tcpdump instead")
        self.name = name
        self.number = number
        self.counters = Counters()
        self.link = _link(name)
        program = compile_filter(bpf, self.link) if bpf else b""
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            raise InputError(
                "{name}: capturing needs the right to open packet sockets; run as root, or grant it to the service "
                "with AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN (packaging/sentinel.service has this line)",
                name=name,
            ) from error
        try:
            self._open(program, blocks, fanout, promiscuous)
        except OSError as error:
            self._socket.close()
            raise _refusal(name, error) from error
        self._next = 0
        self._skip = 0
        self.read = (0, 0)
        """Sequence number of the block that was read last, and how many of its packets are counted."""
        self.counted: Callable[[], None] = lambda: None
        """Called when packets were counted, and before their block is handed back to the kernel."""

    def _open(self, program: bytes, blocks: int, fanout: int | None, promiscuous: bool) -> None:
        sock = self._socket
        index = socket.if_nametoindex(self.name)
        sock.setsockopt(SOL_PACKET, VERSION, TPACKET_V3)
        self._filter = program
        if program or fanout is not None:
            self._attach(socket.SOL_SOCKET, SO_ATTACH_FILTER, NOTHING if fanout is not None else program)
        try:
            sock.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
            sock.setsockopt(SOL_PACKET, TIMESTAMP, STAMP_HARDWARE)
        except OSError as error:
            if error.errno not in (errno.ENOPROTOOPT, errno.EINVAL):
                raise
        request = struct.pack("IIIIIII", BLOCK, blocks, 2048, BLOCK // 2048 * blocks, RETIRE_MS, 0, 0)
        sock.setsockopt(SOL_PACKET, RX_RING, request)
        self._ring = mmap.mmap(sock.fileno(), BLOCK * blocks, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._view = memoryview(self._ring)
        self._blocks = blocks
        sock.bind((self.name, ETH_P_ALL))
        if promiscuous:
            sock.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, struct.pack("IHH8s", index, MR_PROMISC, 0, b""))
        if fanout is not None:
            sock.setsockopt(SOL_PACKET, FANOUT, fanout | (FANOUT_CBPF | (0 if fanout else FANOUT_UNIQUE)) << 16)
            self.group = sock.getsockopt(SOL_PACKET, FANOUT) & 0xFFFF
            self._attach(SOL_PACKET, FANOUT_DATA, by_pair())

    def _attach(self, level: int, option: int, program: bytes) -> None:
        """Hand a BPF program to the kernel, which copies it while the call lasts."""
        held = ctypes.create_string_buffer(program, len(program))
        where = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
        self._socket.setsockopt(level, option, where)

    def admit(self) -> None:
        """Begin to take frames, as one of a group."""
        if self._filter:
            self._attach(socket.SOL_SOCKET, SO_ATTACH_FILTER, self._filter)
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    def resume(self, read: tuple[int, int] = (0, 0)) -> None:
        """Go on where another process that had this ring ended: at the oldest block that is ours, or the newest one.

        `read`: how far it had counted, which is not counted again where it could not hand the block back any more.
        """

        def heads() -> list[tuple[int, int, int]]:
            """Sequence number, place and status of each block."""
            ats = ((n, n * BLOCK + STATUS_AT) for n in range(self._blocks))
            return [
                (struct.unpack_from("<Q", self._ring, at + 16)[0], n, struct.unpack_from("<I", self._ring, at)[0])
                for n, at in ats
            ]

        newest = max(heads())  # looked at first: the kernel may hand it over before the next line, where it is ours
        sequence, self._next, _ = min((one for one in heads() if one[2] & USER), default=newest)
        self._skip = read[1] if sequence == read[0] else 0
        self.read = read

    @property
    def over(self) -> bool:
        """An interface never ends."""
        return False

    def fileno(self) -> int:
        """For select and poll: readable while a block waits."""
        return self._socket.fileno()

    def drain(self, out: memoryview, done: Drained, max_blocks: int = 1 << 30) -> bool:
        """Write waiting packets to `out` as pcapng packet blocks; True where some still wait for room."""
        for _ in range(max_blocks):
            base = self._next * BLOCK
            if not struct.unpack_from("<I", self._ring, base + STATUS_AT)[0] & USER:
                break
            frames, octets = done.frames, done.bytes
            block = self._view[base : base + BLOCK]
            drain(block, out, self.number, done, self._skip)
            block.release()
            packets, sequence = PACKETS.unpack_from(self._ring, base + PACKETS_AT)
            self._skip = packets - done.left
            self.read = sequence, self._skip
            self.counters.frames += done.frames - frames
            self.counters.bytes += done.bytes - octets
            self.counters.damaged += done.damaged
            done.damaged = 0
            self.counted()
            if done.left:
                return True
            self._skip = 0
            struct.pack_into("<I", self._ring, base + STATUS_AT, 0)
            self._next = (self._next + 1) % self._blocks
        return False

    def clear_error(self) -> int:
        """The error that waits at the socket, taken away (ENETDOWN when the interface went down); 0 for none.

        An error makes the port readable; a ring goes on by itself when the interface comes up again.
        """
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def statistics(self) -> Counters:
        """The counters, the kernel's own brought up to date (it forgets them when asked)."""
        raw = self._socket.getsockopt(SOL_PACKET, STATISTICS, 12)
        _, drops, freezes = struct.unpack("III", raw)
        self.counters.dropped += drops
        self.counters.freezes += freezes
        return self.counters

    def close(self) -> None:
        """Give the ring and the socket back."""
        self._view.release()
        self._ring.close()
        self._socket.close()

    def __enter__(self) -> Port:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait(ports: Sequence[Opened], seconds: float) -> list[Opened]:
    """The ports on which a block waits; empty where none came within that time."""
    ready, _, _ = select.select(ports, [], [], max(0.0, seconds))
    return ready


def header(ports: Sequence[Opened], application: str) -> bytes:
    """The beginning of the pcapng stream: section and one interface block for each port (draft, 4.1 and 4.2)."""
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(4, application.encode()) + bytes(4)
    parts = [_block(0x0A0D0D0A, section)]
    for port in ports:
        options = _option(2, port.name.encode()) + _option(9, b"\x09") + bytes(4)
        parts.append(_block(1, struct.pack("<HHI", port.link, 0, SNAP) + options))
    return b"".join(parts)


def statistics_block(port: Opened, now_ns: int | None = None, counters: Counters | None = None) -> bytes:
    """An interface statistics block (draft, 4.6): received and dropped so far, or as `counters` says."""
    now = time.time_ns() if now_ns is None else now_ns
    counters = port.counters if counters is None else counters
    options = _option(4, struct.pack("<Q", counters.frames + counters.dropped))
    options += _option(5, struct.pack("<Q", counters.dropped)) + bytes(4)
    return _block(5, struct.pack("<III", port.number, now >> 32, now & 0xFFFFFFFF) + options)


def by_pair() -> bytes:
    """A BPF program that gives both directions between two addresses, fragments and all they carry one number.

    The addresses of IPv4 and IPv6, of which the outermost two count, are added without carry: what is not IP is 0. One
    VLAN tag beside the one that the kernel took away is passed over. Source: linux/filter.h, linux/bpf_common.h.
    """
    net, ethertype = 0xFFF00000, 0xFFFFF000  # SKF_NET_OFF; SKF_AD_OFF + SKF_AD_PROTOCOL
    half, word, half_there, set_x, load, store, load_x = 0x28, 0x40, 0x48, 0x01, 0x00, 0x02, 0x61
    jump, xor, multiply, shift, give, give_a = 0x15, 0xAC, 0x24, 0x74, 0x06, 0x16
    place, sum_ = 1, 0  # cells of memory

    def added(offsets: range) -> list[tuple[int, int, int, int]]:
        code = []
        for at in offsets:
            code += [(load_x, 0, 0, place), (word, 0, 0, net + at), (load_x, 0, 0, sum_), (xor, 0, 0, 0),
                     (store, 0, 0, sum_)]  # fmt: skip
        return [*code, (multiply, 0, 0, 0x9E3779B1), (shift, 0, 0, 16), (give_a, 0, 0, 0)]

    four, six = added(range(12, 20, 4)), added(range(8, 40, 4))
    code = [
        (load, 0, 0, 0), (store, 0, 0, sum_), (store, 0, 0, place),
        (half, 0, 0, ethertype),
        (jump, 1, 0, 0x8100), (jump, 0, 4, 0x88A8),
        (load, 0, 0, 4), (store, 0, 0, place), (set_x, 0, 0, 0), (half_there, 0, 0, net + 2),
        (jump, 2, 0, 0x0800), (jump, 1 + len(four), 0, 0x86DD), (give, 0, 0, 0),
        *four, *six,
    ]  # fmt: skip
    return b"".join(struct.pack("HBBI", *one) for one in code)


def compile_filter(expression: str, link: int) -> bytes:
    """A capture filter as a BPF program, by libpcap; InputError where it makes no sense or libpcap is missing."""
    name = ctypes.util.find_library("pcap")
    if name is None:
        raise InputError("a capture filter needs libpcap; on Debian and Ubuntu: apt-get install libpcap0.8")
    pcap = ctypes.CDLL(name)
    pcap.pcap_open_dead.restype = ctypes.c_void_p
    pcap.pcap_geterr.restype = ctypes.c_char_p
    pcap.pcap_geterr.argtypes = pcap.pcap_close.argtypes = [ctypes.c_void_p]
    handle = pcap.pcap_open_dead(link, SNAP)
    program = _Program()
    try:
        failed = pcap.pcap_compile(
            ctypes.c_void_p(handle), ctypes.byref(program), expression.encode(), 1, ctypes.c_uint32(0xFFFFFFFF)
        )
        if failed:
            reason = pcap.pcap_geterr(handle).decode("utf-8", "replace")
            raise InputError("the capture filter {filter} makes no sense: {why}", filter=expression, why=reason)
        code = ctypes.string_at(program.instructions, program.length * 8)
        pcap.pcap_freecode(ctypes.byref(program))
    finally:
        pcap.pcap_close(handle)
    return code


class _Program(ctypes.Structure):
    """struct bpf_program."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


def _link(name: str) -> int:
    try:
        # /sys shows the namespace in which it was mounted, which may be another one
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            answer = fcntl.ioctl(control, HARDWARE, struct.pack("16s16x", name.encode()[:15]))
            kind = struct.unpack_from("H", answer, 16)[0]
    except OSError as error:
        known = ", ".join(n for _, n in socket.if_nameindex())
        raise InputError("{name}: no such interface; there are {known}", name=name, known=known) from error
    if kind not in LINKTYPES:
        raise InputError(
            "{name}: interfaces of hardware type {kind} are not captured; Ethernet ports are", name=name, kind=kind
        )
    return LINKTYPES[kind]


def _refusal(name: str, error: OSError) -> InputError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return InputError(
            "{name}: no permission to capture; run as root or with CAP_NET_RAW and CAP_NET_ADMIN", name=name
        )
    if error.errno == errno.ENOMEM:
        return InputError("{name}: no memory for the ring; make it smaller (ring_mib in the configuration)", name=name)
    if error.errno == errno.ENETDOWN:
        return InputError("{name}: the interface is down; bring it up with: ip link set {name} up", name=name)
    return InputError("{name}: cannot be captured ({why})", name=name, why=error.strerror)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
