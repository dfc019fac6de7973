# cython: language_level=3
"""What the S7comm parser declares: operations, objects, its own columns, and the names of what it reads.

Sources: SIEMENS, System Software for S7-300/400 System and Standard Functions (A5E00739858); SINUMERIK 840D
Parameterizing and List Manuals (PI services); where Siemens publishes nothing, the numbers agree with Wireshark's
dissector and with captures of S7-300, S7-400 and S7-1200 stations.
"""

from sentinel.model import Activity, Extra, Operation

# --- own columns ---------------------------------------------------------------------------------------------------

TABLE = (
    Extra("rosctr", "u8", "Kind of PDU: 1 job, 2 ack, 3 ack with data, 7 userdata."),
    Extra("pdu_reference", "u16", "PDU reference, big-endian."),
    Extra("parameter_length", "u16", "Length of the parameters.", "byte"),
    Extra("data_length", "u16", "Length of the data.", "byte"),
    Extra("error_class", "u8", "Error class of an ack."),
    Extra("error_code", "u8", "Error code of an ack, within its class."),
    Extra("item_count", "i32", "Number of items, blocks or entries, as the message says."),
    Extra("return_code", "u8", "Return code at the head of userdata data; 255 is success."),
    Extra("parameter_error", "u16", "Error code in the parameters: userdata answers, end of a transfer."),
    Extra("ud_type", "u8", "Userdata type: 0 push, 4 request, 8 response."),
    Extra("ud_group", "u8", "Userdata function group."),
    Extra("ud_subfunction", "u8", "Userdata subfunction within its group; the mode for a mode transition."),
    Extra("sequence", "u8", "Userdata sequence number: the job that an answer or push belongs to."),
    Extra("data_unit", "u8", "Userdata data unit reference: joins the fragments of one answer."),
    Extra("more", "bool", "More data follow in a further message (fragments, blocks)."),
    Extra("szl_id", "u16", "System status list that is read."),
    Extra("szl_index", "u16", "Index into that list."),
    Extra("szl_count", "u16", "Records of the list, as the message says."),
    Extra("pi_service", "text", "Name of the program invocation service."),
    Extra("pi_argument", "text", "Arguments of the service, comma separated; passwords are left out."),
    Extra("block_type", "text", "OB, DB, SDB, FC, SFC, FB, SFB or CMOD; several are comma separated."),
    Extra("block_number", "i32", "Number of the block."),
    Extra("filename", "text", "File name as on the wire, as `_0A00001P`."),
    Extra("file_system", "text", "File system of the block: P passive, A active, B both."),
    Extra("function_status", "u8", "Status byte of a transfer: bit 0 more follows, bit 1 error."),
    Extra("transfer_id", "i64", "Number of the upload or download."),
    Extra("block_length", "i64", "Length of the block in load memory, or of the piece that is carried.", "byte"),
    Extra("mc7_length", "i64", "Length of the block's MC7 code.", "byte"),
    Extra("block_language", "text", "Language in which the block was written."),
    Extra("block_name", "text", "Name in the block header."),
    Extra("block_family", "text", "Family in the block header."),
    Extra("block_author", "text", "Author in the block header."),
    Extra("block_version", "text", "Version in the block header."),
    Extra("block_checksum", "u16", "Checksum in the block header."),
    Extra("block_code_time", "time", "When the code was last changed (the station's own clock).", "ns"),
    Extra("block_interface_time", "time", "When the interface was last changed (the station's own clock).", "ns"),
    Extra("block_protected", "bool", "Know-how protection is set."),
    Extra("block_sha256", "text", "SHA-256 of the whole block as it was transferred."),
    Extra("pdu_size", "u16", "Largest PDU proposed or granted.", "byte"),
    Extra("amq_calling", "u16", "Parallel jobs of the caller, proposed or granted."),
    Extra("amq_called", "u16", "Parallel jobs of the called side, proposed or granted."),
    Extra("rack", "u8", "Rack of the called module, from the transport selector."),
    Extra("slot", "u8", "Slot of the called module, from the transport selector."),
    Extra("connection_type", "u8", "Connection resource that the caller asks for: 1 PG, 2 OP, 3 and up others."),
    Extra("clock", "time", "Clock or time stamp of the station that the message carries (its own clock).", "ns"),
    Extra("event_id", "i64", "Event of a diagnostic message, or of the first alarm."),
    Extra("subscribed", "u8", "Events that a message service subscribes to, as bits."),
    Extra("user", "text", "Name under which messages are subscribed to."),
    Extra("job_function", "u8", "Test job that is enabled, disabled, read, replaced or deleted: its subfunction."),
    Extra("job_number", "u8", "Number of the job that is enabled, disabled, read, replaced, deleted or unsubscribed."),
    Extra("trigger", "u16", "Trigger event of a test job."),
    Extra("interval", "i64", "Interval of a cyclic job.", "ms"),
    Extra("remote_id", "i64", "R_ID or AR_ID of a block send."),
    Extra("password_length", "u8", "Length of the password, which itself is never kept.", "character"),
)

