"""Remote and wireless access, and what is reachable from outside (RA-01, RA-02, WL-01, WL-02, EX-01).

Remote control is told by payload (SSH, RDP, VNC, Telnet) or by port (VPNs, TeamViewer, AnyDesk). Tools that hide in
HTTPS to a relay (Sunlogin, ToDesk, the web mode of the others) can only be told by DNS or TLS names, which are not
decoded; the reasons say so. A session within the control network is registered and weighs nothing.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

from sentinel.assess.checks._look import (
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
)
from sentinel.assess.checks._plant import HOUR
from sentinel.assess.checks._services import REMOTE, TUNNELS, VENDOR_TOOLS, word
from sentinel.assess.model import CheckResult, Text

_JUMP_WORDS = ("jump", "bastion", "堡垒", "跳板")
_HIDDEN = Text(
    "借道 HTTPS 的工具（向日葵、ToDesk 等）要靠 DNS 或 TLS 名称识别，尚未解析。",
    "Tools that hide in HTTPS (Sunlogin, ToDesk and others) are told by DNS or TLS names, which are not decoded.",
)
_DIAL = frozenset({"l2tp", "pptp", "pppoe"})
_RADIO = (
    "sierra wireless", "teltonika", "four-faith", "inhand", "cradlepoint", "espressif", "cinterion", "quectel", "telit", "simcom", "u-blox", "robustel", "ruijie", "ubiquiti",
    "aruba", "mikrotik", "tp-link", "hongdian", "usr iot", "digi international",
)  # fmt: skip
"""Makers, as the registry of MAC addresses writes them, whose products mostly are wireless or cellular equipment."""
_SERIAL = ("moxa", "lantronix", "digi international", "perle", "advantech", "usr iot", "zlan")
"""Makers of serial device servers."""


_KEY = (
    "client", "service", "transport", "server_port", "client_zone", "client_side", "server_zone", "server_side", "server_field", "ticket", "jump",
)  # fmt: skip
"""What one observation of remote control has in common: one client, one service, one zone that it went to."""


def _sessions(look: Look) -> pl.DataFrame:
    """The remote-control talks with `ticket`, and `jump`: whether the client is a jump host, null where nobody said."""
    plant = look.plant
    rows = plant.sessions.filter(pl.col("service").is_in(list(REMOTE)))
    tickets = [
        plant.ticket(row["client"], row["server"], "session", row["first"], row["last"]) if plant.site.tickets else ""
        for row in rows.iter_rows(named=True)
    ]
    known = _jumps_known(look)
    jumps = {address: _is_jump(look, address) if known else None for address in rows["client"].unique()}
    return rows.with_columns(
        pl.Series("ticket", tickets, dtype=pl.String),
        pl.col("client").replace_strict(jumps, default=None, return_dtype=pl.Boolean).alias("jump"),
    )


def _is_jump(look: Look, address: str) -> bool:
    plant = look.plant
    zone, asset = plant.zones.get(plant.zone(address)), plant.asset(address)
    named = asset is not None and any(w in f"{asset.role} {asset.name}".casefold() for w in _JUMP_WORDS)
    return address in look.params["jump_hosts"] or named or (zone is not None and zone.kind == "dmz")


def _jumps_known(look: Look) -> bool:
    """Whether anybody said which hosts are jump hosts: by parameter, by a declared DMZ, in the list of devices."""
    plant = look.plant
    return bool(
        look.params["jump_hosts"]
        or any(zone.kind == "dmz" and zone.declared for zone in plant.site.zones)
        or any(asset.listed and any(w in f"{asset.role} {asset.name}".casefold() for w in _JUMP_WORDS) for asset in plant.site.assets)
    )


def _subject(row: dict[str, Any]) -> str:
    return f"{row['client']}>{row['server_zone']} {row['service']} {row['transport']}/{row['server_port']}"


def _is_far(row: dict[str, Any]) -> bool:
    """One end in the control network and the other outside of it, or a tool that goes through somebody else's relay."""
    sides = {row["client_side"], row["server_side"]}
    return ("ot" in sides and len(sides - {"", "ot"}) > 0) or row["service"] in VENDOR_TOOLS


