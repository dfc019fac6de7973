"""Windows: time that steps back, and what is forgotten. That they decide exactly is proved in test_rules_engine.py."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from sentinel.columns import Columns
from sentinel.rules import correlate
from sentinel.rules.correlate import NEVER, gather, make_window, settle
from sentinel.rules.ir import Correlation


def feed(
    correlation: Correlation, window: correlate.Window, times: list[int], src: list[str], unit: list[int | None]
) -> int:
    height = len(times)
    frame = pl.DataFrame(
        {
            "time": times,
            "capture": [1] * height,
            "frame": list(range(1, height + 1)),
            "flow": [1] * height,
            "src": src,
            "unit": unit,
        }
    )
    matches = gather(correlation, Columns(frame), {0: np.arange(height)})
    return sum(len(firing.time) for firing in window.feed(matches))


@pytest.mark.parametrize(
    ("times", "latest", "settled", "restarts"),
    [
        ([1, 2, 2], NEVER, [1, 2, 2], []),
        ([5, 4, 6], NEVER, [5, 5, 6], []),
        ([4, 6], 5, [5, 6], []),
        ([100, 1, 2], NEVER, [100, 1, 2], [1]),
        ([1, 2], 100, [1, 2], [0]),
        ([], 3, [], []),
    ],
)
def test_time_stands_still_or_begins_anew(
    times: list[int], latest: int, settled: list[int], restarts: list[int]
) -> None:
    found, places = settle(np.array(times, np.int64), latest, 10)
    assert found.tolist() == settled and places == restarts


@pytest.mark.parametrize(("kind", "value"), [("event_count", ""), ("value_count", "unit")])
def test_a_clock_that_jumps_does_not_fill_a_window(kind: str, value: str) -> None:
    correlation = Correlation(kind, ["a"], ["src"], 10, 3, value)
    # one frame from the year 2100, then ordinary traffic that is too slow for the rule
    times = [0, 10**18, 100, 200, 300]
    assert feed(correlation, make_window(correlation), times, ["h"] * 5, [1, 2, 3, 4, 5]) == 0


def test_absent_values_are_not_counted() -> None:
    correlation = Correlation("value_count", ["a"], ["src"], 10, 3, "unit")
    assert feed(correlation, make_window(correlation), [1, 2, 3, 4], ["h"] * 4, [0, 1, None, None]) == 0
    assert feed(correlation, make_window(correlation), [1, 2, 3, 4], ["h"] * 4, [0, 1, None, 2]) == 3
    assert feed(correlation, make_window(correlation), [1, 2], ["h"] * 2, [None, None]) == 0


def test_groups_are_bounded_and_the_silent_one_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlate, "MIN_GROUPS", 1)
    monkeypatch.setattr(correlate, "MAX_GROUPS", 2)
    correlation = Correlation("event_count", ["a"], ["src"], 100, 2)
    window = make_window(correlation)
    assert feed(correlation, window, [1], ["a"], [1]) + feed(correlation, window, [2], ["b"], [1]) == 0
    assert feed(correlation, window, [3], ["c"], [1]) == 0
    assert window.evicted == 1
    assert feed(correlation, window, [4], ["b"], [1]) == 2
    assert feed(correlation, window, [5], ["a"], [1]) == 0


def test_many_groups_share_a_bounded_memory() -> None:
    assert make_window(Correlation("event_count", ["a"], [], 1, 10_000))._cap == correlate.MIN_GROUPS
    assert make_window(Correlation("event_count", ["a"], [], 1, 2))._cap == correlate.MAX_GROUPS
