"""Devices that were seen, joined with what the client says of them."""

from __future__ import annotations

import sys

import pytest
from client_case import ClientCase, seen, talk

from sentinel.assess import site
from sentinel.assess.model import Evidence, Text


def build(*rows, flows=(), **lists):
    case = ClientCase(rows, flows)
    for kind, subjects in lists.items():
        case.record([(kind, subject, value) for subject, value in subjects.items()], "Li", "import:list.xlsx")
    return site.build(case)


def test_without_any_list_everything_is_from_the_wire():
    found = build(
        seen(1, ["10.0.1.9"], ["02:00:00:00:00:09"], name="BOILER", vendor="ABB", vendor_by="oui", level="1"),
        seen(2, ["10.0.1.50"], role="client"),
        flows=[talk("10.0.1.50", "10.0.1.9")],
    )
    plc, client = found.assets
    assert (plc.id, plc.name, plc.zone, plc.observed, plc.listed) == ("asset-1", "BOILER", "net-10.0.1", True, False)
    assert plc.provenance["vendor"] == "wire:oui" and plc.provenance["zone"] == "assumed"
    assert plc.evidence == (Evidence("frames", capture=1, sha256="ab" * 32, frames=(3, 9)),)
    assert (plc.criticality, plc.cia, plc.bearing) == (None, (None, None, None), None)
    assert (client.name, client.kind) == ("10.0.1.50", "host")
    assert [zone.declared for zone in found.zones] == [False]


def test_the_list_adds_what_the_wire_does_not_say():
    listed = {"id": "P1", "name": "锅炉", "ips": ["10.0.1.9"], "zone": "boiler", "c": 1, "i": 5, "criticality": 4}
    (plc,) = build(seen(1, ["10.0.1.9"]), asset={"P1": listed}).assets
    assert (plc.id, plc.number, plc.name, plc.zone, plc.criticality) == ("asset-1", "P1", "锅炉", "boiler", 4)
    assert plc.cia == (1, 5, None)
    assert (
        plc.provenance["name"] == "list" and plc.provenance["cia"] == "list" and plc.provenance["ips"] == "wire:address"
    )
    assert Evidence("record", "asset/P1") in plc.evidence


def test_a_device_knows_itself_better_than_the_list_and_both_are_kept():
    row = seen(1, ["10.0.1.9"], vendor="Siemens", vendor_by="fact", firmware="V3.2.6", role="plc", level="1")
    listed = {
        "id": "P1",
        "ips": ["10.0.1.9"],
        "vendor": "Siemens AG",
        "firmware": "V3.2.4",
        "kind": "hmi",
        "level": "2",
    }
    (plc,) = build(row, asset={"P1": listed}).assets
    assert (plc.vendor, plc.firmware, plc.kind, plc.level) == ("Siemens", "V3.2.6", "hmi", "2")
    assert plc.conflicts == {"firmware": "list: V3.2.4", "kind": "wire: plc", "level": "wire: 1"}


def test_the_list_knows_better_than_a_registry_of_mac_addresses():
    row = seen(1, ["10.0.1.9"], vendor="VMware", vendor_by="oui", role="client")
    (plc,) = build(row, asset={"P1": {"ips": ["10.0.1.9"], "vendor": "Advantech", "kind": "historian"}}).assets
    assert (plc.vendor, plc.kind) == ("Advantech", "historian")
    assert plc.conflicts == {"vendor": "wire: VMware"}


@pytest.mark.parametrize(
    "values",
    [
        {"macs": ["02:00:00:00:00:09"], "ips": ["10.0.1.200"]},
        {"ips": ["10.0.1.9"]},
        {"name": "boiler"},
        {"ips": ["10.0.1.9"], "unit": 1},
    ],
)
def test_a_row_finds_its_device_by_mac_ip_or_name(values):
    found = build(seen(1, ["10.0.1.9"], ["02:00:00:00:00:09"], name="BOILER"), asset={"P1": values}).assets
    assert len(found) == 1 and found[0].listed
    if values.get("ips") == ["10.0.1.200"]:
        assert found[0].conflicts == {"ips": "list: 10.0.1.200"}


def test_units_behind_a_gateway_are_devices_of_their_own():
    rows = [
        seen(1, ["10.0.1.9"], role="gateway"),
        {**seen(2, role="plc"), "parent": "asset-1", "unit": 1},
        {**seen(3, role="plc"), "parent": "asset-1", "unit": 2},
    ]
    drives = {"D2": {"id": "D2", "ips": ["10.0.1.9"], "unit": 2}, "D9": {"id": "D9", "ips": ["10.0.1.9"], "unit": 9}}
    found = {asset.id: asset for asset in build(*rows, asset=drives).assets}
    assert found["asset-3"].number == "D2" and found["asset-3"].ips == ("10.0.1.9",)
    assert not found["asset-1"].listed and not found["list:D9"].observed


def test_what_is_only_listed_is_kept_as_such_and_one_device_is_taken_once():
    lists = {"A": {"id": "A", "ips": ["10.0.1.9"]}, "B": {"id": "B", "ips": ["10.0.1.9"]}, "C": {"name": "switch"}}
    found = build(seen(1, ["10.0.1.9"]), asset=lists).assets
    assert [(a.id, a.observed) for a in found] == [("asset-1", True), ("list:B", False), ("list:C", False)]
    assert found[1].conflicts == {"ips": "list: A"}
    assert found[2].name == "switch" and found[2].number == ""


