"""Where the data that come with the program lie: beside the package in a source tree, inside it once installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def rulesets() -> Path:
    """The folder of rules, packs and knowledge."""
    return _folder("rulesets")


def pcaps() -> Path:
    """The folder of captures that this project generated, with labels and manifest."""
    return _folder("pcaps")


def _folder(name: str) -> Path:
    # setup.cfg maps both folders into the package, so an installed one has them inside and a tree beside it.
    for place in (PACKAGE / name, PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{PACKAGE / name}: the installation is damaged, install the package again")
