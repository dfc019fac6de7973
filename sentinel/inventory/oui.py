"""The vendor of a MAC address, from the IEEE registry that the netaddr package carries; no network.

netaddr holds the large assignments (24 bits) and the old individual blocks (36 bits). The vendor of a newer medium or
small assignment is not in it: such an address has no vendor here, rather than the registry's own name.

Its files are read directly, since netaddr itself takes ten times as long to make its index of them ready; that both
give the same answers is tested.
"""

from __future__ import annotations

import logging
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

_NOBODY = ("ieee registration authority", "private")
"""Owners of blocks that say nothing about who made the device: the parent of smaller blocks, and the withheld."""
_INDIVIDUAL = (0x0050C2, 0x40D855)
"""The two prefixes whose addresses are told apart by 36 bits (IEEE individual address blocks)."""

_log = logging.getLogger(__name__)


def vendor(mac: str) -> str:
    """Organisation to which the address was assigned; empty for addresses that nobody was assigned.

    `mac` is six hexadecimal pairs, with any of `:`, `-`, `.` or nothing between them; other text has no vendor.
    """
    digits = mac.replace(":", "").replace("-", "").replace(".", "")
    try:
        value = int(digits, 16) if len(digits) == 12 else -1
    except ValueError:
        return ""
    # IEEE 802-2014, 8.2: bit 0 of the first byte marks groups, bit 1 addresses that were given locally
    if value < 0 or value >> 40 & 0b11:
        return ""
    prefix = value >> 24
    return _organisation("iab", value >> 12) if prefix in _INDIVIDUAL else _organisation("oui", prefix)


@lru_cache(maxsize=4096)
def _organisation(registry: str, prefix: int) -> str:
    """Who was given a prefix, by netaddr's `oui` (24 bits) or `iab` (36 bits); empty where nobody was."""
    prefixes, offsets = _index(registry)
    found = np.flatnonzero(prefixes == prefix)
    if len(found) == 0:
        return ""
    with _file(f"{registry}.txt").open("rb") as text:
        text.seek(int(offsets[found[0]]))  # the first where several organisations have it
        record = text.readline().decode()  # 00-0E-8C   (hex)   Siemens AG
    name = " ".join(record.split()[2:]).rstrip(" ,")
    return "" if name.lower() in _NOBODY else name


@cache
def _index(registry: str) -> tuple[np.ndarray, np.ndarray]:
    """The prefixes of a registry, and where the record of each begins: a line is `prefix,offset,size` in decimal."""
    try:
        lines = _file(f"{registry}.idx").read_text("ascii")
    except FileNotFoundError as error:
        _log.warning("no vendor is told from a MAC address: %s", error)
        lines = ""
    numbers = np.fromstring(lines.strip().replace("\n", ","), dtype=np.int64, sep=",").reshape(-1, 3)
    return numbers[:, 0], numbers[:, 1]


def _file(name: str) -> Path:
    """A file of netaddr's registry; found without importing netaddr."""
    package = find_spec("netaddr")
    assert package is not None and package.submodule_search_locations is not None, "netaddr is a dependency"
    return Path(package.submodule_search_locations[0], "eui", name)
