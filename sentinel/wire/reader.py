# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""The bounds-checked cursor that every parser reads through.

Two ways to run out of bytes, and the core treats them differently. Past the end of what has arrived: `Short`, the
core keeps the bytes and calls again when more are there. Past the end of a length that the message itself declared
(`narrow`): `Malformed`, because no further byte can mend that.

All integer reads return values that fit a signed 64-bit integer, save `u64` and `u64le`, which return a Python int.
"""

import struct

import cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
    from cython.cimports.libc.string import memcpy


class Short(Exception):
    """More bytes are needed; `Reader.wanted` says how many from the start of the message, if known."""


class Malformed(Exception):
    """The message breaks its standard: `args` are a `sentinel.model.Fault` and a few words of detail."""


# a literal beyond 31 bits would be a Python integer in the compiled build
_TWO31 = cython.declare(cython.longlong, 1 << 31)
_TWO32 = cython.declare(cython.longlong, 1 << 32)

_LENGTH = 40  # Fault.LENGTH; a literal so that this module imports nothing


def single(bits):
    """The 32-bit float (IEEE 754) whose bits, as an unsigned number, are these."""
    if cython.compiled:
        raw = cython.cast(cython.uint, bits)
        value = cython.cast(cython.float, 0)
        memcpy(cython.address(value), cython.address(raw), 4)
        return value
    return struct.unpack(">f", bits.to_bytes(4, "big"))[0]


def wide(bits):
    """The 64-bit float (IEEE 754) whose bits, as a signed number, are these."""
    if cython.compiled:
        value = cython.cast(cython.double, 0)
        memcpy(cython.address(value), cython.address(bits), 8)
        return value
    return struct.unpack(">d", bits.to_bytes(8, "big", signed=True))[0]


class Reader:
    """A cursor over bytes `pos`..`end` of a buffer; never reads outside, whatever it is asked."""

    def __init__(self, data=b""):
        self.owner = data
        self.data = data
        self.start = 0
        self.pos = 0
        self.end = len(data)
        self.wanted = 0
        self.narrowed = 0

    def reset(self, data, start, end):
        """Point the cursor at `data[start:end]`; the caller guarantees 0 <= start <= end <= len(data)."""
        if data is not self.owner:
            self.use(data)
        self.start = start
        self.pos = start
        self.end = end
        self.wanted = 0
        self.narrowed = 0

    def use(self, data):
        """Read in another buffer from now on: taking a view of one costs more than reading a message."""
        self.owner = data
        self.data = data
        return 0

    def left(self):
        """Bytes between the cursor and the end."""
        return self.end - self.pos

    def fail(self, n):
        """Raise for a read of n bytes that are not there: Short, or Malformed inside a declared length."""
        if self.narrowed > 0:
            raise Malformed(_LENGTH, "a field runs past the declared length")
        if self.pos - self.start + n > self.wanted:
            self.wanted = self.pos - self.start + n
        raise Short()

    def need(self, n):
        """Make sure that n more bytes are there, so that a long message is not parsed again for every segment."""
        if n < 0 or n > self.end - self.pos:
            self.fail(n)

    def narrow(self, n):
        """Confine the cursor to the next n bytes (a declared length); returns a token for `widen`."""
        if n < 0 or n > self.end - self.pos:
            self.fail(n)
        saved = self.end
        self.end = self.pos + n
        self.narrowed += 1
        return saved

    def widen(self, saved):
        """Undo `narrow`, leaving the cursor where it is."""
        self.end = saved
        if self.narrowed > 0:
            self.narrowed -= 1

    def skip(self, n):
        """Step over n bytes."""
        if n < 0 or n > self.end - self.pos:
            self.fail(n)
        self.pos += n

    def peek(self, offset):
        """The byte at `offset` from the cursor, or -1 where there is none; does not move and never raises."""
        if offset < 0 or offset >= self.end - self.pos:
            return -1
        return self.data[self.pos + offset]

    def peek16(self, offset):
        """Big-endian 16 bits at `offset` from the cursor, or -1; does not move and never raises."""
        if offset < 0 or offset + 2 > self.end - self.pos:
            return -1
        p = self.pos + offset
        return self.data[p] << 8 | self.data[p + 1]

    def u8(self):
        p = self.pos
        if p >= self.end:
            self.fail(1)
        self.pos = p + 1
        return self.data[p]

    def i8(self):
        v = self.u8()
        return v - 256 if v > 127 else v

    def u16(self):
        p = self.pos
        if self.end - p < 2:
            self.fail(2)
        self.pos = p + 2
        return self.data[p] << 8 | self.data[p + 1]

    def i16(self):
        v = self.u16()
        return v - 65536 if v > 32767 else v

    def u16le(self):
        p = self.pos
        if self.end - p < 2:
            self.fail(2)
        self.pos = p + 2
        return self.data[p] | self.data[p + 1] << 8

    def i16le(self):
        v = self.u16le()
        return v - 65536 if v > 32767 else v

    def u24(self):
        hi = self.u8()
        return hi << 16 | self.u16()

    def u24le(self):
        lo = self.u16le()
        return lo | self.u8() << 16

    def u32(self):
        self.need(4)
        hi = self.u16()
        return hi * 65536 + self.u16()

    def i32(self):
        v = self.u32()
        return v - _TWO32 if v >= _TWO31 else v

    def u32le(self):
        self.need(4)
        lo = self.u16le()
        return lo + self.u16le() * 65536

    def i32le(self):
        v = self.u32le()
        return v - _TWO32 if v >= _TWO31 else v

    def u48(self):
        self.need(6)
        hi = self.u16()
        return hi * _TWO32 + self.u32()

    def u48le(self):
        self.need(6)
        lo = self.u32le()
        return lo + self.u16le() * _TWO32

    def u64(self):
        return int.from_bytes(self.take(8), "big")

    def u64le(self):
        return int.from_bytes(self.take(8), "little")

    def i64(self):
        return int.from_bytes(self.take(8), "big", signed=True)

    def i64le(self):
        return int.from_bytes(self.take(8), "little", signed=True)

    def f32(self):
        return single(self.u32())

    def f64(self):
        self.need(8)
        high = self.i32()
        return wide(high * _TWO32 + self.u32())

    def f32le(self):
        return single(self.u32le())

    def f64le(self):
        self.need(8)
        low = self.u32le()
        return wide(self.i32le() * _TWO32 + low)

    def take(self, n):
        """The next n bytes, as bytes."""
        if n < 0 or n > self.end - self.pos:
            self.fail(n)
        p = self.pos
        self.pos = p + n
        return self.slice(p, p + n)

    def copy(self, n, target, at):
        """Copy the next n bytes into a bytearray, to a place that it already has, and step over them."""
        if n < 0 or n > self.end - self.pos:
            self.fail(n)
        if at < 0 or at + n > len(target):
            raise IndexError("beyond the bytearray")
        p = self.pos
        if p < 0 or p + n > len(self.data):
            raise IndexError("outside the buffer")
        self.pos = p + n
        if n == 0:
            return 0
        if cython.compiled:
            memcpy(PyByteArray_AS_STRING(target) + at, cython.address(self.data[p]), n)
        else:
            target[at : at + n] = self.data[p : p + n]
        return 0

    def slice(self, start, end):
        """Bytes `start`..`end` of the buffer, in buffer positions; clipped to what the cursor may see."""
        if start < self.start:
            start = self.start
        if end > self.end:
            end = self.end
        if end <= start:
            return b""
        if cython.compiled:
            return PyBytes_FromStringAndSize(cython.cast(cython.p_char, cython.address(self.data[start])), end - start)
        return bytes(self.data[start:end])
