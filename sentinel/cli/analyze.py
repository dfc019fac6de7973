"""Read captures into a case and say who is there, what they speak and what happened."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sentinel.cli._analysis import STDIN, analysed, exit_code, print_page
from sentinel.cli._settings import current
from sentinel.cli._spread import spread_options, spread_over
from sentinel.errors import InputError, RuleError, UsageError

MAX_WRONG = 5
"""Problems of rule files that are named; `sentinel rules lint` names them all."""


@click.command(
    "analyze",
    help="""Read captures into a case and say who is there, what they speak and what happened.

    PATH is a capture (pcap or pcapng; gzip, zstd, xz, lz4 or bzip2 around it), a folder of them, or - for standard
    input. The case is a folder: made where there is none, added to where there is one. The same capture is never
    counted twice.

    Exit codes: 0 everything was read, whatever was found; 3 nothing could be read; 4 the case cannot be used; 5 a
    capture was read up to a fault; 130 interrupted. See docs/exit-codes.md.
    """,
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--case", "-c", "folder", required=True, envvar="SENTINEL_CASE", show_envvar=True,
    type=click.Path(path_type=Path), help="Folder of the case.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the page.")
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="A folder of Sigma rules to use as well as the shipped ones; may be repeated.",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No progress and no page.")
@spread_options
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    folder: Path,
    as_json: bool,
    rules: tuple[Path, ...],
    quiet: bool,
    jobs: int | None,
    cluster: str | None,
    scratch: Path | None,
) -> None:
    """Analyse captures into a case."""
    settings = current()
    quiet = quiet or settings.quiet
    if len(paths) != len(set(paths)):
        raise UsageError("the same path is given twice")
    sources = [_source(path) for path in paths]
    _must_be_rules(rules)
    with spread_over(folder, sources, jobs, cluster, scratch) as spread:
        summary = analysed(sources, folder, rules, settings, not quiet and not as_json, spread)
    code = exit_code(summary)
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, default=str))
    elif not quiet and code != InputError.exit_code:
        print_page(summary, folder, settings)
    ctx.exit(code)


def _must_be_rules(paths: tuple[Path, ...]) -> None:
    """RuleError where one of these files or folders holds no rule, or something that is none."""
    if not paths:
        return
    from sentinel.rules.load import RuleSet, find, shipped

    files = {path: [str(file) for file in find([path])] for path in paths}
    for path, inside in files.items():
        if not inside:
            raise RuleError("no rule (*.yml) in {path}", path=path)
    own = {name for inside in files.values() for name in inside}
    wrong = [str(problem) for problem in RuleSet.load([shipped(), *paths]).problems if problem.path in own]
    if wrong:
        raise RuleError("{problems}", problems="\nsentinel: ".join(wrong[:MAX_WRONG]))


def _source(path: str) -> Path | str:
    """A path as the pipeline takes it; InputError where there is nothing."""
    if path == STDIN:
        return STDIN
    source = Path(path)
    if not source.exists():
        raise InputError("{path}: no such file or folder", path=path)
    if not (source.is_file() or source.is_dir()):
        raise InputError("{path}: neither a file nor a folder; give a pipe as standard input", path=path)
    return source
