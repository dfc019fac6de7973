"""What an address is, and how long intervals last together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=1 << 16)
def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The network address, or None where the text is none."""
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Whether it is an address of the Internet (IANA special-purpose registries)."""
    ip = parsed(address)
    return ip is not None and ip.is_global and not ip.is_multicast


@lru_cache(maxsize=1 << 16)
def is_host(address: str) -> bool:
    """Whether one device can have it: no group, broadcast or unspecified address."""
    ip = parsed(address)
    if ip is not None:
        return not (ip.is_multicast or ip.is_unspecified or address == "255.255.255.255")
    return len(address) == 17 and address.count(":") == 5 and not int(address[:2], 16) & 1


def covered(spans: Iterable[tuple[int, int]], gap: int = 0) -> int:
    """Length of the union of intervals, those that are at most `gap` apart joined."""
    total, start, end = 0, None, 0
    for first, last in sorted(spans):
        if start is None or first > end + gap:
            total += 0 if start is None else end - start
            start, end = first, last
        end = max(end, last)
    return total + (0 if start is None else end - start)
