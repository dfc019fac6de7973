"""`sentinel rules`: list, lint and test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rule_files import GOOD, write

from sentinel.cli.main import cli


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path / "cache"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_list_shows_the_shipped_rules_in_both_languages() -> None:
    english, chinese = run("--lang", "en", "rules", "list"), run("--lang", "zh", "rules", "list")
    assert english.exit_code == chinese.exit_code == 0
    assert "s7comm_plc_stop" in english.output and "S7 controller stopped" in english.output
    assert "S7 控制器被停止" in chinese.output
    assert "_match" not in english.output


def test_list_as_json(tmp_path: Path) -> None:
    result = run("rules", "list", "--json", write(tmp_path, "stopped", GOOD))
    row = json.loads(result.output)
    assert row["name"] == "stopped" and row["techniques"] == ["T0858"] and row["title"]["zh"] == "控制器被停止"


def test_shipped_rules_pass() -> None:
    assert run("rules", "lint").exit_code == 0
    assert run("rules", "test").exit_code == 0


def test_findings_end_with_one_and_tell_path_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "stopped", GOOD.replace("operation: plc_start}", "operation: plc_stop}"))
    for what in ("lint", "test"):
        result = run("--lang", "en", "rules", what, path)
        assert result.exit_code == 1 and f"{path}:1: " in result.output and "the counterexample fires" in result.output
    broken = write(tmp_path, "broken", "title: [\n")
    assert run("rules", "lint", broken).exit_code == run("rules", "test", broken).exit_code == 1
    listed = run("rules", "list", broken)
    assert listed.exit_code == 0 and "broken.yml:2: not YAML" in listed.output


def test_one_rule_can_be_tested_alone() -> None:
    result = run("--lang", "en", "rules", "test", "--name", "modbus_identification_sweep")
    assert result.exit_code == 0 and result.output.startswith("1 rules")
    assert run("rules", "test", "--name", "nothing").exit_code == 2


def test_usage() -> None:
    assert run("rules", "lint", "/no/such/folder").exit_code == 2
    assert run("rules", "mend").exit_code == 2
