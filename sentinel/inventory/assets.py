"""From flows, facts and counted messages to one row a device (docs/architecture.md, The nouns).

The steps: which addresses took part, which of them are one device (`addresses`), what that device did (`roles`), what
it said about itself, and which devices stand behind it. A later source of knowledge adds facts or sightings and needs
no step of its own.

An address is a device if a frame that it sent was captured, if it said something about itself, or if a TCP connection
to it carried payload: an address that was only asked (a scan) is none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any

import polars as pl

from sentinel.inventory import oui
from sentinel.inventory._addresses import Device, Sighting, group, is_device, is_mac
from sentinel.inventory._roles import GATEWAYS, SERVER_ROLES, Behaviour, Role, role_of, units_behind
from sentinel.inventory._stats import MAX_GROUPS, accumulate, accumulate_counts, accumulate_flows, statistics

__all__ = ["MAX_GROUPS", "accumulate", "accumulate_counts", "accumulate_flows", "build"]

MAX_ADDRESSES = 1 << 13
"""Addresses that become devices: those with the most messages and frames (a flood forges millions of senders)."""
MAX_EVIDENCE = 5
"""Frames that a row cites: the first of its flows and of its facts."""
MAX_KEPT = 64
"""Frames of a unit that are gathered before only those are kept that may be cited."""

_LABELLED = (
    (pl.col("protocol") != "")
    & (pl.col("messages") > 0)
    & pl.col("label_by").cast(pl.String).str.starts_with("payload")
)
"""A guess by port makes no message, and framing alone none that is sound: a wrong role is worse than none."""
_PAIR = ["client", "server", "protocol"]
_TELLING = ("serial", "model", "name")
_BEST = {"vendor": ("vendor",), "model": ("model", "order_number"), "firmware": ("firmware",), "serial": ("serial",),
         "name": ("name",)}  # fmt: skip
"""Column -> kinds of facts that fill it, the first that there is."""
_log = logging.getLogger(__name__)

Fact = Mapping[str, Any]


@dataclass(slots=True)
class _Traffic:
    """What the flows say of one address."""

    packets: int = 0
    bytes: int = 0
    first_time: int | None = None
    last_time: int | None = None
    sent: bool = False
    evidence: list[tuple[int, int]] = field(default_factory=list)

    def add(self, row: Mapping[str, Any]) -> None:
        self.packets += row["packets"]
        self.bytes += row["bytes"]
        self.seen(row["first_time"], row["last_time"])
        self.sent = self.sent or row["sent"] > 0 or row["connected"]
        self.evidence.append((row["capture"], row["frame"]))

    def count(self, row: Mapping[str, Any]) -> None:
        """Add messages as packets; of the frames only those are kept that may be cited."""
        self.packets += row["count"]
        self.seen(row["first_time"], row["last_time"])
        self.evidence.append((row["capture"], row["frame"]))
        if len(self.evidence) > MAX_KEPT:
            self.evidence = sorted(set(self.evidence))[:MAX_EVIDENCE]

    def merge(self, other: _Traffic) -> None:
        self.packets += other.packets
        self.bytes += other.bytes
        self.sent = self.sent or other.sent
        self.evidence += other.evidence
        if other.first_time is not None and other.last_time is not None:
            self.seen(other.first_time, other.last_time)

    def seen(self, first_time: int, last_time: int) -> None:
        self.first_time = first_time if self.first_time is None else min(self.first_time, first_time)
        self.last_time = last_time if self.last_time is None else max(self.last_time, last_time)


@dataclass(slots=True)
class _Observed:
    """All that was observed of the addresses that are there, by address: one look-up for each question of a device."""

    traffic: dict[str, _Traffic]
    facts: dict[str, list[Fact]]
    alive: set[str]
    protocols: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    unanswered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    behaviour: dict[str, Behaviour] = field(default_factory=lambda: defaultdict(Behaviour))
    units: dict[tuple[str, str, int], _Traffic] = field(default_factory=lambda: defaultdict(_Traffic))
    """Server, protocol and unit -> its messages, where a server may stand for many devices."""


def build(
    flows: pl.DataFrame, facts: pl.DataFrame | Iterable[Mapping[str, Any]], message_stats: pl.DataFrame | None
) -> list[dict[str, Any]]:
    """Rows of `assets`, ordered by address, devices behind a gateway after it.

    `flows` are rows of that table or what `accumulate_flows` made of them, `facts` are rows of theirs, and
    `message_stats` is what `accumulate` made. A device behind a gateway counts its messages as packets, since frames
    are not counted by unit, and no bytes.
    """
    if isinstance(facts, pl.DataFrame):
        facts = facts.with_columns(pl.col("time").cast(pl.Int64)).to_dicts()
    said = [dict(fact) for fact in facts if is_device(fact["device"])]
    sides = _sides(flows)
    observed = _observe(flows, sides, said, message_stats)
    sightings = _sightings(sides, said)
    by_mac: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        by_mac[sighting.mac].append(sighting)
    telling: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for fact in said:
        if fact["kind"] in _TELLING and fact.get("unit") is None:
            telling[fact["device"]][fact["kind"]].add(fact["value"])
    ips = {address for address in observed.alive if not is_mac(address)}
    devices = group(ips, observed.alive - ips, sightings, telling)
    rows: list[dict[str, Any]] = []
    for device in sorted(devices, key=lambda d: (not d.ips, d.key())):
        rows.extend(_rows(device, observed, by_mac))
    return rows


# -- what was observed ------------------------------------------------------------------------------------------------


def _sides(flows: pl.DataFrame) -> pl.DataFrame:
    """One row an address and its MAC: address, mac, packets and bytes both ways, sent, carried, times, first frame."""

    def side(mine: str, other: str) -> pl.LazyFrame:
        payload = (pl.col("transport") == "tcp") & (pl.col("payload_client") > 0)
        return flows.lazy().select(
            pl.col(mine).cast(pl.String).alias("address"),
            pl.col(f"{mine}_mac").cast(pl.String).str.to_lowercase().alias("mac"),
            (pl.col("packets_client") + pl.col("packets_server")).alias("packets"),
            (pl.col("bytes_client") + pl.col("bytes_server")).alias("bytes"),
            pl.col(f"packets_{mine}").alias("sent"),
            # a client that sends TCP payload has been answered, whether the answer was captured or not
            (payload if mine == "server" else pl.lit(False)).alias("connected"),
            pl.col("messages"),
            pl.col("time").cast(pl.Int64).alias("first_time"),
            pl.col("last_time").cast(pl.Int64),
            "capture",
            "frame",
        )

    both = pl.concat([side("client", "server"), side("server", "client")])
    summed = ["packets", "bytes", "sent", "messages"]
    earliest = pl.col("first_time").arg_min()
    rows = (
        both.group_by("address", "mac")
        .agg(
            pl.col(summed).sum(),
            pl.col("connected").any(),
            pl.col("capture").get(earliest),
            pl.col("frame").get(earliest),
            pl.col("first_time").min(),
            pl.col("last_time").max(),
        )
        .collect()
    )
    if rows.height > MAX_ADDRESSES:
        _log.warning("more than %d addresses: only those with the most messages and frames are listed", MAX_ADDRESSES)
        # the addresses themselves decide between equals, so that the same capture gives the same devices
        rows = rows.top_k(MAX_ADDRESSES, by=["messages", "packets", "address", "mac"])
    return rows.filter(pl.Series(map(is_device, rows["address"]), dtype=pl.Boolean))


def _observe(
    flows: pl.DataFrame, sides: pl.DataFrame, said: list[dict[str, Any]], counts: pl.DataFrame | None
) -> _Observed:
    traffic: dict[str, _Traffic] = defaultdict(_Traffic)
    for row in sides.iter_rows(named=True):
        traffic[row["address"]].add(row)
    facts: dict[str, list[Fact]] = defaultdict(list)
    for fact in said:
        facts[fact["device"]].append(fact)
    # of addresses that make no device nothing else is gathered: forged ones come by the hundred thousand
    observed = _Observed(traffic, facts, _alive(traffic, facts))
    alive = pl.Series(sorted(observed.alive), dtype=pl.String).implode()
    labelled = flows.lazy().filter(_LABELLED).with_columns(pl.col("client", "server", "protocol").cast(pl.String))
    one_sided = (pl.col("transport") == "tcp") & (pl.col("packets_server") == 0)
    pairs = labelled.group_by(_PAIR).agg(one_sided.all().alias("one_sided")).collect()
    for client, server, protocol, silent in pairs.iter_rows():
        for address, side in ((client, "client"), (server, "server")):
            if address in observed.alive:
                observed.protocols[address][protocol].add(side)
        if silent and server in observed.alive:
            observed.unanswered[server].add(protocol)
    stats = _forward(statistics(counts), pairs.select(_PAIR))
    stats = stats.filter(pl.col("client").is_in(alive) | pl.col("server").is_in(alive))
    for row in stats.iter_rows(named=True):
        client, server = row["client"], row["server"]
        if server in observed.alive:
            observed.behaviour[server].add(row, as_server=True)
            if row["protocol"] in GATEWAYS and row["unit"] is not None:
                observed.units[server, row["protocol"], row["unit"]].count(row)
        if client in observed.alive:
            observed.behaviour[client].add(row, as_server=False)
    return observed


def _forward(stats: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The statistics without what runs against the flows: `pairs` are their clients, servers and protocols.

    A controller asks back within the connection of its client (the blocks of an S7 download), which makes no server of
    that client. Where most messages run against the flows it is the flows' direction that is wrong.
    """
    turned = {"client": "server", "server": "client"}
    counts = stats.group_by(_PAIR).agg(pl.col("count").sum())
    against = counts.join(pairs, on=_PAIR, how="anti").join(pairs.rename(turned), on=_PAIR, how="semi")
    fewer = against.join(counts.rename({**turned, "count": "back"}), on=_PAIR).filter(pl.col("count") < pl.col("back"))
    return stats.join(fewer, on=_PAIR, how="anti", maintain_order="left") if fewer.height else stats


