"""Writing everything that is handed over."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_assessment import empty, full

from sentinel.errors import AssessmentError
from sentinel.report import deliver, navigator
from sentinel.report.deliver import FORMATS

pytest.importorskip("docx")


def test_what_cannot_be_made_costs_itself_alone(tmp_path: Path, monkeypatch) -> None:
    def broken(*_: object) -> bytes:
        raise AssessmentError("no such thing")

    monkeypatch.setattr(navigator, "render", broken)
    done = deliver.deliver(full(), tmp_path, [], formats=("json", "navigator"), languages=("zh",), slices=False)
    assert {name: str(why) for name, why in done.failed.items()} == {"navigator_zh.json": "no such thing"}
    assert {path.name for path in done.files} == {"assessment.json", "MANIFEST.sha256"}


def test_what_has_nothing_to_say_is_not_written(tmp_path: Path) -> None:
    done = deliver.deliver(full(), tmp_path, [], formats=("vex",), languages=("en",), slices=False)
    assert done.skipped == ["vex_en.json"]
    assert not (tmp_path / "vex_en.json").exists()


def test_the_workbook_is_written_over_with_its_notes(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    for _ in range(2):
        deliver.deliver(full(), tmp_path, [], formats=("xlsx",), languages=("en",), slices=False)
        book = openpyxl.load_workbook(tmp_path / "workbook_en.xlsx")
        page = book["Findings"]
        kept = page.cell(2, page.max_column).value
        page.cell(2, page.max_column, "seen by Li")
        book.save(tmp_path / "workbook_en.xlsx")
    assert kept == "seen by Li"


def test_a_client_of_whom_nothing_is_known_gets_every_format(tmp_path: Path) -> None:
    done = deliver.deliver(empty(), tmp_path, [], formats=[f for f in FORMATS if f != "pdf"], languages=("zh", "en"))
    assert done.failed == {}
    assert {"report_zh.docx", "report_en.html", "workbook_zh.xlsx", "oscal.json"} <= {p.name for p in done.files}


def test_nothing_half_written_stands_there(tmp_path: Path) -> None:
    deliver.deliver(full(), tmp_path, [], formats=("json", "html"), languages=("en",), slices=False)
    assert not list(tmp_path.glob("*.tmp"))
