# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""The shape of Modbus bytes: how long a message says it is, which way it goes, its checksums, and the probe.

Source: MODBUS Application Protocol V1.1b3, clause 6 (functions) and 7 (exceptions); MODBUS over Serial Line V1.02,
clauses 2.5.1 (RTU), 2.5.2 (ASCII) and 6.2 (checksums).
"""

import cython

from sentinel.model import Direction, Fault, Verdict
from sentinel.wire.reader import Malformed

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
else:
    from sentinel.wire.reader import Reader

# What `expected` answers beside a length.
_NO = cython.declare(cython.int, 0)  # no message of the standard begins like this
_MORE = cython.declare(cython.int, -2)  # more bytes are needed to tell
_ANY = cython.declare(cython.int, -3)  # possible, but the message does not tell its own length

MAX_ADU_LENGTH = 254
"""Messaging on TCP/IP, 3.1.3: unit identifier and PDU of at most 253 bytes."""
MAX_UMAS_LENGTH = 1024
"""UMAS negotiates larger PDUs than the standard allows."""
MAX_RTU = 256
"""Serial Line V1.02, 2.5.1.1."""
MAX_ASCII = 513
"""Serial Line V1.02, 2.5.2.1: colon, 510 digits, CR, LF."""


@cython.ccall
def expected(r: Reader, at: cython.Py_ssize_t, direction: cython.int) -> cython.Py_ssize_t:
    """Length of the PDU whose function code stands at offset `at`, by its own fields; or _NO, _MORE or _ANY.

    `direction` is 0 for a request, 1 for an answer. Every count and fixed value that the standard limits is checked.
    """
    function = r.peek(at)
    if function < 0:
        return _MORE
    if direction == 0:
        return _request(r, at, function)
    return _answer(r, at, function)


@cython.cfunc
def _request(r: Reader, at: cython.Py_ssize_t, function: cython.int) -> cython.Py_ssize_t:
    second = r.peek(at + 1)
    quantity = r.peek16(at + 3)
    if function == 7 or function == 11 or function == 12 or function == 17:
        return 1
    if function == 24:
        return 3
    if function == 22:
        return 7
    if 1 <= function <= 6 or function == 15 or function == 16 or function == 23:
        if quantity < 0:
            return _MORE
        if function <= 2:  # 6.1, 6.2
            return 5 if 1 <= quantity <= 2000 else _NO
        if function <= 4:  # 6.3, 6.4
            return 5 if 1 <= quantity <= 125 else _NO
        if function == 5:  # 6.5
            return 5 if quantity == 0 or quantity == 0xFF00 else _NO
        if function == 6:
            return 5
        count = r.peek(at + 5)
        if function == 15:  # 6.11
            if not 1 <= quantity <= 1968:
                return _NO
            return _MORE if count < 0 else 6 + count if count == (quantity + 7) // 8 else _NO
        if function == 16:  # 6.12
            if not 1 <= quantity <= 123:
                return _NO
            return _MORE if count < 0 else 6 + count if count == 2 * quantity else _NO
        written = r.peek16(at + 7)  # 6.17
        count = r.peek(at + 9)
        if not 1 <= quantity <= 125:
            return _NO
        if count < 0:
            return _MORE
        return 10 + count if 1 <= written <= 121 and count == 2 * written else _NO
    if function == 20 or function == 21:  # 6.14, 6.15: reference type 6 begins each sub-request
        kind = r.peek(at + 2)
        if kind < 0:
            return _MORE
        if kind != 6:
            return _NO
        if function == 20:
            return 2 + second if 7 <= second <= 245 and second % 7 == 0 else _NO
        return 2 + second if 9 <= second <= 251 else _NO
    if function == 43:
        kind = r.peek(at + 2)
        if second < 0 or second == 14 and kind < 0:
            return _MORE
        if second == 14:  # 6.21
            return 4 if 1 <= kind <= 4 else _NO
        return _ANY if second == 13 else _NO
    if function == 8:
        return _diagnostics(r, at)
    return _open(function)


@cython.cfunc
def _answer(r: Reader, at: cython.Py_ssize_t, function: cython.int) -> cython.Py_ssize_t:
    second = r.peek(at + 1)
    if second < 0:
        return _MORE
    if function >= 128:  # 7
        return 2 if 1 <= second <= 8 or second == 10 or second == 11 else _NO
    if 1 <= function <= 2:
        return 2 + second if 1 <= second <= 250 else _NO
    if 3 <= function <= 4 or function == 23:
        return 2 + second if 2 <= second <= 250 and second % 2 == 0 else _NO
    if function == 7:
        return 2
    if function == 12:  # 6.10: status, two counts and at most 64 events
        return 2 + second if 6 <= second <= 70 else _NO
    if function == 17:
        return 2 + second if 1 <= second <= 251 else _NO
    if function == 22:
        return 7
    quantity = r.peek16(at + 3)
    if function == 5 or function == 6 or function == 15 or function == 16 or function == 11:
        if quantity < 0:
            return _MORE
        if function == 5:
            return 5 if quantity == 0 or quantity == 0xFF00 else _NO
        if function == 15:
            return 5 if 1 <= quantity <= 1968 else _NO
        if function == 16:
            return 5 if 1 <= quantity <= 123 else _NO
        return 5
    if function == 20:  # 6.14: length, reference type 6, registers
        kind = r.peek(at + 3)
        length = r.peek(at + 2)
        if kind < 0:
            return _MORE
        return 2 + second if 4 <= second <= 245 and kind == 6 and 3 <= length < second and length % 2 == 1 else _NO
    if function == 21:
        kind = r.peek(at + 2)
        if kind < 0:
            return _MORE
        return 2 + second if 9 <= second <= 251 and kind == 6 else _NO
    if function == 24:  # 6.18: 16-bit byte count, FIFO count
        if quantity < 0:
            return _MORE
        return 5 + 2 * quantity if quantity <= 31 and r.peek16(at + 1) == 2 + 2 * quantity else _NO
    if function == 43:
        if second == 14:
            return _identification(r, at)
        return _ANY if second == 13 else _NO
    if function == 8:
        return _diagnostics(r, at)
    return _open(function)


@cython.cfunc
def _diagnostics(r: Reader, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
    # 6.8: a sub-function and one word; Return Query Data (0) echoes what it is given.
    sub = r.peek16(at + 1)
    if sub < 0:
        return _MORE
    if sub == 0:
        return _ANY
    return 5 if sub <= 4 or 10 <= sub <= 18 or sub == 20 else _NO


@cython.cfunc
def _identification(r: Reader, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
    # 6.21: seven bytes of header, then (id, length, text) for each object.
    objects = r.peek(at + 6)
    if objects < 0:
        return _MORE
    conformity = r.peek(at + 3)
    more = r.peek(at + 4)
    if not 1 <= r.peek(at + 2) <= 4 or not 1 <= conformity & 127 <= 3 or more != 0 and more != 255 or objects > 123:
        return _NO
    length: cython.Py_ssize_t = 7
    _i: cython.int
    for _i in range(objects):
        size = r.peek(at + length + 1)
        if size < 0:
            return _MORE
        length += 2 + size
        if length > 253:
            return _NO
    return length


@cython.cfunc
def _open(function: cython.int) -> cython.Py_ssize_t:
    # 5.1: user-defined codes; 90 is UMAS.
    return _ANY if 65 <= function <= 72 or 100 <= function <= 110 or function == 90 else _NO


@cython.ccall
def crc_end(r: Reader, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """The least n in `first`..`last` for which the n bytes at the cursor end with their own CRC, or 0.

    Serial Line V1.02, 6.2.2: polynomial 0xA001, start 0xFFFF, low byte first. `first` is at least 3.
    """
    crc: cython.int = 0xFFFF
    n: cython.Py_ssize_t
    left = r.left()
    if last > left:
        last = left
    for n in range(2, last):  # n bytes at the cursor are followed by at least one
        t = (crc ^ r.peek(n - 2)) & 0xFF
        p = t ^ t >> 4
        # eight shift-and-xor steps at once: 0x6996 holds the parity of each half byte
        crc = crc >> 8 ^ t << 6 ^ t << 7 ^ (0xC001 if 0x6996 >> (p & 15) & 1 else 0)
        if n + 1 >= first and crc == r.peek(n - 1) + 256 * r.peek(n):
            return n + 1
    return 0


def decode_ascii(r: Reader) -> bytes:
    """The bytes of the ASCII frame at the cursor, address to LRC, stepping over it.

    Short where its end has not come; Malformed(IDENTIFIER) where the bytes are no such frame.
    """
    n: cython.Py_ssize_t = 1
    r.need(1)
    if r.peek(0) != 58:
        raise Malformed(Fault.IDENTIFIER, "no colon")
    while n < MAX_ASCII - 2:
        c = r.peek(n)
        if c < 0:
            r.need(n + 1)
        if c == 13:
            break
        if not (48 <= c <= 57 or 65 <= c <= 70 or 97 <= c <= 102):
            raise Malformed(Fault.IDENTIFIER, "not a hexadecimal digit")
        n += 1
    r.need(n + 2)
    if r.peek(n) != 13 or r.peek(n + 1) != 10 or n % 2 == 0 or n < 7:
        raise Malformed(Fault.LENGTH, "no end where an ASCII frame ends")
    r.skip(1)
    digits = r.take(n - 1)
    r.skip(2)
    return bytes.fromhex(digits.decode("ascii"))


def lrc(data: bytes) -> int:
    """Longitudinal redundancy check (Serial Line V1.02, 6.2.1): the two's complement of the sum."""
    return -sum(data) & 0xFF


