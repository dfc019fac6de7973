"""Control: who changes controllers, who commands them, and what does not fit (CO-01 to CO-06).

An engineering operation is a fact of the traffic; whether somebody approved it is not. It is a violation unless a ticket
or window of the client explains it: same source, target, activity and time. Where no ticket was imported at all, the
sentence says so, since nothing then can explain it. An *event* is all that one host did of one kind to one device with
no pause of ten minutes: a download of a hundred blocks is one event.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import polars as pl

from sentinel.assess.checks._look import (
    NOT_ASSESSABLE,
    VIOLATED,
    Look,
    few,
    join,
    lasting,
    looks,
    size,
    stamp,
    talked,
    times,
)  # fmt: skip
from sentinel.assess.checks._plant import MASTERS
from sentinel.assess.checks._services import CONTROL, word
from sentinel.assess.checks.assets import rival_macs
from sentinel.assess.model import CheckResult, Evidence, Observation, Text

EVENT_GAP = 600 * 10**9
"""Pause that parts two events."""

ACTIONS = {
    "download": Text("程序下装", "program download"),
    "upload": Text("程序上载（读出）", "program upload (read out)"),
    "store": Text("程序固化或压缩", "program made permanent or compressed"),
    "delete": Text("删除程序或文件", "deletion of a program or file"),
    "stop": Text("停机", "stop"),
    "start": Text("启动", "start"),
    "restart": Text("重启", "restart"),
    "mode": Text("切换工作模式", "change of mode"),
    "force": Text("强制输出", "forced values"),
    "modify": Text("用编程软件修改变量", "variables modified by programming software"),
    "configure": Text("修改配置", "change of configuration"),
    "file": Text("写入文件", "file write"),
}
_DID = {
    "download": "downloaded a program to", "upload": "read the program out of",
    "store": "made the program permanent, or compressed it, in", "delete": "deleted a program or file in",
    "stop": "stopped", "start": "started", "restart": "restarted", "mode": "changed the mode of",
    "force": "forced values in", "modify": "modified variables, with programming software, of",
    "configure": "changed the configuration of", "file": "wrote a file to",
}  # fmt: skip
TECHNIQUES = {
    "download": ("T0843",), "upload": ("T0845",), "store": ("T0889",), "delete": ("T0809",), "stop": ("T0858",),
    "start": ("T0858",), "restart": ("T0816",), "mode": ("T0858",), "force": ("T0835",), "modify": ("T0836",),
    "configure": ("T0836",), "file": ("T0857",),
}  # fmt: skip
_OF_TECHNIQUE = {
    "T0843": "download", "T0845": "upload", "T0889": "store", "T0858": "mode", "T0816": "restart", "T0857": "file", "T0881": "stop", "T0809": "delete",
}  # fmt: skip
_SAME = {"mode": ("mode", "stop", "start"), "store": ("store", "download", "delete"), "restart": ("restart", "start")}
"""Actions that one technique may stand for."""
_ACTIVITIES = ("program", "mode", "file", "configure")
_NAMED = {
    "force": "force", "variable_table_modify": "modify", "write_file_record": "file",
    "diagnostics_restart_communications": "restart", "diagnostics_force_listen_only": "mode",
}  # fmt: skip
"""Operations that are engineering whatever their activity."""
_BLOCKS = {"08": "OB", "0A": "DB", "0B": "SDB", "0C": "FC", "0D": "SFC", "0E": "FB", "0F": "SFB"}
"""Kind of an S7 block by the first two characters of its file name."""
_DAILY = frozenset({"enable_unsolicited", "disable_unsolicited", "assign_class"})
"""What a telecontrol master does each time that it starts (IEEE 1815-2012, 5.1.1.1)."""


def action(operation: str, activity: str) -> str:
    """The kind of engineering that an operation is, or empty."""
    if operation in _NAMED:
        return _NAMED[operation]
    if activity == "program":
        for words, kind in ((("upload",), "upload"), (("delete", "reset", "erase"), "delete"), (("copy", "compress"), "store")):
            if any(word in operation for word in words):
                return kind
        return "download"
    if activity == "mode":
        return next((kind for kind in ("restart", "stop", "start") if kind in operation), "mode")
    if activity == "file":
        return "delete" if "delete" in operation else "file" if "write" in operation else ""
    return "configure" if activity == "configure" and operation not in _DAILY else ""


def block(name: str) -> str:
    """`DB 1` for the file name of an S7 block (`_0A00001A`), any other name as it is."""
    kind = _BLOCKS.get(name[1:3]) if len(name) == 9 and name.startswith("_") and name[3:8].isdigit() else None
    return f"{kind} {int(name[3:8])}" if kind else name


def events(look: Look) -> list[dict[str, Any]]:
    """The engineering events: client, server, protocol, unit, action, operations, names, counts, times, rows, ticket."""
    plant = look.plant
    wanted = pl.col("activity").is_in(_ACTIVITIES) | pl.col("operation").is_in(list(_NAMED))
    open_: dict[tuple[Any, ...], dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for row in plant.minutes(wanted).iter_rows(named=True):
        kind = action(row["operation"], row["activity"])
        if not kind or row["kind"] not in ("request", "response", "exception"):
            continue
        key = (row["client"], row["server"], row["protocol"], row["unit"], kind)
        event = open_.get(key)
        if event is None or row["first"] > event["last"] + EVENT_GAP:
            event = open_[key] = {
                **dict(zip(("client", "server", "protocol", "unit", "action"), key, strict=True)), "activity": row["activity"], "operations": {}, "names": {},
                "first": row["first"], "last": row["last"], "request": 0, "response": 0, "exception": 0, "answered": 0, "bytes": 0, "rows": [],
            }  # fmt: skip
            found.append(event)
        event[row["kind"]] += row["count"]
        event["bytes"] += row["bytes"]
        event["answered"] += row["answered"]
        event["last"] = max(event["last"], row["last"])
        event["operations"][row["operation"]] = None
        if row["name"]:
            event["names"][block(row["name"])] = None
        event["rows"].append(row)
    for event in found:
        event["ticket"] = plant.ticket(event["client"], event["server"], event["activity"], event["first"], event["last"])
    return found


@looks(
    "CO-01", Text("工程操作", "Engineering operation"),
    Text("谁在何时从哪里对控制器做了下装、上载、启停、改模式、固件或强制操作？", "Who downloaded, uploaded, started, stopped, changed mode or firmware, or forced values; when and from where?"),
    sources=("messages", "alerts"),
)  # fmt: skip
def engineering(look: Look) -> CheckResult:
    """Every engineering event, each explained by a ticket or not."""
    plant = look.plant
    if not plant.protocols:
        return look.result((), NOT_ASSESSABLE, _no_messages(look))
    seen = events(look)
    table = [
        {
            "time": stamp(e["first"]), "source": e["client"], "target": e["server"], "unit": e["unit"], "protocol": e["protocol"],
            "operation": e["action"], "name": ", ".join(list(e["names"])[:5]), "count": e["request"] or e["response"], "ticket": e["ticket"],
        }
        for e in sorted(seen, key=lambda e: (e["first"], e["client"], e["server"], e["action"]))
    ]  # fmt: skip
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for event in seen:
        groups[event["client"], event["server"], event["protocol"], event["unit"], event["action"], event["ticket"]].append(event)
    found = [_engineered(look, mine) for _, mine in sorted(groups.items(), key=lambda item: tuple(map(str, item[0])))]
    found += _by_alert(look, {(e["client"], e["server"], e["action"]) for e in seen})
    outcome, reason = look.silent(Text("工程操作（已解析的协议：" + "、".join(map(word, sorted(plant.protocols))) + "）", f"engineering operation in {', '.join(map(word, sorted(plant.protocols)))}"))
    if found:
        reason = Text(f"见到 {len(seen)} 次工程操作，均由工单或维护窗口说明。", f"{times(len(seen), 'engineering event')} seen, all explained by tickets or windows.")
    return look.result(found, outcome, reason, {"engineering": table})


def _engineered(look: Look, mine: list[dict[str, Any]]) -> Observation:
    one, plant = mine[0], look.plant
    client, server, kind, ticket = one["client"], one["server"], one["action"], one["ticket"]
    what = ACTIONS[kind]
    names = few(name for event in mine for name in event["names"])
    unit = Text(f"（单元 {one['unit']}）", f" unit {one['unit']}") if one["unit"] is not None else Text("", "")
    about = Text(f"，涉及 {names.zh}", f", of {names.en}") if names.en else Text("", "")
    accepted, refused = sum(e["response"] for e in mine), sum(e["exception"] for e in mine)
    answer = (
        Text("控制器已接受", "the controller accepted") if accepted and not refused
        else Text("控制器已拒绝", "the controller refused") if refused and not accepted
        else Text(f"应答中 {refused} 个拒绝", f"{refused} of the answers refused") if refused
        else Text("控制器有应答", "the controller answered") if any(e["answered"] for e in mine)
        else Text("未见应答", "no answer was seen")
    )  # fmt: skip
    detail = Text(
        f"{plant.name(client)} 对 {plant.name(server)}{unit.zh} 执行{what.zh} {len(mine)} 次（{word(one['protocol'])}{about.zh}），首次 {stamp(one['first'])} UTC，{answer.zh}。" + _explained(look, ticket).zh,
        f"{plant.name(client)} {_DID[kind]} {plant.name(server)}{unit.en} ({word(one['protocol'])}{about.en}){'' if len(mine) == 1 else f', {len(mine)} times'}, first at {stamp(one['first'])} UTC; {answer.en}. " + _explained(look, ticket).en,
    )
    unit_key = "" if one["unit"] is None else f" unit {one['unit']}"
    last = max(event["last"] for event in mine)
    return look.see(
        f"{client}>{server}{unit_key} {kind}", VIOLATED, detail, kind=f"ticket {ticket}" if ticket else "", title=Text(f"工程操作：{what.zh}", f"Engineering operation: {what.en}"),
        addresses=(client, server), protocol=one["protocol"], techniques=TECHNIQUES[kind], count=len(mine), first_time=one["first"], last_time=last,
        evidence=(*plant.row_evidence(*(row for event in mine for row in event["rows"])), *_alerts(look, client, server, kind, one["first"], last)), ticket=ticket,
        values={"action": kind, "events": len(mine), "days": plant.days, "requests": sum(e["request"] for e in mine), "accepted": bool(accepted)},
    )  # fmt: skip


def _explained(look: Look, ticket: str) -> Text:
    if ticket:
        return Text(f"工单 {ticket} 予以说明。", f"Ticket {ticket} explains it.")
    if not look.plant.site.tickets:
        return Text("案例中没有任何工单或维护窗口可予说明。", "The case holds no ticket or window that could explain it.")
    return Text("没有工单或维护窗口予以说明。", "No ticket or window explains it.")


def _techniques(alert: dict[str, Any]) -> list[str]:
    return list(json.loads(alert["techniques"] or "[]"))


def _alerts(look: Look, client: str, server: str, kind: str, first: int, last: int) -> list[Evidence]:
    """Evidence of up to two alerts that say the same."""
    mine = look.plant.alerts_of.get((client, server), ())
    fitting = [
        alert for alert in mine
        if kind in {k for t in _techniques(alert) for k in _SAME.get(_OF_TECHNIQUE.get(t, ""), (_OF_TECHNIQUE.get(t, ""),))}
        and alert["first"] <= last and alert["last"] >= first
    ]  # fmt: skip
    return [piece for alert in fitting[:2] for piece in look.plant.alert_evidence(alert)]


def _by_alert(look: Look, known: set[tuple[str, str, str]]) -> Iterator[Observation]:
    """Engineering that only an alert tells of (a rule looked into a protocol's own columns)."""
    plant = look.plant
    for (src, dst), alerts in sorted(plant.alerts_of.items()):
        for alert in alerts:
            kinds = {_OF_TECHNIQUE[t] for t in _techniques(alert) if t in _OF_TECHNIQUE}
            same = {k for kind in kinds for k in _SAME.get(kind, (kind,))}
            if not kinds or any((src, dst, k) in known or (dst, src, k) in known for k in same) or not plant.is_controller(dst):
                continue
            kind = sorted(kinds)[0]
            activity = "mode" if kind in ("mode", "stop", "restart") else "file" if kind == "file" else "program"
            ticket = plant.ticket(src, dst, activity, alert["first"], alert["last"])
            yield look.see(
                f"{src}>{dst} {alert['name']}", VIOLATED, Text(alert["why_zh"] + _explained(look, ticket).zh, f"{alert['why_en']} {_explained(look, ticket).en}"),
                title=Text(alert["title_zh"], alert["title_en"]), kind=f"ticket {ticket}" if ticket else "", addresses=(src, dst), protocol=alert["protocol"],
                techniques=tuple(_techniques(alert)), count=alert["count"], row=alert, evidence=plant.alert_evidence(alert), ticket=ticket,
                values={"action": kind, "events": 1, "days": plant.days},
            )  # fmt: skip


def _no_messages(look: Look) -> Text:
    seen = sorted({row["service"] for row in look.plant.sessions.iter_rows(named=True) if row["service"] in CONTROL})
    if seen:
        return Text(f"见到 {'、'.join(map(word, seen))} 会话，但没有一条报文被解析。", f"Sessions of {', '.join(map(word, seen))} were seen, but no message was decoded.")
    return Text("抓包中没有任何已解析的控制协议报文。", "The captures hold no message of a control protocol that is decoded.")


@looks(
    "CO-02", Text("非许可主站的写入", "Write by a master that is not allowed"),
    Text("是否有不在许可名单上的主站向控制器写入？", "Does a master that is on no allow-list write to a controller?"),
    {"masters": ()}, sources=("messages",),
)  # fmt: skip
def masters(look: Look) -> CheckResult:
    """Writes and commands of hosts that are neither in `masters` nor listed as HMI, engineering station or controller."""
    plant = look.plant
    if not plant.protocols:
        return look.result((), NOT_ASSESSABLE, _no_messages(look))
    asked = plant.exchanges.filter((pl.col("kind") == "request") & pl.col("activity").is_in(["write", "control"]))
    pairs = plant.by_pair(asked)
    allowed = set(look.params["masters"])
    known = plant.listed or bool(allowed)
    if not known:
        counted = Text(
            f"{pairs['client'].n_unique()} 台主机向 {pairs['server'].n_unique()} 台控制器写入，",
            f"{times(pairs['client'].n_unique(), 'host')} wrote to {times(pairs['server'].n_unique(), 'controller')}, but",
        ) if pairs.height else Text("未见写入；", "No write was seen, and")  # fmt: skip
        return look.result((), NOT_ASSESSABLE, join(counted, Text("没有许可名单：请在资产清单中注明操作员站和工程师站。", "there is no allow-list: name the operator and engineering stations in the list of devices.")))
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in pairs.iter_rows(named=True):
        client, server = row["client"], row["server"]
        asset = plant.asset(client)
        if client in allowed or (asset is not None and asset.listed and asset.kind in MASTERS):
            continue
        ticket = plant.ticket(client, server, "write", row["first"], row["last"]) or plant.ticket(client, server, "control", row["first"], row["last"])
        groups[client, row["protocol"], ticket].append(row)
    found = []
    for (client, protocol, ticket), rows in sorted(groups.items()):
        asset = plant.asset(client)
        why = Text("不在资产清单上", "is not on the list of devices") if asset is None or not asset.listed else Text(f"在清单上的类型是“{asset.kind}”", f"is listed as “{asset.kind}”")
        n, servers = sum(row["count"] for row in rows), few(plant.name(row["server"]) for row in rows)
        detail = Text(
            f"{plant.name(client)} 向 {len(rows)} 台设备（{servers.zh}）发送了 {n:,} 个 {word(protocol)} 写入或控制请求，而它{why.zh}，不在许可名单内。",
            f"{plant.name(client)} sent {times(n, 'request')} to write or control in {word(protocol)} to {times(len(rows), 'device')} ({servers.en}); it {why.en} and on no allow-list.",
        )
        found.append(look.see(
            f"{client} {protocol}", VIOLATED, detail, kind=f"ticket {ticket}" if ticket else "", addresses=(client, *(row["server"] for row in rows[:50])), protocol=protocol, techniques=("T0855",),
            count=n, first_time=min(row["first"] for row in rows), last_time=max(row["last"] for row in rows), evidence=plant.row_evidence(*rows), ticket=ticket,
            values={"events": len(rows), "days": plant.days, "writes": n},
        ))  # fmt: skip
    outcome, reason = look.silent(Text(f"非许可主站的写入（比较了 {pairs.height} 对主机）", f"write by a master that is not allowed, among {times(pairs.height, 'pair')} that write,"))
    return look.result(found, outcome, reason)


@looks(
    "CO-03", Text("数值或变化率越限", "Value or rate out of range"),
    Text("过程值或其变化率是否超出学习到的或设计的范围？", "Does a process value or its rate leave the learned or engineered range?"),
    sources=("points", "detector:range"),
)  # fmt: skip
def ranges(look: Look) -> CheckResult:
    """Needs engineered or learned ranges, which this version does not have."""
    counted = look.plant.points
    return look.result((), NOT_ASSESSABLE, Text(
        f"解析到 {counted:,} 个过程值，但既没有设计范围，也没有学习范围的检测器。",
        f"{times(counted, 'process value was', 'process values were')} decoded, but there is neither an engineered range nor a detector that learns one.",
    ))  # fmt: skip


@looks(
    "CO-04", Text("畸形报文、异常应答与非法功能", "Malformed messages, exceptions, illegal functions"),
    Text("是否有不合标准的报文、大量异常应答或非法功能？", "Are there messages that break their standard, many exceptions, or illegal functions?"),
    {"malformed": 1, "illegal": 5, "exceptions": 20, "share": 0.05}, sources=("messages",),
)  # fmt: skip
def malformed(look: Look) -> CheckResult:
    """Pairs with at least `malformed` broken messages, `illegal` refused functions, or `exceptions` that are more than a `share` of the answers."""
    plant = look.plant
    if not plant.protocols:
        return look.result((), NOT_ASSESSABLE, _no_messages(look))
    rows = plant.exchanges
    key = ["client", "server", "protocol"]
    broken = rows.filter(pl.col("faulty") | (pl.col("kind") == "malformed"))
    refused = rows.filter(pl.col("kind") == "exception")
    illegal = refused.filter(pl.col("status_name").str.to_lowercase().str.contains_any(["illegal function", "not supported", "not available"]))
    answers = {tuple(r[:3]): r[3] for r in rows.filter(pl.col("kind").is_in(["response", "exception"])).group_by(key).agg(pl.col("count").sum()).iter_rows()}
    found = []
    for name, selected in (("malformed", broken), ("illegal", illegal), ("exceptions", refused)):
        for row in plant.by_pair(selected).iter_rows(named=True):
            ends = row["client"], row["server"], row["protocol"]
            total = answers.get(ends, row["count"])
            if row["count"] < look.params[name] or (name == "exceptions" and row["count"] < look.params["share"] * total):
                continue
            what = {
                "malformed": Text(f"{row['count']:,} 个报文不符合 {word(ends[2])} 标准", f"{times(row['count'], 'message')} broke the {word(ends[2])} standard"),
                "illegal": Text(f"{row['count']:,} 个请求因功能非法或不支持而被拒绝（{word(ends[2])}）", f"{times(row['count'], 'request was', 'requests were')} refused because the function is illegal or not supported ({word(ends[2])})"),
                "exceptions": Text(f"{total:,} 个应答中有 {row['count']:,} 个异常（{word(ends[2])}）", f"{row['count']:,} of {times(total, 'answer was', 'answers were')} exceptions ({word(ends[2])})"),
            }[name]
            detail = Text(f"{plant.name(ends[0])} 与 {plant.name(ends[1])} 之间，{what.zh}。", f"Between {plant.name(ends[0])} and {plant.name(ends[1])} {what.en}.")
            found.append(look.see(
                f"{ends[0]}>{ends[1]} {ends[2]}", VIOLATED, detail, kind=name, addresses=ends[:2], protocol=ends[2], techniques=("T0814",) if name == "malformed" else ("T0888",),
                count=row["count"], row=row, evidence=plant.row_evidence(row), values={"kind": name, "answers": total, "events": 1, "days": plant.days},
            ))  # fmt: skip
    outcome, reason = look.silent(Text("超过阈值的畸形报文、异常应答或非法功能", "malformed message, illegal function or rate of exceptions above the thresholds"))
    return look.result(found, outcome, reason)


@looks(
    "CO-05", Text("非法主站、地址冲突、时序中断", "Rogue master, duplicate address, broken timing"),
    Text("是否有来历不明的主站、控制器地址冲突或轮询中断？", "Is there a master from nowhere, a controller's address twice, or a break in the polling?"),
    {"factor": 10, "seconds": 5}, sources=("messages", "facts"),
)  # fmt: skip
def rogue(look: Look) -> CheckResult:
    """Masters that the list does not hold, controllers whose address several MACs claim, pauses of a regular poll."""
    plant = look.plant
    if not plant.protocols:
        return look.result((), NOT_ASSESSABLE, _no_messages(look))
    found = []
    if plant.listed:
        for row in plant.by_pair(plant.exchanges.filter(pl.col("kind") == "request")).iter_rows(named=True):
            asset = plant.asset(row["client"])
            if asset is not None and asset.listed:
                continue
            detail = Text(
                f"{plant.name(row['client'])} 作为 {word(row['protocol'])} 主站向 {plant.name(row['server'])} 发出 {row['count']:,} 个请求，而它不在资产清单上。",
                f"{plant.name(row['client'])} acted as {word(row['protocol'])} master of {plant.name(row['server'])} with {times(row['count'], 'request')}, and is not on the list of devices.",
            )
            found.append(look.see(
                f"{row['client']}>{row['server']} {row['protocol']}", VIOLATED, detail, kind="master", addresses=(row["client"], row["server"]), protocol=row["protocol"],
                techniques=("T0848",), count=row["count"], row=row, evidence=plant.row_evidence(row), values={"events": 1, "days": plant.days},
            ))  # fmt: skip
    for device, macs, rows in rival_macs(look):
        if plant.is_controller(device):
            names = few(macs)
            detail = Text(f"{len(macs)} 个 MAC 地址（{names.zh}）通过 ARP 自称拥有控制器 {plant.name(device)} 的地址。", f"{len(macs)} MAC addresses ({names.en}) claim the address of the controller {plant.name(device)} by ARP.")
            found.append(look.see(
                device, VIOLATED, detail, kind="address", addresses=(device,), techniques=("T0830",), count=len(macs), first_time=rows[0]["time"], last_time=rows[-1]["time"],
                evidence=[plant.frames(r["capture"], (r["frame"],)) for r in rows], values={"macs": tuple(macs)},
            ))  # fmt: skip
    found += _pauses(look)
    listed = Text("", "") if plant.listed else Text("未导入资产清单，来历不明的主站无从辨认。", "No list of devices was imported: a master from nowhere cannot be told.")
    outcome, reason = look.silent(Text("非法主站、控制器地址冲突", "rogue master or duplicate address of a controller"))
    return look.result(found, outcome if plant.listed else NOT_ASSESSABLE, reason if plant.listed else listed)


def _pauses(look: Look) -> Iterator[Observation]:
    """One observation for each pair whose regular poll paused; the longest pause speaks for the pair."""
    factor, least = look.params["factor"], look.params["seconds"] * 10**9
    paused = look.plant.cycles.filter((pl.col("pause") > factor * pl.col("cycle")) & (pl.col("pause") > least) & (pl.col("jitter") < 0.2 * pl.col("cycle")))
    worst = paused.sort("pause", descending=True).unique(["client", "server"], keep="first", maintain_order=True).sort("client", "server")
    for row in worst.iter_rows(named=True):
        pause, cycle = lasting(int(row["pause"])), f"{row['cycle'] / 1e6:.0f} ms"
        detail = Text(
            f"{look.plant.name(row['client'])} 对 {look.plant.name(row['server'])} 的轮询（周期 {cycle}）中断了 {pause.zh}，于 {stamp(row['resumed'])} UTC 恢复；原因须核实。",
            f"The poll of {look.plant.name(row['server'])} by {look.plant.name(row['client'])} (cycle {cycle}) paused for {pause.en} and came back at {stamp(row['resumed'])} UTC; why must be asked.",
        )
        yield look.see(
            f"{row['client']}>{row['server']}", NOT_ASSESSABLE, detail, kind="pause", addresses=(row["client"], row["server"]), protocol=row["protocol"],
            first_time=row["resumed"] - int(row["pause"]), last_time=row["resumed"], evidence=(look.plant.frames(row["capture"], (row["frame"],)),),
            values={"cycle_ms": round(row["cycle"] / 1e6, 3), "pause_s": round(row["pause"] / 1e9, 3)},
        )  # fmt: skip


@looks(
    "CO-06", Text("工程文件或固件传输", "Transfer of project or firmware files"),
    Text("是否有程序、工程文件或固件传入或传出控制器？", "Do programs, project files or firmware pass to or from controllers?"),
    {"bytes": 10_000}, sources=("messages", "flows"),
)  # fmt: skip
def transfers(look: Look) -> CheckResult:
    """Programs and files that decoded protocols carry, and file services of controllers with more payload than `bytes`."""
    plant = look.plant
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for event in events(look):
        if event["action"] in ("download", "upload", "file"):
            groups[event["client"], event["server"], event["action"], event["ticket"]].append(event)
    found = []
    for (client, server, kind, ticket), mine in sorted(groups.items()):
        names, amount = few(name for event in mine for name in event["names"]), sum(event["bytes"] for event in mine)
        what = ACTIONS[kind]
        about = Text(f"（{names.zh}）", f" ({names.en})") if names.en else Text("", "")
        detail = Text(
            f"{plant.name(client)} 与 {plant.name(server)} 之间的{what.zh}{about.zh}共 {size(amount)}，首次 {stamp(mine[0]['first'])} UTC。" + _explained(look, ticket).zh,
            f"{what.en.capitalize()}{about.en} between {plant.name(client)} and {plant.name(server)}, {size(amount)} in all, first at {stamp(mine[0]['first'])} UTC. " + _explained(look, ticket).en,
        )
        found.append(look.see(
            f"{client}>{server} {kind}", VIOLATED, detail, kind=f"ticket {ticket}" if ticket else "", addresses=(client, server), protocol=mine[0]["protocol"], techniques=TECHNIQUES[kind], count=len(mine),
            first_time=mine[0]["first"], last_time=max(e["last"] for e in mine), evidence=plant.row_evidence(*(row for e in mine for row in e["rows"])), ticket=ticket,
            values={"bytes": amount, "events": len(mine), "days": plant.days},
        ))  # fmt: skip
    services = plant.sessions.filter(pl.col("service").is_in(["ftp", "tftp", "smb", "http", "https", "ssh"]) & (pl.col("payload_client") + pl.col("payload_server") >= look.params["bytes"]))
    for row in services.iter_rows(named=True):
        if plant.is_controller(row["server"]):
            ticket = plant.ticket(row["client"], row["server"], "file", row["first"], row["last"])
            said = talked(plant, row)
            found.append(look.see(
                f"{row['client']}>{row['server']} {row['service']}", NOT_ASSESSABLE, Text(f"{said.zh}；控制器的文件服务，传了什么未解析。", f"{said.en}; a file service of a controller, and what passed was not decoded."),
                kind=f"ticket {ticket}" if ticket else "", addresses=(row["client"], row["server"]), protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), ticket=ticket,
                values={"bytes": row["bytes"]},
            ))  # fmt: skip
    if not found and not plant.protocols:
        return look.result((), NOT_ASSESSABLE, _no_messages(look))
    outcome, reason = look.silent(Text("未说明的程序、文件或固件传输", "unexplained transfer of programs, files or firmware"))
    return look.result(found, outcome, reason)
