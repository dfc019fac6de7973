"""The conduit matrix and the states that it shares with other figures."""

from __future__ import annotations

import dataclasses

import fake_assessment as fake
import figure_checks as check

from sentinel.report.figures._conduits import bytes_in_words, passages


def test_protocols_and_bytes_stand_in_the_fields():
    words = check.words(check.drawn("conduits", "en"))
    assert "s7comm" in words and "18 MB" in words and "declared, not seen" in words


def test_passages_join_the_plan_the_coverage_and_the_matrix():
    found = {(p.source, p.target): p for p in passages(fake.full())}
    assert found["office", "cell-1"].state == "undeclared"
    assert found["cell-1", "zone-203-0-113"].state == "allowed"
    assert found["office", "zone-203-0-113"].declared == "tcp/443"
    assert found["zone-203-0-113", "cell-1"].state == "unseen"  # declared by the client, and nowhere else


def test_without_the_matrix_nothing_is_judged():
    found = passages(dataclasses.replace(fake.full(), checks=()))
    assert {p.state for p in found} == {"open", "unseen"}


def test_bytes():
    assert [bytes_in_words(v) for v in (None, 0, 999, 1500, 18_220_113, 5 * 10**15)] == [
        "0 B",
        "0 B",
        "999 B",
        "1.5 kB",
        "18 MB",
        "5000.0 TB",
    ]


def test_harmless():
    check.harmless("conduits")
