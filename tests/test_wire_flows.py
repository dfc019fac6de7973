"""The flow table: one conversation one row, who asked, when it ends, and how much is kept."""

from __future__ import annotations

import io

import frames as f
import pytest
from battery import see
from frames import ACK, FIN, MS, RST, SECOND, START, SYN, Talk
from modbus_samples import mbap

from sentinel.identify import Identifier
from sentinel.model import Fault
from sentinel.wire.capture import CaptureReader
from sentinel.wire.decode import Decoder
from sentinel.wire.dissect import Engine
from sentinel.wire.flows import ENDED_EVICTED, ENDED_IDLE, IDLE_OTHER, IDLE_TCP, FlowTable

ASK = mbap("0300000001")
ANSWER = mbap("03020001")


def placed(table: FlowTable, frame: bytes, time: int = START, link: int = 1):
    """The flow of a frame, made where it is new, and whether it was."""
    d = Decoder()
    d.decode(frame, 0, len(frame), link, time, 1)
    flow = table.find(d)
    if flow is not None:
        table.touch(flow, time)
        return flow, False
    return table.make(d, table.count), True


def segment(n: int, side: int = 0) -> bytes:
    """A segment of connection n, from either side."""
    client, server = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 40000), ("192.0.2.1", 502)
    (src, sport), (dst, dport) = (client, server) if side == 0 else (server, client)
    return f.ethernet(f.ipv4(f.tcp(b"x", sport, dport), f.TCP, src, dst))


