"""Assets: who is one device and who is not, what it is, and what stands behind it."""

from __future__ import annotations

import ipaddress
import json
import random

import polars as pl
import pytest
from store_rows import T0, frame

from sentinel.inventory import _addresses
from sentinel.inventory import _stats as statistics
from sentinel.inventory._addresses import is_device
from sentinel.inventory.assets import accumulate, accumulate_flows, build
from sentinel.schema import ASSETS
from sentinel.store.case import Case

PLC_MAC, HMI_MAC, ROUTER_MAC, SPARE_MAC = (
    "00:0e:8c:00:00:01",
    "00:00:bc:00:00:02",
    "00:00:0c:00:00:03",
    "00:80:f4:00:00:04",
)
LOCAL_MAC = "02:00:00:00:00:05"


def flow(client: str, server: str, **more) -> dict:
    row = {
        "client": client, "server": server, "client_port": 40000, "server_port": 502, "transport": "tcp", "capture": 1,
        "frame": 1, "time": T0, "last_time": T0 + 10, "packets_client": 5, "packets_server": 5, "bytes_client": 500,
        "bytes_server": 400, "payload_client": 60, "payload_server": 60,
    }  # fmt: skip
    return row | more


def labelled(client: str, server: str, protocol: str = "modbus", **more) -> dict:
    row = {"protocol": protocol, "label_by": "payload of both sides", "confidence": 0.99, "messages": 10}
    return flow(client, server, **row) | more


def flows(*rows: dict) -> pl.DataFrame:
    return (
        pl.concat([frame("flows", 1, flow=k + 1, **row) for k, row in enumerate(rows)]) if rows else frame("flows", 0)
    )


def fact(device: str, kind: str, value: str, **more) -> dict:
    row = {"device": device, "kind": kind, "value": value, "unit": None, "confidence": 0.9, "capture": 1, "frame": 9}
    return row | {"time": T0, "source": "modbus"} | more


def said(client: str, server: str, kind: str, activity: str = "read", count: int = 1, unit=None, protocol="modbus"):
    """Rows of messages, as a batch."""
    src, dst = (client, server) if kind in statistics.ASKING else (server, client)
    words = {"src": src, "dst": dst, "protocol": protocol, "kind": kind, "activity": activity}
    return frame("messages", count, unit=unit, time=T0 + 5, capture=1, frame=3, **words)


def talk(client: str, server: str, activity="read", count=1, unit=None, protocol="modbus") -> list[pl.DataFrame]:
    return [said(client, server, kind, activity, count, unit, protocol) for kind in ("request", "response")]


def counted(*batches: pl.DataFrame) -> pl.DataFrame | None:
    counts = None
    for batch in batches:
        counts = accumulate(counts, batch)
    return counts


def told(*batches: pl.DataFrame) -> pl.DataFrame:
    return statistics.statistics(counted(*batches))


def by_ip(rows: list[dict]) -> dict[str, dict]:
    return {json.loads(row["ips"])[0]: row for row in rows if json.loads(row["ips"])}


def only(rows: list[dict]) -> dict:
    (row,) = rows
    return row


# -- the statistics --------------------------------------------------------------------------------------------------


def test_messages_are_counted_whatever_the_batches_and_text_types():
    batches = [*talk("h", "p", count=3, unit=0), *talk("h", "p", "write", 2, unit=1), said("h", "p", "unsolicited")]
    together = told(pl.concat(batches))
    as_categories = pl.concat(batches).with_columns(pl.col(pl.String).cast(pl.Categorical))
    assert dict(together.schema) == statistics.SCHEMA
    key = ["client", "server", "kind", "activity", "unit"]
    for other in (told(*batches), told(as_categories), told(*batches, frame("messages", 0))):
        assert other.sort(key).equals(together.sort(key))
    assert together["client"].unique().to_list() == ["h"]
    assert together.filter(pl.col("kind") == "unsolicited")["server"].to_list() == ["p"]
    assert together["count"].sum() == 11
    assert together.filter(pl.col("unit") == 0)["count"].sum() == 6


def test_messages_that_tell_no_side_are_not_counted():
    assert told(said("h", "p", "malformed"), said("h", "p", "link")).height == 0
    assert told(frame("messages", 0)).height == told().height == 0


