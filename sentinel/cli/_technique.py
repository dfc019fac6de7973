"""Names of ATT&CK for ICS techniques, for people who do not know the numbers by heart."""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.rules import attack


def technique_names(ids: Iterable[str], lang: str) -> list[tuple[str, str]]:
    """(id, name) of each, in `lang`; the name is empty where the edition that came with the program has none."""
    names = {technique["id"]: technique["name"] for technique in attack.shipped()["techniques"]}
    if lang == "zh":
        names |= attack.chinese_names()
    return [(id_, names.get(id_, "")) for id_ in ids]
