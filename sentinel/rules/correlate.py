"""Correlations: what several matches add up to within a sliding window of time, for each group of them.

State is bounded and the answers do not depend on how the rows were cut into batches: `event_count` keeps the last
threshold - 1 matches of a group, `value_count` and `temporal` the last match of each of the `threshold` latest values;
that is all it takes to decide exactly. Groups are capped: the one that was silent longest is forgotten, and counted.

A window holds matches that are at most `span` apart. Time that steps back by less than that is taken as standing still;
by more, as a new beginning (another capture, or a clock that was set).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sentinel.columns import Columns
from sentinel.rules.ir import Correlation

MAX_MATCHES = 200_000
"""Matches that one correlation remembers over all its groups."""

MAX_GROUPS = 10_000
MIN_GROUPS = 100

SWEEP_FROM = 64
"""Matches of a group in one batch from which they are taken together, and not one by one."""

EMPTY = np.zeros((0, 3), np.int64)


@dataclass(frozen=True, slots=True)
class Matches:
    """The matches of a correlation's rules in one batch, in row order, as parallel arrays."""

    row: np.ndarray
    time: np.ndarray
    evidence: np.ndarray
    """Columns capture, frame and flow (-1 where there is none)."""
    group: np.ndarray
    value: np.ndarray
    keys: list[tuple[Any, ...]]
    """Number in `group` -> the values of the group-by columns."""
    values: list[Any]
    """Number in `value` -> the value that is counted."""

    def among(self, own: np.ndarray, times: np.ndarray) -> Matches:
        """Those of these indices, at these times."""
        return Matches(
            self.row[own], times, self.evidence[own], self.group[own], self.value[own], self.keys, self.values
        )


@dataclass(frozen=True, slots=True)
class Firing:
    """A group whose matches add up: those not reported before, and the row that completed the first full window."""

    key: tuple[Any, ...]
    time: np.ndarray
    evidence: np.ndarray
    trigger: int


def gather(correlation: Correlation, batch: Columns, matched: dict[int, np.ndarray]) -> Matches:
    """The matches of the rules: position in `correlation.rules` -> rows of the batch."""
    rows = np.concatenate(list(matched.values()))
    source = np.repeat(list(matched), [len(own) for own in matched.values()])
    if len(matched) > 1:
        order = np.argsort(rows, kind="stable")
        rows, source = rows[order], source[order]
    value, values = source, list(range(len(correlation.rules)))
    if correlation.type == "value_count":
        number, where = batch.groups((correlation.value,))
        values = [v for (v,) in batch.keys((correlation.value,), where)]
        present = np.array([v is not None and v != "" for v in values])
        rows = rows[present.take(number.take(rows))]
        value = number.take(rows)
    group, where = batch.groups(tuple(correlation.group_by))
    keys = batch.keys(tuple(correlation.group_by), where)
    return Matches(rows, batch.integers("time").take(rows), batch.evidence(rows), group.take(rows), value, keys, values)


