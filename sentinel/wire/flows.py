# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""The flow table: who talks to whom, bounded, oldest idle flow evicted first.

A flow is keyed by both addresses, both ports, the IP protocol and the kinds of tunnel around it, in either
direction. VLAN tags are not part of the key: mirror ports deliver one conversation with the tag in one direction
and without it in the other.
"""

import cython

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
    from cython.cimports.sentinel.wire.decode import Decoder
else:
    from sentinel.wire.decode import Decoder

MAX_FLOWS = 1 << 16
IDLE_TCP = 3600 * 1_000_000_000
IDLE_OTHER = 900 * 1_000_000_000
"""ns of capture time after which a silent flow is closed."""

END_OF_CAPTURE = 0
ENDED_CLOSED = 1
ENDED_IDLE = 2
ENDED_EVICTED = 3

BY_FIRST_FRAME = 0
BY_PORT = 1
BY_PAYLOAD = 2
BY_HANDSHAKE = 3

RECENT = 1 << 12
"""Places for flows over IPv4 that are found without building their key."""

_RELINK = cython.declare(cython.longlong, 1_000_000_000)
_RECENT = cython.declare(cython.longlong, RECENT)


class Flow:
    """One conversation; side 0 sent its first frame, side 1 is the other."""

    def __init__(self):
        self.number = 0
        self.key = b""
        self.place = -1
        self.low_first = False
        self.proto = -1
        self.family = 0
        self.ethertype = -1
        self.port0 = -1
        self.port1 = -1
        self.mac0 = -1
        self.mac1 = -1
        self.low0 = 0
        self.high0 = 0
        self.low1 = 0
        self.high1 = 0
        self.vlan = -1
        self.icmp = -1
        self.tunnel = None
        self.first_time = 0
        self.last_time = 0
        self.linked_time = 0
        self.first_frame = 0
        self.last_frame = 0
        self.capture = 0
        self.packets0 = 0
        self.packets1 = 0
        self.bytes0 = 0
        self.bytes1 = 0
        self.payload0 = 0
        self.payload1 = 0
        self.client = 0
        self.direction_by = 0
        self.tcp_flags0 = 0
        self.tcp_flags1 = 0
        self.syn_seq = -1
        self.gaps = 0
        self.gap_bytes = 0
        self.retransmissions = 0
        self.reordered = 0
        self.messages = 0
        self.faults = 0
        self.malformed = 0
        self.label = -1
        self.inner = -1
        self.label_by = 0
        self.confidence = 0.0
        self.name = None
        self.settled = False
        self.oriented = False
        self.spoke = 0
        self.scores = None
        self.backlog = None
        self.backlog_bytes = 0
        self.stream0 = None
        self.stream1 = None
        self.slot0 = None
        self.slot1 = None
        self.shared = None
        self.slot_bytes0 = 0
        self.slot_bytes1 = 0
        self.ident = 0
        self.ident_batch = -1
        self.newer = None
        self.older = None


def state_of(f: Flow):
    """What a flow is, as JSON can hold it, but for its streams and what its parser remembers; see `from_state`."""
    return [
        f.key.hex(), f.low_first, f.number, f.proto, f.family, f.ethertype, f.port0, f.port1, f.mac0, f.mac1,
        f.low0, f.high0, f.low1, f.high1, f.vlan, f.icmp, f.tunnel, f.first_time, f.last_time, f.first_frame,
        f.last_frame, f.capture, f.packets0, f.packets1, f.bytes0, f.bytes1, f.payload0, f.payload1, f.client,
        f.direction_by, f.tcp_flags0, f.tcp_flags1, f.syn_seq, f.gaps, f.gap_bytes, f.retransmissions, f.reordered,
        f.messages, f.faults, f.malformed, f.label, f.inner, f.label_by, f.confidence, f.name, f.settled, f.oriented,
        f.spoke,
    ]  # fmt: skip


def from_state(row):
    """The flow that `state_of` told of; its streams are picked up where they are."""
    f = Flow()
    (
        key, f.low_first, f.number, f.proto, f.family, f.ethertype, f.port0, f.port1, f.mac0, f.mac1,
        f.low0, f.high0, f.low1, f.high1, f.vlan, f.icmp, f.tunnel, f.first_time, f.last_time, f.first_frame,
        f.last_frame, f.capture, f.packets0, f.packets1, f.bytes0, f.bytes1, f.payload0, f.payload1, f.client,
        f.direction_by, f.tcp_flags0, f.tcp_flags1, f.syn_seq, f.gaps, f.gap_bytes, f.retransmissions, f.reordered,
        f.messages, f.faults, f.malformed, f.label, f.inner, f.label_by, f.confidence, f.name, f.settled, f.oriented,
        f.spoke,
    ) = row  # fmt: skip
    f.key = bytes.fromhex(key)
    f.linked_time = f.last_time
    return f


class FlowTable:
    """Finds or makes the flow of a decoded frame; `evicted` receives flows that were pushed out."""

    def __init__(self, limit=MAX_FLOWS):
        self.limit = limit
        self.flows = {}
        self.recent = [None] * RECENT
        self.scratch = bytearray(64)
        self.key_bytes = self.scratch
        self.newest = None
        self.oldest = None
        self.count = 0
        self.evictions = 0
        self.from_low = False
        self.out = []

    def find(self, d: Decoder):
        """The flow of a decoded frame, or None where it is new; `from_low` then tells the sender's place in the key."""
        if d.family != 4 or d.tunnel is not None:
            return self.flows.get(self.key(d))
        # equal for both directions; any other flow may stand there
        place = ((d.sender + d.receiver) * 31 + (d.sport + d.dport) * 7 + d.proto) & (_RECENT - 1)
        f = self.recent[place]
        if f is not None and f.proto == d.proto:
            if f.low0 == d.sender and f.low1 == d.receiver and f.port0 == d.sport and f.port1 == d.dport:
                self.from_low = f.low_first
                return f
            if f.low0 == d.receiver and f.low1 == d.sender and f.port0 == d.dport and f.port1 == d.sport:
                self.from_low = not f.low_first
                return f
        f = self.flows.get(self.key(d))
        if f is not None:
            self.recent[place] = f
            f.place = place
        return f

    def key(self, d: Decoder):
        """The key of a frame, equal for both directions; sets `from_low`."""
        k = self.key_bytes
        buf = d.buf
        if d.family == 4:
            n = 4
            a = d.src
            b = d.dst
        elif d.family == 6:
            n = 16
            a = d.src
            b = d.dst
        elif d.mac_at >= 0:
            n = 6
            a = d.mac_at + 6
            b = d.mac_at
        else:
            n = 0
            a = 0
            b = 0
        low = True
        decided = False
        for i in range(n):
            if buf[a + i] != buf[b + i]:
                low = buf[a + i] < buf[b + i]
                decided = True
                break
        if not decided:
            low = d.sport <= d.dport
        self.from_low = low
        k[0] = d.family
        k[1] = d.proto & 0xFF if d.family != 0 else 0xFF
        if low:
            for i in range(n):
                k[2 + i] = buf[a + i]
                k[2 + n + i] = buf[b + i]
            p = d.sport
            q = d.dport
        else:
            for i in range(n):
                k[2 + i] = buf[b + i]
                k[2 + n + i] = buf[a + i]
            p = d.dport
            q = d.sport
        at = 2 + 2 * n
        if d.family == 0:
            p = d.ethertype
            q = d.ethertype >> 16
        k[at] = p >> 8 & 0xFF
        k[at + 1] = p & 0xFF
        k[at + 2] = q >> 8 & 0xFF
        k[at + 3] = q & 0xFF
        at += 4
        if cython.compiled:
            key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, cython.address(k[0])), at)
        else:
            key = bytes(k[:at])
        if d.tunnel is not None:
            key += d.tunnel.encode()
        return key

    def make(self, d: Decoder, number):
        """A new flow for the frame whose `find` just answered None."""
        if self.count >= self.limit:
            self.evict()
        f = Flow()
        f.number = number
        f.key = self.key(d)
        f.low_first = self.from_low
        f.family = d.family
        f.proto = d.proto
        f.ethertype = d.ethertype
        f.port0 = d.sport
        f.port1 = d.dport
        if d.mac_at >= 0:
            f.mac0 = self.integer(d, d.mac_at + 6, 6)
            f.mac1 = self.integer(d, d.mac_at, 6)
        if d.family == 4:
            f.low0 = self.integer(d, d.src, 4)
            f.low1 = self.integer(d, d.dst, 4)
        elif d.family == 6:
            f.high0 = self.integer(d, d.src, 8)
            f.low0 = self.integer(d, d.src + 8, 8)
            f.high1 = self.integer(d, d.dst, 8)
            f.low1 = self.integer(d, d.dst + 8, 8)
        if (d.proto == 1 or d.proto == 58) and d.payload_end - d.payload >= 2:
            f.icmp = d.buf[d.payload] << 8 | d.buf[d.payload + 1]
        f.vlan = d.vlan
        f.tunnel = d.tunnel
        f.first_time = d.time
        f.last_time = d.time
        f.linked_time = d.time
        f.first_frame = d.frame
        f.last_frame = d.frame
        self.flows[f.key] = f
        self.count += 1
        self.push(f)
        return f

    def integer(self, d: Decoder, at, n):
        """n bytes at a checked position as a big-endian integer, signed where n is 8."""
        value = cython.cast(cython.longlong, 0)
        for i in range(n):
            octet = cython.cast(cython.longlong, d.buf[at + i])
            if i == 0 and n == 8 and octet > 127:
                octet -= 256
            value = value * 256 + octet
        return value

    def push(self, f: Flow):
        """Put a flow at the new end of the order of use."""
        f.older = self.newest
        f.newer = None
        if self.newest is not None:
            self.newest.newer = f
        self.newest = f
        if self.oldest is None:
            self.oldest = f

    def unlink(self, f: Flow):
        """Take a flow out of the order of use."""
        if f.older is not None:
            f.older.newer = f.newer
        else:
            self.oldest = f.newer
        if f.newer is not None:
            f.newer.older = f.older
        else:
            self.newest = f.older
        f.newer = None
        f.older = None

    def touch(self, f: Flow, time):
        """Note that a flow is in use; the order is kept to the second, which is all that eviction needs."""
        f.last_time = time
        if time - f.linked_time > _RELINK and self.newest is not f:
            f.linked_time = time
            self.unlink(f)
            self.push(f)

    def remove(self, f: Flow):
        """Drop a flow from the table; its row is the caller's business."""
        if self.flows.get(f.key) is f:
            del self.flows[f.key]
            self.count -= 1
            self.unlink(f)
            if f.place >= 0 and self.recent[f.place] is f:
                self.recent[f.place] = None

    def evict(self):
        """Push out the flow that has been silent longest."""
        f = self.oldest
        if f is not None:
            self.remove(f)
            self.evictions += 1
            self.out.append((f, ENDED_EVICTED))

    def state(self, most):
        """The flows that were used last, at most so many, the latest of them last: see `state_of`."""
        rows = []
        f = self.newest
        while f is not None and len(rows) < most:
            rows.append(state_of(f))
            f = f.older
        rows.reverse()
        return rows

    def restore(self, rows):
        """Put flows into an empty table that `state` told of. ValueError or TypeError where they are none."""
        for row in rows:
            f = from_state(row)
            self.flows[f.key] = f
            self.count += 1
            self.push(f)

    def expire(self, time):
        """Push out flows that have been silent for their idle time; looks only at the oldest end."""
        while True:
            f = self.oldest
            if f is None:
                return
            silent = time - f.last_time
            if silent < (IDLE_TCP if f.proto == 6 else IDLE_OTHER):
                return
            self.remove(f)
            self.out.append((f, ENDED_IDLE))
