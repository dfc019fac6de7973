# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""pcap and pcapng records, one after the other, from anything that has `read(n)`.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. A fault of the file ends the reading: `fault`, `fault_offset`
and `fault_detail` say what and where; every record before it was given out.
"""

import struct

import cython

from sentinel.model import Fault

CHUNK = 1 << 18
"""Bytes that are read at a time: few enough to lie in the processor's cache until they are decoded."""
MAX_RECORD = 1 << 20
"""Captured bytes of one record; more is taken for a damaged length (Wireshark's own limit is 256 KiB)."""
MAX_BLOCK = 1 << 26
MAX_INTERFACES = 4096
MAX_COMMENTS = 100

_MAX_BLOCK = cython.declare(cython.longlong, MAX_BLOCK)
_MAX_RECORD = cython.declare(cython.longlong, MAX_RECORD)
_TWO32 = cython.declare(cython.longlong, 1 << 32)
_NS = cython.declare(cython.longlong, 1_000_000_000)


class CaptureReader:
    """Iterates the records of one capture: `next()` is true while there is one, its fields are attributes."""

    def __init__(self, source):
        self.source = source
        self.chunk = b""
        self.buf = b""
        self.pos = 0
        self.size = 0
        self.base = 0
        self.eof = False
        self.format = ""
        self.little = False
        self.frame = 0
        self.time = 0
        self.start = 0
        self.end = 0
        self.wire = 0
        self.link = -1
        self.interface = 0
        self.fault = 0
        self.fault_offset = 0
        self.fault_detail = ""
        self.snaplen = 0
        self.skipped = 0
        self.per_second = 1_000_000
        self.extra_header = 0
        self.interfaces = []
        self.statistics = {}
        self.comments = []
        self.links = []
        self.units = []
        self.offsets = []
        self.known = -1  # the interface of the last packet, what it is, and the unit of its times without an offset
        self.known_link = -1
        self.known_unit = 0
        self.section = 0
        self.first_interface = 0
        self.opened = False
        self.blocks = False

    def open(self):
        """Read the file header; False, with `fault` set, where it is cut off or this is no capture (no `format`)."""
        self.opened = True
        if not self.fill(4):
            if self.fault != 0:
                return False
            if self.size == 0:
                return self.stop(Fault.FILE_TRUNCATED, "the file is empty")
            return self.stop(Fault.FILE_MALFORMED, "not a capture: shorter than any file header")
        magic = bytes(self.buf[self.pos : self.pos + 4])
        if magic == b"\x0a\x0d\x0d\x0a":
            self.format = "pcapng"
            self.blocks = True
            return True
        known = {
            b"\xd4\xc3\xb2\xa1": (True, 1_000_000, 0),
            b"\xa1\xb2\xc3\xd4": (False, 1_000_000, 0),
            b"\x4d\x3c\xb2\xa1": (True, 1_000_000_000, 0),
            b"\xa1\xb2\x3c\x4d": (False, 1_000_000_000, 0),
            b"\x34\xcd\xb2\xa1": (True, 1_000_000, 8),
            b"\xa1\xb2\xcd\x34": (False, 1_000_000, 8),
        }.get(magic)
        if known is None:
            return self.stop(Fault.FILE_MALFORMED, f"not a capture: begins with {magic.hex(' ')}")
        self.format = "pcap"
        self.little, self.per_second, self.extra_header = known
        if not self.fill(24):
            return self.stop(Fault.FILE_TRUNCATED, "the pcap file header is cut off")
        head = bytes(self.buf[self.pos : self.pos + 24])
        snaplen, network = struct.unpack("<II" if self.little else ">II", head[16:])
        self.snaplen = snaplen
        self.link = network & 0x0FFFFFFF
        self.interfaces.append({"link": self.link, "snaplen": snaplen, "resolution": self.per_second})
        self.pos += 24
        return True

    def stop(self, code, detail):
        """End the reading with a fault at the current place."""
        self.fault = int(code)
        self.fault_offset = self.base + self.pos
        self.fault_detail = detail
        self.eof = True
        self.pos = self.size
        return False

    def fill(self, n):
        """Make n bytes available at `pos`; False where the source ends before."""
        while self.size - self.pos < n:
            if self.eof:
                return False
            try:
                chunk = self.source.read(CHUNK if n < CHUNK else n)
            except (OSError, EOFError, ValueError) as error:
                # a damaged compression layer or disk: what was read before it stays
                self.fault = int(Fault.FILE_TRUNCATED)
                self.fault_detail = f"reading failed: {error}"
                self.fault_offset = self.base + self.size
                chunk = b""
            if not chunk:
                self.eof = True
                return False
            if self.pos == self.size:
                self.base += self.size
                self.chunk = chunk
            else:
                self.base += self.pos
                self.chunk = bytes(self.buf[self.pos : self.size]) + chunk
            self.buf = self.chunk
            self.pos = 0
            self.size = len(self.buf)
        return True

    def next(self):
        """Step to the next record; False at the end or at a fault."""
        if not self.opened and not self.open():
            return False
        if self.blocks:
            return self.next_block()
        return self.next_record()

    def skim(self):
        """Step over all records that are left; the latest of their time stamps, ns, or of the record at hand."""
        latest = self.time
        while self.next():
            if self.time > latest:
                latest = self.time
        return latest

    @cython.boundscheck(False)  # one check for all four bytes
    def u32(self, p):
        """32 bits at position p of the buffer, in the byte order of the section."""
        if p < 0 or p + 4 > self.size:
            raise IndexError("outside the buffer")
        if self.little:
            low = self.buf[p] | self.buf[p + 1] << 8
            high = self.buf[p + 2] | self.buf[p + 3] << 8
        else:
            low = self.buf[p + 3] | self.buf[p + 2] << 8
            high = self.buf[p + 1] | self.buf[p] << 8
        return high * 65536 + low

    def u16(self, p):
        """16 bits at position p of the buffer, in the byte order of the section."""
        if self.little:
            return self.buf[p] | self.buf[p + 1] << 8
        return self.buf[p + 1] | self.buf[p] << 8

    def next_record(self):
        """One record of a pcap file."""
        head = 16 + self.extra_header
        if self.size - self.pos < head and not self.fill(head):
            if self.size > self.pos and self.fault == 0:
                return self.stop(Fault.FILE_TRUNCATED, "the last record header is cut off")
            return False
        p = self.pos
        seconds = self.u32(p)
        fraction = self.u32(p + 4)
        captured = self.u32(p + 8)
        wire = self.u32(p + 12)
        if captured > _MAX_RECORD:
            return self.stop(Fault.RECORD_LENGTH, f"record {self.frame + 1} claims {captured} captured bytes")
        if self.size - p < head + captured:
            if not self.fill(head + captured):
                if self.fault == 0:
                    return self.stop(Fault.FILE_TRUNCATED, f"record {self.frame + 1} is cut off")
                return False
            p = self.pos
        if self.per_second == 1_000_000:
            self.time = seconds * _NS + fraction * 1000
        else:
            self.time = seconds * _NS + fraction
        self.start = p + head
        self.end = self.start + captured
        self.wire = wire if wire > captured else captured
        self.pos = self.end
        self.frame += 1
        return True

    def next_block(self):
        """Blocks of a pcapng file up to and including the next one that holds a packet."""
        while True:
            if self.size - self.pos < 12 and not self.fill(12):
                if self.size > self.pos and self.fault == 0:
                    return self.stop(Fault.FILE_TRUNCATED, "the last block header is cut off")
                return False
            kind = self.u32(self.pos)
            if kind == 0x0A0D0D0A and not self.section_header():
                return False
            if self.section == 0:
                return self.stop(Fault.FILE_MALFORMED, "the pcapng file does not begin with a section header")
            length = self.u32(self.pos + 4)
            if length < 12 or length > _MAX_BLOCK or length & 3:
                return self.stop(Fault.RECORD_LENGTH, f"a block of type {kind} claims {length} bytes")
            if self.size - self.pos < length and not self.fill(length):
                if self.fault == 0:
                    return self.stop(Fault.FILE_TRUNCATED, "the last block is cut off")
                return False
            p = self.pos
            if self.u32(p + length - 4) != length:
                return self.stop(Fault.RECORD_LENGTH, "the two lengths of a block differ")
            self.pos = p + length
            if kind == 6:
                if self.packet(p, length, True):
                    return True
                if self.fault != 0:
                    return False
            elif kind == 3:
                if self.simple_packet(p, length):
                    return True
                if self.fault != 0:
                    return False
            elif kind == 2:
                if self.packet(p, length, False):
                    return True
                if self.fault != 0:
                    return False
            elif kind == 1:
                if not self.interface_description(p, length):
                    return False
            elif kind == 5:
                self.interface_statistics(p, length)
            elif kind != 0x0A0D0D0A:
                self.skipped += 1

    def section_header(self):
        """Byte order and version of a new section (pcapng 4.1)."""
        if not self.fill(28):
            return self.stop(Fault.FILE_TRUNCATED, "the section header is cut off")
        magic = bytes(self.buf[self.pos + 8 : self.pos + 12])
        if magic == b"\x4d\x3c\x2b\x1a":
            self.little = True
        elif magic == b"\x1a\x2b\x3c\x4d":
            self.little = False
        else:
            return self.stop(Fault.FILE_MALFORMED, "the section header has no byte-order magic")
        if self.u16(self.pos + 12) != 1:
            return self.stop(Fault.FILE_MALFORMED, f"pcapng version {self.u16(self.pos + 12)} is not known")
        self.section += 1
        self.first_interface = len(self.interfaces)
        length = self.u32(self.pos + 4)
        if 28 <= length <= _MAX_BLOCK and self.fill(length):
            for code, value in self.options(self.pos + 24, self.pos + length - 4):
                if code == 1:
                    self.comment(value)
        return True

    def comment(self, value):
        """Keep a comment of the capture's author, up to a cap."""
        if len(self.comments) < MAX_COMMENTS:
            self.comments.append(value.decode("utf-8", "replace")[:1000])

    def options(self, p, end):
        """The options between two positions of the buffer, as (code, bytes); stops at the first bad length."""
        found = []
        while end - p >= 4:
            code = self.u16(p)
            length = self.u16(p + 2)
            if code == 0 or length > end - p - 4:
                break
            found.append((code, bytes(self.buf[p + 4 : p + 4 + length])))
            p += 4 + (length + 3) // 4 * 4
        return found

    def interface_description(self, p, length):
        """Link type, snap length and time resolution of an interface (pcapng 4.2)."""
        if length < 20 or len(self.interfaces) >= MAX_INTERFACES:
            return self.stop(Fault.FILE_MALFORMED, "an interface description is too short, or there are too many")
        link = self.u16(p + 8)
        row = {"link": link, "snaplen": self.u32(p + 12), "resolution": 1_000_000, "offset": 0}
        names = {2: "name", 3: "description", 11: "filter", 12: "os", 15: "hardware"}
        for code, value in self.options(p + 16, p + length - 4):
            if code == 9 and len(value) == 1:
                # if_tsresol: a power of ten, or of two where the top bit is set
                power = value[0] & 0x7F
                row["resolution"] = 2**power if value[0] & 0x80 else 10**power
            elif code == 14 and len(value) == 8:
                row["offset"] = int.from_bytes(value, "little" if self.little else "big", signed=True)
            elif code == 1:
                self.comment(value)
            elif code in names:
                if code == 11:
                    value = value[1:]
                row[names[code]] = value.decode("utf-8", "replace").strip("\0")[:200]
        self.interfaces.append(row)
        self.links.append(link)
        resolution = row["resolution"]
        self.units.append(1_000_000_000 // resolution if 1_000_000_000 % resolution == 0 else 0)
        self.offsets.append(row["offset"])
        return True

    def interface_statistics(self, p, length):
        """Counters of one interface at the end of a capture (pcapng 4.6): received, dropped, delivered."""
        if length < 24:
            return
        names = {4: "received", 5: "dropped", 6: "accepted", 7: "dropped_os", 8: "delivered"}
        number = self.first_interface + self.u32(p + 8)
        if number >= len(self.interfaces):
            return
        row = self.statistics.setdefault(number, {})
        for code, value in self.options(p + 20, p + length - 4):
            if code in names and len(value) == 8:
                row[names[code]] = int.from_bytes(value, "little" if self.little else "big")

    def stamp(self, number, high, low):
        """Nanoseconds for a time stamp of interface `number`, in its resolution and offset; capped."""
        ticks = (int(high) << 32) | int(low)
        seconds, rest = divmod(ticks, self.interfaces[number]["resolution"])
        value = (seconds + self.offsets[number]) * 1_000_000_000 + rest * 1_000_000_000 // self.interfaces[number][
            "resolution"
        ]
        if value < 0:
            return 0
        return value if value < 9_000_000_000_000_000_000 else 9_000_000_000_000_000_000

    def packet(self, p, length, enhanced):
        """An enhanced packet block (4.3), or the obsolete packet block it replaced."""
        if length < 32:
            return self.stop(Fault.RECORD_LENGTH, "a packet block is shorter than its own fields")
        if enhanced:
            number = self.first_interface + self.u32(p + 8)
        else:
            number = self.first_interface + self.u16(p + 8)
        if number >= len(self.interfaces):
            return self.stop(Fault.FILE_MALFORMED, "a packet names an interface that was not described")
        if not enhanced and self.u16(p + 10) not in (0, 0xFFFF):
            self.note_drops(number, self.u16(p + 10))
        captured = self.u32(p + 20)
        if captured > length - 32 or captured > _MAX_RECORD:
            return self.stop(Fault.RECORD_LENGTH, f"packet {self.frame + 1} claims {captured} captured bytes")
        high = self.u32(p + 12)
        low = self.u32(p + 16)
        if number != self.known:
            self.known = number
            self.known_link = self.links[number]
            self.known_unit = self.units[number] if self.offsets[number] == 0 else 0
        # 500 years of nanoseconds fit; anything else takes the careful way
        if self.known_unit == 1000 and high < 2000000:
            self.time = (high * _TWO32 + low) * 1000
        elif self.known_unit == 1 and high < 2000000000:
            self.time = high * _TWO32 + low
        else:
            self.time = self.stamp(number, high, low)
        wire = self.u32(p + 24)
        self.link = self.known_link
        self.interface = number
        self.start = p + 28
        self.end = p + 28 + captured
        self.wire = wire if wire > captured else captured
        self.frame += 1
        padded = 32 + (captured + 3) // 4 * 4
        if length > padded:
            self.packet_options(number, p + padded - 4, p + length - 4)
        return True

    def packet_options(self, number, p, end):
        """Comments and the drop counter of one packet."""
        for code, value in self.options(p, end):
            if code == 1:
                self.comment(value)
            elif code == 4 and len(value) == 8:
                self.note_drops(number, int.from_bytes(value, "little" if self.little else "big"))

    def note_drops(self, number, lost):
        """Add what was lost between two packets of an interface."""
        row = self.statistics.setdefault(number, {})
        row["dropped_in_packets"] = row.get("dropped_in_packets", 0) + lost

    def simple_packet(self, p, length):
        """A simple packet block (4.4): no time, first interface."""
        if self.first_interface >= len(self.interfaces):
            return self.stop(Fault.FILE_MALFORMED, "a packet names an interface that was not described")
        wire = self.u32(p + 8)
        captured = length - 16
        if wire < captured:
            captured = wire
        snaplen = cython.cast(cython.longlong, self.interfaces[self.first_interface]["snaplen"])
        if 0 < snaplen < captured:
            captured = snaplen
        self.link = self.links[self.first_interface]
        self.interface = self.first_interface
        self.start = p + 12
        self.end = p + 12 + captured
        self.wire = wire
        self.frame += 1
        return True

    def dropped(self):
        """Frames that the capturing host says it lost, or None where it says nothing."""
        known = [
            row.get("dropped", row.get("dropped_in_packets", 0)) + row.get("dropped_os", 0)
            for row in self.statistics.values()
            if "dropped" in row or "dropped_os" in row or "dropped_in_packets" in row
        ]
        return sum(known) if known else None

    def data(self):
        """The bytes of the current record (a copy, for callers outside the core)."""
        return bytes(self.buf[self.start : self.end])
