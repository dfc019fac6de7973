"""What every figure owes its readers; each figure's own test file calls it."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree
from importlib import import_module

import fake_assessment as fake

from sentinel.assess.model import Assessment

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(name: str, lang: str = "zh", assessment: Assessment | None = None) -> str:
    """The figure, checked: well formed, deterministic, inside its frame, without anything that is loaded or run."""
    module = import_module(f"sentinel.report.figures.{name}")
    given = fake.full() if assessment is None else assessment
    svg = module.draw(given, lang)
    assert svg == module.draw(given, lang)
    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    assert 0 < width <= 460 and 0 < height < 1200
    for element in root.iter():
        tag = element.tag.removeprefix(NAMESPACE)
        assert tag in {
            "svg",
            "title",
            "defs",
            "pattern",
            "path",
            "rect",
            "line",
            "text",
            "circle",
            "polygon",
            "polyline",
        }, tag
        for place, limit in (("x", width), ("x1", width), ("x2", width), ("y", height), ("y1", height), ("y2", height)):
            if place in element.attrib and tag in ("rect", "line", "text"):
                assert -1 <= float(element.attrib[place]) <= limit + 1, (tag, dict(element.attrib))
    assert not re.search(r"(href|onload|style)=|url\((?!#)|NaN|None|inf", re.sub(r">[^<]*<", "><", svg))
    return svg


def words(svg: str) -> str:
    """All texts of a drawing."""
    return "\n".join(e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag == f"{NAMESPACE}text")


def harmless(name: str) -> None:
    """Hostile, missing and very many things do not break the figure."""
    drawn(name, "en", fake.hostile())
    drawn(name, "zh", fake.empty())
    base = fake.full()
    many = dataclasses.replace(
        base,
        site=dataclasses.replace(
            base.site,
            assets=tuple(dataclasses.replace(base.site.assets[i % 12], id=f"a{i}") for i in range(300)),
            zones=tuple(dataclasses.replace(base.site.zones[i % 3], id=f"z{i}") for i in range(40)),
        ),
        risks=tuple(dataclasses.replace(base.risks[i % 5], number=f"R-{i:02}") for i in range(80)),
        findings=tuple(dataclasses.replace(base.findings[i % 5], id=f"f{i}", number=f"F-{i:02}") for i in range(80)),
        alerts=tuple(
            {**base.alerts[i % 3], "alert": f"x{i}", "title_zh": f"类 {i}", "title_en": f"kind {i}"} for i in range(80)
        ),
        levels=tuple(dataclasses.replace(base.levels[i % 14], zone=f"z{i // 7}") for i in range(280)),
        coverage=dataclasses.replace(
            base.coverage,
            zones=tuple({**base.coverage.zones[i % 3], "zone": f"z{i}"} for i in range(40)),
            conduits=tuple(
                {**base.coverage.conduits[i % 3], "source": f"z{i}", "target": f"z{(i * 7 + 1) % 40}"}
                for i in range(40)
            ),
        ),
    )
    drawn(name, "zh", many)
