"""DNP3: every object group and variation: values, qualities, times, controls, attributes, files, authentication."""

import struct

import pytest
from dnp3_samples import (
    BACK,
    OUTSTATION,
    SECRET,
    TIME,
    TIME_MS,
    answer,
    attribute,
    code,
    crob,
    file_command,
    header,
    one,
    request,
    run,
    segments,
    sized,
)

from parsers import _dnp3_tables as tables
from parsers import dnp3
from sentinel.model import Access, Fault

# -- objects of fixed size -------------------------------------------------------------------------------------

VALUES = {
    tables.U8: ("<B", 200), tables.U16: ("<H", 60000), tables.U32: ("<I", 4_000_000_000), tables.I16: ("<h", -12345),
    tables.I32: ("<i", -123456789), tables.F32: ("<f", -2.5), tables.F64: ("<d", 1e100),
}  # fmt: skip


def encode(group, variation):
    """One object of the table: octets, value, quality, stamp (ns) or None."""
    packing = tables.LAYOUTS[code(group, variation)]
    kind, mask, stamp, tail = packing & 255, packing >> 8 & 255, packing >> 16 & 15, packing >> 20 & 15
    flags = 0xC5
    quality = flags & mask if mask else None
    data = bytes([flags]) if mask else b""
    when = None
    if kind in VALUES:
        fmt, value = VALUES[kind]
        data += struct.pack(fmt, value)
    elif kind == tables.FLAG_BIT:
        value = 1
    elif kind == tables.FLAG_PAIR:
        value = 3
    elif kind == tables.TIME:
        data, value, when = TIME, TIME_MS, TIME_MS * 10**6
    elif kind == tables.BCD:
        size = packing >> 24
        data = bytes.fromhex("21436587")[:size].ljust(size, b"\0")
        value = 4321 if size == 2 else 87654321
    if stamp == tables.STAMP_ABSOLUTE:
        data += TIME
        when = TIME_MS * 10**6
    elif stamp == tables.STAMP_RELATIVE:
        data += b"\xe8\x03"
        when = (TIME_MS + 1000) * 10**6
    return data + bytes(tail), float(value), quality, when


FIXED = [divmod(key, 256) for key, packing in sorted(tables.LAYOUTS.items())
         if packing & 255 not in (tables.PACKED_BIT, tables.PACKED_PAIR, tables.NO_DATA)]  # fmt: skip


@pytest.mark.parametrize("qualifier", [0x00, 0x01, 0x02, 0x03, 0x07, 0x08, 0x09, 0x17, 0x18, 0x28, 0x29, 0x39])
@pytest.mark.parametrize(("group", "variation"), FIXED)
def test_fixed_objects(group, variation, qualifier):
    data, value, quality, stamp = encode(group, variation)
    prefix, width = qualifier >> 4, qualifier & 15
    index = 0
    if prefix:
        index = 200
        objects = header(group, variation, qualifier, 2)
        objects += b"".join(n.to_bytes(1 << prefix - 1, "little") + data for n in (200, 7))
    elif width < 6:
        index = 5
        objects = header(group, variation, qualifier, 5, 6) + data * 2
    else:
        objects = header(group, variation, qualifier, 2) + data * 2
    common = header(51, 1, 7, 1) + TIME if tables.LAYOUTS[code(group, variation)] >> 16 & 15 == 2 else b""
    got = run(answer(common + objects))
    (message,) = got.messages()
    assert "fault" not in message
    points = [point for point in got.points() if point["object"] == code(group, variation)]
    assert len(points) == 2
    assert [point["address"] for point in points] == [index, 7 if prefix else index + 1]
    for point in points:
        assert point["value"] == pytest.approx(value, rel=0)
        assert point.get("quality") == quality and point.get("stamp") == stamp
        assert point["access"] == Access.READ
    item = got.items()[-1]
    assert (item["object"], item["quantity"]) == (code(group, variation), 2)
    assert item.get("address") == (index if prefix or width < 6 else None)
    first = got.items()[0]
    assert message["object"] == first["object"] and message["qualifier"] == (7 if common else qualifier)
    assert message["headers"] == (2 if common else 1)


