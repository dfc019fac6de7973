"""What a process value did around an alert: the values that the alert's own frames carry, before, during and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from sentinel.assess.model import Text
from sentinel.assess.view import View

PLOTS = 6
"""Values that are followed: of the gravest alerts, each value once."""
ALERTS = 60
"""Alerts that are looked at for them."""
WINDOW = 60_000_000_000
"""ns before the first and behind the last frame of an alert."""
VALUES = 240
"""Values of one plot; of more, every n-th is kept, and all that were written."""
MIN_VALUES = 3
"""Values that make a line; fewer tell nothing that the table of alerts does not."""
TRIED = 40
"""Values that are looked at until there are enough."""
_RANK = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_POINT = ("device", "unit", "object", "block", "address")


def around(view: View) -> tuple[Mapping[str, Any], ...]:
    """One row a value, gravest alert first: its address and tag, times (ns), values, which of them were written.

    `alert_start` and `alert_end` are the times of the alert. Alerts whose frames carry no value that was seen at least
    `MIN_VALUES` times have no row.
    """
    alerts = sorted(
        view.alerts.iter_rows(named=True),
        key=lambda a: (_RANK.get(a["severity"], 9), a["first_time"], a["alert"]),
    )[:ALERTS]
    cited = [
        {"alert": number, "capture": capture, "frame": frame}
        for number, alert in enumerate(alerts)
        for capture, frame in json.loads(alert["evidence"] or "[]")
    ]
    if not cited:
        return ()
    points = view.points.filter(pl.col("value").is_not_null() & pl.col("value").is_finite())
    wanted = pl.LazyFrame(cited, schema={"alert": pl.Int64, "capture": pl.Int32, "frame": pl.Int64})
    carried = (
        wanted.join(points, on=["capture", "frame"])
        .select("alert", *_POINT, "access")
        .unique()
        .collect()
        .sort("alert", pl.col("access") != "write", *_POINT, nulls_last=True)
    )
    rows: list[Mapping[str, Any]] = []
    done: set[tuple[Any, ...]] = set()
    used: set[int] = set()
    for row in carried.iter_rows(named=True):
        point = tuple(row[name] for name in _POINT)
        if point in done or row["alert"] in used:
            continue
        if len(done) == TRIED:
            break
        done.add(point)
        followed = _followed(view, points, alerts[row["alert"]], dict(zip(_POINT, point, strict=True)))
        if len(followed["times"]) < MIN_VALUES:
            continue
        used.add(row["alert"])
        rows.append(followed)
        if len(rows) == PLOTS:
            break
    return tuple(rows)


def _followed(view: View, points: pl.LazyFrame, alert: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """The values of one address around an alert."""
    start, end = (int(alert[name].timestamp()) * 1_000_000_000 for name in ("first_time", "last_time"))
    found = (
        points.filter(*(pl.col(name).eq_missing(pl.lit(value)) for name, value in point.items()))
        .select(pl.col("time").cast(pl.Int64), "value", (pl.col("access") == "write").alias("written"))
        .filter(pl.col("time").is_between(start - WINDOW, end + WINDOW + 1_000_000_000))
        .collect()
        .sort("time", "written", "value")
    )
    if found.height > VALUES:
        step = -(-found.height // VALUES)
        found = found.with_row_index().filter((pl.col("index") % step == 0) | pl.col("written")).head(2 * VALUES)
    tag = next(
        (t for t in view.site.tags if (t.device, t.unit, t.object, t.block, t.address) == tuple(point.values())), None
    )
    return {
        **point,
        "alert": alert["alert"],
        "title": Text(alert["title_zh"], alert["title_en"]),
        "tag": "" if tag is None else tag.name,
        "unit_of_measure": "" if tag is None else tag.unit_of_measure,
        "alert_start": start,
        "alert_end": end + 1_000_000_000,
        "times": tuple(found["time"].to_list()),
        "values": tuple(found["value"].to_list()),
        "written": tuple(found["written"].to_list()),
    }
