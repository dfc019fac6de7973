"""How much of the plant the captures could show, in numbers and in sentences.

Visibility of a zone, 0 to 1, is devices x time x quality:
- devices: of the devices known in the zone, the share that was seen; where nobody listed the zone's devices it is 0.5,
  since an unknown number of silent ones may stand beside those that were seen;
- time: hours with traffic of the zone, of a whole day's cycle (`FULL_HOURS`); pauses of less than five minutes count;
- quality: (1 - loss) x (1 - one-sided share of TCP flows), both of all captures; a loss that no capturing host counted
  is taken as none, and a statement says so.
Visibility of a conduit is time x quality. The share of the whole is the mean over the zones inside the plant.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import polars as pl

from sentinel.assess.checks._addresses import covered
from sentinel.assess.checks._look import lasting, size, times
from sentinel.assess.checks._plant import HOUR, Plant, plant_of
from sentinel.assess.checks._services import ENCRYPTED, UPLINKS
from sentinel.assess.model import Coverage, Text
from sentinel.assess.view import View

FULL_HOURS = 24.0
"""Hours of traffic that count as a whole: a day with all shifts."""
PAUSE = 300 * 10**9
UNLISTED = 0.5
"""Share of devices seen where nobody said how many there are."""
OUTSIDE = frozenset({"external", "cloud", "remote"})
"""Kinds of zone that no tap of the plant looks into."""
SHORT_HOURS = 24.0
LONG_HOURS = 168.0
SILENT = 0.05
"""Where traffic fills a smaller share of the time than this, the reader is told."""
DIGITS = 4


def measure(view: View) -> Coverage:
    """The coverage of a case: deterministic, numbers rounded to four places."""
    plant = plant_of(view)
    flows = plant.flows
    numbers = _counts(flows, "capture")
    captures = view.captures.sort("capture").with_columns(pl.col("first_time", "last_time").cast(pl.Int64))
    taps = tuple(_tap(row, numbers) for row in captures.iter_rows(named=True))
    whole = _counts(flows)
    frames = sum(tap["frames"] for tap in taps)
    told = [tap for tap in taps if tap["dropped"] is not None]
    lost, read = sum(tap["dropped"] for tap in told), sum(tap["frames"] for tap in told)
    loss = lost / (lost + read) if lost + read else None
    one_sided = _share(whole.get("one_sided", 0), whole.get("tcp", 0))
    quality = (1 - (loss or 0.0)) * (1 - (one_sided or 0.0))
    zones = tuple(_zones(plant, quality))
    inside = [row["visibility"] for row in zones if plant.zones[row["zone"]].kind not in OUTSIDE]
    return Coverage(
        taps=taps,
        zones=zones,
        conduits=tuple(_conduits(plant, quality)),
        hours=round(plant.hours, DIGITS),
        frames=frames,
        loss=_rounded(loss),
        one_sided=_rounded(one_sided),
        unknown=_rounded(_share(whole.get("unknown", 0), whole.get("payload", 0))),
        share=round(sum(inside) / len(inside), DIGITS) if inside else None,
        statements=tuple(_statements(plant, view, taps, whole, loss)),
    )


def _counts(flows: pl.DataFrame, *by: str) -> dict[Any, Any]:
    """Sums over the flows: of all of them, or by the value of a column."""
    payload = pl.col("payload_client") + pl.col("payload_server")
    tcp = (pl.col("transport") == "tcp") & (payload > 0)
    silent = (pl.col("packets_client") == 0) | (pl.col("packets_server") == 0)
    aggregates = [
        pl.len().alias("flows"),
        tcp.sum().alias("tcp"),
        (tcp & silent).sum().alias("one_sided"),
        payload.sum().alias("payload"),
        payload.filter(~pl.col("proven")).sum().alias("unknown"),
        payload.filter(pl.col("proven") & (pl.col("messages") == 0)).sum().alias("undecoded"),
        payload.filter(pl.col("service").is_in(list(ENCRYPTED))).sum().alias("encrypted"),
        (pl.col("state") == "midstream").sum().alias("midstream"),
        pl.col("gap_bytes").sum(),
        (pl.col("end") == "evicted").sum().alias("evicted"),
        pl.col("vlan").is_not_null().sum().alias("tagged"),
        (pl.col("tunnel") != "").sum().alias("tunnelled"),
    ]
    if not by:
        row = flows.select(aggregates).row(0, named=True)
        return {name: value or 0 for name, value in row.items()}
    grouped = flows.group_by(by).agg(aggregates)
    return {row[by[0]]: row for row in grouped.iter_rows(named=True)}


def _tap(row: dict[str, Any], numbers: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """One capture: for how long, how much, and how well."""
    counted = numbers.get(row["capture"], {})
    first, last = row["first_time"], row["last_time"]
    read = row["frames"] + (row["dropped"] or 0)
    return {
        "capture": row["capture"],
        "name": PurePath(row["path"]).name,
        "sha256": row["sha256"],
        "state": row["state"],
        "first_time": first,
        "last_time": last,
        "hours": 0.0 if first is None or last is None else round((last - first) / HOUR, DIGITS),
        "frames": row["frames"],
        "dropped": row["dropped"],
        "loss": None if row["dropped"] is None or not read else round(row["dropped"] / read, DIGITS),
        "cut": row["cut"],
        "unread": row["unread"],
        "duplicates": row["duplicates"],
        "flows": counted.get("flows", 0),
        "one_sided": _rounded(_share(counted.get("one_sided", 0), counted.get("tcp", 0))),
        "unknown": _rounded(_share(counted.get("unknown", 0), counted.get("payload", 0))),
    }


def _zones(plant: Plant, quality: float) -> Iterator[dict[str, Any]]:
    spans = _spans(plant)
    for zone in plant.site.zones:
        members = [a for a in plant.site.assets if _home(plant, a.ips, a.macs, a.zone) == zone.id]
        listed, seen = sum(a.listed for a in members), sum(a.observed for a in members)
        mine = spans.get(zone.id, {"spans": [], "packets": 0})
        hours = covered(mine["spans"], PAUSE) / HOUR
        devices = seen / len(members) if listed else UNLISTED
        visibility = devices * min(1.0, hours / FULL_HOURS) * quality if mine["spans"] else 0.0
        yield {
            "zone": zone.id,
            "declared": zone.declared,
            "seen": bool(mine["spans"]),
            "hours": round(hours, DIGITS),
            "packets": mine["packets"],
            "devices_seen": seen,
            "devices_listed": listed,
            "visibility": round(visibility, DIGITS),
        }


def _home(plant: Plant, ips: tuple[str, ...], macs: tuple[str, ...], zone: str) -> str:
    return zone or next((found for address in (*ips, *macs) if (found := plant.zone(address))), "")


def _spans(plant: Plant) -> dict[str, dict[str, Any]]:
    """Zone -> intervals of its flows (joined, so that they are few) and packets."""
    ends = pl.concat(
        [
            plant.flows.select(pl.col(side).alias("address"), "flow", "first", "last", "packets")
            for side in ("client", "server")
        ]
    )
    zones = {address: plant.zone(address) for address in ends["address"].unique()}
    joined = (
        ends.with_columns(pl.col("address").replace_strict(zones, default="", return_dtype=pl.String).alias("zone"))
        .filter(pl.col("zone") != "")
        .unique(["zone", "flow"], maintain_order=True)
        .sort("zone", "first")
        .with_columns(pl.col("last").cum_max().over("zone").shift(1).over("zone").alias("before"))
        .with_columns(
            (pl.col("before").is_null() | (pl.col("first") > pl.col("before") + PAUSE)).cum_sum().over("zone").alias("run")
        )
        .group_by("zone", "run")
        .agg(pl.col("first").min(), pl.col("last").max(), pl.col("packets").sum())
        .sort("zone", "run")
    )
    found: dict[str, dict[str, Any]] = {}
    for row in joined.iter_rows(named=True):
        mine = found.setdefault(row["zone"], {"spans": [], "packets": 0})
        mine["spans"].append((row["first"], row["last"]))
        mine["packets"] += row["packets"]
    return found


def _conduits(plant: Plant, quality: float) -> Iterator[dict[str, Any]]:
    """Every declared conduit, then every pair of zones that talked without one."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for row in plant.crossings.iter_rows(named=True):
        pair = seen.setdefault((row["client_zone"], row["server_zone"]), {"spans": [], "packets": 0, "bytes": 0})
        pair["spans"].append((row["first"], row["last"]))
        pair["packets"] += row["packets"]
        pair["bytes"] += row["bytes"]
    declared = {(conduit.source, conduit.target): conduit.id for conduit in plant.conduits}
    for source, target in sorted(declared.keys() | seen.keys()):
        mine = seen.get((source, target), {"spans": [], "packets": 0, "bytes": 0})
        hours = covered(mine["spans"], PAUSE) / HOUR
        yield {
            "conduit": declared.get((source, target), ""),
            "source": source,
            "target": target,
            "declared": (source, target) in declared,
            "seen": bool(mine["spans"]),
            "hours": round(hours, DIGITS),
            "packets": mine["packets"],
            "bytes": mine["bytes"],
            "visibility": round(min(1.0, hours / FULL_HOURS) * quality, DIGITS) if mine["spans"] else 0.0,
        }


