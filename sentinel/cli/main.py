"""The `sentinel` command: finds the commands beside this file, and loads one only when it is used.

A command is a file of this folder that defines a click command named `command`; the first line of its docstring is
its line in `sentinel --help`. Files whose name starts with `_` are helpers.
"""

from __future__ import annotations

import ast
import copy
import errno
import gc
import importlib
import inspect
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

from sentinel.cli._format import tame
from sentinel.cli._settings import LANGUAGES, Settings, cache_folder, current, language
from sentinel.cli._texts import translated
from sentinel.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_PIPE, OutputError, SentinelError

FOLDER = Path(__file__).parent
PACKAGE = "sentinel.cli"

C = TypeVar("C", bound=click.Command)

_OUTPUT_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


class _Formatter(click.HelpFormatter):
    """Help whose own words (click's headings and its line about --help) are in the language of the person."""

    lang = "en"

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The line of usage."""
        super().write_usage(prog, args, translated("Usage:", self.lang) + " " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """The heading of a section."""
        super().write_heading(translated(heading, self.lang))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names and what they mean."""
        super().write_dl([(name, translated(meaning, self.lang)) for name, meaning in rows], col_max, col_spacing)


class _Context(click.Context):
    """A context whose help is written by `_Formatter`."""

    def make_formatter(self) -> click.HelpFormatter:
        """A formatter for the person's language, as wide as this context wants it."""
        formatter = _Formatter(width=self.terminal_width, max_width=self.max_content_width)
        formatter.lang = _language_of(self)
        return formatter


class LazyGroup(click.Group):
    """A group whose commands are files: listing them reads their docstrings, running one imports it alone."""

    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, sorted."""
        return sorted(self._files())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, in the language of the person who asked; None where there is no such file."""
        path = self._files().get(cmd_name)
        if path is None:
            return None
        module = importlib.import_module(f"{PACKAGE}.{path.stem}")
        return localised(module.command, _language_of(ctx))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but offering near matches of commands that are not loaded."""
        if args and not args[0].startswith("-") and args[0] not in self._files() and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help of the group itself, in the language of the person."""
        click.Group.format_help(localised(self, _language_of(ctx)), ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for `--help`, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(ctx, name)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Command names and global options, without importing any command."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._short_help(ctx, name)) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; whatever goes wrong becomes one sentence on standard error and an exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except SentinelError as error:
            _complain(current().said(error))
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            _complain(current().say("interrupted; what was written until then is kept."))
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            _silence_stdout()
            ctx.exit(EXIT_PIPE)
        except OSError as error:
            if error.errno not in _OUTPUT_ERRNOS:
                self._internal(ctx, error)
            _complain(f"{error.filename or current().say('standard output')}: {error.strerror}")
            ctx.exit(OutputError.exit_code)
        except Exception as error:
            self._internal(ctx, error)

    def _internal(self, ctx: click.Context, error: Exception) -> NoReturn:
        """A defect of this program: the traceback goes to a log, and with -v to the screen too."""
        import traceback

        settings = current()
        details = "".join(traceback.format_exception(error))
        if settings.verbose:
            click.echo(details, err=True, nl=False)
        say = settings.say
        what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        log = _write_log(details)
        if log is None:
            _complain(say("an error inside Sentinel ({what}); please report it with the output of -v.", what=what))
        else:
            _complain(say("an error inside Sentinel ({what}); please report it with {log}.", what=what, log=log))
        ctx.exit(EXIT_INTERNAL)

    @staticmethod
    def _files() -> dict[str, Path]:
        own = Path(__file__).stem
        files = (p for p in FOLDER.glob("*.py") if not p.stem.startswith("_") and p.stem != own)
        # `import_.py` is the command `import`, a word that no module may be called
        return {p.stem.rstrip("_").replace("_", "-"): p for p in files}

    def _short_help(self, ctx: click.Context, name: str) -> str:
        """The first line of a command file's docstring, in the language of the person."""
        docstring = ast.get_docstring(ast.parse(self._files()[name].read_bytes())) or ""
        return translated(docstring.partition("\n")[0], _language_of(ctx))


def localised(command: C, lang: str) -> C:
    """A copy of the command whose help texts are in `lang`; texts that the catalogue lacks stay English."""
    if lang == "en":
        return command
    twin = copy.copy(command)
    twin.context_class = _Context
    twin.help = _paragraphs(command.help, lang)
    twin.short_help = translated(command.short_help, lang) if command.short_help else None
    twin.params = []
    for parameter in command.params:
        other = copy.copy(parameter)
        if isinstance(other, click.Option) and other.help:
            other.help = translated(other.help, lang)
        twin.params.append(other)
    if isinstance(twin, click.Group):
        twin.commands = {name: localised(sub, lang) for name, sub in twin.commands.items()}
    return twin


def _paragraphs(help_text: str | None, lang: str) -> str | None:
    """A help text, paragraph by paragraph; click's `\\b` (keep the lines as they are) stays where it is."""
    if help_text is None:
        return None
    parts = []
    for paragraph in inspect.cleandoc(help_text).split("\n\n"):
        keeps_lines = paragraph.startswith("\b")
        parts.append(paragraph if keeps_lines else translated(" ".join(paragraph.split()), lang))
    return "\n\n".join(parts)


def _language_of(ctx: click.Context) -> str:
    found = ctx.find_object(Settings)
    return found.lang if found is not None else ctx.params.get("lang") or language(os.environ)


def _complain(sentence: str) -> None:
    click.echo(tame(f"sentinel: {sentence}"), err=True)


def _silence_stdout() -> None:
    """Let the interpreter's own last flush go nowhere: the reader of the pipe is gone."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")


def _write_log(details: str) -> Path | None:
    """Keep a traceback in the cache folder; None where nothing can be written there."""
    import datetime

    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    path = cache_folder() / "log" / f"error-{stamp}-{os.getpid()}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"arguments: {sys.argv[1:]}\n{details}", encoding="utf-8")
    except OSError:
        return None
    return path


def _print_version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    from sentinel.cli import _build

    click.echo(_build.line())
    ctx.exit()


def _start_log(verbose: int, quiet: bool) -> None:
    """Warnings of the program itself go to standard error; -v shows what it does, -vv everything."""
    import logging

    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="sentinel: %(levelname)s: %(name)s: %(message)s", stream=sys.stderr)


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Sentinel reads captures of industrial networks and says who is there, what they speak and what happened.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version, the build and the Python that runs it.",
)  # fmt: skip
@click.option("-v", "--verbose", count=True, help="Say what is done (-vv: everything); show tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what was asked for.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), is_eager=True,
    help="Language of what people read; otherwise SENTINEL_LANG or the locale decides.",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context, verbose: int, quiet: bool, lang: str | None) -> None:
    """The root of all commands."""
    ctx.obj = Settings(lang or language(os.environ), verbose, quiet)
    _start_log(verbose, quiet)


def main() -> None:
    """The console script."""
    if sys.stdout is None:
        # Closed by the caller. The first file opened, perhaps the case's, must not become descriptor 1.
        sys.stdout = open(os.devnull, "w")
    # looking for garbage among what is imported, which stays, would take a tenth of the time to start
    gc.set_threshold(100_000, 20, 100)
    # numpy would start a thread of linear algebra on every core, which nothing here uses
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        cli(prog_name="sentinel")
    finally:
        # nor is it looked for at the end, which would take as long as starting did: the system takes all back
        gc.freeze()


if __name__ == "__main__":
    main()
