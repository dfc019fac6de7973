"""The site: devices that were seen joined with the client's lists, zones and conduits declared or else proposed.

What a device said about itself counts before the list; the list counts before what a MAC registry or a pattern of
traffic suggests. Where the two differ, the asset keeps both (`Asset.conflicts`), and `Asset.provenance` says whose
value stands. Nothing is invented: importance and C, I, A are empty where nobody gave them.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from sentinel.assess import zones as zoning
from sentinel.assess._fields import normal
from sentinel.assess.imports import zone_ids
from sentinel.assess.model import Answer, Asset, Conduit, Evidence, Site, Tag, Text, Ticket, Zone
from sentinel.store.case import Case

DAY = 86_400_000_000_000
"""Nanoseconds."""
MAX_ADDRESSES = 1 << 16
"""Addresses that are asked whether they are public."""
MAX_REPEATS = 1000
"""Occurrences of a window that comes back."""

Entry = Mapping[str, Any]

_KIND_OF_ROLE = {"client": "host", "broadcast": "unknown"}
"""Roles of the inventory that are no kind of asset of their own."""
_WEAK = {"host", "unknown", "router"}
"""Kinds that traffic suggests for want of anything better: a list that says more does not contradict them."""
_SAID = ("vendor", "model", "firmware", "serial")
"""Attributes of which a device's own word counts more than the list."""
_LISTED = ("role", "zone", "owner", "location", "criticality", "bearing")
"""Attributes that only the list has."""


def build(case: Case) -> Site:
    """All that is known of the plant, from the wire and from the client."""
    said = {kind: case.current(kind) for kind in ("asset", "zone", "conduit", "tag", "ticket", "answer", "engagement")}
    hashes = dict(case.captures().select("capture", "sha256").iter_rows())
    observed = [row for row in case.assets().to_dicts() if row["role"] != "broadcast"]
    assets = _join(observed, said["asset"], hashes)
    talks = _talks(case, (address for asset in assets for address in (*asset.ips, *asset.macs)))
    drawn = {subject: entry["value"] for subject, entry in sorted(said["zone"].items())}
    declared = tuple(_zone(subject, values) for subject, values in drawn.items())
    assets = _by_id(assets, zone_ids(drawn))
    proposed = zoning.propose(assets, declared, talks.vlans, talks.addresses, talks.speaking)
    zones = (*declared, *proposed)
    assets = _in_zones(assets, zones, {zone.id for zone in declared})
    allowed = tuple(_conduit(subject, entry["value"]) for subject, entry in sorted(said["conduit"].items()))
    conduits = allowed or zoning.conduits(Site(tuple(assets), zones), talks.pairs)
    names = _names(assets)
    return Site(
        assets=tuple(assets),
        zones=zones,
        conduits=conduits,
        tags=tuple(_tag(entry["value"], names) for _, entry in sorted(said["tag"].items())),
        tickets=tuple(t for _, entry in sorted(said["ticket"].items()) for t in tickets(entry["value"], names)),
        answers={subject: answer(subject, entry) for subject, entry in sorted(said["answer"].items())},
        engagement={subject: entry["value"] for subject, entry in sorted(said["engagement"].items())},
    )


# --- assets ----------------------------------------------------------------------------------------------------------


def _join(observed: Sequence[Mapping[str, Any]], listed: Mapping[str, Entry], hashes: Mapping[int, str]) -> list[Asset]:
    """Every device that was seen, with what the list says of it, then those that are only listed."""
    by_id = {row["asset"]: row for row in observed}
    seen = [_observed(row, by_id.get(row["parent"]), hashes) for row in observed]
    match = _Matcher(seen)
    taken: dict[int, str] = {}
    alone: list[Asset] = []
    for subject, entry in sorted(listed.items()):
        values = entry["value"]
        found = match.find(values)
        if found is None or found in taken:
            clash = {} if found is None else {"ips": f"list: {taken[found]}"}
            alone.append(_only_listed(subject, values, clash))
        else:
            taken[found] = subject
            seen[found] = _both(seen[found], subject, values)
    return [*seen, *alone]


