"""S7comm userdata: status lists, clock, password, messages and alarms, jobs that report, block send, NC programs."""

from __future__ import annotations

import struct

import pytest
from s7comm_samples import (
    ALARM,
    ANSWER,
    ASK,
    CLOCK,
    STAMP,
    TABLE_ADDRESSES,
    TABLE_VALUES,
    TRIGGER,
    Feed,
    answer,
    any_item,
    ask,
    coded,
    component,
    hexed,
    module,
    pdu,
    szl,
    tis,
    ud_answer,
    ud_push,
    ud_request,
    value,
)

from parsers import _s7comm_tables as tables
from parsers import _s7comm_userdata as userdata
from parsers import s7comm
from sentinel.model import Activity, DType, Fault, Kind

# -- status lists ----------------------------------------------------------------------------------------------------


def test_szl_request():
    row = ask(ud_request(4, 1, hexed("0424 0000")))
    assert (row.kind, row.operation, row.activity, row.name) == (
        Kind.REQUEST,
        "szl_read",
        Activity.IDENTIFY,
        "Operating modes",
    )
    assert (row.own["szl_id"], row.own["szl_index"], row.shape, row.transaction) == (0x0424, 0, 0x10401, 0x0200)
    assert (row.own["ud_type"], row.own["ud_group"], row.own["ud_subfunction"]) == (4, 4, 1)
    assert "function" not in row.cells


def test_module_identification():
    feed = Feed()
    records = [
        module(1, b"6ES7 315-2EH14-0AB0", 0x0003, 1),
        module(6, b"6ES7 315-2EH14-0AB0", 0x0004, 1),
        module(7, b"", 0x5603, 0x0206),
        module(0x81, b"Boot Loader", 0x4120, 0x0909),
    ]
    row = feed(ANSWER, ud_answer(4, 1, szl(0x0011, 0, *records)))
    assert (row.own["szl_id"], row.own["szl_count"], row.status) == (0x11, 4, 0)
    assert feed.facts() == {
        "order_number": ["6ES7 315-2EH14-0AB0"],
        "vendor": ["Siemens"],
        "hardware": ["4"],
        "firmware": ["V3.2.6"],
    }


def test_component_identification():
    feed = Feed()
    records = [
        component(1, b"SNAP7-SERVER"),
        component(2, b"CPU 315"),
        component(3, b"plant of thirty-two characters.."),
        component(4, b"Original Siemens Equipment"),
        component(5, b"S C-C2UR28922012"),
        component(7, b"CPU 315-2 PN/DP"),
        component(8, b"MMC 267FF11F"),
        component(9, hexed("002a f600 0001")),
        component(10, b"OEM maker"),
        component(11, b"hall 4"),
        component(12, b"?"),
    ]
    feed(ANSWER, ud_answer(4, 1, szl(0x001C, 0, *records)))
    assert feed.facts() == {
        "name": ["SNAP7-SERVER", "CPU 315", "plant of thirty-two characters.."],
        "vendor": ["Siemens", "OEM maker"],
        "serial": ["S C-C2UR28922012"],
        "model": ["CPU 315-2 PN/DP"],
        "module": ["memory card MMC 267FF11F"],
        "location": ["hall 4"],
    }


def test_other_lists_tell_state_protection_and_addresses():
    feed = Feed()
    mode = hexed("5144 ff 08 00000000 00000000 1602081451375692")
    feed(ANSWER, ud_answer(4, 1, szl(0x0424, 0, mode)))
    feed(ANSWER, ud_answer(4, 1, szl(0x0132, 4, struct.pack(">HHHHH30x", 4, 1, 3, 2, 2))))
    feed(ANSWER, ud_answer(4, 1, szl(0x0232, 4, struct.pack(">HHHHH30x", 4, 1, 3, 3, 0))))
    feed(ANSWER, ud_answer(4, 1, szl(0x0132, 4, struct.pack(">HHHHH30x", 4, 1, 99, 3, 0))))  # no level 99
    feed(ANSWER, ud_answer(4, 1, szl(0x0074, 0, hexed("0004 00 00"), hexed("0005 01 00"), hexed("0006 01 00"))))
    ethernet = hexed("07ff c0a80002 ffffff00 00000000 001b1b1ad6e0 00 00") + bytes(26)
    feed(ANSWER, ud_answer(4, 1, szl(0x0037, 0, ethernet)))
    feed(ANSWER, ud_answer(4, 1, szl(0x0131, 1, bytes(40))))
    assert feed.facts() == {
        "state": ["RUN", "mode selector RUN-P", "STOP", "FORCE active"],
        "protection": ["level 2 (assigned 3, key switch 1)", "level 3 (assigned 3, key switch 1)"],
        "ip": ["192.168.0.2"],
        "mac": ["00:1b:1b:1a:d6:e0"],
    }


