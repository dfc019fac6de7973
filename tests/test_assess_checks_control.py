"""CO-01 to CO-06: engineering, writes, malformed messages, rogue masters, transfers."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import pytest
from assess_traffic import ENGINEER, HMI, HOUR, LAPTOP, PLC, RTU, START, Traffic, asset, plant, quiet, run, violated

from sentinel.assess.checks.control import ACTIONS, TECHNIQUES, action, block
from sentinel.assess.model import Evidence, Outcome, Ticket


def download(t: Traffic, client: str = ENGINEER, at: float = 1.0, blocks: int = 100) -> Traffic:
    t.flow(client, PLC, 102, "s7comm", at=at, lasts=600)
    t.say("download_request", "program", name="_0A00020P").say("download_block", "program", "response", n=blocks, name="_0A00020P")
    return t.say("download_ended", "program", after=120, name="_0A00020P")


@pytest.mark.parametrize(
    ("operation", "activity", "kind"),
    [
        ("download_block", "program", "download"), ("upload_start", "program", "upload"), ("pi_delete_block", "program", "delete"), ("memory_reset", "program", "delete"),
        ("pi_copy_ram_to_rom", "program", "store"), ("plc_stop", "mode", "stop"), ("plc_start_cold", "mode", "start"), ("cold_restart", "mode", "restart"), ("breakpoint", "mode", "mode"),
        ("force", "control", "force"), ("variable_table_modify", "write", "modify"), ("write_file", "file", "file"), ("delete_file", "file", "delete"), ("read_file", "file", ""),
        ("activate_configuration", "configure", "configure"), ("enable_unsolicited", "configure", ""), ("write_file_record", "write", "file"), ("read_var", "read", ""), ("write_var", "write", ""),
    ],
)  # fmt: skip
def test_which_operations_are_engineering(operation: str, activity: str, kind: str) -> None:
    assert action(operation, activity) == kind
    assert not kind or (kind in ACTIONS and kind in TECHNIQUES)


@pytest.mark.parametrize(("name", "said"), [("_0A00020P", "DB 20"), ("_0800001A", "OB 1"), ("P_PROGRAM", "P_PROGRAM"), ("_ZZ00020P", "_ZZ00020P"), ("", "")])
def test_blocks_are_called_as_engineers_call_them(name: str, said: str) -> None:
    assert block(name) == said


def test_a_download_is_one_event_however_many_blocks() -> None:
    t = download(Traffic(hours=14 * 24)).alert("s7comm_download", ENGINEER, PLC, ("T0843",))
    result = run("CO-01", t, plant())
    (found,) = violated(result)
    assert (found.values["events"], found.values["days"], found.count) == (1, 14.0, 1)
    assert 30 * found.values["events"] / found.values["days"] == pytest.approx(2.14, abs=0.01)
    assert "no ticket or window that could explain" in found.detail.en and "DB 20" in found.detail.en
    assert found.techniques == ("T0843",) and {e.kind for e in found.evidence} == {"frames", "alert"}
    (row,) = result.tables["engineering"]
    assert (row["source"], row["target"], row["operation"], row["name"], row["count"], row["time"]) == (ENGINEER, PLC, "download", "DB 20", 2, "2023-11-14 23:13:20")


def test_a_pause_of_ten_minutes_parts_two_events() -> None:
    t = download(download(download(Traffic()), at=1.05), at=2)
    (found,) = violated(run("CO-01", t, plant()))
    assert found.values["events"] == 2


def test_a_ticket_explains_what_it_covers_and_no_more() -> None:
    ticket = Ticket("CHG-7", "change", START, START + 2 * HOUR, (ENGINEER,), (PLC,), ("program",))
    t = download(download(Traffic(), at=1), at=5)
    result = run("CO-01", t, plant(tickets=(ticket,)))
    assert sorted((o.ticket, o.count) for o in result.observations) == [("", 1), ("CHG-7", 1)]
    assert len(violated(result)) == 1 and len({o.id for o in result.observations}) == 2
    explained = run("CO-01", download(Traffic(), at=1), plant(tickets=(ticket,)))
    assert explained.outcome is Outcome.NOT_OBSERVED and "explained by tickets" in explained.reason.en
    for other in (
        Ticket("x", "change", START, START + 2 * HOUR, (LAPTOP,)), Ticket("x", "change", START, START + 2 * HOUR, (), (RTU,)), Ticket("x", "change", START, START + 2 * HOUR, (), (), ("mode",)),
        Ticket("x", "change", START, START + HOUR + 1), Ticket("x", "change", START + 2 * HOUR, START + 3 * HOUR),
    ):  # fmt: skip
        assert "No ticket or window explains it" in violated(run("CO-01", download(Traffic()), plant(tickets=(other,))))[0].detail.en


def test_a_window_without_names_explains_everything_in_it_and_names_work_too() -> None:
    assert not violated_or_none(run("CO-01", download(Traffic()), plant(tickets=(Ticket("w", "window", START, START + 9 * HOUR),))))
    named = plant(asset(ENGINEER, "engineering", name="ES-1"), tickets=(Ticket("w", "change", START, START + 9 * HOUR, ("ES-1",)),))
    assert not violated_or_none(run("CO-01", download(Traffic()), named))


def violated_or_none(result):
    return [o for o in result.observations if o.outcome is Outcome.VIOLATED and not o.ticket]


def test_what_the_controller_answered_is_said() -> None:
    t = Traffic().flow(LAPTOP, PLC, 102, "s7comm").say("plc_stop", "mode").say("plc_stop", "mode", "exception", status_name="Function not allowed")
    assert "the controller refused" in violated(run("CO-01", t, plant()))[0].detail.en
    t = Traffic().flow(LAPTOP, PLC, 102, "s7comm").say("plc_stop", "mode").say("plc_stop", "mode", "response")
    assert "the controller accepted" in violated(run("CO-01", t, plant()))[0].detail.en
    t = Traffic().flow(LAPTOP, PLC, 102, "s7comm").say("plc_stop", "mode", pairing="unanswered")
    assert "no answer was seen" in violated(run("CO-01", t, plant()))[0].detail.en


def test_engineering_that_only_an_alert_tells_of() -> None:
    t = Traffic().flow(LAPTOP, PLC, 502, "modbus").say("umas", "other").alert("modbus_umas_download", LAPTOP, PLC, ("T0843",))
    t.alert("s7comm_mode_transition", PLC, LAPTOP, ("T0858",)).alert("modbus_write", LAPTOP, PLC, ("T0836",))
    site = plant(asset(PLC))
    (found,) = violated(run("CO-01", t, site))
    assert found.evidence == (Evidence("alert", "alert-0", 1, "ab" * 32, (5,)),) and found.values["action"] == "download"
    ticket = Ticket("t", "change", START, START + 9 * HOUR, (LAPTOP,))
    assert run("CO-01", t, plant(asset(PLC), tickets=(ticket,))).outcome is Outcome.NOT_OBSERVED


def test_reading_and_a_masters_daily_work_are_no_engineering() -> None:
    t = Traffic().flow(HMI, RTU, 20000, "dnp3").say("read", "read", n=5).say("enable_unsolicited", "configure").say("read_file", "file").say("operate", "control")
    quiet(run("CO-01", t, plant()))
    quiet(run("CO-01", Traffic().flow(HMI, PLC, 44818), plant()), Outcome.NOT_ASSESSABLE)


def test_writes_of_a_master_that_is_on_no_list() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus").say("write_single_register", "write", n=4).flow(LAPTOP, PLC, 502, "modbus").say("write_single_coil", "write", n=3).flow(LAPTOP, RTU, 20000, "dnp3").say("operate", "control", n=2)
    site = plant(asset(HMI, "hmi"), asset(PLC), asset(RTU, "rtu"))
    found = violated(run("CO-02", t, site))
    assert [(o.subject, o.values["writes"]) for o in found] == [(f"{LAPTOP} dnp3", 2), (f"{LAPTOP} modbus", 3)]
    assert not violated_or_none(run("CO-02", t, site, masters=(LAPTOP,)))
    listed_wrong = plant(asset(HMI, "hmi"), asset(LAPTOP, "host"))
    assert "listed as “host”" in violated(run("CO-02", t, listed_wrong))[0].detail.en
    explained = run("CO-02", t, plant(asset(HMI, "hmi"), tickets=(Ticket("w", "window", START, START + 9 * HOUR),)))
    assert explained.outcome is Outcome.NOT_OBSERVED
    nobody = quiet(run("CO-02", t, plant(asset(HMI, "hmi", listed=False))), Outcome.NOT_ASSESSABLE)
    assert "2 hosts wrote to 2 controllers" in nobody.reason.en
    quiet(run("CO-02", Traffic().flow(LAPTOP, PLC, 502, "modbus").say("read_coils", "read"), site))


def test_ranges_have_no_source_yet() -> None:
    assert "neither an engineered range" in quiet(run("CO-03", Traffic().flow(HMI, PLC, 502, "modbus"), plant()), Outcome.NOT_ASSESSABLE).reason.en


def test_malformed_messages_illegal_functions_and_many_exceptions() -> None:
    t = Traffic().flow(LAPTOP, PLC, 502, "modbus").say("", "other", "malformed", fault="length").say("read_coils", "read", fault="count")
    (found,) = violated(run("CO-04", t, plant()))
    assert (found.values["kind"], found.count, found.techniques) == ("malformed", 2, ("T0814",))
    t = Traffic().flow(LAPTOP, PLC, 502, "modbus").say("reserved", "other", "exception", n=5, status_name="Illegal Function")
    assert [o.values["kind"] for o in violated(run("CO-04", t, plant()))] == ["illegal"]
    t = Traffic().flow(LAPTOP, PLC, 502, "modbus").say("read_coils", "read", "exception", n=20, status_name="Illegal Data Address").say("read_coils", "read", "response", n=100)
    (found,) = violated(run("CO-04", t, plant()))
    assert (found.count, found.values["answers"]) == (20, 120)


def test_a_few_exceptions_among_many_answers_are_normal() -> None:
    t = Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read", "exception", n=4, status_name="Illegal Function").say("read_coils", "read", "response", n=900)
    quiet(run("CO-04", t, plant()))
    t.say("read_coils", "read", "exception", n=30, status_name="Server Device Busy")
    quiet(run("CO-04", t, plant()))
    violated(run("CO-04", t, plant(), share=0.03))
    quiet(run("CO-04", Traffic().flow(HMI, PLC, 44818), plant()), Outcome.NOT_ASSESSABLE)


def test_a_master_that_the_list_does_not_hold_and_a_controllers_address_twice() -> None:
    site = plant(asset(HMI, "hmi"), asset(PLC))
    t = Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read").flow(LAPTOP, PLC, 502, "modbus").say("read_coils", "read", n=7)
    (found,) = violated(run("CO-05", t, site))
    assert found.count == 7 and found.techniques == ("T0848",)
    t = Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read").fact(PLC, "mac", "00:80:f4:00:00:01", "arp").fact(PLC, "mac", "00:14:22:00:00:02", "arp")
    assert violated(run("CO-05", t, site))[0].subject == PLC
    clean = Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read")
    quiet(run("CO-05", clean, site))
    quiet(run("CO-05", clean, plant()), Outcome.NOT_ASSESSABLE)


def test_a_regular_poll_that_pauses_is_an_indication() -> None:
    site = plant(asset(HMI, "hmi"), asset(PLC))
    t = Traffic().flow(HMI, PLC, 502, "modbus", lasts=300).say("read_coils", "read", n=40, address=1).say("read_coils", "read", n=40, address=1, after=100)
    result = run("CO-05", t, site)
    (found,) = result.observations
    assert (found.outcome, found.values["cycle_ms"], found.values["pause_s"]) == (Outcome.NOT_ASSESSABLE, 1000.0, 61.0)
    assert found.last_time - found.first_time == 61 * 10**9
    quiet(run("CO-05", Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read", n=80), site))
    quiet(run("CO-05", t, site, seconds=120))


def test_transfers_of_programs_and_files() -> None:
    found = violated(run("CO-06", download(Traffic()), plant()))
    assert [(o.subject, o.values["bytes"]) for o in found] == [(f"{ENGINEER}>{PLC} download", 102 * 12)]
    explained = run("CO-06", download(Traffic()), plant(tickets=(Ticket("w", "window", START, START + 9 * HOUR),)))
    assert explained.outcome is Outcome.NOT_OBSERVED
    site = plant(asset(PLC))
    ftp = Traffic().flow(LAPTOP, PLC, 21, "ftp", up=50_000).flow(LAPTOP, ENGINEER, 21, "ftp", up=50_000).flow(HMI, PLC, 80, "http", up=10, down=10)
    result = run("CO-06", ftp.say("x", "other"), site)
    assert [(o.subject, o.outcome) for o in result.observations] == [(f"{LAPTOP}>{PLC} ftp", Outcome.NOT_ASSESSABLE)]
    quiet(run("CO-06", Traffic().flow(HMI, PLC, 502, "modbus").say("read_coils", "read"), site))
    quiet(run("CO-06", Traffic().flow(HMI, PLC, 44818), plant()), Outcome.NOT_ASSESSABLE)