def _observed(row: Mapping[str, Any], parent: Mapping[str, Any] | None, hashes: Mapping[int, str]) -> Asset:
    """A device as it was seen; one behind a gateway has the gateway's addresses and its own unit."""
    at = row if parent is None else parent
    kind = _KIND_OF_ROLE.get(row["role"], row["role"])
    provenance = {"ips": "wire:address", "macs": "wire:address", "kind": "wire:traffic", "level": "wire:traffic"}
    provenance |= dict.fromkeys(("name", *_SAID), "wire:fact")
    provenance["vendor"] = f"wire:{row['vendor_by'] or 'fact'}"
    frames: dict[int, list[int]] = {}
    for capture, frame in json.loads(row["evidence"] or "[]"):
        frames.setdefault(capture, []).append(frame)
    values = {name: row[name] for name in ("name", "vendor", "model", "firmware", "serial", "level", "unit")}
    asset = Asset(
        id=row["asset"], observed=True, listed=False, kind=kind, role=row["role"],
        ips=tuple(json.loads(at["ips"])), macs=tuple(json.loads(at["macs"])),
        evidence=tuple(
            Evidence("frames", capture=capture, sha256=hashes.get(capture, ""), frames=tuple(sorted(numbers)))
            for capture, numbers in sorted(frames.items())
        ),
        **values,
    )  # fmt: skip
    given = {name: source for name, source in provenance.items() if getattr(asset, name)}
    return dataclasses.replace(asset, name=asset.name or _address_name(asset), provenance=given)


def _address_name(asset: Asset) -> str:
    """What a device without a name is called: its first address, with its unit."""
    address = (*asset.ips, *asset.macs, asset.id)[0]
    return address if asset.unit is None else f"{address} #{asset.unit}"


class _Matcher:
    """Finds the device that a row of the list is about: by MAC, then by IP address and unit, then by name."""

    def __init__(self, seen: Sequence[Asset]):
        self._macs: dict[str, int] = {}
        self._ips: dict[tuple[str, int | None], int] = {}
        self._names: dict[str, int] = {}
        self._gateways = {ip for asset in seen if asset.unit is not None for ip in asset.ips}
        for n, asset in enumerate(seen):
            if asset.unit is None:
                self._macs.update((mac, n) for mac in asset.macs)
            self._ips.update(((ip, asset.unit), n) for ip in asset.ips)
            if "name" in asset.provenance:
                self._names.setdefault(asset.name.casefold(), n)

    def find(self, values: Mapping[str, Any]) -> int | None:
        """Position of the device; None where none was seen."""
        unit = values.get("unit")
        macs = (self._macs.get(mac) for mac in values.get("macs", ()) if unit is None)
        ips = (self._ip(ip, unit) for ip in values.get("ips", ()))
        name = self._names.get(str(values.get("name", "")).casefold())
        return next((n for n in (*macs, *ips, name) if n is not None), None)

    def _ip(self, ip: str, unit: int | None) -> int | None:
        """The device of that unit; without devices behind the address, the one at it, whatever the unit."""
        found = self._ips.get((ip, unit))
        return self._ips.get((ip, None)) if found is None and ip not in self._gateways else found


def _both(asset: Asset, subject: str, values: Mapping[str, Any]) -> Asset:
    """A device that was seen, with what the list says of it."""
    provenance = dict(asset.provenance)
    conflicts: dict[str, str] = {}
    new: dict[str, Any] = {}

    def take(name: str, value: Any) -> None:
        new[name] = value
        provenance[name] = "list"

    for name in _SAID:
        mine, theirs = getattr(asset, name), values.get(name, "")
        if theirs and provenance.get(name) != "wire:fact":
            if mine and not _same(mine, theirs):
                conflicts[name] = f"wire: {mine}"
            take(name, theirs)
        elif theirs and not _same(mine, theirs):
            conflicts[name] = f"list: {theirs}"
    for name in ("kind", "level"):
        mine, theirs = getattr(asset, name), values.get(name, "")
        if theirs:
            if mine and mine != theirs and mine not in _WEAK and theirs != "unknown":
                conflicts[name] = f"wire: {mine}"
            take(name, theirs)
    for name in ("ips", "macs"):
        mine, theirs = getattr(asset, name), tuple(values.get(name, ()))
        if theirs and not mine:
            take(name, theirs)
        elif set(theirs) - set(mine):
            conflicts[name] = f"list: {', '.join(sorted(set(theirs) - set(mine)))}"
    for name in ("name", *_LISTED):
        if values.get(name) not in (None, ""):
            take(name, values[name])
    return dataclasses.replace(
        asset, **new, listed=True, number=_number(subject, values), cia=_cia(values, provenance),
        provenance=provenance, conflicts=conflicts,
        evidence=(*asset.evidence, Evidence("record", f"asset/{subject}")),
    )  # fmt: skip


