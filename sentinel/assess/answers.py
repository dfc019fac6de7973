"""Answers out of files and into the journal: the questionnaire's workbook, csv, or YAML; good ones kept, others refused.

The workbook carries what the case held when it was written. An answer that the person left alone is not an answer
again; one that somebody changed in the case since then stays, and the file's is refused with that reason.
"""

# ruff: noqa: E501  (a reason and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sentinel.assess import _cells, _fields, questions
from sentinel.assess._cells import HIDDEN, Refusal, Table
from sentinel.assess._fields import BadCell
from sentinel.assess.imports import EXAMPLES, HEADING_ROWS, SOURCE
from sentinel.assess.model import Text
from sentinel.assess.timezones import time_zone
from sentinel.errors import AssessmentError, UsageError
from sentinel.store.case import Case

MARK = "sentinel-questionnaire-1"
PARTS = ("answer", "state", "author", "date", "note")

ENGAGEMENT = {
    "client": Text("委托单位", "Client"), "site": Text("评估地点", "Site"), "process": Text("生产工艺", "Process"),
    "scope": Text("评估范围", "Scope"), "organisation": Text("评估单位", "Assessed by"), "author": Text("编制", "Prepared by"),
    "reviewer": Text("审核", "Reviewed by"), "approver": Text("批准", "Approved by"),
    "client_contact": Text("客户确认人", "Confirmed by the client"), "number": Text("报告编号", "Report number"),
    "version": Text("版本", "Version"), "classification": Text("密级", "Classification"),
    "authorisation": Text("授权依据", "Authorisation"), "standards": Text("约定的标准", "Standards agreed"),
    "risk_owner": Text("风险责任人", "Risk owner"), "plant_manager": Text("企业负责人", "Head of the plant"),
    "timezone": Text("时区（如 Asia/Shanghai 或 +08:00）", "Time zone (such as Asia/Shanghai or +08:00)"),
    "clock_offset": Text("采集时钟偏差（秒，采集时钟减标准时间）", "Error of the capturing clock (seconds, its time less the true time)"),
    "business_importance": Text("业务重要性（1–5）", "Importance of the business (1 to 5)"),
}  # fmt: skip
"""Fields of the engagement, as the cover and the first chapter of the report show them; `<field>_en` is its English."""

COLUMNS = {
    "id": ("编号", "ID", "编号|问题编号|question id|no"), "answer": ("答案", "Answer", "回答|结果|value|值"),
    "state": ("状态", "State", "答案状态"), "author": ("回答人", "Answered by", "答复人|受访人|author|who"),
    "date": ("日期", "Date", "回答日期|date answered"), "note": ("备注", "Note", "说明|理由|remarks|comment"),
}  # fmt: skip
"""Columns of an answer: heading in Chinese, in English, further forms."""


@dataclass(frozen=True, slots=True)
class Base:
    """What the case held when a workbook was written: hash of the question, and its answer."""

    digest: str
    value: Mapping[str, Any] | None


@dataclass(slots=True)
class Answers:
    """What a file answers: id -> journal value (None: the answer was emptied) with the place where it stands."""

    file: str
    values: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    places: dict[str, Text] = field(default_factory=dict)
    engagement: dict[str, Any] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    base: dict[str, Base] | None = None
    """None where the file carries none: csv, YAML, or a workbook whose hidden sheet is lost."""

    def refuse(self, place: Text, reason: Text) -> None:
        self.refusals.append(Refusal(self.file, place, reason))


@dataclass(slots=True)
class Stored:
    """What an import of answers did."""

    new: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    refusals: list[Refusal] = field(default_factory=list)


def digest(question: questions.Question | questions.Detail) -> str:
    """A hash of what was asked: an answer to another wording is no answer to this one."""
    asked = [question.text.zh, question.text.en, [value for value, _ in question.options]]
    return hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()[:16]


def canonical(value: Any) -> str:
    """A journal value as text, to be compared and hashed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def checksum(rows: Sequence[Sequence[str]]) -> str:
    """Of the hidden sheet's rows (id, hash of the question, answer)."""
    return hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()


