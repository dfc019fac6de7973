"""Explain one frame of a capture: Sentinel's decoding beside tshark's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentinel.cli._settings import Settings, current
from sentinel.errors import FaultyCapture, InputError, MissingExtra, SentinelError, UsageError

if TYPE_CHECKING:
    import polars as pl
    from rich.text import Text

    from sentinel.cli._frame import View
    from sentinel.cli._tshark import Frame

SIDE_BY_SIDE = 90
"""Columns from which on the two decodings stand beside one another."""
MAX_VALUES = 32
SAID_ABOVE = frozenset({
    "message", "capture", "frame", "first_frame", "time", "flow", "src", "dst", "sport", "dport", "index", "kind",
    "protocol", "operation", "unit", "object", "block", "address", "bit", "quantity", "status", "status_name", "name",
    "fault", "detail", "pair",
})  # fmt: skip
"""Columns of a message that its headline has, or that are numbers of Sentinel's own."""


@click.command(
    "explain",
    help="""Explain one frame of a capture: Sentinel's decoding beside tshark's.

    FRAME is the frame's number, from 1, as in alerts and in Wireshark. The second opinion needs tshark and the extra
    `oracle` (pyshark); without them Sentinel's own decoding is shown, and what is missing.
    """,
)
@click.argument("capture", type=click.Path(readable=False, path_type=Path))
@click.argument("frame", type=click.IntRange(min=1))
@click.option(
    "--decode-as", "decode_as", multiple=True, metavar="SELECTOR,PROTOCOL",
    help="For tshark: read a port as a protocol, as in tcp.port==1502,mbtcp; may be repeated.",
)  # fmt: skip
def command(capture: Path, frame: int, decode_as: tuple[str, ...]) -> None:
    """Show one frame as Sentinel and as tshark decode it."""
    from sentinel import pipeline
    from sentinel.cli import _frame, _tshark
    from sentinel.store.evidence import read_frames

    settings = current()
    if capture.is_dir():
        raise InputError("{path}: a folder; name one capture", path=capture)
    if not capture.is_file():
        raise InputError("{path}: no such file", path=capture)
    selectors = dict(_selector(text) for text in decode_as)
    theirs: Frame | None = None
    trouble: SentinelError | None = None
    try:
        theirs = _tshark.frame(capture, frame, selectors)
    except (MissingExtra, InputError) as error:
        trouble = error
    if theirs is None and trouble is None:
        raise InputError("{path}: there is no frame {n}", path=capture, n=frame)
    batches = _up_to_fault(pipeline.dissect(capture))
    ours = _frame.view(batches, frame, theirs.ends if theirs is not None else frozenset())
    if theirs is None and not any(record.number == frame for record in read_frames(capture)):
        raise InputError("{path}: there is no frame {n}", path=capture, n=frame)
    _print(settings, frame, _our_lines(ours, settings), _their_lines(theirs, trouble, settings))


def _up_to_fault(batches: Iterator[Mapping[str, pl.DataFrame]]) -> Iterator[Mapping[str, pl.DataFrame]]:
    """The batches; that the capture ends in a fault is said, and does not keep the frame from being explained."""
    try:
        yield from batches
    except FaultyCapture as fault:
        click.echo(f"sentinel: {current().said(fault)}", err=True)


def _selector(text: str) -> tuple[str, str]:
    selector, comma, protocol = text.rpartition(",")
    if not comma or not selector or not protocol or selector.startswith("-"):
        raise UsageError(
            "--decode-as {text!r} is not SELECTOR,PROTOCOL, as tcp.port==1502,mbtcp", text=text
        )
    return selector, protocol


def _print(settings: Settings, number: int, ours: Text, theirs: Text) -> None:
    from rich.panel import Panel
    from rich.table import Table

    console = settings.out()
    panels = [
        Panel(ours, title=settings.say("Sentinel, frame {n}", n=number), title_align="left"),
        Panel(theirs, title="tshark", title_align="left"),
    ]
    if console.width < SIDE_BY_SIDE:
        console.print(*panels)
        return
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(*panels)
    console.print(grid)


