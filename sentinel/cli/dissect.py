"""Decode a capture and print every message, for people or as JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.errors import InputError, UsageError

if TYPE_CHECKING:
    import polars as pl

STDIN = "-"


@click.command(
    "dissect",
    help="""Decode a capture and print every message, for people or (--jsonl) as one JSON object a line.

    In JSON a key that a message has nothing to say to is absent; zero is a value. `time` is in seconds since 1970 UTC,
    `time_ns` the same in nanoseconds. The fields are explained in docs/fields.md, what is decoded in docs/protocols.md.

    Exit code 5: the capture was read up to a fault; the messages before it were printed.
    """,
)
@click.argument("file", metavar="FILE")
@click.option("--jsonl", is_flag=True, help="One JSON object a message.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many messages.")
@click.option("--protocol", metavar="P", help="Only messages of that protocol.")
def command(file: str, jsonl: bool, limit: int | None, protocol: str | None) -> None:
    """Print the messages of a capture."""
    from sentinel import pipeline

    path: Path | str = STDIN if file == STDIN else Path(file)
    if isinstance(path, Path) and path.is_dir():
        raise InputError("{path}: a folder; name one capture", path=path)
    if isinstance(path, Path) and not path.exists():
        raise InputError("{path}: no such file", path=path)
    if isinstance(path, Path) and path.is_fifo() and not path.is_relative_to("/dev"):
        raise InputError("{path}: neither a file nor a folder; give a pipe as standard input", path=path)
    if protocol is not None:
        _must_know(protocol)
    # With a filter the pipeline cannot know when enough messages of that protocol were found.
    batches = pipeline.dissect(path, limit=limit if protocol is None else None)
    if jsonl:
        from sentinel.cli._jsonl import lines as render

        head = ""
    else:
        from sentinel.cli._listing import HEADER
        from sentinel.cli._listing import listing as render

        head = HEADER + "\n"
    stream = sys.stdout.buffer
    for batch in _limited(batches, protocol, limit):
        stream.write((head + render(batch).str.join("\n").item() + "\n").encode())
        stream.flush()
        head = ""


def _must_know(protocol: str) -> None:
    """UsageError where no parser makes messages of that protocol."""
    from sentinel.plugins import load_parsers

    names = [found.name for found in load_parsers().protocols]
    if protocol not in names:
        raise UsageError(
            "no protocol {name!r}; there are {names}", name=protocol, names=", ".join(names)
        )


def _limited(
    batches: Iterator[Mapping[str, pl.DataFrame]], protocol: str | None, limit: int | None
) -> Iterator[Mapping[str, pl.DataFrame]]:
    """Batches with at least one message each, of `protocol` only, `limit` messages in all."""
    import polars as pl

    left = limit
    for batch in batches:
        messages = batch["messages"]
        if protocol is not None:
            messages = messages.filter(pl.col("protocol").cast(pl.String) == protocol)
        if left is not None:
            messages = messages.head(left)
            left -= messages.height
        if messages.height:
            yield {**batch, "messages": messages}
        if left == 0:
            return
