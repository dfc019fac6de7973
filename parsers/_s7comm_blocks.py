# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""Blocks of the user program in S7comm: names, headers, upload and download, program invocation services.

Of a block in transfer only its first and last 36 bytes, its length and a running hash are kept (in `out.shared`), which
is all that its header and its identity need, so that no block is too large.
"""

import hashlib

import cython

from sentinel.model import Fault

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from parsers import _s7comm_items as items
from parsers import _s7comm_tables as t
from sentinel.wire.reader import Malformed
from sentinel.wire.rows import clean

HEADER = 36
"""Bytes of the block header, and of the footer."""
MAX_KEPT = 16
"""Most transfers, and most jobs, of one flow that are followed at once."""
MAX_BLOCKS = 64
"""Most blocks of one PI service that are named."""

_DAY = 86_400_000_000_000
_EPOCH_1984 = 441_763_200 * 1_000_000_000  # 1984-01-01, from which blocks count their days


def _digits(text) -> int:
    """The number that some ASCII digits write, or -1."""
    return int(text) if text.isdigit() else -1


def file_name(r: Reader, out: Rows, length: int) -> None:
    """A file name of a transfer: `_` or `$`, block type (2), number (5), file system; others are NC file names."""
    name = r.take(length)
    out.name(name)
    out.ext_text(t.FILENAME, name)
    if length == 9 and name[:1] in (b"_", b"$"):
        _block_name(out, name[1:], True)


def block_name(r: Reader, out: Rows) -> None:
    """The block that a block information asks for: type (2), number (5), file system."""
    name = r.take(8)
    out.name(name)
    _block_name(out, name, True)


def _block_name(out: Rows, name, single: bool) -> None:
    """The block that eight characters name: the target of the message, or one item of it."""
    try:
        kind = int(name[:2], 16)
    except ValueError:
        kind = -1
    number = _digits(name[2:7])
    if kind not in t.BLOCK_TYPES or number < 0:
        out.fault(Fault.VALUE, "block name")
        return
    if single:
        out.ext_text(t.BLOCK_TYPE, t.BLOCK_TYPES[kind])
        out.ext(t.BLOCK_NUMBER, number)
        out.ext_text(t.FILE_SYSTEM, name[7:8])
        out.target(t.BLOCK_OBJECT | kind, number, -1)
    else:
        out.item(t.BLOCK_OBJECT | kind, -1, number, -1)
        out.item_name(f"{t.BLOCK_TYPES[kind]}{number}")


def stamp(r: Reader) -> int:
    """A block's time stamp (ms of the day, days since 1984) as ns since 1970, or -1 where it is none."""
    milliseconds = r.u32()
    days = r.u16()
    if milliseconds >= 86_400_000 or (days == 0 and milliseconds == 0):
        return -1
    return _EPOCH_1984 + days * _DAY + milliseconds * 1_000_000


def header(r: Reader, out: Rows, about_peer: bool) -> int:
    """Block header (36 bytes) and footer (36 bytes), around a block or in block information; returns its length."""
    if r.u16() != 0x7070:
        raise Malformed(Fault.IDENTIFIER, "block header")
    r.skip(2)
    language = r.u8()
    kind = r.u8()
    number = r.u16()
    length = r.u32()
    security = r.u32()
    code = stamp(r)
    interface = stamp(r)
    r.skip(6)  # lengths of the SSB and ADD sections and of the local data
    mc7 = r.u16()
    author = clean(r.take(8))
    family = clean(r.take(8))
    name = clean(r.take(8))
    version = r.u8()
    r.skip(1)
    checksum = r.u16()
    r.skip(8)
    short = t.BLOCK_TYPES.get(kind, f"type {kind}")
    out.ext_text(t.BLOCK_TYPE, short)
    out.ext(t.BLOCK_NUMBER, number)
    out.ext_text(t.BLOCK_LANGUAGE, t.LANGUAGES.get(language, f"0x{language:02x}"))
    out.ext(t.BLOCK_LENGTH, length)
    out.ext(t.MC7_LENGTH, mc7)
    out.ext(t.BLOCK_PROTECTED, 1 if security & 3 else 0)
    if code >= 0:
        out.ext(t.BLOCK_CODE_TIME, code)
    if interface >= 0:
        out.ext(t.BLOCK_INTERFACE_TIME, interface)
    out.ext_text(t.BLOCK_AUTHOR, author)
    out.ext_text(t.BLOCK_FAMILY, family)
    out.ext_text(t.BLOCK_NAME, name)
    out.ext_text(t.BLOCK_VERSION, f"{version >> 4}.{version & 15}")
    out.ext(t.BLOCK_CHECKSUM, checksum)
    if kind in t.BLOCK_TYPES:
        out.target(t.BLOCK_OBJECT | kind, number, -1)
    told = " ".join(part for part in (author, family, name) if part)
    words = [f"{short}{number}", f"version {version >> 4}.{version & 15}", f"checksum {checksum:04x}"]
    out.fact("program", " ".join([*words, told] if told else words), -1, 0.9, about_peer)
    return length


