"""Values: every data type at the addresses that the request named, and none where nobody knows the address."""

from __future__ import annotations

import struct

import fake_parsers as fake
import pytest
from battery import see
from fake_parsers import PORT, SAY, say
from frames import Talk
from modbus_samples import mbap

from sentinel.model import Access, DType, Kind
from sentinel.points import MAX_HEX, WIDTHS
from sentinel.wire.reader import Reader
from sentinel.wire.rows import Rows

COLUMNS = ("object", "address", "value", "access")


def modbus(*pieces: tuple[int, str]) -> list[tuple]:
    """Points of an exchange: side and PDU, one transaction for each request."""
    talk, transaction = Talk().open(), 0
    for side, pdu in pieces:
        transaction += side == 0
        talk.send(side, mbap(pdu, transaction=transaction))
    return see(talk.records).rows("points", *COLUMNS)


def told(dtype: int, step: int, data: bytes, quantity: int = -1, address: int = 100) -> list[dict]:
    """Points of one message that carries its own address, type and data."""

    def parse(r: Reader, out: Rows) -> None:
        r.skip(1)
        n = r.u8()
        out.message(Kind.REQUEST, 1, SAY)
        out.target(1, address, quantity)
        out.values(r, n, dtype, step)

    talk = Talk(dport=PORT).open().send(0, say(data))
    return see(talk.records, parsers=fake.parsers(fake.module(parse=parse, OBJECTS={1: "thing"}, TABLE=()))).rows(
        "points"
    )


SAMPLES = {
    DType.BOOL: [0, 1, 255], DType.U8: [0, 255], DType.I8: [-128, 127], DType.U16: [0, 65535],
    DType.I16: [-32768, 32767],
    DType.U32: [0, 2**32 - 1], DType.I32: [-(2**31), 2**31 - 1], DType.U64: [0, 2**63], DType.I64: [-(2**63), 2**53],
    DType.F32: [-1.5, 3.25], DType.F64: [-1e300, 0.1], DType.U16LE: [1, 65535], DType.I16LE: [-2, 2],
    DType.U32LE: [1, 2**32 - 1], DType.I32LE: [-2, 2], DType.F32LE: [0.5, -0.5], DType.F64LE: [1e-300, 7.0],
}  # fmt: skip


def test_samples_cover_every_fixed_width() -> None:
    assert set(SAMPLES) == set(WIDTHS)
    assert set(DType) - set(WIDTHS) == {DType.NONE, DType.BIT, DType.TEXT, DType.BYTES}


@pytest.mark.parametrize("dtype", SAMPLES, ids=lambda dtype: dtype.name)
def test_every_data_type(dtype) -> None:
    width, kind = WIDTHS[dtype]
    code = {"u": "BHIQ", "i": "bhiq", "f": "  fd"}[kind[-2]][{1: 0, 2: 1, 4: 2, 8: 3}[width]]
    order = "<" if kind[0] == "<" else ">"
    data = b"".join(struct.pack(order + code, value) for value in SAMPLES[dtype])
    rows = told(dtype, 3, data + b"\0" * (width - 1))
    want = [min(v, 1) if dtype == DType.BOOL else float(v) for v in SAMPLES[dtype]]
    assert [row["value"] for row in rows] == want
    assert [row["address"] for row in rows] == [100 + 3 * n for n in range(len(want))]
    assert {row["object"] for row in rows} == {"thing"} and {row["access"] for row in rows} == {"write"}


def test_bits_come_least_significant_first_and_without_padding() -> None:
    rows = told(DType.BIT, 1, b"\xcd\x01", quantity=10)
    assert [int(row["value"]) for row in rows] == [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]
    assert len(told(DType.BIT, 1, b"\xcd\x01")) == 16
    assert len(told(DType.BIT, 1, b"\xcd", quantity=1000)) == 8
    assert told(DType.BIT, 1, b"\xcd", quantity=0) == []


def test_text_and_bytes_are_one_value() -> None:
    (row,) = told(DType.TEXT, 0, b"name\x01 \0")
    assert (row["text"], row["value"]) == ("name\\x01", None)
    (row,) = told(DType.BYTES, 0, b"\xde\xad")
    assert (row["text"], row["value"]) == ("dead", None)
    (row,) = told(DType.BYTES, 0, bytes(200))
    assert row["text"] == "00" * 200 and MAX_HEX == 256


def test_nothing_is_made_of_nothing() -> None:
    assert told(DType.U16, 1, b"") == []
    assert told(DType.U16, 1, b"\x01") == []
    assert told(DType.NONE, 1, b"\x01\x02") == []
    assert told(DType.U16, 1, b"\x01\x02", address=-1) == []


def test_addresses_come_from_the_request() -> None:
    assert modbus((0, "0300070002"), (1, "030400010002")) == [
        ("holding_register", 7, 1.0, "read"), ("holding_register", 8, 2.0, "read"),
    ]  # fmt: skip
    assert modbus((0, "0100130003"), (1, "010105")) == [
        ("coil", 19, 1.0, "read"), ("coil", 20, 0.0, "read"), ("coil", 21, 1.0, "read"),
    ]  # fmt: skip


def test_address_zero_is_an_address() -> None:
    assert modbus((0, "0400000001"), (1, "0402ffff")) == [("input_register", 0, 65535.0, "read")]


def test_writes_have_their_own() -> None:
    assert modbus((0, "100001000204000a0102"), (1, "1000010002")) == [
        ("holding_register", 1, 10.0, "write"), ("holding_register", 2, 258.0, "write"),
    ]  # fmt: skip


def test_items_find_the_items_of_the_request() -> None:
    rows = modbus((0, "140e0600040001000206000300090002"), (1, "140c05060dfe0020050633cd0040"))
    assert rows == [
        ("file_record", 1, 3582.0, "read"), ("file_record", 2, 32.0, "read"), ("file_record", 9, 13261.0, "read"),
        ("file_record", 10, 64.0, "read"),
    ]  # fmt: skip


@pytest.mark.parametrize("pieces", [
    [(1, "030400010002")],
    [(0, "0300070002"), (1, "8302")],
    [(0, "0300070002"), (1, "040400010002")],
], ids=["orphan", "exception", "other function"])  # fmt: skip
def test_an_answer_without_its_request_has_no_points(pieces) -> None:
    padding = [(0, "0300000001"), (1, "03020001")]
    assert len(modbus(*padding, *pieces)) == len(modbus(*padding)) == 1


def test_an_answer_gives_no_more_values_than_were_asked_for() -> None:
    assert len(modbus((0, "0300070001"), (1, "030600010002ffff"))) <= 1


def test_access_of_what_is_reported_and_what_the_parser_says() -> None:
    def parse(r: Reader, out: Rows) -> None:
        r.skip(1)
        for kind in (Kind.UNSOLICITED, Kind.RESPONSE, Kind.REQUEST):
            out.message(kind, 1, SAY)
            out.point(1, 0, 1.0)
        out.point(1, 1, 2.0)
        out.point_access(Access.READ)
        r.skip(r.left())

    talk = Talk(dport=PORT).open().send(0, say(b"x"))
    seen = see(talk.records, parsers=fake.parsers(fake.module(parse=parse, TABLE=())))
    assert seen.rows("points", "access") == ["report", "read", "write", "read"]
