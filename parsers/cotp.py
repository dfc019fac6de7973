# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""ISO transport on TCP: TPKT and COTP class 0. Source: RFC 1006, RFC 2126; ITU-T X.224 (ISO/IEC 8073).

A carrier: the user data of DT TPDUs, put together up to the end mark, goes to the protocol that it is (S7comm, MMS).
Rows of its own are written for everything else: connecting, refusing, disconnecting, errors, and TPDUs that class 0
does not know. The two transport selectors of a connection stay in `out.shared["cotp"]` as (calling, called), bytes.
"""

import cython

from sentinel.model import Activity, Direction, Extra, Fault, Kind, Operation, Verdict

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from sentinel.wire.reader import Malformed

NAME = "cotp"
TITLE = "ISO transport on TCP (TPKT, COTP)"
TRANSPORTS = ("tcp",)
PORTS = {"tcp": (102,)}
STREAM_CAP = 65536

# X.224 13.1, table 8: the high nibble of the second byte (DT, ED and those of classes 1 to 4 may carry a credit below).
CR = 0xE0
CC = 0xD0
DR = 0x80
DC = 0xC0
ER = 0x70
ED = 0x10
DT = 0xF0
UNKNOWN = 1  # no TPDU code has this for its high nibble

_S = Activity.SESSION
OPERATIONS = {
    CR: Operation("connect_request", "Connection request (CR)", _S),
    CC: Operation("connect_confirm", "Connection confirm (CC)", _S),
    DR: Operation("disconnect_request", "Disconnect request (DR)", _S),
    DC: Operation("disconnect_confirm", "Disconnect confirm (DC)", _S),
    ER: Operation("tpdu_error", "TPDU error (ER)", Activity.OTHER),
    ED: Operation("expedited_data", "Expedited data (ED)", Activity.OTHER),
    0x20: Operation("expedited_acknowledge", "Expedited data acknowledgement (EA)", Activity.OTHER),
    0x50: Operation("reject", "Reject (RJ)", Activity.OTHER),
    0x60: Operation("data_acknowledge", "Data acknowledgement (AK)", Activity.OTHER),
    UNKNOWN: Operation("tpdu_unknown", "TPDU type that X.224 does not define", Activity.OTHER),
}

OBJECTS: dict[int, str] = {}

# X.224 13.5.3 d), reasons of a DR (128 and above: not for class 0 only).
STATUSES = {
    0: "Reason not specified",
    1: "Congestion at TSAP",
    2: "Session entity not attached to TSAP",
    3: "Address unknown",
    128: "Normal disconnect initiated by session entity",
    129: "Remote transport entity congestion at connect request time",
    130: "Connection negotiation failed",
    131: "Duplicate source reference for the same pair of NSAPs",
    132: "Mismatched references",
    133: "Protocol error",
    135: "Reference overflow",
    136: "Connection request refused on this network connection",
    138: "Header or parameter length invalid",
}

TABLE = (
    Extra("tpdu", "u8", "Type of the TPDU: the high nibble of its code."),
    Extra("source_reference", "u16", "Reference that the sender gave to the connection."),
    Extra("destination_reference", "u16", "Reference that the receiver gave to the connection."),
    Extra("transport_class", "u8", "Preferred (CR) or selected (CC) transport class."),
    Extra("tpdu_size", "i32", "Largest TPDU proposed or selected.", "byte"),
    Extra("calling_tsap", "text", "Transport selector of the side that connects: text, or hexadecimal."),
    Extra("called_tsap", "text", "Transport selector of the side connected to: text, or hexadecimal."),
    Extra("reason", "u8", "Reason of a DR, or reject cause of an ER."),
)
_TPDU = cython.declare(cython.int, 0)
_SOURCE = cython.declare(cython.int, 1)
_DESTINATION = cython.declare(cython.int, 2)
_CLASS = cython.declare(cython.int, 3)
_SIZE = cython.declare(cython.int, 4)
_CALLING = cython.declare(cython.int, 5)
_CALLED = cython.declare(cython.int, 6)
_REASON = cython.declare(cython.int, 7)

MAX_SPAN = 1 << 17
"""Most user data that is put together from fragments: more than the largest PDU that S7comm's header can tell."""

