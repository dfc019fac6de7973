"""Replaces the addresses and names in one Ethernet frame and makes its checksums right again.

Ethernet II and 802.1Q (IEEE 802.3, 802.1Q), ARP (RFC 826), IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP
(RFC 768). Lengths never change. A frame of another link type, or what cannot be read inside one, keeps its first bytes
and is emptied behind them: what was not understood is not handed out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

ETHERNET = 1
VLANS = (0x8100, 0x88A8, 0x9100)
MAX_VLANS = 4
KEPT_OF_UNREAD = 14
"""Bytes that are left of a frame that is not read."""

Address = Callable[[bytes], bytes]


def rewrite(link: int, data: bytes, ip: Address, mac: Address, names: Mapping[bytes, bytes]) -> bytes:
    """The frame with other addresses and names."""
    if link != ETHERNET or len(data) < 14:
        return data[:KEPT_OF_UNREAD] + bytes(max(0, len(data) - KEPT_OF_UNREAD))
    out = bytearray(data)
    out[0:6], out[6:12] = mac(bytes(out[0:6])), mac(bytes(out[6:12]))
    at, kind = 14, int.from_bytes(out[12:14], "big")
    for _ in range(MAX_VLANS):
        if kind not in VLANS or len(out) < at + 4:
            break
        kind = int.from_bytes(out[at + 2 : at + 4], "big")
        at += 4
    if kind == 0x0800:
        _ipv4(out, at, ip, names)
    elif kind == 0x86DD:
        _ipv6(out, at, ip, names)
    elif kind == 0x0806:
        _arp(out, at, ip, mac)
    else:
        _empty(out, at)
    return bytes(out)


def _empty(out: bytearray, at: int) -> None:
    if at < len(out):
        out[at:] = bytes(len(out) - at)


def _arp(out: bytearray, at: int, ip: Address, mac: Address) -> None:
    if len(out) < at + 28 or out[at + 4 : at + 6] != b"\x06\x04":
        _empty(out, at)
        return
    for place in (at + 8, at + 18):
        if any(out[place : place + 6]):
            out[place : place + 6] = mac(bytes(out[place : place + 6]))
        out[place + 6 : place + 10] = ip(bytes(out[place + 6 : place + 10]))
    _empty(out, at + 28)


def _ipv4(out: bytearray, at: int, ip: Address, names: Mapping[bytes, bytes]) -> None:
    if len(out) < at + 20:
        _empty(out, at)
        return
    head, total = (out[at] & 15) * 4, int.from_bytes(out[at + 2 : at + 4], "big")
    if head < 20 or len(out) < at + head:
        _empty(out, at)
        return
    for place in (at + 12, at + 16):
        out[place : place + 4] = ip(bytes(out[place : place + 4]))
    out[at + 20 : at + head] = bytes(head - 20)  # options may record a route
    out[at + 10 : at + 12] = b"\0\0"
    out[at + 10 : at + 12] = _checksum(out[at : at + head]).to_bytes(2, "big")
    fragment = int.from_bytes(out[at + 6 : at + 8], "big") & 0x3FFF
    end = at + total if head <= total else len(out)
    pseudo = bytes(out[at + 12 : at + 20])
    _transport(out, at + head, end, out[at + 9], pseudo, fragment != 0, names)


def _ipv6(out: bytearray, at: int, ip: Address, names: Mapping[bytes, bytes]) -> None:
    if len(out) < at + 40:
        _empty(out, at)
        return
    for place in (at + 8, at + 24):
        out[place : place + 16] = ip(bytes(out[place : place + 16]))
    end = at + 40 + int.from_bytes(out[at + 4 : at + 6], "big")
    _transport(out, at + 40, end, out[at + 6], bytes(out[at + 8 : at + 40]), False, names)


def _transport(
    out: bytearray, at: int, end: int, protocol: int, pseudo: bytes, fragment: bool, names: Mapping[bytes, bytes]
) -> None:
    """Names in the payload; the checksum of TCP and UDP. Whatever else IP carries is emptied."""
    place = {6: 16, 17: 6}.get(protocol)
    if place is None:
        _empty(out, at)
        return
    payload = bytes(out[at:])
    for name, other in names.items():
        payload = payload.replace(name, other)
    out[at:] = payload
    whole = end <= len(out) and not fragment and end - at >= place + 2
    if not whole or (protocol == 17 and out[at + 6 : at + 8] == b"\0\0"):
        return
    out[at + place : at + place + 2] = b"\0\0"
    size = struct.pack("!HH", protocol, end - at) if len(pseudo) == 8 else struct.pack("!IHH", end - at, 0, protocol)
    value = _checksum(pseudo + size + bytes(out[at:end]))
    out[at + place : at + place + 2] = (value or 0xFFFF if protocol == 17 else value).to_bytes(2, "big")


def _checksum(data: bytes | bytearray) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data = bytes(data) + b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", bytes(data)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