def test_the_statistics_are_bounded(monkeypatch):
    monkeypatch.setattr(statistics, "MAX_ROWS", 2)
    monkeypatch.setattr(statistics, "MAX_GROUPS", 3)
    stats = told(*(said(f"h{k}", "p", "request", count=k + 1) for k in range(6)))
    assert stats.height == 3
    assert "h5" in stats["client"].to_list()


def test_flows_are_gathered_by_pair_and_give_the_same_assets():
    rows = [
        labelled("10.0.0.5", "10.0.0.9", client_mac=HMI_MAC, server_mac=PLC_MAC, time=T0 + 5 - k, frame=9 - k)
        for k in range(5)
    ]
    rows += [labelled("10.0.0.5", "10.0.0.9", packets_server=0), flow("10.0.0.66", "10.0.0.9", packets_server=0)]
    whole = flows(*rows)
    pairs = None
    for k in range(0, 7, 2):
        pairs = accumulate_flows(pairs, whole[k : k + 2].with_columns(pl.col("client").cast(pl.Categorical)), 100)
    pairs = accumulate_flows(pairs, flows(), 100)
    assert statistics.joined_pairs(pairs).height < whole.height
    assert pairs["packets_client"].sum() == 35
    assert build(pairs, [], None) == build(whole, [], None)
    kept = None
    for k in range(7):
        kept = accumulate_flows(kept, whole[k : k + 1], 2)
    assert set(kept.filter(pl.col("messages") > 0)["client"]) == {"10.0.0.5"}
    assert kept.height <= 4


# -- one device or several -------------------------------------------------------------------------------------------


def test_a_small_plant():
    rows = build(
        flows(labelled("10.0.0.5", "10.0.0.9", client_mac=HMI_MAC, server_mac=PLC_MAC)),
        [fact("10.0.0.9", "model", "M340"), fact("10.0.0.9", "firmware", "2.7")],
        counted(*talk("10.0.0.5", "10.0.0.9", count=30, unit=0), *talk("10.0.0.5", "10.0.0.9", "write", 2, unit=0)),
    )
    devices = by_ip(rows)
    assert all(row.keys() == {c.name for c in ASSETS.columns} for row in rows)
    plc, hmi = devices["10.0.0.9"], devices["10.0.0.5"]
    assert (plc["role"], plc["level"], plc["vendor"], plc["vendor_by"]) == ("plc", "1", "Siemens AG", "oui")
    assert (plc["model"], plc["firmware"], plc["facts"]) == ("M340", "2.7", 2)
    assert plc["role_by"] == "sent 32 modbus answers to 1 client"
    assert json.loads(plc["protocols"]) == {"modbus": "server"}
    assert json.loads(plc["macs"]) == [PLC_MAC]
    assert (plc["packets"], plc["bytes"], plc["first_time"], plc["last_time"]) == (10, 900, T0, T0 + 10)
    assert json.loads(plc["evidence"]) == [[1, 1], [1, 9]]
    assert (hmi["role"], hmi["level"], hmi["vendor"]) == ("hmi", "2", "Rockwell Automation")
    assert hmi["role_by"] == "sent 30 read and 2 write or control requests in modbus to 1 controller"


def test_rows_do_not_depend_on_the_order_of_the_flows():
    rows = [
        labelled(f"10.0.0.{k}", "10.0.0.9", client_mac=f"00:00:bc:00:00:{k:02x}", time=T0 + k) for k in range(10, 20)
    ]
    first = build(flows(*rows), [], None)
    random.Random(1).shuffle(rows)
    assert build(flows(*rows), [], None) == first
    assert len({row["asset"] for row in first}) == 11


def test_the_rows_go_into_a_case(tmp_path):
    rows = build(flows(labelled("10.0.0.5", "10.0.0.9")), [fact("10.0.0.9", "name", "泵站 1")], None)
    with Case.open(tmp_path / "case") as case, case.begin_run([{"sha256": "a" * 64}]) as run:
        run.finish(run.captures, [fact("10.0.0.9", "name", "泵站 1")], rows, [], {})
        assert case.assets()["name"].to_list() == ["", "泵站 1"]
        # and the other way: facts as the case holds them
        assert build(flows(labelled("10.0.0.5", "10.0.0.9")), case.facts(), None) == rows


