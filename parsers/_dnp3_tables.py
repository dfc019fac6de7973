"""DNP3: what the numbers mean. Operations, object groups and variations, status codes, and the protocol's own columns.

Source: IEEE Std 1815-2012: clause 4 (application layer), clause 9 (data link), annex A (object library).
"""

from sentinel.model import Activity, Extra, Operation

# -- operations ------------------------------------------------------------------------------------------------

# Keys beside the application function codes (0-33, 129-131). Link functions: 256 + 16 * secondary + function.
LINK = 256
WRITE_TIME = 512
WRITE_IIN = 513
WRITE_FILE = 514
WRITE_ATTRIBUTE = 515
WRITE_DEADBAND = 516
READ_FILE = 517
READ_ATTRIBUTE = 518
UNKNOWN_FUNCTION = 519
LINK_UNKNOWN = 520
BAD_FRAME = 521

# Application functions, clause 4. A technique stands where the operation itself is one.
OPERATIONS = {
    0: Operation("confirm", "Confirm", Activity.SESSION),
    1: Operation("read", "Read", Activity.READ),
    2: Operation("write", "Write", Activity.WRITE),
    3: Operation("select", "Select", Activity.CONTROL),
    4: Operation("operate", "Operate", Activity.CONTROL),
    5: Operation("direct_operate", "Direct operate", Activity.CONTROL),
    6: Operation("direct_operate_no_ack", "Direct operate, no acknowledgement", Activity.CONTROL),
    7: Operation("immediate_freeze", "Immediate freeze", Activity.CONTROL),
    8: Operation("immediate_freeze_no_ack", "Immediate freeze, no acknowledgement", Activity.CONTROL),
    9: Operation("freeze_and_clear", "Freeze and clear", Activity.CONTROL),
    10: Operation("freeze_and_clear_no_ack", "Freeze and clear, no acknowledgement", Activity.CONTROL),
    11: Operation("freeze_at_time", "Freeze at time", Activity.CONTROL),
    12: Operation("freeze_at_time_no_ack", "Freeze at time, no acknowledgement", Activity.CONTROL),
    13: Operation("cold_restart", "Cold restart", Activity.MODE, "T0816"),
    14: Operation("warm_restart", "Warm restart", Activity.MODE, "T0816"),
    15: Operation("initialize_data", "Initialize data to defaults (obsolete)", Activity.CONFIGURE),
    16: Operation("initialize_application", "Initialize application", Activity.MODE, "T0858"),
    17: Operation("start_application", "Start application", Activity.MODE, "T0858"),
    18: Operation("stop_application", "Stop application", Activity.MODE, "T0858"),
    19: Operation("save_configuration", "Save configuration (deprecated)", Activity.CONFIGURE),
    20: Operation("enable_unsolicited", "Enable unsolicited responses", Activity.CONFIGURE),
    21: Operation("disable_unsolicited", "Disable unsolicited responses", Activity.CONFIGURE),
    22: Operation("assign_class", "Assign class", Activity.CONFIGURE),
    23: Operation("delay_measure", "Delay measurement", Activity.TIME),
    24: Operation("record_current_time", "Record current time", Activity.TIME),
    25: Operation("open_file", "Open file", Activity.FILE),
    26: Operation("close_file", "Close file", Activity.FILE),
    27: Operation("delete_file", "Delete file", Activity.FILE, "T0809"),
    28: Operation("get_file_info", "Get file information", Activity.FILE),
    29: Operation("authenticate_file", "Authenticate file", Activity.FILE),
    30: Operation("abort_file", "Abort file transfer", Activity.FILE),
    31: Operation("activate_configuration", "Activate configuration", Activity.CONFIGURE),
    32: Operation("authentication_request", "Authentication request", Activity.SESSION),
    33: Operation("authentication_request_no_ack", "Authentication request, no acknowledgement", Activity.SESSION),
    129: Operation("response", "Response", Activity.OTHER),
    130: Operation("unsolicited_response", "Unsolicited response", Activity.REPORT),
    131: Operation("authentication_response", "Authentication response", Activity.SESSION),
    # Data link functions, clause 9: from the primary, then from the secondary station.
    LINK + 0: Operation("link_reset", "Reset link states", Activity.SESSION),
    LINK + 1: Operation("link_reset_user", "Reset user process (obsolete)", Activity.SESSION),
    LINK + 2: Operation("link_test", "Test link states", Activity.DIAGNOSE),
    LINK + 3: Operation("link_user_data", "Confirmed user data", Activity.SESSION),
    LINK + 4: Operation("link_unconfirmed_user_data", "Unconfirmed user data", Activity.SESSION),
    LINK + 9: Operation("link_request_status", "Request link status", Activity.DIAGNOSE),
    LINK + 16: Operation("link_ack", "Acknowledgement", Activity.SESSION),
    LINK + 17: Operation("link_nack", "Negative acknowledgement", Activity.SESSION),
    LINK + 27: Operation("link_status", "Link status", Activity.DIAGNOSE),
    LINK + 30: Operation("link_not_functioning", "Link service not functioning (obsolete)", Activity.DIAGNOSE),
    LINK + 31: Operation("link_not_supported", "Link service not supported", Activity.DIAGNOSE),
    # Reads and writes whose object, not whose function code, tells what is done.
    WRITE_TIME: Operation("write_time", "Write of time and date (group 50)", Activity.TIME),
    WRITE_IIN: Operation("write_iin", "Write of internal indications (group 80)", Activity.WRITE),
    WRITE_FILE: Operation("write_file", "Write of a file block (group 70)", Activity.FILE),
    WRITE_ATTRIBUTE: Operation("write_attribute", "Write of a device attribute (group 0)", Activity.CONFIGURE),
    WRITE_DEADBAND: Operation("write_deadband", "Write of analogue input deadbands (group 34)", Activity.CONFIGURE),
    READ_FILE: Operation("read_file", "Read of a file block (group 70)", Activity.FILE),
    READ_ATTRIBUTE: Operation("read_attribute", "Read of device attributes (group 0)", Activity.IDENTIFY),
    # What no table of the standard has.
    UNKNOWN_FUNCTION: Operation("unknown_function", "Function code that the standard does not define", Activity.OTHER),
    LINK_UNKNOWN: Operation("link_unknown", "Link function that the standard does not define", Activity.OTHER),
    BAD_FRAME: Operation("bad_frame", "Frame that every station discards", Activity.OTHER),
}

