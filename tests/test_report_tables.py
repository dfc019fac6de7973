"""The tables of the workbook."""

from __future__ import annotations

from fake_assessment import empty, full

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
