"""The questionnaire as a workbook: out, filled in, and back."""

# ruff: noqa: E501  (ruff counts a Chinese character as two)

from __future__ import annotations

import pytest
from client_case import ClientCase
from test_assess_questions import seen

from sentinel.assess import answers, imports, questions, workbook
from sentinel.assess.model import Site
from sentinel.errors import AssessmentError, UsageError

openpyxl = pytest.importorskip("openpyxl")

KNOWN = {
    "Q-ORG-01": {"answer": "yes", "state": "documented", "author": "陈", "date": "2026-03-01", "note": "=1+1"},
    "Q-ORG-07.class": {"answer": ["industrial", "platform"], "state": "stated"},
    "Q-IR-01.date": {"answer": "2026-02-01", "state": "stated"},
    "Q-DAT-04.rows": {"answer": [{"item": "@SUM(A1)", "recipient": "B"}], "state": "stated"},
}


@pytest.fixture
def case():
    made = ClientCase()
    made.record([("answer", id_, value) for id_, value in KNOWN.items()], "Li")
    return made


def export(tmp_path, case, lang="zh", results=None):
    path = tmp_path / "q.xlsx"
    journal = {id_: entry["value"] for id_, entry in case.current("answer").items()}
    workbook.write(path, Site(engagement={"client": "+甲"}), results or {}, journal, lang)
    return path


def cell_of(book, id_, part="answer"):
    """The cell of an answer."""
    for sheet in book:
        heads = {answers._fields.normal(str(c.value)): c.column for c in sheet[1]}
        column = next(
            (
                heads[h]
                for h in map(answers._fields.normal, (*answers.COLUMNS[part][:2], "".join(answers.COLUMNS[part][:2])))
                if h in heads
            ),
            None,
        )
        for row in range(2, sheet.max_row + 1) if column else ():
            if sheet.cell(row, 1).value == id_:
                return sheet.cell(row, column)
    raise KeyError(id_)


def filled(path, **cells):
    book = openpyxl.load_workbook(path)
    for id_, value in cells.items():
        name, _, part = id_.partition("__")
        cell_of(book, name.replace("_", "-", 2).replace("-d", ".d"), part or "answer").value = value
    book.save(path)
    return path


def refused(done) -> list[str]:
    return [r.in_("en").removeprefix("q.xlsx: ") for r in done.refusals]


@pytest.mark.parametrize("lang", workbook.LANGUAGES)
def test_there_and_back_changes_nothing(tmp_path, case, lang):
    found = answers.read(export(tmp_path, case, lang))
    done = answers.store(case, found, "Chen")
    assert (done.new, done.changed, done.removed, refused(done)) == (0, 0, 0, [])
    assert done.same == len(KNOWN) and found.engagement == {"client": "+甲"}


@pytest.mark.parametrize("lang", workbook.LANGUAGES)
def test_answers_from_the_lists_are_taken(tmp_path, case, lang):
    path = export(tmp_path, case, lang)
    question = questions.questions()["Q-ORG-02"]
    shown = {"zh": "部分", "en": "partly", "both": questions.offered("partly", dict(question.options)["partly"])}[lang]
    done = answers.store(case, answers.read(filled(path, Q_ORG_02=shown, Q_ORG_02__author="周", Q_ORG_01="")), "Chen")
    assert (done.new, done.removed) == (1, 1)
    assert case.current("answer")["Q-ORG-02"]["value"] == {"answer": "partly", "state": "stated", "author": "周"}
    assert "Q-ORG-01" not in case.current("answer")


def test_bad_cells_are_refused_with_sheet_and_cell_and_the_rest_is_kept(tmp_path, case):
    path = filled(
        export(tmp_path, case), Q_ORG_02="也许", Q_ORG_03="是", Q_ORG_04="是", Q_ORG_04__state="sure", Q_ORG_05="不适用"
    )
    done = answers.store(case, answers.read(path), "Chen")
    assert [line.split(":")[0] for line in refused(done)] == [
        "sheet ORG 组织与责任, cell F3", "sheet ORG 组织与责任, cell G5", "sheet ORG 组织与责任, cell J6",
    ]  # fmt: skip
    assert done.new == 1 and case.current("answer")["Q-ORG-03"]["value"]["answer"] == "yes"


def test_an_answer_that_was_changed_since_is_kept(tmp_path, case):
    path = filled(export(tmp_path, case), Q_ORG_01="否", Q_ORG_02="是")
    case.record([("answer", "Q-ORG-01", {"answer": "partly", "state": "verified"})], "Wang")
    case.record([("answer", "Q-ORG-03", {"answer": "no", "state": "stated"})], "Wang")
    done = answers.store(case, answers.read(path), "Chen")
    assert refused(done) == [
        "sheet ORG 组织与责任, cell F2 (Q-ORG-01): Wang has changed the answer in the case, which is kept"
    ]
    assert [case.current("answer")[f"Q-ORG-0{n}"]["value"]["answer"] for n in (1, 2, 3)] == ["partly", "yes", "no"]


def test_a_question_that_was_reworded_since_is_refused(tmp_path, case, monkeypatch):
    path = filled(export(tmp_path, case), Q_ORG_02="是")
    monkeypatch.setattr(answers, "digest", lambda asked: "another")
    assert "was reworded" in refused(answers.store(case, answers.read(path), "Chen"))[0]


