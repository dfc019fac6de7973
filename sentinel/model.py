"""Enumerations that every layer shares: kinds, activities, data types, faults, and what a parser declares.

The numbers are written to case files, so a member is never renumbered; new members get new numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """What a message is within its exchange."""

    OTHER = 0
    REQUEST = 1
    RESPONSE = 2
    EXCEPTION = 3
    """A response that refuses: the status says why."""
    UNSOLICITED = 4
    """Sent by a server on its own account (DNP3 unsolicited response, S7 cyclic push)."""
    CONFIRM = 5
    """Application-layer confirmation that carries nothing else."""
    LINK = 6
    """Link- or carrier-layer only, no application data."""
    MALFORMED = 7
    """Bytes at a place where a message was due that are none: the fault says why."""


class Activity(IntEnum):
    """The protocol-independent verb of a message (docs/architecture.md, The nouns)."""

    OTHER = 0
    READ = 1
    WRITE = 2
    CONTROL = 3
    PROGRAM = 4
    MODE = 5
    CONFIGURE = 6
    IDENTIFY = 7
    FILE = 8
    TIME = 9
    ALARM = 10
    REPORT = 11
    SESSION = 12
    DIAGNOSE = 13


class Direction(IntEnum):
    """Which way a message travels, relative to the server of its flow."""

    TO_SERVER = 0
    TO_CLIENT = 1
    UNKNOWN = 2


class Verdict(IntEnum):
    """What a probe says of the bytes that it was shown."""

    NO = 0
    MAYBE = 1
    """The shape fits, but so would other protocols' data; several such answers make a label."""
    YES = 2
    """A signature or checksum that other data has with a chance below one in a million."""


class DType(IntEnum):
    """How the data bytes of a message or item are read as values; big-endian unless the name says otherwise."""

    NONE = 0
    BIT = 1
    """Packed bits, least significant bit of the first byte first (Modbus coils)."""
    BOOL = 2
    """One value per byte, zero or not."""
    U8 = 3
    I8 = 4
    U16 = 5
    I16 = 6
    U32 = 7
    I32 = 8
    U64 = 9
    I64 = 10
    F32 = 11
    F64 = 12
    U16LE = 13
    I16LE = 14
    U32LE = 15
    I32LE = 16
    F32LE = 17
    F64LE = 18
    TEXT = 19
    """One value: text."""
    BYTES = 20
    """One value: bytes whose meaning the protocol does not tell."""


class Access(IntEnum):
    """Why a point's value was on the wire."""

    READ = 1
    WRITE = 2
    REPORT = 3
    """Reported by the device without being asked for that address."""


class Fault(IntEnum):
    """Why a capture, frame, stream or message could not be read as its standard says."""

    NONE = 0
    # capture files
    FILE_TRUNCATED = 1
    FILE_MALFORMED = 2
    RECORD_LENGTH = 3
    LINK_TYPE = 4
    TIME_BACKWARDS = 5
    # frames
    FRAME_CUT = 10
    FRAME_MALFORMED = 11
    TUNNEL_DEPTH = 12
    FRAGMENT_LOST = 13
    FRAGMENT_OVERLAP = 14
    FRAGMENT_CAP = 15
    # streams
    STREAM_GAP = 20
    STREAM_CAP = 21
    STREAM_OVERLAP = 22
    FLOW_EVICTED = 23
    STREAM_TAIL = 24
    """The stream ended in the middle of a message."""
    RESYNC = 25
    """Bytes were skipped to find the next message."""
    # messages
    LENGTH = 40
    """A declared length disagrees with what it covers."""
    CHECKSUM = 41
    IDENTIFIER = 42
    """A magic number, protocol identifier or version that the standard does not allow."""
    FUNCTION = 43
    """A function, service or type that the standard does not define or reserves."""
    COUNT = 44
    """A count outside what the standard allows."""
    VALUE = 45
    """A field value outside what the standard allows."""
    DEPTH = 46
    TRAILING = 47
    """Bytes left over inside a message."""
    SEQUENCE = 48
    """A fragment or sequence number out of turn."""
    TOO_LARGE = 49
    """A cap of this program was reached: the rest of the message was not read."""
    SHORT = 50
    """The message ends before its fields do (datagram, or a cut frame)."""
    TEXT_CAP = 51
    PARSER = 52
    """The parser itself failed: a defect of this program; the traceback is in the log."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of a parser's OPERATIONS: what a message asks for.

    `name` is a lower-case identifier that is stable for rules, `title` the standard's own words, `technique` an
    ATT&CK for ICS id where the operation alone implies one (a read does not imply an attack; a stop does not either
    unless the technique *is* the operation, as T0858 for a mode change).
    """

    name: str
    title: str
    activity: Activity
    technique: str = ""


@dataclass(frozen=True, slots=True)
class Extra:
    """One column of a parser's own table (`TABLE`): `type` is one of schema.TYPES, `unit` may be empty."""

    name: str
    type: str
    sentence: str
    unit: str = ""
