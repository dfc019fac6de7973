"""What a check may look at: the tables of a case, the site and the coverage; nothing else, and nothing to write to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from sentinel import schema
from sentinel.assess.model import Coverage, Evidence, Site
from sentinel.store.tables import polars_schema

MAX_FRAMES = 20
"""Frame numbers that one piece of evidence names."""


class Scanner(Protocol):
    """What a `View` reads from: an open `Case`, or `Rows`."""

    def scan(self, table: str) -> pl.LazyFrame:
        """A table of the schema."""


class Rows:
    """Tables out of rows that are given: missing columns are null, or empty where they cannot be null."""

    def __init__(self, **tables: Iterable[Mapping[str, Any]]):
        self._tables = {name: _frame(name, rows) for name, rows in tables.items()}

    def scan(self, table: str) -> pl.LazyFrame:
        """The rows that were given for the table, or an empty one."""
        frame = self._tables.get(table)
        return pl.LazyFrame(schema=polars_schema(table)) if frame is None else frame.lazy()


class View:
    """The read-only world of a check.

    Small tables (`flows`, `facts`, `assets`, `alerts`, `captures`) are frames, read once; `messages`, `points`, `items`
    and `faults` may have hundreds of millions of rows and are lazy: aggregate before you collect.
    """

    def __init__(self, source: Scanner, site: Site | None = None, coverage: Coverage | None = None):
        self._source = source
        self.site = Site() if site is None else site
        self.coverage = Coverage() if coverage is None else coverage

    def knowing(self, site: Site, coverage: Coverage) -> View:
        """The same tables with another site and coverage; what was read of them is not read again."""
        other = View(self._source, site, coverage)
        read = ("captures", "flows", "facts", "assets", "alerts", "hashes", "_ends")
        other.__dict__.update({name: self.__dict__[name] for name in read if name in self.__dict__})
        return other

    def scan(self, table: str) -> pl.LazyFrame:
        """Any table of the case, lazily."""
        return self._source.scan(table)

    @cached_property
    def captures(self) -> pl.DataFrame:
        """The captures that were read."""
        return self.scan("captures").collect()

    @cached_property
    def flows(self) -> pl.DataFrame:
        """Who talked to whom."""
        return self.scan("flows").collect()

    @cached_property
    def facts(self) -> pl.DataFrame:
        """What devices said about themselves."""
        return self.scan("facts").collect()

    @cached_property
    def assets(self) -> pl.DataFrame:
        """The devices that were seen."""
        return self.scan("assets").collect()

    @cached_property
    def alerts(self) -> pl.DataFrame:
        """What rules and detectors claim; suppressed ones are left out."""
        return self.scan("alerts").filter(pl.col("state") != "suppressed").collect()

    @property
    def messages(self) -> pl.LazyFrame:
        """The application messages, lazily."""
        return self.scan("messages")

    @property
    def points(self) -> pl.LazyFrame:
        """The process values, lazily."""
        return self.scan("points")

    @cached_property
    def hashes(self) -> dict[int, str]:
        """Number of a capture -> its SHA-256."""
        return dict(self.captures.select("capture", "sha256").iter_rows())

    def frames(self, capture: int, frames: Iterable[int]) -> Evidence:
        """Evidence of some frames of one capture: at most `MAX_FRAMES`, first and last always among them."""
        numbers = sorted(set(frames))
        if len(numbers) > MAX_FRAMES:
            numbers = [*numbers[: MAX_FRAMES - 1], numbers[-1]]
        return Evidence("frames", capture=capture, sha256=self.hashes.get(capture, ""), frames=tuple(numbers))

    @cached_property
    def _ends(self) -> dict[int, Any]:
        return dict(self.captures.select("capture", "last_time").iter_rows())

    def flow_frames(self, flow: Mapping[str, Any]) -> Evidence:
        """Evidence of one row of `flows`: its first frame, and its last where that lies in the same capture."""
        end = self._ends.get(flow["capture"])
        here = end is None or flow["last_time"] <= end
        return self.frames(flow["capture"], (flow["frame"], flow["last_frame"]) if here else (flow["frame"],))

    def alert_evidence(self, alert: Mapping[str, Any]) -> tuple[Evidence, ...]:
        """Evidence of one row of `alerts`: its frames, one piece for each capture, naming the alert."""
        by_capture: dict[int, list[int]] = {}
        for capture, frame in json.loads(alert["evidence"] or "[]"):
            by_capture.setdefault(capture, []).append(frame)
        return tuple(
            Evidence("alert", alert["alert"], piece.capture, piece.sha256, piece.frames)
            for piece in (self.frames(capture, frames) for capture, frames in sorted(by_capture.items()))
        )


def _frame(table: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    wanted = polars_schema(table)
    absent = {c.name: None if c.null else "" if c.type == "text" else 0 for c in schema.TABLES[table].columns}
    cells = [{**absent, **row} for row in rows]
    return pl.DataFrame(cells, schema=wanted) if cells else pl.DataFrame(schema=wanted)
