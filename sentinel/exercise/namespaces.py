"""A plant in network namespaces of its own: hosts, one switch, one mirror port, and a guard that keeps traffic inside.

Every namespace is anonymous: it is held open by a file descriptor of this process and has no name under /run/netns, so
nothing can collide with another run, nothing of it exists in the host's own namespace (the switch has one too), and
the kernel takes everything away when the descriptors close, even after a kill. There is no route out of it.

The switch is a bridge with ageing time 0: it forgets every address at once and so floods each frame to every port,
which makes the sensor's port a mirror (SPAN) port.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from sentinel.errors import SentinelError

END_SECONDS = 30.0
"""How long a plant waits for each of its threads when it is taken down; they look several times a second."""
_CLONE_NEWNET = 0x40000000
_SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO of linux/ethtool.h
_OFFLOADS = (0x17, 0x19, 0x1F, 0x24, 0x2C)
_libc = ctypes.CDLL(None, use_errno=True)


class OutOfPlant(PermissionError):
    """A target, or the place a thread runs in, that is not part of the exercise plant."""


class PlantError(SentinelError):
    """The plant could not be built or run."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the plant. `role` is plc, rtu, hmi, engineering, historian or attacker."""

    name: str
    ip: str
    mac: str
    role: str
    title_en: str
    title_zh: str


class Plant(Protocol):
    """What a role needs of the place it runs in; a namespace plant and a loopback plant both are one."""

    mode: str
    hosts: dict[str, Host]

    def start(self, name: str, work: Callable[[], Any], title: str) -> Worker:
        """Run `work` as that host, in a thread of its own."""

    def listen_on(self, name: str, port: int) -> tuple[str, int]:
        """The address a server of that host binds to."""

    def endpoint(self, client: str, server: str, port: int) -> tuple[str, int]:
        """The guarded address at which `client` reaches that port of `server`; OutOfPlant where there is none."""


