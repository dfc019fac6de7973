"""Chapter 5: what was done in the network that an attacker would do, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.document import Block, Heading, Run, cell, row
from sentinel.report.figures import attack, values
from sentinel.report.texts import SEVERITIES

ALERTS = 40
"""Alerts printed in the body, the gravest first."""
_ORDER = ("critical", "high", "medium", "low", "informational")
_TONES = {"critical": "grade5", "high": "grade4", "medium": "grade3", "low": "grade2", "informational": "grade1"}


def threats(c: Context) -> Iterator[Block]:
    """Chapter 5."""
    yield Heading(1, c.pick("威胁", "Threats"), "threats")
    states = attack.states(c.a)
    seen = attack.seen(c.a)
    tested = {ident for ident, state in states.items() if state == "tested"}
    yield Heading(2, c.pick("ATT&CK for ICS 矩阵", "ATT&CK for ICS matrix"), "attack")
    if seen:
        yield from c.p(
            "告警和检查结果涉及 {n} 项 ATT&CK for ICS 技术。一项技术被标为“见到”，说明抓包中有符合该技术的行为，"
            "行为是否出于恶意须结合工单和访谈判断。",
            "Alerts and checks point to {n:technique|techniques} of ATT&CK for ICS. “Seen” means that the captures"
            " hold such behaviour; whether it was malicious is for tickets and interviews to tell.",
            n=len(seen),
        )
    elif not tested:
        yield from c.p(
            "覆盖范围内没有告警或检查结果指向 ATT&CK for ICS 技术，这不证明没有发生。",
            "Within the coverage no alert or check points to a technique of ATT&CK for ICS. That is no proof of"
            " absence.",
        )
    if tested:
        yield from c.p(
            "{n} 项技术只在演练环境的抓包中见到，用于验证检测能力，不代表生产网发生过。",
            "{n:technique was|techniques were} seen in captures of an exercise only: that shows what can be"
            " detected, not that it happened in production.",
            n=len(tested),
        )
    if states:
        yield figure(
            c,
            "attack",
            ("ATT&CK for ICS 矩阵", "ATT&CK for ICS matrix"),
            c.say("见到的技术：{seen}。", "Techniques seen: {seen}.", seen=c.join(sorted(seen | tested)))
            or c.pick("没有见到任何技术。", "No technique was seen."),
        )
    yield from _techniques(c, seen | tested)
    yield Heading(2, c.pick("事件与时间线", "Events and time line"), "events")
    alerts = sorted(c.a.alerts, key=lambda a: (_rank(a), a["first_time"], a["alert"]))
    if not alerts:
        yield from c.p("没有告警。", "There are no alerts.")
        return
    yield figure(
        c,
        "timeline",
        ("告警时间线", "Alerts over time"),
        ("每条线为一类告警，数值见下表。", "One line a kind of alert; the times are in the table below."),
    )
    yield from c.table(
        ("告警", "Alerts"),
        (
            ("时间（UTC）", "Time (UTC)", 1.6),
            ("告警", "Alert", 3.2),
            ("来源 → 目的", "From → to", 2.6),
            ("级别", "Severity", 0.9),
            ("次数", "Count", 0.7, "right"),
            ("技术", "Technique", 1),
        ),
        (
            row(
                c.time(a["first_time"]),
                c.pick(a["title_zh"], a["title_en"]),
                f"{a['src']} → {a['dst']}",
                cell(c.word(SEVERITIES, a["severity"]), _TONES.get(a["severity"], "")),
                c.count(a["count"]),
                c.join(json.loads(a["techniques"] or "[]")) or c.pick("无", "none"),
            )
            for a in alerts
        ),
        anchor="tab-alerts",
        limit=ALERTS,
    )
    if c.a.plots:
        yield figure(
            c,
            "values",
            ("告警前后的过程值", "Process values around alerts"),
            c.say("所示的值：{names}。", "Values shown: {names}.", names=c.join(values.name(row) for row in c.a.plots)),
        )


def _rank(alert: Mapping[str, Any]) -> int:
    return _ORDER.index(alert["severity"]) if alert["severity"] in _ORDER else len(_ORDER)


def _techniques(c: Context, seen: set[str]) -> Iterator[Block]:
    names = attack.names(c.a, c.lang)
    used: dict[str, list[Run]] = {ident: [] for ident in seen}
    for finding in c.a.findings:
        for ident in seen.intersection(finding.techniques):
            if used[ident]:
                used[ident].append(Run(" "))
            used[ident].append(Run(finding.number, ref=f"finding-{finding.id}"))
    alerts: dict[str, int] = dict.fromkeys(seen, 0)
    for alert in c.a.alerts:
        for ident in seen.intersection(json.loads(alert["techniques"] or "[]")):
            alerts[ident] += int(alert["count"])
    yield from c.table(
        ("见到的技术", "Techniques that were seen"),
        (
            ("技术", "Technique", 0.9),
            ("名称", "Name", 3.4),
            ("告警次数", "Alerts", 1, "right"),
            ("发现", "Findings", 2.2),
        ),
        (
            row(
                ident,
                names.get(ident, ident),
                c.count(alerts[ident]),
                tuple(used[ident]) or c.pick("未形成发现", "no finding"),
            )
            for ident in sorted(seen)
        ),
        anchor="tab-techniques",
    )
