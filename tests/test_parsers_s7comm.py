"""S7comm: headers, setup, variables both ways, what is malformed, and what is not S7comm.

Where captures of real stations are at hand, the last tests compare rows and facts with the Zeek logs of the same
traces.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s7comm_samples import (
    ANSWER,
    ASK,
    SAMPLES,
    SETUP,
    Feed,
    Row,
    answer,
    any_item,
    ask,
    hexed,
    job,
    message_of,
    pdu,
    piece,
    read_var,
    reply,
    transfer,
    ud_answer,
    ud_push,
    ud_request,
    value,
)

from parsers import _s7comm_tables as tables
from parsers import cotp, s7comm
from sentinel.model import Activity, Direction, DType, Fault, Kind, Verdict
from sentinel.wire.reader import Malformed, Reader, Short

# -- declarations ----------------------------------------------------------------------------------------------------


def test_columns_have_their_numbers():
    for number, extra in enumerate(s7comm.TABLE):
        assert getattr(tables, extra.name.upper()) == number
    hot = ["rosctr", "pdu_reference", "parameter_length", "data_length", "error_class", "error_code", "item_count"]
    assert [extra.name for extra in s7comm.TABLE[:7]] == hot
    assert len(s7comm.TABLE) <= 62


def test_operations_are_unique_and_fit():
    names = [operation.name for operation in s7comm.OPERATIONS.values()]
    assert len(names) == len(set(names))
    assert 0 not in s7comm.OPERATIONS and max(s7comm.OPERATIONS) < 65536
    assert all(name.replace("_", "").isalnum() and name == name.lower() for name in names)


@pytest.mark.parametrize("key", s7comm.OPERATIONS, ids=lambda key: s7comm.OPERATIONS[key].name)
def test_every_operation_has_its_message(key):
    assert ask(message_of(key)).operation == s7comm.OPERATIONS[key].name


# -- headers and setup -----------------------------------------------------------------------------------------------


def test_setup_names_the_module_by_the_transport_selector():
    feed = Feed({"cotp": (b"\x01\x00", b"\x03\x42")})
    row = feed(ASK, job(hexed("f0 00 0001 0008 01e0"), reference=0x3500))
    assert (row.kind, row.operation, row.activity) == (Kind.REQUEST, "setup_communication", Activity.SESSION)
    assert (row.function, row.shape, row.transaction, row.length) == (0xF0, 0xF0, 0x3500, 18)
    expected = {"amq_calling": 1, "amq_called": 8, "pdu_size": 480, "rack": 2, "slot": 2, "connection_type": 3}
    assert row.own == expected | {"rosctr": 1, "pdu_reference": 0x3500, "parameter_length": 8, "data_length": 0}
    row = feed(ANSWER, reply(hexed("f0 00 0001 0001 00f0"), reference=0x3500))
    assert (row.kind, row.status, row.own["pdu_size"], row.own["error_class"]) == (Kind.RESPONSE, 0, 240, 0)
    assert feed.facts() == {"module": ["rack 2 slot 2: S7 communication"]}


@pytest.mark.parametrize("selector", [b"SIMATIC-ROOT-ES", b"", b"\x01"])
def test_setup_without_a_rack_and_slot(selector):
    row = Feed({"cotp": (b"", selector)})(ASK, job(hexed("f0 00 0001 0001 01e0")))
    assert "rack" not in row.own and row.own["pdu_size"] == 480


def test_ack_without_parameters():
    row = answer(pdu(2, b"", reference=5, error=0xD20C))
    assert (row.kind, row.operation, row.status, row.transaction) == (Kind.EXCEPTION, "ack", 0xD20C, 5)
    assert (row.own["error_class"], row.own["error_code"]) == (0xD2, 0x0C)
    assert answer(pdu(2, b"", error=0)).kind == Kind.RESPONSE


def test_refusal_with_and_without_parameters():
    row = answer(reply(b"\x04", error=0x8104))
    assert (row.kind, row.operation, row.status, row.shape) == (Kind.EXCEPTION, "read_var", 0x8104, 4)
    row = answer(reply(b"", error=0x8500))
    assert (row.kind, row.operation) == (Kind.EXCEPTION, "ack")
    assert s7comm.STATUSES[0x8104] and s7comm.STATUSES[0x8500]


def test_unknown_functions_are_said_to_be():
    row = ask(job(b"\x77\x01"))
    assert (row.operation, row.fault, row.function) == ("job_other", Fault.FUNCTION, 0x77)
    assert ask(job(b"\x00\x01")).operation == "cpu_service"
    assert ask(job(b"")).operation == "job_other"


def test_redundancy_identification():
    assert ask(b"\x32\x01\x00\x01" + job(hexed("f000000100010001"))[4:]).fault == Fault.VALUE


# -- read and write --------------------------------------------------------------------------------------------------


def test_read_request_of_one_item_is_the_target_too():
    row = ask(read_var(any_item(8, 3, 7, 0x84, 300)))
    assert (row.operation, row.activity, row.kind) == ("read_var", Activity.READ, Kind.REQUEST)
    assert (row.object, row.block, row.address, row.quantity) == (0x84, 7, 300, 3)
    assert row.own["item_count"] == 1
    assert row.items == [{"object": 0x84, "block": 7, "address": 300, "quantity": 3, "dtype": DType.F32, "step": 4}]


@pytest.mark.parametrize(
    ("size", "quantity", "dtype", "step"),
    [
        (1, 1, DType.BOOL, 1),
        (2, 1, DType.U8, 1),
        (2, 4, DType.U8, 1),
        (2, 5, DType.BYTES, 0),
        (3, 4, DType.U8, 1),
        (3, 5, DType.TEXT, 0),
        (4, 9, DType.U16, 2),
        (5, 9, DType.I16, 2),
        (6, 1, DType.U32, 4),
        (7, 1, DType.I32, 4),
        (8, 1, DType.F32, 4),
        (9, 1, DType.U16, 2),
        (10, 1, DType.U32, 4),
        (11, 1, DType.I32, 4),
        (12, 1, DType.U16, 2),
        (15, 1, DType.BYTES, 0),
        (28, 1, DType.U16, 1),
        (29, 1, DType.U16, 1),
        (30, 1, DType.BYTES, 0),
        (0x77, 1, DType.BYTES, 0),
    ],
)
def test_transport_sizes(size, quantity, dtype, step):
    (item,) = ask(read_var(any_item(size, quantity, 0, 0x83, 0))).items
    assert (item["dtype"], item["step"]) == (dtype, step)


@pytest.mark.parametrize("area", [0x03, 0x05, 0x06, 0x07, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87])
def test_areas_with_byte_addresses(area):
    (item,) = ask(read_var(any_item(1, 1, 9, area, 0x1234, 5))).items
    assert (item["object"], item["address"], item["bit"]) == (area, 0x1234, 5)
    assert item.get("block") == (9 if area in (0x84, 0x85) else None)


@pytest.mark.parametrize("area", [0x1C, 0x1D, 0x1E, 0x1F])
def test_timers_and_counters_are_numbered(area):
    (item,) = ask(read_var(any_item(area, 2, 0, area, 13))).items
    assert (item["object"], item["address"], item["quantity"]) == (area, 13, 2)
    assert "bit" not in item


def test_zero_is_an_address():
    row = ask(read_var(any_item(4, 1, 0, 0x84, 0)))
    assert (row.block, row.address) == (0, 0)


def test_unknown_area_is_a_fault_and_still_an_item():
    row = ask(read_var(any_item(2, 1, 0, 0x99, 1)))
    assert row.fault == Fault.VALUE and row.items[0]["object"] == tables.UNKNOWN_OBJECT


def test_db_read_lists_its_stretches():
    row = ask(read_var(hexed("12 0c b0 02 10 0001 0000 04 0005 0064")))
    assert [(i["block"], i["address"], i["quantity"]) for i in row.items] == [(1, 0, 16), (5, 100, 4)]


def test_symbolic_addresses():
    row = ask(
        read_var(
            hexed("12 12 b2 ff 8a0e 0002 deadbeef 20000001 40000003"), hexed("12 0e b2 ff 0000 0052 00c0ffee 40000009")
        )
    )
    first, second = row.items
    assert (first["object"], first["block"], first["name"]) == (0x84, 2, "symbol 0xdeadbeef 2:1.4:3")
    assert (second["object"], second["name"]) == (0x83, "symbol 0x00c0ffee 4:9") and "address" not in second


@pytest.mark.parametrize(("syntax", "object_code"), [(0x82, 0x182), (0x83, 0x183), (0x84, 0x184)])
def test_nck_addresses(syntax, object_code):
    (item,) = ask(read_var(hexed(f"12 08 {syntax:02x} 41 0078 0001 7f 01"))).items
    assert (item["object"], item["block"], item["address"], item["quantity"]) == (object_code, 0x7F, 0x78, 1)
    assert item["name"] == "C1/S/120[1]"


def test_drive_parameter():
    (item,) = ask(read_var(hexed("12 0a a2 01 0002 0003 02d0 0005"))).items
    assert (item["object"], item["address"], item["name"]) == (0x1A2, 720, "p720[5]")


def test_unknown_syntax_and_padding_between_addresses():
    row = ask(read_var(hexed("12 05 99 01020304 00"), any_item(2, 1, 0, 0x83, 4)))
    assert row.items[0]["name"] == "syntax 0x99" and row.items[1]["address"] == 4


def test_read_answer_keeps_values_for_pairing():
    data = (
        value(0xFF, 4, b"\x01") + value(0x0A, 0, b"") + value(0xFF, 3, b"\x01") + value(0xFF, 7, b"\0\0\0\1", pad=False)
    )
    row = answer(reply(b"\x04\x04", data))
    assert (row.kind, row.status, row.own["item_count"]) == (Kind.RESPONSE, 0, 4)
    plain = {"dtype": DType.NONE, "step": 0, "status": 0xFF}
    assert row.items == [
        plain | {"data": "01"},
        {"status": 0x0A},
        plain | {"data": "01"},
        plain | {"data": "00000001"},
    ]
    assert "fault" not in row.cells


def test_every_item_refused_is_still_an_answer():
    row = answer(reply(b"\x04\x02", hexed("0a000000 05000000")))
    assert row.kind == Kind.RESPONSE and [i["status"] for i in row.items] == [0x0A, 5]


def test_answer_with_an_array_of_nck_addresses():
    row = answer(reply(b"\x04\x01", hexed("ff 11 12 08 82 41 0078 0001 7f 01")))
    assert row.items[0]["object"] == 0x182


def test_write_request_has_values_and_their_types():
    addresses = any_item(1, 1, 0, 0x82, 3, 6) + any_item(5, 2, 4, 0x84, 10)
    row = ask(job(b"\x05\x02" + addresses, value(0, 3, b"\x01") + value(0, 4, b"\x00\x01\xff\xff")))
    assert (row.operation, row.activity) == ("write_var", Activity.WRITE)
    assert row.items == [
        {"object": 0x82, "address": 3, "bit": 6, "quantity": 1, "dtype": DType.BOOL, "step": 1, "data": "01"},
        {"object": 0x84, "block": 4, "address": 10, "quantity": 2, "dtype": DType.I16, "step": 2, "data": "0001ffff"},
    ]
    single = ask(job(b"\x05\x01" + any_item(8, 1, 0, 0x83, 16), value(0, 7, b"\x41\x20\0\0")))
    assert (single.object, single.address, single.quantity) == (0x83, 16, 1) and "block" not in single.cells


def test_write_answer_has_a_status_for_each_item():
    row = answer(reply(b"\x05\x03", b"\xff\x03\x05"))
    assert [i["status"] for i in row.items] == [0xFF, 3, 5]
    assert {s7comm.STATUSES[i["status"]] for i in row.items} >= {"Success"}


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (job(b"\x04\x02" + any_item(2, 1, 0, 0x83, 0)), Fault.LENGTH),  # fewer addresses than told
        (job(b"\x04\xff"), Fault.LENGTH),
        (job(b"\x04\x01\x13\x0a\x10" + bytes(9)), Fault.IDENTIFIER),
        (job(b"\x04\x01\x12\xff\x10" + bytes(9)), Fault.LENGTH),
        (job(b"\x04\x01\x12\x00"), Fault.LENGTH),
        (job(b"\x05\x02" + any_item(2, 1, 0, 0x83, 0) * 2, value(0, 4, b"\x01")), Fault.COUNT),
        (job(b"\x05\x01" + any_item(2, 1, 0, 0x83, 0), b"\x00\x04\xff\xff\x01"), Fault.LENGTH),
        (job(b"\x05\x01" + any_item(2, 1, 0, 0x83, 0), b"\x00"), Fault.LENGTH),
        (reply(b"\x04\x01", b"\xff\x04\xff\xf8\x01"), Fault.LENGTH),
        (reply(b"\x04\x05", value(0xFF, 4, b"\1\2")), Fault.LENGTH),
        (reply(b"\x04\x01", value(0xFF, 4, b"\1\2") + b"\x99"), Fault.TRAILING),
        (reply(b"\x05\x09", b"\xff"), Fault.LENGTH),
        (job(b"\xf0\x00"), Fault.LENGTH),
        (job(b"\x28\x00"), Fault.LENGTH),
        (job(b"\x29" + bytes(5) + b"\xff"), Fault.LENGTH),
        (job(b"\x1d\x00" + bytes(6) + b"\xff_0A"), Fault.LENGTH),
        (job(b"\x1d\x00" + bytes(6) + b"\x09_XX00001P"), Fault.VALUE),
        (job(b"\x1d\x00" + bytes(6) + b"\x09_0A0-001P"), Fault.VALUE),
        (reply(b"\x1e\x00", b"\xff\xff\x00\xfb"), Fault.LENGTH),
        (pdu(7, b"\x00\x01\x12\x04"), Fault.LENGTH),
        (ud_request(4, 1, b"\x00"), Fault.LENGTH),
        (ud_request(0x3E, 1), Fault.FUNCTION),
        (ud_request(4, 0x77), Fault.FUNCTION),
        (ud_answer(4, 1, b"", kind=0xC0), Fault.VALUE),
        (pdu(7, hexed("0001120411440100"), b"\xff\x09\x40\x00\x00\x11"), Fault.LENGTH),
        (pdu(7, hexed("0001120411440100"), b"\xff\x09"), Fault.LENGTH),
    ],
)
def test_odd_content_is_a_fault_of_its_row(packet, fault):
    assert ask(packet).fault == fault


# -- identification --------------------------------------------------------------------------------------------------

IDS = [f"{k}-{packet[1]}" for k, packet in enumerate(SAMPLES)]


@pytest.mark.parametrize("packet", SAMPLES, ids=IDS)
def test_every_sample_is_s7comm(packet):
    assert s7comm.probe(Reader(packet), Direction.UNKNOWN) == Verdict.YES


@pytest.mark.parametrize(
    ("packet", "verdict"),
    [
        (b"\x72\x01\x00\x04" + bytes(20), Verdict.NO),  # S7comm-plus
        (b"\x32\x05" + SETUP[2:], Verdict.NO),
        (b"\x32\x01\x00\x01" + SETUP[4:], Verdict.MAYBE),
        (b"\x32\x01\x00\x01" + SETUP[4:] + b"\x00", Verdict.NO),
        (job(b""), Verdict.NO),
        (job(b"\x77"), Verdict.MAYBE),
        (reply(b"", error=0), Verdict.NO),
        (reply(b"", error=0x8500), Verdict.MAYBE),
        (pdu(7, b"\x00\x01"), Verdict.NO),
        (pdu(7, b"\x00\x02\x12\x04\x11\x44\x01\x00"), Verdict.NO),
        (b"", None),
        (SETUP[:9], None),
        (SETUP[:-1], None),
        (b"\x0d\x03\x05\x01\x01" + bytes(20), Verdict.NO),
        (b"20 characters of text", Verdict.NO),
    ],
)
def test_probe(packet, verdict):
    if verdict is None:
        with pytest.raises(Short):
            s7comm.probe(Reader(packet), Direction.UNKNOWN)
    else:
        assert s7comm.probe(Reader(packet), Direction.UNKNOWN) == verdict


@pytest.mark.parametrize(
    ("packet", "direction"),
    [
        (SETUP, Direction.TO_SERVER),
        (reply(b"\x04\x01"), Direction.TO_CLIENT),
        (transfer(0x1B, name=b"_0A00001P"), Direction.TO_CLIENT),
        (transfer(0x1C, name=b"_0A00001P"), Direction.TO_CLIENT),
        (transfer(0x1E, 1), Direction.TO_SERVER),
        (piece(0x1B, b"x", False, 1), Direction.TO_SERVER),
        (pdu(2, b"", error=0xD20C), Direction.UNKNOWN),
        (ud_request(4, 1, bytes(4)), Direction.TO_SERVER),
        (ud_answer(4, 1, bytes(4)), Direction.TO_CLIENT),
        (ud_push(4, 3, bytes(20)), Direction.UNKNOWN),
        (ud_request(6, 1, bytes(8)), Direction.UNKNOWN),
        (ud_request(0x3F, 1, b"x"), Direction.UNKNOWN),
        (b"\x72", Direction.UNKNOWN),
        (b"", Direction.UNKNOWN),
    ],
)
def test_orient(packet, direction):
    assert s7comm.orient(Reader(packet)) == direction
    # and so through the carrier
    if len(packet) > 20:
        tpkt = b"\x03\x00" + (len(packet) + 7).to_bytes(2, "big") + b"\x02\xf0\x80" + packet
        assert cotp.orient(Reader(tpkt)) == direction


# -- framing and hostile input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("packet", [b"\x72" + SETUP[1:], b"\x32\x04" + SETUP[2:]])
def test_other_protocols_are_malformed(packet):
    with pytest.raises(Malformed):
        ask(packet)


@pytest.mark.parametrize("packet", SAMPLES, ids=IDS)
def test_each_sample_cut_at_each_length_asks_for_more(packet):
    for n in range(len(packet)):
        feed = Feed()
        with pytest.raises(Short):
            feed(ASK, packet[:n])
        assert feed.out.messages.n == 0 and feed.out.shared == {} and feed.slots == ({}, {})


@pytest.mark.parametrize("packet", SAMPLES, ids=IDS)
def test_lengths_that_lie_are_faults(packet):
    """The content cut at each length, with a header that fits what is left: never an exception."""
    header = 12 if packet[1] in (2, 3) else 10
    parameters = int.from_bytes(packet[6:8], "big")
    body = packet[header:]
    for n in range(len(body)):
        split = min(n, parameters)
        cut = packet[:6] + split.to_bytes(2, "big") + (n - split).to_bytes(2, "big") + packet[10:header] + body[:n]
        Feed()(ASK, cut)


def test_glued_messages_are_taken_one_by_one():
    feed = Feed()
    feed.out.slot = {}
    feed.out.at(1, 1, 0, 1, 1, 0, 0)
    r = Reader(b"".join(SAMPLES))
    for packet in SAMPLES:
        start = r.pos
        s7comm.parse(r, feed.out)
        assert r.pos - start == len(packet)


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.sampled_from(range(len(SAMPLES))), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(2, 140), st.integers(0, 255)), max_size=8),
)
def test_mutations_raise_nothing_but_short_and_malformed(chosen, changes):
    feed = Feed()
    for number in chosen:
        mutated = bytearray(SAMPLES[number])
        for place, octet in changes:
            if place < len(mutated):
                mutated[place] = octet
        for call in (lambda r: s7comm.probe(r, 2), s7comm.orient):
            try:
                call(Reader(bytes(mutated)))
            except Short:
                pass
        feed.out.slot = feed.slots[0]
        feed.out.at(1, 1, 0, 1, 1, 0, 0)
        r = Reader(bytes(mutated))
        try:
            s7comm.parse(r, feed.out)
            assert r.pos > 0 and r.narrowed == 0
        except (Short, Malformed):
            pass


# -- real captures ---------------------------------------------------------------------------------------------------


def tcp_payloads(path):
    """(source port, payload) of the TCP segments of a capture; scapy reads it, not our own sources."""
    scapy = pytest.importorskip("scapy.all")
    for packet in scapy.PcapReader(str(path)):
        if scapy.TCP in packet and scapy.IP in packet:
            ip, tcp = packet[scapy.IP], packet[scapy.TCP]
            length = ip.len - 4 * ip.ihl - 4 * tcp.dataofs
            if length > 0:
                yield tcp.sport, bytes(tcp.payload)[:length]


def s7_rows(path) -> tuple[Feed, list[tuple[int, Row]]]:
    """Rows of a capture whose segments hold whole TPKTs, in order; (source port, row)."""
    feed = Feed()
    found = []
    for sport, payload in tcp_payloads(path):
        at = 0
        while at + 7 < len(payload):
            length = int.from_bytes(payload[at + 2 : at + 4], "big")
            if payload[at + 5] == 0xF0 and length > 7:
                found.append((sport, feed(ASK if sport != 102 else ANSWER, payload[at + 7 : at + length])))
            at += length
    return feed, found


def captures(*names: str):
    from conftest import CAPTURES, NO_CAPTURES

    paths = [CAPTURES / "s7comm" / name for name in names]
    if not all(path.exists() for path in paths):
        pytest.skip(NO_CAPTURES)
    return paths[0] if len(paths) == 1 else paths


def zeek(path) -> list[dict[str, str]]:
    names: list[str] = []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
        elif not line.startswith("#"):
            rows.append(dict(zip(names, line.split("\t"), strict=True)))
    return rows


@pytest.mark.parametrize("name", ["snap7", "s7ident"])
def test_rows_agree_with_the_zeek_log(name):
    path = captures(f"icsnpp-s7comm__{name}.pcap")
    _, rows = s7_rows(path)
    logged = zeek(path.parent / f"expected/{path.name}/analyzer.{name}.s7comm.log")
    keyed = {(sport == 102, row.own["rosctr"], row.own["pdu_reference"]): row for sport, row in rows}
    assert len(rows) == {"snap7": 64, "s7ident": 22}[name]
    for entry in logged:
        # Zeek reads the reference the other way round.
        reference = int.from_bytes(int(entry["pdu_reference"]).to_bytes(2, "little"), "big")
        row = keyed[(entry["is_orig"] == "F", int(entry["rosctr_code"]), reference)]
        if entry["rosctr_code"] == "7":
            assert f"0x{(row.own['ud_type'] << 4) | row.own['ud_group']:02x}" == entry["function_code"]
            assert f"0x{row.own['ud_subfunction']:02x}" == entry["subfunction_code"]
        elif entry["function_code"] != "-":
            assert f"0x{row.function:02x}" == entry["function_code"]
            if entry["function_code"] == "0x28" and entry["subfunction_code"] != "-":
                assert row.own["pi_service"] == entry["subfunction_code"]


def test_transfers_agree_with_the_zeek_log():
    path = captures("icsnpp-s7comm__snap7.pcap")
    _, rows = s7_rows(path)
    keyed = {(row.own["rosctr"], row.own["pdu_reference"]): row for _, row in rows}
    for entry in zeek(path.parent / f"expected/{path.name}/analyzer.snap7.s7comm_upload_download.log"):
        reference = int.from_bytes(int(entry["pdu_reference"]).to_bytes(2, "little"), "big")
        row = keyed[(1 if entry["rosctr"] == "Job-Request" else 3, reference)]
        if entry["filename"] != "-":
            assert row.own["filename"] == entry["filename"]
            assert row.own["block_number"] == int(entry["block_number"])
        if entry["blocklength"] != "-":
            assert row.own["block_length"] == int(entry["blocklength"])
        if entry["session_id"] != "-":
            assert row.own["transfer_id"] == int(entry["session_id"])


def test_identity_of_a_station():
    path = captures("icsnpp-s7comm__s7ident.pcap")
    feed, _ = s7_rows(path)
    facts = feed.facts()
    (logged,) = zeek(path.parent / f"expected/{path.name}/analyzer.s7ident.s7comm_known_devices.log")
    assert facts["name"] == [logged["automation_system_name"], logged["module_name"]]
    assert facts["serial"] == [logged["module_serial"]]
    assert facts["order_number"] == ["6ES7 315-2EH14-0AB0"] and facts["firmware"] == ["V3.2.6"]


def test_download_of_a_data_block():
    feed, rows = s7_rows(captures("ct-samples__s7comm_downloading_block_db1.pcap"))
    assert feed.facts()["program"] == ["DB1 version 0.1 checksum c0df TWI TestHMI DATADB"]
    whole = [row for _, row in rows if "block_sha256" in row.own]
    assert [row.own["block_length"] for row in whole] == [500]
    assert [row.operation for _, row in rows if row.operation.startswith("pi_")][0] == "pi_insert_block"


def test_techniques_exist():
    bundle = captures("../../knowledge/ics-attack-18.1.json.zst")
    zstandard = pytest.importorskip("zstandard")
    with bundle.open("rb") as stream:
        content = json.loads(zstandard.ZstdDecompressor().stream_reader(stream).read())
    known = {
        reference["external_id"]
        for entry in content["objects"]
        if entry["type"] == "attack-pattern" and not entry.get("revoked") and not entry.get("x_mitre_deprecated")
        for reference in entry["external_references"]
        if reference.get("source_name") == "mitre-attack"
    }
    assert {operation.technique for operation in s7comm.OPERATIONS.values()} - {""} <= known
