"""`sentinel report`: what is written, in which languages, and what is said when something cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import main

pytest.importorskip("docx")


@pytest.fixture
def case(client_case: Path, tmp_path: Path) -> Path:
    shutil.copytree(client_case, tmp_path / "case")
    return tmp_path / "case"


def run(case: Path, out: Path, *arguments: str) -> Result:
    asked = ["--lang", "en", "report", "--case", str(case), "-o", str(out), *arguments]
    return CliRunner().invoke(main.cli, asked, prog_name="sentinel")


def names(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_one_language_and_one_format(case: Path, tmp_path: Path) -> None:
    result = run(case, tmp_path / "out", "--lang", "zh", "--format", "html,json", "--no-evidence")
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") == {"report_zh.html", "assessment.json", "MANIFEST.sha256"}


def test_the_same_case_gives_the_same_files(case: Path, tmp_path: Path) -> None:
    wanted = ("--format", "json,oscal,html,docx,xlsx,navigator", "--no-evidence", "--pack", "cn-miit-14")
    assert run(case, tmp_path / "one", *wanted).exit_code == 0
    assert run(case, tmp_path / "two", *wanted).exit_code == 0
    assert names(tmp_path / "one") == names(tmp_path / "two")
    manifests = [(tmp_path / name / "MANIFEST.sha256").read_text() for name in ("one", "two")]
    assert manifests[0] == manifests[1]


def test_a_frozen_assessment_can_be_reported_later(case: Path, tmp_path: Path) -> None:
    assert run(case, tmp_path / "one", "--format", "json", "--no-evidence").exit_code == 0
    made = json.loads((tmp_path / "one" / "assessment.json").read_bytes())["id"]
    result = run(case, tmp_path / "two", "--format", "json", "--no-evidence", "--assessment", made[:8])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "two" / "assessment.json").read_bytes() == (tmp_path / "one" / "assessment.json").read_bytes()


def test_teaching_material_names_nobody(case: Path, tmp_path: Path) -> None:
    result = run(case, tmp_path / "out", "--format", "json,html", "--lang", "en", "--anonymise")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out" / "assessment.json").read_text("utf-8")
    assert "10.20.1." not in text
    slices = list((tmp_path / "out" / "evidence").glob("*.pcapng"))
    assert slices
    assert not [p.name for p in slices if b"plant-attack" in p.read_bytes()]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [(("--format", "odt"), 2, "odt"), (("--pack", "nope"), 9, "nope"), (("--assessment", "nope"), 4, "nope")],
)
def test_what_makes_no_sense_is_one_sentence(case: Path, tmp_path: Path, arguments, code: int, word: str) -> None:
    result = run(case, tmp_path / "out", *arguments)
    assert result.exit_code == code, result.output
    assert word in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_template_that_is_none_costs_the_word_file_alone(case: Path, tmp_path: Path) -> None:
    (tmp_path / "template.docx").write_bytes(b"no Word file")
    result = run(case, tmp_path / "out", "--format", "docx,html", "--lang", "en", "--no-evidence", "--template",
                 str(tmp_path / "template.docx"))  # fmt: skip
    assert result.exit_code == 9
    assert "report_en.docx" in result.stderr
    assert names(tmp_path / "out") == {"report_en.html", "MANIFEST.sha256"}


def test_a_folder_that_cannot_be_made_is_said(case: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run(case, tmp_path / "file" / "out", "--format", "json").exit_code == 7
