"""`sentinel assess`: the page, the snapshot in the case, and the retest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from assessed_case import CAPTURE
from click.testing import CliRunner, Result

from sentinel import resources
from sentinel.assess.snapshot import load
from sentinel.cli import main
from sentinel.store.case import Case


@pytest.fixture
def case(client_case: Path, tmp_path: Path) -> Path:
    shutil.copytree(client_case, tmp_path / "case")
    return tmp_path / "case"


def run(*arguments: str, lang: str = "en") -> Result:
    return CliRunner().invoke(main.cli, ["--lang", lang, "assess", *arguments], prog_name="sentinel")


@pytest.mark.parametrize(("lang", "word"), [("en", "high"), ("zh", "高")])
def test_the_page_names_packs_and_findings_by_risk(case: Path, lang: str, word: str) -> None:
    result = run("--case", str(case), lang=lang)
    assert result.exit_code == 0, result.output
    for expected in ("cn-miit-14", "F-01", word):
        assert expected in result.output


def test_the_snapshot_is_kept_and_listed(case: Path) -> None:
    raw = run("--case", str(case), "--pack", "cn-miit-14", "--json").output
    made = load(raw.encode())
    listed = [json.loads(line) for line in run("--case", str(case), "--list").output.splitlines()]
    assert [row["assessment"] for row in listed] == [made.id]
    assert listed[0]["packs"] == ["cn-miit-14"]
    again = json.loads(run("--case", str(case), "--pack", "cn-miit-14", "--json").output)
    assert again["id"] == made.id


def test_the_comparison_takes_an_earlier_one(case: Path) -> None:
    first = json.loads(run("--case", str(case), "--json").output)
    second = json.loads(run("--case", str(case), "--compare", first["id"], "--json").output)
    assert second["previous"]["previous"] == first["id"]
    assert run("--case", str(case), "--compare", "zz").exit_code == 4


def test_a_retest_on_the_same_attack_closes_nothing(case: Path) -> None:
    assert run("--case", str(case)).exit_code == 0
    result = run("--case", str(case), "--retest", str(CAPTURE), "--author", "Li")
    assert result.exit_code == 0, result.output
    with Case.open(case, mode="read") as opened:
        closed = [e for e in opened.journal("finding") if e["value"]["status"] == "fixed"]
    assert closed == []
    assert "unchanged" in result.output


def test_a_retest_needs_an_assessment_and_says_what_it_did(case: Path) -> None:
    assert run("--case", str(case), "--retest", str(CAPTURE)).exit_code == 2
    assert run("--case", str(case)).exit_code == 0
    quiet = resources.pcaps() / "modbus-normal.pcap"
    result = run("--case", str(case), "--retest", str(quiet), "--author", "Li")
    assert result.exit_code == 0, result.output
    with Case.open(case, mode="read") as opened:
        entries = opened.journal("finding")
    assert all(entry["author"] == "Li" for entry in entries)
    assert all(entry["value"]["reason"]["zh"] and entry["value"]["reason"]["en"] for entry in entries)


def test_what_makes_no_sense_is_one_sentence(case: Path, tmp_path: Path) -> None:
    for arguments, code in (
        (["--case", str(case), "--pack", "nothing"], 9),
        (["--case", str(case), "--profile", "nothing"], 9),
        (["--case", str(case), "--retest", str(CAPTURE), "--json"], 2),
        (["--case", str(tmp_path / "none")], 4),
    ):
        result = run(*arguments)
        assert result.exit_code == code, result.output
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
