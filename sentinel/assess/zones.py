"""Which zone an address belongs to, and zones proposed where the client has no plan of them.

A proposal is what the traffic suggests, no more: addresses of one subnet reach each other without a boundary, so they
are one zone, with the VLAN, the roles seen in it and the Purdue level that they suggest as its reason. Every proposed
zone and conduit carries `declared=False` (IEC 62443-3-2, 4.3; specification, 1).
"""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sentinel.assess.model import Asset, Conduit, Site, Text, Zone

EXTERNAL = "external"
"""Zone of public addresses, where the client declares none of that kind."""
LINK = "link"
"""Proposed zone of devices that were seen without any network address."""
PREFIX = {4: 24, 6: 64}
"""Length that a subnet is taken to have: no mask is on the wire."""
MAX_PROTOCOLS = 50
"""Protocols that a proposed conduit names; one with more allows any."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_CONTROL = {"plc", "rtu", "sis", "drive", "sensor", "gateway"}
_SUPERVISE = {"hmi", "engineering"}
_OPERATE = {"historian", "server"}
_NAMES = {
    "plc": ("控制器", "controller", "controllers"), "rtu": ("远动终端", "RTU", "RTUs"),
    "sis": ("安全仪表系统", "safety system", "safety systems"),
    "hmi": ("操作员站", "operator station", "operator stations"),
    "engineering": ("工程师站", "engineering station", "engineering stations"),
    "historian": ("历史数据服务器", "historian", "historians"), "server": ("服务器", "server", "servers"),
    "gateway": ("网关", "gateway", "gateways"), "switch": ("交换机", "switch", "switches"),
    "router": ("路由器", "router", "routers"), "sensor": ("传感器", "sensor", "sensors"),
    "drive": ("驱动器", "drive", "drives"), "host": ("其他主机", "other host", "other hosts"),
    "unknown": ("未知设备", "unknown device", "unknown devices"),
}  # fmt: skip


@lru_cache(maxsize=1 << 16)
def parsed(address: str) -> Address | None:
    """The network address, None where it is a MAC address or none at all."""
    try:
        return ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Whether it is an address of the Internet."""
    found = parsed(address)
    return found is not None and found.is_global and not found.is_multicast


def is_device(address: str) -> bool:
    """Whether one device can have it: not broadcast, multicast, or the address of nobody."""
    found = parsed(address)
    if found is None:
        first = address.partition(":")[0]
        return len(first) == 2 and int(first, 16) & 1 == 0 and address != "00:00:00:00:00:00"
    return not (found.is_multicast or found.is_unspecified or found.is_loopback or str(found) == "255.255.255.255")


# --- look-up ---------------------------------------------------------------------------------------------------------


class ZoneIndex:
    """Address -> zone: a member of a zone, else by an asset that says its zone, the longest subnet, VLAN, or public.

    Addresses of an asset that say nothing themselves (MAC, link-local) are where its first other address is.
    """

    __slots__ = ("_external", "_found", "_members", "_subnets", "_vlans")

    def __init__(self, site: Site):
        self._members: dict[str, str] = {}
        self._vlans: dict[int, str] = {}
        self._external = ""
        self._found: dict[tuple[str, int | None], str] = {}
        subnets: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
        known = {zone.id for zone in site.zones}
        for asset in site.assets:
            if asset.zone in known:
                self._members.update(dict.fromkeys((*asset.ips, *asset.macs), asset.zone))
        for zone in site.zones:
            self._members.update(dict.fromkeys(zone.members, zone.id))
            for subnet in zone.subnets:
                network = ipaddress.ip_network(subnet)
                subnets[network.version, network.prefixlen].setdefault(int(network.network_address), zone.id)
            for vlan in zone.vlans:
                self._vlans.setdefault(vlan, zone.id)
            if zone.kind == "external" and not zone.subnets and not self._external:
                self._external = zone.id
        # the longest prefix is asked first
        self._subnets = dict(sorted(subnets.items(), key=lambda item: -item[0][1]))
        for asset in site.assets:
            own = next((found for ip in asset.ips if (found := self.of(ip))), "")
            if own:
                for address in (*asset.ips, *asset.macs):
                    if parsed(address) is None or _is_link_local(address):
                        self._members.setdefault(address, own)
        self._found.clear()

    def of(self, address: str, vlan: int | None = None) -> str:
        """The zone of an address, empty where it is in none; `vlan` decides where nothing about the address does."""
        key = (address, vlan)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look_up(address, vlan)
        return found

    def _look_up(self, address: str, vlan: int | None) -> str:
        if not is_device(address):
            return ""
        member = self._members.get(address)
        if member is not None:
            return member
        ip = parsed(address)
        if ip is not None:
            number, bits = int(ip), ip.max_prefixlen
            for (version, length), networks in self._subnets.items():
                if version == ip.version:
                    zone = networks.get(number >> bits - length << bits - length)
                    if zone is not None:
                        return zone
            if is_public(address):
                return self._external
        return self._vlans.get(vlan, "") if vlan is not None else ""