@looks(
    "RA-01", Text("远程控制", "Remote control"),
    Text("是否使用远程控制工具（RDP、VNC、SSH、TeamViewer、AnyDesk、向日葵、ToDesk、VPN）？", "Are remote-control tools in use (RDP, VNC, SSH, TeamViewer, AnyDesk, Sunlogin, ToDesk, VPN)?"),
    {"jump_hosts": ()}, sources=("flows", "protocol:dns", "protocol:tls"),
)  # fmt: skip
def remote_control(look: Look) -> CheckResult:
    """The register of remote sessions; those that cross into the control network without a conduit, and vendors' relays."""
    plant = look.plant
    sessions = _sessions(look)
    table = [
        {
            "source": row["client"], "target": row["server"], "service": row["service"], "port": row["server_port"], "first": stamp(row["first"]), "last": stamp(row["last"]),
            "hours": round(row["lasted"] / HOUR, 4), "bytes": row["bytes"], "jump_host": row["jump"],
        }
        for row in sessions.sort("first", "client", "server", "service").iter_rows(named=True)
    ]  # fmt: skip
    found = []
    for row in plant.grouped(sessions, *_KEY).iter_rows(named=True):
        said, ticket, hours = talked(plant, row), row["ticket"], row["lasted"] / HOUR
        outcome, doubt = NOT_OBSERVED, Text("", "")
        where = Text("在同一侧网络内。", "Both ends are on the same side.")
        if _is_far(row) and plant.allowing(row):
            where = Text("规划允许该通道。", "The plan allows this conduit.")
        elif row["service"] in VENDOR_TOOLS:
            outcome, where = (VIOLATED if row["proven"] else NOT_ASSESSABLE), Text("它经第三方中继远程控制主机。", "It controls a host through somebody else's relay.")
        elif _is_far(row):
            evident = plant.is_public(row["client"]) and row["server_field"] and not plant.is_public(row["server"])
            outcome, doubt = (VIOLATED, doubt) if evident else look.judge(row["client_zone"], row["server_zone"])
            where = Text("它穿越了控制网边界。", "It crosses the boundary of the control network.")
        detail = Text(f"{said.zh}，累计 {hours:.2f} 小时。{where.zh}", f"{said.en}, {hours:.2f} h in all. {where.en}")
        found.append(look.see(
            _subject(row), outcome, join(detail, doubt), kind=f"{row['server_field']} {ticket}", addresses=row["addresses"], protocol=row["service"],
            techniques=("T0822",) if plant.is_public(row["client"]) else ("T0886",), count=row["sessions"], row=row, evidence=plant.flow_evidence(row), ticket=ticket,
            values={"bytes": row["bytes"], "hours": round(hours, 4), "jump_host": row["jump"], "proven": row["proven"], "pairs": row["pairs"], "events": row["sessions"], "days": plant.days},
        ))  # fmt: skip
    tables = {"remote_sessions": table}
    outcome, reason = look.silent(Text("穿越控制网边界的远程控制会话", "remote-control session across the boundary of the control network"))
    return look.result(found, outcome, join(reason, _HIDDEN), tables)


@looks(
    "RA-02", Text("远程会话的管控", "Control of remote sessions"),
    Text("远程会话是否绕过跳板机、在维护窗口之外或时间过长？", "Do remote sessions skip the jump host, run outside the windows, or last too long?"),
    {"jump_hosts": (), "max_hours": 8.0}, sources=("flows",),
)  # fmt: skip
def remote_sessions(look: Look) -> CheckResult:
    """Sessions from outside the control network into it, without a jump host, outside every window, or over `max_hours`."""
    plant = look.plant
    into = _sessions(look).filter(~pl.col("service").is_in(list(TUNNELS)) & (pl.col("server_side") == "ot"))
    if into.is_empty():
        outcome, reason = look.silent(Text("进入控制网的远程会话", "remote session into the control network"))
        return look.result((), outcome, join(reason, _HIDDEN))
    found = []
    unknown_jump = not _jumps_known(look)
    for row in plant.grouped(into, *_KEY).iter_rows(named=True):
        outside = row["client_side"] not in ("ot", "")
        why: list[Text] = []
        if outside and row["jump"] is False:
            why.append(Text("未经跳板机", "not from a jump host"))
        if outside and plant.windows and not row["ticket"]:
            why.append(Text("在维护窗口之外", "outside every window"))
        if row["longest"] > look.params["max_hours"] * HOUR:
            why.append(Text(f"单次持续 {row['longest'] / HOUR:.1f} 小时，超过 {look.params['max_hours']:g} 小时", f"{row['longest'] / HOUR:.1f} h in one piece, more than {look.params['max_hours']:g} h"))
        if not why:
            continue
        outcome, doubt = look.judge(row["client_zone"], row["server_zone"]) if outside else (VIOLATED, Text("", ""))
        said = talked(plant, row)
        detail = Text(f"{said.zh}；{'、'.join(t.zh for t in why)}。", f"{said.en}; {', '.join(t.en for t in why)}.")
        found.append(look.see(
            _subject(row), outcome, join(detail, doubt), kind=f"{row['server_field']} {row['ticket']}", addresses=row["addresses"], protocol=row["service"],
            techniques=("T0822" if plant.is_public(row["client"]) else "T0886",), count=row["sessions"], row=row, evidence=plant.flow_evidence(row), ticket=row["ticket"],
            values={"hours": round(row["longest"] / HOUR, 4), "bytes": row["bytes"], "pairs": row["pairs"]},
        ))  # fmt: skip
    if unknown_jump:
        return look.result(found, NOT_ASSESSABLE, Text(
            f"见到 {into.height} 组进入控制网的远程会话，但没有声明跳板机或隔离区：请在分区规划或资产清单中注明。",
            f"{times(into.height, 'pair')} of hosts had remote sessions into the control network, but no jump host or DMZ is declared: name them in the zone plan or the list of devices.",
        ))  # fmt: skip
    outcome, reason = look.silent(Text("不合要求的远程会话", "remote session that breaks the rules"))
    return look.result(found, outcome, reason)


