"""DNP3: identification, data link, transport function, application functions, hostile input, captures."""

import json
import os
import struct
from pathlib import Path

import pytest
from dnp3_samples import (
    BACK,
    LONG,
    MASTER,
    OUTSTATION,
    SECRET,
    TIME,
    Run,
    answer,
    attribute,
    code,
    crc,
    crob,
    file_command,
    header,
    link,
    one,
    request,
    run,
    segments,
    sized,
)

from parsers import _dnp3_tables as tables
from parsers import dnp3
from sentinel.model import Activity, Direction, Fault, Kind, Verdict
from sentinel.schema import TYPES
from sentinel.wire.reader import Malformed, Reader, Short

# -- declarations ----------------------------------------------------------------------------------------------


def test_declarations_are_complete():
    assert (dnp3.NAME, dnp3.TRANSPORTS) == ("dnp3", ("tcp", "udp"))
    assert len(dnp3.TABLE) <= 62  # one validity mask of 64 bits holds them all
    assert all(column.type in TYPES and column.sentence.endswith(".") for column in dnp3.TABLE)
    assert len({column.name for column in dnp3.TABLE}) == len(dnp3.TABLE)
    assert set(range(34)) | {129, 130, 131} <= set(dnp3.OPERATIONS)
    names = [operation.name for operation in dnp3.OPERATIONS.values()]
    assert len(set(names)) == len(names) and all(name == name.lower() for name in names)
    assert all(0 <= key < 65536 for key in dnp3.OPERATIONS)
    assert 0 not in dnp3.OBJECTS and len(set(dnp3.OBJECTS.values())) == len(dnp3.OBJECTS)
    assert dnp3.OBJECTS[code(1, 2)] == "binary_input g1v2"
    assert dnp3.OBJECTS[252] == "device_attribute_manufacturer g0v252"


@pytest.mark.parametrize("group", [*range(5), *range(10, 14), *range(20, 24), *range(30, 35), *range(40, 44), 50,
                                   51, 52, 60, 70, 80, 81, 82, 83, 85, 86, 87, 88, 90, 91, 100, 101, 102, 110, 111,
                                   112, 113, 120, 121, 122])  # fmt: skip
def test_every_object_group_has_names(group):
    assert any(key >> 8 == group for key in dnp3.OBJECTS)


def test_crc_matches_bitwise_twin_and_check_value():
    assert crc(b"123456789") == b"\x82\xea"  # the check value of CRC-16/DNP is 0xEA82
    for n in range(256):
        value = n
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
        assert dnp3.CRC_TABLE[n] == value


# -- identification --------------------------------------------------------------------------------------------


def test_probe_and_orientation():
    frame = request(1, header(60, 1, 6))
    assert dnp3.probe(Reader(frame), Direction.UNKNOWN) == Verdict.YES
    assert dnp3.probe(Reader(frame[:10]), Direction.UNKNOWN) == Verdict.YES
    assert dnp3.orient(Reader(frame)) == Direction.TO_SERVER
    assert dnp3.orient(Reader(answer())) == Direction.TO_CLIENT
    assert dnp3.orient(Reader(frame[:3])) == Direction.UNKNOWN


@pytest.mark.parametrize("n", range(10))
def test_probe_waits_where_the_beginning_fits(n):
    with pytest.raises(Short):
        dnp3.probe(Reader(request(1)[:n]), Direction.UNKNOWN)


@pytest.mark.parametrize("data", [
    b"\x06", b"\x05\x65", b"HTTP/1.1 200 OK", b"\x05\x64\x04",
    link(control=0xC5)[:4], link(control=0x85)[:4],
    link(length=4), link()[:8] + b"\0\0",
    bytes(64),
])  # fmt: skip
def test_probe_refuses(data):
    assert dnp3.probe(Reader(data), Direction.UNKNOWN) == Verdict.NO


