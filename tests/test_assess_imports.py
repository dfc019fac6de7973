"""The client's lists: what is recognised, what is refused with its place, and edits that outlive another import."""

# ruff: noqa: E501  (tables of cells; ruff counts a Chinese character as two)

from __future__ import annotations

import csv
import datetime
import io
import random
import re
import zipfile
from pathlib import Path

import pytest
from client_case import ClientCase

from sentinel import resources
from sentinel.assess import _cells, _fields, imports, site
from sentinel.cli._settings import Settings
from sentinel.errors import AssessmentError, UsageError

UTC8 = datetime.timezone(datetime.timedelta(hours=8))
LISTS = {
    "assets": _fields.ASSETS, "zones": _fields.ZONES, "conduits": _fields.CONDUITS, "tags": _fields.TAGS,
    "tickets": _fields.TICKETS,
}  # fmt: skip


def put(tmp_path: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(tmp_path: Path, content: str | bytes, what: str = "assets", name: str = "list.csv", **more):
    return imports.read(put(tmp_path, content, name), what, **more)


def book(tmp_path: Path, sheets: dict[str, list[list]], name: str = "list.xlsx") -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = tmp_path / name
    made.save(path)
    return path


def refused(reading) -> list[tuple[str, str]]:
    return [(r.place.en, r.reason.en) for r in reading.refusals]


# --- what is recognised ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LISTS)
def test_no_heading_means_two_things(kind):
    heads: dict[str, str] = {}
    for field in LISTS[kind]:
        for head in field.heads():
            assert heads.setdefault(head, field.name) == field.name, head


TABLE = "资产编号{d}资产名称{d}IP地址{d}重要程度\r\nA1{d}锅炉控制器{d}10.0.0.1{d}高\r\nA2{d}“泵”{d}10.0.0.2{d}2\r\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_of_any_encoding_and_delimiter(tmp_path, delimiter, encoding):
    found = read(tmp_path, TABLE.format(d=delimiter).encode(encoding))
    assert found.rows["asset"]["A1"] == {"id": "A1", "name": "锅炉控制器", "ips": ["10.0.0.1"], "criticality": 4}
    assert found.rows["asset"]["A2"]["name"] == "“泵”" and not found.refusals


def test_english_headings_in_any_order_remarks_and_a_title_above_them(tmp_path):
    text = "Asset register 2026\nprinted today;\n# a remark, with a comma\nNotes;IP Address (v4);Device Type;Hostname;C;I;A\n;10.0.0.1;Controller;PLC-1;1;5;very high\n"
    assert read(tmp_path, text).rows["asset"]["10.0.0.1"] == {
        "ips": ["10.0.0.1"], "kind": "plc", "name": "PLC-1", "c": 1, "i": 5, "a": 5,
    }  # fmt: skip


def test_columns_are_mapped_and_the_unknown_ones_named(tmp_path):
    text = "Gerät,Adresse,Farbe\nPLC,10.0.0.1,rot\n"
    found = read(tmp_path, text, columns={"Gerät": "name", "ADRESSE": "ips"})
    assert found.rows["asset"] == {"10.0.0.1": {"name": "PLC", "ips": ["10.0.0.1"]}}
    assert found.ignored == ("Farbe",)
    with pytest.raises(UsageError, match="no field colour; there are a, bearing"):
        read(tmp_path, text, columns={"Farbe": "colour"})


def test_a_workbook_with_several_sheets_cached_numbers_and_examples(tmp_path):
    path = book(
        tmp_path,
        {
            "说明": [["编号", "名称"], ["never", "read"]],
            "示例 Example": [["编号", "名称"], ["example", "row"]],
            "OT": [[None], ["编号", "名称", "IP", "站号"], [101, "泵", "10.0.0.1", 3.0], [None, None, None, None]],
            "IT": [["编号", "名称", "IP"], ["S1", "MES", "10.0.0.2"]],
        },
    )
    found = imports.read(path, "assets")
    assert found.rows["asset"] == {
        "101": {"id": "101", "name": "泵", "ips": ["10.0.0.1"], "unit": 3},
        "S1": {"id": "S1", "name": "MES", "ips": ["10.0.0.2"]},
    }


def test_a_bad_cell_of_a_workbook_is_named_by_sheet_and_cell(tmp_path):
    rows = [
        ["编号", "IP", "重要程度", "固件"],
        ["A1", "10.0.0.1", 5, "V1"],
        ["A2", "10.0.0.256", 3, ""],
        ["A3", "", 0, "#REF!"],
    ]
    found = imports.read(book(tmp_path, {"设备": rows}), "assets")
    assert list(found.rows["asset"]) == ["A1"]
    assert refused(found) == [
        ("sheet 设备, cell B3", "'10.0.0.256' is no IP address"),
        ("sheet 设备, cell C4", "'0' is no grade from 1 to 5"),
        ("sheet 设备, cell D4", "the formula of the cell failed (#REF!)"),
    ]
    assert found.refusals[0].in_("zh") == "list.xlsx: 工作表“设备”单元格 B3: “10.0.0.256”不是 IP 地址"


def test_yaml_names_the_line(tmp_path):
    text = "assets:\n  - {id: A1, 名称: 泵, ips: [10.0.0.1, 10.0.0.2]}\n  - id: A2\n    level: 9\n    colour: red\n"
    found = read(tmp_path, text, name="a.yaml")
    assert found.rows["asset"] == {"A1": {"id": "A1", "name": "泵", "ips": ["10.0.0.1", "10.0.0.2"]}}
    assert refused(found)[0][0] == "line 4, level" and found.ignored == ("colour",)


def test_yaml_keeps_what_was_written(tmp_path):
    text = "- {id: 012, firmware: 2.70, serial: 123456789012345678901234, vendor: no, model: 1e3, note: ~, unit: 7, level: 3.5}\n"
    assert read(tmp_path, text, name="a.yaml").rows["asset"]["012"] == {
        "id": "012", "firmware": "2.70", "serial": "123456789012345678901234", "vendor": "no", "model": "1e3", "unit": 7, "level": "3.5",
    }  # fmt: skip


def test_rows_without_a_name_or_twice(tmp_path):
    found = read(tmp_path, "id,name,vendor\nA,x,\n,,Siemens\nA,y,\n")
    assert refused(found) == [("row 3", "id or ips or macs or name is missing"), ("row 4", "A stands already at row 2")]


def test_two_columns_of_one_field(tmp_path):
    found = read(tmp_path, "id,name,主机名\nA,x,y\n")
    assert found.rows["asset"]["A"]["name"] == "x" and refused(found) == [
        ("row 1, column 3", "'主机名' is a second column of name, and is not read")
    ]


@pytest.mark.parametrize(
    ("read_cell", "good", "value"),
    [
        (_fields.mac, "00-80-F4-1A-20-10", "00:80:f4:1a:20:10"), (_fields.mac, "0080.f41a.2010", "00:80:f4:1a:20:10"),
        (_fields.level, "L2", "2"), (_fields.level, "第3.5层", "3.5"), (_fields.level, 3.0, "3"), (_fields.level, "DMZ", "3.5"),
        (_fields.level, "Level 0", "0"), (_fields.vlans, "100-102; 7", [7, 100, 101, 102]), (_fields.subnets, "10.0.0.0/24，10.0.1.1", ["10.0.0.0/24", "10.0.1.1/32"]),
        (_fields.protocols, "S7、Modbus TCP; TCP 443, 53/udp；IEC-104", ["s7comm", "modbus", "tcp/443", "udp/53", "iec104"]),
        (_fields.direction, "→", True), (_fields.direction, "双向", False), (_fields.direction, "yes", True),
        (_fields.security_level, "SL2", 2), (_fields.security_level, 0, 0), (_fields.number, "５,０００", 5000), (_fields.number, "1.2亿", 120_000_000),
        (_fields.day, "2026年3月1日", "2026-03-01"), (_fields.day, datetime.date(2026, 3, 1), "2026-03-01"),
        (_fields.activities, "下装，写入", ["program", "write"]), (_fields.text, 12.0, "12"), (_fields.text, "a\x00\x1b[31m b", "a[31m b"),
        (_fields.names, "工程师站; 10.0.0.01", ["工程师站", "10.0.0.01"]), (_fields.moment, "2026/3/1 8:05", datetime.datetime(2026, 3, 1, 8, 5)),
        (_fields.moment, "2026-03-01T08:05:06Z", datetime.datetime(2026, 3, 1, 8, 5, 6, tzinfo=datetime.UTC)),
        (_fields.moment, "2026年3月1日 8时5分", datetime.datetime(2026, 3, 1, 8, 5)),
    ],
)  # fmt: skip
def test_cells_are_understood(read_cell, good, value):
    assert read_cell(good) == value


@pytest.mark.parametrize(
    ("read_cell", "bad"),
    [
        (_fields.ip, "10.0.0.01"), (_fields.ip, "1"), (_fields.mac, "00:80:f4:1a:20"), (_fields.subnets, "10.0.0.1/24"),
        (_fields.subnets, "10.0.0.0/33"), (_fields.vlans, "0"), (_fields.vlans, "9-3"), (_fields.grade, "6"), (_fields.level, "2.5"),
        (_fields.protocols, "tcp/70000"), (_fields.protocols, "drop table"), (_fields.activities, "dance"), (_fields.moment, "2026-02-30"),
        (_fields.moment, "tomorrow"), (_fields.moment, "2026-03-01 25:00"), (_fields.day, "1026-01-01"), (_fields.number, "nan"), (_fields.number, "1e999"),
        (_fields.yes_no, "perhaps"), (_fields.whole, "-1"), (_fields.text, ["x"]), (_fields.ips, " ".join(["10.0.0.1"] * 300)), (_fields.text, "x" * 40_000),
    ],
)  # fmt: skip
def test_bad_cells_say_why_in_both_languages(read_cell, bad):
    with pytest.raises(_fields.BadCell) as error:
        read_cell(bad)
    assert error.value.reason.zh and error.value.reason.en


# --- zones, tags, tickets --------------------------------------------------------------------------------------------


def test_zones_and_conduits_below_each_other(tmp_path):
    text = "区域编号,名称,子网,类别\ncell,单元,10.0.0.0/24,工业控制\n\n源区域,目的区域,协议,方向\ncell,office,modbus,单向\n"
    found = read(tmp_path, text, "zones")
    assert found.rows["zone"]["cell"] == {"id": "cell", "name": "单元", "subnets": ["10.0.0.0/24"], "kind": "ot"}
    assert found.rows["conduit"]["cell>office"] == {
        "source": "cell",
        "target": "office",
        "protocols": ["modbus"],
        "one_way": True,
    }
    checked = imports.check_zones(found, {})
    assert refused(checked) == [("conduit cell>office", "there is no zone office")]
    named = imports.check_zones(found, {"z9": {"id": "z9", "name": {"zh": "办公网", "en": "OFFICE"}}})
    assert named.rows["conduit"]["cell>office"]["target"] == "z9"


def test_a_subnet_belongs_to_one_zone(tmp_path):
    found = read(
        tmp_path, "zones:\n- {id: a, subnets: 10.0.0.0/24}\n- {id: b, subnets: 10.0.0.0/24}\n", "zones", "z.yml"
    )
    checked = imports.check_zones(found, {})
    assert list(checked.rows["zone"]) == ["a"] and "belongs to zone a already" in refused(checked)[0][1]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("40001", ("holding_register", None, 0)), ("400123", ("holding_register", None, 122)), ("30003", ("input_register", None, 2)),
        ("00001", ("coil", None, 0)), ("10016", ("discrete_input", None, 15)), ("DB10.DBW4", ("data_block", 10, 4)),
        ("db1.dbx0.1", ("data_block", 1, 0)), ("MW10", ("flag", None, 10)), ("E0.3", ("input", None, 0)), ("AB4", ("output", None, 4)),
        ("40000", None), ("50001", None), ("X1", None), ("", None),
    ],
)  # fmt: skip
def test_addresses_in_the_notation_of_controllers(address, found):
    assert imports.notation(address) == found


