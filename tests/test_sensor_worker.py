"""A worker's side: parcels, shared counters, texts that are put together, and the nursery that workers come from."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from waiting import PATIENCE, until

from sentinel.plugins import load_parsers
from sentinel.reading import Reading
from sentinel.sensor._parcels import receive, send
from sentinel.sensor._unify import Unifier
from sentinel.sensor.config import Config
from sentinel.sensor.crew import of_flows
from sentinel.sensor.worker import Cells, Counted, Remote, own_config
from sentinel.sources.live import Counters
from sentinel.wire.layout import L_NAME, L_TUNNEL, L_WIDTH, M_NAME, M_WIDTH
from sentinel.wire.ring import Drained

ROOT = Path(__file__).resolve().parents[1]


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_parcels_arrive_as_they_were_sent() -> None:
    near, far = pair()
    with near, far:
        arrays = {"a": np.arange(12).reshape(3, 4), "none": np.zeros((0, 5), np.int64), "b": np.arange(5, dtype="u1")}
        arrays["columns"] = np.asfortranarray(np.arange(24).reshape(6, 4))[:5]
        send(near, "small", {"n": 1, "text": "阀门\udc80"})
        send(near, "large", {"texts": ["x" * 1000] * 1000})
        send(near, "take", {"m": [1, 2]}, arrays)
        send(near, "empty", {}, {"none": np.zeros((0, 3), np.int64)})
        small, large, take, empty = (receive(far) for _ in range(4))
        assert small is not None and (small.name, small.values) == ("small", {"n": 1, "text": "阀门\udc80"})
        assert large is not None and len(large.values["texts"]) == 1000
        assert take is not None and take.values == {"m": [1, 2]}
        for name, array in arrays.items():
            assert take.arrays[name].dtype == array.dtype and np.array_equal(take.arrays[name], array)
        assert take.arrays["columns"].flags.f_contiguous and take.arrays["a"].flags.c_contiguous
        take.arrays["a"][0, 0] = 99  # it is the receiver's own
        assert empty is not None and empty.arrays["none"].shape == (0, 3)
        near.close()
        assert receive(far) is None


def parcels_held() -> int:
    """Descriptors of parcels; others belong to threads that may still be ending."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return sum("sentinel-parcel" in name for name in names)


def test_no_descriptor_is_left_over() -> None:
    near, far = pair()
    with near, far:
        send(near, "take", {}, {"a": np.arange(9)})
        held = receive(far)
        assert held is not None and parcels_held() == 1
        del held
        for _ in range(20):
            send(near, "take", {}, {"a": np.arange(9)})
            receive(far)
        assert parcels_held() == 0


class Fake:
    """A port that gives ten frames a time."""

    name, number, link, over = "eth1", 0, 1, False

    def __init__(self) -> None:
        self.counters = Counters()

    def fileno(self) -> int:
        return 0

    def drain(self, out: memoryview, done: Drained, max_blocks: int = 1) -> bool:
        self.counters.frames += 10
        return False

    def statistics(self) -> Counters:
        self.counters.dropped += 3
        return self.counters

    def clear_error(self) -> int:
        return 0


def test_counters_outlive_the_process_that_counts() -> None:
    cells = Cells(2)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            port = Counted(Fake(), 1, cells)
            port.drain(memoryview(bytearray(1)), Drained())
            port.statistics()
            code = 0
        finally:  # whatever happens, there must not be two of this test run
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert cells.counters(1) == Counters(10, 0, 3) and cells.counters(0) == Counters()
    again = Counted(Fake(), 1, cells)
    again.drain(memoryview(bytearray(1)), Drained())
    assert cells.counters(1).frames == 20
    cells.count(0, Counters(3, 90), (7, 2))
    assert (cells.counters(0), cells.read(0), cells.read(1)) == (Counters(3, 90), (7, 2), (0, 0))
    assert (again.name, again.number, again.link, again.over, again.clear_error()) == ("eth1", 0, 1, False, 0)


