"""Sheets about data: the flows that cross a boundary against the client's register, and the identifier node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.assess.model import Sheet, Text
from sentinel.assess.sheets.registry import (
    UNKNOWN,
    Material,
    columns,
    evidence_of,
    not_answered,
    said,
    sheet,
    told,
    tri,
    zone_name,
)


@sheet("data-flows", 10)
def data_flows(material: Material) -> Sheet:
    """Every flow of data between zones or to the outside, with what the register says of it (M08, M25, M27, M28)."""
    title = Text("数据流登记与实测对照表", "Data flows: the register against the wire")
    clauses = ("M08", "M25", "M27", "M28")
    rows = tuple(
        (
            zone_name(material, row["source_zone"]), zone_name(material, row["target_zone"]),
            material.name(row["source"]), material.name(row["target"]), row["protocol"], row["bytes"],
            tri(row["encrypted"]), tri(row["registered"]), row["level"] or Text("未定级", "not classified"),
        )
        for row in material.table("DA-01", "data_flows")
    )  # fmt: skip
    if not rows:
        why = material.reason("DA-01") or Text(
            "覆盖范围内未见跨区域的数据流。", "No flow of data between zones was seen within the coverage."
        )
        return Sheet("data-flows", title, empty=why, clauses=clauses)
    head = columns(
        ("来源区域", "From zone"), ("去向区域", "To zone"), ("来源", "Source"), ("去向", "Target"),
        ("协议", "Protocol"),
        ("字节", "Bytes"), ("加密", "Encrypted"), ("已登记", "Registered"), ("数据级别", "Data level"),
    )  # fmt: skip
    notes = (told(material, "Q-DAT-04"),)
    return Sheet(
        "data-flows", title, head, rows, notes, clauses=clauses,
        evidence=evidence_of(material, ("DA-01", "DA-02", "DA-03")),
    )  # fmt: skip


def thresholds(material: Material) -> Iterator[Mapping[str, Any]]:
    """The volumes that the programme asks of identifier nodes, out of its pack."""
    for pack in material.packs:
        yield from pack.tables.get("identifier_thresholds", ())


@sheet("identifier-node", 40)
def identifier_node(material: Material) -> Sheet:
    """What the client claims of its identifier node, what passed this tap, and what the programme asks (M14 to M17)."""
    title = Text("标识解析节点：申报与实测", "Identifier node: claimed against measured")
    clauses = ("M14", "M15", "M16", "M17")
    measured = material.table("ID-01", "resolution")
    claimed = material.answer("Q-IDN-02")
    if not measured and claimed is None:
        why = material.reason("ID-01") or Text(
            "覆盖范围内未见标识解析流量，企业也未申报节点。",
            "No identifier resolution was seen within the coverage, and the client declares no node.",
        )
        return Sheet("identifier-node", title, empty=why, clauses=clauses)
    claim = not_answered("Q-IDN-02") if claimed is None else said(material, "Q-IDN-02")
    rows: list[tuple[Any, ...]] = []
    for row in measured:
        for asked in thresholds(material):
            need = asked.get("queries_per_month")
            reached = None if need is None or row["per_month"] is None else row["per_month"] >= need
            rows.append(
                (
                    material.name(row["node"]), asked["clause"], need, row["per_month"], tri(reached),
                    row["success"], row["p95_ms"], row["clients"], row["registrations"], claim,
                )
            )  # fmt: skip
    if not rows:
        rows = [
            (UNKNOWN, asked["clause"], asked.get("queries_per_month"), None, UNKNOWN, None, None, None, None, claim)
            for asked in thresholds(material)
        ]
    head = columns(
        ("节点", "Node"), ("条款", "Clause"), ("要求的月解析量", "Queries a month asked"),
        ("折算的实测月解析量", "Queries a month seen"), ("达到", "Met"), ("成功率", "Success"),
        ("时延 p95（毫秒）", "Latency p95 (ms)"), ("客户端", "Clients"), ("见到的注册", "Reg. seen"),
        ("企业申报", "Claimed"),
    )  # fmt: skip
    notes = (
        Text(
            "只统计经过本采集点的报文；采用 HTTPS 的解析只能看到连接与字节，不能计为查询。",
            "Only what passed this tap is counted; of resolution over HTTPS only connections and bytes can be seen.",
        ),
    )
    return Sheet(
        "identifier-node", title, head, tuple(rows), notes, clauses=clauses,
        evidence=evidence_of(material, ("ID-01", "ID-02", "ID-03")),
    )  # fmt: skip