_last: tuple[Site, ZoneIndex] | None = None


def zone_of(site: Site, address: str, vlan: int | None = None) -> str:
    """The zone of one address, empty where it is in none; the index of the last site is kept."""
    global _last
    if _last is None or _last[0] is not site:
        _last = (site, ZoneIndex(site))
    return _last[1].of(address, vlan)


# --- proposals -------------------------------------------------------------------------------------------------------


def propose(
    assets: Sequence[Asset],
    declared: Sequence[Zone],
    vlan_of: Mapping[str, int],
    addresses: Iterable[str] = (),
    spoken: Iterable[str] = (),
) -> tuple[Zone, ...]:
    """Zones for what no declared zone holds.

    `vlan_of`: address -> the VLAN it was seen in; `addresses`: all that took part in any flow; `spoken`: addresses that
    take part in control traffic. Zones that the asset list names come first, then one for each subnet and VLAN, then
    the Internet.
    """
    named = _named(assets, declared)
    index = ZoneIndex(Site(tuple(assets), (*declared, *named)))
    known = {zone.id for zone in (*declared, *named)}
    groups: dict[tuple[Network, int | None], list[Asset]] = defaultdict(list)
    bare: list[Asset] = []
    for asset in assets:
        private = [ip for ip in asset.ips if _is_private(ip)]
        for ip in private:
            vlan = vlan_of.get(ip)
            # a device of several addresses is one device
            if not index.of(ip, vlan) and asset not in groups[_subnet(ip), vlan][-1:]:
                groups[_subnet(ip), vlan].append(asset)
        if not asset.ips and asset.macs and not any(index.of(mac, vlan_of.get(mac)) for mac in asset.macs):
            bare.append(asset)
    control = frozenset(spoken)
    zones = [
        _of_subnet(network, vlan, members, control, known)
        for (network, vlan), members in sorted(groups.items(), key=lambda item: _order(*item[0]))
    ]
    if bare:
        zones.append(_of_links(bare, known))
    outside = [a for a in addresses if is_public(a) and not index.of(a)]
    if outside and not any(zone.kind == "external" and not zone.subnets for zone in declared):
        zones.append(_outside(outside, known))
    return (*named, *zones)


def conduits(site: Site, talks: Iterable[tuple[str, str, int | None, str]]) -> tuple[Conduit, ...]:
    """Conduits that would allow what was seen: of `talks` (client, server, VLAN, protocol) between different zones."""
    index = ZoneIndex(site)
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for client, server, vlan, protocol in talks:
        source, target = index.of(client, vlan), index.of(server, vlan)
        if source and target and source != target:
            seen[source, target].add(protocol)
    return tuple(
        Conduit(f"{source}>{target}", source, target, _named_protocols(protocols), declared=False, note="seen")
        for (source, target), protocols in sorted(seen.items())
    )


def _named_protocols(protocols: set[str]) -> tuple[str, ...]:
    found = sorted(protocols - {""})
    return ("*",) if len(found) > MAX_PROTOCOLS or not found else tuple(found)


def _is_link_local(address: str) -> bool:
    found = parsed(address)
    return found is not None and found.is_link_local


def _is_private(address: str) -> bool:
    found = parsed(address)
    return found is not None and is_device(address) and not is_public(address) and not found.is_link_local


def _subnet(address: str) -> Network:
    found = parsed(address)
    assert found is not None
    return ipaddress.ip_network((int(found) if found.version == 4 else found, PREFIX[found.version]), strict=False)


def _order(network: Network, vlan: int | None) -> tuple[int, int, int]:
    return network.version, int(network.network_address), -1 if vlan is None else vlan


def _free(wanted: str, known: set[str]) -> str:
    """The id, with a number where a declared zone has it already."""
    found, n = wanted, 2
    while found in known:
        found, n = f"{wanted}-{n}", n + 1
    known.add(found)
    return found


def _named(assets: Sequence[Asset], declared: Sequence[Zone]) -> list[Zone]:
    """Zones that only the asset list names: their members are its assets there."""
    known = {zone.id for zone in declared}
    members: dict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        if asset.zone and asset.zone not in known:
            members[asset.zone].append(asset)
    found = []
    for name, inside in sorted(members.items()):
        kind, level = _kind_and_level(inside, True)
        reason = Text(
            f"资产清单中有 {len(inside)} 台设备写明属于“{name}”，但区域表中没有它；类别与层级由其中的设备推断。",
            f"The asset list places {_count(len(inside), 'device')} in {name}, and no list of zones names it; kind and "
            "level follow from the devices in it.",
        )
        addresses = tuple(dict.fromkeys(a for asset in inside for a in (*asset.ips, *asset.macs)))
        found.append(Zone(name, Text(name, name), level, kind, members=addresses, declared=False, reason=reason))
    return found


