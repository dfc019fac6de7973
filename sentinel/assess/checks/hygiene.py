"""Hygiene: legacy services, time, logs, updates, backup, load, redundancy, browsing, visitors (HY-01 to HY-09).

Checks that ask whether something good happens (HY-02, HY-03, HY-05, HY-07) observe it where it is seen, as `confirmed`
for those devices. As a whole they are confirmed only where it was seen of every device that was asked about; else they
are not observed, with the share.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import polars as pl

from sentinel.assess.checks._addresses import is_host
from sentinel.assess.checks._look import (
    CONFIRMED,
    NOT_ASSESSABLE,
    NOT_OBSERVED,
    VIOLATED,
    Look,
    few,
    join,
    lasting,
    looks,
    proof,
    size,
    talked,
    times,
)  # fmt: skip
from sentinel.assess.checks._plant import HOUR
from sentinel.assess.checks._services import BACKUP, MAIL, word
from sentinel.assess.model import Asset, CheckResult, Observation, Text

_LEGACY = frozenset({"telnet", "rlogin", "tftp", "llmnr", "netbios-ns", "netbios-ssn"})
_MAYBE_LEGACY = {"snmp": Text("版本未解析，v1、v2c 属老旧", "its version was not decoded; v1 and v2c are legacy"), "smb": Text("版本未解析，SMBv1、NTLMv1 属老旧", "its version was not decoded; SMBv1 and NTLMv1 are legacy")}
_LOGS = frozenset({"syslog", "syslog-tls", "snmptrap", "winrm", "winrm-tls"})
_REDUNDANCY = {"mrp": "MRP", "prp": "PRP", "hsr": "HSR", "hsrp": "HSRP"}
_VRRP = "ip-112"
"""IP protocol of VRRP (RFC 9568)."""
_CHAT = frozenset({"xmpp", "qq"})
_WEB = frozenset({"http", "https", "quic", "tls"})
_VIRTUAL = ("02:42:",)
"""Locally administered MACs that container software gives out."""


def _hosts(look: Look) -> list[Asset]:
    """Devices that were seen and have an address of their own."""
    return [asset for asset in look.plant.site.assets if asset.observed and asset.ips]


def _present(look: Look, found: list[Observation], having: Iterable[str], what: Text) -> CheckResult:
    """The result of a check that asks whether something good happens: `having` are the addresses that do it.

    `what` is said as in `3 of 7 devices had <what>` and `No <what> was seen`.
    """
    hosts = _hosts(look)
    owners = {look.plant.owner(address) for address in having}
    doing = [asset for asset in hosts if asset.id in owners]
    if hosts and len(doing) == len(hosts):
        return look.result(found, CONFIRMED, Text(f"见到的 {len(hosts)} 台设备都有{what.zh}。", f"All {times(len(hosts), 'device')} seen had {what.en}."), confirmed_zones=look.plant.zones_seen)
    if not found or not hosts:
        outcome, reason = look.silent(what)
        return look.result(found, outcome, reason)
    return look.result(found, NOT_OBSERVED, Text(
        f"见到的 {len(hosts)} 台设备中有 {len(doing)} 台有{what.zh}，其余在{look.covered.zh}内未见。",
        f"{len(doing)} of {times(len(hosts), 'device')} seen had {what.en}; of the others none was seen within {look.covered.en}.",
    ))  # fmt: skip


@looks(
    "HY-01", Text("老旧服务", "Legacy service"),
    Text("是否使用 SMBv1、NTLMv1、LLMNR、Telnet、SNMPv1/2c、TFTP 等老旧服务？", "Are SMBv1, NTLMv1, LLMNR, Telnet, SNMPv1/2c, TFTP or the like in use?"),
    sources=("flows", "protocol:smb", "protocol:snmp"),
)  # fmt: skip
def legacy(look: Look) -> CheckResult:
    """Legacy services that carried payload; those whose version only a decoder could tell are indications."""
    plant = look.plant
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in plant.talks.filter(pl.col("carried") & pl.col("service").is_in([*_LEGACY, *_MAYBE_LEGACY])).iter_rows(named=True):
        everyone = not is_host(row["server"]) or row["service"] in ("llmnr", "netbios-ns")
        groups[row["service"], "" if everyone else row["server"]].append(row)
    found = []
    for (service, server), rows in sorted(groups.items()):
        proven = [row for row in rows if row["proven"]]
        clients = few(plant.name(row["client"]) for row in rows)
        amount, why = sum(row["bytes"] for row in rows), proof((proven or rows)[0])
        doubt = _MAYBE_LEGACY.get(service)
        whom = Text(f"在 {plant.name(server)} 上使用", f"is in use on {plant.name(server)}") if server else Text("在网络中使用", "is in use in the network")
        detail = Text(
            f"{word(service)} {whom.zh}（{why.zh}），来自 {clients.zh}，{size(amount)}" + (f"；{doubt.zh}。" if doubt else "。"),
            f"{word(service)} {whom.en} ({why.en}), from {clients.en}, {size(amount)}" + (f"; {doubt.en}." if doubt else "."),
        )
        found.append(look.see(
            f"{service} {server}".strip(), VIOLATED if proven and doubt is None else NOT_ASSESSABLE, detail, addresses=(server, *(row["client"] for row in rows[:25])), protocol=service,
            techniques=("T0859",) if service == "telnet" else (), count=sum(r["flows"] for r in rows), first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows),
            evidence=plant.flow_evidence(*(proven or rows)[:5]), values={"bytes": amount, "proven": bool(proven)},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("老旧服务", "legacy service"))
    return look.result(found, outcome, reason)


@looks(
    "HY-02", Text("时间同步", "Time synchronisation"),
    Text("设备从哪里获得时间，偏差多大？", "Where do devices get their time, and how far off are they?"), sources=("flows", "messages", "protocol:ntp"),
)  # fmt: skip
def time_sources(look: Look) -> CheckResult:
    """Time servers that answered, and masters that set controllers' clocks. Offsets need a decoder."""
    plant = look.plant
    found: list[Observation] = []
    having: set[str] = set()
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in plant.talks.filter((pl.col("sessions") > 0) & pl.col("service").is_in(["ntp", "ptp"])).iter_rows(named=True):
        groups[row["service"], row["server"]].append(row)
    for (service, server), rows in sorted(groups.items()):
        clients = list(dict.fromkeys(row["client"] for row in rows))
        having.update((server, *clients))
        where = Text("（公网）", " (on the Internet)") if plant.is_public(server) else Text("", "")
        names = few(map(plant.name, clients))
        detail = Text(f"{plant.name(server)}{where.zh} 以 {word(service)} 向 {len(clients)} 台设备（{names.zh}）授时；偏差未解析。", f"{plant.name(server)}{where.en} gives the time by {word(service)} to {times(len(clients), 'device')} ({names.en}); offsets are not decoded.")
        found.append(look.see(f"{service} {server}", CONFIRMED, detail, addresses=(server, *clients), protocol=service, count=len(clients), first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows[:3]), values={"clients": len(clients), "public": plant.is_public(server)}))
    setting = plant.exchanges.filter((pl.col("activity") == "time") & (pl.col("kind") == "request") & pl.col("operation").str.contains_any(["set", "write"]))
    for row in plant.by_pair(setting).iter_rows(named=True):
        having.add(row["server"])
        detail = Text(f"{plant.name(row['client'])} 以 {word(row['protocol'])} 为 {plant.name(row['server'])} 校时 {row['count']:,} 次。", f"{plant.name(row['client'])} set the clock of {plant.name(row['server'])} {times(row['count'], 'time')} over {word(row['protocol'])}.")
        found.append(look.see(f"{row['client']}>{row['server']} {row['protocol']}", CONFIRMED, detail, kind="set", addresses=(row["client"], row["server"]), protocol=row["protocol"], count=row["count"], row=row, evidence=plant.row_evidence(row)))
    return _present(look, found, having, Text("时间同步", "time synchronisation"))


