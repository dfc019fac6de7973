"""`sentinel completion`: the three shells."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sentinel.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script(shell):
    result = CliRunner().invoke(main.cli, ["completion", shell], prog_name="sentinel")
    assert result.exit_code == 0
    assert f"_SENTINEL_COMPLETE={shell}_complete" in result.output


def test_unknown_shell():
    assert CliRunner().invoke(main.cli, ["completion", "csh"]).exit_code == 2
