"""Analyse a capture that comes with Sentinel and contains an attack, and write the report about it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from sentinel import resources
from sentinel.cli._analysis import analysed, exit_code, print_page
from sentinel.cli._settings import Settings, current
from sentinel.errors import InputError

FIRST = "plant-attack"
"""The capture that shows most: several devices and protocols, and an attack on them."""
CAPTURES = ("*.pcapng", "*.pcap", "*.pcapng.zst", "*.pcap.gz")


@click.command(
    "demo",
    help="""Analyse a capture that comes with Sentinel and contains an attack on a small plant, and write the report.

    Without NAME it takes the first, which has an invented client with lists and answers; `sentinel demo --list` names
    them all.
    """,
)
@click.argument("name", required=False)
@click.option(
    "--case", "-c", "folder", type=click.Path(path_type=Path), help="Folder of the case; otherwise a new temporary one."
)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the report; otherwise `report` beside the case.",
)  # fmt: skip
@click.option("--no-report", is_flag=True, help="Stop after the analysis.")
@click.option("--list", "list_only", is_flag=True, help="Name the captures there are.")
@click.pass_context
def command(
    ctx: click.Context, name: str | None, folder: Path | None, output: Path | None, no_report: bool, list_only: bool
) -> None:
    """Analyse a bundled capture, print the page and write the report."""
    settings = current()
    captures = bundled()
    if list_only:
        for path in captures.values():
            click.echo(path.name)
        return
    if not captures:
        raise InputError("no capture came with this installation")
    if name is not None and name not in captures:
        raise InputError("no capture {name!r}; there are {names}", name=name, names=", ".join(captures))
    chosen_name = name if name is not None else next(iter(captures))
    chosen = captures[chosen_name]
    case = folder if folder is not None else Path(tempfile.mkdtemp(prefix="sentinel-demo-")) / "case"
    summary = analysed([chosen], case, None, settings, show_progress=not settings.quiet)
    if not settings.quiet:
        print_page(summary, case, settings)
    if not no_report:
        _report(chosen_name, case, output if output is not None else case.parent / "report", settings)
    ctx.exit(exit_code(summary))


def _report(name: str, folder: Path, out: Path, settings: Settings) -> None:
    """Take in what the client of the capture knows, assess, and write the report, unless it stands there already."""
    from sentinel.assess import example
    from sentinel.assess.snapshot import dump
    from sentinel.cli._assessing import assessed, keep, print_assessment, print_delivered, steps
    from sentinel.report.deliver import deliver
    from sentinel.store.case import Case

    client = example.folder_of(name)
    with Case.open(folder) as case:
        if client is not None:
            example.take_in(case, client)
        assessment = assessed(case, (), None, None, None, settings)
        captures = case.captures().to_dicts()
    keep(folder, assessment)
    if not settings.quiet:
        click.echo()
        print_assessment(assessment, settings)
    made = out / "assessment.json"
    if made.is_file() and made.read_bytes() == dump(assessment) and (out / "MANIFEST.sha256").is_file():
        if not settings.quiet:
            click.echo(settings.say("The report of this assessment is in {folder} already.", folder=out))
        return
    with steps(settings) as told:
        delivered = deliver(assessment, out, captures, told=told)
    print_delivered(delivered, out, settings)


def bundled() -> dict[str, Path]:
    """Captures that came with the program, by name without suffix: FIRST, then the other attacks, then the rest."""
    folder = resources.pcaps()
    found = sorted({path for pattern in CAPTURES for path in folder.rglob(pattern)})
    names = {path.name.partition(".")[0]: path for path in found}
    return dict(sorted(names.items(), key=lambda item: (item[0] != FIRST, "attack" not in item[0])))
