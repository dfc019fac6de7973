"""A scenario: who does what to whom and when; running it; and the labels that say which frames that was.

A label is computed from what was recorded while the step ran, its actor, target, beginning and end, and from the
addresses and time stamps of the captured frames: nobody marks frames by hand.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sentinel.errors import SentinelError
from sentinel.exercise.capture import Recorder, Recording
from sentinel.exercise.loopback import LoopbackPlant
from sentinel.exercise.namespaces import Host, NamespacePlant, Plant, PlantError, Worker
from sentinel.exercise.roles import Scene

KINDS = ("background", "maintenance", "attack")
_SETTLE_SECONDS = 0.15
_START_SECONDS = 60.0


class StepFailed(SentinelError):
    """A step that could not be carried out: who, which step, and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. A `background` step runs until the end; the steps of one actor follow one another.

    `at` is the earliest start in seconds; `techniques` are ATT&CK for ICS ids. A step with `everywhere` touches more
    than `target`, so its frames are all of its actor's.
    """

    at: float
    actor: str
    action: str
    target: str
    kind: str
    en: str
    zh: str
    techniques: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    everywhere: bool = False

    @property
    def label(self) -> str:
        """The action's name as it stands in labels."""
        return self.action.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Hosts, which of them serve what (`serves`: host -> server name), the steps, and how the result is stored."""

    name: str
    suffix: str
    seconds: float
    en: str
    zh: str
    hosts: tuple[Host, ...]
    serves: dict[str, str]
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Ran:
    """A step as it was carried out: times in ns since 1970, what came of it, and its frames as ranges from 1."""

    step: Step
    start: int
    end: int
    outcome: str
    frames: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Performance:
    """What a scenario left: the recording, its steps with their frames, and where it ran."""

    scenario: Scenario
    mode: str
    recording: Recording
    ran: list[Ran]


def servers() -> dict[str, tuple[int, Callable[..., None]]]:
    """Name -> port and serve function of every server a host may run."""
    from sentinel.exercise import outstation_dnp3, plc_modbus, plc_s7

    modules = {"modbus": plc_modbus, "s7": plc_s7, "dnp3": outstation_dnp3}
    return {name: (module.PORT, module.serve) for name, module in modules.items()}


def actions() -> dict[str, dict[str, Callable[..., str]]]:
    """Actor role -> action name -> function."""
    from sentinel.exercise import attacker, engineer, hmi

    return {
        "hmi": hmi.ACTIONS,
        "historian": hmi.ACTIONS,
        "engineering": engineer.ACTIONS,
        "attacker": attacker.ACTIONS,
    }


def perform(scenario: Scenario, loopback: bool = False) -> Performance:
    """Run a scenario in namespaces (on loopback if told so) and label what was captured.

    A step that fails ends the run (StepFailed); the plant is taken down in any case.
    """
    _check(scenario)
    if loopback:
        with LoopbackPlant(scenario.hosts) as stage:
            ran = _play(scenario, stage)
            recording = stage.recording()
    else:
        with NamespacePlant(scenario.hosts) as plant, _recorded(plant) as recorder:
            ran = _play(scenario, plant)
        recording = recorder.recording
    _label(ran, recording, scenario)
    return Performance(scenario, "loopback" if loopback else "namespaces", recording, ran)


@contextmanager
def _recorded(plant: NamespacePlant) -> Iterator[Recorder]:
    """Record the plant's mirror port while the body runs."""
    recorder = Recorder("eth0")
    ear = Worker(recorder.listen, "sensor", plant.sensor)
    ear.start()
    try:
        if not recorder.ready.wait(_START_SECONDS):
            ear.result(0)
        yield recorder
    finally:
        recorder.stop()
        ear.join(_START_SECONDS)
    ear.result(0)


def _check(scenario: Scenario) -> None:
    """Raise ValueError for a scenario that names hosts, kinds or actions that do not exist."""
    hosts = {host.name: host for host in scenario.hosts}
    for step in scenario.steps:
        for name in (step.actor, step.target):
            if name not in hosts:
                raise ValueError(f"{scenario.name}: {step.label}: there is no host {name!r}")
        if step.kind not in KINDS:
            raise ValueError(f"{scenario.name}: {step.label}: kind {step.kind!r} is none of {KINDS}")
        if step.action not in actions().get(hosts[step.actor].role, {}):
            raise ValueError(f"{scenario.name}: {step.label}: {hosts[step.actor].role} has no action {step.action!r}")


