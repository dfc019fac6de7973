# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Datagrams of mirror sessions (VXLAN, TZSP, ERSPAN) become pcapng packet blocks with the IP header around them.

A UDP socket gives what is behind the headers, and the kernel tells addresses, ports and hops beside it: from these the
IP and UDP headers are written again. Identification, fragments and checksums of the wire are not among them, so the
first two are 0 and the UDP checksum says "none" (RFC 768; over IPv6 RFC 6935). A raw IPv4 socket gives the header as it
came. Layouts: recvmmsg(2), cmsg(3), ip(7), ipv6(7), of a 64-bit little-endian machine; GRE: RFC 2784, 2890;
ERSPAN: draft-foschiano-erspan, 4.2 to 4.5.
"""

import cython

from sentinel.wire.ring import OVERHEAD

if cython.compiled:
    from cython.cimports.libc.string import memcpy

MESSAGE = 64
"""Bytes of a struct mmsghdr."""
NAME, CONTROL = 32, 256
"""Bytes that are kept for a sender's address, and for what the kernel tells beside a datagram."""
HEAD = 48
"""Bytes before each datagram, where the headers that were around it are written: IPv6 and UDP at most."""
SLOT = HEAD + 65536
WINDOW = 64
"""Numbers behind the newest one of a sequence that may still come."""
RESTART = 1 << 20
"""A number that is so far from the newest one begins a new sequence: nobody loses that much between two datagrams."""
NEAR = 1_000_000_000
"""ns by which a sender's clock may differ from ours for its time to be taken: what is further off is another time."""

_BILLION = cython.declare(cython.longlong, 1_000_000_000)
_TWO32 = cython.declare(cython.longlong, 1 << 32)


class Sequence:
    """The numbers of one sender's session: what never came is counted when it cannot come late any more."""

    def __init__(self):
        self.newest = -1
        self.missing = 0
        self._came = -1  # a bit for each of the WINDOW newest numbers, the newest is the lowest
        self._asked = -1

    def add(self, number: int) -> None:
        """One more number came; 32 bits, from 4,294,967,295 on to 0."""
        if self.newest < 0:
            self.newest, self._came = number, (1 << WINDOW) - 1
            return
        step = (number - self.newest) & 0xFFFFFFFF
        if step == 1 and self._came >> (WINDOW - 1):  # the usual case
            self._came = ((self._came << 1) | 1) & ((1 << WINDOW) - 1)
            self.newest = number
        elif 0 < step <= RESTART:
            came = (self._came << step) | 1 if step <= WINDOW else 1
            gone = self._came if step >= WINDOW else self._came >> (WINDOW - step)
            self.missing += min(step, WINDOW) - gone.bit_count() + max(0, step - WINDOW)
            self._came = came & ((1 << WINDOW) - 1)
            self.newest = number
        elif step == 0 or 0x100000000 - step < WINDOW:  # again, or late
            self._came |= 1 << (-step & 0xFFFFFFFF)
        else:
            self.settle()
            self.newest, self._came = number, (1 << WINDOW) - 1

    def settle(self) -> None:
        """Wait for nothing any more."""
        if self.newest >= 0:
            self.missing += WINDOW - self._came.bit_count()
            self._came = (1 << WINDOW) - 1

    def settle_if_quiet(self) -> None:
        """Wait for nothing any more where no newer number came since this was last asked."""
        if self.newest == self._asked:
            self.settle()
        self._asked = self.newest


class Sender:
    """One address that sends: what came from it. `sequences`: by ERSPAN session."""

    def __init__(self, allowed: bool):
        self.allowed = allowed
        self.frames = 0
        self.bytes = 0
        self.sequences: dict[int, Sequence] = {}


@cython.cfunc
@cython.locals(b="const unsigned char[:]", p=cython.Py_ssize_t)
@cython.returns(cython.longlong)
def _u32(b, p):
    return b[p] + b[p + 1] * 256 + b[p + 2] * 65536 + b[p + 3] * cython.cast(cython.longlong, 16777216)


@cython.cfunc
@cython.locals(b="const unsigned char[:]", p=cython.Py_ssize_t)
@cython.returns(cython.longlong)
def _be32(b, p):
    return b[p] * cython.cast(cython.longlong, 16777216) + b[p + 1] * 65536 + b[p + 2] * 256 + b[p + 3]


