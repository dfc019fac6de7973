"""What both kinds of sensor look after: reading again, and telling how they do."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import until

from sentinel.errors import UsageError
from sentinel.sensor.config import Config
from sentinel.sensor.crew import Crew
from sentinel.sensor.loop import Sensor
from sentinel.sensor.upkeep import Orders, Upkeep


class Analysis:
    """Remembers what it was called for."""

    timing: Any = None
    thinning: Any = None

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def call(self, step: Any, *values: Any) -> None:
        self.calls.append((step, *values))

    def reload(self, ruleset: Any) -> None: ...

    def claim(self, claims: Any) -> None: ...


def keeper(again: Any, claims: Any = None, kind: type[Upkeep] = Upkeep) -> Any:
    made = object.__new__(kind)
    made.config, made.orders, made._again, made._analysis = Config(), Orders(), again, Analysis()
    made._health = SimpleNamespace(limits=None, status={"frame": 0}, look=lambda moment, flows: claims)
    return made


def changed() -> Config:
    config = Config()
    config.capture = replace(config.capture, filter="tcp")
    config.record = replace(config.record, max_mib=config.record.max_mib + 1)
    config.store = replace(config.store, run_hours=config.store.run_hours + 1)
    config.health = replace(config.health, sink_seconds=config.health.sink_seconds + 1)
    return config


@pytest.mark.parametrize("kind", [Sensor, Crew])
def test_what_can_change_does_and_the_rest_waits_for_the_next_start(kind, caplog) -> None:
    new, rules = changed(), SimpleNamespace(rules=[1, 2])
    one = keeper(lambda: (new, rules), kind=kind)
    before = one.config
    with caplog.at_level(logging.WARNING):
        one._reload()
    assert one.config is new and one.config.capture == before.capture
    assert one.config.record != before.record
    assert one._analysis.timing is new.store and one._health.limits is new.health
    assert one._analysis.calls == [(one._analysis.reload, rules)]
    assert [record.getMessage() for record in caplog.records] == [
        kind.AT_START_SAID, "configuration and rules were read again: 2 rules",
    ]  # fmt: skip


def test_what_is_wrong_is_said_and_nothing_changes(caplog) -> None:
    def again() -> None:
        raise UsageError("sentinel.toml: no key x")

    one = keeper(again)
    before = one.config
    one.orders.reload = True
    one._reload_if_asked()
    until(lambda: "no key x" in caplog.text)
    assert one.config is before and one._analysis.calls == [] and one.orders == Orders()


def test_the_status_is_printed_when_asked_for_and_claims_are_handed_on(capsys) -> None:
    claims = object()
    one = keeper(None, claims)
    one._judge(None, None)
    assert capsys.readouterr().err == "" and one._analysis.calls == [(one._analysis.claim, claims)]
    one.orders.report = True
    one._judge(None, None)
    assert json.loads(capsys.readouterr().err) == {"frame": 0} and not one.orders.report
