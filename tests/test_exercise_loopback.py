"""The loopback plant: what a relayed conversation looks like when stored, and what it refuses."""

import socket
import struct

import pytest
from exercise_stage import stage
from waiting import PATIENCE

from sentinel.exercise.loopback import Conversation, LoopbackPlant
from sentinel.exercise.namespaces import OutOfPlant
from sentinel.exercise.scenarios import BOILER, HMI

CLIENT, SERVER = True, False


def fields(frame):
    """(source, ports, sequence, acknowledgment, flags, data) of a stored frame."""
    ports = struct.unpack(">HH", frame[34:38])
    return socket.inet_ntoa(frame[26:30]), ports, *struct.unpack(">II", frame[38:46]), frame[47], frame[54:]


def folded(data):
    if len(data) % 2:
        data += b"\x00"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_conversation_is_a_whole_tcp_connection():
    events = [(2000, CLIENT, b"ask"), (3000, SERVER, b"a" * 1461), (4000, CLIENT, b""), (5000, SERVER, b"")]
    frames = Conversation(HMI, BOILER, 40000, 502, 1000, events).frames()
    told = [fields(frame) for _, frame in frames]
    assert [(told_by, flags, len(data)) for told_by, _, _, _, flags, data in told] == [
        (HMI.ip, 0x02, 0),
        (BOILER.ip, 0x12, 0),
        (HMI.ip, 0x10, 0),
        (HMI.ip, 0x18, 3),
        (BOILER.ip, 0x18, 1460),
        (BOILER.ip, 0x18, 1),
        (HMI.ip, 0x11, 0),
        (BOILER.ip, 0x11, 0),
        (HMI.ip, 0x10, 0),
    ]
    expected = {HMI.ip: told[0][2], BOILER.ip: told[1][2]}
    for source, ports, sequence, acknowledged, flags, data in told:
        other = BOILER.ip if source == HMI.ip else HMI.ip
        assert ports == ((40000, 502) if source == HMI.ip else (502, 40000))
        assert sequence == expected[source]
        assert acknowledged == (0 if flags == 0x02 else expected[other])
        expected[source] = (sequence + len(data) + bool(flags & 0x03)) & 0xFFFFFFFF
    times = [stamp for stamp, _ in frames]
    assert times == sorted(times) and times[0] == 1000
    for _, frame in frames:
        to, by = (BOILER, HMI) if frame[26:30] == socket.inet_aton(HMI.ip) else (HMI, BOILER)
        assert frame[:12] == bytes.fromhex((to.mac + by.mac).replace(":", ""))
        assert folded(frame[14:34]) == 0xFFFF
        assert folded(frame[26:34] + struct.pack(">BBH", 0, 6, len(frame) - 34) + frame[34:]) == 0xFFFF


def test_a_connection_that_stays_open_has_no_end():
    frames = Conversation(HMI, BOILER, 40000, 502, 1000, [(2000, CLIENT, b"ask")]).frames()
    assert [fields(frame)[4] for _, frame in frames] == [0x02, 0x12, 0x10, 0x18]


def test_hosts_get_loopback_addresses_and_strangers_none():
    with LoopbackPlant((BOILER, HMI)) as plant:
        assert all(address.startswith("127.") for address in plant.addresses.values())
        assert len(set(plant.addresses.values())) == 2
        for stranger in ("10.20.1.10", "192.0.2.1", "example.org", ""):
            with pytest.raises(OutOfPlant):
                plant.endpoint("hmi", stranger, 502)


def test_a_port_that_nobody_serves_refuses():
    with stage() as scene, socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(scene.plant.endpoint("hmi", "boiler-plc", 502))


def test_bytes_pass_and_are_recorded():
    with LoopbackPlant((BOILER, HMI)) as plant:
        with socket.create_server(plant.listen_on("boiler-plc", 502)) as server:
            server.settimeout(PATIENCE)
            with socket.create_connection(plant.endpoint("hmi", "boiler-plc", 502), timeout=PATIENCE) as client:
                connection, _ = server.accept()
                with connection:
                    client.sendall(b"ping")
                    assert connection.recv(10) == b"ping"
                    connection.sendall(b"pong")
                    assert client.recv(10) == b"pong"
    payloads = [fields(frame)[5] for _, frame in plant.recording().frames]
    assert [payload for payload in payloads if payload] == [b"ping", b"pong"]
