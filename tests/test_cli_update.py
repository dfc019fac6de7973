"""`sentinel update`: what a person types and reads; made, taken, shown and taken back with the shipped rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("cryptography", reason="the sensor extra is not installed")
pytest.importorskip("jsonschema", reason="the report extra is not installed")

from update_files import Keys

from sentinel import resources
from sentinel.cli.main import cli
from sentinel.rules.load import RuleSet


@pytest.fixture(autouse=True)
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_UPDATES", str(tmp_path / "updates"))
    monkeypatch.setenv("SENTINEL_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SENTINEL_LANG", "en")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["update", *map(str, arguments)])


def test_new_rules_are_made_taken_used_and_taken_back(tmp_path: Path, keys: Keys) -> None:
    rules = shutil.copytree(resources.shipped_rulesets() / "sigma", tmp_path / "new/sigma")
    (rules / "modbus/modbus_write.yml").unlink()
    made = run("--make", tmp_path / "new", "-o", tmp_path / "u", "--key", keys.private, "--version", "2026.11")
    assert made.exit_code == 0 and "version 2026.11" in made.output and "signed by" in made.output
    assert run(tmp_path / "u").exit_code == 11
    taken = run(tmp_path / "u", "--trust", keys.public)
    assert taken.exit_code == 0 and "2026.11 is in place" in taken.output
    assert "in place already" in run(tmp_path / "u", "--trust", keys.public).output
    assert "modbus_write" not in {rule.name for rule in RuleSet.load().rules}
    status = json.loads(run("--status", "--json").output)
    assert status["used"] and [one["version"] for one in status["updates"]] == ["2026.11"]
    assert "2026.11: made" in run("--status").output
    assert "came with the program" in run("--rollback").output
    assert "modbus_write" in {rule.name for rule in RuleSet.load().rules}
    assert run("--rollback").exit_code == 11


def test_a_bad_rule_is_named_and_refused(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "new/sigma").mkdir(parents=True)
    (tmp_path / "new/sigma/bad.yml").write_text("title: nothing else\n")
    made = run("--make", tmp_path / "new", "-o", tmp_path / "u")
    assert made.exit_code == 11 and "sigma/bad.yml:" in made.stderr and not (tmp_path / "u").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say one of"),
        (["--status", "--rollback"], "say one of"),
        (["u", "--make", "."], "say one of"),
        (["--make", "."], "name the file to write"),
        (["--make", ".", "-o", "u", "--version", "1.x"], "1.x is no version"),
    ],
)
def test_options_that_make_no_sense_together(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2 and said in result.stderr


def test_what_is_in_place_is_said_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_LANG", "zh")
    assert "没有生效的更新" in run("--status").output
