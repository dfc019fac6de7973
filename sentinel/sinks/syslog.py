"""`syslog+tls://HOST:6514`, `syslog+tcp://`, `syslog+udp://` (port 514; `syslog://` is TCP): RFC 5424.

Over TCP and TLS each message is framed by its length (RFC 6587 octet counting, RFC 5425). Syslog knows no answers:
what is sent counts when the other machine's kernel has confirmed every byte of it; over UDP, when it was sent.

    format=cef      the message: `cef` (ArcSight CEF 0), `leef` (QRadar LEEF 2.0) or `plain` (a sentence)
    lang=en         language of titles and sentences: en or zh
    facility=16     0 to 23; 16 is local0
    size=           bytes of a message, cut beyond it: 2048 over UDP, 65536 otherwise
    ca_certs=, client_cert=, client_key=     as everywhere, for TLS
"""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sentinel.sinks.base import Sent, Sink, Target, Unavailable
from sentinel.sinks.documents import Document
from sentinel.version import VERSION

SCHEMES = ("syslog", "syslog+tcp", "syslog+udp", "syslog+tls")
PRODUCT = "Sentinel"
PRIORITIES = {"critical": 2, "high": 3, "medium": 4, "low": 5}
"""Severity -> severity of RFC 5424, section 6.2.1: critical, error, warning, notice; anything else is informational."""
TENTHS = {"informational": 1, "low": 3, "medium": 5, "high": 8, "critical": 10}
"""Severity -> that of CEF and LEEF, 0 to 10."""
TIMEOUT = 20.0
"""Seconds that connecting, sending and the confirmation of what was sent may take."""
_CUT = b"..."


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; SinkError for a bad option or certificate file."""
    transport = target.scheme.partition("+")[2] or "tcp"
    address = target.address(6514 if transport == "tls" else 514)
    context = target.tls(transport == "tls")
    write = {"cef": cef, "leef": leef, "plain": plain}[target.choice("format", ("cef", "leef", "plain"), "cef")]
    size = target.size("size", 2048 if transport == "udp" else 65536, 480, 65000 if transport == "udp" else 1 << 20)
    facility = target.integer("facility", 16, 0, 23)
    lang = target.choice("lang", ("en", "zh"), "en")

    def render(document: Document) -> bytes:
        return message(document, write(document, lang), facility, size)

    return Syslog(target, transport, address, context, render)


class Syslog(Sink):
    """One connection, made when there is something to send and made again when it broke."""

    BATCH = 200

    def __init__(
        self, target: Target, transport: str, address: tuple[str, int], context: ssl.SSLContext,
        render: Callable[[Document], bytes],
    ):  # fmt: skip
        self._target = target
        self._transport = transport
        self._address = address
        self._context = context
        self._render = render
        self._socket: socket.socket | None = None

    def send(self, documents: Sequence[Document]) -> Sent:
        """Send one message each; over TCP wait until the other side's kernel has confirmed them."""
        messages = [self._render(document) for document in documents]
        try:
            connection = self._connected()
            if self._transport == "udp":
                for one in messages:
                    connection.send(one)
            else:
                connection.sendall(b"".join(b"%d %b" % (len(one), one) for one in messages))
                self._confirm(connection)
        except OSError as error:
            self.close()
            raise self._target.away(error) from error
        return Sent(len(documents))

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None and self._transport != "udp" and _hung_up(self._socket):
            self.close()
        if self._socket is None:
            host, port = self._address
            if self._transport == "udp":
                family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
                self._socket = socket.socket(family, kind)
                self._socket.connect(where)
                return self._socket
            plain_socket = socket.create_connection((host, port), timeout=TIMEOUT)
            try:
                plain_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if self._transport == "tls":
                    self._socket = self._context.wrap_socket(plain_socket, server_hostname=host)
                else:
                    self._socket = plain_socket
            except OSError:
                plain_socket.close()
                raise
        return self._socket

    def _confirm(self, connection: socket.socket) -> None:
        """Wait until nothing that was sent is unconfirmed; Unavailable where that takes too long."""
        end = time.monotonic() + TIMEOUT
        while _unconfirmed(connection):
            if time.monotonic() > end or _hung_up(connection):
                self.close()
                raise Unavailable("{uri}: takes nothing now: {why}.", uri=self._target.name, why="no confirmation")
            time.sleep(0.002)


def _unconfirmed(connection: socket.socket) -> int:
    """Bytes that were sent, but not yet confirmed by the other machine."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    return int(struct.unpack("i", answer)[0])


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side ended the connection: it never sends anything else."""
    try:
        raw = socket.socket(fileno=os.dup(connection.fileno()))
    except OSError:
        return True
    try:
        raw.setblocking(False)
        return raw.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        raw.close()
        connection.settimeout(TIMEOUT)  # blocking is a property of what both share


