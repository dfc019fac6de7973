"""The annexes: inputs of every risk, tables of the calculation, questions, evidence, captures, packs, tools."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from sentinel.assess.model import Evidence, Text
from sentinel.report.chapters._context import ROWS_IN_ANNEX, Context, is_open
from sentinel.report.document import Block, Callout, Cell, Heading, Row, Run, Runs, cell, row, text
from sentinel.report.evidence import Numbered, five_tuples, frames_in_words
from sentinel.report.hashtree import leaves
from sentinel.report.profile import profile, words
from sentinel.report.texts import EVIDENCE_KINDS, INPUTS, MORE, OUTCOMES, PROVENANCE, STATES, TOPICS, side

INPUT_ROWS = 600
EVIDENCE_ROWS = 600


def inputs(c: Context) -> Iterator[Block]:
    """Each number that went into a risk, with where it comes from."""
    if not c.a.risks:
        return
    yield Heading(1, c.pick("风险计算输入", "Inputs of the risks"), "annex-inputs", "annex")
    yield from c.p(
        "下表列出每条风险的全部输入值、来源性质和出处，可据此手工复算。",
        "All inputs of each risk, what kind of source they have, and the source, so that each can be computed again"
        " by hand.",
    )
    yield from c.p(
        "符号：{letters}。",
        "Symbols: {letters}.",
        "note",
        letters=c.join(f"{letter} {c.t(word)}" for letter, word in INPUTS.items()),
    )
    lines: list[Row] = []
    for risk in c.ranked:
        computed = c.pick("，", ", ").join(
            f"{name} {risk.values[name]}" for name in ("AV", "T", "Ve", "L", "F", "R") if name in risk.values
        )
        title = f"{risk.number} {c.t(risk.scenario)}" + (
            c.pick(f"（{computed}）", f" ({computed})") if computed else ""
        )
        lines.append(Row((cell(text(title, bold=True)),), group=True))
        # inputs that come from the same source stand in one line
        by_source: dict[tuple[str, str], list[str]] = {}
        for letter, given in risk.inputs.items():
            source = (c.word(PROVENANCE, given.provenance), c.t(given.source) or c.unknown)
            by_source.setdefault(source, []).append(f"{letter} = {given.value}")
        lines.extend(row(c.join(values), kind, source) for (kind, source), values in by_source.items())
        after = [f"{letter} = {_value(value)}" for letter, value in sorted((risk.after.get("inputs") or {}).items())]
        if after:
            lines.append(
                row(
                    c.join(after),
                    c.pick("处置后", "after treatment"),
                    c.pick("措施落实并验证", "measure done and verified"),
                )
            )
    yield from c.table(
        ("风险计算输入", "Inputs of the risks"),
        (
            ("输入值", "Inputs", 3),
            ("性质", "Kind", 1.2),
            ("出处", "Source", 4),
        ),
        lines,
        anchor="tab-inputs",
        limit=INPUT_ROWS,
    )


def _value(value: Any) -> str:
    return str(value.get("value") if isinstance(value, Mapping) else value)


def tables(c: Context) -> Iterator[Block]:
    """The tables of the profile."""
    values = profile(c.a.profile)
    if not values or not c.a.risks:
        return
    yield Heading(1, c.pick("计算方法的取值表", "Tables of the calculation"), "annex-profile", "annex")
    simple = (
        ("capability", "威胁能力 Tc", "Threat capability Tc"),
        ("reach", "可达性 reach", "Reach"),
        ("measures", "已有措施 E", "Existing measure E"),
    )
    for key, zh, en in simple:
        lines = [row(str(item["value"]), c.t(words(item["meaning"]))) for item in values.get(key) or ()]
        yield from c.table(
            (zh, en), (("取值", "Value", 0.8, "center"), ("含义", "Meaning", 6)), lines, anchor=f"tab-profile-{key}"
        )
    yield from _frequency(c, values.get("frequency") or {})
    exposures = values.get("exposures") or {}
    yield from c.table(
        ("无 CVSS 向量的弱点的基值 e0", "Base e0 of weaknesses without a CVSS vector"),
        (("取值", "Value", 0.8, "center"), ("含义", "Meaning", 6)),
        (row(str(item["value"]), c.t(words(item["meaning"]))) for item in exposures.values()),
        anchor="tab-exposures",
    )
    yield from _consequences(c, values.get("consequences") or {})
    kinds = values.get("kinds") or {}
    yield from c.table(
        ("按设备类型的缺省赋值", "Defaults by kind of device"),
        (
            ("类型", "Kind", 3),
            *((k, k, 0.8, "center") for k in ("C", "I", "A")),
            ("业务承载性", "Bearing", 1.2, "center"),
            ("Vi", "Vi", 0.8, "center"),
        ),
        (
            row(
                c.t(words(item["title"])),
                *(str(item.get(k, "")) or c.unknown for k in ("C", "I", "A", "bearing", "Vi")),
            )
            for item in kinds.values()
        ),
        anchor="tab-kind-defaults",
    )


def _frequency(c: Context, values: Mapping[str, Any]) -> Iterator[Block]:
    if not values:
        return
    lines = [
        row(
            str(values.get("inapplicable")), c.pick("该技术在区域内不适用", "the technique cannot be used in the zone")
        ),
        row(str(values.get("prior")), c.pick("未见事件（行业先验）", "no event (prior of the sector)")),
    ]
    last = "0"
    for item in values.get("bins") or ():
        lines.append(row(str(item["value"]), f"{last} < r ≤ {item['to']}"))
        last = item["to"]
    lines.append(row(str(values.get("above")), f"r > {last}"))
    yield from c.table(
        ("威胁频率 Tf", "Threat frequency Tf"),
        (("取值", "Value", 0.8, "center"), ("条件", "Where", 6)),
        lines,
        anchor="tab-frequency",
        note=c.say(
            "r 为每 {days} 天内该技术组未被工单解释的事件数。",
            "r: events of the technique group in {days} days that no ticket explains.",
            days=values.get("per_days"),
        ),
    )


def _consequences(c: Context, values: Mapping[str, Any]) -> Iterator[Block]:
    columns = values.get("columns") or {}
    classes = values.get("classes") or {}
    yield from c.table(
        ("后果分级 Vi", "Consequence classes Vi"),
        (("级别", "Class", 0.7, "center"), *((str(t["zh"]), str(t["en"]), 2.0) for t in columns.values())),
        (
            row(str(grade), *(c.t(words(cells[name])) if name in cells else c.unknown for name in columns))
            for grade, cells in sorted(classes.items(), key=lambda item: -int(item[0]))
        ),
        anchor="tab-consequences",
    )


def checks(c: Context) -> Iterator[Block]:
    """What each check of the library said."""
    if not c.a.checks:
        return
    yield Heading(1, c.pick("检查结果", "Results of the checks"), "annex-checks", "annex")
    yield from c.table(
        ("检查结果", "Results of the checks"),
        (
            ("检查", "Check", 0.8),
            ("结果", "Result", 1.5),
            ("覆盖度", "Coverage", 0.9, "right"),
            ("所见", "Seen", 0.7, "right"),
            ("理由", "Reason", 4.6),
        ),
        (
            row(
                result.check,
                cell(c.word(OUTCOMES, result.outcome), c.tone(result.outcome)),
                c.percent(result.coverage) if result.coverage is not None else c.pick("不适用", "n/a"),
                c.count(len(result.observations)),
                c.t(result.reason) or c.unknown,
            )
            for result in c.a.checks
        ),
        anchor="tab-checks",
        limit=ROWS_IN_ANNEX,
        note=c.pick("“所见”为该检查形成的观察条数。", "“Seen” counts the observations of the check."),
    )


def questionnaire(c: Context) -> Iterator[Block]:
    """Questions and answers; those that earlier answers make needless are only counted."""
    asked = [q for q in c.a.questionnaire if q.get("status") != "skipped"]
    if not asked:
        return
    yield Heading(1, c.pick("访谈问卷", "Questionnaire"), "annex-questions", "annex")
    yield from c.p(
        "共提出 {n} 个问题，{open} 个尚未答复；另有 {skipped} 个因前面的答复而不需要回答。",
        "{n:question was|questions were} asked, {open} of them not answered yet; {skipped} more were not needed"
        " after earlier answers.",
        n=len(asked),
        open=sum(is_open(q) for q in asked),
        skipped=len(c.a.questionnaire) - len(asked),
    )
    lines: list[Row] = []
    topic = None
    for q in asked:
        if q.get("topic") != topic:
            topic = q.get("topic")
            title = c.word(TOPICS, str(topic or "")) or c.pick("其他", "Other")
            lines.append(Row((cell(text(title, bold=True)),), group=True))
        lines.append(row(str(q["id"]), c.show(q.get("text")), _answer(c, q), _who(c, q)))
    yield from c.table(
        ("问题与答复", "Questions and answers"),
        (("编号", "No.", 1), ("问题", "Question", 3.6), ("答复", "Answer", 2.2), ("依据", "Basis", 2)),
        lines,
        anchor="tab-questions",
        limit=ROWS_IN_ANNEX,
    )


def _answer(c: Context, q: Mapping[str, Any]) -> Cell:
    if is_open(q):
        return cell(c.pick("未答复", "not answered"), "unknown")
    return cell(c.short(c.show(q.get("label") or q["answer"]), 240))


def _who(c: Context, q: Mapping[str, Any]) -> Runs:
    """State of the answer, who gave it, or what the wire proves it with."""
    if is_open(q):
        return text(c.pick("无", "none"))
    state = str(q.get("state") or "")
    who = "" if state == "wire" else side(str(q.get("author") or ""), c.lang)
    words = c.join([c.word(STATES, state) if state else "", who])
    for more in (q.get("reason"), q.get("note")):
        if isinstance(more, Text | str) and c.t(more):
            words = "\n".join(filter(None, (words, side(c.t(more), c.lang))))
    proof = tuple(piece for piece in q.get("proof") or () if isinstance(piece, Evidence))
    return text(words) + (Run("\n"), *c.cite(proof, 3)) if proof else text(words or c.pick("无", "none"))


def evidence(c: Context) -> Iterator[Block]:
    """The evidence index; a variant lists what its own chapters, all of which stand before, lead to."""
    yield Heading(1, c.pick("证据索引", "Evidence index"), "annex-evidence", "annex")
    listed = [piece for piece in c.evidence if c.variant == "full" or piece.number in c.cited]
    if not listed:
        yield from c.p("没有被引用的证据。", "No evidence is cited.")
        return
    if len(listed) < len(c.evidence):
        yield from c.p(
            "本报告引用 {n} 项证据，编号与完整报告一致；全部 {all} 项见证据包的索引。",
            "This report cites {n:piece|pieces} of evidence, numbered as in the full report; the index of the evidence"
            " bundle has all {all}.",
            n=len(listed),
            all=len(c.evidence),
        )
    yield from c.p(
        "报文编号为 Wireshark 所示的帧号；抓包的 SHA-256 见{captures}。",
        "Frame numbers are those that Wireshark shows; the SHA-256 of each capture is in {captures}.",
        captures=Run(ref="annex-captures"),
    )
    yield from _clock(c)
    yield from c.table(
        ("证据索引", "Evidence index"),
        (("编号", "No.", 0.95), ("类型", "Kind", 0.9), ("内容", "What", 4.6), ("用于", "Cited for", 1.8)),
        (
            row(
                Cell((Run(piece.number, bold=True),), anchor=f"ev-{piece.number}"),
                c.word(EVIDENCE_KINDS, piece.evidence.kind),
                _piece(c, piece),
                _uses(c, piece),
            )
            for piece in listed
        ),
        anchor="tab-evidence",
        limit=EVIDENCE_ROWS,
    )


def _clock(c: Context) -> Iterator[Block]:
    """Whose clock the local times are."""
    zone, name = c.clock
    if zone is not None:
        yield from c.p(
            "“当地”时间按项目信息登记的时区 {zone} 换算。"
            "箭头两端为报文的源与目的地址和端口；仅以首末报文引用的会话，为客户端与服务端。",
            "“Local” times are in the time zone {zone}, as stated for the engagement. The arrow leads from source to"
            " destination with their ports; for a conversation cited by its first and last frame, from client to"
            " server.",
            zone=name,
        )
    elif name:
        yield from c.p(
            "项目信息登记的时区 {zone} 不为本机所知，时间只以 UTC 表示。",
            "The time zone {zone} stated for the engagement is not known on this machine, so times are in UTC only.",
            zone=name,
        )
    else:
        yield from c.p(
            "未登记现场的时区，时间只以 UTC 表示。",
            "Nobody stated the time zone of the site, so times are in UTC only.",
        )
    offset = c.a.site.engagement.get("clock_offset")
    if offset is None:
        yield from c.p(
            "时间取自采集主机的时钟，其偏差未经测量。",
            "All times are those of the capturing host's clock, whose error was not measured.",
        )
    else:
        yield from c.p(
            "时间取自采集主机的时钟；据项目信息，该时钟减标准时间为 {n} 秒，表中时间未作修正。",
            "All times are those of the capturing host's clock. It was stated to differ from the true time by {n}"
            " s (its time less the true time); the times in the table are not corrected for that.",
            n=offset,
        )


USES = 5
"""Findings, clauses and sheets that a line of the index names as resting on it; the rest is counted."""
TUPLES = 2
"""Pairs of ends that a line of the index names; the rest is counted."""


def _piece(c: Context, piece: Numbered) -> Runs:
    e = piece.evidence
    if e.kind == "coverage":
        return text(c.pick("第 2 章所述覆盖范围", "the coverage that chapter 2 states"))
    parts: list[Run] = []
    if e.ref:
        parts.append(Run(e.ref, code=True))
        question = next((q for q in c.a.questionnaire if q["id"] == e.ref), None)
        if question is not None and question.get("text"):
            parts.append(Run(" " + c.t(question["text"])))
    if e.frames:
        name = next((str(row.get("path", "")) for row in c.a.captures if row["sha256"] == e.sha256), "")
        shown = frames_in_words(e.frames, {"more": MORE}, c.lang)
        parts.append(Run(f"{' · ' if parts else ''}{name.rsplit('/', 1)[-1] or e.sha256[:16]} "))
        parts.append(Run(c.pick(f"帧 {shown}", f"frames {shown}" if len(e.frames) > 1 else f"frame {shown}")))
        traces = c.evidence.traces(e)
        moments = [trace.time for trace in traces if trace.time is not None]
        if moments:
            parts.append(Run(f"\n{c.times(min(moments), max(moments))}"))
        pairs = five_tuples(traces)
        if pairs:
            more = c.t(MORE).format(len(pairs) - TUPLES) if len(pairs) > TUPLES else ""
            parts.append(Run("\n" + "\n".join(pairs[:TUPLES]) + more, code=True))
    return tuple(parts) or text(c.unknown)


def _uses(c: Context, piece: Numbered) -> str:
    """What cites a piece: a clause by the edition of its framework, which is said once, and a sheet by its title."""
    editions = {pack.id: pack.edition.partition(" (")[0] for pack in c.a.packs}
    titles = {sheet.id: c.t(sheet.title) for sheet in c.a.sheets}
    words, last = [], ""
    for use in piece.used_for[:USES]:
        framework, _, clause = use.partition(" ")
        if framework in editions and clause:
            words.append(clause if framework == last else f"{editions[framework]} {clause}")
            last = framework
        else:
            words.append(titles.get(use, use))
            last = ""
    rest = len(piece.used_for) - USES
    return c.join(words) + (c.t(MORE).format(rest) if rest > 0 else "")


def captures(c: Context) -> Iterator[Block]:
    """The captures with their hashes, and the leaves of the hash tree."""
    yield Heading(1, c.pick("抓包清单与校验值", "Captures and hashes"), "annex-captures", "annex")
    if not c.a.captures:
        yield from c.p("案例中没有抓包。", "The case holds no capture.")
    yield from c.table(
        ("抓包清单", "Captures"),
        (
            ("序号", "No.", 0.6, "right"),
            ("文件与 SHA-256", "File and SHA-256", 5.2),
            ("报文", "Frames", 1.2, "right"),
            ("起止（UTC）", "From – to (UTC)", 2.4),
            ("重复", "Duplicates", 0.9, "right"),
            ("丢失", "Dropped", 0.9, "right"),
        ),
        (
            row(
                str(entry["capture"]),
                (Run(PurePath(str(entry.get("path", ""))).name + "\n"), Run(str(entry["sha256"]), code=True)),
                c.count(entry.get("frames")),
                _between(c, entry),
                c.count(entry.get("duplicates")),
                c.count(entry.get("dropped")),
            )
            for entry in c.a.captures
        ),
        anchor="tab-captures",
        limit=ROWS_IN_ANNEX,
        compact=True,
    )
    yield from c.p(
        "哈希树的叶子依次为评估快照（canonical JSON）和按校验值排序的全部抓包的 SHA-256。",
        "The leaves of the hash tree are, in this order, the SHA-256 of the assessment (canonical JSON) and those of"
        " all captures, sorted.",
    )
    yield from c.table(
        ("哈希树的叶子", "Leaves of the hash tree"),
        (("序号", "No.", 0.6, "right"), ("内容", "What", 3), ("SHA-256", "SHA-256", 6)),
        (
            row(str(i), name.rsplit("/", 1)[-1], (Run(digest, code=True),))
            for i, (name, digest) in enumerate(leaves(c.a), 1)
        ),
        anchor="tab-leaves",
        limit=ROWS_IN_ANNEX,
        compact=True,
    )


def _between(c: Context, entry: Mapping[str, Any]) -> str:
    ends = [c.time(entry.get(name)) for name in ("first_time", "last_time")]
    return "\n".join(end for end in ends if end) or c.unknown


def packs(c: Context) -> Iterator[Block]:
    """Where the clauses come from, and whether somebody checked them."""
    if not c.packs:
        return
    yield Heading(1, c.pick("数据包", "Packs"), "annex-packs", "annex")
    for pack in c.packs:
        if pack.watermark is not None:
            yield Callout(f"{c.t(pack.title)} {pack.edition}", text(c.t(pack.watermark)), "warn")
    yield from c.table(
        ("数据包", "Packs"),
        (
            ("编号", "Id", 2),
            ("版本", "Edition", 2),
            ("出处", "Source", 3),
            ("条款计数校验", "Counts checked", 2),
            ("核对", "Checked", 1.8),
        ),
        (
            row(
                pack.id,
                pack.edition,
                pack.source or c.unknown,
                c.say("{n} 项计数", "{n:count|counts}", n=len(pack.checksum) or None) or c.pick("无", "none"),
                c.join([pack.verified_by, pack.verified_on or ""])
                if pack.verified_by
                else cell(c.pick("未核对", "not checked"), "warn"),
            )
            for pack in c.packs
        ),
        anchor="tab-pack-list",
    )


def tools(c: Context) -> Iterator[Block]:
    """What made the report."""
    yield Heading(1, c.pick("工具与版本", "Tools and versions"), "annex-tools", "annex")
    yield from c.table(
        ("工具与版本", "Tools and versions"),
        (("工具", "Tool", 2), ("版本", "Version", 2), ("用途", "What for", 4)),
        (
            row(
                "Sentinel",
                c.a.program,
                c.pick(
                    "抓包解析、检查、风险计算和报告生成", "reading captures, checks, risk computation and this report"
                ),
            ),
            row("Python", ".".join(platform.python_version_tuple()[:2]), c.pick("运行环境", "runtime")),
        ),
        anchor="tab-tools",
    )
    yield from c.p(
        "相同的抓包、资料和答复产生相同的评估快照（{id}）。本工具只读取抓包文件，不向网络发送报文。",
        "The same captures, records and answers give the same assessment ({id}). The program reads captures and"
        " sends nothing.",
        id=Run(c.a.id, code=True),
    )
