"""The questionnaire: what is asked, what the capture answers or contradicts, and the small language of its conditions."""

# ruff: noqa: E501  (ruff counts a Chinese character as two)

from __future__ import annotations

import itertools
import re
import shutil

import pytest

from sentinel import resources
from sentinel.assess import packs, questions
from sentinel.assess._expression import BadExpression, parse
from sentinel.assess._fields import BadCell
from sentinel.assess.checks.registry import checks
from sentinel.assess.model import Answer, CheckResult, Conduit, Evidence, Observation, Outcome, Site, Text
from sentinel.assess.questions import TOPICS, Detail, Question
from sentinel.errors import AssessmentError

FIXED = {
    "Q-OPS-01", "Q-OPS-07", "Q-OPS-11", "Q-BLD-02", "Q-BLD-05", "Q-CLD-03", "Q-DAT-04", "Q-IDN-02", "Q-BCK-03", "Q-PHY-02",
    "Q-IR-01", "Q-SUP-04",
}  # fmt: skip
WHY = Text("三次会话", "three sessions")


def seen(
    check: str, n: int = 1, outcome: Outcome = Outcome.VIOLATED, ticket: str = "", zones=(), **tables
) -> CheckResult:
    observations = tuple(
        Observation(
            f"{check}-{i}", check, f"s{i}", outcome, WHY, Text(f"见到{i}。", f"Saw {i}."), zones=zones, ticket=ticket,
            last_time=i, evidence=(Evidence("frames", capture=1, sha256="ab", frames=(i + 1,)),),
        )
        for i in range(n)
    )  # fmt: skip
    return CheckResult(check, outcome, WHY, observations, tables=tables)


def said(id_: str, value, state: str = "stated") -> Site:
    return Site(answers={id_: Answer(id_, value, state, "Chen", 5, evidence=(Evidence("answer", id_),))})


# --- the questions ---------------------------------------------------------------------------------------------------


def test_there_are_about_120_questions_in_twelve_topics():
    found = questions.questions()
    assert 115 <= len(found) <= 130 and len(TOPICS) == 12 and found.keys() >= FIXED
    assert {q.topic for q in found.values()} == set(TOPICS) == questions.topics().keys()
    for topic, members in itertools.groupby(found.values(), key=lambda q: q.topic):
        assert [q.id for q in members] == [
            f"Q-{topic}-{n:02d}" for n in range(1, sum(q.topic == topic for q in found.values()) + 1)
        ]


@pytest.mark.parametrize("question", questions.questions().values(), ids=lambda q: q.id)
def test_a_question_is_complete_in_both_languages(question: Question):
    texts = [question.text, question.why, question.evidence, question.role]
    texts += [text for asked in questions.asked_with(question) for _, text in asked.options]
    texts += [text for detail in question.details for text in (detail.text, *(title for _, _, title in detail.columns))]
    for text in texts:
        assert re.search("[\u4e00-\u9fff]|VPN", text.zh) and not re.search("[\u4e00-\u9fff]", text.en)
        assert not re.search("[,;?!]", re.sub("[(（].*?[)）]", "", text.zh)), text.zh
    assert question.text.zh.endswith("？") and question.text.en.endswith("?")
    assert question.why.zh.endswith("。") and question.why.en.endswith((".", '."'))
    assert len({value for value, _ in question.options}) == len(question.options)


def test_every_check_that_a_question_names_exists():
    named = {check for question in questions.questions().values() for check in question.checks}
    assert named <= checks().keys()


