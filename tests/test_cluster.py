"""Several processes make the case that one makes, also where one of them is killed or they run elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cases_alike import same, tables, told
from waiting import until

from sentinel import cluster, pipeline
from sentinel.errors import InputError, SentinelError, UsageError
from sentinel.store.case import Case

pytest.importorskip("distributed")

with_workers = pytest.mark.skipif(
    os.environ.get("SENTINEL_CLUSTER_TESTS") is None, reason="starts and kills worker processes: make test-cluster"
)
PCAPS = Path(__file__).resolve().parent.parent / "pcaps"


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
def test_a_worker_that_is_killed_changes_nothing(tmp_path, monkeypatch, captures, one_process):
    """Each set's first worker dies of SIGKILL while its second part is being written."""
    case, _ = one_process
    marks = tmp_path / "marks"
    marks.mkdir()

    def dying(task, *args):
        import os
        import signal

        from sentinel.store import _parts

        mark = f"{marks}/{os.path.basename(args[2][0]['path'])}-{args[-2]}" if task.__name__ == "read" else ""
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
        submit = spread._client.submit
        monkeypatch.setattr(spread._client, "submit", lambda task, *args, **how: submit(dying, task, *args, **how))
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
    found = cluster.read(cluster.fingerprint(()), [], cluster._plain(given), -(1 << 63), str(tmp_path))
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
        future = spread._client.submit(os._exit, 1, pure=False)
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


def test_portions_give_the_workers_about_the_same_to_do():
    large = 40 * cluster.SHARD_BYTES
    assert cluster.portions([large], 4) == [4]
    assert cluster.portions([large], 1) == [1]
    assert cluster.portions([large, large], 2) == [1, 1]
    assert cluster.portions([large, 100, 100], 4) == [4, 1, 1]
    assert cluster.portions([cluster.SHARD_BYTES], 8) == [1]
    assert cluster.portions([1 << 50], 1000) == [cluster.MAX_PORTIONS]
    assert cluster.portions([0, 0], 0) == [1, 1]


def test_a_worker_with_another_sentinel_is_refused(tmp_path):
    found = cluster.read("0.0.9 (abcdef)", [], [], 0, str(tmp_path))
    assert found["error"] == "UsageError"
    assert found["values"]["mine"] == cluster.fingerprint(()) != found["values"]["ours"] == "0.0.9 (abcdef)"


def test_other_rules_make_another_sentinel(tmp_path):
    rule = tmp_path / "rule.yml"
    rule.write_text("title: one", encoding="utf-8")
    before = cluster.fingerprint((str(rule),))
    cluster.fingerprint.cache_clear()
    rule.write_text("title: two", encoding="utf-8")
    assert cluster.fingerprint((str(rule),)) != before != cluster.fingerprint(())


# -- a scheduler and workers in processes, a folder and a home of their own ------------------------------------------