def _only_listed(subject: str, values: Mapping[str, Any], conflicts: Mapping[str, str]) -> Asset:
    names = ("kind", "level", *_SAID, *_LISTED, "unit")
    given: dict[str, Any] = {name: values[name] for name in names if values.get(name) not in (None, "")}
    addresses: dict[str, Any] = {name: tuple(values[name]) for name in ("ips", "macs") if values.get(name)}
    provenance = dict.fromkeys((*given, *addresses, *(("name",) if values.get("name") else ())), "list")
    return Asset(
        id=f"list:{subject}", name=values.get("name") or subject, observed=False, listed=True, **given, **addresses,
        number=_number(subject, values), cia=_cia(values, provenance), provenance=provenance, conflicts=conflicts,
        evidence=(Evidence("record", f"asset/{subject}"),),
    )  # fmt: skip


def _number(subject: str, values: Mapping[str, Any]) -> str:
    return subject if values.get("id") else ""


def _cia(values: Mapping[str, Any], provenance: dict[str, str]) -> tuple[int | None, int | None, int | None]:
    found = (values.get("c"), values.get("i"), values.get("a"))
    if found != (None, None, None):
        provenance["cia"] = "list"
    return found


def _same(one: str, other: str) -> bool:
    """Whether two spellings mean the same thing: `V3.2.6` and `3.2.6`, `Siemens` and `Siemens AG`."""
    a, b = normal(one).removeprefix("v"), normal(other).removeprefix("v")
    return a in b or b in a


def _by_id(assets: Iterable[Asset], ids: Mapping[str, str]) -> list[Asset]:
    """The assets with the id of their zone where the list gives its name."""
    return [dataclasses.replace(a, zone=ids.get(a.zone.casefold(), a.zone)) if a.zone else a for a in assets]


def _in_zones(assets: Iterable[Asset], zones: Sequence[Zone], declared: set[str]) -> list[Asset]:
    """The assets with their zone, by their addresses where the list names none."""
    found = list(assets)
    index = zoning.ZoneIndex(Site(tuple(found), tuple(zones)))
    for n, asset in enumerate(found):
        if asset.zone:
            continue
        zone = next((zone for address in (*asset.ips, *asset.macs) if (zone := index.of(address))), "")
        if zone:
            source = "list" if zone in declared else "assumed"
            found[n] = dataclasses.replace(asset, zone=zone, provenance={**asset.provenance, "zone": source})
    return found


def _names(assets: Iterable[Asset]) -> dict[str, tuple[str, ...]]:
    """Number or name of an asset -> its addresses."""
    found: dict[str, tuple[str, ...]] = {}
    for asset in assets:
        for name in (asset.number, asset.name):
            if name:
                found.setdefault(name.casefold(), (*asset.ips, *asset.macs))
    return found


# --- what the flows say ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Talks:
    """Who took part, in which VLAN, who speaks a control protocol, and who talks what to whom."""

    addresses: tuple[str, ...]
    vlans: Mapping[str, int]
    speaking: frozenset[str]
    pairs: tuple[tuple[str, str, int | None, str], ...]


