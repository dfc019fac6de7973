"""Data, cloud and twins: what leaves a zone, to whom, and how well protected (DA-01 to DA-04, CL-01, CL-02, DT-01).

The client's register of data is in the engagement (`data_register`) or in the parameter `register`: rows with
`source_zone`, `protocol`, `recipient` (zone id or address) and `level`; `*` stands for any. A data flow goes from the
side that sent more payload to the other.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import polars as pl

from sentinel.assess.checks._addresses import parsed
from sentinel.assess.checks._look import (
    NOT_ASSESSABLE,
    NOT_OBSERVED,
    VIOLATED,
    Look,
    few,
    join,
    looks,
    size,
    talked,
    times,
)
from sentinel.assess.checks._services import CLEAR_UPLINKS, CONTROL, ENCRYPTED, UPLINKS, word
from sentinel.assess.model import CheckResult, Text

INDUSTRIAL = CONTROL | {"mqtt", "amqp"}
_COMMANDS = ("write", "control", "program", "mode", "configure")


def _ends(row: Mapping[str, Any]) -> tuple[str, str]:
    """The columns' side that gave data and the side that took them."""
    return ("client", "server") if row["payload_client"] >= row["payload_server"] else ("server", "client")


def _encrypted(row: Mapping[str, Any]) -> bool | None:
    """Whether the payload was encrypted; None where only the port tells."""
    return row["service"] in ENCRYPTED if row["proven"] else None


def _register(look: Look) -> list[Mapping[str, Any]]:
    rows = look.params["register"] or look.plant.site.engagement.get("data_register") or ()
    return [row for row in rows if isinstance(row, Mapping)]


def _registered(register: list[Mapping[str, Any]], zone: str, recipients: tuple[str, ...], service: str) -> Mapping[str, Any] | None:
    for row in register:
        if row.get("source_zone") in (zone, "*") and row.get("protocol") in (service, "*") and (row.get("recipient") in recipients or row.get("recipient") == "*"):
            return row
    return None


@looks(
    "DA-01", Text("数据流清单", "Data-flow inventory"),
    Text("哪些数据从哪个区域流向谁，是否都已登记？", "Which data flow from which zone to whom, and is each of them registered?"),
    {"register": ()}, sources=("flows",),
)  # fmt: skip
def data_flows(look: Look) -> CheckResult:
    """Every flow of data between zones; those that the client's register does not hold."""
    plant = look.plant
    if not plant.zones:
        return look.result((), NOT_ASSESSABLE, Text("没有任何区域，无法说明数据跨越了什么边界：请导入分区规划。", "There is no zone, so no boundary that data could cross: import a zone plan."))
    register = _register(look)
    table = []
    missing: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in plant.crossings.filter(pl.col("carried")).iter_rows(named=True):
        giver, taker = _ends(row)
        source_zone, target_zone, target = row[f"{giver}_zone"], row[f"{taker}_zone"], row[taker]
        service = row["service"] or f"{row['transport']}/{row['server_port']}"
        known = _registered(register, source_zone, (target_zone, target), service)
        table.append({
            "source_zone": source_zone, "target_zone": target_zone, "source": row[giver], "target": target, "protocol": service, "bytes": row["payload_client"] + row["payload_server"],
            "encrypted": _encrypted(row), "registered": known is not None if register else None, "level": str(known.get("level", "")) if known else "",
        })  # fmt: skip
        if register and known is None:
            missing[source_zone, target if plant.is_public(target) else target_zone, service].append(row)
    table.sort(key=lambda r: (-r["bytes"], r["source"], r["target"], r["protocol"]))
    tables = {"data_flows": table}
    if not register:
        return look.result((), NOT_ASSESSABLE, Text(
            f"见到 {len(table)} 条跨区域的数据流，但企业未提供数据登记表，是否已登记无从判断。",
            f"{times(len(table), 'flow')} of data between zones {'was' if len(table) == 1 else 'were'} seen, but the client gave no register of data: whether {'it is' if len(table) == 1 else 'they are'} registered cannot be told.",
        ) if table else Text(
            "未见跨区域的数据流，企业也未提供数据登记表，无从比对。",
            "No flow of data between zones was seen, and the client gave no register of data to compare with.",
        ), tables)  # fmt: skip
    found = []
    for (zone, recipient, service), rows in sorted(missing.items()):
        amount = sum(row["payload_client"] + row["payload_server"] for row in rows)
        outcome, doubt = look.judge(*(rows[0][f"{side}_zone"] for side in ("client", "server")))
        example = talked(plant, rows[0])
        here, there = plant.called(zone), plant.called(recipient)
        detail = Text(f"从“{here.zh}”到“{there.zh}”的 {word(service)} 数据流（{size(amount)}）不在企业的数据登记表中；例：{example.zh}。", f"The {word(service)} flow from {here.en} to {there.en} ({size(amount)}) is not in the client's register of data; for example: {example.en}.")
        found.append(look.see(
            f"{zone}>{recipient} {service}", outcome, join(detail, doubt), addresses=(row[side] for row in rows[:25] for side in ("client", "server")), protocol=service, techniques=("T0882",), count=sum(r["flows"] for r in rows),
            first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows[:3]), values={"bytes": amount, "source_zone": zone, "recipient": recipient},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("未登记的跨区域数据流", "unregistered flow of data between zones"))
    return look.result(found, outcome, reason, tables)


