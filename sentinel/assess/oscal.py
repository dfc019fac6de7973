"""A pack as an OSCAL 1.1 catalog, for tools that read NIST's format.

The same pack gives the same bytes: identifiers are UUIDs of version 5, the time is the day of its last change.
Source: NIST OSCAL 1.1.3, catalog model.
"""

from __future__ import annotations

import re
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

from sentinel.assess.model import Control, Pack, Test, Text
from sentinel.errors import AssessmentError

VERSION = "1.1.3"

NAMESPACE = "https://sentinel-ics.invalid/ns/oscal"
"""Of the names that OSCAL does not define; a name and no address, so nothing can answer there."""

_UUIDS = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)
_RMF = "http://csrc.nist.gov/ns/rmf"


def catalog(pack: Pack) -> dict[str, Any]:
    """The document `{"catalog": ...}`; AssessmentError where the pack has no controls."""
    if not pack.controls:
        raise AssessmentError("{pack}: has no controls, and an OSCAL catalog must have some", pack=pack.id)
    about = pack.tables["about"]
    groups: dict[Text, list[Control]] = {}
    for control in pack.controls:
        groups.setdefault(control.group, []).append(control)
    tokens = _Tokens(pack.id)
    return {
        "catalog": {
            "uuid": _uuid(pack, "catalog"),
            "metadata": {
                "title": pack.title.en,
                "last-modified": f"{about['updated']}T00:00:00Z",
                "version": about["updated"],
                "oscal-version": VERSION,
                "props": list(_pack_props(pack)),
                "remarks": _remarks(pack),
            },
            "groups": [
                {
                    "id": f"{tokens.prefix}group-{number}",
                    "title": text.en,
                    "props": [_prop("title-zh", text.zh)],
                    "controls": [_control(control, tokens) for control in controls],
                }
                for number, (text, controls) in enumerate(groups.items(), 1)
            ],
            "back-matter": {
                "resources": [{"uuid": _uuid(pack, "source"), "title": pack.edition, "description": pack.source}]
            },
        }
    }


class _Tokens:
    """Ids of OSCAL begin with a letter and hold letters, digits, dots, hyphens and underscores; each is given once."""

    def __init__(self, pack: str):
        self.prefix = f"{pack}_" if pack[0].isalpha() else f"p-{pack}_"
        self._given: set[str] = set()

    def of(self, control: str) -> str:
        """The id of a control of the pack, another one at every call."""
        token = base = self.prefix + re.sub(r"[^A-Za-z0-9.-]+", "-", control)
        number = 1
        while token in self._given:
            number += 1
            token = f"{base}_{number}"
        self._given.add(token)
        return token


def _control(control: Control, tokens: _Tokens) -> dict[str, Any]:
    token = tokens.of(control.id)
    links = [{"href": _href(target), "rel": "related"} for target in control.maps_to]
    return {
        "id": token,
        "title": control.title.en,
        "props": list(_control_props(control)),
        **({"links": links} if links else {}),
        "parts": [
            {"id": f"{token}_smt", "name": "statement", "prose": control.paraphrase.en},
            {"id": f"{token}_smt.zh", "name": "statement-zh", "ns": NAMESPACE, "prose": control.paraphrase.zh},
            *(_method(test, f"{token}_test.{number}") for number, test in enumerate(control.tests, 1)),
        ],
    }


def _method(test: Test, token: str) -> dict[str, Any]:
    """How a test is made, in the form that NIST uses for the methods of SP 800-53A."""
    if test.question:
        return _assessment(token, "INTERVIEW", f"{test.question}: {', '.join(map(str, test.satisfied_by))}")
    settings = [f"{name}={_written(value)}" for name, value in test.params.items()]
    if test.min_coverage is not None:
        settings.append(f"coverage>={test.min_coverage}")
    return _assessment(token, "TEST", " ".join([test.check, *settings]))


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _assessment(token: str, method: str, prose: str) -> dict[str, Any]:
    return {
        "id": token,
        "name": "assessment-method",
        "props": [{"name": "method", "ns": _RMF, "value": method}],
        "parts": [{"name": "assessment-objects", "prose": prose}],
    }


def _pack_props(pack: Pack) -> Iterator[dict[str, str]]:
    yield _prop("pack", pack.id)
    yield _prop("kind", pack.kind)
    yield _prop("title-zh", pack.title.zh)
    yield _prop("edition", pack.edition)
    dates = {"verified-by": pack.verified_by, "verified-on": pack.verified_on}
    dates |= {"valid-from": pack.valid_from, "valid-to": pack.valid_to}
    for name, value in dates.items():
        if value is not None:
            yield _prop(name, value)


def _control_props(control: Control) -> Iterator[dict[str, str]]:
    yield {"name": "label", "value": control.id}
    yield _prop("title-zh", control.title.zh)
    yield _prop("observability", control.observability.value)
    for level in control.levels:
        yield _prop("level", level)
    for zone in control.zones:
        yield _prop("zone", zone)
    if control.unit:
        yield _prop("unit", control.unit)
    if control.report:
        yield _prop("report", control.report)


def _remarks(pack: Pack) -> str:
    about = pack.tables["about"]
    texts = [text for text in (pack.watermark, about["basis"], about["notes"]) if text is not None]
    return "\n\n".join(f"{text.en}\n\n{text.zh}" for text in texts)


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": value}


def _href(target: str) -> str:
    framework, _, control = target.partition(":")
    return f"{NAMESPACE}/control/{framework}/{urllib.parse.quote(control, safe='')}"


def _uuid(pack: Pack, what: str) -> str:
    about = pack.tables["about"]
    return str(uuid.uuid5(_UUIDS, f"{pack.id}\x1f{pack.edition}\x1f{about['updated']}\x1f{what}"))