@pytest.mark.parametrize(("function", "access"), [(129, Access.READ), (130, Access.REPORT)])
def test_access_of_answers(function, access):
    got = run(answer(header(2, 1, 0x17, 1) + b"\x03\x81", function=function))
    assert got.points() == [
        {"object": code(2, 1), "address": 3, "value": 1.0, "quality": 1, "access": access, "message": 0}
    ]


def test_access_of_writes():
    (point,) = run(request(2, header(34, 3, 0x17, 1) + b"\x02" + struct.pack("<f", 1.5))).points()
    assert (point["value"], point["access"], point["address"]) == (1.5, Access.WRITE, 2)


@pytest.mark.parametrize(("group", "variation"), [(1, 1), (10, 1), (12, 3), (80, 1)])
def test_packed_bits(group, variation):
    got = run(answer(header(group, variation, 0, 3, 13) + b"\x05\x06"))
    assert [p["value"] for p in got.points()] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert [p["address"] for p in got.points()] == list(range(3, 14)) and "fault" not in got.messages()[0]


def test_packed_pairs():
    got = run(answer(header(3, 1, 1, 300, 305) + b"\xe4\x0b"))
    assert [p["value"] for p in got.points()] == [0, 1, 2, 3, 3, 2]


def test_packed_bits_with_a_prefix_are_refused():
    assert one(answer(header(1, 1, 0x17, 1) + b"\0\0"))["fault"] == Fault.VALUE


def test_common_time_holds_for_what_follows_it():
    later = struct.pack("<Q", TIME_MS + 5000)[:6]
    events = header(2, 3, 0x17, 1) + b"\x01\x81\x0a\x00"
    got = run(answer(header(51, 1, 7, 1) + TIME + events + header(51, 2, 7, 1) + later + events))
    stamps = [p["stamp"] for p in got.points() if p["object"] == code(2, 3)]
    assert stamps == [(TIME_MS + 10) * 10**6, (TIME_MS + 5010) * 10**6]


def test_relative_time_without_common_time():
    got = run(answer(header(4, 3, 0x17, 1) + b"\x01\x81\x0a\x00"))
    assert got.messages()[0]["fault"] == Fault.VALUE and "stamp" not in got.points()[0]


def test_time_beyond_the_range_of_stamps():
    got = run(answer(header(2, 2, 0x17, 2) + (b"\x01\x81" + b"\xff" * 6) * 2))
    assert got.messages()[0]["fault"] == Fault.VALUE and got.faults() == [Fault.VALUE]
    assert all("stamp" not in point for point in got.points())


def test_times_and_delays_are_columns():
    assert one(request(2, header(50, 1, 7, 1) + TIME))["time"] == TIME_MS * 10**6
    assert one(answer(header(52, 2, 7, 1) + b"\x0a\0"))["delay_ms"] == 10
    assert one(answer(header(52, 1, 7, 1) + b"\x0a\0"))["delay_ms"] == 10_000


def test_bcd_with_other_digits_stays_octets():
    (point,) = run(answer(header(101, 1, 0, 4, 4) + b"\x1a\x23")).points()
    assert point["text"] == "1a23" and "value" not in point


def test_class_reads_and_assignments():
    objects = header(60, 2, 6) + header(60, 3, 7, 10) + header(1, 0, 0, 4, 9) + header(30, 0, 0x17, 2) + b"\x05\x09"
    for function in (1, 22):
        got = run(request(function, objects))
        items = [(i["object"], i.get("address"), i.get("quantity")) for i in got.items()]
        assert items == [(code(60, 2), None, None), (code(60, 3), None, 10), (code(1, 0), 4, 6),
                         (code(30, 0), 5, 2), (code(30, 0), 5, 1), (code(30, 0), 9, 1)]  # fmt: skip
        assert not got.points() and got.messages()[0]["headers"] == 4


def test_freeze_at_time_has_a_time_and_then_bare_headers():
    got = run(request(11, header(50, 2, 7, 1) + TIME + bytes(4) + header(20, 0, 6)))
    message = got.messages()[0]
    assert message["time"] == TIME_MS * 10**6 and message["headers"] == 2 and "fault" not in message


