# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""S7comm userdata: programmer, cyclic, block, CPU, security, time and NC functions, and what stations push.

Siemens publishes the services (System Software for S7-300/400, A5E00739858; STEP 7 help), not their coding; the layouts
agree with Wireshark's dissector and with captures of S7-300 and S7-400 stations.
"""

from datetime import UTC, datetime

import cython

from sentinel.model import DType, Fault

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from parsers import _s7comm_blocks as blocks
from parsers import _s7comm_items as items
from parsers import _s7comm_szl as szl
from parsers import _s7comm_tables as t
from sentinel.wire.reader import Malformed
from sentinel.wire.rows import clean

MAX_JOINED = 65536
"""Most bytes of one fragmented answer that are put together."""
MAX_JOINING = 4
"""Most fragmented answers of one direction of a flow at once."""
MAX_ADDRESSES = 1024
"""Most bytes of the addresses of one monitoring job that are kept, to name the values that it reports."""

_PUSH = cython.declare(cython.int, 0)
_REQUEST = cython.declare(cython.int, 1)
_RESPONSE = cython.declare(cython.int, 2)

# Diagnostic events of class 4, mode transitions (System Software, table of event identifiers).
EVENTS = {
    0x4300: "Backed-up power on",
    0x4301: "Mode transition from STOP to STARTUP",
    0x4302: "Mode transition from STARTUP to RUN",
    0x4303: "STOP by the mode selector",
    0x4304: "STOP by a programming device or by SFB 20",
    0x4305: "HOLD, breakpoint reached",
    0x4306: "HOLD left, breakpoint left",
    0x4307: "Memory reset started by a programming device",
    0x4308: "Memory reset started by the mode selector",
    0x4309: "Memory reset started by power on",
    0x430A: "Memory reset carried out",
    0x430E: "Memory reset carried out",
    0x4510: "STOP, range of the data of the CPU violated",
    0x4520: "DEFECT, STOP not reachable",
    0x4540: "STOP, no resources for extended memory",
    0x4550: "DEFECT, internal system error",
    0x4562: "STOP, programming error (OB not loaded or not possible)",
    0x4563: "STOP, I/O access error (OB not loaded or not possible)",
    0x4567: "STOP, H event",
    0x4568: "STOP, time error (OB not loaded or not possible)",
    0x456A: "STOP, diagnostic interrupt (OB not loaded or not possible)",
    0x456B: "STOP, module inserted or removed (OB not loaded or not possible)",
    0x456C: "STOP, CPU hardware error (OB not loaded or not possible)",
    0x456D: "STOP, program sequence error (OB not loaded or not possible)",
    0x456E: "STOP, communication error (OB not loaded or not possible)",
    0x456F: "STOP, rack failure (OB not loaded or not possible)",
    0x4571: "STOP, nesting stack error",
    0x4573: "STOP, nesting depth of synchronous errors exceeded",
    0x4578: "STOP, nesting depth of blocks exceeded",
    0x4580: "STOP, back-up buffer inconsistent",
    0x4590: "STOP, internal programming overload",
}


def kept_operation(group: int, subfunction: int) -> int:
    """Key of the operation of a function group and subfunction, as far as they are known."""
    key = t.USERDATA + (group << 8) + subfunction
    if key in t.OPERATIONS:
        return key
    key |= 0xFF
    return key if key in t.OPERATIONS else t.USERDATA_OTHER


def mode(r: Reader, out: Rows) -> None:
    """A mode transition that a station reports: reserved bytes, then the mode that it is in now."""
    r.skip(6)
    state = r.u8()
    out.ext(t.UD_TYPE, 0)
    out.ext(t.UD_GROUP, 0)
    out.ext(t.UD_SUBFUNCTION, state)
    if state in t.MODE_STATES:
        out.fact("state", t.MODE_STATES[state])


def unacknowledged_send(r: Reader, out: Rows, parameters: int) -> None:
    """USEND: remote identifier in the parameters, up to four values in the data."""
    behind = r.pos + parameters
    r.skip(6)
    remote = r.u32()
    out.ext(t.REMOTE_ID, remote)
    r.pos = behind
    out.ext(t.RETURN_CODE, r.u8())
    r.skip(1)
    count = r.u16()
    out.ext(t.ITEM_COUNT, count)
    if count * 4 > r.left():
        raise Malformed(Fault.COUNT, "values of a USEND")
    for i in range(count):
        out.item(t.BLOCK_SEND, remote, i, -1)
        items.value(r, out, i == count - 1, DType.BYTES, False)


def function(r: Reader, out: Rows, parameters: int, reference: int) -> None:
    """Parameters and data of a function group; the row of the message has been begun."""
    behind = r.pos + parameters
    r.skip(4)
    syntax = r.u8()
    how = r.u8()
    subfunction = r.u8()
    sequence = r.u8()
    kind = how >> 6
    group = how & 0x3F
    out.ext(t.UD_TYPE, kind << 2)
    out.ext(t.UD_GROUP, group)
    out.ext(t.UD_SUBFUNCTION, subfunction)
    out.ext(t.SEQUENCE, sequence)
    unit = 0
    more = False
    if syntax == 0x12:
        unit = r.u8()
        more = r.u8() != 0
        error = r.u16()
        out.ext(t.DATA_UNIT, unit)
        out.ext(t.MORE, 1 if more else 0)
        out.ext(t.PARAMETER_ERROR, error)
    r.pos = behind
    if r.left() < 4:
        if r.left() > 0:
            out.fault(Fault.LENGTH, "userdata data without its header")
        return
    code = r.u8()
    r.skip(1)
    told = r.u16()
    out.ext(t.RETURN_CODE, code)
    if told > r.left():
        out.fault(Fault.LENGTH, "data shorter than its length says")
    data = _joined(r, out, group, subfunction, unit, more)
    if data is not None:
        _data(data, out, kind, group, subfunction, sequence, code, reference)


def _joined(r: Reader, out: Rows, group: int, sub: int, unit: int, more: bool):
    """The data to read now: those at the cursor, all fragments together, or None until the last one comes."""
    if group == t.NC_PROGRAM or group == t.BLOCK_SEND_GROUP:
        return r  # these number their pieces in ways of their own, and their content is not read further
    if unit == 0 and not more:
        return r
    fragments = out.slot.setdefault("s7comm_fragments", {})
    key = (group, sub, unit)
    first = key not in fragments
    if first:
        if not more:
            return r
        while len(fragments) >= MAX_JOINING:
            out.grow(-len(fragments.pop(next(iter(fragments)))))
        fragments[key] = bytearray()
    joined = fragments[key]
    start = r.pos
    piece = r.take(r.left())
    if len(joined) + len(piece) > MAX_JOINED:
        out.fault(Fault.TOO_LARGE, "fragments of an answer")
    else:
        joined += piece
        out.grow(len(piece))
    if more:
        # The first fragment holds the head of the list and whole records: read what is there, should the rest be lost.
        r.pos = start
        return r if first else None
    del fragments[key]
    out.grow(-len(joined))
    return items.closed(bytes(joined))


def _data(r: Reader, out: Rows, kind: int, group: int, sub: int, sequence: int, code: int, reference: int) -> None:
    """The data of one function behind their four-byte head."""
    if r.left() == 0:
        if kind == _RESPONSE:
            _established(out, group, sub, sequence, reference)
        return
    if group == t.CPU:
        _cpu(r, out, kind, sub, code)
    elif group == t.PROGRAMMER:
        _programmer(r, out, kind, sub, sequence, reference)
    elif group == t.CYCLIC:
        _cyclic(r, out, kind, sub, sequence, reference)
    elif group == t.BLOCKS:
        _blocks(r, out, kind, sub, code)
    elif group == t.TIME:
        if (kind == _REQUEST and sub in (2, 4)) or (kind == _RESPONSE and sub in (1, 3) and code == 0xFF):
            r.skip(2)  # reserved, and the century, which the station ignores
            _clock(r, out)
    elif group == t.SECURITY:
        if kind == _REQUEST and sub == 1:
            out.ext(t.PASSWORD_LENGTH, password_length(r.take(min(8, r.left()))))
    elif group == t.BLOCK_SEND_GROUP:
        if r.left() >= 8:
            r.skip(4)
            out.ext(t.REMOTE_ID, r.u32())
    elif group == t.NC_PROGRAM:
        _nc_program(r, out, kind, sub)


def password_length(coded) -> int:
    """Length of a password as it is coded on the wire (eight characters, padded with blanks)."""
    plain = []
    for i in range(len(coded)):
        # Each byte is combined with 0x55 and, from the third on, with the coded byte two before it.
        plain.append(coded[i] ^ 0x55 ^ (coded[i - 2] if i >= 2 else 0))
    while plain and plain[len(plain) - 1] in (0x20, 0):
        plain.pop()
    return len(plain)


def _bcd(value: int) -> int:
    """Two decimal digits of a byte, or a number that no date has."""
    return (value >> 4) * 10 + (value & 15) if value >> 4 < 10 and value & 15 < 10 else 255


def _clock(r: Reader, out: Rows) -> None:
    """DATE_AND_TIME: year, month, day, hour, minute, second, and milliseconds with the weekday, all BCD."""
    year = _bcd(r.u8())
    month = _bcd(r.u8())
    day = _bcd(r.u8())
    hour = _bcd(r.u8())
    minute = _bcd(r.u8())
    second = _bcd(r.u8())
    tens = _bcd(r.u8())
    ones = r.u8() >> 4
    if tens == 255 or ones > 9 or year == 255:
        return
    try:
        when = datetime(2000 + year if year < 90 else 1900 + year, month, day, hour, minute, second, 0, UTC)
    except ValueError:
        return  # a clock that was never set
    out.ext(t.CLOCK, (int(when.timestamp()) * 1000 + tens * 10 + ones) * 1_000_000)


# --- CPU functions -------------------------------------------------------------------------------------------------


def _cpu(r: Reader, out: Rows, kind: int, sub: int, code: int) -> None:
    """Status lists, message services, diagnostic messages and alarms."""
    if sub == 1:
        if kind == _RESPONSE and code != 0xFF:
            return
        identifier = r.u16()
        out.ext(t.SZL_ID, identifier)
        out.ext(t.SZL_INDEX, r.u16())
        out.name(szl.name(identifier))
        if kind == _RESPONSE:
            size = r.u16()
            count = r.u16()
            out.ext(t.SZL_COUNT, count)
            szl.facts(r, out, identifier, size, count)
    elif sub == 2:
        if kind == _REQUEST:
            out.ext(t.SUBSCRIBED, r.u8())
            r.skip(1)
            out.ext_text(t.USER, r.take(8))
    elif sub == 3:
        event = r.u16()
        out.ext(t.EVENT_ID, event)
        out.name(EVENTS.get(event, f"event 0x{event:04x}"))
        r.skip(10)
        _clock(r, out)
    elif sub == 0x10:
        r.skip(4)
        out.ext(t.REMOTE_ID, r.u32())
    elif sub == 0x13 and kind == _RESPONSE:
        _alarms_queried(r, out)
    elif 5 <= sub <= 0x16:
        _alarms(r, out, kind, sub)


def _alarms(r: Reader, out: Rows, kind: int, sub: int) -> None:
    """Alarm indications, acknowledgements, locks and queries: a time stamp for some, then the alarms."""
    if sub == 9:
        r.skip(2)
        _clock(r, out)
        r.skip(2)
    elif sub in (0x05, 0x06, 0x0C, 0x11, 0x12, 0x16):
        _clock(r, out)
    r.skip(1)
    count = r.u8()
    out.ext(t.ITEM_COUNT, count)
    for i in range(count):
        if kind == _RESPONSE:
            out.item(t.ALARM, -1, -1, -1)
            out.item_status(r.u8())
            continue
        if r.u8() != 0x12:
            raise Malformed(Fault.IDENTIFIER, "variable specification")
        length = r.u8()
        start = r.pos
        syntax = r.u8()
        if syntax in (0x15, 0x16, 0x19, 0x1C):
            _alarm(r, out, syntax, i == 0)
        elif syntax == 0x1A:
            r.skip(1)
            by_event = r.u8() == 3
            r.skip(1)
            what = r.u32()
            if by_event:
                _event(out, what, i == 0)
        elif length > 0:
            r.pos = start
            r.skip(length)


def _event(out: Rows, event: int, first: bool) -> None:
    """An item for one alarm; the first is also the message's own."""
    out.item(t.ALARM, -1, event, -1)
    if first:
        out.ext(t.EVENT_ID, event)


