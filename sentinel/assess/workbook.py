"""The questionnaire as a workbook for interviews without this program: one sheet a topic, answers with drop-down lists.

What the capture answered stands beside the question with its proof, so that nobody asks for what is known. A hidden
sheet holds what the case held, under a checksum (`sentinel.assess.answers` reads both back). The questionnaire is also
written as csv and YAML, for those without a spreadsheet.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentinel.assess import _book, answers, questions
from sentinel.assess._cells import HIDDEN
from sentinel.assess.model import CheckResult, Evidence, Site, Text
from sentinel.assess.questions import Detail, Question
from sentinel.errors import UsageError

LANGUAGES = ("zh", "en", "both")
REGISTER_ROWS = 200
"""Rows of a table's sheet that are laid out."""
REGISTER_WIDTH = 24.0

_COLUMNS = (
    ("id", Text("编号", "ID"), 13), ("text", Text("问题", "Question"), 38), ("why", Text("为什么问", "Why it is asked"), 28),
    ("role", Text("谁来回答", "Who answers"), 12), ("evidence", Text("请出示", "Please show"), 18),
    ("answer", Text("答案", "Answer"), 18), ("state", Text("状态", "State"), 11), ("author", Text("回答人", "Answered by"), 11),
    ("date", Text("日期", "Date"), 11), ("note", Text("备注", "Note"), 20), ("proof", Text("流量中所见", "Seen on the wire"), 28),
)  # fmt: skip
_TO_FILL = ("answer", "state", "author", "date", "note")
# fmt: off
_GUIDE = (
    Text("每个主题一张工作表，按访谈顺序排列。只填白色单元格：答案、状态、回答人、日期、备注。", "One sheet a topic, in the order of an interview. Fill in the white cells only: answer, state, answered by, date, note."),
    Text("答案请从下拉列表选择；可多选的题目用分号隔开；“不适用”须在备注中写明理由。", "Choose answers from the list; where several may be given, separate them with semicolons; that something does not apply needs its reason as a note."),
    Text("状态：口头陈述（只是说了）、有文件（出示了文件）、已核实（顾问亲自看过或测试过）。", "State: stated (somebody said so), documented (a document was shown), verified (the consultant saw or tested it)."),
    Text("“流量中所见”是监测已经得到的结果。已有结果的题目可以不再提问；答案与流量不一致时，报告会把两者并列。", "\"Seen on the wire\" is what monitoring found. Such a question need not be asked; where answer and traffic differ, the report shows both."),
    Text("以问题编号命名的工作表是登记表（如供应商、数据清单），每行一项。", "Sheets named after a question are registers (suppliers, data and so on), one item a row."),
    Text("填好后导入：sentinel questions import 文件.xlsx --case 案例文件夹。有错误的单元格会逐一指出，其余答案照常导入；导出之后在系统里改过的答案不会被覆盖。", "Import it with: sentinel questions import FILE.xlsx --case DIR. Bad cells are named one by one and the other answers are taken; what was changed in the case since is kept."),
)
# fmt: on


def write(
    path: Path, site: Site, results: Mapping[str, CheckResult], journal: Mapping[str, Mapping[str, Any]], lang: str
) -> None:
    """Write the questionnaire with what is known: the format is that of the file's name.

    `journal`: question -> the journal value of its answer. `lang`: zh, en or both.
    """
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        _Writer(site, results, journal, lang).save(path)
    elif suffix in (".csv", ".yaml", ".yml"):
        text = _csv(journal, lang) if suffix == ".csv" else _yaml(journal, site.engagement)
        _book.save_text(path, text, bom=suffix == ".csv")
    else:
        raise UsageError("{path}: a questionnaire is .xlsx, .csv or .yaml", path=path)


def write_empty(path: Path, lang: str) -> None:
    """Write the questionnaire without any case."""
    write(path, Site(), {}, {}, lang)


def said(text: Text, lang: str) -> str:
    """A text in one language, or in both, one below the other."""
    if lang != "both":
        return text.in_(lang)
    return text.zh if text.zh == text.en else f"{text.zh}\n{text.en}"


