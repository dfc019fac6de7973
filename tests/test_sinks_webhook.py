"""The webhook: signed, tried again, and one bad document does not hold up the others."""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sink_documents import alerts, an_alert

from sentinel.errors import SinkError
from sentinel.sinks import webhook
from sentinel.sinks.base import Unavailable, open_sink, parse

SECRET = "s3cret"


class Hook(BaseHTTPRequestHandler):
    """Answers from a list; refuses documents that are named in `bad`."""

    answers: list[tuple[int, dict[str, str]]] = []
    asked: list[tuple[dict[str, str], bytes]] = []
    bad: set[str] = set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append((dict(self.headers), body))
        status, headers = type(self).answers.pop(0) if type(self).answers else (204, {})
        if {d["document"]["event"]["id"] for d in json.loads(body)["documents"]} & type(self).bad:
            status = 422
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Nothing."""


@pytest.fixture
def hook(monkeypatch) -> Iterator[tuple[type[Hook], str]]:
    monkeypatch.setenv("SENTINEL_WEBHOOK_SECRET", SECRET)
    kind = type("Own", (Hook,), {"answers": [], "asked": [], "bad": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kind, f"webhook+http://127.0.0.1:{server.server_port}/in"
    server.shutdown()
    server.server_close()


def test_the_receiver_can_check_who_sent_it_and_when(hook, tmp_path) -> None:
    kind, uri = hook
    before = int(time.time())
    assert open_sink(parse(uri)).send(alerts(tmp_path / "c")).accepted == 1
    ((headers, body),) = kind.asked
    stamp = headers["Sentinel-Timestamp"]
    expected = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(headers["Sentinel-Signature"], f"sha256={expected}")
    assert before <= int(stamp) <= time.time()
    said = json.loads(body)
    assert said["observer"] == "tap-1"
    assert said["documents"][0]["document"]["rule"]["name"] == "plc_stop"


def test_the_same_documents_have_the_same_idempotency_key(hook, tmp_path) -> None:
    kind, uri = hook
    documents = alerts(tmp_path / "c")
    for _ in range(2):
        open_sink(parse(uri)).send(documents)
    assert len({headers["Idempotency-Key"] for headers, _ in kind.asked}) == 1


def test_one_bad_document_is_found_and_the_others_arrive(hook, tmp_path) -> None:
    kind, uri = hook
    kind.bad.add("3")
    documents = alerts(tmp_path / "c", *(an_alert(str(n)) for n in range(8)))
    sent = open_sink(parse(uri)).send(documents)
    assert sent.accepted == 7
    assert [(body["event"]["id"], reason) for _, reason, body in sent.refused] == [("3", "422")]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_receiver_in_trouble_is_tried_again_later(hook, tmp_path, status) -> None:
    kind, uri = hook
    kind.answers.append((status, {"Retry-After": "7"}))
    with pytest.raises(Unavailable, match=str(status)) as caught:
        open_sink(parse(uri)).send(alerts(tmp_path / "c"))
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 410])
def test_a_wrong_address_or_secret_is_said(hook, tmp_path, status) -> None:
    kind, uri = hook
    kind.answers.append((status, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(SinkError, match=str(status)) as caught:
        open_sink(parse(uri)).send(alerts(tmp_path / "c"))
    assert not isinstance(caught.value, Unavailable)


def test_a_receiver_that_is_away_is_one_sentence(tmp_path, monkeypatch, closed_port) -> None:
    monkeypatch.setenv("SENTINEL_WEBHOOK_SECRET", SECRET)
    with pytest.raises(Unavailable, match="cannot be reached"):
        open_sink(parse(f"webhook+http://127.0.0.1:{closed_port}/")).send(alerts(tmp_path / "c"))


def test_nothing_is_sent_unsigned(monkeypatch) -> None:
    monkeypatch.delenv("SENTINEL_WEBHOOK_SECRET", raising=False)
    with pytest.raises(SinkError, match="no secret to sign with"):
        open_sink(parse("webhook+https://127.0.0.1/"))


def test_retry_after_may_be_a_date() -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    assert 0 < (webhook.seconds(date) or 0) <= 3600
    assert webhook.seconds("soon") is None
    assert webhook.seconds(None) is None
