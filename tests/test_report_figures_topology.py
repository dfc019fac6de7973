"""The plant on its levels."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree

import fake_assessment as fake
import figure_checks as check

from sentinel.assess.model import Text, Zone


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


def test_names_of_zones_are_whole_where_three_stand_side_by_side():
    given = fake.full()
    nets = [Text(f"子网 192.168.{n}.0/24", f"Subnet 192.168.{n}.0/24") for n in (60, 66, 77)]
    zones = tuple(Zone(f"net-{i}", name, "1", "ot", declared=False) for i, name in enumerate(nets))
    site = dataclasses.replace(given.site, zones=zones, conduits=(), assets=())
    words = check.words(check.drawn("topology", "en", dataclasses.replace(given, site=site)))
    assert all(name.en in words for name in nets)
