"""`sentinel import`: what it says, which exit code, what is kept."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import main
from sentinel.store.case import Case


def run(*arguments: str, lang: str = "en") -> Result:
    return CliRunner().invoke(main.cli, ("--lang", lang, "import", *arguments), prog_name="sentinel")


@pytest.fixture
def case(tmp_path):
    folder = tmp_path / "acme"
    Case.open(folder).close()
    return folder


def put(tmp_path, text, name="a.csv") -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path / name)


def kept(folder, kind="asset"):
    with Case.open(folder, "read") as case:
        return case.current(kind)


def test_a_list_is_taken_with_the_name_of_who_brought_it(case, tmp_path):
    file = put(tmp_path, "id,name,Rack no.,colour\nA1,pump,R7,red\n")
    result = run("assets", file, "--case", str(case), "--author", "Chen", "--map", "Rack no.=location")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{file}: 1 new, 0 changed, 0 unchanged\ncolumns that were not read: colour\n"
    entry = kept(case)["A1"]
    assert (entry["author"], entry["source"], entry["value"]["location"]) == ("Chen", "import:a.csv", "R7")


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "a.csv: row 3, column 2: '10.0.0.300' is no IP address"),
        ("zh", "a.csv: 第 3 行第 2 列: “10.0.0.300”不是 IP 地址"),
    ],
)
def test_good_rows_are_kept_and_the_exit_code_says_that_some_were_not(case, tmp_path, lang, said):
    result = run("assets", put(tmp_path, "id,ip\nA1,10.0.0.1\nA2,10.0.0.300\n"), "--case", str(case), lang=lang)
    assert result.exit_code == 9 and said in result.stderr
    assert list(kept(case)) == ["A1"]


def test_many_refusals_are_not_all_printed(case, tmp_path):
    text = "id,ip\n" + "".join(f"A{n},x\n" for n in range(60))
    result = run("assets", put(tmp_path, text), "--case", str(case))
    assert result.stderr.count("is no IP address") == 50 and "refused: 60" in result.stderr


def test_a_file_that_is_no_list_is_one_sentence(case, tmp_path):
    result = run("assets", put(tmp_path, "PK", "a.xlsx"), "--case", str(case), lang="zh")
    assert result.exit_code == 9 and "不是工作簿" in result.stderr and result.stderr.count("\n") == 1


def test_conduits_may_name_zones_of_the_case(case, tmp_path):
    assert run("zones", put(tmp_path, "id,subnets\ncell,10.0.0.0/24\n"), "--case", str(case)).exit_code == 0
    file = put(tmp_path, "source,target,protocols\ncell,external,modbus\ncell,moon,modbus\n")
    result = run("zones", file, "--case", str(case))
    assert result.exit_code == 9 and "there is no zone moon" in result.stderr
    assert list(kept(case, "conduit")) == ["cell>external"]


def test_the_zone_of_times_is_said(case, tmp_path):
    file = put(tmp_path, "id,start,end\nC1,2026-03-01 08:00,2026-03-01 09:00\n")
    result = run("tickets", file, "--case", str(case), "--timezone", "Asia/Shanghai")
    assert "times without a time zone were read as Asia/Shanghai" in result.stdout
    assert kept(case, "ticket")["C1"]["value"]["start"] == 1_772_323_200_000_000_000
    assert run("tickets", file, "--case", str(case), "--timezone", "Moon").exit_code == 2
    file = put(tmp_path, "id,start,end\nC1,2026-03-01 08:00Z,2026-03-01 09:00Z\n")
    assert "time zone" not in run("tickets", file, "--case", str(case)).stdout


def test_edits_and_rows_that_are_gone_are_told(case, tmp_path):
    run("assets", put(tmp_path, "id,name\nA1,pump\nA2,fan\n"), "--case", str(case))
    with Case.open(case) as opened:
        opened.record([("asset", "A1", {"id": "A1", "name": "mine"})], "Li")
    file = put(tmp_path, "id,name\nA1,theirs\n")
    said = run("assets", file, "--case", str(case)).stdout
    assert "against the file: asset/A1: name" in said and "(--replace takes it back): asset/A2" in said
    assert "taken back: asset/A2" in run("assets", file, "--case", str(case), "--replace").stdout
    assert {id_: entry["value"]["name"] for id_, entry in kept(case).items()} == {"A1": "mine"}


@pytest.mark.parametrize("arguments", [("--map", "x"), ("--map", "=name"), ("--map", "id=colour")])
def test_a_column_that_cannot_be_mapped(case, tmp_path, arguments):
    assert run("assets", put(tmp_path, "id,name\nA,b\n"), "--case", str(case), *arguments).exit_code == 2


def test_headings_cannot_drive_the_terminal(case, tmp_path):
    result = run("assets", put(tmp_path, "id,name,\x1b[31mred\nA,b,c\n"), "--case", str(case))
    assert "\x1b" not in result.stdout
