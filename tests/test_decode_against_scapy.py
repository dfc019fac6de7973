"""Frames that scapy builds, read by the decoder: a second opinion on every header that both know."""

from __future__ import annotations

import pytest

from sentinel.wire.decode import SCTP, TCP, UDP, Decoder

scapy = pytest.importorskip("scapy.all", reason="scapy is not installed (extra: lab)")

ETHER = scapy.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
INNER = scapy.IP(src="10.9.8.7", dst="10.1.2.3") / scapy.TCP(sport=49152, dport=502, seq=7, flags="PA") / b"payload"
INNER6 = scapy.IPv6(src="fd00::1", dst="fd00::2") / scapy.TCP(sport=49152, dport=502, seq=7, flags="PA") / b"payload"
OUTER = scapy.IP(src="192.0.2.1", dst="192.0.2.2")


def frames() -> dict[str, tuple[object, str]]:
    """Name -> frame whose innermost packet is INNER or INNER6, and the tunnel stack that it has."""
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
    from scapy.contrib.mpls import MPLS
    from scapy.layers.vxlan import VXLAN

    return {
        "plain": (ETHER / INNER, ""),
        "IPv6": (ETHER / INNER6, ""),
        "VLAN": (ETHER / scapy.Dot1Q(vlan=7) / INNER, ""),
        "QinQ": (ETHER / scapy.Dot1AD(vlan=2) / scapy.Dot1Q(vlan=7) / INNER, ""),
        "LLC SNAP": (scapy.Dot3() / scapy.LLC() / scapy.SNAP(code=0x0800) / INNER, ""),
        "PPPoE": (ETHER / scapy.PPPoE() / scapy.PPP() / INNER, "pppoe"),
        "MPLS": (ETHER / MPLS(label=16, s=0) / MPLS(label=17, s=1) / INNER, "mpls"),
        "GRE": (ETHER / OUTER / scapy.GRE(key_present=1, key=3, seqnum_present=1) / INNER, "gre"),
        "IP in IP": (ETHER / OUTER / INNER, "ipip"),
        "6in4": (ETHER / OUTER / INNER6, "6in4"),
        "VXLAN": (ETHER / OUTER / scapy.UDP() / VXLAN(vni=100) / ETHER / INNER, "vxlan:100"),
        "Geneve": (ETHER / OUTER / scapy.UDP() / GENEVE(vni=9) / ETHER / INNER, "geneve:9"),
        "GTP-U": (ETHER / OUTER / scapy.UDP(dport=2152) / GTP_U_Header(teid=1) / INNER, "gtp-u"),
        "GTP-U of 5G": (
            ETHER / OUTER / scapy.UDP(dport=2152) / GTP_U_Header(teid=1) / GTPPDUSessionContainer(QFI=1) / INNER,
            "gtp-u",
        ),
        "IPv6 extensions": (
            ETHER / scapy.IPv6(src="fd00::1", dst="fd00::2") / scapy.IPv6ExtHdrHopByHop() / scapy.IPv6ExtHdrDestOpt()
            / INNER6.payload,
            "",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(frames()))
def test_every_layer_is_read_as_scapy_wrote_it(name) -> None:
    frame, tunnel = frames()[name]
    data = bytes(frame)
    decoder = Decoder()
    assert decoder.decode(data, 0, len(data), 1, 0, 1) == TCP
    assert (decoder.sport, decoder.dport, decoder.seq, decoder.fault) == (49152, 502, 7, 0)
    assert data[decoder.payload : decoder.payload_end] == b"payload"
    assert (decoder.tunnel or "") == tunnel
    assert decoder.vlan == (7 if "Dot1Q" in frame.summary() or name in ("VLAN", "QinQ") else -1)


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_that_scapy_cuts_are_put_together(version) -> None:
    body = bytes(range(256)) * 20
    if version == 4:
        pieces = scapy.fragment(
            scapy.IP(src="10.0.0.1", dst="10.0.0.2") / scapy.UDP(sport=9, dport=10) / body, fragsize=600
        )
    else:
        whole = (
            scapy.IPv6(src="fd00::1", dst="fd00::2") / scapy.IPv6ExtHdrFragment() / scapy.UDP(sport=9, dport=10) / body
        )
        pieces = scapy.fragment6(whole, 600)
    decoder = Decoder()
    kinds = [decoder.decode(bytes(ETHER / p), 0, len(ETHER / p), 1, 0, n) for n, p in enumerate(reversed(pieces), 1)]
    assert len(pieces) > 5 and kinds[-1] == UDP and UDP not in kinds[:-1]
    assert (decoder.sport, decoder.dport, decoder.payload_end - decoder.payload) == (9, 10, len(body))


def test_sctp() -> None:
    data = bytes(ETHER / OUTER / scapy.SCTP(sport=7, dport=8) / scapy.SCTPChunkData(data=b"x"))
    decoder = Decoder()
    assert decoder.decode(data, 0, len(data), 1, 0, 1) == SCTP
    assert (decoder.sport, decoder.dport) == (7, 8)