# -- link layer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("control", "operation"), [
    (0xC0, "link_reset"), (0xC1, "link_reset_user"), (0xD2, "link_test"), (0xC9, "link_request_status"),
    (0x00, "link_ack"), (0x01, "link_nack"), (0x0B, "link_status"), (0x0E, "link_not_functioning"),
    (0x0F, "link_not_supported"),
])  # fmt: skip
def test_link_functions(control, operation):
    message = one(link(control=control))
    assert (message["kind"], message["operation"]) == (Kind.LINK, operation)
    assert "fault" not in message and "function" not in message and "transport_seq" not in message
    assert message["unit"] == (OUTSTATION if control & 0x80 else MASTER)
    assert (message["link_src"], message["link_dst"]) == (MASTER, OUTSTATION)
    assert message["link_function"] == control & 15 and message["link_length"] == 5
    assert message["link_dir"] == control >> 7 and message["link_prm"] == control >> 6 & 1


def test_link_bits():
    first = one(link(control=0xF2))
    assert (first["link_fcb"], first["link_fcv"]) == (1, 1) and "link_dfc" not in first
    second = one(link(control=0x10))
    assert second["link_dfc"] == 1 and "link_fcb" not in second


@pytest.mark.parametrize("control", [0xC5, 0xC8, 0xCF, 0x82, 0x8A])
def test_undefined_link_function_is_a_fault(control):
    message = one(link(control=control))
    assert (message["operation"], message["fault"]) == ("link_unknown", Fault.FUNCTION)


def test_link_frames_with_too_much_or_too_little_data():
    assert one(link(b"\xc0\xc1\x01", control=0xC9))["fault"] == Fault.LENGTH
    assert one(link(control=0xC4))["fault"] == Fault.LENGTH


@pytest.mark.parametrize("dst", [0xFFFD, 0xFFFE, 0xFFFF])
def test_broadcast(dst):
    message = one(request(13, dst=dst))
    assert (message["broadcast"], message["unit"], message["operation"]) == (1, dst, "cold_restart")
    assert one(request(13, dst=0xFFFC))["broadcast"] == 0


def test_addresses_zero_are_addresses():
    message = one(request(1, header(60, 1, 6), dst=0, src=0))
    assert (message["unit"], message["link_src"], message["link_dst"]) == (0, 0, 0)


def test_wrong_header_crc_is_no_frame():
    frame = bytearray(request(1, header(60, 1, 6)))
    frame[8] ^= 1
    with pytest.raises(Malformed) as error:
        dnp3.parse(Reader(bytes(frame)), Run().out)
    assert error.value.args[0] == Fault.CHECKSUM


@pytest.mark.parametrize("data", [b"\x05\x65", b"x", b"junk and more", link(length=4)])
def test_what_is_no_frame_is_malformed(data):
    with pytest.raises(Malformed):
        dnp3.parse(Reader(data), Run().out)


@pytest.mark.parametrize("block", [0, 1, 2])
def test_wrong_block_crc_discards_the_frame(block):
    frame = bytearray(answer(header(30, 3, 0, 0, 7) + bytes(32)))
    frame[10 + 18 * block] ^= 0x80
    got = run(bytes(frame), request(1))
    bad, good = got.messages()
    assert (bad["kind"], bad["operation"], bad["fault"]) == (Kind.MALFORMED, "bad_frame", Fault.CHECKSUM)
    assert bad["link_src"] == OUTSTATION and bad["unit"] == OUTSTATION
    assert good["operation"] == "read" and not got.points()


def test_every_single_bit_error_is_seen():
    frame = request(5, header(12, 1, 0x28, 1) + b"\x07\0" + crob())
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        got = Run()
        try:
            assert got.feed(bytes(broken)) == b"" or broken[2] != frame[2]
        except Malformed:
            continue
        assert all(m["kind"] == Kind.MALFORMED for m in got.messages())


# -- transport function ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 5, 60])
@pytest.mark.parametrize("size", [1, 16, 249])
def test_fragments_are_put_together(size, first):
    frames = segments(LONG, size, first, **BACK)
    got = run(*frames)
    (message,) = got.messages()
    assert message["segments"] == len(frames) and message["transport_seq"] == (first + len(frames) - 1) % 64
    assert (message["first_frame"], message["frame"]) == (1, len(frames))
    assert message["length"] == sum(map(len, frames))
    assert [p["value"] for p in got.points()] == list(range(500))
    assert "fault" not in message and not got.faults() and not got.out.slot["open"]


