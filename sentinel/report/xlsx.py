"""The workbook: one sheet a table, with filters; what an analyst writes beside a row survives the next run.

Every sheet begins with a hidden key column; the last two columns are the analyst's. When the workbook is written over
an earlier one, their cells are carried over by key; rows that are gone keep theirs in the sheet `_kept`.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from sentinel.assess.model import Assessment, Text
from sentinel.errors import AssessmentError, MissingExtra
from sentinel.report._common import iso, label, moment
from sentinel.report._zip import fixed
from sentinel.report.tables import Table, tables

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MAX_CELL = 32_000
"""Characters; Excel takes 32,767."""
MAX_WIDTH, MIN_WIDTH = 60, 8
MAX_OLD = 64 << 20
"""Bytes of an earlier workbook that is read again."""
KEPT = "_kept"
ANALYST = (Text("分析员状态", "Analyst status"), Text("分析员备注", "Analyst note"))

Notes = dict[str, dict[str, tuple[Any, Any]]]
"""Table -> key -> the analyst's two cells."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def render(assessment: Assessment, lang: str, earlier: bytes | None = None) -> bytes:
    """The workbook; `earlier` is the one that it replaces. AssessmentError where that cannot be read."""
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise MissingExtra("the workbook needs openpyxl: pip install 'sentinel-ics[report]'") from error
    kept = {} if earlier is None else _analyst_cells(earlier)
    book = Workbook()
    del book[book.sheetnames[0]]
    when = moment(assessment.as_of).replace(tzinfo=None)
    book.properties.created = book.properties.modified = when
    book.properties.creator = assessment.program
    book.properties.title = label(assessment)
    used: set[str] = set()
    for table in tables(assessment):
        _write(book, table, lang, kept, used)
    _keep_rest(book, kept)
    out = io.BytesIO()
    book.save(out)
    # openpyxl writes the time of saving into the properties, whatever they say
    saved = rb"\g<1>" + iso(assessment.as_of).encode()
    return fixed(
        out.getvalue(),
        {"docProps/core.xml": lambda data: re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", saved, data)},
    )


def _write(book: Workbook, table: Table, lang: str, kept: Notes, used: set[str]) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    page: Worksheet = book.create_sheet(_title(table.name.in_(lang), used))
    heads = ["key", *(c.in_(lang) for c in table.columns), *(c.in_(lang) for c in ANALYST)]
    widths = [MIN_WIDTH] * len(heads)
    ident = table.name.en
    for at, head in enumerate(heads, 1):
        cell = page.cell(1, at, head)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="1F3A5F")
        cell.alignment = Alignment(vertical="center", wrap_text=True)
        widths[at - 1] = max(widths[at - 1], _width(head))
    body = None
    for line, (key, cells) in enumerate(table.rows, 2):
        own = kept.get(ident, {}).pop(key, (None, None))
        for at, value in enumerate((key, *cells, *own), 1):
            plain = _plain(value, lang)
            cell = _put(page, line, at, plain)
            if body is None:
                cell.alignment = Alignment(vertical="top", wrap_text=True)
                body = cell._style
            # openpyxl compares a style with all others each time one is set: half a minute for a large plant
            cell._style = body
            widths[at - 1] = max(widths[at - 1], _width(plain))
    for at, width in enumerate(widths, 1):
        page.column_dimensions[get_column_letter(at)].width = min(width + 2, MAX_WIDTH)
    page.column_dimensions["A"].hidden = True
    page.freeze_panes = "C2"
    page.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{max(len(table.rows) + 1, 2)}"
    page.page_setup.orientation = "landscape"
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.print_title_rows = "1:1"
    # Names the table whatever the language of the sheet's title: the analyst's cells are found again by it.
    page.oddFooter.right.text = ident  # type: ignore[union-attr]


def _put(page: Worksheet, line: int, at: int, value: Any) -> Any:
    """Write a cell: text is text, never a formula, whatever it begins with. Returns the cell."""
    cell = page.cell(line, at)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def _analyst_cells(earlier: bytes) -> Notes:
    """Table -> key -> the analyst's two cells, of an earlier workbook."""
    import zipfile

    from openpyxl import load_workbook

    if len(earlier) > MAX_OLD:
        raise AssessmentError(
            "the earlier workbook is larger than {size} bytes; move it away and run again", size=MAX_OLD
        )
    try:
        book = load_workbook(io.BytesIO(earlier))
        found: Notes = {}
        for page in book.worksheets:
            if page.title == KEPT:
                for name, key, status, note in page.iter_rows(min_row=2, max_col=4, values_only=True):
                    found.setdefault(str(name), {}).setdefault(str(key), (status, note))
                continue
            ident = page.oddFooter.right.text  # type: ignore[union-attr]
            if not ident:
                continue
            last = page.max_column
            for row in page.iter_rows(min_row=2, values_only=True):
                own = (row[last - 2], row[last - 1])
                if row[0] is not None and own != (None, None):
                    found.setdefault(ident, {})[str(row[0])] = own
        return found
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError) as error:
        raise AssessmentError(
            "the earlier workbook cannot be read ({why}), so its notes would be lost; move it away and run again",
            why=error,
        ) from error


def _keep_rest(book: Workbook, kept: Notes) -> None:
    """Notes whose rows are gone are not thrown away."""
    rest = [(ident, key, *own) for ident, rows in sorted(kept.items()) for key, own in sorted(rows.items())]
    if not rest:
        return
    page = book.create_sheet(KEPT)
    for at, head in enumerate(("table", "key", "status", "note"), 1):
        page.cell(1, at, head)
    for line, cells in enumerate(rest, 2):
        for at, value in enumerate(cells, 1):
            _put(page, line, at, _plain(value, "en"))


def _title(name: str, used: set[str]) -> str:
    """A sheet title: at most 31 characters, none of those that Excel forbids, once."""
    base = " ".join(re.sub(r"[\[\]:*?/\\]", " ", name).split())
    if len(base) > 31:
        # at the end of a word, where one ends late enough
        cut = base.rfind(" ", 0, 32)
        base = base[: cut if cut > 15 else 31].strip()
    base = base or "sheet"
    title, n = base, 2
    while title.lower() in used:
        title = f"{base[:28]} {n}"
        n += 1
    used.add(title.lower())
    return title


def _plain(value: Any, lang: str) -> Any:
    if isinstance(value, Text):
        value = value.in_(lang)
    if isinstance(value, bool):
        return {("zh", True): "是", ("zh", False): "否", ("en", True): "yes", ("en", False): "no"}[lang, value]
    if value is None or isinstance(value, int | float):
        return value
    return _CONTROL.sub(" ", str(value))[:MAX_CELL]


def _width(value: Any) -> int:
    if value is None:
        return 0
    lines = str(value)[: 4 * MAX_WIDTH].splitlines()
    return max(map(_places, lines), default=0)


def _places(line: str) -> int:
    return len(line) if line.isascii() else sum(2 if c > "\u2e7f" else 1 for c in line)
