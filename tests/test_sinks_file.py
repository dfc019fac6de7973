"""JSON lines in a file: what a line holds, rotation, and what a crash or a full disk leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sink_documents import a_case, alerts, an_alert, of

from sentinel.errors import SinkError
from sentinel.sinks import file
from sentinel.sinks.base import Unavailable, open_sink, parse


def lines(path: Path) -> list[dict]:
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_the_document_with_the_keys_of_eve(tmp_path) -> None:
    documents = alerts(tmp_path / "c", an_alert(severity="critical"))
    sink = open_sink(parse(f"file://{tmp_path}/eve.json"))
    assert sink.send(documents).accepted == 1
    sink.close()
    (line,) = lines(tmp_path / "eve.json")
    assert line["event_type"] == "alert"
    assert (line["src_ip"], line["dest_ip"], line["app_proto"]) == ("10.0.0.66", "10.0.0.10", "s7comm")
    assert line["alert"] == {
        "signature_id": "r", "signature": "Controller | stopped", "category": "plc_stop", "severity": 1,
        "action": "allowed",
    }  # fmt: skip
    assert line["ics"]["alerts"]["title_zh"] == "控制器被停止"
    assert line["id"] == documents[0].id


def test_messages_are_not_alerts(tmp_path) -> None:
    (document,) = of(a_case(tmp_path / "c", 1), "messages")
    line = file.line(document)
    assert line["event_type"] == "ics_messages"
    assert "alert" not in line
    assert "src_port" not in line


def test_a_file_that_grew_too_large_is_rotated(tmp_path) -> None:
    documents = alerts(tmp_path / "c")
    sink = open_sink(parse(f"file://{tmp_path}/eve.json?size=2k&keep=2"))
    for _ in range(9):
        sink.send(documents)
    sink.close()
    assert sorted(p.name for p in tmp_path.glob("eve*")) == ["eve.json", "eve.json.1", "eve.json.2"]
    assert all(p.stat().st_size <= 2048 for p in tmp_path.glob("eve*"))
    assert all(lines(p) for p in tmp_path.glob("eve*"))


def test_half_a_line_of_a_crash_does_not_spoil_the_next(tmp_path) -> None:
    (tmp_path / "eve.json").write_text('{"half": ')
    sink = open_sink(parse(f"file://{tmp_path}/eve.json"))
    sink.send(alerts(tmp_path / "c"))
    sink.close()
    assert json.loads((tmp_path / "eve.json").read_text().splitlines()[1])["event_type"] == "alert"


def test_a_file_that_somebody_moved_away_is_begun_again(tmp_path) -> None:
    documents = alerts(tmp_path / "c")
    sink = open_sink(parse(f"file://{tmp_path}/eve.json"))
    sink.send(documents)
    (tmp_path / "eve.json").rename(tmp_path / "moved")
    sink.send(documents)
    sink.close()
    assert len(lines(tmp_path / "eve.json")) == len(lines(tmp_path / "moved")) == 1


def test_a_full_disk_is_waited_for_and_leaves_no_half_batch(tmp_path, monkeypatch) -> None:
    documents = alerts(tmp_path / "c")
    sink = open_sink(parse(f"file://{tmp_path}/eve.json"))
    sink.send(documents)

    def full(stream, data) -> None:
        stream.write(data[:20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(file, "_write_all", full)
        with pytest.raises(Unavailable, match="No space left"):
            sink.send(documents)
    sink.send(documents)
    sink.close()
    assert len(lines(tmp_path / "eve.json")) == 2


@pytest.mark.parametrize(
    ("uri", "why"),
    [("file://relative/x", "whole path"), ("file:///no/such/folder/x", "no folder"), ("file:///tmp", "it is a folder")],
)
def test_what_is_no_file_is_said_at_once(uri, why) -> None:
    with pytest.raises(SinkError, match=why):
        open_sink(parse(uri))
