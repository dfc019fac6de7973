# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""DNP3 objects of variable size: attributes, strings, files, authentication. Source: IEEE Std 1815-2012, annex A.

Every function reads inside a Reader that was narrowed to what the fragment, or the object's size prefix, holds.
Passwords, keys, key data, MACs, signatures and challenge data are stepped over and never kept.
"""

import cython

from parsers._dnp3_tables import (
    ATTRIBUTE_FACTS,
    AUTH_ERROR_BASE,
    AUTH_ERRORS,
    AUTH_KEY_STATUS,
    AUTH_KEY_WRAPS,
    AUTH_MACS,
    AUTH_MESSAGES,
    AUTH_METHODS,
    AUTH_OPERATIONS,
    COLUMN,
    FILE_MODES,
    FILE_STATUS,
    FILE_STATUS_BASE,
    FILE_TYPES,
    MAX_STAMP_MS,
)
from sentinel.model import Fault

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from sentinel.wire.reader import Malformed

MAX_RAW = 512  # octets of an object that are kept in hexadecimal


def word(names: dict, code: cython.longlong):
    """The standard's word for a code."""
    name = names.get(code)
    return name if name is not None else f"RESERVED_{code}"


def readable(octets: bytes):
    """Text where the octets but trailing zeros are printable UTF-8, else None."""
    try:
        text = octets.rstrip(b"\x00").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\t\r\n" for c in text) else None


def shown(octets: bytes):
    """The text that the octets are, or the first MAX_RAW of them in hexadecimal."""
    text = readable(octets)
    return octets[:MAX_RAW].hex() if text is None else text


@cython.cfunc
def stamp(r: Reader, out: Rows, column: str):
    """A 48-bit time in milliseconds as a column; zero says that there is none (files)."""
    ms = r.u48le()
    if 0 < ms <= MAX_STAMP_MS:
        out.ext(COLUMN[column], ms * 1000000)


def string(r: Reader, out: Rows, object: cython.int, at: cython.longlong, size: cython.longlong, access: cython.int):
    """An octet string, terminal text or an object that is kept as octets (groups 82-90, 110-113)."""
    out.point_text(object, at, shown(r.take(size)))
    out.point_access(access)


def statistic(r: Reader, out: Rows, object: cython.int, at: cython.longlong, access: cython.int):
    """A security statistic (121v1) or its event (122v1, with time: 122v2)."""
    flags = r.u8()
    out.ext(COLUMN["auth_association"], r.u16le())
    out.point(object, at, r.u32le())
    out.point_quality(flags)
    if object == (122 << 8 | 2):
        ms = r.u48le()
        if ms <= MAX_STAMP_MS:
            out.point_time(ms * 1000000)
    out.point_access(access)


def activation(r: Reader, out: Rows):
    """Status of a requested operation (91v1): time until it ends; the status octets behind it are stepped over."""
    out.ext(COLUMN["delay_ms"], r.u32le())


# -- group 0 ---------------------------------------------------------------------------------------------------


def attribute(
    r: Reader,
    out: Rows,
    variation: cython.int,
    at: cython.longlong,
    access: cython.int,
    unit: cython.longlong,
    answer: cython.bint,
):
    """One device attribute: data type, length, value. `at` is the attribute set; 0 is the standard's own.

    `answer`: the outstation says it about itself; else a master writes it and the fact is about the receiver.
    """
    kind = r.u8()
    length = r.u8()
    if kind == 255:  # an extended list counts from 256
        length += 256
    data = r.take(length)
    value = attribute_value(kind, data)
    if value is None:
        # Visible and Unicode strings are text in whatever code page the device speaks; Rows.text makes them fit.
        out.point_text(variation, at, data if kind == 1 or kind == 8 else shown(data))
        fact = ATTRIBUTE_FACTS.get(variation)
        if at == 0 and fact is not None and (kind == 1 or kind == 8 or readable(data) is not None):
            out.fact(fact[0], data, unit, fact[1], not answer)
    else:
        out.point(variation, at, value)
    out.point_access(access)