def test_a_register_is_filled_in_on_its_own_sheet(tmp_path, case):
    path = export(tmp_path, case)
    book = openpyxl.load_workbook(path)
    book["Q-BLD-05.rows"].append(["boiler", None, "Sunday", "5", 4])
    book["Q-BLD-05.rows"].append(["press", None, "", "extreme"])
    book["Q-DAT-04.rows"].delete_rows(3)
    book.save(path)
    done = answers.store(case, answers.read(path), "Chen")
    assert refused(done) == ["sheet Q-BLD-05.rows, cell D4: row 1: 'extreme' is no grade from 1 to 5"]
    kept = case.current("answer")["Q-BLD-05.rows"]["value"]
    assert kept == {"answer": [{"zone": "boiler", "window": "Sunday", "safety": 5, "output": 4}], "state": "documented"}
    assert "Q-DAT-04.rows" not in case.current("answer")


def test_a_lost_or_changed_hidden_sheet_is_no_base(tmp_path, case):
    path = export(tmp_path, case)
    book = openpyxl.load_workbook(path)
    del book[answers.HIDDEN]
    cell_of(book, "Q-ORG-01").value = "否"
    cell_of(book, "Q-ORG-02").value = "否"
    book.save(path)
    done = answers.store(case, answers.read(path), "Chen")
    assert "Li has changed" in refused(done)[0] and done.new == 1
    book = openpyxl.load_workbook(export(tmp_path, case))
    book[answers.HIDDEN]["C2"].value = "{}"
    book.save(path)
    found = answers.read(path)
    assert found.base is None and "checksum" in found.refusals[0].reason.en


def test_moved_columns_and_rows_are_found(tmp_path, case):
    path = export(tmp_path, case)
    book = openpyxl.load_workbook(path)
    sheet = book["ORG 组织与责任"]
    sheet.delete_cols(3)
    sheet.insert_rows(1, 2)
    sheet.delete_rows(5, 3)
    book.save(path)
    assert not answers.read(path).refusals


def test_text_that_looks_like_a_formula_is_text(tmp_path, case):
    path = export(tmp_path, case)
    book = openpyxl.load_workbook(path)
    found = [
        c
        for sheet in book
        for row in sheet.iter_rows()
        for c in row
        if isinstance(c.value, str) and c.value[:1] in "=+-@"
    ]
    assert {c.value for c in found} >= {"=1+1", "+甲", "@SUM(A1)"}
    assert all(c.data_type == "s" and c.quotePrefix for c in found)
    assert not any(c.data_type == "f" for sheet in book for row in sheet.iter_rows() for c in row)
    workbook.write(tmp_path / "q.csv", Site(), {}, {"Q-ORG-01": KNOWN["Q-ORG-01"]}, "zh")
    assert ",'=1+1" in (tmp_path / "q.csv").read_text(encoding="utf-8-sig")
    assert answers.read(tmp_path / "q.csv").values["Q-ORG-01"]["note"] == "=1+1"


def test_what_the_capture_says_stands_beside_the_question(tmp_path, case):
    results = {"AU-04": seen("AU-04", 2)}
    path = export(tmp_path, case, "en", results)
    sheet = openpyxl.load_workbook(path)["OPS Operation and maintenance"]
    row = next(row for row in sheet.iter_rows(min_row=2) if row[0].value == "Q-OPS-19")
    assert row[5].value is None and row[10].value == "no (AU-04)\nAU-04: three sessions\ncapture 1, frames 1"
    assert not answers.read(path).values.keys() - KNOWN.keys()


def test_every_closed_question_has_its_list(tmp_path, case):
    book = openpyxl.load_workbook(export(tmp_path, case))
    ranges = {
        (sheet.title, str(cells))
        for sheet in book
        for rule in sheet.data_validations.dataValidation
        for cells in rule.sqref.ranges
    }
    lists = [rule.formula1 for sheet in book for rule in sheet.data_validations.dataValidation]
    assert len(ranges) > 250 and all(formula.startswith("'_lists'!$") for formula in lists)
    assert book[answers.HIDDEN].sheet_state == "veryHidden" and book["_lists"].sheet_state == "hidden"
    assert cell_of(book, "Q-ORG-02").protection.locked is False


def test_questionnaires_as_csv_and_yaml_come_back_too(tmp_path, case):
    journal = {id_: entry["value"] for id_, entry in case.current("answer").items()}
    for name in ("q.csv", "q.yaml"):
        workbook.write(tmp_path / name, Site(engagement={"client": "甲"}), {}, journal, "en")
        found = answers.read(tmp_path / name)
        assert not found.refusals and found.values["Q-ORG-07.class"]["answer"] == ["industrial", "platform"]
    assert found.values["Q-DAT-04.rows"] == KNOWN["Q-DAT-04.rows"] and found.engagement == {"client": "甲"}


def test_a_questionnaire_is_no_list_of_assets(tmp_path, case):
    with pytest.raises(AssessmentError, match="sentinel questions import"):
        imports.read(export(tmp_path, case), "assets")
    workbook.write_empty(tmp_path / "q.csv", "en")
    with pytest.raises(AssessmentError, match="no table with the columns"):
        imports.read(tmp_path / "q.csv", "assets")


def test_another_format_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is .xlsx, .csv or .yaml"):
        workbook.write_empty(tmp_path / "q.pdf", "zh")


def test_a_workbook_of_something_else(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(AssessmentError, match="no table with the columns ID and Answer"):
        answers.read(tmp_path / "x.xlsx")
