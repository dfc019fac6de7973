"""Derives rulesets/knowledge/attack-ics.json from MITRE's STIX bundle of ATT&CK for ICS, and reads it.

    python -m sentinel.rules.attack BUNDLE.json[.zst] rulesets/knowledge/attack-ics.json

What is kept: ids, names, tactics, mitigations, state and edition; no descriptions. The same bundle gives the same
bytes.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from sentinel import resources

NOTICE = (
    "© {year} The MITRE Corporation. "
    "This work is reproduced and distributed with the permission of The MITRE Corporation."
)
"""What MITRE's terms of use ask to be shown with every copy."""

DOMAIN = "ics-attack"
SOURCES = ("mitre-attack", "mitre-ics-attack")
MAX_BUNDLE = 1 << 28
"""Bytes of a bundle, decompressed."""


class NoBundle(ValueError):
    """The file is no STIX bundle of ATT&CK for ICS."""


def read_bundle(path: Path) -> dict[str, Any]:
    """The bundle of a .json or .json.zst file; NoBundle where it is none, OSError where it cannot be read."""
    raw = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        try:
            with zstandard.ZstdDecompressor().stream_reader(raw) as stream:
                raw = stream.read(MAX_BUNDLE + 1)
        except zstandard.ZstdError as error:
            raise NoBundle(f"{path}: {error}") from error
    if len(raw) > MAX_BUNDLE:
        raise NoBundle(f"{path}: larger than {MAX_BUNDLE} bytes")
    try:
        bundle = json.loads(raw)
    except ValueError as error:
        raise NoBundle(f"{path}: {error}") from error
    if not isinstance(bundle, dict) or bundle.get("type") != "bundle":
        raise NoBundle(f"{path}: not a STIX bundle")
    return bundle


def derive(bundle: dict[str, Any]) -> dict[str, Any]:
    """What the project keeps of a bundle; NoBundle where it is not of ATT&CK for ICS."""
    try:
        return _derive(bundle)
    except (KeyError, TypeError, AttributeError) as error:
        raise NoBundle(f"the bundle is not shaped as ATT&CK is: {type(error).__name__} {error}") from error


def _derive(bundle: dict[str, Any]) -> dict[str, Any]:
    objects = [o for o in bundle.get("objects", []) if isinstance(o, dict)]
    editions = [o for o in objects if o.get("type") == "x-mitre-collection"]
    techniques = [o for o in objects if o.get("type") == "attack-pattern" and DOMAIN in o.get("x_mitre_domains", [])]
    if len(editions) != 1 or not techniques:
        raise NoBundle("no edition of ATT&CK for ICS in the bundle")
    notices = [o["definition"]["statement"] for o in objects if o.get("type") == "marking-definition"]
    mitigations = {o["id"]: o for o in objects if o.get("type") == "course-of-action"}
    mitigated: dict[str, set[str]] = {}
    for relation in objects:
        if relation.get("relationship_type") == "mitigates" and not _gone(relation):
            source = mitigations.get(relation["source_ref"])
            if source is not None and not _gone(source):
                mitigated.setdefault(relation["target_ref"], set()).add(_id(source))
    return {
        "edition": editions[0]["x_mitre_version"],
        "modified": editions[0]["modified"],
        "copyright": " ".join(notices),
        "notice": NOTICE.format(year=editions[0]["modified"][:4]),
        "tactics": _sorted(
            {"id": _id(o), "name": o["name"], "shortname": o["x_mitre_shortname"]}
            for o in objects
            if o.get("type") == "x-mitre-tactic" and not _gone(o)
        ),
        "mitigations": _sorted({"id": _id(o), "name": o["name"]} for o in mitigations.values() if not _gone(o)),
        "techniques": _sorted(
            {
                "id": _id(o),
                "name": o["name"],
                "version": o["x_mitre_version"],
                "tactics": [p["phase_name"] for p in o.get("kill_chain_phases", [])],
                "mitigations": sorted(mitigated.get(o["id"], ())),
                "deprecated": o.get("x_mitre_deprecated") is True,
                "revoked": o.get("revoked") is True,
            }
            for o in techniques
        ),
    }


def _id(thing: dict[str, Any]) -> str:
    """The number that ATT&CK gave it, as T0858."""
    for reference in thing["external_references"]:
        if reference.get("source_name") in SOURCES:
            return reference["external_id"]
    raise NoBundle(f"{thing['id']} has no ATT&CK number")


def _gone(thing: dict[str, Any]) -> bool:
    return thing.get("revoked") is True or thing.get("x_mitre_deprecated") is True


def _sorted(entries: Any) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: entry["id"])


def to_text(knowledge: dict[str, Any]) -> str:
    """The JSON file: one entry a line, so that editions can be compared."""
    parts = []
    for key, value in knowledge.items():
        if isinstance(value, list):
            lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in value)
            parts.append(f" {json.dumps(key)}: [\n{lines}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


@cache
def shipped() -> dict[str, Any]:
    """The knowledge that comes with the program."""
    return json.loads((resources.rulesets() / "knowledge" / "attack-ics.json").read_text(encoding="utf-8"))


@cache
def chinese_names() -> dict[str, str]:
    """Technique id -> this project's own Chinese name for it."""
    return json.loads((resources.rulesets() / "knowledge" / "attack-ics-zh.json").read_text(encoding="utf-8"))[
        "techniques"
    ]


def main(arguments: list[str]) -> int:
    """Exit code 0; 2 with a sentence where the arguments or the bundle are no good."""
    if len(arguments) != 2:
        print("usage: python -m sentinel.rules.attack BUNDLE.json[.zst] OUT.json", file=sys.stderr)
        return 2
    try:
        Path(arguments[1]).write_text(to_text(derive(read_bundle(Path(arguments[0])))), encoding="utf-8")
    except (NoBundle, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
