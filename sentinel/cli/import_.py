"""Import what the client knows: assets, zones and conduits, tags, change tickets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.cli._case import case_option
from sentinel.cli._client import author_option, report_refusals
from sentinel.cli._format import tame
from sentinel.cli._settings import Settings, current
from sentinel.errors import UsageError

if TYPE_CHECKING:
    from sentinel.assess.imports import Reading, Stored


@click.command(
    "import",
    help="""Import what the client knows: assets, zones and conduits, tags, change tickets.

    WHAT is assets, zones, tags or tickets; FILE is csv (UTF-8 or GB18030), xlsx or YAML, with headings in Chinese or
    English. A row with a bad cell is refused, with its place and reason, and the others are taken. Importing a
    corrected file again keeps what people changed in the case. Templates: sentinel template.

    \b
    sentinel import assets assets.xlsx --case acme
    sentinel import assets list.csv --case acme --map "Rack no.=location"
    sentinel import tickets changes.csv --case acme --timezone Asia/Shanghai
    """,
)
@click.argument("what", metavar="WHAT", type=click.Choice(["assets", "zones", "tags", "tickets"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@case_option
@click.option(
    "--map", "pairs", metavar="COLUMN=FIELD", multiple=True, help="Take a column for a field; may be repeated."
)
@click.option(
    "--timezone", metavar="ZONE",
    help="Zone of times that are written without one, as Asia/Shanghai or +08:00; otherwise that of this machine.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Take back what an earlier file brought and this one lacks.")
@author_option
def command(
    what: str, file: Path, folder: Path, pairs: tuple[str, ...], timezone: str | None, replace: bool, author: str
) -> None:
    """Import one file."""
    from sentinel.assess import imports, timezones
    from sentinel.store.case import Case

    settings = current()
    zone, zone_name = timezones.time_zone(timezone)
    reading = imports.read(file, what, _columns(pairs), zone)
    with Case.open(folder, "decide") as case:
        if what == "zones":
            known = {zone: entry["value"] for zone, entry in case.current("zone").items()}
            reading = imports.check_zones(reading, known)
        stored = imports.store(case, reading, author, replace)
    if not settings.quiet:
        _say(settings, file, reading, stored, replace)
        if reading.local_times:
            click.echo(settings.say("times without a time zone were read as {zone}", zone=zone_name))
    report_refusals(file, reading.refusals)


def _columns(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        column, equals, field = pair.rpartition("=")
        if not equals or not column.strip() or not field.strip():
            raise UsageError("--map {pair!r} is not COLUMN=FIELD, as in Rack=location", pair=pair)
        found[column.strip()] = field.strip()
    return found


def _say(settings: Settings, file: Path, reading: Reading, stored: Stored, replace: bool) -> None:
    """What was taken, which columns nobody reads, which edits were kept."""
    counts = {"new": stored.new, "changed": stored.changed, "same": stored.same}
    click.echo(settings.say("{file}: {new} new, {changed} changed, {same} unchanged", file=file, **counts))
    if reading.ignored:
        click.echo(tame(settings.say("columns that were not read: {names}", names=", ".join(reading.ignored))))
    for name in stored.kept:
        click.echo(tame(settings.say("kept as it was edited in the case, against the file: {name}", name=name)))
    if stored.missing:
        names = ", ".join(stored.missing[:10]) + (" …" if len(stored.missing) > 10 else "")
        if replace:
            sentence = settings.say("taken back: {names}", names=names)
        else:
            sentence = settings.say("not in this file, left as it was (--replace takes it back): {names}", names=names)
        click.echo(tame(sentence))
