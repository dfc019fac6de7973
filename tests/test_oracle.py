"""What Sentinel reads beside tshark, Zeek and Suricata: equal, but for what docs/differences.md explains."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import oracles
import pytest
from conftest import ROOT

pytestmark = pytest.mark.usefixtures("captures")

EVERY = os.environ.get("SENTINEL_ORACLE") == "all"
"""Whether every capture is given to tshark, which takes minutes, or only those that show every function once."""


def compare(log: oracles.Log, what: str, ours: Counter, theirs: Counter) -> oracles.Found:
    """Differences of two bags of rows, one row each."""
    return {
        (log.capture, f"{what} {' '.join(map(str, key))}"): (ours[key], theirs[key])
        for key in ours.keys() | theirs.keys()
        if ours[key] != theirs[key]
    }


# -- tshark ----------------------------------------------------------------------------------------------------------


def folder_of(name: str) -> str:
    """The folder of a capture of a protocol that is read; one word for all others, in which tshark finds little."""
    folder = name.partition("/")[0]
    return folder if folder in oracles.PROTOCOLS else "other protocols"


@pytest.mark.parametrize("folder", [*oracles.PROTOCOLS, "other protocols"])
def test_as_many_messages_of_each_kind_as_tshark(folder):
    found: oracles.Found = {}
    names = [name for name in oracles.captures() if folder_of(name) == folder]
    for name in names:
        ours, theirs = oracles.comparable(oracles.overview(name)), oracles.summary().get(name, Counter())
        for protocol, kind, function in ours.keys() | theirs.keys():
            pair = ours[protocol, kind, function], theirs[protocol, kind, function]
            if pair[0] != pair[1]:
                what = f"{protocol} {kind}" if function is None else f"{protocol} {kind} {function}"
                found[name, what] = pair
    oracles.assert_known("counts", names, found)


def asked() -> list[str]:
    """Captures that tshark is asked about."""
    if not oracles.CAPTURES.is_dir():
        return []
    counts = oracles.summary()
    shared = sorted(n for n in counts if n in oracles.captures()) if EVERY else oracles.covering(counts)
    return shared + [f"pcaps/{path.name}" for path in sorted((ROOT / "pcaps").glob("*.pcap*"))]


@pytest.fixture(scope="module")
def told(request) -> Iterator[dict[str, Future[list[oracles.Message]]]]:
    """What tshark tells of each capture that a chosen test is about, two at a time in the background."""
    names = [item.callspec.params["name"] for item in request.session.items if "told" in item.fixturenames]
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(oracles.tshark, name) for name in names}


@pytest.mark.tshark
@pytest.mark.parametrize("name", asked())
def test_every_field_of_every_message_as_tshark_shows_it(name, told):
    found: oracles.Found = {}
    ours, theirs = oracles.by_frame(oracles.messages(name)), oracles.by_frame(told[name].result())
    for frame, protocol in ours.keys() | theirs.keys():
        mine, other = ours.get((frame, protocol), []), theirs.get((frame, protocol), [])
        if len(mine) != len(other):
            if name not in oracles.summary():  # else it is a difference of the counts
                found[name, f"frame {frame}"] = len(mine), len(other)
            continue
        for a, b in zip(mine, other, strict=True):
            unlike = oracles.disagreements(a, b)
            if unlike.keys() & {"kind", "func"}:
                pair = tuple(f"{m['kind']} {m.get('function', m.get('func', ''))}".strip() for m in (a, b))
                unlike = {"": pair}
            found |= {(name, f"frame {frame} {field}".strip()): pair for field, pair in unlike.items()}
    oracles.assert_known("fields", [name], found)


# -- Zeek: Modbus ----------------------------------------------------------------------------------------------------

_ZEEK_NAMES = {17: "REPORT_SLAVE_ID", 43: "ENCAP_INTERFACE_TRANSPORT"}


def zeek_name(protocol: str, function: int) -> str:
    """Zeek's name of a function: nearly always that of our operation."""
    return _ZEEK_NAMES.get(function, oracles.protocol(protocol).operations[function].name.upper())


def of(name: str, protocol: str) -> list[oracles.Message]:
    return [m for m in oracles.messages(name) if m["protocol"] == protocol]


