"""DNP3 frames built from the field tables of IEEE Std 1815-2012, and how tests feed them to the parser."""

import struct

from parsers import dnp3
from sentinel.model import Kind
from sentinel.wire import layout
from sentinel.wire.own import Own
from sentinel.wire.reader import Reader, Short
from sentinel.wire.rows import Rows

MASTER = 3
OUTSTATION = 10
TIME_MS = 1_700_000_000_123
TIME = struct.pack("<Q", TIME_MS)[:6]


# -- encoder ---------------------------------------------------------------------------------------------------


def crc(data: bytes) -> bytes:
    """CRC-DNP bit by bit: the naive twin of the parser's table."""
    value = 0
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
    return struct.pack("<H", value ^ 0xFFFF)


def link(data=b"", control=0xC4, dst=OUTSTATION, src=MASTER, length=None) -> bytes:
    """One link frame: header, then blocks of 16 octets, each with its CRC."""
    header = struct.pack("<BBBBHH", 5, 0x64, 5 + len(data) if length is None else length, control, dst, src)
    blocks = [data[i : i + 16] for i in range(0, len(data), 16)]
    return header + crc(header) + b"".join(block + crc(block) for block in blocks)


def request(function, objects=b"", seq=1, app=0xC0, **options) -> bytes:
    return link(bytes([0xC0, app | seq, function]) + objects, **options)


def answer(objects=b"", iin=0, function=129, seq=1, app=0xC0, **options) -> bytes:
    options = {"control": 0x44, "dst": MASTER, "src": OUTSTATION, **options}
    return link(bytes([0xC0, app | seq, function]) + struct.pack(">H", iin) + objects, **options)


def segments(fragment, size, first=0, **options) -> list[bytes]:
    """The link frames of an application fragment that is cut into pieces of `size` octets."""
    pieces = [fragment[i : i + size] for i in range(0, len(fragment), size)]
    frames = []
    for n, piece in enumerate(pieces):
        head = (first + n) % 64 | (0x40 if n == 0 else 0) | (0x80 if n == len(pieces) - 1 else 0)
        frames.append(link(bytes([head]) + piece, **options))
    return frames


def header(group, variation, qualifier, *numbers):
    """An object header; the range numbers take the width that the qualifier says."""
    width = {0: "B", 1: "H", 2: "I", 3: "B", 4: "H", 5: "I", 7: "B", 8: "H", 9: "I", 11: "B"}.get(qualifier & 15, "B")
    return bytes([group, variation, qualifier]) + b"".join(struct.pack("<" + width, n) for n in numbers)


def sized(group, variation, data):
    """One object with a size prefix of two octets (qualifier 0x5B)."""
    return header(group, variation, 0x5B, 1) + struct.pack("<H", len(data)) + data


def crob(code=3, count=1, on=100, off=100, status=0):
    return struct.pack("<BBIIB", code, count, on, off, status)


# -- harness ---------------------------------------------------------------------------------------------------


class Run:
    """One direction of one flow: calls the parser as the core does and reads the rows back as dictionaries."""

    def __init__(self):
        self.out = Rows()
        self.extra = Own(len(dnp3.TABLE) + 1, 16)
        self.out.extras = {1: self.extra}
        self.out.use(1, self.extra)
        self.out.slot = {}
        self.out.shared = {}
        self.out.flow = 1
        self.frame = 0

    def feed(self, data: bytes, frame=None, direction=0) -> bytes:
        """Parse every message in `data` as a frame of the capture; returns the bytes of one that is not complete."""
        out = self.out
        self.frame = self.frame + 1 if frame is None else frame
        pos = 0
        while pos < len(data):
            out.frame = out.since = self.frame
            out.direction = direction
            out.offset = pos
            mark = (out.messages.n, out.items.n, out.points.n, out.faults.n, out.heap_n)
            r = Reader(data[pos:])
            try:
                dnp3.parse(r, out)
            except Short:
                out.rollback(*mark)
                return data[pos:]
            assert r.pos > 0
            pos += r.pos
        return b""

    def messages(self):
        fields = ("kind", "operation", "frame", "first_frame", "offset")
        names = ("function", "unit", "object", "address", "quantity", "status", "transaction", "name", "fault",
                 "detail", "shape")
        rows = []
        extras = self.extra.cells[: self.extra.n]
        for row in self.out.messages.cells[: self.out.messages.n]:
            got = {f: int(row[getattr(layout, f"M_{f.upper()}")]) for f in fields}
            for name in names:
                cell = getattr(layout, f"M_{name.upper()}")
                if row[0] >> cell & 1:
                    got[name] = int(row[cell])
            for name in ("name", "detail"):
                if name in got:
                    got[name] = self.out.texts[got[name]]
            got["length"] = int(row[layout.M_LENGTH])
            got["kind"] = Kind(got["kind"])
            got["operation"] = dnp3.OPERATIONS[got["operation"]].name
            extra = extras[int(row[layout.M_EXT])]
            for n, column in enumerate(dnp3.TABLE):
                if int(extra[0]) >> n + 1 & 1:
                    value = extra[n + 1]
                    got[column.name] = self.out.texts[value] if column.type == "text" else int(value)
                    if column.type == "f64":
                        got[column.name] = struct.unpack("<d", struct.pack("<q", int(value)))[0]
            rows.append(got)
        return rows

    def table(self, block, prefix, names):
        rows = []
        for row in block.cells[: block.n]:
            got = {}
            for name in names:
                cell = getattr(layout, f"{prefix}_{name.upper()}")
                if name == "object" or int(row[0]) >> cell & 1:
                    got[name] = int(row[cell])
            for name in ("name", "text"):
                if name in got:
                    got[name] = self.out.texts[got[name]]
            if "value" in got:
                got["value"] = struct.unpack("<d", struct.pack("<q", got["value"]))[0]
            got["message"] = int(row[1])
            rows.append(got)
        return rows

    def items(self):
        return self.table(self.out.items, "I", ("object", "address", "quantity", "status", "name"))

    def points(self):
        names = ("object", "address", "value", "text", "quality", "stamp", "access")
        return self.table(self.out.points, "P", names)

    def faults(self):
        return [int(row[layout.F_CODE]) for row in self.out.faults.cells[: self.out.faults.n]]


def run(*frames) -> Run:
    """All frames, each one frame of the capture; nothing may be left over."""
    got = Run()
    for frame in frames:
        assert got.feed(frame) == b""
    return got


def one(frame) -> dict:
    """The only message of one frame."""
    (message,) = run(frame).messages()
    return message


def code(group, variation):
    return group << 8 | variation


def attribute(variation, data, kind=1, group_set=0):
    return header(0, variation, 0, group_set, group_set) + bytes([kind, len(data)]) + data


def file_command(name=b"/firmware.bin", mode=1, size=4096):
    fields = struct.pack("<HH6sHIIHHH", 26, len(name), TIME, 0o644, 0xDEADBEEF, size, mode, 1024, 7)
    return sized(70, 3, fields + name)


LONG = bytes([0xC1, 129, 0, 0]) + header(30, 3, 1, 0, 499) + b"".join(struct.pack("<i", n) for n in range(500))
BACK = {"control": 0x44, "dst": MASTER, "src": OUTSTATION}
SECRET = b"\xaa\x55\xaa\x55SECRET"
