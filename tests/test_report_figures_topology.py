"""The plant on its levels."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree

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
    crowd = dataclasses.replace(base, site=dataclasses.replace(base.site, assets=assets))
    words = check.words(check.drawn("topology", "zh", crowd))
    assert "61 台：PLC 61" in words and "PLC-7" not in words
    assert "61: PLC 61" in check.words(check.drawn("topology", "en", crowd))


def test_a_large_plant_fits_a_page():
    base = fake.full()
    zones = tuple(dataclasses.replace(fake.ZONES[0], id=f"z{n:02}", level=str(n % 3)) for n in range(40))
    assets = tuple(dataclasses.replace(base.site.assets[0], id=f"a{n}", zone=f"z{n % 40:02}") for n in range(2000))
    svg = check.drawn(
        "topology", "zh", dataclasses.replace(base, site=dataclasses.replace(base.site, zones=zones, assets=assets))
    )
    assert "另有 16 个区域见表" in check.words(svg)
    assert float(ElementTree.fromstring(svg).get("height", "0")) < 640


def test_harmless():
    check.harmless("topology")