PAIRS = {
    "ipv4-tcp": (segment(1), segment(1, 1)),
    "ipv6-udp": (
        f.ethernet(f.ipv6(f.udp(b"x", 1, 2), f.UDP), f.IPV6),
        f.ethernet(f.ipv6(f.udp(b"y", 2, 1), f.UDP, f.SERVER6, f.CLIENT6), f.IPV6),
    ),
    "same-address": (
        f.ethernet(f.ipv4(f.tcp(b"x", 9, 7), src="127.0.0.1", dst="127.0.0.1")),
        f.ethernet(f.ipv4(f.tcp(b"x", 7, 9), src="127.0.0.1", dst="127.0.0.1")),
    ),
    "icmp": (f.ethernet(f.ipv4(b"\x08\0", 1)), f.ethernet(f.ipv4(b"\0\0", 1, f.SERVER, f.CLIENT))),
    "layer-2": (f.ethernet(b"x", 0x88B8, 1, 2), f.ethernet(b"x", 0x88B8, 2, 1)),
    "sctp": (
        f.ethernet(f.ipv4(f.sctp(b"x", 1, 2), f.SCTP)),
        f.ethernet(f.ipv4(f.sctp(b"x", 2, 1), f.SCTP, f.SERVER, f.CLIENT)),
    ),
    "vlan-one-way": (segment(1), f.tagged(segment(1, 1), 7)),
    "vxlan": (
        f.ethernet(f.ipv4(f.vxlan(segment(1)), f.UDP, "192.0.2.1", "192.0.2.2")),
        f.ethernet(f.ipv4(f.vxlan(segment(1, 1)), f.UDP, "192.0.2.2", "192.0.2.1")),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_both_directions_are_one_flow(name) -> None:
    table = FlowTable()
    there, back = PAIRS[name]
    one, new = placed(table, there)
    from_low = table.from_low
    other, again = placed(table, back)
    assert (new, again, table.count) == (True, False, 1)
    assert other is one and table.from_low != from_low


DIFFERENT = {
    "port": (segment(1), f.ethernet(f.ipv4(f.tcp(b"x", 40001, 502), f.TCP, "10.0.0.1", "192.0.2.1"))),
    "protocol": (f.ethernet(f.ipv4(f.udp(b"x", 5, 6), f.UDP)), f.ethernet(f.ipv4(f.tcp(b"x", 5, 6)))),
    "swapped-ports": (f.ethernet(f.ipv4(f.tcp(b"x", 5, 6))), f.ethernet(f.ipv4(f.tcp(b"x", 6, 5)))),
    "tunnel": (segment(1), f.in_gre(segment(1))),
    "network-of-the-tunnel": tuple(
        f.ethernet(f.ipv4(f.vxlan(segment(1), n), f.UDP, "192.0.2.1", "192.0.2.2")) for n in (1, 2)
    ),
    "ethertype": (f.ethernet(b"x", 0x88B8), f.ethernet(b"x", 0x88BA)),
    "family": (f.ethernet(b"x", 0x88B8), f.ethernet(f.ipv4(b"x", 1))),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_another_flow(name) -> None:
    table = FlowTable()
    assert [placed(table, frame)[1] for frame in DIFFERENT[name]] == [True, True]


def test_the_table_is_bounded_and_the_longest_silent_flow_goes() -> None:
    table = FlowTable(limit=4)
    for n in range(4):
        placed(table, segment(n), START + n * 2 * SECOND)
    placed(table, segment(0, 1), START + 10 * SECOND)
    for n in range(4, 6):
        placed(table, segment(n), START + 12 * SECOND)
    assert (table.count, len(table.flows), table.evictions) == (4, 4, 2)
    assert [(flow.number, why) for flow, why in table.out] == [(1, ENDED_EVICTED), (2, ENDED_EVICTED)]
    assert not placed(table, segment(0))[1], "in use, so it stayed"


def test_a_flood_stays_bounded() -> None:
    table = FlowTable(limit=100)
    for n in range(3000):
        placed(table, segment(n), START + n)
    assert (table.count, len(table.flows), table.evictions, len(table.out)) == (100, 100, 2900, 2900)


@pytest.mark.parametrize(
    ("frame", "idle"), [(segment(1), IDLE_TCP), (PAIRS["ipv6-udp"][0], IDLE_OTHER)], ids=["tcp", "udp"]
)
def test_idle_flows_end(frame, idle) -> None:
    table = FlowTable()
    placed(table, frame, START)
    table.expire(START + idle - 1)
    assert table.count == 1
    table.expire(START + idle)
    assert (table.count, [why for _, why in table.out]) == (0, [ENDED_IDLE])


def test_order_of_use_survives_any_removal() -> None:
    table = FlowTable()
    flows = [placed(table, segment(n), START + n * 2 * SECOND)[0] for n in range(6)]
    for gone in (flows[2], flows[0], flows[5]):
        table.remove(gone)
        table.remove(gone)
    table.touch(flows[1], START + 100 * SECOND)
    assert table.count == 3
    for _ in range(4):
        table.evict()
    assert [flow.number for flow, _ in table.out] == [3, 4, 1]


# -- through the engine ----------------------------------------------------------------------------------------------


def exchange(talk: Talk, times: int = 2) -> Talk:
    for _ in range(times):
        talk.send(0, ASK).send(1, ANSWER)
    return talk


def test_a_whole_connection() -> None:
    talk = exchange(Talk().open()).close()
    flow = see(talk.records).flow()
    want = {
        "client": "10.0.0.1", "server": "10.0.0.2", "client_port": 40000, "server_port": 502, "transport": "tcp",
        "client_mac": "02:00:00:00:00:01", "server_mac": "02:00:00:00:00:02", "direction_by": "handshake",
        "packets_client": 5, "packets_server": 4, "payload_client": 24, "payload_server": 22, "state": "closed",
        "end": "closed", "frame": 1, "last_frame": 9, "messages": 4, "protocol": "modbus", "carrier": "",
        "label_by": "payload of both sides", "vlan": None, "ethertype": None, "tunnel": "",
    }  # fmt: skip
    assert {name: flow[name] for name in want} == want
    assert (flow["bytes_client"], flow["bytes_server"]) == (5 * 54 + 24, 4 * 54 + 22)


STATES = {
    "opening": (lambda t: t.add(t.packet(0, flags=SYN)), "opening", "handshake"),
    "refused": (lambda t: t.add(t.packet(0, flags=SYN)).add(t.packet(1, flags=RST | ACK)), "reset", "handshake"),
    "open": (lambda t: exchange(t.open()), "open", "handshake"),
    "closed": (lambda t: exchange(t.open()).close(), "closed", "handshake"),
    "reset": (lambda t: exchange(t.open()).add(t.packet(0, flags=RST)), "reset", "handshake"),
    "midstream": (exchange, "midstream", "port"),
    "answer-first": (lambda t: exchange(t.send(1, ANSWER)), "midstream", "port"),
    "syn-ack-only": (lambda t: t.add(t.packet(1, flags=SYN | ACK)), "opening", "handshake"),
}


@pytest.mark.parametrize("name", STATES)
def test_state_and_direction(name) -> None:
    play, state, by = STATES[name]
    talk = Talk()
    play(talk)
    flow = see(talk.records).flow()
    assert (flow["state"], flow["direction_by"]) == (state, by)
    assert (flow["client"], flow["server_port"]) == ("10.0.0.1", 502)


def test_direction_without_handshake_or_port_is_told_by_the_messages() -> None:
    talk = Talk(sport=47001, dport=47002).send(1, mbap("0306022b00000064"))
    flow = see(exchange(talk, 3).records).flow()
    assert (flow["direction_by"], flow["client"], flow["protocol"]) == ("payload", "10.0.0.1", "modbus")


def test_direction_that_nothing_tells_is_that_of_the_first_frame() -> None:
    talk = Talk(sport=47001, dport=47002).send(1, b"?").send(0, b"!")
    flow = see(talk.records).flow()
    assert (flow["direction_by"], flow["client"]) == ("first-frame", "10.0.0.2")


def test_handshake_outweighs_the_port() -> None:
    talk = Talk(sport=502, dport=47000).open().send(0, ASK).send(1, ANSWER)
    flow = see(exchange(talk).records).flow()
    assert (flow["direction_by"], flow["client_port"], flow["server_port"]) == ("handshake", 502, 47000)


@pytest.mark.parametrize("ended", [True, False], ids=["after FIN", "without FIN"])
def test_a_new_syn_on_an_old_tuple_is_a_new_flow(ended) -> None:
    talk = exchange(Talk().open())
    if ended:
        talk.close()
    talk.time += SECOND
    talk.seq = [5_000_000, 77]
    exchange(talk.open()).close()
    seen = see(talk.records)
    assert len(seen.rows("flows")) == 2 and seen.rows("flows", "messages") == [4, 4]
    assert seen.faults() == {}


def test_a_repeated_syn_is_not() -> None:
    talk = Talk()
    talk.add(talk.packet(0, flags=SYN, ack=0))
    talk.time += SECOND
    exchange(talk.open())
    talk.add(talk.packet(0, flags=SYN, seq=1000, ack=0))
    seen = see(exchange(talk).records)
    assert seen.flow()["messages"] == 8


@pytest.mark.parametrize("first", [90_000, 5_000_000, 0xF0000000])
def test_an_unanswered_syn_does_not_spoil_the_connection_that_follows(first) -> None:
    talk = Talk(seq=[first, 1])
    talk.add(talk.packet(0, flags=SYN, ack=0))
    talk.time += 3 * SECOND
    talk.seq = [1_000_000, 900_000]
    exchange(talk.open())
    seen = see(talk.records)
    assert sum(seen.rows("flows", "messages")) == 4
    assert seen.faults() == {}


def test_evictions_are_counted_and_shown() -> None:
    engine = Engine([], Identifier([]), limit=10)
    engine.begin(1, 0)
    data = f.pcap([(START + n * MS, segment(n)) for n in range(50)])
    assert not engine.read(CaptureReader(io.BytesIO(data)), 1000)
    assert (engine.table.evictions, engine.flow_rows.n) == (40, 40)
    assert engine.finish() and engine.flow_rows.n == 50
    assert engine.fault_counts == {Fault.FLOW_EVICTED: 40}


def test_fin_alone_ends_the_flow_as_closed() -> None:
    talk = exchange(Talk().open())
    talk.add(talk.packet(0, flags=FIN | ACK))
    assert see(talk.records).flow()["end"] == "closed"


def test_vlan_and_tunnel_stand_in_the_row() -> None:
    talk = exchange(Talk().open())
    flow = see(f.wrapped(talk.records, lambda frame: f.tagged(f.in_gre(f.tagged(frame, 11)), 3))).flow()
    assert (flow["vlan"], flow["tunnel"], flow["messages"]) == (11, "gre", 4)


def test_layer_2_and_other_flows_have_rows_too() -> None:
    seen = see([(START, PAIRS["layer-2"][0]), (START + 1, PAIRS["icmp"][0]), (START + 2, PAIRS["sctp"][0])])
    rows = seen.rows("flows", "transport", "ethertype", "client", "client_port")
    assert rows == [
        ("eth", 0x88B8, "02:00:00:00:00:01", None),
        ("icmp", None, "10.0.0.1", None),
        ("sctp", None, "10.0.0.1", 1),
    ]


def test_flows_that_share_a_place_are_kept_apart() -> None:
    """The sums of their addresses are equal, so each displaces the other from the table of recent flows."""
    table = FlowTable()
    pairs = [("10.0.0.1", "10.0.0.4"), ("10.0.0.2", "10.0.0.3")]
    frames = [f.ethernet(f.ipv4(f.tcp(b"x", 9, 7), f.TCP, *pair)) for pair in pairs]
    answers = [f.ethernet(f.ipv4(f.tcp(b"x", 7, 9), f.TCP, *reversed(pair))) for pair in pairs]
    made = [placed(table, frame)[0] for frame in frames]
    for _ in range(2):
        for flow, frame, answer in zip(made, frames, answers, strict=True):
            for one in (frame, frame, answer, answer):
                assert placed(table, one) == (flow, False)
                assert table.from_low is (one is frame)
    table.remove(made[1])
    again, new = placed(table, frames[1])
    assert new and again is not made[1] and placed(table, answers[0]) == (made[0], False)
