"""The vendor of a MAC address, from the IEEE registry that the netaddr package carries; no network.

netaddr holds the large assignments (24 bits) and the old individual blocks (36 bits). The vendor of a newer medium or
small assignment is not in it: such an address has no vendor here, rather than the registry's own name.
"""

from __future__ import annotations

from functools import lru_cache

_NOBODY = ("ieee registration authority", "private")
"""Owners of blocks that say nothing about who made the device: the parent of smaller blocks, and the withheld."""
_INDIVIDUAL = (0x0050C2, 0x40D855)
"""The two prefixes whose addresses are told apart by 36 bits (IEEE individual address blocks)."""


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
    return _registered(value >> 12 if prefix in _INDIVIDUAL else prefix << 12)


@lru_cache(maxsize=4096)
def _registered(prefix: int) -> str:
    """Organisation behind the first 36 bits of an address."""
    from netaddr import EUI, NotRegisteredError

    address = EUI(prefix << 12, version=48)
    try:
        if address.is_iab():
            return _name(address.iab.registration().org)
        return _name(address.oui.registration().org)
    except NotRegisteredError:
        return ""


def _name(organisation: str) -> str:
    name = " ".join(organisation.split()).rstrip(" ,")
    return "" if name.lower() in _NOBODY else name