def test_addresses_that_were_only_asked_are_no_devices():
    scan = [flow("10.0.0.66", f"10.0.0.{k}", packets_server=0, payload_client=0) for k in range(100, 140)]
    dead_udp = flow("10.0.0.66", "10.0.0.200", transport="udp", packets_server=0)
    refused = flow("10.0.0.66", "10.0.0.201", packets_server=1, payload_client=0, payload_server=0)
    assert set(by_ip(build(flows(*scan, dead_udp, refused), [], None))) == {"10.0.0.66", "10.0.0.201"}


@pytest.mark.parametrize(
    "address",
    ["224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "01:0e:cf:00:00:00", "ff:ff:ff:ff:ff:ff", ""],
)
def test_groups_and_broadcasts_are_no_devices(address):
    assert not is_device(address)
    rows = build(flows(flow("10.0.0.5", address, server_mac="ff:ff:ff:ff:ff:ff", packets_server=1)), [], None)
    assert list(by_ip(rows)) == ["10.0.0.5"]
    assert len(rows) == 1


def test_a_router_merges_nobody_and_gives_no_vendor():
    remote = [flow(f"10.{k}.0.7", "10.0.0.9", client_mac=ROUTER_MAC, server_mac=PLC_MAC) for k in range(1, 5)]
    rows = build(flows(*remote), [], None)
    devices = by_ip(rows)
    assert len(devices) == 5
    assert all(devices[f"10.{k}.0.7"]["vendor"] == "" and devices[f"10.{k}.0.7"]["macs"] == "[]" for k in range(1, 5))
    router = only([row for row in rows if row["role"] == "router"])
    assert (json.loads(router["macs"]), router["ips"], router["vendor"]) == ([ROUTER_MAC], "[]", "Cisco Systems, Inc")
    assert router["role_by"] == "its MAC address carries 4 addresses of 4 subnets"
    assert router["packets"] == 40


def test_a_router_is_known_by_what_it_announced():
    announced = fact("10.0.0.1", "mac", ROUTER_MAC, source="arp reply")
    rows = build(flows(flow("192.168.7.7", "10.0.0.9", client_mac=ROUTER_MAC, server_mac=PLC_MAC)), [announced], None)
    devices = by_ip(rows)
    assert devices["10.0.0.1"]["role"] == "router"
    assert "is announced in 10.0.0.0/24 and carries 192.168.7.7" in devices["10.0.0.1"]["role_by"]
    assert (devices["192.168.7.7"]["role"], devices["192.168.7.7"]["vendor"]) == ("host", "")


@pytest.mark.parametrize("mac", ["00:00:5e:00:01:07", "00:00:0c:07:ac:01"])
def test_a_virtual_router_is_one_at_first_sight(mac):
    rows = build(flows(flow("192.168.7.7", "10.0.0.9", client_mac=mac, server_mac=PLC_MAC)), [], None)
    assert only([r for r in rows if r["role"] == "router"])["macs"] == json.dumps([mac])


def test_two_addresses_of_one_subnet_on_one_mac_are_one_device():
    rows = build(
        flows(
            flow("10.0.0.5", "10.0.0.9", server_mac=PLC_MAC),
            flow("10.0.0.5", "10.0.0.10", server_mac=PLC_MAC),
            flow("fe80::1", "fe80::20e:8cff:fe00:1", server_mac=PLC_MAC),
        ),
        [],
        None,
    )
    plc = by_ip(rows)["10.0.0.9"]
    assert json.loads(plc["ips"]) == ["10.0.0.9", "10.0.0.10", "fe80::20e:8cff:fe00:1"]
    assert "share a MAC address and a subnet" in plc["role_by"]
    assert plc["packets"] == 30


def test_two_addresses_on_one_mac_stay_two_where_facts_differ_or_subnets_do():
    same_subnet = flows(*(flow("10.0.0.5", ip, server_mac=PLC_MAC) for ip in ("10.0.0.9", "10.0.0.10")))
    other_subnet = flows(*(flow("10.0.0.5", ip, server_mac=PLC_MAC) for ip in ("10.0.0.9", "10.0.1.9")))
    differing = [fact("10.0.0.9", "serial", "A1"), fact("10.0.0.10", "serial", "B2")]
    agreeing = [fact("10.0.0.9", "serial", "A1"), fact("10.0.1.9", "serial", "A1")]
    for table, facts, n in ((same_subnet, differing, 3), (other_subnet, [], 3), (other_subnet, agreeing, 2)):
        assert len(by_ip(build(table, facts, None))) == n
    split = by_ip(build(other_subnet, [], None))
    assert split["10.0.0.9"]["vendor"] == ""
    assert f"shares the MAC address {PLC_MAC}" in split["10.0.0.9"]["role_by"]


def test_an_attacker_who_claims_addresses_does_not_become_their_device():
    rows = build(
        flows(
            labelled("10.0.0.5", "10.0.0.9", client_mac=HMI_MAC, server_mac=PLC_MAC),
            flow("10.0.0.66", "10.0.0.5", client_mac=LOCAL_MAC, server_mac=HMI_MAC, time=T0 + 1),
            labelled("10.0.0.5", "10.0.0.9", client_mac=LOCAL_MAC, server_mac=LOCAL_MAC, time=T0 + 2),
        ),
        [fact("10.0.0.9", "mac", LOCAL_MAC, source="arp reply", time=T0 + 2)],
        None,
    )
    macs = {ip: json.loads(row["macs"]) for ip, row in by_ip(rows).items()}
    assert macs == {"10.0.0.5": [HMI_MAC], "10.0.0.9": [PLC_MAC], "10.0.0.66": [LOCAL_MAC]}


def test_a_second_interface_is_listed_with_its_device():
    both = [flow("10.0.0.5", "10.0.0.9", server_mac=mac, time=T0 + k) for k, mac in enumerate((PLC_MAC, SPARE_MAC))]
    assert json.loads(by_ip(build(flows(*both), [], None))["10.0.0.9"]["macs"]) == [PLC_MAC, SPARE_MAC]


def test_devices_below_ip_join_the_device_of_their_mac():
    layer2 = {"transport": "eth", "client_port": None, "server_port": None, "ethertype": 0x8892}
    rows = build(
        flows(
            flow("10.0.0.5", "10.0.0.9", server_mac=PLC_MAC),
            flow(PLC_MAC, "01:0e:cf:00:00:00", client_mac=PLC_MAC, **layer2),
            flow(SPARE_MAC, "01:0e:cf:00:00:00", client_mac=SPARE_MAC, **layer2),
        ),
        [fact(HMI_MAC, "ip", "10.0.0.77", source="dcp"), fact(HMI_MAC, "name", "pump-2", source="dcp")],
        None,
    )
    assert by_ip(rows)["10.0.0.9"]["packets"] == 20
    named = by_ip(rows)["10.0.0.77"]
    assert (named["name"], json.loads(named["macs"]), named["role"]) == ("pump-2", [HMI_MAC], "unknown")
    alone = only([row for row in rows if row["ips"] == "[]"])
    assert (json.loads(alone["macs"]), alone["vendor"], alone["role"]) == (
        [SPARE_MAC],
        "TELEMECANIQUE ELECTRIQUE",
        "host",
    )


# -- what it is ------------------------------------------------------------------------------------------------------


def role(stats, address="10.0.0.5", *rows, server="10.0.0.9") -> str:
    return by_ip(build(flows(*(rows or (labelled("10.0.0.5", server),))), [], stats))[address]["role"]


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        (talk("10.0.0.5", "10.0.0.9", count=5), "client"),
        (talk("10.0.0.5", "10.0.0.9", count=50), "client"),
        ([*talk("10.0.0.5", "10.0.0.9", count=50), *talk("10.0.0.5", "10.0.0.9", "control")], "hmi"),
        (talk("10.0.0.5", "10.0.0.9", "write"), "client"),
        (talk("10.0.0.5", "10.0.0.9", "program", protocol="s7comm"), "engineering"),
        (talk("10.0.0.5", "10.0.0.9", "configure", protocol="s7comm"), "engineering"),
        (talk("10.0.0.5", "10.0.0.9", "configure", protocol="dnp3"), "client"),
        (talk("10.0.0.5", "10.0.0.9", "mode", protocol="dnp3"), "client"),
        (talk("10.0.0.5", "10.0.0.9", "program", protocol="dnp3"), "engineering"),
        (talk("10.0.0.5", "10.0.0.9", "read", protocol="dns"), "host"),
        ([], "host"),
    ],
)
def test_clients(batches, expected):
    assert role(counted(*batches)) == expected


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        (talk("10.0.0.5", "10.0.0.9", protocol="s7comm"), "plc"),
        (talk("10.0.0.5", "10.0.0.9", protocol="dnp3"), "rtu"),
        ([said("10.0.0.5", "10.0.0.9", "exception")], "plc"),
        ([said("10.0.0.5", "10.0.0.9", "unsolicited", protocol="dnp3")], "rtu"),
        ([said("10.0.0.5", "10.0.0.9", "request", count=9)], "host"),
        (talk("10.0.0.5", "10.0.0.9", protocol="dns"), "host"),
    ],
)
def test_servers(batches, expected):
    assert role(counted(*batches), "10.0.0.9") == expected


