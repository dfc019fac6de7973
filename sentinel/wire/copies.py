# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Frames that arrive twice: a mirror port saw ingress and egress, or a redundancy protocol (PRP, HSR) sent two.

A copy has the addresses, the IP identification and the transport header or payload of a frame that came at most
WINDOW before it; hop count, checksums, MAC addresses and VLAN tags may differ. A retransmission comes later than that
(the least retransmission time-out is 200 ms) and has an IP identification of its own.
"""

import cython
import numpy as np

if cython.compiled:
    from cython.cimports.sentinel.wire.decode import Decoder
else:
    from sentinel.wire.decode import Decoder

WINDOW = 10_000_000
"""ns within which an equal frame is a copy."""
SLOTS = 4096
"""Frames that are remembered, by hash: a newer frame of the same slot displaces an older one."""

PAIRS = 256
"""Pairs of addresses whose part of the hash is remembered."""

_WINDOW = cython.declare(cython.longlong, WINDOW)
_SLOTS = cython.declare(cython.int, SLOTS)
_PAIRS = cython.declare(cython.int, PAIRS)
# large literals would be Python integers in the compiled build
_LOW47 = cython.declare(cython.longlong, 0x7FFFFFFFFFFF)
_SEED = cython.declare(cython.longlong, 1469598103934665603)
_TCP = cython.declare(cython.int, 3)


class Copies:
    """Remembers the last frames; `seen` says whether a frame is a copy of one of them, and remembers it otherwise."""

    def __init__(self):
        # key and time of a frame
        self.slots = memoryview(np.zeros((SLOTS, 2), dtype=np.int64))
        # sender, receiver, and what they make of the key
        self.pairs = memoryview(np.full((PAIRS, 3), -1, dtype=np.int64))

    def seen(self, d: Decoder, kind):
        """Whether the decoded frame is a copy; `kind` is what `Decoder.decode` answered."""
        key = _SEED
        if kind == _TCP:
            if d.payload_end == d.payload and d.ip_id == 0 and d.flags & 7 == 0:
                return False
            key = self.between(d)
            key = (key ^ d.seq) * 1099511 & _LOW47
            key = (key ^ d.ack) * 1099511 & _LOW47
            key = (key ^ (d.ip_id << 16 | d.sport)) * 1099511 & _LOW47
            key = (key ^ (d.flags << 16 | d.dport)) * 1099511 & _LOW47
            key = (key ^ (d.window << 16 | (d.payload_end - d.payload) & 0xFFFF)) * 1099511 & _LOW47
        else:
            if d.family != 0:
                # addresses and everything behind the IP header; hop count, checksum, VLAN and MACs may differ
                key = self.between(d)
                key = (key ^ (d.ip_id << 8 | d.proto)) * 1099511 & _LOW47
                if d.sport >= 0:
                    key = (key ^ (d.sport << 16 | d.dport)) * 1099511 & _LOW47
                p = d.payload
            elif d.mac_at >= 0:
                p = d.mac_at
                for i in range(12):
                    key = (key ^ d.buf[p + i]) * 1099511 & _LOW47
                key = (key ^ d.ethertype) * 1099511 & _LOW47
                p = d.payload
            else:
                return False
            n = d.payload_end - p
            key = (key ^ n) * 1099511 & _LOW47
            for i in range(n):
                key = (key ^ d.buf[p + i]) * 1099511 & _LOW47
        slot = (key >> 20) & (_SLOTS - 1)
        gap = d.time - self.slots[slot, 1]
        if self.slots[slot, 0] == key and 0 <= gap <= _WINDOW:
            return True
        self.slots[slot, 0] = key
        self.slots[slot, 1] = d.time
        return False

    def between(self, d: Decoder):
        """The hash of the two network addresses; most frames are between hosts that have just been seen."""
        at = 0
        if d.family == 4:
            at = (d.sender * 31 + d.receiver) & (_PAIRS - 1)
            if self.pairs[at, 0] == d.sender and self.pairs[at, 1] == d.receiver:
                return self.pairs[at, 2]
        key = _SEED
        n = 8 if d.family == 4 else 32
        for i in range(n):
            key = (key ^ d.buf[d.src + i]) * 1099511 & _LOW47
        if d.family == 4:
            self.pairs[at, 0] = d.sender
            self.pairs[at, 1] = d.receiver
            self.pairs[at, 2] = key
        return key
