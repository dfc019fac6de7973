"""What every command knows of the person at the terminal: language, how talkative to be, where things are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.cli._texts import translated
from sentinel.errors import SentinelError

if TYPE_CHECKING:
    from rich.console import Console

LANGUAGES = ("en", "zh")
MAX_WIDTH = 110
"""Columns that a summary uses at most: longer lines are hard to read."""
PLAIN_WIDTH = 100
"""Columns where the output goes to a file or a pipe."""
ENDLESS = 1000
"""Columns of a wide table in a file or a pipe: cells are not cut there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The global options, as `sentinel` was called with them."""

    lang: str = "en"
    verbose: int = 0
    quiet: bool = False

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in the person's language, with its `{names}` filled in."""
        return translated(sentence, self.lang).format(**values)

    def said(self, error: SentinelError) -> str:
        """What an error says, in the person's language."""
        return error.sentence.said(lambda sentence: translated(sentence, self.lang))

    def count(self, n: int, one: str, many: str) -> str:
        """`one` or `many` as n demands, in the person's language; `{n}` in it becomes the number."""
        return translated(one if n == 1 and self.lang == "en" else many, self.lang).format(n=f"{n:,}")

    def out(self, wide: bool = False) -> Console:
        """A console on standard output, no wider than a person reads easily; `wide`: as wide as there is room."""
        return _console(False, wide)

    def err(self) -> Console:
        """A console on standard error: progress and complaints."""
        return _console(True, False)


def current() -> Settings:
    """The settings of the running command; those of the environment where it runs outside `sentinel`."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Settings) if context is not None else None
    return found if found is not None else Settings(lang=language(os.environ))


def language(environ: Mapping[str, str]) -> str:
    """`zh` or `en`, from SENTINEL_LANG, then from the locale's own variables in their order."""
    for name in ("SENTINEL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def cache_folder() -> Path:
    """Where what can be made again is kept: SENTINEL_CACHE, else the user's cache folder."""
    if os.environ.get("SENTINEL_CACHE"):
        return Path(os.environ["SENTINEL_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sentinel"


def _console(stderr: bool, wide: bool) -> Console:
    from rich.console import Console

    class Honest(Console):
        """rich would exit with 1 where the reader of the pipe is gone; `main` knows the code for that."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Honest(stderr=stderr, highlight=False)
    columns = os.environ.get("COLUMNS", "")
    if not console.is_terminal and not columns.isdigit():
        console.width = ENDLESS if wide else PLAIN_WIDTH
    elif not wide:
        console.width = min(console.width, MAX_WIDTH)
    return console
