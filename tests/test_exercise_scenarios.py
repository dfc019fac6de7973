"""The declared scenarios: that each is sound, tells both languages, and names techniques of the right form."""

import re

import pytest

from sentinel.exercise.scenario import _check, actions
from sentinel.exercise.scenarios import LONG_SCENARIOS, SCENARIOS

HAN = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("declared", (SCENARIOS | LONG_SCENARIOS).values(), ids=SCENARIOS | LONG_SCENARIOS)
def test_a_declared_scenario_is_sound(declared):
    _check(declared)
    if declared.name in SCENARIOS:
        assert declared.suffix in (".pcap", ".pcapng") and declared.seconds <= 30
    else:
        assert declared.suffix == ".pcap.gz" and declared.seconds <= 300
    for key in ("name", "ip", "mac"):
        assert len({getattr(host, key) for host in declared.hosts}) == len(declared.hosts)
    assert HAN.search(declared.zh) and not HAN.search(declared.en)
    assert not re.search("[\u4e00-\u9fff][,;:]", declared.zh)
    for step in declared.steps:
        assert step.at < declared.seconds
        assert HAN.search(step.zh) and step.en and not HAN.search(step.en)
        assert all(re.fullmatch(r"T0\d{3}", technique) for technique in step.techniques)
        assert bool(step.techniques) == (step.kind == "attack")
    turns = [(step.actor, step.at) for step in declared.steps if step.kind != "background"]
    assert turns == sorted(turns, key=lambda turn: turn[1])


def test_every_attack_is_used_by_a_scenario():
    used = {step.action for declared in SCENARIOS.values() for step in declared.steps}
    assert set(actions()["attacker"]) <= used


def test_a_long_scenario_is_the_short_one_that_goes_on():
    for name, declared in LONG_SCENARIOS.items():
        short = SCENARIOS[name.replace("-long", "-normal")]
        assert [(step.action, step.at) for step in declared.steps] == [(step.action, step.at) for step in short.steps]
        assert declared.seconds > 10 * short.seconds