def _our_lines(view: View, settings: Settings) -> Text:
    from rich.text import Text

    text = Text()
    for flow in view.flows:
        _flow(text, flow, settings)
    if not view.flows:
        text.append(settings.say("No flow is known for this frame.") + "\n", "dim")
    for message in view.messages:
        _message(text, message, view, settings)
    if not view.messages:
        text.append(
            "\n" + settings.say("No message ends in this frame, begins in it or runs through it.") + "\n", "dim"
        )
    for fact in view.facts:
        text.append(f"\n{settings.say('Fact')}: {fact['device']}: {fact['kind']} = {fact['value']}")
    for fault in view.faults:
        detail = f" ({fault['detail']})" if fault["detail"] else ""
        text.append(f"\n{settings.say('Fault')}: {fault['code']}{detail} @ {fault['offset']}", "yellow")
    return text


def _flow(text: Text, flow: Mapping[str, Any], settings: Settings) -> None:
    say = settings.say
    text.append(f"{say('Flow')} {flow['flow']}: {flow['transport']} ", "bold")
    text.append(f"{_side(flow['client'], flow['client_port'])} → {_side(flow['server'], flow['server_port'])}\n")
    tunnel = f" ({flow['tunnel']})" if flow["tunnel"] else ""
    if flow["protocol"]:
        text.append(
            say("  {protocol}{tunnel}, {percent} % sure: {why}", protocol=flow["protocol"], tunnel=tunnel,
                percent=f"{100 * flow['confidence']:.0f}", why=say(flow["label_by"])) + "\n"
        )  # fmt: skip
    else:
        text.append(say("  protocol not recognised{tunnel}", tunnel=tunnel) + "\n")
    if flow["direction_by"]:
        text.append(say("  who asks whom was told from: {why}", why=say(flow["direction_by"])) + "\n", "dim")


def _message(text: Text, message: Mapping[str, Any], view: View, settings: Settings) -> None:
    from sentinel.cli._listing import about, target

    text.append(f"\n{message['protocol']} {message['kind']}", "bold")
    text.append(f"  {_side(message['src'], message['sport'])} → {_side(message['dst'], message['dport'])}\n", "dim")
    text.append(f"  {about(message)}\n")
    if message["first_frame"] != message["frame"]:
        span = settings.say("  in frames {first} to {last}", first=message["first_frame"], last=message["frame"])
        text.append(span + "\n", "dim")
    for name, value in _said({k: v for k, v in message.items() if k not in SAID_ABOVE}):
        text.append(f"  {name}: {value}\n")
    for name, value in _said(view.own.get(message["message"], {})):
        text.append(f"  {message['protocol']}.{name}: {value}\n")
    for item in view.items:
        if item["message"] == message["message"]:
            named = f' "{item["name"]}"' if item["name"] else ""
            status = f"  status {item['status']}" if item["status"] is not None else ""
            text.append(f"  [{item['index']}] {target(item)}{named}{status}\n")
    points = [point for point in view.points if point["message"] == message["message"]]
    for point in points[:MAX_VALUES]:
        value = point["value"] if point["value"] is not None else point["text"]
        text.append(f"  {target({**point, 'quantity': None})} = {value}\n", "green")
    if len(points) > MAX_VALUES:
        text.append(settings.say("  … and {n} more values", n=len(points) - MAX_VALUES) + "\n", "dim")


def _said(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The cells that hold something: zero does, nothing and empty text do not."""
    for name, value in row.items():
        if value is not None and value != "" and value != b"":
            yield name, value.hex() if isinstance(value, bytes) else value


def _their_lines(frame: Frame | None, trouble: SentinelError | None, settings: Settings) -> Text:
    from rich.text import Text

    if frame is None:
        why = "" if trouble is None else settings.said(trouble)
        return Text(settings.say("No second opinion: {why}.", why=why), "yellow")
    text = Text()
    plain = [layer.name for layer in frame.layers if not layer.fields]
    text.append(" / ".join(plain) + "\n", "dim")
    for layer in frame.layers:
        if layer.fields:
            text.append(f"\n{layer.name}\n", "bold")
            for line in layer.fields:
                text.append(f"  {line}\n")
    return text


def _side(address: str, port: int | None) -> str:
    return address if port is None else f"{address}:{port}"
