"""Running a scenario: what is refused, how frames are labelled, and that a failing step ends the run."""

import struct
import threading
from dataclasses import replace

import pytest
from exercise_stage import needs_lab

from sentinel.exercise import scenario as scenarios_module
from sentinel.exercise.capture import Recording
from sentinel.exercise.namespaces import available
from sentinel.exercise.scenario import Ran, Scenario, Step, StepFailed, _check, _label, actions, perform
from sentinel.exercise.scenarios import BOILER, HMI, INTRUDER

NO_NAMESPACES = available()
needs_namespaces = pytest.mark.skipif(bool(NO_NAMESPACES), reason=f"no network namespaces: {NO_NAMESPACES}")

READ = Step(0.1, "intruder", "modbus_identify", "boiler-plc", "attack", "It is identified.", "被识别。", ("T0888",))
SMALL = Scenario("small", ".pcap", 1.0, "Small.", "小。", (BOILER, HMI, INTRUDER), {"boiler-plc": "modbus"}, (READ,))


@pytest.mark.parametrize(
    "change", [{"actor": "nobody"}, {"target": "nothing"}, {"kind": "prank"}, {"action": "fly"}, {"actor": "hmi"}]
)
def test_a_step_that_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match="small"):
        _check(replace(SMALL, steps=(replace(READ, **change),)))


def ip_frame(source, destination):
    packed = bytes(int(part) for address in (source, destination) for part in address.split("."))
    return bytes(12) + b"\x08\x00" + bytes(12) + packed + bytes(20)


def arp_frame(source, destination):
    ends = [bytes(int(part) for part in address.split(".")) for address in (source, destination)]
    return bytes(12) + b"\x08\x06" + bytes(14) + ends[0] + bytes(6) + ends[1] + bytes(18)


def test_frames_are_labelled_by_time_and_by_both_addresses():
    frames = [
        (10, ip_frame(INTRUDER.ip, BOILER.ip)),  # before the step
        (20, arp_frame(INTRUDER.ip, BOILER.ip)),
        (21, ip_frame(BOILER.ip, INTRUDER.ip)),
        (22, ip_frame(HMI.ip, BOILER.ip)),  # somebody else
        (23, ip_frame(INTRUDER.ip, HMI.ip)),  # another target
        (30, ip_frame(INTRUDER.ip, BOILER.ip)),
        (31, ip_frame(INTRUDER.ip, BOILER.ip)),  # after it
        (25, b"\x00" * 14),
    ]
    one = Ran(READ, 20, 30, "")
    _label([one], Recording(frames), SMALL)
    assert one.frames == [(2, 3), (6, 6)]
    wide = Ran(replace(READ, everywhere=True), 20, 30, "")
    _label([wide], Recording(frames), SMALL)
    assert wide.frames == [(2, 3), (5, 6)]
    behind = Ran(replace(READ, kind="background"), 0, 99, "")
    _label([behind], Recording(frames), SMALL)
    assert behind.frames == []


@needs_lab
def test_a_small_run_on_loopback():
    done = perform(SMALL, loopback=True)
    assert done.mode == "loopback"
    assert [(ran.step.label, ran.outcome) for ran in done.ran] == [("modbus-identify", "identified")]
    payloads = [frame[54:] for _, frame in done.recording.frames if len(frame) > 54]
    functions = [payload[7] for payload in payloads]
    assert functions.count(0x2B) == 6 and functions.count(17) == 2
    assert any(b"Schneider Electric" in payload for payload in payloads)
    first, last = done.ran[0].frames[0][0], done.ran[0].frames[-1][1]
    # the last frames only close the connection; how soon the relay gets to note them is the machine's business
    assert first == 1 and not any(len(frame) > 54 for _, frame in done.recording.frames[last:])
    for _, frame in done.recording.frames:
        assert {frame[26:30], frame[30:34]} == {bytes(map(int, host.ip.split("."))) for host in (INTRUDER, BOILER)}
        assert 502 in struct.unpack(">HH", frame[34:38])


@needs_lab
def test_a_failing_step_ends_the_run_and_leaves_no_thread(monkeypatch):
    def fail(scene, actor, target):
        raise LookupError("nothing to find")

    registry = actions()
    registry["attacker"] = {"modbus_identify": fail}
    monkeypatch.setattr(scenarios_module, "actions", lambda: registry)
    before = set(threading.enumerate())
    with pytest.raises(StepFailed, match="intruder: modbus-identify: nothing to find"):
        perform(SMALL, loopback=True)
    assert [thread for thread in threading.enumerate() if thread not in before] == []


@needs_lab
@needs_namespaces
def test_a_small_run_in_namespaces():
    before = set(threading.enumerate())
    done = perform(SMALL)
    assert done.mode == "namespaces"
    assert done.recording.dropped == 0
    assert done.ran[0].frames
    macs = {frame[6:12] for _, frame in done.recording.frames}
    assert macs == {bytes.fromhex(host.mac.replace(":", "")) for host in (BOILER, INTRUDER)}
    assert [thread for thread in threading.enumerate() if thread not in before] == []
