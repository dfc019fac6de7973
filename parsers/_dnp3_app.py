# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""DNP3 application layer: object headers, and which objects follow them. Source: IEEE Std 1815-2012, clause 4."""

from array import array

import cython

from parsers._dnp3_objects import activation, attribute, authentication, file, statistic, string
from parsers._dnp3_tables import COLUMN, LAYOUTS, OBJECTS, READS, UNKNOWN_OBJECT, WRITES
from sentinel.model import Access, Fault

if cython.compiled:
    from cython.cimports.parsers._dnp3_points import controls, fixed, index
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from parsers._dnp3_points import controls, fixed, index
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from sentinel.wire.reader import Malformed

_HEADERS = cython.declare(cython.int, COLUMN["headers"])
_QUALIFIER = cython.declare(cython.int, COLUMN["qualifier"])
_CONTROLS = cython.declare(cython.int, COLUMN["controls"])
_READ = cython.declare(cython.int, int(Access.READ))
_WRITE = cython.declare(cython.int, int(Access.WRITE))
_REPORT = cython.declare(cython.int, int(Access.REPORT))


def _layouts() -> array:
    """The layout of each object (group << 8 | variation), -1 where it has none, -2 where nobody knows the object."""
    layouts = array("q", [-2]) * 65536
    for object in OBJECTS:
        layouts[object] = LAYOUTS.get(object, -1)
    return layouts


def _operations(groups: dict[int, int]) -> array:
    """The operation that reading or writing each group is, -1 where it is none of its own."""
    return array("i", [groups.get(group, -1) for group in range(256)])


_LAYOUTS = cython.declare(cython.longlong[::1], _layouts())
_READING = cython.declare(cython.int[::1], _operations(READS))
_WRITING = cython.declare(cython.int[::1], _operations(WRITES))

# Unsized authentication objects (group 120): octets of variations 3 and 4.
AGGRESSIVE_SIZE = 6
KEY_STATUS_REQUEST_SIZE = 2


def objects(r: Reader, out: Rows, function: cython.int, unit: cython.longlong):
    """Read all object headers and objects of a fragment; returns the first status that they carry, or 0.

    The Reader is narrowed to the fragment. Raises Malformed where an object's size cannot be known.
    """
    status: cython.longlong = 0
    common: cython.longlong = -1  # annex A, group 51: a common time holds for the rest of its fragment
    headers: cython.longlong = 0
    commands: cython.longlong = 0
    named: cython.bint = False
    proven: cython.bint = False
    answer: cython.bint = function >= 128
    access: cython.int = _WRITE if not answer else (_REPORT if function == 130 else _READ)
    start: cython.longlong
    count: cython.longlong
    object: cython.int
    layout: cython.longlong

    while r.left() > 0:
        group = r.u8()
        variation = r.u8()
        qualifier = r.u8()
        object = group << 8 | variation
        prefix: cython.int = qualifier >> 4
        code: cython.int = qualifier & 15
        headers += 1
        out.ext(_HEADERS, headers)
        if headers == 1:
            out.ext(_QUALIFIER, qualifier)

        # Clause 4, qualifier and range: 0-2 start and stop, 3-5 the same as virtual addresses, 6 all, 7-9 a count,
        # 11 a count of objects that each bring their size; bit 7 and the other values are reserved.
        start = -1
        count = -1
        if code <= 5:
            start = number(r, code if code < 3 else code - 3)
            stop = number(r, code if code < 3 else code - 3)
            if stop < start:
                raise Malformed(Fault.COUNT, "an object range that stops before it starts")
            count = stop - start + 1
        elif 7 <= code <= 9:
            count = number(r, code - 7)
        elif code == 11:
            count = r.u8()
        reserved: cython.bint = prefix > 6 or code == 10 or code > 11 or (code == 11 and prefix < 4)
        if 1 <= prefix <= 3 and count > 0 and not reserved:
            begin = r.pos
            start = index(r, prefix)
            r.pos = begin

        layout = _LAYOUTS[object]
        known: cython.bint = layout != -2
        if known:
            out.item(object, -1, start, count)
        else:
            out.item(UNKNOWN_OBJECT, -1, start, count)
            out.item_name(f"g{group}v{variation}")
        # What the message is about is its first object that is not the proof of who sent it (aggressive mode).
        if not named and object != (120 << 8 | 3):
            named = True
            out.target(object if known else UNKNOWN_OBJECT, start, count)
            if function == 1 and _READING[group] >= 0:
                out.operation(_READING[group])
            elif function == 2 and _WRITING[group] >= 0:
                out.operation(_WRITING[group])

        if reserved:
            raise Malformed(Fault.VALUE, f"reserved qualifier 0x{qualifier:02x}")
        if count <= 0:
            continue
        if not carries(function, group, prefix):
            if prefix > 0 and count > 1:
                indices(r, out, object, prefix, count)
            elif prefix > 0:
                r.skip(1 << (prefix - 1))
            continue
        if prefix >= 4:
            failed = sized(r, out, group, variation, prefix, count, unit, access, answer, not proven)
            proven = proven or group == 120
        elif layout >= 0:
            common = fixed(r, out, object, layout, count, 0 if start < 0 else start, prefix, common, access)
            failed = 0
        elif known and variation > 0 and (group == 41 or group == 12):
            failed = controls(r, out, object, count, 0 if start < 0 else start, prefix, access, commands == 0, answer)
            commands += count
            out.ext(_CONTROLS, commands)
        else:
            failed = unsized(r, out, group, variation, prefix, count, start, unit, access, answer, not proven)
            proven = proven or group == 120
        if status == 0:
            status = failed
    return status


