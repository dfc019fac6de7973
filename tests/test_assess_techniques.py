"""The states of the techniques of ATT&CK for ICS."""

from __future__ import annotations

from sentinel.assess import techniques
from sentinel.assess.techniques import DETECTABLE, NOT_OBSERVABLE, SEEN, TESTED
from sentinel.assess.view import Rows, View


def states(exercised: frozenset[int] = frozenset(), detectable: frozenset[str] = frozenset()) -> dict[str, dict]:
    alert = {"alert": "a", "name": "s7_stop", "techniques": '["T0858"]', "evidence": "[[1, 5]]", "state": "open"}
    view = View(Rows(captures=[{"capture": 1, "sha256": "aa"}], alerts=[alert]))
    return {row["id"]: row for row in techniques.states(view, (), exercised, detectable)}


def test_every_live_technique_has_one_row() -> None:
    assert len(states()) == 83


def test_an_alert_makes_its_technique_seen_with_evidence() -> None:
    row = states()["T0858"]
    assert (row["state"], row["rules"], row["alerts"]) == (SEEN, ("s7_stop",), 1)
    assert row["evidence"] == ({"capture": 1, "sha256": "aa", "frames": (5,)},)
    assert row["name"].zh == "改变运行模式"


def test_what_was_seen_in_an_exercise_alone_was_tested() -> None:
    assert states(exercised=frozenset({1}))["T0858"]["state"] == TESTED


def test_a_technique_that_rules_name_is_detectable_and_any_other_not_observable() -> None:
    found = states(detectable=frozenset({"T0843"}))
    assert found["T0843"]["state"] == DETECTABLE
    assert found["T0865"]["state"] == NOT_OBSERVABLE


def test_what_was_not_seen_is_never_drawn_green() -> None:
    for name in (DETECTABLE, NOT_OBSERVABLE):
        red, green, blue = bytes.fromhex(techniques.STATES[name].color[1:])
        assert green <= red + 8
