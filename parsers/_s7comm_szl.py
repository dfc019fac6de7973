# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False
"""System status lists (SZL, SSL) of S7 stations: what they tell of a device becomes facts.

Source: SIEMENS, System Software for S7-300/400 System and Standard Functions, volume 2 (A5E00739858), chapter 33.
An identifier is module class (4 bits), kind of extract (4 bits), list (8 bits).
"""

import cython

if cython.compiled:
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Rows
else:
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Rows
from sentinel.wire.rows import clean

MAX_RECORDS = 512
"""Most records of one list that are looked at."""

LISTS = {
    0x00: "List of all SZL-IDs",
    0x11: "Module identification",
    0x12: "CPU characteristics",
    0x13: "User memory areas",
    0x14: "System areas",
    0x15: "Block types",
    0x16: "Priority classes",
    0x17: "Permitted SDBs",
    0x18: "Maximum I/O configuration",
    0x19: "Status of the module LEDs",
    0x1C: "Component identification",
    0x21: "Interrupt and error assignment",
    0x22: "Interrupt status",
    0x23: "Priority classes",
    0x24: "Operating modes",
    0x25: "Assignment of process image partitions to OBs",
    0x31: "Communication capability",
    0x32: "Communication status",
    0x33: "Diagnostics: device logon list",
    0x37: "Ethernet details of a module",
    0x71: "H CPU group information",
    0x74: "Status of the LEDs",
    0x75: "Switched DP slaves in the H system",
    0x81: "Start information list",
    0x82: "Start event list",
    0x90: "DP master system information",
    0x91: "Module status information",
    0x92: "Rack and station status",
    0x94: "Rack and station status",
    0x95: "Extended DP master system information",
    0x96: "Module status, PROFINET IO and PROFIBUS DP",
    0xA0: "Diagnostic buffer",
    0xB1: "Module diagnostics, data record 0",
    0xB2: "Module diagnostics, data record 1, by place",
    0xB3: "Module diagnostics, data record 1, by logical address",
    0xB4: "Diagnostic data of a DP slave",
}

# W#16#xy24: low nibble of the mode byte, the mode that was requested last.
_MODES = {
    1: "STOP (update)",
    2: "STOP (memory reset)",
    3: "STOP (self initialisation)",
    4: "STOP",
    5: "STARTUP (warm restart)",
    6: "STARTUP (cold restart)",
    7: "STARTUP (hot restart)",
    8: "RUN",
    9: "RUN (redundant)",
    10: "HOLD",
    11: "LINK-UP",
    12: "UPDATE",
    13: "DEFECT",
}
_SELECTOR = {1: "RUN", 2: "RUN-P", 3: "STOP", 4: "MRES"}
_SIEMENS_ORDER = (b"6ES", b"6GK", b"6AG", b"6AU", b"6FC", b"6SL", b"6AV", b"3RK")


def name(identifier: int) -> str:
    """What a list is about, or an empty text."""
    return LISTS.get(identifier & 0xFF, "")


def facts(r: Reader, out: Rows, identifier: int, size: int, count: int) -> None:
    """Facts from the records at the cursor, as many whole ones as there are; `size` is the length of one."""
    if identifier & 0x0F00 == 0x0F00 or size < 4:
        return  # header information only
    kind = identifier & 0xFF
    if kind not in (0x11, 0x19, 0x1C, 0x24, 0x32, 0x37, 0x74):
        return
    if count > MAX_RECORDS:
        count = MAX_RECORDS
    for _ in range(count):
        if r.left() < size:
            return
        end = r.pos + size
        if kind == 0x11 and size >= 28:
            _module(r, out)
        elif kind == 0x1C and size >= 34:
            _component(r, out)
        elif kind == 0x24 and identifier & 0x0F00 == 0x0400 and size >= 20:
            _mode(r, out)
        elif kind == 0x32 and size >= 12:
            _protection(r, out)
        elif kind == 0x37 and size >= 20:
            _ethernet(r, out)
        elif kind == 0x19 or kind == 0x74:
            _led(r, out)
        r.pos = end


