"""The library of checks as a whole: every id of the specification, and what must hold of each check on any case."""

# ruff: noqa: E501  (a row or a site is read as one line)

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest
from assess_traffic import (
    ENGINEER,
    HMI,
    HOUR,
    JUMP,
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
    sound,
    whole,
    zone,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sentinel.assess.checks import registry
from sentinel.assess.checks._plant import plant_of
from sentinel.assess.checks.registry import checks, observation_id
from sentinel.assess.coverage import measure
from sentinel.assess.model import Asset, Conduit, Outcome, Site, Text, Ticket
from sentinel.assess.snapshot import dump
from sentinel.assess.view import Rows, View
from sentinel.pipeline import analyze
from sentinel.store.case import Case

PCAPS = Path(__file__).resolve().parents[1] / "pcaps"
FAMILIES = {
    "AS": 6, "SG": 10, "RA": 2, "WL": 2, "AU": 5, "CR": 3, "CO": 6, "TH": 4, "HY": 9, "DA": 4, "CL": 2, "ID": 3, "TG": 1, "DT": 1, "EX": 1,
}  # fmt: skip
IDS = [f"{family}-{n:02}" for family, count in FAMILIES.items() for n in range(1, count + 1)]


def test_every_check_of_the_specification_is_there_once() -> None:
    assert sorted(IDS) == list(checks())


@pytest.mark.parametrize("check", IDS)
def test_checks_speak_both_languages_and_have_a_contract(check: str) -> None:
    one = checks()[check]
    whole(one.title, one.question)
    assert one.sources and one.function is not None and one.function.__doc__
    json.dumps(dict(one.params))


def test_two_checks_cannot_have_one_id_and_unknown_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="two checks are called AS-01"):
        registry.check("AS-01", Text("a", "a"), Text("a", "a"))(lambda view, params: None)
    with pytest.raises(KeyError, match="SG-03 has no parameter service"):
        checks()["SG-03"].run(View(Rows()), {"service": ()})


def test_the_same_thing_seen_again_is_the_same_observation() -> None:
    assert observation_id("SG-01", "a>b") == observation_id("SG-01", "a>b") != observation_id("SG-01", "a>b", "x")


SITES = {
    "nothing": Site(),
    "plan": plant(zones=PLAN),
    "proposed": plant(zones=PROPOSED),
    "listed": plant(asset(PLC), asset(HMI, "hmi", observed=False), zones=PLAN, conduits=(Conduit("c", "office", "cell", ("*",), one_way=True),), tickets=(Ticket("w", "window", START, START + HOUR),)),
}  # fmt: skip


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
@pytest.mark.parametrize("check", IDS)
def test_an_empty_case_neither_proves_nor_disproves_anything(check: str, site: Site) -> None:
    view = View(Rows(), site, measure(View(Rows(), site)))
    result = checks()[check].run(view)
    assert result.outcome in (Outcome.NOT_ASSESSABLE, Outcome.NOT_OBSERVED)
    assert set(result.by_zone.values()) <= {Outcome.NOT_ASSESSABLE}
    whole(result.reason)


@pytest.mark.parametrize("check", IDS)
def test_a_quiet_case_is_never_a_violation(check: str) -> None:
    """One HMI that reads one listed controller through a secured protocol: no check may find fault with it."""
    site = plant(asset(HMI, "hmi"), asset(PLC), zones=PLAN[:1])
    view = Traffic(hours=24).flow(HMI, PLC, 802, "tls", at=0, lasts=24 * 3600).device(HMI).device(PLC).view(site)
    result = checks()[check].run(view)
    sound(result, view)
    assert result.outcome not in (Outcome.VIOLATED, Outcome.CONTRADICTED), result.reason.en


# -- captures ---------------------------------------------------------------------------------------------------------


def site_of(case: Case, listed: bool = False) -> Site:
    """A site out of nothing but the devices seen, with the addresses of the exercise plant as zones."""
    assets = []
    for row in case.scan("assets").collect().iter_rows(named=True):
        ips, macs = json.loads(row["ips"]), json.loads(row["macs"])
        name = row["name"] or next(iter((*ips, *macs)), f"unit {row['unit']}")
        kind = row["role"] if row["role"] not in ("client", "broadcast") else "host"
        assets.append(Asset(row["asset"], name, True, listed, tuple(ips), tuple(macs), row["unit"], kind, row["role"], row["vendor"], row["model"], row["firmware"], row["serial"], row["level"]))
    zones = (zone("cell", "1", "ot", "10.0.0.0/8"), zone("visitors", "4", "it", "10.20.1.199/32"))
    return Site(assets=tuple(assets), zones=zones)


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("assess") / "case"
    analyze([PCAPS / name for name in ("plant-attack.pcapng", "modbus-normal.pcap", "dnp3-attack.pcap")], folder)
    return Case.open(folder, "read")


@pytest.fixture(scope="session")
def view(cases: Case) -> View:
    site = site_of(cases)
    return View(cases, site, measure(View(cases, site)))


@pytest.mark.parametrize("check", IDS)
def test_each_observation_of_the_captures_leads_to_frames_that_exist(check: str, view: View) -> None:
    result = checks()[check].run(view)
    sound(result, view)
    hashes = dict(view.captures.select("capture", "sha256").iter_rows())
    for observation in result.observations:
        pieces = [piece for piece in observation.evidence if piece.kind in ("frames", "alert")]
        assert pieces and all(piece.frames and piece.sha256 == hashes[piece.capture] for piece in pieces)
    json.loads(dump(result))


