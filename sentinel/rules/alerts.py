"""Alerts: claims that say the same thing about the same pair become one row, with a sentence in two languages.

Rules and detectors alike state an `AlertKind` once and then add `Claim`s to one `Book`, batch by batch. The rows of the
book do not depend on how the matches were cut into batches.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

LEVELS = ("informational", "low", "medium", "high", "critical")
LANGUAGES = ("en", "zh")

MAX_EVIDENCE = 100
"""Most frames, and most flows, that an alert names; the first ones and the last are always among them."""

MAX_PAIRS = 2000
"""Most alerts of one kind: claims about further pairs are counted in one alert without addresses."""

MAX_VALUE = 80
"""Most characters of one value in a sentence: names come from the wire."""

_PLACEHOLDER = re.compile(r"\{([a-z0-9_.]+)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_ABSENT = {
    "en": {"src": "several hosts", "dst": "several devices", "": "not stated"},
    "zh": {"src": "多台主机", "dst": "多台设备", "": "未说明"},
}


@dataclass(frozen=True, slots=True)
class AlertKind:
    """What every alert of one rule or detector has in common. Texts are {"en": ..., "zh": ...}.

    `why` says what was seen and why it matters, `action` what to do now. Both may hold placeholders: {src}, {dst},
    {unit}, {protocol}, or a value that came with the claim; a part in [brackets] is left out where a value in it is
    absent.
    """

    id: str
    name: str
    level: str
    title: dict[str, str]
    why: dict[str, str]
    action: dict[str, str]
    techniques: list[str]


class Subject(NamedTuple):
    """Who did it to whom: claims of one kind about one subject are one alert. Empty: several, or not known."""

    protocol: str
    src: str
    dst: str
    unit: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Some rows, in time order, that say the same thing about the same subject; times in ns."""

    subject: Subject
    count: int
    first_time: int
    last_time: int
    evidence: list[tuple[int, int, int | None]]
    """(capture, frame, flow) of the first rows, as many as `Book.room` asked for, and of the last row."""


def placeholders(template: str) -> list[str]:
    """Names of the values that a sentence asks for."""
    return _PLACEHOLDER.findall(template)


def sentence(template: str, values: Mapping[str, Any], language: str) -> str:
    """The template with its placeholders filled; an absent value drops its [bracketed part], or reads `not stated`."""
    return _filled(template, _texts(values), language)


def _filled(template: str, texts: Mapping[str, str], language: str) -> str:
    """`sentence`, of values that are text already; what is absent is empty or not there."""
    words = _ABSENT[language]
    said = []
    for optional, pattern, names in _parts(template):
        values = tuple(map(texts.get, names))
        if not all(values):
            if optional:
                continue
            values = tuple(texts.get(name) or words.get(name, words[""]) for name in names)
        said.append(pattern % values)
    return "".join(said)


@lru_cache(maxsize=4096)
def _parts(template: str) -> list[tuple[bool, str, list[str]]]:
    """A sentence taken apart once: whether the part is optional, its text with %s for each value, their names."""
    parts = []
    for number, text in enumerate(_OPTIONAL.split(template)):  # what stands outside and inside brackets, in turn
        literals_and_names = _PLACEHOLDER.split(text)
        pattern = "%s".join(literal.replace("%", "%%") for literal in literals_and_names[::2])
        parts.append((number % 2 == 1, pattern, literals_and_names[1::2]))
    return parts


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    """A value as a person reads it; control characters shown as such, since names come from the wire."""
    if value is None:
        return ""
    text = value.strip() if type(value) is str else f"{value:g}" if isinstance(value, float) else str(value).strip()
    if not text.isprintable():
        text = "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in text)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def alert_id(rule: str, subject: Subject) -> str:
    """The same for the same claim about the same subject, whichever run found it."""
    texts = ", ".join(map(_quoted, (rule, subject.protocol, subject.src, subject.dst)))
    key = f"[{texts}, {'null' if subject.unit is None else subject.unit}]"
    return hashlib.sha256(key.encode()).hexdigest()[:24]


@dataclass(slots=True)
class _Alert:
    kind: AlertKind
    subject: Subject
    values: Mapping[str, Any]
    """Of the first row: the sentence must not change while an alert grows."""
    count: int
    first_time: int
    last_time: int
    head: dict[tuple[int, int, int | None], None]
    tail: tuple[int, int, int | None]

    def row(self) -> dict[str, Any]:
        """The row of schema.ALERTS."""
        subject = self.subject
        texts = _texts(self.values)
        texts["protocol"], texts["src"], texts["dst"], texts["unit"] = map(_text, subject)
        cited = [*self.head] if self.tail in self.head else [*self.head, self.tail]
        frames = dict.fromkeys([(capture, frame) for capture, frame, _ in cited])
        flows = dict.fromkeys([flow for _, _, flow in cited if flow is not None])
        row: dict[str, Any] = {
            "alert": alert_id(self.kind.id, subject),
            "rule": self.kind.id,
            "name": self.kind.name,
            "severity": self.kind.level,
            "techniques": json.dumps(self.kind.techniques),
            "protocol": subject.protocol,
            "src": subject.src,
            "dst": subject.dst,
            "unit": subject.unit,
            "count": self.count,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "evidence": json.dumps([*frames]),
            "flows": json.dumps([*flows]),
            "state": "open",
        }
        for language in LANGUAGES:
            row[f"title_{language}"] = self.kind.title[language]
            row[f"why_{language}"] = _filled(self.kind.why[language], texts, language)
            row[f"action_{language}"] = _filled(self.kind.action[language], texts, language)
        return row


