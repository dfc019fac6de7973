"""Tables out of files that people made: csv, xlsx and YAML become rows of cells with the place of each.

Everything is capped before it is read: files come from other hands. A file of which nothing can be read raises
AssessmentError; what is wrong with one cell is a `Refusal`, and the caller goes on.
"""

# ruff: noqa: E501  (a reason and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sentinel.assess.model import Text
from sentinel.errors import AssessmentError, MissingExtra

HIDDEN = "_sentinel"
"""Sheet of the questionnaire's workbook with what the case held when it was written."""
MAX_FILE = 64 << 20
"""Bytes of a file."""
MAX_UNPACKED = 256 << 20
"""Bytes of all parts of a workbook, unpacked."""
MAX_PARTS = 2000
MAX_SHEETS = 64
MAX_ROWS = 100_000
"""Rows of a sheet, heading included."""
MAX_COLUMNS = 256
MAX_CELLS = 4_000_000
"""Cells of a workbook altogether."""
MAX_LINE = 1 << 20
"""Characters of a line of csv."""
MAX_TEXT = 32_767
"""Characters of a cell: as many as a workbook's cell may hold."""
MAX_DEPTH = 20
MAX_EVENTS = 4_000_000
"""YAML: nesting, and scalars, lists and mappings altogether."""

_ERRORS = {"#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#N/A", "#NULL!", "#NUM!"}
"""What a workbook's cell holds where its formula failed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One cell or row that is not taken, where it stands in the file, and why."""

    file: str
    place: Text
    reason: Text

    def in_(self, lang: str) -> str:
        """File, place and reason in one line."""
        return f"{self.file}: {self.place.in_(lang)}: {self.reason.in_(lang)}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its value (text, number, bool, date, list, or None where empty) and where it stands."""

    value: Any
    place: Text


