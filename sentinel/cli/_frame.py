"""What Sentinel decodes of one frame of a capture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

MAX_ROWS = 200
"""Values or items of one frame that are kept."""


@dataclass(slots=True)
class View:
    """The rows that one frame took part in; `own` holds a message's protocol-specific columns by message number."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    flows: list[dict[str, Any]] = field(default_factory=list)
    own: dict[int, dict[str, Any]] = field(default_factory=dict)


def view(batches: Iterable[Mapping[str, pl.DataFrame]], number: int, ends: frozenset[tuple[str, int]]) -> View:
    """Everything about frame `number`: messages that end in it or of which it brought a part, and their rows.

    The flow is that of the messages and faults; where there are none, the flow between the two `ends`.
    """
    found = View()
    flows: set[int] = set()
    candidates: list[pl.DataFrame] = []
    for batch in batches:
        messages = _of(batch, "messages").filter((pl.col("first_frame") <= number) & (pl.col("frame") >= number))
        # A message spans frames of its own flow only; that the frame in between is of that flow must be shown.
        messages = messages.filter((pl.col("frame") == number) | (pl.col("first_frame") == number) | _between(ends))
        numbers = messages["message"].to_list()
        found.messages += messages.to_dicts()
        for name, rows in (("items", found.items), ("points", found.points)):
            rows += _of(batch, name).filter(pl.col("message").is_in(numbers)).head(MAX_ROWS).to_dicts()
        for name, rows in (("facts", found.facts), ("faults", found.faults)):
            rows += _of(batch, name).filter(pl.col("frame") == number).to_dicts()
        for name, table in batch.items():
            if name.startswith("ext/"):
                for row in table.filter(pl.col("message").is_in(numbers)).iter_rows(named=True):
                    found.own[row["message"]] = {k: v for k, v in row.items() if k not in ("message", "capture")}
        candidates.append(_candidates(_of(batch, "flows"), number))
        flows.update(row["flow"] for row in (*found.messages, *found.faults) if row["flow"] is not None)
    for table in candidates:
        for row in table.iter_rows(named=True):
            sides = frozenset({(row["client"], row["client_port"]), (row["server"], row["server_port"])})
            if row["flow"] in flows or (not flows and ends and sides == ends):
                found.flows.append(row)
    return found


def _of(batch: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    """A table of the batch; an empty one with every column of the schema where the batch has none."""
    table = batch.get(name)
    if table is not None and table.width:
        return table
    from sentinel.store.tables import polars_schema

    return pl.DataFrame(schema=polars_schema(name))


def _candidates(flows: pl.DataFrame, number: int) -> pl.DataFrame:
    return flows.filter((pl.col("frame") <= number) & (pl.col("last_frame") >= number))


def _between(ends: frozenset[tuple[str, int]]) -> pl.Expr:
    """Whether a message travels between the two ends of the frame, either way."""
    if len(ends) != 2:
        return pl.lit(False)
    (one, one_port), (other, other_port) = sorted(ends)

    def runs(a: str, a_port: int, b: str, b_port: int) -> pl.Expr:
        sides = (pl.col("src") == a) & (pl.col("sport") == a_port) & (pl.col("dst") == b) & (pl.col("dport") == b_port)
        return sides.fill_null(False)

    return runs(one, one_port, other, other_port) | runs(other, other_port, one, one_port)
