"""What is fuzzed: each target takes bytes and must end without an exception, whatever they are.

Inside, a target allows what the contract of its subject allows (a parser may raise Short and Malformed, nothing
else) and checks what callers rely on afterwards. Parsers are found as the program finds them, so a new one is
fuzzed without being listed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from fuzz import seeds, wrap

from sentinel.analysis import Analysis
from sentinel.identify import Identifier
from sentinel.model import Direction, DType, Fault, Kind, Verdict
from sentinel.plugins import Parsers, Protocol, load_parsers
from sentinel.reading import Reading
from sentinel.sources.files import decompressed
from sentinel.wire import decode, layout
from sentinel.wire.capture import CaptureReader
from sentinel.wire.decode import LINK_TYPES, Decoder
from sentinel.wire.dissect import NO_OPERATION, Engine
from sentinel.wire.flows import FlowTable
from sentinel.wire.fragments import MAX_BYTES, MAX_DATAGRAM, MAX_DATAGRAMS, Fragments
from sentinel.wire.own import Own
from sentinel.wire.reader import Malformed, Reader, Short
from sentinel.wire.rows import Rows

LINKS = (*sorted(LINK_TYPES), 147, 65535)
"""Link types that the decoder is given: all that it reads, and two that it does not."""
_FAULTS = {int(code) for code in Fault}
_LONGEST = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True)
class Target:
    """Something to fuzz: `run` takes one input, `seeds` gives inputs to begin with."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


class Broken(AssertionError):
    """A target did what its contract excludes."""


def check(holds: bool, sentence: str) -> None:
    """Raise Broken unless a thing that callers rely on holds."""
    if not holds:
        raise Broken(sentence)


@cache
def parsers() -> Parsers:
    """The program's parsers; a broken one is a finding."""
    found = load_parsers()
    check(not found.broken, f"parsers that cannot be used: {found.broken}")
    return found


# -- the wire ----------------------------------------------------------------------------------------------------------


def capture(data: bytes) -> None:
    """A capture file of any bytes: records inside the buffer, in order, and at the end a fault or none."""
    reader = CaptureReader(io.BytesIO(data))
    _records(reader)
    check(reader.frame <= len(data), "more records than bytes")


def compressed(data: bytes) -> None:
    """The same behind gzip, zstd, xz, lz4 or bzip2, whose data may be damaged: what was read before stays."""
    _records(CaptureReader(decompressed(io.BytesIO(data))[0]))


def _records(reader: CaptureReader) -> None:
    """Read all records."""
    while reader.next():
        check(0 <= reader.start <= reader.end, "a record outside the buffer")
        check(reader.wire >= reader.end - reader.start, "more bytes captured than were on the wire")
        check(0 <= reader.time <= _LONGEST, "a time stamp that does not fit")
        check(reader.end - reader.start == len(reader.data()), "a record that is not as long as its place")
    check(reader.fault in _FAULTS, "an unknown fault")
    check(reader.fault == 0 or reader.fault_detail != "", "a fault without a word")
    reader.dropped()


def frame(data: bytes) -> None:
    """Frames of any bytes on any link type: positions inside their buffer, and a flow for each."""
    decoder, table = Decoder(), FlowTable(4)
    for number, (control, part) in enumerate(wrap.pieces(data), 1):
        kind = decoder.decode(part, 0, len(part), LINKS[control % len(LINKS)], number, number)
        # a datagram that was put together has a buffer of its own, which the extension does not show
        together = decoder.first_frame != number
        held = len(getattr(decoder, "buf", bytes(len(data) + 64) if together else part))
        check(decode.UNREAD <= kind <= decode.PENDING, "an unknown kind")
        check(0 <= decoder.payload <= decoder.payload_end <= held, "a payload outside the frame")
        check(decoder.fault in _FAULTS, "an unknown fault")
        if decoder.family:
            size = 4 if decoder.family == 4 else 16
            check(0 <= decoder.src <= held - size and 0 <= decoder.dst <= held - size, "an address outside the frame")
        if kind in (decode.UNREAD, decode.PENDING):
            continue
        check(-1 <= decoder.mac_at <= held - 12, "MAC addresses outside the frame")
        flow = table.find(decoder)
        if flow is None:
            made = table.make(decoder, number)
            check(table.find(decoder) is made, "a flow that its own frame does not find")
        else:
            table.touch(flow, number)
        check(len(table.flows) <= 4, "more flows than the table may hold")


class Naive:
    """The twin of Fragments: one datagram as a byte for every offset; what came first stays."""

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}
        self.length: int | None = None

    def add(self, offset: int, more: bool, data: bytes) -> bytes | None:
        """The datagram, once nothing is missing."""
        if not more and self.length is None:
            self.length = offset + len(data)
        for n, octet in enumerate(data):
            self.bytes.setdefault(offset + n, octet)
        if self.length is None or any(n not in self.bytes for n in range(self.length)):
            return None
        return bytes(self.bytes[n] for n in range(self.length))


