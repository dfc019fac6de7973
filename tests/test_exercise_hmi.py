"""The operator station: each kind of polling runs, writes what it should and ends with the scene."""

import pytest
from exercise_stage import HOSTS, needs_lab, stage
from waiting import PATIENCE, until

from sentinel.exercise.hmi import ACTIONS

pytestmark = needs_lab


@pytest.mark.parametrize(
    ("action", "server", "options", "marks"),
    [
        ("poll_modbus", "modbus", {"period": 0.02, "write_every": 1}, [bytes((1, 6)), bytes((1, 5)), bytes((1, 16))]),
        ("read_modbus_history", "modbus", {"period": 0.02}, [bytes((2, 23))]),
        ("poll_s7", "s7", {"period": 0.02, "write_every": 2}, [bytes((0x05, 0x01, 0x12)), bytes((0x04, 0x03, 0x12))]),
        ("poll_dnp3", "dnp3", {"period": 0.2}, [bytes((60, 2, 6, 60, 3, 6)), bytes((21, 60)), bytes((50, 3, 7, 1))]),
    ],
)
def test_polling(action, server, options, marks):
    target = HOSTS[server].name

    def missing():
        told = b"".join(frame[54:] for _, frame in scene.plant.recording().frames)
        return [mark.hex() for mark in marks if mark not in told]

    with stage(server) as scene:
        worker = scene.plant.start("hmi", lambda: ACTIONS[action](scene, "hmi", target, **options), action)
        until(lambda: missing() == [] or not worker.is_alive())
        assert worker.is_alive(), missing()
        scene.curtain.set()
        assert worker.result(PATIENCE)
