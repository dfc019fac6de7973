"""The questionnaire: what is asked, whom, when; which answers the capture gives, and which it contradicts.

The questions are data (`rulesets/questionnaire/<topic>.yaml`). An answer is one closed word, `yes`, or a few of them;
what belongs to it (a date, a register) has an id of its own, `Q-IR-01.date`. The capture never changes what a person
said: it answers where nobody did, or stands beside it as a contradiction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sentinel import resources
from sentinel.assess import _fields, _yaml
from sentinel.assess._data import Item
from sentinel.assess._expression import BadExpression, Expression, parse
from sentinel.assess._fields import BadCell
from sentinel.assess.model import (
    Answer,
    CheckResult,
    Conduit,
    Contradiction,
    Evidence,
    Observation,
    Outcome,
    Site,
    Text,
)
from sentinel.errors import Sentence

TOPICS = ("ORG", "POL", "HR", "SUP", "BLD", "OPS", "PHY", "IR", "BCK", "DAT", "CLD", "IDN")
"""In the order in which an interview goes."""
TYPES = ("single", "multi", "number", "date", "text", "file", "table")
CELLS = ("text", "number", "date", "grade")
"""Types of a table's columns."""
MAX_TABLE = 5000
"""Rows of a table that belongs to an answer."""
MAX_PROOF = 5
"""Observations whose evidence is shown as the proof of one answer."""

STATES = {
    "stated": Text("口头陈述", "stated"),
    "documented": Text("有文件", "documented"),
    "verified": Text("已核实", "verified"),
}
WIRE = Text("流量已证明", "seen on the wire")
YES_NO = (
    ("yes", Text("是", "yes")), ("partly", Text("部分", "partly")), ("no", Text("否", "no")),
    ("na", Text("不适用", "does not apply")),
)  # fmt: skip
ROLES = {
    "manager": Text("企业负责人", "management"),
    "security": Text("安全管理员", "security officer"),
    "ot": Text("自动化工程师", "automation engineer"),
    "ops": Text("生产主管", "production manager"),
    "it": Text("网络与信息管理员", "IT administrator"),
    "hr": Text("人力资源", "human resources"),
    "purchasing": Text("采购与合同", "purchasing"),
    "facility": Text("设备与动力", "facility management"),
    "data": Text("数据管理员", "data officer"),
    "cloud": Text("平台或上云负责人", "cloud or platform manager"),
    "identifier": Text("标识节点负责人", "identifier node manager"),
}
_DRAWN = ("SG-01", "SG-04")
"""Checks that hold the drawing of zones and conduits against the traffic."""
MAX_DRAWN = 50


