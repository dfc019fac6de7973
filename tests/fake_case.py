"""A small case in memory, for tests of what is shown of a case."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

import sentinel
from sentinel import schema
from sentinel.store.tables import polars_schema

START = 1_709_280_000_000_000_000
"""2024-03-01 08:00:00 UTC."""
STOP_ID = "3fa9c1d2e4b5a697"
SCAN_ID = "3fa0aa0000000000"

_ZERO: dict[str, Any] = {"bool": False, "f64": 0.0, "text": "", "bytes": b""}


def row(table: str, **values: Any) -> dict[str, Any]:
    """A row with every column of the table: as given, else null where allowed, else zero or empty."""
    columns = schema.TABLES[table].columns
    assert values.keys() <= {c.name for c in columns}, values.keys() - {c.name for c in columns}
    return {c.name: values.get(c.name, None if c.null else _ZERO.get(c.type, 0)) for c in columns}


def alert(id_: str, **values: Any) -> dict[str, Any]:
    """An alert on the PLC by the attacker."""
    given = {"alert": id_, "src": "10.0.0.66", "dst": "10.0.0.10", "count": 1, "first_time": START, "last_time": START}
    return row(
        "alerts", **{**given, "techniques": "[]", "evidence": "[[1, 4]]", "flows": "[1]", "state": "open", **values}
    )


MODBUS = {"transport": "tcp", "protocol": "modbus"}
FLOW = {"capture": 1, "server": "10.0.0.10", "server_port": 502, **MODBUS, "confidence": 1.0}
READ = {"function": 3, "operation": "read_holding_registers", "activity": "read", "unit": 0, "transaction": 7}
REGISTER = {"object": "holding_register", "quantity": 1}
POINT = {"capture": 1, "device": "10.0.0.10", "protocol": "modbus", "object": "holding_register"}


def message(number: int, source: str, target: str, ports: tuple[int, int], after: int, **values: Any) -> dict[str, Any]:
    """A Modbus message in frame 4 + `number`, `after` ns after the start."""
    ends = {"src": source, "dst": target, "sport": ports[0], "dport": ports[1], "frame": 4 + number}
    return row("messages", message=number, capture=1, time=START + after, **MODBUS, **ends, **values)


ROWS: dict[str, list[dict[str, Any]]] = {
    "polls": [],
    "trends": [],
    "thinned": [],
    "journal": [],
    "assessments": [],
    "captures": [
        row("captures", capture=1, path="plant.pcapng", format="pcapng", state="complete", frames=420, first_time=START,
            last_time=START + 90_000_000_000, detail="{}"),
    ],
    "flows": [
        row("flows", flow=1, **FLOW, client="10.0.0.20", client_port=40000, label_by="payload of both sides",
            messages=380, packets_client=200, packets_server=200, payload_client=2400, payload_server=4000,
            state="closed"),
        row("flows", flow=2, **FLOW, client="10.0.0.66", client_port=40001, label_by="payload of one side", messages=4,
            packets_client=10, payload_client=48, gaps=2, gap_bytes=4100, state="midstream"),
        row("flows", flow=3, capture=1, client="10.0.0.20", server="10.0.0.9", client_port=40002, server_port=4444,
            transport="tcp", packets_client=5, packets_server=5, payload_client=100, payload_server=100),
    ],
    "messages": [
        message(0, "10.0.0.20", "10.0.0.10", (40000, 502), 0, flow=1, kind="request", **READ,
                object="holding_register", address=0, quantity=2, length=12),
        message(1, "10.0.0.10", "10.0.0.20", (502, 40000), 1_500_000, flow=1, kind="response", **READ, pair=0,
                latency=1_500_000, pairing="answered", length=13),
        message(2, "10.0.0.66", "10.0.0.10", (40001, 502), 2_000_000, flow=2, kind="request", function=6,
                operation="write_single_register", activity="write", unit=1, **REGISTER, address=5, transaction=0,
                fault="length", detail="[red]odd[/red]", length=12),
    ],
    "items": [row("items", message=2, index=0, **REGISTER, address=5)],
    "points": [
        row("points", **POINT, frame=5, time=START, message=1, flow=1, unit=0, address=0, value=0.0, access="read"),
        row("points", **POINT, frame=5, time=START, message=1, flow=1, unit=0, address=1, value=1234.5, access="read"),
        row("points", **POINT, frame=6, time=START, message=2, flow=2, unit=1, address=5, value=float("nan"),
            access="write"),
    ],
    "facts": [
        row("facts", fact="f1", capture=1, frame=5, time=START, device="10.0.0.10", kind="vendor",
            value="Schneider Electric", source="modbus", confidence=0.9),
    ],
    "assets": [
        row("assets", asset="a1", ips='["10.0.0.10"]', macs='["00:80:f4:00:00:01"]', vendor="Schneider Electric",
            vendor_by="fact", model="BMX P34 2020", firmware="v2.1", role="plc", level="1",
            protocols='{"modbus": "server"}', packets=400, evidence="[[1, 1]]"),
        row("assets", asset="a2", parent="a1", ips="[]", macs="[]", unit=0, role="unknown", protocols="{}",
            evidence="[]"),
        row("assets", asset="a3", ips='["10.0.0.20", "10.0.1.20"]', macs="[]", name="[bold]HMI-1", role="hmi",
            level="2", protocols='{"modbus": "client"}', packets=390, evidence="[]"),
        row("assets", asset="a4", ips='["10.0.0.66"]', macs="[]", role="client", protocols='{"modbus": "client"}',
            packets=10, evidence="[]"),
    ],
    "alerts": [
        alert(SCAN_ID, rule="r2", name="modbus_scan", title_en="Function codes tried one after another",
              title_zh="逐个尝试功能码", severity="low", techniques='["T0846"]', why_en="Ten functions in a second.",
              why_zh="一秒内尝试了十个功能码。"),
        alert(STOP_ID, rule="r1", name="modbus_write", title_en="Output written by a new host", title_zh="新主机写输出",
              severity="critical", unit=1, count=3, last_time=START + 9_000_000_000, techniques='["T0855"]',
              evidence=json.dumps([[1, n] for n in range(4, 14)]), why_en="10.0.0.66 wrote register 5.",
              action_en="Ask who did it.", why_zh="10.0.0.66 写了寄存器 5。"),
    ],
    "faults": [
        row("faults", capture=1, frame=6, time=START, flow=2, code="length", count=1, protocol="modbus", offset=0),
    ],
}  # fmt: skip


def frame(table: str) -> pl.DataFrame:
    """The rows of one table, typed as the store types them."""
    wanted = polars_schema(table)
    times = {name: dtype for name, dtype in wanted.items() if isinstance(dtype, pl.Datetime)}
    loose = {name: pl.Int64 if name in times else dtype for name, dtype in wanted.items()}
    table_ = pl.DataFrame(ROWS[table], schema=loose)
    return table_.with_columns(pl.col(name).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC") for name in times)


class Case:
    """What the commands use of `sentinel.store.case.Case`."""

    @classmethod
    def open(cls, path: Path, mode: str = "read") -> Case:
        """Any folder is this case."""
        assert mode == "read"
        return cls()

    def scan(self, table: str) -> pl.LazyFrame:
        """The rows of one table."""
        return frame(table).lazy()

    def __enter__(self) -> Case:
        return self

    def __exit__(self, *_args: object) -> None:
        """Nothing is open."""


def capture(**values: Any) -> dict[str, Any]:
    """One element of a summary's `captures`."""
    given = {"path": "plant.pcapng", "sha256": "ab" * 32, "state": "complete", "format": "pcapng", "frames": 420}
    given |= {"first_time": START, "last_time": START + 90_000_000_000, "cut": 0, "dropped": None, "duplicates": 12}
    return {**given, "backwards": 0, "unread": 0, "known": False, "copy_of": None, "fault": None, **values}