# --- reading ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> Answers:
    """The answers of a file; AssessmentError where it has none that could be read."""
    content = _cells.read_bytes(path)
    if path.suffix.lower() in (".yaml", ".yml", ".json") and not content.startswith(b"PK"):
        return _read_yaml(path, content)
    found = Answers(path.name)
    tables = _cells.read(path)
    found.base = _base(tables, found)
    known = False
    for table in tables:
        if table.name in (HIDDEN, "_lists") or table.name.lower().startswith(EXAMPLES):
            continue
        known = _take_table(table, found) or known
    if not known:
        raise AssessmentError("{path}: no table with the columns ID and Answer", path=path)
    return found


def _base(tables: list[Table], found: Answers) -> dict[str, Base] | None:
    hidden = next((table for table in tables if table.name == HIDDEN), None)
    if hidden is None or not hidden.lines or hidden.lines[0][1][0] != MARK:
        return None
    rows = [
        tuple("" if cell is None else str(cell) for cell in (*values, "", "")[:3]) for _, values in hidden.lines[1:]
    ]
    marked = hidden.lines[0][1]
    if len(marked) < 2 or checksum(rows) != marked[1]:
        found.refuse(
            Text(f"工作表“{HIDDEN}”", f"sheet {HIDDEN}"),
            Text("校验和不符，按没有原始答案处理", "its checksum does not agree; taken as if it were not there"),
        )
        return None
    return {id_: Base(hash_, json.loads(value) if value else None) for id_, hash_, value in rows}


def _columns(values: tuple[Any, ...]) -> dict[str, int] | None:
    """Part of an answer -> column, if the row is one of headings."""
    found: dict[str, int] = {}
    for n, head in enumerate(values):
        if isinstance(head, str):
            for part, (zh, en, more) in COLUMNS.items():
                if _fields.normal(head) in {_fields.normal(form) for form in (part, zh, en, zh + en, *more.split("|"))}:
                    found.setdefault(part, n)
    return found if {"id", "answer"} <= found.keys() else None


def _take_table(table: Table, found: Answers) -> bool:
    """Answers, the rows of one register, or the engagement out of one sheet; whether it was any of them."""
    if not table.lines:
        return False
    first = table.lines[0][1][0]
    if isinstance(first, str) and isinstance(asked := questions.find(first), questions.Detail):
        _take_register(table, asked, found)
        return True
    for at, (_, values) in enumerate(table.lines[:HEADING_ROWS]):
        columns = _columns(values)
        if columns is not None:
            for line, cells in table.lines[at + 1 :]:
                _take_line(table, line, cells, columns, found)
            return True
    return False


def _take_line(table: Table, line: int, cells: tuple[Any, ...], columns: Mapping[str, int], found: Answers) -> None:
    def cell(part: str) -> Any:
        n = columns.get(part, len(cells))
        return cells[n] if n < len(cells) and cells[n] != "" else None

    id_ = cell("id")
    if id_ is None:
        return
    id_ = str(id_).strip()
    if id_.removeprefix("engagement.") in ENGAGEMENT and id_.startswith("engagement."):
        _take_engagement(found, id_.removeprefix("engagement."), cell("answer"), table.place(line, columns["answer"]))
        return
    asked = questions.find(id_)
    if asked is None:
        if cell("answer") is not None:
            found.refuse(table.place(line, columns["id"]), Text(f"没有问题 {id_}", f"there is no question {id_}"))
        return
    place = table.place(line, columns["answer"])
    if asked.type == "table":
        if cell("answer") is not None:
            found.refuse(
                place,
                Text("表格请填在以编号命名的工作表中", "a table is filled in on the sheet named after its question"),
            )
        return
    if id_ in found.places:
        found.refuse(
            place, Text(f"{id_} 已在{found.places[id_].zh}回答", f"{id_} is answered at {found.places[id_].en} already")
        )
        return
    found.places[id_] = place
    if cell("answer") is None:
        if found.base is not None and found.base.get(id_, Base("", None)).value is not None:
            found.values[id_] = None
        return
    where = {"answer": place, **{part: table.place(line, n) for part, n in columns.items()}}
    _take_answer(found, id_, {part: cell(part) for part in PARTS}, where)


