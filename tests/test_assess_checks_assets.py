"""AS-01 to AS-06: the inventory against the client's list, each with an example and a counterexample."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

from assess_traffic import HMI, LAPTOP, PLC, RTU, Traffic, asset, plant, quiet, run, violated

from sentinel.assess.model import Outcome


def traffic(hours: float = 24) -> Traffic:
    t = Traffic(hours).flow(HMI, PLC, 502, "modbus", at=0, lasts=hours * 3600).say("read_holding_registers", "read")
    return t.device(HMI).device(PLC)


def test_the_inventory_says_how_each_attribute_is_known() -> None:
    site = plant(asset(PLC, vendor="Siemens", model="CPU 315", firmware="V3.2.6", owner="hall 2", provenance={"vendor": "wire:fact", "model": "wire:fact", "firmware": "wire:fact", "owner": "list"}), asset(HMI, "hmi", vendor="Dell", provenance={"vendor": "wire:oui"}))
    t = traffic().fact(PLC, "vendor", "Siemens").fact(PLC, "model", "CPU 315", confidence=0.7)
    result = quiet(run("AS-01", t, site), Outcome.CONFIRMED)
    rows = {(row["asset"], row["attribute"]): row for row in result.tables["inventory"]}
    assert (rows[f"a-{PLC}", "vendor"]["confidence"], rows[f"a-{PLC}", "model"]["confidence"]) == (0.9, 0.7)
    assert rows[f"a-{HMI}", "vendor"]["confidence"] == 0.5 and rows[f"a-{PLC}", "owner"]["provenance"] == "list"
    assert rows[f"a-{PLC}", "ip"]["value"] == PLC
    assert result.by_zone == {"cell": Outcome.CONFIRMED, "dmz": Outcome.NOT_ASSESSABLE, "office": Outcome.NOT_ASSESSABLE}


def test_without_a_list_the_inventory_is_a_table_and_no_verdict() -> None:
    result = quiet(run("AS-01", traffic(), plant(asset(PLC, listed=False, model="M340"))), Outcome.NOT_ASSESSABLE)
    assert "import it" in result.reason.en and len(result.tables["inventory"]) == 2


def test_a_listed_attribute_that_the_device_denies_contradicts() -> None:
    t = traffic()
    site = plant(asset(PLC, firmware="V3.2.6", conflicts={"firmware": "list: V2.0.1", "level": "list: 2"}), asset(HMI, kind="hmi", conflicts={"kind": "wire: plc"}))
    found = run("AS-01", t, site).observations
    assert [(o.outcome, dict(o.values)) for o in found] == [
        (Outcome.CONTRADICTED, {"attribute": "firmware", "listed": "V2.0.1", "seen": "V3.2.6"}), (Outcome.CONTRADICTED, {"attribute": "kind", "listed": "hmi", "seen": "plc"}),
    ]  # fmt: skip
    assert not run("AS-01", t, plant(asset(PLC, firmware="V3.2.6"))).observations


def test_a_device_that_is_not_on_the_list() -> None:
    site = plant(asset(PLC), asset(HMI, "hmi"), asset(LAPTOP, "engineering", listed=False))
    t = traffic().flow(LAPTOP, PLC, 502, "modbus").device(LAPTOP)
    (found,) = violated(run("AS-02", t, site))
    assert found.assets == (f"a-{LAPTOP}",) and found.zones == ("cell",) and found.evidence
    quiet(run("AS-02", traffic(), plant(asset(PLC), asset(HMI))))
    quiet(run("AS-02", t, plant(asset(PLC, listed=False))), Outcome.NOT_ASSESSABLE)


def test_a_listed_device_that_was_not_seen_contradicts_only_where_its_zone_was_in_view() -> None:
    site = plant(asset(PLC), asset(HMI), asset("10.0.1.12"), asset(RTU, observed=False))
    result = run("AS-03", traffic(24), site)
    assert result.outcome is Outcome.CONTRADICTED and result.observations[0].values["visibility"] == 0.75
    short = run("AS-03", traffic(1), site)
    assert short.outcome is Outcome.NOT_OBSERVED and short.observations[0].outcome is Outcome.NOT_OBSERVED
    assert run("AS-03", traffic(1), site, min_visibility=0.01).outcome is Outcome.CONTRADICTED
    quiet(run("AS-03", traffic(), plant(asset(PLC))), Outcome.CONFIRMED)


def test_two_macs_that_claim_one_address() -> None:
    t = traffic().fact(PLC, "mac", "00:80:f4:00:00:01", "arp").fact(PLC, "mac", "00:14:22:00:00:02", "arp", at=2)
    (found,) = violated(run("AS-04", t, plant(asset(PLC))))
    assert found.subject == PLC and found.values["macs"] == ("00:14:22:00:00:02", "00:80:f4:00:00:01") and found.last_time > found.first_time
    # a virtual router's MAC wanders by design, and the same MAC twice is one
    t = traffic().fact(PLC, "mac", "00:80:F4:00:00:01", "arp").fact(PLC, "mac", "00:80:f4:00:00:01", "arp").fact(PLC, "mac", "00:00:5e:00:01:01", "arp")
    quiet(run("AS-04", t, plant(asset(PLC))))
    quiet(run("AS-04", traffic(), plant(asset(PLC))), Outcome.NOT_ASSESSABLE)


def test_one_serial_number_at_two_addresses() -> None:
    t = traffic().fact(PLC, "serial", "S C-C2UR28922012").fact(RTU, "serial", "S C-C2UR28922012")
    (found,) = violated(run("AS-04", t, plant(asset(PLC), asset(RTU))))
    assert found.subject == "S C-C2UR28922012" and len(found.assets) == 2
    both = asset(PLC)
    one = plant(type(both)(id="a", name="a", observed=True, listed=True, ips=(PLC, RTU)))
    quiet(run("AS-04", t, one))


def test_support_dates_and_vulnerabilities_have_no_source_yet() -> None:
    site = plant(asset(PLC, model="CPU 315", firmware="V3.2.6"))
    for check, word in (("AS-05", "support"), ("AS-06", "vulnerability matching")):
        result = quiet(run(check, traffic(), site), Outcome.NOT_ASSESSABLE)
        assert word in result.reason.en and "1 device" in result.reason.en
