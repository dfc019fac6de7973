"""Empty lists for the client to fill in, with instructions and examples in Chinese and English: xlsx, csv or YAML."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentinel.assess import _book, _fields, workbook
from sentinel.assess._fields import Field
from sentinel.assess.model import Text
from sentinel.errors import UsageError

WHAT = ("assets", "zones", "tags", "tickets", "questionnaire")
FORMATS = (".xlsx", ".csv", ".yaml", ".yml")
ROWS = 1000
"""Rows that drop-down lists are laid over."""

_TITLES = {
    "asset": Text("资产清单", "Assets"), "zone": Text("区域", "Zones"), "conduit": Text("通道", "Conduits"),
    "tag": Text("位号表", "Tags"), "ticket": Text("工单与维护窗口", "Tickets"),
}  # fmt: skip
_LISTS: Mapping[str, Mapping[str, tuple[Field, ...]]] = {
    "assets": {"asset": _fields.ASSETS},
    "zones": {"zone": _fields.ZONES, "conduit": _fields.CONDUITS},
    "tags": {"tag": _fields.TAGS},
    "tickets": {"ticket": _fields.TICKETS},
}
_NEEDED = {
    "asset": Text("编号、IP、MAC、名称至少填一项", "at least one of number, IP, MAC and name"),
    "zone": Text("编号或名称", "number or name"),
    "conduit": Text("源区域和目的区域", "source and target zone"),
    "tag": Text("设备、地址、位号", "device, address and tag name"),
    "ticket": Text("单号、开始时间、结束时间", "ticket, start and end"),
}
# one row of an example is one line
# fmt: off
_EXAMPLES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "asset": (
        {"id": "PLC-01", "name": "锅炉控制器", "kind": "plc", "ips": "192.168.10.11", "macs": "00:80:f4:0a:0b:0c", "vendor": "Schneider Electric", "model": "Modicon M340", "level": "1", "zone": "boiler", "owner": "动力车间 张工", "location": "锅炉房 1 号柜", "criticality": 5, "c": 2, "i": 5, "a": 5, "bearing": 5},
        {"id": "ES-01", "name": "工程师站", "kind": "engineering", "ips": "192.168.10.60", "level": "2", "zone": "control", "owner": "自动化组", "criticality": 4},
    ),
    "zone": (
        {"id": "boiler", "name": "锅炉单元", "name_en": "Boiler cell", "level": "1", "kind": "ot", "subnets": "192.168.10.0/27", "sl_t": 2},
        {"id": "office", "name": "办公网", "name_en": "Office network", "level": "4", "kind": "it", "subnets": "192.168.50.0/24; 192.168.51.0/24"},
    ),
    "conduit": (
        {"source": "control", "target": "boiler", "protocols": "modbus; s7comm", "one_way": "both"},
        {"source": "boiler", "target": "office", "protocols": "tcp/443", "one_way": "one-way", "note": "单向网闸"},
    ),
    "tag": (
        {"device": "PLC-01", "unit": 1, "address": "40001", "name": "TIC-101.PV", "unit_of_measure": "°C"},
        {"device": "192.168.10.20", "address": "DB10.DBW4", "name": "M-201.SPEED", "unit_of_measure": "r/min"},
    ),
    "ticket": (
        {"id": "CHG-2026-014", "kind": "change", "start": "2026-03-01 08:00", "end": "2026-03-01 10:00", "sources": "ES-01", "targets": "PLC-01", "activities": "program; mode", "note": "升级温控程序"},
        {"id": "WIN-SUN", "kind": "window", "start": "2026-03-01 02:00", "end": "2026-03-01 06:00", "repeat": "weekly", "until": "2026-12-27"},
    ),
}
_GENERAL = (
    Text("每行一项。表头请保留；列的顺序可以改变，用不到的列可以删除。", "One item a row. Keep the headings; columns may be moved, and those that you do not need deleted."),
    Text("不清楚的单元格请留空，不要猜：空白会如实写入报告，猜测会影响风险值。", "Leave empty what you do not know. What is missing is said in the report; a guess changes the risk."),
    Text("带下拉列表的列请从列表中选择；多个值用分号隔开。", "Choose from the list where a column has one; separate several values with semicolons."),
    Text("填好后导入：sentinel import {what} 文件 --case 案例文件夹。有错误的单元格会逐一指出，其余各行照常导入；再次导入不会覆盖在系统里手工修改过的内容。", "Import it with: sentinel import {what} FILE --case DIR. Bad cells are named one by one and the other rows are taken; importing again keeps what was edited by hand."),
)
# fmt: on


def write(what: str, path: Path, lang: str = "zh") -> None:
    """Write the template of one list, in the format that the name of the file asks for."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError("{path}: a template is .xlsx, .csv or .yaml", path=path)
    if what == "questionnaire":
        workbook.write_empty(path, lang)
    elif suffix == ".xlsx":
        _write_workbook(what, path)
    else:
        _book.save_text(path, _csv(what) if suffix == ".csv" else _yaml(what), bom=suffix == ".csv")


