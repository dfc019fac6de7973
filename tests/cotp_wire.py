"""TPKT and COTP for the battery. Source: RFC 1006; ITU-T X.224, 13."""

import struct

from battery import ANSWER, ASK, Wire
from s7comm_samples import SETUP, hexed, reply


def tpkt(tpdu: bytes) -> bytes:
    return b"\x03\0" + (len(tpdu) + 4).to_bytes(2, "big") + tpdu


def control(code: int, fixed: bytes, variable: bytes = b"") -> bytes:
    return tpkt(struct.pack(">BB", 1 + len(fixed) + len(variable), code) + fixed + variable)


def data(payload: bytes, last: bool = True) -> bytes:
    return tpkt(bytes([2, 0xF0, 0x80 if last else 0]) + payload)


SELECTORS = hexed("c0010a c1020100 c2020102")
CONNECT = [
    (ASK, control(0xE0, hexed("0000 0001 00"), SELECTORS)),
    (ANSWER, control(0xD0, hexed("0001 0002 00"), SELECTORS)),
]
OPENING = [*CONNECT, (ASK, data(SETUP)), (ANSWER, data(reply(hexed("f0 00 0001 0001 00f0"))))]
WIRE = Wire(
    port=102,
    opening=OPENING,
    samples=[
        *CONNECT,
        (ANSWER, control(0xD0, hexed("0001 0002 00"), hexed("c1020100"))),
        (ANSWER, control(0x80, hexed("0001 0002 80"))),
        (ASK, control(0xC0, hexed("0002 0001"))),
        (ANSWER, control(0x70, hexed("0001 02"), hexed("c10103"))),
        (ASK, b"".join(data(part, last) for part, last in ((SETUP[:5], False), (SETUP[5:], True)))),
    ],
    label="s7comm",
    quiet_after_gap={3, 4, 5},  # DR, DC and ER are too short to be told from chance
)
