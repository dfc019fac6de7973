"""Digests by mail, against a small server on loopback."""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from collections.abc import Iterator

import pytest
from sink_documents import alerts, an_alert

from sentinel.errors import SinkError
from sentinel.sinks import smtp
from sentinel.sinks.base import Unavailable, open_sink, parse


class Post:
    """As much of a mail server as a client needs; `replies` change its answers by command."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.replies: dict[str, str] = {}
        self.mails: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 here\r\n")
                for line in lines:
                    word = line.split()[0].upper().decode() if line.split() else ""
                    usual = {"EHLO": "250 here", "DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 well")
                    reply = self.replies.get(word, usual)
                    connection.sendall(reply.encode() + b"\r\n")
                    if word == "QUIT":
                        break
                    if word == "DATA" and reply.startswith("354"):
                        mail = b""
                        while not mail.endswith(b"\r\n.\r\n"):
                            mail += next(lines)
                        self.mails.append(mail[:-3])
                        connection.sendall(self.replies.get("END", "250 taken").encode() + b"\r\n")


@pytest.fixture
def post() -> Iterator[Post]:
    one = Post()
    yield one
    one.server.close()


def uri(post: Post, more: str = "") -> str:
    return f"smtp://127.0.0.1:{post.port}?from=s@plant.example&to=a@x.example,b@x.example&starttls=no{more}"


def test_a_mail_tells_of_all_alerts_the_worst_first(post, tmp_path) -> None:
    documents = alerts(tmp_path / "c", an_alert("low", severity="low"), an_alert("worst", severity="critical"))
    assert open_sink(parse(uri(post, "&lang=zh"))).send(documents).accepted == 2
    mail = email.message_from_bytes(post.mails[0], policy=email.policy.default)
    assert mail["Subject"] == "Sentinel tap-1：2 条告警，最高级别：严重"
    assert mail["To"] == "a@x.example, b@x.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert text.index("[严重] 控制器被停止") < text.index("[低] 控制器被停止")
    assert "处置：询问是谁。" in text


def test_the_same_alerts_are_the_same_mail(tmp_path) -> None:
    documents = alerts(tmp_path / "c")
    post = smtp.Post("s@plant.example", ("a@x.example",), 60, "en", "", None, False)
    assert smtp.digest(documents, post)["Message-ID"] == smtp.digest(documents, post)["Message-ID"]


def test_many_alerts_are_counted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(smtp, "LINES", 2)
    documents = alerts(tmp_path / "c", *(an_alert(str(n)) for n in range(5)))
    text = smtp.digest(documents, smtp.Post("s@p.example", ("a@x.example",), 60, "en", "", None, False)).get_content()
    assert "... and 3 more, by kind:" in text
    assert "3 x plc_stop" in text


def test_after_a_mail_the_next_one_waits(post, tmp_path) -> None:
    sink = open_sink(parse(uri(post, "&every=10m")))
    assert sink.due() == 0
    sink.send(alerts(tmp_path / "c"))
    assert 0 < sink.due() <= 600


@pytest.mark.parametrize(("command", "reply"), [("MAIL", "451 later"), ("RCPT", "450 busy"), ("END", "452 full")])
def test_what_is_for_now_is_tried_again(post, tmp_path, command, reply) -> None:
    post.replies[command] = reply
    with pytest.raises(Unavailable, match=reply):
        open_sink(parse(uri(post))).send(alerts(tmp_path / "c"))


@pytest.mark.parametrize(("command", "reply"), [("MAIL", "550 never"), ("RCPT", "550 no such user")])
def test_what_is_for_ever_is_said(post, tmp_path, command, reply) -> None:
    post.replies[command] = reply
    with pytest.raises(SinkError, match=reply) as caught:
        open_sink(parse(uri(post))).send(alerts(tmp_path / "c"))
    assert not isinstance(caught.value, Unavailable)


def test_a_mail_that_is_refused_is_kept_with_the_reason(post, tmp_path) -> None:
    post.replies["END"] = "554 spam"
    sent = open_sink(parse(uri(post))).send(alerts(tmp_path / "c"))
    assert (sent.accepted, sent.refused[0][1]) == (0, "554 spam")


def test_a_server_without_tls_gets_no_mail_unless_it_may(post, tmp_path) -> None:
    with pytest.raises(SinkError, match="STARTTLS"):
        open_sink(parse(uri(post).replace("&starttls=no", ""))).send(alerts(tmp_path / "c"))
    assert post.mails == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("from=a@b.c", "to= is no mail address"),
        ("from=a&to=b@c.d", "from=a is no mail address"),
        ("from=a@b.c&to=b@c.d%0d%0aBcc:x@y.z", "is no mail address"),
        ("from=a@b.c&to=b@c.d&user=me", "without a password"),
    ],
)
def test_addresses_that_are_none(options, why) -> None:
    with pytest.raises(SinkError, match=why):
        open_sink(parse(f"smtp://127.0.0.1?{options}"))


def test_a_password_needs_tls(monkeypatch) -> None:
    monkeypatch.setenv("SENTINEL_SMTP_PASSWORD", "x")
    with pytest.raises(SinkError, match="not sent without TLS"):
        open_sink(parse("smtp://127.0.0.1?from=a@b.c&to=b@c.d&user=me&starttls=no"))
