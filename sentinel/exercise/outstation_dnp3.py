"""A substation's outstation, spoken to in DNP3 over TCP (protocol: py1815, Apache-2.0; the listener is ours).

py1815's own listener lets a second connection displace the first; real outstations serve several masters, each with
an association of its own. As its sessions do no I/O, this listener simply gives every connection one, over the same
points. Device attributes (group 0), which py1815 leaves to its caller, are encoded here.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

PORT = 20000
LINK_ADDRESS = 10
_RESTART_MS = 2000
# Events are gathered this long before they are reported unasked, so that a master's polls find some too.
_HOLD_SECONDS = 2.5
# IEEE 1815-2012 Annex A.1: variation -> what the attribute says
ATTRIBUTES = {
    242: "R147-V0",
    243: "HW 2.1",
    245: "SUBSTATION 7",
    246: "FEEDER-RTU-07",
    248: "3102510042",
    250: "SEL-3530 RTAC",
    252: "Schweitzer Engineering Laboratories",
}
_ALL_ATTRIBUTES = 254
_VISIBLE_STRING = 1


class Substation:
    """The points: breakers and alarms, feeder currents and voltages, energy counters, and what may be operated."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.breakers = [True, True, False, True]
        self.setpoints = [4160.0, 60.0]
        self.restarts = 0

    def binaries(self) -> list[bool]:
        """Breaker positions (0 to 3), then alarms: door, battery, relay trouble, local mode."""
        door = int(time.monotonic() - self.started) % 10 >= 7
        return [*self.breakers, door, False, False, False]

    def analogs(self) -> list[int]:
        """Currents of the three phases (0.1 A), voltages (V), power (kW), frequency (0.01 Hz); no load, no current."""
        seconds = time.monotonic() - self.started
        load = 1.0 if self.breakers[0] else 0.0
        phases = [int(load * (4120 + 180 * math.sin(seconds / 3 + k))) for k in range(3)]
        volts = [int(self.setpoints[0] + 15 * math.sin(seconds / 4 + k)) for k in range(3)]
        return [*phases, *volts, int(load * (2950 + 90 * math.sin(seconds / 3))), int(6000 + 2 * math.sin(seconds))]

    def counters(self) -> list[int]:
        """Energy delivered and received (kWh), breaker operations."""
        return [1_284_300 + int(time.monotonic() - self.started), 2_210, 143 + self.restarts]


def _attribute(variation: int) -> bytes:
    """One device attribute: header for index 0, then data type code, length and text (IEEE 1815-2012 Annex A.1)."""
    text = ATTRIBUTES[variation].encode()
    return bytes((0, variation, 0, 0, 0, _VISIBLE_STRING, len(text))) + text


class Points:
    """What a py1815 session asks of the points: reads and controls."""

    def __init__(self, substation: Substation) -> None:
        self.substation = substation

    def read(self, headers: Sequence[Any]) -> bytes:
        return b"".join(self.read_blocks(headers))

    def read_blocks(self, headers: Sequence[Any]) -> list[bytes]:
        """The objects that the headers name, one block each; UnknownObject for a group that is not served."""
        blocks: list[bytes] = []
        for header in headers:
            blocks += self._blocks(header)
        return blocks

    def _blocks(self, header: Any) -> list[bytes]:
        from py1815.session import UnknownObject

        if header.is_class_request:
            return [] if header.event_class else [self._static(group, None) for group in (1, 10, 20, 30, 40)]
        if header.group == 0:
            wanted = ATTRIBUTES if header.variation == _ALL_ATTRIBUTES else (header.variation,)
            if any(variation not in ATTRIBUTES for variation in wanted):
                raise UnknownObject(f"device attribute {header.variation}")
            return [_attribute(variation) for variation in wanted]
        if header.group in (1, 10, 20, 30, 40):
            return [self._static(header.group, header)]
        raise UnknownObject(f"group {header.group}")

    def _static(self, group: int, header: Any) -> bytes:
        """One range of static objects with flags; ParameterError where a named range is not held."""
        from py1815 import control, objects
        from py1815.application import object_header
        from py1815.session import ParameterError

        held: dict[int, Callable[[], Sequence[Any]]] = {
            1: self.substation.binaries,
            10: lambda: self.substation.breakers,
            20: self.substation.counters,
            30: self.substation.analogs,
            40: lambda: self.substation.setpoints,
        }
        values = held[group]()
        start, stop = 0, len(values) - 1
        if header is not None and header.start is not None:
            start, stop = header.start, header.stop
        if not 0 <= start <= stop < len(values):
            raise ParameterError(f"group {group} has points 0 to {len(values) - 1}")
        values = values[start : stop + 1]
        if group == 1:
            return objects.binary_range(start, [objects.BinaryPoint(bool(value)) for value in values])
        if group == 20:
            return objects.counter_range(start, [objects.CounterPoint(value) for value in values])
        if group == 30:
            return objects.analog_range(start, [objects.AnalogPoint(value) for value in values])
        if group == 10:
            body = b"".join(control.encode_binary_output_status(state=bool(value)) for value in values)
            return object_header(10, 2, start=start, stop=stop) + body
        body = b"".join(control.encode_analog_output_status(value, 3) for value in values)
        return object_header(40, 3, start=start, stop=stop) + body

    def select(self, controls: Sequence[Any]) -> list[Any]:
        """Whether each control names an output."""
        return [self._verdict(command) for command in controls]

    def operate(self, controls: Sequence[Any]) -> list[Any]:
        """Carry out what can be carried out."""
        from py1815.control import CommandStatus

        results = []
        for command in controls:
            verdict = self._verdict(command)
            results.append(verdict)
            if verdict is not CommandStatus.SUCCESS:
                continue
            if command.group == 12:
                self.substation.breakers[command.index] = _closes(command.command)
            else:
                self.substation.setpoints[command.index] = float(command.command.value)
        return results

    def _verdict(self, command: Any) -> Any:
        from py1815.control import CommandStatus

        outputs = self.substation.breakers if command.group == 12 else self.substation.setpoints
        return CommandStatus.SUCCESS if command.index < len(outputs) else CommandStatus.NOT_SUPPORTED

    def freeze(self, headers: Sequence[Any], *, clear: bool) -> None:
        """Accept a freeze; frozen values are not kept for reading."""


