"""DA-01 to DA-04, CL-01, CL-02 and DT-01: what leaves, to whom, protected how, and what comes back."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import dataclasses

from assess_traffic import (
    HMI,
    HOUR,
    LAPTOP,
    OFFICE,
    PLAN,
    PLC,
    PROPOSED,
    PUBLIC,
    RTU,
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

from sentinel.assess.model import Outcome, Ticket

REGISTER = ({"source_zone": "cell", "protocol": "modbus", "recipient": "office", "level": "2"},)


def test_flows_of_data_against_the_register() -> None:
    t = Traffic().flow(OFFICE, PLC, 502, "modbus").flow(HMI, PUBLIC, 443, "tls", up=9000).flow(HMI, PLC, 502, "modbus")
    result = run("DA-01", t, plant(), register=REGISTER)
    (found,) = violated(result)
    assert found.subject == f"cell>{PUBLIC} https"
    rows = {row["target"]: row for row in result.tables["data_flows"]}
    assert (rows[OFFICE]["source"], rows[OFFICE]["registered"], rows[OFFICE]["level"], rows[OFFICE]["encrypted"]) == (PLC, True, "2", False)
    assert (rows[PUBLIC]["source"], rows[PUBLIC]["registered"], rows[PUBLIC]["encrypted"]) == (HMI, False, True)


def test_the_register_may_stand_in_the_engagement_and_without_one_nothing_is_concluded() -> None:
    t = Traffic().flow(OFFICE, PLC, 502, "modbus")
    site = dataclasses.replace(plant(), engagement={"data_register": REGISTER})
    quiet(run("DA-01", t, site))
    nobody = quiet(run("DA-01", t, plant()), Outcome.NOT_ASSESSABLE)
    assert nobody.tables["data_flows"][0]["registered"] is None
    quiet(run("DA-01", t, plant(zones=())), Outcome.NOT_ASSESSABLE)
    by_port = quiet(run("DA-01", Traffic().flow(OFFICE, PLC, 443), plant()), Outcome.NOT_ASSESSABLE)
    assert by_port.tables["data_flows"][0]["encrypted"] is None


def test_peers_abroad_by_the_networks_that_are_listed() -> None:
    t = Traffic().flow(OFFICE, PUBLIC, 443, "tls")
    (found,) = violated(run("DA-02", t, plant(), foreign=("8.8.4.0/24", "2001:4860::/32")))
    assert found.values["peer"] == PUBLIC
    quiet(run("DA-02", t, plant(), foreign=("8.8.8.0/24",)))
    assert "1 public address" in quiet(run("DA-02", t, plant()), Outcome.NOT_ASSESSABLE).reason.en
    quiet(run("DA-02", Traffic().flow(OFFICE, SERVER, 443, "tls"), plant()))


def test_industrial_data_in_clear_across_a_boundary() -> None:
    t = Traffic().flow(OFFICE, PLC, 502, "modbus").flow(HMI, PLC, 502, "modbus").flow(OFFICE, PLC, 443, "tls")
    (found,) = violated(run("DA-03", t, plant()))
    assert found.subject == "office>cell modbus" and found.values["bytes"] == 1200
    quiet(run("DA-03", Traffic().flow(HMI, PLC, 502, "modbus").flow(OFFICE, PLC, 443, "tls"), plant()))
    hint = run("DA-03", Traffic().flow(OFFICE, PLC, 502, "modbus"), plant(zones=PROPOSED))
    assert hint.outcome is Outcome.NOT_OBSERVED and hint.observations[0].outcome is Outcome.NOT_ASSESSABLE
    violated(run("DA-03", Traffic().flow(PLC, PUBLIC, 1883, "mqtt"), plant(zones=())))
    quiet(run("DA-03", Traffic().flow(HMI, PLC, 502, "modbus"), plant(zones=())), Outcome.NOT_ASSESSABLE)


def test_bulk_export() -> None:
    t = Traffic().flow(OFFICE, PUBLIC, 443, "tls", up=2_000_000_000)
    (found,) = violated(run("DA-04", t, plant()))
    assert found.values["bytes"] == 2_000_000_000 and "2.0 GB" in found.detail.en
    quiet(run("DA-04", t, plant(), bytes_per_day=3_000_000_000))
    quiet(run("DA-04", Traffic(hours=72).flow(OFFICE, PUBLIC, 443, "tls", up=2_000_000_000), plant()))
    quiet(run("DA-04", Traffic().flow(OFFICE, PUBLIC, 443, "tls", down=2_000_000_000).flow(PLC, SERVER, 445, "smb", up=2_000_000_000), plant()))


def test_uplinks_in_clear_and_encrypted() -> None:
    t = Traffic().flow(PLC, PUBLIC, 1883, "mqtt").flow(HMI, PUBLIC, 8883, "tls").flow(OFFICE, PUBLIC, 443, "tls").flow(RTU, PUBLIC, 5672)
    result = run("CL-01", t, plant())
    assert [o.protocol for o in violated(result)] == ["mqtt"]
    assert {(row["service"], row["mutual_tls"]) for row in result.tables["uplinks"]} == {("mqtt", False), ("mqtts", None), ("amqp", None)}
    quiet(run("CL-01", Traffic().flow(HMI, PUBLIC, 8883, "tls"), plant()), Outcome.NOT_ASSESSABLE)
    quiet(run("CL-01", Traffic().flow(OFFICE, PUBLIC, 443, "tls"), plant()))
    cloud = plant(zones=(*PLAN, zone("cloud", "", "cloud", "10.9.0.0/16")))
    violated(run("CL-01", Traffic().flow(PLC, "10.9.0.4", 1883, "mqtt"), cloud))


def test_commands_from_outside() -> None:
    t = Traffic().flow(PUBLIC, PLC, 502, "modbus").say("write_single_register", "write", n=2)
    (found,) = violated(run("CL-02", t, plant()))
    assert found.count == 2 and found.techniques == ("T0855",)
    assert run("CL-02", t, plant(tickets=(Ticket("w", "window", START, START + 9 * HOUR),))).outcome is Outcome.NOT_OBSERVED
    quiet(run("CL-02", Traffic().flow(PUBLIC, PLC, 502, "modbus").say("read_coils", "read").flow(HMI, PLC, 502, "modbus").say("write_single_coil", "write"), plant()))
    down = run("CL-02", Traffic().flow(PLC, PUBLIC, 8883, "tls", down=200_000), plant())
    assert [o.outcome for o in down.observations] == [Outcome.NOT_ASSESSABLE]


def test_what_a_twin_reads_and_writes() -> None:
    site = plant(asset(SERVER, "server", role="digital twin"))
    reads = Traffic().flow(SERVER, PLC, 502, "modbus").say("read_coils", "read", n=5)
    assert "in 5 requests" in quiet(run("DT-01", reads, site)).reason.en
    writes = Traffic().flow(SERVER, PLC, 502, "modbus").say("write_single_coil", "write", n=2)
    violated(run("DT-01", writes, site))
    violated(run("DT-01", writes, plant(), twins=(SERVER,)))
    quiet(run("DT-01", writes, site, may_write=True))
    quiet(run("DT-01", writes, plant()), Outcome.NOT_ASSESSABLE)
    quiet(run("DT-01", Traffic().flow(LAPTOP, PLC, 502, "modbus").say("write_single_coil", "write"), site), Outcome.NOT_ASSESSABLE)
