"""The slow twin of the rule engine: one row, one rule, one correlation step at a time, in plain Python.

Written from the contract in sentinel/rules/ir.py and correlate.py, sharing no code with the engine.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any


def holds(node: list[Any], row: dict[str, Any]) -> bool:
    """Whether the condition holds for the row."""
    if node[0] == "and":
        return all(holds(child, row) for child in node[1])
    if node[0] == "or":
        return any(holds(child, row) for child in node[1])
    if node[0] == "not":
        return not holds(node[1], row)
    _, column, operator, value = node
    cell = row.get(column)
    if operator == "absent":
        return cell is None or cell == ""
    if operator == "same":
        return cell not in (None, "") and type(cell) is type(row.get(value)) and cell == row.get(value)
    if isinstance(cell, str) or (cell is None and operator in ("is", "exact")):
        text = cell or ""
        if operator == "is":
            return text.casefold() in value
        if operator == "exact":
            return text in value
        if operator == "re":
            flags = {"i": re.I, "m": re.M, "s": re.S}
            return text != "" and re.search(value[0], text, sum(flags[f] for f in value[1])) is not None
        if operator == "cidr":
            try:
                return ipaddress.ip_address(text) in ipaddress.ip_network(value)
            except ValueError:
                return False
        return False
    if cell is None or operator in ("is", "exact", "re", "cidr"):
        return False
    return {
        "num": lambda: cell in value,
        "lt": lambda: cell < value,
        "lte": lambda: cell <= value,
        "gt": lambda: cell > value,
        "gte": lambda: cell >= value,
    }[operator]()


def correlate(kind: str, threshold: int, span: int, events: list[tuple[Any, int, Any]]) -> dict[Any, set[int]]:
    """Group -> indices of the events (group, time, value) that are reported; looks back over everything each time."""
    reported: dict[Any, set[int]] = {}
    history: dict[Any, list[tuple[int, Any, int]]] = {}
    for index, (group, time, value) in enumerate(events):
        past = history.setdefault(group, [])
        if past:
            latest = past[-1][0]
            if latest - time > span:
                past.clear()
            time = max(time, latest) if past else time
        past.append((time, value, index))
        inside = [event for event in past if time - event[0] <= span]
        if kind == "event_count":
            if len(inside) >= threshold:
                reported.setdefault(group, set()).update(event[2] for event in inside[-threshold:])
        else:
            last = {event[1]: event[2] for event in inside}
            if len(last) >= threshold:
                # the threshold latest values; the others were reported when they were
                reported.setdefault(group, set()).update(sorted(last.values())[-threshold:])
    return reported
