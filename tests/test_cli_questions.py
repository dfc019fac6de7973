"""`sentinel questions`: export, import, show, answer."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from test_assess_questions import seen

from sentinel.assess import engine
from sentinel.assess.model import Site
from sentinel.cli import main
from sentinel.store.case import Case


def run(*arguments: str, lang: str = "en") -> Result:
    return CliRunner().invoke(main.cli, ("--lang", lang, "questions", *arguments), prog_name="sentinel")


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A case without captures, of which the checks say one thing."""

    class Looked:
        site = Site()
        results = {"AU-04": seen("AU-04")}

    def look(opened):
        from sentinel.assess import site

        found = Looked()
        found.site = Site(answers={id_: site.answer(id_, e) for id_, e in opened.current("answer").items()})
        return found

    monkeypatch.setattr(engine, "look", look)
    folder = tmp_path / "acme"
    Case.open(folder).close()
    return folder


def kept(folder):
    with Case.open(folder, "read") as opened:
        return {id_: entry["value"] for id_, entry in opened.current("answer").items()}


def test_one_answer(case):
    done = run(
        "answer", "Q-OPS-01", "没有", "--case", str(case), "--state", "documented", "--note", "见 3", "--author", "Chen"
    )
    assert (done.exit_code, done.stdout) == (0, "Q-OPS-01: recorded\n")
    assert kept(case) == {"Q-OPS-01": {"answer": "none", "state": "documented", "note": "见 3"}}
    with Case.open(case, "read") as opened:
        assert opened.journal("answer")[0]["author"] == "Chen"


def test_a_register_is_answered_in_yaml(case):
    assert run("answer", "Q-DAT-04.rows", "[{item: recipe}]", "--case", str(case)).exit_code == 0
    assert kept(case)["Q-DAT-04.rows"]["answer"] == [{"item": "recipe"}]


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "'maybe' is none of yes, partly, no, na"), ("zh", "“maybe”不在可选答案之中（是、部分、否、不适用）")],
)
def test_a_bad_answer_says_why(case, lang, said):
    result = run("answer", "Q-ORG-01", "maybe", "--case", str(case), lang=lang)
    assert result.exit_code == 9 and said in result.stderr and kept(case) == {}


@pytest.mark.parametrize("arguments", [("Q-ORG-99", "yes"), ("Q-DAT-04.rows", "[{"), ("Q-ORG-01", "na")])
def test_other_answers_that_are_none(case, arguments):
    assert run("answer", *arguments, "--case", str(case)).exit_code == 9


def test_the_list_shows_answers_and_what_the_capture_says(case):
    run("answer", "Q-OPS-01", "none", "--case", str(case))
    shown = run("show", "--topic", "ops", "--case", str(case)).stdout
    assert "Q-OPS-01" in shown and "none" in shown and "seen on the wire" in shown and "Q-ORG-01" not in shown
    assert "answered 1, seen on the wire 1, not asked 0" in shown
    still = run("show", "--open", "--case", str(case), lang="zh").stdout
    assert "Q-OPS-19" not in still and "Q-ORG-01" in still
    assert run("show", "--topic", "XX", "--case", str(case)).exit_code == 2


@pytest.mark.parametrize("name", ["q.xlsx", "q.yaml"])
def test_out_and_in_again(case, tmp_path, name):
    if name == "q.xlsx":
        pytest.importorskip("openpyxl")
    run("answer", "Q-OPS-01", "none", "--case", str(case))
    path = str(tmp_path / name)
    assert run("export", path, "--case", str(case), "--both").exit_code == 0
    assert run("export", path, "--case", str(case)).exit_code == 7
    result = run("import", path, "--case", str(case))
    assert (result.exit_code, result.stdout) == (0, f"{path}: 0 new, 0 changed, 0 taken back, 1 unchanged\n")


def test_refusals_of_an_import(case, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("Q-ORG-01: yes\nQ-ORG-02: maybe\n")
    result = run("import", str(path), "--case", str(case))
    assert result.exit_code == 9 and "a.yaml: line 2: 'maybe' is none of" in result.stderr
    assert kept(case) == {"Q-ORG-01": {"answer": "yes", "state": "stated"}}
    path.write_text("[")
    assert run("import", str(path), "--case", str(case)).exit_code == 9
