"""Take new rules and knowledge from a signed file, go back, or make such a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentinel.cli._settings import Settings, current
from sentinel.errors import UpdateError, UsageError

if TYPE_CHECKING:
    from sentinel.update.archive import Manifest
    from sentinel.update.place import Placed

SHOWN = 20
"""Findings that are printed without -v."""

_path = click.Path(path_type=Path)


@click.command(
    "update",
    help="""Take new rules and knowledge from a signed file, go back, or make such a file.

    FILE is checked before anything changes: its signature, every file of it, each rule as `sentinel rules lint` does,
    each pack as `sentinel pack check` does. Then it is put in place in one step. A sensor takes it when it is told to
    reload. Nothing in FILE is ever executed, and nothing is fetched from a network.

    Exit codes: 0 done; 2 options that make no sense together; 6 no library for signatures; 7 the folder of updates
    cannot be written; 11 refused, and nothing changed. See docs/updates.md.
    """,
)
@click.argument("file", required=False, type=_path)
@click.option(
    "--trust", "trusted", multiple=True, type=_path,
    help="Public key (PEM) to trust instead of those in /etc/sentinel/keys; may be repeated.",
)  # fmt: skip
@click.option("--allow-unsigned", is_flag=True, help="Take a file that nobody signed.")
@click.option("--allow-older", is_flag=True, help="Take a version that is older than what is in place.")
@click.option("--rollback", is_flag=True, help="Go back to the update before, or to the rules that came along.")
@click.option("--status", is_flag=True, help="Say which rules are in place, and whose.")
@click.option("--json", "as_json", is_flag=True, help="With --status: one JSON object.")
@click.option(
    "--make", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Make an update of a folder with sigma, frameworks, knowledge ... in it.",
)  # fmt: skip
@click.option("-o", "--output", type=_path, help="With --make: the file to write.")
@click.option("--key", type=_path, help="With --make: private key (PEM) to sign with; without it nobody signed.")
@click.option("--version", "version", help="With --make: up to four numbers with dots; otherwise the day and minute.")
def command(
    file: Path | None,
    trusted: tuple[Path, ...],
    allow_unsigned: bool,
    allow_older: bool,
    rollback: bool,
    status: bool,
    as_json: bool,
    folder: Path | None,
    output: Path | None,
    key: Path | None,
    version: str | None,
) -> None:
    """One of the four things that can be done."""
    settings = current()
    if [file is not None, rollback, status, folder is not None].count(True) != 1:
        raise UsageError("say one of: a FILE, --rollback, --status, --make FOLDER")
    if folder is not None:
        _make(folder, output, version, key, settings)
    elif file is not None:
        _apply(file, trusted, allow_unsigned, allow_older, settings)
    elif rollback:
        _rollback(settings)
    else:
        _status(as_json, settings)


def _apply(file: Path, trusted: tuple[Path, ...], allow_unsigned: bool, allow_older: bool, settings: Settings) -> None:
    from sentinel import signing
    from sentinel.update import place

    try:
        fresh = place.apply(file, signing.trusted(trusted), allow_unsigned, allow_older)
    except UpdateError as error:
        _show(error.problems, settings)
        raise
    if settings.quiet:
        return
    if fresh:
        click.echo(settings.say("{version} is in place; a sensor takes it when told to: systemctl reload sentinel",
                                version=place.history()[-1].version))  # fmt: skip
    else:
        click.echo(settings.say("{path} is in place already", path=file))


def _rollback(settings: Settings) -> None:
    from sentinel.update import place

    before = place.rollback()
    if settings.quiet:
        return
    if before is None:
        click.echo(settings.say("the rules that came with the program are in place again"))
    else:
        click.echo(settings.say("{version} is in place again", version=before.version))


def _status(as_json: bool, settings: Settings) -> None:
    from sentinel import resources
    from sentinel.update import place

    placed = place.history()
    if as_json:
        rows = [_row(one) for one in reversed(placed)]
        used = bool(placed) and placed[-1].used
        said = {"folder": str(resources.updates()), "rulesets": str(resources.rulesets()), "used": used}
        click.echo(json.dumps(said | {"updates": rows}, ensure_ascii=False, indent=1))
        return
    click.echo(settings.say("rules, packs and knowledge: {folder}", folder=resources.rulesets()))
    if not placed:
        click.echo(settings.say("no update is in place"))
    for one in reversed(placed):
        made, applied = _day(one.made), _day(one.applied)
        if one.signed_by is None:
            click.echo(settings.say("{version}: made {made}, taken {applied}, signed by nobody that is trusted",
                                    version=one.version, made=made, applied=applied))  # fmt: skip
        else:
            click.echo(settings.say("{version}: made {made}, taken {applied}, signed by {key}",
                                    version=one.version, made=made, applied=applied, key=one.signed_by))  # fmt: skip
    if placed and not placed[-1].used:
        click.echo(settings.say("not used: version {program} of the program checked it; take the file again",
                                program=placed[-1].program))  # fmt: skip


def _make(folder: Path, output: Path | None, version: str | None, key: Path | None, settings: Settings) -> None:
    from sentinel.update import archive, place

    if output is None:
        raise UsageError("name the file to write: -o FILE")
    chosen = version if version is not None else time.strftime("%Y.%-m.%-d.%-H%M", time.gmtime())
    if not archive.is_version(chosen):
        raise UsageError("{version} is no version: up to four numbers with dots between", version=chosen)
    try:
        made: Manifest = place.make(folder, output, chosen, key)
    except UpdateError as error:
        _show(error.problems, settings)
        raise
    if settings.quiet:
        return
    if made.signed_by is None:
        click.echo(settings.say("{path}: version {version}, {n} files, not signed",
                                path=output, version=chosen, n=len(made.files)))  # fmt: skip
    else:
        click.echo(settings.say("{path}: version {version}, {n} files, signed by {key}",
                                path=output, version=chosen, n=len(made.files), key=made.signed_by))  # fmt: skip


def _show(problems: tuple[str, ...], settings: Settings) -> None:
    shown = problems if settings.verbose else problems[:SHOWN]
    for problem in shown:
        click.echo(problem, err=True)
    if len(problems) > len(shown):
        click.echo(settings.say("… and {n} more; -v shows all", n=len(problems) - len(shown)), err=True)


def _row(one: Placed) -> dict[str, Any]:
    names = ("version", "name", "made", "applied", "signed_by", "program")
    return {name: getattr(one, name) for name in names}


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
