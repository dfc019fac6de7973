"""Fragments to datagrams: order, overlap, what is missing, caps."""

from __future__ import annotations

from itertools import permutations

import frames as f
import pytest
from frames import MS, SECOND

from sentinel.model import Fault
from sentinel.wire import fragments
from sentinel.wire.fragments import MAX_BYTES, MAX_DATAGRAMS, MAX_PIECES, TIMEOUT, Fragments

DATA = bytes(range(256)) * 2
CUTS = ((0, 128), (128, 256), (256, 512))


def feed4(table: Fragments, at: int, data: bytes, more: bool, ident: int = 1, time: int = 0, frame: int = 1, **options):
    """File one IPv4 fragment; the payload behind the plain header where it completes its datagram."""
    packet = f.ipv4(data, 17, ident=ident, more=more, offset=at, **options)
    start = (packet[0] & 15) * 4
    whole = table.add4(packet, 0, start, len(packet), time, frame)
    return None if whole is None else whole[20:]


def feed6(table: Fragments, at: int, data: bytes, more: bool, ident: int = 1, time: int = 0, frame: int = 1):
    packet = f.ipv6(f.fragment6(data, 17, at, more, ident), 44)
    whole = table.add6(packet, 0, 40, 48, len(packet), time, frame)
    return None if whole is None else whole[40:]


FEEDS = pytest.mark.parametrize("feed", [feed4, feed6], ids=["ipv4", "ipv6"])


def pieces(order=CUTS):
    return [(start, DATA[start:end], end < len(DATA)) for start, end in order]


@FEEDS
@pytest.mark.parametrize("order", list(permutations(CUTS)))
def test_every_order(feed, order) -> None:
    table = Fragments()
    *early, last = [feed(table, *piece, frame=n) for n, piece in enumerate(pieces(order), start=3)]
    assert early == [None, None] and last == DATA
    assert (table.first_frame, table.bytes, table.fault, len(table.open)) == (3, 0, 0, 0)


def test_the_header_of_the_first_fragment_is_made_plain() -> None:
    table = Fragments()
    second = f.ipv4(DATA[64:], 17, ident=9, offset=64, ttl=3)
    assert table.add4(second, 0, 20, len(second), 0, 1) is None
    first = f.ipv4(DATA[:64], 17, ident=9, more=True, options=b"\x01" * 8, ttl=60)
    assert table.add4(first, 0, 28, len(first), 0, 1) == f.ipv4(DATA, 17, ident=9, ttl=60)


@FEEDS
def test_a_repeated_fragment_changes_nothing(feed) -> None:
    table = Fragments()
    first, second, third = pieces()
    assert [feed(table, *p) for p in (first, first, second, second, third)][-1] == DATA
    assert table.fault == 0


@FEEDS
def test_overlap_the_first_bytes_stay_and_it_is_told(feed) -> None:
    table = Fragments()
    assert feed(table, 8, b"B" * 16, True) is None
    assert feed(table, 0, b"A" * 16, True) is None
    assert (table.fault, table.bytes) == (Fault.FRAGMENT_OVERLAP, 24)
    assert feed(table, 16, b"C" * 24, False) == b"A" * 8 + b"B" * 16 + b"C" * 16
    assert table.fault == Fault.FRAGMENT_OVERLAP


@FEEDS
def test_a_fragment_around_others_fills_only_the_holes(feed) -> None:
    table = Fragments()
    for at in (8, 24):
        assert feed(table, at, b"x" * 8, True) is None
    assert feed(table, 0, b"-" * 40, False) == b"-------- xxxxxxxx -------- xxxxxxxx --------".replace(b" ", b"")


@FEEDS
def test_equal_overlap_is_no_fault(feed) -> None:
    table = Fragments()
    assert feed(table, 0, DATA[:24], True) is None
    assert feed(table, 16, DATA[16:40], False) == DATA[:40]
    assert table.fault == 0


