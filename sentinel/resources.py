"""Where data lie: those that come with the program, and rules and knowledge that an update put in place of them.

Data come beside the package in a source tree, inside it once installed. What `sentinel update` put in place counts
only for the version of the program that checked it: a newer program comes with newer rules.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path

from sentinel.version import VERSION

PACKAGE = Path(__file__).resolve().parent
STATE = "state.json"
"""In the folder of updates: `history`, a list of {name, program}, the update in place last. Replaced as a whole."""
NAME = re.compile(r"[0-9][0-9.]{0,30}-[0-9a-f]{12}")
"""The folder of one update."""

_log = logging.getLogger(__name__)


def rulesets() -> Path:
    """The folder of rules, packs and knowledge that counts: SENTINEL_RULESETS, else an update, else the shipped one."""
    own = os.environ.get("SENTINEL_RULESETS")
    if own:
        if not Path(own).is_dir():
            raise FileNotFoundError(f"SENTINEL_RULESETS: {own}: no such folder")
        return Path(own)
    updated = _updated()
    return shipped_rulesets() if updated is None else updated


def shipped_rulesets() -> Path:
    """The folder of rules, packs and knowledge that came with the program."""
    return _folder("rulesets")


def pcaps() -> Path:
    """The folder of captures that this project generated, with labels and manifest."""
    return _folder("pcaps")


def updates() -> Path:
    """Where `sentinel update` puts what it brings; it need not be there.

    SENTINEL_UPDATES; else, where the install script put the program into PREFIX/releases/NAME, PREFIX/updates, which
    belongs to root as the program does; else the folder of the user's data.
    """
    own = os.environ.get("SENTINEL_UPDATES")
    if own:
        return Path(own)
    environment = Path(sys.prefix)
    if environment.parent.name == "releases":
        return environment.parents[1] / "updates"
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local/share") / "sentinel/updates"


def _updated() -> Path | None:
    """The rulesets of the update in place; None where there is none, or it was checked by another version."""
    path = updates() / STATE
    try:
        state = json.loads(path.read_bytes())
        if not state["history"] or state["history"][-1]["program"] != VERSION:
            return None
        name = state["history"][-1]["name"]
        folder = path.parent / name / "rulesets"
        if not NAME.fullmatch(name) or not folder.is_dir():
            raise ValueError(f"no update {name!r}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be used, the shipped rules are: %s", path, error)
        return None
    return folder


def _folder(name: str) -> Path:
    # setup.cfg maps both folders into the package, so an installed one has them inside and a tree beside it.
    for place in (PACKAGE / name, PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{PACKAGE / name}: the installation is damaged, install the package again")