def bag(rows: Iterable[dict[str, str]], *columns: str) -> Counter:
    return Counter(tuple(row[column] for column in columns) for row in rows)


def listed(values: list | None) -> str:
    return ",".join(map(str, values)) if values else "-"


_OLD_COLUMNS = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "func", "exception")


def modbus_log(log: oracles.Log) -> oracles.Found:
    """One row a message; in an older form, without a header, one row an answer."""
    if not log.rows():
        answers = [m for m in of(log.capture, "modbus") if m["kind"] != "request"]
        told = {"response": "", "exception": "_EXCEPTION"}
        old = Counter(
            (zeek_name("modbus", m["function"]) + told[m["kind"]],
             m["status_name"].upper().replace(" ", "_") if "status" in m else "-")
            for m in answers
        )  # fmt: skip
        return compare(log, "answer", old, bag(log.rows(*_OLD_COLUMNS), "func", "exception"))
    ways = {"request": "REQ", "response": "RESP", "exception": "RESP"}
    ours = Counter(
        (str(m["transaction"]), str(m["unit"]), zeek_name("modbus", m["function"]), ways[m["kind"]])
        for m in of(log.capture, "modbus")
    )
    return compare(log, "modbus", ours, bag(log.rows(), "tid", "unit", "func", "pdu_type"))


def modbus_detailed(log: oracles.Log) -> oracles.Found:
    """One row an exchange: address and quantity of the request, values of both."""
    messages = of(log.capture, "modbus")
    answers = {m["pair"]: m for m in messages if m["kind"] != "request" and "pair" in m}
    theirs = log.rows()
    found = {}
    for m in (m for m in messages if m["kind"] == "request"):
        row = next(r for r in theirs if (r["tid"], r["unit"]) == (str(m["transaction"]), str(m["unit"])))
        answer = answers[m["message"]]
        with_values = m["function"] in (1, 2, 3, 4, 5, 6, 15, 16)
        echoed = m if m["function"] in (5, 6) else answer
        # Zeek repeats the value of a single write for its echo, and gives no value of an exception
        mine = {
            "func": zeek_name("modbus", m["function"]),
            "address": str(m.get("address", "-")) if m["function"] != 43 else "-",  # ours: the first object's number
            "quantity": str(m["quantity"]) if with_values else row["quantity"],
            "request_values": listed(m.get("values")) if with_values else "-",
            "response_values": listed(echoed.get("values")) if with_values else "-",
        }
        for column, value in mine.items():
            if value != row[column]:
                found[log.capture, f"transaction {row['tid']} {column}"] = value, row[column]
    return found


def modbus_mask_write(log: oracles.Log) -> oracles.Found:
    ours = Counter(
        (str(m["transaction"]), m["kind"].upper(), str(m["address"]), str(own["and_mask"]), str(own["or_mask"]))
        for m in of(log.capture, "modbus") if m["function"] == 22 for own in (m["modbus"],)
    )  # fmt: skip
    return compare(log, "mask", ours, bag(log.rows(), "tid", "request_response", "address", "and_mask", "or_mask"))


def modbus_read_write(log: oracles.Log) -> oracles.Found:
    ours: Counter = Counter()
    for m in (m for m in of(log.capture, "modbus") if m["function"] == 23):
        if m["kind"] == "request":
            read, write = m["items"]
            row = write["address"], listed(m["values"]), read["address"], read["quantity"], "-"
        else:
            row = "-", "-", "-", "-", listed(m["values"])
        ours[tuple(map(str, (m["transaction"], *row)))] += 1
    columns = "write_start_address", "write_registers", "read_start_address", "read_quantity", "read_registers"
    return compare(log, "exchange", ours, bag(log.rows(), "tid", *columns))


# -- Zeek: DNP3 ------------------------------------------------------------------------------------------------------


def dnp3_log(log: oracles.Log) -> oracles.Found:
    """One row an exchange, in Zeek's own pairing: requests and answers are compared each for themselves."""
    ours: Counter = Counter()
    for m in of(log.capture, "dnp3"):
        if m["kind"] in ("request", "response", "unsolicited"):
            name = zeek_name("dnp3", m["function"]).replace("APPLICATION", "APPL")
            ours[name, str(m["dnp3"].get("iin", "-"))] += 1
    theirs: Counter = Counter()
    for row in log.rows():
        if row["fc_request"] not in ("-", "CONFIRM"):
            theirs[row["fc_request"], "-"] += 1
        if row["fc_reply"] != "-":
            theirs[row["fc_reply"], row["iin"]] += 1
    return compare(log, "dnp3", ours, theirs)


