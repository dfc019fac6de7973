"""AU-01 to AU-05 and CR-01 to CR-03: log-ins, authentication of control protocols, encryption."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import pytest
from assess_traffic import (
    HMI,
    LAPTOP,
    OFFICE,
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
)

from sentinel.assess.model import Outcome


def passwords(refused: int, accepted_after: bool = False) -> Traffic:
    t = Traffic().flow(LAPTOP, PLC, 102, "s7comm", lasts=600)
    t.say("password_set", "session", n=refused + accepted_after).say("password_set", "session", "exception", n=refused, after=0.1, status_name="Wrong password")
    return t.say("password_set", "session", "response", after=400) if accepted_after else t


def test_an_s7_password_is_as_good_as_clear_text() -> None:
    (found,) = violated(run("AU-01", passwords(2), plant()))
    assert found.count == 2 and "turned back" in found.detail.en
    quiet(run("AU-01", Traffic().flow(HMI, PLC, 102, "s7comm").say("read_var", "read"), plant()))


@pytest.mark.parametrize(("port", "protocol"), [(23, "telnet"), (21, "ftp"), (161, "snmp"), (80, "http"), (110, "")])
def test_services_with_log_ins_in_clear_are_indications(port: int, protocol: str) -> None:
    result = run("AU-01", Traffic().flow(OFFICE, SERVER, port, protocol, transport="udp" if port == 161 else "tcp").flow(HMI, SERVER, port, protocol, transport="udp" if port == 161 else "tcp"), plant())
    (found,) = result.observations
    assert (result.outcome, found.outcome, found.count) == (Outcome.NOT_ASSESSABLE, Outcome.NOT_ASSESSABLE, 2)
    quiet(run("AU-01", Traffic().flow(OFFICE, SERVER, port, up=0, down=0, transport="udp" if port == 161 else "tcp"), plant()))


def test_default_credentials_need_decoded_log_ins() -> None:
    assert "1 session of" in quiet(run("AU-02", Traffic().flow(OFFICE, SERVER, 22, "ssh"), plant()), Outcome.NOT_ASSESSABLE).reason.en


def test_control_protocols_that_ask_nobody() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus").say("write_single_coil", "write", n=3).flow(LAPTOP, PLC, 502, "modbus").flow(HMI, RTU, 20000, "dnp3").flow(HMI, OFFICE, 443, "tls")
    result = run("AU-03", t, plant())
    assert [(o.values["protocol"], o.values["clients"], o.values["writes"]) for o in violated(result)] == [("dnp3", 1, 0), ("modbus", 2, 3)]
    assert result.tables["unauthenticated"] == ({"protocol": "dnp3", "server": RTU, "clients": 1, "writes": 0}, {"protocol": "modbus", "server": PLC, "clients": 2, "writes": 3})
    quiet(run("AU-03", Traffic().flow(HMI, OFFICE, 443, "tls").flow(HMI, PLC, 502, up=0, down=0), plant()))


def test_a_protocol_known_by_its_port_is_an_indication_and_secure_authentication_is_none() -> None:
    result = run("AU-03", Traffic().flow(HMI, PLC, 2404, proven=False), plant())
    assert result.outcome is Outcome.NOT_ASSESSABLE and "by the port number alone" in result.observations[0].detail.en
    signed = Traffic().flow(HMI, RTU, 20000, "dnp3").say("authentication_request", "session")
    assert not quiet(run("AU-03", signed, plant())).observations
    # what stands on port 102 may be S7, MMS or RDP: without its payload it is nothing
    quiet(run("AU-03", Traffic().flow(HMI, PLC, 102), plant()))


def test_failed_log_ins_and_whether_anything_locks_out() -> None:
    (found,) = violated(run("AU-04", passwords(5).alert("s7comm_password_attempts", LAPTOP, PLC, ("T0859",)), plant()))
    assert found.count == 5 and "no lock-out was seen" in found.detail.en and {e.kind for e in found.evidence} == {"frames", "alert"}
    (found,) = violated(run("AU-04", passwords(5, accepted_after=True), plant()))
    assert found.values["guessed"] and "then took one" in found.detail.en
    quiet(run("AU-04", passwords(2), plant()))
    violated(run("AU-04", passwords(2), plant(), failures=2))
    violated(run("AU-04", Traffic().flow(LAPTOP, RTU, 20000, "dnp3").alert("dnp3_authentication_failed", LAPTOP, RTU, ("T0859",)), plant()))
    quiet(run("AU-04", Traffic().flow(HMI, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE)


def test_many_connections_to_a_log_in_service_are_an_indication() -> None:
    t = Traffic()
    for i in range(12):
        t.flow(LAPTOP, SERVER, 22, "ssh", at=1 + i * 0.001)
    result = run("AU-04", t, plant())
    assert [(o.count, o.outcome) for o in result.observations] == [(12, Outcome.NOT_ASSESSABLE)] and result.outcome is Outcome.NOT_OBSERVED
    assert not run("AU-04", t, plant(), connections=13).observations


@pytest.mark.parametrize(
    ("check", "port", "protocol", "counted"), [("AU-05", 445, "smb", "1 session"), ("CR-01", 443, "tls", "1 recognised by their payload"), ("CR-02", 4840, "", "1 session")]
)  # fmt: skip
def test_what_only_a_decoder_could_tell(check: str, port: int, protocol: str, counted: str) -> None:
    assert counted in quiet(run(check, Traffic().flow(OFFICE, SERVER, port, protocol), plant()), Outcome.NOT_ASSESSABLE).reason.en
    quiet(run(check, Traffic().flow(HMI, PLC, 502, "modbus"), plant()))


def test_plain_and_secured_control_protocols() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus").flow(HMI, RTU, 20000, "dnp3").flow(OFFICE, PLC, 502, "modbus").flow(PUBLIC, PLC, 102, "s7comm")
    assert [o.protocol for o in violated(run("CR-03", t, plant()))] == ["dnp3", "modbus", "s7comm"]
    assert [(o.protocol, o.count) for o in violated(run("CR-03", t, plant(), scope="boundary"))] == [("modbus", 1), ("s7comm", 1)]
    assert [o.protocol for o in violated(run("CR-03", t, plant(), scope="wan"))] == ["s7comm"]
    hint = run("CR-03", Traffic().flow(OFFICE, PLC, 502, "modbus"), plant(zones=PROPOSED), scope="boundary")
    assert hint.outcome is Outcome.NOT_ASSESSABLE and "proposed" in hint.observations[0].detail.en
    secure = Traffic().flow(HMI, PLC, 802, "tls").flow(HMI, RTU, 20000, "dnp3").say("authentication_request", "session")
    quiet(run("CR-03", secure, plant()), Outcome.CONFIRMED)
    quiet(run("CR-03", Traffic().flow(HMI, PLC, 802, proven=False), plant()), Outcome.NOT_ASSESSABLE)
    quiet(run("CR-03", Traffic().flow(OFFICE, SERVER, 443, "tls"), plant(asset(PLC))))