def test_lists_without_records_or_with_wrong_counts():
    feed = Feed()
    feed(ANSWER, ud_answer(4, 1, struct.pack(">HHHH", 0x0F11, 0, 28, 4)))
    feed(ANSWER, ud_answer(4, 1, struct.pack(">HHHH", 0x0011, 0, 28, 0xFFFF)))
    feed(ANSWER, ud_answer(4, 1, struct.pack(">HHHH", 0x0011, 0, 0, 0xFFFF) + bytes(50)))
    feed(ANSWER, ud_answer(4, 1, struct.pack(">HHHH", 0x001C, 0, 0xFFFF, 9) + bytes(50)))
    feed(ANSWER, ud_answer(4, 1, struct.pack(">HHHH", 0x0024, 0, 4, 2) + bytes(8)))
    assert feed.facts() == {}


def test_refused_list():
    row = answer(ud_answer(4, 1, b"", error=0xD401, code=0x0A))
    assert (row.kind, row.status, row.own["return_code"]) == (Kind.EXCEPTION, 0xD401, 0x0A)
    assert "szl_id" not in row.own


def test_fragmented_list_is_read_at_once():
    records = [component(k, b"name %d" % k) for k in (1, 2, 3)]
    records += [component(7, b"CPU 412"), component(5, b"SER 1")]
    content = szl(0x001C, 0, *records)
    feed = Feed()
    feed(ASK, ud_request(4, 1, hexed("001c0000")))
    row = feed(ANSWER, ud_answer(4, 1, content[:100], sequence=2, unit=0xD5, more=1))
    assert (row.own["more"], row.own["szl_id"], row.own["data_unit"]) == (1, 0x1C, 0xD5)
    assert feed.facts() == {"name": ["name 1", "name 2"]}
    row = feed(ASK, ud_answer(4, 1, b"", sequence=2, kind=0x40, reference=0x0300))  # the next part is asked for
    assert (row.kind, row.transaction) == (Kind.REQUEST, 0x0300)
    row = feed(ANSWER, ud_answer(4, 1, content[100:130], 0x0300, 2, 0xD5, 1))
    assert "szl_id" not in row.own
    row = feed(ANSWER, ud_answer(4, 1, content[130:], 0x0400, 2, 0xD5, 0))
    assert (row.own["more"], row.own["szl_count"]) == (0, 5)
    assert feed.facts() == {"name": ["name 1", "name 2", "name 3"], "model": ["CPU 412"], "serial": ["SER 1"]}
    assert feed.slots[ANSWER]["s7comm_fragments"] == {}


def test_fragments_are_bounded():
    feed = Feed()
    for _ in range(3):
        row = feed(ANSWER, ud_answer(4, 1, bytes(30000), unit=1, more=1))
    assert row.fault == Fault.TOO_LARGE
    for unit in range(20):
        feed(ANSWER, ud_answer(4, 1, bytes(30), unit=unit, more=1))
    assert len(feed.slots[ANSWER]["s7comm_fragments"]) <= userdata.MAX_JOINING


def test_last_fragment_alone_is_read_as_far_as_it_goes():
    row = answer(ud_answer(4, 1, szl(0x0011, 0, module(1, b"6ES7", 1, 1)), unit=9, more=0))
    assert row.own["szl_id"] == 0x11


# -- other userdata --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "operation", "state"),
    [
        (0, "mode_transition_stop", ["STOP"]),
        (1, "mode_transition_warm_restart", ["STARTUP"]),
        (2, "mode_transition_run", ["RUN"]),
        (3, "mode_transition_hot_restart", ["STARTUP"]),
        (4, "mode_transition_hold", ["HOLD"]),
        (6, "mode_transition_cold_restart", ["STARTUP"]),
        (9, "mode_transition_run_redundant", ["RUN"]),
        (11, "mode_transition_link_up", None),
        (12, "mode_transition_update", None),
        (0x55, "mode_transition_other", None),
    ],
)
def test_mode_transitions(mode, operation, state):
    feed = Feed()
    row = feed(ANSWER, pdu(7, bytes([1, 0, 0x10, 0x10, 0, 0, mode, 0]), reference=0))
    assert (row.kind, row.operation, row.own["ud_subfunction"]) == (Kind.UNSOLICITED, operation, mode)
    assert feed.facts().get("state") == state and "transaction" not in row.cells


