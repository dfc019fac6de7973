"""What every parser is put through: its wire samples in every shape in which real traffic delivers them.

A parser's samples stand in `tests/<name>_wire.py` as `WIRE`. Each runs through the real engine in a connection of its
own, behind an opening exchange that settles what the flow speaks; the rows behind the opening are the sample's.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl
from frames import IPV4, MS, SECOND, START, UDP, Record, Talk, ethernet, in_gre, ipv4, pcap, tagged, udp, wrapped

from sentinel.analysis import Analysis
from sentinel.model import Direction
from sentinel.plugins import Parsers, load_parsers
from sentinel.reading import Reading
from sentinel.wire.capture import CaptureReader
from sentinel.wire.dissect import Engine

ASK, ANSWER = Direction.TO_SERVER, Direction.TO_CLIENT
EVIDENCE = (
    "message", "capture", "frame", "time", "index", "first_frame", "offset", "flow", "src", "dst", "sport", "dport",
    "transport", "pair", "latency",
)  # fmt: skip
"""Columns of a message that say where it stood, not what it said."""


# -- captures to tables ----------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What the core made of some captures: its engine, the last reader, and the tables, whole."""

    engine: Engine
    reader: CaptureReader
    tables: dict[str, pl.DataFrame]

    def rows(self, table: str, *columns: str) -> list[Any]:
        """Rows as dictionaries; with one column its values, with several tuples."""
        frame = self.tables.get(table)
        if frame is None:
            return []
        if not columns:
            return frame.to_dicts()
        return frame[columns[0]].to_list() if len(columns) == 1 else frame.select(columns).rows()

    def faults(self) -> dict[str, int]:
        """Fault rows by code."""
        codes = self.rows("faults", "code")
        return {code: codes.count(code) for code in dict.fromkeys(codes)}

    def flow(self) -> dict[str, Any]:
        """The only flow."""
        (row,) = self.rows("flows")
        return row


@cache
def shipped() -> Parsers:
    """The parsers of this project."""
    return load_parsers()


def see(*captures: bytes | Iterable[Record], parsers: Parsers | None = None) -> Seen:
    """Run captures (files, or records that become Ethernet pcap files) through engine, pairing and tables, in order."""
    parsers = shipped() if parsers is None else parsers
    reading = Reading(parsers, 0)
    analysis = Analysis(parsers, reading.engine.rows.texts, None, None)
    found: dict[str, list[pl.DataFrame]] = {}

    def keep(batch: Any) -> None:
        for name, frame in analysis.frames(batch).items():
            found.setdefault(name, []).append(frame)

    reader = None
    for number, capture in enumerate(captures, start=1):
        data = capture if isinstance(capture, bytes) else pcap(capture)
        for piece in reading.read(io.BytesIO(data), number, lambda: False):
            if isinstance(piece, CaptureReader):
                reader = piece
            else:
                keep(piece)
    for batch in reading.finish():
        keep(batch)
    assert reader is not None
    assert reading.engine.rows.kept == 0, "what is kept for flows is not given back at their end"
    return Seen(reading.engine, reader, {name: together(parts) for name, parts in found.items()})


def together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """The tables of several batches as one: each has its own dictionaries of text."""
    return pl.concat([part.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String)) for part in parts])


def engine_only(data: bytes) -> Engine:
    """Run one capture through the core alone, without tables; for what only must not fail."""
    reading = Reading(shipped(), 0)
    for _ in reading.read(io.BytesIO(data), 1, lambda: False):
        pass
    for _ in reading.finish():
        pass
    return reading.engine


def conversations(seen: Seen) -> dict[int, list[dict[str, Any]]]:
    """What was said in each flow: message rows without evidence, each with its items, points and own columns."""
    messages = seen.rows("messages")
    said = {
        row["message"]: {**{k: v for k, v in row.items() if k not in EVIDENCE}, "items": [], "points": [], "own": {}}
        for row in messages
    }
    for table in ("items", "points"):
        for row in seen.rows(table):
            said[row.pop("message")][table].append(row)
    for name in seen.tables:
        if name.startswith("ext/"):
            for row in seen.rows(name):
                said[row.pop("message")]["own"] = row
    result: dict[int, list[dict[str, Any]]] = {}
    for row in messages:
        result.setdefault(row["flow"], []).append(said[row["message"]])
    return result


# -- samples ---------------------------------------------------------------------------------------------------------

Sample = tuple[int, bytes]
"""Direction and the bytes of one message."""


@dataclass
class Wire:
    """A protocol's samples: `opening` is an exchange after which any flow of it is labelled, on whatever port."""

    port: int
    opening: list[Sample]
    samples: list[Sample]
    label: str
    transports: tuple[str, ...] = ("tcp",)
    quiet_after_gap: set[int] = field(default_factory=set)
    """Samples that nobody could recognise behind a gap, because their first bytes say nothing."""


