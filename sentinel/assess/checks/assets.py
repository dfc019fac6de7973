"""Assets: what is there, against what the client's list says (AS-01 to AS-06).

Without a list nothing can be said about its completeness: AS-01 to AS-03 are then not assessable, and the inventory of
what was seen stands in the table. A difference between list and wire in one attribute is a contradiction, since either
may be right: the list may be old, a device may name itself wrongly.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from sentinel.assess.checks._addresses import is_host
from sentinel.assess.checks._look import (
    CONFIRMED,
    CONTRADICTED,
    NO_TRAFFIC,
    NOT_ASSESSABLE,
    NOT_OBSERVED,
    VIOLATED,
    Look,
    few,
    looks,
    times,
)
from sentinel.assess.model import Asset, CheckResult, Evidence, Observation, Text

ATTRIBUTES = ("vendor", "model", "firmware", "serial", "role", "level", "zone", "owner", "location")
_FACTS = {"vendor": ("vendor",), "model": ("model", "order_number"), "firmware": ("firmware",), "serial": ("serial",), "location": ("location",)}
_VIRTUAL = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")
"""MAC addresses that wander between routers by design: VRRP (RFC 9568, 7.3), HSRP."""
_NAMES = {
    "vendor": Text("厂商", "vendor"), "model": Text("型号", "model"), "firmware": Text("固件", "firmware"), "serial": Text("序列号", "serial number"),
    "kind": Text("类型", "kind"), "ips": Text("网络地址", "network address"), "macs": Text("MAC 地址", "MAC address"),
}  # fmt: skip
"""Attributes of which a difference counts."""


@looks(
    "AS-01", Text("资产清单", "Inventory"),
    Text("网络上有哪些设备，各属性从何得知？", "Which devices are there, and how is each attribute known?"),
    sources=("assets", "facts"), without_traffic=True,
)  # fmt: skip
def inventory(look: Look) -> CheckResult:
    """The inventory with the provenance of every attribute; a listed attribute that the device contradicts."""
    site = look.plant.site
    confidence = _confidences(look)
    rows = []
    for asset in sorted(site.assets, key=lambda a: (a.zone, a.name, a.id)):
        for attribute in ATTRIBUTES:
            value = getattr(asset, attribute)
            if value:
                by = asset.provenance.get(attribute, "")
                sure = None if by == "list" else _confidence(asset, attribute, by, confidence)
                rows.append({"asset": asset.id, "attribute": attribute, "value": str(value), "provenance": by, "confidence": sure})
        for kind in ("ips", "macs"):
            rows += [
                {"asset": asset.id, "attribute": kind[:-1], "value": value, "provenance": asset.provenance.get(kind, "wire" if asset.observed else "list"), "confidence": None}
                for value in getattr(asset, kind)
            ]
    seen = [asset for asset in site.assets if asset.observed]
    named = sum(bool(asset.model) for asset in seen)
    versions = sum(bool(asset.firmware) for asset in seen)
    counted = Text(
        f"见到 {len(seen)} 台设备，其中 {named} 台型号已知、{versions} 台固件版本已知。",
        f"{times(len(seen), 'device was', 'devices were')} seen; the model of {named} and the firmware of {versions} is known.",
    )
    if look.plant.talks.is_empty():
        return look.result((), NOT_ASSESSABLE, NO_TRAFFIC, {"inventory": rows})
    if not seen and not look.plant.listed:
        return look.result((), NOT_ASSESSABLE, Text("未见任何设备，也未导入资产清单。", "No device was seen, and no list of devices was imported."))
    if not look.plant.listed:
        reason = Text(counted.zh + "未导入资产清单，无法判断清单是否完整：请导入。", counted.en + " No list of devices was imported, so whether the plant's own is complete cannot be told: import it.")
        return look.result((), NOT_ASSESSABLE, reason, {"inventory": rows})
    differences = [o for asset in seen if asset.listed for o in _differences(look, asset)]
    surplus = sum(1 for asset in seen if not asset.listed)
    if surplus or not seen:
        reason = Text(counted.zh + f"其中 {surplus} 台不在清单上。", counted.en + f" {surplus} of them are not on the list.")
        return look.result(differences, NOT_OBSERVED, reason, {"inventory": rows})
    reason = Text(counted.zh + "见到的每台设备都在清单上。", counted.en + " Every device seen is on the list.")
    return look.result(differences, CONFIRMED, reason, {"inventory": rows}, look.plant.zones_seen)


def _confidences(look: Look) -> dict[tuple[str, str, str], float]:
    """Device, kind and value of facts -> the highest confidence."""
    facts = look.plant.facts.group_by("device", "kind", "value").agg(pl.col("confidence").max())
    return {(device.lower(), kind, value): sure for device, kind, value, sure in facts.iter_rows()}


def _confidence(asset: Asset, attribute: str, by: str, known: dict[tuple[str, str, str], float]) -> float | None:
    found = [
        known[key]
        for address in (*asset.ips, *asset.macs)
        for kind in _FACTS.get(attribute, ())
        if (key := (address.lower(), kind, str(getattr(asset, attribute)))) in known
    ]
    return max(found) if found else 0.5 if by.endswith("oui") else None


def _differences(look: Look, asset: Asset) -> Iterator[Observation]:
    """One observation for each attribute on which list and wire disagree (`Asset.conflicts`)."""
    for attribute, other in sorted(asset.conflicts.items()):
        name = _NAMES.get(attribute)
        source, _, said = other.partition(": ")
        if name is None or source not in ("wire", "list"):
            continue
        value = getattr(asset, attribute)
        believed = ", ".join(value) if isinstance(value, tuple) else str(value)
        seen, listed = (said, believed) if source == "wire" else (believed, said)
        detail = Text(f"{asset.name}：清单上的{name.zh}是“{listed}”，流量中为“{seen}”。", f"{asset.name}: the list says {name.en} “{listed}”, the traffic says “{seen}”.")
        yield look.see(
            asset.id, CONTRADICTED, detail, kind=attribute, title=Text("清单与实测不符", "The list and the wire differ"), addresses=(*asset.ips, *asset.macs)[:1],
            evidence=look.plant.asset_evidence(asset), values={"attribute": attribute, "listed": listed, "seen": seen},
        )  # fmt: skip


@looks(
    "AS-02", Text("清单之外的设备", "Device not on the list"),
    Text("哪些见到的设备不在资产清单上？", "Which devices that were seen are not on the client's list?"), sources=("assets",),
)  # fmt: skip
def unlisted(look: Look) -> CheckResult:
    """Every device that was seen and that the list does not hold."""
    if not look.plant.listed:
        return look.result((), NOT_ASSESSABLE, _no_list())
    found = [
        look.see(
            asset.id, VIOLATED,
            Text(f"{_called(asset)} 在网络上活动，但不在资产清单上。", f"{_called(asset)} is active in the network and not on the list of devices."),
            addresses=(*asset.ips, *asset.macs)[:1], evidence=look.plant.asset_evidence(asset), values={"kind": asset.kind, "vendor": asset.vendor},
        )
        for asset in look.plant.site.assets
        if asset.observed and not asset.listed
    ]  # fmt: skip
    seen = sum(asset.observed for asset in look.plant.site.assets)
    reason = Text(
        f"在{look.covered.zh}中见到的 {seen} 台设备都在清单上；未发出报文的设备不在此列。",
        f"All {seen} devices seen within {look.covered.en} are on the list; those that stayed silent are not among them.",
    )
    return look.result(found, NOT_OBSERVED, reason)


@looks(
    "AS-03", Text("清单上有而未见的设备", "Listed device not seen"),
    Text("清单上的哪些设备没有见到？", "Which devices on the list were not seen?"),
    {"min_visibility": 0.5}, sources=("assets",),
)  # fmt: skip
def unseen(look: Look) -> CheckResult:
    """Listed devices that were not seen: a contradiction only where the device's zone was well in view."""
    if not look.plant.listed:
        return look.result((), NOT_ASSESSABLE, _no_list())
    listed = [asset for asset in look.plant.site.assets if asset.listed]
    found = []
    for asset in listed:
        if asset.observed:
            continue
        zone = asset.zone or next((z for address in (*asset.ips, *asset.macs) if (z := look.plant.zone(address))), "")
        visible = look.plant.coverage.of_zone(zone) if zone else 0.0
        place = look.plant.called(zone)
        well = visible >= look.params["min_visibility"]
        detail = Text(
            f"清单上的 {_called(asset)} 在{look.covered.zh}中未见；其区域“{place.zh}”的可见度为 {visible:.2f}" + ("，应当见到。" if well else "，可能只是没有抓到。"),
            f"{_called(asset)} of the list was not seen within {look.covered.en}; the visibility of its zone “{zone or 'unknown'}” is {visible:.2f}" + (", so it should have been." if well else ", so it may only not have been captured."),
        )
        found.append(
            look.see(
                asset.id, CONTRADICTED if well else NOT_OBSERVED, detail, addresses=(*asset.ips, *asset.macs)[:1],
                evidence=(Evidence("coverage"), *asset.evidence), values={"visibility": visible},
            )
        )  # fmt: skip
    if not found:
        return look.result((), CONFIRMED, Text(f"清单上的 {len(listed)} 台设备全部见到。", f"All {len(listed)} devices of the list were seen."), confirmed_zones=look.plant.zones_seen)
    reason = Text(f"清单上 {len(listed)} 台设备中有 {len(found)} 台未见，但覆盖不足以说明其不存在。", f"{len(found)} of {len(listed)} listed devices were not seen, but too little was covered to say that they are not there.")
    return look.result(found, NOT_OBSERVED, reason)


