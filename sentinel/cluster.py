"""Captures read by many processes: dask workers on this machine, or those of a cluster that shares a file system.

Captures that continue each other are one conversation and one task (`pipeline.read_set`). A task writes a case of its
own into a scratch folder, with the numbers that the run has for it, and its share beside it; when all are done the run
takes the files over. A task that is repeated, because its worker was killed, begins in a folder of its own.

Of large captures each task has a portion of the flows (`sentinel.portions`). Where a bound of the rules or of the
inventory was reached, which the portions would reach otherwise than the whole, the set is read again as one task.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import socket
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files as files_of
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sentinel import errors
from sentinel.errors import InputError, MissingExtra, SentinelError, UsageError
from sentinel.summary import Input
from sentinel.version import VERSION

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from sentinel.pipeline import Given
    from sentinel.shares import Share
    from sentinel.store.run import Run

MEMORY = 1 << 30
"""Bytes of memory of one local worker; one that needs more is killed, and its task is given to another."""
DEATHS = 3
"""Workers that may die over one task before it is given up."""
CONNECT = 15
"""Seconds to wait for the scheduler of a cluster."""
FIRST_WORKER = 15
"""Seconds to wait for a worker of a scheduler that answers."""
SHARD_BYTES = 32 << 20
"""Bytes of captures that are worth reading once more, for another portion of their flows."""
MAX_PORTIONS = 16
"""Portions of one set: each reads all of it, so more of them hardly gain anything (docs/scale.md)."""
POLL = 0.5
"""Seconds between two looks at the stop signal."""


class Spread:
    """Workers that read captures for `pipeline.analyze`; a context manager.

    `jobs` local processes, or those of the scheduler at `address` (`dask://host:port`), which see the captures and
    `scratch` (otherwise a folder beside the case) under the same paths. UsageError where there is no scheduler.
    """

    def __init__(self, case: Path, jobs: int = 0, address: str = "", scratch: Path | None = None):
        self._case = case
        self._jobs = jobs
        self._address = address.replace("dask://", "tcp://", 1)
        self._parent = scratch
        self._cluster: Any = None
        self._client: Any = None
        self._folder = Path()
        self._rules: list[str] = []
        self.workers = 0
        self.lost = False
        """Whether the scheduler went away before everything was read."""

    def __enter__(self) -> Spread:
        distributed = _distributed()
        if self._address:
            try:
                self._client = distributed.Client(self._address, timeout=CONNECT, set_as_default=False)
            except (OSError, ValueError) as error:
                raise UsageError(
                    "{address}: no scheduler of a Dask cluster answers there ({why}).",
                    address=self._address, why=str(error).partition("\n")[0],
                ) from error  # fmt: skip
        else:
            self._cluster = distributed.LocalCluster(
                n_workers=self._jobs, threads_per_worker=1, processes=True, memory_limit=MEMORY, host="127.0.0.1",
                dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False}, silence_logs=logging.CRITICAL,
            )  # fmt: skip
            self._client = distributed.Client(self._cluster, set_as_default=False)
        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError as error:
            self._close()
            raise UsageError(
                "{address}: this scheduler has no workers; start them with: dask worker {address}",
                address=self._address,
            ) from error
        self.workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        parent = (self._parent or self._case.absolute().parent).absolute()
        parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{self._case.name}-shards-", dir=parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        gone = self._folder.with_name(f"{self._folder.name}-gone")
        with suppress(OSError):  # a worker that lost its scheduler finds nothing to write to, and ends
            self._folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _close(self) -> None:
        for opened in (self._client, self._cluster):
            if opened is not None:
                opened.close()

    def look(self, inputs: Sequence[Input]) -> None:
        """Fill in hashes and the latest time stamp of each capture."""
        futures = [self._submit(look, str(Path(one.path).absolute())) for one in inputs]
        for one, future in zip(inputs, futures, strict=True):
            try:
                found = _result(future, _never) or {}
            except _Lost as error:
                raise SentinelError(
                    "{address}: the scheduler went away before anything was read.", address=self._address
                ) from error
            one.sha256, one.content_sha256, one.latest = found["sha256"], found["content_sha256"], found["latest"]

    def shares(
        self,
        run: Run,
        sets: Sequence[tuple[list[Given], int]],
        rules: Sequence[Path] | None,
        stopped: Callable[[], bool],
    ) -> Iterator[Share]:
        """The share of each set, in their order; what was not begun when `stopped` says so is left out."""
        from sentinel import pipeline
        from sentinel.shares import Share
        from sentinel.store.case import Case

        self._rules = [str(path.absolute()) for path in rules or ()]
        tasks = [_Task(_plain(captures), latest) for captures, latest in sets]
        for task, count in zip(tasks, portions([task.size for task in tasks], self.workers), strict=True):
            task.futures = [self._read(task, index, count) for index in range(count)]
        engine: Any = None
        for task in tasks:
            folders = self._folders(task, stopped)
            share = None
            if folders is not None and len(task.futures) > 1:
                engine = engine or pipeline.make_rules(rules)
                share = united(folders, engine) if len(folders) == len(task.futures) else None
                if share is None or share.bounded():
                    _log.warning("%s: bounds were reached; it is read again by one process", task.captures[0]["shown"])
                    _cancel([task])
                    _forget(folders)
                    share, task.futures = None, [self._read(task, 0, 1)]
                    folders = self._folders(task, stopped)
            if folders is None:
                _cancel(tasks)
                return
            for folder in folders:
                with Case.open(folder, "read") as shard:
                    run.adopt(shard)
            share = share or Share.read(folders[0])
            _forget(folders)
            yield share

    def _read(self, task: _Task, index: int, count: int) -> Any:
        return self._submit(read, task.captures, task.latest, str(self._folder), index, count)

    def _folders(self, task: _Task, stopped: Callable[[], bool]) -> list[Path] | None:
        """Where the portions of a set were written; fewer where one of them reached a bound; None where `stopped` said
        so, or the scheduler went away, before all of them were."""
        folders = []
        for future in task.futures:
            try:
                found = None if stopped() else _result(future, stopped)
            except _Lost:
                self.lost = True
                return None
            if found is None:
                return None
            if found["folder"] == "":
                break
            folders.append(Path(found["folder"]))
            if not folders[-1].is_dir():
                raise UsageError(
                    "{folder}: what the workers wrote cannot be seen here; give --scratch a folder that all share.",
                    folder=folders[-1],
                )
        return folders

    def _submit(self, task: Callable[..., Any], *args: Any) -> Any:
        ours = fingerprint(tuple(self._rules))
        return self._client.submit(task, ours, self._rules, *args, pure=False, retries=0)


def _distributed() -> Any:
    """The package `distributed`; MissingExtra where it is not installed."""
    try:
        import dask
        import distributed
    except ImportError as error:
        raise MissingExtra("several processes need dask.distributed: pip install 'sentinel-ics[cluster]'") from error
    dask.config.set({
        "distributed.scheduler.allowed-failures": DEATHS,
        # a task that waits at a worker would be blamed when the one before it kills that worker
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
        # looking at every thread a hundred times a second takes the interpreter lock from the core
        "distributed.worker.profile.enabled": False,
        # a worker has one processor; more threads would only hinder its neighbours
        "distributed.nanny.pre-spawn-environ.POLARS_MAX_THREADS": 1,
        "distributed.nanny.pre-spawn-environ.OPENBLAS_NUM_THREADS": 1,
    })  # fmt: skip
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said as a SentinelError
    return distributed


def _result(future: Any, stopped: Callable[[], bool]) -> dict[str, Any] | None:
    """What a task gave, None where `stopped` said so before; raises the SentinelError that it met, or one that says
    that its workers died."""
    from concurrent.futures import CancelledError

    from distributed.scheduler import KilledWorker

    found = None
    try:
        while found is None:
            with suppress(TimeoutError):
                found = future.result(timeout=POLL)
            if found is None and stopped():
                return None
    except KilledWorker as error:
        raise SentinelError(
            "{n} workers died over one task; the captures may need more memory than they have.", n=DEATHS + 1
        ) from error
    except (CancelledError, OSError) as error:
        raise _Lost(str(error)) from error
    except (ImportError, AttributeError, TypeError) as error:  # it is none of the tasks below
        raise UsageError("the workers have no Sentinel that can be used from here ({why}).", why=error) from error
    if "error" in found:
        raise getattr(errors, found["error"])(found["sentence"], **found["values"])
    return found


class _Lost(Exception):
    """The scheduler went away."""


@dataclass(slots=True)
class _Task:
    """A set of captures on its way through the workers, as JSON could hold them; a future for each portion."""

    captures: list[dict[str, Any]]
    latest: int
    futures: list[Any] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the captures."""
        return sum(capture["size"] for capture in self.captures)


