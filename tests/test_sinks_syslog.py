"""Syslog: RFC 5424 over TCP, TLS and UDP against receivers on loopback; CEF and LEEF with their escapes."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sink_documents import a_case, alerts, an_alert, of
from waiting import PATIENCE

from sentinel.sinks import syslog
from sentinel.sinks.base import Unavailable, open_sink, parse

RFC5424 = re.compile(
    rb"<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<host>[!-~]+) sentinel - "
    rb"(?P<id>[!-~]{1,32}) "
    rb'\[origin software="Sentinel" swVersion="[^"]+"\] (?P<text>.*)',
    re.DOTALL,
)


class Receiver:
    """Takes connections one after another and keeps what they send."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]
        self.context = context
        self.data = b""
        self.taken: socket.socket | None = None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
                if self.context is not None:
                    connection = self.context.wrap_socket(connection, server_side=True)
                self.taken = connection
                while data := connection.recv(65536):
                    self.data += data
            except ssl.SSLError:
                continue
            except OSError:
                if self.server.fileno() < 0:
                    return

    def messages(self, count: int) -> list[bytes]:
        """What was sent, taken apart by octet counting, when so many have come."""
        end = time.monotonic() + PATIENCE
        while True:
            found, rest = [], self.data
            while rest:
                length, _, rest = rest.partition(b" ")
                found.append(rest[: int(length)])
                rest = rest[int(length) :]
            if len(found) == count and len(found[-1]) == int(length):
                return found
            assert time.monotonic() < end, self.data
            time.sleep(0.01)

    def close(self) -> None:
        self.server.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def test_messages_are_framed_by_their_length(receiver, tmp_path) -> None:
    documents = alerts(tmp_path / "c", an_alert("one"), an_alert("two", severity="informational"))
    sink = open_sink(parse(f"syslog://127.0.0.1:{receiver.port}?format=plain&facility=4"))
    assert sink.send(documents).accepted == 2
    sink.close()
    first, second = (RFC5424.fullmatch(one) for one in receiver.messages(2))
    assert first is not None
    assert second is not None
    assert (int(first["pri"]), int(second["pri"])) == (4 * 8 + 3, 4 * 8 + 6)
    assert (first["host"], first["id"]) == (b"tap-1", b"plc_stop")
    assert first["text"].startswith(b"\xef\xbb\xbf[high] Controller | stopped - 10.0.0.66 told")


def test_udp_is_one_datagram_each_and_cut_between_characters(tmp_path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE)
        uri = f"syslog+udp://127.0.0.1:{server.getsockname()[1]}?format=plain&lang=zh&size=480"
        open_sink(parse(uri)).send(alerts(tmp_path / "c", an_alert(why_zh="停" * 1000)))
        data = server.recv(65536)
    assert len(data) <= 480
    assert data.endswith("停...".encode())
    assert RFC5424.fullmatch(data)


def test_a_receiver_that_was_restarted_is_connected_to_again(tmp_path, closed_port) -> None:
    documents = alerts(tmp_path / "c")
    one = Receiver(port=closed_port)
    sink = open_sink(parse(f"syslog+tcp://127.0.0.1:{one.port}"))
    sink.send(documents)
    one.messages(1)
    one.close()
    assert one.taken is not None
    one.taken.shutdown(socket.SHUT_RDWR)
    one.taken.close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        sink.send(documents)  # nobody listens there now
    again = Receiver(port=closed_port)
    assert sink.send(documents).accepted == 1
    sink.close()
    again.messages(1)
    again.close()


def test_a_receiver_that_stopped_reading_confirms_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(syslog, "TIMEOUT", 0.3)
    documents = alerts(tmp_path / "c", *(an_alert(str(n), why_en="x" * 60_000) for n in range(200)))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sink = open_sink(parse(f"syslog://127.0.0.1:{server.getsockname()[1]}"))
        with pytest.raises(Unavailable):
            sink.send(documents)
        sink.close()


def made(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_tls_verifies_the_receiver(tmp_path) -> None:
    certificate, key = made(tmp_path, "receiver")
    stranger, _ = made(tmp_path, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver = Receiver(context)
    documents = alerts(tmp_path / "c")
    sink = open_sink(parse(f"syslog+tls://127.0.0.1:{receiver.port}?ca_certs={certificate}"))
    assert sink.send(documents).accepted == 1
    sink.close()
    with pytest.raises(Unavailable, match="the server's certificate is not trusted") as caught:
        open_sink(parse(f"syslog+tls://127.0.0.1:{receiver.port}?ca_certs={stranger}")).send(documents)
    assert "\n" not in str(caught.value)
    receiver.messages(1)
    receiver.close()


def test_cef_escapes_what_it_must(tmp_path) -> None:
    (document,) = alerts(tmp_path / "c", an_alert(count=3))
    text = syslog.cef(document, "en")
    head, extension = re.split(r"(?<!\\)\|", text, maxsplit=7)[:7], re.split(r"(?<!\\)\|", text, maxsplit=7)[7]
    assert head[:3] == ["CEF:0", "Sentinel", "Sentinel"]
    assert head[4:] == ["r", "Controller \\| stopped", "8"]
    assert "src=10.0.0.66" in extension
    assert "cnt=3" in extension
    assert "cs1=T0858 cs1Label=ATT&CK for ICS" in extension
    assert extension.endswith("msg=10.0.0.66 told a\\=b \\\\ to stop.\\nAt once.")
    assert "\n" not in text


def test_cef_knows_ipv6_and_mac_addresses(tmp_path) -> None:
    (document,) = alerts(tmp_path / "c", an_alert(src="2001:db8::1", dst="00:80:f4:00:00:01"))
    text = syslog.cef(document, "zh")
    assert "c6a2=2001:db8::1 c6a2Label=Source IPv6 Address" in text
    assert "dmac=00:80:F4:00:00:01" in text
    assert " src=" not in text
    assert "控制器被停止" in text


def test_leef_separates_by_tabs(tmp_path) -> None:
    (document,) = alerts(tmp_path / "c", an_alert(why_en="a\tb\nc"))
    head, _, attributes = syslog.leef(document, "en").partition("|x09|")
    assert head.split("|")[:3] == ["LEEF:2.0", "Sentinel", "Sentinel"]
    assert head.split("|")[4] == "plc_stop"
    found = dict(pair.split("=", 1) for pair in attributes.split("\t"))
    assert (found["sev"], found["src"], found["msg"]) == ("8", "10.0.0.66", "a b c")
    assert found["devTime"].isdigit()


def test_rows_without_a_sentence_are_sent_as_json(tmp_path) -> None:
    (document,) = of(a_case(tmp_path / "c", 1), "messages")
    assert syslog.plain(document, "en").startswith("messages - {")


def test_a_host_name_that_is_none_is_a_dash(tmp_path) -> None:
    documents = of(a_case(tmp_path / "c", 1, alerts=[an_alert()]), observer="控制 室")
    assert b"Z - sentinel -" in syslog.message(documents[0], "x", 16, 1000)
