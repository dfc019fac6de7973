"""Which protocol a flow speaks: probes on the payload of both directions; ports are only a hint.

Every parser's `probe` is asked about the first payload of each direction, at the start of the stream or, where the
connection began before the capture, at the start of each segment. YES decides at once; MAYBE answers add up, and
the registered port is worth two of them. A flow on that port of which nothing is a message, but most is framed as
one, gets its label at the end of the search: that is what malformed messages look like. What is no industrial
protocol is recognised first, by the fixed bytes that its own standard demands, so that a weak probe is never asked
about TLS, HTTP, SMB or DNS.
"""

from __future__ import annotations

import logging

from sentinel.model import Direction, Verdict
from sentinel.plugins import Protocol
from sentinel.wire.reader import Malformed, Reader, Short

_log = logging.getLogger(__name__)

MAX_LOOKS = 24
"""Payload pieces of one flow that are looked at before it stays unknown."""
ENOUGH = 3
"""Sum of answers that makes a label: YES counts three, MAYBE one, MAYBE from the second direction two."""

BY_NONE, BY_BOTH, BY_ONE, BY_PORT, BY_FRAMING = 0, 1, 2, 3, 4
LABEL_BY = {
    BY_NONE: "",
    BY_BOTH: "payload of both sides",
    BY_ONE: "payload of one side",
    BY_PORT: "port only",
    BY_FRAMING: "framing only",
}
FRAMED_BOTH, FRAMED_ONE = 0.5, 0.4
"""Confidence of a label by framing that both sides have, and that one has: more than a guess, less than a message."""
FRAMED_SOUND = 0.6
"""Confidence once a sound message came in such a flow: that of one message on the usual port."""

# Guesses by port for flows whose payload nobody recognised: registered names (IANA) of industrial and plant services.
GUESSES = {
    ("tcp", 102): "iso-tsap",
    ("tcp", 502): "modbus",
    ("udp", 502): "modbus",
    ("tcp", 1911): "fox",
    ("tcp", 1962): "pcworx",
    ("tcp", 2222): "enip",
    ("udp", 2222): "enip",
    ("tcp", 2404): "iec104",
    ("tcp", 4840): "opcua",
    ("udp", 1628): "lontalk",
    ("tcp", 5007): "melsec",
    ("udp", 5094): "hart-ip",
    ("tcp", 5094): "hart-ip",
    ("tcp", 9600): "omron-fins",
    ("udp", 9600): "omron-fins",
    ("tcp", 18245): "ge-srtp",
    ("tcp", 20000): "dnp3",
    ("udp", 20000): "dnp3",
    ("tcp", 44818): "enip",
    ("udp", 44818): "enip",
    ("udp", 47808): "bacnet",
    ("udp", 34964): "profinet-cm",
    ("tcp", 1883): "mqtt",
    ("tcp", 48898): "ams-ads",
    ("udp", 3671): "knxip",
    ("udp", 123): "ntp",
    ("udp", 161): "snmp",
    ("udp", 514): "syslog",
    ("tcp", 21): "ftp",
    ("tcp", 22): "ssh",
    ("tcp", 23): "telnet",
    ("tcp", 25): "smtp",
    ("tcp", 80): "http",
    ("tcp", 443): "tls",
    ("tcp", 445): "smb",
    ("tcp", 3389): "rdp",
    ("udp", 53): "dns",
    ("tcp", 53): "dns",
    ("udp", 67): "dhcp",
}
GUESS_CONFIDENCE = 0.2


class Decision:
    """What was found out: a protocol, or the name of a recognised one that has no parser, or nothing more to ask."""

    __slots__ = ("by", "confidence", "name", "protocol")

    def __init__(self, protocol: Protocol | None, name: str, by: int, confidence: float):
        self.protocol = protocol
        self.name = name
        self.by = by
        self.confidence = confidence


GIVE_UP = Decision(None, "", BY_NONE, 0.0)


