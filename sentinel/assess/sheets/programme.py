"""Sheets that the programme asks for: indicators, the SME page, acceptance, retrofit, monitoring, exercises."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.assess.checks._look import lasting
from sentinel.assess.checks._plant import HOUR
from sentinel.assess.model import Outcome, Sheet, Text
from sentinel.assess.sheets.data import thresholds
from sentinel.assess.sheets.registry import Material, columns, evidence_of, said, sheet, zone_name

PROGRAMME = "programme"
ACCEPTANCE = ("AS-01", "AU-03", "CO-04", "HY-01")
"""What a new device is looked at for before it goes live (clause M13)."""
SME_CHECKS = ("SG-01", "SG-03", "SG-05", "RA-01", "CL-01", "AU-03", "HY-01", "HY-04", "HY-05", "AS-02")
"""The ten questions of the page for a small firm that moves to a platform (clause M21)."""

OUTCOMES = {
    Outcome.VIOLATED: Text("发现问题", "problem found"),
    Outcome.CONTRADICTED: Text("与答复矛盾", "contradicts the answer"),
    Outcome.CONFIRMED: Text("已证实", "confirmed"),
    Outcome.PASS_UNVERIFIED: Text("已声明，未验证", "stated, not verified"),
    Outcome.NOT_OBSERVED: Text("覆盖范围内未见", "not seen within the coverage"),
    Outcome.NOT_ASSESSABLE: Text("无法评估", "not assessable"),
    Outcome.NOT_APPLICABLE: Text("不适用", "not applicable"),
}


@sheet("monitoring-coverage", 70)
def monitoring_coverage(material: Material) -> Sheet:
    """Which zones and conduits have eyes on them (M03)."""
    title = Text("安全监测覆盖情况", "Monitoring coverage")
    rows = tuple(
        (
            zone_name(material, row["zone"]), Text("见到", "seen") if row["seen"] else Text("未见", "not seen"),
            _lasting(row.get("hours")), row.get("packets"), _visibility(row),
        )
        for row in material.coverage.zones
    )  # fmt: skip
    if not rows:
        return Sheet(
            "monitoring-coverage", title, clauses=("M03",),
            empty=Text("没有可供对照的区域。", "There is no zone to hold the captures against."),
        )  # fmt: skip
    head = columns(
        ("区域", "Zone"), ("流量", "Traffic"), ("时长", "Duration"), ("报文数", "Packets"), ("可见度", "Visibility")
    )
    return Sheet("monitoring-coverage", title, head, rows, material.coverage.statements, clauses=("M03",))


def _seen_rules(material: Material, step: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Alerts whose evidence lies in the frames of a step."""
    spans = [tuple(span) for span in step["frames"]]
    for alert in material.alerts:
        cited = json.loads(alert["evidence"] or "[]")
        if any(
            capture in step["captures"] and any(first <= frame <= last for first, last in spans)
            for capture, frame in cited
        ):
            yield alert


