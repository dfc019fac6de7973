"""Show how a running sensor does: ports, losses, queue, latency of alerts, memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sentinel.cli._case import case_option
from sentinel.cli._format import tame
from sentinel.cli._settings import Settings, current
from sentinel.errors import CaseError, InputError, Sentence, SinkError

FRESH_SECONDS = 5
"""A status that is older was not written by a sensor that runs."""


@click.command(
    "status",
    help="""Show how a running sensor does: ports, losses, queue, latency of alerts, memory.

    Exit codes: 0 a sensor runs on this case; 1 none does, and what is shown is the last that one wrote; 4 no sensor
    ever ran on it.
    """,
)
@case_option
@click.option("--json", "as_json", is_flag=True, help="Print the status file as it is.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool, watch: bool) -> None:
    """The status of a sensor."""
    settings = current()
    while True:
        status = _read(folder)
        runs = _runs(status)
        if as_json:
            click.echo(json.dumps(status, ensure_ascii=False))
        else:
            for name, value in _lines(status, runs, settings):
                click.echo(f"{name:<24}{value}")
        if not watch:
            ctx.exit(0 if runs else 1)
        time.sleep(1)
        click.echo("")


def _read(folder: Path) -> dict[str, Any]:
    """The status file; CaseError where there is none."""
    path = folder / "status.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CaseError("{path}: no sensor ever ran on this case", path=folder) from error
    except (OSError, ValueError) as error:
        raise InputError("{path}: cannot be read ({why})", path=path, why=error) from error


def _runs(status: dict[str, Any]) -> bool:
    """Whether its writer is still there, and writes."""
    return time.time_ns() - status["time"] < FRESH_SECONDS * 1_000_000_000 and os.path.exists(f"/proc/{status['pid']}")


def _steps(relief: dict[str, Any], settings: Settings) -> str:
    """The steps against want of memory that were taken, with how often."""
    said = {
        "free": settings.say("free memory"),
        "batches": settings.say("batches"),
        "run": settings.say("the run"),
        "counts": settings.say("counts of the inventory"),
        "flows": settings.say("flows"),
        "values": settings.say("read values"),
    }
    return ", ".join(f"{said[step]} {n} ×" for step, n in relief["taken"].items() if n and step in said)


def _room(room: dict[str, Any], settings: Settings) -> Iterator[tuple[str, str]]:
    """How large the case is, and what it gave up for that."""
    say = settings.say
    used = f"{room['used'] >> 20:,}"
    most = f"{room['most'] >> 20:,}"
    yield say("case"), say("{used} MiB of {most}", used=used, most=most) if room["most"] else f"{used} MiB"
    if room["counted"]:
        yield "", say("{n} messages became counts: sentinel show polls", n=f"{room['counted']:,}")
    if room["dropped"]:
        yield "", say("{n} counts and flows were dropped: sentinel show thinned", n=f"{room['dropped']:,}")
    if room["stuck"]:
        yield "", say("nothing is left that may be given up: begin a new case, or allow more room")


def _rows(sink: dict[str, Any], settings: Settings) -> Iterator[str]:
    """What became of a receiver's rows; an older sensor did not say, and a young one has not counted yet."""
    say = settings.say
    if sink.get("idle") is not None:
        yield say("took something {seconds} s ago", seconds=f"{sink['idle']:.0f}")
    if sink.get("rows"):
        numbers = {name: f"{n:,}" for name, n in sink["rows"].items()}
        yield say(
            "{sent} sent, {waiting} waiting, {refused} refused, {left_out} left out, {held} held, {dropped} dropped",
            **numbers,
        )


def _lines(status: dict[str, Any], runs: bool, settings: Settings) -> Iterator[tuple[str, str]]:
    say = settings.say
    age = (time.time_ns() - status["time"]) / 1e9
    if runs:
        hours = (status["time"] - status["started"]) / 3.6e12
        yield say("sensor"), say("running, process {pid}, for {hours} h", pid=status["pid"], hours=f"{hours:.1f}")
    else:
        yield say("sensor"), say("not running; this was {seconds} s ago", seconds=f"{age:.0f}")
    for port in status["ports"]:
        yield port["port"], say(
            "{frames} frames, {rate} a second, {dropped} lost", frames=f"{port['frames']:,}",
            rate=f"{port['frames_per_second']:,}", dropped=f"{port['dropped']:,}",
        )  # fmt: skip
        for name, sender in port.get("senders", {}).items():  # one that an older sensor wrote has none
            counts = {"frames": f"{sender['frames']:,}", "missing": f"{sender['missing']:,}"}
            yield "", tame(say("{name}: {frames} frames, {missing} never came", name=name, **counts))
        if port.get("refused"):
            yield "", say("{n} from senders that are not listened to", n=f"{port['refused']:,}")
        if port["silent"]:
            yield "", say("silent: check the cable and the mirror session")
    for worker in status.get("workers", ()):  # one that an older sensor wrote has none
        yield say("worker {n}", n=worker["worker"]), say(
            "{frames} frames, {dropped} lost in its ring; replaced {restarts} times, {lost} lost with that",
            **{name: f"{worker[name]:,}" for name in ("frames", "dropped", "restarts", "lost")},
        )  # fmt: skip
    queue, latency = status["queue"], status["latency"]
    yield say("queue"), say("{waiting} of {most}, at most {deepest}", **queue)
    if latency["alerts"]:
        yield say("alerts"), say(
            "{n} at once; {mean} s from the frame to the case, at worst {worst} s", n=latency["alerts"],
            mean=f"{latency['mean']:.2f}", worst=f"{latency['worst']:.2f}",
        )  # fmt: skip
    yield say("open flows"), f"{status['open_flows']:,}"
    if status["evicted_flows"]:
        yield "", say("{n} were given up: more than are kept", n=f"{status['evicted_flows']:,}")
    if status["one_sided"] is not None:
        yield say("one-sided"), f"{100 * status['one_sided']:.0f} %"
    if status["clock_steps"]:
        yield say("clock was set"), f"{status['clock_steps']} ×"
    for sink in status.get("sinks", ()):  # one that an older sensor wrote has none
        yield say("receiver"), tame(sink["receiver"])
        if sink["kept"]:
            problem = settings.said(SinkError("{problems}", problems=Sentence.again(sink["kept"])))
            seconds = f"{sink['down']:.0f}"
            yield "", tame(say("gets nothing for {seconds} s: {problem}", seconds=seconds, problem=problem))
        yield from (("", line) for line in _rows(sink, settings))
        if sink["refused"]:
            yield "", say("refused {n} documents; see why with: sentinel send --refused", n=f"{sink['refused']:,}")
    yield say("segment"), status["segment"] or say("frames are not kept")
    if "room" in status:
        yield from _room(status["room"], settings)
    yield say("memory"), f"{status['memory'] >> 20} MiB"
    if "relief" in status and status["relief"]["level"]:
        relief = status["relief"]
        steps = _steps(relief, settings)
        yield "", say("of {most} MiB; given up so far: {steps}", most=relief["cap"] >> 20, steps=steps)
        if relief["values"]:
            yield "", say("{n} values were not kept", n=f"{relief['values']:,}")
    seccomp = status.get("seccomp", "off")  # one that an older sensor wrote has none
    shown = {"on": say("on"), "off": say("off")}
    yield "seccomp", shown.get(seccomp) or say("off: {why}", why=seccomp)
    yield say("processor"), f"{100 * status['cpu']:.0f} %"
