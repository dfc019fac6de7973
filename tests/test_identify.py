"""Which protocol a flow speaks: what decides, how sure it is, and what is nobody's."""

from __future__ import annotations

import csv

import battery
import fake_parsers as fake
import pytest
from conftest import CAPTURES, NO_CAPTURES, core_is_compiled

from sentinel import identify
from sentinel.identify import BY_BOTH, BY_ONE, GIVE_UP, MAX_LOOKS, Identifier, guess, recognise
from sentinel.model import Direction, Verdict
from sentinel.wire.reader import Malformed, Reader

NO, MAYBE, YES = Verdict.NO, Verdict.MAYBE, Verdict.YES
TO_SERVER, TO_CLIENT = 0, 1
ANY = (40000, 50000)
OWN = (40000, fake.PORT)


def identifier(*answers) -> Identifier:
    """Parsers whose probes answer with the verdict that the first byte indexes."""

    def probing(mine):
        def probe(r: Reader, direction: int) -> int:
            verdict = mine[r.u8()]
            if isinstance(verdict, Exception):
                raise verdict
            if verdict is None:
                r.need(1000)
            return verdict

        return probe

    names = "abcdef"
    return Identifier(fake.parsers(*(fake.module(names[n], probe=probing(a)) for n, a in enumerate(answers))).protocols)


def looks(who: Identifier, *pieces, ports=ANY, from_start=True, known=True):
    """The decision after some payload pieces (direction, first byte)."""
    scores: dict = {}
    decision = None
    for direction, value in pieces:
        assert decision is None, "decided before the last piece"
        decision = who.look(scores, "tcp", ports, direction, bytes([value]), from_start, known)
    return decision


ALL = (NO, MAYBE, YES, None, Malformed(45, "x"))


@pytest.mark.parametrize(("pieces", "ports", "want"), [
    ([(0, 2)], ANY, (BY_ONE, 0.95)),
    ([(1, 2)], ANY, (BY_ONE, 0.95)),
    ([(0, 1)], OWN, (BY_ONE, 0.6)),
    ([(0, 1), (1, 1)], ANY, (BY_BOTH, 0.8)),
    ([(0, 1), (1, 2)], ANY, (BY_BOTH, 0.99)),
    ([(0, 1), (0, 1), (0, 1)], ANY, (BY_ONE, 0.6)),
])  # fmt: skip
def test_how_answers_add_up(pieces, ports, want) -> None:
    decision = looks(identifier(ALL), *pieces, ports=ports)
    assert (decision.protocol.name, decision.by, decision.confidence) == ("a", *want)


@pytest.mark.parametrize("pieces", [[(0, 1)], [(0, 1), (0, 1)], [(0, 3)], [(0, 0)], [(0, 4)]])
def test_what_does_not_decide_yet(pieces) -> None:
    assert looks(identifier(ALL), *pieces) is None


def test_a_port_alone_decides_nothing() -> None:
    assert looks(identifier(ALL), (0, 0), ports=OWN) is None
    assert looks(identifier(ALL), (0, 0), (1, 0), ports=OWN) is GIVE_UP


def test_the_surest_parser_wins() -> None:
    decision = looks(identifier((MAYBE,), (YES,), (NO,)), (0, 0), ports=OWN)
    assert decision.protocol.name == "b"


def test_both_sides_refused_ends_the_search() -> None:
    assert looks(identifier(ALL), (0, 0), (1, 4)) is GIVE_UP
    assert looks(identifier(ALL), (0, 0), (1, 3)) is None, "one is still waiting for bytes"


def test_midstream_is_looked_at_longer() -> None:
    assert looks(identifier(ALL), *[(n % 2, 0) for n in range(MAX_LOOKS - 1)], from_start=False) is None
    assert looks(identifier(ALL), *[(n % 2, 0) for n in range(MAX_LOOKS)], from_start=False) is GIVE_UP


def test_the_direction_is_told_only_where_it_is_proven() -> None:
    seen = []

    def probe(r: Reader, direction: int) -> int:
        seen.append(direction)
        return NO

    who = Identifier(fake.parsers(fake.module(probe=probe)).protocols)
    for known in (True, False):
        who.look({}, "tcp", ANY, TO_CLIENT, b"x", True, known)
    assert seen == [Direction.TO_CLIENT, Direction.UNKNOWN]


def test_only_parsers_of_the_transport_are_asked() -> None:
    udp = fake.module(TRANSPORTS=("udp",), probe=lambda r, direction: YES)
    who = Identifier(fake.parsers(udp).protocols)
    assert who.look({}, "tcp", ANY, 0, b"x", True, True) is None
    assert who.look({}, "udp", ANY, 0, b"x", True, True).protocol.name == "fake"


def test_inner_asks_only_those_over_the_carrier() -> None:
    plain = fake.module("plain", probe=lambda r, direction: YES)
    weak = fake.module("weak", OVER=("outer",), probe=lambda r, direction: MAYBE)
    strong = fake.module("strong", OVER=("outer", "other"), probe=lambda r, direction: YES)
    who = Identifier(fake.parsers(plain, weak, strong).protocols)
    assert who.inner("outer", b"x", 0).name == "strong"
    assert who.inner("other", b"x", 0).name == "strong"
    assert who.inner("third", b"x", 0) is None


