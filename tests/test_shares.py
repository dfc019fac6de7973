"""Shares: what is joined is what one reading gives, and nothing is lost on the way across."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from sentinel.rules.alerts import AlertKind, Book, Claim, Subject
from sentinel.shares import Share
from sentinel.summary import Label, Limits, Totals

TEXTS = {"en": "{src} wrote {value}", "zh": "{src} 写入 {value}"}
KIND = AlertKind("id", "name", "high", TEXTS, TEXTS, TEXTS, ["T0855"])


def book(*claims: tuple[str, int, int, int]) -> Book:
    """Claims as (source, frame, count, value): `count` rows from that frame on."""
    made = Book()
    for src, frame, count, value in claims:
        subject = Subject("modbus", src, "10.0.0.2", 0)
        rows = [(1, frame + n, 7) for n in range(count)]
        wanted = rows[: made.room(KIND, subject)]
        claim = Claim(subject, count, frame, frame + count, list(dict.fromkeys([*wanted, rows[-1]])))
        made.add(KIND, claim, lambda value=value: {"value": value})
    return made


def share(number: int, claims: Book) -> Share:
    labels = {("modbus", "payload"): Label(1, 2, 0.5 + number / 10, 60)}
    totals = Totals(Counter(modbus=number), 1, 1, 0, 10, 600, 0, Counter({"0x88cc": 1}), labels)
    fact = {"device": "10.0.0.2", "unit": None, "kind": "model", "value": "é\ud800", "source": "modbus", "time": number}
    key = ("10.0.0.2", None, "model", "é\ud800", "modbus")
    pairs = pl.DataFrame({"client": ["10.0.0.1"], "messages": [number]})
    limits = Limits({"short": number}, number, 0, {"claims_folded": number})
    return Share([{"capture": number}], totals, limits, {key: fact}, claims, None, pairs, number, [("modbus", 1, "x")])


def test_a_share_comes_back_as_it_was(tmp_path):
    before = share(1, book(("10.0.0.1", 1, 3, 5), ("10.0.0.9", 4, 200, 6)))
    before.write(tmp_path)
    after = Share.read(tmp_path)
    assert after.book.rows() == before.book.rows()
    assert (after.totals, after.limits, after.facts) == (before.totals, before.limits, before.facts)
    assert (after.captures, after.latest, after.defects) == (before.captures, before.latest, before.defects)
    assert after.stats is None and after.pairs is not None and before.pairs is not None
    assert_frame_equal(after.pairs, before.pairs)


def test_books_that_are_joined_are_the_book_of_all_claims(tmp_path):
    claims = [
        [("10.0.0.1", 1, 60, 5)],
        [("10.0.0.1", 100, 30, 6), ("10.0.0.1", 200, 40, 7), ("10.0.0.3", 300, 1, 8)],
        [("10.0.0.3", 400, 150, 9), ("10.0.0.1", 600, 1, 10)],
    ]
    whole = share(1, book(*claims[0]))
    for number, more in enumerate(claims[1:], 2):
        folder: Path = tmp_path / str(number)
        folder.mkdir()
        later = share(number, book(*more))
        later.pairs = None
        later.write(folder)
        whole.join(Share.read(folder))
    assert whole.book.rows() == book(*(claim for some in claims for claim in some)).rows()
    assert whole.totals.messages == {"modbus": 6}
    assert whole.totals.labels == {("modbus", "payload"): Label(3, 6, 0.8, 180)}
    assert whole.limits == Limits({"short": 6}, 6, 0, {"claims_folded": 6})
    assert [capture["capture"] for capture in whole.captures] == [1, 2, 3]
    assert next(iter(whole.facts.values()))["time"] == 1
    assert whole.latest == 3


def test_nothing_has_an_empty_share():
    whole = Share.empty()
    whole.join(Share.empty())
    assert (whole.captures, whole.facts, whole.book.rows()) == ([], {}, [])
