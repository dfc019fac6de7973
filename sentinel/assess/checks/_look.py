"""How a check speaks: observations with stable ids, sentences in both languages, outcomes that follow from them.

Rules that hold for all checks:
- An observation is `violated` only where traffic proves it. One that rests on a proposed zone, or on a port number
  alone where only a decoder could tell, is `not_assessable`: an indication, and its sentence says of what kind.
- An observation that a ticket explains carries the ticket and weighs nothing.
- The outcome of a check is that of its strongest unexplained observation, if one is violated or contradicted; else
  what the check says of silence: `confirmed` only where traffic proves it, `not_observed` with what was covered, or
  `not_assessable` with the reason.
- Without any traffic every check is `not_assessable`.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sentinel.assess.checks import registry
from sentinel.assess.checks._plant import HOUR, Plant, plant_of
from sentinel.assess.checks._services import word
from sentinel.assess.model import CheckResult, Evidence, Observation, Outcome, Text
from sentinel.assess.view import View

VIOLATED, CONTRADICTED, CONFIRMED = Outcome.VIOLATED, Outcome.CONTRADICTED, Outcome.CONFIRMED
NOT_OBSERVED, NOT_ASSESSABLE = Outcome.NOT_OBSERVED, Outcome.NOT_ASSESSABLE
_ORDER = list(Outcome)
MAX_ROWS = 5000
"""Rows of one table for the special sheets; the reason says how many were left off."""
MAX_EVIDENCE = 6
"""Pieces of evidence of one observation."""

PROPOSED = Text(
    "其所属区域由本程序推定，并非来自企业的分区规划：此为线索，须确认。",
    "Where it belongs is proposed by this program and not by a zone plan: an indication, to be confirmed.",
)
NO_TRAFFIC = Text("案例中没有流量。", "The case holds no traffic.")


class Look:
    """One run of one check: the plant, the parameters, and what the check says."""

    def __init__(self, id_: str, title: Text, plant: Plant, params: Mapping[str, Any]):
        self.id = id_
        self.title = title
        self.plant = plant
        self.params = params

    def see(
        self, subject: str, outcome: Outcome, detail: Text, *, addresses: Iterable[str] = (), kind: str = "",
        title: Text | None = None, evidence: Iterable[Evidence] = (), row: Mapping[str, Any] | None = None, **more: Any,
    ) -> Observation:  # fmt: skip
        """An observation; its devices and zones are those of `addresses`, its times those of `row` where given."""
        ends = [address for address in dict.fromkeys(addresses) if address]
        assets = dict.fromkeys(asset.id for address in ends if (asset := self.plant.asset(address)) is not None)
        zones = dict.fromkeys(zone for address in ends if (zone := self.plant.zone(address)))
        times = {} if row is None else {"first_time": row["first"], "last_time": row["last"]}
        return Observation(
            id=registry.observation_id(self.id, subject, kind), check=self.id, subject=subject, outcome=outcome,
            title=title or self.title, detail=detail, assets=tuple(assets), zones=tuple(zones),
            evidence=tuple(dict.fromkeys(evidence))[:MAX_EVIDENCE], **{**times, **more},
        )  # fmt: skip

    def result(
        self, observations: Iterable[Observation], outcome: Outcome, reason: Text,
        tables: Mapping[str, Iterable[Mapping[str, Any]]] | None = None, confirmed_zones: Iterable[str] = (),
    ) -> CheckResult:  # fmt: skip
        """The result: of the observations where one counts, else `outcome` for the `reason`."""
        seen = tuple(sorted(observations, key=lambda o: (_ORDER.index(o.outcome), o.first_time or 0, o.subject, o.id)))
        counted = [o for o in seen if o.outcome in (VIOLATED, CONTRADICTED) and not o.ticket]
        zones = dict.fromkeys(self.plant.zones, NOT_ASSESSABLE)
        silent = NOT_OBSERVED if outcome is CONFIRMED else outcome
        zones.update(dict.fromkeys(sorted(self.plant.zones_seen), silent))
        zones.update(dict.fromkeys((z for z in confirmed_zones if z in zones), CONFIRMED))
        for observation in counted:
            for zone in observation.zones:
                zones[zone] = min(zones.get(zone, NOT_ASSESSABLE), observation.outcome, key=_ORDER.index)
        if counted:
            outcome, reason = counted[0].outcome, _found(counted)
        else:
            reason = _with_indications(reason, seen)
        listed = {name: tuple(rows) for name, rows in (tables or {}).items()}
        for rows in listed.values():
            if len(rows) > MAX_ROWS:
                reason = join(reason, Text(f"表中列出前 {MAX_ROWS:,} 行，另有 {len(rows) - MAX_ROWS:,} 行未列。",
                                           f"The table holds the first {MAX_ROWS:,} rows; {len(rows) - MAX_ROWS:,} more are left off."))
        return CheckResult(
            check=self.id, outcome=outcome, reason=reason, observations=seen, by_zone=zones,
            coverage=self.plant.coverage.share, params=dict(self.params),
            tables={name: rows[:MAX_ROWS] for name, rows in listed.items()},
        )  # fmt: skip

    def silent(self, what: Text) -> tuple[Outcome, Text]:
        """`not_observed`, and the sentence that says within what coverage: `what` names the thing that was not seen."""
        covered = self.covered
        return NOT_OBSERVED, Text(
            f"在{covered.zh}的范围内未见{_apart(what.zh)}；这不证明不存在。",
            f"No {what.en} within {covered.en}; that does not prove there is none.",
        )

    @property
    def covered(self) -> Text:
        """What was captured, in words: `1 capture, 29 s, 1,675 frames`; in Chinese to stand behind a character."""
        frames = sum(self.plant.frames_read)
        captures = len(self.plant.frames_read)
        time = lasting(self.plant.captured)
        return Text(
            f" {captures} 个抓包、{time.zh}、{frames:,} 帧", f"{times(captures, 'capture')}, {time.en}, {frames:,} frames"
        )

    def judge(self, *places: str) -> tuple[Outcome, Text]:
        """Violated where these zones are declared, else an indication, with the sentence that says so."""
        if self.plant.firm(*places):
            return VIOLATED, Text("", "")
        return NOT_ASSESSABLE, PROPOSED


Function = Callable[[Look], CheckResult]


def looks(
    id_: str, title: Text, question: Text, params: Mapping[str, Any] | None = None, sources: tuple[str, ...] = (),
    without_traffic: bool = False,
) -> Callable[[Function], Function]:  # fmt: skip
    """Marks a function of a `Look` as the check of that id; without traffic it is asked only where it says so."""

    def mark(function: Function) -> Function:
        @registry.check(id_, title, question, params, sources)
        @functools.wraps(function)
        def run(view: View, given: Mapping[str, Any]) -> CheckResult:
            look = Look(id_, title, plant_of(view), given)
            if view.flows.is_empty() and not without_traffic:
                return look.result((), NOT_ASSESSABLE, NO_TRAFFIC)
            return function(look)

        return function

    return mark


# -- words ------------------------------------------------------------------------------------------------------------


def join(*parts: Text) -> Text:
    """Sentences one after the other."""
    return Text("".join(p.zh for p in parts), " ".join(p.en for p in parts if p.en))


def times(n: int, thing: str, plural: str = "") -> str:
    """`1 session`, `2,000 sessions`."""
    return f"{n:,} {thing if n == 1 else plural or thing + 's'}"


def size(n: int) -> str:
    """Bytes as people read them, powers of 1000."""
    value, unit = float(n), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{n} B" if unit == "B" else f"{value:.1f} {unit}"


def stamp(ns: int) -> str:
    """A moment, UTC, to the second."""
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def lasting(ns: int) -> Text:
    """A duration as people read it."""
    seconds = ns / 1e9
    if seconds < 120:
        return Text(f"{seconds:.0f} 秒", f"{seconds:.0f} s")
    if seconds < 7200:
        return Text(f"{seconds / 60:.0f} 分钟", f"{seconds / 60:.0f} min")
    if seconds < 2 * 86_400:
        return Text(f"{ns / HOUR:.1f} 小时", f"{ns / HOUR:.1f} h")
    days = f"{round(seconds / 86_400, 1):g}"
    return Text(f"{days} 天", f"{days} days")


def few(names: Iterable[str], limit: int = 3) -> Text:
    """The first names and how many more."""
    every = list(dict.fromkeys(names))
    head, rest = every[:limit], len(every) - limit
    return Text(
        "、".join(head) + (f" 等 {len(every)} 个" if rest > 0 else ""),
        ", ".join(head) + (f" and {rest} more" if rest > 0 else ""),
    )


def proof(row: Mapping[str, Any]) -> Text:
    """Why the service of a row of `talks` is called what it is called."""
    if row["proven"]:
        return Text("按载荷识别", "recognised by its payload")
    return Text("仅按端口号判断，载荷未解析", "by its port number; the payload was not decoded")


def talked(plant: Plant, row: Mapping[str, Any]) -> Text:
    """Who talked to whom over what, and how much, of a row of `talks` or of rows grouped."""
    client, server, name = plant.name(row["client"]), plant.name(row["server"]), word(row["service"])
    port = "" if row["server_port"] is None else f"{row['transport']}/{row['server_port']}"
    what = " ".join(part for part in (name, port) if part) or row["transport"]
    payload, why = size(row["payload_client"] + row["payload_server"]), proof(row)
    n, pairs = row["sessions"] or row["flows"], row.get("pairs", 1)
    among = Text(f"{client} 与 {server} 之间", f"{client} had") if pairs == 1 else Text(
        f"{pairs:,} 对主机（如 {client} 与 {server}）之间", f"{pairs:,} pairs of hosts, such as {client} and {server}, had"
    )  # fmt: skip
    whom = f" with {server}" if pairs == 1 else ""
    return Text(
        f"{among.zh}有 {n:,} 个 {what} 会话（{why.zh}），共 {payload} 载荷，首次 {stamp(row['first'])} UTC",
        f"{among.en} {times(n, 'session')} of {what}{whom} ({why.en}) that carried {payload} of payload, first at {stamp(row['first'])} UTC",
    )


def _apart(zh: str) -> str:
    """Chinese text to stand behind a character: with a space where it begins with a Latin letter or digit."""
    return f" {zh}" if zh[:1].isascii() else zh


def _found(counted: list[Observation]) -> Text:
    first = counted[0].detail
    if len(counted) == 1:
        return first
    return Text(f"共 {len(counted)} 处，首例：{first.zh}", f"{len(counted)} cases; the first: {first.en}")


def _with_indications(reason: Text, seen: tuple[Observation, ...]) -> Text:
    explained = sum(1 for o in seen if o.ticket)
    hints = sum(1 for o in seen if o.outcome is NOT_ASSESSABLE and not o.ticket)
    if explained:
        reason = join(reason, Text(f"另有 {explained} 处由工单或维护窗口说明。", f"Tickets or windows explain {explained}."))
    if hints:
        reason = join(reason, Text(f"另有 {hints} 条线索待核实。", f"{times(hints, 'indication')} to be looked into."))
    return reason
