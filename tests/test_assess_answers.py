"""Answers out of files: good ones kept, others refused with their place; what a person changed since stays."""

# ruff: noqa: E501  (ruff counts a Chinese character as two)

from __future__ import annotations

import pytest
from client_case import ClientCase

from sentinel import resources
from sentinel.assess import answers
from sentinel.errors import AssessmentError


def put(tmp_path, text: str, name: str):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path, text, name="a.yaml"):
    return answers.read(put(tmp_path, text, name))


def refused(found) -> list[tuple[str, str]]:
    return [(r.place.en, r.reason.en) for r in found.refusals]


def test_yaml_in_short_and_in_full(tmp_path):
    text = """
engagement: {client: 甲公司, client_en: A Ltd., business_importance: 4, levels: {cn-22239: [3]}}
answers:
  Q-ORG-01: yes
  Q-ORG-02: {answer: 否, state: 有文件, author: 陈, date: 2026-03-01, note: 见 3}
  Q-IR-01.date: 2026-03-02
  Q-DAT-04.rows: [{item: recipe, 接收方: 乙公司}]
"""
    found = read(tmp_path, text)
    assert not found.refusals
    assert found.engagement == {
        "client": "甲公司",
        "client_en": "A Ltd.",
        "business_importance": 4,
        "levels": {"cn-22239": ["3"]},
    }
    assert found.values["Q-ORG-01"] == {"answer": "yes", "state": "stated"}
    assert found.values["Q-ORG-02"] == {
        "answer": "no",
        "state": "documented",
        "author": "陈",
        "date": "2026-03-01",
        "note": "见 3",
    }
    assert found.values["Q-IR-01.date"]["answer"] == "2026-03-02"
    assert found.values["Q-DAT-04.rows"]["answer"] == [{"item": "recipe", "recipient": "乙公司"}]


def test_bad_answers_are_refused_one_by_one(tmp_path):
    text = """Q-ORG-01: maybe
Q-ORG-02: yes
Q-ORG-02: no
Q-ORG-99: yes
Q-ORG-03: na
Q-ORG-04: {answer: yes, colour: red}
Q-ORG-05: {answer: yes, state: sure}
Q-ORG-06:
bogus: 3
engagement: {colour: red, business_importance: 9}
"""
    found = read(tmp_path, text)
    assert list(found.values) == ["Q-ORG-02"]
    assert [(place, reason.split(";")[0].split(" (")[0]) for place, reason in refused(found)] == [
        ("line 1", "'maybe' is none of yes, partly, no, na"), ("line 3", "Q-ORG-02 is answered at line 2 already"),
        ("line 4", "there is no question Q-ORG-99"), ("line 5", "an answer that it does not apply needs the reason as a note"),
        ("line 6", "an answer has no colour"), ("line 7", "'sure' is no state"), ("line 9", "there is no question bogus"),
        ("line 10", "an engagement has no colour"), ("line 10", "'9' is no grade from 1 to 5"),
    ]  # fmt: skip


def test_csv_with_headings_in_either_language(tmp_path):
    found = read(
        tmp_path,
        "题目,编号,答案,状态,回答人,日期\nx,Q-ORG-01,是,已核实,陈,2026-3-1\nx,Q-ORG-02,perhaps,,,\nx,engagement.client,甲公司,,,\n",
        "a.csv",
    )
    assert found.values == {"Q-ORG-01": {"answer": "yes", "state": "verified", "author": "陈", "date": "2026-03-01"}}
    assert refused(found)[0][0] == "row 3, column 3" and found.engagement == {"client": "甲公司"}


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", "a,b\n1,2\n"), ("a.yaml", "- 1"), ("a.xlsx", "nothing"), ("a.yaml", "x: [")]
)
def test_files_without_answers(tmp_path, name, text):
    with pytest.raises(AssessmentError):
        read(tmp_path, text, name)


def test_an_import_does_not_touch_what_a_person_answered(tmp_path):
    case = ClientCase()
    case.record([("answer", "Q-ORG-01", {"answer": "no", "state": "verified"})], "Li")
    found = read(tmp_path, "Q-ORG-01: yes\nQ-ORG-02: yes\n")
    done = answers.store(case, found, "Chen")
    assert (done.new, done.changed) == (1, 0)
    assert [r.in_("en") for r in done.refusals] == [
        "a.yaml: line 1 (Q-ORG-01): Li has changed the answer in the case, which is kept"
    ]
    assert case.current("answer")["Q-ORG-01"]["value"]["answer"] == "no"


def test_an_import_follows_its_own_file(tmp_path):
    case = ClientCase()
    for value, counts in (("yes", (1, 0, 0)), ("no", (0, 1, 0)), ("no", (0, 0, 1))):
        done = answers.store(case, read(tmp_path, f"Q-ORG-01: {value}\nengagement: {{client: A}}\n"), "Chen")
        assert (done.new, done.changed, done.same) == counts
    assert case.current("answer")["Q-ORG-01"]["value"]["answer"] == "no"
    assert [e["value"] for e in case.journal("engagement")] == ["A"]
    assert case.journal("answer")[0]["source"] == "import:a.yaml"


def test_the_example_client_has_no_refusals():
    found = answers.read(resources.rulesets() / "examples/plant/answers.yaml")
    assert not found.refusals and len(found.values) > 60 and found.engagement["business_importance"] == 4


def test_a_time_zone_that_does_not_exist_is_refused(tmp_path):
    found = read(tmp_path, "engagement: {timezone: Mars/Olympus, client: A}\n")
    assert found.engagement == {"client": "A"} and "Asia/Shanghai" in refused(found)[0][1]
    assert read(tmp_path, "engagement: {timezone: '+08:00'}\n").engagement == {"timezone": "+08:00"}


def test_the_error_of_the_clock_is_a_number(tmp_path):
    assert read(tmp_path, "engagement: {clock_offset: -1.5}\n").engagement == {"clock_offset": -1.5}
    assert read(tmp_path, "engagement: {clock_offset: 0}\n").engagement == {"clock_offset": 0}
    assert refused(read(tmp_path, "engagement: {clock_offset: early}\n"))
