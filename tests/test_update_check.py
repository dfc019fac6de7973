"""Rules and packs that wait are judged in a process of their own, as the commands would judge them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("jsonschema", reason="the report extra is not installed")

from sentinel import resources
from sentinel.errors import UpdateError
from sentinel.update import check


@pytest.fixture
def rulesets(tmp_path: Path) -> Path:
    return shutil.copytree(resources.shipped_rulesets(), tmp_path / "rulesets")


def test_the_shipped_ones_pass(rulesets: Path) -> None:
    assert check.problems(rulesets) == []


def test_rules_and_packs_are_judged_and_named_by_their_place(rulesets: Path) -> None:
    (rulesets / "sigma/any/broken.yml").write_text("title: nothing else\n")
    (rulesets / "frameworks/nist-csf-2/notes.txt").touch()
    found = check.problems(rulesets)
    assert any(line.startswith("sigma/any/broken.yml:") for line in found)
    assert any(line.startswith("frameworks/nist-csf-2/notes.txt: no file of a pack") for line in found)


@pytest.mark.parametrize(
    "name", ["knowledge/attack-ics.json", "knowledge/attack-ics-zh.json", "questionnaire/org.yaml",
             "profiles/iec-order-1.yaml", "remediation/hosts.yaml"],
)  # fmt: skip
def test_knowledge_that_cannot_be_read_is_found_before_anything_else(name: str, rulesets: Path) -> None:
    (rulesets / name).write_text("{[")
    assert len(check.problems(rulesets)) >= 1


def test_no_rule_and_no_pack_is_a_finding(rulesets: Path) -> None:
    for path in [*(rulesets / "sigma").iterdir(), *(rulesets / "frameworks").iterdir()]:
        if path.is_dir():
            shutil.rmtree(path)
    assert check.problems(rulesets) == ["sigma: no rule", "frameworks: no pack"]


def test_a_check_that_takes_too_long_or_too_much_ends(rulesets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "SECONDS", 0.01)
    with pytest.raises(UpdateError, match="took longer than"):
        check.problems(rulesets)


def test_a_check_that_dies_is_no_pass(rulesets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.resources, "PACKAGE", Path("/nonexistent/sentinel"))
    monkeypatch.setattr(check.sys, "executable", "/bin/false")
    with pytest.raises(UpdateError, match="did not come to its end"):
        check.problems(rulesets)


def test_nothing_beside_the_rules_is_imported(rulesets: Path, tmp_path: Path) -> None:
    for folder in (rulesets, rulesets / "sigma"):
        (folder / "yaml.py").write_text("raise SystemExit(9)\n")
        (folder / "sitecustomize.py").write_text("raise SystemExit(9)\n")
    assert check.problems(rulesets) == []
