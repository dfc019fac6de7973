"""How far the captures saw."""

from __future__ import annotations

import figure_checks as check


def test_a_zone_without_traffic_is_hatched_and_named():
    svg = check.drawn("coverage", "en")
    assert "no traffic seen" in check.words(svg) and "url(#cross)" in svg
    assert "92% · 14.0 days" in check.words(svg)


def test_harmless():
    check.harmless("coverage")
