"""Rows of several runs, or of several batches of one run, that are about the same thing become one row.

Each function takes rows as `sentinel.schema` declares them, oldest run first, and returns one row for each id, in
the order in which the ids first came. Lists and objects in text columns may be JSON or Python; JSON is returned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, Any]

MAX_EVIDENCE = 100
"""Frames or flows that one alert or asset keeps; the first and the last are always among them."""


def merge_alerts(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """One row an alert: counts add, the time span grows, frames and flows are united; the last row has the words."""
    return _merge(rows, "alert", _join_alerts)


def merge_facts(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """One row a fact: the earliest time it was said is its evidence, the highest confidence counts."""
    return _merge(rows, "fact", _join_facts)


def merge_assets(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """One row an asset: addresses are united, traffic adds, what the later row knows replaces what the earlier knew."""
    return _merge(rows, "asset", _join_assets)


def _merge(rows: Iterable[Mapping[str, Any]], key: str, join: Callable[[Row, Row], Row]) -> list[Row]:
    merged: dict[str, Row] = {}
    for given in rows:
        row = dict(given)
        known = merged.get(row[key])
        merged[row[key]] = row if known is None else join(known, row)
    return list(merged.values())


def _join_alerts(old: Row, new: Row) -> Row:
    return {
        **new,
        "count": old["count"] + new["count"],
        "first_time": min(old["first_time"], new["first_time"]),
        "last_time": max(old["last_time"], new["last_time"]),
        "techniques": _json(sorted({*parse(old["techniques"]), *parse(new["techniques"])})),
        "evidence": _json(merge_evidence(parse(old["evidence"]), parse(new["evidence"]))),
        "flows": _json(capped(sorted({*parse(old["flows"]), *parse(new["flows"])}))),
    }


def _join_facts(old: Row, new: Row) -> Row:
    row = new if new["time"] < old["time"] else old
    return {**row, "confidence": max(old["confidence"], new["confidence"])}


def _join_assets(old: Row, new: Row) -> Row:
    row = {**old, **{name: value for name, value in new.items() if value not in (None, "")}}
    if not _better_vendor(old, new):
        row["vendor"], row["vendor_by"] = old["vendor"], old["vendor_by"]
    if role_rank(old["role"]) > role_rank(new["role"]):
        row["role"], row["role_by"], row["level"] = old["role"], old["role_by"], old["level"]
    return {
        **row,
        "ips": _json(sorted({*parse(old["ips"]), *parse(new["ips"])})),
        "macs": _json(sorted({*parse(old["macs"]), *parse(new["macs"])})),
        "protocols": _json(_join_protocols(parse(old["protocols"], {}), parse(new["protocols"], {}))),
        "first_time": min(old["first_time"], new["first_time"]),
        "last_time": max(old["last_time"], new["last_time"]),
        "packets": old["packets"] + new["packets"],
        "bytes": old["bytes"] + new["bytes"],
        "facts": old["facts"] + new["facts"],
        "evidence": _json(merge_evidence(parse(old["evidence"]), parse(new["evidence"]))),
    }


def _better_vendor(old: Row, new: Row) -> bool:
    """What a device said of itself outweighs what the registry says of its address."""
    return bool(new["vendor"]) and (new["vendor_by"] == "fact" or old["vendor_by"] != "fact")


def _join_protocols(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    joined = dict(old)
    for protocol, side in new.items():
        joined[protocol] = side if joined.get(protocol, side) == side else "both"
    return dict(sorted(joined.items()))


ROLES = ("unknown", "host", "client", "router", "hmi", "engineering", "rtu", "plc", "gateway")
"""From what needs the least evidence to what needs the most: the later one stays where two captures differ."""


def role_rank(role: str) -> int:
    """How much evidence stands behind a role; -1 for a word that is none."""
    return ROLES.index(role) if role in ROLES else -1


def merge_evidence(*lists: Iterable[Iterable[int]]) -> list[list[int]]:
    """[capture, frame] pairs of all lists, each once, in order, at most MAX_EVIDENCE with the first and the last."""
    pairs = {(int(capture), int(frame)) for pairs in lists for capture, frame in pairs}
    return [list(pair) for pair in capped(sorted(pairs))]


def capped(items: list[Any]) -> list[Any]:
    """At most MAX_EVIDENCE items of a sorted list: the first ones, and the last."""
    return items if len(items) <= MAX_EVIDENCE else [*items[: MAX_EVIDENCE - 1], items[-1]]


def parse(value: Any, empty: Any = ()) -> Any:
    """A list or object that may come as JSON text; `empty` for an absent one."""
    if value is None or value == "":
        return empty
    return json.loads(value) if isinstance(value, str) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
