"""Frames to rows: labels, backlog, parser defects, carriers, faults, copies; and what the core leaves in its rows."""

from __future__ import annotations

import struct

import fake_parsers as fake
import frames as f
import pytest
from battery import conversations, see
from conftest import core_is_compiled
from fake_parsers import PORT, REPLY, SAY, say
from frames import MS, SECOND, START, Talk
from modbus_samples import mbap

from sentinel.model import Fault, Kind, Verdict
from sentinel.wire import dissect, rows
from sentinel.wire.reader import Malformed, Reader
from sentinel.wire.rows import Rows

ASK, ANSWER = mbap("0300000001"), mbap("03020001")


def spoken(*pieces: tuple[int, bytes], port: int = PORT, opened: bool = True) -> Talk:
    talk = Talk(dport=port)
    if opened:
        talk.open()
    for side, data in pieces:
        talk.send(side, data)
    return talk


def run(*pieces: tuple[int, bytes], port: int = PORT, **changes):
    """One connection to one fake parser."""
    return see(spoken(*pieces, port=port).records, parsers=fake.parsers(fake.module(**changes)))


# -- labels ----------------------------------------------------------------------------------------------------------


def test_a_parser_gets_each_message_with_its_place() -> None:
    seen = run((0, say(b"a") + say(b"bc")), (1, say(b"d", b"?")))
    columns = ("frame", "index", "first_frame", "offset", "length", "kind", "name")
    assert seen.rows("messages", *columns) == [
        (4, 0, 4, 0, 3, "request", "a"),
        (4, 1, 4, 3, 4, "request", "bc"),
        (5, 0, 5, 0, 3, "response", "d"),
    ]
    assert seen.rows("ext/fake", "size") == [1, 2, 1]


def test_a_message_over_several_frames_names_its_first() -> None:
    seen = run((0, say(b"x") + say(b"long")[:3]), (0, say(b"long")[3:4]), (0, say(b"long")[4:] + say(b"y")))
    assert seen.rows("messages", "frame", "first_frame", "name") == [(4, 4, "x"), (6, 4, "long"), (6, 6, "y")]


def test_offset_of_a_message_behind_one_that_was_completed() -> None:
    """schema.MESSAGES.offset: in the payload of the frame that brought its first byte."""
    seen = run((0, say(b"x") + say(b"long")[:3]), (0, say(b"long")[3:] + say(b"y")))
    assert seen.rows("messages", "name", "offset") == [("x", 0), ("long", 3), ("y", 3)]




@pytest.mark.parametrize("pieces", [
    pytest.param([], id="silent"),
    pytest.param([(0, b"\xde\xad\xbe\xef" * 20), (1, b"\xff" * 30)], id="unreadable"),
])  # fmt: skip
def test_a_port_alone_is_a_guess_without_messages(pieces) -> None:
    seen = see(spoken(*pieces, port=44818).records)
    flow = seen.flow()
    assert (flow["protocol"], flow["label_by"], flow["confidence"], flow["messages"]) == ("enip", "port only", 0.2, 0)
    assert not seen.rows("messages") and not seen.rows("facts")


@pytest.mark.parametrize("port", [502, 80, 443, 20000, 55555])
def test_payload_makes_the_label_on_any_port(port) -> None:
    seen = see(spoken((0, ASK), (1, ANSWER), (0, ASK), (1, ANSWER), port=port).records)
    flow = seen.flow()
    assert (flow["protocol"], flow["label_by"], flow["messages"]) == ("modbus", "payload of both sides", 4)
    assert flow["confidence"] >= 0.8


def test_what_waited_for_the_label_is_read_in_order() -> None:
    seen = see(spoken(*[(k % 2, ANSWER if k % 2 else ASK) for k in range(6)], port=55555).records)
    assert seen.rows("messages", "frame") == [4, 5, 6, 7, 8, 9]
    assert seen.rows("messages", "kind") == ["request", "response"] * 3
    assert set(seen.rows("messages", "pairing")) == {"answered"}


