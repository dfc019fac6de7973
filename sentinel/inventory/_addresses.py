"""Which addresses belong to one device.

A MAC address joins the network addresses that are sent from it, unless it is a router's: a router's MAC stands on the
frames of every host behind it. Where it is not certain that two network addresses are one device they stay two, since
a device listed twice does less harm than two devices listed as one.

The rules, with what they guard against:
- a network address seen with several MACs belongs to the one that was first seen with it; whoever claims the address
  of another later (ARP spoofing, an address used again) does not become that device;
- several IPv4 addresses on one MAC are one device if they share a /24 and nothing that they said differs, or if they
  stated the same serial number; otherwise that MAC may be a router of which little was seen, and tells no vendor.
Network masks are not in the capture: /24 and /64 stand for them.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from socket import AF_INET, inet_pton

MAX_ALIASES = 8
"""IPv4 addresses that one device may have; a MAC that sends for more is a router's (or a proxy's, or an attacker's)."""
MIN_ROUTED = 3
"""IPv4 addresses in several subnets that make a MAC a router's."""
MIN_PREFIXES = 3
"""IPv6 /64 prefixes that make a MAC a router's; a host may well have two."""

_VIRTUAL_ROUTERS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")
"""VRRP for IPv4 and IPv6 (RFC 9568 section 7.3), HSRP version 1 and 2."""


@dataclass(slots=True)
class Sighting:
    """A network address and a MAC that were seen together: since when (ns), in how many frames, and whether a device
    said so itself (ARP, for one), which only works on the same segment."""

    ip: str
    mac: str
    first_time: int
    packets: int
    said: bool = False


@dataclass(slots=True)
class Device:
    """Addresses of one device. `own_mac` is false where its MACs may be a router's and tell no vendor."""

    ips: list[str] = field(default_factory=list)
    macs: list[str] = field(default_factory=list)
    router: bool = False
    own_mac: bool = True
    why: str = ""

    def key(self) -> str:
        """The address that its id is made of: the lowest network address, or the lowest MAC where it has none."""
        return min(self.ips, key=order) if self.ips else min(self.macs)


_parsed = lru_cache(maxsize=1 << 16)(ipaddress.ip_address)
"""Every address is asked about several times, and parsing costs more than all the answers."""


def _v4(ip: str) -> int | None:
    """The number of an IPv4 address, None for other text: what `ipaddress` says in a twentieth of the time."""
    try:
        return int.from_bytes(inet_pton(AF_INET, ip), "big")
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1 << 16)
def order(ip: str) -> tuple[bool, int, int]:
    """Sorts IPv4 before IPv6, by number, link-local addresses last."""
    number = _v4(ip)
    if number is not None:
        return number >> 16 == 0xA9FE, 4, number  # 169.254.0.0/16, RFC 3927
    address = _parsed(ip)
    return address.is_link_local, address.version, int(address)


def is_mac(address: str) -> bool:
    """Six hexadecimal pairs with colons."""
    return len(address) == 17 and address.count(":") == 5


@lru_cache(maxsize=1 << 16)
def is_device(address: str) -> bool:
    """True for an address that one device can have: no group, broadcast or unspecified address, and no other text."""
    if is_mac(address):
        return not int(address[:2], 16) & 1 and address != "00:00:00:00:00:00"
    number = _v4(address)
    if number is not None:  # 224.0.0.0/4 are groups, RFC 5771
        return number >> 28 != 14 and number not in (0, 0xFFFFFFFF)
    try:
        ip = _parsed(address)
    except ValueError:
        return False
    return not (ip.is_multicast or ip.is_unspecified or address == "255.255.255.255")


@lru_cache(maxsize=1 << 16)
def subnet(ip: str) -> str:
    """The /24 or /64 that stands for the subnet of an address."""
    if _v4(ip) is not None:
        return f"{ip[: ip.rindex('.')]}.0/24"
    address = int(_parsed(ip))
    return f"{ipaddress.IPv6Address(address >> 64 << 64)}/64"