def dnp3_control(log: oracles.Log) -> oracles.Found:
    """Every control relay output block, in requests and in their answers."""
    ours: Counter = Counter()
    for m in of(log.capture, "dnp3"):
        for item in m.get("items", ()):
            if " count=" in item.get("name", ""):
                ours[m["operation"].upper(), str(item["address"]), *control(item["name"], m["kind"])] += 1
    columns = "function_code", "index_number", "trip_control_code", "operation_type", "execute_count", "on_time"
    return compare(log, "control", ours, bag(log.rows(), *columns, "off_time", "status_code"))


def control(name: str, kind: str) -> tuple[str, ...]:
    """A control as the log writes it: trip code, operation, count, times, status (of answers)."""
    operation, *trip, count, on, off, status = name.split()
    numbers = (part.partition("=")[2] for part in (count, on, off))
    told = status.partition("=")[2].replace("_", " ").title() if kind != "request" else "-"
    return (trip or ["Nul"])[0].title(), operation.replace("_", " ").title(), *numbers, told


_OBJECT_NAMES = {
    "binary_input g1v2": "Binary Input With Status", "binary_output g10v2": "Binary Output Status",
    "analog_input g30v2": "16-Bit Analog Input", "analog_output_status g40v2": "16-Bit Analog Output Status",
    "class_data g60v1": "Class 0 Data", "class_data g60v2": "Class 1 Data", "class_data g60v3": "Class 2 Data",
    "class_data g60v4": "Class 3 Data",
}  # fmt: skip


def dnp3_objects(log: oracles.Log) -> oracles.Found:
    """Every object header of reads and of their answers."""
    ours: Counter = Counter()
    for m in of(log.capture, "dnp3"):
        for item in m.get("items", ()) if m["operation"] in ("read", "response") else ():
            if item["object"] in _OBJECT_NAMES:
                low, n = item.get("address"), item.get("quantity")
                span = ("-", "-", "-") if low is None else tuple(map(str, (n, low, low + n - 1)))
                ours[m["operation"].upper(), _OBJECT_NAMES[item["object"]], *span] += 1
    columns = "function_code", "object_type", "object_count", "range_low", "range_high"
    return compare(log, "object", ours, bag(log.rows(), *columns))


_VALUE_EVENTS = {
    "dnp3_analog_input_32wFlag": "analog_input g30v1",
    "dnp3_analog_input_32woFlag": "analog_input g30v3",
    "dnp3_analog_input_SPwFlag": "analog_input g30v5",
    "dnp3_analog_input_event_32woTime": "analog_input_event g32v1",
    "dnp3_counter_32woFlag": "counter g20v5",
    "dnp3_frozen_counter_32woFlag": "frozen_counter g21v9",
}


def signed(event: list[str]) -> str:
    """The last number of an event as the value it stands for: Zeek shows 64 bits without sign, and floats as bits."""
    number = int(event[-1])
    if "SPwFlag" in event[0]:
        return f"{struct.unpack('>f', number.to_bytes(4, 'big'))[0]:g}"
    return str(number - (1 << 64) if number >> 63 else number)


def dnp3_output(log: oracles.Log) -> oracles.Found:
    """The events that Zeek raised: application headers, object headers, controls, analogue values and counters."""
    ours: Counter = Counter()
    for batch in oracles.tables(log.capture):
        for kind, value in batch["points"].select("object", "value").iter_rows():
            if kind in _VALUE_EVENTS.values():
                ours["value", kind, f"{value:g}" if kind.endswith("g30v5") else str(int(value))] += 1
    for m in of(log.capture, "dnp3"):
        if "app_seq" in m.get("dnp3", ()):
            ours["fragment", str(m["function"]), str(m["dnp3"].get("iin", ""))] += 1
            for group, variation, *_ in oracles.fields_of_ours(m).get("objects", ()):
                ours["object", str(group << 8 | variation), ""] += 1
            ours["crob", "", ""] += len(oracles.fields_of_ours(m)["crob"])
    theirs: Counter = Counter()
    for event in log.events():
        if event[0] == "dnp3_application_request_header":
            theirs["fragment", event[3], ""] += 1
        elif event[0] == "dnp3_application_response_header":
            theirs["fragment", event[3], event[4]] += 1
        elif event[0] == "dnp3_object_header":
            theirs["object", event[2], ""] += 1
        elif event[0] == "dnp3_crob":
            theirs["crob", "", ""] += 1
        elif event[0] in _VALUE_EVENTS:
            theirs["value", _VALUE_EVENTS[event[0]], signed(event)] += 1
    return compare(log, "event", +ours, theirs)


