"""The order of batches, as far back as whoever finishes a killed run asks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sentinel.pairing import Batch
from sentinel.sensor.config import Record
from sentinel.sensor.turns import GONE, Turns
from sentinel.wire.layout import M_WIDTH


def batch(capture: int, frame: int, first: int, messages: int = 2) -> Batch:
    none = np.zeros((0, 1), np.int64)
    cells = np.zeros((messages, M_WIDTH), np.int64)
    return Batch(capture, first, cells, none, none, none, none, none, np.zeros(0, "u1"), {}, [], frame, 7)


def test_what_is_not_stored_is_kept_with_all_that_was_held_when_it_came() -> None:
    turns = Turns()
    turns.began(1)
    turns.began(2)
    for n in range(4):  # nothing is complete until the third comes
        turns.take(batch(1 + n % 2, 10 * (n + 1), 2 * n))
        turns.completed = max(0, n - 1)
    turns.store()
    told = turns.told()
    assert turns.completed == 2
    assert [turn[0] for turn in told["turns"]] == [1, 2, 3, 4]  # when the third came, the first was still held
    turns.take(batch(1, 50, 8))
    turns.completed = 3
    turns.store()
    told = turns.told()
    assert [turn[0] for turn in told["turns"]] == [2, 3, 4, 5] and told["behind"] == [[1, 1, 10, 0, 2, 7]]
    assert told["captures"] == [1, 2] and turns.needed == 1


def test_a_segment_that_ended_is_needed_until_its_rows_are_stored() -> None:
    turns = Turns()
    turns.began(3)
    turns.take(batch(3, 9, 0))
    turns.ended(3)
    turns.began(4)
    turns.store()
    assert turns.told()["captures"] == [3, 4] and turns.needed == 3
    turns.completed = 1
    turns.store()
    told = turns.told()
    assert (told["turns"], told["behind"], told["captures"]) == ([], [], [4])
    turns.ended(4)
    assert turns.told()["captures"] == [] and turns.needed == 4


def test_of_a_segment_that_goes_on_it_is_known_how_far_it_was_stored() -> None:
    turns = Turns()
    turns.began(1)
    turns.take(batch(1, 9, 0))
    turns.take(batch(1, GONE, 2, 0))
    turns.completed = 2
    turns.store()
    assert turns.told()["behind"] == [[2, 1, GONE, 2, 0, 7]] and turns.told()["turns"] == []


def test_segments_may_lie_in_several_folders(tmp_path: Path) -> None:
    turns = Turns()
    turns.recorded_in(Record(), tmp_path)
    turns.recorded_in(Record(), tmp_path)
    turns.recorded_in(Record(enabled=False, folder="/none"), tmp_path)
    turns.recorded_in(Record(folder=str(tmp_path / "b")), tmp_path)
    assert turns.told()["folders"] == [str(tmp_path / "segments"), str(tmp_path / "b")]
