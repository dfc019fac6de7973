"""Modbus: the framings told apart, pieces of messages, checksums, and the probe."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modbus_samples import (
    ANSWER,
    ANSWERS,
    ASK,
    EITHER,
    HINTS,
    REQUESTS,
    SAMPLES,
    ascii_frame,
    crc,
    feed,
    mbap,
    messages,
    one,
    rows_for,
    rtu,
)

from parsers import modbus
from parsers._modbus_frame import crc_end
from sentinel.model import Fault, Verdict
from sentinel.wire.reader import Malformed, Reader, Short


@pytest.fixture(params=SAMPLES, ids=lambda s: f"{s[2]}-{s[0][:12]}")
def sample(request):
    return request.param


# -- framing ---------------------------------------------------------------------------------------------------------


def test_rtu_and_ascii_are_found_without_a_hint_and_remembered():
    for frame, name in ((rtu, "rtu"), (ascii_frame, "ascii")):
        for pdu, direction, *_ in SAMPLES:
            shared: dict = {}
            one(frame(pdu), direction, shared=shared)
            assert shared == {"framing": name}, pdu


def test_mbap_needs_no_memory(sample):
    shared: dict = {}
    one(mbap(sample[0]), sample[1], shared=shared)
    assert shared == {}


def test_read_from_address_zero_is_no_mbap_header():
    frame = bytes.fromhex("01030000000ac5cd")
    assert rtu("030000000a", unit=1) == frame
    assert one(frame, ASK)["quantity"] == 10
    assert modbus.probe(Reader(frame), ASK) == Verdict.YES


def test_broken_checksums():
    bad = bytearray(rtu("0300000001"))
    bad[-1] ^= 1
    shared = {"framing": "rtu"}
    with pytest.raises(Malformed) as raised:
        modbus.parse(Reader(bytes(bad)), rows_for(ASK, shared))
    assert raised.value.args[0] == Fault.CHECKSUM and shared == {}
    bad = bytearray(ascii_frame("0300000001"))
    bad[6] ^= 1
    with pytest.raises(Malformed) as raised:
        modbus.parse(Reader(bytes(bad)), rows_for(ASK))
    assert raised.value.args[0] == Fault.CHECKSUM


@pytest.mark.parametrize("frame", [mbap, rtu, ascii_frame])
def test_glued_and_byte_by_byte(frame):
    for direction, pdus in ((ASK, [p for p, *_ in REQUESTS]), (ANSWER, [p for p, *_ in ANSWERS])):
        pdus = (
            pdus
            if frame is not rtu
            else [p for p in pdus if p[:4] not in ("0800", "2b0d") and p[:2] not in ("41", "6e", "48", "5a")]
        )
        stream = b"".join(frame(p) for p in pdus)
        hint = {"framing": "rtu"} if frame is rtu else {}
        whole, _ = feed(stream, direction, shared=dict(hint))
        assert len(whole) == len(pdus)
        out = rows_for(direction, shared=dict(hint))
        tail = b""
        for k in range(len(stream)):
            tail += stream[k : k + 1]
            r = Reader(tail)
            marks = (out.messages.n, out.items.n, out.points.n, out.faults.n, out.heap_n)
            try:
                modbus.parse(r, out)
            except Short:
                out.rollback(*marks)
                assert r.wanted > len(tail)
                continue
            assert r.left() == 0
            tail = b""
        assert tail == b"" and messages(out) == whole


@pytest.mark.parametrize("frame", [mbap, rtu, ascii_frame])
def test_truncated_at_each_length(sample, frame):
    data = frame(sample[0])
    for n in range(len(data)):
        with pytest.raises(Short):
            modbus.parse(Reader(data[:n]), rows_for(sample[1], {"framing": HINTS[frame]}))


def test_pdu_truncated_inside_its_header(sample):
    """The MBAP length is believed: a PDU that ends before its fields is a row with a fault, and the next is read."""
    pdu, direction, *_ = sample
    pdu = bytes.fromhex(pdu)
    for n in range(1, len(pdu)):
        found, _ = feed(mbap(pdu[:n]) + mbap("0600010003"), direction)
        assert len(found) == 2 and found[1]["operation"] == "write_single_register"


# -- the probe -------------------------------------------------------------------------------------------------------


def test_probe_knows_its_own(sample):
    pdu, direction, *_ = sample
    frame = mbap(pdu)
    assert modbus.probe(Reader(frame), direction) in (Verdict.MAYBE, Verdict.YES)
    assert modbus.probe(Reader(frame), EITHER) in (Verdict.MAYBE, Verdict.YES)
    assert modbus.probe(Reader(ascii_frame(pdu)), direction) == Verdict.YES
    own_length = not pdu.startswith(("080000", "2b0d", "41", "6e", "48", "5a"))
    like_roc = len(pdu) > 8 and rtu(pdu)[5] + 8 == len(rtu(pdu))
    assert modbus.probe(Reader(rtu(pdu)), direction) == (Verdict.YES if own_length and not like_roc else Verdict.MAYBE)


def test_probe_never_moves_the_cursor(sample):
    for frame in (mbap, rtu, ascii_frame):
        r = Reader(frame(sample[0]))
        modbus.probe(r, EITHER)
        assert r.pos == 0


def test_probe_sees_the_direction():
    ask, answer = mbap("0300000002"), mbap("030400010002")
    assert [modbus.probe(Reader(ask), d) for d in (ASK, ANSWER)] == [Verdict.MAYBE, Verdict.NO]
    assert [modbus.probe(Reader(answer), d) for d in (ASK, ANSWER)] == [Verdict.NO, Verdict.MAYBE]
    assert modbus.probe(Reader(mbap("8302")), ASK) == Verdict.NO


@pytest.mark.parametrize(
    "pdu",
    ["0300000000", "030000007e", "01000007d1", "0500000001", "0f0000000802ffff", "10000000010400010002", "0800050000",
     "2b0e0500", "2b0f00", "00", "09", "7f", "ff", "030000000100", "140707000400010002"],
)  # fmt: skip
def test_probe_says_no_to_what_the_standard_forbids(pdu):
    assert modbus.probe(Reader(mbap(pdu)), ASK) == Verdict.NO


def test_probe_looks_at_what_follows():
    good = mbap("0300000001")
    assert modbus.probe(Reader(good + good), ASK) == Verdict.MAYBE
    assert modbus.probe(Reader(good + b"\x00\x02"), ASK) == Verdict.MAYBE
    assert modbus.probe(Reader(good + b"\x0c_device-info"), ASK) == Verdict.NO


OTHERS = {
    "dns query": "1a2b01000001000000000000076578616d706c6503636f6d0000010001",
    "dns query without recursion": "1a2b00000001000000000000076578616d706c6503636f6d0000010001",
    "mdns, six questions": "000000000006000300000001" + "0c5f6465766963652d696e666f",
    "dns answer": "1a2b81800001000100000000076578616d706c6503636f6d0000010001c00c00010001000000ff00045db8d822",
    "tls client hello": "16030100c8010000c40303" + "5f" * 32 + "20" + "00" * 160,
    "tls server hello": "160303007a0200007603036a" + "11" * 120,
    "http": b"GET /index.html HTTP/1.1\r\nHost: plc\r\n\r\n".hex(),
    "http answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".hex(),
    "s7 connect": "0300001611e00000000100c0010ac1020100c2020102",
    "s7 setup": "0300001902f08032010000000000080000f0000001000101e0",
    "dnp3": "056405c001000000f1e5" + "c0c001",
    "dnp3 link reset": "056405c001000004e921",
    "iec104 startdt": "680407000000",
    "iec104 interrogation": "680e0000000064010600010000000014",
    "iec104 after 768 frames": "680e0000000664010600010000000014",
    "enip list identity": "630000000000000000000000000000000000000000000000",
    "enip register session": "650004000000000000000000000000000000000001000000",
    "enip unregister": "660000000006000300000000000000000000000000000000",
    "hart-ip initiate": "010000000002000d01000007d0",
    "bacnet whois": "810b000c0120ffff00ff1008",
    "opc ua hello": "48454c462000000000000000ffff0000ffff000000000000" + "00" * 8,
    "fins/tcp": "46494e530000000c000000000000000000000000",
    "melsec 3e": "500000ffff03000c00100001040000640000a80100",
    "ge srtp": "00" * 56,
    "mqtt connect": "101000044d5154540402003c0004706c6331",
    "ntp": "1b" + "00" * 47,
    "snmp": "302902010004067075626c6963a01c020400000001020100020100300e300c06082b060102010101000500",
    "smb": "00000085ff534d4272000000001853c8",
    "stun": "000100002112a442" + "0b" * 12,
    "mysql greeting": "4a0000000a352e352e3600",
    "postgresql ssl": "0000000804d2162f",
    "tftp": "0001626f6f742e62696e006f6374657400",
    "rpc over udp": "000600000000000000000002000186a0000000020000000300000000",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n".hex(),
    "irc": b":server 001 you :welcome\r\n".hex(),
    "roc plus, group 2, request": rtu("0203040600", unit=1).hex(),
    "roc plus, group 2, answer": rtu("0203041100", unit=1).hex(),
    "zeros": "00" * 64,
    "text": b"0123456789abcdef".hex(),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("direction", [ASK, ANSWER, EITHER])
def test_probe_says_no_to_other_protocols(name, direction):
    assert modbus.probe(Reader(bytes.fromhex(OTHERS[name])), direction) == Verdict.NO


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([ASK, ANSWER, EITHER]))
def test_probe_and_orient_of_noise(data, direction):
    for ask in (lambda r: modbus.probe(r, direction), modbus.orient):
        try:
            assert ask(Reader(data)) in (0, 1, 2)
        except (Short, Malformed):
            pass


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=2, max_size=250))
def test_crc_agrees_with_its_naive_twin(data):
    whole = data + crc(data)
    assert crc_end(Reader(whole), len(whole), len(whole)) == len(whole)
    wrong = whole[:-1] + bytes([whole[-1] ^ 0x40])
    assert crc_end(Reader(wrong), len(wrong), len(wrong)) == 0