def guard(address: str, members: Iterable[str]) -> str:
    """The address, if it is a loopback address or one of `members`; OutOfPlant otherwise. Host names are refused."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise OutOfPlant(f"{address!r} is not an IP address; the exercise resolves no names") from None
    if parsed.is_loopback or str(parsed) in set(members):
        return str(parsed)
    raise OutOfPlant(f"{address} is neither a loopback address nor a host of this exercise plant")


def current_namespace() -> int:
    """The inode number of the network namespace that the calling thread is in."""
    return os.stat("/proc/thread-self/ns/net").st_ino


class Worker(threading.Thread):
    """A thread that runs one piece of work, inside a namespace if one is given, and keeps what it raised."""

    def __init__(self, work: Callable[[], Any], title: str, namespace: Namespace | None = None) -> None:
        super().__init__(name=title, daemon=True)
        self._work = work
        self._namespace = namespace
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            if self._namespace is not None:
                self._namespace.enter()
            self.value = self._work()
        except BaseException as error:  # handed to whoever joins: result() raises it
            self.error = error

    def result(self, timeout: float | None = None) -> Any:
        """What the work returned, raising what it raised; TimeoutError where it still runs."""
        self.join(timeout)
        if self.is_alive():
            raise TimeoutError(f"{self.name} still runs")
        if self.error is not None:
            raise self.error
        return self.value


def _system_call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise PlantError("{name}: {why}", name=name, why=os.strerror(code))


class Namespace:
    """One anonymous network namespace."""

    def __init__(self) -> None:
        def make() -> int:
            _system_call("unshare", _CLONE_NEWNET)
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

        maker = Worker(make, "namespace")
        maker.start()
        self.fd: int = maker.result()
        self.inode = os.fstat(self.fd).st_ino

    def enter(self) -> None:
        """Move the calling thread, and every thread and process it starts from now on, into the namespace."""
        _system_call("setns", self.fd, _CLONE_NEWNET)
        if current_namespace() != self.inode:
            raise OutOfPlant("the thread is not in the namespace that it was moved to")

    def call(self, work: Callable[[], Any], title: str = "call") -> Any:
        """Run `work` inside and return what it returned."""
        worker = Worker(work, title, self)
        worker.start()
        return worker.result()

    def ip(self, *lines: str, keep: tuple[int, ...] = ()) -> None:
        """Run `ip` commands inside, one a line; `keep` are descriptors that they name as /proc/self/fd/N."""

        def run() -> subprocess.CompletedProcess[str]:
            command, text = ["ip", "-batch", "-"], "\n".join(lines)
            return subprocess.run(command, input=text, text=True, capture_output=True, pass_fds=keep, check=False)

        done = self.call(run, "ip")
        if done.returncode != 0:
            raise PlantError("ip: {why}", why=done.stderr.strip())

    def close(self) -> None:
        """Let go of the namespace; the kernel deletes it with all its links when no thread is left in it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _disable_offloads(interface: str) -> None:
    """Let the kernel finish checksums and segments itself, so that the mirror shows what a wire would carry."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS:
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            fcntl.ioctl(control, _SIOCETHTOOL, request)


def _disable_ipv6() -> None:
    """Keep the new interfaces of this namespace from announcing themselves in IPv6."""
    for scope in ("all", "default"):
        try:
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
        except OSError:  # no IPv6, or a read-only /proc: a few more multicast frames in the capture, nothing else
            return


class NamespacePlant:
    """A context manager: on entry every host of `hosts` has a namespace, an address and a cable to the switch.

    `workers` are joined and everything is taken down on exit, whatever happened inside. PlantError where the system
    gives no namespaces or no bridge (`available` tells beforehand).
    """

    mode = "namespaces"

    def __init__(self, hosts: Iterable[Host]) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.places: dict[str, Namespace] = {}
        self.switch: Namespace | None = None
        self.sensor: Namespace | None = None
        self.workers: list[Worker] = []
        self._inodes: set[int] = set()

    def __enter__(self) -> NamespacePlant:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _build(self) -> None:
        self.switch = Namespace()
        self.switch.call(_disable_ipv6, "ipv6")
        self.switch.ip(
            "link add plant type bridge ageing_time 0 mcast_snooping 0",
            "link set plant multicast off addrgenmode none",
            "link set plant up",
        )
        self.sensor = Namespace()
        self._plug(self.sensor, "p-sensor", "02:00:00:00:00:01", None)
        for number, host in enumerate(self.hosts.values()):
            place = self.places[host.name] = Namespace()
            self._plug(place, f"p-{number}", host.mac, host.ip)
        self._inodes = {place.inode for place in (*self.places.values(), self.switch, self.sensor)}
        if current_namespace() in self._inodes:
            raise PlantError("the plant was built in the namespace of the program itself")

    def _plug(self, place: Namespace, port: str, mac: str, address: str | None) -> None:
        """Run a cable from the switch to the namespace's eth0."""
        assert self.switch is not None
        place.call(_disable_ipv6, "ipv6")
        self.switch.ip(
            f"link add {port} type veth peer name eth0 address {mac} netns /proc/self/fd/{place.fd}",
            f"link set {port} addrgenmode none master plant up",
            keep=(place.fd,),
        )
        lines = ["link set lo up", "link set eth0 addrgenmode none up"]
        if address is not None:
            lines.append(f"addr add {address}/24 dev eth0")
        place.ip(*lines)
        place.call(lambda: _disable_offloads("eth0"), "offloads")

    def start(self, name: str, work: Callable[[], Any], title: str) -> Worker:
        worker = Worker(work, title, self.places[name])
        self.workers.append(worker)
        worker.start()
        return worker

    def listen_on(self, name: str, port: int) -> tuple[str, int]:
        return self.hosts[name].ip, port

    def endpoint(self, client: str, server: str, port: int) -> tuple[str, int]:
        if current_namespace() not in self._inodes:
            raise OutOfPlant(f"{client} was asked to send from outside the plant's namespaces")
        address = self.hosts[server].ip if server in self.hosts else server
        return guard(address, (host.ip for host in self.hosts.values())), port

    def close(self) -> None:
        """Join what still runs and let every namespace go. Safe to call twice."""
        for worker in self.workers:
            worker.join(END_SECONDS)
        self.workers.clear()
        for place in (*self.places.values(), self.sensor, self.switch):
            if place is not None:
                place.close()
        self.places.clear()
        self.sensor = self.switch = None


def available() -> str:
    """Empty where this process may build a namespace plant, otherwise the reason why it may not."""
    try:
        with NamespacePlant([]):
            return ""
    except (PlantError, OSError) as error:
        return str(error)