@looks(
    "DA-02", Text("跨境对端", "Cross-border peer"),
    Text("数据是否流向境外？", "Do data go to a peer abroad?"), {"foreign": ()}, sources=("flows", "knowledge:geography"),
)  # fmt: skip
def cross_border(look: Look) -> CheckResult:
    """Public peers inside the networks that `foreign` names (CIDR); without it only how many public peers there are."""
    plant = look.plant
    client, server = pl.col("client_side") == "external", pl.col("server_side") == "external"
    peered = plant.grouped(plant.sessions.filter(client != server), "client", "server", "service", "transport", "server_port")
    rows = [row for row in peered.iter_rows(named=True) if plant.is_public(row["client"]) != plant.is_public(row["server"])]
    if not rows:
        outcome, reason = look.silent(Text("与公网地址的会话", "session with a public address"))
        return look.result((), outcome, reason)
    networks = [ipaddress.ip_network(text, strict=False) for text in look.params["foreign"]]
    peers = {row["client"] if plant.is_public(row["client"]) else row["server"] for row in rows}
    if not networks:
        return look.result((), NOT_ASSESSABLE, Text(
            f"与 {len(peers)} 个公网地址有会话，但没有地址归属地数据，无法判断是否在境外。",
            f"There were sessions with {times(len(peers), 'public address', 'public addresses')}, but there is no data on where addresses lie: whether one is abroad cannot be told.",
        ))  # fmt: skip
    found = []
    for row in rows:
        peer = row["client"] if plant.is_public(row["client"]) else row["server"]
        ip = parsed(peer)
        net = next((net for net in networks if ip is not None and ip.version == net.version and ip in net), None)
        if net is None:
            continue
        said = talked(plant, row)
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['service']} {row['transport']}/{row['server_port']}", VIOLATED, Text(f"{said.zh}；对端位于列为境外的网络 {net}。", f"{said.en}; the peer lies in {net}, which is listed as abroad."),
            addresses=(row["client"], row["server"]), protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"], "peer": peer},
        ))  # fmt: skip
    outcome, reason = look.silent(Text(f"与所列境外网络的会话（比较了 {len(peers)} 个公网地址）", f"session with a listed network abroad, among {times(len(peers), 'public address', 'public addresses')},"))
    return look.result(found, outcome, reason)


