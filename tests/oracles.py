"""Independent views of the shared captures, and Sentinel's own view in the same words.

Four views: `ORACLE_SUMMARY.tsv` (messages that tshark counts), `oracle.py` (every message's fields as tshark sees
them), the Zeek and ICSNPP logs that `EXPECTED.tsv` lists, and `SURICATA_EVENTS.jsonl`. What is known to differ stands
in `tests/golden/differences.tsv`; docs/differences.md says why.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from conftest import CAPTURES, ROOT, core_is_compiled
from waiting import PATIENCE

from sentinel import pipeline
from sentinel.cli._jsonl import lines
from sentinel.errors import FaultyCapture
from sentinel.plugins import Protocol, load_parsers

PROTOCOLS = ("modbus", "s7comm", "dnp3")
DIFFERENCES = ROOT / "tests/golden/differences.tsv"
SUFFIXES = (".pcap", ".pcapng", ".cap")
PURE_LIMIT = 64 << 10
"""Greatest capture, in bytes, that the uncompiled leg reads."""

Count = Counter[tuple[str, str, int | None]]
Message = dict[str, Any]


# -- the captures ----------------------------------------------------------------------------------------------------


@cache
def captures() -> list[str]:
    """Names of all shared captures, those that this leg has the time for."""
    limit = None if core_is_compiled() else PURE_LIMIT
    files = (p for p in CAPTURES.glob("*/*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(str(p.relative_to(CAPTURES)) for p in files if limit is None or p.stat().st_size <= limit)


def path_of(name: str) -> Path:
    """Where a capture lies: a shared one, or one of this project's own (`pcaps/...`)."""
    return (ROOT if name.startswith("pcaps/") else CAPTURES) / name


def covering(counts: dict[str, Count]) -> list[str]:
    """A few captures that together show every protocol, kind and function of `counts`; the smallest that do."""
    size = {name: (CAPTURES / name).stat().st_size for name in counts if name in captures()}
    left = set().union(*(counts[name] for name in size))
    chosen: list[str] = []
    while left:
        best = max(size, key=lambda name: (len(left & counts[name].keys()), -size[name], name))
        chosen.append(best)
        left -= counts[best].keys()
    return sorted(chosen)


# -- Sentinel --------------------------------------------------------------------------------------------------------


@dataclass
class Overview:
    """What Sentinel finds in one capture, counted."""

    counts: Count = field(default_factory=Counter)
    segments: int = 0
    """Link frames of DNP3 that brought a piece of an application fragment."""
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(protocol, why the label was given) of flows."""
    guessed: int = 0
    """Messages of flows whose label rests on the port alone."""


def tables(name: str) -> Iterator[dict[str, pl.DataFrame]]:
    """The tables of a capture, batch by batch, up to where the file is cut off."""
    try:
        yield from pipeline.dissect(path_of(name))
    except FaultyCapture:
        return


@cache
def overview(name: str) -> Overview:
    """What Sentinel finds in a capture."""
    found = Overview()
    for batch in tables(name):
        keys = batch["messages"].select(pl.col("protocol", "kind").cast(pl.String), "function")
        for *key, n in keys.group_by(pl.all()).len().iter_rows():
            found.counts[tuple(key)] += n
        for *key, n in batch["flows"].group_by("protocol", "label_by").len().iter_rows():
            found.labels[tuple(key)] += n
        found.guessed += int(batch["flows"].filter(pl.col("label_by") == "port only")["messages"].sum())
        if "ext/dnp3" in batch:
            found.segments += int(batch["ext/dnp3"]["segments"].sum())
    return found


def messages(name: str) -> list[Message]:
    """Every message of a capture as `sentinel dissect --jsonl` prints it."""
    return [json.loads(line) for batch in tables(name) for line in lines(batch)]


def labels(name: str) -> dict[tuple[str, int, str, int], str]:
    """(client, its port, server, its port) -> protocol, of flows whose payload told it; both ways round."""
    found: dict[tuple[str, int, str, int], str] = {}
    columns = "client", "client_port", "server", "server_port", "protocol", "label_by"
    for batch in tables(name):
        for client, sport, server, dport, protocol_name, by in batch["flows"].select(columns).iter_rows():
            told = protocol_name if by and by != "port only" else ""
            for key in ((client, sport, server, dport), (server, dport, client, sport)):
                found[key] = told or found.get(key, "")
    return found


def facts(name: str) -> set[tuple[str, str]]:
    """(kind, value) of everything that devices of a capture said about themselves."""
    said = (batch["facts"] for batch in tables(name) if "facts" in batch)
    return {pair for table in said for pair in table.select("kind", "value").iter_rows()}


# -- tshark: counts --------------------------------------------------------------------------------------------------

_KINDS = {("s7comm", "exception"): "response", ("s7comm", "unsolicited"): "push"}
"""tshark's kinds of S7 messages follow the PDU type alone."""