@pytest.mark.parametrize("password", [b"", b"a", b"toor", b"12345678"])
def test_password_is_measured_not_kept(password):
    feed = Feed()
    row = feed(ASK, ud_request(5, 1, coded(password)))
    assert (row.operation, row.activity, row.own["password_length"]) == (
        "password_set",
        Activity.SESSION,
        len(password),
    )
    assert len(password) < 2 or not any(password.decode() in text for text in feed.out.texts)
    assert not any(coded(password).hex() in text for text in feed.out.texts)


def test_password_answers_and_clearing():
    row = answer(ud_answer(5, 1, error=0xD602))
    assert (row.kind, row.operation, s7comm.STATUSES[row.status]) == (Kind.EXCEPTION, "password_set", "Wrong password")
    assert ask(ud_request(5, 2)).operation == "password_clear"


def test_clock():
    when = 1454943097916000000  # 2016-02-08 14:51:37.916
    assert ask(ud_request(7, 1)).operation == "time_read"
    row = answer(ud_answer(7, 1, CLOCK))
    assert (row.activity, row.own["clock"]) == (Activity.TIME, when)
    row = ask(ud_request(7, 2, CLOCK))
    assert (row.operation, row.own["clock"]) == ("time_set", when)
    assert answer(ud_answer(7, 3, CLOCK)).operation == "time_read_following"
    assert ask(ud_request(7, 4, CLOCK)).own["clock"] == when
    assert ask(ud_request(7, 2, hexed("00 19 94 01 09 21 53 42 15 21"))).own["clock"] == 758152422152000000
    for wrong in ("00 19 16 13 08 14 51 37 91 62", "00 19 1a 02 08 14 51 37 91 62", "00 19 00 00 00 00 00 00 00 00"):
        row = ask(ud_request(7, 2, hexed(wrong)))
        assert "clock" not in row.own and "fault" not in row.cells


def test_diagnostic_message():
    row = answer(ud_push(4, 3, hexed("4304 ff 84 0000 0000 00000000 9401092153421521")))
    assert (row.kind, row.operation, row.activity) == (Kind.UNSOLICITED, "diagnostic_message", Activity.ALARM)
    assert row.own["event_id"] == 0x4304 and "STOP by a programming device" in row.name
    assert row.own["clock"] == 758152422152000000
    assert answer(ud_push(4, 3, hexed("1234 ff 84 0000 0000 00000000 9401092153421521"))).name == "event 0x1234"


def test_message_service():
    row = ask(ud_request(4, 2, hexed("83 00") + b"USER1234" + hexed("09 00")))
    assert (row.operation, row.own["subscribed"], row.own["user"]) == ("message_service", 0x83, "USER1234")
    assert answer(ud_answer(4, 2, hexed("0202"))).kind == Kind.RESPONSE


@pytest.mark.parametrize(
    ("sub", "operation"),
    [(5, "alarm_8"), (0x11, "alarm_sq"), (0x12, "alarm_s"), (6, "alarm_notify"), (0x16, "alarm_notify_8")],
)
def test_alarm_indications(sub, operation):
    row = answer(ud_push(4, sub, STAMP + b"\x00\x01" + ALARM))
    assert (row.kind, row.operation, row.activity) == (Kind.UNSOLICITED, operation, Activity.ALARM)
    assert (row.own["event_id"], row.own["item_count"]) == (0x60000001, 1) and "clock" in row.own
    alarm, associated = row.items
    assert (alarm["object"], alarm["address"], alarm["name"]) == (tables.ALARM, 0x60000001, "signals 0x03")
    assert (associated["object"], associated["block"], associated["data"]) == (tables.ALARM_VALUE, 0x60000001, "beef")