def portions(sizes: Sequence[int], workers: int) -> list[int]:
    """Into how many portions sets of these sizes are cut, so that the workers have about the same to do."""
    fair = max(sum(sizes) // max(workers, 1), SHARD_BYTES)
    most = max(1, min(workers, MAX_PORTIONS))
    return [min(most, max(1, round(size / fair))) for size in sizes]


def united(folders: Sequence[Path], rules: Any) -> Share:
    """The share of a whole set from those of its portions; `rules` is an engine, which begins anew."""
    from sentinel.portions import judge_together
    from sentinel.shares import Share

    whole = Share.read(folders[0])
    for folder in folders[1:]:
        whole.unite(Share.read(folder))
    rules.begin()
    rules.book = whole.book
    judge_together(folders, rules)
    whole.limits.rules = {name: max(n, rules.counters[name]) for name, n in whole.limits.rules.items()}
    return whole


def _cancel(tasks: Iterable[_Task]) -> None:
    for task in tasks:
        for future in task.futures:
            future.cancel()


def _forget(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _plain(captures: Sequence[Given]) -> list[dict[str, Any]]:
    """Captures and their rows as JSON could hold them."""
    return [
        {
            "path": str(Path(one.path).absolute()), "shown": one.name, "row": row, "size": one.size,
            "sha256": one.sha256, "content_sha256": one.content_sha256, "first_time": one.first_time,
            "compressed": one.compressed,
        }
        for one, row in captures
    ]  # fmt: skip


# -- what runs in a worker ------------------------------------------------------------------------------------------


@cache
def fingerprint(rules: tuple[str, ...]) -> str:
    """What this program is made of: its version, and a hash of its sources and of the rules in use."""
    from sentinel.rules import load

    digest = hashlib.sha256()
    for package in ("sentinel", "parsers"):
        folder = Path(str(files_of(package)))
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{package}/{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    for path in load.find([load.shipped(), *(Path(rule) for rule in rules)]):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{VERSION} ({digest.hexdigest()[:12]})"


def _guarded(task: Callable[..., dict[str, Any]], ours: str, rules: Sequence[str], *args: Any) -> dict[str, Any]:
    """What the task gives, or its SentinelError as data: as an exception it would lose its values on the way.

    UsageError where this worker is not what the caller is, since the tables would not be the same.
    """
    try:
        mine = fingerprint(tuple(rules))
        if mine != ours:
            raise UsageError(
                "a worker on {host} has Sentinel {mine}, this is {ours}: sources and rules must be the same.",
                host=socket.gethostname(), mine=mine, ours=ours,
            )  # fmt: skip
        return task(*args)
    except SentinelError as error:
        values = {name: str(value) for name, value in error.sentence.values.items()}
        return {"error": type(error).__name__, "sentence": error.sentence.english, "values": values}


def look(ours: str, rules: Sequence[str], path: str) -> dict[str, Any]:
    """Hashes of a capture and the latest of its time stamps, in one go."""
    return _guarded(_look, ours, rules, path)


def read(
    ours: str,
    rules: Sequence[str],
    captures: Sequence[dict[str, Any]],
    latest: int,
    scratch: str,
    index: int = 0,
    count: int = 1,
) -> dict[str, Any]:
    """Read a set of captures, or portion `index` of `count` of its flows, into a case below `scratch`; its folder.

    The folder is empty where a bound makes portions vain.
    """
    return _guarded(_read, ours, rules, rules, captures, latest, scratch, index, count)


def _look(path: str) -> dict[str, Any]:
    from sentinel.reading import NEVER
    from sentinel.sources import files
    from sentinel.wire.capture import CaptureReader

    opened = files.open_capture(Path(path))
    expanded = files.Hashing(opened.stream)
    reader = CaptureReader(expanded)
    latest = reader.skim() if reader.next() else NEVER
    with opened.stream:
        try:
            expanded.close()
            content = expanded.hexdigest()
        except OSError:  # what cannot be expanded to its end has no hash of its content
            content = ""
    whole = content if opened.compression == "" and content else files.sha256(Path(path))
    return {"sha256": whole, "content_sha256": content, "latest": latest}


def _read(
    rules: Sequence[str], captures: Sequence[dict[str, Any]], latest: int, scratch: str, index: int, count: int
) -> dict[str, Any]:
    from sentinel import memory, pipeline
    from sentinel.plugins import load_parsers
    from sentinel.portions import Bounded, Portion, PortionAnalysis
    from sentinel.store.case import Case

    memory.keep()
    parsers = load_parsers()
    folder = Path(scratch) / uuid.uuid4().hex
    rows = [capture["row"] for capture in captures]
    with Case.open(folder) as case, case.begin_run(rows, first=rows[0]["capture"]) as run:
        left = deque((_input(capture), row) for capture, row in zip(captures, run.captures, strict=True))
        engine = pipeline.make_rules([Path(path) for path in rules])
        analysing = None if count == 1 else partial(PortionAnalysis, Portion(index, count), folder)
        try:
            with pipeline.few_collections():
                share = pipeline.read_set(left, run, parsers, engine, None, _never, latest, analysing)
        except Bounded:
            return {"folder": ""}
        if left:
            raise InputError("{path}: changed while it was read; analyse it again.", path=left[0][0].path)
        run.finish(share.captures, [], [], [], {})
    for row, capture in zip(share.captures, captures, strict=True):
        row["path"] = capture["shown"]
    share.write(folder)
    return {"folder": str(folder)}


def _never() -> bool:
    return False


def _input(capture: dict[str, Any]) -> Input:
    return Input(
        Path(capture["path"]), capture["sha256"], capture["size"], capture["first_time"], capture["content_sha256"],
        compressed=capture["compressed"],
    )  # fmt: skip