def fragments(data: bytes) -> None:
    """Fragments in any order, overlapping and contradicting each other: what the naive twin gives, inside the caps.

    The control byte of a piece: the datagram (2 bits), more fragments (1), the address family (1); the first two
    bytes of the piece are its offset in units of eight bytes.
    """
    subject = Fragments()
    twins: dict[int, Naive] = {}
    for number, (control, part) in enumerate(wrap.pieces(data), 1):
        offset, body = int.from_bytes(part[:2], "big") & 0x1FFF, part[2:]
        more, six = bool(control & 4), bool(control & 8)
        if offset == 0 and not more:
            continue  # a whole datagram: the decoder hands on fragments only
        if six:
            field = offset << 3 | more
            head = bytes.fromhex("6000000000002c40") + bytes(31) + b"\1" + bytes([6, 0]) + field.to_bytes(2, "big")
            packet = head + bytes(3) + bytes([control & 3]) + body
            whole = subject.add6(packet, 0, 40, 48, len(packet), number, number)
        else:
            field = offset | more << 13
            head = bytes.fromhex("450000000000") + field.to_bytes(2, "big") + bytes.fromhex("4006000000000000")
            packet = head[:4] + bytes([0, control & 3]) + head[6:] + bytes(4) + body
            whole = subject.add4(packet, 0, 20, len(packet), number, number)
        check(subject.fault in _FAULTS, "an unknown fault")
        check(subject.bytes == sum(d.size for d in subject.open.values()), "bytes are counted wrongly")
        check(len(subject.open) <= MAX_DATAGRAMS and subject.bytes <= MAX_BYTES, "more is held than the caps allow")
        if offset * 8 + len(body) > MAX_DATAGRAM or (more and not body):
            check(whole is None, "a fragment that must be refused completed a datagram")
            continue
        key = control & 3 | six << 2
        expected = twins.setdefault(key, Naive()).add(offset * 8, more, body)
        check((whole is None) == (expected is None), "complete for one, not for the naive twin")
        if whole is not None:
            check(whole[40 if six else 20 :] == expected, "put together otherwise than by the naive twin")
            del twins[key]


# -- parsers -----------------------------------------------------------------------------------------------------------


def _read_on(r: Reader, n: int, name: str) -> bool:
    """A carrier that knows no other protocol."""
    r.skip(n)
    return False


def _rows(protocol: Protocol) -> Rows:
    """Rows as the core hands them to a parser."""
    out = Rows()
    extra = Own(len(protocol.table) + 1, 16) if protocol.table else None
    if extra is not None:
        out.extras[protocol.index] = extra
    out.use(protocol.index, extra)
    out.carrier = _read_on
    out.shared = {}
    return out


def parser(protocol: Protocol, data: bytes) -> None:
    """Probe, orient, outline and parse pieces of a conversation; only Short and Malformed may come out of them."""
    out = _rows(protocol)
    slots: tuple[dict, dict] = ({}, {})
    tails = [b"", b""]
    for number, (control, part) in enumerate(wrap.pieces(data), 1):
        side = control & wrap.SIDE
        for direction in (Direction(side), Direction.UNKNOWN):
            _ask(protocol.probe, tuple(Verdict), part, direction)
        if protocol.orient is not None:
            _ask(protocol.orient, tuple(Direction), part)
        if protocol.outline is not None:
            _ask(protocol.outline, (False, True), part)
        out.slot = slots[side]
        tails[side] = _parse(protocol, out, tails[side] + part, side, number)
    _check_rows(protocol, out)


def _ask(function: Callable[..., int], answers: tuple[int, ...], data: bytes, *arguments: int) -> None:
    """Ask a probe, an orient or an outline of a fresh reader."""
    try:
        check(function(Reader(data), *arguments) in answers, f"{function.__name__} gives an answer that there is not")
    except (Short, Malformed):
        pass


def _parse(protocol: Protocol, out: Rows, data: bytes, side: int, number: int) -> bytes:
    """Parse every message, as the core does; gives back the bytes of one that is not complete."""
    r = Reader(data)
    while r.pos < len(data):
        at = r.pos
        r.reset(data, at, len(data))
        out.at(number, number, number, 1, 0, side, at)
        out.protocol = protocol.index
        out.extra = out.extras.get(protocol.index)
        mark = (out.messages.n, out.items.n, out.points.n, out.faults.n, out.heap_n)
        try:
            protocol.parse(r, out)
        except Short:
            out.rollback(*mark)
            return data[at:] if len(data) - at < protocol.stream_cap else b""
        except Malformed as error:
            check(bool(error.args) and int(error.args[0]) in _FAULTS, "Malformed without a fault that there is")
            return b""
        check(at < r.pos <= len(data), "a message that consumed nothing, or more than there is")
        check(r.end == len(data) and r.narrowed == 0, "a narrowed reader was not widened")
    return b""