def test_alarm_handling():
    notify = hexed("12 0e 1c 00 60000002 01 00 00 00 00 00 00 00")
    assert answer(ud_push(4, 0x16, STAMP + b"\x00\x01" + notify)).own["event_id"] == 0x60000002
    scan = answer(ud_push(4, 9, b"\x00\x00" + STAMP + b"\x00\x00" + b"\x00\x01" + ALARM))
    assert (scan.operation, scan.own["event_id"]) == ("alarm_scan", 0x60000001)
    ack = ask(ud_request(4, 0x0B, hexed("08 01 12 08 19 00 60000001 00 01")))
    assert (ack.operation, ack.own["event_id"]) == ("alarm_acknowledge", 0x60000001)
    row = answer(ud_answer(4, 0x0B, hexed("08 01 ff")))
    assert [i["status"] for i in row.items] == [0xFF]
    lock = ask(ud_request(4, 7, hexed("08 02 12 06 15 00 60000001 12 06 15 00 60000002")))
    assert (lock.operation, [i["address"] for i in lock.items]) == ("alarm_lock", [0x60000001, 0x60000002])
    for sub, name in [(8, "alarm_unlock"), (0x0D, "alarm_locked"), (0x0E, "alarm_unlocked")]:
        assert ask(ud_request(4, sub, hexed("08 01 12 06 15 00 60000001"))).operation == name
    told = answer(ud_push(4, 0x0C, STAMP + hexed("08 01 12 08 19 00 60000001 00 01")))
    assert told.operation == "alarm_acknowledged" and "clock" in told.own
    odd = ask(ud_request(4, 0x0B, hexed("08 02 12 03 77 0102 12 08 19 00 60000001 00 01")))
    assert [i["address"] for i in odd.items] == [0x60000001]
    assert ask(ud_request(4, 0x0B, hexed("08 01 13 08 19"))).fault == Fault.IDENTIFIER


def test_alarm_query():
    row = ask(ud_request(4, 0x13, hexed("00 01 12 08 1a 00 03 00 60000009")))
    assert (row.operation, row.own["event_id"]) == ("alarm_query", 0x60000009)
    assert "event_id" not in ask(ud_request(4, 0x13, hexed("00 01 12 08 1a 00 01 00 00000004"))).own
    one = hexed("09 0000 02 60000001 00 01 00 00")
    row = answer(
        ud_answer(4, 0x13, hexed("00 01 ff 09 ffff") + one + one.replace(b"\x60\0\0\x01", b"\x60\0\0\x02") + b"\0")
    )
    assert [i["address"] for i in row.items] == [0x60000001, 0x60000002] and row.own["item_count"] == 2
    assert answer(ud_answer(4, 0x13, hexed("00 01 0a 00 0000"))).items == []


# -- jobs that report ------------------------------------------------------------------------------------------------


def test_variable_table_is_watched():
    feed = Feed()
    row = feed(ASK, ud_request(1, 2, tis(TRIGGER, b"\x00\x04" + TABLE_ADDRESSES)))
    assert (row.operation, row.activity, row.own["trigger"]) == ("variable_table_monitor", Activity.READ, 0x0200)
    wanted = [(0x83, None, 0, 1), (0x81, None, 8, 1), (0x84, 7, 100, 2), (0x1D, None, 3, 1)]
    assert [(i["object"], i.get("block"), i["address"], i["quantity"]) for i in row.items] == wanted
    assert row.items[1]["bit"] == 5 and [i["dtype"] for i in row.items] == [7, 2, 5, 5]
    assert feed(ANSWER, ud_answer(1, 2, sequence=3)).kind == Kind.RESPONSE
    row = feed(ANSWER, ud_push(1, 2, tis(b"\x01\x00\x00\x01", b"\x00\x04" + TABLE_VALUES), sequence=3))
    assert row.kind == Kind.UNSOLICITED and "transaction" not in row.cells
    assert [(i["object"], i["address"], i["status"], i.get("data")) for i in row.items] == [
        (0x83, 0, 0xFF, "41200000"),
        (0x81, 8, 0xFF, "01"),
        (0x84, 100, 0xFF, "00010002"),
        (0x1D, 3, 0x0A, None),
    ]
    # another job, whose addresses were not seen
    row = feed(ANSWER, ud_push(1, 2, tis(b"\x01\x00\x00\x01", b"\x00\x04" + TABLE_VALUES), sequence=9))
    assert all("address" not in i for i in row.items) and row.items[0]["dtype"] == DType.NONE


