"""What the workbook holds: the tables of an assessment as rows with a key that stays the same between runs."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.assess._fields import ASSETS
from sentinel.assess.answers import ENGAGEMENT
from sentinel.assess.model import Assessment, Evidence, Text
from sentinel.assess.sheets.programme import OUTCOMES
from sentinel.assess.snapshot import content
from sentinel.assess.timezones import of_site
from sentinel.report.evidence import EvidenceIndex, digest, five_tuples
from sentinel.report.texts import (
    COSTS,
    EVIDENCE_KINDS,
    HORIZONS,
    KINDS,
    PROVENANCE,
    SEVERITIES,
    STATES,
    STATUS,
    TOPICS,
    TREATMENTS,
)

ALERT_STATES = {
    "open": Text("未处理", "open"), "acknowledged": Text("已确认", "acknowledged"),
    "suppressed": Text("已抑制", "suppressed"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet. `rows` are (key, cells); cells are text, numbers, Text or None."""

    name: Text
    columns: tuple[Text, ...]
    rows: list[tuple[str, tuple[Any, ...]]]


def tables(assessment: Assessment) -> Iterator[Table]:
    """All tables of the workbook, in order."""
    a = assessment
    cited = EvidenceIndex(a)
    assets = {asset.id: asset.name for asset in a.site.assets}
    places: dict[str, Any] = {"site": Text("全厂", "site"), **{zone.id: zone.name for zone in a.site.zones}}
    numbers = {finding.id: finding.number for finding in a.findings}

    def refs(pieces: Iterable[Any]) -> str:
        return ", ".join(cited.numbers(piece for piece in pieces if piece in cited))

    zone, _ = of_site(a.site.engagement)

    def when(piece: Evidence) -> tuple[str | None, ...]:
        traces = cited.traces(piece)
        moments = [trace.time for trace in traces if trace.time is not None]
        first, last = (min(moments), max(moments)) if moments else (None, None)
        local = None if zone is None else _time(first, zone)
        return _time(first), _time(last), local, "\n".join(five_tuples(traces))

    yield _table(
        ("概况", "Summary"), (("项目", "Item"), ("内容", "Value")),
        [("id", (Text("评估编号", "Assessment"), a.id)), ("profile", (Text("风险模型", "Risk profile"), a.profile)),
         ("packs", (Text("依据包", "Packs"), ", ".join(f"{p.id} {p.edition}" for p in a.packs))),
         ("as_of", (Text("资料截至（UTC）", "As of (UTC)"), _time(a.as_of))),
         ("hours", (Text("抓包时长（小时）", "Hours captured"), a.coverage.hours)),
         ("frames", (Text("报文数", "Frames"), a.coverage.frames)),
         *_engagement(a)],
    )  # fmt: skip
    yield _table(
        ("资产", "Assets"),
        (("名称", "Name"), ("类型", "Kind"), ("区域", "Zone"), ("层级", "Level"), ("IP", "IP"), ("MAC", "MAC"),
         ("单元", "Unit"), ("厂商", "Vendor"), ("型号", "Model"), ("固件", "Firmware"), ("序列号", "Serial"),
         ("负责人", "Owner"), ("位置", "Location"), ("在清单中", "Listed"), ("在流量中", "Observed"),
         ("来源", "Provenance")),
        [(x.id, (x.name, KINDS.get(x.kind, x.kind), places.get(x.zone, x.zone), x.level, ", ".join(x.ips),
                 ", ".join(x.macs), x.unit, x.vendor, x.model,
                 x.firmware, x.serial, Text.of(x.owner), Text.of(x.location), x.listed, x.observed,
                 _provenance(x.provenance)))
         for x in a.site.assets],
    )  # fmt: skip
    yield _table(
        ("发现", "Findings"),
        (("编号", "Number"), ("标题", "Title"), ("所见", "Seen"), ("为何重要", "Why"), ("资产", "Assets"),
         ("区域", "Zones"), ("条款", "Controls"), ("技术", "Techniques"), ("状态", "Status"),
         ("首次（UTC）", "First (UTC)"), ("末次（UTC）", "Last (UTC)"), ("证据", "Evidence")),
        [(f.id, (f.number, f.title, f.seen, f.why, ", ".join(assets.get(x, x) for x in f.assets),
                 _listed(places.get(zone, zone) for zone in f.zones),
                 ", ".join(f"{p}:{c}" for p, c in f.controls), ", ".join(f.techniques),
                 STATUS.get(f.status, f.status), _time(f.first_time),
                 _time(f.last_time), refs(f.evidence))) for f in a.findings],
    )  # fmt: skip
    yield _table(
        ("风险", "Risks"),
        (("编号", "Number"), ("发现", "Finding"), ("资产", "Asset"), ("情景", "Scenario"), ("风险值", "Score"),
         ("等级", "Grade"), ("最小", "Low"), ("最大", "High"), ("可能等级", "Grades"), ("关键问题", "Settled by"),
         ("整改后", "After"), ("处置", "Treatment"), ("接受人", "Accepted by")),
        [(r.id, (r.number, numbers.get(r.finding, r.finding), assets.get(r.asset, r.asset), r.scenario,
                 _number(r.score), r.grade,
                 _number(r.low), _number(r.high), ", ".join(map(str, r.grades)), r.settle,
                 _number(r.after.get("score")), TREATMENTS.get(r.treatment, r.treatment),
                 Text.of(r.accepted_by))) for r in a.risks],
    )  # fmt: skip
    yield _table(
        ("风险输入", "Risk inputs"),
        (("风险", "Risk"), ("输入", "Input"), ("值", "Value"), ("来源类别", "Provenance"), ("来源", "Source")),
        [(f"{r.id}/{name}", (r.number, name, i.value, PROVENANCE[i.provenance], i.source))
         for r in a.risks for name, i in r.inputs.items()],
    )  # fmt: skip
    for pack in a.packs:
        wanted = {c.id: c for c in pack.controls}
        yield _table(
            (pack.id, pack.id),
            (("条款", "Control"), ("标题", "Title"), ("要求", "Requirement"), ("范围", "Scope"), ("结论", "Result"),
             ("判定", "Verdict"), ("依据", "Reasons"), ("可观测", "Observability"), ("检查", "Checks"),
             ("问题", "Questions"), ("证据", "Evidence")),
            [(f"{r.control}/{r.scope}",
              (r.control, wanted[r.control].title, wanted[r.control].paraphrase, places.get(r.scope, r.scope),
               r.display,
               OUTCOMES[r.outcome], _join(r.reasons), wanted[r.control].observability.value, ", ".join(r.checks),
               ", ".join(r.questions),
               refs(r.evidence)))
             for r in a.controls if r.framework == pack.id and r.control in wanted],
        )  # fmt: skip
    yield _table(
        ("检查", "Checks"),
        (("检查", "Check"), ("结果", "Result"), ("说明", "Reason"), ("覆盖", "Coverage"), ("观察数", "Observations")),
        [(c.check, (c.check, OUTCOMES[c.outcome], c.reason, c.coverage, len(c.observations))) for c in a.checks],
    )
    yield _table(
        ("观察", "Observations"),
        (("检查", "Check"), ("对象", "Subject"), ("结果", "Result"), ("说明", "Detail"), ("次数", "Count"),
         ("首次（UTC）", "First (UTC)"), ("末次（UTC）", "Last (UTC)"), ("工单", "Ticket"), ("证据", "Evidence")),
        [(o.id, (o.check, assets.get(o.subject, o.subject), OUTCOMES[o.outcome], o.detail, o.count,
                 _time(o.first_time), _time(o.last_time),
                 o.ticket, refs(o.evidence) or _frames(o.evidence))) for c in a.checks for o in c.observations],
    )  # fmt: skip
    yield _table(
        ("矛盾", "Contradictions"), (("问题", "Question"), ("答复", "Said"), ("所见", "Seen"), ("证据", "Evidence")),
        [(c.id, (c.question, c.said, c.seen, refs(c.evidence))) for c in a.contradictions],
    )  # fmt: skip
    yield _table(
        ("问卷", "Questionnaire"),
        (("问题", "Question"), ("主题", "Topic"), ("内容", "Text"), ("答复", "Answer"), ("状态", "State"),
         ("作者", "Author")),
        [(str(q["id"]), (q["id"], TOPICS.get(str(q["topic"]), q["topic"]), q["text"],
                         _cell_value(q.get("label") or q.get("answer")),
                         STATES.get(str(q.get("state")), q.get("state")),
                         Text.of(str(q.get("author") or "")))) for q in a.questionnaire],
    )  # fmt: skip
    yield _table(
        ("安全等级", "Security levels"),
        (("区域", "Zone"), ("FR", "FR"), ("SL-T", "SL-T"), ("SL-A 下限", "SL-A lower"), ("SL-A 上限", "SL-A upper"),
         ("差距", "Gaps")),
        [(f"{s.zone}/{s.fr}", (places.get(s.zone, s.zone), s.fr, s.target, s.lower, s.upper, ", ".join(s.gaps)))
         for s in a.levels],
    )  # fmt: skip
    yield _table(
        ("整改", "Remediation"),
        (("发现", "Finding"), ("步骤", "Steps"), ("期限", "Horizon"), ("窗口", "Window"), ("回退", "Rollback"),
         ("负责人", "Owner"), ("费用", "Cost"), ("验证检查", "Verified by")),
        [(f.id, (f.number, _join(m.steps), HORIZONS.get(m.horizon, m.horizon), m.window, m.rollback, Text.of(m.owner),
                 COSTS.get(m.cost_class, m.cost_class),
                 m.verification_check)) for f in a.findings if (m := f.remediation) is not None],
    )  # fmt: skip
    for sheet in a.sheets:
        if sheet.rows:
            rows = [
                (f"{sheet.id}/{k}", tuple(Text.of(v) if isinstance(v, str) else v for v in row))
                for k, row in enumerate(sheet.rows)
            ]
            yield Table(sheet.title, sheet.columns, rows)
    yield _table(
        ("告警", "Alerts"),
        (("规则", "Rule"), ("标题", "Title"), ("严重度", "Severity"), ("来源", "From"), ("目标", "To"),
         ("次数", "Count"), ("首次（UTC）", "First (UTC)"), ("末次（UTC）", "Last (UTC)"), ("技术", "Techniques"),
         ("状态", "State")),
        [(x["alert"], (x["name"], Text(x["title_zh"], x["title_en"]), SEVERITIES.get(x["severity"], x["severity"]),
                       x["src"], x["dst"], x["count"], _time(x["first_time"]), _time(x["last_time"]),
                       ", ".join(json.loads(x["techniques"] or "[]")), ALERT_STATES.get(x["state"], x["state"])))
         for x in a.alerts],
    )  # fmt: skip
    yield _table(
        ("证据", "Evidence"),
        (("编号", "Number"), ("类型", "Kind"), ("引用", "Reference"), ("抓包 SHA-256", "Capture SHA-256"),
         ("帧", "Frames"), ("首次（UTC）", "First (UTC)"), ("末次（UTC）", "Last (UTC)"),
         ("首次（当地）", "First (local)"), ("两端", "Ends"), ("SHA-256", "SHA-256"), ("被引用于", "Cited by")),
        [(i.number, (i.number, EVIDENCE_KINDS.get(i.evidence.kind, i.evidence.kind), i.evidence.ref, i.evidence.sha256,
                     ", ".join(map(str, i.evidence.frames)), *when(i.evidence), digest(i.evidence),
                     ", ".join(i.used_for)))
         for i in cited],
    )  # fmt: skip