@cython.ccall
def mbap_length(r: Reader) -> cython.int:
    """Length field of the MBAP header at the cursor, or 0 where it is none, -1 where it has not all come.

    Messaging on TCP/IP, 3.1.3: transaction, protocol identifier 0, length of what follows, unit identifier.
    """
    if r.peek16(2) > 0:
        return 0
    length = r.peek16(4)
    if 0 <= length < 2 or length > MAX_UMAS_LENGTH:
        return 0
    function = r.peek(7)
    if function < 0:
        return -1
    return length if length <= MAX_ADU_LENGTH or function == 90 else 0


def outline(r: Reader) -> bool:
    """Whether the bytes are MBAP headers whose lengths lead to the next one and to the end, whatever the PDUs say."""
    while r.left() > 0:
        length = mbap_length(r)
        if length <= 0 or r.left() < 6 + length:
            return False
        r.skip(6 + length)
    return True


@cython.cfunc
def _fits(r: Reader, at: cython.Py_ssize_t, size: cython.Py_ssize_t, direction: cython.int) -> cython.bint:
    """Whether a PDU of `size` bytes at offset `at` is one that its function allows in that direction."""
    length: cython.Py_ssize_t = expected(r, at, direction)
    if length != _ANY:
        return length == size
    if r.peek(at) == 8:
        return size >= 5 and size % 2 == 1
    return size >= 3 or r.peek(at) != 90


