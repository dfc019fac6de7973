"""The ATT&CK matrix."""

from __future__ import annotations

import dataclasses

import fake_assessment as fake
import figure_checks as check

from sentinel.assess.model import Text
from sentinel.report.figures import attack


def test_states():
    states = attack.states(fake.full())
    assert states["T0843"] == "seen" and states["T0858"] == "tested"
    assert states["T0847"] == "not_observable" and states["T0836"] == "detectable"


def test_states_of_the_assessment_decide_where_it_has_them():
    rows = (
        {"id": "T0800", "name": Text("固件更新", "Firmware"), "state": "tested"},
        {"id": "T0801", "name": Text("监", "M"), "state": "seen"},
    )
    assessment = dataclasses.replace(fake.full(), techniques=rows)
    assert attack.states(assessment) == {"T0800": "tested", "T0801": "seen"}
    assert attack.seen(assessment) == {"T0801"} and attack.names(assessment, "zh")["T0800"] == "固件更新"


def test_every_live_technique_has_its_cell():
    words = check.words(check.drawn("attack", "en"))
    placed = [ident for *_, techniques in attack.by_tactic() for ident in techniques]
    assert len(placed) == 94 and len(set(placed)) == 83
    assert all(ident in words for ident in placed)
    assert "no proof of absence" in words and "MITRE" in words


def test_what_was_not_seen_is_not_green():
    ground, *_ = attack.STATES["detectable"]
    assert ground == "#FFFFFF"
    assert "#009E73" not in check.drawn("attack", "zh")


def test_harmless():
    check.harmless("attack")