def _take_answer(found: Answers, id_: str, parts: Mapping[str, Any], where: Mapping[str, Text]) -> None:
    """Check the parts of an answer one by one, so that the refusal names the cell."""
    asked = questions.find(id_)
    assert asked is not None
    checks: dict[str, Callable[[Any], Any]] = {
        "answer": lambda value: questions.validate(asked, value),
        "state": questions.state_of, "author": _fields.text, "date": _fields.day, "note": _fields.text,
    }  # fmt: skip
    good: dict[str, Any] = {}
    for part, check in checks.items():
        if parts.get(part) in (None, ""):
            continue
        try:
            good[part] = check(parts[part])
        except BadCell as error:
            found.refuse(where.get(part, where["answer"]), error.reason)
            return
    try:
        found.values[id_] = questions.entry(
            id_, good["answer"], good.get("state", "stated"), good.get("author", ""), good.get("date"), good.get("note")
        )
    except BadCell as error:
        found.refuse(where.get("note", where["answer"]), error.reason)


def _take_register(table: Table, asked: questions.Detail, found: Answers) -> None:
    """A sheet of one table: its id and title, its headings, its rows."""
    if len(table.lines) < 2:
        return
    heads = [str(head) if head is not None else "" for head in table.lines[1][1]]
    known = {
        form: name
        for name, _, title in asked.columns
        for form in map(_fields.normal, (name, title.zh, title.en, title.zh + title.en))
    }
    rows = []
    for line, cells in table.lines[2:]:
        row = {}
        for n, (head, value) in enumerate(zip(heads, cells, strict=False)):
            name = known.get(_fields.normal(head))
            if name is None or value in (None, ""):
                continue
            try:
                row.update(questions.validate(asked, [{name: value}])[0])
            except BadCell as error:
                found.refuse(table.place(line, n), error.reason)
                row = {}
                break
        if row:
            rows.append(row)
    place = Text(f"工作表“{table.name}”", f"sheet {table.name}")
    found.places[asked.id] = place
    before = found.base.get(asked.id) if found.base is not None else None
    if rows and before is not None and before.value is not None and before.value["answer"] == rows:
        found.values[asked.id] = before.value
    elif rows:
        found.values[asked.id] = questions.entry(asked.id, rows, "documented")
    elif before is not None and before.value is not None:
        found.values[asked.id] = None


def _take_engagement(found: Answers, name: str, value: Any, place: Text) -> None:
    if value in (None, "", []):
        return
    try:
        found.engagement[name] = _ENGAGED.get(name, _engagement_value)(value)
    except BadCell as error:
        found.refuse(place, error.reason)


def _time_zone(value: Any) -> str:
    said = _fields.text(value)
    try:
        time_zone(said)
    except UsageError as error:
        raise BadCell(
            f"没有时区“{said}”；请写成 Asia/Shanghai 或 +08:00", f"there is no time zone {said}; write Asia/Shanghai or +08:00"
        ) from error
    return said


def _engagement_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _engagement_value(item) for key, item in value.items()}
    return [_fields.text(item) for item in value] if isinstance(value, list) else _fields.text(value)


_ENGAGED: Mapping[str, Callable[[Any], Any]] = {
    "business_importance": _fields.grade, "timezone": _time_zone, "clock_offset": _fields.number,
}  # fmt: skip
"""Fields of the engagement that are more than text, and how they are read."""


def _read_yaml(path: Path, content: bytes) -> Answers:
    """`ID: value`, or `ID: {answer:, state:, author:, date:, note:}`; under `answers:` or at the top; `engagement:`."""
    found = Answers(path.name)
    root = _cells.load_yaml(path, content)
    if not isinstance(root, yaml.MappingNode):
        raise AssessmentError("{path}: should be `ID: answer` lines", path=path)
    for key, node in root.value:
        name, place = str(_cells.plain(key)), _line(key)
        if name in ("answers", "engagement") and isinstance(node, yaml.MappingNode):
            for inner, value in node.value:
                _take_pair(found, name, str(_cells.plain(inner)), value, _line(inner))
        elif isinstance(node, yaml.ScalarNode) and not node.value and name in ("answers", "engagement"):
            continue
        elif name.startswith("Q-"):
            _take_pair(found, "answers", name, node, place)
        else:
            found.refuse(place, Text(f"没有问题 {name}", f"there is no question {name}"))
    return found


