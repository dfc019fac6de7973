"""`sentinel template`: files for the client, never over one that is there."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from sentinel.assess.templates import WHAT
from sentinel.cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ("--lang", "en", "template", *arguments), prog_name="sentinel")


@pytest.mark.parametrize("what", WHAT)
def test_every_template_is_written(tmp_path, what):
    result = run(what, "-o", str(tmp_path / "t.yaml"))
    assert result.exit_code == 0 and result.stdout == f"written: {tmp_path / 't.yaml'}\n"
    assert (tmp_path / "t.yaml").stat().st_size > 500


def test_a_file_that_may_be_filled_in_is_not_overwritten(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mine")
    result = run("assets", "-o", str(path))
    assert result.exit_code == 7 and "add --force" in result.stderr and path.read_text() == "mine"
    assert run("assets", "-o", str(path), "--force").exit_code == 0 and path.read_text() != "mine"


def test_what_cannot_be_written_is_said(tmp_path):
    assert run("assets", "-o", str(tmp_path / "t.docx")).exit_code == 2
    assert run("assets", "-o", str(tmp_path / "none/t.csv")).exit_code == 7