MAX_TSAP = 32
"""Longest transport selector that is kept (X.224 8.5.2.2: 32 octets)."""

# A TPKT is never shorter than its own four bytes and the shortest TPDU, a DT without data (RFC 1006 section 6).
_MIN_TPKT = cython.declare(cython.int, 7)


def probe(r: Reader, direction: int) -> int:
    """Is this a TPKT with a COTP TPDU in it? YES only for S7comm in a DT, MAYBE for other users of COTP."""
    if r.left() < 4:
        if r.left() > 0 and r.peek(0) != 3:
            return Verdict.NO
        r.need(4)
    length = r.peek16(2)
    if r.peek16(0) != 0x0300 or length < 7:
        return Verdict.NO
    if r.left() < 7:
        r.need(7)
    indicator = r.peek(4)
    if indicator < 2 or indicator > length - 5 or indicator == 255:
        return Verdict.NO
    code = r.peek(5)
    if code == 0xF0:
        return _probe_data(r, length, indicator)
    if code == 0xE0 or code == 0xD0:
        return _probe_connect(r, indicator)
    return Verdict.NO


def _probe_data(r: Reader, length: int, indicator: int) -> int:
    """Whose user data is in this DT? RDP's (T.125) and T.120's are not ours."""
    # X.224 13.7.1: class 0 has two bytes after the indicator; the second is the end mark and a number that is zero.
    if indicator != 2 or r.peek(6) & 0x7F:
        return Verdict.NO
    whole = r.peek(6) == 0x80
    size = length - 7
    if size == 0:
        return Verdict.NO if whole else Verdict.MAYBE
    have = 10 if size > 10 else size
    r.need(7 + have)
    first = r.peek(7)
    if first == 0x32:
        return _probe_s7(r, size, whole)
    # S7comm-plus; then session SPDUs of ISO 8327-1: GIVE TOKENS + DATA, CONNECT, ACCEPT, REFUSE, FINISH and so on.
    if first == 0x72:
        second = r.peek(8)
        return Verdict.MAYBE if second in (1, 2, 3, 0xFE) else Verdict.NO
    if first == 1:
        return Verdict.MAYBE if r.peek16(7) == 0x0100 and r.peek16(9) == 0x0100 else Verdict.NO
    if first in (0x0D, 0x0E, 0x0C, 0x09, 0x0A, 0x19):
        # The length byte of an SPDU covers its parameters only, which go to the end of the TSDU.
        spdu = r.peek(8)
        return Verdict.MAYBE if spdu == size - 2 or spdu == 255 or not whole else Verdict.NO
    return Verdict.NO


def _probe_s7(r: Reader, size: int, whole: bool) -> int:
    """Does an S7comm header stand behind the DT header, and do its lengths fill the TPDU?"""
    if size < 10:
        return Verdict.NO if whole else Verdict.MAYBE
    kind = r.peek(8)
    if kind not in (1, 2, 3, 7):
        return Verdict.NO
    header = 12 if kind == 2 or kind == 3 else 10
    told = header + r.peek16(13) + r.peek16(15)
    if (whole and told != size) or told < size:
        return Verdict.NO
    return Verdict.YES if r.peek16(9) == 0 else Verdict.MAYBE


def _probe_connect(r: Reader, indicator: int) -> int:
    """CR and CC of class 0 with at least one transport selector; RDP's has a cookie or none at all."""
    if indicator < 6:
        return Verdict.NO
    r.need(5 + indicator)
    # X.224 13.3.3: credit 0, class 0 in the high nibble; a CR knows no reference of the other side yet.
    if r.peek(10) >> 4 or (r.peek(5) == 0xE0 and r.peek16(6) != 0):
        return Verdict.NO
    at = 11
    end = 5 + indicator
    selectors = 0
    while at < end:
        code = r.peek(at)
        size = r.peek(at + 1)
        if code < 0xC0 or size < 0 or at + 2 + size > end:
            return Verdict.NO
        if code == 0xC1 or code == 0xC2:
            selectors += 1
        at += 2 + size
    return Verdict.MAYBE if selectors > 0 else Verdict.NO


