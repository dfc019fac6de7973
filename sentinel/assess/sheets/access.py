"""Sheets about who reaches what: remote access, suppliers, cloud uplinks, tenants of a 5G park."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sentinel.assess.model import Sheet, Text
from sentinel.assess.sheets.registry import YES, Material, columns, evidence_of, sheet, told, tri

_REMOTE = columns(
    ("来源", "Source"), ("目标", "Target"), ("服务", "Service"), ("端口", "Port"), ("首次（UTC）", "First (UTC)"),
    ("末次（UTC）", "Last (UTC)"), ("时长（小时）", "Hours"), ("字节", "Bytes"), ("经跳板机", "Through a jump host"),
)  # fmt: skip


def _sessions(material: Material) -> tuple[tuple[Any, ...], ...]:
    return tuple(
        (
            material.name(row["source"]), material.name(row["target"]), row["service"], row["port"], row["first"],
            row["last"], row["hours"], row["bytes"], tri(row["jump_host"]),
        )
        for row in material.table("RA-01", "remote_sessions")
    )  # fmt: skip


@sheet("remote-access", 50)
def remote_access(material: Material) -> Sheet:
    """Every remote-control session that was seen, beside what the client says of remote access (M04)."""
    rows = _sessions(material)
    title = Text("远程与第三方访问登记表", "Remote and third-party access register")
    notes = (told(material, "Q-OPS-01"),)
    if not rows:
        why = material.reason("RA-01") or Text(
            "覆盖范围内未见远程控制会话；这不等于不存在。",
            "No remote-control session was seen within the coverage; that does not mean there is none.",
        )
        return Sheet("remote-access", title, notes=notes, empty=why, clauses=("M04", "M19"))
    return Sheet(
        "remote-access", title, _REMOTE, rows, notes, clauses=("M04", "M19"),
        evidence=evidence_of(material, ("RA-01", "RA-02")),
    )  # fmt: skip


@sheet("suppliers", 60)
def suppliers(material: Material) -> Sheet:
    """Suppliers whose people or machines reach the plant, as answered, beside the sessions seen (M04, M19, M27)."""
    title = Text("供应商登记表", "Supplier register")
    answer = material.answer("Q-SUP-05.rows")
    clauses = ("M04", "M19", "M27")
    if answer is None or not isinstance(answer.value, list | tuple) or not answer.value:
        return Sheet(
            "suppliers", title, clauses=clauses,
            empty=Text(
                "企业尚未提供供应商清单（Q-SUP-05）；流量只能看到地址，不能说明其属于哪家供应商。",
                "The client has given no list of suppliers (Q-SUP-05); traffic shows addresses, not whose they are.",
            ),
        )  # fmt: skip
    sources = {row["source"] for row in material.table("RA-01", "remote_sessions")}
    rows = []
    for supplier in answer.value:
        row: Mapping[str, Any] = supplier if isinstance(supplier, Mapping) else {"name": str(supplier)}
        addresses = _words(row.get("addresses"))
        seen = sorted(sources & set(addresses))
        rows.append(
            (
                row.get("name") or "", row.get("service") or "", row.get("contract") or "", ", ".join(addresses),
                YES if seen else Text("未见", "not seen"),
            )
        )  # fmt: skip
    head = columns(
        ("供应商", "Supplier"), ("服务", "Service"), ("合同或协议", "Contract"), ("申报的地址", "Addresses declared"),
        ("流量中可见", "Seen in traffic"),
    )  # fmt: skip
    return Sheet("suppliers", title, head, tuple(rows), (told(material, "Q-SUP-04"),), clauses=clauses)


@sheet("cloud", 20)
def cloud(material: Material) -> Sheet:
    """What goes from the plant to a cloud or platform (M07, M18, M21)."""
    title = Text("上云与平台连接表", "Cloud and platform uplinks")
    clauses = ("M07", "M18", "M21")
    rows = tuple(
        (
            material.name(row["source"]), row["target"], row["service"], row["port"], row["bytes"],
            tri(row["mutual_tls"]),
        )
        for row in material.table("CL-01", "uplinks")
    )  # fmt: skip
    if not rows:
        why = material.reason("CL-01") or Text(
            "覆盖范围内未见设备上云的连接。", "No uplink of a device to a cloud was seen within the coverage."
        )
        return Sheet("cloud", title, empty=why, clauses=clauses, notes=(told(material, "Q-CLD-03"),))
    head = columns(
        ("来源", "Source"), ("平台地址", "Platform address"), ("服务", "Service"), ("端口", "Port"), ("字节", "Bytes"),
        ("双向证书", "Mutual TLS"),
    )  # fmt: skip
    notes = (told(material, "Q-CLD-03"),)
    return Sheet("cloud", title, head, rows, notes, clauses=clauses, evidence=evidence_of(material, ("CL-01", "CL-02")))


@sheet("tenants", 30)
def tenants(material: Material) -> Sheet:
    """Which tenant of a 5G park talks to which: a matrix over the zones of kind park (M22)."""
    title = Text("5G 园区租户互访矩阵", "Tenant matrix of the 5G park")
    zones = [zone for zone in material.site.zones if zone.kind == "park"]
    if len(zones) < 2:
        return Sheet(
            "tenants", title, clauses=("M22",),
            empty=Text(
                "区域规划中没有两个以上的园区租户区域，本表不适用。",
                "The zone plan has no two zones of kind park, so there is nothing to compare.",
            ),
        )  # fmt: skip
    amounts: dict[tuple[str, str], int] = {}
    for row in material.table("SG-01", "conduit_matrix"):
        key = (row["source_zone"], row["target_zone"])
        amounts[key] = amounts.get(key, 0) + int(row["bytes"] or 0)
    head = (Text("租户", "Tenant"), *(zone.name for zone in zones))
    rows = tuple(
        (source.name, *("·" if source is target else amounts.get((source.id, target.id), 0) for target in zones))
        for source in zones
    )
    note = Text(
        "单元格为由行发起、与列之间会话的双向字节数；0 表示覆盖范围内未见。",
        "Cells are the bytes, both ways, of sessions that the row opened to the column; 0: none seen.",
    )
    return Sheet("tenants", title, head, rows, (note,), clauses=("M22",), evidence=evidence_of(material, ("TG-01",)))


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list | tuple) else re.split("[;；,，]", str(value))
    return [str(item).strip() for item in items if str(item).strip()]
