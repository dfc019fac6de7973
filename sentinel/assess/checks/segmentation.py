"""Segmentation: what passes between zones, against the plan (SG-01 to SG-10).

Where nobody drew a plan, zones are proposed by this program. What crosses a proposed boundary is then an indication
and no violation, with one exception that needs no plan: a controller that talks to a public address. A conduit is read
as the direction in which sessions may be opened; answers go with it, except over a one-way conduit.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

from sentinel.assess.checks._look import (
    CONFIRMED,
    NOT_ASSESSABLE,
    NOT_OBSERVED,
    VIOLATED,
    Look,
    few,
    join,
    looks,
    proof,
    size,
    stamp,
    talked,
    times,
)  # fmt: skip
from sentinel.assess.checks._plant import DAY, EXTERNAL, UNZONED
from sentinel.assess.checks._services import CONTROL, ENCRYPTED, word
from sentinel.assess.model import CheckResult, Observation, Outcome, Text

GENERIC = (
    "smtp", "smtps", "pop3", "pop3s", "imap", "imaps", "http", "https", "telnet", "rlogin", "ftp", "ftps", "smb", "rdp", "vnc", "ssh", "dns",
)  # fmt: skip
NO_ZONES = Text(
    "没有任何区域：请导入分区规划（sentinel import zones），或先分析含多个子网的流量。",
    "There is no zone at all: import a zone plan (sentinel import zones).",
)
NO_PLAN = Text("企业未提供分区规划，区域由本程序推定：请导入分区规划后再下结论。", "The client gave no zone plan and the zones are proposed: import the plan before anything is concluded.")
NO_OT = Text("没有已知属于生产控制网（OT）的区域或设备。", "No zone or device is known to belong to the control network (OT).")


def _has_ot(look: Look) -> bool:
    return bool((look.plant.talks["client_side"] == "ot").any() or (look.plant.talks["server_side"] == "ot").any())


@looks(
    "SG-01", Text("区域间通信与规划对照", "Conduit matrix"),
    Text("区域之间的实际通信是否都在规划允许之内？", "Does everything that passes between zones follow the declared conduits?"),
    sources=("flows",),
)  # fmt: skip
def conduits(look: Look) -> CheckResult:
    """The matrix of zones, declared and seen; every crossing that no declared conduit allows."""
    plant = look.plant
    if not plant.zones:
        return look.result((), NOT_ASSESSABLE, NO_ZONES)
    judged = bool(plant.declared and plant.conduits)
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in plant.classes(plant.crossings).iter_rows(named=True):
        pairs[row["client_zone"], row["server_zone"]].append(row)
    declared: dict[tuple[str, str], set[str]] = defaultdict(set)
    for conduit in plant.conduits:
        declared[conduit.source, conduit.target].update(conduit.protocols or ("none",))
    found, table = [], []
    for pair in sorted(pairs.keys() | declared.keys()):
        rows = pairs.get(pair, [])
        surplus = [row for row in rows if not plant.allowing(row)]
        total = sum(row["bytes"] for row in rows)
        encrypted = sum(row["bytes"] for row in rows if row["service"] in ENCRYPTED)
        table.append(
            {
                "source_zone": pair[0], "target_zone": pair[1], "declared": ", ".join(sorted(declared.get(pair, ()))),
                "seen": ", ".join(_seen(rows)),
                "bytes": total, "packets": sum(row["packets"] for row in rows), "encrypted_share": round(encrypted / total, 4) if total else None,
                "verdict": _verdict(plant.declared, judged, rows, surplus),
            }
        )  # fmt: skip
        if judged:
            found += _surplus(look, pair, surplus)
    tables = {"conduit_matrix": table}
    if not plant.declared:
        return look.result((), NOT_ASSESSABLE, NO_PLAN, tables)
    if not judged:
        return look.result((), NOT_ASSESSABLE, Text("分区规划中没有声明任何通道：请导入允许的区域间通信。", "The plan declares no conduit: import what may pass between the zones."), tables)
    outcome, reason = look.silent(Text("超出规划的区域间通信", "crossing that the plan does not allow"))
    return look.result(found, outcome, reason, tables)


def _seen(rows: list[dict[str, Any]]) -> list[str]:
    """The protocols of some talks, or their ports; one that only its port tells has a question mark."""
    proven = {row["service"] for row in rows if row["proven"]}
    guessed = {row["service"] for row in rows if row["service"]} - proven
    bare = {f"{row['transport']}/{row['server_port']}" for row in rows if not row["service"]}
    return sorted({*proven, *(f"{name}?" for name in guessed), *bare})


def _verdict(declared: bool, judged: bool, rows: list[dict[str, Any]], surplus: list[dict[str, Any]]) -> str:
    if not rows:
        return "not seen"
    if not declared:
        return "proposed"
    if not judged:
        return "not judged"
    return "allowed" if not surplus else "surplus" if len(surplus) < len(rows) else "undeclared"


def _surplus(look: Look, pair: tuple[str, str], rows: list[dict[str, Any]]) -> list[Observation]:
    """One observation for each class that crosses without a conduit; attempts that carried nothing are told apart."""
    found = []
    for row in rows:
        said = talked(look.plant, row)
        tried = Text("", "") if row["carried"] else Text("；均未传送载荷，仅为尝试", "; none carried payload, attempts only")
        a, b = (look.plant.called(place) for place in pair)
        detail = Text(
            f"从“{a.zh}”到“{b.zh}”的该通信不在规划允许之内：{said.zh}{tried.zh}。",
            f"What passed from {a.en} to {b.en} is not allowed by the plan: {said.en}{tried.en}.",
        )
        outcome, doubt = look.judge(*(place for place in pair if place != UNZONED))
        found.append(_crossing(look, row, outcome if row["carried"] else NOT_OBSERVED, join(detail, doubt)))
    return found


@looks(
    "SG-02", Text("越层通信", "Level skipping"),
    Text("4、5 层与 0 至 2 层之间是否有不经隔离区（3.5 层）的直接会话？", "Is there a direct session between levels 4 or 5 and levels 0 to 2 that skips the DMZ (3.5)?"),
    sources=("flows",),
)  # fmt: skip
def level_skip(look: Look) -> CheckResult:
    """Sessions whose ends lie on levels 4 or above and 2 or below."""
    plant = look.plant
    client, server = pl.col("client_level"), pl.col("server_level")
    low, high = pl.min_horizontal(client, server), pl.max_horizontal(client, server)
    if plant.sessions.filter(low <= 2).is_empty():
        return look.result((), NOT_ASSESSABLE, Text("没有已知位于 0 至 2 层的设备或区域：请在分区规划中注明层级。", "No device or zone is known to lie on levels 0 to 2: give the zones their level."))
    skipping = plant.sessions.filter(client.is_not_null() & server.is_not_null() & (low <= 2) & (high >= 4))
    found = []
    for row in plant.classes(skipping, "client_level", "server_level", *_EVIDENT).iter_rows(named=True):
        outcome, doubt = _across(look, row)
        said = talked(plant, row)
        a, b = row["client_level"], row["server_level"]
        detail = Text(f"{said.zh}；从 {a:g} 层到 {b:g} 层，未经 3.5 层。", f"{said.en}; from level {a:g} to level {b:g}, with no 3.5 between.")
        more = ("T0886",) if row["service"] in ("rdp", "vnc", "ssh") else ()
        found.append(_crossing(look, row, outcome, join(detail, doubt), kind=f"{a:g}>{b:g}", values={"from": a, "to": b}, techniques=more))
    outcome, reason = look.silent(Text("越层会话", "session that skips levels"))
    return look.result(found, outcome, reason)


_EVIDENT = ("client_field", "server_field")
"""Columns that tell whether an end is a controller: with a public address at the other it needs no plan."""


def _across(look: Look, row: dict[str, Any]) -> tuple[Outcome, Text]:
    """Violated where the plan is declared, or where a controller talks to a public address; else an indication."""
    ends = row["client_zone"], row["server_zone"]
    client, server = look.plant.is_public(row["client"]), look.plant.is_public(row["server"])
    if client != server and row["server_field" if client else "client_field"]:
        return VIOLATED, Text("", "")
    return look.judge(*ends)


def _crossing(look: Look, row: dict[str, Any], outcome: Outcome, detail: Text, kind: str = "", **more: Any) -> Observation:
    """The observation of a class of traffic between two zones."""
    service = row["service"] or f"{row['transport']}/{row['server_port']}"
    port = "" if row["server_port"] is None else f" {row['transport']}/{row['server_port']}"
    subject = f"{row['client_zone']}>{row['server_zone']} {service}{port} {row['tunnel']}".strip()
    fields = "".join("f" if row[name] else "-" for name in _EVIDENT)
    values = {
        "bytes": row["bytes"], "pairs": row["pairs"], "port": row["server_port"], "proven": row["proven"], "source_zone": row["client_zone"],
        "target_zone": row["server_zone"], "example": f"{row['client']}>{row['server']}", **more.pop("values", {}),
    }  # fmt: skip
    return look.see(
        subject, outcome, detail, kind=f"{kind} {fields}", addresses=row["addresses"], protocol=row["service"], count=row["sessions"] or row["flows"],
        evidence=look.plant.flow_evidence(row), row=row, values=values, **more,
    )  # fmt: skip


@looks(
    "SG-03", Text("通用服务穿越控制网边界", "Generic service across the OT boundary"),
    Text("电子邮件、Web、Telnet、Rlogin、FTP 等通用服务是否穿越生产控制网边界？", "Do e-mail, web, Telnet, rlogin, FTP or other generic services cross the boundary of the control network?"),
    {"services": GENERIC, "dmz": True}, sources=("flows",),
)  # fmt: skip
def generic_services(look: Look) -> CheckResult:
    """Sessions of generic services of which one end is in OT and the other is not; one proves the violation."""
    plant = look.plant
    if not _has_ot(look):
        return look.result((), NOT_ASSESSABLE, NO_OT)
    outside = ["it", "external", *(["dmz"] if look.params["dmz"] else [])]
    client, server = pl.col("client_side"), pl.col("server_side")
    rows = plant.sessions.filter(
        pl.col("service").is_in(list(look.params["services"]))
        & (((client == "ot") & server.is_in(outside)) | ((server == "ot") & client.is_in(outside)))
    )
    found = []
    for row in plant.classes(rows, *_EVIDENT).iter_rows(named=True):
        outcome, doubt = _across(look, row)
        said = talked(plant, row)
        detail = Text(f"{said.zh}；通用服务穿越了生产控制网边界。", f"{said.en}; a generic service crosses the boundary of the control network.")
        found.append(_crossing(look, row, outcome, join(detail, doubt)))
    outcome, reason = look.silent(Text("穿越边界的通用服务会话", "session of a generic service across the boundary"))
    return look.result(found, outcome, reason)


@looks(
    "SG-04", Text("单向要求处的双向会话", "Traffic against a one-way conduit"),
    Text("要求单向的通道上是否有反向载荷？", "Does payload pass against the direction of a conduit that must be one-way?"),
    {"max_one_sided": 0.2}, sources=("flows",),
)  # fmt: skip
def one_way(look: Look) -> CheckResult:
    """Payload from target to source of every conduit that is declared one-way."""
    plant = look.plant
    required = [conduit for conduit in plant.conduits if conduit.one_way]
    if not required:
        return look.result((), NOT_ASSESSABLE, Text("没有声明任何单向通道：请在分区规划中注明哪些通道要求单向。", "No conduit is declared one-way: say in the zone plan which ones must be."))
    found, proven, used = [], [], 0
    for conduit in required:
        ends = (conduit.source, conduit.target)
        there = plant.talks.filter((pl.col("client_zone") == ends[0]) & (pl.col("server_zone") == ends[1]))
        back = plant.talks.filter((pl.col("client_zone") == ends[1]) & (pl.col("server_zone") == ends[0]))
        both = pl.concat([there.filter(pl.col("payload_server") > 0), back.filter(pl.col("payload_client") > 0)])
        against = plant.classes(both).to_dicts()
        used += bool(there.height)
        for row in against:
            amount = row["payload_server"] if row["client_zone"] == ends[0] else row["payload_client"]
            outcome, doubt = look.judge(*ends)
            detail = Text(
                f"通道 {conduit.id} 要求只从 {ends[0]} 到 {ends[1]}，但反向传送了 {size(amount)} 载荷：{talked(plant, row).zh}。",
                f"Conduit {conduit.id} may carry payload only from {ends[0]} to {ends[1]}, yet {size(amount)} went the other way: {talked(plant, row).en}.",
            )
            found.append(_crossing(look, row, outcome, join(detail, doubt), kind=conduit.id, values={"conduit": conduit.id, "against": amount}))
        if there.height and not against and _packets_against(look, ends) == 0 and (plant.coverage.one_sided or 0.0) <= look.params["max_one_sided"] and _both_seen(look):
            proven.append(conduit)
    if len(proven) == len(required):
        names = few(conduit.id for conduit in proven)
        return look.result(found, CONFIRMED, Text(
            f"在{look.covered.zh}中，单向通道 {names.zh} 上没有任何反向报文，而同一采集点能看到其他连接的两个方向。",
            f"Within {look.covered.en} no packet at all went against the one-way conduits {names.en}, at taps that saw both directions of other connections.",
        ), confirmed_zones=(zone for c in proven for zone in (c.source, c.target)))  # fmt: skip
    outcome, reason = look.silent(Text(f"反向载荷（{len(required)} 条单向通道中有 {used} 条见到流量）", f"payload against {times(len(required), 'one-way conduit')}, of which {used} carried traffic,"))
    return look.result(found, outcome, reason)


def _packets_against(look: Look, ends: tuple[str, str]) -> int:
    """Packets from the second zone to the first."""
    plant = look.plant
    zones = {a: plant.place(a) for side in ("client", "server") for a in plant.talks[side].unique()}
    flows = plant.flows.with_columns(
        *(pl.col(s).replace_strict(zones, default="", return_dtype=pl.String).alias(f"{s}_at") for s in ("client", "server"))
    )
    there = (pl.col("client_at") == ends[0]) & (pl.col("server_at") == ends[1])
    back = (pl.col("client_at") == ends[1]) & (pl.col("server_at") == ends[0])
    against = flows.select(pl.col("packets_server").filter(there).sum() + pl.col("packets_client").filter(back).sum())
    return int(against.item())


def _both_seen(look: Look) -> bool:
    return bool(((look.plant.flows["packets_client"] > 0) & (look.plant.flows["packets_server"] > 0)).any())


@looks(
    "SG-05", Text("控制网与公网通信", "OT and the Internet"),
    Text("生产控制网的设备是否与公网地址通信？", "Do devices of the control network talk to public addresses?"), sources=("flows",),
)  # fmt: skip
def public_peers(look: Look) -> CheckResult:
    """Sessions between OT and public addresses, one observation for each device and service."""
    plant = look.plant
    if not _has_ot(look):
        return look.result((), NOT_ASSESSABLE, NO_OT)
    client, server = pl.col("client_side"), pl.col("server_side")
    rows = plant.talks.filter(((client == "ot") & (server == "external")) | ((server == "ot") & (client == "external")))
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    table = []
    for row in rows.iter_rows(named=True):
        out = row["client_side"] == "ot"
        inside, peer = (row["client"], row["server"]) if out else (row["server"], row["client"])
        if not plant.is_public(peer):
            continue
        direction = "outbound" if out else "inbound"
        table.append({"inside": inside, "peer": peer, "port": row["server_port"], "protocol": row["service"], "bytes": row["bytes"], "direction": direction})
        groups[inside, row["service"] or f"{row['transport']}/{row['server_port']}", direction].append(row)
    found = []
    for (inside, service, direction), mine in sorted(groups.items()):
        carried = [row for row in mine if row["sessions"]]
        peers = few(row["server" if direction == "outbound" else "client"] for row in (carried or mine))
        amount = sum(row["payload_client"] + row["payload_server"] for row in mine)
        why = proof((carried or mine)[0])
        verb = Text("主动访问", "opened") if direction == "outbound" else Text("被访问", "was reached by")
        detail = Text(
            f"{plant.name(inside)} {verb.zh}公网地址 {peers.zh}，{word(service)}（{why.zh}），{size(amount)} 载荷" + ("。" if carried else "；均未建立有载荷的会话，仅为尝试。"),
            f"{plant.name(inside)} {verb.en} {word(service)} ({why.en}) {'to' if direction == 'outbound' else 'from'} the public {'address' if len(mine) == 1 else 'addresses'} {peers.en}, {size(amount)} of payload" + ("." if carried else "; no session with payload came about, attempts only."),
        )
        judged, doubt = (VIOLATED, Text("", "")) if plant.is_controller(inside) else look.judge(plant.zone(inside))
        found.append(
            look.see(
                f"{inside} {direction} {service}", judged if carried else NOT_OBSERVED, join(detail, doubt if carried else Text("", "")), addresses=(inside,), protocol=service,
                count=sum(row["sessions"] or row["flows"] for row in mine), evidence=plant.flow_evidence(*(carried or mine)[:5]),
                first_time=min(row["first"] for row in mine), last_time=max(row["last"] for row in mine), techniques=("T0883",) if direction == "inbound" and carried else (),
                values={"bytes": amount, "peers": len({row["server"] if direction == "outbound" else row["client"] for row in mine}), "direction": direction},
            )
        )  # fmt: skip
    outcome, reason = look.silent(Text("控制网设备与公网之间的会话", "session between the control network and the Internet"))
    return look.result(found, outcome, reason, {"public_peers": sorted(table, key=lambda r: (-r["bytes"], r["inside"], r["peer"], r["port"] or 0))})


@looks(
    "SG-06", Text("跨区主机", "Dual-homed host"),
    Text("是否有主机同时在两个区域中？", "Does one host stand in two zones?"), sources=("assets", "facts"),
)  # fmt: skip
def dual_homed(look: Look) -> CheckResult:
    """Devices, routers aside, whose addresses lie in several zones; names that devices of two zones state."""
    plant = look.plant
    if len(plant.zones) < 2:
        return look.result((), NOT_ASSESSABLE, NO_ZONES if not plant.zones else Text("只有一个区域，无从比较。", "There is only one zone: nothing can be compared."))
    found = []
    for asset in plant.site.assets:
        by_address = {ip: zone for ip in asset.ips if not ip.lower().startswith("fe80:") and (zone := plant.zone(ip))}
        zones = sorted(set(by_address.values()))
        if len(zones) < 2 or asset.kind in ("router", "switch"):
            continue
        outcome, doubt = look.judge(*zones)
        names = few(f"{ip}（{plant.called(zone).zh}）" for ip, zone in by_address.items()), few(f"{ip} ({plant.called(zone).en})" for ip, zone in by_address.items())
        detail = Text(
            f"{asset.name} 的地址分属 {len(zones)} 个区域：{names[0].zh}；它可绕过区域边界。",
            f"The addresses of {asset.name} lie in {len(zones)} zones: {names[1].en}; it bypasses the boundary between them.",
        )
        found.append(look.see(asset.id, outcome, join(detail, doubt), addresses=by_address, evidence=plant.asset_evidence(asset), values={"zones": tuple(zones)}))
    names_said = plant.facts.filter((pl.col("kind") == "name") & pl.col("unit").is_null()).sort("time")
    for name in sorted(names_said.group_by("value").agg(pl.col("device").n_unique().alias("n")).filter(pl.col("n") > 1)["value"]):
        rows = names_said.filter(pl.col("value") == name).unique("device", keep="first", maintain_order=True).to_dicts()
        owners = {plant.owner(row["device"]) for row in rows}
        zones = sorted({zone for row in rows if (zone := plant.zone(row["device"]))})
        if len(owners) > 1 and len(zones) > 1:
            places = few(row["device"] for row in rows)
            detail = Text(f"区域 {'、'.join(zones)} 中的地址 {places.zh} 自报同一名称“{name}”：可能是同一台主机。", f"Addresses in the zones {', '.join(zones)} ({places.en}) state the same name “{name}”: it may be one host.")
            found.append(look.see(name, NOT_ASSESSABLE, detail, kind="name", addresses=(row["device"] for row in rows), evidence=[plant.frames(row["capture"], (row["frame"],)) for row in rows]))
    outcome, reason = look.silent(Text("跨区主机（比较地址与自报名称；未解析 LLDP）", "host in two zones, by addresses and stated names (LLDP is not decoded),"))
    return look.result(found, outcome, reason)


@looks(
    "SG-07", Text("控制网与办公网共用交换机或 VLAN", "Switch or VLAN shared by OT and IT"),
    Text("生产控制网与其他网络是否共用 VLAN 或网关？", "Do the control network and others share a VLAN or a gateway?"),
    sources=("flows", "protocol:stp", "protocol:lldp"),
)  # fmt: skip
def shared_layer2(look: Look) -> CheckResult:
    """VLANs in which hosts of OT and of other zones stand on their own MAC; gateways that serve both."""
    plant = look.plant
    sides = [
        plant.flows.filter(pl.col(f"packets_{s}") > 0).select(
            pl.col(s).alias("address"), pl.col(f"{s}_mac").str.to_lowercase().alias("mac"), "vlan", "capture", "frame", "first", "last"
        )
        for s in ("client", "server")
    ]  # fmt: skip
    seen = (
        pl.concat(sides).filter((pl.col("mac") != "") & (pl.col("mac") != pl.col("address")))
        .sort("first").group_by("address", "mac", "vlan", maintain_order=True)
        .agg(pl.col("capture", "frame").first(), pl.col("first").min(), pl.col("last").max())
    )  # fmt: skip
    tagged = seen.filter(pl.col("vlan").is_not_null())
    by_mac: dict[str, set[str]] = defaultdict(set)
    for address, mac in seen.select("address", "mac").iter_rows():
        by_mac[mac].add(plant.side(address) or "?")
    found = []
    vlans: dict[int, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in tagged.iter_rows(named=True):
        side = plant.side(row["address"])
        if side and side != "external" and len(by_mac[row["mac"]]) == 1:
            vlans[row["vlan"]][side].append(row)
    for vlan, by_side in sorted(vlans.items()):
        if "ot" not in by_side or len(by_side) < 2:
            continue
        ot, other = by_side["ot"], [row for side, rows in sorted(by_side.items()) if side != "ot" for row in rows]
        outcome, doubt = look.judge(*{plant.zone(row["address"]) for row in (*ot, *other)})
        a, b = few(row["address"] for row in ot), few(row["address"] for row in other)
        detail = Text(f"VLAN {vlan} 中同时有控制网主机（{a.zh}）和其他网络主机（{b.zh}），均以各自的 MAC 发送。", f"VLAN {vlan} holds hosts of the control network ({a.en}) and of others ({b.en}), each sending from its own MAC.")
        found.append(look.see(
            f"vlan {vlan}", outcome, join(detail, doubt), addresses=(row["address"] for row in (*ot[:25], *other[:25])), first_time=min(r["first"] for r in (*ot, *other)),
            last_time=max(r["last"] for r in (*ot, *other)), evidence=[plant.frames(r["capture"], (r["frame"],)) for r in (ot[0], other[0])], values={"vlan": vlan},
        ))  # fmt: skip
    for mac, both in sorted(by_mac.items()):
        if {"ot", "it"} <= both:
            rows = seen.filter(pl.col("mac") == mac).head(2).to_dicts()
            detail = Text(f"MAC 地址 {mac} 同时承载控制网和办公网的地址：它是两网之间的网关，须确认其是否为防火墙。", f"The MAC address {mac} carries addresses of OT and of IT: it is a gateway between them; whether it is a firewall must be asked.")
            found.append(look.see(f"gateway {mac}", NOT_ASSESSABLE, detail, kind="gateway", addresses=(mac,), evidence=[plant.frames(r["capture"], (r["frame"],)) for r in rows]))
    if tagged.is_empty():
        return look.result(found, NOT_ASSESSABLE, Text("抓包中没有 VLAN 标签，STP、LLDP 未解析：无法判断是否共用交换机。", "The captures hold no VLAN tag, and STP and LLDP are not decoded: whether a switch is shared cannot be told."))
    if not _has_ot(look):
        return look.result(found, NOT_ASSESSABLE, NO_OT)
    outcome, reason = look.silent(Text(f"共用的 VLAN（比较了 {tagged['vlan'].n_unique()} 个 VLAN；STP、LLDP 未解析）", f"shared VLAN, among {times(tagged['vlan'].n_unique(), 'VLAN')} and without STP and LLDP, which are not decoded,"))
    return look.result(found, outcome, reason)


@looks(
    "SG-08", Text("安全仪表系统被外部访问", "Safety system reached from outside"),
    Text("安全仪表系统（SIS）是否被其区域之外的设备访问？", "Is the safety system (SIS) reached from devices outside its zone?"), sources=("flows", "messages"),
)  # fmt: skip
def safety(look: Look) -> CheckResult:
    """Sessions with a device of the safety system whose other end is none; with the writes among them."""
    plant = look.plant

    def is_sis(address: str) -> bool:
        zone, device = plant.zones.get(plant.zone(address)), plant.asset(address)
        return (zone is not None and zone.kind == "sis") or (device is not None and device.kind == "sis")

    if not any(zone.kind == "sis" for zone in plant.site.zones) and not any(asset.kind == "sis" for asset in plant.site.assets):
        return look.result((), NOT_ASSESSABLE, Text("没有声明哪些设备或区域属于安全仪表系统：请在资产清单或分区规划中注明。", "Nobody declared which devices or zones belong to the safety system: say so in the list of devices or the zone plan."))
    inside = {a for side in ("client", "server") for a in plant.talks[side].unique() if is_sis(a)}
    if not inside:
        return look.result((), NOT_ASSESSABLE, Text("抓包中没有安全仪表系统的流量。", "The captures hold no traffic of the safety system."))
    rows = plant.sessions.filter(pl.col("client").is_in(list(inside)) != pl.col("server").is_in(list(inside)))
    writes = {
        (client, server): count
        for client, server, count in plant.exchanges.filter(pl.col("activity").is_in(["write", "control", "program", "mode"]) & (pl.col("kind") == "request"))
        .group_by("client", "server").agg(pl.col("count").sum()).iter_rows()
    }  # fmt: skip
    n_of = pl.DataFrame([(*ends, n) for ends, n in writes.items()], schema={"client": pl.String, "server": pl.String, "writes": pl.Int64}, orient="row")
    found = []
    grouped = plant.classes(rows).iter_rows(named=True)
    for row in grouped:
        n = int(n_of.filter(pl.col("client").is_in(row["addresses"]) & pl.col("server").is_in(row["addresses"]))["writes"].sum())
        said = talked(plant, row)
        detail = Text(f"安全仪表系统之外的设备与其通信：{said.zh}，其中写入或控制请求 {n:,} 个。", f"A device outside the safety system talks to it: {said.en}; {times(n, 'request')} to write or control among them.")
        outcome = VIOLATED if plant.declared or plant.listed else NOT_ASSESSABLE
        found.append(_crossing(look, row, outcome, detail, values={"writes": n}))
    outcome, reason = look.silent(Text("安全仪表系统与外部的会话", "session between the safety system and others"))
    return look.result(found, outcome, reason)


@looks(
    "SG-09", Text("控制协议在广域网或 5G 上无保护传输", "Control protocol over WAN or 5G, unprotected"),
    Text("控制数据经广域网、5G 或公网传输时是否未加密？", "Do control data cross a WAN, 5G or the Internet without protection?"),
    {"kinds": ("remote", "external", "cloud", "wireless", "park")}, sources=("flows",),
)  # fmt: skip
def wan(look: Look) -> CheckResult:
    """Plain control sessions of which an end is public, in a remote, wireless or park zone, or inside GTP-U."""
    plant = look.plant
    kinds = set(look.params["kinds"])
    far = {zone.id for zone in plant.site.zones if zone.kind in kinds}
    found, wide = [], 0
    for row in plant.classes(plant.sessions).iter_rows(named=True):
        zones = {row["client_zone"], row["server_zone"]}
        # two public addresses: the plant uses such inside, or the tap is not in the plant; neither is known
        public = plant.is_public(row["client"]) != plant.is_public(row["server"])
        over = "gtp-u" if "gtp-u" in row["tunnel"].split("/") else EXTERNAL if public else min(zones & far, default="") if len(zones) > 1 else ""
        if not over:
            continue
        wide += 1
        if row["service"] not in CONTROL:
            continue
        said = talked(plant, row)
        way = Text("5G 用户面隧道（GTP-U）", "a 5G user-plane tunnel (GTP-U)") if over == "gtp-u" else Text("公网", "the Internet") if over == EXTERNAL else Text(f"“{plant.called(over).zh}”", f"zone {plant.called(over).en}")
        outcome, doubt = (VIOLATED, Text("", "")) if over in ("gtp-u", EXTERNAL) else look.judge(*zones)
        if not row["proven"]:
            outcome = NOT_ASSESSABLE
        detail = Text(f"{said.zh}；经{way.zh}，未见加密。", f"{said.en}; by way of {way.en}, without encryption.")
        found.append(_crossing(look, row, outcome, join(detail, doubt), techniques=("T0830",), values={"over": over}))
    if not wide and not far:
        return look.result((), NOT_ASSESSABLE, Text("没有声明广域网、无线或园区区域，也未见公网或 GTP-U 流量。", "No WAN, wireless or park zone is declared, and neither public addresses nor GTP-U were seen."))
    outcome, reason = look.silent(Text("经广域网、5G 或公网的明文控制协议", "plain control protocol over a WAN, 5G or the Internet"))
    return look.result(found, outcome, reason)


@looks(
    "SG-10", Text("边界漂移", "Boundary drift"),
    Text("与以前的抓包相比，是否有新的通信类别开始穿越边界？", "Compared with earlier captures, does a new class of traffic cross a boundary?"),
    {"min_days": 7}, sources=("flows", "captures"),
)  # fmt: skip
def drift(look: Look) -> CheckResult:
    """Services that cross between two zones in the newest captures and did not in those at least `min_days` older."""
    plant = look.plant
    if not plant.zones:
        return look.result((), NOT_ASSESSABLE, NO_ZONES)
    first, last = plant.span
    edge = last - look.params["min_days"] * DAY
    if first > edge:
        return look.result((), NOT_ASSESSABLE, Text(
            f"全部抓包相距不足 {look.params['min_days']} 天，没有可比较的基线；边界设备的告警也无从得知。",
            f"All captures lie within {look.params['min_days']} days: there is no baseline to compare with, and no word of the boundary devices' alarms.",
        ))  # fmt: skip
    classes = plant.classes(plant.crossings.filter(pl.col("sessions") > 0))
    seen_from = {side: plant.talks.group_by(f"{side}_zone").agg(pl.col("first").min()) for side in ("client", "server")}
    before = {zone for rows in seen_from.values() for zone, since in rows.iter_rows() if since <= edge}
    found = []
    for row in classes.filter(pl.col("first") > edge).iter_rows(named=True):
        ends = (row["client_zone"], row["server_zone"])
        if not set(ends) <= before or plant.allowing(row):
            continue
        outcome, doubt = look.judge(*ends)
        said = talked(plant, row)
        detail = Text(f"{stamp(edge)} UTC 之前的抓包中没有从 {ends[0]} 到 {ends[1]} 的该类通信，之后出现：{said.zh}。", f"Before {stamp(edge)} UTC nothing of this kind passed from {ends[0]} to {ends[1]}; then: {said.en}.")
        found.append(_crossing(look, row, outcome, join(detail, doubt)))
    outcome, reason = look.silent(Text("新出现的跨边界通信类别", "new class of traffic across a boundary"))
    return look.result(found, outcome, reason)