OTHERS = {
    "http": b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n",
    "tls": b"\x16\x03\x01\x00\x40\x01\0\0\x3c\x03\x03" + bytes(53),
    "ssh": b"SSH-2.0-OpenSSH_9\r\n",
    "rdp": bytes.fromhex("0300002a25e00000000000") + b"Cookie: mstshash=abc\r\n" + bytes.fromhex("0100080000000000"),
}


@pytest.mark.parametrize("port", [102, 502, 20000, 8080])
@pytest.mark.parametrize("name", OTHERS)
def test_other_protocols_stay_themselves_on_industrial_ports(name, port) -> None:
    seen = see(spoken((0, OTHERS[name]), port=port).records)
    assert (seen.flow()["protocol"], seen.rows("messages")) == (name, [])


# One byte more than the standard allows, in a header that tells so.
BAD_ASK, BAD_ANSWER = mbap("030000000100"), mbap("830200")
WRONG = {
    "modbus": (502, BAD_ASK, BAD_ANSWER),
    # a link frame whose header CRC is wrong (IEEE 1815, clause 9)
    "dnp3": (20000, bytes.fromhex("056405c0010000000000"), bytes.fromhex("05640500000001000000")),
    # a TPKT (RFC 1006) with a TPDU code that X.224 does not have
    "cotp": (102, bytes.fromhex("0300000902b0800102"), bytes.fromhex("0300000702b080")),
}


@pytest.mark.parametrize("pieces", ["0", "01", "00", "0" * 30])
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("opened", [True, False])
def test_malformed_messages_alone_are_told_by_their_framing(name, pieces, opened) -> None:
    port, ask, answer = WRONG[name]
    seen = see(spoken(*[(int(side), (ask, answer)[int(side)]) for side in pieces], port=port, opened=opened).records)
    flow = seen.flow()
    confidence = 0.5 if "1" in pieces else 0.4
    assert (flow["protocol"], flow["label_by"], flow["confidence"]) == (name, "framing only", confidence)
    assert all(seen.rows("messages", "fault")) and seen.rows("messages", "frame")[0] == (4 if opened else 1)
    assert "identifier" not in seen.faults()


def test_a_server_that_opens_the_connection_is_told_by_its_port() -> None:
    talk = Talk(sport=502, dport=55555).open()
    seen = see(talk.send(0, BAD_ANSWER).send(0, BAD_ANSWER).records)
    assert (seen.flow()["server_port"], seen.flow()["direction_by"]) == (502, "port")
    assert seen.rows("messages", "kind", "sport") == [("exception", 502)] * 2


def test_a_server_that_calls_is_told_by_the_requests_that_it_gets() -> None:
    """A device that opens a connection to port 502, where its master waits for it."""
    seen = see(spoken((1, ASK), (0, ANSWER), (1, ASK), (0, ANSWER), port=502).records)
    flow = seen.flow()
    assert (flow["protocol"], flow["direction_by"], flow["client_port"]) == ("modbus", "payload", 502)
    assert seen.rows("messages", "kind", "fault") == [("request", ""), ("response", "")] * 2


PADDED = mbap("0b00000000")


@pytest.mark.parametrize(("port", "opened", "kind", "fault"), [
    pytest.param(502, True, "request", "trailing", id="handshake"),
    pytest.param(502, False, "request", "trailing", id="own port"),
    pytest.param(1502, True, "request", "trailing", id="handshake to another port"),
    pytest.param(1502, False, "response", "", id="nothing tells"),
])  # fmt: skip
def test_a_padded_request_is_no_answer_where_the_flow_tells_who_asks(port, opened, kind, fault) -> None:
    """MODBUS V1.1b3, 6.9: a request of function 11 has no fields, an answer has two words."""
    seen = see(spoken((0, ASK), (1, ANSWER), (0, PADDED), port=port, opened=opened).records)
    assert seen.rows("messages", "kind", "fault")[2] == (kind, fault)


