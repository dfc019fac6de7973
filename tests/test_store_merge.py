"""Rows of several runs about one thing become one row."""

from __future__ import annotations

import json

import polars as pl
from store_rows import SHA_A, SHA_B, T0, alert, analyse, asset, fact

from sentinel.store import tables
from sentinel.store.case import Case
from sentinel.store.merge import MAX_EVIDENCE, merge_alerts, merge_assets, merge_evidence, parse


def test_alerts_of_several_runs_are_one_alert_that_keeps_its_first_and_last_frame(tmp_path):
    with Case.open(tmp_path / "case") as case:
        analyse(case, SHA_A, alerts=[alert("x", 90, [(1, f) for f in range(1, 91)], T0, T0 + 9)])
        analyse(case, SHA_B, alerts=[alert("x", 90, [(2, f) for f in range(1, 91)], T0 - 5, T0 + 5, why_en="later")])
        (row,) = case.alerts().to_dicts()
        evidence = json.loads(row["evidence"])
        assert row["count"] == 180
        assert len(evidence) == MAX_EVIDENCE
        assert evidence[0] == [1, 1]
        assert evidence[-1] == [2, 90]
        assert row["why_en"] == "later"
        times = case.scan("alerts").select(pl.col("first_time", "last_time").cast(pl.Int64)).collect().row(0)
        assert times == (T0 - 5, T0 + 9)


def test_merging_does_not_depend_on_how_the_rows_were_cut():
    rows = [alert("x", 1, [(1, f)], T0 + f, T0 + f) for f in range(300)]
    (at_once,) = merge_alerts(rows)
    (in_turn,) = merge_alerts([*merge_alerts(rows[:120]), *merge_alerts(rows[120:])])
    assert at_once == in_turn
    assert merge_evidence([[2, 1]], [[1, 9], [2, 1]]) == [[1, 9], [2, 1]]


def test_facts_keep_their_earliest_evidence_and_assets_what_was_learned(tmp_path):
    with Case.open(tmp_path / "case") as case:
        analyse(
            case,
            SHA_A,
            facts=[fact("m", 0.4, T0)],
            assets=[asset("a", vendor="V", vendor_by="fact", role="plc", unit=0)],
        )
        second = asset("a", vendor="Oui Inc.", vendor_by="oui", macs=["00:00:00:00:00:01"], role="host", name="PLC 1")
        analyse(case, SHA_B, facts=[fact("m", 0.9, T0 - 1, 2)], assets=[second])
        (known,) = case.facts().to_dicts()
        assert (known["confidence"], known["capture"], known["unit"]) == (0.9, 2, 0)
        (device,) = case.assets().to_dicts()
        assert (device["vendor"], device["role"], device["name"], device["unit"]) == ("V", "plc", "PLC 1", 0)
        assert json.loads(device["macs"]) == ["00:00:00:00:00:01"]
        assert device["packets"] == 2


def test_an_asset_that_talks_both_ways_is_both():
    sides = ({"modbus": "client"}, {"modbus": "server", "dnp3": "client"})
    rows = merge_assets(tables.as_rows("assets", [asset("a", protocols=side) for side in sides]))
    assert parse(rows[0]["protocols"]) == {"dnp3": "client", "modbus": "both"}


def test_absent_lists_are_empty():
    assert list(parse("")) == list(parse(None)) == []
    assert parse("[[1,2]]") == parse([[1, 2]]) == [[1, 2]]