def group(
    ips: Iterable[str], macs: Iterable[str], sightings: Iterable[Sighting], said: Mapping[str, Mapping[str, set[str]]]
) -> list[Device]:
    """The devices behind these network addresses and these MACs that spoke below IP, each address in one of them.

    `said`: address -> kind of fact -> values, of what tells devices apart. Routers that are known by their MAC alone
    are devices too.
    """
    seen = list(sightings)
    by_mac: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in seen:
        by_mac[sighting.mac].append(sighting)
    routers = {mac: why for mac, found in by_mac.items() if (why := router_reason(mac, found))}
    homes = _homes(s for s in seen if s.mac not in routers)
    wanted = set(ips)
    devices: list[Device] = []
    for mac, why in routers.items():
        own = sorted({s.ip for s in by_mac[mac] if s.said and s.ip in wanted and s.ip not in homes}, key=order)
        devices.append(Device(own, [mac], router=True, why=why))
        wanted.difference_update(own)
    settled: dict[str, list[str]] = defaultdict(list)
    for ip in sorted(wanted, key=order):
        if ip in homes:
            settled[homes[ip]].append(ip)
        else:
            devices.append(Device([ip], own_mac=False))
    for mac, found in settled.items():
        devices.extend(_share(mac, found, said))
    _add_spare_macs(devices, by_mac, routers)
    known = {mac for device in devices for mac in device.macs if device.own_mac}
    devices.extend(Device([], [mac]) for mac in sorted(set(macs) - known))
    return devices


def router_reason(mac: str, seen: list[Sighting]) -> str:
    """Why a MAC is a router's, in words; empty where it is not known to be one."""
    if mac.startswith(_VIRTUAL_ROUTERS):
        return "its MAC address is one of a virtual router (VRRP or HSRP)"
    v4 = {s.ip for s in seen if "." in s.ip and not _is_link_local(s.ip)}
    nets = {subnet(ip) for ip in v4}
    if len(v4) >= MIN_ROUTED and len(nets) > 1:
        return f"its MAC address carries {len(v4)} addresses of {len(nets)} subnets"
    if len(v4) > MAX_ALIASES:
        return f"its MAC address carries {len(v4)} addresses"
    prefixes = {subnet(s.ip) for s in seen if ":" in s.ip and not _is_link_local(s.ip)}
    if len(prefixes) >= MIN_PREFIXES:
        return f"its MAC address carries addresses of {len(prefixes)} IPv6 prefixes"
    own = {subnet(s.ip) for s in seen if s.said and s.ip in v4}
    foreign = sorted(ip for ip in v4 if subnet(ip) not in own)
    if own and foreign:
        return f"its MAC address is announced in {', '.join(sorted(own))} and carries {foreign[0]}"
    return ""


def _is_link_local(ip: str) -> bool:
    return order(ip)[0]


def _homes(sightings: Iterable[Sighting]) -> dict[str, str]:
    """Network address -> the MAC that was first seen with it."""
    best: dict[str, Sighting] = {}
    for sighting in sightings:
        known = best.get(sighting.ip)
        if known is None or _seniority(sighting) < _seniority(known):
            best[sighting.ip] = sighting
    return {ip: sighting.mac for ip, sighting in best.items()}


def _seniority(sighting: Sighting) -> tuple[int, int, str]:
    return sighting.first_time, -sighting.packets, sighting.mac


def _share(mac: str, ips: list[str], said: Mapping[str, Mapping[str, set[str]]]) -> list[Device]:
    """The devices behind one MAC that is not known to be a router's."""
    v4 = [ip for ip in ips if "." in ip and not _is_link_local(ip)]
    if len(v4) < 2:
        return [Device(ips, [mac])]
    if _same(v4, said, "serial"):
        return [Device(ips, [mac], why="its addresses stated the same serial number")]
    if len({subnet(ip) for ip in v4}) == 1 and not any(_differ(v4, said, kind) for kind in ("serial", "model", "name")):
        return [Device(ips, [mac], why="its addresses share a MAC address and a subnet")]
    return [Device([ip], [mac], own_mac=False, why=f"shares the MAC address {mac} with other addresses") for ip in ips]


def _same(ips: list[str], said: Mapping[str, Mapping[str, set[str]]], kind: str) -> bool:
    """All of the addresses stated one value in common."""
    stated = [said.get(ip, {}).get(kind, set()) for ip in ips]
    return bool(set.intersection(*stated))


def _differ(ips: list[str], said: Mapping[str, Mapping[str, set[str]]], kind: str) -> bool:
    """Two of the addresses stated values that have nothing in common."""
    stated = [values for ip in ips if (values := said.get(ip, {}).get(kind))]
    return len(stated) > 1 and not set.intersection(*stated)


def _add_spare_macs(devices: list[Device], by_mac: Mapping[str, list[Sighting]], routers: Mapping[str, str]) -> None:
    """Give a device the further MACs that were only ever seen with it (a second interface, an exchanged module)."""
    owner = {ip: device for device in devices for ip in device.ips}
    taken = {mac for device in devices for mac in device.macs}
    for mac in sorted(set(by_mac) - taken - set(routers)):
        holders = {s.ip for s in by_mac[mac]}
        if len(holders) == 1 and (device := owner.get(next(iter(holders)))) is not None:
            device.macs.append(mac)
