"""The Modbus controller of the exercise, asked byte by byte."""

import struct

import pytest
from exercise_stage import needs_lab, stage

from sentinel.exercise.roles import ByteClient, modbus_frame

pytestmark = needs_lab


@pytest.fixture(scope="module")
def ask():
    with stage("modbus") as scene, ByteClient(scene, "intruder", "boiler-plc", 502) as client:

        def answer(unit, pdu):
            data = client.ask(modbus_frame(7, unit, pdu))
            assert struct.unpack(">HHH", data[:6]) == (7, 0, len(data) - 6) and data[6] == unit
            return data[7:]

        yield answer


def test_identification_names_the_maker_and_the_product(ask):
    answer = ask(1, bytes((0x2B, 0x0E, 1, 0)))
    assert answer[:3] == bytes((0x2B, 0x0E, 1))
    for text in (b"Schneider Electric", b"BMX P34 2020", b"v2.70"):
        assert text in answer


def test_a_unit_that_is_not_there_is_refused_as_by_a_gateway(ask):
    assert ask(9, bytes((3, 0, 0, 0, 1))) == bytes((0x83, 0x0B))
    assert ask(9, bytes((0x2B, 0x0E, 1, 0))) == bytes((0xAB, 0x0B))


@pytest.mark.parametrize(("unit", "low", "high"), [(1, 1800, 1870), (2, 1460, 1480)])
def test_measured_values_of_both_units(ask, unit, low, high):
    answer = ask(unit, bytes((4, 0, 0, 0, 1)))
    assert answer[:2] == bytes((4, 2)) and low <= struct.unpack(">H", answer[2:])[0] <= high


def test_what_is_written_is_read_back_and_the_map_ends(ask):
    assert ask(1, struct.pack(">BHH", 6, 5, 4711)) == struct.pack(">BHH", 6, 5, 4711)
    assert ask(1, struct.pack(">BHH", 3, 5, 1)) == struct.pack(">BBH", 3, 2, 4711)
    assert ask(1, struct.pack(">BHH", 3, 5000, 1)) == bytes((0x83, 2))


def test_coils_and_inputs_start_as_declared(ask):
    assert ask(1, struct.pack(">BHH", 1, 0, 8)) == bytes((1, 1, 0b0010_0101))
    assert ask(1, struct.pack(">BHH", 2, 0, 8))[:2] == bytes((2, 1))