def _play(scenario: Scenario, plant: Plant) -> list[Ran]:
    """Start the servers, then every actor, and wait for the end."""
    scene = Scene(plant)
    close_down = threading.Event()
    staff = [_start_server(scene, host, name, close_down) for host, name in scenario.serves.items()]
    began = time.monotonic()
    ran: list[Ran] = []
    workers: list[Worker] = []
    try:
        for step in scenario.steps:
            if step.kind == "background":
                workers.append(_start_actor(scene, (step,), began, ran, scenario))
        for actor in dict.fromkeys(step.actor for step in scenario.steps):
            turns = tuple(step for step in scenario.steps if step.actor == actor and step.kind != "background")
            if turns:
                workers.append(_start_actor(scene, turns, began, ran, scenario))
        _wait(workers, scenario, began)
        scene.curtain.set()
        for worker in workers:
            worker.result(_START_SECONDS)
    finally:
        scene.curtain.set()
        close_down.set()
        for worker in (*workers, *staff):
            worker.join(_START_SECONDS)
    for worker in staff:
        worker.result(0)
    return sorted(ran, key=lambda done: done.start)


def _wait(workers: list[Worker], scenario: Scenario, began: float) -> None:
    """Wait until the scenario's time is over and every turn was taken; raise at once what a worker raised."""
    background = sum(1 for step in scenario.steps if step.kind == "background")
    while time.monotonic() - began < scenario.seconds or any(w.is_alive() for w in workers[background:]):
        for worker in workers:
            if not worker.is_alive():
                worker.result(0)
        if time.monotonic() - began > 3 * scenario.seconds + _START_SECONDS:
            raise PlantError("{name} did not come to its end", name=scenario.name)
        time.sleep(0.05)


def _start_server(scene: Scene, host: str, name: str, close_down: threading.Event) -> Worker:
    """Start a server and wait until it accepts connections; PlantError where it does not."""
    port, serve = servers()[name]
    ready = threading.Event()
    address = scene.plant.listen_on(host, port)
    worker = scene.plant.start(host, lambda: serve(address, ready, close_down), f"{name} server")
    deadline = time.monotonic() + _START_SECONDS
    while not ready.wait(0.05):
        if not worker.is_alive() or time.monotonic() > deadline:
            raise PlantError(
                "the {name} server of {host} did not start: {why}", name=name, host=host, why=worker.error
            ) from worker.error
    return worker


def _start_actor(scene: Scene, turns: tuple[Step, ...], began: float, ran: list[Ran], scenario: Scenario) -> Worker:
    """Let one actor take its turns, in order, none before its time, in the actor's own place."""
    roles = {host.name: host.role for host in scenario.hosts}

    def act() -> None:
        for step in turns:
            wait = began + step.at - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            start = time.time_ns()
            action = actions()[roles[step.actor]][step.action]
            try:
                outcome = action(scene, step.actor, step.target, **step.options)
            except Exception as error:  # whatever a stack raises: the run ends and says where
                why = error or type(error).__name__
                raise StepFailed("{actor}: {step}: {why}", actor=step.actor, step=step.label, why=why) from error
            if step.kind != "background":
                time.sleep(_SETTLE_SECONDS)
            ran.append(Ran(step, start, time.time_ns(), outcome))

    return scene.plant.start(turns[0].actor, act, f"{turns[0].actor}: {turns[0].label}")


def _label(ran: list[Ran], recording: Recording, scenario: Scenario) -> None:
    """Fill in the frames of every step that is not background."""
    addresses = {host.name: ipaddress.ip_address(host.ip).packed for host in scenario.hosts}
    turns = [done for done in ran if done.step.kind != "background"]
    for number, (stamp, frame) in enumerate(recording.frames, 1):
        ends = _ends(frame)
        for done in turns:
            if not done.start <= stamp <= done.end or addresses[done.step.actor] not in ends:
                continue
            if done.step.everywhere or addresses[done.step.target] in ends:
                _extend(done.frames, number)


def _extend(ranges: list[tuple[int, int]], number: int) -> None:
    if ranges and ranges[-1][1] == number - 1:
        ranges[-1] = (ranges[-1][0], number)
    else:
        ranges.append((number, number))


def _ends(frame: bytes) -> tuple[bytes, ...]:
    """The two IPv4 addresses of an Ethernet frame, of its ARP message where it is one; empty for others."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and len(frame) >= 34:
        return frame[26:30], frame[30:34]
    if kind == b"\x08\x06" and len(frame) >= 42:
        return frame[28:32], frame[38:42]
    return ()
