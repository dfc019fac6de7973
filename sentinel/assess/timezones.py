"""Time zones by name or offset, and what a clock on the site's wall showed."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping
from typing import Any

from sentinel.errors import UsageError


def time_zone(name: str | None) -> tuple[datetime.tzinfo | None, str]:
    """A time zone by its name (Asia/Shanghai) or offset (+08:00), and what it is called; None: that of this machine.

    UsageError where there is none of that name.
    """
    if name is None:
        offset = datetime.datetime.now().astimezone().strftime("%z")
        return None, f"UTC{offset[:3]}:{offset[3:]}"
    try:
        if name[:1] in ("+", "-"):
            return datetime.datetime.strptime(name, "%z").tzinfo, f"UTC{name}"
        return zoneinfo.ZoneInfo(name), name
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError("there is no time zone {name}; name one as Asia/Shanghai or +08:00", name=name) from error


def of_site(engagement: Mapping[str, Any]) -> tuple[datetime.tzinfo | None, str]:
    """The zone that was stated for the site, and its name; None where nobody stated one or this machine lacks it."""
    name = str(engagement.get("timezone") or "")
    try:
        return (time_zone(name)[0] if name else None), name
    except UsageError:
        return None, name
