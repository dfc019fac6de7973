# cython: language_level=3
"""What the Modbus parser declares: operations, objects, result codes and its own columns.

Source: MODBUS Application Protocol V1.1b3, clauses 5.1, 6, 7 and annex A; the titles of reserved codes are those of
the Modicon Modbus Protocol Reference Guide PI-MBUS-300.
"""

from sentinel.model import Activity, Extra, Operation

OBJECTS = {
    1: "coil",
    2: "discrete_input",
    3: "holding_register",
    4: "input_register",
    5: "file_record",
    6: "fifo",
    7: "device_identification",
    8: "canopen_object",
}

# Clause 7; code 7 is of PI-MBUS-300 and still sent.
STATUSES = {
    1: "Illegal Function",
    2: "Illegal Data Address",
    3: "Illegal Data Value",
    4: "Server Device Failure",
    5: "Acknowledge",
    6: "Server Device Busy",
    7: "Negative Acknowledge",
    8: "Memory Parity Error",
    10: "Gateway Path Unavailable",
    11: "Gateway Target Device Failed to Respond",
}

TABLE = (
    Extra("framing", "text", "rtu or ascii; absent under the MBAP header of Modbus/TCP and UDP."),
    Extra("byte_count", "u16", "Byte count field; for function 23 that of the message's own data.", "byte"),
    Extra("value", "u16", "Value of a single write as it stands on the wire (65280 is coil on), also in its echo."),
    Extra("and_mask", "u16", "AND mask of function 22, in request and echo."),
    Extra("or_mask", "u16", "OR mask of function 22, in request and echo."),
    Extra("subfunction", "u16", "Sub-function of function 8."),
    Extra("data", "text", "First 64 bytes, in hexadecimal, of data without structure (8, 12, 17, 43 and others)."),
    Extra("exception_status", "u8", "The eight exception status outputs of function 7."),
    Extra("comm_status", "u16", "Status word of functions 11 and 12: 65535 while a program command is processed."),
    Extra("event_count", "u16", "Communication event counter of functions 11 and 12."),
    Extra("message_count", "u16", "Message count of function 12."),
    Extra("run_indicator", "u8", "Run indicator of function 17: 255 on, 0 off."),
    Extra("mei", "u8", "MEI type of function 43."),
    Extra("device_id_code", "u8", "Read device ID code of 43/14: 1 basic, 2 regular, 3 extended, 4 one object."),
    Extra("conformity", "u8", "Conformity level of 43/14; above 128 single objects can be read too."),
    Extra("more_follows", "bool", "True where further identification objects have to be asked for (43/14)."),
    Extra("next_object", "u8", "Identification object to ask for next (43/14)."),
    Extra("umas_function", "u8", "UMAS function code of function 90: 254 is done and 253 refused in an answer."),
    Extra("checksum", "u16", "CRC (rtu) or LRC (ascii) as it stands on the wire."),
)

# Keys of OPERATIONS: a function code; 2048 + sub-function for function 8; 11008 + MEI type for function 43.
USER_DEFINED = 256
RESERVED = 257
DIAGNOSTICS_RESERVED = 258
CANOPEN_READ = 259
CANOPEN_WRITE = 260

_DIAGNOSTICS = (
    (0, "return_query_data", "Return Query Data", Activity.DIAGNOSE, ""),
    (1, "restart_communications", "Restart Communications Option", Activity.CONTROL, "T0816"),
    (2, "return_diagnostic_register", "Return Diagnostic Register", Activity.DIAGNOSE, ""),
    (3, "change_ascii_delimiter", "Change ASCII Input Delimiter", Activity.CONFIGURE, ""),
    (4, "force_listen_only", "Force Listen Only Mode", Activity.CONTROL, "T0814"),
    (10, "clear_counters", "Clear Counters and Diagnostic Register", Activity.CONTROL, ""),
    (11, "bus_message_count", "Return Bus Message Count", Activity.DIAGNOSE, ""),
    (12, "bus_communication_error_count", "Return Bus Communication Error Count", Activity.DIAGNOSE, ""),
    (13, "bus_exception_error_count", "Return Bus Exception Error Count", Activity.DIAGNOSE, ""),
    (14, "server_message_count", "Return Server Message Count", Activity.DIAGNOSE, ""),
    (15, "server_no_response_count", "Return Server No Response Count", Activity.DIAGNOSE, ""),
    (16, "server_nak_count", "Return Server NAK Count", Activity.DIAGNOSE, ""),
    (17, "server_busy_count", "Return Server Busy Count", Activity.DIAGNOSE, ""),
    (18, "bus_character_overrun_count", "Return Bus Character Overrun Count", Activity.DIAGNOSE, ""),
    (20, "clear_overrun_counter", "Clear Overrun Counter and Flag", Activity.CONTROL, ""),
)

