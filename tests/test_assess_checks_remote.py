"""RA-01, RA-02, WL-01, WL-02 and EX-01: who comes in from where."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import pytest
from assess_traffic import (
    HMI,
    HOUR,
    JUMP,
    LAPTOP,
    OFFICE,
    PLAN,
    PLC,
    PROPOSED,
    PUBLIC,
    SERVER,
    START,
    Traffic,
    asset,
    plant,
    quiet,
    run,
    violated,
    zone,
)

from sentinel.assess.model import Conduit, Outcome, Ticket


@pytest.mark.parametrize(("port", "protocol", "transport"), [(3389, "rdp", "tcp"), (5900, "vnc", "tcp"), (22, "ssh", "tcp"), (23, "", "tcp"), (1194, "", "udp"), (5985, "", "tcp")])
def test_remote_control_into_the_control_network(port: int, protocol: str, transport: str) -> None:
    result = run("RA-01", Traffic().flow(OFFICE, HMI, port, protocol, transport=transport, lasts=1800), plant())
    (found,) = violated(result)
    (row,) = result.tables["remote_sessions"]
    assert (row["source"], row["target"], row["port"], row["hours"], row["jump_host"]) == (OFFICE, HMI, port, 0.5, False)
    assert found.values["hours"] == 0.5 and ("not decoded" in found.detail.en) == (not protocol)


def test_sessions_on_one_side_allowed_or_without_payload_are_registered_only() -> None:
    result = quiet(run("RA-01", Traffic().flow(OFFICE, SERVER, 3389, "rdp").flow(LAPTOP, HMI, 22, "ssh"), plant()))
    assert len(result.tables["remote_sessions"]) == 2 and "Sunlogin" in result.reason.en and "向日葵" in result.reason.zh
    quiet(run("RA-01", Traffic().flow(JUMP, HMI, 3389, "rdp"), plant(conduits=(Conduit("c", "dmz", "cell", ("rdp",)),))))
    assert quiet(run("RA-01", Traffic().flow(OFFICE, HMI, 3389, up=0, down=0), plant())).tables["remote_sessions"] == ()


def test_a_vendors_relay_is_told_by_its_port_as_an_indication() -> None:
    result = run("RA-01", Traffic().flow(HMI, PUBLIC, 5938), plant())
    assert [(o.protocol, o.outcome) for o in result.observations] == [("teamviewer", Outcome.NOT_ASSESSABLE)]


def test_a_window_explains_a_remote_session_and_a_proposed_plan_only_indicates() -> None:
    t = Traffic().flow(OFFICE, HMI, 3389, "rdp")
    explained = run("RA-01", t, plant(tickets=(Ticket("w1", "window", START, START + 9 * HOUR),)))
    assert explained.outcome is Outcome.NOT_OBSERVED and explained.observations[0].ticket == "w1"
    hint = run("RA-01", t, plant(zones=PROPOSED))
    assert hint.outcome is Outcome.NOT_OBSERVED and hint.observations[0].outcome is Outcome.NOT_ASSESSABLE
    violated(run("RA-01", Traffic().flow(PUBLIC, PLC, 22, "ssh").flow(HMI, PLC, 502, "modbus"), plant(zones=PROPOSED)))


def test_remote_sessions_without_a_jump_host_off_window_or_too_long() -> None:
    (found,) = violated(run("RA-02", Traffic().flow(OFFICE, HMI, 3389, "rdp"), plant()))
    assert "not from a jump host" in found.detail.en
    quiet(run("RA-02", Traffic().flow(JUMP, HMI, 3389, "rdp"), plant()))
    quiet(run("RA-02", Traffic().flow(OFFICE, HMI, 3389, "rdp"), plant(), jump_hosts=(OFFICE,)))
    window = plant(tickets=(Ticket("w", "window", START + 5 * HOUR, START + 6 * HOUR),))
    assert "outside every window" in violated(run("RA-02", Traffic().flow(JUMP, HMI, 3389, "rdp", at=1), window))[0].detail.en
    quiet(run("RA-02", Traffic().flow(JUMP, HMI, 3389, "rdp", at=5.1), window))
    long = Traffic().flow(JUMP, HMI, 3389, "rdp", at=1, lasts=9 * 3600)
    assert "9.0 h in one piece" in violated(run("RA-02", long, plant()))[0].detail.en
    quiet(run("RA-02", long, plant(), max_hours=10.0))


def test_a_listed_jump_host_counts_and_without_any_nothing_is_concluded() -> None:
    site = plant(asset(SERVER, "server", role="jump host"), zones=(PLAN[0], PLAN[2]))
    quiet(run("RA-02", Traffic().flow(SERVER, HMI, 3389, "rdp"), site))
    violated(run("RA-02", Traffic().flow(OFFICE, HMI, 3389, "rdp"), site))
    nobody = plant(zones=(PLAN[0], PLAN[2]))
    assert "no jump host" in quiet(run("RA-02", Traffic().flow(OFFICE, HMI, 3389, "rdp"), nobody), Outcome.NOT_ASSESSABLE).reason.en
    quiet(run("RA-02", Traffic().flow(OFFICE, SERVER, 3389, "rdp"), plant()))


def test_wireless_clients_that_reach_controllers() -> None:
    zones = (*PLAN, zone("wlan", "2", "wireless", "10.0.7.0/24"))
    t = Traffic().flow("10.0.7.9", PLC, 502, "modbus")
    (found,) = violated(run("WL-01", t, plant(zones=zones)))
    assert found.zones == ("wlan", "cell")
    quiet(run("WL-01", t, plant(zones=zones, conduits=(Conduit("c", "wlan", "cell", ("modbus",)),))), Outcome.NOT_ASSESSABLE)
    quiet(run("WL-01", Traffic().flow(HMI, PLC, 502, "modbus"), plant(zones=zones)), Outcome.NOT_ASSESSABLE)


def test_makers_of_wireless_equipment_are_indications() -> None:
    def made(vendor: str):
        one = asset(HMI, "host")
        return plant(type(one)(id="r", name="r", observed=True, listed=True, ips=(HMI,), macs=("00:1e:42:00:00:01",), vendor=vendor))

    t = Traffic().flow(HMI, PLC, 502, "modbus").device(HMI)
    assert [o.outcome for o in run("WL-01", t, made("Teltonika Networks UAB")).observations] == [Outcome.NOT_ASSESSABLE]
    assert not run("WL-01", t, made("Siemens AG")).observations


def test_dial_up_in_clear_and_serial_servers() -> None:
    (found,) = violated(run("WL-02", Traffic().flow(HMI, PLC, 502, "modbus", tunnel="pppoe"), plant()))
    assert found.protocol == "pppoe" and "not encrypted" in found.detail.en
    quiet(run("WL-02", Traffic().flow(HMI, PLC, 502, "modbus", tunnel="vxlan:7"), plant()))
    l2tp = run("WL-02", Traffic().flow(HMI, PUBLIC, 1701, transport="udp"), plant())
    assert [o.outcome for o in l2tp.observations] == [Outcome.NOT_ASSESSABLE]
    moxa = plant(asset(PLC, "gateway", vendor="Moxa Technologies"))
    assert len(run("WL-02", Traffic().flow(HMI, PLC, 4001), moxa).observations) == 1
    assert not run("WL-02", Traffic().flow(HMI, PLC, 4001), plant(asset(PLC, vendor="Siemens"))).observations


def test_what_the_internet_reaches() -> None:
    t = Traffic().flow(PUBLIC, SERVER, 443, "tls").flow("8.8.8.8", SERVER, 443, "tls").flow(PUBLIC, OFFICE, 22, up=0, down=0)
    result = run("EX-01", t, plant())
    assert [(o.subject, o.values["peers"]) for o in violated(result)] == [(f"{SERVER} https tcp/443", 2)]
    assert [o.outcome for o in result.observations] == [Outcome.VIOLATED, Outcome.NOT_OBSERVED]
    quiet(run("EX-01", Traffic().flow(OFFICE, PUBLIC, 443, "tls").flow(OFFICE, SERVER, 443, "tls"), plant()))
    meant = quiet(run("EX-01", Traffic().flow(PUBLIC, JUMP, 443, "tls"), plant()))
    assert "declared DMZ" in meant.observations[0].detail.en
