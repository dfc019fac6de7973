"""`sentinel config`: a file is checked as the sensor reads it, and an example says every key."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from sentinel.cli.main import cli
from sentinel.sensor.config import Config


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_example_is_the_defaults(lang: str) -> None:
    run = CliRunner().invoke(cli, ["--lang", lang, "config", "example"])
    assert run.exit_code == 0
    keys = "\n".join(line.removeprefix("# ") if " = " in line else line for line in run.output.splitlines())
    assert asdict(Config.of(tomllib.loads(keys), "x")) == asdict(Config())


def test_config_check(tmp_path: Path) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text("[capture]\nring_mib = 8\n")
    run = CliRunner().invoke(cli, ["--lang", "en", "config", "check", str(path)])
    assert run.exit_code == 0 and "good" in run.output
    path.write_text("[capture]\nring_mib = 0\n")
    assert CliRunner().invoke(cli, ["config", "check", str(path)]).exit_code == 2
    path.write_text('rules = ["/nowhere/at/all"]\n')
    assert CliRunner().invoke(cli, ["config", "check", str(path)]).exit_code == 8