def test_sound_messages_raise_a_label_by_framing() -> None:
    flow = see(spoken((0, BAD_ASK), (1, BAD_ANSWER), (0, ASK), (1, ANSWER), port=502).records).flow()
    assert (flow["label_by"], flow["confidence"]) == ("payload of both sides", 0.95)
    assert (flow["messages"], flow["faults"]) == (4, 2)


@pytest.mark.parametrize(("port", "pieces"), [
    pytest.param(1502, [BAD_ASK, BAD_ASK], id="another port"),
    pytest.param(502, [BAD_ASK + b"x", BAD_ASK[:-1], BAD_ASK], id="most pieces of another length"),
    pytest.param(502, [bytes.fromhex("0001000100070103000000010000")], id="another protocol identifier"),
    pytest.param(502, [bytes.fromhex("000100000001ff")], id="no function"),
    pytest.param(502, [bytes(64)], id="zeros"),
    pytest.param(20000, [bytes.fromhex("056505c0010000000000")], id="other start octets"),
    pytest.param(20000, [bytes.fromhex("056404c0010000000000")], id="a length that is too small"),
    pytest.param(102, [bytes.fromhex("0300000a02b0800102")], id="a TPKT that is cut"),
])  # fmt: skip
def test_what_is_not_framed_stays_a_guess(port, pieces) -> None:
    seen = see(spoken(*[(0, piece) for piece in pieces], port=port).records)
    assert seen.flow()["label_by"] in ("", "port only")
    assert not seen.rows("messages")


def test_a_label_is_withdrawn_where_little_but_faults_follows() -> None:
    def parse(r: Reader, out: Rows) -> None:
        if r.peek(0) != 0x21 or r.left() > 20:
            raise Malformed(Fault.VALUE, "not mine")
        fake.parse(r, out)

    pieces = [(0, say(b"ok"))] + [(0, say(b"?" * 30)) for _ in range(60)] + [(0, say(b"late"))]
    seen = run(*pieces, parse=parse)
    flow = seen.flow()
    assert (flow["protocol"], flow["confidence"]) == ("fake", pytest.approx(0.1))
    kinds = seen.rows("messages", "kind")
    assert kinds.count("malformed") == dissect.MAX_MALFORMED + 1
    assert "late" not in seen.rows("messages", "name"), "the flow is left alone after that"


# -- malformed messages ----------------------------------------------------------------------------------------------


def picky(r: Reader, out: Rows) -> None:
    """Begins a row, then refuses what says `bad`."""
    kind = r.u8()
    text = r.take(r.u8())
    out.message(Kind.REQUEST if kind == ord("!") else Kind.RESPONSE, 1, SAY)
    out.name(text)
    if text == b"bad":
        raise Malformed(Fault.COUNT, "as bad as it says")


def test_a_row_that_was_begun_carries_the_fault() -> None:
    seen = run((0, say(b"a")), (0, say(b"bad")), (0, say(b"b")), parse=picky)
    assert seen.rows("messages", "name", "kind", "fault", "detail") == [
        ("a", "request", "", ""),
        ("bad", "request", "count", "as bad as it says"),
        ("b", "request", "", ""),
    ]
    (fault,) = [row for row in seen.rows("faults") if row["code"] == "count"]
    assert (fault["frame"], fault["flow"], fault["protocol"], fault["detail"]) == (5, 0, "fake", "as bad as it says")


def test_where_no_row_was_begun_there_is_a_malformed_one() -> None:
    def parse(r: Reader, out: Rows) -> None:
        if r.peek(1) == 3:
            raise Malformed(Fault.IDENTIFIER, "three")
        fake.parse(r, out)

    seen = run((0, say(b"a") + say(b"bad") + say(b"b")), parse=parse)
    assert seen.rows("messages", "kind", "offset", "operation", "fault") == [
        ("request", 0, "say", ""),
        ("malformed", 3, "", "identifier"),
        ("request", 8, "say", ""),
    ]
    assert seen.faults() == {"identifier": 1, "resync": 1}


