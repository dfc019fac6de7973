"""Captures read by many processes: dask workers on this machine, or those of a cluster that shares a file system.

Captures that continue each other are one conversation and one task (`pipeline.read_set`). A task writes a case of its
own into a scratch folder, with the numbers that the run has for it, and its share beside it; when all are done the run
takes the files over. A task that is repeated, because its worker was killed, begins in a folder of its own. One large
capture is one task: docs/scale.md says why it is not cut by flow.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sentinel import errors
from sentinel.errors import InputError, MissingExtra, SentinelError, UsageError
from sentinel.summary import Input

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
        self.workers = 0

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
                dashboard_address=None, scheduler_kwargs={"dashboard": False}, silence_logs=logging.CRITICAL,
            )  # fmt: skip
            self._client = distributed.Client(self._cluster, set_as_default=False)
        self.workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        parent = (self._parent or self._case.absolute().parent).absolute()
        parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{self._case.name}-shards-", dir=parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for opened in (self._client, self._cluster):
            if opened is not None:
                opened.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def look(self, inputs: Sequence[Input]) -> None:
        """Fill in hashes and the latest time stamp of each capture."""
        futures = [self._submit(look, str(Path(one.path).absolute())) for one in inputs]
        for one, future in zip(inputs, futures, strict=True):
            found = _result(future, _never) or {}
            one.sha256, one.content_sha256, one.latest = found["sha256"], found["content_sha256"], found["latest"]

    def shares(
        self,
        run: Run,
        sets: Sequence[tuple[list[Given], int]],
        rules: Sequence[Path] | None,
        stopped: Callable[[], bool],
    ) -> Iterator[Share]:
        """The share of each set, in their order; what was not begun when `stopped` says so is left out."""
        from sentinel.shares import Share
        from sentinel.store.case import Case

        paths = [str(path.absolute()) for path in rules or ()]
        futures = [
            self._submit(read, [_plain(given) for given in captures], latest, paths, str(self._folder))
            for captures, latest in sets
        ]
        for future in futures:
            found = None if stopped() else _result(future, stopped)
            if found is None:
                for other in futures:
                    other.cancel()
                return
            folder = Path(found["folder"])
            with Case.open(folder, "read") as shard:
                run.adopt(shard)
            share = Share.read(folder)
            shutil.rmtree(folder, ignore_errors=True)
            yield share

    def _submit(self, task: Callable[..., Any], *args: Any) -> Any:
        return self._client.submit(task, *args, pure=False, retries=0)


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
    logging.getLogger("distributed").setLevel(logging.ERROR)  # it tells of each worker, and of each that is retried
    return distributed


def _result(future: Any, stopped: Callable[[], bool]) -> dict[str, Any] | None:
    """What a task gave, None where `stopped` said so before; raises the SentinelError that it met, or one that says
    that its workers died."""
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
    if "error" in found:
        raise getattr(errors, found["error"])(found["sentence"], **found["values"])
    return found


def _plain(given: Given) -> dict[str, Any]:
    """A capture and its row as JSON could hold them."""
    one, row = given
    return {
        "path": str(Path(one.path).absolute()), "shown": str(one.path), "row": row, "size": one.size,
        "sha256": one.sha256, "content_sha256": one.content_sha256, "first_time": one.first_time,
        "compressed": one.compressed,
    }  # fmt: skip


# -- what runs in a worker ------------------------------------------------------------------------------------------


def _guarded(task: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What the task gives, or its SentinelError as data: as an exception it would lose its values on the way."""
    try:
        return task(*args)
    except SentinelError as error:
        values = {name: str(value) for name, value in error.sentence.values.items()}
        return {"error": type(error).__name__, "sentence": error.sentence.english, "values": values}


def look(path: str) -> dict[str, Any]:
    """Hashes of a capture and the latest of its time stamps, in one go."""
    return _guarded(_look, path)


def read(captures: Sequence[dict[str, Any]], latest: int, rules: Sequence[str], scratch: str) -> dict[str, Any]:
    """Read a set of captures into a case of its own below `scratch`; its folder."""
    return _guarded(_read, captures, latest, rules, scratch)


def _look(path: str) -> dict[str, Any]:
    from sentinel import pipeline
    from sentinel.sources import files
    from sentinel.wire.capture import CaptureReader

    opened = files.open_capture(Path(path))
    expanded = files.Hashing(opened.stream)
    reader = CaptureReader(expanded)
    latest = reader.skim() if reader.next() else pipeline.NEVER
    with opened.stream:
        try:
            expanded.close()
            content = expanded.hexdigest()
        except OSError:  # what cannot be expanded to its end has no hash of its content
            content = ""
    whole = content if opened.compression == "" and content else files.sha256(Path(path))
    return {"sha256": whole, "content_sha256": content, "latest": latest}


def _read(captures: Sequence[dict[str, Any]], latest: int, rules: Sequence[str], scratch: str) -> dict[str, Any]:
    from sentinel import memory, pipeline
    from sentinel.plugins import load_parsers
    from sentinel.store.case import Case

    memory.keep()
    folder = Path(scratch) / uuid.uuid4().hex
    rows = [capture["row"] for capture in captures]
    with Case.open(folder) as case, case.begin_run(rows, first=rows[0]["capture"]) as run:
        left = deque((_input(capture), row) for capture, row in zip(captures, run.captures, strict=True))
        engine = pipeline.make_rules([Path(path) for path in rules])
        with pipeline.few_collections():
            share = pipeline.read_set(left, run, load_parsers(), engine, None, _never, latest)
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
