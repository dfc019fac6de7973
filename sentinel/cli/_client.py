"""What the commands for the client's files share: who is at work, what was refused, files that are not overwritten."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sentinel.cli._case import check_writable
from sentinel.cli._format import tame
from sentinel.cli._settings import current
from sentinel.errors import AssessmentError, OutputError

if TYPE_CHECKING:
    from sentinel.assess._cells import Refusal

SHOWN = 50
"""Refusals that are printed; with -v all of them."""

F = TypeVar("F", bound=Callable)


def author_option(command: F) -> F:
    """`--author NAME`: who says it; the journal keeps it."""
    option = click.option(
        "--author", default=whoami, metavar="NAME", help="Who says it, for the case's journal (otherwise the user).",
    )  # fmt: skip
    return option(command)


def whoami() -> str:
    """The name of the user at the terminal; `unknown` where the system has none for him."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def check_free(path: Path, force: bool) -> None:
    """OutputError where a file would be overwritten that somebody may have filled in."""
    check_writable(path)
    if path.exists() and not force:
        raise OutputError("{path}: there already; name another file, or add --force", path=path)


def report_refusals(path: Path, refusals: Sequence[Refusal]) -> None:
    """Print what was refused, and end with AssessmentError; nothing where there is nothing."""
    if not refusals:
        return
    settings = current()
    shown = len(refusals) if settings.verbose else SHOWN
    for refusal in refusals[:shown]:
        click.echo(tame(f"sentinel: {refusal.in_(settings.lang)}"), err=True)
    if len(refusals) > shown:
        click.echo(settings.say("… and {n} more; -v shows all", n=len(refusals) - shown), err=True)
    raise AssessmentError("{path}: refused: {n}; everything else was taken", path=path, n=len(refusals))