def test_a_controller_that_asks_back_makes_no_server_of_its_client():
    there = talk("10.0.0.5", "10.0.0.9", "program", 5, protocol="s7comm")
    back = talk("10.0.0.9", "10.0.0.5", "program", 2, protocol="s7comm")
    pair = flows(labelled("10.0.0.5", "10.0.0.9", "s7comm"))
    devices = by_ip(build(pair, [], counted(*there, *back)))
    assert (devices["10.0.0.5"]["role"], devices["10.0.0.9"]["role"]) == ("engineering", "plc")
    assert devices["10.0.0.5"]["role_by"] == "sent 5 program requests in s7comm to 1 controller"
    # where a flow that was picked up midway has the wrong direction, the messages are right
    devices = by_ip(build(pair, [], counted(*back)))
    assert (devices["10.0.0.5"]["role"], devices["10.0.0.9"]["role"]) == ("plc", "engineering")


def test_a_label_that_a_port_alone_gave_makes_no_role_and_no_protocol():
    guess = flow("10.0.0.5", "10.0.0.9", protocol="modbus", label_by="port only", confidence=0.2, packets_server=0)
    row = by_ip(build(flows(guess), [], None))["10.0.0.9"]
    assert (row["role"], row["protocols"], row["level"]) == ("host", "{}", "")


