"""A boiler-house controller with a drive on its serial side, spoken to in Modbus/TCP (server: pymodbus, BSD).

Unit 1 is the controller, unit 2 a variable-speed drive behind it. Input registers and discrete inputs follow a small
process model, coils and holding registers keep what is written.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

PORT = 502
UNITS = (1, 2)
IDENTITY = {
    "VendorName": "Schneider Electric",
    "ProductCode": "BMX P34 2020",
    "MajorMinorRevision": "v2.70",
    "VendorUrl": "http://www.schneider-electric.com",
    "ProductName": "Modicon M340",
    "ModelName": "BMX P34 2020",
    "UserApplicationName": "BoilerHouse",
}
_GATEWAY_NO_RESPONSE = 0x0B


def _boiler(seconds: float) -> list[int]:
    """Input registers of unit 1: temperature (0.1 degC), pressure (mbar), level (0.1 %), flow (l/h), valve (0.1 %)."""
    return [
        int(1843 + 25 * math.sin(seconds / 7)),
        int(6120 + 80 * math.sin(seconds / 5 + 1)),
        int(642 + 12 * math.sin(seconds / 11)),
        int(2380 + 150 * math.sin(seconds / 3)),
        int(455 + 40 * math.sin(seconds / 9 + 2)),
        0,
        int(seconds) & 0xFFFF,
        0x0001,
    ]


def _drive(seconds: float) -> list[int]:
    """Input registers of unit 2: speed (rpm), current (0.01 A), torque (0.1 %), DC bus (0.1 V), status word."""
    return [
        int(1470 + 8 * math.sin(seconds / 2)),
        int(1135 + 30 * math.sin(seconds / 2.5)),
        int(612 + 20 * math.sin(seconds / 2.5)),
        int(5634 + 12 * math.sin(seconds)),
        0x0637,
        0,
        0,
        0,
    ]


def _device(unit: int, model: Any) -> Any:
    """One pymodbus device: 32 coils, 32 discrete inputs, 64 holding and 8 input registers, all from address 0."""
    from pymodbus.simulator import DataType, SimData, SimDevice

    started = time.monotonic()

    async def follow(
        function: int, _start: int, _address: int, _count: int, registers: list[int], values: Any
    ) -> None:
        seconds = time.monotonic() - started
        if function == 4 and values is None:
            registers[: len(model(seconds))] = model(seconds)
        elif function == 2 and values is None:
            registers[0] = 0b0000_0000_0100_1101 | (int(seconds / 4) % 2) << 1

    coils = [SimData(0, values=[i in (0, 2, 5) for i in range(32)], datatype=DataType.BITS)]
    inputs = [SimData(0, values=[i in (0, 2, 3, 6) for i in range(32)], datatype=DataType.BITS)]
    holding = [SimData(0, values=[1800, 6000, 650, 2400, 450, *range(100, 159)], datatype=DataType.REGISTERS)]
    measured = [SimData(0, values=[0] * 8, datatype=DataType.REGISTERS)]
    return SimDevice(id=unit, simdata=(coils, inputs, holding, measured), action=follow)


def _gateway(sending: bool, pdu: Any) -> Any:
    """Answer for a unit that is not there as a gateway does (Messaging on TCP/IP V1.0b, 4.4.2.4: code 0x0B).

    pymodbus 3.16 says 'device failure' instead, and lets any unit give the identification of the one before it.
    """
    from pymodbus.pdu import ExceptionResponse

    if not sending or pdu.dev_id in UNITS:
        return pdu
    refusal = ExceptionResponse(pdu.function_code & 0x7F, _GATEWAY_NO_RESPONSE, device_id=pdu.dev_id)
    refusal.transaction_id = pdu.transaction_id
    return refusal


def serve(address: tuple[str, int], ready: threading.Event, stop: threading.Event) -> None:
    """Serve on `address` until `stop` is set; `ready` is set as soon as connections are accepted."""
    import logging

    from pymodbus.pdu.device import ModbusDeviceIdentification
    from pymodbus.server import ModbusTcpServer

    # What the attacker provokes is written to the log by pymodbus as an error of its own.
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

    async def run() -> None:
        server = ModbusTcpServer(
            [_device(1, _boiler), _device(2, _drive)],
            identity=ModbusDeviceIdentification(info_name=IDENTITY),
            address=address,
            trace_pdu=_gateway,
        )
        await server.serve_forever(background=True)
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.05)
        await server.shutdown()

    asyncio.run(run())
