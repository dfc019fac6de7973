"""Sentences, ids, and how claims become alerts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel import schema
from sentinel.rules import alerts
from sentinel.rules.alerts import AlertKind, Book, Claim, Subject, alert_id, merge, placeholders, sentence

TEXT = {
    "en": "{src} sent {operation}[ to unit {unit}][ at {address}].",
    "zh": "{src} 发送 {operation}[，单元 {unit}]。",
}
KIND = AlertKind(
    "r", "n", "high", {"en": "Title", "zh": "题"}, TEXT, {"en": "Ask {dst}.", "zh": "问 {dst}。"}, ["T0858"]
)
PAIR = Subject("modbus", "10.0.0.9", "10.0.0.1", 0)


def claim(first: int, last: int, subject: Subject = PAIR) -> Claim:
    """One row a frame from `first` to `last`, at second `frame`."""
    evidence: list[tuple[int, int, int | None]] = [(1, frame, 1) for frame in range(first, last + 1)]
    return Claim(subject, last - first + 1, first, last, evidence)


def nothing() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"src": "a", "operation": "stop", "unit": 0, "address": 0}, "a sent stop to unit 0 at 0."),
        ({"src": "a", "operation": "stop", "unit": None}, "a sent stop."),
        ({"src": "", "operation": None}, "several hosts sent not stated."),
        ({"src": "a", "operation": "x\x1b[2J\ny"}, "a sent x\ufffd[2J\ufffdy."),
        ({"src": "a", "operation": "{src} [z]"}, "a sent {src} [z]."),
        ({"src": "a", "operation": 2.50}, "a sent 2.5."),
        ({"src": "a", "operation": False}, "a sent False."),
    ],
)
def test_sentences_never_print_nothing(values: dict[str, Any], text: str) -> None:
    assert sentence(TEXT["en"], values, "en") == text


def test_what_stands_between_the_values_is_kept() -> None:
    assert sentence("100 % of {src}%s[ (%d)][ at {dst}] {}", {"src": "a", "dst": ""}, "en") == "100 % of a%s (%d) {}"
    assert sentence("", {}, "zh") == ""


def test_names_from_the_wire_are_cut() -> None:
    assert sentence("{name}", {"name": "x" * 1000}, "en") == "x" * (alerts.MAX_VALUE - 1) + "…"


def test_every_language_has_words_for_what_is_absent() -> None:
    for language in alerts.LANGUAGES:
        words = sentence("{src}|{dst}|{name}", {}, language).split("|")
        assert all(words) and "None" not in words
    assert placeholders("{a}[ {b.c}] {d}") == ["a", "b.c", "d"]


def test_a_row_has_every_column_of_the_table() -> None:
    book = Book()
    book.add(KIND, claim(1, 2), lambda: {"operation": "stop"})
    (row,) = book.rows()
    assert {c.name for c in schema.ALERTS.columns} == row.keys()
    assert row["why_en"] == "10.0.0.9 sent stop to unit 0." and row["why_zh"] == "10.0.0.9 发送 stop，单元 0。"
    assert row["action_en"] == "Ask 10.0.0.1." and row["techniques"] == '["T0858"]' and row["state"] == "open"
    assert (row["count"], row["first_time"], row["last_time"], row["unit"]) == (2, 1, 2, 0)


def test_ids_are_of_the_content() -> None:
    assert alert_id("r", PAIR) == alert_id("r", Subject("modbus", "10.0.0.9", "10.0.0.1", 0))
    others = [Subject("modbus", "10.0.0.9", "10.0.0.1", None), Subject("modbus", "10.0.0.9", "10.0.0.1", 1)]
    assert len({alert_id("r", subject) for subject in [PAIR, *others]} | {alert_id("s", PAIR)}) == 4


def test_claims_about_one_pair_are_one_alert_with_bounded_evidence() -> None:
    book = Book()
    for first in range(1, 1001, 10):
        book.add(KIND, claim(first, first + 9), nothing)
    (row,) = book.rows()
    assert row["count"] == 1000 and (row["first_time"], row["last_time"]) == (1, 1000)
    assert json.loads(row["evidence"]) == [[1, frame] for frame in [*range(1, 100), 1000]]
    assert json.loads(row["flows"]) == [1]
    assert book.room(KIND, PAIR) == 0 and book.room(KIND, Subject("", "", "", None)) == 99


def test_evidence_of_one_frame_is_named_once() -> None:
    book = Book()
    for _ in range(3):
        book.add(KIND, claim(7, 7), nothing)
    (row,) = book.rows()
    assert row["count"] == 3 and json.loads(row["evidence"]) == [[1, 7]]


def test_too_many_pairs_are_counted_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "MAX_PAIRS", 3)
    book = Book()
    for number in range(10):
        book.add(KIND, claim(number, number, Subject("modbus", f"10.0.0.{number}", "10.0.1.1", 1)), nothing)
    rows = book.rows()
    assert len(rows) == 4 and sum(row["count"] for row in rows) == 10 and book.folded == 7
    (rest,) = [row for row in rows if row["src"] == ""]
    assert (
        rest["count"] == 7
        and rest["why_en"].startswith("several hosts sent")
        and rest["action_en"] == "Ask several devices."
    )


def test_worst_first() -> None:
    book = Book()
    low = AlertKind("q", "m", "low", KIND.title, KIND.why, KIND.action, [])
    book.add(low, claim(1, 1), nothing)
    book.add(KIND, claim(5, 5), nothing)
    book.add(KIND, claim(2, 2, Subject("", "a", "b", None)), nothing)
    assert [(row["severity"], row["first_time"]) for row in book.rows()] == [("high", 2), ("high", 5), ("low", 1)]


def test_merging_two_captures() -> None:
    one, two = Book(), Book()
    one.add(KIND, claim(100, 180), lambda: {"operation": "stop"})
    two.add(KIND, claim(1, 60), lambda: {"operation": "start"})
    old, new = one.rows()[0] | {"state": "acknowledged"}, two.rows()[0]
    row = merge(old, new)
    assert (row["count"], row["first_time"], row["last_time"]) == (141, 1, 180)
    assert row["why_en"] == new["why_en"] and row["state"] == "acknowledged"
    frames = [frame for _, frame in json.loads(row["evidence"])]
    assert len(frames) == 100 and frames[:60] == list(range(1, 61)) and frames[-1] == 180
    with pytest.raises(ValueError, match="not the same"):
        merge(old, new | {"alert": "x"})
