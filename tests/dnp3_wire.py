"""DNP3 for the battery: link frames with requests, answers and values of every shape."""

import struct

from battery import ANSWER, ASK, Wire
from dnp3_samples import (
    BACK,
    LONG,
    SECRET,
    TIME,
    answer,
    attribute,
    crob,
    file_command,
    header,
    link,
    request,
    segments,
    sized,
)

EVENTS = header(51, 1, 7, 1) + TIME + header(2, 3, 0x17, 2) + b"\x01\x81\0\0\x02\x01\x05\0"
CHALLENGE = struct.pack("<BBIHHHHH", 3, 1, 9, 1, 30, 3, 4, 6) + b"bob" + SECRET
WIRE = Wire(
    port=20000,
    opening=[(ASK, request(1, header(60, 1, 6))), (ANSWER, answer(header(1, 2, 0, 0, 1) + b"\x01\x81"))],
    samples=[
        *((ASK, request(function, seq=2)) for function in (0, 13, 14, 18, 23, 24)),
        (ASK, request(1, header(30, 0, 6), seq=3)),
        (ASK, request(5, header(12, 1, 0x28, 2) + b"\x01\0" + crob() + b"\x02\0" + crob(4), seq=4)),
        (ASK, request(21, header(60, 2, 6), seq=5)),
        (ASK, request(25, file_command(), seq=6)),
        (ASK, request(32, sized(120, 10, CHALLENGE), seq=7)),
        (ASK, request(13, dst=0xFFFF, seq=8)),
        (ASK, link(control=0xC9)),
        (ANSWER, link(control=0x0B, dst=3, src=10)),
        (ANSWER, answer(EVENTS, seq=9)),
        (ANSWER, answer(EVENTS, function=130, seq=1, app=0xF0)),
        (ANSWER, answer(attribute(252, b"Maker") + attribute(240, b"\x00\x08", 2), seq=9)),
        (ANSWER, answer(header(110, 5, 0, 0, 2) + b"helloworldagain", seq=9)),
        (ANSWER, answer(header(30, 5, 0, 0, 3) + bytes(20) + header(20, 1, 1, 0, 1) + bytes(10), seq=9)),
        (ANSWER, b"".join(segments(LONG, 249, **BACK))),
    ],
    label="dnp3",
    transports=("tcp", "udp"),
)