(
    ROSCTR, PDU_REFERENCE, PARAMETER_LENGTH, DATA_LENGTH, ERROR_CLASS, ERROR_CODE, ITEM_COUNT, RETURN_CODE,
    PARAMETER_ERROR, UD_TYPE, UD_GROUP, UD_SUBFUNCTION, SEQUENCE, DATA_UNIT, MORE, SZL_ID, SZL_INDEX, SZL_COUNT,
    PI_SERVICE, PI_ARGUMENT, BLOCK_TYPE, BLOCK_NUMBER, FILENAME, FILE_SYSTEM, FUNCTION_STATUS, TRANSFER_ID,
    BLOCK_LENGTH, MC7_LENGTH, BLOCK_LANGUAGE, BLOCK_NAME, BLOCK_FAMILY, BLOCK_AUTHOR, BLOCK_VERSION, BLOCK_CHECKSUM,
    BLOCK_CODE_TIME, BLOCK_INTERFACE_TIME, BLOCK_PROTECTED, BLOCK_SHA256, PDU_SIZE, AMQ_CALLING, AMQ_CALLED, RACK,
    SLOT, CONNECTION_TYPE, CLOCK, EVENT_ID, SUBSCRIBED, USER, JOB_FUNCTION, JOB_NUMBER, TRIGGER, INTERVAL, REMOTE_ID,
    PASSWORD_LENGTH,
) = range(len(TABLE))  # fmt: skip

# --- what is addressed ---------------------------------------------------------------------------------------------

# Areas of S7ANY pointers keep their own code; block types are 0x200 + type, the rest is numbered here.
OBJECTS = {
    0x01: "data_record",
    0x03: "system_info_200",
    0x05: "system_flags_200",
    0x06: "analog_input_200",
    0x07: "analog_output_200",
    0x1C: "counter",
    0x1D: "timer",
    0x1E: "counter_200",
    0x1F: "timer_200",
    0x80: "peripheral",
    0x81: "input",
    0x82: "output",
    0x83: "flag",
    0x84: "data_block",
    0x85: "instance_data_block",
    0x86: "local",
    0x87: "local_previous",
    0x182: "nck",
    0x183: "nck_metric",
    0x184: "nck_inch",
    0x1A2: "drive_parameter",
    0x1B2: "symbol",
    0x1FF: "unknown",
    0x208: "block_ob",
    0x209: "block_cmod",
    0x20A: "block_db",
    0x20B: "block_sdb",
    0x20C: "block_fc",
    0x20D: "block_sfc",
    0x20E: "block_fb",
    0x20F: "block_sfb",
    0x300: "alarm",
    0x301: "alarm_value",
    0x302: "block_send",
}
UNKNOWN_OBJECT = 0x1FF
ALARM = 0x300
ALARM_VALUE = 0x301
BLOCK_SEND = 0x302
BLOCK_OBJECT = 0x200

BLOCK_TYPES = {8: "OB", 9: "CMOD", 10: "DB", 11: "SDB", 12: "FC", 13: "SFC", 14: "FB", 15: "SFB"}