@cython.ccall
def way(r: Reader, at: cython.Py_ssize_t, size: cython.Py_ssize_t, direction: cython.int) -> cython.int:
    """0 where the PDU of `size` bytes at offset `at` can be a request, 1 an answer, -2 neither; `direction` if both."""
    first = 1 if direction == 1 else 0
    if _fits(r, at, size, first):
        return first
    return 1 - first if _fits(r, at, size, 1 - first) else -2


@cython.ccall
def rtu_end(r: Reader, direction: cython.int, any_end: cython.bint) -> cython.Py_ssize_t:
    """Length of the RTU frame at the cursor, proven by its CRC, or 0, or _MORE where it may not all have come.

    An RTU frame tells its length only through its function (Serial Line V1.02, 2.5.1.1: the rest is timing). Where
    that does not, the frame is all that is there or, with `any_end`, ends at the first place where the CRC is right.
    """
    left: cython.Py_ssize_t = r.left()
    answer: cython.Py_ssize_t = 0
    turn: cython.int
    for turn in range(2):
        size: cython.Py_ssize_t = expected(r, 1, turn if direction != 1 else 1 - turn)
        if size == _ANY:
            end: cython.Py_ssize_t = crc_end(r, left, left) if left <= MAX_RTU else 0
            if end == 0 and any_end:
                end = crc_end(r, 4, MAX_RTU)
            if end > 0:
                return end
            answer = _MORE if left < MAX_RTU else answer
        elif size == _MORE or size > 0 and left < size + 3:
            answer = _MORE
        elif size > 0 and crc_end(r, size + 3, size + 3) > 0:
            return size + 3
    return answer


def probe(r: Reader, direction: int) -> int:
    """Verdict on the bytes at the cursor: MAYBE for an MBAP header whose PDU agrees with it, YES for a checksum."""
    if r.peek(0) == 58 and r.peek16(2) > 0:
        return _probe_ascii(r)
    length = mbap_length(r)
    found = _probe_mbap(r, direction) if length > 0 else Verdict.NO
    if found == Verdict.NO:
        found = _probe_rtu(r)
    if found == Verdict.NO and length < 0:
        r.need(8)
    return found