@cython.cfunc
@cython.returns(cython.longlong)
@cython.exceptval(-1, check=True)
def number(r: Reader, width: cython.int):
    """A range or count field: 1, 2 or 4 octets for widths 0, 1, 2."""
    if width == 0:
        return r.u8()
    if width == 1:
        return r.u16le()
    return r.u32le()


@cython.cfunc
@cython.returns(cython.bint)
@cython.exceptval(-1, check=True)
def carries(function: cython.int, group: cython.int, prefix: cython.int):
    """Whether objects stand behind the headers of a function, or only headers (clause 4, function codes)."""
    if function >= 128 or 2 <= function <= 6 or 25 <= function <= 30 or function >= 32:
        return True
    # Everywhere: objects that bring their size (file blocks, application names), and the sender's proof.
    if prefix >= 4 or group == 120:
        return True
    return (function == 11 or function == 12) and group == 50  # freeze at time: when


@cython.cfunc
def indices(r: Reader, out: Rows, object: cython.int, prefix: cython.int, count: cython.longlong):
    """Indices that a request lists without objects, one item each."""
    _i: cython.longlong
    r.need(count * (1 << (prefix - 1)))
    for _i in range(count):
        out.item(object if object in OBJECTS else UNKNOWN_OBJECT, -1, index(r, prefix), 1)


@cython.cfunc
def sized(
    r: Reader,
    out: Rows,
    group: cython.int,
    variation: cython.int,
    prefix: cython.int,
    count: cython.longlong,
    unit: cython.longlong,
    access: cython.int,
    answer: cython.bint,
    first: cython.bint,
):
    """Objects that each begin with their size (prefix codes 4-6); returns the first status they carry, or 0."""
    status: cython.longlong = 0
    i: cython.longlong
    object: cython.int = group << 8 | variation
    for i in range(count):
        saved = r.narrow(number(r, prefix - 4))
        failed = 0
        if group == 70 and 1 <= variation <= 8:
            failed = file(r, out, variation)
        elif group == 120 and 1 <= variation <= 15:
            failed = authentication(r, out, variation, first and i == 0)
        elif group == 91 and variation == 1:
            activation(r, out)
        elif group == 0 and r.left() >= 2:
            attribute(r, out, variation, i, access, unit, answer)
        else:
            if group == 90:  # the name of the application that is started, stopped or initialized
                out.name(r.slice(r.pos, r.end))
            string(r, out, object if object in OBJECTS else UNKNOWN_OBJECT, i, r.left(), access)
        r.skip(r.left())
        r.widen(saved)
        if status == 0:
            status = failed
    return status


@cython.cfunc
def unsized(
    r: Reader,
    out: Rows,
    group: cython.int,
    variation: cython.int,
    prefix: cython.int,
    count: cython.longlong,
    start: cython.longlong,
    unit: cython.longlong,
    access: cython.int,
    answer: cython.bint,
    first: cython.bint,
):
    """Objects whose variation or own fields tell their size; returns the status they carry, or 0.

    Raises Malformed for any other, because the next header cannot be found behind it.
    """
    at: cython.longlong = 0 if start < 0 else start
    _i: cython.longlong
    size: cython.longlong
    if group == 120 and (variation == 3 or variation == 4) and prefix == 0 and count == 1:
        saved = r.narrow(AGGRESSIVE_SIZE if variation == 3 else KEY_STATUS_REQUEST_SIZE)
        authentication(r, out, variation, first)
        r.widen(saved)
        return 0
    text: cython.bint = 110 <= group <= 113 and variation > 0  # the variation is the length
    if text:
        size = variation
    elif (group == 121 and variation == 1) or (group == 122 and variation <= 2 and variation > 0):
        size = 13 if variation == 2 else 7
    elif group == 0 and variation > 0:
        size = 2
    elif group == 100 and variation == 3:
        size = 10
    else:
        raise Malformed(Fault.VALUE, f"an object of unknown size: g{group}v{variation} qualifier prefix {prefix}")
    r.need(count * (size + (0 if prefix == 0 else 1 << (prefix - 1))))
    for _i in range(count):
        if prefix > 0:
            at = index(r, prefix)
        if group == 0:
            attribute(r, out, variation, at, access, unit, answer)
        elif group == 121 or group == 122:
            statistic(r, out, group << 8 | variation, at, access)
        else:
            string(r, out, group << 8 | variation, at, size, access)
        at += 1
    return 0