def _sightings(sides: pl.DataFrame, said: list[dict[str, Any]]) -> list[Sighting]:
    """Network addresses and MACs that were seen together, in flows or in what devices said (ARP, for one)."""
    found: dict[tuple[str, str], Sighting] = {}
    for row in sides.filter(pl.col("address") != pl.col("mac")).to_dicts():
        if is_mac(row["mac"]) and is_device(row["mac"]) and not is_mac(row["address"]):
            ip, mac = row["address"], row["mac"]
            found[ip, mac] = Sighting(ip, mac, row["first_time"], row["packets"])
    for fact in said:
        device, value = fact["device"], str(fact["value"]).lower()
        if fact["kind"] not in ("mac", "ip") or is_mac(device) == is_mac(value) or not is_device(value):
            continue
        ip, mac = (value, device) if is_mac(device) else (device, value)
        sighting = found.setdefault((ip, mac), Sighting(ip, mac, fact["time"], 0))
        sighting.said = True
        sighting.first_time = min(sighting.first_time, fact["time"])
    return list(found.values())


def _alive(traffic: Mapping[str, _Traffic], facts: Mapping[str, list[Fact]]) -> set[str]:
    """The addresses of devices that are there, not only asked for."""
    alive = {address for address, one in traffic.items() if one.sent}
    for address, said in facts.items():
        alive.add(address)
        if is_mac(address):
            alive.update(f["value"] for f in said if f["kind"] == "ip" and is_device(f["value"]))
    return alive


