"""The rows that a rule matched become claims: one for each subject, with the first frames and the last."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np

from sentinel.columns import Columns
from sentinel.rules.alerts import Book, Claim, Subject
from sentinel.rules.correlate import Firing
from sentinel.rules.fields import SUBJECTS
from sentinel.rules.ir import Rule

Triple = tuple[int, int, int | None]
"""Capture, frame and flow: a piece of evidence."""


def claim_rows(book: Book, rule: Rule, batch: Columns, rows: np.ndarray) -> None:
    """Adds one claim for each subject among the rows, which are ascending."""
    columns = tuple(c for c in ("protocol", *SUBJECTS[rule.table]) if c in batch.frame.columns)
    ids, where = batch.groups(columns)
    ids = ids.take(rows)
    order = np.argsort(ids.astype(np.uint16) if len(where) <= 1 << 16 else ids, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    lengths = np.diff(starts, append=len(rows))
    keys = batch.keys(columns, rows[starts])
    subjects = [_subject(rule, dict(zip(columns, key, strict=True))) for key in keys]
    times = batch.integers("time").take(rows)
    values = _Values(rule, batch, rows[starts])
    stretches = zip(
        subjects,
        lengths.tolist(),
        np.minimum.reduceat(times, starts).tolist(),
        np.maximum.reduceat(times, starts).tolist(),
        _evidence(book, rule, subjects, batch.evidence(rows), starts, lengths),
        strict=True,
    )
    for number, stretch in enumerate(stretches):
        book.add(rule.kind, Claim(*stretch), partial(values.of, number))


def claim_firing(book: Book, rule: Rule, batch: Columns, firing: Firing) -> None:
    """Adds one claim for a correlation that a group's matches add up to."""
    assert rule.correlation is not None
    key = dict(zip(rule.correlation.group_by, firing.key, strict=True))
    subject = _subject(rule, {"protocol": rule.protocol, **key})
    times = firing.time
    everything = np.array([0]), np.array([len(times)])
    (evidence,) = _evidence(book, rule, [subject], firing.evidence, *everything)
    claim = Claim(subject, len(times), int(times.min()), int(times.max()), evidence)
    book.add(rule.kind, claim, lambda: _Values(rule, batch, np.array([firing.trigger])).of(0))


def _subject(rule: Rule, key: Mapping[str, Any]) -> Subject:
    """Who did what to whom, from the values of a row or group; for answers the receiver is the one that asked."""
    source, destination, unit = (key.get(column) for column in SUBJECTS[rule.table])
    if rule.asker == "destination":
        source, destination = destination, source
    return Subject(key.get("protocol") or "", source or "", destination or "", unit)


class _Values:
    """What the sentences of a rule ask of the first rows of its claims: read for all of them when one is asked for."""

    def __init__(self, rule: Rule, batch: Columns, rows: np.ndarray) -> None:
        self._rule = rule
        self._batch = batch
        self._rows = rows

    @cached_property
    def _columns(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        names = [column for column in self._rule.wanted() if column in self._batch.frame.columns]
        return names, self._batch.keys(tuple(names), self._rows)

    def of(self, number: int) -> dict[str, Any]:
        """The values of the row of this position."""
        names, rows = self._columns
        values = dict(zip(names, rows[number], strict=True))
        if self._rule.table == "points" and values.get("value") is None:
            values["value"] = values.get("text")
        if self._rule.correlation is not None:
            values["count"] = self._rule.correlation.threshold
            values["seconds"] = self._rule.correlation.span // 1_000_000_000
        return values


def _evidence(
    book: Book, rule: Rule, subjects: list[Subject], evidence: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> list[list[Triple]]:
    """Of each subject's stretch of evidence the first different pieces, as many as the book has room for, and the last.

    `evidence` has the columns capture, frame and flow (-1 where there is none). Pieces become objects only as far as
    they are likely to be named: four for each that there is room for, more where too many of those are alike.
    """
    rooms = np.array([book.room(rule.kind, subject) for subject in subjects])
    taken = np.minimum(lengths, 4 * rooms)
    ends = np.cumsum(taken)
    heads = _triples(evidence[np.arange(ends[-1]) + np.repeat(starts - ends + taken, taken)])
    tails = _triples(evidence[starts + lengths - 1])
    found = []
    for number, (end, count, room) in enumerate(zip(ends.tolist(), taken.tolist(), rooms.tolist(), strict=True)):
        first = dict.fromkeys(heads[end - count : end])
        start = int(starts[number])
        while len(first) < room and count < lengths[number]:
            more = min(count + 4 * room, int(lengths[number]))
            first.update(dict.fromkeys(_triples(evidence[start + count : start + more])))
            count = more
        found.append([*list(first)[:room], tails[number]])
    return found


def _triples(evidence: np.ndarray) -> list[Triple]:
    capture, frame, flow = evidence.T.tolist()
    return list(zip(capture, frame, [None if number < 0 else number for number in flow], strict=True))