# -- controls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [3, 4, 5, 6])
def test_control_relay_output_block(function):
    got = run(request(function, header(12, 1, 0x28, 1) + b"\x2c\x01" + crob(0x41, 3, 500, 250)))
    (message,) = got.messages()
    assert (message["control_index"], message["controls"]) == (300, 1)
    assert (message["crob_op"], message["crob_trip_close"], message["crob_count"]) == ("PULSE_ON", "CLOSE", 3)
    assert (message["crob_on_ms"], message["crob_off_ms"], message["crob_status"]) == (500, 250, "SUCCESS")
    assert (message["crob_clear"], message["crob_queue"]) == (0, 0)
    assert (message["object"], message["address"], message["quantity"]) == (code(12, 1), 300, 1)
    head, control = got.items()
    assert "name" not in head and control["name"] == "PULSE_ON CLOSE count=3 on=500 off=250 status=SUCCESS"
    assert control["address"] == 300 and "status" not in control
    assert got.points() == [{"object": code(12, 1), "address": 300, "value": 1.0, "access": Access.WRITE, "message": 0}]


@pytest.mark.parametrize(("octet", "op", "trip_close", "words"), [
    (0x00, "NUL", "NUL", "NUL"), (0x01, "PULSE_ON", "NUL", "PULSE_ON"), (0x02, "PULSE_OFF", "NUL", "PULSE_OFF"),
    (0x03, "LATCH_ON", "NUL", "LATCH_ON"), (0x04, "LATCH_OFF", "NUL", "LATCH_OFF"),
    (0x41, "PULSE_ON", "CLOSE", "PULSE_ON CLOSE"), (0x81, "PULSE_ON", "TRIP", "PULSE_ON TRIP"),
    (0x23, "LATCH_ON", "NUL", "LATCH_ON CLEAR"), (0x13, "LATCH_ON", "NUL", "LATCH_ON QUEUE"),
    (0xB3, "LATCH_ON", "TRIP", "LATCH_ON TRIP CLEAR QUEUE"),
])  # fmt: skip
def test_control_codes(octet, op, trip_close, words):
    got = run(request(5, header(12, 1, 0x17, 1) + b"\x00" + crob(octet)))
    (message,) = got.messages()
    assert (message["crob_op"], message["crob_trip_close"]) == (op, trip_close)
    assert message["crob_clear"] == octet >> 5 & 1 and message["crob_queue"] == octet >> 4 & 1
    assert got.items()[1]["name"] == f"{words} count=1 on=100 off=100 status=SUCCESS" and "fault" not in message


@pytest.mark.parametrize("octet", [0x05, 0x0F, 0xC1])
def test_reserved_control_codes(octet):
    assert one(request(5, header(12, 1, 0x17, 1) + b"\x00" + crob(octet)))["fault"] == Fault.VALUE


def test_several_controls_of_which_one_fails():
    objects = header(12, 1, 0x17, 2) + b"\x01" + crob() + b"\x02" + crob(4, status=7)
    objects += header(41, 2, 0x17, 1) + b"\x05" + struct.pack("<hB", -3, 12)
    got = run(answer(objects))
    (message,) = got.messages()
    assert message["status"] == tables.CONTROL_STATUS_BASE + 7 and dnp3.STATUSES[message["status"]] == "LOCAL"
    assert message["controls"] == 3 and message["control_index"] == 1 and message["crob_status"] == "SUCCESS"
    controls = [(i["address"], i["status"], i["name"]) for i in got.items() if "name" in i]
    assert controls == [
        (1, 0, "LATCH_ON count=1 on=100 off=100 status=SUCCESS"),
        (2, tables.CONTROL_STATUS_BASE + 7, "LATCH_OFF count=1 on=100 off=100 status=LOCAL"),
        (5, tables.CONTROL_STATUS_BASE + 12, "value=-3 status=OUT_OF_RANGE"),
    ]
    assert [p["value"] for p in got.points()] == [3, 4, -3]


@pytest.mark.parametrize("status", [*range(13), 13, 126, 127])
def test_control_status(status):
    message = one(answer(header(12, 1, 0x17, 1) + b"\0" + crob(status=status)))
    assert message["crob_status"] == tables.CONTROL_STATUS.get(status, f"RESERVED_{status}")
    assert message["status"] == (tables.CONTROL_STATUS_BASE + status if status else 0)


