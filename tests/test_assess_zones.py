"""Which zone an address is in, and which zones are proposed without a plan."""

from __future__ import annotations

import pytest

from sentinel.assess.model import Asset, Site, Text, Zone
from sentinel.assess.zones import ZoneIndex, conduits, is_device, is_public, propose, zone_of

WHERE = Text("x", "x")


def zone(id_: str, **more) -> Zone:
    return Zone(id_, WHERE, **more)


def asset(n: int, *ips: str, kind: str = "plc", **more) -> Asset:
    return Asset(f"a{n}", f"a{n}", True, False, ips=ips, kind=kind, **more)


SITE = Site(
    assets=(
        asset(1, "10.0.1.9", "fe80::9", macs=("02:00:00:00:00:09",)),
        asset(2, "10.0.1.77", zone="cell"),
        asset(3, "10.0.9.1", zone="nowhere"),
    ),
    zones=(
        zone("plant", subnets=("10.0.0.0/16",), vlans=(7,)),
        zone("cell", subnets=("10.0.1.0/28",)),
        zone("one", members=("10.0.1.5", "02:00:00:00:00:05")),
        zone("six", subnets=("fd00:1::/64",)),
        zone("net", kind="external"),
    ),
)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.1.5", "one"), ("10.0.1.6", "cell"), ("10.0.2.6", "plant"), ("10.1.0.1", ""), ("fd00:1::5", "six"),
        ("fd00:2::5", ""), ("8.8.8.8", "net"), ("2600::1", "net"), ("224.0.0.1", ""), ("255.255.255.255", ""),
        ("ff:ff:ff:ff:ff:ff", ""), ("02:00:00:00:00:05", "one"), ("02:00:00:00:00:09", "cell"), ("fe80::9", "cell"),
        ("fe80::1", ""), ("10.0.1.77", "cell"), ("10.0.9.1", "plant"), ("not an address", ""), ("", ""),
    ],
)  # fmt: skip
def test_member_before_asset_before_longest_subnet_before_outside(address, found):
    assert ZoneIndex(SITE).of(address) == found
    assert zone_of(SITE, address) == found


def test_the_vlan_decides_where_the_address_does_not():
    index = ZoneIndex(SITE)
    assert index.of("172.16.0.1", 7) == "plant"
    assert index.of("172.16.0.1") == ""
    assert index.of("10.0.1.6", 7) == "cell"


def test_groups_and_nobody_are_no_devices():
    assert [a for a in ("0.0.0.0", "::", "239.1.1.1", "01:00:5e:00:00:01", "127.0.0.1") if is_device(a)] == []
    assert is_device("02:00:00:00:00:01") and is_device("10.0.0.255")
    assert is_public("8.8.8.8") and not is_public("10.0.0.1") and not is_public("x")


def test_a_subnet_is_one_zone_with_its_reason():
    devices = [asset(1, "10.0.1.9"), asset(2, "10.0.1.50", kind="hmi"), asset(3, "192.168.5.4", kind="host")]
    control, office = propose(devices, (), {}, (), {"10.0.1.9", "10.0.1.50"})
    assert (control.id, control.kind, control.level, control.declared) == ("net-10.0.1", "ot", "2", False)
    assert control.subnets == ("10.0.1.0/24",)
    assert "1 台控制器" in control.reason.zh and "/24" in control.reason.zh
    assert "Seen in subnet 10.0.1.0/24: 1 controller, 1 operator station." in control.reason.en
    assert (office.kind, office.level) == ("it", "4")
    assert "No device in it takes part in control traffic" in office.reason.en


def test_vlans_part_a_subnet():
    devices = [asset(1, "10.0.1.9"), asset(2, "10.0.1.10")]
    zones = propose(devices, (), {"10.0.1.9": 5, "10.0.1.10": 6})
    assert [(z.id, z.vlans, z.members) for z in zones] == [
        ("net-10.0.1-v5", (5,), ("10.0.1.9",)), ("net-10.0.1-v6", (6,), ("10.0.1.10",)),
    ]  # fmt: skip
    index = ZoneIndex(Site(tuple(devices), zones))
    assert (index.of("10.0.1.9"), index.of("10.0.1.10"), index.of("10.0.1.99", 6)) == (
        "net-10.0.1-v5", "net-10.0.1-v6", "net-10.0.1-v6",
    )  # fmt: skip


def test_what_a_declared_zone_holds_is_not_proposed_again():
    plan = (zone("plant", subnets=("10.0.0.0/16",)),)
    zones = propose([asset(1, "10.0.1.9"), asset(2, "10.9.1.9")], plan, {})
    assert [z.id for z in zones] == ["net-10.9.1"]
    assert [z.id for z in propose([asset(2, "10.9.1.9")], (zone("net-10.9.1"),), {})] == ["net-10.9.1-2"]


def test_zones_that_only_the_list_names_and_devices_without_an_address():
    devices = [asset(1, "10.0.1.9", zone="press"), asset(2, macs=("02:00:00:00:00:01",))]
    press, link = propose(devices, (), {})
    assert (press.id, press.members, press.declared) == ("press", ("10.0.1.9",), False)
    assert (link.id, link.members) == ("link", ("02:00:00:00:00:01",))


def test_public_addresses_are_outside_once():
    assert [z.id for z in propose([], (), {}, ("8.8.8.8", "1.1.1.1", "10.0.0.1"))] == ["external"]
    assert propose([], (zone("internet", kind="external"),), {}, ("8.8.8.8",)) == ()


def test_safety_systems_alone_are_a_safety_zone():
    (found,) = propose([asset(1, "10.0.1.9", kind="sis")], (), {})
    assert (found.kind, found.level) == ("sis", "1")


def test_proposed_conduits_are_what_was_seen_between_zones():
    seen = [
        ("10.0.2.6", "10.0.1.5", None, "modbus"), ("10.0.2.6", "10.0.1.5", None, "tcp/80"),
        ("10.0.2.6", "10.0.2.7", None, "modbus"), ("10.0.2.6", "172.16.0.1", None, "modbus"),
    ]  # fmt: skip
    (found,) = conduits(SITE, seen)
    assert (found.id, found.protocols, found.declared) == ("plant>one", ("modbus", "tcp/80"), False)


def test_a_device_of_several_addresses_is_counted_once():
    (zone,) = propose([asset(1, "10.0.0.8", "10.0.0.9", kind="host"), asset(2, "10.0.0.3")], (), {})
    assert "1 controller, 1 other host." in zone.reason.en and "1 台其他主机" in zone.reason.zh