@looks(
    "HY-03", Text("日志外送", "Logs leaving hosts"),
    Text("主机是否把日志送往集中处（Syslog、WEF、Trap）？", "Do hosts send their logs to a central place (Syslog, WEF, traps)?"), sources=("flows",),
)  # fmt: skip
def logs(look: Look) -> CheckResult:
    """Hosts that send to the port of a log service; datagrams in one direction count."""
    plant = look.plant
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in plant.talks.filter(pl.col("carried") & pl.col("service").is_in(list(_LOGS))).iter_rows(named=True):
        groups[row["service"], row["server"]].append(row)
    found, having = [], set()
    for (service, server), rows in sorted(groups.items()):
        clients = list(dict.fromkeys(row["client"] for row in rows))
        having.update(clients)
        names, why = few(map(plant.name, clients)), proof(rows[0])
        detail = Text(f"{len(clients)} 台主机（{names.zh}）向 {plant.name(server)} 发送 {word(service)}（{why.zh}）。", f"{times(len(clients), 'host')} ({names.en}) send {word(service)} to {plant.name(server)} ({why.en}).")
        found.append(look.see(f"{service} {server}", CONFIRMED, detail, addresses=(server, *clients), protocol=service, count=len(clients), first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows[:3]), values={"clients": len(clients)}))
    return _present(look, found, having, Text("日志外送", "logging to another host"))


