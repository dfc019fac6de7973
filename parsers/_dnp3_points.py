# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""DNP3 objects of fixed size: process values, times, controls. Source: IEEE Std 1815-2012, clause 11 and annex A."""

import cython

from parsers._dnp3_tables import (
    COLUMN,
    CONTROL_STATUS,
    CONTROL_STATUS_BASE,
    OP_TYPES,
    TRIP_CLOSE,
)
from sentinel.model import Fault

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from sentinel.wire.reader import Malformed


def index(r: Reader, prefix: cython.int):
    """The index prefix of an object: 1, 2 or 4 octets for prefix codes 1, 2, 3."""
    if prefix == 1:
        return r.u8()
    if prefix == 2:
        return r.u16le()
    return r.u32le()


def fixed(
    r: Reader,
    out: Rows,
    object: cython.int,
    layout: cython.longlong,
    count: cython.longlong,
    start: cython.longlong,
    prefix: cython.int,
    common: cython.longlong,
    access: cython.int,
):
    """Write `count` objects of one layout as points; returns the common time (ms) that holds after them, or -1.

    `start`: first index where no index stands before each object (prefix 0). `common`: ms since 1970 that relative
    times count from, or -1 where no group 51 object came before.
    """
    kind: cython.int = layout & 0xFF
    mask: cython.int = layout >> 8 & 0xFF
    stamp: cython.int = layout >> 16 & 0xF
    tail: cython.int = layout >> 20 & 0xF
    size: cython.longlong = layout >> 24
    _i: cython.longlong
    at: cython.longlong = start
    value: cython.double = 0.0
    ms: cython.longlong = 0
    quality: cython.longlong = 0
    lost: cython.int = 0

    if kind == 12 or kind == 13:  # PACKED_BIT, PACKED_PAIR
        packed(r, out, object, 1 if kind == 12 else 2, count, start, prefix, access)
        return common
    r.need(count * (size + (0 if prefix == 0 else 1 << (prefix - 1))))
    for _i in range(count):
        if prefix > 0:
            at = r.u8() if prefix == 1 else (r.u16le() if prefix == 2 else r.u32le())
        if mask != 0:
            quality = r.u8()
        if kind == 1:  # FLAG_BIT
            value = quality >> 7
        elif kind == 2:  # FLAG_PAIR
            value = quality >> 6
        elif kind == 6:
            value = r.i16le()
        elif kind == 7:
            value = r.i32le()
        elif kind == 8:
            value = r.f32le()
        elif kind == 4:
            value = r.u16le()
        elif kind == 5:
            value = r.u32le()
        elif kind == 9:
            value = r.f64le()
        elif kind == 3:
            value = r.u8()
        elif kind == 10:  # TIME: the value is the stamp
            ms = r.u48le()
            value = ms
        elif kind == 11:
            digits = r.take(size)
            value = bcd(digits)
            if value < 0:
                out.point_text(object, at, digits.hex())
                out.point_access(access)
                at += 1
                continue
        out.measured(object, at, value, access, quality & mask if mask != 0 else -1)
        if stamp == 1:
            ms = r.u48le()
        elif stamp == 2:
            ms = r.u16le() + common
        if stamp == 2 and common < 0:
            lost = 2
        elif kind == 10 or stamp != 0:
            if ms <= 9223372036854:  # MAX_STAMP_MS
                out.point_time(ms * 1000000)
            else:
                lost = 1
        if tail != 0:
            r.skip(tail)
        at += 1
    if lost == 1:
        out.fault(Fault.VALUE, "a time stamp behind the year 2262")
    elif lost == 2:
        out.fault(Fault.VALUE, "a relative time without a common time before it")
    group: cython.int = object >> 8
    if group == 52 and count > 0:
        out.ext(COLUMN["delay_ms"], int(value) * (1000 if object & 0xFF == 1 else 1))
    elif kind == 10 and count > 0 and lost == 0:
        if group == 51:
            return ms
        out.ext(COLUMN["time"], ms * 1000000)
    return common