def message(document: Document, text: str, facility: int, size: int) -> bytes:
    """One message of RFC 5424, of at most `size` bytes."""
    priority = facility * 8 + PRIORITIES.get(document.row.get("severity", ""), 6)
    stamp = document.body["@timestamp"][:26] + "Z"  # section 6.2.3 has six decimals at most
    host = _printable(document.body["observer"]["name"], 255)
    kind = _printable(document.row["name"] if document.table == "alerts" else document.table, 32)
    origin = f'[origin software="{PRODUCT}" swVersion="{VERSION}"]'
    head = f"<{priority}>1 {stamp} {host} sentinel - {kind} {origin} ".encode()
    # a byte order mark says that a plain sentence is UTF-8; CEF and LEEF begin with their own name
    body = (b"" if text.startswith(("CEF:", "LEEF:")) else b"\xef\xbb\xbf") + text.encode()
    room = size - len(head)
    if len(body) > room:
        body = body[: room - len(_CUT)].decode("utf-8", "ignore").encode() + _CUT
    return head + body


def plain(document: Document, lang: str) -> str:
    """A sentence."""
    severity = document.row.get("severity", "")
    words = [f"[{severity}]" if severity else "", _title(document, lang), "-", _why(document, lang)]
    return " ".join(" ".join(word for word in words if word).split())


def cef(document: Document, lang: str) -> str:
    """ArcSight Common Event Format 0: in the header | and \\ are escaped, in the extension = and \\ and line ends."""
    row = document.row
    head = (PRODUCT, PRODUCT, VERSION, row.get("rule") or document.table, _title(document, lang),
            TENTHS.get(row.get("severity", ""), 1))  # fmt: skip
    source, destination = document.body.get("source", {}), document.body.get("destination", {})
    said: dict[str, Any] = {"rt": _milliseconds(row), "dvchost": document.body["observer"]["name"]}
    for side, four, six, mac, port in (
        (source, "src", "c6a2", "smac", "spt"),
        (destination, "dst", "c6a3", "dmac", "dpt"),
    ):
        address = side.get("ip", "")
        if ":" in address:
            said |= {six: address, f"{six}Label": f"{'Source' if side is source else 'Destination'} IPv6 Address"}
        elif address:
            said[four] = address
        if "mac" in side:
            said[mac] = side["mac"].replace("-", ":")
        said[port] = side.get("port")
    said |= {
        "app": document.body.get("network", {}).get("protocol"), "cnt": row.get("count"), "externalId": document.id,
        "start": _milliseconds(row, "first_time"), "end": _milliseconds(row, "last_time"),
        "cs1": ",".join(_techniques(document)), "cs2": row.get("alert"), "msg": _why(document, lang),
    }  # fmt: skip
    labels = {"cs1": ("cs1Label", "ATT&CK for ICS"), "cs2": ("cs2Label", "Alert")}
    pairs = []
    for name, value in said.items():
        if value is None or value == "":
            continue
        pairs.append(f"{name}={_cef_value(value)}")
        if name in labels:
            pairs.append(f"{labels[name][0]}={_cef_value(labels[name][1])}")
    return "CEF:0|" + "|".join(_cef_head(value) for value in head) + "|" + " ".join(pairs)


def leef(document: Document, lang: str) -> str:
    """QRadar Log Event Extended Format 2.0, attributes separated by tabs. It knows no escapes: what would need one is
    replaced."""
    row = document.row
    head = (PRODUCT, PRODUCT, VERSION, row.get("name") or document.table)
    source, destination = document.body.get("source", {}), document.body.get("destination", {})
    said = {
        "devTime": _milliseconds(row), "devTimeFormat": "epoch", "sev": max(1, TENTHS.get(row.get("severity", ""), 1)),
        "cat": document.table, "src": source.get("ip"), "dst": destination.get("ip"), "srcPort": source.get("port"),
        "dstPort": destination.get("port"), "srcMAC": source.get("mac"), "dstMAC": destination.get("mac"),
        "proto": document.body.get("network", {}).get("transport"),
        "protocol": document.body.get("network", {}).get("protocol"), "count": row.get("count"),
        "identHostName": document.body["observer"]["name"], "technique": ",".join(_techniques(document)),
        "alert": row.get("alert"), "title": _title(document, lang), "msg": _why(document, lang), "id": document.id,
    }  # fmt: skip
    pairs = [f"{name}={' '.join(str(value).split())}" for name, value in said.items() if value not in (None, "")]
    return "LEEF:2.0|" + "|".join(" ".join(str(v).replace("|", "/").split()) for v in head) + "|x09|" + "\t".join(pairs)


def _cef_head(value: object) -> str:
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")


def _cef_value(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("=", "\\=")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\r")


def _title(document: Document, lang: str) -> str:
    row = document.row
    return str(row.get(f"title_{lang}") or row.get("title_en") or row.get("name") or document.table)


def _why(document: Document, lang: str) -> str:
    row = document.row
    said = row.get(f"why_{lang}") or row.get("why_en") or document.body.get("message")
    return str(said) if said else document.json()


def _techniques(document: Document) -> list[str]:
    found = document.body.get("threat", {}).get("technique", {}).get("id", [])
    return [str(one) for one in found]


def _milliseconds(row: Mapping[str, Any], name: str = "") -> int | None:
    value = row.get(name) if name else next((row[n] for n in ("last_time", "time") if row.get(n) is not None), None)
    return None if value is None else int(value) // 1_000_000


def _printable(text: str, length: int) -> str:
    """Printable ASCII without spaces, as the header wants it; - where nothing is left."""
    return "".join(c for c in text if "!" <= c <= "~")[:length] or "-"
