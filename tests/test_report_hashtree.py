"""The tree's root as RFC 6962 computes it."""

from __future__ import annotations

import hashlib

import fake_assessment as fake

from sentinel.report import hashtree


def test_root_by_hand():
    a, b, c = (hashlib.sha256(bytes([i])).hexdigest() for i in range(3))

    def leaf(digest: str) -> bytes:
        return hashlib.sha256(b"\x00" + bytes.fromhex(digest)).digest()

    ab = hashlib.sha256(b"\x01" + leaf(a) + leaf(b)).digest()
    assert hashtree.root([]) == hashlib.sha256().hexdigest()
    assert hashtree.root([a]) == leaf(a).hex()
    assert hashtree.root([a, b]) == ab.hex()
    assert hashtree.root([a, b, c]) == hashlib.sha256(b"\x01" + ab + leaf(c)).hexdigest()


def test_leaves_are_the_assessment_and_its_captures():
    assessment = fake.full()
    names = [name for name, _ in hashtree.leaves(assessment)]
    assert names == ["assessment.json", "cell-1.pcapng", "office.pcap"]
    assert hashtree.leaves(assessment) == hashtree.leaves(fake.full())
    assert hashtree.leaves(assessment)[0] != hashtree.leaves(fake.empty())[0]