class Identifier:
    """Asks the probes of all parsers about one flow at a time; keeps its state in the dict that the flow carries."""

    def __init__(self, protocols: list[Protocol]):
        self.protocols = protocols
        self._failed: set[str] = set()
        self._reader = Reader(b"")
        self.by_transport: dict[str, list[Protocol]] = {
            transport: [p for p in protocols if transport in p.transports] for transport in ("tcp", "udp", "eth")
        }

    def look(
        self,
        scores: dict,
        transport: str,
        ports: tuple[int, int],
        direction: int,
        data: bytes,
        from_start: bool,
        known: bool,
    ) -> Decision | None:
        """One more piece of payload; None means: show me more.

        `scores` is the flow's own dict; `ports` (client, server) as known, `direction` by the same knowledge; `known`
        says whether a handshake proved who the client is; `from_start` whether the bytes begin a stream.
        """
        scores["looks"] = scores.get("looks", 0) + 1
        name = recognise(data, transport, ports) if from_start or scores["looks"] <= 4 else ""
        if name:
            return Decision(None, name, BY_ONE, 0.9)
        best: Decision | None = None
        waiting = False
        alive = False
        towards = direction if known else int(Direction.UNKNOWN)
        for protocol in self.by_transport[transport]:
            own = protocol.ports.get(transport, ())
            hint = ports[0] in own or ports[1] in own
            verdict = self.ask(protocol, data, towards)
            if verdict < 0:
                # the message is longer than what has arrived
                waiting = True
                alive = True
                continue
            if verdict == Verdict.NO:
                if from_start:
                    scores.pop((protocol.index, direction), None)
                continue
            alive = True
            seen = scores.get((protocol.index, direction), 0)
            scores[(protocol.index, direction)] = seen + (ENOUGH if verdict == Verdict.YES else 1)
            other = scores.get((protocol.index, 1 - direction), 0)
            total = scores[(protocol.index, direction)] + other + (1 if other else 0) + (2 if hint else 0)
            if total >= ENOUGH:
                by = BY_BOTH if other else BY_ONE
                strong = verdict == Verdict.YES or other >= ENOUGH
                confidence = (
                    0.99 if strong and other else 0.95 if strong else 0.9 if other and hint else 0.8 if other else 0.6
                )
                if best is None or confidence > best.confidence:
                    best = Decision(protocol, protocol.name, by, confidence)
        if best is not None:
            return best
        if scores["looks"] >= MAX_LOOKS:
            return GIVE_UP
        if not alive and not waiting and from_start and scores.get("both_no") not in (None, direction):
            return GIVE_UP
        if not alive and from_start:
            scores["both_no"] = direction
        return None

    def sure(self, transport: str, direction: int, data: bytes) -> Decision | None:
        """The protocol whose signature a piece of payload bears, whatever came before it; else None."""
        for protocol in self.by_transport[transport]:
            if self.ask(protocol, data, direction) == Verdict.YES:
                return Decision(protocol, protocol.name, BY_ONE, 0.95)
        return None

    def framed(self, transport: str, ports: tuple[int, int], pieces: list[tuple[int, bytes]]) -> Decision | None:
        """The protocol of one of the ports, where most pieces (side, payload) are framed as it demands; else None.

        For flows of which no piece is a message that the standard allows: whoever tries what a device does with
        malformed messages must frame them, or the device's stack would not look at them.
        """
        for protocol in self.by_transport[transport]:
            if protocol.outline is None or not any(port in protocol.ports.get(transport, ()) for port in ports):
                continue
            sides = [side for side, data in pieces if self._outlined(protocol, data)]
            if 2 * len(sides) > len(pieces):
                both = len(set(sides)) == 2
                return Decision(protocol, protocol.name, BY_FRAMING, FRAMED_BOTH if both else FRAMED_ONE)
        return None

    def _outlined(self, protocol: Protocol, data: bytes) -> bool:
        """Whether a parser's outline fits; one that fails, in whatever way, does not (as with `ask`)."""
        assert protocol.outline is not None
        try:
            return bool(protocol.outline(Reader(data)))
        except (Short, Malformed):
            return False
        except Exception as error:
            if protocol.name not in self._failed:
                self._failed.add(protocol.name)
                _log.error("the outline of parser %s failed: %r", protocol.name, error)
            return False

    def ask(self, protocol: Protocol, data: bytes, direction: int) -> int:
        """One probe's verdict; -1 where it needs more bytes.

        A probe that fails, in whatever way, says no: its defect is that parser's, not the analysis's.
        """
        reader = self._reader
        reader.reset(data, 0, len(data))
        try:
            return int(protocol.probe(reader, direction))
        except Short:
            return -1
        except Malformed:
            return int(Verdict.NO)
        except Exception as error:
            if protocol.name not in self._failed:
                self._failed.add(protocol.name)
                _log.error("the probe of parser %s failed: %r", protocol.name, error)
            return int(Verdict.NO)

    def inner(self, carrier: str, data: bytes, direction: int) -> Protocol | None:
        """The parser that reads what a carrier carries, or None."""
        best, best_verdict = None, 0
        for protocol in self.protocols:
            if carrier in protocol.over:
                verdict = self.ask(protocol, data, direction)
                if verdict > best_verdict:
                    best, best_verdict = protocol, verdict
        return best


def guess(transport: str, client_port: int, server_port: int) -> str:
    """The service that a port suggests, or nothing."""
    return GUESSES.get((transport, server_port)) or GUESSES.get((transport, client_port)) or ""


_HTTP = (
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"HTTP/1.",
    b"M-SEARCH ",
    b"NOTIFY ",
)


