"""HY-01 to HY-09: legacy services, time, logs, updates, backup, load, redundancy, browsing, visitors."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import random

import pytest
from assess_traffic import (
    HMI,
    JUMP,
    LAPTOP,
    OFFICE,
    PLAN,
    PLC,
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
)

from sentinel.assess.model import Outcome

MAC = "00:80:f4:00:00:01"


@pytest.mark.parametrize(("port", "protocol", "transport"), [(23, "telnet", "tcp"), (69, "tftp", "udp"), (5355, "llmnr", "udp"), (137, "netbios-ns", "udp")])
def test_legacy_services(port: int, protocol: str, transport: str) -> None:
    (found,) = violated(run("HY-01", Traffic().flow(OFFICE, SERVER, port, protocol, transport=transport, down=0), plant()))
    assert found.protocol == protocol


def test_what_may_be_legacy_or_is_none() -> None:
    result = run("HY-01", Traffic().flow(OFFICE, SERVER, 445, "smb").flow(OFFICE, SERVER, 161, "snmp", transport="udp").flow(HMI, SERVER, 23), plant())
    assert [o.outcome for o in result.observations] == [Outcome.NOT_ASSESSABLE] * 3 and result.outcome is Outcome.NOT_OBSERVED
    quiet(run("HY-01", Traffic().flow(OFFICE, SERVER, 443, "tls").flow(OFFICE, SERVER, 23, up=0, down=0), plant()))


def test_time_sources_and_who_has_one() -> None:
    site = plant(asset(HMI, "hmi"), asset(PLC))
    t = Traffic().flow(HMI, SERVER, 123, "ntp", transport="udp").flow(HMI, PLC, 20000, "dnp3").say("write_time", "time")
    result = quiet(run("HY-02", t, site), Outcome.CONFIRMED)
    assert sorted(o.subject for o in result.observations) == [f"{HMI}>{PLC} dnp3", f"ntp {SERVER}"]
    some = quiet(run("HY-02", Traffic().flow(HMI, PUBLIC, 123, "ntp", transport="udp"), site))
    assert "1 of 2 devices" in some.reason.en and "on the Internet" in some.observations[0].detail.en
    quiet(run("HY-02", Traffic().flow(HMI, SERVER, 123, "ntp", transport="udp", down=0).flow(HMI, PLC, 102, "s7comm").say("time_read", "time"), site))


@pytest.mark.parametrize(("port", "protocol", "transport"), [(514, "syslog", "udp"), (6514, "tls", "tcp"), (162, "", "udp"), (5985, "", "tcp")])
def test_logs_that_leave_hosts(port: int, protocol: str, transport: str) -> None:
    site = plant(asset(HMI, "hmi"))
    quiet(run("HY-03", Traffic().flow(HMI, SERVER, port, protocol, transport=transport, down=0 if transport == "udp" else 10), site), Outcome.CONFIRMED)
    two = plant(asset(HMI, "hmi"), asset(PLC))
    assert "1 of 2" in quiet(run("HY-03", Traffic().flow(HMI, SERVER, port, protocol, transport=transport), two)).reason.en
    quiet(run("HY-03", Traffic().flow(HMI, SERVER, 443, "tls"), site))


def test_updates_need_names_and_wsus_is_an_indication() -> None:
    assert len(run("HY-04", Traffic().flow(HMI, SERVER, 8530), plant()).observations) == 1
    assert not quiet(run("HY-04", Traffic().flow(HMI, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE).observations


def test_backups_by_their_port_and_size() -> None:
    result = quiet(run("HY-05", Traffic().flow(SERVER, OFFICE, 9103, up=5_000_000), plant()))
    assert [o.outcome for o in result.observations] == [Outcome.NOT_ASSESSABLE]
    assert not quiet(run("HY-05", Traffic().flow(SERVER, OFFICE, 9103, up=5_000), plant())).observations
    assert run("HY-05", Traffic().flow(SERVER, OFFICE, 9103, up=5_000), plant(), bytes=1000).observations


def test_cycle_jitter_and_load_of_a_poll() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus", lasts=100).say("read_coils", "read", n=100, every=0.5, address=1)
    (row,) = quiet(run("HY-06", t, plant())).tables["load"]
    assert (row["source"], row["target"], row["requests"], row["cycle_ms"], row["jitter_ms"], row["peak_pps"], row["loss"]) == (HMI, PLC, 100, 500.0, 0.0, 2, 0.0)


def test_retransmissions_time_outs_and_jitter() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus", packets_client=500, packets_server=500, retransmissions=40).say("read_coils", "read")
    assert "40 of 1,000 frames" in violated(run("HY-06", t, plant()))[0].detail.en
    t = Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read", n=90).say("read_coils", "read", n=10, pairing="unanswered")
    assert "10 of 100 requests had no answer" in violated(run("HY-06", t, plant()))[0].detail.en


def test_jitter_is_an_indication_and_asking_twice_a_cycle_is_none() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus")
    chance, at = random.Random(1), 0.0
    for _ in range(100):
        at += chance.uniform(0, 30)
        t.say("read_coils", "read", address=1, after=at)
    (found,) = quiet(run("HY-06", t, plant())).observations
    assert found.outcome is Outcome.NOT_ASSESSABLE and "jitters" in found.detail.en
    t = Traffic().flow(HMI, PLC, 502, "modbus")
    for i in range(100):
        t.say("read_coils", "read", address=1, after=i * 10 + (i % 2) * 9)
    assert not quiet(run("HY-06", t, plant())).observations


def test_loss_of_the_tap_itself_makes_no_violation() -> None:
    t = Traffic(dropped=50, frames=900).flow(HMI, PLC, 502, "modbus", packets_client=500, packets_server=500, retransmissions=40).say("read_coils", "read")
    result = quiet(run("HY-06", t, plant()))
    assert result.observations[0].outcome is Outcome.NOT_ASSESSABLE and "rule that out first" in result.observations[0].detail.en
    quiet(run("HY-06", Traffic().flow(HMI, PLC, 44818), plant()), Outcome.NOT_ASSESSABLE)


def test_redundancy_protocols() -> None:
    def ring(*zones):
        one = asset(PLC)
        return plant(type(one)(id="sw", name="sw", observed=True, listed=True, macs=(MAC,), kind="switch", zone="cell"), zones=zones)

    t = Traffic().flow(MAC, "01:15:4e:00:00:01", None, transport="eth", ethertype=0x88E3, down=0).flow(HMI, PLC, 502, "modbus")
    assert quiet(run("HY-07", t, ring(*PLAN)), Outcome.CONFIRMED).by_zone["cell"] is Outcome.CONFIRMED
    vrrp = Traffic().flow("10.0.4.1", "224.0.0.18", None, transport="ip-112", down=0).flow(HMI, PLC, 502, "modbus")
    seen = quiet(run("HY-07", vrrp, plant()))
    assert [o.subject for o in seen.observations] == ["VRRP"] and "not in every control zone" in seen.reason.en
    assert not quiet(run("HY-07", Traffic().flow(HMI, PLC, 502, "modbus"), plant())).observations


@pytest.mark.parametrize(("server", "port", "protocol"), [(PUBLIC, 443, "tls"), (PUBLIC, 80, "http"), (SERVER, 25, "smtp"), (PUBLIC, 5222, "")])
def test_mail_chat_and_browsing_from_ot(server: str, port: int, protocol: str) -> None:
    violated(run("HY-08", Traffic().flow(HMI, server, port, protocol), plant()))
    quiet(run("HY-08", Traffic().flow(HMI, PLC, port, protocol), plant()))


def test_web_of_the_plant_itself_is_no_browsing() -> None:
    quiet(run("HY-08", Traffic().flow(HMI, SERVER, 443, "tls"), plant()))
    quiet(run("HY-08", Traffic().flow(OFFICE, PUBLIC, 443, "tls"), plant()), Outcome.NOT_ASSESSABLE)


def test_private_macs_and_short_stays() -> None:
    def site(mac: str = MAC, listed: bool = False):
        one = asset(LAPTOP, "host")
        return plant(type(one)(id=f"w-{LAPTOP}", name=LAPTOP, observed=True, listed=listed, ips=(LAPTOP,), macs=(mac,)))

    t = Traffic(hours=24).flow(LAPTOP, PLC, 502, "modbus").device(LAPTOP, last_time=START + 600 * 10**9)
    assert "for only 10 min" in run("HY-09", t, site()).observations[0].detail.en
    assert not quiet(run("HY-09", t, site(listed=True))).observations
    assert "random" in run("HY-09", Traffic(hours=24).flow(LAPTOP, RTU, 502, "modbus").device(LAPTOP), site("da:a1:19:00:00:01")).observations[0].detail.en
    assert not run("HY-09", Traffic(hours=24).flow(LAPTOP, RTU, 502, "modbus").device(LAPTOP), site("02:42:ac:11:00:02")).observations
    quiet(run("HY-09", Traffic(hours=1).flow(JUMP, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE)