@dataclass(frozen=True, slots=True)
class Detail:
    """What belongs to an answer: a date, a number, a file, a table; answered under `<question>.<name>`."""

    id: str
    type: str
    text: Text
    options: tuple[tuple[str, Text], ...] = ()
    columns: tuple[tuple[str, str, Text], ...] = ()
    """Of a table: name, type, title."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one outcome of a check means for one question: the answer that it gives, or those that it contradicts."""

    check: str
    outcome: Outcome
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the questionnaire."""

    id: str
    topic: str
    text: Text
    why: Text
    type: str
    options: tuple[tuple[str, Text], ...]
    details: tuple[Detail, ...]
    ask_if: Expression | None
    role: Text
    evidence: Text
    """What the consultant asks to see."""
    checks: tuple[str, ...]
    prefill: tuple[Rule, ...]
    challenge: tuple[Rule, ...]


# --- the questions ---------------------------------------------------------------------------------------------------


@cache
def questions() -> dict[str, Question]:
    """Every question by its id, topic by topic; AssessmentError where a file of them is wrong."""
    return load(resources.rulesets() / "questionnaire")


@cache
def topics() -> dict[str, Text]:
    """The topics with their titles, in the order of an interview."""
    return {topic: _file(resources.rulesets() / "questionnaire", topic)["title"].both() for topic in TOPICS}


def load(folder: Path) -> dict[str, Question]:
    """The questions of a folder, one file a topic."""
    found: dict[str, Question] = {}
    for topic in TOPICS:
        members = _file(folder, topic)
        for item in members["questions"].list():
            question = _question(item, topic)
            if question.id in found:
                raise item.wrong(Sentence("{id} is there already", id=question.id))
            found[question.id] = question
    for question in found.values():
        known = {*found, *(detail.id for q in found.values() for detail in q.details)}
        names = question.ask_if.names if question.ask_if is not None else frozenset()
        lost = sorted(name for name in names if not name.startswith("wire.") and name not in known)
        if lost:
            raise Item(str(folder), question.id, None).wrong(
                Sentence("asks for {name}, which is no question", name=lost[0])
            )
    return found


def _file(folder: Path, topic: str) -> dict[str, Item]:
    path = folder / f"{topic.lower()}.yaml"
    members = Item(str(path), "", _yaml.read(path)).fields(("topic", "title", "questions"))
    members["topic"].word((topic,))
    return members


def _question(item: Item, topic: str) -> Question:
    optional = ("type", "options", "details", "ask_if", "checks", "prefill", "challenge")
    got = item.fields(("id", "role", "text", "why", "evidence"), optional)
    id_ = got["id"].word()
    if not id_.startswith(f"Q-{topic}-"):
        raise got["id"].wrong(Sentence("does not begin with Q-{topic}-", topic=topic))
    options = _options(got["options"]) if "options" in got else YES_NO
    condition = None
    if "ask_if" in got:
        try:
            condition = parse(got["ask_if"].word())
        except BadExpression as error:
            raise got["ask_if"].wrong(str(error)) from error
    values = [value for value, _ in options]
    prefill = tuple(_rule(rule, "when", values) for rule in got["prefill"].list()) if "prefill" in got else ()
    challenge = tuple(_rule(rule, "outcome", values) for rule in got["challenge"].list()) if "challenge" in got else ()
    also = got["checks"].words() if "checks" in got else ()
    checks = dict.fromkeys((*(rule.check for rule in (*prefill, *challenge)), *also))
    return Question(
        id_, topic, got["text"].both(), got["why"].both(),
        got["type"].word(("single", "multi")) if "type" in got else "single", options,
        tuple(_detail(detail, id_) for detail in got["details"].list()) if "details" in got else (),
        condition, ROLES[got["role"].word(ROLES)], got["evidence"].both(), tuple(sorted(checks)), prefill, challenge,
    )  # fmt: skip


def _options(item: Item) -> tuple[tuple[str, Text], ...]:
    found = []
    for option in item.list():
        got = option.fields(("value", "zh", "en"))
        found.append((got["value"].word(), Text(got["zh"].word(), got["en"].word())))
    return tuple(found)


def _detail(item: Item, question: str) -> Detail:
    got = item.fields(("name", "type", "text"), ("options", "columns"))
    columns = []
    for column in got["columns"].list() if "columns" in got else ():
        cell = column.fields(("name", "type", "zh", "en"))
        columns.append((cell["name"].word(), cell["type"].word(CELLS), Text(cell["zh"].word(), cell["en"].word())))
    options = _options(got["options"]) if "options" in got else ()
    return Detail(
        f"{question}.{got['name'].word()}", got["type"].word(TYPES), got["text"].both(), options, tuple(columns)
    )


def _rule(item: Item, key: str, values: Sequence[str]) -> Rule:
    got = item.fields(("check", key, "answer"))
    given = got["answer"]
    answers = given.list() if isinstance(given.value, list) else (given,)
    outcome = Outcome(got[key].word([outcome.value for outcome in Outcome]))
    return Rule(got["check"].word(), outcome, tuple(answer.word(values) for answer in answers))


def asked_with(question: Question) -> tuple[Question | Detail, ...]:
    """The question and what belongs to its answer."""
    return (question, *question.details)


def find(id_: str) -> Question | Detail | None:
    """The question of that id, or what belongs to one (`Q-IR-01.date`); None where there is none."""
    question = questions().get(id_.partition(".")[0])
    if question is None or "." not in id_:
        return question
    return next((detail for detail in question.details if detail.id == id_), None)


# --- answers ---------------------------------------------------------------------------------------------------------


def validate(question: Question | Detail, value: Any) -> Any:
    """The answer as it is kept; BadCell with the reason where it is none to this question.

    Words are taken in either language, dates and numbers in the usual forms; a table is a list of mappings.
    """
    if question.type == "table":
        return _table(question, value)
    if question.type == "multi":
        return [_word(question, part) for part in (value if isinstance(value, list | tuple) else _fields.texts(value))]
    if isinstance(value, list | tuple | dict):
        raise BadCell("此处应是一个值", "one value is expected here")
    if question.type == "single":
        return _word(question, value)
    return {"number": _fields.number, "date": _fields.day}.get(question.type, _fields.text)(value)


def _word(question: Question | Detail, value: Any) -> str:
    said = _fields.normal(_fields.text(value))
    said = {"true": "yes", "false": "no"}.get(said, said)
    for option, text in question.options:
        forms = (option, text.zh, text.en, f"{option}{text.zh}", offered(option, text))
        if said in {_fields.normal(form) for form in forms}:
            return option
    known_zh = "、".join(text.zh for _, text in question.options)
    known_en = ", ".join(option for option, _ in question.options)
    raise BadCell(f"“{value}”不在可选答案之中（{known_zh}）", f"{str(value)!r} is none of {known_en}")


def offered(option: str, text: Text) -> str:
    """An option as a drop-down list shows it: in both languages."""
    return f"{text.zh} {text.en}" if text.zh != text.en else option


def _table(question: Question | Detail, value: Any) -> list[dict[str, Any]]:
    columns = question.columns if isinstance(question, Detail) else ()
    if not isinstance(value, list | tuple):
        raise BadCell("此处应是表格（行的列表）", "a table is expected here: a list of rows")
    if len(value) > MAX_TABLE:
        raise BadCell(f"超过 {MAX_TABLE} 行", f"more than {MAX_TABLE} rows")
    heads = {form: name for name, _, title in columns for form in map(_fields.normal, (name, title.zh, title.en))}
    types = {name: kind for name, kind, _ in columns}
    rows = []
    for n, row in enumerate(value, 1):
        if not isinstance(row, Mapping):
            raise BadCell(f"第 {n} 行不是“列名: 值”", f"row {n} is no `column: value`")
        cells: dict[str, Any] = {}
        for head, cell in row.items():
            name = heads.get(_fields.normal(str(head)))
            if name is None:
                raise BadCell(f"第 {n} 行：没有列“{head}”", f"row {n}: there is no column {head}")
            if cell not in (None, ""):
                cells[name] = _cell(types[name], cell, n)
        if cells:
            rows.append(cells)
    return rows


def _cell(kind: str, value: Any, row: int) -> Any:
    readers = {"number": _fields.number, "date": _fields.day, "grade": _fields.grade}
    try:
        return readers.get(kind, _fields.text)(value)
    except BadCell as error:
        raise BadCell(f"第 {row} 行：{error.reason.zh}", f"row {row}: {error.reason.en}") from error


def words(question: Question | Detail, answer: Any) -> Text:
    """An answer of given options in words."""
    known = dict(question.options)
    given = answer if isinstance(answer, tuple) else (answer,)
    found = [known.get(one, Text(str(one), str(one))) for one in given]
    return Text("、".join(one.zh for one in found), ", ".join(one.en for one in found))


def entry(
    id_: str, value: Any, state: str = "stated", author: str = "", day: Any = None, note: Any = None
) -> dict[str, Any]:
    """The journal's value of an answer; BadCell where any part of it is none.

    `na` needs a note: that something does not apply is a decision, and its reason is part of the report.
    """
    question = find(id_)
    if question is None:
        raise BadCell(f"没有问题 {id_}", f"there is no question {id_}")
    given = {"answer": validate(question, value), "state": state_of(state)}
    if author:
        given["author"] = _fields.text(author)
    if day not in (None, ""):
        given["date"] = _fields.day(day)
    if note not in (None, ""):
        given["note"] = _fields.text(note)
    if given["answer"] == "na" and "note" not in given:
        raise BadCell("“不适用”须在备注中写明理由", "an answer that it does not apply needs the reason as a note")
    return given


def state_of(said: Any) -> str:
    """The state of an answer, from its word in either language; BadCell for another word."""
    form = _fields.normal(_fields.text(said))
    for state, text in STATES.items():
        if form in {_fields.normal(word) for word in (state, text.zh, text.en, offered(state, text))}:
            return state
    raise BadCell(
        f"“{said}”不是答案状态（口头陈述、有文件、已核实）", f"{str(said)!r} is no state ({', '.join(STATES)})"
    )


# --- the capture's part ----------------------------------------------------------------------------------------------


def facts(results: Mapping[str, CheckResult]) -> dict[str, Any]:
    """What conditions may ask of the capture: `wire.ra_01` (outcome), `wire.ra_01_count`, and rows of each table.

    A check that could not be made leaves its names unknown.
    """
    found: dict[str, Any] = {}
    for id_, result in results.items():
        if result.outcome == Outcome.NOT_ASSESSABLE:
            continue
        name = id_.lower().replace("-", "_")
        found[f"wire.{name}"] = result.outcome.value
        found[f"wire.{name}_count"] = sum(o.outcome == Outcome.VIOLATED and not o.ticket for o in result.observations)
        for table, rows in result.tables.items():
            found[f"wire.{table}"] = found.get(f"wire.{table}", 0) + len(rows)
    return found


def prefill(results: Mapping[str, CheckResult]) -> dict[str, Answer]:
    """The answers that the capture gives, by question: the author is the check, the evidence are its frames."""
    found = {}
    for question in questions().values():
        for rule in question.prefill:
            result = results.get(rule.check)
            if result is None or result.outcome != rule.outcome:
                continue
            proof = _proof(result)
            if proof:
                evidence = _evidence(proof)
                time = max((o.last_time for o in proof if o.last_time is not None), default=0)
                found[question.id] = Answer(question.id, rule.answers[0], "wire", rule.check, time, "", evidence)
                break
    return found


def contradictions(site: Site, results: Mapping[str, CheckResult]) -> tuple[Contradiction, ...]:
    """Answers, and the drawing of zones and conduits, that the capture disproves."""
    found = []
    for question in questions().values():
        answer = site.answers.get(question.id)
        if answer is None or answer.state == "wire":
            continue
        given = answer.value if isinstance(answer.value, tuple) else (answer.value,)
        for rule in question.challenge:
            result = results.get(rule.check)
            if result is None or result.outcome != rule.outcome or not set(given) & set(rule.answers):
                continue
            proof = _proof(result)
            if proof:
                found.append(
                    Contradiction(
                        _hash(question.id, rule.check),
                        question.id,
                        _said(question, answer),
                        _seen(rule.check, proof),
                        tuple(o.id for o in proof),
                        (*answer.evidence, *_evidence(proof)),
                    )  # fmt: skip
                )
    return (*found, *_drawing(site, results))


def _proof(result: CheckResult) -> list[Observation]:
    """The observations of the result's own outcome that no ticket explains."""
    return [o for o in result.observations if o.outcome == result.outcome and not o.ticket]