# A read or write by the group of its first object.
READS = {0: READ_ATTRIBUTE, 70: READ_FILE}
WRITES = {0: WRITE_ATTRIBUTE, 34: WRITE_DEADBAND, 50: WRITE_TIME, 70: WRITE_FILE, 80: WRITE_IIN}

# -- the protocol's own columns --------------------------------------------------------------------------------

# The link and application columns come first; the parser writes those by number for every message.
TABLE = (
    Extra("link_src", "u16", "Link address of the sender."),
    Extra("link_dst", "u16", "Link address of the receiver."),
    Extra("link_dir", "bool", "Direction bit: set by a master."),
    Extra("link_prm", "bool", "Primary bit: the frame starts a link transaction."),
    Extra("link_function", "u8", "Link function code; its meaning depends on link_prm."),
    Extra("link_length", "u8", "Length field of the link header of the last frame: bytes from the control octet on."),
    Extra("link_fcb", "bool", "Frame count bit (primary frames)."),
    Extra("link_fcv", "bool", "Frame count bit is valid (primary frames)."),
    Extra("link_dfc", "bool", "Data flow control: the sender's buffers are full (secondary frames)."),
    Extra("broadcast", "bool", "Sent to a broadcast address (0xFFFD-0xFFFF)."),
    Extra("transport_seq", "u8", "Transport sequence number of the last segment."),
    Extra("segments", "u16", "Link frames that the application fragment came in."),
    Extra("app_seq", "u8", "Application sequence number."),
    Extra("app_fir", "bool", "First fragment of the application message."),
    Extra("app_fin", "bool", "Last fragment of the application message."),
    Extra("app_con", "bool", "The sender asks for an application confirmation."),
    Extra("app_uns", "bool", "Belongs to an unsolicited response (its own sequence numbers)."),
    Extra("iin", "u16", "Internal indications: first octet high, second octet low."),
    Extra("iin_text", "text", "The internal indications that are set, by name, joined by |."),
    Extra("qualifier", "u8", "Qualifier of the first object header."),
    Extra("headers", "i32", "Object headers in the message."),
    Extra("controls", "i32", "Control objects in the message (groups 12 and 41)."),
    Extra("control_index", "i64", "Point index of the first control."),
    Extra("crob_op", "text", "First control relay output block: operation type."),
    Extra("crob_trip_close", "text", "First control relay output block: NUL, CLOSE, TRIP or RESERVED."),
    Extra("crob_clear", "bool", "First control relay output block: clear the queue."),
    Extra("crob_queue", "bool", "First control relay output block: queue (obsolete)."),
    Extra("crob_count", "u8", "First control relay output block: how many times."),
    Extra("crob_on_ms", "i64", "First control relay output block: time on.", "ms"),
    Extra("crob_off_ms", "i64", "First control relay output block: time off.", "ms"),
    Extra("crob_status", "text", "First control relay output block: control status; SUCCESS in requests."),
    Extra("analog_value", "f64", "First analogue output block: requested value."),
    Extra("analog_status", "text", "First analogue output block: control status; SUCCESS in requests."),
    Extra("time", "time", "Time and date object (group 50); the last one where there are several.", "ns"),
    Extra("delay_ms", "i64", "Time delay object (group 52), or time until an activation ends (group 91).", "ms"),
    Extra("file_handle", "i64", "File handle."),
    Extra("file_size", "i64", "File size.", "byte"),
    Extra("file_mode", "text", "What the file is opened for: NULL, READ, WRITE or APPEND."),
    Extra("file_type", "text", "DIRECTORY or FILE."),
    Extra("file_block", "i64", "Number of the file block."),
    Extra("file_last", "bool", "It is the last block of the file."),
    Extra("file_data_length", "i32", "Bytes of file data in the block.", "byte"),
    Extra("file_max_block", "u16", "Greatest block size that is offered.", "byte"),
    Extra("file_request", "u16", "Request identifier of the file operation."),
    Extra("file_permissions", "u16", "Permission bits of the file, octal as in POSIX."),
    Extra("file_created", "time", "Time of creation of the file.", "ns"),
    Extra("file_status", "text", "Result of the file operation."),
    Extra("file_user", "text", "User name of a file authentication."),
    Extra("auth_message", "text", "First secure authentication object of the message."),
    Extra("auth_aggressive", "bool", "The message carries its own authentication (aggressive mode)."),
    Extra("auth_sequence", "i64", "Challenge, key change or status change sequence number."),
    Extra("auth_user", "u16", "User number."),
    Extra("auth_mac", "text", "MAC algorithm."),
    Extra("auth_key_wrap", "text", "Key wrap algorithm."),
    Extra("auth_key_status", "text", "Status of the session keys."),
    Extra("auth_error", "text", "Error that the authentication reports."),
    Extra("auth_method", "text", "Key change method."),
    Extra("auth_operation", "text", "User status change: ADD, DELETE or CHANGE."),
    Extra("auth_role", "u16", "Role that a user status change gives."),
    Extra("auth_association", "u16", "Association identifier."),
    Extra("auth_name", "text", "User name of a user status or update key change."),
)

