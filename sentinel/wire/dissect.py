# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Frames to rows: decode, drop copies, find the flow, order the stream, give each message to its parser.

The order of things for one frame is `frame`; for payload of a flow whose protocol is known it is `run`, which is
where every parser is called and where everything that a parser may raise ends.

One long file because the engine is one state: a message may end a hole, a label, a flow or a batch.
"""

import traceback

import cython

from sentinel.identify import BY_FRAMING, BY_ONE, FRAMED_SOUND, GIVE_UP, GUESS_CONFIDENCE, guess
from sentinel.model import Fault, Kind, Verdict
from sentinel.wire.decode import LINK_TYPES
from sentinel.wire.flows import ENDED_EVICTED, MAX_FLOWS
from sentinel.wire.layout import D_WIDTH, L_WIDTH, M_LENGTH
from sentinel.wire.reader import Malformed, Short
from sentinel.wire.rows import MAX_KEPT
from sentinel.wire.streams import MAX_WAIT

if cython.compiled:
    from cython.cimports.sentinel.wire.capture import CaptureReader
    from cython.cimports.sentinel.wire.copies import Copies
    from cython.cimports.sentinel.wire.decode import Decoder
    from cython.cimports.sentinel.wire.flowrows import write_flow, write_identity
    from cython.cimports.sentinel.wire.flows import Flow, FlowTable
    from cython.cimports.sentinel.wire.own import Own
    from cython.cimports.sentinel.wire.reader import Reader
    from cython.cimports.sentinel.wire.rows import Block, Carrier, Rows
    from cython.cimports.sentinel.wire.streams import Stream
else:
    from sentinel.wire.capture import CaptureReader
    from sentinel.wire.copies import Copies
    from sentinel.wire.decode import Decoder
    from sentinel.wire.flowrows import write_flow, write_identity
    from sentinel.wire.flows import Flow, FlowTable
    from sentinel.wire.own import Own
    from sentinel.wire.reader import Reader
    from sentinel.wire.rows import Block, Carrier, Rows
    from sentinel.wire.streams import Stream

NO_OPERATION = 65535
"""Key of a message that asks for nothing that could be read; no parser's OPERATIONS has it."""
BATCH_MESSAGES = 48_000
BATCH_FLOWS = 10_000
BATCH_POINTS = 1 << 18
BATCH_HEAP = 1 << 19
"""Bytes of data: each may become eight points (coils), of some sixty bytes each, all of a batch at once."""
MAX_BACKLOG = 64
MAX_BACKLOG_BYTES = 1 << 15
MAX_DEFECTS = 20
MAX_DEPTH = 8
"""Parsers that hand on to each other."""
MAX_MALFORMED = 32
"""Malformed messages of a flow, beyond four times its good ones, after which the label is withdrawn."""
MAX_FAULT_ROWS = 1000
"""Rows of one fault code that a capture writes; the rest is only counted."""

_MAX_BACK = cython.declare(cython.longlong, 1 << 20)
_MAX_KEPT = cython.declare(cython.longlong, MAX_KEPT)
# large literals would be Python integers in the compiled build
_LOW32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_UNREAD = cython.declare(cython.int, 0)
_LINK = cython.declare(cython.int, 1)
_TCP = cython.declare(cython.int, 3)
_UDP = cython.declare(cython.int, 4)
_PENDING = cython.declare(cython.int, 6)


def transport_of(f: Flow):
    """The name under which parsers declare the ports of such a flow: tcp, udp or eth (EtherTypes)."""
    if f.family == 0:
        return "eth"
    return "tcp" if f.proto == 6 else "udp"


class Onward(Carrier):
    """Hands bytes on to the other parsers of an engine."""

    def __init__(self, engine):
        self.engine = engine

    def carry(self, r: Reader, n, name):
        """See `Engine.carry`."""
        return self.engine.carry(r, n, name)