# -- Zeek: S7comm ----------------------------------------------------------------------------------------------------


def swapped(number: int) -> str:
    """A PDU reference as the log writes it: low byte first."""
    return str(number >> 8 | (number & 255) << 8)


def s7comm_log(log: oracles.Log) -> oracles.Found:
    ours: Counter = Counter()
    for m in of(log.capture, "s7comm"):
        own = m["s7comm"]
        if own["rosctr"] == 2:
            continue  # an ack without data, which the log leaves out
        code, sub = m.get("function"), "-"
        if own["rosctr"] == 7:
            code, sub = own["ud_type"] << 4 | own["ud_group"], f"0x{own['ud_subfunction']:02x}"
        elif code == 40 and "pi_service" in own:
            sub = own["pi_service"]
        ours[str(own["rosctr"]), swapped(own["pdu_reference"]), f"0x{code:02x}", sub] += 1
    columns = "rosctr_code", "pdu_reference", "function_code", "subfunction_code"
    return compare(log, "message", ours, bag(log.rows(), *columns))


def s7comm_read_szl(log: oracles.Log) -> oracles.Found:
    ours = Counter(
        (swapped(own["pdu_reference"]), m["kind"].title(), f"0x{own['szl_id']:04x}", f"0x{own['szl_index']:04x}",
         f"0x{own['return_code']:02x}")
        for m in of(log.capture, "s7comm") for own in (m["s7comm"],) if "szl_id" in own
    )  # fmt: skip
    return compare(log, "szl", ours, bag(log.rows(), "pdu_reference", "method", "szl_id", "szl_index", "return_code"))


def s7comm_upload_download(log: oracles.Log) -> oracles.Found:
    ours: Counter = Counter()
    for m in of(log.capture, "s7comm"):
        own = m["s7comm"]
        if 26 <= m.get("function", 0) <= 31:
            name = m["operation"].replace("upload_block", "upload").split("_")
            function = " ".join(reversed(name)).title()
            # the answer to Upload does not repeat the number of the transfer: ours is that of the request
            transfer = "-" if own["rosctr"] == 3 and m["function"] == 30 else own.get("transfer_id", "-")
            row = function, transfer, own.get("block_length", "-"), own.get("filename", "-")
            ours[swapped(own["pdu_reference"]), str(own["rosctr"]), *map(str, row)] += 1
    theirs: Counter = Counter()
    kinds = {"Job-Request": "1", "ACK-Data": "3"}
    columns = "function_name", "session_id", "blocklength", "filename"
    for entry in log.rows():
        theirs[entry["pdu_reference"], kinds[entry["rosctr"]], *(entry[column] for column in columns)] += 1
    return compare(log, "transfer", ours, theirs)


def s7comm_known_devices(log: oracles.Log) -> oracles.Found:
    """What the station said of itself: each thing must be among our facts."""
    said = oracles.facts(log.capture)
    kinds = {"automation_system_name": "name", "module_name": "name", "module_serial": "serial"}
    return {
        (log.capture, f"device {column}"): (sorted(value for k, value in said if k == kind), row[column])
        for row in log.rows() for column, kind in kinds.items() if (kind, row[column]) not in said
    }  # fmt: skip


def cotp_log(log: oracles.Log) -> oracles.Found:
    """Connection requests and confirms; Zeek's data TPDUs are our S7 messages, where S7comm is what they carry."""
    kinds = {"connect_request": "0x0e", "connect_confirm": "0x0d"}
    messages = oracles.messages(log.capture)
    ours = Counter((kinds[m["operation"]],) for m in messages if m["operation"] in kinds)
    ours["0x0f",] = sum(m["protocol"] == "s7comm" for m in messages)
    return compare(log, "tpdu", ours, bag(log.rows(), "pdu_code"))