def test_variable_table_is_modified_and_forced():
    for sub, name, activity in [(8, "variable_table_modify", Activity.WRITE), (9, "force", Activity.CONTROL)]:
        feed = Feed()
        content = b"\x00\x02" + TABLE_ADDRESSES[:12] + value(0, 9, b"\x41\x20\0\0") + value(0, 9, b"\x01")
        row = feed(ASK, ud_request(1, sub, tis(TRIGGER, content)))
        assert (row.operation, row.activity) == (name, activity)
        assert [(i["object"], i["address"], i["data"]) for i in row.items] == [(0x83, 0, "41200000"), (0x81, 8, "01")]
        row = feed(ANSWER, ud_push(1, sub, tis(b"\x01\x00\x00\x01", b"\x00\x02\xff\x05"), sequence=2))
        assert [i["status"] for i in row.items] == [0xFF, 5]


@pytest.mark.parametrize(
    ("sub", "name"),
    [
        (1, "block_status"),
        (3, "output_istack"),
        (4, "output_bstack"),
        (5, "output_lstack"),
        (6, "time_measurement"),
        (7, "force_selection"),
        (0x0A, "breakpoint"),
        (0x0B, "exit_hold"),
        (0x0C, "memory_reset"),
        (0x16, "flash_led"),
        (0x55, "programmer_other"),
    ],
)
def test_programmer_commands(sub, name):
    assert ask(ud_request(1, sub, tis(TRIGGER, b"\x00\x00"))).operation == name
    assert answer(ud_answer(1, sub, sequence=1)).operation == name


def test_block_status_names_its_block():
    row = ask(ud_request(1, 0x13, tis(TRIGGER + hexed("0008 0001 0000 0000"), hexed("01000000"))))
    assert (row.operation, row.object, row.address, row.own["block_type"]) == ("block_status_2", 0x208, 1, "OB")


def test_test_jobs():
    for sub, name in [(0x0D, "disable_job"), (0x0E, "enable_job"), (0x11, "read_job")]:
        row = ask(ud_request(1, sub, tis(TRIGGER, hexed("02 05"))))
        assert (row.operation, row.own["job_function"], row.own["job_number"]) == (name, 2, 5)
    row = ask(ud_request(1, 0x0F, tis(TRIGGER, hexed("0000 02 05"))))
    assert (row.operation, row.own["job_number"]) == ("delete_job", 5)
    row = answer(ud_answer(1, 0x10, tis(b"\x00\x01\x00\x00", hexed("0203 0001 0805 0000"))))
    assert (row.operation, row.own["item_count"]) == ("read_job_list", 2)


def test_replaced_job_reports_its_new_addresses():
    feed = Feed()
    inner = b"\x00\x01" + TABLE_ADDRESSES[12:18]
    feed(ASK, ud_request(1, 0x12, tis(TRIGGER, hexed("0000 02 05") + tis(TRIGGER, inner))))
    row = feed(ANSWER, ud_push(1, 2, tis(b"\x01\x00\x00\x01", b"\x00\x01" + value(0xFF, 9, b"\0\1\0\2")), sequence=5))
    assert (row.items[0]["block"], row.items[0]["address"]) == (7, 100)


@pytest.mark.parametrize(
    ("sub", "content", "fault"),
    [
        (2, tis(TRIGGER, b"\xff\xff" + TABLE_ADDRESSES), Fault.COUNT),
        (2, struct.pack(">HH", 900, 4) + bytes(8), Fault.LENGTH),
        (2, struct.pack(">HH", 0, 900) + b"\x00\x00", Fault.LENGTH),
        (8, tis(TRIGGER, b"\x00\x01" + TABLE_ADDRESSES[:6] + b"\x00\x09\xff\xff"), Fault.LENGTH),
        (0x12, tis(TRIGGER, hexed("0000 02 05 ffff 0000")), Fault.LENGTH),
    ],
)
def test_odd_variable_tables(sub, content, fault):
    assert ask(ud_request(1, sub, content)).fault == fault