LANGUAGES = {
    0: "undefined",
    1: "STL",
    2: "LAD",
    3: "FBD",
    4: "SCL",
    5: "DB",
    6: "GRAPH",
    7: "SDB",
    8: "CPU-DB",
    0x11: "SDB (after memory reset)",
    0x12: "SDB (routing)",
    0x22: "SFC",
    0x29: "encrypted",
}

# --- operations ----------------------------------------------------------------------------------------------------

_A = Activity

# Keys from 1 to 255 are function codes of jobs and their answers.
_JOBS = {
    0x01: Operation("mode_transition", "Mode transition", _A.REPORT),
    0x04: Operation("read_var", "Read variable", _A.READ),
    0x05: Operation("write_var", "Write variable", _A.WRITE),
    0x1A: Operation("download_request", "Request download", _A.PROGRAM, "T0843"),
    0x1B: Operation("download_block", "Download block", _A.PROGRAM, "T0843"),
    0x1C: Operation("download_ended", "Download ended", _A.PROGRAM, "T0843"),
    0x1D: Operation("upload_start", "Start upload", _A.PROGRAM, "T0845"),
    0x1E: Operation("upload", "Upload", _A.PROGRAM, "T0845"),
    0x1F: Operation("upload_end", "End upload", _A.PROGRAM, "T0845"),
    0x28: Operation("pi_service", "PI service (answer, or without a name)", _A.CONTROL),
    0x29: Operation("plc_stop", "PLC stop", _A.MODE, "T0858"),
    0xF0: Operation("setup_communication", "Setup communication", _A.SESSION),
}

# Keys of their own.
ACK = 0x100
JOB_OTHER = 0x101
USERDATA_OTHER = 0x102
CPU_SERVICE = 0x103
PLC_START = 0x110
PLC_START_COLD = 0x111
_OTHERS = {
    ACK: Operation("ack", "Acknowledgement that does not say of what", _A.OTHER),
    JOB_OTHER: Operation("job_other", "Function that is not known", _A.OTHER),
    USERDATA_OTHER: Operation("userdata_other", "Userdata function that is not known", _A.OTHER),
    CPU_SERVICE: Operation("cpu_service", "CPU services (function 0)", _A.OTHER),
    PLC_START: Operation("plc_start", "PI service P_PROGRAM: warm or hot restart", _A.MODE, "T0858"),
    PLC_START_COLD: Operation("plc_start_cold", "PI service P_PROGRAM with argument C: cold restart", _A.MODE, "T0858"),
}

