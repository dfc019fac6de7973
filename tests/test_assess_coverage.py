"""How much the captures could show: numbers by hand, and sentences that are true of the case."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import pytest
from assess_traffic import HMI, LAPTOP, OFFICE, PLAN, PLC, PROPOSED, Traffic, asset, plant, whole, zone

from sentinel.assess.coverage import measure
from sentinel.assess.model import Conduit, Coverage
from sentinel.assess.view import Rows, View


def said(coverage: Coverage) -> str:
    return " ".join(statement.en for statement in coverage.statements)


def test_an_empty_case_was_not_covered_at_all() -> None:
    coverage = measure(View(Rows(), plant()))
    assert (coverage.taps, coverage.hours, coverage.frames, coverage.loss, coverage.one_sided) == ((), 0.0, 0, None, None)
    assert [row["visibility"] for row in coverage.zones] == [0.0, 0.0, 0.0] and coverage.share == 0.0
    assert "holds no capture" in said(coverage)
    assert measure(View(Rows())).share is None


def test_taps_count_hours_loss_one_sidedness_and_what_was_not_decoded() -> None:
    traffic = Traffic(hours=48, frames=900, dropped=100, cut=7, unread=3)
    traffic.flow(HMI, PLC, 502, "modbus", up=600, down=400).say("read", "read")
    traffic.flow(HMI, PLC, 4711, up=1000, down=0, packets_server=0)
    traffic.flow(HMI, PLC, 80, up=0, down=0, packets_server=0)
    coverage = traffic.view().coverage
    (tap,) = coverage.taps
    assert (tap["hours"], tap["frames"], tap["dropped"], tap["loss"], tap["cut"], tap["flows"]) == (48.0, 900, 100, 0.1, 7, 3)
    assert (tap["one_sided"], coverage.one_sided) == (0.5, 0.5)  # a connection attempt without payload is not one-sided
    assert (tap["unknown"], coverage.unknown) == (0.5, 0.5)
    assert (coverage.hours, coverage.loss) == (48.0, 0.1)


def test_captures_that_overlap_are_counted_once() -> None:
    traffic = Traffic()
    traffic.flow(HMI, PLC, 502, "modbus")
    base = {"run": "1", "sha256": "00", "path": "/x/y.pcap", "state": "complete", "frames": 10, "dropped": None, "detail": "{}"}
    hour = 3600 * 10**9
    traffic.tables["captures"] = [
        {**base, "capture": 1, "first_time": 0, "last_time": 2 * hour}, {**base, "capture": 2, "first_time": hour, "last_time": 4 * hour}, {**base, "capture": 3, "first_time": 9 * hour, "last_time": 10 * hour},
    ]  # fmt: skip
    coverage = traffic.view().coverage
    assert coverage.hours == 5.0 and coverage.loss is None and coverage.taps[0]["name"] == "y.pcap"
    assert "3 captures do not say how many frames were lost" in said(coverage)


def test_visibility_of_a_zone_is_devices_times_time_times_quality() -> None:
    site = plant(asset(PLC), asset(HMI, "hmi"), asset("10.0.1.77", observed=False), asset("10.0.1.78", observed=False))
    traffic = Traffic(hours=24, frames=900, dropped=100)
    traffic.flow(HMI, PLC, 502, "modbus", at=0, lasts=12 * 3600)
    rows = {row["zone"]: row for row in traffic.view(site).coverage.zones}
    cell = rows["cell"]
    assert (cell["seen"], cell["hours"], cell["packets"], cell["devices_seen"], cell["devices_listed"]) == (True, 12.0, 10, 2, 4)
    assert cell["visibility"] == pytest.approx(2 / 4 * 12 / 24 * 0.9)
    assert (rows["office"]["seen"], rows["office"]["visibility"]) == (False, 0.0)


def test_without_a_list_half_of_the_devices_count_as_seen() -> None:
    traffic = Traffic(hours=24).flow(HMI, PLC, 502, "modbus", at=0, lasts=24 * 3600)
    coverage = traffic.view(plant(zones=(PLAN[0],))).coverage
    assert coverage.zones[0]["visibility"] == 0.5 and coverage.share == 0.5
    assert "no list of devices" in said(coverage)


def test_pauses_longer_than_five_minutes_do_not_count() -> None:
    traffic = Traffic()
    for at in (0, 0.05, 10):
        traffic.flow(HMI, PLC, 502, "modbus", at=at, lasts=60)
    row = traffic.view(plant()).coverage.zones[0]
    assert row["hours"] == pytest.approx((240 + 60) / 3600, abs=1e-4)


def test_conduits_declared_and_not_and_whether_anything_passed() -> None:
    site = plant(conduits=(Conduit("c1", "office", "cell", ("https",)), Conduit("c2", "dmz", "cell", ("*",))))
    traffic = Traffic().flow(OFFICE, PLC, 502, "modbus").flow(PLC, OFFICE, 514, transport="udp", down=0)
    rows = {(row["source"], row["target"]): row for row in traffic.view(site).coverage.conduits}
    assert {pair: (row["declared"], row["seen"], row["conduit"]) for pair, row in rows.items()} == {
        ("office", "cell"): (True, True, "c1"), ("dmz", "cell"): (True, False, "c2"), ("cell", "office"): (False, True, ""),
    }  # fmt: skip


def test_the_whole_is_the_mean_of_the_zones_inside() -> None:
    zones = (*PLAN, zone("internet", "5", "external"))
    traffic = Traffic(hours=24).flow(HMI, PLC, 502, "modbus", at=0, lasts=24 * 3600).flow(PLC, "8.8.4.4", 443, "tls")
    assert traffic.view(plant(zones=zones)).coverage.share == pytest.approx(0.5 / 3, abs=1e-4)


def test_statements_name_what_could_not_be_shown() -> None:
    traffic = Traffic(hours=1, cut=5, unread=2, state="faulty")
    traffic.flow(HMI, PLC, 502, "modbus", state="midstream", gaps=1, gap_bytes=5000)
    traffic.flow(OFFICE, "8.8.4.4", 443, "tls", up=4000, down=9000).flow(HMI, LAPTOP, 4711, down=0, packets_server=0, end="evicted")
    coverage = traffic.view(plant(zones=PROPOSED)).coverage
    words = said(coverage)
    for part in (
        "less than a day", "5 frames were cut", "could not be read to their end: tap.pcap", "2 frames are of link types", "in one direction only", "began before the capture",
        "5.0 kB of TCP streams are missing", "ended early", "not recognised", "encrypted services", "no name", "VLAN tag", "in the air", "zones are proposed", "Zones of which nothing was seen: dmz",
    ):  # fmt: skip
        assert part in words, part
    for statement in coverage.statements:
        whole(statement)


def test_statements_stay_away_where_they_are_not_true() -> None:
    traffic = Traffic(hours=200).flow(HMI, PLC, 502, "modbus", vlan=10)
    words = said(traffic.view(plant(asset(PLC), zones=(PLAN[0],))).coverage)
    for part in ("less than", "cut", "lost", "one direction", "missing", "encrypted", "VLAN", "tunnel", "proposed", "list of devices"):
        assert part not in words, part


def test_a_capture_that_is_mostly_silence_says_so() -> None:
    traffic = Traffic(hours=900 * 24)
    traffic.flow(HMI, PLC, 502, "modbus", at=0, lasts=600)
    told = said(traffic.view(plant()).coverage)
    assert "The captures span 900 days, but only 10 min of that has traffic" in told
    # flows that were dropped to save room are no silence
    gone = {"run": 1, "rows": 2, "first_time": 0, "last_time": 1}
    traffic.tables["thinned"] = [{**gone, "table": "flows", "fate": "dropped", "stood_for": 2}]
    assert "in between cannot be told" not in said(traffic.view(plant()).coverage)
    busy = Traffic(hours=24).flow(HMI, PLC, 502, "modbus", at=0, lasts=24 * 3600)
    assert "in between cannot be told" not in said(busy.view(plant()).coverage)


def test_what_a_killed_sensor_could_not_store_is_said() -> None:
    traffic = Traffic(hours=200, detail='{"sensor": {"lost_seconds": 12.4}}')
    traffic.flow(HMI, PLC, 502, "modbus")
    coverage = traffic.view().coverage
    assert "what 12 seconds held was not analysed" in said(coverage)
    assert any("共 12 秒的内容没有分析" in statement.zh for statement in coverage.statements)
    assert "was killed" not in said(Traffic(hours=200).flow(HMI, PLC, 502, "modbus").view().coverage)


def test_what_the_case_gave_up_for_room_and_a_sensor_for_memory_is_said() -> None:
    traffic = Traffic()
    traffic.flow(HMI, PLC, 502, "modbus")
    assert "became counts" not in said(traffic.view().coverage)
    day = 86_400 * 10**9
    gone = {"run": 1, "rows": 2, "first_time": 0, "last_time": day}
    traffic.tables["thinned"] = [
        {**gone, "table": "messages", "fate": "counted", "stood_for": 12_000}, {**gone, "run": 2, "table": "messages", "fate": "counted", "stood_for": 1_000},
        {**gone, "table": "polls", "fate": "dropped", "stood_for": 4_000}, {**gone, "table": "flows", "fate": "dropped", "stood_for": 1},
    ]  # fmt: skip
    traffic.tables["captures"] = [{**row, "detail": '{"sensor": {"values_not_kept": 7}}'} for row in traffic.view().captures.to_dicts()]
    text = said(traffic.view().coverage)
    assert "13,000 messages that only read (1970-01-01 00:00 – 1970-01-02 00:00) became counts" in text
    assert "the counts of 4,000 messages" in text and "1 flow was dropped" in text and "at least 7 values" in text