def _table(name: tuple[str, str], columns: Iterable[tuple[str, str]], rows: list[tuple[str, tuple[Any, ...]]]) -> Table:
    return Table(Text(*name), tuple(Text(*pair) for pair in columns), rows)


def _join(texts: Sequence[Text]) -> Text:
    return Text("\n".join(t.zh for t in texts), "\n".join(t.en for t in texts))


def _listed(items: Iterable[Any]) -> Text:
    both = [item if isinstance(item, Text) else Text(str(item), str(item)) for item in items]
    return Text("、".join(t.zh for t in both), ", ".join(t.en for t in both))


def _engagement(a: Assessment) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What was agreed, each in its own language where the English was given beside."""
    stated = a.site.engagement
    for key, value in sorted(stated.items()):
        if not key.endswith("_en"):
            other = stated.get(f"{key}_en")
            yield key, (_word(key), value if other is None else Text(str(value), str(other)))


_ATTRIBUTES = {field.name: field.title for field in ASSETS} | {"cia": Text("机密性、完整性、可用性", "C, I, A")}
_SOURCES = {"wire": Text("实测", "measured"), "list": Text("清单", "list"), "assumed": Text("假定", "assumed")}


def _provenance(sources: Mapping[str, str]) -> Text:
    """Which attribute of a device comes from where."""
    found = []
    for name, said in sorted(sources.items()):
        title = _ATTRIBUTES.get(name, Text(name, name))
        source = _SOURCES.get(said.partition(":")[0], Text(said, said))
        found.append(Text(f"{title.zh} {source.zh}", f"{title.en} {source.en}"))
    return _listed(found)


def _cell_value(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | Text):
        return value
    return json.dumps(content(value), ensure_ascii=False, sort_keys=True)


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _frames(pieces: Iterable[Any]) -> str:
    return "; ".join(f"{p.sha256[:12]} #{','.join(map(str, p.frames))}" for p in pieces if p.frames)


def _time(ns: Any, zone: datetime.tzinfo = datetime.UTC) -> str | None:
    if ns is None:
        return None
    if isinstance(ns, datetime.datetime):
        return ns.strftime("%Y-%m-%d %H:%M:%S")
    return datetime.datetime.fromtimestamp(int(ns) // 1_000_000_000, zone).strftime("%Y-%m-%d %H:%M:%S")


def _word(key: str) -> Text:
    return ENGAGEMENT.get(key, Text(key, key))
