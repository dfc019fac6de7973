"""Check the sensor's configuration file, or print one with every key and what it means."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from sentinel.cli._settings import current


@click.group("config", help="Check the sensor's configuration file, or print one with every key and what it means.")
def command() -> None:
    """The sensor's configuration."""


@command.command("check", help="Say whether a configuration file can be used; exit code 2 and the key where it cannot.")
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Read a file as the sensor does, its rules included."""
    from sentinel.sensor.config import Config
    from sentinel.sensor.start import rules_of

    settings = current()
    config = Config.read(path)
    rules = rules_of(config)
    click.echo(settings.say("{path}: good; {n} rules", path=path, n=len(rules.rules)))


@command.command("example", help="Print a configuration file with every key, its default and what it means.")
def example() -> None:
    """Every key, commented."""
    from sentinel.sensor.config import Config

    settings = current()
    config = Config()
    for one in fields(config):
        value = getattr(config, one.name)
        if one.metadata:
            _key(one.name, value, one.metadata[settings.lang])
    for one in fields(config):
        table = getattr(config, one.name)
        if one.metadata:
            continue
        click.echo(f"\n[{one.name}]")
        for key in fields(table):
            _key(key.name, getattr(table, key.name), key.metadata[settings.lang])


def _key(name: str, value: object, sentence: str) -> None:
    said = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
    click.echo(f"# {sentence}\n# {name} = {said}")