@pytest.mark.parametrize(("variation", "fmt", "value"), [
    (1, "<i", -70000), (2, "<h", -7), (3, "<f", 0.5), (4, "<d", 1e9),
])  # fmt: skip
def test_analog_outputs(variation, fmt, value):
    got = run(request(5, header(41, variation, 0x28, 1) + b"\x09\0" + struct.pack(fmt, value) + b"\0"))
    (message,) = got.messages()
    assert message["analog_value"] == value and message["analog_status"] == "SUCCESS" and message["control_index"] == 9
    assert got.points()[0]["value"] == value and got.items()[1]["name"] == f"value={value:g} status=SUCCESS"


def test_pattern_control():
    got = run(request(3, header(12, 2, 7, 1) + crob(1) + header(12, 3, 0, 0, 7) + b"\x81"))
    (message,) = got.messages()
    assert message["object"] == code(12, 2) and message["crob_op"] == "PULSE_ON" and "fault" not in message
    assert [p["address"] for p in got.points() if p["object"] == code(12, 3) and p["value"]] == [0, 7]


# -- device attributes, strings, statistics --------------------------------------------------------------------


@pytest.mark.parametrize(("variation", "kind"), [
    (252, "vendor"), (250, "model"), (242, "firmware"), (243, "hardware"), (248, "serial"), (245, "location"),
    (246, "name"), (247, "name"),
])  # fmt: skip
def test_attributes_are_facts(variation, kind):
    got = run(answer(attribute(variation, b"Some Text")))
    (fact,) = got.out.facts
    assert kind in fact and "Some Text" in fact and OUTSTATION in fact
    (point,) = got.points()
    assert (point["object"], point["text"], point["address"]) == (variation, "Some Text", 0)


def test_attribute_facts_are_text_only():
    assert not run(answer(attribute(248, b"\xff\x00\x01", 5))).out.facts
    (fact,) = run(answer(attribute(245, "变电站".encode()))).out.facts
    assert "变电站" in fact
    (fact,) = run(request(2, attribute(247, b"RTU 7"))).out.facts
    told = run(answer(attribute(247, b"RTU 7"))).out.facts[0]
    assert sum(a != b for a, b in zip(fact, told, strict=True)) == 1  # the same, but said about the receiver


def test_attributes_of_other_sets_are_not_facts():
    got = run(answer(attribute(252, b"private", group_set=1)))
    assert not got.out.facts and got.points()[0]["address"] == 1


@pytest.mark.parametrize(("kind", "data", "value"), [
    (2, b"\x07", 7), (2, b"\x00\x01", 256), (3, b"\xff", -1), (3, b"\xfe\xff\xff\xff", -2),
    (4, struct.pack("<f", 1.25), 1.25), (4, struct.pack("<d", 1e99), 1e99), (7, TIME, TIME_MS),
])  # fmt: skip
def test_attribute_numbers(kind, data, value):
    assert run(answer(attribute(240, data, kind))).points()[0]["value"] == value


@pytest.mark.parametrize(("kind", "data", "text"), [
    (1, b"", ""), (5, b"\x00\xff", "00ff"), (6, b"\x81", "81"), (2, b"", ""), (4, b"\x01", "01"),
    (254, b"\xfc\x01", "fc01"),
])  # fmt: skip
def test_attribute_texts(kind, data, text):
    assert run(answer(attribute(240, data, kind))).points()[0]["text"] == text


def test_extended_attribute_list():
    objects = header(0, 255, 0, 0, 0) + b"\xff\x02" + bytes(range(129)) * 2 + header(60, 1, 6)
    got = run(*segments(bytes([0xC1, 129, 0, 0]) + objects, 200, **BACK))
    assert "fault" not in got.messages()[0] and len(got.items()) == 2


def test_all_attributes_in_one_answer():
    objects = b"".join(attribute(v, f"text {v}".encode()) for v in range(196, 254))
    got = run(*segments(bytes([0xC1, 129, 0, 0]) + objects, 249, **BACK))
    assert len(got.points()) == 58 and len(got.out.facts) == 8


@pytest.mark.parametrize("group", [110, 111, 112, 113])
@pytest.mark.parametrize(("data", "text"), [(b"hello", "hello"), (b"\x01\x02", "0102"), (b"ab\0\0", "ab"),
                                            ("变电站".encode(), "变电站"), (b"\xb1\xe4", "b1e4")])  # fmt: skip
def test_strings(group, data, text):
    got = run(answer(header(group, len(data), 0x28, 2) + b"\x05\0" + data + b"\x06\0" + data))
    assert [(p["address"], p["text"]) for p in got.points()] == [(5, text), (6, text)]
    assert got.items()[0]["object"] == code(group, len(data))