def attribute_value(kind: cython.longlong, data: bytes):
    """The number that a device attribute's data are, or None where they are text, octets or a list."""
    size = len(data)
    if kind == 2 and 0 < size <= 8:  # UINT
        return float(int.from_bytes(data, "little"))
    if kind == 3 and 0 < size <= 8:  # INT
        return float(int.from_bytes(data, "little", signed=True))
    if kind == 4 and size == 4:  # FLT
        return Reader(data).f32le()
    if kind == 4 and size == 8:
        return Reader(data).f64le()
    if kind == 7 and size == 6:  # DNP3TIME, milliseconds
        return float(int.from_bytes(data, "little"))
    return None


# -- group 70 --------------------------------------------------------------------------------------------------


def file(r: Reader, out: Rows, variation: cython.int):
    """One file object, the Reader narrowed to it; returns the status code for the message, or 0."""
    status: cython.longlong = 0
    begin: cython.longlong = r.pos
    if variation == 1:
        status = file_identifier(r, out)
    elif variation == 2:
        name_at = r.u16le()
        name_size = r.u16le()
        r.skip(8)  # offset and size of the password; the authentication key
        if name_size > 0:
            out.ext_text(COLUMN["file_user"], part(r, begin, name_at, name_size))
        r.skip(r.left())
    elif variation == 3:
        name_at = r.u16le()
        name_size = r.u16le()
        stamp(r, out, "file_created")
        out.ext(COLUMN["file_permissions"], r.u16le())
        r.skip(4)  # the authentication key
        out.ext(COLUMN["file_size"], r.u32le())
        out.ext_text(COLUMN["file_mode"], word(FILE_MODES, r.u16le()))
        out.ext(COLUMN["file_max_block"], r.u16le())
        out.ext(COLUMN["file_request"], r.u16le())
        out.name(part(r, begin, name_at, name_size))
    elif variation == 4:
        out.ext(COLUMN["file_handle"], r.u32le())
        out.ext(COLUMN["file_size"], r.u32le())
        out.ext(COLUMN["file_max_block"], r.u16le())
        out.ext(COLUMN["file_request"], r.u16le())
        status = r.u8()
        r.skip(r.left())  # text for people
        out.ext_text(COLUMN["file_status"], word(FILE_STATUS, status))
    elif variation == 5 or variation == 6:
        out.ext(COLUMN["file_handle"], r.u32le())
        block = r.u32le()
        out.ext(COLUMN["file_block"], block & 0x7FFFFFFF)
        out.ext(COLUMN["file_last"], block >> 31)
        if variation == 6:
            status = r.u8()
            out.ext_text(COLUMN["file_status"], word(FILE_STATUS, status))
        else:
            out.ext(COLUMN["file_data_length"], r.left())
        r.skip(r.left())
    elif variation == 7:
        name_at = r.u16le()
        name_size = r.u16le()
        out.ext_text(COLUMN["file_type"], word(FILE_TYPES, r.u16le()))
        out.ext(COLUMN["file_size"], r.u32le())
        stamp(r, out, "file_created")
        out.ext(COLUMN["file_permissions"], r.u16le())
        out.ext(COLUMN["file_request"], r.u16le())
        out.name(part(r, begin, name_at, name_size))
    else:
        out.name(r.take(r.left()))  # 8: specification string
    return 0 if status == 0 else FILE_STATUS_BASE + status


@cython.cfunc
def part(r: Reader, begin: cython.longlong, at: cython.longlong, size: cython.longlong):
    """A string that an object holds at an offset from its own first octet; the cursor ends behind it."""
    if begin + at < r.pos:
        raise Malformed(Fault.LENGTH, "a string that overlaps the fields before it")
    r.skip(begin + at - r.pos)
    return r.take(size)