@looks(
    "HY-04", Text("防病毒与更新", "Anti-virus and updates"),
    Text("主机是否获取病毒库和补丁？", "Do hosts fetch anti-virus signatures and patches?"), sources=("flows", "protocol:http", "protocol:tls", "protocol:dns"),
)  # fmt: skip
def updates(look: Look) -> CheckResult:
    """Needs names of servers (HTTP, TLS, DNS); the ports of WSUS are an indication."""
    plant = look.plant
    rows = list(plant.sessions.filter(pl.col("service").is_in(["wsus", "wsus-tls"])).iter_rows(named=True))
    found = []
    for row in rows:
        said = talked(plant, row)
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['service']}", NOT_ASSESSABLE, Text(f"{said.zh}；取了什么更新未解析。", f"{said.en}; what was fetched was not decoded."), addresses=(row["client"], row["server"]),
            protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"]},
        ))  # fmt: skip
    return look.result(found, NOT_ASSESSABLE, Text(
        "HTTP、TLS、DNS 的服务器名未解析，无法辨认病毒库和补丁的更新。", "Server names in HTTP, TLS and DNS are not decoded: updates of anti-virus and patches cannot be told.",
    ))  # fmt: skip


@looks(
    "HY-05", Text("备份", "Backup traffic"),
    Text("是否见到备份通信？", "Is there backup traffic?"), {"bytes": 1_000_000}, sources=("flows",),
)  # fmt: skip
def backup(look: Look) -> CheckResult:
    """Sessions on the ports of backup software with more payload than `bytes`; what was in them is not known."""
    plant = look.plant
    found = []
    for row in plant.sessions.filter(pl.col("service").is_in(list(BACKUP)) & (pl.col("payload_client") + pl.col("payload_server") >= look.params["bytes"])).iter_rows(named=True):
        said = talked(plant, row)
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['service']}", NOT_ASSESSABLE, Text(f"{said.zh}；是否为备份、备份了什么未解析。", f"{said.en}; whether it is a backup, and of what, was not decoded."), addresses=(row["client"], row["server"]),
            protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"]},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("备份软件端口上的大量传输", "large transfer on a port of backup software"))
    return look.result(found, outcome, reason)


