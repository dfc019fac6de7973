# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""DNP3 over TCP and UDP. Source: IEEE Std 1815-2012: clause 9 (data link), clause 8 (transport function), clause 4.

One link frame is one call. A frame that brings the last segment of an application fragment makes a message; one that
brings only a piece of it makes none. A gateway carries many outstations in one flow, so fragments are put together per
direction and per pair of link addresses.
"""

from array import array

import cython

from parsers._dnp3_tables import (
    BAD_FRAME,
    COLUMN,
    IIN1_TEXTS,
    IIN2_TEXTS,
    LINK,
    LINK_UNKNOWN,
    OBJECTS,
    OPERATIONS,
    STATUSES,
    TABLE,
    UNKNOWN_FUNCTION,
)
from sentinel.model import Direction, Fault, Kind, Verdict

if cython.compiled:
    from cython.cimports.parsers._dnp3_app import objects
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from parsers._dnp3_app import objects
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from sentinel.wire.reader import Malformed

NAME = "dnp3"
TITLE = "DNP3 (IEEE 1815)"
TRANSPORTS = ("tcp", "udp")
PORTS = {"tcp": (20000,), "udp": (20000,)}
STREAM_CAP = 292  # the longest link frame: 255 octets counted by the length field, start, length and all CRCs
__all__ = ["NAME", "OBJECTS", "OPERATIONS", "PORTS", "STATUSES", "STREAM_CAP", "TABLE", "TITLE", "TRANSPORTS"]

MAX_FRAGMENT = 65536  # the standard asks for 2048 and lets a device profile say more
MAX_OPEN = 16  # fragments that are being put together, per direction of a flow

HEADER = 10  # start (2), length, control, destination (2), source (2), CRC (2)
BLOCK = 16  # octets of user data before each CRC
MAX_USER_DATA = 250  # octets that the length field can count beside the rest of the header


def _crc_table() -> list[int]:
    """CRC-DNP octet by octet: x^16+x^13+x^12+x^11+x^10+x^8+x^6+x^5+x^2+1, reflected, inverted (clause 9)."""
    table = []
    for octet in range(256):
        crc = octet
        for _ in range(8):
            crc = crc >> 1 ^ 0xA6BC if crc & 1 else crc >> 1
        table.append(crc)
    return table


CRC_TABLE = _crc_table()


def _crc_tables() -> array:
    """For 0 to 3 octets of zero behind it, what each octet makes of the CRC: four octets are then taken at once."""
    tables = [CRC_TABLE]
    for _ in range(3):
        tables.append([crc >> 8 ^ CRC_TABLE[crc & 0xFF] for crc in tables[-1]])
    return array("H", [crc for table in tables for crc in table])


_CRC = cython.declare(cython.ushort[::1], _crc_tables())

_BLOCK = cython.declare(cython.Py_ssize_t, BLOCK)
_HEADER = cython.declare(cython.Py_ssize_t, HEADER)

# `ext4` writes the one that is named and the three behind it
_LINK_SRC = cython.declare(cython.int, COLUMN["link_src"])
_LINK_FUNCTION = cython.declare(cython.int, COLUMN["link_function"])
_LINK_LENGTH = cython.declare(cython.int, COLUMN["link_length"])
_LINK_DFC = cython.declare(cython.int, COLUMN["link_dfc"])
_BROADCAST = cython.declare(cython.int, COLUMN["broadcast"])
_TRANSPORT_SEQ = cython.declare(cython.int, COLUMN["transport_seq"])
_SEGMENTS = cython.declare(cython.int, COLUMN["segments"])
_APP_FIN = cython.declare(cython.int, COLUMN["app_fin"])
_APP_CON = cython.declare(cython.int, COLUMN["app_con"])
_APP_UNS = cython.declare(cython.int, COLUMN["app_uns"])
_IIN_TEXT = cython.declare(cython.int, COLUMN["iin_text"])

_KIND_REQUEST = cython.declare(cython.int, int(Kind.REQUEST))
_KIND_RESPONSE = cython.declare(cython.int, int(Kind.RESPONSE))
_KIND_UNSOLICITED = cython.declare(cython.int, int(Kind.UNSOLICITED))
_KIND_CONFIRM = cython.declare(cython.int, int(Kind.CONFIRM))
_KIND_LINK = cython.declare(cython.int, int(Kind.LINK))
_KIND_MALFORMED = cython.declare(cython.int, int(Kind.MALFORMED))


# -- identification --------------------------------------------------------------------------------------------


def probe(r: Reader, direction):
    """YES where a link header stands: start octets, length, function and header CRC (1 in 10^9 by chance), else NO."""
    left = r.left()
    if left < 2:
        if left == 1 and r.peek(0) != 0x05:
            return Verdict.NO
        r.need(HEADER)
    if r.peek16(0) != 0x0564 or (left > 2 and r.peek(2) < 5):
        return Verdict.NO
    if left > 3 and not known(r.peek(3)):
        return Verdict.NO
    r.need(HEADER)
    return Verdict.YES if intact(r, r.pos, HEADER - 2) else Verdict.NO


def orient(r: Reader):
    """The direction bit of the link header: masters set it (clause 9)."""
    control = r.peek(3)
    if control < 0:
        return Direction.UNKNOWN
    return Direction.TO_SERVER if control & 0x80 else Direction.TO_CLIENT


def outline(r: Reader):
    """Whether the bytes are link frames whose start octets and lengths lead to the next one and to the end."""
    while r.left() > 0:
        size: cython.Py_ssize_t = r.peek(2) - 5
        if r.peek16(0) != 0x0564 or size < 0:
            return False
        size += HEADER + 2 * ((size + BLOCK - 1) // BLOCK)
        if r.left() < size:
            return False
        r.skip(size)
    return True


@cython.cfunc
@cython.returns(cython.bint)
@cython.exceptval(-1, check=True)
def known(control: cython.int):
    """Whether the standard defines the link function of a control octet; primary and secondary have their own lists."""
    function: cython.int = control & 15
    if control & 0x40:
        return function <= 4 or function == 9
    return function <= 1 or function == 11 or function >= 14


@cython.cfunc
@cython.returns(cython.bint)
@cython.exceptval(-1, check=True)
@cython.boundscheck(False)  # the places are checked once, and the table has an entry for every octet
def intact(r: Reader, start: cython.Py_ssize_t, n: cython.Py_ssize_t):
    """Whether the CRC behind the n octets at `start` is right; the caller has made sure that all n + 2 are there."""
    crc: cython.uint = 0
    i: cython.Py_ssize_t = start
    end: cython.Py_ssize_t = start + n
    if start < 0 or end + 2 > len(r.data):
        raise IndexError("outside the buffer")
    while i + 4 <= end:
        crc ^= r.data[i] | r.data[i + 1] << 8
        crc = (
            _CRC[768 + (crc & 0xFF)]
            ^ _CRC[512 + (crc >> 8 & 0xFF)]
            ^ _CRC[256 + cython.cast(cython.uint, r.data[i + 2])]
            ^ _CRC[cython.cast(cython.uint, r.data[i + 3])]
        )
        i += 4
    while i < end:
        crc = crc >> 8 ^ _CRC[(crc ^ r.data[i]) & 0xFF]
        i += 1
    crc ^= 0xFFFF
    return r.data[end] == crc & 0xFF and r.data[end + 1] == crc >> 8


# -- data link -------------------------------------------------------------------------------------------------


def parse(r: Reader, out: Rows):
    """Read one link frame, and the application fragment that ends in it.

    A frame whose header is no link header raises Malformed; a wrong CRC further in makes a row with fault CHECKSUM, and
    the frame is discarded as every station would.
    """
    if r.left() > 1 and r.peek16(0) != 0x0564 or r.left() == 1 and r.peek(0) != 0x05:
        raise Malformed(Fault.IDENTIFIER, "no link start octets")
    r.need(_HEADER)
    begin: cython.Py_ssize_t = r.pos
    if not intact(r, begin, _HEADER - 2):
        raise Malformed(Fault.CHECKSUM, "link header")
    length: cython.int = r.data[begin + 2]
    if length < 5:
        raise Malformed(Fault.LENGTH, "link length below 5")
    control: cython.int = r.data[begin + 3]
    dst: cython.int = r.data[begin + 4] | r.data[begin + 5] << 8
    src: cython.int = r.data[begin + 6] | r.data[begin + 7] << 8
    r.pos = begin + _HEADER
    size: cython.Py_ssize_t = length - 5
    r.need(size + 2 * ((size + _BLOCK - 1) // _BLOCK))

    first: cython.Py_ssize_t = r.pos
    left: cython.Py_ssize_t = size
    good: cython.bint = True
    n: cython.Py_ssize_t
    while left > 0:
        n = left if left < _BLOCK else _BLOCK
        good = good and intact(r, r.pos, n)
        r.pos += n + 2
        left -= n

    if not good:
        out.message(_KIND_MALFORMED, -1, BAD_FRAME)
        link_columns(out, control, dst, src, length)
        out.fault(Fault.CHECKSUM, "link data block")
    elif control & 0x40 and 3 <= control & 15 <= 4 and size > 0:
        segment(r, out, control, dst, src, length, first, size, r.pos - begin)
    else:
        link_only(out, control, dst, src, length, size)


@cython.cfunc
def link_only(out: Rows, control: cython.int, dst: cython.int, src: cython.int, length: cython.int, size: cython.int):
    """The row of a frame that brings nothing for the layers above."""
    if known(control):
        out.message(_KIND_LINK, -1, LINK + (0 if control & 0x40 else 16) + (control & 15))
    else:
        out.message(_KIND_LINK, -1, LINK_UNKNOWN)
    link_columns(out, control, dst, src, length)
    if not known(control):
        out.fault(Fault.FUNCTION, "undefined link function")
    elif size > 0:
        out.fault(Fault.LENGTH, "data in a frame of a function without data")
    elif control & 0x40 and 3 <= control & 15 <= 4:
        out.fault(Fault.LENGTH, "user data frame without data")


@cython.cfunc
def link_columns(out: Rows, control: cython.int, dst: cython.int, src: cython.int, length: cython.int):
    """The unit (link address of the outstation: the receiver of what a master sends) and the link header's fields."""
    out.unit(dst if control & 0x80 else src)
    out.ext4(_LINK_SRC, src, dst, control >> 7, control >> 6 & 1)
    if control & 0x40:
        out.ext4(_LINK_FUNCTION, control & 15, length, control >> 5 & 1, control >> 4 & 1)
    else:
        out.ext(_LINK_FUNCTION, control & 15)
        out.ext(_LINK_LENGTH, length)
        out.ext(_LINK_DFC, control >> 4 & 1)
    out.ext(_BROADCAST, dst >= 0xFFFD)


