"""A small press line for the tests of verdicts, findings and risks: three zones, their devices, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.assess.model import (
    Answer,
    Asset,
    CheckResult,
    Conduit,
    Control,
    Coverage,
    Evidence,
    Observability,
    Observation,
    Outcome,
    Pack,
    Site,
    Test,
    Text,
    Zone,
)

DAY = 86_400_000_000_000
START = 1_780_000_000_000_000_000

V, C, N, X = Outcome.VIOLATED, Outcome.CONFIRMED, Outcome.NOT_OBSERVED, Outcome.NOT_ASSESSABLE


def text(words: str) -> Text:
    return Text(f"（{words}）", words)


def frames(*numbers: int) -> Evidence:
    return Evidence("frames", capture=1, sha256="ab" * 32, frames=numbers)


def alert(id_: str, *numbers: int) -> Evidence:
    return Evidence("alert", id_, 1, "ab" * 32, numbers)


ZONES = (
    Zone("cell-1", text("Press cell 1"), "1", "ot"),
    Zone("ops", text("Operations"), "3", "ot"),
    Zone("office", text("Office"), "4", "it"),
    Zone("net", text("Internet"), "5", "external"),
)

PLC = Asset("a-plc", "PRESS-PLC1", True, True, ("192.0.2.10",), kind="plc", zone="cell-1")
SWITCH = Asset("a-switch", "SW-1", True, True, ("192.0.2.2",), kind="switch", zone="cell-1")
HISTORIAN = Asset("a-hist", "HIST-1", True, True, ("203.0.113.5",), kind="historian", zone="ops")
OFFICE = Asset("a-pc", "OFFICE-PC7", True, False, ("198.51.100.77",), kind="host", zone="office")


def plant(
    *assets: Asset, zones: tuple[Zone, ...] = ZONES, answers: Mapping[str, Answer] | None = None, **engagement: Any
) -> Site:
    return Site(
        assets=assets or (PLC, SWITCH, HISTORIAN, OFFICE), zones=zones,
        conduits=(Conduit("c-1", "ops", "cell-1", ("s7comm",)),), answers=answers or {}, engagement=engagement,
    )  # fmt: skip


def covered(share: float = 0.95, hours: float = 14 * 24.0) -> Coverage:
    rows = tuple(
        {"zone": zone.id, "seen": True, "hours": hours, "packets": 1000, "visibility": share} for zone in ZONES
    )
    return Coverage(zones=rows, hours=hours, frames=100_000, share=share)


def answer(question: str, value: Any, state: str = "stated", note: str = "") -> Answer:
    return Answer(question, value, state, "Li Ming", START, note)


def observation(check: str, subject: str, outcome: Outcome = V, *, id_: str = "", **more: Any) -> Observation:
    more.setdefault("evidence", (frames(7, 9),))
    more.setdefault("first_time", START)
    more.setdefault("last_time", START + DAY)
    name = id_ or f"{check}-{subject}".replace(" ", "-").lower()
    return Observation(name, check, subject, outcome, text(check), text(f"{subject}, seen by {check}"), **more)


def result(check: str, *observations: Observation, outcome: Outcome | None = None, **more: Any) -> CheckResult:
    counted = [o.outcome for o in observations if not o.ticket]
    decided = outcome or (V if V in counted else N)
    more.setdefault("coverage", 0.95)
    return CheckResult(check, decided, text(f"{check} says {decided.value}"), observations, **more)


def download(*, ticket: str = "", id_: str = "", days: int = 14) -> Observation:
    """The office PC downloads a program to the press controller."""
    return observation(
        "CO-01", "198.51.100.77>192.0.2.10 s7comm", ticket=ticket, id_=id_, assets=("a-pc", "a-plc"),
        zones=("office", "cell-1"), protocol="s7comm", techniques=("T0843",), values={"events": 1, "days": days},
        evidence=(alert("al-1", 5120), frames(5120, 5133)),
    )  # fmt: skip


def control(
    id_: str, *tests: Test, framework: str = "pack", levels: tuple[str, ...] = (), zones: tuple[str, ...] = (),
    observability: Observability = Observability.TRAFFIC,
) -> Control:  # fmt: skip
    return Control(framework, id_, text(id_), text(id_), text("part"), levels, observability, zones=zones, tests=tests)


def pack(*controls: Control, id_: str = "pack", **tables: Any) -> Pack:
    return Pack(id_, "catalog", text(id_), "1", "own", verified_by="nobody", controls=controls, tables=tables)