def _evidence(proof: Sequence[Observation]) -> tuple[Evidence, ...]:
    pieces = (piece for observation in proof[:MAX_PROOF] for piece in observation.evidence)
    return tuple(dict.fromkeys(pieces))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(("contradiction", *parts)).encode()).hexdigest()[:16]


def _said(question: Question, answer: Answer) -> Text:
    label, state = words(question, answer.value), STATES.get(answer.state, WIRE)
    who = Text.of(answer.author)
    who_zh = f"，{who.zh}" if who.zh else ""
    who_en = f", {who.en}" if who.en else ""
    return Text(
        f"对“{question.text.zh}”的回答是“{label.zh}”（{state.zh}{who_zh}）。",
        f"To “{question.text.en}” the answer was “{label.en}” ({state.en}{who_en}).",
    )


def _seen(check: str, proof: Sequence[Observation]) -> Text:
    """What the first observations say, and how many more there are."""
    shown, more = proof[:2], len(proof) - 2
    zh, en = "".join(o.detail.zh for o in shown), " ".join(o.detail.en for o in shown)
    if more > 0:
        zh, en = f"{zh}另有 {more} 项同类观察。", f"{en} {more} more of the kind were seen."
    return Text(f"{zh}（{check}）", f"{en} ({check})")


def _drawing(site: Site, results: Mapping[str, CheckResult]) -> list[Contradiction]:
    """Where traffic leaves the conduits that the client has drawn, one for each pair of zones."""
    drawn = {(c.source, c.target): c for c in site.conduits if c.declared}
    if not drawn:
        return []
    found = []
    for check in _DRAWN:
        result = results.get(check)
        if result is None or result.outcome != Outcome.VIOLATED:
            continue
        groups: dict[tuple[str, ...], list[Observation]] = {}
        for observation in _proof(result):
            groups.setdefault(observation.zones, []).append(observation)
        for zones, proof in list(groups.items())[:MAX_DRAWN]:
            conduit = _conduit_of(zones, drawn)
            ref = f"conduit/{conduit.id}" if conduit is not None else "conduit"
            evidence = (Evidence("record", ref), *_evidence(proof)) if conduit is not None else _evidence(proof)
            found.append(
                Contradiction(
                    _hash(check, *zones),
                    f"record:{ref}",
                    _drawn_text(zones, conduit),
                    _seen(check, proof),
                    tuple(o.id for o in proof),
                    evidence,
                )  # fmt: skip
            )
    return found