@looks(
    "HY-06", Text("负载、丢包与周期抖动", "Load, loss, cycle jitter"),
    Text("网络是否丢包、超时，控制周期是否抖动？", "Does the network lose packets, do requests time out, do control cycles jitter?"),
    {"retransmitted": 0.02, "unanswered": 0.05, "jitter": 0.5, "least": 100}, sources=("flows", "messages", "captures"),
)  # fmt: skip
def load(look: Look) -> CheckResult:
    """Pairs that poll: cycle, jitter, peak messages a second (`peak_pps`); violated above the shares of retransmission and of silence."""
    plant = look.plant
    sent = {
        (client, server): (int(packets), int(again), int(gaps))
        for client, server, packets, again, gaps in plant.flows.filter(pl.col("transport") == "tcp").group_by("client", "server")
        .agg(pl.col("packets").sum(), pl.col("retransmissions").sum(), pl.col("gaps").sum()).iter_rows()
    }  # fmt: skip
    asked = {
        (row["client"], row["server"]): row
        for row in plant.by_pair(plant.exchanges.filter(pl.col("kind") == "request")).sort("count").iter_rows(named=True)
    }
    cycles = {(row["client"], row["server"]): row for row in plant.cycles.sort("n").iter_rows(named=True)}
    loss = plant.coverage.loss
    table, found = [], []
    for ends in sorted(asked.keys() | cycles.keys()):
        cycle, row = cycles.get(ends), asked.get(ends)
        packets, again, gaps = sent.get(ends, (0, 0, 0))
        table.append({
            "source": ends[0], "target": ends[1], "protocol": (row or cycle or {}).get("protocol", ""), "requests": row["count"] if row else 0,
            "cycle_ms": round(cycle["cycle"] / 1e6, 3) if cycle else None, "jitter_ms": round(cycle["jitter"] / 1e6, 3) if cycle else None,
            "p99_ms": round(cycle["p99"] / 1e6, 3) if cycle else None, "peak_pps": plant.peaks.get(ends), "retransmissions": again, "loss": loss,
        })  # fmt: skip
        why: list[Text] = []
        if packets >= look.params["least"] and again / packets > look.params["retransmitted"]:
            why.append(Text(f"{packets:,} 帧中重传 {again:,} 次（{again / packets:.1%}）", f"{again:,} of {packets:,} frames were sent again ({again / packets:.1%})"))
        if row and row["count"] >= look.params["least"] and row["unanswered"] / row["count"] > look.params["unanswered"]:
            why.append(Text(f"{row['count']:,} 个请求中 {row['unanswered']:,} 个无应答", f"{row['unanswered']:,} of {row['count']:,} requests had no answer"))
        lossy = bool(why)
        if not why and cycle and cycle["n"] >= look.params["least"] and cycle["jitter"] > look.params["jitter"] * cycle["mean"]:
            why.append(Text(f"平均周期 {cycle['mean'] / 1e6:.0f} 毫秒，抖动 {cycle['jitter'] / 1e6:.0f} 毫秒，原因须核实", f"the mean cycle is {cycle['mean'] / 1e6:.0f} ms and jitters by {cycle['jitter'] / 1e6:.0f} ms; why must be asked"))
        if not why:
            continue
        detail = Text(f"{plant.name(ends[0])} 与 {plant.name(ends[1])} 之间：{'；'.join(t.zh for t in why)}。" + ("采集主机自身也有丢帧，须先排除。" if loss else ""), f"Between {plant.name(ends[0])} and {plant.name(ends[1])}: {'; '.join(t.en for t in why)}." + (" The capturing host lost frames itself; rule that out first." if loss else ""))
        flow = plant.talks.filter((pl.col("client") == ends[0]) & (pl.col("server") == ends[1]) & (pl.col("sessions") > 0)).head(1).to_dicts()
        found.append(look.see(
            f"{ends[0]}>{ends[1]}", VIOLATED if lossy and not loss else NOT_ASSESSABLE, detail, addresses=ends, protocol=(row or cycle or {}).get("protocol", ""), count=again or 1, row=row or cycle, evidence=plant.flow_evidence(*flow),
            values={"retransmissions": again, "gaps": gaps, "unanswered": row["unanswered"] if row else 0},
        ))  # fmt: skip
    tables = {"load": table}
    if not table:
        return look.result((), NOT_ASSESSABLE, Text("没有已解析的请求与应答，无法测量周期和超时。", "There are no decoded requests and answers: neither cycles nor time-outs can be measured."), tables)
    outcome, reason = look.silent(Text("超过阈值的重传、超时或抖动", "retransmission, time-out or jitter above the thresholds"))
    return look.result(found, outcome, reason, tables)


@looks(
    "HY-07", Text("冗余", "Redundancy"),
    Text("是否见到冗余机制（MRP、HSR/PRP、VRRP、热备）？", "Is redundancy seen (MRP, HSR/PRP, VRRP, hot standby)?"), sources=("flows",),
)  # fmt: skip
def redundancy(look: Look) -> CheckResult:
    """Redundancy protocols that were seen, and from whom."""
    plant = look.plant
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in plant.talks.filter(pl.col("service").is_in(list(_REDUNDANCY)) | (pl.col("transport") == _VRRP)).iter_rows(named=True):
        groups[_REDUNDANCY.get(row["service"], "VRRP")].append(row)
    found, zones = [], set()
    for name, rows in sorted(groups.items()):
        clients = list(dict.fromkeys(row["client"] for row in rows))
        zones |= {zone for address in clients if (zone := plant.zone(address))}
        senders = few(map(plant.name, clients))
        n = sum(row["packets"] for row in rows)
        detail = Text(f"见到 {name}：{len(clients)} 台设备（{senders.zh}）发出 {n:,} 帧。", f"{name} is in use: {times(len(clients), 'device')} ({senders.en}) sent {times(n, 'frame')}.")
        found.append(look.see(name, CONFIRMED, detail, addresses=clients, protocol=name.lower(), count=n, first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows[:3])))
    controlled = {zone.id for zone in plant.site.zones if zone.kind in ("ot", "sis")} & plant.zones_seen
    if controlled and controlled <= zones:
        return look.result(found, CONFIRMED, Text(f"见到的 {len(controlled)} 个控制区域都有冗余协议。", f"All {times(len(controlled), 'control zone')} seen use a redundancy protocol."), confirmed_zones=zones)
    outcome, reason = look.silent(Text("冗余协议（MRP、PRP、HSR、VRRP、HSRP）", "redundancy protocol (MRP, PRP, HSR, VRRP, HSRP)"))
    if found:
        reason = Text(f"见到 {'、'.join(sorted(groups))}，但并非每个控制区域都有。", f"{', '.join(sorted(groups))} was seen, but not in every control zone.")
    return look.result(found, outcome, reason, confirmed_zones=zones)


