"""Workbooks that people fill in: headings, drop-down lists, widths; text stays text whatever it begins with."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentinel.errors import MissingExtra, OutputError

LISTS = "_lists"
"""Hidden sheet that holds the values of the drop-down lists."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins with one of these is a formula to a spreadsheet, unless it is written as text."""

GUIDE_WIDTH = 68
"""Columns of characters that a page of A4 holds."""

_HEAD, _HINT, _LINE = "1F4E5F", "EEF4F6", "C9D6DB"


def new_workbook() -> Any:
    """An empty workbook of openpyxl; MissingExtra where that is not installed."""
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtra("openpyxl is not installed: pip install 'sentinel-ics[report]'") from error
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    return workbook


def save(workbook: Any, path: Path) -> None:
    """Write the workbook; OutputError where that cannot be done."""
    try:
        workbook.save(path)
    except OSError as error:
        raise OutputError("{path}: {error}", path=path, error=error.strerror or error) from error


def save_text(path: Path, text: str, bom: bool = False) -> None:
    """Write a text file; `bom`: with the mark by which spreadsheets know UTF-8."""
    try:
        path.write_text(text, encoding="utf-8-sig" if bom else "utf-8", newline="")
    except OSError as error:
        raise OutputError("{path}: {error}", path=path, error=error.strerror or error) from error


def clean(value: Any) -> Any:
    """Text without the control characters that a workbook cannot hold."""
    if not isinstance(value, str):
        return value
    return "".join(c for c in value if c in "\n\t" or unicodedata.category(c) != "Cc")[:32_767]


def put(sheet: Any, row: int, column: int, value: Any) -> Any:
    """Write one cell; text is never a formula. The cell."""
    cell = sheet.cell(row, column)
    cell.value = clean(value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(FORMULA)
    return cell


def head(sheet: Any, row: int, titles: Sequence[str], widths: Sequence[float]) -> None:
    """A row of headings, with the widths of their columns."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    for column, (title, width) in enumerate(zip(titles, widths, strict=True), 1):
        cell = put(sheet, row, column, title)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", start_color=_HEAD)
        cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="left")
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.row_dimensions[row].height = 34


def body(cell: Any, hint: bool = False, locked: bool = True) -> None:
    """Style of a cell below the headings; `hint`: what the person reads, not what is to be filled in."""
    from openpyxl.styles import Alignment, Border, PatternFill, Protection, Side

    line = Side(style="thin", color=_LINE)
    cell.border = Border(bottom=line, right=line)
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    cell.protection = Protection(locked=locked)
    if hint:
        cell.fill = PatternFill("solid", start_color=_HINT)


def height_of(texts: Sequence[tuple[str, float]]) -> float:
    """Points that a row needs for texts in columns of some widths; a Chinese character is as wide as two others."""
    lines = 1
    for text, width in texts:
        needed = 0
        for part in text.split("\n"):
            columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in part)
            needed += max(1, -(-columns // max(1, int(width) - 1)))
        lines = max(lines, needed)
    return min(400.0, 15.0 * lines + 3)


class Lists:
    """Drop-down lists of a workbook; their values stand on a hidden sheet, since a formula holds 255 characters."""

    def __init__(self, workbook: Any):
        self._sheet = workbook.create_sheet(LISTS)
        self._sheet.sheet_state = "hidden"
        self._columns: dict[tuple[str, ...], int] = {}
        self._validations: dict[tuple[str, tuple[str, ...]], Any] = {}

    def offer(self, sheet: Any, cells: str, values: Sequence[str]) -> None:
        """Offer the values in a range of cells (`C2:C500`)."""
        from openpyxl.utils import get_column_letter
        from openpyxl.worksheet.datavalidation import DataValidation

        key = tuple(values)
        if key not in self._columns:
            self._columns[key] = len(self._columns) + 1
            for row, value in enumerate(values, 1):
                put(self._sheet, row, self._columns[key], value)
        letter = get_column_letter(self._columns[key])
        validation = self._validations.get((sheet.title, key))
        if validation is None:
            formula = f"'{LISTS}'!${letter}$1:${letter}${len(values)}"
            # another value is refused by the importer, with its place, and not by the spreadsheet
            validation = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=False)
            sheet.add_data_validation(validation)
            self._validations[sheet.title, key] = validation
        validation.add(cells)


def guide(workbook: Any, title: str, lines: Sequence[str]) -> None:
    """A first sheet to read: a title and paragraphs."""
    from openpyxl.styles import Alignment, Font

    sheet = workbook.create_sheet("说明 Instructions", 0)
    sheet.column_dimensions["A"].width = GUIDE_WIDTH
    sheet.sheet_view.showGridLines = False
    cell = put(sheet, 1, 1, title)
    cell.font = Font(bold=True, size=15, color=_HEAD)
    sheet.row_dimensions[1].height = 28
    for row, line in enumerate(lines, 3):
        cell = put(sheet, row, 1, line)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[row].height = height_of([(line, GUIDE_WIDTH)])
    printable(sheet, landscape=False, repeat=0)


def printable(sheet: Any, landscape: bool = True, repeat: int = 1) -> None:
    """Prints on A4, as wide as the page, with its headings on every page."""
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    if repeat:
        sheet.print_title_rows = f"1:{repeat}"
