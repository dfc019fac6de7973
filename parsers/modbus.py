# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""Modbus over TCP and UDP with the MBAP header, and RTU and ASCII frames over either, on any port.

Source: MODBUS Application Protocol V1.1b3 (clause 6: functions, 7: exceptions); MODBUS Messaging on TCP/IP V1.0b
(clause 3.1.3: MBAP); MODBUS over Serial Line V1.02 (clause 2.5: RTU and ASCII). CANopen General Reference (43/13) as
CiA 309-2 lays it out. UMAS (function 90) is handed on.

Addresses are those on the wire: zero based, per object type, so holding register 0 is what manuals call 40001. The
object of a CANopen General Reference has the address index * 256 + sub-index, its block is the CANopen node. A FIFO
queue has one address, its pointer; all its values are points of that address. The number of a read answer's registers
follows from its bytes; an answer with coils does not say how many, its request does.
"""

import cython

from parsers._modbus_frame import decode_ascii, lrc, mbap_length, orient, outline, probe, rtu_end, way
from parsers._modbus_tables import (
    CANOPEN_READ,
    CANOPEN_WRITE,
    DIAGNOSTICS_RESERVED,
    OBJECTS,
    OPERATIONS,
    RESERVED,
    STATUSES,
    TABLE,
    USER_DEFINED,
)
from sentinel.model import Fault
from sentinel.wire.reader import Malformed

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows

__all__ = ["OBJECTS", "OPERATIONS", "STATUSES", "TABLE", "orient", "outline", "parse", "probe"]

NAME = "modbus"
TITLE = "Modbus"
TRANSPORTS = ("tcp", "udp")
PORTS = {"tcp": (502,), "udp": (502,)}
STREAM_CAP = 2048

MAX_DATA = 64
"""Bytes of unstructured data that are kept as text."""

# 6.21: what an identification object tells, by its number: vendor name, product code, revision, URL, product name,
# model name, user application name.
IDENTITY = (
    (("vendor", 0.95),),
    (("order_number", 0.9), ("model", 0.6)),
    (("firmware", 0.9),),
    (("url", 0.95),),
    (("model", 0.85),),
    (("model", 0.95),),
    (("name", 0.9),),
)

# Columns of TABLE.
_FRAMING = cython.declare(cython.int, 0)
_BYTE_COUNT = cython.declare(cython.int, 1)
_VALUE = cython.declare(cython.int, 2)
_AND_MASK = cython.declare(cython.int, 3)
_OR_MASK = cython.declare(cython.int, 4)
_SUBFUNCTION = cython.declare(cython.int, 5)
_DATA = cython.declare(cython.int, 6)
_EXCEPTION_STATUS = cython.declare(cython.int, 7)
_COMM_STATUS = cython.declare(cython.int, 8)
_EVENT_COUNT = cython.declare(cython.int, 9)
_MESSAGE_COUNT = cython.declare(cython.int, 10)
_RUN_INDICATOR = cython.declare(cython.int, 11)
_MEI = cython.declare(cython.int, 12)
_DEVICE_ID_CODE = cython.declare(cython.int, 13)
_CONFORMITY = cython.declare(cython.int, 14)
_MORE_FOLLOWS = cython.declare(cython.int, 15)
_NEXT_OBJECT = cython.declare(cython.int, 16)
_UMAS_FUNCTION = cython.declare(cython.int, 17)
_CHECKSUM = cython.declare(cython.int, 18)

# Members of DType, Kind and keys of OBJECTS.
_BIT = cython.declare(cython.int, 1)
_BOOL = cython.declare(cython.int, 2)
_U16 = cython.declare(cython.int, 5)
_AS_ASKED = cython.declare(cython.int, 0)
_REQUEST = cython.declare(cython.int, 1)
_RESPONSE = cython.declare(cython.int, 2)
_EXCEPTION = cython.declare(cython.int, 3)
_COIL = cython.declare(cython.int, 1)
_HOLDING = cython.declare(cython.int, 3)
_FILE_RECORD = cython.declare(cython.int, 5)
_FIFO = cython.declare(cython.int, 6)
_IDENTIFICATION = cython.declare(cython.int, 7)
_CANOPEN = cython.declare(cython.int, 8)

# The ways a PDU is framed.
_MBAP = cython.declare(cython.int, 0)
_RTU = cython.declare(cython.int, 1)
_ASCII = cython.declare(cython.int, 2)


def parse(r: Reader, out: Rows) -> None:
    """Reads one ADU. The two shapes that make up nearly all traffic, a read and its answer, are read right here."""
    if out.shared:
        framing = out.shared.get("framing")
        if framing == "rtu":
            return _rtu(r, out)
        if framing == "ascii":
            return _ascii(r, out)
    left = r.left()
    if left >= 10 and r.peek16(2) == 0:
        length = r.peek16(4)
        function = r.peek(7)
        if 1 <= function <= 4:
            if out.direction == 0:
                quantity = r.peek16(10)
                if length == 6 and left >= 12 and 1 <= quantity <= (2000 if function <= 2 else 125):
                    # 6.1 to 6.4, request: address, quantity; the function code is also the key of the object
                    out.message(_REQUEST, function, function)
                    out.pairing(r.peek(6), r.peek16(0), function)
                    out.target(function, r.peek16(8), quantity)
                    out.dtype(_BIT if function <= 2 else _U16, 1)
                    r.skip(12)
                    return None
            else:
                count = r.peek(8)
                if length == count + 3 and left >= count + 9 and count > 0 and (function <= 2 or count % 2 == 0):
                    # 6.1 to 6.4, response: byte count, coils or registers
                    out.message(_RESPONSE, function, function)
                    out.pairing(r.peek(6), r.peek16(0), function)
                    out.target(function, -1, -1 if function <= 2 else count // 2)
                    out.ext(_BYTE_COUNT, count)
                    r.skip(9)
                    out.values(r, count, _AS_ASKED, 1)
                    return None
    return _any_framing(r, out)


# -- framing ---------------------------------------------------------------------------------------------------------


@cython.cfunc
def _any_framing(r: Reader, out: Rows) -> object:
    """Reads an ADU whose framing only its own bytes tell; an MBAP header and an RTU frame can begin alike.

    A PDU that is possible one way only is read that way, unless the flow tells who asks: then it breaks the standard.
    """
    length: cython.Py_ssize_t = mbap_length(r)
    if length > 0 and r.left() >= 6 + length:
        towards: cython.int = way(r, 7, length - 1, out.direction)
        if towards >= 0:
            return _mbap(r, out, length, out.direction if out.oriented else towards)
    if r.peek(0) == 58 and r.peek16(2) > 0:
        return _ascii(r, out)
    if rtu_end(r, out.direction, False) > 0:
        return _rtu(r, out)
    if length > 0:
        r.need(6 + length)
        return _mbap(r, out, length, out.direction)
    r.need(8)
    if r.peek16(2) != 0:
        raise Malformed(Fault.IDENTIFIER, "protocol identifier is not 0")
    raise Malformed(Fault.LENGTH, "length of the MBAP header")


@cython.cfunc
def _mbap(r: Reader, out: Rows, length: cython.Py_ssize_t, towards: cython.int) -> object:
    transaction = r.u16()
    r.skip(4)
    unit = r.u8()
    return _pdu(r, out, length - 1, unit, transaction, towards, _MBAP, 0)


@cython.cfunc
def _rtu(r: Reader, out: Rows) -> object:
    end: cython.Py_ssize_t = rtu_end(r, out.direction, True)
    if end < 0:
        r.need(r.left() + 1)
    if end <= 0:
        _forget(out)
        raise Malformed(Fault.CHECKSUM, "no RTU frame that ends with its CRC")
    _remember(out, "rtu")
    towards: cython.int = way(r, 1, end - 3, out.direction)
    crc = r.peek(end - 2) + 256 * r.peek(end - 1)
    unit = r.u8()
    _pdu(r, out, end - 3, unit, -1, towards if towards >= 0 else out.direction, _RTU, crc)
    r.skip(2)
    return None


@cython.cfunc
def _ascii(r: Reader, out: Rows) -> object:
    try:
        decoded = decode_ascii(r)
    except Malformed:
        _forget(out)
        raise
    if lrc(decoded[: len(decoded) - 1]) != decoded[len(decoded) - 1]:
        raise Malformed(Fault.CHECKSUM, "LRC of an ASCII frame")
    _remember(out, "ascii")
    q: Reader = Reader(decoded)
    size: cython.Py_ssize_t = len(decoded) - 2
    towards: cython.int = way(q, 1, size, out.direction)
    unit = q.u8()
    return _pdu(q, out, size, unit, -1, towards if towards >= 0 else out.direction, _ASCII, decoded[len(decoded) - 1])


def _remember(out: Rows, framing: str) -> None:
    if out.shared is not None:
        out.shared["framing"] = framing


def _forget(out: Rows) -> None:
    if out.shared is not None:
        out.shared.pop("framing", None)


@cython.cfunc
def _framed(out: Rows, framing: cython.int, checksum: cython.longlong) -> object:
    if framing != _MBAP:
        out.ext_text(_FRAMING, "rtu" if framing == _RTU else "ascii")
        out.ext(_CHECKSUM, checksum)
    return None


# -- the PDU ---------------------------------------------------------------------------------------------------------


@cython.cfunc
def _pdu(
    r: Reader,
    out: Rows,
    size: cython.Py_ssize_t,
    unit: cython.longlong,
    transaction: cython.longlong,
    towards: cython.int,
    framing: cython.int,
    checksum: cython.longlong,
) -> object:
    """Reads a PDU of `size` bytes at the cursor; whatever is wrong inside it becomes a fault of its row.

    `towards`: the direction of the flow, unless the PDU can only be read the other way.
    """
    saved = r.narrow(size)
    end = r.end
    depth = r.narrowed
    code = r.peek(0)
    asks = towards != 1
    refuses = not asks and code >= 128
    function = code & 127 if refuses else code
    r.skip(1)
    key = _operation(r, function, refuses)
    out.message(_REQUEST if asks else (_EXCEPTION if refuses else _RESPONSE), function, key)
    out.unit(unit)
    if transaction >= 0:
        out.transaction(transaction)
    out.shape(function)
    _framed(out, framing, checksum)
    faults = out.faults.n
    try:
        if refuses:
            _refusal(r, out)
        elif 1 <= function <= 6:
            _single(r, out, function, asks)
        elif function == 15 or function == 16 or function == 22 or function == 23:
            _multiple(r, out, function, asks)
        elif function == 20 or function == 21 or function == 24:
            _record(r, out, function, asks)
        elif function == 43:
            _encapsulated(r, out, unit, asks)
        elif function == 90:
            _umas(r, out)
        elif function == 7 or function == 8 or function == 11 or function == 12 or function == 17:
            _diagnose(r, out, function, unit, asks)
        else:
            _unknown(r, out, function)
        if r.pos < end and function != 90 and out.faults.n == faults:
            out.fault(Fault.TRAILING, "bytes after the last field")
    except Malformed as bad:
        out.fault(bad.args[0], bad.args[1])
    # a field that ran past a length inside the PDU left the reader confined to that length
    r.end = end
    r.narrowed = depth
    if function == 90 and not refuses and end - r.pos >= 2:
        out.hand(r, end - r.pos, "umas")
    r.pos = end
    r.widen(saved)
    return None


@cython.cfunc
def _operation(r: Reader, function: cython.int, refuses: cython.bint) -> cython.int:
    """Key of OPERATIONS for the function whose data stand at the cursor; an exception has no data to tell more."""
    if function == 8 and not refuses:
        sub = r.peek16(0)
        if sub < 0:
            return 8
        return 2048 + sub if sub <= 4 or 10 <= sub <= 18 or sub == 20 else DIAGNOSTICS_RESERVED
    if function == 43 and not refuses:
        mei = r.peek(0)
        if mei == 13 and r.left() >= 11:
            return CANOPEN_WRITE if r.peek(1) & 1 else CANOPEN_READ
        return 11008 + mei if mei == 13 or mei == 14 else 43
    if 65 <= function <= 72 or 100 <= function <= 110:
        return USER_DEFINED
    return function if function < 128 and function in OPERATIONS else RESERVED


@cython.cfunc
def _refusal(r: Reader, out: Rows) -> object:
    # 7: one byte tells why
    code = r.u8()
    out.status(code)
    if code not in STATUSES:
        out.fault(Fault.VALUE, "exception code")
    return None


@cython.cfunc
def _counted(r: Reader, out: Rows) -> cython.longlong:
    """The byte count at the cursor, never more than what is there."""
    count = r.u8()
    out.ext(_BYTE_COUNT, count)
    left = r.left()
    if count <= left:
        return count
    out.fault(Fault.LENGTH, "byte count goes beyond the message")
    return left


@cython.cfunc
def _registers(r: Reader, out: Rows) -> cython.longlong:
    """The byte count of whole registers at the cursor, never more than what is there."""
    count = _counted(r, out)
    if count % 2 == 1:
        out.fault(Fault.COUNT, "byte count of registers is odd")
    elif count == 0:
        out.fault(Fault.COUNT, "no data")
    return count - count % 2


@cython.cfunc
def _single(r: Reader, out: Rows, function: cython.int, asks: cython.bint) -> object:
    """Functions 1 to 6: one address; or what was read there."""
    if function >= 5:  # 6.5, 6.6: the answer echoes the request
        out.target(_COIL if function == 5 else _HOLDING, r.u16(), 1)
        value = r.peek16(0)
        if value < 0:
            r.need(2)
        out.ext(_VALUE, value)
        if function == 5 and value != 0 and value != 0xFF00:
            out.fault(Fault.VALUE, "a coil is neither on nor off")
            r.skip(2)
        elif not asks:
            r.skip(2)
        elif function == 5:
            out.values(r, 1, _BOOL, 1)
            r.skip(1)
        else:
            out.values(r, 2, _U16, 1)
    elif asks:
        address = r.u16()
        quantity = r.u16()
        out.target(function, address, quantity)
        out.dtype(_BIT if function <= 2 else _U16, 1)
        if not 1 <= quantity <= (2000 if function <= 2 else 125):
            out.fault(Fault.COUNT, "quantity")
    elif function <= 2:
        count = _counted(r, out)
        out.target(function, -1, -1)
        if count == 0:
            out.fault(Fault.COUNT, "no data")
        out.values(r, count, _AS_ASKED, 1)
    else:
        count = _registers(r, out)
        out.target(function, -1, count // 2)
        out.values(r, count, _AS_ASKED, 1)
    return None


@cython.cfunc
def _multiple(r: Reader, out: Rows, function: cython.int, asks: cython.bint) -> object:
    """Functions 15, 16, 22 and 23: writes to more than one place, or to part of one."""
    if function == 22:  # 6.16: the answer echoes the request
        out.target(_HOLDING, r.u16(), 1)
        out.ext(_AND_MASK, r.u16())
        out.ext(_OR_MASK, r.u16())
        return None
    if function == 23:  # 6.17: item 0 is read, item 1 is written (first)
        if not asks:
            count = _registers(r, out)
            out.item(_HOLDING, -1, -1, count // 2)
            out.item_values(r, count, _AS_ASKED, 1)
            return None
        address = r.u16()
        quantity = r.u16()
        out.item(_HOLDING, -1, address, quantity)
        out.item_dtype(_U16, 1)
        if not 1 <= quantity <= 125:
            out.fault(Fault.COUNT, "quantity to read")
        address = r.u16()
        quantity = r.u16()
        out.item(_HOLDING, -1, address, quantity)
        count = _registers(r, out)
        if not 1 <= quantity <= 121 or count != 2 * quantity:
            out.fault(Fault.COUNT, "quantity to write")
        out.item_values(r, count, _U16, 1)
        return None
    address = r.u16()
    quantity = r.u16()
    out.target(_COIL if function == 15 else _HOLDING, address, quantity)
    if not 1 <= quantity <= (1968 if function == 15 else 123):
        out.fault(Fault.COUNT, "quantity")
    if not asks:
        return None
    if function == 15:  # 6.11
        count = _counted(r, out)
        if count != (quantity + 7) // 8:
            out.fault(Fault.COUNT, "byte count and quantity disagree")
        out.values(r, count, _BIT, 1)
    else:  # 6.12
        count = _registers(r, out)
        if count != 2 * quantity:
            out.fault(Fault.COUNT, "byte count and quantity disagree")
        out.values(r, count, _U16, 1)
    return None


@cython.cfunc
def _record(r: Reader, out: Rows, function: cython.int, asks: cython.bint) -> object:
    """Functions 20, 21 and 24: records of files, and a FIFO queue."""
    if function == 24:  # 6.18
        if asks:
            out.target(_FIFO, r.u16(), -1)
            out.dtype(_U16, 0)
            return None
        count = r.u16()
        quantity = r.u16()
        out.ext(_BYTE_COUNT, count)
        out.target(_FIFO, -1, quantity)
        if quantity > 31 or count != 2 + 2 * quantity:
            out.fault(Fault.COUNT, "FIFO count")
        out.values(r, min(2 * quantity, r.left() - r.left() % 2), _AS_ASKED, 0)
        return None
    count = _counted(r, out)
    if count == 0:
        out.fault(Fault.COUNT, "no sub-request")
    saved = r.narrow(count)
    while r.left() > 0:  # each turn takes two bytes or more of at most 255
        if function == 20 and not asks:  # 6.14: length, reference type, registers
            length = r.u8()
            _reference(r, out)
            out.item(_FILE_RECORD, -1, -1, (length - 1) // 2)
            if length % 2 == 0:
                raise Malformed(Fault.LENGTH, "length of a file sub-answer")
            out.item_values(r, length - 1, _AS_ASKED, 1)
            continue
        _reference(r, out)  # 6.14, 6.15: reference type, file, record, length, and what is written
        file = r.u16()
        record = r.u16()
        length = r.u16()
        out.item(_FILE_RECORD, file, record, length)
        if file == 0 or record > 9999:
            out.fault(Fault.VALUE, "file or record number")
        if function == 20:
            out.item_dtype(_U16, 1)
        elif asks:
            out.item_values(r, 2 * length, _U16, 1)
        else:
            r.skip(2 * length)
    r.widen(saved)
    return None


@cython.cfunc
def _reference(r: Reader, out: Rows) -> object:
    if r.u8() != 6:
        out.fault(Fault.VALUE, "reference type is not 6")
    return None


@cython.cfunc
def _diagnose(r: Reader, out: Rows, function: cython.int, unit: cython.longlong, asks: cython.bint) -> object:
    """Functions 7, 8, 11, 12 and 17: what a device tells of itself and of its serial line."""
    if function == 8:  # 6.8
        sub = r.u16()
        out.ext(_SUBFUNCTION, sub)
        if not (sub <= 4 or 10 <= sub <= 18 or sub == 20):
            out.fault(Fault.FUNCTION, "reserved diagnostics sub-function")
        elif sub != 0 and r.left() != 2 or r.left() % 2 == 1:
            out.fault(Fault.LENGTH, "diagnostics data")
        _data(r, out)
        return None
    if asks:  # functions 7, 11, 12 and 17 ask without a word
        return None
    if function == 7:  # 6.7
        out.ext(_EXCEPTION_STATUS, r.u8())
    elif function == 11:  # 6.9
        out.ext(_COMM_STATUS, r.u16())
        out.ext(_EVENT_COUNT, r.u16())
    elif function == 12:  # 6.10
        count = _counted(r, out)
        saved = r.narrow(count)
        out.ext(_COMM_STATUS, r.u16())
        out.ext(_EVENT_COUNT, r.u16())
        out.ext(_MESSAGE_COUNT, r.u16())
        _data(r, out)
        r.widen(saved)
    else:
        saved = r.narrow(_counted(r, out))
        _server_id(r, out, unit)
        r.widen(saved)
    return None


@cython.cfunc
def _server_id(r: Reader, out: Rows, unit: cython.longlong) -> object:
    """6.13: server id, run indicator, additional data; only the product knows how long the id is.

    The usual id is one byte, with the indicator behind it; some stacks send an id of many bytes and the indicator last.
    """
    said = r.slice(r.pos, r.end)
    indicator = -1
    if len(said) >= 2 and (said[1] == 0 or said[1] == 255):
        indicator = said[1]
        text = said[2:]
    elif len(said) >= 2 and (said[len(said) - 1] == 0 or said[len(said) - 1] == 255):
        indicator = said[len(said) - 1]
        text = said[: len(said) - 1]
    else:
        text = said
    _data(r, out)
    if indicator >= 0:
        out.ext(_RUN_INDICATOR, indicator)
        out.fact("state", "run" if indicator == 255 else "off", unit, 0.8)
    text = text.strip(b"\x00 ")
    if len(text) >= 3 and text.isascii() and text.decode("ascii").isprintable():
        out.fact("model", text, unit, 0.5)
    return None


@cython.cfunc
def _encapsulated(r: Reader, out: Rows, unit: cython.longlong, asks: cython.bint) -> object:
    """Function 43 (6.19): the MEI type tells what is inside."""
    mei = r.u8()
    out.ext(_MEI, mei)
    if mei == 13:
        _canopen(r, out, asks)
        return None
    if mei != 14:
        out.fault(Fault.FUNCTION, "reserved MEI type")
        _data(r, out)
        return None
    # 6.21
    code = r.u8()
    out.ext(_DEVICE_ID_CODE, code)
    if not 1 <= code <= 4:
        out.fault(Fault.VALUE, "read device ID code")
    if asks:
        out.target(_IDENTIFICATION, r.u8(), -1)
        return None
    conformity = r.u8()
    out.ext(_CONFORMITY, conformity)
    if not 1 <= conformity & 127 <= 3:
        out.fault(Fault.VALUE, "conformity level")
    more = r.u8()
    out.ext(_MORE_FOLLOWS, 0 if more == 0 else 1)
    if more != 0 and more != 255:
        out.fault(Fault.VALUE, "more follows")
    out.ext(_NEXT_OBJECT, r.u8())
    objects = r.u8()
    out.target(_IDENTIFICATION, -1, objects)
    _i: cython.int
    for _i in range(objects):  # at most 255, two bytes each at least
        number = r.u8()
        text = r.take(r.u8())
        out.item(_IDENTIFICATION, -1, number, len(text))
        out.item_name(text)
        if number <= 6:
            for kind, confidence in IDENTITY[number]:
                out.fact(kind, text, unit, confidence)
    return None


@cython.cfunc
def _canopen(r: Reader, out: Rows, asks: cython.bint) -> object:
    # CiA 309-2: option (bit 0: write), reserved, node, index, sub-index, start, count; then data, low byte first
    if r.left() < 10:
        _data(r, out)
        return None
    writes = r.u8() & 1
    r.skip(1)
    out.block(r.u8())
    out.target(_CANOPEN, 256 * r.peek16(0) + r.peek(2), r.peek16(5))
    r.skip(7)
    count = r.left()
    dtype = 13 if count == 2 else 15 if count == 4 else 3 if count == 1 else 20
    if count > 0 and (asks or not writes):
        out.values(r, count, dtype, 1)
    return None


@cython.cfunc
def _umas(r: Reader, out: Rows) -> object:
    # session key, function; what follows is for the parser of UMAS
    function = r.peek(1)
    if function < 0:
        r.need(2)
    out.ext(_UMAS_FUNCTION, function)
    return None


@cython.cfunc
def _unknown(r: Reader, out: Rows, function: cython.int) -> object:
    """Functions that are the product's own (5.1), and those that nobody may use (annex A)."""
    if not (65 <= function <= 72 or 100 <= function <= 110):
        out.fault(Fault.FUNCTION, "function that the standard reserves or does not assign")
    _data(r, out)
    return None


@cython.cfunc
def _data(r: Reader, out: Rows) -> object:
    """Keep the rest as hexadecimal text, as far as it is kept, and step over it."""
    left = r.left()
    if left > 0:
        out.ext_text(_DATA, r.slice(r.pos, r.pos + min(left, MAX_DATA)).hex())
        r.skip(left)
    return None
