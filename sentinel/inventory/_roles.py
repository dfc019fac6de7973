"""What a device is, as far as its traffic tells: role, why, and the Purdue level that the role suggests.

Only labelled flows with messages make a role of control traffic; a label that a port alone gave never does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.inventory._stats import ASKING

SERVER_ROLES = {"modbus": "plc", "umas": "plc", "s7comm": "plc", "dnp3": "rtu"}
"""What a device that answers in a control protocol is called; a protocol that is not here makes no such role."""

GATEWAYS: dict[str, frozenset[int]] = {"modbus": frozenset({0, 1, 255}), "dnp3": frozenset()}
"""Protocols in which a network address may stand for many devices, with the units that are the address's own device:
0 and 255 (MODBUS Messaging on TCP/IP V1.0b, on the unit identifier) and, since most servers answer to it, 1."""
NOT_BEHIND = frozenset({0, 255})
"""Modbus units that no device behind a gateway has."""
MIN_UNITS = 2
"""Units beside those that must answer before an address is a gateway."""
MAX_UNITS = 64
"""Units; a server that answers to more ignores the unit: a serial segment drives 32 loads, with a repeater twice that,
while a scan of a server that ignores the unit finds all 247."""

MIN_POLLS = 20
"""Reads that make a client one that polls."""

LEVELS = {"plc": "1", "rtu": "1", "gateway": "1", "hmi": "2", "engineering": "2"}
"""Purdue level that a role suggests; other roles suggest none."""

_ENGINEERING = {"plc": {"program", "mode", "configure", "file"}, "rtu": {"program"}}
"""Role of the server -> activities that are engineering there; a telecontrol master restarts outstations, sets them up
and fetches their files in its daily work."""


@dataclass(slots=True)
class Talk:
    """What one device did in one protocol on one side."""

    requests: dict[str, int] = field(default_factory=dict)
    """Activity -> requests, sent (client) or received (server)."""
    answers: int = 0
    """Responses, exceptions and unsolicited messages that it sent (server)."""
    units: dict[int, int] = field(default_factory=dict)
    """Unit -> answers that are no exceptions (server)."""
    peers: set[str] = field(default_factory=set)

    def merge(self, other: Talk) -> None:
        """Add what another address of the device did."""
        for activity, n in other.requests.items():
            self.requests[activity] = self.requests.get(activity, 0) + n
        for unit, n in other.units.items():
            self.units[unit] = self.units.get(unit, 0) + n
        self.answers += other.answers
        self.peers |= other.peers


@dataclass(slots=True)
class Behaviour:
    """What one device did: protocol -> Talk, as server and as client."""

    server: dict[str, Talk] = field(default_factory=lambda: defaultdict(Talk))
    client: dict[str, Talk] = field(default_factory=lambda: defaultdict(Talk))

    def add(self, row: Mapping[str, Any], as_server: bool) -> None:
        """Add one row of the message statistics in which this device is the server, or the client."""
        talk = (self.server if as_server else self.client)[row["protocol"]]
        talk.peers.add(row["client" if as_server else "server"])
        kind, count, unit = row["kind"], row["count"], row["unit"]
        if kind in ASKING:
            talk.requests[row["activity"]] = talk.requests.get(row["activity"], 0) + count
        elif as_server:
            talk.answers += count
            if kind != "exception" and unit is not None:
                talk.units[unit] = talk.units.get(unit, 0) + count

    def merge(self, other: Behaviour) -> None:
        """Add what another address of the device did."""
        for own, more in ((self.server, other.server), (self.client, other.client)):
            for protocol, talk in more.items():
                own[protocol].merge(talk)


@dataclass(frozen=True, slots=True)
class Role:
    """A role and the sentence that says why."""

    name: str
    why: str

    @property
    def level(self) -> str:
        """Purdue level that the role suggests, or empty."""
        return LEVELS.get(self.name, "")


def units_behind(protocol: str, talk: Talk) -> list[int]:
    """Units of the devices behind a server, if it is a gateway; empty where it is none."""
    if protocol not in GATEWAYS or len(talk.units) > MAX_UNITS:
        return []
    if len(talk.units.keys() - GATEWAYS[protocol]) < MIN_UNITS:
        return []
    return sorted(talk.units.keys() - (NOT_BEHIND if protocol == "modbus" else frozenset()))


def role_of(behaviour: Behaviour, unanswered: Iterable[str], router: str, sent: bool) -> Role:
    """The role of a device.

    `unanswered`: control protocols of TCP connections to it of which the capture holds the client's side alone;
    `router`: why it is a router, or empty; `sent`: whether a frame that it sent was captured.
    """
    served = {p: t for p, t in behaviour.server.items() if p in SERVER_ROLES and t.answers > 0}
    for protocol, talk in served.items():
        units = units_behind(protocol, talk)
        if units:
            return Role("gateway", f"{len(units)} {protocol} units answered behind its address: {_list(units)}")
    if served:
        protocol, talk = max(served.items(), key=lambda item: item[1].answers)
        ignored = f", to {len(talk.units)} units, so it ignores the unit" if len(talk.units) > MAX_UNITS else ""
        why = f"sent {talk.answers} {protocol} answers to {_count(len(talk.peers), 'client')}{ignored}"
        return Role(SERVER_ROLES[protocol], why)
    silent = sorted(p for p in unanswered if p in SERVER_ROLES)
    if silent:
        return Role(SERVER_ROLES[silent[0]], f"was asked in {silent[0]} over TCP; its answers are not in the capture")
    asked = {p: t for p, t in behaviour.client.items() if p in SERVER_ROLES and t.requests}
    if asked:
        return _client_role(asked)
    if router:
        return Role("router", router)
    if sent:
        return Role("host", "sent frames, but took no part in a control protocol that was recognised")
    return Role("unknown", "no frame that it sent was captured")


def _client_role(asked: Mapping[str, Talk]) -> Role:
    """Engineering, hmi or client, by what it asked of controllers."""
    requests: dict[str, int] = defaultdict(int)
    engineering: dict[str, int] = defaultdict(int)
    for protocol, talk in asked.items():
        verbs = _ENGINEERING[SERVER_ROLES[protocol]]
        for verb, n in talk.requests.items():
            requests[verb] += n
            if verb in verbs:
                engineering[verb] += n
    peers = _count(len(set().union(*(talk.peers for talk in asked.values()))), "controller")
    names = ", ".join(sorted(asked))
    if engineering:
        did = ", ".join(f"{n} {verb}" for verb, n in sorted(engineering.items()))
        return Role("engineering", f"sent {did} requests in {names} to {peers}")
    reads, writes = requests["read"] + requests["report"], requests["write"] + requests["control"]
    if reads >= MIN_POLLS and writes > 0:
        return Role("hmi", f"sent {reads} read and {writes} write or control requests in {names} to {peers}")
    return Role("client", f"sent {sum(requests.values())} requests in {names} to {peers}")


def _count(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _list(units: list[int]) -> str:
    return ", ".join(map(str, units[:10])) + (", ..." if len(units) > 10 else "")
