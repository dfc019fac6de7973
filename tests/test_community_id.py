"""Community IDs: those of the specification's own examples, and of what has none."""

from __future__ import annotations

import frames as f
import numpy as np
import pytest
from battery import see
from frames import START

from sentinel.community_id import community_ids
from sentinel.wire import layout as L

SPEC = {
    "tcp": ("128.232.110.120", "66.35.250.204", 6, 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    "udp": ("192.168.1.52", "8.8.8.8", 17, 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    "sctp": ("192.168.170.8", "192.168.170.56", 132, 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
}


@pytest.mark.parametrize("name", SPEC)
def test_community_id_of_its_specification(name) -> None:
    src, dst, proto, sport, dport, want = SPEC[name]
    make = {6: f.tcp, 17: f.udp, 132: f.sctp}[proto]
    for ends in ((src, dst, sport, dport), (dst, src, dport, sport)):
        packet = f.ipv4(make(b"x", *ends[2:]), proto, *ends[:2])
        assert see([(START, f.ethernet(packet))]).flow()["id"] == want


def test_community_id_of_what_has_no_address_is_empty() -> None:
    assert see([(START, f.ethernet(b"x", 0x88B8))]).flow()["id"] == ""
    assert community_ids(np.zeros((0, L.L_WIDTH), np.int64)) == []


def test_community_id_of_an_ipv6_packet_that_breaks_off_in_its_extension_headers() -> None:
    frame = f.ethernet(f.ipv6(b"\x06\xff" + bytes(6), 0), f.IPV6)
    assert see([(START, frame)]).flow()["id"].startswith("1:")


def test_community_id_of_icmp() -> None:
    packet = f.ipv4(b"\x08\0" + bytes(6), 1, "192.168.0.89", "192.168.0.1")
    assert see([(START, f.ethernet(packet))]).flow()["id"] == "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="
