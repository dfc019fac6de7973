"""Chapters 3 and 4: the plant as it was seen and as it was declared, and its devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sentinel.assess.model import Asset
from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.document import Block, Callout, Figure, Heading, Row, Run, cell, row, text
from sentinel.report.figures import topology
from sentinel.report.figures import zone as zone_sheet
from sentinel.report.figures._conduits import STATES, TONES, passages
from sentinel.report.texts import KINDS, ZONE_KINDS, side


def object_(c: Context) -> Iterator[Block]:
    """Chapter 3."""
    yield Heading(1, c.pick("评估对象", "The plant"), "object")
    zones = c.a.site.zones
    declared = sum(zone.declared for zone in zones)
    if not zones:
        yield from c.p(
            "没有分区方案，抓包中也没有足以拟定分区的流量。",
            "There is no zone plan, and the captures hold too little traffic to propose one.",
        )
        return
    if declared == len(zones):
        yield from c.p(
            "评估对象划分为 {n} 个区域，均由客户声明。",
            "The plant has {n:zone|zones}, declared by the client.",
            n=declared,
        )
    elif declared == 0:
        yield from c.p(
            "客户未提供分区方案；本工具根据流量拟定了 {n} 个区域。",
            "The client gave no zone plan; {n:zone is|zones are} proposed from the traffic.",
            n=len(zones),
        )
    else:
        yield from c.p(
            "评估对象划分为 {zones} 个区域，其中 {declared} 个由客户声明，{proposed} 个由本工具根据流量拟定。",
            "The plant has {zones:zone|zones}: {declared} declared by the client, {proposed} proposed from the"
            " traffic.",
            zones=len(zones),
            declared=declared,
            proposed=len(zones) - declared,
        )
    if declared < len(zones):
        yield Callout(
            c.pick("拟定的分区", "Proposed zones"),
            text(
                c.pick(
                    "标注“拟定”的区域须由客户确认；确认前，与其有关的结论仅供讨论。",
                    "Zones marked “proposed” have to be confirmed by the client; until then, conclusions about them"
                    " are for discussion.",
                )
            ),
            "warn",
        )
    yield Heading(2, c.pick("拓扑", "Topology"), "topology")
    yield figure(
        c,
        "topology",
        ("按普渡层级的拓扑", "Topology by Purdue level"),
        c.say(
            "各层级的区域、设备和管道；区域：{zones}。",
            "Zones, devices and conduits on their levels. Zones: {zones}.",
            zones=c.join(c.zone_name(zone.id) for zone in zones[:40]),
        ),
    )
    yield from _sheets(c)
    yield Heading(2, c.pick("区域", "Zones"), "zones")
    counts = Counter(asset.zone for asset in c.a.site.assets)
    yield from c.table(
        ("区域", "Zones"),
        (
            ("区域", "Zone", 2.2),
            ("层级", "Level", 0.85, "center"),
            ("类型", "Kind", 1.15),
            ("网段或 VLAN", "Subnets, VLANs", 1.9),
            ("设备", "Devices", 1, "right"),
            ("SL-T", "SL-T", 0.8, "center"),
            ("来源", "Source", 2.2 if all(zone.declared for zone in zones) else 4),
        ),
        (
            row(
                c.zone_name(zone.id),
                f"L{zone.level}" if zone.level else c.unknown,
                c.word(ZONE_KINDS, zone.kind),
                c.join([*zone.subnets, *(f"VLAN {v}" for v in zone.vlans)]) or c.pick("按成员划分", "by members"),
                c.count(counts[zone.id]),
                c.pick("未定", "not set") if zone.sl_t is None else str(zone.sl_t),
                c.pick("客户声明", "declared") if zone.declared else c.t(zone.reason) or c.pick("拟定", "proposed"),
            )
            for zone in zones
        ),
        anchor="tab-zones",
    )
    yield Heading(2, c.pick("管道", "Conduits"), "conduits")
    yield from _conduits(c)


ZONE_SHEETS = 24
"""Zones that get a sheet of their own; the workbook holds the devices of the others."""


def _sheets(c: Context) -> Iterator[Block]:
    """Of a plant with more devices than one figure holds: each zone with its devices and what leads in and out."""
    if not topology.crowded(c.a):
        return
    counts = Counter(asset.zone for asset in c.a.site.assets)
    filled = [z for z in c.a.site.zones if counts[z.id]]
    yield from c.p(
        "设备超过 {limit} 台，上图按类型计数；下面逐个区域给出设备及其进出的管道，每图至多 {most} 台。",
        "There are more than {limit} devices, so the figure above counts them by kind. Below, each zone has a sheet"
        " with its devices and the conduits that lead in and out, at most {most} devices on each.",
        limit=topology.NODES,
        most=zone_sheet.DEVICES,
    )
    if len(filled) > ZONE_SHEETS:
        yield from c.p(
            "共 {all} 个区域有设备，此处绘出前 {n} 个，其余区域的设备见工作簿。",
            "{all} zones have devices; the first {n} are drawn, the workbook lists the devices of the others.",
            all=len(filled),
            n=ZONE_SHEETS,
        )
    for index, zone in enumerate(filled[:ZONE_SHEETS], 1):
        name = c.zone_name(zone.id)
        yield Figure(
            zone_sheet.draw(c.a, c.lang, zone.id),
            c.say(
                "区域“{zone}”的 {n} 台设备及其进出的管道，数值见资产清单和区域间通信表。",
                "Zone {zone}: its {n:device|devices}, and the conduits that lead in and out; the tables of assets and"
                " of traffic between zones have the numbers.",
                zone=name,
                n=counts[zone.id],
            ),
            c.say("区域“{zone}”的设备与管道", "Devices and conduits of zone {zone}", zone=name),
            f"fig-zone-{index}",
        )


def _conduits(c: Context) -> Iterator[Block]:
    found = passages(c.a)
    if not found:
        yield from c.p(
            "客户没有声明管道，抓包中也未见区域之间的通信。",
            "The client declared no conduit, and no traffic between zones was seen.",
        )
        return
    if len(c.a.site.zones) > 1:
        yield figure(
            c,
            "conduits",
            ("管道矩阵：声明与实际", "Conduit matrix: declared and seen"),
            (
                "行为发起方区域，列为目的区域，数值见下表。",
                "Rows are the zones that start a connection, columns those that accept it; the table below has the"
                " numbers.",
            ),
        )
    nothing = c.pick("无", "none")
    unseen = c.pick("未见通信", "none seen")
    yield from c.table(
        ("区域间通信", "Traffic between zones"),
        (
            ("来源", "From", 1.8),
            ("去向", "To", 1.8),
            ("声明允许", "Declared", 1.2),
            ("所见协议", "Seen", 1.8),
            ("字节", "Bytes", 1.1, "right"),
            ("加密", "Encrypted", 0.9, "right"),
            ("结论", "Verdict", 1.6),
        ),
        (
            row(
                c.zone_name(p.source),
                c.zone_name(p.target),
                p.declared or nothing,
                unseen if p.state == "unseen" else p.seen or c.pick("未识别", "not recognised"),
                c.count(p.bytes),
                unseen if p.state == "unseen" else c.percent(p.encrypted),
                cell(c.pick(*STATES[p.state][3:]), TONES[p.state]),
            )
            for p in found
        ),
        anchor="tab-conduits",
        note=c.pick(
            "“超出声明”指已声明该管道，但见到未声明的协议或方向；带问号的协议仅由端口号推断。",
            "“More than declared”: the conduit is declared, but protocols or directions were seen that are not. A"
            " question mark: only the port suggests the protocol.",
        ),
    )


# --- chapter 4 --------------------------------------------------------------------------------------------------------

_MARKS = {"wire": ("测", "M"), "list": ("单", "L"), "assumed": ("估", "A")}


def assets(c: Context) -> Iterator[Block]:
    """Chapter 4."""
    yield Heading(1, c.pick("资产", "Assets"), "assets")
    everything = c.a.site.assets
    if not everything:
        yield from c.p(
            "抓包中未识别出设备，客户也没有提供资产清单。",
            "No device was recognised in the captures, and the client provided no list.",
        )
        return
    strangers = [a for a in everything if a.observed and not a.listed]
    silent = [a for a in everything if a.listed and not a.observed]
    listed = any(a.listed for a in everything)
    yield from c.p(
        "共 {all} 台设备：流量中见到 {seen} 台。",
        "There are {all:device|devices}; {seen} of them were seen in the traffic.",
        all=len(everything),
        seen=sum(a.observed for a in everything),
    )
    if listed:
        yield from c.p(
            "见到但不在清单中的 {strangers} 台，在清单中但未见到的 {silent} 台。",
            "Seen but not listed: {strangers}. Listed but not seen: {silent}.",
            strangers=len(strangers),
            silent=len(silent),
        )
    else:
        yield from c.p(
            "客户没有提供资产清单，责任人、重要性等信息未知。",
            "The client provided no list of assets, so owners and criticality are not known.",
        )
    kinds = Counter(a.kind for a in everything)
    yield from c.table(
        ("设备类型", "Kinds of device"),
        (("类型", "Kind", 3), ("数量", "Number", 1, "right"), ("其中未列入清单", "Not listed", 1.4, "right")),
        (
            row(c.word(KINDS, kind), c.count(number), c.count(sum(a.kind == kind for a in strangers)))
            for kind, number in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
        ),
        anchor="tab-kinds",
    )
    yield Heading(2, c.pick("资产清单", "Asset list"), "asset-list")
    findings = Counter(ident for f in c.a.findings for ident in f.assets)
    values = _values(c)
    places = {zone.id: place for place, zone in enumerate(c.a.site.zones)}
    order = sorted(everything, key=lambda a: (places.get(a.zone, len(places)), a.zone, -findings[a.id], a.name, a.id))
    lines: list[Row] = []
    zone = None
    for asset in order:
        if asset.zone != zone:
            zone = asset.zone
            title = c.zone_name(zone) if zone else c.pick("未归入区域", "In no zone")
            lines.append(Row((cell(text(title, bold=True)),), group=True))
        lines.append(_asset(c, asset, findings[asset.id], values.get(asset.id)))
    yield from c.table(
        ("资产清单", "Asset list"),
        (
            ("名称与地址", "Name and address", 2.7),
            ("类型", "Kind", 1.4),
            ("厂商、型号、固件", "Vendor, model, firmware", 3),
            ("责任部门", "Owner", 1.5),
            ("AV", "AV", 0.6, "center"),
            ("发现", "Findings", 0.8, "right"),
        ),
        lines,
        anchor="tab-assets",
        note=c.pick(
            "括号内为来源：测 = 流量实测，单 = 客户清单，估 = 按类型取缺省值。AV 为风险计算所用的资产价值。",
            "In brackets the source: M measured on the wire, L client's list, A assumed. AV is the asset value that"
            " the risk computation used.",
        ),
    )
    yield from _differences(c, strangers, silent, listed)


def _values(c: Context) -> dict[str, str]:
    return {risk.asset: risk.values["AV"] for risk in c.a.risks if "AV" in risk.values}


def _asset(c: Context, asset: Asset, findings: int, value: str | None) -> Row:
    name: tuple[Run, ...] = (Run(asset.name or asset.id, bold=True),)
    addresses = [address for address in (*asset.ips, *asset.macs) if address != asset.name][:3]
    if addresses:
        name += (Run("\n" + "\n".join(addresses), code=True),)
    parts = []
    for attribute in ("vendor", "model", "firmware"):
        shown = getattr(asset, attribute)
        if shown:
            mark = _MARKS.get(asset.provenance.get(attribute, "").partition(":")[0])
            parts.append(f"{shown} ({c.pick(*mark)})" if mark else shown)
    kind = c.word(KINDS, asset.kind)
    if not asset.listed and asset.observed and any(a.listed for a in c.a.site.assets):
        kind += c.pick("\n未列入清单", "\nnot listed")
    if not asset.observed:
        kind += c.pick("\n未见流量", "\nno traffic seen")
    tone = "" if asset.observed and asset.listed else "unknown"
    return row(
        name,
        cell(kind, tone),
        "\n".join(parts) or c.unknown,
        side(asset.owner, c.lang) or c.not_stated,
        value or c.pick("未算", "n/a"),
        c.count(findings),
    )


def _differences(c: Context, strangers: list[Asset], silent: list[Asset], listed: bool) -> Iterator[Block]:
    if not listed or not (strangers or silent):
        return
    yield Heading(2, c.pick("清单与实际的差异", "Where list and traffic differ"), "differences")
    lines = []
    for title, some in (
        (c.pick("见到但不在清单中", "Seen but not listed"), strangers),
        (c.pick("在清单中但未见到", "Listed but not seen"), silent),
    ):
        if some:
            lines.append(Row((cell(text(title, bold=True)),), group=True))
            lines.extend(
                row(
                    c.asset_name(a.id),
                    c.word(KINDS, a.kind),
                    c.zone_name(a.zone) if a.zone else c.unknown,
                    c.cite(a.evidence) or c.pick("资产表", "inventory"),
                )
                for a in some
            )
    yield from c.table(
        ("清单与实际的差异", "Differences between the list and the traffic"),
        (("设备", "Device", 3), ("类型", "Kind", 1.5), ("区域", "Zone", 2), ("依据", "Evidence", 1.6)),
        lines,
        anchor="tab-differences",
    )
    yield from c.p(
        "“未见到”只说明设备在抓包期间没有经过抓包点的通信，不说明设备不存在。",
        "“Not seen” means only that the device sent nothing past the taps while they ran, not that it is gone.",
        "note",
    )
