"""SG-01 to SG-10: traffic against the zone plan, declared and proposed."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import pytest
from assess_traffic import (
    HMI,
    JUMP,
    LAPTOP,
    OFFICE,
    PLAN,
    PLC,
    PROPOSED,
    PUBLIC,
    RTU,
    SERVER,
    Traffic,
    asset,
    plant,
    quiet,
    run,
    violated,
    zone,
)

from sentinel.assess.model import Conduit, Outcome

ALLOWED = (Conduit("c1", "office", "dmz", ("https",)), Conduit("c2", "dmz", "cell", ("tcp/502", "s7comm")))


def test_a_crossing_without_a_conduit() -> None:
    site = plant(conduits=ALLOWED)
    t = Traffic().flow(OFFICE, PLC, 502, "modbus").flow(SERVER, PLC, 502, "modbus", up=5000).flow(OFFICE, JUMP, 443, "tls")
    result = run("SG-01", t, site)
    (found,) = violated(result)
    assert (found.subject, found.values["pairs"], found.zones) == ("office>cell modbus tcp/502", 2, ("office", "cell"))
    assert result.by_zone == {"cell": Outcome.VIOLATED, "dmz": Outcome.NOT_OBSERVED, "office": Outcome.VIOLATED}
    verdicts = {(row["source_zone"], row["target_zone"]): (row["verdict"], row["seen"], row["encrypted_share"]) for row in result.tables["conduit_matrix"]}
    assert verdicts == {("dmz", "cell"): ("not seen", "", None), ("office", "cell"): ("undeclared", "modbus", 0.0), ("office", "dmz"): ("allowed", "https", 1.0)}


def test_what_the_plan_allows_by_label_port_and_star() -> None:
    t = Traffic().flow(JUMP, PLC, 502, "modbus").flow(JUMP, RTU, 102, "s7comm").flow(OFFICE, JUMP, 443, "tls").flow(HMI, PLC, 502, "modbus")
    quiet(run("SG-01", t, plant(conduits=ALLOWED)))
    t.flow(OFFICE, PLC, 4711)
    quiet(run("SG-01", t, plant(conduits=(*ALLOWED, Conduit("c3", "office", "cell", ("*",))))))
    assert violated(run("SG-01", t, plant(conduits=(*ALLOWED, Conduit("c3", "office", "cell")))))[0].subject == "office>cell tcp/4711 tcp/4711"


def test_attempts_that_carried_nothing_do_not_violate() -> None:
    t = Traffic().flow(OFFICE, PLC, 502, up=0, down=0)
    result = quiet(run("SG-01", t, plant(conduits=ALLOWED)))
    assert "attempts only" in result.observations[0].detail.en


def test_datagrams_in_one_direction_do_carry() -> None:
    t = Traffic().flow(PLC, OFFICE, 514, "syslog", transport="udp", down=0, packets_server=0)
    assert violated(run("SG-01", t, plant(conduits=ALLOWED)))[0].protocol == "syslog"


def test_addresses_outside_the_plan_and_on_the_internet_cross_too() -> None:
    t = Traffic().flow("192.168.7.7", PLC, 502, "modbus").flow(PLC, PUBLIC, 443, "tls")
    assert [o.subject for o in violated(run("SG-01", t, plant(conduits=ALLOWED)))] == ["cell>external https tcp/443", "unzoned>cell modbus tcp/502"]


def test_a_proposed_plan_is_shown_and_not_judged() -> None:
    t = Traffic().flow(OFFICE, PLC, 502, "modbus")
    result = quiet(run("SG-01", t, plant(zones=PROPOSED, conduits=ALLOWED)), Outcome.NOT_ASSESSABLE)
    assert result.tables["conduit_matrix"][1]["verdict"] == "proposed" and "proposed" in result.reason.en
    assert "declares no conduit" in quiet(run("SG-01", t, plant()), Outcome.NOT_ASSESSABLE).reason.en
    quiet(run("SG-01", t, plant(zones=())), Outcome.NOT_ASSESSABLE)


def test_sessions_that_skip_the_dmz() -> None:
    t = Traffic().flow(OFFICE, PLC, 502, "modbus").flow(JUMP, PLC, 502, "modbus").flow(OFFICE, JUMP, 443, "tls")
    (found,) = violated(run("SG-02", t, plant()))
    assert (found.values["from"], found.values["to"], found.count) == (4.0, 1.0, 1)
    quiet(run("SG-02", Traffic().flow(JUMP, PLC, 502, "modbus").flow(OFFICE, PLC, 502, up=0, down=0), plant()))
    quiet(run("SG-02", Traffic().flow(OFFICE, SERVER, 445, "smb"), plant()), Outcome.NOT_ASSESSABLE)


def test_a_skip_in_a_proposed_plan_is_an_indication_unless_a_controller_meets_the_internet() -> None:
    site = plant(zones=PROPOSED)
    result = run("SG-02", Traffic().flow(OFFICE, PLC, 502, "modbus"), site)
    assert result.outcome is Outcome.NOT_OBSERVED and result.observations[0].outcome is Outcome.NOT_ASSESSABLE
    assert "proposed by this program" in result.observations[0].detail.en and "1 indication" in result.reason.en
    violated(run("SG-02", Traffic().flow(PUBLIC, PLC, 502, "modbus"), site))


@pytest.mark.parametrize(("port", "protocol"), [(23, "telnet"), (21, "ftp"), (513, ""), (25, "smtp"), (443, "tls"), (80, "http"), (3389, ""), (445, "smb"), (53, "dns")])
def test_generic_services_across_the_boundary(port: int, protocol: str) -> None:
    (found,) = violated(run("SG-03", Traffic().flow(OFFICE, PLC, port, protocol), plant()))
    assert ("by its port number" in found.detail.en) == (not protocol)
    assert "cell" in found.zones and "office" in found.zones


def test_generic_services_that_stay_on_their_side_or_carry_nothing() -> None:
    inside = Traffic().flow(OFFICE, SERVER, 443, "tls").flow(HMI, PLC, 80, "http").flow(OFFICE, PLC, 3389, up=0, down=0).flow(OFFICE, PLC, 502, "modbus")
    quiet(run("SG-03", inside, plant()))
    dmz = Traffic().flow(JUMP, PLC, 22, "ssh")
    violated(run("SG-03", dmz, plant()))
    quiet(run("SG-03", dmz, plant(), dmz=False))
    quiet(run("SG-03", dmz, plant(), services=("telnet",)))
    quiet(run("SG-03", Traffic().flow(OFFICE, SERVER, 23, "telnet"), plant()), Outcome.NOT_ASSESSABLE)


def test_payload_against_a_one_way_conduit() -> None:
    diode = Conduit("diode", "cell", "office", ("*",), one_way=True)
    t = Traffic().flow(HMI, PLC, 502, "modbus").flow(PLC, OFFICE, 514, "syslog", transport="udp", down=0, packets_server=0)
    assert "diode" in quiet(run("SG-04", t, plant(conduits=(diode,))), Outcome.CONFIRMED).reason.en
    answered = Traffic().flow(PLC, OFFICE, 443, "tls", down=5000)
    (found,) = violated(run("SG-04", answered, plant(conduits=(diode,))))
    assert found.values["against"] == 5000
    opened = Traffic().flow(OFFICE, PLC, 502, "modbus", up=70)
    assert violated(run("SG-04", opened, plant(conduits=(diode,))))[0].values["against"] == 70
    # a tap that sees one direction only proves nothing
    half = Traffic().flow(PLC, OFFICE, 443, "tls", down=0, packets_server=0)
    quiet(run("SG-04", half, plant(conduits=(diode,))))
    quiet(run("SG-04", t, plant()), Outcome.NOT_ASSESSABLE)


def test_ot_and_the_internet() -> None:
    t = Traffic().flow(HMI, PUBLIC, 443, "tls").flow(HMI, "8.8.8.8", 443, "tls").flow(PUBLIC, PLC, 502, "modbus").flow(OFFICE, PUBLIC, 443, "tls")
    result = run("SG-05", t, plant())
    assert [(o.subject, o.values["peers"]) for o in violated(result)] == [(f"{PLC} inbound modbus", 1), (f"{HMI} outbound https", 2)]
    assert {row["direction"] for row in result.tables["public_peers"]} == {"inbound", "outbound"} and len(result.tables["public_peers"]) == 3
    tried = run("SG-05", Traffic().flow(HMI, PUBLIC, 443, up=0, down=0), plant())
    assert quiet(tried).observations[0].detail.en.endswith("attempts only.")
    quiet(run("SG-05", Traffic().flow(OFFICE, PUBLIC, 443, "tls"), plant()), Outcome.NOT_ASSESSABLE)


def test_a_controller_on_the_internet_needs_no_plan_and_another_host_does() -> None:
    site = plant(asset(PLC, listed=False), asset(HMI, "hmi", listed=False), zones=())
    t = Traffic().flow(PLC, PUBLIC, 443, "tls").flow(HMI, PUBLIC, 443, "tls")
    result = run("SG-05", t, site)
    assert [o.assets for o in violated(result)] == [(f"a-{PLC}",)]
    assert [o.outcome for o in result.observations] == [Outcome.VIOLATED, Outcome.NOT_ASSESSABLE]


def test_a_host_in_two_zones() -> None:
    def two(kind: str):
        one = asset("10.0.1.5", kind)
        return type(one)(id="two", name="two", observed=True, listed=True, ips=("10.0.1.5", "10.0.4.5", "fe80::1"), kind=kind)

    t = Traffic().flow("10.0.1.5", PLC, 502, "modbus").device("10.0.1.5")
    (found,) = violated(run("SG-06", t, plant(two("host"))))
    assert found.values["zones"] == ("cell", "office")
    quiet(run("SG-06", t, plant(two("router"))))
    proposed = run("SG-06", t, plant(two("host"), zones=PROPOSED))
    assert proposed.outcome is Outcome.NOT_OBSERVED and proposed.observations[0].outcome is Outcome.NOT_ASSESSABLE
    quiet(run("SG-06", t, plant(two("host"), zones=PLAN[:1])), Outcome.NOT_ASSESSABLE)


def test_one_name_in_two_zones_is_an_indication() -> None:
    t = Traffic().flow(OFFICE, SERVER, 445, "smb").fact(PLC, "name", "LINE-3").fact(OFFICE, "name", "LINE-3")
    result = run("SG-06", t, plant())
    assert [o.subject for o in result.observations] == ["LINE-3"] and result.outcome is Outcome.NOT_OBSERVED


def test_a_vlan_that_ot_and_it_share() -> None:
    macs = {"client_mac": "00:00:00:00:00:01", "server_mac": "00:00:00:00:00:02"}
    t = Traffic().flow(OFFICE, PLC, 502, "modbus", vlan=7, **macs)
    (found,) = violated(run("SG-07", t, plant()))
    assert found.subject == "vlan 7" and found.zones == ("cell", "office")
    quiet(run("SG-07", Traffic().flow(OFFICE, SERVER, 445, "smb", vlan=7, **macs).flow(HMI, PLC, 502, "modbus", vlan=8), plant()))
    quiet(run("SG-07", Traffic().flow(OFFICE, PLC, 502, "modbus", **macs), plant()), Outcome.NOT_ASSESSABLE)


def test_a_gateway_that_serves_both_is_asked_about() -> None:
    gateway = "00:00:00:00:00:99"
    t = Traffic().flow(OFFICE, PLC, 502, "modbus", vlan=7, client_mac=gateway, server_mac="00:00:00:00:00:02").flow(HMI, SERVER, 443, "tls", vlan=8, client_mac=gateway, server_mac="00:00:00:00:00:03")
    result = run("SG-07", t, plant())
    assert [(o.subject, o.outcome) for o in result.observations] == [(f"gateway {gateway}", Outcome.NOT_ASSESSABLE)]


def test_the_safety_system_reached_from_outside() -> None:
    zones = (*PLAN, zone("safety", "1", "sis", "10.0.9.0/24"))
    t = Traffic().flow(HMI, "10.0.9.1", 502, "modbus").say("write_single_register", "write", n=3)
    (found,) = violated(run("SG-08", t, plant(zones=zones)))
    assert found.values["writes"] == 3 and "safety" in found.zones
    quiet(run("SG-08", Traffic().flow("10.0.9.2", "10.0.9.1", 502, "modbus"), plant(zones=zones)))
    violated(run("SG-08", t, plant(asset("10.0.9.1", "sis"), zones=())))
    quiet(run("SG-08", t, plant()), Outcome.NOT_ASSESSABLE)
    quiet(run("SG-08", Traffic().flow(HMI, PLC, 502, "modbus"), plant(zones=zones)), Outcome.NOT_ASSESSABLE)


def test_plain_control_over_a_wan_5g_or_the_internet() -> None:
    zones = (*PLAN, zone("pump-station", "1", "remote", "10.0.8.0/24"))
    site = plant(zones=zones)
    t = Traffic().flow(HMI, "10.0.8.1", 20000, "dnp3").flow(HMI, PUBLIC, 502, "modbus").flow(HMI, PLC, 502, "modbus", tunnel="gtp-u").flow(HMI, RTU, 502, "modbus")
    assert sorted(str(o.values["over"]) for o in violated(run("SG-09", t, site))) == ["external", "gtp-u", "pump-station"]
    quiet(run("SG-09", Traffic().flow(HMI, "10.0.8.1", 443, "tls").flow("10.0.8.1", "10.0.8.2", 502, "modbus"), site))
    quiet(run("SG-09", Traffic().flow(HMI, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE)
    by_port = run("SG-09", Traffic().flow(HMI, "10.0.8.1", 2404, proven=False), site)
    assert by_port.observations[0].outcome is Outcome.NOT_ASSESSABLE


def test_public_addresses_that_the_plant_itself_uses_are_not_the_internet() -> None:
    zones = (*PLAN, zone("old-hall", "1", "ot", "8.8.4.0/24"))
    t = Traffic().flow(HMI, PUBLIC, 502, "modbus").say("write_single_coil", "write")
    quiet(run("SG-09", t, plant(zones=zones)), Outcome.NOT_ASSESSABLE)
    quiet(run("SG-05", t, plant(zones=zones)))
    # two public addresses without a plan: where the plant ends is not known
    both = Traffic().flow("8.8.8.8", PUBLIC, 502, "modbus")
    quiet(run("SG-09", both, plant(zones=())), Outcome.NOT_ASSESSABLE)


def test_a_class_that_newly_crosses() -> None:
    old = Traffic(hours=24 * 20).flow(OFFICE, JUMP, 443, "tls", at=1).flow(JUMP, PLC, 502, "modbus", at=2)
    quiet(run("SG-10", old.flow(OFFICE, JUMP, 443, "tls", at=24 * 19), plant()))
    new = old.flow(OFFICE, PLC, 502, "modbus", at=24 * 19)
    (found,) = violated(run("SG-10", new, plant()))
    assert found.subject == "office>cell modbus tcp/502"
    quiet(run("SG-10", new, plant(conduits=(Conduit("c", "office", "cell", ("modbus",)),))))
    quiet(run("SG-10", Traffic(hours=24).flow(OFFICE, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE)
    quiet(run("SG-10", new, plant(zones=())), Outcome.NOT_ASSESSABLE)


def test_zones_by_member_narrowest_subnet_and_vlan() -> None:
    zones = (*PLAN, zone("robot", "1", "ot", "10.0.4.16/28"), zone("machine", "1", "ot"), zone("camera", "2", "ot"))
    zones = (*zones[:4], type(zones[4])("machine", zones[4].name, "1", "ot", members=(SERVER,)), type(zones[5])("camera", zones[5].name, "2", "ot", vlans=(30,)))
    t = Traffic().flow(LAPTOP, OFFICE, 502, "modbus").flow("192.168.1.4", SERVER, 502, "modbus", vlan=30)
    result = run("SG-01", t, plant(zones=zones, conduits=ALLOWED))
    pairs = {(row["source_zone"], row["target_zone"]) for row in result.tables["conduit_matrix"] if row["seen"]}
    assert {("cell", "robot")} < pairs and len(pairs) == 2