def test_byte_by_byte():
    stream = b"".join([*segments(LONG, 249, **BACK), link(control=0x0B), answer(iin=0x9000)])
    got = Run()
    tail = b""
    for octet in stream:
        tail = got.feed(tail + bytes([octet]))
    assert tail == b""
    assert [m["operation"] for m in got.messages()] == ["response", "link_status", "response"]
    assert len(got.points()) == 500


def test_glued_frames_in_one_segment_or_datagram():
    got = run(request(1, header(60, 2, 6)) + request(1, header(60, 3, 6), seq=2) + link(control=0xC9))
    assert [m["operation"] for m in got.messages()] == ["read", "read", "link_request_status"]


def test_fragments_of_several_outstations_interleave():
    frames = [segments(LONG, 249, n, control=0x44, dst=MASTER, src=100 + n) for n in range(dnp3.MAX_OPEN)]
    got = run(*(frame for group in zip(*frames, strict=True) for frame in group))
    assert [m["unit"] for m in got.messages()] == [100 + n for n in range(dnp3.MAX_OPEN)]
    assert not got.faults() and len(got.points()) == 500 * dnp3.MAX_OPEN


def test_open_fragments_are_capped():
    got = Run()
    for n in range(dnp3.MAX_OPEN + 4):
        got.feed(segments(LONG, 249, control=0x44, dst=MASTER, src=n)[0])
    assert len(got.out.slot["open"]) == dnp3.MAX_OPEN
    assert got.faults() == [Fault.TOO_LARGE] * 4


def test_fragment_size_is_capped():
    got = Run()
    fragment = bytes([0xC1, 129, 0, 0]) + bytes(dnp3.MAX_FRAGMENT + 1000)
    for frame in segments(fragment, 249, **BACK):
        got.feed(frame)
    assert got.faults()[0] == Fault.TOO_LARGE and set(got.faults()[1:]) == {Fault.SEQUENCE}
    assert not got.messages() and not got.out.slot["open"]


def test_lost_segment_discards_the_fragment():
    frames = segments(LONG, 249, **BACK)
    got = run(*frames[:2], *frames[3:], *segments(LONG, 249, 9, **BACK))
    (message,) = got.messages()
    assert message["segments"] == len(frames) and set(got.faults()) == {Fault.SEQUENCE}


def test_segment_without_a_first_one():
    got = run(*segments(LONG, 249, **BACK)[3:5])
    assert not got.messages() and got.faults() == [Fault.SEQUENCE] * 2


def test_unfinished_fragment_is_told_and_the_new_one_is_read():
    frames = segments(LONG, 249, **BACK)
    got = run(*frames[:3], *segments(LONG, 249, 20, **BACK))
    assert len(got.messages()) == 1 and got.faults() == [Fault.SEQUENCE]


def test_repeated_segment_is_passed_over():
    frames = segments(LONG, 249, **BACK)
    got = run(frames[0], frames[0], frames[1], frames[1], *frames[2:])
    assert len(got.messages()) == 1 and not got.faults() and len(got.points()) == 500


def test_frame_too_short_for_an_application_header():
    assert one(link(b"\xc0\xc1\x81", control=0x44))["fault"] == Fault.LENGTH
    message = one(link(b"\xc0\xc1"))
    assert (message["kind"], message["fault"]) == (Kind.MALFORMED, Fault.SHORT)


# -- application functions -------------------------------------------------------------------------------------

FUNCTIONS = [
    "confirm", "read", "write", "select", "operate", "direct_operate", "direct_operate_no_ack", "immediate_freeze",
    "immediate_freeze_no_ack", "freeze_and_clear", "freeze_and_clear_no_ack", "freeze_at_time",
    "freeze_at_time_no_ack", "cold_restart", "warm_restart", "initialize_data", "initialize_application",
    "start_application", "stop_application", "save_configuration", "enable_unsolicited", "disable_unsolicited",
    "assign_class", "delay_measure", "record_current_time", "open_file", "close_file", "delete_file",
    "get_file_info", "authenticate_file", "abort_file", "activate_configuration", "authentication_request",
    "authentication_request_no_ack",
]  # fmt: skip