def summary(**values: Any) -> dict[str, Any]:
    """What `pipeline.analyze` returns for the case above."""
    speak = {
        "modbus": {"label_by": "payload of both sides", "confidence": 1.0, "flows": 2, "messages": 384},
        "dnp3": {"label_by": "port only", "confidence": 0.2, "flows": 1, "messages": 0},
    }
    given: dict[str, Any] = {
        "frames": 420, "bytes": 51_234, "seconds": 0.42, "flows": 3, "messages": {"modbus": 384}, "points": 3,
        "facts": 1, "assets": 4, "alerts": {"modbus_write": 1, "modbus_scan": 1}, "faults": {"length": 1}, "gaps": 2,
        "duplicates": 12, "unread": {"ethertype 0x88cc": 3}, "captures": [capture()], "case": "acme",
        "interrupted": False, "protocols": [{"protocol": name, **said} for name, said in speak.items()],
    }  # fmt: skip
    return {**given, **values}


class Pipeline(ModuleType):
    """What the commands use of `sentinel.pipeline`: answers as it was told to and keeps how it was asked."""

    def __init__(self, answer: dict[str, Any], batches: Iterable[dict[str, pl.DataFrame]] = ()):
        super().__init__("sentinel.pipeline")
        self.answer = answer
        self.batches = batches
        self.asked: list[dict[str, Any]] = []

    def analyze(self, paths: list[Any], case: Path, **options: Any) -> dict[str, Any]:
        """The answer."""
        self.asked.append({"paths": paths, "case": case, **options})
        return self.answer

    def dissect(self, path: Any, *, limit: int | None = None) -> Iterator[dict[str, pl.DataFrame]]:
        """The batches."""
        self.asked.append({"path": path, "limit": limit})
        yield from self.batches


def batch() -> dict[str, pl.DataFrame]:
    """The case's messages as one batch of `pipeline.dissect`."""
    tables = {name: frame(name) for name in ("messages", "items", "points", "flows", "facts", "faults")}
    extra = {"message": [0, 1, 2], "subfunction": [0, None, None], "raw": [b"\x00", b"", None]}
    return {**tables, "ext/modbus": pl.DataFrame(extra)}


def install(monkeypatch: pytest.MonkeyPatch, **values: Any) -> Pipeline:
    """Put the case above and a pipeline in the place of the real ones; `values` change the pipeline's summary."""
    module = ModuleType("sentinel.store.case")
    module.Case = Case  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentinel.store.case", module)
    pipeline = Pipeline(summary(**values), [batch()])
    monkeypatch.setitem(sys.modules, "sentinel.pipeline", pipeline)
    monkeypatch.setattr(sentinel, "pipeline", pipeline, raising=False)
    return pipeline
