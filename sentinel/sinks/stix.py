"""`stix:///folder`: alerts as STIX 2.1 bundles, one file a batch, to be imported or put on a TAXII server.

An alert becomes a `sighting` of the ATT&CK for ICS techniques that it names, seen by this sensor (`identity`), with
what was observed (`observed-data` over addresses and network traffic) and a `note` that says why and what to do. Ids
are derived from content as the specification asks (section 2.9), so the same alert written twice is the same object.

    lang=en         language of titles and sentences: en or zh
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sentinel.errors import SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable
from sentinel.sinks.documents import Document

SCHEMES = ("stix",)
OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace of ids of cyber-observable objects: STIX 2.1, section 2.9."""
OURS = uuid.UUID("5f1d2b0e-6c5e-5f3c-9d53-3c2f7a1b9e64")
"""The namespace of ids of all other objects."""
EPOCH = "1970-01-01T00:00:00.000Z"


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; SinkError where there is no such folder."""
    folder = Path(target.path)
    if target.host or not target.path.startswith("/") or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise SinkError("{uri}: write the whole path of a folder that can be written: stix:///folder.", uri=target.name)
    return Stix(target, folder, target.choice("lang", ("en", "zh"), "en"))


class Stix(Sink):
    """One folder of bundles."""

    def __init__(self, target: Target, folder: Path, lang: str):
        self._target = target
        self._folder = folder
        self._lang = lang

    def send(self, documents: Sequence[Document]) -> Sent:
        """Write one bundle; the same documents again replace it. Rows other than alerts have no form here."""
        alerts = [document for document in documents if document.table == "alerts"]
        refused = [(d.id, "STIX has no form for this table", d.body) for d in documents if d.table != "alerts"]
        if alerts:
            made = bundle(alerts, self._lang)
            path = self._folder / f"{made['id']}.json"
            temporary = path.with_suffix(".tmp")
            try:
                with temporary.open("w", encoding="utf-8") as stream:
                    json.dump(made, stream, ensure_ascii=False, indent=1)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(path)
            except OSError as error:
                raise Unavailable(
                    "{uri}: cannot be written: {why}.", uri=self._target.name, why=error.strerror or error
                ) from error
        return Sent(len(alerts), refused)


def bundle(alerts: Sequence[Document], lang: str) -> dict[str, Any]:
    """Alerts as a bundle; what several of them share stands in it once."""
    objects: dict[str, dict[str, Any]] = {}
    for alert in alerts:
        for one in _objects(alert, lang):
            objects.setdefault(one["id"], one)
    digest = hashlib.sha256("".join(alert.id for alert in alerts).encode()).hexdigest()
    return {"type": "bundle", "id": f"bundle--{uuid.uuid5(OURS, digest)}", "objects": list(objects.values())}


def _objects(alert: Document, lang: str) -> Iterable[dict[str, Any]]:
    row = alert.row
    first, last = (_stamp(alert.body["event"][name]) for name in ("start", "end"))
    sensor = _object("identity", f"sensor {alert.body['observer']['name']}", EPOCH, EPOCH,
                     name=alert.body["observer"]["name"], identity_class="system")  # fmt: skip
    by = {"created_by_ref": sensor["id"]}
    observables = list(_observables(alert))
    observed = None
    if observables:
        observed = _object(
            "observed-data", alert.id, last, last, **by, first_observed=first, last_observed=last,
            number_observed=max(1, row["count"]), object_refs=[one["id"] for one in observables],
        )  # fmt: skip
    yield sensor
    yield from observables
    if observed is not None:
        yield observed
    techniques = []
    for technique in alert.body.get("threat", {}).get("technique", {}).get("id", []):
        reference = {"source_name": "mitre-ics-attack", "external_id": technique,
                     "url": f"https://attack.mitre.org/techniques/{technique}/"}  # fmt: skip
        pattern = _object("attack-pattern", technique, EPOCH, EPOCH, name=technique, external_references=[reference])
        sighting = _object("sighting", f"{alert.id} {technique}", last, last, **by, first_seen=first, last_seen=last,
                           count=max(1, row["count"]), sighting_of_ref=pattern["id"],
                           where_sighted_refs=[sensor["id"]])  # fmt: skip
        if observed is not None:
            sighting["observed_data_refs"] = [observed["id"]]
        techniques += [pattern, sighting]
    yield from techniques
    about = [one["id"] for one in techniques if one["type"] == "sighting"]
    about = about or [observed["id"] if observed is not None else sensor["id"]]
    said = " ".join(row[f"{name}_{lang}"] or row[f"{name}_en"] for name in ("why", "action")).strip()
    yield _object("note", alert.id, last, last, **by, abstract=row[f"title_{lang}"] or row["name"],
                  content=said or row["name"], object_refs=about, labels=[row["name"], row["severity"]],
                  lang=lang)  # fmt: skip


def _observables(alert: Document) -> Iterable[dict[str, Any]]:
    """Addresses of both sides, and the traffic between them."""
    ends = {}
    for side in ("source", "destination"):
        said = alert.body.get(side, {})
        if "ip" in said:
            ends[side] = _observable("ipv6-addr" if ":" in said["ip"] else "ipv4-addr", value=said["ip"])
        elif "mac" in said:
            ends[side] = _observable("mac-addr", value=said["mac"].replace("-", ":").lower())
    yield from ends.values()
    protocol = alert.body.get("network", {}).get("protocol")
    addressed = {f"{'src' if side == 'source' else 'dst'}_ref": one["id"] for side, one in ends.items()}
    if addressed and protocol:
        yield _observable("network-traffic", **addressed, protocols=[protocol])


def _observable(kind: str, **contributing: Any) -> dict[str, Any]:
    """A cyber-observable object; its id is made of these properties in canonical JSON (RFC 8785)."""
    canonical = json.dumps(contributing, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    id_ = f"{kind}--{uuid.uuid5(OBSERVABLES, canonical)}"
    return {"type": kind, "spec_version": "2.1", "id": id_, **contributing}


def _object(kind: str, key: str, created: str, modified: str, **more: Any) -> dict[str, Any]:
    id_ = f"{kind}--{uuid.uuid5(OURS, f'{kind} {key}')}"
    return {"type": kind, "spec_version": "2.1", "id": id_, "created": created, "modified": modified, **more}


def _stamp(moment: str) -> str:
    """A time with the three decimals that STIX wants at least."""
    return moment[:23] + "Z"
