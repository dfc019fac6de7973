"""`sentinel send`: what it prints, and the exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from sink_documents import a_case, add, an_alert
from store_rows import SHA_B

from sentinel.cli.main import cli
from sentinel.store.case import Case


@pytest.fixture
def case(tmp_path):
    return a_case(tmp_path / "case", 5, alerts=[an_alert()])


def sentinel(*arguments: object, lang: str = "en") -> Result:
    return CliRunner().invoke(cli, ["--lang", lang, *map(str, arguments)])


def test_everything_is_sent_once_and_counted(case, tmp_path) -> None:
    uri = f"file://{tmp_path}/out.json"
    result = sentinel("send", "--case", case, "--sink", uri)
    assert result.exit_code == 0
    assert [line.split()[:3] for line in result.output.splitlines() if "messages" in line] == [["messages", "5", "0"]]
    assert len((tmp_path / "out.json").read_text().splitlines()) == 6
    assert sentinel("send", "--case", case, "--sink", uri).exit_code == 0
    assert len((tmp_path / "out.json").read_text().splitlines()) == 6
    with Case.open(case) as opened:
        add(opened, SHA_B, 2)
    sentinel("send", "--case", case, "--sink", uri)
    assert len((tmp_path / "out.json").read_text().splitlines()) == 8


def test_the_status_is_that_of_each_receiver(case, tmp_path) -> None:
    assert "Nothing was sent" in sentinel("send", "--case", case, "--status").output
    sentinel("send", "--case", case, "--sink", f"file://{tmp_path}/out.json?tables=alerts")
    result = sentinel("send", "--case", case, "--status", "--json")
    said = json.loads(result.output)
    assert said["receiver"] == f"file://{tmp_path}/out.json"
    assert said["tables"] == {"alerts": {"sent": 1, "refused": 0, "left_out": 0, "held": 0, "dropped": 0, "waiting": 0}}
    assert "待发送" in sentinel("send", "--case", case, "--status", lang="zh").output


def test_an_outage_is_one_sentence_and_waits_in_the_case(case, closed_port) -> None:
    uri = f"syslog://127.0.0.1:{closed_port}"
    result = sentinel("send", "--case", case, "--sink", uri, "--patience", "0")
    assert result.exit_code == 10
    assert f"sentinel: {uri}: cannot be reached (Connection refused)." in result.output
    status = sentinel("send", "--case", case, "--status")
    assert "cannot be reached" in status.output
    assert "无法连接" in sentinel("send", "--case", case, "--status", lang="zh").output


def test_one_receivers_outage_holds_up_no_other(case, tmp_path, closed_port) -> None:
    away, here = f"syslog://127.0.0.1:{closed_port}", f"file://{tmp_path}/out.json"
    result = sentinel("send", "--case", case, "--sink", away, "--sink", here, "--patience", "0")
    assert result.exit_code == 10
    assert len((tmp_path / "out.json").read_text().splitlines()) == 6


def test_what_was_refused_is_listed_with_the_reason(case, tmp_path) -> None:
    result = sentinel("send", "--case", case, "--sink", f"stix://{tmp_path}?tables=alerts,messages")
    assert result.exit_code == 10
    assert "5 documents were refused" in result.output
    listed = sentinel("send", "--case", case, "--refused", "--limit", "2")
    assert len(listed.output.splitlines()) == 2
    assert "STIX has no form for this table" in listed.output
    assert json.loads(sentinel("send", "--case", case, "--refused", "--json", "--limit", "1").output)["document"]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ((), 2, "--sink"),
        (("--status", "--follow"), 2, "stand alone"),
        (("--sink", "nowhere://h"), 10, "no scheme nowhere"),
        (("--sink", "syslog+tls://h?ca_certs=/no/such"), 10, "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_starts(case, arguments, code, why) -> None:
    result = sentinel("send", "--case", case, *arguments)
    assert (result.exit_code, why in result.output) == (code, True)
    assert not (case / "outbox.db").exists()


def test_without_a_case_nothing_is_made(tmp_path) -> None:
    result = sentinel("send", "--case", tmp_path / "none", "--sink", f"file://{tmp_path}/x")
    assert result.exit_code == 4
    assert not (tmp_path / "none").exists()


def test_the_places_may_lie_elsewhere(case, tmp_path) -> None:
    places = tmp_path / "places"
    places.mkdir()
    uri = f"file://{tmp_path}/x"
    assert sentinel("send", "--case", case, "--sink", uri, "--places", places).exit_code == 0
    assert (places / "outbox.db").exists()
    assert not (case / "outbox.db").exists()
    assert "sent" in sentinel("send", "--case", case, "--status", "--places", places).output