def test_bytes_between_messages_are_skipped_and_told() -> None:
    def parse(r: Reader, out: Rows) -> None:
        if r.peek(0) not in b"!?":
            raise Malformed(Fault.IDENTIFIER, "noise")
        fake.parse(r, out)

    seen = run((0, say(b"a")), (0, b"\0" * 50 + say(b"b")), parse=parse)
    assert [row["name"] for row in seen.rows("messages") if row["kind"] == "request"] == ["a", "b"]
    assert seen.faults()["resync"] == 1


def test_a_message_longer_than_the_cap_is_given_up() -> None:
    def parse(r: Reader, out: Rows) -> None:
        r.u8()
        r.need(r.u8() * 1000)

    seen = run((0, b"!" + bytes([200]) + bytes(2000)), (0, say(b"z" * 5)), parse=parse, STREAM_CAP=4096)
    assert seen.faults().keys() >= {"too-large"}


def test_datagrams_hold_whole_messages_only() -> None:
    packets = [say(b"a") + say(b"b"), say(b"cut")[:3], say(b"d"), say(b"e") + b"junk"]
    records = [
        (START + n * SECOND, f.ethernet(f.ipv4(f.udp(data, 40000, PORT), f.UDP, ident=n + 1)))
        for n, data in enumerate(packets)
    ]
    seen = see(records, parsers=fake.parsers(fake.module()))
    assert [name for name in seen.rows("messages", "name") if name] == ["a", "b", "d", "e"]
    assert seen.faults()["short"] >= 1
    assert seen.rows("messages", "frame")[0] == 1


# -- defects of parsers ----------------------------------------------------------------------------------------------


class Own(Exception):
    """What a parser from somewhere else may raise."""


BROKEN = [
    KeyError(1),
    IndexError(),
    ValueError("x"),
    AttributeError(),
    RecursionError(),
    AssertionError(),
    ZeroDivisionError(),
    struct.error("x"),
    NotImplementedError(),
    UnicodeDecodeError("utf-8", b"", 0, 1, "x"),
    Own(),
]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_parser_that_fails_is_contained(error) -> None:
    def parse(r: Reader, out: Rows) -> None:
        if r.peek(1) == 3:
            raise error
        fake.parse(r, out)

    seen = run((0, say(b"a")), (0, say(b"bad")), (0, say(b"b")), parse=parse)
    assert [row["name"] for row in seen.rows("messages") if row["kind"] == "request"] == ["a", "b"]
    assert seen.faults()["parser"] == 1
    ((name, frame, trace),) = seen.engine.defects
    assert (name, frame) == ("fake", 5) and type(error).__name__ in trace


def test_the_list_of_defects_is_bounded() -> None:
    def parse(r: Reader, out: Rows) -> None:
        raise KeyError("again")

    pieces = [(0, say(b"x")) for _ in range(30)]
    seen = run(*pieces, parse=parse)
    assert len(seen.engine.defects) == 20


@pytest.mark.parametrize("error", [KeyError("x"), Malformed(Fault.VALUE, "x")], ids=["defect", "malformed"])
def test_what_a_parser_kept_before_it_failed_is_given_back(error) -> None:
    def parse(r: Reader, out: Rows) -> None:
        out.slot["kept"] = r.slice(r.pos, r.pos + 5)
        out.grow(5)
        raise error

    assert run((0, say(b"abc")), parse=parse).engine.rows.kept == 0


@pytest.mark.parametrize("what", ["consumes nothing", "goes back"])
def test_a_parser_that_does_not_move_is_stopped(what) -> None:
    def parse(r: Reader, out: Rows) -> None:
        out.message(Kind.OTHER, -1, SAY)
        if what == "goes back":
            r.skip(1)
            r.pos = r.pos - 1

    seen = run((0, say(b"abc")), parse=parse)
    assert seen.faults()["parser"] >= 1


