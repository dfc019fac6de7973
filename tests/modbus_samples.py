"""Modbus messages written by hand from the field tables, and how tests feed them to the parser.

Source: Application Protocol V1.1b3, clause 6; Serial Line V1.02, clauses 2.5 and 6.2; CiA 309-2 for 43/13.
"""

from __future__ import annotations

from frames import Talk

from parsers import modbus
from sentinel.model import Direction, DType, Kind
from sentinel.wire import layout
from sentinel.wire.own import Own
from sentinel.wire.reader import Reader
from sentinel.wire.rows import Rows

ASK, ANSWER, EITHER = Direction.TO_SERVER, Direction.TO_CLIENT, Direction.UNKNOWN
COLUMNS = [extra.name for extra in modbus.TABLE]
CELLS = {
    "kind": layout.M_KIND,
    "function": layout.M_FUNCTION,
    "operation": layout.M_OPERATION,
    "unit": layout.M_UNIT,
    "object": layout.M_OBJECT,
    "block": layout.M_BLOCK,
    "address": layout.M_ADDRESS,
    "quantity": layout.M_QUANTITY,
    "status": layout.M_STATUS,
    "transaction": layout.M_TRANSACTION,
    "dtype": layout.M_DTYPE,
    "shape": layout.M_SHAPE,
    "fault": layout.M_FAULT,
}
ALWAYS = ("kind", "operation")
ITEM_CELLS = {
    "object": layout.I_OBJECT,
    "block": layout.I_BLOCK,
    "address": layout.I_ADDRESS,
    "quantity": layout.I_QUANTITY,
    "dtype": layout.I_DTYPE,
    "name": layout.I_NAME,
}


def rows_for(direction: int, shared: dict | None = None, carrier=None) -> Rows:
    """Rows as the core would hand them to the parser."""
    out = Rows()
    out.extras[1] = Own(len(modbus.TABLE) + 1)
    out.use(1, out.extras[1])
    out.at(1, 1, 0, 1, 0, int(direction), 0)
    out.shared = {} if shared is None else shared
    out.slot = {}
    out.carrier = carrier
    return out


def messages(out: Rows) -> list[dict]:
    """The message rows as dictionaries of what is present, with items, data and the protocol's own columns."""
    found = []
    items = out.items.cells[: out.items.n]
    extra = out.extras[1].cells[: out.extras[1].n]
    for n, row in enumerate(out.messages.cells[: out.messages.n]):
        seen = {k: int(row[c]) for k, c in CELLS.items() if k in ALWAYS or int(row[0]) >> c & 1}
        seen["kind"] = Kind(seen["kind"])
        seen["operation"] = modbus.OPERATIONS[seen["operation"]].name
        if "object" in seen:
            seen["object"] = modbus.OBJECTS[seen["object"]]
        if int(row[0]) >> layout.M_DATA & 1:
            at = int(row[layout.M_DATA])
            seen["values"] = bytes(out.heap_bytes[at : at + int(row[layout.M_DATA_LENGTH])]).hex()
            seen["step"] = int(row[layout.M_STEP])
        own = extra[int(row[layout.M_EXT])]
        for k, column in enumerate(modbus.TABLE):
            if int(own[0]) >> (k + 1) & 1:
                seen[column.name] = out.texts[int(own[k + 1])] if column.type == "text" else int(own[k + 1])
        mine = []
        for item in items[items[:, layout.I_MESSAGE] == n] if len(items) else []:
            one = {k: int(item[c]) for k, c in ITEM_CELLS.items() if int(item[0]) >> c & 1}
            one["object"] = modbus.OBJECTS[one["object"]]
            if "name" in one:
                one["name"] = out.texts[one["name"]]
            if int(item[0]) >> layout.I_DATA & 1:
                at = int(item[layout.I_DATA])
                one["values"] = bytes(out.heap_bytes[at : at + int(item[layout.I_DATA_LENGTH])]).hex()
            mine.append(one)
        if mine:
            seen["items"] = mine
        found.append(seen)
    return found


