"""`sentinel case`: merge, check and info, as a person meets them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from store_rows import SHA_A, SHA_B, analyse

from sentinel.cli.main import cli
from sentinel.store.case import Case


def run(*args, code: int = 0):
    result = CliRunner().invoke(cli, ["--lang", "en", *map(str, args)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def two(tmp_path):
    for name, sha256 in (("a", SHA_A), ("b", SHA_B)):
        with Case.open(tmp_path / name) as case:
            analyse(case, sha256)
            case.record([("zone", name, 1)], "ann")
    return tmp_path / "a", tmp_path / "b"


def test_merge_says_what_it_added(tmp_path, two):
    said = run("case", "merge", tmp_path / "out", *two).stdout
    assert "2 runs over 2 captures added; 0 captures were known." in said
    assert "2 entries of the journal, 0 decisions about alerts and 0 assessments added." in said
    again = json.loads(run("case", "merge", tmp_path / "out", *two, "--json").stdout)
    assert (again["runs"], again["known"], again["entries"]) == (0, 2, 0)
    assert run("-q", "case", "merge", tmp_path / "out", *two).stdout == ""


def test_bad_arguments_end_before_anything_is_made(tmp_path, two):
    assert "the same case is given twice" in run("case", "merge", tmp_path / "out", two[0], two[0], code=2).output
    assert "the same case is given twice" in run("case", "merge", two[0], two[0], code=2).output
    assert "there is no case here" in run("case", "merge", tmp_path / "out", two[0], tmp_path / "no", code=4).output
    assert not (tmp_path / "out").exists()


def test_check_names_what_is_damaged(two):
    assert "as it was written" in run("case", "check", two[0]).stdout
    (part,) = (two[0] / "messages").iterdir()
    part.unlink()
    said = run("case", "check", two[0], code=1)
    assert part.name in said.output
    assert "1 files of the case are not as they were written" in said.output


def test_info_tells_rows_bytes_and_origins(tmp_path, two):
    run("case", "merge", tmp_path / "out", *two)
    said = run("case", "info", tmp_path / "out").stdout
    assert "Run 1 came from a" in said
    content = json.loads(run("case", "info", tmp_path / "out", "--json").stdout)
    assert content["rows"]["messages"] == 6
    assert content["bytes"]["messages"] > 0
    assert [origin["source"] for origin in content["origins"]] == ["a", "b"]