PROBES = {
    "probe": {"probe": lambda r, direction: 1 // 0},
    "orient": {"orient": lambda r: 1 // 0},
}


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_that_fails_says_no(name) -> None:
    see(spoken((0, say()), port=55555, opened=False).records, parsers=fake.parsers(fake.module(**PROBES[name])))


@pytest.mark.parametrize("key", [70_000, 1 << 40])
def test_an_undeclared_operation_is_empty(key) -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        out.operation(key)

    assert run((0, say(b"a")), parse=parse).rows("messages", "operation") == [""]


# -- carriers --------------------------------------------------------------------------------------------------------


def carrier(name: str = ""):
    """A parser whose message holds others: `!`, length, bytes for the parser inside."""

    def parse(r: Reader, out: Rows) -> None:
        r.skip(1)
        n = r.u8()
        r.need(n)
        out.message(Kind.OTHER, -1, REPLY)
        out.length(n + 2)
        out.hand(r, n, name)

    return fake.module("outer", parse=parse, TABLE=())


def inside(**changes):
    return fake.module("inner", TRANSPORTS=(), PORTS={}, OVER=("outer",), **changes)


def carried(*pieces: bytes, name: str = "", **changes):
    records = spoken(*((0, say(data)) for data in pieces)).records
    return see(records, parsers=fake.parsers(inside(**changes), carrier(name)))


@pytest.mark.parametrize("name", ["", "inner"])
def test_a_carrier_hands_on_its_bytes(name) -> None:
    seen = carried(say(b"a") + say(b"b"), say(b"c"), name=name)
    rows = seen.rows("messages", "protocol", "name", "length", "frame")
    assert rows == [
        ("outer", "", 8, 4), ("inner", "a", 3, 4), ("inner", "b", 3, 4), ("outer", "", 5, 5), ("inner", "c", 3, 5),
    ]  # fmt: skip
    assert seen.rows("ext/inner", "size") == [1, 1, 1]
    if not name:
        assert (seen.flow()["protocol"], seen.flow()["carrier"]) == ("inner", "outer")


def test_what_nobody_inside_reads_is_stepped_over() -> None:
    seen = carried(b"\0\1\2", say(b"a"))
    assert seen.rows("messages", "protocol") == ["outer", "outer", "inner"]
    assert carried(b"abc", name="nobody").rows("messages", "protocol") == ["outer"]


def test_a_parser_inside_never_reads_past_its_span() -> None:
    seen = carried(say(b"abcdef")[:4], say(b"b"))
    assert seen.rows("messages", "protocol", "fault") == [
        ("outer", ""), ("inner", "length"), ("outer", ""), ("inner", ""),
    ]  # fmt: skip


def test_a_defect_inside_is_named_after_its_parser() -> None:
    def parse(r: Reader, out: Rows) -> None:
        raise KeyError("inside")

    seen = carried(say(b"a"), say(b"b"), parse=parse)
    assert {name for name, _, _ in seen.engine.defects} == {"inner"}


def test_after_a_defect_inside_the_carrier_goes_on() -> None:
    def parse(r: Reader, out: Rows) -> None:
        if r.peek(1) == 3:
            raise KeyError("inside")
        fake.parse(r, out)

    seen = carried(say(b"a"), say(b"bad"), say(b"c"), parse=parse)
    read = [row["name"] for row in seen.rows("messages") if row["protocol"] == "inner" and not row["fault"]]
    assert read == ["a", "c"]
    assert seen.faults()["parser"] == 1
    assert "parser" in seen.rows("messages", "fault"), "the row that was begun carries the fault"


def test_bytes_behind_an_inner_message_that_is_short_wait_for_no_more() -> None:
    """A carrier's reassembled span has its own reader; what is missing there never comes."""

    def parse(r: Reader, out: Rows) -> None:
        r.skip(1)
        span = r.take(r.u8())
        out.message(Kind.OTHER, -1, REPLY)
        out.hand(Reader(span), len(span), "inner")

    outer = fake.module("outer", parse=parse, TABLE=())
    seen = see(spoken((0, say(b"!\x09abc")), (0, say(say(b"z")))).records, parsers=fake.parsers(inside(), outer))
    assert seen.rows("messages", "protocol", "fault", "name") == [
        ("outer", "", ""), ("inner", "length", ""), ("outer", "", ""), ("inner", "", "z"),
    ]  # fmt: skip


# -- state of a flow -------------------------------------------------------------------------------------------------


def test_slots_are_per_direction_and_shared_per_flow() -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        out.slot["n"] = out.slot.get("n", 0) + 1
        out.shared["n"] = out.shared.get("n", 0) + 1
        out.status(out.slot["n"])
        out.transaction(out.shared["n"])

    seen = run((0, say(b"a")), (1, say(b"b", b"?")), (0, say(b"c")), parse=parse)
    assert seen.rows("messages", "status", "transaction") == [(1, 1), (1, 2), (2, 3)]


def test_a_gap_clears_the_slot_of_its_direction() -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        out.status(len(out.slot))
        out.slot[out.frame] = 1

    talk = spoken((0, say(b"a")), (1, say(b"b", b"?")), (0, say(b"c"))).lose(0, 40)
    talk.send(0, say(b"d")).send(1, say(b"e", b"?"))
    seen = see(talk.records, parsers=fake.parsers(fake.module(parse=parse)))
    assert sorted(seen.rows("messages", "name", "status")) == [("a", 0), ("b", 0), ("c", 1), ("d", 0), ("e", 1)]


def test_what_a_short_call_wrote_is_taken_back() -> None:
    def parse(r: Reader, out: Rows) -> None:
        r.skip(1)
        n = r.u8()
        out.message(Kind.REQUEST, 1, SAY)
        out.ext(0, n)
        out.item(0, -1, 5, 1)
        out.point(0, 5, 1.0)
        out.fault(Fault.VALUE, "early")
        out.name(r.take(n))

    seen = run((0, say(b"abc")[:3]), (0, say(b"abc")[3:] + say(b"d")), parse=parse)
    counts = {name: len(seen.rows(name)) for name in ("messages", "items", "points", "ext/fake")}
    assert counts == {"messages": 2, "items": 2, "points": 2, "ext/fake": 2}
    assert (seen.faults(), seen.rows("messages", "name")) == ({"value": 2}, ["abc", "d"])


# -- frames ----------------------------------------------------------------------------------------------------------


def test_frame_faults_and_counts() -> None:
    records = [
        (START, f.ethernet(b"\x55" + f.ipv4(b"x")[1:])),
        (START + 2, f.ethernet(f.ipv4(f.tcp(b"abc", dport=9)))),
        (START + 1, b"short"),
    ]
    seen = see(records)
    assert seen.rows("faults", "frame", "code", "flow") == [
        (1, "frame-malformed", None),
        (3, "time-backwards", None),
        (3, "frame-malformed", None),
    ]
    engine = seen.engine
    assert (engine.frames, engine.backwards, engine.unread_frames) == (3, 1, 1)
    assert (engine.first_time, engine.latest_time) == (START, START + 2)
    assert engine.bytes == sum(len(frame) for _, frame in records)


def test_unread_link_types_are_counted() -> None:
    seen = see(f.pcap([(0, b"x"), (1, b"y")], link=147))
    assert (seen.engine.unread, seen.engine.unread_frames, seen.rows("flows")) == ({"link type 147": 2}, 2, [])


def test_fault_rows_are_capped_but_counted(monkeypatch) -> None:
    records = [(n, b"short") for n in range(dissect.MAX_FAULT_ROWS + 50)]
    seen = see(records)
    assert seen.faults() == {"frame-malformed": dissect.MAX_FAULT_ROWS}
    assert seen.engine.fault_counts == {Fault.FRAME_MALFORMED: dissect.MAX_FAULT_ROWS + 50}


def test_missing_fragments_are_told_at_the_end() -> None:
    packet = f.udp(b"x" * 64)
    seen = see([(START, f.ethernet(f.ipv4(packet[:32], f.UDP, ident=1, more=True)))])
    assert seen.rows("faults", "code", "frame") == [("fragment-lost", 1)]


def test_a_fragmented_message_names_the_frame_of_its_first_fragment() -> None:
    packet = f.udp(say(b"x" * 50), 40000, PORT)
    pieces = ((0, packet[:24], True), (24, packet[24:], False))
    records = [
        (START + n, f.ethernet(f.ipv4(piece, f.UDP, ident=1, more=more, offset=at)))
        for n, (at, piece, more) in enumerate(((0, f.udp(say(b"a"), 40000, PORT), False), *pieces))
    ]
    seen = see(records, parsers=fake.parsers(fake.module()))
    assert seen.rows("messages", "frame", "first_frame", "length") == [(1, 1, 3), (3, 2, 52)]


def test_a_fragmented_first_message_names_the_frame_of_its_first_fragment() -> None:
    packet = f.udp(say(b"x" * 50), 40000, PORT)
    records = [
        (START, f.ethernet(f.ipv4(packet[:24], f.UDP, ident=1, more=True))),
        (START + 1, f.ethernet(f.ipv4(packet[24:], f.UDP, ident=1, offset=24))),
    ]
    seen = see(records, parsers=fake.parsers(fake.module()))
    assert seen.rows("messages", "frame", "first_frame") == [(2, 1)]


def test_arp_tells_addresses_once() -> None:
    records = [(START + n * SECOND, f.ethernet(f.arp("10.0.0.9", 5), f.ARP, 5, 2)) for n in range(3)]
    records.append((START + 9 * SECOND, f.ethernet(f.arp("10.0.0.9", 6), f.ARP, 6, 2)))
    seen = see(records)
    assert [(key.hex(), frame) for key, (_, frame, _) in seen.engine.arps.items()] == [
        ("0200000000050a000009", 1),
        ("0200000000060a000009", 4),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(0, b"\0\1\2")], id="one side"),
        pytest.param([(0, b"\0\1\2"), (1, b"\3\4")], id="both sides"),
    ],
)
def test_payload_on_the_port_of_a_parser_that_is_none_of_its_messages_is_told(pieces) -> None:
    seen = run(*pieces)
    assert (seen.faults(), seen.rows("messages")) == ({"identifier": 1}, [])
    assert run(*pieces, port=9).faults() == {}