PI_OTHER = 0x200
_PI_NAMED = {
    "_INSE": Operation("pi_insert_block", "PI service _INSE: link the block into the program", _A.PROGRAM, "T0843"),
    "_INS2": Operation("pi_insert_block_2", "PI service _INS2: link the block into the program", _A.PROGRAM, "T0843"),
    "_DELE": Operation("pi_delete_block", "PI service _DELE: delete the block", _A.PROGRAM, "T0889"),
    "_GARB": Operation("pi_compress", "PI service _GARB: compress the memory", _A.PROGRAM),
    "_MODU": Operation("pi_copy_ram_to_rom", "PI service _MODU: copy RAM to ROM", _A.PROGRAM),
}
# SINUMERIK: what the service does, its activity, and which of its arguments is a password (-1: none).
_PI_NCK = {
    "_N_LOGIN_": ("log in", _A.SESSION, 1),
    "_N_LOGOUT": ("log out", _A.SESSION, -1),
    "_N_NEWPWD": ("set a new password", _A.CONFIGURE, 1),
    "_N_CANCEL": ("cancel an NC alarm", _A.ALARM, -1),
    "_N_DASAVE": ("copy data from SRAM to flash", _A.PROGRAM, -1),
    "_N_DIGIOF": ("digitising off", _A.CONTROL, -1),
    "_N_DIGION": ("digitising on", _A.CONTROL, -1),
    "_N_DZERO_": ("make all D numbers invalid", _A.CONFIGURE, -1),
    "_N_ENDEXT": ("end an external program", _A.CONTROL, -1),
    "_N_OST_OF": ("overstore off", _A.CONTROL, -1),
    "_N_OST_ON": ("overstore on", _A.CONTROL, -1),
    "_N_SCALE_": ("set the unit of measurement", _A.CONFIGURE, -1),
    "_N_SETUFR": ("activate the user frame", _A.CONTROL, -1),
    "_N_STRTLK": ("set the global start disable", _A.CONTROL, -1),
    "_N_STRTUL": ("reset the global start disable", _A.CONTROL, -1),
    "_N_TMRASS": ("reset the active status", _A.CONTROL, -1),
    "_N_F_DELE": ("delete a file", _A.FILE, -1),
    "_N_F_DELR": ("delete a file without access right", _A.FILE, -1),
    "_N_F_XFER": ("select a file for upload", _A.FILE, -1),
    "_N_F_CLOS": ("close a file", _A.FILE, -1),
    "_N_F_OPEN": ("open a file", _A.FILE, -1),
    "_N_F_OPER": ("open a file for reading", _A.FILE, -1),
    "_N_F_SEEK": ("position in a file", _A.FILE, -1),
    "_N_F_COPY": ("copy a file", _A.FILE, -1),
    "_N_F_RENA": ("rename a file", _A.FILE, -1),
    "_N_F_PROT": ("assign a protection level to a file", _A.FILE, -1),
    "_N_F_PROR": ("assign a protection level to a file", _A.FILE, -1),
    "_N_F_DMDA": ("delete the MDA memory", _A.FILE, -1),
    "_N_EXTERN": ("select an external program", _A.CONTROL, -1),
    "_N_EXTMOD": ("select an external program", _A.CONTROL, -1),
    "_N_LOCKE_": ("lock the active file for editing", _A.FILE, -1),
    "_N_SELECT": ("select a program for execution", _A.CONTROL, -1),
    "_N_SRTEXT": ("mark a file", _A.FILE, -1),
    "_N_SEL_BL": ("select a new block", _A.CONTROL, -1),
    "_N_FINDBL": ("activate a block search", _A.CONTROL, -1),
    "_N_ASUP__": ("assign an interrupt routine", _A.CONFIGURE, -1),
    "_N_CONFIG": ("activate machine data", _A.CONFIGURE, -1),
    "_N_DELVAR": ("delete a data block", _A.CONFIGURE, -1),
    "_N_IBN_SS": ("set the start-up switch", _A.CONFIGURE, -1),
    "_N_MMCSEM": ("take or give a semaphore", _A.OTHER, -1),
    "_N_NCKMOD": ("set the mode of the NCK", _A.MODE, -1),
    "_N_CHEKDM": ("check D numbers", _A.DIAGNOSE, -1),
    "_N_CHKDNO": ("check D numbers", _A.DIAGNOSE, -1),
    "_N_CRCEDN": ("create a cutting edge with its number", _A.CONFIGURE, -1),
    "_N_CREACE": ("create a cutting edge", _A.CONFIGURE, -1),
    "_N_CREATO": ("create a tool", _A.CONFIGURE, -1),
    "_N_CRTOCE": ("create a tool with an edge number", _A.CONFIGURE, -1),
    "_N_DELECE": ("delete a cutting edge", _A.CONFIGURE, -1),
    "_N_DELETO": ("delete a tool", _A.CONFIGURE, -1),
    "_N_SETTST": ("activate a wear group", _A.CONFIGURE, -1),
    "_N_TMAWCO": ("set the active wear group", _A.CONFIGURE, -1),
    "_N_TMCRTC": ("create a tool with an edge number", _A.CONFIGURE, -1),
    "_N_TMCRTO": ("create a tool", _A.CONFIGURE, -1),
    "_N_TMFDPL": ("search an empty place for loading", _A.DIAGNOSE, -1),
    "_N_TMFPBP": ("search an empty place", _A.DIAGNOSE, -1),
    "_N_TMGETT": ("find a tool number", _A.DIAGNOSE, -1),
    "_N_TMMVTL": ("load or unload a tool", _A.CONTROL, -1),
    "_N_TMPCIT": ("set a piece counter", _A.CONFIGURE, -1),
    "_N_TMPOSM": ("position a magazine or tool", _A.CONTROL, -1),
    "_N_TRESMO": ("reset monitoring values", _A.CONFIGURE, -1),
    "_N_TSEARC": ("search tools", _A.DIAGNOSE, -1),
}