def test_tags_need_an_object_or_a_notation(tmp_path):
    text = "设备,地址,位号,对象,单元号\nPLC-1,40001,T1,,1\nPLC-1,5,T2,coil,\nPLC-1,5,T3,,\nPLC-1,Q?,T4,,\n"
    found = read(tmp_path, text, "tags")
    assert [(v["object"], v["address"]) for v in found.rows["tag"].values()] == [("holding_register", 0), ("coil", 5)]
    assert [place for place, _ in refused(found)] == ["row 4", "row 5"]


def test_times_of_tickets_have_a_zone(tmp_path):
    text = "单号,开始时间,结束时间,类别\nC1,2026-03-01 08:00,2026-03-01 10:00,\nC2,2026-03-01 08:00Z,2026-03-01 10:00Z,检修窗口\nC3,2026-03-01 10:00,2026-03-01 08:00,\n"
    rows = read(tmp_path, text, "tickets", zone=UTC8).rows["ticket"]
    eight = round(datetime.datetime(2026, 3, 1, 8, tzinfo=datetime.UTC).timestamp()) * 10**9
    assert (rows["C1"]["start"], rows["C1"]["kind"]) == (eight - 8 * 3600 * 10**9, "change")
    assert (rows["C2"]["start"], rows["C2"]["kind"]) == (eight, "window") and "C3" not in rows


def test_a_repeating_window_needs_its_end(tmp_path):
    text = "tickets:\n- {id: W, start: 2026-03-01 02:00, end: 2026-03-01 06:00, repeat: weekly}\n"
    assert "until which" in refused(read(tmp_path, text, "tickets", "t.yaml", zone=UTC8))[0][1]


# --- files that are no lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "empty"), ("a.csv", b"\x80\x81\xff\xff,\x00", "neither UTF-8 nor GB18030"), ("a.csv", b"a\x00b,c\n", "neither"),
        ("a.csv", b"x,y\n1,2\n", "no table with the columns"), ("a.xlsx", b"id,name\n", "no workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + bytes(600), "save it as .xlsx"), ("a.xlsx", b"PK\x03\x04broken", "damaged"),
        ("a.yaml", b"- [", "line 2 is not YAML"), ("a.yaml", b"just text", "should be a list"), ("a.yaml", b"assets: 3", "assets should be a list"),
        ("a.yaml", b"assets:\n- 3\n", "line 2: each item"), ("a.yaml", b"assets:\n- {id: a, id: b}\n", "stands twice"), ("a.yaml", b"a: \xff\xfe", "line 1 is not UTF-8"),
        ("a.yaml", b"assets: [" + b"[" * 50 + b"]" * 50 + b"]", "nested too deeply"), ("a.yaml", b"a: &x [1]\nassets: [*x, *x]\n", "aliases"),
        ("a.csv", b"id,name\n" + b"a," * 1_000_000, "longer than"), ("a.csv", b"id" + b",x" * 300 + b"\n", "columns, at most"),
        ("a.csv", b'id,name\n1,"' + b"x" * 200_000 + b'"\n', "no csv"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_one_sentence(tmp_path, name, content, says):
    with pytest.raises(AssessmentError, match=says) as error:
        read(tmp_path, content, name=name)
    assert str(error.value).count("\n") == 0 and str(tmp_path / name) in str(error.value)
    assert re.search("[\u4e00-\u9fff]", Settings("zh").said(error.value))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AssessmentError, match="cannot be read"):
        imports.read(tmp_path / "none.csv", "assets")


def _archive(tmp_path, parts: dict[str, bytes]) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return put(tmp_path, buffer.getvalue(), "a.xlsx")


def test_workbooks_that_unpack_without_end(tmp_path, monkeypatch):
    pytest.importorskip("openpyxl")
    monkeypatch.setattr(_cells, "MAX_UNPACKED", 1 << 20)
    with pytest.raises(AssessmentError, match="unpacks to more than"):
        imports.read(_archive(tmp_path, {"xl/sheet.xml": bytes(2 << 20)}), "assets")
    with pytest.raises(AssessmentError, match="unpacks to more than"):
        imports.read(_archive(tmp_path, {f"{n}.xml": b"" for n in range(_cells.MAX_PARTS + 1)}), "assets")


def test_workbooks_with_entities(tmp_path):
    pytest.importorskip("openpyxl")
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    with pytest.raises(AssessmentError, match="declares a document type"):
        imports.read(_archive(tmp_path, {"xl/workbook.xml": bomb}), "assets")


def test_workbooks_with_a_cell_far_away(tmp_path, monkeypatch):
    openpyxl = pytest.importorskip("openpyxl")
    made = openpyxl.Workbook()
    made.active.append(["id", "name"])
    made.active["A1048576"] = "x"
    made.active["XFD2"] = "y"
    made.save(tmp_path / "a.xlsx")
    with pytest.raises(AssessmentError, match="more than 100000 rows"):
        imports.read(tmp_path / "a.xlsx", "assets")
    monkeypatch.setattr(_cells, "MAX_CELLS", 10)
    with pytest.raises(AssessmentError, match="more than 10 cells"):
        imports.read(book(tmp_path, {"a": [["id", "name", "ip"]] * 9}), "assets")


def test_damaged_workbooks_never_end_the_program(tmp_path):
    path = book(tmp_path, {"a": [["id", "name"], ["A", "b"]]})
    whole = path.read_bytes()
    dice = random.Random(4)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 30)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            imports.read(put(tmp_path, bytes(damaged[: dice.randint(10, len(damaged))]), "d.xlsx"), "assets")
        except AssessmentError:
            continue


# --- into the journal ------------------------------------------------------------------------------------------------


def store(case, tmp_path, text, replace=False):
    return imports.store(case, read(tmp_path, text), "Li", replace)


def test_an_edit_outlives_any_number_of_imports(tmp_path):
    case = ClientCase()
    assert store(case, tmp_path, "id,name,owner\nA,pump,IT\n").new == 1
    case.record([("asset", "A", {"id": "A", "name": "pump", "owner": "OT", "note": "mine"})], "Chen")
    for _ in range(3):
        assert store(case, tmp_path, "id,name,owner\nA,pump,IT\n").same == 1
        assert case.current("asset")["A"]["value"]["owner"] == "OT"
    assert store(case, tmp_path, "id,name,owner\nA,big pump,IT\n").changed == 1
    entry = case.current("asset")["A"]
    assert entry["value"] == {"id": "A", "name": "big pump", "owner": "OT", "note": "mine"}
    assert (entry["author"], entry["source"]) == ("Chen", "edit")
    done = store(case, tmp_path, "id,name,owner\nA,small pump,HR\n")
    assert done.kept == ["asset/A: owner"]
    assert case.current("asset")["A"]["value"] == {"id": "A", "name": "small pump", "owner": "OT", "note": "mine"}


def test_a_row_that_was_not_edited_follows_the_file(tmp_path):
    case = ClientCase()
    store(case, tmp_path, "id,name,owner\nA,pump,IT\n")
    store(case, tmp_path, "id,name\nA,valve\n")
    assert case.current("asset")["A"]["value"] == {"id": "A", "name": "valve"}


def test_what_a_person_took_back_stays_away(tmp_path):
    case = ClientCase()
    store(case, tmp_path, "id,name\nA,pump\n")
    case.record([("asset", "A", None)], "Chen")
    assert store(case, tmp_path, "id,name\nA,valve\n").kept == ["asset/A: *"]
    assert case.current("asset") == {}


def test_rows_that_a_file_lacks_stay_unless_it_replaces(tmp_path):
    case = ClientCase()
    store(case, tmp_path, "id,name\nA,pump\nB,fan\nC,valve\n")
    case.record([("asset", "C", {"id": "C", "name": "mine"})], "Chen")
    assert store(case, tmp_path, "id,name\nA,pump\n").missing == ["asset/B"]
    assert set(case.current("asset")) == {"A", "B", "C"}
    store(case, tmp_path, "id,name\nA,pump\n", replace=True)
    assert set(case.current("asset")) == {"A", "C"}
    store(case, tmp_path, "id,name\nA,pump\nB,fan\n")
    assert set(case.current("asset")) == {"A", "B", "C"}


# --- the example client ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["assets", "zones", "tags", "tickets"])
def test_the_example_client_is_read_without_a_refusal(what):
    found = imports.read(resources.rulesets() / f"examples/plant/{what}.yaml", what)
    assert found.rows and not found.refusals and not found.ignored


def test_the_example_ticket_covers_the_planned_work_of_the_capture():
    """Where the capture is made again, the ticket must be moved with it."""
    utils = pytest.importorskip("scapy.utils")
    found = imports.read(resources.rulesets() / "examples/plant/tickets.yaml", "tickets")
    (ticket,) = site.tickets(found.rows["ticket"]["CHG-2026-112"], {"es-01": ("10.20.1.60",)})
    assert ticket.sources == ("10.20.1.60",)
    with (resources.pcaps() / "plant-attack.labels.csv").open(encoding="utf-8") as labels:
        planned = {int(row["frame"]) for row in csv.DictReader(labels) if row["kind"] == "maintenance"}
    with utils.RawPcapNgReader(str(resources.pcaps() / "plant-attack.pcapng")) as reader:
        for number, (_, meta) in enumerate(reader, 1):
            time = ((meta.tshigh << 32) + meta.tslow) * (10**9 // meta.tsresol)
            assert number not in planned or ticket.start <= time <= ticket.end
