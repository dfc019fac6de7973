# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""One direction of a TCP connection: what comes next, what came too early, what is still missing.

`place` says what to do with a segment; bytes are copied only when they came too early. Overlap policy: the bytes
that came first stay. A hole is given up as soon as it is certain that its bytes never come: the receiver has
acknowledged them (it has them, the capture has not), more than a window of later bytes is waiting, or time has
passed. Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4).
"""

import cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.libc.string import memcpy
    from cython.cimports.sentinel.wire.decode import Decoder
else:
    from sentinel.wire.decode import Decoder

MAX_HELD = 64
MAX_HELD_BYTES = 1 << 17
"""Segments and bytes of one direction that wait behind a hole; 128 KiB exceeds an unscaled window."""
MAX_WAIT = 1_000_000_000
"""ns of capture time that a hole is waited for."""
SPARE = 4096
"""Bytes of a segment for which the memory of the one before is used again."""
REORDER_GRACE = 10_000_000
"""ns within which an acknowledged segment may still come: mirror ports deliver out of order."""

_HALF = cython.declare(cython.longlong, 1 << 31)
_FULL = cython.declare(cython.longlong, 1 << 32)
_LOW32 = cython.declare(cython.longlong, 0xFFFFFFFF)


def after(a, b):
    """How far sequence number a lies after b, in -2^31 .. 2^31-1."""
    d = (a - b) & 0xFFFFFFFF
    return d - 4294967296 if d >= 2147483648 else d


class Stream:
    """One direction of a TCP connection."""

    def __init__(self):
        self.next = -1
        self.acked = -1
        self.held = []
        self.held_bytes = 0
        self.hole_time = 0
        self.synced = False
        self.tail = b""
        self.wanted = 0
        self.tail_frame = 0
        self.tail_offset = 0
        self.tail_capture = 0
        self.holes = 0
        self.skipped = 0
        self.last_seq = -1
        self.last = bytearray()
        self.last_size = 0

    def distance(self, seq):
        """How far a sequence number lies after the next expected one, in -2^31 .. 2^31-1."""
        d = (seq - self.next) & _LOW32
        return d - _FULL if d >= _HALF else d

    def advance(self, n):
        """Expect the byte n further on."""
        self.next = (self.next + n) & _LOW32

    def acknowledge(self, ack):
        """Note what the other side says it has received."""
        if self.acked < 0:
            self.acked = ack
        else:
            d = (ack - self.acked) & _LOW32
            if d < _HALF:
                self.acked = ack

    def hold(self, seq, data, declared, frame, time, capture):
        """Keep a segment that came too early, in order; False where it is a copy of one already kept."""
        at = len(self.held)
        while at > 0 and after(self.held[at - 1][0], seq) > 0:
            at -= 1
        if at > 0 and self.held[at - 1][0] == seq and self.held[at - 1][2] >= declared:
            return False
        if not self.held:
            self.hole_time = time
        self.held.insert(at, (seq, data, declared, frame, time, capture))
        self.held_bytes += len(data)
        return True

    def hopeless(self, time):
        """Whether the hole before the first held segment will never be filled."""
        if not self.held:
            return False
        if len(self.held) >= MAX_HELD or self.held_bytes >= MAX_HELD_BYTES:
            return True
        waited = time - self.hole_time
        if waited > MAX_WAIT or waited < 0:
            return True
        if self.acked >= 0 and self.distance(self.acked) > 0:
            # the receiver has the missing bytes; a mirror port may still deliver them a moment late
            return waited > REORDER_GRACE or len(self.held) >= 3
        return False

    def remember(self, d: Decoder):
        """Keep a copy of the newest segment, so that a different one in its place is noticed."""
        start = d.payload
        size = d.payload_end - start if d.payload_end > start else 0
        self.last_seq = d.seq
        self.last_size = size
        if size == 0:
            return 0
        if len(self.last) < size or len(self.last) > SPARE:
            self.last = bytearray(size)
        if start < 0 or start + size > d.size:
            raise IndexError("outside the buffer")
        if cython.compiled:
            memcpy(PyByteArray_AS_STRING(self.last), cython.address(d.buf[start]), size)
        else:
            self.last[:size] = d.buf[start : start + size]
        return 0

    def differs(self, d: Decoder):
        """Whether a repeated segment has other bytes than the newest one (RFC 9293, 3.10.7.4)."""
        if self.last_seq < 0:
            return False
        shift = (d.seq - self.last_seq) & _LOW32
        if shift >= _HALF:
            shift -= _FULL
        first = shift if shift > 0 else 0
        stop = shift + (d.payload_end - d.payload)
        if stop > self.last_size:
            stop = self.last_size
        if stop <= first:
            return False
        return self.last[first:stop] != d.piece(d.payload + first - shift, d.payload + stop - shift)

    def pop(self, time):
        """The first held segment."""
        first = self.held.pop(0)
        self.held_bytes -= len(first[1])
        self.hole_time = time
        return first
