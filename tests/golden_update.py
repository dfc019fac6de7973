"""Golden tables: what Sentinel reads from the project's own captures and samples. `python tests/golden_update.py`
writes them anew; review the difference like code.

A table is JSON Lines: what was counted, then the first messages and the first of every kind. What changes from run to
run, or says nothing about the reading (times, numbers of rows), is left out.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import oracles
import polars as pl
from battery import ANSWER, ASK, Sample, wire_of
from conftest import ROOT
from cotp_wire import data
from dnp3_samples import BACK, answer, link, request
from frames import Talk, pcap
from s7comm_samples import message_of
from s7comm_wire import way

from sentinel import pipeline
from sentinel.cli._jsonl import lines

GOLDEN = ROOT / "tests/golden"
PAGE = ROOT / "docs/differences.md"
TABLE_BEGINS = "<!-- table: tests/golden/differences.tsv, by tests/golden_update.py -->\n"
FIRST = 50
MAX_VALUES = 16
Tables = dict[str, pl.DataFrame]

_LEFT_OUT = ("time", "time_ns", "message", "flow", "pair", "latency", "index", "offset", "length", "transport")
_ENDS = ("src", "dst", "sport", "dport")


# -- captures --------------------------------------------------------------------------------------------------------


def messages_of(tables: list[Tables]) -> list[oracles.Message]:
    """The messages of a capture as `sentinel dissect --jsonl` prints them."""
    return [json.loads(line) for batch in tables for line in lines(batch)]


def golden_table(tables: list[Tables]) -> list[dict[str, Any]]:
    """The golden table of a capture."""
    messages = messages_of(tables)
    flows: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    facts: set[str] = set()
    for batch in tables:
        flows.update(" ".join(filter(None, row)) or "unknown" for row in _texts(batch["flows"], "protocol", "label_by"))
        faults.update(" ".join(row) for row in _texts(batch["faults"], "protocol", "code", "detail"))
        if "facts" in batch:
            facts.update(" ".join(row) for row in _texts(batch["facts"], "device", "kind", "value"))
    head = {
        "messages": _sorted(Counter(" ".join(kind_of(m)[:3]) for m in messages)),
        "points": sum(batch["points"].height for batch in tables),
        "pairing": _sorted(Counter(m.get("pairing", "none") for m in messages)),
        "flows": _sorted(flows),
        "faults": _sorted(faults),
        "facts": sorted(facts),
    }
    seen: set[tuple[str, ...]] = set()
    rows = []
    for number, message in enumerate(messages):
        kind = kind_of(message)
        if number < FIRST or kind not in seen:
            rows.append(canonical(message))
        seen.add(kind)
    return [head, *rows]


def kind_of(message: oracles.Message) -> tuple[str, ...]:
    """What makes a message unlike others: protocol, kind, operation, status, fault."""
    status = str(message.get("status", ""))
    return message["protocol"], message["kind"], message.get("operation", ""), status, message.get("fault", "")


def canonical(message: oracles.Message) -> oracles.Message:
    """A message without what changes from run to run; long lists of values are cut."""
    ends = [
        f"{message[a]}:{message[p]}" if p in message else message[a] for a, p in (("src", "sport"), ("dst", "dport"))
    ]
    rest = {k: v for k, v in message.items() if k not in _LEFT_OUT and k not in _ENDS}
    if rest.get("first_frame") == rest["frame"]:
        del rest["first_frame"]
    for name in ("values", "items"):
        if len(rest.get(name, ())) > MAX_VALUES:
            rest[name] = [*rest[name][:MAX_VALUES], f"and {len(rest[name]) - MAX_VALUES} more"]
    return {"frame": rest.pop("frame"), "ends": " > ".join(ends), **rest}


def _texts(table: Any, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(str(cell or "") for cell in row) for row in table.select(columns).iter_rows()]


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


# -- wire samples ----------------------------------------------------------------------------------------------------


def samples(name: str) -> list[Sample]:
    """What the battery sends to a parser, as one conversation; of DNP3 and S7comm every operation besides."""
    wire = wire_of(name)
    more = {"dnp3": dnp3_functions, "s7comm": s7comm_operations}.get(name, list)
    return [*wire.opening, *wire.samples, *more()]


def s7comm_operations() -> list[Sample]:
    """A message of each operation, in the direction that it tells itself."""
    messages = [message_of(key) for key in sorted(oracles.protocol("s7comm").operations)]
    return [(way(message), data(message)) for message in messages]


def dnp3_functions() -> list[Sample]:
    """A frame of each application function and of each link function."""
    functions = sorted(key for key in oracles.protocol("dnp3").operations if key <= 33)
    asked = [(ASK, request(function, seq=function % 16)) for function in functions]
    answered = [(ANSWER, answer(function=function, iin=0x9001)) for function in (129, 131)]
    links = [(ASK, link(control=control)) for control in (0xC0, 0xC1, 0xD2, 0xC9, 0xC5)]
    return [
        *asked,
        *answered,
        *links,
        *((ANSWER, link(**{**BACK, "control": control})) for control in (0, 1, 11, 14, 15)),
    ]


def capture_of(name: str) -> bytes:
    """A capture of one connection that carries a parser's samples."""
    talk = Talk(dport=wire_of(name).port).open()
    for side, piece in samples(name):
        talk.send(side, piece)
    return pcap(talk.close().records)