@pytest.mark.parametrize(("group", "variation", "stamp"), [(121, 1, b""), (122, 1, b""), (122, 2, TIME)])
def test_security_statistics(group, variation, stamp):
    got = run(answer(header(group, variation, 0x28, 1) + b"\x04\0" + b"\x01" + struct.pack("<HI", 9, 77) + stamp))
    (point,) = got.points()
    assert (point["address"], point["value"], point["quality"]) == (4, 77, 1)
    assert point.get("stamp") == (TIME_MS * 10**6 if stamp else None)
    assert got.messages()[0]["auth_association"] == 9 and "fault" not in got.messages()[0]


@pytest.mark.parametrize(("group", "variation"), [
    (82, 1), (83, 1), (83, 2), (85, 1), (86, 1), (86, 3), (87, 1), (88, 1),
])  # fmt: skip
def test_objects_kept_as_octets(group, variation):
    got = run(answer(sized(group, variation, b"\x01\x02\xff") + header(60, 1, 6)))
    (point,) = got.points()
    assert (point["object"], point["text"]) == (code(group, variation), "0102ff") and len(got.items()) == 2


def test_application_and_activation():
    message = one(request(18, sized(90, 1, b"control")))
    assert (message["operation"], message["name"], message["object"]) == ("stop_application", "control", code(90, 1))
    assert one(answer(sized(91, 1, struct.pack("<I", 5000) + b"\0")))["delay_ms"] == 5000


def test_extended_float_is_kept_as_octets():
    got = run(answer(header(100, 3, 0, 0, 0) + bytes(9) + b"\xff"))
    assert got.points()[0]["text"] == "00" * 9 + "ff"


# -- files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "word"), [(0, "NULL"), (1, "READ"), (2, "WRITE"), (3, "APPEND"), (9, "RESERVED_9")])
def test_open_file(mode, word):
    message = one(request(25, file_command(mode=mode)))
    assert (message["operation"], message["name"], message["file_mode"]) == ("open_file", "/firmware.bin", word)
    assert (message["file_size"], message["file_permissions"], message["file_max_block"]) == (4096, 0o644, 1024)
    assert message["file_request"] == 7 and message["file_created"] == TIME_MS * 10**6
    assert 0xDEADBEEF not in message.values()


@pytest.mark.parametrize("status", [0, 1, 3, 16, 255, 200])
def test_file_status(status):
    message = one(answer(sized(70, 4, struct.pack("<IIHHB", 0x12345678, 99, 512, 7, status) + b"why")))
    assert (message["file_handle"], message["file_size"]) == (0x12345678, 99)
    assert message["file_status"] == tables.FILE_STATUS.get(status, f"RESERVED_{status}")
    assert message["status"] == (tables.FILE_STATUS_BASE + status if status else 0)


def test_file_blocks():
    message = one(answer(sized(70, 5, struct.pack("<II", 5, 0x80000003) + b"data")))
    assert (message["file_handle"], message["file_block"], message["file_last"]) == (5, 3, 1)
    assert message["file_data_length"] == 4
    message = one(answer(sized(70, 6, struct.pack("<IIB", 5, 3, 20))))
    assert (message["file_block"], message["file_last"], message["file_status"]) == (3, 0, "BLOCK_SEQUENCE")


def test_file_descriptor_specification_authentication_identifier():
    message = one(answer(sized(70, 7, struct.pack("<HHHI6sHH", 20, 3, 0, 12, TIME, 0o755, 1) + b"dir")))
    assert (message["name"], message["file_type"], message["file_size"]) == ("dir", "DIRECTORY", 12)
    assert one(request(31, sized(70, 8, b"config.xml")))["name"] == "config.xml"
    secret = struct.pack("<HHHHI", 12, 4, 16, 6, 0) + b"userSECRET"
    got = run(request(29, sized(70, 2, secret)))
    assert got.messages()[0]["file_user"] == "user"
    assert not any("SECRET" in text for text in got.out.texts)
    old = struct.pack("<HBBHHI6sHIIIBB", 4, 1, 0, 0, 0, 10, TIME, 0o644, 1, 2, 3, 4, 3) + b"name" + b"\x02\0xx"
    message = one(answer(sized(70, 1, old)))
    assert (message["name"], message["file_status"], message["file_data_length"]) == ("name", "NOT_FOUND", 2)


