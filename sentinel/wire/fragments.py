# cython: language_level=3, annotation_typing=False
"""IPv4 and IPv6 fragments to datagrams (RFC 791, 3.2; RFC 8200, 4.5).

Overlap policy: the bytes that came first stay (as RFC 5722 forbids overlaps for IPv6, a datagram with one is marked
and still put together). Memory is bounded by MAX_DATAGRAMS and MAX_BYTES; the oldest datagram is given up first.
"""

from collections import OrderedDict

from sentinel.model import Fault

MAX_DATAGRAMS = 4096
MAX_BYTES = 16 << 20
MAX_DATAGRAM = 65535
MAX_PIECES = 1024
TIMEOUT = 30_000_000_000
"""ns of capture time after which a datagram that is still incomplete is given up."""


class Datagram:
    """The pieces of one datagram: (offset, bytes), sorted, not overlapping."""

    __slots__ = ("first_frame", "header", "length", "pieces", "proto", "size", "time")

    def __init__(self, time, frame):
        self.time = time
        self.first_frame = frame
        self.pieces = []
        self.length = -1
        self.size = 0
        self.header = b""
        self.proto = 0


class Fragments:
    """Collects fragments; `add4`/`add6` return a whole packet with a plain header, or None."""

    def __init__(self):
        self.open = OrderedDict()
        self.bytes = 0
        self.lost = []
        self.fault = 0
        self.fault_detail = ""
        self.first_frame = 0

    def add4(self, buf, ip, start, end, time, frame):
        """One IPv4 fragment: header at `ip`, payload `start`..`end` of `buf`."""
        header = bytes(buf[ip : ip + 20])
        field = header[6] << 8 | header[7]
        key = header[12:20] + header[4:6] + header[9:10]
        whole = self.add(key, (field & 0x1FFF) * 8, bool(field & 0x2000), bytes(buf[start:end]), header, time, frame)
        if whole is None:
            return None
        datagram, data = whole
        # a plain 20-byte header; a total length of zero reads as "to the end"
        total = 20 + len(data)
        length = total if total <= MAX_DATAGRAM else 0
        first = datagram.header
        return b"\x45" + first[1:2] + length.to_bytes(2, "big") + first[4:6] + b"\0\0" + first[8:20] + data

    def add6(self, buf, ip, at, start, end, time, frame):
        """One IPv6 fragment: header at `ip`, fragment header at `at`, payload `start`..`end` of `buf`."""
        header = bytes(buf[ip : ip + 40])
        fragment = bytes(buf[at : at + 8])
        field = fragment[2] << 8 | fragment[3]
        key = header[8:40] + fragment[4:8]
        # the next-header field of the first fragment counts; carried in the header copy
        header = header[:6] + fragment[:1] + header[7:]
        whole = self.add(key, field & 0xFFF8, bool(field & 1), bytes(buf[start:end]), header, time, frame)
        if whole is None:
            return None
        datagram, data = whole
        length = len(data) if len(data) <= MAX_DATAGRAM else 0
        return datagram.header[:4] + length.to_bytes(2, "big") + datagram.header[6:40] + data

    def add(self, key, offset, more, data, header, time, frame):
        """File one piece; (datagram, bytes) when it completes its datagram."""
        self.fault = 0
        self.expire(time)
        if offset + len(data) > MAX_DATAGRAM:
            return self.trouble(Fault.FRAGMENT_CAP, "fragments reach beyond 65535 bytes")
        if more and not data:
            return self.trouble(Fault.FRAME_MALFORMED, "an empty fragment")
        datagram = self.open.get(key)
        if datagram is None:
            datagram = self.open[key] = Datagram(time, frame)
        if offset == 0 and not datagram.header:
            datagram.header = header
        if not more:
            if datagram.length not in (-1, offset + len(data)):
                self.trouble(Fault.FRAGMENT_OVERLAP, "two last fragments end at different places")
            else:
                datagram.length = offset + len(data)
        self.insert(datagram, offset, data)
        if len(datagram.pieces) > MAX_PIECES:
            self.forget(key)
            return self.trouble(Fault.FRAGMENT_CAP, "more fragments of one datagram than are kept")
        if datagram.length >= 0 and datagram.header and self.complete(datagram):
            self.forget(key)
            self.first_frame = datagram.first_frame
            return datagram, b"".join(piece for _, piece in datagram.pieces)[: datagram.length]
        while len(self.open) > MAX_DATAGRAMS or self.bytes > MAX_BYTES:
            self.give_up(next(iter(self.open)))
            self.trouble(Fault.FRAGMENT_CAP, "too many open fragments: the oldest datagram was given up")
        return None

    def insert(self, datagram, offset, data):
        """File the parts of a piece that are not there yet."""
        start, end = offset, offset + len(data)
        kept = []
        for at, piece in datagram.pieces:
            stop = at + len(piece)
            if stop <= start or at >= end:
                continue
            if (
                data[max(at, offset) - offset : min(stop, offset + len(data)) - offset]
                != piece[max(at, offset) - at : min(stop, offset + len(data)) - at]
            ):
                self.trouble(Fault.FRAGMENT_OVERLAP, "overlapping fragments differ; the first stays")
            if at > start:
                kept.append((start, data[start - offset : at - offset]))
            start = max(start, stop)
        if start < end:
            kept.append((start, data[start - offset :]))
        for item in kept:
            datagram.pieces.append(item)
            datagram.size += len(item[1])
            self.bytes += len(item[1])
        datagram.pieces.sort()

    def complete(self, datagram):
        """Whether the pieces reach from zero to the end without a hole."""
        reached = 0
        for at, piece in datagram.pieces:
            if at > reached:
                break
            reached = at + len(piece)
        return reached >= datagram.length

    def expire(self, time):
        """Give up datagrams that have waited longer than TIMEOUT."""
        while self.open:
            key, datagram = next(iter(self.open.items()))
            if time - datagram.time < TIMEOUT:
                return
            self.give_up(key)

    def finish(self):
        """Give up every datagram that is still incomplete."""
        for key in list(self.open):
            self.give_up(key)

    def give_up(self, key):
        """Drop a datagram that was not completed; `lost` says of which frame and time, for the caller to take."""
        datagram = self.open[key]
        self.lost.append((datagram.first_frame, datagram.time, len(datagram.pieces)))
        self.forget(key)

    def forget(self, key):
        """Drop a datagram and its bytes."""
        self.bytes -= self.open.pop(key).size

    def trouble(self, code, detail):
        """Note a fault of the current piece; always None, so that callers can return it."""
        self.fault = int(code)
        self.fault_detail = detail
