"""The DNP3 outstation of the exercise, asked request by request, by two masters at once."""

import struct

import pytest
from exercise_stage import needs_lab, stage

from sentinel.exercise.outstation_dnp3 import ATTRIBUTES, LINK_ADDRESS
from sentinel.exercise.roles import ANSWER_SECONDS, Dnp3Client

pytestmark = needs_lab
READ, DIRECT_OPERATE, WARM_RESTART, COLD_RESTART = 1, 5, 14, 13


@pytest.fixture(scope="module")
def scene():
    with stage("dnp3") as scene:
        yield scene


@pytest.fixture
def master(scene):
    with Dnp3Client(scene, "hmi", "feeder-rtu", LINK_ADDRESS, 1) as client:
        yield client


def test_attributes_are_objects_of_group_0_with_type_and_length(master):
    body = master.ask(READ, bytes((0, 254, 0, 0, 0)))[4:]
    told = {}
    while body:
        group, variation, qualifier, start, stop, kind, length = body[:7]
        assert (group, qualifier, start, stop, kind) == (0, 0, 0, 0, 1)
        told[variation] = body[7 : 7 + length].decode()
        body = body[7 + length :]
    assert told == ATTRIBUTES
    one = master.ask(READ, bytes((0, 252, 0, 0, 0)))
    assert one.endswith(ATTRIBUTES[252].encode())


@pytest.mark.parametrize(
    ("request_body", "indication"),
    [(bytes((0, 100, 0, 0, 0)), 0x02), (bytes((110, 0, 6)), 0x02), (bytes((30, 1, 0, 0, 200)), 0x04)],
)
def test_what_is_not_there_is_refused_by_indication(master, request_body, indication):
    assert master.ask(READ, request_body)[3] & indication


def test_all_classes_hold_every_static_group(master):
    answer = master.ask(READ, bytes((60, 1, 6)))
    for group, variation, count in ((1, 2, 8), (10, 2, 4), (20, 1, 3), (30, 1, 8), (40, 3, 2)):
        assert bytes((group, variation, 0, 0, count - 1)) in answer


def test_a_trip_is_seen_by_the_other_master(scene, master):
    relay = struct.pack("<BBBIIB", 1, 0x81, 1, 100, 100, 0)
    with Dnp3Client(scene, "intruder", "feeder-rtu", LINK_ADDRESS, 7) as other:
        assert other.ask(DIRECT_OPERATE, bytes((12, 1, 0x17, 1)) + relay)[-1] == 0
    status = master.ask(READ, bytes((10, 2, 0, 1, 1)))
    assert status[-1] & 0x80 == 0


def test_setpoints_are_kept_and_absent_outputs_refused(master):
    good = bytes((41, 3, 0x17, 1, 1)) + struct.pack("<fB", 59.5, 0)
    assert master.ask(DIRECT_OPERATE, good)[-1] == 0
    assert struct.unpack("<f", master.ask(READ, bytes((40, 3, 0, 1, 1)))[-4:])[0] == 59.5
    absent = bytes((41, 3, 0x17, 1, 9)) + struct.pack("<fB", 1.0, 0)
    assert master.ask(DIRECT_OPERATE, absent)[-1] == 4


def test_restarts(master):
    assert master.ask(COLD_RESTART)[4:] == bytes((52, 2, 7, 1)) + (2000).to_bytes(2, "little")
    assert master.ask(WARM_RESTART)[3] & 0x01


def test_only_its_own_link_address_answers(master):
    master.ask_link_status(LINK_ADDRESS)
    assert master.sources(ANSWER_SECONDS) == {LINK_ADDRESS}
    master.ask_link_status(LINK_ADDRESS + 1)
    assert master.sources(0.2) == set()


def test_what_is_reported_unasked_is_no_answer_to_a_link_request(master):
    master.send(READ, bytes((60, 1, 6)))
    assert master.sources(0.5) == set()