@looks(
    "DA-03", Text("未加密的工业数据跨越边界", "Unencrypted industrial data across a boundary"),
    Text("工业数据跨越区域边界时是否未加密？", "Do industrial data cross a zone boundary in clear?"), sources=("flows",),
)  # fmt: skip
def clear_data(look: Look) -> CheckResult:
    """Industrial protocols whose payload could be read, between two zones or with a public address."""
    plant = look.plant
    crossing = plant.crossings.filter((pl.col("sessions") > 0) & pl.col("service").is_in(list(INDUSTRIAL)))
    rows = plant.grouped(crossing, "client_zone", "server_zone", "service").to_dicts()
    if not rows and not plant.zones:
        return look.result((), NOT_ASSESSABLE, Text("没有任何区域，也没有工业协议与公网通信：请导入分区规划。", "There is no zone, and no industrial protocol with a public address: import a zone plan."))
    found = []
    for row in rows:
        a, b, service = row["client_zone"], row["server_zone"], row["service"]
        amount = row["payload_client"] + row["payload_server"]
        outcome, doubt = (VIOLATED, Text("", "")) if plant.is_outside(a) or plant.is_outside(b) else look.judge(a, b)
        if not row["proven"]:
            outcome, doubt = NOT_ASSESSABLE, Text("仅按端口号判断，载荷未解析。", "Told by the port number alone; the payload was not decoded.")
        said = talked(plant, row)
        here, there = plant.called(a), plant.called(b)
        detail = Text(f"{word(service)} 数据从“{here.zh}”到“{there.zh}”以明文传送：{said.zh}。", f"{word(service)} data cross in clear from {here.en} to {there.en}: {said.en}.")
        found.append(look.see(
            f"{a}>{b} {service}", outcome, join(detail, doubt), addresses=row["addresses"], protocol=service, techniques=("T0842",), count=row["sessions"], row=row,
            evidence=plant.flow_evidence(row), values={"bytes": amount, "pairs": row["pairs"], "source_zone": a, "target_zone": b, "protocol": service},
        ))  # fmt: skip
    outcome, reason = look.silent(Text("明文跨越边界的工业数据", "industrial data in clear across a boundary"))
    return look.result(found, outcome, reason)


@looks(
    "DA-04", Text("大批量外传", "Bulk export"),
    Text("是否有大批量数据流出？", "Do bulk data leave the plant?"), {"bytes_per_day": 1_000_000_000}, sources=("flows",),
)  # fmt: skip
def bulk(look: Look) -> CheckResult:
    """Hosts inside that sent more than `bytes_per_day` to one peer outside, for each day captured and at least once."""
    plant = look.plant
    limit = look.params["bytes_per_day"] * max(1.0, plant.days)
    found = []
    for row in plant.sessions.filter(pl.max_horizontal("payload_client", "payload_server") > limit).iter_rows(named=True):
        giver, taker = _ends(row)
        if row[f"{taker}_side"] != "external" or row[f"{giver}_side"] == "external":
            continue
        said = talked(plant, row)
        detail = Text(f"{plant.name(row[giver])} 向外部的 {row[taker]} 发送了 {size(row[f'payload_{giver}'])}，超过每天 {size(look.params['bytes_per_day'])} 的阈值：{said.zh}。", f"{plant.name(row[giver])} sent {size(row[f'payload_{giver}'])} to {row[taker]} outside, above the threshold of {size(look.params['bytes_per_day'])} a day: {said.en}.")
        found.append(look.see(
            f"{row[giver]}>{row[taker]} {row['service']} {row['transport']}/{row['server_port']} {row['tunnel']}".strip(), VIOLATED, detail, addresses=(row[giver], row[taker]), protocol=row["service"], techniques=("T0882",),
            count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row[f"payload_{giver}"], "limit": look.params["bytes_per_day"]},
        ))  # fmt: skip
    outcome, reason = look.silent(Text(f"每天超过 {size(look.params['bytes_per_day'])} 的外传；没有学习到的基线可比", f"export above {size(look.params['bytes_per_day'])} a day (there is no learned baseline to compare with)"))
    return look.result(found, outcome, reason)