def test_the_texts_differ():
    for lang in ("zh", "en"):
        for texts in (
            [q.text for q in questions.questions().values()],
            [q.why for q in questions.questions().values()],
        ):
            assert len({text.in_(lang) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("- id: Q-IR-02", "- id: Q-IR-01", "Q-IR-01 is there already"),
        ("- id: Q-IR-02", "- id: Q-XX-02", "does not begin with Q-IR-"),
        ("role: ops", "role: pope", "pope is none of"),
        ("checks: [AS-06]", "ask_if: 'Q-IR-99 == yes'", "asks for Q-IR-99, which is no question"),
        ("checks: [AS-06]", "ask_if: 'Q-IR-01 =='", "it ends where a value is due"),
        ("checks: [AS-06]", "prefill: [{check: AS-06, when: proven, answer: yes}]", "proven is none of"),
        ("checks: [AS-06]", "challenge: [{check: AS-06, outcome: violated, answer: perhaps}]", "perhaps is none of"),
        ("checks: [AS-06]", "colour: red", "colour is not known here"),
        ("topic: IR", "topic: XX", "XX is none of IR"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path, old, new, says):
    folder = tmp_path / "questionnaire"
    shutil.copytree(resources.rulesets() / "questionnaire", folder)
    path = folder / "ir.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AssessmentError, match=re.escape(says)) as error:
        questions.load(folder)
    assert str(folder) in str(error.value)


# --- answers ---------------------------------------------------------------------------------------------------------


def asked(id_: str) -> Question | Detail:
    found = questions.find(id_)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("id_", "given", "kept"),
    [
        ("Q-ORG-01", "是", "yes"), ("Q-ORG-01", True, "yes"), ("Q-ORG-01", "false", "no"), ("Q-ORG-01", "NO", "no"), ("Q-ORG-01", "不适用 does not apply", "na"),
        ("Q-OPS-01", "没有", "none"), ("Q-OPS-11", "named people, no ticket", "named"), ("Q-IR-01.date", "2026/3/1", "2026-03-01"),
        ("Q-OPS-03.minutes", "30", 30), ("Q-ORG-07.class", "联网工业企业；platform", ["industrial", "platform"]),
        ("Q-OPS-07.file", "fw-export.txt", "fw-export.txt"),
        ("Q-IDN-02.rows", [{"前缀": "88.118.1", "registrations": "20万"}, {}], [{"prefix": "88.118.1", "registrations": 200_000}]),
        ("Q-BLD-05.rows", [{"zone": "boiler", "safety": "高"}], [{"zone": "boiler", "safety": 4}]),
    ],
)  # fmt: skip
def test_answers_are_taken_in_either_language(id_, given, kept):
    assert questions.validate(asked(id_), given) == kept
    assert questions.validate(asked(id_), kept) == kept


@pytest.mark.parametrize(
    ("id_", "given", "says"),
    [
        ("Q-ORG-01", "maybe", "none of yes, partly, no, na"), ("Q-ORG-01", ["yes"], "one value"), ("Q-IR-01.date", "soon", "no time"),
        ("Q-OPS-03.minutes", "fast", "no number"), ("Q-DAT-04.rows", "x", "a list of rows"), ("Q-DAT-04.rows", ["x"], "row 1"),
        ("Q-DAT-04.rows", [{"colour": 1}], "no column colour"), ("Q-BLD-05.rows", [{}, {"safety": 9}], "row 2"),
        ("Q-DAT-04.rows", [{}] * 6000, "more than 5000 rows"),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_why(id_, given, says):
    with pytest.raises(BadCell, match=re.escape(says)) as error:
        questions.validate(asked(id_), given)
    assert error.value.reason.zh


def test_an_entry_of_the_journal_has_only_what_was_given():
    assert questions.entry("Q-ORG-01", "是") == {"answer": "yes", "state": "stated"}
    entry = questions.entry("Q-ORG-01", "na", "已核实", "陈", "2026-3-1", "没有 OT")
    assert entry == {"answer": "na", "state": "verified", "author": "陈", "date": "2026-03-01", "note": "没有 OT"}
    for id_, value, state in (
        ("Q-ORG-99", "yes", "stated"),
        ("Q-ORG-01.x", "yes", "stated"),
        ("Q-ORG-01", "yes", "sure"),
        ("Q-ORG-01", "na", "stated"),
    ):
        with pytest.raises(BadCell):
            questions.entry(id_, value, state)


# --- the capture's part ----------------------------------------------------------------------------------------------


def test_the_capture_answers_with_its_frames():
    found = questions.prefill({"AU-04": seen("AU-04", 9)})
    answer = found["Q-OPS-19"]
    assert (answer.value, answer.state, answer.author, answer.time) == ("no", "wire", "AU-04", 8)
    assert [piece.frames for piece in answer.evidence] == [(1,), (2,), (3,), (4,), (5,)]


def test_the_capture_answers_nothing_without_proof():
    assert questions.prefill({"AU-04": seen("AU-04", 0)}) == {}
    assert questions.prefill({"AU-04": seen("AU-04", 1, Outcome.NOT_OBSERVED)}) == {}
    assert questions.prefill({"AU-04": seen("AU-04", 1, ticket="C1")}) == {}


def test_an_answer_that_traffic_disproves():
    (found,) = questions.contradictions(said("Q-OPS-01", "none"), {"RA-01": seen("RA-01", 4)})
    assert found.question == "Q-OPS-01" and found.observations == ("RA-01-0", "RA-01-1", "RA-01-2", "RA-01-3")
    assert (
        found.said.en.endswith("the answer was “none” (stated, Chen).")
        and "回答是“没有”（口头陈述，Chen）" in found.said.zh
    )
    assert found.seen.en == "Saw 0. Saw 1. 2 more of the kind were seen. (RA-01)"
    assert found.evidence[0] == Evidence("answer", "Q-OPS-01") and found.evidence[1].frames == (1,)


@pytest.mark.parametrize(
    ("site", "result"),
    [
        (said("Q-OPS-01", "approved"), seen("RA-01")), (said("Q-OPS-01", "none"), seen("RA-01", 1, Outcome.NOT_OBSERVED)),
        (said("Q-OPS-01", "none"), seen("RA-01", 1, ticket="C-1")), (said("Q-OPS-01", "none", "wire"), seen("RA-01")), (Site(), seen("RA-01")),
    ],
)  # fmt: skip
def test_what_is_no_contradiction(site, result):
    assert questions.contradictions(site, {"RA-01": result}) == ()


def test_a_drawing_that_traffic_disproves():
    site = Site(conduits=(Conduit("c1", "cell", "office", ("tcp/443",), one_way=True),))
    results = {"SG-04": seen("SG-04", 2, zones=("office", "cell")), "SG-01": seen("SG-01", 1, zones=("lab", "cell"))}
    outside, reverse = sorted(questions.contradictions(site, results), key=lambda c: c.question)
    assert (
        reverse.question == "record:conduit/c1"
        and "one way: tcp/443" in reverse.said.en
        and "单向通道只允许：tcp/443" in reverse.said.zh
    )
    assert (
        outside.question == "record:conduit" and outside.said.en == "The drawing has no conduit between lab and cell."
    )
    proposed = Site(conduits=(Conduit("c1", "cell", "office", declared=False),))
    assert questions.contradictions(proposed, results) == ()


def test_ids_of_contradictions_last():
    first, again = (
        questions.contradictions(said("Q-OPS-01", "none"), {"RA-01": seen("RA-01", n)})[0].id for n in (1, 3)
    )
    assert first == again and len(first) == 16


def test_facts_of_the_wire():
    results = {
        "RA-01": seen("RA-01", 2, remote_sessions=({}, {}, {})),
        "TG-01": seen("TG-01", 1, Outcome.NOT_ASSESSABLE),
    }
    assert questions.facts(results) == {"wire.ra_01": "violated", "wire.ra_01_count": 2, "wire.remote_sessions": 3}


def test_the_sheet_says_what_is_answered_open_skipped_or_seen():
    site = Site(
        answers={
            "Q-BLD-03": Answer("Q-BLD-03", "no", "stated", "Chen", 5),
            "Q-IR-01": Answer("Q-IR-01", "yes", "documented", "Chen", 5),
            "Q-IR-01.date": Answer("Q-IR-01.date", "2026-03-01", "documented", "Chen", 5),
        }
    )
    rows = {row["id"]: row for row in questions.sheet(site, {"AU-04": seen("AU-04")}, {"Q-IR-01": ("cn-miit-14:25",)})}
    assert (rows["Q-BLD-03"]["status"], rows["Q-BLD-03"]["label"].zh) == ("answered", "否")
    assert rows["Q-BLD-09"]["status"] == "skipped" and "Q-BLD-03 != no" in rows["Q-BLD-09"]["reason"].en
    assert rows["Q-OPS-19"]["status"] == "wire" and rows["Q-OPS-19"]["reason"] == WHY and rows["Q-OPS-19"]["proof"]
    assert rows["Q-OPS-01"]["status"] == "open" and rows["Q-IR-01"]["feeds"] == ("cn-miit-14:25",)
    assert rows["Q-IR-01.date"]["answer"] == "2026-03-01" and "Q-BLD-09.date" not in rows
    assert len([id_ for id_ in rows if "." not in id_]) == len(questions.questions())


def test_every_pack_asks_what_there_is_and_every_question_serves_a_pack():
    asked = set()
    for path in (resources.rulesets() / "frameworks").glob("*/pack.yaml"):
        for control in packs.load(path.parent.name).controls:
            for test in (test for test in control.tests if test.question):
                options = {value for value, _ in questions.questions()[test.question].options}
                assert set(test.satisfied_by) <= options, (control.framework, control.id, test.question)
                asked.add(test.question)
    assert asked == questions.questions().keys()


def test_answers_that_the_site_already_has_from_the_wire_keep_their_proof():
    results = {"AU-04": seen("AU-04")}
    site = Site(answers=questions.prefill(results))
    row = next(row for row in questions.sheet(site, results) if row["id"] == "Q-OPS-19")
    assert (row["status"], row["reason"]) == ("wire", WHY)


# --- conditions ------------------------------------------------------------------------------------------------------

NAMES = {"Q-ORG-01": "yes", "Q-OPS-01": ("a", "b"), "wire.n": 3, "Q-IR-01.date": "2026-03-01"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Q-ORG-01 == yes", True), ("Q-ORG-01 != 'yes'", False), ("wire.n > 2 and wire.n<=3", True), ("wire.n < -1.5", False),
        ("Q-OPS-01 == a", True), ("b in Q-OPS-01", True), ("c in Q-OPS-01", False), ("Q-OPS-01 != c", True), ("Q-ORG-01", True),
        ("not Q-ORG-01 == yes", False), ("not (Q-ORG-01 == no or wire.n == 3)", False), ("Q-ORG-02 == yes", None),
        ("Q-ORG-02 == yes or Q-ORG-01 == yes", True), ("Q-ORG-02 == yes and Q-ORG-01 == no", False), ("not Q-ORG-02 == yes", None),
        ("Q-ORG-01 > 3", None), ("Q-IR-01.date >= 2026", None), ("wire.n >= 3 or wire.m", True), ('Q-ORG-01 in "yes"', True),
    ],
)  # fmt: skip
def test_conditions(text, value):
    assert parse(text)(NAMES) is value


@pytest.mark.parametrize(
    "text",
    [
        "", "Q-ORG-01 ==", "== yes", "(yes", "yes)", "a b", "and", "a and", "a or or b", "__import__('os').system('x')", "Q-ORG-01 = yes",
        "a; b", "a" * 600, "(" * 40 + "a" + ")" * 40, "not " * 100 + "a", "1 + 1", "lambda: 0", "a[0]", "'open",
    ],
)  # fmt: skip
def test_what_is_no_condition(text):
    with pytest.raises(BadExpression):
        parse(text)


def test_a_condition_says_what_it_needs():
    assert parse("Q-ORG-01 == yes and (wire.x > 1 or not Q-IR-01.date)").names == {"Q-ORG-01", "wire.x", "Q-IR-01.date"}
