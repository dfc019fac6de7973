"""Numbers, times and sizes as people read them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from sentinel.cli._settings import Settings

SECOND = 1_000_000_000
_EPOCH = datetime.datetime(1970, 1, 1)


def moment(nanoseconds: int | None) -> str:
    """Date and time of day in UTC, to the second; empty where there is none or no calendar has it."""
    if nanoseconds is None:
        return ""
    try:
        return (_EPOCH + datetime.timedelta(seconds=nanoseconds // SECOND)).isoformat(" ")
    except OverflowError:
        return f"{nanoseconds / SECOND:.0f} s"


def span(first: int | None, last: int | None) -> str:
    """From when to when; the date is said once where it is the same."""
    start, end = moment(first), moment(last)
    if start == end:
        return start
    return f"{start} – {end[11:] if start[:11] == end[:11] else end}"


def duration(nanoseconds: int, settings: Settings) -> str:
    """A length of time with the two units that matter."""
    seconds = nanoseconds / SECOND
    if seconds < 60:
        return settings.say("{n} s", n=f"{seconds:.3f}".rstrip("0").rstrip(".") if seconds < 10 else f"{seconds:.0f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return settings.say("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return settings.say("{hours} h {minutes} min", hours=hours, minutes=minutes)
    days, hours = divmod(hours, 24)
    return settings.say("{days} d {hours} h", days=f"{days:,}", hours=hours)


def size(count: float) -> str:
    """Bytes in the unit that leaves few digits (powers of 1000)."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.95 or unit == "TB":
            break
    return f"{count:,.1f} {unit}"


def share(part: float, whole: float) -> str:
    """A percentage; small but not nothing is said so."""
    if whole <= 0:
        return "0 %"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def shortest(ids: Iterable[str], least: int = 6) -> int:
    """How many characters of each id tell all of them apart, at least `least`."""
    known = sorted(set(ids))
    need = least
    for one, other in zip(known, known[1:], strict=False):
        same = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        need = max(need, same + 1)
    return need


def tame(text: str) -> str:
    """Text for a terminal: what is not printable (a file's name may hold an escape sequence) becomes `?`."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
