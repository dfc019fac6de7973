"""Rows of a case's tables as documents of the Elastic Common Schema, derived from `sentinel.schema`.

A column with an ECS name stands under it, any other under `ics.<table>.<column>` (messages: `ics.<column>`, what only
their protocol has: `ics.<protocol>.<column>`): the field names that rules use. Ids are hashes of content: the same row
of the same capture has the same id in every case and on every try, so a receiver that knows ids takes it once.

Empty text and null are left out; zero is a value. A value that is no number (NaN) stands as text beside its column.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sentinel import schema
from sentinel.store.outbox import OFFERED, Offer
from sentinel.version import VERSION

ECS_VERSION = "8.17.0"
HELD = "held"
"""The table of summaries: what a rate limit held back."""
SEVERITIES = {"informational": 1, "low": 21, "medium": 47, "high": 73, "critical": 99}
"""Severity -> `event.severity`, as Elastic's own rules number theirs."""
KINDS = {"alerts": "alert", "assets": "asset", "faults": "pipeline_error", HELD: "metric"}
"""Table -> `event.kind`; the others are `event`."""

_TIMES = {"flows": "time", "assets": "last_time", "alerts": "last_time"}
"""The column that `@timestamp` is taken from where none is called so in the schema."""
_NATURAL = {
    "flows": ("frame", "client", "server", "client_port", "server_port", "transport", "ethertype", "vlan", "tunnel"),
    "messages": ("frame", "index", "first_frame", "offset", "protocol"),
    "items": ("frame", "_index", "index"),
    "points": ("frame", "_index", "_nth"),
    "faults": ("frame", "code", "offset", "detail", "_row"),
}
"""Columns that, with the capture's hash, tell a row from all others of its table."""
_ADDRESSES = {"source.ip": ("source", "address"), "destination.ip": ("destination", "address")}
_LISTS = {"techniques", "flows", "ips", "macs"}
_EXTENSION_KINDS = {"text": "keyword", "bytes": "keyword", "time": "date"}
_SORTS = {"bool": "boolean", "u8": "long", "u16": "long", "i32": "long", "i64": "long", "f64": "double",
          "time": "date", "text": "keyword", "bytes": "keyword"}  # fmt: skip
_LONG = {"message", "why_en", "why_zh", "action_en", "action_zh"}
"""Columns (and the field) that hold sentences, to be searched word by word."""


compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON in one line. (`json.dumps` would make an encoder for each document.)"""
_canonical = json.JSONEncoder(ensure_ascii=True, default=str).encode


@dataclass(frozen=True, slots=True)
class Document:
    """One row as a receiver gets it: `body` is nested by the field names, `row` is the row itself."""

    id: str
    table: str
    body: dict[str, Any]
    row: Mapping[str, Any]

    def json(self) -> str:
        """The body in one line."""
        return compact(self.body)


class Writer:
    """Makes documents of the rows that an outbox offers.

    `hash_of`: number of a capture -> its SHA-256 or stand-in, to cite. `name_of`: number of a capture -> what ids are
    made from, which must be the same whenever a row is offered; `hash_of` where no capture grows.
    """

    def __init__(self, observer: str, hash_of: Callable[[int], str], name_of: Callable[[int], str] | None = None):
        self._observer = observer.encode("utf-8", "replace").decode()  # a name from the shell may be no UTF-8
        self._hash_of = hash_of
        self._name_of = name_of or hash_of
        self._plans = {name: _plan(name) for name in OFFERED}
        self._extension_times: frozenset[str] = frozenset()

    def expect(self, extensions: Mapping[str, Mapping[str, str]]) -> None:
        """Protocol -> column -> type of what messages hold beside their own columns."""
        self._extension_times = frozenset(
            f"{protocol}.{name}" for protocol, columns in extensions.items() for name, type_ in columns.items()
            if type_ == "time"
        )  # fmt: skip

    def documents(self, offer: Offer) -> list[Document]:
        """One document a row, in order."""
        return [self._document(offer.table, row) for row in offer.rows]

    def summary(self, held: Sequence[Mapping[str, Any]], now: int | None = None) -> Document:
        """One document that tells what a rate limit held back (`Outbox.held`)."""
        at = time.time_ns() if now is None else now
        count = sum(row["count"] for row in held)
        kinds = "; ".join(f"{row['count']} x {row['what']} {row['severity']}".strip() for row in held[:20])
        body = self._frame(HELD)
        body["@timestamp"] = moment(at)
        body["message"] = f"{count} held back by the rate limit: {kinds}"
        body["ics"] = {HELD: {"count": count, "what": [f"{row['table']}/{row['what']}" for row in held[:1000]]}}
        worst = max((row["severity"] for row in held), key=lambda word: SEVERITIES.get(word, 0), default="")
        if worst in SEVERITIES:
            body["log"] = {"level": worst}
            body["event"]["severity"] = SEVERITIES[worst]
        row = {"count": count, "held": list(held), "severity": worst, "time": at, "why_en": body["message"]}
        return Document(_hash(HELD, self._observer, at, count), HELD, body, row)

    def _frame(self, table: str) -> dict[str, Any]:
        event = {"kind": KINDS.get(table, "event"), "module": "sentinel", "dataset": f"ics.{table}"}
        return {
            "event": event,
            "ecs": {"version": ECS_VERSION},
            "observer": {"name": self._observer, "product": "Sentinel", "type": "ics", "version": VERSION},
        }

    def _document(self, table: str, row: Mapping[str, Any]) -> Document:
        body = self._frame(table)
        plan = self._plans[table]
        for path, columns in plan.plain.items():
            said = {last: row[name] for name, last in columns if row[name] is not None and row[name] != ""}
            if said:
                at = body
                for part in path:
                    at = at.setdefault(part, {})
                at.update(said)
        for name, path, convert in plan.converted:
            value = row[name]
            if value is not None and value != "":
                convert(body, path, value)
        if table == "messages":
            for name, value in row.items():
                if "." in name and value is not None and value != "":
                    convert = _put_time if name in self._extension_times else _put_plain
                    convert(body, ("ics", *name.split(".", 1)), value)
        if (severity := row.get("severity")) in SEVERITIES:
            body["event"]["severity"] = SEVERITIES[severity]
        self._cite(table, row, body)
        if "@timestamp" not in body:
            body["@timestamp"] = moment(_when(table, row))
        return Document(self._id(table, row), table, body, row)

    def _cite(self, table: str, row: Mapping[str, Any], body: dict[str, Any]) -> None:
        """Name the captures that a row comes from by their hashes; the numbers mean something in the case alone."""
        if "evidence" in row:
            cited = json.loads(row["evidence"] or "[]")
            hashes = {number: self._hash_of(number) for number, _ in cited}
            frames = [f"{hashes[number][:16]}:{frame}" for number, frame in cited]
            if frames:
                _put(body, ("ics", table, "evidence"), frames)
            captures = sorted(set(hashes.values()))
        else:
            captures = [self._hash_of(row["capture"])] if row.get("capture") is not None else []
        if captures:
            _put(body, ("file", "hash", "sha256"), captures if len(captures) > 1 else captures[0])

    def _id(self, table: str, row: Mapping[str, Any]) -> str:
        natural = _NATURAL.get(table)
        if natural is None:  # its rows change: each version of one is a document
            key = schema.TABLES[table].key[0]
            return _hash(table, row[key], *sorted((k, v) for k, v in row.items() if k not in ("capture", "flow")))
        capture = [self._name_of(row["capture"])] if row.get("capture") is not None else []
        return _hash(table, *capture, *(row[name] for name in natural))


def fields(table: str, extensions: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, str]:
    """Every field that a document of a table may have, with dots -> keyword, text, long, double, boolean, date or ip.

    `extensions`: protocol -> column -> type of `schema.TYPES`, of what messages hold beside their own columns.
    """
    found = {
        "@timestamp": "date", "event.kind": "keyword", "event.module": "keyword", "event.dataset": "keyword",
        "ecs.version": "keyword", "observer.name": "keyword", "observer.product": "keyword", "observer.type": "keyword",
        "observer.version": "keyword",
    }  # fmt: skip
    if table == HELD:
        own = {"message": "text", "log.level": "keyword", "event.severity": "long"}
        return {**found, **own, f"ics.{HELD}.count": "long", f"ics.{HELD}.what": "keyword"}
    found["file.hash.sha256"] = "keyword"
    for column in schema.TABLES[table].columns:
        field = ".".join(path_of(table, column))
        if field in _ADDRESSES:
            side = _ADDRESSES[field][0]
            found |= {f"{side}.ip": "ip", f"{side}.address": "keyword", f"{side}.mac": "keyword"}
        else:
            found[field] = "text" if column.name in _LONG or field in _LONG else _kind(column)
    if table == "points":
        found["ics.points.text"] = "keyword"
    if table == "items":
        found |= {"network.protocol": "keyword", "ics.items.frame": "long", "ics.items.flow": "long",
                  "ics.items.capture": "long"}  # fmt: skip
    if table == "alerts":
        found["event.severity"] = "long"
    for protocol, columns in (extensions or {}).items() if table == "messages" else ():
        for name, type_ in columns.items():
            found[f"ics.{protocol}.{name}"] = _EXTENSION_KINDS.get(type_, _SORTS[type_])
    return found


def path_of(table: str, column: schema.Column) -> tuple[str, ...]:
    """Where a column stands in a document."""
    if column.ecs:
        return (column.ecs,) if column.ecs.startswith("@") else tuple(column.ecs.split("."))
    return ("ics", column.name) if table == "messages" else ("ics", table, column.name)


def moment(ns: int | None) -> str:
    """Nanoseconds since 1970 UTC in ISO 8601 with all nine digits; the epoch where there is no time."""
    seconds, rest = divmod(0 if ns is None else ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(max(0, seconds)))
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00"


def _when(table: str, row: Mapping[str, Any]) -> int | None:
    value = row.get(_TIMES.get(table, "time"))
    return value if isinstance(value, int) else None


def _kind(column: schema.Column) -> str:
    return "long" if column.name == "flows" else _SORTS[column.type]


_Convert = Callable[[dict[str, Any], tuple[str, ...], Any], None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a table's rows become documents: columns that are taken as they are, by the object that they stand in, and
    (column, where it stands, what puts it there) for the others."""

    plain: dict[tuple[str, ...], list[tuple[str, str]]]
    converted: list[tuple[str, tuple[str, ...], _Convert]]