def test_cyclic_data():
    feed = Feed()
    content = hexed("0002 01 05") + any_item(4, 1, 0, 0x83, 10) + any_item(8, 1, 5, 0x84, 20)
    row = feed(ASK, ud_request(2, 1, content))
    assert (row.operation, row.own["interval"], row.own["item_count"]) == ("cyclic_data", 5000, 2)
    assert [i["address"] for i in row.items] == [10, 20]
    values = hexed("0002") + value(0xFF, 4, b"\0\7") + value(0xFF, 7, b"\x41\x20\0\0")
    row = feed(ANSWER, ud_answer(2, 1, values, sequence=4))
    assert [i["data"] for i in row.items] == ["0007", "41200000"] and row.items[0]["dtype"] == DType.NONE
    row = feed(ANSWER, ud_push(2, 1, values, sequence=4))
    assert [(i["address"], i["dtype"], i["data"]) for i in row.items] == [
        (10, DType.U16, "0007"),
        (20, DType.F32, "41200000"),
    ]
    row = feed(ASK, ud_request(2, 4, hexed("01 04")))
    assert (row.operation, row.own["job_function"], row.own["job_number"]) == ("cyclic_data_unsubscribe", 1, 4)
    row = feed(ANSWER, ud_push(2, 1, values, sequence=4))
    assert "address" not in row.items[0]
    assert feed(ASK, ud_request(2, 5, content)).operation == "cyclic_data_on_change"
    assert feed(ASK, ud_request(2, 7, content)).operation == "cyclic_data_on_change_modify"
    assert feed(ASK, ud_request(2, 1, hexed("ffff 01 05"))).fault == Fault.COUNT


def test_data_record():
    row = ask(ud_request(2, 8, hexed("00 01") + any_item(2, 240, 0x8029, 1, 0x07FE)))
    assert (row.operation, row.items[0]["object"], row.items[0]["block"]) == ("read_record", 1, 0x8029)
    row = answer(ud_answer(2, 8, hexed("00 01 ff 09 00 00 0004 00200040")))
    assert row.items == [{"status": 0xFF, "dtype": DType.NONE, "step": 0, "data": "00200040"}]
    row = answer(ud_answer(2, 8, hexed("00 01 0a 02 c080")))
    assert row.items == [{"status": 0x0A}]
    assert answer(ud_answer(2, 8, hexed("00 00"))).items == []


def test_jobs_are_bounded():
    feed = Feed()
    for k in range(60):
        feed(ASK, ud_request(1, 2, tis(TRIGGER, b"\x00\x01" + TABLE_ADDRESSES[:6]), reference=k))
        if k % 2:
            feed(ANSWER, ud_answer(1, 2, reference=k, sequence=k + 1))
    assert all(len(store) <= 16 for store in feed.out.shared.values())


# -- block communication, NC programs --------------------------------------------------------------------------------


def test_block_send():
    row = ask(ud_request(6, 1, hexed("12 06 13 00 0000cafe") + b"\x00\x02hi"))
    assert (row.operation, row.own["remote_id"]) == ("block_send", 0xCAFE)
    head = hexed("00 01 12 06 13 00 0000cafe")
    row = ask(pdu(7, head, hexed("ff 00 0001") + value(0xFF, 9, b"\xbe\xef"), reference=0))
    assert (row.kind, row.operation) == (Kind.UNSOLICITED, "block_unacknowledged_send")
    assert row.items == [
        {"object": 0x302, "block": 0xCAFE, "address": 0, "dtype": DType.BYTES, "step": 0, "data": "beef"}
    ]
    assert ask(pdu(7, head, hexed("ff 00 ffff"), reference=0)).fault == Fault.COUNT
    row = answer(ud_push(4, 0x10, hexed("12 06 13 00 00000017 0200 beef")))
    assert (row.operation, row.own["remote_id"]) == ("archive_send", 0x17)


def test_nc_programs():
    row = ask(ud_request(0x3F, 1, b"/_N_MPF_DIR/_N_PART_MPF"))
    assert (row.operation, row.name) == ("nc_download_request", "/_N_MPF_DIR/_N_PART_MPF")
    assert row.own["ud_group"] == 0x3F
    row = ask(ud_request(0x3F, 6, b"\x05\x00/_N_MPF_DIR/_N_PART_MPF"))
    assert (row.operation, row.own["filename"]) == ("nc_upload_start", "/_N_MPF_DIR/_N_PART_MPF")
    content = b"\x00\x00" + b"00000123" + b"2014010112000000" + b"/_N_MPF_DIR/_N_PART_MPF\nG0 X0"
    row = answer(ud_push(0x3F, 2, content))
    assert (row.operation, row.own["block_length"], row.own["filename"]) == (
        "nc_download_block",
        123,
        "/_N_MPF_DIR/_N_PART_MPF",
    )
    assert ask(ud_request(0x20, 3, bytes(8))).operation == "record_routing_data"
