"""Write the frames of an alert to a capture that opens in Wireshark."""

from __future__ import annotations

from pathlib import Path

import click

from sentinel.cli._case import case_option, check_writable, opened
from sentinel.cli._settings import current


@click.command(
    "evidence",
    help="""Write the frames of an alert to a capture that opens in Wireshark; comments on the packets name the alert.

    ALERT is an alert's id, or as much of its beginning as no other alert shares. The captures must be unchanged: their
    SHA-256 is compared. Where they were moved, say where to with --look-in.
    """,
)
@click.argument("alert")
@case_option
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The pcapng file to write."
)
@click.option(
    "--context", type=click.IntRange(min=0), default=0, show_default=True,
    help="So many frames of the same flows before and after each frame as well.",
)  # fmt: skip
@click.option(
    "--look-in", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to which captures were moved; may be repeated.",
)  # fmt: skip
def command(alert: str, folder: Path, output: Path, context: int, look_in: tuple[Path, ...]) -> None:
    """Write the evidence of one alert."""
    from sentinel.cli._query import unique_alert
    from sentinel.store import evidence

    settings = current()
    check_writable(output)
    with opened(folder) as case:
        row = unique_alert(case.scan("alerts"), alert)
        written = evidence.slice(case, str(row["alert"]), output.resolve(), context, look_in)
    if settings.quiet:
        return
    title = row[f"title_{settings.lang}"] or row["name"]
    click.echo(
        settings.say("{file}: alert {alert}, {title}; frames: {frames}, of which evidence: {evidence}", file=output,
            alert=row["alert"], title=title, frames=written.frames, evidence=written.evidence)
    )  # fmt: skip
    for capture, frame in written.missing:
        say = settings.say("capture {capture} does not hold frame {frame} any more", capture=capture, frame=frame)
        click.echo(f"sentinel: {say}", err=True)
