"""Small parsers made up for tests of the core: a protocol of marked texts, changed as a test wants it, and declared."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sentinel.model import Activity, Direction, Extra, Kind, Operation, Verdict
from sentinel.plugins import Parsers, describe
from sentinel.wire.reader import Reader
from sentinel.wire.rows import Rows

PORT = 7777
SAY, REPLY = 1, 2
"""Message: `!` (request) or `?` (answer), a length byte, that many bytes."""


def probe(r: Reader, direction: int) -> int:
    return Verdict.YES if r.peek(0) in b"!?" and r.peek(1) >= 0 else Verdict.NO


def orient(r: Reader) -> int:
    return {ord("!"): Direction.TO_SERVER, ord("?"): Direction.TO_CLIENT}.get(r.peek(0), Direction.UNKNOWN)


def parse(r: Reader, out: Rows) -> None:
    kind = r.u8()
    text = r.take(r.u8())
    out.message(Kind.REQUEST if kind == ord("!") else Kind.RESPONSE, 1, SAY)
    out.name(text)
    out.ext(0, len(text))


def say(text: bytes = b"hello", mark: bytes = b"!") -> bytes:
    return mark + bytes([len(text)]) + text


def module(name: str = "fake", **changes: Any) -> ModuleType:
    """A parser module as a file would be, with `changes` (None takes a name away)."""
    made = ModuleType(name)
    declared = {
        "NAME": name,
        "TITLE": "Fake",
        "TRANSPORTS": ("tcp", "udp"),
        "PORTS": {"tcp": (PORT,), "udp": (PORT,)},
        "OPERATIONS": {SAY: Operation("say", "Say", Activity.READ), REPLY: Operation("reply", "Reply", Activity.READ)},
        "TABLE": (Extra("size", "i32", "Bytes of the text."),),
        "parse": parse,
        "probe": probe,
        "orient": orient,
        **changes,
    }
    for key, value in declared.items():
        if value is not None:
            setattr(made, key, value)
    return made


def parsers(*modules: ModuleType) -> Parsers:
    """These parsers alone."""
    return Parsers([describe(one, index) for index, one in enumerate(modules)])