class _Writer:
    """Makes the workbook, sheet by sheet."""

    def __init__(
        self, site: Site, results: Mapping[str, CheckResult], journal: Mapping[str, Mapping[str, Any]], lang: str
    ):
        self.site = site
        self.journal = journal
        self.lang = lang
        self.results = results
        self.rows = {row["id"]: row for row in questions.sheet(site, results)}
        self.book = _book.new_workbook()
        self.lists = _book.Lists(self.book)

    def save(self, path: Path) -> None:
        self._engagement()
        registers: list[Detail] = []
        by_topic: dict[str, list[Question]] = {}
        for question in questions.questions().values():
            by_topic.setdefault(question.topic, []).append(question)
            registers += [detail for detail in question.details if detail.type == "table"]
        for topic, title in questions.topics().items():
            self._topic(topic, title, by_topic.get(topic, ()))
        for register in registers:
            self._register(register)
        self._hidden()
        heading = said(Text("工控安全评估问卷", "Questionnaire of the control-system security assessment"), self.lang)
        lines = [text.in_(lang) for lang in (("zh", "en") if self.lang == "both" else (self.lang,)) for text in _GUIDE]
        _book.guide(self.book, heading.replace("\n", " · "), lines)
        _book.save(self.book, path)

    def _engagement(self) -> None:
        sheet = self.book.create_sheet(said(Text("项目", "Engagement"), self.lang).replace("\n", " "), 0)
        titles = [said(heading, self.lang) for name, heading, _ in _COLUMNS if name in ("id", "text", "answer")]
        _book.head(sheet, 1, titles, (30, 34, 60))
        row = 2
        for name, label in answers.ENGAGEMENT.items():
            _book.body(_book.put(sheet, row, 1, f"engagement.{name}"), hint=True)
            _book.body(_book.put(sheet, row, 2, said(label, self.lang).replace("\n", " ")), hint=True)
            value = self.site.engagement.get(name)
            shown = "；".join(map(str, value)) if isinstance(value, list | tuple) else value
            _book.body(_book.put(sheet, row, 3, shown), locked=False)
            row += 1
        sheet.freeze_panes = "C2"
        _book.printable(sheet, landscape=False)

    def _topic(self, topic: str, title: Text, asked: Sequence[Question]) -> None:
        sheet = self.book.create_sheet(f"{topic} {title.in_('en' if self.lang == 'en' else 'zh')}"[:31])
        _book.head(sheet, 1, [said(heading, self.lang) for _, heading, _ in _COLUMNS], [w for _, _, w in _COLUMNS])
        sheet.freeze_panes = "C2"
        sheet.auto_filter.ref = f"A1:K{1 + len(asked) + sum(len(q.details) for q in asked)}"
        _book.printable(sheet)
        row = 2
        for question in asked:
            self._line(sheet, row, question, question)
            row += 1
            for detail in question.details:
                self._line(sheet, row, question, detail)
                row += 1

    def _line(self, sheet: Any, row: int, question: Question, asked: Question | Detail) -> None:
        own = asked is question
        value = self.journal.get(asked.id, {})
        line = self.rows.get(asked.id, {})
        cells: dict[str, Any] = {
            "id": asked.id,
            "text": said(asked.text, self.lang)
            if own
            else "    " + said(asked.text, self.lang).replace("\n", "\n    "),
            "why": said(question.why, self.lang) if own else "",
            "role": said(question.role, self.lang) if own else "",
            "evidence": said(question.evidence, self.lang) if own else "",
            "answer": self._answer(asked, value),
            "state": self._shown(*self._state(value)) if value else "",
            "author": value.get("author", ""),
            "date": value.get("date", ""),
            "note": value.get("note", ""),
            "proof": self._proof(line) if own else "",
        }
        if not own and asked.type == "table":
            sheet_name = asked.id
            cells["text"] += "\n    " + said(
                Text(f"请填在工作表“{sheet_name}”中", f"Please fill in the sheet {sheet_name}"), self.lang
            )
        for column, (name, _, _) in enumerate(_COLUMNS, 1):
            cell = _book.put(sheet, row, column, cells[name] if cells[name] != "" else None)
            fill = name in _TO_FILL and not (asked.type == "table" and not own)
            _book.body(cell, hint=not fill, locked=not fill)
        letter = {name: chr(ord("A") + n) for n, (name, _, _) in enumerate(_COLUMNS)}
        if asked.type == "single":
            self.lists.offer(sheet, f"{letter['answer']}{row}", [self._shown(v, t) for v, t in asked.options])
        if asked.type != "table":
            self.lists.offer(sheet, f"{letter['state']}{row}", [self._shown(v, t) for v, t in questions.STATES.items()])
        texts = [(str(cells[name] or ""), width) for name, _, width in _COLUMNS]
        sheet.row_dimensions[row].height = _book.height_of(texts)

    def _shown(self, value: str, text: Text) -> str:
        return questions.offered(value, text) if self.lang == "both" else text.in_(self.lang)

    @staticmethod
    def _state(value: Mapping[str, Any]) -> tuple[str, Text]:
        state = value.get("state", "stated")
        return state, questions.STATES[state]

    def _answer(self, asked: Question | Detail, value: Mapping[str, Any]) -> Any:
        """The answer as the drop-down list shows it; tables have a sheet of their own."""
        given = value.get("answer")
        if given is None or asked.type == "table":
            return ""
        options = dict(asked.options)
        parts = given if isinstance(given, list) else [given]
        shown = [self._shown(part, options[part]) if part in options else part for part in parts]
        return shown[0] if len(shown) == 1 else "；".join(map(str, shown))

    def _proof(self, line: Mapping[str, Any]) -> str:
        """What the capture says: its answer, why, and where; or that the question need not be asked."""
        if line.get("status") == "skipped":
            return said(line["reason"], self.lang)
        found = []
        if line.get("status") == "wire":
            found.append(f"{said(line['label'], self.lang)} ({line['author']})")
        for check in line.get("checks", ()):
            result = self.results.get(check)
            if result is not None and result.observations:
                found.append(f"{check}: {said(result.reason, self.lang)}")
                proof = [piece for piece in result.observations[0].evidence if piece.frames]
                found += [said(where(piece), self.lang) for piece in proof[:2]]
        return "\n".join(found)

    def _register(self, register: Detail) -> None:
        sheet = self.book.create_sheet(register.id)
        _book.put(sheet, 1, 1, register.id)
        _book.put(sheet, 1, 2, said(register.text, self.lang).replace("\n", " "))
        _book.head(
            sheet,
            2,
            [said(title, self.lang) for _, _, title in register.columns],
            [REGISTER_WIDTH] * len(register.columns),
        )
        sheet.freeze_panes = "A3"
        _book.printable(sheet, repeat=2)
        rows = self.journal.get(register.id, {}).get("answer") or []
        for n, values in enumerate(rows, 3):
            for column, (name, _, _) in enumerate(register.columns, 1):
                _book.body(_book.put(sheet, n, column, values.get(name)), locked=False)
            sheet.row_dimensions[n].height = _book.height_of(
                [(str(value), REGISTER_WIDTH) for value in values.values()]
            )
        for column, (_, kind, _) in enumerate(register.columns, 1):
            if kind == "grade":
                letter = sheet.cell(2, column).column_letter
                self.lists.offer(sheet, f"{letter}3:{letter}{REGISTER_ROWS}", ["1", "2", "3", "4", "5"])

    def _hidden(self) -> None:
        rows = []
        for question in questions.questions().values():
            for asked in questions.asked_with(question):
                value = self.journal.get(asked.id)
                rows.append((asked.id, answers.digest(asked), "" if value is None else answers.canonical(value)))
        sheet = self.book.create_sheet(HIDDEN)
        sheet.sheet_state = "veryHidden"
        _book.put(sheet, 1, 1, answers.MARK)
        _book.put(sheet, 1, 2, answers.checksum(rows))
        for n, row in enumerate(rows, 2):
            for column, cell in enumerate(row, 1):
                _book.put(sheet, n, column, cell)


