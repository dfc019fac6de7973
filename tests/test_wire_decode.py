"""Frames to addresses, tunnel stack and payload: every link type and tunnel, whole, cut and malformed."""

from __future__ import annotations

import ipaddress
import struct

import frames as f
import pytest
from frames import CLIENT, CLIENT6, SERVER, SERVER6, START
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.model import Fault
from sentinel.wire import decode
from sentinel.wire.decode import Decoder

DATA = b"some payload"
INNER = f.ipv4(f.tcp(DATA, 1111, 502))
INNER6 = f.ipv6(f.tcp(DATA, 1111, 502))
FRAME = f.ethernet(INNER)
OUT, BACK = "192.0.2.1", "192.0.2.2"


def outer(payload: bytes, proto: int) -> bytes:
    """An Ethernet frame with an IPv4 packet between two tunnel ends."""
    return f.ethernet(f.ipv4(payload, proto, OUT, BACK))


class Result:
    """What one frame turned out to be."""

    def __init__(self, frame: bytes, link: int = 1, decoder: Decoder | None = None, time: int = START, number: int = 1):
        self.d = d = decoder or Decoder()
        self.kind = d.decode(frame, 0, len(frame), link, time, number)
        self.fault = Fault(d.fault)
        self.tunnel, self.vlan = d.tunnel, d.vlan
        self.ports = d.sport, d.dport

    def addresses(self, whole: bytes) -> tuple[str, str] | None:
        size = {4: 4, 6: 16}.get(self.d.family)
        if size is None:
            return None
        parts = (whole[at : at + size] for at in (self.d.src, self.d.dst))
        one, two = (str(ipaddress.ip_address(part)) for part in parts)
        return one, two

    def payload(self, whole: bytes) -> bytes:
        return whole[self.d.payload : self.d.payload_end]