@sheet("scorecard", 80)
def scorecard(material: Material) -> Sheet:
    """Exercises only: what was done, the techniques it stands for, and the alert that came (M09, M11)."""
    title = Text("安全模拟与攻防验证记分表", "Simulation and attack/defence scorecard")
    clauses = ("M09", "M11")
    if not material.exercises:
        return Sheet(
            "scorecard", title, clauses=clauses,
            empty=Text(
                "案例中没有演练环境的抓包；攻防验证只在演练环境进行，不在生产网进行。",
                "The case holds no capture of an exercise; attacks are verified in an exercise plant only, never in"
                " production.",
            ),
        )  # fmt: skip
    rows, caught, steps = [], 0, 0
    for exercise in material.exercises:
        for step in exercise["steps"]:
            if step["kind"] != "attack":
                continue
            located = {**step, "captures": exercise["captures"]}
            alerts = list(_seen_rules(material, located))
            told = {technique for alert in alerts for technique in json.loads(alert["techniques"] or "[]")}
            expected = set(step.get("techniques", ()))
            steps += 1
            caught += bool(alerts)
            rows.append(
                (
                    exercise["file"], Text(step["zh"], step["en"]), ", ".join(sorted(expected)),
                    "; ".join(sorted({alert["name"] for alert in alerts})) or Text("无告警", "no alert"),
                    _match(expected, told, bool(alerts)),
                )
            )  # fmt: skip
    head = columns(
        ("抓包", "Capture"), ("攻击步骤", "Step"), ("技术", "Techniques"), ("见到的告警", "Alerts seen"),
        ("结果", "Result"),
    )  # fmt: skip
    if not rows:
        return Sheet(
            "scorecard", title, clauses=clauses,
            empty=Text("演练抓包中没有攻击步骤。", "The captures of exercises hold no attack."),
        )  # fmt: skip
    note = Text(f"{steps} 个攻击步骤中 {caught} 个产生了告警。", f"{caught} of {steps} attack steps raised an alert.")
    return Sheet("scorecard", title, head, tuple(rows), (note,), clauses=clauses)


def _match(expected: set[str], told: set[str], alerted: bool) -> Text:
    if not alerted:
        return Text("漏检", "missed")
    if expected & told:
        return Text("检出，技术相符", "detected, technique matches")
    return Text("检出，技术不同", "detected, another technique")


@sheet("acceptance", 90)
def acceptance(material: Material) -> Sheet:
    """One row for each device that the client's list calls new: what it showed before it went live (M13)."""
    title = Text("设备上线前检测记录", "Acceptance record of new equipment")
    unlisted = material.results.get("AS-02")
    fresh = {asset for o in unlisted.observations for asset in o.assets} if unlisted is not None else set()
    candidates = [asset for asset in material.site.assets if asset.observed and asset.id in fresh]
    if not candidates:
        return Sheet(
            "acceptance", title, clauses=("M13",),
            empty=Text("没有待上线的新设备。", "There is no new device waiting to go live."),
        )  # fmt: skip
    rows = []
    for asset in candidates:
        cells: list[Any] = [asset.name, asset.vendor, asset.model, asset.firmware]
        for check in ACCEPTANCE[1:]:
            result = material.results.get(check)
            hit = result is not None and any(asset.id in o.assets for o in result.observations)
            cells.append(OUTCOMES[Outcome.VIOLATED] if hit else OUTCOMES[Outcome.NOT_OBSERVED])
        rows.append(tuple(cells))
    head = columns(
        ("设备", "Device"), ("厂商", "Vendor"), ("型号", "Model"), ("固件", "Firmware"),
        ("无鉴别控制协议", "Unauthenticated control"), ("畸形或异常报文", "Malformed or exceptions"),
        ("老旧服务", "Legacy services"),
    )  # fmt: skip
    return Sheet("acceptance", title, head, tuple(rows), clauses=("M13",), evidence=evidence_of(material, ACCEPTANCE))


@sheet("sme", 100)
def sme(material: Material) -> Sheet:
    """The one page for a small firm that moves to a cloud or platform (M21)."""
    from sentinel.assess.checks.registry import checks

    library = checks()
    rows = tuple(
        (check, library[check].title, OUTCOMES[material.results[check].outcome], material.results[check].reason)
        for check in SME_CHECKS
        if check in material.results
    )
    title = Text("上云上平台安全一页通", "Cloud readiness on one page")
    if not rows:
        return Sheet("sme", title, clauses=("M21",), empty=Text("没有检查结果。", "There are no results."))
    head = columns(("检查", "Check"), ("内容", "What"), ("结果", "Result"), ("说明", "Explanation"))
    return Sheet("sme", title, head, rows, clauses=("M21",), evidence=evidence_of(material, SME_CHECKS))