@cython.cfunc
@cython.locals(b="unsigned char[:]", p=cython.Py_ssize_t, v=cython.longlong)
@cython.returns(cython.void)
def _put(b, p, v):
    b[p] = v & 255
    b[p + 1] = (v >> 8) & 255
    b[p + 2] = (v >> 16) & 255
    b[p + 3] = (v >> 24) & 255


@cython.cfunc
@cython.locals(b="unsigned char[:]", p=cython.Py_ssize_t, v=cython.longlong)
@cython.returns(cython.void)
def _be16(b, p, v):
    b[p] = (v >> 8) & 255
    b[p + 1] = v & 255


@cython.cfunc
@cython.locals(
    target="unsigned char[:]", to=cython.Py_ssize_t, source="const unsigned char[:]", start=cython.Py_ssize_t,
    count=cython.Py_ssize_t,
)  # fmt: skip
@cython.returns(cython.void)
def _copy(target, to, source, start, count):
    if count <= 0:
        return
    if to < 0 or start < 0 or to + count > len(target) or start + count > len(source):
        raise IndexError("outside the buffer")
    if cython.compiled:
        memcpy(cython.address(target[to]), cython.address(source[start]), count)
    else:
        target[to : to + count] = source[start : start + count]


@cython.locals(
    heads="const unsigned char[:]", names="const unsigned char[:]", controls="const unsigned char[:]",
    data="unsigned char[:]", first=cython.Py_ssize_t, count=cython.Py_ssize_t, port=cython.longlong,
    interface=cython.longlong, out="unsigned char[:]", at=cython.Py_ssize_t, room=cython.Py_ssize_t,
    n=cython.Py_ssize_t, head=cython.Py_ssize_t, name=cython.Py_ssize_t, p=cython.Py_ssize_t, end=cython.Py_ssize_t,
    size=cython.Py_ssize_t, step=cython.longlong, kind=cython.longlong, stamp=cython.longlong, hops=cython.longlong,
    there=cython.Py_ssize_t, slot=cython.Py_ssize_t, start=cython.Py_ssize_t, total=cython.Py_ssize_t,
    frames=cython.longlong, octets=cython.longlong, family=cython.longlong, sum_=cython.longlong, i=cython.Py_ssize_t,
    own=cython.longlong,
)  # fmt: skip
def pack(heads, names, controls, data, first, count, port, interface, out, done, senders, meet):
    """Write datagrams `first` ... `count` - 1 of a recvmmsg to `out` from `done.at` on; the number of the next one.

    `port`: the UDP port that is written as their destination, 0 where they came with their IPv4 header (GRE). `senders`
    has a Sender by address; `meet(address)` makes one for a new
    address: a number for IPv4, 16 bytes for IPv6. Those of senders that are not allowed are
    passed over. Where `out` has no room for the next one, its number is returned: call again with an empty `out`.
    """
    at, room = done.at, len(out)
    frames = octets = 0
    n = first
    while n < count:
        head, name, slot = n * MESSAGE, n * NAME, n * SLOT
        size = _u32(heads, head + 56)
        if size > SLOT - HEAD:
            size = SLOT - HEAD
        family = names[name] + names[name + 1] * 256
        if family == 10:
            key = bytes(names[name + 8 : name + 24])
        else:
            key = _be32(names, name + 4)  # a number is had sooner than bytes
        sender = senders.get(key)
        if sender is None:
            sender = meet(key)
        if not sender.allowed:
            sender.frames += 1
            n += 1
            continue
        start = slot + HEAD
        if port:
            start -= 48 if family == 10 else 28
        total = OVERHEAD + (slot + HEAD + size - start + 3) // 4 * 4
        if at + total > room:
            break
        # what the kernel tells beside it
        stamp = hops = 0
        there = -1
        p = n * CONTROL
        end = p + _u32(heads, head + 40)
        if end > p + CONTROL:
            end = p + CONTROL
        while p + 16 <= end:
            step = _u32(controls, p)
            if step < 16 or p + step > end:
                break
            kind = _u32(controls, p + 8) * 256 + _u32(controls, p + 12)
            if kind == 256 + 35 and step >= 32:  # SOL_SOCKET, SCM_TIMESTAMPNS
                stamp = _u32(controls, p + 16) + _u32(controls, p + 20) * _TWO32
                stamp = stamp * _BILLION + _u32(controls, p + 24)
            elif kind == 8 and step >= 28:  # IPPROTO_IP, IP_PKTINFO
                there = p + 24
            elif kind == 41 * 256 + 50 and step >= 32:  # IPPROTO_IPV6, IPV6_PKTINFO
                there = p + 16
            elif (kind == 2 or kind == 41 * 256 + 52) and step >= 20:  # IP_TTL, IPV6_HOPLIMIT
                hops = controls[p + 16]
            p += (step + 7) // 8 * 8
        if port == 0:
            own = _erspan(data, start, start + size, sender, stamp)
            if own > stamp - NEAR and own < stamp + NEAR:
                stamp = own
        elif family == 10:
            _put(data, start, 0x60)
            _be16(data, start + 4, size + 8)
            data[start + 6] = 17
            data[start + 7] = hops
            _copy(data, start + 8, names, name + 8, 16)
            if there >= 0:
                _copy(data, start + 24, controls, there, 16)
        else:
            _put(data, start, 0x45)
            _be16(data, start + 2, size + 28)
            _put(data, start + 4, 0)
            data[start + 8] = hops
            data[start + 9] = 17
            _be16(data, start + 10, 0)
            _copy(data, start + 12, names, name + 4, 4)
            if there >= 0:
                _copy(data, start + 16, controls, there, 4)
            sum_ = 0
            for i in range(10):
                sum_ += data[start + 2 * i] * 256 + data[start + 2 * i + 1]
            while sum_ > 0xFFFF:
                sum_ = (sum_ & 0xFFFF) + (sum_ >> 16)
            _be16(data, start + 10, 0xFFFF - sum_)
        if port:
            p = slot + HEAD - 8
            data[p] = names[name + 2]
            data[p + 1] = names[name + 3]
            _be16(data, p + 2, port)
            _be16(data, p + 4, size + 8)
            _be16(data, p + 6, 0)
        size = slot + HEAD + size - start
        _put(out, at, 6)
        _put(out, at + 4, total)
        _put(out, at + 8, interface)
        _put(out, at + 12, stamp // _TWO32)
        _put(out, at + 16, stamp % _TWO32)
        _put(out, at + 20, size)
        _put(out, at + 24, size)
        if total > OVERHEAD:
            _put(out, at + total - 8, 0)  # the padding: what `out` held before must not leak into the file
        _copy(out, at + 28, data, start, size)
        _put(out, at + total - 4, total)
        at += total
        frames += 1
        octets += size
        sender.frames += 1
        sender.bytes += size
        n += 1
    done.at = at
    done.frames += frames
    done.bytes += octets
    return n


@cython.cfunc
@cython.locals(
    data="unsigned char[:]", p=cython.Py_ssize_t, end=cython.Py_ssize_t, stamp=cython.longlong, flags=cython.longlong,
    kind=cython.longlong, number=cython.longlong, at=cython.Py_ssize_t, session=cython.longlong,
)  # fmt: skip
@cython.returns(cython.longlong)
def _erspan(data, p, end, sender, stamp):
    """Note the number of an ERSPAN II or III packet; the sender's time (ns) where it tells an absolute one, else 0."""
    if end - p < 20:
        return 0
    p += (data[p] & 15) * 4
    if p + 4 > end:
        return 0
    flags = data[p] * 256 + data[p + 1]
    kind = data[p + 2] * 256 + data[p + 3]
    if flags & 0x1007 != 0x1000 or (kind != 0x88BE and kind != 0x22EB):
        return 0
    at = p + 4 + (4 if flags & 0xC000 else 0) + (4 if flags & 0x2000 else 0)
    if at + 8 > end:
        return 0
    number = _be32(data, at)
    at += 4
    session = (data[at + 2] & 3) * 256 + data[at + 3]
    sequence = sender.sequences.get(session)
    if sequence is None:
        sequence = sender.sequences[session] = Sequence()
    sequence.add(number)
    # 4.4 and 4.5: nanoseconds of IEEE 1588 (Gra 2), whose seconds stand in platform-specific headers 5 and 6
    if kind != 0x22EB or at + 20 > end or data[at + 11] & 7 != 5 or data[at + 12] >> 2 not in (5, 6):
        return 0
    return _be32(data, at + 16) * _BILLION + _be32(data, at + 4)
