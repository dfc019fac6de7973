"""Sizes and moments as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sentinel.errors import UsageError

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bytes_of(text: str) -> int:
    """The bytes that `500M`, `1.5 GiB` or `1000` mean. UsageError where it is no size."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError("{text}: is no size; write it as 500M or 20G", text=text)
    return round(float(found[1]) * _UNITS[found[2].upper()])


def time_of(text: str) -> int:
    """ns since 1970-01-01 UTC of a time in ISO 8601, UTC where it names no zone. UsageError where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError("{text}: is no time; write it as 2026-03-01 or 2026-03-01T08:00", text=text) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