COLUMN = {extra.name: number for number, extra in enumerate(TABLE)}

# -- internal indications and status codes ---------------------------------------------------------------------

# Internal indications, clause 4: bits 0-7 of the first and of the second octet.
IIN1 = ("BROADCAST", "CLASS_1_EVENTS", "CLASS_2_EVENTS", "CLASS_3_EVENTS",
        "NEED_TIME", "LOCAL_CONTROL", "DEVICE_TROUBLE", "DEVICE_RESTART")
IIN2 = ("NO_FUNC_CODE_SUPPORT", "OBJECT_UNKNOWN", "PARAMETER_ERROR", "EVENT_BUFFER_OVERFLOW",
        "ALREADY_EXECUTING", "CONFIG_CORRUPT", "RESERVED_6", "RESERVED_7")


def _bits(names: tuple[str, ...], value: int) -> str:
    return "|".join(name for bit, name in enumerate(names) if value >> bit & 1)


IIN1_TEXTS = tuple(_bits(IIN1, value) for value in range(256))
IIN2_TEXTS = tuple(_bits(IIN2, value) for value in range(256))

# Control status codes, annex A (group 12); 13-125 are reserved.
CONTROL_STATUS = {
    0: "SUCCESS", 1: "TIMEOUT", 2: "NO_SELECT", 3: "FORMAT_ERROR", 4: "NOT_SUPPORTED", 5: "ALREADY_ACTIVE",
    6: "HARDWARE_ERROR", 7: "LOCAL", 8: "TOO_MANY_OBJS", 9: "NOT_AUTHORIZED", 10: "AUTOMATION_INHIBIT",
    11: "PROCESSING_LIMITED", 12: "OUT_OF_RANGE", 126: "NON_PARTICIPATING", 127: "UNDEFINED",
}  # fmt: skip
OP_TYPES = {0: "NUL", 1: "PULSE_ON", 2: "PULSE_OFF", 3: "LATCH_ON", 4: "LATCH_OFF"}
TRIP_CLOSE = ("NUL", "CLOSE", "TRIP", "RESERVED")