# -- transport function ----------------------------------------------------------------------------------------


@cython.cfunc
def segment(
    r: Reader,
    out: Rows,
    control: cython.int,
    dst: cython.int,
    src: cython.int,
    length: cython.int,
    at: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    octets: cython.int,
):
    """One transport segment: FIN, FIR and sequence in its first octet (clause 8). The last one makes the message."""
    slot = out.slot
    opened = slot.get("open") if slot else None
    head: cython.int = r.data[at]
    segments: cython.int = 1
    end: cython.Py_ssize_t = r.pos
    if head & 0xC0 == 0xC0 and not opened and size <= _BLOCK:
        # most frames are a whole fragment in one block: it is read where it stands
        r.pos = at
        saved = r.narrow(size)
        depth = r.narrowed
        r.skip(1)
        fragment_row(r, out, control, dst, src, length, head, segments, octets)
        r.pos = end
        r.narrowed = depth
        r.widen(saved)
        return
    data: bytearray = slot.get("data")
    reader: Reader = slot.get("reader")
    if data is None or reader is None:
        # used again for each frame of the direction: making both costs more than reading the frame
        data = bytearray(MAX_USER_DATA)
        reader = Reader()
        slot["data"] = data
        slot["reader"] = reader
    without_checks(r, at, size, data)
    r.pos = end
    reader.reset(data, 0, size)
    reader.skip(1)
    if head & 0xC0 != 0xC0 or opened:
        whole = assemble(out, dst << 16 | src, head, bytes(data[:size]), octets)
        if whole is None:
            return
        segments, octets, fragment = whole
        reader.reset(fragment, 0, len(fragment))
        reader.skip(1)
    reader.narrow(reader.left())
    fragment_row(reader, out, control, dst, src, length, head, segments, octets)


