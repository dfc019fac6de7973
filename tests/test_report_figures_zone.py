"""One zone of a large plant with its devices and conduits."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

import fake_assessment as fake
import figure_checks as check
import pytest

from sentinel.assess.model import Assessment, Zone
from sentinel.report.build import build
from sentinel.report.document import Figure, plain_text
from sentinel.report.figures import topology, zone


def crowd(devices: int, base: Assessment | None = None) -> Assessment:
    """The plant with so many controllers in its first zone, beside what stands in the others."""
    base = fake.full() if base is None else base
    plc = base.site.assets[0]
    more = [
        dataclasses.replace(plc, id=f"a{n}", name=f"PLC-{n:03}", ips=(f"192.0.2.{n % 250}",)) for n in range(devices)
    ]
    site = dataclasses.replace(base.site, assets=(*base.site.assets, *more))
    return dataclasses.replace(base, site=site)


def texts(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    assert 0 < float(root.get("height", "0")) < 700, "it has to fit a page"
    return check.words(svg)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_devices_and_conduits_of_the_zone(lang):
    svg = zone.draw(fake.full(), lang, "cell-1")
    assert svg == zone.draw(fake.full(), lang, "cell-1")
    words = texts(svg)
    assert "PRESS-PLC1" in words and "192.0.2.10" in words
    assert ("未声明而见到" if lang == "zh" else "seen, not declared") in words
    assert "stroke-dasharray" in svg  # what colours say, dashes say as well


@pytest.mark.parametrize(("lang", "said"), [("zh", "另有 42 台见资产清单"), ("en", "42 more are in the asset list")])
def test_a_sheet_holds_sixty_devices_and_says_so(lang, said):
    base = fake.full()
    there = sum(asset.zone == "cell-1" for asset in base.site.assets)
    words = texts(zone.draw(crowd(zone.DEVICES + 42 - there), lang, "cell-1"))
    assert len(re.findall(r"^PLC-\d+$", words, re.MULTILINE)) <= zone.DEVICES and said in words


def test_devices_with_findings_are_drawn_first():
    base = crowd(100)
    with_finding = {ident for finding in base.findings for ident in finding.assets}
    mine = [asset for asset in base.site.assets if asset.zone == "cell-1"]
    shown = {asset.id for asset in zone.chosen(base, mine)}
    assert {asset.id for asset in mine if asset.id in with_finding} <= shown


def test_an_empty_zone_and_a_hostile_one():
    base = fake.full()
    site = dataclasses.replace(base.site, zones=(*base.site.zones, Zone("void", fake.ZONES[0].name)))
    assert "没有已知设备" in texts(zone.draw(dataclasses.replace(base, site=site), "zh", "void"))
    hostile = fake.hostile()
    for place in hostile.site.zones:
        assert texts(zone.draw(hostile, "en", place.id))


def test_the_report_of_a_large_plant_has_a_sheet_for_each_zone_with_devices():
    large = crowd(topology.NODES + 1)
    zones = {asset.zone for asset in large.site.assets if asset.zone}
    for lang in ("zh", "en"):
        document = build(large, lang)
        sheets = [b for b in document.blocks if isinstance(b, Figure) and b.anchor.startswith("fig-zone-")]
        assert len(sheets) == len(zones) and all(sheet.caption and sheet.alt for sheet in sheets)
    assert "at most 60 devices on each" in plain_text(document)
    assert "fig-zone" not in str([b.anchor for b in build(fake.full(), "zh").blocks if isinstance(b, Figure)])


def test_more_zones_than_sheets_are_counted():
    base = crowd(70)
    zones = tuple(dataclasses.replace(fake.ZONES[0], id=f"z{n:02}", subnets=()) for n in range(30))
    assets = tuple(dataclasses.replace(a, zone=f"z{n % 30:02}") for n, a in enumerate(base.site.assets))
    site = dataclasses.replace(base.site, zones=zones, assets=assets, conduits=())
    text = plain_text(build(dataclasses.replace(base, site=site), "en"))
    assert "30 zones have devices; the first 24 are drawn" in text
