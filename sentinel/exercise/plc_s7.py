"""A packaging-line controller, spoken to in S7comm (server: python-snap7, MIT).

python-snap7's server carries setup, read, write, block list, upload, download, clock, stop and start. It is told
here to give the system status lists (SZL) of a CPU 315-2 PN/DP in the layout of the real lists, block headers with
their signature and dates, and to check the password.
"""

from __future__ import annotations

import math
import struct
import threading
import time
from typing import Any

PORT = 102
ORDER_NUMBER = "6ES7 315-2EH14-0AB0"
SERIAL = "S C-C2UR28922012"
PLANT_NAME = "PACKLINE-3"
MODULE_NAME = "CPU 315-2 PN/DP"
_DB_MEASURED, _DB_RECIPE, _DB_LOAD = 1, 10, 20
_STATE_RUN, _STATE_STOP = 0x08, 0x04
_LANGUAGE_DB, _TYPE_DB = 5, 0x0A
# 2024-05-14 09:30 UTC: when the blocks that the controller came with were compiled
_COMMISSIONED = 1_715_679_000.0
PASSWORD = "pack3"
_SET_PASSWORD = 0x01
_WRONG_PASSWORD = 0xD602


def _list(szl_id: int, index: int, running: bool) -> bytes | None:
    """The record length, record count and records of one partial list, or None where the CPU has no such list.

    Layouts: System Software for S7-300/400, System and Standard Functions, chapter 'System Status Lists'.
    """
    if szl_id == 0x0011:
        records = [
            struct.pack(">H20sHHH", 1, ORDER_NUMBER.ljust(20).encode(), 0x00C0, 4, 1),
            struct.pack(">H20sHHH", 6, ORDER_NUMBER.ljust(20).encode(), 0x00C0, 4, 1),
            struct.pack(">H20sHHBB", 7, b" " * 20, 0x00C0, 0x5603, 2, 6),
        ]
    elif szl_id == 0x001C:
        texts = (
            (1, PLANT_NAME),
            (2, MODULE_NAME),
            (3, ""),
            (4, "Original Siemens Equipment"),
            (5, SERIAL),
            (7, MODULE_NAME),
        )
        records = [struct.pack(">H32s", number, text.encode()) for number, text in texts]
    elif szl_id in (0x0131, 0x0132) and index == 1:
        records = [struct.pack(">HHHII", index, 240, 32, 12_000_000, 187_500) + bytes(26)]
    elif szl_id in (0x0132, 0x0232) and index == 4:
        records = [struct.pack(">HHHHHH", index, 1, 0, 1, 2, 0) + bytes(28)]
    elif szl_id in (0x0424, 0x0524):
        state = _STATE_RUN if running else _STATE_STOP
        records = [struct.pack(">HBBI", 0x4302 if running else 0x4304, 0xFF, state, 0) + bytes(12)]
    elif szl_id == 0x0000:
        known = (0x0000, 0x0011, 0x001C, 0x0131, 0x0132, 0x0232, 0x0424)
        records = [struct.pack(">H", number) for number in known]
    else:
        return None
    return struct.pack(">HH", len(records[0]), len(records)) + b"".join(records)


def block_header(number: int, data_length: int, total: int, now: float) -> bytes:
    """The 36 bytes before a data block: signature, version, language, type, number, lengths, dates since 1984-01-01."""
    fixed = struct.pack(">HBBBBHII", 0x7070, 1, 1, _LANGUAGE_DB, _TYPE_DB, number, total, 0)
    return fixed + 2 * _date(now) + struct.pack(">HHHH", 0, 0, 0, data_length)


def block_footer(author: str, family: str, name: str) -> bytes:
    """The 36 bytes behind a block: author, family, name (8 characters each), version 0.1, checksum."""
    names = b"".join(text.encode().ljust(8, b"\x00")[:8] for text in (author, family, name))
    return names + struct.pack(">BBHII", 0x01, 0, sum(names) & 0xFFFF, 0, 0)


