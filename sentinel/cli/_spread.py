"""`--jobs` and `--cluster`: having captures read by several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sentinel.errors import UsageError

if TYPE_CHECKING:
    from sentinel.cluster import Spread

F = TypeVar("F", bound=Callable)
MAX_JOBS = 256


def spread_options(command: F) -> F:
    """`--jobs`, `--cluster` and `--scratch`."""
    options: list[Any] = [
        click.option(
            "--jobs", "-j", type=click.IntRange(1, MAX_JOBS),
            help="Read captures, and portions of the flows of large ones, in so many processes.",
        ),
        click.option(
            "--cluster", metavar="dask://HOST:PORT",
            help="Have them read by the workers of a Dask cluster, which see the captures under the same paths.",
        ),
        click.option(
            "--scratch", type=click.Path(file_okay=False, path_type=Path),
            help="Folder for what the processes write until it is joined; otherwise beside the case.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def spread_over(
    folder: Path, sources: Sequence[Path | str], jobs: int | None, cluster: str | None, scratch: Path | None
) -> AbstractContextManager[Spread | None]:
    """The processes that are to read; None where this one does. UsageError where the options make no sense together."""
    if jobs is None and cluster is None:
        if scratch is not None:
            raise UsageError("--scratch goes with --jobs or --cluster")
        return nullcontext()
    if jobs is not None and cluster is not None:
        raise UsageError("give either --jobs or --cluster")
    if any(isinstance(source, str) for source in sources):
        raise UsageError("standard input cannot be read by several processes")
    if cluster is not None and not cluster.startswith(("dask://", "tcp://", "tls://")):
        raise UsageError("{address}: give the scheduler as dask://host:port", address=cluster)
    if jobs == 1:
        return nullcontext()
    from sentinel.cluster import Spread

    return Spread(folder, jobs or 0, cluster or "", scratch)
