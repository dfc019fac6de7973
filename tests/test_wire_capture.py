"""pcap and pcapng records: every header, block and option, and files that are damaged in every place."""

from __future__ import annotations

import io
import struct

import pytest
from frames import SECOND, START, Pcapng, Record, pcap, pcapng
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.model import Fault
from sentinel.wire.capture import MAX_BLOCK, MAX_INTERFACES, MAX_RECORD, CaptureReader

RECORDS: list[Record] = [(START + 123_456_789, b"one"), (START + SECOND, b"second"), (START + 2 * SECOND + 1, b"3")]
ORDERS = pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])


class Dribble:
    """A source that gives one byte at a time."""

    def __init__(self, data: bytes):
        self._stream = io.BytesIO(data)

    def read(self, n: int = -1) -> bytes:
        return self._stream.read(1 if n else 0)


class Broken:
    """A source that gives some bytes and then fails, as a damaged disk or compression does."""

    def __init__(self, data: bytes, error: Exception):
        self._data, self._error = data, error

    def read(self, n: int = -1) -> bytes:
        if not self._data:
            raise self._error
        data, self._data = self._data, b""
        return data


def read(source) -> tuple[CaptureReader, list[Record]]:
    """The reader at the end of a capture, and the records that it gave."""
    reader = CaptureReader(io.BytesIO(source) if isinstance(source, bytes) else source)
    found = []
    while reader.next():
        found.append((reader.time, reader.data()))
    assert not reader.next(), "the end stays the end"
    return reader, found


def frames(data: bytes) -> list[bytes]:
    return [frame for _, frame in read(data)[1]]


# -- pcap ------------------------------------------------------------------------------------------------------------