# Annex A and PI-MBUS-300: codes that older products use and nobody else may.
_LEGACY = (
    (9, "Program 484", Activity.PROGRAM, ""),
    (10, "Poll 484", Activity.PROGRAM, ""),
    (13, "Program Controller", Activity.PROGRAM, ""),
    (14, "Poll Controller", Activity.PROGRAM, ""),
    (18, "Program 884/M84", Activity.PROGRAM, ""),
    (19, "Reset Communications Link 884", Activity.CONTROL, ""),
    (41, "Reserved function 41", Activity.OTHER, ""),
    (42, "Reserved function 42", Activity.OTHER, ""),
    (91, "Reserved function 91", Activity.OTHER, ""),
    (125, "Firmware Replacement", Activity.PROGRAM, "T0857"),
    (126, "Program 584/984", Activity.PROGRAM, ""),
    (127, "Report Local Address", Activity.IDENTIFY, ""),
)

OPERATIONS = {
    1: Operation("read_coils", "Read Coils", Activity.READ),
    2: Operation("read_discrete_inputs", "Read Discrete Inputs", Activity.READ),
    3: Operation("read_holding_registers", "Read Holding Registers", Activity.READ),
    4: Operation("read_input_registers", "Read Input Registers", Activity.READ),
    5: Operation("write_single_coil", "Write Single Coil", Activity.WRITE),
    6: Operation("write_single_register", "Write Single Register", Activity.WRITE),
    7: Operation("read_exception_status", "Read Exception Status", Activity.DIAGNOSE),
    8: Operation("diagnostics", "Diagnostics", Activity.DIAGNOSE),
    11: Operation("get_comm_event_counter", "Get Comm Event Counter", Activity.DIAGNOSE),
    12: Operation("get_comm_event_log", "Get Comm Event Log", Activity.DIAGNOSE),
    15: Operation("write_multiple_coils", "Write Multiple Coils", Activity.WRITE),
    16: Operation("write_multiple_registers", "Write Multiple Registers", Activity.WRITE),
    17: Operation("report_server_id", "Report Server ID", Activity.IDENTIFY, "T0888"),
    20: Operation("read_file_record", "Read File Record", Activity.READ),
    21: Operation("write_file_record", "Write File Record", Activity.WRITE),
    22: Operation("mask_write_register", "Mask Write Register", Activity.WRITE),
    23: Operation("read_write_multiple_registers", "Read/Write Multiple Registers", Activity.WRITE),
    24: Operation("read_fifo_queue", "Read FIFO Queue", Activity.READ),
    43: Operation("encapsulated_interface_transport", "Encapsulated Interface Transport", Activity.OTHER),
    90: Operation("umas", "UMAS (Schneider Electric)", Activity.OTHER),
    USER_DEFINED: Operation("user_defined", "User-defined function (65 to 72, 100 to 110)", Activity.OTHER),
    RESERVED: Operation("reserved", "Function code that no standard assigns", Activity.OTHER),
    DIAGNOSTICS_RESERVED: Operation("diagnostics_reserved", "Reserved diagnostics sub-function", Activity.DIAGNOSE),
    CANOPEN_READ: Operation("canopen_general_reference_read", "CANopen General Reference, read", Activity.READ),
    CANOPEN_WRITE: Operation("canopen_general_reference_write", "CANopen General Reference, write", Activity.WRITE),
    11008 + 13: Operation("canopen_general_reference", "CANopen General Reference", Activity.OTHER),
    11008 + 14: Operation("read_device_identification", "Read Device Identification", Activity.IDENTIFY, "T0888"),
    **{2048 + sub: Operation("diagnostics_" + name, title, verb, t) for sub, name, title, verb, t in _DIAGNOSTICS},
    **{code: Operation("reserved", title, verb, technique) for code, title, verb, technique in _LEGACY},
}