def _statements(
    plant: Plant, view: View, taps: tuple[dict[str, Any], ...], whole: dict[str, Any], loss: float | None
) -> Iterator[Text]:
    """What the reader must know: only what is true of this case, with its numbers."""
    if not taps:
        yield Text("案例中没有抓包，一切结论只来自企业提供的资料。", "The case holds no capture: all that is said rests on what the client gave.")
        return
    time = lasting(plant.captured)
    if plant.hours < SHORT_HOURS:
        yield Text(f"抓包共 {time.zh}，不足一天：夜班、周末、月末和检修时才有的通信不在其中。", f"The captures cover {time.en}, less than a day: what happens only at night, at weekends, at month's end or during maintenance is not in them.")
    elif plant.hours < LONG_HOURS:
        yield Text(f"抓包共 {time.zh}，不足一周：周末和检修时才有的通信不在其中。", f"The captures cover {time.en}, less than a week: what happens only at weekends or during maintenance is not in them.")
    if plant.hours >= SHORT_HOURS and _whole(view) and (busy := _busy(plant.flows)) < SILENT * plant.captured:
        yield Text(
            f"抓包首尾共 {time.zh}，其中只有 {lasting(busy).zh}有通信；其余时间是否在抓包无从得知。",
            f"The captures span {time.en}, but only {lasting(busy).en} of that has traffic; whether anything was captured in between cannot be told.",
        )
    unseen = [zone.name for zone in plant.site.zones if zone.id not in plant.zones_seen and zone.kind not in OUTSIDE]
    if unseen:
        yield Text(f"未见任何流量的区域：{'、'.join(name.zh for name in unseen)}。对这些区域不作结论。", f"Zones of which nothing was seen: {', '.join(name.en for name in unseen)}. Nothing is concluded about them.")
    if plant.site.zones and not plant.declared:
        yield Text(f"企业未提供分区规划；{len(plant.site.zones)} 个区域由本程序推定。", f"The client gave no zone plan; the {times(len(plant.site.zones), 'zone is', 'zones are')} proposed by this program.")
    if not plant.listed:
        yield Text("企业未提供资产清单：未发出报文的设备不在其中，其数量未知。", "The client gave no list of devices: those that stayed silent are missing, and nobody knows how many they are.")
    unknown_loss = [tap["name"] for tap in taps if tap["dropped"] is None]
    if unknown_loss:
        yield Text(f"{len(unknown_loss)} 个抓包未记录丢帧数，按无丢帧计。", f"{times(len(unknown_loss), 'capture does', 'captures do')} not say how many frames were lost; none is assumed.")
    gone = sum(json.loads(detail or "{}").get("sensor", {}).get("lost_seconds", 0) for detail in view.captures["detail"])
    if gone:
        yield Text(f"传感器曾被强行终止且未保存原始数据帧：共 {gone:,.0f} 秒的内容没有分析。", f"A sensor that kept no frames was killed: what {gone:,.0f} seconds held was not analysed.")
    if loss:
        yield Text(f"采集主机丢失了 {loss:.2%} 的帧。", f"The capturing hosts lost {loss:.2%} of the frames.")
    cut = sum(tap["cut"] for tap in taps)
    if cut:
        yield Text(f"{cut:,} 帧被截断，截断之后的内容未读。", f"{times(cut, 'frame was', 'frames were')} cut by the snap length; what stood behind the cut was not read.")
    faulty = [tap["name"] for tap in taps if tap["state"] != "complete"]
    if faulty:
        yield Text(f"未能读完的抓包：{'、'.join(faulty)}。", f"Captures that could not be read to their end: {', '.join(faulty)}.")
    unread = sum(tap["unread"] for tap in taps)
    if unread:
        yield Text(f"{unread:,} 帧属于本程序不读的链路层或协议（如 STP、LLDP 之类的二层协议）。", f"{times(unread, 'frame is', 'frames are')} of link types or protocols that this program does not read, layer 2 such as STP among them.")
    if whole["one_sided"]:
        yield Text(f"{whole['tcp']:,} 条带载荷的 TCP 流中有 {whole['one_sided']:,} 条只抓到一个方向：另一方向的应答未知。", f"Of {whole['tcp']:,} TCP flows with payload {whole['one_sided']:,} were captured in one direction only: what was answered is unknown.")
    if whole["midstream"]:
        yield Text(f"{whole['midstream']:,} 条 TCP 流在抓包开始前已建立，其登录和协商过程未知。", f"{times(whole['midstream'], 'TCP flow')} began before the capture: how {'it was' if whole['midstream'] == 1 else 'they were'} opened and who logged in is unknown.")
    if whole["gap_bytes"]:
        yield Text(f"TCP 流中缺失 {size(whole['gap_bytes'])}，其中的报文未见。", f"{size(whole['gap_bytes'])} of TCP streams are missing; messages in there were not seen.")
    yield from _given_up(view)
    if whole["evicted"]:
        yield Text(f"为限制内存，{whole['evicted']:,} 条空闲流被提前结束。", f"{times(whole['evicted'], 'idle flow was', 'idle flows were')} ended early to bound the memory.")
    if whole["unknown"]:
        yield Text(f"{size(whole['unknown'])}（{whole['unknown'] / whole['payload']:.1%}）载荷的协议未被识别或仅按端口号猜测，内容未解析。", f"{size(whole['unknown'])} of payload ({whole['unknown'] / whole['payload']:.1%}) is of protocols that were not recognised or only guessed by their port; it was not decoded.")
    if whole["undecoded"]:
        yield Text(f"{size(whole['undecoded'])} 载荷的协议已识别但没有解析器（如 TLS、HTTP、SMB）：只知道谁与谁通信、多少字节。", f"{size(whole['undecoded'])} of payload is of protocols that were recognised but have no parser (such as TLS, HTTP or SMB): only who talked to whom, and how much, is known.")
    if whole["encrypted"]:
        yield Text(f"{size(whole['encrypted'])} 载荷属于加密服务，内容无法看到。", f"{size(whole['encrypted'])} of payload is of encrypted services; what it says cannot be seen.")
    named = set(plant.sessions["service"].unique())
    if named & (UPLINKS | {"dns"}):
        yield Text("未解析 DNS 应答和 TLS 服务器名：公网对端只有地址，没有域名。", "Neither DNS answers nor TLS server names are decoded: peers on the Internet have an address but no name.")
    if not whole["tagged"]:
        yield Text("没有带 VLAN 标签的流：无法说明哪些主机同在一个 VLAN。", "No flow bears a VLAN tag: which hosts share a VLAN cannot be told.")
    if whole["tunnelled"]:
        yield Text(f"{whole['tunnelled']:,} 条流在隧道中，按隧道内的地址统计。", f"{times(whole['tunnelled'], 'flow runs', 'flows run')} in a tunnel and are counted by the addresses inside.")
    yield Text("只在有线网络上采集，没有空口抓包：无线终端与接入点之间的通信看不到。", "Nothing was captured in the air: what passes between wireless clients and access points cannot be seen.")