@looks(
    "AS-04", Text("身份冲突", "Identity clash"),
    Text("是否有两台设备使用同一地址或同一序列号？", "Do two devices use one address or one serial number?"),
    sources=("facts", "protocol:arp"),
)  # fmt: skip
def clash(look: Look) -> CheckResult:
    """Network addresses that several MACs claim by ARP, and serial numbers that several addresses state."""
    facts = look.plant.facts.with_columns(pl.col("time").cast(pl.Int64), pl.col("value").str.to_lowercase().alias("low"))
    claims = facts.filter((pl.col("kind") == "mac") & (pl.col("source") == "arp"))
    serials = facts.filter(pl.col("kind") == "serial")
    found = []
    for device, macs, rows in rival_macs(look):
        names = few(macs)
        detail = Text(
            f"{len(macs)} 个 MAC 地址（{names.zh}）通过 ARP 自称拥有 {look.plant.name(device)}；冗余切换、换网卡也会如此。",
            f"{len(macs)} MAC addresses ({names.en}) claim {look.plant.name(device)} by ARP; a fail-over or an exchanged network card looks the same.",
        )
        found.append(_clash(look, "mac", device, detail, (device,), rows, {"macs": tuple(macs)}))
    for serial, rows in _groups(serials, "value", "device"):
        devices = sorted({row["device"] for row in rows})
        owners = {look.plant.owner(device) for device in devices}
        if len(owners) < 2:
            continue
        names = few(map(look.plant.name, devices))
        detail = Text(
            f"{len(devices)} 个地址（{names.zh}）自报同一序列号“{serial}”：可能是克隆、仿真器或同一台设备的多个接口。",
            f"{len(devices)} addresses ({names.en}) state the serial number “{serial}”: a clone, a simulator, or one device with several interfaces.",
        )
        found.append(_clash(look, "serial", serial, detail, devices, rows, {"serial": serial}))
    if not found and claims.is_empty() and serials.is_empty():
        return look.result((), NOT_ASSESSABLE, Text("抓包中没有 ARP，也没有设备自报序列号，无从比较。", "There is no ARP in the captures and no device stated a serial number: nothing can be compared."))
    compared = Text(f"比较了 {claims['device'].n_unique()} 个地址的 ARP 声明和 {serials.height} 个序列号。", f"The ARP claims of {times(claims['device'].n_unique(), 'address', 'addresses')} and {times(serials.height, 'serial number')} were compared.")
    outcome, reason = look.silent(Text("身份冲突", "identity clash"))
    return look.result(found, outcome, Text(reason.zh + compared.zh, f"{reason.en} {compared.en}"))