UNANSWERED = (6, 8, 10, 12, 33)  # clause 4.2.2: "no acknowledgement"


@pytest.mark.parametrize("function", range(34))
def test_request_functions(function):
    message = one(request(function, seq=function % 16))
    assert message["operation"] == FUNCTIONS[function] and message["function"] == function
    assert message["kind"] == (Kind.CONFIRM if function == 0 else Kind.REQUEST)
    assert message["transaction"] == message["app_seq"] == function % 16
    assert message["unit"] == OUTSTATION and message["shape"] == (-1 if function in UNANSWERED else 0)
    assert "status" not in message and "iin" not in message and "fault" not in message


@pytest.mark.parametrize(("function", "kind", "operation"), [
    (129, Kind.RESPONSE, "response"), (130, Kind.UNSOLICITED, "unsolicited_response"),
    (131, Kind.RESPONSE, "authentication_response"),
])  # fmt: skip
def test_response_functions(function, kind, operation):
    message = one(answer(function=function, seq=7, app=0xF0))
    assert (message["kind"], message["operation"], message["transaction"]) == (kind, operation, 7)
    assert message["unit"] == OUTSTATION and message["shape"] == 0 and message["status"] == 0 and message["iin"] == 0
    assert [message[name] for name in ("app_fir", "app_fin", "app_con", "app_uns")] == [1, 1, 1, 1]
    assert "iin_text" not in message


def test_request_and_response_pair():
    asked, told = run(request(1, header(60, 1, 6), seq=9), answer(seq=9)).messages()
    for name in ("unit", "transaction", "shape"):
        assert asked[name] == told[name]


@pytest.mark.parametrize("function", [34, 127, 128, 132, 255])
def test_undefined_function(function):
    message = one(request(function, b"\xff\xff\xff", control=0xC4 if function < 128 else 0x44))
    assert (message["operation"], message["fault"]) == ("unknown_function", Fault.FUNCTION)
    assert message["function"] == function


def test_direction_bit_against_function():
    message = one(request(14, control=0x44))
    assert (message["operation"], message["fault"], message["unit"]) == ("warm_restart", Fault.VALUE, OUTSTATION)


@pytest.mark.parametrize("bit", range(16))
def test_internal_indications(bit):
    octet, name = divmod(bit, 8)
    iin = 1 << name + (8 if octet == 0 else 0)
    message = one(answer(iin=iin))
    assert message["iin"] == iin
    assert message["iin_text"] == (tables.IIN1 if octet == 0 else tables.IIN2)[name]
    assert message["status"] == (0 if octet == 0 else iin & 0x3F)


def test_internal_indications_together():
    message = one(answer(iin=0x9006))
    assert message["iin_text"] == "NEED_TIME|DEVICE_RESTART|OBJECT_UNKNOWN|PARAMETER_ERROR"
    assert dnp3.STATUSES[message["status"]] == "OBJECT_UNKNOWN|PARAMETER_ERROR"


@pytest.mark.parametrize(("function", "objects", "operation", "activity"), [
    (2, header(50, 1, 7, 1) + TIME, "write_time", Activity.TIME),
    (2, header(50, 3, 7, 1) + TIME, "write_time", Activity.TIME),
    (2, header(80, 1, 0, 7, 7) + b"\0", "write_iin", Activity.WRITE),
    (2, header(34, 1, 0, 0, 0) + b"\x05\0", "write_deadband", Activity.CONFIGURE),
    (2, header(0, 247, 0, 0, 0) + b"\x01\x02ab", "write_attribute", Activity.CONFIGURE),
    (2, sized(70, 5, bytes(8)), "write_file", Activity.FILE),
    (2, header(110, 2, 0, 0, 0) + b"ab", "write", Activity.WRITE),
    (1, sized(70, 5, bytes(8)), "read_file", Activity.FILE),
    (1, header(0, 254, 0, 0, 0), "read_attribute", Activity.IDENTIFY),
    (1, header(120, 3, 7, 1) + bytes(6) + header(0, 255, 6), "read_attribute", Activity.IDENTIFY),
])  # fmt: skip
def test_reads_and_writes_that_are_more(function, objects, operation, activity):
    message = one(request(function, objects))
    assert message["operation"] == operation and message["function"] == function and "fault" not in message
    assert next(o for o in dnp3.OPERATIONS.values() if o.name == operation).activity == activity