class Engine:
    """Reads captures one after the other into `rows`, `flow_rows` and `idents`, batch by batch."""

    def __init__(self, protocols, identifier, limit=MAX_FLOWS):
        self.protocols = protocols
        self.identifier = identifier
        self.parsers = [p.parse for p in protocols]
        self.probes = [p.probe for p in protocols]
        self.caps = [p.stream_cap for p in protocols]
        self.rows = Rows()
        self.extras = []
        for p in protocols:
            block = Own(len(p.table) + 1) if p.table else None
            self.extras.append(block)
            if block is not None:
                self.rows.extras[p.index] = block
        self.rows.carrier = Onward(self)
        self.reader = Reader(b"")
        self.decoder = Decoder()
        self.table = FlowTable(limit)
        self.flow_rows = Block(L_WIDTH, 1024)
        self.idents = Block(D_WIDTH, 256)
        self.copies = Copies()
        self.batch_messages = BATCH_MESSAGES
        self.batch_flows = BATCH_FLOWS
        self.batch_points = BATCH_POINTS
        self.batch_heap = BATCH_HEAP
        self.flow_number = 0
        self.capture = 0
        self.frames = 0
        self.bytes = 0
        self.duplicates = 0
        self.cut = 0
        self.backwards = 0
        self.unread_frames = 0
        self.unread = {}
        self.fault_counts = {}
        self.fault_rows = {}
        self.last_time = 0
        self.first_time = 0
        self.latest_time = 0
        self.flow = None
        self.side = 0
        self.current = -1
        self.segment = 0
        self.defects = []
        self.depth = 0
        self.layer2 = any("eth" in p.transports for p in protocols)
        self.arps = {}

    # -- captures and batches ---------------------------------------------------------------------------------

    def begin(self, capture, flow_base):
        """Start a capture: its number in the case and, for the first of a conversation, where flow numbers begin."""
        self.capture = capture
        self.rows.capture = capture
        if flow_base >= 0:
            self.flow_number = flow_base
        self.frames = 0
        self.bytes = 0
        self.duplicates = 0
        self.cut = 0
        self.backwards = 0
        self.unread_frames = 0
        self.unread = {}
        self.fault_rows = {}
        self.last_time = 0
        self.first_time = 0
        self.latest_time = 0

    def read(self, source: CaptureReader, limit):
        """Read frames until a batch is full, `limit` frames were read, or the source ends (False)."""
        count = cython.cast(cython.longlong, 0)
        while count < limit:
            if not source.next():
                return False
            count += 1
            self.frame(source)
            if self.full():
                return True
        return True

    def full(self):
        """Whether enough rows are there for a batch."""
        rows = self.rows
        return (
            rows.messages.n >= self.batch_messages
            or self.flow_rows.n >= self.batch_flows
            or rows.points.n >= self.batch_points
            or rows.heap_n >= self.batch_heap
            or rows.items.n >= self.batch_points
        )

    def next_batch(self):
        """Forget the rows of the batch that was just taken."""
        if self.rows.texts_dropped:
            self.fault_counts[int(Fault.TEXT_CAP)] = self.rows.texts_dropped
        self.rows.clear()
        self.flow_rows.clear()
        self.idents.clear()
        self.rows.batch += 1

    def finish(self):
        """The end of the conversation: give up what is still missing, write every open flow's row.

        False where the batch is full before the last of them: take it and call again.
        """
        self.decoder.fragments.finish()
        self.note_lost()
        for key in list(self.table.flows):
            if self.flow_rows.n >= self.batch_flows:
                return False
            f = self.table.flows.get(key)
            self.table.remove(f)
            self.end(f, 0)
        return True

    def open_flows(self):
        """Rows of the flows that have not ended, as they stand; shape (n, L_WIDTH). They stay open."""
        block = Block(L_WIDTH, max(self.table.count, 1))
        for f in self.table.flows.values():
            write_flow(block, f, self.rows, 0)
        return block.take()

    # -- one frame --------------------------------------------------------------------------------------------

    def frame(self, source: CaptureReader):
        """Everything that happens with one frame."""
        time = source.time
        self.frames += 1
        self.bytes += source.wire
        if time < self.last_time:
            self.backwards += 1
            self.note_frame(source.frame, time, int(Fault.TIME_BACKWARDS), "time stamp before that of the frame before")
        if self.frames == 1 or time < self.first_time:
            self.first_time = time
        if time > self.latest_time:
            self.latest_time = time
        self.last_time = time
        d = self.decoder
        kind = d.decode(source.chunk, source.start, source.end, source.link, time, source.frame)
        if source.wire > source.end - source.start:
            self.cut += 1
        if d.fault != 0:
            if d.fault != int(Fault.FRAME_CUT) or source.wire > source.end - source.start:
                self.note_frame(source.frame, time, d.fault, d.fault_detail)
            else:
                # shorter than its own header says although the capture holds all of it
                self.note_frame(source.frame, time, int(Fault.FRAME_MALFORMED), d.fault_detail)
        if d.unread is not None:
            self.unread_frames += 1
            self.unread[d.unread] = self.unread.get(d.unread, 0) + 1
            if kind == _UNREAD:
                if source.link not in LINK_TYPES:
                    self.note_frame(source.frame, time, int(Fault.LINK_TYPE), d.unread)
                return
        if kind == _PENDING:
            if d.fragments.lost:
                self.note_lost()
            return
        if self.copies.seen(d, kind):
            self.duplicates += 1
            return
        if kind == _LINK and d.ethertype == 0x0806:
            self.arp()
        table = self.table
        f = table.find(d)
        if f is None:
            f = self.new_flow()
            side = 0
        else:
            side = 0 if table.from_low == f.low_first else 1
            if kind == _TCP and d.flags & 2 and self.restarts(f, side):
                table.remove(f)
                self.end(f, 1)
                f = self.new_flow()
                side = 0
            else:
                table.touch(f, time)
        f.last_frame = d.frame
        payload = d.payload_end - d.payload
        if side == 0:
            f.packets0 += 1
            f.bytes0 += source.wire
            if payload > 0 and kind != _LINK:
                f.payload0 += payload
        else:
            f.packets1 += 1
            f.bytes1 += source.wire
            if payload > 0 and kind != _LINK:
                f.payload1 += payload
        if kind == _TCP:
            self.tcp(f, side)
        elif payload > 0 and (kind == _UDP or (kind == _LINK and self.layer2)):
            self.segment = d.payload
            self.datagram(f, side)

    def note_lost(self):
        """Datagrams whose fragments did not all come."""
        for frame, time, pieces in self.decoder.fragments.lost:
            self.note_frame(frame, time, int(Fault.FRAGMENT_LOST), f"{pieces} fragments, the rest is missing")
        self.decoder.fragments.lost.clear()

    def note_frame(self, frame, time, code, detail):
        """A fault of a frame, outside any flow; rows are capped, counts are not."""
        rows = self.rows
        rows.at(frame, frame, time, -1, -1, 0, 0)
        rows.protocol = -1
        self.note(code, detail, 0)

    def note_capture(self, code, detail, offset):
        """A fault of the capture file itself, at a byte offset: frame 0, no flow."""
        self.rows.at(0, 0, self.last_time, -1, -1, 0, offset)
        self.rows.protocol = -1
        self.note(code, detail, offset)

    def note(self, code, detail, offset):
        """A fault at the place that the rows stand at."""
        self.fault_counts[code] = self.fault_counts.get(code, 0) + 1
        written = self.fault_rows.get(code, 0)
        if written < MAX_FAULT_ROWS:
            self.fault_rows[code] = written + 1
            self.rows.trouble(code, detail, offset)

    def new_flow(self):
        """A flow for the decoded frame; flows that had to go are written first."""
        table = self.table
        d = self.decoder
        table.expire(d.time)
        f = table.make(d, self.flow_number)
        self.flow_number += 1
        f.capture = self.capture
        if table.out:
            for gone, why in table.out:
                self.end(gone, why)
                if why == ENDED_EVICTED:
                    self.note_frame(d.frame, d.time, int(Fault.FLOW_EVICTED), "more flows than are kept")
            table.out = []
        return f

    def restarts(self, f: Flow, side):
        """Whether a SYN begins a new connection on an old flow's addresses and ports."""
        d = self.decoder
        if d.flags & 16:
            return False
        if f.syn_seq >= 0 and f.client == side:
            return f.syn_seq != d.seq
        return f.payload0 > 0 or f.payload1 > 0 or (f.tcp_flags0 | f.tcp_flags1) & 5 != 0

    def arp(self):
        """An ARP packet (RFC 826) binds its sender's MAC and IPv4 addresses."""
        d = self.decoder
        p = d.payload
        if (
            d.payload_end - p < 28
            or d.buf[p] != 0
            or d.buf[p + 1] != 1
            or d.buf[p + 2] != 8
            or d.buf[p + 4] != 6
            or d.buf[p + 5] != 4
        ):
            return
        key = d.piece(p + 8, p + 18)
        if key not in self.arps and len(self.arps) < 65536:
            self.arps[key] = (self.capture, d.frame, d.time)

    # -- TCP --------------------------------------------------------------------------------------------------

    def tcp(self, f: Flow, side):
        """Order a segment into its stream and hand on what is in turn."""
        d = self.decoder
        flags = d.flags
        if side == 0:
            f.tcp_flags0 |= flags
            s = f.stream0
            other = f.stream1
        else:
            f.tcp_flags1 |= flags
            s = f.stream1
            other = f.stream0
        declared = d.declared
        if flags & 2:
            if s is None:
                s = Stream()
                if side == 0:
                    f.stream0 = s
                else:
                    f.stream1 = s
            if s.next < 0:
                s.next = (d.seq + 1) & _LOW32
                s.synced = True
            if flags & 16 == 0:
                f.client = side
                f.syn_seq = d.seq
            else:
                f.client = 1 - side
            f.direction_by = 3
            # data in a SYN (RFC 7413) is rare and is sent again when it was not taken
            return
        if other is not None and flags & 16:
            other.acknowledge(d.ack)
            if other.held:
                if other.hopeless(d.time):
                    self.drain(f, 1 - side, other, d.time, True)
        if declared <= 0:
            return
        if s is None:
            s = Stream()
            if side == 0:
                f.stream0 = s
            else:
                f.stream1 = s
        if s.next < 0:
            # the connection began before the capture
            s.next = d.seq
        ahead = s.distance(d.seq)
        if ahead <= -_MAX_BACK:
            # no window reaches that far back: another connection whose beginning was not captured
            self.gap(f, side, s, 0, d.frame, d.time)
            s.next = d.seq
            ahead = 0
        if ahead == 0 and s.held and s.distance(s.held[0][0]) < declared:
            self.overtaken(f, side, s)
        elif ahead == 0:
            self.segment = d.payload
            if f.label >= 0:
                s.remember(d)
            self.deliver(f, side, s, d.payload, d.payload_end)
            s.advance(declared)
            if declared > d.payload_end - d.payload:
                self.gap(f, side, s, declared - (d.payload_end - d.payload), d.frame, d.time)
            if s.held:
                self.drain(f, side, s, d.time, False)
        elif ahead < 0:
            f.retransmissions += 1
            if f.label >= 0 and s.differs(d):
                f.faults += 1
                self.stand(f, side, d.frame, d.frame, d.time, 0)
                self.note(int(Fault.STREAM_OVERLAP), "a segment repeats bytes with other content: the first stay", 0)
            if ahead + declared > 0:
                fresh = d.payload - ahead
                if fresh < d.payload_end:
                    self.segment = d.payload
                    self.deliver(f, side, s, fresh, d.payload_end)
                s.advance(ahead + declared)
                missing = declared - (d.payload_end - d.payload)
                if missing > 0:
                    self.gap(f, side, s, missing, d.frame, d.time)
                if s.held:
                    self.drain(f, side, s, d.time, False)
        else:
            f.reordered += 1
            before = s.held_bytes
            s.hold(d.seq, d.piece(d.payload, d.payload_end), declared, d.frame, d.time, self.capture)
            self.rows.kept += s.held_bytes - before
            if self.rows.kept > _MAX_KEPT:
                self.over_cap(f, side, d.frame, d.time)
                self.drain(f, side, s, d.time + 2 * MAX_WAIT, True)
            elif s.hopeless(d.time):
                self.drain(f, side, s, d.time, True)

    def overtaken(self, f: Flow, side, s: Stream):
        """A segment in turn that covers bytes which waited behind the hole that it fills: what came first stays."""
        d = self.decoder
        data = d.piece(d.payload, d.payload_end)
        size = len(data)
        done = cython.cast(cython.longlong, 0)
        while done < size:
            stop = size
            if s.held:
                room = s.distance(s.held[0][0])
                if done + room < size:
                    stop = done + room
            if stop > done:
                self.deliver_bytes(f, side, s, data[:stop], done, d.frame, d.time)
                s.advance(stop - done)
            if stop < size:
                waited = s.held[0][1]
                again = data[stop : stop + len(waited)]
                if again != waited[: len(again)]:
                    f.faults += 1
                    self.stand(f, side, d.frame, d.frame, d.time, 0)
                    self.note(int(Fault.STREAM_OVERLAP), "other bytes than those that waited: the first stay", 0)
            self.drain(f, side, s, d.time, False)
            done = -s.distance(d.seq)
        missing = d.declared - done
        if missing > 0:
            s.advance(missing)
            self.gap(f, side, s, missing, d.frame, d.time)

    def drain(self, f: Flow, side, s: Stream, time, skip):
        """Hand on held segments that are in turn now; with `skip`, step over holes that will not be filled."""
        rows = self.rows
        while s.held:
            rows.capture = s.held[0][5]
            seq = cython.cast(cython.longlong, s.held[0][0])
            ahead = s.distance(seq)
            if ahead > 0:
                if not skip or not s.hopeless(time):
                    break
                self.gap(f, side, s, ahead, s.held[0][3], s.held[0][4])
                s.next = seq
                ahead = 0
            held = s.pop(time)
            data = held[1]
            self.rows.kept -= len(data)
            declared = cython.cast(cython.longlong, held[2])
            if ahead + declared <= 0:
                f.retransmissions += 1
                continue
            start = -ahead
            if start < len(data):
                self.deliver_bytes(f, side, s, data, start, held[3], held[4])
            s.advance(ahead + declared)
            if declared > len(data):
                self.gap(f, side, s, declared - len(data), held[3], held[4])
        rows.capture = self.capture

    def gap(self, f: Flow, side, s: Stream, n, frame, time):
        """Bytes of the stream are missing and will not come: go on behind them at the next message."""
        f.gaps += 1
        f.gap_bytes += n
        s.holes += 1
        f.faults += 1
        self.stand(f, side, frame, frame, time, 0)
        self.note(int(Fault.STREAM_GAP), f"{n} bytes missing", 0)
        self.drop_tail(s)
        s.synced = False
        self.drop_slot(f, side)

    def drop_slot(self, f: Flow, side):
        """Forget what the parser kept of one direction of a flow."""
        if side == 0:
            if f.slot0 is not None:
                f.slot0.clear()
            self.rows.kept -= f.slot_bytes0
            f.slot_bytes0 = 0
        else:
            if f.slot1 is not None:
                f.slot1.clear()
            self.rows.kept -= f.slot_bytes1
            f.slot_bytes1 = 0

    def over_cap(self, f: Flow, side, frame, time):
        """All flows together keep too much: what this one wanted to keep is given up."""
        f.faults += 1
        self.stand(f, side, frame, frame, time, 0)
        self.note(int(Fault.STREAM_CAP), "all flows together keep too much: dropped", 0)

    def drop_tail(self, s: Stream):
        """Forget the beginning of a message whose rest will not be read."""
        self.rows.kept -= len(s.tail)
        s.tail = b""
        s.wanted = 0

    def deliver(self, f: Flow, side, s: Stream, start, end):
        """Payload of the current frame that is next in its stream."""
        d = self.decoder
        if end <= start or f.settled:
            return
        at = start - self.segment
        if f.label < 0:
            self.undecided(f, side, s, d.piece(start, end), d.first_frame, d.frame, d.time, at)
        elif s.tail:
            self.run_tail(f, side, s, d.piece(start, end), d.frame, d.time, at)
        else:
            self.run(f, side, s, d.data, start, end, d.first_frame, d.frame, d.time, at, 0, at)

    def deliver_bytes(self, f: Flow, side, s: Stream, data, start, frame, time):
        """Payload that had been held back."""
        if f.settled:
            return
        piece = data[start:] if start > 0 else data
        if f.label < 0:
            self.undecided(f, side, s, piece, frame, frame, time, start)
        elif s.tail:
            self.run_tail(f, side, s, piece, frame, time, start)
        else:
            self.run(f, side, s, piece, 0, len(piece), frame, frame, time, start, 0, start)

    def datagram(self, f: Flow, side):
        """The payload of a UDP datagram or of a frame without IP: whole messages, nothing left over."""
        d = self.decoder
        if f.settled:
            return
        if f.label >= 0:
            self.run(f, side, None, d.data, d.payload, d.payload_end, d.first_frame, d.frame, d.time, 0, 0, 0)
        else:
            self.undecided(f, side, None, d.piece(d.payload, d.payload_end), d.first_frame, d.frame, d.time, 0)

    # -- which protocol ---------------------------------------------------------------------------------------

    def undecided(self, f: Flow, side, s: Stream | None, data, since, frame, time, offset):
        """Keep payload until the protocol is known, then give all of it to the parser in the order it came."""
        if f.scores is None:
            f.scores = {}
            f.backlog = []
        first = True
        before = b""
        for kept in f.backlog:
            if kept[0] == side:
                first = False
                before += kept[1]
        synced = s is None or s.synced
        holes = 0 if s is None else s.holes
        f.backlog.append((side, data, since, frame, time, offset, self.rows.capture, synced, holes))
        f.backlog_bytes += len(data)
        self.rows.kept += len(data)
        transport = transport_of(f)
        if f.direction_by != 3:
            self.turn_by_port(f, transport)
        direction = 0 if side == f.client else 1
        if f.family == 0:
            ports = (f.ethertype, f.ethertype)
        else:
            ports = (f.port0, f.port1) if f.client == 0 else (f.port1, f.port0)
        if f.proto == 6 and synced and not first:
            shown = before + data
        else:
            shown = data
        decision = self.identifier.look(
            f.scores, transport, ports, direction, shown, synced and (first or f.proto == 6), f.direction_by == 3
        )
        if decision is None and len(shown) > len(data):
            # the stream may begin with a damaged message: believe a signature in the newest piece
            decision = self.identifier.sure(transport, direction, data)
        if decision is None:
            if self.rows.kept > _MAX_KEPT:
                self.over_cap(f, side, frame, time)
            elif len(f.backlog) < MAX_BACKLOG and f.backlog_bytes < MAX_BACKLOG_BYTES:
                return
            decision = GIVE_UP
        if decision is GIVE_UP:
            decision = self.framed(f, transport) or GIVE_UP
        if decision.protocol is None:
            f.name = decision.name or None
            f.label_by = decision.by
            f.confidence = decision.confidence
            f.settled = True
            self.forget_backlog(f)
            return
        self.label(f, decision)

    def framed(self, f: Flow, transport):
        """The last look at a flow that is about to be given up: what its framing makes it, or None."""
        pieces = [(kept[0], kept[1]) for kept in f.backlog]
        found = self.identifier.framed(transport, (f.port0, f.port1), pieces)
        if found is not None:
            # a piece that is framed begins with a message, in a stream that was picked up in the middle as well
            f.backlog = [(*kept[:7], True, kept[8]) for kept in f.backlog]
        return found

    def forget_backlog(self, f: Flow):
        """Give up the payload that waited for a label."""
        self.rows.kept -= f.backlog_bytes
        f.backlog = None
        f.backlog_bytes = 0
        f.scores = None

    def turn_by_port(self, f: Flow, transport):
        """Without a handshake, the side on the better known port is taken for the server."""
        known0 = guess(transport, -1, f.port0) != ""
        known1 = guess(transport, -1, f.port1) != ""
        if known0 != known1:
            f.client = 1 if known0 else 0
            f.direction_by = 1
        elif (f.port0 < 1024) != (f.port1 < 1024):
            f.client = 1 if f.port0 < 1024 else 0
            f.direction_by = 1

    def label(self, f: Flow, decision):
        """Fix the protocol of a flow, turn it the right way round, and parse what had waited."""
        protocol = decision.protocol
        f.label = protocol.index
        f.name = protocol.name
        f.label_by = decision.by
        f.confidence = decision.confidence
        backlog = f.backlog
        self.forget_backlog(f)
        if f.direction_by != 3:
            self.turn(f, protocol, backlog)
        elif decision.by == BY_FRAMING:
            self.turn_caller(f, protocol, backlog)
        server = f.port1 if f.client == 0 else f.port0
        f.oriented = f.direction_by == 3 or server in protocol.ports.get(transport_of(f), ())
        here = self.rows.capture
        seen = [-1, -1]
        for side, data, since, frame, time, offset, capture, synced, holes in backlog:
            if f.settled:
                break
            self.rows.capture = capture
            if f.proto != 6:
                self.run(f, side, None, data, 0, len(data), since, frame, time, offset, 0, offset)
                continue
            s = f.stream0 if side == 0 else f.stream1
            if seen[side] != holes:
                # the first piece, or the first one behind bytes that are missing
                self.drop_tail(s)
                s.synced = synced
                seen[side] = holes
            if s.tail:
                self.run_tail(f, side, s, data, frame, time, offset)
            else:
                self.run(f, side, s, data, 0, len(data), since, frame, time, offset, 0, offset)
        self.rows.capture = here

    def turn(self, f: Flow, protocol, backlog):
        """Who is the client, when no handshake said so: the parser's own port, or else what its messages say."""
        ports = protocol.ports.get(transport_of(f), ())
        here = f.port0 in ports
        there = f.port1 in ports
        if here != there:
            f.client = 1 if here else 0
            f.direction_by = 1
            return
        for side, data, _, _, _, _, _, _, _ in backlog:
            way = self.told(protocol, data)
            if way == 0 or way == 1:
                f.client = side if way == 0 else 1 - side
                f.direction_by = 2
                return

    def turn_caller(self, f: Flow, protocol, backlog):
        """Turn a flow whose connection a server opened: from its protocol's own port, or to be sent requests."""
        ports = protocol.ports.get(transport_of(f), ())
        opener = f.port0 if f.client == 0 else f.port1
        other = f.port1 if f.client == 0 else f.port0
        if opener in ports and other not in ports:
            f.client = 1 - f.client
            f.direction_by = 1
            return
        asked = [self.told(protocol, kept[1]) == 0 for kept in backlog if kept[0] != f.client]
        if asked and all(asked):
            f.client = 1 - f.client
            f.direction_by = 2

    def told(self, protocol, data):
        """Which way a message goes by its own bytes: 0 to the server, 1 to the client, -1 where they do not tell."""
        if protocol.orient is None:
            return -1
        try:
            return int(protocol.orient(Reader(data)))
        except Exception:  # Short, Malformed, or a defect: these bytes do not tell
            return -1

    # -- parsing ----------------------------------------------------------------------------------------------

    def stand(self, f: Flow, side, since, frame, time, offset):
        """Set the place of the rows that follow."""
        rows = self.rows
        if f.ident_batch != rows.batch:
            write_identity(self.idents, f, rows.batch)
        rows.at(frame, since, time, f.number, f.ident, 0 if side == f.client else 1, offset)
        rows.protocol = f.label

    def run_tail(self, f: Flow, side, s: Stream, data, frame, time, offset):
        """Parse bytes whose message began in an earlier frame."""
        since = s.tail_frame
        at = s.tail_offset
        joined = s.tail + data
        wanted = s.wanted
        self.drop_tail(s)
        if len(joined) < wanted:
            self.keep_tail(f, side, s, joined, wanted, since, at, frame, time)
            return
        self.run(f, side, s, joined, 0, len(joined), since, frame, time, at, len(joined) - len(data), offset)

    def keep_tail(self, f: Flow, side, s: Stream, data, wanted, since, offset, frame, time):
        """Keep the beginning of a message until more of it comes; it began in frame `since` at `offset`."""
        if self.rows.kept + len(data) > _MAX_KEPT:
            self.over_cap(f, side, frame, time)
            s.synced = False
            return
        self.rows.kept += len(data)
        s.tail = data
        s.wanted = wanted
        s.tail_frame = since
        s.tail_offset = offset
        s.tail_capture = self.rows.capture

    def run(self, f: Flow, side, s: Stream | None, data, start, end, since, frame, time, offset, seam, behind):
        """Give every message in `data[start:end]` to the flow's parser; keep what is not complete.

        `since` is the frame of the first byte, `offset` its place in that frame's payload; the bytes from `seam` on are
        those of the current frame, from `behind` on in its payload. `s` is None for datagrams.
        """
        rows = self.rows
        r = self.reader
        r.reset(data, start, end)
        label = f.label
        parse = self.parsers[label]
        slot = f.slot0 if side == 0 else f.slot1
        if slot is None:
            slot = {}
            if side == 0:
                f.slot0 = slot
            else:
                f.slot1 = slot
            if f.shared is None:
                f.shared = {}
        rows.slot = slot
        rows.shared = f.shared
        rows.extra = self.extras[label]
        rows.oriented = f.oriented
        self.flow = f
        self.side = side
        self.current = label
        self.stand(f, side, since, frame, time, offset)
        if s is not None and not s.synced:
            if not self.resync(f, side, s, r, start, True):
                return
        while r.pos < r.end:
            at = r.pos
            here = at - start
            here = offset + here if here < seam else behind + here - seam
            r.start = at
            r.wanted = 0
            rows.at(frame, since, time, rows.flow, rows.ident, rows.direction, here)
            rows.protocol = label
            messages = rows.messages.n
            items = rows.items.n
            points = rows.points.n
            faults = rows.faults.n
            heap = rows.heap_n
            rows.grown = 0
            try:
                parse(r, rows)
                if rows.grown != 0:
                    self.account(f, side)
                r.end = end
                r.narrowed = 0
                if r.pos <= at:
                    raise Malformed(int(Fault.PARSER), "the parser consumed nothing")
                if rows.messages.n > messages:
                    f.messages += rows.messages.n - messages
                    f.spoke |= 1 << side
                    if rows.messages.a[messages, M_LENGTH] == 0:
                        rows.messages.a[messages, M_LENGTH] = r.pos - at
                if rows.faults.n > faults:
                    self.count_faults(f, faults)
                since = frame
            except Short:
                rows.rollback(messages, items, points, faults, heap)
                r.end = end
                r.narrowed = 0
                if s is None:
                    self.malformed(f, messages, int(Fault.SHORT), "the datagram ends before the message does", here)
                    return
                if r.end - at > self.caps[label] or r.wanted > self.caps[label]:
                    self.malformed(
                        f,
                        messages,
                        int(Fault.TOO_LARGE),
                        "a message longer than this protocol allows",
                        here,
                    )
                    r.pos = at
                    if not self.resync(f, side, s, r, at + 1, False):
                        return
                    continue
                self.keep_tail(f, side, s, r.slice(at, end), r.wanted, since, here, frame, time)
                return
            except MemoryError:
                raise
            except Exception as error:
                r.end = end
                r.narrowed = 0
                self.account(f, side)
                code, detail = self.complaint(error, label, frame)
                if code == int(Fault.TOO_LARGE):
                    self.drop_slot(f, side)
                self.malformed(f, messages, code, detail, here)
            else:
                if f.family == 0:
                    # what follows in a frame without IP is padding: nothing says where the message ends but itself
                    return
                continue
            # only after a malformed message: look for the next one
            if f.settled:
                return
            if s is None:
                return
            r.pos = at
            if not self.resync(f, side, s, r, at + 1, False):
                return

    def account(self, f: Flow, side):
        """Note by how much the parser's slot grew."""
        if side == 0:
            f.slot_bytes0 += self.rows.grown
        else:
            f.slot_bytes1 += self.rows.grown
        self.rows.grown = 0

    def complaint(self, error, label, frame):
        """Fault code and detail of what a parser raised.

        What is no Malformed is a defect of the parser: the flow goes on, the report says so, the log has the traceback.
        """
        if isinstance(error, Malformed):
            code = int(error.args[0]) if error.args else int(Fault.VALUE)
            return code, str(error.args[1]) if len(error.args) > 1 else ""
        if len(self.defects) < MAX_DEFECTS:
            self.defects.append((self.protocols[label].name, frame, traceback.format_exc()))
        return int(Fault.PARSER), f"{type(error).__name__} in the parser"

    def count_faults(self, f: Flow, first):
        """Count the faults that a parser noted on messages that it could read."""
        rows = self.rows
        for n in range(first, rows.faults.n):
            code = int(rows.faults.cells[n, 4])
            self.fault_counts[code] = self.fault_counts.get(code, 0) + 1
            f.faults += 1

    def malformed(self, f: Flow, messages, code, detail, offset):
        """Note a message that could not be read; withdraw the label where there is little else."""
        rows = self.rows
        f.faults += 1
        f.malformed += 1
        self.fault_counts[code] = self.fault_counts.get(code, 0) + 1
        rows.extra = self.extras[f.label]
        rows.protocol = f.label
        if rows.messages.n == messages:
            rows.offset = offset
            rows.message(int(Kind.MALFORMED), -1, NO_OPERATION)
        f.messages += rows.messages.n - messages
        rows.fault(code, detail)
        if f.malformed > MAX_MALFORMED and f.malformed > 4 * (f.messages - f.malformed):
            f.settled = True
            f.confidence = 0.1

    def resync(self, f: Flow, side, s: Stream, r: Reader, at, whole):
        """Find where the next message begins, from position `at` on; False where this piece holds none.

        At the start of a segment (`whole`) a probe that says MAYBE is believed, elsewhere only one that says YES.
        """
        probe = self.probes[f.label]
        direction = 0 if side == f.client else 1
        end = r.end
        first = at
        while at < end:
            r.start = at
            r.pos = at
            r.wanted = 0
            try:
                verdict = int(probe(r, direction))
            except Short:
                verdict = 1 if whole and at == first and end - at < 12 else 0
            except Exception:  # Malformed, or a defect of the probe: no message begins here
                verdict = 0
            r.end = end
            r.narrowed = 0
            if verdict == int(Verdict.YES) or (verdict == int(Verdict.MAYBE) and whole and at == first):
                if at > first or not whole:
                    self.note(int(Fault.RESYNC), f"{at - first} bytes skipped", 0)
                    f.faults += 1
                s.skipped = 0
                s.synced = True
                r.start = at
                r.pos = at
                return True
            if at - first >= 4096:
                break
            at += 1
        if s.skipped == 0:
            self.note(int(Fault.RESYNC), "no message begins here; the next one is looked for", 0)
            f.faults += 1
        s.skipped += end - first
        s.synced = False
        return False

    def carry(self, r: Reader, n, name):
        """The parser of what a carrier carries gets the next n bytes: see Rows.hand."""
        f = self.flow
        rows = self.rows
        outer = self.current
        inner = -1
        if name:
            for p in self.protocols:
                if p.name == name:
                    inner = p.index
        elif f.inner >= 0:
            inner = f.inner
        else:
            r.need(n)
            found = self.identifier.inner(self.protocols[outer].name, r.slice(r.pos, r.pos + n), rows.direction)
            if found is not None:
                inner = found.index
                f.inner = inner
                f.name = found.name
        if inner < 0 or inner == outer:
            r.skip(n)
            return False
        if self.depth >= MAX_DEPTH:
            r.skip(n)
            self.note(int(Fault.DEPTH), "more protocols inside each other than are read", rows.offset)
            return False
        self.depth += 1
        saved = r.narrow(n)
        stop = r.end
        extra = rows.extra
        row = rows.row
        self.current = inner
        messages = rows.messages.n
        try:
            while r.pos < stop:
                at = r.pos
                rows.extra = self.extras[inner]
                rows.protocol = inner
                rows.row = -1
                messages = rows.messages.n
                self.parsers[inner](r, rows)
                if r.pos <= at:
                    raise Malformed(int(Fault.PARSER), "the parser consumed nothing")
                if rows.messages.n > messages and rows.messages.a[messages, M_LENGTH] == 0:
                    rows.messages.a[messages, M_LENGTH] = r.pos - at
        except (MemoryError, Short):
            raise
        except Exception as error:
            code, detail = self.complaint(error, inner, rows.frame)
            rows.extra = self.extras[inner]
            rows.protocol = inner
            if rows.messages.n == messages:
                rows.message(int(Kind.MALFORMED), -1, NO_OPERATION)
            rows.fault(code, detail)
        finally:
            rows.row = row
            self.depth -= 1
            r.end = stop
            r.widen(saved)
            r.pos = stop
            self.current = outer
            rows.protocol = outer
            rows.extra = extra
        return True

    # -- the end of a flow ------------------------------------------------------------------------------------

    def end(self, f: Flow, why):
        """Hand on what waited for a missing segment, then write the flow's row; `why` as in flows.py."""
        for side in range(2):
            s = f.stream0 if side == 0 else f.stream1
            if s is None:
                continue
            while s.held:
                seq = cython.cast(cython.longlong, s.held[0][0])
                ahead = s.distance(seq)
                if ahead > 0:
                    self.rows.capture = s.held[0][5]
                    self.gap(f, side, s, ahead, s.held[0][3], s.held[0][4])
                    s.next = seq
                self.drain(f, side, s, f.last_time, False)
        if f.backlog:
            found = self.framed(f, transport_of(f))
            if found is not None:
                self.label(f, found)
        for side in range(2):
            s = f.stream0 if side == 0 else f.stream1
            if s is not None and s.tail and f.label >= 0:
                self.rows.capture = s.tail_capture
                self.stand(f, side, s.tail_frame, s.tail_frame, f.last_time, s.tail_offset)
                self.note(
                    int(Fault.STREAM_TAIL), f"the stream ends with {len(s.tail)} bytes of a message", s.tail_offset
                )
                f.faults += 1
                self.drop_tail(s)
        if f.backlog is not None:
            self.forget_backlog(f)
        if f.slot_bytes0 + f.slot_bytes1 > 0:
            self.stand(f, 0 if f.slot_bytes0 > 0 else 1, f.last_frame, f.last_frame, f.last_time, 0)
            self.note(int(Fault.STREAM_TAIL), "a message in fragments that was not finished", 0)
            f.faults += 1
        self.drop_slot(f, 0)
        self.drop_slot(f, 1)
        if why == 0 and (f.tcp_flags0 | f.tcp_flags1) & 5:
            why = 1
        if f.label < 0 and f.name is None:
            if f.payload0 + f.payload1 > 0:
                self.note_stranger(f)
            name = self.guess(f)
            if name:
                f.name = name
                f.label_by = 3
                f.confidence = GUESS_CONFIDENCE
        if f.label_by == BY_FRAMING and f.messages > f.faults:
            # a message without fault came after all
            f.label_by = BY_ONE
            f.confidence = FRAMED_SOUND
        self.rows.capture = self.capture
        write_flow(self.flow_rows, f, self.rows, why)

    def note_stranger(self, f: Flow):
        """Payload on the port of a parser that is no message of its protocol, nor of any other that is known."""
        transport = transport_of(f)
        for p in self.protocols:
            ports = p.ports.get(transport, ())
            if f.port0 in ports or f.port1 in ports:
                self.stand(f, 0, f.first_frame, f.first_frame, f.first_time, 0)
                self.note(int(Fault.IDENTIFIER), f"payload on the port of {p.name} that is no message of it", 0)
                f.faults += 1
                return

    def guess(self, f: Flow):
        """The service that the ports suggest, for a flow that nobody recognised."""
        if f.proto != 6 and f.proto != 17:
            return ""
        transport = "tcp" if f.proto == 6 else "udp"
        if f.direction_by != 3:
            self.turn_by_port(f, transport)
        if f.client == 0:
            return guess(transport, f.port0, f.port1)
        return guess(transport, f.port1, f.port0)