def kind_of(protocol: str, kind: str) -> str:
    """A kind of ours in the oracle's words."""
    return _KINDS.get((protocol, kind), kind)


def comparable(found: Overview) -> Count:
    """Our counts in the words of the oracle, which knows neither carriers nor parts of a DNP3 fragment as messages."""
    counts: Count = Counter()
    for (protocol, kind, function), n in found.counts.items():
        if protocol in PROTOCOLS:
            counts[protocol, kind_of(protocol, kind), function] += n
    if found.segments:
        counts["dnp3", "segment", None] = found.segments
    return counts


@cache
def summary() -> dict[str, Count]:
    """Messages of each capture that tshark counts, of the protocols that Sentinel reads."""
    counts: dict[str, Count] = defaultdict(Counter)
    for row in _tsv(CAPTURES / "ORACLE_SUMMARY.tsv"):
        if row["protocol"] in PROTOCOLS:
            function = int(row["function"]) if row["function"] else None
            counts[row["file"]][row["protocol"], row["kind"], function] += int(row["messages"])
    for count in counts.values():
        # Every link frame with user data: pieces of a fragment, and frames that complete one
        whole = sum(n for (p, kind, _), n in count.items() if p == "dnp3" and kind not in ("fragment", "link"))
        segments = count.pop(("dnp3", "fragment", None), 0) + whole
        if segments:
            count["dnp3", "segment", None] = segments
    return dict(counts)


# -- tshark: fields --------------------------------------------------------------------------------------------------