class Book:
    """The alerts of one run. What is added is never lost: past MAX_PAIRS it is counted without addresses."""

    def __init__(self) -> None:
        self._alerts: dict[tuple[str, Subject], _Alert] = {}
        self._pairs: dict[str, int] = {}
        self._changed: set[tuple[str, Subject]] = set()
        self.folded = 0
        """Claims that were counted without addresses because their kind had too many pairs."""

    def __len__(self) -> int:
        return len(self._alerts)

    def room(self, kind: AlertKind, subject: Subject) -> int:
        """How many more of the first rows the alert wants to name; 0 when it names enough and only wants the last."""
        alert = self._alerts.get((kind.id, subject))
        return MAX_EVIDENCE - 1 if alert is None else MAX_EVIDENCE - 1 - len(alert.head)

    def add(self, kind: AlertKind, claim: Claim, values: Callable[[], Mapping[str, Any]]) -> None:
        """Adds a claim; `values` gives what the sentence needs of the claim's first row, asked only for a new alert."""
        key = (kind.id, claim.subject)
        alert = self._alerts.get(key)
        if alert is None and self._pairs.get(kind.id, 0) >= MAX_PAIRS:
            self.folded += 1
            claim = replace(claim, subject=Subject(claim.subject.protocol, "", "", None))
            key = (kind.id, claim.subject)
            alert = self._alerts.get(key)
        self._changed.add(key)
        if alert is None:
            self._pairs[kind.id] = self._pairs.get(kind.id, 0) + 1
            head = dict.fromkeys(claim.evidence[: MAX_EVIDENCE - 1])
            self._alerts[key] = _Alert(
                kind, claim.subject, values(), claim.count, claim.first_time, claim.last_time, head, claim.evidence[-1]
            )
            return
        alert.count += claim.count
        alert.first_time = min(alert.first_time, claim.first_time)
        alert.last_time = max(alert.last_time, claim.last_time)
        alert.tail = claim.evidence[-1]
        room = MAX_EVIDENCE - 1 - len(alert.head)
        if room > 0:
            fresh = [item for item in claim.evidence if item not in alert.head]
            alert.head.update(dict.fromkeys(list(dict.fromkeys(fresh))[:room]))

    def tally(self) -> Counter[str]:
        """Name of the rule -> how many alerts."""
        return Counter(alert.kind.name for alert in self._alerts.values())

    def join(self, later: Book) -> None:
        """Add the alerts of rows that come after those of this book."""
        for alert in later._alerts.values():
            evidence = [*alert.head, alert.tail]
            claim = Claim(alert.subject, alert.count, alert.first_time, alert.last_time, evidence)
            self.add(alert.kind, claim, lambda alert=alert: alert.values)  # type: ignore[misc]
        self.folded += later.folded

    def dump(self) -> dict[str, Any]:
        """The book as JSON can hold it; values of sentences as the text that they become."""
        alerts = [
            {
                "kind": asdict(alert.kind),
                "subject": list(alert.subject),
                "values": _texts(alert.values),
                "count": alert.count,
                "first_time": alert.first_time,
                "last_time": alert.last_time,
                "head": list(alert.head),
                "tail": alert.tail,
            }
            for alert in self._alerts.values()
        ]
        return {"alerts": alerts, "folded": self.folded}

    @classmethod
    def load(cls, content: Mapping[str, Any]) -> Book:
        """The book that `dump` gave, after JSON."""
        book = cls()
        for row in content["alerts"]:
            kind, subject = AlertKind(**row["kind"]), Subject(*row["subject"])
            head = dict.fromkeys(tuple(item) for item in row["head"])
            alert = _Alert(**row | {"kind": kind, "subject": subject, "head": head, "tail": tuple(row["tail"])})
            book._alerts[kind.id, subject] = alert
            book._pairs[kind.id] = book._pairs.get(kind.id, 0) + 1
            book._changed.add((kind.id, subject))
        book.folded = content["folded"]
        return book

    def rows(self) -> list[dict[str, Any]]:
        """Every alert as a row, worst first, then by first time and id."""
        rows = [alert.row() for alert in self._alerts.values()]
        return sorted(rows, key=lambda r: (-LEVELS.index(r["severity"]), r["first_time"], r["alert"]))

    def changed(self) -> list[dict[str, Any]]:
        """Rows of the alerts that are new or have grown since the last call: what live capture stores and sends."""
        rows = [self._alerts[key].row() for key in self._changed]
        self._changed.clear()
        return sorted(rows, key=lambda r: (r["first_time"], r["alert"]))


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """One row from two rows of the same alert that different captures gave; ValueError where they are not the same.

    The wording is that of the earlier one; state is the old row's, for a person may have decided it.
    """
    if old["alert"] != new["alert"]:
        raise ValueError(f"alerts {old['alert']} and {new['alert']} are not the same")
    first, then = (old, new) if old["first_time"] <= new["first_time"] else (new, old)
    row = dict(first)
    row["count"] = old["count"] + new["count"]
    row["last_time"] = max(old["last_time"], new["last_time"])
    row["state"] = old["state"]
    row["evidence"] = json.dumps(_bounded(map(tuple, json.loads(first["evidence"]) + json.loads(then["evidence"]))))
    row["flows"] = json.dumps(_bounded(json.loads(first["flows"]) + json.loads(then["flows"])))
    return row


def _bounded(items: Iterable[Any]) -> list[Any]:
    """Without repeats, at most MAX_EVIDENCE: the first ones and the last."""
    distinct = list(dict.fromkeys(items))
    return distinct if len(distinct) <= MAX_EVIDENCE else [*distinct[: MAX_EVIDENCE - 1], distinct[-1]]
