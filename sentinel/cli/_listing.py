"""Messages as lines for people: a fixed place for what every message has, then what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from sentinel.cli._jsonl import number_texts

MAX_VALUES = 8
"""Values of one message that a line shows."""
HEADER = f"{'FRAME':>8}  {'TIME (UTC)':<15}  {'FROM':<21}  {'TO':<21}  {'PROTOCOL':<8}  {'KIND':<11}  WHAT"
"""The line above the first message."""


def listing(batch: Mapping[str, pl.DataFrame]) -> pl.Series:
    """One line for every message of the batch."""
    messages = batch["messages"]
    values = _values(batch)
    clock = messages["time"].cast(pl.Datetime("ns")).dt.strftime("%H:%M:%S.%6f")
    lines = [_line(row, at, values) for row, at in zip(messages.iter_rows(named=True), clock, strict=True)]
    return pl.Series("line", lines, dtype=pl.String)


def about(row: Mapping[str, Any]) -> str:
    """What a message is about: operation, unit, what is addressed, status, fault; only what it has."""
    parts = [str(row["operation"] or "")]
    if row["unit"] is not None:
        parts.append(f"unit {row['unit']}")
    parts.append(target(row))
    if row["name"]:
        parts.append(f'"{row["name"]}"')
    if row["status"] is not None:
        parts.append(f"status {row['status']}" + (f" {row['status_name']}" if row["status_name"] else ""))
    if row["fault"]:
        parts.append(f"! {row['fault']}" + (f" ({row['detail']})" if row["detail"] else ""))
    return "  ".join(part for part in parts if part)


def target(row: Mapping[str, Any]) -> str:
    """What is addressed, as `holding_register 0 ×2`, `db 1:0.3`; of a message or an item."""
    text = str(row["object"] or "")
    if row["address"] is not None:
        block = f"{row['block']}:" if row["block"] is not None else ""
        bit = f".{row['bit']}" if row["bit"] is not None else ""
        text += f" {block}{row['address']}{bit}"
    elif row["block"] is not None:
        text += f" {row['block']}"
    if row["quantity"] is not None:
        text += f" ×{row['quantity']}"
    return text.strip()


def _line(row: Mapping[str, Any], at: str, values: Mapping[int, str]) -> str:
    source, target_ = _side(row["src"], row["sport"]), _side(row["dst"], row["dport"])
    what = about(row)
    if row["message"] in values:
        what += f"  = {values[row['message']]}"
    return f"{row['frame']:>8}  {at:<15}  {source:<21}  {target_:<21}  {row['protocol']:<8}  {row['kind']:<11}  {what}"


def _side(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _values(batch: Mapping[str, pl.DataFrame]) -> dict[int, str]:
    """The first values of each message that has some, as text."""
    points = batch.get("points")
    if points is None or points.height == 0:
        return {}
    table = pl.DataFrame({"message": points["message"], "value": number_texts(points["value"]), "text": points["text"]})
    shown = table.with_columns(pl.coalesce("value", "text")).group_by("message", maintain_order=True)
    grouped = shown.agg(pl.col("value").head(MAX_VALUES).str.join(" "), n=pl.len())
    more = pl.when(pl.col("n") > MAX_VALUES).then(pl.lit(" …")).otherwise(pl.lit(""))
    return dict(grouped.select("message", pl.col("value") + more).iter_rows())