def recognise(data: bytes, transport: str, ports: tuple[int, int]) -> str:
    """The name of a common protocol that is not industrial, told by bytes that its standard fixes; else empty."""
    if transport == "tcp":
        return _recognise_tcp(data, ports)
    if transport == "udp":
        return _recognise_udp(data, ports)
    return ""


def _recognise_tcp(data: bytes, ports: tuple[int, int]) -> str:
    n = len(data)
    if (
        n >= 5
        and data[0] in (20, 21, 22, 23)
        and data[1] == 3
        and data[2] <= 4
        and 0 < int.from_bytes(data[3:5], "big") <= 16640
    ):
        return "tls"
    if data.startswith(_HTTP) or data.startswith(b"PRI * HTTP/2.0"):
        return "http"
    if data.startswith(b"SSH-"):
        return "ssh"
    if n >= 8 and data[0] == 0 and data[4:8] in (b"\xffSMB", b"\xfeSMB", b"\xfdSMB"):
        return "smb"
    if n >= 4 and data[0] == 0x81 and 139 in ports and int.from_bytes(data[2:4], "big") <= n:
        return "netbios-ssn"
    if data.startswith(b"RFB 00"):
        return "vnc"
    if n >= 3 and data[0] == 0xFF and data[1] in (0xFB, 0xFC, 0xFD, 0xFE):
        return "telnet"
    if data[:3] in (b"220", b"230", b"331") and data[3:4] in (b" ", b"-"):
        return "smtp" if 25 in ports or b"SMTP" in data[:80] else "ftp"
    if data[:5] in (b"USER ", b"PASS ", b"EHLO ", b"HELO "):
        return "smtp" if data[:2] in (b"EH", b"HE") else "ftp"
    if (
        n >= 11
        and data[:2] == b"\x03\x00"
        and data[5] in (0xE0, 0xD0)
        and (b"Cookie: mstshash" in data[:60] or _rdp_negotiation(data))
    ):
        return "rdp"
    if (
        n >= 24
        and data[:2] == b"\x05\x00"
        and data[2] <= 19
        and data[4] in (0x10, 0x00)
        and int.from_bytes(data[8:10], "little") >= 16
    ):
        return "dcerpc"
    if n >= 14 and 53 in ports and int.from_bytes(data[:2], "big") == n - 2 and _dns(data[2:]):
        return "dns"
    if n >= 2 and data[0] == 0x30 and 389 in ports:
        return "ldap"
    return ""


def _rdp_negotiation(data: bytes) -> bool:
    """Whether an X.224 connection TPDU ends in an RDP negotiation structure (MS-RDPBCGR 2.2.1.1.1)."""
    return len(data) >= 19 and data[-8] in (1, 2, 3) and data[-6:-4] == b"\x08\x00"


def _recognise_udp(data: bytes, ports: tuple[int, int]) -> str:
    n = len(data)
    if any(p in (53, 5353, 5355, 137) for p in ports) and _dns(data):
        return {5353: "mdns", 5355: "llmnr", 137: "netbios-ns"}.get(
            next(p for p in ports if p in (53, 5353, 5355, 137)), "dns"
        )
    if 123 in ports and n >= 48 and data[0] >> 3 & 7 in (1, 2, 3, 4) and data[0] & 7:
        return "ntp"
    if n >= 240 and data[236:240] == b"\x63\x82\x53\x63" and data[0] in (1, 2):
        return "dhcp"
    if (161 in ports or 162 in ports) and n >= 10 and data[0] == 0x30:
        return "snmp"
    if data.startswith(_HTTP):
        return "ssdp" if 1900 in ports else "http"
    if 514 in ports and n >= 4 and data[0] == 0x3C and b">" in data[:6]:
        return "syslog"
    if n >= 12 and 138 in ports:
        return "netbios-dgm"
    if 69 in ports and n >= 4 and data[0] == 0 and 1 <= data[1] <= 6:
        return "tftp"
    if _dns(data) and data[4:6] == b"\x00\x01":
        return "dns"
    return ""


def _dns(data: bytes) -> bool:
    """Whether the bytes are a DNS message (RFC 1035, 4.1): sane header and a first name that reads as one."""
    if len(data) < 17:
        return False
    flags = int.from_bytes(data[2:4], "big")
    counts = [int.from_bytes(data[i : i + 2], "big") for i in (4, 6, 8, 10)]
    if flags & 0x0040 or flags >> 11 & 15 > 6 or max(counts) > 64 or sum(counts) == 0:
        return False
    at = 12
    while at < len(data):
        length = data[at]
        if length == 0:
            return at + 5 <= len(data) and 0 < int.from_bytes(data[at + 1 : at + 3], "big") <= 260 and at > 12
        if length & 0xC0 or at + 1 + length > len(data):
            return False
        at += 1 + length
    return False
