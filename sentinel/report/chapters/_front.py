"""Before the first chapter: cover, contents, approval, and the page for whoever reads only one."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.assess.model import Outcome, Risk, Text
from sentinel.report.chapters._context import Context, is_open
from sentinel.report.chapters._totals import judged, totals
from sentinel.report.document import (
    Block,
    Bullets,
    Callout,
    Cell,
    Contents,
    Cover,
    Fields,
    Figure,
    Heading,
    PageBreak,
    Paragraph,
    Run,
    SignOff,
    cell,
    row,
    text,
)
from sentinel.report.figures import heatmap
from sentinel.report.texts import HASH_NOTE, HORIZONS, titles

SHARES = (1, 2.2, 1.9, 5)
"""Widths of the columns of the ten checks: id, subject, result, what was seen."""
TOP = 5
FIRST = 84
"""Characters of a line in the tables of the summary: so many fit two lines."""


def engagement(c: Context, key: str) -> str:
    """What the client or the assessor stated of the engagement, in this language where both are given."""
    values = c.a.site.engagement
    value = values.get(f"{key}_{c.lang}") or values.get(key)
    if isinstance(value, Text):
        return c.t(value)
    if isinstance(value, list | tuple):
        return c.join(str(item) for item in value)
    return "" if value is None else str(value)


def cover(c: Context) -> Iterator[Block]:
    """Title page: who, where, which number, how confidential."""
    names = (
        ("client", "委托单位", "Client"),
        ("site", "评估对象所在地", "Site"),
        ("organisation", "评估单位", "Assessed by"),
        ("number", "报告编号", "Report number"),
        ("classification", "密级", "Classification"),
        ("version", "版本", "Version"),
    )
    fields = [(c.pick(zh, en), engagement(c, key)) for key, zh, en in names]
    fields.append((c.pick("数据截止日期", "Data as of"), c.day(c.a.as_of)))
    fields.append((c.pick("评估快照", "Assessment"), c.a.id))
    unverified = any(pack.watermark is not None for pack in c.packs)
    mark = c.pick("含未经正式文本核对的条款转述", "Contains clauses that were not checked against the official text")
    yield Cover(tuple((label, value) for label, value in fields if value), mark if unverified else "")


def approval(c: Context, root: str) -> Iterator[Block]:
    """Declaration, three signatures and the root of the hash tree."""
    yield PageBreak()
    yield Heading(1, c.pick("声明与签批", "Declaration and approval"), "approval", "plain")
    yield from c.p(
        "本报告根据随附证据清单所列的网络抓包、客户资料和访谈答复形成。网络监测为被动方式，"
        "未向被评估网络发送任何报文。未见到的情况不视为符合：每项结论以“方法与覆盖度”一章所述范围为限。",
        "This report rests on the captures, the client's records and the answers listed in the evidence index. The"
        " network was observed passively: nothing was sent into it. What was not seen is not counted as compliant;"
        " each conclusion holds within the coverage described under “Methods and coverage”.",
    )
    yield SignOff(
        (
            c.pick("签署", "Role"),
            c.pick("姓名", "Name"),
            c.pick("签名", "Signature"),
            c.pick("日期", "Date"),
        ),
        tuple(
            (c.pick(zh, en), engagement(c, key))
            for key, zh, en in (
                ("author", "编制", "Prepared by"),
                ("reviewer", "审核", "Reviewed by"),
                ("approver", "批准", "Approved by"),
                ("organisation", "评估单位（盖章）", "Assessor (seal)"),
                ("client_contact", "客户确认", "Confirmed by the client"),
            )
        ),
    )
    yield Fields(
        (
            (c.pick("评估快照", "Assessment"), Cell((Run(c.a.id, code=True),))),
            (c.pick("哈希树根（SHA-256）", "Root of the hash tree (SHA-256)"), Cell((Run(root, code=True),))),
        ),
        c.pick("证据完整性", "Integrity of the evidence"),
    )
    yield Paragraph(text(c.t(HASH_NOTE)), "note")


def contents(c: Context) -> Iterator[Block]:
    """Table of contents."""
    yield PageBreak()
    yield Contents(c.pick("目录", "Contents"))


def summary(c: Context) -> Iterator[Block]:
    """One page: five sentences, the heat map, the gravest risks, the next ninety days."""
    yield PageBreak()
    yield Heading(1, c.pick("管理摘要", "Management summary"), "summary", "plain")
    yield Bullets(tuple(sentences(c)), ordered=True)
    if c.a.risks and c.scope.risks:
        yield Figure(heatmap.draw(c.a, c.lang), heatmap_alt(c), width=0.66)
        yield from _top(c)
    elif c.scope.frameworks:
        yield from totals(c, judged(c))
    if c.variant != "indicators":
        yield from _ninety_days(c)


def heatmap_alt(c: Context) -> str:
    """What the heat map shows, in words."""
    places = [f"{risk.number}: {c.grade(risk.grade)}" for risk in c.ranked[:20]]
    return c.say("风险矩阵：{risks}", "Risk matrix: {risks}", risks=c.join(places))


def sentences(c: Context) -> Iterator[tuple[Run, ...]]:
    """The five sentences; each has its own way of saying that something is not known."""
    a = c.a
    frames = sum(int(row.get("frames") or 0) for row in a.captures)
    observed = sum(asset.observed for asset in a.site.assets)
    yield c.runs(
        "本次评估分析了 {captures} 份抓包、{frames} 个报文，识别出 {assets} 台设备。",
        "The assessment analysed {captures:capture|captures} with {frames:frame|frames} and found"
        " {assets:device|devices}.",
        captures=len(a.captures),
        frames=frames,
        assets=observed,
    )
    if c.scope.frameworks and not c.scope.risks:
        yield from _compared(c)
    elif c.variant != "indicators":
        yield from _gravest(c)
    yield from _limits(c)
    if c.variant != "indicators":
        yield from _outlook(c)


def _gravest(c: Context) -> Iterator[tuple[Run, ...]]:
    if not c.a.risks:
        yield c.runs(
            "在现有覆盖范围和资料内没有形成风险条目，这不表示没有风险。",
            "Within this coverage and these records no risk was derived; that does not mean that there is none.",
        )
        return
    high = sum(r.grade >= 4 for r in c.a.risks)
    yield c.runs(
        "形成 {findings} 项发现和 {risks} 条风险，其中高及以上 {high} 条、中 {medium} 条。"
        if high
        else "形成 {findings} 项发现和 {risks} 条风险，其中没有高及以上的，中 {medium} 条。",
        "There are {findings:finding|findings} and {risks:risk|risks}, {high} of them high or very high and {medium}"
        " medium."
        if high
        else "There are {findings:finding|findings} and {risks:risk|risks}, none of them high or very high and {medium}"
        " medium.",
        findings=sum(f.status not in ("fixed", "false_positive") for f in c.a.findings),
        risks=len(c.a.risks),
        high=high,
        medium=sum(r.grade == 3 for r in c.a.risks),
    )
    top = c.ranked[0]
    finding = c.findings.get(top.finding)
    yield c.runs(
        "最需要重视的是{title}（{number}，{grade}）：{why}",
        "What matters most: {title} ({number}, {grade}). {why}",
        title=top.scenario if finding is None else finding.title,
        number=Run(top.number, ref=f"risk-{top.id}"),
        grade=c.grade(top.grade),
        why=top.scenario if finding is None else finding.why,
    )


def _compared(c: Context) -> Iterator[tuple[Run, ...]]:
    """What the variant of one framework says instead of risks."""
    packs = judged(c)
    if not packs:
        yield c.runs(
            "本次评估未选用与本报告对应的标准数据包，因此没有逐条结论。",
            "No pack that this report is about was selected, so there are no verdicts.",
        )
    for pack in packs:
        counts = c.outcomes(pack.id)
        yield c.runs(
            "对照《{title}》给出 {n} 条结论：{counts}。",
            "Against “{title}” there are {n:verdict|verdicts}: {counts}.",
            title=pack.title,
            n=counts.total(),
            counts=c.join(f"{word} {number}" for word, number in counts.most_common()),
        )
    if c.chosen:
        first = c.chosen[0]
        yield c.runs(
            "最需要重视的是{title}（{number}）：{why}",
            "What matters most: {title} ({number}). {why}",
            title=first.title,
            number=Run(first.number, ref=f"finding-{first.id}"),
            why=first.why,
        )


def _limits(c: Context) -> Iterator[tuple[Run, ...]]:
    coverage = c.a.coverage
    unseen = sum(not row.get("seen") for row in coverage.zones)
    clashes = len(c.a.contradictions)
    if coverage.share is None:
        yield c.runs(
            "客户未提供分区方案，无法给出整体可见度；结论只适用于抓包点所见的通信。",
            "There is no zone plan, so the visibility of the whole cannot be stated; the conclusions hold for the"
            " traffic that passed the taps.",
        )
        return
    parts = c.runs(
        "整体可见度为 {share}（各区域设备全部见到、抓满一天且无丢失为 100%）",
        "Visibility is {share} (100% is every device of every zone, for a whole day, without loss)",
        share=c.visibility(coverage.share, unseen < len(coverage.zones)),
    )
    if unseen:
        parts += c.runs("，{n} 个区域没有见到任何流量", "; {n:zone|zones} showed no traffic at all", n=unseen)
    frameworks = {pack.id for pack in c.packs}
    unassessable = sum(r.outcome == Outcome.NOT_ASSESSABLE and r.framework in frameworks for r in c.a.controls)
    if unassessable:
        parts += c.runs(
            "；{n} 项要求须到现场核查", "; {n:requirement needs|requirements need} a check on site", n=unassessable
        )
    if clashes:
        parts += c.runs("；{n} 处答复与流量矛盾", "; {n:answer contradicts|answers contradict} the traffic", n=clashes)
    yield (*parts, Run(c.pick("。", ".")))


def _outlook(c: Context) -> Iterator[tuple[Run, ...]]:
    soon = [
        f for f in c.a.findings if f.remediation and f.remediation.horizon in ("quick", "90-day") and _due(f.status)
    ]
    business = c.a.business
    after = business.get("after") or {}
    if c.scope.risks and soon and business.get("score") and after.get("score"):
        yield c.runs(
            "90 天内可完成 {soon} 项整改；全部措施落实并验证后，"
            "业务风险由 {before}（{grade}）降至 {score}（{after}）。",
            "Within 90 days {soon:measure|measures} can be done; once all are in place and verified, the business"
            " risk falls from {before} ({grade}) to {score} ({after}).",
            soon=len(soon),
            before=str(business["score"]),
            grade=c.grade(business.get("grade")),
            score=str(after["score"]),
            after=c.grade(after.get("grade")),
        )
    elif soon:
        yield c.runs(
            "90 天内可完成 {soon} 项整改。", "Within 90 days {soon:measure|measures} can be done.", soon=len(soon)
        )
    else:
        open_questions = sum(is_open(row) for row in c.a.questionnaire if row.get("status") != "skipped")
        if open_questions:
            yield c.runs(
                "下一步：答复尚未回答的 {n} 个问题，并补充覆盖不足处的抓包。",
                "Next: answer the {n:open question|open questions} and capture where the coverage is thin.",
                n=open_questions,
            )
        else:
            yield c.runs(
                "下一步：提供分区方案和资产清单，并在覆盖不足处补充抓包。",
                "Next: provide a zone plan and a list of assets, and capture where the coverage is thin.",
            )


def _due(status: str) -> bool:
    return status in ("open", "reopened")


def _top(c: Context) -> Iterator[Block]:
    """The gravest risks, by the title of their finding: one line each, so that the page stays one page."""
    chosen: dict[str, Risk] = {}
    for risk in c.ranked:
        chosen.setdefault(risk.finding, risk)
    yield from c.table(
        ("最严重的风险", "Gravest risks"),
        (
            ("编号", "No.", 0.9),
            ("风险", "Risk", 5),
            ("分值", "Score", 0.9, "right"),
            ("等级", "Grade", 1.2),
            ("处置后", "After", 1.2),
        ),
        (
            row(
                (Run(risk.number, ref=f"risk-{risk.id}"),),
                c.short(risk.scenario if ident not in c.findings else c.findings[ident].title, FIRST),
                risk.score,
                c.grade_cell(risk.grade),
                c.grade_cell(risk.after["grade"]) if risk.after else cell(c.pick("无计划", "not planned")),
            )
            for ident, risk in list(chosen.items())[:TOP]
        ),
        compact=True,
    )


def _ninety_days(c: Context) -> Iterator[Block]:
    places = {risk.finding: place for place, risk in reversed(list(enumerate(c.ranked)))}
    soon = [f for f in c.chosen if f.remediation and f.remediation.horizon in ("quick", "90-day") and _due(f.status)]
    soon.sort(key=lambda f: (places.get(f.id, len(places)), f.number))
    yield from c.table(
        ("未来 90 天", "The next 90 days"),
        (
            ("发现", "Finding", 0.9),
            ("首要措施", "First measure", 4.6),
            ("时限", "When", 1.4),
            ("责任", "Owner", 1.6),
            ("费用", "Cost", 0.7, "center"),
        ),
        (
            row(
                (Run(f.number, ref=f"finding-{f.id}"),),
                c.short(f.remediation.steps[0] if f.remediation.steps else f.title, FIRST),
                c.word(HORIZONS, f.remediation.horizon),
                c.short(c.owner(f.remediation.owner), 24),
                f.remediation.cost_class,
            )
            for f in soon[:TOP]
            if f.remediation
        ),
        compact=True,
        note=c.pick(
            f"共 {len(soon)} 项，全部措施见“整改建议”一章。费用：A 无需采购，B 部门预算内，C 需立项。",
            f"{len(soon)} in all; the chapter “Remediation” has them. Cost: A no purchase, B a department's budget, C a"
            " project.",
        )
        if c.variant != "sme"
        else "",
    )


def one_page(c: Context) -> Iterator[Block]:
    """The report that is one page: for a small firm that moves to the cloud (M21)."""
    yield Heading(1, titles(c.variant)[0].in_(c.lang), "summary", "plain")
    yield Bullets(tuple(sentences(c)), ordered=True)
    yield from _ten_questions(c)
    yield from _ninety_days(c)
    if c.a.coverage.statements:
        yield Callout(c.pick("须知", "Please note"), text(c.t(c.a.coverage.statements[0])))


def _ten_questions(c: Context) -> Iterator[Block]:
    """The sheet of the ten checks, short."""
    sheet = next((sheet for sheet in c.a.sheets if sheet.id == "sme"), None)
    if sheet is None:
        return
    if sheet.empty is not None:
        yield Paragraph(text(c.t(sheet.empty)))
    yield from c.table(
        (sheet.title.zh, sheet.title.en),
        [(title.zh, title.en, float(width)) for title, width in zip(sheet.columns, SHARES, strict=False)],
        (row(*(c.short(c.show(value), FIRST + 12) for value in line[: len(SHARES)])) for line in sheet.rows),
        compact=True,
    )