class Window:
    """What the types of windows have in common: the groups, and how many of them are remembered."""

    def __init__(self, correlation: Correlation) -> None:
        self.threshold = correlation.threshold
        self.span = correlation.span
        self.evicted = 0
        self._cap = max(MIN_GROUPS, min(MAX_GROUPS, MAX_MATCHES // correlation.threshold))
        self._groups: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def feed(self, matches: Matches) -> Iterator[Firing]:
        """Takes the next matches; yields each group whose matches add up."""
        raise NotImplementedError

    def _state(self, key: tuple[Any, ...], new: type) -> Any:
        """The state of a group, which becomes the one heard of last."""
        state = self._groups.get(key)
        if state is None:
            state = self._groups[key] = new()
            if len(self._groups) > self._cap:
                self._groups.popitem(last=False)
                self.evicted += 1
        else:
            self._groups.move_to_end(key)
        return state


def settle(times: np.ndarray, latest: int, span: int) -> tuple[np.ndarray, list[int]]:
    """Times that never step back, and the places where one did by more than `span` and a new beginning is made."""
    if not len(times) or (times[0] >= latest and (times[1:] >= times[:-1]).all()):
        return times, []
    highest = np.maximum.accumulate(np.maximum(times, latest))
    if (highest - times <= span).all():
        return highest, []
    settled, restarts = times.copy(), []
    for index, time in enumerate(times.tolist()):
        if latest - time > span:
            restarts.append(index)
        elif time < latest:
            settled[index] = time = latest
        latest = time
    return settled, restarts


NEVER = -(1 << 63)


@dataclass(slots=True)
class _Tail:
    """The last matches of a group, fewer than the threshold."""

    latest: int = NEVER
    time: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    evidence: np.ndarray = field(default_factory=lambda: EMPTY)
    reported: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


class CountWindow(Window):
    """event_count: as many matches as the threshold within the span."""

    def feed(self, matches: Matches) -> Iterator[Firing]:
        for own in _by_group(matches.group):
            key = matches.keys[matches.group[own[0]]]
            state = self._state(key, _Tail)
            times, restarts = settle(matches.time[own], state.latest, self.span)
            evidence = matches.evidence[own]
            fresh_time, fresh_evidence, trigger = [], [], -1
            start = 0
            for end in [*restarts, len(own)]:
                if end > start:
                    time, proof, completed = self._add(state, times[start:end], evidence[start:end])
                    fresh_time.append(time)
                    fresh_evidence.append(proof)
                    if completed >= 0 > trigger:
                        trigger = int(matches.row[own[start + completed]])
                if end < len(own):
                    fresh = _Tail()
                    state.latest, state.time = fresh.latest, fresh.time
                    state.evidence, state.reported = fresh.evidence, fresh.reported
                start = end
            if trigger >= 0:
                yield Firing(key, np.concatenate(fresh_time), np.concatenate(fresh_evidence), trigger)

    def _add(self, state: _Tail, time: np.ndarray, evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Times and evidence of the matches newly in a full window; which of the added completed the first, or -1."""
        known, less = len(state.time), self.threshold - 1
        times = np.concatenate([state.time, time])
        proof = np.concatenate([state.evidence, evidence])
        reported = np.concatenate([state.reported, np.zeros(len(time), bool)])
        ends = np.flatnonzero(times[less:] - times[: max(len(times) - less, 0)] <= self.span) + less
        covered = np.zeros(len(times) + 1, np.int64)
        covered[ends - less] += 1
        covered[ends + 1] -= 1
        fresh = (np.cumsum(covered)[:-1] > 0) & ~reported
        reported |= fresh
        keep = max(len(times) - less, 0)
        state.latest = int(times[-1])
        state.time, state.evidence, state.reported = times[keep:], proof[keep:], reported[keep:]
        return times[fresh], proof[fresh], int(ends[0]) - known if len(ends) else -1


@dataclass(slots=True)
class _Latest:
    """The last match of each of the latest values: value -> [time, evidence, reported], oldest first."""

    latest: int = NEVER
    values: OrderedDict[Any, list[Any]] = field(default_factory=OrderedDict)


class DistinctWindow(Window):
    """value_count and temporal: as many different values (or rules) as the threshold within the span."""

    def feed(self, matches: Matches) -> Iterator[Firing]:
        if not len(matches.row):
            return
        pairs = matches.group * len(matches.values) + matches.value
        ids, last = np.unique(pairs[::-1], return_index=True)
        last = np.sort(len(pairs) - 1 - last)
        steady = bool((matches.time[1:] >= matches.time[:-1]).all())
        groups: dict[int, list[int]] = {}
        for index, group in zip(last.tolist(), matches.group[last].tolist(), strict=True):
            groups.setdefault(group, []).append(index)
        numbers = {value: number for number, value in enumerate(matches.values)}
        for group, lasts in groups.items():
            key = matches.keys[group]
            state = self._state(key, _Latest)
            new = {matches.values[matches.value[index]] for index in lasts}
            if steady and matches.time[lasts[0]] >= state.latest and len(new.union(state.values)) < self.threshold:
                own = np.array(lasts)  # too few values for any window: where each was seen last is all that matters
            else:
                own = np.flatnonzero(matches.group == group)
            times, restarts = settle(matches.time[own], state.latest, self.span)
            mine = matches.among(own, times)
            if len(own) >= SWEEP_FROM and not restarts:
                firing = self._sweep(key, state, mine, numbers)
            else:
                firing = self._walk(key, state, mine, frozenset(restarts))
            if firing is not None:
                yield firing

    def _sweep(self, key: tuple[Any, ...], state: _Latest, matches: Matches, numbers: dict[Any, int]) -> Firing | None:
        """Takes the matches of a group at once; gives what `_walk` gives. `numbers` are those of `matches.values`."""
        old = list(state.values.items())
        unknown = len(matches.values)
        values = [numbers.get(value, unknown + n) for n, (value, _) in enumerate(old)] + matches.value.tolist()
        time = np.concatenate([np.array([match[0] for _, match in old], np.int64), matches.time])
        proof = np.concatenate([np.array([match[1] for _, match in old], np.int64).reshape(-1, 3), matches.evidence])
        reported = np.array([match[2] for _, match in old] + [False] * len(matches.row))
        until = _replaced(np.array(values))
        begin = _windows(values, self.threshold)
        full = (begin >= 0) & (time - time[begin] <= self.span)
        full[: len(old)] = False  # those windows were looked at when they were new
        before = np.concatenate([[0], np.cumsum(full)])
        each = np.arange(len(time))
        # a match is in every window that ends before its value comes again and does not begin after it
        last = np.minimum(until, np.searchsorted(begin, each, side="right"))
        fresh = (before[last] > before[each]) & ~reported
        reported |= fresh
        state.latest = int(time[-1])
        kept = np.flatnonzero((until == len(time)) & (state.latest - time <= self.span))[-self.threshold :].tolist()
        state.values = OrderedDict()
        for index in kept:
            value = old[index][0] if index < len(old) else matches.values[values[index]]
            state.values[value] = [int(time[index]), proof[index].tolist(), bool(reported[index])]
        if not full.any():
            return None
        trigger = int(matches.row[full.argmax() - len(old)])
        return Firing(key, time[fresh], proof[fresh], trigger)

    def _walk(
        self, key: tuple[Any, ...], state: _Latest, matches: Matches, beginnings: frozenset[int]
    ) -> Firing | None:
        """Takes the matches of a group one by one; at the `beginnings` what was before is forgotten."""
        fresh_time: list[int] = []
        fresh_evidence: list[list[int]] = []
        trigger = -1
        window = state.values
        pending = [value for value, match in window.items() if not match[2]]
        steps = zip(matches.time.tolist(), matches.evidence.tolist(), matches.value.tolist(), strict=True)
        for index, (time, evidence, number) in enumerate(steps):
            if index in beginnings:
                window.clear()
            value = matches.values[number]
            window[value] = [time, evidence, False]
            window.move_to_end(value)
            pending.append(value)
            while time - next(iter(window.values()))[0] > self.span or len(window) > self.threshold:
                window.popitem(last=False)
            if len(window) == self.threshold:
                if trigger < 0:
                    trigger = int(matches.row[index])
                for match in [window[value]] if len(pending) == 1 else window.values():
                    if not match[2]:
                        match[2] = True
                        fresh_time.append(match[0])
                        fresh_evidence.append(match[1])
                pending.clear()
            state.latest = time
        if trigger < 0:
            return None
        return Firing(key, np.array(fresh_time, np.int64), np.array(fresh_evidence, np.int64), trigger)


def _by_group(group: np.ndarray) -> list[np.ndarray]:
    """The indices of each group, ascending."""
    if not len(group):
        return []
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _replaced(values: np.ndarray) -> np.ndarray:
    """For each match the index of the next one of its value; their number where there is none."""
    order = np.argsort(values, kind="stable")
    until = np.full(len(values), len(values))
    same = np.flatnonzero(values[order[1:]] == values[order[:-1]])
    until[order[same]] = order[same + 1]
    return until


def _windows(values: list[int], threshold: int) -> np.ndarray:
    """For each match the latest index from which on there are `threshold` different values up to it, or -1."""
    begins = []
    begin = different = 0
    inside = [0] * (max(values) + 1)
    for value in values:
        different += not inside[value]
        inside[value] += 1
        while different > threshold or inside[values[begin]] > 1:
            inside[values[begin]] -= 1
            different -= not inside[values[begin]]
            begin += 1
        begins.append(begin if different == threshold else -1)
    return np.array(begins)


def make_window(correlation: Correlation) -> Window:
    """The window of a correlation."""
    return (CountWindow if correlation.type == "event_count" else DistinctWindow)(correlation)
