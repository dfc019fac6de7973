"""Chapters 1 and 2: what was ordered and on what basis, how it was done, and how far the captures could see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.chapters._front import engagement
from sentinel.report.document import Block, Callout, Cell, Fields, Heading, Row, Run, cell, row, text
from sentinel.report.profile import matrix, profile, words
from sentinel.report.texts import GRADES

PACK_KINDS = {
    "catalog": ("标准或指南", "standard or guide"),
    "programme": ("政策措施", "programme"),
    "workflow": ("工作流程", "workflow"),
    "method": ("方法", "method"),
    "technique": ("技术知识库", "knowledge base"),
}


def basis(c: Context) -> Iterator[Block]:
    """Chapter 1."""
    yield Heading(1, c.pick("项目与依据", "Project and basis"), "basis")
    yield Heading(2, c.pick("项目概况", "The project"), "project")
    known = (
        ("client", "委托单位", "Client"),
        ("site", "评估地点", "Site"),
        ("process", "生产工艺", "Process"),
        ("organisation", "评估单位", "Assessed by"),
        ("author", "评估人员", "Assessors"),
        ("scope", "评估范围", "Scope"),
        ("authorisation", "授权依据", "Authorisation"),
    )
    lines = [(c.pick(zh, en), cell(value)) for key, zh, en in known if (value := engagement(c, key))]
    if lines:
        yield Fields(tuple(lines))
    else:
        yield from c.p(
            "委托单位、范围和授权信息尚未登记。", "Client, scope and authorisation have not been recorded yet."
        )
    if lines and not engagement(c, "authorisation"):
        yield Callout(
            c.pick("授权", "Authorisation"),
            text(
                c.pick(
                    "案例中没有登记授权书。签批前应补充授权书编号和日期。",
                    "No letter of authorisation is recorded; add its number and date before the report is signed.",
                )
            ),
            "warn",
        )
    yield Heading(2, c.pick("评估依据", "Standards and measures"), "standards")
    if c.packs:
        yield from c.p(
            "下列标准、指南和措施以数据包的形式用于本次评估。条款文字为本工具的转述，引用时以正式文本为准。",
            "These standards, guides and measures were applied as packs. Their clauses are paraphrased; the official"
            " text prevails.",
        )
        yield from c.table(
            ("评估依据", "Standards, guides and measures applied"),
            (
                ("文件", "Document", 3.4),
                ("版本", "Edition", 1.8),
                ("类型", "Kind", 1.3),
                ("条款数", "Clauses", 0.8, "right"),
                ("与正式文本核对", "Checked against the text", 1.9),
            ),
            (
                row(
                    c.t(pack.title),
                    pack.edition,
                    c.pick(*PACK_KINDS[pack.kind]) if pack.kind in PACK_KINDS else pack.kind,
                    c.count(len(pack.controls)) if pack.controls else c.pick("无", "none"),
                    _checked(c, pack),
                )
                for pack in c.packs
            ),
            anchor="tab-packs",
        )
    else:
        yield from c.p(
            "本次评估未选用任何标准数据包，因此没有逐条结论。",
            "No pack of a standard was selected, so there are no verdicts clause by clause.",
        )
    standards = engagement(c, "standards")
    yield from c.p("合同另行指定的依据：{standards}。", "The contract also names: {standards}.", standards=standards)
    yield from _programme(c)


def _checked(c: Context, pack: Any) -> Cell:
    if pack.verified_by:
        return cell(c.join([pack.verified_by, pack.verified_on or ""]), "good")
    return cell(c.pick("未核对", "not checked"), "warn")


def _programme(c: Context) -> Iterator[Block]:
    lines = []
    for pack in (pack for pack in c.packs if pack.kind == "programme"):
        verdicts = {result.control: result for result in c.a.controls if result.framework == pack.id}
        for control in pack.controls:
            found = verdicts.get(control.id)
            lines.append(
                row(
                    control.id,
                    c.t(control.title),
                    c.t(control.group),
                    c.verdict(found.display, found.outcome) if found else cell(c.pick("未判定", "not judged")),
                    _place(c, control.report),
                )
            )
        yield from c.p(
            "{title}（{edition}）自 {start} 起有效，至 {end} 止；是否续期以主管部门公告为准。",
            "{title} ({edition}) is valid from {start} to {end}; whether it was renewed is for the authority to say.",
            title=pack.title,
            edition=pack.edition,
            start=pack.valid_from,
            end=pack.valid_to,
        )
    yield from c.table(
        ("政策条款与本报告的对应", "Clauses of the programme and where this report answers them"),
        (
            ("条款", "Clause", 0.7),
            ("内容", "Subject", 2.6),
            ("出处", "Section", 2.6),
            ("结论", "Verdict", 1.2),
            ("对应章节", "Answered in", 2.2),
        ),
        lines,
        anchor="tab-clauses",
        compact=True,
    )


_CHAPTERS = {
    "2": "method",
    "3": "object",
    "4": "assets",
    "5": "threats",
    "6": "weaknesses",
    "7": "risks",
    "8": "topics",
    "9": "remediation",
}
_CHAPTER = re.compile(r"chapter[-:](\d+)")


def _place(c: Context, place: str) -> tuple[Run, ...]:
    """Where a clause is answered: `chapter-7`, the id of a sheet, or `annex`."""
    chapter = _CHAPTER.match(place)
    if chapter:
        words = c.pick(f"第 {chapter[1]} 章", f"chapter {chapter[1]}")
        return (Run(words, ref=_CHAPTERS.get(chapter[1], "")),)
    name = place.removeprefix("sheet:")
    title = next((c.t(sheet.title) for sheet in c.a.sheets if sheet.id == name), "")
    if title:
        return (Run(title, ref=f"sheet-{name}"),)
    return text(c.pick("附录", "annexes") if name == "annex" else c.pick("全文", "whole report"))


def method(c: Context) -> Iterator[Block]:
    """Chapter 2."""
    yield Heading(1, c.pick("方法与覆盖度", "Methods and coverage"), "method")
    yield Heading(2, c.pick("工作方法", "How the work was done"), "work")
    yield from c.p(
        "数据来自三个方面：在交换机镜像口或分光器上被动采集的抓包，客户提供的资产清单、分区方案、工单等资料，"
        "以及对有关人员的访谈。每项结论都注明出自哪一方面，并给出证据编号，证据索引见附录。",
        "There are three sources: captures taken passively at mirror ports or taps, the client's records (assets,"
        " zones, tickets), and interviews. Each conclusion says which of them it comes from and cites its evidence"
        " by number; the index is in the annexes.",
    )
    yield from c.p(
        "判定结论按证据强弱排列：流量证明不满足、答复与流量矛盾、已证实、已声明但未验证、覆盖范围内未见、无法评估。"
        "“覆盖范围内未见”和“无法评估”都不等于符合。",
        "Verdicts rank by strength of evidence: disproved by traffic, answer contradicted, confirmed, stated but not"
        " verified, not seen within the coverage, not assessable. Neither of the last two counts as compliant.",
    )
    yield Heading(2, c.pick("抓包覆盖度", "Coverage of the captures"), "coverage")
    yield from _coverage(c)
    if c.scope.risks and c.a.risks:
        yield Heading(2, c.pick("风险计算方法", "How risk is computed"), "calculation")
        yield from _calculation(c)


def _coverage(c: Context) -> Iterator[Block]:
    coverage = c.a.coverage
    seen = any(z.get("seen") for z in coverage.zones)
    yield from c.p(
        "整体可见度为 {share}，由各区域见到的设备、抓包时长、丢帧和单向流量折算；100% 表示全部可见。",
        "The visibility of the whole is {share}, from the devices seen in each zone, the hours, lost frames and"
        " one-sided traffic; 100% would be everything.",
        share=None if coverage.share is None else c.visibility(coverage.share, seen),
    )
    yield from c.bullets(c.t(statement) for statement in coverage.statements)
    yield from c.table(
        ("抓包点", "Taps"),
        (
            ("抓包", "Capture", 3),
            ("时长", "Duration", 1.2, "right"),
            ("报文", "Frames", 1.4, "right"),
            ("丢失", "Lost", 1, "right"),
            ("单向", "One-sided", 1.2, "right"),
            ("未识别", "Unknown", 1.25, "right"),
            ("完整", "Complete", 1),
        ),
        (_tap(c, tap) for tap in coverage.taps),
        anchor="tab-taps",
        note=c.pick(
            "“丢失”为采集主机自报的丢帧；“单向”为只见一个方向的 TCP 流；“未识别”为协议未经证实的载荷占比。",
            "“Lost” is what the capturing host reports; “one-sided” the share of TCP flows seen in one direction;"
            " “unknown” the share of payload whose protocol is not proven.",
        ),
    )
    if coverage.zones:
        yield figure(
            c,
            "coverage",
            ("各区域可见度", "Visibility of each zone"),
            (
                "各区域的可见度条形图，数值见下表。",
                "Bars with the visibility of each zone; the numbers are in the table below.",
            ),
        )
        yield from c.table(
            ("区域覆盖情况", "Coverage of the zones"),
            (
                ("区域", "Zone", 3),
                ("流量", "Traffic", 1.2),
                ("时长", "Duration", 1.2, "right"),
                ("报文", "Packets", 1.4, "right"),
                ("可见度", "Visibility", 1.1, "right"),
            ),
            (
                row(
                    c.zone_name(str(z["zone"])),
                    cell(
                        c.pick("见到", "seen") if z.get("seen") else c.pick("未见", "not seen"),
                        "" if z.get("seen") else "warn",
                    ),
                    c.hours(z.get("hours")),
                    c.count(z.get("packets")),
                    c.visibility(z.get("visibility"), bool(z.get("seen"))),
                )
                for z in coverage.zones
            ),
            anchor="tab-zones-seen",
        )
    if not coverage.taps and not coverage.zones:
        yield from c.p(
            "抓包中没有足以统计覆盖度的流量。",
            "The captures hold too little traffic to state a coverage.",
        )


def _tap(c: Context, tap: Mapping[str, Any]) -> Row:
    faulty = tap.get("state") not in (None, "complete")
    cut = int(tap.get("cut") or 0)
    whole = c.pick("未读完", "not read to the end") if faulty else c.pick("是", "yes")
    if cut:
        whole = c.say("{n} 帧被截断", "{n:frame|frames} cut short", n=cut)
    name = str(tap.get("name") or tap.get("path") or tap.get("capture"))
    return row(
        name.rsplit("/", 1)[-1],
        c.hours(tap.get("hours")),
        c.count(tap.get("frames")),
        c.percent(tap.get("loss")),
        c.percent(tap.get("one_sided")),
        c.percent(tap.get("unknown")),
        cell(whole, "warn" if cut or faulty else ""),
    )


def _calculation(c: Context) -> Iterator[Block]:
    values = profile(c.a.profile)
    if values.get("title"):
        yield from c.p(
            "采用的计算方法为“{title}”（{id}）。{note}",
            "The profile is “{title}” ({id}). {note}",
            title=words(values["title"]),
            id=c.a.profile,
            note=words(values["note"]) if values.get("note") else None,
        )
    else:
        yield from c.p("采用的计算方法代号为 {id}。", "The profile is {id}.", id=c.a.profile)
    if values.get("method") == "product":
        yield from c.bullets(
            (
                c.pick(
                    "资产价值：AV 为 Vc、业务承载性与业务重要性之积的立方根，四舍五入到 1 至 5；"
                    "Vc = log2(wC·2^C + wI·2^I + wA·2^A)。",
                    "Asset value: AV is the rounded cube root of Vc × bearing × business importance, 1 to 5; Vc ="
                    " log2(wC·2^C + wI·2^I + wA·2^A).",
                ),
                c.pick("威胁：T = √(Tc·Tf)，由能力与频率得出。", "Threat: T = √(Tc·Tf), of capability and frequency."),
                c.pick(
                    "脆弱性可利用性：Ve = e0 + x + reach − E，限于 1 至 5；E 为已有措施，只有核实有效的才计 2。",
                    "Exploitability: Ve = e0 + x + reach − E, kept within 1 to 5; E is the existing measure and"
                    " counts 2 only where it was verified.",
                ),
                c.pick(
                    "可能性 L = √(T·Ve)，损失 F = √(AV·Vi)，风险值 R = L·F（1 至 25，只用于排序）；等级由 L*、"
                    "F* 查表得出。",
                    "Likelihood L = √(T·Ve), loss F = √(AV·Vi), R = L·F (1 to 25, for ranking only); the grade is"
                    " looked up by L* and F*.",
                ),
                c.pick(
                    "不确定性：口述的输入值和假定的输入值各 ±1 重新计算，给出风险值区间；等级不变的称为稳健。",
                    "Uncertainty: each stated or assumed input is varied by 1; the report gives the interval of R,"
                    " and calls a grade robust that does not change.",
                ),
            )
        )
    table = matrix(c.a.profile)
    if table:
        yield from c.table(
            ("等级矩阵", "Grade by likelihood and loss"),
            (("F* \\ L*", "F* \\ L*", 1, "center"), *((str(i), str(i), 1.2, "center") for i in range(1, 6))),
            (row(cell(str(f)), *(c.grade_cell(table[ell, f]) for ell in range(1, 6))) for f in range(5, 0, -1)),
            anchor="tab-matrix",
        )
    treatments = [
        row(
            c.grade_cell(grade),
            {
                "treat": c.pick("处置", "treat"),
                "decide": c.pick("由责任人决定并签字", "the owner decides and signs"),
                "accept": c.pick("可接受", "may be accepted"),
            }.get(str(_grade(values, grade)), c.unknown),
        )
        for grade in sorted(GRADES, reverse=True)
        if _grade(values, grade)
    ]
    yield from c.table(
        ("接受准则", "Acceptance"),
        (("等级", "Grade", 1), ("处理方式", "What follows", 4)),
        treatments,
        anchor="tab-acceptance",
    )
    if values:
        yield from c.p("其余取值表见{annex}。", "The remaining tables are in {annex}.", annex=Run(ref="annex-profile"))


def _grade(values: Mapping[str, Any], grade: int) -> Any:
    grades = values.get("grades") or {}
    entry = grades.get(grade) or grades.get(str(grade)) or {}
    return entry.get("treatment")