def feed(data: bytes, direction: int, **context) -> tuple[list[dict], Rows]:
    """Parse all messages of a stream piece, as the core does."""
    out = rows_for(direction, **context)
    r = Reader(data)
    while r.left() > 0:
        before = r.pos
        modbus.parse(r, out)
        assert r.pos > before
    return messages(out), out


def one(data: bytes, direction: int, **context) -> dict:
    """The only message in the bytes."""
    found, _ = feed(data, direction, **context)
    assert len(found) == 1
    return found[0]


def facts(out: Rows) -> set[tuple[str, str, int]]:
    """(kind, value, unit) of every fact."""
    return {(kind, value, unit) for *_, unit, kind, value, _confidence, _protocol in out.facts}


def crc(data: bytes) -> bytes:
    """CRC-16 bit by bit as Serial Line V1.02, 6.2.2 draws it: the naive twin of the parser's."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ 0xA001 if register & 1 else register >> 1
    return register.to_bytes(2, "little")


def mbap(pdu: bytes | str, unit: int = 17, transaction: int = 0x0102) -> bytes:
    pdu = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


def exchange(count: int = 6, **options) -> Talk:
    """A connection that reads registers; an answer takes one millisecond."""
    talk = Talk(**options).open()
    for n in range(count):
        talk.send(0, mbap("0300070002", transaction=n)).send(1, mbap(f"03040001{n:04x}", transaction=n))
    return talk


def rtu(pdu: bytes | str, unit: int = 17) -> bytes:
    body = bytes([unit]) + (bytes.fromhex(pdu) if isinstance(pdu, str) else pdu)
    return body + crc(body)


def ascii_frame(pdu: bytes | str, unit: int = 17) -> bytes:
    body = bytes([unit]) + (bytes.fromhex(pdu) if isinstance(pdu, str) else pdu)
    body += bytes([-sum(body) & 0xFF])
    return b":" + body.hex().upper().encode() + b"\r\n"


HINTS = {mbap: "", rtu: "rtu", ascii_frame: "ascii"}


def identification(
    *objects: tuple[int, bytes], code: int = 3, conformity: int = 0x83, more: int = 0, following: int = 0
) -> str:
    body = b"".join(bytes([number, len(text)]) + text for number, text in objects)
    return (bytes([0x2B, 0x0E, code, conformity, more, following, len(objects)]) + body).hex()


HOLDING, FILE = "holding_register", "file_record"

REQUESTS = [
    ("0100130025", "read_coils", {"object": "coil", "address": 19, "quantity": 37, "dtype": DType.BIT}),
    (
        "0200c40016",
        "read_discrete_inputs",
        {"object": "discrete_input", "address": 196, "quantity": 22, "dtype": DType.BIT},
    ),
    ("0300000001", "read_holding_registers", {"object": HOLDING, "address": 0, "quantity": 1, "dtype": DType.U16}),
    (
        "04ffff007d",
        "read_input_registers",
        {"object": "input_register", "address": 65535, "quantity": 125, "dtype": DType.U16},
    ),
    (
        "0500acff00",
        "write_single_coil",
        {"object": "coil", "address": 172, "quantity": 1, "value": 0xFF00, "values": "ff", "dtype": DType.BOOL},
    ),
    (
        "0500000000",
        "write_single_coil",
        {"object": "coil", "address": 0, "quantity": 1, "value": 0, "values": "00", "dtype": DType.BOOL},
    ),
    (
        "0600010003",
        "write_single_register",
        {"object": HOLDING, "address": 1, "quantity": 1, "value": 3, "values": "0003", "dtype": DType.U16},
    ),
    ("07", "read_exception_status", {}),
    ("080000a537", "diagnostics_return_query_data", {"subfunction": 0, "data": "a537"}),
    ("08000001020304", "diagnostics_return_query_data", {"subfunction": 0, "data": "01020304"}),
    ("080001ff00", "diagnostics_restart_communications", {"subfunction": 1, "data": "ff00"}),
    ("0800020000", "diagnostics_return_diagnostic_register", {"subfunction": 2}),
    ("0800030a00", "diagnostics_change_ascii_delimiter", {"subfunction": 3, "data": "0a00"}),
    ("0800040000", "diagnostics_force_listen_only", {"subfunction": 4}),
    ("08000a0000", "diagnostics_clear_counters", {"subfunction": 10}),
    ("08000b0000", "diagnostics_bus_message_count", {"subfunction": 11}),
    ("08000c0000", "diagnostics_bus_communication_error_count", {"subfunction": 12}),
    ("08000d0000", "diagnostics_bus_exception_error_count", {"subfunction": 13}),
    ("08000e0000", "diagnostics_server_message_count", {"subfunction": 14}),
    ("08000f0000", "diagnostics_server_no_response_count", {"subfunction": 15}),
    ("0800100000", "diagnostics_server_nak_count", {"subfunction": 16}),
    ("0800110000", "diagnostics_server_busy_count", {"subfunction": 17}),
    ("0800120000", "diagnostics_bus_character_overrun_count", {"subfunction": 18}),
    ("0800140000", "diagnostics_clear_overrun_counter", {"subfunction": 20}),
    ("0b", "get_comm_event_counter", {}),
    ("0c", "get_comm_event_log", {}),
    (
        "0f0013000a02cd01",
        "write_multiple_coils",
        {"object": "coil", "address": 19, "quantity": 10, "values": "cd01", "dtype": DType.BIT},
    ),
    (
        "100001000204000a0102",
        "write_multiple_registers",
        {"object": HOLDING, "address": 1, "quantity": 2, "values": "000a0102", "dtype": DType.U16},
    ),
    ("11", "report_server_id", {}),
    (
        "140e0600040001000206000300090002",
        "read_file_record",
        {
            "items": [
                {"object": FILE, "block": 4, "address": 1, "quantity": 2, "dtype": DType.U16},
                {"object": FILE, "block": 3, "address": 9, "quantity": 2, "dtype": DType.U16},
            ]
        },
    ),
    (
        "150d0600040007000306af04be100d",
        "write_file_record",
        {
            "items": [
                {"object": FILE, "block": 4, "address": 7, "quantity": 3, "dtype": DType.U16, "values": "06af04be100d"}
            ]
        },
    ),
    (
        "16000400f20025",
        "mask_write_register",
        {"object": HOLDING, "address": 4, "quantity": 1, "and_mask": 0xF2, "or_mask": 0x25},
    ),
    (
        "1700030006000e00030600ff00ff00ff",
        "read_write_multiple_registers",
        {
            "items": [
                {"object": HOLDING, "address": 3, "quantity": 6, "dtype": DType.U16},
                {"object": HOLDING, "address": 14, "quantity": 3, "dtype": DType.U16, "values": "00ff00ff00ff"},
            ]
        },
    ),
    ("1804de", "read_fifo_queue", {"object": "fifo", "address": 1246, "dtype": DType.U16}),
    (
        "2b0e0100",
        "read_device_identification",
        {"object": "device_identification", "address": 0, "mei": 14, "device_id_code": 1},
    ),
    (
        "2b0e0481",
        "read_device_identification",
        {"object": "device_identification", "address": 0x81, "device_id_code": 4},
    ),
    (
        "2b0d00000060410000000002",
        "canopen_general_reference_read",
        {"object": "canopen_object", "block": 0, "address": 0x604100, "quantity": 2, "mei": 13},
    ),
    (
        "2b0d010005604000000000020600",
        "canopen_general_reference_write",
        {
            "object": "canopen_object",
            "block": 5,
            "address": 0x604000,
            "quantity": 2,
            "values": "0600",
            "dtype": DType.U16LE,
        },
    ),
    ("2b0d0102", "canopen_general_reference", {"mei": 13, "data": "0102"}),
    ("41", "user_defined", {}),
    ("6e0102", "user_defined", {"data": "0102"}),
    ("5a0002", "umas", {"umas_function": 2}),
]

ANSWERS = [
    ("0105cd6bb20e1b", "read_coils", {"object": "coil", "byte_count": 5, "values": "cd6bb20e1b", "dtype": DType.NONE}),
    (
        "0203acdb35",
        "read_discrete_inputs",
        {"object": "discrete_input", "byte_count": 3, "values": "acdb35", "dtype": DType.NONE},
    ),
    (
        "0306022b00000064",
        "read_holding_registers",
        {"object": HOLDING, "quantity": 3, "values": "022b00000064", "dtype": DType.NONE},
    ),
    (
        "0402000a",
        "read_input_registers",
        {"object": "input_register", "quantity": 1, "byte_count": 2, "values": "000a", "dtype": DType.NONE},
    ),
    ("0500acff00", "write_single_coil", {"object": "coil", "address": 172, "value": 0xFF00}),
    ("0600010003", "write_single_register", {"object": HOLDING, "address": 1, "value": 3}),
    ("076d", "read_exception_status", {"exception_status": 0x6D}),
    ("080000a537", "diagnostics_return_query_data", {"subfunction": 0, "data": "a537"}),
    ("08000b002a", "diagnostics_bus_message_count", {"subfunction": 11, "data": "002a"}),
    ("0bffff0108", "get_comm_event_counter", {"comm_status": 0xFFFF, "event_count": 264}),
    (
        "0c080000010801212000",
        "get_comm_event_log",
        {"comm_status": 0, "event_count": 264, "message_count": 289, "data": "2000", "byte_count": 8},
    ),
    ("0f0013000a", "write_multiple_coils", {"object": "coil", "address": 19, "quantity": 10}),
    ("1000010002", "write_multiple_registers", {"object": HOLDING, "address": 1, "quantity": 2}),
    ("110501ff434453", "report_server_id", {"run_indicator": 255, "data": "01ff434453", "byte_count": 5}),
    ("110454657374", "report_server_id", {"data": "54657374"}),
    (
        "140c05060dfe0020050633cd0040",
        "read_file_record",
        {
            "items": [
                {"object": FILE, "quantity": 2, "dtype": DType.NONE, "values": "0dfe0020"},
                {"object": FILE, "quantity": 2, "dtype": DType.NONE, "values": "33cd0040"},
            ]
        },
    ),
    (
        "150d0600040007000306af04be100d",
        "write_file_record",
        {"items": [{"object": FILE, "block": 4, "address": 7, "quantity": 3}]},
    ),
    ("16000400f20025", "mask_write_register", {"object": HOLDING, "address": 4, "and_mask": 0xF2, "or_mask": 0x25}),
    (
        "170c00fe0acd00010003000d00ff",
        "read_write_multiple_registers",
        {
            "byte_count": 12,
            "items": [{"object": HOLDING, "quantity": 6, "dtype": DType.NONE, "values": "00fe0acd00010003000d00ff"}],
        },
    ),
    (
        "180006000201b81284",
        "read_fifo_queue",
        {"object": "fifo", "quantity": 2, "byte_count": 6, "values": "01b81284", "step": 0},
    ),
    ("1800020000", "read_fifo_queue", {"object": "fifo", "quantity": 0, "values": ""}),
    (
        identification((0, b"Acme"), (1, b"X-1"), (2, b"V2.11")),
        "read_device_identification",
        {
            "object": "device_identification",
            "quantity": 3,
            "conformity": 0x83,
            "more_follows": 0,
            "items": [
                {"object": "device_identification", "address": 0, "quantity": 4, "name": "Acme"},
                {"object": "device_identification", "address": 1, "quantity": 3, "name": "X-1"},
                {"object": "device_identification", "address": 2, "quantity": 5, "name": "V2.11"},
            ],
        },
    ),
    (
        identification((0x80, b"own"), more=255, following=0x81),
        "read_device_identification",
        {"more_follows": 1, "next_object": 0x81},
    ),
    (
        "2b0d000000604100000000023702",
        "canopen_general_reference_read",
        {"object": "canopen_object", "address": 0x604100, "values": "3702", "dtype": DType.U16LE},
    ),
    ("2b0d01000560400000000000", "canopen_general_reference_write", {"address": 0x604000, "quantity": 0}),
    ("480a0b", "user_defined", {"data": "0a0b"}),
    ("5a00fe1122", "umas", {"umas_function": 254}),
]

SAMPLES = [(pdu, ASK, name, want) for pdu, name, want in REQUESTS] + [
    (pdu, ANSWER, name, want) for pdu, name, want in ANSWERS
]