# Annex A (group 70): status codes of variations 4 and 6, modes and types of variations 3 and 7.
FILE_STATUS = {
    0: "SUCCESS", 1: "PERMISSION_DENIED", 2: "INVALID_MODE", 3: "NOT_FOUND", 4: "LOCKED", 5: "TOO_MANY_OPEN",
    6: "INVALID_HANDLE", 7: "WRITE_BLOCK_SIZE", 8: "COMM_LOST", 9: "CANNOT_ABORT", 16: "NOT_OPENED",
    17: "HANDLE_EXPIRED", 18: "BUFFER_OVERRUN", 19: "FATAL", 20: "BLOCK_SEQUENCE", 255: "UNDEFINED",
}  # fmt: skip
FILE_MODES = {0: "NULL", 1: "READ", 2: "WRITE", 3: "APPEND"}
FILE_TYPES = {0: "DIRECTORY", 1: "FILE"}

# Annex A (group 120).
AUTH_MESSAGES = {
    1: "challenge", 2: "reply", 3: "aggressive_mode_request", 4: "session_key_status_request",
    5: "session_key_status", 6: "session_key_change", 7: "error", 8: "user_certificate", 9: "mac",
    10: "user_status_change", 11: "update_key_change_request", 12: "update_key_change_reply",
    13: "update_key_change", 14: "update_key_change_signature", 15: "update_key_change_confirmation",
}  # fmt: skip
AUTH_ERRORS = {
    1: "AUTHENTICATION_FAILED", 2: "UNEXPECTED_RESPONSE", 3: "NO_RESPONSE", 4: "AGGRESSIVE_MODE_NOT_SUPPORTED",
    5: "MAC_NOT_SUPPORTED", 6: "KEY_WRAP_NOT_SUPPORTED", 7: "AUTHORIZATION_FAILED",
    8: "UPDATE_KEY_METHOD_NOT_PERMITTED", 9: "INVALID_SIGNATURE", 10: "INVALID_CERTIFICATION_DATA",
    11: "UNKNOWN_USER", 12: "MAX_KEY_STATUS_REQUESTS_EXCEEDED",
}  # fmt: skip
AUTH_MACS = {
    1: "HMAC_SHA1_4", 2: "HMAC_SHA1_8", 3: "HMAC_SHA256_8", 4: "HMAC_SHA256_16", 5: "HMAC_SHA1_10", 6: "AES_GMAC_12",
}  # fmt: skip
AUTH_KEY_WRAPS = {1: "AES_128", 2: "AES_256"}
AUTH_KEY_STATUS = {1: "OK", 2: "NOT_INIT", 3: "COMM_FAIL", 4: "AUTH_FAIL"}
AUTH_OPERATIONS = {1: "ADD", 2: "DELETE", 3: "CHANGE"}
AUTH_METHODS = {
    3: "AES_128_SHA1", 4: "AES_256_SHA256", 5: "AES_256_GMAC", 64: "PUBLIC_KEY_64", 67: "RSA_1024_DSA_SHA1",
    68: "RSA_2048_DSA_SHA256", 69: "RSA_3072_DSA_SHA256", 70: "RSA_2048_DSA_GMAC", 71: "RSA_3072_DSA_GMAC",
}  # fmt: skip

# One status column, four lists of codes in the standard, all of them counting from 1: so the lists are set apart.
# Below 64 are the second octet of the internal indications, then control, file and authentication codes.
CONTROL_STATUS_BASE = 0x100
FILE_STATUS_BASE = 0x200
AUTH_ERROR_BASE = 0x300
STATUSES = {
    **{value: IIN2_TEXTS[value] or "SUCCESS" for value in range(64)},
    **{CONTROL_STATUS_BASE + code: CONTROL_STATUS.get(code, f"RESERVED_{code}") for code in range(1, 128)},
    **{FILE_STATUS_BASE + code: FILE_STATUS.get(code, f"RESERVED_{code}") for code in range(1, 256)},
    **{AUTH_ERROR_BASE + code: AUTH_ERRORS.get(code, f"RESERVED_{code}") for code in range(1, 256)},
}

