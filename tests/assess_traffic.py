"""Traffic for tests of the assessment: small tables built by hand, and a site to hold them against."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import json
from typing import Any

from sentinel.assess.checks.registry import checks
from sentinel.assess.coverage import measure
from sentinel.assess.model import Asset, CheckResult, Conduit, Observation, Outcome, Site, Text, Ticket, Zone
from sentinel.assess.view import Rows, View

SECOND = 10**9
HOUR = 3600 * SECOND
START = 1_700_000_000 * SECOND
"""2023-11-14 22:13:20 UTC."""

PLC, RTU, HMI, ENGINEER, LAPTOP = "10.0.1.10", "10.0.1.11", "10.0.1.50", "10.0.1.60", "10.0.1.199"
OFFICE, SERVER, JUMP, PUBLIC = "10.0.4.20", "10.0.4.10", "10.0.35.5", "8.8.4.4"


def text(word: str) -> Text:
    return Text(word, word)


def zone(id_: str, level: str, kind: str, *subnets: str, declared: bool = True, **more: Any) -> Zone:
    return Zone(id_, text(id_), level, kind, subnets, declared=declared, **more)


PLAN = (zone("cell", "1", "ot", "10.0.1.0/24"), zone("dmz", "3.5", "dmz", "10.0.35.0/24"), zone("office", "4", "it", "10.0.4.0/24"))
PROPOSED = tuple(zone(z.id, z.level, z.kind, *z.subnets, declared=False) for z in PLAN)


def asset(address: str, kind: str = "plc", listed: bool = True, observed: bool = True, **more: Any) -> Asset:
    return Asset(id=f"a-{address}", name=more.pop("name", address), observed=observed, listed=listed, ips=(address,), kind=kind, **more)


def plant(*assets: Asset, zones: tuple[Zone, ...] = PLAN, conduits: tuple[Conduit, ...] = (), tickets: tuple[Ticket, ...] = (), **more: Any) -> Site:
    return Site(assets=assets, zones=zones, conduits=conduits, tickets=tickets, **more)


class Traffic:
    """Rows of tables; every flow has frames of its own, and a capture that holds them all."""

    def __init__(self, hours: float = 24.0, **capture: Any):
        self.hours = hours
        self.frames = 0
        self.tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("flows", "messages", "alerts", "facts", "assets", "points", "captures")
        }
        self.capture = capture

    def flow(
        self, client: str, server: str, port: int | None, protocol: str = "", *, transport: str = "tcp", up: int = 300,
        down: int = 900, at: float = 1.0, lasts: float = 60.0, proven: bool | None = None, **more: Any,
    ) -> Traffic:  # fmt: skip
        """One flow that began `at` hours after the start and lasted some seconds; `up` and `down` are payload bytes."""
        self.frames += 10
        first = START + int(at * HOUR)
        known = bool(protocol) if proven is None else proven
        row = {
            "flow": len(self.tables["flows"]) + 1, "capture": 1, "frame": self.frames - 9, "last_frame": self.frames, "time": first, "last_time": first + int(lasts * SECOND),
            "client": client, "server": server, "client_port": 50000 + len(self.tables["flows"]), "server_port": port, "transport": transport, "packets_client": 5, "packets_server": 5,
            "bytes_client": up + 300, "bytes_server": down + 300, "payload_client": up, "payload_server": down, "protocol": protocol,
            "label_by": "payload of both sides" if known else "port only" if protocol else "", "state": "closed" if transport == "tcp" else "", "messages": 0, **more,
        }  # fmt: skip
        self.tables["flows"].append(row)
        return self

    def say(self, operation: str, activity: str, kind: str = "request", n: int = 1, every: float = 1.0, after: float = 0.0, **more: Any) -> Traffic:
        """Messages in the newest flow: `n` of them, `every` so many seconds, the first `after` seconds."""
        flow = self.tables["flows"][-1]
        flow["messages"] += n
        ends = (flow["client"], flow["server"]) if kind == "request" else (flow["server"], flow["client"])
        for i in range(n):
            self.tables["messages"].append(
                {
                    "message": len(self.tables["messages"]) + 1, "capture": flow["capture"], "frame": min(flow["frame"] + i, flow["last_frame"]), "time": flow["time"] + int((after + i * every) * SECOND),
                    "flow": flow["flow"], "src": ends[0], "dst": ends[1], "transport": flow["transport"], "protocol": flow["protocol"], "kind": kind, "operation": operation,
                    "activity": activity, "length": 12, "pairing": "answered", **more,
                }
            )  # fmt: skip
        return self

    def alert(self, name: str, src: str, dst: str, techniques: tuple[str, ...] = ("T0855",), severity: str = "high", at: float = 1.0, **more: Any) -> Traffic:
        time = START + int(at * HOUR)
        self.frames = max(self.frames, 10)
        self.tables["alerts"].append(
            {
                "alert": f"alert-{len(self.tables['alerts'])}", "rule": name, "name": name, "title_en": name, "title_zh": f"告警 {name}", "why_en": f"{name}.", "why_zh": f"告警 {name}。", "severity": severity,
                "techniques": json.dumps(list(techniques)), "src": src, "dst": dst, "count": 1, "first_time": time, "last_time": time, "evidence": "[[1, 5]]", "state": "open", **more,
            }
        )  # fmt: skip
        return self

    def fact(self, device: str, kind: str, value: str, source: str = "s7comm", at: float = 1.0, **more: Any) -> Traffic:
        self.frames = max(self.frames, 10)
        self.tables["facts"].append(
            {"fact": f"f{len(self.tables['facts'])}", "capture": 1, "frame": 7, "time": START + int(at * HOUR), "device": device, "kind": kind, "value": value, "source": source, "confidence": 0.9, **more}
        )
        return self

    def device(self, address: str, **more: Any) -> Traffic:
        """A row of `assets`: what the wire said of a device."""
        self.tables["assets"].append(
            {
                "asset": f"w-{address}", "ips": json.dumps([address]), "macs": "[]", "evidence": "[[1, 3]]", "first_time": START, "last_time": START + int(self.hours * HOUR), "protocols": "{}", **more,
            }
        )  # fmt: skip
        return self

    def view(self, site: Site | None = None) -> View:
        """A view with the coverage measured, as the engine makes it."""
        capture = {
            "capture": 1, "run": "1", "sha256": "ab" * 32, "path": "tap.pcap", "format": "pcap", "state": "complete", "frames": max(self.frames, 10), "first_time": START,
            "last_time": START + int(self.hours * HOUR), "dropped": 0, "detail": "{}", **self.capture,
        }  # fmt: skip
        tables = {**self.tables, "captures": self.tables["captures"] or [capture]}
        source = Rows(**tables)
        return View(source, site, measure(View(source, site)))


def run(check: str, traffic: Traffic, site: Site | None = None, **params: Any) -> CheckResult:
    """The result of a check, with everything that must hold of any result asserted."""
    view = traffic.view(site)
    result = checks()[check].run(view, params)
    sound(result, view)
    return result


def sound(result: CheckResult, view: View) -> None:
    """What holds of every result: ids are stable and unique, sentences are whole, evidence lies in the captures."""
    ids = [o.id for o in result.observations]
    assert len(ids) == len(set(ids)), f"{result.check}: two observations have one id"
    assert result.reason.zh and result.reason.en
    last = {row["capture"]: row["frames"] for row in view.captures.iter_rows(named=True)}
    for o in result.observations:
        assert o.check == result.check and o.subject
        whole(o.title, o.detail)
        assert o.evidence, f"{o.check} {o.subject} rests on nothing"
        for piece in o.evidence:
            assert all(1 <= frame <= last[piece.capture] for frame in piece.frames), (o.check, piece)
        assert set(o.assets) <= {a.id for a in view.site.assets}
        assert set(o.zones) <= {z.id for z in view.site.zones}
    counted = {o.outcome for o in result.observations if not o.ticket}
    assert (result.outcome is Outcome.VIOLATED) == (Outcome.VIOLATED in counted)
    assert set(result.by_zone) == {z.id for z in view.site.zones}


def whole(*sentences: Text) -> None:
    for sentence in sentences:
        for words in (sentence.zh, sentence.en):
            assert words and "None" not in words and "{" not in words and "  " not in words, sentence
        assert any("一" <= c <= "鿿" for c in sentence.zh) or sentence.zh == sentence.en, sentence


def violated(result: CheckResult) -> list[Observation]:
    """The observations that count."""
    assert result.outcome is Outcome.VIOLATED, (result.outcome, result.reason.en)
    return [o for o in result.observations if o.outcome is Outcome.VIOLATED and not o.ticket]


def quiet(result: CheckResult, outcome: Outcome = Outcome.NOT_OBSERVED) -> CheckResult:
    """A result that is nothing but that outcome."""
    assert result.outcome is outcome, (result.outcome, result.reason.en)
    return result