def _closes(block: Any) -> bool:
    """Whether a control relay output block closes the breaker: by its trip/close code, or by latch and pulse."""
    from py1815.control import OperationType, TripCloseCode

    if block.trip_close == TripCloseCode.TRIP:
        return False
    if block.trip_close == TripCloseCode.CLOSE:
        return True
    return block.operation in (OperationType.LATCH_ON, OperationType.PULSE_ON)


class _Association:
    """One master's connection: its session, its event buffers, and the bytes to and fro."""

    def __init__(self, substation: Substation) -> None:
        from py1815.events import EventBuffers
        from py1815.session import Session

        self.substation = substation
        self.events = EventBuffers(capacity=50)
        points = Points(substation)
        self.session = Session(
            points,
            control_provider=points,
            events=self.events,
            outstation_address=LINK_ADDRESS,
            master_address=None,
            freeze_provider=points,
            time_sink=lambda milliseconds: None,
            need_time=True,
            restart_handler=self._restart,
            unsolicited=True,
            unsolicited_confirm_timeout=2.0,
            broadcast_controls=False,
        )
        self._record(first=True)

    def _restart(self) -> int:
        self.substation.restarts += 1
        return _RESTART_MS

    def _record(self, first: bool = False) -> None:
        from py1815.events import EventClass
        from py1815.objects import AnalogPoint, BinaryPoint

        for index, state in enumerate(self.substation.binaries()):
            if first:
                self.events.prime_binary(index, BinaryPoint(state))
            else:
                self.events.record_binary(index, BinaryPoint(state), event_class=EventClass.CLASS_1)
        for index, value in enumerate(self.substation.analogs()):
            if first:
                self.events.prime_analog(index, AnalogPoint(value))
            else:
                self.events.record_analog(index, AnalogPoint(value), event_class=EventClass.CLASS_2, deadband=60)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the master closes, and send what nobody asked for when it is due."""
        waiting = asyncio.ensure_future(reader.read(4096))
        report = time.monotonic()
        try:
            while True:
                await asyncio.wait({waiting}, timeout=0.2)
                if waiting.done():
                    data = waiting.result()
                    if not data:
                        return
                    writer.write(self.session.receive(data))
                    waiting = asyncio.ensure_future(reader.read(4096))
                self._record()
                if time.monotonic() >= report:
                    writer.write(self.session.initiate())
                    report = time.monotonic() + _HOLD_SECONDS
                await writer.drain()
        except ConnectionError:
            return
        finally:
            waiting.cancel()
            writer.close()


def serve(address: tuple[str, int], ready: threading.Event, stop: threading.Event) -> None:
    """Serve on `address` until `stop` is set; `ready` is set as soon as connections are accepted."""
    import logging

    logging.getLogger("py1815").setLevel(logging.CRITICAL)
    substation = Substation()

    async def run() -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _Association(substation).serve(reader, writer)

        server = await asyncio.start_server(connected, *address)
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.05)
        server.close()

    asyncio.run(run())