def _talks(case: Case, known: Iterable[str]) -> _Talks:
    """What the flows say; VLANs of `known` addresses alone, since a flood forges any number of others."""
    columns = ("client", "server", "vlan", "protocol", "transport", "server_port", "label_by", "messages")
    sizes = ("payload_client", "payload_server", "packets_client", "packets_server")
    flows = case.scan("flows").select(*columns, *sizes).collect()
    ends = pl.concat([_end(flows, "client"), _end(flows, "server")])
    vlans = (
        ends.filter(pl.col("vlan").is_not_null() & pl.col("address").is_in(list(known)))
        .group_by("address", "vlan")
        .agg(pl.col("packets").sum())
        .sort("packets", "vlan", descending=(False, True))
    )
    guessed = pl.col("label_by").cast(pl.String).str.starts_with("port")
    payload = pl.col("payload_client") + pl.col("payload_server") > 0
    # frames without a network layer have no payload of a transport
    answered = payload | (pl.col("transport").cast(pl.String) == "eth")
    pairs = (
        flows.filter(answered)
        .select("client", "server", "vlan", "protocol", "transport", "server_port")
        .unique()
        .with_columns(pl.col("client", "server", "protocol", "transport").cast(pl.String))
        .sort("client", "server", "vlan", "protocol", "transport", "server_port", nulls_last=True)
    )
    return _Talks(
        tuple(ends["address"].unique().sort()[:MAX_ADDRESSES]),
        dict(vlans.select("address", "vlan").iter_rows()),
        frozenset(_addresses_of(flows.filter((pl.col("messages") > 0) & ~guessed))),
        tuple(
            (client, server, vlan, protocol or ("" if port is None else f"{transport}/{port}"))
            for client, server, vlan, protocol, transport, port in pairs.iter_rows()
        ),
    )


def _end(flows: pl.DataFrame, side: str) -> pl.DataFrame:
    packets = (pl.col("packets_client") + pl.col("packets_server")).alias("packets")
    return flows.select(pl.col(side).cast(pl.String).alias("address"), "vlan", packets)


def _addresses_of(flows: pl.DataFrame) -> Iterable[str]:
    for side in ("client", "server"):
        yield from flows[side].cast(pl.String).unique()


# --- the client's other lists ----------------------------------------------------------------------------------------


def _zone(subject: str, values: Mapping[str, Any]) -> Zone:
    name = values.get("name") or subject
    if isinstance(name, str):
        name = {"zh": name}
    both = Text(name.get("zh") or name["en"], name.get("en") or name["zh"])
    return Zone(
        subject, both, values.get("level", ""), values.get("kind", "ot"), tuple(values.get("subnets", ())),
        tuple(values.get("vlans", ())), tuple(values.get("members", ())), values.get("sl_t"),
    )  # fmt: skip


def _conduit(subject: str, values: Mapping[str, Any]) -> Conduit:
    return Conduit(
        subject, values["source"], values["target"], tuple(values.get("protocols", ())),
        bool(values.get("one_way", False)), note=values.get("note", ""),
    )  # fmt: skip


def _tag(values: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> Tag:
    device = (*names.get(values["device"].casefold(), ()), values["device"])[0]
    return Tag(
        device, values.get("unit"), values["object"], values.get("block"), values["address"], values["name"],
        values.get("unit_of_measure", ""),
    )  # fmt: skip


def tickets(values: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> Iterable[Ticket]:
    """A ticket, or each occurrence of a window that comes back; `names` are assets with their addresses."""
    sources, targets = (_addresses(values.get(side, ()), names) for side in ("sources", "targets"))
    step = {"daily": DAY, "weekly": 7 * DAY}.get(values.get("repeat", ""), 0)
    last = values["start"] if not step else _end_of(values["until"])
    for n in range(MAX_REPEATS):
        shift = n * step
        if values["start"] + shift > last:
            return
        yield Ticket(
            str(values["id"]), values["kind"], values["start"] + shift, values["end"] + shift, sources, targets,
            tuple(values.get("activities", ())), values.get("note", ""),
        )  # fmt: skip
        if not step:
            return


def _end_of(day: str) -> int:
    """The last nanosecond of a day, UTC."""
    return round(datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC).timestamp()) * 10**9 + DAY - 1


def _addresses(wanted: Iterable[str], names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(a for name in wanted for a in names.get(name.casefold(), (name,))))


def answer(subject: str, entry: Entry) -> Answer:
    """The answer that an entry of the journal holds."""
    values = entry["value"]
    given = values["answer"]
    if isinstance(given, list):
        given = tuple(given)
    day = values.get("date")
    time = entry["time"] if not day else _end_of(day) - DAY + 1
    note = values.get("note", "")
    evidence = (Evidence("answer", subject, note=Text(note, note) if note else None),)
    author = values.get("author") or entry["author"]
    return Answer(subject, given, values.get("state", "stated"), author, time, note, evidence)