def _pi_operations():
    """Operations by key, and for each service name (its key, password argument or -1)."""
    operations = {PI_OTHER: Operation("pi_other", "PI service that is not known", _A.CONTROL)}
    services = {}
    for name, operation in _PI_NAMED.items():
        key = PI_OTHER + len(operations)
        operations[key] = operation
        services[name] = (key, -1)
    for name, (what, activity, secret) in _PI_NCK.items():
        key = PI_OTHER + len(operations)
        short = "pi" + name.rstrip("_").lower()
        operations[key] = Operation(short, f"PI service {name}: {what}", activity)
        services[name] = (key, secret)
    return operations, services


_PI, PI_SERVICES = _pi_operations()

# Mode transitions that a station reports: 0x4000 + mode, and the operating state that follows from it.
MODE = 0x4000
_MODES = {
    0: Operation("mode_transition_stop", "Mode transition to STOP", _A.REPORT),
    1: Operation("mode_transition_warm_restart", "Mode transition: warm restart", _A.REPORT),
    2: Operation("mode_transition_run", "Mode transition to RUN", _A.REPORT),
    3: Operation("mode_transition_hot_restart", "Mode transition: hot restart", _A.REPORT),
    4: Operation("mode_transition_hold", "Mode transition to HOLD", _A.REPORT),
    6: Operation("mode_transition_cold_restart", "Mode transition: cold restart", _A.REPORT),
    9: Operation("mode_transition_run_redundant", "Mode transition to RUN, redundant", _A.REPORT),
    11: Operation("mode_transition_link_up", "Mode transition: link-up", _A.REPORT),
    12: Operation("mode_transition_update", "Mode transition: update", _A.REPORT),
    0xFF: Operation("mode_transition_other", "Mode transition that is not known", _A.REPORT),
}
MODE_STATES = {0: "STOP", 1: "STARTUP", 2: "RUN", 3: "STARTUP", 4: "HOLD", 6: "STARTUP", 9: "RUN"}

