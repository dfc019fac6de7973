"""The page that `sentinel analyze` ends with: what was captured, who is there, what they speak, what happened.

Every text from the wire goes to the screen as plain text, never as markup.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from sentinel.cli import _coverage
from sentinel.cli._format import SECOND, duration, moment, share, shortest, size, span, tame
from sentinel.cli._settings import Settings
from sentinel.cli._technique import technique_names

SEVERITIES = ("critical", "high", "medium", "low", "informational")
SEVERITY_NAMES = {**{severity: severity for severity in SEVERITIES}, "informational": "info"}
STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "cyan",
    "informational": "dim",
}
ROLES = ("plc", "rtu", "gateway", "engineering", "hmi", "client", "router", "host", "unknown", "broadcast")
"""Roles in the order in which a reader wants to see them."""
ROLE_NAMES = {
    "plc": "PLC", "rtu": "RTU", "gateway": "gateway", "hmi": "HMI", "engineering": "engineering station",
    "client": "client", "router": "router", "host": "host", "broadcast": "broadcast", "unknown": "unknown",
}  # fmt: skip

MAX_CAPTURES = 6
MAX_ASSETS = 20
MAX_ALERTS = 12
"""Rules whose alerts are shown."""
MAX_SAME = 3
"""Alerts of one rule that are shown beside its first."""
MAX_FRAMES = 6
"""Frame numbers of one alert that are named; the case holds up to a hundred."""
BAR = 16
GOOD, BAD = "green", "yellow"


class Page:
    """The summary of one analysis as a page for a person; `case` is an open `sentinel.store.case.Case`."""

    def __init__(self, summary: Mapping[str, Any], case: Any, folder: Path, settings: Settings):
        self.summary = summary
        self.folder = folder
        self.settings = settings
        self.say = settings.say
        self.read = _coverage.read_captures(summary)
        self.assets = _rows(case.scan("assets"))
        found = _by_severity(_rows(case.scan("alerts")))
        self.alerts = [alert for alert in found if alert["state"] != "suppressed"]
        self.suppressed = len(found) - len(self.alerts)
        self.captures_of_case = case.scan("captures").select(pl.len()).collect().item()
        self.flows = _coverage.flow_counts(case.scan("flows"))
        self.digits = shortest(alert["alert"] for alert in self.alerts)

    def print(self, console: Console) -> None:
        """Write the whole page."""
        console.print()
        console.print(self._headline())
        for title, body in self._sections():
            _head(console, title)
            console.print(Padding(body, (0, 1), expand=False))
        _head(console, self.say("WHERE IT LIES, WHAT TO RUN NEXT"))
        for line in self._next():
            # Commands are copied: they are never broken into two lines.
            console.print(line, soft_wrap=True)
        console.print()

    def _sections(self) -> Iterator[tuple[str, RenderableType]]:
        count = self.settings.count
        yield self.say("WHAT WAS CAPTURED"), self._captured()
        yield f"{self.say('WHO IS THERE')}   {count(len(self.assets), '{n} device', '{n} devices')}", self._who()
        yield self.say("WHAT THEY SPEAK"), self._speak()
        yield f"{self.say('WHAT HAPPENED')}   {self._alert_total()}", self._happened()
        yield self.say("WHAT THIS CANNOT SHOW"), self._limits()

    # -- captured ---------------------------------------------------------------------------------------------

    def _headline(self) -> Text:
        captures = self.read
        names = (
            tame(Path(captures[0]["path"]).name) if len(captures) == 1 else self.say("{n} captures", n=len(captures))
        )
        seconds = self.summary["seconds"]
        line = Text.assemble((" SENTINEL ", "bold reverse"), "  ", (names, "bold"))
        read = self.say("read in {time}", time=duration(round(seconds * SECOND), self.settings))
        if seconds > 0 and self.summary["frames"]:
            read += self.say(", {n} frames/s", n=f"{self.summary['frames'] / seconds:,.0f}")
        line.append(f"   {read}", "dim")
        if self.summary["interrupted"]:
            line.append("\n" + self.say("Interrupted: this is what was read until then."), "bold yellow")
            left = len(self.summary["captures"]) - len(captures)
            if left:
                line.append(" " + self.say("Captures that were not begun: {n}.", n=left), "yellow")
        return line

    def _captured(self) -> RenderableType:
        summary, captures = self.summary, self.read
        count = self.settings.count
        first = [c["first_time"] for c in captures if c["first_time"] is not None]
        last = [c["last_time"] for c in captures if c["last_time"] is not None]
        lines: list[RenderableType] = []
        if first:
            begin, end = min(first), max(last)
            lines.append(Text.assemble((duration(end - begin, self.settings), "bold"), f"   {span(begin, end)} UTC"))
        totals = [
            count(summary["frames"], "{n} frame", "{n} frames"),
            size(summary["bytes"]),
            count(summary["flows"], "{n} flow", "{n} flows"),
            count(sum(summary["messages"].values()), "{n} message", "{n} messages"),
            count(summary["points"], "{n} value", "{n} values"),
            count(summary["facts"], "{n} fact", "{n} facts"),
        ]
        lines.append(Text("   ".join(totals)))
        lines.append(Text("   ").join(self._quality()))
        if len(captures) > 1 or any(c["fault"] or c["known"] for c in captures):
            lines.append(self._files())
            faulty = [c for c in captures if c["fault"]]
            lines += [Text(tame(f"! {Path(c['path']).name}: {c['fault']}"), BAD) for c in faulty[:MAX_CAPTURES]]
        if self.captures_of_case > len(captures):
            n = self.captures_of_case
            lines.append(Text(self.say("The case holds {n} captures; what follows is about all of them.", n=n), "dim"))
        return Group(*lines)

    def _quality(self) -> list[Text]:
        """Marks for what makes a capture trustworthy: a tick, or what is wrong and how much of it."""
        summary, captures = self.summary, _coverage.once(self.read)
        cut = sum(c["cut"] for c in captures)
        backwards = sum(c["backwards"] for c in captures)
        told = [c["dropped"] for c in captures if c["dropped"] is not None]
        marks = [
            self._mark(summary["gaps"], self.say("no gaps"), "{n} gap in streams", "{n} gaps in streams"),
            self._mark(cut, self.say("no frame cut"), "{n} frame cut", "{n} frames cut"),
            self._mark(summary["duplicates"], self.say("no copies"), "{n} copy dropped", "{n} copies dropped"),
        ]
        if told:
            marks.append(self._mark(sum(told), self.say("no loss told"), "{n} frame lost", "{n} frames lost"))
        if self.flows.one_sided:
            marks.append(self._mark(self.flows.one_sided, "", "{n} flow one-sided", "{n} flows one-sided"))
        if backwards:
            marks.append(self._mark(backwards, "", "{n} time stamp backwards", "{n} time stamps backwards"))
        return marks

    def _mark(self, n: int, good: str, one: str, many: str) -> Text:
        if n:
            return Text.assemble(("! ", BAD), self.settings.count(n, one, many))
        return Text.assemble(("✓ ", GOOD), good)

    def _files(self) -> Table:
        captures = self.read
        table = _table()
        for header, side in (("File", "left"), ("Format", "left"), ("Frames", "right"), ("From", "left"), ("", "left")):
            table.add_column(self.say(header) if header else "", justify=side, overflow="ellipsis", no_wrap=True)  # type: ignore[arg-type]
        odd_first = sorted(captures, key=lambda c: not c["fault"])
        for capture in odd_first[:MAX_CAPTURES]:
            note = ""
            if capture["known"]:
                note = self.say("already in the case")
            elif capture["copy_of"]:
                note = self.say("a copy of {name}", name=tame(Path(capture["copy_of"]).name))
            table.add_row(
                Text(tame(Path(capture["path"]).name)), Text(capture["format"]), Text(f"{capture['frames']:,}"),
                Text(moment(capture["first_time"])), Text(note, "dim"),
            )  # fmt: skip
        _more(table, len(captures) - MAX_CAPTURES, self._show_hint("captures"), self.say)
        return table

    # -- who --------------------------------------------------------------------------------------------------

    def _who(self) -> RenderableType:
        if not self.assets:
            return Text(self.say("No device was seen."), "dim")
        table = _table()
        for header in ("Address", "Device", "Role", "Level", "Speaks"):
            table.add_column(self.say(header), overflow="fold")
        rows = _family(self.assets)
        for asset, below in rows[:MAX_ASSETS]:
            table.add_row(
                self._address(asset, below),
                self._device(asset),
                Text(self.say(ROLE_NAMES.get(asset["role"], asset["role"]))),
                Text(asset["level"]),
                self._speaks(asset),
            )
        _more(table, len(rows) - MAX_ASSETS, self._show_hint("assets"), self.say)
        return table

    def _address(self, asset: Mapping[str, Any], below: bool) -> Text:
        if below and asset["unit"] is not None:
            return Text(f" └ {self.say('unit {n}', n=asset['unit'])}")
        addresses = _loads(asset["ips"]) or _loads(asset["macs"]) or ["?"]
        text = Text(str(addresses[0]), no_wrap=True)
        if len(addresses) > 1:
            text.append(f" +{len(addresses) - 1}", "dim")
        if asset["unit"] is not None:
            text.append(f" {self.say('unit {n}', n=asset['unit'])}", "dim")
        return text

    def _device(self, asset: Mapping[str, Any]) -> Text:
        text = Text(" ".join(asset[key] for key in ("vendor", "model") if asset[key]))
        details = [asset["name"]] if asset["name"] else []
        if asset["firmware"]:
            details.append(self.say("firmware {version}", version=asset["firmware"]))
        if asset["serial"]:
            details.append(self.say("serial {number}", number=asset["serial"]))
        if details:
            text.append((" · " if text.plain else "") + " · ".join(details), "dim")
        return text

    def _speaks(self, asset: Mapping[str, Any]) -> Text:
        spoken = _loads(asset["protocols"]) or {}
        sides = {"server": "answers", "client": "asks", "both": "both"}
        return Text(", ".join(f"{name} ({self.say(sides.get(side, side))})" for name, side in sorted(spoken.items())))

    # -- speak ------------------------------------------------------------------------------------------------

    def _speak(self) -> RenderableType:
        labels = sorted(self.summary["protocols"], key=lambda p: (-p["messages"], -p["flows"], p["protocol"]))
        table = _table()
        table.add_column(self.say("Protocol"))
        table.add_column(self.say("Sure"), justify="right")
        table.add_column(self.say("Because of"), ratio=1)
        table.add_column(self.say("Flows"), justify="right")
        table.add_column(self.say("Messages"), justify="right")
        table.add_column("")
        most = max((p["messages"] for p in labels), default=0)
        guesses = [label for label in labels if label["protocol"] and label["confidence"] <= _coverage.GUESS]
        for label in labels:
            if not label["protocol"] or label in guesses:
                continue
            table.add_row(
                Text(label["protocol"]),
                Text(f"{100 * label['confidence']:.0f} %"),
                Text(self.say(label["label_by"])),
                Text(f"{label['flows']:,}"),
                Text(f"{label['messages']:,}"),
                Text(_bar(label["messages"], most), "blue"),
            )
        if guesses:
            names = ", ".join(label["protocol"] for label in guesses)
            flows = f"{sum(label['flows'] for label in guesses):,}"
            table.add_row(
                self.say("guesses"), "", Text(f"{self.say('port only')}: {names}"), flows, "", "", style="dim"
            )
        if self.flows.unknown_flows:
            part = self.say("{share} of the payload", share=share(self.flows.unknown_payload, self.flows.payload))
            table.add_row(self.say("not recognised"), "", part, f"{self.flows.unknown_flows:,}", "", "", style="dim")
        if table.row_count == 0:
            return Text(self.say("Nothing that carries an application protocol."), "dim")
        return table

    # -- happened ---------------------------------------------------------------------------------------------

    def _alert_total(self) -> str:
        parts = []
        for severity in SEVERITIES:
            n = sum(alert["severity"] == severity for alert in self.alerts)
            if n:
                parts.append(f"{n} {self.say(SEVERITY_NAMES[severity])}")
        total = self.settings.count(len(self.alerts), "{n} alert", "{n} alerts")
        if self.suppressed:
            parts.append(self.say("{n} suppressed not counted", n=f"{self.suppressed:,}"))
        return f"{total}: {', '.join(parts)}" if parts else total

    def _happened(self) -> RenderableType:
        if not self.alerts and self.suppressed:
            return Text(self.say("Every alert was suppressed: {command}", command=self._show_hint("alerts")), "dim")
        if not self.alerts:
            return Text(self.say("No rule fired. Read below what that does not prove."), "dim")
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        groups = _by_rule(self.alerts)
        for k, group in enumerate(groups[:MAX_ALERTS]):
            if k:
                table.add_row()
            first = group[0]
            severity = SEVERITY_NAMES.get(first["severity"], first["severity"])
            badge = Text(f" {self.say(severity).upper()} ", STYLES.get(first["severity"], ""))
            badge.append(f"\n {first['alert'][: self.digits]}", "dim")
            table.add_row(badge, self._group(group))
        _more(table, sum(map(len, groups[MAX_ALERTS:])), self._show_hint("alerts"), self.say)
        return table

    def _group(self, group: Sequence[Mapping[str, Any]]) -> Text:
        """Alerts of one rule: the first in full, of the others who and when."""
        lang = self.settings.lang
        first = group[0]
        text = Text(first[f"title_{lang}"] or first["name"], "bold")
        text.append("\n" + self._where(first), "not bold cyan")
        if first[f"why_{lang}"]:
            text.append("\n" + first[f"why_{lang}"], "not bold")
        if first[f"action_{lang}"]:
            text.append("\n➜ " + first[f"action_{lang}"], "not bold green")
        techniques = technique_names(_loads(first["techniques"]) or [], lang)
        if techniques:
            text.append("\nATT&CK " + ", ".join(f"{id_} {name}".strip() for id_, name in techniques), "not bold dim")
        for alert in group[1 : 1 + MAX_SAME]:
            text.append(f"\n{self.say('also')} ", "not bold dim")
            text.append(self._where(alert), "not bold cyan")
            text.append(f" · {alert['alert'][: self.digits]}", "not bold dim")
        left = len(group) - 1 - MAX_SAME
        if left > 0:
            text.append("\n" + self.say("also {n} more between other addresses", n=f"{left:,}"), "not bold dim")
        return text

    def _where(self, alert: Mapping[str, Any]) -> str:
        """Who to whom, how often, when, and in which frames."""
        who = " → ".join(side for side in (alert["src"], alert["dst"]) if side)
        if alert["unit"] is not None:
            who += " " + self.say("unit {n}", n=alert["unit"])
        times = self.say("{n} times", n=f"{alert['count']:,}") if alert["count"] > 1 else ""
        when = span(alert["first_time"], alert["last_time"])
        state = self.say(alert["state"]) if alert["state"] == "acknowledged" else ""
        frames = self._frames(_loads(alert["evidence"]) or [])
        return " · ".join(part for part in (who, times, when, frames, state) if part)

    def _frames(self, evidence: Sequence[Sequence[int]]) -> str:
        """Frame numbers; with the number of the capture before them where there is more than one."""
        several = len({capture for capture, _ in evidence}) > 1
        named = [f"{capture}/{frame}" if several else str(frame) for capture, frame in evidence[:MAX_FRAMES]]
        if not named:
            return ""
        ending = ", …" if len(evidence) > MAX_FRAMES else ""
        word = self.say("frame") if len(evidence) == 1 else self.say("frames")
        return f"{word} {', '.join(named)}{ending}"

    # -- limits and next --------------------------------------------------------------------------------------

    def _limits(self) -> RenderableType:
        table = Table.grid(padding=(0, 1, 0, 0))
        for sentence in _coverage.limits(self.summary, self.flows, self.settings):
            table.add_row(Text("•", "dim"), Text(sentence))
        return table

    def _next(self) -> Iterator[Text]:
        case = shlex.quote(str(self.folder))
        yield Text.assemble(" ", self.say("Case:"), " ", (tame(str(self.folder)), "bold"))
        shown = self.alerts[0] if self.alerts else None
        if shown is not None:
            short = shown["alert"][: self.digits]
            evidence = f"sentinel evidence {short} --case {case} -o {short}.pcapng"
            yield self._step(evidence, self.say("the frames of the first alert, for Wireshark"))
            explain = self._explain(shown)
            if explain is not None:
                yield self._step(explain, self.say("one of them, decoded by Sentinel and by tshark"))
        writes = f"sentinel show messages --case {case} --where \"activity = 'write'\""
        yield self._step(writes, self.say("every write there was"))
        yield self._step(f"sentinel show facts --case {case}", self.say("what the devices said about themselves"))

    def _step(self, command: str, what: str) -> Text:
        return Text.assemble("   ", (tame(command), "green"), (f"   # {what}", "dim"))

    def _explain(self, alert: Mapping[str, Any]) -> str | None:
        """The command that explains the first frame of an alert, where its capture is a file of this run."""
        evidence = _loads(alert["evidence"]) or []
        captures = [c for c in self.summary["captures"] if c["path"] != "-"]
        if not evidence or len(captures) != 1 or len(self.summary["captures"]) != 1:
            return None
        return f"sentinel explain {shlex.quote(str(captures[0]['path']))} {evidence[0][1]}"

    def _show_hint(self, table: str) -> str:
        return f"sentinel show {table} --case {shlex.quote(str(self.folder))}"


def _head(console: Console, title: str) -> None:
    console.print()
    console.print(Rule(Text(title, "bold"), align="left", style="dim", characters="─"))


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)


def _more(table: Table, n: int, hint: str, say: Any) -> None:
    if n > 0:
        cells: list[RenderableType] = ["", Text(say("… and {n} more: {command}", n=n, command=hint), "dim")]
        table.add_row(*cells[-min(2, len(table.columns)) :])


def _by_severity(alerts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    order = {severity: k for k, severity in enumerate(SEVERITIES)}
    return sorted(alerts, key=lambda a: (order.get(a["severity"], len(order)), a["first_time"] or 0, a["alert"]))


def _by_rule(alerts: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Alerts of one rule and severity together, in the order of the first of each."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for alert in alerts:
        groups.setdefault((alert["severity"], alert["rule"]), []).append(alert)
    return list(groups.values())


def _family(assets: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], bool]]:
    """Assets with the controllers first; those behind a gateway directly below it, marked so."""
    order = {role: k for k, role in enumerate(ROLES)}
    known = {asset["asset"] for asset in assets}
    below: dict[str, list[dict[str, Any]]] = {}
    tops = []
    for asset in assets:
        if asset["parent"] in known:
            below.setdefault(asset["parent"], []).append(asset)
        else:
            tops.append(asset)
    found: list[tuple[dict[str, Any], bool]] = []
    for asset in sorted(tops, key=lambda a: (order.get(a["role"], len(order)), -a["packets"])):
        found.append((asset, False))
        children = below.get(asset["asset"], [])
        found += [(child, True) for child in sorted(children, key=lambda a: (a["unit"] is None, a["unit"]))]
    return found


def _loads(text: str | None) -> Any:
    return json.loads(text) if text else None


def _bar(n: int, most: int) -> str:
    """A bar of up to BAR cells, in eighths of a cell; something that is there is never invisible."""
    if n <= 0 or most <= 0:
        return ""
    eighths = max(1, round(8 * BAR * n / most))
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _rows(table: pl.LazyFrame) -> list[dict[str, Any]]:
    """The rows of a small table, times as nanoseconds."""
    return table.with_columns(selectors.datetime().cast(pl.Datetime("ns")).cast(pl.Int64)).collect().to_dicts()
