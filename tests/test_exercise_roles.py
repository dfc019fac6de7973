"""What the roles share: frames of our own, and clients that give up in time."""

import pytest
from exercise_stage import needs_lab, stage
from waiting import PATIENCE

from sentinel.exercise import roles
from sentinel.exercise.roles import ByteClient, Dnp3Client, Dnp3Master, modbus_client, modbus_frame


def test_a_modbus_frame_of_our_own():
    assert modbus_frame(0x1234, 0xFF, bytes((3, 0, 0, 0, 1))) == bytes.fromhex("1234 0000 0006 ff 03 0000 0001")


def test_pausing_ends_with_the_scene():
    with stage() as scene:
        assert not scene.pause(0.01)
        scene.curtain.set()
        assert scene.pause(3600)


def test_an_answer_is_awaited_until_it_came_or_the_scene_ended(monkeypatch):
    monkeypatch.setattr(roles, "ANSWER_SECONDS", 3600.0)
    with stage() as scene:
        looks = iter([False, False, True])
        scene.await_answer(lambda: next(looks))
        assert next(looks, None) is None
        scene.curtain.set()
        looks = iter([False])
        scene.await_answer(lambda: next(looks))
        assert next(looks, None) is None


@needs_lab
def test_a_client_without_server_says_so():
    with stage() as scene, pytest.raises(ConnectionError, match="hmi could not connect to boiler-plc"):
        with modbus_client(scene, "hmi", "boiler-plc"):
            pytest.fail("connected to nothing")


@needs_lab
def test_a_request_that_nobody_answers_comes_back_empty():
    with stage("dnp3") as scene:
        with ByteClient(scene, "hmi", "feeder-rtu", 20000) as client:
            assert client.ask(b"\x00" * 10, 0.1) == b""
        with Dnp3Client(scene, "hmi", "feeder-rtu", 999, 1) as client:
            assert client.ask(1, bytes((60, 1, 6)), 0.3) == b""


@needs_lab
def test_a_dnp3_master_opens_and_closes():
    with stage("dnp3") as scene, Dnp3Master(scene, "hmi", "feeder-rtu", 10, 1, None) as master:
        assert master.opened.wait(PATIENCE)