def orient(r: Reader) -> int:
    """CR goes to the server, CC to the client; a DT with S7comm as its ROSCTR and function tell."""
    code = r.peek(5)
    if code == 0xE0:
        return Direction.TO_SERVER
    if code == 0xD0:
        return Direction.TO_CLIENT
    if code != 0xF0 or r.peek(4) != 2 or r.peek(7) != 0x32:
        return Direction.UNKNOWN
    kind = r.peek(8)
    if kind == 1 or kind == 3:
        # The station that was told to take a download asks for its blocks: these two jobs go the other way.
        function = r.peek(17 if kind == 1 else 19)
        fetched = function == 0x1B or function == 0x1C
        return Direction.TO_CLIENT if (kind == 3) != fetched else Direction.TO_SERVER
    if kind == 7:
        how = r.peek(22)
        if how < 0 or how & 0x3F == 6 or how & 0x3F == 0x3F:  # block send and NC programs go both ways
            return Direction.UNKNOWN
        if how >> 6 == 1:
            return Direction.TO_SERVER
        if how >> 6 == 2:
            return Direction.TO_CLIENT
    return Direction.UNKNOWN


def outline(r: Reader) -> bool:
    """Whether the bytes are TPKTs whose lengths lead to the next one and to the end, whatever TPDUs they hold."""
    while r.left() > 0:
        length = r.peek16(2)
        if r.peek16(0) != 0x0300 or length < 7 or r.left() < length:
            return False
        r.skip(length)
    return True


def parse(r: Reader, out: Rows) -> None:
    """One TPKT with one TPDU; Short until all of it is there, Malformed where the framing itself is wrong."""
    start = r.pos
    if r.peek(0) != 3:
        r.need(1)
        raise Malformed(Fault.IDENTIFIER, "TPKT version")
    if r.peek(1) != 0:
        r.need(2)
        raise Malformed(Fault.IDENTIFIER, "TPKT reserved byte")
    r.need(4)
    length: cython.Py_ssize_t = r.data[start + 2] << 8 | r.data[start + 3]
    if length < _MIN_TPKT:
        raise Malformed(Fault.LENGTH, "TPKT shorter than any TPDU")
    r.need(length)
    r.pos = start + 4
    saved = r.narrow(length - 4)
    end = start + length
    depth = r.narrowed
    indicator = r.u8()
    code = r.peek(0)
    if indicator < 2 or indicator == 255 or indicator > r.left():
        r.widen(saved)
        raise Malformed(Fault.LENGTH, "length indicator of the TPDU")
    if code == 0xF0:
        _data(r, out, indicator)
    else:
        _control(r, out, code, indicator)
    # Whatever became of the content, the next TPKT stands where this one's length says.
    r.pos = end
    r.narrowed = depth
    r.widen(saved)


@cython.cfunc
def _data(r: Reader, out: Rows, indicator: cython.int) -> cython.int:
    """A DT: hand its user data on, or keep it until the fragment with the end mark comes (X.224 6.3, 13.7)."""
    r.skip(1)
    if indicator > 2:
        # Classes 2 to 4 put the destination reference before the number; RFC 1006 has class 0 only.
        r.skip(indicator - 2)
        out.trouble(Fault.IDENTIFIER, "DT of another transport class", out.offset)
    last = r.u8() & 0x80
    size = r.left()
    slot = out.slot
    kept = slot.get("cotp") if slot else None
    if last and kept is None:
        if size > 0:
            out.hand(r, size, "")
        return 0
    if kept is None:
        if size == 0:  # an empty DT without end mark: keep-alive of some Siemens stations
            return 0
        kept = slot["cotp"] = [bytearray(), out.frame, False]
    span = kept[0]
    if kept[2] or len(span) + size > MAX_SPAN:
        if not kept[2]:
            out.trouble(Fault.TOO_LARGE, "fragments of a TSDU", out.offset)
            out.grow(-len(span))
            kept[0] = bytearray()
            kept[2] = True
    else:
        span += r.take(size)
        out.grow(size)
    if not last:
        return 0
    del slot["cotp"]
    out.grow(-len(kept[0]))
    if kept[2] or not span:
        return 0
    out.since = kept[1]
    whole = Reader(bytes(span))
    whole.narrow(len(span))  # nothing more will come: running past the end is malformed, not short
    out.hand(whole, len(span), "")
    return 0