@sheet("retrofit", 110)
def retrofit(material: Material) -> Sheet:
    """What changed since an earlier assessment: devices, findings, grades (M23)."""
    title = Text("改造前后对比", "Before and after the retrofit")
    before = material.previous
    if not before:
        return Sheet(
            "retrofit", title, clauses=("M23",),
            empty=Text("没有可对比的上一次评估。", "There is no earlier assessment to compare with."),
        )  # fmt: skip
    names = (
        ("assets_new", Text("新增设备", "New devices")), ("assets_gone", Text("不再出现的设备", "Devices gone")),
        ("findings_new", Text("新发现", "New findings")), ("findings_closed", Text("已关闭的发现", "Findings closed")),
        ("findings_unchanged", Text("未变的发现", "Findings unchanged")),
    )  # fmt: skip
    rows = tuple((text, len(before.get(key, ())), ", ".join(map(_name, before.get(key, ())))) for key, text in names)
    head = columns(("项目", "What"), ("数量", "Number"), ("名称", "Names"))
    return Sheet("retrofit", title, head, rows, clauses=("M23",))


@sheet("indicators", 120)
def indicators(material: Material) -> Sheet:
    """What the district counts (M12 to M17): asked, claimed, measured at this tap."""
    title = Text("区级项目指标表", "District indicator sheet")
    clauses = ("M12", "M13", "M14", "M15", "M16", "M17")
    programme = [pack for pack in material.packs if pack.kind == PROGRAMME]
    if not programme:
        return Sheet(
            "indicators", title, clauses=clauses,
            empty=Text("未选用政策包。", "No programme pack was chosen."),
        )  # fmt: skip
    measured = sum(int(row["per_month"] or 0) for row in material.table("ID-01", "resolution"))
    seen = bool(material.table("ID-01", "resolution"))
    rows = tuple(
        (
            asked["clause"], asked["title"], asked.get("registrations"), asked.get("queries_per_month"),
            said(material, "Q-IDN-02"),
            measured if seen else Text("本采集点未见", "none seen at this tap"),
        )
        for asked in thresholds(material)
    )  # fmt: skip
    head = columns(
        ("条款", "Clause"), ("指标", "Indicator"), ("要求的注册量", "Registrations asked"),
        ("要求的月解析量", "Queries a month asked"), ("企业申报", "Claimed"),
        ("实测月解析量（仅本采集点）", "Measured a month (this tap only)"),
    )  # fmt: skip
    outcomes = Counter(result.outcome for result in material.results.values())
    note = Text(
        f"检查 {len(material.results)} 项：发现问题 {outcomes[Outcome.VIOLATED]} 项，"
        f"无法评估 {outcomes[Outcome.NOT_ASSESSABLE]} 项。",
        f"{len(material.results)} checks: {outcomes[Outcome.VIOLATED]} found a problem, "
        f"{outcomes[Outcome.NOT_ASSESSABLE]} could not be assessed.",
    )
    valid = tuple(
        Text(f"{pack.title.zh}：有效期 {pack.valid_from} 至 {pack.valid_to}。",
             f"{pack.title.en}: valid from {pack.valid_from} to {pack.valid_to}.")
        for pack in programme
        if pack.valid_from is not None and pack.valid_to is not None
    )  # fmt: skip
    return Sheet("indicators", title, head, rows, (note, *valid), clauses=clauses)


def _name(item: Any) -> str:
    if isinstance(item, Mapping):
        return str(item.get("name") or item.get("number") or item.get("id"))
    return str(item)


def _lasting(hours: Any) -> Any:
    return None if hours is None else lasting(round(float(hours) * HOUR))


def _visibility(row: Mapping[str, Any]) -> Any:
    value = row.get("visibility")
    return "<0.01%" if value is not None and row["seen"] and value < 0.0001 else _percent(value)


def _percent(value: Any) -> Any:
    if value is None:
        return None
    share = float(value)
    return f"{share:.0%}" if share == 0 or share >= 0.01 else f"{share:.2%}"
