"""The operator station: polls every controller in the background and now and then changes a setpoint."""

from __future__ import annotations

import struct
import time
from typing import Any

from sentinel.exercise.outstation_dnp3 import LINK_ADDRESS
from sentinel.exercise.roles import Dnp3Master, Registry, Scene, modbus_client, s7_client

MASTER_ADDRESS = 1


def poll_modbus(scene: Scene, actor: str, target: str, period: float = 1.0, write_every: int = 40) -> str:
    """Read two units with five function codes each cycle; every `write_every` cycles one setpoint or pump changes."""
    cycles = 0
    with modbus_client(scene, actor, target) as client:
        while not scene.pause(period):
            client.read_input_registers(0, count=8, device_id=1)
            client.read_discrete_inputs(0, count=16, device_id=1)
            client.read_coils(0, count=16, device_id=1)
            client.read_holding_registers(0, count=10, device_id=1)
            client.read_input_registers(0, count=5, device_id=2)
            client.read_holding_registers(0, count=4, device_id=2)
            cycles += 1
            if write_every and cycles % write_every == 0:
                _adjust(client, cycles // write_every)
    return f"{cycles} cycles"


def _adjust(client: Any, turn: int) -> None:
    """One operator action, another each turn."""
    if turn % 3 == 1:
        client.write_register(0, 1800 + 5 * (turn % 4), device_id=1)
    elif turn % 3 == 2:
        client.write_coil(5, turn % 2 == 0, device_id=1)
    else:
        client.write_registers(1, [6000 + 10 * (turn % 5), 650], device_id=1)


def read_modbus_history(scene: Scene, actor: str, target: str, period: float = 2.0) -> str:
    """A historian: larger blocks, less often, and the drive through read/write multiple registers."""
    cycles = 0
    with modbus_client(scene, actor, target) as client:
        while not scene.pause(period):
            client.read_holding_registers(0, count=60, device_id=1)
            client.read_coils(0, count=32, device_id=1)
            client.readwrite_registers(
                read_address=0, read_count=16, write_address=60, values=[cycles & 0xFFFF], device_id=2
            )
            cycles += 1
    return f"{cycles} cycles"


def poll_s7(scene: Scene, actor: str, target: str, period: float = 1.0, write_every: int = 15) -> str:
    """Read measured values, flags and outputs each cycle; every `write_every` cycles a recipe value changes."""
    from snap7.type import Area

    def item(area: Area, number: int, start: int, amount: int) -> dict[str, Any]:
        return {"area": area, "db_number": number, "start": start, "size": amount}

    several = [item(Area.DB, 1, 0, 12), item(Area.DB, 10, 0, 12), item(Area.MK, 0, 0, 4)]
    cycles = 0
    with s7_client(scene, actor, target, connection_type=2) as client:
        while not scene.pause(period):
            client.db_read(1, 0, 24)
            client.read_area(Area.MK, 0, 0, 8)
            if cycles % 2 == 0:
                client.read_area(Area.PA, 0, 0, 4)
                client.read_area(Area.PE, 0, 0, 4)
            if cycles % 5 == 4:
                client.read_multi_vars(several)
            cycles += 1
            if write_every and cycles % write_every == 0:
                client.db_write(10, 0, bytearray(struct.pack(">f", 95.0 + cycles % 7)))
    return f"{cycles} cycles"


def poll_dnp3(scene: Scene, actor: str, target: str, period: float = 1.0) -> str:
    """Run a DNP3 master: start-up, event polls, integrity polls, unsolicited responses."""
    with Dnp3Master(scene, actor, target, LINK_ADDRESS, MASTER_ADDRESS, period):
        started = time.monotonic()
        while not scene.pause(0.5):
            pass
    return f"polled for {time.monotonic() - started:.0f} s"


ACTIONS: Registry = {
    "poll_modbus": poll_modbus,
    "read_modbus_history": read_modbus_history,
    "poll_s7": poll_s7,
    "poll_dnp3": poll_dnp3,
}