# -- rows -------------------------------------------------------------------------------------------------------------


def _rows(device: Device, observed: _Observed, by_mac: Mapping[str, list[Sighting]]) -> Iterable[dict[str, Any]]:
    """The row of a device, and those of the devices behind it."""
    addresses = [*device.ips, *(device.macs if device.own_mac else [])]
    behaviour = Behaviour()
    for address in addresses:
        if address in observed.behaviour:
            behaviour.merge(observed.behaviour[address])
    traffic = _traffic(device, addresses, observed, by_mac)
    unanswered = set().union(*(observed.unanswered.get(address, set()) for address in addresses))
    role = role_of(behaviour, unanswered, device.why if device.router else "", traffic.sent)
    facts = [fact for address in addresses for fact in observed.facts.get(address, ())]
    asset = _asset_id(device.key())
    behind = {
        (protocol, unit)
        for protocol, talk in behaviour.server.items()
        if role.name == "gateway"
        for unit in units_behind(protocol, talk)
    }
    units = {unit for _, unit in behind}
    why = role.why if device.router or not device.why else f"{role.why}; {device.why}"
    yield {
        **_known([f for f in facts if f.get("unit") is None or f["unit"] not in units], _registry_vendor(device)),
        "asset": asset,
        "parent": "",
        "ips": _texts_json(device.ips),
        "macs": _texts_json(device.macs),
        "unit": None,
        "role": role.name,
        "role_by": why,
        "level": role.level,
        "protocols": _json(_protocols(addresses, observed)),
        "first_time": traffic.first_time or 0,
        "last_time": traffic.last_time or 0,
        "packets": traffic.packets,
        "bytes": traffic.bytes,
        "evidence": _evidence(traffic.evidence, facts),
    }
    for protocol, unit in sorted(behind):
        mine = [one for a in addresses if (one := observed.units.get((a, protocol, unit))) is not None]
        yield _behind(asset, device, protocol, unit, mine, [f for f in facts if f.get("unit") == unit])


