"""Chapter 6: requirement by requirement, what is met, what is not, and where answers and traffic disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sentinel.assess.model import ControlResult, Outcome, Pack
from sentinel.report.chapters._context import Context
from sentinel.report.chapters._figures import figure
from sentinel.report.chapters._totals import displays, judged, results_of, totals
from sentinel.report.document import Block, Callout, Heading, Row, Run, Runs, cell, row, text
from sentinel.report.texts import OUTCOMES, REQUIREMENTS

CONTROLS = 600
"""Rows of one framework in an annex."""
SMALL = 60
"""Verdicts that are printed in the chapter; of a longer list only what is disproved."""
DISPROVED = 60
REASON = 110
"""Characters of the reason of a verdict; the weightiest is printed."""
NAMED = 3
"""Findings that a verdict refers to."""
GAPS = 4
"""Requirements named in one cell."""
SECURITY_LEVELS = "iec-62443"
"""The framework that security levels belong to."""
_AGAINST = (Outcome.VIOLATED, Outcome.CONTRADICTED)


def weaknesses(c: Context) -> Iterator[Block]:
    """Chapter 6."""
    yield Heading(1, c.pick("脆弱性与已有措施", "Weaknesses and existing measures"), "weaknesses")
    packs = judged(c)
    if not packs:
        yield from c.p(
            "本次评估未选用带有逐条要求的标准，因此没有对照结论。",
            "No standard with requirements was selected, so there are no verdicts.",
        )
    else:
        yield Heading(2, c.pick("对照结论汇总", "Verdicts at a glance"), "verdicts")
        yield from totals(c, packs, "tab-verdicts")
    yield from _contradictions(c)
    yield from _confirmed(c)
    for pack in packs:
        yield from _framework(c, pack)
    yield from _levels(c)


def _contradictions(c: Context) -> Iterator[Block]:
    yield Heading(2, c.pick("答复、图纸与流量的矛盾", "Answers and drawings against the traffic"), "contradictions")
    if not c.a.contradictions:
        if c.a.site.answers:
            yield from c.p(
                "覆盖范围内未见与答复相矛盾的流量。", "Within the coverage no traffic contradicts the answers."
            )
        else:
            yield from c.p("尚无答复可与流量对照。", "There are no answers yet to hold against the traffic.")
        return
    yield from c.p(
        "下列答复或声明与抓包不符。在查明原因之前，以流量为准。",
        "These answers or declarations do not agree with the captures. Until the reason is found, the traffic counts.",
    )
    yield from c.table(
        ("答复与流量的矛盾", "Answers contradicted by the traffic"),
        (("问题", "Question", 1.1), ("所述", "Said", 3), ("所见", "Seen", 3.6), ("证据", "Evidence", 1.1)),
        (
            row(
                clash.question,
                c.short(clash.said, 240),
                cell(c.short(clash.seen, 300), "bad"),
                c.cite(clash.evidence, 4) or c.pick("见发现", "see the finding"),
            )
            for clash in c.a.contradictions
        ),
        anchor="tab-contradictions",
    )


def _confirmed(c: Context) -> Iterator[Block]:
    good = [result for result in c.a.checks if result.outcome == Outcome.CONFIRMED]
    if not good:
        return
    yield Heading(2, c.pick("已证实有效的措施", "Measures that were seen at work"), "confirmed")
    yield from c.bullets(c.say("{check}：{reason}", "{check}: {reason}", check=r.check, reason=r.reason) for r in good)


def _framework(c: Context, pack: Pack) -> Iterator[Block]:
    yield Heading(2, c.t(pack.title), f"pack-{pack.id}")
    if pack.watermark is not None:
        yield Callout(c.pick("未核对", "Not checked"), text(c.t(pack.watermark)), "warn")
    results = _ordered(c, pack)
    if len(results) <= SMALL:
        yield from _clauses(c, pack, results, (f"{pack.title.zh}：逐条结论", f"{pack.title.en}: verdicts"), "all")
        return
    yield from _layers(c, pack, results)
    missed = [r for r in results if r.outcome in (Outcome.VIOLATED, Outcome.CONTRADICTED)]
    caption = (
        f"{pack.title.zh}：被流量或答复否定的条款",
        f"{pack.title.en}: requirements that traffic or answers speak against",
    )
    yield from _clauses(c, pack, missed, caption, "missed")
    if c.scope.frameworks:
        yield from c.p("逐条结论见{annex}。", "All verdicts are in {annex}.", annex=Run(ref=f"annex-{pack.id}"))
    else:
        yield from c.p("逐条结论见随附工作簿。", "The workbook holds all verdicts.", "note")


def full_tables(c: Context) -> Iterator[Block]:
    """Annexes with every verdict of the large frameworks, where the report is about them."""
    for pack in judged(c):
        results = _ordered(c, pack)
        if len(results) > SMALL:
            title = c.say("{title}：逐条结论", "{title}: verdicts", title=pack.title)
            yield Heading(1, title, f"annex-{pack.id}", "annex")
            caption = (f"{pack.title.zh}：逐条结论", f"{pack.title.en}: verdicts")
            yield from _clauses(c, pack, results, caption, "all", CONTROLS)


def _ordered(c: Context, pack: Pack) -> list[ControlResult]:
    order = {control.id: index for index, control in enumerate(pack.controls)}
    return sorted(results_of(c, pack), key=lambda r: (order.get(r.control, len(order)), r.control, r.scope))


def _together(c: Context, results: list[ControlResult]) -> list[list[ControlResult]]:
    """Verdicts of one requirement that are the same in several zones, as one line."""
    found: dict[tuple[str, str], list[ControlResult]] = {}
    for result in results:
        found.setdefault((result.control, c.t(result.display)), []).append(result)
    return list(found.values())


def _group(c: Context, result: ControlResult) -> str:
    control = c.controls.get((result.framework, result.control))
    return c.pick("其他", "Other") if control is None else c.t(control.group)


def _layers(c: Context, pack: Pack, results: list[ControlResult]) -> Iterator[Block]:
    """Verdicts counted by layer, part or family of the framework."""
    words = displays(c, results)
    counts: dict[str, Counter[str]] = {}
    for result in results:
        counts.setdefault(_group(c, result), Counter())[c.t(result.display)] += 1
    yield from c.table(
        (f"{pack.title.zh}：按部分计数", f"{pack.title.en}: verdicts by part"),
        (("部分", "Part", 3.4), *((word, word, 1.1, "right") for word in words), ("合计", "Total", 0.8, "right")),
        (
            row(title, *(c.count(found[word]) for word in words), cell(text(c.count(found.total()), bold=True)))
            for title, found in counts.items()
        ),
        anchor=f"tab-layers-{pack.id}",
    )


def _clauses(
    c: Context, pack: Pack, results: list[ControlResult], caption: tuple[str, str], which: str, limit: int = DISPROVED
) -> Iterator[Block]:
    lines: list[Row] = []
    heading = None
    judged_in = {r.scope for r in results_of(c, pack)} - {"site"}
    for some in _together(c, results):
        result = some[0]
        control = c.controls.get((pack.id, result.control))
        title = _group(c, result)
        if title != heading:
            heading = title
            lines.append(Row((cell(text(title, bold=True)),), group=True))
        name = "" if control is None else c.t(control.title)
        name += _where(c, [r.scope for r in some if r.scope != "site"], len(judged_in))
        lines.append(
            row(
                result.control,
                name or c.unknown,
                c.pick("未知", "?") if control is None else control.observability.value,
                c.verdict(result.display, result.outcome),
                _reasons(c, result),
                c.cite((piece for r in some for piece in r.evidence), 3) or c.pick("无", "none"),
            )
        )
    yield from c.table(
        caption,
        (
            ("条款", "Clause", 1.15),
            ("要求", "Requirement", 2.2),
            ("可见", "Obs.", 0.6, "center"),
            ("结论", "Verdict", 1.2),
            ("理由", "Reason", 3.6),
            ("证据", "Evidence", 1.15),
        ),
        lines,
        anchor=f"tab-controls-{which}-{pack.id}",
        limit=limit,
        note=c.pick(
            "可见：T 流量可证明不符合且通常可证实符合；P 流量可证明不符合或其中一部分；I 只能访谈、查阅或现场核查。"
            "理由只列最主要的一条，全部理由见工作簿。",
            "Obs.: T traffic can disprove and usually confirm; P traffic can disprove, or tell part of it; I"
            " interview, documents or a look on site only. The weightiest reason is printed; the workbook has all.",
        ),
    )


def _where(c: Context, zones: list[str], judged_in: int) -> str:
    """The zones that a verdict is about, on a line of its own; all of them are counted, not listed."""
    if not zones:
        return ""
    if len(zones) == judged_in > 1:
        return c.pick(f"\n区域：受评的 {judged_in} 个区域", f"\nZones: all {judged_in} that were judged")
    names = c.join(map(c.zone_name, zones))
    return c.pick(f"\n区域：{names}", f"\nZone: {names}" if len(zones) == 1 else f"\nZones: {names}")


def _reasons(c: Context, result: ControlResult) -> Runs:
    """The weightiest reason in short, and the findings that tell the whole story."""
    told = c.short(result.reasons[0], REASON) if result.reasons else c.word(OUTCOMES, result.outcome)
    name = (result.framework, result.control)
    found = [f for f in c.chosen if name in f.controls][:NAMED] if result.outcome in _AGAINST else []
    runs = [Run(told)]
    for at, finding in enumerate(found):
        see = c.pick("\n见发现 ", "\nSee finding " if len(found) == 1 else "\nSee findings ")
        runs.append(Run(see if at == 0 else c.pick("、", ", ")))
        runs.append(Run(finding.number, ref=f"finding-{finding.id}"))
    return tuple(runs)


def _first(c: Context, names: tuple[str, ...]) -> str:
    more = c.pick(f"，另 {len(names) - GAPS} 项", f", and {len(names) - GAPS} more") if len(names) > GAPS else ""
    return c.join(names[:GAPS]) + more


def _levels(c: Context) -> Iterator[Block]:
    # what is compared with one other framework alone has no security levels
    if not c.a.levels or (c.scope.frameworks and SECURITY_LEVELS not in c.scope.frameworks):
        return
    yield Heading(2, c.pick("安全等级区间（IEC 62443-3-3）", "Security levels (IEC 62443-3-3)"), "levels")
    yield from c.p(
        "SL-A 以区间表示：下限为要求均已证实的最高等级，上限为把未知项全部视为满足时的等级。"
        "被流量证明不满足的要求同时限制下限和上限。",
        "SL-A is an interval. Its lower end is the highest level whose requirements are all confirmed; its upper end"
        " counts everything unknown as met. A requirement that traffic disproves limits both.",
    )
    yield figure(
        c,
        "levels",
        ("SL-A 区间与 SL-T", "SL-A intervals and SL-T"),
        (
            "每个区域七项基本要求的安全等级区间，数值见下表。",
            "Intervals for the seven foundational requirements of each zone; the numbers are in the table below.",
        ),
    )
    lines: list[Row] = []
    zone = None
    for level in c.a.levels:
        if level.zone != zone:
            zone = level.zone
            lines.append(Row((cell(text(c.zone_name(zone), bold=True)),), group=True))
        short, tone = level.upper < level.target, "unknown"
        if short:
            tone = "bad"
        elif level.target and level.lower >= level.target:
            tone = "good"
        state = (
            c.pick("未设目标", "no target")
            if not level.target
            else c.pick("达不到目标", "cannot reach it")
            if short
            else (
                c.pick("已证实达到", "proven")
                if level.lower >= level.target
                else c.pick("可能达到，未证实", "possible, not proven")
            )
        )
        lines.append(
            row(
                f"{level.fr} {c.word(REQUIREMENTS, level.fr)}",
                str(level.target),
                f"[{level.lower}, {level.upper}]",
                cell(state, tone if level.target else ""),
                _first(c, level.gaps) or c.pick("无", "none"),
                _first(c, level.disproved) or c.pick("无", "none"),
            )
        )
    yield from c.table(
        ("SL-T 与 SL-A 区间", "SL-T and the interval of SL-A"),
        (
            ("基本要求", "Requirement", 2.6),
            ("SL-T", "SL-T", 0.75, "center"),
            ("SL-A", "SL-A", 0.8, "center"),
            ("状态", "State", 1.7),
            ("限制下限的要求", "What limits the lower end", 2.4),
            ("流量证明不满足", "Disproved by traffic", 1.7),
        ),
        lines,
        anchor="tab-levels",
    )