def _module(r: Reader, out: Rows) -> None:
    """W#16#xy11: index, order number, module type, version, release."""
    index = r.u16() & 0xFF
    order = r.take(20)
    r.skip(2)
    version = r.u16()
    release = r.u16()
    if index == 1:
        out.fact("order_number", order)
        if order[:3] in _SIEMENS_ORDER:
            out.fact("vendor", "Siemens", -1, 0.9)
    elif index == 6:
        # Basic hardware: the order number stands here alone where the module does not answer index 1.
        out.fact("order_number", order)
        if version >> 8 == 0 and version > 0:
            out.fact("hardware", str(version))
    elif index == 7 and version >> 8 == 0x56:  # the letter V
        out.fact("firmware", f"V{version & 0xFF}.{release >> 8}.{release & 0xFF}")


# W#16#xy1C: index -> kind of the fact and confidence.
_COMPONENTS = {
    1: ("name", 0.9),  # name of the automation system
    2: ("name", 0.8),  # name of the module
    3: ("name", 0.7),  # plant designation
    5: ("serial", 0.9),
    7: ("model", 0.9),
    11: ("location", 0.9),
}
_MANUFACTURERS = {0x002A: "Siemens", 0x022B: "VIPA"}  # PROFIBUS & PROFINET International manufacturer ids


def _component(r: Reader, out: Rows) -> None:
    """W#16#xy1C: index and 32 bytes that are a name, a number or an identifier."""
    index = r.u16() & 0xFF
    text = r.take(24)
    if index in _COMPONENTS:
        kind, confidence = _COMPONENTS[index]
        out.fact(kind, text + r.take(8) if index in (3, 7, 11) else text, -1, confidence)
    elif index == 4:
        if b"Siemens" in text or b"SIEMENS" in text:
            out.fact("vendor", "Siemens", -1, 0.9)
    elif index == 8:
        card = clean(text + r.take(8))
        if card:
            out.fact("module", f"memory card {card}")
    elif index == 9:
        maker = _MANUFACTURERS.get(int.from_bytes(text[:2], "big"))
        if maker is not None:
            out.fact("vendor", maker, -1, 0.9)
    elif index == 10:
        oem = clean(text)
        if oem:
            out.fact("vendor", oem, -1, 0.5)


def _mode(r: Reader, out: Rows) -> None:
    """W#16#0424: event, identifier, requested and previous mode, start information, time."""
    r.skip(3)
    mode = r.u8() & 0x0F
    if mode in _MODES:
        out.fact("state", _MODES[mode])


def _protection(r: Reader, out: Rows) -> None:
    """W#16#0132 and 0232, index 4: protection levels and the mode selector."""
    if r.u16() & 0xFF != 4:
        return
    key = r.u16()
    assigned = r.u16()
    valid = r.u16()
    selector = r.u16()
    if valid > 3 or assigned > 3 or key > 3:
        return
    # The valid level is the one in force: 1 all, 2 read only, 3 neither read nor write without the password.
    out.fact("protection", f"level {valid} (assigned {assigned}, key switch {key})")
    if selector in _SELECTOR:
        out.fact("state", f"mode selector {_SELECTOR[selector]}", -1, 0.7)


def _ethernet(r: Reader, out: Rows) -> None:
    """W#16#xy37: logical address, IP address, mask, router, MAC address."""
    r.skip(2)
    address = r.take(4)
    r.skip(8)
    mac = r.take(6)
    if any(address):
        out.fact("ip", ".".join(str(part) for part in address))
    if any(mac):
        out.fact("mac", ":".join(f"{part:02x}" for part in mac))


def _led(r: Reader, out: Rows) -> None:
    """W#16#xy19 and xy74: LED number, on or off, flashing."""
    led = r.u16() & 0xFF
    lit = r.u8()
    flashing = r.u8()
    if lit == 1 and flashing == 0:
        if led == 4:
            out.fact("state", "RUN", -1, 0.8)
        elif led == 5:
            out.fact("state", "STOP", -1, 0.8)
        elif led == 6:
            out.fact("state", "FORCE active", -1, 0.8)
