"""Write an empty list or questionnaire for the client to fill in."""

from __future__ import annotations

from pathlib import Path

import click

from sentinel.cli._client import check_free
from sentinel.cli._settings import current


@click.command(
    "template",
    help="""Write an empty list or questionnaire for the client to fill in, with instructions in Chinese and English.

    WHAT is assets, zones, tags, tickets or questionnaire. The format follows from the file's name: .xlsx (with
    drop-down lists), .csv or .yaml.
    """,
)
@click.argument("what", metavar="WHAT", type=click.Choice(["assets", "zones", "tags", "tickets", "questionnaire"]))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def command(what: str, output: Path, force: bool) -> None:
    """Write one template."""
    from sentinel.assess import templates

    settings = current()
    check_free(output, force)
    templates.write(what, output, settings.lang)
    if not settings.quiet:
        click.echo(settings.say("written: {path}", path=output))
