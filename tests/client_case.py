"""A case for tests of what the client knows: tables as they are given, and a journal in memory."""

from __future__ import annotations

import json
from typing import Any

from sentinel.assess.view import Rows
from sentinel.store import _journal

SHA = "ab" * 32


class ClientCase:
    """What the assessment asks of a `Case`, without a disk."""

    def __init__(self, assets=(), flows=()):
        self._rows = Rows(captures=[{"capture": 1, "sha256": SHA}], assets=list(assets), flows=list(flows))
        self.entries: list[dict[str, Any]] = []

    def scan(self, table):
        return self._rows.scan(table)

    def captures(self):
        return self.scan("captures").collect()

    def assets(self):
        return self.scan("assets").collect()

    def record(self, entries, author, source="edit"):
        for kind, subject, value in entries:
            kept = json.loads(json.dumps(value))
            n = len(self.entries) + 1
            self.entries.append(
                {
                    "entry": n,
                    "kind": kind,
                    "subject": subject,
                    "value": kept,
                    "author": author,
                    "time": n,
                    "source": source,
                }
            )
        return len(self.entries)

    def journal(self, kind=None, subject=None):
        return [e for e in self.entries if kind in (None, e["kind"]) and subject in (None, e["subject"])]

    def current(self, kind):
        return _journal.current(self.journal(kind))


def seen(n: int, ips=(), macs=(), role="plc", **more) -> dict:
    """One row of `assets`."""
    return {
        "asset": f"asset-{n}", "ips": json.dumps(list(ips)), "macs": json.dumps(list(macs)), "role": role,
        "evidence": "[[1, 3], [1, 9]]", **more,
    }  # fmt: skip


def talk(client: str, server: str, protocol="modbus", **more) -> dict:
    """One row of `flows` with messages both ways."""
    return {
        "client": client, "server": server, "protocol": protocol, "transport": "tcp", "server_port": 502,
        "label_by": "payload of both sides", "messages": 4, "payload_client": 12, "payload_server": 12,
        "packets_client": 5, "packets_server": 5, **more,
    }  # fmt: skip