def test_restarts_and_modes_name_their_technique():
    techniques = {operation.name: operation.technique for operation in dnp3.OPERATIONS.values() if operation.technique}
    assert techniques["cold_restart"] == techniques["warm_restart"] == "T0816"
    assert techniques["stop_application"] == techniques["start_application"] == "T0858"
    assert "read" not in techniques and "disable_unsolicited" not in techniques


# -- hostile input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("objects", "fault"), [
    (b"\x01", Fault.LENGTH), (b"\x01\x02", Fault.LENGTH), (header(1, 2, 0), Fault.LENGTH),
    (header(1, 2, 0, 5, 4), Fault.COUNT), (header(1, 2, 2, 0xFFFFFFFF, 0), Fault.COUNT),
    (header(1, 2, 2, 0, 0xFFFFFFFF), Fault.LENGTH), (header(1, 1, 2, 0, 0xFFFFFFFF), Fault.LENGTH),
    (header(3, 1, 2, 0, 0xFFFFFFFF), Fault.LENGTH), (header(12, 1, 9, 0xFFFFFFFF), Fault.LENGTH),
    (header(41, 4, 0x39, 0xFFFFFFFF), Fault.LENGTH), (header(110, 255, 9, 0xFFFFFFFF), Fault.LENGTH),
    (header(0, 252, 9, 0xFFFFFFFF), Fault.LENGTH), (header(121, 1, 9, 0xFFFFFFFF), Fault.LENGTH),
    (header(70, 5, 0x69, 0xFFFFFFFF), Fault.LENGTH), (header(120, 1, 0x6B, 255) + b"\xff\xff\xff\xff", Fault.LENGTH),
    (header(1, 2, 0x80, 0, 0), Fault.VALUE), (header(1, 2, 0x70, 0, 0), Fault.VALUE),
    (header(1, 2, 0x0A), Fault.VALUE), (header(1, 2, 0x0C), Fault.VALUE), (header(1, 2, 0x1B, 1), Fault.VALUE),
    (header(200, 1, 0, 0, 0), Fault.VALUE), (header(30, 99, 0, 0, 0), Fault.VALUE),
    (header(1, 0, 0, 0, 0), Fault.VALUE),
    (header(110, 0, 0, 0, 0), Fault.VALUE), (header(120, 3, 7, 2), Fault.VALUE), (header(120, 16, 7, 1), Fault.VALUE),
    (header(70, 3, 7, 1), Fault.VALUE), (header(12, 9, 7, 1), Fault.VALUE),
])  # fmt: skip
def test_hostile_objects(objects, fault):
    got = run(answer(objects), answer(header(1, 2, 0, 0, 0) + b"\x01"))
    bad, good = got.messages()
    assert (bad["fault"], bad["kind"]) == (fault, Kind.RESPONSE) and bad["status"] == 0
    assert "fault" not in good and len(got.points()) == 1


def test_unknown_objects_are_named_and_skipped_where_they_bring_their_size():
    got = run(answer(sized(200, 7, b"xyz") + header(1, 2, 0, 0, 0) + b"\x81"))
    assert "fault" not in got.messages()[0]
    items = [(i["object"], i.get("name")) for i in got.items()]
    assert items == [(tables.UNKNOWN_OBJECT, "g200v7"), (code(1, 2), None)]
    assert {item["object"] for item in got.items()} <= set(dnp3.OBJECTS)


def test_points_and_items_stay_within_their_caps():
    objects = (header(60, 1, 6)) * 20000
    got = run(*segments(bytes([0xC1, 1]) + objects, 249))
    assert got.messages()[0]["headers"] == 20000 and len(got.items()) <= 4096
    objects = header(1, 1, 2, 0, 400_000) + bytes(50_001)
    got = run(*segments(bytes([0xC1, 129, 0, 0]) + objects, 249, **BACK))
    assert "fault" not in got.messages()[0] and len(got.points()) <= 1 << 16


