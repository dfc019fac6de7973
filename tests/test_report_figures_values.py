"""The drawing of process values around alerts."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest
from fake_assessment import HOSTILE, full

from sentinel.assess.model import Text
from sentinel.report.figures import values

ROW = {
    "device": "10.0.0.1", "unit": 0, "object": "coil", "block": None, "address": 0, "alert": "a",
    "title": Text("被切换", "switched"), "tag": "P-101.RUN", "unit_of_measure": "", "alert_start": 4_000_000_000,
    "alert_end": 5_000_000_000, "times": (1_000_000_000, 4_000_000_000, 9_000_000_000), "values": (1.0, 0.0, 0.0),
    "written": (False, True, False),
}  # fmt: skip


def drawn(lang: str, *rows: dict) -> str:
    return values.draw(dataclasses.replace(full(), plots=rows), lang)


@pytest.mark.parametrize(("lang", "word"), [("zh", "告警期间"), ("en", "value written")])
def test_each_value_has_a_strip_with_its_name(lang: str, word: str) -> None:
    text = drawn(lang, ROW, {**ROW, "tag": "", "address": 7})
    ElementTree.fromstring(text)
    assert "P-101.RUN" in text and "10.0.0.1/0 coil 7" in text and word in text
    assert text == drawn(lang, ROW, {**ROW, "tag": "", "address": 7})


def test_a_constant_value_and_a_single_moment_are_drawn() -> None:
    ElementTree.fromstring(drawn("en", {**ROW, "values": (3.0, 3.0, 3.0)}))
    ElementTree.fromstring(drawn("en", {**ROW, "times": (4_000_000_000,), "values": (1.0,), "written": (True,)}))
    ElementTree.fromstring(drawn("en", {**ROW, "times": (), "values": (), "written": ()}))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    ElementTree.fromstring(drawn("en", {**ROW, "tag": name, "title": Text(name, name)}))


def test_a_long_line_is_drawn_to_its_end() -> None:
    times = tuple(range(1_000_000_000, 481_000_000_000, 1_000_000_000))
    values_ = tuple(float(n % 7) + 0.123 for n in range(len(times)))
    row = {**ROW, "times": times, "values": values_, "written": (False,) * len(times)}
    paths = [element.get("d", "") for element in ElementTree.fromstring(drawn("en", row)).iter() if element.get("d")]
    line = max(paths, key=len)
    assert line.count("H") == len(times) - 1
    assert "…" not in line
