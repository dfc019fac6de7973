"""Opening a case from the command line, and the options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sentinel.errors import OutputError

if TYPE_CHECKING:
    from sentinel.store.case import Case

F = TypeVar("F", bound=Callable)


def case_option(command: F) -> F:
    """`--case DIR`, required; SENTINEL_CASE spares typing it."""
    option = click.option(
        "--case", "-c", "folder", required=True, envvar="SENTINEL_CASE", show_envvar=True,
        type=click.Path(file_okay=False, path_type=Path), help="Folder of the case.",
    )  # fmt: skip
    return option(command)


def observer_option(command: F) -> F:
    """`--observer NAME`; SENTINEL_OBSERVER spares typing it."""
    option = click.option(
        "--observer", envvar="SENTINEL_OBSERVER", show_envvar=True,
        help="Name of the sensor in the documents; otherwise that of this machine.",
    )  # fmt: skip
    return option(command)


def opened(folder: Path) -> Case:
    """A case, to be read; a context manager. CaseError where there is none."""
    from sentinel.store.case import Case

    return Case.open(folder, mode="read")


def opened_to_decide(folder: Path) -> Case:
    """A case, to write down what people say of it; a context manager. CaseError where there is none: none is made."""
    from sentinel.store.case import Case

    opened(folder).close()
    return Case.open(folder, mode="decide")


def check_writable(path: Path) -> None:
    """OutputError where a file cannot be created at `path`, before the work is done for it."""
    folder = path.parent
    if path.is_dir():
        raise OutputError("{path}: a folder; name a file", path=path)
    if not folder.is_dir():
        raise OutputError("{path}: no such folder; make it first", path=folder)
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise OutputError("{path}: cannot be written: permission denied", path=path)
