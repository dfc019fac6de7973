"""What several data formats of the report say alike: what it is called, and times."""

from __future__ import annotations

import datetime

from sentinel.assess.model import Assessment


def label(assessment: Assessment) -> str:
    """What a document without a cover calls the assessment: the number of its report, else its id."""
    return f"Sentinel {assessment.site.engagement.get('number') or assessment.id}"


def moment(ns: int) -> datetime.datetime:
    """A time in UTC, to the second."""
    return datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC)


def iso(ns: int) -> str:
    """A time as RFC 3339 writes it, to the second."""
    return moment(ns).strftime("%Y-%m-%dT%H:%M:%SZ")
