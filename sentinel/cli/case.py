"""Merge cases of several sensors, check that a case is whole, make it smaller, and say what it holds."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import click

from sentinel.cli._case import opened
from sentinel.cli._format import tame
from sentinel.cli._settings import current
from sentinel.errors import SentinelError, UsageError

_FOLDER = click.Path(file_okay=False, path_type=Path)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("case")
def command() -> None:
    """Merge cases of several sensors, check that a case is whole, make it smaller, and say what it holds."""


@command.command("merge")
@click.argument("out", type=_FOLDER)
@click.argument("cases", metavar="CASE...", nargs=-1, required=True, type=_FOLDER)
@click.option(
    "--apart", is_flag=True,
    help="The cases come from networks that have nothing to do with each other: look for no flows that two taps saw.",
)  # fmt: skip
@_json
def merge(out: Path, cases: tuple[Path, ...], apart: bool, as_json: bool) -> None:
    """Add to the case OUT what other cases hold; OUT is made where there is none.

    A capture that OUT holds already, by SHA-256, is left out, so the same merge again changes nothing. It is done
    whole or not at all. Where two taps saw the same flow, it is linked, and their clocks are compared: docs/scale.md.
    """
    from dataclasses import asdict

    from sentinel.store.case import Case
    from sentinel.store.union import merge_cases

    settings = current()
    if len({path.resolve() for path in (out, *cases)}) != len(cases) + 1:
        raise UsageError("the same case is given twice")
    with ExitStack() as stack:
        sources = [stack.enter_context(opened(path)) for path in cases]
        merged = merge_cases(stack.enter_context(Case.open(out)), sources, taps=not apart)
    if as_json:
        click.echo(json.dumps(asdict(merged), ensure_ascii=False))
        return
    if settings.quiet:
        return
    say = settings.say
    click.echo(
        say("{runs} runs over {captures} captures added; {known} captures were known.", runs=merged.runs,
            captures=merged.captures, known=merged.known)
    )  # fmt: skip
    click.echo(
        say("{entries} entries of the journal, {decisions} decisions about alerts and {assessments} assessments added.",
            entries=merged.entries, decisions=merged.decisions, assessments=merged.assessments)
    )  # fmt: skip
    for clock in merged.clocks:
        _say_clock(clock)
    if merged.twins:
        click.echo(say("{n} flows were seen by two taps; they are linked.", n=merged.twins))
    if merged.unlinked:
        click.echo(say("{n} flows were too many to be compared.", n=merged.unlinked), err=True)
    if merged.running:
        click.echo(say("{n} runs were left out, for their sensor has not ended them.", n=merged.running), err=True)


def _say_clock(clock: dict) -> None:
    settings = current()
    click.echo(
        tame(settings.say(
            "The clock of {tap} is {offset} s ahead of that of {other} (median of {matches}, ±{error} s).",
            tap=clock["tap"] or settings.say("this case"), offset=f"{clock['offset'] / 1e9:+.6f}",
            other=clock["other"] or settings.say("this case"), matches=clock["matches"],
            error=f"{clock['error'] / 1e9:.6f}",
        ))
    )  # fmt: skip


@command.command("compact")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--before", metavar="TIME", help="Count the reads of runs that ended before; ISO 8601, UTC where it names no zone."
)
@click.option(
    "--keep", metavar="SIZE",
    help="Go on until the case takes no more, as 500M or 20G: the oldest counts and flows are dropped.",
)  # fmt: skip
@_json
def compact(folder: Path, before: str | None, keep: str | None, as_json: bool) -> None:
    """Make a case smaller: reads become counts.

    Each run of repeated reads becomes a row of `polls`, its values rows of `trends`. Writes, controls, what identifies
    a device, faults, alerts and what they cite stay as they are. With neither option all reads are counted; only with
    --keep are counts and flows dropped, the oldest first. `sentinel show thinned` says what went. See docs/sensor.md.
    """
    import time
    from dataclasses import asdict

    from sentinel.cli._room import bytes_of, time_of
    from sentinel.store.case import Case
    from sentinel.store.retention import Limits
    from sentinel.store.retention import compact as steps

    settings = current()
    now = time.time_ns()
    age = max(0, now - time_of(before)) if before is not None else None if keep is not None else 0
    limits = Limits(size=bytes_of(keep) if keep is not None else None, messages=age)
    if not (folder / "case.db").is_file():
        opened(folder)  # which says that there is none
    with Case.open(folder) as case:
        was = sum(case.sizes().values())
        *_, state = steps(case, limits, now)
    if as_json:
        click.echo(json.dumps({"before": was, **asdict(state)}))
    elif not settings.quiet:
        click.echo(settings.say(
            "{counted} messages are counts now, {dropped} counts and flows are gone; {before} became {used} bytes.",
            counted=f"{state.counted:,}", dropped=f"{state.dropped:,}", before=f"{was:,}", used=f"{state.used:,}",
        ))  # fmt: skip
    if state.stuck:
        raise SentinelError(
            "{path}: nothing is left in the case that may be given up, and it is still larger than {size}.",
            path=folder, size=keep,
        )  # fmt: skip


@command.command("check")
@click.argument("folder", metavar="DIR", type=_FOLDER)
def check(folder: Path) -> None:
    """Check that every file of a case is there as it was written.

    Exit code 1 where something is wrong; each damaged file is named.
    """
    settings = current()
    with opened(folder) as case:
        wrong = case.check()
    for sentence in wrong:
        click.echo(tame(sentence))
    if wrong:
        raise SentinelError("{path}: {n} files of the case are not as they were written.", path=folder, n=len(wrong))
    if not settings.quiet:
        click.echo(settings.say("Every file of the case is as it was written."))


@command.command("info")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@_json
def info(folder: Path, as_json: bool) -> None:
    """Say how much a case holds, how large it is, and where its captures came from."""
    from sentinel.store import union

    settings = current()
    with opened(folder) as case:
        summary = case.summary()
        sizes = case.sizes()
        origins, clocks = union.origins(case), union.clocks(case)
        twins = union.twins(case).height
    if as_json:
        runs = [{name: run[name] for name in ("run", "state", "started", "ended")} for run in summary["runs"]]
        content = {"version": summary["version"], "rows": summary["rows"], "bytes": sizes, "runs": runs}
        click.echo(json.dumps({**content, "origins": origins, "clocks": clocks, "twins": twins}, ensure_ascii=False))
        return
    for table, rows in summary["rows"].items():
        click.echo(f"{table:<16} {rows:>14,} {sizes.get(table, 0):>16,}")
    click.echo(f"{'case.db':<16} {'':>14} {sizes['case.db']:>16,}")
    for origin in origins:
        click.echo(
            tame(settings.say("Run {run} came from {source} ({path}).", run=origin["run"], source=origin["source"],
                 path=origin["path"]))
        )  # fmt: skip
    for clock in clocks:
        _say_clock(clock)
    if twins:
        click.echo(settings.say("{n} flows were seen by two taps; they are linked.", n=twins))
