"""The same plant on 127.0.0.0/8, for systems that give no namespaces.

Nothing can be sniffed there without privileges, so every connection runs through a relay that notes which bytes went
which way and when. The stored frames are built from those notes: payloads, order, times and port numbers of clients
are real; MAC and IP addresses, server ports, sequence numbers and the segments without data are ours. The labels of
such a capture say so. A refused connection leaves no frame.
"""

from __future__ import annotations

import os
import secrets
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from sentinel.exercise.capture import Recording
from sentinel.exercise.namespaces import END_SECONDS, Host, OutOfPlant, Worker, guard

_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10
_SEGMENT = 1460
_STEP_NS = 2_000


@dataclass(slots=True)
class Conversation:
    """One relayed connection. `events` are (time in ns, from the client, bytes); no bytes: that side closed."""

    client: Host
    server: Host
    client_port: int
    server_port: int
    opened: int
    events: list[tuple[int, bool, bytes]] = field(default_factory=list)

    def frames(self) -> list[tuple[int, bytes]]:
        """The conversation as Ethernet frames with their times: handshake, data, and the end of both sides."""
        sequence = [secrets.randbits(32), secrets.randbits(32)]
        out: list[tuple[int, bytes]] = []
        now = self.opened

        def say(from_client: bool, flags: int, data: bytes = b"") -> None:
            nonlocal now
            mine, yours = (0, 1) if from_client else (1, 0)
            acknowledged = 0 if flags == _SYN else sequence[yours]
            out.append((now, self._frame(from_client, sequence[mine], acknowledged, flags, data)))
            sequence[mine] = (sequence[mine] + len(data) + bool(flags & (_SYN | _FIN))) & 0xFFFFFFFF
            now += _STEP_NS

        say(True, _SYN)
        say(False, _SYN | _ACK)
        say(True, _ACK)
        closed: set[bool] = set()
        for stamp, from_client, data in self.events:
            now = max(now, stamp)
            if data:
                for start in range(0, len(data), _SEGMENT):
                    say(from_client, _PSH | _ACK, data[start : start + _SEGMENT])
            elif from_client not in closed:
                closed.add(from_client)
                say(from_client, _FIN | _ACK)
        if len(closed) == 2:
            say(self.events[-1][1] is False, _ACK)
        return out

    def _frame(self, from_client: bool, sequence: int, acknowledged: int, flags: int, data: bytes) -> bytes:
        """Ethernet, IPv4 (RFC 791) and TCP (RFC 9293) with checksums."""
        sender, receiver = (self.client, self.server) if from_client else (self.server, self.client)
        ports = (self.client_port, self.server_port) if from_client else (self.server_port, self.client_port)
        ends = socket.inet_aton(sender.ip) + socket.inet_aton(receiver.ip)
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 64240, 0, 0) + data
        pseudo = ends + struct.pack(">BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends
        ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
        macs = bytes.fromhex((receiver.mac + sender.mac).replace(":", ""))
        return macs + b"\x08\x00" + ip + tcp


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class LoopbackPlant:
    """A context manager with the methods of a namespace plant; every run has loopback addresses of its own."""

    mode = "loopback"

    def __init__(self, hosts: Iterable[Host]) -> None:
        self.hosts = {host.name: host for host in hosts}
        first, second = os.getpid() & 0xFF, secrets.randbelow(254) + 1
        self.addresses = {name: f"127.{first}.{second}.{n}" for n, name in enumerate(self.hosts, 1)}
        self.workers: list[Worker] = []
        self.conversations: list[Conversation] = []
        self._served: dict[tuple[str, int], int] = {}
        self._relays: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()

    def __enter__(self) -> LoopbackPlant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for worker in self.workers:
            worker.join(END_SECONDS)

    def start(self, name: str, work: Callable[[], Any], title: str) -> Worker:
        worker = Worker(work, title)
        self.workers.append(worker)
        worker.start()
        return worker

    def listen_on(self, name: str, port: int) -> tuple[str, int]:
        address = guard(self.addresses[name], ())
        with socket.socket() as probe:
            probe.bind((address, 0))
            self._served[name, port] = probe.getsockname()[1]
        return address, self._served[name, port]

    def endpoint(self, client: str, server: str, port: int) -> tuple[str, int]:
        if server not in self.addresses:
            raise OutOfPlant(f"{server} is no host of this exercise plant")
        address = guard(self.addresses[server], ())
        served = self._served.get((server, port))
        if served is None:
            with socket.socket() as probe:  # a port that nobody listens on
                probe.bind((address, 0))
                return address, probe.getsockname()[1]
        with self._lock:
            if (client, server, port) not in self._relays:
                self._relays[client, server, port] = self._open_relay(client, server, port, (address, served))
            return address, self._relays[client, server, port]

    def _open_relay(self, client: str, server: str, port: int, onward: tuple[str, int]) -> int:
        listener = socket.create_server((onward[0], 0))
        listener.settimeout(0.1)

        def accept() -> None:
            with listener:
                while not self._end.is_set():
                    try:
                        caller, peer = listener.accept()
                    except TimeoutError:
                        continue
                    talk = Conversation(self.hosts[client], self.hosts[server], peer[1], port, time.time_ns())
                    with self._lock:
                        self.conversations.append(talk)
                    self.start(client, lambda c=caller, t=talk: self._relay(c, onward, t), "relay")  # type: ignore[misc]

        self.start(client, accept, f"relay to {server}:{port}")
        return int(listener.getsockname()[1])

    def _relay(self, caller: socket.socket, onward: tuple[str, int], talk: Conversation) -> None:
        """Pass bytes both ways and note them, until both sides closed or the plant ends."""
        with caller, socket.create_connection(onward, timeout=2.0) as callee, selectors.DefaultSelector() as selector:
            selector.register(caller, selectors.EVENT_READ, True)
            selector.register(callee, selectors.EVENT_READ, False)
            while selector.get_map() and not self._end.is_set():
                for key, _ in selector.select(0.1):
                    source, target = (caller, callee) if key.data else (callee, caller)
                    try:
                        data = source.recv(65536)
                        talk.events.append((time.time_ns(), key.data, data))
                        if data:
                            target.sendall(data)
                        else:
                            selector.unregister(source)
                            target.shutdown(socket.SHUT_WR)
                    except OSError:  # one side reset the connection: the other is told by closing
                        return

    def recording(self) -> Recording:
        """All conversations as frames in the order of their times."""
        with self._lock:
            frames = [frame for talk in self.conversations for frame in talk.frames()]
        return Recording(sorted(frames, key=lambda frame: frame[0]))