def _line(node: yaml.Node) -> Text:
    line = node.start_mark.line + 1
    return Text(f"第 {line} 行", f"line {line}")


def _take_pair(found: Answers, what: str, name: str, node: yaml.Node, place: Text) -> None:
    value = _cells.plain(node)
    if what == "engagement":
        if name.removesuffix("_en") not in ENGAGEMENT and name != "levels":
            found.refuse(
                place, Text(f"项目信息中没有“{name}”", f"an engagement has no {name}; it has {', '.join(ENGAGEMENT)}")
            )
        else:
            _take_engagement(found, name, value, place)
        return
    if questions.find(name) is None:
        found.refuse(place, Text(f"没有问题 {name}", f"there is no question {name}"))
        return
    if name in found.places:
        found.refuse(
            place,
            Text(f"{name} 已在{found.places[name].zh}回答", f"{name} is answered at {found.places[name].en} already"),
        )
        return
    found.places[name] = place
    parts = value if isinstance(value, dict) else {"answer": value}
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        found.refuse(
            place,
            Text(
                f"答案没有“{unknown[0]}”这一项（{'、'.join(PARTS)}）",
                f"an answer has no {unknown[0]}; it has {', '.join(PARTS)}",
            ),
        )
    elif parts.get("answer") not in (None, ""):
        _take_answer(found, name, parts, {"answer": place})


# --- storing ---------------------------------------------------------------------------------------------------------


def store(case: Case, found: Answers, author: str) -> Stored:
    """Write the answers of a file into the case; the refusals of the file, and those of answers that changed since."""
    done = Stored(refusals=list(found.refusals))
    entries = case.journal("answer")
    mine = {entry["subject"]: entry for entry in entries}
    lines: list[tuple[str, str, Any]] = []
    for id_, theirs in found.values.items():
        asked = questions.find(id_)
        assert asked is not None
        entry = mine.get(id_)
        current = entry["value"] if entry is not None else None
        if canonical(theirs) == canonical(current):
            done.same += 1
            continue
        base = found.base.get(id_) if found.base is not None else None
        if base is not None:
            if canonical(theirs) == canonical(base.value):
                done.same += 1
                continue
            if base.digest != digest(asked):
                done.refusals.append(
                    _refusal(
                        found,
                        id_,
                        "导出之后问题已改写，请重新导出",
                        "the question was reworded since this file was written; export it again",
                    )
                )
                continue
        if entry is not None and current is not None and _changed_since(entry, base, found):
            who = entry["author"]
            done.refusals.append(
                _refusal(
                    found,
                    id_,
                    f"系统中的答案已由“{who}”修改，保留该答案",
                    f"{who} has changed the answer in the case, which is kept",
                )
            )
            continue
        done.new += current is None
        done.changed += current is not None and theirs is not None
        done.removed += theirs is None
        lines.append(("answer", id_, theirs))
    engaged = {subject: entry["value"] for subject, entry in case.current("engagement").items()}
    lines += [("engagement", name, value) for name, value in found.engagement.items() if engaged.get(name) != value]
    case.record(lines, author, SOURCE + found.file)
    return done


def _changed_since(entry: Mapping[str, Any], base: Base | None, found: Answers) -> bool:
    """Whether a person changed the answer after the file was written; without a base, whether a person gave it."""
    if base is not None:
        return canonical(entry["value"]) != canonical(base.value)
    return not entry["source"].startswith(SOURCE)


def _refusal(found: Answers, id_: str, zh: str, en: str) -> Refusal:
    place = found.places[id_]
    return Refusal(found.file, Text(f"{place.zh}（{id_}）", f"{place.en} ({id_})"), Text(zh, en))