def _described(answer: bytes) -> bytes:
    """Block information with what python-snap7 leaves empty: signature, language, type, dates and names."""
    start = 26  # 10 bytes of header, 12 of parameters, 4 before the block information of 78 bytes
    if len(answer) != start + 78:
        return answer
    told = bytearray(answer)
    struct.pack_into(">HH2sB", told, start + 2, 74, 0x0022, b"pp", 1)
    struct.pack_into("BB", told, start + 10, _LANGUAGE_DB, _TYPE_DB)
    told[start + 22 : start + 34] = 2 * _date(_COMMISSIONED)
    told[start + 42 : start + 66] = block_footer("MHUBER", "PACKING", "LINE3")[:24]
    return bytes(told)


def _date(when: float) -> bytes:
    """Milliseconds of the day and days since 1984-01-01, as block headers tell time."""
    days, rest = divmod(when - 441_763_200, 86_400)
    return struct.pack(">IH", int(rest * 1000), int(days))


def _controller() -> Any:
    """A python-snap7 server with this controller's lists and headers."""
    from snap7.server import CPUState, Server

    class Controller(Server):
        def _get_szl_data(self, szl_id: int, szl_index: int) -> bytes | None:
            return _list(szl_id, szl_index, self.cpu_state == CPUState.RUN)

        def _handle_get_block_info(
            self, request: dict[str, Any], userdata_params: dict[str, Any], client_address: tuple[str, int]
        ) -> bytes:
            return _described(super()._handle_get_block_info(request, userdata_params, client_address))

        def _handle_upload(self, request: dict[str, Any], client_address: tuple[str, int]) -> bytes:
            context = self._upload_contexts.get(client_address)
            first = context is not None and context["offset"] == 0
            answer = super()._handle_upload(request, client_address)
            # 12 bytes of header, 2 of parameters, 4 before the block: the library leaves signature and dates empty.
            if context is None or not first or len(answer) < 18 + 36:
                return answer
            total, data_length = struct.unpack_from(">I", answer, 26)[0], struct.unpack_from(">H", answer, 52)[0]
            header = block_header(context["block_num"], data_length, total, _COMMISSIONED)
            return answer[:18] + header + answer[18 + 36 :]

        def _handle_security(
            self, request: dict[str, Any], userdata_params: dict[str, Any], client_address: tuple[str, int]
        ) -> bytes:
            answer = super()._handle_security(request, userdata_params, client_address)
            given = (request.get("data") or {}).get("data", b"")
            if userdata_params.get("subfunction") != _SET_PASSWORD or given == self.protocol.encode_password(PASSWORD):
                return answer
            # 10 bytes of header, then the parameters, of which the last two bytes are the error code.
            return answer[:20] + struct.pack(">H", _WRONG_PASSWORD) + answer[22:]

    return Controller(log=False)


def _move(measured: bytearray, seconds: float, running: bool) -> None:
    """Let the line run: speed and temperatures as REAL, counters as DINT, states as bits; frozen when stopped."""
    if not running:
        struct.pack_into(">f", measured, 0, 0.0)
        return
    struct.pack_into(">fff", measured, 0, 92.5 + math.sin(seconds), 181.2 + math.sin(seconds / 6), 4.02)
    struct.pack_into(">ii", measured, 12, 48_210 + int(seconds * 1.5), 17)
    measured[20] = 0b0001_0011 | (int(seconds * 2) % 2) << 2


def serve(address: tuple[str, int], ready: threading.Event, stop: threading.Event) -> None:
    """Serve on `address` until `stop` is set; `ready` is set as soon as connections are accepted."""
    import logging

    from snap7.server import CPUState
    from snap7.type import SrvArea

    logging.getLogger("snap7").setLevel(logging.CRITICAL)
    server = _controller()
    measured = bytearray(64)
    recipe = bytearray(128)
    struct.pack_into(">fff", recipe, 0, 95.0, 182.0, 4.0)
    server.register_area(SrvArea.DB, _DB_MEASURED, measured)
    server.register_area(SrvArea.DB, _DB_RECIPE, recipe)
    server.register_area(SrvArea.DB, _DB_LOAD, bytearray(512))
    for area in (SrvArea.PE, SrvArea.PA, SrvArea.MK):
        server.register_area(area, 0, bytearray(32))
    server.port = address[1]
    server.start_to(address[0], address[1])
    ready.set()
    started = time.monotonic()
    try:
        while not stop.wait(0.1):
            _move(measured, time.monotonic() - started, server.cpu_state == CPUState.RUN)
    finally:
        server.stop()