def test_broadcast_addresses_are_no_assets():
    assert build(seen(1, ["10.0.1.255"], role="broadcast")).assets == ()


def test_declared_zones_and_conduits_stand():
    found = build(
        seen(1, ["10.0.1.9"]), flows=[talk("8.8.8.8", "10.0.1.9")],
        zone={"cell": {"name": {"zh": "单元", "en": "Cell"}, "subnets": ["10.0.1.0/24"], "sl_t": 2, "level": "1"}},
        conduit={"office>cell": {"source": "office", "target": "cell", "protocols": ["modbus"], "one_way": True}},
    )  # fmt: skip
    assert [(z.id, z.declared) for z in found.zones] == [("cell", True), ("external", False)]
    assert found.zones[0].name == Text("单元", "Cell") and found.zones[0].sl_t == 2
    assert [(c.id, c.one_way, c.declared) for c in found.conduits] == [("office>cell", True, True)]
    assert found.assets[0].zone == "cell" and found.assets[0].provenance["zone"] == "list"


def test_the_list_may_call_a_zone_by_its_name():
    zone = {"cell": {"name": {"zh": "锅炉单元", "en": "Boiler cell"}}}
    found = build(seen(1, ["10.0.1.9"]), asset={"P": {"ips": ["10.0.1.9"], "zone": "boiler CELL"}}, zone=zone)
    assert found.assets[0].zone == "cell" and [z.id for z in found.zones] == ["cell"]


def test_without_conduits_those_that_were_seen_are_proposed():
    flows = [
        talk("10.0.2.9", "10.0.1.9"),
        talk("10.0.2.9", "10.0.1.9", "", server_port=80),
        talk("10.0.2.9", "10.0.1.9", "x", payload_client=0, payload_server=0),
    ]
    found = build(seen(1, ["10.0.1.9"]), seen(2, ["10.0.2.9"], role="hmi"), flows=flows)
    assert [(c.id, c.protocols, c.declared) for c in found.conduits] == [
        ("net-10.0.2>net-10.0.1", ("modbus", "tcp/80"), False)
    ]


def test_tickets_and_tags_name_devices_by_number():
    hour = 3_600_000_000_000
    found = build(
        seen(1, ["10.0.1.9"], ["02:00:00:00:00:09"]),
        asset={"P1": {"id": "P1", "ips": ["10.0.1.9"]}},
        ticket={
            "C1": {
                "id": "C1",
                "kind": "change",
                "start": 0,
                "end": hour,
                "targets": ["p1", "10.0.9.9"],
                "activities": ["program"],
            },
            "W1": {"id": "W1", "kind": "window", "start": 0, "end": hour, "repeat": "weekly", "until": "1970-01-15"},
        },
        tag={"t": {"device": "P1", "object": "coil", "address": 4, "name": "X"}},
    )
    change, *windows = found.tickets
    assert change.targets == ("10.0.1.9", "02:00:00:00:00:09", "10.0.9.9") and change.sources == ()
    assert [(w.start // (24 * hour), w.id) for w in windows] == [(0, "W1"), (7, "W1"), (14, "W1")]
    assert (found.tags[0].device, found.tags[0].block, found.tags[0].address) == ("10.0.1.9", None, 4)


def test_a_window_that_never_ends_is_cut():
    values = {"id": "W", "kind": "window", "start": 0, "end": 1, "repeat": "daily", "until": "2099-01-01"}
    assert len(list(site.tickets(values, {}))) == site.MAX_REPEATS


def test_answers_say_who_and_when():
    found = build(
        answer={
            "Q-ORG-01": {
                "answer": "yes",
                "state": "documented",
                "author": "Chen",
                "date": "1970-01-02",
                "note": "see 3",
            },
            "Q-DAT-04.rows": {"answer": [{"item": "recipe"}]},
        },
        engagement={"client": {"zh": "甲", "en": "A"}},
    ).answers
    answer = found["Q-ORG-01"]
    assert (answer.value, answer.state, answer.author, answer.time) == ("yes", "documented", "Chen", site.DAY)
    assert answer.evidence == (Evidence("answer", "Q-ORG-01", note=Text("see 3", "see 3")),)
    assert found["Q-DAT-04.rows"].value == ({"item": "recipe"},) and found["Q-DAT-04.rows"].author == "Li"


def work_of(count):
    """How many lines of Python a site of so many assets takes, each of them seen, listed, and talking to the next."""
    rows = [seen(n, [f"10.{n >> 8}.{n & 255}.5"], [f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}"]) for n in range(count)]
    flows = [talk(f"10.{n >> 8}.{n & 255}.5", f"10.{n + 1 >> 8}.{n + 1 & 255}.5") for n in range(count - 1)]
    lists = {f"A{n}": {"id": f"A{n}", "ips": [f"10.{n >> 8}.{n & 255}.5"], "name": f"n{n}"} for n in range(count)}
    lines, before = 0, sys.gettrace()

    def counted(_frame, event, _argument):
        nonlocal lines
        lines += event == "line"
        return counted

    sys.settrace(counted)
    try:
        found = build(*rows, flows=flows, asset=lists)
    finally:
        sys.settrace(before)
    assert len(found.assets) == count and all(asset.listed and asset.zone for asset in found.assets)
    return lines


def test_twice_the_assets_are_twice_the_work():
    assert work_of(600) < 2.2 * work_of(300)
