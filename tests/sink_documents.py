"""Documents of a small case, for the tests of the sinks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from store_rows import SHA_A, alert, messages

from sentinel.sinks.documents import Document, Writer
from sentinel.store.case import Case
from sentinel.store.outbox import Outbox

WHY = {
    "title_en": "Controller | stopped", "title_zh": "控制器被停止",
    "why_en": "10.0.0.66 told a=b \\ to stop.\nAt once.",
    "why_zh": "10.0.0.66 命令停止。", "action_en": "Ask who.", "action_zh": "询问是谁。", "name": "plc_stop",
    "src": "10.0.0.66", "dst": "10.0.0.10", "protocol": "s7comm",
}  # fmt: skip


def an_alert(id_: str = "a1", **more: Any) -> dict[str, Any]:
    """A row as the pipeline makes it."""
    known = {name: more.pop(name) for name in ("count", "frames", "first", "last") if name in more}
    return {**alert(id_, **known), **WHY, **more}


def a_case(folder: Path, n: int = 5, **rows: Any) -> Path:
    """A case of one capture with n messages, and the alerts given."""
    with Case.open(folder) as case:
        add(case, SHA_A, n, **rows)
    return folder


def add(case: Case, sha256: str, n: int, **rows: Any) -> None:
    """One more capture with n messages, a frame each."""
    with case.begin_run([{"sha256": sha256, "path": f"/x/{sha256[0]}.pcap", "format": "pcap"}]) as run:
        run.write(
            "messages", messages(run, n).with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("frame"))
        )
        found = [rows.get(table, []) for table in ("facts", "assets", "alerts")]
        run.finish([{**capture, "frames": n} for capture in run.captures], *found, {})


def of(folder: Path, table: str = "alerts", observer: str = "tap-1") -> list[Document]:
    """All documents of a table of a case."""
    with Case.open(folder, "read") as case, Outbox(case, "test", look_only=True) as outbox:
        offer = outbox.offer(table, 10_000)
        return [] if offer is None else Writer(observer, lambda number: SHA_A).documents(offer)


def alerts(folder: Path, *rows: dict[str, Any]) -> list[Document]:
    """Documents of alerts, through a case."""
    return of(a_case(folder, 1, alerts=list(rows) or [an_alert()]))