def _conduit_of(zones: Sequence[str], drawn: Mapping[tuple[str, str], Conduit]) -> Conduit | None:
    if len(zones) != 2:
        return None
    return drawn.get((zones[0], zones[1])) or drawn.get((zones[1], zones[0]))


def _drawn_text(zones: Sequence[str], conduit: Conduit | None) -> Text:
    if conduit is None:
        pair_zh, pair_en = "”与“".join(zones), " and ".join(zones)
        return Text(f"区域图中“{pair_zh}”之间没有通道。", f"The drawing has no conduit between {pair_en}.")
    allowed_zh = "、".join(conduit.protocols) or "无"
    allowed_en = ", ".join(conduit.protocols) or "nothing"
    way_zh, way_en = ("单向", "one way") if conduit.one_way else ("", "")
    return Text(
        f"区域图声明从“{conduit.source}”到“{conduit.target}”的{way_zh}通道只允许：{allowed_zh}。",
        f"The drawing allows from {conduit.source} to {conduit.target}{', ' + way_en if way_en else ''}: {allowed_en}.",
    )


# --- the sheet -------------------------------------------------------------------------------------------------------


def sheet(
    site: Site, results: Mapping[str, CheckResult], served: Mapping[str, Iterable[str]] | None = None
) -> tuple[Mapping[str, Any], ...]:
    """One row a question, with what belongs to it below it, as `Assessment.questionnaire` holds them.

    `status`: answered (by a person), wire (by the capture), skipped (its condition does not hold) or open; `served`:
    controls that the question serves, by question.
    """
    given = {id_: answer.value for id_, answer in site.answers.items()}
    wire = prefill(results)
    names = {**{id_: answer.value for id_, answer in wire.items()}, **given, **facts(results)}
    rows: list[Mapping[str, Any]] = []
    for question in questions().values():
        answer = site.answers.get(question.id) or wire.get(question.id)
        status, reason = "open", None
        if answer is not None:
            status = "wire" if answer.state == "wire" else "answered"
            reason = results[answer.author].reason if status == "wire" else None
        elif question.ask_if is not None and question.ask_if(names) is False:
            status, condition = "skipped", question.ask_if.text
            reason = Text(f"按前面的答案不需要回答（{condition}）", f"not asked, by earlier answers ({condition})")
        rows.append(_row(question, question, answer, status, reason, tuple((served or {}).get(question.id, ()))))
        for detail in question.details:
            more = site.answers.get(detail.id)
            if more is not None:
                rows.append(_row(question, detail, more, "answered", None, ()))
    return tuple(rows)


def _row(
    question: Question, asked: Question | Detail, answer: Answer | None, status: str, reason: Text | None,
    served: tuple[str, ...],
) -> Mapping[str, Any]:  # fmt: skip
    label = None if answer is None or asked.type not in ("single", "multi") else words(asked, answer.value)
    return {
        "id": asked.id,
        "topic": question.topic,
        "text": asked.text,
        "type": asked.type,
        "role": question.role,
        "answer": None if answer is None else answer.value,
        "label": label,
        "state": "" if answer is None else answer.state,
        "author": "" if answer is None else answer.author,
        "time": None if answer is None else answer.time,
        "note": "" if answer is None else answer.note,
        "status": status,
        "reason": reason,
        "proof": answer.evidence if answer is not None and answer.state == "wire" else (),
        "checks": question.checks if asked is question else (),
        "feeds": served,
    }
