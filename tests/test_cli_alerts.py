"""`sentinel alerts`: decisions, their history, and what they change on the page."""

from __future__ import annotations

import json
from pathlib import Path

import fake_case
import pytest
from click.testing import CliRunner, Result
from store_rows import SHA_A, alert, analyse

from sentinel.cli import alerts, main
from sentinel.store.case import Case

FIRST, SECOND = "a1b2c3d4e5f60718", "a1ff000000000000"
TITLES = {"title_en": "Controller stopped", "title_zh": "控制器已停止", "why_en": "It was stopped."}


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case with two alerts."""
    with Case.open(tmp_path / "case") as made:
        analyse(made, SHA_A, 2, alerts=[alert(FIRST, **TITLES), alert(SECOND, **TITLES)])
    return tmp_path / "case"


def run(case: Path, *arguments: str, lang: str = "en") -> Result:
    return CliRunner().invoke(main.cli, ["--lang", lang, "alerts", *arguments, "--case", str(case)])


def states(case: Path) -> dict[str, str]:
    with Case.open(case, "read") as opened:
        return dict(opened.alerts().select("alert", "state").rows())


@pytest.mark.parametrize(
    ("verb", "state"), [("ack", "acknowledged"), ("suppress", "suppressed"), ("reopen", "open")]
)
def test_a_decision_is_kept_with_reason_author_and_time(case, verb, state):
    result = run(case, verb, "a1b2", "--reason", " planned work ", "--author", "Li Na")
    assert (result.exit_code, result.output) == (0, f"{FIRST}  {state}  Controller stopped\n")
    assert states(case) == {FIRST: state, SECOND: "open"}
    with Case.open(case, "read") as opened:
        (entry,) = opened.alert_history(FIRST)
    assert (entry["state"], entry["reason"], entry["author"]) == (state, "planned work", "Li Na")
    assert entry["time"] > 1_700_000_000_000_000_000


def test_the_history_is_shown_oldest_first(case):
    run(case, "ack", FIRST, "--reason", "seen", "--author", "Li Na")
    run(case, "reopen", FIRST, "--reason", "again [red]\x1b[31m", "--author", "Bo")
    output = run(case, "show", FIRST).output
    assert output.startswith(f"{FIRST}  open  Controller stopped\n  It was stopped.\n")
    lines = output.splitlines()[2:]
    assert [line.split("  ", 2)[2] for line in lines][0] == "acknowledged by Li Na: seen"
    assert "open by Bo: again [red]" in lines[1] and "\x1b" not in output
    chinese = run(case, "show", FIRST, lang="zh").output
    assert "控制器已停止" in chinese and "Li Na：已确认，seen" in chinese
    whole = json.loads(run(case, "show", FIRST, "--json").output)
    assert [entry["state"] for entry in whole["history"]] == ["acknowledged", "open"]
    assert (whole["evidence"], whole["state"]) == ([[1, 1]], "open")


def test_an_alert_about_which_nobody_decided(case):
    assert run(case, "show", "a1b2").output.splitlines()[-1] == "  Nobody has decided anything about it."


def test_the_login_signs_where_no_author_is_named(case, monkeypatch):
    monkeypatch.setattr(alerts.getpass, "getuser", lambda: "operator")
    run(case, "ack", FIRST, "--reason", "seen")

    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(alerts.getpass, "getuser", nobody)
    monkeypatch.setattr(alerts.os, "getuid", lambda: 4711)
    run(case, "ack", FIRST, "--reason", "seen")
    with Case.open(case, "read") as opened:
        assert [entry["author"] for entry in opened.alert_history(FIRST)] == ["operator", "4711"]


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("ack", "a1", "--reason", "x"), 4, "several alerts begin with a1"),
    (("ack", "zz", "--reason", "x"), 4, "no alert zz"),
    (("ack", "", "--reason", "x"), 4, "no alert"),
    (("show", "zz"), 4, "no alert zz"),
    (("ack", "a1b2"), 2, "--reason"),
    (("ack", "a1b2", "--reason", "  "), 2, "--reason says nothing"),
])  # fmt: skip
def test_what_cannot_be_decided(case, arguments, code, words):
    result = run(case, *arguments)
    assert result.exit_code == code and words in result.output
    assert set(states(case).values()) == {"open"}


def test_no_case_is_made(tmp_path):
    result = run(tmp_path / "none", "ack", "a1", "--reason", "x")
    assert result.exit_code == 4 and "there is no case here" in result.output
    assert not (tmp_path / "none").exists()


def test_quiet(case):
    arguments = ["-q", "alerts", "ack", FIRST, "--reason", "x", "-c", str(case)]
    assert CliRunner().invoke(main.cli, arguments).output == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_help_is_in_the_language_of_the_person(language):
    output = CliRunner().invoke(main.cli, ["--lang", language, "alerts", "--help"]).output
    assert ("确认" in output) == (language == "zh") and "suppress" in output


def test_the_page_counts_what_was_suppressed_and_marks_what_was_acknowledged(monkeypatch, tmp_path):
    fake_case.install(monkeypatch)
    capture = tmp_path / "a.pcap"
    capture.write_bytes(b"")
    scan, stop = fake_case.ROWS["alerts"]
    for scanned, stopped, shown, hidden in (
        ("suppressed", "acknowledged", ["1 alert: 1 critical, 1 suppressed not counted", "acknowledged"], "tried one"),
        ("suppressed", "suppressed", ["0 alerts: 2 suppressed not counted", "Every alert was suppressed"], "Output"),
    ):
        rows = [{**scan, "state": scanned}, {**stop, "state": stopped}]
        monkeypatch.setitem(fake_case.ROWS, "alerts", rows)
        output = CliRunner().invoke(main.cli, ["--lang", "en", "analyze", str(capture), "--case", "acme"]).output
        assert all(text in output for text in shown) and hidden not in output