@ORDERS
@pytest.mark.parametrize("nano", [True, False], ids=["ns", "us"])
def test_pcap(order, nano) -> None:
    reader, found = read(pcap(RECORDS, link=113, order=order, nano=nano))
    assert found == [(time if nano else time // 1000 * 1000, frame) for time, frame in RECORDS]
    assert (reader.format, reader.link, reader.frame, reader.fault) == ("pcap", 113, 3, 0)
    assert reader.interfaces == [{"link": 113, "snaplen": 1 << 20, "resolution": SECOND if nano else 10**6}]


def test_pcap_of_kuznetzov_has_longer_record_headers() -> None:
    data = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    for _, frame in RECORDS:
        data += struct.pack("<IIIIIHBB", 1, 0, len(frame), len(frame), 1, 8, 0, 0) + frame
    assert frames(data) == [frame for _, frame in RECORDS]


def test_pcap_length_on_the_wire_and_in_the_file() -> None:
    reader = CaptureReader(io.BytesIO(pcap([(0, b"x" * 100)], snaplen=60)))
    assert reader.next()
    assert (reader.wire, reader.end - reader.start) == (100, 60)


@pytest.mark.parametrize("make", [pcap, pcapng], ids=["pcap", "pcapng"])
def test_source_that_gives_single_bytes(make) -> None:
    assert read(Dribble(make(RECORDS)))[1] == RECORDS


@pytest.mark.parametrize("make", [pcap, pcapng], ids=["pcap", "pcapng"])
def test_records_longer_than_a_chunk(make) -> None:
    big = [(n, bytes([n]) * (MAX_RECORD - n)) for n in range(4)]
    assert read(make(big))[1] == big


@pytest.mark.parametrize("make", [pcap, pcapng], ids=["pcap", "pcapng"])
def test_cut_at_every_byte(make) -> None:
    """All whole records stay; the fault and its offset say where the rest is missing."""
    data = make(RECORDS)
    ends = [len(make(RECORDS[:n])) for n in range(4)]
    for length in range(len(data)):
        reader, found = read(data[:length])
        assert found == RECORDS[: max((n for n, end in enumerate(ends) if end <= length), default=0)]
        section_only = make is pcapng and length == len(Pcapng().section())
        if length in ends or section_only:
            assert reader.fault == 0
        else:
            assert reader.fault == (Fault.FILE_MALFORMED if 0 < length < 4 else Fault.FILE_TRUNCATED)
            assert 0 <= reader.fault_offset <= length and reader.fault_detail


@pytest.mark.parametrize("data", [b"MZ\0\0" * 9, b"#!/bin/sh\n" * 9, bytes(99), b"\n"])
def test_no_capture(data) -> None:
    reader, found = read(data)
    assert (found, reader.fault, reader.fault_offset) == ([], Fault.FILE_MALFORMED, 0)
    assert "not a capture" in reader.fault_detail


def test_empty_file() -> None:
    reader, _ = read(b"")
    assert (reader.fault, reader.fault_detail) == (Fault.FILE_TRUNCATED, "the file is empty")


def test_header_alone_is_a_capture_without_frames() -> None:
    reader, found = read(pcap([]))
    assert (found, reader.fault) == ([], 0)


@pytest.mark.parametrize("claimed", [MAX_RECORD + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_absurd_record_length(claimed) -> None:
    whole = pcap(RECORDS[:2])
    reader, found = read(whole + struct.pack("<IIII", 0, 0, claimed, claimed) + b"rest")
    assert found == RECORDS[:2]
    assert (reader.fault, reader.fault_offset) == (Fault.RECORD_LENGTH, len(whole))
    assert str(claimed) in reader.fault_detail


@pytest.mark.parametrize("error", [OSError("disk"), EOFError("end"), ValueError("bad data")])
@pytest.mark.parametrize("make", [pcap, pcapng], ids=["pcap", "pcapng"])
def test_source_that_fails(make, error) -> None:
    data = make(RECORDS)
    reader, found = read(Broken(data[:-2], error))
    assert found == RECORDS[:2]
    assert reader.fault == Fault.FILE_TRUNCATED and str(error) in reader.fault_detail


def test_source_that_fails_at_once() -> None:
    reader, _ = read(Broken(b"", OSError("damaged")))
    assert "damaged" in reader.fault_detail


# -- pcapng ----------------------------------------------------------------------------------------------------------


@ORDERS
def test_pcapng_with_every_block(order) -> None:
    p = Pcapng(order)
    data = b"".join([
        p.section((1, "a comment: ü".encode()), (3, b"Linux"), (4, b"dumpcap")),
        p.interface(1, (2, b"eth1"), (9, b"\x09"), (11, b"\0tcp port 502"), (12, b"Linux 6"), snaplen=65535),
        p.interface(113, (2, b"any"), (9, b"\x06"), (14, p.number(3600))),
        p.interface(101),
        p.block(4, p.pack("HH", 0, 0)),  # name resolution
        p.block(10, p.pack("II", 0x544C534B, 0)),  # decryption secrets
        p.block(0x0BAD, p.pack("I", 1) + b"data"),  # a custom block
        p.block(0x80000BAD, b""),
        p.packet(START, b"first", (1, b"on a packet")),
        p.packet(1_000_000, b"shifted", interface=1),
        p.packet(2_000_000, b"plain", interface=2),
        p.obsolete(START + 5, b"old"),
        p.simple(b"simple"),
        p.statistics((4, p.number(900)), (5, p.number(7)), (7, p.number(2)), (8, p.number(891))),
    ])  # fmt: skip
    reader = CaptureReader(io.BytesIO(data))
    found = []
    while reader.next():
        found.append((reader.time, reader.data(), reader.link, reader.interface))
    assert found == [
        (START, b"first", 1, 0),
        (3601 * SECOND, b"shifted", 113, 1),
        (2 * SECOND, b"plain", 101, 2),
        (START + 5, b"old", 1, 0),
        (START + 5, b"simple", 1, 0),
    ]
    assert reader.fault == 0 and reader.skipped == 4
    assert reader.comments == ["a comment: ü", "on a packet"]
    first = {"link": 1, "snaplen": 65535, "resolution": SECOND, "offset": 0}
    assert reader.interfaces[0] == {**first, "name": "eth1", "filter": "tcp port 502", "os": "Linux 6"}
    assert reader.statistics == {0: {"received": 900, "dropped": 7, "dropped_os": 2, "delivered": 891}}
    assert reader.dropped() == 9


@pytest.mark.parametrize(("power", "ticks", "want"), [
    (0, 5, 5 * SECOND),
    (3, 1500, 1_500_000_000),
    (6, 1_000_001, 1_000_001_000),
    (9, 7, 7),
    (12, 1_999, 1),
    (0x80, 5, 5 * SECOND),
    (0x80 | 10, 1536, 1_500_000_000),
    (0x80 | 32, 1 << 31, SECOND // 2),
    (0x80 | 127, 1 << 63, 0),
    (127, 1 << 63, 0),
])  # fmt: skip
def test_time_resolution(power, ticks, want) -> None:
    p = Pcapng()
    assert read(p.section() + p.interface(1, (9, bytes([power]))) + p.packet(ticks, b"x"))[1] == [(want, b"x")]


@pytest.mark.parametrize(("offset", "ticks", "want"), [
    (-1, 5_000_000, 4 * SECOND),
    (-10, 5_000_000, 0),  # before 1970: no time that a table could hold
    ((1 << 63) - 1, 1, 9_000_000_000_000_000_000),
    (0, (1 << 64) - 1, 9_000_000_000_000_000_000),
])  # fmt: skip
def test_time_offset_and_its_limits(offset, ticks, want) -> None:
    p = Pcapng()
    option = (14, struct.pack("<q", offset))
    assert read(p.section() + p.interface(1, option) + p.packet(ticks, b"x"))[1] == [(want, b"x")]


def test_sections_have_interfaces_and_byte_orders_of_their_own() -> None:
    little, big = Pcapng("<"), Pcapng(">")
    data = little.section() + little.interface(1) + little.packet(1_000_000, b"a")
    data += big.section() + big.interface(113, (9, b"\x09")) + big.packet(5, b"b") + big.statistics((5, big.number(3)))
    reader, found = read(data)
    assert found == [(SECOND, b"a"), (5, b"b")]
    assert [interface["link"] for interface in reader.interfaces] == [1, 113]
    assert reader.statistics == {1: {"dropped": 3}}


def test_drop_counters() -> None:
    p = Pcapng()
    head = p.section() + p.interface() + p.interface()
    assert read(head)[0].dropped() is None
    assert read(head + p.statistics((5, p.number(0))))[0].dropped() == 0
    both = p.statistics((5, p.number(4))) + p.statistics((5, p.number(5)), interface=1)
    assert read(head + both)[0].dropped() == 9
    packets = p.packet(0, b"a", (4, p.number(2))) + p.packet(0, b"b", (4, p.number(3)))
    assert read(head + packets)[0].dropped() == 5


def test_statistics_without_drops_keep_the_drops_of_packets() -> None:
    p = Pcapng()
    data = p.section() + p.interface() + p.packet(0, b"a", (4, p.number(2))) + p.statistics((4, p.number(9)))
    assert read(data)[0].dropped() == 2


def test_drops_of_obsolete_packets() -> None:
    p = Pcapng()
    assert read(p.section() + p.interface() + p.obsolete(0, b"abcd", drops=3))[0].dropped() == 3


def test_simple_packet_that_was_cut() -> None:
    p = Pcapng()
    reader = CaptureReader(io.BytesIO(p.section() + p.interface(snaplen=4) + p.simple(b"abcd", wire=99)))
    assert reader.next()
    assert (reader.data(), reader.wire) == (b"abcd", 99)


def test_simple_packet_holds_no_more_than_the_snap_length() -> None:
    """draft-ietf-opsawg-pcapng 4.4: the captured length is the smaller of original and snap length."""
    p = Pcapng()
    assert frames(p.section() + p.interface(snaplen=5) + p.simple(b"abcde", wire=99)) == [b"abcde"]


def test_simple_packet_is_padded() -> None:
    p = Pcapng()
    assert frames(p.section() + p.interface() + p.simple(b"abcde")) == [b"abcde"]


def _damaged() -> dict[str, tuple[bytes, Fault]]:
    p = Pcapng()
    block = p.block(0x0BAD, b"data")
    return {
        "length-zero": (p.pack("III", 6, 0, 0), Fault.RECORD_LENGTH),
        "length-odd": (p.block(6, b"x" * 9, length=21), Fault.RECORD_LENGTH),
        "length-absurd": (p.pack("III", 6, 0xFFFFFFFC, 0), Fault.RECORD_LENGTH),
        "length-over-cap": (p.pack("III", 6, MAX_BLOCK + 4, 0), Fault.RECORD_LENGTH),
        "lengths-differ": (block[:-4] + p.pack("I", 24), Fault.RECORD_LENGTH),
        "packet-too-short": (p.block(6, bytes(16)), Fault.RECORD_LENGTH),
        "packet-claims-more": (p.block(6, p.pack("IIIII", 0, 0, 0, 100, 100) + b"abcd"), Fault.RECORD_LENGTH),
        "no-such-interface": (p.packet(0, b"x", interface=9), Fault.FILE_MALFORMED),
        "no-such-interface-obsolete": (p.obsolete(0, b"x", interface=9), Fault.FILE_MALFORMED),
        "interface-too-short": (p.block(1, b"abcd"), Fault.FILE_MALFORMED),
        "section-magic": (p.block(0x0A0D0D0A, b"wxyz" + bytes(16)), Fault.FILE_MALFORMED),
        "section-version": (p.section(major=2), Fault.FILE_MALFORMED),
    }


@pytest.mark.parametrize("name", _damaged())
def test_damaged_block_ends_the_reading_there(name) -> None:
    damage, fault = _damaged()[name]
    whole = pcapng(RECORDS)
    reader, found = read(whole + damage + pcapng(RECORDS))
    assert found == RECORDS
    assert reader.fault == fault and reader.fault_detail
    assert len(whole) <= reader.fault_offset <= len(whole) + len(damage)


def test_pcapng_needs_its_section_and_interface() -> None:
    p = Pcapng()
    assert read(p.section() + p.simple(b"abcd"))[0].fault == Fault.FILE_MALFORMED
    assert read(p.section() + p.packet(0, b"abcd"))[0].fault == Fault.FILE_MALFORMED


def test_options_that_run_out_of_their_block_are_left() -> None:
    p = Pcapng()
    bad = p.block(1, p.pack("HHI", 1, 0, 0) + p.pack("HH", 2, 4000) + b"eth0")
    reader, found = read(p.section() + bad + p.packet(1, b"x"))
    assert (len(found), reader.fault, reader.interfaces[0].get("name")) == (1, 0, None)


def test_interfaces_and_comments_are_capped() -> None:
    p = Pcapng()
    reader, _ = read(p.section() + p.interface() * (MAX_INTERFACES + 1))
    assert (len(reader.interfaces), reader.fault) == (MAX_INTERFACES, Fault.FILE_MALFORMED)
    reader, found = read(p.section() + p.interface() + p.packet(0, b"x", (1, b"again" * 400)) * 200)
    assert len(found) == 200 and len(reader.comments) == 100
    assert max(map(len, reader.comments)) == 1000


@given(st.binary(max_size=200), st.sampled_from([b"", pcap([])[:24], pcapng(RECORDS[:1])]))
@settings(max_examples=150, deadline=None)
def test_noise_never_raises(noise, head) -> None:
    read(head + noise)
