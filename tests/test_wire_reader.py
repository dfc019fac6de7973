"""The cursor: every width against Python's own, and nothing outside its bounds, whatever it is asked."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.model import Fault
from sentinel.wire.reader import Malformed, Reader, Short

WIDTHS = {
    "u8": ">B", "i8": ">b", "u16": ">H", "i16": ">h", "u16le": "<H", "i16le": "<h", "u32": ">I", "i32": ">i",
    "u32le": "<I",
    "i32le": "<i", "u64": ">Q", "u64le": "<Q", "i64": ">q", "i64le": "<q", "f32": ">f", "f64": ">d", "f32le": "<f",
    "f64le": "<d",
}  # fmt: skip
ODD = {"u24": (3, "big"), "u24le": (3, "little"), "u48": (6, "big"), "u48le": (6, "little")}
SIZES = {**{name: struct.calcsize(form) for name, form in WIDTHS.items()}, **{n: size for n, (size, _) in ODD.items()}}


def expected(name: str, data: bytes):
    if name in ODD:
        size, order = ODD[name]
        return int.from_bytes(data[:size], order)
    return struct.unpack_from(WIDTHS[name], data)[0]


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("data", [b"\x00" * 8, b"\xff" * 8, b"\x80" + bytes(7), bytes(7) + b"\x80", bytes(range(1, 9))])
def test_every_width(name, data) -> None:
    r = Reader(b"skip" + data)
    r.skip(4)
    got, want = getattr(r, name)(), expected(name, data)
    assert got == want or (got != got and want != want)
    assert r.pos == 4 + SIZES[name]


@pytest.mark.parametrize("name", SIZES)
def test_past_the_end_is_short_and_says_how_much_is_wanted(name) -> None:
    for have in range(SIZES[name]):
        r = Reader(b"ab" + b"\xff" * have)
        r.skip(2)
        with pytest.raises(Short):
            getattr(r, name)()
        assert 2 + have < r.wanted <= 2 + SIZES[name]


@pytest.mark.parametrize("name", SIZES)
def test_past_a_declared_length_is_malformed(name) -> None:
    r = Reader(b"\xff" * 20)
    r.narrow(SIZES[name] - 1)
    with pytest.raises(Malformed) as error:
        getattr(r, name)()
    assert error.value.args[0] == Fault.LENGTH


def test_narrow_and_widen_nest() -> None:
    r = Reader(bytes(range(10)))
    outer = r.narrow(8)
    inner = r.narrow(3)
    assert (r.left(), r.take(3), r.left()) == (3, b"\0\1\2", 0)
    r.widen(inner)
    assert (r.left(), r.narrowed) == (5, 1)
    r.widen(outer)
    assert (r.left(), r.pos, r.narrowed) == (7, 3, 0)
    with pytest.raises(Short):
        r.narrow(8)
    assert r.wanted == 11


@pytest.mark.parametrize("call", ["take", "skip", "need", "narrow"])
@pytest.mark.parametrize("n", [-1, 6, 1 << 40])
def test_absurd_lengths(call, n) -> None:
    r = Reader(b"12345")
    with pytest.raises(Short):
        getattr(r, call)(n)
    assert (r.pos, r.end, r.narrowed) == (0, 5, 0)


def test_peeks_never_raise_and_never_move() -> None:
    r = Reader(b"\xfe\xdc\xba")
    r.skip(1)
    assert [r.peek(n) for n in (-1, 0, 1, 2, 1 << 40)] == [-1, 0xDC, 0xBA, -1, -1]
    assert [r.peek16(n) for n in (-1, 0, 1, 2, 1 << 40)] == [-1, 0xDCBA, -1, -1, -1]
    saved = r.narrow(1)
    assert (r.peek(0), r.peek(1), r.peek16(0)) == (0xDC, -1, -1)
    r.widen(saved)
    assert r.pos == 1


def test_slice_is_clipped_to_what_may_be_seen() -> None:
    r = Reader(b"")
    r.reset(b"0123456789", 2, 8)
    assert (r.slice(0, 99), r.slice(3, 5), r.slice(7, 3), r.slice(-5, 3)) == (b"234567", b"34", b"", b"2")
    assert r.left() == 6 and r.u8() == ord("2")


def test_copy_fills_a_place_of_a_bytearray_and_steps_over() -> None:
    r = Reader(b"0123456789")
    target = bytearray(b"......")
    r.skip(2)
    r.copy(3, target, 1)
    r.copy(0, target, 6)
    assert (bytes(target), r.pos) == (b".234..", 5)
    for n, at in ((3, 4), (1, -1)):
        with pytest.raises(IndexError):
            r.copy(n, target, at)
    with pytest.raises(Short):
        r.copy(6, bytearray(9), 0)
    assert (bytes(target), r.pos) == (b".234..", 5)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer(kind) -> None:
    r = Reader(kind(b"\x01\x02\x03\x04\x05"))
    assert (r.u16(), r.take(2), r.u8(), r.left()) == (0x0102, b"\x03\x04", 5, 0)


CALLS = st.lists(st.tuples(st.sampled_from([*SIZES, "take", "skip", "narrow", "widen", "peek"]), st.integers(-2, 12)))


@given(st.binary(max_size=40), CALLS)
@settings(max_examples=150, deadline=None)
def test_the_cursor_never_leaves_its_bounds(data, calls) -> None:
    r = Reader(data)
    saved = []
    for name, n in calls:
        try:
            if name == "widen":
                if saved:
                    r.widen(saved.pop())
            elif name == "narrow":
                saved.append(r.narrow(n))
            elif name in SIZES:
                getattr(r, name)()
            else:
                getattr(r, name)(n)
        except Short:
            assert r.narrowed == 0
        except Malformed:
            assert r.narrowed > 0
        assert 0 <= r.pos <= r.end <= len(data)
        assert r.narrowed == len(saved)
