"""The intruder: every attack reaches the real server, and comes to what it should."""

import pytest
from exercise_stage import HOSTS, needs_lab, stage

from sentinel.exercise.attacker import ACTIONS
from sentinel.exercise.namespaces import OutOfPlant

EXPECTED = {
    "modbus_identify": "identified",
    "modbus_unit_scan": "units [1, 2]",
    "modbus_function_scan": "functions [",
    "modbus_register_scan": "58 refused",
    "modbus_write_outputs": "outputs off",
    "modbus_diagnostics": "3 answered",
    "modbus_flood": "250 writes",
    "modbus_malformed": "6 frames",
    "s7_slot_scan": "slots [0, 1, 2, 3]",
    "s7_identify": "1 lists refused",
    "s7_steal": "812 bytes",
    "s7_guess_password": "5 of 5 refused",
    "s7_write": "recipe overwritten",
    "s7_download": "block replaced",
    "s7_delete": "DB10",
    "s7_set_clock": "clock set to 2003",
    "s7_stop": "stopped",
    "s7_restart": "cold start",
    "s7_flood": "25 connections",
    "dnp3_link_scan": "link addresses [10]",
    "dnp3_identify": "1 of 1 answered",
    "dnp3_read_all": "10 of 10 answered",
    "dnp3_disable_unsolicited": "1 of 1 answered",
    "dnp3_trip": "tripped [0, 1, 3]",
    "dnp3_setpoint": "2 of 2 answered",
    "dnp3_set_clock": "1 of 1 answered",
    "dnp3_restart": "3 of 3 answered",
    "dnp3_broadcast": "2 broadcasts",
    "dnp3_flood": "80 of 80 answered",
    "dnp3_malformed": "4 frames",
}


@needs_lab
@pytest.mark.parametrize("server", HOSTS)
def test_the_attacks_on_one_protocol(server):
    with stage(server) as scene:
        for name, outcome in EXPECTED.items():
            if name.startswith(server):
                assert ACTIONS[name](scene, "intruder", HOSTS[server].name).startswith(outcome), name


@needs_lab
def test_a_port_scan_finds_what_is_served_and_nothing_else():
    hosts = tuple(host.name for host in HOSTS.values())
    with stage("modbus") as scene:
        found = ACTIONS["port_scan"](scene, "intruder", "boiler-plc", hosts=hosts, ports=(80, 102, 502))
    assert found == "open: boiler-plc:502"


@pytest.mark.parametrize("stranger", ["192.0.2.1", "10.20.1.11", "localhost", "plc.example.org"])
def test_no_attack_leaves_the_plant(stranger):
    with stage() as scene, pytest.raises(OutOfPlant):
        ACTIONS["port_scan"](scene, "intruder", stranger)


def test_every_attack_is_tested():
    assert set(ACTIONS) == set(EXPECTED) | {"port_scan"}