def _alarm(r: Reader, out: Rows, syntax: int, first: bool) -> None:
    """One alarm: event, signals, acknowledgement state, associated values."""
    count = r.u8()
    event = r.u32()
    _event(out, event, first)
    if syntax == 0x15:
        return
    if syntax == 0x19:
        r.skip(2)
        return
    signals = r.u8()
    out.item_name(f"signals 0x{signals:02x}")
    r.skip(3)
    if syntax == 0x1C:
        r.skip(4)
    for k in range(count):
        out.item(t.ALARM_VALUE, event, k, -1)
        items.value(r, out, k == count - 1, DType.BYTES, True)


def _alarms_queried(r: Reader, out: Rows) -> None:
    """Answer of an alarm query: a head of six bytes, then a data set for each pending alarm."""
    r.skip(2)
    if r.u8() != 0xFF:
        return
    r.skip(3)
    count = 0
    while r.left() >= 3:
        length = r.u8()
        if length == 0:
            break
        r.skip(2)
        saved = r.narrow(length)
        start = r.pos
        r.skip(1)
        _event(out, r.u32(), count == 0)
        r.skip(1)
        out.item_name(f"signals 0x{r.u8():02x}")
        count += 1
        r.pos = start + length
        r.widen(saved)
    out.ext(t.ITEM_COUNT, count)


