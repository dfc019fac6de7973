"""Run a small plant of our own with real protocol stacks, record it with labels, and check stored captures."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from sentinel import resources
from sentinel.cli._settings import current
from sentinel.errors import MissingExtra, OutputError, UsageError

_NEEDS = {"modbus": ("pymodbus",), "s7": ("snap7",), "dnp3": ("py1815", "opendnp3")}


@click.group("exercise")
def command() -> None:
    """Run a plant of our own and record it with labels; nothing outside it is ever contacted."""


@command.command("list")
def list_scenarios() -> None:
    """List the scenarios, with how long each runs."""
    from sentinel.exercise.scenarios import LONG_SCENARIOS, SCENARIOS

    for scenario in (*SCENARIOS.values(), *LONG_SCENARIOS.values()):
        sentence = scenario.zh if current().lang == "zh" else scenario.en
        click.echo(f"{scenario.name:<16}{scenario.seconds:>4.0f} s  {sentence}")


@command.command("run")
@click.argument("names", metavar="SCENARIO...", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Output folder.")
@click.option("--loopback", is_flag=True, help="Run on 127.0.0.0/8 even where namespaces are to be had.")
def run(names: tuple[str, ...], output: Path, loopback: bool) -> None:
    """Run scenarios (`all` for every short one) and store capture, labels and manifest line."""
    from sentinel.exercise import manifest, namespaces
    from sentinel.exercise.scenario import perform
    from sentinel.exercise.scenarios import LONG_SCENARIOS, SCENARIOS

    known = SCENARIOS | LONG_SCENARIOS
    wanted = list(SCENARIOS) if names == ("all",) else list(names)
    for name in wanted:
        if name not in known:
            raise UsageError(
                "there is no scenario {name!r}: `sentinel exercise list` names them", name=name
            )
    _require({server for name in wanted for server in known[name].serves.values()})
    reason = "" if loopback else namespaces.available()
    if reason:
        sentence = current().say(
            "no network namespaces here ({reason}): running on loopback, with rewritten addresses", reason=reason
        )
        click.echo(sentence, err=True)
    for name in wanted:
        click.echo(f"{name}: about {known[name].seconds:.0f} s", err=True)
        performance = perform(known[name], loopback=loopback or bool(reason))
        try:
            path = manifest.store(performance, output)
        except OSError as error:
            why = error.strerror or error
            raise OutputError("{path}: {why}: choose another folder with -o", path=output, why=why) from error
        for done in performance.ran:
            if done.step.kind != "background":
                count = sum(last - first + 1 for first, last in done.frames)
                click.echo(f"  {done.step.kind:<12} {done.step.label:<26}{count:>5} frames  {done.outcome}", err=True)
        click.echo(f"{path}: {len(performance.recording.frames)} frames")


@command.command("verify")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def verify(directory: Path | None) -> None:
    """Check that captures, labels and manifest of DIRECTORY (default: those that come with Sentinel) agree."""
    from sentinel.exercise import manifest

    directory = resources.pcaps() if directory is None else directory
    problems = manifest.verify(directory)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    n = len(manifest.read(directory))
    click.echo(current().say("{n} captures agree with {path}", n=n, path=directory / manifest.MANIFEST))


def _require(servers: set[str]) -> None:
    """Stop with one sentence where the stacks that these servers need are not installed."""
    modules = sorted(module for server in servers for module in _NEEDS[server])
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingExtra("the exercise needs {names}: run `pip install sentinel-ics[lab]`", names=", ".join(missing))
