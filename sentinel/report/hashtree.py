"""The hash tree over everything that a report rests on; its root is printed where people sign.

A leaf is the SHA-256 of one piece; nodes are hashed as in RFC 6962, 2.1: 0x00 before a leaf, 0x01 before two nodes, so
that no inner node can pass for a piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sentinel.assess.model import Assessment
from sentinel.assess.snapshot import dump


def root(digests: Iterable[str]) -> str:
    """Root over SHA-256 digests in hexadecimal, in the order given; of nothing, the hash of nothing (RFC 6962)."""
    nodes = [hashlib.sha256(b"\x00" + bytes.fromhex(digest)).digest() for digest in digests]
    if not nodes:
        return hashlib.sha256().hexdigest()
    while len(nodes) > 1:
        pairs = [nodes[i : i + 2] for i in range(0, len(nodes), 2)]
        nodes = [hashlib.sha256(b"\x01" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return nodes[0].hex()


def leaves(assessment: Assessment) -> tuple[tuple[str, str], ...]:
    """(what, digest) of the assessment itself and of each capture whose digest is known, in the order of the tree."""
    captures = sorted(
        (str(row["sha256"]), str(row.get("path", ""))) for row in assessment.captures if len(str(row["sha256"])) == 64
    )
    own = hashlib.sha256(dump(assessment)).hexdigest()
    return (("assessment.json", own), *((path, digest) for digest, path in captures))