# -- objects ---------------------------------------------------------------------------------------------------

# How the value of an object of fixed size stands on the wire. All integers are little-endian (clause 11).
NO_DATA = 0
FLAG_BIT = 1  # value in bit 7 of the flags octet
FLAG_PAIR = 2  # value in bits 6-7 of the flags octet (double-bit)
U8 = 3
U16 = 4
U32 = 5
I16 = 6
I32 = 7
F32 = 8
F64 = 9
TIME = 10  # milliseconds since 1970-01-01 UTC, 48 bits
BCD = 11
PACKED_BIT = 12
PACKED_PAIR = 13
VALUE_SIZES = {NO_DATA: 0, FLAG_BIT: 0, FLAG_PAIR: 0, U8: 1, U16: 2, U32: 4, I16: 2, I32: 4, F32: 4, F64: 8, TIME: 6,
               BCD: 0, PACKED_BIT: 0, PACKED_PAIR: 0}  # fmt: skip

STAMP_ABSOLUTE = 1  # 48-bit milliseconds behind the value
STAMP_RELATIVE = 2  # 16-bit milliseconds after the last common time of occurrence (group 51)
MAX_STAMP_MS = 9223372036854  # what still fits 64-bit nanoseconds: the year 2262


def _layout(value: int, mask: int = 0, stamp: int = 0, tail: int = 0, size: int | None = None) -> int:
    """A layout in one integer: value kind, mask of the quality bits (0: no flags octet), stamp, tail bytes, size."""
    total = VALUE_SIZES[value] if size is None else size
    total += (mask != 0) + (0, 6, 2)[stamp] + tail
    return value | mask << 8 | stamp << 16 | tail << 20 | total << 24


_FLAGS = 0xFF
_BIT_FLAGS = 0x7F  # bit 7 is the state, not a quality
_PAIR_FLAGS = 0x3F
_STATUS = 0x7F  # groups 13 and 43: control status in bits 0-6