def test_malformed_messages_alone_make_no_role_and_no_protocol():
    row = labelled("10.0.0.5", "10.0.0.9", packets_server=0, label_by="framing only", confidence=0.4)
    device = by_ip(build(flows(row), [], None))["10.0.0.9"]
    assert (device["role"], device["protocols"]) == ("host", "{}")


def test_a_controller_of_which_only_the_other_side_was_captured():
    row = labelled("10.0.0.5", "10.0.0.9", packets_server=0, label_by="payload of one side")
    device = by_ip(build(flows(row), [], counted(said("10.0.0.5", "10.0.0.9", "request"))))["10.0.0.9"]
    assert device["role"] == "plc"
    assert "its answers are not in the capture" in device["role_by"]


def test_the_most_certain_and_then_the_latest_fact_counts():
    facts = [
        fact("10.0.0.9", "firmware", "1.0", time=T0),
        fact("10.0.0.9", "firmware", "1.1", time=T0 + 1),
        fact("10.0.0.9", "firmware", "guess", time=T0 + 2, confidence=0.3),
        fact("10.0.0.9", "order_number", "6ES7 315"),
        fact("10.0.0.9", "vendor", "Siemens"),
    ]
    row = by_ip(build(flows(flow("10.0.0.5", "10.0.0.9", server_mac=HMI_MAC)), facts, None))["10.0.0.9"]
    assert (row["firmware"], row["model"], row["vendor"], row["vendor_by"]) == ("1.1", "6ES7 315", "Siemens", "fact")


# -- what stands behind it -------------------------------------------------------------------------------------------


def units(*answering: int, protocol="modbus", kind="response") -> pl.DataFrame | None:
    return counted(*(said("10.0.0.5", "10.0.0.9", kind, count=2, unit=unit, protocol=protocol) for unit in answering))


