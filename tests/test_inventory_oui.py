"""The vendor of a MAC address, from a registry that needs no network."""

from __future__ import annotations

import random

import netaddr
import pytest

from sentinel.inventory import oui
from sentinel.inventory.oui import vendor


@pytest.mark.parametrize(
    ("mac", "name"),
    [
        ("00:0e:8c:11:22:33", "Siemens AG"),
        ("00-0E-8C-00-00-00", "Siemens AG"),
        ("000e.8c11.2233", "Siemens AG"),
        ("00:80:f4:00:00:01", "TELEMECANIQUE ELECTRIQUE"),
        ("00:1b:1b:00:00:01", "Siemens AG"),
        ("00:00:bc:01:02:03", "Rockwell Automation"),
    ],
)
def test_assigned_addresses_have_a_vendor(mac, name):
    assert vendor(mac) == name


@pytest.mark.parametrize(
    "mac",
    [
        "02:00:00:00:00:01",  # given locally
        "01:0e:cf:00:00:00",  # a group of PROFINET
        "ff:ff:ff:ff:ff:ff",
        "00:1b:c5:00:01:02",  # the registry's own block, divided among others
        "fc:ff:aa:00:00:01",  # likewise, medium blocks
        "",
        "10.0.0.1",
        "zz:zz:zz:zz:zz:zz",
        "00:0e:8c",
    ],
)
def test_addresses_that_tell_nothing_have_none(mac):
    assert vendor(mac) == ""


def test_old_individual_blocks_are_told_apart():
    names = {vendor(f"00:50:c2:00:{k:01x}0:00") for k in range(16)}
    assert len(names) > 5
    assert all("IEEE" not in name for name in names)


def names_of_netaddr(value: int) -> str:
    address = netaddr.EUI(value, version=48)
    try:
        return (address.iab if address.is_iab() else address.oui).registration().org
    except netaddr.NotRegisteredError:
        return ""


def test_the_answers_are_those_of_netaddr():
    choose = random.Random(7).sample
    large = [int(prefix) << 24 for prefix in choose(sorted(oui._index("oui")[0]), 300)]
    blocks = [int(prefix) << 12 for prefix in choose(sorted(oui._index("iab")[0]), 300)]
    several = [0x080030 << 24]  # three organisations have it
    nobody = [0xFC0000 << 24, 0x40D855FFF << 12]
    for value in large + blocks + several + nobody:
        if value >> 40 & 0b11:
            continue
        name = " ".join(names_of_netaddr(value).split()).rstrip(" ,")
        nameless = name.lower() in ("ieee registration authority", "private")
        assert vendor(f"{value:012x}") == ("" if nameless else name)


def test_a_netaddr_without_its_registry_is_said_once(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(oui, "_file", lambda name: tmp_path / name)
    oui._index.cache_clear()
    oui._organisation.cache_clear()
    assert vendor("00:0e:8c:11:22:33") == vendor("00:1b:1b:00:00:01") == ""
    assert len(caplog.records) == 1 and "oui.idx" in caplog.text
    oui._index.cache_clear()
    oui._organisation.cache_clear()
