"""Frames and capture files, byte by byte from the field tables of their standards, unaware of the code under test.

Sources: IEEE 802.3/802.1Q, RFC 791, 8200, 9293, 768, 9260 and those named at each tunnel; draft-ietf-opsawg-pcap and
draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
START = 1_700_000_000_000_000_000
"""ns: 2023-11-14 22:13:20 UTC."""
MS = 1_000_000
SECOND = 1_000_000_000

IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
TCP, UDP, SCTP = 6, 17, 132
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


# -- link layer ------------------------------------------------------------------------------------------------------


def mac(n: int) -> bytes:
    """A locally administered MAC address."""
    return b"\x02\0\0\0" + n.to_bytes(2, "big")


def ethernet(payload: bytes, kind: int = IPV4, src: int = 1, dst: int = 2) -> bytes:
    return mac(dst) + mac(src) + kind.to_bytes(2, "big") + payload


def tagged(frame: bytes, vlan: int, kind: int = 0x8100, priority: int = 0) -> bytes:
    """The frame with one more VLAN tag, outermost (802.1Q; kind 0x88A8 for QinQ)."""
    return frame[:12] + struct.pack(">HH", kind, priority << 13 | vlan) + frame[12:]


def hsr(frame: bytes, sequence: int = 1, path: int = 0) -> bytes:
    """The frame with an HSR tag (IEC 62439-3, 5.7)."""
    size = len(frame) - 14 + 6
    return frame[:12] + struct.pack(">HHH", 0x892F, path << 12 | size, sequence) + frame[12:]


def prp(frame: bytes, lan: int, sequence: int = 1, header: int = 14) -> bytes:
    """The frame with a PRP trailer for LAN 0xA or 0xB (IEC 62439-3, 4.2.7.3)."""
    return frame + struct.pack(">HHH", sequence, lan << 12 | len(frame) - header + 6, 0x88FB)


def cooked(payload: bytes, kind: int = IPV4, version: int = 1) -> bytes:
    """Linux cooked capture, link types 113 and 276."""
    if version == 1:
        return struct.pack(">HHH8sH", 0, 1, 6, mac(1) + b"\0\0", kind) + payload
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, mac(1) + b"\0\0") + payload


def wireless(payload: bytes, kind: int = IPV4, qos: bool = False, four: bool = False) -> bytes:
    """An 802.11 data frame with LLC/SNAP."""
    control = bytes([0x88 if qos else 0x08, 3 if four else 1])
    head = (
        control + b"\0\0" + mac(2) + mac(1) + mac(3) + b"\0\0" + (mac(4) if four else b"") + (b"\0\0" if qos else b"")
    )
    return head + b"\xaa\xaa\x03\0\0\0" + kind.to_bytes(2, "big") + payload


def radiotap(frame: bytes) -> bytes:
    return struct.pack("<BBHI", 0, 0, 8, 0) + frame


def arp(ip: str, sender: int = 1) -> bytes:
    """An ARP announcement of `ip` by MAC number `sender` (RFC 826)."""
    address = ipaddress.ip_address(ip).packed
    return struct.pack(">HHBBH", 1, IPV4, 6, 4, 2) + mac(sender) + address + bytes(6) + address


# -- network layer ---------------------------------------------------------------------------------------------------


def ipv4(
    payload: bytes, proto: int = TCP, src: str = CLIENT, dst: str = SERVER, ident: int = 0, more: bool = False,
    offset: int = 0, options: bytes = b"", total: int | None = None, ttl: int = 64,
) -> bytes:  # fmt: skip
    """`offset` in bytes; `total` overrides the length that the header claims."""
    size = 20 + len(options)
    fragment = (0x2000 if more else 0) | offset // 8
    length = size + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, length, ident, fragment, ttl, proto, 0)
    return head + ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + options + payload


def ipv6(
    payload: bytes, following: int = TCP, src: str = CLIENT6, dst: str = SERVER6, length: int | None = None
) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload) if length is None else length, following, 64)
    return head + ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + payload


def extension(payload: bytes, following: int, size: int = 8) -> bytes:
    """A hop-by-hop, destination or routing header of `size` bytes before the payload."""
    return bytes([following, size // 8 - 1]) + bytes(size - 2) + payload


def fragment6(payload: bytes, following: int, offset: int, more: bool, ident: int = 7) -> bytes:
    return struct.pack(">BBHI", following, 0, offset | more, ident) + payload


def ip(payload: bytes, proto: int, src: str, dst: str, ident: int = 0) -> bytes:
    """An IPv4 or IPv6 packet, as the addresses say."""
    if ":" in src:
        return ipv6(payload, proto, src, dst)
    return ipv4(payload, proto, src, dst, ident)


# -- transport -------------------------------------------------------------------------------------------------------


def tcp(
    payload: bytes = b"", sport: int = 40000, dport: int = 502, seq: int = 0, ack: int = 0, flags: int = PSH | ACK,
    window: int = 8192, options: bytes = b"",
) -> bytes:  # fmt: skip
    offset = (20 + len(options)) // 4 << 4
    seq, ack = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF
    return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, offset, flags, window, 0, 0) + options + payload


def udp(payload: bytes, sport: int = 40000, dport: int = 502, length: int | None = None) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def sctp(payload: bytes, sport: int = 40000, dport: int = 2905) -> bytes:
    return struct.pack(">HHII", sport, dport, 1, 0) + payload


# -- tunnels ---------------------------------------------------------------------------------------------------------


def mpls(packet: bytes, *labels: int) -> bytes:
    """RFC 3032; goes into EtherType 0x8847."""
    last = len(labels) - 1
    return b"".join(struct.pack(">I", label << 12 | (n == last) << 8 | 64) for n, label in enumerate(labels)) + packet


def pppoe(packet: bytes, protocol: int = 0x0021) -> bytes:
    """RFC 2516, 4; goes into EtherType 0x8864."""
    return struct.pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, protocol) + packet


def gre(packet: bytes, kind: int = IPV4, key: int | None = None, sequence: int | None = None) -> bytes:
    """RFC 2784 and 2890; goes into IP protocol 47."""
    flags = (0x2000 if key is not None else 0) | (0x1000 if sequence is not None else 0)
    fields = b"".join(n.to_bytes(4, "big") for n in (key, sequence) if n is not None)
    return struct.pack(">HH", flags, kind) + fields + packet


def erspan(frame: bytes, kind: int, sequence: int = 1, session: int = 0) -> bytes:
    """ERSPAN type 1, 2 or 3 (draft-foschiano-erspan) in GRE."""
    if kind == 1:
        return gre(frame, 0x88BE)
    if kind == 2:
        return gre(struct.pack(">II", 1 << 28 | 100 << 16 | session, 0) + frame, 0x88BE, sequence=sequence)
    return gre(struct.pack(">III", 2 << 28 | 100 << 16 | session, 0, 0) + frame, 0x22EB, sequence=sequence)


def erspan_timed(frame: bytes, time_ns: int, platform: int = 5) -> bytes:
    """ERSPAN type 3 with nanoseconds (Gra 2) and their seconds in a platform-specific header (4.5)."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    head = struct.pack(">III", 2 << 28, nanoseconds, 2 << 1 | 1) + struct.pack(">II", platform << 26, seconds)
    return gre(head + frame, 0x22EB, sequence=1)