def _check_rows(protocol: Protocol, out: Rows) -> None:
    """What the tables rely on in the rows that a parser wrote."""
    kinds, dtypes, operations = {int(k) for k in Kind}, {int(t) for t in DType}, {*protocol.operations, NO_OPERATION}
    messages = out.messages.cells[: out.messages.n]
    for row in messages.tolist():
        data, name, detail = row[layout.M_DATA], row[layout.M_NAME], row[layout.M_DETAIL]
        check(row[layout.M_OPERATION] in operations, f"operation {row[layout.M_OPERATION]} is not declared")
        check(row[layout.M_KIND] in kinds, "a kind that there is not")
        check(row[layout.M_DTYPE] in dtypes, "a data type that there is not")
        check(row[layout.M_FAULT] in _FAULTS, "a fault that there is not")
        check(0 <= data <= data + row[layout.M_DATA_LENGTH] <= out.heap_n, "values outside the heap")
        check(0 <= name < len(out.texts) and 0 <= detail < len(out.texts), "an unknown text")
    for row in out.items.cells[: out.items.n].tolist():
        check(0 <= row[layout.I_MESSAGE] < len(messages), "an item without a message")
        check(row[layout.I_DTYPE] in dtypes, "a data type that there is not")
        data = row[layout.I_DATA]
        check(0 <= data <= data + row[layout.I_DATA_LENGTH] <= out.heap_n, "values outside the heap")
    for row in out.points.cells[: out.points.n].tolist():
        check(0 <= row[layout.P_MESSAGE] < len(messages), "a point without a message")
    for row in out.faults.cells[: out.faults.n].tolist():
        check(row[layout.F_CODE] in _FAULTS and row[layout.F_CODE] != 0, "a fault that there is not")


# -- everything --------------------------------------------------------------------------------------------------------


def engine(data: bytes) -> None:
    """The whole core on a capture of any bytes: no exception, and no parser that failed behind the core's back."""
    protocols = parsers().protocols
    subject = Engine(protocols, Identifier(protocols), 8)
    reader = CaptureReader(io.BytesIO(data))
    subject.begin(1, 0)
    while subject.read(reader, 1000):
        subject.next_batch()
    subject.finish()
    check(subject.frames == reader.frame, "frames were lost")
    check(len(subject.table.flows) == 0, "flows without a row at the end")
    check(not subject.defects, f"a parser failed: {subject.defects}")


def conversation(data: bytes) -> None:
    """The whole core on payloads in right headers, in and out of order."""
    engine(wrap.conversation(data))


def tables(data: bytes) -> None:
    """Everything up to the tables of a case: pairing, points and their columns, on hostile conversations."""
    found = parsers()
    reading = Reading(found, 0)
    analysis = Analysis(found, reading.engine.rows.texts, None, None)
    for piece in reading.read(io.BytesIO(wrap.conversation(data)), 1, lambda: False):
        if not isinstance(piece, CaptureReader):
            analysis.frames(piece)
    for batch in reading.finish():
        analysis.frames(batch)
    check(not reading.engine.defects, f"a parser failed: {reading.engine.defects}")


def _fragment_seeds() -> list[bytes]:
    """Datagrams of three fragments: in order, backwards, overlapping, with two ends; both families."""
    first, second, last = (4, b"\0\0" + bytes(16)), (4, b"\0\2" + bytes(range(16))), (0, b"\0\4tail")
    over, end = (4, b"\0\1" + b"x" * 16), (0, b"\0\5tail")
    orders = ([first, second, last], [last, second, first], [first, over, last], [first, last, end, second])
    return [wrap.joined((control | six, part) for control, part in order) for order in orders for six in (0, 8)]


def _frame_seeds() -> list[bytes]:
    """Each frame of the captures as Ethernet, and what it carries as raw IP."""
    ethernet, raw = LINKS.index(1), LINKS.index(101)
    every = seeds.frames()
    return [wrap.joined([(ethernet, one), (raw, one[14:])]) for one in every]


def targets() -> dict[str, Target]:
    """Every target by name."""
    found = [
        Target("capture", capture, seeds.captures),
        Target("compressed", compressed, seeds.compressed),
        Target("frame", frame, _frame_seeds),
        Target("fragments", fragments, _fragment_seeds),
        Target("engine", engine, seeds.captures),
        Target("conversation", conversation, lambda: seeds.conversations(parsers().protocols)),
        Target("tables", tables, lambda: seeds.conversations(parsers().protocols)),
    ]
    for protocol in parsers().protocols:
        name = f"parser-{protocol.name}"
        found.append(Target(name, partial(parser, protocol), partial(seeds.dialogues, protocol)))
    return {target.name: target for target in found}
