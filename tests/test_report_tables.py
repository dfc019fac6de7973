"""The tables of the workbook."""

from __future__ import annotations

import re

from fake_assessment import empty, full

from sentinel.assess.model import Text
from sentinel.report import tables


def test_rows_are_as_wide_as_their_headings() -> None:
    for table in tables.tables(full()):
        assert {len(cells) for _, cells in table.rows} <= {len(table.columns)}, table.name.en


def test_keys_are_stable_and_unique() -> None:
    for table in tables.tables(full()):
        keys = [key for key, _ in table.rows]
        assert len(keys) == len(set(keys)), table.name.en
    assert [t.rows for t in tables.tables(full())] == [t.rows for t in tables.tables(full())]


def test_names_and_headings_are_in_both_languages() -> None:
    for table in tables.tables(full()):
        assert table.name.zh and table.name.en
        assert all(column.zh and column.en for column in table.columns)


def test_evidence_is_cited_by_number() -> None:
    findings = next(t for t in tables.tables(full()) if t.name.en == "Findings")
    assert all(cells[-1].startswith("E-") for _, cells in findings.rows)


def test_an_empty_assessment_has_empty_tables() -> None:
    assert sum(len(t.rows) for t in tables.tables(empty()) if t.name.en != "Summary") == 0


PLAIN = re.compile(r"\b(?:plc|open|treat|quick|90-day|documented|measured|high|frames|site|cell-1)\b")
"""Words that the program uses inside; the client's own and those of protocols and rules are not among them."""


def test_the_chinese_workbook_has_no_words_of_the_program():
    found = [
        (table.name.zh, table.columns[column].zh, shown)
        for table in tables.tables(full())
        for _, row in table.rows
        for column, value in enumerate(row)
        if PLAIN.fullmatch(shown := value.zh if isinstance(value, Text) else str(value))
    ]
    assert found == []


def test_a_risk_names_its_finding_by_number():
    (risks,) = (table for table in tables.tables(full()) if table.name.en == "Risks")
    assert {row[1] for _, row in risks.rows} <= {finding.number for finding in full().findings} | {""}
