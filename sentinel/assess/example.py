"""The invented client of a bundled capture: its lists and answers, imported as any client's are."""

from __future__ import annotations

import datetime
from pathlib import Path

from sentinel import resources
from sentinel.assess import answers, imports
from sentinel.store.case import Case

CLIENTS = {"plant-attack": "plant"}
"""Name of a capture -> folder of its client below rulesets/examples."""
AUTHOR = "example"
LISTS = ("assets", "zones", "tags", "tickets")


def folder_of(capture: str) -> Path | None:
    """The files of the client of a bundled capture; None where it has none."""
    name = CLIENTS.get(capture)
    return None if name is None else resources.rulesets() / "examples" / name


def take_in(case: Case, folder: Path) -> None:
    """Import the lists and answers of a client; a second time changes nothing."""
    for what in LISTS:
        reading = imports.read(folder / f"{what}.yaml", what, None, datetime.UTC)
        imports.store(case, reading, AUTHOR)
    answers.store(case, answers.read(folder / "answers.yaml"), AUTHOR)