def wire_of(name: str) -> Wire:
    """The samples of a parser; ModuleNotFoundError where its author wrote none."""
    return importlib.import_module(f"{name}_wire").WIRE


def talk(wire: Wire, n: int, port: int | None = None) -> Talk:
    """Connection number n, opened, the opening exchange said."""
    client = f"10.{1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
    one = Talk(dport=wire.port if port is None else port, addresses=(client, "10.0.0.2"), time=START + n * SECOND)
    one.step = 10_000
    one.open()
    for side, data in wire.opening:
        one.send(side, data)
    return one


def run(wire: Wire, deliver: Callable[[Talk, int, bytes], object], port: int | None = None, how=None) -> Seen:
    """Every sample in a connection of its own, sent as `deliver` does."""
    records: list[Record] = []
    for n, (side, data) in enumerate(wire.samples):
        one = talk(wire, n, port)
        deliver(one, side, data)
        records += one.close().records
    seen = see(records if how is None else wrapped(records, how))
    assert not seen.engine.defects, seen.engine.defects[0]
    return seen


def whole(one: Talk, side: int, data: bytes) -> None:
    one.send(side, data)


def byte_by_byte(one: Talk, side: int, data: bytes) -> None:
    one.send(side, data, range(1, len(data)))


def thrice(one: Talk, side: int, data: bytes) -> None:
    for _ in range(3):
        one.send(side, data)


def glued(one: Talk, side: int, data: bytes) -> None:
    one.send(side, data * 3)


def after_gap(one: Talk, side: int, data: bytes) -> None:
    one.lose(side, 4000).send(side, data)


def cut_short(wire: Wire) -> list[Record]:
    """Every sample at every length below its own, each in a connection that ends there."""
    records: list[Record] = []
    n = 0
    for side, data in wire.samples:
        for length in range(1, len(data)):
            one = talk(wire, n)
            one.send(side, data[:length])
            records += one.close().records
            n += 1
    return records


def datagrams(wire: Wire, cut: bool) -> list[Record]:
    """The opening and then every sample as datagrams, whole or at every length."""
    records: list[Record] = []
    for n, (side, data) in enumerate(wire.samples):
        lengths = range(1, len(data)) if cut else [len(data)]
        said = [*wire.opening, *((side, data[:length]) for length in lengths)]
        for k, (way, payload) in enumerate(said):
            ends = (("10.1.0.1", 41000 + n), ("10.0.0.2", wire.port))
            (source, sport), (target, dport) = ends if way == ASK else ends[::-1]
            packet = ipv4(udp(payload, sport, dport), UDP, source, target, ident=k + 1)
            records.append((START + n * SECOND + k * MS, ethernet(packet, IPV4, 1 + way, 2 - way)))
    return records


# -- the battery -----------------------------------------------------------------------------------------------------


def expected(wire: Wire, repeat: int = 1) -> dict[int, list[dict[str, Any]]]:
    """The rows of every sample as it is read best: in one segment of its own."""
    return conversations(run(wire, whole if repeat == 1 else thrice))


def check_whole(wire: Wire) -> None:
    """Each sample gives a row of its own that is no fault, in a flow with the right label."""
    seen = run(wire, whole)
    said = conversations(seen)
    before = opening_rows(wire)
    assert len(seen.rows("flows")) == len(wire.samples)
    for n, (_, data) in enumerate(wire.samples):
        assert len(said[n]) > before, f"sample {n} gave no message: {data.hex()}"
        assert all(row["kind"] != "malformed" for row in said[n]), f"sample {n}: {data.hex()}"
    assert set(seen.rows("flows", "protocol")) == {wire.label}


def same_rows(wire: Wire, other: Seen, want: dict[int, list[dict[str, Any]]], but: Container[int] = ()) -> None:
    """The rows of every sample are those that are wanted, save of the samples `but`."""
    got = conversations(other)
    assert len(other.rows("flows")) == len(wire.samples)
    for n, (_, data) in enumerate(wire.samples):
        assert n in but or got.get(n) == want.get(n), f"sample {n}: {data.hex()}"


def only_faults_more(seen: Seen, opening: int) -> None:
    """No flow has a row beyond its opening that is not marked as faulty."""
    assert not seen.engine.defects, seen.engine.defects[0]
    for flow, rows in conversations(seen).items():
        clean = [row for row in rows if not row["fault"]]
        assert len(clean) <= opening, f"flow {flow}: a part of a message passed for a whole one"


def opening_rows(wire: Wire) -> int:
    """How many messages the opening is."""
    return len(conversations(see(talk(wire, 0).close().records))[0])


VARIANTS: dict[str, Callable[[Wire], Seen]] = {
    "byte by byte": lambda wire: run(wire, byte_by_byte),
    "another port": lambda wire: run(wire, whole, port=47123),
    "inside VLAN": lambda wire: run(wire, whole, how=lambda frame: tagged(frame, 7)),
    "inside GRE": lambda wire: run(wire, whole, how=in_gre),
}
"""Ways to deliver samples that must not change one row."""