def _of_subnet(
    network: Network, vlan: int | None, members: Sequence[Asset], spoken: frozenset[str], known: set[str]
) -> Zone:
    speaks = any(ip in spoken for asset in members for ip in asset.ips)
    kind, level = _kind_and_level(members, speaks)
    zh_roles, en_roles = _roles(members)
    zh_vlan, en_vlan = ("", "") if vlan is None else (f"、VLAN {vlan}", f" and VLAN {vlan}")
    zh_why, en_why = _why(kind, level)
    reason = Text(
        f"子网 {network}{zh_vlan} 中见到 {zh_roles}；同一子网内互访不经过边界，故作为一个区域。"
        f"掩码在流量中看不到，按 /{network.prefixlen} 计。{zh_why}",
        f"Seen in subnet {network}{en_vlan}: {en_roles}. Within a subnet they reach each other without a boundary, so "
        f"it is one zone. No mask is on the wire: /{network.prefixlen} is assumed. {en_why}",
    )
    name = Text(f"子网 {network}" + ("" if vlan is None else f"（VLAN {vlan}）"),
                f"Subnet {network}" + ("" if vlan is None else f" (VLAN {vlan})"))  # fmt: skip
    wanted = str(network.network_address) if network.version == 6 else str(network.network_address).removesuffix(".0")
    id_ = _free(f"net-{wanted}" + ("" if vlan is None else f"-v{vlan}"), known)
    # two VLANs with the same subnet are told apart by their members
    addresses = tuple(ip for asset in members for ip in asset.ips if _is_private(ip) and _subnet(ip) == network)
    subnets = (str(network),) if vlan is None else ()
    vlans = () if vlan is None else (vlan,)
    return Zone(id_, name, level, kind, subnets, vlans, () if vlan is None else addresses, None, False, reason)


def _of_links(bare: Sequence[Asset], known: set[str]) -> Zone:
    zh_roles, en_roles = _roles(bare)
    reason = Text(
        f"{zh_roles}只有 MAC 地址，没有见到网络地址；它们与采集点在同一二层网段。",
        f"Seen with MAC addresses only: {en_roles}. They share a link with the tap.",
    )
    macs = tuple(mac for asset in bare for mac in asset.macs)
    name = Text("仅二层可见的设备", "Devices seen on the link only")
    kind, level = _kind_and_level(bare, False)
    return Zone(_free(LINK, known), name, level if kind == "ot" else "", "ot", (), (), macs, None, False, reason)


def _outside(addresses: Sequence[str], known: set[str]) -> Zone:
    reason = Text(
        f"见到 {len(addresses)} 个公网地址，全部归入外部区域。",
        f"Seen: {_count(len(addresses), 'public address', 'public addresses')}; whatever is public is outside.",
    )
    return Zone(_free(EXTERNAL, known), Text("外部网络", "Outside"), "5", "external", declared=False, reason=reason)


def _kind_and_level(members: Sequence[Asset], speaks: bool) -> tuple[str, str]:
    """Kind of zone and Purdue level that the devices in it suggest; the level is empty where they suggest none.

    A flat network that holds controllers and what supervises them is level 2: what can reach a controller freely is
    part of its supervision.
    """
    kinds = {asset.kind for asset in members}
    levels = {asset.level for asset in members if asset.level}
    if kinds & {"sis"} and not kinds - {"sis", "switch", "engineering"}:
        return "sis", "1"
    if kinds & _SUPERVISE or "2" in levels:
        return "ot", "2"
    if kinds & _CONTROL or levels & {"0", "1"}:
        return "ot", "1"
    if kinds & _OPERATE or "3" in levels:
        return "ot", "3"
    return ("ot", "") if speaks else ("it", "4")


def _why(kind: str, level: str) -> tuple[str, str]:
    if kind == "it":
        return (
            "其中没有设备参与控制通信，故暂按办公或信息网（4 层）。",
            "No device in it takes part in control traffic: taken as an office or IT network, level 4.",
        )
    if not level:
        return (
            "其中有设备参与控制通信，但看不出层级。",
            "Devices in it take part in control traffic; their level does not show.",
        )
    return f"按其中设备的角色推断为 {level} 层。", f"The roles in it suggest level {level}."


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _roles(members: Iterable[Asset]) -> tuple[str, str]:
    counts = Counter(asset.kind for asset in members)
    order = {kind: n for n, kind in enumerate(_NAMES)}
    parts = sorted(counts.items(), key=lambda item: (-item[1], order.get(item[0], len(order))))
    names = [(n, _NAMES.get(kind, _NAMES["unknown"])) for kind, n in parts]
    zh = "、".join(f"{n} 台{word}" for n, (word, _, _) in names)
    return zh, ", ".join(_count(n, one, many) for n, (_, one, many) in names)