class Elsewhere:
    """A scheduler and workers that know nothing of this process but its loopback address."""

    def __init__(self, folder: Path, workers: int, tls: dict[str, str] | None = None):
        self.folder = folder
        self.environment = {
            **os.environ, "HOME": str(folder / "home"), "XDG_CACHE_HOME": "", "PYTHONPATH": str(PCAPS.parent),
            **(tls or {}),
        }  # fmt: skip
        known = folder / "scheduler.json"
        protocol = "tls" if tls else "tcp"
        self.processes = [
            self.start("scheduler", "--protocol", protocol, "--port", "0", "--scheduler-file", str(known))
        ]
        self.until(lambda: known.exists() and known.read_text().rstrip().endswith("}"))
        self.address = json.loads(known.read_text())["address"].replace("tcp://", "dask://")
        for _ in range(workers):
            self.processes.append(
                self.start("worker", "--scheduler-file", str(known), "--nthreads", "1", "--memory-limit", "1GiB")
            )
        log = folder / "worker.log"
        self.until(lambda: not workers or log.read_text().count("Registered to:") == workers)

    def until(self, condition: Callable[[], Any]) -> None:
        """Wait for it, or stop what was started."""
        try:
            until(lambda: condition() or any(one.poll() is not None for one in self.processes))
            assert condition(), {log.name: log.read_text() for log in self.folder.glob("*.log")}
        except AssertionError:
            self.stop()
            raise

    def start(self, what: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", what, "--host", "127.0.0.1", "--no-dashboard", *options]
        log = (self.folder / f"{what}.log").open("ab")
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait()


def certificates(folder: Path) -> dict[str, str]:
    """A certificate for all of a cluster, as Dask's configuration names it in the environment."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=cluster",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    named = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / "cert.pem")}
    for who in ("SCHEDULER", "WORKER", "CLIENT"):
        named[f"DASK_DISTRIBUTED__COMM__TLS__{who}__CERT"] = str(folder / "cert.pem")
        named[f"DASK_DISTRIBUTED__COMM__TLS__{who}__KEY"] = str(folder / "key.pem")
    return named | {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}


@pytest.fixture
def elsewhere(tmp_path_factory) -> Iterator[Elsewhere]:
    cluster_there = Elsewhere(tmp_path_factory.mktemp("elsewhere"), 2)
    yield cluster_there
    cluster_there.stop()


@with_workers
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_cluster_elsewhere_makes_the_case_that_one_process_makes(tmp_path, captures, one_process, encrypted):
    """From the command line, as it would be called on the machine of an analyst."""
    if encrypted and shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    named = certificates(tmp_path) if encrypted else None
    there = Elsewhere(tmp_path, 2, named)
    try:
        assert there.address.startswith("tls://" if encrypted else "dask://")
        done = subprocess.run(
            [sys.executable, "-m", "sentinel", "-q", "analyze", *map(str, captures), "--case", str(tmp_path / "case"),
             "--cluster", there.address],
            env={**os.environ, "PYTHONPATH": str(PCAPS.parent), **(named or {})}, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        there.stop()
    assert (done.returncode, done.stderr) == (0, "")
    same(one_process[0], tmp_path / "case")


@with_workers
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_worker_that_is_killed_over_a_portion_changes_nothing(tmp_path, monkeypatch, request, where):
    """Each portion's first worker dies when it has written all of it."""
    address = request.getfixturevalue("elsewhere").address if where == "elsewhere" else ""
    source = PCAPS / "plant-attack.pcapng"
    pipeline.analyze([source], tmp_path / "one")
    marks = tmp_path / "marks"
    marks.mkdir()

    def dying(task, *args):
        import os
        import signal

        found = task(*args)
        mark = f"{marks}/{args[-2:]}"
        if task.__name__ == "read" and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    monkeypatch.setattr(cluster, "portions", lambda sizes, workers: [2] * len(sizes))
    with cluster.Spread(tmp_path / "two", jobs=2, address=address) as spread:
        submit = spread._client.submit
        monkeypatch.setattr(spread._client, "submit", lambda task, *args, **how: submit(dying, task, *args, **how))
        pipeline.analyze([source], tmp_path / "two", spread=spread)
    assert len(list(marks.iterdir())) == 2
    same(tmp_path / "one", tmp_path / "two")


@with_workers
def test_a_scheduler_that_goes_away_leaves_what_was_read(tmp_path, captures, elsewhere):
    with cluster.Spread(tmp_path / "case", address=elsewhere.address) as spread:
        shares = spread.shares

        def losing(*args):
            for share in shares(*args):
                elsewhere.processes[0].kill()
                elsewhere.processes[0].wait()
                yield share

        spread.shares = losing  # type: ignore[method-assign]
        with pytest.raises(SentinelError, match="the scheduler went away; what was read before is in the case"):
            pipeline.analyze(captures, tmp_path / "case", spread=spread)
    assert list(tmp_path.iterdir()) == [tmp_path / "case"]
    with Case.open(tmp_path / "case", "read") as case:
        assert case.check() == []
        assert 0 < case.captures().height < len(captures)


@with_workers
def test_a_scheduler_without_workers_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "FIRST_WORKER", 1)
    there = Elsewhere(tmp_path, 0)
    try:
        with (
            pytest.raises(UsageError, match="this scheduler has no workers"),
            cluster.Spread(tmp_path / "case", address=there.address),
        ):
            pass
    finally:
        there.stop()