@dataclass(frozen=True, slots=True)
class Row:
    """One row: heading -> cell, without the empty ones."""

    cells: dict[str, Cell]
    place: Text


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet of a workbook, one csv file, or one list of a YAML file.

    csv and xlsx: `lines` are the number of each row that is not empty and its values, the headings among them;
    `sheet` is the sheet's name, None for csv. YAML: `records` have their names already.
    """

    name: str
    lines: tuple[tuple[int, tuple[Any, ...]], ...] = ()
    sheet: str | None = None
    records: tuple[Row, ...] = ()

    def place(self, line: int, column: int | None = None) -> Text:
        """Where a row is, or the cell of a column counted from 0."""
        if self.sheet is None:
            if column is None:
                return Text(f"第 {line} 行", f"row {line}")
            return Text(f"第 {line} 行第 {column + 1} 列", f"row {line}, column {column + 1}")
        if column is None:
            return Text(f"工作表“{self.sheet}”第 {line} 行", f"sheet {self.sheet}, row {line}")
        cell = f"{_letters(column)}{line}"
        return Text(f"工作表“{self.sheet}”单元格 {cell}", f"sheet {self.sheet}, cell {cell}")


def _letters(column: int) -> str:
    """The letters of a column counted from 0: A, B, ..., Z, AA."""
    high, low = divmod(column, 26)
    return (_letters(high - 1) if high else "") + chr(ord("A") + low)


def read(path: Path) -> list[Table]:
    """The tables of a file, by its content rather than its name; AssessmentError where there is none."""
    content = read_bytes(path)
    if content.startswith(b"PK\x03\x04"):
        return workbook_tables(path, content)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise AssessmentError("{path}: an old .xls or an encrypted workbook; save it as .xlsx", path=path)
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        raise AssessmentError("{path}: no workbook: it is damaged, or another file under that name", path=path)
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        return yaml_tables(path, content)
    return [csv_table(path, content)]


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most `MAX_FILE` bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise AssessmentError(
            "{path}: cannot be read: {reason}", path=path, reason=error.strerror or type(error).__name__
        ) from error
    if len(content) > MAX_FILE:
        raise AssessmentError("{path}: larger than {n} MB", path=path, n=MAX_FILE >> 20)
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise AssessmentError("{path}: empty", path=path)
    return content


# --- csv -------------------------------------------------------------------------------------------------------------


def csv_table(path: Path, content: bytes) -> Table:
    """The rows of a csv file: UTF-8, UTF-16 with its mark or GB18030; comma, semicolon or tab; `#` begins a remark."""
    lines = _decoded(path, content).splitlines(keepends=True)
    long = next((n for n, line in enumerate(lines, 1) if len(line) > MAX_LINE), None)
    if long is not None:
        raise AssessmentError("{path}: line {line} is longer than {n} characters", path=path, line=long, n=MAX_LINE)
    delimiter = _delimiter(lines)
    if lines[0].strip().lower() == f"sep={delimiter}":
        lines[0] = "\n"
    rows: list[tuple[int, tuple[Any, ...]]] = []
    reader = csv.reader(lines, delimiter=delimiter)
    line = 1
    try:
        for record in reader:
            if len(record) > MAX_COLUMNS and any(record[MAX_COLUMNS:]):
                raise AssessmentError(
                    "{path}: line {line} has {columns} columns, at most {n} are read",
                    path=path,
                    line=line,
                    columns=len(record),
                    n=MAX_COLUMNS,
                )
            if len(rows) >= MAX_ROWS:
                raise AssessmentError("{path}: more than {n} rows", path=path, n=MAX_ROWS)
            values = tuple(_unquoted(cell.strip()) for cell in record[:MAX_COLUMNS])
            if any(values) and not values[0].startswith("#"):
                rows.append((line, values))
            line = reader.line_num + 1
    except csv.Error as error:
        raise AssessmentError("{path}: line {line} is no csv: {error}", path=path, line=line, error=error) from error
    return Table(path.name, tuple(rows))


def _unquoted(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in ("=", "+", "-", "@") else cell


def _decoded(path: Path, content: bytes) -> str:
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise AssessmentError("{path}: neither UTF-8 nor GB18030 text", path=path)


def _delimiter(lines: list[str]) -> str:
    """The delimiter that the first line with any uses most, outside quotes; a comma where there is none."""
    for line in lines[:50]:
        if line.startswith("#"):
            continue
        outside = "".join(line[: 1 << 16].split('"')[::2])
        counts = {delimiter: outside.count(delimiter) for delimiter in ",;\t"}
        best = max(counts, key=lambda d: counts[d])
        if counts[best] > 0:
            return best
    return ","


# --- xlsx ------------------------------------------------------------------------------------------------------------


def open_workbook(path: Path, content: bytes) -> Any:
    """An openpyxl workbook to be read (cached values, no formulas, no macros), after its size was checked."""
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtra("openpyxl is not installed: pip install 'sentinel-ics[report]'") from error
    _check_parts(path, content)
    try:
        return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # a damaged workbook meets openpyxl with almost any exception of the language
        raise AssessmentError("{path}: the workbook is damaged ({what})", path=path, what=_what(error)) from error


def workbook_tables(path: Path, content: bytes) -> list[Table]:
    """The sheets of a workbook with all their rows."""
    workbook = open_workbook(path, content)
    names = workbook.sheetnames
    if len(names) > MAX_SHEETS:
        raise AssessmentError("{path}: more than {n} sheets", path=path, n=MAX_SHEETS)
    tables, cells = [], 0
    for name in names:
        lines = []
        for number, values in _sheet_lines(path, workbook, name):
            cells += len(values)
            if cells > MAX_CELLS:
                raise AssessmentError("{path}: more than {n} cells", path=path, n=MAX_CELLS)
            lines.append((number, values))
        tables.append(Table(name, tuple(lines), name))
    return tables


def _sheet_lines(path: Path, workbook: Any, name: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Number and values of each row of a sheet that is not empty."""
    sheet = workbook[name]
    if not hasattr(sheet, "iter_rows"):
        return  # a sheet that is a chart
    try:
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS, values_only=True)
        for number, record in enumerate(rows, 1):
            if number > MAX_ROWS:
                raise AssessmentError("{path}: sheet {sheet} has more than {n} rows", path=path, sheet=name, n=MAX_ROWS)
            values = tuple(value.strip() if isinstance(value, str) else value for value in record)
            if any(value not in (None, "") for value in values):
                yield number, values
    except AssessmentError:
        raise
    except Exception as error:  # as in open_workbook: the parts of a sheet are only read here
        raise AssessmentError(
            "{path}: sheet {sheet} of the workbook is damaged ({what})", path=path, sheet=name, what=_what(error)
        ) from error