@pytest.mark.parametrize("offset", [0, 25, 27, 60000])
def test_file_name_offset_is_checked(offset):
    fields = struct.pack("<HH6sHIIHHH", offset, 4, TIME, 0, 0, 0, 1, 0, 0) + b"name"
    assert one(request(25, sized(70, 3, fields)))["fault"] == Fault.LENGTH


# -- secure authentication -------------------------------------------------------------------------------------

@pytest.mark.parametrize(("variation", "data", "columns"), [
    (1, struct.pack("<IHBB", 5, 1, 4, 1) + SECRET, {"auth_sequence": 5, "auth_user": 1, "auth_mac": "HMAC_SHA256_16"}),
    (2, struct.pack("<IH", 5, 1) + SECRET, {"auth_sequence": 5, "auth_user": 1}),
    (5, struct.pack("<IHBBBH", 6, 2, 2, 2, 3, 4) + SECRET,
     {"auth_sequence": 6, "auth_key_wrap": "AES_256", "auth_key_status": "NOT_INIT", "auth_mac": "HMAC_SHA256_8"}),
    (6, struct.pack("<IH", 7, 2) + SECRET, {"auth_sequence": 7, "auth_user": 2}),
    (7, struct.pack("<IHHB6s", 8, 2, 3, 7, TIME) + b"no", {"auth_error": "AUTHORIZATION_FAILED", "name": "no",
     "auth_association": 3, "auth_sequence": 8}),
    (8, b"\x44\x01" + SECRET, {"auth_method": "RSA_2048_DSA_SHA256"}),
    (9, SECRET, {}),
    (10, struct.pack("<BBIHHHHH", 3, 2, 9, 1, 30, 3, 4, 6) + b"bob" + SECRET,
     {"auth_operation": "DELETE", "auth_sequence": 9, "auth_role": 1, "auth_name": "bob",
      "auth_method": "AES_128_SHA1"}),
    (11, struct.pack("<BHH", 4, 3, 10) + b"bob" + SECRET, {"auth_name": "bob", "auth_method": "AES_256_SHA256"}),
    (12, struct.pack("<IHH", 10, 4, 10) + SECRET, {"auth_sequence": 10, "auth_user": 4}),
    (13, struct.pack("<IHH", 11, 4, 10) + SECRET, {"auth_sequence": 11, "auth_user": 4}),
    (14, SECRET, {}),
    (15, SECRET, {}),
])  # fmt: skip
@pytest.mark.parametrize("function", [32, 33, 131])
def test_authentication_objects(function, variation, data, columns):
    objects = sized(120, variation, data)
    got = run(answer(objects, function=131) if function == 131 else request(function, objects))
    (message,) = got.messages()
    assert "fault" not in message and message["auth_message"] == tables.AUTH_MESSAGES[variation]
    assert message["object"] == code(120, variation)
    assert {name: message[name] for name in columns} == columns
    assert not any("SECRET" in text or "aa55" in text for text in got.out.texts) and not got.points()
    if function == 131:
        assert message["status"] == (tables.AUTH_ERROR_BASE + 7 if variation == 7 else 0)


def test_session_key_status_request():
    message = one(request(32, header(120, 4, 7, 1) + b"\x09\0"))
    assert (message["auth_message"], message["auth_user"]) == ("session_key_status_request", 9)


@pytest.mark.parametrize("function", [1, 2, 5, 20])
def test_aggressive_mode(function):
    body = {1: header(60, 1, 6), 2: header(80, 1, 0, 7, 7) + b"\0", 5: header(12, 1, 0x17, 1) + b"\x01" + crob(),
            20: header(60, 2, 6)}[function]  # fmt: skip
    objects = header(120, 3, 7, 1) + struct.pack("<IH", 77, 5) + body + sized(120, 9, bytes(16))
    got = run(request(function, objects))
    (message,) = got.messages()
    assert message["auth_aggressive"] == 1 and message["auth_message"] == "aggressive_mode_request"
    assert message["auth_sequence"] == 77 and message["auth_user"] == 5 and "fault" not in message
    assert message["object"] == code(body[0], body[1]) and len([i for i in got.items() if "name" not in i]) == 3
