"""Chapters 9 and 10: what to do, in which order, how it is proven, and who accepts what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.assess.model import Finding, Outcome
from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.chapters._front import engagement
from sentinel.report.document import Block, Heading, Row, Run, SignOff, cell, row, text
from sentinel.report.texts import COSTS, HORIZONS, MORE, TREATMENTS

NAMED = 12
"""Things named in one line of the comparison."""
_ORDER = tuple(HORIZONS)


def remediation(c: Context) -> Iterator[Block]:
    """Chapter 9."""
    yield Heading(1, c.pick("整改建议", "Remediation"), "remediation")
    planned = sorted(
        (f for f in c.chosen if f.remediation and f.status in ("open", "reopened")),
        key=lambda f: (_place(f), f.number),
    )
    if not planned:
        yield from c.p("没有待整改的发现。", "There is no finding that waits for a remedy.")
        return
    yield from c.p(
        "整改按对生产的影响分为四个阶段：{phases}。运行中的设备只在所列窗口内改动，每项措施都给出回退办法和验证方法。",
        "Measures come in four phases by what they mean for a running plant: {phases}. A running device is changed"
        " in the window given only; each measure has a way back and a test that proves it.",
        phases=c.join(c.word(HORIZONS, h) for h in _ORDER),
    )
    yield figure(
        c,
        "roadmap",
        ("整改路线图", "Roadmap"),
        ("各项措施的起止阶段，内容见下表。", "When each measure runs; the table below says what it is."),
    )
    lines: list[Row] = []
    phase = None
    for f in planned:
        assert f.remediation
        if f.remediation.horizon != phase:
            phase = f.remediation.horizon
            lines.append(Row((cell(text(c.word(HORIZONS, phase), bold=True)),), group=True))
        lines.append(
            row(
                (Run(f.number, ref=f"finding-{f.id}"),),
                "\n".join(c.t(step) for step in f.remediation.steps),
                c.t(f.remediation.window) or c.unknown,
                c.owner(f.remediation.owner),
                c.word(COSTS, f.remediation.cost_class),
                c.say("复测 {check}", "re-run {check}", check=f.remediation.verification_check)
                or c.pick("现场核查", "check on site"),
            )
        )
    yield from c.table(
        ("整改措施", "Measures"),
        (
            ("发现", "Finding", 0.8),
            ("措施", "Measure", 3.2),
            ("窗口", "Window", 1.6),
            ("责任", "Owner", 1.3),
            ("费用", "Cost", 1.1),
            ("验证", "Proof", 1.2),
        ),
        lines,
        anchor="tab-measures",
    )
    yield from _calendar(c)


def _place(f: Finding) -> int:
    horizon = f.remediation.horizon if f.remediation else ""
    return _ORDER.index(horizon) if horizon in _ORDER else len(_ORDER)


def _calendar(c: Context) -> Iterator[Block]:
    own = {(pack.title.zh + " " + pack.edition) for pack in c.packs}
    lines = [
        _due(c, entry)
        for entry in c.a.calendar
        if not c.scope.frameworks or getattr(entry.get("basis"), "zh", "") in own
    ]
    if lines:
        yield Heading(2, c.pick("法定与约定期限", "Due dates"), "calendar")
    yield from c.table(
        ("期限", "Due dates"),
        (("日期", "Date", 1.2), ("事项", "What is due", 4), ("依据", "Basis", 2.4)),
        lines,
        anchor="tab-calendar",
    )


def _due(c: Context, entry: Mapping[str, Any]) -> Row:
    due = entry.get("due")
    if not due:
        due = c.say(
            "每 {months} 个月；上次日期未提供",
            "every {months} months; the last date is not known",
            months=entry.get("months"),
        )
    return row(due or c.unknown, c.show(entry.get("what")), c.show(entry.get("basis")))


def residual(c: Context) -> Iterator[Block]:
    """Chapter 10."""
    yield Heading(1, c.pick("残余风险与接受", "Residual risk and acceptance"), "residual")
    if not c.a.risks:
        yield from c.p(
            "没有风险条目，无须签署接受意见。", "There are no risks in the register, so there is nothing to accept."
        )
        return
    yield from c.p(
        "残余风险按整改措施全部落实并验证后计算；没有整改计划的风险，残余风险等于现有风险。"
        "接受意见须由有权承担后果的负责人签署。",
        "Residual risk is what is left once the measures are in place and verified; where nothing is planned, it is"
        " the risk of today. Whoever accepts it must be entitled to bear the consequence.",
    )
    yield from c.table(
        ("残余风险", "Residual risk"),
        (
            ("编号", "No.", 0.9),
            ("风险", "Risk", 3.6),
            ("现在", "Now", 1.5),
            ("处置后", "After", 1.5),
            ("处理方式", "Treatment", 1.5),
            ("接受人", "Accepted by", 2),
        ),
        (
            row(
                (Run(risk.number, ref=f"risk-{risk.id}"),),
                c.t(risk.scenario),
                cell(f"{risk.score}\n{c.grade(risk.grade)}", f"grade{risk.grade}"),
                cell(f"{risk.after['score']}\n{c.grade(risk.after['grade'])}", f"grade{risk.after['grade']}")
                if risk.after
                else cell(c.pick("无计划，同左", "nothing planned, as now")),
                c.word(TREATMENTS, risk.treatment),
                risk.accepted_by
                or (
                    c.pick("待签署", "to be signed")
                    if risk.treatment != "treat"
                    else c.pick("整改后签署", "after treatment")
                ),
            )
            for risk in c.ranked
        ),
        anchor="tab-residual",
    )
    yield from _comparison(c)
    yield Heading(2, c.pick("接受签署", "Acceptance"), "acceptance")
    yield SignOff(
        (c.pick("签署", "Role"), c.pick("姓名", "Name"), c.pick("签名", "Signature"), c.pick("日期", "Date")),
        (
            (c.pick("风险责任人", "Risk owner"), engagement(c, "risk_owner")),
            (c.pick("企业负责人", "Head of the plant"), engagement(c, "plant_manager")),
        ),
    )


_CHANGES = (
    ("findings_new", "新增的发现", "New findings"),
    ("findings_closed", "已关闭的发现", "Closed findings"),
    ("findings_reopened", "重新打开的发现", "Reopened findings"),
    ("findings_unchanged", "未变的发现", "Unchanged findings"),
    ("assets_new", "新出现的设备", "New devices"),
    ("assets_gone", "不再见到的设备", "Devices that are gone"),
)


def _comparison(c: Context) -> Iterator[Block]:
    before = c.a.previous
    if not before:
        return
    yield Heading(2, c.pick("与上次评估的比较", "Compared with the last assessment"), "comparison")
    yield from c.p(
        "上次评估的快照为 {id}，数据截止 {day}。",
        "The last assessment is {id}, with data up to {day}.",
        id=before.get("previous"),
        day=c.day(before.get("as_of")),
    )
    ends = [before.get("business", {}).get(key, {}) for key in ("before", "after")]
    yield from c.p(
        "业务风险由 {old}（{was}）变为 {new}（{now}）。",
        "The business risk went from {old} ({was}) to {new} ({now}).",
        old=ends[0].get("score"),
        was=c.grade(ends[0].get("grade")),
        new=ends[1].get("score"),
        now=c.grade(ends[1].get("grade")),
    )
    items = []
    for key, zh, en in _CHANGES:
        some = before.get(key) or ()
        shown = c.join(_name(c, entry) for entry in some[:NAMED])
        if len(some) > NAMED:
            shown += c.t(MORE).format(len(some) - NAMED)
        items.append(c.runs(zh + " {n} 项：{which}。", en + ", {n}: {which}.", n=len(some), which=shown))
    yield from c.bullets(items)
    yield from c.table(
        ("变化的风险等级", "Grades that changed"),
        (("风险", "Risk", 4), ("上次", "Then", 1.5), ("本次", "Now", 1.5)),
        (
            row(_name(c, entry), c.grade_cell(entry["before"]), c.grade_cell(entry["after"]))
            for entry in before.get("grades") or ()
        ),
        anchor="tab-changed",
    )
    yield from c.table(
        ("变化的条款结论", "Verdicts that changed"),
        (("标准", "Framework", 2), ("条款", "Clause", 1.4), ("上次", "Then", 1.6), ("本次", "Now", 1.6)),
        (
            row(
                str(entry["framework"]),
                str(entry["control"]),
                c.verdict(entry["display_before"], Outcome(entry["before"])),
                c.verdict(entry["display_after"], Outcome(entry["after"])),
            )
            for entry in before.get("controls") or ()
        ),
        anchor="tab-verdicts-changed",
        limit=60,
    )


def _name(c: Context, entry: Mapping[str, Any]) -> str:
    """A finding, risk or device of a comparison in a few words."""
    title = entry.get("title") or entry.get("scenario") or entry.get("name")
    return " ".join(filter(None, (str(entry.get("number") or ""), c.show(title) if title else "")))
