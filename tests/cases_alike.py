"""Whether two cases hold the same, and workers that are calls in this process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sentinel import cluster
from sentinel.store.case import Case


def tables(path: Path) -> dict:
    """Every table, rows in one order."""
    with Case.open(path, "read") as case:
        assert case.check() == []
        frames = {name: case.scan(name).collect() for name in case.tables()}
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def same(one: Path, other: Path) -> None:
    """Every table of both is equal, apart from how rows lie in files."""
    first, second = tables(one), tables(other)
    assert first.keys() == second.keys()
    for name, frame in first.items():
        assert frame.equals(second[name]), name


def told(summary: dict) -> dict:
    """What a summary says of the captures."""
    return {name: value for name, value in summary.items() if name not in ("seconds", "case")}


class Done:
    """A future whose task was called at once."""

    def __init__(self, found: Any):
        self._found = found

    def result(self, timeout: float | None = None) -> Any:
        return self._found

    def cancel(self) -> None:
        pass


class Here(cluster.Spread):
    """As many workers as wanted, without a process of their own."""

    def __init__(self, case: Path, workers: int):
        super().__init__(case, jobs=workers)
        self.workers = workers
        self.calls: list[tuple[Any, ...]] = []

    def __enter__(self) -> Here:
        self._folder = Path(tempfile.mkdtemp(dir=self._case.parent))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def _submit(self, task: Callable[..., Any], *args: Any) -> Any:
        self.calls.append((task.__name__, *args))
        return Done(task(cluster.fingerprint(tuple(self._rules)), self._rules, *args))