# -- frames without IP -----------------------------------------------------------------------------------------------


def layer2(*payloads: bytes):
    """Frames of an EtherType that a parser reads, alternating between two stations."""
    module = fake.module(TRANSPORTS=("eth",), PORTS={"eth": (0x88B5,)})
    frames = [f.ethernet(data, 0x88B5, 1 + n % 2, 2 - n % 2) for n, data in enumerate(payloads)]
    return see([(START + n * SECOND, frame) for n, frame in enumerate(frames)], parsers=fake.parsers(module))


def test_frames_without_ip_go_to_their_parser() -> None:
    seen = layer2(say(b"a"), say(b"b", b"?"))
    assert seen.rows("messages", "name", "src", "transport", "sport") == [
        ("a", "02:00:00:00:00:01", "eth", None),
        ("b", "02:00:00:00:00:02", "eth", None),
    ]
    assert (seen.flow()["protocol"], seen.flow()["ethertype"]) == ("fake", 0x88B5)


def test_ethernet_padding_is_no_message() -> None:
    seen = layer2(say(b"a") + bytes(43), say(b"b", b"?") + bytes(43))
    assert (seen.rows("messages", "name"), seen.faults()) == (["a", "b"], {})


# -- caps over all flows ---------------------------------------------------------------------------------------------


