"""Evidence numbers are the same wherever they are printed."""

from __future__ import annotations

import dataclasses

import fake_assessment as fake
import pytest

from sentinel.assess.model import Evidence, Text, Trace
from sentinel.report.evidence import EvidenceIndex, five_tuples, frames_in_words
from sentinel.report.texts import MORE


def test_each_piece_has_one_number_in_the_order_of_the_findings():
    index = EvidenceIndex(fake.full())
    pieces = list(index)
    assert [p.number for p in pieces] == [f"E-{i:04}" for i in range(1, len(pieces) + 1)]
    assert len({p.evidence for p in pieces}) == len(pieces) == len(index)
    first = fake.FINDINGS[0].evidence[0]
    assert index.number(first) == "E-0001"
    assert "F-01" in pieces[0].used_for and "Q-BLD-02" in pieces[0].used_for


def test_a_note_does_not_make_another_piece():
    index = EvidenceIndex(fake.full())
    first = fake.FINDINGS[0].evidence[0]
    assert index.number(dataclasses.replace(first, note=Text("注", "note"))) == "E-0001"
    with pytest.raises(KeyError):
        index.number(Evidence("frames", capture=9, frames=(1,)))


def test_numbers_are_sorted_and_said_once():
    index = EvidenceIndex(fake.full())
    pieces = [*fake.FINDINGS[1].evidence, *fake.FINDINGS[0].evidence, *fake.FINDINGS[1].evidence]
    assert index.numbers(pieces) == tuple(sorted(set(index.numbers(pieces))))


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ((5,), "5"),
        ((1, 2, 3, 7), "1-3, 7"),
        ((), ""),
        (tuple(range(0, 40, 2)), "0, 2, 4, 6, 8, 10, 12, 14, and 12 more"),
    ],
)
def test_frames_in_words(frames: tuple[int, ...], words: str):
    assert frames_in_words(frames, {"more": MORE}, "en") == words


def test_traces_of_a_piece_are_in_the_order_of_its_frames():
    known = (Trace(1, 4, 40), Trace(1, 2, 20), Trace(2, 2, 99))
    index = EvidenceIndex(dataclasses.replace(fake.full(), traces=known))
    assert [t.time for t in index.traces(Evidence("frames", capture=1, frames=(2, 3, 4)))] == [20, 40]


def test_both_directions_of_a_conversation_are_one_pair_of_ends():
    there = Trace(1, 1, 0, "10.0.0.1", "10.0.0.2", 4000, 502, "tcp", "modbus")
    back = Trace(1, 2, 0, "10.0.0.2", "10.0.0.1", 502, 4000, "tcp", "modbus")
    six = Trace(1, 3, 0, "2001:db8::1", "2001:db8::2", 1, 2, "udp")
    ethernet = Trace(1, 4, 0, "02:00:00:00:00:01", "02:00:00:00:00:02", None, None, "eth", "goose")
    assert five_tuples((there, back, six, ethernet, Trace(1, 5, 0))) == (
        "10.0.0.1:4000 → 10.0.0.2:502 TCP modbus",
        "[2001:db8::1]:1 → [2001:db8::2]:2 UDP",
        "02:00:00:00:00:01 → 02:00:00:00:00:02 ETH goose",
    )
