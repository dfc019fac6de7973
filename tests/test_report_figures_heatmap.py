"""The risk matrix."""

from __future__ import annotations

import dataclasses

import fake_assessment as fake
import figure_checks as check


def test_ids_stand_in_the_cells():
    words = check.words(check.drawn("heatmap", "en")).splitlines()
    assert words.count("R-01") == 2 and words.count("R-02±") == 1 and words.count("R-02") == 1
    assert "Before treatment" in words


def test_a_full_cell_counts_the_rest():
    base = fake.full()
    risks = tuple(dataclasses.replace(base.risks[0], number=f"R-{i:02}") for i in range(20))
    words = check.words(check.drawn("heatmap", "zh", dataclasses.replace(base, risks=risks))).splitlines()
    assert words.count("+15") == 2


def test_a_profile_without_a_matrix_has_no_colours_in_it():
    plain = check.drawn("heatmap", "zh", dataclasses.replace(fake.full(), profile="gb20984-2007-mult"))
    assert plain.count("url(#cross)") == 1  # the legend's


def test_harmless():
    check.harmless("heatmap")
