"""Industrial identifiers: resolution, registration, abuse of a node (ID-01 to ID-03).

A node is a host of a zone of kind `identifier`, or one that serves Handle (port 2641). Handle has no parser yet: then
connections and clients are counted, but no query. As soon as messages of protocol `handle` are in the tables they are
counted: resolution is operation code 1, administration 100 to 106, authentication 200 and 201 (RFC 3652). All numbers
are those of the taps, never of the node.
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
    join,
    looks,
    size,
    talked,
    times,
)
from sentinel.assess.model import CheckResult, Observation, Text

PROTOCOL = "handle"
RESOLVE = 1
ADMINISTRATION = tuple(range(100, 107))
CHALLENGE = (200, 201)
MONTH = 30.0
_SERVED = ("handle", "dns", "https", "http", "tls")
"""What identifier nodes are asked over: Handle, ORS and ONS over DNS, REST resolvers."""
_NO_NODE = Text(
    "没有声明标识解析节点（区域类型 identifier），也未见 Handle（2641 端口）流量。",
    "No identifier node is declared (a zone of kind identifier), and no Handle traffic (port 2641) was seen.",
)


def _nodes(look: Look) -> dict[str, list[dict[str, Any]]]:
    """Address of a node -> the talks in which it is asked."""
    plant = look.plant
    zones = {zone.id for zone in plant.site.zones if zone.kind == "identifier"}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in plant.sessions.filter(pl.col("service") == PROTOCOL).iter_rows(named=True):
        found[row["server"]].append(row)
    for row in plant.sessions.filter(pl.col("server_zone").is_in(list(zones)) & pl.col("service").is_in(_SERVED[1:])).iter_rows(named=True):
        found[row["server"]].append(row)
    return found


def _messages(look: Look) -> pl.LazyFrame:
    return look.plant.messages.filter(pl.col("protocol") == PROTOCOL)


@looks(
    "ID-01", Text("标识解析量与性能", "Resolution volume and latency"),
    Text("节点每月解析多少次，成功率和时延如何，有多少客户端？", "How many queries a month does the node resolve, how well, how fast, for how many clients?"),
    {"queries_per_month": 0}, sources=("flows", "messages", "protocol:handle"),
)  # fmt: skip
def resolution(look: Look) -> CheckResult:
    """What passed the taps for each node: queries, success, p95 latency, clients, registrations."""
    plant = look.plant
    nodes = _nodes(look)
    if not nodes:
        return look.result((), NOT_ASSESSABLE, _NO_NODE, {"resolution": ()})
    asked = _messages(look).filter(pl.col("kind") == "request").group_by("dst").agg(
        (pl.col("function") == RESOLVE).sum().alias("queries"),
        pl.col("function").is_in(ADMINISTRATION).sum().alias("registrations"),
        pl.col("src").n_unique().alias("clients"),
    )  # fmt: skip
    answered = _messages(look).filter(pl.col("kind").is_in(["response", "exception"]) & (pl.col("function") == RESOLVE)).group_by("src").agg(
        (pl.col("kind") == "response").sum().alias("good"), pl.len().alias("answers"), pl.col("latency").quantile(0.95).alias("p95"),
    )  # fmt: skip
    counts = {row["dst"]: row for row in asked.join(answered, left_on="dst", right_on="src", how="left").collect().iter_rows(named=True)}
    found, table = [], []
    for node, rows in sorted(nodes.items()):
        seen = counts.get(node)
        clients = len({row["client"] for row in rows})
        per_month = round(seen["queries"] / plant.days * MONTH) if seen and plant.days else None
        table.append({
            "node": node, "queries": seen["queries"] if seen else None, "per_month": per_month,
            "success": round(seen["good"] / seen["answers"], 4) if seen and seen["answers"] else None,
            "p95_ms": round(seen["p95"] / 1e6, 3) if seen and seen["p95"] is not None else None,
            "clients": seen["clients"] if seen else clients, "registrations": seen["registrations"] if seen else None,
        })  # fmt: skip
        sessions, amount = sum(row["sessions"] for row in rows), sum(row["bytes"] for row in rows)
        if seen:
            enough = per_month is not None and per_month >= look.params["queries_per_month"]
            detail = Text(f"节点 {plant.name(node)} 在本采集点回答了 {seen['queries']:,} 次解析，折合每月 {per_month or 0:,} 次，客户端 {seen['clients']} 个；只统计本采集点。", f"The node {plant.name(node)} was asked {times(seen['queries'], 'query', 'queries')} at this tap, {per_month or 0:,} a month, by {times(seen['clients'], 'client')}; counted at this tap only.")
        else:
            enough = False
            detail = Text(f"节点 {plant.name(node)} 有 {sessions:,} 个会话、{clients} 个客户端、{size(amount)}；解析报文未解码，只能计连接，不能计查询。", f"The node {plant.name(node)} had {times(sessions, 'session')} of {times(clients, 'client')}, {size(amount)}; resolution is not decoded, so connections are counted and no queries.")
        found.append(look.see(node, CONFIRMED if enough else NOT_ASSESSABLE if not seen else NOT_OBSERVED, detail, addresses=(node,), protocol=rows[0]["service"], count=sessions, first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows[:3]), values=table[-1]))
    tables = {"resolution": table}
    if not counts:
        return look.result(found, NOT_ASSESSABLE, Text("解析报文未解码：只能看到连接与字节，不能计为查询。", "Resolution is not decoded: connections and bytes can be seen, which are no queries."), tables)
    good = all(o.outcome is CONFIRMED for o in found)
    return look.result(found, CONFIRMED if good else NOT_OBSERVED, Text(f"测得 {len(counts)} 个节点的解析量；只统计本采集点。", f"The queries of {times(len(counts), 'node')} were measured, at this tap only."), tables)


@looks(
    "ID-02", Text("标识注册与管理操作", "Registration and administration"),
    Text("谁在注册、修改或删除标识，是否经过鉴别？", "Who registers, changes or deletes identifiers, and is he authenticated?"), {"admins": ()}, sources=("messages", "protocol:handle"),
)  # fmt: skip
def registration(look: Look) -> CheckResult:
    """Administrative Handle operations from hosts that are not in `admins`, or without a challenge in the same flow."""
    plant = look.plant
    if PROTOCOL not in plant.protocols:
        return look.result((), NOT_ASSESSABLE, _NO_NODE if not _nodes(look) else Text("Handle 尚无解析器，注册与管理操作看不到。", "Handle has no parser yet: registration and administration cannot be seen."))
    requests = _messages(look).filter(pl.col("kind") == "request")
    challenged = set(requests.filter(pl.col("function").is_in(CHALLENGE)).select("flow").unique().collect()["flow"])
    rows = (
        requests.filter(pl.col("function").is_in(ADMINISTRATION)).group_by("src", "dst", "flow")
        .agg(pl.len().alias("n"), pl.col("capture", "frame").first(), pl.col("time").min().cast(pl.Int64).alias("first"), pl.col("time").max().cast(pl.Int64).alias("last"))
        .sort("src", "dst", "flow").collect()
    )  # fmt: skip
    found: dict[tuple[str, str], Observation] = {}
    for row in rows.iter_rows(named=True):
        stranger = bool(look.params["admins"]) and row["src"] not in look.params["admins"]
        bare = row["flow"] not in challenged
        if not stranger and not bare:
            continue
        why = Text("不在管理主机名单中", "is not among the administrators' hosts") if stranger else Text("未经质询应答鉴别", "was not challenged")
        detail = Text(f"{plant.name(row['src'])} 对节点 {plant.name(row['dst'])} 作了 {row['n']} 次注册或管理操作，而它{why.zh}。", f"{plant.name(row['src'])} did {times(row['n'], 'administrative operation')} on the node {plant.name(row['dst'])} and {why.en}.")
        found.setdefault((row["src"], row["dst"]), look.see(f"{row['src']}>{row['dst']}", VIOLATED, detail, addresses=(row["src"], row["dst"]), protocol=PROTOCOL, count=row["n"], row=row, evidence=(plant.frames(row["capture"], (row["frame"],)),)))
    outcome, reason = look.silent(Text("未经鉴别或来历不明的注册与管理操作", "registration or administration without authentication or from a strange host"))
    return look.result(found.values(), outcome, reason)


@looks(
    "ID-03", Text("标识枚举、洪泛与劫持迹象", "Enumeration, flood, hijack"),
    Text("节点是否被枚举、洪泛或用于放大攻击？", "Is the node enumerated, flooded or used to amplify attacks?"),
    {"ratio": 5.0, "bytes": 100_000, "flows_per_minute": 1000, "consecutive": 50}, sources=("flows", "messages", "protocol:handle"),
)  # fmt: skip
def abuse(look: Look) -> CheckResult:
    """Datagrams answered with more than `ratio` times their size, clients with very many flows a minute, names in sequence."""
    plant = look.plant
    nodes = _nodes(look)
    if not nodes:
        return look.result((), NOT_ASSESSABLE, _NO_NODE)
    found = []
    for node, rows in sorted(nodes.items()):
        for row in rows:
            ratio = row["payload_server"] / max(1, row["payload_client"])
            minutes = max(1.0, (row["last"] - row["first"]) / 60e9)
            said = talked(plant, row)
            if row["transport"] == "udp" and ratio > look.params["ratio"] and row["payload_server"] >= look.params["bytes"]:
                detail = Text(f"{said.zh}；应答是请求的 {ratio:.1f} 倍，可被用于放大攻击。", f"{said.en}; the answers are {ratio:.1f} times the requests, which lends itself to amplification.")
                found.append(look.see(f"{row['client']}>{node} amplification", VIOLATED, detail, kind="amplification", addresses=(row["client"], node), protocol=row["service"], techniques=("T0814",), count=row["flows"], row=row, evidence=plant.flow_evidence(row), values={"ratio": round(ratio, 2)}))
            if row["flows"] / minutes > look.params["flows_per_minute"]:
                detail = Text(f"{said.zh}；每分钟 {row['flows'] / minutes:,.0f} 条流，形同洪泛。", f"{said.en}; {row['flows'] / minutes:,.0f} flows a minute amount to a flood.")
                found.append(look.see(f"{row['client']}>{node} flood", VIOLATED, detail, kind="flood", addresses=(row["client"], node), protocol=row["service"], techniques=("T0814",), count=row["flows"], row=row, evidence=plant.flow_evidence(row)))
    for (client, node), (run, capture, frame) in _sequences(look).items():
        if run >= look.params["consecutive"]:
            detail = Text(f"{plant.name(client)} 向节点 {plant.name(node)} 连续查询了 {run} 个顺序编号的标识：像是在枚举。", f"{plant.name(client)} asked the node {plant.name(node)} for {run} identifiers numbered in sequence: it enumerates them.")
            found.append(look.see(f"{client}>{node} enumeration", VIOLATED, detail, kind="enumeration", addresses=(client, node), protocol=PROTOCOL, techniques=("T0861",), count=run, evidence=(plant.frames(capture, (frame,)),), values={"consecutive": run}))
    if PROTOCOL not in plant.protocols:
        limit = Text("解析报文未解码：枚举、劫持和证书过期看不到，只查了放大与洪泛，均未见。", "Resolution is not decoded: enumeration, hijacks and expired certificates cannot be seen; amplification and floods were looked for and not seen.")
        return look.result(found, NOT_ASSESSABLE, limit)
    outcome, reason = look.silent(Text("枚举、洪泛或放大", "enumeration, flood or amplification"))
    return look.result(found, outcome, join(reason, Text("劫持和证书过期未查。", "Hijacks and expired certificates were not looked for.")))


def _sequences(look: Look) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Client and node -> the longest run of consecutive numbers at the end of the names asked for, and its first frame."""
    numbered = (
        _messages(look).filter((pl.col("kind") == "request") & (pl.col("function") == RESOLVE))
        .with_columns(pl.col("name").str.extract(r"(\d{1,18})$").cast(pl.Int64).alias("number"), pl.col("name").str.replace(r"\d{1,18}$", "").alias("stem"))
        .drop_nulls("number").unique(["src", "dst", "stem", "number"], keep="first", maintain_order=True)
        .sort("src", "dst", "stem", "number")
        .with_columns((pl.col("number").diff().over("src", "dst", "stem") != 1).fill_null(True).cum_sum().alias("run"))
        .group_by("src", "dst", "stem", "run").agg(pl.len().alias("n"), pl.col("capture", "frame").first())
        .sort("n", "src", "dst", "stem", "run").collect()
    )  # fmt: skip
    return {(row["src"], row["dst"]): (row["n"], row["capture"], row["frame"]) for row in numbered.iter_rows(named=True)}
