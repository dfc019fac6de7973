"""Send a case's alerts and data to where they are wanted: Elasticsearch, syslog, a webhook, files ..."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.cli._case import case_option, observer_option, opened
from sentinel.cli._format import moment, tame
from sentinel.cli._settings import current
from sentinel.errors import SinkError, UsageError

if TYPE_CHECKING:
    from sentinel.sinks.deliver import Courier
    from sentinel.store.outbox import Counts, Outbox

LOOK = 0.2
"""Seconds between two looks at the couriers."""
END = 20.0
"""Seconds that they have to end in good order after Ctrl-C."""
COLUMNS = ("sent", "refused", "left_out", "held", "dropped", "waiting")


@click.command(
    "send",
    help="""Send a case's alerts and data to where they are wanted, and remember for each receiver what it has had.

    Run again, it sends what is new. With --follow it stays and sends what a sensor adds, through every outage of the
    receiver: the case is the spool. The URIs and their options are explained in docs/sinks.md; keys and passwords come
    from files or the environment, never from the URI.

    \b
    sentinel send --case acme --sink 'elasticsearch+https://es:9200?api_key_file=/etc/sentinel/es.key'
    sentinel send --case acme --sink 'syslog+tls://siem:6514?format=cef&severity=high' --follow
    sentinel send --case acme --status

    Exit codes: 0 everything was sent; 10 something still waits or was refused, or a URI is of no use; 4 the case
    cannot be used.
    """,
)
@case_option
@click.option("--sink", "sinks", multiple=True, metavar="URI", help="A receiver; may be repeated.")
@click.option("--follow", is_flag=True, help="Stay, and send what is added, until stopped.")
@click.option("--status", is_flag=True, help="Only say what each receiver has had, and what waits.")
@click.option("--refused", is_flag=True, help="Only list what receivers refused, with their reasons.")
@click.option(
    "--patience", type=click.FloatRange(0), default=60.0, show_default=True, metavar="SECONDS",
    help="Without --follow: give up when a receiver took nothing for so long.",
)  # fmt: skip
@observer_option
@click.option(
    "--places", type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder that remembers what was sent, where the case's own cannot be written.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="With --refused: so many of each."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a receiver (or refused row).")
def command(
    folder: Path, sinks: tuple[str, ...], follow: bool, status: bool, refused: bool, patience: float,
    observer: str | None, places: Path | None, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Send, or say what was sent."""
    if status or refused:
        if follow or (status and refused):
            raise UsageError("--status, --refused and --follow each stand alone")
        _look(folder, sinks, places, limit if refused else 0, as_json)
        return
    if not sinks:
        raise UsageError("say where to with --sink URI; docs/sinks.md explains them")
    opened(folder).close()
    _send([_courier(folder, uri, follow, patience, observer, places) for uri in sinks], as_json)


def _courier(
    folder: Path, uri: str, follow: bool, patience: float, observer: str | None, places: Path | None
) -> Courier:
    from sentinel.sinks.deliver import Courier

    return Courier(folder, uri, follow, patience, observer or "", places)


def _send(couriers: Sequence[Courier], as_json: bool) -> None:
    """Run them side by side, so that one receiver's outage holds up no other."""

    def stop(*_signal: object) -> None:
        for courier in couriers:
            courier.stop()

    before = None
    with suppress(ValueError):  # only the main thread of a process is told of signals
        before = signal.signal(signal.SIGTERM, stop)
    try:
        for courier in couriers:
            courier.start()
        _watch(couriers)
    except KeyboardInterrupt:
        stop()
        for courier in couriers:
            courier.join(END)
        raise
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    for courier in couriers:
        if courier.state.remark is not None and not current().quiet:
            click.echo(tame(current().said(SinkError("{problems}", problems=courier.state.remark))), err=True)
        _show(courier.state.receiver, courier.state.counts or {}, None, as_json)
    _judge(couriers)


def _watch(couriers: Sequence[Courier]) -> None:
    """Until all have ended; each new trouble is said once."""
    settings = current()
    said: dict[str, str] = {}
    while any(courier.is_alive() for courier in couriers):
        for courier in couriers:
            courier.join(LOOK)
            state = courier.state
            problem = "" if state.problem is None else settings.said(SinkError("{problems}", problems=state.problem))
            if problem != said.get(state.receiver, "") and not settings.quiet and courier.is_alive():
                text = problem or settings.say("{receiver}: takes documents again.", receiver=state.receiver)
                click.echo(tame(text), err=True)
                said[state.receiver] = problem


def _judge(couriers: Sequence[Courier]) -> None:
    """End with an error where something did not arrive."""
    settings = current()
    failed = [courier for courier in couriers if courier.error is not None]
    for courier in failed[1:]:
        click.echo(tame(f"sentinel: {settings.said(courier.error)}"), err=True)  # type: ignore[arg-type]
    if failed and failed[0].error is not None:
        raise failed[0].error
    refused = sum(courier.state.refused for courier in couriers)
    if refused:
        raise SinkError("{n} documents were refused; see why with: sentinel send --refused.", n=refused)


def _look(folder: Path, sinks: Sequence[str], places: Path | None, limit: int, as_json: bool) -> None:
    """What the places say, without sending anything."""
    from sentinel.sinks.base import parse
    from sentinel.sinks.deliver import open_sink_of
    from sentinel.store.outbox import Outbox, receivers

    names = receivers(places or folder)
    if sinks:
        targets = [parse(uri) for uri in sinks]
        for target in targets:
            open_sink_of(target).close()
        names = [target.receiver for target in targets]
    with opened(folder) as case:
        if not names and not as_json:
            click.echo(current().say("Nothing was sent of this case yet."))
        for name in names:
            with Outbox(case, name, places, look_only=True) as outbox:
                if limit:
                    _show_refused(name, outbox, limit, as_json)
                else:
                    _show(name, outbox.counts(), outbox, as_json)


def _show(name: str, counts: Mapping[str, Counts], outbox: Outbox | None, as_json: bool) -> None:
    settings = current()
    problem = outbox.problem() if outbox is not None else None
    if as_json:
        said = {"receiver": name, "problem": None if problem is None else str(problem[0])}
        click.echo(
            json.dumps({**said, "tables": {table: asdict(n) for table, n in counts.items()}}, ensure_ascii=False)
        )
        return
    if settings.quiet:
        return
    click.echo(tame(name))
    if problem is not None:
        text = settings.said(SinkError("{problems}", problems=problem[0]))
        click.echo(tame("  " + settings.say("since {time}: {problem}", time=moment(problem[1]), problem=text)))
    from rich.table import Table

    say = settings.say
    picture = Table(box=None, padding=(0, 1), header_style="bold")
    picture.add_column("")
    for head in (say("sent"), say("refused"), say("left out"), say("held"), say("dropped"), say("waiting")):
        picture.add_column(head, justify="right", min_width=8)
    for table, n in counts.items():
        picture.add_row(table, *(f"{getattr(n, column):,}" for column in COLUMNS))
    settings.out().print(picture)


def _show_refused(name: str, outbox: Outbox, limit: int, as_json: bool) -> None:
    for row in outbox.refused(limit):
        if as_json:
            click.echo(json.dumps({"receiver": name, **row}, ensure_ascii=False))
        else:
            click.echo(tame(f"{moment(row['time'])}  {name}  {row['table']} {row['id']}: {row['reason']}"))
