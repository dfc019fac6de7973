"""Modbus: every function both ways, exceptions, identity, and what is malformed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modbus_samples import (
    ANSWER,
    ASK,
    COLUMNS,
    EITHER,
    HOLDING,
    SAMPLES,
    ascii_frame,
    crc,
    facts,
    feed,
    identification,
    mbap,
    one,
    rows_for,
    rtu,
)

from parsers import modbus
from sentinel.model import Fault, Kind
from sentinel.wire.reader import Malformed, Reader, Short

CAPTURES = Path(os.environ.get("SENTINEL_CAPTURES", Path(__file__).resolve().parents[2] / "shared/captures"))


def _ids(sample):
    return f"{'ask' if sample[1] == ASK else 'answer'}-{sample[2]}-{sample[0][:12]}"


@pytest.fixture(params=SAMPLES, ids=_ids)
def sample(request):
    return request.param


def test_every_function(sample):
    pdu, direction, name, want = sample
    got = one(mbap(pdu), direction)
    assert got["operation"] == name
    assert got["kind"] == (Kind.REQUEST if direction == ASK else Kind.RESPONSE)
    assert (got["unit"], got["transaction"], got["function"], got["shape"]) == (
        17,
        0x0102,
        int(pdu[:2], 16),
        int(pdu[:2], 16),
    )
    assert {k: got.get(k) for k in want} == want
    assert "fault" not in got and "framing" not in got and "checksum" not in got


@pytest.mark.parametrize("frame", [rtu, ascii_frame])
def test_framings_give_the_rows_of_the_mbap(sample, frame):
    pdu, direction, name, want = sample
    plain = one(mbap(pdu), direction)
    other = one(frame(pdu), direction, shared={"framing": "rtu" if frame is rtu else "ascii"})
    assert other.pop("framing") == ("rtu" if frame is rtu else "ascii")
    body = bytes([17]) + bytes.fromhex(pdu)
    assert other.pop("checksum") == (int.from_bytes(crc(body), "little") if frame is rtu else -sum(body) & 0xFF)
    del plain["transaction"]
    assert other == plain


def test_reads_and_writes_both_ways(sample):
    """The direction of the flow decides only where the bytes do not: a serial device may open the connection."""
    pdu, direction, name, want = sample
    data = mbap(pdu)
    way = modbus.orient(Reader(data))
    assert way in (direction, EITHER)
    if way != EITHER:
        kind = Kind.REQUEST if direction == ASK else Kind.RESPONSE
        if not pdu.startswith("5a"):
            assert one(data, 1 - direction)["kind"] == kind
        if not pdu.startswith(("5a", "41", "6e", "48")):
            assert modbus.orient(Reader(rtu(pdu))) == direction
            assert modbus.orient(Reader(ascii_frame(pdu))) == direction


def test_samples_exercise_every_operation():
    exercised = {name for _, _, name, _ in SAMPLES}
    others = {"reserved", "diagnostics_reserved", "diagnostics", "encapsulated_interface_transport"}  # tested below
    assert exercised | others == {operation.name for operation in modbus.OPERATIONS.values()}


def test_own_columns_are_all_exercised():
    seen = set()
    for pdu, direction, _, _ in SAMPLES:
        seen |= set(one(rtu(pdu), direction, shared={"framing": "rtu"})) & set(COLUMNS)
    assert seen == set(COLUMNS)


# -- exceptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(modbus.STATUSES))
def test_exceptions(code):
    got = one(mbap(bytes([0x83, code])), ANSWER)
    assert (got["kind"], got["function"], got["status"], got["operation"]) == (
        Kind.EXCEPTION,
        3,
        code,
        "read_holding_registers",
    )
    assert got["shape"] == 3 and "fault" not in got


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (0x88, "diagnostics"),
        (0xAB, "encapsulated_interface_transport"),
        (0xDA, "umas"),
        (0xC1, "user_defined"),
        (0x80, "reserved"),
    ],
)
def test_exception_says_only_its_function(function, name):
    got = one(mbap(bytes([function, 1])), ANSWER)
    assert (got["kind"], got["function"], got["operation"]) == (Kind.EXCEPTION, function & 127, name)
    assert "fault" not in got


def test_unknown_exception_code():
    assert one(mbap("8363"), ANSWER)["fault"] == Fault.VALUE


# -- identity, UMAS, gateways ----------------------------------------------------------------------------------------


def test_identification_objects_become_facts():
    texts = [b"Acme", b"AC-100", b"V3.2", b"http://acme.example", b"Drive", b"AC100x", b"Pump 7"]
    _, out = feed(mbap(identification(*enumerate(texts)), unit=9), ANSWER)
    assert facts(out) == {
        ("vendor", "Acme", 9), ("order_number", "AC-100", 9), ("model", "AC-100", 9), ("firmware", "V3.2", 9),
        ("url", "http://acme.example", 9), ("model", "Drive", 9), ("model", "AC100x", 9), ("name", "Pump 7", 9),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "want"),
    [
        (b"\x05\xffAcme RTU", {("state", "run", 17), ("model", "Acme RTU", 17)}),
        (b"\x05\x00", {("state", "off", 17)}),
        (b"Acme RTU 2\xff", {("state", "run", 17), ("model", "Acme RTU 2", 17)}),
        (b"\x05\xff\x81\x82\x83", {("state", "run", 17)}),
        (b"\x05\x01\x02", set()),
    ],
)
def test_server_id_becomes_facts(said, want):
    _, out = feed(mbap(bytes([17, len(said)]) + said), ANSWER)
    assert facts(out) == want


def test_umas_is_handed_on():
    handed = []

    def carrier(r, n, protocol):
        handed.append((r.take(n), protocol))
        return True

    found, _ = feed(mbap("5a0041ff00") + mbap("0300000001"), ASK, carrier=carrier)
    assert [m["operation"] for m in found] == ["umas", "read_holding_registers"]
    assert handed == [(bytes.fromhex("0041ff00"), "umas")]


def test_umas_longer_than_the_standard_allows():
    pdu = bytes.fromhex("5a00fe") + bytes(900)
    assert one(mbap(pdu), ANSWER)["umas_function"] == 254
    with pytest.raises(Malformed):
        feed(mbap(b"\x41" + bytes(900)), ANSWER)


def test_units_behind_a_gateway_stay_apart():
    found, _ = feed(mbap("0300000001", unit=0) + mbap("0300000001", unit=1) + mbap("0300000001", unit=255), ASK)
    assert [m["unit"] for m in found] == [0, 1, 255]


# -- what breaks the standard ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pdu", "direction", "fault"),
    [
        ("0300000000", ASK, Fault.COUNT),
        ("030000007e", ASK, Fault.COUNT),
        ("01000007d1", ASK, Fault.COUNT),
        ("0f000007b100", ASK, Fault.COUNT),
        ("10000000010400010002", ASK, Fault.COUNT),
        ("1000000002030001ff", ASK, Fault.COUNT),
        ("0500001234", ASK, Fault.VALUE),
        ("030000000100", ASK, Fault.TRAILING),
        ("0300", ANSWER, Fault.COUNT),
        ("030301020a", ANSWER, Fault.COUNT),
        ("0304000a", ANSWER, Fault.LENGTH),
        ("0100", ANSWER, Fault.COUNT),
        ("0302000a00", ANSWER, Fault.TRAILING),
        ("1700000000000000", ASK, Fault.LENGTH),
        ("18000a0001aaaa", ANSWER, Fault.COUNT),
        ("1400", ASK, Fault.COUNT),
        ("140707000400010002", ASK, Fault.VALUE),
        ("140706000000010002", ASK, Fault.VALUE),
        ("140706000127100002", ASK, Fault.VALUE),
        ("140506000400", ASK, Fault.LENGTH),
        ("1404040600ff", ANSWER, Fault.LENGTH),
        ("0800050000", ASK, Fault.FUNCTION),
        ("08000b000000", ASK, Fault.LENGTH),
        ("2b0e0500", ASK, Fault.VALUE),
        ("2b0e0100000000", ANSWER, Fault.VALUE),
        ("2b0e018300000200015a", ANSWER, Fault.LENGTH),
        ("2b0f00", ASK, Fault.FUNCTION),
        ("0c020000", ANSWER, Fault.LENGTH),
        ("5a00", ASK, Fault.LENGTH),
        ("00", ASK, Fault.FUNCTION),
        ("ff", ASK, Fault.FUNCTION),
    ],
)
def test_faults_inside_a_message(pdu, direction, fault):
    found, out = feed(mbap(pdu) + mbap("0600010003"), direction)
    assert found[0]["fault"] == fault and len(found) == 2 and "fault" not in found[1]
    assert out.faults.n >= 1


@pytest.mark.parametrize("function", [c for c in range(128) if c not in range(65, 73) and c not in range(100, 111)])
def test_functions_that_nobody_may_use_are_flagged(function):
    got = one(mbap(bytes([function, 1, 2])), ASK)
    assert got["function"] == function
    public = {*range(1, 9), 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43, 90}
    assert (got["operation"] == "reserved") == (function not in public)
    if function not in public:
        assert got["fault"] == Fault.FUNCTION and got["data"] == "0102"


def test_diagnostics_and_mei_types_that_are_reserved():
    assert one(mbap("0800150000"), ASK)["operation"] == "diagnostics_reserved"
    assert one(mbap("2b0f00"), ASK)["operation"] == "encapsulated_interface_transport"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("000100010006010300000001", Fault.IDENTIFIER),
        ("000100000001010300000001", Fault.LENGTH),
        ("0001000088040507080910000100", Fault.LENGTH),
        ("0001000000ff010300000001", Fault.LENGTH),
        (b":1103000000010A\r\n".hex(), Fault.CHECKSUM),
        (b":1103000000010AB\r\n".hex(), Fault.LENGTH),
        ("3a303a30303030300d0a", Fault.IDENTIFIER),
    ],
)
def test_headers_that_are_none(data, fault):
    with pytest.raises(Malformed) as raised:
        modbus.parse(Reader(bytes.fromhex(data)), rows_for(ASK))
    assert raised.value.args[0] == fault


# -- properties ------------------------------------------------------------------------------------------------------


def with_byte(pdu: str, at: int, byte: int) -> bytes:
    """The PDU with one byte changed."""
    data = bytearray.fromhex(pdu)
    data[at % len(data)] = byte
    return bytes(data)


functions = st.sampled_from([*range(1, 25), 43, 90, 129, 131, 144, 171])
pdus = st.one_of(
    st.binary(min_size=1, max_size=253),
    st.builds(lambda function, rest: bytes([function]) + rest, functions, st.binary(max_size=80)),
    st.builds(with_byte, st.sampled_from([pdu for pdu, *_ in SAMPLES]), st.integers(0, 255), st.integers(0, 255)),
)


@settings(max_examples=600, deadline=None)
@given(pdus, st.sampled_from([ASK, ANSWER]), st.integers(0, 255), st.integers(0, 65535))
def test_any_pdu_under_a_good_header_is_one_row(pdu, direction, unit, transaction):
    data = mbap(pdu, unit, transaction)
    got = one(data, direction)
    assert (got["unit"], got["transaction"]) == (unit, transaction)
    assert len(bytes.fromhex(got.get("values", ""))) <= len(pdu)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([ASK, ANSWER]), st.sampled_from([None, "rtu", "ascii"]))
def test_noise_raises_nothing_but_short_and_malformed(data, direction, framing):
    out = rows_for(direction, {"framing": framing} if framing else {})
    r = Reader(data)
    try:
        modbus.parse(r, out)
    except (Short, Malformed):
        return
    assert 0 < r.pos <= len(data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([1, 2, 3, 4]), st.integers(0, 65535), st.data())
def test_read_round_trip(function, address, data):
    quantity = data.draw(st.integers(1, 2000 if function <= 2 else 125))
    got = one(mbap(bytes([function]) + address.to_bytes(2, "big") + quantity.to_bytes(2, "big")), ASK)
    assert (got["address"], got["quantity"]) == (address, quantity)
    size = (quantity + 7) // 8 if function <= 2 else 2 * quantity
    body = data.draw(st.binary(min_size=size, max_size=size))
    got = one(mbap(bytes([function, size]) + body), ANSWER)
    assert bytes.fromhex(got["values"]) == body and got["byte_count"] == size
    assert got.get("quantity") == (None if function <= 2 else quantity)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 65535), st.lists(st.integers(0, 65535), min_size=1, max_size=123))
def test_write_round_trip(address, registers):
    body = np.array(registers, dtype=">u2").tobytes()
    head = bytes([16]) + address.to_bytes(2, "big") + len(registers).to_bytes(2, "big")
    got = one(mbap(head + bytes([len(body)]) + body), ASK)
    assert (got["address"], got["quantity"], got["values"]) == (address, len(registers), body.hex())
    assert "values" not in one(mbap(head), ANSWER)


# -- a second opinion ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (CAPTURES / "modbus").is_dir(), reason="no folder of reference captures")
def test_agrees_with_the_icsnpp_logs():
    scapy = pytest.importorskip("scapy.all")
    name = "icsnpp-modbus__modbus_example.pcap"
    log = CAPTURES / "modbus/expected" / name / "analyzer.basic.modbus_detailed.log"
    if not log.exists():
        pytest.skip("no expected log beside the captures")
    found: dict[tuple[int, int], dict] = {}
    for packet in scapy.rdpcap(str(CAPTURES / "modbus" / name)):
        payload = bytes(packet[scapy.TCP].payload) if scapy.TCP in packet else b""
        payload = (
            payload[: packet[scapy.IP].len - 4 * packet[scapy.IP].ihl - 4 * packet[scapy.TCP].dataofs]
            if payload
            else b""
        )
        if payload:
            side = ASK if packet[scapy.TCP].dport == 502 else ANSWER
            for message in feed(payload, side)[0]:
                found[(packet[scapy.IP].src + packet[scapy.IP].dst, side, message["transaction"])] = message
    asked = {(key[0][: len(key[0])], key[2]): m for key, m in found.items() if key[1] == ASK}
    rows = [line.split("\t") for line in log.read_text().splitlines() if not line.startswith("#")]
    checked = 0
    for row in rows:
        here, there, transaction, unit, function, address, quantity, written = (
            row[2], row[4], int(row[6]), int(row[7]), row[8], row[9], row[10], row[11])  # fmt: skip
        message = asked[(here + there, transaction)]
        assert message["unit"] == unit
        assert message["operation"].split("_")[0] in function.lower() or function.startswith(
            ("REPORT", "ENCAP", "DIAG")
        )
        if address != "-" and message["object"] != "fifo":
            assert message["address"] == int(address)
        if quantity not in ("-", "0"):
            assert message["quantity"] == int(quantity)
        if written != "-" and message["object"] == HOLDING:
            assert list(np.frombuffer(bytes.fromhex(message["values"]), dtype=">u2")) == [
                int(v) for v in written.split(",")
            ]
        checked += 1
    assert checked == len(rows) == 26
