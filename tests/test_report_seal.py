"""The hash tree over the evidence index."""

from __future__ import annotations

import dataclasses
import hashlib

from fake_assessment import empty, full

from sentinel.report.evidence import EvidenceIndex
from sentinel.report.seal import leaf, root


def test_the_root_is_that_of_a_binary_tree() -> None:
    lines = list(EvidenceIndex(full()))[:3]
    a, b, c = (bytes.fromhex(leaf(line.evidence)) for line in lines)
    left = hashlib.sha256(b"\x01" + a + b).digest()
    assert root(lines) == hashlib.sha256(b"\x01" + left + c).hexdigest()
    assert root(lines[:1]) == a.hex()
    assert root(()) == ""


def test_another_frame_is_another_root() -> None:
    base = full()
    piece = dataclasses.replace(base.findings[0].evidence[0], frames=(1, 2))
    finding = dataclasses.replace(base.findings[0], evidence=(piece,))
    other = dataclasses.replace(base, findings=(finding, *base.findings[1:]))
    assert root(EvidenceIndex(other)) != root(EvidenceIndex(base)) == root(EvidenceIndex(full()))


def test_an_assessment_without_evidence_has_no_root() -> None:
    assert root(EvidenceIndex(empty())) == ""
