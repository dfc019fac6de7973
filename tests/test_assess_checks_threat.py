"""TH-01 to TH-04: alerts, malware, scanning."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

from assess_traffic import HMI, HOUR, LAPTOP, PLC, RTU, START, Traffic, plant, quiet, run, violated

from sentinel.assess.model import Outcome, Ticket


def base() -> Traffic:
    return Traffic().flow(HMI, PLC, 502, "modbus")


def test_alerts_are_summed_up_by_rule_and_source() -> None:
    t = base().alert("s7comm_plc_stop", LAPTOP, PLC, ("T0858",)).alert("s7comm_plc_stop", LAPTOP, RTU, ("T0858",), count=4).alert("modbus_write", HMI, PLC, ("T0836",), "informational")
    result = run("TH-01", t, plant())
    (found,) = violated(result)
    assert (found.count, found.techniques, found.values["severity"], found.values["alerts"]) == (2, ("T0858",), "high", ("alert-0", "alert-1"))
    assert [o.outcome for o in result.observations] == [Outcome.VIOLATED, Outcome.NOT_OBSERVED]
    assert len(violated(run("TH-01", t, plant(), min_severity="informational"))) == 2


def test_no_alert_low_alerts_and_explained_ones_do_not_violate() -> None:
    quiet(run("TH-01", base(), plant()))
    quiet(run("TH-01", base().alert("modbus_write", HMI, PLC, ("T0836",), "low"), plant()))
    ticket = Ticket("t", "change", START, START + 2 * HOUR, (LAPTOP,), (), ("mode",))
    explained = run("TH-01", base().alert("s7comm_plc_stop", LAPTOP, PLC, ("T0858",)), plant(tickets=(ticket,)))
    assert explained.outcome is Outcome.NOT_OBSERVED and explained.observations[0].ticket == "t"
    violated(run("TH-01", base().alert("s7comm_download", LAPTOP, PLC, ("T0843",)), plant(tickets=(ticket,))))


def test_anomalies_have_no_detector_yet() -> None:
    quiet(run("TH-02", base(), plant()), Outcome.NOT_ASSESSABLE)


def test_malware_by_alert_and_by_the_spread_of_a_worm() -> None:
    t = base().alert("smb_exploit", LAPTOP, PLC, ("T0866",), "low")
    violated(run("TH-03", t, plant()))
    worm = base()
    for i in range(1, 21):
        worm.flow(LAPTOP, f"10.0.1.{i}", 445, up=0, down=0)
    (found,) = violated(run("TH-03", worm, plant()))
    assert found.values["servers"] == 20 and found.techniques == ("T0866",)
    quiet(run("TH-03", worm, plant(), servers=21), Outcome.NOT_ASSESSABLE)
    quiet(run("TH-03", base(), plant()), Outcome.NOT_ASSESSABLE)


def test_scans_by_their_empty_connections() -> None:
    t = base()
    for port in (22, 80, 102, 443, 502, 4840):
        for server in (PLC, RTU):
            t.flow(LAPTOP, server, port, up=0, down=0)
    (found,) = violated(run("TH-04", t, plant()))
    assert (found.count, found.values["hosts"], found.values["ports"]) == (12, 2, 6)
    quiet(run("TH-04", t, plant(), probes=13))
    busy = base()
    for port in range(1000, 1020):
        busy.flow(LAPTOP, PLC, port)
    quiet(run("TH-04", busy, plant()))


def test_reconnaissance_by_alert_weighs_from_medium_on() -> None:
    violated(run("TH-04", base().alert("modbus_unit_scan", LAPTOP, PLC, ("T0846",), "medium"), plant()))
    quiet(run("TH-04", base().alert("modbus_identification", LAPTOP, PLC, ("T0888",), "informational"), plant()))
    quiet(run("TH-04", base().alert("modbus_write", LAPTOP, PLC, ("T0836",), "high"), plant()))
