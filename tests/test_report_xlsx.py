"""The workbook: what it holds, and that an analyst's notes survive."""

from __future__ import annotations

import io
import zipfile

import pytest
from fake_assessment import empty, full, hostile

from sentinel.errors import AssessmentError
from sentinel.report import xlsx

openpyxl = pytest.importorskip("openpyxl")


def opened(raw: bytes):
    return openpyxl.load_workbook(io.BytesIO(raw))


@pytest.mark.parametrize(("lang", "name"), [("zh", "发现"), ("en", "Findings")])
def test_every_finding_is_a_row_under_its_key(lang: str, name: str) -> None:
    page = opened(xlsx.render(full(), lang))[name]
    assert [row[0] for row in page.iter_rows(min_row=2, values_only=True)] == [f.id for f in full().findings]
    assert [row[2] for row in page.iter_rows(min_row=2, values_only=True)] == [
        f.title.in_(lang) for f in full().findings
    ]
    assert page.freeze_panes == "C2"
    assert page.auto_filter.ref.startswith("A1:")
    assert page.column_dimensions["A"].hidden


def test_both_languages_have_the_same_numbers() -> None:
    zh, en = (opened(xlsx.render(full(), lang)) for lang in ("zh", "en"))
    assert len(zh.sheetnames) == len(en.sheetnames)
    for one, other in zip(zh.worksheets, en.worksheets, strict=True):
        numbers = [
            [c for row in page.iter_rows(values_only=True) for c in row if isinstance(c, int | float)]
            for page in (one, other)
        ]
        assert numbers[0] == numbers[1], one.title


def test_equal_inputs_give_equal_bytes() -> None:
    assert xlsx.render(full(), "zh") == xlsx.render(full(), "zh")


def test_notes_survive_a_second_run_and_a_change_of_language() -> None:
    book = opened(xlsx.render(full(), "en"))
    page = book["Findings"]
    page.cell(2, page.max_column, "ask the shift leader")
    page.cell(2, page.max_column - 1, "checked")
    edited = io.BytesIO()
    book.save(edited)
    again = opened(xlsx.render(full(), "zh", edited.getvalue()))["发现"]
    row = [cell.value for cell in again[2]]
    assert row[-2:] == ["checked", "ask the shift leader"]


def test_notes_of_rows_that_are_gone_are_kept_aside() -> None:
    book = opened(xlsx.render(full(), "en"))
    page = book["Findings"]
    key = page.cell(2, 1).value
    page.cell(2, page.max_column, "still true?")
    edited = io.BytesIO()
    book.save(edited)
    without = opened(xlsx.render(empty(), "en", edited.getvalue()))
    rows = list(without[xlsx.KEPT].iter_rows(min_row=2, values_only=True))
    assert ("Findings", key, None, "still true?") in rows
    kept = io.BytesIO()
    without.save(kept)
    back = opened(xlsx.render(full(), "en", kept.getvalue()))["Findings"]
    assert back.cell(2, back.max_column).value == "still true?"


def test_hostile_text_is_text() -> None:
    book = opened(xlsx.render(hostile(), "en"))
    cells = [cell for page in book.worksheets for row in page.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    assert all(len(cell.value) <= xlsx.MAX_CELL for cell in cells if isinstance(cell.value, str))


@pytest.mark.parametrize("earlier", [b"no workbook", b"PK\x05\x06" + bytes(18)])
def test_a_broken_earlier_workbook_is_not_written_over(earlier: bytes) -> None:
    with pytest.raises(AssessmentError, match="earlier workbook"):
        xlsx.render(full(), "en", earlier)


def test_sheet_titles_are_short_plain_and_different() -> None:
    used: set[str] = set()
    titles = [xlsx._title("a/b" * 20, used) for _ in range(3)]
    assert len({t.lower() for t in titles}) == 3
    assert all(len(t) <= 31 and "/" not in t for t in titles)


def test_nothing_in_the_archive_tells_when_it_was_written() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx.render(full(), "en"))) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_long_title_ends_with_a_word() -> None:
    assert xlsx._title("Data flows: the register against the wire", set()) == "Data flows the register against"
