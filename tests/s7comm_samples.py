"""S7comm for tests: encoders of PDUs, samples of every class, and a flow that turns rows back into readable ones.

The samples are written by hand from the field tables in the parser's sources.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from parsers import _s7comm_tables as tables
from parsers import s7comm
from sentinel.model import Kind
from sentinel.schema import FACT_KINDS
from sentinel.wire import layout
from sentinel.wire.own import Own
from sentinel.wire.reader import Reader
from sentinel.wire.rows import Rows

ASK, ANSWER = 0, 1
TEXTS = {extra.name for extra in s7comm.TABLE if extra.type == "text"}


# -- encoders --------------------------------------------------------------------------------------------------------


def hexed(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


def pdu(rosctr: int, parameters: bytes, data: bytes = b"", reference: int = 0x0100, error: int | None = None) -> bytes:
    head = struct.pack(">BBHHHH", 0x32, rosctr, 0, reference, len(parameters), len(data))
    return head + (b"" if error is None else error.to_bytes(2, "big")) + parameters + data


def job(parameters: bytes, data: bytes = b"", reference: int = 0x0100) -> bytes:
    return pdu(1, parameters, data, reference)


def reply(parameters: bytes, data: bytes = b"", reference: int = 0x0100, error: int = 0) -> bytes:
    return pdu(3, parameters, data, reference, error)


def any_item(size: int, quantity: int, db: int, area: int, byte: int, bit: int = 0) -> bytes:
    pointer = byte if 0x1C <= area <= 0x1F or area == 1 else byte << 3 | bit
    return struct.pack(">BBBBHHB", 0x12, 10, 0x10, size, quantity, db, area) + pointer.to_bytes(3, "big")


def value(code: int, size: int, content: bytes, pad: bool = True) -> bytes:
    told = len(content) * 8 if size in (4, 5) else 1 if size == 3 else len(content)
    return bytes([code, size]) + told.to_bytes(2, "big") + content + (b"\x00" if pad and len(content) % 2 else b"")


def read_var(*addresses: bytes) -> bytes:
    return job(bytes([4, len(addresses)]) + b"".join(addresses))


def ud_request(group: int, sub: int, data: bytes = b"", reference: int = 0x0200, code: int = 0xFF) -> bytes:
    head = bytes([0, 1, 0x12, 4, 0x11, 0x40 | group, sub, 0])
    return pdu(7, head, data_head(data, code), reference)


def ud_answer(
    group: int,
    sub: int,
    data: bytes = b"",
    reference: int = 0x0200,
    sequence: int = 0,
    unit: int = 0,
    more: int = 0,
    error: int = 0,
    code: int = 0xFF,
    kind: int = 0x80,
) -> bytes:
    head = bytes([0, 1, 0x12, 8, 0x12, kind | group, sub, sequence, unit, more]) + error.to_bytes(2, "big")
    return pdu(7, head, data_head(data, code), reference)


def ud_push(group: int, sub: int, data: bytes, sequence: int = 0) -> bytes:
    return ud_answer(group, sub, data, 0, sequence, kind=0)


def data_head(data: bytes, code: int) -> bytes:
    if not data:
        return b"\x0a\x00\x00\x00"
    return bytes([code, 9]) + len(data).to_bytes(2, "big") + data


def block_header(kind: int, number: int, length: int, mc7: int, language: int = 1, security: int = 0) -> bytes:
    stamp = struct.pack(">IH", 43_075_424, 11189)  # 2014-08-20 11:57:55.424
    head = struct.pack(">HBBBBHII", 0x7070, 1, 1, language, kind, number, length, security)
    return head + stamp + stamp + struct.pack(">HHHH", 28, 0, 0, mc7)


def block_footer(author: bytes, family: bytes, name: bytes, version: int, checksum: int) -> bytes:
    texts = author.ljust(8, b"\0") + family.ljust(8, b"\0") + name.ljust(8, b"\0")
    return texts + struct.pack(">BBH", version, 0, checksum) + bytes(8)


def block(number: int = 1, length: int = 300) -> bytes:
    footer = block_footer(b"TWI", b"Test", b"DATA", 0x12, 0xC0DF)
    body = bytes(k % 251 for k in range(length - 72))
    return block_header(10, number, length, max(length - 100, 0), 5) + body + footer


def transfer(function: int, number: int = 0, name: bytes = b"", tail: bytes = b"", reference: int = 0x0100) -> bytes:
    parameters = struct.pack(">BBHI", function, 0, 0, number)
    return job(parameters + (bytes([len(name)]) + name if name else b"") + tail, reference=reference)


def piece(function: int, content: bytes, more: bool, reference: int) -> bytes:
    return reply(bytes([function, int(more)]), struct.pack(">HH", len(content), 0x00FB) + content, reference)


def pi(name: bytes, arguments: bytes = b"") -> bytes:
    head = b"\x28" + bytes(6) + b"\xfd" + len(arguments).to_bytes(2, "big") + arguments
    return job(head + bytes([len(name)]) + name)


def szl(identifier: int, index: int, *records: bytes) -> bytes:
    return struct.pack(">HHHH", identifier, index, len(records[0]), len(records)) + b"".join(records)


def module(index: int, order: bytes, version: int, release: int) -> bytes:
    return struct.pack(">H20sHHH", index, order.ljust(20), 0x00C0, version, release)


def component(index: int, text: bytes) -> bytes:
    return struct.pack(">H32s", index, text)


def coded(password: bytes) -> bytes:
    """As a programming device codes it: blanks up to eight, each byte mixed with the one two before."""
    result: list[int] = []
    for k, c in enumerate(password.ljust(8)):
        result.append(c ^ 0x55 ^ (result[k - 2] if k >= 2 else 0))
    return bytes(result)


def tis(parameters: bytes, data: bytes) -> bytes:
    return struct.pack(">HH", len(parameters), len(data)) + parameters + data


# -- feeding ---------------------------------------------------------------------------------------------------------

CELLS = ("FUNCTION", "OBJECT", "BLOCK", "ADDRESS", "QUANTITY", "STATUS", "TRANSACTION", "SHAPE", "FAULT", "LENGTH")
ITEM_CELLS = ("OBJECT", "BLOCK", "ADDRESS", "BIT", "QUANTITY", "STATUS", "DTYPE")


@dataclass
class Row:
    kind: int
    operation: str
    activity: int
    own: dict = field(default_factory=dict)
    items: list = field(default_factory=list)
    cells: dict = field(default_factory=dict)

    def __getattr__(self, name: str):
        try:
            return self.__dict__["cells"][name]
        except KeyError:
            raise AttributeError(name) from None


class Feed:
    """A flow: parses PDUs as the core would and turns rows back into what a reader sees."""

    def __init__(self, shared: dict | None = None) -> None:
        self.out = Rows()
        self.extra = Own(len(s7comm.TABLE) + 1)
        self.out.extras[0] = self.extra
        self.out.use(0, self.extra)
        self.out.shared = {} if shared is None else shared
        self.slots: tuple[dict, dict] = ({}, {})
        self.frame = 0

    def __call__(self, direction: int, packet: bytes) -> Row:
        self.frame += 1
        before = self.out.messages.n
        self.out.slot = self.slots[direction]
        self.out.at(self.frame, self.frame, 0, 1, 1, direction, 0)
        r = Reader(packet)
        s7comm.parse(r, self.out)
        assert r.pos == len(packet) and r.narrowed == 0 and r.end == len(packet)
        assert self.out.messages.n == before + 1  # one PDU is one message
        return self.row(before)

    def row(self, n: int) -> Row:
        cells = self.out.messages.cells[n]
        operation = s7comm.OPERATIONS[int(cells[layout.M_OPERATION])]
        row = Row(Kind(cells[layout.M_KIND]), operation.name, operation.activity)
        for name in CELLS:
            cell = getattr(layout, f"M_{name}")
            if cells[0] >> cell & 1 or name == "LENGTH":
                row.cells[name.lower()] = int(cells[cell])
        if cells[0] >> layout.M_NAME & 1:
            row.cells["name"] = self.out.texts[cells[layout.M_NAME]]
        own = self.extra.cells[cells[layout.M_EXT]]
        for k, extra in enumerate(s7comm.TABLE):
            if own[0] >> (k + 1) & 1:
                row.own[extra.name] = self.out.texts[own[k + 1]] if extra.name in TEXTS else int(own[k + 1])
        for entry in self.out.items.cells[: self.out.items.n]:
            if entry[layout.I_MESSAGE] == n:
                row.items.append(self.item(entry))
        return row

    def item(self, cells) -> dict:
        item = {}
        for name in ITEM_CELLS:
            cell = getattr(layout, f"I_{name}")
            if cells[0] >> cell & 1:
                item[name.lower()] = int(cells[cell])
        if cells[0] >> layout.I_DTYPE & 1:
            item["step"] = int(cells[layout.I_STEP])
        if cells[0] >> layout.I_NAME & 1:
            item["name"] = self.out.texts[cells[layout.I_NAME]]
        if cells[0] >> layout.I_DATA & 1:
            at = cells[layout.I_DATA]
            item["data"] = bytes(self.out.heap_bytes[at : at + cells[layout.I_DATA_LENGTH]]).hex()
        return item

    def facts(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for fact in self.out.facts:
            kind, text = next((fact[k], fact[k + 1]) for k in range(len(fact)) if fact[k] in FACT_KINDS)
            found.setdefault(kind, []).append(text)
        return found


def ask(packet: bytes) -> Row:
    return Feed()(ASK, packet)


def answer(packet: bytes) -> Row:
    return Feed()(ANSWER, packet)


# -- samples -----------------------------------------------------------------------------------------------------------

CLOCK = hexed("00 19 16 02 08 14 51 37 91 62")
STAMP = CLOCK[2:]
ALARM = hexed("12 12 16 01 60000001 03 00 00 00") + value(0xFF, 9, b"\xbe\xef")
TRIGGER = bytes(18) + b"\x02\x00"
TABLE_ADDRESSES = (
    hexed("03 01 0000 0000") + hexed("10 05 0000 0008") + hexed("72 02 0007 0064") + hexed("54 01 0000 0003")
)
TABLE_VALUES = (
    value(0xFF, 9, b"\x41\x20\0\0") + value(0xFF, 9, b"\x01") + value(0xFF, 9, b"\0\1\0\2") + value(0x0A, 0, b"")
)
SETUP = job(hexed("f0 00 0001 0001 01e0"))
SAMPLES = [
    SETUP,
    reply(hexed("f0 00 0001 0001 00f0")),
    pdu(2, b"", error=0xD20C),
    read_var(any_item(8, 3, 7, 0x84, 300), any_item(1, 1, 0, 0x81, 2, 3)),
    read_var(hexed("12 12 b2 ff 8a0e 0002 deadbeef 20000001 40000003")),
    read_var(hexed("12 0c b0 02 10 0001 0000 04 0005 0064"), hexed("12 08 82 41 0078 0001 7f 01")),
    reply(b"\x04\x02", value(0xFF, 4, b"\x01") + value(0xFF, 3, b"\x01", pad=False)),
    job(b"\x05\x01" + any_item(8, 1, 0, 0x83, 16), value(0, 7, b"\x41\x20\0\0")),
    reply(b"\x05\x01", b"\xff"),
    transfer(0x1A, name=b"_0A00001P", tail=b"\x0d1000300000200"),
    transfer(0x1B, name=b"_0A00001P"),
    piece(0x1B, block(length=80), False, 0x0100),
    transfer(0x1D, name=b"_0A00001P"),
    reply(b"\x1d\x00\x01\x00" + struct.pack(">I", 7) + b"\x070000300"),
    transfer(0x1E, 7),
    transfer(0x1F, 7),
    pi(b"P_PROGRAM", b"C "),
    pi(b"_INSE", b"\x01\x000A00001P"),
    pi(b"_N_LOGIN_", b"\x03001\x06SUNRIS\x00"),
    job(b"\x29" + bytes(5) + b"\x09P_PROGRAM"),
    ud_request(4, 1, hexed("001c0000")),
    ud_answer(4, 1, szl(0x0011, 0, module(1, b"6ES7 315-2EH14-0AB0", 3, 1))),
    ud_answer(4, 1, szl(0x001C, 0, component(1, b"x"), component(5, b"y")), unit=3, more=1),
    ud_answer(3, 3, bytes(6) + block()[:36] + block()[264:]),
    ud_answer(3, 1, b"08\x00\x01"),
    ud_request(5, 1, coded(b"toor")),
    ud_request(7, 2, CLOCK),
    ud_push(4, 5, STAMP + b"\x00\x01" + ALARM),
    ud_push(4, 3, hexed("4304 ff 84 0000 0000 00000000 9401092153421521")),
    ud_request(1, 2, tis(TRIGGER, b"\x00\x04" + TABLE_ADDRESSES)),
    ud_push(1, 2, tis(b"\x01\x00\x00\x01", b"\x00\x04" + TABLE_VALUES)),
    ud_request(1, 0x12, tis(TRIGGER, hexed("0000 02 05") + tis(TRIGGER, b"\x00\x01" + TABLE_ADDRESSES[:6]))),
    ud_request(2, 1, hexed("0001 01 05") + any_item(4, 1, 0, 0x83, 10)),
    ud_answer(4, 0x13, hexed("00 01 ff 09 ffff 09 0000 02 60000001 00 01 00 00 00")),
    ud_request(0x3F, 1, b"/_N_MPF_DIR/_N_PART_MPF"),
    pdu(7, bytes([1, 0, 0x10, 0x10, 0, 0, 0, 0]), reference=0),
    pdu(7, hexed("00 01 12 06 13 00 0000cafe"), hexed("ff 00 0001") + value(0xFF, 9, b"\xbe\xef"), reference=0),
]


def message_of(key: int) -> bytes:
    """A message whose operation has that key."""
    if key >= tables.USERDATA:
        group, sub = key >> 8 & 0x3F, key & 0xFF
        if (group, sub) == (tables.BLOCK_SEND_GROUP, 0):
            return pdu(7, hexed("00 01 12 06 13 00 0000cafe"), hexed("ff 00 0000"), reference=0)
        return ud_request(group, sub)
    if key >= tables.MODE:
        return pdu(7, bytes([1, 0, 0x10, 0x10, 0, 0, key & 0xFF, 0]), reference=0)
    services = {known: name for name, (known, _) in tables.PI_SERVICES.items()}
    if key in services:
        return pi(services[key].encode())
    others = {
        tables.PI_OTHER: pi(b"_WHAT"),
        tables.PLC_START: pi(b"P_PROGRAM"),
        tables.PLC_START_COLD: pi(b"P_PROGRAM", b"C "),
        tables.ACK: pdu(2, b"", error=0),
        tables.JOB_OTHER: job(b"\x77"),
        tables.CPU_SERVICE: job(b"\x00"),
        tables.USERDATA_OTHER: ud_request(0x3E, 1),
    }
    return others[key] if key in others else reply(bytes([key]))
