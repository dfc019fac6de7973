"""Threats: what rules and detectors claim, and what scanning looks like in the flows (TH-01 to TH-04).

Alerts of a severity below `min_severity` are what a plant's own work looks like too; they are kept as observations that
weigh nothing. An alert within a ticket (same source, target, activity where its techniques tell one, time) is explained.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import polars as pl

from sentinel.assess.checks._look import NOT_ASSESSABLE, NOT_OBSERVED, VIOLATED, Look, few, join, looks, stamp, times
from sentinel.assess.checks._services import word
from sentinel.assess.model import CheckResult, Observation, Text

SEVERITIES = ("informational", "low", "medium", "high", "critical")
_WORDS = {"informational": "提示", "low": "低", "medium": "中", "high": "高", "critical": "严重"}
_ACTIVITY = {
    "T0843": "program", "T0845": "program", "T0889": "program", "T0809": "program", "T0858": "mode", "T0816": "mode", "T0881": "mode", "T0857": "file",
    "T0836": "write", "T0835": "control", "T0855": "control", "T0831": "control", "T0888": "identify", "T0846": "identify", "T0861": "read",
}  # fmt: skip
RECONNAISSANCE = frozenset({"T0840", "T0842", "T0846", "T0861", "T0887", "T0888"})
MALWARE = frozenset({"T0853", "T0863", "T0865", "T0866", "T0867", "T0869", "T0884", "T0885"})
MAX_ALERTS = 3
"""Alerts whose frames an observation of many names."""


@looks(
    "TH-01", Text("特征告警", "Signature alerts"),
    Text("检测规则报告了什么？", "What did the detection rules report?"), {"min_severity": "medium"}, sources=("alerts",),
)  # fmt: skip
def signatures(look: Look) -> CheckResult:
    """One observation for each rule and source; those of lower severity weigh nothing."""
    alerts = [alert for mine in look.plant.alerts_of.values() for alert in mine]
    found = list(_summarised(look, alerts, SEVERITIES.index(look.params["min_severity"])))
    if not alerts:
        outcome, reason = look.silent(Text("规则告警", "alert of a rule"))
        return look.result((), outcome, reason)
    heavy = sum(1 for o in found if o.outcome is VIOLATED and not o.ticket)
    counted = Text(f"共 {len(alerts)} 条告警，", f"{times(len(alerts), 'alert')},")
    rest = Text("均低于阈值或由工单说明。", "all below the threshold or explained by tickets.") if not heavy else Text("", "")
    return look.result(found, NOT_OBSERVED, join(counted, rest))


def _summarised(look: Look, alerts: list[dict[str, Any]], least: int) -> Iterator[Observation]:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for alert in alerts:
        techniques = json.loads(alert["techniques"] or "[]")
        activity = next((_ACTIVITY[t] for t in techniques if t in _ACTIVITY), "")
        groups[alert["name"], alert["src"], look.plant.ticket(alert["src"], alert["dst"], activity, alert["first"], alert["last"])].append(alert)
    for (name, src, ticket), mine in sorted(groups.items()):
        yield _alerted(look, name, src, mine, ticket, least)


def _alerted(look: Look, name: str, src: str, mine: list[dict[str, Any]], ticket: str, least: int) -> Observation:
    plant = look.plant
    worst = max(mine, key=lambda alert: SEVERITIES.index(alert["severity"]))
    targets = few(plant.name(alert["dst"]) for alert in mine)
    count = sum(alert["count"] for alert in mine)
    explained = Text(f"工单 {ticket} 予以说明。", f"Ticket {ticket} explains it.") if ticket else Text("", "")
    detail = Text(
        f"{plant.name(src)} 触发“{worst['title_zh']}”（{_WORDS[worst['severity']]}）{len(mine)} 条告警，{count:,} 次，目标 {targets.zh}。",
        f"{plant.name(src)} raised “{worst['title_en']}” ({worst['severity']}) in {times(len(mine), 'alert')}, {times(count, 'time')}, against {targets.en}.",
    )
    techniques = tuple(dict.fromkeys(t for alert in mine for t in json.loads(alert["techniques"] or "[]")))
    outcome = VIOLATED if SEVERITIES.index(worst["severity"]) >= least else NOT_OBSERVED
    return look.see(
        f"{src} {name}", outcome, join(detail, explained), kind=f"ticket {ticket}" if ticket else "", title=Text(worst["title_zh"], worst["title_en"]),
        addresses=(src, *(alert["dst"] for alert in mine)), protocol=worst["protocol"], techniques=techniques, count=len(mine), first_time=min(a["first"] for a in mine),
        last_time=max(a["last"] for a in mine), evidence=[piece for a in mine[:MAX_ALERTS] for piece in plant.alert_evidence(a)], ticket=ticket,
        values={"rule": name, "severity": worst["severity"], "events": len(mine), "days": plant.days, "alerts": tuple(a["alert"] for a in mine[:100])},
    )  # fmt: skip


@looks(
    "TH-02", Text("异常行为", "Anomalies"),
    Text("是否有偏离正常行为的通信？", "Does anything deviate from normal behaviour?"), sources=("detector:anomaly",),
)  # fmt: skip
def anomalies(look: Look) -> CheckResult:
    """Needs detectors that learn what is normal, which this version does not have."""
    return look.result((), NOT_ASSESSABLE, Text(
        "本版本没有学习正常行为的异常检测器。", "This version has no detector that learns what is normal."
    ))  # fmt: skip


@looks(
    "TH-03", Text("恶意代码与横向移动", "Malware and lateral movement"),
    Text("是否有恶意代码、蠕虫、控制通道或针对 SMBv1 的利用？", "Is there malware, a worm, command and control, or an exploit of SMBv1?"),
    {"servers": 20}, sources=("alerts", "flows", "protocol:smb"),
)  # fmt: skip
def malware(look: Look) -> CheckResult:
    """Alerts of such techniques; hosts that try the port of SMB or RDP on many others."""
    plant = look.plant
    alerts = [a for mine in plant.alerts_of.values() for a in mine if MALWARE & set(json.loads(a["techniques"] or "[]"))]
    found = list(_summarised(look, alerts, 0))
    fan = (
        plant.talks.filter(pl.col("server_port").is_in([135, 139, 445, 3389]) & (pl.col("transport") == "tcp"))
        .group_by("client", "server_port").agg(pl.col("server").n_unique().alias("n"), pl.col("first").min(), pl.col("last").max(), pl.col("service").first(), pl.col("pieces").first())
        .filter(pl.col("n") >= look.params["servers"]).sort("client", "server_port")
    )  # fmt: skip
    for row in fan.iter_rows(named=True):
        detail = Text(
            f"{plant.name(row['client'])} 向 {row['n']} 台主机的 {word(row['service'])} 端口 {row['server_port']} 发起连接：蠕虫就是这样传播的，扫描工具也如此。",
            f"{plant.name(row['client'])} tried port {row['server_port']} ({word(row['service'])}) of {row['n']} hosts: so does a worm that spreads, and so does a scanner.",
        )
        found.append(look.see(
            f"{row['client']} {row['service']}", VIOLATED, detail, kind="fan", addresses=(row["client"],), protocol=row["service"], techniques=("T0866",), count=row["n"], row=row,
            evidence=plant.flow_evidence(row), values={"servers": row["n"], "events": 1, "days": plant.days},
        ))  # fmt: skip
    return look.result(found, NOT_ASSESSABLE, Text(
        "没有恶意代码特征库，SMB 与文件内容未解析；只查了相关技术的告警和对 SMB、RDP 端口的大范围连接，均未见。",
        "There are no signatures of malware, and SMB and files are not decoded; alerts of such techniques and wide attempts on SMB and RDP were looked for and not seen.",
    ))  # fmt: skip


@looks(
    "TH-04", Text("侦察与扫描", "Reconnaissance"),
    Text("是否有人在探测网络、端口、设备身份或地址空间？", "Does somebody explore the network, ports, identities or addresses of devices?"),
    {"probes": 10}, sources=("flows", "alerts"),
)  # fmt: skip
def reconnaissance(look: Look) -> CheckResult:
    """Hosts with at least `probes` connections, to different ports or hosts, that carried nothing; alerts of such techniques."""
    plant = look.plant
    probes = (
        plant.talks.filter((pl.col("transport") == "tcp") & (pl.col("sessions") == 0) & (pl.col("client_zone") != ""))
        .group_by("client").agg(
            pl.len().alias("n"), pl.col("server").n_unique().alias("hosts"), pl.col("server_port").n_unique().alias("ports"), pl.col("server").unique().sort().head(50).alias("servers"),
            pl.col("first").min(), pl.col("last").max(), pl.col("pieces").sort_by("first").list.first().head(5).alias("pieces"),
        )
        .filter(pl.col("n") >= look.params["probes"]).sort("client")
    )  # fmt: skip
    found = []
    for row in probes.iter_rows(named=True):
        detail = Text(
            f"{plant.name(row['client'])} 对 {row['hosts']} 台主机的 {row['ports']} 种端口作了 {row['n']} 次没有载荷的连接尝试，首次 {stamp(row['first'])} UTC。",
            f"{plant.name(row['client'])} tried {times(row['ports'], 'port')} on {times(row['hosts'], 'host')} in {row['n']} connections that carried nothing, first at {stamp(row['first'])} UTC.",
        )
        found.append(look.see(
            f"{row['client']} scan", VIOLATED, detail, kind="scan", addresses=(row["client"], *row["servers"]), techniques=("T0846",), count=row["n"], row=row, evidence=plant.flow_evidence(row),
            values={"hosts": row["hosts"], "ports": row["ports"], "events": 1, "days": plant.days},
        ))  # fmt: skip
    alerts = [a for mine in plant.alerts_of.values() for a in mine if RECONNAISSANCE & set(json.loads(a["techniques"] or "[]"))]
    found += _summarised(look, alerts, SEVERITIES.index("medium"))
    outcome, reason = look.silent(Text("侦察或扫描", "reconnaissance"))
    return look.result(found, outcome, reason)
