"""Several processes make the case that one makes, also where one of them is killed."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

import pytest

from sentinel import cluster, pipeline
from sentinel.errors import InputError, SentinelError, UsageError
from sentinel.store.case import Case

pytest.importorskip("distributed")

with_workers = pytest.mark.skipif(
    os.environ.get("SENTINEL_CLUSTER_TESTS") is None, reason="starts and kills worker processes: make test-cluster"
)
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


def at_once(source: Path, target: Path, start: int) -> Path:
    """A capture as if it had begun at `start` seconds."""
    data = bytearray(source.read_bytes())
    at, shift = 24, None
    while at < len(data):
        seconds, held = struct.unpack_from("<I4xI", data, at)
        shift = start - seconds if shift is None else shift
        struct.pack_into("<I", data, at, seconds + shift)
        at += 16 + held
    target.write_bytes(data)
    return target


@pytest.fixture(scope="module")
def captures(tmp_path_factory) -> list[Path]:
    """Six captures of one hour, of which none continues another, two that go on over two files, and one of a day later.

    Beside each other they speak of the same devices, so facts, assets and alerts of several sets become one.
    """
    folder = tmp_path_factory.mktemp("captures")
    names = [f"{name}-{kind}" for name in ("modbus", "s7", "dnp3") for kind in ("normal", "attack")]
    paths = [at_once(PCAPS / f"{name}.pcap", folder / f"{name}.pcap", 1_700_000_000) for name in names]
    for name in ("modbus-attack", "s7-attack"):
        paths += halves(folder / f"{name}.pcap", folder)
        paths.remove(folder / f"{name}.pcap")
    return [*paths, PCAPS / "plant-attack.pcapng"]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory, captures) -> tuple[Path, dict]:
    case = tmp_path_factory.mktemp("one") / "case"
    return case, pipeline.analyze(captures, case)


def bases(case: Path) -> set[int]:
    """The captures from which messages are counted: one of each set."""
    return set((tables(case)["messages"]["message"].to_numpy() >> 40).tolist())


@with_workers
def test_two_processes_make_the_case_that_one_makes(tmp_path, captures, one_process):
    case, summary = one_process
    assert len(bases(case)) >= 5
    with cluster.Spread(tmp_path / "two", jobs=2) as spread:
        assert spread.workers == 2
        spread_summary = pipeline.analyze(captures, tmp_path / "two", spread=spread)
        assert len(list(tmp_path.glob(".two-shards-*"))) == 1
        again = pipeline.analyze(captures, tmp_path / "two", spread=spread)
    assert list(tmp_path.iterdir()) == [tmp_path / "two"]
    same(case, tmp_path / "two")
    assert told(spread_summary) == told(summary)
    assert all(capture["known"] for capture in again["captures"])


@with_workers
def test_a_worker_that_is_killed_changes_nothing(tmp_path, captures, one_process):
    """Each set's first worker dies of SIGKILL while its second part is being written."""
    case, _ = one_process
    marks = tmp_path / "marks"
    marks.mkdir()

    def dying(task, *args):
        import os
        import signal

        from sentinel.store import _parts

        mark = f"{marks}/{os.path.basename(args[0][0]['path'])}" if task.__name__ == "read" else ""
        if mark and not os.path.exists(mark):
            open(mark, "w").close()
            whole = _parts.write_parquet

            def last(df, path):
                if path.name.endswith("2.parquet"):
                    os.kill(os.getpid(), signal.SIGKILL)
                return whole(df, path)

            _parts.write_parquet = last
        return task(*args)

    with cluster.Spread(tmp_path / "two", jobs=2) as spread:
        before = set(spread._client.run(os.getpid).values())
        spread._submit = lambda *args: spread._client.submit(dying, *args, pure=False)  # type: ignore[method-assign]
        pipeline.analyze(captures, tmp_path / "two", spread=spread)
        assert before != set(spread._client.run(os.getpid).values())
    assert len(list(marks.iterdir())) == len(bases(case))
    same(case, tmp_path / "two")


@with_workers
def test_what_a_worker_cannot_read_is_said_here(tmp_path):
    source = tmp_path / "gone.pcap"
    source.write_bytes((PCAPS / "s7-attack.pcap").read_bytes())
    inputs = pipeline._inputs([source])
    source.unlink()
    with cluster.Spread(tmp_path / "case", jobs=1) as spread, pytest.raises(InputError, match=r"gone\.pcap"):
        spread.look(inputs)


def test_a_capture_that_changes_while_it_is_read_is_refused(tmp_path, captures):
    given = [(one, {"capture": n, "path": str(one.path)}) for n, one in enumerate(pipeline._inputs(captures), 1)]
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


@with_workers
def test_workers_that_die_over_one_task_are_said(tmp_path, monkeypatch):
    with cluster.Spread(tmp_path / "case", jobs=1) as spread:
        future = spread._submit(os._exit, 1)
        with pytest.raises(SentinelError, match="workers died over one task"):
            cluster._result(future, lambda: False)


@with_workers
def test_a_stop_keeps_the_sets_that_were_read(tmp_path, captures):
    stop = threading.Event()
    with cluster.Spread(tmp_path / "case", jobs=1) as spread:
        shares = spread.shares

        def stopping(*args):
            for share in shares(*args):
                stop.set()
                yield share

        spread.shares = stopping  # type: ignore[method-assign]
        summary = pipeline.analyze(captures, tmp_path / "case", spread=spread, stop=stop)
    assert summary["interrupted"]
    with Case.open(tmp_path / "case", "read") as case:
        assert case.check() == []
        assert 0 < case.captures().height < len(captures)