def _whole(view: View) -> bool:
    """No flow was dropped to save room, so that time without flows is time without traffic."""
    return view.scan("thinned").filter(pl.col("table") == "flows").head(1).collect().is_empty()


def _busy(flows: pl.DataFrame) -> int:
    """Time with traffic, ns: the union of the flows, pauses of less than `PAUSE` counted."""
    runs = (
        flows.select("first", "last").sort("first")
        .with_columns(pl.col("last").cum_max().shift(1).alias("before"))
        .with_columns((pl.col("first") > pl.col("before") + PAUSE).fill_null(True).cum_sum().alias("run"))
        .group_by("run").agg(pl.col("first").min(), pl.col("last").max())
    )  # fmt: skip
    return int((runs["last"] - runs["first"]).sum() or 0)


def _given_up(view: View) -> Iterator[Text]:
    """What the case no longer holds row by row, and what a sensor did not keep."""
    gone = view.scan("thinned").group_by("table", "fate").agg(
        pl.col("stood_for").sum(), pl.col("first_time").min(), pl.col("last_time").max()
    ).collect()  # fmt: skip
    found = {(row["table"], row["fate"]): row for row in gone.iter_rows(named=True)}
    counted, polls, flows = (found.get(key) for key in (("messages", "counted"), ("polls", "dropped"), ("flows", "dropped")))
    if counted:
        yield Text(f"为节省空间，{counted['stood_for']:,} 条读取类报文（{_span(counted)}）已合并为计数：其次数、起止时间和数值范围仍在，逐条内容已不在案例中。", f"To save room, {times(counted['stood_for'], 'message that only reads', 'messages that only read')} ({_span(counted)}) became counts: how often, from when until when and between which values is known; the single messages are no longer in the case.")
    if polls:
        yield Text(f"其中 {polls['stood_for']:,} 条（{_span(polls)}）的计数也已删除：对这段时间的读取不作结论。", f"Of these, the counts of {times(polls['stood_for'], 'message')} ({_span(polls)}) were dropped as well: nothing is concluded about what was read in that time.")
    if flows:
        yield Text(f"为节省空间，删除了 {flows['stood_for']:,} 条流（{_span(flows)}）：这段时间里谁与谁通信已不完整。", f"To save room, {times(flows['stood_for'], 'flow was', 'flows were')} dropped ({_span(flows)}): who talked to whom in that time is no longer complete.")
    # each capture says how many it was since its sensor began
    values = max((json.loads(detail or "{}").get("sensor", {}).get("values_not_kept", 0) for detail in view.captures["detail"]), default=0)
    if values:
        yield Text(f"传感器因内存不足，至少有 {values:,} 个被读取的数值未保存。", f"For want of memory a sensor did not keep at least {times(values, 'value', 'values')} that were only read.")


def _span(row: dict[str, Any]) -> str:
    return " – ".join(f"{row[name]:%Y-%m-%d %H:%M}" for name in ("first_time", "last_time"))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
