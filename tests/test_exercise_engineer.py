"""The engineering station: each piece of work is carried out against the real server."""

import pytest
from exercise_stage import HOSTS, needs_lab, stage

from sentinel.exercise.engineer import ACTIONS, data_block

EXPECTED = {
    "modbus_identify": "7 objects",
    "modbus_tune": "now [1810, 6050, 640]",
    "s7_go_online": "online",
    "s7_upload": "[100, 164] bytes",
    "s7_download": "312 bytes",
    "s7_set_clock": "clock set",
    "dnp3_switch": "2 operations",
}


def test_a_data_block_says_its_own_length():
    block = data_block(20, bytes(10), "A", "B", "C")
    assert int.from_bytes(block[8:12], "big") == len(block) == 36 + 10 + 36


@needs_lab
@pytest.mark.parametrize("server", HOSTS)
def test_the_work_of_one_protocol(server):
    with stage(server) as scene:
        done = {
            name: action(scene, "engineer", HOSTS[server].name)
            for name, action in ACTIONS.items()
            if name.startswith(server)
        }
    assert done == {name: outcome for name, outcome in EXPECTED.items() if name.startswith(server)}


def test_every_piece_of_work_is_tested():
    assert set(ACTIONS) == set(EXPECTED)
