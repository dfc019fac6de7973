"""The namespace plant: the guard, what the hosts can reach, and that nothing is left behind."""

import os
import socket
import struct

import pytest
from waiting import PATIENCE, until

from sentinel.exercise.namespaces import (
    Host,
    Namespace,
    NamespacePlant,
    OutOfPlant,
    PlantError,
    Worker,
    available,
    current_namespace,
    guard,
)

A = Host("a", "10.20.9.1", "02:00:00:00:00:0a", "plc", "A", "甲")
B = Host("b", "10.20.9.2", "02:00:00:00:00:0b", "hmi", "B", "乙")

REASON = available()
needs_namespaces = pytest.mark.skipif(bool(REASON), reason=f"no network namespaces: {REASON}")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1", "10.20.9.1"])
def test_guard_lets_loopback_and_members_pass(address):
    assert guard(address, [A.ip]) == address


@pytest.mark.parametrize(
    "address",
    ["10.20.9.2", "192.168.1.1", "8.8.8.8", "0.0.0.0", "255.255.255.255", "224.0.0.1", "10.20.9.255", "2001:db8::1"],
)
def test_guard_refuses_every_other_address(address):
    with pytest.raises(OutOfPlant):
        guard(address, [A.ip])


@pytest.mark.parametrize("name", ["localhost", "plc.example.org", "", "10.20.9.1/24", "0x7f000001", "10.20.9.1 "])
def test_guard_refuses_names_and_odd_spellings(name):
    with pytest.raises(OutOfPlant):
        guard(name, [A.ip])


def at_home():
    """Whether the process is in its own namespace alone, now or soon: a joined thread may linger a moment."""
    until(lambda: namespaces_in_use() == {current_namespace()})
    return True


def namespaces_in_use():
    """Inode numbers of the network namespaces that any thread or descriptor of this process holds."""
    held = set()
    for task in os.listdir("/proc/self/task"):
        try:
            held.add(os.stat(f"/proc/self/task/{task}/ns/net").st_ino)
        except FileNotFoundError:  # the thread ended meanwhile
            continue
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if target.startswith("net:"):
            held.add(int(target[5:-1]))
    return held


def listening(plant, port=5020):
    """A socket of host a that listens; it stays in that namespace whoever uses it."""
    return plant.start("a", lambda: socket.create_server(plant.listen_on("a", port)), "server").result(PATIENCE)


@needs_namespaces
def test_traffic_flows_inside_and_nowhere_else():
    def ask():
        with socket.create_connection(plant.endpoint("b", "a", 5020), timeout=PATIENCE) as client:
            client.sendall(b"hello")

    def leave():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # no packet is sent: a datagram socket only looks for a route

    with NamespacePlant([A, B]) as plant, listening(plant) as server:
        server.settimeout(PATIENCE)
        plant.start("b", ask, "client").result(PATIENCE)
        connection, peer = server.accept()
        with connection:
            assert (connection.recv(100), peer[0]) == (b"hello", B.ip)
        with pytest.raises(OSError, match="[Uu]nreachable"):
            plant.start("b", leave, "leaver").result(PATIENCE)


@needs_namespaces
def test_the_guard_refuses_a_thread_outside_the_plant_and_a_target_outside_it():
    with NamespacePlant([A, B]) as plant:
        with pytest.raises(OutOfPlant):
            plant.endpoint("b", "a", 502)
        with pytest.raises(OutOfPlant):
            plant.start("b", lambda: plant.endpoint("b", "192.0.2.1", 502), "stray").result(PATIENCE)
        with pytest.raises(OutOfPlant):
            plant.start("b", lambda: plant.endpoint("b", "example.org", 502), "stray").result(PATIENCE)


@needs_namespaces
def test_nothing_is_left_after_a_failure():
    home = current_namespace()
    links = sorted(os.listdir("/sys/class/net"))
    with pytest.raises(RuntimeError, match="on purpose"), NamespacePlant([A, B]) as plant:
        inodes = {place.inode for place in plant.places.values()}
        assert len(inodes) == 2 and home not in inodes
        raise RuntimeError("on purpose")
    assert at_home() and current_namespace() == home
    assert sorted(os.listdir("/sys/class/net")) == links


@needs_namespaces
def test_nothing_is_left_when_building_fails():
    wrong = Host("b", "not-an-address", B.mac, "hmi", "B", "乙")
    with pytest.raises(PlantError, match="ip: "), NamespacePlant([A, wrong]):
        pytest.fail("the plant was built")
    assert at_home()


@needs_namespaces
def test_two_plants_with_the_same_addresses_do_not_meet():
    with NamespacePlant([A, B]) as one, NamespacePlant([A, B]) as two:

        def knock(plant):
            with socket.socket() as probe:
                probe.settimeout(PATIENCE)
                return probe.connect_ex(plant.endpoint("b", "a", 5020))

        with listening(one):
            assert one.start("b", lambda: knock(one), "knock").result(PATIENCE) == 0
            assert two.start("b", lambda: knock(two), "knock").result(PATIENCE) != 0


@needs_namespaces
def test_checksums_are_finished_before_the_mirror_sees_them():
    from sentinel.exercise.capture import Recorder

    with NamespacePlant([A, B]) as plant:
        recorder = Recorder("eth0")
        ear = Worker(recorder.listen, "sensor", plant.sensor)
        ear.start()
        assert recorder.ready.wait(PATIENCE)

        def segments():
            frames = [frame for _, frame in list(recorder.recording.frames)]
            return [frame for frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 6]

        def knock():
            socket.create_connection(plant.endpoint("b", "a", 5020)).close()

        with listening(plant):
            plant.start("b", knock, "client").result(PATIENCE)
            # the mirror's copies are still on their way to the recorder when the connection is over
            until(lambda: len(segments()) >= 3)
        recorder.stop()
        ear.result(PATIENCE)
    for frame in segments():
        segment = frame[34 : 14 + struct.unpack(">H", frame[16:18])[0]]
        pseudo = frame[26:34] + struct.pack(">BBH", 0, 6, len(segment))
        assert _folded(pseudo + segment) == 0xFFFF


def _folded(data):
    if len(data) % 2:
        data += b"\x00"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@needs_namespaces
def test_a_namespace_closes_twice_without_harm():
    place = Namespace()
    place.close()
    place.close()
    assert place.fd == -1
