"""List, check, show, begin and export packs: standards and measures as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentinel.cli._settings import Settings, current
from sentinel.errors import OutputError, UsageError

if TYPE_CHECKING:
    from sentinel.assess.model import Pack

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group("pack")
def command() -> None:
    """List, check, show, begin and export packs: standards and measures as data.

    A pack is a folder; PACK is the id of one that comes with Sentinel, or the path of any other.
    """


@command.command("list")
@_json
def list_packs(as_json: bool) -> None:
    """List the packs that come with Sentinel."""
    from sentinel.assess import packs

    settings = current()
    loaded = [packs.load(name) for name in packs.available()]
    width = max(len(pack.id) for pack in loaded)
    for pack in loaded:
        if as_json:
            click.echo(json.dumps(_row(pack), ensure_ascii=False))
        else:
            mark = " " if pack.verified_by is not None else "*"
            click.echo(
                f"{pack.id:<{width}} {mark}{len(pack.controls):>5}  {pack.title.in_(settings.lang)} · {pack.edition}"
            )
    if not as_json and any(pack.verified_by is None for pack in loaded) and not settings.quiet:
        click.echo(settings.say("* not compared item by item with the official text; the report says so."), err=True)


@command.command("check")
@click.argument("folders", metavar="[PACK]...", nargs=-1)
def check_packs(folders: tuple[str, ...]) -> None:
    """Check packs against their schema, the checks, questions and packs they name, and their own counts.

    Without PACK all that come with Sentinel. Exit code 1 where there is something to mend.
    """
    from sentinel.assess import packs
    from sentinel.assess.checks.registry import checks
    from sentinel.assess.questions import questions

    settings = current()
    known = {name: tuple(check.params) for name, check in checks().items()}
    asked = set(questions())
    wanted = folders or tuple(packs.available())
    problems = 0
    for folder in wanted:
        for problem in packs.check(folder, known, asked):
            problems += 1
            click.echo(problem)
    if not settings.quiet:
        if problems:
            click.echo(settings.say("{n} packs, {found} findings.", n=len(wanted), found=problems), err=True)
        else:
            click.echo(settings.say("{n} packs, nothing to complain about.", n=len(wanted)), err=True)
    click.get_current_context().exit(1 if problems else 0)


@command.command("show")
@click.argument("name", metavar="PACK")
@click.option("--level", help="Only what is required at this level, class or grade.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole pack as one JSON object.")
def show_pack(name: str, level: str | None, as_json: bool) -> None:
    """Show what a pack is and each of its requirements."""
    from sentinel.assess import packs
    from sentinel.assess.snapshot import dump

    pack = packs.load(name)
    if level is not None and not any(level in control.levels for control in pack.controls):
        levels = ", ".join(sorted({each for control in pack.controls for each in control.levels})) or "-"
        raise UsageError("{pack} has no level {level}; it has {levels}", pack=pack.id, level=level, levels=levels)
    if as_json:
        click.echo(dump(pack).decode())
    else:
        _show(pack, level, current())


@command.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.argument("name", metavar="ID")
def new_pack(folder: Path, name: str) -> None:
    """Begin a pack: write the folder DIR/ID with a skeleton that passes the check."""
    from sentinel.assess import packs

    target = packs.new(folder, name)
    settings = current()
    if not settings.quiet:
        click.echo(settings.say("{path} is there; edit it, then run sentinel pack check {path}", path=target))


@command.command("export")
@click.argument("name", metavar="PACK")
@click.option("--oscal", is_flag=True, help="As an OSCAL catalog (JSON).")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; otherwise standard output.",
)  # fmt: skip
def export_pack(name: str, oscal: bool, output: Path | None) -> None:
    """Write a pack in a format that other tools read."""
    from sentinel.assess import packs
    from sentinel.assess.oscal import catalog

    if not oscal:
        raise UsageError("say which format: --oscal is the one there is")
    text = json.dumps(catalog(packs.load(name)), ensure_ascii=False, indent=1) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError("{path}: cannot be written: {why}", path=output, why=error.strerror) from error


def _row(pack: Pack) -> dict[str, Any]:
    title = {"zh": pack.title.zh, "en": pack.title.en}
    said = {name: getattr(pack, name) for name in ("verified_by", "verified_on", "valid_from", "valid_to")}
    return {
        "id": pack.id,
        "kind": pack.kind,
        "title": title,
        "edition": pack.edition,
        "controls": len(pack.controls),
        **said,
    }


def _show(pack: Pack, level: str | None, settings: Settings) -> None:
    lang = settings.lang
    click.echo(f"{pack.id}: {pack.title.in_(lang)}")
    click.echo(settings.say("Edition: {edition}", edition=pack.edition))
    click.echo(settings.say("Source: {source}", source=pack.source))
    if pack.valid_from is not None or pack.valid_to is not None:
        click.echo(settings.say("Valid: {begin} to {end}", begin=pack.valid_from or "", end=pack.valid_to or ""))
    if pack.verified_by is not None:
        click.echo(settings.say("Verified: {who}, {day}", who=pack.verified_by, day=pack.verified_on))
    about = pack.tables["about"]
    for text in (pack.watermark, about["basis"], about["notes"]):
        if text is not None:
            click.echo(text.in_(lang))
    group = None
    for control in pack.controls:
        if level is not None and level not in control.levels:
            continue
        if control.group != group:
            group = control.group
            click.echo(f"\n{group.in_(lang)}")
        tests = " ".join(test.check or test.question for test in control.tests)
        click.echo(f"  {control.id}  [{control.observability}]  {control.title.in_(lang)}")
        click.echo(f"      {control.paraphrase.in_(lang)}")
        if tests:
            click.echo(f"      {tests}")