# -- what is written -------------------------------------------------------------------------------------------------


@cache
def sources() -> dict[str, list[Tables]]:
    """Name of each golden table -> the tables that it is made from."""
    found = {path.name: list(pipeline.dissect(path)) for path in sorted((ROOT / "pcaps").glob("*.pcap*"))}
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(path.stem.removesuffix("_wire") for path in (ROOT / "tests").glob("*_wire.py")):
            path = Path(folder) / f"{name}.pcap"
            path.write_bytes(capture_of(name))
            found[f"samples-{name}"] = list(pipeline.dissect(path))
    return found


def operations() -> dict[str, dict[str, int]]:
    """Protocol -> operation -> messages in the captures and samples of the golden tables."""
    counted: dict[str, Counter[str]] = {}
    for tables in sources().values():
        for message in messages_of(tables):
            if "operation" in message:
                counted.setdefault(message["protocol"], Counter())[message["operation"]] += 1
    return {protocol: dict(sorted(names.items())) for protocol, names in sorted(counted.items())}


def differences_page() -> str:
    """docs/differences.md as it stands, with the table made anew."""
    before, marker, _ = PAGE.read_text(encoding="utf-8").partition(TABLE_BEGINS)
    if not marker:
        raise RuntimeError(f"{PAGE} has no line {TABLE_BEGINS!r}")
    head = ("Capture", "View", "What", "Ours", "Theirs", "Right", "Why")
    rows = [head, ("---",) * len(head)]
    for d in oracles.differences():
        anchor = re.sub(r"[^a-z0-9 -]", "", d.reason.lower()).replace(" ", "-")
        cells = (d.ours or "none", d.theirs or "none")
        rows.append((d.capture, d.view, d.what, *cells, d.right, f"[{d.reason}](#{anchor})"))
    return before + marker + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def files() -> dict[Path, str]:
    """Every file that this module writes, and what it must hold."""
    written = {GOLDEN / f"{name}.jsonl": table_text(golden_table(tables)) for name, tables in sources().items()}
    written[GOLDEN / "operations.json"] = json.dumps(operations(), indent=1) + "\n"
    written[PAGE] = differences_page()
    return written


def table_text(rows: list[dict[str, Any]]) -> str:
    """JSON Lines; the first row, which is long, is laid out."""
    return json.dumps(rows[0], indent=1, ensure_ascii=False) + "\n" + "".join(
        json.dumps(row, ensure_ascii=False) + "\n" for row in rows[1:]
    )  # fmt: skip


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")