def where(piece: Evidence) -> Text:
    """Where a piece of evidence lies: the first frames of it, in which capture."""
    frames, more = list(map(str, piece.frames[:4])), len(piece.frames) > 4
    return Text(
        f"抓包 {piece.capture}，第 {'、'.join(frames)}{' …' if more else ''} 帧",
        f"capture {piece.capture}, frames {', '.join(frames)}{' ...' if more else ''}",
    )


def _csv(journal: Mapping[str, Mapping[str, Any]], lang: str) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    one = "zh" if lang == "both" else lang
    writer.writerow([_harmless(f"# {text.in_(one)}") for text in (_GUIDE[0],)])
    names = [name for name, _, _ in _COLUMNS if name not in ("proof", "why")]
    writer.writerow([title.in_(one) for name, title, _ in _COLUMNS if name in names])
    for question in questions.questions().values():
        for asked in questions.asked_with(question):
            if asked.type == "table":
                continue
            value = journal.get(asked.id, {})
            answer = value.get("answer", "")
            row = {
                "id": asked.id, "text": asked.text.in_(one), "role": question.role.in_(one),
                "evidence": question.evidence.in_(one), **{name: value.get(name, "") for name in _TO_FILL},
                "answer": "；".join(answer) if isinstance(answer, list) else answer,
            }  # fmt: skip
            writer.writerow([_harmless(row[name]) for name in names])
    return stream.getvalue()


def _harmless(value: Any) -> Any:
    """A csv cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_book.FORMULA) else value


def _yaml(journal: Mapping[str, Mapping[str, Any]], engagement: Mapping[str, Any]) -> str:
    """Every question as a comment with its options, and its answer; the empty ones to be filled in."""
    lines = [f"# {text.zh}\n# {text.en}" for text in _GUIDE[1:3]] + ["", "engagement:"]
    for name, title in answers.ENGAGEMENT.items():
        lines.append(f"  {name}: {_scalar(engagement.get(name))}  # {title.zh} / {title.en}".replace(":   #", ":  #"))
    lines += ["", "answers:"]
    for question in questions.questions().values():
        lines += ["", f"  # {question.text.zh}", f"  # {question.text.en}"]
        for asked in questions.asked_with(question):
            if asked is not question:
                lines.append(f"  # {asked.text.zh} / {asked.text.en}")
            if asked.options:
                lines.append("  # " + ", ".join(f"{value} ({text.zh})" for value, text in asked.options))
            if isinstance(asked, Detail) and asked.columns:
                lines.append("  # - {" + ", ".join(f"{name}: {title.zh}" for name, _, title in asked.columns) + "}")
            value = journal.get(asked.id)
            lines.append(f"  {asked.id}:" + (f" {answers.canonical(value)}" if value is not None else ""))
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return "" if value is None else answers.canonical(value)