@cython.cfunc
def packed(
    r: Reader,
    out: Rows,
    object: cython.int,
    width: cython.int,
    count: cython.longlong,
    start: cython.longlong,
    prefix: cython.int,
    access: cython.int,
):
    """Write `count` values of `width` bits each, least significant first, as points (1v1, 3v1, 10v1, 12v3, 80v1)."""
    bits: cython.longlong = 0
    have: cython.int = 0
    i: cython.longlong
    if prefix != 0:
        raise Malformed(Fault.VALUE, "packed bits with a prefix")
    r.need((count * width + 7) // 8)
    for i in range(count):
        if have == 0:
            bits = r.u8()
            have = 8
        out.measured(object, start + i, bits & 1 if width == 1 else bits & 3, access, -1)
        bits >>= width
        have -= width


def bcd(octets: bytes):
    """The value of binary coded decimals, two digits an octet, least significant octet first; -1 for other digits."""
    value = 0
    scale = 1
    for octet in octets:
        low = octet & 15
        high = octet >> 4
        if low > 9 or high > 9:
            return -1
        value += (low + 10 * high) * scale
        scale *= 100
    return value


# -- controls: groups 12 and 41 --------------------------------------------------------------------------------


def controls(
    r: Reader,
    out: Rows,
    object: cython.int,
    count: cython.longlong,
    start: cython.longlong,
    prefix: cython.int,
    access: cython.int,
    first: cython.bint,
    answer: cython.bint,
):
    """Write `count` control objects, each an item and a point; returns the first status that is not success, or 0.

    `first`: no control came before in this message, so its fields become the columns. `answer`: the message is a
    response, so the status says what became of the control.
    """
    failed: cython.longlong = 0
    at: cython.longlong = start
    i: cython.longlong
    size: cython.longlong = control_size(object)
    r.need(count * (size + (0 if prefix == 0 else 1 << (prefix - 1))))
    for i in range(count):
        if prefix > 0:
            at = index(r, prefix)
        out.item(object, -1, at, 1)
        if first and i == 0:
            out.ext(COLUMN["control_index"], at)
        if object >> 8 == 12:
            status = relay(r, out, object, at, first and i == 0)
        else:
            status = analog(r, out, object, at, first and i == 0)
        out.point_access(access)
        if answer:
            out.item_status(0 if status == 0 else CONTROL_STATUS_BASE + status)
            if failed == 0 and status != 0:
                failed = CONTROL_STATUS_BASE + status
        at += 1
    return failed


@cython.cfunc
def control_size(object: cython.int):
    """Octets of one control object: group 12 variations 1 and 2, group 41 variations 1 to 4."""
    if object >> 8 == 12:
        return 11
    variation = object & 0xFF
    return 5 if variation == 1 or variation == 3 else (3 if variation == 2 else 9)


@cython.cfunc
def relay(r: Reader, out: Rows, object: cython.int, at: cython.longlong, columns: cython.bint):
    """One control relay output block or pattern control block (annex A, group 12); returns its status."""
    code = r.u8()
    times = r.u8()
    on = r.u32le()
    off = r.u32le()
    status = r.u8() & 0x7F
    op = code & 0xF
    op_name = OP_TYPES.get(op)
    if op_name is None:
        op_name = f"RESERVED_{op}"
    trip_close = code >> 6
    if op > 4 or trip_close == 3:
        out.fault(Fault.VALUE, "reserved control code")
    words = [op_name]
    if trip_close != 0:
        words.append(TRIP_CLOSE[trip_close])
    if code & 0x20:
        words.append("CLEAR")
    if code & 0x10:
        words.append("QUEUE")
    out.item_name(f"{' '.join(words)} count={times} on={on} off={off} status={control_status(status)}")
    if columns:
        out.ext_text(COLUMN["crob_op"], op_name)
        out.ext_text(COLUMN["crob_trip_close"], TRIP_CLOSE[trip_close])
        out.ext(COLUMN["crob_clear"], code >> 5 & 1)
        out.ext(COLUMN["crob_queue"], code >> 4 & 1)
        out.ext(COLUMN["crob_count"], times)
        out.ext(COLUMN["crob_on_ms"], on)
        out.ext(COLUMN["crob_off_ms"], off)
        out.ext_text(COLUMN["crob_status"], control_status(status))
    out.point(object, at, op)
    return status


@cython.cfunc
def analog(r: Reader, out: Rows, object: cython.int, at: cython.longlong, columns: cython.bint):
    """One analogue output block (annex A, group 41); returns its status."""
    variation = object & 0xFF
    value: cython.double
    if variation == 1:
        value = r.i32le()
    elif variation == 2:
        value = r.i16le()
    elif variation == 3:
        value = r.f32le()
    else:
        value = r.f64le()
    status = r.u8() & 0x7F
    out.item_name(f"value={value:g} status={control_status(status)}")
    if columns:
        out.ext_float(COLUMN["analog_value"], value)
        out.ext_text(COLUMN["analog_status"], control_status(status))
    out.point(object, at, value)
    return status


def control_status(code: cython.int):
    """The standard's word for a control status code."""
    name = CONTROL_STATUS.get(code)
    return name if name is not None else f"RESERVED_{code}"