def test_results_do_not_depend_on_the_run(cases: Case, view: View) -> None:
    again = View(cases, view.site, measure(View(cases, view.site)))
    assert dump(again.coverage) == dump(view.coverage)
    for check in IDS:
        assert dump(checks()[check].run(again)) == dump(checks()[check].run(view)), check


def test_the_sabotage_in_the_capture_is_found(view: View) -> None:
    found = {o.subject for o in checks()["CO-01"].run(view).observations}
    assert {"10.20.1.199>10.20.1.20 stop", "10.20.1.199>10.20.1.20 download", "10.20.1.60>10.20.1.20 download"} <= found
    assert any(subject.startswith("10.20.1.199>10.20.1.30") and subject.endswith("restart") for subject in found)
    scanners = {o.assets[0] for o in checks()["TH-04"].run(view).observations if o.outcome is Outcome.VIOLATED}
    assert plant_of(view).owner("10.20.1.199") in scanners
    assert checks()["AU-04"].run(view).outcome is Outcome.VIOLATED
    assert checks()["SG-02"].run(view).by_zone["visitors"] is Outcome.VIOLATED


def test_the_work_of_the_engineer_is_explained_by_his_ticket_and_the_intruders_is_not(cases: Case, view: View) -> None:
    first, last = plant_of(view).span
    ticket = Ticket("CHG-1", "change", first, last, ("10.20.1.60",))
    site = dataclasses.replace(view.site, tickets=(ticket,))
    explained = View(cases, site, measure(View(cases, site)))
    for o in checks()["CO-01"].run(explained).observations:
        assert (o.ticket == "CHG-1") == o.subject.startswith("10.20.1.60>"), o.subject


# -- anything ---------------------------------------------------------------------------------------------------------

ADDRESSES = st.sampled_from([PLC, RTU, HMI, ENGINEER, LAPTOP, OFFICE, SERVER, JUMP, PUBLIC, "224.0.0.18", "255.255.255.255", "fe80::1", "00:80:f4:00:00:01", "", "x"])
PORTS = st.sampled_from([None, 0, 21, 22, 23, 53, 80, 102, 123, 443, 445, 502, 514, 1883, 2641, 3389, 4711, 5938, 20000, 65535])
FLOWS = st.fixed_dictionaries(
    {
        "client": ADDRESSES, "server": ADDRESSES, "port": PORTS, "protocol": st.sampled_from(["", "modbus", "s7comm", "dnp3", "tls", "handle", "telnet", "Ω"]),
        "transport": st.sampled_from(["tcp", "udp", "eth", "icmp", "ip-112"]), "up": st.integers(0, 10**9), "down": st.integers(0, 10**9), "at": st.floats(0, 20), "lasts": st.floats(0, 10**5),
        "vlan": st.sampled_from([None, 0, 7]), "tunnel": st.sampled_from(["", "gtp-u", "gre/pppoe"]), "ethertype": st.sampled_from([None, 0x88E3, 0x0806]),
        "client_mac": st.sampled_from(["", "00:80:f4:00:00:01"]), "retransmissions": st.integers(0, 1000), "packets_server": st.integers(0, 1000),
    }
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["", "read_coils", "write_var", "plc_stop", "download_block", "password_set", "resolve", "force", "write_time", "authentication_request"]),
        "activity": st.sampled_from(["", "other", "read", "write", "control", "program", "mode", "configure", "file", "session", "time"]),
        "kind": st.sampled_from(["", "request", "response", "exception", "malformed"]), "n": st.integers(1, 40), "unit": st.sampled_from([None, 0, 1]), "function": st.sampled_from([None, 1, 100, 200]),
        "name": st.sampled_from(["", "_0A00001A", "86.1/22", "x9999999999999999999"]), "status_name": st.sampled_from(["", "Illegal Function"]), "fault": st.sampled_from(["", "length"]), "latency": st.sampled_from([None, 0, 5]),
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(flows=st.lists(st.tuples(FLOWS, st.lists(MESSAGES, max_size=2)), max_size=6), site=st.sampled_from(sorted(SITES)), alerts=st.lists(st.tuples(ADDRESSES, ADDRESSES, st.sampled_from(["T0843", "T0846", "T0866", ""])), max_size=3))
def test_no_check_raises_whatever_the_tables_hold(flows, site: str, alerts) -> None:
    traffic = Traffic()
    for given_flow, messages in flows:
        traffic.flow(given_flow["client"], given_flow["server"], given_flow["port"], given_flow["protocol"], **{k: v for k, v in given_flow.items() if k not in ("client", "server", "port", "protocol")})
        for message in messages if given_flow["protocol"] else ():
            traffic.say(message["operation"], message["activity"], message["kind"], **{k: v for k, v in message.items() if k not in ("operation", "activity", "kind")})
    for i, (src, dst, technique) in enumerate(alerts):
        traffic.alert(f"rule{i}", src, dst, (technique,) if technique else ())
    for address in (PLC, HMI):
        traffic.device(address).fact(address, "serial", "1").fact(address, "mac", "00:80:f4:00:00:01", "arp")
    view = traffic.view(SITES[site])
    dump(view.coverage)
    for check in IDS:
        result = checks()[check].run(view)
        sound(result, view)
        dump(result)


def test_a_view_is_counted_once_and_forgotten_with_it() -> None:
    view = Traffic().flow(HMI, PLC, 502, "modbus").view(plant())
    assert plant_of(view) is plant_of(view)
    assert isinstance(plant_of(view).talks, pl.DataFrame)
