"""Several processes make the case that one makes, also where one of them is killed."""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
from pathlib import Path

import pytest

from sentinel import cluster, pipeline
from sentinel.errors import InputError, SentinelError, UsageError
from sentinel.store.case import Case

pytest.importorskip("distributed")

PCAPS = Path(__file__).resolve().parent.parent / "pcaps"


def tables(path: Path) -> dict:
    """Every table, rows in one order."""
    with Case.open(path, "read") as case:
        assert case.check() == []
        frames = {name: case.scan(name).collect() for name in case.tables()}
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def same(one: Path, other: Path) -> None:
    first, second = tables(one), tables(other)
    assert first.keys() == second.keys()
    for name, frame in first.items():
        assert frame.equals(second[name]), name


def told(summary: dict) -> dict:
    return {name: value for name, value in summary.items() if name not in ("seconds", "case")}


def halves(source: Path, folder: Path) -> list[Path]:
    """A capture as two files that continue each other, cut in the middle of conversations."""
    data = source.read_bytes()
    places, at = [], 24
    while at < len(data):
        places.append(at)
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    middle = places[len(places) // 2]
    paths = [folder / f"{source.stem}-{n}.pcap" for n in (1, 2)]
    for path, part in zip(paths, (data[24:middle], data[middle:]), strict=True):
        path.write_bytes(data[:24] + part)
    return paths


@pytest.fixture(scope="module")
def one_process(tmp_path_factory) -> tuple[Path, dict]:
    case = tmp_path_factory.mktemp("one") / "case"
    return case, pipeline.analyze([PCAPS], case)


def test_two_processes_make_the_case_that_one_makes(tmp_path, one_process):
    case, summary = one_process
    with cluster.Spread(tmp_path / "two", jobs=2) as spread:
        assert spread.workers == 2
        spread_summary = pipeline.analyze([PCAPS], tmp_path / "two", spread=spread)
        assert len(list(tmp_path.glob(".two-shards-*"))) == 1
        again = pipeline.analyze([PCAPS], tmp_path / "two", spread=spread)
    assert list(tmp_path.iterdir()) == [tmp_path / "two"]
    same(case, tmp_path / "two")
    assert told(spread_summary) == told(summary)
    assert all(capture["known"] for capture in again["captures"])


def test_files_that_continue_each_other_stay_together(tmp_path):
    paths = [*halves(PCAPS / "modbus-attack.pcap", tmp_path), PCAPS / "s7-attack.pcap", PCAPS / "s7-normal.pcap"]
    pipeline.analyze(paths, tmp_path / "one")
    with cluster.Spread(tmp_path / "two", jobs=2) as spread:
        pipeline.analyze(paths, tmp_path / "two", spread=spread)
    same(tmp_path / "one", tmp_path / "two")


def test_a_worker_that_is_killed_changes_nothing(tmp_path, one_process):
    """Each worker that there was at the start is killed while it reads, one after the other."""
    case, _ = one_process
    with cluster.Spread(tmp_path / "two", jobs=2) as spread:
        workers = spread._client.run(os.getpid)

        def kill() -> None:
            for pid in workers.values():
                seen = set(spread._folder.iterdir())
                while set(spread._folder.iterdir()) <= seen:
                    time.sleep(0.001)
                os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        pipeline.analyze([PCAPS], tmp_path / "two", spread=spread)
        killer.join()
        assert not set(workers.values()) & set(spread._client.run(os.getpid).values())
    same(case, tmp_path / "two")


def test_what_a_worker_cannot_read_is_said_here(tmp_path):
    source = tmp_path / "gone.pcap"
    source.write_bytes((PCAPS / "s7-attack.pcap").read_bytes())
    inputs = pipeline._inputs([source])
    source.unlink()
    with cluster.Spread(tmp_path / "case", jobs=1) as spread, pytest.raises(InputError, match=r"gone\.pcap"):
        spread.look(inputs)


def test_a_capture_that_changes_while_it_is_read_is_refused(tmp_path):
    given = [(one, {"capture": n, "path": str(one.path)}) for n, one in enumerate(pipeline._inputs([PCAPS]), 1)]
    plain = [cluster._plain(one) for one in given]
    found = cluster.read(plain, -(1 << 63), [], str(tmp_path))
    assert (found["error"], found["sentence"]) == ("InputError", "{path}: changed while it was read; analyse it again.")


def test_no_scheduler_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 1)
    with (
        pytest.raises(UsageError, match="no scheduler"),
        cluster.Spread(tmp_path / "case", address="dask://127.0.0.1:9"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_workers_that_die_over_one_task_are_said(tmp_path, monkeypatch):
    with cluster.Spread(tmp_path / "case", jobs=1) as spread:
        future = spread._submit(os._exit, 1)
        with pytest.raises(SentinelError, match="workers died over one task"):
            cluster._result(future, lambda: False)


def test_a_stop_keeps_the_sets_that_were_read(tmp_path):
    stop = threading.Event()
    with cluster.Spread(tmp_path / "case", jobs=1) as spread:
        shares = spread.shares

        def stopping(*args):
            for share in shares(*args):
                stop.set()
                yield share

        spread.shares = stopping  # type: ignore[method-assign]
        summary = pipeline.analyze([PCAPS], tmp_path / "case", spread=spread, stop=stop)
    assert summary["interrupted"]
    with Case.open(tmp_path / "case", "read") as case:
        assert case.check() == []
        assert 0 < case.captures().height < len(list(PCAPS.glob("*.pcap*")))