@looks(
    "WL-01", Text("无线与蜂窝终端", "Wireless and cellular clients"),
    Text("网络中是否有无线或蜂窝终端，它们与谁通信？", "Are there wireless or cellular clients, and whom do they talk to?"),
    sources=("assets", "flows", "protocol:dhcp", "air capture"),
)  # fmt: skip
def wireless(look: Look) -> CheckResult:
    """Hosts of wireless zones that reach controllers; devices whose MAC is of a maker of wireless equipment."""
    plant = look.plant
    found = []
    zones = {zone.id for zone in plant.site.zones if zone.kind == "wireless"}
    reaching = plant.sessions.filter(pl.col("client_zone").is_in(list(zones)) & (pl.col("client_zone") != pl.col("server_zone")) & pl.col("server_field"))
    for row in plant.grouped(reaching, "client", "service", "transport", "server_port", "client_zone", "server_zone").iter_rows(named=True):
        said = talked(plant, row)
        outcome, doubt = look.judge(row["client_zone"], row["server_zone"])
        if plant.allowing(row):
            outcome, doubt = NOT_OBSERVED, Text("规划允许。", "The plan allows it.")
        detail = Text(f"无线区域 {row['client_zone']} 的终端直接访问控制器：{said.zh}。", f"A client of the wireless zone {row['client_zone']} reaches a controller: {said.en}.")
        found.append(look.see(
            _subject(row), outcome, join(detail, doubt), addresses=row["addresses"], protocol=row["service"], techniques=("T0860",), count=row["sessions"], row=row,
            evidence=plant.flow_evidence(row), values={"bytes": row["bytes"], "pairs": row["pairs"]},
        ))  # fmt: skip
    for asset in plant.site.assets:
        maker = asset.vendor.casefold()
        if asset.observed and asset.macs and any(name in maker for name in _RADIO):
            detail = Text(f"{asset.name} 的 MAC 属于 {asset.vendor}，其产品多为无线或蜂窝设备；须现场确认。", f"The MAC address of {asset.name} is of {asset.vendor}, who mostly makes wireless or cellular equipment; look at it on site.")
            found.append(look.see(asset.id, NOT_ASSESSABLE, detail, kind="maker", addresses=asset.macs[:1], evidence=plant.asset_evidence(asset), values={"vendor": asset.vendor}))
    reason = Text("没有空口抓包，DHCP 指纹未解析：有线侧看不到无线终端本身、其鉴别和加密。", "There is no capture in the air and DHCP is not decoded: the wired side shows neither the wireless clients nor their authentication and encryption.")
    return look.result(found, NOT_ASSESSABLE, reason)


