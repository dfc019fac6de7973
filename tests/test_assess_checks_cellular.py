"""TG-01: terminals behind a 5G user plane, and tenants of a park."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

from assess_traffic import HMI, PLAN, PLC, SERVER, Traffic, plant, quiet, run, violated, zone

from sentinel.assess.model import Conduit, Outcome

PARKS = (*PLAN, zone("tenant-a", "", "park", "10.1.0.0/24"), zone("tenant-b", "", "park", "10.2.0.0/24"))
POOL = (*PLAN, zone("ue", "2", "wireless", "10.1.0.0/24"))


def test_two_terminals_that_reach_each_other_in_the_tunnel() -> None:
    t = Traffic().flow("10.1.0.1", "10.1.0.2", 80, "http", tunnel="gtp-u")
    (found,) = violated(run("TG-01", t, plant(zones=POOL)))
    assert "two terminals" in found.detail.en and not found.values["across"]
    quiet(run("TG-01", Traffic().flow("10.1.0.1", SERVER, 443, "tls", tunnel="gtp-u").flow("10.1.0.1", "10.1.0.2", 80, "http"), plant(zones=POOL)))
    quiet(run("TG-01", t, plant()), Outcome.NOT_ASSESSABLE)


def test_two_tenants_that_reach_each_other() -> None:
    t = Traffic().flow("10.1.0.1", "10.2.0.2", 80, "http")
    assert violated(run("TG-01", t, plant(zones=PARKS)))[0].values["across"]
    quiet(run("TG-01", t, plant(zones=PARKS, conduits=(Conduit("c", "tenant-a", "tenant-b", ("http",)),))))
    quiet(run("TG-01", Traffic().flow(HMI, PLC, 502, "modbus"), plant(zones=PARKS)))
    quiet(run("TG-01", Traffic().flow(HMI, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE)