@pytest.fixture
def little_room(monkeypatch) -> None:
    """The cap over all flows is 2000 bytes; only the uncompiled leg can be told so."""
    if core_is_compiled():
        pytest.skip("the cap is a C constant of the compiled core")
    monkeypatch.setattr(dissect, "_MAX_KEPT", 2000)
    monkeypatch.setattr(rows, "MAX_KEPT", 2000)


def waiting(data: bytes, flows: int = 30) -> list:
    """Flows that are labelled, and whose next message never ends."""
    records = []
    for n in range(flows):
        talk = Talk(sport=40000 + n, dport=PORT, time=START + n * SECOND).open()
        records += talk.send(0, say(b"a")).send(0, data).send(0, data[:50]).records
    return records


def test_beginnings_of_messages_are_capped_over_all_flows(little_room) -> None:
    seen = see(waiting(b"!\xff" + bytes(150)), parsers=fake.parsers(fake.module()))
    assert seen.faults()["stream-cap"] > 5
    assert len(seen.rows("messages")) >= 30


def test_what_waits_for_a_label_is_capped_over_all_flows(little_room) -> None:
    def probe(r: Reader, direction: int) -> int:
        r.need(1 << 20)
        return Verdict.NO

    seen = see(waiting(b"x" * 150), parsers=fake.parsers(fake.module(probe=probe)))
    assert seen.faults()["stream-cap"] > 5