@looks(
    "WL-02", Text("拨号、PPP 与串口服务器", "Modems, PPP and serial servers"),
    Text("是否有调制解调器、PPP、L2TP 或串口服务器的痕迹？", "Are there traces of modems, PPP, L2TP or serial servers?"), sources=("flows", "assets"),
)  # fmt: skip
def dial(look: Look) -> CheckResult:
    """PPPoE, PPTP and L2TP in clear, inside which traffic could be read; serial servers by port and maker as indications."""
    plant = look.plant
    found = []
    inside: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in plant.talks.filter(pl.col("tunnel") != "").iter_rows(named=True):
        for layer in row["tunnel"].split("/"):
            if layer in _DIAL:
                inside[layer].append(row)
    for layer, rows in sorted(inside.items()):
        amount = sum(row["bytes"] for row in rows)
        hosts = few(dict.fromkeys(row["client"] for row in rows))
        detail = Text(f"{word(layer)} 隧道中读到了 {size(amount)} 明文通信（{hosts.zh}）：拨号链路未加密。", f"{size(amount)} could be read inside {word(layer)} ({hosts.en}): the dial-up leg is not encrypted.")
        found.append(look.see(
            layer, VIOLATED, detail, kind="tunnel", addresses=(a for row in rows[:25] for a in (row["client"], row["server"])), protocol=layer, count=sum(r["flows"] for r in rows),
            first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows[:3]), values={"bytes": amount},
        ))  # fmt: skip
    for row in plant.talks.filter(pl.col("carried") & pl.col("service").is_in(["serial-server", *_DIAL])).iter_rows(named=True):
        asset = plant.asset(row["server"])
        made = asset is not None and any(name in asset.vendor.casefold() for name in _SERIAL)
        if row["service"] == "serial-server" and row["server_port"] not in (2217,) and not made:
            continue
        said = talked(plant, row)
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['service']} {row['transport']}/{row['server_port']}", NOT_ASSESSABLE, Text(f"{said.zh}；须核实其后接的设备。", f"{said.en}; what stands behind it must be asked."),
            kind="session", addresses=(row["client"], row["server"]), protocol=row["service"], count=row["flows"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"]},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("PPPoE、PPTP、L2TP 或串口服务器的痕迹；电话线路上的调制解调器看不到", "trace of PPPoE, PPTP, L2TP or serial servers (a modem on a telephone line cannot be seen)"))
    return look.result(found, outcome, reason)


@looks(
    "EX-01", Text("暴露于公网", "Inbound exposure"),
    Text("是否有公网地址访问到内部主机？", "Do public addresses reach hosts inside?"), sources=("flows",),
)  # fmt: skip
def exposure(look: Look) -> CheckResult:
    """Sessions that a public address opened to a host inside; attempts that carried nothing weigh nothing."""
    plant = look.plant
    publics = {a for a in plant.talks["client"].unique() if plant.is_public(a)}
    inside = {a: not plant.is_public(a) and plant.place(a) not in ("", "external") for a in plant.talks["server"].unique()}
    rows = plant.talks.filter(pl.col("client").is_in(list(publics)) & pl.col("server").replace_strict(inside, default=False, return_dtype=pl.Boolean))
    groups: dict[tuple[str, str, int | None], list[dict[str, Any]]] = defaultdict(list)
    for row in rows.iter_rows(named=True):
        groups[row["server"], row["service"] or row["transport"], row["server_port"]].append(row)
    found = []
    for (server, service, port), mine in sorted(groups.items(), key=lambda item: tuple(map(str, item[0]))):
        opened = [row for row in mine if row["sessions"]]
        peers = few(dict.fromkeys(row["client"] for row in opened or mine))
        amount = sum(row["payload_client"] + row["payload_server"] for row in mine)
        at = "" if port is None else f" {mine[0]['transport']}/{port}"
        why = proof((opened or mine)[0])
        zone = plant.zones.get(plant.zone(server))
        meant = zone is not None and zone.kind == "dmz" and zone.declared
        detail = Text(
            f"公网地址 {peers.zh} " + (f"访问到 {plant.name(server)} 的 {word(service)}{at}（{why.zh}），{size(amount)} 载荷。" if opened else f"尝试连接 {plant.name(server)} 的{at}，未建立有载荷的会话。") + ("该主机在声明的隔离区内。" if meant else ""),
            f"The public {'address' if len({r['client'] for r in opened or mine}) == 1 else 'addresses'} {peers.en} " + (f"reached {word(service)}{at} of {plant.name(server)} ({why.en}), {size(amount)} of payload." if opened else f"tried{at} of {plant.name(server)}; no session with payload came about.") + (" The host stands in a declared DMZ." if meant else ""),
        )
        found.append(look.see(
            f"{server} {service}{at}", VIOLATED if opened and not meant else NOT_OBSERVED, detail, addresses=(server,), protocol=service, techniques=("T0883",) if opened else (), count=sum(r["sessions"] or r["flows"] for r in mine),
            first_time=min(r["first"] for r in mine), last_time=max(r["last"] for r in mine), evidence=plant.flow_evidence(*(opened or mine)[:5]), values={"peers": len({r["client"] for r in mine}), "bytes": amount, "port": port},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("公网地址主动建立的会话", "session that a public address opened"))
    return look.result(found, outcome, reason)