def _behind(
    parent: str, gateway: Device, protocol: str, unit: int, messages: list[_Traffic], facts: list[Fact]
) -> dict[str, Any]:
    """The row of a device behind a gateway."""
    total = _Traffic()
    for one in messages:
        total.merge(one)
    role = Role(SERVER_ROLES[protocol], f"answered as {protocol} unit {unit} behind {gateway.key()}")
    return {
        **_known(facts, ""),
        "asset": _asset_id(parent, protocol, unit),
        "parent": parent,
        "ips": "[]",
        "macs": "[]",
        "unit": unit,
        "role": role.name,
        "role_by": role.why,
        "level": role.level,
        "protocols": _json({protocol: "server"}),
        "first_time": total.first_time or 0,
        "last_time": total.last_time or 0,
        "packets": total.packets,
        "bytes": 0,
        "evidence": _evidence(total.evidence, facts),
    }


def _traffic(
    device: Device, addresses: list[str], observed: _Observed, by_mac: Mapping[str, list[Sighting]]
) -> _Traffic:
    """The traffic of all addresses of a device; for a router that of the hosts behind it too, which it forwarded."""
    total = _Traffic()
    for address in addresses:
        traffic = observed.traffic.get(address)
        if traffic is not None:
            total.merge(traffic)
        for fact in observed.facts.get(address, ()):
            total.seen(fact["time"], fact["time"])
    if device.router:
        for sighting in (sighting for mac in device.macs for sighting in by_mac.get(mac, ())):
            if sighting.ip not in device.ips:
                carried = observed.traffic.get(sighting.ip)
                total.packets += sighting.packets
                if carried is not None and carried.first_time is not None and carried.last_time is not None:
                    total.seen(carried.first_time, carried.last_time)
                    total.evidence += carried.evidence
    return total


def _known(facts: list[Fact], registry_vendor: str) -> dict[str, Any]:
    """What a device said about itself: of each kind the most certain, and of those the latest."""
    best: dict[str, Fact] = {}
    for fact in facts:
        known = best.get(fact["kind"])
        if known is None or (fact["confidence"], fact["time"]) > (known["confidence"], known["time"]):
            best[fact["kind"]] = fact
    row: dict[str, Any] = dict.fromkeys(_BEST, "")
    if best:
        for column, kinds in _BEST.items():
            row[column] = next((best[kind]["value"] for kind in kinds if kind in best), "")
    row["vendor_by"] = "fact" if row["vendor"] else "oui" if registry_vendor else ""
    row["vendor"] = row["vendor"] or registry_vendor
    row["facts"] = len(facts)
    return row


def _registry_vendor(device: Device) -> str:
    """Vendor of the first of the device's own MACs that has one."""
    if not device.own_mac:
        return ""
    return next((name for mac in device.macs if (name := oui.vendor(mac))), "")


def _protocols(addresses: list[str], observed: _Observed) -> dict[str, str]:
    """Protocol -> client, server or both, of flows whose label is no guess."""
    sides: dict[str, set[str]] = defaultdict(set)
    for address in addresses:
        for protocol, found in observed.protocols.get(address, {}).items():
            sides[protocol] |= found
    return {protocol: "both" if len(found) > 1 else next(iter(found)) for protocol, found in sorted(sides.items())}


def _evidence(frames: list[tuple[int, int]], facts: list[Fact]) -> str:
    cited = sorted(set(frames))[: MAX_EVIDENCE - 1]
    if facts:
        told = sorted({(f["capture"], f["frame"]) for f in facts})[: MAX_EVIDENCE - len(cited)]
        cited = sorted({*cited, *told})
    return f"[{','.join([f'[{capture},{frame}]' for capture, frame in cited])}]"


def _asset_id(*parts: str | int) -> str:
    """The same for the same device, whichever run saw it."""
    return hashlib.sha256(_spaced_json(["asset", *parts]).encode()).hexdigest()[:16]


_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _texts_json(texts: list[str]) -> str:
    """`_json` of a list of texts."""
    return f"[{','.join(map(encode_basestring, texts))}]"


_spaced_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode
