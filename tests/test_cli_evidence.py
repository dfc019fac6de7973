"""`sentinel evidence`: which alert, where to, what is said about it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import fake_case
import pytest
from click.testing import CliRunner, Result

import sentinel.store
from sentinel.cli import main


@pytest.fixture
def asked(monkeypatch) -> list:
    """How `sentinel.store.evidence.slice` was called."""
    fake_case.install(monkeypatch)
    calls: list = []

    def cut(case, alert, out, context, look_in):
        calls.append((alert, out, context, look_in))
        return SimpleNamespace(frames=12, evidence=10, missing=[(1, 99)])

    module = ModuleType("sentinel.store.evidence")
    module.slice = cut  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentinel.store.evidence", module)
    monkeypatch.setattr(sentinel.store, "evidence", module, raising=False)
    return calls


def run(*arguments: str) -> Result:
    arguments = ("--lang", "en", "evidence", *arguments, "--case", "acme")
    return CliRunner().invoke(main.cli, arguments, prog_name="sentinel")


def test_the_beginning_of_an_id_is_enough(asked, tmp_path):
    out = tmp_path / "a.pcapng"
    result = run("3fa9", "-o", str(out), "--context", "5", "--look-in", str(tmp_path))
    assert result.exit_code == 0
    assert asked == [(fake_case.STOP_ID, out, 5, (tmp_path,))]
    assert "Output written by a new host; frames: 12, of which evidence: 10" in result.stdout
    assert result.stderr == "sentinel: capture 1 does not hold frame 99 any more\n"


@pytest.mark.parametrize(("alert", "said"), [("3fa", "several alerts begin with '3fa'"), ("zz", "no alert whose id")])
def test_an_id_that_names_none_or_several(asked, tmp_path, alert, said):
    result = run(alert, "-o", str(tmp_path / "a.pcapng"))
    assert result.exit_code == 4 and said in result.stderr
    assert asked == []


def test_nothing_is_cut_where_it_cannot_be_written(asked, tmp_path):
    assert run("3fa9", "-o", str(tmp_path / "no" / "a.pcapng")).exit_code == 7
    assert asked == []


def test_quiet(asked, tmp_path):
    arguments = ["-q", "evidence", "3fa9", "-c", "acme", "-o", str(tmp_path / "a.pcapng")]
    assert CliRunner().invoke(main.cli, arguments).stdout == ""


@pytest.mark.parametrize("arguments", [("3fa9",), ("3fa9", "-o", "x.pcapng", "--context", "-1")])
def test_usage(asked, arguments):
    assert run(*arguments).exit_code == 2
