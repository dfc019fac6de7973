"""Running an analysis for `analyze` and `demo`: progress, Ctrl-C, the page at the end, the exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from sentinel.cli._format import tame
from sentinel.cli._settings import Settings
from sentinel.errors import EXIT_INTERRUPTED, EXIT_OK, FaultyCapture, InputError

if TYPE_CHECKING:
    from sentinel.pipeline import Progress, Spread

STDIN = "-"


def analysed(
    paths: Sequence[Path | str],
    case: Path,
    rules: Sequence[Path] | None,
    settings: Settings,
    show_progress: bool,
    spread: Spread | None = None,
) -> dict[str, Any]:
    """The summary of analysing `paths` into `case`; the first Ctrl-C ends it in good order, the second at once."""
    from sentinel import memory, pipeline

    memory.keep()
    stop = threading.Event()
    with _stops_on_interrupt(stop, settings), _progress(settings, show_progress) as report:
        return pipeline.analyze(
            list(paths), case, rules=list(rules) if rules else None, progress=report, stop=stop, spread=spread
        )


def print_page(summary: Mapping[str, Any], folder: Path, settings: Settings) -> None:
    """Show the summary of an analysis to a person."""
    from sentinel.cli._case import opened
    from sentinel.cli._summary import Page

    with opened(folder) as case:
        page = Page(summary, case, folder, settings)
    page.print(settings.out())


def exit_code(summary: Mapping[str, Any]) -> int:
    """How the command ends: faults that cut a capture short count, alerts do not. Says each fault on standard error."""
    for capture in summary["captures"]:
        if capture["fault"]:
            click.echo(tame(f"sentinel: {capture['path']}: {capture['fault']}"), err=True)
    if summary["interrupted"]:
        return EXIT_INTERRUPTED
    faulty = [capture for capture in summary["captures"] if capture["fault"]]
    if faulty and len(faulty) == len(summary["captures"]) and not any(capture["frames"] for capture in faulty):
        return InputError.exit_code
    return FaultyCapture.exit_code if faulty else EXIT_OK


@contextmanager
def _stops_on_interrupt(stop: threading.Event, settings: Settings) -> Iterator[None]:
    """While it lasts, the first Ctrl-C sets `stop`; the second is a KeyboardInterrupt as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sentence = settings.say("stopping; what was read is being kept (Ctrl-C again: stop at once)")
        # Not through the stream: the handler may run in the middle of another write to it.
        os.write(2, f"\nsentinel: {sentence}\n".encode())

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(settings: Settings, wanted: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error where that is a terminal; otherwise nothing, and the pipeline need not report."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=24),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[found]}", markup=False),
    )
    with progress.Progress(*columns, console=settings.err(), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(now: Progress) -> None:
            key = str(now.path)
            found = settings.say(
                "{frames} frames  {messages} messages  {alerts} alerts",
                frames=f"{now.frames:,}", messages=f"{now.messages:,}", alerts=f"{now.alerts:,}",
            )  # fmt: skip
            if key not in tasks:
                for done in tasks.values():
                    bars.update(done, visible=False)
                tasks[key] = bars.add_task(Path(key).name[:40], total=now.bytes_total or None, found=found)
            bars.update(tasks[key], completed=now.bytes_done, total=now.bytes_total or None, found=found)

        yield report