def heading(field: Field) -> str:
    """The heading of a column, in both languages."""
    return field.title.zh if field.title.zh == field.title.en else f"{field.title.zh}\n{field.title.en}"


def shown(field: Field, value: Any) -> Any:
    """A value as the drop-down list offers it, `plc 可编程控制器`, where the column has one."""
    meaning = field.choices.get(str(value))
    return value if meaning is None else field.offered(str(value))


def _write_workbook(what: str, path: Path) -> None:
    book = _book.new_workbook()
    lists = _book.Lists(book)
    for kind, fields in _LISTS[what].items():
        title = _TITLES[kind]
        sheet = book.create_sheet(f"{title.zh} {title.en}")
        widths = [_width(field) for field in fields]
        _book.head(sheet, 1, [heading(field) for field in fields], widths)
        sheet.freeze_panes = "B2"
        _book.printable(sheet)
        for column, field in enumerate(fields, 1):
            if field.choices:
                letter = sheet.cell(1, column).column_letter
                lists.offer(sheet, f"{letter}2:{letter}{ROWS}", [field.offered(value) for value in field.choices])
        example = book.create_sheet(f"示例 {title.zh} Example")
        _book.head(example, 1, [heading(field) for field in fields], widths)
        for row, values in enumerate(_EXAMPLES[kind], 2):
            for column, field in enumerate(fields, 1):
                if field.name in values:
                    _book.body(_book.put(example, row, column, shown(field, values[field.name])), hint=True)
        _book.printable(example)
    _book.guide(book, f"{_title(what).zh} · {_title(what).en}", _lines(what))
    book.move_sheet(_book.LISTS, len(book.sheetnames))
    _book.save(book, path)


def _title(what: str) -> Text:
    titles = [_TITLES[kind] for kind in _LISTS[what]]
    return Text("与".join(t.zh for t in titles), " and ".join(t.en for t in titles))


def _width(field: Field) -> float:
    wide = {"name": 22, "ips": 22, "macs": 20, "subnets": 26, "members": 24, "note": 30, "protocols": 26, "model": 22}
    return wide.get(field.name, 18 if field.choices else 16)


def _lines(what: str) -> list[str]:
    """The instructions, Chinese first, then English, then each column."""
    lines = [text.zh.format(what=what) for text in _GENERAL] + [""]
    lines += [text.en.format(what=what) for text in _GENERAL] + [""]
    for kind, fields in _LISTS[what].items():
        title, needed = _TITLES[kind], _NEEDED[kind]
        lines.append(f"【{title.zh}】必填：{needed.zh}。 [{title.en}] Required: {needed.en}.")
        for field in fields:
            helps = f"{field.help.zh} {field.help.en}".strip()
            choices = "；".join(field.offered(value) for value in field.choices)
            lines.append(
                f"• {heading(field).replace(chr(10), ' ')}：{helps}{f'（{choices}）' if choices else ''}".rstrip("：")
            )
        lines.append("")
    return lines


def _csv(what: str) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    for line in _lines(what):
        if line:
            writer.writerow([f"# {line}"])
    for kind, fields in _LISTS[what].items():
        for values in _EXAMPLES[kind]:
            example = io.StringIO()
            csv.writer(example, lineterminator="").writerow([values.get(field.name, "") for field in fields])
            writer.writerow([f"# 示例 Example: {example.getvalue()}"])
        writer.writerow([heading(field).replace("\n", " ") for field in fields])
    return stream.getvalue()


def _yaml(what: str) -> str:
    lines = [f"# {line}" if line else "#" for line in _lines(what)]
    for kind, fields in _LISTS[what].items():
        lines += ["", f"{kind}s:"]
        for values in _EXAMPLES[kind]:
            given = [(field.name, values[field.name]) for field in fields if field.name in values]
            lines += [f"#  {'- ' if n == 0 else '  '}{name}: {_scalar(value)}" for n, (name, value) in enumerate(given)]
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
