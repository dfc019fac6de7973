# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""Variables that S7comm addresses, and their values: read and write variable, cyclic data, variable tables.

An address becomes an item with the data type that it asks for; a value follows with it (writes, pushes) or comes alone
in the answer, where pairing joins item k with item k.
"""

from array import array

import cython

from sentinel.model import DType, Fault

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from parsers._s7comm_tables import NCK_AREAS, NCK_MODULES, OBJECTS, UNKNOWN_OBJECT
from sentinel.wire.reader import Malformed

_NONE = cython.declare(cython.int, int(DType.NONE))
_BOOL = cython.declare(cython.int, int(DType.BOOL))
_U8 = cython.declare(cython.int, int(DType.U8))
_U16 = cython.declare(cython.int, int(DType.U16))
_I16 = cython.declare(cython.int, int(DType.I16))
_U32 = cython.declare(cython.int, int(DType.U32))
_I32 = cython.declare(cython.int, int(DType.I32))
_F32 = cython.declare(cython.int, int(DType.F32))
_TEXT = cython.declare(cython.int, int(DType.TEXT))
_BYTES = cython.declare(cython.int, int(DType.BYTES))

_UNKNOWN = cython.declare(cython.int, UNKNOWN_OBJECT)

MAX_NAME_PARTS = 16
"""Most parts of a symbolic address that are named."""

# Data types of S7ANY pointers: transport size -> (DType, address step), 0 where the array rule below decides.
_ANY_TYPES = {
    1: (DType.BOOL, 1),  # BIT
    4: (DType.U16, 2),  # WORD
    5: (DType.I16, 2),  # INT
    6: (DType.U32, 4),  # DWORD
    7: (DType.I32, 4),  # DINT
    8: (DType.F32, 4),  # REAL
    9: (DType.U16, 2),  # DATE: days since 1990-01-01
    10: (DType.U32, 4),  # TIME_OF_DAY: ms
    11: (DType.I32, 4),  # TIME: ms
    12: (DType.U16, 2),  # S5TIME: BCD with its time base
    28: (DType.U16, 1),  # COUNTER: BCD; the address counts counters
    29: (DType.U16, 1),  # TIMER
}


def _packed() -> array:
    """DType | step << 8 for each transport size, 0 where it is not in the table."""
    packed = array("i", [0]) * 256
    for size, (dtype, step) in _ANY_TYPES.items():
        packed[size] = int(dtype) | step << 8
    return packed


_PACKED = cython.declare(cython.int[::1], _packed())
_KNOWN_AREA = cython.declare(cython.int[::1], array("i", [area in OBJECTS for area in range(256)]))


def closed(data) -> Reader:
    """A Reader over bytes to which none will be added: running past their end is malformed, not short."""
    r = Reader(data)
    r.narrow(r.left())
    return r


def addresses(r: Reader, out: Rows, count: cython.int):
    """The addresses of a read request, `count` of them, each padded to an even length but the last."""
    n = cython.cast(cython.Py_ssize_t, count)
    for i in range(n):
        address(r, out, i == n - 1, n == 1)


@cython.cfunc
def address(r: Reader, out: Rows, last: cython.bint, single: cython.bint) -> cython.int:
    """One address: an item, and for the only one the target of the message. Returns its DType | step << 8."""
    at = r.pos
    if r.end - at >= 12 and r.data[at] == 0x12 and r.data[at + 1] == 10 and r.data[at + 2] == 0x10:
        r.pos = at + 12
        return _any(r, out, at + 3, single)
    if r.u8() != 0x12:
        raise Malformed(Fault.IDENTIFIER, "variable specification")
    length = r.u8()
    start = r.pos
    saved = r.narrow(length)
    syntax = r.u8()
    if syntax == 0xB0 and length >= 7:
        packed = _db_read(r, out)
    elif syntax == 0xB2 and length >= 14:
        packed = _symbol(r, out)
    elif 0x82 <= syntax <= 0x84 and length == 8:
        packed = _nck(r, out, syntax)
    elif syntax == 0xA2 and length == 10:
        packed = _drive(r, out)
    else:
        out.item(UNKNOWN_OBJECT, -1, -1, -1)
        out.item_name(f"syntax 0x{syntax:02x}")
        packed = _BYTES
        out.item_dtype(_BYTES, 0)
    r.pos = start + length
    r.widen(saved)
    if length & 1 and not last:
        r.skip(1)
    return packed


@cython.cfunc
def _any(r: Reader, out: Rows, at: cython.Py_ssize_t, single: cython.bint) -> cython.int:
    """S7ANY, nine bytes at `at`: transport size, count, data block, area, address of the bit (or number of a timer)."""
    size: cython.int = r.data[at]
    quantity: cython.int = r.data[at + 1] << 8 | r.data[at + 2]
    number: cython.int = r.data[at + 3] << 8 | r.data[at + 4]
    area: cython.int = r.data[at + 5]
    pointer: cython.int = r.data[at + 6] << 16 | r.data[at + 7] << 8 | r.data[at + 8]
    block: cython.longlong = -1
    bit: cython.longlong = -1
    place: cython.longlong = pointer
    if area == 0x84 or area == 0x85 or area == 0x01:  # a data record has its index where the block stands
        block = number
    if area > 0x1F or (area > 0x01 and area < 0x1C):
        place = pointer >> 3
        if size == 1 or pointer & 7:
            bit = pointer & 7
    if not _KNOWN_AREA[area]:
        out.fault(Fault.VALUE, "memory area")
        area = _UNKNOWN
    packed: cython.int = _PACKED[size]
    if packed == 0:
        # Bytes: a few are numbers, many are a structure that the protocol does not tell; characters are text.
        if size == 2 or size == 3:
            packed = _U8 | 0x100 if quantity <= 4 else (_BYTES if size == 2 else _TEXT)
        else:
            packed = _BYTES
    out.variable(area, block, place, bit, quantity, packed & 0xFF, packed >> 8)
    if single:
        out.target(area, place, quantity)
        if block >= 0:
            out.block(block)
    return packed


@cython.cfunc
def _db_read(r: Reader, out: Rows) -> cython.int:
    """DB read of the S7-400: several stretches of data blocks in one address."""
    count = r.u8()
    if count == 0:
        out.item(0x84, -1, -1, 0)
    for _ in range(count):
        size = r.u8()
        block = r.u16()
        place = r.u16()
        out.item(0x84, block, place, size)
        out.item_dtype(_BYTES, 0)
    return _BYTES


_SYMBOL_AREAS = {0x50: 0x81, 0x51: 0x82, 0x52: 0x83, 0x53: 0x1C, 0x54: 0x1D}


@cython.cfunc
def _symbol(r: Reader, out: Rows) -> cython.int:
    """Symbolic address of the S7-1200: area, check value of the symbol, identifiers of its parts."""
    r.skip(1)
    root = r.u16()
    detail = r.u16()
    check = r.u32()
    if root == 0x8A0E:
        out.item(0x84, detail, -1, -1)
    else:
        out.item(_SYMBOL_AREAS.get(detail, 0x1B2) if root == 0 else 0x1B2, -1, -1, -1)
    parts: list[str] = []
    while r.left() >= 4:
        part = r.u32()
        if len(parts) < MAX_NAME_PARTS:
            parts.append(f"{part >> 28:x}:{part & 0xFFFFFFF}")
    out.item_name(f"symbol 0x{check:08x} {'.'.join(parts)}")
    out.item_dtype(_BYTES, 0)
    return _BYTES


@cython.cfunc
def _nck(r: Reader, out: Rows, syntax: cython.int) -> cython.int:
    """SINUMERIK variable: area and unit, column, line, module, count of lines."""
    unit = r.u8()
    column = r.u16()
    line = r.u16()
    module = r.u8()
    lines = r.u8()
    out.item(0x100 | syntax, module, column, lines)
    name = NCK_MODULES.get(module, f"0x{module:02x}")
    out.item_name(f"{NCK_AREAS[unit >> 5]}{unit & 0x1F}/{name}/{column}[{line}]")
    out.item_dtype(_BYTES, 0)
    return _BYTES


@cython.cfunc
def _drive(r: Reader, out: Rows) -> cython.int:
    """Parameter of a drive behind the station (Drive ES): its number and index."""
    r.skip(3)
    device = r.u16()
    parameter = r.u16()
    index = r.u16()
    out.item(0x1A2, device, parameter, index)
    out.item_name(f"p{parameter}[{index}]")
    out.item_dtype(_BYTES, 0)
    return _BYTES


def values(r: Reader, out: Rows, count: cython.int):
    """The values of an answer that carries no addresses: an item each, read as its request says."""
    size = r.peek(1)
    if size == 0x11 or size == 0x12:
        # SINUMERIK: an array of the addresses that were asked for follows instead.
        r.skip(2)
        addresses(r, out, count)
        return
    n = cython.cast(cython.Py_ssize_t, count)
    for i in range(n):
        out.item(-1, -1, -1, -1)
        _value(r, out, i == n - 1, _NONE, True)


def written(r: Reader, out: Rows, specs: Reader, count: cython.int, answer: cython.bint):
    """Addresses at `specs` with their values at `r`: what is written, or (`answer`) what a job reports."""
    for i in range(count):
        last = i == count - 1
        before = out.item_count
        packed = address(specs, out, last, count == 1)
        if r.left() > 0:
            _value(r, out, last, packed if out.item_count == before + 1 else _BYTES, answer)
        elif not answer:
            out.fault(Fault.COUNT, "fewer values than addresses")
            return


@cython.cfunc
def _value(r: Reader, out: Rows, last: cython.bint, packed: cython.int, answer: cython.bint) -> cython.int:
    """Return code, transport size, length and data of the item just begun; padded to even but the last.

    In an answer the return code is the item's status; in a request it is reserved.
    """
    r.need(4)
    at = r.pos
    code: cython.int = r.data[at]
    size: cython.int = r.data[at + 1]
    told: cython.int = r.data[at + 2] << 8 | r.data[at + 3]
    r.pos = at + 4
    if answer:
        out.item_status(code)
        if code != 0xFF:
            return 0  # no data stand with a refusal
    n = told
    if 3 <= size <= 5:  # bit, byte and integer data: the length is in bits
        n = (told + 7) >> 3
    out.item_values(r, n, packed & 0xFF, packed >> 8)
    if n & 1 and not last and r.left() > 0:
        r.skip(1)
    return 0


def value(r: Reader, out: Rows, last: cython.bint, packed: cython.int, answer: cython.bint):
    """One value, for other modules: see `_value`."""
    _value(r, out, last, packed, answer)


def statuses(r: Reader, out: Rows, count: cython.int):
    """The return codes of a write answer, one byte each."""
    for _ in range(count):
        out.item(-1, -1, -1, -1)
        out.item_status(r.u8())


# --- variable tables (test and installation functions) -------------------------------------------------------------

# High nibble of a test address -> area code; the low nibble is the width (0 bit, 1 byte, 2 word, 3 double word).
_TIS_AREAS = {0: 0x83, 1: 0x81, 2: 0x82, 3: 0x80, 5: 0x1D, 6: 0x1C, 7: 0x84}


@cython.cfunc
def tis_address(r: Reader, out: Rows, single: cython.bint) -> cython.int:
    """One address of a variable table, six bytes: an item. Returns its DType | step << 8."""
    area = r.u8()
    factor = r.u8()  # how many, or the number of the bit
    number = r.u16()
    place = r.u16()
    width = area & 0x0F
    kind = _TIS_AREAS.get(area >> 4, UNKNOWN_OBJECT)
    block = number if kind == 0x84 else -1
    quantity = factor if width else 1
    out.item(kind, block, place, quantity)
    if kind == 0x1C or kind == 0x1D:
        packed = _U16 | 0x100
    elif width == 0:
        out.item_bit(factor & 7)
        packed = _BOOL | 0x100
    elif width == 1:
        packed = _U8 | 0x100 if quantity <= 4 else _BYTES
    elif width == 2:
        packed = _U16 | 0x200
    elif width == 3:
        packed = _U32 | 0x400
    else:
        packed = _BYTES
    out.item_dtype(packed & 0xFF, packed >> 8)
    if single:
        out.target(kind, place, quantity)
        if block >= 0:
            out.block(block)
    return packed


def tis_addresses(r: Reader, out: Rows, count: cython.int):
    """The addresses of a variable table that is only watched."""
    for _ in range(count):
        tis_address(r, out, count == 1)


def tis_written(r: Reader, out: Rows, specs: Reader, count: cython.int, answer: cython.bint):
    """Addresses of a variable table at `specs` with their values at `r`."""
    for _ in range(count):
        packed = tis_address(specs, out, count == 1)
        _value(r, out, False, packed, answer)


def tis_values(r: Reader, out: Rows, count: cython.int):
    """Values of a variable table whose addresses were not seen."""
    for _ in range(count):
        out.item(-1, -1, -1, -1)
        _value(r, out, False, _NONE, True)
