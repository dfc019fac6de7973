"""One hash over all evidence: the root of a binary tree (SHA-256) over the lines of the evidence index, in their order.

It stands on the approval page; whoever holds the index can compute it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sentinel.assess.model import Evidence
from sentinel.assess.snapshot import dump
from sentinel.report.evidence import Numbered

_LEAF, _NODE = b"\x00", b"\x01"
"""What is hashed before a leaf and before a node, so that neither can stand for the other (RFC 6962, 2.1)."""


def leaf(piece: Evidence) -> str:
    """SHA-256 of the canonical JSON of a piece: what it is, the capture's hash, the frames."""
    return hashlib.sha256(_LEAF + dump(piece)).hexdigest()


def root(lines: Iterable[Numbered]) -> str:
    """The root of the tree; an odd last node is carried up as it is. Empty where there is no evidence."""
    level = [bytes.fromhex(leaf(line.evidence)) for line in lines]
    while len(level) > 1:
        pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
        level = [hashlib.sha256(_NODE + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex() if level else ""