@looks(
    "HY-08", Text("控制网内的邮件、聊天与上网", "Mail, chat or browsing from OT"),
    Text("控制网主机是否收发邮件、聊天或上网？", "Do hosts of the control network use mail, chat or the web?"), sources=("flows",),
)  # fmt: skip
def browsing(look: Look) -> CheckResult:
    """Mail and chat from OT to anywhere else, and web sessions from OT to public addresses."""
    plant = look.plant
    if not (plant.talks["client_side"] == "ot").any():
        return look.result((), NOT_ASSESSABLE, Text("没有已知属于控制网的主机发起的通信。", "No traffic of a host that is known to belong to the control network was seen."))
    rows = plant.sessions.filter(
        (pl.col("client_side") == "ot")
        & ((pl.col("service").is_in([*MAIL, *_CHAT]) & (pl.col("server_side") != "ot")) | (pl.col("service").is_in(list(_WEB)) & (pl.col("server_side") == "external")))
    )  # fmt: skip
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows.iter_rows(named=True):
        groups[row["client"], row["service"]].append(row)
    found = []
    for (client, service), mine in sorted(groups.items()):
        peers, why, amount = few(row["server"] for row in mine), proof(mine[0]), sum(row["bytes"] for row in mine)
        outcome, doubt = look.judge(plant.zone(client))
        detail = Text(f"控制网主机 {plant.name(client)} 使用 {word(service)}（{why.zh}）访问 {peers.zh}，{size(amount)}。", f"{plant.name(client)} of the control network used {word(service)} ({why.en}) with {peers.en}, {size(amount)}.")
        found.append(look.see(
            f"{client} {service}", outcome, join(detail, doubt), addresses=(client, *(row["server"] for row in mine[:25])), protocol=service, count=sum(r["sessions"] for r in mine), first_time=min(r["first"] for r in mine),
            last_time=max(r["last"] for r in mine), evidence=plant.flow_evidence(*mine[:5]), values={"bytes": amount, "peers": len({r["server"] for r in mine})},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("控制网主机的邮件、聊天或上网", "mail, chat or browsing from the control network"))
    return look.result(found, outcome, reason)


@looks(
    "HY-09", Text("临时接入的笔记本或手机", "Transient laptop or phone"),
    Text("是否有临时接入的设备？", "Do devices come and go?"), {"min_hours": 8.0, "share": 0.25}, sources=("assets", "flows", "protocol:dhcp"),
)  # fmt: skip
def transient(look: Look) -> CheckResult:
    """Devices with a private MAC, as phones use them; unlisted ones that were there for less than `share` of `min_hours` or more."""
    plant = look.plant
    long_enough = plant.hours >= look.params["min_hours"]
    found = []
    for asset in _hosts(look):
        wire = plant.wire.get(asset.id)
        private = [mac for mac in asset.macs if int(mac[:2], 16) & 2 and not mac.lower().startswith(_VIRTUAL)]
        if private:
            detail = Text(f"{asset.name} 使用私有（随机）MAC 地址 {private[0]}：手机和新式笔记本即如此，虚拟机也可能。", f"{asset.name} uses a private (random) MAC address, {private[0]}: so do phones and recent laptops, and some virtual machines.")
            found.append(look.see(asset.id, NOT_ASSESSABLE, detail, kind="mac", addresses=asset.ips[:1], evidence=plant.asset_evidence(asset)))
        if wire is None or asset.listed or not long_enough:
            continue
        first, last = (int(wire[k].timestamp()) * 10**9 for k in ("first_time", "last_time"))
        if last - first < look.params["share"] * plant.captured:
            present = lasting(last - first)
            detail = Text(f"{asset.name} 不在清单上，{plant.hours:.1f} 小时的抓包中只出现了 {present.zh}。", f"{asset.name} is not on the list and was there for only {present.en} of {plant.captured / HOUR:.1f} h captured.")
            found.append(look.see(asset.id, NOT_ASSESSABLE, detail, kind="short", addresses=asset.ips[:1], first_time=first, last_time=last, evidence=plant.asset_evidence(asset)))
    if not long_enough:
        return look.result(found, NOT_ASSESSABLE, Text(
            f"抓包仅 {lasting(plant.captured).zh}，不足 {look.params['min_hours']:g} 小时，谁是临时接入无从判断；DHCP 未解析。",
            f"The captures cover {lasting(plant.captured).en}, less than {look.params['min_hours']:g} h: who comes and goes cannot be told, and DHCP is not decoded.",
        ))  # fmt: skip
    outcome, reason = look.silent(Text("临时接入的设备", "device that comes and goes"))
    return look.result(found, outcome, reason)
