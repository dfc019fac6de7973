"""What every role of the exercise shares: the scene it acts in and the clients that it speaks through."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentinel.exercise.namespaces import Plant

ANSWER_SECONDS = 10.0
"""How long an answer may take that should come: a busy machine gives a server its turn late."""


@dataclass(slots=True)
class Scene:
    """The plant, and the moment at which everything in the background ends."""

    plant: Plant
    curtain: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> bool:
        """Wait; True when the scene ended meanwhile."""
        return self.curtain.wait(seconds)

    def await_answer(self, came: Callable[[], object]) -> None:
        """Wait until it came, ANSWER_SECONDS at most, or until the scene ends."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not came() and time.monotonic() < deadline and not self.pause(0.02):
            pass


class Action(Protocol):
    """Something a role does: (scene, actor, target, **options) -> one sentence of what came of it."""

    def __call__(self, scene: Scene, actor: str, target: str, **options: Any) -> str: ...


Registry = dict[str, Callable[..., str]]


@contextmanager
def modbus_client(scene: Scene, actor: str, target: str) -> Iterator[Any]:
    """A connected pymodbus client."""
    from pymodbus.client import ModbusTcpClient

    host, port = scene.plant.endpoint(actor, target, 502)
    client = ModbusTcpClient(host, port=port, timeout=ANSWER_SECONDS, retries=0)
    if not client.connect():
        raise ConnectionError(f"{actor} could not connect to {target}")
    try:
        yield client
    finally:
        client.close()


@contextmanager
def s7_client(scene: Scene, actor: str, target: str, slot: int = 2, connection_type: int = 1) -> Iterator[Any]:
    """A connected python-snap7 client; connection type 1 is a programming device, 2 an operator panel."""
    from snap7.client import Client

    host, port = scene.plant.endpoint(actor, target, 102)
    client = Client()
    client.set_connection_type(connection_type)
    client.connect(host, 0, slot, port)
    try:
        yield client
    finally:
        client.disconnect()


class ByteClient:
    """A TCP connection for what no stack would send; requests go out as given, answers come back as they are."""

    def __init__(self, scene: Scene, actor: str, target: str, port: int) -> None:
        self.socket = socket.create_connection(scene.plant.endpoint(actor, target, port), timeout=ANSWER_SECONDS)

    def __enter__(self) -> ByteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send and do not wait."""
        self.socket.sendall(data)

    def receive(self, seconds: float = ANSWER_SECONDS) -> bytes:
        """What arrives next within that time; empty where nothing does or the other side closed."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096)
        except (TimeoutError, ConnectionError):
            return b""

    def ask(self, data: bytes, seconds: float = ANSWER_SECONDS) -> bytes:
        """Send and return what arrives next."""
        self.send(data)
        return self.receive(seconds)


def modbus_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus/TCP frame of our own (Messaging on TCP/IP V1.0b, 3.1.3), for function codes that pymodbus lacks."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


class Dnp3Client:
    """A DNP3 master that sends what it is told and nothing else, with py1815's link and transport layers.

    It confirms what asks for it, so that an outstation does not repeat itself, and follows no start-up procedure.
    """

    def __init__(self, scene: Scene, actor: str, target: str, outstation: int, master: int) -> None:
        from py1815 import link, transport

        self.outstation = outstation
        self.master = master
        self._bytes = ByteClient(scene, actor, target, 20000)
        self._reader = link.FrameReader()
        self._reassembler = transport.Reassembler()
        self._sequence = 0

    def __enter__(self) -> Dnp3Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._bytes.socket.close()

    def _control(self, function: int) -> int:
        return 0xC0 | function  # DIR and PRM set: from a master, a primary message (IEEE 1815-2012, 9.2.4.1.3)

    def ask_link_status(self, outstation: int) -> None:
        """Ask the outstation with that link address for its link status; `sources` tells who answered."""
        from py1815 import link

        self._bytes.send(link.build(self._control(9), outstation, self.master))

    def sources(self, seconds: float) -> set[int]:
        """Link addresses that answer within that time, until the first of them came.

        Only secondary frames answer (IEEE 1815-2012, 9.2.4.1.2): what an outstation reports unasked is a primary one.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            data = self._bytes.receive(left)
            found = {frame.source for frame in self._reader.feed(data) if not frame.is_primary}
            if found or not data:
                return found
        return set()

    def send(self, function: int, body: bytes = b"", outstation: int | None = None) -> int:
        """Send one application request and return its sequence number."""
        from py1815 import link, transport

        self._sequence = (self._sequence + 1) & 0x0F
        fragment = bytes((0xC0 | self._sequence, function)) + body
        to = self.outstation if outstation is None else outstation
        for segment in transport.segment(fragment):
            self._bytes.send(link.build(self._control(4), to, self.master, segment))
        return self._sequence

    def ask(self, function: int, body: bytes = b"", seconds: float = ANSWER_SECONDS) -> bytes:
        """Send a request and return the answer's application fragment; empty where none comes in time."""
        sequence = self.send(function, body)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for fragment in self._fragments(left):
                if fragment[1] == 129 and fragment[0] & 0x0F == sequence:
                    return fragment
        return b""

    def _fragments(self, seconds: float) -> list[bytes]:
        """Application fragments that arrive next, each confirmed if it asks for it."""
        from py1815 import link, transport

        found = []
        for frame in self._reader.feed(self._bytes.receive(seconds)):
            fragment = self._reassembler.add(frame.payload) if frame.payload else None
            if fragment is None or len(fragment) < 4:
                continue
            if fragment[0] & 0x20:
                answer = bytes((0xC0 | fragment[0] & 0x1F, 0))
                for segment in transport.segment(answer):
                    self._bytes.send(link.build(self._control(4), self.outstation, self.master, segment))
            found.append(fragment)
        return found


class Dnp3Master:
    """An opendnp3 master (package yadnp3) with its start-up: disable unsolicited, integrity poll, time, enable."""

    def __init__(
        self, scene: Scene, actor: str, target: str, outstation: int, master: int, poll_seconds: float | None
    ) -> None:
        import opendnp3

        host, port = scene.plant.endpoint(actor, target, 20000)
        self._manager = opendnp3.DNP3Manager(1)
        retry = opendnp3.ChannelRetry(opendnp3.TimeDuration.Seconds(1), opendnp3.TimeDuration.Seconds(2))
        self.opened = threading.Event()
        opened = self.opened

        class Listener(opendnp3.IChannelListener):
            def OnStateChange(self, state: Any) -> None:
                if state == opendnp3.ChannelState.OPEN:
                    opened.set()

        # The native side keeps no reference to what it calls back into.
        self._handlers = (Listener(), opendnp3.ISOEHandler(), opendnp3.IMasterApplication())
        listener, events, application = self._handlers
        channel = self._manager.AddTCPClient(
            actor, opendnp3.LogLevels(0), retry, [opendnp3.IPEndpoint(host, port)], "0.0.0.0", listener
        )
        config = opendnp3.MasterStackConfig()
        config.link.LocalAddr = master
        config.link.RemoteAddr = outstation
        config.master.timeSyncMode = opendnp3.TimeSyncMode.LAN
        self.session = channel.AddMaster(actor, events, application, config)
        if poll_seconds is not None:
            period = opendnp3.TimeDuration.Milliseconds(int(poll_seconds * 1000))
            self.session.AddClassScan(opendnp3.ClassField(False, True, True, True), period, events)
            self.session.AddClassScan(opendnp3.ClassField.AllClasses(), opendnp3.TimeDuration.Seconds(10), events)
        self.session.Enable()

    def __enter__(self) -> Dnp3Master:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.Shutdown()