READERS: dict[str, Callable[[oracles.Log], oracles.Found]] = {
    "modbus.log": modbus_log,
    "modbus_detailed.log": modbus_detailed,
    "modbus_mask_write_register.log": modbus_mask_write,
    "modbus_read_write_multiple_registers.log": modbus_read_write,
    "dnp3.log": dnp3_log,
    "dnp3_control.log": dnp3_control,
    "dnp3_objects.log": dnp3_objects,
    "s7comm.log": s7comm_log,
    "s7comm_read_szl.log": s7comm_read_szl,
    "s7comm_upload_download.log": s7comm_upload_download,
    "s7comm_known_devices.log": s7comm_known_devices,
    "cotp.log": cotp_log,
}


@pytest.mark.parametrize("name", READERS)
def test_the_logs_of_zeek(name):
    read = oracles.logs_named(name)
    found: oracles.Found = {}
    for log in read:
        found |= READERS[name](log)
    oracles.assert_known(name, [log.capture for log in read], found)


def test_the_dnp3_events_of_zeek():
    read = [log for log in oracles.logs() if log.path.suffix == ".output" and log.capture.startswith("dnp3/")]
    found: oracles.Found = {}
    for log in read:
        found |= dnp3_output(log)
    oracles.assert_known("dnp3 events", [log.capture for log in read], found)


# -- Suricata --------------------------------------------------------------------------------------------------------

_BITS = {"online": 1, "restart": 2, "comm_lost": 4, "remote_forced": 8, "local_forced": 16}
"""Flags that all point types share (IEEE 1815, clause 11)."""


def suricata_message(event: oracles.Message) -> tuple[str, ...]:
    """The headers of a transaction: link addresses, function, application control."""
    control = (event[f"dnp3.application.control.{name}"] for name in ("sequence", "fir", "fin", "con", "uns"))
    return tuple(map(str, (event["dnp3.src"], event["dnp3.dst"], event["dnp3.application.function_code"], *control)))


def suricata_points(event: oracles.Message) -> Iterator[tuple[str, ...]]:
    """Every point with flags of a transaction: group and variation, index, value, flags."""
    for path in (key.removesuffix(".online") for key in event if key.endswith(".online")):
        group, variation = (event[f"{path.partition('].')[0]}].{name}"] for name in ("group", "variation"))
        value = next(event[f"{path}.{name}"] for name in ("value", "state", "count") if f"{path}.{name}" in event)
        index = event[f"{path}.prefix"] if event[f"{path.partition('].')[0]}].prefix_code"] else event[f"{path}.index"]
        flags = sum(bit for name, bit in _BITS.items() if event[f"{path}.{name}"])
        yield f"g{group}v{variation}", str(index), f"{float(value):g}", str(flags)


def test_the_dnp3_transactions_of_suricata():
    """Its tests name some transactions of a capture with every field; each of them must be among ours."""
    found: oracles.Found = {}
    for name, events in oracles.suricata().items():
        headers: Counter = Counter()
        points: Counter = Counter()
        for m in of(name, "dnp3"):
            own = m.get("dnp3", {})
            control = [own.get(f"app_{part}") for part in ("seq", "fir", "fin", "con", "uns")]
            headers[tuple(map(str, (own.get("link_src"), own.get("link_dst"), m.get("function"), *control)))] += 1
        for batch in oracles.tables(name):
            for kind, index, value, flags in (
                batch["points"].select("object", "address", "value", "quality").iter_rows()
            ):
                if value is not None and flags is not None:
                    points[kind.rpartition(" ")[2], str(index), f"{value:g}", str(flags & 31)] += 1
        theirs = Counter(map(suricata_message, events)), Counter(p for event in events for p in suricata_points(event))
        for what, mine, other in (("header", headers, theirs[0]), ("point", points, theirs[1])):
            for key in other:
                if other[key] > mine[key]:
                    found[name, f"{what} {' '.join(key)}"] = mine[key], other[key]
    oracles.assert_known("suricata", oracles.suricata(), found)