def _control(r: Reader, out: Rows, code: int, indicator: int) -> None:
    """Every TPDU but DT: a row with what its fixed and variable part tell."""
    kind = code & 0xF0
    out.message(Kind.LINK, code, kind if kind in OPERATIONS else UNKNOWN)
    out.ext(_TPDU, kind)
    saved = r.narrow(indicator)
    try:
        r.skip(1)
        if kind == CR or kind == CC:
            _connect(r, out, kind)
        elif kind == DR:
            _disconnect(r, out)
        elif kind == DC:
            out.ext(_DESTINATION, r.u16())
            out.ext(_SOURCE, r.u16())
            _parameters(r, out, kind)
        elif kind == ER:
            out.kind(Kind.EXCEPTION)
            out.ext(_DESTINATION, r.u16())
            cause = r.u8()
            out.ext(_REASON, cause)
            _parameters(r, out, kind)
        else:
            # X.224 table 8: ED, EA, RJ and AK are not of class 0.
            out.fault(Fault.FUNCTION, "TPDU type not of class 0")
    except Malformed as wrong:
        out.fault(wrong.args[0], wrong.args[1])
    r.widen(saved)


def _connect(r: Reader, out: Rows, kind: int) -> None:
    """CR and CC: references, class, selectors (X.224 13.3, 13.4). The reference of the caller joins the two."""
    destination = r.u16()
    source = r.u16()
    options = r.u8()
    out.ext(_DESTINATION, destination)
    out.ext(_SOURCE, source)
    out.ext(_CLASS, options >> 4)
    out.kind(Kind.REQUEST if kind == CR else Kind.RESPONSE)
    out.transaction(source if kind == CR else destination)
    out.shape(1)
    if kind == CC:
        out.status(0)
    if kind == CR and destination != 0:
        out.fault(Fault.VALUE, "destination reference in a CR")
    _parameters(r, out, kind)


def _disconnect(r: Reader, out: Rows) -> None:
    """DR: a refusal where it carries no reference of its own, else the end of the connection (X.224 13.5)."""
    destination = r.u16()
    source = r.u16()
    reason = r.u8()
    out.ext(_DESTINATION, destination)
    out.ext(_SOURCE, source)
    out.ext(_REASON, reason)
    out.status(reason)
    if source == 0:
        out.kind(Kind.EXCEPTION)
        out.transaction(destination)
        out.shape(1)
    _parameters(r, out, DR)


def _parameters(r: Reader, out: Rows, kind: int) -> None:
    """The variable part: code, length, value (X.224 13.2.3); a CR without selector is RFC 1006 traffic all the same."""
    calling = b""
    called = b""
    while r.left() > 0:
        code = r.u8()
        size = r.u8()
        value = r.take(size)
        if kind != CR and kind != CC:
            continue  # DR and DC: additional information; ER: the TPDU that was refused
        if code == 0xC0:
            # X.224 13.3.4 b): 128 to 8192 octets as a power of two.
            exponent = value[0] if size == 1 else 0
            if 7 <= exponent <= 16:
                out.ext(_SIZE, 1 << exponent)
            else:
                out.fault(Fault.VALUE, "TPDU size")
        elif code == 0xC1:
            calling = value
            out.ext_text(_CALLING, selector(value))
        elif code == 0xC2:
            called = value
            out.ext_text(_CALLED, selector(value))
        elif code == 0xF0 and 0 < size <= 4:
            # Preferred maximum TPDU size, in units of 128 octets.
            out.ext(_SIZE, min(int.from_bytes(value, "big") * 128, 0x7FFFFFFF))
        if (code == 0xC1 or code == 0xC2) and size > MAX_TSAP:
            out.fault(Fault.LENGTH, "transport selector longer than 32 octets")
    if kind == CC:
        # A CC may leave out what it does not change (X.224 13.4.4).
        before = out.shared.get("cotp", (b"", b""))
        calling = calling or before[0]
        called = called or before[1]
    if kind == CR or kind == CC:
        out.shared["cotp"] = (calling[:MAX_TSAP], called[:MAX_TSAP])


def selector(value) -> str:
    """A transport selector as people write it: text where all of it is printable, else hexadecimal."""
    value = bytes(value[:MAX_TSAP])
    if len(value) > 2 and all(0x20 <= c < 0x7F for c in value):
        return value.decode("ascii")
    return value.hex()
