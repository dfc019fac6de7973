"""The false-label set: nothing in the shared captures is called a protocol that it is not."""

from __future__ import annotations

import oracles
import pytest
from battery import see
from frames import Talk

from sentinel.plugins import load_parsers

OWN = {p.name for p in load_parsers().protocols}
"""The protocols that parsers are there for: the labels that make messages, assets and alerts."""
CARRIED = {
    "s7comm": {"s7comm", "cotp"},
    "s7comm-plus": {"s7comm-plus", "s7comm", "cotp"},
    "mms": {"mms", "cotp"},
}
"""Folder of captures -> what its flows may be called; without an entry, the folder's own name."""
OTHERS_INSIDE = {"enip/iti__EIP-ViewDeviceStatus.pcap": {"dnp3"}}
"""Captures in which, as tshark says too, another protocol than that of the folder is spoken."""


@pytest.mark.usefixtures("captures")
def test_no_flow_is_called_what_it_is_not():
    wrong = []
    for name in oracles.captures():
        folder = name.partition("/")[0]
        allowed = CARRIED.get(folder, {folder}) | OTHERS_INSIDE.get(name, set())
        for (protocol, by), n in oracles.overview(name).labels.items():
            if protocol in OWN and by != "port only" and protocol not in allowed:
                wrong.append((name, protocol, by, n))
    assert not wrong


@pytest.mark.usefixtures("captures")
def test_no_message_is_of_a_protocol_that_is_not_spoken():
    wrong = []
    for name in oracles.captures():
        folder = name.partition("/")[0]
        allowed = CARRIED.get(folder, {folder}) | OTHERS_INSIDE.get(name, set())
        wrong += [(name, *key) for key in oracles.overview(name).counts if key[0] not in allowed]
    assert not wrong


@pytest.mark.usefixtures("captures")
def test_a_label_from_the_port_alone_makes_no_message():
    assert [name for name in oracles.captures() if oracles.overview(name).guessed] == []


# -- Zeek's opinion of each connection -------------------------------------------------------------------------------

SERVICES = {"dnp3_tcp": "dnp3", "modbus": "modbus", "cotp,s7comm": "s7comm",
            "cotp,s7comm-plus": "s7comm-plus", "dce_rpc": "dcerpc", "ssl": "tls",
            "http": "http", "dns": "dns", "ssh": "ssh", "dhcp": "dhcp", "ntp": "ntp"}  # fmt: skip
"""Zeek's service -> our label, for what both name."""
NAME_SERVICES = ("mdns", "llmnr", "netbios-ns")
"""What Zeek calls dns, for it is the same format."""


@pytest.mark.usefixtures("captures")
def test_connections_are_called_what_zeek_calls_them():
    """What both know has the same name, and nothing else gets a name of ours.

    conn-first.log is of a capture that is not shared; in another log a test of Zeek's renamed the columns.
    """
    logs = [
        log
        for log in oracles.logs_named("conn.log", "conn-second.log")
        if any("id.orig_h" in row for row in log.rows())
    ]
    found: oracles.Found = {}
    for log in logs:
        labels = oracles.labels(log.capture)
        for row in log.rows():
            if row["proto"] not in ("tcp", "udp"):
                continue
            ends = row["id.orig_h"], int(row["id.orig_p"]), row["id.resp_h"], int(row["id.resp_p"])
            ours, theirs = labels.get(ends, ""), SERVICES.get(row["service"], "")
            if theirs == "dns" and ours in NAME_SERVICES:
                continue
            if ours != theirs and (theirs or ours in OWN):
                found[log.capture, f"{ends[0]}:{ends[1]} > {ends[2]}:{ends[3]}"] = ours, theirs
    oracles.assert_known("conn.log", {log.capture for log in logs}, found)


# -- office protocols on industrial ports ----------------------------------------------------------------------------

OFFICE = {
    "tls": bytes.fromhex("1603010070010000 6c0303" + "5a" * 32 + "00 0002 1301 0100 0041".replace(" ", "")) + bytes(65),
    "http": b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "dns": bytes.fromhex("001c 1a2b 0100 0001 0000 0000 0000 03706c63 056c6f63616c 00 0001 0001".replace(" ", "")),
    "smb": bytes.fromhex("00000020 fe534d42 4000".replace(" ", "")) + bytes(26),
    "smtp": b"220 mail ESMTP\r\n",
    "zeros": bytes(64),
    "noise": bytes(range(1, 200, 3)),
}
"""First payload of a client; the server sends the same back, which is worse than any real server would."""


@pytest.mark.parametrize("port", sorted({port for p in load_parsers().protocols for port in p.ports.get("tcp", ())}))
@pytest.mark.parametrize("name", OFFICE)
def test_office_traffic_on_an_industrial_port_is_not_industrial(name, port):
    talk = Talk(dport=port).open()
    for _ in range(3):
        talk.send(0, OFFICE[name]).send(1, OFFICE[name])
    seen = see(talk.close().records)
    flow = seen.flow()
    assert flow["protocol"] not in OWN or flow["label_by"] == "port only"
    assert seen.rows("messages") == []
