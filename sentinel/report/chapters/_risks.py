"""Chapter 7: the register, the heat maps, the view of the business, and one sheet a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.assess.model import Finding, Risk
from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.chapters._front import heatmap_alt
from sentinel.report.document import Block, Cell, Fields, Heading, Run, Runs, cell, row, text
from sentinel.report.texts import COSTS, HORIZONS, MORE, STATUS, TREATMENTS

SHEETS = 60
"""Findings that get a sheet of their own; the register holds all of them."""
CLAUSES = 6
"""Clauses of one framework named in one sheet."""
OBSERVED = 3
"""Observations told in one sheet."""


def risks(c: Context) -> Iterator[Block]:
    """Chapter 7."""
    yield Heading(1, c.pick("风险", "Risks"), "risks")
    if c.a.risks:
        yield Heading(2, c.pick("风险登记表", "Risk register"), "register")
        yield from _register(c)
        yield Heading(2, c.pick("风险矩阵", "Risk matrix"), "matrix")
        yield figure(c, "heatmap", ("处置前后的风险矩阵", "Risk matrix before and after treatment"), heatmap_alt(c))
        yield Heading(2, c.pick("业务视角", "What it means for the business"), "business")
        yield from _business(c)
    else:
        yield from c.p(
            "在现有覆盖范围和资料内没有形成风险条目，这不表示没有风险。",
            "Within this coverage and these records no risk was derived; that does not mean that there is none.",
        )
    yield from findings(c)


def _register(c: Context) -> Iterator[Block]:
    robust = sum(len(set(risk.grades)) <= 1 for risk in c.a.risks)
    yield from c.p(
        "共 {n} 条风险，其中 {robust} 条的等级是稳健的：所有口述或假定的输入各变动 1，等级不变。"
        if robust
        else "共 {n} 条风险，没有一条的等级是稳健的：口述或假定的输入变动 1，等级就可能改变。",
        "There are {n:risk|risks}; the grade of {robust} is robust: it stays when each stated or assumed input moves"
        " by 1."
        if robust
        else "There {n:is|are} {n:risk|risks}; no grade is robust: each may change when a stated or assumed input"
        " moves by 1.",
        n=len(c.a.risks),
        robust=robust,
    )
    yield from c.table(
        ("风险登记表", "Risk register"),
        (
            ("编号", "No.", 0.8),
            ("风险与对象", "Risk and device", 4.8),
            ("L*, F*", "L*, F*", 0.7, "center"),
            ("R 与区间", "R, interval", 1.2, "center"),
            ("等级", "Grade", 1.05),
            ("处置", "Treatment", 1.05),
            ("发现", "Finding", 0.8),
        ),
        (_risk(c, risk) for risk in c.ranked),
        anchor="tab-risks",
        compact=True,
        note=c.pick(
            "按等级和 R 排序。区间为各口述和假定输入 ±1 时 R 的范围。",
            "Sorted by grade and R. The interval is that of R when each stated or assumed input moves by 1.",
        ),
    )
    unsettled: dict[str, list[Risk]] = {}
    for risk in c.ranked:
        if risk.settle:
            unsettled.setdefault(risk.settle, []).append(risk)
    yield from c.table(
        ("能够确定等级的问题", "Questions that would settle a grade"),
        (
            ("待答复的问题", "Question to be answered", 4),
            ("有关的风险及其可能的等级", "Risks, and the grades that are possible", 4),
        ),
        (
            row(
                " ".join(filter(None, (question, _question(c, question)))),
                c.join(f"{risk.number} ({'/'.join(map(str, risk.grades))})" for risk in some),
            )
            for question, some in unsettled.items()
        ),
        anchor="tab-settle",
    )
    others = [risk for risk in c.ranked if risk.alternative]
    yield from c.table(
        ("另一计算方法下的等级", "Grades under the other profile"),
        (
            ("风险", "Risk", 1),
            ("本报告的等级", "Grade here", 2),
            ("对照方法", "Other profile", 3),
            ("对照等级", "Grade there", 2),
        ),
        (
            row(
                risk.number,
                c.grade_cell(risk.grade),
                c.show(risk.alternative.get("profile")),
                c.grade_cell(risk.alternative.get("grade")),
            )
            for risk in others
        ),
        anchor="tab-alternative",
    )


def _question(c: Context, ident: str) -> str:
    return next((c.t(q["text"]) for q in c.a.questionnaire if q["id"] == ident and q.get("text")), "")


def _risk(c: Context, risk: Risk) -> Any:
    finding = c.findings.get(risk.finding)
    steps = [risk.values.get(name, "") for name in ("Lstar", "Fstar")]
    return row(
        Cell((Run(risk.number, bold=True),), anchor=f"risk-{risk.id}"),
        _what(c, risk),
        ", ".join(steps) if all(steps) else c.unknown,
        f"{risk.score}\n{risk.low}–{risk.high}",
        c.grade_cell(risk.grade),
        c.word(TREATMENTS, risk.treatment),
        (Run(finding.number, ref=f"finding-{finding.id}"),) if finding else c.pick("无", "none"),
    )


def _what(c: Context, risk: Risk) -> str:
    """The scenario, with the device below where it does not name it itself."""
    told, device = c.t(risk.scenario), c.asset_name(risk.asset)
    return told if not device or device in told else f"{told}\n{device}"


def _business(c: Context) -> Iterator[Block]:
    business: Mapping[str, Any] = c.a.business
    after = business.get("after") or {}
    yield from c.p(
        "全部风险按业务承载性加权合成的业务风险为 {score}，等级 {grade}。",
        "Weighed by what bears on the business, all risks together come to {score}, grade {grade}.",
        score=business.get("score"),
        grade=None if business.get("grade") is None else c.grade(business["grade"]),
    )
    low, high = business.get("low"), business.get("high")
    if low != high:
        yield from c.p(
            "考虑未核实的输入，业务风险在 {low} 至 {high} 之间。",
            "With the inputs that nobody verified it lies between {low} and {high}.",
            low=low,
            high=high,
        )
    yield from c.p(
        "全部整改措施落实并验证后，业务风险预计为 {score}，等级 {grade}。",
        "Once all measures are in place and verified it is expected to be {score}, grade {grade}.",
        score=after.get("score"),
        grade=None if after.get("grade") is None else c.grade(after["grade"]),
    )
    stay = [r for r in c.ranked if r.after and r.grade >= 3 and r.after.get("grade") == r.grade]
    lower = [r for r in c.ranked if r.after and r.after.get("grade", r.grade) >= 3 and r.after.get("grade") != r.grade]
    yield from c.p(
        "处置后等级不变的风险：{risks}。",
        "Risks whose grade treatment does not change: {risks}.",
        risks=c.join(r.number for r in stay),
    )
    yield from c.p(
        "处置后仍为中或更高的风险：{risks}。措施降低了可能性，后果的严重程度没有改变。",
        "Risks that stay medium or higher after treatment: {risks}. The measures lower the likelihood; the"
        " consequence is as grave as before.",
        risks=c.join(r.number for r in lower),
    )


def findings(c: Context) -> Iterator[Block]:
    """The sheets of the findings."""
    yield Heading(2, c.pick("发现", "Findings"), "findings")
    if not c.chosen:
        yield from c.p("没有发现。", "There are no findings.")
        return
    by_finding: dict[str, list[Risk]] = {}
    for risk in c.ranked:
        by_finding.setdefault(risk.finding, []).append(risk)
    yield from c.table(
        ("发现一览", "Findings at a glance"),
        (
            ("编号", "No.", 0.8),
            ("发现", "Finding", 4.4),
            ("区域", "Zones", 2),
            ("等级", "Grade", 1.2),
            ("状态", "State", 1.2),
        ),
        (
            row(
                (Run(f.number, ref=f"finding-{f.id}"),),
                c.t(f.title),
                c.join(c.zone_name(z) for z in f.zones) or c.pick("全厂", "whole site"),
                c.grade_cell(_worst(by_finding.get(f.id, ())))
                if by_finding.get(f.id)
                else cell(c.pick("未计算", "not computed")),
                c.word(STATUS, f.status),
            )
            for f in c.chosen
        ),
        anchor="tab-findings",
        limit=200,
        note=""
        if c.scope.risks
        else c.pick(
            "等级和风险编号取自完整报告的风险登记表。",
            "Grades and numbers of risks are those of the full report's register.",
        ),
    )
    for finding in c.chosen[:SHEETS]:
        yield _sheet(c, finding, by_finding.get(finding.id, []))
    rest = len(c.chosen) - SHEETS
    if rest > 0:
        yield from c.p(
            "其余 {n} 项发现见随附工作簿。", "The other {n:finding is|findings are} in the workbook.", "note", n=rest
        )


def _worst(some: Any) -> int | None:
    return max((risk.grade for risk in some), default=None)


def _sheet(c: Context, f: Finding, some: list[Risk]) -> Fields:
    lines: list[tuple[str, Cell]] = []

    def add(zh: str, en: str, runs: Runs) -> None:
        if runs:
            lines.append((c.pick(zh, en), Cell(runs)))

    seen = [o for result in c.a.checks for o in result.observations if o.id in set(f.observations)]
    details = list(dict.fromkeys(c.t(o.detail) for o in seen))[:OBSERVED]
    # the sentence of a finding tells its main observations itself; where it does not, they are told here
    shown = c.t(f.seen)
    told = shown if any(d in shown for d in details) else "\n".join([shown, *details])
    add("所见", "What was seen", text(told) + _spaced(c.cite(f.evidence)))
    if f.first_time is not None:
        add("时间", "When", text(c.span(f.first_time, f.last_time)))
    add(
        "位置",
        "Where",
        text(
            c.join(
                [
                    *(c.asset_name(a) for a in f.assets[:8]),
                    *_more(c, len(f.assets) - 8),
                    *(c.zone_name(z) for z in f.zones),
                ]
            )
        ),
    )
    add("影响", "Why it matters here", text(c.t(f.why)))
    add("涉及条款", "Clauses", _clauses(c, f))
    add(
        "攻击技术",
        "Techniques",
        text(c.join(f.techniques[:12]) + (c.t(MORE).format(len(f.techniques) - 12) if len(f.techniques) > 12 else "")),
    )
    add("风险", "Risk", _risk_runs(c, some))
    remedy = f.remediation
    if remedy:
        steps = "\n".join(f"{i}. {c.t(step)}" for i, step in enumerate(remedy.steps, 1))
        add("整改步骤", "What to do", text(steps))
        add("临时补偿", "Until then", text(c.t(remedy.compensating)))
        add("实施窗口", "Safe window", text(c.t(remedy.window)))
        add("回退", "Way back", text(c.t(remedy.rollback)))
        add("验证", "Proof that it worked", _verification(c, f))
        add(
            "责任与费用",
            "Owner and cost",
            text(
                c.join(
                    [
                        c.owner(remedy.owner),
                        c.word(HORIZONS, remedy.horizon),
                        c.word(COSTS, remedy.cost_class),
                    ]
                )
            ),
        )
    add("状态", "State", text(_history(c, f)))
    grade = _worst(some)
    title = c.say("{number} {title}", "{number} {title}", number=f.number, title=f.title) or f.number
    return Fields(tuple(lines), title, f"grade{grade}" if grade else "unknown", f"finding-{f.id}")


def _spaced(runs: Runs) -> Runs:
    return (Run(" "), *runs) if runs else ()


def _more(c: Context, rest: int) -> list[str]:
    return [c.pick(f"另 {rest} 台", f"{rest} more")] if rest > 0 else []


def _verification(c: Context, f: Finding) -> Runs:
    """How the remedy is proven: which check is run again, and under which parameters; and what is asked again."""
    remedy = f.remediation
    if remedy is None or not remedy.verification_check:
        return ()
    own = c.join(f"{key} = {c.show(value)}" for key, value in sorted(remedy.verification_params.items()))
    told = bool(f.evidence) and all(piece.kind == "answer" for piece in f.evidence)
    runs = c.runs(
        "凭证据重新答复上述问题；并重新抓包，复测检查项 {check}" if told else "整改后重新抓包，复测检查项 {check}",
        "Answer the questions above again, with proof; capture again and re-run check {check}"
        if told
        else "Capture again after the change and re-run check {check}",
        check=remedy.verification_check,
    )
    return runs + text(c.pick(f"（{own}）。", f" ({own}).") if own else c.pick("。", "."))


def _clauses(c: Context, f: Finding) -> Runs:
    by_framework: dict[str, list[str]] = {}
    order = {name: place for place, name in enumerate(c.controls)}
    for framework, control in sorted(f.controls, key=lambda name: (name[0], order.get(name, len(order)), name[1])):
        by_framework.setdefault(framework, []).append(control)
    editions = {pack.id: pack.edition for pack in c.a.packs}
    parts = []
    for framework, some in by_framework.items():
        more = c.t(MORE).format(len(some) - CLAUSES) if len(some) > CLAUSES else ""
        parts.append(f"{editions.get(framework, framework)}: {c.join(some[:CLAUSES])}{more}")
    return text("\n".join(parts))


def _risk_runs(c: Context, some: list[Risk]) -> Runs:
    parts: list[Run] = []
    for risk in some[:6]:
        if parts:
            parts.append(Run("\n"))
        parts.append(Run(risk.number, ref=f"risk-{risk.id}"))
        shown = c.pick(f"：R = {risk.score}，{c.grade(risk.grade)}", f": R = {risk.score}, {c.grade(risk.grade)}")
        if risk.after:
            shown += c.pick(
                f"；处置后 R = {risk.after['score']}，{c.grade(risk.after['grade'])}",
                f"; after treatment R = {risk.after['score']}, {c.grade(risk.after['grade'])}",
            )
        parts.append(Run(shown))
    note = next((risk.after["note"] for risk in some if risk.after.get("note")), None)
    if note is not None:
        parts.append(Run("\n" + c.t(note)))
    return tuple(parts)


def _history(c: Context, f: Finding) -> str:
    lines = [c.word(STATUS, f.status)]
    for entry in f.history[-4:]:
        value = entry.value
        state = value.get("status") if isinstance(value, Mapping) else value
        if isinstance(state, str) and state:
            lines.append(f"{c.day(entry.time)} {c.word(STATUS, state)}{c.pick('，', ', ')}{entry.author}")
    return "\n".join(lines)


def findings_chapter(c: Context) -> Iterator[Block]:
    """The findings as a chapter of their own, in variants without a risk register."""
    yield Heading(1, c.pick("问题清单", "Findings"), "risks")
    yield from findings(c)
