"""The layer of the ATT&CK Navigator."""

from __future__ import annotations

import dataclasses
import json

import pytest
from fake_assessment import full

from sentinel.assess import techniques
from sentinel.assess.view import Rows, View
from sentinel.report import navigator


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_layer_has_every_technique_with_its_state(lang: str) -> None:
    rows = techniques.states(View(Rows()), (), frozenset(), frozenset({"T0843"}))
    layer = json.loads(navigator.render(dataclasses.replace(full(), techniques=rows), lang))
    assert (layer["domain"], layer["versions"]["layer"]) == ("ics-attack", "4.5")
    scores = {row["techniqueID"]: row["score"] for row in layer["techniques"]}
    assert len(scores) == 83
    assert scores["T0843"] > scores["T0865"] == 0
    assert len(layer["legendItems"]) == len(techniques.STATES)
