"""From a configuration to a running sensor: everything that can be refused is refused before anything starts."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sentinel import memory
from sentinel.errors import RuleError, UsageError
from sentinel.metrics import Exporter
from sentinel.plugins import load_parsers
from sentinel.reading import Reading
from sentinel.rules.alerts import Book
from sentinel.rules.load import RuleSet, shipped
from sentinel.sensor import worker
from sentinel.sensor._nursery import Nursery
from sentinel.sensor._unify import Unifier
from sentinel.sensor.analysis import LiveAnalysis, Rules
from sentinel.sensor.config import Config
from sentinel.sensor.confine import confine
from sentinel.sensor.crew import Crew
from sentinel.sensor.health import STATUS, Health
from sentinel.sensor.loop import Sensor
from sentinel.sensor.outlets import Outlets
from sentinel.sensor.resume import resume
from sentinel.sensor.segments import found_again
from sentinel.sensor.service import give_up_privileges, signals, tell, user_of
from sentinel.sensor.thinning import Thinning
from sentinel.sensor.turns import Turns
from sentinel.sensor.upkeep import Orders
from sentinel.sensor.worker import Cells, own_config
from sentinel.sources.live import Opened, Port
from sentinel.sources.mirrors import MirrorPort, is_mirror
from sentinel.sources.streams import StreamPort, is_stream
from sentinel.store.case import Case

_log = logging.getLogger(__name__)


def rules_of(config: Config) -> RuleSet:
    """The shipped rules and those of the configuration. RuleError where one of them is none."""
    folders = [Path(name) for name in config.rules]
    for folder in folders:
        if not folder.exists():
            raise RuleError("no rule (*.yml) in {path}", path=folder)
    ruleset = RuleSet.load([shipped(), *folders])
    if ruleset.problems:
        raise RuleError("{problems}", problems="\n".join(str(problem) for problem in ruleset.problems[:5]))
    return ruleset


def run(
    configured: Callable[[], Config],
    folder: Path,
    orders: Orders,
    listening: Callable[[Sensor | Crew], None] = lambda sensor: None,
) -> None:
    """Listen until `orders.stop`. Whatever SentinelError it raises for a wrong set-up comes before anything starts.

    `configured` reads the configuration: now, and when it is told to be read again.
    """
    config = configured()
    if not config.capture.interfaces:
        raise UsageError("name a port to listen at: -i INTERFACE")
    user = user_of(config.life.user)
    outlets = Outlets(folder, config.sinks, config.life.observer)
    with ExitStack() as stack:
        ports = _opened(config, stack)
        give_up_privileges(user)
        confined = _confined(config.life.seccomp)
        parsers = load_parsers()
        for broken in parsers.broken:
            _log.warning("parser %s cannot be used: %s", broken.name, broken.reason)
        cells = [Cells(len(own)) for own in ports]
        nursery = None
        if len(ports) > 1:  # while there are no threads yet

            def work(slot: int, out: socket.socket, order: dict[str, Any]) -> None:
                own = own_config(config, folder, slot, len(ports))
                memory.keep()
                worker.work(own, folder, parsers, ports[slot], cells[slot], out, order)

            nursery = Nursery(work)
            stack.callback(nursery.close)
        if config.life.metrics_port:
            stack.enter_context(Exporter(folder / STATUS, config.life.metrics_port))
        rules = Rules(rules_of(config), Book())
        case = stack.enter_context(Case.open(folder, keep_open=True))
        hash_again(case)
        resume(case, parsers, rules_of(config), tell)
        # what the start needed is garbage by now, or stays
        memory.keep()
        gc.collect()
        gc.freeze()
        run_ = stack.enter_context(case.begin_run([Sensor.new_row(0, ports[0])]))
        reading = Reading(parsers, run_.base)
        unifier = Unifier(parsers.protocols, len(ports))
        texts = reading.engine.rows.texts if nursery is None else unifier.texts
        thinning = Thinning(case, config.disk)
        turns = None
        if nursery is not None:
            turns = Turns()
            turns.recorded_in(config.record, folder)
        analysis = LiveAnalysis(case, run_, parsers, texts, rules, config.store, thinning, turns, reading.buffers)
        health = Health(config.health, folder, config.store.inventory_seconds)
        health.seccomp = confined
        first = dict(run_.captures[0])

        def again() -> tuple[Config, RuleSet]:
            fresh = configured()
            return fresh, rules_of(fresh)

        sensor: Sensor | Crew
        if nursery is None or turns is None:
            sensor = Sensor(config, case, ports[0], reading, analysis, first, health, orders, again, outlets)
        else:
            sensor = Crew(
                config, ports[0], cells, nursery, unifier, analysis, turns, run_.base, health, orders, again, outlets
            )

        def ready() -> None:
            tell("READY=1")
            listening(sensor)

        with signals(orders):
            sensor.run(ready, lambda: tell("WATCHDOG=1"))
        tell("STOPPING=1")


def _confined(mode: str) -> str:
    """Give up system calls as configured; what the status says of it: on, off, or why it is not on."""
    if mode == "off":
        return "off"
    confinement = confine(kill=mode == "kill")
    if not confinement.on:
        _log.warning("system calls are not confined: %s", confinement.why)
    return "on" if confinement.on else confinement.why


def _opened(config: Config, stack: ExitStack) -> list[list[Opened]]:
    """The ports of each worker, opened; `stack` closes them. InputError where one cannot be.

    Workers share interfaces. A mirror session is one worker's alone, for its senders are few pairs of addresses.
    """
    capture = config.capture
    ports: list[list[Opened]] = []
    groups: dict[str, int] = {}
    shared: list[Port] = []
    for slot in range(capture.workers):
        ports.append([])
        for number, name in enumerate(capture.interfaces):
            one: Port | StreamPort | MirrorPort
            if is_stream(name):
                if capture.workers > 1:
                    raise UsageError("{name}: a stream cannot be shared by workers; leave --workers away", name=name)
                one = StreamPort(name, number=number)
            elif is_mirror(name):
                if slot:
                    continue
                one = MirrorPort(name, number=number, queue_mib=capture.ring_mib)
            else:
                fanout = groups.get(name, 0) if capture.workers > 1 else None
                one = Port(
                    name, number=number, bpf=capture.filter, blocks=capture.ring_mib, promiscuous=capture.promiscuous,
                    fanout=fanout,
                )  # fmt: skip
                if fanout is not None:
                    groups[name] = one.group
                    shared.append(one)
            stack.callback(one.close)
            ports[slot].append(one)
    for one in shared:
        one.admit()
    return [own for own in ports if own]


def hash_again(case: Case) -> None:
    """Segments whose writer was killed before it knew their hash get one: their frames are evidence as well."""
    for row in case.captures().to_dicts():
        if row["sha256"] == "" and row["state"] == "interrupted" and row["path"].endswith(".pcapng"):
            kept = found_again(Path(row["path"]))
            if kept is not None:
                changes = {"sha256": kept.sha256, "content_sha256": kept.content_sha256, "bytes": kept.bytes}
                case.amend_capture(row["capture"], changes)