# Annex A, by group and variation.
_FIXED = {
    1: {1: _layout(PACKED_BIT), 2: _layout(FLAG_BIT, _BIT_FLAGS)},
    2: {1: _layout(FLAG_BIT, _BIT_FLAGS), 2: _layout(FLAG_BIT, _BIT_FLAGS, STAMP_ABSOLUTE),
        3: _layout(FLAG_BIT, _BIT_FLAGS, STAMP_RELATIVE)},
    3: {1: _layout(PACKED_PAIR), 2: _layout(FLAG_PAIR, _PAIR_FLAGS)},
    4: {1: _layout(FLAG_PAIR, _PAIR_FLAGS), 2: _layout(FLAG_PAIR, _PAIR_FLAGS, STAMP_ABSOLUTE),
        3: _layout(FLAG_PAIR, _PAIR_FLAGS, STAMP_RELATIVE)},
    10: {1: _layout(PACKED_BIT), 2: _layout(FLAG_BIT, _BIT_FLAGS)},
    11: {1: _layout(FLAG_BIT, _BIT_FLAGS), 2: _layout(FLAG_BIT, _BIT_FLAGS, STAMP_ABSOLUTE)},
    12: {3: _layout(PACKED_BIT)},
    13: {1: _layout(FLAG_BIT, _STATUS), 2: _layout(FLAG_BIT, _STATUS, STAMP_ABSOLUTE)},
    20: {1: _layout(U32, _FLAGS), 2: _layout(U16, _FLAGS), 3: _layout(U32, _FLAGS), 4: _layout(U16, _FLAGS),
         5: _layout(U32), 6: _layout(U16), 7: _layout(U32), 8: _layout(U16)},
    21: {1: _layout(U32, _FLAGS), 2: _layout(U16, _FLAGS), 3: _layout(U32, _FLAGS), 4: _layout(U16, _FLAGS),
         5: _layout(U32, _FLAGS, STAMP_ABSOLUTE), 6: _layout(U16, _FLAGS, STAMP_ABSOLUTE),
         7: _layout(U32, _FLAGS, STAMP_ABSOLUTE), 8: _layout(U16, _FLAGS, STAMP_ABSOLUTE),
         9: _layout(U32), 10: _layout(U16), 11: _layout(U32), 12: _layout(U16)},
    22: {1: _layout(U32, _FLAGS), 2: _layout(U16, _FLAGS), 3: _layout(U32, _FLAGS), 4: _layout(U16, _FLAGS),
         5: _layout(U32, _FLAGS, STAMP_ABSOLUTE), 6: _layout(U16, _FLAGS, STAMP_ABSOLUTE),
         7: _layout(U32, _FLAGS, STAMP_ABSOLUTE), 8: _layout(U16, _FLAGS, STAMP_ABSOLUTE)},
    30: {1: _layout(I32, _FLAGS), 2: _layout(I16, _FLAGS), 3: _layout(I32), 4: _layout(I16),
         5: _layout(F32, _FLAGS), 6: _layout(F64, _FLAGS)},
    31: {1: _layout(I32, _FLAGS), 2: _layout(I16, _FLAGS), 3: _layout(I32, _FLAGS, STAMP_ABSOLUTE),
         4: _layout(I16, _FLAGS, STAMP_ABSOLUTE), 5: _layout(I32), 6: _layout(I16), 7: _layout(F32, _FLAGS),
         8: _layout(F64, _FLAGS)},
    32: {1: _layout(I32, _FLAGS), 2: _layout(I16, _FLAGS), 3: _layout(I32, _FLAGS, STAMP_ABSOLUTE),
         4: _layout(I16, _FLAGS, STAMP_ABSOLUTE), 5: _layout(F32, _FLAGS), 6: _layout(F64, _FLAGS),
         7: _layout(F32, _FLAGS, STAMP_ABSOLUTE), 8: _layout(F64, _FLAGS, STAMP_ABSOLUTE)},
    34: {1: _layout(U16), 2: _layout(U32), 3: _layout(F32)},
    40: {1: _layout(I32, _FLAGS), 2: _layout(I16, _FLAGS), 3: _layout(F32, _FLAGS), 4: _layout(F64, _FLAGS)},
    43: {1: _layout(I32, _STATUS), 2: _layout(I16, _STATUS), 3: _layout(I32, _STATUS, STAMP_ABSOLUTE),
         4: _layout(I16, _STATUS, STAMP_ABSOLUTE), 5: _layout(F32, _STATUS), 6: _layout(F64, _STATUS),
         7: _layout(F32, _STATUS, STAMP_ABSOLUTE), 8: _layout(F64, _STATUS, STAMP_ABSOLUTE)},
    # Behind the time: interval (variation 2), interval and its unit (variation 4).
    50: {1: _layout(TIME), 2: _layout(TIME, tail=4), 3: _layout(TIME), 4: _layout(TIME, tail=5)},
    51: {1: _layout(TIME), 2: _layout(TIME)},
    52: {1: _layout(U16), 2: _layout(U16)},
    60: {1: _layout(NO_DATA), 2: _layout(NO_DATA), 3: _layout(NO_DATA), 4: _layout(NO_DATA)},
    80: {1: _layout(PACKED_BIT)},
    81: {1: _layout(U8, tail=2)},  # fill state, then the group and variation that it is about
    86: {2: _layout(U8)},
    # Group 100 is obsolete (DNP3 Basic 4 object library): short, long and extended float; the last is not decoded.
    100: {1: _layout(F32), 2: _layout(F64)},
    101: {1: _layout(BCD, size=2), 2: _layout(BCD, size=4), 3: _layout(BCD, size=8)},
    102: {1: _layout(U8)},
}  # fmt: skip
_FIXED[23] = _FIXED[22]
_FIXED[33] = _FIXED[32]
_FIXED[42] = _FIXED[32]

LAYOUTS = {group << 8 | variation: layout for group, row in _FIXED.items() for variation, layout in row.items()}

