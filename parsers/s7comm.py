# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""S7 communication of SIEMENS S7-200, 300, 400, and of 1200 and 1500 where they still speak it.

Siemens publishes the services (System Software for S7-300/400, A5E00739858; SIMATIC NET manuals), not the coding of
their PDUs; what is read here agrees with Wireshark's dissector, with Snap7, and with captures of real stations.

Joined are request and answer by PDU reference (big-endian) and shape: the function code, or for userdata
0x10000 | group << 8 | subfunction. In a download the station asks and the programming device answers.
"""

from array import array

import cython

from sentinel.model import Direction, Fault, Kind, Verdict

if cython.compiled:
    from cython.cimports.parsers import _s7comm_items as items
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from parsers import _s7comm_items as items
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from parsers import _s7comm_blocks as blocks
from parsers import _s7comm_tables as t
from parsers import _s7comm_userdata as userdata
from parsers._s7comm_errors import STATUSES as STATUSES
from parsers._s7comm_tables import OBJECTS as OBJECTS
from parsers._s7comm_tables import OPERATIONS as OPERATIONS
from parsers._s7comm_tables import TABLE as TABLE
from sentinel.wire.reader import Malformed

NAME = "s7comm"
TITLE = "S7comm"
TRANSPORTS = ()
PORTS: dict[str, tuple[int, ...]] = {}
OVER = ("cotp",)
STREAM_CAP = 65536 * 2 + 12

_REQUEST = cython.declare(cython.int, int(Kind.REQUEST))
_RESPONSE = cython.declare(cython.int, int(Kind.RESPONSE))
_EXCEPTION = cython.declare(cython.int, int(Kind.EXCEPTION))
_UNSOLICITED = cython.declare(cython.int, int(Kind.UNSOLICITED))
_OTHER = cython.declare(cython.int, int(Kind.OTHER))

# Own columns that every message fills, as literals for speed (a test compares them with the table).
_ROSCTR = cython.declare(cython.int, 0)
_ERROR_CLASS = cython.declare(cython.int, 4)
_ERROR_CODE = cython.declare(cython.int, 5)
_ITEM_COUNT = cython.declare(cython.int, 6)
_JOB_OTHER = cython.declare(cython.int, t.JOB_OTHER)
_ACK = cython.declare(cython.int, t.ACK)
_CPU_SERVICE = cython.declare(cython.int, t.CPU_SERVICE)
_KNOWN = cython.declare(cython.int[::1], array("i", [code in OPERATIONS for code in range(256)]))


def probe(r: Reader, direction: int) -> int:
    """Protocol 0x32, a PDU kind, and lengths that fill the PDU; YES with a known function or userdata head behind."""
    if r.peek(0) != 0x32:
        if r.left() == 0:
            r.need(10)
        return Verdict.NO
    r.need(10)
    rosctr = r.peek(1)
    if rosctr not in (1, 2, 3, 7):
        return Verdict.NO
    header = 12 if rosctr == 2 or rosctr == 3 else 10
    parameters = r.peek16(6)
    total = header + parameters + r.peek16(8)
    r.need(total)
    if r.peek16(2) != 0:
        return Verdict.MAYBE if total == r.left() else Verdict.NO
    if rosctr == 2:
        return Verdict.YES if parameters == 0 and total == 12 else Verdict.MAYBE
    if rosctr == 7:
        if parameters < 8:
            return Verdict.NO
        known = r.peek16(header) == 0x0001 and r.peek(header + 2) == 0x12
        return Verdict.YES if known or r.peek(header) == 1 else Verdict.NO
    if parameters == 0:
        # A refusal may come without parameters; a job may not.
        return Verdict.NO if rosctr == 1 or r.peek16(10) == 0 else Verdict.MAYBE
    function = r.peek(header)
    return Verdict.YES if function == 0 or _KNOWN[function] else Verdict.MAYBE


def orient(r: Reader) -> int:
    """Jobs and userdata requests go to the server; of a download, the blocks are asked for by the server."""
    if r.peek(0) != 0x32:
        return Direction.UNKNOWN
    rosctr = r.peek(1)
    if rosctr == 1 or rosctr == 3:
        function = r.peek(10 if rosctr == 1 else 12)
        fetched = function == 0x1B or function == 0x1C
        return Direction.TO_CLIENT if (rosctr == 3) != fetched else Direction.TO_SERVER
    if rosctr == 7:
        how = r.peek(15)
        if how < 0 or how & 0x3F == 0x06 or how & 0x3F == 0x3F:  # block send and NC programs go both ways
            return Direction.UNKNOWN
        if how >> 6 == 1:
            return Direction.TO_SERVER
        return Direction.TO_CLIENT if how >> 6 == 2 else Direction.UNKNOWN
    return Direction.UNKNOWN


def parse(r: Reader, out: Rows) -> None:
    """One PDU: header, parameters, data. Content that breaks the rules is a fault of its row, not of the stream."""
    start = r.pos
    rosctr = r.peek(1)
    if r.peek(0) != 0x32:
        r.need(1)
        raise Malformed(Fault.IDENTIFIER, "protocol identifier")
    if rosctr != 1 and rosctr != 2 and rosctr != 3 and rosctr != 7:
        r.need(2)
        raise Malformed(Fault.FUNCTION, "PDU kind")
    answered = rosctr == 2 or rosctr == 3
    header: cython.Py_ssize_t = 12 if answered else 10
    r.need(header)
    redundancy: cython.int = r.data[start + 2] << 8 | r.data[start + 3]
    reference: cython.int = r.data[start + 4] << 8 | r.data[start + 5]
    parameters: cython.int = r.data[start + 6] << 8 | r.data[start + 7]
    length: cython.int = r.data[start + 8] << 8 | r.data[start + 9]
    status: cython.int = r.data[start + 10] << 8 | r.data[start + 11] if answered else 0
    r.pos = start + header
    r.need(parameters + length)
    body = r.pos
    end = body + parameters + length
    saved = r.narrow(parameters + length)
    depth = r.narrowed
    if rosctr == 7:
        _begin_userdata(r, out, parameters)
    else:
        _begin_job(r, out, rosctr, parameters, status)
    out.length(end - start)
    out.ext4(_ROSCTR, rosctr, reference, parameters, length)
    if answered:
        out.status(status)
        out.ext(_ERROR_CLASS, status >> 8)
        out.ext(_ERROR_CODE, status & 0xFF)
    if redundancy != 0:
        out.fault(Fault.VALUE, "redundancy identification")
    try:
        if rosctr == 7:
            _userdata(r, out, reference, parameters)
        elif parameters > 0 and rosctr != 2:
            function = r.u8()
            out.pairing(-1, reference, function)
            if rosctr == 1:
                _job(r, out, function, reference, body + parameters)
            else:
                _answer(r, out, function, reference, body + parameters)
        else:
            out.transaction(reference)
    except Malformed as wrong:
        out.fault(wrong.args[0], wrong.args[1])
    r.pos = end
    r.narrowed = depth
    r.widen(saved)


@cython.cfunc
def _begin_job(
    r: Reader, out: Rows, rosctr: cython.int, parameters: cython.int, status: cython.int
) -> cython.int:
    """Start the row of a job or of an answer to one."""
    function = r.peek(0) if parameters > 0 and rosctr != 2 else -1
    operation = function
    if function < 0:
        operation = _ACK if rosctr != 1 else _JOB_OTHER
    elif not _KNOWN[function]:
        operation = _CPU_SERVICE if function == 0 else _JOB_OTHER
    if rosctr == 1:
        kind = _REQUEST
    else:
        kind = _RESPONSE if status == 0 else _EXCEPTION
    out.message(kind, function, operation)
    if operation == _JOB_OTHER:
        out.fault(Fault.FUNCTION, "function that is not known")
    return 0


@cython.cfunc
def _job(r: Reader, out: Rows, function: cython.int, reference: cython.int, behind: cython.Py_ssize_t) -> cython.int:
    """Parameters (up to `behind`) and data of a job, after its function code."""
    if function == 0x04:
        count = r.u8()
        out.ext(_ITEM_COUNT, count)
        items.addresses(r, out, count)
    elif function == 0x05:
        count = r.u8()
        out.ext(_ITEM_COUNT, count)
        # Two cursors: the addresses stand in the parameters, the values behind them.
        items.written(r, out, items.closed(r.take(behind - r.pos)), count, False)
    elif function == 0xF0:
        _setup(r, out, False)
    elif 0x1A <= function <= 0x1F:
        blocks.job(r, out, function, reference)
    elif function == 0x28:
        out.operation(blocks.invoke(r, out))
    elif function == 0x29:
        blocks.stop(r, out)
    if r.pos > behind and function != 0x05:
        out.fault(Fault.LENGTH, "parameters run into the data")
    return 0


@cython.cfunc
def _answer(r: Reader, out: Rows, function: cython.int, reference: cython.int, behind: cython.Py_ssize_t) -> cython.int:
    """Parameters (up to `behind`) and data of an answer, after its function code."""
    if function == 0x04 or function == 0x05:
        if r.pos == behind:
            return 0  # a refusal of the whole
        count = r.u8()
        out.ext(_ITEM_COUNT, count)
        r.pos = behind
        if r.left() == 0:
            return 0
        if function == 0x04:
            items.values(r, out, count)
        else:
            items.statuses(r, out, count)
        if r.left() > 0:
            out.fault(Fault.TRAILING, "bytes behind the last item")
    elif function == 0xF0:
        if behind - r.pos >= 7:
            _setup(r, out, True)
    elif 0x1A <= function <= 0x1F:
        saved = r.narrow(behind - r.pos)
        more = r.peek(0) & 1 if r.left() > 0 else 0
        blocks.answer(r, out, function)
        r.pos = behind
        r.widen(saved)
        if (function == 0x1B or function == 0x1E) and r.left() > 0:
            blocks.piece(r, out, function, reference, more == 1)
    elif function == 0x28 and r.pos < behind:
        out.ext(t.FUNCTION_STATUS, r.u8())
    return 0


def _setup(r: Reader, out: Rows, granted: bool) -> None:
    """Setup communication: jobs in parallel and PDU size; the module is the one that the transport selector names."""
    r.skip(1)
    out.ext(t.AMQ_CALLING, r.u16())
    out.ext(t.AMQ_CALLED, r.u16())
    out.ext(t.PDU_SIZE, r.u16())
    selectors = out.shared.get("cotp")
    if selectors is None or len(selectors[1]) != 2:
        return
    # SIMATIC NET: connection resource, then rack (3 bits) and slot (5 bits).
    called = items.closed(selectors[1])
    resource = called.u8()
    place = called.u8()
    out.ext(t.CONNECTION_TYPE, resource)
    out.ext(t.RACK, place >> 5)
    out.ext(t.SLOT, place & 0x1F)
    if granted:
        out.fact("module", f"rack {place >> 5} slot {place & 0x1F}: S7 communication", -1, 0.7)


def _begin_userdata(r: Reader, out: Rows, parameters: int) -> None:
    """Start the row of a userdata message: kind, operation and shape stand at fixed places of the parameters."""
    head = r.peek(0) if parameters >= 8 else -1
    if head == 1:
        mode = r.peek(6)
        key = t.MODE + mode
        out.message(_UNSOLICITED, -1, key if key in OPERATIONS else t.MODE + 0xFF)
        return
    if parameters >= 8 and r.peek(4) == 0x13:
        out.message(_UNSOLICITED, -1, t.USERDATA + (t.BLOCK_SEND_GROUP << 8))
        return
    if parameters < 8:
        out.message(_OTHER, -1, t.USERDATA_OTHER)
        return
    how = r.peek(5)
    group = how & 0x3F
    subfunction = r.peek(6)
    kind = _OTHER
    if how >> 6 == 0:
        kind = _UNSOLICITED
    elif how >> 6 == 1:
        kind = _REQUEST
    elif how >> 6 == 2:
        kind = _RESPONSE
        if parameters >= 12 and r.peek(4) == 0x12 and r.peek16(10) > 0:
            kind = _EXCEPTION
    operation = userdata.kept_operation(group, subfunction)
    out.message(kind, -1, operation)
    out.shape(0x10000 | group << 8 | subfunction)
    if kind == _OTHER:
        out.fault(Fault.VALUE, "userdata type")
    elif operation == t.USERDATA_OTHER or operation & 0xFF == 0xFF:
        out.fault(Fault.FUNCTION, "userdata function that is not known")
    if how >> 6 == 2 and parameters >= 12 and r.peek(4) == 0x12:
        out.status(r.peek16(10))


def _userdata(r: Reader, out: Rows, reference: int, parameters: int) -> None:
    """Parameters and data of a userdata message."""
    if parameters < 8:
        raise Malformed(Fault.LENGTH, "userdata parameters")
    if r.peek(0) == 1:
        userdata.mode(r, out)
    elif r.peek(4) == 0x13:
        userdata.unacknowledged_send(r, out, parameters)
    else:
        if r.peek(5) >> 6 != 0:
            # What a station pushes answers no request, whatever reference it carries.
            out.transaction(reference)
        userdata.function(r, out, parameters, reference)
