"""Raw cells to tables: names, addresses, nulls, dictionaries, the protocols' own columns."""

from __future__ import annotations

import fake_parsers as fake
import numpy as np
import pytest
from battery import see
from fake_parsers import PORT, SAY, say
from frames import Talk

from sentinel import tables
from sentinel.model import Activity, Extra, Fault, Kind, Operation
from sentinel.tables import address_text, addresses, mac_text, transport_text
from sentinel.wire.reader import Reader
from sentinel.wire.rows import Rows


def seen_with(parse, *texts: bytes, **changes):
    talk = Talk(dport=PORT).open()
    for text in texts or (b"x",):
        talk.send(0, say(text))
    return see(talk.records, parsers=fake.parsers(fake.module(parse=parse, **changes)))


@pytest.mark.parametrize(("value", "text"), [
    (0, "00:00:00:00:00:00"), (0x0200000000AB, "02:00:00:00:00:ab"), (2**48 - 1, "ff:ff:ff:ff:ff:ff"), (-1, ""),
])  # fmt: skip
def test_mac_text(value, text) -> None:
    assert mac_text(value) == text


@pytest.mark.parametrize(("family", "high", "low", "text"), [
    (4, 0, 0, "0.0.0.0"), (4, 0, 0xC0000201, "192.0.2.1"), (4, 0, 2**32 - 1, "255.255.255.255"),
    (6, 0, 1, "::1"), (6, -0x0180000000000000, -1, "fe80::ffff:ffff:ffff:ffff"), (0, 0, 5, "00:00:00:00:00:05"),
    (0, 0, -1, ""),
])  # fmt: skip
def test_address_text(family, high, low, text) -> None:
    assert address_text(family, high, low) == text
    column = addresses(*(np.array([value]) for value in (family, high, low, low)))
    assert column.to_list() == [text]


def test_addresses_of_a_flood_are_those_of_the_loop() -> None:
    low = np.arange(1000) * 4_294_967
    column = addresses(np.full(1000, 4), np.zeros(1000, np.int64), low, low)
    assert column.to_list() == [address_text(4, 0, int(value)) for value in low]


@pytest.mark.parametrize(("family", "proto", "text"), [
    (4, 6, "tcp"), (6, 17, "udp"), (4, 1, "icmp"), (6, 58, "icmpv6"), (4, 132, "sctp"),
    (4, 253, "ip-253"), (0, -1, "eth"),
])  # fmt: skip
def test_transport_text(family, proto, text) -> None:
    assert transport_text(family, proto) == text


def test_names_of_objects_and_statuses() -> None:
    def parse(r: Reader, out: Rows) -> None:
        text = r.take(2 + r.peek(1))[2:]
        out.message(Kind.REQUEST, 1, SAY)
        number = int(text)
        out.target(number, 0, 1)
        out.status(number)

    seen = seen_with(parse, b"0", b"1", b"7", TABLE=(), OBJECTS={1: "coil", 0: "zero"}, STATUSES={0: "Good", 1: "Bad"})
    assert seen.rows("messages", "object", "status", "status_name") == [
        ("zero", 0, "Good"),
        ("coil", 1, "Bad"),
        ("7", 7, ""),
    ]


def test_absent_is_null_and_zero_is_zero() -> None:
    def parse(r: Reader, out: Rows) -> None:
        text = r.take(2 + r.peek(1))[2:]
        out.message(Kind.REQUEST, 0 if text == b"zero" else -1, SAY)
        if text == b"zero":
            out.unit(0)
            out.block(0)
            out.bit(0)
            out.transaction(0)
            out.status(0)
            out.target(0, 0, 0)

    seen = seen_with(parse, b"zero", b"none", TABLE=())
    columns = ("function", "unit", "block", "bit", "transaction", "status", "address", "quantity")
    assert seen.rows("messages", *columns) == [(0,) * 8, (None,) * 8]


def test_own_columns_stand_beside_their_messages() -> None:
    table = (
        Extra("number", "i64", "N."),
        Extra("word", "text", "W."),
        Extra("ratio", "f64", "R."),
        Extra("flag", "bool", "F."),
    )

    def parse(r: Reader, out: Rows) -> None:
        text = r.take(2 + r.peek(1))[2:]
        out.message(Kind.REQUEST, 1, SAY)
        if text != b"none":
            out.ext(0, 0)
            out.ext_text(1, text)
            out.ext_float(2, 0.5)
            out.ext(3, 1)

    seen = seen_with(parse, b"one", b"none", b"two", TABLE=table)
    first = seen.rows("messages", "message")[0]
    assert seen.rows("ext/fake") == [
        {"message": first, "number": 0, "word": "one", "ratio": 0.5, "flag": True},
        {"message": first + 1, "number": None, "word": "", "ratio": None, "flag": None},
        {"message": first + 2, "number": 0, "word": "two", "ratio": 0.5, "flag": True},
    ]


def test_own_columns_follow_messages_that_were_put_in_order() -> None:
    talk = Talk(dport=PORT).open().send(0, say(b"0"))
    late, early = talk.packet(0, say(b"1")), talk.packet(0, say(b"two"), seq=talk.seq[0] + 3)
    seen = see(talk.add(early).add(late).records, parsers=fake.parsers(fake.module()))
    sizes = dict(zip(seen.rows("ext/fake", "message"), seen.rows("ext/fake", "size"), strict=True))
    assert {name: sizes[n] for n, name in seen.rows("messages", "message", "name")} == {"0": 1, "1": 1, "two": 3}


def test_values_that_do_not_fit_their_column_are_null_not_wrong() -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        out.bit(300)
        out.ext(0, 1 << 40)

    seen = seen_with(parse)
    assert (seen.rows("messages", "bit"), seen.rows("ext/fake", "size")) == ([None], [None])


def test_operations_and_activities() -> None:
    operations = {k: Operation(f"op{k}", "Op", activity) for k, activity in enumerate(Activity)}

    def parse(r: Reader, out: Rows) -> None:
        out.message(Kind.REQUEST, 1, int(r.take(2 + r.peek(1))[2:]))

    seen = seen_with(parse, *(b"%d" % k for k in operations), OPERATIONS=operations, TABLE=())
    assert seen.rows("messages", "operation", "activity") == [
        (f"op{k}", a.name.lower()) for k, a in enumerate(Activity)
    ]


def test_faults_have_their_names() -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        for fault in Fault:
            if fault != Fault.NONE:
                out.fault(fault, fault.name)

    seen = seen_with(parse)
    assert seen.rows("faults", "code") == [
        fault.name.lower().replace("_", "-") for fault in Fault if fault != Fault.NONE
    ]
    assert set(seen.rows("faults", "protocol")) == {"fake"}


def test_facts_name_the_sender_or_its_peer() -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)
        out.fact("model", "X1", unit=0)
        out.fact("name", "other", about_peer=True)

    seen = seen_with(parse)
    rows = seen.rows("facts", "device", "unit", "kind", "value", "frame", "confidence")
    assert rows == [("10.0.0.1", 0, "model", "X1", 4, 0.9), ("10.0.0.2", None, "name", "other", 4, 0.9)]


def test_many_distinct_texts() -> None:
    def parse(r: Reader, out: Rows) -> None:
        fake.parse(r, out)

    names = [b"text %d" % n for n in range(300)]
    assert seen_with(parse, *names).rows("messages", "name") == [name.decode() for name in names]
    assert tables.TIME.time_zone == "UTC"
