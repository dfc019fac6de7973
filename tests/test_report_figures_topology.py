"""The plant on its levels."""

from __future__ import annotations

import dataclasses

import fake_assessment as fake
import figure_checks as check


def test_levels_zones_devices_and_conduits():
    svg = check.drawn("topology", "en")
    words = check.words(svg)
    assert words.index("L4 Office") < words.index("L3 Site") < words.index("L1 Control")
    assert "PRESS-PLC1" in words and "seen, not declared" in words and "* proposed zone" in words
    assert "2.5 2" in svg  # an unknown device is dashed


def test_many_devices_are_counted_by_kind():
    base = fake.full()
    assets = tuple(dataclasses.replace(base.site.assets[0], id=f"a{i}", name=f"PLC-{i}") for i in range(61))
    words = check.words(
        check.drawn("topology", "zh", dataclasses.replace(base, site=dataclasses.replace(base.site, assets=assets)))
    )
    assert "61 ×" in words and "PLC-7" not in words


def test_harmless():
    check.harmless("topology")