GROUPS = {
    0: "device_attribute", 1: "binary_input", 2: "binary_input_event", 3: "double_bit_input",
    4: "double_bit_input_event", 10: "binary_output", 11: "binary_output_event", 12: "binary_command",
    13: "binary_command_event", 20: "counter", 21: "frozen_counter", 22: "counter_event", 23: "frozen_counter_event",
    30: "analog_input", 31: "frozen_analog_input", 32: "analog_input_event", 33: "frozen_analog_input_event",
    34: "analog_input_deadband", 40: "analog_output_status", 41: "analog_output", 42: "analog_output_event",
    43: "analog_command_event", 50: "time", 51: "common_time", 52: "time_delay", 60: "class_data", 70: "file",
    80: "internal_indications", 81: "device_storage", 82: "device_profile", 83: "private_registration",
    85: "data_set_prototype", 86: "data_set_descriptor", 87: "data_set_value", 88: "data_set_snapshot",
    90: "application", 91: "activation_status", 100: "floating_point", 101: "bcd", 102: "unsigned_integer",
    110: "octet_string", 111: "octet_string_event", 112: "terminal_output", 113: "terminal_event",
    120: "authentication", 121: "security_statistic", 122: "security_statistic_event",
}  # fmt: skip

# Variations with an object of their own length or layout, beside those in LAYOUTS.
_OTHERS = {
    12: (1, 2), 41: (1, 2, 3, 4), 70: tuple(range(1, 9)), 82: (1,), 83: (1, 2), 85: (1,), 86: (1, 3), 87: (1,),
    88: (1,), 90: (1,), 91: (1,), 100: (3,), 110: tuple(range(1, 256)), 111: tuple(range(1, 256)),
    112: tuple(range(1, 256)), 113: tuple(range(1, 256)), 120: tuple(range(1, 16)), 121: (1,), 122: (1, 2),
}  # fmt: skip

# Annex A (group 0): attributes of the standard set; the name is what the object is called here.
ATTRIBUTES = {
    196: "configuration_id", 197: "configuration_version", 198: "configuration_build_date",
    199: "configuration_change_date", 200: "configuration_signature", 201: "configuration_signature_algorithm",
    202: "resource_id", 203: "altitude", 204: "longitude", 205: "latitude", 206: "secondary_operator",
    207: "primary_operator", 208: "system_name", 209: "secure_authentication_version",
    210: "security_statistics", 211: "user_attribute_sets", 212: "master_data_set_prototypes",
    213: "outstation_data_set_prototypes", 214: "master_data_sets", 215: "outstation_data_sets",
    216: "max_controls_per_request", 217: "local_timing_accuracy", 218: "timing_accuracy_duration",
    219: "analog_output_events", 220: "max_analog_output_index", 221: "analog_outputs", 222: "binary_output_events",
    223: "max_binary_output_index", 224: "binary_outputs", 225: "frozen_counter_events", 226: "frozen_counters",
    227: "counter_events", 228: "max_counter_index", 229: "counters", 230: "frozen_analog_inputs",
    231: "analog_input_events", 232: "max_analog_input_index", 233: "analog_inputs", 234: "double_bit_input_events",
    235: "max_double_bit_input_index", 236: "double_bit_inputs", 237: "binary_input_events",
    238: "max_binary_input_index", 239: "binary_inputs", 240: "max_transmit_fragment", 241: "max_receive_fragment",
    242: "software_version", 243: "hardware_version", 244: "owner", 245: "location", 246: "id_code", 247: "name",
    248: "serial_number", 249: "conformance", 250: "product", 252: "manufacturer", 254: "all", 255: "list",
}  # fmt: skip

# Attributes that say who the device is: kind of fact and how sure it is (an id code is a name, but a weak one).
ATTRIBUTE_FACTS = {
    242: ("firmware", 0.9), 243: ("hardware", 0.9), 245: ("location", 0.9), 246: ("name", 0.6), 247: ("name", 0.9),
    248: ("serial", 0.9), 250: ("model", 0.9), 252: ("vendor", 0.9),
}  # fmt: skip

UNKNOWN_OBJECT = 0xFFFF  # group 255 variation 255, which does not exist, stands for what the standard does not have


def _objects() -> dict[int, str]:
    names = {}
    for group, name in GROUPS.items():
        variations = {0, *_FIXED.get(group, ()), *_OTHERS.get(group, ())}
        if group > 0:
            names.update({group << 8 | v: f"{name} g{group}v{v}" for v in sorted(variations)})
    names.update({v: f"{GROUPS[0]}_{ATTRIBUTES[v]} g0v{v}" if v in ATTRIBUTES else f"{GROUPS[0]} g0v{v}"
                  for v in range(1, 256)})
    names[UNKNOWN_OBJECT] = "unknown"
    return names


OBJECTS = _objects()