# Userdata: 0x8000 + (group << 8) + subfunction; subfunction 0xFF stands for those that are not known.
USERDATA = 0x8000
PROGRAMMER = 1
CYCLIC = 2
BLOCKS = 3
CPU = 4
SECURITY = 5
BLOCK_SEND_GROUP = 6
TIME = 7
ROUTING = 0x20
NC_PROGRAM = 0x3F
_GROUPS = {
    PROGRAMMER: {
        0x01: Operation("block_status", "Block status", _A.DIAGNOSE),
        0x02: Operation("variable_table_monitor", "Variable status (variable table)", _A.READ),
        0x03: Operation("output_istack", "Output of the interrupt stack", _A.DIAGNOSE),
        0x04: Operation("output_bstack", "Output of the block stack", _A.DIAGNOSE),
        0x05: Operation("output_lstack", "Output of the local data stack", _A.DIAGNOSE),
        0x06: Operation("time_measurement", "Time measurement from to", _A.DIAGNOSE),
        0x07: Operation("force_selection", "Force selection", _A.DIAGNOSE),
        0x08: Operation("variable_table_modify", "Modify variable (variable table)", _A.WRITE),
        0x09: Operation("force", "Force", _A.CONTROL, "T0835"),
        0x0A: Operation("breakpoint", "Breakpoint", _A.MODE),
        0x0B: Operation("exit_hold", "Exit HOLD", _A.MODE, "T0858"),
        0x0C: Operation("memory_reset", "Memory reset", _A.PROGRAM, "T0809"),
        0x0D: Operation("disable_job", "Disable a test job", _A.DIAGNOSE),
        0x0E: Operation("enable_job", "Enable a test job", _A.DIAGNOSE),
        0x0F: Operation("delete_job", "Delete a test job", _A.DIAGNOSE),
        0x10: Operation("read_job_list", "Read the list of test jobs", _A.DIAGNOSE),
        0x11: Operation("read_job", "Read a test job", _A.DIAGNOSE),
        0x12: Operation("replace_job", "Replace a test job", _A.DIAGNOSE),
        0x13: Operation("block_status_2", "Block status, version 2", _A.DIAGNOSE),
        0x16: Operation("flash_led", "Flash the LEDs", _A.DIAGNOSE),
        0xFF: Operation("programmer_other", "Programmer command that is not known", _A.DIAGNOSE),
    },
    CYCLIC: {
        0x01: Operation("cyclic_data", "Cyclic transfer", _A.READ),
        0x04: Operation("cyclic_data_unsubscribe", "End of a cyclic transfer", _A.SESSION),
        0x05: Operation("cyclic_data_on_change", "Change-driven transfer", _A.READ),
        0x07: Operation("cyclic_data_on_change_modify", "Change-driven transfer, modified", _A.READ),
        0x08: Operation("read_record", "Read a data record (RDREC)", _A.READ),
        0xFF: Operation("cyclic_data_other", "Cyclic service that is not known", _A.READ),
    },
    BLOCKS: {
        0x01: Operation("block_list", "List blocks", _A.IDENTIFY),
        0x02: Operation("block_list_of_type", "List blocks of a type", _A.IDENTIFY),
        0x03: Operation("block_info", "Block information", _A.IDENTIFY),
        0xFF: Operation("block_other", "Block function that is not known", _A.IDENTIFY),
    },
    CPU: {
        0x01: Operation("szl_read", "Read the system status list", _A.IDENTIFY),
        0x02: Operation("message_service", "Message service", _A.SESSION),
        0x03: Operation("diagnostic_message", "Diagnostic message", _A.ALARM),
        0x05: Operation("alarm_8", "ALARM_8 indication", _A.ALARM),
        0x06: Operation("alarm_notify", "NOTIFY indication", _A.ALARM),
        0x07: Operation("alarm_lock", "ALARM_8 lock", _A.ALARM, "T0878"),
        0x08: Operation("alarm_unlock", "ALARM_8 unlock", _A.ALARM),
        0x09: Operation("alarm_scan", "SCAN indication", _A.ALARM),
        0x0B: Operation("alarm_acknowledge", "ALARM acknowledgement", _A.ALARM),
        0x0C: Operation("alarm_acknowledged", "ALARM acknowledgement indication", _A.ALARM),
        0x0D: Operation("alarm_locked", "ALARM lock indication", _A.ALARM),
        0x0E: Operation("alarm_unlocked", "ALARM unlock indication", _A.ALARM),
        0x10: Operation("archive_send", "AR_SEND indication", _A.REPORT),
        0x11: Operation("alarm_sq", "ALARM_SQ indication", _A.ALARM),
        0x12: Operation("alarm_s", "ALARM_S indication", _A.ALARM),
        0x13: Operation("alarm_query", "ALARM query", _A.ALARM),
        0x16: Operation("alarm_notify_8", "NOTIFY_8 indication", _A.ALARM),
        0xFF: Operation("cpu_other", "CPU function that is not known", _A.OTHER),
    },
    SECURITY: {
        0x01: Operation("password_set", "PLC password", _A.SESSION),
        0x02: Operation("password_clear", "PLC password, end of legitimation", _A.SESSION),
        0xFF: Operation("security_other", "Security function that is not known", _A.SESSION),
    },
    BLOCK_SEND_GROUP: {
        0x00: Operation("block_unacknowledged_send", "USEND", _A.REPORT),
        0x01: Operation("block_send", "BSEND", _A.REPORT),
        0xFF: Operation("block_send_other", "Block communication", _A.REPORT),
    },
    TIME: {
        0x01: Operation("time_read", "Read clock", _A.TIME),
        0x02: Operation("time_set", "Set clock", _A.TIME),
        0x03: Operation("time_read_following", "Read clock (following)", _A.TIME),
        0x04: Operation("time_set_following", "Set clock (following)", _A.TIME),
        0xFF: Operation("time_other", "Time function that is not known", _A.TIME),
    },
    ROUTING: {
        0x01: Operation("record_routing_start", "Data record routing: start", _A.SESSION),
        0x02: Operation("record_routing_end", "Data record routing: end", _A.SESSION),
        0x03: Operation("record_routing_data", "Data record routing: data", _A.CONFIGURE),
        0xFF: Operation("record_routing_other", "Data record routing", _A.CONFIGURE),
    },
    NC_PROGRAM: {
        0x01: Operation("nc_download_request", "NC program: request download", _A.PROGRAM, "T0843"),
        0x02: Operation("nc_download_block", "NC program: download", _A.PROGRAM, "T0843"),
        0x03: Operation("nc_download_continue", "NC program: continue download", _A.PROGRAM, "T0843"),
        0x04: Operation("nc_download_ended", "NC program: download ended", _A.PROGRAM, "T0843"),
        0x06: Operation("nc_upload_start", "NC program: start upload", _A.PROGRAM, "T0845"),
        0x07: Operation("nc_upload", "NC program: upload", _A.PROGRAM, "T0845"),
        0x08: Operation("nc_upload_continue", "NC program: continue upload", _A.PROGRAM, "T0845"),
        0xFF: Operation("nc_program_other", "NC programming function that is not known", _A.PROGRAM),
    },
}

