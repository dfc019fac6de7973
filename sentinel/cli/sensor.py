"""Listen at a mirror port for months: alerts within a second, everything else in the case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.cli._case import observer_option
from sentinel.cli._settings import current

if TYPE_CHECKING:
    from sentinel.sensor.crew import Crew
    from sentinel.sensor.loop import Sensor


@click.command(
    "sensor",
    help="""Listen at a mirror port for months: alerts within a second, everything else in the case.

    Not one frame is sent. What was captured is kept as segments beside the case, so that every alert leads to its
    frames; what was lost is counted. Ctrl-C and SIGTERM end in good order, SIGHUP reads rules and configuration again,
    SIGUSR1 writes the status to standard error.

    Exit codes: 0 it was told to stop; 2 a wrong configuration; 3 a port cannot be listened at; 4 the case cannot be
    used; 7 the disk refuses the segments; 10 a receiver's URI is of no use. See docs/sensor.md.
    """,
)
@click.option(
    "-i", "--interface", "interfaces", multiple=True, help="Port to listen at, - or tcp://HOST:PORT; may be repeated."
)
@click.option(
    "--case", "-c", "folder", required=True, envvar="SENTINEL_CASE", show_envvar=True,
    type=click.Path(path_type=Path), help="Folder of the case.",
)  # fmt: skip
@click.option(
    "--config", "config_file", type=click.Path(dir_okay=False, path_type=Path),
    help="Configuration file (TOML); options count more.",
)  # fmt: skip
@click.option(
    "--follow", "folders", multiple=True, type=click.Path(path_type=Path),
    help="Read the captures that another program drops into this folder; may be repeated.",
)  # fmt: skip
@click.option(
    "--receive", "mirrors", multiple=True, metavar="URI",
    help="Receive a mirror session: vxlan://0.0.0.0:4789, tzsp://0.0.0.0:37008, erspan://0.0.0.0; may be repeated.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes that share the interfaces, by pairs of addresses."
)
@click.option("--filter", "bpf", help="Capture filter, as tcpdump takes it.")
@click.option("--record", type=click.Path(path_type=Path), help="Folder for the segments instead of the case's own.")
@click.option("--no-record", is_flag=True, help="Keep no frames: alerts then cite frames that nobody can look at.")
@click.option("--user", help="Become this user when the ports are open.")
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="A folder of Sigma rules to use as well as the shipped ones; may be repeated.",
)  # fmt: skip
@click.option(
    "--sink", "sinks", multiple=True, metavar="URI",
    help="Send alerts and data there while it runs (docs/sinks.md); may be repeated.",
)  # fmt: skip
@observer_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    interfaces: tuple[str, ...],
    folder: Path,
    config_file: Path | None,
    folders: tuple[Path, ...],
    mirrors: tuple[str, ...],
    workers: int | None,
    bpf: str | None,
    record: Path | None,
    no_record: bool,
    user: str | None,
    rules: tuple[Path, ...],
    sinks: tuple[str, ...],
    observer: str | None,
    quiet: bool,
) -> None:
    """Listen until told to stop."""
    from sentinel.sensor.config import Config
    from sentinel.sensor.start import run
    from sentinel.sensor.upkeep import Orders

    settings = current()

    def configured() -> Config:
        config = Config() if config_file is None else Config.read(config_file)
        if interfaces or folders or mirrors:
            config.capture.interfaces = [*interfaces, *(f"follow:{path}" for path in folders), *mirrors]
        if workers is not None:
            config.capture.workers = workers
        if bpf is not None:
            config.capture.filter = bpf
        if record is not None:
            config.record.folder = str(record)
        if no_record:
            config.record.enabled = False
        if user is not None:
            config.life.user = user
        if observer is not None:
            config.life.observer = observer
        config.sinks += sinks
        config.rules += [str(path) for path in rules]
        return config

    def listening(sensor: Sensor | Crew) -> None:
        if not (quiet or settings.quiet):
            names = ", ".join(port.name for port in sensor.ports)
            click.echo(settings.say("listening at {names}; the case is {folder}", names=names, folder=folder), err=True)

    run(configured, folder, Orders(), listening)