@cython.cfunc
def fragment_row(
    reader: Reader,
    out: Rows,
    control: cython.int,
    dst: cython.int,
    src: cython.int,
    length: cython.int,
    head: cython.int,
    segments: cython.int,
    octets: cython.int,
):
    """The row of a whole application fragment, to which the Reader is narrowed."""
    function: cython.int = reader.peek(1)
    kind: cython.int = _KIND_REQUEST
    operation: cython.int = function
    if function >= 128:
        kind = _KIND_UNSOLICITED if function == 130 else _KIND_RESPONSE
    elif function == 0:
        kind = _KIND_CONFIRM
    elif function < 0:
        kind = _KIND_MALFORMED
        operation = BAD_FRAME
    if not (function <= 33 or 129 <= function <= 131):
        operation = UNKNOWN_FUNCTION
    out.message(kind, function, operation)
    link_columns(out, control, dst, src, length)
    if segments > 1:
        out.length(octets)
    if function < 0:
        out.ext(_TRANSPORT_SEQ, head & 0x3F)
        out.ext(_SEGMENTS, segments)
        out.fault(Fault.SHORT, "application fragment without a header")
        return
    out.ext4(_TRANSPORT_SEQ, head & 0x3F, segments, reader.peek(0) & 15, reader.peek(0) >> 7)
    application(reader, out, function, control, src if function >= 128 else dst)