def test_two_ends_are_a_fault() -> None:
    table = Fragments()
    assert feed4(table, 16, b"x" * 8, False) is None
    assert feed4(table, 32, b"y" * 8, False) is None
    assert table.fault == Fault.FRAGMENT_OVERLAP


def test_datagrams_are_told_apart() -> None:
    table = Fragments()
    assert feed4(table, 0, b"a" * 8, True, ident=1) is None
    assert feed4(table, 8, b"b" * 8, False, ident=2) is None
    assert feed4(table, 8, b"c" * 8, False, ident=1, src="10.0.0.9") is None
    assert feed4(table, 8, b"d" * 8, False, ident=1) == b"a" * 8 + b"d" * 8


def test_what_is_missing_is_given_up_after_a_while_and_told() -> None:
    table = Fragments()
    assert feed4(table, 0, DATA[:64], True, frame=7) is None
    assert feed4(table, 128, DATA[:64], True, frame=8, time=MS) is None
    assert feed4(table, 8, b"other", False, ident=2, time=TIMEOUT - 1) is None
    assert table.lost == []
    assert feed4(table, 64, DATA[64:], False, time=TIMEOUT) is None
    assert table.lost == [(7, 0, 2)]
    assert table.bytes == 5 + len(DATA) - 64


def test_the_end_gives_up_the_rest() -> None:
    table = Fragments()
    for ident in range(3):
        feed4(table, 0, DATA[:64], True, ident=ident, frame=ident)
    table.finish()
    assert ([frame for frame, _, _ in table.lost], table.bytes, len(table.open)) == ([0, 1, 2], 0, 0)


@pytest.mark.parametrize(("at", "data", "more", "fault"), [
    (65528, b"x" * 8, False, Fault.FRAGMENT_CAP),
    (65528, b"x" * 16, True, Fault.FRAGMENT_CAP),
    (0, b"", True, Fault.FRAME_MALFORMED),
])  # fmt: skip
def test_absurd_fragments(at, data, more, fault) -> None:
    table = Fragments()
    assert feed4(table, at, data, more) is None
    assert (table.fault, len(table.open), table.bytes) == (fault, 0, 0)


def test_largest_datagram() -> None:
    table = Fragments()
    assert feed4(table, 0, b"x" * 65528, True, total=20) is None
    assert feed4(table, 65528, b"y" * 7, False) == b"x" * 65528 + b"y" * 7


def test_number_of_pieces_is_capped() -> None:
    table = Fragments()
    for n in range(MAX_PIECES):
        assert feed4(table, 16 * n, b"x" * 8, True) is None
    assert table.fault == 0
    assert feed4(table, 16 * MAX_PIECES, b"x" * 8, True) is None
    assert (table.fault, len(table.open), table.bytes) == (Fault.FRAGMENT_CAP, 0, 0)


def test_number_of_datagrams_is_capped_oldest_first(monkeypatch) -> None:
    monkeypatch.setattr(fragments, "MAX_DATAGRAMS", 8)
    table = Fragments()
    for ident in range(20):
        feed4(table, 0, b"x" * 8, True, ident=ident, time=ident)
    assert (len(table.open), len(table.lost), table.fault) == (8, 12, Fault.FRAGMENT_CAP)
    assert [d.time for d in table.open.values()] == list(range(12, 20))


def test_bytes_are_capped(monkeypatch) -> None:
    monkeypatch.setattr(fragments, "MAX_BYTES", 10_000)
    table = Fragments()
    for ident in range(20):
        feed4(table, 0, b"x" * 1200, True, ident=ident)
        assert table.bytes <= 10_000
    assert len(table.lost) == 12


def test_caps_are_what_the_docs_say() -> None:
    assert (MAX_DATAGRAMS, MAX_BYTES, MAX_PIECES, TIMEOUT) == (4096, 16 << 20, 1024, 30 * SECOND)