def orient(r: Reader) -> int:
    """Direction of the message at the cursor where its shape is only possible one way, or UNKNOWN."""
    at: cython.Py_ssize_t = 7
    size: cython.Py_ssize_t = mbap_length(r) - 1
    if size < 1 or not (_fits(r, 7, size, 0) or _fits(r, 7, size, 1)):
        at = 1
        if r.peek(0) == 58 and r.peek16(2) > 0:
            decoded = decode_ascii(r)
            r = Reader(decoded)
            size = len(decoded) - 2
        else:
            size = rtu_end(r, 0, False) - 3
    if size < 1:
        return Direction.UNKNOWN
    function = r.peek(at)
    if function == 90 and size >= 3:
        return Direction.TO_CLIENT if r.peek(at + 2) >= 253 else Direction.TO_SERVER
    asks = _fits(r, at, size, 0)
    answers = _fits(r, at, size, 1)
    if asks == answers:
        return Direction.UNKNOWN
    return Direction.TO_SERVER if asks else Direction.TO_CLIENT


@cython.cfunc
def _probe_mbap(r: Reader, direction: int) -> int:
    """Verdict on an MBAP header that is in order: does the PDU agree with it, and what follows with both."""
    length: cython.Py_ssize_t = mbap_length(r)
    may_ask = direction != Direction.TO_CLIENT and expected(r, 7, 0) != _NO
    may_answer = direction != Direction.TO_SERVER and expected(r, 7, 1) != _NO
    if not may_ask and not may_answer:
        return Verdict.NO
    if r.left() < 6 + length:
        if _probe_rtu(r) == Verdict.YES:
            return Verdict.YES
        r.need(6 + length)
    may_ask = may_ask and _fits(r, 7, length - 1, 0)
    may_answer = may_answer and _fits(r, 7, length - 1, 1)
    rest = r.left() - 6 - length
    if not may_ask and not may_answer:
        return Verdict.NO
    if rest > 0 and (r.peek16(length + 8) > 0 or expected(r, 7, 0) == _ANY and r.peek(7) != 90):
        return Verdict.NO
    if rest >= 6 and not 2 <= r.peek16(length + 10) <= 1024:
        return Verdict.NO
    # 6.21: an identification answer that is consistent down to the length of each text is no accident
    if may_answer and r.peek(7) == 43 and r.peek(8) == 14 and r.peek(13) > 0 and r.peek(15) > 3:
        return Verdict.YES
    return Verdict.MAYBE


@cython.cfunc
def _probe_rtu(r: Reader) -> int:
    """YES for an RTU frame that is all there is and whose CRC is right, MAYBE where more bytes follow it.

    Either direction will do: behind cellular modems it is the serial device that opens the connection.
    """
    left = r.left()
    if r.peek(0) > 247 or left < 4:  # Serial Line V1.02, 2.2: 248 to 255 are reserved
        return Verdict.NO
    towards: cython.int
    for towards in range(2):
        size: cython.Py_ssize_t = expected(r, 1, towards)
        end: cython.Py_ssize_t = 0
        if size == _ANY and left <= MAX_RTU:
            end = crc_end(r, left, left)
        elif size > 0:
            end = crc_end(r, size + 3, size + 3)
        if end == 0:
            continue
        if r.peek(5) + 8 == end:
            # A ROC Plus frame has its data length there and the same CRC; its groups are small numbers, as are reads
            return Verdict.MAYBE if r.peek(1) > 4 else Verdict.NO
        return Verdict.YES if left == end and size > 0 else Verdict.MAYBE
    return Verdict.NO


@cython.cfunc
def _probe_ascii(r: Reader) -> int:
    """YES for an ASCII frame whose LRC is right; `decode_ascii` has seen the colon, the digits and the end."""
    start = r.pos
    try:
        decoded = decode_ascii(r)
    except Malformed:
        return Verdict.NO
    finally:
        r.pos = start
    if lrc(decoded[: len(decoded) - 1]) != decoded[len(decoded) - 1] or decoded[0] > 247:
        return Verdict.NO
    q: Reader = Reader(decoded)
    if _fits(q, 1, len(decoded) - 2, 0) or _fits(q, 1, len(decoded) - 2, 1):
        return Verdict.YES
    return Verdict.NO