OPERATIONS = {
    **_JOBS,
    **_OTHERS,
    **_PI,
    **{MODE + mode: operation for mode, operation in _MODES.items()},
    **{USERDATA + (g << 8) + s: operation for g, group in _GROUPS.items() for s, operation in group.items()},
}

# --- SINUMERIK areas -----------------------------------------------------------------------------------------------

NCK_AREAS = ("N", "B", "C", "A", "T", "V", "H", "M")
NCK_MODULES = {
    0x10: "Y", 0x11: "YNCFL", 0x12: "FU", 0x13: "FA", 0x14: "TO", 0x15: "RP", 0x16: "SE", 0x17: "SGUD", 0x18: "LUD",
    0x19: "TC", 0x1A: "M", 0x1C: "WAL", 0x1E: "DIAG", 0x1F: "CC", 0x20: "FE", 0x21: "TD", 0x22: "TS", 0x23: "TG",
    0x24: "TU", 0x25: "TUE", 0x26: "TV", 0x27: "TM", 0x28: "TP", 0x29: "TPM", 0x2A: "TT", 0x2B: "TMV", 0x2C: "TMC",
    0x2D: "MGUD", 0x2E: "UGUD", 0x2F: "GUD4", 0x30: "GUD5", 0x31: "GUD6", 0x32: "GUD7", 0x33: "GUD8", 0x34: "GUD9",
    0x35: "PA", 0x36: "GD1", 0x37: "NIB", 0x38: "ETP", 0x39: "ETPD", 0x3A: "SYNACT", 0x3B: "DIAGN", 0x3C: "VSYN",
    0x3D: "TUS", 0x3E: "TUM", 0x3F: "TUP", 0x40: "TF", 0x41: "FB", 0x42: "SSP2", 0x43: "PUD", 0x44: "TOS",
    0x45: "TOST", 0x46: "TOE", 0x47: "TOET", 0x48: "AD", 0x49: "TOT", 0x4A: "AEV", 0x4B: "YFAFL", 0x4C: "FS",
    0x4D: "SD", 0x4E: "TAD", 0x4F: "TAO", 0x50: "TAS", 0x51: "TAM", 0x52: "TAP", 0x53: "MEM", 0x54: "SALUC",
    0x55: "AUXFU", 0x56: "TDC", 0x57: "CP", 0x6E: "SDME", 0x6F: "SPARPI", 0x70: "SEGA", 0x71: "SEMA", 0x72: "SSP",
    0x73: "SGA", 0x74: "SMA", 0x75: "SALAL", 0x76: "SALAP", 0x77: "SALA", 0x78: "SSYNAC", 0x79: "SPARPF",
    0x7A: "SPARPP", 0x7B: "SNCF", 0x7D: "SPARP", 0x7E: "SINF", 0x7F: "S",
}  # fmt: skip
