"""A stage for tests of the exercise's roles: servers of a plant on loopback, and a scene to act in."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from waiting import PATIENCE

from sentinel.exercise.loopback import LoopbackPlant
from sentinel.exercise.roles import Scene
from sentinel.exercise.scenario import servers
from sentinel.exercise.scenarios import BOILER, FEEDER, HMI, INTRUDER, PACKER, STATION

MISSING = [name for name in ("pymodbus", "snap7", "py1815", "opendnp3") if importlib.util.find_spec(name) is None]
needs_lab = pytest.mark.skipif(bool(MISSING), reason=f"the lab extra is not installed: {', '.join(MISSING)}")
HOSTS = {"modbus": BOILER, "s7": PACKER, "dnp3": FEEDER}


@contextmanager
def stage(*names: str) -> Iterator[Scene]:
    """A scene on loopback with these servers running; every thread has ended when it closes."""
    before = set(threading.enumerate())
    with LoopbackPlant((*HOSTS.values(), HMI, STATION, INTRUDER)) as plant:
        scene, close_down, staff = Scene(plant), threading.Event(), []
        try:
            for name in names:
                port, serve = servers()[name]
                ready, address = threading.Event(), plant.listen_on(HOSTS[name].name, port)
                run = lambda s=serve, a=address, r=ready: s(a, r, close_down)  # noqa: E731
                staff.append(plant.start(HOSTS[name].name, run, name))
                assert ready.wait(PATIENCE)
            yield scene
        finally:
            scene.curtain.set()
            close_down.set()
            for worker in staff:
                worker.result(PATIENCE)
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []
