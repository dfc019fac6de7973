"""S7comm: blocks and their headers, upload, download, program invocation services."""

from __future__ import annotations

import hashlib
import struct

import pytest
from s7comm_samples import (
    ANSWER,
    ASK,
    Feed,
    answer,
    ask,
    block,
    block_footer,
    block_header,
    hexed,
    job,
    pi,
    piece,
    reply,
    transfer,
    ud_answer,
    ud_request,
)

from parsers import _s7comm_tables as tables
from parsers import s7comm
from sentinel.model import Activity, Fault, Kind

# -- blocks ----------------------------------------------------------------------------------------------------------


def test_upload_with_its_block_header():
    feed = Feed()
    row = feed(ASK, transfer(0x1D, name=b"_0A00001A"))
    assert (row.operation, row.activity, row.name) == ("upload_start", Activity.PROGRAM, "_0A00001A")
    assert (row.object, row.address) == (0x20A, 1)
    names = {key: row.own[key] for key in ("block_type", "block_number", "file_system", "filename")}
    assert names == {"block_type": "DB", "block_number": 1, "file_system": "A", "filename": "_0A00001A"}
    row = feed(ANSWER, reply(b"\x1d\x00\x01\x00" + struct.pack(">I", 7) + b"\x070000300"))
    assert (row.own["transfer_id"], row.own["block_length"]) == (7, 300)
    whole = block()
    for k, (start, end) in enumerate([(0, 20), (20, 222), (222, 300)]):
        row = feed(ASK, transfer(0x1E, 7, reference=k))
        assert (row.operation, row.own["transfer_id"]) == ("upload", 7)
        row = feed(ANSWER, piece(0x1E, whole[start:end], end < 300, k))
        assert (row.operation, row.own["more"]) == ("upload", int(end < 300))
    assert row.own["transfer_id"] == 7
    told = {key: text for key, text in row.own.items() if key.startswith(("block", "mc7"))}
    assert told == {
        "block_type": "DB",
        "block_number": 1,
        "block_language": "DB",
        "block_length": 300,
        "mc7_length": 200,
        "block_author": "TWI",
        "block_family": "Test",
        "block_name": "DATA",
        "block_version": "1.2",
        "block_checksum": 0xC0DF,
        "block_code_time": 1408535875424000000,
        "block_interface_time": 1408535875424000000,
        "block_protected": 0,
        "block_sha256": hashlib.sha256(whole).hexdigest(),
    }
    row = feed(ASK, transfer(0x1F, 7))
    assert (row.operation, row.own["parameter_error"]) == ("upload_end", 0)
    assert feed(ANSWER, reply(b"\x1f")).operation == "upload_end"
    ((_, _, *rest),) = feed.out.facts
    assert "DB1 version 1.2 checksum c0df TWI Test DATA" in rest and ANSWER in rest


def test_download_is_fetched_by_the_station():
    feed = Feed()
    row = feed(ASK, transfer(0x1A, name=b"_0A00001P", tail=b"\x0d1000300000200"))
    assert (row.operation, row.own["block_length"], row.own["mc7_length"]) == ("download_request", 300, 200)
    assert row.own["file_system"] == "P"
    assert feed(ANSWER, reply(b"\x1a")).operation == "download_request"
    whole = block()
    for k, (start, end) in enumerate([(0, 222), (222, 300)]):
        row = feed(ANSWER, transfer(0x1B, name=b"_0A00001P", reference=k))
        assert (row.kind, row.operation, row.transaction) == (Kind.REQUEST, "download_block", k)
        row = feed(ASK, piece(0x1B, whole[start:end], end < 300, k))
        assert (row.kind, row.own["filename"]) == (Kind.RESPONSE, "_0A00001P")
    assert row.own["block_sha256"] == hashlib.sha256(whole).hexdigest()
    row = feed(ANSWER, transfer(0x1C, name=b"_0A00001P"))
    assert row.operation == "download_ended"
    assert feed(ASK, reply(b"\x1c")).operation == "download_ended"
    # the block is the station's although the programming device sent it
    (fact,) = feed.out.facts
    assert "program" in fact and ANSWER in fact


def test_block_with_a_lost_piece_has_no_hash():
    feed = Feed()
    whole = block()
    feed(ASK, transfer(0x1E, 7, reference=1))
    feed(ANSWER, piece(0x1E, whole[:100], True, 1))
    feed(ASK, transfer(0x1E, 7, reference=3))
    row = feed(ANSWER, piece(0x1E, whole[200:], False, 3))
    assert row.fault == Fault.LENGTH and row.own["block_number"] == 1 and "block_sha256" not in row.own


def test_piece_without_its_job_and_of_no_block():
    row = answer(piece(0x1E, b"abc", False, 9))
    assert row.own["block_length"] == 3 and "transfer_id" not in row.own
    feed = Feed()
    feed(ASK, transfer(0x1E, 1))
    row = feed(ANSWER, piece(0x1E, b"not a block" * 20, False, 0x0100))
    assert "block_type" not in row.own and "fault" not in row.cells


def test_transfers_are_bounded():
    feed = Feed()
    for k in range(100):
        feed(ASK, transfer(0x1E, k, reference=k))
        feed(ANSWER, piece(0x1E, bytes(200), True, k))
    for k in range(100):
        feed(ASK, transfer(0x1E, k, reference=1000 + k))
    assert all(len(store) <= 16 for store in feed.out.shared.values())


def test_protected_block_in_block_information():
    info = hexed("0100 004a 2200") + block_header(14, 73, 10486, 8622, 0x29, 3)
    info += block_footer(b"SIMATIC", b"RSEDIAG", b"RSE", 0x10, 0x6CBD)
    row = answer(ud_answer(3, 3, info))
    assert (row.operation, row.object, row.address) == ("block_info", 0x20E, 73)
    assert (row.own["block_language"], row.own["block_protected"], row.own["block_version"]) == ("encrypted", 1, "1.0")
    assert "block_sha256" not in row.own
    assert answer(ud_answer(3, 3, b"\x00" * 78)).fault == Fault.IDENTIFIER
    asked = ask(ud_request(3, 3, b"0A00002B"))
    assert (asked.object, asked.address, asked.own["file_system"]) == (0x20A, 2, "B")


def test_block_without_a_time_stamp():
    header = block_header(8, 1, 72, 0)
    blank = header[:16] + bytes(6) + b"\xff" * 6 + header[28:]
    row = answer(ud_answer(3, 3, bytes(6) + blank + block_footer(b"", b"", b"", 0, 0)))
    assert "block_code_time" not in row.own and "block_interface_time" not in row.own


def test_block_lists():
    row = answer(ud_answer(3, 1, b"08\x00\x01" + b"0A\x00\x02" + b"ZZ\x00\x03"))
    assert [(i["object"], i["quantity"]) for i in row.items] == [(0x208, 1), (0x20A, 2), (tables.UNKNOWN_OBJECT, 3)]
    row = ask(ud_request(3, 2, b"0C"))
    assert (row.operation, row.object, row.own["block_type"]) == ("block_list_of_type", 0x20C, "FC")
    assert ask(ud_request(3, 2, b"??")).fault == Fault.VALUE
    row = answer(ud_answer(3, 2, hexed("0001 2204 0031 2205")))
    assert [(i["address"], i["name"]) for i in row.items] == [(1, "SCL"), (49, "DB")]
    assert ask(ud_request(3, 1)).operation == "block_list"


# -- program invocation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "operation", "activity"),
    [
        (b"P_PROGRAM", b"", "plc_start", Activity.MODE),
        (b"P_PROGRAM", b"C ", "plc_start_cold", Activity.MODE),
        (b"P_PROG_1", b"", "plc_start", Activity.MODE),
        (b"_MODU", b"EP", "pi_copy_ram_to_rom", Activity.PROGRAM),
        (b"_GARB", b"", "pi_compress", Activity.PROGRAM),
        (b"_N_F_DELE", b"", "pi_n_f_dele", Activity.FILE),
        (b"_N_SELECT", b"", "pi_n_select", Activity.CONTROL),
        (b"_WHAT", b"secret", "pi_other", Activity.CONTROL),
    ],
)
def test_services_by_name(name, arguments, operation, activity):
    row = ask(pi(name, arguments))
    assert (row.operation, row.activity, row.function, row.shape) == (operation, activity, 0x28, 0x28)
    assert (row.own["pi_service"], row.name) == (name.decode(), name.decode())
    assert answer(reply(b"\x28")).operation == "pi_service"
    assert answer(reply(b"\x28\x02")).own["function_status"] == 2


@pytest.mark.parametrize(
    ("name", "operation"),
    [(b"_INSE", "pi_insert_block"), (b"_INS2", "pi_insert_block_2"), (b"_DELE", "pi_delete_block")],
)
def test_services_on_blocks(name, operation):
    row = ask(pi(name, b"\x01\x000A00001P"))
    assert (row.operation, row.object, row.address, row.own["block_type"]) == (operation, 0x20A, 1, "DB")
    row = ask(pi(name, b"\x02\x000800001P0C00012P"))
    assert [i["name"] for i in row.items] == ["OB1", "FC12"] and row.own["pi_argument"] == "0800001P,0C00012P"
    assert ask(pi(name, b"\xff\x000A00001P")).fault == Fault.COUNT


@pytest.mark.parametrize(("name", "rest"), [(b"_N_LOGIN_", b""), (b"_N_NEWPWD", b"\x011")])
def test_nck_password_is_not_kept(name, rest):
    feed = Feed()
    row = feed(ASK, pi(name, b"\x03001\x06SUNRIS\x00" + rest))
    assert row.own["password_length"] == 6 and row.own["pi_argument"].startswith("001,***")
    assert not any("SUNRIS" in text for text in feed.out.texts)


def test_arguments_of_an_unknown_service_are_not_kept():
    feed = Feed()
    feed(ASK, pi(b"_WHAT", b"secret"))
    assert not any("secret" in text for text in feed.out.texts)


def test_stop():
    row = ask(job(b"\x29" + bytes(5) + b"\x09P_PROGRAM"))
    assert (row.operation, row.activity, row.name) == ("plc_stop", Activity.MODE, "P_PROGRAM")
    assert s7comm.OPERATIONS[0x29].technique == "T0858"
    assert answer(reply(b"\x29")).operation == "plc_stop"
    assert answer(reply(b"\x29", error=0x8404)).kind == Kind.EXCEPTION
