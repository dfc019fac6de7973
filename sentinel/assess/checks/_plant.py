"""What the checks share of a case: who stands at which address, in which zone, and what passed between whom.

Everything is counted on columns, once a view; checks loop over the counted rows only.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import polars as pl

from sentinel.assess.checks._addresses import covered, is_host, is_public, parsed
from sentinel.assess.checks._exchanges import FRAME_BITS, Exchanges
from sentinel.assess.checks._services import CONTROL, ENCRYPTED, OVER_TLS, PORTS
from sentinel.assess.model import Asset, Conduit, Evidence, Text, Ticket, Zone
from sentinel.assess.view import MAX_FRAMES, View

HOUR = 3600 * 10**9
DAY = 24 * HOUR
EXTERNAL = "external"
"""Stands for the zone of public addresses where the plan has none for them."""
UNZONED = "unzoned"
"""Stands for the zone of private addresses that the plan does not hold."""
_PLACES = {
    EXTERNAL: Text("外部网络", "the Internet"), UNZONED: Text("未划区域", "no zone"), "": Text("未知", "unknown"),
}  # fmt: skip

FIELD = frozenset({"plc", "rtu", "sis", "gateway", "drive", "sensor"})
"""Kinds of device that touch the process."""
MASTERS = frozenset({"hmi", "engineering", "plc", "rtu", "gateway", "sis"})
"""Kinds of listed device that have a reason to write to a controller."""
_SIDES = {
    "ot": "ot", "sis": "ot", "wireless": "ot", "it": "it", "identifier": "it", "park": "it", "dmz": "dmz",
    "cloud": "external", "remote": "external", "external": "external",
}  # fmt: skip
_LOW = frozenset({"0", "1", "2", "3"})
_ENDS = ("client", "server")
MAX_PIECES = 5
"""Flows that one row of `talks` cites."""
MAX_NAMED = 25
"""Addresses of each end that one grouped row names."""

_PLANTS: WeakKeyDictionary[View, Plant] = WeakKeyDictionary()


def plant_of(view: View) -> Plant:
    """The plant of a view, made once."""
    found = _PLANTS.get(view)
    if found is None:
        found = _PLANTS[view] = Plant(view)
    return found


class Plant(Exchanges):
    """One case seen through the site: addresses with their devices and zones, and the traffic, counted."""

    def __init__(self, view: View):
        self._captures = view.captures
        super().__init__(view.flows, view.messages, view.points, view.alerts)
        self._hashes = view.hashes
        self.facts = view.facts
        self.observed = view.assets
        self.site = view.site
        self.coverage = view.coverage
        self.zones: dict[str, Zone] = {zone.id: zone for zone in self.site.zones}
        self._assets: dict[str, Asset] = {}
        # a device behind a gateway has the gateway's addresses: the address is the gateway's
        for asset in sorted(self.site.assets, key=lambda asset: asset.unit is not None):
            for address in (*asset.ips, *asset.macs):
                self._assets.setdefault(address.lower(), asset)
        self._members: dict[str, str] = {}
        self._subnets: dict[tuple[int, int], dict[int, str]] = {}
        for zone in self.site.zones:
            self._members.update({member.lower(): zone.id for member in zone.members})
            for text in zone.subnets:
                net = ipaddress.ip_network(text, strict=False)
                shift = net.max_prefixlen - net.prefixlen
                self._subnets.setdefault((net.version, shift), {})[int(net.network_address) >> shift] = zone.id
        self._narrowest = sorted(self._subnets, key=lambda key: key[1])
        self._zone_of: dict[str, str] = {}

    # -- addresses ----------------------------------------------------------------------------------------------------

    def asset(self, address: str) -> Asset | None:
        """The device with that address."""
        return self._assets.get(address.lower())

    def owner(self, address: str) -> str:
        """Id of the device with that address, or the address."""
        asset = self.asset(address)
        return address if asset is None else asset.id

    def name(self, address: str) -> str:
        """The device's name with its address, or the address."""
        asset = self.asset(address)
        if asset is None or asset.name in ("", address):
            return address or "?"
        return f"{asset.name} ({address})"

    @cached_property
    def wire(self) -> dict[str, dict[str, Any]]:
        """Id of a device of the site -> the row of `assets` that has an address of it."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.observed.filter(pl.col("unit").is_null()).iter_rows(named=True):
            for address in (*json.loads(row["ips"] or "[]"), *json.loads(row["macs"] or "[]")):
                asset = self.asset(address)
                if asset is not None:
                    found.setdefault(asset.id, row)
        return found

    def zone(self, address: str) -> str:
        """Id of the address's zone: as member, by its device, by the narrowest subnet, by its only VLAN; else empty."""
        found = self._zone_of.get(address)
        if found is None:
            found = self._zone_of[address] = self._find_zone(address)
        return found

    def _find_zone(self, address: str) -> str:
        member = self._members.get(address.lower())
        if member is not None:
            return member
        asset = self.asset(address)
        if asset is not None and asset.zone in self.zones:
            return asset.zone
        ip = parsed(address)
        if ip is not None:
            number = int(ip)
            for version, shift in self._narrowest:
                if version == ip.version and (zone := self._subnets[version, shift].get(number >> shift)) is not None:
                    return zone
            if is_public(address):
                return next((zone.id for zone in self.site.zones if zone.kind == "external" and not zone.subnets), "")
        return self._zone_by_vlan.get(address, "")

    @cached_property
    def _zone_by_vlan(self) -> dict[str, str]:
        vlans = {vlan: zone.id for zone in self.site.zones for vlan in zone.vlans}
        if not vlans:
            return {}
        sides = [self._flows.select(pl.col(side).alias("address"), "vlan") for side in ("client", "server")]
        found = pl.concat(sides).drop_nulls().group_by("address").agg(pl.col("vlan").unique())
        return {
            address: vlans[seen[0]]
            for address, seen in found.iter_rows()
            if len(seen) == 1 and seen[0] in vlans and not is_public(address)
        }

    def place(self, address: str) -> str:
        """Zone id, or what stands for one: `external` for a public address, `unzoned` for others, empty for groups."""
        zone = self.zone(address)
        if zone or not is_host(address):
            return zone
        return EXTERNAL if is_public(address) else UNZONED

    def called(self, place: str) -> Text:
        """What people call a zone, or what stands for one; an address is called by itself."""
        zone = self.zones.get(place)
        return zone.name if zone is not None else _PLACES.get(place, Text(place, place))

    def side(self, address: str) -> str:
        """`ot`, `it`, `dmz`, `external`, or empty where neither zone nor device tells."""
        zone = self.zones.get(self.zone(address))
        if zone is not None:
            return "ot" if zone.level in _LOW and zone.kind not in ("cloud", "remote") else _SIDES.get(zone.kind, "")
        if is_public(address):
            return "external"
        asset = self.asset(address)
        if asset is None:
            return ""
        return "ot" if asset.kind in FIELD | {"hmi", "engineering"} or asset.level in _LOW else ""

    def is_public(self, address: str) -> bool:
        """Whether it is an address of the Internet, and not one that the plant itself uses by its zone plan."""
        return is_public(address) and self.side(address) == "external"

    def level(self, address: str) -> float | None:
        """Purdue level of the address's zone, else of its device; 5 for a public address."""
        zone = self.zones.get(self.zone(address))
        asset = self.asset(address)
        text = (zone.level if zone is not None else "") or (asset.level if asset is not None else "")
        if not text:
            return 5.0 if is_public(address) else None
        try:
            return float(text)
        except ValueError:
            return None

    def is_controller(self, address: str) -> bool:
        """Whether the device touches the process: by its kind, or because it answered in a control protocol."""
        asset = self.asset(address)
        return address in self.control_servers or (asset is not None and asset.kind in FIELD)

    def firm(self, *places: str) -> bool:
        """Whether somebody declared all these zones; the Internet needs no plan."""
        return all(
            self.is_outside(place) or ((zone := self.zones.get(place)) is not None and zone.declared)
            for place in places
        )

    def is_outside(self, place: str) -> bool:
        """Whether a zone, or what stands for one, is the Internet."""
        zone = self.zones.get(place)
        return zone.kind == "external" if zone is not None else place == EXTERNAL

    @cached_property
    def declared(self) -> bool:
        """Whether somebody drew a zone plan."""
        return any(zone.declared for zone in self.site.zones)

    @cached_property
    def listed(self) -> bool:
        """Whether somebody gave a list of devices."""
        return any(asset.listed for asset in self.site.assets)

    def allowing(self, row: Mapping[str, Any]) -> list[Conduit]:
        """Declared conduits from the zone of a talk's client to that of its server that allow its protocol or port."""
        names = {row["service"], "*", f"{row['transport']}/{row['server_port']}"}
        if row["service"] in ENCRYPTED:
            names.add("tls")
        ends = row["client_zone"], row["server_zone"]
        return [c for c in self._conduits.get(ends, ()) if names & {name.lower() for name in c.protocols}]

    @cached_property
    def conduits(self) -> tuple[Conduit, ...]:
        """The conduits that somebody declared; a proposed one is what was seen, and allows nothing."""
        return tuple(conduit for conduit in self.site.conduits if conduit.declared)

    @cached_property
    def _conduits(self) -> dict[tuple[str, str], list[Conduit]]:
        found: dict[tuple[str, str], list[Conduit]] = {}
        for conduit in self.conduits:
            found.setdefault((conduit.source, conduit.target), []).append(conduit)
        return found

    def ticket(self, source: str, target: str, activity: str, first: int, last: int) -> str:
        """Id of the ticket or window that explains what was done, or empty."""
        for ticket in self.site.tickets:
            if (
                ticket.start <= first
                and last <= ticket.end
                and self._named(source, ticket.sources)
                and self._named(target, ticket.targets)
                and (not ticket.activities or activity in ticket.activities)
            ):
                return ticket.id
        return ""

    def _named(self, address: str, wanted: tuple[str, ...]) -> bool:
        asset = self.asset(address)
        own = {address.lower(), *(() if asset is None else (*asset.ips, *asset.macs, asset.name, asset.id))}
        return not wanted or any(item in own or item.lower() in own for item in wanted)

    @cached_property
    def windows(self) -> tuple[Ticket, ...]:
        """The maintenance windows."""
        return tuple(ticket for ticket in self.site.tickets if ticket.kind == "window")

    # -- time ---------------------------------------------------------------------------------------------------------

    @cached_property
    def span(self) -> tuple[int, int]:
        """First and last moment captured, ns; zeros where nothing was."""
        times = self._captures.select(
            pl.col("first_time").cast(pl.Int64).min(), pl.col("last_time").cast(pl.Int64).max()
        ).row(0)
        if times[0] is None and self._flows.height:
            times = self.flows.select(pl.col("first").min(), pl.col("last").max()).row(0)
        return (0, 0) if times[0] is None else times

    @cached_property
    def captured(self) -> int:
        """Time under observation, ns: the captures' spans, where they overlap counted once."""
        spans = [
            (first, last)
            for first, last in self._captures.select(
                pl.col("first_time").cast(pl.Int64), pl.col("last_time").cast(pl.Int64)
            ).iter_rows()
            if first is not None
        ]
        return covered(spans) if spans else self.span[1] - self.span[0]

    @property
    def hours(self) -> float:
        """Time under observation, hours."""
        return self.captured / HOUR

    @property
    def days(self) -> float:
        """Time under observation, days."""
        return self.captured / DAY

    @cached_property
    def frames_read(self) -> tuple[int, ...]:
        """Frames of each capture."""
        return tuple(self._captures["frames"])

    # -- traffic ------------------------------------------------------------------------------------------------------

    @cached_property
    def flows(self) -> pl.DataFrame:
        """The flows with `service`, `proven` (by payload), `session` (payload passed) and times as numbers."""
        ports = pl.DataFrame(
            [(transport, port, name) for (transport, port), name in PORTS.items()],
            schema={"transport": pl.String, "known_as": pl.Int32, "by_port": pl.String},
            orient="row",
        )
        proven = (pl.col("protocol") != "") & pl.col("label_by").str.starts_with("payload")
        service = (
            pl.when(proven & (pl.col("protocol") == "tls") & pl.col("by_port").is_in(list(OVER_TLS)))
            .then(pl.col("by_port"))
            .when(proven)
            .then(pl.col("protocol"))
            .otherwise(pl.coalesce("by_port", "protocol"))
        )
        there, back = pl.col("payload_client") > 0, pl.col("payload_server") > 0
        named = self._flows.with_columns(pl.coalesce("server_port", "ethertype").alias("known_as"))
        return named.join(ports, on=["transport", "known_as"], how="left", maintain_order="left").with_columns(
            service.alias("service"),
            proven.alias("proven"),
            pl.when(pl.col("transport").is_in(["tcp", "sctp"]))
            .then(there | back)
            .otherwise(there & back)
            .alias("session"),
            pl.col("time").cast(pl.Int64).alias("first"),
            pl.col("last_time").cast(pl.Int64).alias("last"),
            (pl.col("bytes_client") + pl.col("bytes_server")).alias("bytes"),
            (pl.col("packets_client") + pl.col("packets_server")).alias("packets"),
        )

    @cached_property
    def talks(self) -> pl.DataFrame:
        """One row for each client, server, port, transport, service and tunnel, with sums, places and first flows.

        `sessions` counts the flows in which payload passed, `pieces` are the first of them (else of all); `proven` says
        that the payload of one of them showed the service, `carried` that payload passed at all (one way by datagram).
        """
        piece = pl.struct("capture", "frame", "last_frame", "last")
        payload = (pl.col("payload_client") > 0) | (pl.col("payload_server") > 0)
        key = ["client", "server", "server_port", "transport", "service", "tunnel"]
        counted = (
            self.flows.lazy()
            .group_by(key)
            .agg(
                pl.len().alias("flows"),
                pl.col("session").sum().cast(pl.Int64).alias("sessions"),
                pl.col("proven").any(),
                pl.col("packets", "bytes", "payload_client", "payload_server").sum(),
                pl.col("first").min(),
                pl.col("last").max(),
                (pl.col("last") - pl.col("first")).filter("session").max().fill_null(0).alias("longest"),
                (pl.col("last") - pl.col("first")).filter("session").sum().alias("lasted"),
                piece.filter(pl.col("session")).head(MAX_PIECES).alias("some"),
                piece.head(MAX_PIECES).alias("any"),
            )
            .with_columns(pl.when(pl.col("sessions") > 0).then("some").otherwise("any").alias("pieces"))
            .with_columns(((pl.col("sessions") > 0) | ((pl.col("transport") != "tcp") & payload)).alias("carried"))
            .drop("some", "any")
            .sort(key)
            .collect()
        )
        return counted.join(self._places("client"), on="client", how="left", maintain_order="left").join(
            self._places("server"), on="server", how="left", maintain_order="left"
        )

    def _places(self, end: str) -> pl.DataFrame:
        """Where the addresses of one end stand: `<end>_zone`, `_side`, `_level`, and `_field` for controllers."""
        rows = [
            (address, self.place(address), self.side(address), self.level(address), self.is_controller(address))
            for address in self._flows[end].unique()
        ]
        names = {"zone": pl.String, "side": pl.String, "level": pl.Float64, "field": pl.Boolean}
        return pl.DataFrame(
            rows, schema={end: pl.String, **{f"{end}_{n}": type_ for n, type_ in names.items()}}, orient="row"
        )

    def grouped(self, talks: pl.DataFrame, *key: str) -> pl.DataFrame:
        """Rows of `talks` added up by the columns of a key; what is not in the key is that of the row with most bytes.

        `pairs` counts the pairs of hosts, `addresses` names at most `MAX_NAMED` of each end, those with most bytes
        first, and `pieces` are the flows of the same.
        """
        own = [c for c in ("client", "server", "server_port", "transport", "service", "tunnel") if c not in key]
        places = [c for c in talks.columns if c.endswith(("_zone", "_side", "_level", "_field")) and c not in key]
        return (
            talks.sort("bytes", descending=True, maintain_order=True)
            .group_by(key, maintain_order=True)
            .agg(
                pl.col(*own, *places).first(),
                pl.struct("client", "server").n_unique().cast(pl.Int64).alias("pairs"),
                pl.concat_list(
                    pl.col("client").unique(maintain_order=True).head(MAX_NAMED).implode(),
                    pl.col("server").unique(maintain_order=True).head(MAX_NAMED).implode(),
                ).first().alias("addresses"),
                pl.col("flows", "sessions", "packets", "bytes", "payload_client", "payload_server", "lasted").sum(),
                pl.col("proven", "carried").any(),
                pl.col("first").min(),
                pl.col("last", "longest").max(),
                pl.col("pieces").explode().head(MAX_PIECES),
            )
            .sort(key, nulls_last=True)
        )  # fmt: skip

    def classes(self, talks: pl.DataFrame, *key: str) -> pl.DataFrame:
        """Rows of `talks` grouped into classes of traffic: by zones, service, port and tunnel."""
        return self.grouped(
            talks, "client_zone", "server_zone", "service", "transport", "server_port", "tunnel", *key
        )

    @cached_property
    def sessions(self) -> pl.DataFrame:
        """The talks between hosts in which payload passed."""
        hosts = {a: is_host(a) for a in self.talks["server"].unique()}
        return self.talks.filter(
            (pl.col("sessions") > 0) & pl.col("server").replace_strict(hosts, default=False, return_dtype=pl.Boolean)
        )

    @cached_property
    def crossings(self) -> pl.DataFrame:
        """The talks, ARP aside, in which packets passed between two zones."""
        ends = pl.col("client_zone"), pl.col("server_zone")
        return self.talks.filter(
            (ends[0] != "") & (ends[1] != "") & (ends[0] != ends[1]) & (pl.col("service") != "arp")
        )

    @cached_property
    def zones_seen(self) -> frozenset[str]:
        """Zones of which an address took part in a flow."""
        sides = [self.talks.select(pl.col(f"{s}_zone").alias("zone"), pl.col(s).alias("address")) for s in _ENDS]
        return frozenset(pl.concat(sides)["zone"].unique()) & self.zones.keys()

    @cached_property
    def control_servers(self) -> frozenset[str]:
        """Addresses that answered in a control protocol that their payload proves."""
        return frozenset(
            self._flows.filter(
                pl.col("protocol").is_in(list(CONTROL))
                & pl.col("label_by").str.starts_with("payload")
                & ((pl.col("payload_server") > 0) | (pl.col("messages") > 0))
            )["server"].unique()
        )

    # -- evidence -----------------------------------------------------------------------------------------------------

    @cached_property
    def _ends_at(self) -> dict[int, int | None]:
        return dict(self._captures.select("capture", pl.col("last_time").cast(pl.Int64)).iter_rows())

    def frames(self, capture: int, frames: Iterable[int]) -> Evidence:
        """Evidence of frames of one capture: at most `MAX_FRAMES`, first and last always among them."""
        numbers = sorted(set(frames))
        if len(numbers) > MAX_FRAMES:
            numbers = [*numbers[: MAX_FRAMES - 1], numbers[-1]]
        return Evidence("frames", capture=capture, sha256=self._hashes.get(capture, ""), frames=tuple(numbers))

    def alert_evidence(self, alert: Mapping[str, Any]) -> tuple[Evidence, ...]:
        """Evidence of one row of `alerts`: its frames, one piece for each capture, naming the alert."""
        found: dict[int, list[int]] = {}
        for capture, frame in json.loads(alert["evidence"] or "[]"):
            found.setdefault(capture, []).append(frame)
        pieces = (self.frames(capture, frames) for capture, frames in sorted(found.items()))
        return tuple(replace(piece, kind="alert", ref=alert["alert"]) for piece in pieces)

    def asset_evidence(self, asset: Asset) -> tuple[Evidence, ...]:
        """Frames that showed a device; none for one that is only listed."""
        wire = self.wire.get(asset.id)
        if asset.evidence or wire is None:
            return asset.evidence
        return tuple(self.frames(capture, (frame,)) for capture, frame in json.loads(wire["evidence"] or "[]")[:2])

    def flow_evidence(self, *rows: Mapping[str, Any]) -> tuple[Evidence, ...]:
        """Evidence of rows of `talks` or `flows`: first and last frames, of at most `MAX_PIECES` flows.

        A flow's last frame counts only where its time lies in the capture that holds the first: it may lie in a later
        one (`flows.last_frame`).
        """
        found: dict[int, set[int]] = {}
        pieces = [piece for row in rows for piece in row.get("pieces", (row,))]
        for piece in pieces[:MAX_PIECES]:
            end = self._ends_at.get(piece["capture"])
            frames = {piece["frame"]} | ({piece["last_frame"]} if end is not None and piece["last"] <= end else set())
            found.setdefault(piece["capture"], set()).update(frames)
        return tuple(self.frames(capture, frames) for capture, frames in sorted(found.items()))

    def row_evidence(self, *rows: Mapping[str, Any]) -> tuple[Evidence, ...]:
        """Evidence of counted messages: their lowest and highest places."""
        found: dict[int, set[int]] = {}
        for row in rows[: 2 * MAX_PIECES]:
            for spot in (row["spot"], row["last_spot"]):
                found.setdefault(spot >> FRAME_BITS, set()).add(spot & (1 << FRAME_BITS) - 1)
        return tuple(self.frames(capture, frames) for capture, frames in sorted(found.items()))
