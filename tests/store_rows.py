"""Rows of the tables of a case, for the tests of everything that stands on one."""

from __future__ import annotations

import polars as pl

from sentinel import schema
from sentinel.store import tables
from sentinel.store.case import Case

SHA_A, SHA_B, SHA_C = "a" * 64, "b" * 64, "c" * 64
T0 = 1_700_000_000_000_000_000


def frame(table: str, n: int, **columns) -> pl.DataFrame:
    """What a table of the schema stores: n rows, zero or empty where `columns` says nothing."""
    data = {}
    for name, dtype in tables.stored_schema(table).items():
        value = columns.get(name)
        if isinstance(value, pl.Series):
            data[name] = value
        elif value is not None:
            data[name] = pl.Series([value] * n, dtype=dtype)
        elif schema.TABLES[table].column(name).null:
            data[name] = pl.Series([None] * n, dtype=dtype)
        else:
            data[name] = pl.Series(["" if dtype == pl.String else 0] * n).cast(dtype)
    return pl.DataFrame(data)


def messages(run, n: int) -> pl.DataFrame:
    number = pl.Series(range(run.base, run.base + n), dtype=pl.Int64)
    capture = run.captures[0]["capture"]
    return frame("messages", n, message=number, capture=capture, time=T0, flow=run.base, protocol="modbus", unit=0)


def alert(name: str, count: int = 1, frames=((1, 1),), first: int = T0, last: int = T0, **more) -> dict:
    row = {"alert": name, "rule": "r", "severity": "high", "count": count, "first_time": first, "last_time": last}
    return row | {"evidence": [list(f) for f in frames], "flows": [1], "techniques": ["T0858"], "state": "open"} | more


def asset(id_: str, **more) -> dict:
    row = {"asset": id_, "ips": ["10.0.0.1"], "macs": [], "role": "host", "protocols": {}, "evidence": [[1, 1]]}
    return row | {"first_time": T0, "last_time": T0, "packets": 1, "bytes": 60} | more


def fact(value: str, confidence: float = 0.5, time_ns: int = T0, capture: int = 1) -> dict:
    return {
        "capture": capture, "frame": 7, "time": time_ns, "device": "10.0.0.1", "unit": 0, "kind": "model",
        "value": value, "source": "modbus", "confidence": confidence,
    }  # fmt: skip


def analyse(case: Case, sha256: str, n: int = 3, state: str = "finish", **rows) -> bool:
    """One whole run over one capture."""
    with case.begin_run([{"sha256": sha256, "path": f"/x/{sha256[0]}.pcap", "format": "pcap"}]) as run:
        run.write("messages", messages(run, n))
        end = run.finish if state == "finish" else run.interrupt
        captures = [{**c, "frames": n} for c in run.captures]
        return end(captures, rows.get("facts", []), rows.get("assets", []), rows.get("alerts", []), {"frames": n})