@cython.cfunc
@cython.returns(cython.int)
@cython.exceptval(-1, check=True)
def without_checks(r: Reader, at: cython.Py_ssize_t, size: cython.Py_ssize_t, data: bytearray):
    """Copy `size` octets of user data whose first block stands at `at`, without the CRC behind each block."""
    done: cython.Py_ssize_t = 0
    n: cython.Py_ssize_t
    r.pos = at
    while done < size:
        n = size - done if size - done < _BLOCK else _BLOCK
        r.copy(n, data, done)
        r.skip(2)
        done += n
    return 0


def assemble(out: Rows, pair: cython.longlong, head: cython.int, data: bytes, octets: cython.int):
    """Put a segment to the fragment of its pair of addresses.

    Returns (segments, octets, fragment behind one octet) once it is whole, else None. A segment out of turn discards
    what was put together so far, as clause 8 says; one that repeats the last segment is passed over.
    """
    opened = out.slot.get("open")
    if opened is None:
        opened = {}
        out.slot["open"] = opened
    first = head & 0x40
    turn = head & 0x3F
    state = opened.get(pair)
    if state is not None and state[0] == turn and state[1] == data:
        return None
    if first:
        if state is not None:
            discard(out, opened, pair)
            out.trouble(Fault.SEQUENCE, "a fragment that was not finished", state[4])
        if len(opened) >= MAX_OPEN:
            discard(out, opened, next(iter(opened)))
            out.trouble(Fault.TOO_LARGE, "too many fragments open at once", out.offset)
        state = [turn, data, 0, 0, out.offset, out.since, bytearray(1)]
        opened[pair] = state
    elif state is None:
        out.trouble(Fault.SEQUENCE, "a segment without a first one", out.offset)
        return None
    elif state[0] + 1 & 0x3F != turn:
        discard(out, opened, pair)
        out.trouble(Fault.SEQUENCE, "a segment out of turn", out.offset)
        return None
    state[0] = turn
    state[1] = data
    state[2] += 1
    state[3] += octets
    if len(state[6]) + len(data) - 1 > MAX_FRAGMENT:
        discard(out, opened, pair)
        out.trouble(Fault.TOO_LARGE, "an application fragment above 64 KiB", out.offset)
        return None
    state[6] += data[1:]
    out.grow(len(data) - 1)
    if head & 0x80 == 0:
        return None
    discard(out, opened, pair)
    out.offset = state[4]
    out.since = state[5]
    return state[2], state[3], state[6]


def discard(out: Rows, opened: dict, pair: cython.longlong):
    """Take a fragment out of those that are being put together."""
    out.grow(1 - len(opened.pop(pair)[6]))


# -- application layer -----------------------------------------------------------------------------------------


def indications(high: cython.int, low: cython.int):
    """The names of the internal indications that are set in the first (high) and second (low) octet."""
    if low == 0:
        return IIN1_TEXTS[high]
    if high == 0:
        return IIN2_TEXTS[low]
    return f"{IIN1_TEXTS[high]}|{IIN2_TEXTS[low]}"


@cython.cfunc
def application(r: Reader, out: Rows, function: cython.int, control: cython.int, unit: cython.int):
    """An application fragment: control octet, function, internal indications of responses, objects (clause 4)."""
    status: cython.longlong = 0
    iin: cython.int = 0
    app = r.u8()
    r.skip(1)
    # functions whose names end in "no acknowledgement" (clause 4.2.2)
    silent: cython.bint = function == 6 or function == 8 or function == 10 or function == 12 or function == 33
    if silent or (function < 128 and unit >= 0xFFFD) or (function >= 129 and app & 0x80 == 0):
        shape = -1  # nobody answers it, or it continues an answer with a sequence of its own (4.4.2)
    else:
        shape = 0  # every response has the same function code: the sequence number alone joins it to its request
    out.pairing(unit, app & 15, shape)
    understood: cython.bint = function <= 33 or 129 <= function <= 131
    if understood and function >= 128 and r.left() >= 2:
        iin = r.u16()
        out.ext4(_APP_FIN, app >> 6 & 1, app >> 5 & 1, app >> 4 & 1, iin)
    else:
        out.ext(_APP_FIN, app >> 6 & 1)
        out.ext(_APP_CON, app >> 5 & 1)
        out.ext(_APP_UNS, app >> 4 & 1)
        if understood and function >= 128:
            iin = -1
    if not understood:
        out.fault(Fault.FUNCTION, "undefined application function")
        return
    if (function < 128) != (control >> 7):
        out.fault(Fault.VALUE, "direction bit and function disagree")
    try:
        if iin < 0:
            iin = 0
            r.need(2)
        if iin != 0:
            out.ext_text(_IIN_TEXT, indications(iin >> 8, iin & 255))
        status = objects(r, out, function, unit)
    except Malformed as error:
        out.fault(error.args[0], error.args[1])
    # What became of a control, file operation or authentication says more than the error bits beside it.
    if function >= 128:
        out.status(status if status != 0 else iin & 0x3F)
