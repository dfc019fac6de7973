"""The engineering station: legitimate work that looks dangerous, so that a rule can be seen to tell them apart."""

from __future__ import annotations

import datetime
import time
from typing import Any

from sentinel.exercise.outstation_dnp3 import LINK_ADDRESS
from sentinel.exercise.plc_s7 import PASSWORD, block_footer, block_header
from sentinel.exercise.roles import ANSWER_SECONDS, Dnp3Master, Registry, Scene, modbus_client, s7_client

MASTER_ADDRESS = 3
_LOAD_BLOCK = 20


def data_block(number: int, payload: bytes, author: str, family: str, name: str) -> bytes:
    """A data block as an engineering tool downloads it: header, data, footer."""
    footer = block_footer(author, family, name)
    total = 36 + len(payload) + len(footer)
    return block_header(number, len(payload), total, time.time()) + payload + footer


def modbus_identify(scene: Scene, actor: str, target: str) -> str:
    """Ask for the basic and the regular identification objects."""
    with modbus_client(scene, actor, target) as client:
        client.read_device_information(read_code=1, object_id=0, device_id=1)
        answer = client.read_device_information(read_code=2, object_id=0, device_id=1)
    return f"{len(answer.information)} objects"


def modbus_tune(scene: Scene, actor: str, target: str, values: tuple[int, ...] = (1810, 6050, 640)) -> str:
    """Read a parameter block, write it changed, read it back, and mask one configuration word."""
    with modbus_client(scene, actor, target) as client:
        client.read_holding_registers(0, count=16, device_id=1)
        client.write_registers(0, list(values), device_id=1)
        client.mask_write_register(address=20, and_mask=0xFF0F, or_mask=0x0020, device_id=1)
        answer = client.read_holding_registers(0, count=16, device_id=1)
    return f"now {answer.registers[: len(values)]}"


def s7_go_online(scene: Scene, actor: str, target: str) -> str:
    """What an engineering tool asks when it goes online: identification, operating state, protection, clock, blocks."""
    with s7_client(scene, actor, target) as client:
        for szl, index in ((0x0011, 0), (0x001C, 0), (0x0424, 0), (0x0131, 1), (0x0232, 4)):
            client.read_szl(szl, index)
        client.get_plc_datetime()
        client.list_blocks()
    return "online"


def s7_upload(scene: Scene, actor: str, target: str, blocks: tuple[int, ...] = (1, 10)) -> str:
    """Read blocks out of the controller for a backup."""
    from snap7.type import Block

    sizes = []
    with s7_client(scene, actor, target) as client:
        for number in blocks:
            client.get_block_info(Block.DB, number)
            sizes.append(len(client.full_upload(Block.DB, number)[0]))
    return f"{sizes} bytes"


def s7_download(scene: Scene, actor: str, target: str, restart: bool = True, author: str = "MHUBER") -> str:
    """Download a data block with the password, around it a stop and a start, then save it to the load memory."""
    block = data_block(_LOAD_BLOCK, bytes(range(240)), author, "PACKING", "RECIPES")
    with s7_client(scene, actor, target) as client:
        client.set_session_password(PASSWORD)
        if restart:
            client.plc_stop()
        client.download(bytearray(block), _LOAD_BLOCK)
        if restart:
            client.plc_hot_start()
        client.copy_ram_to_rom()
    return f"{len(block)} bytes"


def s7_set_clock(scene: Scene, actor: str, target: str) -> str:
    """Set the controller's clock to the station's."""
    with s7_client(scene, actor, target) as client:
        client.set_plc_datetime(datetime.datetime.now())
    return "clock set"


def dnp3_switch(scene: Scene, actor: str, target: str, index: int = 2) -> str:
    """Select and operate one breaker, change one setpoint, freeze the counters: a planned switching."""
    import opendnp3

    results: list[Any] = []
    with Dnp3Master(scene, actor, target, LINK_ADDRESS, MASTER_ADDRESS, None) as master:
        master.opened.wait(ANSWER_SECONDS)
        scene.pause(1.0)
        close = opendnp3.ControlRelayOutputBlock(opendnp3.OperationType.PULSE_ON, opendnp3.TripCloseCode.CLOSE)
        master.session.SelectAndOperate(close, index, results.append)
        scene.pause(0.5)
        scene.await_answer(lambda: len(results) == 1)
        master.session.SelectAndOperate(opendnp3.AnalogOutputFloat32(4150.0), 0, results.append)
        counters = [opendnp3.Header.AllObjects(20, 0)]
        master.session.Freeze(opendnp3.FreezeType.ImmediateFreeze, counters)
        scene.pause(0.7)
        scene.await_answer(lambda: len(results) == 2)
    return f"{len(results)} operations"


ACTIONS: Registry = {
    "modbus_identify": modbus_identify,
    "modbus_tune": modbus_tune,
    "s7_go_online": s7_go_online,
    "s7_upload": s7_upload,
    "s7_download": s7_download,
    "s7_set_clock": s7_set_clock,
    "dnp3_switch": dnp3_switch,
}