# --- jobs that report: variable tables, cyclic data ----------------------------------------------------------------


def _remember(out: Rows, group: int, sub: int, reference: int, count: int, raw) -> None:
    """Keep the addresses of a job until its answer tells the job's number."""
    if len(raw) <= MAX_ADDRESSES:
        pending = out.shared.setdefault("s7comm_asked", {})
        blocks.remember(pending, (group, sub, reference), (count, raw))


def _established(out: Rows, group: int, sub: int, sequence: int, reference: int) -> None:
    """An answer that gives a job its number: its reports will be named by the addresses that were asked for."""
    asked = out.shared.get("s7comm_asked", {}).pop((group, sub, reference), None)
    if asked is not None and sequence != 0:
        blocks.remember(out.shared.setdefault("s7comm_jobs", {}), (group, sub, sequence), asked)


def _addresses_of(out: Rows, group: int, sub: int, sequence: int, count: int):
    """A Reader over the addresses of a job, or None where they are not known."""
    asked = out.shared.get("s7comm_jobs", {}).get((group, sub, sequence))
    if asked is None or asked[0] != count:
        return None
    return items.closed(asked[1])


def _programmer(r: Reader, out: Rows, kind: int, sub: int, sequence: int, reference: int) -> None:
    """Test and installation functions: lengths of their own parameters and data, then both."""
    parameters = r.u16()
    length = r.u16()
    behind = r.pos + parameters
    if parameters > r.left():
        raise Malformed(Fault.LENGTH, "parameters of a test function")
    if kind == _REQUEST and parameters >= 20:
        r.skip(18)
        out.ext(t.TRIGGER, r.u16())
        if parameters >= 26:
            block = r.u16()
            number = r.u16()
            if block in t.BLOCK_TYPES:
                out.ext_text(t.BLOCK_TYPE, t.BLOCK_TYPES[block])
                out.ext(t.BLOCK_NUMBER, number)
                out.target(t.BLOCK_OBJECT | block, number, -1)
    r.pos = behind
    if length > r.left():
        out.fault(Fault.LENGTH, "data of a test function")
    if kind == _RESPONSE:
        _established(out, t.PROGRAMMER, sub, sequence, reference)
    if r.left() < 2:
        return
    if kind == _REQUEST:
        _test_request(r, out, sub, reference)
    elif sub == 0x10:
        out.ext(t.ITEM_COUNT, r.left() // 4)
    elif kind == _PUSH and sub in (2, 8, 9):
        _test_report(r, out, sub, sequence)


def _test_request(r: Reader, out: Rows, sub: int, reference: int) -> None:
    """Data of a test job that is set up, or of a command about one."""
    if sub in (2, 8, 9):
        count = r.u16()
        out.ext(t.ITEM_COUNT, count)
        if count * 6 > r.left():
            raise Malformed(Fault.COUNT, "addresses of a variable table")
        raw = r.take(count * 6)
        if sub == 2:
            _remember(out, t.PROGRAMMER, sub, reference, count, raw)
            items.tis_addresses(items.closed(raw), out, count)
        else:
            items.tis_written(r, out, items.closed(raw), count, False)
    elif sub in (0x0D, 0x0E, 0x0F, 0x11, 0x12):
        if sub == 0x0F or sub == 0x12:
            r.skip(2)
        job = r.u8()
        number = r.u8()
        out.ext(t.JOB_FUNCTION, job)
        out.ext(t.JOB_NUMBER, number)
        if sub == 0x12 and job in (2, 8, 9) and r.left() >= 4:
            parameters = r.u16()
            r.skip(2 + parameters)
            _test_request(r, out, job, reference)
            asked = out.shared.get("s7comm_asked", {}).pop((t.PROGRAMMER, 2, reference), None)
            if asked is not None:
                blocks.remember(out.shared.setdefault("s7comm_jobs", {}), (t.PROGRAMMER, 2, number), asked)


def _test_report(r: Reader, out: Rows, sub: int, sequence: int) -> None:
    """What a variable table reports: values, or a return code for each variable that was set."""
    count = r.u16()
    out.ext(t.ITEM_COUNT, count)
    if count > r.left():
        raise Malformed(Fault.COUNT, "values of a variable table")
    if sub != 2:
        items.statuses(r, out, count)
        return
    specs = _addresses_of(out, t.PROGRAMMER, sub, sequence, count)
    if specs is None:
        items.tis_values(r, out, count)
    else:
        items.tis_written(r, out, specs, count, True)


def _cyclic(r: Reader, out: Rows, kind: int, sub: int, sequence: int, reference: int) -> None:
    """Cyclic and change-driven transfers, their end, and data records."""
    if sub in (1, 5, 7):
        count = r.u16()
        out.ext(t.ITEM_COUNT, count)
        if count * 4 > r.left():
            raise Malformed(Fault.COUNT, "items of a cyclic transfer")
        if kind == _REQUEST:
            base = r.u8()
            factor = r.u8()
            if base <= 2:
                out.ext(t.INTERVAL, factor * (100, 1000, 10000)[base])
            place = r.pos
            items.addresses(r, out, count)
            _remember(out, t.CYCLIC, sub, reference, count, r.slice(place, r.pos))
            return
        if kind == _RESPONSE:
            _established(out, t.CYCLIC, sub, sequence, reference)
        specs = _addresses_of(out, t.CYCLIC, sub, sequence, count) if kind == _PUSH else None
        if specs is None:
            items.values(r, out, count)
        else:
            items.written(r, out, specs, count, True)
    elif sub == 4 and kind == _REQUEST:
        job = r.u8()
        number = r.u8()
        out.ext(t.JOB_FUNCTION, job)
        out.ext(t.JOB_NUMBER, number)
        out.shared.get("s7comm_jobs", {}).pop((t.CYCLIC, job, number), None)
    elif sub == 8:
        _record(r, out, kind)


def _record(r: Reader, out: Rows, kind: int) -> None:
    """Read data record: one address, or its status and data."""
    r.skip(1)
    count = r.u8()
    out.ext(t.ITEM_COUNT, count)
    if count == 0:
        return
    if kind == _REQUEST:
        items.addresses(r, out, count)
        return
    out.item(-1, -1, -1, -1)
    code = r.u8()
    out.item_status(code)
    if code != 0xFF:
        return
    r.skip(1)
    status = r.u8()
    r.skip(status if status > 0 else 1)
    out.item_values(r, r.u16(), DType.NONE, 0)


# --- blocks, NC programs -------------------------------------------------------------------------------------------


def _blocks(r: Reader, out: Rows, kind: int, sub: int, code: int) -> None:
    """Lists of blocks and what is told of one."""
    if kind == _REQUEST:
        if sub == 2:
            blocks.type_asked(r, out)
        elif sub == 3:
            blocks.block_name(r, out)
    elif kind == _RESPONSE and code == 0xFF:
        if sub == 1:
            blocks.listed(r, out)
        elif sub == 2:
            blocks.listed_type(r, out)
        elif sub == 3:
            r.skip(6)
            blocks.header(r, out, False)


def _nc_program(r: Reader, out: Rows, kind: int, sub: int) -> None:
    """Names of the files that go to and from a SINUMERIK."""
    name = ""
    if kind == _REQUEST and sub == 1:
        name = clean(r.take(r.left()))
    elif kind == _REQUEST and sub == 6:
        r.skip(2)
        name = clean(r.take(r.left()))
    elif kind != _REQUEST and sub in (2, 6, 7):
        # Length (8) and time stamp (16) in characters, the path up to a line feed, then the content.
        r.skip(2)
        length = clean(r.take(8))
        if length.isdigit():
            out.ext(t.BLOCK_LENGTH, int(length))
        r.skip(16)
        path = r.take(r.left())
        end = path.find(b"\n")
        if end >= 0:
            name = clean(path[:end])
    if name:
        out.name(name)
        out.ext_text(t.FILENAME, name)
