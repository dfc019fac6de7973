"""Receivers of a running sensor: everything arrives once, the sensor waits for none of them, and sums agree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sensor_stage import ROOT, status, until
from sink_documents import a_case, add, an_alert
from store_rows import SHA_B
from waiting import PATIENCE

from sentinel.errors import SinkError
from sentinel.sensor import outlets as module
from sentinel.sensor.outlets import Outlets
from sentinel.sinks.base import parse
from sentinel.sinks.deliver import Courier
from sentinel.store.case import Case
from sentinel.store.outbox import Counts, Outbox

ATTACK = ROOT / "pcaps" / "plant-attack.pcapng"


def counts(folder: Path, receiver: str) -> dict[str, Counts]:
    with Case.open(folder, "read") as case, Outbox(case, receiver, look_only=True) as outbox:
        return outbox.counts()


def receiver_of(uri: str) -> str:
    return parse(uri).receiver


@contextmanager
def a_server(port: int = 0) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A webhook on loopback, and the documents that it took."""
    got: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.extend(body["documents"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()


def test_uris_are_checked_and_nothing_starts(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/eve.json"
    with pytest.raises(SinkError, match="no scheme"):
        Outlets(tmp_path, [uri, "gopher://x"])
    with pytest.raises(SinkError, match="twice"):
        Outlets(tmp_path, [uri, uri + "?tables=alerts"])
    two = Outlets(tmp_path, [uri, uri + "?name=other"])
    assert [one.problem for one in two.look(1.0)] == [None, None]
    two.close(0)
    assert list(tmp_path.iterdir()) == []


def test_the_rest_is_sent_at_the_end(tmp_path: Path) -> None:
    folder, out = a_case(tmp_path / "case", 5), tmp_path / "eve.json"
    outlets = Outlets(folder, [f"file://{out}"], "tap-9")
    outlets.start()
    until(lambda: out.exists() and len(out.read_text().splitlines()) >= 5)
    with Case.open(folder) as case:
        add(case, SHA_B, 7)
    outlets.close(PATIENCE)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines) == 12
    assert {line["observer"]["name"] for line in lines} == {"tap-9"}


def test_one_that_is_away_is_told_and_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("SENTINEL_WEBHOOK_SECRET", "s")
    folder = a_case(tmp_path / "case", 5, alerts=[an_alert("a1"), an_alert("a2")])
    uri = f"webhook+http://127.0.0.1:{closed_port}/in"
    outlets = Outlets(folder, [uri])
    outlets.start()
    until(lambda: outlets.look(10.0)[0].failures > 1)
    (one,) = outlets.look(15.5)
    assert one.problem is not None and one.down == 5.5 and one.waiting > 0
    with a_server(closed_port) as (_, got):
        until(lambda: outlets.look(20.0)[0].problem is None)
        until(lambda: len(got) == 2)
    assert outlets.look(21.0)[0].down == 0.0
    until(lambda: outlets.look(22.0)[0].rows == Counts(sent=2))
    assert outlets.look(22.0)[0].idle is not None
    outlets.close()
    assert counts(folder, receiver_of(uri))["alerts"] == Counts(sent=2)


def test_a_courier_that_ended_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = a_case(tmp_path / "case", 5), tmp_path / "eve.json"
    uri = f"file://{out}"
    with Case.open(folder, "read") as case, Outbox(case, receiver_of(uri)):  # `sentinel send --follow`, perhaps
        outlets = Outlets(folder, [uri])
        outlets.start()
        until(lambda: outlets.look(1.0)[0].problem is not None)
        assert outlets.look(2.0)[0].waiting == module.AGAIN_SECONDS
    assert outlets.look(30.0)[0].down == 29.0
    until(lambda: outlets.look(1.0 + module.AGAIN_SECONDS)[0].problem is None)
    until(lambda: out.exists() and len(out.read_text().splitlines()) == 5)
    outlets.close()


def test_a_receiver_that_hangs_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setenv("SENTINEL_WEBHOOK_SECRET", "s")
    folder = a_case(tmp_path / "case", 1, alerts=[an_alert("a1")])
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        outlets = Outlets(folder, [f"webhook+http://127.0.0.1:{deaf.getsockname()[1]}/in?timeout=600"])
        outlets.start()
        connection, _ = deaf.accept()
        with connection:  # it connected, and gets no answer
            outlets.close(0.5)
            assert set(threading.enumerate()) - before, "the end waited for the receiver"


def test_end_to_end_with_a_receiver_that_comes_late_and_goes_away(
    tmp_path: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe into a sensor, a file and a webhook: the webhook is not there, comes, goes, and comes back."""
    live, out = tmp_path / "live", tmp_path / "eve.json"
    config = tmp_path / "sentinel.toml"
    config.write_text(f'sinks = ["file://{out}"]\n[health]\nsink_seconds = 1\n[store]\ncheckpoint_seconds = 1\n')
    hook = f"webhook+http://127.0.0.1:{closed_port}/in?tables=alerts,messages"
    monkeypatch.setenv("SENTINEL_WEBHOOK_SECRET", "s")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SENTINEL_LANG": "en"}
    command = [sys.executable, "-m", "sentinel", "sensor", "-i", "-", "--case", str(live), "--config", str(config)]
    sensor = subprocess.Popen(
        [*command, "--sink", hook], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        data = ATTACK.read_bytes()
        assert sensor.stdin is not None
        sensor.stdin.write(data[: len(data) // 2])
        sensor.stdin.flush()

        def down() -> bool:
            return any(sink["problem"] and sink["down"] >= 1 for sink in status(live).get("sinks", ()))

        until(down)
        with a_server(closed_port) as (_, first):
            until(lambda: len(first) > 0)
        sensor.stdin.write(data[len(data) // 2 :])
        sensor.stdin.flush()
        with a_server(closed_port) as (_, second):
            until(lambda: not down() and len(second) > 0)
            sensor.send_signal(signal.SIGTERM)
            assert sensor.wait(PATIENCE) == 0
            # a sensor that ends gives receivers some seconds; what a slow machine has not sent by then waits
            for uri in (f"file://{out}", hook):
                rest = Courier(live, uri, patience=PATIENCE)
                rest.start()
                rest.join(PATIENCE)
                assert rest.error is None and not rest.is_alive()
    finally:
        sensor.kill()
        sensor.communicate()
    with Case.open(live, "read") as case:
        assert "sensor_sink" in case.alerts()["rule"].to_list() and case.check() == []
        messages = case.scan("messages").collect().height
    arrived = [one["id"] for one in first + second if one["table"] == "messages"]
    assert len(set(arrived)) == messages == counts(live, receiver_of(hook))["messages"].sent
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    said = counts(live, receiver_of(f"file://{out}"))
    assert len(lines) == sum(n.sent for n in said.values())
    assert all(n.waiting == n.dropped == n.refused == 0 for n in said.values())
    assert {line["id"] for line in lines if line["event_type"] != "alert"} >= set(arrived)


def test_a_segment_that_gets_its_hash_keeps_the_ids_of_its_documents(tmp_path: Path) -> None:
    """Rows are sent before their segment ends; what is sent again later must be known by its id."""
    folder = a_case(tmp_path / "case", 5)
    ids = []
    for number, sha256 in enumerate(("", "f" * 64)):
        with Case.open(folder) as case:
            changes = {"sha256": sha256, "content_sha256": sha256, "detail": json.dumps({"sensor": {"began": 5}})}
            case.amend_capture(case.captures()["capture"][0], changes)
        out = tmp_path / f"{number}.json"
        outlets = Outlets(folder, [f"file://{out}"])
        outlets.start()
        outlets.close(PATIENCE)
        ids.append([json.loads(line)["id"] for line in out.read_text().splitlines()])
    assert len(ids[0]) >= 5 and ids[0] == ids[1]
