"""The configuration: defaults, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.errors import UsageError
from sentinel.sensor.config import Config


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(
        'rules = ["/etc/x"]\n[capture]\ninterfaces = ["eth1"]\n[record]\nmax_minutes = 5\nenabled = false\n'
    )
    config = Config.read(path)
    assert (config.capture.interfaces, config.record.max_minutes, config.record.enabled) == (["eth1"], 5, False)
    assert config.rules == ["/etc/x"] and config.store == Config().store


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[capture]\ninterface = 'eth1'", "capture.interface"),
        ("[captures]\n", "captures"),
        ("capture = 3", "capture must be"),
        ("[capture]\ninterfaces = 'eth1'", "capture.interfaces must be"),
        ("[capture]\nring_mib = 1.5", "capture.ring_mib must be 2 ... 4096"),
        ("[capture]\nring_mib = true", "capture.ring_mib must be"),
        ("[record]\nenabled = 1", "record.enabled must be bool"),
        ("[record]\nmax_minutes = 0", "record.max_minutes must be"),
        ("[disk]\ncase_gib = -1", "disk.case_gib must be 0 ... "),
        ("[disk]\npolls = 3", "disk.polls"),
        ("[health]\none_sided = nan", "health.one_sided must be"),
        ("[life]\nseccomp = 'on'", "life.seccomp must be auto | kill | off"),
        ("[capture", "no TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        Config.read(path)
    assert said in str(error.value) and str(path) in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Config.read(tmp_path / "none.toml")