def _uplinks(look: Look) -> list[dict[str, Any]]:
    """Sessions from inside to a cloud; of the web only those of hosts that are not known to be office hosts."""
    rows = look.plant.sessions.filter((pl.col("server_side") == "external") & (pl.col("client_side") != "external") & pl.col("service").is_in(list(UPLINKS)))
    office = pl.col("service").is_in(["http", "https", "tls", "quic"]) & (pl.col("client_side") == "it")
    return look.plant.grouped(rows.filter(~office), "client", "server", "service", "transport", "server_port").to_dicts()


@looks(
    "CL-01", Text("设备上云", "Cloud uplink"),
    Text("设备如何上云：协议、加密、双向证书、设备标识？", "How do devices reach a cloud: protocol, encryption, mutual certificates, device identity?"),
    sources=("flows", "protocol:tls", "protocol:mqtt"),
)  # fmt: skip
def uplinks(look: Look) -> CheckResult:
    """The uplinks; those in clear text. Whether a device showed a certificate needs TLS decoded."""
    plant = look.plant
    rows = _uplinks(look)
    table = [
        {"source": r["client"], "target": r["server"], "service": r["service"], "port": r["server_port"], "bytes": r["bytes"], "mutual_tls": False if r["proven"] and r["service"] in CLEAR_UPLINKS else None}
        for r in sorted(rows, key=lambda r: (-r["bytes"], r["client"], r["server"]))
    ]  # fmt: skip
    tables = {"uplinks": table}
    if not rows:
        outcome, reason = look.silent(Text("上云连接", "uplink to a cloud"))
        return look.result((), outcome, reason, tables)
    found = []
    for row in rows:
        clear = row["service"] in CLEAR_UPLINKS
        said = talked(plant, row)
        weight = VIOLATED if clear and row["proven"] else NOT_ASSESSABLE if clear else NOT_OBSERVED
        end = Text("上行链路为明文。", "The uplink is in clear text.") if clear else Text("TLS 握手未解析，双向证书和设备标识未知。", "TLS handshakes are not decoded: mutual certificates and device identity are not known.")
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['service']} {row['transport']}/{row['server_port']}", weight, Text(f"{said.zh}。{end.zh}", f"{said.en}. {end.en}"), addresses=(row["client"], row["server"]),
            protocol=row["service"], techniques=("T0869",) if clear else (), count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"], "proven": row["proven"]},
        ))  # fmt: skip
    return look.result(found, NOT_ASSESSABLE, Text(
        f"见到 {len(rows)} 条上云连接，未见明文；TLS 未解析，双向证书和设备标识无从判断。",
        f"{times(len(rows), 'uplink')} seen, none proven to be in clear; TLS is not decoded, so mutual certificates and device identity cannot be told.",
    ), tables)  # fmt: skip