def tshark(name: str) -> list[Message]:
    """Every Modbus, S7comm and DNP3 message of a capture as the oracle script tells it."""
    script = CAPTURES.parent / "tools/oracle.py"
    done = subprocess.run(
        [sys.executable, str(script), str(path_of(name)), "--proto", ",".join(PROTOCOLS)],
        capture_output=True, text=True, check=True, timeout=5 * PATIENCE,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_frame(listed: Iterable[Message]) -> dict[tuple[int, str], list[Message]]:
    """Messages by frame and protocol, without carriers, pieces of fragments and what is no message."""
    found = defaultdict(list)
    for message in listed:
        protocol = message.get("proto") or message["protocol"]
        if protocol in PROTOCOLS and message["kind"] not in ("fragment", "malformed"):
            found[message["frame"], protocol].append(message)
    return dict(found)


def disagreements(ours: Message, theirs: Message) -> dict[str, tuple[Any, Any]]:
    """Field -> (ours, theirs) for everything that the oracle says of a message and Sentinel says otherwise or not."""
    mine, other = fields_of_ours(ours), fields_of_oracle(theirs)
    if abs(mine["time"] - other["time"]) <= 1:
        del other["time"]  # rounded twice on the way to a float
    return {name: (mine.get(name), value) for name, value in other.items() if mine.get(name) != value}


_SAME = {
    "modbus": ("byte_count", "and_mask", "or_mask", "mei", "device_id_code"),
    "s7comm": ("rosctr", "ud_type", "ud_group", "szl_id", "szl_index", "pi_service", "item_count"),
    "dnp3": ("link_src", "link_dst", "link_dir", "link_prm", "app_seq", "iin"),
}
"""Fields of the same name in both views."""
_RENAMED = {
    "modbus": {"subfunction": "subfunc", "checksum": "crc"},
    "s7comm": {"pdu_reference": "pdu_ref", "parameter_length": "par_len", "data_length": "data_len",
               "error_class": "err_class", "error_code": "err_code", "ud_subfunction": "ud_subfunc",
               "pdu_size": "pdu_length"},
    "dnp3": {"link_length": "link_len", "link_function": "link_func", "transport_seq": "tr_seq",
             "segments": "fragments", "app_fir": "fir", "app_fin": "fin", "app_con": "con", "app_uns": "uns"},
}  # fmt: skip
_ALL = ("src", "dst", "sport", "dport", "transport")
_BLOCK_TYPES = {"08": "OB", "0A": "DB", "0B": "SDB", "0C": "FC", "0D": "SFC", "0E": "FB", "0F": "SFB"}
_GROUP = re.compile(r"g(\d+)v(\d+)$")
_CONTROL = re.compile(r"(\w+)(?: (\w+))? count=(\d+) on=(\d+) off=(\d+)")


def fields_of_ours(message: Message) -> Message:
    """One of our messages in the oracle's words."""
    protocol = message["protocol"]
    own = message.get(protocol, {})
    found: Message = {name: message.get(name) for name in _ALL}
    found["time"] = message["time_ns"] // 1000
    found["kind"] = kind_of(protocol, message["kind"])
    found["func"] = message.get("function")
    found |= {name: own.get(name) for name in _SAME[protocol]}
    found |= {theirs: own.get(ours) for ours, theirs in _RENAMED[protocol].items()}
    return found | {"modbus": _modbus, "s7comm": _s7comm, "dnp3": _dnp3}[protocol](message, own)


def _modbus(message: Message, own: Message) -> Message:
    found = {
        "unit": message.get("unit"),
        "trans": message.get("transaction"),
        "length": message["length"] - 6,  # the MBAP length field counts what follows it
        "addr": message.get("address"),
        "quantity": message.get("quantity"),
        "exc_code": message.get("status"),
        "registers": message.get("values"),
        "bits": message.get("values"),
    }
    if message.get("function") == 23 and message["kind"] == "request":
        for way, item in zip(("read", "write"), message.get("items", ()), strict=False):
            found |= {f"{way}_addr": item["address"], f"{way}_quantity": item["quantity"]}
    if "value" in own:
        found["data"] = f"{own['value']:04x}"
    elif "data" in own:
        found["data"] = own["data"]
    return found


def _s7comm(message: Message, own: Message) -> Message:
    found = {name: own.get(name) for name in ("block_type", "block_number")}
    found["filename"] = own["filename"] if "filename" in own else own.get("pi_argument")
    # tshark shows error class and code of an ack a second time, as one number
    found["ud_err"] = own.get("parameter_error", message.get("status"))
    found["items"] = [_s7_item(item) for item in message.get("items", ())]
    found["return_codes"] = [item["status"] for item in message.get("items", ()) if "status" in item]
    return found


def _s7_item(item: Message) -> Message:
    return {name: item.get(name) for name in ("object", "block", "address", "bit", "quantity")}


def _dnp3(message: Message, own: Message) -> Message:
    listed, controls = [], []
    for item in message.get("items", ()):
        name = item.get("name", "")
        (numbers,) = _GROUP.findall(name if item["object"] == "unknown" else item["object"])
        group, variation = map(int, numbers)
        control = _CONTROL.match(name)
        if group == 12 and control:
            operation, trip, *counts = control.groups()
            controls.append([item["address"], operation, trip or "NUL", *map(int, counts)])
        elif not (group == 41 and name):
            listed.append([group, variation, item.get("address"), item.get("quantity")])
    return {"objects": listed, "crob": controls}


@cache
def protocol(name: str) -> Protocol:
    """What one of our parsers declares."""
    return next(p for p in load_parsers().protocols if p.name == name)


def fields_of_oracle(line: Message) -> Message:
    """One line of the oracle with what is comparable; what it leaves out is left out."""
    protocol = line["proto"]
    names = {*_ALL, "kind", "func", *_SAME[protocol], *_RENAMED[protocol].values(), *_ORACLE_ONLY[protocol]}
    found = {name: value for name, value in line.items() if name in names}
    found["time"] = round(line["time"] * 1e6)
    if protocol == "modbus":
        if line["framing"] == "rtu":
            found.pop("length", None)
        if line["func"] not in (5, 6, 8, 17):
            found.pop("data", None)  # tshark shows data of other functions as registers, or not whole
        elif line["func"] == 17 and "data" in found:
            if line["kind"] == "request":
                del found["data"]  # bytes that the standard has no place for: a fault of ours
            else:
                found["data"] = found["data"][2:]  # with the byte count before them
    elif protocol == "s7comm":
        _s7_of_oracle(line, found)
    elif "objects" in line:
        found["objects"] = [
            [
                o["group"],
                o["var"],
                o.get("start", o.get("first_point") if o["prefix"] else None),
                o["stop"] - o["start"] + 1 if "stop" in o else o.get("quantity"),
            ]
            for o in line["objects"]
        ]
        found["crob"] = [
            [c["index"], _OPERATIONS[c["op"]], _TRIPS[c["trip"]], c["count"], c["on"], c["off"]]
            for o in line["objects"] for c in o.get("crob", ())
        ]  # fmt: skip
    return found


_ORACLE_ONLY = {
    "modbus": ("unit", "trans", "length", "addr", "quantity", "exc_code", "registers", "bits", "data", "read_addr",
               "read_quantity", "write_addr", "write_quantity"),
    "s7comm": ("ud_err", "filename"),
    "dnp3": (),
}  # fmt: skip
_OPERATIONS = ("NUL", "PULSE_ON", "PULSE_OFF", "LATCH_ON", "LATCH_OFF")
_TRIPS = ("NUL", "CLOSE", "TRIP", "RESERVED")


def _s7_of_oracle(line: Message, found: Message) -> None:
    if "block_type" in line:
        found["block_type"] = _BLOCK_TYPES[line["block_type"]]
        found["block_number"] = int(line["block_number"])
    areas = protocol("s7comm").objects
    reads_or_writes = line.get("func") in (4, 5)
    if reads_or_writes and line["kind"] == "request":
        found["items"] = [
            {
                "object": areas[item["area"]],
                "block": item["db"] if item["area"] in (0x84, 0x85) else None,
                "address": item.get("byte", item.get("number")),
                "bit": item["bit"] if item["transport"] == 1 else None,
                "quantity": item["length"],
            }
            for item in line["items"]
        ]
    elif reads_or_writes and "return_codes" in line:
        found["return_codes"] = line["return_codes"]


# -- Zeek ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Log:
    """A Zeek or ICSNPP log of one shared capture."""

    capture: str
    name: str
    """Last part of its name, as `dnp3.log`."""
    path: Path

    def rows(self, *columns: str) -> list[dict[str, str]]:
        """The rows by column name; of a log without a header by the names given, or none."""
        names = list(columns)
        found = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("#fields"):
                names = line.split("\t")[1:]
            elif names and not line.startswith("#"):
                found.append(dict(zip(names, line.split("\t"), strict=False)))
        return found

    def events(self) -> list[list[str]]:
        """The lines of an `.output` log, which prints one script event a line, split at commas."""
        text = self.path.read_text(encoding="utf-8", errors="replace")
        return [line.split(", ") for line in text.splitlines() if not line.startswith("#")]


@cache
def logs() -> list[Log]:
    """Every expected log of a capture that this leg reads."""
    found = []
    for row in _tsv(CAPTURES / "EXPECTED.tsv"):
        path = CAPTURES / row["file"]
        protocol, _, capture = row["file"].split("/")[:3]
        name = path.name.rsplit(".", 2)[-2] + path.suffix
        if f"{protocol}/{capture}" in captures():
            found.append(Log(f"{protocol}/{capture}", name, path))
    return found


def logs_named(*names: str) -> list[Log]:
    """The expected logs of these names."""
    return [log for log in logs() if log.name in names]


# -- Suricata --------------------------------------------------------------------------------------------------------


@cache
def suricata() -> dict[str, list[Message]]:
    """Capture -> fields, by dotted path, of the DNP3 transactions that Suricata's own tests expect there."""
    found = defaultdict(list)
    for line in (CAPTURES / "SURICATA_EVENTS.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["file"] in captures() and "dnp3.type" in event["match"] and "dnp3.src" in event["match"]:
            found[event["file"]].append(event["match"])
    return dict(found)


# -- what is known to differ -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """One row of tests/golden/differences.tsv: two views of one thing, and who is right."""

    capture: str
    view: str
    """`counts` and `fields` are tshark's; else the name of a Zeek log."""
    what: str
    ours: str
    theirs: str
    right: str
    """ours, theirs, both or neither."""
    reason: str
    """The heading in docs/differences.md that explains it."""


@cache
def differences() -> list[Difference]:
    """Everything that is known to differ."""
    return [Difference(**row) for row in _tsv(DIFFERENCES)]


def known(view: str, capture: str) -> dict[str, tuple[str, str]]:
    """What -> (ours, theirs) of one view of one capture."""
    return {d.what: (d.ours, d.theirs) for d in differences() if d.view == view and d.capture == capture}


Found = dict[tuple[str, str], tuple[Any, Any]]
"""(capture, what) -> (ours, theirs) wherever those two differ."""


def assert_known(view: str, looked_at: Iterable[str], found: Found) -> None:
    """The differences are exactly those of the table: a new one fails, and so does one that has gone."""
    table = {(name, what): pair for name in looked_at for what, pair in known(view, name).items()}
    shown = {key: (_text(ours), _text(theirs)) for key, (ours, theirs) in found.items()}
    new = {key: pair for key, pair in shown.items() if table.get(key) != pair}
    gone = {key: pair for key, pair in table.items() if key not in shown}
    assert not new and not gone, f"{view}\nnew: {_lines(new)}\ngone: {_lines(gone)}"


def _text(value: Any) -> str:
    """A value as the table writes it: long ones cut."""
    written = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return written if len(written) <= 60 else written[:57] + "..."


def _lines(pairs: dict[tuple[str, str], tuple[str, str]]) -> str:
    return "".join("\n" + "\t".join((name, what, *pair)) for (name, what), pair in sorted(pairs.items())) or "none"


def _tsv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