def test_serial_devices_behind_a_modbus_gateway():
    facts = [fact("10.0.0.9", "model", "meter", unit=3), fact("10.0.0.9", "model", "gateway", unit=255)]
    rows = build(flows(labelled("10.0.0.5", "10.0.0.9")), facts, units(1, 3, 7, 255))
    gateway = by_ip(rows)["10.0.0.9"]
    assert (gateway["role"], gateway["level"], gateway["model"]) == ("gateway", "1", "gateway")
    assert gateway["role_by"] == "3 modbus units answered behind its address: 1, 3, 7"
    behind = [row for row in rows if row["parent"] == gateway["asset"]]
    assert [row["unit"] for row in behind] == [1, 3, 7]
    assert [row["model"] for row in behind] == ["", "meter", ""]
    assert [row["packets"] for row in behind] == [2, 2, 2]
    assert behind[0]["first_time"] == T0 + 5
    assert json.loads(behind[0]["evidence"]) == [[1, 3]]
    assert len({row["asset"] for row in rows}) == 5
    assert [row["role"] for row in rows].index("gateway") + 1 == rows.index(behind[0])


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        (units(1), "plc"),
        (units(0, 1, 255), "plc"),
        (units(1, 2), "plc"),
        (units(2, 3), "gateway"),
        (units(*range(1, 248)), "plc"),
        (units(*range(1, 248), kind="exception"), "plc"),
        (units(1, 10, protocol="dnp3"), "gateway"),
        (units(10, protocol="dnp3"), "rtu"),
        (units(1, 2, 3, protocol="s7comm"), "plc"),
    ],
)
def test_who_is_a_gateway(stats, expected):
    rows = build(flows(labelled("10.0.0.5", "10.0.0.9")), [], stats)
    assert by_ip(rows)["10.0.0.9"]["role"] == expected
    assert (len(rows) > 2) == (expected == "gateway")


def test_a_scan_that_found_every_unit_is_said():
    row = by_ip(build(flows(labelled("10.0.0.5", "10.0.0.9")), [], units(*range(1, 248))))["10.0.0.9"]
    assert row["role_by"] == "sent 494 modbus answers to 1 client, to 247 units, so it ignores the unit"


def test_nothing_gives_nothing():
    assert build(flows(), [], None) == []
    assert build(flows(), frame("facts", 0), None) == []


def test_a_flood_of_forged_senders_is_bounded(monkeypatch, caplog):
    from sentinel.inventory import assets

    monkeypatch.setattr(assets, "MAX_ADDRESSES", 50)
    forged = pl.concat(
        [frame("flows", 1, flow=k, **flow(f"10.9.{k // 250}.{k % 250 + 1}", "10.0.0.9")) for k in range(300)]
    )
    rows = build(pl.concat([flows(labelled("10.0.0.5", "10.0.0.9")), forged]), [], None)
    assert len(rows) <= 50
    assert {"10.0.0.5", "10.0.0.9"} <= by_ip(rows).keys()
    assert "more than 50 addresses" in caplog.text
    # which of the equals are listed does not depend on the order of the flows
    again = build(pl.concat([forged.reverse(), flows(labelled("10.0.0.5", "10.0.0.9"))]), [], None)
    assert by_ip(again).keys() == by_ip(rows).keys()


@pytest.mark.parametrize(
    "text",
    """10.1.2.3 169.254.9.9 169.255.0.1 224.0.0.1 239.9.9.9 240.0.0.1 0.0.0.0 0.0.0.1 255.255.255.255 255.255.255.254
    fe80::1 ff02::1 :: 2001:db8::7 ::ffff:10.1.2.3""".split(),
)
def test_addresses_are_read_as_ipaddress_reads_them(text):
    address = ipaddress.ip_address(text)
    group = address.is_multicast or address.is_unspecified or text == "255.255.255.255"
    assert is_device(text) != group
    assert _addresses.order(text) == (address.is_link_local, address.version, int(address))
    prefix = 24 if address.version == 4 else 64
    assert _addresses.subnet(text) == str(ipaddress.ip_network(f"{text}/{prefix}", strict=False))


@pytest.mark.parametrize(
    "text", ["", "plc-7", "10.1.2", "010.1.2.3", "10.1.2.256", "10.1.2.3 ", "10.1.2.3\0", "0x0a.1.2.3"]
)
def test_other_text_is_no_address(text):
    assert not is_device(text)