def test_what_waits_behind_holes_is_capped_over_all_flows(little_room) -> None:
    records = []
    for n in range(30):
        talk = Talk(sport=40000 + n, dport=PORT, time=START + n * MS, step=1000).open().send(0, say(b"a"))
        talk.seq[0] += 50
        records += talk.send(0, say(b"b" * 200)).records
    seen = see(records, parsers=fake.parsers(fake.module()))
    assert seen.faults()["stream-cap"] > 5
    names = seen.rows("messages", "name")
    assert names.count("b" * 200) == 30, "what was given up is the hole, not what came behind it"


def test_what_parsers_keep_is_capped_over_all_flows(little_room) -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        out.slot.setdefault("kept", []).append(bytes(100))
        out.grow(100)

    talk = Talk(dport=PORT).open()
    for _ in range(60):
        talk.send(0, say(b"a"))
    seen = see(talk.records, parsers=fake.parsers(fake.module(parse=parse)))
    assert seen.faults()["too-large"] >= 1


def test_carriers_that_carry_each_other_are_capped() -> None:
    def parse(r: Reader, out: Rows) -> None:
        out.message(Kind.OTHER, -1, REPLY)
        out.hand(Reader(b"abc"), 3, "two" if out.protocol == 0 else "one")
        r.skip(r.left())

    one, two = (fake.module(name, parse=parse, TABLE=()) for name in ("one", "two"))
    seen = see(spoken((0, say(b"a"))).records, parsers=fake.parsers(one, two))
    assert 2 <= len(seen.rows("messages")) <= dissect.MAX_DEPTH + 1
    assert seen.faults()["depth"] == 1


# -- probes of the engine as a whole ---------------------------------------------------------------------------------


def test_maybe_needs_the_port_or_the_other_side() -> None:
    def probe(r: Reader, direction: int) -> int:
        return Verdict.MAYBE if r.peek(0) in b"!?" else Verdict.NO

    assert run((0, say(b"a")), probe=probe).flow()["confidence"] == pytest.approx(0.6)
    alone = run((0, say(b"a")), port=55555, probe=probe)
    assert (alone.flow()["protocol"], alone.rows("messages")) == ("", [])
    both = run((0, say(b"a")), (1, say(b"b", b"?")), port=55555, probe=probe)
    assert (both.flow()["protocol"], both.flow()["messages"]) == ("fake", 2)


def test_payload_that_never_tells_is_bounded() -> None:
    def probe(r: Reader, direction: int) -> int:
        r.need(1 << 20)
        return Verdict.NO

    talk = spoken(*[(0, b"x" * 1000) for _ in range(200)])
    seen = see(talk.records, parsers=fake.parsers(fake.module(probe=probe)))
    assert (seen.flow()["messages"], seen.flow()["payload_client"]) == (0, 200_000)


def test_many_flows_between_the_same_hosts_keep_their_own_state() -> None:
    talks = [Talk(sport=40000 + n, time=START + n).open() for n in range(5)]
    for n, talk in enumerate(talks):
        talk.step = 10 * MS
        for k in range(4):
            talk.send(0, say(b"%d-%d" % (n, k)), (1, 3)).send(1, say(b"r", b"?"))
    records = sorted(record for talk in talks for record in talk.records)
    said = conversations(see(records, parsers=fake.parsers(fake.module())))
    names = [[row["name"] for row in rows if row["kind"] == "request"] for rows in said.values()]
    assert names == [[f"{n}-{k}" for k in range(4)] for n in range(5)]
