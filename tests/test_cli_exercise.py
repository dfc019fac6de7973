"""`sentinel exercise`: what it lists, refuses and checks."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sentinel.cli.exercise import command
from sentinel.errors import MissingExtra, OutputError, UsageError
from sentinel.exercise.capture import Recording
from sentinel.exercise.scenario import Performance
from sentinel.exercise.scenarios import LONG_SCENARIOS, SCENARIOS

ROOT = Path(__file__).resolve().parents[1]


def invoke(*arguments, **options):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], **options)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_list_names_every_scenario_in_the_language_of_the_person(language):
    result = invoke("list", env={"SENTINEL_LANG": language})
    assert result.exit_code == 0
    for scenario in (SCENARIOS | LONG_SCENARIOS).values():
        assert scenario.name in result.output and getattr(scenario, language) in result.output


def test_verify_accepts_the_shipped_captures_and_refuses_an_empty_folder(tmp_path):
    assert invoke("verify").exit_code == 0
    result = invoke("verify", tmp_path)
    assert result.exit_code == 1
    assert "MANIFEST.tsv is missing" in result.output


def test_an_unknown_scenario_is_one_sentence(tmp_path):
    result = invoke("run", "world-domination", "-o", tmp_path)
    assert isinstance(result.exception, UsageError)
    assert "there is no scenario 'world-domination'" in str(result.exception)


def test_without_the_lab_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = invoke("run", "modbus-normal", "-o", tmp_path)
    assert isinstance(result.exception, MissingExtra)
    assert "pymodbus" in str(result.exception) and "[lab]" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    done = Performance(SCENARIOS["modbus-normal"], "loopback", Recording(), [])
    monkeypatch.setattr("sentinel.exercise.scenario.perform", lambda scenario, loopback: done)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    result = invoke("run", "modbus-normal", "--loopback", "-o", tmp_path / "file" / "below")
    assert isinstance(result.exception, OutputError)
    assert str(tmp_path / "file" / "below") in str(result.exception)


def test_no_stack_is_imported_before_it_is_needed():
    code = (
        "import sys, sentinel.cli.exercise, sentinel.exercise.scenarios, sentinel.exercise.manifest;"
        "from sentinel.exercise.scenario import actions, servers; actions(); servers();"
        "print([m for m in ('scapy', 'pymodbus', 'snap7', 'py1815', 'opendnp3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