# --- transfers -----------------------------------------------------------------------------------------------------


class Transfer:
    """What is kept of a block while its pieces pass."""

    def __init__(self):
        self.head = b""
        self.tail = b""
        self.size = 0
        self.hash = hashlib.sha256()

    def add(self, piece):
        """Take the next piece."""
        if len(self.head) < HEADER:
            self.head = (self.head + piece)[:HEADER]
        joined = self.tail + piece
        self.tail = joined[max(0, len(joined) - HEADER) :]
        self.size += len(piece)
        self.hash.update(piece)


def remember(store, key, value) -> None:
    """Keep the newest MAX_KEPT entries."""
    store.pop(key, None)
    while len(store) >= MAX_KEPT:
        del store[next(iter(store))]
    store[key] = value


def _followed(out: Rows, function: int, reference: int, key) -> None:
    """A job that fetches a piece: its answer, which names no transfer, is told by direction and PDU reference."""
    jobs = out.shared.setdefault("s7comm_pieces", {})
    remember(jobs, (function, out.direction, reference), key)


def job(r: Reader, out: Rows, function: int, reference: int) -> None:
    """Parameters of a transfer job behind its function code: status, error or reserved, transfer, file name."""
    out.ext(t.FUNCTION_STATUS, r.u8())
    code = r.u16()
    if function == 0x1C or function == 0x1F:
        out.ext(t.PARAMETER_ERROR, code)
    transfer = r.u32()
    out.ext(t.TRANSFER_ID, transfer)
    key = (function, transfer)
    if function != 0x1E and function != 0x1F:
        length = r.u8()
        place = r.pos
        file_name(r, out, length)
        key = (function, r.slice(place, r.pos))
    if function == 0x1A and r.left() > 0:
        # Second part: a character, then the lengths in load memory and of the MC7 code, six digits each.
        length = r.u8()
        part = r.take(length)
        if length >= 13:
            load = _digits(part[1:7])
            code = _digits(part[7:13])
            if load >= 0:
                out.ext(t.BLOCK_LENGTH, load)
            if code >= 0:
                out.ext(t.MC7_LENGTH, code)
    if function == 0x1B or function == 0x1E:
        _followed(out, function, reference, key)
    elif function == 0x1F:
        out.shared.get("s7comm_blocks", {}).pop((0x1E, transfer), None)
    elif function == 0x1C:
        out.shared.get("s7comm_blocks", {}).pop((0x1B, key[1]), None)


def answer(r: Reader, out: Rows, function: int) -> None:
    """Parameters of a transfer answer behind its function code."""
    if r.left() == 0:
        return
    status = r.u8()
    out.ext(t.FUNCTION_STATUS, status)
    if function == 0x1B or function == 0x1E:
        out.ext(t.MORE, status & 1)
    if function == 0x1D and r.left() >= 6:
        r.skip(2)
        out.ext(t.TRANSFER_ID, r.u32())
        if r.left() > 0:
            length = _digits(r.take(r.u8()))
            if length >= 0:
                out.ext(t.BLOCK_LENGTH, length)


def piece(r: Reader, out: Rows, function: int, reference: int, more: bool) -> None:
    """Data of an upload or download answer: length, 0x00fb, that many bytes of the block."""
    length = r.u16()
    r.skip(2)
    data = r.take(length)
    out.ext(t.BLOCK_LENGTH, length)
    jobs = out.shared.get("s7comm_pieces", {})
    key = jobs.pop((function, 1 - out.direction, reference), None)
    if key is None:
        return  # the job was not seen, so which block this belongs to is not known
    if function == 0x1B:
        out.ext_text(t.FILENAME, key[1])
    else:
        out.ext(t.TRANSFER_ID, key[1])
    blocks = out.shared.setdefault("s7comm_blocks", {})
    transfer = blocks.get(key)
    if transfer is None:
        transfer = Transfer()
        remember(blocks, key, transfer)
    transfer.add(data)
    if more:
        return
    del blocks[key]
    head = transfer.head
    if transfer.size >= 2 * HEADER and head[:2] == b"pp":
        # The block is the controller's: who uploads tells of itself, who answers a download tells of its peer.
        if header(items.closed(head + transfer.tail), out, function == 0x1B) == transfer.size:
            out.ext_text(t.BLOCK_SHA256, transfer.hash.hexdigest())
        else:
            out.fault(Fault.LENGTH, "block shorter or longer than its header says")