@looks(
    "CL-02", Text("云端下行指令", "Downlink command"),
    Text("云端或外部是否向设备下发指令？", "Does a cloud or somebody outside send commands to devices?"), {"bytes": 100_000}, sources=("messages", "flows", "protocol:mqtt"),
)  # fmt: skip
def downlink(look: Look) -> CheckResult:
    """Commands of decoded protocols from outside; uplinks that brought much payload back are indications."""
    plant = look.plant
    found = []
    commands = plant.exchanges.filter(pl.col("activity").is_in(_COMMANDS) & (pl.col("kind") == "request"))
    for row in plant.by_pair(commands, "activity").iter_rows(named=True):
        if plant.side(row["client"]) != "external" or plant.side(row["server"]) == "external":
            continue
        outcome, doubt = (VIOLATED, Text("", "")) if plant.is_public(row["client"]) else look.judge(plant.zone(row["client"]))
        ticket = plant.ticket(row["client"], row["server"], row["activity"], row["first"], row["last"])
        detail = Text(f"外部的 {plant.name(row['client'])} 向 {plant.name(row['server'])} 发送了 {row['count']:,} 个 {word(row['protocol'])} {row['activity']} 请求。", f"{plant.name(row['client'])}, outside the plant, sent {times(row['count'], row['activity'] + ' request')} in {word(row['protocol'])} to {plant.name(row['server'])}.")
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['protocol']} {row['activity']}", outcome, join(detail, doubt), kind=f"ticket {ticket}" if ticket else "", addresses=(row["client"], row["server"]), protocol=row["protocol"],
            techniques=("T0855",), count=row["count"], row=row, evidence=plant.row_evidence(row), ticket=ticket, values={"events": 1, "days": plant.days},
        ))  # fmt: skip
    for row in _uplinks(look):
        if row["payload_server"] >= look.params["bytes"]:
            said = talked(plant, row)
            found.append(look.see(
                f"{row['client']}>{row['server']} {row['service']} {row['transport']}/{row['server_port']} {row['tunnel']}".strip(), NOT_ASSESSABLE, Text(f"{said.zh}，其中下行 {size(row['payload_server'])}；内容未解析，是否为指令未知。", f"{said.en}, {size(row['payload_server'])} of it downwards; what it says was not decoded."),
                kind="payload", addresses=(row["client"], row["server"]), protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["payload_server"]},
            ))  # fmt: skip
    outcome, reason = look.silent(Text("来自外部的控制指令（只解析控制协议；MQTT 等未解析）", "command from outside in a decoded control protocol (MQTT and the like are not decoded)"))
    return look.result(found, outcome, reason)


@looks(
    "DT-01", Text("数字孪生读写", "Reads and writes of the digital twin"),
    Text("数字孪生读取什么，是否回写控制器？", "What does the digital twin read, and does it write back to controllers?"), {"twins": (), "may_write": False}, sources=("messages",),
)  # fmt: skip
def twin(look: Look) -> CheckResult:
    """Requests of the hosts that `twins` names, or whose listed role says so, to controllers."""
    plant = look.plant
    named = {a for asset in plant.site.assets if any(w in asset.role.casefold() for w in ("twin", "孪生")) for a in asset.ips}
    twins = named | set(look.params["twins"])
    if not twins:
        return look.result((), NOT_ASSESSABLE, Text("没有声明哪些主机是数字孪生系统：请在资产清单的“role”中注明。", "Nobody said which hosts are a digital twin: write it into “role” in the list of devices."))
    rows = plant.exchanges.filter(pl.col("client").is_in(list(twins)) & (pl.col("kind") == "request"))
    found, reads = [], 0
    for row in plant.by_pair(rows, "activity").iter_rows(named=True):
        if row["activity"] not in _COMMANDS:
            reads += row["count"]
            continue
        detail = Text(f"数字孪生主机 {plant.name(row['client'])} 向 {plant.name(row['server'])} 回写：{row['count']:,} 个 {word(row['protocol'])} {row['activity']} 请求。", f"The twin {plant.name(row['client'])} writes back to {plant.name(row['server'])}: {times(row['count'], row['activity'] + ' request')} in {word(row['protocol'])}.")
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['protocol']} {row['activity']}", NOT_OBSERVED if look.params["may_write"] else VIOLATED, detail, addresses=(row["client"], row["server"]), protocol=row["protocol"], techniques=("T0855",),
            count=row["count"], row=row, evidence=plant.row_evidence(row), values={"writes": row["count"], "events": 1, "days": plant.days},
        ))  # fmt: skip
    if not found and not reads:
        return look.result((), NOT_ASSESSABLE, Text("抓包中没有数字孪生主机的控制协议报文。", "The captures hold no message of a twin in a decoded control protocol."))
    names = few(map(plant.name, sorted(twins)))
    return look.result(found, NOT_OBSERVED, Text(f"数字孪生主机（{names.zh}）在{look.covered.zh}内只读取：{reads:,} 个请求。", f"Within {look.covered.en} the twin ({names.en}) only read, in {times(reads, 'request')}."))