def test_texts_of_several_cores_become_one_dictionary() -> None:
    unifier = Unifier(load_parsers().protocols, 2)
    unifier.learn(0, ["pump", "valve"])
    unifier.learn(1, ["valve", "motor"])
    assert unifier.texts == ["", "pump", "valve", "motor"]
    flows = np.zeros((3, L_WIDTH), np.int64)
    flows[:, L_NAME], flows[:, L_TUNNEL] = [0, 1, 2], [2, 0, 1]
    batch = of_flows(1, 0, flows)
    batch.messages = np.zeros((2, M_WIDTH), np.int64)
    batch.messages[:, M_NAME] = [2, 0]
    unifier.batch(1, batch)
    assert [unifier.texts[n] for n in batch.flows[:, L_NAME]] == ["", "valve", "motor"]
    assert [unifier.texts[n] for n in batch.flows[:, L_TUNNEL]] == ["motor", "", "valve"]
    assert [unifier.texts[n] for n in batch.messages[:, M_NAME]] == ["motor", ""]
    unifier.begin()
    unifier.forget(1)
    unifier.learn(1, ["tank"])
    other = np.zeros((1, L_WIDTH), np.int64)
    other[0, L_NAME] = 1
    unifier.flows(1, other)
    assert unifier.texts[other[0, L_NAME]] == "tank"


def test_a_worker_waits_until_what_it_sent_was_dealt_with() -> None:
    near, far = pair()
    cells = Cells(1)
    with near, far:
        remote = Remote(near, cells, Reading(load_parsers(), 1 << 40))
        done: list[int] = []

        def work() -> None:
            for n in range(20):
                remote.call(remote.learn, [{"n": n}])
                done.append(n)

        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: len(done) == 6)
        time.sleep(0.1)  # a seventh would come at once
        assert len(done) == 6 and remote.waiting() == 6
        for n in range(20):
            parcel = receive(far)
            assert parcel is not None and parcel.values["facts"] == [{"n": n}]
            cells.taken += 1
        thread.join()
        remote.close()
        assert remote.deepest == 6


def test_orders_that_come_while_a_number_is_awaited_are_kept() -> None:
    near, far = pair()
    with near, far:
        remote = Remote(near, Cells(1), Reading(load_parsers(), 1 << 40))
        send(far, "stop", {})
        send(far, "number", {"number": 7})
        assert remote.number(new_run=False) == 7
        assert [order.name for order in remote.orders()] == ["stop"]
        assert remote.orders() == []


def test_each_worker_has_segments_of_its_own(tmp_path: Path) -> None:
    config = Config()
    config.record.disk_gib, config.life.memory_mib = 9.0, 500
    own = own_config(config, tmp_path, 1, 3)
    assert own.record.folder == str(tmp_path / "segments" / "worker-1")
    assert (own.record.disk_gib, own.life.memory_mib) == (3.0, 0)
    assert (config.record.folder, config.life.memory_mib) == ("", 500)


def test_workers_come_from_the_nursery_and_end_with_it() -> None:
    code = """
import os, socket, sys
from sentinel.sensor._nursery import Nursery
from sentinel.sensor._parcels import receive, send

def work(slot, out, order):
    send(out, "here", {"slot": slot, "order": order, "pid": os.getpid()})
    while (parcel := receive(out)) is not None:
        if parcel.name == "fail":
            raise ValueError("on purpose")

nursery = Nursery(work)
first, second = nursery.start(0, {"n": 5}), nursery.start(1, {})
told = [receive(one) for one in (first, second)]
print(told[0].values["slot"], told[0].values["order"], told[1].values["slot"])
send(first, "fail", {})
print(receive(first))
nursery.close()
print(receive(second))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert run.stdout.splitlines() == ["0 {'n': 5} 1", "None", "None"], run.stderr
    assert "on purpose" in run.stderr