@cython.cfunc
def file_identifier(r: Reader, out: Rows):
    """The obsolete file identifier (70v1); returns its status code."""
    name_size = r.u16le()
    out.ext_text(COLUMN["file_type"], word(FILE_TYPES, r.u8()))
    r.skip(5)  # attribute code, first and last record
    out.ext(COLUMN["file_size"], r.u32le())
    stamp(r, out, "file_created")
    out.ext(COLUMN["file_permissions"], r.u16le())
    r.skip(12)  # file, owner and group identifiers
    r.skip(1)  # file function code
    status = r.u8()
    out.ext_text(COLUMN["file_status"], word(FILE_STATUS, status))
    out.name(r.take(name_size))
    out.ext(COLUMN["file_data_length"], r.u16le())
    r.skip(r.left())
    return status


# -- group 120 -------------------------------------------------------------------------------------------------


def authentication(r: Reader, out: Rows, variation: cython.int, first: cython.bint):
    """One secure authentication object, the Reader narrowed to it; returns the status code for the message, or 0.

    `first`: no such object came before in this message, so its name becomes the column.
    """
    if first:
        out.ext_text(COLUMN["auth_message"], AUTH_MESSAGES[variation])
    if variation == 1:  # challenge
        sequence_user(r, out)
        out.ext_text(COLUMN["auth_mac"], word(AUTH_MACS, r.u8()))
        r.skip(1)  # reason: the standard defines only that the function is critical
    elif variation == 2 or variation == 6:  # reply, session key change
        sequence_user(r, out)
    elif variation == 3:  # aggressive mode request
        sequence_user(r, out)
        out.ext(COLUMN["auth_aggressive"], 1)
        return 0
    elif variation == 4:  # session key status request
        out.ext(COLUMN["auth_user"], r.u16le())
        return 0
    elif variation == 5:  # session key status
        sequence_user(r, out)
        out.ext_text(COLUMN["auth_key_wrap"], word(AUTH_KEY_WRAPS, r.u8()))
        out.ext_text(COLUMN["auth_key_status"], word(AUTH_KEY_STATUS, r.u8()))
        out.ext_text(COLUMN["auth_mac"], word(AUTH_MACS, r.u8()))
        r.skip(r.u16le())
    elif variation == 7:  # error
        sequence_user(r, out)
        out.ext(COLUMN["auth_association"], r.u16le())
        error = r.u8()
        out.ext_text(COLUMN["auth_error"], word(AUTH_ERRORS, error))
        r.skip(6)  # time of the error
        if r.left() > 0:
            out.name(r.take(r.left()))
        return 0 if error == 0 else AUTH_ERROR_BASE + error
    elif variation == 8:  # user certificate
        out.ext_text(COLUMN["auth_method"], word(AUTH_METHODS, r.u8()))
    elif variation == 10:
        user_status(r, out)
    elif variation == 11:  # update key change request
        out.ext_text(COLUMN["auth_method"], word(AUTH_METHODS, r.u8()))
        name_size = r.u16le()
        data_size = r.u16le()
        out.ext_text(COLUMN["auth_name"], r.take(name_size))
        r.skip(data_size)
    elif variation == 12 or variation == 13:  # update key change reply, update key change
        sequence_user(r, out)
        r.skip(r.u16le())
    r.skip(r.left())  # MAC, wrapped keys, certificate, signature
    return 0


@cython.cfunc
def sequence_user(r: Reader, out: Rows):
    """The sequence number and user number with which most authentication objects begin."""
    out.ext(COLUMN["auth_sequence"], r.u32le())
    out.ext(COLUMN["auth_user"], r.u16le())


@cython.cfunc
def user_status(r: Reader, out: Rows):
    """A user status change (120v10)."""
    out.ext_text(COLUMN["auth_method"], word(AUTH_METHODS, r.u8()))
    out.ext_text(COLUMN["auth_operation"], word(AUTH_OPERATIONS, r.u8()))
    out.ext(COLUMN["auth_sequence"], r.u32le())
    out.ext(COLUMN["auth_role"], r.u16le())
    r.skip(2)  # days until the role ends
    name_size = r.u16le()
    key_size = r.u16le()
    data_size = r.u16le()
    out.ext_text(COLUMN["auth_name"], r.take(name_size))
    r.skip(key_size)
    r.skip(data_size)