def test_guesses() -> None:
    assert guess("tcp", 40000, 502) == "modbus" and guess("tcp", 502, 40000) == "modbus"
    assert guess("udp", 1, 2) == "" and guess("udp", 53, 47808) == "bacnet"


DNS = bytes.fromhex("0001010000010000000000000377777707") + b"example\x03com\x00\x00\x01\x00\x01"
TCP = {
    "tls": b"\x16\x03\x03\x00\x05hello",
    "http": b"GET /index.html HTTP/1.1\r\n",
    "ssh": b"SSH-2.0-x\r\n",
    "smb": b"\0\0\0\x40\xfeSMB" + bytes(60),
    "vnc": b"RFB 003.008\n",
    "telnet": b"\xff\xfd\x18",
    "ftp": b"220 ready\r\n",
    "smtp": b"220 mail ESMTP\r\n",
    "dcerpc": b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0" + bytes(60),
}
UDP = {"dhcp": b"\x01\x01\x06\0" + bytes(232) + b"\x63\x82\x53\x63"}


@pytest.mark.parametrize("name", TCP)
def test_what_is_recognised_on_any_port(name) -> None:
    assert recognise(TCP[name], "tcp", ANY) == name
    assert recognise(TCP[name], "udp", ANY) in ("", "http")
    for length in range(len(TCP[name])):
        assert recognise(TCP[name][:length], "tcp", ANY) in ("", name, "ftp")


@pytest.mark.parametrize("name", UDP)
def test_what_is_recognised_over_udp(name) -> None:
    assert recognise(UDP[name], "udp", ANY) == name


@pytest.mark.parametrize(("port", "name"), [(53, "dns"), (5353, "mdns"), (5355, "llmnr"), (40001, "dns")])
def test_dns_by_port(port, name) -> None:
    assert recognise(DNS, "udp", (port, port)) == name
    assert recognise(DNS[:20], "udp", (port, port)) == ""


@pytest.mark.parametrize("parser", [p.name for p in battery.shipped().protocols])
def test_no_sample_of_ours_is_taken_for_something_else(parser) -> None:
    wire = battery.wire_of(parser)
    for side, data in (*wire.opening, *wire.samples):
        for transport in wire.transports:
            ports = (40000, wire.port) if side == 0 else (wire.port, 40000)
            assert recognise(data, transport, ports) == "", data.hex()


def test_no_sample_of_ours_is_another_of_ours() -> None:
    """On a foreign port no parser is sure of another one's messages."""
    protocols = battery.shipped().protocols
    for mine in protocols:
        wire = battery.wire_of(mine.name)
        family = {mine.name, wire.label, *mine.over}
        for side, data in wire.samples:
            for other in protocols:
                if other.name not in family and not {other.name, *other.over} & family and other.transports:
                    assert Identifier(protocols).ask(other, data, side) < YES, (mine.name, other.name, data.hex())


# -- the false-label set ---------------------------------------------------------------------------------------------

FRIENDS = {"s7comm": {"s7comm", "cotp"}, "mms": {"cotp"}, "tpkt": {"cotp"}}


def foreign() -> list[tuple[str, str]]:
    """(protocol, file) of small real captures of every protocol."""
    if not CAPTURES.is_dir():
        return []
    limit = 2_000_000 if core_is_compiled() else 100_000
    with (CAPTURES / "INDEX.tsv").open(encoding="utf-8") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    return [
        (row["protocol"], row["file"])
        for row in rows
        if row["file"].endswith((".pcap", ".pcapng", ".cap")) and int(row["bytes"]) <= limit
    ]


@pytest.mark.skipif(not CAPTURES.is_dir(), reason=NO_CAPTURES)
@pytest.mark.parametrize("protocol", sorted({name for name, _ in foreign()}))
def test_no_capture_of_another_protocol_is_labelled_as_one_of_ours(protocol) -> None:
    """Ours, with messages, only where that protocol's port was used: a capture of one protocol may hold others too."""
    ports = {p.name: {port for ports in p.ports.values() for port in ports} for p in battery.shipped().protocols}
    ports["s7comm"] = ports["cotp"]
    ours = {protocol, *FRIENDS.get(protocol, ())}
    for name in [file for label, file in foreign() if label == protocol]:
        seen = battery.see((CAPTURES / name).read_bytes())
        for row in seen.rows("flows"):
            if row["messages"] and row["protocol"] not in ours and protocol != "encapsulation":
                known = {row["client_port"], row["server_port"]} & ports[row["protocol"]]
                assert known, f"{name}: {row['client_port']} -> {row['server_port']} was labelled {row['protocol']}"


def test_recognised_names_are_no_names_of_parsers() -> None:
    assert not set(TCP) & {p.name for p in battery.shipped().protocols}
    assert identify.GUESS_CONFIDENCE < 0.5


def test_an_outline_that_fails_fits_nothing(caplog) -> None:
    def outline(r: Reader) -> bool:
        return bool(1 // r.u8())

    who = Identifier(fake.parsers(fake.module(outline=outline)).protocols)
    assert who.framed("tcp", OWN, [(0, b"\1")]).by == identify.BY_FRAMING
    assert who.framed("tcp", OWN, [(0, b"\0"), (1, b"")]) is None
    assert caplog.text.count("the outline of parser fake failed") == 1