# --- program invocation --------------------------------------------------------------------------------------------


def stop(r: Reader, out: Rows) -> None:
    """PLC stop behind its function code: five reserved bytes, then the name of the program."""
    r.skip(5)
    name = r.take(r.u8())
    out.ext_text(t.PI_SERVICE, name)
    out.name(name)


def invoke(r: Reader, out: Rows) -> int:
    """A PI service behind its function code: seven reserved bytes, argument block, name. Returns its operation."""
    r.skip(7)
    length = r.u16()
    place = r.pos
    r.skip(length)
    behind = r.pos
    name = clean(r.take(r.u8()))
    out.ext_text(t.PI_SERVICE, name)
    out.name(name)
    after = r.pos
    r.pos = place
    saved = r.narrow(behind - place)
    operation = _arguments(r, out, name)
    r.pos = after
    r.widen(saved)
    return operation


def _arguments(r: Reader, out: Rows, name: str) -> int:
    """The argument block of a PI service, as its name lays it out; returns the operation."""
    if name.startswith("P_PROG"):
        argument = clean(r.take(r.left()))
        out.ext_text(t.PI_ARGUMENT, argument)
        return t.PLC_START_COLD if argument.startswith("C") else t.PLC_START
    operation, secret = t.PI_SERVICES.get(name, (t.PI_OTHER, -1))
    if name in ("_INSE", "_INS2", "_DELE"):
        _blocks(r, out)
    elif name.startswith("_N_"):
        _strings(r, out, secret)
    elif name in t.PI_SERVICES:
        out.ext_text(t.PI_ARGUMENT, r.take(r.left()))
    # The layout of an unknown service is unknown too, and could hold a password: nothing of it is kept.
    return operation


def _blocks(r: Reader, out: Rows) -> None:
    """_INSE, _INS2, _DELE: count, a zero byte, then eight characters for each block."""
    if r.left() == 0:
        return
    count = r.u8()
    r.skip(1)
    out.ext(t.ITEM_COUNT, count)
    if count * 8 > r.left():
        raise Malformed(Fault.COUNT, "blocks of a PI service")
    names = []
    for _ in range(min(count, MAX_BLOCKS)):
        name = r.take(8)
        names.append(clean(name))
        _block_name(out, name, count == 1)
    out.ext_text(t.PI_ARGUMENT, ",".join(names))


def _strings(r: Reader, out: Rows, secret: int) -> None:
    """SINUMERIK services: strings with their length, padded to even; the password among them is not kept."""
    parts: list[str] = []
    while r.left() > 0 and len(parts) < MAX_BLOCKS:
        length = r.u8()
        text = r.take(length)
        if len(parts) == secret:
            out.ext(t.PASSWORD_LENGTH, length)
            parts.append("***")
        else:
            parts.append(clean(text))
        if length % 2 == 0 and r.left() > 0:
            r.skip(1)
    out.ext_text(t.PI_ARGUMENT, ",".join(parts))


# --- lists and information (userdata) ------------------------------------------------------------------------------


def listed(r: Reader, out: Rows) -> None:
    """Answer of "list blocks": type and number of blocks of it."""
    count = r.left() // 4
    out.ext(t.ITEM_COUNT, count)
    for _ in range(count):
        text = r.take(2)
        number = r.u16()
        try:
            kind = int(text, 16)
        except ValueError:
            kind = -1
        out.item(t.BLOCK_OBJECT | kind if kind in t.BLOCK_TYPES else t.UNKNOWN_OBJECT, -1, -1, number)


def listed_type(r: Reader, out: Rows) -> None:
    """Answer of "list blocks of a type": number, flags, language of each; the type stands in the request."""
    count = r.left() // 4
    out.ext(t.ITEM_COUNT, count)
    for _ in range(count):
        number = r.u16()
        r.skip(1)
        language = r.u8()
        out.item(-1, -1, number, -1)
        out.item_name(t.LANGUAGES.get(language, f"0x{language:02x}"))


def type_asked(r: Reader, out: Rows) -> None:
    """Request of "list blocks of a type": the type, two characters."""
    try:
        kind = int(r.take(2), 16)
    except ValueError:
        kind = -1
    if kind in t.BLOCK_TYPES:
        out.ext_text(t.BLOCK_TYPE, t.BLOCK_TYPES[kind])
        out.target(t.BLOCK_OBJECT | kind, -1, -1)
    else:
        out.fault(Fault.VALUE, "block type")
