"""TPKT and COTP: every TPDU, fragments, what is malformed, and what is not COTP.

The samples are written by hand from the field tables of RFC 1006 and X.224.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import cotp
from sentinel.model import Direction, Fault, Kind, Verdict
from sentinel.wire import layout
from sentinel.wire.own import Own
from sentinel.wire.reader import Malformed, Reader, Short
from sentinel.wire.rows import Rows

COLUMNS = [extra.name for extra in cotp.TABLE]
TEXTS = {extra.name for extra in cotp.TABLE if extra.type == "text"}

S7_SETUP = bytes.fromhex("32010000000100080000f0000001000101e0")
CALLING = bytes.fromhex("c1020100")
CALLED = bytes.fromhex("c2020102")
SIZE_1024 = bytes.fromhex("c0010a")


# -- encoders and feeding --------------------------------------------------------------------------------------------


def tpkt(tpdu: bytes) -> bytes:
    return b"\x03\x00" + (len(tpdu) + 4).to_bytes(2, "big") + tpdu


def control(code: int, fixed: bytes, variable: bytes = b"") -> bytes:
    """A TPKT with a TPDU that has no user data: length indicator, code, fixed part, parameters."""
    return tpkt(bytes([1 + len(fixed) + len(variable), code]) + fixed + variable)


def connect(code: int, destination: int, source: int, variable: bytes) -> bytes:
    fixed = destination.to_bytes(2, "big") + source.to_bytes(2, "big") + b"\x00"
    return control(code, fixed, variable)


def data(payload: bytes, last: bool = True) -> bytes:
    return tpkt(bytes([2, 0xF0, 0x80 if last else 0x00]) + payload)


class Feed:
    """Parses TPKTs as the core would, keeping what is handed on."""

    def __init__(self, direction: int = 0) -> None:
        self.out = Rows()
        self.out.extras[0] = Own(len(cotp.TABLE) + 1)
        self.out.use(0, self.out.extras[0])
        self.out.shared = {}
        self.out.slot = {}
        self.out.carrier = self.carry
        self.handed: list[tuple[bytes, int]] = []
        self.direction = direction
        self.frame = 0

    def carry(self, r: Reader, n: int, name: str) -> bool:
        assert name == ""
        self.handed.append((r.take(n), self.out.since))
        return True

    def __call__(self, packet: bytes) -> int:
        """Parse one message; returns how many bytes of it were taken."""
        self.frame += 1
        r = Reader(packet)
        self.out.at(self.frame, self.frame, 0, 1, 1, self.direction, 0)
        cotp.parse(r, self.out)
        assert r.narrowed == 0 and r.end == len(packet)
        return r.pos

    def rows(self) -> list[dict]:
        found = []
        for cells in self.out.messages.cells[: self.out.messages.n]:
            row = {"kind": Kind(cells[layout.M_KIND]), "operation": cotp.OPERATIONS[cells[layout.M_OPERATION]].name}
            for name in ("TRANSACTION", "STATUS", "FAULT"):
                cell = getattr(layout, f"M_{name}")
                if cells[0] >> cell & 1:
                    row[name.lower()] = int(cells[cell])
            own = self.out.extras[0].cells[cells[layout.M_EXT]]
            for k, name in enumerate(COLUMNS):
                if own[0] >> (k + 1) & 1:
                    row[name] = self.out.texts[own[k + 1]] if name in TEXTS else int(own[k + 1])
            found.append(row)
        return found

    def faults(self) -> list[int]:
        return [int(cells[layout.F_CODE]) for cells in self.out.faults.cells[: self.out.faults.n]]


def one(packet: bytes, direction: int = 0) -> dict:
    feed = Feed(direction)
    assert feed(packet) == len(packet)
    (row,) = feed.rows()
    return row


# -- TPDUs -----------------------------------------------------------------------------------------------------------


def test_connection_is_joined_by_the_callers_reference():
    feed = Feed()
    feed(connect(0xE0, 0, 7, CALLING + CALLED + SIZE_1024))
    feed.direction = 1
    feed(connect(0xD0, 7, 3, SIZE_1024 + CALLING + CALLED))
    asked, answered = feed.rows()
    assert asked == {
        "kind": Kind.REQUEST,
        "operation": "connect_request",
        "transaction": 7,
        "tpdu": 0xE0,
        "source_reference": 7,
        "destination_reference": 0,
        "transport_class": 0,
        "tpdu_size": 1024,
        "calling_tsap": "0100",
        "called_tsap": "0102",
    }
    assert answered["kind"] == Kind.RESPONSE and answered["operation"] == "connect_confirm"
    assert (answered["transaction"], answered["status"], answered["source_reference"]) == (7, 0, 3)
    assert feed.out.shared["cotp"] == (b"\x01\x00", b"\x01\x02")


def test_confirm_may_leave_out_the_selectors():
    feed = Feed()
    feed(connect(0xE0, 0, 7, CALLING + CALLED))
    feed(connect(0xD0, 7, 3, b""))
    assert feed.out.shared["cotp"] == (b"\x01\x00", b"\x01\x02")


def test_selectors_are_text_where_they_are_printable():
    name = b"SIMATIC-ROOT-ES"
    row = one(connect(0xE0, 0, 1, b"\xc1\x02\x06\x00\xc2" + bytes([len(name)]) + name))
    assert (row["calling_tsap"], row["called_tsap"]) == ("0600", "SIMATIC-ROOT-ES")


@pytest.mark.parametrize(
    ("variable", "size"), [("c0010d", 8192), ("c00107", 128), ("f00101", 128), ("f0020200", 65536)]
)
def test_tpdu_size(variable, size):
    assert one(connect(0xE0, 0, 1, bytes.fromhex(variable)))["tpdu_size"] == size


def test_disconnect_refuses_or_ends():
    refused = one(control(0x80, bytes.fromhex("0007000003")), 1)
    assert refused["kind"] == Kind.EXCEPTION and refused["operation"] == "disconnect_request"
    assert (refused["transaction"], refused["status"], refused["reason"]) == (7, 3, 3)
    ended = one(control(0x80, bytes.fromhex("0007000380"), b"\xe0\x02hi"))
    assert ended["kind"] == Kind.LINK and "transaction" not in ended and ended["status"] == 128


def test_disconnect_confirm_and_error():
    row = one(control(0xC0, bytes.fromhex("00070003")))
    assert (row["operation"], row["destination_reference"], row["source_reference"]) == ("disconnect_confirm", 7, 3)
    row = one(control(0x70, bytes.fromhex("000702"), b"\xc1\x03\x02\xf0\x80"), 1)
    assert (row["operation"], row["kind"], row["reason"]) == ("tpdu_error", Kind.EXCEPTION, 2)
    assert "calling_tsap" not in row  # 0xc1 is the refused TPDU here


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x10, "expedited_data"),
        (0x20, "expedited_acknowledge"),
        (0x50, "reject"),
        (0x60, "data_acknowledge"),
        (0x30, "tpdu_unknown"),
        (0x00, "tpdu_unknown"),
    ],
)
def test_tpdus_that_class_0_does_not_know(code, name):
    row = one(control(code, b"\x00\x07\x80"))
    assert (row["operation"], row["fault"]) == (name, Fault.FUNCTION)


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (connect(0xE0, 0, 1, b"\xc1\x09\x01"), Fault.LENGTH),  # parameter longer than the TPDU
        (connect(0xE0, 0, 1, b"\xc1"), Fault.LENGTH),
        (connect(0xE0, 0, 1, b"\xc0\x01\x05"), Fault.VALUE),
        (connect(0xE0, 0, 1, b"\xc0\x00"), Fault.VALUE),
        (connect(0xE0, 5, 1, CALLED), Fault.VALUE),
        (connect(0xE0, 0, 1, b"\xc2\x28" + bytes(40)), Fault.LENGTH),
        (tpkt(b"\x02\xe0\x00"), Fault.LENGTH),
        (control(0x80, b"\x00\x00"), Fault.LENGTH),
    ],
)
def test_odd_content_is_a_fault_of_its_row(packet, fault):
    assert one(packet)["fault"] == fault


# -- data and fragments ----------------------------------------------------------------------------------------------


def test_whole_data_is_handed_on_without_a_row():
    feed = Feed()
    feed(data(S7_SETUP))
    assert feed.handed == [(S7_SETUP, 1)] and feed.rows() == []


def test_fragments_are_put_together_up_to_the_end_mark():
    feed = Feed()
    feed(data(S7_SETUP[:5], last=False))
    feed(data(b"", last=False))
    feed(data(S7_SETUP[5:11], last=False))
    assert feed.handed == []
    feed(data(S7_SETUP[11:]))
    feed(data(b"next"))
    assert feed.handed == [(S7_SETUP, 1), (b"next", 5)]
    assert "cotp" not in feed.out.slot


def test_end_mark_may_come_alone():
    feed = Feed()
    feed(data(S7_SETUP, last=False))
    feed(data(b""))
    assert feed.handed == [(S7_SETUP, 1)]


def test_data_without_content_are_nothing():
    feed = Feed()
    feed(data(b"", last=False))
    feed(data(b""))
    assert feed.handed == [] and feed.rows() == [] and feed.out.slot == {}


def test_too_many_fragments_are_dropped_once_and_the_next_is_read():
    feed = Feed()
    piece = bytes(60000)
    for _ in range(4):
        feed(data(piece, last=False))
    assert feed.faults() == [Fault.TOO_LARGE]
    assert len(feed.out.slot["cotp"][0]) == 0
    feed(data(piece))
    assert feed.handed == []
    feed(data(S7_SETUP))
    assert [span for span, _ in feed.handed] == [S7_SETUP]


def test_other_class_of_data():
    feed = Feed()
    feed(tpkt(b"\x04\xf0\x00\x07\x80abc"))
    assert feed.handed == [(b"abc", 1)] and feed.faults() == [Fault.IDENTIFIER]


# -- framing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        ("02000007 02f080", Fault.IDENTIFIER),
        ("03010007 02f080", Fault.IDENTIFIER),
        ("03000006 02f0", Fault.LENGTH),
        ("03000000 02f080", Fault.LENGTH),
        ("03000007 01f080", Fault.LENGTH),
        ("03000007 03f080", Fault.LENGTH),
        ("03000007 fff080", Fault.LENGTH),
        ("03000007 00f080", Fault.LENGTH),
    ],
)
def test_wrong_framing_is_malformed(packet, fault):
    with pytest.raises(Malformed) as wrong:
        Feed()(bytes.fromhex(packet))
    assert wrong.value.args[0] == fault


SAMPLES = [
    connect(0xE0, 0, 7, CALLING + CALLED + SIZE_1024),
    connect(0xD0, 7, 3, CALLING + CALLED),
    control(0x80, bytes.fromhex("0007000003")),
    control(0xC0, bytes.fromhex("00070003")),
    control(0x70, bytes.fromhex("000702")),
    data(S7_SETUP),
    data(b"", last=False),
]


@pytest.mark.parametrize("packet", SAMPLES, ids=lambda p: p.hex()[:16])
def test_each_sample_cut_at_each_length_asks_for_more(packet):
    for n in range(len(packet)):
        feed = Feed()
        with pytest.raises(Short):
            feed(packet[:n])
        assert feed.handed == [] and feed.out.slot == {}
        if n >= 4:
            r = Reader(packet[:n])
            with pytest.raises(Short):
                cotp.parse(r, feed.out)
            assert r.wanted == len(packet)  # asked for once, not again for each segment


def test_glued_messages_are_taken_one_by_one():
    stream = b"".join(SAMPLES)
    feed = Feed()
    r = Reader(stream)
    for packet in SAMPLES:
        start = r.pos
        cotp.parse(r, feed.out)
        assert r.pos - start == len(packet)
    assert len(feed.rows()) == 5 and feed.handed[0][0] == S7_SETUP


# -- identification --------------------------------------------------------------------------------------------------

S7_ACK = bytes.fromhex("320300000001000200050000 0401ff0400080a".replace(" ", ""))
S7_UD = bytes.fromhex("32070000000100080008 0001120411440100 ff09000400110000".replace(" ", ""))
RDP_CONNECT = (
    bytes.fromhex("0300002c27e00000000000") + b"Cookie: mstshash=eltons\r\n" + bytes.fromhex("0100080000000000")
)


@pytest.mark.parametrize(
    ("packet", "verdict"),
    [
        (data(S7_SETUP), Verdict.YES),
        (data(S7_ACK), Verdict.YES),
        (data(S7_UD), Verdict.YES),
        (data(S7_SETUP[:12], last=False), Verdict.YES),  # first fragment
        (data(S7_SETUP[:4], last=False), Verdict.MAYBE),
        (data(b"", last=False), Verdict.MAYBE),
        (data(S7_SETUP + b"\x00"), Verdict.NO),  # lengths that do not fill the TPDU
        (data(b"\x32\x05" + S7_SETUP[2:]), Verdict.NO),
        (data(b"\x32\x01\x00\x01" + S7_SETUP[4:]), Verdict.MAYBE),
        (connect(0xE0, 0, 7, CALLING + CALLED), Verdict.MAYBE),
        (connect(0xD0, 7, 3, CALLED), Verdict.MAYBE),
        (connect(0xE0, 0, 7, SIZE_1024), Verdict.NO),  # no selector
        (connect(0xE0, 7, 7, CALLING), Verdict.NO),
        (connect(0xE0, 0, 7, b"\xc1\x05\x01"), Verdict.NO),
        (control(0xE0, b"\x00\x00\x00\x07\x20", CALLED), Verdict.NO),  # class 2
        (data(bytes.fromhex("72010004")), Verdict.MAYBE),  # S7comm-plus
        (data(bytes.fromhex("7205000400000000")), Verdict.NO),
        (data(bytes.fromhex("0d03050101")), Verdict.MAYBE),  # session CONNECT
        (data(bytes.fromhex("0d09050101")), Verdict.NO),
        (data(bytes.fromhex("0100010061")), Verdict.MAYBE),  # session GIVE TOKENS, DATA TRANSFER
        (data(bytes.fromhex("0101010061")), Verdict.NO),
        (data(bytes.fromhex("7f658201")), Verdict.NO),  # RDP: T.125 connect-initial
        (data(bytes.fromhex("0401000100")), Verdict.NO),  # RDP: erect domain request
        (data(bytes.fromhex("64000003eb70")), Verdict.NO),  # RDP: send data request
        (data(b""), Verdict.NO),
        (tpkt(b"\x02\xf0\x81" + S7_SETUP), Verdict.NO),
        (tpkt(b"\x04\xf0\x00\x00\x80" + S7_SETUP), Verdict.NO),
        (control(0x80, bytes.fromhex("0007000003")), Verdict.NO),
        (RDP_CONNECT, Verdict.NO),
        (bytes.fromhex("030000130ee000000000000100080003000000"), Verdict.NO),  # rdpNegReq without cookie
        (bytes.fromhex("030000040802000105"), Verdict.NO),
        (bytes.fromhex("0300002b0802000105") + bytes(34), Verdict.NO),  # H.323: Q.931 SETUP in a TPKT
        (bytes.fromhex("0301000702f080"), Verdict.NO),
        (bytes.fromhex("0400000702f080"), Verdict.NO),
        (b"GET / HTTP/1.1\r\n", Verdict.NO),
        (b"\x16\x03\x01\x02\x00\x01", Verdict.NO),
        (bytes(40), Verdict.NO),
    ],
)
def test_probe(packet, verdict):
    assert cotp.probe(Reader(packet), Direction.UNKNOWN) == verdict
    assert cotp.probe(Reader(packet + b"\xff" * 9), Direction.UNKNOWN) == verdict


@pytest.mark.parametrize("packet", [data(S7_SETUP), connect(0xE0, 0, 7, CALLING + CALLED)])
def test_probe_of_a_beginning_asks_for_more_or_is_the_answer(packet):
    whole = cotp.probe(Reader(packet), Direction.UNKNOWN)
    for n in range(len(packet)):
        try:
            assert cotp.probe(Reader(packet[:n]), Direction.UNKNOWN) == whole
        except Short:
            pass


@pytest.mark.parametrize(
    ("packet", "direction"),
    [
        (connect(0xE0, 0, 7, CALLED), Direction.TO_SERVER),
        (connect(0xD0, 7, 3, CALLED), Direction.TO_CLIENT),
        (data(S7_SETUP), Direction.TO_SERVER),
        (data(S7_ACK), Direction.TO_CLIENT),
        (data(S7_UD), Direction.TO_SERVER),
        (data(S7_UD.replace(b"\x11\x44", b"\x12\x84")), Direction.TO_CLIENT),
        (data(S7_UD.replace(b"\x11\x44", b"\x11\x04")), Direction.UNKNOWN),  # a push
        (data(S7_UD.replace(b"\x11\x44", b"\x11\x46")), Direction.UNKNOWN),  # block send goes both ways
        (data(bytes.fromhex("320100000001001200001b0000")), Direction.TO_CLIENT),  # download block: the station asks
        (data(bytes.fromhex("3203000000010002000000001b00")), Direction.TO_SERVER),
        (data(b"\x0d\x03\x05\x01\x01"), Direction.UNKNOWN),
        (control(0x80, bytes.fromhex("0007000003")), Direction.UNKNOWN),
        (b"\x03\x00", Direction.UNKNOWN),
    ],
)
def test_orient(packet, direction):
    assert cotp.orient(Reader(packet)) == direction


# -- hostile input ---------------------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6),
    st.integers(0, 60),
)
def test_mutations_raise_nothing_but_short_and_malformed(packet, changes, cut):
    mutated = bytearray(packet)
    for place, value in changes:
        if place < len(mutated):
            mutated[place] = value
    blob = bytes(mutated[: max(0, len(mutated) - cut)])
    for call in (lambda r: cotp.probe(r, 2), cotp.orient):
        try:
            call(Reader(blob))
        except Short:
            pass
    feed = Feed()
    try:
        assert 0 < feed(blob) <= len(blob)
    except (Short, Malformed):
        pass


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_noise_is_not_cotp(blob):
    try:
        assert cotp.probe(Reader(blob), 2) != Verdict.YES or blob[:2] == b"\x03\x00"
    except Short:
        pass
