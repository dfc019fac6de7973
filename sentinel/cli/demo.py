"""Analyse a capture that comes with Sentinel and contains an attack."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from sentinel import resources
from sentinel.cli._analysis import analysed, exit_code, print_page
from sentinel.cli._settings import current
from sentinel.errors import InputError

FIRST = "plant-attack"
"""The capture that shows most: several devices and protocols, and an attack on them."""
CAPTURES = ("*.pcapng", "*.pcap", "*.pcapng.zst", "*.pcap.gz")


@click.command(
    "demo",
    help="""Analyse a capture that comes with Sentinel and contains an attack on a small plant.

    Without NAME it takes the first; `sentinel demo --list` names them all.
    """,
)
@click.argument("name", required=False)
@click.option(
    "--case", "-c", "folder", type=click.Path(path_type=Path), help="Folder of the case; otherwise a new temporary one."
)
@click.option("--list", "list_only", is_flag=True, help="Name the captures there are.")
@click.pass_context
def command(ctx: click.Context, name: str | None, folder: Path | None, list_only: bool) -> None:
    """Analyse a bundled capture and print the page."""
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
    chosen = captures[name] if name is not None else next(iter(captures.values()))
    case = folder if folder is not None else Path(tempfile.mkdtemp(prefix="sentinel-demo-")) / "case"
    summary = analysed([chosen], case, None, settings, show_progress=not settings.quiet)
    if not settings.quiet:
        print_page(summary, case, settings)
    ctx.exit(exit_code(summary))


def bundled() -> dict[str, Path]:
    """Captures that came with the program, by name without suffix: FIRST, then the other attacks, then the rest."""
    folder = resources.pcaps()
    found = sorted({path for pattern in CAPTURES for path in folder.rglob(pattern)})
    names = {path.name.partition(".")[0]: path for path in found}
    return dict(sorted(names.items(), key=lambda item: (item[0] != FIRST, "attack" not in item[0])))
