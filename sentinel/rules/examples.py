"""The rows that a rule file gives as example and counterexample, as tables that the engine runs over.

A row names columns of the rule's table. What it leaves out is absent, but for: `protocol` (that of the rule), `capture`
and `flow` (1), `frame` (counted from 1), `time` (a tenth of a second after the row before; `after: SECONDS` says
otherwise) and the addresses. `repeat: N` stands for N such rows; in each the {n} in texts is 0, 1, 2 ..., and
`step: {address: 1}` adds to numbers.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from sentinel import schema
from sentinel.rules.engine import Engine
from sentinel.rules.ir import Rule
from sentinel.rules.load import RuleSet

START = 1_700_000_000_000_000_000
TENTH = 100_000_000
MAX_REPEAT = 10_000
MAX_AFTER = 86_400

_DEFAULTS: dict[str, dict[str, Any]] = {
    "messages": {"src": "192.0.2.66", "dst": "192.0.2.10", "flow": 1},
    "flows": {"client": "192.0.2.66", "server": "192.0.2.10", "flow": 1},
    "points": {"device": "192.0.2.10", "flow": 1},
    "facts": {"device": "192.0.2.10", "flow": 1},
    "faults": {"flow": 1},
}
_POLARS = {"text": pl.Categorical, "f64": pl.Float64, "bool": pl.Boolean, "bytes": pl.Binary}


class BadRow(ValueError):
    """An example row that cannot be made into rows of the table: one sentence."""


def frame(table: str, rows: list[dict[str, Any]], protocol: str = "") -> pl.DataFrame:
    """The rows as a frame with every column of the table, and the protocols' own columns that they name."""
    columns = {column.name: column.type for column in schema.TABLES[table].columns}
    known = {name: _POLARS.get(type_, pl.Int64) for name, type_ in columns.items()}
    full: list[dict[str, Any]] = []
    time = START - TENTH
    for row in rows:
        for single in _repeated(row):
            after = single.pop("after", 0.1)
            if not isinstance(after, int | float) or not 0 <= after <= MAX_AFTER:
                raise BadRow(f"after is 0 to {MAX_AFTER} seconds")
            time += int(after * 1_000_000_000)
            given = {"capture": 1, "frame": len(full) + 1, "time": time, **_DEFAULTS[table], **single}
            if "protocol" in columns and protocol:
                given.setdefault("protocol", protocol)
            unknown = [name for name in given if name not in known and "." not in name]
            if unknown:
                raise BadRow(f"{unknown[0]} is no column of {table}")
            full.append(given)
    own = dict.fromkeys(name for row in full for name in row if name not in known)
    try:
        data = {name: pl.Series(name, [row.get(name) for row in full], dtype) for name, dtype in known.items()}
        extra = {name: pl.Series(name, [row.get(name) for row in full]) for name in own}
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise BadRow(f"a value does not fit its column: {str(error).splitlines()[0]}") from error
    return pl.DataFrame({**data, **extra})


def _repeated(row: dict[str, Any]) -> list[dict[str, Any]]:
    times, step = row.get("repeat", 1), row.get("step", {})
    if not isinstance(times, int) or not 1 <= times <= MAX_REPEAT or not isinstance(step, dict):
        raise BadRow(f"repeat is 1 to {MAX_REPEAT}, and step a mapping of numbers")
    plain = {name: value for name, value in row.items() if name not in ("repeat", "step")}
    if not all(isinstance(plain.get(name), int) and isinstance(step[name], int) for name in step):
        raise BadRow("step adds whole numbers to whole numbers that the row has")
    rows = []
    for n in range(times):
        single = {
            name: value.replace("{n}", str(n)) if isinstance(value, str) else value for name, value in plain.items()
        }
        rows.append(single | {name: plain[name] + n * by for name, by in step.items()})
    return rows


def alerts(ruleset: RuleSet, rule: Rule, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The alerts of this one rule on these rows."""
    engine = Engine(ruleset.only([rule.id]))
    engine.batch({rule.table: frame(rule.table, rows, rule.protocol)})
    return [alert for alert in engine.finish() if alert["rule"] == rule.id]


def failures(ruleset: RuleSet, rule: Rule) -> list[str]:
    """What is wrong with the rule's example and counterexample; nothing for a rule that only feeds correlations."""
    if not rule.emit:
        return []
    found = []
    for name, rows, wanted in (("example", rule.example, True), ("counterexample", rule.counterexample, False)):
        if not rows:
            found.append(f"no {name}")
            continue
        try:
            fired = bool(alerts(ruleset, rule, rows))
        except BadRow as error:
            found.append(f"{name}: {error}")
            continue
        if fired != wanted:
            found.append(f"the {name} {'fires' if fired else 'does not fire'}")
    return found