def _check_parts(path: Path, content: bytes) -> None:
    """AssessmentError where the archive is none, would unpack to more than is allowed, or declares XML entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise AssessmentError(
                    "{path}: unpacks to more than {n} MB or {parts} parts",
                    path=path,
                    n=MAX_UNPACKED >> 20,
                    parts=MAX_PARTS,
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as stream:
                        # the Open Packaging Conventions forbid it, and entities grow without bound (ECMA-376-2, 9.1)
                        if b"<!DOCTYPE" in stream.read(1 << 16):
                            raise AssessmentError(
                                "{path}: a part declares a document type, which is not read", path=path
                            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise AssessmentError("{path}: the workbook is damaged ({what})", path=path, what=_what(error)) from error


def _what(error: Exception) -> str:
    """What a library says of a damaged file, in one short line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]


def failed_formula(value: Any) -> bool:
    """Whether a workbook's cell holds the error of its formula."""
    return isinstance(value, str) and value in _ERRORS


# --- YAML ------------------------------------------------------------------------------------------------------------


def load_yaml(path: Path, content: bytes) -> yaml.Node | None:
    """The node tree of one YAML document without aliases; None where there is nothing in it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = content.decode("utf-8-sig")
        depth = 0
        for n, event in enumerate(yaml.parse(text, Loader=loader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if n > MAX_EVENTS or depth > MAX_DEPTH:
                raise AssessmentError("{path}: nested too deeply, or too much in it", path=path)
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise AssessmentError("{path}: line {line}: YAML aliases are not read", path=path, line=line)
        return yaml.compose(text, Loader=loader)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise AssessmentError("{path}: line {line} is not UTF-8", path=path, line=line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, what = (mark.line + 1 if mark else 1), error.problem or error.context
        raise AssessmentError("{path}: line {line} is not YAML: {what}", path=path, line=line, what=what) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise AssessmentError("{path}: not YAML: {what}", path=path, what=_what(error)) from error


def plain(node: yaml.Node | None) -> Any:
    """The value of a node as lists, mappings and text; None where nothing is written.

    `yes` is an answer, 2.70 a version and 012 the number of a cabinet: whoever wants a number reads it out of the text.
    """
    if isinstance(node, yaml.MappingNode):
        return {str(plain(key)): plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    return None if node is None or node.tag == "tag:yaml.org,2002:null" else node.value


def yaml_tables(path: Path, content: bytes) -> list[Table]:
    """The lists of a YAML file: `assets: [...]`, `zones: [...]`, or one list without a name."""
    root = load_yaml(path, content)
    if isinstance(root, yaml.SequenceNode):
        return [Table("", records=_records(path, root))]
    if not isinstance(root, yaml.MappingNode):
        raise AssessmentError("{path}: should be a list, or names with a list each", path=path)
    tables = []
    for key, value in root.value:
        if isinstance(value, yaml.SequenceNode):
            tables.append(Table(str(plain(key)).lower(), records=_records(path, value)))
        elif not isinstance(value, yaml.ScalarNode) or value.value:
            line = key.start_mark.line + 1
            raise AssessmentError("{path}: line {line}: {name} should be a list", path=path, line=line, name=plain(key))
    return tables


def _records(path: Path, sequence: yaml.SequenceNode) -> tuple[Row, ...]:
    if len(sequence.value) > MAX_ROWS:
        raise AssessmentError("{path}: more than {n} rows", path=path, n=MAX_ROWS)
    rows = []
    for item in sequence.value:
        line = item.start_mark.line + 1
        if not isinstance(item, yaml.MappingNode):
            raise AssessmentError("{path}: line {line}: each item should be `name: value` lines", path=path, line=line)
        cells: dict[str, Cell] = {}
        for key, value in item.value:
            name, at = str(plain(key)), key.start_mark.line + 1
            if name in cells:
                raise AssessmentError("{path}: line {line}: {name} stands twice", path=path, line=at, name=name)
            cells[name] = Cell(plain(value), Text(f"第 {at} 行“{name}”", f"line {at}, {name}"))
        rows.append(Row(cells, Text(f"第 {line} 行", f"line {line}")))
    return tuple(rows)
