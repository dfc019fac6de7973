"""`sentinel pack`: list, check, show, new and export, in both languages."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from sentinel.assess import packs
from sentinel.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main.cli, [str(a) for a in arguments], prog_name="sentinel")


def test_list_names_every_pack_and_marks_the_unverified():
    result = run("pack", "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == packs.available()
    marked = {line.split()[0] for line in lines if "*" in line}
    assert marked == {name for name in packs.available() if packs.load(name).verified_by is None}
    assert result.stderr.startswith("* not compared")


def test_list_is_in_the_language_of_the_person():
    result = run("--lang", "zh", "pack", "list")
    assert "工业控制系统网络安全防护指南" in result.stdout and "尚未与正式文本" in result.stderr
    assert run("-q", "pack", "list").stderr == ""


def test_list_as_json():
    rows = [json.loads(line) for line in run("pack", "list", "--json").stdout.splitlines()]
    by_id = {row["id"]: row for row in rows}
    assert by_id["cn-miit-14"]["controls"] == 33 and by_id["cn-miit-14"]["verified_by"] is None
    assert by_id["measures-bao-an-2021"]["valid_to"] == "2022-03-11"


def test_check_of_what_is_shipped():
    pytest.importorskip("jsonschema")
    result = run("pack", "check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{len(packs.available())} packs, nothing to complain about.\n"


def test_new_then_check_then_spoil(tmp_path):
    pytest.importorskip("jsonschema")
    made = run("pack", "new", tmp_path, "mine")
    folder = tmp_path / "mine"
    assert made.exit_code == 0 and made.stdout.startswith(f"{folder} is there")
    assert run("pack", "check", folder).exit_code == 0
    path = folder / "controls.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("tests: []", "tests: [{check: SG-99}]"), encoding="utf-8")
    result = run("pack", "check", folder, "cn-miit-14")
    assert result.exit_code == 1
    assert result.stdout == f"{path}: control 1 (1.1): there is no check SG-99\n"
    assert result.stderr == "2 packs, 1 findings.\n"


def test_new_refuses_what_is_there(tmp_path):
    run("pack", "new", tmp_path, "mine")
    result = run("pack", "new", tmp_path, "mine")
    assert result.exit_code == 9 and "is already there" in result.stderr


def test_show_tells_edition_validity_and_every_requirement():
    result = run("pack", "show", "measures-bao-an-2021")
    assert result.exit_code == 0
    for said in ("Valid: 2021-03-11 to 2022-03-11", "Verified: Sentinel", "M01", "M29", "identifier"):
        assert said in result.stdout
    chinese = run("--lang", "zh", "pack", "show", "cn-22239", "--level", "2").stdout
    assert packs.WATERMARK.zh in chinese and "7.5.2.1a" in chinese and "8.5.2.1a" not in chinese
    assert "一级" not in chinese.splitlines()[0]


def test_show_as_json_is_the_whole_pack():
    value = json.loads(run("pack", "show", "cn-iiot-68", "--json").stdout)
    assert value["id"] == "cn-iiot-68" and len(value["controls"]) == 22
    assert value["tables"]["due_dates"][0]["months"] == 12


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "nothing"), 9, "nothing: no pack of that id"),
        (("show", "cn-22239", "--level", "9"), 2, "cn-22239 has no level 9; it has 2, 3"),
        (("show", "cn-miit-14", "--level", "3"), 2, "cn-miit-14 has no level 3; it has -"),
        (("check", "/nowhere"), 9, "/nowhere: no pack of that id"),
        (("new", "/tmp", "Bad Id"), 9, "a pack's id has small letters"),
        (("export", "cn-miit-14"), 2, "--oscal"),
        (("export", "--oscal", "nothing"), 9, "nothing: no pack of that id"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(arguments, code, said):
    result = run("pack", *arguments)
    assert result.exit_code == code
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_export_writes_a_file_or_standard_output(tmp_path):
    path = tmp_path / "catalog.json"
    assert run("pack", "export", "--oscal", "cn-miit-14", "-o", path).exit_code == 0
    result = run("pack", "export", "--oscal", "cn-miit-14")
    assert result.exit_code == 0 and path.read_text(encoding="utf-8") == result.stdout
    assert json.loads(result.stdout)["catalog"]["metadata"]["oscal-version"].startswith("1.1.")


def test_export_into_a_folder_that_is_not_there(tmp_path):
    result = run("pack", "export", "--oscal", "cn-miit-14", "-o", tmp_path / "no" / "catalog.json")
    assert result.exit_code == 7 and "No such file" in result.stderr