SAMPLES = {
    "crob": request(5, header(12, 1, 0x28, 2) + b"\x01\0" + crob() + b"\x02\0" + crob(4)),
    "file": request(25, file_command()),
    "events": answer(header(51, 1, 7, 1) + TIME + header(2, 3, 0x17, 2) + b"\x01\x81\0\0\x02\x01\x05\0"),
    "attributes": answer(attribute(252, b"Maker") + attribute(240, b"\x00\x08", 2)),
    "auth": request(32, sized(120, 10, struct.pack("<BBIHHHHH", 3, 1, 9, 1, 30, 3, 4, 6) + b"bob" + SECRET)),
    "strings": answer(header(110, 5, 0, 0, 2) + b"helloworldagain"),
    "statistics": answer(header(122, 2, 0x28, 1) + b"\x04\0\x01" + bytes(12)),
    "values": answer(header(30, 5, 0, 0, 3) + bytes(20) + header(20, 1, 1, 0, 1) + bytes(10)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_frames_cut_at_each_length(name):
    frame = SAMPLES[name]
    for n in range(len(frame)):
        got = Run()
        assert got.feed(frame[:n]) == frame[:n]
        assert not got.messages() and not got.points() and not got.faults()


@pytest.mark.parametrize("name", SAMPLES)
def test_fragments_cut_at_each_length(name):
    whole = SAMPLES[name]
    control, dst, src = struct.unpack("<BHH", whole[3:8])
    body = b"".join(whole[i : i + 16] for i in range(10, len(whole), 18))[: whole[2] - 5]
    for n in range(1, len(body)):
        got = run(link(body[:n], control, dst, src))
        assert len(got.messages()) == 1
    rest = run(whole).messages()[0]
    assert "fault" not in rest


@pytest.mark.parametrize("name", SAMPLES)
def test_any_octet_may_be_any_value(name):
    whole = SAMPLES[name]
    control, dst, src = struct.unpack("<BHH", whole[3:8])
    body = b"".join(whole[i : i + 16] for i in range(10, len(whole), 18))[: whole[2] - 5]
    for at in range(len(body)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            changed = body[:at] + bytes([value]) + body[at + 1 :]
            run(link(changed, control, dst, src))


def test_random_fragments_raise_nothing():
    hypothesis = pytest.importorskip("hypothesis")
    binary = hypothesis.strategies.binary

    @hypothesis.settings(max_examples=300, deadline=None, database=None)
    @hypothesis.given(binary(min_size=0, max_size=120), hypothesis.strategies.integers(0, 255))
    def check(objects, function):
        run(request(function, objects, control=0xC4 if function < 128 else 0x44))

    check()


# -- whole captures, where they are at hand --------------------------------------------------------------------

CAPTURES = Path(os.environ.get("SENTINEL_CAPTURES", Path(__file__).resolve().parents[2] / "shared" / "captures"))


@pytest.mark.skipif(not (CAPTURES / "dnp3").is_dir(), reason="no folder of captures (SENTINEL_CAPTURES)")
def test_datagram_capture_against_the_expected_log():
    scapy = pytest.importorskip("scapy.all")
    name = "zeek__dnp3_udp_select_operate.pcap"
    got = Run()
    for n, packet in enumerate(scapy.PcapReader(str(CAPTURES / "dnp3" / name)), 1):
        if packet.haslayer("UDP"):
            data = bytes(packet["UDP"].payload)[: packet["UDP"].len - 8]
            assert got.feed(data, n) == b""
    log = next((CAPTURES / "dnp3" / "expected" / name).glob("*.log")).read_text().splitlines()
    rows = [line.split("\t") for line in log if not line.startswith("#")]
    fields = next(line for line in log if line.startswith("#fields")).split("\t")[1:]
    expected = [(row[fields.index("fc_request")].lower(), int(row[fields.index("iin")])) for row in rows]
    asked = [m for m in got.messages() if m["kind"] == Kind.REQUEST]
    told = [m for m in got.messages() if m["kind"] == Kind.RESPONSE]
    seen = [(a["operation"], t["iin"]) for a, t in zip(asked, told, strict=True)]
    assert json.dumps(seen) == json.dumps(expected)