V4, V6 = (CLIENT, SERVER), (CLIENT6, SERVER6)
LINKS = {
    "ethernet": (1, FRAME, V4),
    "ethernet-ipv6": (1, f.ethernet(INNER6, f.IPV6), V6),
    "bsd-loopback-little": (0, struct.pack("<I", 2) + INNER, V4),
    "bsd-loopback-big": (0, struct.pack(">I", 30) + INNER6, V6),
    "openbsd-loopback": (108, struct.pack(">I", 2) + INNER, V4),
    "ppp": (9, b"\xff\x03\x00\x21" + INNER, V4),
    "ppp-compressed": (9, b"\x21" + INNER, V4),
    "ppp-ipv6": (9, b"\x00\x57" + INNER6, V6),
    "ppp-mpls": (9, b"\x02\x81" + f.mpls(INNER, 5), V4),
    "ppp-hdlc": (50, b"\xff\x03\x00\x21" + INNER, V4),
    "pppoe": (51, f.pppoe(INNER), V4),
    "raw": (101, INNER, V4),
    "raw-ipv6": (101, INNER6, V6),
    "raw-12": (12, INNER, V4),
    "raw-14": (14, INNER, V4),
    "raw-228": (228, INNER, V4),
    "raw-229": (229, INNER6, V6),
    "cisco-hdlc": (104, b"\x0f\0\x08\0" + INNER, V4),
    "802.11": (105, f.wireless(INNER), V4),
    "802.11-qos": (105, f.wireless(INNER, qos=True), V4),
    "802.11-bridge": (105, f.wireless(INNER6, f.IPV6, four=True), V6),
    "prism": (119, bytes(144) + f.wireless(INNER), V4),
    "radiotap": (127, f.radiotap(f.wireless(INNER, qos=True)), V4),
    "avs": (163, struct.pack(">II", 0x80211001, 8) + f.wireless(INNER), V4),
    "cooked": (113, f.cooked(INNER), V4),
    "cooked-ipv6": (113, f.cooked(INNER6, f.IPV6), V6),
    "cooked-2": (276, f.cooked(INNER, version=2), V4),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_link_types(name) -> None:
    link, frame, addresses = LINKS[name]
    got = Result(frame, link)
    assert (got.kind, got.fault, got.ports) == (decode.TCP, Fault.NONE, (1111, 502))
    assert got.addresses(frame) == addresses and got.payload(frame) == DATA
    assert link in decode.LINK_TYPES


def test_every_link_type_that_is_said_to_be_read_is() -> None:
    assert {link for link, _, _ in LINKS.values()} == set(decode.LINK_TYPES)


@pytest.mark.parametrize("link", [147, 189, 195, 220, 65535])
def test_other_link_types_are_named(link) -> None:
    got = Result(b"whatever", link)
    assert (got.kind, got.d.unread, got.fault) == (decode.UNREAD, f"link type {link}", Fault.NONE)


QINQ = f.tagged(f.tagged(FRAME, 20), 10, 0x88A8)
TUNNELS = {
    "vlan": (f.tagged(FRAME, 4095, priority=7), None, 4095, V4),
    "vlan-zero": (f.tagged(FRAME, 0), None, 0, V4),
    "qinq": (QINQ, None, 20, V4),
    "qinq-9100": (f.tagged(f.tagged(FRAME, 3), 2, 0x9100), None, 3, V4),
    "802.3-snap": (f.ethernet(b"\xaa\xaa\x03\0\0\0\x08\0" + INNER, len(INNER) + 8), None, -1, V4),
    "hsr": (f.hsr(FRAME), None, -1, V4),
    "hsr-vlan": (f.tagged(f.hsr(FRAME), 7), None, 7, V4),
    "prp": (f.prp(FRAME, 0xA), None, -1, V4),
    "prp-vlan": (f.prp(f.tagged(FRAME, 7), 0xB, header=18), None, 7, V4),
    "mpls": (f.ethernet(f.mpls(INNER, 100), 0x8847), "mpls", -1, V4),
    "mpls-labels": (f.ethernet(f.mpls(INNER6, 1, 2, 3), 0x8848), "mpls", -1, V6),
    "mpls-pseudowire": (f.ethernet(f.mpls(bytes(4) + FRAME, 9), 0x8847), "mpls", -1, V4),
    "mpls-ethernet": (f.ethernet(f.mpls(b"\xaa" + FRAME[1:], 9), 0x8847), "mpls", -1, V4),
    "pppoe": (f.ethernet(f.pppoe(INNER), 0x8864), "pppoe", -1, V4),
    "pppoe-ipv6": (f.ethernet(f.pppoe(INNER6, 0x57), 0x8864), "pppoe", -1, V6),
    "gre": (outer(f.gre(INNER), 47), "gre", -1, V4),
    "gre-key-sequence": (outer(f.gre(INNER6, f.IPV6, key=1, sequence=2), 47), "gre", -1, V6),
    "gre-checksum": (outer(struct.pack(">HHI", 0x8000, f.IPV4, 0) + INNER, 47), "gre", -1, V4),
    "gre-ethernet-vlan": (outer(f.gre(f.tagged(FRAME, 8), 0x6558), 47), "gre", 8, V4),
    "gre-mpls": (outer(f.gre(f.mpls(INNER, 4), 0x8847), 47), "gre/mpls", -1, V4),
    "erspan1": (outer(f.erspan(FRAME, 1), 47), "erspan1", -1, V4),
    "erspan2": (outer(f.erspan(f.tagged(FRAME, 5), 2), 47), "erspan2", 5, V4),
    "erspan3": (outer(f.erspan(FRAME, 3), 47), "erspan3", -1, V4),
    "erspan3-subheader": (
        outer(f.gre(struct.pack(">IIIQ", 2 << 28, 0, 1, 0) + FRAME, 0x22EB, sequence=1), 47), "erspan3", -1, V4
    ),
    "vxlan": (outer(f.vxlan(FRAME, 0xABCDEF), 17), "vxlan:11259375", -1, V4),
    "vxlan-vlan": (f.tagged(outer(f.vxlan(f.tagged(FRAME, 6)), 17), 3), "vxlan:100", 6, V4),
    "geneve": (outer(f.geneve(FRAME), 17), "geneve:100", -1, V4),
    "geneve-ip": (outer(f.geneve(INNER6, 7, f.IPV6, b"\0\0\0\x01abcd"), 17), "geneve:7", -1, V6),
    "gtp-u": (outer(f.gtp_u(INNER), 17), "gtp-u", -1, V4),
    "gtp-u-extension": (outer(f.gtp_u(INNER6, extended=True), 17), "gtp-u", -1, V6),
    "tzsp": (outer(f.tzsp(f.tagged(FRAME, 6)), 17), "tzsp", 6, V4),
    "tzsp-no-tags": (outer(f.tzsp(FRAME, tags=b""), 17), "tzsp", -1, V4),
    "ip-in-ip": (outer(INNER, 4), "ipip", -1, V4),
    "6in4": (outer(INNER6, 41), "6in4", -1, V6),
    "6in6": (f.ethernet(f.ipv6(INNER6, 41, "2001:db8::8", "2001:db8::9"), f.IPV6), "6in6", -1, V6),
    "4in6": (f.ethernet(f.ipv6(INNER, 4, "2001:db8::8", "2001:db8::9"), f.IPV6), "ipip", -1, V4),
    "etherip": (outer(b"\x30\0" + FRAME, 97), "etherip", -1, V4),
    "mpls-in-ip": (outer(f.mpls(INNER, 3), 137), "mpls", -1, V4),
    "teredo": (outer(f.teredo(INNER6), 17), "teredo", -1, V6),
    "gre-vxlan": (outer(f.gre(f.ipv4(f.vxlan(FRAME), 17)), 47), "gre/vxlan:100", -1, V4),
    "ah": (f.ethernet(f.ipv4(bytes([6, 4]) + bytes(22) + f.tcp(DATA, 1111, 502), 51)), None, -1, V4),
    "provider-backbone": (f.ethernet(bytes(4) + f.tagged(FRAME, 5), 0x88E7), "pbb", 5, V4),
    "fabricpath": (f.ethernet(b"\0\x40" + FRAME, 0x8903), "fabricpath", -1, V4),
}  # fmt: skip


@pytest.mark.parametrize("name", TUNNELS)
def test_tags_and_tunnels(name) -> None:
    frame, tunnel, vlan, addresses = TUNNELS[name]
    got = Result(frame)
    assert (got.kind, got.fault, got.ports) == (decode.TCP, Fault.NONE, (1111, 502))
    assert (got.tunnel, got.vlan) == (tunnel, vlan)
    assert got.addresses(frame) == addresses and got.payload(frame) == DATA
    assert got.d.prp == (name.startswith(("hsr", "prp")))


TZSP = {
    "keep-alive": f.tzsp(b"", kind=4),
    "nothing inside": f.tzsp(b""),
    "endless tags": f.tzsp(b"", tags=b"\x0a\xff"),
    "cut in a tag": f.udp(b"\x01\x00\x00\x01\x0a", 50000, 37008),
    "unknown inside": f.tzsp(FRAME, inner=7),
}


@pytest.mark.parametrize("name", TZSP)
def test_what_is_no_frame_in_tzsp_is_udp(name) -> None:
    got = Result(outer(TZSP[name], 17))
    assert (got.kind, got.tunnel, got.fault, got.ports) == (decode.UDP, None, Fault.NONE, (50000, 37008))


def test_frames_of_the_air_in_tzsp() -> None:
    data = b"\x08\x02" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER
    got = Result(outer(f.tzsp(data, inner=18), 17))
    assert (got.kind, got.tunnel, got.ports) == (decode.TCP, "tzsp", (1111, 502))
    assert Result(outer(f.tzsp(bytes(144) + data, inner=119), 17)).ports == (1111, 502)
    avs = bytes(6) + struct.pack(">H", 64) + bytes(56)
    assert Result(outer(f.tzsp(avs + data, inner=127), 17)).ports == (1111, 502)


EXTENSIONS = {
    "hop-by-hop": (f.extension(f.tcp(DATA, 1111, 502), 6), 0),
    "routing": (f.extension(f.tcp(DATA, 1111, 502), 6, 24), 43),
    "destination": (f.extension(f.tcp(DATA, 1111, 502), 6), 60),
    "several": (f.extension(f.extension(f.extension(f.tcp(DATA, 1111, 502), 6), 43), 60), 0),
    "authentication": (bytes([6, 4]) + bytes(22) + f.tcp(DATA, 1111, 502), 51),
    "atomic-fragment": (f.fragment6(f.tcp(DATA, 1111, 502), 6, 0, False), 44),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_ipv6_extension_headers(name) -> None:
    payload, following = EXTENSIONS[name]
    frame = f.ethernet(f.ipv6(payload, following), f.IPV6)
    got = Result(frame)
    assert (got.kind, got.fault, got.d.proto, got.payload(frame)) == (decode.TCP, Fault.NONE, 6, DATA)


TRANSPORTS = {
    "udp": (f.udp(DATA, 1111, 502), f.UDP, decode.UDP),
    "sctp": (f.sctp(DATA, 1111, 502), f.SCTP, decode.SCTP),
    "tcp-options": (f.tcp(DATA, 1111, 502, options=bytes(12)), f.TCP, decode.TCP),
}


@pytest.mark.parametrize("name", TRANSPORTS)
def test_transports(name) -> None:
    segment, proto, kind = TRANSPORTS[name]
    for frame in (f.ethernet(f.ipv4(segment, proto, options=b"\1" * 8)), f.ethernet(f.ipv6(segment, proto), f.IPV6)):
        got = Result(frame)
        assert (got.kind, got.ports, got.payload(frame), got.d.declared) == (kind, (1111, 502), DATA, len(DATA))


def test_tcp_fields() -> None:
    frame = f.ethernet(f.ipv4(f.tcp(b"", 1, 2, 0xFFFFFFFE, 0xFFFFFFFF, 0x12, 512), ident=77))
    d = Result(frame).d
    assert (d.seq, d.ack, d.flags, d.window, d.ip_id) == (0xFFFFFFFE, 0xFFFFFFFF, 0x12, 512, 77)


def test_other_ip_protocols_and_layer_2() -> None:
    icmp = f.ethernet(f.ipv4(b"\x08\0rest", 1))
    got = Result(icmp)
    assert (got.kind, got.d.proto, got.ports, got.payload(icmp)) == (decode.IP, 1, (-1, -1), b"\x08\0rest")
    goose = f.tagged(f.ethernet(b"goose", 0x88B8), 9)
    got = Result(goose)
    assert (got.kind, got.d.ethertype, got.vlan, got.payload(goose)) == (decode.LINK, 0x88B8, 9, b"goose")
    bpdu = f.ethernet(b"\x42\x42\x03" + bytes(35) + b"padding", 38)
    got = Result(bpdu)
    assert (got.kind, got.d.ethertype, got.fault) == (decode.LINK, 0x42, Fault.NONE)


def test_prp_trailer_of_a_layer_2_frame_is_no_payload() -> None:
    frame = f.prp(f.ethernet(b"g" * 50, 0x88B8), 0xA)
    got = Result(frame)
    assert got.d.prp and got.payload(frame) == b"g" * 50
    wrong = frame[:-4] + b"\xa0\x01\x88\xfb"
    assert not Result(wrong).d.prp


def test_ethernet_padding_is_no_payload() -> None:
    frame = FRAME + b"padding padding"
    assert Result(frame).payload(frame) == DATA


def test_total_length_of_zero_reads_to_the_end() -> None:
    frame = f.ethernet(f.ipv4(f.tcp(DATA), total=0))
    got = Result(frame)
    assert (got.fault, got.payload(frame)) == (Fault.NONE, DATA)


def test_udp_length_bounds_its_payload() -> None:
    for length, want in ((8 + 4, DATA[:4]), (0, DATA), (7, DATA), (400, DATA)):
        frame = f.ethernet(f.ipv4(f.udp(DATA, length=length), f.UDP))
        got = Result(frame)
        assert (got.kind, got.payload(frame)) == (decode.UDP, want)


def test_pseudowire_without_control_word() -> None:
    """RFC 4928: no first nibble tells the two apart; the EtherType behind the addresses does."""
    assert Result(f.ethernet(f.mpls(FRAME, 9), 0x8847)).ports == (1111, 502)




@pytest.mark.parametrize("port", [4789, 4790, 6081, 2152, 3544, 4754, 8472, 5072])
def test_tunnel_ports_with_other_traffic_stay_udp(port) -> None:
    frame = f.ethernet(f.ipv4(f.udp(b"\xff" * 60, 1111, port), f.UDP))
    got = Result(frame)
    assert (got.kind, got.tunnel, got.payload(frame)) == (decode.UDP, None, b"\xff" * 60)


ARP_COOKED = [
    (113, f.cooked(f.arp(CLIENT), f.ARP)),
    (276, f.cooked(f.arp(CLIENT), f.ARP, 2)),
    (105, f.wireless(f.arp(CLIENT), f.ARP)),
]


@pytest.mark.parametrize(("link", "frame"), ARP_COOKED, ids=["cooked", "cooked-2", "802.11"])
def test_unread_ethertypes_are_named_on_every_link(link, frame) -> None:
    got = Result(frame, link)
    assert got.fault == Fault.NONE and got.d.unread != "truncated frame"


# -- cut, malformed, hostile -----------------------------------------------------------------------------------------

EVERY = {
    **{f"link-{name}": (link, frame) for name, (link, frame, _) in LINKS.items()},
    **{name: (1, frame) for name, (frame, *_) in TUNNELS.items()},
    **{f"ipv6-{name}": (1, f.ethernet(f.ipv6(body, kind), f.IPV6)) for name, (body, kind) in EXTENSIONS.items()},
}


@pytest.mark.parametrize("name", EVERY)
def test_cut_at_every_length(name) -> None:
    """Never an exception, never more payload than there was, and it is said that something is missing."""
    link, frame = EVERY[name]
    decoder = Decoder()
    told = 0
    for length in range(len(frame)):
        part = frame[:length]
        got = Result(part, link, decoder)
        d = got.d
        assert 0 <= d.payload <= d.payload_end <= length
        if got.kind in (decode.TCP, decode.UDP):
            assert DATA.startswith(got.payload(part)) or got.kind == decode.UDP
        told += bool(d.fault or d.unread is not None)
    assert told >= length - 20


@pytest.mark.parametrize("name", EVERY)
def test_every_single_byte_changed(name) -> None:
    link, frame = EVERY[name]
    decoder = Decoder()
    for at in range(len(frame)):
        for value in (0, 0xFF, frame[at] ^ 0x10, frame[at] ^ 1):
            part = frame[:at] + bytes([value]) + frame[at + 1 :]
            got = Result(part, link, decoder)
            if got.kind != decode.PENDING:
                assert 0 <= got.d.payload <= got.d.payload_end


@given(
    st.binary(max_size=120), st.sampled_from(sorted(decode.LINK_TYPES)), st.sampled_from([b"", FRAME[:14], FRAME[:34]])
)
@settings(max_examples=200, deadline=None)
def test_noise(noise, link, head) -> None:
    Result(head + noise, link)


MALFORMED = {
    "ipv4-version": f.ethernet(b"\x55" + INNER[1:]),
    "ipv4-header-length": f.ethernet(b"\x44" + INNER[1:]),
    "ipv4-header-too-long": f.ethernet(b"\x4f" + INNER[1:24]),
    "ipv4-total-below-header": f.ethernet(f.ipv4(f.tcp(DATA), total=19)),
    "tcp-header-length": f.ethernet(f.ipv4(f.tcp(DATA)[:12] + b"\x40" + f.tcp(DATA)[13:])),
    "tcp-header-beyond-packet": f.ethernet(f.ipv4(f.tcp(b"")[:12] + b"\xf0" + f.tcp(b"")[13:])),
    "ipv6-version": f.ethernet(INNER, f.IPV6),
    "ipv6-extension-too-long": f.ethernet(f.ipv6(b"\x06\xff" + bytes(6), 0), f.IPV6),
    "ipv6-extension-chain": f.ethernet(f.ipv6(bytes([0, 0, 0, 0, 0, 0, 0, 0]) * 40, 0), f.IPV6),
    "gre-version": outer(b"\0\x07\x08\0" + INNER, 47),
    "gre-source-route": outer(struct.pack(">HHI", 0x4000, f.IPV4, 0) + b"\0\x01\0\0" * 40, 47),
    "pppoe-version": f.ethernet(b"\x22" + f.pppoe(INNER)[1:], 0x8864),
    "mpls-nothing": f.ethernet(f.mpls(b"", 5), 0x8847),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_frames(name) -> None:
    got = Result(MALFORMED[name])
    assert got.fault == Fault.FRAME_MALFORMED and got.d.fault_detail


@pytest.mark.parametrize("tags", [24, 400])
def test_depth_of_tags_is_capped(tags) -> None:
    frame = FRAME
    for n in range(tags):
        frame = f.tagged(frame, n)
    assert Result(frame).fault == Fault.TUNNEL_DEPTH


@pytest.mark.parametrize("wrap", [
    lambda packet: f.ipv4(packet, 4),
    lambda packet: f.ipv6(packet, 41) if packet[0] >> 4 == 6 else f.ipv6(packet, 4),
    lambda packet: f.ipv4(f.gre(packet), 47),
    lambda packet: f.ipv4(f.vxlan(f.ethernet(packet)), 17),
], ids=["ipip", "6in6", "gre", "vxlan"])  # fmt: skip
def test_depth_of_tunnels_is_capped(wrap) -> None:
    packet = INNER
    for _ in range(30):
        packet = wrap(packet)
    got = Result(f.ethernet(packet, f.IPV6 if packet[0] >> 4 == 6 else f.IPV4))
    assert got.fault == Fault.TUNNEL_DEPTH
    assert got.kind == decode.IP


def test_label_stack_is_capped() -> None:
    assert Result(f.ethernet(f.mpls(INNER, *range(100)), 0x8847)).fault == Fault.TUNNEL_DEPTH


def test_snap_length_cuts_are_told_from_contradictions() -> None:
    frame = FRAME[:-5]
    got = Result(frame)
    assert (got.kind, got.fault, got.payload(frame)) == (decode.TCP, Fault.FRAME_CUT, DATA[:-5])
    assert got.d.declared == len(DATA)


def test_nothing_is_left_from_the_frame_before() -> None:
    decoder = Decoder()
    Result(TUNNELS["vxlan-vlan"][0], 1, decoder)
    Result(LINKS["raw"][1][:10], 101, decoder)
    got = Result(f.ethernet(b"x", 0x88B8), 1, decoder)
    d = got.d
    assert (got.tunnel, got.vlan, d.family, d.proto, got.ports, got.fault, d.prp) == (
        None,
        -1,
        0,
        -1,
        (-1, -1),
        0,
        False,
    )


# -- fragments -------------------------------------------------------------------------------------------------------


def test_fragments_of_a_tunnel_and_in_a_tunnel() -> None:
    packet = f.udp(DATA * 20, 1111, 502)
    pieces = [(0, packet[:64], True), (64, packet[64:], False)]
    for wrap in (lambda p: f.ethernet(p), lambda p: f.tagged(outer(f.gre(p), 47), 9)):
        decoder = Decoder()
        for at, piece, more in pieces:
            frame = wrap(f.ipv4(piece, 17, ident=5, more=more, offset=at))
            got = Result(frame, 1, decoder, number=at + 1)
        d = got.d
        assert (got.kind, got.ports, d.payload_end - d.payload, d.first_frame) == (decode.UDP, (1111, 502), 240, 1)
    assert (got.tunnel, got.vlan) == ("gre", 9)
    large = f.gre(f.ipv4(f.tcp(DATA * 20, 1111, 502)))
    decoder = Decoder()
    for at, piece, more in ((0, large[:80], True), (80, large[80:], False)):
        got = Result(f.ethernet(f.ipv4(piece, 47, OUT, BACK, ident=6, more=more, offset=at)), 1, decoder)
    assert (got.kind, got.tunnel, got.ports) == (decode.TCP, "gre", (1111, 502))


def test_ipv6_fragments() -> None:
    packet = f.udp(DATA * 20, 1111, 502)
    decoder = Decoder()
    for at, more in ((0, True), (64, False)):
        piece = packet[at : at + 64] if more else packet[at:]
        inside = f.extension(f.fragment6(piece, 17, at, more), 44)
        got = Result(f.ethernet(f.ipv6(inside, 0), f.IPV6), 1, decoder)
    assert (got.kind, got.ports, got.d.payload_end - got.d.payload, got.d.family) == (decode.UDP, (1111, 502), 240, 6)


def test_a_lone_fragment_waits() -> None:
    got = Result(f.ethernet(f.ipv4(b"x" * 16, 17, more=True, ident=3)))
    assert (got.kind, got.fault) == (decode.PENDING, Fault.NONE)