def _plan(table: str) -> _Plan:
    columns: list[tuple[str, tuple[str, ...], _Convert]] = [
        (c.name, path_of(table, c), _converter(c)) for c in schema.TABLES[table].columns if c.name != "evidence"
    ]
    if table == "items":
        moved = [("protocol", ("network", "protocol"), _put), ("time", ("@timestamp",), _put_time)]
        columns += [*moved, *((name, ("ics", "items", name), _put) for name in ("capture", "frame", "flow"))]
    plan = _Plan({}, [column for column in columns if column[2] is not _put])
    for name, path, convert in columns:
        if convert is _put:
            plan.plain.setdefault(path[:-1], []).append((name, path[-1]))
    return plan


def _converter(column: schema.Column) -> _Convert:
    if column.ecs in _ADDRESSES:
        return _put_address
    if column.ecs.endswith(".mac"):
        return _put_mac
    if column.type == "time":
        return _put_time
    if column.name in _LISTS:
        return _put_list
    if column.name == "protocols":
        return _put_protocols
    return _put_number if column.type == "f64" else _put


def _put(body: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
    body[path[-1]] = value


def _put_plain(body: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """A column of a protocol's own table, whatever its type."""
    if isinstance(value, bytes):
        value = value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return
    _put(body, path, value)


def _put_number(body: dict[str, Any], path: tuple[str, ...], value: float) -> None:
    """A float; JSON has no word for NaN and the infinities, so a point says them in `text`."""
    if math.isfinite(value):
        _put(body, path, value)
    elif path == ("ics", "points", "value"):
        _put(body, ("ics", "points", "text"), str(value))


def _put_time(body: dict[str, Any], path: tuple[str, ...], value: int) -> None:
    if value >= 0:  # a device's clock may say anything; receivers know no time before 1970
        _put(body, path, moment(value))


def _put_address(body: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    """An address as ECS has it: `address` always, `ip` or `mac` where it is one."""
    side = path[0]
    kind = _address_kind(value)
    _put(body, (side, "address"), value)
    if kind == "ip":
        _put(body, (side, "ip"), value)
    elif kind == "mac":
        _put(body, (side, "mac"), _ecs_mac(value))


@lru_cache(maxsize=65536)
def _address_kind(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "mac" if len(value) == 17 and value.count(":") == 5 else ""
    return "" if "%" in value else "ip"


def _put_mac(body: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    _put(body, path, _ecs_mac(value))


def _ecs_mac(value: str) -> str:
    """ECS writes MAC addresses as RFC 7042 does: 00-00-5E-00-53-23."""
    return value.replace(":", "-").upper()


def _put_list(body: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    items = json.loads(value)
    if items:
        _put(body, path, items)


def _put_protocols(body: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    items = json.loads(value)
    if items:
        _put(body, path, [f"{name}:{role}" for name, role in items.items()])


def _hash(*content: Any) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()[:32]