def rival_macs(look: Look) -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    """Network addresses that several MACs claim by ARP: address, MACs, the first claim of each."""
    facts = look.plant.facts.filter((pl.col("kind") == "mac") & (pl.col("source") == "arp"))
    claims = facts.with_columns(pl.col("time").cast(pl.Int64), pl.col("value").str.to_lowercase().alias("low"))
    for device, rows in _groups(claims, "device", "low"):
        macs = sorted({row["low"] for row in rows if is_host(row["low"]) and not row["low"].startswith(_VIRTUAL)})
        if len(macs) > 1:
            yield device, macs, rows


def _groups(facts: pl.DataFrame, by: str, distinct: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Values of `by` with several values of `distinct`, each with the first fact of every one of these."""
    several = facts.sort("time").unique([by, distinct], keep="first", maintain_order=True)
    several = several.filter(pl.len().over(by) > 1)
    for key in sorted(several[by].unique()):
        yield key, several.filter(pl.col(by) == key).to_dicts()


def _clash(look: Look, kind: str, subject: str, detail: Text, addresses: Any, rows: list[dict[str, Any]], values: dict[str, Any]) -> Observation:
    return look.see(
        subject, VIOLATED, detail, kind=kind, addresses=addresses, count=len(rows), first_time=rows[0]["time"], last_time=rows[-1]["time"],
        evidence=[look.plant.frames(row["capture"], (row["frame"],)) for row in rows], values=values, techniques=("T0830",) if kind == "mac" else (),
    )  # fmt: skip


@looks(
    "AS-05", Text("停止支持的系统或固件", "End of support"),
    Text("是否有厂商已停止支持的操作系统或固件？", "Is there an operating system or firmware that its vendor no longer supports?"),
    sources=("facts", "knowledge:end-of-support"),
)  # fmt: skip
def end_of_support(look: Look) -> CheckResult:
    """Needs a list of support dates, which this version does not have."""
    known = sum(bool(asset.firmware) for asset in look.plant.site.assets)
    return look.result((), NOT_ASSESSABLE, Text(
        f"{known} 台设备的固件版本已知，但本版本没有各厂商停止支持日期的数据。",
        f"The firmware of {times(known, 'device')} is known, but this version has no data on when vendors end their support.",
    ))  # fmt: skip


@looks(
    "AS-06", Text("漏洞匹配", "Vulnerability match"),
    Text("已知漏洞中哪些影响这些设备？", "Which known vulnerabilities affect these devices?"),
    sources=("facts", "knowledge:csaf"),
)  # fmt: skip
def vulnerabilities(look: Look) -> CheckResult:
    """Needs vulnerability matching, which this version does not have."""
    named = sum(bool(asset.model and asset.firmware) for asset in look.plant.site.assets)
    return look.result((), NOT_ASSESSABLE, Text(
        f"{named} 台设备的型号和固件均已知；更完整的盘点和漏洞匹配尚未实现，不作结论。",
        f"Model and firmware of {times(named, 'device')} are known; the fuller inventory and the vulnerability matching do not exist yet, so nothing is concluded.",
    ))  # fmt: skip


def _no_list() -> Text:
    return Text("未导入资产清单，无从比较：请用“sentinel import assets”导入。", "No list of devices was imported, so there is nothing to compare with: use “sentinel import assets”.")


def _called(asset: Asset) -> str:
    address = next(iter((*asset.ips, *asset.macs)), "")
    return f"{asset.name} ({address})" if address and asset.name != address else asset.name or asset.id