def tzsp(frame: bytes, inner: int = 1, tags: bytes = b"\x0a\x01\xc4\0", kind: int = 0) -> bytes:
    """TZSP, version 1, in UDP."""
    return udp(struct.pack(">BBH", 1, kind, inner) + tags + b"\x01" + frame, 50000, 37008)


def vxlan(frame: bytes, network: int = 100) -> bytes:
    """RFC 7348, in UDP."""
    return udp(struct.pack(">II", 0x08000000, network << 8) + frame, 50000, 4789)


def geneve(packet: bytes, network: int = 100, kind: int = 0x6558, options: bytes = b"") -> bytes:
    """RFC 8926, in UDP."""
    return udp(struct.pack(">BBHI", len(options) // 4, 0, kind, network << 8) + options + packet, 50000, 6081)


def gtp_u(packet: bytes, extended: bool = False) -> bytes:
    """A GTPv1-U T-PDU (TS 29.281, 5.1), with a PDU session container where `extended`, in UDP."""
    optional = b"\0\0\0\x85" + b"\x01\0\0\0" if extended else b""
    head = struct.pack(">BBHI", 0x34 if extended else 0x30, 0xFF, len(optional) + len(packet), 1)
    return udp(head + optional + packet, 2152, 2152)


def teredo(packet: bytes) -> bytes:
    """RFC 4380, in UDP."""
    return udp(packet, 3544, 3544)


# -- a conversation --------------------------------------------------------------------------------------------------

Record = tuple[int, bytes]
"""Time stamp in ns and frame."""


@dataclass
class Talk:
    """One TCP connection that writes its own frames: side 0 is the client. `records` is what a capture would hold."""

    sport: int = 40000
    dport: int = 502
    addresses: tuple[str, str] = (CLIENT, SERVER)
    seq: list[int] = field(default_factory=lambda: [1000, 900_000])
    time: int = START
    step: int = MS
    records: list[Record] = field(default_factory=list)
    ident: int = 0

    def packet(
        self, side: int, payload: bytes = b"", flags: int = PSH | ACK, seq: int | None = None, ack: int | None = None
    ) -> bytes:
        """A frame as it would be sent now; changes nothing but the IP identifier."""
        self.ident = self.ident + 1 & 0xFFFF or 1
        ports = (self.sport, self.dport) if side == 0 else (self.dport, self.sport)
        source, target = self.addresses if side == 0 else self.addresses[::-1]
        segment = tcp(
            payload, *ports, self.seq[side] if seq is None else seq, self.seq[1 - side] if ack is None else ack, flags
        )
        kind = IPV6 if ":" in source else IPV4
        return ethernet(ip(segment, TCP, source, target, self.ident), kind, 1 + side, 2 - side)

    def add(self, frame: bytes) -> Talk:
        """One more frame in the capture."""
        self.records.append((self.time, frame))
        self.time += self.step
        return self

    def open(self) -> Talk:
        """The three-way handshake."""
        self.add(self.packet(0, flags=SYN, ack=0))
        self.seq[0] += 1
        self.add(self.packet(1, flags=SYN | ACK))
        self.seq[1] += 1
        return self.add(self.packet(0, flags=ACK))

    def send(self, side: int, data: bytes, pieces: Sequence[int] = ()) -> Talk:
        """Data in one segment, or cut at the given positions."""
        cuts = [0, *pieces, len(data)]
        for start, end in zip(cuts, cuts[1:], strict=False):
            self.add(self.packet(side, data[start:end]))
            self.seq[side] += end - start
        return self

    def lose(self, side: int, count: int) -> Talk:
        """Bytes that were sent and acknowledged, but are not in the capture."""
        self.seq[side] += count
        return self.add(self.packet(1 - side, flags=ACK))

    def close(self) -> Talk:
        self.add(self.packet(0, flags=FIN | ACK))
        self.seq[0] += 1
        return self.add(self.packet(1, flags=FIN | ACK))


def wrapped(records: Iterable[Record], how) -> list[Record]:
    """The records with every frame put through `how`."""
    return [(time, how(frame)) for time, frame in records]


def in_gre(frame: bytes) -> bytes:
    """An Ethernet frame as a GRE tunnel between two other hosts carries it."""
    return ethernet(ipv4(gre(frame, 0x6558), 47, "192.0.2.1", "192.0.2.2"), IPV4, 8, 9)


# -- capture files ---------------------------------------------------------------------------------------------------


def pcap(
    records: Iterable[Record], link: int = 1, order: str = "<", nano: bool = True, snaplen: int = 1 << 20
) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)]
    for time, frame in records:
        held = frame[:snaplen]
        fraction = time % SECOND // (1 if nano else 1000)
        parts.append(struct.pack(order + "IIII", time // SECOND, fraction, len(held), len(frame)) + held)
    return b"".join(parts)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


@dataclass
class Pcapng:
    """Writes the blocks of draft-ietf-opsawg-pcapng in one byte order."""

    order: str = "<"

    def pack(self, fields: str, *values: int) -> bytes:
        return struct.pack(self.order + fields, *values)

    def block(self, kind: int, body: bytes, length: int | None = None) -> bytes:
        size = 12 + len(padded(body)) if length is None else length
        return self.pack("II", kind, size) + padded(body) + self.pack("I", size)

    def options(self, options: Iterable[tuple[int, bytes]]) -> bytes:
        listed = b"".join(self.pack("HH", code, len(value)) + padded(value) for code, value in options)
        return listed + self.pack("HH", 0, 0) if listed else b""

    def section(self, *options: tuple[int, bytes], major: int = 1) -> bytes:
        return self.block(0x0A0D0D0A, self.pack("IHHq", 0x1A2B3C4D, major, 0, -1) + self.options(options))

    def interface(self, link: int = 1, *options: tuple[int, bytes], snaplen: int = 0) -> bytes:
        return self.block(1, self.pack("HHI", link, 0, snaplen) + self.options(options))

    def packet(
        self, ticks: int, frame: bytes, *options: tuple[int, bytes], interface: int = 0, wire: int | None = None
    ) -> bytes:
        """An enhanced packet block."""
        length = len(frame) if wire is None else wire
        head = self.pack("IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), length)
        return self.block(6, head + padded(frame) + self.options(options))

    def simple(self, frame: bytes, wire: int | None = None) -> bytes:
        return self.block(3, self.pack("I", len(frame) if wire is None else wire) + frame)

    def obsolete(self, ticks: int, frame: bytes, interface: int = 0, drops: int = 0xFFFF) -> bytes:
        """A packet block as it was before the enhanced one."""
        head = self.pack("HHIIII", interface, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        return self.block(2, head + frame)

    def statistics(self, *options: tuple[int, bytes], interface: int = 0) -> bytes:
        return self.block(5, self.pack("III", interface, 0, 0) + self.options(options))

    def number(self, value: int) -> bytes:
        """A 64-bit option value."""
        return self.pack("Q", value)


def pcapng(records: Iterable[Record], link: int = 1) -> bytes:
    """One section, one interface with nanosecond resolution."""
    p = Pcapng()
    packets = [p.packet(time, frame) for time, frame in records]
    return b"".join([p.section(), p.interface(link, (9, b"\x09")), *packets])
